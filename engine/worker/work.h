/* SPDX-License-Identifier: MIT */
/* Folders of workers, on the engine's side: a private one for each, and the one a phase was
 * granted.
 */
#ifndef FND_WORKER_WORK_H
#define FND_WORKER_WORK_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "worker/pool.h"

/** Private folders, below one folder of this process in $TMPDIR or /tmp. Those of engines that were
 *  killed are removed when the next one makes its own: a lock tells who lives. */
struct fnd_work;
/** FND_IO: no folder can be made there. */
enum fnd_status fnd_work_create(struct fnd_work **work, struct fnd_error *error);
/** Removes what is left. NULL is fine. */
void fnd_work_destroy(struct fnd_work *work);
/** Make an empty folder that belongs to this user; its path is malloc'ed. */
enum fnd_status fnd_work_folder(struct fnd_work *work, uid_t uid, gid_t gid, char **path,
                                struct fnd_error *error);
/** Remove a folder with what is in it; no link is followed. Frees path; NULL is fine. */
void fnd_work_remove(char *path);

/** Open the folder that a callee was granted, and make what is missing of it behind the job
 *  directory, for the owner of the folder above. Links are not followed there: inputs come from
 *  anywhere, and a link `out` among them must not open another folder.
 *  fd    receives a descriptor that only names the folder (O_PATH).
 *  stat  receives what it is.
 *  Returns FND_OK; FND_IO: it cannot be made or opened. */
enum fnd_status fnd_grant_open(const struct fnd_callee *callee, int *fd, struct stat *stat,
                               struct fnd_error *error);

#endif
