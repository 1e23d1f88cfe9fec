/* SPDX-License-Identifier: MIT */
/* Amounts and quantities as they are printed. */
#ifndef INVOICE_NUMBER_H
#define INVOICE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_SCALE = 10000 }; /* values are counted in ten-thousandths */

struct number {
    int64_t value;     /* ten-thousandths */
    unsigned decimals; /* how many were printed, at most 4 */
    int currency;      /* a currency sign stood before or behind it */
};

/** Read a whole word as a number: an optional sign and currency sign, digits with groups of three.
 *  `point` is the document's decimal separator, '.' or ','; before the last two digits either is
 *  one. Returns 0 if the word is no number. */
int number_parse(const char *text, char point, struct number *number);

/** The decimal separator that most numbers among the texts use; call number_vote() for each text
 *  with one counter and ask number_point() at the end. */
void number_vote(const char *text, int *votes);
char number_point(int votes);

/** Write as JSON: with as many decimals as were printed, or, if `plain`, without zeros at the
 *  end. `text` holds 32 bytes. */
void number_format(const struct number *number, int plain, char *text);

#endif
