/* SPDX-License-Identifier: MIT */
#include "case.h"

#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "place.h"

enum { TIMEOUT_MS = 60000 }; /* of a case in a worker that names none */

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
