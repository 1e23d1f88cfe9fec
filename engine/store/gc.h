/* SPDX-License-Identifier: MIT */
/* Files that nothing names. */
#ifndef FND_STORE_GC_H
#define FND_STORE_GC_H

#include "store/reader.h"

/** What was (or would be) removed. */
struct fnd_gc {
    int64_t artifacts, plugins, temporaries;
    uint64_t size; /* bytes */
};

/** Remove artifacts that no event names, plugin copies of pins that no job ever stood under and
 * that are not their pipeline's newest, and temporary files of writers that died (below artifacts/,
 * plugins/ and out/). Files that the engine does not make are left alone. Killed half-way, it has
 * removed some of them: the next one goes on. store    open for writing. Nothing may be kept and
 * not yet recorded meanwhile: the caller sees to it that no artifact is put and no plugin kept.
 *  reader   of the same directory.
 *  dry      only tell.
 *  found    called for each file: its path below the job directory, its size, why it goes.
 *  Returns FND_OK; FND_DAMAGED: it cannot be told what is named, nothing was removed; FND_IO.
 *  Thread: the reader's. */
enum fnd_status fnd_store_gc(struct fnd_store *store, struct fnd_reader *reader, bool dry,
                             void (*found)(const char *file, uint64_t size, const char *why,
                                           void *context),
                             void *context, struct fnd_gc *result, struct fnd_error *error);

#endif
