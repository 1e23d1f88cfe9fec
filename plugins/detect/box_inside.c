/* SPDX-License-Identifier: MIT
 *
 * detect/box-inside: asks about boxes that do not lie inside their image, or have no extent. A box
 * is [x_min, y_min, x_max, y_max] in pixels of the displayed image.
 */
#include <stddef.h>
#include <stdio.h>

#include "detect.h"

struct look {
    const foundry_host_t *host;
    foundry_call_t *call;
    const char *member; /* of an item: its box */
    double width, height;
};

/* A number of the SUBJECT; what is none is the business of the schema. */
static foundry_status_t coordinate(const struct look *look, const char *pointer, size_t index,
                                   double *value)
{
    foundry_text_t place;
    foundry_text_init(&place);
    foundry_text_add(&place, pointer);
    foundry_pointer_name(&place, look->member);
    foundry_pointer_index(&place, index);
    foundry_status_t status = place.status;
    if (status == FOUNDRY_OK) {
        status =
            look->host->number_get(look->call, FOUNDRY_DOC_SUBJECT, foundry_text_z(&place), value);
    }
    foundry_text_finish(&place);
    return status;
}

static foundry_status_t ask_about(const struct look *look, const char *pointer, const double box[4],
                                  const char *flaw)
{
    foundry_text_t question;
    foundry_text_init(&question);
    foundry_text_addf(&question, "%s is a box from %g, %g to %g, %g: it %s of %g x %g pixels",
                      field_name(pointer), box[0], box[1], box[2], box[3], flaw, look->width,
                      look->height);
    foundry_json_t context;
    foundry_json_init(&context);
    foundry_json_object(&context);
    foundry_json_key(&context, "width");
    foundry_json_number(&context, look->width);
    foundry_json_key(&context, "height");
    foundry_json_number(&context, look->height);
    foundry_json_end(&context);
    const foundry_status_t status = ask_field(look->host, look->call, "box-inside", "BOX_OUTSIDE",
                                              pointer, NULL, &question, &context);
    foundry_json_finish(&context);
    foundry_text_finish(&question);
    return status;
}

static foundry_status_t look_at(void *context, const char *pointer)
{
    const struct look *look = context;
    double box[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        const foundry_status_t status = coordinate(look, pointer, i, &box[i]);
        if (status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE) {
            return FOUNDRY_OK;
        }
        FOUNDRY_TRY(status);
    }
    if (box[0] >= box[2] || box[1] >= box[3]) {
        return ask_about(look, pointer, box, "has no extent in the image");
    }
    if (box[0] < 0 || box[1] < 0 || box[2] > look->width || box[3] > look->height) {
        return ask_about(look, pointer, box, "does not lie inside the image");
    }
    return FOUNDRY_OK;
}

/* A side of the image, where the document tells it. */
static foundry_status_t side(const foundry_host_t *host, foundry_call_t *call, const char *image,
                             const char *name, double *value)
{
    foundry_text_t place;
    foundry_text_init(&place);
    foundry_text_addf(&place, "%s/%s", image, name);
    foundry_status_t status = place.status;
    if (status == FOUNDRY_OK) {
        status = host->number_get(call, FOUNDRY_DOC_SUBJECT, foundry_text_z(&place), value);
    }
    if (status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE) {
        status = foundry_failf(host, call, FOUNDRY_PERMANENT, "no_image_size", image,
                               "there is no number at %s: the document must tell how large its "
                               "image is",
                               foundry_text_z(&place));
    }
    foundry_text_finish(&place);
    return status;
}

static foundry_outcome_t box_inside_detect(void *self, const foundry_host_t *host,
                                           foundry_call_t *call)
{
    (void)self;
    const char *boxes = NULL;
    const char *image = NULL;
    struct look look = {.host = host, .call = call};
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/boxes", "/boxes/*", &boxes));
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/image", "/image", &image));
    FOUNDRY_TRY(
        foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/member", "box", &look.member));
    FOUNDRY_TRY(side(host, call, image, "width", &look.width));
    FOUNDRY_TRY(side(host, call, image, "height", &look.height));
    return detect_end(host, call,
                      foundry_expand(host, call, FOUNDRY_DOC_SUBJECT, boxes, look_at, &look));
}

const foundry_detector_t box_inside_detector = {
    .struct_size = sizeof box_inside_detector,
    .name = "box-inside",
    .summary = "Ask about boxes that do not lie inside their image",
    .config_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"boxes\":{\"type\":\"string\",\"format\":\"json-pointer\",\"default\":\"/boxes/*\","
        "\"description\":\"the items that hold boxes\"},"
        "\"member\":{\"type\":\"string\",\"default\":\"box\","
        "\"description\":\"of an item: [x_min, y_min, x_max, y_max] in pixels\"},"
        "\"image\":{\"type\":\"string\",\"format\":\"json-pointer\",\"default\":\"/image\","
        "\"description\":\"an object with the image's width and height in pixels\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .detect = box_inside_detect};
