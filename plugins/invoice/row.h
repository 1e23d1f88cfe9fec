/* SPDX-License-Identifier: MIT */
/* One line of a table: which number is what. */
#ifndef INVOICE_ROW_H
#define INVOICE_ROW_H

#include "columns.h"
#include "table.h"

/* How the document prints amounts. */
struct amounts {
    char point;     /* the decimal separator, '.' or ',' */
    int have_cents; /* most have two decimals */
};

/** Whether the rows end at line `line`: it begins with what stands under them. */
int row_is_end(const struct document *document, size_t line);

/** Read line `line` as a row. Returns 0 if it is none: nothing described, or no number that could
 *  be quantity, price or total. Without headings it takes all three, in agreement. */
int row_read(const struct document *document, const struct columns *columns, size_t line,
             const struct amounts *amounts, struct row *row);

#endif
