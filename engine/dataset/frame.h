/* SPDX-License-Identifier: MIT */
/* Reading manifests that are too long to be held. */
#ifndef FND_DATASET_FRAME_H
#define FND_DATASET_FRAME_H

#include "dataset/internal.h"

/** Told of each item of `records` and of `files`, from 0; what is wrong with the first that is
 *  refused is what reading comes to. Either may be NULL. */
struct fnd_frame_hooks {
    enum fnd_status (*record)(void *context, struct fnd_json item, size_t index,
                              struct fnd_error *error);
    enum fnd_status (*file)(void *context, struct fnd_json item, size_t index,
                            struct fnd_error *error);
    void *context;
};

/** Read a manifest from its start and append it to `frame`, with its lists `records` and `files`
 *  empty: their items are looked at one at a time, and must be JSON. Whether the frame is, is for
 *  who asked.
 *  hooks  may be NULL.  Returns FND_OK; FND_INVALID, FND_LIMIT, FND_IO, or what a hook returned. */
enum fnd_status fnd_manifest_frame(FILE *file, const struct fnd_frame_hooks *hooks,
                                   struct fnd_text *frame, struct fnd_error *error);
/** The same of a file; false where there is none, or no manifest. */
bool fnd_manifest_frame_of(const char *path, struct fnd_text *frame);

/** As fnd_manifest_read(), in memory that grows with eight bytes a record: the manifest and the
 *  hashes of its records go to temporary files. */
enum fnd_status fnd_manifest_stream(const char *path, struct fnd_manifest *manifest,
                                    struct fnd_plan *plan, struct fnd_error *error);

/** Hold on to a manifest as its file has it now, in memory where that is short and else in a
 *  temporary file, and hash it: own_sha256. Whether it is one, fnd_manifest_take() says.
 *  Returns as fnd_file_read(). */
enum fnd_status fnd_manifest_load(const char *path, struct fnd_manifest *manifest,
                                  struct fnd_error *error);
/** Read what was loaded into a plan. As fnd_manifest_read() and fnd_manifest_stream(). */
enum fnd_status fnd_manifest_take(const char *path, struct fnd_manifest *manifest,
                                  struct fnd_plan *plan, struct fnd_error *error);
/** The hash that a manifest has for the record plan->numbers[index]. */
enum fnd_status fnd_manifest_hash(const struct fnd_manifest *manifest, const struct fnd_plan *plan,
                                  size_t index, uint8_t hash[FND_DIGEST_SIZE],
                                  struct fnd_error *error);
/** The SHA-256 that a manifest has for a file of its folder; false: it tells of no such file. */
bool fnd_manifest_file(const struct fnd_manifest *manifest, const char *inside,
                       char sha256[FND_DIGEST_TEXT_SIZE]);

#endif
