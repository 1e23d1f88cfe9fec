/* SPDX-License-Identifier: MIT */
/* From what a person answered to what each word of the page is. */
#ifndef INVOICE_LABEL_H
#define INVOICE_LABEL_H

#include "answer.h"
#include "candidates.h"
#include "result.h"
#include "roles.h"

enum { LABEL_NONE = 255 }; /* nothing is known of this word: it is not trained on */

/** Which candidates for a header field are what the answer says: `labels` gets 1 or 0 for each.
 *  Exactly, else the nearest text of at most a quarter of its letters changed. Returns 0 when none
 *  is: then the field teaches nothing. */
int header_label(const struct scene *scene, size_t field, const struct answer *answer,
                 const struct candidate *candidates, size_t count, uint8_t *labels);

/** The role of each word, found by numbers and description of the answer's rows; `labels` has one
 *  for each word. `reviewed` has one for each row, 0 for rows nobody looked at, or is NULL: the
 *  whole table was looked at, and lines that are no row are known to be none. 0, or -1 without
 *  memory. */
int roles_label(const struct scene *scene, const struct answer *answer,
                const unsigned char *reviewed, uint8_t *labels);

/** How the answer's date is meant where it stands on the page: DATE_DAY_FIRST or DATE_MONTH_FIRST
 *  where both are numbers (what the supplier prints so always), else DATE_CLEAR. `text` is how it
 * is printed, "" if it is not found. */
enum date_order date_label(const struct document *document, const struct answer *answer,
                           char text[ANSWER_TEXT_MAX]);

#endif
