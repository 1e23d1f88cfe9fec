/* SPDX-License-Identifier: MIT */
/* Draw an invoice in a layout as an A4 page. */
#ifndef SAMPLES_DRAW_H
#define SAMPLES_DRAW_H

#include "invoice.h"
#include "layout.h"

struct Pix;

/** The page as a new 32-bit picture (the caller destroys it), or NULL when cairo fails. */
struct Pix *draw_page(const struct invoice *invoice, const struct layout *layout, int dpi);

/** Free what the drawing libraries keep between pages; draw nothing afterwards. */
void draw_finish(void);

#endif
