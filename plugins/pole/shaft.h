/* SPDX-License-Identifier: MIT */
/* Proposals: stretches of lines, and how far the arms at their tops could reach. */
#ifndef POLE_SHAFT_H
#define POLE_SHAFT_H

#include "box.h"
#include "lines.h"

enum {
    SHAFT_SHORTEST = 44, /* pixels of a field */
    ENDS_MAX = 3,        /* tops, and bottoms, that a line may have */
    SHAFTS_MAX = LINES_MAX * ENDS_MAX * ENDS_MAX,
    REACHES = 24 /* half widths that a pole's box may have, as shares of its height */
};

struct shaft {
    struct line line; /* its top and bottom are the shaft's */
    int rank;         /* of the line, from 0 */
};

/* What is seen across the upper part of a shaft, by half width. */
struct arms {
    float inside[REACHES]; /* level edges on both sides, from the axis to there */
    float at[REACHES];     /* just within, the weaker side */
    float beyond[REACHES]; /* just without, the stronger side */
    float end[REACHES];    /* upright edges there */
    /* The same three of how much a bar stands out from what is above and below it, measured by how
     * much the shaft does: arms do as much as the shaft, wires less. */
    float bar_inside[REACHES], bar_at[REACHES], bar_beyond[REACHES];
    float bar_sum[REACHES]; /* of what stands out, less a toll a pixel: most at the arm's end */
    /* Each half width at the row that suits it best: how much the bar stands out to there, less how
     * much it goes on; and the same by its length. */
    float fit[REACHES], fit_long[REACHES];
    double y;        /* of the row where arms are seen best */
    double strength; /* of what is seen there */
};

/** The half width with an index, for a shaft of `height` pixels. */
double reach_of(size_t index, double height);

/** All proposals of a field. `lines` has been found in it. Returns how many. */
size_t shafts_find(const struct field *field, const struct line *lines, size_t lines_count,
                   struct shaft shafts[SHAFTS_MAX]);
void arms_look(const struct field *field, const struct shaft *shaft, struct arms *arms);
/** The box of a shaft whose arms reach `reach` pixels to either side, in pixels of the field. */
struct box shaft_box(const struct field *field, const struct shaft *shaft, const struct arms *arms,
                     double reach);

#endif
