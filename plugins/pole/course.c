/* SPDX-License-Identifier: MIT */
/* Adam, a few rows at a time, in an order that is shuffled anew in each pass. In each look at a row
 * a share of its bytes and of the hidden numbers is left out, so that none is relied on alone:
 * there are few poles to learn from, and what is learnt by heart holds nowhere else.
 *
 * Nothing here goes by what a processor or a library rounds in its own way: sums are taken in the
 * order of the rows, and the one exponential is a double that is rounded. */
#include "course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 12, BATCH = 32 };

static const float rate = 0.002f, decay = 0.02f;
static const float byte_drop = 0.25f, hidden_drop = 0.4f;

/** The next of a row of numbers in which no rule is seen (xorshift). */
static uint64_t dice_next(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

/** From 0 up to 1. */
static float dice_share(uint64_t *dice)
{
    return (float)(dice_next(dice) >> 40) / 16777216.0f;
}

void course_finish(struct course *course)
{
    free(course->slopes);
    free(course->means);
    free(course->squares);
    free(course->order);
    free(course->places);
    free(course->inputs);
}

int course_init(struct course *course, struct net *net, size_t count)
{
    const size_t size = net_size(net->count);
    *course = (struct course){.net = net,
                              .dice = UINT64_C(0x9e3779b97f4a7c15),
                              .mean_left = 1.0f,
                              .square_left = 1.0f,
                              .steps_all = PASSES * ((count + BATCH - 1) / BATCH)};
    course->slopes = calloc(size, sizeof *course->slopes);
    course->means = calloc(size, sizeof *course->means);
    course->squares = calloc(size, sizeof *course->squares);
    course->order = calloc(count + 1, sizeof *course->order);
    course->places = calloc(net->count + 1, sizeof *course->places);
    course->inputs = calloc(net->count + 1, sizeof *course->inputs);
    if (course->slopes == NULL || course->means == NULL || course->squares == NULL ||
        course->order == NULL || course->places == NULL || course->inputs == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        course->order[i] = i;
    }
    /* Hidden numbers that began alike would stay alike. */
    float *outer = net->values + (net->count + 1) * NET_HIDDEN;
    for (size_t i = 0; i < net->count * NET_HIDDEN; i++) {
        net->values[i] = 0.17f * (dice_share(&course->dice) - 0.5f);
    }
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        outer[j] = 0.6f * (dice_share(&course->dice) - 0.5f);
    }
    return 0;
}

float course_look(struct course *course, const uint8_t *row)
{
    /* What is left counts for what is left out. */
    const float scale = 1.0f / 255.0f / (1.0f - byte_drop), open = 1.0f / (1.0f - hidden_drop);
    const struct net *net = course->net;
    course->used = 0;
    memcpy(course->hidden, net->values + net->count * NET_HIDDEN, sizeof course->hidden);
    for (size_t i = 0; i < net->count; i++) {
        if (row[i] != 0 && dice_share(&course->dice) >= byte_drop) {
            const float input = (float)row[i] * scale;
            net_add(course->hidden, net->values + i * NET_HIDDEN, input);
            course->places[course->used] = (uint32_t)i;
            course->inputs[course->used++] = input;
        }
    }
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        const int in = dice_share(&course->dice) >= hidden_drop;
        course->open[j] = in && course->hidden[j] > 0.0f ? open : 0.0f;
        course->hidden[j] *= course->open[j];
    }
    return net_weigh(net, course->hidden);
}

void course_slope(struct course *course, float error)
{
    float *inner = course->slopes + course->net->count * NET_HIDDEN, *outer = inner + NET_HIDDEN;
    const float *weights = course->net->values + (course->net->count + 1) * NET_HIDDEN;
    float slopes[NET_HIDDEN];
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        slopes[j] = error * weights[j] * course->open[j];
    }
    net_add(inner, slopes, 1.0f);
    net_add(outer, course->hidden, error);
    outer[NET_HIDDEN] += error;
    for (size_t i = 0; i < course->used; i++) {
        net_add(course->slopes + (size_t)course->places[i] * NET_HIDDEN, slopes, course->inputs[i]);
    }
}

/* What Adam does to each number alike. */
struct stride {
    float by, mean_scale, square_scale;
};

static const float keep_mean = 0.9f, keep_square = 0.999f;

/** A step of NET_HIDDEN numbers. */
static void row_step(const struct stride *stride, float *restrict values, float *restrict slopes,
                     float *restrict means, float *restrict squares)
{
    const float by = stride->by, mean_scale = stride->mean_scale;
    const float square_scale = stride->square_scale;
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        const float slope = slopes[j];
        slopes[j] = 0.0f;
        means[j] = keep_mean * means[j] + (1.0f - keep_mean) * slope;
        squares[j] = keep_square * squares[j] + (1.0f - keep_square) * slope * slope;
        values[j] -= by * (means[j] * mean_scale / (sqrtf(squares[j] * square_scale) + 1e-6f) +
                           decay * values[j]);
    }
}

/** One step down the slopes, which are 0 afterwards; steps become shorter towards the end. */
static void step_take(struct course *course)
{
    course->mean_left *= keep_mean;
    course->square_left *= keep_square;
    const struct stride stride = {.by = rate *
                                        (1.0f - (float)course->steps++ / (float)course->steps_all),
                                  .mean_scale = 1.0f / (1.0f - course->mean_left),
                                  .square_scale = 1.0f / (1.0f - course->square_left)};
    for (size_t i = 0; i < net_size(course->net->count); i += NET_HIDDEN) {
        row_step(&stride, course->net->values + i, course->slopes + i, course->means + i,
                 course->squares + i);
    }
}

/** All rows once. */
static void pass_run(struct course *course, const uint8_t *const *rows, const uint8_t *labels,
                     size_t count)
{
    for (size_t left = count; left > 1; left--) { /* shuffled */
        size_t at = (size_t)(dice_next(&course->dice) % left), held = course->order[left - 1];
        course->order[left - 1] = course->order[at];
        course->order[at] = held;
    }
    for (size_t first = 0; first < count; first += BATCH) {
        const size_t end = first + BATCH < count ? first + BATCH : count;
        for (size_t i = first; i < end; i++) {
            const size_t at = course->order[i];
            const float score = course_look(course, rows[at]);
            const float likely = (float)(1.0 / (1.0 + exp(-(double)score)));
            course_slope(course, (likely - (labels[at] != 0 ? 1.0f : 0.0f)) / (float)BATCH);
        }
        step_take(course);
    }
}

static int is_alike(const uint8_t *labels, size_t count)
{
    size_t same = 0;
    while (same < count && (labels[same] != 0) == (labels[0] != 0)) {
        same++;
    }
    return same == count;
}

int net_train(struct net *net, const uint8_t *const *rows, const uint8_t *labels, size_t count,
              size_t traits, const struct train_watch *watch)
{
    struct course course = {.net = NULL};
    int status = net_init(net, traits);
    if (status != 0) {
        goto out;
    }
    if (is_alike(labels, count)) { /* nothing to tell apart */
        net->values[(traits + 2) * NET_HIDDEN] = count > 0 && labels[0] != 0 ? 4.0f : -4.0f;
        goto out;
    }
    status = course_init(&course, net, count);
    for (int pass = 0; pass < PASSES && status == 0; pass++) {
        status = watch->step(watch->context, (double)pass / PASSES, "") != 0;
        if (status == 0) {
            pass_run(&course, rows, labels, count);
        }
    }
out:
    course_finish(&course);
    return status;
}
