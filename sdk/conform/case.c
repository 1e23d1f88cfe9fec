/* SPDX-License-Identifier: MIT */
#include "case.h"

#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "schema/schema.h"

enum { TIMEOUT_MS = 60000 }; /* of a case in a worker that names none */

/** A phase or a detector, whichever the case uses. */
struct callee {
    const char *name, *config_schema, *output_schema;
    bool detector;
    foundry_outcome_t (*create)(const foundry_host_t *, foundry_call_t *, void **);
    foundry_outcome_t (*function)(void *, const foundry_host_t *, foundry_call_t *);
    void (*destroy)(void *);
    const char *needs;
};

/** Everything of one case; `= {0}`, parts_finish() frees it. */
struct parts {
    struct callee callee;
    struct fnd_schema *config_schema, *output_schema;
    struct fnd_text config, constant, marks, run;
    struct fnd_json config_json, constant_json;
    struct fnd_call_artifact *artifacts;
    struct fnd_call_input input;
    struct fnd_calls *calls; /* keeps what a plugin must not use any more, so that it is seen */
};

static void parts_finish(struct parts *parts)
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

static enum fnd_status parts_make(const struct fnd_plugin *plugin, struct fnd_json given,
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

static const char *outcome_name(foundry_outcome_t outcome)
{
    static const char *const names[] = {"done", "pause", "retryable", "permanent", "cancelled"};
    return outcome >= 0 && outcome < 5 ? names[outcome] : "none";
}

static void questions_append(const struct fnd_effects *effects, struct fnd_text *result)
{
    fnd_text_append_z(result, ",\"questions\":[");
    for (size_t i = 0; i < effects->questions_count; i++) {
        const struct fnd_question *question = &effects->questions[i];
        fnd_text_append_z(result, i == 0 ? "{\"key\":" : ",{\"key\":");
        fnd_text_append_json_z(result, question->key);
        fnd_text_append_z(result, ",\"kind\":");
        fnd_text_append_json_z(result, question->kind);
        fnd_text_append_z(result, ",\"question\":");
        fnd_text_append_json_z(result, question->question);
        fnd_text_append_z(result, ",\"pointer\":");
        fnd_text_append_json_z(result, question->has_pointer ? question->pointer : NULL);
        fnd_text_printf(result, ",\"context\":%s,\"answer_schema\":%s}",
                        question->context == NULL ? "null" : question->context,
                        question->answer_schema == NULL ? "null" : question->answer_schema);
    }
    fnd_text_append_byte(result, ']');
}

static void artifacts_append(const struct fnd_effects *effects, struct fnd_text *result)
{
    for (size_t i = 0; i < effects->artifacts_count; i++) {
        const struct fnd_staged_artifact *artifact = &effects->artifacts[i];
        fnd_text_append_z(result, i == 0 ? ",\"artifacts\":[{\"name\":" : ",{\"name\":");
        fnd_text_append_json_z(result, artifact->name);
        fnd_text_append_z(result, ",\"media_type\":");
        fnd_text_append_json_z(result, artifact->media_type);
        fnd_text_printf(result, ",\"size\":%zu}", artifact->size);
    }
    fnd_text_append_z(result, effects->artifacts_count > 0 ? "]" : "");
}

static void result_append(const struct parts *parts, const struct fnd_effects *effects,
                          struct fnd_text *result)
{
    struct fnd_text marks = {0};
    fnd_text_printf(result, "{\"outcome\":\"%s\"", outcome_name(effects->outcome));
    if (effects->code != NULL) {
        fnd_text_append_z(result, ",\"failure\":{\"code\":");
        fnd_text_append_json_z(result, effects->code);
        fnd_text_append_z(result, ",\"message\":");
        fnd_text_append_json_z(result, effects->message);
        fnd_text_append_z(result, ",\"pointer\":");
        fnd_text_append_json_z(result, effects->pointer);
        fnd_text_append_byte(result, '}');
    }
    if (!parts->callee.detector && effects->outcome == FOUNDRY_DONE) {
        fnd_text_printf(result, ",\"output\":%s", effects->output == NULL ? "{}" : effects->output);
    }
    fnd_effects_marks(effects, &marks);
    if (marks.size > 2) { /* its members go in beside the others */
        fnd_text_append_byte(result, ',');
        fnd_text_append(result, marks.bytes + 1, marks.size - 2);
    }
    questions_append(effects, result);
    artifacts_append(effects, result);
    if (effects->log.size > 0) {
        fnd_text_append_z(result, ",\"log\":");
        fnd_text_append_json(result, effects->log.bytes, effects->log.size);
    }
    fnd_text_append_byte(result, '}');
    fnd_text_finish(&marks);
}

/** create(), if there is one.  `made` tells whether destroy() is owed. */
static void create_run(struct parts *parts, void **self, bool *made, struct fnd_effects *effects)
{
    struct fnd_call_input input = {.create = true,
                                   .detector = parts->callee.detector,
                                   .config = parts->constant_json,
                                   .run = parts->input.run};
    const struct fnd_call_live live = {.calls = parts->calls};
    struct foundry_call *call = fnd_call_begin(&input, parts->config_schema, &live, effects);
    fnd_call_end(call, parts->callee.create(fnd_host_table(), call, self));
    *made = effects->outcome == FOUNDRY_DONE;
}

/** The whole life of an instance in this process. */
static void inline_run(struct parts *parts, struct fnd_effects *effects)
{
    void *self = NULL;
    bool made = false;
    parts->calls = fnd_calls_create();
    if (parts->callee.create != NULL) {
        create_run(parts, &self, &made, effects);
    }
    if (parts->callee.create == NULL || made) {
        fnd_effects_finish(effects);
        *effects = (struct fnd_effects){0};
        const struct fnd_call_live live = {.calls = parts->calls};
        struct foundry_call *call =
            fnd_call_begin(&parts->input, parts->config_schema, &live, effects);
        fnd_call_end(call, parts->callee.function(self, fnd_host_table(), call));
    }
    if (made && parts->callee.destroy != NULL) {
        parts->callee.destroy(self);
    }
}

/** A call that ended without a result. */
static void ended_append(const char *ended, const struct fnd_error *error, struct fnd_text *result)
{
    fnd_text_printf(result, "{\"outcome\":\"%s\",\"failure\":{\"code\":", ended);
    fnd_text_append_json_z(result, error->code);
    fnd_text_append_z(result, ",\"message\":");
    fnd_text_append_json_z(result, error->message);
    fnd_text_append_z(result, "}}");
}

static enum fnd_status worker_run(const struct case_place *place, const struct parts *parts,
                                  struct fnd_json given, struct fnd_effects *effects,
                                  const char **ended, struct fnd_error *error)
{
    struct place_callee callee = {.name = parts->callee.name,
                                  .detector = parts->callee.detector,
                                  .needs = parts->callee.needs,
                                  .config_constant = parts->constant_json,
                                  .config_schema = parts->config_schema,
                                  .timeout_ms = TIMEOUT_MS};
    const struct fnd_json timeout = fnd_json_member(given, "timeout_ms");
    if (timeout.bytes != NULL && !fnd_json_integer(timeout, &callee.timeout_ms)) {
        return fnd_error_set(error, FND_INVALID, "\"timeout_ms\" is no whole number");
    }
    return place_run(place, &callee, &parts->input, effects, ended, error);
}

enum fnd_status case_run(const struct case_place *place, struct fnd_json given,
                         struct fnd_text *result, struct fnd_error *error)
{
    struct parts parts = {0};
    struct fnd_effects effects = {0};
    const char *ended = NULL;
    enum fnd_status status = parts_make(place->plugin, given, &parts, error);
    if (status != FND_OK) {
        goto out;
    }
    if (place->pool == NULL) {
        inline_run(&parts, &effects);
    } else {
        status = worker_run(place, &parts, given, &effects, &ended, error);
    }
    if (status == FND_OK && ended != NULL) {
        ended_append(ended, error, result);
        goto out;
    }
    if (status == FND_OK) {
        result_append(&parts, &effects, result);
    }
    if (status == FND_OK && (effects.outcome == FOUNDRY_DONE || effects.outcome == FOUNDRY_PAUSE)) {
        status = fnd_effects_check(&effects, parts.output_schema, parts.input.subject, error);
    }
out:
    fnd_effects_finish(&effects);
    parts_finish(&parts);
    return status;
}
