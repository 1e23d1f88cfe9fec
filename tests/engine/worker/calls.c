/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    bool armed;
    enum calls_how how;
    unsigned at, count;
    const char *met;
} calls;

void calls_arm(unsigned at, enum calls_how how)
{
    calls.how = how;
    calls.at = at;
    calls.count = 0;
    calls.met = NULL;
    calls.armed = true;
}

const char *calls_clear(void)
{
    calls.armed = false;
    return calls.met;
}

/** Whether this call fails. */
static bool meets(const char *name, enum calls_how how)
{
    if (!calls.armed || calls.how != how || ++calls.count != calls.at) {
        return false;
    }
    calls.met = name;
    return true;
}

/** A foundry-worker that is started as ".../fail-17" fails at its 17th call. */
__attribute__((constructor)) static void named(int argc, char **argv)
{
    const char *at = argc > 0 ? strstr(argv[0], "/fail-") : NULL;
    if (at != NULL) {
        calls_arm((unsigned)strtoul(at + strlen("/fail-"), NULL, 10), CALLS_ERROR);
    }
}

/* CALL(name, result, what it returns when it fails, errno then, (parameters), (arguments)) */
#define CALL(name, result, failed, number, parameters, arguments)                                  \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        if (meets(#name, CALLS_ERROR)) {                                                           \
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
        if (meets(#name, CALLS_ERROR)) {                                                           \
            errno = number;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        if (meets(#name, CALLS_INTERRUPT)) {                                                       \
            errno = EINTR;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        if (meets(#name, CALLS_SHORT)) {                                                           \
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
        if (meets(#name, CALLS_ERROR)) {                                                           \
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
CALL(poll, int, -1, ENOMEM, (struct pollfd * list, nfds_t count, int wait_ms),
     (list, count, wait_ms))
CALL(access, int, -1, EACCES, (const char *path, int mode), (path, mode))
CALL(pipe2, int, -1, EMFILE, (int fds[2], int flags), (fds, flags))
CALL(socketpair, int, -1, EMFILE, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds))
CALL(memfd_create, int, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
CALL(ftruncate64, int, -1, ENOSPC, (int fd, off_t size), (fd, size))
CALL(lseek64, off_t, -1, EIO, (int fd, off_t at, int whence), (fd, at, whence))
CALL(mmap64, void *, MAP_FAILED, ENOMEM,
     (void *at, size_t size, int kind, int flags, int fd, off_t offset),
     (at, size, kind, flags, fd, offset))
CALL(posix_spawn, int, EAGAIN, EAGAIN,
     (pid_t * pid, const char *program, const posix_spawn_file_actions_t *actions,
      const posix_spawnattr_t *attributes, char *const argv[], char *const environment[]),
     (pid, program, actions, attributes, argv, environment))
CALL(posix_spawn_file_actions_init, int, ENOMEM, ENOMEM, (posix_spawn_file_actions_t * actions),
     (actions))
CALL(posix_spawn_file_actions_adddup2, int, ENOMEM, ENOMEM,
     (posix_spawn_file_actions_t * actions, int from, int to), (actions, from, to))
CALL(posix_spawnattr_init, int, ENOMEM, ENOMEM, (posix_spawnattr_t * attributes), (attributes))
CALL(posix_spawnattr_setflags, int, ENOMEM, ENOMEM, (posix_spawnattr_t * attributes, short flags),
     (attributes, flags))
CALL(mkdir, int, -1, ENOSPC, (const char *path, mode_t mode), (path, mode))
CALL(mkdirat, int, -1, ENOSPC, (int at, const char *path, mode_t mode), (at, path, mode))
CALL(mkdtemp, char *, NULL, ENOSPC, (char *path), (path))
CALL(lchown, int, -1, EPERM, (const char *path, uid_t user, gid_t group), (path, user, group))
CALL(fchmod, int, -1, EPERM, (int fd, mode_t mode), (fd, mode))
CALL(flock, int, -1, ENOLCK, (int fd, int operation), (fd, operation))
CALL(opendir, DIR *, NULL, EMFILE, (const char *path), (path))
CALL(fdopendir, DIR *, NULL, ENOMEM, (int fd), (fd))
CALL(unlinkat, int, -1, EACCES, (int at, const char *path, int flags), (at, path, flags))
CALL(chdir, int, -1, EACCES, (const char *path), (path))
CALL(setgroups, int, -1, EPERM, (size_t count, const gid_t *groups), (count, groups))
CALL(setresgid, int, -1, EPERM, (gid_t real, gid_t effective, gid_t saved),
     (real, effective, saved))
CALL(setresuid, int, -1, EAGAIN, (uid_t real, uid_t effective, uid_t saved),
     (real, effective, saved))
CALL(setrlimit64, int, -1, EPERM, (int resource, const struct rlimit *limit), (resource, limit))
CALL(getrlimit64, int, -1, EINVAL, (int resource, struct rlimit *limit), (resource, limit))
CALL(sendfile64, ssize_t, -1, EIO, (int to, int from, off_t *at, size_t size), (to, from, at, size))
CALL(dup2, int, -1, EBUSY, (int from, int to), (from, to))
SLOW(read, ssize_t, EIO, (int fd, void *to, size_t size), (fd, to, size))
SLOW(recvmsg, ssize_t, ENOMEM, (int fd, struct msghdr *message, int flags), (fd, message, flags))
SLOW(sendmsg, ssize_t, ENOBUFS, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))

/* Never but for a signal. */
pid_t __real_wait4(pid_t, int *, int, struct rusage *);
pid_t __wrap_wait4(pid_t, int *, int, struct rusage *);
pid_t __wrap_wait4(pid_t pid, int *status, int flags, struct rusage *usage)
{
    if (meets("wait4", CALLS_INTERRUPT)) {
        errno = EINTR;
        return -1;
    }
    return __real_wait4(pid, status, flags, usage);
}

/* What is behind `...` is one word for all that the room asks of these. */
int __real_fcntl64(int, int, ...);
int __wrap_fcntl64(int, int, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    const long argument = va_arg(more, long);
    va_end(more);
    /* What has seals tells of them. */
    if (command != F_GET_SEALS && meets("fcntl64", CALLS_ERROR)) {
        errno = command == F_DUPFD_CLOEXEC ? EMFILE : EINVAL;
        return -1;
    }
    return __real_fcntl64(fd, command, argument);
}

int __real_prctl(int, ...);
int __wrap_prctl(int, ...);
int __wrap_prctl(int act, ...)
{
    va_list more;
    va_start(more, act);
    const unsigned long argument = va_arg(more, unsigned long);
    va_end(more);
    if (meets("prctl", CALLS_ERROR)) {
        errno = EINVAL;
        return -1;
    }
    return __real_prctl(act, argument, 0, 0, 0);
}

/* pidfds, Landlock, seccomp, capabilities. */
long __real_syscall(long, ...);
long __wrap_syscall(long, ...);
long __wrap_syscall(long number, ...)
{
    long arguments[4];
    va_list more;
    va_start(more, number);
    for (int i = 0; i < 4; i++) {
        arguments[i] = va_arg(more, long);
    }
    va_end(more);
    if (meets("syscall", CALLS_ERROR)) {
        errno = number == SYS_pidfd_open ? EMFILE : EOPNOTSUPP;
        return -1;
    }
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3]);
}
