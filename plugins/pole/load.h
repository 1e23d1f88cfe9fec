/* SPDX-License-Identifier: MIT */
/* A picture from an artifact. */
#ifndef POLE_LOAD_H
#define POLE_LOAD_H

#include <foundry/plugin.h>

struct Pix;

/** Read the artifact `name` as a grey picture of 8 bits, as it is displayed (the first page of a
 *  TIFF). The caller destroys *pix. A file that is no picture, or too large a one, is a permanent
 *  failure that says what was found; `ptr` is the config value it came from. */
foundry_outcome_t picture_load(const foundry_host_t *host, foundry_call_t *call, const char *name,
                               const char *ptr, struct Pix **pix);

#endif
