/* SPDX-License-Identifier: MIT */
/* Warm instances of a loaded plugin's phases, detectors and trainers, and calls on them. The same
 * code runs in a worker and in line. */
#ifndef FND_WORKER_INSTANCES_H
#define FND_WORKER_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>

#include "host/call.h"
#include "plugin/load.h"
#include "worker/pool.h"

struct fnd_instances;
/** For a loaded plugin, which is borrowed. FND_WORKER_INSTANCES_MAX slots, all empty. */
struct fnd_instances *fnd_instances_create(const struct fnd_plugin *plugin);
/** Destroys the instances by the plugin's destroy(). NULL is fine. */
void fnd_instances_destroy(struct fnd_instances *instances);

/** Say what stands behind a slot; what stood there before is destroyed.
 *  config_constant  copied; what create() sees.
 *  Returns FND_OK; FND_NOT_FOUND: the plugin has none of that kind and name; FND_PLUGIN: its schema
 *  does not compile. */
enum fnd_status fnd_instances_define(struct fnd_instances *instances, size_t slot, const char *name,
                                     enum fnd_callee_kind kind, struct fnd_json config_constant,
                                     struct fnd_error *error);

/** Whether something stands behind a slot (below FND_WORKER_INSTANCES_MAX). */
bool fnd_instances_defined(const struct fnd_instances *instances, size_t slot);

/** Run a call on a slot that was defined: create() first, if it was not called with success yet.
 *  `effects` is what the last of the two functions did, with the log of both. */
void fnd_instances_run(struct fnd_instances *instances, size_t slot,
                       const struct fnd_call_input *input, const struct fnd_call_live *live,
                       struct fnd_effects *effects);

/* --- the engine's side: which slot holds what ------------------------------------------------ */

/** The slots of one worker, or of one plugin in line, as the engine knows them. `= {0}` is empty.
 *  The least recently used slot goes when all are taken. */
struct fnd_slots {
    struct fnd_slot {
        char *name;
        enum fnd_callee_kind kind;
        char *config;
        size_t config_size;
        uint64_t used;
    } list[FND_WORKER_INSTANCES_MAX];
    uint64_t clock;
};
/** The slot for a callee; *fresh: it must be defined first. */
size_t fnd_slots_find(struct fnd_slots *slots, const struct fnd_callee *callee, bool *fresh);
/** Empty a slot whose definition failed. */
void fnd_slots_forget(struct fnd_slots *slots, size_t slot);
void fnd_slots_finish(struct fnd_slots *slots);

#endif
