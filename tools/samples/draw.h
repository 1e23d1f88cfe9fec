/* SPDX-License-Identifier: MIT */
/* Draw an invoice in a layout as an A4 page. */
#ifndef SAMPLES_DRAW_H
#define SAMPLES_DRAW_H

#include <stdbool.h>

#include "invoice.h"
#include "layout.h"

struct Pix;

enum { MARKS_MAX = 256, POINTER_MAX = 48 };

/* Where something was printed: the ink of a text. */
struct mark {
    char pointer[POINTER_MAX]; /* the field that it is, "" for other text */
    double box[4];             /* left, top, right, bottom in pixels of the drawn page */
    bool part;                 /* of the text before it, as the value behind its label */
};

struct marks {
    struct mark items[MARKS_MAX];
    size_t count;
};

/** The page as a new 32-bit picture (the caller destroys it), or NULL when cairo fails. `marks`
 *  says where each text stands. */
struct Pix *draw_page(const struct invoice *invoice, const struct layout *layout, int dpi,
                      struct marks *marks);

/** Whether two texts lie over each other, or one beyond the edge of the page of width x height
 *  pixels: the layout is then no good. `first` and `second` are which (equal: beyond the edge). */
bool marks_overlap(const struct marks *marks, double width, double height, size_t *first,
                   size_t *second);

/** Free what the drawing libraries keep between pages; draw nothing afterwards. */
void draw_finish(void);

#endif
