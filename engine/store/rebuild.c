/* SPDX-License-Identifier: MIT */
/* The tables once more, from the log alone, and the comparison. */
#include <inttypes.h>
#include <string.h>

#include "store/bytes.h"
#include "store/schema.h"
#include "store/verify_internal.h"

/* Each table by its key, which is the first column. */
static const struct table {
    const char *name, *sql;
} tables[] = {
    {"sqlite_schema",
     "SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
     " ORDER BY name"},
    {"meta", "SELECT key, value FROM meta ORDER BY key"},
    {"pin", "SELECT id, hash, pipeline FROM pin ORDER BY id"},
    {"job", "SELECT id, uuid, pin, pipeline, path, revision, created FROM job ORDER BY id"},
    {"step", "SELECT id, job, item, phase, state, attempt, failures, due, event, pin, outputs"
             " FROM step ORDER BY id"},
    {"request", "SELECT id, step, phase, version, state, closed, \"group\", asked, remind_ms,"
                " due_ms, due, next, stage, fence, holder, snoozed, reopened FROM request"
                " ORDER BY id"},
    {"correction", "SELECT id, step, phase, request, output, tier, verdict, undone"
                   " FROM correction ORDER BY id"},
    /* These have keys of several columns: the first column says all of them. */
    {"twin", "SELECT request * 65536 + question, fingerprint FROM twin ORDER BY 1, 2"},
    {"rule", "SELECT answer * 65536 + question, fingerprint, request, state, ended FROM rule"
             " ORDER BY 1"},
    {"settled", "SELECT rule || '/' || correction FROM settled ORDER BY 1"},
    {"training", "SELECT id, pipeline, model, version, attempt, until, state, began, ended, last,"
                 " checkpoint, checkpoint_size FROM training ORDER BY id"},
    {"model", "SELECT id, training, pipeline, name, version, hash, size, state, decided, replaced"
              " FROM model ORDER BY id"},
    {"shadow", "SELECT model || '/' || output, job, event FROM shadow ORDER BY 1"},
    {"artifact", "SELECT hash, size, refs FROM artifact ORDER BY hash"},
};

enum fnd_status fnd_rebuild_open(struct fnd_check *check, struct fnd_error *error)
{
    struct fnd_db *made = &check->made;
    made->path = check->reader->path;
    /* A nameless database lives in memory and moves to a temporary file when it grows. */
    int rc = sqlite3_open_v2(
        "", &made->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        rc = fnd_db_functions(made->handle);
    }
    if (rc != SQLITE_OK) {
        return fnd_db_error(made, rc, "make a temporary rebuild", error);
    }
    enum fnd_status status =
        fnd_db_exec(made, "PRAGMA journal_mode=MEMORY; PRAGMA cache_size=-8192; BEGIN",
                    "make a temporary rebuild", error);
    if (status == FND_OK) {
        status = fnd_db_exec(made, fnd_tables_log_sql(), "make a temporary rebuild", error);
    }
    if (status == FND_OK) {
        status = fnd_tables_folded(made, "make a temporary rebuild", error);
    }
    if (status == FND_OK) {
        status = fnd_fold_open(&check->fold, made, error);
    }
    static const char *const outputs_sql = "SELECT outputs FROM step WHERE id = ?1";
    return status == FND_OK ? fnd_db_prepare(made, &outputs_sql, 1, &check->outputs, error)
                            : status;
}

void fnd_rebuild_close(struct fnd_check *check)
{
    fnd_parts_finish(&check->parts);
    fnd_db_finalize(&check->outputs, 1);
    fnd_fold_close(&check->fold);
    fnd_db_close(&check->made);
}

/* The outputs of a step before an event; a step that is not there yet has none. */
static int outputs_before(struct fnd_check *check, int64_t step)
{
    struct fnd_parts *parts = &check->parts.parts;
    parts->outputs_count = 0;
    sqlite3_bind_int64(check->outputs, 1, step);
    const int rc = sqlite3_step(check->outputs);
    if (rc == SQLITE_ROW) {
        const uint8_t *bytes = sqlite3_column_blob(check->outputs, 0);
        parts->outputs_count = (size_t)sqlite3_column_bytes(check->outputs, 0) / 8;
        for (size_t i = 0; i < parts->outputs_count; i++) {
            parts->outputs[i] = fnd_le64_get(bytes + i * 8);
        }
    }
    sqlite3_reset(check->outputs);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What the fold takes for granted, as the live writer asserts it. */
static const char *impossible(const struct fnd_event_row *event)
{
    if (event->kind < FND_EVENT_STORE || event->kind > FND_EVENT_LAST) {
        return "it is of no known kind";
    }
    if (event->phase < 0 || event->phase >= FND_PHASES_MAX || event->after.phase < 0 ||
        event->after.phase > FND_PHASES_MAX) {
        return "no pipeline has such a phase";
    }
    return event->ref < 0 ? "it refers to no event" : NULL;
}

void fnd_rebuild_event(struct fnd_check *check, const struct fnd_event_row *event, const char *body,
                       size_t body_size, const char *meta, size_t meta_size)
{
    const char *problem = impossible(event);
    struct fnd_error error = {0};
    if (problem == NULL) {
        if (outputs_before(check, event->step) != SQLITE_OK) {
            problem = sqlite3_errmsg(check->made.handle);
        } else if (fnd_parts_read(&check->parts, event->kind, body, body_size, meta, meta_size,
                                  &error) != FND_OK) {
            problem = error.message;
        }
    }
    bool needs_body = event->kind == FND_EVENT_STORE || event->kind == FND_EVENT_PIN ||
                      event->kind == FND_EVENT_JOB;
    if (problem != NULL) {
        fnd_check_flaw(check, "event %" PRId64 " cannot be rebuilt: %s; restore a backup",
                       event->id, problem);
        if (needs_body || impossible(event) != NULL) {
            return;
        }
    }
    int rc = SQLITE_OK;
    switch (fnd_fold_apply(&check->fold, event, &check->parts.parts, &rc)) {
    case FND_FOLD_DONE:
        break;
    case FND_FOLD_CONFLICT:
        fnd_check_flaw(check,
                       "event %" PRId64 ": event %" PRId64
                       " is not the one before it of step %" PRId64 "; restore a backup",
                       event->id, event->prev, event->step);
        break;
    case FND_FOLD_FAILED:
        fnd_check_flaw(check, "event %" PRId64 " cannot be rebuilt: %s; restore a backup",
                       event->id, sqlite3_errmsg(check->made.handle));
        break;
    }
}

/* --- comparing ----------------------------------------------------------------------------- */

static int compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t size = a_size < b_size ? a_size : b_size;
    int order = size > 0 ? memcmp(a, b, size) : 0;
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* By type, then by value, as SQLite orders: NULL, numbers, text, blobs. */
static int compare_column(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int a_type = sqlite3_column_type(a, column);
    int b_type = sqlite3_column_type(b, column);
    if (a_type != b_type) {
        static const int rank[] = {[SQLITE_NULL] = 0,
                                   [SQLITE_INTEGER] = 1,
                                   [SQLITE_FLOAT] = 2,
                                   [SQLITE_TEXT] = 3,
                                   [SQLITE_BLOB] = 4};
        return rank[a_type] - rank[b_type];
    }
    if (a_type == SQLITE_NULL) {
        return 0;
    }
    if (a_type == SQLITE_INTEGER) {
        int64_t x = sqlite3_column_int64(a, column);
        int64_t y = sqlite3_column_int64(b, column);
        return (x > y) - (x < y);
    }
    const void *x = sqlite3_column_blob(a, column);
    const void *y = sqlite3_column_blob(b, column);
    return compare_bytes(x, (size_t)sqlite3_column_bytes(a, column), y,
                         (size_t)sqlite3_column_bytes(b, column));
}

/* For people: a number, text, or the beginning of the bytes. */
static void show(sqlite3_stmt *row, int column, struct fnd_text *text)
{
    enum { SHOWN_MAX = 40 };
    int type = sqlite3_column_type(row, column);
    const char *bytes = sqlite3_column_blob(row, column);
    size_t size = (size_t)sqlite3_column_bytes(row, column);
    size_t shown = size < SHOWN_MAX ? size : SHOWN_MAX;
    if (type == SQLITE_NULL) {
        fnd_text_append_z(text, "nothing");
    } else if (type != SQLITE_BLOB) {
        fnd_text_append_visible(text, bytes != NULL ? bytes : "", shown);
    } else {
        char hex[2 * SHOWN_MAX + 1];
        fnd_hex(bytes != NULL ? bytes : "", shown, hex);
        fnd_text_append_z(text, hex);
    }
    if (size > shown) {
        fnd_text_append_z(text, "…");
    }
}

static void compare_row(struct fnd_check *check, const char *table, sqlite3_stmt *found,
                        sqlite3_stmt *wanted)
{
    for (int column = 1; column < sqlite3_column_count(found); column++) {
        if (compare_column(found, wanted, column) == 0) {
            continue;
        }
        struct fnd_text key = {0};
        struct fnd_text is = {0};
        struct fnd_text should = {0};
        show(found, 0, &key);
        show(found, column, &is);
        show(wanted, column, &should);
        fnd_check_flaw(check, "%s %s: %s is %s, the events make it %s; restore a backup", table,
                       fnd_text_z(&key), sqlite3_column_name(found, column), fnd_text_z(&is),
                       fnd_text_z(&should));
        fnd_text_finish(&key);
        fnd_text_finish(&is);
        fnd_text_finish(&should);
    }
}

static void only_one(struct fnd_check *check, const char *table, sqlite3_stmt *row,
                     const char *what)
{
    struct fnd_text key = {0};
    show(row, 0, &key);
    fnd_check_flaw(check, "%s %s: %s; restore a backup", table, fnd_text_z(&key), what);
    fnd_text_finish(&key);
}

/* Both cursors go up by key; where one is ahead, the other has a row too many. */
static void compare_table(struct fnd_check *check, const struct table *table)
{
    sqlite3_stmt *found = NULL;
    sqlite3_stmt *wanted = NULL;
    int found_rc = sqlite3_prepare_v2(check->reader->db.handle, table->sql, -1, &found, NULL);
    int wanted_rc = sqlite3_prepare_v2(check->made.handle, table->sql, -1, &wanted, NULL);
    if (found_rc == SQLITE_OK && wanted_rc == SQLITE_OK) {
        found_rc = sqlite3_step(found);
        wanted_rc = sqlite3_step(wanted);
    }
    while (found_rc == SQLITE_ROW || wanted_rc == SQLITE_ROW) {
        int order = found_rc != SQLITE_ROW    ? 1
                    : wanted_rc != SQLITE_ROW ? -1
                                              : compare_column(found, wanted, 0);
        if (found_rc != SQLITE_ROW && found_rc != SQLITE_DONE) {
            break; /* unread is told below, not each row of the rest */
        }
        if (order == 0) {
            compare_row(check, table->name, found, wanted);
        } else if (order < 0) {
            only_one(check, table->name, found, "no event makes this row");
        } else {
            only_one(check, table->name, wanted, "the row is missing");
        }
        check->result->rows += order <= 0;
        found_rc = order <= 0 ? sqlite3_step(found) : found_rc;
        wanted_rc = order >= 0 ? sqlite3_step(wanted) : wanted_rc;
    }
    if (found_rc != SQLITE_DONE) {
        fnd_check_unread(check, found_rc, table->name);
    }
    if (wanted_rc != SQLITE_DONE && found_rc == SQLITE_DONE) {
        fnd_check_flaw(check, "%s: the rebuild could not be read: %s", table->name,
                       sqlite3_errmsg(check->made.handle));
        check->incomplete = true;
    }
    sqlite3_finalize(found);
    sqlite3_finalize(wanted);
}

void fnd_rebuild_compare(struct fnd_check *check)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        compare_table(check, &tables[i]);
    }
}
