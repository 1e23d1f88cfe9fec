/* SPDX-License-Identifier: MIT */
#include "resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "review/review.h"
#include "run/engine.h"

enum { REQUESTS_MAX = 1000, JOBS_MAX = 4096 };

struct seen {
    int64_t requests[REQUESTS_MAX];
    size_t requests_count;
    uint64_t outputs[JOBS_MAX]; /* by number of the job: a bit for each phase that has a result */
    int64_t doubled;
};

static bool request_note(const struct fnd_request_row *row, void *context)
{
    struct seen *seen = context;
    seen->requests[seen->requests_count++] = row->id;
    return seen->requests_count < REQUESTS_MAX;
}

static bool event_note(const struct fnd_event_row *event, void *context)
{
    struct seen *seen = context;
    if (event->kind == FND_EVENT_OUTPUT && event->step < JOBS_MAX) {
        const uint64_t bit = UINT64_C(1) << event->phase;
        seen->doubled += (seen->outputs[event->step] & bit) != 0;
        seen->outputs[event->step] |= bit;
    }
    return true;
}

static bool failed(char text[CHECK_TEXT_SIZE], const char *what, const struct fnd_error *error)
{
    snprintf(text, CHECK_TEXT_SIZE, "resumed: %s: %.900s", what, error->message);
    return false;
}

static enum fnd_status run(struct fnd_engine *engine, int64_t pin, struct fnd_error *error)
{
    struct fnd_ingest counts;
    enum fnd_status status = fnd_engine_resume(engine, NULL, error);
    if (status == FND_OK) {
        status = fnd_engine_ingest(engine, pin, false, &counts, NULL, NULL, error);
    }
    return status == FND_OK ? fnd_engine_run(engine, NULL, error) : status;
}

static enum fnd_status answer_all(struct fnd_engine *engine, struct seen *seen,
                                  struct fnd_error *error)
{
    const struct fnd_walk all = {0, REQUESTS_MAX};
    enum fnd_status status = fnd_requests_walk(fnd_engine_reader(engine), FND_REQUEST_OPEN, &all,
                                               request_note, seen, error);
    for (size_t i = 0; i < seen->requests_count && status == FND_OK; i++) {
        struct fnd_answered answered = {0};
        const struct fnd_answer answer = {.request = seen->requests[i],
                                          .act = FND_ANSWER_ACCEPT,
                                          .values = {.bytes = "{}", .size = 2},
                                          .by = "power",
                                          .seconds_ms = 1,
                                          .run = true};
        status = fnd_review_answer(engine, &answer, &answered, error);
        fnd_answered_finish(&answered);
    }
    return status == FND_OK ? fnd_engine_run(engine, NULL, error) : status;
}

/* Every input one completed job, every phase one result. */
static bool look(const struct check *check, struct fnd_engine *engine, struct seen *seen,
                 char text[CHECK_TEXT_SIZE])
{
    struct fnd_error error = {0};
    const struct fnd_walk all = {0, 1000000};
    int64_t counts[FND_CANCELLED + 1] = {0};
    if (fnd_jobs_count(fnd_engine_reader(engine), NULL, counts, &error) != FND_OK ||
        fnd_events_walk(fnd_engine_reader(engine), 0, &all, event_note, seen, &error) != FND_OK) {
        return failed(text, "read", &error);
    }
    int64_t others = 0;
    for (int state = 0; state <= FND_CANCELLED; state++) {
        others += state != FND_COMPLETED ? counts[state] : 0;
    }
    if (counts[FND_COMPLETED] != (int64_t)check->inputs || others != 0 || seen->doubled != 0) {
        snprintf(text, CHECK_TEXT_SIZE,
                 "resumed: %" PRId64 " of %zu jobs completed, %" PRId64 " elsewhere, %" PRId64
                 " results recorded twice",
                 counts[FND_COMPLETED], check->inputs, others, seen->doubled);
        return false;
    }
    return true;
}

bool resume_all(const struct check *check, char text[CHECK_TEXT_SIZE])
{
    struct fnd_engine_options options = {.env = fnd_env_system(),
                                         .directory = check->jobs,
                                         .kinds = fnd_review_kinds(),
                                         .store = {.create = true},
                                         .plugin_path = check->plugin_path,
                                         .worker_program = getenv("FOUNDRY_WORKER"),
                                         .isolation = FND_ISOLATION_INLINE,
                                         .workers_max = 1};
    struct fnd_engine *engine = NULL;
    struct fnd_error error = {0};
    struct fnd_errors errors = {0};
    struct seen *seen = fnd_alloc(sizeof *seen);
    int64_t pin = 0;
    bool fine;
    if (fnd_engine_open(&options, &engine, &error) != FND_OK) {
        fine = failed(text, "open", &error);
    } else if (fnd_engine_pin(engine, check->pipeline, NULL, &pin, &errors, NULL) != FND_OK) {
        fine = failed(text, "pin", &errors.list[0]);
    } else if (run(engine, pin, &error) != FND_OK) {
        fine = failed(text, "run", &error);
    } else if (answer_all(engine, seen, &error) != FND_OK) {
        fine = failed(text, "answer", &error);
    } else {
        fine = look(check, engine, seen, text);
    }
    fnd_engine_close(engine);
    free(seen);
    return fine;
}
