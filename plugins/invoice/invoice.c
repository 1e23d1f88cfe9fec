/* SPDX-License-Identifier: MIT */
/* invoice/fields: the words of a page to the fields of an invoice, by rules. See README.md. */
#include <foundry/helpers.h>
#include <foundry/plugin.h>
#include <math.h>
#include <stdio.h>

#include "header.h"
#include "page.h"
#include "table.h"

/* What a call writes with. */
struct output {
    const foundry_host_t *host;
    foundry_call_t *call;
    const char *artifact; /* of the page, or NULL: then no origins are set */
    const struct document *document;
};

/** Set a field's confidence and, if it was read somewhere, its place. */
static foundry_status_t mark(const struct output *output, const char *pointer, double confidence,
                             struct span span)
{
    const double absent = 0.1; /* nothing was found: a person should look */
    double score = confidence > 0.0 ? floor(confidence * 10000.0 + 0.5) / 10000.0 : absent;
    FOUNDRY_TRY(output->host->confidence_set(output->call, pointer, score));
    if (span.count == 0 || output->artifact == NULL) {
        return FOUNDRY_OK;
    }
    struct box box = span_shown(output->document, span);
    const foundry_origin_t origin = {.struct_size = sizeof origin,
                                     .artifact = output->artifact,
                                     .page = (uint32_t)output->document->words[span.first].page,
                                     .x = box.x,
                                     .y = box.y,
                                     .width = box.width,
                                     .height = box.height};
    return output->host->origin_set(output->call, pointer, &origin);
}

static void text_write(foundry_json_t *json, const struct document *document, struct span first,
                       struct span second)
{
    char text[1024];
    if (first.count == 0) {
        foundry_json_null(json);
        return;
    }
    span_text(document, first, text, sizeof text / 2);
    if (second.count > 0) {
        size_t size = strlen(text);
        text[size++] = ' ';
        span_text(document, second, text + size, sizeof text - size);
    }
    foundry_json_string(json, text);
}

static const char *const cell_names[CELLS] = {"quantity", "unit_price", "total_cost"};

static void row_write(foundry_json_t *json, const struct document *document, const struct row *row)
{
    foundry_json_object(json);
    foundry_json_key(json, "item_description");
    text_write(json, document, row->description[0], row->description[1]);
    for (size_t cell = 0; cell < CELLS; cell++) {
        foundry_json_key(json, cell_names[cell]);
        if (row->cells[cell].known) {
            char number[32];
            number_format(&row->cells[cell].number, cell == CELL_QUANTITY, number);
            foundry_json_raw(json, number);
        } else {
            foundry_json_null(json);
        }
    }
    foundry_json_end(json);
}

static foundry_status_t document_write(const struct output *output, const struct header *header,
                                       const struct table *table)
{
    const struct span none = {0, 0};
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_object(&json);
    foundry_json_key(&json, "supplier_name");
    text_write(&json, output->document, header->supplier.span, none);
    foundry_json_key(&json, "invoice_date");
    if (header->date.span.count > 0) {
        char date[48];
        snprintf(date, sizeof date, "%04d-%02d-%02d", header->date_value.year,
                 header->date_value.month, header->date_value.day);
        foundry_json_string(&json, date);
    } else {
        foundry_json_null(&json);
    }
    foundry_json_key(&json, "invoice_number");
    text_write(&json, output->document, header->number.span, none);
    foundry_json_key(&json, "line_items");
    foundry_json_array(&json);
    for (size_t i = 0; i < table->rows_count; i++) {
        row_write(&json, output->document, &table->rows[i]);
    }
    foundry_json_end(&json);
    foundry_json_end(&json);
    foundry_status_t status = foundry_json_stage(&json, output->host, output->call, "");
    foundry_json_finish(&json);
    return status;
}

static foundry_status_t row_mark(const struct output *output, const struct row *row, size_t index)
{
    char pointer[64];
    const struct line *line = &output->document->lines[row->line];
    snprintf(pointer, sizeof pointer, "/line_items/%zu/item_description", index);
    FOUNDRY_TRY(mark(output, pointer, row->description_confidence, row->description[0]));
    for (size_t cell = 0; cell < CELLS; cell++) {
        /* What was worked out has no place of its own: the row is where to look. */
        struct span span = row->cells[cell].span.count > 0
                               ? row->cells[cell].span
                               : (struct span){line->first, line->count};
        snprintf(pointer, sizeof pointer, "/line_items/%zu/%s", index, cell_names[cell]);
        FOUNDRY_TRY(mark(output, pointer, row->cells[cell].confidence, span));
    }
    return FOUNDRY_OK;
}

static foundry_status_t document_mark(const struct output *output, const struct header *header,
                                      const struct table *table)
{
    const double complete = 0.98, unproven = 0.6;
    const struct span none = {0, 0};
    FOUNDRY_TRY(mark(output, "/supplier_name", header->supplier.confidence, header->supplier.span));
    FOUNDRY_TRY(mark(output, "/invoice_date", header->date.confidence, header->date.span));
    FOUNDRY_TRY(mark(output, "/invoice_number", header->number.confidence, header->number.span));
    for (size_t i = 0; i < table->rows_count; i++) {
        FOUNDRY_TRY(row_mark(output, &table->rows[i], i));
    }
    double rows = table->rows_count == 0 ? 0.0 : table->complete ? complete : unproven;
    return mark(output, "/line_items", rows, none);
}

static foundry_outcome_t fields_process(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    (void)self;
    struct output output = {host, call, NULL, NULL};
    FOUNDRY_TRY(
        foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/image", NULL, &output.artifact));
    struct document document;
    FOUNDRY_TRY(document_init(&document, host, call));
    output.document = &document;
    struct table table;
    struct header header;
    foundry_outcome_t outcome = FOUNDRY_E_NO_MEMORY;
    if (table_init(&table, &document) == 0) {
        header_find(&document, table.heading, &header);
        outcome = document_write(&output, &header, &table);
        if (outcome == FOUNDRY_DONE) {
            outcome = document_mark(&output, &header, &table);
        }
    }
    table_finish(&table);
    document_finish(&document);
    return outcome;
}

static const foundry_phase_t fields = {
    .struct_size = sizeof fields,
    .name = "fields",
    .summary = "Find supplier, date, number and rows of an invoice among its words",
    .config_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"words\"],"
        "\"properties\":{"
        "\"words\":{\"type\":\"array\",\"x-foundry-per-job\":true,"
        "\"description\":\"as tesseract/ocr writes them\","
        "\"items\":{\"type\":\"object\"}},"
        "\"page\":{\"type\":\"object\",\"x-foundry-per-job\":true,"
        "\"description\":\"as tesseract/ocr writes it: width, height, orientation, skew\"},"
        "\"image\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
        "\"description\":\"artifact that the words were read from, named as origin\"}}}",
    .output_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,"
        "\"required\":[\"supplier_name\",\"invoice_date\",\"invoice_number\",\"line_items\"],"
        "\"properties\":{"
        "\"supplier_name\":{\"type\":[\"string\",\"null\"]},"
        "\"invoice_date\":{\"type\":[\"string\",\"null\"],"
        "\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}$\"},"
        "\"invoice_number\":{\"type\":[\"string\",\"null\"]},"
        "\"line_items\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
        "\"additionalProperties\":false,"
        "\"required\":[\"item_description\",\"quantity\",\"unit_price\",\"total_cost\"],"
        "\"properties\":{\"item_description\":{\"type\":[\"string\",\"null\"]},"
        "\"quantity\":{\"type\":[\"number\",\"null\"]},"
        "\"unit_price\":{\"type\":[\"number\",\"null\"]},"
        "\"total_cost\":{\"type\":[\"number\",\"null\"]}}}}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = fields_process,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&fields, NULL};
    static const foundry_plugin_t plugin = {
        .struct_size = sizeof plugin,
        .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
        .id = "invoice",
        .version = "0.1.0",
        .summary = "The fields of an invoice, by rules",
        .phases = phases,
    };
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
