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

void fnd_blake2b(const uint8_t *key, size_t key_size, const void *a, size_t a_size, const void *b,
                 size_t b_size, uint8_t digest[FND_DIGEST_SIZE])
{
    assert(key_size == 0 || (key != NULL && key_size >= crypto_generichash_KEYBYTES_MIN &&
                             key_size <= crypto_generichash_KEYBYTES_MAX));
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
