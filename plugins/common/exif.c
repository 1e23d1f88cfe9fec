/* SPDX-License-Identifier: MIT */
#include "exif.h"

#include <string.h>

enum {
    SEGMENTS_MAX = 64, /* headers of real files have a dozen */
    ENTRIES_MAX = 512, /* of the first directory */
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3
};

/* A TIFF structure inside the file, in the byte order it names itself. */
struct tiff {
    const uint8_t *bytes;
    size_t size;
    int big_endian;
};

static uint32_t tiff_16(const struct tiff *tiff, size_t at)
{
    uint32_t first = tiff->bytes[at], second = tiff->bytes[at + 1];
    return tiff->big_endian ? first << 8 | second : second << 8 | first;
}

static uint32_t tiff_32(const struct tiff *tiff, size_t at)
{
    uint32_t first = tiff_16(tiff, at), second = tiff_16(tiff, at + 2);
    return tiff->big_endian ? first << 16 | second : second << 16 | first;
}

static unsigned tiff_orientation(struct tiff tiff)
{
    if (tiff.size < 8 || (memcmp(tiff.bytes, "II", 2) != 0 && memcmp(tiff.bytes, "MM", 2) != 0)) {
        return 1;
    }
    tiff.big_endian = tiff.bytes[0] == 'M';
    size_t directory = tiff_32(&tiff, 4);
    if (tiff_16(&tiff, 2) != 42 || directory > tiff.size || tiff.size - directory < 2) {
        return 1;
    }
    size_t count = tiff_16(&tiff, directory);
    for (size_t i = 0; i < count && i < ENTRIES_MAX; i++) {
        size_t entry = directory + 2 + i * 12;
        if (entry > tiff.size || tiff.size - entry < 12) {
            return 1;
        }
        if (tiff_16(&tiff, entry) == TAG_ORIENTATION) {
            uint32_t value = tiff_16(&tiff, entry + 8); /* a SHORT stands in the entry itself */
            int fits = tiff_16(&tiff, entry + 2) == TYPE_SHORT && value >= 1 && value <= 8;
            return fits ? value : 1;
        }
    }
    return 1;
}

unsigned exif_orientation(const uint8_t *bytes, size_t size)
{
    if (size < 4 || bytes[0] != 0xff || bytes[1] != 0xd8) {
        return 1;
    }
    size_t at = 2;
    for (int segment = 0; segment < SEGMENTS_MAX; segment++) {
        if (size - at < 4 || bytes[at] != 0xff) {
            return 1;
        }
        uint8_t marker = bytes[at + 1];
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3]; /* counts itself */
        if (marker == 0xda || marker == 0xd9 || length < 2 || length > size - at - 2) {
            return 1; /* the picture's data begin: there is no EXIF behind them */
        }
        const uint8_t *payload = bytes + at + 4;
        if (marker == 0xe1 && length >= 8 && memcmp(payload, "Exif\0\0", 6) == 0) {
            return tiff_orientation((struct tiff){payload + 6, length - 8, 0});
        }
        at += 2 + length;
    }
    return 1;
}
