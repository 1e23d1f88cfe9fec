/* SPDX-License-Identifier: MIT */
/* The two halves of an import: import_value.c says what an example of a file means, import.c puts
 * it on record. */
#ifndef FND_DATASET_IMPORT_H
#define FND_DATASET_IMPORT_H

#include "dataset/internal.h"

/** An example of a file as a job and its correction. `= {0}`; finish frees. */
struct fnd_incoming {
    char *path, *pipeline, *phase; /* identity; the last two NULL: as the options say */
    int64_t revision;              /* 0: the next that is free */
    char *uuid;                    /* of the record; NULL: a new one */
    struct fnd_text picture;       /* bytes; empty: there is none */
    struct fnd_text input;         /* JSON: the job's value, where there is no picture */
    struct fnd_text model, human;  /* JSON; empty: there is none */
    struct fnd_text marks;         /* JSON {"confidence","origin"}; empty: there are none */
    struct fnd_json fields;        /* as the file has them; no value: to be made */
    struct fnd_json provenance;    /* of the file's own record; no value: none */
    enum fnd_verdict verdict;      /* 0: to be told by comparing */
    enum fnd_tier tier;            /* 0: the file does not say */
    char *by;                      /* who said so; NULL: the importer */
};
void fnd_incoming_finish(struct fnd_incoming *incoming);

/** Read an example that keeps its format's rules.
 *  folder  where pictures are looked for by name.
 *  Returns FND_OK; FND_INVALID, FND_NOT_FOUND, FND_LIMIT, FND_DENIED, FND_IO. */
enum fnd_status fnd_incoming_read(const struct fnd_format *format, int folder,
                                  struct fnd_json value, struct fnd_incoming *incoming,
                                  struct fnd_error *error);

#endif
