/* SPDX-License-Identifier: MIT */
/* What was found on a page: values, where they were read, and how sure that is. Rules and model
 * both end here. */
#ifndef INVOICE_RESULT_H
#define INVOICE_RESULT_H

#include "answer.h"
#include "header.h"
#include "logit.h"
#include "page.h"

/* A text or number; `found` is 0 where there is none. */
struct field {
    int found;
    char text[ANSWER_TEXT_MAX]; /* of a date: as the output has it */
    struct number number;       /* of cells */
    struct span span;           /* where it was read; count 0: nowhere */
    double confidence;
    double inputs[STACK_INPUTS_MAX]; /* what the model's confidence is made of */
};

struct result_row {
    size_t line;
    struct field description;
    struct field cells[CELLS];
};

enum { RESULT_SUPPLIER, RESULT_DATE, RESULT_NUMBER, RESULT_HEADERS };

struct result {
    struct field header[RESULT_HEADERS];
    struct result_row *rows;
    size_t rows_count;
    struct field table; /* "the rows are all there, and no more": no text, only confidence */
};

/** What the rules found, as a result. 0, or -1 without memory. */
int result_from_rules(struct result *result, const struct document *document,
                      const struct header *header, const struct table *table);
void result_finish(struct result *result);
/** The values alone. 0, or -1 without memory. answer_finish() frees them. */
int result_answer(const struct result *result, struct answer *answer);

#endif
