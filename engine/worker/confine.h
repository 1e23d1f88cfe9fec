/* SPDX-License-Identifier: MIT */
/* What a worker does to itself before it loads a plugin. */
#ifndef FND_WORKER_CONFINE_H
#define FND_WORKER_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "worker/pool.h"

/** Where sanitizers are built in, address space cannot be limited (their shadow is terabytes), and
 *  their options are passed on to workers. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FND_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define FND_SANITIZED 1
#else
#define FND_SANITIZED 0
#endif
#else
#define FND_SANITIZED 0
#endif

/** Die with the engine, and keep to the limits: for good, for this process and what it starts.
 *  parent   the engine's process id; if it is gone already, the process ends here. */
enum fnd_status fnd_confine(const struct fnd_limits *limits, pid_t parent, struct fnd_error *error);

#endif
