/* SPDX-License-Identifier: MIT */
/* A copy of a record that is a job directory itself. */
#ifndef FND_STORE_BACKUP_H
#define FND_STORE_BACKUP_H

#include "store/reader.h"

/** What went into a backup. */
struct fnd_backup {
    int64_t events, artifacts, plugins;
    uint64_t size; /* bytes of all files */
};

/** Copy the record as it is now, its artifacts, plugin copies and a witness of its end into a
 * folder that is not there yet. A live engine goes on meanwhile; what it commits later is not in
 * the copy. The copy is verified and synced before it gets its name; else nothing is left of it.
 *  reader   of the job directory, without a held snapshot; in any process.
 *  target   the folder to make, without a slash at its end; its parent must be there. It is a job
 *           directory without inputs.
 *  Returns FND_OK; FND_CONFLICT: `target` is there; FND_DAMAGED: the copy is not whole (the message
 *          has verify's first sentence); FND_NOT_FOUND: no such parent, or an artifact is missing;
 *          FND_FULL, FND_DENIED, FND_IO.  Thread: the reader's. */
enum fnd_status fnd_store_backup(struct fnd_reader *reader, const char *target,
                                 struct fnd_backup *result, struct fnd_error *error);

#endif
