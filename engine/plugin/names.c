/* SPDX-License-Identifier: MIT */
#include "plugin/names.h"

#include <stddef.h>
#include <string.h>

static bool made_of(const char *name, const char *alphabet)
{
    const size_t size = name == NULL ? 0 : strnlen(name, FND_PLUGIN_NAME_MAX + 1);
    return size > 0 && size <= FND_PLUGIN_NAME_MAX && strspn(name, alphabet) == size;
}

bool fnd_plugin_id_valid(const char *id)
{
    return made_of(id, "abcdefghijklmnopqrstuvwxyz0123456789-.");
}

bool fnd_callee_name_valid(const char *name)
{
    return made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
}
