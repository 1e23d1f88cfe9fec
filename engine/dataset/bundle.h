/* SPDX-License-Identifier: MIT */
/* A folder that is there whole, as it was before, or not at all. */
#ifndef FND_DATASET_BUNDLE_H
#define FND_DATASET_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

/** The manifest's name inside of a folder. */
#define FND_BUNDLE_MANIFEST "manifest.json"

struct fnd_bundle_file {
    char *path; /* from the folder on: "labels/train/000000000012.txt" */
    uint64_t size;
    char sha256[FND_DIGEST_TEXT_SIZE];
};

struct fnd_bundle {
    int parent, fd;
    char *path; /* as it was asked for, without slashes at its end; NULL: it never gets a name */
    const char *name; /* in parent: the end of path */
    char temporary[64];
    char *scratch; /* where the nameless one is made */
    struct fnd_bundle_file *files;
    size_t count, capacity;
    bool sorted;
    struct fnd_bundle_stream {
        char *path; /* NULL: not begun */
        int fd;
        struct fnd_text buffer;
        struct fnd_sha256 hash;
        uint64_t size;
    } streams[3];
    uint64_t size;                     /* bytes of all files */
    char sha256[FND_DIGEST_TEXT_SIZE]; /* once sealed: of the listing */
};

/** Begin a folder under a temporary name beside `path`.
 *  path  where it goes; a folder there must be empty or an earlier export with nothing else in it.
 *        NULL: a folder that is only looked at and then dropped.
 *  Returns FND_OK; FND_INVALID: no name for a folder; FND_CONFLICT: what lies there is not ours to
 *          replace; FND_NOT_FOUND, FND_DENIED, FND_IO.  Finish it in every case. */
enum fnd_status fnd_bundle_open(struct fnd_bundle *bundle, const char *path,
                                struct fnd_error *error);
/** Put a file into it; folders on the way are made. Each path once. */
enum fnd_status fnd_bundle_write(struct fnd_bundle *bundle, const char *path, const void *bytes,
                                 size_t size, struct fnd_error *error);
/** Append to a file that grows; `slot` (below 3) is always of the same path. */
enum fnd_status fnd_bundle_append(struct fnd_bundle *bundle, size_t slot, const char *path,
                                  const void *bytes, size_t size, struct fnd_error *error);
/** Those that grew are whole. */
enum fnd_status fnd_bundle_streams_end(struct fnd_bundle *bundle, struct fnd_error *error);
/** Make a folder that may stay empty. */
enum fnd_status fnd_bundle_folder(struct fnd_bundle *bundle, const char *path,
                                  struct fnd_error *error);
/** SHA-256 of the listing of what is there by now: `HASH  PATH` and a newline for each file, sorted
 *  by path, which is what sha256sum prints. */
void fnd_bundle_hash(struct fnd_bundle *bundle, char sha256[FND_DIGEST_TEXT_SIZE]);
/** All files are known; size and sha256 are the folder's. */
void fnd_bundle_seal(struct fnd_bundle *bundle);
/** Append `[[PATH, HASH, SIZE]…]`, sorted by path. */
void fnd_bundle_listing(const struct fnd_bundle *bundle, struct fnd_text *json);
/** Put the manifest in, make all of it durable and give it its name in one step: whoever looks sees
 *  the old folder or the new one.  Of two at once the later one stands.
 *  Returns FND_OK; FND_CONFLICT: somebody put other things there meanwhile, or the file system
 *          cannot exchange folders; FND_IO, FND_FULL, FND_DENIED. */
enum fnd_status fnd_bundle_publish(struct fnd_bundle *bundle, const char *manifest,
                                   struct fnd_error *error);
/** Without publish nothing is left of it. */
void fnd_bundle_finish(struct fnd_bundle *bundle);

#endif
