/* SPDX-License-Identifier: MIT */
/* What ${models.NAME} reads: the name of the artifact of the version in production, or null while
 * there is none, which lets the phase fall back on its rules. */
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"
#include "store/learn.h"

/* One model of the pipeline. */
static enum fnd_status model_read(struct fnd_task *task, const struct fnd_model *model,
                                  struct fnd_error *error)
{
    struct fnd_model_row row = {0};
    const enum fnd_status status = fnd_model_production(
        fnd_engine_reader(task->engine), task->pipeline->name, model->name, &row, error);
    if (status != FND_OK && status != FND_NOT_FOUND) {
        return status;
    }
    fnd_text_append_z(&task->models, task->models.size > 1 ? "," : "");
    fnd_text_append_json_z(&task->models, model->name);
    if (status == FND_NOT_FOUND) {
        fnd_text_append_z(&task->models, ":null");
        return FND_OK;
    }
    char name[FND_MODEL_ARTIFACT_SIZE];
    fnd_model_artifact_name(model->name, row.artifact.hash, name);
    fnd_text_append_byte(&task->models, ':');
    fnd_text_append_json_z(&task->models, name);
    fnd_model_row_finish(&row);
    return FND_OK;
}

enum fnd_status fnd_visit_models(struct fnd_task *task, const struct fnd_phase *phase,
                                 struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    fnd_text_clear(&task->models);
    if (phase->models == 0) {
        return FND_OK;
    }
    fnd_text_append_byte(&task->models, '{');
    for (size_t i = 0; i < task->pipeline->models_count && status == FND_OK; i++) {
        if ((phase->models >> i & 1) != 0) {
            status = model_read(task, &task->pipeline->models[i], error);
        }
    }
    fnd_text_append_byte(&task->models, '}');
    task->visit.models = (struct fnd_json){task->models.bytes, task->models.size};
    return status;
}

enum fnd_status fnd_visit_models_open(struct fnd_task *task, struct fnd_error *error)
{
    const struct fnd_json models = task->visit.models;
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(models);
         models.bytes != NULL && status == FND_OK && fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.value), *model = fnd_json_strdup(walk.key);
        struct fnd_model_row row = {0};
        int fd = -1;
        if (name == NULL) { /* null */
            free(model);
            continue;
        }
        status = fnd_model_production(fnd_engine_reader(task->engine), task->pipeline->name, model,
                                      &row, error);
        if (status == FND_OK) {
            status =
                fnd_artifact_open(fnd_store_folder(task->engine->store), &row.artifact, &fd, error);
        }
        if (status == FND_OK) {
            fnd_task_artifact(task, name, row.artifact.size, fd);
            name = NULL;
        } else {
            fnd_error_prefix(error, "model %s", model);
        }
        fnd_model_row_finish(&row);
        free(name);
        free(model);
    }
    return status;
}
