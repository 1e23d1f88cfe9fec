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

/** What a worker is to be kept to. Texts are borrowed. */
struct fnd_confinement {
    struct fnd_limits limits;
    pid_t parent; /* the engine's process id */
    enum fnd_isolation isolation;
    const char *work; /* private folder; NULL: it stands in /, and may write nowhere */
    bool user;        /* become this user; needs root */
    uid_t uid;        /* may be 0, which keeps the user and gives up what root may do */
    gid_t gid;
    bool root;                /* keep root, with all it may do */
    bool write;               /* descriptor FND_FD_WRITE is a folder that it may write in */
    const char *const *reads; /* NULL-ended */
    int landlock_abi_max;
};

/** Descriptors that a worker is started with. */
enum {
    FND_FD_CHANNEL = 3,
    FND_FD_PLUGIN = 4,
    FND_FD_PAGE = 5,
    FND_FD_WRITE = 6, /* or nothing */
    FND_FD_FOREIGN    /* the first that nobody passed on purpose */
};

/** Die with the engine, keep to the limits, and shut out what the isolation shuts out: for good.
 *  If the engine is gone already, the process ends here.
 *  effective  receives what it came to: less than was wanted for BEST_EFFORT only.
 *  abi        receives the ABI of Landlock that is in effect, 0: none.
 *  Returns FND_OK; FND_IO, FND_DENIED: which layer is missing. */
enum fnd_status fnd_confine(const struct fnd_confinement *wanted, enum fnd_isolation *effective,
                            int *abi, struct fnd_error *error);

/* --- on the command line of a worker (arguments.c) ------------------------------------------- */

enum { FND_ARGUMENTS_READS_MAX = 64, FND_ARGUMENTS_MAX = 16 + FND_ARGUMENTS_READS_MAX };

/** As texts "key=value", malloc'ed, ended by NULL; at most FND_ARGUMENTS_READS_MAX reads. */
void fnd_confinement_write(const struct fnd_confinement *confinement,
                           char *texts[FND_ARGUMENTS_MAX]);
/** Read them back; texts are borrowed from argv.
 *  reads  memory for confinement->reads.   Returns false if one is not as it is written. */
bool fnd_confinement_read(char *const *argv, struct fnd_confinement *confinement,
                          const char *reads[FND_ARGUMENTS_READS_MAX + 1]);

#endif
