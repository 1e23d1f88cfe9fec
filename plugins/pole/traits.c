/* SPDX-License-Identifier: MIT */
#include "traits.h"

#include <math.h>
#include <string.h>

/* Borders of the cells, in heights of the shaft: from its top; from its axis. Finest at the top,
 * where arms are. */
static const double cell_y[CELL_ROWS + 1] = {-0.08, 0.0,  0.03, 0.06, 0.10, 0.15, 0.21, 0.29,
                                             0.40,  0.52, 0.64, 0.76, 0.88, 0.95, 1.0,  1.08};
static const double cell_x[CELL_COLUMNS + 1] = {-0.17, -0.11, -0.06, -0.025,
                                                0.025, 0.06,  0.11,  0.17};

static uint8_t byte_of(double value)
{
    return (uint8_t)(value <= 0 ? 0 : value >= 1 ? 255 : lround(value * 255));
}

static void edges_take(const struct field *field, const struct shaft *shaft, uint8_t *values)
{
    const struct line *line = &shaft->line;
    double height = line->bottom - line->top;
    for (size_t row = 0; row < CELL_ROWS; row++) {
        double y0 = line->top + cell_y[row] * height, y1 = line->top + cell_y[row + 1] * height;
        double axis = line_x(field, line, (y0 + y1) / 2);
        for (size_t column = 0; column < CELL_COLUMNS; column++) {
            float turns[FIELD_TURNS];
            field_turns(field, axis + cell_x[column] * height, y0,
                        axis + cell_x[column + 1] * height, y1, turns);
            for (size_t i = 0; i < FIELD_TURNS; i++) {
                *values++ = byte_of(sqrt((double)fmaxf(turns[i], 0.0f)));
            }
        }
    }
}

/** Share a value from 0 to 1 out to the two bins it lies between. */
static void bins_fill(double value, uint8_t *bins)
{
    double at = (value < 0 ? 0 : value > 1 ? 1 : value) * (MEASURE_BINS - 1);
    size_t bin = (size_t)at;
    memset(bins, 0, MEASURE_BINS);
    bin = bin >= MEASURE_BINS - 1 ? MEASURE_BINS - 2 : bin;
    bins[bin] = byte_of(1.0 - (at - (double)bin));
    bins[bin + 1] = byte_of(at - (double)bin);
}

/** Edges along the shaft, and where they begin and end. */
static void along_measure(const struct field *field, const struct line *line, double *values)
{
    double fifths[5] = {0}, pairs = 0, singles = 0, cover = 0, above = 0, below = 0;
    double inner_top = 0, inner_bottom = 0;
    int top = (int)line->top, bottom = (int)line->bottom, height = bottom - top;
    int end = height / 8 < 10 ? 10 : height / 8, above_count = 0, below_count = 0;
    for (int y = top < 0 ? 0 : top; y < bottom && y < field->height; y++) {
        double single, pair = line_edges(field, line, y, &single);
        pairs += pair;
        singles += single;
        cover += pair > 0.15;
        fifths[(y - top) * 5 / height] += pair;
        inner_top += y < top + end ? pair : 0;
        inner_bottom += y >= bottom - end ? pair : 0;
    }
    for (int i = 1; i <= end; i++) {
        double single;
        if (top - i >= 0) {
            above += line_edges(field, line, top - i, &single);
            above_count++;
        }
        if (bottom + i < field->height) {
            below += line_edges(field, line, bottom + i, &single);
            below_count++;
        }
    }
    double weakest = fifths[0];
    for (int i = 1; i < 5; i++) {
        weakest = fmin(weakest, fifths[i]);
    }
    above = above_count > 0 ? above / above_count : 0;
    below = below_count > 0 ? below / below_count : 0;
    values[MEASURE_PAIR] = pairs / height * 1.6;
    values[MEASURE_SINGLE] = singles / height * 1.3;
    values[MEASURE_COVER] = cover / height;
    values[MEASURE_WEAKEST] = weakest * 5 / height * 2;
    values[MEASURE_ABOVE] = above * 2;
    values[MEASURE_BELOW] = below * 2;
    values[MEASURE_TOP_STEP] = 0.5 + 0.7 * (inner_top / end - above);
    values[MEASURE_BOTTOM_STEP] = 0.5 + 0.7 * (inner_bottom / end - below);
}

static double grey_at(const struct field *field, double x, int y)
{
    int at = (int)lround(x);
    at = at < 0 ? 0 : at >= field->width ? field->width - 1 : at;
    return field->grey[(size_t)y * (size_t)field->width + (size_t)at];
}

/** Light and dark of the shaft against what is beside it. */
static void grey_measure(const struct field *field, const struct line *line, double *values)
{
    double left_sum = 0, right_sum = 0, square = 0, sum = 0, before = 0, busy = 0;
    int count = 0;
    double off = line->width / 2 + 3;
    for (int y = line->top < 0 ? 0 : (int)line->top; y < line->bottom && y < field->height;
         y += 2) {
        double axis = line_x(field, line, y), shaft = grey_at(field, axis, y);
        double left = shaft - grey_at(field, axis - off, y);
        double right = shaft - grey_at(field, axis + off, y);
        left_sum += left;
        right_sum += right;
        square += count > 0 ? (shaft - before) * (shaft - before) : 0;
        sum += fabs(left) + fabs(right);
        before = shaft;
        size_t row = (size_t)y * (size_t)field->width;
        for (int side = -1; side <= 1; side += 2) {
            int at = (int)lround(axis + side * off * 1.8);
            if (at >= 0 && at < field->width) {
                busy += (double)(fabsf(field->upright[row + (size_t)at]) +
                                 field->level[row + (size_t)at]);
            }
        }
        count++;
    }
    count = count > 0 ? count : 1;
    sum = sum > 1 ? sum : 1;
    values[MEASURE_CONTRAST] = 0.5 + 0.5 * (left_sum + right_sum) / sum;
    values[MEASURE_MIXED] = fabs(left_sum - right_sum) / sum;
    values[MEASURE_EVEN] = sqrt(square / count) / 25;
    values[MEASURE_BUSY] = busy / count;
}

static void measure(const struct field *field, const struct shaft *shaft, const struct arms *arms,
                    double *values)
{
    const struct line *line = &shaft->line;
    double height = line->bottom - line->top;
    along_measure(field, line, values);
    grey_measure(field, line, values);
    values[MEASURE_HEIGHT] = log(height / SHAFT_SHORTEST) / log(12.0);
    values[MEASURE_THIN] = line->width / height * 8;
    values[MEASURE_ARMS] = arms->strength;
    values[MEASURE_ARMS_AT] = (arms->y - line->top) / (0.26 * height);
    values[MEASURE_LEAN] = fabs(line->lean) * 11;
    values[MEASURE_FOOT] = line->bottom / field->height;
    values[MEASURE_HEAD] = line->top / field->height;
    values[MEASURE_RANK] = sqrt((double)shaft->rank / LINES_MAX);
}

void traits_take(const struct field *field, const struct shaft *shaft, const struct arms *arms,
                 struct traits *traits, struct measures *measures)
{
    edges_take(field, shaft, traits->values);
    measure(field, shaft, arms, measures->values);
    for (size_t i = 0; i < MEASURES; i++) {
        bins_fill(measures->values[i], traits->values + TRAITS_EDGES + i * MEASURE_BINS);
    }
}

void traits_mirror(const struct traits *traits, struct traits *mirrored)
{
    *mirrored = *traits;
    for (size_t row = 0; row < CELL_ROWS; row++) {
        for (size_t column = 0; column < CELL_COLUMNS; column++) {
            const uint8_t *from =
                traits->values + (row * CELL_COLUMNS + CELL_COLUMNS - 1 - column) * FIELD_TURNS;
            uint8_t *to = mirrored->values + (row * CELL_COLUMNS + column) * FIELD_TURNS;
            for (size_t i = 0; i < FIELD_TURNS; i++) {
                to[i] = from[(FIELD_TURNS - i) % FIELD_TURNS];
            }
        }
    }
}

void reach_take(const struct shaft *shaft, const struct arms *arms, size_t index,
                struct reach_traits *traits)
{
    double height = shaft->line.bottom - shaft->line.top, reach = reach_of(index, height);
    double inside = (double)arms->inside[index], at = (double)arms->at[index];
    double beyond = (double)arms->beyond[index], end = (double)arms->end[index];
    size_t most = 0;
    double best = 0, best_long = 0;
    for (size_t i = 1; i < REACHES; i++) {
        most = arms->bar_sum[i] > arms->bar_sum[most] ? i : most;
        best = fmax(best, (double)arms->fit[i]);
        best_long = fmax(best_long, (double)arms->fit_long[i]);
    }
    double bar = (double)arms->bar_inside[index], bar_at = (double)arms->bar_at[index];
    double bar_beyond = (double)arms->bar_beyond[index];
    const double values[REACH_MEASURES] = {
        (double)index / (REACHES - 1),
        inside * 1.4,
        at * 1.4,
        beyond * 1.4,
        0.5 + 0.7 * (at - beyond),
        end * 1.2,
        inside * (1 - beyond) * 1.6,
        end * at * 2,
        log(fmax(reach / shaft->line.width, 0.5) * 2) / log(16.0),
        bar,
        bar_at,
        bar_beyond,
        0.5 + 0.6 * (bar_at - bar_beyond),
        1 - fmin((double)(arms->bar_sum[most] - arms->bar_sum[index]), 1),
        0.5 + ((double)index - (double)most) / REACHES,
        0.5 + ((double)index - (double)most) / 8,
        (double)arms->fit[index],
        (double)arms->fit_long[index],
        1 - (best - (double)arms->fit[index]),
        1 - (best_long - (double)arms->fit_long[index]),
    };
    for (size_t i = 0; i < REACH_MEASURES; i++) {
        bins_fill(values[i], traits->values + i * MEASURE_BINS);
    }
}
