/* SPDX-License-Identifier: MIT */
/* Descriptions, read as hostile input: exactly the members that fnd_plugin_describe() writes. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "plugin/load.h"
#include "plugin/names.h"

enum { DESCRIPTION_SIZE_MAX = 4 << 20, CALLEES_MAX = 256, ABI_TEXT_MAX = 16 };

struct reading {
    const char *path;
    struct fnd_error *error;
    enum fnd_status status;
};

static void refuse(struct reading *reading, const char *place, const char *what)
{
    if (reading->status == FND_OK) {
        reading->status = fnd_error_set(reading->error, FND_PLUGIN,
                                        "the description of %s is not as a worker writes it: %s %s",
                                        reading->path, place, what);
        fnd_error_code(reading->error, "invalid_description");
    }
}

/** Every member is one of `names` (ended by NULL), and all of them are there, or that one. */
static void only(struct reading *reading, const char *place, struct fnd_json object,
                 const char *const *names, const char *optional)
{
    if (fnd_json_type(object) != FND_JSON_OBJECT) {
        refuse(reading, place, "is no object");
        return;
    }
    size_t wanted = 0;
    while (names[wanted] != NULL) {
        if (fnd_json_member(object, names[wanted++]).bytes == NULL) {
            refuse(reading, place, "lacks a member");
        }
    }
    if (optional != NULL && fnd_json_member(object, optional).bytes != NULL) {
        wanted++;
    }
    if (fnd_json_count(object) != wanted) {
        refuse(reading, place, "has an unknown member");
    }
}

/** A string without NUL and at most `size_max` bytes long, malloc'ed; NULL once refused. */
static char *text(struct reading *reading, struct fnd_json object, const char *name,
                  size_t size_max)
{
    if (reading->status != FND_OK) {
        return NULL;
    }
    char *read = fnd_json_strdup(fnd_json_member(object, name));
    if (read == NULL || strlen(read) > size_max) {
        refuse(reading, name, "is no text of fit size");
        free(read);
        return NULL;
    }
    return read;
}

/** The JSON text of an object, or NULL for null. */
static char *document(struct reading *reading, struct fnd_json object, const char *name)
{
    if (reading->status != FND_OK) {
        return NULL;
    }
    const struct fnd_json value = fnd_json_member(object, name);
    switch (fnd_json_type(value)) {
    case FND_JSON_OBJECT:
        return fnd_strndup(value.bytes, value.size);
    case FND_JSON_NULL:
        return NULL;
    default:
        refuse(reading, name, "is no object and not null");
        return NULL;
    }
}

static uint32_t threads(struct reading *reading, struct fnd_json object)
{
    static const char *const names[] = {"instance", "process", "concurrent"};
    if (reading->status != FND_OK) {
        return FOUNDRY_SERIAL_INSTANCE;
    }
    const struct fnd_json value = fnd_json_member(object, "threads");
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fnd_json_text_is(value, names[i])) {
            return i;
        }
    }
    refuse(reading, "threads", "is unknown");
    return FOUNDRY_SERIAL_INSTANCE;
}

static void read_callee(struct reading *reading, struct fnd_json object, enum fnd_callee_kind kind,
                        struct fnd_callee_info *callee)
{
    static const char *const names[][8] = {
        [FND_CALLEE_PHASE] = {"name", "summary", "config_schema", "needs", "threads",
                              "output_schema", "repeatable", NULL},
        [FND_CALLEE_DETECTOR] = {"name", "summary", "config_schema", "needs", "threads", NULL},
        [FND_CALLEE_TRAINER] = {"name", "summary", "config_schema", "needs", NULL},
    };
    static const char *const places[] = {"a phase", "a detector", "a trainer"};
    only(reading, places[kind], object, names[kind], NULL);
    callee->name = text(reading, object, "name", FND_PLUGIN_NAME_MAX);
    callee->summary = text(reading, object, "summary", FND_PLUGIN_LINE_MAX);
    if (reading->status == FND_OK && !fnd_callee_name_valid(callee->name)) {
        refuse(reading, "name", "has other characters than lower case letters, digits and dashes");
    }
    callee->config_schema = document(reading, object, "config_schema");
    callee->needs = document(reading, object, "needs");
    if (kind != FND_CALLEE_TRAINER) {
        callee->threads = threads(reading, object);
    }
    if (kind == FND_CALLEE_PHASE) {
        callee->output_schema = document(reading, object, "output_schema");
        bool repeatable = true;
        if (reading->status == FND_OK &&
            !fnd_json_boolean(fnd_json_member(object, "repeatable"), &repeatable)) {
            refuse(reading, "repeatable", "is no boolean");
        }
        callee->flags = repeatable ? 0 : FOUNDRY_NOT_REPEATABLE;
    }
}

static struct fnd_callee_info *read_callees(struct reading *reading, struct fnd_json object,
                                            enum fnd_callee_kind kind, size_t *count)
{
    static const char *const names[] = {"phases", "detectors", "trainers"};
    const char *name = names[kind];
    if (reading->status != FND_OK) {
        return NULL;
    }
    const struct fnd_json list = fnd_json_member(object, name);
    if (list.bytes == NULL) {
        return NULL; /* only trainers may be absent */
    }
    const size_t listed = fnd_json_count(list);
    if (fnd_json_type(list) != FND_JSON_ARRAY || listed > CALLEES_MAX) {
        refuse(reading, name, "is no list of fit size");
        return NULL;
    }
    struct fnd_callee_info *callees = fnd_alloc(listed * sizeof *callees);
    struct fnd_json_walk walk = fnd_json_walk(list);
    while (reading->status == FND_OK && fnd_json_next(&walk)) {
        struct fnd_callee_info *callee = &callees[(*count)++];
        read_callee(reading, walk.value, kind, callee);
        for (size_t i = 0; reading->status == FND_OK && i + 1 < *count; i++) {
            if (strcmp(callees[i].name, callee->name) == 0) {
                refuse(reading, name, "has a name twice");
            }
        }
    }
    return callees;
}

static bool abi_valid(const char *abi)
{
    const size_t major = strspn(abi, "0123456789");
    const size_t minor = abi[major] == '.' ? strspn(abi + major + 1, "0123456789") : 0;
    return major > 0 && minor > 0 && abi[major + 1 + minor] == '\0';
}

enum fnd_status fnd_plugin_info_parse(const char *json, size_t size, const char *path,
                                      struct fnd_plugin_info **info, struct fnd_error *error)
{
    static const char *const names[] = {"id",     "version",   "summary", "abi",
                                        "phases", "detectors", NULL};
    struct reading reading = {.path = path, .error = error};
    struct fnd_json value;
    struct fnd_error story = {0};
    if (size > DESCRIPTION_SIZE_MAX) {
        refuse(&reading, "it", "is longer than 4 MiB");
        return reading.status;
    }
    if (fnd_json_check(json, size, NULL, &value, &story) != FND_OK) {
        refuse(&reading, "no JSON:", story.message);
        return reading.status;
    }
    struct fnd_plugin_info *read = fnd_alloc(sizeof *read);
    read->path = fnd_strdup(path);
    only(&reading, "the whole", value, names, "trainers");
    read->id = text(&reading, value, "id", FND_PLUGIN_NAME_MAX);
    read->version = text(&reading, value, "version", FND_PLUGIN_LINE_MAX);
    read->summary = text(&reading, value, "summary", FND_PLUGIN_LINE_MAX);
    read->abi = text(&reading, value, "abi", ABI_TEXT_MAX);
    if (reading.status == FND_OK && (!fnd_plugin_id_valid(read->id) || !abi_valid(read->abi))) {
        refuse(&reading, "id or abi", "is malformed");
    }
    read->phases = read_callees(&reading, value, FND_CALLEE_PHASE, &read->phases_count);
    read->detectors = read_callees(&reading, value, FND_CALLEE_DETECTOR, &read->detectors_count);
    read->trainers = read_callees(&reading, value, FND_CALLEE_TRAINER, &read->trainers_count);
    if (reading.status != FND_OK) {
        fnd_plugin_info_destroy(read);
        return reading.status;
    }
    *info = read;
    return FND_OK;
}

static void destroy_callees(struct fnd_callee_info *callees, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(callees[i].name);
        free(callees[i].summary);
        free(callees[i].config_schema);
        free(callees[i].output_schema);
        free(callees[i].needs);
    }
    free(callees);
}

void fnd_plugin_info_destroy(struct fnd_plugin_info *info)
{
    if (info != NULL) {
        destroy_callees(info->phases, info->phases_count);
        destroy_callees(info->detectors, info->detectors_count);
        destroy_callees(info->trainers, info->trainers_count);
        free(info->path);
        free(info->id);
        free(info->version);
        free(info->summary);
        free(info->abi);
        free(info);
    }
}

const char *fnd_callee_kind_name(enum fnd_callee_kind kind)
{
    static const char *const names[] = {"phase", "detector", "trainer"};
    return names[kind];
}

const struct fnd_callee_info *fnd_plugin_info_list(const struct fnd_plugin_info *info,
                                                   enum fnd_callee_kind kind, size_t *count)
{
    switch (kind) {
    case FND_CALLEE_DETECTOR:
        *count = info->detectors_count;
        return info->detectors;
    case FND_CALLEE_TRAINER:
        *count = info->trainers_count;
        return info->trainers;
    default:
        *count = info->phases_count;
        return info->phases;
    }
}

const struct fnd_callee_info *fnd_plugin_info_callee(const struct fnd_plugin_info *info,
                                                     enum fnd_callee_kind kind, const char *name)
{
    size_t count = 0;
    const struct fnd_callee_info *callees = fnd_plugin_info_list(info, kind, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(callees[i].name, name) == 0) {
            return &callees[i];
        }
    }
    return NULL;
}

const struct fnd_callee_info *fnd_plugin_info_phase(const struct fnd_plugin_info *info,
                                                    const char *name)
{
    return fnd_plugin_info_callee(info, FND_CALLEE_PHASE, name);
}

const struct fnd_callee_info *fnd_plugin_info_detector(const struct fnd_plugin_info *info,
                                                       const char *name)
{
    return fnd_plugin_info_callee(info, FND_CALLEE_DETECTOR, name);
}
