/* SPDX-License-Identifier: MIT */
/* Any call of the C library that can fail, failing. Told what to do as iofault.c is (iofault.h: the
 * trace's `kinds` are places in `called` below), but for all calls of the process, whatever they
 * are about: descriptors run out, memory cannot be mapped, a signal comes in between.
 *
 * It is preloaded into an engine. A worker has an empty environment: there it is linked in, and
 * told by the name the worker is started by, FOLDER/worker.N, with the trace at
 * FOLDER/worker-trace; the call that fails is the n-th of the first worker that gets so far. */
#define _GNU_SOURCE      /* RTLD_NEXT */
#undef _FILE_OFFSET_BITS /* openat and openat64 are two names here */
#include "../io/iofault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { NAME_SIZE = 4096 };

/* A library between a program and its system has nowhere else to keep what it was told. */
static struct {
    uint32_t at; /* 0: only count */
    bool crash;  /* what a bad program would do */
    bool each;   /* counted in each process, and only the first to get there fails */
    uint32_t calls;
    struct iofault_trace *trace;
} injector;

static void trace_map(const char *path)
{
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const long page =
        syscall(SYS_mmap, NULL, sizeof *injector.trace, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (page > 0 || page < -4095) {
        injector.trace = (void *)page; /* last: from now on we count */
    }
}

/** FOLDER/worker.N → the trace beside it. */
static void begin_worker(void)
{
    char name[NAME_SIZE];
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const long size = syscall(SYS_read, fd, name, sizeof name - 16);
    (void)syscall(SYS_close, fd);
    if (size <= 0) {
        return;
    }
    name[size] = '\0'; /* the first argument ends before */
    char *last = strrchr(name, '/');
    if (last == NULL || strncmp(last, "/worker.", sizeof "/worker." - 1) != 0) {
        return;
    }
    injector.at = (uint32_t)strtoul(last + sizeof "/worker." - 1, NULL, 10);
    injector.each = true;
    memcpy(last, "/worker-trace", sizeof "/worker-trace");
    trace_map(name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("FOUNDRY_IOFAULT");
    const char *trace = getenv("FOUNDRY_IOFAULT_TRACE");
    if (trace == NULL) {
        begin_worker();
        return;
    }
    if (fault != NULL && strncmp(fault, "eio:", 4) == 0) {
        injector.at = (uint32_t)strtoul(fault + 4, NULL, 10);
    }
    if (fault != NULL && strncmp(fault, "segv:", 5) == 0) {
        injector.at = (uint32_t)strtoul(fault + 5, NULL, 10);
        injector.crash = true;
    }
    trace_map(trace);
    if (injector.trace != NULL) {
        __atomic_fetch_add(&injector.trace->loaded, 1, __ATOMIC_SEQ_CST);
    }
}

/** Count a call; true when this is the one that fails. */
static bool hit(uint8_t which, const char *name)
{
    struct iofault_trace *trace = injector.trace;
    if (trace == NULL) {
        return false;
    }
    const uint32_t all = __atomic_add_fetch(&trace->calls, 1, __ATOMIC_SEQ_CST);
    const uint32_t call =
        injector.each ? __atomic_add_fetch(&injector.calls, 1, __ATOMIC_SEQ_CST) : all;
    if (call <= IOFAULT_CALLS_MAX) {
        trace->kinds[call - 1] = which;
    }
    if (call != injector.at || __atomic_fetch_add(&trace->fired, 1, __ATOMIC_SEQ_CST) != 0) {
        return false;
    }
    if (injector.crash) {
        (void)raise(SIGSEGV);
    }
    trace->first = call;
    strncpy(trace->what, name, sizeof trace->what - 1);
    return true;
}

/* The next definition of a name, behind ours: the library's. */
#define NEXT(name)                                                                                 \
    __typeof__(name) *library;                                                                     \
    *(void **)&library = dlsym(RTLD_NEXT, #name)

/* CALL(number, result, what it returns when it fails, errno, name, (parameters), (arguments)) */
#define CALL(which, result, failed, number, name, parameters, arguments)                           \
    EXPORT result name parameters                                                                  \
    {                                                                                              \
        if (hit(which, #name)) {                                                                   \
            errno = number;                                                                        \
            return failed;                                                                         \
        }                                                                                          \
        NEXT(name);                                                                                \
        return library arguments;                                                                  \
    }
#define OPEN(which, name, parameters, arguments)                                                   \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;                     \
        va_end(more);                                                                              \
        if (hit(which, #name)) {                                                                   \
            errno = EMFILE;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        NEXT(name);                                                                                \
        return library arguments;                                                                  \
    }

OPEN(1, open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(1, open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(2, openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(2, openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
CALL(3, int, -1, EIO, fstat, (int fd, struct stat *about), (fd, about))
CALL(3, int, -1, EIO, fstat64, (int fd, struct stat64 *about), (fd, about))
CALL(4, int, -1, EACCES, stat, (const char *path, struct stat *about), (path, about))
CALL(4, int, -1, EACCES, stat64, (const char *path, struct stat64 *about), (path, about))
CALL(4, int, -1, EACCES, lstat64, (const char *path, struct stat64 *about), (path, about))
CALL(4, int, -1, EACCES, fstatat64, (int at, const char *path, struct stat64 *about, int flags),
     (at, path, about, flags))
CALL(5, ssize_t, -1, EIO, pread64, (int fd, void *to, size_t size, off64_t at), (fd, to, size, at))
CALL(6, void *, MAP_FAILED, ENOMEM, mmap,
     (void *at, size_t size, int protection, int flags, int fd, off_t from),
     (at, size, protection, flags, fd, from))
CALL(6, void *, MAP_FAILED, ENOMEM, mmap64,
     (void *at, size_t size, int protection, int flags, int fd, off64_t from),
     (at, size, protection, flags, fd, from))
CALL(7, int, -1, EMFILE, pipe2, (int fds[2], int flags), (fds, flags))
CALL(8, int, -1, EMFILE, socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds))
CALL(9, int, -1, EMFILE, socket, (int domain, int type, int protocol), (domain, type, protocol))
CALL(10, int, -1, EADDRINUSE, bind, (int fd, __CONST_SOCKADDR_ARG to, socklen_t size),
     (fd, to, size))
CALL(11, int, -1, ECONNREFUSED, connect, (int fd, __CONST_SOCKADDR_ARG to, socklen_t size),
     (fd, to, size))
CALL(12, int, -1, EADDRINUSE, listen, (int fd, int waiting), (fd, waiting))
CALL(13, int, -1, EMFILE, accept4, (int fd, __SOCKADDR_ARG from, socklen_t *size, int flags),
     (fd, from, size, flags))
CALL(14, int, -1, ENOMEM, epoll_ctl, (int fd, int act, int of, struct epoll_event *event),
     (fd, act, of, event))
CALL(15, int, -1, EMFILE, epoll_create1, (int flags), (flags))
CALL(16, int, -1, EINTR, epoll_wait, (int fd, struct epoll_event *events, int room, int wait_ms),
     (fd, events, room, wait_ms))
CALL(17, int, -1, EINTR, poll, (struct pollfd * fds, nfds_t count, int wait_ms),
     (fds, count, wait_ms))
CALL(18, int, -1, EMFILE, eventfd, (unsigned count, int flags), (count, flags))
CALL(19, int, -1, EMFILE, memfd_create, (const char *name, unsigned flags), (name, flags))
CALL(20, int, EAGAIN, EAGAIN, posix_spawn,
     (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
      const posix_spawnattr_t *attributes, char *const argv[], char *const environment[]),
     (pid, path, actions, attributes, argv, environment))
CALL(21, ssize_t, -1, EINTR, sendmsg, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
CALL(22, ssize_t, -1, EINTR, recvmsg, (int fd, struct msghdr *message, int flags),
     (fd, message, flags))
CALL(23, ssize_t, -1, EINTR, send, (int fd, const void *from, size_t size, int flags),
     (fd, from, size, flags))
CALL(24, ssize_t, -1, EINTR, recv, (int fd, void *to, size_t size, int flags),
     (fd, to, size, flags))
CALL(25, int, -1, EINTR, waitid, (idtype_t type, id_t id, siginfo_t *about, int options),
     (type, id, about, options))
CALL(26, int, -1, EPERM, setrlimit, (__rlimit_resource_t which, const struct rlimit *limit),
     (which, limit))
CALL(26, int, -1, EPERM, setrlimit64, (__rlimit_resource_t which, const struct rlimit64 *limit),
     (which, limit))
CALL(27, int, -1, EMFILE, dup2, (int from, int to), (from, to))
CALL(28, int, EAGAIN, EAGAIN, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*begin_at)(void *),
      void *context),
     (thread, attributes, begin_at, context))
CALL(29, int, -1, EINTR, flock, (int fd, int operation), (fd, operation))
CALL(30, DIR *, NULL, EMFILE, opendir, (const char *path), (path))
CALL(30, DIR *, NULL, ENOMEM, fdopendir, (int fd), (fd))
CALL(31, char *, NULL, EACCES, getcwd, (char *to, size_t size), (to, size))
CALL(32, int, -1, EPERM, setresuid, (uid_t real, uid_t effective, uid_t saved),
     (real, effective, saved))
CALL(32, int, -1, EPERM, setresgid, (gid_t real, gid_t effective, gid_t saved),
     (real, effective, saved))
CALL(33, int, -1, EACCES, fchdir, (int fd), (fd))
CALL(34, int, -1, EACCES, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(34, int, -1, EPERM, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))

/* Landlock, pidfd, close_range and seccomp have no names of their own everywhere. */
EXPORT long syscall(long number, ...)
{
    va_list more;
    va_start(more, number);
    const long a = va_arg(more, long), b = va_arg(more, long), c = va_arg(more, long),
               d = va_arg(more, long), e = va_arg(more, long), f = va_arg(more, long);
    va_end(more);
    if (number != SYS_futex && number != SYS_mmap && number != SYS_close && number != SYS_read &&
        number != SYS_openat && hit(35, "syscall")) {
        errno = number == SYS_pidfd_open ? EMFILE : EPERM;
        return -1;
    }
    NEXT(syscall);
    return library(number, a, b, c, d, e, f);
}

EXPORT int prctl(int option, ...)
{
    va_list more;
    va_start(more, option);
    const unsigned long a = va_arg(more, unsigned long), b = va_arg(more, unsigned long),
                        c = va_arg(more, unsigned long), d = va_arg(more, unsigned long);
    va_end(more);
    if (hit(36, "prctl")) {
        errno = EPERM;
        return -1;
    }
    NEXT(prctl);
    return library(option, a, b, c, d);
}

EXPORT int fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (hit(37, "fcntl")) {
        errno = command == F_DUPFD || command == F_DUPFD_CLOEXEC ? EMFILE : ENOLCK;
        return -1;
    }
    NEXT(fcntl64);
    return library(fd, command, argument);
}

/* Where a lock is refused, SQLite tries for ten seconds of sleep, which it counts by what it asked
 * for and not by a clock: in a hundredth of the time it does all that it would do. Nothing else in
 * an engine sleeps by this call. */
EXPORT int usleep(useconds_t us)
{
    const struct timespec rest = {.tv_nsec = (long)us * (injector.trace != NULL ? 10 : 1000)};
    return nanosleep(&rest, NULL);
}
