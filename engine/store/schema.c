/* SPDX-License-Identifier: MIT */
#include "store/schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/store.h"

/* engine/store/README.md tells what each column means. `event` and `payload` are the record; all
 * other tables are folded from them (fold.c) and can be made anew. */
static const char log_sql[] =
    "CREATE TABLE event(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " step INTEGER NOT NULL, prev INTEGER NOT NULL, phase INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, level INTEGER NOT NULL, state INTEGER NOT NULL,"
    " next_phase INTEGER NOT NULL, next_attempt INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " due INTEGER NOT NULL, ref INTEGER NOT NULL, digest BLOB, chain BLOB NOT NULL) STRICT;"
    "CREATE TABLE payload(event INTEGER PRIMARY KEY, key BLOB NOT NULL, body BLOB, meta BLOB)"
    " STRICT;";

/* Working rows: durable, outside the chain, made by no event alone (desk.h); `mark` is row_mark()
 * of the other columns (db.h). */
static const char working_sql[] =
    "CREATE TABLE lease(request INTEGER PRIMARY KEY, fence INTEGER NOT NULL,"
    " until INTEGER NOT NULL, mark INTEGER NOT NULL) STRICT;"
    "CREATE TABLE draft(request INTEGER NOT NULL, who TEXT NOT NULL, at INTEGER NOT NULL,"
    " body TEXT NOT NULL, mark INTEGER NOT NULL, PRIMARY KEY(request, who)) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY, event INTEGER NOT NULL, hook INTEGER NOT NULL,"
    " pin INTEGER NOT NULL, at INTEGER NOT NULL, state INTEGER NOT NULL, tries INTEGER NOT NULL,"
    " next INTEGER NOT NULL, note TEXT, mark INTEGER NOT NULL, UNIQUE(event, hook)) STRICT;"
    "CREATE INDEX outbox_waits ON outbox(next) WHERE state = 0;";

/* What is learned (learn.h). `model.state` 1, in production, is held once a name. */
static const char learn_sql[] =
    "CREATE TABLE training(id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL, model TEXT NOT NULL,"
    " version INTEGER NOT NULL, attempt INTEGER NOT NULL, until INTEGER NOT NULL,"
    " state INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " last INTEGER NOT NULL, checkpoint BLOB, checkpoint_size INTEGER NOT NULL) STRICT;"
    "CREATE INDEX training_of ON training(pipeline, model, id);"
    "CREATE INDEX training_open ON training(id) WHERE state = 0;"
    "CREATE TABLE model(id INTEGER PRIMARY KEY, training INTEGER NOT NULL,"
    " pipeline TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, hash BLOB NOT NULL,"
    " size INTEGER NOT NULL, state INTEGER NOT NULL, decided INTEGER NOT NULL,"
    " replaced INTEGER NOT NULL, UNIQUE(pipeline, name, version)) STRICT;"
    "CREATE UNIQUE INDEX model_production ON model(pipeline, name) WHERE state = 1;"
    "CREATE TABLE shadow(model INTEGER NOT NULL, output INTEGER NOT NULL, job INTEGER NOT NULL,"
    " event INTEGER NOT NULL, PRIMARY KEY(model, output)) STRICT, WITHOUT ROWID;";

static const char folded_sql[] =
    "CREATE TABLE job(id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, pin INTEGER NOT NULL,"
    " pipeline TEXT NOT NULL, path TEXT NOT NULL, revision INTEGER NOT NULL,"
    " created INTEGER NOT NULL, UNIQUE(pipeline, path, revision)) STRICT;"
    "CREATE TABLE step(id INTEGER PRIMARY KEY, job INTEGER NOT NULL, item INTEGER,"
    " phase INTEGER NOT NULL, state INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, due INTEGER NOT NULL, event INTEGER NOT NULL,"
    " pin INTEGER NOT NULL, outputs BLOB NOT NULL) STRICT;"
    /* A job that goes from running to running touches none of these. */
    "CREATE INDEX step_live ON step(state) WHERE state <= 3;"
    "CREATE INDEX step_stopped ON step(state) WHERE state > 4;"
    "CREATE INDEX step_due ON step(due) WHERE state = 2;"
    "CREATE INDEX step_item ON step(job, item) WHERE item IS NOT NULL;"
    "CREATE TABLE request(id INTEGER PRIMARY KEY, step INTEGER NOT NULL, phase INTEGER NOT NULL,"
    " version INTEGER NOT NULL, state INTEGER NOT NULL, closed INTEGER NOT NULL, \"group\" TEXT,"
    " asked INTEGER NOT NULL, remind_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
    " due INTEGER NOT NULL, next INTEGER NOT NULL, stage INTEGER NOT NULL, fence INTEGER NOT NULL,"
    " holder TEXT, snoozed INTEGER NOT NULL, reopened INTEGER NOT NULL) STRICT;"
    "CREATE INDEX request_open ON request(state) WHERE state = 0;"
    "CREATE UNIQUE INDEX request_of ON request(step) WHERE state = 0;"
    "CREATE INDEX request_queue ON request(due, id) WHERE state = 0;"
    "CREATE INDEX request_next ON request(next) WHERE state = 0;"
    "CREATE TABLE twin(fingerprint BLOB NOT NULL, request INTEGER NOT NULL,"
    " question INTEGER NOT NULL, PRIMARY KEY(fingerprint, request, question))"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX twin_request ON twin(request);"
    "CREATE TABLE rule(answer INTEGER NOT NULL, question INTEGER NOT NULL,"
    " fingerprint BLOB NOT NULL, request INTEGER NOT NULL, state INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, PRIMARY KEY(answer, question)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX rule_holds ON rule(fingerprint) WHERE state = 0;"
    "CREATE TABLE settled(rule INTEGER NOT NULL, correction INTEGER NOT NULL,"
    " PRIMARY KEY(rule, correction)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE correction(id INTEGER PRIMARY KEY, step INTEGER NOT NULL,"
    " phase INTEGER NOT NULL, request INTEGER NOT NULL, output INTEGER NOT NULL,"
    " tier INTEGER NOT NULL, verdict INTEGER NOT NULL, undone INTEGER NOT NULL) STRICT;"
    "CREATE TABLE pin(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, pipeline TEXT NOT NULL)"
    " STRICT;"
    "CREATE TABLE artifact(hash BLOB PRIMARY KEY, size INTEGER NOT NULL, refs INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT "
    "ROWID;";

const char *fnd_tables_log_sql(void)
{
    return log_sql;
}

enum fnd_status fnd_tables_folded(struct fnd_db *db, const char *what, struct fnd_error *error)
{
    const char *const parts[] = {folded_sql, learn_sql, working_sql};
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == FND_OK; i++) {
        status = fnd_db_exec(db, parts[i], what, error);
    }
    return status;
}

enum fnd_status fnd_tables_look(struct fnd_db *db, bool *empty, int64_t *found,
                                struct fnd_error *error)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    enum fnd_status status = fnd_db_integer(db, "PRAGMA application_id", &application, error);
    if (status == FND_OK) {
        status = fnd_db_integer(db, "PRAGMA user_version", &version, error);
    }
    if (status == FND_OK) {
        status = fnd_db_integer(db, "SELECT count(*) FROM sqlite_schema", &tables, error);
    }
    if (status != FND_OK) {
        return status;
    }
    if (application == 0 && version == 0 && tables == 0) {
        *found = FND_STORE_VERSION;
        *empty = true; /* made and not yet filled: an engine was killed in its first moment */
        return FND_OK;
    }
    if (application != FND_APPLICATION_ID || version < 1) {
        fnd_error_set(error, FND_DAMAGED,
                      "%s/.foundry/state.db is no record of this engine (application id %" PRId64
                      ", version %" PRId64 "); move it away or name another job directory",
                      db->path, application, version);
        fnd_error_code(error, "not_a_store");
        return FND_DAMAGED;
    }
    if (version > FND_STORE_VERSION) {
        fnd_error_set(error, FND_INVALID,
                      "%s/.foundry was written by a newer engine (schema %" PRId64
                      ", this one knows up to %d); nothing was touched, use the newer engine",
                      db->path, version, FND_STORE_VERSION);
        fnd_error_code(error, "newer_schema");
        return FND_INVALID;
    }
    *empty = false;
    *found = version;
    return FND_OK;
}

enum fnd_status fnd_tables_create(struct fnd_db *db, struct fnd_error *error)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d;",
             FND_APPLICATION_ID, FND_STORE_VERSION);
    enum fnd_status status = fnd_db_exec(db, log_sql, "make the tables", error);
    if (status == FND_OK) {
        status = fnd_tables_folded(db, "make the tables", error);
    }
    return status == FND_OK ? fnd_db_exec(db, mark, "mark the file", error) : status;
}
