/* SPDX-License-Identifier: MIT
 *
 * File names that cannot leave their folder.
 */
#ifndef FILE_NAME_H
#define FILE_NAME_H

#include "foundry/helpers.h"

enum { NAME_BYTES_MAX = 200 }; /* of a whole name; file systems take 255 */

/** Append a safe form of `wanted` with `ending` behind it: slashes, backslashes, control characters
 *  and a leading dot become "_". A name over NAME_BYTES_MAX is cut between characters and gets
 * eight hexadecimal digits of its whole text's SHA-256, so that two long names stay two. An input's
 *  ".job.json" goes if an ending is added.
 *  ending   at most 16 bytes; "" for none.
 *  Returns 0, or -1 if nothing is left to name a file with. */
int name_safe(const char *wanted, const char *ending, foundry_text_t *name);

#endif
