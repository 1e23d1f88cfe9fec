/* SPDX-License-Identifier: MIT */
/* What is refused of events about models: what comes between a look at the record and the write.
 * The tables would refuse it too, in SQLite's words. */
#include <inttypes.h>
#include <string.h>

#include "store/internal.h"
#include "store/learn.h"

static int refuse(struct fnd_error *error, const char *code)
{
    fnd_error_code(error, code);
    return SQLITE_ROW;
}

/* A training gives one model of its version. */
static int check_trained(struct fnd_writer *writer, int64_t training, struct fnd_error *error)
{
    sqlite3_stmt *row = writer->statements[WRITER_MODEL_CLASH];
    sqlite3_bind_int64(row, 1, training);
    const int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        fnd_error_set(error, FND_CONFLICT,
                      "cannot keep what training %" PRId64 " made: version %" PRId64
                      " of model %s is on record already, as model %" PRId64
                      "; train again, which makes the next version",
                      training, (int64_t)sqlite3_column_int64(row, 2),
                      (const char *)sqlite3_column_text(row, 1),
                      (int64_t)sqlite3_column_int64(row, 0));
    }
    sqlite3_reset(row);
    return rc == SQLITE_ROW ? refuse(error, "version_on_record") : rc;
}

/* Whether the decision's model is a version of what it names. */
static int check_named(struct fnd_writer *writer, int64_t model, const struct fnd_parts *parts,
                       struct fnd_error *error)
{
    sqlite3_stmt *row = writer->statements[WRITER_MODEL_NAMES];
    sqlite3_bind_int64(row, 1, model);
    const int rc = sqlite3_step(row);
    const char *pipeline = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
    const char *name = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 1) : NULL;
    const bool is = pipeline != NULL && name != NULL && strcmp(pipeline, parts->pipeline) == 0 &&
                    strcmp(name, parts->model) == 0;
    if (!is) {
        fnd_error_set(error, FND_CONFLICT,
                      "cannot put model %" PRId64 " into production as %s of pipeline %s: it is %s"
                      "%s%s; `models list` shows the versions there are",
                      model, parts->model, parts->pipeline, name != NULL ? name : "not on record",
                      name != NULL ? " of pipeline " : "", pipeline != NULL ? pipeline : "");
    }
    sqlite3_reset(row);
    return rc != SQLITE_ROW && rc != SQLITE_DONE ? rc
           : is                                  ? SQLITE_DONE
                                                 : refuse(error, "model_unknown");
}

/* Who decides knows what is in production: else somebody else decided meanwhile. */
static int check_decide(struct fnd_writer *writer, int64_t model, const struct fnd_parts *parts,
                        struct fnd_error *error)
{
    const int named = model > 0 ? check_named(writer, model, parts, error) : SQLITE_DONE;
    if (named != SQLITE_DONE) {
        return named;
    }
    sqlite3_stmt *row = writer->statements[WRITER_MODEL_NOW];
    sqlite3_bind_text(row, 1, parts->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, parts->model, -1, SQLITE_STATIC);
    const int rc = sqlite3_step(row);
    const int64_t now = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_reset(row);
    if ((rc != SQLITE_ROW && rc != SQLITE_DONE) || now == parts->replaces) {
        return rc == SQLITE_ROW ? SQLITE_DONE : rc;
    }
    fnd_error_set(error, FND_CONFLICT,
                  "cannot %s model %s of pipeline %s: it was decided to replace model %" PRId64
                  ", and model %" PRId64 " is in production meanwhile (0: the rules); look at "
                  "`models list` and decide anew",
                  parts->decision == FND_DECISION_PROMOTE ? "promote" : "roll back", parts->model,
                  parts->pipeline, parts->replaces, now);
    return refuse(error, "production_moved");
}

int fnd_check_learn(struct fnd_writer *writer, const struct fnd_event *event,
                    const struct fnd_parts *parts, struct fnd_error *error)
{
    if (event->kind == FND_EVENT_TRAINED && parts->outcome == FND_TRAINING_DONE) {
        return check_trained(writer, event->ref, error);
    }
    return event->kind == FND_EVENT_DECIDE && parts->decision != FND_DECISION_HOLD
               ? check_decide(writer, event->ref, parts, error)
               : SQLITE_DONE;
}
