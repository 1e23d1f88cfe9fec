/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "dataset/example.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void fnd_base64_append(struct fnd_text *text, const uint8_t *bytes, size_t size)
{
    fnd_text_reserve(text, size / 3 * 4 + 5);
    for (size_t i = 0; i < size; i += 3) {
        const size_t rest = size - i;
        const uint32_t bits = (uint32_t)bytes[i] << 16 |
                              (rest > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (rest > 2 ? (uint32_t)bytes[i + 2] : 0);
        fnd_text_append_byte(text, alphabet[bits >> 18]);
        fnd_text_append_byte(text, alphabet[bits >> 12 & 63]);
        fnd_text_append_byte(text, rest > 1 ? alphabet[bits >> 6 & 63] : '=');
        fnd_text_append_byte(text, rest > 2 ? alphabet[bits & 63] : '=');
    }
}

bool fnd_base64_decode(const char *bytes, size_t size, struct fnd_text *decoded)
{
    if (size % 4 != 0) {
        return false;
    }
    const size_t padding = size > 0 && bytes[size - 1] == '=' ? 1U + (bytes[size - 2] == '=') : 0;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t bits = 0;
        const size_t out = i + 4 == size ? 3 - padding : 3;
        for (size_t j = 0; j < 4; j++) {
            const bool padded = i + j >= size - padding;
            const char *at = padded ? alphabet : memchr(alphabet, bytes[i + j], 64);
            if (at == NULL) {
                return false;
            }
            bits = bits << 6 | (uint32_t)(at - alphabet);
        }
        if ((bits & ((1U << (3 - out) * 8) - 1)) != 0) {
            return false; /* bits behind the last byte: another text for the same bytes */
        }
        for (size_t j = 0; j < out; j++) {
            fnd_text_append_byte(decoded, (char)(bits >> (16 - 8 * j) & 0xFF));
        }
    }
    return true;
}
