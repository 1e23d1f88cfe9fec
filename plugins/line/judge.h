/* SPDX-License-Identifier: MIT */
/* A line by what was learned: its words put right where that proved sound, and how likely the whole
 * is right. */
#ifndef LINE_JUDGE_H
#define LINE_JUDGE_H

#include "model.h"

struct verdict {
    char text[LINE_SIZE];
    double features[FEATURES];
    size_t edits;
};
/** Put the line right by the model's rules, and gather what is known about the result. */
void judge(const struct model *model, const struct line *line, struct verdict *verdict);
/** The word that a word becomes under a rule (RULE_SEEN, RULE_NEAREST), or NULL: it stays. */
const char *judge_word(const struct model *model, uint32_t rule, const char *word, size_t size);
/** How likely a line with these features is right. */
double judge_share(const struct model *model, const double features[FEATURES]);

/** Fit the regression, by Newton's method with a ridge; deterministic.
 *  rows  features of lines; right: whether each was; without: rows whose `fold` that is are left
 *        out (a number that no row has: none).   loss: receives the mean logarithmic loss.
 *  Returns 0, or -1: nothing to fit. */
int fit(struct model *model, const double (*rows)[FEATURES], const unsigned char *right,
        const unsigned char *fold, size_t count, unsigned without, double *loss);

#endif
