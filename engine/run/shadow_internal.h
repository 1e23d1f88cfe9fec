/* SPDX-License-Identifier: MIT */
/* What the files behind shadow.h share. */
#ifndef FND_RUN_SHADOW_INTERNAL_H
#define FND_RUN_SHADOW_INTERNAL_H

#include "base/json.h"
#include "run/shadow.h"

enum { FND_SHADOW_GATES_MAX = 64 };

struct fnd_shadow {
    struct fnd_reader *reader;
    char *root, *directory, *pipeline, *plugins, *id;
    char *versions[2], *hashes[2];
    char **settings;
    size_t settings_count;
    struct gate {
        int32_t gate, subject;
        char *id;
    } gates[FND_SHADOW_GATES_MAX];
    size_t gates_count;
};

/** Register the models of the pipeline there.
 *  models  of the pinned pipeline file, or no value.   wanted: NULL: all as they are. */
enum fnd_status fnd_shadow_models(struct fnd_shadow *shadow, const char *pipeline,
                                  struct fnd_json models, const struct fnd_shadow_model *wanted,
                                  const struct fnd_log *log, struct fnd_error *error);

#endif
