/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

void parts_finish(struct parts *parts)
{
    for (size_t i = 0; i < parts->input.artifacts_count; i++) {
        char *name = (char *)(uintptr_t)parts->artifacts[i].name; /* made by artifacts_make() */
        char *bytes = (char *)(uintptr_t)parts->artifacts[i].bytes;
        free(name);
        free(bytes);
    }
    free(parts->artifacts);
    fnd_schema_destroy(parts->config_schema);
    fnd_schema_destroy(parts->output_schema);
    fnd_text_finish(&parts->config);
    fnd_text_finish(&parts->constant);
    fnd_text_finish(&parts->marks);
    fnd_text_finish(&parts->run);
    fnd_calls_destroy(parts->calls);
}

static bool callee_find(const foundry_plugin_t *entry, struct fnd_json name, struct callee *callee)
{
    for (size_t i = 0; entry->phases != NULL && entry->phases[i] != NULL; i++) {
        const foundry_phase_t *phase = entry->phases[i];
        if (fnd_json_text_is(name, phase->name)) {
            *callee = (struct callee){phase->name,    phase->config_schema, phase->output_schema,
                                      false,          phase->create,        phase->process,
                                      phase->destroy, phase->needs_json};
            return true;
        }
    }
    for (size_t i = 0; entry->detectors != NULL && entry->detectors[i] != NULL; i++) {
        const foundry_detector_t *detector = entry->detectors[i];
        if (fnd_json_text_is(name, detector->name)) {
            *callee = (struct callee){detector->name,
                                      detector->config_schema,
                                      NULL,
                                      true,
                                      detector->create,
                                      detector->detect,
                                      detector->destroy,
                                      detector->needs_json};
            return true;
        }
    }
    return false;
}

static enum fnd_status use_read(const foundry_plugin_t *entry, struct fnd_json given,
                                struct callee *callee, struct fnd_error *error)
{
    const struct fnd_json use = fnd_json_member(given, "use");
    if (use.bytes != NULL && callee_find(entry, use, callee)) {
        return FND_OK;
    }
    struct fnd_text known = {0};
    for (size_t i = 0; entry->phases != NULL && entry->phases[i] != NULL; i++) {
        fnd_text_printf(&known, " %s", entry->phases[i]->name);
    }
    for (size_t i = 0; entry->detectors != NULL && entry->detectors[i] != NULL; i++) {
        fnd_text_printf(&known, " %s", entry->detectors[i]->name);
    }
    (void)fnd_error_set(error, FND_INVALID,
                        "\"use\" is %.*s, must name a phase or detector of %s:%s",
                        use.bytes == NULL ? 7 : (int)use.size,
                        use.bytes == NULL ? "missing" : use.bytes, entry->id, fnd_text_z(&known));
    fnd_text_finish(&known);
    return FND_INVALID;
}

static enum fnd_status schema_make(const char *name, const char *json, struct fnd_schema **schema,
                                   struct fnd_error *error)
{
    return json == NULL ? FND_OK : fnd_schema_create(name, json, strlen(json), schema, error);
}

/** Append an object without the leaves that may differ from job to job: what create() sees. */
static void constant_append(const struct fnd_schema *schema, struct fnd_json value,
                            struct fnd_text *pointer, struct fnd_text *out)
{
    bool first = true;
    fnd_text_append_byte(out, '{');
    struct fnd_json_walk walk = fnd_json_walk(value);
    while (fnd_json_next(&walk)) {
        const size_t size = pointer->size;
        fnd_json_pointer_add_key(pointer, walk.key);
        if (schema == NULL || !fnd_schema_per_job(schema, pointer->bytes)) {
            fnd_text_append_z(out, first ? "" : ",");
            fnd_text_append(out, walk.key.bytes, walk.key.size);
            fnd_text_append_byte(out, ':');
            if (fnd_json_type(walk.value) == FND_JSON_OBJECT) {
                constant_append(schema, walk.value, pointer, out);
            } else {
                fnd_text_append(out, walk.value.bytes, walk.value.size);
            }
            first = false;
        }
        pointer->size = size;
        pointer->bytes[size] = '\0';
    }
    fnd_text_append_byte(out, '}');
}

static enum fnd_status config_make(struct fnd_json given, struct parts *parts,
                                   struct fnd_error *error)
{
    static const struct fnd_json empty = {"{}", 2};
    struct fnd_json config = fnd_json_member(given, "config");
    config = config.bytes == NULL ? empty : config;
    if (parts->unchecked) {
        fnd_text_append(&parts->config, config.bytes, config.size);
        fnd_text_append(&parts->constant, config.bytes, config.size);
        parts->config_json = (struct fnd_json){parts->config.bytes, parts->config.size};
        parts->constant_json = (struct fnd_json){parts->constant.bytes, parts->constant.size};
        return FND_OK;
    }
    if (fnd_json_type(config) != FND_JSON_OBJECT) {
        return fnd_error_set(error, FND_INVALID, "\"config\" is no object");
    }
    struct fnd_flaws flaws = {0};
    enum fnd_status status = FND_OK;
    if (parts->config_schema != NULL &&
        !fnd_schema_check(parts->config_schema, config, NULL, &flaws)) {
        status = fnd_error_set(error, FND_INVALID, "config%s %s", flaws.list[0].pointer,
                               flaws.list[0].message);
    }
    fnd_flaws_finish(&flaws);
    if (status != FND_OK) {
        return status;
    }
    if (parts->config_schema != NULL) {
        fnd_schema_fill(parts->config_schema, config, &parts->config);
    } else {
        fnd_text_append(&parts->config, config.bytes, config.size);
    }
    status = fnd_json_check(parts->config.bytes, parts->config.size, "config", &parts->config_json,
                            error);
    if (status == FND_OK) {
        struct fnd_text pointer = {0};
        constant_append(parts->config_schema, parts->config_json, &pointer, &parts->constant);
        fnd_text_finish(&pointer);
        parts->constant_json = (struct fnd_json){parts->constant.bytes, parts->constant.size};
    }
    return status;
}

/** DOC_RUN: what a first visit sees, with what the case says instead. */
static enum fnd_status run_make(struct fnd_json given, struct parts *parts, struct fnd_error *error)
{
    struct fnd_text run = {0};
    enum fnd_status status = FND_OK;
    fnd_text_append_z(&run, "{\"job\":\"conform\",\"phase\":");
    fnd_text_append_json_z(&run, parts->callee.name);
    fnd_text_append_z(&run, ",\"attempt\":1,\"idempotency_key\":\"conform\","
                            "\"deadline_ms\":60000,\"grant\":{}}");
    struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(given, "run"));
    while (status == FND_OK && fnd_json_next(&walk)) {
        struct fnd_text pointer = {0};
        struct fnd_text changed = {0};
        fnd_json_pointer_add_key(&pointer, walk.key);
        status = fnd_json_set((struct fnd_json){run.bytes, run.size}, pointer.bytes, walk.value,
                              &changed, error);
        fnd_text_finish(&pointer);
        fnd_text_finish(&run);
        run = changed;
    }
    parts->run = run;
    return status;
}

static void marks_make(struct fnd_json given, struct parts *parts)
{
    static const char *const names[] = {"confidence", "origin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct fnd_json mark = fnd_json_member(given, names[i]);
        if (mark.bytes != NULL) {
            fnd_text_printf(&parts->marks, "%s\"%s\":", parts->marks.size == 0 ? "{" : ",",
                            names[i]);
            fnd_text_append(&parts->marks, mark.bytes, mark.size);
        }
    }
    if (parts->marks.size > 0) {
        fnd_text_append_byte(&parts->marks, '}');
        parts->input.marks = (struct fnd_json){parts->marks.bytes, parts->marks.size};
    }
}

/** The bytes of an artifact: a text as it is, or {"hex": "ff00"}. False if it is neither. */
static bool bytes_make(struct fnd_json value, struct fnd_call_artifact *artifact)
{
    if (fnd_json_type(value) == FND_JSON_STRING) {
        char *text = fnd_json_strdup(value);
        artifact->bytes = text;
        artifact->size = strlen(text);
        return true;
    }
    char *hex = fnd_json_strdup(fnd_json_member(value, "hex"));
    if (hex == NULL) {
        return false;
    }
    const size_t size = strlen(hex) / 2;
    char *bytes = fnd_alloc(size + 1);
    const bool works = fnd_unhex(hex, strlen(hex), bytes, size);
    artifact->bytes = bytes;
    artifact->size = size;
    free(hex);
    return works;
}

static enum fnd_status artifacts_make(struct fnd_json given, struct parts *parts,
                                      struct fnd_error *error)
{
    const struct fnd_json artifacts = fnd_json_member(given, "artifacts");
    if (artifacts.bytes == NULL) {
        return FND_OK;
    }
    parts->artifacts = fnd_alloc((fnd_json_count(artifacts) + 1) * sizeof *parts->artifacts);
    parts->input.artifacts = parts->artifacts;
    struct fnd_json_walk walk = fnd_json_walk(artifacts);
    while (fnd_json_next(&walk)) {
        struct fnd_call_artifact *artifact = &parts->artifacts[parts->input.artifacts_count++];
        *artifact = (struct fnd_call_artifact){.fd = -1};
        if (walk.key.bytes == NULL || !bytes_make(walk.value, artifact)) {
            return fnd_error_set(error, FND_INVALID,
                                 "\"artifacts\" must be an object of texts, or of {\"hex\": "
                                 "digits}, by name");
        }
        artifact->name = fnd_json_strdup(walk.key);
    }
    return FND_OK;
}

enum fnd_status parts_make(const struct fnd_plugin *plugin, struct fnd_json given,
                           struct parts *parts, struct fnd_error *error)
{
    enum fnd_status status = use_read(plugin->entry, given, &parts->callee, error);
    if (status == FND_OK) {
        status =
            schema_make("config schema", parts->callee.config_schema, &parts->config_schema, error);
    }
    if (status == FND_OK) {
        status =
            schema_make("output schema", parts->callee.output_schema, &parts->output_schema, error);
    }
    if (status == FND_OK) {
        status = config_make(given, parts, error);
    }
    if (status == FND_OK) {
        status = run_make(given, parts, error);
    }
    if (status == FND_OK) {
        status = artifacts_make(given, parts, error);
    }
    if (status != FND_OK) {
        return status;
    }
    marks_make(given, parts);
    parts->input.config = parts->config_json;
    parts->input.detector = parts->callee.detector;
    parts->input.subject = fnd_json_member(given, "subject");
    parts->input.answers = fnd_json_member(given, "answers");
    parts->input.run = (struct fnd_json){parts->run.bytes, parts->run.size};
    return FND_OK;
}
