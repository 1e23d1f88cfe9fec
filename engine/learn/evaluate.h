/* SPDX-License-Identifier: MIT */
/* A model tried by the engine itself: on documents whose truth a person gave, beside the version in
 * production, field by field. */
#ifndef FND_LEARN_EVALUATE_H
#define FND_LEARN_EVALUATE_H

#include "learn/examples.h"
#include "learn/promote.h"

/** One field over all documents; items of lists count together ("/items/0/price" is
 *  "/items/-/price"). */
struct fnd_field_score {
    char *field;
    uint64_t right, right_before, seen; /* of the new version, of the old, of both */
    struct fnd_pairs pairs;             /* in documents that were looked at as a whole */
    struct fnd_pairs doubts;            /* in those looked at in places */
};
struct fnd_score {
    struct fnd_field_score *fields;
    size_t count;
    struct fnd_pairs pairs, doubts;
    uint64_t documents, right, right_before, seen;
};
void fnd_score_finish(struct fnd_score *score);

/** Compare what two versions said of a document with what a person made of it.
 *  human, now, before  documents; `now` or `before` no value: that version failed, all is wrong.
 *                      Boxes are the same where they overlap well enough (boxes.h).
 *  reviewed            null: the document was looked at as a whole. Else a JSON array of pointers:
 *                      only fields at or below them count, boxes only where their list is, and all
 *                      of that as `doubts`: what is asked in places is what the version in
 *                      production was unsure of, where another wins too easily. */
void fnd_score_add(struct fnd_score *score, struct fnd_json human, struct fnd_json now,
                   struct fnd_json before, struct fnd_json reviewed);
/** Add what another score counted. */
void fnd_score_join(struct fnd_score *score, const struct fnd_score *other);
/** Decide by what the score says (fnd_promotion_judge()); names are borrowed from the score. Pairs
 *  of whole documents promote; a field that looks worse among the doubts holds as well. */
void fnd_score_judge(const struct fnd_score *score, const struct fnd_model *model,
                     struct fnd_promotion *out);
/** The same from the other side (fnd_rollback_judge()): whether the version before comes back. By
 *  whole documents alone. */
void fnd_score_judge_back(const struct fnd_score *score, uint64_t minimum, double alpha,
                          struct fnd_promotion *out);
/** Append
 * {"documents","seen","right","right_before","better","worse","in_places":{"better","worse",
 *  "equal"},"fields":{FIELD:{…}}}. */
void fnd_score_json(const struct fnd_score *score, struct fnd_text *json);

#endif
