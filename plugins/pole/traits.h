/* SPDX-License-Identifier: MIT */
/* What is known of a proposal, as numbers from 0 to 255 that a regression weighs. */
#ifndef POLE_TRAITS_H
#define POLE_TRAITS_H

#include <stdint.h>

#include "shaft.h"

enum {
    CELL_ROWS = 15,
    CELL_COLUMNS = 7,
    CELLS = CELL_ROWS * CELL_COLUMNS,
    TRAITS_EDGES = CELLS * FIELD_TURNS, /* edges by direction around the shaft */
    MEASURES = 20,                      /* of geometry; each in MEASURE_BINS soft bins */
    MEASURE_BINS = 8,
    TRAITS = TRAITS_EDGES + MEASURES * MEASURE_BINS,
    REACH_MEASURES = 20,
    REACH_TRAITS = REACH_MEASURES * MEASURE_BINS
};

struct traits {
    uint8_t values[TRAITS];
};

struct reach_traits {
    uint8_t values[REACH_TRAITS];
};

/** What the rules go by. */
struct measures {
    double values[MEASURES]; /* about 0 to 1 */
};

enum measure {
    MEASURE_HEIGHT,
    MEASURE_THIN,    /* width by height */
    MEASURE_PAIR,    /* mean of edges that face each other */
    MEASURE_SINGLE,  /* mean of the stronger edge */
    MEASURE_COVER,   /* share of rows with two edges */
    MEASURE_WEAKEST, /* the fifth of it that has least */
    MEASURE_ABOVE,   /* edges going on above */
    MEASURE_BELOW,
    MEASURE_TOP_STEP,
    MEASURE_BOTTOM_STEP,
    MEASURE_ARMS,
    MEASURE_ARMS_AT, /* how far down they are */
    MEASURE_LEAN,
    MEASURE_FOOT,     /* how low in the picture it ends */
    MEASURE_HEAD,     /* how low it begins */
    MEASURE_CONTRAST, /* shaft against both sides */
    MEASURE_MIXED,    /* one side darker, the other lighter */
    MEASURE_EVEN,     /* how much the shaft's grey varies */
    MEASURE_BUSY,     /* edges beside the shaft */
    MEASURE_RANK
};

void traits_take(const struct field *field, const struct shaft *shaft, const struct arms *arms,
                 struct traits *traits, struct measures *measures);
/** The same proposal seen in a mirror. */
void traits_mirror(const struct traits *traits, struct traits *mirrored);
/** What is known of one half width of a proposal. */
void reach_take(const struct shaft *shaft, const struct arms *arms, size_t index,
                struct reach_traits *traits);

#endif
