/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Numbers that end, or else begin, at one place. */
struct column {
    double edge, left, right;  /* levelled pixels; `edge` is the mean of where they end */
    size_t count, first, last; /* how many, and the first and last line that has one */
    size_t pointed;            /* how many have places behind a point */
};

int cells_is_number(const char *text)
{
    static const char *const signs[] = {"$", "\xe2\x82\xac", "\xc2\xa3"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t length = strlen(signs[i]);
        text += strncmp(text, signs[i], length) == 0 ? length : 0;
    }
    size_t digits = 0, others = 0;
    for (; *text != '\0'; text++) {
        digits += *text >= '0' && *text <= '9';
        others += !(*text >= '0' && *text <= '9') && *text != '.' && *text != ',';
    }
    return digits > 0 && others == 0;
}

int cells_is_well_formed(const char *text)
{
    char separator = '\0';
    size_t digits = 0;
    text += strcspn(text, "0123456789.,"); /* a currency sign */
    for (; *text != '\0'; text++) {
        if (*text >= '0' && *text <= '9') {
            digits++;
            continue;
        }
        if ((separator != '\0' && digits != 3) || digits == 0) {
            return 0;
        }
        if (separator != '\0' && *text == separator && strlen(text) < 4) {
            return 0; /* 5,444,79: one sign cannot stand for both */
        }
        separator = *text;
        digits = 0;
    }
    return separator == '\0' || (digits >= 1 && digits <= 3);
}

/** Whether one or two places stand behind the last point or comma. */
static int is_pointed(const char *text)
{
    size_t size = strlen(text);
    return (size > 3 && (text[size - 3] == '.' || text[size - 3] == ',')) ||
           (size > 2 && (text[size - 2] == '.' || text[size - 2] == ','));
}

static double right_of(const struct word *word)
{
    return word->box.x + word->box.width;
}

/** How many numbers the line of word `first` has; `*end` is behind its last word. */
static size_t line_numbers(const struct words *words, size_t first, size_t *end)
{
    size_t count = 0;
    for (*end = first; *end < words->count && words->items[*end].line == words->items[first].line;
         ++*end) {
        count += (size_t)cells_is_number(words->items[*end].text);
    }
    return count;
}

static void column_take(struct column *columns, size_t *count, const struct word *word)
{
    struct column *column = NULL;
    for (size_t i = 0; i < *count && column == NULL; i++) {
        if (fabs(columns[i].edge - right_of(word)) < 0.8 * word->box.height) {
            column = &columns[i];
        }
    }
    if (column == NULL && *count < CELL_COLUMNS_MAX) {
        column = &columns[(*count)++];
        *column =
            (struct column){.left = word->box.x, .right = right_of(word), .first = word->line};
    }
    if (column != NULL) {
        column->edge += (right_of(word) - column->edge) / (double)(column->count + 1);
        column->left = fmin(column->left, word->box.x);
        column->right = fmax(column->right, right_of(word));
        column->pointed += (size_t)is_pointed(word->text);
        column->count += column->count == 0 || column->last != word->line;
        column->last = word->line;
    }
}

static size_t columns_find(const struct words *words, struct column columns[CELL_COLUMNS_MAX])
{
    size_t count = 0, kept = 0, end;
    for (size_t at = 0; at < words->count; at = end) {
        size_t numbers = line_numbers(words, at, &end);
        for (size_t i = at; i < end && numbers >= 2; i++) {
            if (cells_is_number(words->items[i].text)) {
                column_take(columns, &count, &words->items[i]);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (columns[i].count >= 3) {
            columns[kept++] = columns[i];
        }
    }
    return kept;
}

/** The first word of a line that reaches into a column, or `end`. */
static size_t word_within(const struct words *words, size_t at, size_t end,
                          const struct column *column, double margin)
{
    while (at < end && (right_of(&words->items[at]) <= column->left - margin ||
                        words->items[at].box.x >= column->right + margin)) {
        at++;
    }
    return at;
}

/** The gap of a line in a column; 0 if there is none. `first` to `end` are the line's words. */
static int gap_find(const struct words *words, size_t first, size_t end,
                    const struct column *column, double slope, struct gap *gap)
{
    const double doubtful = 0.6;
    const struct word *near = &words->items[first];
    double middle = (column->left + column->right) / 2;
    for (size_t i = first; i < end; i++) {
        if (cells_is_number(words->items[i].text) &&
            (!cells_is_number(near->text) ||
             fabs(words->items[i].box.x - middle) < fabs(near->box.x - middle))) {
            near = &words->items[i];
        }
    }
    gap->height = near->box.height;
    gap->word = SIZE_MAX;
    gap->parts = 0;
    size_t there = word_within(words, first, end, column, 0.3 * gap->height);
    double left = column->left, right = column->right;
    if (there < end) {
        size_t more = there + 1;
        while (more < end && word_within(words, more, end, column, 0.3 * gap->height) == more) {
            more++;
        }
        const struct word *word = &words->items[there], *last = &words->items[more - 1];
        /* "18 87" for 18.87, "5,444,79", or 762 in a column of amounts: read again. */
        int split = more == there + 2 && cells_is_number(word->text) &&
                    cells_is_number(last->text) && last->box.x - right_of(word) < 1.3 * gap->height;
        int unpointed = column->pointed * 3 >= column->count * 2 && !is_pointed(word->text);
        int trusted = cells_is_number(word->text) && cells_is_well_formed(word->text) &&
                      word->confidence >= doubtful && !unpointed;
        int inside = word->box.x >= column->left - gap->height &&
                     right_of(last) <= column->right + gap->height;
        if (!inside || (more > there + 1 && !split) || (trusted && !split)) {
            return 0;
        }
        gap->word = there;
        gap->parts = more - there;
        left = fmin(left, word->box.x);
        right = fmax(right, right_of(last));
    }
    double x = left - 0.4 * gap->height;
    double lower = near->box.y + slope * (middle - near->box.x - near->box.width / 2);
    gap->box = (struct box){x, lower - 0.3 * gap->height, right - x + 0.4 * gap->height,
                            1.6 * gap->height};
    return 1;
}

size_t cells_gaps(const struct words *words, double slope, struct gap gaps[CELLS_MAX])
{
    struct column columns[CELL_COLUMNS_MAX];
    size_t columns_count = columns_find(words, columns), count = 0, end;
    for (size_t at = 0; at < words->count && columns_count >= 2; at = end) {
        size_t line = words->items[at].line, filled = 0;
        line_numbers(words, at, &end);
        for (size_t i = 0; i < columns_count; i++) {
            size_t there = word_within(words, at, end, &columns[i], 0.0);
            filled += there < end && cells_is_number(words->items[there].text);
        }
        for (size_t i = 0; i < columns_count && filled >= 2 && count < CELLS_MAX; i++) {
            int beside = line + 1 >= columns[i].first && line <= columns[i].last + 1;
            count += beside && (size_t)gap_find(words, at, end, &columns[i], slope, &gaps[count]);
        }
    }
    return count;
}
