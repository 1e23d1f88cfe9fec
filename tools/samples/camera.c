/* SPDX-License-Identifier: MIT */
/* What a camera adds: texture of things, light that falls off, focus, noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "street.h"

enum { SIDE = STREET_SIDE, VALUES = SIDE * SIDE * 3, GRAIN = 64 };

static int shift_of(int value, int by, int bound)
{
    int at = value + by;
    return at < 0 ? 0 : at >= bound ? bound - 1 : at;
}

/** Means over (2 radius + 1) pixels along one direction, from one picture into another. */
static void smear(const float *from, float *to, int radius, int down)
{
    float share = 1.0f / (float)(2 * radius + 1);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            float sum[3] = {0, 0, 0};
            for (int by = -radius; by <= radius; by++) {
                int at_x = down ? x : shift_of(x, by, SIDE),
                    at_y = down ? shift_of(y, by, SIDE) : y;
                const float *pixel = from + ((size_t)at_y * SIDE + (size_t)at_x) * 3;
                sum[0] += pixel[0];
                sum[1] += pixel[1];
                sum[2] += pixel[2];
            }
            float *pixel = to + ((size_t)y * SIDE + (size_t)x) * 3;
            pixel[0] = sum[0] * share;
            pixel[1] = sum[1] * share;
            pixel[2] = sum[2] * share;
        }
    }
}

/** Patches lighter and darker by up to `amount`, of cells of `size` pixels. */
static void mottle(struct raster *raster, float amount, int size, struct prng *prng)
{
    float cells[GRAIN + 1][GRAIN + 1];
    for (int i = 0; i <= GRAIN; i++) {
        for (int j = 0; j <= GRAIN; j++) {
            cells[i][j] = (float)prng_real(prng, -amount, amount);
        }
    }
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            float at_x = (float)x / (float)size, at_y = (float)y / (float)size;
            int cell_x = (int)at_x % GRAIN, cell_y = (int)at_y % GRAIN;
            float part_x = at_x - floorf(at_x), part_y = at_y - floorf(at_y);
            float above = cells[cell_y][cell_x] * (1 - part_x) + cells[cell_y][cell_x + 1] * part_x;
            float below =
                cells[cell_y + 1][cell_x] * (1 - part_x) + cells[cell_y + 1][cell_x + 1] * part_x;
            float by = 1.0f + above * (1 - part_y) + below * part_y;
            float *pixel = raster->pixels + ((size_t)y * SIDE + (size_t)x) * 3;
            for (int i = 0; i < 3; i++) {
                pixel[i] *= by;
            }
        }
    }
}

int camera_take(struct raster *raster, struct prng *prng)
{
    float *pixels = raster->pixels;
    float *copy = malloc(VALUES * sizeof *copy);
    if (copy == NULL) {
        return -1;
    }
    mottle(raster, (float)prng_real(prng, 0.02, 0.1), prng_range(prng, 10, 40), prng);
    mottle(raster, (float)prng_real(prng, 0.01, 0.08), prng_range(prng, 10, 12), prng);
    int blurs = prng_range(prng, 0, 2);
    for (int i = 0; i < blurs; i++) {
        smear(pixels, copy, 1, 0);
        smear(copy, pixels, 1, 1);
    }
    float noise = (float)prng_real(prng, 0.005, 0.045),
          contrast = (float)prng_real(prng, 0.7, 1.15);
    float gamma = (float)prng_real(prng, 0.8, 1.3), fall = (float)prng_real(prng, 0.0, 0.3);
    float middle = (float)prng_real(prng, 0.42, 0.56);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            float *pixel = pixels + ((size_t)y * SIDE + (size_t)x) * 3;
            float out_x = (float)x / SIDE - 0.5f, out_y = (float)y / SIDE - 0.5f;
            float light = 1.0f - fall * 2.0f * (out_x * out_x + out_y * out_y);
            float grain = noise * (float)prng_normal(prng);
            for (int i = 0; i < 3; i++) {
                float value = powf(fmaxf(pixel[i], 0.0f), gamma) * light;
                pixel[i] = (value - middle) * contrast + middle + grain +
                           noise * 0.4f * (float)prng_normal(prng);
            }
        }
    }
    free(copy);
    return 0;
}
