/* SPDX-License-Identifier: MIT */
/* Idempotency keys of exports: each stands in the record beside its export's manifest, so that a
 * repetition finds it behind a restart, too. A job's key is part of its path, an answer's is kept
 * with the answer. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "serve/internal.h"

enum { KEYS_AT_ONCE = 1000 };

struct key {
    char *text;
    char asked[FND_DIGEST_TEXT_SIZE]; /* SHA-256 of the request's body */
    int64_t export;
};

/** Folded from the record event by event: each look costs what is new since the last. */
struct keys {
    int64_t last; /* event */
    struct key *list;
    size_t count;
};

struct fold {
    struct keys *keys;
    struct fnd_reader *reader;
    size_t rows;
};

void keys_destroy(struct keys *keys)
{
    for (size_t i = 0; keys != NULL && i < keys->count; i++) {
        free(keys->list[i].text);
    }
    free(keys != NULL ? keys->list : NULL);
    free(keys);
}

static bool fold_event(const struct fnd_event_row *event, void *context)
{
    struct fold *fold = context;
    struct keys *keys = fold->keys;
    struct fnd_text meta = {0};
    struct fnd_json value;
    keys->last = event->id;
    fold->rows++;
    if (event->kind == FND_EVENT_EXPORT &&
        fnd_payload_get(fold->reader, event->id, NULL, &meta, NULL) == FND_OK && meta.size > 0 &&
        fnd_json_check(meta.bytes, meta.size, NULL, &value, NULL) == FND_OK) {
        char *text = fnd_json_strdup(fnd_json_member(value, "idempotency_key"));
        char *asked = fnd_json_strdup(fnd_json_member(value, "request_sha256"));
        if (text != NULL && asked != NULL && strlen(asked) < FND_DIGEST_TEXT_SIZE) {
            keys->list = fnd_realloc(keys->list, keys->count + 1, sizeof *keys->list);
            struct key *key = &keys->list[keys->count++];
            *key = (struct key){.text = text, .export = event->id};
            memcpy(key->asked, asked, strlen(asked) + 1);
            text = NULL;
        }
        free(text);
        free(asked);
    }
    fnd_text_finish(&meta);
    return true;
}

static void request_digest(const struct request *request, char text[FND_DIGEST_TEXT_SIZE])
{
    uint8_t digest[FND_DIGEST_SIZE];
    struct fnd_text plain = {0};
    struct fnd_json body;
    if (fnd_json_check(request->body.bytes, request->body.size, NULL, &body, NULL) == FND_OK) {
        fnd_json_canonical(body, &plain); /* white space and the order of members do not count */
    }
    fnd_sha256(plain.bytes, plain.size, digest);
    fnd_digest_text(digest, text);
    fnd_text_finish(&plain);
}

enum fnd_status keys_find(struct directory *directory, struct fnd_reader *reader,
                          const struct request *request, int64_t *export, struct fnd_error *error)
{
    char asked[FND_DIGEST_TEXT_SIZE];
    *export = 0;
    if (request->key == NULL) {
        return FND_OK;
    }
    if (directory->keys == NULL) {
        directory->keys = fnd_alloc(sizeof *directory->keys); /* the helper's own */
    }
    struct fold fold = {.keys = directory->keys, .reader = reader};
    enum fnd_status status = FND_OK;
    do {
        const struct fnd_walk walk = {.after = directory->keys->last, .limit = KEYS_AT_ONCE};
        fold.rows = 0;
        status = fnd_events_walk(reader, 0, &walk, fold_event, &fold, error);
    } while (status == FND_OK && fold.rows == KEYS_AT_ONCE);
    request_digest(request, asked);
    for (size_t i = directory->keys->count; i > 0 && status == FND_OK && *export == 0; i--) {
        const struct key *key = &directory->keys->list[i - 1];
        if (strcmp(key->text, request->key) != 0) {
            continue;
        }
        *export = key->export;
        if (strcmp(key->asked, asked) != 0) {
            status = fnd_error_set(error, FND_CONFLICT,
                                   "this Idempotency-Key was used for another export; take a new "
                                   "one for each");
            fnd_error_code(error, "idempotency_key_reused");
        }
    }
    return status;
}

char *keys_meta(const struct request *request)
{
    char asked[FND_DIGEST_TEXT_SIZE];
    struct fnd_text meta = {0};
    if (request->key == NULL) {
        return NULL;
    }
    request_digest(request, asked);
    fnd_text_printf(&meta, "{\"request_sha256\":\"%s\"", asked);
    json_text(&meta, "idempotency_key", request->key);
    fnd_text_append_byte(&meta, '}');
    return fnd_text_take(&meta);
}
