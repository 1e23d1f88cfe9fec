/* SPDX-License-Identifier: MIT */
/* picture/shown: a page of a picture as something that every browser shows. See README.md. */
#include <foundry/helpers.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdlib.h>

#include "picture_load.h"

enum {
    SHOWN_PIXELS_MAX = 25 * 1000 * 1000, /* larger ones are scaled down to this */
    JPEG_QUALITY = 90
};

/** One visit. */
struct visit {
    const foundry_host_t *host;
    foundry_call_t *call;
};

/** Without colour map and of a depth that both encoders take; smaller if it is huge. Takes `pix`.
 *  Returns a new picture or NULL without memory. */
static struct Pix *made_plain(struct Pix *pix)
{
    double pixels = (double)pixGetWidth(pix) * (double)pixGetHeight(pix);
    float scale = pixels > SHOWN_PIXELS_MAX ? (float)sqrt(SHOWN_PIXELS_MAX / pixels) : 1.0F;
    if (pixGetDepth(pix) == 1 && pixGetColormap(pix) == NULL && scale >= 1.0F) {
        return pix; /* a fax stays black and white */
    }
    struct Pix *bytes = pixGetDepth(pix) == 32 ? pixClone(pix) : pixConvertTo8Or32(pix, L_CLONE, 0);
    pixDestroy(&pix);
    struct Pix *small =
        bytes == NULL || scale >= 1.0F ? pixClone(bytes) : pixScale(bytes, scale, scale);
    pixDestroy(&bytes);
    return small;
}

/** Paper of one colour a pixel is kept to the bit as PNG, photographs become JPEG. */
static int encode(struct Pix *pix, uint8_t **bytes, size_t *size, const char **type)
{
    if (pixGetDepth(pix) == 1) {
        *type = "image/png";
        return pixWriteMemPng(bytes, size, pix, 0);
    }
    *type = "image/jpeg";
    return pixWriteMemJpeg(bytes, size, pix, JPEG_QUALITY, 0);
}

static foundry_outcome_t stage(const struct visit *visit, const struct picture *picture,
                               size_t width, size_t height, const char *type)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_object(&json);
    foundry_json_key(&json, "width");
    foundry_json_integer(&json, (int64_t)width);
    foundry_json_key(&json, "height");
    foundry_json_integer(&json, (int64_t)height);
    foundry_json_key(&json, "pages");
    foundry_json_integer(&json, (int64_t)picture->pages);
    foundry_json_key(&json, "media_type");
    foundry_json_string(&json, type);
    foundry_json_end(&json);
    foundry_outcome_t outcome = foundry_json_stage(&json, visit->host, visit->call, "");
    foundry_json_finish(&json);
    return outcome;
}

static foundry_outcome_t show(const struct visit *visit, const struct picture *picture,
                              size_t index)
{
    char message[256];
    struct Pix *pix = NULL;
    enum picture_status status = picture_stored(picture, index, &pix, message, sizeof message);
    if (status != PICTURE_OK) {
        return picture_failed(visit->host, visit->call, status, message, "/image");
    }
    int sideways = picture->orientation >= 5;
    size_t width = (size_t)pixGetWidth(pix), height = (size_t)pixGetHeight(pix);
    uint8_t *bytes = NULL;
    size_t size = 0;
    const char *type = NULL;
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    struct Pix *plain = made_plain(pix);
    struct Pix *turned = plain == NULL ? NULL : picture_turned(plain, picture->orientation);
    pixDestroy(&plain);
    if (turned != NULL && encode(turned, &bytes, &size, &type) == 0) {
        outcome = visit->host->artifact_write(visit->call, "shown", type, bytes, size);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = stage(visit, picture, sideways ? height : width, sideways ? width : height, type);
    }
    pixDestroy(&turned);
    free(bytes);
    return outcome;
}

static foundry_outcome_t shown_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    const struct visit visit = {host, call};
    const char *name;
    double page = 1;
    (void)self;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/image", &name));
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/page", &page));
    foundry_text_t bytes;
    struct picture picture;
    foundry_outcome_t outcome = picture_fetch(host, call, name, "/image", &bytes, &picture);
    if (outcome == FOUNDRY_DONE) {
        outcome = page < 1 || page > (double)picture.pages
                      ? foundry_failf(host, call, FOUNDRY_PERMANENT, "no_such_page", "/page",
                                      "there is no page %g: the file has %zu", page, picture.pages)
                      : show(&visit, &picture, (size_t)page - 1);
    }
    foundry_text_finish(&bytes);
    return outcome;
}

static const foundry_phase_t shown = {
    .struct_size = sizeof shown,
    .name = "shown",
    .summary = "Make a page of a picture into a PNG or JPEG that browsers show",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"image\"],"
                     "\"properties\":{"
                     "\"image\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
                     "\"description\":\"artifact: a PNG, JPEG, TIFF or BMP\"},"
                     "\"page\":{\"type\":\"integer\",\"minimum\":1,\"default\":1,"
                     "\"x-foundry-per-job\":true,\"description\":\"of a TIFF, from 1\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"width\",\"height\",\"pages\","
                     "\"media_type\"],\"properties\":{"
                     "\"width\":{\"type\":\"integer\",\"minimum\":1},"
                     "\"height\":{\"type\":\"integer\",\"minimum\":1},"
                     "\"pages\":{\"type\":\"integer\",\"minimum\":1},"
                     "\"media_type\":{\"type\":\"string\"}}}",
    .process = shown_process,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&shown, NULL};
    static const foundry_plugin_t plugin = {
        .struct_size = sizeof plugin,
        .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
        .id = "picture",
        .version = "0.1.0",
        .summary = "Pictures as browsers show them",
        .phases = phases,
    };
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
