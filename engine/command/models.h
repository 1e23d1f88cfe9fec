/* SPDX-License-Identifier: MIT */
/* Which model a command is about. */
#ifndef FND_COMMAND_MODELS_H
#define FND_COMMAND_MODELS_H

#include "command/session.h"
#include "store/learn.h"

/** `= {0}`; finish frees and closes. */
struct fnd_models_place {
    struct fnd_reader *reader;
    char *pipeline, *model; /* names */
};
/** The job directory (--dir, else the nearest upward), the pipeline (--pipeline, else the only one
 *  that has such a model) and the model (the first operand, else the only one).
 *  Returns FND_OK; FND_NOT_FOUND: no such model, those there are named; FND_CONFLICT: several. */
enum fnd_status fnd_models_place(struct fnd_app *app, struct fnd_models_place *place,
                                 struct fnd_error *error);
void fnd_models_place_finish(struct fnd_models_place *place);
/** Begin a request: {"op","pipeline","model","by", and reason if there is one; not closed. */
void fnd_models_request(struct fnd_app *app, const struct fnd_models_place *place, const char *op,
                        struct fnd_text *request);

/** --model-version; -1: not given. FND_INVALID: it is no number. */
enum fnd_status fnd_models_version(struct fnd_app *app, int64_t *version, struct fnd_error *error);

#endif
