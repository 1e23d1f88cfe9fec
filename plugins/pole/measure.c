/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <stdlib.h>
#include <string.h>

static int by_confidence(const void *a, const void *b)
{
    double first = ((const struct judged *)a)->confidence;
    double second = ((const struct judged *)b)->confidence;
    return (first < second) - (first > second);
}

double average_precision(struct judged *judged, size_t count, size_t poles)
{
    size_t right = 0;
    double area = 0, best = 0;
    if (poles == 0 || count == 0) {
        return 0;
    }
    qsort(judged, count, sizeof *judged, by_confidence);
    for (size_t i = 0; i < count; i++) {
        right += judged[i].right != 0;
    }
    /* From the least sure on: the best precision at this recall or higher is then known. */
    for (size_t end = count; end > 0;) {
        size_t first = end - 1, here = judged[first].right != 0;
        while (first > 0 && !(judged[first - 1].confidence > judged[end - 1].confidence)) {
            first--;
            here += judged[first].right != 0;
        }
        double precision = (double)right / (double)end;
        best = precision > best ? precision : best;
        area += best * (double)here / (double)poles;
        right -= here;
        end = first;
    }
    return area;
}

size_t boxes_judge(const struct box *boxes, size_t count, const struct box *poles,
                   size_t poles_count, double least, int *right, unsigned char *taken)
{
    size_t rights = 0;
    memset(taken, 0, poles_count);
    for (size_t i = 0; i < count; i++) {
        size_t best = poles_count;
        double best_iou = least;
        for (size_t j = 0; j < poles_count; j++) {
            double iou = taken[j] ? -1 : box_iou(&boxes[i], &poles[j]);
            if (iou >= best_iou) {
                best_iou = iou;
                best = j;
            }
        }
        right[i] = best < poles_count;
        if (right[i]) {
            taken[best] = 1;
            rights++;
        }
    }
    return rights;
}
