/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_DIRECTORY */
#include "dataset/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "dataset/frame.h"

static const char next_ending[] = ".next";

void fnd_companions_add(struct fnd_companions *companions, const char *path, struct fnd_text *bytes,
                        struct fnd_sink *sink)
{
    companions->list[companions->count].path = fnd_strdup(path);
    companions->list[companions->count].sink = sink;
    companions->list[companions->count++].bytes = *bytes;
    *bytes = (struct fnd_text){0};
}

void fnd_companions_finish(struct fnd_companions *companions)
{
    for (size_t i = 0; i < companions->count; i++) {
        free(companions->list[i].path);
        fnd_text_finish(&companions->list[i].bytes);
    }
    *companions = (struct fnd_companions){.count = 0};
}

static char *joined(const char *path, const char *ending, const char *more)
{
    struct fnd_text text = {0};
    fnd_text_printf(&text, "%s%s%s", path, ending, more);
    return fnd_text_take(&text);
}

char *fnd_pair_staged(const char *path)
{
    return joined(path, next_ending, "");
}

/** The folder that holds `path`, open; for its lock. */
static int folder_open(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? fnd_strdup(".")
                   : slash == path ? fnd_strdup("/")
                                   : fnd_strndup(path, (size_t)(slash - path));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

/** One export at a time gives names in a folder. A file system without locks goes without. */
static void lock(int folder)
{
    while (flock(folder, LOCK_EX) != 0 && errno == EINTR) {
    }
}

/** The SHA-256 that a manifest names; false where there is none. */
static bool told_hash(const char *manifest, char hash[FND_DIGEST_TEXT_SIZE])
{
    struct fnd_text text = {0};
    struct fnd_json json = {NULL, 0};
    bool told = false;
    if (fnd_manifest_frame_of(manifest, &text) &&
        fnd_json_check(text.bytes, text.size, NULL, &json, NULL) == FND_OK) {
        char *found = fnd_json_strdup(fnd_json_find(json, "/file/sha256"));
        told = found != NULL && strlen(found) == FND_DIGEST_TEXT_SIZE - 1;
        if (told) {
            memcpy(hash, found, FND_DIGEST_TEXT_SIZE);
        }
        free(found);
    }
    fnd_text_finish(&text);
    return told;
}

static int found_hash(const char *path, char hash[FND_DIGEST_TEXT_SIZE])
{
    uint8_t digest[FND_DIGEST_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const int failure = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : errno;
    if (fd >= 0) {
        close(fd);
    }
    if (failure == 0) {
        fnd_digest_text(digest, hash);
    }
    return failure;
}

/** Give a staged file its name; it may be that it has it already. */
static int staged_name(const char *path)
{
    char *staged = fnd_pair_staged(path);
    const int failure = rename(staged, path) == 0 || errno == ENOENT ? 0 : errno;
    free(staged);
    return failure;
}

static void staged_drop(const char *path)
{
    char *staged = fnd_pair_staged(path);
    unlink(staged);
    free(staged);
}

static void settle_locked(const char *path, const char *beside_name)
{
    char *manifest = joined(path, FND_MANIFEST_ENDING, "");
    char *beside = beside_name != NULL ? joined(path, beside_name, "") : NULL;
    char *staged = fnd_pair_staged(manifest);
    char told[FND_DIGEST_TEXT_SIZE], found[FND_DIGEST_TEXT_SIZE];
    if (access(staged, F_OK) == 0) {
        const bool came =
            told_hash(staged, told) && found_hash(path, found) == 0 && strcmp(told, found) == 0;
        /* The manifest is the last to go: as long as it is staged, all of it is done again. */
        if (beside != NULL && came) {
            (void)staged_name(beside);
        } else if (beside != NULL) {
            staged_drop(beside);
        }
        if (came) {
            (void)staged_name(manifest);
        } else {
            staged_drop(manifest);
        }
    }
    free(manifest);
    free(beside);
    free(staged);
}

void fnd_pair_settle(const char *path, const char *beside_name)
{
    int folder = folder_open(path);
    if (folder >= 0) {
        lock(folder);
        settle_locked(path, beside_name);
        close(folder);
    }
}

/** Durable under their temporary names. */
static enum fnd_status stage(struct fnd_companions *companions, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (size_t i = 0; status == FND_OK && i < companions->count; i++) {
        char *staged = fnd_pair_staged(companions->list[i].path);
        struct fnd_sink *sink = companions->list[i].sink;
        struct fnd_text *bytes = &companions->list[i].bytes;
        if (sink == NULL) {
            status = fnd_file_write(AT_FDCWD, staged, fnd_text_z(bytes), bytes->size, 0666, error);
        } else if (sink->path != NULL && strcmp(sink->path, staged) == 0) {
            status = fnd_sink_publish(sink, error);
        } else {
            status = fnd_sink_store(sink, staged, error);
        }
        free(staged);
    }
    return status;
}

/** What was staged gets its names. Returns 0 or the first errno value. */
static int all_named(const struct fnd_companions *companions)
{
    int failure = 0;
    for (size_t i = 0; i < companions->count; i++) {
        const int one = staged_name(companions->list[i].path);
        failure = failure == 0 ? one : failure;
        FND_CRASH_POINT("dataset.manifest.named");
    }
    return failure;
}

/** Nothing of it has come: what was staged goes, and where it has its name already, that goes. */
static void all_dropped(const struct fnd_companions *companions, bool named)
{
    for (size_t i = 0; i < companions->count; i++) {
        staged_drop(companions->list[i].path);
        if (named) {
            unlink(companions->list[i].path);
        }
    }
}

enum fnd_status fnd_pair_publish(struct fnd_sink *sink, struct fnd_companions *companions,
                                 struct fnd_error *error)
{
    int failure = 0;
    lock(sink->folder);
    /* Where nothing lies yet, the manifest has its name first: data is never without one. Else the
     * old data keeps its own until the new data has the name. */
    const bool first = access(sink->path, F_OK) != 0;
    enum fnd_status status = stage(companions, error); /* over what a killed one may have left */
    if (status == FND_OK) {
        FND_CRASH_POINT("dataset.manifest.staged");
        failure = first ? all_named(companions) : 0;
        if (failure != 0) {
            status =
                fnd_error_errno(error, fnd_status_errno(failure), failure,
                                "cannot give what lies beside the export %s its name", sink->path);
        }
    }
    if (status == FND_OK) {
        status = fnd_sink_publish(sink, error);
        FND_CRASH_POINT("dataset.export.named");
    }
    if (!fnd_sink_published(sink)) {
        all_dropped(companions, first);
    } else if (!first) {
        failure = all_named(companions);
    }
    if (failure != 0 && status == FND_OK) {
        status = fnd_error_errno(error, fnd_status_errno(failure), failure,
                                 "the export is there, but what lies beside %s cannot be given its "
                                 "name; it ends in %s",
                                 sink->path, next_ending);
    }
    if (status == FND_OK && fsync(sink->folder) != 0 && errno != EINVAL) {
        status =
            fnd_error_errno(error, fnd_status_errno(errno), errno,
                            "the export is there, but the name of the manifest of %s cannot be "
                            "made durable",
                            sink->path);
    }
    flock(sink->folder, LOCK_UN);
    return status;
}

enum fnd_status fnd_pair_look(const char *path, enum fnd_pair *pair,
                              char told[FND_DIGEST_TEXT_SIZE], char found[FND_DIGEST_TEXT_SIZE],
                              struct fnd_error *error)
{
    char *manifest = joined(path, FND_MANIFEST_ENDING, "");
    char *staged = fnd_pair_staged(manifest);
    int failure = 0;
    *pair = FND_PAIR_ALONE;
    if (told_hash(manifest, told)) {
        failure = found_hash(path, found);
        *pair = failure == 0 && strcmp(told, found) == 0 ? FND_PAIR_AGREES : FND_PAIR_DIFFERS;
    }
    char other[FND_DIGEST_TEXT_SIZE];
    if (failure == 0 && *pair != FND_PAIR_AGREES && told_hash(staged, other)) {
        failure = *pair == FND_PAIR_ALONE ? found_hash(path, found) : 0;
        *pair = failure == 0 && strcmp(other, found) == 0 ? FND_PAIR_STAGED : *pair;
    }
    free(manifest);
    free(staged);
    return failure == 0
               ? FND_OK
               : fnd_error_errno(error, fnd_status_errno(failure), failure, "cannot read %s", path);
}
