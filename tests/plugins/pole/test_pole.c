/* SPDX-License-Identifier: MIT */
/* pole/detect and pole/train over the committed streets: what corrections teach, and what bad
 * pictures, damaged models and contradictions do. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "example.h"
#include "host/call.h"
#include "measure.h"
#include "trainer.h"

enum { STREETS = 12, ARTIFACTS_MAX = STREETS + 2 };

/* Two of the streets have no pole at all. */
static void sample_load(size_t number, const char *ending, struct fnd_text *bytes)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/pipelines/pole-detection/samples/pole-%03zu.%s",
                    getenv("FOUNDRY_SOURCE_ROOT"), number, ending);
    cr_assert_eq(fnd_file_read(AT_FDCWD, fnd_text_z(&path), 1 << 24, bytes, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&path);
}

static struct fnd_json json_of(const char *text)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &value, &error), FND_OK, "%s: %s", text,
                 error.message);
    return value;
}

static struct fnd_schema *schema_of(const char *text)
{
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("schema", text, strlen(text), &schema, &error), FND_OK, "%s",
                 error.message);
    return schema;
}

/** Look at a picture, with a model or without. */
static void detect(const struct fnd_text *image, const struct fnd_text *model,
                   struct fnd_effects *effects)
{
    const foundry_phase_t *phase = foundry_plugin_entry(FOUNDRY_ABI_CURRENT)->phases[0];
    const struct fnd_call_artifact artifacts[] = {
        {"image", image->size, -1, fnd_text_z(image)},
        {"model", model == NULL ? 0 : model->size, -1, model == NULL ? "" : fnd_text_z(model)}};
    const struct fnd_call_input input = {
        .config = json_of(model == NULL ? "{\"image\":\"image\",\"model\":null,\"keep\":0.5}"
                                        : "{\"image\":\"image\",\"model\":\"model\",\"keep\":0.5}"),
        .run = json_of("{\"job\":\"j\",\"phase\":\"p\"}"),
        .artifacts = artifacts,
        .artifacts_count = 2};
    struct fnd_schema *config = schema_of(phase->config_schema);
    struct fnd_schema *output = schema_of(phase->output_schema);
    struct fnd_call_live live = {.cancelled = NULL};
    struct fnd_error error = {0};
    void *self = NULL;
    *effects = (struct fnd_effects){0};
    struct foundry_call *call = fnd_call_begin(&input, config, &live, effects);
    cr_assert_eq(phase->create(fnd_host_table(), call, &self), FOUNDRY_DONE);
    fnd_call_end(call, phase->process(self, fnd_host_table(), call));
    phase->destroy(self);
    if (effects->outcome == FOUNDRY_DONE) {
        cr_assert_eq(fnd_effects_check(effects, output, (struct fnd_json){0}, &error), FND_OK, "%s",
                     error.message);
    }
    fnd_schema_destroy(config);
    fnd_schema_destroy(output);
}

static double confidence_of(const struct fnd_effects *effects, const char *pointer)
{
    for (size_t i = 0; i < effects->confidences_count; i++) {
        if (strcmp(effects->confidences[i].pointer, pointer) == 0) {
            return effects->confidences[i].score;
        }
    }
    return -1;
}

static bool said_yes(void *context)
{
    (void)context;
    return true;
}

/** Call the trainer with some examples; the streets are artifacts `street-1` and so on. */
static void train_run(const struct fnd_text *lines, bool cancelled, struct fnd_effects *effects)
{
    struct fnd_call_artifact artifacts[ARTIFACTS_MAX] = {
        {"examples", lines->size, -1, fnd_text_z(lines)}, {"words", 5, -1, "words"}};
    struct fnd_text images[STREETS] = {{0}};
    char names[STREETS][16];
    for (size_t i = 0; i < STREETS; i++) {
        sample_load(i + 1, "jpg", &images[i]);
        snprintf(names[i], sizeof names[i], "street-%zu", i + 1);
        artifacts[i + 2] =
            (struct fnd_call_artifact){names[i], images[i].size, -1, fnd_text_z(&images[i])};
    }
    const struct fnd_call_input input = {
        .config = json_of("{}"),
        .run = json_of("{\"attempt\":1,\"training\":{\"model\":\"pole\",\"version\":1,"
                       "\"seed\":\"1\",\"examples\":\"examples\",\"previous\":null,"
                       "\"checkpoint\":null}}"),
        .artifacts = artifacts,
        .artifacts_count = ARTIFACTS_MAX};
    const struct fnd_call_live live = {.cancelled = cancelled ? said_yes : NULL};
    struct fnd_schema *schema = schema_of(pole_trainer.config_schema);
    *effects = (struct fnd_effects){0};
    struct foundry_call *call = fnd_call_begin(&input, schema, &live, effects);
    fnd_call_end(call, pole_trainer.train(fnd_host_table(), call));
    fnd_schema_destroy(schema);
    for (size_t i = 0; i < STREETS; i++) {
        fnd_text_finish(&images[i]);
    }
}

/** Lines for the first `count` streets with their truth as answer, or with `human`. */
static void examples_make(struct fnd_text *lines, size_t count, const char *human)
{
    for (size_t i = 1; i <= count; i++) {
        struct fnd_text truth = {0};
        sample_load(i, "truth.json", &truth);
        truth.bytes[strcspn(truth.bytes, "\n")] = '\0';
        fnd_text_printf(lines,
                        "{\"id\":\"street-%02zu\",\"split\":\"train\",\"tier\":\"gold\","
                        "\"verdict\":\"corrected\",\"with\":{\"image\":\"street-%zu\"},"
                        "\"output\":{\"boxes\":[]},\"human\":%s,\"reviewed\":null}\n",
                        i, i, human == NULL ? truth.bytes : human);
        fnd_text_finish(&truth);
    }
}

static void model_train(const char *human, struct fnd_text *model)
{
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    examples_make(&lines, STREETS, human);
    train_run(&lines, false, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    cr_assert_eq(effects.artifacts_count, 1);
    cr_assert_str_eq(effects.artifacts[0].name, "model");
    fnd_text_append(model, effects.artifacts[0].bytes, effects.artifacts[0].size);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}

/** Poles of a street that a model finds (IoU 0.5), wrong boxes, and poles there are. */
static void street_judge(size_t number, const struct fnd_text *model, size_t sums[3])
{
    struct fnd_text image = {0}, truth = {0};
    struct fnd_effects effects;
    struct box said[TRUTH_MAX], poles[TRUTH_MAX];
    size_t said_count = 0, poles_count = 0;
    int right[TRUTH_MAX];
    unsigned char taken[TRUTH_MAX];
    sample_load(number, "jpg", &image);
    sample_load(number, "truth.json", &truth);
    detect(&image, model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    cr_assert_eq(boxes_read(effects.output, said, TRUTH_MAX, &said_count), 0);
    cr_assert_eq(boxes_read(fnd_text_z(&truth), poles, TRUTH_MAX, &poles_count), 0);
    size_t rights = boxes_judge(said, said_count, poles, poles_count, 0.5, right, taken);
    sums[0] += rights;
    sums[1] += said_count - rights;
    sums[2] += poles_count;
    /* Each box has its confidence and its origin, and so has the list its confidence. */
    cr_expect_eq(effects.confidences_count, said_count + 1);
    cr_expect_eq(effects.origins_count, said_count);
    cr_expect(confidence_of(&effects, "/boxes") >= 0);
    fnd_effects_finish(&effects);
    fnd_text_finish(&image);
    fnd_text_finish(&truth);
}

Test(pole, corrections_teach)
{
    struct fnd_text model = {0};
    size_t by_rules[3] = {0}, by_model[3] = {0};
    model_train(NULL, &model);
    for (size_t i = 1; i <= STREETS; i++) {
        street_judge(i, NULL, by_rules);
        street_judge(i, &model, by_model);
    }
    printf("rules: %zu of %zu found, %zu wrong; model: %zu found, %zu wrong\n", by_rules[0],
           by_rules[2], by_rules[1], by_model[0], by_model[1]);
    size_t fixes_rules = by_rules[2] - by_rules[0] + by_rules[1];
    size_t fixes_model = by_model[2] - by_model[0] + by_model[1];
    cr_expect(4 * fixes_model < fixes_rules, "%zu fixes by rules, %zu by a model", fixes_rules,
              fixes_model);
    fnd_text_finish(&model);
}

Test(pole, same_examples_same_bytes_and_a_report)
{
    struct fnd_text lines = {0}, first = {0}, second = {0};
    struct fnd_effects effects;
    double pictures = 0;
    model_train(NULL, &first);
    model_train(NULL, &second);
    cr_expect(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    examples_make(&lines, STREETS, NULL);
    train_run(&lines, false, &effects);
    struct fnd_json output = json_of(effects.output);
    cr_assert(fnd_json_number(fnd_json_find(output, "/metrics/pictures"), &pictures));
    cr_expect(pictures > STREETS - 0.5 && pictures < STREETS + 0.5);
    /* Whether a pole is missing is said of each picture, held out once. */
    size_t whole = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_find(output, "/calibration"));
         fnd_json_next(&walk);) {
        whole += fnd_json_text_is(fnd_json_member(walk.value, "ptr"), "/boxes");
    }
    cr_expect_eq(whole, (size_t)STREETS);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
    fnd_text_finish(&first);
    fnd_text_finish(&second);
}

/* Of each third street the poles are told 2.5 times as wide as they are: what stands in their
 * middle overlaps them by two fifths, and is no right box. */
static void wide_make(struct fnd_text *lines, size_t poles[STREETS])
{
    for (size_t i = 1; i <= STREETS; i++) {
        const double more = i % 3 == 0 ? 0.75 : 0;
        struct fnd_text truth = {0};
        struct box boxes[TRUTH_MAX];
        sample_load(i, "truth.json", &truth);
        cr_assert_eq(boxes_read(fnd_text_z(&truth), boxes, TRUTH_MAX, &poles[i - 1]), 0);
        fnd_text_printf(lines,
                        "{\"id\":\"street-%02zu\",\"split\":\"train\",\"tier\":\"gold\","
                        "\"verdict\":\"corrected\",\"with\":{\"image\":\"street-%zu\"},"
                        "\"output\":{\"boxes\":[]},\"human\":{\"boxes\":[",
                        i, i);
        for (size_t j = 0; j < poles[i - 1]; j++) {
            const double side = more * (boxes[j].x1 - boxes[j].x0);
            fnd_text_printf(lines, "%s{\"label\":\"utility_pole\",\"box\":[%.0f,%.0f,%.0f,%.0f]}",
                            j > 0 ? "," : "", boxes[j].x0 - side, boxes[j].y0, boxes[j].x1 + side,
                            boxes[j].y1);
        }
        fnd_text_append_z(lines, "]},\"reviewed\":null}\n");
        fnd_text_finish(&truth);
    }
}

/* The gate counts a list as whole when each pole has a right box. So does what is learnt from. */
Test(pole, a_box_that_has_to_be_moved_is_a_missed_pole)
{
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    size_t poles[STREETS] = {0}, rights[STREETS] = {0}, whole = 0, lists = 0;
    wide_make(&lines, poles);
    train_run(&lines, false, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    const struct fnd_json list = fnd_json_find(json_of(effects.output), "/calibration");
    for (int last = 0; last < 2; last++) { /* the boxes first, then the lists */
        for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
            const bool of_list = fnd_json_text_is(fnd_json_member(walk.value, "ptr"), "/boxes");
            char *id = fnd_json_strdup(fnd_json_member(walk.value, "id"));
            const size_t street = (size_t)atoi(id + strlen("street-")) - 1;
            bool right = false;
            cr_assert(fnd_json_boolean(fnd_json_member(walk.value, "right"), &right));
            cr_assert_lt(street, (size_t)STREETS);
            if (of_list && last) {
                cr_expect_eq(right, rights[street] == poles[street], "%s: %zu of %zu poles", id,
                             rights[street], poles[street]);
                whole += right;
                lists++;
            } else if (!of_list && !last) {
                rights[street] += right;
            }
            free(id);
        }
    }
    cr_expect_eq(lists, (size_t)STREETS);
    cr_expect(whole > 0 && whole < STREETS, "%zu lists are whole", whole);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}

Test(pole, contradictions_and_empty_answers_make_unsure)
{
    struct fnd_text lines = {0}, model = {0}, image = {0};
    struct fnd_effects effects;
    /* All that there is, and nothing at all, of the same pictures. */
    examples_make(&lines, STREETS, NULL);
    examples_make(&lines, STREETS, "{\"boxes\":[]}");
    train_run(&lines, false, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    fnd_text_append(&model, effects.artifacts[0].bytes, effects.artifacts[0].size);
    fnd_effects_finish(&effects);
    sample_load(1, "jpg", &image);
    detect(&image, &model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    for (size_t i = 0; i < effects.confidences_count; i++) {
        if (strcmp(effects.confidences[i].pointer, "/boxes") != 0) {
            cr_expect(effects.confidences[i].score < 0.9, "%s %.3f", effects.confidences[i].pointer,
                      effects.confidences[i].score);
        }
    }
    fnd_effects_finish(&effects);
    fnd_text_finish(&model);
    model_train("{\"boxes\":[]}", &model); /* no pole anywhere */
    detect(&image, &model, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    cr_expect_eq(fnd_json_count(fnd_json_find(json_of(effects.output), "/boxes")), 0);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
    fnd_text_finish(&model);
    fnd_text_finish(&image);
}

/* --- bad pictures --------------------------------------------------------------------------- */

/** Encode a picture; `pix` is destroyed. */
static void picture_encode(struct Pix *pix, l_int32 format, struct fnd_text *bytes)
{
    l_uint8 *data = NULL;
    size_t size = 0;
    cr_assert_not_null(pix);
    cr_assert_eq(pixWriteMem(&data, &size, pix, format), 0);
    fnd_text_append(bytes, (const char *)data, size);
    lept_free(data);
    pixDestroy(&pix);
}

static struct Pix *blank(l_int32 width, l_int32 height)
{
    struct Pix *pix = pixCreate(width, height, 8);
    pixSetAllGray(pix, 200);
    return pix;
}

static void nothing_found(struct Pix *pix, const char *what)
{
    struct fnd_text bytes = {0};
    struct fnd_effects effects;
    picture_encode(pix, IFF_PNG, &bytes);
    detect(&bytes, NULL, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s: %s", what, effects.message);
    cr_expect_eq(fnd_json_count(fnd_json_find(json_of(effects.output), "/boxes")), 0, "%s", what);
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
}

Test(pole, pictures_without_anything_in_them)
{
    nothing_found(blank(640, 640), "a blank page");
    nothing_found(blank(1, 1), "one pixel");
    nothing_found(blank(20000, 40), "a strip of 20,000 pixels");
    nothing_found(blank(40, 20000), "an upright strip");
    nothing_found(blank(48, 48), "as small as is looked at");
    nothing_found(blank(640, 49), "wide and low");
}

/* The same noise at each call. */
static uint32_t noise(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 24;
}

static struct Pix *noisy(l_int32 side)
{
    struct Pix *pix = blank(side, side);
    uint32_t state = 7;
    for (l_int32 y = 0; y < side; y++) {
        for (l_int32 x = 0; x < side; x++) {
            pixSetPixel(pix, x, y, noise(&state));
        }
    }
    return pix;
}

/** A cat as a photograph would have it: a round head with two ears and stripes on a soft body, fur
 *  all over, out of focus behind it. */
static struct Pix *cat(l_int32 side)
{
    struct Pix *pix = blank(side, side);
    uint32_t state = 11;
    const double unit = side / 640.0;
    for (l_int32 y = 0; y < side; y++) {
        for (l_int32 x = 0; x < side; x++) {
            const double across = (x / unit - 320) / 100, down = (y / unit - 240) / 85;
            const double wide = (x / unit - 320) / 190, low = (y / unit - 470) / 180;
            const double ear = fabs(fabs(x / unit - 320) - 70);
            double grey = 150 + 40 * sin(x / unit / 90) * cos(y / unit / 110);
            if (wide * wide + low * low < 1) {
                grey = 110 + 30 * sin(x / unit / 9 + 2 * sin(y / unit / 30));
            }
            if (across * across + down * down < 1 ||
                (y / unit > 120 && y / unit < 220 && ear < (y / unit - 120) * 0.4)) {
                grey = 130 + 25 * sin(y / unit / 7);
            }
            grey += noise(&state) / 12.0 - 10;
            pixSetPixel(pix, x, y, (l_uint32)(grey < 0 ? 0 : grey > 255 ? 255 : grey));
        }
    }
    return pix;
}

/** What is said of a picture is never sure and wrong: boxes from 0.9 on are those of `poles`, and
 *  where that no pole is missing is as sure, all of them are found. Takes `pix`. */
static void doubted(struct Pix *pix, const struct fnd_text *model, const struct box *poles,
                    size_t poles_count, const char *what)
{
    struct fnd_text bytes = {0};
    struct fnd_effects effects;
    struct box said[TRUTH_MAX];
    size_t said_count = 0;
    int right[TRUTH_MAX];
    unsigned char taken[TRUTH_MAX];
    picture_encode(pix, IFF_PNG, &bytes);
    detect(&bytes, model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s: %s", what, effects.message);
    cr_assert_eq(boxes_read(effects.output, said, TRUTH_MAX, &said_count), 0);
    size_t rights = boxes_judge(said, said_count, poles, poles_count, POLE_FOUND, right, taken);
    for (size_t i = 0; i < said_count; i++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/boxes/%zu", i);
        double most = 0;
        for (size_t j = 0; j < poles_count; j++) {
            most = fmax(most, box_iou(&said[i], &poles[j]));
        }
        cr_expect(most >= POLE_FOUND || confidence_of(&effects, pointer) < 0.9,
                  "%s: %s is sure, %.3f, and covers a pole by %.2f", what, pointer,
                  confidence_of(&effects, pointer), most);
    }
    cr_expect((poles_count > 0 && rights == poles_count) || confidence_of(&effects, "/boxes") < 0.9,
              "%s: that no pole is missing is sure, %.3f", what, confidence_of(&effects, "/boxes"));
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
}

/** A street turned by half, with its poles: they hang from above, and are poles still. */
static void upside_down(size_t number, const struct fnd_text *model)
{
    struct fnd_text image = {0}, truth = {0};
    struct box poles[TRUTH_MAX];
    size_t count = 0;
    sample_load(number, "jpg", &image);
    sample_load(number, "truth.json", &truth);
    cr_assert_eq(boxes_read(fnd_text_z(&truth), poles, TRUTH_MAX, &count), 0);
    struct Pix *pix = pixReadMem((const l_uint8 *)image.bytes, image.size);
    const double width = pixGetWidth(pix), height = pixGetHeight(pix);
    for (size_t i = 0; i < count; i++) {
        poles[i] = (struct box){width - poles[i].x1, height - poles[i].y1, width - poles[i].x0,
                                height - poles[i].y0};
    }
    struct Pix *turned = pixRotate180(NULL, pix);
    char what[32];
    pixDestroy(&pix);
    snprintf(what, sizeof what, "street %zu upside down", number);
    doubted(turned, model, poles, count, what);
    fnd_text_finish(&image);
    fnd_text_finish(&truth);
}

Test(pole, pictures_of_other_things_are_doubted)
{
    struct fnd_text model = {0};
    model_train(NULL, &model);
    for (int learnt = 0; learnt < 2; learnt++) {
        const struct fnd_text *by = learnt ? &model : NULL;
        doubted(noisy(640), by, NULL, 0, "noise");
        doubted(cat(640), by, NULL, 0, "a cat");
        struct Pix *small = cat(640);
        doubted(pixScale(small, 31.25f, 0.1f), by, NULL, 0, "a cat 20,000 pixels wide");
        pixDestroy(&small);
        for (size_t i = 1; i <= STREETS; i++) {
            upside_down(i, by);
        }
    }
    fnd_text_finish(&model);
}

static void refused(const char *bytes, size_t size, const char *code, const char *words)
{
    struct fnd_text image = {0};
    struct fnd_effects effects;
    fnd_text_append(&image, bytes, size);
    detect(&image, NULL, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_PERMANENT);
    cr_expect_str_eq(effects.code, code);
    cr_expect(strstr(effects.message, words) != NULL, "%s, wanted %s", effects.message, words);
    fnd_effects_finish(&effects);
    fnd_text_finish(&image);
}

Test(pole, files_that_are_no_pictures_are_named)
{
    struct fnd_text image = {0};
    refused("no picture at all", 17, "not_an_image", "convert the file");
    refused("", 0, "not_an_image", "0 bytes");
    sample_load(1, "jpg", &image);
    refused(image.bytes, 100, "not_an_image", "whole");
    fnd_text_finish(&image);
    picture_encode(blank(20001, 2), IFF_PNG, &image);
    refused(image.bytes, image.size, "image_too_large", "20001 x 2");
    fnd_text_finish(&image);
}

Test(pole, large_pictures_are_scaled_and_boxes_with_them)
{
    struct fnd_text small = {0}, large = {0}, model = {0};
    struct fnd_effects effects;
    struct box said[2][TRUTH_MAX];
    size_t counts[2];
    model_train(NULL, &model);
    sample_load(1, "jpg", &small);
    struct Pix *pix = pixReadMem((const l_uint8 *)small.bytes, small.size);
    picture_encode(pixScale(pix, 3.0f, 3.0f), IFF_PNG, &large);
    pixDestroy(&pix);
    for (size_t i = 0; i < 2; i++) {
        detect(i == 0 ? &small : &large, &model, &effects);
        cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
        cr_assert_eq(boxes_read(effects.output, said[i], TRUTH_MAX, &counts[i]), 0);
        fnd_effects_finish(&effects);
    }
    cr_assert(counts[0] > 0 && counts[1] > 0, "%zu and %zu boxes", counts[0], counts[1]);
    struct box shrunk = {said[1][0].x0 / 3, said[1][0].y0 / 3, said[1][0].x1 / 3,
                         said[1][0].y1 / 3};
    cr_expect(box_iou(&said[0][0], &shrunk) > 0.6, "%.2f", box_iou(&said[0][0], &shrunk));
    fnd_text_finish(&small);
    fnd_text_finish(&large);
    fnd_text_finish(&model);
}

/** An EXIF segment that says "turn a quarter clockwise", behind the first two bytes of a JPEG. */
static void exif_add(const struct fnd_text *plain, struct fnd_text *tagged)
{
    static const char segment[] = "\xff\xe1\x00\x22"
                                  "Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06"
                                  "\0\0\0\0\0\0";
    fnd_text_append(tagged, plain->bytes, 2);
    fnd_text_append(tagged, segment, sizeof segment - 1);
    fnd_text_append(tagged, plain->bytes + 2, plain->size - 2);
}

Test(pole, boxes_are_of_the_picture_as_displayed)
{
    struct fnd_text plain = {0}, turned = {0}, tagged = {0}, model = {0};
    struct fnd_effects effects;
    struct box said[2][TRUTH_MAX];
    size_t counts[2];
    model_train(NULL, &model);
    sample_load(1, "jpg", &plain);
    struct Pix *pix = pixReadMem((const l_uint8 *)plain.bytes, plain.size);
    struct Pix *stored = pixRotateOrth(pix, 3); /* a quarter back: the tag turns it upright */
    pixDestroy(&pix);
    picture_encode(stored, IFF_JFIF_JPEG, &turned);
    exif_add(&turned, &tagged);
    for (size_t i = 0; i < 2; i++) {
        detect(i == 0 ? &plain : &tagged, &model, &effects);
        cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
        cr_assert_eq(boxes_read(effects.output, said[i], TRUTH_MAX, &counts[i]), 0);
        fnd_effects_finish(&effects);
    }
    cr_assert(counts[0] > 0 && counts[1] > 0, "%zu and %zu boxes", counts[0], counts[1]);
    cr_expect(box_iou(&said[0][0], &said[1][0]) > 0.8, "%.2f", box_iou(&said[0][0], &said[1][0]));
    fnd_text_finish(&plain);
    fnd_text_finish(&turned);
    fnd_text_finish(&tagged);
    fnd_text_finish(&model);
}

/* --- bad models ----------------------------------------------------------------------------- */

static void model_refused(const struct fnd_text *model, const char *words)
{
    struct fnd_text image = {0};
    struct fnd_effects effects;
    sample_load(1, "jpg", &image);
    detect(&image, model, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_PERMANENT);
    cr_expect_str_eq(effects.code, "bad_model");
    cr_expect(strstr(effects.message, words) != NULL, "%s, wanted %s", effects.message, words);
    fnd_effects_finish(&effects);
    fnd_text_finish(&image);
}

/** Put the check of the rest right again, as one who changes a file on purpose would. */
static void check_mend(unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 24; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    for (size_t i = 0; i < 8; i++) {
        bytes[16 + i] = (unsigned char)(hash >> (8 * i));
    }
}

Test(pole, damaged_models_are_refused)
{
    struct fnd_text good = {0}, bytes = {0};
    struct model model;
    char message[256];
    model_train(NULL, &good);
    const unsigned char *from = (const unsigned char *)good.bytes;
    cr_assert_eq(model_read(&model, from, good.size, message, sizeof message), 0, "%s", message);
    size_t size = 0;
    unsigned char *again = model_write(&model, &size);
    cr_expect(size == good.size && memcmp(again, from, size) == 0, "reading and writing lose");
    free(again);
    model_finish(&model);
    for (size_t cut = 0; cut < good.size; cut += cut < 64 ? 1 : 97) {
        cr_assert_eq(model_read(&model, from, cut, message, sizeof message), -2, "cut at %zu", cut);
        cr_assert(message[0] != '\0');
    }
    unsigned char *copy = malloc(good.size);
    for (size_t at = 0; at < good.size; at += at < 64 ? 1 : 53) {
        memcpy(copy, from, good.size);
        copy[at] = (unsigned char)(copy[at] ^ (1U << (at % 8)));
        cr_assert_eq(model_read(&model, copy, good.size, message, sizeof message), -2,
                     "flipped at %zu", at);
    }
    fnd_text_append(&bytes, good.bytes, good.size / 2);
    model_refused(&bytes, "cut");
    bytes.size = 0;
    memcpy(copy, from, good.size);
    copy[8] = 7; /* the format */
    fnd_text_append(&bytes, (const char *)copy, good.size);
    model_refused(&bytes, "version 7");
    bytes.size = 0;
    memcpy(copy, from, good.size);
    memcpy(copy + 26, "noun/detect", 11); /* the plugin's id */
    check_mend(copy, good.size);
    fnd_text_append(&bytes, (const char *)copy, good.size);
    model_refused(&bytes, "noun/detect");
    bytes.size = 0;
    memcpy(copy, from, good.size);
    memset(copy + good.size - 4, 0xff, 4); /* no number at all */
    check_mend(copy, good.size);
    fnd_text_append(&bytes, (const char *)copy, good.size);
    model_refused(&bytes, "out of bounds");
    free(copy);
    fnd_text_finish(&good);
    fnd_text_finish(&bytes);
}

/* --- examples ------------------------------------------------------------------------------- */

static enum example_status line_read(const char *line, struct example *example)
{
    char image[64], message[256];
    return example_read(example, line, image, sizeof image, message, sizeof message);
}

#define SAID                                                                                       \
    "\"with\":{\"image\":\"i\"},\"output\":{\"boxes\":[{\"box\":[0,0,10,100]},"                    \
    "{\"box\":[50,0,60,100]},{\"box\":[90,0,99,100]}]}"

Test(pole, what_a_person_did_to_boxes)
{
    struct example example;
    /* The first kept, the second deleted, the third moved, one drawn. */
    cr_assert_eq(line_read("{\"id\":\"a\",\"tier\":\"gold\"," SAID ",\"human\":{\"boxes\":["
                           "{\"box\":[0,0,10,100]},{\"box\":[92,5,101,105]},"
                           "{\"box\":[200,10,220,300]}]},\"reviewed\":null}",
                           &example),
                 EXAMPLE_OK);
    cr_expect(example.whole == 1 && example.gold == 1);
    cr_expect_eq(example.truth_count, 3);
    cr_expect_eq(example.deleted_count, 1);
    cr_expect(example.deleted[0].x0 > 49 && example.deleted[0].x0 < 51);
    cr_expect_eq(example.unseen_count, 0);
}

Test(pole, only_what_was_looked_at_teaches)
{
    struct example example;
    cr_assert_eq(line_read("{\"id\":\"a\",\"tier\":\"silver\"," SAID ",\"human\":{\"boxes\":["
                           "{\"box\":[0,0,10,100]},{\"box\":[90,0,99,100]}]},"
                           "\"reviewed\":[\"/boxes/0\",\"/boxes/1\"]}",
                           &example),
                 EXAMPLE_OK);
    cr_expect(example.whole == 0 && example.gold == 0);
    cr_expect_eq(example.truth_count, 1);
    cr_expect_eq(example.deleted_count, 1);
    cr_expect_eq(example.unseen_count, 1);
    cr_expect(example.unseen[0].x0 > 89);
    /* A question about the list is one about the whole picture. */
    cr_assert_eq(line_read("{\"id\":\"a\"," SAID ",\"human\":{\"boxes\":[]},"
                           "\"reviewed\":[\"/boxes\"]}",
                           &example),
                 EXAMPLE_OK);
    cr_expect(example.whole == 1 && example.deleted_count == 3);
}

Test(pole, boxes_of_no_extent_reversed_and_outside)
{
    struct box boxes[TRUTH_MAX];
    size_t count = 0;
    cr_assert_eq(boxes_read("{\"boxes\":[{\"box\":[10,10,10,90]},{\"box\":[30,90,20,10]},"
                            "{\"box\":[-50,-20,20,80]}]}",
                            boxes, TRUTH_MAX, &count),
                 0);
    cr_expect_eq(count, 2);
    cr_expect(boxes[0].x0 < boxes[0].x1 && boxes[0].y0 < boxes[0].y1);
    cr_expect(boxes[1].x0 >= 0 && boxes[1].y0 >= 0);
    /* A box that lies outside its picture teaches nothing, and breaks nothing. */
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    examples_make(&lines, 3, "{\"boxes\":[{\"box\":[700,10,760,600]},{\"box\":[1,2,1,2]}]}");
    train_run(&lines, false, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}

Test(pole, bad_examples_are_named)
{
    static const struct {
        const char *lines, *code, *words;
    } cases[] = {
        {"", "no_examples", "no corrected picture"},
        {"{\"id\":\"a\",\"verdict\":\"rejected\",\"with\":{\"image\":\"street-1\"},"
         "\"human\":null}\n",
         "no_examples", "no corrected picture"},
        {"{\"id\":\"a\",\"with\":{},\"human\":{\"boxes\":[]}}\n", "bad_example", "no image"},
        {"\n{\"id\":\"a\",\"with\":{\"image\":\"street-1\"},\"human\":{\"boxes\":7}}\n",
         "bad_example", "line 2"},
        {"{\"id\":\"a\",\"with\":{\"image\":\"street-1\"},\"human\":{\"boxes\":[{\"box\":[1]}]}}\n",
         "bad_example", "shape"},
        {"nonsense\n", "bad_example", "line 1"},
        {"{\"id\":\"a\",\"with\":{\"image\":\"words\"},\"human\":{\"boxes\":[]}}\n", "not_an_image",
         "convert the file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text lines = {0};
        struct fnd_effects effects;
        fnd_text_append_z(&lines, cases[i].lines);
        train_run(&lines, false, &effects);
        cr_assert_eq(effects.outcome, FOUNDRY_PERMANENT, "case %zu", i);
        cr_expect_str_eq(effects.code, cases[i].code);
        cr_expect(strstr(effects.message, cases[i].words) != NULL, "%s", effects.message);
        fnd_effects_finish(&effects);
        fnd_text_finish(&lines);
    }
}

Test(pole, cancelled_training_stops)
{
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    examples_make(&lines, STREETS, NULL);
    train_run(&lines, true, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_CANCELLED);
    cr_expect_eq(effects.artifacts_count, 0);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}
