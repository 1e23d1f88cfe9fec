/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static int next_is_null(struct json *json)
{
    json->at += strspn(json->at, " \t\r\n");
    if (strncmp(json->at, "null", 4) == 0) {
        json->at += 4;
        return 1;
    }
    return 0;
}

static void text_read(struct json *json, char *text, size_t size)
{
    text[0] = '\0';
    if (!next_is_null(json)) {
        json_string(json, text, size);
    }
}

static void cell_read(struct json *json, struct answer_row *row, size_t cell)
{
    if (!next_is_null(json)) {
        double value = json_number(json) * NUMBER_SCALE;
        row->known[cell] = fabs(value) < 1e15;
        row->cells[cell] = row->known[cell] ? (int64_t)floor(value + 0.5) : 0;
    }
}

static void row_read_json(struct json *json, struct answer_row *row)
{
    static const char *const names[CELLS] = {"quantity", "unit_price", "total_cost"};
    memset(row, 0, sizeof *row);
    for (json_enter(json, '{'); json_more(json);) {
        char key[32];
        size_t cell = 0;
        json_key(json, key, sizeof key);
        while (cell < CELLS && strcmp(key, names[cell]) != 0) {
            cell++;
        }
        if (cell < CELLS) {
            cell_read(json, row, cell);
        } else if (strcmp(key, "item_description") == 0) {
            text_read(json, row->description, sizeof row->description);
        } else {
            json_skip(json);
        }
    }
}

static int rows_read(struct json *json, struct answer *answer)
{
    if (next_is_null(json)) {
        return 0;
    }
    size_t capacity = 0;
    for (json_enter(json, '['); json_more(json) && answer->rows_count < ROWS_MAX;) {
        if (answer->rows_count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            struct answer_row *rows = realloc(answer->rows, capacity * sizeof *rows);
            if (rows == NULL) {
                return -1;
            }
            answer->rows = rows;
        }
        row_read_json(json, &answer->rows[answer->rows_count++]);
    }
    return 0;
}

int answer_read(struct answer *answer, const char *text)
{
    struct json json = {text, 0};
    *answer = (struct answer){.rows = NULL};
    for (json_enter(&json, '{'); json_more(&json);) {
        char key[32];
        json_key(&json, key, sizeof key);
        if (strcmp(key, "supplier_name") == 0) {
            text_read(&json, answer->supplier, sizeof answer->supplier);
        } else if (strcmp(key, "invoice_date") == 0) {
            text_read(&json, answer->date, sizeof answer->date);
        } else if (strcmp(key, "invoice_number") == 0) {
            text_read(&json, answer->number, sizeof answer->number);
        } else if (strcmp(key, "line_items") == 0) {
            if (rows_read(&json, answer) != 0) {
                return -1;
            }
        } else {
            json_skip(&json);
        }
    }
    return json.failed ? -2 : 0;
}

void answer_finish(struct answer *answer)
{
    free(answer->rows);
    *answer = (struct answer){.rows = NULL};
}

size_t text_distance(const char *a, const char *b, size_t most)
{
    size_t row[ANSWER_TEXT_MAX + 1];
    size_t a_size = strlen(a), b_size = strlen(b);
    size_t apart = a_size > b_size ? a_size - b_size : b_size - a_size;
    if (apart > most || b_size > ANSWER_TEXT_MAX) {
        return most + 1;
    }
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0], least = i;
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            size_t either = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = changed < either ? changed : either;
            least = row[j] < least ? row[j] : least;
        }
        if (least > most) {
            return most + 1;
        }
    }
    return row[b_size];
}

/** How much two rows are alike: 0 for nothing in common. */
static double rows_alike(const struct answer_row *a, const struct answer_row *b)
{
    double alike = 0.0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        alike += a->known[cell] && b->known[cell] && a->cells[cell] == b->cells[cell]
                     ? cell == CELL_TOTAL ? 2.0 : 1.0
                     : 0.0;
    }
    size_t size = strlen(a->description) > strlen(b->description) ? strlen(a->description)
                                                                  : strlen(b->description);
    size_t most = size / 2;
    if (a->description[0] != '\0' && b->description[0] != '\0') {
        size_t distance = text_distance(a->description, b->description, most);
        alike += distance <= most ? 2.0 * (1.0 - (double)distance / (double)size) : 0.0;
    }
    return alike >= 1.5 ? alike : 0.0;
}

int rows_pair(const struct answer_row *rows, size_t count, const struct answer_row *others,
              size_t others_count, size_t *partners)
{
    size_t width = others_count + 1;
    double *best = calloc((count + 1) * width, sizeof *best);
    if (best == NULL) {
        return -1;
    }
    /* The longest common run of likenesses, from the end backwards. */
    for (size_t i = count; i-- > 0;) {
        for (size_t j = others_count; j-- > 0;) {
            double both = best[(i + 1) * width + j + 1] + rows_alike(&rows[i], &others[j]);
            best[i * width + j] =
                fmax(both, fmax(best[(i + 1) * width + j], best[i * width + j + 1]));
        }
    }
    for (size_t i = 0; i < count; i++) {
        partners[i] = SIZE_MAX;
    }
    for (size_t i = 0, j = 0; i < count && j < others_count;) {
        double alike = rows_alike(&rows[i], &others[j]);
        if (alike > 0.0 && best[i * width + j] <= best[(i + 1) * width + j + 1] + alike) {
            partners[i++] = j++;
        } else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) {
            i++;
        } else {
            j++;
        }
    }
    free(best);
    return 0;
}
