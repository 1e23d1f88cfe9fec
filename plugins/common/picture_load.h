/* SPDX-License-Identifier: MIT */
/* A picture from an artifact. What cannot be shown is a permanent failure that says what was found:
 * `not_an_image` or `image_too_large`, at the config value `ptr` it came from. */
#ifndef COMMON_PICTURE_LOAD_H
#define COMMON_PICTURE_LOAD_H

#include <foundry/json.h>
#include <foundry/plugin.h>

#include "picture.h"

/** Load the artifact `name` and look at it as a picture, which borrows `bytes`. The caller finishes
 *  `bytes` whatever is returned. */
foundry_outcome_t picture_fetch(const foundry_host_t *host, foundry_call_t *call, const char *name,
                                const char *ptr, foundry_text_t *bytes, struct picture *picture);
/** The failure for anything but PICTURE_OK, with what picture.h's functions said. */
foundry_outcome_t picture_failed(const foundry_host_t *host, foundry_call_t *call,
                                 enum picture_status status, const char *message, const char *ptr);
/** The first page as a grey picture of 8 bits, as it is displayed. The caller destroys *pix. */
foundry_outcome_t picture_load(const foundry_host_t *host, foundry_call_t *call, const char *name,
                               const char *ptr, struct Pix **pix);

#endif
