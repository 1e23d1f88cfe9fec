/* SPDX-License-Identifier: MIT */
/* The rows of an invoice. */
#ifndef INVOICE_TABLE_H
#define INVOICE_TABLE_H

#include "number.h"
#include "page.h"

enum { ROWS_MAX = 500 };

/** A cell that was read (span.count > 0), derived (span.count == 0, known), or neither. */
struct cell {
    int known;
    struct number number;
    struct span span;
    double confidence;
};

enum { CELL_QUANTITY, CELL_PRICE, CELL_TOTAL, CELLS };

struct row {
    size_t line;
    struct span description[2]; /* the second is the line below, if the text goes on there */
    double description_confidence;
    struct cell cells[CELLS];
    int agrees; /* quantity * price == total */
};

struct table {
    size_t heading; /* line of the column headings, lines_count if there are none */
    struct row *rows;
    size_t rows_count;
    int complete; /* the totals' sum is printed on the page */
};

/** Find the rows. 0, or -1 without memory. table_finish() frees what is inside. */
int table_init(struct table *table, const struct document *document);
void table_finish(struct table *table);

#endif
