/* SPDX-License-Identifier: MIT */
#include "row.h"

#include <math.h>
#include <string.h>

enum { NUMBERS_MAX = 12, NONE = NUMBERS_MAX };

static const enum column_kind kinds[CELLS] = {COLUMN_QUANTITY, COLUMN_PRICE, COLUMN_TOTAL};

/* The numbers of a line. */
struct numbers {
    size_t count;
    struct span spans[NUMBERS_MAX];
    struct number values[NUMBERS_MAX];
    double costs[NUMBERS_MAX][CELLS]; /* of taking it for that cell; infinite: cannot be */
};

int row_amounts_agree(int64_t quantity, int64_t price, int64_t total)
{
    double product = (double)quantity * (double)price / NUMBER_SCALE;
    return fabs(product - (double)total) <= 60.0;
}

static double cell_cost(const struct columns *columns, const struct box *box, double em,
                        const struct number *number, size_t cell)
{
    const double ems_max = 4.0;
    double cost = 2.0; /* no heading says anything */
    if (columns->kinds[kinds[cell]].present) {
        cost = columns_distance(columns, kinds[cell], box) / em;
        if (cost > ems_max) {
            return INFINITY;
        }
        for (size_t other = COLUMN_POSITION; other < COLUMN_KINDS; other++) {
            if (other != kinds[cell] &&
                columns_distance(columns, (enum column_kind)other, box) <= 0.0) {
                cost += 3.0; /* it stands under another heading */
            }
        }
    }
    cost += cell == CELL_QUANTITY && number->currency ? 4.0 : 0.0;
    cost += cell != CELL_QUANTITY && number->decimals != 2 ? 1.0 : 0.0;
    return cost;
}

/** "378 81": cents that were read as a word of their own, because the point was not. */
static int cents_join(const struct document *document, const struct line *line, size_t word,
                      struct number *number)
{
    const double ems_between = 0.7;
    const char *cents = document->words[word + 1].text;
    const struct box *box = &document->words[word].box;
    if (word + 1 >= line->first + line->count || number->decimals > 0 || strlen(cents) != 2 ||
        strspn(cents, "0123456789") != 2 ||
        document->words[word + 1].box.x - box->x - box->width > ems_between * line->height) {
        return 0;
    }
    number->value += ((cents[0] - '0') * 10 + cents[1] - '0') * (NUMBER_SCALE / 100);
    number->decimals = 2;
    return 1;
}

static void numbers_find(const struct document *document, const struct columns *columns,
                         size_t index, const struct amounts *amounts, struct numbers *numbers)
{
    const struct line *line = &document->lines[index];
    numbers->count = 0;
    for (size_t i = line->first + line->count; i-- > line->first && numbers->count < NUMBERS_MAX;) {
        struct number number;
        struct span span = {i, 1};
        if (!number_parse(document->words[i].text, amounts->point, &number)) {
            continue;
        }
        for (int joined = 0; joined < 2 && numbers->count < NUMBERS_MAX; joined++) {
            if (joined && !(amounts->have_cents && cents_join(document, line, i, &number))) {
                break;
            }
            span.count += (size_t)joined;
            struct box box = span_box(document, span);
            for (size_t cell = 0; cell < CELLS; cell++) {
                numbers->costs[numbers->count][cell] =
                    cell_cost(columns, &box, line->height, &number, cell) + joined;
            }
            numbers->spans[numbers->count] = span;
            numbers->values[numbers->count++] = number;
        }
    }
}

static double choice_cost(const struct document *document, const struct columns *columns,
                          const struct numbers *numbers, const size_t choice[CELLS])
{
    double cost = 0.0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        if (choice[cell] == NONE) {
            cost += columns->kinds[kinds[cell]].present ? 3.0 : 2.5;
        } else {
            cost += numbers->costs[choice[cell]][cell];
            for (size_t other = 0; other < cell; other++) {
                cost += choice[other] == choice[cell] ? INFINITY : 0.0;
            }
        }
    }
    if (choice[CELL_PRICE] != NONE && choice[CELL_TOTAL] != NONE) {
        const struct box *price = &document->words[numbers->spans[choice[CELL_PRICE]].first].box;
        const struct box *total = &document->words[numbers->spans[choice[CELL_TOTAL]].first].box;
        cost += price->x > total->x ? 1.0 : 0.0;
        if (choice[CELL_QUANTITY] != NONE &&
            row_amounts_agree(numbers->values[choice[CELL_QUANTITY]].value,
                              numbers->values[choice[CELL_PRICE]].value,
                              numbers->values[choice[CELL_TOTAL]].value)) {
            cost -= 6.0;
        }
    }
    return cost;
}

/** The cheapest way to tell which number is what. */
static void choose(const struct document *document, const struct columns *columns,
                   const struct numbers *numbers, size_t best[CELLS])
{
    double best_cost = INFINITY;
    for (size_t cell = 0; cell < CELLS; cell++) {
        best[cell] = NONE;
    }
    for (size_t quantity = 0; quantity <= numbers->count; quantity++) {
        for (size_t price = 0; price <= numbers->count; price++) {
            for (size_t total = 0; total <= numbers->count; total++) {
                size_t choice[CELLS] = {quantity, price, total};
                for (size_t cell = 0; cell < CELLS; cell++) {
                    choice[cell] = choice[cell] == numbers->count ? NONE : choice[cell];
                }
                double cost = choice_cost(document, columns, numbers, choice);
                if (cost < best_cost) {
                    best_cost = cost;
                    memcpy(best, choice, sizeof choice);
                }
            }
        }
    }
}

static int row_agrees(const struct row *row)
{
    return row->cells[CELL_QUANTITY].known && row->cells[CELL_PRICE].known &&
           row->cells[CELL_TOTAL].known &&
           row_amounts_agree(row->cells[CELL_QUANTITY].number.value,
                             row->cells[CELL_PRICE].number.value,
                             row->cells[CELL_TOTAL].number.value);
}

/** Round to a multiple of `step` ten-thousandths. */
static int64_t round_to(double value, int64_t step)
{
    return (int64_t)floor(value / (double)step + 0.5) * step;
}

/** Work the one cell out that was not read. Quantities are tried as whole numbers first. */
static void cell_derive(struct row *row, size_t cell)
{
    const int64_t cent = NUMBER_SCALE / 100;
    static const struct {
        int64_t step;
        unsigned decimals;
    } quantities[] = {{NUMBER_SCALE, 0}, {NUMBER_SCALE / 10, 1}, {NUMBER_SCALE / 100, 2}};
    double quantity = (double)row->cells[CELL_QUANTITY].number.value;
    double price = (double)row->cells[CELL_PRICE].number.value;
    double total = (double)row->cells[CELL_TOTAL].number.value;
    struct cell *missing = &row->cells[cell];
    *missing = (struct cell){.known = 1, .number.decimals = 2};
    if (cell == CELL_TOTAL) {
        missing->number.value = round_to(quantity * price / NUMBER_SCALE, cent);
    } else if (cell == CELL_PRICE && quantity > 0.0) {
        missing->number.value = round_to(total / quantity * NUMBER_SCALE, cent);
    } else if (cell == CELL_QUANTITY && price > 0.0 && total / price < 1e6) {
        for (size_t i = 0; i < 3 && !(i > 0 && row_agrees(row)); i++) {
            missing->number.value = round_to(total / price * NUMBER_SCALE, quantities[i].step);
            missing->number.decimals = quantities[i].decimals;
        }
    }
    if (missing->number.value == 0 || !row_agrees(row)) {
        *missing = (struct cell){0};
    }
}

/** A lost decimal point (342 for 3.42) shows when the rest of the row agrees with it put back. Both
 *  may be lost in the price and total of one row. */
static int points_restore(struct row *row)
{
    static const struct {
        int price, total;
    } tries[] = {{1, 0}, {0, 1}, {1, 1}};
    const double restored_max = 0.6;
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct row changed = *row;
        int wanted[CELLS] = {0, tries[i].price, tries[i].total}, possible = 1;
        for (size_t cell = CELL_PRICE; cell < CELLS; cell++) {
            struct cell *changing = &changed.cells[cell];
            if (wanted[cell]) {
                possible &= changing->known && changing->number.decimals == 0;
                changing->number.value /= 100;
                changing->number.decimals = 2;
                changing->confidence = fmin(changing->confidence, restored_max);
            }
        }
        if (possible && row_agrees(&changed)) {
            *row = changed;
            return 1;
        }
    }
    return 0;
}

/** The same for a quantity: 165 for 16.5. */
static int quantity_restore(struct row *row)
{
    const double restored_max = 0.6;
    struct row changed = *row;
    struct cell *quantity = &changed.cells[CELL_QUANTITY];
    for (unsigned decimals = 1; decimals <= 2 && row->cells[CELL_QUANTITY].number.decimals == 0;
         decimals++) {
        quantity->number.value /= 10;
        quantity->number.decimals = decimals;
        quantity->confidence = fmin(quantity->confidence, restored_max);
        if (quantity->number.value > 0 && row_agrees(&changed)) {
            *row = changed;
            return 1;
        }
    }
    return 0;
}

/** Three numbers that do not agree: put a point back, or work a badly read quantity out, or leave
 *  them with the doubt they deserve. */
static void row_repair(struct row *row)
{
    const double derived_max = 0.6, doubt = 0.4;
    struct cell quantity = row->cells[CELL_QUANTITY];
    if (!row_agrees(row) && quantity_restore(row)) {
        return;
    }
    int weakest = quantity.confidence < row->cells[CELL_PRICE].confidence &&
                  quantity.confidence < row->cells[CELL_TOTAL].confidence;
    if (weakest) {
        cell_derive(row, CELL_QUANTITY);
        struct cell *derived = &row->cells[CELL_QUANTITY];
        if (derived->known && derived->number.decimals == 0) {
            derived->span = quantity.span; /* where it stands, however it was read */
            derived->confidence = derived_max;
            return;
        }
        row->cells[CELL_QUANTITY] = quantity;
    }
    for (size_t cell = 0; cell < CELLS; cell++) {
        row->cells[cell].confidence *= doubt;
    }
}

/** Set what the cells' agreement says about them. */
static void row_weigh(struct row *row, const struct amounts *amounts, size_t missing,
                      size_t missing_count)
{
    const double derived_max = 0.6, unchecked = 0.75;
    if (missing_count == 2) {
        for (size_t cell = 0; cell < CELLS; cell++) {
            row->cells[cell].confidence *= unchecked;
        }
    } else if (missing_count == 0 && amounts->have_cents && points_restore(row)) {
        /* The cells that were changed say so by their confidence. */
    } else if (missing_count == 1) {
        double lowest = 1.0;
        for (size_t cell = CELL_PRICE; cell < CELLS && missing == CELL_QUANTITY; cell++) {
            struct cell *amount = &row->cells[cell];
            if (amounts->have_cents && amount->number.decimals == 0) { /* its point was lost */
                amount->number.value /= 100;
                amount->number.decimals = 2;
                amount->confidence = fmin(amount->confidence, derived_max);
            }
        }
        cell_derive(row, missing);
        for (size_t cell = 0; cell < CELLS; cell++) {
            if (cell != missing) {
                row->cells[cell].confidence *= unchecked;
                lowest = fmin(lowest, row->cells[cell].confidence);
            }
        }
        row->cells[missing].confidence = row->cells[missing].known ? fmin(lowest, derived_max) : 0;
    } else if (row_agrees(row)) {
        /* Three readings that agree by chance are rare: a quarter of the doubt stays. */
        for (size_t cell = 0; cell < CELLS; cell++) {
            row->cells[cell].confidence = 1.0 - (1.0 - row->cells[cell].confidence) * 0.25;
        }
    } else {
        row_repair(row);
    }
    row->agrees = row_agrees(row);
}

size_t row_settle(struct row *row, const struct amounts *amounts)
{
    size_t missing = 0, missing_count = 0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        if (!row->cells[cell].known) {
            missing = cell;
            missing_count++;
        }
    }
    row_weigh(row, amounts, missing, missing_count);
    return missing_count;
}

/** Where the description ends: at the next column to its right, a number's own left edge where one
 *  was read, else the heading's. */
static double description_end(const struct document *document, const struct columns *columns,
                              const struct row *row, double left, double em)
{
    double end = INFINITY;
    for (size_t cell = 0; cell < CELLS; cell++) {
        struct span span = row->cells[cell].span;
        double x = span.count > 0 ? document->words[span.first].box.x : 0.0;
        end = x > left ? fmin(end, x - 0.1 * em) : end;
    }
    for (size_t kind = COLUMN_POSITION; kind < COLUMN_KINDS; kind++) {
        double heading = columns->kinds[kind].left;
        int is_read = (kind == COLUMN_QUANTITY && row->cells[CELL_QUANTITY].span.count > 0) ||
                      (kind == COLUMN_PRICE && row->cells[CELL_PRICE].span.count > 0) ||
                      (kind == COLUMN_TOTAL && row->cells[CELL_TOTAL].span.count > 0);
        if (kind != COLUMN_DESCRIPTION && columns->kinds[kind].present && heading > left &&
            !is_read) {
            end = fmin(end, heading - 0.7 * em);
        }
    }
    return end;
}

/** The words of a line that begin within [left, right). */
static struct span words_between(const struct document *document, size_t index, double left,
                                 double right)
{
    const struct line *line = &document->lines[index];
    struct span span = {line->first, 0};
    for (size_t i = line->first; i < line->first + line->count; i++) {
        double x = document->words[i].box.x;
        if (x >= left && x < right) {
            span.first = span.count == 0 ? i : span.first;
            span.count = i + 1 - span.first;
        }
    }
    return span;
}

static size_t letters(const struct document *document, struct span span)
{
    size_t count = 0;
    for (size_t i = 0; i < span.count; i++) {
        for (const char *at = document->words[span.first + i].text; *at != '\0'; at++) {
            unsigned char byte = (unsigned char)*at;
            count += (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0xc3;
        }
    }
    return count;
}

/** The run of words with the most letters, where no heading tells. */
static struct span words_longest(const struct document *document, size_t index)
{
    const struct line *line = &document->lines[index];
    struct span best = {line->first, 0};
    size_t most = 2;
    for (size_t i = line->first; i < line->first + line->count;) {
        struct span run = span_around(document, i, 1.2);
        size_t count = letters(document, run);
        if (count > most) {
            most = count;
            best = run;
        }
        i = run.first + run.count;
    }
    return best;
}

int row_is_end(const struct document *document, size_t line)
{
    static const char *const words[] = {"subtotal", "sub-total", "sub",    "total", "totals",
                                        "net",      "balance",   "amount", "tax",   "vat",
                                        "gst",      "thank",     NULL};
    const char *key = document->words[document->lines[line].first].key;
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(key, words[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/** A line below that holds nothing but words under the description goes on with it. */
static struct span description_more(const struct document *document, const struct row *row,
                                    double left, double right)
{
    struct span none = {0, 0};
    if (row->line + 1 >= document->lines_count) {
        return none;
    }
    const struct line *line = &document->lines[row->line], *next = line + 1;
    struct span span = words_between(document, row->line + 1, left, right);
    if (next->page != line->page || next->middle - line->middle > 1.5 * line->height ||
        span.count != next->count || letters(document, span) < 3 ||
        row_is_end(document, row->line + 1)) {
        return none;
    }
    return span;
}

/** Words that mix letters with digits which look like letters are misread more often than their
 *  confidence says. */
static double description_doubt(const struct document *document, struct span span)
{
    double factor = 1.0;
    for (size_t i = 0; i < span.count; i++) {
        const char *text = document->words[span.first + i].text;
        int mixed =
            strpbrk(text, "015") != NULL && letters(document, (struct span){span.first + i, 1});
        factor = mixed ? 0.8 : factor;
    }
    return factor;
}

static void description_read(const struct document *document, const struct columns *columns,
                             struct row *row)
{
    double em = document->lines[row->line].height;
    if (columns->kinds[COLUMN_DESCRIPTION].present) {
        double left = columns->kinds[COLUMN_DESCRIPTION].left - 1.2 * em;
        double right =
            description_end(document, columns, row, columns->kinds[COLUMN_DESCRIPTION].left, em);
        row->description[0] = words_between(document, row->line, left, right);
        row->description[1] = description_more(document, row, left, right);
        row->description_confidence = span_confidence(document, row->description[0]) *
                                      description_doubt(document, row->description[0]);
    } else {
        row->description[0] = words_longest(document, row->line);
        row->description_confidence = 0.7 * span_confidence(document, row->description[0]);
    }
    if (row->description[1].count > 0) {
        row->description_confidence =
            0.9 * fmin(row->description_confidence, span_confidence(document, row->description[1]));
    }
}

int row_read(const struct document *document, const struct columns *columns, size_t line,
             const struct amounts *amounts, struct row *row)
{
    struct numbers numbers;
    size_t choice[CELLS], missing = 0, missing_count = 0;
    numbers_find(document, columns, line, amounts, &numbers);
    choose(document, columns, &numbers, choice);
    *row = (struct row){.line = line};
    for (size_t cell = 0; cell < CELLS; cell++) {
        if (choice[cell] == NONE) {
            missing = cell;
            missing_count++;
            continue;
        }
        struct span span = numbers.spans[choice[cell]];
        row->cells[cell] =
            (struct cell){1, numbers.values[choice[cell]], span, span_confidence(document, span)};
    }
    if (missing_count > 2) {
        return 0;
    }
    row_weigh(row, amounts, missing, missing_count);
    description_read(document, columns, row);
    if (columns->line >= document->lines_count) {
        for (size_t cell = 0; cell < CELLS; cell++) {
            row->cells[cell].confidence *= 0.8; /* no headings: arithmetic alone tells them apart */
        }
        return row->agrees && row->description[0].count > 0;
    }
    return missing_count < 2 ? row->description[0].count > 0 || row->agrees
                             : letters(document, row->description[0]) >= 3;
}
