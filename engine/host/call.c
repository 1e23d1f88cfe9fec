/* SPDX-License-Identifier: MIT */
/* A call's life: begin, the services table, end. */
#include "host/call.h"

#include <stdlib.h>
#include <string.h>

#include "host/state.h"

struct fnd_calls {
    struct foundry_call *kept[FND_CALLS_DEAD_KEPT]; /* a ring of dead handles */
    size_t oldest;
    struct fnd_arena arena;
    bool arena_used;
};

static void call_free(struct foundry_call *call)
{
    if (call != NULL) {
        fnd_arena_finish(&call->own_arena);
        (void)pthread_mutex_destroy(&call->lock);
        free(call);
    }
}

struct fnd_calls *fnd_calls_create(void)
{
    return fnd_alloc(sizeof(struct fnd_calls));
}

void fnd_calls_destroy(struct fnd_calls *calls)
{
    if (calls != NULL) {
        for (size_t i = 0; i < FND_CALLS_DEAD_KEPT; i++) {
            call_free(calls->kept[i]);
        }
        fnd_arena_finish(&calls->arena);
        free(calls);
    }
}

/** A dead handle: the oldest kept one once all places are taken, else a new one. */
static struct foundry_call *call_take(struct fnd_calls *calls)
{
    struct foundry_call *call = NULL;
    if (calls != NULL) {
        call = calls->kept[calls->oldest];
        calls->kept[calls->oldest] = NULL;
    }
    if (call == NULL) {
        call = fnd_alloc(sizeof *call);
        (void)pthread_mutex_init(&call->lock, NULL);
    }
    return call;
}

struct foundry_call *fnd_call_begin(const struct fnd_call_input *input,
                                    const struct fnd_schema *config_schema,
                                    const struct fnd_call_live *live, struct fnd_effects *effects)
{
    struct fnd_calls *calls = live == NULL ? NULL : live->calls;
    struct foundry_call *call = call_take(calls);
    (void)pthread_mutex_lock(&call->lock);
    call->input = input;
    call->config_schema = config_schema;
    call->live = live == NULL ? (struct fnd_call_live){0} : *live;
    call->effects = effects;
    call->arena = &call->own_arena;
    if (calls != NULL && !calls->arena_used) {
        calls->arena_used = true;
        call->arena = &calls->arena;
    }
    memset(call->cursors, 0, sizeof call->cursors);
    memset(call->copies, 0, sizeof call->copies);
    call->keys.container = NULL;
    call->confidences = call->origins = (struct fnd_marks){0};
    call->artifacts_size = 0;
    call->failed = false;
    call->note.status = FOUNDRY_OK;
    atomic_store_explicit(&call->alive, true, memory_order_release);
    (void)pthread_mutex_unlock(&call->lock);
    return call;
}

static const char *doc_name(int32_t doc)
{
    static const char *const names[] = {"CONFIG", "SUBJECT", "ANSWERS", "RUN"};
    return names[doc];
}

static const struct {
    const char *code, *text;
} status_words[] = {
    {"not_found", "FOUNDRY_E_NOT_FOUND"}, {"type", "FOUNDRY_E_TYPE"},
    {"invalid", "FOUNDRY_E_INVALID"},     {"denied", "FOUNDRY_E_DENIED"},
    {"limit", "FOUNDRY_E_LIMIT"},         {"io", "FOUNDRY_E_IO"},
    {"no_memory", "FOUNDRY_E_NO_MEMORY"},
};

/** Tell the story of a failure for which the plugin told none. */
static void story(struct foundry_call *call, foundry_outcome_t returned)
{
    struct fnd_effects *effects = call->effects;
    const struct fnd_note *note = &call->note;
    struct fnd_text text = {0};
    const char *code = returned == FOUNDRY_CANCELLED ? "cancelled" : "failed";
    if (returned < 0 && returned >= FOUNDRY_E_NO_MEMORY) {
        code = status_words[-returned - 1].code;
        fnd_text_printf(&text, "returned %s", status_words[-returned - 1].text);
    } else if (returned == FOUNDRY_RETRYABLE || returned == FOUNDRY_PERMANENT) {
        fnd_text_append_z(&text, "failed without saying why");
    } else if (returned == FOUNDRY_CANCELLED) {
        fnd_text_append_z(&text, "stopped");
    } else {
        code = "unknown_outcome";
        fnd_text_printf(&text, "returned %d, which is no outcome", (int)returned);
    }
    const bool told = note->status != FOUNDRY_OK && returned != FOUNDRY_CANCELLED &&
                      (returned > 0 || note->status == returned);
    if (told) {
        fnd_text_printf(&text, "; %s", note->service);
        if (note->doc >= 0) {
            fnd_text_printf(&text, " of %s", doc_name(note->doc));
        }
        if (note->has_pointer) {
            fnd_text_append_z(&text, " \"");
            fnd_text_append_visible(&text, note->pointer, strlen(note->pointer));
            fnd_text_append_z(&text, "\"");
        }
        fnd_text_printf(&text, ": %s", note->detail);
        if (note->has_pointer && note->doc == FOUNDRY_DOC_CONFIG &&
            fnd_json_pointer_valid(note->pointer)) {
            effects->pointer = fnd_strdup(note->pointer);
        }
    }
    effects->code = fnd_strdup(code);
    effects->message = fnd_text_take(&text);
}

static void fault(struct fnd_effects *effects, const char *code, const char *message)
{
    free(effects->code);
    free(effects->message);
    free(effects->pointer);
    effects->code = fnd_strdup(code);
    effects->message = fnd_strdup(message);
    effects->pointer = NULL;
    effects->retry_after_ms = 0;
}

/** What a returned number means, with the failure's story filled in. */
static foundry_outcome_t outcome_of(struct foundry_call *call, foundry_outcome_t returned)
{
    struct fnd_effects *effects = call->effects;
    if (returned == FOUNDRY_PAUSE) {
        if (call->input->create) {
            fault(effects, "pause_in_create", "create() returned FOUNDRY_PAUSE; it cannot ask");
            return FOUNDRY_PERMANENT;
        }
        if (call->input->detector) {
            fault(
                effects, "pause_in_detector",
                "the detector returned FOUNDRY_PAUSE; a detector that asked returns FOUNDRY_DONE");
            return FOUNDRY_PERMANENT;
        }
        if (effects->questions_count == 0) {
            fault(effects, "pause_without_question",
                  "returned FOUNDRY_PAUSE without a question; ask by clarify() first");
            return FOUNDRY_PERMANENT;
        }
    }
    if (returned == FOUNDRY_DONE || returned == FOUNDRY_PAUSE) {
        free(effects->code);
        free(effects->message);
        free(effects->pointer);
        effects->code = effects->message = effects->pointer = NULL;
        effects->retry_after_ms = 0;
        return returned;
    }
    if (!call->failed) {
        story(call, returned);
    }
    switch (returned) {
    case FOUNDRY_CANCELLED:
    case FOUNDRY_PERMANENT:
        effects->retry_after_ms = 0;
        return returned;
    case FOUNDRY_RETRYABLE:
        return returned;
    case FOUNDRY_E_IO:
    case FOUNDRY_E_NO_MEMORY:
        return FOUNDRY_RETRYABLE;
    default:
        effects->retry_after_ms = 0;
        return FOUNDRY_PERMANENT;
    }
}

void fnd_call_end(struct foundry_call *call, foundry_outcome_t returned)
{
    (void)pthread_mutex_lock(&call->lock);
    atomic_store_explicit(&call->alive, false, memory_order_release);
    (void)pthread_mutex_unlock(&call->lock);

    struct fnd_effects *effects = call->effects;
    effects->outcome = outcome_of(call, returned);
    if (effects->outcome == FOUNDRY_DONE) {
        effects->output = fnd_output_take(&call->output, &effects->output_size);
    } else {
        fnd_effects_drop(effects, effects->outcome == FOUNDRY_PAUSE);
    }
    fnd_output_finish(&call->output);
    fnd_call_close_fds(call);
    call->input = NULL;
    call->effects = NULL;
    struct fnd_calls *calls = call->live.calls;
    fnd_arena_reset(call->arena);
    if (calls == NULL) {
        call_free(call);
        return;
    }
    if (call->arena == &calls->arena) {
        calls->arena_used = false;
    }
    call->arena = NULL;
    call_free(calls->kept[calls->oldest]);
    calls->kept[calls->oldest] = call;
    calls->oldest = (calls->oldest + 1) % FND_CALLS_DEAD_KEPT;
}

const foundry_host_t *fnd_host_table(void)
{
    static const foundry_host_t table = {
        .struct_size = sizeof table,
        .abi = FOUNDRY_ABI_CURRENT,
        .json_get = fnd_service_json_get,
        .text_get = fnd_service_text_get,
        .number_get = fnd_service_number_get,
        .size_get = fnd_service_size_get,
        .key_get = fnd_service_key_get,
        .json_set = fnd_service_json_set,
        .artifact_size = fnd_service_artifact_size,
        .artifact_fd = fnd_service_artifact_fd,
        .artifact_read = fnd_service_artifact_read,
        .artifact_write = fnd_service_artifact_write,
        .confidence_set = fnd_service_confidence_set,
        .confidence_get = fnd_service_confidence_get,
        .origin_set = fnd_service_origin_set,
        .origin_get = fnd_service_origin_get,
        .clarify = fnd_service_clarify,
        .fail = fnd_service_fail,
        .progress = fnd_service_progress,
        .cancelled = fnd_service_cancelled,
        .log = fnd_service_log,
    };
    return &table;
}
