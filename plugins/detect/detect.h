/* SPDX-License-Identifier: MIT
 *
 * What the detectors of this plugin share: how they name fields and quote values in questions.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "foundry/helpers.h"

extern const foundry_detector_t low_confidence_detector;
extern const foundry_detector_t required_detector;
extern const foundry_detector_t regex_mismatch_detector;
extern const foundry_detector_t arithmetic_detector;
extern const foundry_detector_t box_inside_detector;

/** How people read a pointer: "line_items/0/quantity", and "the document" for "". Borrowed from
 *  `pointer`. */
const char *field_name(const char *pointer);

/** Append a JSON value as a question shows it, cut at about 80 bytes between characters. */
void quote_value(foundry_text_t *text, const char *json);

/** Read SUBJECT's value at `pointer` as JSON text. A value that is not there is NULL and
 * FOUNDRY_OK: that a value is missing is the business of `required` alone. */
foundry_status_t subject_value(const foundry_host_t *host, foundry_call_t *call,
                               const char *pointer, const char **json);

/** What ask_field() returns when the host takes no more questions of this call: not a failure, as
 *  the detectors run again on what was answered. Apart from all statuses and outcomes. */
enum { ASKED_ENOUGH = 100 };

/** Ask about a field. `rule` goes into the key, see foundry_question_key(); it may be NULL.
 *  Returns FOUNDRY_OK, ASKED_ENOUGH, or the first failure of question, context or asking. */
foundry_status_t ask_field(const foundry_host_t *host, foundry_call_t *call, const char *name,
                           const char *kind, const char *pointer, const char *rule,
                           const foundry_text_t *question, foundry_json_t *context);

/** What detect() returns for the status that its walk ended with. */
foundry_outcome_t detect_end(const foundry_host_t *host, foundry_call_t *call,
                             foundry_status_t status);

/** Add a member "value" to the context, unless it is too large to be shown. */
void context_value(foundry_json_t *context, const char *json);

#endif
