/* SPDX-License-Identifier: MIT */
/* Each call of the C library that can fail, failing once: of the engine, and of the workers it
 * starts. Behind it the same promises hold as behind a fault of the disk (io/promise.c): a word
 * instead of a crash, nothing acknowledged lost, and a plain run brings all to its end.
 *
 *     calls ENGINE PLUGIN_PATH INJECTOR WORKER [--only SCENE:engine|worker:N] [--self-test]
 *
 * WORKER is a foundry-worker with the injector linked in. FOUNDRY_FLOOR (percent) says how many
 * calls are tried, FOUNDRY_SEED which. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../io/trial.h"
#include "base/digest.h"
#include "base/file.h"

enum { RUNS_FULL = 2000, SIDES = 2 };
static const char *const sides[SIDES] = {"engine", "worker"};

struct calls {
    struct bench bench;
    const char *worker;
    char engine[PATH_MAX_SIZE + 32]; /* a copy far from any foundry-worker: it takes the one that is
                                        named in its environment */
    struct iofault_trace *trace;     /* of the workers */
    uint32_t counted[SCENES][SIDES];
    size_t runs, went_on, misses, floor;
    uint64_t seed;
};

/** The file at which the workers of the next command share what they count. */
static bool worker_trace_make(struct calls *calls)
{
    char path[PATH_MAX_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/worker-trace", calls->bench.folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *calls->trace) == 0) {
        page = mmap(NULL, sizeof *calls->trace, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (page == MAP_FAILED) {
        perror(path);
        return false;
    }
    calls->trace = page;
    return true;
}

static bool engine_copy(struct calls *calls)
{
    struct fnd_text program = {0};
    (void)snprintf(calls->engine, sizeof calls->engine, "%s/engine", calls->bench.folder);
    const int fd = open(calls->engine, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    const bool good = fd >= 0 && file_read_text(calls->bench.engine, &program) &&
                      fnd_write_all(fd, program.bytes, program.size) == 0;
    if (!good) {
        perror(calls->engine);
    }
    if (fd >= 0) {
        close(fd);
    }
    fnd_text_finish(&program);
    return good;
}

/** The name by which workers are told which call fails (callfault.c); 0: none. */
static void worker_name(const struct calls *calls, uint32_t call, char *name, size_t size)
{
    (void)snprintf(name, size, "%s/worker.%" PRIu32, calls->bench.folder, call);
    if (symlink(calls->worker, name) != 0) {
        perror(name);
        exit(1);
    }
}

/** Returns whether it happened. call 0: nothing fails, it is only counted. */
static bool call_try(struct calls *calls, enum scene_id scene, size_t side, uint32_t call)
{
    struct bench *bench = &calls->bench;
    char trace[PATH_MAX_SIZE + 32], fault[64], name[PATH_MAX_SIZE + 32];
    struct trial trial;
    (void)snprintf(trace, sizeof trace, "FOUNDRY_IOFAULT_TRACE=%s/trace", bench->folder);
    (void)snprintf(fault, sizeof fault, "FOUNDRY_IOFAULT=eio:%" PRIu32, call);
    const char *const settings[] = {bench->preload, trace, fault, NULL};
    struct iofault_trace *seen = side == 0 ? bench->trace : calls->trace;
    const char *const engine = bench->engine, *const kept = getenv("FOUNDRY_WORKER");
    char *worker = kept != NULL ? fnd_strdup(kept) : NULL;
    memset(seen, 0, sizeof *seen);
    trial_begin(&trial, bench, scene);
    (void)snprintf(trial.label, sizeof trial.label, "%s:%s:%" PRIu32, trial.scene->name,
                   sides[side], call);
    if (side == 1) {
        worker_name(calls, call, name, sizeof name);
        setenv("FOUNDRY_WORKER", name, 1);
        bench->engine = calls->engine;
    }
    trial_run(&trial, side == 0 ? settings : NULL);
    if (side == 1) {
        bench->engine = engine;
        (void)unlink(name);
        if (worker != NULL) {
            setenv("FOUNDRY_WORKER", worker, 1);
        } else {
            unsetenv("FOUNDRY_WORKER");
        }
    }
    free(worker);
    calls->counted[scene][side] = call == 0 ? seen->calls : calls->counted[scene][side];
    promise_check(&trial);
    promise_finish(&trial);
    const bool happened = seen->fired > 0;
    if (happened) {
        calls->runs++;
        calls->went_on +=
            WIFEXITED(trial.ended.status) && WEXITSTATUS(trial.ended.status) == trial.scene->exit;
    }
    trial_end(&trial);
    return happened;
}

/** false: workers made no call that could fail, so that half of this would try nothing. */
static bool calls_count(struct calls *calls)
{
    for (int scene = 0; scene < SCENES; scene++) {
        calls->counted[scene][0] = calls->bench.scenes[scene].trace.calls;
        (void)call_try(calls, (enum scene_id)scene, 1, 0);
        printf("%-8s %6" PRIu32 " calls of the engine, %6" PRIu32 " of its workers\n",
               calls->bench.scenes[scene].name, calls->counted[scene][0], calls->counted[scene][1]);
    }
    return calls->counted[SCENE_RUN][0] > 0 && calls->counted[SCENE_RUN][1] > 0;
}

/** Calls drawn evenly over scenes and sides; at a full floor each call is tried at least once. */
static void calls_run(struct calls *calls)
{
    size_t all = 0;
    for (int scene = 0; scene < SCENES; scene++) {
        all += calls->counted[scene][0] + calls->counted[scene][1];
    }
    for (size_t tried = 0; calls->runs < calls->floor && tried < 3 * calls->floor + 64; tried++) {
        /* By turns through all places, in a stride that the golden section spreads. */
        uint64_t place =
            (calls->seed + (uint64_t)((double)tried * 0.6180339887498949 * (double)all)) % all;
        int scene = 0;
        size_t side = 0;
        while (place >= calls->counted[scene][side]) {
            place -= calls->counted[scene][side];
            scene += side == 1;
            side = 1 - side;
        }
        calls->misses += !call_try(calls, (enum scene_id)scene, side, (uint32_t)place + 1);
    }
}

static bool only(struct calls *calls, const char *text)
{
    char scene[16], side[16];
    unsigned call = 0;
    if (sscanf(text, "%15[^:]:%15[^:]:%u", scene, side, &call) != 3) {
        return false;
    }
    for (int id = 0; id < SCENES; id++) {
        if (strcmp(calls->bench.scenes[id].name, scene) == 0) {
            const size_t which = strcmp(side, sides[1]) == 0;
            const bool happened = call_try(calls, (enum scene_id)id, which, call);
            printf("%s: %s, %s; %zu wrong\n", text, happened ? "met" : "met nothing",
                   which == 0 ? calls->bench.trace->what : calls->trace->what,
                   bench_wrongs(&calls->bench));
            return true;
        }
    }
    return false;
}

/** An engine whose word for a failed call is a crash must be seen: the injector kills it. */
static bool self_test(struct calls *calls)
{
    struct bench *bench = &calls->bench;
    char trace[PATH_MAX_SIZE + 32];
    (void)snprintf(trace, sizeof trace, "FOUNDRY_IOFAULT_TRACE=%s/trace", bench->folder);
    const char *const settings[] = {bench->preload, trace, "FOUNDRY_IOFAULT=segv:40", NULL};
    struct trial trial;
    bench->quiet = true;
    memset(bench->trace, 0, sizeof *bench->trace);
    trial_begin(&trial, bench, SCENE_RUN);
    trial_run(&trial, settings);
    promise_check(&trial);
    trial_end(&trial);
    const size_t found = bench->wrong[WRONG_CRASH];
    printf("an engine that crashes at a call: %s\n", found > 0 ? "found" : "NOT FOUND");
    return found > 0;
}

static void usage(void)
{
    fprintf(stderr, "usage: calls ENGINE PLUGIN_PATH INJECTOR WORKER [--only "
                    "SCENE:engine|worker:N] [--self-test]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    struct calls calls = {.seed = seed_of(20262), .floor = RUNS_FULL * floor_percent() / 100};
    struct bench *bench = &calls.bench;
    char worker[PATH_MAX];
    if (argc < 5 || argc > 7) {
        usage();
    }
    bench->engine = argv[1];
    bench->plugin_path = argv[2];
    bench->injector = argv[3];
    calls.worker = realpath(argv[4], worker);
    if (calls.worker == NULL) {
        perror(argv[4]);
        return 1;
    }
    bench->random = calls.seed;
    bench->no_places = bench->may_fail = true;
    fnd_digest_setup();
    bool good = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && bench_begin(bench) &&
                worker_trace_make(&calls) && engine_copy(&calls);
    if (good && argc == 7 && strcmp(argv[5], "--only") == 0) {
        good = only(&calls, argv[6]) && bench_wrongs(bench) == 0;
    } else if (good && argc == 6 && strcmp(argv[5], "--self-test") == 0) {
        good = self_test(&calls);
        printf("%d passed, %d failed\n", good, !good);
    } else if (good && argc == 5) {
        printf("seed %" PRIu64 "\n", calls.seed);
        const bool met = calls_count(&calls);
        if (met) {
            calls_run(&calls);
        } else {
            printf("the engine or its workers do not meet the injector\n");
        }
        printf("%zu went on to their end all the same; %zu met nothing, as threads come in another "
               "order each time\n",
               calls.went_on, calls.misses);
        for (size_t wrong = 0; wrong < WRONGS; wrong++) {
            if (bench->wrong[wrong] > 0) {
                printf("%s: %zu\n", wrong_name(wrong), bench->wrong[wrong]);
            }
        }
        printf("gate: failing calls of the C library | runs %zu | violations %zu | floor %zu | "
               "seed %" PRIu64 "\n",
               calls.runs, bench_wrongs(bench), calls.floor, calls.seed);
        good = met && calls.runs >= calls.floor && bench_wrongs(bench) == 0;
        printf("%zu passed, %zu failed\n", calls.runs, bench_wrongs(bench) + !good);
    }
    bench_end(bench, getenv("FOUNDRY_KEEP") != NULL);
    return good ? 0 : 1;
}
