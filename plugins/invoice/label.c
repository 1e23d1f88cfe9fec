/* SPDX-License-Identifier: MIT */
#include "label.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Whether a date, read either way where it is ambiguous, is the answer's. */
static int date_is(struct date date, const char *wanted, enum date_order *order)
{
    char text[DATE_TEXT_SIZE];
    date_format(&date, text);
    *order = DATE_MONTH_FIRST;
    if (strcmp(text, wanted) == 0) {
        return 1;
    }
    if (date.order != DATE_AMBIGUOUS) {
        return 0;
    }
    date_swap(&date);
    date_format(&date, text);
    *order = DATE_DAY_FIRST;
    return strcmp(text, wanted) == 0;
}

enum date_order date_label(const struct document *document, const struct answer *answer,
                           char text[ANSWER_TEXT_MAX])
{
    text[0] = '\0';
    for (size_t i = 0; i < document->words_count; i++) {
        enum date_order order;
        struct date date;
        if (date_parse(document, i, &date) && date_is(date, answer->date, &order)) {
            span_text(document, date.span, text, ANSWER_TEXT_MAX);
            return date.order == DATE_AMBIGUOUS ? order : date.order;
        }
    }
    return DATE_CLEAR;
}

int header_label(const struct scene *scene, size_t field, const struct answer *answer,
                 const struct candidate *candidates, size_t count, uint8_t *labels)
{
    const char *wanted = field == RESULT_SUPPLIER ? answer->supplier
                         : field == RESULT_DATE   ? answer->date
                                                  : answer->number;
    size_t most = strlen(wanted) / 4, least = most + 1, found = 0;
    size_t distances[CANDIDATES_MAX];
    for (size_t i = 0; i < count; i++) {
        char text[ANSWER_TEXT_MAX];
        enum date_order order;
        span_text(scene->document, candidates[i].span, text, sizeof text);
        if (field == RESULT_DATE) {
            distances[i] = date_is(candidates[i].date, wanted, &order) ? 0 : most + 1;
        } else {
            distances[i] = text_distance(text, wanted, most);
        }
        least = distances[i] < least ? distances[i] : least;
    }
    for (size_t i = 0; i < count; i++) {
        labels[i] = wanted[0] != '\0' && least <= most && distances[i] == least;
        found += labels[i];
    }
    return found > 0;
}

/** Whether a word's digits are those of a cell, printed with places or without. */
static int digits_are(const char *text, int64_t value)
{
    char digits[32], exact[32], plain[32];
    size_t size = 0;
    for (; *text != '\0' && size + 1 < sizeof digits; text++) {
        if (*text >= '0' && *text <= '9') {
            digits[size++] = *text;
        }
    }
    digits[size] = '\0';
    snprintf(exact, sizeof exact, "%lld", (long long)(value / (NUMBER_SCALE / 100)));
    snprintf(plain, sizeof plain, "%lld", (long long)(value / NUMBER_SCALE));
    return size > 0 && value > 0 &&
           (strcmp(digits, exact) == 0 ||
            (value % NUMBER_SCALE == 0 && strcmp(digits, plain) == 0));
}

static int is_cell(const struct scene *scene, size_t word, const struct answer_row *row,
                   size_t cell)
{
    struct number number;
    const char *text = scene->document->words[word].text;
    if (!row->known[cell]) {
        return 0;
    }
    if (number_parse(text, scene->table->amounts.point, &number) &&
        number.value == row->cells[cell]) {
        return 1;
    }
    return strpbrk(text, "0123456789") != NULL && strspn(text, "0123456789.,:$") == strlen(text) &&
           digits_are(text, row->cells[cell]);
}

/** The run of a line's words nearest to a description, a quarter of its letters away at most. */
static struct span description_label(const struct document *document, const struct line *line,
                                     const char *wanted)
{
    struct span best = {line->first, 0};
    size_t most = strlen(wanted) / 4, least = most + 1;
    for (size_t first = line->first; first < line->first + line->count; first++) {
        for (size_t count = 1; first + count <= line->first + line->count; count++) {
            char text[ANSWER_TEXT_MAX];
            struct span span = {first, count};
            span_text(document, span, text, sizeof text);
            size_t distance = text_distance(text, wanted, most);
            if (distance < least && wanted[0] != '\0') {
                least = distance;
                best = span;
            }
            if (strlen(text) > strlen(wanted) + most) {
                break;
            }
        }
    }
    return best;
}

/** How much a line looks like a row of the answer: 0 for not at all. */
static double line_alike(const struct scene *scene, const struct line *line,
                         const struct answer_row *row)
{
    double alike = 0.0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        for (size_t word = line->first; word < line->first + line->count; word++) {
            if (is_cell(scene, word, row, cell)) {
                alike += 1.0;
                break;
            }
        }
    }
    if (alike > 0.0 && description_label(scene->document, line, row->description).count > 0) {
        alike += 2.0;
    }
    return alike >= 2.0 ? alike : 0.0;
}

/** The line each row stands on, in their order; SIZE_MAX where none is found. */
static int lines_pair(const struct scene *scene, const struct answer *answer, size_t *lines)
{
    size_t rows = answer->rows_count, width = scene->document->lines_count + 1;
    double *alike = calloc((rows + 1) * width, sizeof *alike);
    double *best = calloc((rows + 1) * width, sizeof *best);
    if (alike == NULL || best == NULL) {
        free(alike);
        free(best);
        return -1;
    }
    for (size_t i = rows; i-- > 0;) {
        for (size_t j = width - 1; j-- > 0;) {
            alike[i * width + j] = line_alike(scene, &scene->document->lines[j], &answer->rows[i]);
            best[i * width + j] = fmax(alike[i * width + j] + best[(i + 1) * width + j + 1],
                                       fmax(best[(i + 1) * width + j], best[i * width + j + 1]));
        }
    }
    for (size_t i = 0; i < rows; i++) {
        lines[i] = SIZE_MAX;
    }
    for (size_t i = 0, j = 0; i < rows && j + 1 < width;) {
        double both = alike[i * width + j];
        if (both > 0.0 && best[i * width + j] <= best[(i + 1) * width + j + 1] + both) {
            lines[i++] = j++;
        } else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) {
            i++;
        } else {
            j++;
        }
    }
    free(alike);
    free(best);
    return 0;
}

/* Where a cell's column was seen: the right edges of its sure ones. */
struct edges {
    double sum[CELLS];
    size_t count[CELLS];
};

/** Label one cell of a row: the only word that fits, else the one that stands where the column's
 *  sure ones do. Without `edges` only sure ones are labelled, and their place is noted. */
static void cell_label(const struct scene *scene, const struct line *line,
                       const struct answer_row *row, size_t cell, struct edges *edges, int sure,
                       uint8_t *labels)
{
    size_t found = 0, best = 0;
    double nearest = INFINITY;
    for (size_t word = line->first; word < line->first + line->count; word++) {
        if (!is_cell(scene, word, row, cell) || labels[word] != ROLE_OTHER) {
            continue;
        }
        const struct box *box = &scene->document->words[word].box;
        double right = box->x + box->width;
        double apart = edges->count[cell] > 0
                           ? fabs(right - edges->sum[cell] / (double)edges->count[cell])
                       : scene->printed[word] == ROLE_QUANTITY + cell ? 0.0
                                                                      : scene->width - box->x;
        found++;
        if (apart < nearest) {
            nearest = apart;
            best = word;
        }
    }
    if (found == 0 || (sure && found > 1)) {
        return;
    }
    if (sure) {
        const struct box *box = &scene->document->words[best].box;
        edges->sum[cell] += box->x + box->width;
        edges->count[cell]++;
    } else {
        labels[best] = (uint8_t)(ROLE_QUANTITY + cell);
    }
}

int roles_label(const struct scene *scene, const struct answer *answer,
                const unsigned char *reviewed, uint8_t *labels)
{
    const struct document *document = scene->document;
    struct edges edges = {.sum = {0}};
    size_t *lines = calloc(answer->rows_count + 1, sizeof *lines);
    if (lines == NULL || lines_pair(scene, answer, lines) != 0) {
        free(lines);
        return -1;
    }
    memset(labels, reviewed == NULL ? ROLE_OTHER : LABEL_NONE, document->words_count);
    for (size_t i = 0; i < answer->rows_count; i++) {
        if (lines[i] == SIZE_MAX || (reviewed != NULL && !reviewed[i])) {
            continue;
        }
        const struct line *line = &document->lines[lines[i]];
        memset(labels + line->first, ROLE_OTHER, line->count);
        struct span span = description_label(document, line, answer->rows[i].description);
        memset(labels + span.first, ROLE_DESCRIPTION, span.count);
        for (size_t cell = 0; cell < CELLS; cell++) {
            cell_label(scene, line, &answer->rows[i], cell, &edges, 1, labels);
        }
    }
    for (size_t i = 0; i < answer->rows_count; i++) {
        for (size_t cell = CELLS; cell-- > 0 && lines[i] != SIZE_MAX;) {
            if (reviewed == NULL || reviewed[i]) {
                cell_label(scene, &document->lines[lines[i]], &answer->rows[i], cell, &edges, 0,
                           labels);
            }
        }
    }
    free(lines);
    return 0;
}
