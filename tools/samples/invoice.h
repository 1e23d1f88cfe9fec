/* SPDX-License-Identifier: MIT */
/* What an invoice says: suppliers with fixed catalogues, and one document's content. */
#ifndef SAMPLES_INVOICE_H
#define SAMPLES_INVOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prng.h"

enum {
    SUPPLIERS = 48,        /* each has its own catalogue and its own layout */
    SUPPLIERS_LISTED = 16, /* the first are written down, the others drawn from words */
    CATALOGUE_SIZE = 20,   /* goods of a supplier that is written down */
    CATALOGUE_MAX = 40,    /* and of any */
    LINES_MAX = 12,
    TEXT_MAX = 64
};

struct supplier {
    char name[TEXT_MAX], street[TEXT_MAX], city[TEXT_MAX], phone[TEXT_MAX], tax_id[TEXT_MAX];
};

/* Something a supplier sells, always at the same price. */
struct good {
    char name[TEXT_MAX], code[16];
    const char *unit; /* static */
    int64_t price_cents;
};

struct date {
    int year, month, day;
};

struct line {
    struct good good;
    int64_t quantity_milli; /* thousandths */
    int64_t total_cents;
};

struct invoice {
    size_t supplier; /* its index, */
    struct supplier sender;
    char number[32], order[32], customer_id[32];
    const char *customer, *customer_street, *customer_city; /* static */
    struct date date, due, delivery;
    size_t lines_count;
    struct line lines[LINES_MAX];
    int64_t subtotal_cents, tax_cents, total_cents;
    int tax_percent;
};

/** The supplier of that index, below SUPPLIERS. */
struct supplier supplier_make(size_t index);
/** What it sells; returns how many goods, 20 to CATALOGUE_MAX. */
size_t catalogue_make(size_t index, struct good goods[CATALOGUE_MAX]);
/** The same for suppliers from SUPPLIERS_LISTED on, whose names and goods are put together from
 *  words (words.c). */
struct supplier supplier_compose(size_t index);
size_t catalogue_compose(size_t index, struct good goods[CATALOGUE_MAX]);

/** Fill `invoice` for one supplier. All amounts agree: quantity * price == total, rounded half up
 *  to cents, and the totals are sums. */
void invoice_draw(struct invoice *invoice, size_t supplier, struct prng *prng);

/** Write the truth: the JSON object that reading the page should give.
 *  Returns 0, or -1 with errno set. */
int invoice_write_truth(const struct invoice *invoice, const char *path);

#endif
