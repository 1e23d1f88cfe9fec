/* SPDX-License-Identifier: MIT */
/* Who sent the invoice, when, and under which number. */
#ifndef INVOICE_HEADER_H
#define INVOICE_HEADER_H

#include "date.h"
#include "page.h"

/** A field that was found, or not: then span.count is 0. */
struct found {
    struct span span;
    double confidence; /* 0 to 1 */
};

struct header {
    struct found supplier, number;
    struct found date;
    struct date date_value; /* if date was found */
};

/** The words to the left of a value that may name it (at most 4), and those above it. */
struct span label_left(const struct document *document, struct span value);
struct span label_above(const struct document *document, struct span value);
/** Two digits or more, and nothing that a number of an invoice does not hold. */
int is_number_like(const char *text);
/** How large a run is printed: the mean height of its words, in pixels. */
double span_size(const struct document *document, struct span span);
/** Whether a run says "Ltd" and the like; "Bill To" and the like. */
int is_company(const struct document *document, struct span span);
int is_party(const struct document *document, struct span span);

/** What the other dates of a page tell of how an ambiguous one, dates[chosen], is meant. `sure` is
 *  set to 0 where it is but likely. */
enum date_order dates_order(const struct date *dates, size_t count, size_t chosen, int *sure);

/** Find all three. `table_line`: where the rows' headings stand, or lines_count: what is a header
 *  stands above it. */
void header_find(const struct document *document, size_t table_line, struct header *header);

#endif
