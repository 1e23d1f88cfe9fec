/* SPDX-License-Identifier: MIT */
/* Corrected documents as they are handed to a trainer. */
#ifndef INVOICE_EXAMPLE_H
#define INVOICE_EXAMPLE_H

#include "train.h"

/** Read the page out of what the learned phase was given: an object with words and perhaps page.
 *  PAGE_OK, or what is wrong; `index` is the word that is. document_finish() frees it. */
enum page_status page_of_with(struct document *document, const char *with, size_t *index);

enum example_status { EXAMPLE_OK, EXAMPLE_SKIPPED, EXAMPLE_BAD, EXAMPLE_NO_MEMORY };

/** Read one line of examples (one JSON object, see foundry_trainer_t). EXAMPLE_SKIPPED: it teaches
 *  nothing (rejected, without an answer). EXAMPLE_BAD: `message` says what is wrong with it. What
 *  is inside is freed by examples_finish() or example_finish(), whatever is returned. */
enum example_status example_read(struct example *example, const char *line, char *message,
                                 size_t message_size);
void example_finish(struct example *example);

#endif
