/* SPDX-License-Identifier: MIT */
/* The headings of a table's columns. */
#ifndef INVOICE_COLUMNS_H
#define INVOICE_COLUMNS_H

#include "page.h"

enum column_kind {
    COLUMN_NONE,
    COLUMN_POSITION,
    COLUMN_CODE,
    COLUMN_DESCRIPTION,
    COLUMN_QUANTITY,
    COLUMN_UNIT,
    COLUMN_PRICE,
    COLUMN_TOTAL,
    COLUMN_OTHER, /* tax, discount: numbers that are none of ours */
    COLUMN_KINDS
};

struct columns {
    size_t line; /* of the headings; lines_count if none were found */
    struct {
        int present;
        double left, right; /* of the heading's text */
    } kinds[COLUMN_KINDS];
};

/** Find the line that holds the most headings. */
void columns_find(struct columns *columns, const struct document *document);

/** How far, in pixels, a word lies from a column's heading: 0 when they overlap. Infinite when
 *  there is no such column. */
double columns_distance(const struct columns *columns, enum column_kind kind,
                        const struct box *box);

#endif
