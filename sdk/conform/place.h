/* SPDX-License-Identifier: MIT */
/* Where a case runs: in this process, or in a worker process as the engine would do it. */
#ifndef CONFORM_PLACE_H
#define CONFORM_PLACE_H

#include "case.h"
#include "host/call.h"
#include "worker/pool.h"

/** Plain data, filled by place_open(). */
struct case_place {
    enum fnd_isolation isolation;
    const struct fnd_plugin *plugin;
    const char *path;
    int fd; /* open on the plugin's file */
    uint8_t hash[FND_DIGEST_SIZE];
    struct fnd_pool *pool; /* NULL: in this process */
};

/** Open the plugin's file, load it, and start the pool if cases run in workers.
 *  plugin  receives the loaded plugin; borrowed by `place`.  path: borrowed too.
 *  Returns FND_OK; FND_NOT_FOUND, FND_IO: the file; FND_PLUGIN: what it holds, or no worker. */
enum fnd_status place_open(const char *path, enum fnd_isolation isolation,
                           struct fnd_plugin *plugin, struct case_place *place,
                           struct fnd_error *error);
void place_close(struct case_place *place);

/** What place_run() is given besides the input of the call. */
struct place_callee {
    const char *name;
    bool detector;
    const char *needs; /* as it declares them; what it reads is given */
    struct fnd_json config_constant;
    const struct fnd_schema *config_schema;
    int64_t timeout_ms;
};

/** Run a call in a worker.  effects: as the worker sent them, if it returned.
 *  ended    receives NULL if the plugin returned, else how it ended: "crashed", "timeout",
 *           "refused"; `error` then says what happened.
 *  Returns  FND_OK, also for a plugin that did not return; FND_PLUGIN if the call was lost. */
enum fnd_status place_run(const struct case_place *place, const struct place_callee *callee,
                          const struct fnd_call_input *input, struct fnd_effects *effects,
                          const char **ended, struct fnd_error *error);

#endif
