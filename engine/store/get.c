/* SPDX-License-Identifier: MIT */
/* Single rows of the record. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/reader_internal.h"
#include "store/seal.h"

/* Step to the only row: `*row` is the statement there, to be released; NULL unless FND_OK. */
static enum fnd_status one(struct fnd_reader *reader, sqlite3_stmt *statement, sqlite3_stmt **row,
                           struct fnd_error *error)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *row = statement;
        return FND_OK;
    }
    enum fnd_status status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status == FND_OK ? FND_NOT_FOUND : status;
}

static enum fnd_status by_number(struct fnd_reader *reader, enum fnd_reader_statement which,
                                 int64_t id, const char *thing, sqlite3_stmt **row,
                                 struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, id);
    status = one(reader, statement, row, error);
    if (status == FND_NOT_FOUND) {
        fnd_error_set(error, FND_NOT_FOUND, "there is no %s %" PRId64 " in %s", thing, id,
                      reader->path);
    }
    return status;
}

enum fnd_status fnd_step_get(struct fnd_reader *reader, int64_t id, struct fnd_step_row *row,
                             struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status = by_number(reader, READ_STEP, id, "step", &found, error);
    if (status == FND_OK) {
        fnd_step_from(found, 0, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_job_get(struct fnd_reader *reader, int64_t id, struct fnd_job_row *row,
                            struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status = by_number(reader, READ_JOB, id, "job", &found, error);
    if (status == FND_OK) {
        fnd_job_from(found, 0, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_job_find(struct fnd_reader *reader, const char *pipeline, const char *path,
                             struct fnd_job_row *row, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *found = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_JOB_IDENTITY, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_text(statement, 1, pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC);
    status = one(reader, statement, &found, error);
    if (status == FND_OK) {
        fnd_job_from(found, 0, row);
    } else if (status == FND_NOT_FOUND) {
        fnd_error_set(error, FND_NOT_FOUND, "%s has no job of pipeline %s in %s", path, pipeline,
                      reader->path);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_jobs_below(struct fnd_reader *reader, const char *pipeline, const char *prefix,
                               bool *any, struct fnd_error *error)
{
    const size_t size = strlen(prefix);
    assert(size > 0 && (unsigned char)prefix[size - 1] < 0x7f);
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *found = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_JOB_BELOW, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    char *end = fnd_strdup(prefix); /* the first text behind all that begin with the prefix */
    end[size - 1]++;
    sqlite3_bind_text(statement, 1, pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, prefix, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, end, -1, SQLITE_STATIC);
    status = one(reader, statement, &found, error);
    *any = status == FND_OK;
    fnd_reader_release(reader, found);
    free(end);
    return status == FND_NOT_FOUND ? FND_OK : status;
}

enum fnd_status fnd_event_get(struct fnd_reader *reader, int64_t id, struct fnd_event_row *row,
                              struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status = by_number(reader, READ_EVENT, id, "event", &found, error);
    if (status == FND_OK) {
        fnd_event_from(found, 0, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_request_get(struct fnd_reader *reader, int64_t id, struct fnd_request_row *row,
                                struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status = by_number(reader, READ_REQUEST, id, "request", &found, error);
    if (status == FND_OK) {
        fnd_request_from(found, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_request_of(struct fnd_reader *reader, int64_t step, struct fnd_request_row *row,
                               struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status =
        by_number(reader, READ_REQUEST_OF, step, "open request of step", &found, error);
    if (status == FND_OK) {
        fnd_request_from(found, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_correction_get(struct fnd_reader *reader, int64_t id,
                                   struct fnd_correction_row *row, struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status =
        by_number(reader, READ_CORRECTION, id, "CorrectionRecord", &found, error);
    if (status == FND_OK) {
        fnd_correction_from(found, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

/* --- pins ---------------------------------------------------------------------------------- */

static void pin_from(sqlite3_stmt *found, struct fnd_pin_row *row)
{
    *row = (struct fnd_pin_row){.id = sqlite3_column_int64(found, 0)};
    if (sqlite3_column_bytes(found, 1) == FND_DIGEST_SIZE) {
        memcpy(row->hash, sqlite3_column_blob(found, 1), FND_DIGEST_SIZE);
    }
    const char *pipeline = (const char *)sqlite3_column_text(found, 2);
    row->pipeline = fnd_strdup(pipeline != NULL ? pipeline : "");
}

enum fnd_status fnd_pin_find(struct fnd_reader *reader, const uint8_t hash[FND_DIGEST_SIZE],
                             struct fnd_pin_row *row, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *found = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_PIN_HASH, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_blob(statement, 1, hash, FND_DIGEST_SIZE, SQLITE_STATIC);
    status = one(reader, statement, &found, error);
    if (status == FND_OK) {
        pin_from(found, row);
    } else if (status == FND_NOT_FOUND) {
        char hex[FND_DIGEST_TEXT_SIZE];
        fnd_digest_text(hash, hex);
        fnd_error_set(error, FND_NOT_FOUND, "no pipeline of hash %s is on record in %s", hex,
                      reader->path);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_pin_get(struct fnd_reader *reader, int64_t id, struct fnd_pin_row *row,
                            struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status = by_number(reader, READ_PIN, id, "pinned pipeline", &found, error);
    if (status == FND_OK) {
        pin_from(found, row);
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_pin_latest(struct fnd_reader *reader, const char *pipeline,
                               struct fnd_pin_row *row, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *found = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_PIN_LATEST, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_text(statement, 1, pipeline, -1, SQLITE_STATIC);
    status = one(reader, statement, &found, error);
    if (status == FND_OK) {
        pin_from(found, row);
        row->oldest = sqlite3_column_int64(found, 3);
    } else if (status == FND_NOT_FOUND) {
        fnd_error_set(error, FND_NOT_FOUND, "pipeline %s has never run in %s", pipeline,
                      reader->path);
    }
    fnd_reader_release(reader, found);
    return status;
}

/* --- payloads ------------------------------------------------------------------------------ */

static enum fnd_status damaged(const struct fnd_reader *reader, int64_t event, const char *found,
                               struct fnd_error *error)
{
    fnd_error_set(error, FND_DAMAGED,
                  "the content of event %" PRId64
                  " in %s %s; `foundry-engine verify` lists what is "
                  "damaged, restore a backup",
                  event, reader->path, found);
    fnd_error_code(error, "payload_damaged");
    return FND_DAMAGED;
}

bool fnd_payload_columns(sqlite3_stmt *found, int first, struct fnd_payload *payload)
{
    const void *parts[2];
    *payload = (struct fnd_payload){.key = sqlite3_column_blob(found, first + 1)};
    for (int i = 0; i < 2; i++) {
        parts[i] = sqlite3_column_blob(found, first + 2 + i);
        if (parts[i] == NULL && sqlite3_column_type(found, first + 2 + i) != SQLITE_NULL) {
            parts[i] = ""; /* an empty blob comes as NULL */
        }
    }
    payload->body = parts[0];
    payload->meta = parts[1];
    payload->body_size = (size_t)sqlite3_column_bytes(found, first + 2);
    payload->meta_size = (size_t)sqlite3_column_bytes(found, first + 3);
    return payload->key != NULL && sqlite3_column_bytes(found, first + 1) == FND_KEY_SIZE;
}

bool fnd_payload_recorded(sqlite3_stmt *found, int first, const struct fnd_payload *payload)
{
    const uint8_t *recorded = sqlite3_column_blob(found, first);
    return recorded != NULL && sqlite3_column_bytes(found, first) == FND_DIGEST_SIZE &&
           memcmp(payload->digest, recorded, sizeof payload->digest) == 0;
}

void fnd_payload_append(const struct fnd_payload *payload, struct fnd_text *body,
                        struct fnd_text *meta)
{
    if (body != NULL && payload->body != NULL) {
        fnd_text_append(body, payload->body, payload->body_size);
    }
    if (meta != NULL && payload->meta != NULL) {
        fnd_text_append(meta, payload->meta, payload->meta_size);
    }
}

enum fnd_status fnd_payload_from(struct fnd_reader *reader, sqlite3_stmt *found, int first,
                                 int64_t event, struct fnd_text *body, struct fnd_text *meta,
                                 struct fnd_error *error)
{
    struct fnd_payload payload;
    if (sqlite3_column_blob(found, first) == NULL) {
        return fnd_error_set(error, FND_NOT_FOUND, "event %" PRId64 " in %s has no content", event,
                             reader->path);
    }
    const bool whole = fnd_payload_columns(found, first, &payload);
    if (payload.key == NULL) {
        return damaged(reader, event, "is missing", error);
    }
    if (whole) {
        fnd_payload_digest(payload.key, payload.body, payload.body_size, payload.meta,
                           payload.meta_size, payload.digest);
    }
    if (!whole || !fnd_payload_recorded(found, first, &payload)) {
        return damaged(reader, event, "is not what was recorded", error);
    }
    fnd_payload_append(&payload, body, meta);
    return FND_OK;
}

enum fnd_status fnd_payload_get(struct fnd_reader *reader, int64_t event, struct fnd_text *body,
                                struct fnd_text *meta, struct fnd_error *error)
{
    sqlite3_stmt *found = NULL;
    enum fnd_status status = by_number(reader, READ_PAYLOAD, event, "event", &found, error);
    if (status == FND_OK) {
        status = fnd_payload_from(reader, found, 0, event, body, meta, error);
    }
    fnd_reader_release(reader, found);
    return status;
}

/* --- the ends ------------------------------------------------------------------------------ */

enum fnd_status fnd_steps_due(struct fnd_reader *reader, int64_t *due_us, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *found = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_DUE, &statement, error);
    if (status == FND_OK) {
        status = one(reader, statement, &found, error);
    }
    if (status == FND_OK) {
        *due_us = sqlite3_column_int64(found, 0);
    } else if (status == FND_NOT_FOUND) {
        *due_us = 0;
        status = FND_OK;
    }
    fnd_reader_release(reader, found);
    return status;
}

enum fnd_status fnd_reader_head(struct fnd_reader *reader, int64_t *sequence,
                                uint8_t chain[FND_DIGEST_SIZE], struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *found = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_HEAD, &statement, error);
    if (status == FND_OK) {
        status = one(reader, statement, &found, error);
    }
    if (status == FND_OK && sqlite3_column_bytes(found, 1) != FND_DIGEST_SIZE) {
        status = damaged(reader, sqlite3_column_int64(found, 0), "has no chain value", error);
    } else if (status == FND_OK) {
        *sequence = sqlite3_column_int64(found, 0);
        memcpy(chain, sqlite3_column_blob(found, 1), FND_DIGEST_SIZE);
    } else if (status == FND_NOT_FOUND) {
        *sequence = 0;
        memset(chain, 0, FND_DIGEST_SIZE);
        status = FND_OK;
    }
    fnd_reader_release(reader, found);
    return status;
}
