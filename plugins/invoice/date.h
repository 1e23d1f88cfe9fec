/* SPDX-License-Identifier: MIT */
/* Dates as they are printed. */
#ifndef INVOICE_DATE_H
#define INVOICE_DATE_H

#include <stddef.h>

#include "page.h"

enum date_order {
    DATE_CLEAR,     /* only one reading */
    DATE_AMBIGUOUS, /* 07/08/2025: day and month are as printed, first and second */
    DATE_DAY_FIRST, /* 25/08/2025 */
    DATE_MONTH_FIRST
};

struct date {
    int year, month, day; /* if ambiguous: month is the first number, day the second */
    enum date_order order;
    struct span span;
};

/** Find a date that begins at `word`. Returns 0 if none does. Both 4-digit years and 2-digit ones
 *  (20xx) are read. */
int date_parse(const struct document *document, size_t word, struct date *date);

enum { DATE_TEXT_SIZE = 48 };
/** Write as 2025-07-14. */
void date_format(const struct date *date, char text[DATE_TEXT_SIZE]);

/** Swap day and month. */
void date_swap(struct date *date);

/** Days since 0000-03-01, for differences. */
long date_days(const struct date *date);

#endif
