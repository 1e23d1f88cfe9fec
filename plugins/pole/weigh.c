/* SPDX-License-Identifier: MIT */
#include "weigh.h"

#include <linear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void say_nothing(const char *text)
{
    (void)text;
}

/* What liblinear reads. */
struct rows {
    struct feature_node **rows, *nodes, *at;
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
    rows->at = rows->nodes = malloc((nodes + 2 * count + 1) * sizeof *rows->nodes);
    rows->labels = calloc(count + 1, sizeof *rows->labels);
    return rows->rows != NULL && rows->nodes != NULL && rows->labels != NULL ? 0 : -1;
}

/** End row `index` with the always true number `last`. */
static void row_end(struct rows *rows, size_t index, uint8_t label, size_t last)
{
    *rows->at++ = (struct feature_node){(int)last, 1.0};
    *rows->at++ = (struct feature_node){-1, 0.0};
    rows->labels[index] = label != 0 ? 1.0 : -1.0;
}

/** The weights of `inputs` numbers and the always true one. The primal solver draws no random
 *  numbers, so that the same rows give the same weights. 0, or -1. */
static int rows_solve(const struct rows *rows, size_t count, size_t inputs, double cost,
                      double *solved)
{
    struct problem problem = {
        .l = (int)count, .n = (int)inputs + 1, .y = rows->labels, .x = rows->rows, .bias = -1};
    struct parameter parameter = {.solver_type = L2R_LR, .eps = 0.02, .C = cost, .p = 0.1};
    set_print_string_function(say_nothing);
    struct model *model = train(&problem, &parameter);
    if (model == NULL) {
        return -1;
    }
    /* liblinear's weights speak for the label it met first. */
    double sign = model->label[0] == 1 ? 1.0 : -1.0;
    for (size_t i = 0; i <= inputs; i++) {
        solved[i] = sign * model->w[i];
    }
    free_and_destroy_model(&model);
    return 0;
}

static size_t positives_count(const uint8_t *labels, size_t count)
{
    size_t positives = 0;
    for (size_t i = 0; i < count; i++) {
        positives += labels[i] != 0;
    }
    return positives;
}

void weights_finish(struct weights *weights)
{
    free(weights->values);
    *weights = (struct weights){.count = 0};
}

int weights_train(struct weights *weights, const uint8_t *const *rows, const uint8_t *labels,
                  size_t count, size_t traits, double cost)
{
    struct rows table = {.rows = NULL};
    size_t nodes = 0, positives = positives_count(labels, count);
    int status = -1;
    *weights = (struct weights){.count = traits};
    weights->values = calloc(traits, sizeof *weights->values);
    double *solved = calloc(traits + 1, sizeof *solved);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < traits; j++) {
            nodes += rows[i][j] != 0;
        }
    }
    if (weights->values == NULL || solved == NULL || rows_init(&table, count, nodes) != 0) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        table.rows[i] = table.at;
        for (size_t j = 0; j < traits; j++) {
            if (rows[i][j] != 0) {
                *table.at++ = (struct feature_node){(int)j + 1, rows[i][j] / 255.0};
            }
        }
        row_end(&table, i, labels[i], traits + 1);
    }
    if (positives == 0 || positives == count) {
        solved[traits] = positives == 0 ? -4.0 : 4.0; /* nothing to tell apart */
    } else if (rows_solve(&table, count, traits, cost, solved) != 0) {
        goto out;
    }
    for (size_t j = 0; j < traits; j++) {
        weights->values[j] = (float)solved[j];
    }
    weights->bias = (float)solved[traits];
    status = 0;
out:
    rows_finish(&table);
    free(solved);
    return status;
}

double weights_score(const struct weights *weights, const uint8_t *row)
{
    float sum = 0.0f;
    for (size_t i = 0; i < weights->count; i++) {
        sum += weights->values[i] * (float)row[i];
    }
    return (double)(sum / 255.0f + weights->bias);
}

static void scales_find(struct stack *stack, const double (*inputs)[STACK_INPUTS], size_t count)
{
    for (size_t j = 0; j < STACK_INPUTS; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            sum += inputs[i][j];
            squares += inputs[i][j] * inputs[i][j];
        }
        double mean = sum / (double)count, spread = squares / (double)count - mean * mean;
        stack->mean[j] = (float)mean;
        stack->scale[j] = spread > 1e-9 ? (float)(1.0 / sqrt(spread)) : 0.0f;
    }
}

int stack_train(struct stack *stack, const double (*inputs)[STACK_INPUTS], const uint8_t *right,
                size_t count, double cost)
{
    double solved[STACK_INPUTS + 1] = {0};
    struct rows table = {.rows = NULL};
    size_t positives = positives_count(right, count);
    *stack = (struct stack){.rows = 0};
    if (count < 8) {
        return 0;
    }
    int status = rows_init(&table, count, count * STACK_INPUTS);
    if (status == 0 && positives > 0 && positives < count) {
        scales_find(stack, inputs, count);
        for (size_t i = 0; i < count; i++) {
            table.rows[i] = table.at;
            for (size_t j = 0; j < STACK_INPUTS; j++) {
                double value = (inputs[i][j] - (double)stack->mean[j]) * (double)stack->scale[j];
                *table.at++ = (struct feature_node){(int)j + 1, value};
            }
            row_end(&table, i, right[i], STACK_INPUTS + 1);
        }
        status = rows_solve(&table, count, STACK_INPUTS, cost, solved);
    } else {
        /* All alike: their share, as if one of each kind had been seen besides. */
        solved[STACK_INPUTS] = log(((double)positives + 1) / ((double)(count - positives) + 1));
    }
    for (size_t j = 0; j < STACK_INPUTS; j++) {
        stack->weights[j] = (float)solved[j];
    }
    stack->bias = (float)solved[STACK_INPUTS];
    stack->rows = status == 0 ? (uint32_t)count : 0;
    rows_finish(&table);
    return status;
}

double stack_probability(const struct stack *stack, const double inputs[STACK_INPUTS],
                         double otherwise)
{
    if (stack->rows == 0) {
        return otherwise;
    }
    double sum = (double)stack->bias;
    for (size_t j = 0; j < STACK_INPUTS; j++) {
        sum += (double)stack->weights[j] * (inputs[j] - (double)stack->mean[j]) *
               (double)stack->scale[j];
    }
    /* Nothing is surer than so few can tell, whatever it looks like: as if one more of each kind
     * had been seen. */
    const double rows = (double)stack->rows;
    return (rows / (1.0 + exp(-sum)) + 1.0) / (rows + 2.0);
}

void shift_add(struct shift_sums *sums, const double inputs[SHIFT_INPUTS],
               const double targets[SHIFT_SIDES])
{
    for (size_t i = 0; i < SHIFT_INPUTS; i++) {
        for (size_t j = 0; j < SHIFT_INPUTS; j++) {
            sums->square[i][j] += inputs[i] * inputs[j];
        }
        for (size_t side = 0; side < SHIFT_SIDES; side++) {
            sums->product[side][i] += inputs[i] * targets[side];
        }
    }
}

void shift_solve(const struct shift_sums *sums, struct shift *shift)
{
    const double ridge = 2.0; /* examples that say "do not move" */
    for (size_t side = 0; side < SHIFT_SIDES; side++) {
        double rows[SHIFT_INPUTS][SHIFT_INPUTS + 1];
        for (size_t i = 0; i < SHIFT_INPUTS; i++) {
            for (size_t j = 0; j < SHIFT_INPUTS; j++) {
                rows[i][j] = sums->square[i][j] + (i == j ? ridge : 0);
            }
            rows[i][SHIFT_INPUTS] = sums->product[side][i];
        }
        for (size_t i = 0; i < SHIFT_INPUTS; i++) { /* positive definite: no pivot is 0 */
            for (size_t k = 0; k < SHIFT_INPUTS; k++) {
                double share = k == i ? 0 : rows[k][i] / rows[i][i];
                for (size_t j = i; j <= SHIFT_INPUTS; j++) {
                    rows[k][j] -= share * rows[i][j];
                }
            }
        }
        for (size_t i = 0; i < SHIFT_INPUTS; i++) {
            shift->weights[side][i] = (float)(rows[i][SHIFT_INPUTS] / rows[i][i]);
        }
    }
}

double shift_side(const struct shift *shift, const double inputs[SHIFT_INPUTS], size_t side)
{
    double sum = 0;
    for (size_t i = 0; i < SHIFT_INPUTS; i++) {
        sum += (double)shift->weights[side][i] * inputs[i];
    }
    return sum;
}
