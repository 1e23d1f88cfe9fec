/* SPDX-License-Identifier: MIT
 *
 * foundry/helpers.h - comforts for plugin authors over foundry/plugin.h.
 *
 * Everything here is inline code of the plugin itself: nothing of it crosses the line between host
 * and plugin, so it is no part of the ABI and may change between releases. Memory comes from the
 * plugin's own malloc and goes back to its own free.
 *
 * Compiles as C11 and later and as C++11 and later.
 */
#ifndef FOUNDRY_HELPERS_H
#define FOUNDRY_HELPERS_H

#include "foundry/json.h"
#include "foundry/plugin.h"

/** Leave the function with the status of `expression` unless it is FOUNDRY_OK. For functions that
 *  hold nothing that must be freed. */
#define FOUNDRY_TRY(expression)                                                                    \
    do {                                                                                           \
        const int32_t foundry_try_status = (expression);                                           \
        if (foundry_try_status != FOUNDRY_OK) {                                                    \
            return foundry_try_status;                                                             \
        }                                                                                          \
    } while (0)

enum {
    FOUNDRY_MESSAGE_SIZE = 1024, /* of a message by foundry_failf(), with its NUL */
    FOUNDRY_KEY_SIZE_MAX = 255   /* of a question's key, as the host takes it */
};

/* ---- reading ------------------------------------------------------------------------------ */

/** What a JSON text is, told by its first byte. */
typedef int32_t foundry_kind_t;
enum {
    FOUNDRY_KIND_NULL = 0,
    FOUNDRY_KIND_BOOLEAN,
    FOUNDRY_KIND_NUMBER,
    FOUNDRY_KIND_STRING,
    FOUNDRY_KIND_ARRAY,
    FOUNDRY_KIND_OBJECT
};

/** The kind of a JSON text as json_get() gives it. */
static inline foundry_kind_t foundry_kind(const char *json)
{
    switch (json[strspn(json, " \t\r\n")]) {
    case 'n':
        return FOUNDRY_KIND_NULL;
    case 't':
    case 'f':
        return FOUNDRY_KIND_BOOLEAN;
    case '"':
        return FOUNDRY_KIND_STRING;
    case '[':
        return FOUNDRY_KIND_ARRAY;
    case '{':
        return FOUNDRY_KIND_OBJECT;
    default:
        return FOUNDRY_KIND_NUMBER;
    }
}

/** The kind of the value at `ptr`, without copying what is inside arrays and objects. */
static inline foundry_status_t foundry_kind_get(const foundry_host_t *host, foundry_call_t *call,
                                                int32_t doc, const char *ptr, foundry_kind_t *kind)
{
    size_t count = 0;
    foundry_status_t status = host->size_get(call, doc, ptr, &count);
    if (status == FOUNDRY_OK && count > 0) {
        const char *key = NULL;
        status = host->key_get(call, doc, ptr, 0, &key);
        if (status == FOUNDRY_OK || status == FOUNDRY_E_TYPE) {
            *kind = status == FOUNDRY_OK ? FOUNDRY_KIND_OBJECT : FOUNDRY_KIND_ARRAY;
            return FOUNDRY_OK;
        }
        return status;
    }
    if (status == FOUNDRY_OK || status == FOUNDRY_E_TYPE) {
        const char *json = NULL;
        status = host->json_get(call, doc, ptr, &json);
        if (status == FOUNDRY_OK) {
            *kind = foundry_kind(json);
        }
    }
    return status;
}

/** text_get() with a value for where there is none. */
static inline foundry_status_t foundry_text_default(const foundry_host_t *host,
                                                    foundry_call_t *call, int32_t doc,
                                                    const char *ptr, const char *fallback,
                                                    const char **text)
{
    const foundry_status_t status = host->text_get(call, doc, ptr, text);
    if (status == FOUNDRY_E_NOT_FOUND) {
        *text = fallback;
        return FOUNDRY_OK;
    }
    return status;
}

/** number_get() with a value for where there is none. */
static inline foundry_status_t foundry_number_default(const foundry_host_t *host,
                                                      foundry_call_t *call, int32_t doc,
                                                      const char *ptr, double fallback,
                                                      double *number)
{
    const foundry_status_t status = host->number_get(call, doc, ptr, number);
    if (status == FOUNDRY_E_NOT_FOUND) {
        *number = fallback;
        return FOUNDRY_OK;
    }
    return status;
}

/** A JSON boolean as 0 or 1. FOUNDRY_E_TYPE if the value is something else. */
static inline foundry_status_t foundry_boolean_get(const foundry_host_t *host, foundry_call_t *call,
                                                   int32_t doc, const char *ptr, int *truth)
{
    const char *json = NULL;
    const foundry_status_t status = host->json_get(call, doc, ptr, &json);
    if (status != FOUNDRY_OK) {
        return status;
    }
    if (foundry_kind(json) != FOUNDRY_KIND_BOOLEAN) {
        return FOUNDRY_E_TYPE;
    }
    *truth = json[strspn(json, " \t\r\n")] == 't';
    return FOUNDRY_OK;
}

/** foundry_boolean_get() with a value for where there is none. */
static inline foundry_status_t foundry_boolean_default(const foundry_host_t *host,
                                                       foundry_call_t *call, int32_t doc,
                                                       const char *ptr, int fallback, int *truth)
{
    const foundry_status_t status = foundry_boolean_get(host, call, doc, ptr, truth);
    if (status == FOUNDRY_E_NOT_FOUND) {
        *truth = fallback;
        return FOUNDRY_OK;
    }
    return status;
}

/** A copy of the text at `ptr` in the plugin's own memory, for what create() keeps. Free it with
 *  free(). */
static inline foundry_status_t foundry_text_copy(const foundry_host_t *host, foundry_call_t *call,
                                                 int32_t doc, const char *ptr, char **copy)
{
    const char *text = NULL;
    const foundry_status_t status = host->text_get(call, doc, ptr, &text);
    if (status != FOUNDRY_OK) {
        return status;
    }
    const size_t size = strlen(text) + 1;
    char *bytes = (char *)malloc(size);
    if (bytes == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    memcpy(bytes, text, size);
    *copy = bytes;
    return FOUNDRY_OK;
}

/** Read a whole artifact into `bytes` (appended). FOUNDRY_E_LIMIT if it is larger than `size_max`;
 *  FOUNDRY_E_IO if it is shorter than it was said to be. */
static inline foundry_status_t foundry_artifact_load(const foundry_host_t *host,
                                                     foundry_call_t *call, const char *name,
                                                     size_t size_max, foundry_text_t *bytes)
{
    uint64_t size = 0;
    FOUNDRY_TRY(host->artifact_size(call, name, &size));
    if (size > size_max) {
        return FOUNDRY_E_LIMIT;
    }
    uint64_t offset = 0;
    while (offset < size && bytes->status == FOUNDRY_OK) {
        char piece[16384];
        const uint64_t left = size - offset;
        const size_t wanted = left < sizeof piece ? (size_t)left : sizeof piece;
        size_t got = 0;
        FOUNDRY_TRY(host->artifact_read(call, name, offset, piece, wanted, &got));
        if (got == 0 || got > wanted) {
            return FOUNDRY_E_IO;
        }
        foundry_text_append(bytes, piece, got);
        offset += got;
    }
    return bytes->status;
}

/* ---- walking ------------------------------------------------------------------------------ */

/** Called for a value: its pointer and kind, borrowed until it returns. Anything but FOUNDRY_OK
 *  ends the walk, which then returns it. */
typedef foundry_status_t (*foundry_visit_t)(void *context, const char *ptr, foundry_kind_t kind);

/** What the functions below hand down; file-local to this header. */
typedef struct foundry_walk_state {
    const foundry_host_t *host;
    foundry_call_t *call;
    foundry_visit_t visit;
    void *context;
    foundry_text_t pointer;
    int32_t doc;
    int32_t leaves_only;
} foundry_walk_state_t;

static inline foundry_status_t foundry_walk_step(foundry_walk_state_t *walk, size_t depth)
{
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    const foundry_host_t *host = walk->host;
    if (walk->pointer.status != FOUNDRY_OK) {
        return walk->pointer.status;
    }
    if (depth > FOUNDRY_DEPTH_MAX) {
        return FOUNDRY_E_LIMIT;
    }
    FOUNDRY_TRY(
        foundry_kind_get(host, walk->call, walk->doc, foundry_text_z(&walk->pointer), &kind));
    const int is_leaf = kind != FOUNDRY_KIND_ARRAY && kind != FOUNDRY_KIND_OBJECT;
    if (is_leaf || !walk->leaves_only) {
        FOUNDRY_TRY(walk->visit(walk->context, foundry_text_z(&walk->pointer), kind));
    }
    if (is_leaf) {
        return FOUNDRY_OK;
    }
    size_t count = 0;
    FOUNDRY_TRY(host->size_get(walk->call, walk->doc, foundry_text_z(&walk->pointer), &count));
    const size_t size = walk->pointer.size;
    for (size_t i = 0; i < count; i++) {
        if (kind == FOUNDRY_KIND_OBJECT) {
            const char *key = NULL;
            FOUNDRY_TRY(
                host->key_get(walk->call, walk->doc, foundry_text_z(&walk->pointer), i, &key));
            foundry_pointer_name(&walk->pointer, key);
        } else {
            foundry_pointer_index(&walk->pointer, i);
        }
        FOUNDRY_TRY(foundry_walk_step(walk, depth + 1));
        foundry_text_cut(&walk->pointer, size);
    }
    return FOUNDRY_OK;
}

static inline foundry_status_t foundry_walk_run(const foundry_host_t *host, foundry_call_t *call,
                                                int32_t doc, const char *ptr, int leaves_only,
                                                foundry_visit_t visit, void *context)
{
    foundry_walk_state_t walk;
    walk.host = host;
    walk.call = call;
    walk.visit = visit;
    walk.context = context;
    walk.doc = doc;
    walk.leaves_only = leaves_only;
    foundry_text_init(&walk.pointer);
    foundry_text_add(&walk.pointer, ptr);
    const foundry_status_t status = foundry_walk_step(&walk, 0);
    foundry_text_finish(&walk.pointer);
    return status;
}

/** Visit every leaf (null, boolean, number, string) of document `doc` at and below `ptr`, in
 *  document order. */
static inline foundry_status_t foundry_walk(const foundry_host_t *host, foundry_call_t *call,
                                            int32_t doc, const char *ptr, foundry_visit_t visit,
                                            void *context)
{
    return foundry_walk_run(host, call, doc, ptr, 1, visit, context);
}

/** The same, arrays and objects too, each before what is inside it. */
static inline foundry_status_t foundry_walk_all(const foundry_host_t *host, foundry_call_t *call,
                                                int32_t doc, const char *ptr, foundry_visit_t visit,
                                                void *context)
{
    return foundry_walk_run(host, call, doc, ptr, 0, visit, context);
}

/** Called for each pointer that a pattern stands for. */
typedef foundry_status_t (*foundry_pointer_visit_t)(void *context, const char *ptr);

/** What foundry_expand() hands down; file-local to this header. */
typedef struct foundry_expand_state {
    const foundry_host_t *host;
    foundry_call_t *call;
    foundry_pointer_visit_t visit;
    void *context;
    foundry_text_t pointer;
    int32_t doc;
} foundry_expand_state_t;

static inline foundry_status_t foundry_expand_step(foundry_expand_state_t *expand,
                                                   const char *pattern, size_t depth)
{
    if (expand->pointer.status != FOUNDRY_OK) {
        return expand->pointer.status;
    }
    if (depth > FOUNDRY_DEPTH_MAX) {
        return FOUNDRY_E_LIMIT;
    }
    while (*pattern == '/' && !(pattern[1] == '*' && (pattern[2] == '\0' || pattern[2] == '/'))) {
        const size_t part = 1 + strcspn(pattern + 1, "/");
        foundry_text_append(&expand->pointer, pattern, part);
        pattern += part;
    }
    const char *ptr = foundry_text_z(&expand->pointer);
    if (expand->pointer.status != FOUNDRY_OK) {
        return expand->pointer.status;
    }
    if (*pattern == '\0') {
        return expand->visit(expand->context, ptr);
    }
    if (*pattern != '/') {
        return FOUNDRY_E_INVALID;
    }
    size_t count = 0;
    foundry_status_t status = expand->host->size_get(expand->call, expand->doc, ptr, &count);
    if (status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE) {
        return FOUNDRY_OK; /* nothing there that "*" could stand for */
    }
    const size_t size = expand->pointer.size;
    for (size_t i = 0; status == FOUNDRY_OK && i < count; i++) {
        const char *key = NULL;
        status = expand->host->key_get(expand->call, expand->doc, foundry_text_z(&expand->pointer),
                                       i, &key);
        if (status == FOUNDRY_OK) {
            foundry_pointer_name(&expand->pointer, key);
        } else if (status == FOUNDRY_E_TYPE) {
            foundry_pointer_index(&expand->pointer, i);
        } else {
            break;
        }
        status = foundry_expand_step(expand, pattern + 2, depth + 1);
        foundry_text_cut(&expand->pointer, size);
    }
    return status;
}

/** Visit each pointer that `pattern` stands for in document `doc`: every part "*" becomes each
 *  index or name found there. Only "*" is looked up: the pointers visited may lead to nothing. */
static inline foundry_status_t foundry_expand(const foundry_host_t *host, foundry_call_t *call,
                                              int32_t doc, const char *pattern,
                                              foundry_pointer_visit_t visit, void *context)
{
    foundry_expand_state_t expand;
    expand.host = host;
    expand.call = call;
    expand.visit = visit;
    expand.context = context;
    expand.doc = doc;
    foundry_text_init(&expand.pointer);
    const foundry_status_t status = foundry_expand_step(&expand, pattern, 0);
    foundry_text_finish(&expand.pointer);
    return status;
}

/* ---- setting values ---------------------------------------------------------------- */

/** Set the output's value at `ptr` to the finished text. */
static inline foundry_status_t foundry_json_stage(foundry_json_t *json, const foundry_host_t *host,
                                                  foundry_call_t *call, const char *ptr)
{
    const char *text = NULL;
    const foundry_status_t status = foundry_json_text(json, &text);
    return status == FOUNDRY_OK ? host->json_set(call, ptr, text) : status;
}

/** Set the output's value at `ptr` to a string; NULL becomes null. */
static inline foundry_status_t foundry_set_text(const foundry_host_t *host, foundry_call_t *call,
                                                const char *ptr, const char *text)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_string(&json, text);
    const foundry_status_t status = foundry_json_stage(&json, host, call, ptr);
    foundry_json_finish(&json);
    return status;
}

/** Set the output's value at `ptr` to a number. */
static inline foundry_status_t foundry_set_number(const foundry_host_t *host, foundry_call_t *call,
                                                  const char *ptr, double number)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_number(&json, number);
    const foundry_status_t status = foundry_json_stage(&json, host, call, ptr);
    foundry_json_finish(&json);
    return status;
}

/** Set the output's value at `ptr` to true or false. */
static inline foundry_status_t foundry_set_boolean(const foundry_host_t *host, foundry_call_t *call,
                                                   const char *ptr, int truth)
{
    return host->json_set(call, ptr, truth ? "true" : "false");
}

/* ---- asking and failing ------------------------------------------------------------------- */

/** Append the key of a question: "NAME:POINTER", with ":RULE" behind it if `rule` is not NULL, so
 *  that two rules over one field are two questions. A key over FOUNDRY_KEY_SIZE_MAX bytes becomes
 *  "NAME:#" and a hash of all of it: the same question keeps the same key. */
static inline void foundry_question_key(foundry_text_t *key, const char *name, const char *pointer,
                                        const char *rule)
{
    const size_t begin = key->size;
    foundry_text_addf(key, "%s:%s", name, pointer);
    if (rule != NULL) {
        foundry_text_addf(key, ":%s", rule);
    }
    if (key->status == FOUNDRY_OK && key->size - begin > FOUNDRY_KEY_SIZE_MAX) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
        for (size_t i = begin; i < key->size; i++) {
            hash = (hash ^ (unsigned char)key->bytes[i]) * UINT64_C(0x100000001b3);
        }
        foundry_text_cut(key, begin);
        foundry_text_addf(key, "%.200s:#%016llx", name, (unsigned long long)hash);
    }
}

/** clarify() for the common case. Arguments as in foundry_clarification_t; `pointer` and
 *  `context_json` may be NULL. */
static inline foundry_status_t foundry_ask(const foundry_host_t *host, foundry_call_t *call,
                                           const char *key, const char *kind, const char *pointer,
                                           const char *question, const char *context_json)
{
    foundry_clarification_t clarification;
    memset(&clarification, 0, sizeof clarification);
    clarification.struct_size = sizeof clarification;
    clarification.key = key;
    clarification.kind = kind;
    clarification.question = question;
    clarification.pointer = pointer;
    clarification.context_json = context_json;
    return host->clarify(call, &clarification);
}

/** fail() with a message as printf makes it, cut at FOUNDRY_MESSAGE_SIZE.
 *      return foundry_failf(host, call, FOUNDRY_PERMANENT, "too_long", "/text", "%zu words", n); */
FOUNDRY_FORMAT(6, 7)
static inline foundry_outcome_t foundry_failf(const foundry_host_t *host, foundry_call_t *call,
                                              foundry_outcome_t outcome, const char *code,
                                              const char *ptr, const char *format, ...)
{
    char message[FOUNDRY_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (size < 0) {
        message[0] = '\0';
    } else if ((size_t)size >= sizeof message) {
        size_t whole =
            sizeof message - 1; /* the last character may be split: find its first byte */
        while (whole > 0 && ((unsigned char)message[whole - 1] & 0xC0) == 0x80) {
            whole--;
        }
        if (whole > 0 && ((unsigned char)message[whole - 1] & 0x80) != 0) {
            whole--;
        }
        message[whole] = '\0';
    }
    return host->fail(call, outcome, code, message, ptr, 0);
}

#endif
