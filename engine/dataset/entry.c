/* SPDX-License-Identifier: MIT */
/* An entry of the pipeline's `export:`, as the record's pin has it: what a record is exported with
 * must not change when somebody edits the file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"

void fnd_entries_finish(struct fnd_entry *entries)
{
    while (entries != NULL) {
        struct fnd_entry *next = entries->next;
        free(entries->format);
        free(entries->of);
        free(entries->prompt);
        free(entries->system);
        free(entries->uri_prefix);
        free(entries->boxes);
        free(entries->label);
        free(entries);
        entries = next;
    }
}

/** Put `${params.NAME}` in and turn "$${" into "${"; the pin keeps the file's text and the params
 *  beside it. */
static enum fnd_status resolve(struct fnd_json pin, const char *text, struct fnd_text *resolved,
                               struct fnd_error *error)
{
    struct fnd_json params = fnd_json_member(pin, "params");
    assert(text != NULL);
    while (*text != '\0') {
        if (strncmp(text, "$${", 3) == 0) {
            fnd_text_append_z(resolved, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) != 0) {
            fnd_text_append_byte(resolved, *text++);
        } else {
            const char *end = strchr(text, '}');
            const char *name = text + strlen("${params.");
            char *param = end != NULL && strncmp(text, "${params.", strlen("${params.")) == 0
                              ? fnd_strndup(name, (size_t)(end - name))
                              : fnd_strdup("");
            struct fnd_json value = fnd_json_member(params, param);
            free(param);
            if (end == NULL || value.bytes == NULL) {
                return fnd_error_set(error, FND_INVALID,
                                     "cannot resolve \"%.100s\": only ${params.NAME} of a declared "
                                     "parameter can be read here",
                                     text);
            }
            if (!fnd_json_text(value, resolved)) {
                fnd_text_append(resolved, value.bytes, value.size);
            }
            text = end + 1;
        }
    }
    return FND_OK;
}

static enum fnd_status member_read(struct fnd_json pin, struct fnd_json entry, const char *key,
                                   char **value, struct fnd_error *error)
{
    struct fnd_json member = fnd_json_member(entry, key);
    if (member.bytes == NULL) {
        return FND_OK;
    }
    char *text = fnd_json_strdup(member);
    struct fnd_text resolved = {0};
    enum fnd_status status =
        text != NULL ? resolve(pin, text, &resolved, error)
                     : fnd_error_set(error, FND_INVALID, "it is of type %s and must be text",
                                     fnd_json_type_name(fnd_json_type(member)));
    free(text);
    if (status == FND_OK) {
        *value = fnd_text_take(&resolved);
    } else {
        fnd_error_prefix(error, "`%s` of the export entry", key);
    }
    fnd_text_finish(&resolved);
    return status;
}

/** The entry by name, or the only one of the format. */
static enum fnd_status find(struct fnd_json pin, const char *name, const char *format,
                            struct fnd_json *entry, struct fnd_error *error)
{
    struct fnd_json entries = fnd_json_find(pin, "/canonical/export");
    struct fnd_text names = {0};
    size_t fitting = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(entries); fnd_json_next(&walk);) {
        const bool fits = name != NULL
                              ? fnd_json_text_is(walk.key, name)
                              : fnd_json_text_is(fnd_json_member(walk.value, "format"), format);
        if (fits || name != NULL) {
            fnd_text_append_z(&names, names.size > 0 ? ", " : "");
            fnd_json_text(walk.key, &names);
        }
        if (fits) {
            *entry = walk.value;
            fitting++;
        }
    }
    enum fnd_status status = FND_OK;
    char *pipeline = fnd_json_strdup(fnd_json_member(pin, "name"));
    if (name != NULL && fitting == 0) {
        status =
            fnd_error_set(error, FND_NOT_FOUND,
                          "pipeline %s, as it ran, has no entry `%s` in its `export:`%s%s; name "
                          "another, or give format and prompt",
                          pipeline, name, names.size > 0 ? ", but " : "", fnd_text_z(&names));
    } else if (fitting > 1) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "pipeline %s has %zu export entries of format %s (%s); name one",
                               pipeline, fitting, format, fnd_text_z(&names));
    }
    free(pipeline);
    fnd_text_finish(&names);
    return status;
}

enum fnd_status fnd_entry_read(struct fnd_json pin, const char *name, const char *format,
                               struct fnd_entry *entry, struct fnd_error *error)
{
    struct fnd_json found = {NULL, 0};
    const struct {
        const char *key;
        char **value;
    } members[] = {{"format", &entry->format},
                   {"of", &entry->of},
                   {"prompt", &entry->prompt},
                   {"system", &entry->system},
                   {"uri_prefix", &entry->uri_prefix},
                   {"boxes", &entry->boxes},
                   {"label", &entry->label}};
    enum fnd_status status = find(pin, name, format, &found, error);
    for (size_t i = 0; i < sizeof members / sizeof members[0] && status == FND_OK; i++) {
        if (found.bytes != NULL) {
            status = member_read(pin, found, members[i].key, members[i].value, error);
        }
    }
    if (status == FND_OK && format != NULL && entry->format != NULL &&
        strcmp(entry->format, format) != 0) {
        status =
            fnd_error_set(error, FND_INVALID,
                          "the export entry `%s`, as pinned with this record, is of format %s, "
                          "not %s",
                          name, entry->format, format);
    }
    return status;
}
