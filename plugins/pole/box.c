/* SPDX-License-Identifier: MIT */
#include "box.h"

#include <math.h>
#include <string.h>

double box_iou(const struct box *a, const struct box *b)
{
    double width = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
    double height = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    if (width <= 0 || height <= 0) {
        return 0;
    }
    double shared = width * height;
    double all = (a->x1 - a->x0) * (a->y1 - a->y0) + (b->x1 - b->x0) * (b->y1 - b->y0) - shared;
    return all > 0 ? shared / all : 0;
}

static double within(double value, double bound)
{
    return value < 0 ? 0 : value > bound ? bound : value;
}

struct box box_clamped(struct box box, double width, double height)
{
    struct box ordered = {fmin(box.x0, box.x1), fmin(box.y0, box.y1), fmax(box.x0, box.x1),
                          fmax(box.y0, box.y1)};
    return (struct box){within(ordered.x0, width), within(ordered.y0, height),
                        within(ordered.x1, width), within(ordered.y1, height)};
}

void boxes_match(const struct box *boxes, size_t count, const struct box *others,
                 size_t others_count, double least, size_t *match, unsigned char *taken)
{
    memset(taken, 0, others_count);
    for (size_t i = 0; i < count; i++) {
        match[i] = others_count;
    }
    for (;;) {
        double best = least;
        size_t best_i = count, best_j = others_count;
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < others_count && match[i] == others_count; j++) {
                double iou = taken[j] ? -1 : box_iou(&boxes[i], &others[j]);
                if (iou > best || (iou >= best && best_i == count)) {
                    best = iou;
                    best_i = i;
                    best_j = j;
                }
            }
        }
        if (best_i == count) {
            return;
        }
        match[best_i] = best_j;
        taken[best_j] = 1;
    }
}
