/* SPDX-License-Identifier: MIT */
/* Kills at named points: each point of the engine's table, at its first three passes in each scene
 * that comes by it; and with FOUNDRY_FLOOR from 100 on once more in the recovery behind it.
 *
 *     crash ENGINE PLUGIN_PATH INJECTOR [--only SCENE:POINT:N | --self-test DRIVER]
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/digest.h"
#include "trial.h"

enum { PASSES_MAX = 3, POINTS_MAX = 64, RUNS_FLOOR = 100, FLOOR_TWICE = 100 };

struct crash {
    struct bench bench;
    size_t points_count;
    size_t passes[SCENES][POINTS_MAX]; /* undisturbed */
    size_t killed[POINTS_MAX], killed_again[POINTS_MAX];
    size_t runs, misses;
    uint64_t seed;
    const char *plant; /* the storm's driver is killed instead, with this fault planted in it */
    bool forget;       /* the directory is put back behind the kill */
};

/** How often an undisturbed scene comes by each point. */
static void passes_count(struct crash *crash, enum scene_id id)
{
    struct bench *bench = &crash->bench;
    const char *const *points = fnd_crash_points();
    char path[PATH_MAX_SIZE + 16], setting[PATH_MAX_SIZE + 48];
    struct trial trial;
    struct fnd_text text = {0};
    (void)snprintf(path, sizeof path, "%s/points.txt", bench->folder);
    (void)snprintf(setting, sizeof setting, "FOUNDRY_CRASH_TRACE=%s", path);
    const char *const settings[] = {setting, NULL};
    file_write_text(path, "");
    trial_begin(&trial, bench, id);
    trial_run(&trial, settings);
    trial_end(&trial);
    if (!file_read_text(path, &text)) {
        perror(path);
        exit(1);
    }
    for (char *line = strtok(text.bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        for (size_t i = 0; i < crash->points_count; i++) {
            crash->passes[id][i] += strcmp(points[i], line) == 0;
        }
    }
    fnd_text_finish(&text);
}

static bool was_killed(const struct ended *ended)
{
    return WIFSIGNALED(ended->status) && WTERMSIG(ended->status) == SIGKILL;
}

/** Kill the next `run`, too, where a point says. */
static void kill_again(struct crash *crash, struct trial *trial)
{
    const char *const *points = fnd_crash_points();
    const size_t point = bench_random(&crash->bench, crash->points_count);
    const char *arguments[ARGUMENTS_MAX];
    struct fnd_text own = {0};
    struct ended ended;
    char setting[128];
    (void)snprintf(setting, sizeof setting, "FOUNDRY_CRASH_AT=%s:%" PRIu64, points[point],
                   1 + bench_random(&crash->bench, 2));
    const char *const settings[] = {setting, NULL};
    scene_arguments(&crash->bench, SCENE_RUN, 0, arguments, &own);
    command_run(&crash->bench, crash->bench.engine, arguments, settings, &ended);
    trial_hear(trial, &ended);
    crash->killed_again[point] += was_killed(&ended);
    storm_check_record(&trial->storm, 1, true);
    ended_finish(&ended);
    fnd_text_finish(&own);
}

static void point_try(struct crash *crash, enum scene_id id, size_t point, size_t pass, bool twice)
{
    char setting[128];
    struct trial trial;
    (void)snprintf(setting, sizeof setting, "FOUNDRY_CRASH_AT=%s:%zu", fnd_crash_points()[point],
                   pass);
    const char *const settings[] = {setting, NULL};
    trial_begin(&trial, &crash->bench, id);
    (void)snprintf(trial.label, sizeof trial.label, "%s:%s", trial.scene->name,
                   setting + sizeof "FOUNDRY_CRASH_AT");
    memset(crash->bench.trace, 0, sizeof *crash->bench.trace);
    trial.kills = true;
    trial.plant = crash->plant;
    trial_run(&trial, settings);
    if (crash->forget) {
        folder_remove(crash->bench.jobs);
        folder_copy(trial.scene->jobs, crash->bench.jobs);
    }
    if (was_killed(&trial.ended)) {
        crash->killed[point]++;
        crash->runs++;
    } else {
        crash->misses++; /* threads come in another order each time; the first pass never misses */
    }
    promise_check(&trial);
    if (twice) {
        kill_again(crash, &trial);
    }
    promise_finish(&trial);
    trial_end(&trial);
}

static void crash_run(struct crash *crash)
{
    for (int twice = 0; twice <= (floor_percent() >= FLOOR_TWICE); twice++) {
        for (int id = 0; id < SCENE_BATCH; id++) { /* batch_crash.sh has those of a batch */
            for (size_t point = 0; point < crash->points_count; point++) {
                const size_t passes = crash->passes[id][point];
                for (size_t pass = 1; pass <= passes && pass <= PASSES_MAX; pass++) {
                    point_try(crash, (enum scene_id)id, point, pass, twice > 0);
                }
            }
        }
    }
}

/** How many points were never reached. */
static size_t unreached_count(const struct crash *crash)
{
    size_t unreached = 0;
    for (size_t point = 0; point < crash->points_count; point++) {
        unreached += crash->killed[point] == 0;
    }
    return unreached;
}

/** Prints the table.  Returns how many points were never reached. */
static size_t report(const struct crash *crash)
{
    const struct bench *bench = &crash->bench;
    const size_t unreached = unreached_count(crash);
    size_t again = 0;
    printf("%-30s", "passes, undisturbed");
    for (int id = 0; id < SCENES; id++) {
        printf(" %7s", bench->scenes[id].name);
    }
    printf(" %7s %9s\n", "killed", "and again");
    for (size_t point = 0; point < crash->points_count; point++) {
        printf("%-30s", fnd_crash_points()[point]);
        for (int id = 0; id < SCENES; id++) {
            printf(" %7zu", crash->passes[id][point]);
        }
        printf(" %7zu %9zu%s\n", crash->killed[point], crash->killed_again[point],
               crash->killed[point] == 0 ? "  never reached" : "");
        again += crash->killed_again[point];
    }
    printf("%zu points, %zu kills and %zu in the recovery behind them, %zu met nothing; %zu "
           "commands, the longest took %" PRId64 " ms\n",
           crash->points_count, crash->runs, again, crash->misses, bench->commands,
           bench->longest_ms);
    for (size_t wrong = 0; wrong < WRONGS; wrong++) {
        if (bench->wrong[wrong] > 0) {
            printf("%s: %zu\n", wrong_name(wrong), bench->wrong[wrong]);
        }
    }
    printf("gate: kills at named points | runs %zu | violations %zu | floor %d | seed %" PRIu64
           "\n",
           crash->runs, bench_wrongs(bench) + unreached, RUNS_FLOOR, crash->seed);
    return unreached;
}

static bool only(struct crash *crash, const char *text)
{
    char scene[16], name[64];
    size_t pass = 0, tried = 0;
    if (sscanf(text, "%15[^:]:%63[^:]:%zu", scene, name, &pass) != 3) {
        return false;
    }
    for (int id = 0; id < SCENES; id++) {
        for (size_t point = 0; point < crash->points_count; point++) {
            if (strcmp(crash->bench.scenes[id].name, scene) == 0 &&
                strcmp(fnd_crash_points()[point], name) == 0) {
                point_try(crash, (enum scene_id)id, point, pass, false);
                tried++;
            }
        }
    }
    printf("%s: %zu killed, %zu wrong\n", text, crash->runs, bench_wrongs(&crash->bench));
    return tried > 0;
}

/** Kills at each point of a scene, until something is found to be lost. */
static bool loss_found(struct crash *crash, enum scene_id scene, const char *what)
{
    struct bench *bench = &crash->bench;
    const size_t before = bench->wrong[BLAME_LOST], runs = crash->runs;
    for (size_t point = 0; point < crash->points_count && bench->wrong[BLAME_LOST] == before;
         point++) {
        if (crash->passes[scene][point] > 0) {
            point_try(crash, scene, point, 1, false);
        }
    }
    const bool found = bench->wrong[BLAME_LOST] > before;
    printf("%s %s: %s behind %zu kills\n", found ? "ok    " : "FAILED", what,
           found ? wrong_name(BLAME_LOST) : "not found", crash->runs - runs);
    return found;
}

/** Faults that are planted on purpose are found, and nothing where nothing is wrong. */
static bool self_test(struct crash *crash)
{
    struct bench *bench = &crash->bench;
    bench->quiet = true;
    passes_count(crash, SCENE_PAUSE);
    passes_count(crash, SCENE_ANSWER);
    for (size_t point = 0; point < crash->points_count; point++) {
        if (crash->passes[SCENE_ANSWER][point] > 0) {
            point_try(crash, SCENE_ANSWER, point, 1, false);
        }
    }
    const bool calm = bench_wrongs(bench) == 0 && crash->runs > 0;
    printf("%s nothing is found where nothing is wrong, behind %zu kills\n",
           calm ? "ok    " : "FAILED", crash->runs);
    crash->plant = "early";
    const bool early = loss_found(crash, SCENE_ANSWER, "an answer acknowledged before its commit");
    crash->plant = NULL;
    crash->forget = true;
    const bool forgotten = loss_found(crash, SCENE_PAUSE, "a directory that is put back");
    const size_t unreached = unreached_count(crash);
    const bool told = unreached > 0 && unreached < crash->points_count;
    printf("%s points that these scenes never reach: %zu\n", told ? "ok    " : "FAILED", unreached);
    printf("%d passed, %d failed\n", calm + early + forgotten + told,
           4 - calm - early - forgotten - told);
    return calm && early && forgotten && told;
}

int main(int argc, char **argv)
{
    struct crash crash = {.seed = seed_of(20262)};
    struct bench *bench = &crash.bench;
    if (argc < 4) {
        fprintf(stderr, "usage: crash ENGINE PLUGIN_PATH INJECTOR "
                        "[--only SCENE:POINT:N | --self-test DRIVER]\n");
        return 2;
    }
    bench->engine = argv[1];
    bench->plugin_path = argv[2];
    bench->injector = argv[3];
    bench->random = crash.seed;
    while (fnd_crash_points()[crash.points_count] != NULL && crash.points_count < POINTS_MAX) {
        crash.points_count++;
    }
    fnd_digest_setup();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !bench_begin(bench)) {
        bench_end(bench, false);
        return 1;
    }
    printf("seed %" PRIu64 "\n", crash.seed);
    bool good;
    if (argc > 5 && strcmp(argv[4], "--only") == 0) {
        good = only(&crash, argv[5]);
    } else if (argc > 5 && strcmp(argv[4], "--self-test") == 0) {
        bench->driver = argv[5];
        good = self_test(&crash);
        bench_end(bench, false);
        return good ? 0 : 1;
    } else {
        for (int id = 0; id < SCENES; id++) {
            passes_count(&crash, (enum scene_id)id);
        }
        crash_run(&crash);
        const size_t unreached = report(&crash);
        good = unreached == 0 && crash.runs >= RUNS_FLOOR;
        printf("%zu passed, %zu failed\n", crash.runs, bench_wrongs(bench) + !good);
    }
    good = good && bench_wrongs(bench) == 0;
    bench_end(bench, false);
    return good ? 0 : 1;
}
