/* SPDX-License-Identifier: MIT */
/* Upright lines of two edges: where a pole's shaft could be. */
#ifndef POLE_LINES_H
#define POLE_LINES_H

#include "field.h"

enum { LINES_MAX = 40 };

/* A shaft in pixels of the field: its axis goes through `x` at half the field's height, and moves
 * by `lean` to the right for a pixel down. */
struct line {
    double x, lean, width, top, bottom, score;
};

/** Where the axis is at a row. */
double line_x(const struct field *field, const struct line *line, double y);
/** How much two edges, one on each side of the axis, face each other at a row: 0 to 1, and `single`
 *  what the stronger of both is. */
double line_edges(const struct field *field, const struct line *line, int y, double *single);
/** The strongest lines, best first; at most LINES_MAX. Returns how many; -1 without memory. */
int lines_find(const struct field *field, struct line lines[LINES_MAX]);

#endif
