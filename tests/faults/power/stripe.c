/* SPDX-License-Identifier: MIT */
/* One process's share of the states: those at the points FROM to TO of a trace.
 *
 *     power-stripe TRACE TRACED_JOBDIR FOLDER PIPELINE PLUGIN_PATH INPUTS FROM TO STATES SEED
 *                  RESUME [PLANT]
 *
 * FOLDER holds `jobs` with the inputs, and `cache`. Prints "states N violations V resumed R". */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "plant.h"

enum { TRIES_A_STATE = 4, SHOWN_MAX = 5, ARGUMENTS = 12 };

struct stripe {
    struct trace trace;
    struct disk disk;
    struct promised promised;
    struct check check;
    size_t from, to, states, resume_each;
    uint64_t seed;
    uint64_t *seen; /* digests of this point's states, and of earlier ones: a hash table */
    size_t seen_room;
    size_t done, violations;
};

/* What was looked at when the program died. */
static char last_words[128];

static void on_death(int number)
{
    ssize_t size = write(STDERR_FILENO, last_words, strlen(last_words));
    (void)size;
    signal(number, SIG_DFL);
    raise(number);
}

static bool is_new(struct stripe *stripe, uint64_t digest)
{
    digest = digest == 0 ? 1 : digest;
    size_t at = (size_t)(digest % stripe->seen_room);
    while (stripe->seen[at] != 0 && stripe->seen[at] != digest) {
        at = (at + 1) % stripe->seen_room;
    }
    const bool fresh = stripe->seen[at] == 0;
    stripe->seen[at] = digest;
    return fresh;
}

/* Draw a state that was not looked at yet, with these promises, and look. */
static void one_state(struct stripe *stripe, size_t point, size_t variant)
{
    char text[CHECK_TEXT_SIZE];
    struct draw draw = {stripe->seed ^ (point * UINT64_C(0x9e3779b97f4a7c15)) ^ (variant << 40)};
    struct state state;
    state_draw(&stripe->disk, &draw, &state);
    const uint64_t digest = state_digest(&state) ^ (uint64_t)stripe->promised.event * 31 ^
                            stripe->promised.files_count * UINT64_C(0x5851f42d4c957f2d);
    if (is_new(stripe, digest)) {
        const bool resume = stripe->done % stripe->resume_each == 0;
        snprintf(last_words, sizeof last_words,
                 "power: died at point %zu, variant %zu, seed %" PRIu64 "\n", point, variant,
                 stripe->seed);
        stripe->done++;
        if (!check_state(&stripe->check, &stripe->disk, &stripe->promised, &state, resume, text)) {
            if (stripe->violations++ < SHOWN_MAX) {
                fprintf(stderr, "VIOLATION at point %zu, variant %zu, seed %" PRIu64 ": %s\n",
                        point, variant, stripe->seed, text);
            }
        }
    }
    state_finish(&state);
}

static void run(struct stripe *stripe)
{
    const size_t points = stripe->to - stripe->from;
    for (size_t i = 0; i < stripe->to; i++) {
        disk_step(&stripe->disk, &stripe->trace.list[i]);
        promised_step(&stripe->promised, &stripe->disk, &stripe->trace.list[i]);
        if (i < stripe->from) {
            continue;
        }
        /* Where there are few states, later points make up for it. */
        const size_t wanted = stripe->states * (i - stripe->from + 1) / points;
        const size_t missing = wanted > stripe->done ? wanted - stripe->done : 0;
        const size_t tries = disk_is_dirty(&stripe->disk) ? missing * TRIES_A_STATE : 1;
        for (size_t k = 0; k < tries && stripe->done < wanted; k++) {
            one_state(stripe, i, k);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != ARGUMENTS && argc != ARGUMENTS + 1) {
        fprintf(stderr, "power-stripe: this is started by power\n");
        return 2;
    }
    struct stripe *stripe = calloc(1, sizeof *stripe);
    if (stripe == NULL) {
        abort();
    }
    signal(SIGABRT, on_death);
    signal(SIGSEGV, on_death);
    fnd_digest_setup();
    trace_read(&stripe->trace, argv[1]);
    check_begin(&stripe->check, argv[2]);
    snprintf(stripe->check.jobs, sizeof stripe->check.jobs, "%s/jobs", argv[3]);
    snprintf(stripe->check.cache, sizeof stripe->check.cache, "%s/cache", argv[3]);
    snprintf(stripe->check.pipeline, sizeof stripe->check.pipeline, "%s", argv[4]);
    stripe->check.plugin_path = argv[5];
    stripe->check.inputs = strtoul(argv[6], NULL, 10);
    stripe->from = strtoul(argv[7], NULL, 10);
    stripe->to = strtoul(argv[8], NULL, 10);
    stripe->states = strtoul(argv[9], NULL, 10);
    stripe->seed = strtoull(argv[10], NULL, 10);
    stripe->resume_each = strtoul(argv[11], NULL, 10);
    if (argc > ARGUMENTS) {
        plant_apply(argv[ARGUMENTS], &stripe->trace);
    }
    stripe->to = stripe->to < stripe->trace.count ? stripe->to : stripe->trace.count;
    stripe->seen_room = stripe->states * 4 + 64;
    stripe->seen = calloc(stripe->seen_room, sizeof *stripe->seen);
    if (stripe->seen == NULL) {
        abort();
    }
    run(stripe);
    printf("states %zu violations %zu resumed %zu\n", stripe->done, stripe->violations,
           stripe->check.resumed);
    free(stripe->seen);
    disk_finish(&stripe->disk);
    trace_finish(&stripe->trace);
    check_finish(&stripe->check);
    free(stripe);
    return 0;
}
