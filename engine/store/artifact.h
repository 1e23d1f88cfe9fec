/* SPDX-License-Identifier: MIT */
/* Files that are made whole or not at all, below .foundry. */
#ifndef FND_STORE_ARTIFACT_H
#define FND_STORE_ARTIFACT_H

#include "store/store.h"

/** Remove what a killed engine left half written in artifacts/ and plugins/.  The caller holds the
 *  directory's lock. */
void fnd_artifact_sweep(int folder);

enum { FND_TEMPORARY_SIZE = 64 };

/** A file that is being made: `name` below .foundry, open for writing as `fd`. */
struct fnd_temporary {
    int fd;
    char name[FND_TEMPORARY_SIZE];
};
/** Make one in `below` ("artifacts", "plugins").  Returns FND_OK; FND_FULL, FND_DENIED, FND_IO. */
enum fnd_status fnd_temporary_open(struct fnd_store *store, const char *below, unsigned mode,
                                   struct fnd_temporary *temporary, struct fnd_error *error);
/** fsync it, give it its name, fsync the folder of that name.  What it was is closed and gone also
 *  on failure. */
enum fnd_status fnd_temporary_keep(struct fnd_store *store, struct fnd_temporary *temporary,
                                   const char *path, struct fnd_error *error);
void fnd_temporary_drop(struct fnd_store *store, struct fnd_temporary *temporary);

/** Make what is in the folder of `path` durable: names, that is. */
enum fnd_status fnd_folder_sync(struct fnd_store *store, const char *path, struct fnd_error *error);

/** Copy everything `fd` gives to the temporary, hashing it.
 *  Returns FND_OK; FND_LIMIT; FND_FULL; FND_IO. */
enum fnd_status fnd_temporary_copy(struct fnd_store *store, struct fnd_temporary *temporary, int fd,
                                   uint64_t size_max, struct fnd_artifact *artifact,
                                   struct fnd_error *error);

#endif
