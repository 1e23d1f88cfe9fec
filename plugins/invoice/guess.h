/* SPDX-License-Identifier: MIT */
/* A trained model at work on a page. */
#ifndef INVOICE_GUESS_H
#define INVOICE_GUESS_H

#include "model.h"
#include "page.h"
#include "result.h"

/** What the model says of a page. `self` is the answer the page was learnt with, which then does
 *  not count as known, or NULL. Without `final` the confidences stay 0: only their inputs are set.
 *  `supplier_minimum`: documents a supplier must have taught before its pages may pass unasked.
 *  0, or -1 without memory. result_finish() frees what is inside. */
int guess(const struct model *model, const struct document *document, const struct answer *self,
          int final, size_t supplier_minimum, struct result *result);

/* The confidence of what must be asked whatever a threshold says. */
#define GUESS_ASKED 0.05
/** A confidence as it may be: GUESS_ASKED at most for a date whose day and month nothing tells
 *  apart, and for numbers of a row that contradict each other. */
double guess_capped(enum kind kind, const double *inputs, double confidence);

/** How many inputs the confidence of a kind of field has. */
size_t guess_inputs(enum kind kind);

#endif
