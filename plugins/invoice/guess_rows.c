/* SPDX-License-Identifier: MIT */
#include "guess_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "row.h"

enum { NUMBERS_MAX = 10 };

/* The page's words with how likely each is what. */
struct words_roles {
    double (*shares)[ROLES]; /* of one for each word */
};

/* A number of a line and what speaks for each cell. */
struct amount {
    size_t word;
    struct number number;
    double gains[CELLS];
};

/* How a line may be read. */
struct reading {
    size_t choice[CELLS]; /* indices of amounts, or NUMBERS_MAX */
    double score, margin; /* `margin` to the next best choice */
};

static int shares_find(const struct model *model, const struct scene *scene,
                       double (*shares)[ROLES])
{
    size_t count = scene->document->words_count;
    struct features *features = calloc(count + 1, sizeof *features);
    if (features == NULL) {
        return -1;
    }
    roles_say(scene, features);
    for (size_t word = 0; word < count; word++) {
        double scores[LOGIT_CLASSES_MAX], sum = 1e-9;
        logit_scores(&model->roles, &features[word], scores);
        for (size_t role = 0; role < ROLES; role++) {
            shares[word][role] = 1.0 / (1.0 + exp(-scores[role]));
            sum += shares[word][role];
        }
        for (size_t role = 0; role < ROLES; role++) {
            shares[word][role] /= sum;
        }
    }
    free(features);
    return 0;
}

static size_t amounts_find(const struct scene *scene, const struct line *line,
                           double (*shares)[ROLES], struct amount *amounts)
{
    size_t count = 0;
    for (size_t i = line->first + line->count; i-- > line->first && count < NUMBERS_MAX;) {
        struct amount *amount = &amounts[count];
        if (number_parse(scene->document->words[i].text, scene->table->amounts.point,
                         &amount->number)) {
            amount->word = i;
            for (size_t cell = 0; cell < CELLS; cell++) {
                amount->gains[cell] =
                    fmin(fmax(log_odds(shares[i][ROLE_QUANTITY + cell]), -6.0), 6.0);
            }
            count++;
        }
    }
    return count;
}

static double choice_score(const struct amount *amounts, const size_t choice[CELLS])
{
    const double missing = -1.0, product = 4.0;
    double score = 0.0;
    int all = 1;
    for (size_t cell = 0; cell < CELLS; cell++) {
        all &= choice[cell] != NUMBERS_MAX;
        score += choice[cell] == NUMBERS_MAX ? missing : amounts[choice[cell]].gains[cell];
        for (size_t other = 0; other < cell; other++) {
            if (choice[cell] != NUMBERS_MAX && choice[other] == choice[cell]) {
                return -INFINITY;
            }
        }
    }
    if (all && row_amounts_agree(amounts[choice[CELL_QUANTITY]].number.value,
                                 amounts[choice[CELL_PRICE]].number.value,
                                 amounts[choice[CELL_TOTAL]].number.value)) {
        score += product;
    }
    return score;
}

static struct reading line_choose(const struct amount *amounts, size_t count)
{
    struct reading best = {.score = -INFINITY};
    double second = -INFINITY;
    for (size_t code = 0; code < (count + 1) * (count + 1) * (count + 1); code++) {
        size_t choice[CELLS], rest = code;
        for (size_t cell = 0; cell < CELLS; cell++) {
            choice[cell] = rest % (count + 1) == count ? NUMBERS_MAX : rest % (count + 1);
            rest /= count + 1;
        }
        double score = choice_score(amounts, choice);
        if (score > best.score) {
            second = best.score;
            best.score = score;
            memcpy(best.choice, choice, sizeof choice);
        } else if (score > second) {
            second = score;
        }
    }
    best.margin = fmin(best.score - second, 12.0);
    return best;
}

/** The run of a line's words that describe; words the choice took are none. */
static struct span description_find(const struct line *line, double (*shares)[ROLES],
                                    const struct row *row)
{
    struct span best = {line->first, 0}, run = {line->first, 0};
    double best_sum = 0.0, sum = 0.0;
    for (size_t i = line->first; i < line->first + line->count; i++) {
        int taken = 0;
        for (size_t cell = 0; cell < CELLS; cell++) {
            struct span span = row->cells[cell].span;
            taken |= span.count > 0 && i >= span.first && i < span.first + span.count;
        }
        /* The run with the greatest sum of what speaks for and against each word. */
        double gain = taken ? -INFINITY : log_odds(shares[i][ROLE_DESCRIPTION]);
        if (sum + gain <= 0.0) {
            sum = 0.0;
            run = (struct span){i + 1, 0};
            continue;
        }
        sum += gain;
        run.count++;
        if (sum > best_sum) {
            best_sum = sum;
            best = run;
        }
    }
    return best;
}

static const struct row *rule_row(const struct scene *scene, size_t line)
{
    for (size_t i = 0; i < scene->table->rows_count; i++) {
        if (scene->table->rows[i].line == line) {
            return &scene->table->rows[i];
        }
    }
    return NULL;
}

/** Fill a row from a choice, and let its cells repair each other. */
static void row_fill(const struct scene *scene, const struct amount *amounts,
                     const struct reading *reading, size_t line, struct row *row)
{
    *row = (struct row){.line = line};
    for (size_t cell = 0; cell < CELLS; cell++) {
        if (reading->choice[cell] != NUMBERS_MAX) {
            const struct amount *amount = &amounts[reading->choice[cell]];
            struct span span = {amount->word, 1};
            row->cells[cell] = (struct cell){.known = 1,
                                             .number = amount->number,
                                             .span = span,
                                             .confidence = span_confidence(scene->document, span)};
        }
    }
    const struct row *rule = rule_row(scene, line);
    struct row settled = *row;
    row_settle(&settled, &scene->table->amounts);
    if (!settled.agrees && rule != NULL && rule->agrees) {
        memcpy(settled.cells, rule->cells, sizeof settled.cells); /* e.g. "378 81" joined */
        settled.agrees = 1;
    }
    *row = settled;
}

/** 1 if the catalogue has the row's price for its good, -1 if another, 0 if it does not know. */
static double price_known(const struct scene *scene, size_t good, const struct row *row)
{
    if (good == SIZE_MAX || scene->knowledge->goods[good].price == 0 ||
        !row->cells[CELL_PRICE].known) {
        return 0.0;
    }
    return scene->knowledge->goods[good].price == row->cells[CELL_PRICE].number.value ? 1.0 : -1.0;
}

static void description_fill(const struct scene *scene, double (*shares)[ROLES],
                             const struct row *row, struct span span, struct field *field,
                             size_t *good)
{
    const double sure = 0.88;
    const struct document *document = scene->document;
    const struct line *line = &document->lines[row->line];
    const struct row *rule = rule_row(scene, row->line);
    double *inputs = field->inputs;
    double sum = 0.0, least = 7.0, outside = -7.0, known = 0.0;
    for (size_t i = line->first; i < line->first + line->count; i++) {
        double gain = log_odds(shares[i][ROLE_DESCRIPTION]);
        if (i >= span.first && i < span.first + span.count) {
            sum += gain;
            least = fmin(least, gain);
            known += word_known(scene->knowledge, document->words[i].text, scene->self);
        } else {
            outside = fmax(outside, gain);
        }
    }
    field->found = span.count > 0;
    field->span = span;
    span_text(document, span, field->text, sizeof field->text);
    if (rule != NULL && rule->description[1].count > 0 && field->found) {
        size_t size = strlen(field->text); /* the text goes on in the line below */
        field->text[size++] = ' ';
        span_text(document, rule->description[1], field->text + size, sizeof field->text - size);
    }
    *good = good_named(scene->knowledge, scene->supplier, field->text, scene->self);
    inputs[3] = *good != SIZE_MAX;
    if (*good == SIZE_MAX && field->found) {
        size_t near = good_near(scene->knowledge, scene->supplier, field->text, scene->self);
        if (near != SIZE_MAX &&
            (span_worst(document, span) < log_odds(sure) || price_known(scene, near, row) > 0.5)) {
            *good = near;
            inputs[5] = 1.0;
            memcpy(field->text, scene->knowledge->goods[near].name, sizeof field->text);
        }
    }
    size_t documents = supplier_documents(scene->knowledge, scene->supplier, scene->self);
    inputs[0] = span.count > 0 ? sum / (double)span.count : -7.0;
    inputs[1] = least;
    inputs[2] = span_worst(document, span);
    inputs[4] = span.count > 0 ? known / (double)span.count : 0.0;
    inputs[6] = rule != NULL && rule->description[0].first == span.first &&
                rule->description[0].count == span.count;
    inputs[7] = documents >= 1;
    inputs[8] = documents >= 3;
    inputs[9] = price_known(scene, *good, row);
    inputs[10] = outside;
}

static void cell_fill(const struct scene *scene, const struct amount *amounts,
                      const struct reading *reading, const struct row *row, size_t cell,
                      size_t good, struct field *field)
{
    const struct cell *from = &row->cells[cell];
    const struct row *rule = rule_row(scene, row->line);
    size_t chosen = reading->choice[cell];
    double *inputs = field->inputs, others = 7.0;
    int read =
        chosen != NUMBERS_MAX && from->known && amounts[chosen].number.value == from->number.value;
    int all_read = 1;
    for (size_t other = 0; other < CELLS; other++) {
        all_read &= reading->choice[other] != NUMBERS_MAX;
        if (other != cell && row->cells[other].span.count > 0) {
            others = fmin(others, span_worst(scene->document, row->cells[other].span));
        }
    }
    *field = (struct field){.found = from->known, .number = from->number, .span = from->span};
    size_t documents = supplier_documents(scene->knowledge, scene->supplier, scene->self);
    inputs[0] = chosen != NUMBERS_MAX ? amounts[chosen].gains[cell] : -6.0;
    inputs[1] = reading->margin;
    inputs[2] = from->span.count > 0 ? span_worst(scene->document, from->span) : 0.0;
    inputs[3] = row->agrees;
    inputs[4] = !read;
    inputs[5] = others;
    inputs[7] = rule != NULL && rule->cells[cell].known == from->known &&
                rule->cells[cell].number.value == from->number.value;
    inputs[8] = price_known(scene, good, row);
    inputs[9] = documents >= 1;
    inputs[10] = documents >= 3;
    inputs[11] = row->agrees && all_read;
    inputs[12] = log_odds(from->confidence);
    inputs[13] = !read && from->number.decimals == 0;
}

/** Whether a line read so is a row. */
static int is_row(const struct reading *reading, struct span description)
{
    size_t chosen = 0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        chosen += reading->choice[cell] != NUMBERS_MAX;
    }
    int money =
        reading->choice[CELL_PRICE] != NUMBERS_MAX || reading->choice[CELL_TOTAL] != NUMBERS_MAX;
    return money && (chosen >= 2 ? reading->score > 0.0 && (description.count > 0 || chosen == 3)
                                 : description.count > 0 && reading->score > 0.0);
}

static void table_fill(const struct scene *scene, double weakest, double rejected,
                       struct result *result)
{
    int64_t sum = 0;
    size_t agreeing = 0;
    for (size_t i = 0; i < result->rows_count; i++) {
        struct result_row *row = &result->rows[i];
        sum += row->cells[CELL_TOTAL].number.value;
        agreeing += row->cells[CELL_TOTAL].inputs[3] > 0.5;
    }
    size_t last = result->rows_count > 0 ? result->rows[result->rows_count - 1].line : 0;
    int printed = result->rows_count > 0 &&
                  sum_is_printed(scene->document, last + 1, sum, scene->table->amounts.point);
    for (size_t i = 0; i < result->rows_count; i++) {
        for (size_t cell = 0; cell < CELLS; cell++) {
            result->rows[i].cells[cell].inputs[6] = printed;
        }
    }
    double *inputs = result->table.inputs;
    size_t documents = supplier_documents(scene->knowledge, scene->supplier, scene->self);
    result->table.found = result->rows_count > 0;
    inputs[0] = printed;
    inputs[1] = fmin(weakest, 12.0);
    inputs[2] = fmax(rejected, -12.0);
    inputs[3] = result->rows_count > 0 ? (double)agreeing / (double)result->rows_count : 0.0;
    inputs[4] = scene->table->rows_count == result->rows_count;
    inputs[5] = documents >= 1;
    inputs[6] = documents >= 3;
    inputs[7] = result->rows_count > 0;
}

int rows_guess(const struct model *model, const struct scene *scene, struct result *result)
{
    const struct document *document = scene->document;
    double(*shares)[ROLES] = calloc(document->words_count + 1, sizeof *shares);
    double weakest = 12.0, rejected = -12.0;
    int status = -1;
    result->rows = calloc(document->lines_count + 1, sizeof *result->rows);
    if (shares == NULL || result->rows == NULL || shares_find(model, scene, shares) != 0) {
        goto out;
    }
    for (size_t i = 0; i < document->lines_count && result->rows_count < ROWS_MAX; i++) {
        struct amount amounts[NUMBERS_MAX] = {{0}};
        struct row row;
        size_t good;
        size_t count = amounts_find(scene, &document->lines[i], shares, amounts);
        struct reading reading = line_choose(amounts, count);
        row_fill(scene, amounts, &reading, i, &row);
        struct span span = description_find(&document->lines[i], shares, &row);
        if (count == 0 || !is_row(&reading, span)) {
            rejected = count > 0 ? fmax(rejected, reading.score) : rejected;
            continue;
        }
        struct result_row *to = &result->rows[result->rows_count++];
        to->line = i;
        description_fill(scene, shares, &row, span, &to->description, &good);
        for (size_t cell = 0; cell < CELLS; cell++) {
            cell_fill(scene, amounts, &reading, &row, cell, good, &to->cells[cell]);
        }
        weakest = fmin(weakest, reading.score);
    }
    table_fill(scene, weakest, rejected, result);
    status = 0;
out:
    free(shares);
    return status;
}
