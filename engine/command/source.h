/* SPDX-License-Identifier: MIT */
/* Plugins on the path, for commands that have no engine: validate, schema, plugins. */
#ifndef FND_COMMAND_SOURCE_H
#define FND_COMMAND_SOURCE_H

#include "command/command.h"
#include "pipeline/pipeline.h"

/** A catalog and the descriptors opened for it. `= {0}`; finish closes. */
struct fnd_source {
    struct fnd_catalog *catalog;
    int *fds;
    size_t fds_count;
    struct fnd_plugin_source plugins; /* what fnd_pipeline_load() takes */
};
/** Look at the plugin path (--plugin-path). The source must not move afterwards.
 *  Returns as fnd_catalog_create(). */
enum fnd_status fnd_source_open(struct fnd_app *app, struct fnd_source *source,
                                struct fnd_error *error);
void fnd_source_finish(struct fnd_source *source);
/** The phase, detector or trainer of "PLUGIN/NAME"; *kind tells which it is. */
enum fnd_status fnd_source_callee(struct fnd_source *source, const char *uses,
                                  const struct fnd_callee_info **callee, enum fnd_callee_kind *kind,
                                  struct fnd_error *error);

#endif
