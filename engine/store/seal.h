/* SPDX-License-Identifier: MIT */
/* Digests of the record: of a payload under its own key, and the chain over events. */
#ifndef FND_STORE_SEAL_H
#define FND_STORE_SEAL_H

#include <pthread.h>
#include <stdbool.h>

#include "store/reader.h"

/** Random keys drawn in blocks: one system call for many payloads. */
struct fnd_keys {
    pthread_mutex_t lock;
    size_t left;
    uint8_t pool[128][FND_KEY_SIZE];
};
void fnd_keys_init(struct fnd_keys *keys);
void fnd_keys_finish(struct fnd_keys *keys);
/** Thread: any. */
void fnd_keys_draw(struct fnd_keys *keys, const struct fnd_env *env, uint8_t key[FND_KEY_SIZE]);

/** The keyed digest of a payload. The body's size and which parts are there belong to the key, so
 *  that no byte can move from body to meta.  body, meta: NULL when absent. */
void fnd_payload_digest(const uint8_t key[FND_KEY_SIZE], const void *body, size_t body_size,
                        const void *meta, size_t meta_size, uint8_t digest[FND_DIGEST_SIZE]);

/** One of several payloads: what fnd_payload_digest() takes, and gives. */
struct fnd_payload {
    const uint8_t *key;
    const void *body, *meta;
    size_t body_size, meta_size;
    uint8_t digest[FND_DIGEST_SIZE];
};
enum { FND_PAYLOADS_MAX = 8 };
/** The digests of several, FND_PAYLOADS_MAX at most, in less time than one after the other. */
void fnd_payload_digests(struct fnd_payload *payloads, size_t count);

/** The chain value behind an event: over the value before it, the event's columns as fixed-size
 *  little-endian numbers, and its payload's digest (NULL: no payload). */
void fnd_chain_next(const uint8_t before[FND_DIGEST_SIZE], const struct fnd_event_row *event,
                    const uint8_t *digest, uint8_t after[FND_DIGEST_SIZE]);

/** Draw keys and make digests of all events of a write, and sum up its size; see store.h on
 * fnd_store_submit(). */
void fnd_write_seal(struct fnd_write *write, struct fnd_keys *keys, const struct fnd_env *env);

#endif
