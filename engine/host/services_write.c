/* SPDX-License-Identifier: MIT */
/* The services that stage effects, and those that act at once. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "host/state.h"

#define COVERS(record, member, type)                                                               \
    ((record)->struct_size >= offsetof(type, member) + sizeof((record)->member))

/** FOUNDRY_OK where the call may stage an output and marks. */
static foundry_status_t may_write(foundry_call_t *call, const char *service, const char *ptr)
{
    if (call->input->detector) {
        return fnd_call_note(call, FOUNDRY_E_DENIED, service, -1, NULL,
                             "a detector writes nothing");
    }
    if (call->input->create) {
        return fnd_call_note(call, FOUNDRY_E_DENIED, service, -1, NULL, "create() writes nothing");
    }
    if (ptr == NULL) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, NULL, "the pointer is NULL");
    }
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_json_set(foundry_call_t *call, const char *ptr, const char *json)
{
    static const char service[] = "json_set";
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    const foundry_status_t allowed = may_write(call, service, ptr);
    if (allowed != FOUNDRY_OK) {
        return allowed;
    }
    if (json == NULL) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr, "the JSON text is NULL");
    }
    struct fnd_json value;
    const size_t size = strnlen(json, (size_t)FND_OUTPUT_SIZE_MAX + 1);
    if (size > FND_OUTPUT_SIZE_MAX) {
        return fnd_call_note(call, FOUNDRY_E_LIMIT, service, -1, ptr, "an output may have 16 MiB");
    }
    if (fnd_json_check(json, size, NULL, &value, NULL) != FND_OK) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr,
                             "the text is no JSON, or has a duplicate key");
    }
    const char *why = NULL;
    switch (fnd_output_set(&call->output, ptr, value, &why)) {
    case FND_OK:
        return FOUNDRY_OK;
    case FND_LIMIT:
        return fnd_call_note(call, FOUNDRY_E_LIMIT, service, -1, ptr, why);
    default:
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr, why);
    }
}

/** FOUNDRY_OK where a mark may be staged for `ptr`. */
static foundry_status_t may_mark(foundry_call_t *call, const char *service, const char *ptr,
                                 size_t count)
{
    const foundry_status_t allowed = may_write(call, service, ptr);
    if (allowed != FOUNDRY_OK) {
        return allowed;
    }
    if (strnlen(ptr, FND_POINTER_SIZE_MAX + 1) > FND_POINTER_SIZE_MAX) {
        return fnd_call_note(call, FOUNDRY_E_LIMIT, service, -1, ptr,
                             "a pointer may have 4096 bytes");
    }
    if (!fnd_json_pointer_valid(ptr)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr,
                             "the pointer is no JSON pointer");
    }
    if (count == FND_MARKS_MAX) {
        return fnd_call_note(call, FOUNDRY_E_LIMIT, service, -1, ptr,
                             "a call may set 100,000 of them");
    }
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_confidence_set(foundry_call_t *call, const char *ptr, double score)
{
    static const char service[] = "confidence_set";
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_effects *effects = call->effects;
    const foundry_status_t allowed = may_mark(call, service, ptr, effects->confidences_count);
    if (allowed != FOUNDRY_OK) {
        return allowed;
    }
    if (!(score >= 0 && score <= 1)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr,
                             "the score is not within 0 and 1");
    }
    effects->confidences =
        fnd_grow(effects->confidences, effects->confidences_count, sizeof *effects->confidences);
    effects->confidences[effects->confidences_count++] =
        (struct fnd_confidence){fnd_strdup(ptr), score + 0.0 /* no negative zero */};
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_origin_set(foundry_call_t *call, const char *ptr,
                                        const foundry_origin_t *origin)
{
    static const char service[] = "origin_set";
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_effects *effects = call->effects;
    const foundry_status_t allowed = may_mark(call, service, ptr, effects->origins_count);
    if (allowed != FOUNDRY_OK) {
        return allowed;
    }
    if (origin == NULL || !COVERS(origin, height, foundry_origin_t)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr,
                             "struct_size of the origin is not set");
    }
    const size_t name_size =
        origin->artifact == NULL ? 0 : strnlen(origin->artifact, FND_NAME_SIZE_MAX + 1);
    if (name_size == 0 || name_size > FND_NAME_SIZE_MAX ||
        !fnd_utf8_valid(origin->artifact, name_size)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr,
                             "the origin names no artifact");
    }
    if (!isfinite(origin->x) || !isfinite(origin->y) || !isfinite(origin->width) ||
        !isfinite(origin->height) || origin->width < 0 || origin->height < 0) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, ptr, "the origin is no box");
    }
    effects->origins = fnd_grow(effects->origins, effects->origins_count, sizeof *effects->origins);
    effects->origins[effects->origins_count++] =
        (struct fnd_origin){.pointer = fnd_strdup(ptr),
                            .artifact = fnd_strdup(origin->artifact),
                            .page = origin->page,
                            .x = origin->x,
                            .y = origin->y,
                            .width = origin->width,
                            .height = origin->height};
    return FOUNDRY_OK;
}

/** A text of a question: FND_INVALID or FND_LIMIT if it cannot be one. NULL is fine. */
static foundry_status_t question_text(foundry_call_t *call, const char *text, size_t size_max,
                                      const char *what)
{
    const size_t size = text == NULL ? 0 : strnlen(text, size_max + 1);
    if (size > size_max) {
        return fnd_call_note(call, FOUNDRY_E_LIMIT, "clarify", -1, NULL, what);
    }
    if (!fnd_utf8_valid(text == NULL ? "" : text, size)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, "clarify", -1, NULL, what);
    }
    return FOUNDRY_OK;
}

static bool is_json(const char *text)
{
    struct fnd_json value;
    return text == NULL || fnd_json_check(text, strlen(text), NULL, &value, NULL) == FND_OK;
}

static bool is_schema(const char *text)
{
    struct fnd_schema *schema = NULL;
    const bool good = text == NULL || fnd_schema_create("answer schema", text, strlen(text),
                                                        &schema, NULL) == FND_OK;
    fnd_schema_destroy(schema);
    return good;
}

/** What is wrong with a question whose texts are known to be texts, or NULL. */
static const char *question_flaw(const foundry_call_t *call, const foundry_clarification_t *asked)
{
    if (asked->key == NULL || asked->key[0] == '\0') {
        return "the question has no key";
    }
    if (asked->question == NULL || asked->question[0] == '\0') {
        return "there is no text of the question";
    }
    if (asked->pointer != NULL && !fnd_json_pointer_valid(asked->pointer)) {
        return "the pointer of the question is no JSON pointer";
    }
    if (!is_json(asked->context_json)) {
        return "the context of the question is no JSON";
    }
    if (!is_schema(asked->answer_schema)) {
        return "the answer schema is none";
    }
    for (size_t i = 0; i < call->effects->questions_count; i++) {
        if (strcmp(call->effects->questions[i].key, asked->key) == 0) {
            return "the call has asked a question of this key already";
        }
    }
    return NULL;
}

foundry_status_t fnd_service_clarify(foundry_call_t *call, const foundry_clarification_t *given)
{
    static const char service[] = "clarify";
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    if (call->input->create) {
        return fnd_call_note(call, FOUNDRY_E_DENIED, service, -1, NULL, "create() asks nothing");
    }
    if (call->input->trainer) {
        return fnd_call_note(call, FOUNDRY_E_DENIED, service, -1, NULL, "a trainer asks nothing");
    }
    if (given == NULL || !COVERS(given, question, foundry_clarification_t)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, NULL,
                             "struct_size of the question is not set");
    }
    foundry_clarification_t asked = {0}; /* what a shorter struct does not reach stays NULL */
    memcpy(&asked, given, given->struct_size < sizeof asked ? given->struct_size : sizeof asked);
    const struct {
        const char *text, *what;
        size_t size_max;
    } texts[] = {
        {asked.key, "the key must be UTF-8 of at most 255 bytes", FND_NAME_SIZE_MAX},
        {asked.kind, "the kind must be UTF-8 of at most 255 bytes", FND_NAME_SIZE_MAX},
        {asked.question, "the question must be UTF-8 of at most 64 KiB", FND_QUESTION_SIZE_MAX},
        {asked.pointer, "the pointer must be UTF-8 of at most 4096 bytes", FND_POINTER_SIZE_MAX},
        {asked.context_json, "the context must be UTF-8 of at most 64 KiB", FND_QUESTION_SIZE_MAX},
        {asked.answer_schema, "the answer schema must be UTF-8 of at most 64 KiB",
         FND_QUESTION_SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const foundry_status_t good =
            question_text(call, texts[i].text, texts[i].size_max, texts[i].what);
        if (good != FOUNDRY_OK) {
            return good;
        }
    }
    const char *flaw = question_flaw(call, &asked);
    if (flaw != NULL) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, NULL, flaw);
    }
    struct fnd_effects *effects = call->effects;
    if (effects->questions_count == FND_QUESTIONS_MAX) {
        return fnd_call_note(call, FOUNDRY_E_LIMIT, service, -1, NULL,
                             "a call may ask 256 questions");
    }
    effects->questions =
        fnd_grow(effects->questions, effects->questions_count, sizeof *effects->questions);
    effects->questions[effects->questions_count++] = (struct fnd_question){
        .key = fnd_strdup(asked.key),
        .kind = fnd_strdup(asked.kind == NULL ? "" : asked.kind),
        .question = fnd_strdup(asked.question),
        .pointer = fnd_strdup(asked.pointer == NULL ? "" : asked.pointer),
        .context = asked.context_json == NULL ? NULL : fnd_strdup(asked.context_json),
        .answer_schema = asked.answer_schema == NULL ? NULL : fnd_strdup(asked.answer_schema),
        .has_pointer = asked.pointer != NULL};
    return FOUNDRY_OK;
}

/** A malloc'ed copy for people: cut at `size_max` on a character's boundary, made visible if it is
 *  no UTF-8. */
static char *text_for_people(const char *text, size_t size_max)
{
    size_t size = text == NULL ? 0 : strnlen(text, size_max + 1);
    if (size > size_max) {
        for (size = size_max; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;) {
            size--;
        }
    }
    if (size > 0 && !fnd_utf8_valid(text, size)) {
        struct fnd_text visible = {0};
        fnd_text_append_visible(&visible, text, size);
        return fnd_text_take(&visible);
    }
    return fnd_strndup(text == NULL ? "" : text, size);
}

static bool is_code(const char *code)
{
    const size_t size = code == NULL ? 0 : strnlen(code, FND_ERROR_CODE_SIZE);
    bool good = size > 0 && size < FND_ERROR_CODE_SIZE;
    for (size_t i = 0; good && i < size; i++) {
        const char c = code[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    }
    return good;
}

foundry_outcome_t fnd_service_fail(foundry_call_t *call, foundry_outcome_t outcome,
                                   const char *code, const char *message, const char *ptr,
                                   uint64_t retry_after_ms)
{
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    if (outcome != FOUNDRY_RETRYABLE) {
        outcome = FOUNDRY_PERMANENT;
    }
    struct fnd_effects *effects = call->effects;
    free(effects->code);
    free(effects->message);
    free(effects->pointer);
    effects->code = fnd_strdup(is_code(code) ? code : "failed");
    effects->message = text_for_people(message, FND_FAILURE_SIZE_MAX);
    effects->pointer = NULL;
    if (ptr != NULL && strnlen(ptr, FND_POINTER_SIZE_MAX + 1) <= FND_POINTER_SIZE_MAX &&
        fnd_json_pointer_valid(ptr)) {
        effects->pointer = fnd_strdup(ptr);
    }
    effects->retry_after_ms = outcome == FOUNDRY_RETRYABLE ? retry_after_ms : 0;
    call->failed = true;
    return outcome;
}

void fnd_service_progress(foundry_call_t *call, double fraction, const char *note)
{
    if (call == NULL || isnan(fraction)) {
        return;
    }
    (void)pthread_mutex_lock(&call->lock);
    if (fnd_call_alive(call) && call->live.progress != NULL) {
        fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
        call->live.progress(call->live.context, fraction, note);
    }
    (void)pthread_mutex_unlock(&call->lock);
}

int32_t fnd_service_cancelled(foundry_call_t *call)
{
    if (call == NULL) {
        return 1;
    }
    (void)pthread_mutex_lock(&call->lock);
    /* Whoever still asks after the end should stop, too. */
    const bool stop = !fnd_call_alive(call) ||
                      (call->live.cancelled != NULL && call->live.cancelled(call->live.context));
    (void)pthread_mutex_unlock(&call->lock);
    return stop ? 1 : 0;
}

void fnd_service_log(foundry_call_t *call, int32_t level, const char *line)
{
    if (call == NULL || line == NULL) {
        return;
    }
    static const char letters[] = "DIWE";
    level = level < FOUNDRY_LOG_DEBUG   ? FOUNDRY_LOG_DEBUG
            : level > FOUNDRY_LOG_ERROR ? FOUNDRY_LOG_ERROR
                                        : level;
    (void)pthread_mutex_lock(&call->lock);
    struct fnd_effects *effects = call->effects;
    if (!fnd_call_alive(call)) {
        goto out;
    }
    if (effects->log_lines == FND_LOG_LINES_MAX) {
        effects->log_lines_dropped++;
        goto out;
    }
    effects->log_lines++;
    size_t size = strnlen(line, FND_LOG_LINE_SIZE_MAX + 1);
    if (size > FND_LOG_LINE_SIZE_MAX) {
        for (size = FND_LOG_LINE_SIZE_MAX;
             size > 0 && ((unsigned char)line[size] & 0xc0) == 0x80;) {
            size--;
        }
    }
    struct fnd_text own = {0};
    struct fnd_text *text = call->live.log == NULL ? &effects->log : &own;
    fnd_text_append_byte(text, letters[level]);
    fnd_text_append_byte(text, ' ');
    fnd_text_append_visible(text, line, size);
    fnd_text_append_byte(text, '\n');
    if (call->live.log != NULL) {
        call->live.log(call->live.context, own.bytes, own.size);
    }
    fnd_text_finish(&own);
out:
    (void)pthread_mutex_unlock(&call->lock);
}
