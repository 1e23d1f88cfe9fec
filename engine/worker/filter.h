/* SPDX-License-Identifier: MIT */
/* Which system calls this process may still make: a list of those that plugins need. */
#ifndef FND_WORKER_FILTER_H
#define FND_WORKER_FILTER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/** Whether the kernel takes such filters, and this processor is one the list is known for; if not,
 *  why in `error` (may be NULL). */
bool fnd_filter_there(struct fnd_error *error);

/** Refuse every call that is not in the list with EPERM, in this process and for good. no_new_privs
 *  must be set, and only one thread be running.
 *  write  with the calls that change folders; which folders is Landlock's part.
 *  Returns FND_OK; FND_DENIED: the kernel refused. */
enum fnd_status fnd_filter_load(bool write, struct fnd_error *error);

/** Append the names of the calls, separated by spaces; those with a condition carry it in
 *  brackets. */
void fnd_filter_calls(bool write, struct fnd_text *text);

#endif
