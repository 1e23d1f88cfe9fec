/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READ_SIZE = 16 * 1024, TEMPORARY_MAX = 1000, TEMPORARY_NAME_SIZE = 64 };

enum fnd_status fnd_status_errno(int errno_value)
{
    switch (errno_value) {
    case 0:
        return FND_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return FND_FULL;
    case ENOENT:
        return FND_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return FND_DENIED;
    default:
        return FND_IO;
    }
}

int fnd_write_all(int fd, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t written = write(fd, from, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return errno;
        }
        from += written;
        size -= (size_t)written;
    }
    return 0;
}

static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

/* Read to the end, at most size_max bytes: the size that fstat tells is a hint only, as files grow
 * and those of /proc tell 0. */
static enum fnd_status read_to_end(int fd, const char *path, size_t size_max, struct fnd_text *text,
                                   struct fnd_error *error)
{
    size_t before = text->size;
    for (;;) {
        fnd_text_reserve(text, READ_SIZE);
        size_t room = text->capacity - text->size - 1;
        ssize_t got = read(fd, text->bytes + text->size, room);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fnd_error_errno(error, FND_IO, errno, "cannot read %s", path);
        }
        if (got == 0) {
            return FND_OK;
        }
        text->size += (size_t)got;
        if (text->size - before > size_max) {
            return fnd_error_set(error, FND_LIMIT,
                                 "cannot read %s: it is larger than the %zu bytes allowed here",
                                 path, size_max);
        }
    }
}

/** Append what `fd` reads; it is closed.  fd: -1: errno says why there is none. */
static enum fnd_status opened_read(int fd, const char *path, size_t size_max, struct fnd_text *text,
                                   struct fnd_error *error)
{
    size_t before = text->size;
    enum fnd_status status = FND_OK;
    if (fd < 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s", path);
        goto out;
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot examine %s", path);
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        status =
            fnd_error_set(error, FND_INVALID, "cannot read %s: it is %s; a regular file is needed",
                          path, kind_name(info.st_mode));
        fnd_error_code(error, "not_a_file");
        goto out;
    }
    if (info.st_size > 0 && (uintmax_t)info.st_size > size_max) {
        status = fnd_error_set(error, FND_LIMIT,
                               "cannot read %s: it has %jd bytes and %zu are allowed here", path,
                               (intmax_t)info.st_size, size_max);
        goto out;
    }
    fnd_text_reserve(text, (size_t)info.st_size + 1);
    status = read_to_end(fd, path, size_max, text, error);
out:
    if (fd >= 0) {
        close(fd);
    }
    if (text->bytes != NULL) {
        text->size = status == FND_OK ? text->size : before;
        text->bytes[text->size] = '\0';
    }
    return status;
}

/* O_NONBLOCK: opening a pipe that nobody writes must not wait for ever. */
enum fnd_status fnd_file_read(int directory, const char *path, size_t size_max,
                              struct fnd_text *text, struct fnd_error *error)
{
    const int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return opened_read(fd, path, size_max, text, error);
}

int fnd_file_open_below(int folder, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (unsigned)(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd;
    do {
        fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: something was renamed */
    return (int)fd;
}

enum fnd_status fnd_file_read_below(int folder, const char *path, size_t size_max,
                                    struct fnd_text *text, struct fnd_error *error)
{
    const int fd = fnd_file_open_below(folder, path, 0);
    if (fd < 0 && errno == EXDEV) {
        fnd_error_set(error, FND_DENIED, "cannot open %s: it leads out of the folder", path);
        fnd_error_code(error, "outside");
        return FND_DENIED;
    }
    return opened_read(fd, path, size_max, text, error);
}

/* A new file in `folder` under a name that nothing has; its descriptor, or -1 with errno. A name
 * left over by a process that died keeps its number taken and does no other harm. */
static int temporary_open(int folder, unsigned mode, char name[TEMPORARY_NAME_SIZE])
{
    for (unsigned i = 0; i < TEMPORARY_MAX; i++) {
        snprintf(name, TEMPORARY_NAME_SIZE, ".foundry-%ld-%u.tmp", (long)getpid(), i);
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                        (mode_t)mode);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1; /* errno is EEXIST */
}

/* Write, sync and close; 0 or an errno value. */
static int fill(int fd, const void *bytes, size_t size)
{
    int failure = fnd_write_all(fd, bytes, size);
    if (failure == 0 && fsync(fd) != 0) {
        failure = errno;
    }
    if (close(fd) != 0 && failure == 0) {
        failure = errno;
    }
    return failure;
}

enum fnd_status fnd_file_write(int directory, const char *path, const void *bytes, size_t size,
                               unsigned mode, struct fnd_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char *folder_path = slash == NULL   ? fnd_strdup(".")
                        : slash == path ? fnd_strdup("/")
                                        : fnd_strndup(path, (size_t)(slash - path));
    char temporary[TEMPORARY_NAME_SIZE] = "";
    enum fnd_status status = FND_OK;
    int failure = 0;
    int folder = openat(directory, folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        failure = errno;
        status = fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "cannot write %s: cannot open its folder", path);
        goto out;
    }
    int fd = temporary_open(folder, mode, temporary);
    if (fd < 0) {
        failure = errno;
        temporary[0] = '\0';
        status = fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "cannot write %s: cannot make a temporary file beside it", path);
        goto out;
    }
    failure = fill(fd, bytes, size);
    if (failure == 0 && renameat(folder, temporary, folder, name) != 0) {
        failure = errno;
    }
    if (failure != 0) {
        status = fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "cannot write %s (%zu bytes)", path, size);
        goto out;
    }
    temporary[0] = '\0';
    if (fsync(folder) != 0 && errno != EINVAL) { /* EINVAL: a file system without folder sync */
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "wrote %s, but cannot make its name durable", path);
    }
out:
    if (temporary[0] != '\0') {
        unlinkat(folder, temporary, 0);
    }
    if (folder >= 0) {
        close(folder);
    }
    free(folder_path);
    return status;
}
