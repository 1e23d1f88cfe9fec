/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/reader_internal.h"
#include "store/schema.h"

static const char *const writer_sql[WRITER_STATEMENTS] = {
    /* A plain BEGIN would fail with BUSY_SNAPSHOT once it writes, and wait for nothing. */
    [WRITER_BEGIN] = "BEGIN IMMEDIATE",
    [WRITER_COMMIT] = "COMMIT",
    [WRITER_ROLLBACK] = "ROLLBACK",
    [WRITER_EVENT] =
        ("INSERT INTO event(id, at, kind, step, prev, phase, attempt, level, state, next_phase,"
         " next_attempt, failures, due, ref, digest, chain)"
         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"),
    [WRITER_PAYLOAD] = "INSERT INTO payload(event, key, body, meta) VALUES(?1, ?2, ?3, ?4)",
    [WRITER_LAST] = "SELECT id, chain FROM event ORDER BY id DESC LIMIT 1",
    [WRITER_CHAIN] = "SELECT id, chain FROM event WHERE id = ?1",
    [WRITER_STEP_EVENT] = "SELECT event FROM step WHERE id = ?1",
    [WRITER_REQUEST] =
        "SELECT step, state, closed, fence, stage, holder FROM request WHERE id = ?1",
    [WRITER_LEASE] = "UPDATE lease SET until = ?3, mark = row_mark(request, fence, ?3)"
                     " WHERE request = ?1 AND fence = ?2",
    [WRITER_DRAFT] = "INSERT OR REPLACE INTO draft(request, who, at, body, mark)"
                     " VALUES(?1, ?2, ?3, ?4, row_mark(?1, ?2, ?3, ?4))",
    [WRITER_DRAFT_DROP] = "DELETE FROM draft WHERE request = ?1 AND who = ?2",
    [WRITER_OUTBOX] = "INSERT OR IGNORE INTO outbox(event, hook, pin, at, state, tries, next, mark)"
                      " VALUES(?1, ?2, ?3, ?4, 0, 0, ?4, 0)",
    /* Behind the row's insertion: only then is its number known. */
    [WRITER_OUTBOX_MARK] =
        "UPDATE outbox SET mark = row_mark(id, event, hook, pin, at, state, tries, next, note)"
        " WHERE event = ?1 AND hook = ?2",
    [WRITER_OUTBOX_STATE] =
        "UPDATE outbox SET state = ?2, tries = ?3, next = ?4, note = ?5,"
        " mark = row_mark(id, event, hook, pin, at, ?2, ?3, ?4, ?5) WHERE id = ?1",
    [WRITER_OUTBOX_SWEEP] = "DELETE FROM outbox WHERE state = 1 AND next < ?1",
    [WRITER_JOB_CLASH] = "SELECT id FROM job WHERE uuid = ?1 UNION ALL SELECT id FROM job"
                         " WHERE pipeline = ?2 AND path = ?3 AND revision = ?4 LIMIT 1",
    [WRITER_PIN_CLASH] = "SELECT id FROM pin WHERE hash = ?1",
    [WRITER_MODEL_CLASH] =
        "SELECT model.id, model.name, model.version FROM training JOIN model"
        " ON model.pipeline = training.pipeline AND model.name = training.model"
        " AND model.version = training.version WHERE training.id = ?1 AND training.state = 0",
    [WRITER_MODEL_NAMES] = "SELECT pipeline, name FROM model WHERE id = ?1",
    [WRITER_MODEL_NOW] = "SELECT id FROM model WHERE pipeline = ?1 AND name = ?2 AND state = 1",
};

enum fnd_status fnd_writer_file(const struct fnd_store *store, bool opened, dev_t *device,
                                ino_t *inode, struct fnd_error *error)
{
    /* By name only: opening the file ourselves and closing it would drop SQLite's locks. */
    struct stat found;
    if (fstatat(store->folder, "state.db", &found, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT && opened) {
            return fnd_error_set(error, FND_DAMAGED,
                                 "%s/.foundry/state.db was removed while it was open; stop and "
                                 "restore it",
                                 store->path);
        }
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot look at %s/.foundry/state.db", store->path);
    }
    if (!S_ISREG(found.st_mode) || found.st_nlink != 1) {
        fnd_error_set(error, FND_DAMAGED,
                      "%s/.foundry/state.db is %s; writing through a second name destroys a "
                      "record, keep one plain file",
                      store->path,
                      S_ISREG(found.st_mode) ? "linked under more than one name" : "no plain file");
        fnd_error_code(error, "record_linked");
        return FND_DAMAGED;
    }
    if (opened && (found.st_dev != *device || found.st_ino != *inode)) {
        fnd_error_set(error, FND_DAMAGED,
                      "%s/.foundry/state.db was replaced by another file while it was open; stop "
                      "and put the right one back",
                      store->path);
        fnd_error_code(error, "record_replaced");
        return FND_DAMAGED;
    }
    *device = found.st_dev;
    *inode = found.st_ino;
    return FND_OK;
}

static enum fnd_status setting(struct fnd_db *db, const char *sql, int64_t wanted, const char *name,
                               struct fnd_error *error)
{
    int64_t found = -1;
    enum fnd_status status = fnd_db_integer(db, sql, &found, error);
    if (status == FND_OK && found != wanted) {
        status =
            fnd_error_set(error, FND_IO,
                          "%s/.foundry/state.db: SQLite does not take %s=%lld (it stays %lld); "
                          "without it a power cut could lose acknowledged work",
                          db->path, name, (long long)wanted, (long long)found);
    }
    return status;
}

static enum fnd_status wal_mode(struct fnd_db *db, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = FND_OK;
    int rc = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc != SQLITE_ROW) {
        status = fnd_db_error(db, rc == SQLITE_DONE ? SQLITE_IOERR : rc, "set WAL mode", error);
    } else if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0) {
        status = fnd_error_set(error, FND_IO,
                               "%s/.foundry/state.db cannot be in WAL mode on this file system "
                               "(it stays %s); use a local disk",
                               db->path, (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return status;
}

/* Before anything is written. */
static enum fnd_status configure(struct fnd_db *db, struct fnd_error *error)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    enum fnd_status status =
        fnd_db_exec(db,
                    "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048;"
                    "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL;"
                    "PRAGMA journal_size_limit=8388608; PRAGMA foreign_keys=OFF",
                    "configure the connection", error);
    if (status == FND_OK) {
        status = wal_mode(db, error);
    }
    if (status == FND_OK) {
        status = setting(db, "PRAGMA synchronous", 2, "synchronous", error);
    }
    if (status == FND_OK) {
        status = setting(db, "PRAGMA wal_autocheckpoint=1000", 1000, "wal_autocheckpoint", error);
    }
    return status;
}

static enum fnd_status row_mark(struct fnd_store *store, sqlite3_stmt *row, struct fnd_mark *mark,
                                struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(row, 1) == FND_DIGEST_SIZE) {
        mark->sequence = sqlite3_column_int64(row, 0);
        memcpy(mark->chain, sqlite3_column_blob(row, 1), FND_DIGEST_SIZE);
    } else if (rc == SQLITE_DONE) {
        status = FND_NOT_FOUND;
    } else {
        status = fnd_db_error(&store->writer.db, rc == SQLITE_ROW ? SQLITE_CORRUPT : rc,
                              "read the chain", error);
    }
    sqlite3_reset(row);
    return status;
}

enum fnd_status fnd_writer_chain(struct fnd_store *store, int64_t sequence,
                                 uint8_t chain[FND_DIGEST_SIZE], struct fnd_error *error)
{
    sqlite3_stmt *row = store->writer.statements[WRITER_CHAIN];
    sqlite3_bind_int64(row, 1, sequence);
    struct fnd_mark mark;
    enum fnd_status status = row_mark(store, row, &mark, error);
    if (status == FND_OK) {
        memcpy(chain, mark.chain, FND_DIGEST_SIZE);
    }
    return status;
}

static enum fnd_status prepare(struct fnd_store *store, struct fnd_error *error)
{
    struct fnd_writer *writer = &store->writer;
    enum fnd_status status =
        fnd_db_prepare(&writer->db, writer_sql, WRITER_STATEMENTS, writer->statements, error);
    if (status == FND_OK) {
        status = fnd_fold_open(&writer->fold, &writer->db, error);
    }
    return status;
}

/* The log's first event goes through the same door as all others. */
static void first_write(const struct fnd_store *store, struct fnd_write *write)
{
    const struct fnd_env *env = store->options.env;
    uint8_t uuid[FND_UUID_SIZE];
    uint8_t salt[FND_DIGEST_SIZE];
    char uuid_text[FND_UUID_TEXT_SIZE];
    char salt_text[FND_DIGEST_TEXT_SIZE];
    fnd_uuid_make(env, uuid);
    env->random(env, salt, sizeof salt);
    fnd_uuid_format(uuid, uuid_text);
    fnd_digest_text(salt, salt_text);
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"salt\":\"%s\",\"uuid\":\"%s\"}", salt_text, uuid_text);
    fnd_write_add(write, FND_EVENT_STORE, fnd_text_take(&body), NULL);
    memcpy(write->uuid, uuid, sizeof uuid);
    memcpy(write->hash, salt, sizeof salt); /* carried where a _PIN has its hash */
}

static enum fnd_status fill(struct fnd_store *store, struct fnd_error *error)
{
    struct fnd_db *db = &store->writer.db;
    /* Tables first, in a transaction of their own: statements cannot be prepared before. A kill in
     * between leaves tables without an event, which the next opening completes. */
    enum fnd_status status = fnd_db_exec(db, "BEGIN IMMEDIATE", "begin", error);
    if (status == FND_OK) {
        status = fnd_tables_create(db, error);
    }
    if (status == FND_OK) {
        status = fnd_db_exec(db, "COMMIT", "commit the tables", error);
    }
    FND_CRASH_POINT("store.tables.made");
    return status;
}

enum fnd_status fnd_writer_begin_log(struct fnd_store *store, struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    first_write(store, write);
    fnd_write_seal(write, &store->keys, store->options.env);
    struct fnd_mark mark;
    enum fnd_status status = fnd_group_apply(store, write, &mark, error);
    fnd_write_destroy(write);
    return status;
}

enum fnd_status fnd_writer_open(struct fnd_store *store, struct fnd_error *error)
{
    struct fnd_writer *writer = &store->writer;
    bool empty = false;
    int64_t version = FND_STORE_VERSION;
    enum fnd_status status =
        fnd_db_open(&writer->db, store->folder, store->path, SQLITE_OPEN_READWRITE, error);
    if (status == FND_OK) {
        status = configure(&writer->db, error);
    }
    if (status == FND_OK) {
        status = fnd_tables_look(&writer->db, &empty, &version, error);
    }
    if (status == FND_OK && empty) {
        status = fill(store, error);
    }
    if (status == FND_OK && version < FND_STORE_VERSION) {
        status = fnd_migrate(store, version, error);
    }
    if (status == FND_OK) {
        status = prepare(store, error);
    }
    if (status == FND_OK) {
        status = row_mark(store, writer->statements[WRITER_LAST], &writer->mark, error);
        if (status == FND_NOT_FOUND) {
            writer->mark = (struct fnd_mark){0};
            status = FND_OK;
        }
    }
    if (status != FND_OK) {
        fnd_writer_close(store);
    }
    return status;
}

void fnd_writer_close(struct fnd_store *store)
{
    struct fnd_writer *writer = &store->writer;
    fnd_fold_close(&writer->fold);
    fnd_db_finalize(writer->statements, WRITER_STATEMENTS);
    fnd_reader_unwrap(writer->reader);
    writer->reader = NULL;
    fnd_db_close(&writer->db);
}

struct fnd_reader *fnd_writer_reader(struct fnd_store *store)
{
    struct fnd_writer *writer = &store->writer;
    if (writer->reader == NULL) {
        writer->reader = fnd_reader_wrap(&writer->db, store->directory, store->folder, store->path);
    }
    return writer->reader;
}
