/* SPDX-License-Identifier: MIT */
#include "shaft.h"

#include <math.h>
#include <string.h>

enum { STEP = 14, STEPS_MAX = ENDS_MAX - 1 }; /* rows; ends of each kind found by steps */

double reach_of(size_t index, double height)
{
    return height * 0.018 * pow(1.105, (double)index); /* to 0.18 of the height */
}

/* Evidence along a line, summed up from the top of the field. */
struct evidence {
    double sums[FIELD_SIDE + 1];
};

static void evidence_take(const struct field *field, const struct line *line,
                          struct evidence *evidence)
{
    evidence->sums[0] = 0;
    for (int y = 0; y < field->height; y++) {
        double single, pair = line_edges(field, line, y, &single);
        evidence->sums[y + 1] = evidence->sums[y] + pair + 0.25 * single;
    }
}

static double mean_of(const struct evidence *evidence, int from, int to, int height)
{
    from = from < 0 ? 0 : from;
    to = to > height ? height : to;
    return to > from ? (evidence->sums[to] - evidence->sums[from]) / (to - from) : 0;
}

/** The rows where evidence begins (sign 1) or ends (-1) most sharply, and the line's own end. */
static size_t ends_find(const struct evidence *evidence, int height, double own, int from, int to,
                        int sign, double ends[ENDS_MAX])
{
    size_t count = 0;
    double steps[STEPS_MAX];
    from = from < 0 ? 0 : from;
    to = to > height ? height : to;
    for (int y = from; y <= to; y++) {
        double step = sign * (mean_of(evidence, y, y + STEP, height) -
                              mean_of(evidence, y - STEP, y, height));
        /* Near the line's own end is more likely than far from it. */
        step -= 0.0008 * fabs(y - own);
        size_t at = count;
        for (size_t i = 0; i < count; i++) {
            if (fabs(ends[i] - y) < 10) {
                at = i;
                break;
            }
        }
        if (at < count) {
            if (step > steps[at]) {
                steps[at] = step;
                ends[at] = y;
            }
            continue;
        }
        if (count < STEPS_MAX) {
            at = count++;
        } else {
            at = 0;
            for (size_t i = 1; i < count; i++) {
                at = steps[i] < steps[at] ? i : at;
            }
            if (steps[at] >= step) {
                continue;
            }
        }
        steps[at] = step;
        ends[at] = y;
    }
    return count;
}

static float grey_at(const struct field *field, int x, int y)
{
    x = x < 0 ? 0 : x >= field->width ? field->width - 1 : x;
    y = y < 0 ? 0 : y >= field->height ? field->height - 1 : y;
    return (float)field->grey[(size_t)y * (size_t)field->width + (size_t)x];
}

/** How much lighter the shaft's upper part is than what is beside it; at least 8 either way. */
static float shaft_contrast(const struct field *field, const struct line *line)
{
    double height = line->bottom - line->top, off = line->width / 2 + 3;
    float sum = 0.0f;
    int count = 0;
    const int steps = (int)ceil(0.55 * height / 3);
    for (int step = 0; step < steps; step++) {
        double y = line->top + 0.05 * height + 3 * step;
        double axis = line_x(field, line, y);
        int at = (int)lround(y);
        sum += grey_at(field, (int)lround(axis), at) -
               0.5f * (grey_at(field, (int)lround(axis - off), at) +
                       grey_at(field, (int)lround(axis + off), at));
        count++;
    }
    sum = count > 0 ? sum / (float)count : 0.0f;
    return fabsf(sum) >= 8.0f ? sum : sum < 0.0f ? -8.0f : 8.0f;
}

/** As far as the shaft's grey goes on from `from` in steps of `by`, over gaps of a few pixels: arms
 * break its edges, and not its grey. */
static double walk(const struct field *field, const struct line *line, float contrast, double from,
                   int by)
{
    const int gap_max = 4;
    double sum = 0, count = 0, last = from;
    int gap = 0, upper = (int)(line->top + 0.1 * (line->bottom - line->top));
    int lower = (int)(line->top + 0.9 * (line->bottom - line->top));
    int middle = (upper + lower) / 2;
    for (int y = by < 0 ? upper : middle; y < (by < 0 ? middle : lower); y += 2) {
        sum += (double)grey_at(field, (int)lround(line_x(field, line, y)), y);
        count++;
    }
    double grey = count > 0 ? sum / count : 0, near = 0.45 * fabs((double)contrast);
    for (int y = (int)from; y >= 0 && y < field->height && gap <= gap_max; y += by) {
        int x = (int)lround(line_x(field, line, y));
        double apart = fabs((double)grey_at(field, x, y) - grey);
        for (int over = -1; over <= 1; over += 2) {
            apart = fmin(apart, fabs((double)grey_at(field, x + over, y) - grey));
        }
        gap = apart < near ? 0 : gap + 1;
        last = gap == 0 ? y : last;
    }
    return last;
}

/** Add the end that a walk comes to, unless it is there. */
static size_t end_add(double ends[ENDS_MAX], size_t count, double end)
{
    for (size_t i = 0; i < count; i++) {
        if (fabs(ends[i] - end) < 5) {
            return count;
        }
    }
    ends[count] = end;
    return count + 1;
}

size_t shafts_find(const struct field *field, const struct line *lines, size_t lines_count,
                   struct shaft shafts[SHAFTS_MAX])
{
    size_t count = 0;
    struct evidence evidence;
    for (size_t i = 0; i < lines_count; i++) {
        const struct line *line = &lines[i];
        double tops[ENDS_MAX], bottoms[ENDS_MAX], long_is = line->bottom - line->top;
        evidence_take(field, line, &evidence);
        size_t tops_count = ends_find(&evidence, field->height, line->top, (int)(line->top - 70),
                                      (int)(line->top + long_is * 0.45), 1, tops);
        size_t bottoms_count =
            ends_find(&evidence, field->height, line->bottom, (int)(line->bottom - long_is * 0.45),
                      (int)(line->bottom + 70), -1, bottoms);
        float contrast = shaft_contrast(field, line);
        tops_count =
            end_add(tops, tops_count, walk(field, line, contrast, line->top + 0.1 * long_is, -1));
        bottoms_count = end_add(bottoms, bottoms_count,
                                walk(field, line, contrast, line->bottom - 0.1 * long_is, 1));
        for (size_t j = 0; j < tops_count * bottoms_count; j++) {
            double top = tops[j / bottoms_count], bottom = bottoms[j % bottoms_count];
            if (bottom - top >= SHAFT_SHORTEST) {
                shafts[count] = (struct shaft){.line = *line, .rank = (int)i};
                shafts[count].line.top = top;
                shafts[count].line.bottom = bottom;
                count++;
            }
        }
    }
    return count;
}

/* The edges of one row to both sides of an axis, by distance. */
struct row {
    float left[FIELD_SIDE], right[FIELD_SIDE];         /* level edges */
    float left_bar[FIELD_SIDE], right_bar[FIELD_SIDE]; /* a bar's contrast, 0 to 1.5 */
};

static float bar_at(const struct field *field, int x, int y, int thick, float contrast)
{
    float here = grey_at(field, x, y);
    float above = (here - grey_at(field, x, y - thick)) / contrast;
    float below = (here - grey_at(field, x, y + thick)) / contrast;
    float weaker = above < below ? above : below;
    return weaker < 0.0f ? 0.0f : weaker > 1.5f ? 1.5f : weaker;
}

static float level_at(const struct field *field, int x, int y)
{
    /* Arms are thin: the best of a few rows, as they may lean. */
    float best = 0.0f;
    for (int by = -1; by <= 1; by++) {
        int at = y + by;
        if (x >= 0 && x < field->width && at >= 0 && at < field->height) {
            float value = field->level[(size_t)at * (size_t)field->width + (size_t)x];
            best = value > best ? value : best;
        }
    }
    return best;
}

static int row_take(const struct field *field, const struct shaft *shaft, int y, float contrast,
                    struct row *row)
{
    double height = shaft->line.bottom - shaft->line.top;
    int axis = (int)lround(line_x(field, &shaft->line, y));
    int most = (int)reach_of(REACHES, height) + 2, thick = 3 + (int)(shaft->line.width * 0.4);
    for (int i = 0; i < most && i < FIELD_SIDE; i++) {
        row->left[i] = level_at(field, axis - i, y);
        row->right[i] = level_at(field, axis + i, y);
        row->left_bar[i] = bar_at(field, axis - i, y, thick, contrast);
        row->right_bar[i] = bar_at(field, axis + i, y, thick, contrast);
    }
    return most < FIELD_SIDE ? most : FIELD_SIDE;
}

#define ARM_TOLL 0.33 /* a pixel of an arm stands out by more than this share of the shaft's */

/** How strong the best arm of a row is: both sides alike, less a toll for each pixel. */
static double row_strength(const struct row *row, int most, int from)
{
    double sum = 0, best = 0;
    for (int i = from; i < most; i++) {
        double weaker = (double)fminf(row->left[i], row->right[i]);
        double bar =
            (double)fminf(row->left_bar[i], row->right_bar[i]); /* wires have little of it */
        sum += fmin(bar, 1) * (0.6 + 0.4 * weaker) - ARM_TOLL;
        best = fmax(best, sum);
    }
    return best;
}

/** Upright edges where an arm would end. */
static float end_at(const struct field *field, double x, double y)
{
    float best = 0.0f;
    for (int by = -3; by <= 3; by++) {
        for (int over = -1; over <= 1; over++) {
            int at_x = (int)lround(x) + over, at_y = (int)lround(y) + by;
            if (at_x >= 0 && at_x < field->width && at_y >= 0 && at_y < field->height) {
                float value =
                    fabsf(field->upright[(size_t)at_y * (size_t)field->width + (size_t)at_x]);
                best = value > best ? value : best;
            }
        }
    }
    return best;
}

static float mean(const float *values, int from, int to)
{
    float sum = 0.0f;
    from = from < 0 ? 0 : from;
    for (int i = from; i < to; i++) {
        sum += values[i];
    }
    return to > from ? sum / (float)(to - from) : 0.0f;
}

/** See how well each half width suits a row. Returns the best. */
static double row_fit(const struct row *row, int from, int most, double height, struct arms *arms)
{
    float sums[FIELD_SIDE + 1];
    double best = 0;
    sums[0] = 0.0f;
    for (int i = 0; i < most; i++) {
        float weaker = fminf(row->left_bar[i], row->right_bar[i]);
        float mean = 0.5f * (row->left_bar[i] + row->right_bar[i]);
        sums[i + 1] = sums[i] + fminf(0.5f * (weaker + mean), 1.0f);
    }
    for (size_t i = 0; i < REACHES; i++) {
        int reach = (int)lround(reach_of(i, height)), after = reach + 2 + reach / 3;
        reach = reach < most ? reach : most;
        after = after < most ? after : most;
        if (reach <= from) {
            continue;
        }
        float inside = (sums[reach] - sums[from]) / (float)(reach - from);
        float beyond = after > reach ? (sums[after] - sums[reach]) / (float)(after - reach) : 0.0f;
        float fit = inside - beyond;
        float fit_long = fit * (float)(reach - from) / (float)(0.1 * height);
        arms->fit[i] = fit > arms->fit[i] ? fit : arms->fit[i];
        arms->fit_long[i] = fit_long > arms->fit_long[i] ? fit_long : arms->fit_long[i];
        best = fmax(best, (double)(fit * sqrtf((float)(reach - from))));
    }
    return best;
}

/** What is seen at the row where arms are seen best. */
static void row_look(const struct field *field, const struct shaft *shaft, const struct row *row,
                     int from, int most, struct arms *arms)
{
    double height = shaft->line.bottom - shaft->line.top;
    double axis = line_x(field, &shaft->line, arms->y);
    float sum = 0.0f;
    for (size_t i = 0, at = (size_t)from; i < REACHES; i++) {
        for (; at < (size_t)most && (double)at < reach_of(i, height); at++) {
            float bar = 0.5f * (fminf(row->left_bar[at], 1.0f) + fminf(row->right_bar[at], 1.0f));
            sum += bar - (float)ARM_TOLL;
        }
        arms->bar_sum[i] = sum / (float)(0.05 * height);
        int reach = (int)lround(reach_of(i, height)), step = 2 + reach / 6;
        int after = reach + step < most ? reach + step : most;
        reach = reach < most ? reach : most;
        arms->inside[i] = 0.5f * (mean(row->left, from, reach) + mean(row->right, from, reach));
        arms->at[i] =
            fminf(mean(row->left, reach - step, reach), mean(row->right, reach - step, reach));
        arms->beyond[i] =
            fmaxf(mean(row->left, reach + 1, after), mean(row->right, reach + 1, after));
        arms->bar_inside[i] =
            0.5f * (mean(row->left_bar, from, reach) + mean(row->right_bar, from, reach));
        arms->bar_at[i] = fminf(mean(row->left_bar, reach - step, reach),
                                mean(row->right_bar, reach - step, reach));
        arms->bar_beyond[i] =
            0.5f * (mean(row->left_bar, reach + 1, after) + mean(row->right_bar, reach + 1, after));
        arms->end[i] =
            0.5f * (end_at(field, axis - reach, arms->y) + end_at(field, axis + reach, arms->y));
    }
}

void arms_look(const struct field *field, const struct shaft *shaft, struct arms *arms)
{
    double height = shaft->line.bottom - shaft->line.top, best = 0;
    int from = (int)lround(shaft->line.width / 2) + 1, most = 0;
    struct row row = {.left = {0}};
    float contrast = shaft_contrast(field, &shaft->line);
    *arms = (struct arms){.y = shaft->line.top + 0.05 * height, .strength = 0};
    for (int y = (int)(shaft->line.top - 0.06 * height); y < shaft->line.top + 0.26 * height; y++) {
        most = row_take(field, shaft, y, contrast, &row);
        double fit = row_fit(&row, from, most, height, arms);
        if (fit > best) {
            best = fit;
            arms->y = y;
        }
        arms->strength = fmax(arms->strength, row_strength(&row, most, from) / (0.1 * height));
    }
    most = row_take(field, shaft, (int)arms->y, contrast, &row);
    row_look(field, shaft, &row, from, most, arms);
}

struct box shaft_box(const struct field *field, const struct shaft *shaft, const struct arms *arms,
                     double reach)
{
    const struct line *line = &shaft->line;
    double half = line->width / 2, at_top = line_x(field, line, line->top);
    double at_bottom = line_x(field, line, line->bottom), at_arm = line_x(field, line, arms->y);
    return (struct box){fmin(fmin(at_top, at_bottom) - half, at_arm - reach), line->top,
                        fmax(fmax(at_top, at_bottom) + half, at_arm + reach), line->bottom};
}
