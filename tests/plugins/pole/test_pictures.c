/* SPDX-License-Identifier: MIT */
/* pole/detect over pictures that are no streets, large, turned, empty, or no pictures at all. */
#include <criterion/criterion.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "measure.h"
#include "streets.h"
#include "trainer.h"

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
