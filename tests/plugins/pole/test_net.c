/* SPDX-License-Identifier: MIT */
/* The net: its slopes against differences, what it learns that a regression cannot, and that it is
 * the same each time; and models with it and without. */
#include <criterion/criterion.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "course.h"
#include "train.h"
#include "weigh.h"

enum { INPUTS = 24, KIND = 6, ROWS = 3000 };

/* Rows that are drawn from a seed. */
struct rows {
    uint8_t bytes[ROWS][INPUTS], labels[ROWS];
    const uint8_t *rows[ROWS];
};

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/** Rows of which two kinds of bytes say together what they are: either is high, and not both. Each
 *  kind alone, and all other bytes, say nothing. */
static void either_make(struct rows *rows, uint32_t seed)
{
    for (size_t i = 0; i < ROWS; i++) {
        const unsigned first = draw(&seed) % 2, second = draw(&seed) % 2;
        for (size_t j = 0; j < INPUTS; j++) {
            const unsigned any = draw(&seed) % 256, high = j < KIND ? first : second;
            rows->bytes[i][j] = (uint8_t)(j >= 2 * KIND ? any : any / 4 + (high ? 190 : 0));
        }
        rows->labels[i] = first != second;
        rows->rows[i] = rows->bytes[i];
    }
}

/* Asked how far a training is. */
struct asked {
    int count, stop_at; /* 0: never */
    double last;
};

static int asked_step(void *context, double fraction, const char *note)
{
    struct asked *asked = context;
    (void)note;
    cr_expect(fraction >= asked->last && fraction < 1, "%f after %f", fraction, asked->last);
    asked->last = fraction;
    return ++asked->count == asked->stop_at;
}

static int train(struct net *net, const struct rows *rows, struct asked *asked)
{
    const struct train_watch watch = {asked_step, asked};
    return net_train(net, rows->rows, rows->labels, ROWS, INPUTS, &watch);
}

/** The same look at a row each time: the dice fall alike. */
static double look(struct course *course, uint64_t dice, const uint8_t *row)
{
    course->dice = dice;
    return (double)course_look(course, row);
}

Test(net, slopes_are_those_of_the_score)
{
    static struct rows rows;
    struct net net;
    struct course course;
    size_t open = 0, compared = 0;
    const float apart = 1.0f / 128;
    either_make(&rows, 5);
    cr_assert_eq(net_init(&net, INPUTS), 0);
    cr_assert_eq(course_init(&course, &net, ROWS), 0);
    for (size_t row = 0; row < 8; row++) {
        const uint64_t dice = course.dice;
        memset(course.slopes, 0, net_size(INPUTS) * sizeof *course.slopes);
        look(&course, dice, rows.rows[row]);
        course_slope(&course, 1.0f);
        for (size_t j = 0; j < NET_HIDDEN; j++) {
            open += course.hidden[j] > 0;
        }
        cr_expect(course.used < INPUTS, "nothing was left out of row %zu", row);
        for (size_t i = 0; i <= (INPUTS + 2) * (size_t)NET_HIDDEN; i++) {
            const float value = net.values[i];
            const double here = look(&course, dice, rows.rows[row]);
            net.values[i] = value + apart;
            const double more = look(&course, dice, rows.rows[row]) - here;
            net.values[i] = value - apart;
            const double less = here - look(&course, dice, rows.rows[row]);
            net.values[i] = value;
            /* Where both sides differ a hidden number begins or ends: there is no slope there. */
            if (fabs(more - less) < 1e-5) {
                const double slope = (more + less) / 2 / (double)apart;
                cr_expect(fabs(slope - (double)course.slopes[i]) < 1e-3,
                          "row %zu, number %zu: %f, by differences %f", row, i,
                          (double)course.slopes[i], slope);
                compared++;
            }
        }
    }
    cr_expect(open > 8 && compared > 8 * INPUTS * NET_HIDDEN * 9 / 10, "%zu open, %zu compared",
              open, compared);
    course_finish(&course);
    net_finish(&net);
}

static double right_share(const struct rows *rows, const struct net *net,
                          const struct weights *weights)
{
    size_t right = 0;
    for (size_t i = 0; i < ROWS; i++) {
        double score =
            net != NULL ? net_score(net, rows->rows[i]) : weights_score(weights, rows->rows[i]);
        right += (score > 0) == (rows->labels[i] != 0);
    }
    return (double)right / ROWS;
}

Test(net, learns_what_two_bytes_say_together)
{
    static struct rows rows, others;
    struct net net;
    struct weights weights = {.count = 0};
    struct asked asked = {.count = 0};
    either_make(&rows, 7);
    either_make(&others, 8);
    cr_assert_eq(train(&net, &rows, &asked), 0);
    cr_assert_eq(weights_train(&weights, rows.rows, rows.labels, ROWS, INPUTS, 1.0), 0);
    const double by_net = right_share(&others, &net, NULL);
    const double by_weights = right_share(&others, NULL, &weights);
    printf("of rows not learnt from, the net tells %.3f and a regression %.3f\n", by_net,
           by_weights);
    cr_expect(by_net > 0.9, "the net tells %.3f", by_net);
    cr_expect(by_weights < 0.65, "a regression tells %.3f", by_weights);
    cr_expect(asked.count > 1, "asked %d times", asked.count);
    net_finish(&net);
    weights_finish(&weights);
}

Test(net, same_rows_same_net)
{
    static struct rows rows;
    struct net first, second;
    struct asked asked = {.count = 0}, again = {.count = 0};
    either_make(&rows, 9);
    cr_assert_eq(train(&first, &rows, &asked), 0);
    cr_assert_eq(train(&second, &rows, &again), 0);
    cr_expect_eq(memcmp(first.values, second.values, net_size(INPUTS) * sizeof(float)), 0);
    net_finish(&first);
    net_finish(&second);
}

Test(net, rows_that_are_alike_and_none)
{
    static struct rows rows;
    struct net net;
    struct asked asked = {.count = 0};
    const struct train_watch watch = {asked_step, &asked};
    either_make(&rows, 10);
    for (uint8_t label = 0; label < 2; label++) {
        memset(rows.labels, label, sizeof rows.labels);
        cr_assert_eq(train(&net, &rows, &asked), 0);
        cr_expect(fabs(net_score(&net, rows.rows[0])) < 5 &&
                      (net_score(&net, rows.rows[0]) > 0) == (label != 0),
                  "label %d: %f", label, net_score(&net, rows.rows[0]));
        net_finish(&net);
    }
    cr_assert_eq(net_train(&net, rows.rows, rows.labels, 0, INPUTS, &watch), 0);
    cr_expect(net_score(&net, rows.rows[0]) < 0, "nothing was learnt: nothing is a pole");
    net_finish(&net);
}

Test(net, stops_when_told)
{
    static struct rows rows;
    struct net net;
    struct asked asked = {.stop_at = 3};
    either_make(&rows, 11);
    cr_expect_eq(train(&net, &rows, &asked), 1);
    cr_expect_eq(asked.count, 3);
    net_finish(&net);
}

/* --- in a model ------------------------------------------------------------------------------- */

enum { WIDE = 80, HIGH = 120 };

/** A picture of noise with a bar in it, where a person drew a pole. */
static void bar_make(struct example *example, uint32_t seed)
{
    struct Pix *pix = pixCreate(WIDE, HIGH, 8);
    cr_assert_not_null(pix);
    const l_int32 left = 20 + (l_int32)(draw(&seed) % 40), top = 8 + (l_int32)(draw(&seed) % 20);
    for (l_int32 y = 0; y < HIGH; y++) {
        for (l_int32 x = 0; x < WIDE; x++) {
            const int is_bar = y >= top && y < HIGH - 12 && x >= left && x < left + 4;
            pixSetPixel(pix, x, y, (is_bar ? 40 : 170) + draw(&seed) % 30);
        }
    }
    *example = (struct example){.whole = 1, .gold = 1, .truth_count = 1};
    example->truth[0] = (struct box){left - 2, top - 2, left + 6, HIGH - 10};
    cr_assert_eq(scene_make(&example->scene, pix, example->truth, 1), 0);
    pixDestroy(&pix);
}

/** Two models find the same in a picture. */
static void same_found(const struct example *example, const struct model *model,
                       const struct model *other)
{
    struct found found, again;
    cr_assert_eq(scene_find(&example->scene, model, &found), 0);
    cr_assert_eq(scene_find(&example->scene, other, &again), 0);
    cr_assert_eq(found.count, again.count);
    for (size_t i = 0; i < found.count; i++) {
        cr_expect(fabs(found.items[i].score - again.items[i].score) < 1e-12, "%zu", i);
    }
}

/** Write a model and read it back: it finds the same. What is cut is refused. */
static void model_copied(const struct example *example, const struct model *model)
{
    struct model copy;
    size_t size = 0;
    char message[256];
    unsigned char *bytes = model_write(model, &size);
    cr_assert_not_null(bytes);
    cr_assert_eq(model_read(&copy, bytes, size, message, sizeof message), 0, "%s", message);
    cr_expect_eq(copy.net.count, model->net.count);
    same_found(example, model, &copy);
    model_finish(&copy);
    for (size_t cut = 0; cut < size; cut += 1 + size / 40) {
        cr_expect_eq(model_read(&copy, bytes, cut, message, sizeof message), -2, "at %zu", cut);
    }
    free(bytes);
}

/** A model whose net is over other rows than there are. */
static void net_of_other_rows_refused(const struct model *model)
{
    struct model other = *model, copy;
    size_t size = 0;
    char message[256];
    cr_assert_eq(net_init(&other.net, 1), 0);
    unsigned char *bytes = model_write(&other, &size);
    cr_assert_not_null(bytes);
    cr_expect_eq(model_read(&copy, bytes, size, message, sizeof message), -2);
    net_finish(&other.net);
    free(bytes);
}

Test(net, of_many_pictures_the_net_scores_too)
{
    static struct example items[NET_PICTURES];
    struct asked asked[2] = {{.count = 0}, {.count = 0}};
    struct model models[2];
    for (uint32_t i = 0; i < NET_PICTURES; i++) {
        bar_make(&items[i], 100 + i);
    }
    for (size_t many = 0; many < 2; many++) { /* one too few, and as many as it takes */
        const struct examples examples = {items, NET_PICTURES - 1 + many};
        const struct train_watch watch = {asked_step, &asked[many]};
        struct calibrations calibrations;
        cr_assert_eq(train_model(&examples, &watch, &models[many], &calibrations), TRAIN_OK);
        calibrations_finish(&calibrations);
        cr_expect_eq(models[many].net.count, many > 0 ? (size_t)TRAITS : 0);
        model_copied(&items[0], &models[many]);
    }
    net_of_other_rows_refused(&models[0]);
    cr_expect(asked[1].count > asked[0].count, "asked %d times with a net, %d without",
              asked[1].count, asked[0].count);
    /* What it says counts: without it the same proposals score otherwise. */
    struct found found, without;
    cr_assert_eq(scene_find(&items[0].scene, &models[1], &found), 0);
    net_finish(&models[1].net);
    cr_assert_eq(scene_find(&items[0].scene, &models[1], &without), 0);
    cr_assert(found.count > 0 && without.count > 0);
    cr_expect(fabs(found.items[0].score - without.items[0].score) > 1e-3);
    for (size_t i = 0; i < NET_PICTURES; i++) {
        scene_finish(&items[i].scene);
    }
    model_finish(&models[0]);
    model_finish(&models[1]);
}
