/* SPDX-License-Identifier: MIT */
/* Regressions: many traits to log-odds, a few numbers to a probability, a few numbers to others. */
#ifndef POLE_WEIGH_H
#define POLE_WEIGH_H

#include <stddef.h>
#include <stdint.h>

enum { STACK_INPUTS = 10, SHIFT_INPUTS = 4, SHIFT_SIDES = 4 };

/* Logistic regression over bytes. */
struct weights {
    size_t count; /* 0: not trained */
    float *values;
    float bias;
};

/** Train on rows of `traits` bytes each, with labels 0 and 1. Deterministic. 0, or -1 without
 *  memory. */
int weights_train(struct weights *weights, const uint8_t *const *rows, const uint8_t *labels,
                  size_t count, size_t traits, double cost);
void weights_finish(struct weights *weights);
/** The log-odds of a row. */
double weights_score(const struct weights *weights, const uint8_t *row);

/* Logistic regression over a few numbers, of whether something is right. */
struct stack {
    uint32_t rows; /* it was trained on; 0: it was not */
    float mean[STACK_INPUTS], scale[STACK_INPUTS], weights[STACK_INPUTS], bias;
};

/** `cost`: of errors, against that of weights; 1 is much for a few dozen rows. With fewer than 8
 * rows, or all alike in their labels, nothing but their share is learnt. 0, or -1 without memory.
 */
int stack_train(struct stack *stack, const double (*inputs)[STACK_INPUTS], const uint8_t *right,
                size_t count, double cost);
/** How likely it is right; `otherwise` if nothing was learnt. */
double stack_probability(const struct stack *stack, const double inputs[STACK_INPUTS],
                         double otherwise);

/* Least squares, drawn towards 0: where the sides of a box lie, from a few numbers. */
struct shift {
    float weights[SHIFT_SIDES][SHIFT_INPUTS];
};

/* What least squares are added up in. Zeroed before the first. */
struct shift_sums {
    double square[SHIFT_INPUTS][SHIFT_INPUTS], product[SHIFT_SIDES][SHIFT_INPUTS];
};

void shift_add(struct shift_sums *sums, const double inputs[SHIFT_INPUTS],
               const double targets[SHIFT_SIDES]);
void shift_solve(const struct shift_sums *sums, struct shift *shift);
double shift_side(const struct shift *shift, const double inputs[SHIFT_INPUTS], size_t side);

#endif
