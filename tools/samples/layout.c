/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PICK(prng, list) ((list)[prng_below((prng), sizeof(list) / sizeof((list)[0]))])

static const char *const fonts[] = {"Liberation Sans", "Liberation Serif", "DejaVu Sans",
                                    "Liberation Sans Narrow", "DejaVu Serif"};
static const char *const titles[] = {"INVOICE", "Invoice", "Sales Invoice", "TAX INVOICE"};
static const char *const number_labels[] = {"Invoice No.", "Invoice Number", "Invoice #",
                                            "Inv. No.", "Document No."};
static const char *const date_labels[] = {"Date", "Invoice Date", "Date of Issue", "Issued"};
static const char *const due_labels[] = {"Due Date", "Payment Due", "Pay by"};
static const char *const order_labels[] = {"Order No.", "PO Number", "Your Order"};
static const char *const customer_labels[] = {"Bill To", "Sold To", "Customer"};
static const char *const currencies[] = {"", "", "$", "\u20ac", "\u00a3"};

static const char *const position_titles[] = {"No.", "#", "Pos"};
static const char *const code_titles[] = {"Code", "Item No.", "SKU", "Art. No."};
static const char *const description_titles[] = {"Description", "Item", "Product", "Article"};
static const char *const quantity_titles[] = {"Qty", "Quantity", "Units", "Qty."};
static const char *const unit_titles[] = {"Unit", "UoM", "Per"};
static const char *const price_titles[] = {"Unit Price", "Price", "Rate", "Unit Cost"};
static const char *const total_titles[] = {"Total", "Amount", "Line Total", "Net Amount"};

/* Which columns, from left to right; each row ends where the next kind would be POSITION again. */
static const struct {
    size_t count;
    enum column_kind kinds[COLUMNS_MAX];
} orders[] = {
    {4, {COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_PRICE, COLUMN_TOTAL}},
    {4, {COLUMN_QUANTITY, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_TOTAL}},
    {5, {COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_PRICE, COLUMN_TOTAL}},
    {6,
     {COLUMN_POSITION, COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_UNIT, COLUMN_PRICE,
      COLUMN_TOTAL}},
    {6,
     {COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_UNIT, COLUMN_PRICE, COLUMN_QUANTITY, COLUMN_TOTAL}},
    {5, {COLUMN_QUANTITY, COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_TOTAL}},
};

static const char *column_title(enum column_kind kind, struct prng *prng)
{
    switch (kind) {
    case COLUMN_POSITION:
        return PICK(prng, position_titles);
    case COLUMN_CODE:
        return PICK(prng, code_titles);
    case COLUMN_DESCRIPTION:
        return PICK(prng, description_titles);
    case COLUMN_QUANTITY:
        return PICK(prng, quantity_titles);
    case COLUMN_UNIT:
        return PICK(prng, unit_titles);
    case COLUMN_PRICE:
        return PICK(prng, price_titles);
    case COLUMN_TOTAL:
        return PICK(prng, total_titles);
    }
    return "";
}

static void columns_make(struct layout *layout, struct prng *prng)
{
    static const double widths[] = {
        [COLUMN_POSITION] = 34, [COLUMN_CODE] = 66,  [COLUMN_QUANTITY] = 62,
        [COLUMN_UNIT] = 46,     [COLUMN_PRICE] = 76, [COLUMN_TOTAL] = 84};
    double left = 48;
    const double right = 547;
    size_t order = prng_below(prng, sizeof orders / sizeof orders[0]);
    layout->columns_count = orders[order].count;
    double rest = right - left;
    for (size_t i = 0; i < layout->columns_count; i++) {
        enum column_kind kind = orders[order].kinds[i];
        rest -= kind == COLUMN_DESCRIPTION ? 0 : widths[kind];
    }
    for (size_t i = 0; i < layout->columns_count; i++) {
        struct column *column = &layout->columns[i];
        column->kind = orders[order].kinds[i];
        column->title = column_title(column->kind, prng);
        column->left = left;
        left += column->kind == COLUMN_DESCRIPTION ? rest : widths[column->kind];
        column->right = left;
    }
}

struct layout layout_make(size_t number)
{
    struct prng prng = prng_init(0x1a707, number);
    struct layout layout = {.font = PICK(&prng, fonts)};
    layout.size = prng_real(&prng, 9.5, 11.5);
    layout.supplier_place = (enum place)prng_below(&prng, 3);
    layout.title = PICK(&prng, titles);
    layout.meta = (enum meta_style)prng_below(&prng, 3);
    layout.number_label = PICK(&prng, number_labels);
    layout.date_label = PICK(&prng, date_labels);
    layout.due_label = PICK(&prng, due_labels);
    layout.order_label = PICK(&prng, order_labels);
    layout.customer_label = PICK(&prng, customer_labels);
    layout.show_due = prng_chance(&prng, 0.6);
    layout.show_order = prng_chance(&prng, 0.6);
    layout.show_tax_id = prng_chance(&prng, 0.5);
    layout.show_bank = prng_chance(&prng, 0.5);
    layout.date_format = (enum date_format)prng_below(&prng, DATE_FORMATS);
    layout.comma_decimals = layout.date_format == DATE_DOTS && prng_chance(&prng, 0.6);
    layout.quantity_decimals = prng_chance(&prng, 0.25);
    layout.currency = PICK(&prng, currencies);
    layout.rules = (enum rules)prng_below(&prng, 4);
    layout.header_shaded = prng_chance(&prng, 0.4);
    layout.row_gap = prng_real(&prng, 4.0, 9.0);
    layout.totals_right = prng_chance(&prng, 0.8);
    columns_make(&layout, &prng);
    return layout;
}

void layout_date(const struct layout *layout, struct date date, char *text)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    const char *month = months[date.month - 1];
    switch (layout->date_format) {
    case DATE_LONG:
        snprintf(text, TEXT_MAX, "%d %s %d", date.day, month, date.year);
        break;
    case DATE_US_LONG:
        snprintf(text, TEXT_MAX, "%s %d, %d", month, date.day, date.year);
        break;
    case DATE_DOTS:
        snprintf(text, TEXT_MAX, "%02d.%02d.%d", date.day, date.month, date.year);
        break;
    case DATE_US:
        snprintf(text, TEXT_MAX, "%02d/%02d/%d", date.month, date.day, date.year);
        break;
    case DATE_SHORT:
        snprintf(text, TEXT_MAX, "%02d-%.3s-%d", date.day, month, date.year);
        break;
    case DATE_ISO:
    case DATE_FORMATS:
        snprintf(text, TEXT_MAX, "%04d-%02d-%02d", date.year, date.month, date.day);
        break;
    }
}

void layout_cents(const struct layout *layout, int64_t cents, char *text)
{
    char point = layout->comma_decimals ? ',' : '.';
    char group = layout->comma_decimals ? '.' : ',';
    int64_t whole = cents / 100;
    int part = (int)(cents % 100);
    if (whole >= 1000) {
        snprintf(text, TEXT_MAX, "%s%" PRId64 "%c%03d%c%02d", layout->currency, whole / 1000, group,
                 (int)(whole % 1000), point, part);
    } else {
        snprintf(text, TEXT_MAX, "%s%" PRId64 "%c%02d", layout->currency, whole, point, part);
    }
}

void layout_quantity(const struct layout *layout, int64_t milli, char *text)
{
    char point = layout->comma_decimals ? ',' : '.';
    int whole = (int)(milli / 1000);
    int part = (int)(milli % 1000);
    if (layout->quantity_decimals) {
        snprintf(text, TEXT_MAX, "%d%c%02d", whole, point, part / 10);
    } else if (part != 0) {
        snprintf(text, TEXT_MAX, "%d%c%d", whole, point, part / 100);
    } else {
        snprintf(text, TEXT_MAX, "%d", whole);
    }
}
