/* SPDX-License-Identifier: MIT */
/* The parts of an import: import_value.c says what an example of a file means, import.c goes
 * through the file and hands each one over (import_handed.c), to whom import_record.c says whether
 * it is new, and import_write.c puts it on record. */
#ifndef FND_DATASET_IMPORT_H
#define FND_DATASET_IMPORT_H

#include "dataset/internal.h"

/** An example of a file as a job and its correction. `= {0}`; finish frees. */
struct fnd_incoming {
    char *path, *pipeline;   /* identity */
    char *phase;             /* that people answered in; NULL: the pipeline's first */
    int64_t revision;        /* 0: the next that is free */
    char *uuid;              /* of the record; NULL: a new one */
    struct fnd_text picture; /* bytes; empty: there is none */
    struct fnd_text input;   /* JSON: the job's value, where it is no file */
    bool is_file;            /* `input` tells of a file, as records do; its bytes are `picture`,
                                or are not to be had */
    struct fnd_text model, human; /* JSON; empty: there is none */
    struct fnd_text marks;        /* JSON {"confidence","origin"}; empty: there are none */
    struct fnd_json fields;       /* as the file has them; no value: to be made */
    struct fnd_json provenance;   /* of the file's own record; no value: none */
    enum fnd_verdict verdict;     /* 0: to be told by comparing */
    enum fnd_tier tier;           /* 0: the file does not say */
    char *by;                     /* who said so; NULL: the importer */
};
void fnd_incoming_finish(struct fnd_incoming *incoming);

/** Read an example that keeps its format's rules.
 *  folder  where pictures are looked for by name.
 *  Returns FND_OK; FND_INVALID, FND_NOT_FOUND, FND_LIMIT, FND_DENIED, FND_IO. */
enum fnd_status fnd_incoming_read(const struct fnd_format *format, int folder,
                                  struct fnd_json value, struct fnd_incoming *incoming,
                                  struct fnd_error *error);

/* import_file.c */
/** Whether a name goes down only; links are another matter. */
bool fnd_name_goes_down(const char *name);
/** Whether an input is a file, as a record tells of one: {"name","path"?,"media_type","sha256",
 *  "size"}. */
bool fnd_incoming_tells_file(struct fnd_json input);
/** Of an example whose `input` is one: set `is_file`, and `picture` if a file of that path or name
 *  and of that hash lies below `folder`. */
void fnd_incoming_file_load(int folder, struct fnd_incoming *incoming);
/** Append input and artifacts (or references: `kept` NULL) of the job's body, from its "input" on.
 *  FND_OK; FND_INVALID: the input tells of no file, or of another one than was kept. */
enum fnd_status fnd_incoming_file_append(const struct fnd_incoming *incoming,
                                         const struct fnd_artifact *kept, struct fnd_text *body,
                                         struct fnd_error *error);

/** Where an example comes from. Texts are borrowed. */
struct fnd_import_origin {
    const char *format, *name; /* the file's, without its folder */
    const char *sha256;        /* of the file; of a folder, of its names */
    const char *file;          /* where in a folder; NULL: it is none */
    const char *by;            /* who imports */
    int64_t line;
};

/** Append an example as members of a JSON object that is left open. */
void fnd_incoming_append(const struct fnd_incoming *incoming,
                         const struct fnd_import_origin *origin, struct fnd_text *json);
/** The same read back.
 *  texts  what `origin` points to; the caller finishes it, and `incoming`, whatever comes back.
 *  Returns FND_OK; FND_INVALID. */
struct fnd_import_texts {
    char *format, *name, *sha256, *file, *by;
};
enum fnd_status fnd_incoming_parse(struct fnd_json example, struct fnd_incoming *incoming,
                                   struct fnd_import_origin *origin, struct fnd_import_texts *texts,
                                   struct fnd_error *error);
void fnd_import_texts_finish(struct fnd_import_texts *texts);

/** An example on its way to the record. */
struct fnd_importing {
    struct fnd_reader *reader;
    struct fnd_store *store;
    struct fnd_import_origin origin;
    char *pipeline, *phase, *subject; /* of the pin in hand */
    int64_t pin;
    int32_t phase_index, subject_index, phases_count;
};
/** The pipeline's newest pin if it has such a phase, else one that stands for elsewhere; into
 *  importing->pin and what is beside it. */
enum fnd_status fnd_import_pin(struct fnd_importing *importing, const char *pipeline,
                               const char *phase, struct fnd_error *error);
/** Let go of the pin in hand. */
void fnd_import_forget(struct fnd_importing *importing);
/** Hash of what an example says: the same example again is the same record. */
void fnd_import_content(const struct fnd_incoming *incoming, char hex[FND_DIGEST_TEXT_SIZE]);
/** Take the job in. FND_CONFLICT: one of this name and revision is there, `*job`. */
enum fnd_status fnd_import_job(struct fnd_importing *importing, const struct fnd_incoming *incoming,
                               int32_t revision, const char *content, int64_t *job,
                               struct fnd_error *error);
/** The model's output, and the question that the answer will be to. */
enum fnd_status fnd_import_ask(struct fnd_importing *importing, const struct fnd_incoming *incoming,
                               const struct fnd_step_row *row, struct fnd_error *error);
/** The answer, with the corrected document. */
enum fnd_status fnd_import_answer(struct fnd_importing *importing,
                                  const struct fnd_incoming *incoming,
                                  const struct fnd_step_row *row, const char *content,
                                  struct fnd_error *error);

#endif
