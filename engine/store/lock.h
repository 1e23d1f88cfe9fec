/* SPDX-License-Identifier: MIT */
/* One writer a job directory: a lock the kernel holds, on a file of its own. */
#ifndef FND_STORE_LOCK_H
#define FND_STORE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/** Take `folder`/lock, trying until `wait_ms` are over.
 *  folder  descriptor of .foundry, locked too, in case somebody removes the file: close it after
 *          `fd`.  path: the job directory, for messages.
 *  fd      on FND_OK holds the lock until it is closed, or the process ends in whatever way.
 *  Returns FND_OK; FND_BUSY "in use by pid N"; FND_DENIED; FND_IO.  Thread: any. */
enum fnd_status fnd_lock_take(int folder, const char *path, int64_t wait_ms, int *fd,
                              struct fnd_error *error);

/** Whether files of a `struct statfs` f_type live on a network or in user space, where locks and
 *  fsync may lie; `name` then says which. */
bool fnd_lock_network(int64_t file_system_type, const char **name);

/** Refuse a directory on such a file system.  Returns FND_OK; FND_DENIED; FND_IO. */
enum fnd_status fnd_lock_place(int directory, const char *path, struct fnd_error *error);

#endif
