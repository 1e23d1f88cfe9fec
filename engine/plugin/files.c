/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* realpath */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/load.h"

static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_object_name(const char *name)
{
    const size_t size = strlen(name);
    return size > 3 && name[0] != '.' && strcmp(name + size - 3, ".so") == 0;
}

/** The plugin files of one folder, in order of bytes. */
static void folder_files(const char *folder, void (*found)(const char *file, void *context),
                         void *context)
{
    char absolute[PATH_MAX];
    DIR *stream = realpath(folder, absolute) == NULL ? NULL : opendir(absolute);
    if (stream == NULL) {
        return;
    }
    char **names = NULL;
    size_t count = 0, capacity = 0;
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (!is_object_name(entry->d_name)) {
            continue;
        }
        if (count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            names = fnd_realloc(names, capacity, sizeof *names);
        }
        names[count++] = fnd_strdup(entry->d_name);
    }
    (void)closedir(stream);
    if (count > 1) {
        qsort(names, count, sizeof *names, name_order);
    }
    for (size_t i = 0; i < count; i++) {
        struct fnd_text file = {0};
        fnd_text_printf(&file, "%s/%s", strcmp(absolute, "/") == 0 ? "" : absolute, names[i]);
        found(file.bytes, context);
        fnd_text_finish(&file);
        free(names[i]);
    }
    free(names);
}

void fnd_plugin_files(const char *path, void (*found)(const char *file, void *context),
                      void *context)
{
    const char *at = path;
    while (true) {
        const size_t size = strcspn(at, ":");
        if (size > 0) {
            char *folder = fnd_strndup(at, size);
            folder_files(folder, found, context);
            free(folder);
        }
        if (at[size] == '\0') {
            return;
        }
        at += size + 1;
    }
}
