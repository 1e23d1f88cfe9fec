/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset/boxes.h"
#include "dataset/example.h"
#include "dataset/import.h"

enum { PICTURE_SIZE_MAX = 256 << 20, PLACE_DECIMALS = 8 };

void fnd_incoming_finish(struct fnd_incoming *incoming)
{
    free(incoming->path);
    free(incoming->pipeline);
    free(incoming->phase);
    free(incoming->uuid);
    free(incoming->by);
    fnd_text_finish(&incoming->picture);
    fnd_text_finish(&incoming->input);
    fnd_text_finish(&incoming->model);
    fnd_text_finish(&incoming->human);
    fnd_text_finish(&incoming->marks);
    *incoming = (struct fnd_incoming){0};
}

/** The bytes of a picture that a file names, out of `folder` and nowhere else. */
static enum fnd_status picture_load(int folder, const char *name, struct fnd_text *bytes,
                                    struct fnd_error *error)
{
    uint32_t width = 0, height = 0;
    if (!fnd_name_goes_down(name) || strstr(name, "://") != NULL) {
        return fnd_error_set(error, FND_INVALID,
                             "its picture %.200s is no file below the folder that pictures are "
                             "looked for in; fetch it, name it by a relative path, and say where "
                             "with --images",
                             name);
    }
    enum fnd_status status = fnd_file_read_below(folder, name, PICTURE_SIZE_MAX, bytes, error);
    if (status == FND_OK &&
        !fnd_picture_size((const uint8_t *)fnd_text_z(bytes), bytes->size, &width, &height)) {
        status = fnd_error_set(error, FND_INVALID, "its picture %s is no PNG or JPEG", name);
    } else if (status != FND_OK) {
        fnd_error_prefix(error, "its picture (say with --images where they lie)");
    }
    return status;
}

static void box_append(struct fnd_text *document, const double place[4], struct fnd_json label)
{
    fnd_text_append_z(document, document->size > strlen("{\"boxes\":[") ? "," : "");
    fnd_text_append_z(document, "{\"label\":");
    if (label.bytes != NULL) {
        fnd_text_append(document, label.bytes, label.size);
    } else {
        fnd_text_append_z(document, "\"object\"");
    }
    fnd_text_append_z(document, ",\"bbox\":[");
    for (size_t i = 0; i < 4; i++) {
        fnd_text_append_z(document, i > 0 ? "," : "");
        fnd_decimals_append(document, place[i], PLACE_DECIMALS);
    }
    fnd_text_append_z(document, "]}");
}

/** Boxes in pixels mean nothing in the same picture of another size.
 *  holder, names  where the file tells width and height; what it does not tell is taken as it is.
 *  what  names the thing in an error. */
static enum fnd_status size_check(const struct fnd_text *picture, struct fnd_json holder,
                                  const char *const names[2], const char *what,
                                  struct fnd_error *error)
{
    uint32_t found[2] = {0, 0};
    (void)fnd_picture_size((const uint8_t *)fnd_text_z(picture), picture->size, &found[0],
                           &found[1]);
    for (size_t i = 0; i < 2; i++) {
        double told = 0;
        if (fnd_json_number(fnd_json_member(holder, names[i]), &told) &&
            (told < (double)found[i] || told > (double)found[i])) {
            return fnd_error_set(error, FND_INVALID,
                                 "%s drawn in a picture %g pixels %s, and this one has %" PRIu32
                                 ": it is another picture, or another size of it; give the one "
                                 "that was drawn in",
                                 what, told, i == 0 ? "wide" : "high", found[i]);
        }
    }
    return FND_OK;
}

/** `coco` and `yolo`, as their checks hand them on: a picture's name and boxes in pixels. */
static enum fnd_status drawn_read(int folder, struct fnd_json value, const char *member,
                                  struct fnd_incoming *incoming, struct fnd_error *error)
{
    static const char *const pointers[] = {"/bbox/0", "/bbox/1", "/bbox/2", "/bbox/3"};
    static const char *const sizes[] = {"width", "height"};
    struct fnd_json boxes = fnd_json_member(value, "boxes");
    if (boxes.bytes == NULL) {
        return fnd_error_set(error, FND_INVALID,
                             "it is a model's result, which names no picture; import the file that "
                             "has images and annotations");
    }
    incoming->path = fnd_json_strdup(fnd_json_member(value, member));
    fnd_text_append_z(&incoming->human, "{\"boxes\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(boxes); fnd_json_next(&walk);) {
        double place[4] = {0};
        for (size_t i = 0; i < 4; i++) {
            fnd_json_number(fnd_json_find(walk.value, pointers[i]), &place[i]);
        }
        box_append(&incoming->human, place, fnd_json_member(walk.value, "label"));
    }
    fnd_text_append_z(&incoming->human, "]}");
    enum fnd_status status = picture_load(folder, incoming->path, &incoming->picture, error);
    return status == FND_OK ? size_check(&incoming->picture, value, sizes, "its boxes were", error)
                            : status;
}

/* --- label-studio -------------------------------------------------------------------------- */

/** Regions in percent as boxes in pixels of the displayed picture. */
static enum fnd_status regions_read(struct fnd_json result, const struct fnd_text *picture,
                                    struct fnd_text *document, struct fnd_error *error)
{
    static const char *const pointers[] = {"/value/x", "/value/y", "/value/width", "/value/height"};
    static const char *const sizes[] = {"original_width", "original_height"};
    uint32_t width = 0, height = 0;
    (void)fnd_picture_size((const uint8_t *)fnd_text_z(picture), picture->size, &width, &height);
    fnd_text_append_z(document, "{\"boxes\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(result); fnd_json_next(&walk);) {
        struct fnd_json labels = fnd_json_find(walk.value, "/value/rectanglelabels");
        double place[4] = {0}, rotation = 0;
        struct fnd_json turned = fnd_json_find(walk.value, "/value/rotation");
        struct fnd_json type = fnd_json_member(walk.value, "type");
        if (!fnd_json_text_is(type, "rectanglelabels")) {
            return fnd_error_set(error, FND_INVALID,
                                 "its result %zu is of type %.*s, and only boxes (rectanglelabels) "
                                 "can be taken; leave it out of the file",
                                 walk.index + 1, (int)(type.size > 60 ? 60 : type.size),
                                 type.bytes);
        }
        if (turned.bytes != NULL && fnd_json_number(turned, &rotation) &&
            (rotation > 0 || rotation < 0)) {
            return fnd_error_set(
                error, FND_INVALID,
                "its box %zu is turned by %g degrees, and boxes here are not; draw "
                "it upright",
                walk.index + 1, rotation);
        }
        char what[48];
        snprintf(what, sizeof what, "its box %zu was", walk.index + 1);
        enum fnd_status status = size_check(picture, walk.value, sizes, what, error);
        if (status != FND_OK) {
            return status;
        }
        if (fnd_json_count(labels) != 1) {
            return fnd_error_set(error, FND_INVALID, "its box %zu has %zu labels; one can be taken",
                                 walk.index + 1, fnd_json_count(labels));
        }
        for (size_t i = 0; i < 4; i++) {
            fnd_json_number(fnd_json_find(walk.value, pointers[i]), &place[i]);
            place[i] = place[i] * (i % 2 == 0 ? width : height) / 100;
        }
        box_append(document, place, fnd_json_find(labels, "/0"));
    }
    fnd_text_append_z(document, "]}");
    return FND_OK;
}

/** The picture's name without what Label Studio puts before it for files that it serves itself. */
static const char *name_below(const char *image)
{
    static const char local[] = "/data/local-files/?d=";
    return strncmp(image, local, sizeof local - 1) == 0 ? image + sizeof local - 1 : image;
}

static enum fnd_status studio_picture(int folder, const char *image, struct fnd_incoming *incoming,
                                      struct fnd_error *error)
{
    const char *comma = strncmp(image, "data:", 5) == 0 ? strstr(image, ";base64,") : NULL;
    uint8_t digest[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    if (comma == NULL) {
        incoming->path = fnd_strdup(name_below(image));
        return picture_load(folder, incoming->path, &incoming->picture, error);
    }
    comma += strlen(";base64,");
    if (!fnd_base64_decode(comma, strlen(comma), &incoming->picture)) {
        return fnd_error_set(error, FND_INVALID, "its picture is no base64");
    }
    fnd_sha256(fnd_text_z(&incoming->picture), incoming->picture.size, digest);
    fnd_digest_text(digest, hex);
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s.%s", hex, strncmp(image, "data:image/png", 14) == 0 ? "png" : "jpg");
    incoming->path = fnd_text_take(&path);
    return FND_OK;
}

static enum fnd_status studio_read(int folder, struct fnd_json value, struct fnd_incoming *incoming,
                                   struct fnd_error *error)
{
    char *image = fnd_json_strdup(fnd_json_find(value, "/data/image"));
    const size_t annotations = fnd_json_count(fnd_json_member(value, "annotations"));
    struct fnd_json guess = fnd_json_find(value, "/predictions/0/result");
    enum fnd_status status = FND_OK;
    if (annotations != 1) {
        status = fnd_error_set(
            error, FND_INVALID, "it has %zu annotations, and one can be taken; %s", annotations,
            annotations == 0 ? "annotate it, or leave it out" : "choose one in Label Studio");
    }
    if (status == FND_OK) {
        status = studio_picture(folder, image, incoming, error);
    }
    if (status == FND_OK) {
        status = regions_read(fnd_json_find(value, "/annotations/0/result"), &incoming->picture,
                              &incoming->human, error);
    }
    if (status == FND_OK && guess.bytes != NULL) {
        status = regions_read(guess, &incoming->picture, &incoming->model, error);
    }
    free(image);
    return status;
}

/* --- foundry ------------------------------------------------------------------------------- */

static void copy(struct fnd_json value, struct fnd_text *text)
{
    if (value.bytes != NULL && fnd_json_type(value) != FND_JSON_NULL) {
        fnd_json_compact(value, text);
    }
}

static enum fnd_status foundry_read(int folder, struct fnd_json value,
                                    struct fnd_incoming *incoming)
{
    struct fnd_json provenance = fnd_json_member(value, "provenance");
    struct fnd_json verdict = fnd_json_member(value, "verdict");
    struct fnd_json revision = fnd_json_member(provenance, "revision");
    struct fnd_json confidence = fnd_json_member(provenance, "confidence");
    struct fnd_json origin = fnd_json_member(provenance, "origin");
    struct fnd_json input = fnd_json_member(value, "input");
    struct fnd_json plain = fnd_json_member(input, "value");
    incoming->path = fnd_json_strdup(fnd_json_member(provenance, "path"));
    incoming->pipeline = fnd_json_strdup(fnd_json_member(provenance, "pipeline"));
    incoming->phase = fnd_json_strdup(fnd_json_member(provenance, "phase"));
    incoming->by = fnd_json_strdup(fnd_json_member(provenance, "by"));
    incoming->uuid = fnd_json_strdup(fnd_json_member(value, "id"));
    incoming->tier =
        fnd_json_text_is(fnd_json_member(value, "tier"), "gold") ? FND_TIER_GOLD : FND_TIER_SILVER;
    incoming->verdict = fnd_json_text_is(verdict, "accepted")    ? FND_ACCEPTED
                        : fnd_json_text_is(verdict, "corrected") ? FND_CORRECTED
                                                                 : FND_REJECTED;
    if (revision.bytes != NULL) {
        fnd_json_integer(revision, &incoming->revision);
    }
    incoming->provenance = provenance;
    incoming->fields = fnd_json_member(value, "fields");
    fnd_json_compact(plain.bytes != NULL ? plain : input, &incoming->input); /* null is a value */
    if (plain.bytes == NULL) {
        fnd_incoming_file_load(folder, incoming);
    }
    copy(fnd_json_member(value, "model_output"), &incoming->model);
    copy(fnd_json_member(value, "human_output"), &incoming->human);
    if (confidence.bytes != NULL && origin.bytes != NULL) {
        fnd_text_append_z(&incoming->marks, "{\"confidence\":");
        copy(confidence, &incoming->marks);
        fnd_text_append_z(&incoming->marks, ",\"origin\":");
        copy(origin, &incoming->marks);
        fnd_text_append_byte(&incoming->marks, '}');
    }
    return FND_OK;
}

enum fnd_status fnd_incoming_read(const struct fnd_format *format, int folder,
                                  struct fnd_json value, struct fnd_incoming *incoming,
                                  struct fnd_error *error)
{
    *incoming = (struct fnd_incoming){0};
    if (format == &fnd_format_foundry) {
        return foundry_read(folder, value, incoming);
    }
    if (format == &fnd_format_label_studio) {
        return studio_read(folder, value, incoming, error);
    }
    return drawn_read(folder, value, format == &fnd_format_coco ? "file_name" : "file", incoming,
                      error);
}
