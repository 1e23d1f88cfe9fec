/* SPDX-License-Identifier: MIT */
/* From events about models to their tables. */
#include "store/fold.h"

static void bind_hash(sqlite3_stmt *row, int index, const struct fnd_artifact *artifact)
{
    sqlite3_bind_blob(row, index, artifact->hash, sizeof artifact->hash, SQLITE_STATIC);
    sqlite3_bind_int64(row, index + 1, (sqlite3_int64)artifact->size);
}

static int fold_train(struct fnd_fold *fold, const struct fnd_event_row *event,
                      const struct fnd_parts *parts)
{
    sqlite3_stmt *row = fold->statements[FOLD_TRAIN];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_text(row, 2, parts->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, parts->model, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 4, parts->version);
    sqlite3_bind_int64(row, 5, parts->attempt);
    sqlite3_bind_int64(row, 6, parts->until);
    sqlite3_bind_int64(row, 7, event->at_us);
    return fnd_fold_step(row);
}

static int fold_trained(struct fnd_fold *fold, const struct fnd_event_row *event,
                        const struct fnd_parts *parts)
{
    sqlite3_stmt *row = fold->statements[FOLD_TRAINED];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_int64(row, 2, event->ref);
    sqlite3_bind_int(row, 3, parts->outcome);
    sqlite3_bind_int64(row, 4, event->at_us);
    int rc = fnd_fold_step(row);
    /* What had ended before ends no second time, and leaves no model. */
    if (rc != SQLITE_DONE || parts->outcome != FND_TRAINING_DONE ||
        sqlite3_changes(fold->db->handle) != 1) {
        return rc;
    }
    row = fold->statements[FOLD_MODEL];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_int64(row, 2, event->ref);
    bind_hash(row, 3, &parts->kept);
    return fnd_fold_step(row);
}

static int fold_decide(struct fnd_fold *fold, const struct fnd_event_row *event,
                       const struct fnd_parts *parts)
{
    sqlite3_stmt *row;
    int rc = SQLITE_DONE;
    if (parts->decision == FND_DECISION_HOLD) {
        row = fold->statements[FOLD_DECIDED];
        sqlite3_bind_int64(row, 1, event->id);
        sqlite3_bind_int64(row, 2, event->ref);
        return fnd_fold_step(row);
    }
    row = fold->statements[FOLD_RETIRE];
    sqlite3_bind_int64(row, 1, event->id);
    sqlite3_bind_text(row, 2, parts->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, parts->model, -1, SQLITE_STATIC);
    rc = fnd_fold_step(row);
    if (rc == SQLITE_DONE && event->ref > 0) {
        /* Who goes back does not forget what stood before that one. */
        row = fold->statements[FOLD_PRODUCE];
        sqlite3_bind_int64(row, 1, event->id);
        sqlite3_bind_int64(row, 2, event->ref);
        sqlite3_bind_int64(row, 3, parts->decision == FND_DECISION_ROLLBACK ? -1 : parts->replaces);
        rc = fnd_fold_step(row);
    }
    return rc;
}

int fnd_fold_learn(struct fnd_fold *fold, const struct fnd_event_row *event,
                   const struct fnd_parts *parts)
{
    sqlite3_stmt *row;
    switch (event->kind) {
    case FND_EVENT_TRAIN:
        return fold_train(fold, event, parts);
    case FND_EVENT_CHECKPOINT:
        row = fold->statements[FOLD_CHECKPOINT];
        sqlite3_bind_int64(row, 1, event->id);
        sqlite3_bind_int64(row, 2, event->ref);
        bind_hash(row, 3, &parts->kept);
        return fnd_fold_step(row);
    case FND_EVENT_TRAINED:
        return fold_trained(fold, event, parts);
    case FND_EVENT_DECIDE:
        return fold_decide(fold, event, parts);
    case FND_EVENT_SHADOW:
        row = fold->statements[FOLD_SHADOW];
        sqlite3_bind_int64(row, 1, event->ref);
        sqlite3_bind_int64(row, 2, parts->output);
        sqlite3_bind_int64(row, 3, parts->job);
        sqlite3_bind_int64(row, 4, event->id);
        return fnd_fold_step(row);
    default:
        return SQLITE_DONE;
    }
}
