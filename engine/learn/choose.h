/* SPDX-License-Identifier: MIT */
/* Which outputs of a batch a person should look at: the most is learnt where a model is unsure, and
 * from documents that are not all alike. Functions of arrays alone. */
#ifndef FND_LEARN_CHOOSE_H
#define FND_LEARN_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "pipeline/kind.h"

/** One output of the batch. `id` decides where all else is equal, so that the choice never depends
 *  on the order of the batch. */
struct fnd_candidate {
    const char *id;    /* borrowed */
    double confidence; /* the lowest of its values; 1 for an output without one */
    const char *group; /* what must not be chosen again and again (a supplier), or NULL */
    uint64_t features; /* fnd_features(): alike where few bits differ */
};

struct fnd_choice {
    size_t count_max;      /* so many at most; SIZE_MAX: no limit but the budget */
    double minutes;        /* of a person's time; <= 0: no budget */
    double seconds_each;   /* what a card takes, the median; <= 0: FND_CARD_SECONDS */
    double confidence_max; /* nothing that the model is surer of than this; 1: anything */
    bool diverse;          /* else the least certain, one after the other */
};
/** A card's time until cards were answered. */
enum { FND_CARD_SECONDS = 20 };
/** Diversity is looked for among so many times the wanted count, the least certain ones: documents
 *  that are merely strange teach little. */
enum { FND_CHOICE_POOL = 3 };

/** Choose. chosen[] gets indexes into `candidates`, in the order in which to ask.
 *  chosen  room for `count`.
 *  Returns how many: count_max, or as many as fit the budget (at least one, if it is above zero and
 *          there is one), or all that there are.
 *  Diverse: the least certain first; then, again and again, the one whose nearest among the chosen
 *  is the farthest (greedy max-min, as in Gonzalez, "Clustering to minimize the maximum
 * intercluster distance", 1985): another group counts as farther than any difference of features.
 *  Thread: any. */
size_t fnd_choose(const struct fnd_candidate *candidates, size_t count,
                  const struct fnd_choice *choice, size_t *chosen);

/** The median of durations; < 0 without any. Sorts `seconds`. */
double fnd_median(double *seconds, size_t count);

/** 64 bits about a document that differ in few places where documents have most of their values in
 *  common (Charikar's simhash over pointer and value of each leaf). 0 for a document without
 * leaves. The same on every machine. */
uint64_t fnd_features(struct fnd_json document);

/** fnd_prover.choose(): the choice from a batch that waits at a human phase (batch.c). */
enum fnd_status fnd_batch_choose(struct fnd_reader *reader, const struct fnd_choose_want *want,
                                 struct fnd_text *decision, struct fnd_error *error);

#endif
