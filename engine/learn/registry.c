/* SPDX-License-Identifier: MIT */
/* Which version is in production, decided by an event each time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/internal.h"

struct decision {
    enum fnd_decision what;
    const char *pipeline, *name, *by, *reason, *numbers;
    int64_t version, from;   /* it leads to; it leads away from */
    int64_t model, replaces; /* their numbers in the registry; 0: the rules */
};

static enum fnd_status decide(struct fnd_engine *engine, const struct decision *decision,
                              int64_t *decided, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_write *write = fnd_write_create();
    fnd_text_append_z(&body, "{\"pipeline\":");
    fnd_text_append_json_z(&body, decision->pipeline);
    fnd_text_append_z(&body, ",\"model\":");
    fnd_text_append_json_z(&body, decision->name);
    fnd_text_printf(&body,
                    ",\"decision\":\"%s\",\"version\":%" PRId64 ",\"from\":%" PRId64
                    ",\"replaces\":%" PRId64 ",\"by\":",
                    fnd_decision_name(decision->what), decision->version, decision->from,
                    decision->replaces);
    fnd_text_append_json_z(&body, decision->by);
    if (decision->reason != NULL) {
        fnd_text_append_z(&body, ",\"reason\":");
        fnd_text_append_json_z(&body, decision->reason);
    }
    if (decision->numbers != NULL) {
        fnd_text_printf(&body, ",\"numbers\":%s", decision->numbers);
    }
    fnd_text_append_byte(&body, '}');
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_DECIDE, fnd_text_take(&body), NULL);
    event->ref = decision->model;
    const enum fnd_status status = fnd_store_commit(fnd_engine_store(engine), write, error);
    if (status == FND_OK && decided != NULL) {
        *decided = write->first;
    }
    fnd_write_destroy(write);
    return status;
}

struct find {
    int64_t version, id, newest;
};

static bool version_is(const struct fnd_model_row *row, void *context)
{
    struct find *find = context;
    find->newest = row->version > find->newest ? row->version : find->newest;
    find->id = row->version == find->version ? row->id : find->id;
    return true;
}

/* What is in production: its number and version, 0 of both for the rules. */
static enum fnd_status production(struct fnd_engine *engine, const char *pipeline, const char *name,
                                  struct fnd_model_row *row, struct fnd_error *error)
{
    *row = (struct fnd_model_row){0};
    const enum fnd_status status =
        fnd_model_production(fnd_engine_reader(engine), pipeline, name, row, error);
    return status == FND_NOT_FOUND ? FND_OK : status;
}

enum fnd_status fnd_registry_promote(struct fnd_engine *engine, const char *pipeline,
                                     const char *name, int64_t version, const char *by,
                                     const char *reason, const char *numbers, int64_t *decided,
                                     struct fnd_error *error)
{
    struct fnd_model_row now;
    struct find find = {.version = version};
    enum fnd_status status = production(engine, pipeline, name, &now, error);
    if (status == FND_OK) {
        status =
            fnd_models_walk(fnd_engine_reader(engine), pipeline, name, version_is, &find, error);
    }
    if (status == FND_OK && version > 0 && find.id == 0) {
        status =
            find.newest > 0
                ? fnd_error_set(error, FND_NOT_FOUND,
                                "model %s has no version %" PRId64 "; the newest is %" PRId64, name,
                                version, find.newest)
                : fnd_error_set(error, FND_NOT_FOUND,
                                "model %s has no version yet; `train %s` makes one", name, name);
    } else if (status == FND_OK && now.version == version) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "version %" PRId64 " of model %s is in production already", version,
                               name);
    }
    if (status == FND_OK) {
        const struct decision decision = {.what = FND_DECISION_PROMOTE,
                                          .pipeline = pipeline,
                                          .name = name,
                                          .by = by,
                                          .reason = reason,
                                          .numbers = numbers,
                                          .version = version,
                                          .from = now.version,
                                          .model = find.id,
                                          .replaces = now.id};
        status = decide(engine, &decision, decided, error);
    }
    fnd_model_row_finish(&now);
    return status;
}

enum fnd_status fnd_registry_rollback(struct fnd_engine *engine, const char *pipeline,
                                      const char *name, const char *by, const char *reason,
                                      const char *numbers, int64_t *version, int64_t *decided,
                                      struct fnd_error *error)
{
    struct fnd_model_row now, before = {0};
    enum fnd_status status = production(engine, pipeline, name, &now, error);
    if (status == FND_OK && now.id == 0) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "model %s is not in production, the rules are: there is nothing to "
                               "go back from",
                               name);
    }
    if (status == FND_OK && now.replaced > 0) {
        status = fnd_model_get(fnd_engine_reader(engine), now.replaced, &before, error);
    }
    if (status == FND_OK) {
        const struct decision decision = {.what = FND_DECISION_ROLLBACK,
                                          .pipeline = pipeline,
                                          .name = name,
                                          .by = by,
                                          .reason = reason,
                                          .numbers = numbers,
                                          .version = before.version,
                                          .from = now.version,
                                          .model = before.id,
                                          .replaces = now.id};
        status = decide(engine, &decision, decided, error);
    }
    if (status == FND_OK && version != NULL) {
        *version = before.version;
    }
    fnd_model_row_finish(&now);
    fnd_model_row_finish(&before);
    return status;
}

enum fnd_status fnd_registry_hold(struct fnd_engine *engine, const struct fnd_model_row *model,
                                  const char *by, const char *reason, const char *numbers,
                                  struct fnd_error *error)
{
    const struct decision decision = {.what = FND_DECISION_HOLD,
                                      .pipeline = model->pipeline,
                                      .name = model->name,
                                      .by = by,
                                      .reason = reason,
                                      .numbers = numbers,
                                      .version = model->version,
                                      .from = model->version,
                                      .model = model->id};
    return decide(engine, &decision, NULL, error);
}

/* --- what an engine left undecided ------------------------------------------------------------ */

static bool newest_candidate(const struct fnd_model_row *row, void *context)
{
    int64_t *undecided = context;
    *undecided = row->state == FND_MODEL_CANDIDATE && row->decided == 0 ? row->id : 0;
    return true;
}

void undecided_look(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                    const struct fnd_model *model)
{
    static const char reason[] = "held: the engine ended between its training and the decision; "
                                 "`models promote` puts it to work by hand";
    static const char beside[] = "waits: the engine ended between its training and the decision; "
                                 "it runs beside production, and what people verify decides";
    struct fnd_reader *reader = fnd_engine_reader(learn->engine);
    struct fnd_model_row row = {0};
    struct fnd_error error = {0};
    int64_t undecided = 0;
    enum fnd_status status =
        fnd_models_walk(reader, pipeline->name, model->name, newest_candidate, &undecided, &error);
    if (status == FND_OK && undecided == 0) {
        return;
    }
    if (status == FND_OK) {
        status = fnd_model_get(reader, undecided, &row, &error);
    }
    if (status == FND_OK) {
        const bool waits = model->shadow > 0;
        status = fnd_registry_hold(
            learn->engine, &row, "engine", waits ? beside : reason,
            waits ? "{\"decision\":\"hold\",\"waits\":true}" : "{\"decision\":\"hold\"}", &error);
    }
    if (status != FND_OK) {
        fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                "nothing was decided about a version of model %s: %s", model->name, error.message);
    }
    fnd_model_row_finish(&row);
}
