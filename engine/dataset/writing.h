/* SPDX-License-Identifier: MIT */
/* The two halves of writing an export: write.c makes it, publish.c gives it its name. */
#ifndef FND_DATASET_WRITING_H
#define FND_DATASET_WRITING_H

#include "dataset/folder.h"
#include "dataset/near.h"

/** Writing under way. */
struct fnd_writing {
    struct fnd_plan *plan;
    struct fnd_sink sink;
    struct fnd_bundle bundle;   /* of a format that makes a folder, in the sink's place */
    uint8_t *splits;            /* of each record that was written, for a folder */
    struct fnd_checker checker; /* of lines before they are written, so that it is the record that
                                   is told of, and may be skipped */
    struct fnd_near near;       /* for what is learnt from */
    struct fnd_sink named, manifest; /* the manifest's list of records; the manifest */
    struct fnd_text records;         /* of a format that packs them: all lines, as an array */
    size_t bad;
    struct fnd_error first; /* what was wrong with the first bad one */
};

/** Put a manifest that is reproduced on disk, where it waits for its name, and let go of its text:
 *  of a million records that is 80 MB. */
enum fnd_status fnd_writing_lay_down(struct fnd_writing *writing, struct fnd_manifest *reproduced,
                                     struct fnd_error *error);
/** The manifest, new or the one that is reproduced, which was laid down; its text goes to the
 *  result where it is short. */
enum fnd_status fnd_writing_manifest(struct fnd_writing *writing,
                                     const struct fnd_manifest *reproduced,
                                     struct fnd_error *error);
/** The export and what lies beside it get their names, or go down the pipe. */
enum fnd_status fnd_writing_publish(struct fnd_writing *writing, struct fnd_error *error);
/** The EXPORT event: the manifest, or of a long one all but its list, and its hash. */
enum fnd_status fnd_writing_record(const struct fnd_writing *writing, struct fnd_store *store,
                                   struct fnd_error *error);

#endif
