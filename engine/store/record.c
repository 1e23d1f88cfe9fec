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

/** The bodies of a row, each against its digest. */
static enum fnd_status bodies_from(struct fnd_reader *reader, sqlite3_stmt *found,
                                   struct fnd_record_parts *parts)
{
    const struct {
        int column;
        int64_t event;
        struct fnd_text *body;
    } bodies[] = {{AT_ANSWER, parts->correction.id, &parts->answer},
                  {AT_ASKED, parts->correction.request, &parts->asked},
                  {AT_CAME, parts->job.id, &parts->came},
                  {AT_OUTPUT, parts->correction.output, &parts->output}};
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0] && status == FND_OK; i++) {
        if (bodies[i].event > 0 || bodies[i].column != AT_OUTPUT) { /* seldom there is none */
            status = fnd_payload_from(reader, found, bodies[i].column, bodies[i].event,
                                      bodies[i].body, NULL, NULL);
        }
    }
    return status;
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
        status = status == FND_OK ? FND_OK : FND_NOT_FOUND;
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
    return row != NULL && event > 0 && sqlite3_column_int64(row, AT_SAID) == event
               ? fnd_payload_from(reader, row, AT_SAID + 1, event, body, meta, error)
               : fnd_payload_get(reader, event, body, meta, error);
}
