/* SPDX-License-Identifier: MIT */
/* What stands behind a CorrectionRecord, in one statement: an export reads a million of them, and a
 * statement of its own for each row would cost more than what it reads. */
#include "store/reader_internal.h"

#include "base/text.h"

/* Columns of READ_RECORD, as FND_RECORD_COLUMNS has them. */
enum {
    AT_JOB = FND_CORRECTION_COLUMNS_COUNT,
    AT_TIME = AT_JOB + FND_JOB_COLUMNS_COUNT,
    AT_ANSWER,
    AT_ASKED = AT_ANSWER + FND_PAYLOAD_COLUMNS_COUNT,
    AT_CAME = AT_ASKED + FND_PAYLOAD_COLUMNS_COUNT,
    AT_OUTPUT = AT_CAME + FND_PAYLOAD_COLUMNS_COUNT,
    AT_SAID = AT_OUTPUT + FND_PAYLOAD_COLUMNS_COUNT
};

enum {
    STEPS_MAX = 64 /* events between two records of which the later is the next row, or soon */
};

void fnd_record_parts_finish(struct fnd_record_parts *parts)
{
    fnd_job_row_finish(&parts->job);
    fnd_text_finish(&parts->answer);
    fnd_text_finish(&parts->asked);
    fnd_text_finish(&parts->came);
    fnd_text_finish(&parts->output);
}

/** The bodies of a row, all at once against their digests. The output that the answer names is held
 *  against its own: nobody may ask for it.  Returns FND_NOT_FOUND where one is missing, or is not
 *  what was recorded. */
static enum fnd_status bodies_from(struct fnd_reader *reader, sqlite3_stmt *found,
                                   struct fnd_record_parts *parts)
{
    enum { SAID = 4, COUNT };
    const struct {
        struct fnd_text *body; /* NULL: it stays where it is */
        int column;
        bool there;
    } bodies[COUNT] = {{&parts->answer, AT_ANSWER, true},
                       {&parts->asked, AT_ASKED, true},
                       {&parts->came, AT_CAME, true},
                       {&parts->output, AT_OUTPUT, parts->correction.output > 0},
                       [SAID] = {NULL, AT_SAID + 1, sqlite3_column_int64(found, AT_SAID) > 0}};
    struct fnd_payload payloads[COUNT];
    size_t at[COUNT], count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (bodies[i].there && fnd_payload_columns(found, bodies[i].column, &payloads[count])) {
            at[count++] = i;
        } else if (bodies[i].there && i != SAID) {
            return FND_NOT_FOUND;
        }
    }
    fnd_payload_digests(payloads, count);
    for (size_t k = 0; k < count; k++) {
        const bool same = fnd_payload_recorded(found, bodies[at[k]].column, &payloads[k]);
        if (at[k] == SAID) {
            reader->record_said = same ? sqlite3_column_int64(found, AT_SAID) : 0;
        } else if (!same) {
            return FND_NOT_FOUND;
        } else {
            fnd_payload_append(&payloads[k], bodies[at[k]].body, NULL);
        }
    }
    return FND_OK;
}

void fnd_record_rest(struct fnd_reader *reader)
{
    if (reader->record_at > 0) {
        sqlite3_reset(reader->statements[READ_RECORD]);
        reader->record_at = 0;
    }
}

/** The row of a record, or of the first one behind its place. Who reads many mostly asks for them
 *  in order: where the statement stands shortly before it, it goes on, and opens nothing anew. */
static int row_find(struct fnd_reader *reader, sqlite3_stmt *statement, int64_t correction)
{
    int rc = SQLITE_ROW;
    const int64_t before = reader->record_at;
    if (before > 0 && before < correction && correction - before <= STEPS_MAX) {
        rc = sqlite3_step(statement);
        reader->record_at = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    }
    if (rc == SQLITE_ROW && (reader->record_at < correction || correction <= before)) {
        sqlite3_reset(statement);
        sqlite3_bind_int64(statement, 1, correction);
        rc = sqlite3_step(statement);
        reader->record_at = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    }
    return rc;
}

enum fnd_status fnd_record_get(struct fnd_reader *reader, int64_t correction,
                               struct fnd_record_parts *parts, struct fnd_error *error)
{
    sqlite3_stmt *statement = reader->statements[READ_RECORD];
    reader->record_said = 0;
    fnd_job_row_finish(&parts->job);
    fnd_text_clear(&parts->answer);
    fnd_text_clear(&parts->asked);
    fnd_text_clear(&parts->came);
    fnd_text_clear(&parts->output);
    enum fnd_status status =
        reader->record_at > 0 ? FND_OK : fnd_reader_use(reader, READ_RECORD, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    const int rc = row_find(reader, statement, correction);
    if (rc != SQLITE_ROW) {
        status = fnd_reader_stepped(reader, rc, error);
        status = status == FND_OK ? FND_NOT_FOUND : status;
    } else if (reader->record_at != correction ||
               sqlite3_column_type(statement, AT_JOB) == SQLITE_NULL) {
        status = FND_NOT_FOUND;
    } else {
        fnd_correction_from(statement, &parts->correction);
        fnd_job_from(statement, AT_JOB, &parts->job);
        parts->at_us = sqlite3_column_int64(statement, AT_TIME);
        status = bodies_from(reader, statement, parts);
    }
    if (rc != SQLITE_ROW || !reader->held) {
        sqlite3_reset(statement);
        reader->record_at = 0;
    }
    return status;
}

enum fnd_status fnd_record_output(struct fnd_reader *reader, int64_t event, struct fnd_text *body,
                                  struct fnd_text *meta, struct fnd_error *error)
{
    sqlite3_stmt *row = reader->record_at > 0 ? reader->statements[READ_RECORD] : NULL;
    if (row == NULL || event <= 0 || sqlite3_column_int64(row, AT_SAID) != event) {
        return fnd_payload_get(reader, event, body, meta, error);
    }
    if (reader->record_said != event) {
        return fnd_payload_from(reader, row, AT_SAID + 1, event, body, meta, error);
    }
    struct fnd_payload payload;
    fnd_payload_columns(row, AT_SAID + 1, &payload);
    fnd_payload_append(&payload, body, meta);
    return FND_OK;
}
