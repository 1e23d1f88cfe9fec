/* SPDX-License-Identifier: MIT */
/* A page of memory that the engine and one worker share, so that each can tell the other something
 * while a plugin's function runs, without a thread or a system call. A plugin can write into it:
 * what the engine reads there is believed only as far as it could be true. */
#ifndef FND_WORKER_PAGE_H
#define FND_WORKER_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#include "worker/pool.h"

enum { FND_WORKER_PAGE_SIZE = 4096 };

struct fnd_worker_page {
    /* written by the worker */
    _Atomic uint64_t call;                    /* id of the call under way; 0: none */
    _Atomic int64_t began_us;                 /* CLOCK_MONOTONIC; of that call */
    _Atomic uint64_t progress;                /* the bits of a double */
    _Atomic uint64_t note[FND_NOTE_SIZE / 8]; /* text behind it, NULs after its end */
    /* written by the engine: by place in flight, the id of a call that should stop */
    _Atomic uint64_t cancel[FND_WORKER_FLIGHT_MAX];
};

#endif
