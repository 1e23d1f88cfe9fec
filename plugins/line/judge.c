/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include <math.h>
#include <string.h>

enum { SUPPORT_MIN = 2, LONG_WORD = 8, SHORT_WORD = 3 };

const char *judge_word(const struct model *model, uint32_t rule, const char *word, size_t size)
{
    const char *best = NULL;
    if (rule == RULE_SEEN) { /* what people made of that very reading, when they always did */
        const struct entry *entry = entries_find(&model->slips, word, size);
        const struct entry *end = model->slips.list + model->slips.count;
        const int alone =
            entry != NULL && (entry + 1 == end || strcmp(entry[1].word, entry->word) != 0);
        return alone && entry->lines >= SUPPORT_MIN ? entry->other : NULL;
    }
    const size_t most = size >= LONG_WORD ? 2 : 1;
    size_t nearest = most + 1, rivals = 0;
    for (size_t i = 0; i < model->words.count; i++) {
        const struct entry *entry = &model->words.list[i];
        if (entry->lines < SUPPORT_MIN) {
            continue;
        }
        const size_t away = letters_between(word, size, entry->word, strlen(entry->word), most);
        if (away < nearest) {
            nearest = away;
            rivals = 0;
            best = entry->word;
        } else if (away == nearest && away <= most) {
            rivals++;
        }
    }
    return rivals == 0 ? best : NULL;
}

/** The word in place of this one, or NULL. */
static const char *changed(const struct model *model, const char *word, struct core core)
{
    static const uint32_t rules[] = {RULE_SEEN, RULE_NEAREST};
    const char *other = NULL;
    for (size_t i = 0; i < 2 && other == NULL && !core.digits && core.size >= SHORT_WORD; i++) {
        if ((model->rules & rules[i]) != 0) {
            other = judge_word(model, rules[i], word + core.begin, core.size);
        }
    }
    return other;
}

/** What the features are made of. */
struct sums {
    double least, mean, least_unknown, letters, digits, odd, known, unknown;
};

static double log_odds(double share)
{
    const double inside = share < 0.001 ? 0.001 : share > 0.999 ? 0.999 : share;
    return log(inside / (1 - inside));
}

static void features(const struct sums *sums, size_t count, size_t edits, double out[FEATURES])
{
    const double words = count > 0 ? (double)count : 1, letters = sums->letters + 1;
    out[0] = log_odds(sums->least);
    out[1] = log_odds(sums->mean / words);
    out[2] = log_odds(sums->least_unknown);
    out[3] = log(letters);
    out[4] = sums->digits / letters;
    out[5] = sums->odd;
    out[6] = sums->known / words;
    out[7] = sums->unknown / words;
    out[8] = edits > 0 ? 1 : 0;
    out[9] = (double)edits / words;
    out[10] = log(words);
}

/** Both letters and digits, or a sign that OCR makes of dirt. */
static int is_odd(const char *word, struct core core)
{
    int letter = 0;
    for (size_t i = 0; i < core.size; i++) {
        const char byte = word[core.begin + i];
        letter = letter || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    }
    return (core.digits && letter) || strpbrk(word, "|~_{}\\^<>") != NULL || core.size == 0;
}

void judge(const struct model *model, const struct line *line, struct verdict *verdict)
{
    struct sums sums = {.least = 1, .least_unknown = 1};
    size_t size = 0;
    verdict->edits = 0;
    for (size_t i = 0; i < line->count; i++) {
        const struct word *word = &line->words[i];
        const struct core core = core_of(word->text);
        const char *other = NULL;
        const int known = entries_find(&model->words, word->text + core.begin, core.size) != NULL;
        const size_t length = strlen(word->text);
        if (!known) {
            other = changed(model, word->text, core);
        }
        const size_t middle = other != NULL ? strlen(other) : core.size;
        if (size + length + middle + 2 >= LINE_SIZE) {
            break;
        }
        if (i > 0) {
            verdict->text[size++] = ' ';
        }
        memcpy(verdict->text + size, word->text, core.begin);
        size += core.begin;
        memcpy(verdict->text + size, other != NULL ? other : word->text + core.begin, middle);
        size += middle;
        memcpy(verdict->text + size, word->text + core.begin + core.size,
               length - core.begin - core.size);
        size += length - core.begin - core.size;
        verdict->edits += other != NULL ? 1 : 0;
        sums.mean += word->confidence;
        sums.least = word->confidence < sums.least ? word->confidence : sums.least;
        sums.letters += (double)length;
        sums.digits += core.digits ? (double)core.size : 0;
        sums.odd += is_odd(word->text, core) ? 1 : 0;
        sums.known += known || other != NULL ? 1 : 0;
        sums.unknown += !known && other == NULL && !core.digits ? 1 : 0;
        if (!known && other == NULL && word->confidence < sums.least_unknown) {
            sums.least_unknown = word->confidence;
        }
    }
    verdict->text[size] = '\0';
    features(&sums, line->count, verdict->edits, verdict->features);
}

static double log_odds_of(const struct model *model, const double row[FEATURES])
{
    double sum = model->weights[FEATURES];
    for (size_t i = 0; i < FEATURES; i++) {
        sum += model->weights[i] * (row[i] - model->mean[i]) / model->scale[i];
    }
    return sum;
}

double judge_share(const struct model *model, const double row[FEATURES])
{
    return 1 / (1 + exp(-log_odds_of(model, row)));
}

/* --- the regression --------------------------------------------------------------------------- */

enum { SIZE = FEATURES + 1, STEPS = 30 };
static const double ridge = 1.0;

/** Mean and spread of each feature. */
static void scale_make(struct model *model, const double (*rows)[FEATURES],
                       const unsigned char *fold, size_t count, unsigned without, double used)
{
    for (size_t j = 0; j < FEATURES; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            sum += fold[i] != without ? rows[i][j] : 0;
        }
        model->mean[j] = sum / used;
        for (size_t i = 0; i < count; i++) {
            const double away = rows[i][j] - model->mean[j];
            squares += fold[i] != without ? away * away : 0;
        }
        const double spread = sqrt(squares / used);
        model->scale[j] = spread > 1e-9 ? spread : 1;
    }
}

/** Solve by Cholesky what is symmetric and, by the ridge, positive. */
static void solve(double matrix[SIZE][SIZE], double vector[SIZE])
{
    for (size_t i = 0; i < SIZE; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = matrix[i][j];
            for (size_t k = 0; k < j; k++) {
                sum -= matrix[i][k] * matrix[j][k];
            }
            matrix[i][j] = i == j ? sqrt(sum > 1e-12 ? sum : 1e-12) : sum / matrix[j][j];
        }
    }
    for (size_t i = 0; i < SIZE; i++) {
        for (size_t k = 0; k < i; k++) {
            vector[i] -= matrix[i][k] * vector[k];
        }
        vector[i] /= matrix[i][i];
    }
    for (size_t i = SIZE; i-- > 0;) {
        for (size_t k = i + 1; k < SIZE; k++) {
            vector[i] -= matrix[k][i] * vector[k];
        }
        vector[i] /= matrix[i][i];
    }
}

/** One step; returns the loss before it. */
static double step(struct model *model, const double (*rows)[FEATURES], const unsigned char *right,
                   const unsigned char *fold, size_t count, unsigned without,
                   const double targets[2], double used)
{
    double matrix[SIZE][SIZE] = {{0}}, vector[SIZE] = {0}, loss = 0;
    for (size_t j = 0; j < SIZE; j++) {
        matrix[j][j] = j < FEATURES ? ridge : 1e-6;
        vector[j] = j < FEATURES ? -ridge * model->weights[j] : 0;
    }
    for (size_t i = 0; i < count; i++) {
        double inputs[SIZE];
        if (fold[i] == without) {
            continue;
        }
        for (size_t j = 0; j < FEATURES; j++) {
            inputs[j] = (rows[i][j] - model->mean[j]) / model->scale[j];
        }
        inputs[FEATURES] = 1;
        const double share = judge_share(model, rows[i]), target = targets[right[i]];
        const double slope = share * (1 - share) + 1e-6;
        loss -= target * log(share + 1e-12) + (1 - target) * log(1 - share + 1e-12);
        for (size_t j = 0; j < SIZE; j++) {
            vector[j] += (target - share) * inputs[j];
            for (size_t k = 0; k <= j; k++) {
                matrix[j][k] += slope * inputs[j] * inputs[k];
            }
        }
    }
    solve(matrix, vector);
    for (size_t j = 0; j < SIZE; j++) { /* damped: few lines are easily told apart */
        const double move = vector[j] > 2 ? 2 : vector[j] < -2 ? -2 : vector[j];
        model->weights[j] += move;
    }
    return loss / used;
}

int fit(struct model *model, const double (*rows)[FEATURES], const unsigned char *right,
        const unsigned char *fold, size_t count, unsigned without, double *loss)
{
    double good = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        good += fold[i] != without && right[i] ? 1 : 0;
        used += fold[i] != without ? 1 : 0;
    }
    if (used < 1) {
        return -1;
    }
    scale_make(model, rows, fold, count, without, used);
    memset(model->weights, 0, sizeof model->weights);
    /* As in Platt, "Probabilistic outputs for support vector machines", 1999: nothing is certain
     * after so many lines. */
    const double targets[2] = {1 / (used - good + 2), (good + 1) / (good + 2)};
    for (int i = 0; i < STEPS; i++) {
        *loss = step(model, rows, right, fold, count, without, targets, used);
    }
    return 0;
}
