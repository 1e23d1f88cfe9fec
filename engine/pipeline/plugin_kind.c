/* SPDX-License-Identifier: MIT */
/* The kind of every plugin's phase: one call a visit, whose effects are the result. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/fingerprint.h"
#include "pipeline/kind.h"

/* The engine cannot call: the config does not come together. */
static void config_failed(struct fnd_visit *visit)
{
    const bool held = strcmp(visit->error.code, "missing_secret") == 0;
    visit->verdict = held ? FND_VISIT_HOLD : FND_VISIT_FAULT;
    visit->fault = held ? 0 : FND_RETRY_PERMANENT;
}

static void begin(struct fnd_visit *visit)
{
    const struct fnd_json none = {0};
    if (fnd_visit_call(visit, &visit->phase->bound, none, none, &visit->error) != FND_OK) {
        config_failed(visit);
    }
}

static void member(struct fnd_text *json, const char *name, const char *text)
{
    fnd_text_printf(json, "%s\"%s\":", json->bytes[json->size - 1] == '{' ? "" : ",", name);
    fnd_text_append_json_z(json, text);
}

static void member_json(struct fnd_text *json, const char *name, const char *value)
{
    if (value != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append_z(json, value);
    }
}

/* Which models it went by, beside the marks: who looks at an output later asks who said so. */
static void models_append(const struct fnd_visit *visit, struct fnd_text *meta)
{
    if (visit->models.bytes == NULL) {
        return;
    }
    if (meta->size > 0) {
        meta->bytes[--meta->size] = '\0'; /* the brace at the end of the marks */
    }
    fnd_text_append_z(meta, meta->size > 0 ? ",\"models\":" : "{\"models\":");
    fnd_text_append(meta, visit->models.bytes, visit->models.size);
    fnd_text_append_byte(meta, '}');
}

/* What the plugin asks, as the body of a request. */
static char *request_body(const struct fnd_visit *visit, const struct fnd_effects *effects)
{
    struct fnd_text json = {0};
    fnd_text_append_byte(&json, '{');
    member(&json, "origin", "phase");
    member(&json, "phase", visit->phase->id);
    fnd_text_append_z(&json, ",\"questions\":[");
    for (size_t i = 0; i < effects->questions_count; i++) {
        const struct fnd_question *question = &effects->questions[i];
        fnd_text_append_z(&json, i > 0 ? ",{" : "{");
        member(&json, "key", question->key);
        member(&json, "kind", question->kind);
        member(&json, "question", question->question);
        if (question->has_pointer) {
            member(&json, "pointer", question->pointer);
        }
        member_json(&json, "context", question->context);
        member_json(&json, "schema", question->answer_schema);
        fnd_fingerprint_of_context(visit->pipeline->name, visit->phase->id, question->kind,
                                   question->context, &json);
        fnd_text_append_byte(&json, '}');
    }
    fnd_text_append_z(&json, "]}");
    return fnd_text_take(&json);
}

/* Artifacts change hands without a copy. */
static void artifacts_take(struct fnd_visit *visit, struct fnd_effects *effects)
{
    if (effects->artifacts_count == 0) {
        return;
    }
    visit->staged = fnd_alloc(effects->artifacts_count * sizeof visit->staged[0]);
    visit->staged_count = effects->artifacts_count;
    for (size_t i = 0; i < effects->artifacts_count; i++) {
        struct fnd_staged_artifact *from = &effects->artifacts[i];
        visit->staged[i].name = from->name;
        visit->staged[i].media_type = from->media_type;
        visit->staged[i].bytes = from->bytes;
        visit->staged[i].size = from->size;
        *from = (struct fnd_staged_artifact){0};
    }
}

static void finish(struct fnd_visit *visit)
{
    struct fnd_pool_call *call = visit->calls[0];
    struct fnd_effects *effects = &call->effects;
    if (!fnd_visit_judge(visit, &visit->phase->bound, call)) {
        return;
    }
    if (effects->outcome == FOUNDRY_PAUSE) {
        visit->verdict = FND_VISIT_ASK;
        visit->body = request_body(visit, effects);
    } else {
        struct fnd_text meta = {0};
        visit->verdict = FND_VISIT_OUTPUT;
        visit->body = effects->output != NULL ? effects->output : fnd_strdup("{}");
        effects->output = NULL;
        effects->output_size = 0;
        fnd_effects_marks(effects, &meta);
        models_append(visit, &meta);
        visit->meta = meta.size > 0 ? fnd_text_take(&meta) : NULL;
        fnd_text_finish(&meta);
    }
    artifacts_take(visit, effects);
}

const struct fnd_kind *fnd_kind_plugin(void)
{
    static const struct fnd_kind kind = {
        .summary = "A phase of a plugin",
        .begin = begin,
        .finish = finish,
    };
    return &kind;
}
