/* SPDX-License-Identifier: MIT */
/* Which of two versions of a model works on: decided by the documents on which they differ. */
#ifndef FND_LEARN_PROMOTE_H
#define FND_LEARN_PROMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/** Verified pairs: what two versions said of the same thing whose truth a person gave. */
struct fnd_pairs {
    uint64_t better; /* the new one was right, the old one wrong */
    uint64_t worse;  /* the other way round */
    uint64_t equal;  /* both right or both wrong: they count as looked at and decide nothing */
};

/** The pairs of one field; `field` is borrowed: "/total_cost". */
struct fnd_pairs_field {
    const char *field;
    struct fnd_pairs pairs;
};

/** A decision with its numbers. Plain data; `field` is borrowed from the fields. */
struct fnd_promotion {
    enum fnd_promotion_end {
        FND_PROMOTION_HOLD_FEW,    /* fewer pairs than the minimum */
        FND_PROMOTION_HOLD_CHANCE, /* chance alone could give that */
        FND_PROMOTION_HOLD_FIELD,  /* better as a whole, but a field is worse */
        FND_PROMOTION_PROMOTE
    } end;
    struct fnd_pairs pairs;
    uint64_t minimum;
    double alpha, p;
    const char *field; /* the one that is worse, NULL if none is */
    struct fnd_pairs field_pairs;
    double field_p; /* the chance that a field no worse looks as bad as that */
};

/** A field holds a promotion when it looks worse with a p up to this many times alpha. A promotion
 *  must be proven; to doubt one, less is enough. */
enum { FND_PROMOTION_DOUBT = 4 };

/** Decide by the exact one-sided sign test over pairs that differ: promote when at least `minimum`
 *  of them were seen and p <= alpha.  Thread: any. */
void fnd_promotion_decide(uint64_t better, uint64_t worse, uint64_t minimum, double alpha,
                          struct fnd_promotion *out);

/** The same with all pairs (the minimum is of those looked at, equal ones too) and with a veto of
 *  each field: one that has more worse than better ones, p <= FND_PROMOTION_DOUBT * alpha, holds
 * the promotion. The field with the lowest p is named. fields  borrowed, may be NULL with count 0;
 * their names must outlive `out`. */
void fnd_promotion_judge(const struct fnd_pairs *all, const struct fnd_pairs_field *fields,
                         size_t count, uint64_t minimum, double alpha, struct fnd_promotion *out);

/** Whether the old version comes back: the same rule seen from the old one's side. `all` and
 *  `fields` are still from the new one's side (better: the new one was right). In `out` better and
 *  worse have changed places, and FND_PROMOTION_PROMOTE means: roll back. */
void fnd_rollback_judge(const struct fnd_pairs *all, const struct fnd_pairs_field *fields,
                        size_t count, uint64_t minimum, double alpha, struct fnd_promotion *out);

/** Append the decision as one sentence with its numbers: "promote: right where the other was wrong
 *  in 9 of the 10 that differ, p = 0.0107, at most 0.05".
 *  rollback  whether `out` came from fnd_rollback_judge(). */
void fnd_promotion_text(const struct fnd_promotion *promotion, bool rollback,
                        struct fnd_text *text);
/** Append the numbers as a JSON object, for the event:
 *  {"decision":"promote","better":9,"worse":1,"equal":40,"minimum":50,"alpha":0.05,"p":0.0107…,
 *   "field":{"field","better","worse","p"}?,"reason":the sentence}. */
void fnd_promotion_json(const struct fnd_promotion *promotion, bool rollback,
                        struct fnd_text *json);

#endif
