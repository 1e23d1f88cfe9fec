/* SPDX-License-Identifier: MIT */
/* From CorrectionRecords to checks, and from those to what a gate is told. */
#ifndef FND_LEARN_CHECKS_H
#define FND_LEARN_CHECKS_H

#include "learn/threshold.h"
#include "pipeline/kind.h"
#include "review/review.h"

/** What was checked of one model's output. `= {.model = …}`, which it owns; finish frees.
 *
 *  Checks are of two kinds. Its own: what it said in production and a person looked at. Borrowed:
 *  what it, or models made as it was from a part of its examples, said of documents they had not
 *  seen (learn/cross.c). Borrowed ones count beside its own until its own contradict them: until
 *  more of what would pass was wrong than the target lets one expect (at the proof's level). From
 *  then on its own count alone. */
struct fnd_checks {
    char *model;
    bool asked;                           /* for what can be borrowed */
    size_t borrowed;                      /* documents */
    bool contradicted;                    /* by its own work, as it was last proven */
    struct fnd_check *values, *documents; /* documents: the same, and a value for each whole one */
    size_t values_count, documents_count, values_capacity, documents_capacity;
    char **fields; /* "/total", "/items/ * /price" without blanks; [0] is "", a whole document */
    size_t fields_count;
    struct fnd_threshold last; /* what was proven last, until a check is added */
    struct fnd_target target;
    bool fresh;
};
void fnd_checks_finish(struct fnd_checks *checks);

/** Where a person changed what a model said, by pointer of the model's output: so that values that
 *  only stand elsewhere, since an item before them went or came, are not taken for wrong ones, nor
 *  are boxes that were moved a little (boxes.h).
 *  text  holds it, if it had to be made. */
struct fnd_json fnd_checks_fields(struct fnd_json record, struct fnd_text *text);
/** Whether the value at `pointer` was wrong: it was changed, or what it is in, or something in it
 *  that has no confidence of its own. A wrong cell is the cell's error, a row too many or too few
 *  the list's. */
bool fnd_checks_changed(struct fnd_json fields, struct fnd_json scores, const char *pointer);

/** Add the checks in a CorrectionRecord (fnd_review_record_json). */
void fnd_checks_add(struct fnd_checks *checks, uint64_t document, struct fnd_json record);
/** Add checks that are borrowed: an object as cross.c notes them. */
void fnd_checks_borrow(struct fnd_checks *checks, uint64_t document, struct fnd_json check);
/** Take a document's checks back. */
void fnd_checks_forget(struct fnd_checks *checks, uint64_t document);

/** Fill all of `proof` but `seen`; nothing where no target is wanted. */
void fnd_checks_prove(struct fnd_checks *checks, const struct fnd_proof_want *want,
                      struct fnd_proof *proof);

#endif
