/* SPDX-License-Identifier: MIT */
/* A layout is drawn from a small grammar by its number: fonts, places of blocks, synonyms of
 * labels, columns, rules, formats of dates and numbers. The same number is the same layout. */
#ifndef SAMPLES_LAYOUT_H
#define SAMPLES_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "invoice.h"

enum place { PLACE_LEFT, PLACE_CENTRE, PLACE_RIGHT };

enum meta_style {
    META_INLINE,  /* "Invoice No: 123", a line each */
    META_COLUMNS, /* labels in one column, values in the next */
    META_BOXES    /* a row of boxes, label above value */
};

enum rules { RULES_NONE, RULES_HEADER, RULES_LINES, RULES_GRID };

enum date_format {
    DATE_ISO,
    DATE_LONG,    /* 14 July 2025 */
    DATE_US_LONG, /* July 14, 2025 */
    DATE_DOTS,    /* 14.07.2025 */
    DATE_US,      /* 07/14/2025 */
    DATE_SHORT,   /* 14-Jul-2025 */
    DATE_FORMATS_LISTED,
    DATE_SLASHES = DATE_FORMATS_LISTED, /* 14/07/2025 */
    DATE_DOTS_SHORT,                    /* 14.07.25 */
    DATE_FORMATS
};

enum column_kind {
    COLUMN_POSITION,
    COLUMN_CODE,
    COLUMN_DESCRIPTION,
    COLUMN_QUANTITY,
    COLUMN_UNIT,
    COLUMN_PRICE,
    COLUMN_TOTAL,
    COLUMN_TAX /* percent of tax: a number that is none of those wanted */
};

enum { COLUMNS_MAX = 7, LAYOUTS = SUPPLIERS };

struct column {
    enum column_kind kind;
    const char *title;
    double left, right; /* points */
};

struct layout {
    const char *font;
    double size; /* points */
    enum place supplier_place;
    const char *title;
    enum meta_style meta;
    const char *number_label, *date_label, *due_label, *order_label, *customer_label;
    const char *customer_id_label, *delivery_label;
    const char *subtotal_label, *due_total_label;
    bool show_due, show_order, show_tax_id, show_bank, show_customer_id, show_delivery;
    bool date_first; /* of the facts */
    bool meta_left;  /* the facts stand left, the customer right */
    bool fit;        /* text too wide for its place is set smaller */
    enum date_format date_format;
    bool comma_decimals;    /* 1.234,50 */
    bool quantity_decimals; /* 2.00 */
    const char *currency;   /* before amounts, or "" */
    enum rules rules;
    bool header_shaded;
    double row_gap; /* points between rows */
    size_t columns_count;
    struct column columns[COLUMNS_MAX];
    bool totals_right;
};

/** The layout of that number, below LAYOUTS. The first SUPPLIERS_LISTED have few words for things;
 *  the others are drawn from a wider grammar. */
struct layout layout_make(size_t number);

/** Write a date or amount as the layout does. `text` holds at least TEXT_MAX bytes. */
void layout_date(const struct layout *layout, struct date date, char *text);
void layout_cents(const struct layout *layout, int64_t cents, char *text);
void layout_quantity(const struct layout *layout, int64_t milli, char *text);

#endif
