/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#define FAILING_SCOPE _Thread_local
#include "failing_calls.h"

#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/vfs.h>

void failing_place(void)
{
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 0);
    }
}

CALL(fstatfs64, int, -1, EIO, (int fd, struct statfs *about), (fd, about))
CALL(eventfd, int, -1, EMFILE, (unsigned count, int flags), (count, flags))
CALL(fsync, int, -1, EIO, (int fd), (fd))
CALL(fdatasync, int, -1, EIO, (int fd), (fd))
CALL(renameat, int, -1, EIO, (int at, const char *from, int to_at, const char *to),
     (at, from, to_at, to))
CALL(renameat2, int, -1, EIO, (int at, const char *from, int to_at, const char *to, unsigned flags),
     (at, from, to_at, to, flags))
CALL(link, int, -1, EXDEV, (const char *from, const char *to), (from, to))
CALL(mkdtemp, char *, NULL, ENOSPC, (char *path), (path))
CALL(pthread_create, int, EAGAIN, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*begin)(void *), void *context),
     (thread, attributes, begin, context))
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
