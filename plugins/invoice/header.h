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

/** Find all three. `table_line`: where the rows' headings stand, or lines_count: what is a header
 *  stands above it. */
void header_find(const struct document *document, size_t table_line, struct header *header);

#endif
