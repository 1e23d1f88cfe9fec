/* SPDX-License-Identifier: MIT */
#include "command/models.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"

/* --- which model ------------------------------------------------------------------------------ */

struct look {
    struct fnd_reader *reader;
    const char *pipeline, *model; /* asked for; NULL: any */
    char *found_pipeline, *found_model;
    size_t count;
    struct fnd_text names;
};

/* The models of a pipeline's newest pin that fit. */
static bool pipeline_look(const char *name, int64_t pin, void *context)
{
    struct look *look = context;
    struct fnd_text text = {0};
    if (look->pipeline != NULL && strcmp(look->pipeline, name) != 0) {
        return true;
    }
    if (fnd_payload_get(look->reader, pin, &text, NULL, NULL) == FND_OK) {
        const struct fnd_json document = {text.bytes, text.size};
        const struct fnd_json models = fnd_json_find(document, "/canonical/models");
        for (struct fnd_json_walk walk = fnd_json_walk(models);
             models.bytes != NULL && fnd_json_next(&walk);) {
            char *model = fnd_json_strdup(walk.key);
            fnd_text_printf(&look->names, "%s%s of %s", look->names.size > 0 ? ", " : "", model,
                            name);
            if ((look->model == NULL || strcmp(look->model, model) == 0) && look->count++ == 0) {
                look->found_pipeline = fnd_strdup(name);
                look->found_model = fnd_strdup(model);
            }
            free(model);
        }
    }
    fnd_text_finish(&text);
    return true;
}

enum fnd_status fnd_models_place(struct fnd_app *app, struct fnd_models_place *place,
                                 struct fnd_error *error)
{
    const char *first = app->arguments.operands[0], *second = app->arguments.operands[1];
    if (second == NULL && first != NULL && !fnd_directory_is(first)) {
        second = first; /* a model of the directory that we are in */
        first = NULL;
    }
    enum fnd_status status = fnd_directory_read(first, &place->reader, error);
    if (status != FND_OK) {
        return status;
    }
    struct look look = {.reader = place->reader,
                        .pipeline = fnd_arguments_value(&app->arguments, FND_OPTION_PIPELINE),
                        .model = second};
    status = fnd_pipelines_walk(place->reader, pipeline_look, &look, error);
    place->pipeline = look.found_pipeline;
    place->model = look.found_model;
    if (status == FND_OK && look.names.size == 0) {
        status = fnd_error_set(error, FND_NOT_FOUND,
                               "no pipeline of %s learns: none that ran there has `models:`",
                               fnd_reader_path(place->reader));
    } else if (status == FND_OK && look.count == 0) {
        status = fnd_error_set(error, FND_NOT_FOUND, "there is no model %s; there are %s",
                               look.model, fnd_text_z(&look.names));
    } else if (status == FND_OK && look.count > 1) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "there are several models: %s; say which, and --pipeline",
                               fnd_text_z(&look.names));
    }
    fnd_text_finish(&look.names);
    return status;
}

void fnd_models_place_finish(struct fnd_models_place *place)
{
    fnd_reader_close(place->reader);
    free(place->pipeline);
    free(place->model);
    *place = (struct fnd_models_place){0};
}

void fnd_models_request(struct fnd_app *app, const struct fnd_models_place *place, const char *op,
                        struct fnd_text *request)
{
    const char *reason = fnd_arguments_value(&app->arguments, FND_OPTION_REASON);
    char *by = fnd_who(app);
    fnd_text_printf(request, "{\"op\":\"%s\",", op);
    fnd_field(request, "pipeline", place->pipeline);
    fnd_text_append_byte(request, ',');
    fnd_field(request, "model", place->model);
    fnd_text_append_byte(request, ',');
    fnd_field(request, "by", by);
    if (reason != NULL) {
        fnd_text_append_byte(request, ',');
        fnd_field(request, "reason", reason);
    }
    free(by);
}

/* --- list ------------------------------------------------------------------------------------- */

struct listing {
    struct fnd_app *app;
    struct fnd_reader *reader;
    struct fnd_table *table;
    size_t count;
};

/* Append the evaluation's figure: "180 of 200 right (before: 160)". */
static void evaluation_text(struct fnd_reader *reader, int64_t event, struct fnd_text *text)
{
    struct fnd_text body = {0};
    int64_t seen = 0, right = 0, before = 0;
    if (fnd_payload_get(reader, event, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json document = {body.bytes, body.size};
        const struct fnd_json score = fnd_json_member(document, "evaluation");
        if (score.bytes != NULL && fnd_json_integer(fnd_json_member(score, "seen"), &seen) &&
            fnd_json_integer(fnd_json_member(score, "right"), &right) &&
            fnd_json_integer(fnd_json_member(score, "right_before"), &before)) {
            fnd_text_printf(text, "%" PRId64 " of %" PRId64 " right (before: %" PRId64 ")", right,
                            seen, before);
        }
    }
    fnd_text_finish(&body);
}

/* Why a training gave no model. */
static void failure_text(struct fnd_reader *reader, int64_t event, struct fnd_text *text)
{
    struct fnd_text body = {0};
    if (fnd_payload_get(reader, event, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json document = {body.bytes, body.size};
        char *message = fnd_json_strdup(fnd_json_member(document, "message"));
        fnd_text_append_z(text, message != NULL ? message : "");
        free(message);
    }
    fnd_text_finish(&body);
}

struct of_training {
    int64_t training;
    struct fnd_model_row row;
    bool found;
};

static bool of_training(const struct fnd_model_row *row, void *context)
{
    struct of_training *of = context;
    if (row->training == of->training) {
        of->row = *row;
        of->row.pipeline = of->row.name = NULL;
        of->found = true;
    }
    return !of->found;
}

static bool list_row(const struct fnd_training_row *row, void *context)
{
    struct listing *listing = context;
    struct of_training of = {.training = row->id};
    struct fnd_text what = {0}, json = {0};
    char at[FND_TIME_TEXT_SIZE];
    listing->count++;
    (void)fnd_models_walk(listing->reader, row->pipeline, row->model, of_training, &of, NULL);
    if (of.found) {
        evaluation_text(listing->reader, of.row.id, &what);
    } else if (row->ended_us > 0) {
        failure_text(listing->reader, row->last, &what);
    }
    const char *state =
        of.found ? fnd_model_state_name(of.row.state) : fnd_training_state_name(row->state);
    fnd_time_format(row->began_us, at);
    if (listing->app->json) {
        char hash[FND_DIGEST_TEXT_SIZE] = "";
        if (of.found) {
            fnd_digest_text(of.row.artifact.hash, hash);
        }
        fnd_text_printf(
            &json, "{\"training\":%" PRId64 ",\"version\":%" PRId64 ",\"attempt\":%" PRId64 ",",
            row->id, row->version, row->attempt);
        fnd_field(&json, "pipeline", row->pipeline);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "model", row->model);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "state", state);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "began", at);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "sha256", hash);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "note", fnd_text_z(&what));
        fnd_text_append_z(&json, "}\n");
        fnd_raw(listing->app, fnd_text_z(&json), json.size);
    } else {
        fnd_table_cell(listing->table, "%s", row->model);
        fnd_table_cell(listing->table, "%" PRId64, row->version);
        fnd_table_cell(listing->table, "%s", state);
        fnd_table_cell(listing->table, "%s", at);
        fnd_table_cell(listing->table, "%s", fnd_text_z(&what));
    }
    fnd_text_finish(&what);
    fnd_text_finish(&json);
    return true;
}

int fnd_command_models_list(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_table table = {.columns = 5};
    enum fnd_status status = fnd_directory_look(app->arguments.operands[0], &reader, &error);
    struct listing listing = {.app = app, .reader = reader, .table = &table};
    if (status == FND_OK) {
        static const char *const heads[] = {"MODEL", "VERSION", "STATE", "TRAINED", "TRIED"};
        for (size_t i = 0; i < 5 && !app->json; i++) {
            fnd_table_cell(&table, "%s", heads[i]);
        }
        status =
            fnd_trainings_walk(reader, fnd_arguments_value(&app->arguments, FND_OPTION_PIPELINE),
                               NULL, list_row, &listing, &error);
    }
    if (!app->json) {
        fnd_table_print(app, &table, true); /* and frees it */
    }
    if (status == FND_OK && !app->json && listing.count == 0) {
        fnd_say(app,
                "nothing was trained yet; `" FND_PROGRAM " train --explain` says what could be");
    }
    fnd_reader_close(reader);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

/* --- show ------------------------------------------------------------------------------------- */

static void fields_people(struct fnd_app *app, struct fnd_json score)
{
    struct fnd_table table = {.columns = 5};
    const struct fnd_json fields = fnd_json_member(score, "fields");
    static const char *const members[] = {"seen", "right", "right_before"};
    fnd_table_cell(&table, "FIELD");
    fnd_table_cell(&table, "SEEN");
    fnd_table_cell(&table, "RIGHT");
    fnd_table_cell(&table, "BEFORE");
    fnd_table_cell(&table, "BETTER/WORSE");
    for (struct fnd_json_walk walk = fnd_json_walk(fields);
         fields.bytes != NULL && fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        int64_t better = 0, worse = 0;
        fnd_table_cell(&table, "%s", name[0] != '\0' ? name : "the whole");
        for (size_t i = 0; i < 3; i++) {
            int64_t number = 0;
            fnd_json_integer(fnd_json_member(walk.value, members[i]), &number);
            fnd_table_cell(&table, "%" PRId64, number);
        }
        fnd_json_integer(fnd_json_member(walk.value, "better"), &better);
        fnd_json_integer(fnd_json_member(walk.value, "worse"), &worse);
        fnd_table_cell(&table, "%" PRId64 "/%" PRId64, better, worse);
        free(name);
    }
    fnd_table_print(app, &table, true);
}

struct newest {
    int64_t wanted, id;
};

static bool newest(const struct fnd_model_row *row, void *context)
{
    struct newest *found = context;
    if (found->wanted < 0 || row->version == found->wanted) {
        found->id = row->id;
    }
    return true;
}

/* The last that was recorded about what is proven of a version. */
struct proof {
    int64_t model, event;
};

static bool proof_newest(const struct fnd_event_row *row, void *context)
{
    struct proof *proof = context;
    if (row->kind == FND_EVENT_PROVE && row->ref == proof->model) {
        proof->event = row->id;
    }
    return true;
}

static enum fnd_status proof_read(struct fnd_reader *reader, const struct fnd_model_row *row,
                                  struct fnd_text *body, struct fnd_error *error)
{
    struct proof proof = {.model = row->id};
    const struct fnd_walk walk = {.after = row->id, .limit = INT64_MAX};
    const enum fnd_status status = fnd_events_walk(reader, 0, &walk, proof_newest, &proof, error);
    return status == FND_OK && proof.event > 0
               ? fnd_payload_get(reader, proof.event, body, NULL, error)
               : status;
}

static void proof_people(struct fnd_app *app, struct fnd_json result, struct fnd_json proof)
{
    char *why = fnd_json_strdup(fnd_json_member(result, "unchecked"));
    if (why != NULL) {
        fnd_line(app,
                 "unproven beforehand: how sure it may be could not be found out in parts of its "
                 "examples: %s; people are asked until its own work proves it",
                 why);
    }
    free(why);
    if (proof.bytes != NULL) {
        char *reason = fnd_json_strdup(fnd_json_find(proof, "/proof/reason"));
        fnd_line(app, "%s", reason != NULL ? reason : "");
        free(reason);
    }
}

static void show_people(struct fnd_app *app, const struct fnd_model_row *row,
                        struct fnd_json training, struct fnd_json decision)
{
    char hash[FND_DIGEST_TEXT_SIZE];
    char *manifest = fnd_json_strdup(fnd_json_member(training, "manifest"));
    char *trainer = fnd_json_strdup(fnd_json_member(training, "trainer"));
    char *reason =
        decision.bytes != NULL ? fnd_json_strdup(fnd_json_member(decision, "reason")) : NULL;
    int64_t examples = 0;
    fnd_digest_text(row->artifact.hash, hash);
    fnd_json_integer(fnd_json_member(training, "examples"), &examples);
    fnd_line(app, "model %s, version %" PRId64 ": %s", row->name, row->version,
             fnd_model_state_name(row->state));
    fnd_line(app, "sha256 %s, %" PRIu64 " bytes", hash, row->artifact.size);
    fnd_line(app, "by %s from %" PRId64 " documents, manifest %s", trainer, examples, manifest);
    if (fnd_json_member(training, "command").bytes != NULL) {
        fnd_line(app, "a program of this user's, not confined");
    }
    if (reason != NULL) {
        fnd_line(app, "%s", reason);
    }
    free(manifest);
    free(trainer);
    free(reason);
}

static enum fnd_status show(struct fnd_app *app, struct fnd_models_place *place, int64_t version,
                            struct fnd_error *error)
{
    struct newest found = {.wanted = version};
    struct fnd_model_row row = {0};
    struct fnd_text begun = {0}, ended = {0}, decided = {0}, proven = {0};
    enum fnd_status status =
        fnd_models_walk(place->reader, place->pipeline, place->model, newest, &found, error);
    if (status == FND_OK && found.id == 0) {
        status = fnd_error_set(error, FND_NOT_FOUND,
                               "model %s has no %sversion; `" FND_PROGRAM
                               " models list` shows what was trained",
                               place->model, version >= 0 ? "such " : "");
    }
    if (status == FND_OK) {
        status = fnd_model_get(place->reader, found.id, &row, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(place->reader, row.training, &begun, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(place->reader, row.id, &ended, NULL, error);
    }
    if (status == FND_OK && row.decided > 0) {
        status = fnd_payload_get(place->reader, row.decided, &decided, NULL, error);
    }
    if (status == FND_OK) {
        status = proof_read(place->reader, &row, &proven, error);
    }
    if (status == FND_OK) {
        char hash[FND_DIGEST_TEXT_SIZE];
        const struct fnd_json training = {begun.bytes, begun.size};
        const struct fnd_json result = {ended.bytes, ended.size};
        const struct fnd_json decision = {decided.size > 0 ? decided.bytes : NULL, decided.size};
        fnd_digest_text(row.artifact.hash, hash);
        if (app->json) {
            struct fnd_text json = {0};
            fnd_text_printf(&json, "{\"version\":%" PRId64 ",", row.version);
            fnd_field(&json, "model", row.name);
            fnd_text_append_byte(&json, ',');
            fnd_field(&json, "state", fnd_model_state_name(row.state));
            fnd_text_append_byte(&json, ',');
            fnd_field(&json, "sha256", hash);
            fnd_text_printf(&json, ",\"size\":%" PRIu64 ",\"training\":%s,\"result\":%s",
                            row.artifact.size, fnd_text_z(&begun), fnd_text_z(&ended));
            fnd_text_printf(&json, ",\"decision\":%s,\"proof\":%s}\n",
                            decision.bytes != NULL ? fnd_text_z(&decided) : "null",
                            proven.size > 0 ? fnd_text_z(&proven) : "null");
            fnd_raw(app, fnd_text_z(&json), json.size);
            fnd_text_finish(&json);
        } else {
            show_people(app, &row, training, decision);
            proof_people(app, result,
                         (struct fnd_json){proven.size > 0 ? proven.bytes : NULL, proven.size});
            fields_people(app, fnd_json_member(result, "evaluation"));
        }
    }
    fnd_model_row_finish(&row);
    fnd_text_finish(&begun);
    fnd_text_finish(&ended);
    fnd_text_finish(&decided);
    fnd_text_finish(&proven);
    return status;
}

enum fnd_status fnd_models_version(struct fnd_app *app, int64_t *version, struct fnd_error *error)
{
    const char *text = fnd_arguments_value(&app->arguments, FND_OPTION_MODEL_VERSION);
    *version = -1;
    if (text == NULL) {
        return FND_OK;
    }
    const size_t size = strlen(text);
    if (size == 0 || size > 9 || strspn(text, "0123456789") != size) {
        return fnd_error_set(error, FND_INVALID, "--model-version is '%s', must be a number", text);
    }
    *version = (int64_t)strtol(text, NULL, 10);
    return FND_OK;
}

int fnd_command_models_show(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_models_place place = {0};
    int64_t version = -1;
    enum fnd_status status = fnd_models_version(app, &version, &error);
    if (status == FND_OK) {
        status = fnd_models_place(app, &place, &error);
    }
    if (status == FND_OK) {
        status = show(app, &place, version, &error);
    }
    fnd_models_place_finish(&place);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

/* --- promote, rollback ------------------------------------------------------------------------ */

static int move(struct fnd_app *app, const char *op, bool needs_version)
{
    struct fnd_error error = {0};
    struct fnd_models_place place = {0};
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    struct fnd_session *session = NULL;
    int64_t version = -1;
    enum fnd_status status = fnd_models_version(app, &version, &error);
    if (status == FND_OK && needs_version && version < 0) {
        status = fnd_error_set(&error, FND_INVALID,
                               "say which version: --model-version N, 0 for the rules");
    }
    if (status == FND_OK) {
        status = fnd_models_place(app, &place, &error);
    }
    if (status == FND_OK) {
        fnd_models_request(app, &place, op, &request);
        if (needs_version) {
            fnd_text_printf(&request, ",\"version\":%" PRId64, version);
        }
        fnd_text_append_byte(&request, '}');
        session = fnd_session_create(app, fnd_reader_path(place.reader), false, false);
        status = fnd_session_ask(session, &request, NULL, NULL, &text, &end, &error);
    }
    if (status == FND_OK) {
        status = fnd_session_status(end, &error);
    }
    if (status == FND_OK && app->json) {
        fnd_raw(app, end.bytes, end.size);
        fnd_raw(app, "\n", 1);
    } else if (status == FND_OK) {
        fnd_json_integer(fnd_json_member(end, "version"), &version);
        if (version == 0) {
            fnd_line(app, "%s: the rules (version 0) are in production", place.model);
        } else {
            fnd_line(app, "%s: version %" PRId64 " is in production", place.model, version);
        }
        fnd_next(app, "next: " FND_PROGRAM " models rollback %s takes it back", place.model);
    }
    fnd_flush(app);
    fnd_session_destroy(session);
    fnd_models_place_finish(&place);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

int fnd_command_models_promote(struct fnd_app *app)
{
    return move(app, "models.promote", true);
}

int fnd_command_models_rollback(struct fnd_app *app)
{
    return move(app, "models.rollback", false);
}
