/* SPDX-License-Identifier: MIT */
/* BLAKE2b (RFC 7693, section 3) in words of 64 bits. Every payload goes through it when it is
 * written and each time that it is read. Libraries put a row of the state into one vector register,
 * and each step then waits for the one before it: on processors whose vectors take two cycles where
 * words take one, that is half as fast as this. */
#define _DEFAULT_SOURCE /* le64toh */
#include "base/blake2b.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__)
#include <immintrin.h>
#include <sys/platform/x86.h>
#define KNOWS_AVX512
#endif

enum { ROUNDS = 12 };

/* RFC 7693, section 2.6: the fractions of the square roots of the first eight primes. */
static const uint64_t initial[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                    0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                    0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

/* RFC 7693, section 2.7; the last two rounds go as the first two. */
static const uint8_t schedule[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

static uint64_t rotated(uint64_t word, unsigned by)
{
    return word >> by | word << (64 - by);
}

/* Section 3.1's G; macros, so that the sixteen words of the work vector are variables, which the
 * compiler keeps in registers. */
#define MIX(a, b, c, d, x, y)                                                                      \
    do {                                                                                           \
        (a) += (b) + (x);                                                                          \
        (d) = rotated((d) ^ (a), 32);                                                              \
        (c) += (d);                                                                                \
        (b) = rotated((b) ^ (c), 24);                                                              \
        (a) += (b) + (y);                                                                          \
        (d) = rotated((d) ^ (a), 16);                                                              \
        (c) += (d);                                                                                \
        (b) = rotated((b) ^ (c), 63);                                                              \
    } while (0)

/** Section 3.2's F. `last`: all ones for the last block, else 0. */
static void compress(struct fnd_blake2b_state *state, const uint8_t *bytes, uint64_t last)
{
    uint64_t message[16];
    uint64_t *const words = state->words;
    memcpy(message, bytes, sizeof message);
    for (size_t i = 0; i < 16; i++) {
        message[i] = le64toh(message[i]);
    }
    uint64_t v0 = words[0], v1 = words[1], v2 = words[2], v3 = words[3];
    uint64_t v4 = words[4], v5 = words[5], v6 = words[6], v7 = words[7];
    uint64_t v8 = initial[0], v9 = initial[1], v10 = initial[2], v11 = initial[3];
    uint64_t v12 = initial[4] ^ state->size, v13 = initial[5]; /* no payload has 2^64 bytes */
    uint64_t v14 = initial[6] ^ last, v15 = initial[7];
#pragma GCC unroll 12
    for (size_t i = 0; i < ROUNDS; i++) {
        const uint8_t *at = schedule[i];
        MIX(v0, v4, v8, v12, message[at[0]], message[at[1]]);
        MIX(v1, v5, v9, v13, message[at[2]], message[at[3]]);
        MIX(v2, v6, v10, v14, message[at[4]], message[at[5]]);
        MIX(v3, v7, v11, v15, message[at[6]], message[at[7]]);
        MIX(v0, v5, v10, v15, message[at[8]], message[at[9]]);
        MIX(v1, v6, v11, v12, message[at[10]], message[at[11]]);
        MIX(v2, v7, v8, v13, message[at[12]], message[at[13]]);
        MIX(v3, v4, v9, v14, message[at[14]], message[at[15]]);
    }
    words[0] ^= v0 ^ v8;
    words[1] ^= v1 ^ v9;
    words[2] ^= v2 ^ v10;
    words[3] ^= v3 ^ v11;
    words[4] ^= v4 ^ v12;
    words[5] ^= v5 ^ v13;
    words[6] ^= v6 ^ v14;
    words[7] ^= v7 ^ v15;
}

void fnd_blake2b_begin(struct fnd_blake2b_state *state, size_t digest_size, size_t key_size)
{
    assert(digest_size > 0 && digest_size <= 64 && key_size <= 64);
    memcpy(state->words, initial, sizeof state->words);
    state->words[0] ^= 0x01010000 ^ key_size << 8 ^ digest_size; /* section 2.5 */
    state->size = 0;
}

void fnd_blake2b_blocks(struct fnd_blake2b_state *state, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        state->size += FND_BLAKE2B_BLOCK_SIZE;
        compress(state, bytes + i * FND_BLAKE2B_BLOCK_SIZE, 0);
    }
}

void fnd_blake2b_last(struct fnd_blake2b_state *state, const uint8_t *bytes, size_t size)
{
    uint8_t block[FND_BLAKE2B_BLOCK_SIZE] = {0};
    assert(size <= sizeof block);
    if (size > 0) {
        memcpy(block, bytes, size);
    }
    state->size += size;
    compress(state, block, UINT64_MAX);
    for (size_t i = 0; i < 8; i++) {
        state->words[i] = htole64(state->words[i]);
    }
}

#ifdef KNOWS_AVX512

bool fnd_blake2b_can_eight(void)
{
    return CPU_FEATURE_ACTIVE(AVX512F);
}

/** Words of eight blocks, each at its own place, into one vector for each word. */
__attribute__((target("avx512f"), always_inline)) static inline void
transpose(const uint8_t *const blocks[FND_BLAKE2B_LANES], size_t from, __m512i words[8])
{
    __m512i row[8], two[8];
    for (size_t i = 0; i < 8; i++) {
        row[i] = _mm512_loadu_si512(blocks[i] + from);
    }
    for (size_t i = 0; i < 4; i++) { /* even words of two blocks, then odd ones */
        two[i] = _mm512_unpacklo_epi64(row[2 * i], row[2 * i + 1]);
        two[4 + i] = _mm512_unpackhi_epi64(row[2 * i], row[2 * i + 1]);
    }
    for (size_t i = 0; i < 2; i++) {
        const __m512i *const four = two + 4 * i;
        const __m512i left = _mm512_shuffle_i64x2(four[0], four[1], 0x44);
        const __m512i right = _mm512_shuffle_i64x2(four[2], four[3], 0x44);
        const __m512i left_high = _mm512_shuffle_i64x2(four[0], four[1], 0xee);
        const __m512i right_high = _mm512_shuffle_i64x2(four[2], four[3], 0xee);
        words[i] = _mm512_shuffle_i64x2(left, right, 0x88);
        words[2 + i] = _mm512_shuffle_i64x2(left, right, 0xdd);
        words[4 + i] = _mm512_shuffle_i64x2(left_high, right_high, 0x88);
        words[6 + i] = _mm512_shuffle_i64x2(left_high, right_high, 0xdd);
    }
}

/* MIX of eight hashes. */
#define MIX_EIGHT(a, b, c, d, x, y)                                                                \
    do {                                                                                           \
        (a) = _mm512_add_epi64(_mm512_add_epi64(a, b), x);                                         \
        (d) = _mm512_ror_epi64(_mm512_xor_si512(d, a), 32);                                        \
        (c) = _mm512_add_epi64(c, d);                                                              \
        (b) = _mm512_ror_epi64(_mm512_xor_si512(b, c), 24);                                        \
        (a) = _mm512_add_epi64(_mm512_add_epi64(a, b), y);                                         \
        (d) = _mm512_ror_epi64(_mm512_xor_si512(d, a), 16);                                        \
        (c) = _mm512_add_epi64(c, d);                                                              \
        (b) = _mm512_ror_epi64(_mm512_xor_si512(b, c), 63);                                        \
    } while (0)

__attribute__((target("avx512f"))) void fnd_blake2b_eight(struct fnd_blake2b_eight *eight)
{
    __m512i message[16], v[16];
    transpose(eight->blocks, 0, message);
    transpose(eight->blocks, 64, message + 8);
    for (size_t i = 0; i < 8; i++) {
        v[i] = _mm512_loadu_si512(eight->words[i]);
        v[8 + i] = _mm512_set1_epi64((int64_t)initial[i]);
    }
    v[12] = _mm512_xor_si512(v[12], _mm512_loadu_si512(eight->sizes));
    v[14] = _mm512_xor_si512(v[14], _mm512_loadu_si512(eight->last));
#pragma GCC unroll 12
    for (size_t i = 0; i < ROUNDS; i++) {
        const uint8_t *at = schedule[i];
        MIX_EIGHT(v[0], v[4], v[8], v[12], message[at[0]], message[at[1]]);
        MIX_EIGHT(v[1], v[5], v[9], v[13], message[at[2]], message[at[3]]);
        MIX_EIGHT(v[2], v[6], v[10], v[14], message[at[4]], message[at[5]]);
        MIX_EIGHT(v[3], v[7], v[11], v[15], message[at[6]], message[at[7]]);
        MIX_EIGHT(v[0], v[5], v[10], v[15], message[at[8]], message[at[9]]);
        MIX_EIGHT(v[1], v[6], v[11], v[12], message[at[10]], message[at[11]]);
        MIX_EIGHT(v[2], v[7], v[8], v[13], message[at[12]], message[at[13]]);
        MIX_EIGHT(v[3], v[4], v[9], v[14], message[at[14]], message[at[15]]);
    }
    for (size_t i = 0; i < 8; i++) {
        const __m512i before = _mm512_loadu_si512(eight->words[i]);
        _mm512_storeu_si512(eight->words[i],
                            _mm512_xor_si512(before, _mm512_xor_si512(v[i], v[8 + i])));
    }
}

#else

bool fnd_blake2b_can_eight(void)
{
    return false;
}

void fnd_blake2b_eight(struct fnd_blake2b_eight *eight)
{
    (void)eight;
    assert(false);
}

#endif
