/* SPDX-License-Identifier: MIT */
/* invoice/fields over pages written as text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "phase.h"
#include "sheet.h"

struct result {
    struct fnd_text config;
    struct fnd_effects effects;
};

static void read_config(struct result *result)
{
    struct phase phase;
    cr_assert(phase_open(&phase, "invoice", "{}"));
    phase_run(&phase, fnd_text_z(&result->config), NULL, false, &result->effects);
    phase_close(&phase);
}

static void read_sheet(const char *const *lines, struct result *result)
{
    *result = (struct result){0};
    sheet_config(lines, &result->config);
    read_config(result);
    cr_assert_eq(result->effects.outcome, FOUNDRY_DONE, "%s", result->effects.message);
}

static void result_finish(struct result *result)
{
    fnd_text_finish(&result->config);
    fnd_effects_finish(&result->effects);
}

/** The JSON text of an output value; "absent" if there is none. */
static void value_at(const struct result *result, const char *pointer, char *text, size_t size)
{
    struct fnd_json output;
    struct fnd_error error;
    cr_assert_eq(
        fnd_json_check(result->effects.output, result->effects.output_size, NULL, &output, &error),
        FND_OK);
    struct fnd_json value = fnd_json_find(output, pointer);
    snprintf(text, size, "%.*s", value.bytes == NULL ? 6 : (int)value.size,
             value.bytes == NULL ? "absent" : value.bytes);
}

static void expect(const struct result *result, const char *pointer, const char *wanted, double low,
                   double high)
{
    char text[1024];
    value_at(result, pointer, text, sizeof text);
    double confidence = phase_confidence(&result->effects, pointer);
    cr_expect_str_eq(text, wanted, "%s is %s, wanted %s", pointer, text, wanted);
    cr_expect(confidence >= low && confidence <= high, "%s: confidence %f is not in %f..%f",
              pointer, confidence, low, high);
}

static const char *const plain[] = {
    "!Harbour Hardware Ltd",
    "14 Quay Street",
    "Tel. 01326 555 014",
    "",
    "Bill To                            Invoice No:  INV-10442",
    "Riverside Cafe                     Invoice Date:  2025-07-14",
    "55 Bridge Street                   Due Date:  2025-08-13",
    "",
    "Code    Description               Qty    Unit Price      Total",
    "A101    Claw Hammer 16 oz           2          8.99      17.98",
    "A102    Wood Glue                  10      1,204.50  12,045.00",
    "A103    Copper Cable             12.5          1.85      23.13",
    "                                         Subtotal    12,086.11",
    "                                         Total       12,086.11",
    NULL};

Test(invoice, plain_page_is_read_with_confidence)
{
    struct result result;
    read_sheet(plain, &result);
    expect(&result, "/supplier_name", "\"Harbour Hardware Ltd\"", 0.9, 1.0);
    expect(&result, "/invoice_number", "\"INV-10442\"", 0.9, 1.0);
    expect(&result, "/invoice_date", "\"2025-07-14\"", 0.9, 1.0);
    expect(&result, "/line_items/0/item_description", "\"Claw Hammer 16 oz\"", 0.7, 1.0);
    expect(&result, "/line_items/0/quantity", "2", 0.9, 1.0);
    expect(&result, "/line_items/0/unit_price", "8.99", 0.9, 1.0);
    expect(&result, "/line_items/0/total_cost", "17.98", 0.9, 1.0);
    expect(&result, "/line_items/1/unit_price", "1204.50", 0.9, 1.0);
    expect(&result, "/line_items/2/quantity", "12.5", 0.9, 1.0);
    expect(&result, "/line_items/3", "absent", -1.0, -1.0);
    expect(&result, "/line_items",
           "[{\"item_description\":\"Claw Hammer 16 oz\",\"quantity\":2,"
           "\"unit_price\":8.99,\"total_cost\":17.98},"
           "{\"item_description\":\"Wood Glue\",\"quantity\":10,"
           "\"unit_price\":1204.50,\"total_cost\":12045.00},"
           "{\"item_description\":\"Copper Cable\",\"quantity\":12.5,"
           "\"unit_price\":1.85,\"total_cost\":23.13}]",
           0.9, 1.0);
    result_finish(&result);
}

Test(invoice, origins_name_the_artifact_and_the_words_box)
{
    struct result result;
    read_sheet(plain, &result);
    bool found = false;
    for (size_t i = 0; i < result.effects.origins_count; i++) {
        const struct fnd_origin *origin = &result.effects.origins[i];
        if (strcmp(origin->pointer, "/invoice_number") == 0) {
            found = true;
            cr_expect_str_eq(origin->artifact, "page");
            cr_expect_float_eq(origin->x, 480.0, 0.01);
            cr_expect_float_eq(origin->y, 120.0, 0.01);
            cr_expect_float_eq(origin->width, 90.0, 0.01);
            cr_expect_float_eq(origin->height, 20.0, 0.01);
        }
    }
    cr_expect(found);
    result_finish(&result);
}

Test(invoice, dates_of_many_forms_are_read)
{
    static const struct {
        const char *printed, *wanted;
        double low, high;
    } cases[] = {
        {"Date: 2025-07-14", "\"2025-07-14\"", 0.9, 1.0},
        {"Date: 14.07.2025", "\"2025-07-14\"", 0.9, 1.0},
        {"Date: 7.8.2025", "\"2025-08-07\"", 0.9, 1.0},
        {"Date: 07/14/2025", "\"2025-07-14\"", 0.9, 1.0},
        {"Date: 14/07/2025", "\"2025-07-14\"", 0.9, 1.0},
        {"Date: 14/07/25", "\"2025-07-14\"", 0.9, 1.0},
        {"Issued 14-Jul-2025", "\"2025-07-14\"", 0.9, 1.0},
        {"Issued 14 July 2025", "\"2025-07-14\"", 0.9, 1.0},
        {"Issued July 14, 2025", "\"2025-07-14\"", 0.9, 1.0},
        {"Issued 1st Sept 2025", "\"2025-09-01\"", 0.9, 1.0},
        {"Date: 07/07/2025", "\"2025-07-07\"", 0.9, 1.0},
        /* day and month cannot be told apart */
        {"Date: 07/08/2025", "\"2025-07-08\"", 0.0, 0.5},
        /* the due date shows the order: its 25 is no month */
        {"Date: 07/08/2025      Due Date: 07/25/2025", "\"2025-07-08\"", 0.9, 1.0},
        {"Date: 07/08/2025      Due Date: 25/08/2025", "\"2025-08-07\"", 0.9, 1.0},
        /* the due date comes after the date, within a quarter, in one order only */
        {"Date: 01/05/2024      Due Date: 02/04/2024", "\"2024-01-05\"", 0.85, 0.95},
        {"Date: 05/01/2024      Due Date: 04/02/2024", "\"2024-01-05\"", 0.85, 0.95},
        /* a date that is named as another one */
        {"Due Date: 2025-08-01", "\"2025-08-01\"", 0.0, 0.5},
        {"Date: 2025-13-45", "null", 0.0, 0.2},
        {"Date: 2025-07-14~", "\"2025-07-14\"", 0.0, 0.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const lines[] = {"!Lone Star Provisions Inc.", cases[i].printed,
                                     "Invoice # 55012", NULL};
        struct result result;
        read_sheet(lines, &result);
        cr_log_info("%s", cases[i].printed);
        expect(&result, "/invoice_date", cases[i].wanted, cases[i].low, cases[i].high);
        result_finish(&result);
    }
}

Test(invoice, numbers_are_told_by_their_labels)
{
    static const struct {
        const char *lines[3];
        const char *wanted;
        double low, high;
    } cases[] = {
        {{"Invoice No. 2025-0042"}, "\"2025-0042\"", 0.9, 1.0},
        {{"Order No. 448120   Invoice Number: RE4711"}, "\"RE4711\"", 0.9, 1.0},
        {{"Invoice #      Customer No.", "77120          C-1044"}, "\"77120\"", 0.9, 1.0},
        {{"Document No. B1234/25"}, "\"B1234/25\"", 0.9, 1.0},
        {{"No. 8812"}, "\"8812\"", 0.1, 0.6},
        {{"PO Number 448120", "Tel. 555 0148"}, "null", 0.0, 0.2},
        {{"Invoice No. 2025-0042~"}, "\"2025-0042\"", 0.0, 0.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const lines[] = {"!Lone Star Provisions Inc.", cases[i].lines[0],
                                     cases[i].lines[1], NULL};
        struct result result;
        read_sheet(lines, &result);
        cr_log_info("%s", cases[i].lines[0]);
        expect(&result, "/invoice_number", cases[i].wanted, cases[i].low, cases[i].high);
        result_finish(&result);
    }
}

static const struct {
    const char *head, *row, *sum;
    const char *description, *quantity, *price, *total;
    double low[3], high[3];
} row_cases[] = {
    {"Qty   Item            Price     Amount",
     "3     Pine Board      11.80      35.40",
     "Total 35.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.9, .9, .9},
     {1, 1, 1}},
    /* the same in the other style of numbers */
    {"Qty   Item            Price     Amount",
     "3,5   Pine Board     1.200,00  4.200,00",
     "Total 4.200,00",
     "\"Pine Board\"",
     "3.5",
     "1200.00",
     "4200.00",
     {.9, .9, .9},
     {1, 1, 1}},
    /* signs of currency */
    {"Item            Qty     Rate     Total",
     "Pine Board        3    $11.80    $35.40",
     "Total $35.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.9, .9, .9},
     {1, 1, 1}},
    /* the quantity was not read: worked out, with doubt */
    {"Item            Qty     Rate     Total",
     "Pine Board        d~   11.80     35.40",
     "Total 35.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.3, .3, .3},
     {.6, .8, .8}},
    /* a point was lost: put back, with doubt */
    {"Item            Qty     Rate     Total",
     "Pine Board        3     1180     35.40",
     "Total 35.40 35.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.5, .3, .5},
     {1, .6, 1}},
    /* nothing agrees: as read, with much doubt */
    {"Item            Qty     Rate     Total",
     "Pine Board        4    11.80     35.40",
     "Total 35.40",
     "\"Pine Board\"",
     "4",
     "11.80",
     "35.40",
     {.0, .0, .0},
     {.5, .5, .5}},
    /* only the total: the rest is null */
    {"Item            Qty     Rate     Total",
     "Pine Board                       35.40",
     "Total 35.40",
     "\"Pine Board\"",
     "null",
     "null",
     "35.40",
     {.0, .0, .3},
     {.2, .2, .8}},
    /* the sum is not printed: a row may be missing */
    {"Item            Qty     Rate     Total",
     "Pine Board        3    11.80     35.40",
     "Total 99.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.9, .9, .5},
     {1, 1, .89}},
    /* no headings: arithmetic alone */
    {"Goods delivered as agreed",
     "Pine Board        3    11.80     35.40",
     "Total 35.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.5, .5, .5},
     {.85, .85, .85}},
    /* headings with a letter misread */
    {"Item            Qy      Rafe     Tota1",
     "Pine Board        3    11.80     35.40",
     "Total 35.40",
     "\"Pine Board\"",
     "3",
     "11.80",
     "35.40",
     {.9, .9, .9},
     {1, 1, 1}},
};

Test(invoice, rows_are_read_repaired_and_doubted)
{
    for (size_t i = 0; i < sizeof row_cases / sizeof row_cases[0]; i++) {
        const char *const lines[] = {
            "!Ashford Timber Ltd", "",  row_cases[i].head, row_cases[i].row, "",
            row_cases[i].sum,      NULL};
        struct result result;
        read_sheet(lines, &result);
        cr_log_info("case %zu: %s", i, row_cases[i].row);
        expect(&result, "/line_items/0/item_description", row_cases[i].description, 0.0, 1.0);
        expect(&result, "/line_items/0/quantity", row_cases[i].quantity, row_cases[i].low[0],
               row_cases[i].high[0]);
        expect(&result, "/line_items/0/unit_price", row_cases[i].price, row_cases[i].low[1],
               row_cases[i].high[1]);
        expect(&result, "/line_items/0/total_cost", row_cases[i].total, row_cases[i].low[2],
               row_cases[i].high[2]);
        expect(&result, "/line_items/1", "absent", -1.0, -1.0);
        result_finish(&result);
    }
}

Test(invoice, description_goes_on_in_the_line_below)
{
    static const char *const lines[] = {"!Ashford Timber Ltd",
                                        "Item                      Qty     Rate     Total",
                                        "Pine Board planed on        3    11.80     35.40",
                                        "both sides",
                                        "Nails                       1     2.00      2.00",
                                        "Total 37.40",
                                        NULL};
    struct result result;
    read_sheet(lines, &result);
    expect(&result, "/line_items/0/item_description", "\"Pine Board planed on both sides\"", 0.5,
           0.95);
    expect(&result, "/line_items/1/item_description", "\"Nails\"", 0.9, 1.0);
    expect(&result, "/line_items/2", "absent", -1.0, -1.0);
    result_finish(&result);
}

Test(invoice, empty_page_gives_nulls_that_ask_for_review)
{
    static const char *const lines[] = {NULL};
    struct result result;
    read_sheet(lines, &result);
    expect(&result, "/supplier_name", "null", 0.05, 0.2);
    expect(&result, "/invoice_date", "null", 0.05, 0.2);
    expect(&result, "/invoice_number", "null", 0.05, 0.2);
    expect(&result, "/line_items", "[]", 0.05, 0.2);
    result_finish(&result);
}

Test(invoice, words_of_another_shape_are_refused)
{
    static const char *const configs[] = {
        "{\"words\":[{\"text\":\"a\"}]}",
        "{\"words\":[{\"text\":\"a\",\"confidence\":1,\"line\":0,\"box\":[1,2,3]}]}",
        "{\"words\":[{\"text\":5,\"confidence\":1,\"line\":0,\"box\":[1,2,3,4]}]}",
        "{\"words\":[{\"text\":\"a\",\"confidence\":\"1\",\"line\":0,\"box\":[1,2,3,4]}]}",
        "{\"words\":[{\"text\":\"a\",\"confidence\":1,\"line\":0,\"box\":{\"x\":1}}]}",
        "{\"words\":[[]]}",
        "{\"words\":[7]}",
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct result result = {0};
        fnd_text_append_z(&result.config, configs[i]);
        read_config(&result);
        cr_expect_eq(result.effects.outcome, FOUNDRY_PERMANENT, "%s", configs[i]);
        cr_expect_str_eq(result.effects.code, "bad_words", "%s", configs[i]);
        cr_expect(strstr(result.effects.message, "word 0") != NULL, "%s", result.effects.message);
        result_finish(&result);
    }
}

Test(invoice, headings_with_a_letter_more_are_known)
{
    /* "Rates" goes on where "rate" ends. */
    static const char *const lines[] = {"Items                  Unitss      Rates     Amounts",
                                        "Claw Hammer                 2       8.99       17.98",
                                        "Wood Glue                  10       1.50       15.00",
                                        "Copper Cable                3       2.25        6.75",
                                        NULL};
    struct result result;
    read_sheet(lines, &result);
    expect(&result, "/line_items/0/unit_price", "8.99", 0.5, 1.0);
    expect(&result, "/line_items/2/quantity", "3", 0.5, 1.0);
    result_finish(&result);
}

Test(invoice, wild_words_do_no_harm)
{
    static const char *const configs[] = {
        "{\"words\":[{\"text\":\"\\ud83d\\ude00\\n\\u00e9\\\"\",\"confidence\":9e9,\"line\":-5,"
        "\"box\":[-1e30,1e30,0,-7],\"page\":1e300,\"more\":{\"a\":[1,{\"b\":\"]\"}]}}]}",
        "{\"words\":[{\"text\":\"\",\"confidence\":0,\"line\":0,\"box\":[0,0,0,0]}]}",
        "{\"page\":{\"width\":0,\"height\":0,\"orientation\":270,\"skew\":44},\"words\":["
        "{\"text\":\"Total\",\"confidence\":0.5,\"line\":0,\"box\":[0,0,0,0]},"
        "{\"text\":\"99999999999999999999\",\"confidence\":0.5,\"line\":0,\"box\":[0,0,0,0]}]}",
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct result result = {0};
        fnd_text_append_z(&result.config, configs[i]);
        read_config(&result);
        cr_expect_eq(result.effects.outcome, FOUNDRY_DONE, "%s: %s", configs[i],
                     result.effects.message);
        result_finish(&result);
    }
}
