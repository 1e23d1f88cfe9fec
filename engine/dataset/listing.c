/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOCTTY with fdopen */
#include "dataset/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/bundle.h"
#include "dataset/frame.h"

/** A list as it is read: what is kept of a file is its path, NUL, its hash, NUL. */
struct spooling {
    struct fnd_text *held; /* NULL: it goes to the spool */
    struct fnd_sink spool;
    struct fnd_text last; /* path */
};

static enum fnd_status piece_keep(struct spooling *spooling, const char *text,
                                  struct fnd_error *error)
{
    if (spooling->held != NULL) {
        fnd_text_append(spooling->held, text, strlen(text) + 1);
        return FND_OK;
    }
    return fnd_sink_write(&spooling->spool, text, strlen(text) + 1, error);
}

static enum fnd_status file_take(void *context, struct fnd_json item, size_t index,
                                 struct fnd_error *error)
{
    struct spooling *spooling = context;
    const bool listed = fnd_json_type(item) == FND_JSON_ARRAY;
    struct fnd_json hash = listed ? fnd_json_find(item, "/1") : (struct fnd_json){NULL, 0};
    char *path = listed ? fnd_json_strdup(fnd_json_find(item, "/0")) : NULL;
    char *sha256 = hash.bytes != NULL ? fnd_json_strdup(hash) : NULL;
    const bool hashed = sha256 != NULL && strlen(sha256) == FND_DIGEST_TEXT_SIZE - 1;
    enum fnd_status status = FND_OK;
    if (path == NULL) {
        status = fnd_error_set(error, FND_INVALID,
                               "is no manifest of an export: /files/%zu is not a path and its hash",
                               index);
    } else if (index > 0 && strcmp(path, fnd_text_z(&spooling->last)) <= 0) {
        status = fnd_error_set(error, FND_INVALID,
                               "is no manifest of an export: /files/%zu, %s, does not follow the "
                               "one before it",
                               index, path);
    } else {
        fnd_text_clear(&spooling->last);
        fnd_text_append_z(&spooling->last, path);
        status = piece_keep(spooling, path, error);
    }
    if (status == FND_OK) {
        status = piece_keep(spooling, hashed ? sha256 : "", error);
    }
    free(path);
    free(sha256);
    return status;
}

static enum fnd_status manifest_open(int folder, FILE **file, bool *is_long,
                                     struct fnd_error *error)
{
    struct stat there;
    int fd = openat(folder, FND_BUNDLE_MANIFEST, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum fnd_status status = FND_OK;
    if (fd < 0 || fstat(fd, &there) != 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot be opened");
    } else if (!S_ISREG(there.st_mode)) {
        status = fnd_error_set(error, FND_INVALID, "is no regular file");
    } else if (there.st_size > FND_DATASET_MANIFEST_SIZE_MAX) {
        status = fnd_error_set(error, FND_LIMIT, "has %jd bytes, and %d are allowed",
                               (intmax_t)there.st_size, FND_DATASET_MANIFEST_SIZE_MAX);
    } else {
        *is_long = there.st_size > FND_DATASET_MANIFEST_HELD_MAX;
        *file = fdopen(fd, "r");
        status = *file != NULL ? FND_OK : fnd_error_errno(error, FND_IO, errno, "cannot be read");
    }
    if (fd >= 0 && *file == NULL) {
        close(fd);
    }
    return status;
}

/** What was kept of the list, to be read. */
static enum fnd_status kept_open(struct spooling *spooling, struct fnd_listing *listing,
                                 struct fnd_error *error)
{
    if (spooling->held != NULL) {
        return FND_OK;
    }
    enum fnd_status status = fnd_sink_seal(&spooling->spool, error);
    return status == FND_OK ? fnd_sink_read(&spooling->spool, &listing->spool, error) : status;
}

enum fnd_status fnd_listing_open(int folder, struct fnd_listing *listing, struct fnd_error *error)
{
    struct spooling spooling = {.held = &listing->held, .spool = {.folder = -1, .fd = -1}};
    const struct fnd_frame_hooks hooks = {.file = file_take, .context = &spooling};
    struct fnd_text frame = {0};
    struct fnd_json json = {NULL, 0};
    FILE *file = NULL;
    bool is_long = false;
    enum fnd_status status = manifest_open(folder, &file, &is_long, error);
    if (status == FND_OK && is_long) {
        spooling.held = NULL;
        status = fnd_sink_open(&spooling.spool, NULL, error) == FND_OK ? FND_OK : FND_IO;
    }
    if (status == FND_OK) {
        status = fnd_manifest_frame(file, &hooks, &frame, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(frame.bytes, frame.size, NULL, &json, error);
    }
    if (status == FND_OK) {
        struct fnd_json files = fnd_json_type(json) == FND_JSON_OBJECT
                                    ? fnd_json_member(json, "files")
                                    : (struct fnd_json){NULL, 0};
        listing->there = files.bytes != NULL && fnd_json_type(files) == FND_JSON_ARRAY;
        status = kept_open(&spooling, listing, error);
    }
    if (status == FND_OK) {
        status = fnd_listing_next(listing, error);
    }
    if (file != NULL) {
        fclose(file);
    }
    fnd_sink_finish(&spooling.spool);
    fnd_text_finish(&spooling.last);
    fnd_text_finish(&frame);
    return status;
}

static int byte_next(struct fnd_listing *listing)
{
    if (listing->spool != NULL) {
        return getc_unlocked(listing->spool);
    }
    return listing->at < listing->held.size ? (unsigned char)listing->held.bytes[listing->at++]
                                            : EOF;
}

/** Up to the next NUL; false: the list ends before it. */
static bool piece_read(struct fnd_listing *listing, struct fnd_text *text)
{
    int byte = EOF;
    fnd_text_clear(text);
    while ((byte = byte_next(listing)) != EOF && byte != '\0') {
        fnd_text_append_byte(text, (char)byte);
    }
    return byte == '\0';
}

enum fnd_status fnd_listing_next(struct fnd_listing *listing, struct fnd_error *error)
{
    struct fnd_text hash = {0};
    listing->more = piece_read(listing, &listing->path) && piece_read(listing, &hash);
    listing->sha256[0] = '\0';
    if (hash.size == FND_DIGEST_TEXT_SIZE - 1) {
        memcpy(listing->sha256, fnd_text_z(&hash), FND_DIGEST_TEXT_SIZE);
    }
    fnd_text_finish(&hash);
    return listing->spool != NULL && ferror(listing->spool)
               ? fnd_error_set(error, FND_IO, "the list of its files cannot be read back")
               : FND_OK;
}

void fnd_listing_finish(struct fnd_listing *listing)
{
    if (listing->spool != NULL) {
        fclose(listing->spool);
    }
    fnd_text_finish(&listing->path);
    fnd_text_finish(&listing->held);
    *listing = (struct fnd_listing){.there = false};
}
