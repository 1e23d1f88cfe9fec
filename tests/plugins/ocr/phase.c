/* SPDX-License-Identifier: MIT */
#include "phase.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fnd_json json_of(const char *text)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    if (fnd_json_check(text, strlen(text), NULL, &value, &error) != FND_OK) {
        fprintf(stderr, "phase: %s: %s\n", text, error.message);
        abort();
    }
    return value;
}

static struct fnd_schema *schema_of(const char *text)
{
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    if (fnd_schema_create("schema", text, strlen(text), &schema, &error) != FND_OK) {
        fprintf(stderr, "phase: %s: %s\n", text, error.message);
        abort();
    }
    return schema;
}

static bool said_yes(void *context)
{
    (void)context;
    return true;
}

/** Begin, call, end. `self` is where create() leaves its instance, or the instance. */
static void visit(const foundry_phase_t *phase, bool create, void **self, const char *config,
                  const struct fnd_text *artifact, bool cancelled, struct fnd_effects *effects)
{
    const struct fnd_call_artifact artifacts[] = {{"page", artifact == NULL ? 0 : artifact->size,
                                                   -1,
                                                   artifact == NULL ? NULL : fnd_text_z(artifact)}};
    const struct fnd_call_input input = {.create = create,
                                         .config = json_of(config),
                                         .run = json_of("{\"job\":\"j\",\"phase\":\"p\"}"),
                                         .artifacts = artifacts,
                                         .artifacts_count = artifact == NULL ? 0 : 1};
    const struct fnd_call_live live = {.cancelled = cancelled ? said_yes : NULL};
    struct fnd_schema *config_schema = schema_of(phase->config_schema);
    struct fnd_schema *output_schema = schema_of(phase->output_schema);
    struct foundry_call *call = fnd_call_begin(&input, config_schema, &live, effects);
    foundry_outcome_t outcome = create ? phase->create(fnd_host_table(), call, self)
                                       : phase->process(*self, fnd_host_table(), call);
    fnd_call_end(call, outcome);
    struct fnd_error error = {0};
    if (!create && effects->outcome == FOUNDRY_DONE &&
        fnd_effects_check(effects, output_schema, (struct fnd_json){0}, &error) != FND_OK) {
        fprintf(stderr, "phase: %s: %s\n", phase->name, error.message);
        abort();
    }
    fnd_schema_destroy(config_schema);
    fnd_schema_destroy(output_schema);
}

bool phase_open(struct phase *phase, const char *name, const char *config)
{
    *phase = (struct phase){0};
    struct fnd_text path = {0};
    const char *root = getenv("FOUNDRY_BUILD_ROOT");
    fnd_text_printf(&path, "%s/plugins/%s/%s.so", root == NULL ? "." : root, name, name);
    void *file = dlopen(fnd_text_z(&path), RTLD_NOW | RTLD_LOCAL);
    fnd_text_finish(&path);
    const foundry_plugin_t *(*entry)(uint32_t) = NULL;
    if (file != NULL) {
        *(void **)&entry = dlsym(file, "foundry_plugin_entry");
    }
    if (entry == NULL) {
        fprintf(stderr, "phase: %s\n", dlerror());
        return false;
    }
    phase->phase = entry(FOUNDRY_ABI_CURRENT)->phases[0];
    if (phase->phase->create != NULL) {
        visit(phase->phase, true, &phase->self, config, NULL, false, &phase->effects);
    }
    return phase->effects.outcome == FOUNDRY_DONE;
}

void phase_close(struct phase *phase)
{
    if (phase->phase->destroy != NULL && phase->effects.outcome == FOUNDRY_DONE) {
        phase->phase->destroy(phase->self);
    }
    fnd_effects_finish(&phase->effects);
}

void phase_run(const struct phase *phase, const char *config, const struct fnd_text *artifact,
               bool cancelled, struct fnd_effects *effects)
{
    void *self = phase->self;
    *effects = (struct fnd_effects){0};
    visit(phase->phase, false, &self, config, artifact, cancelled, effects);
}

double phase_confidence(const struct fnd_effects *effects, const char *pointer)
{
    for (size_t i = effects->confidences_count; i-- > 0;) {
        if (strcmp(effects->confidences[i].pointer, pointer) == 0) {
            return effects->confidences[i].score;
        }
    }
    return -1.0;
}
