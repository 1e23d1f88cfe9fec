/* SPDX-License-Identifier: MIT */
#include "store/fold.h"

#include <assert.h>
#include <string.h>

#include "store/bytes.h"

static const char *const fold_sql[FOLD_STATEMENTS] = {
    [FOLD_META] = "INSERT INTO meta(key, value) VALUES(?1, ?2)",
    [FOLD_PIN] = "INSERT INTO pin(id, hash, pipeline) VALUES(?1, ?2, ?3)",
    [FOLD_JOB] = "INSERT INTO job(id, uuid, pin, pipeline, path, revision, created)"
                 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [FOLD_STEP] =
        "INSERT INTO step(id, job, item, phase, state, attempt, failures, due, event, pin,"
        " outputs) VALUES(?1, ?1, NULL, ?2, ?3, ?4, ?5, ?6, ?1, ?7, x'')",
    [FOLD_MOVE_SAME] = "UPDATE step SET event = ?3, phase = ?4, attempt = ?5, failures = ?6"
                       " WHERE id = ?1 AND event = ?2 AND state = ?7 AND due = ?8",
    [FOLD_MOVE_SAME_OUTPUT] =
        "UPDATE step SET event = ?3, phase = ?4, attempt = ?5, failures = ?6, outputs = ?9"
        " WHERE id = ?1 AND event = ?2 AND state = ?7 AND due = ?8",
    [FOLD_MOVE] = "UPDATE step SET event = ?3, phase = ?4, attempt = ?5, failures = ?6, state = ?7,"
                  " due = ?8 WHERE id = ?1 AND event = ?2",
    [FOLD_MOVE_OUTPUT] =
        "UPDATE step SET event = ?3, phase = ?4, attempt = ?5, failures = ?6, state = ?7, due = ?8,"
        " outputs = ?9 WHERE id = ?1 AND event = ?2",
    [FOLD_STEP_PIN] = "UPDATE step SET pin = ?2 WHERE id = ?1",
    [FOLD_ASK] = "INSERT INTO request(id, step, phase, version, state, closed, \"group\", asked,"
                 " remind_ms, due_ms, due, next, stage, fence, holder, snoozed, reopened)"
                 " VALUES(?1, ?2, ?3, 1, 0, 0, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, NULL, 0, 0)",
    [FOLD_ANSWER] = "UPDATE request SET state = 1, closed = ?1, version = version + 1"
                    " WHERE id = ?2 AND step = ?3 AND state = 0",
    [FOLD_CORRECTION] = "INSERT INTO correction(id, step, phase, request, output, tier, verdict,"
                        " undone) VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6, 0)",
    [FOLD_CORRECTION_OUTPUT] = "UPDATE correction SET output = ?1 WHERE id = ?2",
    [FOLD_OPEN_REQUEST] = "SELECT id FROM request WHERE step = ?1 AND state = 0",
    [FOLD_WITHDRAW] =
        "UPDATE request SET state = 2, closed = ?1, version = version + 1 WHERE id = ?2",
    [FOLD_ARTIFACT] = "INSERT INTO artifact(hash, size, refs) VALUES(?1, ?2, 1)"
                      " ON CONFLICT(hash) DO UPDATE SET refs = refs + 1",
    [FOLD_TWIN] = "INSERT INTO twin(fingerprint, request, question) VALUES(?1, ?2, ?3)",
    [FOLD_FORGET_LEASE] = "DELETE FROM lease WHERE request = ?1",
    [FOLD_FORGET_DRAFT] = "DELETE FROM draft WHERE request = ?1 AND who = ?2",
    [FOLD_CLAIM] = "UPDATE request SET fence = fence + 1, holder = ?2, snoozed = 0"
                   " WHERE id = ?1 AND state = 0",
    [FOLD_LEASE] =
        "INSERT OR REPLACE INTO lease(request, fence, until, mark)"
        " SELECT id, fence, ?2, row_mark(id, fence, ?2) FROM request WHERE id = ?1 AND state = 0",
    [FOLD_RELEASE] = "UPDATE request SET holder = NULL, snoozed = ?2 WHERE id = ?1 AND state = 0",
    [FOLD_REMIND] = "UPDATE request SET stage = 1, next = due WHERE id = ?1 AND stage = 0",
    [FOLD_ESCALATE] =
        "UPDATE request SET \"group\" = ?2, stage = 2, due = ?3, next = ?3, holder = NULL,"
        " snoozed = 0 WHERE id = ?1",
    [FOLD_LAPSE] = "UPDATE request SET stage = 3, next = 9223372036854775807 WHERE id = ?1",
    [FOLD_UNDO] = "UPDATE request SET state = 0, closed = 0, version = version + 1, reopened = ?1,"
                  " holder = NULL, snoozed = 0, stage = 0,"
                  " due = iif(due_ms > 0, ?4 + due_ms * 1000, 9223372036854775807),"
                  " next = iif(remind_ms > 0, ?4 + remind_ms * 1000,"
                  " iif(due_ms > 0, ?4 + due_ms * 1000, 9223372036854775807))"
                  " WHERE id = ?2 AND step = ?3 AND state = 1",
    [FOLD_UNDONE] = "UPDATE correction SET undone = ?1 WHERE id = ?2",
    [FOLD_RULE] = "INSERT INTO rule(answer, question, fingerprint, request, state, ended)"
                  " VALUES(?1, ?2, ?3, ?4, 0, 0)",
    [FOLD_RULE_REPLACE] =
        "UPDATE rule SET state = 1, ended = ?1 WHERE fingerprint = ?2 AND state = 0",
    [FOLD_RULE_REVOKE] = "UPDATE rule SET state = 2, ended = ?1 WHERE answer = ?2 AND state < 2",
    [FOLD_SETTLED] = "INSERT OR IGNORE INTO settled(rule, correction) VALUES(?1, ?2)",
    [FOLD_TRAIN] = "INSERT INTO training(id, pipeline, model, version, attempt, until, state,"
                   " began, ended, last, checkpoint, checkpoint_size)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, 0, ?1, NULL, 0)",
    [FOLD_CHECKPOINT] = "UPDATE training SET last = ?1, checkpoint = ?3, checkpoint_size = ?4"
                        " WHERE id = ?2 AND state = 0",
    [FOLD_TRAINED] =
        "UPDATE training SET state = ?3, ended = ?4, last = ?1 WHERE id = ?2 AND state = 0",
    [FOLD_MODEL] = "INSERT INTO model(id, training, pipeline, name, version, hash, size, state,"
                   " decided, replaced) SELECT ?1, id, pipeline, model, version, ?3, ?4, 0, 0, 0"
                   " FROM training WHERE id = ?2",
    [FOLD_RETIRE] = "UPDATE model SET state = 2, decided = ?1"
                    " WHERE pipeline = ?2 AND name = ?3 AND state = 1",
    [FOLD_PRODUCE] = "UPDATE model SET state = 1, decided = ?1,"
                     " replaced = iif(?3 < 0, replaced, ?3) WHERE id = ?2",
    [FOLD_DECIDED] = "UPDATE model SET decided = ?1 WHERE id = ?2",
    [FOLD_SHADOW] = "INSERT OR REPLACE INTO shadow(model, output, job, event)"
                    " VALUES(?1, ?2, ?3, ?4)",
};

_Static_assert(FND_DUE_NONE == INT64_MAX, "the statements above and schema.c spell it out");

_Static_assert(FND_TRAINING_RUNS == 0 && FND_MODEL_CANDIDATE == 0 && FND_MODEL_PRODUCTION == 1 &&
                   FND_MODEL_RETIRED == 2,
               "the statements above and the indexes of schema.c name these numbers");
_Static_assert(FND_REQUEST_OPEN == 0 && FND_REQUEST_ANSWERED == 1 && FND_REQUEST_WITHDRAWN == 2,
               "the statements above and the indexes of schema.c name these numbers");
_Static_assert(FND_RETRYING == 2 && FND_STATES_LIVE_MAX == 3 && FND_COMPLETED == 4,
               "the indexes of schema.c name these numbers");

enum fnd_status fnd_fold_open(struct fnd_fold *fold, struct fnd_db *db, struct fnd_error *error)
{
    fold->db = db;
    return fnd_db_prepare(db, fold_sql, FOLD_STATEMENTS, fold->statements, error);
}

void fnd_fold_close(struct fnd_fold *fold)
{
    fnd_db_finalize(fold->statements, FOLD_STATEMENTS);
}

int fnd_fold_step(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    return rc;
}

static void bind_blob(sqlite3_stmt *statement, int index, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(statement, index, bytes, size, SQLITE_STATIC); /* outlives the step */
}

static int insert_meta(struct fnd_fold *fold, const char *key, const void *bytes, size_t size)
{
    sqlite3_stmt *row = fold->statements[FOLD_META];
    sqlite3_bind_text(row, 1, key, -1, SQLITE_STATIC);
    bind_blob(row, 2, bytes, size);
    return fnd_fold_step(row);
}

static int fold_store(struct fnd_fold *fold, const struct fnd_parts *parts)
{
    int rc = insert_meta(fold, "uuid", parts->uuid, sizeof parts->uuid);
    return rc == SQLITE_DONE ? insert_meta(fold, "salt", parts->salt, sizeof parts->salt) : rc;
}

static int fold_pin(struct fnd_fold *fold, const struct fnd_event_row *event,
                    const struct fnd_parts *parts)
{
    sqlite3_stmt *row = fold->statements[FOLD_PIN];
    sqlite3_bind_int64(row, 1, event->id);
    bind_blob(row, 2, parts->hash, sizeof parts->hash);
    sqlite3_bind_text(row, 3, parts->pipeline, -1, SQLITE_STATIC);
    return fnd_fold_step(row);
}

static int fold_job(struct fnd_fold *fold, const struct fnd_event_row *event,
                    const struct fnd_parts *parts)
{
    sqlite3_stmt *row = fold->statements[FOLD_JOB];
    sqlite3_bind_int64(row, 1, event->id);
    bind_blob(row, 2, parts->uuid, sizeof parts->uuid);
    sqlite3_bind_int64(row, 3, parts->pin);
    sqlite3_bind_text(row, 4, parts->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 5, parts->path, -1, SQLITE_STATIC);
    sqlite3_bind_int(row, 6, parts->revision);
    sqlite3_bind_int64(row, 7, event->at_us);
    int rc = fnd_fold_step(row);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    row = fold->statements[FOLD_STEP];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_int(row, 2, event->after.phase);
    sqlite3_bind_int(row, 3, (int)event->after.state);
    sqlite3_bind_int(row, 4, event->after.attempt);
    sqlite3_bind_int(row, 5, event->after.failures);
    sqlite3_bind_int64(row, 6, event->after.due_us);
    sqlite3_bind_int64(row, 7, parts->pin);
    return fnd_fold_step(row);
}

/* What the event does to the step's outputs; true if anything. Zeros at the end are not kept, so
 * that equal outputs are equal bytes. */
static bool fold_outputs(const struct fnd_event_row *event, struct fnd_parts *parts)
{
    if (event->kind == FND_EVENT_OUTPUT) {
        size_t phase = (size_t)event->phase;
        while (parts->outputs_count <= phase) {
            parts->outputs[parts->outputs_count++] = 0;
        }
        parts->outputs[phase] = event->id;
    } else if (event->kind == FND_EVENT_REOPEN || event->kind == FND_EVENT_UPGRADE ||
               event->kind == FND_EVENT_UNDO) {
        if (parts->outputs_count > (size_t)event->after.phase) {
            parts->outputs_count = (size_t)event->after.phase;
        }
    } else {
        return false;
    }
    while (parts->outputs_count > 0 && parts->outputs[parts->outputs_count - 1] == 0) {
        parts->outputs_count--;
    }
    return true;
}

static enum fnd_fold_result move_once(struct fnd_fold *fold, enum fnd_fold_statement which,
                                      const struct fnd_event_row *event, const uint8_t *outputs,
                                      size_t outputs_size, int *rc)
{
    sqlite3_stmt *row = fold->statements[which];
    sqlite3_bind_int64(row, 1, event->step);
    sqlite3_bind_int64(row, 2, event->prev);
    sqlite3_bind_int64(row, 3, event->id);
    sqlite3_bind_int(row, 4, event->after.phase);
    sqlite3_bind_int(row, 5, event->after.attempt);
    sqlite3_bind_int(row, 6, event->after.failures);
    sqlite3_bind_int(row, 7, (int)event->after.state);
    sqlite3_bind_int64(row, 8, event->after.due_us);
    if (outputs != NULL) {
        bind_blob(row, 9, outputs, outputs_size);
    }
    *rc = fnd_fold_step(row);
    if (*rc != SQLITE_DONE) {
        return FND_FOLD_FAILED;
    }
    return sqlite3_changes(fold->db->handle) == 1 ? FND_FOLD_DONE : FND_FOLD_CONFLICT;
}

/* The guard and the move in one statement. */
static enum fnd_fold_result fold_move(struct fnd_fold *fold, const struct fnd_event_row *event,
                                      struct fnd_parts *parts, int *rc)
{
    uint8_t bytes[FND_PHASES_MAX * 8];
    bytes[0] = 0; /* what is given is filled in below; with no output left nothing is */
    const uint8_t *outputs = NULL;
    if (fold_outputs(event, parts)) {
        for (size_t i = 0; i < parts->outputs_count; i++) {
            fnd_le64_put(bytes + i * 8, parts->outputs[i]);
        }
        outputs = bytes;
    }
    size_t size = parts->outputs_count * 8;
    enum fnd_fold_result result = FND_FOLD_CONFLICT;
    if (event->after.state == FND_RUNNING) {
        result = move_once(fold, outputs != NULL ? FOLD_MOVE_SAME_OUTPUT : FOLD_MOVE_SAME, event,
                           outputs, size, rc);
    }
    if (result == FND_FOLD_CONFLICT) { /* another state before, or somebody else was first */
        result = move_once(fold, outputs != NULL ? FOLD_MOVE_OUTPUT : FOLD_MOVE, event, outputs,
                           size, rc);
    }
    return result;
}

static int fold_pair(struct fnd_fold *fold, enum fnd_fold_statement which, int64_t first,
                     int64_t second)
{
    sqlite3_stmt *row = fold->statements[which];
    sqlite3_bind_int64(row, 1, first);
    sqlite3_bind_int64(row, 2, second);
    return fnd_fold_step(row);
}

/* Withdraw the step's open request, if it has one; its lease goes with it. Most steps have none:
 * then this is one look at an index, where an UPDATE with RETURNING would open a table of its own
 * for the rows that it does not return. */
static int withdraw(struct fnd_fold *fold, const struct fnd_event_row *event)
{
    sqlite3_stmt *row = fold->statements[FOLD_OPEN_REQUEST];
    sqlite3_bind_int64(row, 1, event->step);
    int rc = sqlite3_step(row); /* the index allows one open request a step */
    const int64_t request = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_reset(row);
    if (rc != SQLITE_ROW) {
        return rc;
    }
    rc = fold_pair(fold, FOLD_WITHDRAW, event->id, request);
    if (rc == SQLITE_DONE) {
        sqlite3_bind_int64(fold->statements[FOLD_FORGET_LEASE], 1, request);
        rc = fnd_fold_step(fold->statements[FOLD_FORGET_LEASE]);
    }
    return rc;
}

static void bind_text(sqlite3_stmt *row, int index, const char *text)
{
    if (text != NULL) {
        sqlite3_bind_text(row, index, text, -1, SQLITE_STATIC); /* outlives the step */
    } else {
        sqlite3_bind_null(row, index);
    }
}

/* When `ms` after an event is, none for 0. */
static int64_t due_behind(const struct fnd_event_row *event, int64_t ms)
{
    return ms > 0 ? event->at_us + ms * 1000 : FND_DUE_NONE;
}

static int fold_twins(struct fnd_fold *fold, int64_t request, const struct fnd_parts *parts)
{
    int rc = SQLITE_DONE;
    for (size_t i = 0; i < parts->twins_count && rc == SQLITE_DONE; i++) {
        sqlite3_stmt *row = fold->statements[FOLD_TWIN];
        bind_blob(row, 1, parts->twins[i].fingerprint, FND_FINGERPRINT_SIZE);
        sqlite3_bind_int64(row, 2, request);
        sqlite3_bind_int64(row, 3, parts->twins[i].question);
        rc = fnd_fold_step(row);
    }
    return rc;
}

static int fold_ask(struct fnd_fold *fold, const struct fnd_event_row *event,
                    const struct fnd_parts *parts)
{
    int rc = withdraw(fold, event); /* a step has one open request: the newest */
    if (rc != SQLITE_DONE) {
        return rc;
    }
    int64_t due = due_behind(event, parts->due_ms), remind = due_behind(event, parts->remind_ms);
    sqlite3_stmt *row = fold->statements[FOLD_ASK];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_int64(row, 2, event->step);
    sqlite3_bind_int(row, 3, event->phase);
    bind_text(row, 4, parts->group);
    sqlite3_bind_int64(row, 5, event->at_us);
    sqlite3_bind_int64(row, 6, parts->remind_ms);
    sqlite3_bind_int64(row, 7, parts->due_ms);
    sqlite3_bind_int64(row, 8, due);
    sqlite3_bind_int64(row, 9, parts->remind_ms > 0 ? remind : due);
    rc = fnd_fold_step(row);
    return rc == SQLITE_DONE ? fold_twins(fold, event->id, parts) : rc;
}

/* The rules that an answer makes; those before them for the same question make way. */
static int fold_rules(struct fnd_fold *fold, const struct fnd_event_row *event,
                      const struct fnd_parts *parts)
{
    int rc = SQLITE_DONE;
    for (size_t i = 0; i < parts->twins_count && rc == SQLITE_DONE; i++) {
        const struct fnd_twin *twin = &parts->twins[i];
        sqlite3_stmt *row = fold->statements[FOLD_RULE_REPLACE];
        sqlite3_bind_int64(row, 1, event->id);
        bind_blob(row, 2, twin->fingerprint, FND_FINGERPRINT_SIZE);
        rc = fnd_fold_step(row);
        if (rc == SQLITE_DONE) {
            row = fold->statements[FOLD_RULE];
            sqlite3_bind_int64(row, 1, event->id);
            sqlite3_bind_int64(row, 2, twin->question);
            bind_blob(row, 3, twin->fingerprint, FND_FINGERPRINT_SIZE);
            sqlite3_bind_int64(row, 4, event->ref);
            rc = fnd_fold_step(row);
        }
    }
    for (size_t i = 0; i < parts->rules_count && rc == SQLITE_DONE; i++) {
        rc = fold_pair(fold, FOLD_SETTLED, parts->rules[i], event->id);
    }
    return rc;
}

static int fold_answer(struct fnd_fold *fold, const struct fnd_event_row *event,
                       const struct fnd_parts *parts)
{
    sqlite3_stmt *row = fold->statements[FOLD_ANSWER];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_int64(row, 2, event->ref);
    sqlite3_bind_int64(row, 3, event->step);
    int rc = fnd_fold_step(row);
    if (rc == SQLITE_DONE) {
        sqlite3_bind_int64(fold->statements[FOLD_FORGET_LEASE], 1, event->ref);
        rc = fnd_fold_step(fold->statements[FOLD_FORGET_LEASE]);
    }
    if (rc == SQLITE_DONE && parts->by != NULL) {
        row = fold->statements[FOLD_FORGET_DRAFT];
        sqlite3_bind_int64(row, 1, event->ref);
        bind_text(row, 2, parts->by);
        rc = fnd_fold_step(row);
    }
    if (rc != SQLITE_DONE || !parts->record) {
        return rc;
    }
    row = fold->statements[FOLD_CORRECTION];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_int64(row, 2, event->step);
    sqlite3_bind_int(row, 3, event->phase);
    sqlite3_bind_int64(row, 4, event->ref);
    sqlite3_bind_int(row, 5, parts->tier);
    sqlite3_bind_int(row, 6, parts->verdict);
    rc = fnd_fold_step(row);
    return rc == SQLITE_DONE ? fold_rules(fold, event, parts) : rc;
}

/* The request is open again; the record stays, and says by which event it was taken back. Rules
 * that the answer made end with it. */
static int fold_undo(struct fnd_fold *fold, const struct fnd_event_row *event,
                     const struct fnd_parts *parts)
{
    int rc = withdraw(fold, event); /* of a later phase */
    if (rc == SQLITE_DONE) {
        sqlite3_stmt *row = fold->statements[FOLD_UNDO];
        sqlite3_bind_int64(row, 1, event->id);
        sqlite3_bind_int64(row, 2, event->ref);
        sqlite3_bind_int64(row, 3, event->step);
        sqlite3_bind_int64(row, 4, event->at_us);
        rc = fnd_fold_step(row);
    }
    if (rc == SQLITE_DONE) {
        rc = fold_pair(fold, FOLD_UNDONE, event->id, parts->answer);
    }
    return rc == SQLITE_DONE ? fold_pair(fold, FOLD_RULE_REVOKE, event->id, parts->answer) : rc;
}

static int fold_claim(struct fnd_fold *fold, const struct fnd_event_row *event,
                      const struct fnd_parts *parts)
{
    sqlite3_stmt *row = fold->statements[FOLD_CLAIM];
    sqlite3_bind_int64(row, 1, event->ref);
    bind_text(row, 2, parts->by);
    int rc = fnd_fold_step(row);
    return rc == SQLITE_DONE ? fold_pair(fold, FOLD_LEASE, event->ref, parts->until_us) : rc;
}

/* What is about a request and moves no step. */
static int fold_desk(struct fnd_fold *fold, const struct fnd_event_row *event,
                     const struct fnd_parts *parts)
{
    sqlite3_stmt *row;
    int rc = SQLITE_DONE;
    switch (event->kind) {
    case FND_EVENT_CLAIM:
        return fold_claim(fold, event, parts);
    case FND_EVENT_RELEASE:
    case FND_EVENT_SNOOZE:
        rc = fold_pair(fold, FOLD_RELEASE, event->ref, parts->until_us);
        break;
    case FND_EVENT_REMIND:
        sqlite3_bind_int64(fold->statements[FOLD_REMIND], 1, event->ref);
        return fnd_fold_step(fold->statements[FOLD_REMIND]);
    case FND_EVENT_LAPSE:
        sqlite3_bind_int64(fold->statements[FOLD_LAPSE], 1, event->ref);
        return fnd_fold_step(fold->statements[FOLD_LAPSE]);
    case FND_EVENT_ESCALATE:
        row = fold->statements[FOLD_ESCALATE];
        sqlite3_bind_int64(row, 1, event->ref);
        bind_text(row, 2, parts->group);
        sqlite3_bind_int64(row, 3, parts->again ? due_behind(event, parts->due_ms) : FND_DUE_NONE);
        rc = fnd_fold_step(row);
        break;
    case FND_EVENT_REVOKE:
        return fold_pair(fold, FOLD_RULE_REVOKE, event->id, event->ref);
    default:
        return rc;
    }
    if (rc == SQLITE_DONE) {
        sqlite3_bind_int64(fold->statements[FOLD_FORGET_LEASE], 1, event->ref);
        rc = fnd_fold_step(fold->statements[FOLD_FORGET_LEASE]);
    }
    return rc;
}

/* What follows the move of a step. */
static int fold_effects(struct fnd_fold *fold, const struct fnd_event_row *event,
                        const struct fnd_parts *parts)
{
    int rc = SQLITE_DONE;
    if (event->kind == FND_EVENT_ASK) {
        rc = fold_ask(fold, event, parts);
    } else if (event->kind == FND_EVENT_ANSWER) {
        rc = fold_answer(fold, event, parts);
    } else if (event->kind == FND_EVENT_UNDO) {
        rc = fold_undo(fold, event, parts);
    } else if (event->kind == FND_EVENT_OUTPUT && event->ref != 0) {
        rc = fold_pair(fold, FOLD_CORRECTION_OUTPUT, event->id, event->ref);
    } else if (event->kind == FND_EVENT_UPGRADE) {
        rc = fold_pair(fold, FOLD_STEP_PIN, event->step, event->ref);
    }
    bool ends = (int)event->after.state > FND_STATES_LIVE_MAX || event->kind == FND_EVENT_REOPEN ||
                event->kind == FND_EVENT_UPGRADE;
    return rc == SQLITE_DONE && ends ? withdraw(fold, event) : rc;
}

static int fold_artifacts(struct fnd_fold *fold, const struct fnd_parts *parts)
{
    int rc = SQLITE_DONE;
    for (size_t i = 0; i < parts->artifacts_count && rc == SQLITE_DONE; i++) {
        sqlite3_stmt *row = fold->statements[FOLD_ARTIFACT];
        bind_blob(row, 1, parts->artifacts[i].hash, FND_DIGEST_SIZE);
        sqlite3_bind_int64(row, 2, (sqlite3_int64)parts->artifacts[i].size);
        rc = fnd_fold_step(row);
    }
    return rc;
}

enum fnd_fold_result fnd_fold_apply(struct fnd_fold *fold, const struct fnd_event_row *event,
                                    struct fnd_parts *parts, int *rc)
{
    assert(event->ref >= 0);
    *rc = SQLITE_DONE;
    if (event->kind == FND_EVENT_STORE) {
        *rc = fold_store(fold, parts);
    } else if (event->kind == FND_EVENT_PIN) {
        *rc = fold_pin(fold, event, parts);
    } else if (event->kind == FND_EVENT_JOB) {
        *rc = fold_job(fold, event, parts);
    } else if (event->step != 0) {
        enum fnd_fold_result moved = fold_move(fold, event, parts, rc);
        if (moved != FND_FOLD_DONE) {
            return moved;
        }
        *rc = fold_effects(fold, event, parts);
    } else if (event->kind >= FND_EVENT_TRAIN) {
        *rc = fnd_fold_learn(fold, event, parts);
    } else {
        *rc = fold_desk(fold, event, parts);
    }
    if (*rc == SQLITE_DONE) {
        *rc = fold_artifacts(fold, parts);
    }
    return *rc == SQLITE_DONE ? FND_FOLD_DONE : FND_FOLD_FAILED;
}
