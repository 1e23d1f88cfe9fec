/* SPDX-License-Identifier: MIT */
/* The services that read documents and marks. */
#include <stddef.h>
#include <string.h>

#include "host/find.h"

enum { COPY_REMEMBERED_MIN = 256 };

foundry_status_t fnd_call_note(foundry_call_t *call, foundry_status_t status, const char *service,
                               int32_t doc, const char *pointer, const char *detail)
{
    struct fnd_note *note = &call->note;
    note->status = status;
    note->service = service;
    note->detail = detail;
    note->doc = doc;
    note->has_pointer = pointer != NULL;
    if (pointer != NULL) {
        size_t size = strnlen(pointer, sizeof note->pointer - 1);
        memcpy(note->pointer, pointer, size);
        note->pointer[size] = '\0';
    }
    return status;
}

/** The value a read asks for. The host looks before it says no: what is there and declared costs
 *  one look-up. */
static foundry_status_t read_value(foundry_call_t *call, const char *service, int32_t doc,
                                   const char *ptr, struct fnd_json *value)
{
    if (doc < 0 || doc >= FND_CURSORS_COUNT) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, -1, NULL,
                             "there is no such document");
    }
    if (ptr == NULL) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, doc, NULL, "the pointer is NULL");
    }
    const struct fnd_json found = fnd_call_find(call, doc, ptr);
    if (found.bytes == NULL && !fnd_json_pointer_valid(ptr)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, doc, ptr,
                             "the pointer is no JSON pointer");
    }
    if (doc == FOUNDRY_DOC_CONFIG && call->config_schema != NULL && ptr[0] != '\0' &&
        !fnd_schema_declares(call->config_schema, ptr)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, doc, ptr,
                             "the config schema does not declare it");
    }
    if (found.bytes == NULL) {
        return fnd_call_note(call, FOUNDRY_E_NOT_FOUND, service, doc, ptr,
                             "there is no such value");
    }
    *value = found;
    return FOUNDRY_OK;
}

static foundry_status_t no_memory(foundry_call_t *call, const char *service, int32_t doc,
                                  const char *ptr)
{
    return fnd_call_note(call, FOUNDRY_E_NO_MEMORY, service, doc, ptr, "no memory for the copy");
}

/** A NUL-ended copy that lives as long as the call; the same one again for a big value that is read
 *  again. */
static const char *copy_bytes(foundry_call_t *call, const char *bytes, size_t size)
{
    if (size < COPY_REMEMBERED_MIN) {
        return fnd_arena_copy(call->arena, bytes, size);
    }
    const size_t at = ((uintptr_t)bytes >> 4) % FND_COPIES_COUNT;
    if (call->copies[at].bytes != bytes || call->copies[at].size != size) {
        const char *copy = fnd_arena_copy(call->arena, bytes, size);
        if (copy == NULL) {
            return NULL;
        }
        call->copies[at].bytes = bytes;
        call->copies[at].size = size;
        call->copies[at].copy = copy;
    }
    return call->copies[at].copy;
}

foundry_status_t fnd_service_json_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                      const char **json)
{
    if (!fnd_call_alive(call) || json == NULL) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_json value;
    const foundry_status_t status = read_value(call, "json_get", doc, ptr, &value);
    if (status != FOUNDRY_OK) {
        return status;
    }
    const char *copy = copy_bytes(call, value.bytes, value.size);
    if (copy == NULL) {
        return no_memory(call, "json_get", doc, ptr);
    }
    *json = copy;
    return FOUNDRY_OK;
}

/** The decoded text of a string, in the call's memory. */
static const char *copy_string(foundry_call_t *call, struct fnd_json string)
{
    if (memchr(string.bytes, '\\', string.size) == NULL) {
        return copy_bytes(call, string.bytes + 1, string.size - 2);
    }
    struct fnd_text text = {0};
    fnd_json_text(string, &text);
    const char *copy = fnd_arena_copy(call->arena, fnd_text_z(&text), text.size);
    fnd_text_finish(&text);
    return copy;
}

foundry_status_t fnd_service_text_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                      const char **text)
{
    if (!fnd_call_alive(call) || text == NULL) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_json value;
    const foundry_status_t status = read_value(call, "text_get", doc, ptr, &value);
    if (status != FOUNDRY_OK) {
        return status;
    }
    if (value.bytes[0] != '"') {
        return fnd_call_note(call, FOUNDRY_E_TYPE, "text_get", doc, ptr, "the value is no string");
    }
    const char *copy = copy_string(call, value);
    if (copy == NULL) {
        return no_memory(call, "text_get", doc, ptr);
    }
    *text = copy;
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_number_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                        double *number)
{
    if (!fnd_call_alive(call) || number == NULL) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_json value;
    const foundry_status_t status = read_value(call, "number_get", doc, ptr, &value);
    if (status != FOUNDRY_OK) {
        return status;
    }
    if (fnd_json_type(value) != FND_JSON_NUMBER) {
        return fnd_call_note(call, FOUNDRY_E_TYPE, "number_get", doc, ptr,
                             "the value is no number");
    }
    double read;
    if (!fnd_json_number(value, &read)) {
        return fnd_call_note(call, FOUNDRY_E_LIMIT, "number_get", doc, ptr,
                             "no finite double is near the number");
    }
    *number = read;
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_size_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                      size_t *count)
{
    if (!fnd_call_alive(call) || count == NULL) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_json value;
    const foundry_status_t status = read_value(call, "size_get", doc, ptr, &value);
    if (status != FOUNDRY_OK) {
        return status;
    }
    const enum fnd_json_type type = fnd_json_type(value);
    if (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY) {
        return fnd_call_note(call, FOUNDRY_E_TYPE, "size_get", doc, ptr,
                             "the value is no object and no array");
    }
    *count = fnd_json_count(value);
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_key_get(foundry_call_t *call, int32_t doc, const char *ptr,
                                     size_t index, const char **key)
{
    if (!fnd_call_alive(call) || key == NULL) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_json value;
    const foundry_status_t status = read_value(call, "key_get", doc, ptr, &value);
    if (status != FOUNDRY_OK) {
        return status;
    }
    if (fnd_json_type(value) != FND_JSON_OBJECT) {
        return fnd_call_note(call, FOUNDRY_E_TYPE, "key_get", doc, ptr, "the value is no object");
    }
    if (call->keys.container != value.bytes || call->keys.next > index) {
        call->keys.walk = fnd_json_walk(value);
        call->keys.container = value.bytes;
        call->keys.next = 0;
    }
    bool there = true;
    while (there && call->keys.next <= index) {
        there = fnd_json_next(&call->keys.walk);
        call->keys.next++;
    }
    if (!there) {
        call->keys.container = NULL;
        return fnd_call_note(call, FOUNDRY_E_NOT_FOUND, "key_get", doc, ptr,
                             "the object has fewer members");
    }
    const char *copy = copy_string(call, call->keys.walk.key);
    if (copy == NULL) {
        return no_memory(call, "key_get", doc, ptr);
    }
    *key = copy;
    return FOUNDRY_OK;
}

/** What SUBJECT's marks say of `ptr`. */
static foundry_status_t read_mark(foundry_call_t *call, const char *service, bool origin,
                                  const char *ptr, struct fnd_json *mark)
{
    if (ptr == NULL || !fnd_json_pointer_valid(ptr)) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, service, FOUNDRY_DOC_SUBJECT, ptr,
                             "the pointer is no JSON pointer");
    }
    *mark = fnd_call_mark(call, origin, ptr);
    if (mark->bytes == NULL) {
        return fnd_call_note(call, FOUNDRY_E_NOT_FOUND, service, FOUNDRY_DOC_SUBJECT, ptr,
                             "nothing is recorded for it");
    }
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_confidence_get(foundry_call_t *call, const char *ptr, double *score)
{
    if (!fnd_call_alive(call) || score == NULL) {
        return FOUNDRY_E_INVALID;
    }
    struct fnd_json mark;
    const foundry_status_t status = read_mark(call, "confidence_get", false, ptr, &mark);
    double read;
    if (status == FOUNDRY_OK && !fnd_json_number(mark, &read)) {
        return fnd_call_note(call, FOUNDRY_E_TYPE, "confidence_get", FOUNDRY_DOC_SUBJECT, ptr,
                             "what is recorded is no number");
    }
    if (status == FOUNDRY_OK) {
        *score = read;
    }
    return status;
}

foundry_status_t fnd_service_origin_get(foundry_call_t *call, const char *ptr,
                                        foundry_origin_t *origin)
{
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    if (origin == NULL ||
        origin->struct_size < offsetof(foundry_origin_t, height) + sizeof origin->height) {
        return fnd_call_note(call, FOUNDRY_E_INVALID, "origin_get", FOUNDRY_DOC_SUBJECT, ptr,
                             "struct_size of the origin is not set");
    }
    struct fnd_json mark;
    const foundry_status_t status = read_mark(call, "origin_get", true, ptr, &mark);
    if (status != FOUNDRY_OK) {
        return status;
    }
    foundry_origin_t read = {.struct_size = origin->struct_size};
    int64_t page;
    const struct fnd_json artifact = fnd_json_member(mark, "artifact");
    const struct fnd_json page_json = fnd_json_member(mark, "page");
    if (artifact.bytes == NULL || artifact.bytes[0] != '"' || page_json.bytes == NULL ||
        !fnd_json_integer(page_json, &page) || page < 0 || page > UINT32_MAX) {
        return fnd_call_note(call, FOUNDRY_E_TYPE, "origin_get", FOUNDRY_DOC_SUBJECT, ptr,
                             "what is recorded is no origin");
    }
    read.page = (uint32_t)page;
    static const char *const names[] = {"x", "y", "width", "height"};
    double *const values[] = {&read.x, &read.y, &read.width, &read.height};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct fnd_json number = fnd_json_member(mark, names[i]);
        if (number.bytes == NULL || !fnd_json_number(number, values[i])) {
            return fnd_call_note(call, FOUNDRY_E_TYPE, "origin_get", FOUNDRY_DOC_SUBJECT, ptr,
                                 "what is recorded is no origin");
        }
    }
    read.artifact = copy_string(call, artifact);
    if (read.artifact == NULL) {
        return no_memory(call, "origin_get", FOUNDRY_DOC_SUBJECT, ptr);
    }
    *origin = read;
    return FOUNDRY_OK;
}
