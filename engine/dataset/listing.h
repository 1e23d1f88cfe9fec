/* SPDX-License-Identifier: MIT */
/* The files that the manifest in a folder tells of, one at a time: there may be as many as the
 * export has pictures. */
#ifndef FND_DATASET_LISTING_H
#define FND_DATASET_LISTING_H

#include <stdio.h>

#include "dataset/internal.h"

/** `= {0}`; finish frees. */
struct fnd_listing {
    bool there; /* the manifest has a list of files; it is some other program's where it has none */
    bool more;  /* there is a file at hand: */
    struct fnd_text path;
    char sha256[FND_DIGEST_TEXT_SIZE]; /* as the manifest has it; "" where that is none */
    FILE *spool;                       /* what comes behind it; NULL: in `held`, from `at` on */
    struct fnd_text held;
    size_t at;
};
/** Read the list of the manifest in a folder. That of a long one goes to a temporary file.
 *  Returns FND_OK, the first file is at hand; FND_NOT_FOUND: there is no manifest; FND_INVALID: it
 *          is none, or does not list its files in order; FND_LIMIT, FND_DENIED, FND_IO. */
enum fnd_status fnd_listing_open(int folder, struct fnd_listing *listing, struct fnd_error *error);
/** The next file is at hand, or `more` is false. */
enum fnd_status fnd_listing_next(struct fnd_listing *listing, struct fnd_error *error);
void fnd_listing_finish(struct fnd_listing *listing);

#endif
