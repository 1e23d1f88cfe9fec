/* SPDX-License-Identifier: MIT */
/* From an exported value back to the input: which record, whose answer, what was asked, which phase
 * said it first, and where in the input it was read. */
#ifndef FND_DATASET_WHY_H
#define FND_DATASET_WHY_H

#include "base/json.h"
#include "base/text.h"
#include "dataset/dataset.h"

/** What is asked about. All borrowed. */
struct fnd_why_question {
    const char *file;  /* the export */
    size_t line;       /* of the file, from 1 */
    const char *field; /* a JSON pointer into the line, or the name of a field of the corrected
                          document; NULL: the whole line */
};

/** Take EXPORT:LINE[:FIELD] apart. A name may hold colons: the first cut that leaves the name of a
 *  file counts.  file  receives the name, malloc'ed; question->file points to it, field into
 * `text`. Returns FND_OK; FND_INVALID, told how it is written. */
enum fnd_status fnd_why_parse(const char *text, struct fnd_why_question *question, char **file,
                              struct fnd_error *error);

/** Tell the chain of links as one JSON object (dataset/README.md, "why").
 *  reader  of the job directory that the export was made from.
 *  json    receives it, also where links are missing or altered: "broken" lists those.
 *  broken  their number.
 *  Returns FND_OK; FND_NOT_FOUND: no such file, line or field, or nothing says how the file was
 *          made; FND_CONFLICT: it was made from another job directory; FND_INVALID, FND_IO.
 *  Thread: the reader's. */
enum fnd_status fnd_dataset_why(struct fnd_reader *reader, const struct fnd_why_question *question,
                                struct fnd_text *json, size_t *broken, struct fnd_error *error);

/** Every export on record, in order: its EXPORT event and its manifest. Reads all events. */
enum fnd_status fnd_dataset_exports(struct fnd_reader *reader,
                                    void (*each)(int64_t event, struct fnd_json manifest,
                                                 void *context),
                                    void *context, struct fnd_error *error);

#endif
