/* SPDX-License-Identifier: MIT */
#include "field.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void field_finish(struct field *field)
{
    free(field->grey);
    free(field->upright);
    free(field->level);
    free(field->bands);
    free(field->sums);
    *field = (struct field){.width = 0};
}

/** The picture at its size here, as bytes. */
static int grey_take(struct field *field, struct Pix *pix)
{
    int width = pixGetWidth(pix), height = pixGetHeight(pix);
    int longer = width > height ? width : height;
    struct Pix *scaled = NULL;
    field->scale = 1.0;
    if (longer > FIELD_SIDE) {
        field->scale = (double)longer / FIELD_SIDE;
        int to_width = (int)(width / field->scale + 0.5),
            to_height = (int)(height / field->scale + 0.5);
        if (to_width < FIELD_LEAST || to_height < FIELD_LEAST) {
            return 0;
        }
        scaled = pixScaleToSize(pix, to_width, to_height);
    } else {
        scaled = pixClone(pix);
    }
    if (scaled == NULL) {
        return -1;
    }
    width = pixGetWidth(scaled);
    height = pixGetHeight(scaled);
    if (width < FIELD_LEAST || height < FIELD_LEAST) {
        pixDestroy(&scaled);
        return 0;
    }
    field->grey = malloc((size_t)width * (size_t)height);
    for (int y = 0; y < height && field->grey != NULL; y++) {
        const l_uint32 *line = pixGetData(scaled) + (size_t)y * (size_t)pixGetWpl(scaled);
        for (int x = 0; x < width; x++) {
            field->grey[(size_t)y * (size_t)width + (size_t)x] =
                (unsigned char)GET_DATA_BYTE(line, x);
        }
    }
    pixDestroy(&scaled);
    field->width = width;
    field->height = height;
    return field->grey == NULL ? -1 : 0;
}

/** The picture a little out of focus: noise of single pixels is no edge. */
static void soften(const struct field *field, float *soft, float *row)
{
    int width = field->width, height = field->height;
    for (int y = 0; y < height; y++) {
        const unsigned char *here = field->grey + (size_t)y * (size_t)width;
        const unsigned char *above = y > 0 ? here - width : here;
        const unsigned char *below = y + 1 < height ? here + width : here;
        float *to = soft + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) {
            row[x] = (float)(above[x] + 2 * here[x] + below[x]);
        }
        for (int x = 0; x < width; x++) {
            float left = row[x > 0 ? x - 1 : 0], right = row[x + 1 < width ? x + 1 : x];
            to[x] = (left + 2.0f * row[x] + right) * (1.0f / 16.0f);
        }
    }
}

/** How strong an edge is usual: the median of every seventh one. */
static float usual_edge(const float *soft, int width, int height)
{
    size_t counts[256] = {0}, all = 0, below = 0;
    for (int y = 1; y + 1 < height; y += 3) {
        for (int x = 1 + y % 7; x + 1 < width; x += 7) {
            const float *at = soft + (size_t)y * (size_t)width + (size_t)x;
            float edge = fabsf(at[1] - at[-1]) + fabsf(at[width] - at[-width]);
            int bin = (int)(edge * 2.0f);
            counts[bin < 256 ? bin : 255]++;
            all++;
        }
    }
    int bin = 0;
    while (bin < 255 && below + counts[bin] < all / 2) {
        below += counts[bin++];
    }
    return (float)bin * 0.5f;
}

/** Add an edge to the two directions it lies between, at half size. */
static void turn_add(float *cell, float across, float down, float strength)
{
    const float step = 3.14159265f / FIELD_TURNS;
    float turn = atan2f(down, across);
    turn = turn < 0.0f ? turn + 3.14159265f : turn;
    float at = turn / step;
    int bin = (int)at;
    float part = at - (float)bin;
    cell[bin % FIELD_TURNS] += strength * (1.0f - part);
    cell[(bin + 1) % FIELD_TURNS] += strength * part;
}

static void edges_measure(struct field *field, const float *soft)
{
    int width = field->width, height = field->height;
    float usual = 2.5f * usual_edge(soft, width, height) + 5.0f;
    for (int y = 1; y + 1 < height; y++) {
        for (int x = 1; x + 1 < width; x++) {
            size_t index = (size_t)y * (size_t)width + (size_t)x;
            const float *at = soft + index;
            float across = at[1] - at[-1], down = at[width] - at[-width];
            float square = across * across + down * down;
            if (square < 4.0f) {
                continue;
            }
            float size = sqrtf(square), strength = size / (size + usual);
            field->upright[index] = across * fabsf(across) / square * strength;
            field->level[index] = down * down / square * strength;
            float *cell = field->sums + ((size_t)(y / 2 + 1) * (size_t)(field->half_width + 1) +
                                         (size_t)(x / 2 + 1)) *
                                            FIELD_TURNS;
            turn_add(cell, across, down, strength);
        }
    }
}

static void sums_make(struct field *field)
{
    size_t row = (size_t)(field->half_width + 1) * FIELD_TURNS;
    for (int y = 1; y <= field->half_height; y++) {
        float *here = field->sums + (size_t)y * row, sum[FIELD_TURNS] = {0};
        for (int x = 1; x <= field->half_width; x++) {
            for (int i = 0; i < FIELD_TURNS; i++) {
                float *cell = here + (size_t)x * FIELD_TURNS + i;
                sum[i] += *cell;
                *cell = sum[i] + *(cell - row);
            }
        }
    }
}

static void bands_make(struct field *field)
{
    for (int band = 0; band < field->bands_count; band++) {
        float *to = field->bands + (size_t)band * (size_t)field->stride + FIELD_PAD;
        for (int y = band * FIELD_BAND; y < (band + 1) * FIELD_BAND; y++) {
            const float *from = field->upright + (size_t)y * (size_t)field->width;
            for (int x = 0; x < field->width; x++) {
                to[x] += from[x] * (1.0f / FIELD_BAND);
            }
        }
    }
}

int field_make(struct field *field, struct Pix *pix)
{
    *field = (struct field){.width = 0};
    int status = grey_take(field, pix);
    if (status != 0 || field->width == 0) {
        return status;
    }
    size_t count = (size_t)field->width * (size_t)field->height;
    field->bands_count = field->height / FIELD_BAND;
    field->stride = field->width + 2 * FIELD_PAD;
    field->half_width = (field->width + 1) / 2;
    field->half_height = (field->height + 1) / 2;
    field->upright = calloc(count, sizeof *field->upright);
    field->level = calloc(count, sizeof *field->level);
    field->bands = calloc((size_t)field->bands_count * (size_t)field->stride, sizeof *field->bands);
    field->sums =
        calloc((size_t)(field->half_width + 1) * (size_t)(field->half_height + 1) * FIELD_TURNS,
               sizeof *field->sums);
    float *soft = calloc(count, sizeof *soft);
    float *row = malloc((size_t)field->width * sizeof *row);
    if (field->upright == NULL || field->level == NULL || field->bands == NULL ||
        field->sums == NULL || soft == NULL || row == NULL) {
        status = -1;
        goto out;
    }
    soften(field, soft, row);
    edges_measure(field, soft);
    sums_make(field);
    bands_make(field);
    for (size_t i = 0; i < count; i++) {
        field->grey[i] = (unsigned char)(soft[i] + 0.5f);
    }
out:
    free(soft);
    free(row);
    return status;
}

static int within(double value, int bound)
{
    return value < 0 ? 0 : value > bound ? bound : (int)(value + 0.5);
}

void field_turns(const struct field *field, double x0, double y0, double x1, double y1,
                 float turns[FIELD_TURNS])
{
    int left = within(x0 / 2, field->half_width), right = within(x1 / 2, field->half_width);
    int top = within(y0 / 2, field->half_height), bottom = within(y1 / 2, field->half_height);
    memset(turns, 0, FIELD_TURNS * sizeof *turns);
    if (right <= left) {
        right = left < field->half_width ? left + 1 : left;
        left = right - 1;
    }
    if (bottom <= top) {
        bottom = top < field->half_height ? top + 1 : top;
        top = bottom - 1;
    }
    /* What lies outside the picture counts as empty. */
    float area = (float)fmax((x1 - x0) * (y1 - y0), 4.0 * (right - left) * (bottom - top));
    size_t row = (size_t)(field->half_width + 1) * FIELD_TURNS;
    const float *above = field->sums + (size_t)top * row,
                *below = field->sums + (size_t)bottom * row;
    for (size_t i = 0; i < FIELD_TURNS; i++) {
        size_t from = (size_t)left * FIELD_TURNS + i, to = (size_t)right * FIELD_TURNS + i;
        turns[i] = (below[to] - below[from] - above[to] + above[from]) / area;
    }
}
