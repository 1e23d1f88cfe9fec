/* SPDX-License-Identifier: MIT */
/* Idempotency keys of what has no place of its own for them in the record: the last few of this
 * process. A job's key is part of its path, an answer's is kept with the answer. */
#include <stdio.h>
#include <string.h>

#include "serve/internal.h"

bool keys_find(struct request *request, struct directory **directory, int64_t *number)
{
    struct fnd_serve *serve = request->serve;
    bool found = false;
    if (request->key == NULL) {
        return false;
    }
    pthread_mutex_lock(&serve->lock);
    for (size_t i = 0; i < KEYS_MAX && !found; i++) {
        const struct key *key = &serve->keys[i];
        if (key->number != 0 && strcmp(key->text, request->key) == 0) {
            *directory = &serve->directories[key->directory];
            *number = key->number;
            found = true;
        }
    }
    pthread_mutex_unlock(&serve->lock);
    return found;
}

void keys_note(struct request *request, const struct directory *directory, int64_t number)
{
    struct fnd_serve *serve = request->serve;
    if (request->key == NULL) {
        return;
    }
    pthread_mutex_lock(&serve->lock);
    struct key *key = &serve->keys[serve->keys_next++ % KEYS_MAX];
    snprintf(key->text, sizeof key->text, "%s", request->key);
    key->directory = (size_t)(directory - serve->directories);
    key->number = number;
    pthread_mutex_unlock(&serve->lock);
}
