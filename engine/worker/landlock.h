/* SPDX-License-Identifier: MIT */
/* Landlock: which files this process may still reach. Wanted rights are asked for by the ABI that
 * the running kernel has, not by the headers the engine was built with: Debian 12's know ABI 2. */
#ifndef FND_WORKER_LANDLOCK_H
#define FND_WORKER_LANDLOCK_H

#include "base/error.h"
#include "base/text.h"

/** The kernel's ABI, at most `abi_max` (0: whatever it is; negative: as if there were none).
 *  Returns 0 where there is none, and why in `error` (may be NULL): not in the kernel, or switched
 *  off at boot. */
int fnd_landlock_abi(int abi_max, struct fnd_error *error);

/** What may be reached. Paths that are not there, or cannot be opened, are passed over. */
struct fnd_landlock_rules {
    int plugin;               /* descriptor of the plugin's file: read, execute */
    int work;                 /* descriptor of the private folder, -1: none */
    int write;                /* descriptor of the granted folder, -1: none */
    const char *const *reads; /* files and folders of data, NULL-ended; may be NULL */
};
/** Restrict this thread and what it starts, for good. no_new_privs must be set.
 *  Returns FND_OK; FND_DENIED: the kernel refused. */
enum fnd_status fnd_landlock_restrict(int abi, const struct fnd_landlock_rules *rules,
                                      struct fnd_error *error);

/** Paths that every sandboxed plugin may read and execute (libraries), and devices that it may
 *  open. NULL-ended, static. */
const char *const *fnd_landlock_libraries(void);
const char *const *fnd_landlock_devices(void);
/** Append what an ABI does and what it leaves to the call filter, in one sentence. */
void fnd_landlock_text(int abi, struct fnd_text *text);

#endif
