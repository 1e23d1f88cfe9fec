/* SPDX-License-Identifier: MIT */
#include "learn/case.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/stood.h"

static struct fnd_json span(const struct fnd_text *text)
{
    return (struct fnd_json){text->size > 0 ? text->bytes : NULL, text->size};
}

static void artifacts_add(struct fnd_case *run, struct fnd_json document, const char *member)
{
    const struct fnd_json named = fnd_json_member(document, member);
    for (struct fnd_json_walk walk = fnd_json_walk(named);
         named.bytes != NULL && fnd_json_next(&walk);) {
        struct fnd_case_artifact artifact = {.name = NULL};
        if (fnd_artifact_told(walk.value, &artifact.kept, &artifact.reference)) {
            artifact.name = fnd_json_strdup(walk.key);
            run->artifacts =
                fnd_realloc(run->artifacts, run->artifacts_count + 1, sizeof run->artifacts[0]);
            run->artifacts[run->artifacts_count++] = artifact;
        }
    }
}

static enum fnd_status documents_load(struct fnd_case *run, const struct fnd_event_row *event,
                                      struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(run->engine);
    struct fnd_stood stood = {0};
    char uuid[FND_UUID_TEXT_SIZE];
    enum fnd_status status = fnd_payload_get(reader, event->id, &run->said, &run->marks, error);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, run->job.id, &run->body, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_stood_before(reader, event, &stood, error);
        run->pin = stood.pin;
    }
    for (size_t i = FND_PHASES_MAX; i-- > 0 && status == FND_OK;) {
        if (stood.outputs[i] != 0) {
            status =
                fnd_payload_get(reader, stood.outputs[i], &run->outputs[i], &run->metas[i], error);
            if (status == FND_OK && run->metas[i].size > 0) {
                artifacts_add(run, span(&run->metas[i]), "artifacts");
            }
        }
    }
    if (status == FND_OK) {
        artifacts_add(run, span(&run->body), "artifacts");
        artifacts_add(run, span(&run->body), "references");
        fnd_uuid_format(run->job.uuid, uuid);
        fnd_text_printf(&run->run, "{\"job\":\"%s\",\"name\":", uuid);
        fnd_text_append_json_z(&run->run, run->job.path);
        fnd_text_printf(&run->run, ",\"attempt\":%" PRId32 "}", event->attempt);
    }
    return status;
}

enum fnd_status fnd_case_load(struct fnd_engine *engine, int64_t event, struct fnd_case *run,
                              struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(engine);
    struct fnd_event_row row;
    struct fnd_step_row step;
    run->engine = engine;
    run->event = event;
    enum fnd_status status = fnd_event_get(reader, event, &row, error);
    if (status == FND_OK) {
        status = fnd_step_get(reader, row.step, &step, error);
    }
    if (status == FND_OK) {
        status = fnd_job_get(reader, step.job, &run->job, error);
    }
    if (status == FND_OK) {
        status = documents_load(run, &row, error);
    }
    if (status == FND_OK) {
        status = fnd_engine_pipeline(engine, run->pin, &run->pipeline, error);
    }
    if (status == FND_OK && (row.phase < 0 || (size_t)row.phase >= run->pipeline->phases_count ||
                             run->pipeline->phases[row.phase].bound.info == NULL)) {
        status = fnd_error_set(error, FND_INVALID,
                               "event %" PRId64 " is no output of a plugin's phase", event);
    }
    if (status != FND_OK) {
        fnd_error_prefix(error, "the run that ended with event %" PRId64, event);
        fnd_case_finish(run);
        return status;
    }
    run->phase = &run->pipeline->phases[row.phase];
    run->attempt = row.attempt;
    const struct fnd_json models =
        run->marks.size > 0 ? fnd_json_member(span(&run->marks), "models") : (struct fnd_json){0};
    if (models.bytes != NULL) {
        fnd_text_append(&run->models, models.bytes, models.size);
    }
    return FND_OK;
}

void fnd_case_finish(struct fnd_case *run)
{
    fnd_job_row_finish(&run->job);
    fnd_text_finish(&run->body);
    for (size_t i = 0; i < FND_PHASES_MAX; i++) {
        fnd_text_finish(&run->outputs[i]);
        fnd_text_finish(&run->metas[i]);
    }
    fnd_text_finish(&run->said);
    fnd_text_finish(&run->marks);
    fnd_text_finish(&run->run);
    fnd_text_finish(&run->models);
    for (size_t i = 0; i < run->artifacts_count; i++) {
        free(run->artifacts[i].name);
        free(run->artifacts[i].reference);
    }
    free(run->artifacts);
    *run = (struct fnd_case){0};
}

void fnd_case_model(struct fnd_case *run, const char *name, const char *artifact)
{
    struct fnd_text value = {0}, pointer = {0}, made = {0};
    const struct fnd_json before =
        run->models.size > 0 ? span(&run->models) : (struct fnd_json){"{}", 2};
    fnd_json_pointer_add(&pointer, name, strlen(name));
    if (artifact != NULL) {
        fnd_text_append_json_z(&value, artifact);
    } else {
        fnd_text_append_z(&value, "null");
    }
    if (fnd_json_set(before, fnd_text_z(&pointer), span(&value), &made, NULL) == FND_OK) {
        fnd_text_finish(&run->models);
        run->models = made;
    } else {
        fnd_text_finish(&made);
    }
    fnd_text_finish(&pointer);
    fnd_text_finish(&value);
}

static struct fnd_json scope_value(void *context, const char *root)
{
    struct fnd_case *run = context;
    if (strcmp(root, "input") == 0) {
        return fnd_json_member(span(&run->body), "input");
    }
    if (strcmp(root, "run") == 0) {
        return span(&run->run);
    }
    if (strcmp(root, "models") == 0) {
        return span(&run->models);
    }
    const struct fnd_phase *phase = fnd_pipeline_phase(run->pipeline, root);
    return phase != NULL ? span(&run->outputs[phase->index]) : (struct fnd_json){0};
}

enum fnd_status fnd_case_config(struct fnd_case *run, struct fnd_text *config,
                                struct fnd_error *error)
{
    const struct fnd_scope scope = {.value = scope_value, .context = run};
    for (size_t i = 0; i < run->pipeline->models_count; i++) {
        /* A model that came to the file behind that run was not there. */
        if ((run->phase->models >> i & 1) != 0 &&
            fnd_json_member(span(&run->models), run->pipeline->models[i].name).bytes == NULL) {
            fnd_case_model(run, run->pipeline->models[i].name, NULL);
        }
    }
    return fnd_bound_resolve(&run->phase->bound, &scope, config, error);
}

const struct fnd_case_artifact *fnd_case_artifact(const struct fnd_case *run, const char *name)
{
    for (size_t i = 0; i < run->artifacts_count; i++) {
        if (strcmp(run->artifacts[i].name, name) == 0) {
            return &run->artifacts[i];
        }
    }
    return NULL;
}

enum fnd_status fnd_case_open(const struct fnd_case *run, const struct fnd_case_artifact *artifact,
                              int *fd, struct fnd_error *error)
{
    const struct fnd_store *store = fnd_engine_store(run->engine);
    return artifact->reference != NULL
               ? fnd_reference_open(fnd_store_directory(store), artifact->reference,
                                    &artifact->kept, fd, error)
               : fnd_artifact_open(fnd_store_folder(store), &artifact->kept, fd, error);
}
