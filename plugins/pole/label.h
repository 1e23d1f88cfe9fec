/* SPDX-License-Identifier: MIT */
/* What a person's boxes say of proposals. */
#ifndef POLE_LABEL_H
#define POLE_LABEL_H

#include "train.h"

enum label {
    LABEL_NONE, /* too near to a pole to be background, or nobody looked: teaches nothing */
    LABEL_BACKGROUND,
    LABEL_DELETED, /* background that a model took for a pole */
    LABEL_POLE
};

/** The label of a proposal; `truth` is the index of the pole it is, for LABEL_POLE. */
enum label proposal_label(const struct example *example, const struct proposal *proposal,
                          size_t *truth);
/** The index of the half width whose box covers a pole best. */
size_t reach_label(const struct scene *scene, const struct proposal *proposal,
                   const struct box *truth);

#endif
