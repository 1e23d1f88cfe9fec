/* SPDX-License-Identifier: MIT */
/* pole/detect: a picture to boxes around utility poles, by a model where there is one, else by
 * rules. See README.md. */
#include <foundry/helpers.h>
#include <foundry/plugin.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "at_hand.h"
#include "picture_load.h"
#include "train.h"
#include "trainer.h"

struct detect {
    struct at_hand at_hand;
    struct model model;
};

static int kind_read(void *model, const unsigned char *bytes, size_t size, char *message,
                     size_t message_size)
{
    return model_read(model, bytes, size, message, message_size);
}

static void kind_finish(void *model)
{
    model_finish(model);
}

static const struct model_kind model_kind = {MODEL_BYTES_MAX, kind_read, kind_finish};

static foundry_outcome_t detect_create(const foundry_host_t *host, foundry_call_t *call,
                                       void **self)
{
    (void)host;
    (void)call;
    *self = calloc(1, sizeof(struct detect));
    return *self == NULL ? FOUNDRY_E_NO_MEMORY : FOUNDRY_DONE;
}

static void detect_destroy(void *self)
{
    struct detect *detect = self;
    at_hand_finish(&detect->at_hand, &detect->model, &model_kind);
    free(detect);
}

/** To four places, as it is written into the document. */
static double score_of(double confidence)
{
    return floor(confidence * 10000.0 + 0.5) / 10000.0;
}

static foundry_status_t found_write(const foundry_host_t *host, foundry_call_t *call,
                                    const struct scene *scene, const struct found *found,
                                    size_t kept)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_object(&json);
    foundry_json_key(&json, "image");
    foundry_json_object(&json);
    foundry_json_key(&json, "width");
    foundry_json_number(&json, scene->width);
    foundry_json_key(&json, "height");
    foundry_json_number(&json, scene->height);
    foundry_json_end(&json);
    foundry_json_key(&json, "boxes");
    foundry_json_array(&json);
    for (size_t i = 0; i < kept; i++) {
        const struct detection *item = &found->items[i];
        const double corners[4] = {item->box.x0, item->box.y0, item->box.x1, item->box.y1};
        char id[32];
        snprintf(id, sizeof id, "p%zu", i + 1);
        foundry_json_object(&json);
        foundry_json_key(&json, "box_id");
        foundry_json_string(&json, id);
        foundry_json_key(&json, "label");
        foundry_json_string(&json, "utility_pole");
        foundry_json_key(&json, "confidence");
        foundry_json_number(&json, score_of(item->confidence));
        foundry_json_key(&json, "box");
        foundry_json_array(&json);
        for (size_t j = 0; j < 4; j++) {
            foundry_json_number(&json, floor(corners[j] + 0.5));
        }
        foundry_json_end(&json);
        foundry_json_end(&json);
    }
    foundry_json_end(&json);
    foundry_json_end(&json);
    foundry_status_t status = foundry_json_stage(&json, host, call, "");
    foundry_json_finish(&json);
    return status;
}

static foundry_status_t found_mark(const foundry_host_t *host, foundry_call_t *call,
                                   const char *image, const struct found *found, size_t kept,
                                   double complete)
{
    for (size_t i = 0; i < kept; i++) {
        const struct box *box = &found->items[i].box;
        const foundry_origin_t origin = {.struct_size = sizeof origin,
                                         .artifact = image,
                                         .x = floor(box->x0 + 0.5),
                                         .y = floor(box->y0 + 0.5),
                                         .width = floor(box->x1 + 0.5) - floor(box->x0 + 0.5),
                                         .height = floor(box->y1 + 0.5) - floor(box->y0 + 0.5)};
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/boxes/%zu", i);
        FOUNDRY_TRY(host->confidence_set(call, pointer, score_of(found->items[i].confidence)));
        FOUNDRY_TRY(host->origin_set(call, pointer, &origin));
    }
    /* The list as a whole: whether no pole is missing. */
    return host->confidence_set(call, "/boxes", score_of(complete));
}

static foundry_outcome_t detect_process(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    struct detect *detect = self;
    const char *image;
    double keep = POLE_KEEP;
    int there;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/image", &image));
    FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/keep", POLE_KEEP, &keep));
    FOUNDRY_TRY(at_hand_load(&detect->at_hand, &detect->model, &model_kind, host, call, &there));
    const struct model *model = there ? &detect->model : NULL;
    struct Pix *pix = NULL;
    FOUNDRY_TRY(picture_load(host, call, image, "/image", &pix));
    struct scene scene;
    struct found found;
    foundry_outcome_t outcome = scene_make(&scene, pix, NULL, 0);
    pixDestroy(&pix);
    outcome = outcome == 0 ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
    if (outcome == FOUNDRY_DONE && scene_find(&scene, model, &found) != 0) {
        outcome = FOUNDRY_E_NO_MEMORY;
    }
    if (outcome == FOUNDRY_DONE) {
        size_t kept = found_kept(&found, keep);
        outcome = found_write(host, call, &scene, &found, kept);
        if (outcome == FOUNDRY_DONE) {
            outcome = found_mark(host, call, image, &found, kept,
                                 scene_complete(&scene, model, &found, keep));
        }
    }
    scene_finish(&scene);
    return outcome;
}

static const foundry_phase_t detect = {
    .struct_size = sizeof detect,
    .name = "detect",
    .summary = "Find utility poles in a picture",
    .config_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"image\"],"
        "\"properties\":{"
        "\"image\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
        "\"description\":\"artifact: a PNG, JPEG, TIFF or BMP; named as origin\"},"
        "\"model\":{\"type\":[\"string\",\"null\"],\"default\":null,\"x-foundry-per-job\":true,"
        "\"description\":\"artifact: what pole/train made; null: rules\"},"
        "\"keep\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1,\"default\":0.5,"
        "\"description\":\"boxes less likely than this are not said\"}}}",
    .output_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"image\",\"boxes\"],"
        "\"properties\":{"
        "\"image\":{\"type\":\"object\",\"additionalProperties\":false,"
        "\"required\":[\"width\",\"height\"],\"properties\":{"
        "\"width\":{\"type\":\"integer\",\"minimum\":1},"
        "\"height\":{\"type\":\"integer\",\"minimum\":1}}},"
        "\"boxes\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
        "\"additionalProperties\":false,"
        "\"required\":[\"label\",\"box\"],\"properties\":{"
        "\"box_id\":{\"type\":\"string\"},\"label\":{\"enum\":[\"utility_pole\"]},"
        "\"source\":{\"enum\":[\"model\",\"human\"]},"
        "\"confidence\":{\"type\":[\"number\",\"null\"],\"minimum\":0,\"maximum\":1},"
        "\"box\":{\"type\":\"array\",\"minItems\":4,\"maxItems\":4,"
        "\"items\":{\"type\":\"number\"}}}}}}}",
    .threads = FOUNDRY_SERIAL_INSTANCE,
    .create = detect_create,
    .process = detect_process,
    .destroy = detect_destroy,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&detect, NULL};
    static const foundry_trainer_t *const trainers[] = {&pole_trainer, NULL};
    static const foundry_plugin_t plugin = {
        .struct_size = sizeof plugin,
        .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
        .id = "pole",
        .version = "0.1.0",
        .summary = "Utility poles in pictures, by rules and by what corrections teach",
        .phases = phases,
        .trainers = trainers,
    };
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
