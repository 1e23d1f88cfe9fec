/* SPDX-License-Identifier: MIT */
/* How a net is trained. */
#ifndef POLE_COURSE_H
#define POLE_COURSE_H

#include "net.h"
#include "training.h"

/** Train a net on rows of `traits` bytes each, with labels 0 and 1. The same rows in the same order
 *  give the same net. `watch` is asked before each pass over them, how far it is being 0 to 1. 0,
 * -1 without memory, or 1 when it was stopped; net_finish() frees what is inside in each case. */
int net_train(struct net *net, const uint8_t *const *rows, const uint8_t *labels, size_t count,
              size_t traits, const struct train_watch *watch);

/* --- its parts, which nobody else needs but the test of the slopes -----------------------------
 */

/* What is needed while a net is trained; the arrays of floats have net_size() of them. */
struct course {
    struct net *net;
    float *slopes, *means, *squares; /* of the error by each number; as Adam keeps them */
    size_t *order;                   /* of the rows */
    /* The row on its way: the bytes of it that are looked at, the hidden numbers, and how much of
     * each counts, 0 for nothing. */
    size_t used;
    uint32_t *places;
    float *inputs;
    float hidden[NET_HIDDEN], open[NET_HIDDEN];
    uint64_t dice;
    float mean_left, square_left; /* what of the zeros that both began with is still in them */
    size_t steps, steps_all;
};

/** Begin to train a net over `count` rows: its numbers are drawn. 0, or -1 without memory. */
int course_init(struct course *course, struct net *net, size_t count);
void course_finish(struct course *course);
/** Look at a row, of which a share is left out, as `dice` falls. Returns the log-odds. */
float course_look(struct course *course, const uint8_t *row);
/** Add what the row looked at last says to `slopes`; `error` is that of its log-odds. */
void course_slope(struct course *course, float error);

#endif
