/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "store/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"

void fnd_artifact_path(const uint8_t hash[FND_DIGEST_SIZE], char path[FND_ARTIFACT_PATH_SIZE])
{
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(hash, hex);
    snprintf(path, FND_ARTIFACT_PATH_SIZE, "artifacts/%.2s/%s", hex, hex + 2);
}

static bool is_there(const struct fnd_store *store, const char *path, uint64_t size)
{
    struct stat found;
    return fstatat(store->folder, path, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(found.st_mode) && (uint64_t)found.st_size == size;
}

static enum fnd_status make_shelf(struct fnd_store *store, const char *path,
                                  struct fnd_error *error)
{
    char shelf[sizeof "artifacts/ab"];
    snprintf(shelf, sizeof shelf, "%.12s", path);
    if (mkdirat(store->folder, shelf, 0700) == 0) {
        return fnd_folder_sync(store, shelf, error);
    }
    return errno == EEXIST ? FND_OK
                           : fnd_error_errno(error, fnd_status_errno(errno), errno,
                                             "cannot make %s/.foundry/%s", store->path, shelf);
}

/* Give the temporary its place, unless the same content has it. */
static enum fnd_status settle(struct fnd_store *store, struct fnd_temporary *temporary,
                              const struct fnd_artifact *artifact, struct fnd_error *error)
{
    char path[FND_ARTIFACT_PATH_SIZE];
    fnd_artifact_path(artifact->hash, path);
    if (is_there(store, path, artifact->size)) {
        fnd_temporary_drop(store, temporary);
        return fnd_folder_sync(store, path, error);
    }
    enum fnd_status status = make_shelf(store, path, error);
    if (status != FND_OK) {
        fnd_temporary_drop(store, temporary);
        return status;
    }
    return fnd_temporary_keep(store, temporary, path, error);
}

enum fnd_status fnd_artifact_put(struct fnd_store *store, const void *bytes, size_t size,
                                 struct fnd_artifact *artifact, struct fnd_error *error)
{
    struct fnd_artifact made = {.size = size};
    fnd_sha256(bytes, size, made.hash);
    char path[FND_ARTIFACT_PATH_SIZE];
    fnd_artifact_path(made.hash, path);
    enum fnd_status status = FND_OK;
    if (is_there(store, path, size)) {
        /* Its bytes were synced before it got this name; whoever gave the name may not have come
         * to syncing the name. */
        status = fnd_folder_sync(store, path, error);
    } else {
        struct fnd_temporary temporary;
        status = fnd_temporary_open(store, "artifacts", 0600, &temporary, error);
        if (status != FND_OK) {
            return status;
        }
        int rc = fnd_write_all(temporary.fd, bytes, size);
        if (rc != 0) {
            fnd_temporary_drop(store, &temporary);
            fnd_error_errno(error, fnd_status_errno(rc), rc,
                            "nothing acknowledged was lost, but cannot write %s/.foundry/%s",
                            store->path, path);
            return fnd_status_errno(rc);
        }
        status = settle(store, &temporary, &made, error);
    }
    if (status == FND_OK) {
        *artifact = made;
    }
    return status;
}

enum fnd_status fnd_artifact_put_fd(struct fnd_store *store, int fd, uint64_t size_max,
                                    struct fnd_artifact *artifact, struct fnd_error *error)
{
    struct fnd_temporary temporary;
    struct fnd_artifact made;
    enum fnd_status status = fnd_temporary_open(store, "artifacts", 0600, &temporary, error);
    if (status != FND_OK) {
        return status;
    }
    status = fnd_temporary_copy(store, &temporary, fd, size_max, &made, error);
    if (status != FND_OK) {
        fnd_temporary_drop(store, &temporary);
        return status;
    }
    status = settle(store, &temporary, &made, error);
    if (status == FND_OK) {
        *artifact = made;
    }
    return status;
}

enum fnd_status fnd_artifact_open(int folder, const struct fnd_artifact *artifact, int *fd,
                                  struct fnd_error *error)
{
    char path[FND_ARTIFACT_PATH_SIZE];
    fnd_artifact_path(artifact->hash, path);
    int file = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 && errno == ENOENT) {
        fnd_error_set(error, FND_NOT_FOUND,
                      "artifact .foundry/%s is missing; restore it from a backup", path);
        fnd_error_code(error, "artifact_missing");
        return FND_NOT_FOUND;
    }
    struct stat found;
    if (file < 0 || fstat(file, &found) != 0) {
        int error_number = errno;
        if (file >= 0) {
            close(file);
        }
        return fnd_error_errno(error, fnd_status_errno(error_number), error_number,
                               "cannot open artifact .foundry/%s", path);
    }
    if (!S_ISREG(found.st_mode) || (uint64_t)found.st_size != artifact->size) {
        close(file);
        fnd_error_set(error, FND_DAMAGED,
                      "artifact .foundry/%s has %jd bytes, recorded were %" PRIu64
                      "; restore it from a backup",
                      path, (intmax_t)found.st_size, artifact->size);
        fnd_error_code(error, "artifact_damaged");
        return FND_DAMAGED;
    }
    *fd = file;
    return FND_OK;
}

bool fnd_artifact_told(struct fnd_json about, struct fnd_artifact *artifact, char **path)
{
    struct fnd_json size = fnd_json_member(about, "size");
    char *hash = fnd_json_strdup(fnd_json_member(about, "sha256"));
    int64_t count = 0;
    const bool told = hash != NULL &&
                      fnd_unhex(hash, strlen(hash), artifact->hash, sizeof artifact->hash) &&
                      size.bytes != NULL && fnd_json_integer(size, &count) && count >= 0;
    free(hash);
    artifact->size = told ? (uint64_t)count : 0;
    *path = told ? fnd_json_strdup(fnd_json_member(about, "path")) : NULL;
    return told;
}

enum fnd_status fnd_reference_open(int directory, const char *path,
                                   const struct fnd_artifact *artifact, int *fd,
                                   struct fnd_error *error)
{
    uint8_t hash[FND_DIGEST_SIZE];
    uint64_t size = 0;
    int file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return fnd_error_errno(
            error, fnd_status_errno(errno), errno,
            "cannot open the input %s, which was kept by reference (put it back into the "
            "job directory)",
            path);
    }
    if (fnd_sha256_fd(file, hash, &size) == 0 && memcmp(hash, artifact->hash, sizeof hash) == 0 &&
        lseek(file, 0, SEEK_SET) == 0) {
        *fd = file;
        return FND_OK;
    }
    close(file);
    return fnd_error_set(error, FND_DAMAGED,
                         "the input %s, which was kept by reference, is not the one that came in; "
                         "put the old file back, or run again to take the new one up",
                         path);
}
