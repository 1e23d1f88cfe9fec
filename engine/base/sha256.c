/* SPDX-License-Identifier: MIT */
/* SHA-256 of whole blocks (FIPS 180-4, section 6.2.2) with the SHA extensions of x86: some five
 * times as fast as libsodium's portable code, which stands in for other machines. */
#include "base/sha256.h"

#include <assert.h>

#if defined(__x86_64__) && defined(__GLIBC__)

#include <immintrin.h>
#include <sys/platform/x86.h>

/* FIPS 180-4, section 4.2.2. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool fnd_sha256_can(void)
{
    /* What the C library found at its start: asking the processor each time would be slow. */
    return CPU_FEATURE_ACTIVE(SHA) && CPU_FEATURE_ACTIVE(SSE4_1) && CPU_FEATURE_ACTIVE(SSSE3);
}

__attribute__((target("sha,sse4.1,ssse3"))) static __m128i load(const void *bytes)
{
    return _mm_loadu_si128(bytes);
}

/** The eight words as the instructions want them, in the order F E B A and H G D C. */
struct words {
    __m128i abef, cdgh;
};

__attribute__((target("sha,sse4.1,ssse3"))) static struct words words_load(const uint32_t state[8])
{
    const __m128i abcd = _mm_shuffle_epi32(load(state), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);
    return (struct words){_mm_alignr_epi8(abcd, efgh, 8), _mm_blend_epi16(efgh, abcd, 0xf0)};
}

__attribute__((target("sha,sse4.1,ssse3"))) static void words_store(struct words words,
                                                                    uint32_t state[8])
{
    const __m128i abcd = _mm_shuffle_epi32(words.abef, 0x1b);
    const __m128i efgh = _mm_shuffle_epi32(words.cdgh, 0xb1);
    _mm_storeu_si128((void *)state, _mm_blend_epi16(abcd, efgh, 0xf0));
    _mm_storeu_si128((void *)(state + 4), _mm_alignr_epi8(efgh, abcd, 8));
}

/** Four rounds from `at` on, and before them the words that they add to what was read. */
__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
rounds(struct words *words, __m128i message[4], int at)
{
    if (at >= 4) {
        const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(message[0], message[1]),
                                          _mm_alignr_epi8(message[3], message[2], 4));
        message[0] = message[1];
        message[1] = message[2];
        message[2] = message[3];
        message[3] = _mm_sha256msg2_epu32(sum, message[2]);
    }
    const __m128i word = _mm_add_epi32(message[at < 4 ? at : 3], load(constants + 4 * at));
    words->cdgh = _mm_sha256rnds2_epu32(words->cdgh, words->abef, word);
    words->abef = _mm_sha256rnds2_epu32(words->abef, words->cdgh, _mm_shuffle_epi32(word, 0x0e));
}

__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
message_load(__m128i message[4], const uint8_t *bytes)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (int i = 0; i < 4; i++) {
        message[i] = _mm_shuffle_epi8(load(bytes + 16 * i), swap);
    }
}

__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
words_add(struct words *words, struct words before)
{
    words->abef = _mm_add_epi32(words->abef, before.abef);
    words->cdgh = _mm_add_epi32(words->cdgh, before.cdgh);
}

__attribute__((target("sha,sse4.1,ssse3"))) void
fnd_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t count)
{
    struct words words = words_load(state);
    for (; count > 0; count--, bytes += FND_SHA256_BLOCK_SIZE) {
        const struct words before = words;
        __m128i message[4];
        message_load(message, bytes);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            rounds(&words, message, i);
        }
        words_add(&words, before);
    }
    words_store(words, state);
}

__attribute__((target("sha,sse4.1,ssse3"))) void
fnd_sha256_blocks_two(uint32_t a_state[8], const uint8_t *a, uint32_t b_state[8], const uint8_t *b,
                      size_t count)
{
    struct words a_words = words_load(a_state), b_words = words_load(b_state);
    for (; count > 0; count--, a += FND_SHA256_BLOCK_SIZE, b += FND_SHA256_BLOCK_SIZE) {
        const struct words a_before = a_words, b_before = b_words;
        __m128i a_message[4], b_message[4];
        message_load(a_message, a);
        message_load(b_message, b);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            rounds(&a_words, a_message, i);
            rounds(&b_words, b_message, i);
        }
        words_add(&a_words, a_before);
        words_add(&b_words, b_before);
    }
    words_store(a_words, a_state);
    words_store(b_words, b_state);
}

#else

bool fnd_sha256_can(void)
{
    return false;
}

void fnd_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t count)
{
    (void)state;
    (void)bytes;
    (void)count;
    assert(!"fnd_sha256_can() says no");
}

void fnd_sha256_blocks_two(uint32_t a_state[8], const uint8_t *a, uint32_t b_state[8],
                           const uint8_t *b, size_t count)
{
    (void)a_state;
    (void)a;
    (void)b_state;
    (void)b;
    (void)count;
    assert(!"fnd_sha256_can() says no");
}

#endif
