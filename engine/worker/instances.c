/* SPDX-License-Identifier: MIT */
#include "worker/instances.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct instance {
    const foundry_phase_t *phase;       /* or */
    const foundry_detector_t *detector; /* or */
    const foundry_trainer_t *trainer;   /* has no create() */
    char *config;
    struct fnd_json config_json;
    struct fnd_schema *schema; /* of the config; NULL: the plugin has none */
    void *self;
    bool ready; /* create() was called with success, or there is none */
    bool owned; /* create() made `self` */
};

struct fnd_instances {
    const struct fnd_plugin *plugin;
    struct instance list[FND_WORKER_INSTANCES_MAX];
};

struct fnd_instances *fnd_instances_create(const struct fnd_plugin *plugin)
{
    struct fnd_instances *instances = fnd_alloc(sizeof *instances);
    instances->plugin = plugin;
    return instances;
}

static void instance_clear(struct instance *instance)
{
    if (instance->owned) {
        void (*destroy)(void *) =
            instance->phase != NULL ? instance->phase->destroy : instance->detector->destroy;
        if (destroy != NULL) {
            destroy(instance->self);
        }
    }
    fnd_schema_destroy(instance->schema);
    free(instance->config);
    *instance = (struct instance){0};
}

void fnd_instances_destroy(struct fnd_instances *instances)
{
    for (size_t i = 0; instances != NULL && i < FND_WORKER_INSTANCES_MAX; i++) {
        instance_clear(&instances->list[i]);
    }
    free(instances);
}

/** Find the code. False if the plugin has none of that name. */
static bool instance_resolve(const foundry_plugin_t *entry, const char *name,
                             enum fnd_callee_kind kind, struct instance *instance)
{
    const foundry_phase_t *const *phase = kind == FND_CALLEE_PHASE ? entry->phases : NULL;
    for (; phase != NULL && *phase != NULL; phase++) {
        if (strcmp((*phase)->name, name) == 0) {
            instance->phase = *phase;
            return true;
        }
    }
    const foundry_detector_t *const *detector =
        kind == FND_CALLEE_DETECTOR ? entry->detectors : NULL;
    for (; detector != NULL && *detector != NULL; detector++) {
        if (strcmp((*detector)->name, name) == 0) {
            instance->detector = *detector;
            return true;
        }
    }
    const foundry_trainer_t *const *trainer =
        kind == FND_CALLEE_TRAINER ? fnd_plugin_trainers(entry) : NULL;
    for (; trainer != NULL && *trainer != NULL; trainer++) {
        if (strcmp((*trainer)->name, name) == 0) {
            instance->trainer = *trainer;
            return true;
        }
    }
    return false;
}

static const char *instance_schema(const struct instance *instance)
{
    return instance->phase != NULL      ? instance->phase->config_schema
           : instance->detector != NULL ? instance->detector->config_schema
                                        : instance->trainer->config_schema;
}

enum fnd_status fnd_instances_define(struct fnd_instances *instances, size_t slot, const char *name,
                                     enum fnd_callee_kind kind, struct fnd_json config_constant,
                                     struct fnd_error *error)
{
    assert(slot < FND_WORKER_INSTANCES_MAX);
    struct instance *instance = &instances->list[slot];
    const foundry_plugin_t *entry = instances->plugin->entry;
    instance_clear(instance);
    struct instance made = {0};
    if (!instance_resolve(entry, name, kind, &made)) {
        return fnd_error_set(error, FND_NOT_FOUND, "plugin %s (%s) has no %s \"%s\"", entry->id,
                             instances->plugin->path, fnd_callee_kind_name(kind), name);
    }
    const char *text = instance_schema(&made);
    if (text != NULL) {
        struct fnd_text title = {0};
        struct fnd_error story = {0};
        fnd_text_printf(&title, "config schema of %s/%s", entry->id, name);
        const enum fnd_status status =
            fnd_schema_create(title.bytes, text, strlen(text), &made.schema, &story);
        fnd_text_finish(&title);
        if (status != FND_OK) {
            return fnd_error_set(error, FND_PLUGIN, "%s: %s", instances->plugin->path,
                                 story.message);
        }
    }
    if (config_constant.bytes == NULL) {
        config_constant = (struct fnd_json){"{}", 2};
    }
    made.config = fnd_strndup(config_constant.bytes, config_constant.size);
    made.config_json = (struct fnd_json){made.config, config_constant.size};
    *instance = made;
    return FND_OK;
}

/** Call create(). True if there is an instance now; else `effects` say why not. */
static bool instance_create(struct instance *instance, const struct fnd_call_input *input,
                            const struct fnd_call_live *live, struct fnd_effects *effects)
{
    foundry_outcome_t (*create)(const foundry_host_t *, foundry_call_t *, void **) =
        instance->phase != NULL      ? instance->phase->create
        : instance->detector != NULL ? instance->detector->create
                                     : NULL;
    if (create == NULL) {
        instance->ready = true;
        return true;
    }
    const struct fnd_call_input constant = {.detector = input->detector,
                                            .create = true,
                                            .config = instance->config_json,
                                            .run = input->run};
    struct foundry_call *call = fnd_call_begin(&constant, instance->schema, live, effects);
    void *self = NULL;
    const foundry_outcome_t returned = create(fnd_host_table(), call, &self);
    fnd_call_end(call, returned);
    if (effects->outcome != FOUNDRY_DONE) {
        return false;
    }
    instance->self = self;
    instance->ready = instance->owned = true;
    return true;
}

bool fnd_instances_defined(const struct fnd_instances *instances, size_t slot)
{
    const struct instance *instance = &instances->list[slot];
    return instance->phase != NULL || instance->detector != NULL || instance->trainer != NULL;
}

void fnd_instances_run(struct fnd_instances *instances, size_t slot,
                       const struct fnd_call_input *input, const struct fnd_call_live *live,
                       struct fnd_effects *effects)
{
    assert(slot < FND_WORKER_INSTANCES_MAX);
    struct instance *instance = &instances->list[slot];
    assert(fnd_instances_defined(instances, slot));
    if (!instance->ready && !instance_create(instance, input, live, effects)) {
        return;
    }
    /* create() left nothing behind but its log, which goes on here. */
    struct foundry_call *call = fnd_call_begin(input, instance->schema, live, effects);
    const foundry_outcome_t returned =
        instance->phase != NULL ? instance->phase->process(instance->self, fnd_host_table(), call)
        : instance->detector != NULL
            ? instance->detector->detect(instance->self, fnd_host_table(), call)
            : instance->trainer->train(fnd_host_table(), call);
    fnd_call_end(call, returned);
}

static void slot_clear(struct fnd_slot *slot)
{
    free(slot->name);
    free(slot->config);
    *slot = (struct fnd_slot){0};
}

size_t fnd_slots_find(struct fnd_slots *slots, const struct fnd_callee *callee, bool *fresh)
{
    size_t oldest = 0;
    *fresh = false;
    slots->clock++;
    const struct fnd_json config = callee->config_constant;
    for (size_t i = 0; i < FND_WORKER_INSTANCES_MAX; i++) {
        struct fnd_slot *slot = &slots->list[i];
        if (slot->name != NULL && slot->kind == callee->kind && slot->config_size == config.size &&
            strcmp(slot->name, callee->name) == 0 &&
            (config.size == 0 || memcmp(slot->config, config.bytes, config.size) == 0)) {
            slot->used = slots->clock;
            return i;
        }
        if (slot->used < slots->list[oldest].used) {
            oldest = i;
        }
    }
    slot_clear(&slots->list[oldest]);
    slots->list[oldest] = (struct fnd_slot){.name = fnd_strdup(callee->name),
                                            .kind = callee->kind,
                                            .config = fnd_strndup(config.bytes, config.size),
                                            .config_size = config.size,
                                            .used = slots->clock};
    *fresh = true;
    return oldest;
}

void fnd_slots_forget(struct fnd_slots *slots, size_t slot)
{
    slot_clear(&slots->list[slot]);
}

void fnd_slots_finish(struct fnd_slots *slots)
{
    for (size_t i = 0; i < FND_WORKER_INSTANCES_MAX; i++) {
        slot_clear(&slots->list[i]);
    }
}
