/* SPDX-License-Identifier: MIT */
#include "label.h"

#include <math.h>

/** How well a proposal's ends fit a box, 0 to 1, where its axis goes through the box's middle part;
 *  `off` is how far the axis is from the middle, in half widths of the box. */
static double ends_fit(const struct scene *scene, const struct line *line, const struct box *box,
                       double *off)
{
    double top = line->top * scene->scale, bottom = line->bottom * scene->scale;
    double shared = fmin(bottom, box->y1) - fmax(top, box->y0);
    double all = fmax(bottom, box->y1) - fmin(top, box->y0);
    double x = line_x(&scene->field, line, (box->y0 + box->y1) / 2 / scene->scale) * scene->scale;
    *off = fabs(x - (box->x0 + box->x1) / 2) / ((box->x1 - box->x0) / 2 + 2 * scene->scale);
    return all > 0 && shared > 0 ? shared / all : 0;
}

static int touches(const struct scene *scene, const struct line *line, const struct box *boxes,
                   size_t count, double least)
{
    for (size_t i = 0; i < count; i++) {
        double off, fit = ends_fit(scene, line, &boxes[i], &off);
        if (fit > least && off < 1) {
            return 1;
        }
    }
    return 0;
}

enum label proposal_label(const struct example *example, const struct proposal *proposal,
                          size_t *truth)
{
    const double right = 0.86, near = 0.5;
    const struct line *line = &proposal->shaft.line;
    double best = 0;
    int is_near = 0;
    for (size_t i = 0; i < example->truth_count; i++) {
        double off, fit = ends_fit(&example->scene, line, &example->truth[i], &off);
        if (fit > best && off < 0.45) {
            best = fit;
            *truth = i;
        }
        is_near |= fit > near && off < 1;
    }
    if (best >= right) {
        return LABEL_POLE;
    }
    if (is_near || touches(&example->scene, line, example->unseen, example->unseen_count, 0.2)) {
        return LABEL_NONE;
    }
    if (touches(&example->scene, line, example->deleted, example->deleted_count, near)) {
        return LABEL_DELETED;
    }
    return example->whole ? LABEL_BACKGROUND : LABEL_NONE;
}

size_t reach_label(const struct scene *scene, const struct proposal *proposal,
                   const struct box *truth)
{
    double height = proposal->shaft.line.bottom - proposal->shaft.line.top, best = -1;
    size_t index = 0;
    for (size_t i = 0; i < REACHES; i++) {
        struct box box = scene_box(scene, proposal, reach_of(i, height));
        /* Widths alone: the ends are not what is asked here. */
        box.y0 = truth->y0;
        box.y1 = truth->y1;
        double iou = box_iou(&box, truth);
        if (iou > best) {
            best = iou;
            index = i;
        }
    }
    return index;
}
