/* SPDX-License-Identifier: MIT */
#include "picture_load.h"

#include <foundry/helpers.h>

foundry_outcome_t picture_failed(const foundry_host_t *host, foundry_call_t *call,
                                 enum picture_status status, const char *message, const char *ptr)
{
    if (status == PICTURE_NO_MEMORY) {
        return FOUNDRY_E_NO_MEMORY;
    }
    return host->fail(call, FOUNDRY_PERMANENT,
                      status == PICTURE_TOO_LARGE ? "image_too_large" : "not_an_image", message,
                      ptr, 0);
}

foundry_outcome_t picture_fetch(const foundry_host_t *host, foundry_call_t *call, const char *name,
                                const char *ptr, foundry_text_t *bytes, struct picture *picture)
{
    uint64_t size;
    char message[256];
    foundry_text_init(bytes);
    FOUNDRY_TRY(host->artifact_size(call, name, &size));
    if (size > PICTURE_BYTES_MAX) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "image_too_large", ptr,
                             "the file has %llu bytes; at most %d are read: scale the picture down",
                             (unsigned long long)size, PICTURE_BYTES_MAX);
    }
    FOUNDRY_TRY(foundry_artifact_load(host, call, name, PICTURE_BYTES_MAX, bytes));
    enum picture_status status = picture_open(picture, (const uint8_t *)foundry_text_z(bytes),
                                              bytes->size, message, sizeof message);
    return status == PICTURE_OK ? FOUNDRY_DONE : picture_failed(host, call, status, message, ptr);
}

foundry_outcome_t picture_load(const foundry_host_t *host, foundry_call_t *call, const char *name,
                               const char *ptr, struct Pix **pix)
{
    foundry_text_t bytes;
    struct picture picture;
    char message[256];
    *pix = NULL;
    foundry_outcome_t outcome = picture_fetch(host, call, name, ptr, &bytes, &picture);
    if (outcome == FOUNDRY_DONE) {
        enum picture_status status = picture_page(&picture, 0, pix, message, sizeof message);
        if (status != PICTURE_OK) {
            outcome = picture_failed(host, call, status, message, ptr);
        }
    }
    foundry_text_finish(&bytes);
    return outcome;
}
