/* SPDX-License-Identifier: MIT */
/* The table of formats. */
#include <string.h>

#include "dataset/internal.h"

static const char *const format_names[] = {"foundry", "gemini", NULL};
static const struct fnd_format *const formats[] = {&fnd_format_foundry, &fnd_format_gemini};
_Static_assert(sizeof formats / sizeof formats[0] + 1 ==
                   sizeof format_names / sizeof format_names[0],
               "each format has its name in the list");

const char *const *fnd_dataset_formats(void)
{
    return format_names;
}

const struct fnd_format *fnd_format_find(const char *name, struct fnd_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    const char *near = fnd_nearest(name, format_names);
    struct fnd_text known = {0};
    for (size_t i = 0; format_names[i] != NULL; i++) {
        fnd_text_printf(&known, "%s%s", i > 0 ? ", " : "", format_names[i]);
    }
    fnd_error_set(error, FND_INVALID, "there is no export format `%.100s`%s%s%s; known: %s", name,
                  near != NULL ? ", did you mean `" : "", near != NULL ? near : "",
                  near != NULL ? "`" : "", fnd_text_z(&known));
    fnd_error_code(error, "unknown_format");
    fnd_text_finish(&known);
    return NULL;
}
