/* SPDX-License-Identifier: MIT */
/* How good detections are. */
#ifndef POLE_MEASURE_H
#define POLE_MEASURE_H

#include "box.h"

/* A detection of one of many pictures. */
struct judged {
    double confidence;
    int right; /* it is the best one of a pole */
};

/** The area under precision by recall: the precision at a recall is the best one at that recall or
 *  a higher one. `judged` is sorted by confidence in place. Detections that are equally sure count
 *  as one step. 0 where there are no poles. */
double average_precision(struct judged *judged, size_t count, size_t poles);

/** Which detections of one picture are right, as evaluations of detectors count: in the order
 *  they stand (surest first) each takes the pole it covers best, from `least` on, that is not
 *  taken. Returns how many are right. `taken` has room for poles_count. */
size_t boxes_judge(const struct box *boxes, size_t count, const struct box *poles,
                   size_t poles_count, double least, int *right, unsigned char *taken);

#endif
