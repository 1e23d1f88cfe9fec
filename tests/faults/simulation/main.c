/* SPDX-License-Identifier: MIT */
/* The state machine, the store and the review room, as they are, under simulated plugins, people,
 * clocks and disasters: see README.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { JOBS_FLOOR = 100000, SEED = 20260301, TWICE_JOBS = 300 };

static uint64_t number_of(const char *text, uint64_t otherwise)
{
    char *end = NULL;
    const uint64_t number = text != NULL ? strtoull(text, &end, 10) : 0;
    return text != NULL && end != text && *end == '\0' ? number : otherwise;
}

static void counts_print(const struct sim_result *result)
{
    const struct sim_counts *counts = &result->counts;
    printf("%zu jobs in %zu worlds: %" PRIu64 " lives, %" PRIu64 " kills (%" PRIu64
           " power cuts), %" PRIu64 " disk disasters met, %" PRIu64 " clock jumps\n",
           result->jobs, result->worlds, counts->lives, counts->kills, counts->powercuts,
           counts->faults, counts->jumps);
    printf("%" PRIu64 " events judged, %" PRIu64 " acknowledged; %" PRIu64
           " answers taken, %" PRIu64 " in conflict, %" PRIu64 " refused; %" PRIu64
           " cancels, %" PRIu64 " retries, %" PRIu64 " upgrades; %" PRIu64
           " corrections exported; %" PRIu64 " choices from batches of %" PRIu64 "\n%" PRIu64
           " models, %" PRIu64 " runs beside production; %" PRIu64
           " decisions by what people verified, %" PRIu64 " moves of production\n",
           counts->events, counts->acks, counts->answers, counts->conflicts, counts->refused,
           counts->cancels, counts->retries, counts->upgrades, counts->exported, counts->choices,
           counts->members, counts->models, counts->shadows, counts->decisions, counts->moves);
}

int main(int count, char **arguments)
{
    const uint64_t floor = JOBS_FLOOR * number_of(getenv("FOUNDRY_FLOOR"), 10) / 100;
    struct sim_options options = {
        .seed = number_of(getenv("FOUNDRY_SEED"), SEED), .jobs = (size_t)floor, .world = SIZE_MAX};
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(arguments[i], "--jobs") == 0) {
            options.jobs = (size_t)number_of(value, floor);
            i++;
        } else if (strcmp(arguments[i], "--world") == 0) {
            options.world = (size_t)number_of(value, 0);
            i++;
        } else if (strcmp(arguments[i], "--stop") == 0) {
            options.stop = true;
        } else if (strcmp(arguments[i], "--trace") == 0) {
            options.trace = true;
        } else {
            fprintf(stderr,
                    "simulation: unknown argument %s (--jobs N, --world N, --stop, "
                    "--trace)\n",
                    arguments[i]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    fnd_digest_setup();
    sim_disk_install();
    printf("simulation: seed %" PRIu64 "\n", options.seed);
    struct sim_result result = {0};
    if (options.world == SIZE_MAX) { /* the same seed gives the same record, to the byte */
        struct sim_options twice = options;
        struct sim_result again = {0};
        twice.jobs = TWICE_JOBS;
        twice.twice = true;
        sim_worlds(&twice, &again);
        result.violations = again.violations;
        printf("%zu worlds run twice: %s\n", again.worlds,
               again.violations == 0 ? "the same chain each time" : "see above");
    }
    sim_worlds(&options, &result);
    counts_print(&result);
    printf("gate: simulation | runs %zu | violations %zu | floor %" PRIu64 " | seed %" PRIu64 "\n",
           result.jobs, result.violations, floor, options.seed);
    const bool short_of = options.world == SIZE_MAX && result.jobs < options.jobs;
    return result.violations > 0 || short_of ? 1 : 0;
}
