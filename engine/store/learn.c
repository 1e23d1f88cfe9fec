/* SPDX-License-Identifier: MIT */
#include "store/learn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/reader_internal.h"

const char *fnd_training_state_name(enum fnd_training_state state)
{
    static const char *const names[] = {"running", "done", "failed", "cancelled"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

const char *fnd_model_state_name(enum fnd_model_state state)
{
    static const char *const names[] = {"candidate", "production", "retired"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

const char *fnd_decision_name(enum fnd_decision decision)
{
    static const char *const names[] = {"none", "promote", "hold", "rollback"};
    return (unsigned)decision < sizeof names / sizeof names[0] ? names[decision] : "unknown";
}

void fnd_model_artifact_name(const char *name, const uint8_t hash[FND_DIGEST_SIZE],
                             char text[FND_MODEL_ARTIFACT_SIZE])
{
    char digits[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(hash, digits);
    (void)snprintf(text, FND_MODEL_ARTIFACT_SIZE, "models.%s.%s", name, digits);
}

void fnd_training_row_finish(struct fnd_training_row *row)
{
    free(row->pipeline);
    free(row->model);
    *row = (struct fnd_training_row){0};
}

void fnd_model_row_finish(struct fnd_model_row *row)
{
    free(row->pipeline);
    free(row->name);
    *row = (struct fnd_model_row){0};
}

static char *text_of(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return fnd_strdup(text != NULL ? text : "");
}

static bool hash_of(sqlite3_stmt *statement, int column, struct fnd_artifact *artifact)
{
    const bool there = sqlite3_column_bytes(statement, column) == FND_DIGEST_SIZE;
    if (there) {
        memcpy(artifact->hash, sqlite3_column_blob(statement, column), FND_DIGEST_SIZE);
        artifact->size = (uint64_t)sqlite3_column_int64(statement, column + 1);
    }
    return there;
}

static void model_from(sqlite3_stmt *statement, struct fnd_model_row *row)
{
    *row = (struct fnd_model_row){
        .id = sqlite3_column_int64(statement, 0),
        .training = sqlite3_column_int64(statement, 1),
        .pipeline = text_of(statement, 2),
        .name = text_of(statement, 3),
        .version = sqlite3_column_int64(statement, 4),
        .state = (enum fnd_model_state)sqlite3_column_int(statement, 7),
        .decided = sqlite3_column_int64(statement, 8),
        .replaced = sqlite3_column_int64(statement, 9),
    };
    (void)hash_of(statement, 5, &row->artifact);
}

static void training_from(sqlite3_stmt *statement, struct fnd_training_row *row)
{
    *row = (struct fnd_training_row){
        .id = sqlite3_column_int64(statement, 0),
        .pipeline = text_of(statement, 1),
        .model = text_of(statement, 2),
        .version = sqlite3_column_int64(statement, 3),
        .attempt = sqlite3_column_int64(statement, 4),
        .until = sqlite3_column_int64(statement, 5),
        .state = (enum fnd_training_state)sqlite3_column_int(statement, 6),
        .began_us = sqlite3_column_int64(statement, 7),
        .ended_us = sqlite3_column_int64(statement, 8),
        .last = sqlite3_column_int64(statement, 9),
    };
    row->has_checkpoint = hash_of(statement, 10, &row->checkpoint);
}

/* One of the statements below with what it asks for: a number, or two names. */
struct ask {
    enum fnd_reader_statement which;
    int64_t id;
    const char *pipeline, *name;
};

static enum fnd_status ask(struct fnd_reader *reader, const struct ask *asked,
                           sqlite3_stmt **statement, struct fnd_error *error)
{
    enum fnd_status status = fnd_reader_use(reader, asked->which, statement, error);
    if (status != FND_OK) {
        return status;
    }
    if (asked->id > 0) {
        sqlite3_bind_int64(*statement, 1, asked->id);
        return FND_OK;
    }
    if (asked->pipeline != NULL) {
        sqlite3_bind_text(*statement, 1, asked->pipeline, -1, SQLITE_STATIC);
    }
    if (asked->name != NULL) {
        sqlite3_bind_text(*statement, 2, asked->name, -1, SQLITE_STATIC);
    }
    return FND_OK;
}

static enum fnd_status missing(const struct ask *asked, const char *what, struct fnd_error *error)
{
    if (asked->name == NULL) {
        return fnd_error_set(error, FND_NOT_FOUND, "there is no %s %" PRId64, what, asked->id);
    }
    return fnd_error_set(error, FND_NOT_FOUND, "there is no %s of %s in pipeline %s", what,
                         asked->name, asked->pipeline);
}

static enum fnd_status one(struct fnd_reader *reader, const struct ask *asked,
                           struct fnd_model_row *model, struct fnd_training_row *training,
                           struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = ask(reader, asked, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    const int rc = sqlite3_step(statement);
    status = fnd_reader_stepped(reader, rc, error);
    if (rc == SQLITE_ROW && model != NULL) {
        model_from(statement, model);
    } else if (rc == SQLITE_ROW && training != NULL) {
        training_from(statement, training);
    } else if (rc == SQLITE_DONE) {
        status = missing(asked, model != NULL ? "model" : "training", error);
    }
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_model_get(struct fnd_reader *reader, int64_t id, struct fnd_model_row *row,
                              struct fnd_error *error)
{
    return one(reader, &(struct ask){.which = READ_MODEL, .id = id}, row, NULL, error);
}

enum fnd_status fnd_model_production(struct fnd_reader *reader, const char *pipeline,
                                     const char *name, struct fnd_model_row *row,
                                     struct fnd_error *error)
{
    const struct ask asked = {.which = READ_PRODUCTION, .pipeline = pipeline, .name = name};
    return one(reader, &asked, row, NULL, error);
}

enum fnd_status fnd_training_get(struct fnd_reader *reader, int64_t id,
                                 struct fnd_training_row *row, struct fnd_error *error)
{
    return one(reader, &(struct ask){.which = READ_TRAINING, .id = id}, NULL, row, error);
}

enum fnd_status fnd_training_latest(struct fnd_reader *reader, const char *pipeline,
                                    const char *model, struct fnd_training_row *row,
                                    struct fnd_error *error)
{
    const struct ask asked = {.which = READ_TRAINING_LATEST, .pipeline = pipeline, .name = model};
    return one(reader, &asked, NULL, row, error);
}

enum fnd_status fnd_models_walk(struct fnd_reader *reader, const char *pipeline, const char *name,
                                bool (*row)(const struct fnd_model_row *row, void *context),
                                void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    const struct ask asked = {.which = WALK_MODELS, .pipeline = pipeline, .name = name};
    enum fnd_status status = ask(reader, &asked, &statement, error);
    int rc = SQLITE_DONE;
    bool more = true;
    while (status == FND_OK && more && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct fnd_model_row model;
        model_from(statement, &model);
        more = row(&model, context);
        fnd_model_row_finish(&model);
    }
    status = status == FND_OK ? fnd_reader_stepped(reader, rc, error) : status;
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_trainings_walk(struct fnd_reader *reader, const char *pipeline,
                                   const char *model,
                                   bool (*row)(const struct fnd_training_row *row, void *context),
                                   void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    const struct ask asked = {.which = WALK_TRAININGS, .pipeline = pipeline, .name = model};
    enum fnd_status status = ask(reader, &asked, &statement, error);
    int rc = SQLITE_DONE;
    bool more = true;
    while (status == FND_OK && more && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct fnd_training_row training;
        training_from(statement, &training);
        more = row(&training, context);
        fnd_training_row_finish(&training);
    }
    status = status == FND_OK ? fnd_reader_stepped(reader, rc, error) : status;
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_shadows_walk(struct fnd_reader *reader, int64_t model,
                                 bool (*row)(int64_t job, int64_t output, int64_t event,
                                             void *context),
                                 void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_SHADOWS, &statement, error);
    int rc = SQLITE_DONE;
    bool more = true;
    if (status == FND_OK) {
        sqlite3_bind_int64(statement, 1, model);
    }
    while (status == FND_OK && more && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        more = row(sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                   sqlite3_column_int64(statement, 2), context);
    }
    status = status == FND_OK ? fnd_reader_stepped(reader, rc, error) : status;
    fnd_reader_release(reader, statement);
    return status;
}

enum fnd_status fnd_pipelines_walk(struct fnd_reader *reader,
                                   bool (*row)(const char *name, int64_t pin, void *context),
                                   void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = ask(reader, &(struct ask){.which = WALK_PIPELINES}, &statement, error);
    int rc = SQLITE_DONE;
    bool more = true;
    while (status == FND_OK && more && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        more = row(name != NULL ? name : "", sqlite3_column_int64(statement, 1), context);
    }
    status = status == FND_OK ? fnd_reader_stepped(reader, rc, error) : status;
    fnd_reader_release(reader, statement);
    return status;
}
