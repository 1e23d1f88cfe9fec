/* SPDX-License-Identifier: MIT */
/* What an invoice says: suppliers with fixed catalogues, and one document's content. */
#ifndef SAMPLES_INVOICE_H
#define SAMPLES_INVOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prng.h"

enum {
    SUPPLIERS = 16,      /* each has its own catalogue and its own layout */
    CATALOGUE_SIZE = 20, /* goods a supplier sells */
    LINES_MAX = 12,
    TEXT_MAX = 64
};

struct supplier {
    const char *name, *street, *city, *phone, *tax_id;
    size_t domain; /* what kind of goods */
};

struct date {
    int year, month, day;
};

struct line {
    char code[16];
    const char *description; /* static */
    const char *unit;        /* static */
    int64_t quantity_milli;  /* thousandths */
    int64_t price_cents, total_cents;
};

struct invoice {
    size_t supplier;
    char number[32], order[32], customer_id[32];
    const char *customer, *customer_street, *customer_city; /* static */
    struct date date, due;
    size_t lines_count;
    struct line lines[LINES_MAX];
    int64_t subtotal_cents, tax_cents, total_cents;
    int tax_percent;
};

/** The supplier of that index, below SUPPLIERS. Static data. */
const struct supplier *supplier_get(size_t index);

/** Fill `invoice` for one supplier. All amounts agree: quantity * price == total, rounded half up
 *  to cents, and the totals are sums. */
void invoice_draw(struct invoice *invoice, size_t supplier, struct prng *prng);

/** Write the truth: the JSON object that reading the page should give.
 *  Returns 0, or -1 with errno set. */
int invoice_write_truth(const struct invoice *invoice, const char *path);

#endif
