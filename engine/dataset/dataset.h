/* SPDX-License-Identifier: MIT */
/* CorrectionRecords as training data: a file in a named format, and a manifest from which the very
 * same bytes can be made again. README.md tells of formats, splits and the manifest. */
#ifndef FND_DATASET_DATASET_H
#define FND_DATASET_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "store/reader.h"
#include "store/store.h"

enum {
    FND_DATASET_LINE_SIZE_MAX = 64 << 20,    /* bytes of one line, ours or a foreign file's */
    FND_DATASET_MANIFEST_SIZE_MAX = 1 << 30, /* bytes; about 80 a record */
    FND_DATASET_MANIFEST_HELD_MAX = 4 << 20, /* bytes; a longer one is in its file only */
    FND_DATASET_SHARES_SUM = 1000            /* shares are counted in thousandths */
};

/** Where a job's records belong. Recorded: never renumber. */
enum fnd_split { FND_SPLIT_ALL = 0, FND_SPLIT_TRAIN, FND_SPLIT_VALIDATION, FND_SPLIT_TEST };
enum { FND_SPLITS_COUNT = 3 };
const char *fnd_split_name(enum fnd_split split); /* "train", …; static */
/** The split of that name ("all" included); false if there is none. */
bool fnd_split_find(const char *name, enum fnd_split *split);

/** Names of the formats, NULL-ended. */
extern const char *const fnd_dataset_formats[];

/** The split of a job by the store's UUID and the standard shares (800, 100, 100): the one that
 *  exports give it unless they are told otherwise. */
enum fnd_split fnd_dataset_split(const char *store_uuid, const char *pipeline, const char *path);
/** The UUID of the reader's store, malloc'ed. FND_DAMAGED. */
enum fnd_status fnd_dataset_store(struct fnd_reader *reader, char **uuid, struct fnd_error *error);

/** Something to be told to people. Borrowed during the call. */
struct fnd_dataset_note {
    int64_t record; /* the record it is about; 0: none */
    size_t line;    /* the line of the file, from 1; 0: the file as a whole */
    bool warning;   /* the data can be used all the same */
    const char *message;
    const char *file; /* in a folder: the file that the line is of; NULL: the only one */
};

/** What to export. `= {0}` with a format is the simplest. All borrowed. */
struct fnd_export_options {
    const char *format;   /* NULL: that of the entry `name` */
    const char *name;     /* the entry of the pipeline's `export:`; NULL: the only one of the
                             format, if there is one */
    const char *pipeline; /* its records only; NULL: of all */
    const char *of;       /* records of this phase only; NULL: as the entry says, else of all */
    const char *prompt;   /* NULL: the entry's, as pinned with the record; so the next two */
    const char *system;
    const char
        *uri_prefix; /* gs://BUCKET/… or https://HOST/…: where the trainer finds the inputs */
    const char *out; /* the file; NULL: out/NAME.jsonl in the job directory; "-": `fd`. Of a format
                        that makes a folder: the folder; NULL: out/NAME; "-": for
                        fnd_dataset_reproduce() only, which then drops what it made */
    int fd;          /* where "-" leads: written to once everything has been checked */
    const char *manifest;             /* NULL: OUT.manifest.json, and none for "-" */
    int64_t since, until;             /* record numbers, both included; 0: open */
    unsigned verdicts;                /* bits 1 << enum fnd_verdict; 0: all that the format takes */
    unsigned tiers;                   /* bits 1 << enum fnd_tier; 0: gold, and all for `foundry` */
    enum fnd_split split;             /* only this one */
    const char *salt;                 /* of the split; NULL: the store's UUID */
    int32_t shares[FND_SPLITS_COUNT]; /* thousandths, together 1000; all 0: 800, 100, 100 */
    bool skip_bad; /* go on without the records that cannot be exported; each is noted all the same
                    */
    size_t manifest_held_max; /* bytes of a manifest that the result and the EXPORT event hold; of a
                                 longer one they hold its hash; 0: FND_DATASET_MANIFEST_HELD_MAX */
    unsigned threads;         /* that make lines; 1: the caller's only; 0: as many as help */
    const char *meta;         /* a JSON object kept in the record beside the manifest; NULL: none */
    void (*said)(void *context, const struct fnd_dataset_note *note); /* may be NULL */
    void (*progress)(void *context, size_t lines); /* lines written; may be NULL */
    void *context;
};

/** Why a record of the range is not in the file. */
enum fnd_left {
    FND_LEFT_FILTERED, /* pipeline, phase, verdict, tier or split are not those asked for */
    FND_LEFT_REJECTED, /* says what is wrong, not what is right: only `foundry` carries it */
    FND_LEFT_REPLACED, /* a later record of the same job and phase stands */
    FND_LEFT_OUTDATED, /* its input file was replaced: the name now leads to other bytes */
    FND_LEFT_ANSWERS,  /* answers a phase's own questions: no corrected document */
    FND_LEFT_BAD,      /* cannot be exported, and `skip_bad` */
    FND_LEFT_UNDONE,   /* taken back by a person or a rule's end: only `foundry` carries it */
    FND_LEFT_COUNT
};
const char *fnd_left_name(enum fnd_left left); /* "replaced"; static */

/** What came out. `= {0}`; finish frees. */
struct fnd_export_result {
    size_t lines, records; /* records: that were looked at */
    size_t left_out[FND_LEFT_COUNT];
    size_t splits[FND_SPLITS_COUNT]; /* lines: train, validation, test */
    uint64_t size;                   /* bytes of the file */
    char sha256[FND_DIGEST_TEXT_SIZE];
    char *path, *manifest_path; /* malloc'ed; NULL for "-" */
    char *manifest;             /* its text, malloc'ed; NULL where it passes manifest_held_max */
    int64_t event;              /* number of the EXPORT event; 0: none was recorded */
};
void fnd_export_result_finish(struct fnd_export_result *result);

/** Write an export: all lines to a temporary file, which is read back and checked against format
 *  and records, then named; the manifest beside it.
 *  reader   of the job directory.
 *  store    open for writing: the export is recorded there as an EXPORT event; NULL: it is not.
 *  result   filled also on failure as far as it went.
 *  Returns FND_OK; FND_INVALID: options are wrong, or records cannot be exported (each was noted;
 *          nothing was written); FND_NOT_FOUND: no such pipeline, entry or folder; FND_CONFLICT:
 *          several entries fit; FND_DAMAGED: records are not what was recorded; FND_FULL,
 *          FND_DENIED, FND_IO.
 *  Memory grows with some 100 bytes a record; some 8 MiB of documents are held at a time, of larger
 *  ones one a thread.
 *  Thread: the reader's, which all callbacks come on. Of 256 records and more, threads of its own
 *          make lines, on up to four further connections. */
enum fnd_status fnd_dataset_export(struct fnd_reader *reader, struct fnd_store *store,
                                   const struct fnd_export_options *options,
                                   struct fnd_export_result *result, struct fnd_error *error);

/** Make the very file that a manifest tells of, whatever was recorded since.
 *  manifest  path of the manifest.
 *  options   only out, fd, manifest, manifest_held_max, threads, said, progress, context count.
 *            `out` NULL: the manifest's name without ".manifest.json", beside it; the manifest
 *            written is the one read.
 *  Memory    grows with 16 bytes a record, where the manifest passes manifest_held_max.
 *  Returns as fnd_dataset_export(); FND_DAMAGED: records are missing or altered (each was noted),
 * or the bytes came out otherwise; FND_CONFLICT: the manifest is of another job directory. */
enum fnd_status fnd_dataset_reproduce(struct fnd_reader *reader, const char *manifest,
                                      const struct fnd_export_options *options,
                                      struct fnd_export_result *result, struct fnd_error *error);

/** What a manifest tells of its export. */
struct fnd_manifest_about {
    char format[32];
    char sha256[FND_DIGEST_TEXT_SIZE];     /* of the export */
    char own_sha256[FND_DIGEST_TEXT_SIZE]; /* of the manifest's file */
    bool folder;                           /* it lists files */
};
/** Look into a manifest, in little memory however long it is.
 *  Returns FND_OK; FND_INVALID: it is none; FND_NOT_FOUND, FND_DENIED, FND_LIMIT, FND_IO. */
enum fnd_status fnd_dataset_manifest(const char *path, struct fnd_manifest_about *about,
                                     struct fnd_error *error);

/** What a check found. */
struct fnd_dataset_checked {
    size_t lines, errors, warnings;
};
/** Check any file, ours or a foreign one, against the rules of a format.
 *  said   called for each thing found; may be NULL.
 *  Returns FND_OK also with warnings; FND_INVALID: it breaks rules, or the format is unknown
 *          (did-you-mean); FND_NOT_FOUND, FND_DENIED, FND_IO.  Thread: any. */
enum fnd_status
fnd_dataset_validate(const char *path, const char *format,
                     void (*said)(void *context, const struct fnd_dataset_note *note),
                     void *context, struct fnd_dataset_checked *checked, struct fnd_error *error);

/** Names of the formats that can be imported, NULL-ended. */
extern const char *const fnd_dataset_imports[];

/** What to import. All borrowed. */
struct fnd_import_options {
    const char *format, *path; /* a file; of `yolo` a folder */
    const char *pipeline;      /* NULL: the record's own (`foundry`), else "imported" */
    const char *phase;         /* NULL: the record's own, else the pipeline's first human phase */
    const char *images;        /* the folder of pictures and other inputs; NULL: the file's own */
    const char *by;            /* who imports */
    enum fnd_tier tier;        /* 0: as the line says (`foundry` only) */
    void (*said)(void *context, const struct fnd_dataset_note *note);
    void (*progress)(void *context, size_t records);
    /* Put one example on record: hand these members (a JSON object without its closing brace) to
     * whoever holds the directory, who calls fnd_dataset_import_record(). */
    enum fnd_status (*take)(void *context, const struct fnd_text *example, bool *known,
                            struct fnd_error *error);
    void *context;
};
struct fnd_import_result {
    size_t examples, bad;  /* that the file holds and can be taken; that cannot */
    size_t records, known; /* made now; on record from before */
    size_t without; /* of those made now: whose file was not found; it is known by its hash */
};
/** Put a file's examples on record as corrections. First all of it is checked: where one example
 *  cannot be taken, none is. What is on record already is known again and never changed; an example
 *  that says something else of the same input is a further revision of it. An import that was cut
 *  off goes on where it stopped when it is repeated.
 *  Returns FND_OK; FND_INVALID: the file breaks rules or cannot be taken (each thing was noted);
 *          FND_NOT_FOUND, FND_DENIED, FND_LIMIT, FND_IO; what take() returned. */
enum fnd_status fnd_dataset_import(const struct fnd_import_options *options,
                                   struct fnd_import_result *result, struct fnd_error *error);
/** Put an example on record, as import's take() has it: three commits, of which those that an
 * import before this one made are left as they are. known: whether all of it was on record. Returns
 * FND_OK; FND_INVALID: it is none; FND_LIMIT, FND_FULL, FND_IO.  Thread: the store's. */
enum fnd_status fnd_dataset_import_record(struct fnd_reader *reader, struct fnd_store *store,
                                          struct fnd_json example, bool *known,
                                          struct fnd_error *error);

#endif
