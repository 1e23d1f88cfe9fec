/* SPDX-License-Identifier: MIT */
/* A file and what tells of it. Two names cannot change in one step; so what goes beside a file is
 * staged as NAME.next, the file gets its name, and then what was staged gets its own. Whoever comes
 * after a kill in between finds by the hash in the manifest which of the two belongs to the file,
 * and ends what was begun. */
#ifndef FND_DATASET_PAIR_H
#define FND_DATASET_PAIR_H

#include "dataset/internal.h"

#define FND_MANIFEST_ENDING ".manifest.json"
enum { FND_COMPANIONS_MAX = 2 };

/** What goes beside a file; the manifest comes last. `= {0}`; finish frees. */
struct fnd_companions {
    struct {
        char *path;
        struct fnd_text bytes;
        struct fnd_sink *sink; /* instead of bytes; borrowed */
    } list[FND_COMPANIONS_MAX];
    size_t count;
};
/** Add one. `bytes` is taken; with a sealed `sink`, its bytes are meant, and one that was opened as
 *  fnd_pair_staged() of `path` only gets its name. */
void fnd_companions_add(struct fnd_companions *companions, const char *path, struct fnd_text *bytes,
                        struct fnd_sink *sink);
/** Where what gets the name `path` is staged; malloc'ed. */
char *fnd_pair_staged(const char *path);
void fnd_companions_finish(struct fnd_companions *companions);
/** Give the sink its name and what is beside it theirs, as told above, one export at a time.
 *  Returns FND_OK, or what the system refused; fnd_sink_published() says whether the file is there;
 *  where it is not, everything is as it was. */
enum fnd_status fnd_pair_publish(struct fnd_sink *sink, struct fnd_companions *companions,
                                 struct fnd_error *error);
/** End what a killed export left beside `path`: what was staged for the file that is there gets its
 *  name, what was staged for one that never came is removed. Without the rights to, nothing
 * happens. beside_name  of the format; NULL: none. */
void fnd_pair_settle(const char *path, const char *beside_name);

/** How a file and the manifest beside it stand. */
enum fnd_pair {
    FND_PAIR_ALONE,  /* there is no manifest */
    FND_PAIR_AGREES, /* the manifest tells of this file */
    FND_PAIR_STAGED, /* the one that was staged does, and could not be given its name */
    FND_PAIR_DIFFERS /* it tells of other bytes */
};
/** Compare them by hash.
 *  told  receives the SHA-256 that the manifest names.  found: the file's. */
enum fnd_status fnd_pair_look(const char *path, enum fnd_pair *pair,
                              char told[FND_DIGEST_TEXT_SIZE], char found[FND_DIGEST_TEXT_SIZE],
                              struct fnd_error *error);

#endif
