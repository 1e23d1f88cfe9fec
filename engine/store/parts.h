/* SPDX-License-Identifier: MIT */
/* What the tables take from an event's body and meta. README.md, "what a body must hold". */
#ifndef FND_STORE_PARTS_H
#define FND_STORE_PARTS_H

#include "base/json.h"
#include "store/fold.h"

/** Parts and the memory behind them. `= {0}` before the first use. */
struct fnd_parts_read {
    struct fnd_parts parts;
    char *pipeline, *path, *group, *by, *model;
    struct fnd_twin *twins;
    int64_t *rules;
    struct fnd_artifact *artifacts;
    size_t capacity;
};
void fnd_parts_finish(struct fnd_parts_read *read);

/** Read the parts of an event of `kind`; what an earlier call left is freed. Outputs are not
 *  touched.
 *  body, meta  JSON, NULL when absent.
 *  Returns FND_OK; FND_INVALID: a member that must be there is not, or is no what it must be (the
 *          message names it, and says whether in body or meta).  Thread: any. */
enum fnd_status fnd_parts_read(struct fnd_parts_read *read, enum fnd_event_kind kind,
                               const char *body, size_t body_size, const char *meta,
                               size_t meta_size, struct fnd_error *error);

/** Whether an event's parts are read out of its body by the live writer, too: what is about
 * requests is rare, and one reader cannot disagree with itself. */
bool fnd_parts_desk(enum fnd_event_kind kind);
/** The parts of such a body, an object (parts_desk.c). As fnd_parts_read(). */
enum fnd_status fnd_parts_read_desk(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                    struct fnd_json body, struct fnd_error *error);

/** The parts of an event about models (parts_learn.c); what its meta names is added by
 *  fnd_parts_read_kept(). */
enum fnd_status fnd_parts_read_learn(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                     struct fnd_json body, struct fnd_error *error);
/** Which artifact of its meta such an event is about. */
enum fnd_status fnd_parts_read_kept(struct fnd_parts_read *read, enum fnd_event_kind kind,
                                    struct fnd_json meta, struct fnd_error *error);

/** Assert that the columns of a write are what its bodies say, so that a rebuild gives the same
 *  tables. Builds with sanitizers, and for coverage, do it at each submit. */
void fnd_parts_agree(const struct fnd_write *write);

const char *fnd_tier_name(enum fnd_tier tier);          /* "gold", "silver" */
const char *fnd_verdict_name(enum fnd_verdict verdict); /* "accepted", "corrected", "rejected" */

#endif
