/* SPDX-License-Identifier: MIT */
#include "learn/stood.h"

#include <inttypes.h>
#include <stdlib.h>

static enum fnd_status job_stood(struct fnd_reader *reader, struct fnd_stood *stood,
                                 struct fnd_error *error)
{
    struct fnd_job_row job = {0};
    const enum fnd_status status = fnd_job_get(reader, stood->job, &job, error);
    if (status == FND_OK && stood->pin == 0) {
        stood->pin = job.pin;
    }
    fnd_job_row_finish(&job);
    return status;
}

enum fnd_status fnd_stood_before(struct fnd_reader *reader, const struct fnd_event_row *event,
                                 struct fnd_stood *stood, struct fnd_error *error)
{
    struct fnd_event_row row = *event;
    int32_t below = event->phase < FND_PHASES_MAX ? event->phase : FND_PHASES_MAX;
    *stood = (struct fnd_stood){0};
    while (row.kind != FND_EVENT_JOB) {
        const int64_t at = row.prev;
        if (at <= 0 || at >= row.id) {
            return fnd_error_set(error, FND_DAMAGED,
                                 "event %" PRId64 " names %" PRId64
                                 " as the one before it in its job; run verify",
                                 row.id, at);
        }
        const enum fnd_status status = fnd_event_get(reader, at, &row, error);
        if (status != FND_OK) {
            return status;
        }
        if (row.kind == FND_EVENT_OUTPUT && row.phase >= 0 && row.phase < below &&
            stood->outputs[row.phase] == 0) {
            stood->outputs[row.phase] = row.id;
        } else if (row.kind == FND_EVENT_REOPEN || row.kind == FND_EVENT_UPGRADE ||
                   row.kind == FND_EVENT_UNDO) {
            below = row.after.phase < below ? row.after.phase : below;
        }
        if (row.kind == FND_EVENT_UPGRADE && stood->pin == 0) {
            stood->pin = row.ref;
        }
    }
    stood->job = row.id;
    return job_stood(reader, stood, error);
}
