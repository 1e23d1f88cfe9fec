/* SPDX-License-Identifier: MIT */
/* Preloaded into the engine: appends what it does to files below POWER_ROOT to the file POWER_TRACE
 * (trace.h). Each call and its record are made under one lock, so the trace has the order of the
 * calls. The calls go to the kernel directly: no other wrapper is asked. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trace.h"

#define EXPORT __attribute__((visibility("default")))
enum { FILES_MAX = 1024, NAME_SIZE = 4096, FOLDER_SIZE = 256 };

static struct {
    pthread_mutex_t lock;
    int trace;
    char root[NAME_SIZE];
    size_t root_size;
    struct {
        bool file, folder;
        uint64_t inode;
        char name[FOLDER_SIZE]; /* of a folder */
    } files[FILES_MAX];
} tracer = {.lock = PTHREAD_MUTEX_INITIALIZER, .trace = -1};

static void give_up(const char *what)
{
    dprintf(STDERR_FILENO, "tracer: %s: %s\n", what, strerror(errno));
    _exit(99);
}

__attribute__((constructor)) static void begin(void)
{
    const char *trace = getenv("POWER_TRACE");
    const char *root = getenv("POWER_ROOT");
    if (trace == NULL || root == NULL || realpath(root, tracer.root) == NULL) {
        return;
    }
    tracer.root_size = strlen(tracer.root);
    tracer.trace =
        (int)syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (tracer.trace < 0) {
        give_up(trace);
    }
}

static void record(enum trace_kind kind, uint64_t file, uint64_t at, const char *name,
                   size_t name_size, const void *bytes, size_t size)
{
    struct trace_head head = {kind, (uint32_t)name_size, file, at, size};
    struct iovec parts[] = {{&head, sizeof head},
                            {(void *)(uintptr_t)name, name_size},
                            {(void *)(uintptr_t)bytes, size}};
    size_t whole = sizeof head + name_size + size;
    if (syscall(SYS_writev, tracer.trace, parts, 3) != (long)whole) {
        give_up("cannot record");
    }
}

static void lock(void)
{
    pthread_mutex_lock(&tracer.lock);
}

/* Keeps errno: what the call left there is the caller's. */
static void unlock(void)
{
    const int kept = errno;
    pthread_mutex_unlock(&tracer.lock);
    errno = kept;
}

/* The name below the root of what a descriptor is open on; false: elsewhere. */
static bool name_of(int fd, char name[NAME_SIZE])
{
    char link[64], path[NAME_SIZE];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (tracer.trace < 0 || size < (ssize_t)tracer.root_size ||
        memcmp(path, tracer.root, tracer.root_size) != 0) {
        return false;
    }
    path[size] = '\0';
    const char *rest = path + tracer.root_size;
    if (rest[0] != '/' && rest[0] != '\0') {
        return false;
    }
    snprintf(name, NAME_SIZE, "%s", rest[0] == '/' ? rest + 1 : rest);
    return true;
}

/* The same of a name that need not be there, by its folder. */
static bool name_at(int folder, const char *path, char name[NAME_SIZE])
{
    char parent[NAME_SIZE], below[NAME_SIZE];
    const char *slash = strrchr(path, '/');
    snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
             slash == NULL ? "." : path);
    int fd = (int)syscall(SYS_openat, folder, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    bool inside = fd >= 0 && name_of(fd, below);
    if (fd >= 0) {
        syscall(SYS_close, fd);
    }
    if (inside) {
        const int size = snprintf(name, NAME_SIZE, "%s%s%s", below, below[0] != '\0' ? "/" : "",
                                  slash == NULL ? path : slash + 1);
        inside = size < NAME_SIZE;
    }
    return inside;
}

/* SQLite's shared memory means nothing after a start; the socket is no file of the record. */
static bool is_kept(const char *name)
{
    const size_t size = strlen(name);
    return size < 4 || strcmp(name + size - 4, "-shm") != 0;
}

static int traced_open(int folder, const char *path, int flags, mode_t mode)
{
    struct stat about;
    char name[NAME_SIZE];
    lock();
    const bool there = fstatat(folder, path, &about, 0) == 0;
    const int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    const int kept = errno;
    if (fd >= 0 && fd < FILES_MAX && fstat(fd, &about) == 0 && name_of(fd, name) && is_kept(name)) {
        tracer.files[fd].file = S_ISREG(about.st_mode);
        tracer.files[fd].folder = S_ISDIR(about.st_mode);
        tracer.files[fd].inode = about.st_ino;
        if (S_ISDIR(about.st_mode)) {
            snprintf(tracer.files[fd].name, FOLDER_SIZE, "%.*s", FOLDER_SIZE - 1, name);
        } else if (!there && (flags & O_CREAT) != 0) {
            record(TRACE_CREATE, about.st_ino, 0, name, strlen(name), NULL, 0);
        } else if ((flags & O_TRUNC) != 0) {
            record(TRACE_TRUNCATE, about.st_ino, 0, NULL, 0, NULL, 0);
        }
    }
    errno = kept;
    unlock();
    return fd;
}

#define MODE(flags, mode)                                                                          \
    mode_t mode = 0;                                                                               \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                  \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode = va_arg(arguments, mode_t);                                                          \
        va_end(arguments);                                                                         \
    }

EXPORT int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return traced_open(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return traced_open(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return traced_open(folder, path, flags, mode);
}

EXPORT int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return traced_open(folder, path, flags, mode);
}

EXPORT int close(int fd)
{
    lock();
    if (fd >= 0 && fd < FILES_MAX) {
        tracer.files[fd].file = tracer.files[fd].folder = false;
    }
    const int rc = (int)syscall(SYS_close, fd);
    unlock();
    return rc;
}

/* What fclose() and closedir() close is not seen here: the number may stand for something else. */
static bool is_still(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && about.st_ino == tracer.files[fd].inode;
}

static bool is_file(int fd)
{
    return fd >= 0 && fd < FILES_MAX && tracer.files[fd].file && is_still(fd);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    lock();
    if (fd == STDOUT_FILENO && tracer.trace >= 0) {
        record(TRACE_SAID, 0, 0, NULL, 0, bytes, size);
    }
    const ssize_t done = syscall(SYS_write, fd, bytes, size);
    if (done > 0 && is_file(fd)) {
        const off_t end = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
        record(TRACE_WRITE, tracer.files[fd].inode, (uint64_t)(end - done), NULL, 0, bytes,
               (size_t)done);
    }
    unlock();
    return done;
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    lock();
    const ssize_t done = syscall(SYS_pwrite64, fd, bytes, size, at);
    if (done > 0 && is_file(fd)) {
        record(TRACE_WRITE, tracer.files[fd].inode, (uint64_t)at, NULL, 0, bytes, (size_t)done);
    }
    unlock();
    return done;
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    lock();
    const int rc = (int)syscall(SYS_ftruncate, fd, size);
    if (rc == 0 && is_file(fd)) {
        record(TRACE_TRUNCATE, tracer.files[fd].inode, (uint64_t)size, NULL, 0, NULL, 0);
    }
    unlock();
    return rc;
}

EXPORT int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

static int traced_sync(int fd, long call)
{
    lock();
    const int rc = (int)syscall(call, fd);
    if (rc == 0 && is_file(fd)) {
        record(TRACE_SYNC, tracer.files[fd].inode, 0, NULL, 0, NULL, 0);
    } else if (rc == 0 && fd >= 0 && fd < FILES_MAX && tracer.files[fd].folder && is_still(fd)) {
        const char *name = tracer.files[fd].name;
        record(TRACE_SYNC_FOLDER, 0, 0, name, strlen(name), NULL, 0);
    }
    unlock();
    return rc;
}

EXPORT int fsync(int fd)
{
    return traced_sync(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return traced_sync(fd, SYS_fdatasync);
}

EXPORT int renameat(int from, const char *old, int to, const char *new)
{
    char names[2 * NAME_SIZE];
    lock();
    bool inside = name_at(from, old, names);
    const size_t size = inside ? strlen(names) + 1 : 0;
    inside = inside && name_at(to, new, names + size);
    const int rc = (int)syscall(SYS_renameat2, from, old, to, new, 0);
    if (rc == 0 && inside) {
        record(TRACE_RENAME, 0, 0, names, size + strlen(names + size), NULL, 0);
    }
    unlock();
    return rc;
}

EXPORT int rename(const char *old, const char *new)
{
    return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

EXPORT int unlinkat(int folder, const char *path, int flags)
{
    char name[NAME_SIZE];
    lock();
    const bool inside = name_at(folder, path, name) && is_kept(name);
    const int rc = (int)syscall(SYS_unlinkat, folder, path, flags);
    if (rc == 0 && inside) {
        record(TRACE_UNLINK, 0, 0, name, strlen(name), NULL, 0);
    }
    unlock();
    return rc;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int mkdirat(int folder, const char *path, mode_t mode)
{
    char name[NAME_SIZE];
    lock();
    const int rc = (int)syscall(SYS_mkdirat, folder, path, mode);
    if (rc == 0 && name_at(folder, path, name)) {
        record(TRACE_FOLDER, 0, 0, name, strlen(name), NULL, 0);
    }
    unlock();
    return rc;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
