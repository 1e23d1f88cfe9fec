/* SPDX-License-Identifier: MIT */
/* BLAKE2b's compression of one block; digest.c alone includes this. */
#ifndef FND_BASE_BLAKE2B_H
#define FND_BASE_BLAKE2B_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FND_BLAKE2B_BLOCK_SIZE = 128 };

/** A hash under way. */
struct fnd_blake2b_state {
    uint64_t words[8];
    uint64_t size; /* bytes that went in */
};

/** Begin a hash of `digest_size` bytes (1 to 64) under a key of `key_size` bytes (0 to 64), whose
 *  block is the caller's to add. */
void fnd_blake2b_begin(struct fnd_blake2b_state *state, size_t digest_size, size_t key_size);
/** Add `count` blocks of 128 bytes, of which the last is not the last of all. */
void fnd_blake2b_blocks(struct fnd_blake2b_state *state, const uint8_t *bytes, size_t count);
/** Add the last 1 to 128 bytes; or none, if there are none at all. The words are the digest then,
 *  each as 8 bytes little-endian. */
void fnd_blake2b_last(struct fnd_blake2b_state *state, const uint8_t *bytes, size_t size);

/** Eight hashes under way, side by side: with AVX-512 a block of each takes as long as two of one.
 *  words   of each hash, word by word; after its last block they are the digest's
 *  sizes   bytes that went in, with those of this block
 *  last    all ones for a hash whose last block this is, else 0
 *  blocks  128 bytes each, padded with zeros; never NULL. What a hash that is not asked for holds
 *          afterwards means nothing. */
enum { FND_BLAKE2B_LANES = 8 };
struct fnd_blake2b_eight {
    uint64_t words[8][FND_BLAKE2B_LANES];
    uint64_t sizes[FND_BLAKE2B_LANES], last[FND_BLAKE2B_LANES];
    const uint8_t *blocks[FND_BLAKE2B_LANES];
};
/** Whether this processor can. */
bool fnd_blake2b_can_eight(void);
/** Add a block to each.  Only where fnd_blake2b_can_eight(). */
void fnd_blake2b_eight(struct fnd_blake2b_eight *eight);

#endif
