/* SPDX-License-Identifier: MIT */
/* What a record means, beyond what it says: do its pins still compile, and do its outputs keep the
 * schemas of the phases that made them? */
#ifndef FND_RUN_DEEP_H
#define FND_RUN_DEEP_H

#include "pipeline/kind.h"
#include "store/reader.h"

/** What was looked at. */
struct fnd_deep {
    int64_t pins;      /* compiled */
    int64_t pins_past; /* not to be compiled any more, and no job that has not ended needs them */
    int64_t outputs;   /* checked against a schema */
    int64_t outputs_free; /* of phases without a schema, or of such a past pin */
    int64_t flaws;
};

struct fnd_deep_options {
    const struct fnd_kind *const *kinds; /* the engine's own phases, NULL-ended */
    const char *worker_program;          /* NULL: found */
    const struct fnd_log *log;           /* may be NULL */
    void (*flaw)(const char *sentence, void *context);
    void *context;
};

/** Compile every pin from its document and its plugin copies, which are described in workers, and
 *  check every recorded output. Beside a live engine, too.
 *  Returns FND_OK: all was looked at (flaws or not); FND_DAMAGED, FND_IO: the record cannot be
 * read; FND_PLUGIN: workers cannot be started.  Thread: the reader's. */
enum fnd_status fnd_deep_look(struct fnd_reader *reader, const struct fnd_deep_options *options,
                              struct fnd_deep *result, struct fnd_error *error);

#endif
