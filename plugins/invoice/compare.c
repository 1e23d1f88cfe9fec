/* SPDX-License-Identifier: MIT */
/* What was found beside what a person said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

void calibrations_finish(struct calibrations *calibrations)
{
    free(calibrations->items);
    *calibrations = (struct calibrations){.items = NULL};
}

static int note(struct calibrations *calibrations, size_t example, enum kind kind,
                const char *pointer, const struct field *field, int right)
{
    if (calibrations->count == calibrations->capacity) {
        size_t capacity = calibrations->capacity == 0 ? 256 : calibrations->capacity * 2;
        struct calibration *items = realloc(calibrations->items, capacity * sizeof *items);
        if (items == NULL) {
            return -1;
        }
        calibrations->items = items;
        calibrations->capacity = capacity;
    }
    struct calibration *to = &calibrations->items[calibrations->count++];
    *to = (struct calibration){.example = example, .kind = kind, .right = right};
    to->confidence = field->confidence;
    snprintf(to->pointer, sizeof to->pointer, "%s", pointer);
    memcpy(to->inputs, field->inputs, sizeof to->inputs);
    return 0;
}

static int row_compare(const struct result_row *row, const struct answer_row *found,
                       const struct answer_row *human, size_t index, size_t example,
                       struct calibrations *calibrations)
{
    static const char *const names[CELLS] = {"quantity", "unit_price", "total_cost"};
    char pointer[64];
    int right = human != NULL && strcmp(found->description, human->description) == 0;
    snprintf(pointer, sizeof pointer, "/line_items/%zu/item_description", index);
    if (note(calibrations, example, KIND_DESCRIPTION, pointer, &row->description, right) != 0) {
        return -1;
    }
    for (size_t cell = 0; cell < CELLS; cell++) {
        right = human != NULL && found->known[cell] == human->known[cell] &&
                (!found->known[cell] || found->cells[cell] == human->cells[cell]);
        snprintf(pointer, sizeof pointer, "/line_items/%zu/%s", index, names[cell]);
        if (note(calibrations, example, (enum kind)(KIND_QUANTITY + cell), pointer,
                 &row->cells[cell], right) != 0) {
            return -1;
        }
    }
    return 0;
}

int result_compare(const struct result *result, const struct answer *human, size_t example,
                   struct calibrations *calibrations)
{
    static const char *const names[RESULT_HEADERS] = {"/supplier_name", "/invoice_date",
                                                      "/invoice_number"};
    struct answer found;
    int status = -1;
    size_t *partners = calloc(result->rows_count + 1, sizeof *partners);
    if (result_answer(result, &found) != 0 || partners == NULL ||
        rows_pair(found.rows, found.rows_count, human->rows, human->rows_count, partners) != 0) {
        goto out;
    }
    const int right[RESULT_HEADERS] = {strcmp(found.supplier, human->supplier) == 0,
                                       strcmp(found.date, human->date) == 0,
                                       strcmp(found.number, human->number) == 0};
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        if (note(calibrations, example, (enum kind)i, names[i], &result->header[i], right[i]) !=
            0) {
            goto out;
        }
    }
    int complete = found.rows_count == human->rows_count;
    for (size_t i = 0; i < result->rows_count; i++) {
        const struct answer_row *row = partners[i] == SIZE_MAX ? NULL : &human->rows[partners[i]];
        complete &= row != NULL;
        if (row_compare(&result->rows[i], &found.rows[i], row, i, example, calibrations) != 0) {
            goto out;
        }
    }
    if (note(calibrations, example, KIND_TABLE, "/line_items", &result->table, complete) == 0) {
        status = 0;
    }
out:
    answer_finish(&found);
    free(partners);
    return status;
}
