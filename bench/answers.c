/* SPDX-License-Identifier: MIT */
/* Answers: every job stands at a gate; each is accepted as a person would, is on record with its
 * CorrectionRecord, and its job runs its last phase. With FLIGHT 1 an answer is given only when the
 * job of the last one has ended. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "review/review.h"

struct list {
    int64_t *requests;
    size_t count;
};

struct given {
    struct fnd_answer answer;
    struct fnd_answered answered;
    size_t *under_way;
};

static bool request_add(const struct fnd_request_row *row, void *context)
{
    struct list *list = context;
    list->requests = fnd_realloc(list->requests, list->count + 1, sizeof *list->requests);
    list->requests[list->count++] = row->id;
    return true;
}

static void done(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct given *given = context;
    bench_must(status, "answer", error);
    --*given->under_way;
    fnd_answered_finish(&given->answered);
}

static void give(struct bench *bench, struct given *given, int64_t request, size_t *under_way)
{
    *given = (struct given){.answer = {.request = request,
                                       .act = FND_ANSWER_ACCEPT,
                                       .values = {"{}", 2},
                                       .by = "bench",
                                       .seconds_ms = 1,
                                       .run = true},
                            .under_way = under_way};
    struct fnd_error error = {0};
    ++*under_way;
    bench_must(
        fnd_review_answer_begin(bench->engine, &given->answer, &given->answered, done, given),
        "answer", &error);
}

int bench_answers(int argc, char **argv)
{
    struct bench bench = {0};
    struct fnd_error error = {0};
    struct fnd_ingest ingest = {0};
    struct list list = {0};
    if (argc != 5) {
        fprintf(stderr, "usage: foundry-bench answers DIR PIPELINE FLIGHT\n");
        return 2;
    }
    const size_t flight = (size_t)atol(argv[4]);
    bench_open(&bench, argv[2], argv[3], FND_ISOLATION_INLINE, 1, 256);
    bench_must(fnd_engine_resume(bench.engine, NULL, &error), "resume", &error);
    bench_must(fnd_engine_ingest(bench.engine, bench.pin, false, &ingest, NULL, NULL, &error),
               "ingest", &error);
    bench_must(fnd_engine_run(bench.engine, NULL, &error), "run", &error);
    const struct fnd_walk walk = {0, 1 << 30};
    bench_must(fnd_requests_walk(fnd_engine_reader(bench.engine), FND_REQUEST_OPEN, &walk,
                                 request_add, &list, &error),
               "list", &error);
    struct given *given = fnd_alloc((list.count + 1) * sizeof *given);
    const size_t outputs = bench.outputs;
    size_t under_way = 0;
    const int64_t start_us = bench_now_us();
    for (size_t next = 0; next < list.count;) {
        while (next < list.count && under_way < flight) {
            give(&bench, &given[next], list.requests[next], &under_way);
            next++;
        }
        if (flight == 1) {
            bench_settle(&bench);
            continue;
        }
        bench_must(fnd_engine_turn(bench.engine, &error), "run", &error);
        if (under_way == flight) {
            struct pollfd ready = {.fd = fnd_engine_fd(bench.engine), .events = POLLIN};
            (void)poll(&ready, 1, 100);
        }
    }
    bench_settle(&bench);
    const double seconds = (double)(bench_now_us() - start_us) / 1e6;
    const size_t made = bench.outputs - outputs; /* the human output and the last phase's */
    fnd_engine_close(bench.engine);
    if (list.count == 0 || made != 2 * list.count) {
        fprintf(stderr, "foundry-bench: %zu requests led to %zu outputs\n", list.count, made);
        return 1;
    }
    printf("{\"jobs\":%zu,\"seconds\":%.6f,\"rate\":%.0f}\n", list.count, seconds,
           (double)list.count / seconds);
    free(given);
    free(list.requests);
    return 0;
}
