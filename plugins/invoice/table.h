/* SPDX-License-Identifier: MIT */
/* The rows of an invoice. */
#ifndef INVOICE_TABLE_H
#define INVOICE_TABLE_H

#include "columns.h"
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

/* How the document prints amounts. */
struct amounts {
    char point;     /* the decimal separator, '.' or ',' */
    int have_cents; /* most have two decimals */
};

struct table {
    struct columns columns;
    struct amounts amounts;
    size_t heading; /* line of the column headings, lines_count if there are none */
    struct row *rows;
    size_t rows_count;
    int complete; /* the totals' sum is printed on the page */
};

/** Find the rows. 0, or -1 without memory. table_finish() frees what is inside. */
int table_init(struct table *table, const struct document *document);
void table_finish(struct table *table);

/** Whether some amount on line `line` or below is `sum` ten-thousandths, to a cent. */
int sum_is_printed(const struct document *document, size_t line, int64_t sum, char point);

#endif
