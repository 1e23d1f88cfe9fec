/* SPDX-License-Identifier: MIT */
/* Boxes in pixels of the displayed picture. */
#ifndef POLE_BOX_H
#define POLE_BOX_H

#include <stddef.h>

struct box {
    double x0, y0, x1, y1;
};

/** The area two boxes share by the area they cover together, 0 to 1. */
double box_iou(const struct box *a, const struct box *b);
/** Corners in order, clamped to a picture of width x height. */
struct box box_clamped(struct box box, double width, double height);
/** Boxes matched one to one, the best overlap first, from `least` on: `match[i]` is the index into
 *  `others` of boxes[i], or others_count where it has none. `taken` has room for others_count. */
void boxes_match(const struct box *boxes, size_t count, const struct box *others,
                 size_t others_count, double least, size_t *match, unsigned char *taken);

#endif
