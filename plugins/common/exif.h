/* SPDX-License-Identifier: MIT */
/* The one thing wanted from a JPEG's EXIF data: how a viewer turns the picture. */
#ifndef COMMON_EXIF_H
#define COMMON_EXIF_H

#include <stddef.h>
#include <stdint.h>

/** The orientation, 1 to 8, of a JPEG. 1 (as stored) if the bytes are no JPEG, hold no orientation,
 *  or are damaged on the way to it. Never reads outside bytes[0..size).
 *  Source: JEITA CP-3451 (EXIF 2.3), sections 4.6.2 and 4.7.2; TIFF 6.0, section 2. */
unsigned exif_orientation(const uint8_t *bytes, size_t size);

#endif
