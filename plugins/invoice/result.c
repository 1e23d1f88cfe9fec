/* SPDX-License-Identifier: MIT */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct field field_from(const struct document *document, const struct found *found)
{
    struct field field = {
        .found = found->span.count > 0, .span = found->span, .confidence = found->confidence};
    if (field.found) {
        span_text(document, found->span, field.text, sizeof field.text);
    }
    return field;
}

static void row_from(struct result_row *row, const struct document *document,
                     const struct row *from)
{
    row->line = from->line;
    row->description.span = from->description[0];
    row->description.confidence = from->description_confidence;
    row->description.found = from->description[0].count > 0;
    span_text(document, from->description[0], row->description.text, ANSWER_TEXT_MAX / 2);
    if (from->description[1].count > 0) {
        size_t size = strlen(row->description.text);
        row->description.text[size++] = ' ';
        span_text(document, from->description[1], row->description.text + size,
                  ANSWER_TEXT_MAX - size);
    }
    for (size_t cell = 0; cell < CELLS; cell++) {
        row->cells[cell] = (struct field){.found = from->cells[cell].known,
                                          .number = from->cells[cell].number,
                                          .span = from->cells[cell].span,
                                          .confidence = from->cells[cell].confidence};
    }
}

int result_from_rules(struct result *result, const struct document *document,
                      const struct header *header, const struct table *table)
{
    const double complete = 0.98, unproven = 0.6;
    *result = (struct result){.rows_count = table->rows_count};
    result->rows = calloc(table->rows_count + 1, sizeof *result->rows);
    if (result->rows == NULL) {
        return -1;
    }
    result->header[RESULT_SUPPLIER] = field_from(document, &header->supplier);
    result->header[RESULT_DATE] = field_from(document, &header->date);
    result->header[RESULT_NUMBER] = field_from(document, &header->number);
    if (header->date.span.count > 0) {
        date_format(&header->date_value, result->header[RESULT_DATE].text);
    }
    for (size_t i = 0; i < table->rows_count; i++) {
        row_from(&result->rows[i], document, &table->rows[i]);
    }
    result->table.confidence = table->rows_count == 0 ? 0.0 : table->complete ? complete : unproven;
    return 0;
}

void result_finish(struct result *result)
{
    free(result->rows);
    *result = (struct result){.rows = NULL};
}

int result_answer(const struct result *result, struct answer *answer)
{
    *answer = (struct answer){.rows_count = result->rows_count};
    answer->rows = calloc(result->rows_count + 1, sizeof *answer->rows);
    if (answer->rows == NULL) {
        return -1;
    }
    memcpy(answer->supplier, result->header[RESULT_SUPPLIER].text, sizeof answer->supplier);
    memcpy(answer->number, result->header[RESULT_NUMBER].text, sizeof answer->number);
    snprintf(answer->date, sizeof answer->date, "%.15s", result->header[RESULT_DATE].text);
    for (size_t i = 0; i < result->rows_count; i++) {
        const struct result_row *row = &result->rows[i];
        memcpy(answer->rows[i].description, row->description.text, ANSWER_TEXT_MAX);
        for (size_t cell = 0; cell < CELLS; cell++) {
            answer->rows[i].known[cell] = row->cells[cell].found;
            answer->rows[i].cells[cell] = row->cells[cell].number.value;
        }
    }
    return 0;
}
