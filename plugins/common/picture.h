/* SPDX-License-Identifier: MIT */
/* From the bytes of a file to pages as a viewer shows them. */
#ifndef COMMON_PICTURE_H
#define COMMON_PICTURE_H

#include <stddef.h>
#include <stdint.h>

struct Pix;

enum {
    PICTURE_SIDE_MAX = 20000, /* pixels */
    PICTURE_PIXELS_MAX = 100 * 1000 * 1000,
    PICTURE_PAGES_MAX = 20,
    PICTURE_BYTES_MAX = 256 * 1024 * 1024
};

enum picture_status {
    PICTURE_OK,
    PICTURE_NOT_AN_IMAGE, /* no PNG, JPEG, TIFF or BMP, or damaged */
    PICTURE_TOO_LARGE,    /* past a limit above */
    PICTURE_NO_MEMORY
};

/** A file in memory. `bytes` is borrowed as long as the picture is used. */
struct picture {
    const uint8_t *bytes;
    size_t size;
    size_t pages; /* 1 but for TIFF */
    int is_tiff;
    unsigned orientation; /* EXIF, 1 to 8 */
};

/** Look at a file without decoding it. On failure `message` says what was found. */
enum picture_status picture_open(struct picture *picture, const uint8_t *bytes, size_t size,
                                 char *message, size_t message_size);

/** Decode page `index` (from 0) as it is stored, its transparent parts white. The caller destroys
 *  *page. The limits are checked before anything is decoded. */
enum picture_status picture_stored(const struct picture *picture, size_t index, struct Pix **page,
                                   char *message, size_t message_size);

/** A stored picture as a viewer shows it, by its EXIF orientation: a new one, the caller's, NULL
 *  without memory. */
struct Pix *picture_turned(struct Pix *pix, unsigned orientation);

/** Decode page `index` (from 0) as a grey picture of 8 bits, turned as EXIF says. The caller
 *  destroys *page. The limits are checked before anything is decoded. */
enum picture_status picture_page(const struct picture *picture, size_t index, struct Pix **page,
                                 char *message, size_t message_size);

#endif
