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

/* The wider grammar: more words for each thing, so that few layouts share all of theirs. */
static const char *const wide_fonts[] = {
    "Liberation Sans", "Liberation Serif",      "DejaVu Sans",     "Liberation Sans Narrow",
    "DejaVu Serif",    "DejaVu Sans Condensed", "Liberation Mono", "DejaVu Serif Condensed"};
static const char *const wide_titles[] = {
    "INVOICE", "Invoice",          "Sales Invoice", "TAX INVOICE", "Bill", "Commercial Invoice",
    "Account", "FACTURE / INVOICE"};
static const char *const wide_number_labels[] = {
    "Invoice No.", "Invoice Number", "Invoice #", "Inv. No.", "Document No.", "Reference",
    "Bill No",     "Invoice ID",     "Our Ref.",  "Number",   "Folio",        "Voucher"};
static const char *const wide_date_labels[] = {"Date",        "Invoice Date", "Date of Issue",
                                               "Issued",      "Dated",        "Tax Point",
                                               "Invoiced on", "Billing Date", "Raised"};
static const char *const wide_due_labels[] = {"Due Date", "Payment Due", "Pay by", "Terms end",
                                              "Settle by"};
static const char *const wide_order_labels[] = {"Order No.", "PO Number", "Your Order",
                                                "Purchase Ref.", "Job"};
static const char *const wide_customer_labels[] = {"Bill To",    "Sold To",   "Customer",
                                                   "Invoice To", "Consignee", "Account of"};
static const char *const customer_id_labels[] = {"Customer No.", "Account", "Client", "A/C"};
static const char *const delivery_labels[] = {"Delivered", "Ship Date", "Despatched", "Supply"};
static const char *const wide_position_titles[] = {"No.", "#", "Pos", "Ln", "Line"};
static const char *const wide_code_titles[] = {"Code", "Item No.",  "SKU", "Art. No.",
                                               "Part", "Stock No.", "Ref."};
static const char *const wide_description_titles[] = {
    "Description", "Item", "Product", "Article", "Details", "Particulars", "Goods", "Supplied"};
static const char *const wide_quantity_titles[] = {"Qty",     "Quantity", "Units", "Pcs",
                                                   "Ordered", "Shipped",  "Count", "Nos."};
static const char *const wide_unit_titles[] = {"Unit", "UoM", "Per", "Pack"};
static const char *const wide_price_titles[] = {"Unit Price", "Price", "Rate",     "Each",
                                                "List",       "Cost",  "Per Unit", "Net Price"};
static const char *const wide_total_titles[] = {"Total", "Amount",   "Line Total", "Value",
                                                "Sum",   "Extended", "Net",        "Line Value"};
static const char *const tax_titles[] = {"VAT %", "Tax", "VAT"};
static const char *const subtotal_labels[] = {"Subtotal", "Net Total", "Goods Total", "Sub-total"};
static const char *const due_total_labels[] = {"Total Due", "Amount Due", "TOTAL", "To Pay",
                                               "Grand Total"};

/* Which columns, from left to right; each row ends where the next kind would be POSITION again. */
struct order {
    size_t count;
    enum column_kind kinds[COLUMNS_MAX];
};

static const struct order orders[] = {
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

static const struct order wide_orders[] = {
    {4, {COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_PRICE, COLUMN_TOTAL}},
    {4, {COLUMN_QUANTITY, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_TOTAL}},
    {5, {COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_PRICE, COLUMN_TOTAL}},
    {6,
     {COLUMN_POSITION, COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_UNIT, COLUMN_PRICE,
      COLUMN_TOTAL}},
    {5, {COLUMN_QUANTITY, COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_TOTAL}},
    {5, {COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_QUANTITY, COLUMN_TAX, COLUMN_TOTAL}},
    {6,
     {COLUMN_POSITION, COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_QUANTITY, COLUMN_PRICE,
      COLUMN_TOTAL}},
    {5, {COLUMN_POSITION, COLUMN_QUANTITY, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_TOTAL}},
    {6,
     {COLUMN_CODE, COLUMN_QUANTITY, COLUMN_UNIT, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_TOTAL}},
    {5, {COLUMN_CODE, COLUMN_DESCRIPTION, COLUMN_PRICE, COLUMN_QUANTITY, COLUMN_TOTAL}},
    {6, {COLUMN_DESCRIPTION, COLUMN_CODE, COLUMN_QUANTITY, COLUMN_PRICE, COLUMN_TOTAL, COLUMN_TAX}},
};

static const char *wide_column_title(enum column_kind kind, struct prng *prng)
{
    switch (kind) {
    case COLUMN_POSITION:
        return PICK(prng, wide_position_titles);
    case COLUMN_CODE:
        return PICK(prng, wide_code_titles);
    case COLUMN_DESCRIPTION:
        return PICK(prng, wide_description_titles);
    case COLUMN_QUANTITY:
        return PICK(prng, wide_quantity_titles);
    case COLUMN_UNIT:
        return PICK(prng, wide_unit_titles);
    case COLUMN_PRICE:
        return PICK(prng, wide_price_titles);
    case COLUMN_TOTAL:
        return PICK(prng, wide_total_titles);
    case COLUMN_TAX:
        return PICK(prng, tax_titles);
    }
    return "";
}

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
    case COLUMN_TAX:
        break;
    }
    return "";
}

static void columns_make(struct layout *layout, const struct order *order,
                         const char *(*title)(enum column_kind, struct prng *), struct prng *prng)
{
    static const double widths[] = {
        [COLUMN_POSITION] = 34, [COLUMN_CODE] = 66,  [COLUMN_QUANTITY] = 62, [COLUMN_UNIT] = 46,
        [COLUMN_PRICE] = 76,    [COLUMN_TOTAL] = 84, [COLUMN_TAX] = 46};
    double left = 48;
    const double right = 547;
    layout->columns_count = order->count;
    double rest = right - left;
    for (size_t i = 0; i < layout->columns_count; i++) {
        enum column_kind kind = order->kinds[i];
        rest -= kind == COLUMN_DESCRIPTION ? 0 : widths[kind];
    }
    for (size_t i = 0; i < layout->columns_count; i++) {
        struct column *column = &layout->columns[i];
        column->kind = order->kinds[i];
        column->title = title(column->kind, prng);
        column->left = left;
        left += column->kind == COLUMN_DESCRIPTION ? rest : widths[column->kind];
        column->right = left;
    }
}

static struct layout layout_make_wide(size_t number)
{
    struct prng prng = prng_init(0x3177de, number);
    struct layout layout = {.font = PICK(&prng, wide_fonts), .fit = true};
    layout.size = prng_real(&prng, 9.0, 11.5);
    layout.supplier_place = (enum place)prng_below(&prng, 3);
    layout.title = PICK(&prng, wide_titles);
    layout.meta = (enum meta_style)prng_below(&prng, 3);
    layout.number_label = PICK(&prng, wide_number_labels);
    layout.date_label = PICK(&prng, wide_date_labels);
    layout.due_label = PICK(&prng, wide_due_labels);
    layout.order_label = PICK(&prng, wide_order_labels);
    layout.customer_label = PICK(&prng, wide_customer_labels);
    layout.customer_id_label = PICK(&prng, customer_id_labels);
    layout.delivery_label = PICK(&prng, delivery_labels);
    layout.subtotal_label = PICK(&prng, subtotal_labels);
    layout.due_total_label = PICK(&prng, due_total_labels);
    layout.show_due = prng_chance(&prng, 0.6);
    layout.show_order = prng_chance(&prng, 0.6);
    layout.show_tax_id = prng_chance(&prng, 0.5);
    layout.show_bank = prng_chance(&prng, 0.5);
    layout.show_customer_id = prng_chance(&prng, 0.4);
    layout.show_delivery = prng_chance(&prng, 0.3);
    layout.date_first = prng_chance(&prng, 0.5);
    layout.meta_left = prng_chance(&prng, 0.3);
    layout.date_format = (enum date_format)prng_below(&prng, DATE_FORMATS);
    layout.comma_decimals =
        (layout.date_format == DATE_DOTS || layout.date_format == DATE_DOTS_SHORT) &&
        prng_chance(&prng, 0.6);
    layout.quantity_decimals = prng_chance(&prng, 0.25);
    layout.currency = PICK(&prng, currencies);
    layout.rules = (enum rules)prng_below(&prng, 4);
    layout.header_shaded = prng_chance(&prng, 0.4);
    layout.row_gap = prng_real(&prng, 3.0, 9.0);
    layout.totals_right = prng_chance(&prng, 0.8);
    const struct order *order =
        &wide_orders[prng_below(&prng, sizeof wide_orders / sizeof wide_orders[0])];
    columns_make(&layout, order, wide_column_title, &prng);
    return layout;
}

struct layout layout_make(size_t number)
{
    if (number >= SUPPLIERS_LISTED) {
        return layout_make_wide(number);
    }
    struct prng prng = prng_init(0x1a707, number);
    struct layout layout = {.font = PICK(&prng, fonts)};
    layout.subtotal_label = "Subtotal";
    layout.due_total_label = "Total Due";
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
    layout.date_format = (enum date_format)prng_below(&prng, DATE_FORMATS_LISTED);
    layout.comma_decimals = layout.date_format == DATE_DOTS && prng_chance(&prng, 0.6);
    layout.quantity_decimals = prng_chance(&prng, 0.25);
    layout.currency = PICK(&prng, currencies);
    layout.rules = (enum rules)prng_below(&prng, 4);
    layout.header_shaded = prng_chance(&prng, 0.4);
    layout.row_gap = prng_real(&prng, 4.0, 9.0);
    layout.totals_right = prng_chance(&prng, 0.8);
    const struct order *order = &orders[prng_below(&prng, sizeof orders / sizeof orders[0])];
    columns_make(&layout, order, column_title, &prng);
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
    case DATE_SLASHES:
        snprintf(text, TEXT_MAX, "%02d/%02d/%d", date.day, date.month, date.year);
        break;
    case DATE_DOTS_SHORT:
        snprintf(text, TEXT_MAX, "%02d.%02d.%02d", date.day, date.month, date.year % 100);
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
