/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* renameat2, syncfs */
#include "dataset/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "dataset/replace.h"

enum { BUNDLE_NAMES_MAX = 1000, STREAM_BUFFER_SIZE = 1 << 16, STREAMS = 3 };

/** Take the name apart and open the folder that holds it. */
static enum fnd_status parent_open(struct fnd_bundle *bundle, const char *path,
                                   struct fnd_error *error)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    bundle->path = fnd_strndup(path, size);
    const char *slash = strrchr(bundle->path, '/');
    bundle->name = slash != NULL ? slash + 1 : bundle->path;
    if (bundle->name[0] == '\0' || strcmp(bundle->name, ".") == 0 ||
        strcmp(bundle->name, "..") == 0) {
        return fnd_error_set(error, FND_INVALID,
                             "cannot write the export to %s: it is replaced as a whole, and must "
                             "have a name of its own; name a folder in it",
                             path);
    }
    char *parent = slash == NULL ? fnd_strdup(".")
                   : slash == bundle->path
                       ? fnd_strdup("/")
                       : fnd_strndup(bundle->path, (size_t)(slash - bundle->path));
    bundle->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int failure = errno;
    free(parent);
    return bundle->parent >= 0
               ? FND_OK
               : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "cannot write the export %s: cannot open the folder "
                                 "that it goes to",
                                 bundle->path);
}

static enum fnd_status scratch_open(struct fnd_bundle *bundle, struct fnd_error *error)
{
    const char *folder = getenv("TMPDIR");
    bundle->scratch = fnd_strdup(folder != NULL && folder[0] == '/' ? folder : "/tmp");
    bundle->parent = open(bundle->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return bundle->parent >= 0
               ? FND_OK
               : fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot make a folder for the export in %s", bundle->scratch);
}

static const char *told(const struct fnd_bundle *bundle)
{
    return bundle->path != NULL ? bundle->path : bundle->scratch;
}

enum fnd_status fnd_bundle_open(struct fnd_bundle *bundle, const char *path,
                                struct fnd_error *error)
{
    *bundle = (struct fnd_bundle){.parent = -1, .fd = -1};
    enum fnd_status status =
        path != NULL ? parent_open(bundle, path, error) : scratch_open(bundle, error);
    if (status == FND_OK && path != NULL) {
        status = fnd_replaceable(bundle->parent, bundle->name, bundle->path, error);
    }
    int failure = EEXIST;
    for (unsigned i = 0; status == FND_OK && failure == EEXIST && i < BUNDLE_NAMES_MAX; i++) {
        snprintf(bundle->temporary, sizeof bundle->temporary, ".foundry-%ld-%u.tmp", (long)getpid(),
                 i);
        failure = mkdirat(bundle->parent, bundle->temporary, 0777) == 0 ? 0 : errno;
    }
    if (status == FND_OK && failure == 0) {
        bundle->fd = openat(bundle->parent, bundle->temporary,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        failure = bundle->fd < 0 ? errno : 0;
    } else {
        bundle->temporary[0] = '\0';
    }
    return status != FND_OK || failure == 0
               ? status
               : fnd_error_errno(
                     error, fnd_status_errno(failure), failure,
                     "cannot write the export %s: cannot make a temporary folder beside "
                     "it",
                     told(bundle));
}

/** Make the folders on the way to `path`; `whole`: it is one itself. */
static int folders_make(const struct fnd_bundle *bundle, const char *path, bool whole)
{
    char *way = fnd_strdup(path);
    int failure = 0;
    for (char *slash = strchr(way, '/'); failure == 0 && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        failure = mkdirat(bundle->fd, way, 0777) != 0 && errno != EEXIST ? errno : 0;
        *slash = '/';
    }
    if (failure == 0 && whole && mkdirat(bundle->fd, way, 0777) != 0 && errno != EEXIST) {
        failure = errno;
    }
    free(way);
    return failure;
}

enum fnd_status fnd_bundle_folder(struct fnd_bundle *bundle, const char *path,
                                  struct fnd_error *error)
{
    const int failure = folders_make(bundle, path, true);
    return failure == 0 ? FND_OK
                        : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                          "nothing of the export %s was kept, as its folder %s "
                                          "cannot be made",
                                          told(bundle), path);
}

/** Create a file and the folders on its way. A descriptor, or -1 with the reason in `failure`. */
static int create(const struct fnd_bundle *bundle, const char *path, int *failure)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(bundle->fd, path, flags, 0666);
    *failure = fd < 0 ? errno : 0;
    if (*failure == ENOENT) {
        *failure = folders_make(bundle, path, false);
        fd = *failure == 0 ? openat(bundle->fd, path, flags, 0666) : -1;
        *failure = *failure == 0 && fd < 0 ? errno : *failure;
    }
    return fd;
}

static enum fnd_status refused(const struct fnd_bundle *bundle, const char *path, int failure,
                               struct fnd_error *error)
{
    return failure == 0
               ? FND_OK
               : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "nothing of the export %s was kept, as its file %s cannot "
                                 "be written",
                                 told(bundle), path);
}

static enum fnd_status put(const struct fnd_bundle *bundle, const char *path, const void *bytes,
                           size_t size, struct fnd_error *error)
{
    int failure = 0;
    int fd = create(bundle, path, &failure);
    if (failure == 0) {
        failure = fnd_write_all(fd, bytes, size);
    }
    if (fd >= 0 && close(fd) != 0 && failure == 0) {
        failure = errno;
    }
    return refused(bundle, path, failure, error);
}

static void file_add(struct fnd_bundle *bundle, const char *path, uint64_t size,
                     const uint8_t digest[FND_DIGEST_SIZE])
{
    if (bundle->count == bundle->capacity) {
        bundle->capacity = bundle->capacity == 0 ? 64 : bundle->capacity * 2;
        bundle->files = fnd_realloc(bundle->files, bundle->capacity, sizeof *bundle->files);
    }
    struct fnd_bundle_file *file = &bundle->files[bundle->count++];
    file->path = fnd_strdup(path);
    file->size = size;
    fnd_digest_text(digest, file->sha256);
    bundle->size += size;
    bundle->sorted = false;
}

enum fnd_status fnd_bundle_write(struct fnd_bundle *bundle, const char *path, const void *bytes,
                                 size_t size, struct fnd_error *error)
{
    uint8_t digest[FND_DIGEST_SIZE];
    enum fnd_status status = put(bundle, path, bytes, size, error);
    if (status == FND_OK) {
        fnd_sha256(bytes, size, digest);
        file_add(bundle, path, size, digest);
    }
    return status;
}

static enum fnd_status stream_flush(struct fnd_bundle *bundle, struct fnd_bundle_stream *stream,
                                    struct fnd_error *error)
{
    const int failure = fnd_write_all(stream->fd, fnd_text_z(&stream->buffer), stream->buffer.size);
    fnd_text_clear(&stream->buffer);
    return refused(bundle, stream->path, failure, error);
}

enum fnd_status fnd_bundle_append(struct fnd_bundle *bundle, size_t slot, const char *path,
                                  const void *bytes, size_t size, struct fnd_error *error)
{
    struct fnd_bundle_stream *stream = &bundle->streams[slot];
    if (stream->path == NULL) {
        int failure = 0;
        int fd = create(bundle, path, &failure);
        if (failure != 0) {
            return refused(bundle, path, failure, error);
        }
        stream->path = fnd_strdup(path);
        stream->fd = fd;
        fnd_sha256_begin(&stream->hash);
    }
    fnd_sha256_add(&stream->hash, bytes, size);
    fnd_text_append(&stream->buffer, bytes, size);
    stream->size += size;
    return stream->buffer.size >= STREAM_BUFFER_SIZE ? stream_flush(bundle, stream, error) : FND_OK;
}

enum fnd_status fnd_bundle_streams_end(struct fnd_bundle *bundle, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < STREAMS && status == FND_OK; i++) {
        struct fnd_bundle_stream *stream = &bundle->streams[i];
        uint8_t digest[FND_DIGEST_SIZE];
        if (stream->path != NULL && stream->fd >= 0) {
            status = stream_flush(bundle, stream, error);
            const int failure = close(stream->fd) != 0 ? errno : 0;
            stream->fd = -1;
            status = status == FND_OK ? refused(bundle, stream->path, failure, error) : status;
            fnd_sha256_end(&stream->hash, digest);
            file_add(bundle, stream->path, stream->size, digest);
        }
    }
    return status;
}

static int path_order(const void *a, const void *b)
{
    return strcmp(((const struct fnd_bundle_file *)a)->path,
                  ((const struct fnd_bundle_file *)b)->path);
}

void fnd_bundle_hash(struct fnd_bundle *bundle, char sha256[FND_DIGEST_TEXT_SIZE])
{
    struct fnd_sha256 hash;
    uint8_t digest[FND_DIGEST_SIZE];
    if (!bundle->sorted && bundle->count > 1) {
        qsort(bundle->files, bundle->count, sizeof *bundle->files, path_order);
    }
    bundle->sorted = true;
    fnd_sha256_begin(&hash);
    for (size_t i = 0; i < bundle->count; i++) {
        fnd_sha256_add(&hash, bundle->files[i].sha256, FND_DIGEST_TEXT_SIZE - 1);
        fnd_sha256_add(&hash, "  ", 2);
        fnd_sha256_add(&hash, bundle->files[i].path, strlen(bundle->files[i].path));
        fnd_sha256_add(&hash, "\n", 1);
    }
    fnd_sha256_end(&hash, digest);
    fnd_digest_text(digest, sha256);
}

void fnd_bundle_seal(struct fnd_bundle *bundle)
{
    fnd_bundle_hash(bundle, bundle->sha256);
}

void fnd_bundle_listing(const struct fnd_bundle *bundle, struct fnd_text *json)
{
    fnd_text_append_byte(json, '[');
    for (size_t i = 0; i < bundle->count; i++) {
        fnd_text_append_z(json, i > 0 ? ",[" : "[");
        fnd_text_append_json_z(json, bundle->files[i].path);
        fnd_text_printf(json, ",\"%s\",%" PRIu64 "]", bundle->files[i].sha256,
                        bundle->files[i].size);
    }
    fnd_text_append_byte(json, ']');
}

/** Under the lock: the new folder takes the place of what is there, in one step. */
static enum fnd_status name_take(struct fnd_bundle *bundle, bool *replaced, struct fnd_error *error)
{
    enum fnd_status status = fnd_replaceable(bundle->parent, bundle->name, bundle->path, error);
    if (status != FND_OK) {
        return status;
    }
    *replaced = false;
    if (renameat2(bundle->parent, bundle->temporary, bundle->parent, bundle->name,
                  RENAME_NOREPLACE) == 0) {
        return FND_OK;
    }
    if (errno == EEXIST) {
        *replaced = true;
        if (renameat2(bundle->parent, bundle->temporary, bundle->parent, bundle->name,
                      RENAME_EXCHANGE) == 0) {
            return FND_OK;
        }
        if (errno == EINVAL || errno == ENOSYS) {
            return fnd_error_set(
                error, FND_CONFLICT,
                "cannot replace the export %s: its file system cannot exchange two "
                "folders in one step; remove it, or export to another name",
                bundle->path);
        }
    } else if ((errno == EINVAL || errno == ENOSYS) && /* it fails where anything is there */
               renameat(bundle->parent, bundle->temporary, bundle->parent, bundle->name) == 0) {
        return FND_OK;
    }
    return fnd_error_errno(error, fnd_status_errno(errno), errno,
                           "cannot give the export its name %s", bundle->path);
}

enum fnd_status fnd_bundle_publish(struct fnd_bundle *bundle, const char *manifest,
                                   struct fnd_error *error)
{
    bool replaced = false;
    enum fnd_status status = put(bundle, FND_BUNDLE_MANIFEST, manifest, strlen(manifest), error);
    if (status != FND_OK || bundle->path == NULL) {
        return status;
    }
    /* One call for thousands of small files; it tells of every failed write among them. */
    if (syncfs(bundle->fd) != 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot make the export %s durable", bundle->path);
    }
    FND_CRASH_POINT("dataset.export.sealed");
    while (flock(bundle->parent, LOCK_EX) != 0 && errno == EINTR) {
    }
    status = name_take(bundle, &replaced, error);
    FND_CRASH_POINT("dataset.export.named");
    if (status == FND_OK && !replaced) {
        bundle->temporary[0] = '\0';
    }
    if (status == FND_OK && fsync(bundle->parent) != 0 && errno != EINVAL) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "the export is there, but its name %s cannot be made durable",
                                 bundle->path);
    }
    flock(bundle->parent, LOCK_UN);
    return status; /* what was there before has the temporary name now, and goes with it */
}

void fnd_bundle_finish(struct fnd_bundle *bundle)
{
    if (bundle->temporary[0] != '\0') {
        fnd_folder_remove(bundle->parent, bundle->temporary);
    }
    if (bundle->fd >= 0) {
        close(bundle->fd);
    }
    if (bundle->parent >= 0) {
        close(bundle->parent);
    }
    for (size_t i = 0; i < bundle->count; i++) {
        free(bundle->files[i].path);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        struct fnd_bundle_stream *stream = &bundle->streams[i];
        if (stream->path != NULL && stream->fd >= 0) {
            close(stream->fd);
        }
        free(stream->path);
        fnd_text_finish(&stream->buffer);
    }
    free(bundle->files);
    free(bundle->path);
    free(bundle->scratch);
    *bundle = (struct fnd_bundle){.parent = -1, .fd = -1};
}
