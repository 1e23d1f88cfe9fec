/* SPDX-License-Identifier: MIT */
/* The real engine over a job directory, timed from the first look at the inputs to the last job's
 * end, in one process.
 *
 *   foundry-bench DIR PIPELINE ISOLATION WORKERS FLIGHT
 *
 * Prints one JSON object: transitions (phase outputs), seconds, rate, peak RSS in KiB. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include "review/review.h"
#include "run/engine.h"

static void count(void *context, const struct fnd_news *news)
{
    size_t *outputs = context;
    *outputs += news->kind == FND_EVENT_OUTPUT;
}

static int failed(const char *what, const struct fnd_error *error)
{
    fprintf(stderr, "foundry-bench: %s: %s\n", what, error->message);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: foundry-bench DIR PIPELINE ISOLATION WORKERS FLIGHT\n");
        return 2;
    }
    size_t outputs = 0;
    struct fnd_log log = {.fd = 2, .level = FND_LOG_ERROR};
    struct fnd_engine_options options = {.env = fnd_env_system(),
                                         .log = &log,
                                         .directory = argv[1],
                                         .kinds = fnd_review_kinds(),
                                         .store = {.create = true, .lock_wait_ms = 1000},
                                         .isolation = FND_ISOLATION_SANDBOX,
                                         .workers_max = (size_t)atol(argv[4]),
                                         .flight_max = (size_t)atol(argv[5]),
                                         .news = count,
                                         .context = &outputs};
    if (!fnd_isolation_parse(argv[3], &options.isolation)) {
        fprintf(stderr, "foundry-bench: there is no isolation %s\n", argv[3]);
        return 2;
    }
    struct fnd_engine *engine = NULL;
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    struct fnd_ingest ingest = {0};
    int64_t pin = 0;
    fnd_digest_setup();
    if (fnd_engine_open(&options, &engine, &error) != FND_OK) {
        return failed("open", &error);
    }
    if (fnd_engine_pin(engine, argv[2], NULL, &pin, &errors, NULL) != FND_OK) {
        return failed("pin", &errors.list[0]);
    }
    const int64_t start = options.env->monotonic_us(options.env);
    enum fnd_status status = fnd_engine_resume(engine, NULL, &error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(engine, pin, false, &ingest, NULL, NULL, &error);
    }
    if (status == FND_OK) {
        status = fnd_engine_run(engine, NULL, &error);
    }
    const double seconds = (double)(options.env->monotonic_us(options.env) - start) / 1e6;
    if (status != FND_OK) {
        return failed("run", &error);
    }
    fnd_engine_close(engine);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"jobs\":%zu,\"transitions\":%zu,\"seconds\":%.6f,\"rate\":%.0f,\"rss_kib\":%ld}\n",
           ingest.created, outputs, seconds, (double)outputs / seconds, usage.ru_maxrss);
    return 0;
}
