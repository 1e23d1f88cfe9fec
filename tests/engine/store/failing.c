/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "failing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static _Thread_local struct {
    bool armed;
    enum failing_how how;
    unsigned at, count;
    const char *met;
} failing;

void failing_place(void)
{
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 0);
    }
}

void failing_arm(unsigned at, enum failing_how how)
{
    failing.armed = true;
    failing.how = how;
    failing.at = at;
    failing.count = 0;
    failing.met = NULL;
}

const char *failing_clear(void)
{
    failing.armed = false;
    return failing.met;
}

/** Whether this call fails. */
static bool meets(const char *name, enum failing_how how)
{
    if (!failing.armed || failing.how != how || ++failing.count != failing.at) {
        return false;
    }
    failing.met = name;
    return true;
}

/* CALL(name, result, what it returns when it fails, errno then, (parameters), (arguments)) */
#define CALL(name, result, failed, number, parameters, arguments)                                  \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        if (meets(#name, FAILING_ERROR)) {                                                         \
            errno = number;                                                                        \
            return failed;                                                                         \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }
/* The same for a call that a signal can cut short. */
#define SLOW(name, result, number, parameters, arguments)                                          \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        const bool error = meets(#name, FAILING_ERROR);                                            \
        if (error || meets(#name, FAILING_INTERRUPT)) {                                            \
            errno = error ? number : EINTR;                                                        \
            return -1;                                                                             \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }
#define OPEN(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;                     \
        va_end(more);                                                                              \
        if (meets(#name, FAILING_ERROR)) {                                                         \
            errno = EMFILE;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }

OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
CALL(fstat64, int, -1, EIO, (int fd, struct stat *about), (fd, about))
CALL(fstatat64, int, -1, EACCES, (int at, const char *path, struct stat *about, int flags),
     (at, path, about, flags))
CALL(fstatfs64, int, -1, EIO, (int fd, struct statfs *about), (fd, about))
CALL(access, int, -1, EACCES, (const char *path, int mode), (path, mode))
CALL(epoll_create1, int, -1, EMFILE, (int flags), (flags))
CALL(epoll_ctl, int, -1, ENOSPC, (int epoll, int act, int fd, struct epoll_event *event),
     (epoll, act, fd, event))
CALL(eventfd, int, -1, EMFILE, (unsigned count, int flags), (count, flags))
CALL(fchmod, int, -1, EPERM, (int fd, mode_t mode), (fd, mode))
CALL(fsync, int, -1, EIO, (int fd), (fd))
CALL(fdatasync, int, -1, EIO, (int fd), (fd))
CALL(ftruncate64, int, -1, EIO, (int fd, off_t size), (fd, size))
CALL(lseek64, off_t, -1, EIO, (int fd, off_t at, int whence), (fd, at, whence))
CALL(mkdir, int, -1, ENOSPC, (const char *path, mode_t mode), (path, mode))
CALL(mkdirat, int, -1, ENOSPC, (int at, const char *path, mode_t mode), (at, path, mode))
CALL(renameat, int, -1, EIO, (int at, const char *from, int to_at, const char *to),
     (at, from, to_at, to))
CALL(renameat2, int, -1, EIO, (int at, const char *from, int to_at, const char *to, unsigned flags),
     (at, from, to_at, to, flags))
CALL(unlinkat, int, -1, EACCES, (int at, const char *path, int flags), (at, path, flags))
CALL(fdopendir, DIR *, NULL, ENOMEM, (int fd), (fd))
CALL(pthread_create, int, EAGAIN, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*begin)(void *), void *context),
     (thread, attributes, begin, context))
SLOW(read, ssize_t, EIO, (int fd, void *to, size_t size), (fd, to, size))
SLOW(pread64, ssize_t, EIO, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))

/* Eight bytes are an eventfd's, which is always written. */
ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
ssize_t __wrap_write(int fd, const void *from, size_t size)
{
    const bool error = size != sizeof(uint64_t) && meets("write", FAILING_ERROR);
    if (error || (size != sizeof(uint64_t) && meets("write", FAILING_INTERRUPT))) {
        errno = error ? ENOSPC : EINTR;
        return -1;
    }
    return __real_write(fd, from, size);
}
SLOW(pwrite64, ssize_t, EIO, (int fd, const void *from, size_t size, off_t at),
     (fd, from, size, at))
CALL(flock, int, -1, ENOLCK, (int fd, int operation), (fd, operation)) /* not waited for */

/* SQLite's. A statement whose step failed is reset as ever. */
CALL(sqlite3_step, int, SQLITE_IOERR, EIO, (sqlite3_stmt * statement), (statement))
CALL(sqlite3_exec, int, SQLITE_IOERR, EIO,
     (sqlite3 * handle, const char *sql, int (*row)(void *, int, char **, char **), void *context,
      char **message),
     (handle, sql, row, context, message))
CALL(sqlite3_busy_timeout, int, SQLITE_MISUSE, 0, (sqlite3 * handle, int wait_ms),
     (handle, wait_ms))
CALL(sqlite3_vfs_find, sqlite3_vfs *, NULL, 0, (const char *name), (name))
CALL(sqlite3_vfs_register, int, SQLITE_NOMEM, 0, (sqlite3_vfs * vfs, int first), (vfs, first))
CALL(sqlite3_backup_init, sqlite3_backup *, NULL, 0,
     (sqlite3 * to, const char *to_name, sqlite3 *from, const char *from_name),
     (to, to_name, from, from_name))
CALL(sqlite3_backup_step, int, SQLITE_IOERR, EIO, (sqlite3_backup * backup, int pages),
     (backup, pages))

int __real_sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int __wrap_sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int __wrap_sqlite3_open_v2(const char *name, sqlite3 **handle, int flags, const char *vfs)
{
    if (meets("sqlite3_open_v2", FAILING_ERROR)) {
        *handle = NULL;
        return SQLITE_NOMEM;
    }
    return __real_sqlite3_open_v2(name, handle, flags, vfs);
}

#define PREPARE(name, parameters, arguments)                                                       \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        if (meets(#name, FAILING_ERROR)) {                                                         \
            *made = NULL;                                                                          \
            return SQLITE_IOERR;                                                                   \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }
PREPARE(sqlite3_prepare_v2,
        (sqlite3 * handle, const char *sql, int size, sqlite3_stmt **made, const char **tail),
        (handle, sql, size, made, tail))
PREPARE(sqlite3_prepare_v3,
        (sqlite3 * handle, const char *sql, int size, unsigned flags, sqlite3_stmt **made,
         const char **tail),
        (handle, sql, size, flags, made, tail))
