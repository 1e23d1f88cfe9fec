/* SPDX-License-Identifier: MIT */
/* invoice/train over pages written as text: what corrections teach, and what a damaged model or a
 * bad example does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "phase.h"
#include "sheet.h"
#include "trainer.h"

enum { DOCUMENTS = 24, PAGE_LINES = 16, LINE_SIZE = 96 };

/* One page of a supplier whose labels and headings the rules do not know. */
struct page {
    char lines[PAGE_LINES][LINE_SIZE];
    struct fnd_text config, human;
};

/* Pages are read with a wrong letter in the number and in each description: what a person typed
 * stands nowhere on them. */
static bool misread;

static void row_print(char *line, struct fnd_text *human, size_t number, size_t row)
{
    static const char *const goods[] = {"Brass Gasket", "Oak Spacer", "Steel Valve",
                                        "Cotton Apron"};
    static const int prices[] = {185, 1240, 999, 2075}; /* cents: the catalogue's */
    size_t good = (number + row) % 4;
    int quantity = 2 + (int)((number * 7 + row * 3) % 9), total = quantity * prices[good];
    snprintf(line, LINE_SIZE, "%-24s%6d%12d.%02d%12d.%02d", goods[good], quantity,
             prices[good] / 100, prices[good] % 100, total / 100, total % 100);
    fnd_text_printf(human,
                    "%s{\"item_description\":\"%s\",\"quantity\":%d,\"unit_price\":%d.%02d,"
                    "\"total_cost\":%d.%02d}",
                    row == 0 ? "" : ",", goods[good], quantity, prices[good] / 100,
                    prices[good] % 100, total / 100, total % 100);
}

/** Page `number` of a supplier that prints the day first. `date`: what it prints and means, or
 *  NULL for one of its own. */
static void page_make(struct page *page, const char *supplier, size_t number, const char *printed,
                      const char *meant)
{
    const char *lines[PAGE_LINES + 1] = {NULL};
    char own_printed[32], own_meant[32];
    memset(page, 0, sizeof *page);
    size_t day = 13 + number % 15, month = 1 + number % 12;
    snprintf(own_printed, sizeof own_printed, "%02zu/%02zu/2025", day, month);
    snprintf(own_meant, sizeof own_meant, "2025-%02zu-%02zu", month, day);
    snprintf(page->lines[0], LINE_SIZE, "!%s", supplier);
    snprintf(page->lines[1], LINE_SIZE, "Station Yard");
    snprintf(page->lines[3], LINE_SIZE, "Consignee                     Job        %zu",
             700000 + number * 13);
    snprintf(page->lines[4], LINE_SIZE, "Riverside Cafe                Folio      %c-%zu",
             misread ? 'X' : 'K', 4000 + number * 7);
    snprintf(page->lines[5], LINE_SIZE, "Bridge Street                 Raised     %s",
             printed == NULL ? own_printed : printed);
    snprintf(page->lines[7], LINE_SIZE, "%-24s%6s%15s%15s", "Particulars", "Pcs", "List", "Sum");
    fnd_text_printf(
        &page->human,
        "{\"supplier_name\":\"%s\",\"invoice_date\":\"%s\",\"invoice_number\":\"K-%zu\","
        "\"line_items\":[",
        supplier, meant == NULL ? own_meant : meant, 4000 + number * 7);
    for (size_t row = 0; row < 3; row++) {
        row_print(page->lines[8 + row], &page->human, number, row);
        page->lines[8 + row][2] = misread ? 'q' : page->lines[8 + row][2];
    }
    fnd_text_append_z(&page->human, "]}");
    snprintf(page->lines[12], LINE_SIZE, "Thanks");
    for (size_t i = 0; i < 13; i++) {
        lines[i] = page->lines[i];
    }
    sheet_config(lines, &page->config);
}

static void page_finish(struct page *page)
{
    fnd_text_finish(&page->config);
    fnd_text_finish(&page->human);
}

/** reviewed: JSON, a list of pointers or null. */
static void reviewed_append(struct fnd_text *lines, size_t number, const struct page *page,
                            const char *human, const char *reviewed)
{
    fnd_text_printf(lines,
                    "{\"id\":\"doc-%03zu\",\"group\":\"g\",\"split\":\"train\",\"tier\":\"gold\","
                    "\"verdict\":\"corrected\",\"with\":%s,\"human\":%s,\"reviewed\":%s}\n",
                    number, fnd_text_z(&page->config), human, reviewed);
}

static void example_append(struct fnd_text *lines, size_t number, const struct page *page,
                           const char *human)
{
    reviewed_append(lines, number, page, human, "null");
}

static const char *const suppliers[] = {"Kestrel Plumbing Ltd", "Dunmore Dental Group"};

static void examples_make(struct fnd_text *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct page page;
        page_make(&page, suppliers[i % 2], i, NULL, NULL);
        example_append(lines, i, &page, fnd_text_z(&page.human));
        page_finish(&page);
    }
}

static struct fnd_json json_of(const char *text)
{
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &value, &error), FND_OK, "%s",
                 error.message);
    return value;
}

static bool said_yes(void *context)
{
    (void)context;
    return true;
}

/** Call the trainer with some examples. */
static void train_run(const struct fnd_text *lines, bool cancelled, struct fnd_effects *effects)
{
    const struct fnd_call_artifact artifacts[] = {{"examples", lines->size, -1, fnd_text_z(lines)}};
    const struct fnd_call_input input = {
        .config = json_of("{}"),
        .run = json_of("{\"attempt\":1,\"training\":{\"model\":\"invoice\",\"version\":1,"
                       "\"seed\":\"1\",\"examples\":\"examples\",\"previous\":null,"
                       "\"checkpoint\":null}}"),
        .artifacts = artifacts,
        .artifacts_count = 1};
    const struct fnd_call_live live = {.cancelled = cancelled ? said_yes : NULL};
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("schema", invoice_trainer.config_schema,
                                   strlen(invoice_trainer.config_schema), &schema, &error),
                 FND_OK);
    *effects = (struct fnd_effects){0};
    struct foundry_call *call = fnd_call_begin(&input, schema, &live, effects);
    fnd_call_end(call, invoice_trainer.train(fnd_host_table(), call));
    fnd_schema_destroy(schema);
}

/** The model the trainer wrote. */
static void model_of(const struct fnd_effects *effects, struct fnd_text *bytes)
{
    cr_assert_eq(effects->outcome, FOUNDRY_DONE, "%s", effects->message);
    cr_assert_eq(effects->artifacts_count, 1);
    cr_assert_str_eq(effects->artifacts[0].name, "model");
    fnd_text_append(bytes, effects->artifacts[0].bytes, effects->artifacts[0].size);
}

static void model_train(size_t count, struct fnd_text *model)
{
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    examples_make(&lines, count);
    train_run(&lines, false, &effects);
    model_of(&effects, model);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}

/** Read a page by the plugin, with a model (under the name "page") or without. */
static void page_read(const struct page *page, const struct fnd_text *model,
                      struct fnd_effects *effects)
{
    struct phase phase;
    struct fnd_text config = {0};
    cr_assert(phase_open(&phase, "invoice", "{}"));
    fnd_text_append(&config, "{", 1);
    fnd_text_append_z(&config, model == NULL ? "\"model\":null," : "\"model\":\"page\",");
    fnd_text_append_z(&config, fnd_text_z(&page->config) + 1);
    phase_run(&phase, fnd_text_z(&config), model, false, effects);
    fnd_text_finish(&config);
    phase_close(&phase);
}

static void value_expect(const struct fnd_effects *effects, const char *pointer, const char *wanted)
{
    cr_assert_eq(effects->outcome, FOUNDRY_DONE, "%s", effects->message);
    struct fnd_json value = fnd_json_find(json_of(effects->output), pointer);
    cr_expect(value.bytes != NULL && value.size == strlen(wanted) &&
                  memcmp(value.bytes, wanted, value.size) == 0,
              "%s is %.*s, wanted %s", pointer, value.bytes == NULL ? 6 : (int)value.size,
              value.bytes == NULL ? "absent" : value.bytes, wanted);
}

Test(learning, corrections_teach_what_the_rules_do_not_know)
{
    struct fnd_text model = {0};
    struct fnd_effects by_rules, by_model;
    struct page page;
    model_train(DOCUMENTS, &model);
    page_make(&page, suppliers[0], 90, NULL, NULL);
    page_read(&page, NULL, &by_rules);
    page_read(&page, &model, &by_model);
    value_expect(&by_rules, "/invoice_number", "null");
    value_expect(&by_model, "/invoice_number", "\"K-4630\"");
    value_expect(&by_model, "/supplier_name", "\"Kestrel Plumbing Ltd\"");
    value_expect(&by_model, "/line_items/0/item_description", "\"Steel Valve\"");
    value_expect(&by_model, "/line_items/2/unit_price", "1.85");
    cr_expect(fnd_json_count(fnd_json_find(json_of(by_model.output), "/line_items")) == 3);
    static const char *const sure[] = {"/supplier_name", "/invoice_date", "/invoice_number",
                                       "/line_items", "/line_items/0/total_cost"};
    for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++) {
        cr_expect(phase_confidence(&by_model, sure[i]) > 0.8, "%s: %.3f", sure[i],
                  phase_confidence(&by_model, sure[i]));
    }
    fnd_effects_finish(&by_rules);
    fnd_effects_finish(&by_model);
    page_finish(&page);
    fnd_text_finish(&model);
}

Test(learning, what_was_misread_on_every_page_is_learnt_by_the_nearest_text)
{
    struct fnd_text model = {0};
    struct fnd_effects read;
    struct page page;
    misread = true;
    model_train(DOCUMENTS, &model);
    page_make(&page, suppliers[0], 90, NULL, NULL);
    page_read(&page, &model, &read);
    value_expect(&read, "/invoice_number", "\"X-4630\"");
    /* Which words are a description was learnt by their nearness, too; what it is, from people. */
    value_expect(&read, "/line_items/0/item_description", "\"Steel Valve\"");
    value_expect(&read, "/line_items/2/item_description", "\"Brass Gasket\"");
    fnd_effects_finish(&read);
    page_finish(&page);
    fnd_text_finish(&model);
}

Test(learning, same_examples_same_bytes_and_a_report)
{
    struct fnd_text lines = {0}, first = {0}, second = {0};
    struct fnd_effects effects;
    examples_make(&lines, DOCUMENTS);
    train_run(&lines, false, &effects);
    model_of(&effects, &first);
    struct fnd_json output = json_of(effects.output);
    double documents = 0, right = 0;
    cr_assert(fnd_json_number(fnd_json_find(output, "/metrics/documents"), &documents));
    cr_assert(fnd_json_number(fnd_json_find(output, "/metrics/held_out_right"), &right));
    cr_expect(documents > DOCUMENTS - 0.5 && documents < DOCUMENTS + 0.5);
    cr_expect(right > 0.9 && right <= 1.0, "%f", right);
    /* Each document is held out once: 3 header fields, the table, and 4 cells for each of its rows.
     */
    size_t fields = fnd_json_count(fnd_json_find(output, "/calibration"));
    cr_expect_eq(fields, (size_t)DOCUMENTS * (4 + 3 * 4));
    cr_expect(fnd_json_find(output, "/calibration/0/right").bytes != NULL);
    fnd_effects_finish(&effects);
    train_run(&lines, false, &effects);
    model_of(&effects, &second);
    cr_expect(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
    fnd_text_finish(&first);
    fnd_text_finish(&second);
}

/* Rows are told apart by their parts: quantities were asked about in the first row alone. */
static const char asked[] = "[\"/supplier_name\",\"/invoice_number\",\"/line_items/0/quantity\"]";

Test(learning, what_was_asked_teaches_confidence_and_proves_nothing)
{
    struct fnd_text lines = {0}, model = {0};
    struct fnd_effects effects;
    struct page page;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        page_make(&page, suppliers[i % 2], i, NULL, NULL);
        reviewed_append(&lines, i, &page, fnd_text_z(&page.human), i == 7 ? "null" : asked);
        page_finish(&page);
    }
    train_run(&lines, false, &effects);
    model_of(&effects, &model);
    struct fnd_json output = json_of(effects.output);
    double fields = 0, whole = 0;
    cr_assert(fnd_json_number(fnd_json_find(output, "/metrics/held_out_fields"), &fields));
    cr_assert(fnd_json_number(fnd_json_find(output, "/metrics/held_out_whole"), &whole));
    /* The one document that was looked at as a whole, and three fields of each other. */
    cr_expect_eq((size_t)fields, 16 + (DOCUMENTS - 1) * 3, "%f", fields);
    cr_expect_eq((size_t)whole, 16, "%f", whole);
    cr_expect_eq(fnd_json_count(fnd_json_find(output, "/calibration")), 16);
    fnd_effects_finish(&effects);
    page_make(&page, suppliers[0], 90, NULL, NULL);
    page_read(&page, &model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    static const char *const learnt[] = {"/supplier_name", "/invoice_number",
                                         "/line_items/0/quantity", "/line_items/2/quantity"};
    static const char *const unlearnt[] = {"/invoice_date", "/line_items"};
    for (size_t i = 0; i < sizeof learnt / sizeof learnt[0]; i++) {
        cr_expect(phase_confidence(&effects, learnt[i]) > 0.8, "%s: %.3f", learnt[i],
                  phase_confidence(&effects, learnt[i]));
    }
    for (size_t i = 0; i < sizeof unlearnt / sizeof unlearnt[0]; i++) {
        cr_expect(phase_confidence(&effects, unlearnt[i]) <= 0.5, "%s: %.3f", unlearnt[i],
                  phase_confidence(&effects, unlearnt[i]));
    }
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&lines);
    fnd_text_finish(&model);
}

Test(learning, too_few_documents_are_never_sure)
{
    struct fnd_text model = {0};
    struct fnd_effects effects;
    struct page page;
    model_train(8, &model);
    page_make(&page, suppliers[0], 90, NULL, NULL);
    page_read(&page, &model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    for (size_t i = 0; i < effects.confidences_count; i++) {
        cr_expect(effects.confidences[i].score <= 0.5);
    }
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&model);
}

/* A blank page, one of scribbles, one of letters in no order: with a model, too, all of the first
 * two is asked, and of the third what tells that it is no invoice. */
Test(learning, pages_that_are_no_invoice_are_asked_as_a_whole)
{
    static const char *const pages[][6] = {
        {NULL},
        {"~ ~ i~ l| _~", "", "/~ 7~ \\~", "o~ e ~", NULL},
        {"qrs tuv wxy", "the cat sat on 3 mats", "of 12", NULL},
    };
    struct fnd_text model = {0};
    model_train(DOCUMENTS, &model);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct fnd_effects effects;
        struct page page = {.config = {0}};
        sheet_config(pages[i], &page.config);
        page_read(&page, &model, &effects);
        cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
        cr_expect(effects.confidences_count >= 4, "page %zu", i);
        for (size_t field = 0; field < effects.confidences_count; field++) {
            cr_expect(i == 2 || effects.confidences[field].score < 0.9, "page %zu: %s %.3f", i,
                      effects.confidences[field].pointer, effects.confidences[field].score);
        }
        cr_expect(phase_confidence(&effects, "/line_items") < 0.11, "page %zu: %.3f", i,
                  phase_confidence(&effects, "/line_items"));
        cr_expect(phase_confidence(&effects, "/supplier_name") < 0.11, "page %zu: %.3f", i,
                  phase_confidence(&effects, "/supplier_name"));
        fnd_effects_finish(&effects);
        page_finish(&page);
    }
    fnd_text_finish(&model);
}

Test(learning, a_new_supplier_is_always_asked)
{
    struct fnd_text model = {0};
    struct fnd_effects effects;
    struct page page;
    model_train(DOCUMENTS, &model);
    page_make(&page, "Thornbury Lighting LLC", 90, NULL, NULL);
    page_read(&page, &model, &effects);
    value_expect(&effects, "/supplier_name", "\"Thornbury Lighting LLC\"");
    cr_expect(phase_confidence(&effects, "/supplier_name") <= GUESS_ASKED);
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&model);
}

/* Suppliers that print alike: what one teaches holds for the next. That it does is seen by holding
 * each of them out as a whole, and by nothing else. */
Test(learning, how_new_suppliers_are_read_is_learnt_from_each_supplier_held_out)
{
    static const char *const many[] = {"Kestrel Plumbing Ltd", "Dunmore Dental Group",
                                       "Harrow Timber Ltd",    "Abbey Glass Works",
                                       "Milton Roofing LLC",   "Penrose Paper Company"};
    struct fnd_text lines = {0}, model = {0};
    struct fnd_effects effects;
    struct page page;
    double right = 0;
    for (size_t i = 0; i < 36; i++) {
        page_make(&page, many[i % 6], i, NULL, NULL);
        example_append(&lines, i, &page, fnd_text_z(&page.human));
        page_finish(&page);
    }
    train_run(&lines, false, &effects);
    model_of(&effects, &model);
    struct fnd_json metrics = fnd_json_find(json_of(effects.output), "/metrics");
    cr_assert(fnd_json_number(fnd_json_member(metrics, "new_supplier_right"), &right));
    cr_expect(right > 0.8, "%f", right);
    cr_expect_eq(fnd_json_count(fnd_json_find(json_of(effects.output), "/calibration")), 36 * 16,
                 "each document counts once");
    fnd_effects_finish(&effects);
    page_make(&page, "Thornbury Lighting LLC", 90, NULL, NULL);
    page_read(&page, &model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    cr_expect(phase_confidence(&effects, "/invoice_number") > 0.9, "%.3f",
              phase_confidence(&effects, "/invoice_number"));
    cr_expect(phase_confidence(&effects, "/line_items/0/quantity") > 0.9, "%.3f",
              phase_confidence(&effects, "/line_items/0/quantity"));
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&lines);
    fnd_text_finish(&model);
}

Test(learning, day_and_month_are_learnt_of_each_supplier)
{
    struct fnd_text model = {0};
    struct fnd_effects effects;
    struct page page;
    model_train(DOCUMENTS, &model);
    page_make(&page, suppliers[1], 90, "07/08/2025", "2025-08-07");
    page_read(&page, &model, &effects);
    value_expect(&effects, "/invoice_date", "\"2025-08-07\"");
    cr_expect(phase_confidence(&effects, "/invoice_date") > GUESS_ASKED);
    fnd_effects_finish(&effects);
    page_finish(&page);
    page_make(&page, "Thornbury Lighting LLC", 90, "07/08/2025", "2025-08-07");
    page_read(&page, &model, &effects);
    cr_expect(phase_confidence(&effects, "/invoice_date") <= GUESS_ASKED,
              "nothing tells how a new supplier means it: %.3f",
              phase_confidence(&effects, "/invoice_date"));
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&model);
}

Test(learning, contradictory_corrections_make_unsure)
{
    struct fnd_text lines = {0}, model = {0};
    struct fnd_effects effects;
    struct page page;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        page_make(&page, suppliers[i % 2], i, NULL, NULL);
        char *human = strdup(fnd_text_z(&page.human));
        char *number = strstr(human, "\"K-");
        if (i % 4 < 2) { /* half of them say that the job's number is the invoice's */
            struct fnd_text said = {0};
            fnd_text_printf(&said, "%.*s\"%zu\"%s", (int)(number - human), human, 700000 + i * 13,
                            strchr(number + 1, '"') + 1);
            example_append(&lines, i, &page, fnd_text_z(&said));
            fnd_text_finish(&said);
        } else {
            example_append(&lines, i, &page, human);
        }
        free(human);
        page_finish(&page);
    }
    train_run(&lines, false, &effects);
    model_of(&effects, &model);
    fnd_effects_finish(&effects);
    page_make(&page, suppliers[0], 90, NULL, NULL);
    page_read(&page, &model, &effects);
    cr_assert_eq(effects.outcome, FOUNDRY_DONE, "%s", effects.message);
    cr_expect(phase_confidence(&effects, "/invoice_number") < 0.8, "%.3f",
              phase_confidence(&effects, "/invoice_number"));
    cr_expect(phase_confidence(&effects, "/supplier_name") > 0.8, "%.3f",
              phase_confidence(&effects, "/supplier_name"));
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&lines);
    fnd_text_finish(&model);
}

/** The model is refused with these words, by the parts and by the plugin. */
static void refused(const struct fnd_text *bytes, const char *words)
{
    struct page page;
    struct fnd_effects effects;
    page_make(&page, suppliers[0], 1, NULL, NULL);
    page_read(&page, bytes, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_PERMANENT);
    cr_expect_str_eq(effects.code, "bad_model");
    cr_expect(strstr(effects.message, words) != NULL, "%s, wanted %s", effects.message, words);
    fnd_effects_finish(&effects);
    page_finish(&page);
}

Test(learning, damaged_models_are_refused)
{
    struct fnd_text good = {0}, bytes = {0};
    struct model model;
    char message[256];
    model_train(12, &good);
    const unsigned char *from = (const unsigned char *)good.bytes;
    cr_assert_eq(model_read(&model, from, good.size, message, sizeof message), 0, "%s", message);
    size_t size = 0;
    unsigned char *again = model_write(&model, &size);
    cr_expect(size == good.size && memcmp(again, from, size) == 0, "reading and writing lose");
    free(again);
    model_finish(&model);
    for (size_t cut = 0; cut < good.size; cut += cut < 64 ? 1 : 997) {
        cr_assert_eq(model_read(&model, from, cut, message, sizeof message), -2, "cut at %zu", cut);
        cr_assert(message[0] != '\0');
    }
    unsigned char *copy = malloc(good.size);
    for (size_t at = 0; at < good.size; at += at < 64 ? 1 : 499) {
        memcpy(copy, from, good.size);
        copy[at] = (unsigned char)(copy[at] ^ (1U << (at % 8)));
        cr_assert_eq(model_read(&model, copy, good.size, message, sizeof message), -2,
                     "flipped at %zu", at);
    }
    free(copy);
    fnd_text_append(&bytes, good.bytes, good.size / 2);
    refused(&bytes, "cut");
    fnd_text_finish(&bytes);
    bytes = (struct fnd_text){0};
    fnd_text_append(&bytes, good.bytes, good.size);
    bytes.bytes[8] = 9;
    refused(&bytes, "version 9");
    bytes.bytes[8] = MODEL_FORMAT;
    bytes.bytes[100] = (char)(bytes.bytes[100] ^ 4);
    refused(&bytes, "checksum");
    fnd_text_finish(&bytes);
    fnd_text_finish(&good);
}

Test(learning, a_model_of_another_plugin_is_refused)
{
    struct fnd_text bytes = {0};
    unsigned char head[24] = "FNDMODEL",
                  rest[] = {9, 0, 'p', 'o', 'l', 'e', '/', 'f', 'i', 'n', 'd'};
    uint64_t hash = FEATURE_SEED;
    for (size_t i = 0; i < sizeof rest; i++) {
        hash = (hash ^ rest[i]) * UINT64_C(0x100000001b3);
    }
    head[8] = MODEL_FORMAT;
    head[12] = sizeof rest;
    for (size_t i = 0; i < 8; i++) {
        head[16 + i] = (unsigned char)(hash >> (8 * i));
    }
    fnd_text_append(&bytes, (const char *)head, sizeof head);
    fnd_text_append(&bytes, (const char *)rest, sizeof rest);
    refused(&bytes, "pole/find");
    fnd_text_finish(&bytes);
}

Test(learning, bad_examples_are_named)
{
    static const struct {
        const char *lines, *code, *words;
    } cases[] = {
        {"", "no_examples", "no corrected document"},
        {"{\"id\":\"a\",\"verdict\":\"rejected\",\"with\":{\"words\":[]},\"human\":null}\n",
         "no_examples", "no corrected document"},
        {"{\"id\":\"a\",\"with\":{\"words\":[{}]},\"human\":{}}\n", "bad_example", "word 0"},
        {"\n{\"id\":\"a\",\"with\":{\"words\":[]},\"human\":{\"line_items\":7}}\n", "bad_example",
         "line 2"},
        {"nonsense\n", "bad_example", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text lines = {0};
        struct fnd_effects effects;
        fnd_text_append_z(&lines, cases[i].lines);
        train_run(&lines, false, &effects);
        cr_assert_eq(effects.outcome, FOUNDRY_PERMANENT, "case %zu", i);
        cr_expect_str_eq(effects.code, cases[i].code);
        cr_expect(strstr(effects.message, cases[i].words) != NULL, "%s", effects.message);
        fnd_effects_finish(&effects);
        fnd_text_finish(&lines);
    }
}

Test(learning, cancelled_training_stops)
{
    struct fnd_text lines = {0};
    struct fnd_effects effects;
    examples_make(&lines, DOCUMENTS);
    train_run(&lines, true, &effects);
    cr_expect_eq(effects.outcome, FOUNDRY_CANCELLED);
    cr_expect_eq(effects.artifacts_count, 0);
    fnd_effects_finish(&effects);
    fnd_text_finish(&lines);
}

Test(learning, empty_pages_are_learnt_from_and_read)
{
    struct fnd_text lines = {0}, model = {0};
    struct fnd_effects effects;
    struct page page;
    examples_make(&lines, 12);
    fnd_text_append_z(&lines, "{\"id\":\"z\",\"with\":{\"words\":[],\"page\":null},"
                              "\"human\":{\"supplier_name\":null,\"invoice_date\":null,"
                              "\"invoice_number\":null,\"line_items\":[]},\"reviewed\":null}\n");
    train_run(&lines, false, &effects);
    model_of(&effects, &model);
    fnd_effects_finish(&effects);
    page = (struct page){.config = {0}};
    fnd_text_append_z(&page.config, "{\"words\":[]}");
    page_read(&page, &model, &effects);
    value_expect(&effects, "/supplier_name", "null");
    cr_expect(phase_confidence(&effects, "/supplier_name") <= 0.1 + 1e-9);
    fnd_effects_finish(&effects);
    page_finish(&page);
    fnd_text_finish(&lines);
    fnd_text_finish(&model);
}
