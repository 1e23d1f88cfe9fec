/* SPDX-License-Identifier: MIT */
/* What no export may hold: rules of the pipeline, applied to a record before anything is made of
 * it, so that every format, provenance and report is made of what is left. */
#ifndef FND_DATASET_REDACT_H
#define FND_DATASET_REDACT_H

#include "base/digest.h"
#include "base/json.h"
#include "dataset/internal.h"

/** What stands in the place of an input that is not told. */
#define FND_REDACT_WITHHELD "[input withheld]"

enum { FND_REDACT_QUOTED_MIN = 4 /* bytes: shorter values are not looked for in other places */ };

/** The rules of one pipeline. */
struct fnd_redact;

/** Read the rules of all records of the plan: those in their pins and in the newest pin of each
 *  pipeline, so that a rule that came later holds for older records, too. plan->redact receives
 *  them, NULL where there are none; their key is made of the store's secret salt.
 *  Returns FND_OK; FND_INVALID: a rule does not compile; FND_DAMAGED, FND_IO. */
enum fnd_status fnd_redact_collect(struct fnd_plan *plan, struct fnd_error *error);
/** The same out of a manifest's member `redact`. */
enum fnd_status fnd_redact_read(struct fnd_plan *plan, struct fnd_json member,
                                struct fnd_error *error);
void fnd_redact_destroy(struct fnd_redact *redact);
/** Append `,"redact":{"rules":{PIPELINE:[…]},"counts":{…}}` for the manifest; nothing without. */
void fnd_redact_manifest(const struct fnd_plan *plan, struct fnd_text *json);

/** The hash that names a record in the manifest: keyed, where there are rules, since whoever has
 * all but one value of it could guess that otherwise. */
void fnd_redact_record_hash(const struct fnd_plan *plan, const struct fnd_text *record,
                            uint8_t hash[FND_DIGEST_SIZE]);

/** Put into datum->json what is left of the record. Call once, behind fnd_datum_load().
 *  Returns FND_OK; FND_LIMIT: a pattern takes too long over a text; FND_INVALID: prompt, system
 * text or prefix holds what may not be told (code "redacted_prompt"). */
enum fnd_status fnd_redact_datum(struct fnd_plan *plan, struct fnd_datum *datum,
                                 struct fnd_error *error);
/** Append a copy of any JSON about the datum's record in which nothing is told. */
enum fnd_status fnd_redact_json(const struct fnd_datum *datum, struct fnd_json json,
                                struct fnd_text *text, struct fnd_error *error);

/* --- redact.c and redact_record.c share --------------------------------------------------------
 */

enum fnd_redact_action { FND_REDACT_MASK, FND_REDACT_HASH, FND_REDACT_DROP };

/* struct fnd_literals: values that pointers found in a record. Wherever else they are quoted, they
 * go, too. */
struct fnd_literal {
    char *text;
    size_t size;
    enum fnd_redact_action action;
};
void fnd_literals_finish(struct fnd_literals *literals);
void fnd_literal_add(struct fnd_literals *literals, const char *text, size_t size,
                     enum fnd_redact_action action);
/** Add every text and number below a place, as it is and as it is escaped in JSON or in a URI. */
void fnd_literals_below(struct fnd_literals *literals, struct fnd_json value,
                        enum fnd_redact_action action);

/** The rules of a pipeline by name, or NULL. */
const struct fnd_redact *fnd_redact_of(const struct fnd_plan *plan, const char *pipeline);
/** The rule for a place in a document: 0 none, else its number from 1. */
size_t fnd_redact_at(const struct fnd_redact *redact, const char *pointer);
enum fnd_redact_action fnd_redact_action_of(const struct fnd_redact *redact, size_t rule);
bool fnd_redact_keeps_image(const struct fnd_redact *redact, size_t rule);
/** Append what stands in a value's place. */
void fnd_redact_stand_in(const struct fnd_redact *redact, enum fnd_redact_action action,
                         const char *bytes, size_t size, struct fnd_text *text);
/** Append a text with one layer of escapes taken off: those of URIs, of JSON pointers, of JSON, of
 * HTML, or the plus of forms, by number. What stands for no whole character, or for NUL, stays.
 * Returns whether there was one; if not, what was appended is of no use. */
enum { FND_PEELS = 5 };
bool fnd_redact_peel(size_t peel, const struct fnd_text *from, struct fnd_text *to);
/** Append the differences between what is left of two documents as a record's `fields`.
 *  confidence  of the places, by pointer. */
void fnd_redact_fields(struct fnd_json from, struct fnd_json to, struct fnd_json confidence,
                       struct fnd_text *out);
/** Append `bytes` with all that patterns match and literals quote taken out, and with
 *  what they find under up to three layers of escapes: the text is told without those then.
 *  hits  a bit for each rule of patterns that matched; literals set none.
 *  changed  true where something was.  Returns FND_OK; FND_LIMIT. */
enum fnd_status fnd_redact_text(const struct fnd_redact *redact,
                                const struct fnd_literals *literals, const char *bytes, size_t size,
                                struct fnd_text *text, uint64_t *hits, bool *changed,
                                struct fnd_error *error);

#endif
