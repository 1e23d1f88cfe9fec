/* SPDX-License-Identifier: MIT */
/* Under what a job ran: the pins, with their plugins' versions and hashes. */
#ifndef FND_COMMAND_SHOW_H
#define FND_COMMAND_SHOW_H

#include "command/session.h"

/** A pin that a job ran under, from an event of it on. */
struct fnd_under {
    int64_t pin, since; /* since: the event that brought it, the job's own for the first */
};

/** Print each pin with its plugins, for people: the hash's first digits do. */
void fnd_under_print(struct fnd_app *app, struct fnd_reader *reader, const struct fnd_under *list,
                     size_t count);
/** Append `,"pins":[{"pin","hash","since","plugins":[{"plugin","version","sha256"}]}]`. */
void fnd_under_json(struct fnd_reader *reader, const struct fnd_under *list, size_t count,
                    struct fnd_text *json);

#endif
