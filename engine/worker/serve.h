/* SPDX-License-Identifier: MIT */
/* A worker's life after its plugin was loaded. */
#ifndef FND_WORKER_SERVE_H
#define FND_WORKER_SERVE_H

#include "worker/channel.h"
#include "worker/instances.h"
#include "worker/page.h"

/** Payloads, all integers little-endian:
 *  DEFINE   slot (4), enum fnd_callee_kind (4), size of the name (4), the name, the constant config
 *  CALL     slot (4), place in flight (4), input as fnd_call_input_encode() writes it;
 *           descriptors of its artifacts in their order
 *  RESULT   microseconds it took (8), effects as fnd_effects_encode() writes them
 *  CONFINED isolation in effect (4), ABI of Landlock in effect (4) */
enum {
    FND_DEFINE_HEAD_SIZE = 12,
    FND_CALL_HEAD_SIZE = 8,
    FND_RESULT_HEAD_SIZE = 8,
    FND_CONFINED_SIZE = 8
};

/** Answer frames until the channel ends; then instances are destroyed.
 *  Returns FND_OK at the end of the channel, else why the worker cannot go on. */
enum fnd_status fnd_worker_serve(struct fnd_channel *channel, const struct fnd_plugin *plugin,
                                 struct fnd_worker_page *page, struct fnd_error *error);

/** Little-endian integers in payloads. */
static inline uint32_t fnd_get_u32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}
static inline void fnd_put_u32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

#endif
