/* SPDX-License-Identifier: MIT */
/* Finding values for reads; for the files of this room only. */
#ifndef FND_HOST_FIND_H
#define FND_HOST_FIND_H

#include "host/state.h"

/** The document `doc` (0 to FND_CURSORS_COUNT - 1), or no value. */
struct fnd_json fnd_call_document(const struct foundry_call *call, int32_t doc);
/** The value at `ptr` in it, or no value; by the document's cursor. */
struct fnd_json fnd_call_find(struct foundry_call *call, int32_t doc, const char *ptr);
/** SUBJECT's confidence or origin at `ptr`, or no value. */
struct fnd_json fnd_call_mark(struct foundry_call *call, bool origin, const char *ptr);

#endif
