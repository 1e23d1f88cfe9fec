/* SPDX-License-Identifier: MIT */
/* The output of a phase while it is being written. Values stay the text they were given as; only
 * the objects and arrays on the way to a set are taken apart, one level each, once. So the hot path
 * (one set of the whole output) copies bytes, and an output of many small sets stays linear. */
#ifndef FND_HOST_OUTPUT_H
#define FND_HOST_OUTPUT_H

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

struct fnd_output_node;
/** `= {0}` is an output that was not set. */
struct fnd_output {
    struct fnd_output_node *root;
    size_t staged; /* upper bound of the output's size as text */
};

/** Set the value at `pointer`: the rules of fnd_json_set().
 *  value   a checked span, copied.
 *  Returns FND_OK; FND_INVALID; FND_LIMIT: the output would pass FND_OUTPUT_SIZE_MAX bytes or
 *  FND_JSON_DEPTH_MAX levels. On failure the output is as it was. *why is a static text. */
enum fnd_status fnd_output_set(struct fnd_output *output, const char *pointer,
                               struct fnd_json value, const char **why);
/** The output as text, malloc'ed and NUL-ended, or NULL if it was not set; it is unset then. */
char *fnd_output_take(struct fnd_output *output, size_t *size);
void fnd_output_finish(struct fnd_output *output);

#endif
