/* SPDX-License-Identifier: MIT */
/* Media types out of content, never out of a name alone: an export that calls a PNG a JPEG is
 * refused by whoever trains on it. */
#include <string.h>

#include "run/internal.h"

/** Sources: the magic numbers of PNG (RFC 2083, 3.1), JPEG (ITU T.81, B.1.1.3), TIFF 6.0 section 2,
 *  GIF89a, WebP (RIFF container), PDF (ISO 32000-1, 7.5.2), ZIP (APPNOTE 4.3.7). */
static const struct {
    const char *magic;
    size_t size, offset;
    const char *type;
} magics[] = {
    {"\x89PNG\r\n\x1a\n", 8, 0, "image/png"},
    {"\xff\xd8\xff", 3, 0, "image/jpeg"},
    {"II*\0", 4, 0, "image/tiff"},
    {"MM\0*", 4, 0, "image/tiff"},
    {"GIF8", 4, 0, "image/gif"},
    {"WEBP", 4, 8, "image/webp"},
    {"%PDF-", 5, 0, "application/pdf"},
    {"PK\x03\x04", 4, 0, "application/zip"},
    {"BM", 2, 0, "image/bmp"},
};

const char *fnd_media_type(const unsigned char *bytes, size_t size, const char *name)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (size >= magics[i].offset + magics[i].size &&
            memcmp(bytes + magics[i].offset, magics[i].magic, magics[i].size) == 0) {
            return magics[i].type;
        }
    }
    size_t text = size;
    /* The head may end inside a character: leave up to three bytes out. */
    for (size_t cut = 0; cut < 4 && text > 0; cut++, text--) {
        if (fnd_utf8_valid((const char *)bytes, text)) {
            break;
        }
    }
    if (memchr(bytes, '\0', size) != NULL || !fnd_utf8_valid((const char *)bytes, text) ||
        (size > 0 && text == 0)) {
        return "application/octet-stream";
    }
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".json") == 0) {
        return "application/json";
    }
    return "text/plain";
}
