/* SPDX-License-Identifier: MIT */
/* The model's part for the rows of the table. */
#ifndef INVOICE_GUESS_ROWS_H
#define INVOICE_GUESS_ROWS_H

#include "candidates.h"
#include "model.h"

enum { DESCRIPTION_INPUTS = 11, CELL_INPUTS = 14, TABLE_INPUTS = 8 };

/** Fill result->rows and result->table, without confidences. 0, or -1 without memory. */
int rows_guess(const struct model *model, const struct scene *scene, struct result *result);

/** log(share / (1 - share)), bounded. */
double log_odds(double share);
/** The log-odds of the least confident word of a run, as the reader gave it. */
double span_worst(const struct document *document, struct span span);

#endif
