/* SPDX-License-Identifier: MIT */
/* What the files of ingest share. */
#ifndef FND_RUN_INGEST_H
#define FND_RUN_INGEST_H

#include "run/inputs.h"
#include "run/internal.h"

struct fnd_ingesting {
    struct fnd_engine *engine;
    struct fnd_pipeline *pipeline;
    int64_t pin;
    bool rested;
    struct fnd_ingest *counts;
    void (*refused)(void *context, const struct fnd_error *error);
    void *context;
};

/** One thing that may become a job. */
struct fnd_candidate {
    const char *identity;
    const char *file;      /* path of the file, bytes; for jobs by reference */
    struct fnd_json value; /* a line or NAME.job.json; or no value: a file */
    const struct fnd_input *input;
    size_t line;
    bool fresh; /* known not to be on record */
};

/** Count and report an input that cannot become a job. */
void fnd_ingest_refuse(struct fnd_ingesting *ingest, const struct fnd_error *error);

/** Make a job, or a new revision of one, unless it is there unchanged.  FND_OK or what stopped the
 *  store; what is wrong with the input itself is refused and FND_OK. */
enum fnd_status fnd_ingest_candidate(struct fnd_ingesting *ingest,
                                     const struct fnd_candidate *candidate,
                                     struct fnd_error *error);

/** A *.jsonl: a job a line. `identity` is the file's. (lines.c) */
enum fnd_status fnd_ingest_lines(struct fnd_ingesting *ingest, const struct fnd_input *input,
                                 const char *identity, struct fnd_error *error);

#endif
