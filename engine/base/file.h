/* SPDX-License-Identifier: MIT */
/* Small helpers over the system's file calls, for the rooms that may touch files. */
#ifndef FND_BASE_FILE_H
#define FND_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/** Append a whole regular file to `text`. `directory` is a descriptor or AT_FDCWD.
 *  Returns FND_OK; FND_NOT_FOUND; FND_LIMIT over size_max; FND_DENIED; FND_INVALID if it is no
 *          regular file (a folder, a pipe: never waited for); FND_IO (errno named). On failure
 *          `text` is as it was.  Thread: any. */
enum fnd_status fnd_file_read(int directory, const char *path, size_t size_max,
                              struct fnd_text *text, struct fnd_error *error);

/** The same of a file below `folder` and nowhere else, for names that others chose: `..` and
 * symbolic links are followed as far as they stay in it, an absolute path never. Returns as
 * fnd_file_read(); FND_DENIED, code "outside", for one that leads out. */
enum fnd_status fnd_file_read_below(int folder, const char *path, size_t size_max,
                                    struct fnd_text *text, struct fnd_error *error);
/** Open such a file, or with O_DIRECTORY such a folder, to be read.
 *  Returns a descriptor, close-on-exec, which waits for no pipe; -1: errno, EXDEV for one that
 * leads out, ENOSYS on a kernel before 5.6.  Thread: any.  Source: openat2(2), RESOLVE_BENEATH. */
int fnd_file_open_below(int folder, const char *path, int flags);

/** Write a file so that after a crash either the old or the new content is there, whole: temporary
 *  file beside it (.foundry-PID-N.tmp), fsync, rename, fsync of the folder. A link at `path` is
 *  replaced, not followed.  mode: permissions, before umask.
 *  Returns FND_OK; FND_FULL; FND_NOT_FOUND if its folder is missing; FND_DENIED; FND_IO.
 *  Thread: any. */
enum fnd_status fnd_file_write(int directory, const char *path, const void *bytes, size_t size,
                               unsigned mode, struct fnd_error *error);

/** write() until all is written. 0 or an errno value. */
int fnd_write_all(int fd, const void *bytes, size_t size);

/** FND_FULL for ENOSPC, EDQUOT, EFBIG; FND_NOT_FOUND for ENOENT; FND_DENIED for EACCES, EPERM,
 *  EROFS; else FND_IO. */
enum fnd_status fnd_status_errno(int errno_value);

#endif
