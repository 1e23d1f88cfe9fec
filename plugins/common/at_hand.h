/* SPDX-License-Identifier: MIT */
/* The model of the last call, as it is the next one's most often. */
#ifndef COMMON_AT_HAND_H
#define COMMON_AT_HAND_H

#include <foundry/plugin.h>

/* How a plugin reads its model from a file's bytes: 0, -1 without memory, or -2 when it is none
 * that can be used, with a message that says what was found. finish() is called after either. */
struct model_kind {
    size_t bytes_max;
    int (*read)(void *model, const unsigned char *bytes, size_t size, char *message,
                size_t message_size);
    void (*finish)(void *model);
};

/* Zeroed: none is at hand. */
struct at_hand {
    char *name; /* of the artifact it came from */
};

/** Make the model that `model` of the config names the one at hand, read into `model`. *there says
 *  whether one is named (not null). A permanent failure `bad_model` says why one cannot be used;
 *  then none is at hand. Called by one thread for one `at_hand`. */
foundry_outcome_t at_hand_load(struct at_hand *at_hand, void *model, const struct model_kind *kind,
                               const foundry_host_t *host, foundry_call_t *call, int *there);
void at_hand_finish(struct at_hand *at_hand, void *model, const struct model_kind *kind);

#endif
