/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/artifact.h"
#include "store/internal.h"

enum { PLUGIN_PATH_SIZE = sizeof "plugins/" + 64 + sizeof ".so" };

static void plugin_path(const uint8_t hash[FND_DIGEST_SIZE], char path[PLUGIN_PATH_SIZE])
{
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(hash, hex);
    snprintf(path, PLUGIN_PATH_SIZE, "plugins/%s.so", hex);
}

/* The copy must be good, not only there: it is what will run. */
static bool copy_is_good(const struct fnd_store *store, const uint8_t hash[FND_DIGEST_SIZE])
{
    int fd = -1;
    if (fnd_plugin_open(store->folder, hash, &fd, NULL) != FND_OK) {
        return false;
    }
    close(fd);
    return true;
}

enum fnd_status fnd_plugin_keep(struct fnd_store *store, int fd, uint8_t hash[FND_DIGEST_SIZE],
                                struct fnd_error *error)
{
    uint8_t first[FND_DIGEST_SIZE];
    int rc = fnd_sha256_fd(fd, first, NULL);
    if (rc != 0) {
        return fnd_error_errno(error, FND_IO, rc, "cannot read the plugin that is to be kept");
    }
    char path[PLUGIN_PATH_SIZE];
    plugin_path(first, path);
    if (copy_is_good(store, first)) {
        memcpy(hash, first, sizeof first);
        return fnd_folder_sync(store, path, error);
    }
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot read the plugin that is to be kept");
    }
    struct fnd_temporary temporary;
    struct fnd_artifact copy;
    enum fnd_status status = fnd_temporary_open(store, "plugins", 0600, &temporary, error);
    if (status != FND_OK) {
        return status;
    }
    status = fnd_temporary_copy(store, &temporary, fd, UINT64_MAX, &copy, error);
    if (status == FND_OK && fchmod(temporary.fd, 0444) != 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot make %s/.foundry/%s read-only",
                                 store->path, temporary.name);
    }
    if (status != FND_OK) {
        fnd_temporary_drop(store, &temporary);
        return status;
    }
    /* Named by what was copied, so that a file that changed between the two readings is kept under
     * the hash of what is in the copy. */
    plugin_path(copy.hash, path);
    status = fnd_temporary_keep(store, &temporary, path, error);
    if (status == FND_OK) {
        memcpy(hash, copy.hash, sizeof copy.hash);
    }
    return status;
}

enum fnd_status fnd_plugin_open(int folder, const uint8_t hash[FND_DIGEST_SIZE], int *fd,
                                struct fnd_error *error)
{
    char path[PLUGIN_PATH_SIZE];
    plugin_path(hash, path);
    int file = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 && errno == ENOENT) {
        fnd_error_set(
            error, FND_NOT_FOUND,
            "the copy of plugin %s is missing (.foundry/%s); restore it from a backup, or "
            "take the present plugin with --upgrade",
            path + sizeof "plugins/" - 1, path);
        fnd_error_code(error, "plugin_copy_missing");
        return FND_NOT_FOUND;
    }
    if (file < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot open the plugin copy .foundry/%s", path);
    }
    uint8_t found[FND_DIGEST_SIZE];
    int rc = fnd_sha256_fd(file, found, NULL);
    if (rc == 0 && memcmp(found, hash, sizeof found) == 0 && lseek(file, 0, SEEK_SET) == 0) {
        *fd = file;
        return FND_OK;
    }
    close(file);
    if (rc != 0) {
        return fnd_error_errno(error, FND_IO, rc, "cannot read the plugin copy .foundry/%s", path);
    }
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(found, hex);
    fnd_error_set(
        error, FND_DAMAGED,
        "the plugin copy .foundry/%s was altered (its hash is now %s) and was not loaded; "
        "restore it from a backup, or take the present plugin with --upgrade",
        path, hex);
    fnd_error_code(error, "plugin_copy_altered");
    return FND_DAMAGED;
}
