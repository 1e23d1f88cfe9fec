/* SPDX-License-Identifier: MIT */
/* What a plain scalar means: the core schema of YAML 1.2 (section 10.3.2). Inside this room. */
#ifndef FND_CONFIG_SCALAR_H
#define FND_CONFIG_SCALAR_H

#include <stddef.h>

#include "config/tree.h"

/** What became of a plain scalar. */
enum fnd_scalar_verdict {
    FND_SCALAR_OK,
    FND_SCALAR_NOT_FINITE, /* .inf or .nan, which JSON cannot hold */
    FND_SCALAR_TOO_LARGE   /* 0x… or 0o… over 64 bits */
};

/** Resolve an unquoted scalar.
 *  kind     receives null, boolean, number or string.
 *  number   receives (appended) JSON number text if the kind is number, nothing otherwise.
 *  Thread: any. */
enum fnd_scalar_verdict fnd_scalar_resolve(const char *bytes, size_t size, enum fnd_node_kind *kind,
                                           struct fnd_text *number);

#endif
