/* SPDX-License-Identifier: MIT */
/* Making a page easy to read, and the way back from there to the page as it is displayed. */
#ifndef TESSERACT_PREPARE_H
#define TESSERACT_PREPARE_H

#include "words.h"

struct Pix;

/** An affine map of points: x' = xx x + xy y + x0, y' = yx x + yy y + y0. */
struct map {
    double xx, xy, x0, yx, yy, y0;
};

/** A page turned upright: 8 bits grey, even background. */
struct upright {
    struct Pix *grey;
    double skew_degrees; /* clockwise slope of the text lines that was taken out */
    struct map to_page;  /* from pixels of `grey` to those of the page it was made from */
};

/** Turn `page` (8 bits grey, borrowed) by quarter turns clockwise, even its background and take
 *  its skew out. 0, or -1 without memory. upright_finish() frees what is inside. */
int upright_init(struct upright *upright, struct Pix *page, int quarter_turns);
void upright_finish(struct upright *upright);

/** A new picture of two colours by a local threshold, scaled by `scale`. NULL without memory. */
struct Pix *prepare_binary(struct Pix *grey, double scale);
/** A new grey picture scaled by `scale`. NULL without memory. */
struct Pix *prepare_grey(struct Pix *grey, double scale);

/** The smallest upright box around the mapped corners, cut to width x height and rounded to whole
 *  pixels. */
struct box map_box(const struct map *map, struct box box, double width, double height);

/** Behind how many of `digits` digits in a box of an even grey page a point stands: a speck at
 *  the foot of the line between marks as tall as it. 0 if there is none, or the marks are not as
 *  many as the digits. */
size_t prepare_point(struct Pix *grey, struct box box, size_t digits);

#endif
