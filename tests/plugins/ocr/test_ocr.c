/* SPDX-License-Identifier: MIT */
/* tesseract/ocr over the committed samples, turned and broken in several ways. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "phase.h"

static const char config[] = "{\"lang\":\"eng\",\"image\":\"page\"}";

static void sample_load(const char *name, struct fnd_text *bytes)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/pipelines/invoice-ocr/samples/%s", getenv("FOUNDRY_SOURCE_ROOT"),
                    name);
    cr_assert_eq(fnd_file_read(AT_FDCWD, fnd_text_z(&path), 1 << 24, bytes, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&path);
}

/** Encode a picture; `pix` is destroyed. */
static void picture_encode(struct Pix *pix, l_int32 format, struct fnd_text *bytes)
{
    l_uint8 *data = NULL;
    size_t size = 0;
    cr_assert_not_null(pix);
    cr_assert_eq(pixWriteMem(&data, &size, pix, format), 0);
    fnd_text_append(bytes, data, size);
    lept_free(data);
    pixDestroy(&pix);
}

static struct Pix *sample_pix(const char *name)
{
    struct fnd_text bytes = {0};
    sample_load(name, &bytes);
    struct Pix *pix = pixReadMem((const l_uint8 *)bytes.bytes, bytes.size);
    fnd_text_finish(&bytes);
    cr_assert_not_null(pix);
    return pix;
}

static void ocr(const struct fnd_text *bytes, bool cancelled, struct fnd_effects *effects)
{
    struct phase phase;
    cr_assert(phase_open(&phase, "tesseract", "{\"lang\":\"eng\"}"), "%s", phase.effects.message);
    phase_run(&phase, config, bytes, cancelled, effects);
    phase_close(&phase);
}

static struct fnd_json output_of(const struct fnd_effects *effects)
{
    struct fnd_json output = {0};
    struct fnd_error error;
    cr_assert_eq(effects->outcome, FOUNDRY_DONE, "%s", effects->message);
    cr_assert_eq(fnd_json_check(effects->output, effects->output_size, NULL, &output, &error),
                 FND_OK);
    return output;
}

static double number_at(struct fnd_json document, const char *pointer)
{
    double number = -1.0;
    cr_expect(fnd_json_number(fnd_json_find(document, pointer), &number), "%s", pointer);
    return number;
}

/** The box of the first word of that text; false if there is none. */
static bool word_box(struct fnd_json output, const char *text, double box[4])
{
    struct fnd_json_walk words = fnd_json_walk(fnd_json_member(output, "words"));
    while (fnd_json_next(&words)) {
        if (fnd_json_text_is(fnd_json_member(words.value, "text"), text)) {
            struct fnd_json_walk sides = fnd_json_walk(fnd_json_member(words.value, "box"));
            for (size_t i = 0; i < 4 && fnd_json_next(&sides); i++) {
                cr_assert(fnd_json_number(sides.value, &box[i]));
            }
            return true;
        }
    }
    return false;
}

/* Where "Nordlicht", the supplier's first word, stands on the upright page. */
static const char page_name[] = "invoice-010.jpg";
static const char word[] = "Nordlicht";

static void expect_box(const double box[4], double x, double y, double width, double height)
{
    const double near = 6.0;
    cr_expect(fabs(box[0] - x) < near && fabs(box[1] - y) < near && fabs(box[2] - width) < near &&
                  fabs(box[3] - height) < near,
              "box [%g,%g,%g,%g], wanted [%g,%g,%g,%g]", box[0], box[1], box[2], box[3], x, y,
              width, height);
}

Test(ocr, turned_pages_are_read_and_boxes_stay_on_the_displayed_page)
{
    struct Pix *upright = sample_pix(page_name);
    double width = pixGetWidth(upright), height = pixGetHeight(upright), at[4];
    struct fnd_effects effects;
    struct fnd_text bytes = {0};
    sample_load(page_name, &bytes);
    ocr(&bytes, false, &effects);
    cr_assert(word_box(output_of(&effects), word, at));
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
    for (int turns = 1; turns < 4; turns++) {
        picture_encode(pixRotateOrth(upright, turns), IFF_PNG, &bytes);
        ocr(&bytes, false, &effects);
        struct fnd_json output = output_of(&effects);
        double box[4];
        cr_expect_float_eq(number_at(output, "/page/orientation"), 90.0 * turns, 0.1);
        cr_expect_float_eq(number_at(output, "/page/width"), turns == 2 ? width : height, 0.1);
        cr_assert(word_box(output, word, box), "turned %d times", turns);
        if (turns == 1) {
            expect_box(box, height - at[1] - at[3], at[0], at[3], at[2]);
        } else if (turns == 2) {
            expect_box(box, width - at[0] - at[2], height - at[1] - at[3], at[2], at[3]);
        } else {
            expect_box(box, at[1], width - at[0] - at[2], at[3], at[2]);
        }
        fnd_effects_finish(&effects);
        fnd_text_finish(&bytes);
    }
    pixDestroy(&upright);
}

/** Append a JPEG with an EXIF orientation, little-endian and behind an unknown entry. */
static void exif_insert(const struct fnd_text *jpeg, unsigned char orientation,
                        struct fnd_text *bytes)
{
    const unsigned char exif[] = {
        0xff, 0xe1, 0,  46, 'E', 'x', 'i',         'f', 0,   0, /* APP1 */
        'I',  'I',  42, 0,  8,   0,   0,           0,   2,   0, /* directory of 2 */
        0x0f, 0x01, 2,  0,  2,   0,   0,           0,   'x', 0, 0, 0, 0x12, 0x01,
        3,    0,    1,  0,  0,   0,   orientation, 0,   0,   0, 0, 0, 0,    0};
    fnd_text_append(bytes, jpeg->bytes, 2);
    fnd_text_append(bytes, exif, sizeof exif);
    fnd_text_append(bytes, jpeg->bytes + 2, jpeg->size - 2);
}

Test(ocr, two_readings_of_a_page_make_one_that_is_better)
{
    /* The reading of this page in order takes who is billed for noise; that of words without order,
     * on black and white, misreads some of those that the other reads well. */
    static const char *const by_first[] = {"Circuit", "Commercial,"};
    static const char *const by_second[] = {"Thompson", "Wright"};
    struct fnd_text bytes = {0};
    struct fnd_effects effects;
    double box[4];
    sample_load(page_name, &bytes);
    ocr(&bytes, false, &effects);
    for (size_t i = 0; i < 2; i++) {
        cr_expect(word_box(output_of(&effects), by_first[i], box),
                  "no %s, which the first reading gives", by_first[i]);
        cr_expect(word_box(output_of(&effects), by_second[i], box),
                  "no %s, which the second reading gives", by_second[i]);
    }
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
}

Test(ocr, exif_orientation_turns_the_page_as_viewers_do)
{
    /* How stored pixels are made from the upright page for each value. */
    static const struct {
        unsigned char orientation;
        int flip, turns;
    } cases[] = {{2, 1, 0}, {3, 0, 2}, {4, 1, 2}, {5, 1, 3}, {6, 0, 3}, {7, 1, 1}, {8, 0, 1}};
    struct Pix *upright = sample_pix(page_name);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text jpeg = {0}, bytes = {0};
        struct fnd_effects effects;
        double box[4];
        struct Pix *flipped = cases[i].flip ? pixFlipLR(NULL, upright) : pixClone(upright);
        picture_encode(pixRotateOrth(flipped, cases[i].turns), IFF_JFIF_JPEG, &jpeg);
        exif_insert(&jpeg, cases[i].orientation, &bytes);
        ocr(&bytes, false, &effects);
        struct fnd_json output = output_of(&effects);
        cr_expect_float_eq(number_at(output, "/page/width"), pixGetWidth(upright), 0.1);
        cr_expect_float_eq(number_at(output, "/page/orientation"), 0.0, 0.1, "EXIF %d",
                           cases[i].orientation);
        cr_expect(word_box(output, word, box), "EXIF %d", cases[i].orientation);
        pixDestroy(&flipped);
        fnd_effects_finish(&effects);
        fnd_text_finish(&jpeg);
        fnd_text_finish(&bytes);
    }
    pixDestroy(&upright);
}

Test(ocr, damaged_exif_is_passed_over)
{
    struct fnd_text jpeg = {0}, whole = {0};
    struct Pix *small = pixCreate(80, 60, 8);
    pixSetAll(small);
    picture_encode(small, IFF_JFIF_JPEG, &jpeg);
    exif_insert(&jpeg, 6, &whole);
    struct phase phase;
    cr_assert(phase_open(&phase, "tesseract", "{\"lang\":\"eng\"}"));
    for (size_t at = 2; at < 50; at++) { /* each byte of the segment in turn */
        struct fnd_text bytes = {0};
        struct fnd_effects effects;
        fnd_text_append(&bytes, whole.bytes, whole.size);
        bytes.bytes[at] = (char)0xff;
        phase_run(&phase, config, &bytes, false, &effects);
        cr_expect(effects.outcome == FOUNDRY_DONE || effects.outcome == FOUNDRY_PERMANENT,
                  "byte %zu: outcome %d", at, effects.outcome);
        fnd_effects_finish(&effects);
        fnd_text_finish(&bytes);
    }
    phase_close(&phase);
    fnd_text_finish(&jpeg);
    fnd_text_finish(&whole);
}

Test(ocr, all_pages_of_a_tiff_are_read)
{
    char path[] = "/tmp/foundry-ocr-XXXXXX";
    struct fnd_text bytes = {0};
    struct fnd_error error;
    struct fnd_effects effects;
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
    struct Pix *page = sample_pix("invoice-005.tif");
    cr_assert_eq(pixWriteTiff(path, page, IFF_TIFF_G4, "w"), 0);
    cr_assert_eq(pixWriteTiff(path, page, IFF_TIFF_G4, "a"), 0);
    pixDestroy(&page);
    cr_assert_eq(fnd_file_read(AT_FDCWD, path, 1 << 24, &bytes, &error), FND_OK);
    unlink(path);
    ocr(&bytes, false, &effects);
    struct fnd_json output = output_of(&effects);
    size_t words[2] = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(output, "words"));
         fnd_json_next(&walk);) {
        words[number_at(walk.value, "/page") > 0.5]++;
    }
    cr_expect_eq(fnd_json_count(fnd_json_member(output, "pages")), 2);
    cr_expect_gt(words[0], 50);
    cr_expect_eq(words[0], words[1]);
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
}

Test(ocr, skew_is_taken_out_and_reported)
{
    struct Pix *upright = sample_pix(page_name);
    struct fnd_text bytes = {0};
    struct fnd_effects effects;
    struct Pix *turned = pixRotate(upright, (l_float32)(3.0 * 3.14159265 / 180), L_ROTATE_AREA_MAP,
                                   L_BRING_IN_WHITE, 0, 0);
    picture_encode(turned, IFF_PNG, &bytes);
    ocr(&bytes, false, &effects);
    struct fnd_json output = output_of(&effects);
    double box[4];
    cr_expect_float_eq(number_at(output, "/page/skew"), 3.0, 1.2); /* the sample leans itself */
    cr_expect(word_box(output, word, box));
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
    pixDestroy(&upright);
}

Test(ocr, empty_page_has_no_words)
{
    struct Pix *blank = pixCreate(600, 800, 8);
    struct fnd_text bytes = {0};
    struct fnd_effects effects;
    pixSetAll(blank);
    picture_encode(blank, IFF_PNG, &bytes);
    ocr(&bytes, false, &effects);
    struct fnd_json output = output_of(&effects);
    cr_expect_eq(fnd_json_count(fnd_json_member(output, "words")), 0);
    cr_expect_float_eq(number_at(output, "/page/confidence"), 0.0, 1e-9);
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
}

/** Grey shapes with soft edges, as a photograph of an animal has them; or, if `scribbled`, strokes
 *  of a pen across the page. */
static struct Pix *no_page(bool scribbled, int width, int height)
{
    struct Pix *pix = pixCreate(width, height, 8);
    unsigned state = 12345;
    int x = width / 4, y = height / 4;
    cr_assert_not_null(pix);
    pixSetAllArbitrary(pix, scribbled ? 250 : 180);
    for (int i = 0; i < (scribbled ? 9000 : 60); i++) {
        state = state * 1664525U + 1013904223U;
        int size = scribbled ? 3 : 40 + (int)(state >> 24);
        x = scribbled ? x + (int)(state >> 20) % 7 - 3 : (int)(state >> 8) % width;
        y = scribbled ? y + (int)(state >> 12) % 7 - 3 : (int)(state >> 4) % height;
        x = (x + width) % width;
        y = (y + height) % height;
        BOX *box = boxCreate(x, y, size, size);
        cr_assert_not_null(box);
        if (scribbled) {
            pixSetInRectArbitrary(pix, box, 40);
        } else {
            pixSetInRectArbitrary(pix, box, 60 + (state >> 16) % 150);
        }
        boxDestroy(&box);
    }
    struct Pix *soft = scribbled ? pixClone(pix) : pixBlockconv(pix, 9, 9);
    pixDestroy(&pix);
    return soft;
}

Test(ocr, pictures_of_no_page_are_read_without_harm)
{
    static const struct {
        bool scribbled;
        int width, height;
    } cases[] = {{false, 900, 700}, {true, 900, 700}, {true, 20000, 60}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text bytes = {0}, given = {0};
        struct fnd_effects effects, fields;
        struct phase phase;
        picture_encode(no_page(cases[i].scribbled, cases[i].width, cases[i].height), IFF_PNG,
                       &bytes);
        ocr(&bytes, false, &effects);
        cr_expect_float_eq(number_at(output_of(&effects), "/page/width"), cases[i].width, 0.5);
        /* What is made of it asks for a person, field by field. */
        fnd_text_append_z(&given, effects.output); /* page, pages and words */
        cr_assert(phase_open(&phase, "invoice", "{}"));
        phase_run(&phase, fnd_text_z(&given), NULL, false, &fields);
        cr_assert_eq(fields.outcome, FOUNDRY_DONE, "%s", fields.message);
        cr_expect(fields.confidences_count >= 4);
        for (size_t field = 0; field < fields.confidences_count; field++) {
            cr_expect(fields.confidences[field].score < 0.9, "case %zu: %s %.3f", i,
                      fields.confidences[field].pointer, fields.confidences[field].score);
        }
        phase_close(&phase);
        fnd_effects_finish(&effects);
        fnd_effects_finish(&fields);
        fnd_text_finish(&bytes);
        fnd_text_finish(&given);
    }
}

/** The header of a PNG that says it is of this size; there is nothing behind it. */
static void png_header(unsigned width, unsigned height, struct fnd_text *bytes)
{
    unsigned char png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0,   0,   0,   13, 'I', 'H',
                           'D',  'R', 0,   0,   0,  0,  0,  0,  0,   0,   8,   0,  0,   0,
                           0,    0,   0,   0,   0,  0,  0,  0,  'I', 'D', 'A', 'T'};
    for (int i = 0; i < 4; i++) {
        png[16 + i] = (unsigned char)(width >> (24 - 8 * i));
        png[20 + i] = (unsigned char)(height >> (24 - 8 * i));
    }
    fnd_text_append(bytes, png, sizeof png);
}

Test(ocr, what_cannot_be_read_is_refused_with_a_reason)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *code, *said;
    } cases[] = {{"", 0, "not_an_image", "0 bytes"},
                 {"%PDF-1.7 and more of it", 23, "not_an_image", "PNG, JPEG, TIFF or BMP"},
                 {"\xff\xd8\xff\xe0 cut off here", 18, "not_an_image", "whole"},
                 {"II*\0\x08\0\0\0\0\0\0\0\0\0", 14, "not_an_image", "directory"},
                 {"\x89PNG\r\n\x1a\n cut off here", 22, "not_an_image", "whole"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text bytes = {0};
        struct fnd_effects effects;
        fnd_text_append(&bytes, cases[i].bytes, cases[i].size);
        ocr(&bytes, false, &effects);
        cr_expect_eq(effects.outcome, FOUNDRY_PERMANENT, "case %zu", i);
        cr_expect_str_eq(effects.code, cases[i].code, "case %zu", i);
        cr_expect(strstr(effects.message, cases[i].said) != NULL, "case %zu: %s", i,
                  effects.message);
        fnd_effects_finish(&effects);
        fnd_text_finish(&bytes);
    }
}

Test(ocr, pictures_past_the_limits_are_refused_before_decoding)
{
    static const unsigned sizes[][2] = {{20001, 10}, {10, 20001}, {15000, 15000}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fnd_text bytes = {0};
        struct fnd_effects effects;
        png_header(sizes[i][0], sizes[i][1], &bytes);
        ocr(&bytes, false, &effects);
        cr_expect_eq(effects.outcome, FOUNDRY_PERMANENT);
        cr_expect_str_eq(effects.code, "image_too_large", "%s", effects.message);
        fnd_effects_finish(&effects);
        fnd_text_finish(&bytes);
    }
}

Test(ocr, truncated_picture_is_refused_or_read_in_part)
{
    struct fnd_text whole = {0};
    struct phase phase;
    sample_load("invoice-005.tif", &whole);
    cr_assert(phase_open(&phase, "tesseract", "{\"lang\":\"eng\"}"));
    for (size_t size = 8; size < whole.size; size += whole.size / 9) {
        struct fnd_text bytes = {0};
        struct fnd_effects effects;
        fnd_text_append(&bytes, whole.bytes, size);
        phase_run(&phase, config, &bytes, false, &effects);
        cr_expect(effects.outcome == FOUNDRY_DONE || effects.outcome == FOUNDRY_PERMANENT,
                  "%zu bytes: outcome %d", size, effects.outcome);
        fnd_effects_finish(&effects);
        fnd_text_finish(&bytes);
    }
    phase_close(&phase);
    fnd_text_finish(&whole);
}

Test(ocr, cancelled_call_stops)
{
    struct fnd_text bytes = {0};
    struct fnd_effects effects;
    sample_load(page_name, &bytes);
    ocr(&bytes, true, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_CANCELLED);
    fnd_effects_finish(&effects);
    fnd_text_finish(&bytes);
}

Test(ocr, same_page_gives_the_same_bytes_on_one_instance)
{
    struct fnd_text bytes = {0};
    struct fnd_effects first, second;
    struct phase phase;
    sample_load(page_name, &bytes);
    cr_assert(phase_open(&phase, "tesseract", "{\"lang\":\"eng\"}"));
    phase_run(&phase, config, &bytes, false, &first);
    phase_run(&phase, config, &bytes, false, &second);
    cr_expect_str_eq(first.output, second.output);
    fnd_effects_finish(&first);
    fnd_effects_finish(&second);
    phase_close(&phase);
    fnd_text_finish(&bytes);
}

Test(ocr, language_that_is_not_installed_is_named)
{
    struct phase phase;
    cr_expect_not(phase_open(&phase, "tesseract", "{\"lang\":\"eng+tlh\"}"));
    cr_expect_str_eq(phase.effects.code, "no_model");
    cr_expect(strstr(phase.effects.message, "tesseract-ocr-tlh") != NULL, "%s",
              phase.effects.message);
    phase_close(&phase);
}
