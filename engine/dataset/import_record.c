/* SPDX-License-Identifier: MIT */
/* Which examples are new: by whoever holds the directory, one at a time. What is on record is never
 * touched. */
#include <string.h>

#include "dataset/import.h"
#include "review/review.h"

enum { REVISIONS_MAX = 10000 };

/** Whether the job is this very example, imported before, or holds the record of its UUID. */
static enum fnd_status job_is(struct fnd_importing *importing, int64_t job,
                              const struct fnd_incoming *incoming, const char *content, bool *same,
                              bool *known, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_step_row row;
    enum fnd_status status = fnd_payload_get(importing->reader, job, &body, NULL, error);
    *same = *known = false;
    if (status == FND_OK) {
        struct fnd_json told =
            fnd_json_find((struct fnd_json){body.bytes, body.size}, "/source/imported/content");
        *same = told.bytes != NULL && fnd_json_text_is(told, content);
        status = fnd_step_get(importing->reader, job, &row, error);
    }
    *known = status == FND_OK && *same && (int)row.stand.state > FND_STATES_LIVE_MAX;
    for (int64_t at = status == FND_OK ? row.event : 0;
         status == FND_OK && at > 0 && !*known && incoming->uuid != NULL;) {
        struct fnd_event_row event;
        status = fnd_event_get(importing->reader, at, &event, error);
        if (status == FND_OK && event.kind == FND_EVENT_ANSWER) {
            fnd_text_clear(&body);
            status = fnd_payload_get(importing->reader, at, &body, NULL, error);
            struct fnd_json uuid =
                fnd_json_member((struct fnd_json){fnd_text_z(&body), body.size}, "uuid");
            *known =
                status == FND_OK && uuid.bytes != NULL && fnd_json_text_is(uuid, incoming->uuid);
        }
        at = status == FND_OK ? event.prev : 0;
    }
    fnd_text_finish(&body);
    return status;
}

/** The job of this example: a new one, or one that an import before this left in the middle. */
static enum fnd_status job_take(struct fnd_importing *importing,
                                const struct fnd_incoming *incoming, const char *content,
                                int64_t *job, bool *known, struct fnd_error *error)
{
    int64_t revision =
        incoming->revision > 0 && incoming->revision < REVISIONS_MAX ? incoming->revision : 1;
    for (; revision <= REVISIONS_MAX; revision++) {
        bool same = false;
        *known = false;
        enum fnd_status status =
            fnd_import_job(importing, incoming, (int32_t)revision, content, job, error);
        if (status != FND_CONFLICT) {
            return status;
        }
        status = job_is(importing, *job, incoming, content, &same, known, error);
        if (status != FND_OK || same || *known) {
            return status;
        }
    }
    return fnd_error_set(error, FND_LIMIT, "%s has %d revisions on record, and none is free",
                         incoming->path, REVISIONS_MAX);
}

static enum fnd_status record(struct fnd_importing *importing, const struct fnd_incoming *incoming,
                              bool *known, struct fnd_error *error)
{
    char content[FND_DIGEST_TEXT_SIZE];
    struct fnd_step_row row;
    int64_t job = 0;
    fnd_import_content(incoming, content);
    enum fnd_status status = fnd_import_pin(importing, incoming->pipeline, incoming->phase, error);
    if (status == FND_OK) {
        status = job_take(importing, incoming, content, &job, known, error);
    }
    if (status != FND_OK || *known) {
        return status;
    }
    status = fnd_step_get(importing->reader, job, &row, error);
    struct fnd_request_row request;
    if (status == FND_OK &&
        fnd_request_of(importing->reader, job, &request, NULL) == FND_NOT_FOUND) {
        status = fnd_import_ask(importing, incoming, &row, error);
        status = status == FND_OK ? fnd_step_get(importing->reader, job, &row, error) : status;
    }
    if (status == FND_OK) {
        status = fnd_import_answer(importing, incoming, &row, content, error);
    }
    return status;
}

enum fnd_status fnd_dataset_import_record(struct fnd_reader *reader, struct fnd_store *store,
                                          struct fnd_json example, bool *known,
                                          struct fnd_error *error)
{
    struct fnd_importing importing = {.reader = reader, .store = store};
    struct fnd_incoming incoming = {0};
    struct fnd_import_texts texts = {0};
    *known = false;
    enum fnd_status status =
        fnd_incoming_parse(example, &incoming, &importing.origin, &texts, error);
    if (status == FND_OK) {
        status = record(&importing, &incoming, known, error);
    }
    fnd_import_forget(&importing);
    fnd_incoming_finish(&incoming);
    fnd_import_texts_finish(&texts);
    return status;
}
