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

/* Where what was found goes, and of which example it is. */
struct compare {
    struct calibrations *calibrations;
    const struct example *example;
    size_t index;
};

static int note(const struct compare *compare, enum kind kind, const char *pointer,
                const struct field *field, int right)
{
    struct calibrations *calibrations = compare->calibrations;
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
    *to = (struct calibration){.example = compare->index, .kind = kind, .right = right};
    to->whole = compare->example->all;
    to->confidence = field->confidence;
    snprintf(to->pointer, sizeof to->pointer, "%s", pointer);
    memcpy(to->inputs, field->inputs, sizeof to->inputs);
    return 0;
}

/** One row that was found, beside the row `partner` of what the person said (SIZE_MAX: none is like
 *  it). Which parts of it the person looked at is known only by its partner. */
static int row_compare(const struct compare *compare, const struct result_row *row,
                       const struct answer_row *found, size_t partner, size_t index)
{
    static const char *const names[CELLS] = {"quantity", "unit_price", "total_cost"};
    const struct example *example = compare->example;
    const struct answer_row *human = partner == SIZE_MAX ? NULL : &example->human.rows[partner];
    unsigned looked = example->all || example->table ? LOOKED_ROW
                      : human != NULL                ? example->rows[partner]
                                                     : 0;
    char pointer[64];
    int right = human != NULL && strcmp(found->description, human->description) == 0;
    snprintf(pointer, sizeof pointer, "/line_items/%zu/item_description", index);
    if ((looked & LOOKED_DESCRIPTION) != 0 &&
        note(compare, KIND_DESCRIPTION, pointer, &row->description, right) != 0) {
        return -1;
    }
    for (size_t cell = 0; cell < CELLS; cell++) {
        right = human != NULL && found->known[cell] == human->known[cell] &&
                (!found->known[cell] || found->cells[cell] == human->cells[cell]);
        snprintf(pointer, sizeof pointer, "/line_items/%zu/%s", index, names[cell]);
        if ((looked & ((unsigned)LOOKED_CELLS << cell)) != 0 &&
            note(compare, (enum kind)(KIND_QUANTITY + cell), pointer, &row->cells[cell], right) !=
                0) {
            return -1;
        }
    }
    return 0;
}

int result_compare(const struct result *result, const struct example *example, size_t index,
                   struct calibrations *calibrations)
{
    static const char *const names[RESULT_HEADERS] = {"/supplier_name", "/invoice_date",
                                                      "/invoice_number"};
    const struct compare compare = {calibrations, example, index};
    const struct answer *human = &example->human;
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
        if ((example->all || example->headers[i]) &&
            note(&compare, (enum kind)i, names[i], &result->header[i], right[i]) != 0) {
            goto out;
        }
    }
    int complete = found.rows_count == human->rows_count;
    for (size_t i = 0; i < result->rows_count; i++) {
        complete &= partners[i] != SIZE_MAX;
        if (row_compare(&compare, &result->rows[i], &found.rows[i], partners[i], i) != 0) {
            goto out;
        }
    }
    if (!(example->all || example->table) ||
        note(&compare, KIND_TABLE, "/line_items", &result->table, complete) == 0) {
        status = 0;
    }
out:
    answer_finish(&found);
    free(partners);
    return status;
}
