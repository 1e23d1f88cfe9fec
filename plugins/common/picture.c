/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <leptonica/allheaders.h>
#include <stdio.h>

#include "exif.h"

static enum picture_status check_sides(long width, long height, char *message, size_t message_size)
{
    if (width < 1 || height < 1) {
        snprintf(message, message_size, "the picture has no pixels (%ld x %ld)", width, height);
        return PICTURE_NOT_AN_IMAGE;
    }
    if (width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
        width * height > PICTURE_PIXELS_MAX) {
        snprintf(message, message_size,
                 "the picture has %ld x %ld pixels; at most %d a side and %d in all are read: "
                 "scale it down",
                 width, height, PICTURE_SIDE_MAX, PICTURE_PIXELS_MAX);
        return PICTURE_TOO_LARGE;
    }
    return PICTURE_OK;
}

/** Count a TIFF's pages, no further than one past the limit. Needs no decoding, only the chain of
 *  directories, so it is done by asking for headers. */
static size_t tiff_pages(const uint8_t *bytes, size_t size)
{
    size_t count = 0;
    l_int32 width, height, bits, samples, resolution, colours, format;
    while (count <= PICTURE_PAGES_MAX &&
           readHeaderMemTiff(bytes, size, (l_int32)count, &width, &height, &bits, &samples,
                             &resolution, &colours, &format) == 0) {
        count++;
    }
    return count;
}

enum picture_status picture_open(struct picture *picture, const uint8_t *bytes, size_t size,
                                 char *message, size_t message_size)
{
    /* The sniffer reads 12 bytes without asking how many there are. */
    l_int32 format = IFF_UNKNOWN;
    if (size < 12 || findFileFormatBuffer(bytes, &format) != 0) {
        format = IFF_UNKNOWN;
    }
    int is_tiff = format == IFF_TIFF || (format >= IFF_TIFF_PACKBITS && format <= IFF_TIFF_ZIP) ||
                  format == IFF_TIFF_JPEG;
    if (format != IFF_PNG && format != IFF_JFIF_JPEG && format != IFF_BMP && !is_tiff) {
        snprintf(message, message_size,
                 "the %zu bytes do not begin as PNG, JPEG, TIFF or BMP do: convert the file", size);
        return PICTURE_NOT_AN_IMAGE;
    }
    *picture = (struct picture){bytes, size, 1, is_tiff, exif_orientation(bytes, size)};
    if (is_tiff) {
        picture->pages = tiff_pages(bytes, size);
        if (picture->pages > PICTURE_PAGES_MAX) {
            snprintf(message, message_size, "the TIFF has more than %d pages: split it",
                     PICTURE_PAGES_MAX);
            return PICTURE_TOO_LARGE;
        }
        if (picture->pages == 0) {
            snprintf(message, message_size, "the TIFF's first directory cannot be read");
            return PICTURE_NOT_AN_IMAGE;
        }
    }
    return PICTURE_OK;
}

struct Pix *picture_turned(struct Pix *pix, unsigned orientation)
{
    /* Quarter turns clockwise after an optional left-right flip, by EXIF value. */
    static const struct {
        int flip, turns;
    } moves[9] = {{0, 0}, {0, 0}, {1, 0}, {0, 2}, {1, 2}, {1, 3}, {0, 1}, {1, 1}, {0, 3}};
    struct Pix *flipped = moves[orientation].flip ? pixFlipLR(NULL, pix) : pixClone(pix);
    struct Pix *turned = flipped == NULL ? NULL : pixRotateOrth(flipped, moves[orientation].turns);
    pixDestroy(&flipped);
    return turned;
}

enum picture_status picture_stored(const struct picture *picture, size_t index, struct Pix **page,
                                   char *message, size_t message_size)
{
    l_int32 width = 0, height = 0, bits, samples, colours, resolution, format;
    int unreadable =
        picture->is_tiff
            ? readHeaderMemTiff(picture->bytes, picture->size, (l_int32)index, &width, &height,
                                &bits, &samples, &resolution, &colours, &format)
            : pixReadHeaderMem(picture->bytes, picture->size, &format, &width, &height, &bits,
                               &samples, &colours);
    if (unreadable) {
        snprintf(message, message_size, "the header of page %zu cannot be read: is the file whole?",
                 index + 1);
        return PICTURE_NOT_AN_IMAGE;
    }
    enum picture_status status = check_sides(width, height, message, message_size);
    if (status != PICTURE_OK) {
        return status;
    }
    struct Pix *stored = picture->is_tiff
                             ? pixReadMemTiff(picture->bytes, picture->size, (l_int32)index)
                             : pixReadMem(picture->bytes, picture->size);
    if (stored == NULL) {
        snprintf(message, message_size,
                 "page %zu (%d x %d) cannot be decoded: is the file whole, is there memory?",
                 index + 1, width, height);
        return PICTURE_NOT_AN_IMAGE;
    }
    /* Transparent parts of a PNG are paper. */
    *page = pixGetDepth(stored) == 32 && pixGetSpp(stored) == 4
                ? pixAlphaBlendUniform(stored, 0xffffff00)
                : pixClone(stored);
    pixDestroy(&stored);
    if (*page == NULL) {
        snprintf(message, message_size, "no memory for a page of %d x %d pixels", width, height);
        return PICTURE_NO_MEMORY;
    }
    return PICTURE_OK;
}

enum picture_status picture_page(const struct picture *picture, size_t index, struct Pix **page,
                                 char *message, size_t message_size)
{
    struct Pix *stored = NULL;
    enum picture_status status = picture_stored(picture, index, &stored, message, message_size);
    if (status != PICTURE_OK) {
        return status;
    }
    struct Pix *grey = pixConvertTo8(stored, 0);
    *page = grey == NULL ? NULL : picture_turned(grey, picture->orientation);
    pixDestroy(&grey);
    if (*page == NULL) {
        snprintf(message, message_size, "no memory for a page of %d x %d pixels",
                 pixGetWidth(stored), pixGetHeight(stored));
        status = PICTURE_NO_MEMORY;
    }
    pixDestroy(&stored);
    return status;
}
