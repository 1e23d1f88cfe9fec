/* SPDX-License-Identifier: MIT */
/* Pictures of which only the beginning is there: enough to tell their size. */
#ifndef TEST_DATASET_PICTURES_H
#define TEST_DATASET_PICTURES_H

#include <stdint.h>
#include <string.h>

enum { PNG_SIZE = 33 };

/** The beginning of a PNG: width 256 * width_high + width. */
static inline void png_make(uint8_t png[PNG_SIZE], uint8_t width_high, uint8_t width,
                            uint8_t height)
{
    static const uint8_t head[PNG_SIZE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0,
                                           13,   'I', 'H', 'D', 'R',  0,    0,    0,    0, 0, 0,
                                           0,    0,   8,   2,   0,    0,    0,    0,    0, 0, 0};
    memcpy(png, head, sizeof head);
    png[18] = width_high;
    png[19] = width;
    png[23] = height;
}

#endif
