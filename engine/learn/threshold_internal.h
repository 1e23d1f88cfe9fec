/* SPDX-License-Identifier: MIT */
/* What the files of threshold.h share: counts at each threshold of the grid. */
#ifndef FND_LEARN_THRESHOLD_INTERNAL_H
#define FND_LEARN_THRESHOLD_INTERNAL_H

#include "learn/threshold.h"

struct field_at {
    uint64_t checks, wrong;
};

/** What is accepted at one threshold. A unit is what the target is about: a value or a document. */
struct tally_at {
    struct field_at *fields;
    double units, wrong;
    double expected;    /* errors that the confidences promise among the units */
    double worth;       /* units that count as one check; 1 or more */
    double effective;   /* units / worth */
    uint64_t documents; /* with a unit in them */
    uint64_t other_units, other_wrong;
    /* The same with the values of fields that have too few checks to be let in yet. */
    double open_units, open_wrong, open_worth;
};

struct fnd_prover {
    const struct fnd_target *target;
    size_t fields_count;
    bool by_document; /* counts are of documents: the target is, or nothing tells how values fall */
};

/** Fill tallies[i] for grid[i]; finish frees what they hold. */
void fnd_prover_count(struct fnd_prover *prover, const struct fnd_check *checks, size_t count,
                      const double *grid, size_t grid_count, struct tally_at *tallies);
void fnd_prover_finish(struct tally_at *tallies, size_t grid_count);

/** Whether so many checks could show a field's own limit at all, if all were clean. */
bool fnd_field_counts(const struct fnd_prover *prover, uint64_t checks);

#endif
