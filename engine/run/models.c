/* SPDX-License-Identifier: MIT */
/* What ${models.NAME} reads: the name of the artifact of the version in production, or null while
 * there is none, which lets the phase fall back on its rules. */
#include "run/internal.h"

void fnd_visit_models(struct fnd_task *task, const struct fnd_phase *phase)
{
    fnd_text_clear(&task->models);
    if (phase->models == 0) {
        return;
    }
    fnd_text_append_byte(&task->models, '{');
    for (size_t i = 0; i < task->pipeline->models_count; i++) {
        fnd_text_append_z(&task->models, i > 0 ? "," : "");
        fnd_text_append_json_z(&task->models, task->pipeline->models[i].name);
        fnd_text_append_z(&task->models, ":null");
    }
    fnd_text_append_byte(&task->models, '}');
}
