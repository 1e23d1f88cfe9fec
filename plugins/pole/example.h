/* SPDX-License-Identifier: MIT */
/* Corrected pictures as they are handed to a trainer. */
#ifndef POLE_EXAMPLE_H
#define POLE_EXAMPLE_H

#include "train.h"

enum example_status { EXAMPLE_OK, EXAMPLE_SKIPPED, EXAMPLE_BAD, EXAMPLE_NO_MEMORY };

/** Read the boxes of a document ({"boxes": [{"box": [x0, y0, x1, y1], ...}, ...]}): those with an
 *  extent, the first `most`. 0, or -1 when it is not of this shape. */
int boxes_read(const char *document, struct box *boxes, size_t most, size_t *count);

/** Read all of one line of examples (one JSON object, see foundry_trainer_t) but its picture:
 *  `image` is the name of the artifact that holds it. EXAMPLE_SKIPPED: it teaches nothing
 *  (rejected, without an answer). EXAMPLE_BAD: `message` says what is wrong with it. */
enum example_status example_read(struct example *example, const char *line, char *image,
                                 size_t image_size, char *message, size_t message_size);
void examples_finish(struct examples *examples);

#endif
