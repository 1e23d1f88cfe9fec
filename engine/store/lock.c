/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* flock, O_NOFOLLOW */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"

enum { LOCK_POLL_MS = 10, PID_TEXT_SIZE = 32 };

/* The holder wrote its pid; 0 when it had no time to. The number is only told, never trusted. */
static long holder(int fd)
{
    char text[PID_TEXT_SIZE] = {0};
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    return size > 0 ? strtol(text, NULL, 10) : 0;
}

static enum fnd_status in_use(int fd, const char *path, struct fnd_error *error)
{
    long pid = holder(fd);
    if (pid == (long)getpid()) {
        fnd_error_set(error, FND_BUSY, "%s is in use by pid %ld, which is this process", path, pid);
    } else if (pid > 0) {
        fnd_error_set(error, FND_BUSY,
                      "%s is in use by pid %ld; wait for it, or end it (its jobs are safe)", path,
                      pid);
    } else {
        fnd_error_set(error, FND_BUSY,
                      "%s is in use by another engine, whose pid is not in .foundry/lock; wait for "
                      "it, or end it (its jobs are safe)",
                      path);
    }
    fnd_error_code(error, "in_use");
    return FND_BUSY;
}

static enum fnd_status failed(int error_number, const char *path, struct fnd_error *error)
{
    return fnd_error_errno(error, fnd_status_errno(error_number), error_number,
                           "cannot lock %s/.foundry/lock", path);
}

/* People remove lock files to "repair" things. A lock on a file that has gone would exclude nobody,
 * so the folder itself is locked too: two writers would ruin the record. */
static bool folder_is_ours(int folder)
{
    return flock(folder, LOCK_EX | LOCK_NB) == 0;
}

static bool still_there(int folder, int fd)
{
    struct stat held;
    struct stat named;
    return fstat(fd, &held) == 0 && fstatat(folder, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static void write_pid(int fd)
{
    char text[PID_TEXT_SIZE];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    /* A disk without room for six bytes leaves the name of the holder out, not the lock. */
    if (ftruncate(fd, 0) == 0 && size > 0) {
        ssize_t written = pwrite(fd, text, (size_t)size, 0);
        (void)written;
    }
}

enum fnd_status fnd_lock_take(int folder, const char *path, int64_t wait_ms, int *fd,
                              struct fnd_error *error)
{
    /* The time waited is counted in sleeps: a clock that stands still, as tests have it, must not
     * make this endless. */
    for (int64_t waited_ms = 0;;) {
        int file = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file < 0) {
            return failed(errno, path, error);
        }
        if (flock(file, LOCK_EX | LOCK_NB) == 0) {
            if (still_there(folder, file) && folder_is_ours(folder)) {
                write_pid(file);
                FND_CRASH_POINT("store.lock.taken");
                *fd = file;
                return FND_OK;
            }
        } else if (errno != EWOULDBLOCK && errno != EINTR) {
            int error_number = errno;
            close(file);
            return failed(error_number, path, error);
        }
        if (waited_ms >= wait_ms) {
            enum fnd_status status = in_use(file, path, error);
            close(file);
            return status;
        }
        close(file);
        int64_t left_ms = wait_ms - waited_ms;
        int64_t step_ms = left_ms < LOCK_POLL_MS ? left_ms : LOCK_POLL_MS;
        struct timespec step = {.tv_nsec = (long)step_ms * 1000000L};
        nanosleep(&step, NULL);
        waited_ms += step_ms;
    }
}

bool fnd_lock_network(int64_t file_system_type, const char **name)
{
    /* Numbers as in statfs(2); some kernels sign-extend them, so only 32 bits are compared. */
    static const struct {
        uint32_t type;
        const char *name;
    } kinds[] = {
        {0x6969, "NFS"},      {0x517b, "SMB"},      {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"},
        {0x65735546, "FUSE"}, {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},    {0x6b414653, "AFS"},
        {0x73757245, "Coda"}, {0x01021997, "9P"},   {0x0bd00bd0, "Lustre"}, {0x7461636f, "OCFS2"},
        {0x01161970, "GFS2"}, {0x564c, "NCP"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].type == (uint32_t)file_system_type) {
            *name = kinds[i].name;
            return true;
        }
    }
    return false;
}

enum fnd_status fnd_lock_place(int directory, const char *path, struct fnd_error *error)
{
    struct statfs place;
    if (fstatfs(directory, &place) != 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot ask what file system %s is on", path);
    }
    const char *name = NULL;
    if (fnd_lock_network((int64_t)place.f_type, &name)) {
        fnd_error_set(error, FND_DENIED,
                      "%s is on %s, where locks and fsync cannot be relied upon; use a local disk, "
                      "or allow it with --allow-network-fs and lose that promise",
                      path, name);
        fnd_error_code(error, "network_file_system");
        return FND_DENIED;
    }
    return FND_OK;
}
