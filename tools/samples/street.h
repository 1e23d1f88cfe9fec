/* SPDX-License-Identifier: MIT */
/* Streets with utility poles: where the poles are, and pictures of them in three manners. */
#ifndef SAMPLES_STREET_H
#define SAMPLES_STREET_H

#include <stdint.h>
#include <stdio.h>

#include "prng.h"

enum { STREET_SIDE = 640, STREET_POLES_MAX = 6 };

/* Corners in pixels: x_min, y_min, x_max, y_max. */
struct box {
    int at[4];
};

struct street {
    struct box poles[STREET_POLES_MAX];
    size_t count;
};

/* A picture of STREET_SIDE by STREET_SIDE pixels: red, green, blue from 0 to 1. */
struct raster {
    float *pixels;
};

/** Streets in flat colours, few in kind: small files whose canned results tests play back. Writes
 *  the PNG; 0, or -1. */
int flat_write(struct street *street, uint64_t seed, size_t index, const char *path);
/** What a detector could have said of a flat street, as a line of YAML. */
void flat_said_print(FILE *out, const struct street *street, uint64_t seed, size_t index,
                     const char *name);

/** Streets with textures, haze, trees, lamps, houses, seen as a camera sees them: what models learn
 *  from. 0, or -1 without memory. */
int scene_draw(struct street *street, struct raster *raster, struct prng *prng);

/** Streets by other code that shares nothing with scene_draw() but random numbers: what no model
 *  learns from, to see whether what was learnt holds elsewhere. 0. */
int avenue_draw(struct street *street, struct raster *raster, struct prng *prng);

/** Noise, light and focus of a camera, in place. 0, or -1 without memory. */
int camera_take(struct raster *raster, struct prng *prng);

#endif
