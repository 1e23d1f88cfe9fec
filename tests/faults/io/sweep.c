/* SPDX-License-Identifier: MIT */
/* The sweep: each call of a scene, and each thing that may become of it.
 *
 *     sweep ENGINE PLUGIN_PATH INJECTOR [--only SCENE:MODE:N[:sticky]] [--keep]
 *
 * FOUNDRY_FLOOR (percent) says how much of it, FOUNDRY_SEED which part. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/digest.h"
#include "trial.h"

enum { RUNS_FULL = 3000, CONCLUSIONS_FULL = 60, COLUMNS = 9 };

/** One way to disturb: a column of the table. */
static const struct way {
    enum iofault_mode mode;
    bool sticky;
} ways[COLUMNS] = {{IOFAULT_EIO, false},   {IOFAULT_EIO, true},    {IOFAULT_ENOSPC, false},
                   {IOFAULT_ENOSPC, true}, {IOFAULT_SHORT, false}, {IOFAULT_SHORT, true},
                   {IOFAULT_KILL, false},  {IOFAULT_TORN, false},  {IOFAULT_KILLPOST, false}};

/** A trial to come. */
struct point {
    uint8_t scene, way;
    uint16_t call; /* from 1 */
};

struct sweep {
    struct bench bench;
    struct point *points;
    size_t points_count, floor, runs, misses;
    size_t table[SCENES][COLUMNS];   /* runs in which it happened */
    size_t went_on[SCENES][COLUMNS]; /* of those, how many came to their end all the same */
    size_t conclusions, conclusions_floor;
    uint64_t seed;
};

/* --- what there is to do ------------------------------------------------------------------- */

static bool way_means(const struct way *way, uint8_t kind, bool spared)
{
    switch (way->mode) {
    case IOFAULT_ENOSPC:
        return kind != IOFAULT_UNLINK && kind != IOFAULT_TRUNCATE &&
               !(kind == IOFAULT_CREATE && spared);
    case IOFAULT_SHORT:
    case IOFAULT_TORN:
        return kind == IOFAULT_WRITE && !spared;
    default:
        return true;
    }
}

static void points_list(struct sweep *sweep)
{
    size_t capacity = 0;
    for (size_t scene = 0; scene < SCENES; scene++) {
        capacity += sweep->bench.scenes[scene].trace.calls * COLUMNS;
    }
    sweep->points = fnd_realloc(NULL, capacity, sizeof *sweep->points);
    for (size_t scene = 0; scene < SCENES; scene++) {
        const struct iofault_trace *trace = &sweep->bench.scenes[scene].trace;
        for (uint32_t i = 0; i < trace->calls && i < IOFAULT_CALLS_MAX; i++) {
            for (size_t way = 0; way < COLUMNS; way++) {
                /* What lasts is told apart in the other scenes: a batch is worth its time once. */
                const bool wanted = scene != SCENE_BATCH || !ways[way].sticky;
                if (wanted && way_means(&ways[way], trace->kinds[i], trace->spared[i])) {
                    sweep->points[sweep->points_count++] =
                        (struct point){(uint8_t)scene, (uint8_t)way, (uint16_t)(i + 1)};
                }
            }
        }
    }
}

/** An order in which any first part is spread evenly over scenes, ways and calls: steps of a
 *  golden section, begun where the seed says. */
static size_t point_at(const struct sweep *sweep, size_t index)
{
    const size_t count = sweep->points_count;
    size_t stride = (size_t)((double)count * 0.6180339887498949) | 1;
    for (size_t a = stride, b = count;;) {
        while (b != 0) {
            const size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1) {
            break;
        }
        stride += 2;
        a = stride;
        b = count;
    }
    return (size_t)((sweep->seed % count + index * stride) % count);
}

/* --- one trial ----------------------------------------------------------------------------- */

/** Returns whether it happened: calls of several threads come in another order each time. */
static bool point_try(struct sweep *sweep, const struct point *point)
{
    struct bench *bench = &sweep->bench;
    const struct way *way = &ways[point->way];
    struct trial trial;
    struct fault fault;
    trial_begin(&trial, bench, (enum scene_id)point->scene);
    fault_make(bench, &fault, way->mode, point->call, way->sticky);
    (void)snprintf(trial.label, sizeof trial.label, "%s:%s", trial.scene->name,
                   fault.mode + sizeof "FOUNDRY_IOFAULT");
    trial.kills = way->mode >= IOFAULT_KILL && way->mode <= IOFAULT_KILLPOST;
    trial_run(&trial, fault.settings);
    promise_check(&trial);
    promise_finish(&trial);
    const bool happened = bench->trace->fired > 0;
    if (happened) {
        const bool went_on =
            WIFEXITED(trial.ended.status) && WEXITSTATUS(trial.ended.status) == trial.scene->exit;
        sweep->runs++;
        sweep->table[point->scene][point->way]++;
        sweep->went_on[point->scene][point->way] += went_on;
        sweep->conclusions +=
            way->mode == IOFAULT_EIO && strncmp(bench->trace->what, "sync", sizeof "sync" - 1) == 0;
    } else if (trial.kills && WIFSIGNALED(trial.ended.status)) {
        trial_blame(&trial, WRONG_CRASH, "it was killed, and not by the injector");
    }
    trial_end(&trial);
    return happened;
}

static void sweep_run(struct sweep *sweep)
{
    const size_t percent = floor_percent();
    const size_t all = percent >= 100 ? sweep->points_count : 0;
    const size_t wanted = sweep->floor > all ? sweep->floor : all;
    size_t i = 0;
    while ((i < all || sweep->runs < wanted) && i < 2 * wanted + 64) {
        sweep->misses += !point_try(sweep, &sweep->points[point_at(sweep, i++)]);
        /* More than there are: the same ones again, as threads meet otherwise. */
    }
}

/** Failed syncs until enough of them were followed by a conclusion: a draw has too few of them in
 * it now and then. */
static void conclusions_run(struct sweep *sweep)
{
    for (size_t i = 0; sweep->conclusions < sweep->conclusions_floor && i < sweep->points_count;
         i++) {
        const struct point *point = &sweep->points[point_at(sweep, i)];
        const struct iofault_trace *trace = &sweep->bench.scenes[point->scene].trace;
        if (ways[point->way].mode == IOFAULT_EIO && trace->kinds[point->call - 1] == IOFAULT_SYNC) {
            sweep->misses += !point_try(sweep, point);
        }
    }
}

/* --- the report ---------------------------------------------------------------------------- */

static void kinds_report(const struct sweep *sweep)
{
    static const char *const kinds[IOFAULT_KINDS] = {"",       "write",  "sync",  "truncate",
                                                     "unlink", "rename", "create"};
    printf("%-8s %7s", "scene", "calls");
    for (size_t kind = 1; kind < IOFAULT_KINDS; kind++) {
        printf(" %8s", kinds[kind]);
    }
    printf("\n");
    for (size_t scene = 0; scene < SCENES; scene++) {
        const struct iofault_trace *trace = &sweep->bench.scenes[scene].trace;
        size_t counts[IOFAULT_KINDS] = {0};
        for (uint32_t i = 0; i < trace->calls && i < IOFAULT_CALLS_MAX; i++) {
            counts[trace->kinds[i]]++;
        }
        printf("%-8s %7" PRIu32, sweep->bench.scenes[scene].name, trace->calls);
        for (size_t kind = 1; kind < IOFAULT_KINDS; kind++) {
            printf(" %8zu", counts[kind]);
        }
        printf("\n");
    }
}

static void report(const struct sweep *sweep)
{
    const struct bench *bench = &sweep->bench;
    kinds_report(sweep);
    printf("runs, and in brackets those that came to their end all the same:\n%-8s", "scene");
    for (size_t way = 0; way < COLUMNS; way++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s%s", fault_name(ways[way].mode),
                       ways[way].sticky ? "+" : "");
        printf(" %12s", name);
    }
    printf("\n");
    for (size_t scene = 0; scene < SCENES; scene++) {
        printf("%-8s", bench->scenes[scene].name);
        for (size_t way = 0; way < COLUMNS; way++) {
            char cell[32];
            (void)snprintf(cell, sizeof cell, "%zu (%zu)", sweep->table[scene][way],
                           sweep->went_on[scene][way]);
            printf(" %12s", cell);
        }
        printf("\n");
    }
    printf("%zu points, %zu commands, the longest took %" PRId64
           " ms; %zu faults met nothing, as threads come in another order each time\n",
           sweep->points_count, bench->commands, bench->longest_ms, sweep->misses);
    for (size_t wrong = 0; wrong < WRONGS; wrong++) {
        if (bench->wrong[wrong] > 0) {
            printf("%s: %zu\n", wrong_name(wrong), bench->wrong[wrong]);
        }
    }
    printf("gate: commit errors read back | runs %zu | violations %zu | floor %zu | seed %" PRIu64
           "\n",
           sweep->conclusions, bench->wrong[WRONG_CONCLUSION], sweep->conclusions_floor,
           sweep->seed);
    printf("gate: input/output faults at each call | runs %zu | violations %zu | floor %zu | seed "
           "%" PRIu64 "\n",
           sweep->runs, bench_wrongs(bench), sweep->floor, sweep->seed);
}

/* --- one of them --------------------------------------------------------------------------- */

static bool only(struct sweep *sweep, const char *text)
{
    char scene[16], mode[16], sticky[16] = "";
    unsigned call = 0;
    struct point point = {SCENES, COLUMNS, 0};
    if (sscanf(text, "%15[^:]:%15[^:]:%u:%15s", scene, mode, &call, sticky) < 3) {
        return false;
    }
    for (uint8_t id = 0; id < SCENES; id++) {
        point.scene = strcmp(sweep->bench.scenes[id].name, scene) == 0 ? id : point.scene;
    }
    for (uint8_t way = 0; way < COLUMNS; way++) {
        if (strcmp(fault_name(ways[way].mode), mode) == 0 &&
            ways[way].sticky == (strcmp(sticky, "sticky") == 0)) {
            point.way = way;
        }
    }
    point.call = (uint16_t)call;
    if (point.scene == SCENES || point.way == COLUMNS || call == 0) {
        return false;
    }
    const bool happened = point_try(sweep, &point);
    printf("%s: %s, %s; %zu wrong\n", text, happened ? "met" : "met nothing",
           sweep->bench.trace->what, bench_wrongs(&sweep->bench));
    return true;
}

int main(int argc, char **argv)
{
    struct sweep sweep = {.seed = seed_of(20261),
                          .floor = RUNS_FULL * floor_percent() / 100,
                          .conclusions_floor = CONCLUSIONS_FULL * floor_percent() / 100};
    const char *one = NULL;
    bool keep = false;
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            one = argv[++i];
        } else if (strcmp(argv[i], "--keep") == 0) {
            keep = true;
        }
    }
    if (argc < 4) {
        fprintf(stderr, "usage: sweep ENGINE PLUGIN_PATH INJECTOR [--only "
                        "SCENE:MODE:N[:sticky]] [--keep]\n");
        return 2;
    }
    struct bench *bench = &sweep.bench;
    bench->engine = argv[1];
    bench->plugin_path = argv[2];
    bench->injector = argv[3];
    bench->random = sweep.seed;
    fnd_digest_setup();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !bench_begin(bench)) {
        bench_end(bench, keep);
        return 1;
    }
    printf("seed %" PRIu64 "\n", sweep.seed);
    bool good = true;
    if (one != NULL) {
        good = only(&sweep, one);
    } else {
        points_list(&sweep);
        sweep_run(&sweep);
        conclusions_run(&sweep);
        report(&sweep);
        good = sweep.runs >= sweep.floor && sweep.conclusions >= sweep.conclusions_floor;
        printf("%zu passed, %zu failed\n", sweep.runs, bench_wrongs(bench) + !good);
    }
    good = good && bench_wrongs(bench) == 0;
    free(sweep.points);
    if (keep) {
        printf("kept: %s\n", bench->folder);
    }
    bench_end(bench, keep);
    return good ? 0 : 1;
}
