/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <foundry/helpers.h>

#include "picture.h"

static foundry_outcome_t decode(const foundry_host_t *host, foundry_call_t *call, const char *ptr,
                                const foundry_text_t *bytes, struct Pix **pix)
{
    struct picture picture;
    char message[256];
    enum picture_status status = picture_open(&picture, (const uint8_t *)foundry_text_z(bytes),
                                              bytes->size, message, sizeof message);
    if (status == PICTURE_OK) {
        status = picture_page(&picture, 0, pix, message, sizeof message);
    }
    switch (status) {
    case PICTURE_OK:
        return FOUNDRY_DONE;
    case PICTURE_NO_MEMORY:
        return FOUNDRY_E_NO_MEMORY;
    case PICTURE_TOO_LARGE:
        return host->fail(call, FOUNDRY_PERMANENT, "image_too_large", message, ptr, 0);
    default:
        return host->fail(call, FOUNDRY_PERMANENT, "not_an_image", message, ptr, 0);
    }
}

foundry_outcome_t picture_load(const foundry_host_t *host, foundry_call_t *call, const char *name,
                               const char *ptr, struct Pix **pix)
{
    uint64_t size;
    *pix = NULL;
    FOUNDRY_TRY(host->artifact_size(call, name, &size));
    if (size > PICTURE_BYTES_MAX) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "image_too_large", ptr,
                             "the file has %llu bytes; at most %d are read: scale the picture down",
                             (unsigned long long)size, PICTURE_BYTES_MAX);
    }
    foundry_text_t bytes;
    foundry_text_init(&bytes);
    foundry_outcome_t outcome = foundry_artifact_load(host, call, name, PICTURE_BYTES_MAX, &bytes);
    if (outcome == FOUNDRY_DONE) {
        outcome = decode(host, call, ptr, &bytes, pix);
    }
    foundry_text_finish(&bytes);
    return outcome;
}
