/* SPDX-License-Identifier: MIT */
/* Requests as a queue: who has them, when they are due. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/desk.h"
#include "store/reader_internal.h"

static void text_from(sqlite3_stmt *statement, int column, char *text, size_t size)
{
    const char *found = (const char *)sqlite3_column_text(statement, column);
    snprintf(text, size, "%s", found != NULL ? found : "");
}

static void ask_from(sqlite3_stmt *statement, struct fnd_ask_row *row)
{
    memset(row, 0, sizeof *row);
    fnd_request_from(statement, &row->request);
    row->job = sqlite3_column_int64(statement, 6);
    row->asked_us = sqlite3_column_int64(statement, 7);
    row->due_us = sqlite3_column_int64(statement, 8);
    row->next_us = sqlite3_column_int64(statement, 9);
    row->remind_ms = sqlite3_column_int64(statement, 10);
    row->due_ms = sqlite3_column_int64(statement, 11);
    row->fence = sqlite3_column_int64(statement, 12);
    row->until_us = sqlite3_column_int64(statement, 13);
    row->snoozed_us = sqlite3_column_int64(statement, 14);
    row->reopened = sqlite3_column_int64(statement, 15);
    row->stage = sqlite3_column_int(statement, 16);
    text_from(statement, 17, row->group, sizeof row->group);
    text_from(statement, 18, row->holder, sizeof row->holder);
}

enum fnd_status fnd_ask_get(struct fnd_reader *reader, int64_t request, struct fnd_ask_row *row,
                            struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_ASK, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, request);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        ask_from(statement, row);
    } else if (rc == SQLITE_DONE) {
        status = fnd_error_set(error, FND_NOT_FOUND, "there is no request %" PRId64 " in %s",
                               request, reader->path);
    } else {
        status = fnd_reader_stepped(reader, rc, error);
    }
    fnd_reader_release(reader, statement);
    return status;
}

static int64_t limit_of(size_t limit)
{
    return limit < INT64_MAX ? (int64_t)limit : INT64_MAX;
}

/* A statement over requests, bound. */
static enum fnd_status use_filter(struct fnd_reader *reader, enum fnd_reader_statement which,
                                  const struct fnd_ask_filter *filter,
                                  const struct fnd_ask_place *after, size_t limit,
                                  sqlite3_stmt **made, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int(statement, 1, (int)filter->state);
    sqlite3_bind_int64(statement, 2, after->due_us);
    sqlite3_bind_int64(statement, 3, after->request);
    if (filter->group != NULL) {
        sqlite3_bind_text(statement, 4, filter->group, -1, SQLITE_STATIC);
    }
    if (filter->pipeline != NULL) {
        sqlite3_bind_text(statement, 5, filter->pipeline, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(statement, 6, filter->job);
    sqlite3_bind_int64(statement, 7, filter->free_us);
    sqlite3_bind_int64(statement, 8, limit_of(limit));
    *made = statement;
    return FND_OK;
}

static enum fnd_status walk(struct fnd_reader *reader, sqlite3_stmt *statement,
                            bool (*row)(const struct fnd_ask_row *row, void *context),
                            void *context, struct fnd_error *error)
{
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct fnd_ask_row ask;
        ask_from(statement, &ask);
        if (!row(&ask, context)) {
            break;
        }
    }
    enum fnd_status status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_asks_walk(struct fnd_reader *reader, const struct fnd_ask_filter *filter,
                              const struct fnd_ask_place *after, size_t limit,
                              bool (*row)(const struct fnd_ask_row *row, void *context),
                              void *context, struct fnd_error *error)
{
    const bool open = filter->state == FND_REQUEST_OPEN;
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = use_filter(reader, open ? WALK_ASKS_OPEN : WALK_ASKS, filter, after,
                                        limit, &statement, error);
    return status != FND_OK ? status : walk(reader, statement, row, context, error);
}

/* One line; its texts are the statement's, its documents are in the two buffers. */
static enum fnd_status line_from(struct fnd_reader *reader, sqlite3_stmt *statement,
                                 struct fnd_text *asked, struct fnd_text *came,
                                 struct fnd_ask_line *line, struct fnd_error *error)
{
    enum { AT_JOB = 19, AT_ASKED = AT_JOB + FND_JOB_COLUMNS_COUNT };
    enum { AT_CAME = AT_ASKED + 4, AT_RULES = AT_CAME + 4 };
    ask_from(statement, &line->ask);
    fnd_job_from(statement, AT_JOB, &line->job);
    line->rules = (const char *)sqlite3_column_text(statement, AT_RULES);
    fnd_text_clear(asked);
    fnd_text_clear(came);
    enum fnd_status status =
        fnd_payload_from(reader, statement, AT_ASKED, line->ask.request.id, asked, NULL, error);
    if (status == FND_OK) {
        status = fnd_payload_from(reader, statement, AT_CAME, line->job.id, came, NULL, error);
    }
    line->asked = (struct fnd_json){fnd_text_z(asked), asked->size};
    line->came = (struct fnd_json){fnd_text_z(came), came->size};
    return status;
}

enum fnd_status fnd_asks_list(struct fnd_reader *reader, const struct fnd_ask_filter *filter,
                              const struct fnd_ask_place *after, size_t limit,
                              bool (*row)(const struct fnd_ask_line *line, void *context),
                              void *context, struct fnd_error *error)
{
    const bool open = filter->state == FND_REQUEST_OPEN;
    struct fnd_text asked = {0}, came = {0};
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = use_filter(reader,
                                        filter->job != 0 ? WALK_LINES_JOB
                                        : open           ? WALK_LINES_OPEN
                                                         : WALK_LINES,
                                        filter, after, limit, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct fnd_ask_line line;
        status = line_from(reader, statement, &asked, &came, &line, error);
        const bool more = status == FND_OK && row(&line, context);
        fnd_job_row_finish(&line.job);
        if (!more) {
            break;
        }
    }
    status = status == FND_OK ? fnd_reader_stepped(reader, rc, error) : status;
    fnd_reader_release(reader, statement);
    fnd_text_finish(&asked);
    fnd_text_finish(&came);
    return status;
}

enum fnd_status fnd_asks_due(struct fnd_reader *reader, int64_t until_us, size_t limit,
                             bool (*row)(const struct fnd_ask_row *row, void *context),
                             void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_ASKS_DUE, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, until_us);
    sqlite3_bind_int64(statement, 2, limit_of(limit));
    return walk(reader, statement, row, context, error);
}

/* One number out of a statement without parameters; FND_DUE_NONE where it gives none. */
static enum fnd_status next_of(struct fnd_reader *reader, enum fnd_reader_statement which,
                               int64_t *next_us, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    int rc = sqlite3_step(statement);
    status = fnd_reader_stepped(reader, rc, error);
    if (status == FND_OK) {
        *next_us = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : FND_DUE_NONE;
    }
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_asks_next_due(struct fnd_reader *reader, int64_t *next_us,
                                  struct fnd_error *error)
{
    return next_of(reader, READ_ASKS_NEXT, next_us, error);
}

enum fnd_status fnd_outbox_next(struct fnd_reader *reader, int64_t *next_us,
                                struct fnd_error *error)
{
    return next_of(reader, READ_OUTBOX_NEXT, next_us, error);
}
