/* SPDX-License-Identifier: MIT */
/* Numbers in files: 8 bytes, little-endian, two's complement, whatever the machine. */
#ifndef FND_STORE_BYTES_H
#define FND_STORE_BYTES_H

#include <stdint.h>

static inline void fnd_le64_put(uint8_t *bytes, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(bits >> (8 * i));
    }
}

static inline int64_t fnd_le64_get(const uint8_t *bytes)
{
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits |= (uint64_t)bytes[i] << (8 * i);
    }
    return (int64_t)bits;
}

#endif
