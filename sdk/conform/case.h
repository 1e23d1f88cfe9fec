/* SPDX-License-Identifier: MIT */
/* One case of a plugin's test: what a phase or detector is given, and what comes out of it. */
#ifndef CONFORM_CASE_H
#define CONFORM_CASE_H

#include "base/json.h"
#include "plugin/load.h"

struct case_place;

/** Run a case.
 *  place    the plugin, and where it runs; see place.h.
 *  given    a checked JSON object: "use" (the phase or detector), "config", "subject",
 *           "confidence" and "origin" (of SUBJECT, by pointer), "answers", "run" (members that
 *           replace those of DOC_RUN), "artifacts" (name to text or {"hex"}), "timeout_ms".
 *  result   appended to: a JSON object with "outcome", "output" (phases), "questions" and, where
 *           there is something, "confidence", "origin", "artifacts", "failure", "log".
 *  Returns FND_OK; FND_INVALID: the case is wrong; FND_PLUGIN: the plugin broke the contract, the
 *  error says how. */
enum fnd_status case_run(const struct case_place *place, struct fnd_json given,
                         struct fnd_text *result, struct fnd_error *error);

/** Whether `found` has all that `expected` names: every member of an object, every item of an array
 *  (and no more), scalars by value.
 *  Returns FND_OK, or FND_INVALID with the first pointer where they differ and both values. */
enum fnd_status case_match(struct fnd_json expected, struct fnd_json found,
                           struct fnd_error *error);

#endif
