/* SPDX-License-Identifier: MIT */
/* What a call is given, made of a case: config with its defaults, SUBJECT, artifacts, RUN. */
#ifndef CONFORM_PARTS_H
#define CONFORM_PARTS_H

#include "host/call.h"
#include "plugin/load.h"
#include "schema/schema.h"

/** A phase or a detector, whichever the case uses. */
struct callee {
    const char *name, *config_schema, *output_schema;
    bool detector;
    foundry_outcome_t (*create)(const foundry_host_t *, foundry_call_t *, void **);
    foundry_outcome_t (*function)(void *, const foundry_host_t *, foundry_call_t *);
    void (*destroy)(void *);
    const char *needs;
};

/** Everything of one case; `= {0}`, parts_finish() frees it. */
struct parts {
    struct callee callee;
    struct fnd_schema *config_schema, *output_schema;
    struct fnd_text config, constant, marks, run;
    struct fnd_json config_json, constant_json;
    struct fnd_call_artifact *artifacts;
    struct fnd_call_input input;
    bool unchecked; /* set before: the config goes to the plugin as it is, no object even */
    struct fnd_calls *calls; /* keeps what a plugin must not use any more, so that it is seen */
};

/** Make the parts of a case for the phase or detector that its "use" names. `given` is borrowed as
 *  long as the parts.
 *  Returns FND_OK; FND_INVALID: the case is not in order, or a schema of the plugin. */
enum fnd_status parts_make(const struct fnd_plugin *plugin, struct fnd_json given,
                           struct parts *parts, struct fnd_error *error);
void parts_finish(struct parts *parts);

#endif
