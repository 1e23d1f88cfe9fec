/* SPDX-License-Identifier: MIT */
/* What the files of `why` share. */
#ifndef FND_DATASET_WHY_INTERNAL_H
#define FND_DATASET_WHY_INTERNAL_H

#include "dataset/internal.h"
#include "dataset/why.h"

/* --- why_source.c: what a place in a line was made of ------------------------------------------
 */

enum fnd_why_source_kind {
    FND_FROM_NOTHING, /* no rule knows the place */
    FND_FROM_FORMAT,  /* the format writes the same for all */
    FND_FROM_ENTRY,   /* prompt or system text: the options, or the entry of `export:` */
    FND_FROM_INPUT,   /* the job's input: bytes, name, size, content */
    FND_FROM_ASKED,   /* prompt and input in one text */
    FND_FROM_HUMAN,   /* the corrected document */
    FND_FROM_MODEL,   /* what the model said */
    FND_FROM_SCORE,   /* the model's confidence */
    FND_FROM_RECORD,  /* another member of the record */
    FND_FROM_SPLIT    /* drawn by salt and path */
};
const char *fnd_why_source_name(enum fnd_why_source_kind kind); /* "human_output"; static */

/** Where a place's value came from. `= {0}`; finish frees. */
struct fnd_why_source {
    enum fnd_why_source_kind kind;
    struct fnd_text pointer; /* into the document, or the record; "" is the whole */
    struct fnd_json value;   /* in the line; no value where it is inside a text that is JSON */
    char *inside;            /* that value as JSON, malloc'ed; NULL */
};
void fnd_why_source_finish(struct fnd_why_source *source);

/** Find out about a place.
 *  table    the format's name, or "coco image", "coco annotation", "coco category".
 *  box      which of the document's boxes a line of `yolo` is.
 *  line     the value on the line.   pointer  into it, and further into a text that is JSON.
 *  entry    tells where boxes lie in the document; may be NULL.
 *  Returns false where there is no such place. */
bool fnd_why_source_find(const char *table, struct fnd_json line, const char *pointer,
                         const struct fnd_datum *datum, size_t box, struct fnd_why_source *source);

/* --- why_file.c: the export, its manifest, its line ---------------------------------------------
 */

/** A question under way. */
struct fnd_why {
    struct fnd_reader *reader;
    const struct fnd_why_question *question;
    struct fnd_text json;   /* the answer */
    struct fnd_text broken; /* its list of links that are missing or altered */
    size_t broken_count;
    char sha256[FND_DIGEST_TEXT_SIZE]; /* of the file as it is */
    struct fnd_text text;              /* the line, without a comma behind it */
    struct fnd_json line;
    char *inside;        /* of an export that is a folder: the file's path in it, malloc'ed */
    struct fnd_text row; /* and a line that is no JSON as JSON */
    size_t box;          /* and which box it is */
    const char *table;   /* for fnd_why_source_find() */
    struct fnd_manifest manifest;
    struct fnd_text manifest_path;
    struct fnd_plan plan;
    struct fnd_export_result result; /* the plan wants one */
    int64_t event;                   /* that recorded the export; 0: none did */
    size_t index;                    /* of the record in plan.numbers */
    struct fnd_datum datum;
};

/** Note a link that is missing or altered. */
void fnd_why_broken(struct fnd_why *why, const char *link, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Read file, manifest and line, and append "export". Notes what is broken; fails where there is
 *  nothing to go on with. */
enum fnd_status fnd_why_file(struct fnd_why *why, struct fnd_error *error);

/* --- why_folder.c: a file of an export that is a folder ----------------------------------------
 */

/** Append where the manifest of the folder lies that the file is in, and note its path in there;
 *  false where no folder on its path has one. */
bool fnd_why_folder_find(struct fnd_why *why, struct fnd_text *manifest);
/** Whether a manifest tells of the file, as its path ends, with the bytes that it has; notes its
 *  path in the folder where that is not known. */
bool fnd_why_folder_tells(struct fnd_why *why, struct fnd_json manifest);
/** Note it where the manifest tells of other bytes. */
void fnd_why_folder_check(struct fnd_why *why);
/** Read the line and find the record that it is of; false: it is of none. */
bool fnd_why_folder_line(struct fnd_why *why);
/** Append the line as the record gives it. */
enum fnd_status fnd_why_folder_again(struct fnd_why *why, struct fnd_text *line,
                                     struct fnd_error *error);
/** The first record whose document has that label; 0 if none has. */
size_t fnd_why_labelled(struct fnd_why *why, struct fnd_json name);

/* --- why_chain.c: record, answer, request, phase runs, input
 * -------------------------------------- */

/** Load the record and what is behind it, and append it. `source` NULL: the whole line. */
enum fnd_status fnd_why_chain(struct fnd_why *why, struct fnd_error *error);
/** Append all about one field: what it is made of, what the model said, where that was read. */
void fnd_why_field(struct fnd_why *why, const struct fnd_why_source *source, const char *pointer);

#endif
