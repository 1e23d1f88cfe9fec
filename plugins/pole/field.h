/* SPDX-License-Identifier: MIT */
/* A picture made ready to look for poles in: at most FIELD_SIDE pixels a side, its edges measured
 * against what is usual in it, so that light and contrast count little. */
#ifndef POLE_FIELD_H
#define POLE_FIELD_H

#include <stddef.h>

struct Pix;

enum {
    FIELD_SIDE = 640, /* pixels of the longer side; larger pictures are scaled down */
    FIELD_LEAST = 48, /* pixels of the shorter side: below that nothing is looked for */
    FIELD_BAND = 8,   /* rows that are looked at as one when lines are searched */
    FIELD_PAD = 48,   /* columns without edges beside a band, so that lines may lean out */
    FIELD_TURNS = 6   /* directions of edges that are told apart */
};

struct field {
    int width, height;
    double scale;        /* pixels of the displayed picture for one here */
    unsigned char *grey; /* width x height, a little out of focus */
    float *upright;      /* edges of upright things, -1 (darker to the right) to 1 */
    float *level;        /* edges of level things, 0 to 1 */
    float *bands;        /* means of `upright` over FIELD_BAND rows, padded */
    int bands_count, stride;
    float *sums; /* of edges by direction, over all left and above, at half size */
    int half_width, half_height;
};

/** Make a field of a grey picture of 8 bits, as it is displayed. 0, or -1 without memory. A picture
 *  too small to hold a pole gives a field of width 0. field_finish() frees what is inside. */
int field_make(struct field *field, struct Pix *pix);
void field_finish(struct field *field);

/** Mean strength of edges in each direction in a rectangle, clamped to the field. Direction 0 are
 *  edges of upright things; the others follow in steps of 30 degrees. */
void field_turns(const struct field *field, double x0, double y0, double x1, double y1,
                 float turns[FIELD_TURNS]);

#endif
