/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/** A shaft as upright as a box, where its edges face each other most. */
static struct shaft shaft_of_box(const struct field *field, const struct box *box)
{
    static const double widths[] = {0.02, 0.028, 0.036, 0.046};
    double height = box->y1 - box->y0, middle = (box->x0 + box->x1) / 2, best = -1;
    double room = fmin((box->x1 - box->x0) * 0.3, height * 0.05) + 1;
    struct shaft shaft = {.rank = 0};
    for (int lean = -4; lean <= 4; lean++) {
        for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
            for (int step = 0; step <= (int)(2 * room); step++) {
                const double off = step - room;
                struct line line = {.lean = lean * 0.015,
                                    .width = fmax(3, widths[i] * height),
                                    .top = box->y0,
                                    .bottom = box->y1};
                line.x = middle + off - line.lean * ((box->y0 + box->y1) / 2 - field->height / 2.0);
                double sum = 0, single;
                for (int y = (int)fmax(box->y0, 0); y < box->y1 && y < field->height; y += 3) {
                    sum += line_edges(field, &line, y, &single) + 0.1 * single;
                }
                if (sum > best) {
                    best = sum;
                    shaft.line = line;
                }
            }
        }
    }
    return shaft;
}

static void proposal_measure(const struct field *field, struct proposal *proposal)
{
    arms_look(field, &proposal->shaft, &proposal->arms);
    traits_take(field, &proposal->shaft, &proposal->arms, &proposal->traits, &proposal->measures);
}

static void extra_add(struct scene *scene, const struct box *extra, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct box box = {extra[i].x0 / scene->scale, extra[i].y0 / scene->scale,
                          extra[i].x1 / scene->scale, extra[i].y1 / scene->scale};
        box = box_clamped(box, scene->field.width, scene->field.height);
        if (box.y1 - box.y0 >= SHAFT_SHORTEST / 2.0 && box.x1 - box.x0 >= 2) {
            struct proposal *proposal = &scene->proposals[scene->count++];
            proposal->shaft = shaft_of_box(&scene->field, &box);
            proposal_measure(&scene->field, proposal);
        }
    }
}

int scene_make(struct scene *scene, struct Pix *pix, const struct box *extra, size_t extra_count)
{
    struct line lines[LINES_MAX];
    struct shaft *shafts = NULL;
    *scene = (struct scene){.width = pixGetWidth(pix), .height = pixGetHeight(pix)};
    int status = field_make(&scene->field, pix);
    scene->scale = scene->field.scale;
    if (status != 0 || scene->field.width == 0) {
        goto out;
    }
    status = -1;
    int lines_count = lines_find(&scene->field, lines);
    shafts = calloc(SHAFTS_MAX, sizeof *shafts);
    if (lines_count < 0 || shafts == NULL) {
        goto out;
    }
    size_t count = shafts_find(&scene->field, lines, (size_t)lines_count, shafts);
    scene->proposals = calloc(count + extra_count + 1, sizeof *scene->proposals);
    if (scene->proposals == NULL) {
        goto out;
    }
    for (; scene->count < count; scene->count++) {
        scene->proposals[scene->count].shaft = shafts[scene->count];
        proposal_measure(&scene->field, &scene->proposals[scene->count]);
    }
    scene->own = scene->count;
    extra_add(scene, extra, extra_count);
    status = 0;
out:
    free(shafts);
    int width = scene->field.width, height = scene->field.height;
    field_finish(&scene->field);
    scene->field.width = width;
    scene->field.height = height;
    return status;
}

void scene_finish(struct scene *scene)
{
    free(scene->proposals);
    *scene = (struct scene){.proposals = NULL};
}

struct box scene_box(const struct scene *scene, const struct proposal *proposal, double reach)
{
    struct box box = shaft_box(&scene->field, &proposal->shaft, &proposal->arms, reach);
    box.x0 *= scene->scale;
    box.y0 *= scene->scale;
    box.x1 *= scene->scale;
    box.y1 *= scene->scale;
    return box_clamped(box, scene->width, scene->height);
}

static double reach_pixels(const struct proposal *proposal, double index)
{
    double height = proposal->shaft.line.bottom - proposal->shaft.line.top;
    return reach_of(0, height) * pow(reach_of(1, height) / reach_of(0, height), index);
}

void shift_inputs(const struct proposal *proposal, double reach, double inputs[SHIFT_INPUTS])
{
    double height = proposal->shaft.line.bottom - proposal->shaft.line.top;
    inputs[0] = 1;
    inputs[1] = reach_pixels(proposal, reach) / height * 10;
    inputs[2] = 50 / height;
    inputs[3] = proposal->shaft.line.width / height * 20;
}

struct box shift_box(const struct scene *scene, const struct model *model,
                     const struct proposal *proposal, double reach)
{
    struct box box = scene_box(scene, proposal, reach_pixels(proposal, reach));
    if (model != NULL) {
        double inputs[SHIFT_INPUTS];
        double height = (proposal->shaft.line.bottom - proposal->shaft.line.top) * scene->scale;
        shift_inputs(proposal, reach, inputs);
        box.x0 += shift_side(&model->shift, inputs, 0) * height;
        box.y0 += shift_side(&model->shift, inputs, 1) * height;
        box.x1 += shift_side(&model->shift, inputs, 2) * height;
        box.y1 += shift_side(&model->shift, inputs, 3) * height;
    }
    return box_clamped(box, scene->width, scene->height);
}

/* --- rules ---------------------------------------------------------------------------------- */

/** Before anything was learnt: two edges all along, that begin at a top and end at a foot, of a
 *  thing taller than most. */
static double rules_score(const struct measures *measures)
{
    const double *value = measures->values;
    return -9.5 + 2.5 * value[MEASURE_PAIR] + 2.5 * value[MEASURE_COVER] +
           1.5 * value[MEASURE_WEAKEST] + 2.0 * value[MEASURE_TOP_STEP] +
           1.5 * value[MEASURE_BOTTOM_STEP] + 3.0 * value[MEASURE_ARMS] +
           2.5 * value[MEASURE_HEIGHT] - 1.5 * value[MEASURE_MIXED] - 1.0 * value[MEASURE_BUSY];
}

static double rules_reach(const struct arms *arms, size_t index)
{
    return 4.0 * (double)(arms->bar_inside[index] + arms->bar_at[index] - arms->bar_beyond[index]) +
           2.0 * (double)arms->end[index] - 4.0;
}

/* --- finding -------------------------------------------------------------------------------- */

/** How much a proposal looks like a pole, in log-odds: the net sees more than the regression, and
 *  both together are right more often than either. */
static double shaft_score(const struct model *model, const struct traits *traits)
{
    const double net = 0.7, score = weights_score(&model->shafts, traits->values);
    return model->net.count == 0 ? score
                                 : net * net_score(&model->net, traits->values) + (1 - net) * score;
}

/** How likely each half width is, in logarithms that sum to 1, and the score of the best one. */
static double reach_weigh(const struct model *model, const struct proposal *proposal,
                          double likely[REACHES])
{
    double best = -1e9, sum = 0;
    for (size_t i = 0; i < REACHES; i++) {
        if (model == NULL) {
            likely[i] = rules_reach(&proposal->arms, i);
        } else {
            struct reach_traits traits;
            reach_take(&proposal->shaft, &proposal->arms, i, &traits);
            likely[i] = weights_score(&model->reach, traits.values);
        }
        best = fmax(best, likely[i]);
    }
    for (size_t i = 0; i < REACHES; i++) {
        sum += exp(likely[i]);
    }
    for (size_t i = 0; i < REACHES; i++) {
        likely[i] -= log(sum);
    }
    return best;
}

/** The half widths of all detections, between the steps: poles of one line are alike, so what is
 *  likely for the others of a picture counts as well, as far as they are poles. */
static void reaches_find(const struct scene *scene, const struct model *model, struct found *found)
{
    double likely[DETECTIONS_MAX][REACHES], is_pole[DETECTIONS_MAX];
    const double unlikely = -5, others = 0.6;
    for (size_t i = 0; i < found->count; i++) {
        struct detection *item = &found->items[i];
        item->reach_score = reach_weigh(model, &scene->proposals[item->proposal], likely[i]);
        is_pole[i] = 1 / (1 + exp(1 - item->score));
    }
    for (size_t i = 0; i < found->count; i++) {
        double sums[REACHES], weight = 0, sum = 0;
        size_t best = 0;
        for (size_t r = 0; r < REACHES; r++) {
            sums[r] = likely[i][r];
            for (size_t j = 0; j < found->count; j++) {
                sums[r] += j != i ? others * is_pole[j] * fmax(likely[j][r], unlikely) : 0;
            }
            best = sums[r] > sums[best] ? r : best;
        }
        for (size_t r = best < 2 ? 0 : best - 2; r <= best + 2 && r < REACHES; r++) {
            double share = exp(sums[r] - sums[best]);
            weight += share;
            sum += share * (double)r;
        }
        found->items[i].reach = sum / weight;
    }
}

/** Whether a proposal is of the same thing as a better one. */
static int is_same(const struct scene *scene, const struct proposal *a, const struct proposal *b)
{
    const struct line *first = &a->shaft.line, *second = &b->shaft.line;
    double top = fmax(first->top, second->top), bottom = fmin(first->bottom, second->bottom);
    double shorter = fmin(first->bottom - first->top, second->bottom - second->top);
    double apart = fabs(line_x(&scene->field, first, (top + bottom) / 2) -
                        line_x(&scene->field, second, (top + bottom) / 2));
    double near = fmax(5, 0.045 * fmax(first->bottom - first->top, second->bottom - second->top));
    return bottom - top > 0.35 * shorter && apart < near;
}

struct ranked {
    size_t proposal;
    double score;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *first = a, *second = b;
    if (first->score < second->score || first->score > second->score) {
        return first->score < second->score ? 1 : -1;
    }
    return (first->proposal > second->proposal) - (first->proposal < second->proposal);
}

static int by_confidence(const void *a, const void *b)
{
    const struct detection *first = a, *second = b;
    if (first->confidence < second->confidence || first->confidence > second->confidence) {
        return first->confidence < second->confidence ? 1 : -1;
    }
    return (first->proposal > second->proposal) - (first->proposal < second->proposal);
}

/** What is known of a detection beside the others of its picture. */
static void stack_inputs(const struct scene *scene, const struct found *found, size_t index,
                         double inputs[STACK_INPUTS])
{
    const struct detection *item = &found->items[index];
    const struct proposal *proposal = &scene->proposals[item->proposal];
    const struct line *line = &proposal->shaft.line;
    double other = -8, height = line->bottom - line->top, rival = -8;
    for (size_t i = 0; i < found->count; i++) {
        if (i != index) {
            other = fmax(other, found->items[i].score);
            if (box_iou(&item->box, &found->items[i].box) > 0.02) {
                rival = fmax(rival, found->items[i].score - item->score);
            }
        }
    }
    inputs[0] = item->score;
    inputs[1] = item->reach_score;
    inputs[2] = fmax(other, -8);
    inputs[3] = fmax(rival, -8);
    inputs[4] = log(height);
    inputs[5] = proposal->measures.values[MEASURE_ARMS];
    inputs[6] = proposal->measures.values[MEASURE_WEAKEST];
    inputs[7] = proposal->measures.values[MEASURE_TOP_STEP];
    inputs[8] = proposal->measures.values[MEASURE_BOTTOM_STEP];
    inputs[9] = item->box.x0 <= 0 || item->box.x1 >= scene->width;
}

int scene_find(const struct scene *scene, const struct model *model, struct found *found)
{
    enum { FEW = 10 };
    found->count = 0;
    struct ranked *ranked = calloc(scene->count + 1, sizeof *ranked);
    if (ranked == NULL) {
        return -1;
    }
    for (size_t i = 0; i < scene->count; i++) {
        const struct proposal *proposal = &scene->proposals[i];
        ranked[i] = (struct ranked){i, model == NULL ? rules_score(&proposal->measures)
                                                     : shaft_score(model, &proposal->traits)};
    }
    qsort(ranked, scene->count, sizeof *ranked, by_score);
    for (size_t i = 0; i < scene->count && found->count < DETECTIONS_MAX; i++) {
        const struct proposal *proposal = &scene->proposals[ranked[i].proposal];
        int same = 0;
        for (size_t j = 0; j < found->count && !same; j++) {
            same = is_same(scene, proposal, &scene->proposals[found->items[j].proposal]);
        }
        if (!same) {
            struct detection *item = &found->items[found->count++];
            *item = (struct detection){.proposal = ranked[i].proposal, .score = ranked[i].score};
        }
    }
    free(ranked);
    reaches_find(scene, model, found);
    for (size_t i = 0; i < found->count; i++) {
        struct detection *item = &found->items[i];
        item->box = shift_box(scene, model, &scene->proposals[item->proposal], item->reach);
    }
    for (size_t i = 0; i < found->count; i++) {
        struct detection *item = &found->items[i];
        double plain = 1 / (1 + exp(-item->score));
        stack_inputs(scene, found, i, item->inputs);
        item->confidence =
            model == NULL ? fmin(plain, 0.85) : stack_probability(&model->box, item->inputs, plain);
        if (model != NULL && model->pictures < FEW) {
            item->confidence = fmin(item->confidence, 0.6); /* too few to be sure of anything */
        }
    }
    qsort(found->items, found->count, sizeof *found->items, by_confidence);
    return 0;
}

size_t found_kept(const struct found *found, double keep)
{
    size_t count = 0;
    while (count < found->count && found->items[count].confidence >= keep) {
        count++;
    }
    return count;
}

/* --- what was missed ------------------------------------------------------------------------ */

void missed_inputs(const struct scene *scene, const struct found *found, double keep,
                   double inputs[STACK_INPUTS])
{
    double dropped = 0, sum = 0, kept = 0, unsure = 0, gap = 0, spread = 1e9;
    double xs[DETECTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct detection *item = &found->items[i];
        if (item->confidence < keep) {
            dropped = fmax(dropped, item->confidence);
            sum += item->confidence;
        } else {
            kept++;
            unsure += 1 - item->confidence;
            double x = (item->box.x0 + item->box.x1) / 2;
            size_t at = count++;
            for (; at > 0 && xs[at - 1] > x; at--) {
                xs[at] = xs[at - 1];
            }
            xs[at] = x;
        }
    }
    /* Poles stand at even distances, or at distances that shrink: a wide gap may hide one. */
    for (size_t i = 1; i < count; i++) {
        gap = fmax(gap, xs[i] - xs[i - 1]);
        spread = fmin(spread, xs[i] - xs[i - 1]);
    }
    double arms = 0;
    for (size_t i = 0; i < scene->count; i++) {
        arms = fmax(arms, scene->proposals[i].measures.values[MEASURE_ARMS]);
    }
    memset(inputs, 0, STACK_INPUTS * sizeof *inputs);
    inputs[0] = log(dropped + 0.01);
    inputs[1] = sum;
    inputs[2] = kept > 0;
    inputs[3] = kept;
    inputs[4] = unsure;
    inputs[5] = count > 2 ? log(gap / fmax(spread, 1)) : 0;
    inputs[6] = count > 0 ? xs[0] / scene->width : 0.5;
    inputs[7] = arms;
    inputs[8] = log(1 + (double)scene->count);
}

double scene_complete(const struct scene *scene, const struct model *model,
                      const struct found *found, double keep)
{
    double inputs[STACK_INPUTS];
    missed_inputs(scene, found, keep, inputs);
    double none_dropped = 1;
    for (size_t i = 0; i < found->count; i++) {
        none_dropped *= found->items[i].confidence < keep ? 1 - found->items[i].confidence : 1;
    }
    return model == NULL
               ? fmin(none_dropped, 0.5)
               : 1 - stack_probability(&model->missed, inputs, 1 - fmin(none_dropped, 0.5));
}
