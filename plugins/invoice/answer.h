/* SPDX-License-Identifier: MIT */
/* What an invoice says, as a person or a model gave it: values without places. */
#ifndef INVOICE_ANSWER_H
#define INVOICE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "table.h"

enum { ANSWER_TEXT_MAX = 256 };

struct answer_row {
    char description[ANSWER_TEXT_MAX]; /* "" for none */
    int known[CELLS];
    int64_t cells[CELLS]; /* ten-thousandths, if known */
};

struct answer {
    char supplier[ANSWER_TEXT_MAX], date[16], number[ANSWER_TEXT_MAX]; /* "" for none */
    struct answer_row *rows;
    size_t rows_count;
};

/** Read one from JSON text as invoice/fields writes it; members that are missing are as null. 0,
 *  -1 without memory, or -2 if the JSON is not of that shape. answer_finish() frees what is
 *  inside. */
int answer_read(struct answer *answer, const char *json);
void answer_finish(struct answer *answer);

/** How many letters must be changed, added or lost to make one text the other (Levenshtein), at
 *  most `most` + 1. */
size_t text_distance(const char *a, const char *b, size_t most);
/** Pair rows that say the same or nearly so, in their order: for each of `rows` the index of its
 *  partner among `others`, or SIZE_MAX. 0, or -1 without memory. */
int rows_pair(const struct answer_row *rows, size_t count, const struct answer_row *others,
              size_t others_count, size_t *partners);

#endif
