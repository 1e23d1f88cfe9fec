/* SPDX-License-Identifier: MIT */
/* Sources: W3C PNG, 11.2.1; ITU-T T.81, annex B; JEITA CP-3451 (EXIF 2.3), 4.6.2. */
#include <string.h>

#include "dataset/boxes.h"

enum { SEGMENTS_MAX = 1024, ENTRIES_MAX = 512, TAG_ORIENTATION = 0x0112 };

static uint32_t read_16(const uint8_t *at, bool big)
{
    return big ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

static uint32_t read_32(const uint8_t *at, bool big)
{
    return big ? read_16(at, big) << 16 | read_16(at + 2, big)
               : read_16(at + 2, big) << 16 | read_16(at, big);
}

/** Whether an APP1 segment turns the picture by a quarter. */
static bool exif_swaps(const uint8_t *segment, size_t size)
{
    if (size < 14 || memcmp(segment, "Exif\0\0", 6) != 0) {
        return false;
    }
    const uint8_t *tiff = segment + 6;
    const bool big = tiff[0] == 'M';
    size -= 6;
    const size_t at = read_32(tiff + 4, big);
    if (read_16(tiff + 2, big) != 42 || at > size || size - at < 2) {
        return false;
    }
    const size_t entries = read_16(tiff + at, big);
    for (size_t i = 0; i < entries && i < ENTRIES_MAX && size - at >= 2 + (i + 1) * 12; i++) {
        const uint8_t *entry = tiff + at + 2 + i * 12;
        if (read_16(entry, big) == TAG_ORIENTATION) {
            const uint32_t orientation = read_16(entry + 8, big);
            return orientation >= 5 && orientation <= 8;
        }
    }
    return false;
}

static bool jpeg_size(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height)
{
    bool swaps = false, told = false;
    size_t at = 2;
    for (int i = 0; i < SEGMENTS_MAX && size - at >= 4; i++) {
        if (bytes[at] != 0xFF) {
            return false;
        }
        const uint8_t marker = bytes[at + 1];
        if (marker == 0xFF || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) {
            at += marker == 0xFF ? 1 : 2; /* a fill byte; markers without a segment */
            continue;
        }
        const size_t length = read_16(bytes + at + 2, true);
        if (length < 2 || length > size - at - 2) {
            return false;
        }
        if (marker == 0xE1 && !told && length >= 8 && memcmp(bytes + at + 4, "Exif", 4) == 0) {
            swaps = exif_swaps(bytes + at + 4, length - 2);
            told = true;
        } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
                   marker != 0xCC && length >= 7) {
            *height = read_16(bytes + at + (swaps ? 7 : 5), true);
            *width = read_16(bytes + at + (swaps ? 5 : 7), true);
            return *width > 0 && *height > 0;
        }
        at += 2 + length;
    }
    return false;
}

bool fnd_picture_size(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    if (size >= 24 && memcmp(bytes, png, sizeof png) == 0 && memcmp(bytes + 12, "IHDR", 4) == 0) {
        *width = read_32(bytes + 16, true);
        *height = read_32(bytes + 20, true);
        return *width > 0 && *height > 0 && *width <= INT32_MAX && *height <= INT32_MAX;
    }
    return size >= 4 && bytes[0] == 0xFF && bytes[1] == 0xD8 &&
           jpeg_size(bytes, size, width, height);
}
