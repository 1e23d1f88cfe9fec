/* SPDX-License-Identifier: MIT */
/* The form of ids and names; what loads a plugin and what reads its description agree on it. */
#ifndef FND_PLUGIN_NAMES_H
#define FND_PLUGIN_NAMES_H

#include <stdbool.h>

enum { FND_PLUGIN_NAME_MAX = 64, FND_PLUGIN_LINE_MAX = 1024 };

/** Lower case letters, digits, dashes, dots; 1 to FND_PLUGIN_NAME_MAX. NULL is none. */
bool fnd_plugin_id_valid(const char *id);
/** Lower case letters, digits, dashes; 1 to FND_PLUGIN_NAME_MAX. NULL is none. */
bool fnd_callee_name_valid(const char *name);

#endif
