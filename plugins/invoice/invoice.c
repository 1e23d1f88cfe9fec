/* SPDX-License-Identifier: MIT */
/* invoice/fields: the words of a page to the fields of an invoice, by a model where there is one,
 * else by rules. See README.md. */
#include <foundry/helpers.h>
#include <foundry/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "at_hand.h"
#include "guess.h"
#include "model.h"
#include "page.h"
#include "trainer.h"

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

static void text_write(foundry_json_t *json, const struct field *field)
{
    if (field->found && field->text[0] != '\0') {
        foundry_json_string(json, field->text);
    } else {
        foundry_json_null(json);
    }
}

static const char *const cell_names[CELLS] = {"quantity", "unit_price", "total_cost"};
static const char *const header_names[RESULT_HEADERS] = {"supplier_name", "invoice_date",
                                                         "invoice_number"};

static void row_write(foundry_json_t *json, const struct result_row *row)
{
    foundry_json_object(json);
    foundry_json_key(json, "item_description");
    text_write(json, &row->description);
    for (size_t cell = 0; cell < CELLS; cell++) {
        foundry_json_key(json, cell_names[cell]);
        if (row->cells[cell].found) {
            char number[32];
            number_format(&row->cells[cell].number, cell == CELL_QUANTITY, number);
            foundry_json_raw(json, number);
        } else {
            foundry_json_null(json);
        }
    }
    foundry_json_end(json);
}

static foundry_status_t result_write(const struct output *output, const struct result *result)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_object(&json);
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        foundry_json_key(&json, header_names[i]);
        text_write(&json, &result->header[i]);
    }
    foundry_json_key(&json, "line_items");
    foundry_json_array(&json);
    for (size_t i = 0; i < result->rows_count; i++) {
        row_write(&json, &result->rows[i]);
    }
    foundry_json_end(&json);
    foundry_json_end(&json);
    foundry_status_t status = foundry_json_stage(&json, output->host, output->call, "");
    foundry_json_finish(&json);
    return status;
}

static foundry_status_t row_mark(const struct output *output, const struct result_row *row,
                                 size_t index)
{
    char pointer[64];
    const struct line *line = &output->document->lines[row->line];
    snprintf(pointer, sizeof pointer, "/line_items/%zu/item_description", index);
    FOUNDRY_TRY(mark(output, pointer, row->description.confidence, row->description.span));
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

static foundry_status_t result_mark(const struct output *output, const struct result *result)
{
    const struct span none = {0, 0};
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/%s", header_names[i]);
        FOUNDRY_TRY(mark(output, pointer, result->header[i].confidence, result->header[i].span));
    }
    for (size_t i = 0; i < result->rows_count; i++) {
        FOUNDRY_TRY(row_mark(output, &result->rows[i], i));
    }
    /* The table as a whole: whether the rows are all there, and no more. */
    return mark(output, "/line_items", result->table.confidence, none);
}

struct fields {
    struct at_hand at_hand;
    struct model model;
};

static int kind_read(void *model, const unsigned char *bytes, size_t size, char *message,
                     size_t message_size)
{
    return model_read(model, bytes, size, message, message_size);
}

static void kind_finish(void *model)
{
    model_finish(model);
}

static const struct model_kind model_kind = {MODEL_BYTES_MAX, kind_read, kind_finish};

static foundry_outcome_t fields_create(const foundry_host_t *host, foundry_call_t *call,
                                       void **self)
{
    (void)host;
    (void)call;
    *self = calloc(1, sizeof(struct fields));
    return *self == NULL ? FOUNDRY_E_NO_MEMORY : FOUNDRY_DONE;
}

static void fields_destroy(void *self)
{
    struct fields *fields = self;
    at_hand_finish(&fields->at_hand, &fields->model, &model_kind);
    free(fields);
}

/** By rules: what there is before anything was learnt. 0, or -1 without memory. */
static int rules_read(const struct document *document, struct result *result)
{
    struct table table;
    struct header header;
    int status = table_init(&table, document);
    if (status == 0) {
        header_find(document, table.heading, &header);
        status = result_from_rules(result, document, &header, &table);
    }
    table_finish(&table);
    return status;
}

static foundry_outcome_t fields_process(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    struct fields *fields = self;
    struct output output = {host, call, NULL, NULL};
    double minimum;
    int there;
    FOUNDRY_TRY(
        foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/image", NULL, &output.artifact));
    FOUNDRY_TRY(
        foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/supplier_minimum", 3.0, &minimum));
    FOUNDRY_TRY(at_hand_load(&fields->at_hand, &fields->model, &model_kind, host, call, &there));
    struct document document;
    FOUNDRY_TRY(document_init(&document, host, call));
    output.document = &document;
    struct result result = {.rows = NULL};
    int status = there ? guess(&fields->model, &document, NULL, 1, (size_t)minimum, &result)
                       : rules_read(&document, &result);
    foundry_outcome_t outcome = status == 0 ? FOUNDRY_DONE : FOUNDRY_E_NO_MEMORY;
    if (outcome == FOUNDRY_DONE) {
        outcome = result_write(&output, &result);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = result_mark(&output, &result);
    }
    result_finish(&result);
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
        "\"description\":\"artifact that the words were read from, named as origin\"},"
        "\"model\":{\"type\":[\"string\",\"null\"],\"default\":null,\"x-foundry-per-job\":true,"
        "\"description\":\"artifact: what invoice/train made; null: rules\"},"
        "\"supplier_minimum\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000,\"default\":3,"
        "\"description\":\"corrected documents a supplier must have before a model may be sure of "
        "its name\"}}}",
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
    .threads = FOUNDRY_SERIAL_INSTANCE,
    .create = fields_create,
    .process = fields_process,
    .destroy = fields_destroy,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&fields, NULL};
    static const foundry_trainer_t *const trainers[] = {&invoice_trainer, NULL};
    static const foundry_plugin_t plugin = {
        .struct_size = sizeof plugin,
        .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
        .id = "invoice",
        .version = "0.1.0",
        .summary = "The fields of an invoice, by rules and by what corrections teach",
        .phases = phases,
        .trainers = trainers,
    };
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
