/* SPDX-License-Identifier: MIT */
/* Hashes. SHA-256 names what people can check with sha256sum (artifacts, plugins, pipelines);
 * BLAKE2b with a key covers payloads and the chain inside the store: keyed by construction (RFC
 * 7693), and fast without a processor's help. */
#ifndef FND_BASE_DIGEST_H
#define FND_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { FND_DIGEST_SIZE = 32, FND_DIGEST_TEXT_SIZE = 65, FND_KEY_SIZE = 32 };

/** Must be called once before any other; safe to call again, on any thread. */
void fnd_digest_setup(void);

void fnd_sha256(const void *bytes, size_t size, uint8_t digest[FND_DIGEST_SIZE]);

/** The SHA-256 of two texts, faster than of one after the other. */
void fnd_sha256_two(const void *a, size_t a_size, uint8_t a_digest[FND_DIGEST_SIZE], const void *b,
                    size_t b_size, uint8_t b_digest[FND_DIGEST_SIZE]);

/** SHA-256 of a file's bytes from its start, read through `fd` (its offset is moved); streamed.
 *  Returns 0 or an errno value. `size` may be NULL. */
int fnd_sha256_fd(int fd, uint8_t digest[FND_DIGEST_SIZE], uint64_t *size);

/** In pieces. */
struct fnd_sha256 {
    _Alignas(16) unsigned char state[128];
};
void fnd_sha256_begin(struct fnd_sha256 *hash);
void fnd_sha256_add(struct fnd_sha256 *hash, const void *bytes, size_t size);
void fnd_sha256_end(struct fnd_sha256 *hash, uint8_t digest[FND_DIGEST_SIZE]);

/** BLAKE2b-256 with a key of `key_size` bytes (16 to 64; 0 with key NULL for none) over two pieces
 *  in sequence; `b` may be NULL with size 0. */
void fnd_blake2b(const uint8_t *key, size_t key_size, const void *a, size_t a_size, const void *b,
                 size_t b_size, uint8_t digest[FND_DIGEST_SIZE]);

/** One of several texts that are hashed at once: what fnd_blake2b() takes, and gives. */
struct fnd_blake2b_text {
    const uint8_t *key;
    size_t key_size;
    const void *parts[2];
    size_t sizes[2];
    uint8_t digest[FND_DIGEST_SIZE];
};
/** Hash them all. Some processors take half as long for several as for one after the other. */
void fnd_blake2b_many(struct fnd_blake2b_text *texts, size_t count);

/** SipHash-2-4 with a 128-bit result: a name for bytes where nobody profits from a collision, at a
 *  tenth of a cryptographic hash's cost. */
enum { FND_SHORT_SIZE = 16 };
void fnd_short_hash(const uint8_t key[FND_SHORT_SIZE], const void *bytes, size_t size,
                    uint8_t hash[FND_SHORT_SIZE]);

void fnd_digest_text(const uint8_t digest[FND_DIGEST_SIZE], char text[FND_DIGEST_TEXT_SIZE]);

/** HMAC-SHA256 (RFC 2104) under a key of any size. */
void fnd_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
                     uint8_t digest[FND_DIGEST_SIZE]);

#endif
