/* SPDX-License-Identifier: MIT */
/* How calls are made to fail, for failing.h, and the calls that every room makes. Included by the
 * one file of a library that interposes them; FAILING_SCOPE says whose calls count: _Thread_local,
 * a thread's, or nothing, the process's. */
#ifndef TEST_STORE_FAILING_CALLS_H
#define TEST_STORE_FAILING_CALLS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing.h"

static FAILING_SCOPE struct {
    bool armed;
    enum failing_how how;
    unsigned at, count;
    const char *met;
} failing;

void failing_arm(unsigned at, enum failing_how how)
{
    failing.how = how;
    failing.at = at;
    failing.count = 0;
    failing.met = NULL;
    failing.armed = true;
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
/* The same for one that a signal can cut short, or that may have to be asked again. */
#define SLOW(name, result, number, parameters, arguments)                                          \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        if (meets(#name, FAILING_ERROR)) {                                                         \
            errno = number;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        if (meets(#name, FAILING_INTERRUPT)) {                                                     \
            errno = EINTR;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        if (meets(#name, FAILING_SHORT)) {                                                         \
            errno = EAGAIN;                                                                        \
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
CALL(epoll_create1, int, -1, EMFILE, (int flags), (flags))
CALL(epoll_ctl, int, -1, ENOSPC, (int epoll, int act, int fd, struct epoll_event *event),
     (epoll, act, fd, event))
CALL(access, int, -1, EACCES, (const char *path, int mode), (path, mode))
CALL(ftruncate64, int, -1, EIO, (int fd, off_t size), (fd, size))
CALL(lseek64, off_t, -1, EIO, (int fd, off_t at, int whence), (fd, at, whence))
CALL(mkdir, int, -1, ENOSPC, (const char *path, mode_t mode), (path, mode))
CALL(mkdirat, int, -1, ENOSPC, (int at, const char *path, mode_t mode), (at, path, mode))
CALL(fchmod, int, -1, EPERM, (int fd, mode_t mode), (fd, mode))
CALL(flock, int, -1, ENOLCK, (int fd, int operation), (fd, operation)) /* not waited for */
CALL(fdopendir, DIR *, NULL, ENOMEM, (int fd), (fd))
CALL(unlinkat, int, -1, EACCES, (int at, const char *path, int flags), (at, path, flags))
SLOW(read, ssize_t, EIO, (int fd, void *to, size_t size), (fd, to, size))

#endif
