/* SPDX-License-Identifier: MIT */
/* The matrix of hostile plugins: cases × isolation × who runs the engine.
 *
 *     hostile [--only CASE] | --self-test
 *
 * with $FOUNDRY_BUILD_ROOT, $FOUNDRY_FLOOR (percent; below 100 each isolation is run by one user
 * alone). A host for each column runs all cases in one process, beside the others; one that dies is
 * a violation, and is followed by another. Exits 0 when nothing was found (with --self-test: when
 * each planted fault was). */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "hostile.h"
#include "worker/confine.h"

enum { HOSTS_MAX = 4, NOBODY = 65534, FLOOR_PLUGINS = 30, FLOOR_LEVELS = 2, WHOLE = 100 };

/** A column of the matrix. */
struct column {
    struct hostile_host host;
    pid_t pid;
    int from; /* what it tells: rows, each by one write */
    size_t next, end;
    struct hostile_row *rows; /* by case; `index` SIZE_MAX: none yet */
};

struct matrix {
    char *base;
    struct column columns[HOSTS_MAX];
    size_t columns_count;
    pid_t bystanders[HOSTILE_BYSTANDERS];
    int floor;
};

static void become_nobody(void)
{
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        perror("hostile: cannot become an ordinary user");
        _exit(1);
    }
    (void)prctl(PR_SET_DUMPABLE, 1); /* its own /proc files are its own again */
}

/* --- files ------------------------------------------------------------------------------------ */

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file, (void)flag, (void)walk;
    return remove(path);
}

static void copy(const struct matrix *matrix, const char *from, const char *to, mode_t mode)
{
    char source[HOSTILE_PATH_SIZE * 2], target[HOSTILE_PATH_SIZE * 2], bytes[65536];
    (void)snprintf(source, sizeof source, "%s/%s", getenv("FOUNDRY_BUILD_ROOT"), from);
    (void)snprintf(target, sizeof target, "%s/%s", matrix->base, to);
    const int in = open(source, O_RDONLY | O_CLOEXEC);
    const int out = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ssize_t size = 0;
    while (in >= 0 && out >= 0 && (size = read(in, bytes, sizeof bytes)) > 0) {
        if (write(out, bytes, (size_t)size) != size) {
            size = -1;
            break;
        }
    }
    if (in < 0 || out < 0 || size < 0 || fchmod(out, mode) != 0) {
        fprintf(stderr, "hostile: cannot copy %s to %s: %s\n", source, target, strerror(errno));
        exit(1);
    }
    (void)close(in);
    (void)close(out);
}

/** Programs and plugins where every user can reach them. */
static void base_make(struct matrix *matrix)
{
    static const char *const folders[] = {"bin", "plugins", "bad"};
    static const char *const files[][2] = {
        {"engine/worker/foundry-worker", "bin/foundry-worker"},
        {"tests/plugins/steps.so", "plugins/steps.so"},
        {"tests/plugins/fault.so", "plugins/fault.so"},
        {"tests/engine/worker/sins.so", "plugins/sins.so"},
        {"tests/faults/hostile/wild.so", "plugins/wild.so"},
        {"tests/faults/hostile/wild_crash.so", "plugins/wild_crash.so"},
        {"tests/faults/hostile/wild_exit.so", "plugins/wild_exit.so"},
        {"tests/faults/hostile/wild_hang.so", "plugins/wild_hang.so"},
        {"tests/faults/hostile/wild_garbage.so", "plugins/wild_garbage.so"},
        {"tests/plugins/bad/constructor.so", "bad/constructor.so"},
        {"tests/plugins/bad/no_entry.so", "bad/no_entry.so"},
        {"tests/plugins/bad/major.so", "bad/major.so"},
        {"tests/faults/hostile/abi_next.so", "bad/abi_next.so"},
        {"tests/faults/hostile/abi_last.so", "bad/abi_last.so"},
    };
    const char *temporary = getenv("TMPDIR");
    struct fnd_text base = {0};
    fnd_text_printf(&base, "%s/foundry-hostile-XXXXXX", temporary != NULL ? temporary : "/tmp");
    matrix->base = fnd_text_take(&base);
    if (mkdtemp(matrix->base) == NULL || chmod(matrix->base, 0755) != 0) {
        perror(matrix->base);
        exit(1);
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[HOSTILE_PATH_SIZE * 2];
        (void)snprintf(path, sizeof path, "%s/%s", matrix->base, folders[i]);
        (void)mkdir(path, 0755);
        (void)chmod(path, 0755);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        copy(matrix, files[i][0], files[i][1], 0755);
    }
}

/* --- hosts ------------------------------------------------------------------------------------ */

static void column_add(struct matrix *matrix, bool sandbox, bool nobody, enum hostile_plant plant)
{
    static const char *const names[2][2] = {{"process/root", "process/user"},
                                            {"sandbox/root", "sandbox/user"}};
    struct column *column = &matrix->columns[matrix->columns_count];
    struct hostile_host *host = &column->host;
    *host =
        (struct hostile_host){.name = geteuid() == 0 ? names[sandbox][nobody] : names[sandbox][1],
                              .sandbox = sandbox,
                              .nobody = nobody,
                              .base = matrix->base,
                              .plant = plant,
                              .shout_mib = matrix->floor >= WHOLE ? 1024 : 128};
    (void)snprintf(host->folder, sizeof host->folder, "%.300s/host-%zu", matrix->base,
                   matrix->columns_count++);
    if (mkdir(host->folder, 0755) != 0 || chmod(host->folder, 0755) != 0 ||
        (nobody && chown(host->folder, NOBODY, NOBODY) != 0)) {
        perror(host->folder);
        exit(1);
    }
    column->from = -1;
    column->rows = calloc(hostile_count(), sizeof *column->rows);
    for (size_t i = 0; column->rows != NULL && i < hostile_count(); i++) {
        column->rows[i].index = SIZE_MAX;
    }
}

static bool tried_here(const struct hostile_host *host, size_t index)
{
    const struct hostile_case *it = &hostile_cases[index];
    return (host->sandbox ? it->sandbox : it->process) != END_NOT_HERE &&
           !(it->memory && FND_SANITIZED);
}

static void host_main(const struct column *column, int to)
{
    char cache[HOSTILE_PATH_SIZE * 2];
    const struct hostile_host *host = &column->host;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (host->nobody) {
        become_nobody();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of user undid it */
    }
    (void)snprintf(cache, sizeof cache, "%s/cache", host->folder);
    (void)setenv("XDG_CACHE_HOME", cache, 1);
    (void)setenv("TMPDIR", host->folder, 1);
    fnd_digest_setup();
    for (size_t i = column->next; i < column->end; i++) {
        struct hostile_row row;
        if (tried_here(host, i)) {
            hostile_run(host, i, &row);
            (void)!write(to, &row, sizeof row);
        }
    }
    exit(0);
}

static void host_start(struct column *column)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("pipe");
        exit(1);
    }
    fflush(stdout);
    column->pid = fork();
    if (column->pid == 0) {
        (void)close(ends[0]);
        host_main(column, ends[1]);
    }
    (void)close(ends[1]);
    column->from = ends[0];
}

/** The host is gone: at its end, or under the case that it had begun, whatever it says: a plugin
 * may have called exit(0). false: it is over. */
static bool host_ended(struct column *column)
{
    int status = 0;
    (void)close(column->from);
    column->from = -1;
    (void)waitpid(column->pid, &status, 0);
    while (column->next < column->end && !tried_here(&column->host, column->next)) {
        column->next++;
    }
    if (column->next >= column->end) {
        return false;
    }
    struct hostile_row *row = &column->rows[column->next];
    *row = (struct hostile_row){.index = column->next, .bad = true, .stop_ms = -1};
    (void)snprintf(row->text, sizeof row->text, "the host died of it: wait status 0x%x", status);
    column->next++;
    return column->next < column->end;
}

static void host_read(struct column *column)
{
    struct hostile_row row;
    const ssize_t size = read(column->from, &row, sizeof row);
    if (size == (ssize_t)sizeof row) {
        column->rows[row.index] = row;
        column->next = row.index + 1;
    } else if (host_ended(column)) {
        host_start(column);
    }
}

static void hosts_run(struct matrix *matrix, size_t first, size_t end)
{
    for (size_t i = 0; i < matrix->columns_count; i++) {
        matrix->columns[i].next = first;
        matrix->columns[i].end = end;
        host_start(&matrix->columns[i]);
    }
    for (;;) {
        struct pollfd ready[HOSTS_MAX];
        bool any = false;
        for (size_t i = 0; i < matrix->columns_count; i++) {
            ready[i] = (struct pollfd){matrix->columns[i].from, POLLIN, 0};
            any = any || matrix->columns[i].from >= 0;
        }
        if (!any) {
            return;
        }
        (void)poll(ready, matrix->columns_count, -1);
        for (size_t i = 0; i < matrix->columns_count; i++) {
            if (ready[i].revents != 0) {
                host_read(&matrix->columns[i]);
            }
        }
    }
}

/** Other processes of the ordinary user, as there are on any machine: no limit may count them. */
static void bystanders_start(struct matrix *matrix)
{
    for (size_t i = 0; i < HOSTILE_BYSTANDERS; i++) {
        matrix->bystanders[i] = fork();
        if (matrix->bystanders[i] == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (geteuid() == 0) {
                become_nobody();
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            }
            for (;;) {
                (void)pause();
            }
        }
    }
}

static void bystanders_end(struct matrix *matrix)
{
    for (size_t i = 0; i < HOSTILE_BYSTANDERS; i++) {
        if (matrix->bystanders[i] > 0) {
            (void)kill(matrix->bystanders[i], SIGKILL);
            (void)waitpid(matrix->bystanders[i], NULL, 0);
        }
    }
}

/* --- the table ---------------------------------------------------------------------------------
 */

static size_t table_print(const struct matrix *matrix, size_t *runs)
{
    size_t bad = 0;
    int stop_most_ms = -1;
    long peak_most_kib = 0, growth_most_kib = 0;
    printf("%-30s", "case");
    for (size_t c = 0; c < matrix->columns_count; c++) {
        printf(" %-14s", matrix->columns[c].host.name);
    }
    printf(" reason\n");
    for (size_t i = 0; i < hostile_count(); i++) {
        const char *reason = "";
        printf("%-30s", hostile_cases[i].name);
        for (size_t c = 0; c < matrix->columns_count; c++) {
            const struct hostile_row *row = &matrix->columns[c].rows[i];
            if (row->index != i) {
                printf(" %-14s", "-");
                continue;
            }
            char cell[32];
            ++*runs;
            bad += row->bad;
            reason = row->text;
            stop_most_ms = row->stop_ms > stop_most_ms ? row->stop_ms : stop_most_ms;
            peak_most_kib = row->peak_kib > peak_most_kib ? row->peak_kib : peak_most_kib;
            growth_most_kib =
                row->growth_kib > growth_most_kib && i > 0 ? row->growth_kib : growth_most_kib;
            (void)snprintf(cell, sizeof cell, row->bad ? "BAD" : "ok");
            if (row->stop_ms >= 0) {
                (void)snprintf(cell, sizeof cell, "%s +%d ms", row->bad ? "BAD" : "ok",
                               row->stop_ms);
            }
            printf(" %-14s", cell);
        }
        printf(" %.60s\n", reason);
    }
    for (size_t c = 0; c < matrix->columns_count; c++) {
        for (size_t i = 0; i < hostile_count(); i++) {
            const struct hostile_row *row = &matrix->columns[c].rows[i];
            if (row->index == i && row->bad) {
                printf("%s, %s: %s\n", matrix->columns[c].host.name, hostile_cases[i].name,
                       row->text);
            }
        }
    }
    printf("stopped at most %d ms behind the limit; the host's memory peaked at most %ld KiB above "
           "what it had and grew at most %ld KiB in a case\n",
           stop_most_ms, peak_most_kib, growth_most_kib);
    return bad;
}

static void matrix_end(struct matrix *matrix)
{
    for (size_t i = 0; i < matrix->columns_count; i++) {
        free(matrix->columns[i].rows);
    }
    (void)nftw(matrix->base, file_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(matrix->base);
}

static int run_whole(int floor, const char *only)
{
    struct matrix matrix = {.floor = floor};
    const bool root = geteuid() == 0;
    size_t first = 0, end = hostile_count(), runs = 0;
    for (size_t i = 0; only != NULL && i < hostile_count(); i++) {
        if (strcmp(hostile_cases[i].name, only) == 0) {
            first = i;
            end = i + 1;
        }
    }
    base_make(&matrix);
    bystanders_start(&matrix);
    if (floor >= WHOLE || only != NULL) {
        column_add(&matrix, false, false, PLANT_NONE);
        column_add(&matrix, true, false, PLANT_NONE);
    }
    if (root || matrix.columns_count == 0) {
        /* below the whole floor, in the way most people will run it */
        column_add(&matrix, false, root, PLANT_NONE);
        column_add(&matrix, true, root, PLANT_NONE);
    }
    hosts_run(&matrix, first, end);
    const size_t bad = table_print(&matrix, &runs);
    const size_t least = only != NULL ? 1 : (size_t)FLOOR_PLUGINS * FLOOR_LEVELS;
    printf("gate: hostile plugins by isolation and user | runs %zu | violations %zu | floor %zu | "
           "seed 0\n",
           runs, bad, least);
    printf("%zu passed, %zu failed\n", runs - bad, bad);
    bystanders_end(&matrix);
    matrix_end(&matrix);
    return bad > 0 || runs < least;
}

/** Each planted fault must be found. */
static int self_test(void)
{
    static const struct {
        const char *name, *only, *says;
        enum hostile_plant plant;
    } plants[] = {
        {"a descriptor leaked a case", "abort()", "descriptors are left", PLANT_FDS},
        {"a plugin in line", "_exit(0)", "the host died", PLANT_INLINE},
        {"a process left behind", "abort()", "a process is left", PLANT_ORPHAN},
        {"a reason nobody gave", "abort()", "not named", PLANT_REASON},
        {"memory kept", "abort()", "memory grew", PLANT_GROWTH},
        {"a late stop", "infinite loop", "stopped late", PLANT_SLOW},
    };
    int missed = 0;
    for (size_t p = 0; p < sizeof plants / sizeof plants[0]; p++) {
        struct matrix matrix = {.floor = 1};
        size_t at = 0;
        while (strcmp(hostile_cases[at].name, plants[p].only) != 0) {
            at++;
        }
        if (plants[p].plant == PLANT_GROWTH && FND_SANITIZED) {
            continue; /* not measured there */
        }
        base_make(&matrix);
        column_add(&matrix, false, geteuid() == 0, plants[p].plant);
        hosts_run(&matrix, at, at + 1);
        const struct hostile_row *row = &matrix.columns[0].rows[at];
        const bool found =
            row->index == at && row->bad && strstr(row->text, plants[p].says) != NULL;
        printf("%s planted: %s: %s\n", found ? "ok    " : "FAILED", plants[p].name, row->text);
        missed += !found;
        matrix_end(&matrix);
    }
    printf("%d passed, %d failed\n", (int)(sizeof plants / sizeof plants[0]) - missed, missed);
    return missed > 0;
}

int main(int argc, char **argv)
{
    const char *floor = getenv("FOUNDRY_FLOOR");
    if (getenv("FOUNDRY_BUILD_ROOT") == NULL) {
        fprintf(stderr, "hostile: $FOUNDRY_BUILD_ROOT is not set; run it by meson test\n");
        return 2;
    }
    (void)umask(022);
    if (argc == 2 && strcmp(argv[1], "--self-test") == 0) {
        return self_test();
    }
    const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
    return run_whole(floor != NULL ? (int)strtol(floor, NULL, 10) : 10, only);
}
