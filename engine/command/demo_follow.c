/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/demo.h"
#include "command/output.h"

enum { EVENTS_AT_ONCE = 200 };

struct batch {
    struct fnd_event_row rows[EVENTS_AT_ONCE];
    size_t count;
};

static bool keep(const struct fnd_event_row *row, void *context)
{
    struct batch *batch = context;
    batch->rows[batch->count++] = *row;
    return batch->count < EVENTS_AT_ONCE;
}

/* Why a job failed or is held: its event's own words. */
static char *message_of(struct fnd_reader *reader, int64_t event)
{
    struct fnd_text body = {0};
    struct fnd_json value = {0};
    char *message = NULL;
    if (fnd_payload_get(reader, event, &body, NULL, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&body), body.size, "event", &value, NULL) == FND_OK) {
        message = fnd_json_strdup(fnd_json_member(value, "message"));
    }
    fnd_text_finish(&body);
    return message != NULL ? message : fnd_strdup("no reason is recorded");
}

static void tell(struct fnd_app *app, struct fnd_reader *reader, const struct fnd_event_row *row)
{
    struct fnd_job_row job = {0};
    if (row->step == 0 || fnd_job_get(reader, row->step, &job, NULL) != FND_OK) {
        return; /* about a request or the store */
    }
    if (row->kind == FND_EVENT_ASK) {
        fnd_say(app, "%s: waits for an answer", job.path);
    } else if (row->kind == FND_EVENT_ANSWER) {
        fnd_say(app, "%s: answered, goes on", job.path);
    } else if (row->kind == FND_EVENT_UNDO) {
        fnd_say(app, "%s: the answer was taken back", job.path);
    } else if (row->kind == FND_EVENT_FAIL || row->kind == FND_EVENT_HOLD) {
        char *message = message_of(reader, row->id);
        fnd_say(app, "%s: %s: %s", job.path, row->kind == FND_EVENT_FAIL ? "failed" : "waits",
                message);
        free(message);
    } else if (row->after.state == FND_COMPLETED) {
        fnd_say(app, "%s: completed", job.path);
    }
    fnd_job_row_finish(&job);
}

enum fnd_status demo_follow(struct fnd_app *app, struct demo_follow *follow, bool *ended,
                            struct fnd_error *error)
{
    struct batch *batch = fnd_alloc(sizeof *batch);
    enum fnd_status status;
    bool news = false;
    do {
        const struct fnd_walk walk = {.after = follow->last, .limit = EVENTS_AT_ONCE};
        batch->count = 0;
        status = fnd_events_walk(follow->reader, 0, &walk, keep, batch, error);
        for (size_t i = 0; status == FND_OK && i < batch->count; i++) {
            tell(app, follow->reader, &batch->rows[i]);
            follow->last = batch->rows[i].id;
            news = true;
        }
    } while (status == FND_OK && batch->count == EVENTS_AT_ONCE);
    free(batch);
    if (status == FND_OK) {
        status = fnd_jobs_count(follow->reader, NULL, follow->counts, error);
    }
    if (status != FND_OK) {
        return status;
    }
    const int64_t *counts = follow->counts;
    int64_t over = counts[FND_COMPLETED] + counts[FND_FAILED] + counts[FND_CANCELLED];
    if (news) {
        fnd_progress(app, "%" PRId64 " of %zu done, %" PRId64 " wait for you", over, follow->jobs,
                     counts[FND_PAUSED]);
    }
    *ended = over >= (int64_t)follow->jobs && counts[FND_PAUSED] == 0 && counts[FND_QUEUED] == 0 &&
             counts[FND_RUNNING] == 0 && counts[FND_RETRYING] == 0;
    return FND_OK;
}
