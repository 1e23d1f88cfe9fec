/* SPDX-License-Identifier: MIT */
/* Calls of the system that fail when told, by the code that is linked with `worker_wraps` (ld
 * --wrap, see meson.build): in a test, and in a foundry-worker whose own calls fail. */
#define _GNU_SOURCE
#define FAILING_SCOPE
#include "../store/failing_calls.h"

#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/** A foundry-worker that is started as ".../fail-17" fails at its 17th call. */
__attribute__((constructor)) static void named(int argc, char **argv)
{
    const char *at = argc > 0 ? strstr(argv[0], "/fail-") : NULL;
    if (at != NULL) {
        failing_arm((unsigned)strtoul(at + strlen("/fail-"), NULL, 10), FAILING_ERROR);
    }
}

CALL(poll, int, -1, ENOMEM, (struct pollfd * list, nfds_t count, int wait_ms),
     (list, count, wait_ms))
CALL(pipe2, int, -1, EMFILE, (int fds[2], int flags), (fds, flags))
CALL(socketpair, int, -1, EMFILE, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds))
CALL(memfd_create, int, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
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
CALL(mkdtemp, char *, NULL, ENOSPC, (char *path), (path))
CALL(lchown, int, -1, EPERM, (const char *path, uid_t user, gid_t group), (path, user, group))
CALL(opendir, DIR *, NULL, EMFILE, (const char *path), (path))
CALL(chdir, int, -1, EACCES, (const char *path), (path))
CALL(setgroups, int, -1, EPERM, (size_t count, const gid_t *groups), (count, groups))
CALL(setresgid, int, -1, EPERM, (gid_t real, gid_t effective, gid_t saved),
     (real, effective, saved))
CALL(setresuid, int, -1, EAGAIN, (uid_t real, uid_t effective, uid_t saved),
     (real, effective, saved))
CALL(setrlimit64, int, -1, EPERM, (int resource, const struct rlimit *limit), (resource, limit))
CALL(getrlimit64, int, -1, EINVAL, (int resource, struct rlimit *limit), (resource, limit))
CALL(sendfile64, ssize_t, -1, EIO, (int to, int from, off_t *at, size_t size), (to, from, at, size))
CALL(fchdir, int, -1, EACCES, (int folder), (folder))
CALL(close_range, int, -1, EMFILE, (unsigned first, unsigned last, int flags), (first, last, flags))
CALL(signalfd, int, -1, EMFILE, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(fork, pid_t, -1, EAGAIN, (void), ())
CALL(dup2, int, -1, EBUSY, (int from, int to), (from, to))
SLOW(recvmsg, ssize_t, ENOMEM, (int fd, struct msghdr *message, int flags), (fd, message, flags))
SLOW(sendmsg, ssize_t, ENOBUFS, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))

/* Never but for a signal. */
pid_t __real_wait4(pid_t, int *, int, struct rusage *);
pid_t __wrap_wait4(pid_t, int *, int, struct rusage *);
pid_t __wrap_wait4(pid_t pid, int *status, int flags, struct rusage *usage)
{
    if (meets("wait4", FAILING_INTERRUPT)) {
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
    if (command != F_GET_SEALS && meets("fcntl64", FAILING_ERROR)) {
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
    if (meets("prctl", FAILING_ERROR)) {
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
    if (meets("syscall", FAILING_ERROR)) {
        errno = number == SYS_pidfd_open ? EMFILE : EOPNOTSUPP;
        return -1;
    }
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3]);
}
