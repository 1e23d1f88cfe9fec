/* SPDX-License-Identifier: MIT */
#include "logit.h"

#include <linear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IDS = 1 << FEATURE_BITS, BUCKET = 256, BUCKETS = IDS / BUCKET };

static void say_nothing(const char *text)
{
    (void)text;
}

/** Number the ids that occur: `numbers` holds IDS of them, 0 where one does not. Returns how many
 *  there are. */
static size_t ids_number(const struct features *rows, size_t count, uint32_t *numbers)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < rows[i].count; j++) {
            numbers[rows[i].ids[j]] = 1;
        }
    }
    for (size_t id = 0; id < IDS; id++) {
        numbers[id] = numbers[id] != 0 ? (uint32_t)++used : 0;
    }
    return used;
}

/* What liblinear reads. */
struct rows {
    struct feature_node **rows, *nodes;
    double *labels;
};

static void rows_finish(struct rows *rows)
{
    free(rows->rows);
    free(rows->nodes);
    free(rows->labels);
}

static int rows_init(struct rows *rows, size_t count, size_t nodes)
{
    rows->rows = calloc(count + 1, sizeof(struct feature_node *));
    rows->nodes = calloc(nodes + 2 * count + 1, sizeof *rows->nodes);
    rows->labels = calloc(count + 1, sizeof *rows->labels);
    return rows->rows != NULL && rows->nodes != NULL && rows->labels != NULL ? 0 : -1;
}

/** Fill from sets of features, with the always true one at number `used` + 1. */
static void rows_fill(struct rows *rows, const struct features *sets, size_t count,
                      const uint32_t *numbers, size_t used)
{
    struct feature_node *node = rows->nodes;
    for (size_t i = 0; i < count; i++) {
        rows->rows[i] = node;
        for (size_t j = 0; j < sets[i].count; j++) {
            *node++ = (struct feature_node){(int)numbers[sets[i].ids[j]], 1.0};
        }
        *node++ = (struct feature_node){(int)used + 1, 1.0};
        *node++ = (struct feature_node){-1, 0.0};
    }
}

/** Train one column: label 1 against the others. `weights` has room for used + 1 numbers. The
 *  primal solver takes no random numbers, so that the same rows give the same weights. */
static int column_train(struct rows *rows, const uint8_t *labels, size_t count, size_t used,
                        uint8_t class, double cost, double *weights)
{
    struct problem problem = {
        .l = (int)count, .n = (int)used + 1, .y = rows->labels, .x = rows->rows, .bias = -1};
    struct parameter parameter = {.solver_type = L2R_LR, .eps = 0.01, .C = cost, .p = 0.1};
    size_t positive = 0;
    for (size_t i = 0; i < count; i++) {
        rows->labels[i] = labels[i] == class ? 1.0 : -1.0;
        positive += labels[i] == class;
    }
    memset(weights, 0, (used + 1) * sizeof *weights);
    if (positive == 0 || positive == count) {
        weights[used] = positive == 0 ? -6.0 : 6.0; /* nothing to tell apart */
        return 0;
    }
    set_print_string_function(say_nothing);
    struct model *model = train(&problem, &parameter);
    if (model == NULL) {
        return -1;
    }
    /* liblinear's weights speak for the label it met first. */
    double sign = model->label[0] == 1 ? 1.0 : -1.0;
    for (size_t i = 0; i <= used; i++) {
        weights[i] = sign * model->w[i];
    }
    free_and_destroy_model(&model);
    return 0;
}

static void logit_take(struct logit *logit, size_t column, const double *weights, size_t used)
{
    for (size_t i = 0; i < used; i++) {
        logit->weights[i * logit->columns + column] = (float)weights[i];
    }
    logit->bias[column] = (float)weights[used];
}

/** Drop ids whose weights say nothing. */
static void logit_prune(struct logit *logit)
{
    const float least = 0.002f;
    size_t kept = 0;
    for (size_t i = 0; i < logit->count; i++) {
        float largest = 0.0f;
        for (size_t column = 0; column < logit->columns; column++) {
            largest = fmaxf(largest, fabsf(logit->weights[i * logit->columns + column]));
        }
        if (largest >= least) {
            logit->ids[kept] = logit->ids[i];
            memmove(&logit->weights[kept * logit->columns], &logit->weights[i * logit->columns],
                    logit->columns * sizeof *logit->weights);
            kept++;
        }
    }
    logit->count = kept;
}

int logit_train(struct logit *logit, const struct features *sets, const uint8_t *labels,
                size_t count, size_t classes, double cost)
{
    struct rows rows = {0};
    size_t nodes = 0;
    int result = -1;
    *logit = (struct logit){.columns = classes == 2 ? 1 : classes};
    uint32_t *numbers = calloc(IDS, sizeof *numbers);
    double *weights = calloc(IDS + 1, sizeof *weights);
    for (size_t i = 0; i < count; i++) {
        nodes += sets[i].count;
    }
    if (numbers == NULL || weights == NULL || rows_init(&rows, count, nodes) != 0) {
        goto out;
    }
    logit->count = ids_number(sets, count, numbers);
    rows_fill(&rows, sets, count, numbers, logit->count);
    logit->ids = calloc(logit->count + 1, sizeof *logit->ids);
    logit->weights = calloc((logit->count + 1) * logit->columns, sizeof *logit->weights);
    if (logit->ids == NULL || logit->weights == NULL) {
        goto out;
    }
    for (uint32_t id = 0; id < IDS; id++) {
        if (numbers[id] != 0) {
            logit->ids[numbers[id] - 1] = id;
        }
    }
    for (size_t column = 0; column < logit->columns; column++) {
        uint8_t class = classes == 2 ? 1 : (uint8_t)column;
        if (column_train(&rows, labels, count, logit->count, class, cost, weights) != 0) {
            goto out;
        }
        logit_take(logit, column, weights, logit->count);
    }
    logit_prune(logit);
    result = logit_index(logit);
out:
    rows_finish(&rows);
    free(numbers);
    free(weights);
    return result;
}

int logit_index(struct logit *logit)
{
    /* Fewer than 65536 features were ever met in hundreds of documents; more would overflow. */
    if (logit->count > UINT16_MAX - 1) {
        logit->count = UINT16_MAX - 1;
    }
    free(logit->buckets);
    logit->buckets = calloc(BUCKETS + 1, sizeof *logit->buckets);
    if (logit->buckets == NULL) {
        return -1;
    }
    size_t at = 0;
    for (size_t bucket = 0; bucket <= BUCKETS; bucket++) {
        while (at < logit->count && logit->ids[at] < bucket * BUCKET) {
            at++;
        }
        logit->buckets[bucket] = (uint16_t)at;
    }
    return 0;
}

void logit_finish(struct logit *logit)
{
    free(logit->ids);
    free(logit->weights);
    free(logit->buckets);
    *logit = (struct logit){0};
}

void logit_scores(const struct logit *logit, const struct features *features, double *scores)
{
    for (size_t column = 0; column < logit->columns; column++) {
        scores[column] = (double)logit->bias[column];
    }
    for (size_t i = 0; i < features->count; i++) {
        uint32_t id = features->ids[i];
        size_t at = logit->buckets[id / BUCKET], end = logit->buckets[id / BUCKET + 1];
        while (at < end && logit->ids[at] < id) {
            at++;
        }
        for (size_t column = 0; at < end && logit->ids[at] == id && column < logit->columns;
             column++) {
            scores[column] += (double)logit->weights[at * logit->columns + column];
        }
    }
}

/** Mean and spread of each input, so that all weigh alike. */
static void stack_measure(struct stack *stack, const double (*rows)[STACK_INPUTS_MAX], size_t count)
{
    for (size_t input = 0; input < stack->inputs; input++) {
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < count; i++) {
            sum += rows[i][input];
            squares += rows[i][input] * rows[i][input];
        }
        double mean = sum / (double)count;
        double spread = sqrt(fmax(squares / (double)count - mean * mean, 0.0));
        stack->mean[input] = (float)mean;
        stack->scale[input] = spread > 1e-6 ? (float)(1.0 / spread) : 0.0f;
    }
}

static double stack_input(const struct stack *stack, const double *inputs, size_t input)
{
    double value = (inputs[input] - (double)stack->mean[input]) * (double)stack->scale[input];
    return fmin(fmax(value, -4.0), 4.0); /* far outliers were not learnt from */
}

int stack_train(struct stack *stack, const double (*inputs)[STACK_INPUTS_MAX], const uint8_t *right,
                size_t count, size_t inputs_count)
{
    enum { ROWS_MIN = 8 };
    struct rows rows = {0};
    double weights[STACK_INPUTS_MAX + 1];
    int result = -1;
    *stack = (struct stack){.inputs = (uint32_t)inputs_count};
    if (count < ROWS_MIN) {
        stack->inputs = 0;
        return 0;
    }
    if (rows_init(&rows, count, count * inputs_count) != 0) {
        goto out;
    }
    stack_measure(stack, inputs, count);
    struct feature_node *node = rows.nodes;
    for (size_t i = 0; i < count; i++) {
        rows.rows[i] = node;
        for (size_t input = 0; input < inputs_count; input++) {
            *node++ = (struct feature_node){(int)input + 1, stack_input(stack, inputs[i], input)};
        }
        *node++ = (struct feature_node){(int)inputs_count + 1, 1.0};
        *node++ = (struct feature_node){-1, 0.0};
    }
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        wrong += right[i] == 0;
    }
    if (column_train(&rows, right, count, inputs_count, 1, 0.3, weights) != 0) {
        goto out;
    }
    if (wrong == 0 || wrong == count) { /* one more of the other kind may come next */
        weights[inputs_count] = (wrong == 0 ? 1.0 : -1.0) * log((double)count + 1.0);
    }
    for (size_t input = 0; input < inputs_count; input++) {
        stack->weights[input] = (float)weights[input];
    }
    stack->bias = (float)weights[inputs_count];
    result = 0;
out:
    rows_finish(&rows);
    return result;
}

double stack_probability(const struct stack *stack, const double *inputs, double otherwise)
{
    if (stack->inputs == 0) {
        return otherwise;
    }
    double sum = (double)stack->bias;
    for (size_t input = 0; input < stack->inputs; input++) {
        sum += (double)stack->weights[input] * stack_input(stack, inputs, input);
    }
    return 1.0 / (1.0 + exp(-sum));
}
