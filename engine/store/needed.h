/* SPDX-License-Identifier: MIT */
/* Which plugin copies the record's pins name, and who stands under them. */
#ifndef FND_STORE_NEEDED_H
#define FND_STORE_NEEDED_H

#include "store/reader.h"

/** A plugin copy that a pin names. Borrowed during the call. */
struct fnd_needed {
    int64_t pin;
    const char *pipeline, *plugin; /* names */
    const uint8_t *hash;           /* FND_DIGEST_SIZE bytes: plugins/HASH.so */
    bool stood;                    /* a job stands under the pin, or did before it was moved */
    int64_t live;                  /* jobs that stand under it and can still move */
    bool newest;                   /* the next job of that pipeline will stand under it */
    int64_t records; /* CorrectionRecords of jobs that stood under it: what said the values */
};

/** Walk over what every pin names, in the order of the pins; a copy that several pins name comes
 *  several times.
 *  unread  called for a pin whose document is damaged, and the walk goes on; NULL: it ends there.
 *  Returns FND_OK; FND_DAMAGED, FND_IO.  Thread: the reader's. */
enum fnd_status fnd_needed_walk(struct fnd_reader *reader,
                                void (*each)(const struct fnd_needed *needed, void *context),
                                void (*unread)(int64_t pin, void *context), void *context,
                                struct fnd_error *error);

#endif
