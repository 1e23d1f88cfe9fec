/* SPDX-License-Identifier: MIT */
/* For each lean and width the bands of a field are shifted so that a shaft stands upright, and the
 * best stretch of each column is summed up: evidence less a toll for each band, so that gaps are
 * bridged where there is enough on both sides of them. */
#include "lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEANS = 15, WIDTHS = 9 };

static const int widths[WIDTHS] = {3, 4, 5, 7, 9, 12, 15, 19, 24};
static const float toll = 0.16f, single_share = 0.2f, least = 0.8f;

static double lean_of(int index)
{
    const int upright = LEANS / 2;
    return (index - upright) * 0.0125;
}

double line_x(const struct field *field, const struct line *line, double y)
{
    return line->x + line->lean * (y - field->height / 2.0);
}

double line_edges(const struct field *field, const struct line *line, int y, double *single)
{
    const float *row = field->upright + (size_t)y * (size_t)field->width;
    double axis = line_x(field, line, y), best = 0;
    *single = 0;
    for (int shift = -1; shift <= 1; shift++) { /* edges are rarely where half a width says */
        int left = (int)lround(axis - line->width / 2) + shift;
        int right = (int)lround(axis + line->width / 2) + shift;
        double a = left >= 0 && left < field->width ? (double)row[left] : 0.0;
        double b = right >= 0 && right < field->width ? (double)row[right] : 0.0;
        best = fmax(best, fmax(fmin(-a, b), fmin(a, -b)));
        *single = fmax(*single, fmax(fabs(a), fabs(b)));
    }
    return best;
}

/* The best stretch of each column of a field, for one lean. */
struct columns {
    /* Of the stretch that is under way; of the best one. Bands are floats, too: so the compiler
     * treats four columns at once. */
    float *sum, *start, *best, *first, *last;
    float *all; /* over the widths */
    int *all_first, *all_last, *all_width;
};

static void columns_finish(struct columns *columns)
{
    free(columns->sum);
    free(columns->best);
    free(columns->start);
    free(columns->first);
    free(columns->last);
    free(columns->all);
    free(columns->all_first);
    free(columns->all_last);
    free(columns->all_width);
}

static int columns_init(struct columns *columns, size_t width)
{
    columns->sum = calloc(width, sizeof(float));
    columns->best = calloc(width, sizeof(float));
    columns->start = calloc(width, sizeof(float));
    columns->first = calloc(width, sizeof(float));
    columns->last = calloc(width, sizeof(float));
    columns->all = calloc(width, sizeof(float));
    columns->all_first = calloc(width, sizeof(int));
    columns->all_last = calloc(width, sizeof(int));
    columns->all_width = calloc(width, sizeof(int));
    return columns->sum == NULL || columns->best == NULL || columns->start == NULL ||
                   columns->first == NULL || columns->last == NULL || columns->all == NULL ||
                   columns->all_first == NULL || columns->all_last == NULL ||
                   columns->all_width == NULL
               ? -1
               : 0;
}

/** One band further: `left` and `right` are the edges half a width to either side. */
static void band_step(const struct columns *columns, const float *restrict left,
                      const float *restrict right, int band, int width)
{
    float *restrict sum = columns->sum, *restrict start = columns->start;
    float *restrict best = columns->best, *restrict first = columns->first;
    float *restrict last = columns->last;
    const float here = (float)band;
    for (int x = 0; x < width; x++) {
        float a = left[x], b = right[x], before = sum[x], was = best[x];
        float far = a > -a ? a : -a, other = b > -b ? b : -b, most = far > other ? far : other;
        /* Edges face each other where their signs differ: then the weaker one counts. */
        float facing = (far + other) - (a + b > -(a + b) ? a + b : -(a + b));
        float now = before + 0.5f * facing + single_share * most - toll;
        float from = before > 0.0f ? start[x] : here;
        now = now > 0.0f ? now : 0.0f;
        sum[x] = now;
        start[x] = from;
        best[x] = now > was ? now : was;
        first[x] = now > was ? from : first[x];
        last[x] = now > was ? here : last[x];
    }
}

static void columns_run(const struct columns *columns, const struct field *field, double lean,
                        int width)
{
    size_t count = (size_t)field->width;
    memset(columns->sum, 0, count * sizeof *columns->sum);
    memset(columns->best, 0, count * sizeof *columns->best);
    for (int band = 0; band < field->bands_count; band++) {
        double y = (band + 0.5) * FIELD_BAND - field->height / 2.0;
        int shift = (int)lround(lean * y), left = -(width / 2);
        const float *row = field->bands + (size_t)band * (size_t)field->stride + FIELD_PAD;
        band_step(columns, row + shift + left, row + shift + left + width, band, field->width);
    }
    for (size_t x = 0; x < count; x++) {
        if (columns->best[x] > columns->all[x]) {
            columns->all[x] = columns->best[x];
            columns->all_first[x] = (int)columns->first[x];
            columns->all_last[x] = (int)columns->last[x];
            columns->all_width[x] = width;
        }
    }
}

static int by_score(const void *a, const void *b)
{
    const struct line *first = a, *second = b;
    if (first->score < second->score || first->score > second->score) {
        return first->score < second->score ? 1 : -1;
    }
    return (first->x > second->x) - (first->x < second->x);
}

/** Whether a line says of the same stretch what a better one says. */
static int is_same(const struct field *field, const struct line *line, const struct line *better)
{
    double top = fmax(line->top, better->top), bottom = fmin(line->bottom, better->bottom);
    double shorter = fmin(line->bottom - line->top, better->bottom - better->top);
    double near = fmax(3.0, better->width * 0.5);
    return bottom - top > 0.5 * shorter &&
           fabs(line_x(field, line, top) - line_x(field, better, top)) < near &&
           fabs(line_x(field, line, bottom) - line_x(field, better, bottom)) < near;
}

int lines_find(const struct field *field, struct line lines[LINES_MAX])
{
    struct columns columns = {.sum = NULL};
    size_t width = (size_t)field->width, count = 0;
    int kept = -1;
    struct line *found = calloc(width * LEANS + 1, sizeof *found);
    if (found == NULL || columns_init(&columns, width + 1) != 0) {
        goto out;
    }
    for (int lean = 0; lean < LEANS; lean++) {
        memset(columns.all, 0, width * sizeof *columns.all);
        for (int i = 0; i < WIDTHS; i++) {
            columns_run(&columns, field, lean_of(lean), widths[i]);
        }
        for (size_t x = 0; x < width; x++) {
            if (columns.all[x] >= least) {
                found[count++] = (struct line){.x = (double)x + (columns.all_width[x] % 2) * 0.5,
                                               .lean = lean_of(lean),
                                               .width = columns.all_width[x],
                                               .top = columns.all_first[x] * FIELD_BAND,
                                               .bottom = (columns.all_last[x] + 1) * FIELD_BAND,
                                               .score = (double)columns.all[x]};
            }
        }
    }
    qsort(found, count, sizeof *found, by_score);
    kept = 0;
    for (size_t i = 0; i < count && kept < LINES_MAX; i++) {
        int same = 0;
        for (int j = 0; j < kept && !same; j++) {
            same = is_same(field, &found[i], &lines[j]);
        }
        if (!same) {
            lines[kept++] = found[i];
        }
    }
out:
    columns_finish(&columns);
    free(found);
    return kept;
}
