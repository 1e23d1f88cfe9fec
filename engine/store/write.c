/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/parts.h"

enum applied { APPLIED, REFUSED, BROKEN };

/* A group while it is applied. */
struct group {
    struct fnd_store *store;
    struct fnd_writer *writer;
    struct fnd_mark mark;
    int64_t at_us;
    int rc;                     /* of SQLite, when BROKEN */
    struct fnd_parts_read read; /* of the event about a request that is applied */
};

struct fnd_write *fnd_write_create(void)
{
    struct fnd_write *write = fnd_realloc(NULL, 1, sizeof *write);
    memset(write, 0, offsetof(struct fnd_write, events));
    return write;
}

void fnd_write_destroy(struct fnd_write *write)
{
    if (write == NULL) {
        return;
    }
    for (size_t i = 0; i < write->count; i++) {
        free(write->events[i].body);
        free(write->events[i].meta);
        free(write->events[i].artifacts);
    }
    while (write->notes != NULL) {
        struct fnd_note *note = write->notes;
        write->notes = note->next;
        free(note->who);
        free(note->text);
        free(note);
    }
    free(write->pipeline);
    free(write->path);
    free(write->error);
    free(write);
}

struct fnd_event *fnd_write_add(struct fnd_write *write, enum fnd_event_kind kind, char *body,
                                char *meta)
{
    assert(write->count < FND_WRITE_EVENTS_MAX);
    struct fnd_event *event = &write->events[write->count++];
    *event = (struct fnd_event){0};
    event->kind = kind;
    event->body = body;
    event->body_size = body != NULL ? strlen(body) : 0;
    event->meta = meta;
    event->meta_size = meta != NULL ? strlen(meta) : 0;
    return event;
}

static struct fnd_error *write_error(struct fnd_write *write)
{
    if (write->error == NULL) {
        write->error = fnd_alloc(sizeof *write->error);
    }
    return write->error;
}

static enum applied broken(struct group *group, int rc)
{
    group->rc = rc;
    return BROKEN;
}

static int64_t resolve(int64_t ref, int64_t first)
{
    return ref >= 0 ? ref : first + (FND_REF_FIRST - ref);
}

/* --- what is refused before anything is written ------------------------------------------- */

static enum applied refuse(struct fnd_write *write, const char *code)
{
    write->status = FND_CONFLICT;
    fnd_error_code(write->error, code);
    return REFUSED;
}

static enum applied check_job(struct group *group, struct fnd_write *write)
{
    sqlite3_stmt *row = group->writer->statements[WRITER_JOB_CLASH];
    sqlite3_bind_blob(row, 1, write->uuid, FND_UUID_SIZE, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, write->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, write->path, -1, SQLITE_STATIC);
    sqlite3_bind_int(row, 4, write->revision);
    int rc = sqlite3_step(row);
    int64_t id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_reset(row);
    if (rc == SQLITE_DONE) {
        return APPLIED;
    }
    if (rc != SQLITE_ROW) {
        return broken(group, rc);
    }
    write->first = id;
    fnd_error_set(write_error(write), FND_CONFLICT,
                  "cannot take in %s for pipeline %s, revision %" PRId32
                  ": it is on record already "
                  "as job %" PRId64,
                  write->path, write->pipeline, write->revision, id);
    return refuse(write, "job_on_record");
}

static enum applied check_pin(struct group *group, struct fnd_write *write)
{
    sqlite3_stmt *row = group->writer->statements[WRITER_PIN_CLASH];
    sqlite3_bind_blob(row, 1, write->hash, FND_DIGEST_SIZE, SQLITE_STATIC);
    int rc = sqlite3_step(row);
    int64_t id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_reset(row);
    if (rc == SQLITE_DONE) {
        return APPLIED;
    }
    if (rc != SQLITE_ROW) {
        return broken(group, rc);
    }
    write->first = id;
    fnd_error_set(write_error(write), FND_CONFLICT,
                  "pipeline %s is on record in this very form already as pin %" PRId64,
                  write->pipeline, id);
    return refuse(write, "pin_on_record");
}

/* What is on record about a request. */
struct found {
    int64_t step, closed, fence;
    int state, stage;
    char holder[FND_WHO_SIZE_MAX + 1];
};

static enum applied refuse_closed(struct fnd_write *write, int64_t request,
                                  const struct found *found)
{
    fnd_error_set(
        write_error(write), FND_CONFLICT,
        "cannot answer request %" PRId64 ": it was %s by event %" PRId64 ", and that stands",
        request, found->state == FND_REQUEST_ANSWERED ? "answered" : "withdrawn", found->closed);
    return refuse(write,
                  found->state == FND_REQUEST_ANSWERED ? "request_answered" : "request_withdrawn");
}

/* Whether the event may follow what is on record, read in the very transaction that will hold it.
 */
static enum applied judge_request(struct fnd_write *write, const struct fnd_event *event,
                                  const struct found *found)
{
    const int64_t fence = write->fence < 0 ? 0 : write->fence;
    const int stage = event->kind == FND_EVENT_REMIND     ? 1
                      : event->kind == FND_EVENT_ESCALATE ? 2
                      : event->kind == FND_EVENT_LAPSE    ? 3
                                                          : 4;
    if (event->kind == FND_EVENT_UNDO) {
        if (found->state == FND_REQUEST_ANSWERED) {
            return APPLIED;
        }
        fnd_error_set(write_error(write), FND_CONFLICT,
                      "request %" PRId64 " has no answer that could be taken back", event->ref);
        return refuse(write, "request_not_answered");
    }
    if (found->state != FND_REQUEST_OPEN) {
        return refuse_closed(write, event->ref, found);
    }
    if (write->fence != FND_FENCE_ANY && found->fence != fence) {
        fnd_error_set(write_error(write), FND_CONFLICT,
                      "the lease on request %" PRId64 " was lost: %s has it now", event->ref,
                      found->holder[0] != '\0' ? found->holder : "somebody else");
        return refuse(write, "lease_lost");
    }
    if (found->stage >= stage) {
        fnd_error_set(write_error(write), FND_CONFLICT, "request %" PRId64 " had its %s already",
                      event->ref, fnd_event_name(event->kind));
        return refuse(write, "deadline_passed");
    }
    return APPLIED;
}

static enum applied check_request(struct group *group, struct fnd_write *write,
                                  const struct fnd_event *event)
{
    const bool moves = event->kind == FND_EVENT_ANSWER || event->kind == FND_EVENT_UNDO;
    struct found found = {0};
    sqlite3_stmt *row = group->writer->statements[WRITER_REQUEST];
    sqlite3_bind_int64(row, 1, event->ref);
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        const char *holder = (const char *)sqlite3_column_text(row, 5);
        found.step = sqlite3_column_int64(row, 0);
        found.state = sqlite3_column_int(row, 1);
        found.closed = sqlite3_column_int64(row, 2);
        found.fence = sqlite3_column_int64(row, 3);
        found.stage = sqlite3_column_int(row, 4);
        snprintf(found.holder, sizeof found.holder, "%s", holder != NULL ? holder : "");
    }
    sqlite3_reset(row);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return broken(group, rc);
    }
    if (rc == SQLITE_DONE || (moves && found.step != write->step)) {
        fnd_error_set(write_error(write), FND_CONFLICT,
                      "cannot answer request %" PRId64 ": job %" PRId64 " has no such request",
                      event->ref, write->step);
        return refuse(write, "request_unknown");
    }
    return judge_request(write, event, &found);
}

static enum applied check(struct group *group, struct fnd_write *write)
{
    enum applied result = APPLIED;
    for (size_t i = 0; i < write->count && result == APPLIED; i++) {
        const struct fnd_event *event = &write->events[i];
        if (event->kind == FND_EVENT_JOB) {
            result = check_job(group, write);
        } else if (event->kind == FND_EVENT_PIN) {
            result = check_pin(group, write);
        } else if (event->ref >= 0 &&
                   (event->kind == FND_EVENT_ANSWER ||
                    (event->kind >= FND_EVENT_CLAIM && event->kind <= FND_EVENT_UNDO))) {
            result = check_request(group, write, event);
        }
    }
    return result;
}

/* The guard did not hold: say where the step stands. */
static enum applied moved_on(struct group *group, struct fnd_write *write)
{
    sqlite3_stmt *row = group->writer->statements[WRITER_STEP_EVENT];
    sqlite3_bind_int64(row, 1, write->step);
    int rc = sqlite3_step(row);
    int64_t found = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_reset(row);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return broken(group, rc);
    }
    if (rc == SQLITE_DONE) {
        fnd_error_set(write_error(write), FND_CONFLICT, "there is no job %" PRId64 " to move on",
                      write->step);
        return refuse(write, "step_unknown");
    }
    fnd_error_set(write_error(write), FND_CONFLICT,
                  "job %" PRId64 " moved on meanwhile: its last event is %" PRId64 ", not %" PRId64
                  "; read it again and decide anew",
                  write->step, found, write->before);
    return refuse(write, "step_moved");
}

/* --- applying ------------------------------------------------------------------------------ */

static void parts_of(const struct fnd_write *write, struct fnd_parts *parts)
{
    assert(write->outputs_count <= FND_PHASES_MAX);
    memset(parts, 0, offsetof(struct fnd_parts, outputs));
    parts->outputs_count = write->outputs_count;
    memcpy(parts->outputs, write->outputs, write->outputs_count * sizeof *parts->outputs);
    memcpy(parts->uuid, write->uuid, sizeof parts->uuid);
    memcpy(parts->hash, write->hash, sizeof parts->hash);
    memcpy(parts->salt, write->hash, sizeof parts->salt);
    parts->pipeline = write->pipeline;
    parts->path = write->path;
    parts->pin = write->pin;
    parts->revision = write->revision;
    parts->record = write->record;
    parts->tier = write->tier;
    parts->verdict = write->verdict;
}

static void bind_bytes(sqlite3_stmt *row, int index, const void *bytes, size_t size)
{
    if (bytes != NULL) { /* a fresh NULL otherwise: bindings outlive a reset */
        sqlite3_bind_blob64(row, index, bytes, size, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(row, index);
    }
}

static int insert_event(struct group *group, const struct fnd_event_row *event,
                        const struct fnd_event *from)
{
    bool payload = from->body != NULL || from->meta != NULL;
    const uint8_t *digest = payload ? from->digest : NULL;
    uint8_t chain[FND_DIGEST_SIZE];
    fnd_chain_next(group->mark.chain, event, digest, chain);
    sqlite3_stmt *row = group->writer->statements[WRITER_EVENT];
    const int64_t numbers[] = {
        event->id,           event->at_us,       event->kind,          event->step,
        event->prev,         event->phase,       event->attempt,       event->level,
        event->after.state,  event->after.phase, event->after.attempt, event->after.failures,
        event->after.due_us, event->ref};
    enum { NUMBERS = sizeof numbers / sizeof numbers[0] };
    for (int i = 0; i < NUMBERS; i++) {
        sqlite3_bind_int64(row, i + 1, numbers[i]);
    }
    bind_bytes(row, NUMBERS + 1, digest, FND_DIGEST_SIZE);
    bind_bytes(row, NUMBERS + 2, chain, sizeof chain);
    int rc = fnd_fold_step(row);
    if (rc == SQLITE_DONE && payload) {
        row = group->writer->statements[WRITER_PAYLOAD];
        sqlite3_bind_int64(row, 1, event->id);
        bind_bytes(row, 2, from->key, FND_KEY_SIZE);
        bind_bytes(row, 3, from->body, from->body_size);
        bind_bytes(row, 4, from->meta, from->meta_size);
        rc = fnd_fold_step(row);
    }
    group->mark.sequence = event->id;
    memcpy(group->mark.chain, chain, sizeof chain);
    return rc;
}

/* What is about a request is read out of its body, as a rebuild does. */
static enum fnd_status parts_from_body(struct group *group, const struct fnd_event *from,
                                       struct fnd_parts *parts, struct fnd_error *error)
{
    group->read.parts = *parts;
    enum fnd_status status = fnd_parts_read(&group->read, from->kind, from->body, from->body_size,
                                            from->meta, from->meta_size, error);
    *parts = group->read.parts;
    return status;
}

/* Whether the body of such an event has what its kind asks for, and nobody decided meanwhile of the
 * model that it is about; else the write says what not. */
static enum applied body_holds(struct group *group, struct fnd_write *write, size_t index)
{
    struct fnd_parts parts = {0};
    struct fnd_error error = {0};
    if (parts_from_body(group, &write->events[index], &parts, &error) != FND_OK) {
        *write_error(write) = error;
        write->status = FND_INVALID;
        return REFUSED;
    }
    const int rc = fnd_check_learn(group->writer, &write->events[index], &parts, &error);
    if (rc == SQLITE_ROW) {
        *write_error(write) = error;
        write->status = FND_CONFLICT;
        return REFUSED;
    }
    return rc == SQLITE_DONE ? APPLIED : broken(group, rc);
}

static enum applied apply(struct group *group, struct fnd_write *write)
{
    enum applied result = check(group, write);
    if (result != APPLIED) {
        return result;
    }
    for (size_t i = 0; i < write->count; i++) { /* before anything of the write is recorded */
        result = fnd_parts_desk(write->events[i].kind) ? body_holds(group, write, i) : APPLIED;
        if (result != APPLIED) {
            return result;
        }
    }
    struct fnd_parts parts;
    parts_of(write, &parts);
    int64_t first = group->mark.sequence + 1;
    int64_t step = write->events[0].kind == FND_EVENT_JOB ? first : write->step;
    int64_t prev = write->step != 0 ? write->before : 0;
    for (size_t i = 0; i < write->count; i++) {
        const struct fnd_event *from = &write->events[i];
        const struct fnd_event_row event = {
            .id = group->mark.sequence + 1,
            .at_us = group->at_us,
            .step = step,
            .prev = step != 0 ? prev : 0,
            .ref = resolve(from->ref, first),
            .kind = from->kind,
            .phase = from->phase,
            .attempt = from->attempt,
            .level = from->level,
            .after = from->after,
        };
        if (fnd_parts_desk(from->kind)) {
            (void)parts_from_body(group, from, &parts, NULL); /* it was looked at above */
        }
        parts.artifacts = from->artifacts;
        parts.artifacts_count = from->artifacts_count;
        int rc = SQLITE_DONE;
        enum fnd_fold_result folded = fnd_fold_apply(&group->writer->fold, &event, &parts, &rc);
        if (folded == FND_FOLD_CONFLICT) {
            assert(i == 0 && "the guard held for an earlier event of the same write");
            return moved_on(group, write);
        }
        if (folded == FND_FOLD_DONE) {
            rc = insert_event(group, &event, from);
        }
        if (rc != SQLITE_DONE) {
            return broken(group, rc);
        }
        prev = event.id;
    }
    int noted = write->notes != NULL ? fnd_notes_apply(group->writer, write, first) : SQLITE_DONE;
    if (noted != SQLITE_DONE) {
        return broken(group, noted);
    }
    write->status = FND_OK;
    write->first = first;
    write->last = group->mark.sequence;
    write->at_us = group->at_us;
    return APPLIED;
}

static int run(struct group *group, enum fnd_writer_statement which)
{
    return fnd_fold_step(group->writer->statements[which]);
}

enum fnd_status fnd_group_apply(struct fnd_store *store, struct fnd_write *first,
                                struct fnd_mark *mark, struct fnd_error *error)
{
    const struct fnd_env *env = store->options.env;
    struct group group = {.store = store,
                          .writer = &store->writer,
                          .mark = store->writer.mark,
                          .at_us = env->wall_us(env)};
    int rc = run(&group, WRITER_BEGIN);
    for (struct fnd_write *write = first; write != NULL && rc == SQLITE_DONE; write = write->next) {
        if (apply(&group, write) == BROKEN) {
            rc = group.rc;
        }
    }
    if (rc == SQLITE_DONE) {
        errno = 0;
        FND_CRASH_POINT("store.commit.before");
        rc = run(&group, WRITER_COMMIT);
        store->writer.db.error_number = rc != SQLITE_DONE ? errno : 0;
        FND_CRASH_POINT("store.commit.after");
    }
    fnd_parts_finish(&group.read);
    *mark = group.mark;
    if (rc == SQLITE_DONE) {
        store->writer.mark = group.mark;
        return FND_OK;
    }
    return fnd_db_error(&store->writer.db, rc, "commit", error);
}

/* --- after a failure ----------------------------------------------------------------------- */

static void end_all(struct fnd_write *first, const struct fnd_error *error)
{
    for (struct fnd_write *write = first; write != NULL; write = write->next) {
        write->status = error->status;
        write->first = write->last = 0;
        *write_error(write) = *error;
    }
}

/* After a failed fsync the system may hold pages that it no longer means to write: copying them
 * into the database and syncing that makes them real, or fails again. */
static enum fnd_status make_real(struct fnd_writer *writer, struct fnd_error *error)
{
    int rc =
        sqlite3_wal_checkpoint_v2(writer->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    bool done = rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED;
    return done ? FND_OK : fnd_db_error(&writer->db, rc, "sync what was committed", error);
}

/* While another process reads, closing leaves the log alone, and with it what a commit that failed
 * has written: a crash before the next commit would bring it back. A commit that changes nothing
 * takes its place in the log. */
static enum fnd_status make_gone(struct fnd_writer *writer, struct fnd_error *error)
{
    char mark[48];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d", FND_STORE_VERSION);
    return fnd_db_exec(&writer->db, mark, "take back what was not committed", error);
}

/* An error from COMMIT says "unknown". Open the record anew and see whether the group's last event
 * is there with our chain value.  `recorded` is the answer.
 * Returns FND_OK; else it could not be read, or not be made sure of. */
static enum fnd_status read_back(struct fnd_store *store, const struct fnd_mark *mark,
                                 const struct fnd_error *failure, bool *recorded,
                                 struct fnd_error *error)
{
    struct fnd_writer *writer = &store->writer;
    /* A write that found no space ends before the frame that commits. A sync that found none, as
     * where a file system allocates late, comes behind it. */
    const int rc = sqlite3_extended_errcode(writer->db.handle);
    const bool cut =
        failure->status == FND_FULL && rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC;
    if (!sqlite3_get_autocommit(writer->db.handle)) { /* a full disk has rolled back already */
        fnd_fold_step(writer->statements[WRITER_ROLLBACK]);
    }
    fnd_writer_close(store);
    enum fnd_status status = fnd_writer_open(store, error);
    if (status != FND_OK) {
        return status;
    }
    uint8_t chain[FND_DIGEST_SIZE];
    status = fnd_writer_chain(store, mark->sequence, chain, error);
    *recorded = status == FND_OK;
    if (status == FND_NOT_FOUND) {
        return cut ? FND_OK : make_gone(writer, error);
    }
    if (status == FND_OK && memcmp(chain, mark->chain, sizeof chain) != 0) {
        return fnd_error_set(error, FND_DAMAGED,
                             "event %" PRId64 " is on record with other content", mark->sequence);
    }
    return status == FND_OK ? make_real(writer, error) : status;
}

/* Every write of the group shares the outcome, also those that were refused: what refused them may
 * have been an earlier one of the same group. */
static void recover(struct fnd_store *store, struct fnd_write *first, const struct fnd_mark *mark,
                    const struct fnd_error *failure, struct fnd_error *health)
{
    struct fnd_error error = {0};
    bool recorded = false;
    enum fnd_status status = read_back(store, mark, failure, &recorded, &error);
    if (status == FND_OK && recorded) {
        fnd_log(store->options.log, FND_LOG_WARNING, "store", NULL, NULL,
                "%s; read back: it is on record", failure->message);
    } else if (status == FND_OK) {
        end_all(first, failure);
    } else {
        fnd_error_set(health, status == FND_FULL ? FND_FULL : FND_IO,
                      "%s; whether it is on record could not be read back (%s); stop, repair the "
                      "disk, start again: the record then tells",
                      failure->message, error.message);
        fnd_error_code(health, "outcome_unknown");
        end_all(first, health);
        fnd_log(store->options.log, FND_LOG_ERROR, "store", NULL, NULL, "%s", health->message);
    }
}

void fnd_group_commit(struct fnd_store *store, struct fnd_write *first, struct fnd_error *health)
{
    struct fnd_writer *writer = &store->writer;
    if (health->status == FND_OK) {
        fnd_writer_file(store, true, &writer->device, &writer->inode, health);
    }
    if (health->status != FND_OK) {
        end_all(first, health);
        return;
    }
    struct fnd_mark before = writer->mark;
    struct fnd_mark mark;
    struct fnd_error failure = {0};
    if (fnd_group_apply(store, first, &mark, &failure) != FND_OK) {
        if (mark.sequence == before.sequence) {
            /* Nothing was to be recorded yet: reading back would find the old end and call it
             * done. */
            mark.sequence++;
        }
        recover(store, first, &mark, &failure, health);
    }
    if (writer->mark.sequence != before.sequence) {
        fnd_head_write(store->head, &writer->mark);
        FND_CRASH_POINT("store.witness.written");
    }
}
