/* SPDX-License-Identifier: MIT */
/* What scanning and photographing do to a page, and the files that come of it. */
#ifndef SAMPLES_DEGRADE_H
#define SAMPLES_DEGRADE_H

#include <stdbool.h>

#include "prng.h"

struct Pix;

enum level { LEVEL_CLEAN, LEVEL_SCAN, LEVEL_PHOTO, LEVEL_POOR, LEVELS };
enum format { FORMAT_JPEG, FORMAT_PNG, FORMAT_TIFF, FORMATS };

/* Where a point of the drawn page is to be found on the degraded one. */
struct warp {
    double sine, cosine, middle_x, middle_y; /* turned by the skew, */
    float bent[8]; /* then seen in perspective: leptonica's coefficients */
};

/** The box around the four corners of left, top, right, bottom after the warp; in place. */
void warp_box(const struct warp *warp, double box[4]);

/** A new grey picture: skewed, blurred, lit unevenly and noisy as the level says. NULL if there is
 *  no memory. `pix` is borrowed. `warp` says where everything went. */
struct Pix *degrade(struct Pix *pix, enum level level, struct prng *prng, struct warp *warp);

/** Write `pix` (grey) to PATH. JPEG: with the quality the level suggests; `exif_rotated` stores the
 *  pixels a quarter turned and says so in an EXIF tag. PNG: 4 greys. TIFF: two colours, CCITT
 *  group 4. Returns 0, or -1. */
int picture_write(struct Pix *pix, const char *path, enum format format, enum level level,
                  bool exif_rotated, struct prng *prng);

#endif
