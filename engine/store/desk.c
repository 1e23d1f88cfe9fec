/* SPDX-License-Identifier: MIT */
/* Drafts, rules and the outbox, read. */
#include "store/desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/reader_internal.h"

static void append_column(sqlite3_stmt *statement, int column, struct fnd_text *text)
{
    const char *bytes = (const char *)sqlite3_column_text(statement, column);
    if (text != NULL && bytes != NULL) {
        fnd_text_append(text, bytes, (size_t)sqlite3_column_bytes(statement, column));
    }
}

/* Columns: at, body, who. Takes the statement. */
static enum fnd_status draft_from(struct fnd_reader *reader, sqlite3_stmt *statement,
                                  int64_t request, int64_t *at_us, struct fnd_text *who,
                                  struct fnd_text *text, struct fnd_error *error)
{
    int rc = sqlite3_step(statement);
    enum fnd_status status = fnd_reader_stepped(reader, rc, error);
    if (rc == SQLITE_ROW) {
        if (at_us != NULL) {
            *at_us = sqlite3_column_int64(statement, 0);
        }
        append_column(statement, 1, text);
        append_column(statement, 2, who);
    } else if (rc == SQLITE_DONE) {
        status = fnd_error_set(error, FND_NOT_FOUND, "request %" PRId64 " has no draft", request);
    }
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_draft_get(struct fnd_reader *reader, int64_t request, const char *who,
                              int64_t *at_us, struct fnd_text *text, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_DRAFT, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, request);
    sqlite3_bind_text(statement, 2, who, -1, SQLITE_STATIC);
    return draft_from(reader, statement, request, at_us, NULL, text, error);
}

enum fnd_status fnd_draft_latest(struct fnd_reader *reader, int64_t request, int64_t *at_us,
                                 struct fnd_text *who, struct fnd_text *text,
                                 struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_DRAFT_LATEST, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, request);
    return draft_from(reader, statement, request, at_us, who, text, error);
}

/* --- rules --------------------------------------------------------------------------------- */

static void rule_from(sqlite3_stmt *statement, struct fnd_rule_row *row)
{
    *row = (struct fnd_rule_row){
        .answer = sqlite3_column_int64(statement, 0),
        .question = sqlite3_column_int64(statement, 1),
        .request = sqlite3_column_int64(statement, 3),
        .state = (enum fnd_rule_state)sqlite3_column_int(statement, 4),
        .ended = sqlite3_column_int64(statement, 5),
        .settled = sqlite3_column_int64(statement, 6),
    };
    if (sqlite3_column_bytes(statement, 2) == FND_FINGERPRINT_SIZE) {
        memcpy(row->fingerprint, sqlite3_column_blob(statement, 2), FND_FINGERPRINT_SIZE);
    }
}

enum fnd_status fnd_rules_walk(struct fnd_reader *reader, int64_t after, size_t limit,
                               bool (*row)(const struct fnd_rule_row *row, void *context),
                               void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_RULES, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, after);
    sqlite3_bind_int64(statement, 2, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct fnd_rule_row rule;
        rule_from(statement, &rule);
        if (!row(&rule, context)) {
            break;
        }
    }
    status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_rule_find(struct fnd_reader *reader,
                              const uint8_t fingerprint[FND_FINGERPRINT_SIZE],
                              struct fnd_rule_row *row, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, READ_RULE, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_blob(statement, 1, fingerprint, FND_FINGERPRINT_SIZE, SQLITE_STATIC);
    int rc = sqlite3_step(statement);
    status = fnd_reader_stepped(reader, rc, error);
    if (rc == SQLITE_ROW) {
        rule_from(statement, row);
    } else if (rc == SQLITE_DONE) {
        status = fnd_error_set(error, FND_NOT_FOUND, "no rule holds for this question");
    }
    fnd_reader_release(reader, statement);
    return status;
}

/* Numbers out of a statement of (after, limit). */
static enum fnd_status numbers(struct fnd_reader *reader, enum fnd_reader_statement which,
                               int64_t after, int64_t *list, size_t limit, size_t *count,
                               struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    *count = 0;
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, after);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
    int rc = SQLITE_DONE;
    while (*count < limit && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        list[(*count)++] = sqlite3_column_int64(statement, 0);
    }
    status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_twins_open(struct fnd_reader *reader, int64_t after, int64_t *requests,
                               size_t limit, size_t *count, struct fnd_error *error)
{
    return numbers(reader, READ_TWINS_OPEN, after, requests, limit, count, error);
}

enum fnd_status fnd_settled_revoked(struct fnd_reader *reader, int64_t after, int64_t *corrections,
                                    size_t limit, size_t *count, struct fnd_error *error)
{
    return numbers(reader, READ_SETTLED_REVOKED, after, corrections, limit, count, error);
}

static enum fnd_status number_of(struct fnd_reader *reader, enum fnd_reader_statement which,
                                 int64_t request, int64_t *number, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, request);
    int rc = sqlite3_step(statement);
    status = fnd_reader_stepped(reader, rc, error);
    *number = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_twin_is(struct fnd_reader *reader, int64_t request, bool *is,
                            struct fnd_error *error)
{
    int64_t found = 0;
    enum fnd_status status = number_of(reader, READ_TWIN, request, &found, error);
    *is = found != 0;
    return status;
}

enum fnd_status fnd_rule_made(struct fnd_reader *reader, int64_t answer, bool *made,
                              struct fnd_error *error)
{
    int64_t found = 0;
    enum fnd_status status = number_of(reader, READ_RULE_MADE, answer, &found, error);
    *made = found != 0;
    return status;
}

enum fnd_status fnd_twins_count(struct fnd_reader *reader, int64_t request, int64_t *count,
                                struct fnd_error *error)
{
    return number_of(reader, READ_TWINS_COUNT, request, count, error);
}

/* --- outbox -------------------------------------------------------------------------------- */

static enum fnd_status outbox(struct fnd_reader *reader, sqlite3_stmt *statement,
                              bool (*row)(const struct fnd_outbox_row *row, void *context),
                              void *context, struct fnd_error *error)
{
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct fnd_outbox_row found = {
            .id = sqlite3_column_int64(statement, 0),
            .event = sqlite3_column_int64(statement, 1),
            .hook = sqlite3_column_int(statement, 2),
            .pin = sqlite3_column_int64(statement, 3),
            .at_us = sqlite3_column_int64(statement, 4),
            .state = (enum fnd_outbox_state)sqlite3_column_int(statement, 5),
            .tries = sqlite3_column_int(statement, 6),
            .next_us = sqlite3_column_int64(statement, 7),
        };
        const char *note = (const char *)sqlite3_column_text(statement, 8);
        snprintf(found.note, sizeof found.note, "%s", note != NULL ? note : "");
        if (!row(&found, context)) {
            break;
        }
    }
    enum fnd_status status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_outbox_due(struct fnd_reader *reader, int64_t now_us, size_t limit,
                               bool (*row)(const struct fnd_outbox_row *row, void *context),
                               void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_OUTBOX_DUE, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, now_us);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
    return outbox(reader, statement, row, context, error);
}

enum fnd_status fnd_outbox_walk(struct fnd_reader *reader, int state, int64_t after, size_t limit,
                                bool (*row)(const struct fnd_outbox_row *row, void *context),
                                void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_OUTBOX, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int(statement, 1, state);
    sqlite3_bind_int64(statement, 2, after);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)limit);
    return outbox(reader, statement, row, context, error);
}
