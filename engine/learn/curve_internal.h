/* SPDX-License-Identifier: MIT */
#ifndef FND_LEARN_CURVE_INTERNAL_H
#define FND_LEARN_CURVE_INTERNAL_H

#include "base/json.h"
#include "learn/curve.h"

/** Where a document came to, and under which pin. Borrowed. */
struct fnd_curve_gate {
    const char *pipeline, *phase, *version;
};
/** The version that a proof is of (without one: the gate's), made where it is not there yet. */
struct fnd_curve_version *fnd_curve_version_of(struct fnd_curve *curve,
                                               const struct fnd_curve_gate *gate,
                                               struct fnd_json proof, int64_t event);
/** A version's day, in UTC, made where it is not there yet. */
struct fnd_curve_counts *fnd_curve_day_of(struct fnd_curve_version *version, int64_t at_us);
void fnd_curve_proof_note(struct fnd_curve_version *version, struct fnd_json proof);
/** Make `all` of each version from its days. */
void fnd_curve_sum(struct fnd_curve *curve);

/** Add what a CorrectionRecord tells about a document to counts.
 *  whole  whether all of it was looked at. */
void fnd_curve_record(struct fnd_json record, bool whole, struct fnd_curve_counts *counts);
void fnd_curve_counts_finish(struct fnd_curve_counts *counts);
void fnd_curve_counts_add(const struct fnd_curve_counts *from, struct fnd_curve_counts *to);
/** How many values a question about a whole document asks about: those with a confidence, else all
 *  leaves. */
int64_t fnd_curve_values(struct fnd_json document, struct fnd_json scores);

/** Count the objects in lists of `human`, and how many of them were among those of `model`: all of
 *  them, and by label those that have one. Objects are the same that lie in one place (boxes that
 *  share half of their area) or have half of their members in common. A box of another label in the
 *  same place was proposed, so that a gate had something to ask about: it is found. */
void fnd_curve_objects(struct fnd_json model, struct fnd_json human,
                       struct fnd_curve_counts *counts);

/** Append a day as "2026-11-23". */
void fnd_curve_day_append(int64_t day, struct fnd_text *text);

/** Tell each figure of `shown` that is another in `counted`; see fnd_curve_check(). */
void fnd_curve_compare(const struct fnd_curve *shown, const struct fnd_curve *counted,
                       void (*flaw)(const char *sentence, void *context), void *context,
                       struct fnd_curve_checked *checked);

#endif
