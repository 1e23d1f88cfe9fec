/* SPDX-License-Identifier: MIT */
/* A shadow space: a job directory of its own below .foundry, in which past jobs of another one run
 * again, with a plugin in another's place. Inputs are links to the artifacts, read only; nothing of
 * the past jobs' record is written. */
#ifndef FND_RUN_SHADOW_H
#define FND_RUN_SHADOW_H

#include "base/log.h"
#include "store/reader.h"

struct fnd_shadow;

/** Make one.
 *  reader   of the job directory; its newest pin of `pipeline` is what runs, up to its last gate:
 *           what is behind that delivers, and is left out, as are webhooks.
 *  plugin   the plugin file that takes the place of the one with its id; NULL: none does.
 *  model    the version of a model that takes the place of the one in production; NULL: none does.
 *           All other models are there as they are in production.
 *  worker_program  NULL: found.   log  may be NULL.
 *  Returns FND_OK; FND_NOT_FOUND: no such pipeline or file, or it uses no plugin of that id;
 *          FND_PLUGIN: the file is no plugin; FND_INVALID: the pipeline has no gate; FND_FULL,
 *          FND_IO.  Thread: the reader's. */
struct fnd_shadow_model {
    const char *name;
    int64_t version; /* 0: the rules; -1: the newest */
};
enum fnd_status fnd_shadow_create(struct fnd_reader *reader, const char *pipeline,
                                  const char *plugin, const struct fnd_shadow_model *model,
                                  const char *worker_program, const struct fnd_log *log,
                                  struct fnd_shadow **shadow, struct fnd_error *error);
/** Removes all of it. NULL is fine. */
void fnd_shadow_destroy(struct fnd_shadow *shadow);

/** Put a job's input there.
 *  path  receives the path it has there, malloc'ed.
 *  Returns FND_OK; FND_NOT_FOUND, FND_DAMAGED: its bytes are gone or altered; FND_FULL, FND_IO. */
enum fnd_status fnd_shadow_add(struct fnd_shadow *shadow, const struct fnd_job_row *job,
                               char **path, struct fnd_error *error);

const char *fnd_shadow_directory(const struct fnd_shadow *shadow); /* where its jobs are */
const char *fnd_shadow_pipeline(const struct fnd_shadow *shadow);  /* the file */
const char *
fnd_shadow_plugin_path(const struct fnd_shadow *shadow); /* its plugins, and no others */
const char *fnd_shadow_plugin_id(const struct fnd_shadow *shadow);
/** Versions of the plugin, as pinned and as replaced, and its hashes as hex. */
const char *fnd_shadow_version(const struct fnd_shadow *shadow, bool replaced);
const char *fnd_shadow_hash(const struct fnd_shadow *shadow, bool replaced);
/** The gates in the pipeline's order: phase numbers of the gate and of what it reviews. */
size_t fnd_shadow_gates(const struct fnd_shadow *shadow);
void fnd_shadow_gate(const struct fnd_shadow *shadow, size_t index, int32_t *gate, int32_t *subject,
                     const char **id);
/** Params as pinned, KEY=VALUE, NULL-ended. */
const char *const *fnd_shadow_settings(const struct fnd_shadow *shadow);

#endif
