/* SPDX-License-Identifier: MIT */
/* pole/detect and pole/train over the committed streets: what corrections teach, and what damaged
 * models, bad examples and contradictions do. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "measure.h"
#include "streets.h"
#include "trainer.h"

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
    copy[8] = 2; /* without the net, as models were before */
    fnd_text_append(&bytes, (const char *)copy, good.size);
    model_refused(&bytes, "version 2; this plugin reads version 3");
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
