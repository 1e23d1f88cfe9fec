/* SPDX-License-Identifier: MIT */
/* Which questions are the same: a fingerprint over kind, scope and normalised subject matter. */
#ifndef FND_PIPELINE_FINGERPRINT_H
#define FND_PIPELINE_FINGERPRINT_H

#include "base/json.h"
#include "base/text.h"

enum { FND_FINGERPRINT_TEXT_SIZE = 33 }; /* 32 hex digits and NUL */

/** Append a value so that what people take for the same is the same: text in lower case (ASCII),
 * with one space between words and none around; numbers by decimal value; members by name. */
void fnd_normalise(struct fnd_json value, struct fnd_text *text);

/** The fingerprint of a question.
 *  pipeline, phase  where it is asked: the same question elsewhere is another.
 *  kind             the question's, e.g. "LINK_PRODUCT".
 *  matter           normalised JSON of what it is about. */
void fnd_fingerprint(const char *pipeline, const char *phase, const char *kind,
                     const struct fnd_text *matter, char text[FND_FINGERPRINT_TEXT_SIZE]);

/** Append `,"fingerprint":"…"` for a question whose context names what it is about in a member
 *  "fingerprint".  Returns false, and appends nothing, without one.
 *  context  JSON text, or NULL. */
bool fnd_fingerprint_of_context(const char *pipeline, const char *phase, const char *kind,
                                const char *context, struct fnd_text *json);

#endif
