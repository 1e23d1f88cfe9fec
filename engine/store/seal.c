/* SPDX-License-Identifier: MIT */
#include "store/seal.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "store/bytes.h"
#include "store/parts.h"

enum {
    KEYS_COUNT = 128,
    PAYLOAD_KEY_SIZE = FND_KEY_SIZE + 16, /* + body size, + which parts are there */
    CHAIN_NUMBERS = 15
};

void fnd_keys_init(struct fnd_keys *keys)
{
    pthread_mutex_init(&keys->lock, NULL);
    keys->left = 0;
}

void fnd_keys_finish(struct fnd_keys *keys)
{
    pthread_mutex_destroy(&keys->lock);
}

void fnd_keys_draw(struct fnd_keys *keys, const struct fnd_env *env, uint8_t key[FND_KEY_SIZE])
{
    pthread_mutex_lock(&keys->lock);
    if (keys->left == 0) {
        env->random(env, keys->pool, sizeof keys->pool);
        keys->left = KEYS_COUNT;
    }
    keys->left--;
    memcpy(key, keys->pool[keys->left], FND_KEY_SIZE);
    memset(keys->pool[keys->left], 0, FND_KEY_SIZE); /* one payload, one key */
    pthread_mutex_unlock(&keys->lock);
}

static void key_fill(const struct fnd_payload *payload, uint8_t full[PAYLOAD_KEY_SIZE])
{
    memcpy(full, payload->key, FND_KEY_SIZE);
    fnd_le64_put(full + FND_KEY_SIZE, (int64_t)payload->body_size);
    fnd_le64_put(full + FND_KEY_SIZE + 8,
                 (payload->body != NULL ? 1 : 0) | (payload->meta != NULL ? 2 : 0));
}

void fnd_payload_digest(const uint8_t key[FND_KEY_SIZE], const void *body, size_t body_size,
                        const void *meta, size_t meta_size, uint8_t digest[FND_DIGEST_SIZE])
{
    const struct fnd_payload payload = {
        .key = key, .body = body, .meta = meta, .body_size = body_size, .meta_size = meta_size};
    uint8_t full[PAYLOAD_KEY_SIZE];
    key_fill(&payload, full);
    fnd_blake2b(full, sizeof full, body, body_size, meta, meta_size, digest);
}

void fnd_payload_digests(struct fnd_payload *payloads, size_t count)
{
    struct fnd_blake2b_text texts[FND_PAYLOADS_MAX];
    uint8_t full[FND_PAYLOADS_MAX][PAYLOAD_KEY_SIZE];
    assert(count <= FND_PAYLOADS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct fnd_payload *payload = &payloads[i];
        key_fill(payload, full[i]);
        texts[i] = (struct fnd_blake2b_text){.key = full[i],
                                             .key_size = sizeof full[i],
                                             .parts = {payload->body, payload->meta},
                                             .sizes = {payload->body_size, payload->meta_size}};
    }
    fnd_blake2b_many(texts, count);
    for (size_t i = 0; i < count; i++) {
        memcpy(payloads[i].digest, texts[i].digest, sizeof payloads[i].digest);
    }
}

void fnd_chain_next(const uint8_t before[FND_DIGEST_SIZE], const struct fnd_event_row *event,
                    const uint8_t *digest, uint8_t after[FND_DIGEST_SIZE])
{
    const int64_t numbers[CHAIN_NUMBERS] = {
        event->id,           event->at_us,       event->kind,          event->step,
        event->prev,         event->phase,       event->attempt,       event->level,
        event->after.state,  event->after.phase, event->after.attempt, event->after.failures,
        event->after.due_us, event->ref,         digest != NULL,
    };
    uint8_t message[FND_DIGEST_SIZE + CHAIN_NUMBERS * 8 + FND_DIGEST_SIZE] = {0};
    memcpy(message, before, FND_DIGEST_SIZE);
    for (size_t i = 0; i < CHAIN_NUMBERS; i++) {
        fnd_le64_put(message + FND_DIGEST_SIZE + i * 8, numbers[i]);
    }
    if (digest != NULL) {
        memcpy(message + FND_DIGEST_SIZE + sizeof numbers, digest, FND_DIGEST_SIZE);
    }
    fnd_blake2b(NULL, 0, message, sizeof message, NULL, 0, after);
}

void fnd_write_seal(struct fnd_write *write, struct fnd_keys *keys, const struct fnd_env *env)
{
    assert((write->count > 0 || write->notes != NULL) && write->count <= FND_WRITE_EVENTS_MAX);
    write->size = 0;
    for (size_t i = 0; i < write->count; i++) {
        struct fnd_event *event = &write->events[i];
        write->size += event->body_size + event->meta_size;
        if (event->body != NULL || event->meta != NULL) {
            fnd_keys_draw(keys, env, event->key);
            fnd_payload_digest(event->key, event->body, event->body_size, event->meta,
                               event->meta_size, event->digest);
        }
        /* The log itself says which output is the human one of a record, so that a rebuild finds
         * it without knowing which events were written together. */
        if (event->kind == FND_EVENT_OUTPUT && event->ref == 0 && i > 0 && write->record &&
            write->events[i - 1].kind == FND_EVENT_ANSWER) {
            event->ref = FND_REF_FIRST - (int64_t)(i - 1);
        }
    }
#ifdef FND_STORE_CHECK_BODIES
    fnd_parts_agree(write);
#endif
}
