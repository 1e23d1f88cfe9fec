/* SPDX-License-Identifier: MIT */
/* The storm:
 *
 *     storm DRIVER PLUGIN_PATH [--cycles N] [--seed S] [--delay-max MS] [--plant FAULT]
 *     storm DRIVER PLUGIN_PATH --self-test
 *
 * Without --cycles, as many as $FOUNDRY_FLOOR percent of 10,000, a tenth of that with --slow (an
 * instrumented program); without --seed, $FOUNDRY_SEED or always the same.
 *
 * Exits 0 when nothing was found (with --self-test: when each planted fault was). */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/env.h"

enum {
    CYCLES_WHOLE = 10000,
    FLOOR_DEFAULT = 10, /* percent */
    SLOW = 10,          /* times fewer cycles */
    SEED_DEFAULT = 20261122,
    DELAY_MAX_MS_DEFAULT = 20,
    BIRTHS = 40,        /* one cycle in so many is the birth of a directory */
    REST_S = 120,       /* the last run's time to come to rest */
    BLAMES_TOLD = 20,   /* then only counted */
    SELF_CYCLES = 2000, /* a planted fault must be found within so many; idle, 20 do */
    PATIENT_US = 3000000,
    DRIVER_STOPPED = 143 /* exit code of driver.c */
};

static const char *const blame_names[BLAMES] = {
    "lost", "doubled", "wrongly re-run", "flaws", "orphans", "locks held", "odd"};

/* In line and in workers, an artifact, a slow phase, and a gate that asks some jobs: those that a
 * detector doubts, in every other round some of each batch. */
static const char pipeline_format[] =
    "foundry: v1\n"
    "name: storm\n"
    "inputs: {match: [\"*.jsonl\"]}\n"
    "defaults: {timeout: 30s, retry: {max: 50, backoff: 1ms, when: [transient, timeout, "
    "crash]}}\n"
    "phases:\n"
    "  - {id: one, uses: noop/mix, isolation: inline,"
    " with: {text: \"${input.text}\", size: 200}}\n"
    "  - {id: two, uses: noop/mix, isolation: process, with: {text: \"${one.text}\", size: 200}}\n"
    "  - {id: slow, uses: steps/slow, isolation: process, with: {ms: \"${input.ms}\"}}\n"
    "  - {id: keep, uses: steps/keep, isolation: process, with: {text: \"${two.text}\"}}\n"
    "  - {id: doc, uses: steps/copy, isolation: inline, with: {value: \"${input.doc}\"}}\n"
    "  - {id: review, uses: foundry/human, isolation: process,"
    " with: {of: doc, %s}}\n"
    "  - {id: last, uses: noop/mix, isolation: process,"
    " with: {text: \"${review.value.name}\", size: 100}}\n";

static const char doubts[] = "detectors: [{uses: detect/required, with: {fields: [/value/name]}}]";

uint64_t storm_random(struct storm *storm, uint64_t below)
{
    /* splitmix64 */
    uint64_t z = storm->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

int64_t storm_now_us(void)
{
    const struct fnd_env *env = fnd_env_system();
    return env->monotonic_us(env);
}

void storm_blame(struct storm *storm, enum blame blame, const char *format, ...)
{
    size_t told = 0;
    for (size_t i = 0; i < BLAMES; i++) {
        told += storm->blamed[i];
    }
    storm->blamed[blame]++;
    if (storm->options.quiet || told >= BLAMES_TOLD) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    printf("cycle %zu, %s: ", storm->cycle, blame_names[blame]);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

static size_t blamed(const struct storm *storm)
{
    size_t count = 0;
    for (size_t i = 0; i < BLAMES; i++) {
        count += storm->blamed[i];
    }
    return count;
}

/* --- inputs -------------------------------------------------------------------------------- */

static void file_write(const char *path, const char *text, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void lines_add(struct storm *storm, const char *jobs, const char *file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[STORM_PATH_SIZE], line[256];
        uint64_t ms = storm_random(storm, 8) == 0 ? 20 : storm_random(storm, 8);
        bool asks = storm_random(storm, 3) == 0 && !storm->chooses; /* null is nothing to copy */
        size_t number = storm->lines++;
        (void)snprintf(path, sizeof path, "%s/%s", jobs, file);
        (void)snprintf(line, sizeof line,
                       "{\"id\":%zu,\"text\":\"text of %zu\",\"ms\":%" PRIu64
                       ",\"doc\":{\"name\":%s,\"n\":%zu}}\n",
                       number, number, ms, asks ? "null" : "\"known\"", number);
        file_write(path, line, "a");
    }
}

/* --- one cycle ----------------------------------------------------------------------------- */

static void run_check_end(struct storm *storm, const struct run *run, int signal_number)
{
    if (WIFSIGNALED(run->status) && WTERMSIG(run->status) == signal_number) {
        return;
    }
    if (WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0 && run->rest) {
        storm->rests++;
        return;
    }
    if (signal_number == SIGTERM && WIFEXITED(run->status) &&
        WEXITSTATUS(run->status) == DRIVER_STOPPED) {
        return;
    }
    storm_blame(storm, BLAME_ODD, "the driver ended with status 0x%x; see driver.log", run->status);
}

/** Somewhere in its start, or behind it, or in the middle of its work. */
static void wait_for_the_moment(struct storm *storm, struct run *run)
{
    int64_t us = 1000 + (int64_t)storm_random(storm, (uint64_t)storm->options.delay_max_ms * 1000);
    uint64_t from = storm_random(storm, 4);
    if (from > 0) {
        run_listen(storm, run, PATIENT_US, true, from == 1 ? STORM_PATIENT_ACKS : 0);
    }
    run_listen(storm, run, us, false, 0);
}

static void stop_gently(struct storm *storm, struct run *run)
{
    const int64_t begun = storm_now_us();
    kill(run->pid, SIGTERM);
    run_end(storm, run);
    int64_t ms = (storm_now_us() - begun) / 1000;
    storm->stops++;
    storm->stop_most_ms = ms > storm->stop_most_ms ? ms : storm->stop_most_ms;
    if (ms > STORM_STOP_MS) {
        storm_blame(storm, BLAME_ODD, "SIGTERM took %" PRId64 " ms", ms);
    }
    run_check_end(storm, run, SIGTERM);
}

/** A directory of its own, killed as it is being made. */
static void cycle_birth(struct storm *storm)
{
    struct run run;
    char jobs[STORM_PATH_SIZE];
    const size_t lines = storm->lines;
    (void)snprintf(jobs, sizeof jobs, "%s/birth-%zu", storm->folder, storm->cycle);
    mkdir(jobs, 0700);
    lines_add(storm, jobs, "births.jsonl", 2);
    storm->lines = lines; /* not of the storm's own directory */
    const size_t acks = storm->acks_count;
    run_start(storm, &run, jobs, -1);
    run_listen(storm, &run,
               1000 + (int64_t)storm_random(storm, (uint64_t)storm->options.delay_max_ms * 500),
               false, 0);
    run_kill(&run);
    run_end(storm, &run);
    storm->kills++;
    storm->kills_birth++;
    storm_check_lock(storm, jobs);
    storm_check_orphans(storm);
    run_start(storm, &run, jobs, -1);
    run_end(storm, &run);
    run_check_end(storm, &run, 0);
    storm_check_completed(storm, jobs, 2);
    storm->acks_count = acks; /* their numbers are another record's */
}

/** Kill a driver while it takes up what an earlier one left, once or twice in a row.  Returns how
 *  many more ran; the last of them still does. */
static size_t kill_in_recovery(struct storm *storm, struct run *run)
{
    const size_t times = 1 + (size_t)storm_random(storm, 2);
    for (size_t i = 0; i < times; i++) {
        storm->kills_recovery++;
        storm->kills++;
        run_kill(run);
        run_end(storm, run);
        run_check_end(storm, run, SIGKILL);
        run_start(storm, run, storm->jobs, -1);
        run_listen(storm, run, 1000 + (int64_t)storm_random(storm, 20000), false, 0);
    }
    return times;
}

/** Runs one driver, or several in a row, and ends them.  Returns how many. */
static size_t cycle_run(struct storm *storm)
{
    enum { GENTLE = 4, RECOVERY = 24, WORKER = 46, SESSION = 75, ALL = 100 };
    struct run run;
    const uint64_t choice = storm_random(storm, ALL);
    long reopen = -1;
    size_t runs = 1;
    if (storm_random(storm, 8) == 0) {
        reopen = (long)storm_random(storm, storm->lines);
        storm->reopened++;
    }
    run_start(storm, &run, storm->jobs, reopen);
    wait_for_the_moment(storm, &run);
    if (choice < GENTLE) {
        stop_gently(storm, &run);
        return runs;
    }
    if (choice < RECOVERY) {
        runs += kill_in_recovery(storm, &run);
    } else if (choice < WORKER && run_kill_worker(&run, storm_random(storm, 16))) {
        storm->kills_worker++;
        wait_for_the_moment(storm, &run);
        if (storm_random(storm, 2) == 0) { /* and nothing else */
            storm->worker_cycles++;
            stop_gently(storm, &run);
            return runs;
        }
    }
    if (choice >= SESSION) {
        storm->kills_session++;
        run_kill_session(&run);
    } else {
        storm->kills_process++;
        run_kill(&run);
    }
    storm->kills++;
    run_end(storm, &run);
    run_check_end(storm, &run, SIGKILL);
    return runs;
}

/* --- plants of the storm's own ------------------------------------------------------------- */

static void store_copy(const struct storm *storm, const char *from, const char *to)
{
    char command[STORM_PATH_SIZE * 5];
    (void)snprintf(command, sizeof command, "mkdir -p %s && cp -p %s/state.db* %s/head %s/", to,
                   from, from, to);
    if (system(command) != 0) {
        fprintf(stderr, "storm: cannot copy the store in %s\n", storm->folder);
        exit(1);
    }
}

static int artifact_flip(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)walk;
    if (flag != FTW_F || file->st_size == 0 || strstr(path, "/artifacts/") == NULL) {
        return 0;
    }
    char byte = 0;
    chmod(path, 0600);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && pread(fd, &byte, 1, 0) == 1) {
        byte ^= 1;
        byte = pwrite(fd, &byte, 1, 0) == 1 ? byte : 0;
    }
    close(fd);
    return 1;
}

static void plant_before(struct storm *storm)
{
    char saved[STORM_PATH_SIZE], folder[STORM_PATH_SIZE];
    (void)snprintf(saved, sizeof saved, "%s/saved", storm->folder);
    (void)snprintf(folder, sizeof folder, "%s/.foundry", storm->jobs);
    if (storm->options.plant == PLANT_FORGET && storm->acks_count > 0) {
        store_copy(storm, folder, saved);
    }
}

static void plant_behind(struct storm *storm)
{
    char saved[STORM_PATH_SIZE], folder[STORM_PATH_SIZE];
    (void)snprintf(saved, sizeof saved, "%s/saved", storm->folder);
    (void)snprintf(folder, sizeof folder, "%s/.foundry", storm->jobs);
    if (storm->options.plant == PLANT_FORGET && access(saved, F_OK) == 0) {
        store_copy(storm, saved, folder);
    } else if (storm->options.plant == PLANT_FLAW) {
        (void)nftw(folder, artifact_flip, 16, FTW_PHYS);
    }
}

/* --- all cycles ---------------------------------------------------------------------------- */

static void storm_cycle(struct storm *storm)
{
    char file[64];
    if (storm->options.plant == PLANT_NONE && storm_random(storm, BIRTHS) == 0) {
        cycle_birth(storm);
        return;
    }
    (void)snprintf(file, sizeof file, "lines-%03zu.jsonl",
                   storm->lines / (storm->chooses ? STORM_BATCH : STORM_LINES_A_FILE));
    lines_add(storm, storm->jobs, file, 1 + (size_t)storm_random(storm, 2));
    plant_before(storm);
    size_t runs = cycle_run(storm);
    storm_check_lock(storm, storm->jobs);
    storm_check_orphans(storm);
    plant_behind(storm);
    storm_check_record(storm, runs, storm->cycle % storm->options.whole_every == 0);
}

/** Nobody is killed any more: all comes to its end, and a further run finds nothing to do. */
static void storm_rest(struct storm *storm)
{
    struct run run;
    size_t events = 0;
    for (int again = 0; again < 2; again++) {
        run_start(storm, &run, storm->jobs, -1);
        run_listen(storm, &run, REST_S * INT64_C(1000000), false, 0);
        run_end(storm, &run);
        run_check_end(storm, &run, 0);
        storm_check_lock(storm, storm->jobs);
        storm_check_orphans(storm);
        storm_check_record(storm, 1, true);
        if (again == 1 && storm_events(storm) != events) {
            storm_blame(storm, BLAME_DOUBLED, "a run with nothing to do recorded %zu events",
                        storm_events(storm) - events);
        }
        events = storm_events(storm);
    }
    storm_check_completed(storm, storm->jobs, storm->lines);
    storm_check_choices(storm, storm->jobs);
}

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

/** A directory that is new, and every other time a pipeline that chooses from batches. */
static void round_begin(struct storm *storm)
{
    char yaml[2 * sizeof pipeline_format], choose[64];
    (void)snprintf(storm->jobs, sizeof storm->jobs, "%s/jobs-%zu", storm->folder, ++storm->round);
    mkdir(storm->jobs, 0700);
    storm->chooses = storm->round % 2 == 0;
    (void)snprintf(choose, sizeof choose, "choose: {uncertain: %d, quiet: 0s}", STORM_CHOSEN);
    (void)snprintf(yaml, sizeof yaml, pipeline_format, storm->chooses ? choose : doubts);
    file_write(storm->pipeline, yaml, "w");
}

static void round_end(struct storm *storm)
{
    storm_rest(storm);
    storm->jobs_all += storm->lines;
    storm->acks_all += storm->acks_count;
    storm->events_all += storm_events(storm);
    if (blamed(storm) == 0) { /* else it is kept, to be looked at */
        (void)nftw(storm->jobs, file_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
    storm->lines = storm->acks_count = storm->acks_checked = 0;
    storm_history_finish(storm);
}

static void storm_report(const struct storm *storm, int64_t us)
{
    printf(
        "seed %" PRIu64 ": %zu cycles in %.1f s, %zu rounds, %zu jobs, %zu events\n"
        "  kills %zu (host %zu, host and workers %zu, in recovery %zu, at birth %zu), of workers "
        "%zu (alone %zu), stopped %zu, at rest %zu, reopened %zu\n"
        "  acks %zu, lost %zu, doubled %zu, flaws %zu, odd %zu; %zu choices from batches of %zu\n"
        "  re-run %zu, at most %zu a cycle where at most %zu were running; wrongly %zu\n"
        "  orphans %zu (gone after %" PRId64 " ms at most), locks held %zu (free after %" PRId64
        " ms at most), stopped within %" PRId64 " ms\n",
        storm->options.seed, storm->cycle, (double)us / 1e6, storm->round, storm->jobs_all,
        storm->events_all, storm->kills, storm->kills_process, storm->kills_session,
        storm->kills_recovery, storm->kills_birth, storm->kills_worker, storm->worker_cycles,
        storm->stops, storm->rests, storm->reopened, storm->acks_all, storm->blamed[BLAME_LOST],
        storm->blamed[BLAME_DOUBLED], storm->blamed[BLAME_FLAW], storm->blamed[BLAME_ODD],
        storm->choices, storm->chosen_from, storm->rerun, storm->rerun_most, storm->running_most,
        storm->blamed[BLAME_RERUN], storm->blamed[BLAME_ORPHAN], storm->orphan_most_ms,
        storm->blamed[BLAME_LOCK], storm->lock_most_ms, storm->stop_most_ms);
}

static bool storm_begin(struct storm *storm)
{
    const char *temporary = getenv("TMPDIR");
    char cache[STORM_PATH_SIZE];
    storm->random = storm->options.seed;
    (void)snprintf(storm->folder, sizeof storm->folder, "%.90s/foundry-storm-XXXXXX",
                   temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(storm->folder) == NULL) {
        perror(storm->folder);
        return false;
    }
    (void)snprintf(storm->pipeline, sizeof storm->pipeline, "%s/storm.yaml", storm->folder);
    (void)snprintf(cache, sizeof cache, "%s/cache", storm->folder);
    round_begin(storm);
    setenv("XDG_CACHE_HOME", cache, 1);
    return true;
}

static void storm_end(struct storm *storm, bool keep)
{
    storm_history_finish(storm);
    free(storm->acks);
    storm->acks = NULL;
    if (!keep) {
        (void)nftw(storm->folder, file_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
}

/** The command that repeats this storm's choices (not its moments: those are the machine's). */
static void replay_print(const struct storm *storm)
{
    const struct storm_options *options = &storm->options;
    const char *worker = getenv("FOUNDRY_WORKER");
    printf("replay: FOUNDRY_WORKER=%s %s %s %s --seed %" PRIu64 " --cycles %zu --delay-max %" PRId64
           " --plant %s\nthe directory is kept in %s\n",
           worker != NULL ? worker : "", options->program, options->driver, options->plugin_path,
           options->seed, options->cycles, options->delay_max_ms, plant_name(options->plant),
           storm->folder);
}

static int storm_whole(const struct storm_options *options)
{
    struct storm storm = {.options = *options};
    const int64_t begun = storm_now_us();
    if (!storm_begin(&storm)) {
        return 1;
    }
    while (storm.cycle < options->cycles) {
        storm.cycle++;
        storm_cycle(&storm);
        fflush(stdout);
        if (storm.cycle % STORM_ROUND == 0 && storm.cycle < options->cycles) {
            round_end(&storm);
            round_begin(&storm);
        }
    }
    round_end(&storm);
    storm_report(&storm, storm_now_us() - begun);
    const bool bad = blamed(&storm) > 0;
    if (storm.kills < options->cycles / 2 || storm.acks_all < options->cycles) {
        printf("too little happened: %zu kills and %zu acks are below the floor\n", storm.kills,
               storm.acks_all);
        storm.blamed[BLAME_ODD]++;
    }
    if (blamed(&storm) > 0) {
        replay_print(&storm);
    }
    printf("gate: kill -9 storm (host, group, recovery, worker)%s | runs %zu | violations %zu | "
           "floor %zu | seed %" PRIu64 "\n",
           options->slow ? ", instrumented: a tenth of the cycles" : "", storm.cycle,
           blamed(&storm), options->cycles, options->seed);
    printf(
        "gate: orphans and locks 1 s behind the host's death | runs %zu | violations %zu | floor "
        "%zu | seed %" PRIu64 "\n",
        storm.kills, storm.blamed[BLAME_ORPHAN] + storm.blamed[BLAME_LOCK], options->cycles / 2,
        options->seed);
    storm_end(&storm, bad);
    return blamed(&storm) > 0;
}

/** Each planted fault must be found, and as what it is. */
static int self_test(struct storm_options options)
{
    static const struct {
        enum plant plant;
        enum blame blame;
    } cases[] = {{PLANT_EARLY, BLAME_LOST},    {PLANT_DOUBLE, BLAME_DOUBLED},
                 {PLANT_ORPHAN, BLAME_ORPHAN}, {PLANT_LOCK, BLAME_LOCK},
                 {PLANT_FORGET, BLAME_LOST},   {PLANT_FLAW, BLAME_FLAW}};
    int missed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct storm storm = {.options = options};
        storm.options.plant = cases[i].plant;
        storm.options.quiet = true;
        storm.options.whole_every = 1;
        if (!storm_begin(&storm)) {
            return 1;
        }
        while (storm.cycle < SELF_CYCLES && storm.blamed[cases[i].blame] == 0) {
            storm.cycle++;
            storm_cycle(&storm);
        }
        const bool found = storm.blamed[cases[i].blame] > 0;
        printf("%s fault `%s`: %s within %zu cycles, seed %" PRIu64 "\n",
               found ? "ok    " : "FAILED", plant_name(cases[i].plant),
               found ? blame_names[cases[i].blame] : "not found", storm.cycle, options.seed);
        fflush(stdout);
        missed += !found;
        storm_end(&storm, false);
    }
    return missed > 0;
}

static bool options_read(struct storm_options *options, bool *self, int argc, char **argv)
{
    if (argc < 3) {
        return false;
    }
    options->driver = argv[1];
    options->plugin_path = argv[2];
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--self-test") == 0) {
            *self = true;
            continue;
        }
        if (strcmp(argv[i], "--slow") == 0) {
            options->slow = true;
            continue;
        }
        if (i + 1 == argc) {
            return false;
        }
        const char *value = argv[++i];
        if (strcmp(argv[i - 1], "--cycles") == 0) {
            options->cycles = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--seed") == 0) {
            options->seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--delay-max") == 0) {
            options->delay_max_ms = strtol(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--plant") != 0 || !plant_parse(value, &options->plant)) {
            return false;
        }
    }
    return options->delay_max_ms > 0;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct storm_options options = {.program = argv[0],
                                    .seed = number_of("FOUNDRY_SEED", SEED_DEFAULT),
                                    .delay_max_ms = DELAY_MAX_MS_DEFAULT,
                                    .whole_every = STORM_WHOLE};
    bool self = false;
    if (!options_read(&options, &self, argc, argv)) {
        fprintf(stderr, "usage: storm DRIVER PLUGIN_PATH [--cycles N] [--seed S] [--delay-max MS] "
                        "[--slow] [--plant FAULT] | --self-test\n");
        return 2;
    }
    if (options.cycles == 0) {
        options.cycles = (size_t)(CYCLES_WHOLE * number_of("FOUNDRY_FLOOR", FLOOR_DEFAULT) / 100);
        options.cycles /= options.slow ? SLOW : 1;
    }
    fnd_digest_setup();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        perror("storm: cannot become the reaper of its descendants");
        return 1;
    }
    printf("seed %" PRIu64 "\n", options.seed);
    fflush(stdout);
    return self ? self_test(options) : storm_whole(&options);
}
