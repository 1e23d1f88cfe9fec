/* SPDX-License-Identifier: MIT */
/* Reading manifests that are too long to be held. */
#ifndef FND_DATASET_FRAME_H
#define FND_DATASET_FRAME_H

#include "dataset/internal.h"

/** Told of each item of `records`, from 0; what is wrong with the first that is refused is what
 *  reading comes to. */
struct fnd_frame_hooks {
    enum fnd_status (*record)(void *context, struct fnd_json item, size_t index,
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

#endif
