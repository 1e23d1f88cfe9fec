/* SPDX-License-Identifier: MIT */
/* Drives an engine over a job directory as a command would, and may be killed at any instant.
 *
 *     driver JOBDIR PIPELINE PLUGIN_PATH [--flight N] [--reopen N] [--hold] [--plant FAULT]
 *
 * On stdout, each line by one write(2) and only when what it says is on disk:
 *     ready                 the directory is open, the pipeline pinned
 *     ack KIND JOB EVENT    a transition is recorded
 *     answered JOB REQUEST  an answer was taken
 *     rest                  nothing is left that moves; the directory is closed
 * Exits 0; 143 when SIGTERM stopped it; else 1. Its story is on stderr. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "learn/prover.h"
#include "plant.h"
#include "review/review.h"
#include "run/engine.h"

enum { LINE_SIZE = 128, LOCK_WAIT_MS = 3000, EXIT_STOPPED = 143, NAP_US = 200000 };

static volatile sig_atomic_t stops; /* how often SIGTERM came */

struct driver {
    struct fnd_engine_options options;
    struct fnd_engine *engine;
    const char *pipeline;
    enum plant plant;
    long reopen; /* which of the completed jobs to run again; -1: none */
    bool hold;
    int64_t pin;
    int64_t *requests; /* to answer, in order */
    size_t requests_count, requests_capacity, requests_next;
    size_t refused;
};

static void on_stop(int signal_number)
{
    (void)signal_number;
    stops = stops + 1;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(STDOUT_FILENO, line, (size_t)size) != size) {
        fprintf(stderr, "driver: nobody reads what is acknowledged\n");
        _exit(1);
    }
}

static int fail(const char *what, const struct fnd_error *error)
{
    fprintf(stderr, "driver: %s: %s: %s\n", what, fnd_status_name(error->status), error->message);
    return 1;
}

static void request_add(struct driver *driver, int64_t request)
{
    if (driver->requests_count == driver->requests_capacity) {
        driver->requests_capacity = driver->requests_capacity * 2 + 64;
        driver->requests =
            fnd_realloc(driver->requests, driver->requests_capacity, sizeof *driver->requests);
    }
    driver->requests[driver->requests_count++] = request;
}

static bool request_found(const struct fnd_request_row *row, void *context)
{
    request_add(context, row->id);
    return true;
}

static bool requests_read(struct driver *driver, struct fnd_error *error)
{
    const struct fnd_walk all = {0, 1000000};
    driver->requests_count = driver->requests_next = 0;
    return fnd_requests_walk(fnd_engine_reader(driver->engine), FND_REQUEST_OPEN, &all,
                             request_found, driver, error) == FND_OK;
}

static void news(void *context, const struct fnd_news *news)
{
    struct driver *driver = context;
    say("ack %s %" PRId64 " %" PRId64 "\n", fnd_event_name(news->kind), news->job, news->event);
    if (news->kind == FND_EVENT_ASK) {
        request_add(driver, news->request);
    }
    if (news->kind == FND_EVENT_FAIL) {
        fprintf(stderr, "driver: job %" PRId64 " failed: %s\n", news->job, news->message);
    }
}

static void input_refused(void *context, const struct fnd_error *error)
{
    struct driver *driver = context;
    driver->refused++;
    fprintf(stderr, "driver: refused: %s\n", error->message);
}

static enum fnd_status answer_next(struct driver *driver, struct fnd_error *error)
{
    static const char values[] = "{\"/value/name\":\"given by hand\"}";
    struct fnd_answer answer = {.request = driver->requests[driver->requests_next++],
                                .act = FND_ANSWER_SET,
                                .values = {values, sizeof values - 1},
                                .by = "storm",
                                .seconds_ms = 1000,
                                .run = true};
    struct fnd_answered answered = {0};
    if (driver->plant == PLANT_EARLY) {
        const struct timespec gap = {.tv_nsec = 30000000};
        say("answered 0 %" PRId64 "\n", answer.request);
        nanosleep(&gap, NULL);
    }
    enum fnd_status status = fnd_review_answer(driver->engine, &answer, &answered, error);
    if (status == FND_OK && driver->plant != PLANT_EARLY) {
        say("answered %" PRId64 " %" PRId64 "\n", answered.job, answer.request);
    }
    fnd_answered_finish(&answered);
    return status;
}

struct pick {
    long at;
    int64_t job;
};

static bool pick_one(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct pick *pick = context;
    (void)step;
    pick->job = job->id;
    return pick->at-- > 0;
}

/** Run the n-th completed job again from its second phase. */
static enum fnd_status reopen(struct driver *driver, struct fnd_error *error)
{
    const struct fnd_job_filter completed = {NULL, FND_COMPLETED};
    const struct fnd_walk all = {0, 1000000};
    struct pick pick = {driver->reopen, 0};
    enum fnd_status status =
        fnd_jobs_walk(fnd_engine_reader(driver->engine), &completed, &all, pick_one, &pick, error);
    if (status == FND_OK && driver->reopen >= 0 && pick.job > 0) {
        status = fnd_engine_retry(driver->engine, pick.job, "two", true, "storm", error);
    }
    return status;
}

static enum fnd_status drive(struct driver *driver, struct fnd_error *error)
{
    for (;;) {
        enum fnd_status status = fnd_engine_turn(driver->engine, error);
        if (status != FND_OK) {
            return status;
        }
        if (stops > 0) {
            fnd_engine_drain(driver->engine, stops > 1);
        } else if (driver->requests_next < driver->requests_count) {
            status = answer_next(driver, error);
            if (status != FND_OK) {
                return status;
            }
            continue;
        }
        if (fnd_engine_idle(driver->engine)) {
            if (stops > 0 || !requests_read(driver, error) || driver->requests_count == 0) {
                return fnd_store_sync(fnd_engine_store(driver->engine), error);
            }
            continue;
        }
        int64_t wait_us = fnd_engine_wait_us(driver->engine);
        wait_us = wait_us < 0 || wait_us > NAP_US ? NAP_US : wait_us;
        struct pollfd ready = {fnd_engine_fd(driver->engine), POLLIN, 0};
        poll(&ready, 1, (int)((wait_us + 999) / 1000));
    }
}

/** Hold the directory until stdin ends. */
static void hold(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

static enum fnd_status work(struct driver *driver, struct fnd_error *error)
{
    struct fnd_ingest counts = {0};
    enum fnd_status status = fnd_engine_resume(driver->engine, NULL, error);
    if (status == FND_OK && !requests_read(driver, error)) {
        status = error->status;
    }
    if (status == FND_OK) {
        status = reopen(driver, error);
    }
    if (status == FND_OK) {
        status = fnd_engine_ingest(driver->engine, driver->pin, false, &counts, input_refused,
                                   driver, error);
    }
    if (status == FND_OK) {
        status = plant_after_ingest(driver->plant, driver->engine, error);
    }
    if (status == FND_OK) {
        status = drive(driver, error);
    }
    return status;
}

static bool arguments_read(struct driver *driver, int argc, char **argv)
{
    if (argc < 4) {
        return false;
    }
    driver->options.directory = argv[1];
    driver->pipeline = argv[2];
    driver->options.plugin_path = argv[3];
    for (int i = 4; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--hold") == 0) {
            driver->hold = true;
            continue;
        }
        if (value == NULL) {
            return false;
        }
        i++;
        if (strcmp(argv[i - 1], "--flight") == 0) {
            driver->options.flight_max = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--reopen") == 0) {
            driver->reopen = strtol(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--plant") != 0 || !plant_parse(value, &driver->plant)) {
            return false;
        }
    }
    return true;
}

static void signals_set(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

int main(int argc, char **argv)
{
    struct driver driver = {.reopen = -1};
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    const struct fnd_log log = {.fd = STDERR_FILENO, .level = FND_LOG_WARNING};
    if (!arguments_read(&driver, argc, argv)) {
        fprintf(stderr, "usage: driver JOBDIR PIPELINE PLUGIN_PATH [--flight N] [--reopen N] "
                        "[--hold] [--plant FAULT]\n");
        return 2;
    }
    signals_set();
    fnd_digest_setup();
    driver.options.env = fnd_env_system();
    driver.options.log = &log;
    driver.options.kinds = fnd_review_kinds();
    driver.options.prover = fnd_learn_prover();
    driver.options.store.create = true;
    driver.options.store.lock_wait_ms = LOCK_WAIT_MS;
    driver.options.worker_program = getenv("FOUNDRY_WORKER");
    driver.options.isolation = FND_ISOLATION_PROCESS;
    driver.options.workers_max = 2;
    driver.options.news = news;
    driver.options.context = &driver;
    if (fnd_engine_open(&driver.options, &driver.engine, &error) != FND_OK) {
        return fail("open", &error);
    }
    if (fnd_engine_pin(driver.engine, driver.pipeline, NULL, &driver.pin, &errors, NULL) !=
        FND_OK) {
        fnd_engine_close(driver.engine);
        return fail("pin", &errors.list[0]);
    }
    say("ready\n");
    enum fnd_status status = FND_OK;
    if (driver.hold) {
        hold();
    } else {
        status = work(&driver, &error);
    }
    fnd_engine_close(driver.engine);
    free(driver.requests);
    if (stops > 0 && (status == FND_OK || status == FND_INTERRUPTED)) {
        return EXIT_STOPPED;
    }
    if (status != FND_OK) {
        return fail("run", &error);
    }
    say("rest\n");
    return driver.refused > 0 ? 1 : 0;
}
