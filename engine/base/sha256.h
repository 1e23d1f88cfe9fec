/* SPDX-License-Identifier: MIT */
/* The blocks of a SHA-256 by the processor's own instructions, where it has them; digest.c alone
 * includes this. */
#ifndef FND_BASE_SHA256_H
#define FND_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FND_SHA256_BLOCK_SIZE = 64 };

/** Whether fnd_sha256_blocks() works on this machine. Costs nothing. Thread: any. */
bool fnd_sha256_can(void);
/** Go on with `state`, eight words as FIPS 180-4 has them, over `count` blocks of 64 bytes. Only
 *  where fnd_sha256_can(). Thread: any. */
void fnd_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t count);
/** The same for two hashes at once, `count` blocks of each: the instructions of one wait for each
 *  other, and those of the other run meanwhile (1.45 times as fast). */
void fnd_sha256_blocks_two(uint32_t a_state[8], const uint8_t *a, uint32_t b_state[8],
                           const uint8_t *b, size_t count);

#endif
