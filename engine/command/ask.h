/* SPDX-License-Identifier: MIT */
/* What the commands about questions share. */
#ifndef FND_COMMAND_ASK_H
#define FND_COMMAND_ASK_H

#include "command/session.h"

/** The number of a request as a person names it: its number, or the job that waits.
 *  Returns FND_OK; FND_NOT_FOUND: no such request, or the job asks nothing. */
enum fnd_status fnd_request_named(struct fnd_app *app, struct fnd_reader *reader, const char *name,
                                  int64_t *request, struct fnd_error *error);
/** A request's JSON, as fnd_review_request_json() makes it, into `text`. */
enum fnd_status fnd_request_read(struct fnd_reader *reader, int64_t request, struct fnd_text *text,
                                 struct fnd_json *json, struct fnd_error *error);

#endif
