/* SPDX-License-Identifier: MIT */
/* CorrectionRecords as examples for a trainer, and as questions with known answers for a model. */
#ifndef FND_LEARN_EXAMPLES_H
#define FND_LEARN_EXAMPLES_H

#include "dataset/dataset.h"
#include "learn/case.h"

/** A record that counts: the last one of its document, not taken back. */
struct fnd_lesson {
    int64_t record, subject,
        output; /* events: the answer, what it is about, what came of it or 0 */
    char *path;
    enum fnd_tier tier;
    enum fnd_verdict verdict;
    enum fnd_split split;
    int audited; /* whether it was drawn for the audit; -1: not looked at */
};

/** `= {0}`; finish frees. */
struct fnd_lessons {
    struct fnd_lesson *list; /* by record */
    size_t count;
    int64_t until; /* the newest record that was looked at */
    char *salt;    /* of the splits: the store's UUID */
    bool audits;   /* look at `audited` as records are read */
};
/** Records of a pipeline's human phase `of` (its id) about documents. */
enum fnd_status fnd_lessons_read(struct fnd_reader *reader, const char *pipeline, const char *of,
                                 struct fnd_lessons *lessons, struct fnd_error *error);
/** Append the records behind `until` as they stand: also those that later ones replace. */
enum fnd_status fnd_lessons_more(struct fnd_reader *reader, const char *pipeline, const char *of,
                                 struct fnd_lessons *lessons, struct fnd_error *error);
/** Make `settled`, which is freed first, of all those that were read: what counts of them. */
void fnd_lessons_settle(const struct fnd_lessons *all, struct fnd_lessons *settled);
void fnd_lessons_finish(struct fnd_lessons *lessons);
/** Of them: gold, or silver, in a split (FND_SPLIT_ALL: any), above a record's number. */
size_t fnd_lessons_count(const struct fnd_lessons *lessons, enum fnd_tier tier,
                         enum fnd_split split, int64_t after);

/** Append the pointers that a person looked at, as a JSON array, or null: the whole document.
 *  answer, asked  bodies of the record and of its request. */
void fnd_lesson_reviewed(struct fnd_json answer, struct fnd_json asked, struct fnd_text *json);

/** What a trainer is given. `= {0}`; finish frees and closes. */
struct fnd_examples {
    struct fnd_text lines;    /* JSON Lines */
    struct fnd_text manifest; /* canonical JSON: which records, with the hashes of their lines */
    struct fnd_artifact kept, manifest_kept; /* both, in the store */
    int pack;                                /* a file without a name that holds all artifacts */
    uint64_t pack_size;
    struct fnd_call_artifact *artifacts; /* "pack" first, then "examples", then the others */
    size_t artifacts_count;
    struct fnd_example {
        int64_t record;
        size_t at, size;       /* of the lines' bytes */
    } * list;                  /* one a line, in their order */
    size_t count, left;        /* lines; records of the split that could not be made into one */
    struct fnd_error left_why; /* the first of those */
    int64_t until;
};
/** Make them for a model, from the training split alone.
 *  Returns FND_OK, also with few or none; FND_NOT_FOUND, FND_DAMAGED, FND_FULL, FND_IO. */
enum fnd_status fnd_examples_make(struct fnd_engine *engine, const struct fnd_pipeline *pipeline,
                                  const struct fnd_model *model, struct fnd_examples *examples,
                                  struct fnd_error *error);
/** Pack one more artifact of the store, under a name. */
enum fnd_status fnd_examples_pack(struct fnd_engine *engine, struct fnd_examples *examples,
                                  const char *name, const struct fnd_artifact *artifact,
                                  struct fnd_error *error);
/** Pack lines that are no artifact of the store, under a name. */
enum fnd_status fnd_examples_pack_lines(struct fnd_examples *examples, const char *name,
                                        const struct fnd_text *lines, struct fnd_error *error);
void fnd_examples_finish(struct fnd_examples *examples);

#endif
