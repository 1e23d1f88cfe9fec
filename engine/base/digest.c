/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* htobe64 */
#include "base/digest.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/blake2b.h"
#include "base/sha256.h"
#include "base/text.h"

enum { PIECE_SIZE = 32 * 1024 };

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct fnd_sha256),
               "struct fnd_sha256 holds libsodium's state");
_Static_assert(crypto_hash_sha256_BYTES == FND_DIGEST_SIZE, "SHA-256 has 32 bytes");
_Static_assert(FND_DIGEST_TEXT_SIZE == 2 * FND_DIGEST_SIZE + 1, "hex digits and NUL");

void fnd_digest_setup(void)
{
    if (sodium_init() < 0) {
        abort(); /* no randomness or no memory: nothing here can be trusted */
    }
}

/** Whole blocks go through the processor's own instructions; what is left at either end is
 *  libsodium's, whose state is the standard's words, bits and started block. */
static void sha256_update(crypto_hash_sha256_state *state, const uint8_t *bytes, size_t size)
{
    const size_t begun = (size_t)(state->count >> 3) % FND_SHA256_BLOCK_SIZE;
    size_t rest = begun == 0 ? 0 : FND_SHA256_BLOCK_SIZE - begun;
    if (size >= rest + FND_SHA256_BLOCK_SIZE && fnd_sha256_can()) {
        crypto_hash_sha256_update(state, bytes, rest);
        const size_t blocks = (size - rest) / FND_SHA256_BLOCK_SIZE;
        fnd_sha256_blocks(state->state, bytes + rest, blocks);
        rest += blocks * FND_SHA256_BLOCK_SIZE;
        state->count += (uint64_t)blocks * FND_SHA256_BLOCK_SIZE * 8;
        bytes += rest;
        size -= rest;
    }
    crypto_hash_sha256_update(state, bytes, size);
}

/** The end of a hash (FIPS 180-4, section 5.1.1): one or two blocks. */
static void sha256_final(crypto_hash_sha256_state *state, uint8_t digest[FND_DIGEST_SIZE])
{
    if (!fnd_sha256_can()) {
        crypto_hash_sha256_final(state, digest);
        return;
    }
    uint8_t end[2 * FND_SHA256_BLOCK_SIZE] = {0};
    const size_t begun = (size_t)(state->count >> 3) % FND_SHA256_BLOCK_SIZE;
    const size_t blocks = begun < FND_SHA256_BLOCK_SIZE - sizeof state->count ? 1 : 2;
    const uint64_t bits = htobe64(state->count);
    memcpy(end, state->buf, begun);
    end[begun] = 0x80;
    memcpy(end + blocks * FND_SHA256_BLOCK_SIZE - sizeof bits, &bits, sizeof bits);
    fnd_sha256_blocks(state->state, end, blocks);
    for (size_t i = 0; i < 8; i++) {
        const uint32_t word = htobe32(state->state[i]);
        memcpy(digest + 4 * i, &word, sizeof word);
    }
}

void fnd_sha256_two(const void *a, size_t a_size, uint8_t a_digest[FND_DIGEST_SIZE], const void *b,
                    size_t b_size, uint8_t b_digest[FND_DIGEST_SIZE])
{
    crypto_hash_sha256_state a_state, b_state;
    const size_t blocks = (a_size < b_size ? a_size : b_size) / FND_SHA256_BLOCK_SIZE;
    if (blocks == 0 || !fnd_sha256_can()) {
        fnd_sha256(a, a_size, a_digest);
        fnd_sha256(b, b_size, b_digest);
        return;
    }
    const size_t size = blocks * FND_SHA256_BLOCK_SIZE;
    crypto_hash_sha256_init(&a_state);
    crypto_hash_sha256_init(&b_state);
    fnd_sha256_blocks_two(a_state.state, a, b_state.state, b, blocks);
    a_state.count = b_state.count = (uint64_t)size * 8;
    sha256_update(&a_state, (const uint8_t *)a + size, a_size - size);
    sha256_update(&b_state, (const uint8_t *)b + size, b_size - size);
    sha256_final(&a_state, a_digest);
    sha256_final(&b_state, b_digest);
}

void fnd_sha256(const void *bytes, size_t size, uint8_t digest[FND_DIGEST_SIZE])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    if (size > 0) {
        sha256_update(&state, bytes, size);
    }
    sha256_final(&state, digest);
}

int fnd_sha256_fd(int fd, uint8_t digest[FND_DIGEST_SIZE], uint64_t *size)
{
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return errno;
    }
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    unsigned char piece[PIECE_SIZE];
    uint64_t total = 0;
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        if (got == 0) {
            break;
        }
        sha256_update(&state, piece, (size_t)got);
        total += (uint64_t)got;
    }
    sha256_final(&state, digest);
    if (size != NULL) {
        *size = total;
    }
    return 0;
}

/* The state is copied in and out, which C's aliasing rules ask of storage declared as bytes. */

void fnd_sha256_begin(struct fnd_sha256 *hash)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    memcpy(hash->state, &state, sizeof state);
}

void fnd_sha256_add(struct fnd_sha256 *hash, const void *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    crypto_hash_sha256_state state;
    memcpy(&state, hash->state, sizeof state);
    sha256_update(&state, bytes, size);
    memcpy(hash->state, &state, sizeof state);
}

void fnd_sha256_end(struct fnd_sha256 *hash, uint8_t digest[FND_DIGEST_SIZE])
{
    crypto_hash_sha256_state state;
    memcpy(&state, hash->state, sizeof state);
    sha256_final(&state, digest);
    sodium_memzero(hash, sizeof *hash);
}

/** Blocks, one after the other, of pieces that end anywhere; the last of all is kept back. */
struct blocks {
    struct fnd_blake2b_state state;
    uint8_t begun[FND_BLAKE2B_BLOCK_SIZE];
    size_t size; /* of what is begun */
};

static void blocks_add(struct blocks *blocks, const uint8_t *bytes, size_t size)
{
    const size_t room = sizeof blocks->begun - blocks->size;
    if (size > room && blocks->size > 0) {
        memcpy(blocks->begun + blocks->size, bytes, room);
        fnd_blake2b_blocks(&blocks->state, blocks->begun, 1);
        blocks->size = 0;
        bytes += room;
        size -= room;
    }
    if (size > sizeof blocks->begun) { /* here nothing is begun */
        const size_t whole = (size - 1) / sizeof blocks->begun;
        fnd_blake2b_blocks(&blocks->state, bytes, whole);
        bytes += whole * sizeof blocks->begun;
        size -= whole * sizeof blocks->begun;
    }
    if (size > 0) {
        memcpy(blocks->begun + blocks->size, bytes, size);
        blocks->size += size;
    }
}

static bool key_fits(const uint8_t *key, size_t size)
{
    return size == 0 || (key != NULL && size >= crypto_generichash_KEYBYTES_MIN &&
                         size <= crypto_generichash_KEYBYTES_MAX);
}

void fnd_blake2b(const uint8_t *key, size_t key_size, const void *a, size_t a_size, const void *b,
                 size_t b_size, uint8_t digest[FND_DIGEST_SIZE])
{
    assert(key_fits(key, key_size));
    struct blocks blocks;
    fnd_blake2b_begin(&blocks.state, FND_DIGEST_SIZE, key_size);
    blocks.size = 0;
    if (key_size > 0) { /* the first block is the key's */
        memset(blocks.begun, 0, sizeof blocks.begun);
        memcpy(blocks.begun, key, key_size);
        blocks.size = sizeof blocks.begun;
    }
    blocks_add(&blocks, a, a_size);
    blocks_add(&blocks, b, b_size);
    fnd_blake2b_last(&blocks.state, blocks.begun, blocks.size);
    memcpy(digest, blocks.state.words, FND_DIGEST_SIZE);
    if (key_size > 0) {
        sodium_memzero(&blocks, sizeof blocks);
    }
}

/** A text on its way through one of eight lanes. */
struct lane {
    const struct fnd_blake2b_text *text;
    size_t at, size; /* in both parts together */
    bool begun;      /* its key, if there is one, went in */
    uint8_t block[FND_BLAKE2B_BLOCK_SIZE];
};

/** The next block of a text, padded with zeros.
 *  size  receives how many bytes of it count.  last  whether none is behind it. */
static const uint8_t *block_next(struct lane *lane, size_t *size, bool *last)
{
    const struct fnd_blake2b_text *text = lane->text;
    if (!lane->begun && text->key_size > 0) {
        lane->begun = true;
        memset(lane->block, 0, sizeof lane->block);
        memcpy(lane->block, text->key, text->key_size);
        *size = sizeof lane->block;
        *last = lane->size == 0;
        return lane->block;
    }
    const size_t from = lane->at, left = lane->size - from;
    const size_t first = from < text->sizes[0] ? text->sizes[0] - from : 0; /* left of part one */
    const size_t behind = from > text->sizes[0] ? from - text->sizes[0] : 0;
    *size = left < sizeof lane->block ? left : sizeof lane->block;
    *last = left <= sizeof lane->block;
    lane->at += *size;
    if (first >= sizeof lane->block) {
        return (const uint8_t *)text->parts[0] + from;
    }
    if (first == 0 && left >= sizeof lane->block) {
        return (const uint8_t *)text->parts[1] + behind;
    }
    const size_t here = first < *size ? first : *size;
    memset(lane->block, 0, sizeof lane->block);
    if (here > 0) {
        memcpy(lane->block, (const uint8_t *)text->parts[0] + from, here);
    }
    if (*size > here) {
        memcpy(lane->block + here, (const uint8_t *)text->parts[1] + behind, *size - here);
    }
    return lane->block;
}

/** What is left of a text when all others are done. */
static void lane_end(struct lane *lane, const struct fnd_blake2b_eight *eight, size_t at,
                     uint8_t digest[FND_DIGEST_SIZE])
{
    struct fnd_blake2b_state state = {.size = eight->sizes[at]};
    bool last = false;
    for (size_t i = 0; i < 8; i++) {
        state.words[i] = eight->words[i][at];
    }
    while (!last) {
        size_t size = 0;
        const uint8_t *block = block_next(lane, &size, &last);
        if (last) {
            fnd_blake2b_last(&state, block, size);
        } else {
            fnd_blake2b_blocks(&state, block, 1);
        }
    }
    memcpy(digest, state.words, FND_DIGEST_SIZE);
}

/** Two to eight texts. As soon as only one is left, its blocks go faster alone. */
static void eight_hash(struct fnd_blake2b_text *texts, size_t count)
{
    static const uint8_t nothing[FND_BLAKE2B_BLOCK_SIZE];
    struct lane lanes[FND_BLAKE2B_LANES];
    struct fnd_blake2b_eight eight = {.sizes = {0}};
    size_t left = count;
    for (size_t k = 0; k < FND_BLAKE2B_LANES; k++) {
        struct fnd_blake2b_state state;
        assert(k >= count || key_fits(texts[k].key, texts[k].key_size));
        lanes[k].text = k < count ? &texts[k] : NULL;
        fnd_blake2b_begin(&state, FND_DIGEST_SIZE, k < count ? texts[k].key_size : 0);
        for (size_t i = 0; i < 8; i++) {
            eight.words[i][k] = state.words[i];
        }
        lanes[k].at = 0;
        lanes[k].size = k < count ? texts[k].sizes[0] + texts[k].sizes[1] : 0;
        lanes[k].begun = false;
    }
    while (left > 1) {
        for (size_t k = 0; k < FND_BLAKE2B_LANES; k++) {
            size_t size = 0;
            bool last = false;
            eight.blocks[k] = lanes[k].text != NULL ? block_next(&lanes[k], &size, &last) : nothing;
            eight.sizes[k] += size;
            eight.last[k] = last ? UINT64_MAX : 0;
        }
        fnd_blake2b_eight(&eight);
        for (size_t k = 0; k < count; k++) {
            if (lanes[k].text == NULL || eight.last[k] == 0) {
                continue;
            }
            uint64_t words[FND_DIGEST_SIZE / 8];
            for (size_t i = 0; i < FND_DIGEST_SIZE / 8; i++) {
                words[i] = htole64(eight.words[i][k]);
            }
            memcpy(texts[k].digest, words, FND_DIGEST_SIZE);
            lanes[k].text = NULL;
            left--;
        }
    }
    for (size_t k = 0; k < count; k++) {
        if (lanes[k].text != NULL) {
            lane_end(&lanes[k], &eight, k, texts[k].digest);
        }
    }
    sodium_memzero(lanes, sizeof lanes); /* keys went through */
}

void fnd_blake2b_many(struct fnd_blake2b_text *texts, size_t count)
{
    const bool can = fnd_blake2b_can_eight();
    while (count > 0) {
        const size_t some = count < FND_BLAKE2B_LANES ? count : FND_BLAKE2B_LANES;
        if (can && some > 2) {
            eight_hash(texts, some);
        } else {
            for (size_t i = 0; i < some; i++) {
                fnd_blake2b(texts[i].key, texts[i].key_size, texts[i].parts[0], texts[i].sizes[0],
                            texts[i].parts[1], texts[i].sizes[1], texts[i].digest);
            }
        }
        texts += some;
        count -= some;
    }
}

_Static_assert(FND_SHORT_SIZE == crypto_shorthash_siphashx24_KEYBYTES &&
                   FND_SHORT_SIZE == crypto_shorthash_siphashx24_BYTES,
               "SipHash takes and gives 128 bits");

void fnd_short_hash(const uint8_t key[FND_SHORT_SIZE], const void *bytes, size_t size,
                    uint8_t hash[FND_SHORT_SIZE])
{
    crypto_shorthash_siphashx24(hash, bytes, size, key);
}

void fnd_digest_text(const uint8_t digest[FND_DIGEST_SIZE], char text[FND_DIGEST_TEXT_SIZE])
{
    fnd_hex(digest, FND_DIGEST_SIZE, text);
}

void fnd_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
                     uint8_t digest[FND_DIGEST_SIZE])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_size);
    crypto_auth_hmacsha256_update(&state, bytes, size);
    crypto_auth_hmacsha256_final(&state, digest);
}
