/* SPDX-License-Identifier: MIT */
/* Logistic regressions: over sets of features for what a word is, over a few numbers for how sure
 * that is. Trained by liblinear, evaluated here. */
#ifndef INVOICE_LOGIT_H
#define INVOICE_LOGIT_H

#include <stddef.h>
#include <stdint.h>

#include "traits.h"

enum { LOGIT_CLASSES_MAX = 5, STACK_INPUTS_MAX = 16 };

/* One against the rest for each class; with two classes the one column speaks for class 1. */
struct logit {
    size_t columns; /* 0: not trained */
    size_t count;
    uint32_t *ids;  /* ascending */
    float *weights; /* count rows of `columns` */
    float bias[LOGIT_CLASSES_MAX];
    uint16_t *buckets; /* first index of each id / 256, made by logit_index() */
};

/** Train on `count` sets with classes below `classes` (2 to LOGIT_CLASSES_MAX). Deterministic.
 *  With a single class among the labels the result says that class. 0, or -1 without memory. */
int logit_train(struct logit *logit, const struct features *rows, const uint8_t *labels,
                size_t count, size_t classes, double cost);
/** Make the index of ids; call it when ids and weights came from a file. 0, or -1. */
int logit_index(struct logit *logit);
void logit_finish(struct logit *logit);
/** The log-odds for each column. */
void logit_scores(const struct logit *logit, const struct features *features, double *scores);

/* A regression of whether a value is right on what is known about it. */
struct stack {
    uint32_t inputs; /* 0: not trained */
    float mean[STACK_INPUTS_MAX], scale[STACK_INPUTS_MAX], weights[STACK_INPUTS_MAX], bias;
};

/** Train on rows of STACK_INPUTS_MAX numbers of which `inputs_count` count. With fewer than 8 rows
 *  nothing is learnt. 0, or -1 without memory. */
int stack_train(struct stack *stack, const double (*inputs)[STACK_INPUTS_MAX], const uint8_t *right,
                size_t count, size_t inputs_count);
/** How likely the value is right; `otherwise` if nothing was learnt. */
double stack_probability(const struct stack *stack, const double *inputs, double otherwise);

#endif
