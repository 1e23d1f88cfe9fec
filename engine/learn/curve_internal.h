/* SPDX-License-Identifier: MIT */
#ifndef FND_LEARN_CURVE_INTERNAL_H
#define FND_LEARN_CURVE_INTERNAL_H

#include "base/json.h"
#include "learn/curve.h"

/** Add what a CorrectionRecord tells about a document to counts.
 *  whole  whether all of it was looked at. */
void fnd_curve_record(struct fnd_json record, bool whole, struct fnd_curve_counts *counts);
void fnd_curve_counts_finish(struct fnd_curve_counts *counts);
void fnd_curve_counts_add(const struct fnd_curve_counts *from, struct fnd_curve_counts *to);
/** How many values a question about a whole document asks about: those with a confidence, else all
 *  leaves. */
int64_t fnd_curve_values(struct fnd_json document, struct fnd_json scores);

/** How many of the objects in lists of `human` were among those of `model`. Objects are the same
 *  that lie in one place (boxes that share half of their area) or have half of their members in
 *  common. */
void fnd_curve_objects(struct fnd_json model, struct fnd_json human, int64_t *objects,
                       int64_t *found);

#endif
