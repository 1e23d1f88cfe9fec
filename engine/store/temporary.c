/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "base/text.h"
#include "store/artifact.h"
#include "store/internal.h"

enum { COPY_CHUNK_SIZE = 64 * 1024 };
static const char prefix[] = "tmp-";

static enum fnd_status failed(const struct fnd_store *store, int error_number, const char *verb,
                              const char *name, struct fnd_error *error)
{
    enum fnd_status status = fnd_status_errno(error_number);
    if (status == FND_FULL) {
        fnd_error_set(error, FND_FULL,
                      "storage full: free space in %s; nothing acknowledged was lost (could not %s "
                      ".foundry/%s)",
                      store->path, verb, name);
        fnd_error_code(error, "storage_full");
        return FND_FULL;
    }
    return fnd_error_errno(error, status, error_number, "cannot %s %s/.foundry/%s", verb,
                           store->path, name);
}

enum fnd_status fnd_temporary_open(struct fnd_store *store, const char *below, unsigned mode,
                                   struct fnd_temporary *temporary, struct fnd_error *error)
{
    uint8_t random[FND_KEY_SIZE];
    char hex[2 * 12 + 1];
    fnd_keys_draw(&store->keys, store->options.env, random);
    fnd_hex(random, 12, hex);
    snprintf(temporary->name, sizeof temporary->name, "%s/%s%s", below, prefix, hex);
    temporary->fd = openat(store->folder, temporary->name,
                           O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    return temporary->fd >= 0 ? FND_OK : failed(store, errno, "make", temporary->name, error);
}

void fnd_temporary_drop(struct fnd_store *store, struct fnd_temporary *temporary)
{
    close(temporary->fd);
    unlinkat(store->folder, temporary->name, 0);
}

enum fnd_status fnd_folder_sync(struct fnd_store *store, const char *path, struct fnd_error *error)
{
    char *name = fnd_strndup(path, (size_t)(strrchr(path, '/') - path));
    int fd = openat(store->folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    enum fnd_status status = FND_OK;
    if (fd < 0 || fsync(fd) != 0) {
        status = failed(store, errno, "sync", name, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(name);
    return status;
}

enum fnd_status fnd_temporary_keep(struct fnd_store *store, struct fnd_temporary *temporary,
                                   const char *path, struct fnd_error *error)
{
    FND_CRASH_POINT("store.file.written");
    if (fsync(temporary->fd) != 0) {
        enum fnd_status status = failed(store, errno, "sync", temporary->name, error);
        fnd_temporary_drop(store, temporary);
        return status;
    }
    FND_CRASH_POINT("store.file.synced");
    if (renameat(store->folder, temporary->name, store->folder, path) != 0) {
        enum fnd_status status = failed(store, errno, "make", path, error);
        fnd_temporary_drop(store, temporary);
        return status;
    }
    close(temporary->fd);
    FND_CRASH_POINT("store.file.named");
    enum fnd_status status = fnd_folder_sync(store, path, error);
    FND_CRASH_POINT("store.file.kept");
    return status;
}

enum fnd_status fnd_temporary_copy(struct fnd_store *store, struct fnd_temporary *temporary, int fd,
                                   uint64_t size_max, struct fnd_artifact *artifact,
                                   struct fnd_error *error)
{
    char *chunk = fnd_alloc(COPY_CHUNK_SIZE);
    struct fnd_sha256 hash;
    fnd_sha256_begin(&hash);
    uint64_t size = 0;
    enum fnd_status status = FND_OK;
    while (status == FND_OK) {
        ssize_t got = read(fd, chunk, COPY_CHUNK_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot read what is to be kept");
        }
        if (got <= 0) {
            break;
        }
        size += (uint64_t)got;
        if (size > size_max) {
            fnd_error_set(error, FND_LIMIT, "what is to be kept is larger than %" PRIu64 " bytes",
                          size_max);
            fnd_error_code(error, "artifact_too_large");
            status = FND_LIMIT;
            break;
        }
        fnd_sha256_add(&hash, chunk, (size_t)got);
        int rc = fnd_write_all(temporary->fd, chunk, (size_t)got);
        if (rc != 0) {
            status = failed(store, rc, "write", temporary->name, error);
        }
    }
    if (status == FND_OK) {
        fnd_sha256_end(&hash, artifact->hash);
        artifact->size = size;
    }
    free(chunk);
    return status;
}

static void sweep(int folder, const char *below)
{
    int fd = openat(folder, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return; /* what cannot be swept is only in the way */
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0) {
            unlinkat(fd, entry->d_name, 0);
        }
    }
    closedir(directory);
}

void fnd_artifact_sweep(int folder)
{
    sweep(folder, "artifacts");
    sweep(folder, "plugins");
}
