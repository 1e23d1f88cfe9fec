/* SPDX-License-Identifier: MIT */
/* One line of a table: which number is what. */
#ifndef INVOICE_ROW_H
#define INVOICE_ROW_H

#include "columns.h"
#include "table.h"

/** Whether the rows end at line `line`: it begins with what stands under them. */
int row_is_end(const struct document *document, size_t line);

/** Repair and weigh the cells of a row by each other: a lost point is put back, one missing cell is
 *  worked out, confidence rises where quantity * price == total. Cells that were not read are not
 *  known. Returns how many were missing. */
size_t row_settle(struct row *row, const struct amounts *amounts);
/** quantity * price == total, to the rounding of a cent; all in ten-thousandths. */
int row_amounts_agree(int64_t quantity, int64_t price, int64_t total);

/** Read line `line` as a row. Returns 0 if it is none: nothing described, or no number that could
 *  be quantity, price or total. Without headings it takes all three, in agreement. */
int row_read(const struct document *document, const struct columns *columns, size_t line,
             const struct amounts *amounts, struct row *row);

#endif
