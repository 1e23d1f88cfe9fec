/* SPDX-License-Identifier: MIT */
/* Commands that only look, on a disk that is full: they say what they would say otherwise.
 *
 *     look ENGINE PLUGIN_PATH INJECTOR [--self-test]
 *
 * Over each scene's directory at rest, and over those of engines that a full disk stopped. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/digest.h"
#include "trial.h"

enum { RUNS_FULL = 400, LOOKS = 4, WORDS_MAX = 4 };

struct looking {
    struct bench bench;
    enum iofault_mode fault; /* what the disk does to each look; the self-test has others */
    size_t runs;
    uint64_t seed;
};

static void look_arguments(const struct bench *bench, size_t which,
                           const char *arguments[ARGUMENTS_MAX])
{
    const char *const commands[LOOKS][WORDS_MAX] = {
        {"status", "--json", bench->jobs},
        {"verify", "--json", bench->jobs},
        {"show", "--json", bench->jobs, "clear.jsonl#clear"},
        {"ask", "list", "--json", bench->jobs}};
    memcpy(arguments, commands[which], sizeof commands[which]);
    arguments[WORDS_MAX] = NULL;
}

/** All looks at the directory in its place: on a full disk, and then with space. */
static void look(struct looking *looking, struct trial *trial)
{
    struct bench *bench = &looking->bench;
    for (size_t which = 0; which < LOOKS; which++) {
        const char *arguments[ARGUMENTS_MAX];
        struct ended full, space;
        struct fault fault;
        look_arguments(bench, which, arguments);
        fault_make(bench, &fault, looking->fault, 1, true);
        command_run(bench, bench->engine, arguments, fault.settings, &full);
        command_run(bench, bench->engine, arguments, NULL, &space);
        looking->runs++;
        if (full.status != space.status || full.out.size != space.out.size ||
            memcmp(full.out.bytes, space.out.bytes, full.out.size) != 0) {
            trial_blame(trial, WRONG_CONCLUSION,
                        "`%s` on a full disk ended with status 0x%x, not 0x%x: %s\nnot %s",
                        arguments[0], (unsigned)full.status, (unsigned)space.status,
                        full.out.size > 0 ? fnd_text_z(&full.out) : fnd_text_z(&full.err),
                        fnd_text_z(&space.out));
        }
        ended_finish(&full);
        ended_finish(&space);
    }
}

/** A scene's command that a full disk stops at its n-th call, or not at all (0). */
static void stopped(struct looking *looking, enum scene_id scene, unsigned call)
{
    struct trial trial;
    struct fault fault;
    trial_begin(&trial, &looking->bench, scene);
    (void)snprintf(trial.label, sizeof trial.label, "%s:%u", trial.scene->name, call);
    if (call > 0) {
        fault_make(&looking->bench, &fault, IOFAULT_ENOSPC, call, true);
        trial_run(&trial, fault.settings);
    }
    look(looking, &trial);
    trial_end(&trial);
}

/** Commands that are killed where the disk is full must be seen, and those that are not must not:
 *  looks at directories that a full disk stopped in the middle. */
static bool self_test(struct looking *looking)
{
    struct bench *bench = &looking->bench;
    const struct iofault_trace *trace = &bench->scenes[SCENE_RESUME].trace;
    bench->quiet = true;
    stopped(looking, SCENE_RESUME, trace->calls / 2);
    const bool calm = bench_wrongs(bench) == 0;
    looking->fault = IOFAULT_KILL;
    stopped(looking, SCENE_RESUME, trace->calls / 2);
    const size_t found = bench->wrong[WRONG_CONCLUSION];
    printf("%s nothing is found where nothing is wrong\n%s a look that a full disk kills: found "
           "%zu times\n%d passed, %d failed\n",
           calm ? "ok    " : "FAILED", found > 0 ? "ok    " : "FAILED", found, calm + (found > 0),
           !calm + (found == 0));
    return calm && found > 0;
}

int main(int argc, char **argv)
{
    struct looking looking = {.seed = seed_of(20263), .fault = IOFAULT_ENOSPC};
    struct bench *bench = &looking.bench;
    const size_t percent = floor_percent(), floor = RUNS_FULL * percent / 100;
    const bool self = argc == 5 && strcmp(argv[4], "--self-test") == 0;
    if (argc != 4 && !self) {
        fprintf(stderr, "usage: look ENGINE PLUGIN_PATH INJECTOR [--self-test]\n");
        return 2;
    }
    bench->engine = argv[1];
    bench->plugin_path = argv[2];
    bench->injector = argv[3];
    bench->random = looking.seed;
    fnd_digest_setup();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !bench_begin(bench)) {
        bench_end(bench, false);
        return 1;
    }
    if (self) {
        const bool found = self_test(&looking);
        bench_end(bench, false);
        return found ? 0 : 1;
    }
    printf("seed %" PRIu64 "\n", looking.seed);
    for (int scene = SCENE_PAUSE; scene < SCENES; scene++) {
        stopped(&looking, (enum scene_id)scene, 0);
    }
    while (looking.runs < floor) {
        const enum scene_id scene = (enum scene_id)bench_random(bench, SCENES);
        stopped(&looking, scene,
                1 + (unsigned)bench_random(bench, bench->scenes[scene].trace.calls));
    }
    printf("%zu looks, the longest command took %" PRId64 " ms\n", looking.runs, bench->longest_ms);
    printf("gate: looking on a full disk | runs %zu | violations %zu | floor %zu | seed %" PRIu64
           "\n%zu passed, %zu failed\n",
           looking.runs, bench_wrongs(bench), floor, looking.seed, looking.runs,
           bench_wrongs(bench));
    const bool good = bench_wrongs(bench) == 0 && looking.runs >= floor;
    bench_end(bench, false);
    return good ? 0 : 1;
}
