/* SPDX-License-Identifier: MIT */
/* What a worker holds that no limit of the kernel bounds: files of memory, the sum of its files,
 * and processes of its own. The engine looks from outside, now and then. */
#ifndef FND_WORKER_USAGE_H
#define FND_WORKER_USAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "worker/pool.h"

struct fnd_usage {
    uint64_t memory_bytes; /* in files that have no name: memfd_create(), deleted ones */
    uint64_t disk_bytes;   /* in its work folder */
    size_t files;          /* there, folders counted */
    size_t processes;      /* of its group, itself among them */
    bool deep;             /* its folders are nested deeper than they are looked into */
};

/** Look at a worker.
 *  work       its private folder or NULL.
 *  processes  count those too; it costs a walk through /proc.
 *  What cannot be seen (it may be dying) counts as nothing. Stops counting a kind as soon as it is
 *  above what fnd_usage_over() allows. */
void fnd_usage_look(pid_t pid, const char *work, bool processes, const struct fnd_limits *limits,
                    struct fnd_usage *usage);
/** Whether that is more than it may hold; says in `text` what and which limit, for people. */
bool fnd_usage_over(const struct fnd_usage *usage, const struct fnd_limits *limits,
                    struct fnd_text *text);

#endif
