/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdlib.h>

#include "columns.h"
#include "row.h"

int sum_is_printed(const struct document *document, size_t line, int64_t sum, char point)
{
    for (; line < document->lines_count; line++) {
        const struct line *below = &document->lines[line];
        for (size_t i = 0; i < below->count; i++) {
            struct number number;
            if (number_parse(document->words[below->first + i].text, point, &number) &&
                number.value >= sum - 100 && number.value <= sum + 100) {
                return 1;
            }
        }
    }
    return 0;
}

/** Whether the sum of the rows' totals is printed below them. */
static int is_complete(const struct table *table, const struct document *document)
{
    int64_t sum = 0;
    for (size_t i = 0; i < table->rows_count; i++) {
        sum += table->rows[i].cells[CELL_TOTAL].number.value;
    }
    return table->rows_count > 0 &&
           sum_is_printed(document, table->rows[table->rows_count - 1].line + 1, sum,
                          table->amounts.point);
}

int table_init(struct table *table, const struct document *document)
{
    const double lost_row = 0.85;
    struct columns columns;
    columns_find(&columns, document);
    *table = (struct table){.columns = columns, .heading = columns.line};
    table->rows = calloc(ROWS_MAX, sizeof *table->rows);
    if (table->rows == NULL) {
        return -1;
    }
    int votes = 0;
    for (size_t i = 0; i < document->words_count; i++) {
        number_vote(document->words[i].text, &votes);
    }
    struct amounts amounts = {number_point(votes), votes > 1 || votes < -1};
    size_t line = columns.line < document->lines_count ? columns.line + 1 : 0;
    for (; line < document->lines_count && table->rows_count < ROWS_MAX; line++) {
        struct row *row = &table->rows[table->rows_count];
        if (!row_is_end(document, line) && row_read(document, &columns, line, &amounts, row)) {
            table->rows_count++;
            line += row->description[1].count > 0;
        } else if (table->rows_count > 0 && row_is_end(document, line)) {
            break;
        }
    }
    table->amounts = amounts;
    table->complete = is_complete(table, document);
    for (size_t i = 0; i < table->rows_count && !table->complete; i++) {
        table->rows[i].cells[CELL_TOTAL].confidence *= lost_row;
    }
    return 0;
}

void table_finish(struct table *table)
{
    free(table->rows);
    *table = (struct table){0};
}
