/* SPDX-License-Identifier: MIT
 *
 * JSON text laid out anew, with every number and string as it was written.
 */
#ifndef FILE_FORMAT_H
#define FILE_FORMAT_H

#include "foundry/helpers.h"

/** Append JSON text (which is known to be right) without white space, or indented by two spaces a
 *  level, and a newline at its end. */
void format_json(foundry_text_t *out, const char *json, int is_pretty);

#endif
