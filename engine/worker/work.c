/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_PATH */
#include "worker/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { DEPTH_MAX = 64, TRIES_MAX = 16 };

#define PREFIX "foundry-work-"

struct fnd_work {
    char *base;
    int lock; /* on the base: held as long as this process lives */
    size_t made;
};

static const char *temporary_folder(void)
{
    const char *named = getenv("TMPDIR");
    return named != NULL && named[0] == '/' ? named : "/tmp";
}

/** Empty a folder; takes fd. What is nested deeper than anybody nests by accident stays. */
static void folder_empty(int fd, int depth)
{
    DIR *list = fdopendir(fd);
    if (list == NULL) {
        (void)close(fd);
        return;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0 ||
            depth == 0) {
            continue;
        }
        const int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0) {
            folder_empty(inner, depth - 1);
        }
        (void)unlinkat(fd, name, AT_REMOVEDIR);
    }
    (void)closedir(list);
}

static void folder_remove(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        folder_empty(fd, DEPTH_MAX);
    }
    (void)rmdir(path);
}

void fnd_work_remove(char *path)
{
    if (path != NULL) {
        folder_remove(path);
        free(path);
    }
}

/** Remove what engines of this user left that were killed: nobody holds their lock. */
static void sweep(const char *folder)
{
    DIR *list = opendir(folder);
    if (list == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        struct stat stat;
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0) {
            continue;
        }
        const int fd =
            openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            continue;
        }
        if (fstat(fd, &stat) == 0 && stat.st_uid == geteuid() &&
            flock(fd, LOCK_EX | LOCK_NB) == 0) {
            struct fnd_text path = {0};
            fnd_text_printf(&path, "%s/%s", folder, entry->d_name);
            folder_remove(fnd_text_z(&path));
            fnd_text_finish(&path);
        }
        (void)close(fd);
    }
    (void)closedir(list);
}

/** Make the base and lock it. False with errno. */
static bool base_make(struct fnd_work *work, const char *folder)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        struct fnd_text path = {0};
        struct stat stat;
        fnd_text_printf(&path, "%s/" PREFIX "XXXXXX", folder);
        if (mkdtemp(path.bytes) == NULL) {
            fnd_text_finish(&path);
            return false;
        }
        /* Workers of other users go through it, and cannot look into it. */
        work->lock = open(path.bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (work->lock >= 0 && flock(work->lock, LOCK_SH) == 0 &&
            (geteuid() != 0 || fchmod(work->lock, 0711) == 0) && fstat(work->lock, &stat) == 0 &&
            stat.st_nlink > 0) {
            work->base = fnd_text_take(&path);
            return true;
        }
        if (work->lock >= 0) { /* swept before it was locked */
            (void)close(work->lock);
        }
        fnd_text_finish(&path);
        work->lock = -1;
    }
    errno = EAGAIN;
    return false;
}

enum fnd_status fnd_work_create(struct fnd_work **work, struct fnd_error *error)
{
    const char *folder = temporary_folder();
    struct fnd_work *made = fnd_alloc(sizeof *made);
    made->lock = -1;
    sweep(folder);
    if (!base_make(made, folder)) {
        const int why = errno;
        free(made);
        return fnd_error_errno(error, FND_IO, why,
                               "cannot make a folder for workers in %s (name another in $TMPDIR)",
                               folder);
    }
    *work = made;
    return FND_OK;
}

void fnd_work_destroy(struct fnd_work *work)
{
    if (work != NULL) {
        fnd_work_remove(work->base);
        (void)close(work->lock);
        free(work);
    }
}

enum fnd_status fnd_work_folder(struct fnd_work *work, uid_t uid, gid_t gid, char **path,
                                struct fnd_error *error)
{
    struct fnd_text made = {0};
    fnd_text_printf(&made, "%s/%zu", work->base, ++work->made);
    if (mkdir(made.bytes, 0700) != 0 || (geteuid() == 0 && lchown(made.bytes, uid, gid) != 0)) {
        const int why = errno;
        (void)rmdir(made.bytes);
        (void)fnd_error_errno(error, FND_IO, why, "cannot make the folder %s for a worker",
                              made.bytes);
        fnd_text_finish(&made);
        return FND_IO;
    }
    *path = fnd_text_take(&made);
    return FND_OK;
}

/* --- the granted folder ---------------------------------------------------------------------- */

/** What a phase makes durable in a new folder must be found again behind a power cut. A file system
 *  that cannot do it takes nothing from the phase. */
static void name_sync(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/** Go one folder down; takes fd. Makes it for the owner of the one above. -1 with errno. */
static int step_down(int fd, const char *name)
{
    struct stat above;
    int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && errno == ENOENT && mkdirat(fd, name, 0777) == 0) {
        if (geteuid() == 0 && fstat(fd, &above) == 0) {
            (void)fchownat(fd, name, above.st_uid, above.st_gid, AT_SYMLINK_NOFOLLOW);
        }
        name_sync(fd);
        next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    const int why = errno;
    (void)close(fd);
    errno = why;
    return next;
}

enum fnd_status fnd_grant_open(const struct fnd_callee *callee, int *fd, struct stat *stat,
                               struct fnd_error *error)
{
    const char *whole = callee->grant_write, *slash = strrchr(whole, '/');
    /* Without a job directory: all but the last step stands as it is. */
    size_t base = callee->grant_base;
    if (base == 0 || base > strlen(whole)) {
        base = slash == NULL || slash == whole ? 1 : (size_t)(slash - whole);
    }
    char *path = fnd_strndup(whole, base), *rest = fnd_strdup(whole + base);
    char *left = NULL;
    int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (char *name = strtok_r(rest, "/", &left); at >= 0 && name != NULL;
         name = strtok_r(NULL, "/", &left)) {
        at = step_down(at, name);
    }
    enum fnd_status status = FND_OK;
    if (at < 0 || fstat(at, stat) != 0) {
        const int why = errno;
        status = fnd_error_errno(
            error, FND_IO, why, "cannot open the folder %s that is granted%s", whole,
            why == ELOOP || why == ENOTDIR ? " (a link, or a file, stands where a folder must)"
                                           : "");
        if (at >= 0) {
            (void)close(at);
        }
    } else {
        *fd = at;
    }
    free(path);
    free(rest);
    return status;
}
