/* SPDX-License-Identifier: MIT */
/* Boxes on a picture are right where they lie well enough, not where their pixels are the same, and
 * whatever their order is. */
#ifndef FND_LEARN_BOXES_H
#define FND_LEARN_BOXES_H

#include "base/json.h"
#include "base/text.h"

/** Boxes count as the same from this overlap on (intersection over union), labels being equal. */
#define FND_BOXES_OVERLAP 0.5

/** Append `other` as it is, but for lists of boxes (objects with `box`, [x_min, y_min, x_max,
 * y_max], and maybe `label`): those are written in the order of the same list in `reference`, an
 * item each: "box" where one of `other` overlaps that of the reference, null where none does; and
 * "more" for each of `other` that is left. So two documents can be compared place by place, once
 * `reference` was written against itself. Each box of the reference takes the one that overlaps it
 * most, in the reference's order. Thread: any. */
void fnd_boxes_align(struct fnd_json reference, struct fnd_json other, struct fnd_text *json);

#endif
