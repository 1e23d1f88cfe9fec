/* SPDX-License-Identifier: MIT */
/* Simulated models that lie about their confidence, and whose true error is known. */
#ifndef FND_TEST_LEARN_SIMULATED_H
#define FND_TEST_LEARN_SIMULATED_H

#include "learn/threshold.h"

enum { LEVELS = 12, FIELDS_MAX = 8 };

/** A model: how often it gives each confidence, and how often it is wrong there. `together` is the
 *  share of documents whose values are all drawn by one throw. */
struct model {
    double confidence[LEVELS], share[LEVELS], wrong[LEVELS], together;
    size_t documents, fields;
    uint64_t *state;
};

/** xorshift64* (Vigna, 2016), 0 to 1: the same everywhere. */
double uniform(uint64_t *state);
void model_make(struct model *model, double target, size_t fields, uint64_t *state);
/** The checks of a run. One throw decides about all values of some documents, so that they are
 * wrong together; the rate at each confidence is `wrong` all the same. */
void model_draw(const struct model *model, size_t documents, struct fnd_check *checks);
/** The true error of what a threshold accepts, per value: known, not sampled. */
double error_of(const struct model *model, double threshold);
/** The same per document: a value a field, all drawn from what lies above the threshold. */
double document_error_of(const struct model *model, double threshold);
/** A model at the very edge: a little worse than the target whatever it says, so that anything
 *  proven of it is a broken promise, and the chances of a mistake are at their highest. */
void model_edge(struct model *model, double target, double together, bool one_level);

#endif
