/* SPDX-License-Identifier: MIT */
/* A small net: bytes to a few hidden numbers to log-odds. It learns what a regression cannot: that
 * two traits together say something else than each alone. */
#ifndef POLE_NET_H
#define POLE_NET_H

#include <stddef.h>
#include <stdint.h>

enum { NET_HIDDEN = 32 };

struct net {
    size_t count; /* of bytes in a row; 0: not trained */
    /* Rows of NET_HIDDEN numbers: one of weights for each byte, one of offsets of the hidden
     * numbers, one of their weights, and one that begins with the offset of the whole. */
    float *values;
};

/** How many numbers the net over rows of `count` bytes has: whole rows of NET_HIDDEN. */
size_t net_size(size_t count);
/** A net without anything learnt. 0, or -1 without memory. */
int net_init(struct net *net, size_t count);
void net_finish(struct net *net);

/* What net_score() does, for those who do it their own way. */

/** Add a row of NET_HIDDEN numbers, each times `by`, to `sums`. */
void net_add(float *restrict sums, const float *restrict row, float by);
/** The log-odds of hidden numbers. */
float net_weigh(const struct net *net, const float hidden[NET_HIDDEN]);

/** The log-odds of a row. */
double net_score(const struct net *net, const uint8_t *row);

#endif
