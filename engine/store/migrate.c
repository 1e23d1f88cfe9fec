/* SPDX-License-Identifier: MIT */
/* From an older schema to this one. The log is the record and has never changed its shape; every
 * other table is folded from it, so a migration is a backup and a rebuild in one transaction. */
#define _GNU_SOURCE /* renameat */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "store/bytes.h"
#include "store/internal.h"
#include "store/parts.h"
#include "store/reader_internal.h"
#include "store/schema.h"

enum { AT_BODY = FND_EVENT_COLUMNS_COUNT, AT_META, NAME_SIZE = 96 };

/* Each table of any schema so far that is not the log. */
static const char drop_sql[] =
    "DROP TABLE IF EXISTS job; DROP TABLE IF EXISTS step; DROP TABLE IF EXISTS request;"
    "DROP TABLE IF EXISTS correction; DROP TABLE IF EXISTS pin; DROP TABLE IF EXISTS artifact;"
    "DROP TABLE IF EXISTS meta; DROP TABLE IF EXISTS twin; DROP TABLE IF EXISTS rule;"
    "DROP TABLE IF EXISTS settled; DROP TABLE IF EXISTS lease; DROP TABLE IF EXISTS draft;"
    "DROP TABLE IF EXISTS outbox; DROP TABLE IF EXISTS training; DROP TABLE IF EXISTS model;"
    "DROP TABLE IF EXISTS shadow";

/* Working rows are no part of the log: from schema 2 on they are put aside and brought back. What
 * holds a lease is what the log says; the table knows how long. */
static const char aside_sql[] =
    "CREATE TABLE old_lease AS SELECT request, fence, until FROM lease;"
    "CREATE TABLE old_draft AS SELECT request, who, at, body FROM draft;"
    "CREATE TABLE old_outbox AS SELECT id, event, hook, pin, at, state, tries, next, note"
    " FROM outbox";
static const char back_sql[] =
    "UPDATE lease SET until = old.until, mark = row_mark(lease.request, lease.fence, old.until)"
    " FROM old_lease AS old WHERE old.request = lease.request AND old.fence = lease.fence;"
    "INSERT INTO draft(request, who, at, body, mark)"
    " SELECT request, who, at, body, row_mark(request, who, at, body) FROM old_draft;"
    "INSERT INTO outbox(id, event, hook, pin, at, state, tries, next, note, mark)"
    " SELECT id, event, hook, pin, at, state, tries, next, note,"
    " row_mark(id, event, hook, pin, at, state, tries, next, note) FROM old_outbox;"
    "DROP TABLE old_lease; DROP TABLE old_draft; DROP TABLE old_outbox";

/* Copy the record to .foundry/NAME, whole and durable, unless that is there: an earlier try may
 * have been killed behind it. */
static enum fnd_status copy_record(struct fnd_store *store, const char *name,
                                   struct fnd_error *error)
{
    struct fnd_db *db = &store->writer.db;
    char made[NAME_SIZE], path[NAME_SIZE + 32];
    if (faccessat(store->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return FND_OK;
    }
    snprintf(made, sizeof made, "%s.part", name);
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", store->folder, made);
    unlinkat(store->folder, made, 0);
    sqlite3 *copy = NULL;
    int rc = sqlite3_open_v2(path, &copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             db->vfs->zName);
    sqlite3_backup *backup = NULL;
    if (rc == SQLITE_OK) {
        backup = sqlite3_backup_init(copy, "main", db->handle, "main");
        rc = backup != NULL ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(copy);
        int finished = sqlite3_backup_finish(backup);
        rc = rc == SQLITE_DONE ? finished : rc;
    }
    sqlite3_close(copy);
    if (rc != SQLITE_OK) {
        unlinkat(store->folder, made, 0);
        return fnd_db_error(db, rc, "make a backup before the migration", error);
    }
    int fd = openat(store->folder, made, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool durable = fd >= 0 && fchmod(fd, 0600) == 0 && fsync(fd) == 0 &&
                   renameat(store->folder, made, store->folder, name) == 0 &&
                   fsync(store->folder) == 0;
    int failed = errno;
    if (fd >= 0) {
        close(fd);
    }
    return durable ? FND_OK
                   : fnd_error_errno(error, fnd_status_errno(failed), failed,
                                     "cannot keep the backup %s/.foundry/%s", store->path, name);
}

/* The outputs of a step before an event; a step that is not there yet has none. */
static int outputs_of(sqlite3_stmt *step, int64_t number, struct fnd_parts *parts)
{
    parts->outputs_count = 0;
    sqlite3_bind_int64(step, 1, number);
    const int rc = sqlite3_step(step);
    if (rc == SQLITE_ROW) {
        const uint8_t *bytes = sqlite3_column_blob(step, 0);
        size_t count = (size_t)sqlite3_column_bytes(step, 0) / 8;
        parts->outputs_count = count < FND_PHASES_MAX ? count : FND_PHASES_MAX;
        for (size_t i = 0; i < parts->outputs_count; i++) {
            parts->outputs[i] = fnd_le64_get(bytes + i * 8);
        }
    }
    sqlite3_reset(step);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* One event of the log, as the engine that wrote it would fold it today. */
static enum fnd_status fold_row(struct fnd_db *db, struct fnd_fold *fold, sqlite3_stmt *row,
                                sqlite3_stmt *step, struct fnd_parts_read *read,
                                struct fnd_error *error)
{
    struct fnd_event_row event;
    fnd_event_from(row, 0, &event);
    const char *body = sqlite3_column_blob(row, AT_BODY);
    const char *meta = sqlite3_column_blob(row, AT_META);
    int rc = outputs_of(step, event.step, &read->parts);
    if (rc != SQLITE_OK) {
        return fnd_db_error(db, rc, "read a step's outputs", error);
    }
    struct fnd_error found = {0};
    enum fnd_status status = FND_OK;
    if (event.kind < FND_EVENT_STORE || event.kind > FND_EVENT_LAST || event.phase < 0 ||
        event.phase >= FND_PHASES_MAX || event.after.phase < 0 ||
        event.after.phase > FND_PHASES_MAX || event.ref < 0) {
        status = fnd_error_set(&found, FND_DAMAGED, "it is of no known kind or of no phase");
    } else {
        status = fnd_parts_read(read, event.kind, body, (size_t)sqlite3_column_bytes(row, AT_BODY),
                                meta, (size_t)sqlite3_column_bytes(row, AT_META), &found);
    }
    if (status == FND_OK) {
        switch (fnd_fold_apply(fold, &event, &read->parts, &rc)) {
        case FND_FOLD_DONE:
            return FND_OK;
        case FND_FOLD_CONFLICT:
            fnd_error_set(&found, FND_DAMAGED, "the one before it is not its step's");
            break;
        case FND_FOLD_FAILED:
            return fnd_db_error(db, rc, "fold the log anew", error);
        }
    }
    fnd_error_set(error, FND_DAMAGED,
                  "event %" PRId64 " in %s cannot be folded anew: %s; nothing was changed, restore "
                  "a backup",
                  event.id, db->path, found.message);
    fnd_error_code(error, "migration_refused");
    return FND_DAMAGED;
}

static enum fnd_status fold_log(struct fnd_db *db, struct fnd_error *error)
{
    static const char *const sql[] = {"SELECT " FND_EVENT_COLUMNS
                                      ", body, meta FROM event LEFT JOIN payload"
                                      " ON payload.event = event.id ORDER BY id",
                                      "SELECT outputs FROM step WHERE id = ?1"};
    sqlite3_stmt *statements[2] = {NULL, NULL};
    struct fnd_fold fold = {0};
    struct fnd_parts_read read = {0};
    enum fnd_status status = fnd_db_prepare(db, sql, 2, statements, error);
    if (status == FND_OK) {
        status = fnd_fold_open(&fold, db, error);
    }
    int rc = SQLITE_DONE;
    while (status == FND_OK && (rc = sqlite3_step(statements[0])) == SQLITE_ROW) {
        status = fold_row(db, &fold, statements[0], statements[1], &read, error);
    }
    if (status == FND_OK && rc != SQLITE_DONE) {
        status = fnd_db_error(db, rc, "read the log", error);
    }
    fnd_parts_finish(&read);
    fnd_fold_close(&fold);
    fnd_db_finalize(statements, 2);
    return status;
}

enum fnd_status fnd_migrate(struct fnd_store *store, int64_t from, struct fnd_error *error)
{
    struct fnd_db *db = &store->writer.db;
    char name[NAME_SIZE / 2], mark[48];
    snprintf(name, sizeof name, "state-v%" PRId64 ".db", from);
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d", FND_STORE_VERSION);
    enum fnd_status status = copy_record(store, name, error);
    if (status != FND_OK) {
        return status;
    }
    status = fnd_db_exec(db, "BEGIN IMMEDIATE", "begin the migration", error);
    if (status == FND_OK && from >= 2) {
        status = fnd_db_exec(db, aside_sql, "put working rows aside", error);
    }
    if (status == FND_OK) {
        status = fnd_db_exec(db, drop_sql, "drop the old tables", error);
    }
    if (status == FND_OK) {
        status = fnd_tables_folded(db, "make the new tables", error);
    }
    if (status == FND_OK) {
        status = fold_log(db, error);
    }
    if (status == FND_OK && from >= 2) {
        status = fnd_db_exec(db, back_sql, "bring the working rows back", error);
    }
    if (status == FND_OK) {
        status = fnd_db_exec(db, mark, "mark the new schema", error);
    }
    if (status == FND_OK) {
        status = fnd_db_exec(db, "COMMIT", "commit the migration", error);
    }
    if (status != FND_OK) {
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
        return status;
    }
    fnd_log(store->options.log, FND_LOG_INFO, "store", NULL, NULL,
            "the record was brought from schema %" PRId64 " to %d; the one before is kept as "
            ".foundry/%s",
            from, FND_STORE_VERSION, name);
    return FND_OK;
}
