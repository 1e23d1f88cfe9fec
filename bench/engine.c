/* SPDX-License-Identifier: MIT */
/* The real engine over a job directory, in one process. Prints one JSON object a mode.
 *
 *   foundry-bench run DIR PIPELINE ISOLATION WORKERS FLIGHT [stored | kill N]
 *       from the first look at the inputs to the last job's end; `stored`: the jobs are on record
 *       before the clock starts; `kill`: the process dies of SIGKILL at the N-th output
 *   foundry-bench answers DIR PIPELINE FLIGHT
 *       answers.c: all jobs wait for a person, then are answered and run to their end
 *   foundry-bench fill DIR PIPELINE JOBS
 *       fill.c: so many completed jobs, of one phase, straight into the store
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "bench.h"
#include "review/review.h"

static const struct fnd_log log_errors = {.fd = 2, .level = FND_LOG_ERROR};

int64_t bench_now_us(void)
{
    return fnd_env_system()->monotonic_us(fnd_env_system());
}

void bench_must(enum fnd_status status, const char *what, const struct fnd_error *error)
{
    if (status != FND_OK) {
        fprintf(stderr, "foundry-bench: %s: %s\n", what, error->message);
        exit(1);
    }
}

static void count(void *context, const struct fnd_news *news)
{
    struct bench *bench = context;
    if (news->kind != FND_EVENT_OUTPUT) {
        return;
    }
    bench->outputs++;
    bench->end_us = bench_now_us();
    bench->first_us = bench->first_us == 0 ? bench->end_us : bench->first_us;
    if (bench->outputs == bench->kill_at) {
        raise(SIGKILL);
    }
}

void bench_open(struct bench *bench, const char *directory, const char *pipeline,
                enum fnd_isolation isolation, size_t workers, size_t flight)
{
    struct fnd_engine_options options = {.env = fnd_env_system(),
                                         .log = &log_errors,
                                         .directory = directory,
                                         .kinds = fnd_review_kinds(),
                                         .store = {.create = true, .lock_wait_ms = 1000},
                                         .isolation = isolation,
                                         .workers_max = workers,
                                         .flight_max = flight,
                                         .news = count,
                                         .context = bench};
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    fnd_digest_setup();
    bench_must(fnd_engine_open(&options, &bench->engine, &error), "open", &error);
    bench_must(fnd_engine_pin(bench->engine, pipeline, NULL, &bench->pin, &errors, NULL), "pin",
               &errors.list[0]);
}

void bench_settle(struct bench *bench)
{
    struct fnd_error error = {0};
    for (;;) {
        bench_must(fnd_engine_turn(bench->engine, &error), "run", &error);
        if (fnd_engine_idle(bench->engine)) {
            return;
        }
        const int64_t wait_us = fnd_engine_wait_us(bench->engine);
        struct pollfd ready = {.fd = fnd_engine_fd(bench->engine), .events = POLLIN};
        (void)poll(&ready, 1, wait_us < 0 ? -1 : (int)((wait_us + 999) / 1000));
    }
}

long bench_rss_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static int run(int argc, char **argv)
{
    struct bench bench = {0};
    struct fnd_error error = {0};
    struct fnd_ingest ingest = {0};
    enum fnd_isolation isolation = FND_ISOLATION_SANDBOX;
    const bool stored = argc > 7 && strcmp(argv[7], "stored") == 0;
    if (argc < 7 || !fnd_isolation_parse(argv[4], &isolation)) {
        fprintf(stderr, "usage: foundry-bench run DIR PIPELINE ISOLATION WORKERS FLIGHT "
                        "[stored | kill N]\n");
        return 2;
    }
    bench.kill_at = argc > 8 ? (size_t)atol(argv[8]) : 0;
    bench_open(&bench, argv[2], argv[3], isolation, (size_t)atol(argv[5]), (size_t)atol(argv[6]));
    int64_t start_us = bench_now_us();
    if (!stored) {
        bench_must(fnd_engine_resume(bench.engine, NULL, &error), "resume", &error);
    }
    bench_must(fnd_engine_ingest(bench.engine, bench.pin, false, &ingest, NULL, NULL, &error),
               "ingest", &error);
    if (stored) {
        bench_settle(&bench);
        start_us = bench_now_us();
        bench_must(fnd_engine_resume(bench.engine, NULL, &error), "resume", &error);
    }
    bench_must(fnd_engine_run(bench.engine, NULL, &error), "run", &error);
    const double seconds = (double)(bench_now_us() - start_us) / 1e6;
    fnd_engine_close(bench.engine);
    const char *began = getenv("FOUNDRY_BENCH_BEGAN");
    const double began_us = began != NULL ? strtod(began, NULL) * 1e6 : (double)start_us;
    printf("{\"jobs\":%zu,\"transitions\":%zu,\"seconds\":%.6f,\"rate\":%.0f,\"rss_kib\":%ld,"
           "\"first_us\":%.0f}\n",
           ingest.created, bench.outputs, seconds, (double)bench.outputs / seconds, bench_rss_kib(),
           (double)bench.first_us - began_us);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "answers") == 0) {
        return bench_answers(argc, argv);
    }
    if (strcmp(mode, "fill") == 0) {
        return bench_fill(argc, argv);
    }
    return run(argc, argv);
}
