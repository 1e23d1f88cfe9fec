/* SPDX-License-Identifier: MIT */
/* From a target error rate to the confidence from which on nobody is asked: proven from outputs
 * that a person checked. Functions of arrays alone. */
#ifndef FND_LEARN_THRESHOLD_H
#define FND_LEARN_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/** One value that a model gave and a person checked. */
struct fnd_check {
    uint64_t document; /* any number; values of one document share it */
    uint32_t field;    /* 0 to fields_count - 1: "/total", "/items/ * /price" */
    bool right;
    double confidence; /* 0 to 1 */
    bool borrowed;     /* not of the model's own work: of models made as it was (checks.h) */
};

/** What is to be shown. */
struct fnd_target {
    double error;      /* 0.01: at most one wrong in a hundred that nobody is asked about */
    double level;      /* of the proof, 0.95 */
    bool per_document; /* a document counts as one, wrong if any value in it is */
};

/** What is shown of one field among what would be accepted. */
struct fnd_threshold_field {
    enum fnd_threshold_field_state {
        FND_FIELD_UNSEEN, /* nothing of it was checked at or above the threshold */
        FND_FIELD_ASKED,  /* too few checks to tell: always asked until `missing` more are clean */
        FND_FIELD_IN,     /* accepted from the threshold on */
        FND_FIELD_VETO /* its own error may exceed FND_FIELD_TIMES * target: stops the threshold */
    } state;
    uint64_t checks, wrong; /* at or above the threshold */
    double bound;           /* of its own error rate */
    uint64_t missing;
};

/** One field may be so many times worse than the target for all. */
enum { FND_FIELD_TIMES = 5 };

/** The grid is fixed beforehand and the same for everybody: thresholds are tried from the first on.
 */
size_t fnd_threshold_grid(const double **grid);

/** What was found. `= {0}`; finish frees. */
struct fnd_threshold {
    bool proven;
    double threshold;       /* proven: the lowest; else the one that is nearest to being proven */
    uint64_t checks, wrong; /* values (per_document: documents) at or above it */
    uint64_t documents;     /* that those lie in */
    double effective;       /* what the checks are worth where values of a document fall together */
    double bound;           /* the error rate is at most this, at `level`; 1 without checks */
    double lower;           /* and at least this, at the same level */
    /* Unproven: the highest confidence of the grid that any check reaches, and the error that is at
     * least there, at the same level; 0, 0: too few are wrong there to say so. */
    double seen, seen_lower;
    uint64_t missing;   /* not proven: clean checks until it would be */
    bool by_document;   /* `missing` and the proof count documents, not single values */
    int64_t veto;       /* not proven for this field alone, or -1 */
    double other_bound; /* the other figure: per document for a target per field, and back */
    uint64_t other_checks, other_wrong;
    struct fnd_threshold_field *fields;
    size_t fields_count;
};
void fnd_threshold_finish(struct fnd_threshold *threshold);

/** Prove a threshold.
 *
 *  A threshold accepts a value whose confidence is not below it; per document, a document none of
 *  whose values is. It holds when the one-sided Clopper-Pearson bound of the error among what it
 *  accepts meets the target. Thresholds are tried one after the other from high to low, each at the
 *  full level, until the first that fails: since that order is given, the chance that the last one
 *  to hold does worse than the target is at most 1 - level (fixed-sequence testing: Angelopoulos et
 *  al., "Learn then Test", 2021, section 2.2). Where the sequence begins is chosen by the
 *  confidences alone, never by who was right, which keeps that true: at the highest threshold whose
 *  checks are so many, and whose confidences promise so few errors, that it will likely hold.
 *
 *  Values of one document fall together (a page that is badly read spoils all), so they are worth
 *  less than as many single checks: counts are divided by 1 + (m - 1) r, with m the values a
 *  document and r how much they fall together, as estimated from all checks, also those below any
 *  threshold, and one more document that was all wrong (the design effect: Kish, "Survey Sampling",
 *  1965, section 5.4). While nothing was wrong, r is 1 and a document counts once.
 *
 *  A field with too few checks to show FND_FIELD_TIMES * target even if all are clean is left out
 *  and always asked (which again the counts alone decide); one with enough whose own bound exceeds
 *  that ends the sequence. Per document no field is left out, and only those with enough veto.
 *
 *  checks  borrowed, in any order; the result does not depend on it.
 *  The guarantee is for one look at the checks, and for documents like those checked.
 *  Thread: any. n log n in the checks. */
void fnd_threshold_prove(const struct fnd_check *checks, size_t count, size_t fields_count,
                         const struct fnd_target *target, struct fnd_threshold *out);

/** Fill in what is known of what lies at or above `threshold`, whether that proves anything or not:
 *  checks, wrong, documents, effective, bound, lower. fields stays empty. */
void fnd_threshold_look(const struct fnd_check *checks, size_t count, size_t fields_count,
                        const struct fnd_target *target, double threshold,
                        struct fnd_threshold *out);

/** Append one sentence: "proven: from 93 % on at most 0.87 % of values are wrong (299 checked, none
 *  wrong; target 1 %)", or "unproven: 41 more clean checks (target 1 %)".
 *  names  of the fields, for a veto; may be NULL. */
void fnd_threshold_text(const struct fnd_threshold *threshold, const struct fnd_target *target,
                        const char *const *names, struct fnd_text *text);

/** Append a share as people read it: "1 %", "0.87 %", "12.5 %". */
void fnd_percent_append(double share, struct fnd_text *text);

#endif
