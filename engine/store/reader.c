/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* realpath, O_NOFOLLOW */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/bytes.h"
#include "store/reader_internal.h"
#include "store/schema.h"
#include "store/seal.h"

/* The literal in each condition is what lets the optimizer see that a partial index fits. What it
 * makes of each is looked at by a test: test_plans.c. */
static const char *const reader_sql[READER_STATEMENTS] = {
    [READ_ANY] = "SELECT 1 FROM sqlite_schema",
    [READ_STEP] = "SELECT " FND_STEP_COLUMNS " FROM step WHERE id = ?1",
    [READ_JOB] = "SELECT " FND_JOB_COLUMNS " FROM job WHERE id = ?1",
    [READ_JOB_IDENTITY] = "SELECT " FND_JOB_COLUMNS " FROM job WHERE pipeline = ?1 AND path = ?2"
                          " ORDER BY revision DESC LIMIT 1",
    [READ_JOB_BELOW] = "SELECT 1 FROM job WHERE pipeline = ?1 AND path >= ?2 AND path < ?3 LIMIT 1",
    [READ_JOB_UUID] = "SELECT " FND_JOB_COLUMNS " FROM job WHERE uuid = ?1",
    [READ_EVENT] = "SELECT " FND_EVENT_COLUMNS " FROM event WHERE id = ?1",
    [READ_REQUEST] = "SELECT " FND_REQUEST_COLUMNS " FROM request WHERE id = ?1",
    [READ_REQUEST_OF] = "SELECT " FND_REQUEST_COLUMNS " FROM request WHERE step = ?1 AND state = 0",
    [READ_CORRECTION] = "SELECT " FND_CORRECTION_COLUMNS " FROM correction WHERE id = ?1",
    [READ_RECORD] = "SELECT " FND_RECORD_COLUMNS FND_RECORD_TABLES
                    " WHERE correction.id >= ?1 ORDER BY correction.id",
    [READ_PIN_HASH] = "SELECT id, hash, pipeline FROM pin WHERE hash = ?1",
    [READ_PIN] = "SELECT id, hash, pipeline FROM pin WHERE id = ?1",
    [READ_PIN_LATEST] =
        /* Who changes a file back uses its old pin again: a job newer than the newest pin tells.
         * The plus has it looked for among the newest jobs, in their order. */
    "SELECT id, hash, pipeline, (SELECT min(id) FROM pin WHERE pipeline = ?1) FROM pin"
    " WHERE id = coalesce((SELECT pin FROM job"
    " WHERE +pipeline = ?1 AND id > (SELECT max(id) FROM pin WHERE pipeline = ?1)"
    " ORDER BY id DESC LIMIT 1), (SELECT max(id) FROM pin WHERE pipeline = ?1))",
    [READ_PAYLOAD] = "SELECT event.digest, payload.key, payload.body, payload.meta FROM event"
                     " LEFT JOIN payload ON payload.event = event.id WHERE event.id = ?1",
    [READ_HEAD] = "SELECT id, chain FROM event ORDER BY id DESC LIMIT 1",
    [READ_DUE] = "SELECT due FROM step WHERE state = 2 ORDER BY due LIMIT 1",
    [READ_STEP_EVENT] = "SELECT event FROM step WHERE id = ?1",
    [WALK_STEPS_LIVE] = "SELECT " FND_STEP_COLUMNS " FROM step WHERE state = ?1 AND state <= 3"
                        " AND id > ?2 ORDER BY id LIMIT ?3",
    [WALK_STEPS_STOPPED] = "SELECT " FND_STEP_COLUMNS " FROM step WHERE state = ?1 AND state > 4"
                           " AND id > ?2 ORDER BY id LIMIT ?3",
    [WALK_STEPS_COMPLETED] = "SELECT " FND_STEP_COLUMNS " FROM step WHERE state = ?1 AND id > ?2"
                             " ORDER BY id LIMIT ?3",
    [WALK_JOBS] = "SELECT " FND_JOB_COLUMNS ", " FND_STEP_COLUMNS
                  " FROM job CROSS JOIN step ON step.id = job.id"
                  " WHERE job.id > ?1 AND (?2 IS NULL OR job.pipeline = ?2)"
                  " AND (?3 < 0 OR step.state = ?3) ORDER BY job.id LIMIT ?4",
    [WALK_JOBS_LIVE] = "SELECT " FND_JOB_COLUMNS ", " FND_STEP_COLUMNS
                       " FROM step CROSS JOIN job ON job.id = step.id"
                       " WHERE step.id > ?1 AND (?2 IS NULL OR job.pipeline = ?2)"
                       " AND step.state = ?3 AND step.state <= 3 ORDER BY step.id LIMIT ?4",
    [WALK_REQUESTS] = "SELECT " FND_REQUEST_COLUMNS " FROM request WHERE state = ?1 AND id > ?2"
                      " ORDER BY id LIMIT ?3",
    [WALK_REQUESTS_OPEN] = "SELECT " FND_REQUEST_COLUMNS " FROM request WHERE state = ?1"
                           " AND state = 0 AND id > ?2 ORDER BY id LIMIT ?3",
    [WALK_CORRECTIONS] = "SELECT " FND_CORRECTION_COLUMNS ", job.pin FROM correction"
                         " LEFT JOIN step ON step.id = correction.step"
                         " LEFT JOIN job ON job.id = step.job"
                         " WHERE correction.id > ?1 ORDER BY correction.id LIMIT ?2",
    [WALK_EVENTS] = "SELECT " FND_EVENT_COLUMNS " FROM event WHERE id > ?1 ORDER BY id LIMIT ?2",
    [COUNT_LIVE] = "SELECT state, count(*) FROM step WHERE state <= 3 AND item IS NULL"
                   " GROUP BY state",
    [COUNT_STOPPED] = "SELECT state, count(*) FROM step WHERE state > 4 AND item IS NULL"
                      " GROUP BY state",
    [COUNT_JOBS] = "SELECT count(*) FROM job",
    [COUNT_PIPELINE] = "SELECT step.state, count(*) FROM job CROSS JOIN step ON step.id = job.id"
                       " WHERE job.pipeline = ?1 GROUP BY step.state",
    [READ_ASK] = "SELECT " FND_ASK_COLUMNS FND_ASK_TABLES("request") " WHERE request.id = ?1",
    [WALK_ASKS] = "SELECT " FND_ASK_COLUMNS FND_ASK_TABLES(
        "request") " CROSS JOIN job ON job.id = step.job" FND_ASK_CLOSED,
    [WALK_ASKS_OPEN] = "SELECT " FND_ASK_COLUMNS FND_ASK_TABLES(
        "request INDEXED BY request_queue") " CROSS JOIN job ON job.id = step.job" FND_ASK_OPEN,
    [WALK_LINES] = "SELECT " FND_LINE_COLUMNS FND_LINE_TABLES("request") FND_ASK_CLOSED,
    [WALK_LINES_OPEN] =
        "SELECT " FND_LINE_COLUMNS FND_LINE_TABLES("request INDEXED BY request_queue") FND_ASK_OPEN,
    /* Of one job: by its own history, which says what it asked. */
    [WALK_LINES_JOB] =
        "WITH RECURSIVE history(id) AS (SELECT event FROM step WHERE id = ?6"
        " UNION ALL SELECT event FROM step WHERE job = ?6 AND item IS NOT NULL"
        " UNION ALL SELECT event.prev FROM history CROSS JOIN event ON event.id = history.id"
        " WHERE event.prev > 0)"
        " SELECT " FND_LINE_COLUMNS FND_LINE_TABLES(
            "history CROSS JOIN request ON request.id = history.id") FND_ASK_CLOSED,
    [WALK_ASKS_DUE] = "SELECT " FND_ASK_COLUMNS FND_ASK_TABLES(
        "request INDEXED BY request_next") " WHERE request.state = 0 AND request.next <= ?1"
                                           " ORDER BY request.next, request.id LIMIT ?2",
    [READ_ASKS_NEXT] =
        "SELECT next FROM request INDEXED BY request_next WHERE state = 0 ORDER BY next LIMIT 1",
    [READ_DRAFT] = "SELECT at, body, who FROM draft WHERE request = ?1 AND who = ?2",
    [READ_DRAFT_LATEST] =
        "SELECT at, body, who FROM draft WHERE request = ?1 ORDER BY at DESC, who LIMIT 1",
    [WALK_RULES] = "SELECT " FND_RULE_COLUMNS " FROM rule WHERE rule.answer > ?1"
                   " ORDER BY rule.answer, rule.question LIMIT ?2",
    [READ_RULE] =
        "SELECT " FND_RULE_COLUMNS " FROM rule WHERE rule.fingerprint = ?1 AND rule.state = 0",
    [READ_TWIN] = "SELECT 1 FROM request WHERE request.id = ?1 AND request.state = 0"
                  " AND " FND_TWIN_HOLDS,
    [READ_TWINS_OPEN] = "SELECT request.id FROM request WHERE request.state = 0"
                        " AND request.id > ?1 AND " FND_TWIN_HOLDS " ORDER BY request.id LIMIT ?2",
    [READ_TWINS_COUNT] =
        "SELECT count(DISTINCT other.request) FROM twin JOIN twin AS other"
        " ON other.fingerprint = twin.fingerprint JOIN request ON request.id = other.request"
        " WHERE twin.request = ?1 AND other.request <> ?1 AND request.state = 0",
    [READ_RULE_MADE] = "SELECT 1 FROM rule WHERE answer = ?1 LIMIT 1",
    [READ_SETTLED_REVOKED] =
        "SELECT DISTINCT correction.id FROM rule JOIN settled ON settled.rule = rule.answer"
        " JOIN correction ON correction.id = settled.correction"
        " WHERE rule.state = 2 AND correction.undone = 0 AND correction.id > ?1"
        " ORDER BY correction.id LIMIT ?2",
    [WALK_OUTBOX] = "SELECT " FND_OUTBOX_COLUMNS " FROM outbox WHERE (?1 < 0 OR state = ?1)"
                    " AND id > ?2 ORDER BY id LIMIT ?3",
    [WALK_OUTBOX_DUE] = "SELECT " FND_OUTBOX_COLUMNS " FROM outbox WHERE state = 0 AND next <= ?1"
                        " ORDER BY next, id LIMIT ?2",
    [READ_OUTBOX_NEXT] = "SELECT next FROM outbox WHERE state = 0 ORDER BY next LIMIT 1",
    [READ_MODEL] = "SELECT " FND_MODEL_COLUMNS " FROM model WHERE id = ?1",
    [READ_PRODUCTION] =
        "SELECT " FND_MODEL_COLUMNS " FROM model WHERE pipeline = ?1 AND name = ?2 AND state = 1",
    [READ_TRAINING] = "SELECT " FND_TRAINING_COLUMNS " FROM training WHERE id = ?1",
    [READ_TRAINING_LATEST] = "SELECT " FND_TRAINING_COLUMNS " FROM training WHERE pipeline = ?1"
                             " AND model = ?2 ORDER BY id DESC LIMIT 1",
    [WALK_MODELS] = "SELECT " FND_MODEL_COLUMNS " FROM model WHERE (?1 IS NULL OR pipeline = ?1)"
                    " AND (?2 IS NULL OR name = ?2) ORDER BY id",
    [WALK_TRAININGS] =
        "SELECT " FND_TRAINING_COLUMNS " FROM training WHERE (?1 IS NULL OR pipeline = ?1)"
        " AND (?2 IS NULL OR model = ?2) ORDER BY id",
    [WALK_SHADOWS] = "SELECT job, output, event FROM shadow WHERE model = ?1 ORDER BY output",
    [WALK_PIPELINES] = "SELECT name, coalesce((SELECT pin FROM job WHERE job.pipeline = name"
                       " AND job.id > top ORDER BY job.id DESC LIMIT 1), top) FROM (SELECT"
                       " pipeline AS name, max(id) AS top FROM pin GROUP BY pipeline)"
                       " ORDER BY name",
    [FIND_PATH] = "SELECT " FND_JOB_COLUMNS " FROM job WHERE path = ?1"
                  " ORDER BY pipeline, revision DESC LIMIT ?2",
    [FIND_END] = "SELECT " FND_JOB_COLUMNS " FROM job WHERE length(path) > length(?1)"
                 " AND substr(path, -length(?1)) = ?1 ORDER BY pipeline, path, revision DESC"
                 " LIMIT ?2",
    [FIND_RECENT] = "SELECT " FND_JOB_COLUMNS " FROM job ORDER BY id DESC LIMIT ?1",
};

/* --- opening ------------------------------------------------------------------------------- */

static enum fnd_status open_folders(struct fnd_reader *reader, const char *directory,
                                    struct fnd_error *error)
{
    reader->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reader->directory < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot open the job directory %s", directory);
    }
    char *path = realpath(directory, NULL);
    reader->path = path != NULL ? path : fnd_strdup(directory);
    reader->folder =
        openat(reader->directory, ".foundry", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct stat found;
    if (reader->folder < 0 || fstatat(reader->folder, "state.db", &found, AT_SYMLINK_NOFOLLOW)) {
        if (errno != ENOENT) {
            return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s/.foundry",
                                   reader->path);
        }
        fnd_error_set(
            error, FND_NOT_FOUND,
            "%s is no job directory (there is no record in .foundry); `foundry-engine run "
            "PIPELINE %s` makes it one, `foundry-engine init %s` an empty one",
            reader->path, reader->path, reader->path);
        fnd_error_code(error, "no_record");
        return FND_NOT_FOUND;
    }
    return FND_OK;
}

/* How to open a record that nobody writes, and that nobody can begin to write as long as we hold
 * the folder's lock: nothing needs to be shared then. With nothing in the log the file alone is the
 * whole record; else one connection that has it to itself keeps the log's index in its own memory.
 * Returns flags for open_connection(); 0: an engine is there, or it is half made. */
static int flags_at_rest(const struct fnd_reader *reader)
{
    struct stat log;
    if (flock(reader->folder, LOCK_SH | LOCK_NB) != 0) {
        return 0;
    }
    if (fstatat(reader->folder, "state.db-journal", &log, AT_SYMLINK_NOFOLLOW) == 0) {
        flock(reader->folder, LOCK_UN);
        return 0;
    }
    const bool empty = fstatat(reader->folder, "state.db-wal", &log, AT_SYMLINK_NOFOLLOW) == 0
                           ? log.st_size == 0
                           : errno == ENOENT;
    return empty ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE;
}

static enum fnd_status open_connection(struct fnd_reader *reader, int flags,
                                       struct fnd_error *error)
{
    enum fnd_status status = fnd_db_log_kept(reader->folder, reader->path, error);
    if (status == FND_OK) {
        status = fnd_db_open(&reader->db, reader->folder, reader->path, flags, error);
    }
    if (status != FND_OK) {
        return status;
    }
    /* The second lock on the door: a reader that could write would, as the last one to close,
     * delete the log under a writer. */
    sqlite3_db_config(reader->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(reader->db.handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if ((flags & SQLITE_OPEN_READWRITE) != 0) { /* which it needs for the lock alone */
        status = fnd_db_exec(&reader->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=ON",
                             "lock the connection", error);
    }
    if (status != FND_OK) {
        return status;
    }
    status = fnd_db_exec(&reader->db,
                         "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-1024;"
                         "PRAGMA cell_size_check=ON",
                         "configure the connection", error);
    return status;
}

static enum fnd_status open_record(struct fnd_reader *reader, bool looks, struct fnd_error *error)
{
    bool empty = false;
    int64_t version = FND_STORE_VERSION;
    enum fnd_status status = open_connection(reader, SQLITE_OPEN_READONLY, error);
    if (status == FND_OK) {
        status = fnd_tables_look(&reader->db, &empty, &version, error);
    }
    /* SQLite makes files beside a record that is only looked at. On a full disk, or where this
     * user may not write, it cannot. */
    const bool refused = status == FND_IO || status == FND_FULL || status == FND_DENIED;
    const int flags =
        looks && refused && !fnd_db_unfinished(&reader->db) ? flags_at_rest(reader) : 0;
    if (flags != 0) {
        fnd_db_close(&reader->db);
        reader->at_rest = true;
        status = open_connection(reader, flags, error);
        if (status == FND_OK) {
            status = fnd_tables_look(&reader->db, &empty, &version, error);
        }
    }
    if (status == FND_OK && version < FND_STORE_VERSION) {
        fnd_error_set(error, FND_INVALID,
                      "%s/.foundry was written by an older engine (schema %" PRId64
                      ", this one reads %d); the next command that writes, such as `foundry-engine "
                      "run`, keeps a backup and brings it up to date",
                      reader->path, version, FND_STORE_VERSION);
        fnd_error_code(error, "older_schema");
        status = FND_INVALID;
    }
    if (status != FND_OK && fnd_db_unfinished(&reader->db)) {
        empty = true;
        status = FND_OK;
    }
    if (status == FND_OK && empty) {
        fnd_error_set(error, FND_NOT_FOUND, "the record in %s/.foundry is empty yet; run again",
                      reader->path);
        fnd_error_code(error, "no_record");
        status = FND_NOT_FOUND;
    }
    return status;
}

static enum fnd_status reader_open(const char *directory, bool looks,
                                   struct fnd_reader **reader_out, struct fnd_error *error)
{
    fnd_digest_setup();
    struct fnd_reader *reader = fnd_alloc(sizeof *reader);
    reader->directory = reader->folder = -1;
    enum fnd_status status = open_folders(reader, directory, error);
    if (status == FND_OK) {
        status = open_record(reader, looks, error);
    }
    if (status == FND_OK) {
        *reader_out = reader;
    } else {
        fnd_reader_close(reader);
    }
    return status;
}

enum fnd_status fnd_reader_open(const char *directory, struct fnd_reader **reader,
                                struct fnd_error *error)
{
    return reader_open(directory, false, reader, error);
}

enum fnd_status fnd_reader_look(const char *directory, struct fnd_reader **reader,
                                struct fnd_error *error)
{
    return reader_open(directory, true, reader, error);
}

enum fnd_status fnd_reader_again(const struct fnd_reader *reader, struct fnd_reader **again,
                                 struct fnd_error *error)
{
    if (reader->at_rest) {
        return fnd_error_set(error, FND_CONFLICT, "the record in %s is read by one connection only",
                             reader->path);
    }
    struct fnd_reader *fresh = fnd_alloc(sizeof *fresh);
    fresh->path = fnd_strdup(reader->path);
    fresh->directory = fcntl(reader->directory, F_DUPFD_CLOEXEC, 0);
    fresh->folder = fcntl(reader->folder, F_DUPFD_CLOEXEC, 0);
    enum fnd_status status =
        fresh->directory >= 0 && fresh->folder >= 0
            ? open_connection(fresh, SQLITE_OPEN_READONLY, error)
            : fnd_error_errno(error, fnd_status_errno(errno), errno,
                              "cannot open the record in %s once more", reader->path);
    if (status == FND_OK) {
        *again = fresh;
    } else {
        fnd_reader_close(fresh);
    }
    return status;
}

void fnd_reader_close(struct fnd_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    fnd_reader_rest(reader);
    fnd_reader_end(reader);
    fnd_db_finalize(reader->statements, READER_STATEMENTS);
    fnd_db_close(&reader->db);
    if (reader->folder >= 0) {
        close(reader->folder);
    }
    if (reader->directory >= 0) {
        close(reader->directory);
    }
    free(reader->path);
    free(reader);
}

struct fnd_reader *fnd_reader_wrap(const struct fnd_db *db, int directory, int folder, char *path)
{
    struct fnd_reader *reader = fnd_alloc(sizeof *reader);
    reader->db = *db;
    reader->directory = directory;
    reader->folder = folder;
    reader->path = path;
    return reader;
}

void fnd_reader_unwrap(struct fnd_reader *reader)
{
    if (reader != NULL) {
        fnd_db_finalize(reader->statements, READER_STATEMENTS);
        free(reader);
    }
}

int fnd_reader_directory(const struct fnd_reader *reader)
{
    return reader->directory;
}

int fnd_reader_folder(const struct fnd_reader *reader)
{
    return reader->folder;
}

const char *fnd_reader_path(const struct fnd_reader *reader)
{
    return reader->path;
}

enum fnd_status fnd_reader_begin(struct fnd_reader *reader, struct fnd_error *error)
{
    /* BEGIN alone takes no snapshot; the first read does. */
    enum fnd_status status = fnd_db_exec(&reader->db, "BEGIN", "begin reading", error);
    int64_t unused;
    if (status == FND_OK) {
        reader->held = true;
        status = fnd_db_integer(&reader->db, "SELECT count(*) FROM sqlite_schema", &unused, error);
    }
    if (status != FND_OK) {
        fnd_reader_end(reader);
    }
    return status;
}

void fnd_reader_end(struct fnd_reader *reader)
{
    if (reader->held) {
        fnd_record_rest(reader);
        sqlite3_exec(reader->db.handle, "ROLLBACK", NULL, NULL, NULL);
        reader->held = false;
    }
}

void fnd_reader_hold(struct fnd_reader *reader)
{
    sqlite3_stmt *statement = NULL;
    if (reader->holding != NULL || fnd_reader_use(reader, READ_ANY, &statement, NULL) != FND_OK) {
        return;
    }
    if (sqlite3_step(statement) == SQLITE_ROW) {
        reader->holding = statement;
    } else {
        fnd_reader_release(reader, statement);
    }
}

void fnd_reader_rest(struct fnd_reader *reader)
{
    fnd_reader_release(reader, reader->holding);
    reader->holding = NULL;
}

/* --- statements ---------------------------------------------------------------------------- */

const char *fnd_reader_sql(enum fnd_reader_statement which)
{
    return reader_sql[which];
}

enum fnd_status fnd_reader_use(struct fnd_reader *reader, enum fnd_reader_statement which,
                               sqlite3_stmt **statement, struct fnd_error *error)
{
    sqlite3_stmt **kept = &reader->statements[which];
    if (*kept != NULL && !sqlite3_stmt_busy(*kept)) {
        reader->used = which;
        *statement = *kept;
        return FND_OK;
    }
    sqlite3_stmt *fresh = NULL;
    int rc = sqlite3_prepare_v2(reader->db.handle, reader_sql[which], -1, &fresh, NULL);
    if (rc != SQLITE_OK) {
        return fnd_db_error(&reader->db, rc, "read", error);
    }
    if (*kept == NULL) {
        *kept = fresh;
    }
    *statement = fresh;
    return FND_OK;
}

void fnd_reader_release(struct fnd_reader *reader, sqlite3_stmt *statement)
{
    if (statement == NULL) {
        return;
    }
    /* Mostly it is the one that was used last. */
    for (size_t i = reader->statements[reader->used] == statement ? reader->used : 0;
         i < READER_STATEMENTS; i++) {
        if (reader->statements[i] == statement) {
            sqlite3_reset(statement);
            sqlite3_clear_bindings(statement);
            return;
        }
    }
    sqlite3_finalize(statement);
}

enum fnd_status fnd_reader_stepped(struct fnd_reader *reader, int rc, struct fnd_error *error)
{
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? FND_OK
                                                 : fnd_db_error(&reader->db, rc, "read", error);
}

/* --- rows ---------------------------------------------------------------------------------- */

void fnd_step_from(sqlite3_stmt *statement, int first, struct fnd_step_row *row)
{
    *row = (struct fnd_step_row){
        .id = sqlite3_column_int64(statement, first),
        .job = sqlite3_column_int64(statement, first + 1),
        .item = FND_ITEM_NONE,
        .stand = {.state = (enum fnd_state)sqlite3_column_int(statement, first + 3),
                  .phase = sqlite3_column_int(statement, first + 4),
                  .attempt = sqlite3_column_int(statement, first + 5),
                  .failures = sqlite3_column_int(statement, first + 6),
                  .due_us = sqlite3_column_int64(statement, first + 7)},
        .event = sqlite3_column_int64(statement, first + 8),
        .pin = sqlite3_column_int64(statement, first + 9),
    };
    if (sqlite3_column_type(statement, first + 2) != SQLITE_NULL) {
        row->item = sqlite3_column_int64(statement, first + 2);
    }
    const uint8_t *outputs = sqlite3_column_blob(statement, first + 10);
    size_t count = (size_t)sqlite3_column_bytes(statement, first + 10) / 8;
    row->outputs_count = count < FND_PHASES_MAX ? count : FND_PHASES_MAX;
    for (size_t i = 0; i < row->outputs_count; i++) {
        row->outputs[i] = fnd_le64_get(outputs + i * 8);
    }
}

static char *column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return fnd_strdup(text != NULL ? text : "");
}

static void column_bytes(sqlite3_stmt *statement, int column, void *bytes, size_t size)
{
    const void *found = sqlite3_column_blob(statement, column);
    size_t found_size = (size_t)sqlite3_column_bytes(statement, column);
    memset(bytes, 0, size);
    if (found != NULL) {
        memcpy(bytes, found, found_size < size ? found_size : size);
    }
}

void fnd_job_from(sqlite3_stmt *statement, int first, struct fnd_job_row *row)
{
    *row = (struct fnd_job_row){
        .id = sqlite3_column_int64(statement, first),
        .pin = sqlite3_column_int64(statement, first + 1),
        .pipeline = column_text(statement, first + 3),
        .path = column_text(statement, first + 4),
        .revision = sqlite3_column_int(statement, first + 5),
        .created_us = sqlite3_column_int64(statement, first + 6),
    };
    column_bytes(statement, first + 2, row->uuid, sizeof row->uuid);
}

void fnd_job_row_finish(struct fnd_job_row *row)
{
    free(row->pipeline);
    free(row->path);
    row->pipeline = row->path = NULL;
}

void fnd_event_from(sqlite3_stmt *statement, int first, struct fnd_event_row *row)
{
    *row = (struct fnd_event_row){
        .id = sqlite3_column_int64(statement, first),
        .at_us = sqlite3_column_int64(statement, first + 1),
        .step = sqlite3_column_int64(statement, first + 2),
        .prev = sqlite3_column_int64(statement, first + 3),
        .ref = sqlite3_column_int64(statement, first + 4),
        .kind = (enum fnd_event_kind)sqlite3_column_int(statement, first + 5),
        .phase = sqlite3_column_int(statement, first + 6),
        .attempt = sqlite3_column_int(statement, first + 7),
        .level = sqlite3_column_int(statement, first + 8),
        .after = {.state = (enum fnd_state)sqlite3_column_int(statement, first + 9),
                  .phase = sqlite3_column_int(statement, first + 10),
                  .attempt = sqlite3_column_int(statement, first + 11),
                  .failures = sqlite3_column_int(statement, first + 12),
                  .due_us = sqlite3_column_int64(statement, first + 13)},
    };
}

void fnd_request_from(sqlite3_stmt *statement, struct fnd_request_row *row)
{
    *row = (struct fnd_request_row){
        .id = sqlite3_column_int64(statement, 0),
        .step = sqlite3_column_int64(statement, 1),
        .closed = sqlite3_column_int64(statement, 2),
        .phase = sqlite3_column_int(statement, 3),
        .version = sqlite3_column_int(statement, 4),
        .state = (enum fnd_request_state)sqlite3_column_int(statement, 5),
    };
}

void fnd_correction_from(sqlite3_stmt *statement, struct fnd_correction_row *row)
{
    *row = (struct fnd_correction_row){
        .id = sqlite3_column_int64(statement, 0),
        .step = sqlite3_column_int64(statement, 1),
        .request = sqlite3_column_int64(statement, 2),
        .output = sqlite3_column_int64(statement, 3),
        .phase = sqlite3_column_int(statement, 4),
        .tier = (enum fnd_tier)sqlite3_column_int(statement, 5),
        .verdict = (enum fnd_verdict)sqlite3_column_int(statement, 6),
        .undone = sqlite3_column_int64(statement, 7),
    };
}
