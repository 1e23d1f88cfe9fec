/* SPDX-License-Identifier: MIT */
/* From a command line, a file or a line of stdin to an answer as the engine takes it. */
#ifndef FND_COMMAND_ANSWER_H
#define FND_COMMAND_ANSWER_H

#include "command/ask.h"

/** Append the JSON of one `--set FIELD=VALUE` to `values`, the members of an object (with a comma
 *  where something stands already).
 *  FIELD  a JSON pointer, or the plain name of a top-level field; for a question that is not about
 *         a field, its key.
 *  VALUE  JSON where JSON of that kind is wanted there, else text: the question's schema decides,
 *         then the output's, then what stands there now. So 10 for a text field stays "10".
 *  request  as fnd_review_request_json() makes it.
 *  Returns FND_OK; FND_INVALID: no '=', no such question. */
enum fnd_status fnd_answer_set(struct fnd_json request, const char *setting,
                               struct fnd_text *values, struct fnd_error *error);

/** Append `"name":value` members of an answer object that a person wrote (a file, a line), all but
 *  "request"; *by tells whether "by" is among them.
 *  Returns FND_OK; FND_INVALID names the member that is none, with did-you-mean. */
enum fnd_status fnd_answer_members(struct fnd_json answer, struct fnd_text *members, bool *by,
                                   struct fnd_error *error);

#endif
