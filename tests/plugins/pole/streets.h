/* SPDX-License-Identifier: MIT */
/* The committed streets, and pole/detect and pole/train called with them. */
#ifndef TEST_POLE_STREETS_H
#define TEST_POLE_STREETS_H

#include "base/json.h"
#include "base/text.h"
#include "host/call.h"

enum { STREETS = 12 };

/** Append a file of a street; two of them have no pole at all.  ending: "jpg", "truth.json". */
void sample_load(size_t number, const char *ending, struct fnd_text *bytes);
struct fnd_json json_of(const char *text);

/** Look at a picture, with a model or without; finish the effects. */
void detect(const struct fnd_text *image, const struct fnd_text *model,
            struct fnd_effects *effects);
/** That of a place; -1: none. */
double confidence_of(const struct fnd_effects *effects, const char *pointer);

/** Call the trainer with some examples; the streets are artifacts `street-1` and so on. Finish the
 *  effects. */
void train_run(const struct fnd_text *lines, bool cancelled, struct fnd_effects *effects);
/** Append lines for the first `count` streets with their truth as answer, or with `human`. */
void examples_make(struct fnd_text *lines, size_t count, const char *human);
/** Append the model that comes out of all streets. */
void model_train(const char *human, struct fnd_text *model);

#endif
