/* SPDX-License-Identifier: MIT */
/* Calls of one visit: made, judged, freed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/kind.h"

/* A call with what it borrows. */
struct call {
    struct fnd_pool_call call; /* first: the visit knows this one */
    struct fnd_text config, run;
    struct fnd_call_artifact *artifacts;
};

static size_t string_end(const char *bytes, size_t at)
{
    for (at++; bytes[at] != '"'; at++) {
        at += bytes[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

bool fnd_config_names(struct fnd_json config, const char *name)
{
    const char *end = config.bytes + config.size;
    const char *at = config.bytes != NULL ? memchr(config.bytes, '"', config.size) : NULL;
    while (at != NULL) {
        const size_t size = string_end(at, 0);
        if (fnd_json_text_is((struct fnd_json){at, size}, name)) {
            return true;
        }
        at += size;
        at = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
    }
    return false;
}

/* Mark the artifacts whose name is the string. */
static void name_mark(const struct fnd_visit *visit, const size_t *sizes, struct fnd_json string,
                      bool *wanted)
{
    struct fnd_text decoded = {0};
    const char *name = string.bytes + 1;
    size_t size = string.size - 2;
    if (memchr(name, '\\', size) != NULL) {
        fnd_json_text(string, &decoded);
        name = fnd_text_z(&decoded);
        size = decoded.size;
    }
    for (size_t i = 0; i < visit->artifacts_count; i++) {
        if (sizes[i] == size && memcmp(visit->artifacts[i].name, name, size) == 0) {
            wanted[i] = true;
        }
    }
    fnd_text_finish(&decoded);
}

/* Descriptors are sent only for what the config can name. A key that is the name of one costs a
 * descriptor and nothing else. */
static void artifacts_pick(const struct fnd_visit *visit, struct call *call)
{
    const size_t count = visit->artifacts_count;
    if (count == 0) {
        return;
    }
    size_t *sizes = fnd_alloc(count * sizeof *sizes);
    bool *wanted = fnd_alloc(count * sizeof *wanted);
    for (size_t i = 0; i < count; i++) {
        sizes[i] = strlen(visit->artifacts[i].name);
    }
    const struct fnd_json config = call->call.input.config;
    const char *end = config.bytes + config.size;
    for (const char *at = memchr(config.bytes, '"', config.size); at != NULL;
         at = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL) {
        const size_t size = string_end(at, 0);
        name_mark(visit, sizes, (struct fnd_json){at, size}, wanted);
        at += size;
    }
    call->artifacts = fnd_alloc(count * sizeof call->artifacts[0]);
    for (size_t i = 0; i < count; i++) {
        if (wanted[i]) {
            call->artifacts[call->call.input.artifacts_count++] = visit->artifacts[i];
        }
    }
    call->call.input.artifacts = call->artifacts;
    free(sizes);
    free(wanted);
}

static void call_destroy(struct call *call)
{
    fnd_effects_finish(&call->call.effects);
    fnd_text_finish(&call->call.noise);
    fnd_text_finish(&call->config);
    fnd_text_finish(&call->run);
    free(call->artifacts);
    free(call);
}

/* DOC_RUN, with the folder that a detector was granted: the visit's own has the phase's. */
static struct fnd_json run_document(const struct fnd_visit *visit, const struct fnd_bound *bound,
                                    struct call *call)
{
    struct fnd_text folder = {0};
    struct fnd_json run = visit->run;
    if (bound == &visit->phase->bound || bound->callee.grant_write == NULL) {
        return run;
    }
    fnd_text_append_z(&folder, "{\"write\":");
    fnd_text_append_json_z(&folder, bound->callee.grant_write);
    fnd_text_append_byte(&folder, '}');
    const struct fnd_json grant = {fnd_text_z(&folder), folder.size};
    if (fnd_json_set(run, "/grant", grant, &call->run, NULL) == FND_OK) {
        run = (struct fnd_json){fnd_text_z(&call->run), call->run.size};
    }
    fnd_text_finish(&folder);
    return run;
}

int fnd_visit_level(const struct fnd_visit *visit)
{
    int level = FND_ISOLATION_SANDBOX, flags = 0;
    for (size_t i = 0; i < visit->calls_count; i++) {
        const int in_effect = visit->calls[i]->level & FND_LEVEL_MASK;
        level = in_effect < level ? in_effect : level;
        flags |= visit->calls[i]->level & ~FND_LEVEL_MASK;
    }
    return visit->calls_count == 0 ? FND_ISOLATION_INLINE : level | flags;
}

enum fnd_status fnd_visit_call(struct fnd_visit *visit, const struct fnd_bound *bound,
                               struct fnd_json subject, struct fnd_json marks,
                               struct fnd_error *error)
{
    struct call *call = fnd_alloc(sizeof *call);
    struct fnd_json config = visit->config;
    if (bound != &visit->phase->bound || config.bytes == NULL) {
        const enum fnd_status status = fnd_bound_resolve(bound, visit->scope, &call->config, error);
        if (status != FND_OK) {
            call_destroy(call);
            return status;
        }
        config = (struct fnd_json){call->config.bytes, call->config.size};
    } /* else the phase's own: resolved once, for the visit's key as well */
    const bool detector = bound->callee.kind == FND_CALLEE_DETECTOR;
    call->call.callee = &bound->callee;
    call->call.timeout_ms = visit->phase->timeout_ms;
    call->call.input = (struct fnd_call_input){
        .detector = detector,
        .config = config,
        .subject = subject,
        .marks = marks,
        .run = run_document(visit, bound, call),
    };
    if (!detector) {
        call->call.input.answers = visit->answers;
    }
    artifacts_pick(visit, call);
    visit->calls = fnd_realloc(visit->calls, visit->calls_count + 1, sizeof visit->calls[0]);
    visit->calls[visit->calls_count++] = &call->call;
    return FND_OK;
}

/* What a call logged and, if it failed, printed, in lines "LEVEL text". */
static void log_take(struct fnd_visit *visit, const struct fnd_pool_call *call)
{
    const struct fnd_effects *effects = &call->effects;
    fnd_text_append(&visit->log, fnd_text_z(&effects->log), effects->log.size);
    if (effects->log_lines_dropped > 0) {
        fnd_text_printf(&visit->log, "W %zu further log lines were dropped\n",
                        effects->log_lines_dropped);
    }
    const char *at = fnd_text_z(&call->noise), *end = at + call->noise.size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = stop != NULL ? stop : end;
        fnd_text_append_z(&visit->log, "W printed: ");
        fnd_text_append_visible(&visit->log, at, (size_t)(line_end - at));
        fnd_text_append_byte(&visit->log, '\n');
        at = stop != NULL ? stop + 1 : end;
    }
}

/* The error of a call that did not return, under one code a kind. */
static bool fault(struct fnd_visit *visit, const struct fnd_error *error, const char *code,
                  unsigned class_bit)
{
    visit->verdict = FND_VISIT_FAULT;
    visit->fault = class_bit;
    visit->error = *error;
    if (visit->error.status == FND_OK) {
        visit->error.status = FND_PLUGIN;
    }
    if (code != NULL) {
        fnd_error_code(&visit->error, code);
    }
    return false;
}

static bool hold(struct fnd_visit *visit, const struct fnd_error *error)
{
    visit->verdict = FND_VISIT_HOLD;
    visit->error = *error;
    if (visit->error.code[0] == '\0') {
        fnd_error_code(&visit->error,
                       error->status == FND_NOT_FOUND ? "missing_plugin" : "damaged_plugin");
    }
    return false;
}

/* The plugin says that it failed. */
static bool failed(struct fnd_visit *visit, const struct fnd_bound *bound,
                   const struct fnd_effects *effects)
{
    const bool again = effects->outcome == FOUNDRY_RETRYABLE;
    struct fnd_error error = {0};
    if (effects->outcome == FOUNDRY_CANCELLED) {
        fnd_error_set(&error, FND_PLUGIN, "%s stopped as if it had been cancelled, and nobody had",
                      bound->uses);
        return fault(visit, &error, "cancelled_unasked", FND_RETRY_PERMANENT);
    }
    fnd_error_set(&error, FND_PLUGIN, "%s",
                  effects->message != NULL ? effects->message : "the plugin gave no reason");
    visit->retry_after_ms = again ? effects->retry_after_ms : 0;
    free(visit->fault_pointer);
    visit->fault_pointer = effects->pointer != NULL ? fnd_strdup(effects->pointer) : NULL;
    return fault(visit, &error, effects->code != NULL ? effects->code : "failed",
                 again ? FND_RETRY_TRANSIENT : FND_RETRY_PERMANENT);
}

static bool returned(struct fnd_visit *visit, const struct fnd_bound *bound,
                     const struct fnd_pool_call *call)
{
    const struct fnd_effects *effects = &call->effects;
    struct fnd_error error = {0};
    const enum fnd_status status =
        fnd_effects_check(effects, bound->output_schema, call->input.subject, &error);
    if (status != FND_OK) {
        return fault(visit, &error, NULL, FND_RETRY_PERMANENT);
    }
    if (effects->outcome != FOUNDRY_DONE && effects->outcome != FOUNDRY_PAUSE) {
        return failed(visit, bound, effects);
    }
    return true;
}

bool fnd_visit_judge(struct fnd_visit *visit, const struct fnd_bound *bound,
                     struct fnd_pool_call *call)
{
    log_take(visit, call);
    switch (call->end) {
    case FND_CALL_RETURNED:
        if (call->effects.outcome == FOUNDRY_CANCELLED && call->cancelled) {
            break;
        }
        return returned(visit, bound, call);
    case FND_CALL_CRASHED:
        return fault(visit, &call->error, "crash", FND_RETRY_CRASH);
    case FND_CALL_TIMEOUT:
        return fault(visit, &call->error, "timeout", FND_RETRY_TIMEOUT);
    case FND_CALL_REFUSED:
        if (call->error.status == FND_NOT_FOUND || call->error.status == FND_DAMAGED) {
            return hold(visit, &call->error);
        }
        return fault(visit, &call->error, call->error.code[0] == '\0' ? "refused" : NULL,
                     FND_RETRY_PERMANENT);
    case FND_CALL_HELD:
        return hold(visit, &call->error);
    case FND_CALL_CANCELLED:
    case FND_CALL_LOST:
        break;
    }
    visit->verdict = FND_VISIT_AGAIN;
    return false;
}

void fnd_visit_finish(struct fnd_visit *visit)
{
    for (size_t i = 0; i < visit->calls_count; i++) {
        call_destroy((struct call *)visit->calls[i]);
    }
    for (size_t i = 0; i < visit->staged_count; i++) {
        free(visit->staged[i].name);
        free(visit->staged[i].media_type);
        free(visit->staged[i].bytes);
    }
    free(visit->calls);
    free(visit->staged);
    free(visit->body);
    free(visit->meta);
    free(visit->fault_pointer);
    fnd_text_finish(&visit->log);
    visit->calls = NULL;
    visit->staged = NULL;
    visit->body = visit->meta = visit->fault_pointer = NULL;
    visit->calls_count = visit->staged_count = 0;
}
