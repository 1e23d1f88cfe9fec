/* SPDX-License-Identifier: MIT
 *
 * foundry/json.h - growing text, JSON pointers and a JSON writer for plugins.
 *
 * Inline code of the plugin itself, no part of the ABI: it uses the plugin's own malloc and free
 * and calls no service of the host. foundry/helpers.h includes it.
 *
 * Compiles as C11 and later and as C++11 and later.
 */
#ifndef FOUNDRY_JSON_H
#define FOUNDRY_JSON_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foundry/plugin.h"

#if defined(__GNUC__) || defined(__clang__)
#define FOUNDRY_FORMAT(at, first) __attribute__((format(printf, at, first)))
#else
#define FOUNDRY_FORMAT(at, first)
#endif

enum { FOUNDRY_DEPTH_MAX = 64 }; /* containers inside each other, as the host counts them */

/* ---- growing text ------------------------------------------------------------------------- */

/** Text that grows, ended by NUL. Its first failure sticks: later appends do nothing, so that one
 *  look at `status` at the end is enough. Read it, change it only through the functions. */
typedef struct foundry_text {
    char *bytes; /* NULL until something was appended */
    size_t size, capacity;
    foundry_status_t status;
} foundry_text_t;

/** Make an empty text. */
static inline void foundry_text_init(foundry_text_t *text)
{
    text->bytes = NULL;
    text->size = 0;
    text->capacity = 0;
    text->status = FOUNDRY_OK;
}

/** Free what is inside; the text is empty again. */
static inline void foundry_text_finish(foundry_text_t *text)
{
    free(text->bytes);
    foundry_text_init(text);
}

/** The bytes, never NULL. Borrowed until the next call on `text`. */
static inline const char *foundry_text_z(const foundry_text_t *text)
{
    return text->bytes != NULL ? text->bytes : "";
}

/** Append `size` bytes. */
static inline void foundry_text_append(foundry_text_t *text, const char *bytes, size_t size)
{
    if (text->status != FOUNDRY_OK) {
        return;
    }
    if (size >= (size_t)-1 / 2 - text->size) {
        text->status = FOUNDRY_E_NO_MEMORY;
        return;
    }
    if (text->size + size + 1 > text->capacity) {
        const size_t capacity = (text->size + size + 1) * 2 + 32;
        char *grown = (char *)realloc(text->bytes, capacity);
        if (grown == NULL) {
            text->status = FOUNDRY_E_NO_MEMORY;
            return;
        }
        text->bytes = grown;
        text->capacity = capacity;
    }
    if (size > 0) {
        memcpy(text->bytes + text->size, bytes, size);
    }
    text->size += size;
    text->bytes[text->size] = '\0';
}

/** Append text that ends with NUL; NULL appends nothing. */
static inline void foundry_text_add(foundry_text_t *text, const char *z)
{
    if (z != NULL) {
        foundry_text_append(text, z, strlen(z));
    }
}

/** Append as printf does. */
FOUNDRY_FORMAT(2, 3)
static inline void foundry_text_addf(foundry_text_t *text, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (size < 0) {
        if (text->status == FOUNDRY_OK) {
            text->status = FOUNDRY_E_INVALID;
        }
        return;
    }
    if ((size_t)size < sizeof small) {
        foundry_text_append(text, small, (size_t)size);
        return;
    }
    char *large = (char *)malloc((size_t)size + 1);
    if (large == NULL) {
        text->status = FOUNDRY_E_NO_MEMORY;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(large, (size_t)size + 1, format, arguments);
    va_end(arguments);
    foundry_text_append(text, large, (size_t)size);
    free(large);
}

/** Cut back to `size` bytes; a larger size changes nothing. */
static inline void foundry_text_cut(foundry_text_t *text, size_t size)
{
    if (size < text->size) {
        text->size = size;
        text->bytes[size] = '\0';
    }
}

/** The largest size up to `size` that does not split a UTF-8 character of `bytes`. */
static inline size_t foundry_utf8_boundary(const char *bytes, size_t size)
{
    while (size > 0 && ((unsigned char)bytes[size] & 0xC0) == 0x80) {
        size--;
    }
    return size;
}

/* ---- pointers ----------------------------------------------------------------------------- */

/** Append "/NAME" to a JSON pointer, '~' and '/' in the name escaped (RFC 6901). */
static inline void foundry_pointer_name(foundry_text_t *pointer, const char *name)
{
    foundry_text_append(pointer, "/", 1);
    for (; *name != '\0'; name++) {
        if (*name == '~') {
            foundry_text_append(pointer, "~0", 2);
        } else if (*name == '/') {
            foundry_text_append(pointer, "~1", 2);
        } else {
            foundry_text_append(pointer, name, 1);
        }
    }
}

/** Append "/INDEX" to a JSON pointer. */
static inline void foundry_pointer_index(foundry_text_t *pointer, size_t index)
{
    foundry_text_addf(pointer, "/%zu", index);
}

/** Whether a text is a JSON pointer: empty, or begins with '/' and every '~' is "~0" or "~1". */
static inline int foundry_pointer_valid(const char *pointer)
{
    if (*pointer != '\0' && *pointer != '/') {
        return 0;
    }
    for (; *pointer != '\0'; pointer++) {
        if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1') {
            return 0;
        }
    }
    return 1;
}

/** Whether `pointer` is what `pattern` stands for. A pattern is a JSON pointer in which a part "*"
 *  stands for any one name or index: "/line_items/" "*" "/quantity" stands for
 *  "/line_items/0/quantity". */
static inline int foundry_pointer_matches(const char *pattern, const char *pointer)
{
    while (*pattern != '\0' && *pointer != '\0') {
        if (*pattern != '/' || *pointer != '/') {
            return 0;
        }
        pattern++;
        pointer++;
        const size_t pattern_size = strcspn(pattern, "/");
        const size_t pointer_size = strcspn(pointer, "/");
        const int is_star = pattern_size == 1 && *pattern == '*';
        if (!is_star &&
            (pattern_size != pointer_size || memcmp(pattern, pointer, pattern_size) != 0)) {
            return 0;
        }
        pattern += pattern_size;
        pointer += pointer_size;
    }
    return *pattern == '\0' && *pointer == '\0';
}

/* ---- writing JSON ------------------------------------------------------------------------- */

/** A JSON writer: commas and escapes come by themselves. Like foundry_text_t it keeps its first
 *  failure, so that only foundry_json_text() or foundry_json_stage() need looking at:
 *
 *      foundry_json_t json;
 *      foundry_json_init(&json);
 *      foundry_json_object(&json);
 *      foundry_json_key(&json, "total");
 *      foundry_json_number(&json, 44.95);
 *      foundry_json_end(&json);
 *      status = foundry_json_stage(&json, host, call, "");
 *      foundry_json_finish(&json);
 */
typedef struct foundry_json {
    foundry_text_t text;
    uint64_t objects; /* one bit a level: an object, not an array */
    uint32_t depth;
    int32_t comma;   /* a value stands before the next one */
    int32_t has_key; /* a key waits for its value */
} foundry_json_t;

/** Begin an empty text. */
static inline void foundry_json_init(foundry_json_t *json)
{
    foundry_text_init(&json->text);
    json->objects = 0;
    json->depth = 0;
    json->comma = 0;
    json->has_key = 0;
}

/** Free what is inside. */
static inline void foundry_json_finish(foundry_json_t *json)
{
    foundry_text_finish(&json->text);
    foundry_json_init(json);
}

static inline void foundry_json_refuse(foundry_json_t *json, foundry_status_t status)
{
    if (json->text.status == FOUNDRY_OK) {
        json->text.status = status;
    }
}

static inline int foundry_json_in_object(const foundry_json_t *json)
{
    return json->depth > 0 && ((json->objects >> (json->depth - 1)) & 1) != 0;
}

/* What comes before each value: a key in an object, a comma in an array, nothing else. */
static inline void foundry_json_before(foundry_json_t *json)
{
    if (foundry_json_in_object(json)) {
        if (!json->has_key) {
            foundry_json_refuse(json, FOUNDRY_E_INVALID);
        }
        json->has_key = 0;
    } else if (json->comma) {
        if (json->depth == 0) {
            foundry_json_refuse(json, FOUNDRY_E_INVALID);
        }
        foundry_text_append(&json->text, ",", 1);
    }
    json->comma = 1;
}

static inline void foundry_json_quote(foundry_json_t *json, const char *bytes, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    size_t plain = 0; /* where the bytes begin that need no escape */
    foundry_text_append(&json->text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): no caller's text is */
        const unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        foundry_text_append(&json->text, bytes + plain, i - plain);
        plain = i + 1;
        char escape[6] = {'\\', (char)byte, '0', '0', '0', '0'};
        size_t escape_size = 2;
        switch (byte) {
        case '"':
        case '\\':
            break;
        case '\b':
            escape[1] = 'b';
            break;
        case '\f':
            escape[1] = 'f';
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default:
            escape[1] = 'u';
            escape[4] = hex[byte >> 4];
            escape[5] = hex[byte & 15];
            escape_size = 6;
        }
        foundry_text_append(&json->text, escape, escape_size);
    }
    foundry_text_append(&json->text, bytes + plain, size - plain);
    foundry_text_append(&json->text, "\"", 1);
}

static inline void foundry_json_open(foundry_json_t *json, int is_object)
{
    foundry_json_before(json);
    if (json->depth == FOUNDRY_DEPTH_MAX) {
        foundry_json_refuse(json, FOUNDRY_E_LIMIT);
        return;
    }
    const uint64_t bit = (uint64_t)1 << json->depth;
    json->objects = is_object ? json->objects | bit : json->objects & ~bit;
    json->depth++;
    json->comma = 0;
    foundry_text_append(&json->text, is_object ? "{" : "[", 1);
}

/** Open an object; foundry_json_end() closes it. */
static inline void foundry_json_object(foundry_json_t *json)
{
    foundry_json_open(json, 1);
}

/** Open an array; foundry_json_end() closes it. */
static inline void foundry_json_array(foundry_json_t *json)
{
    foundry_json_open(json, 0);
}

/** Close the object or array that was opened last. */
static inline void foundry_json_end(foundry_json_t *json)
{
    if (json->depth == 0 || json->has_key) {
        foundry_json_refuse(json, FOUNDRY_E_INVALID);
        return;
    }
    foundry_text_append(&json->text, foundry_json_in_object(json) ? "}" : "]", 1);
    json->depth--;
    json->comma = 1;
}

/** The name of the next member. */
static inline void foundry_json_key(foundry_json_t *json, const char *key)
{
    if (!foundry_json_in_object(json) || json->has_key) {
        foundry_json_refuse(json, FOUNDRY_E_INVALID);
        return;
    }
    if (json->comma) {
        foundry_text_append(&json->text, ",", 1);
    }
    foundry_json_quote(json, key, strlen(key));
    foundry_text_append(&json->text, ":", 1);
    json->has_key = 1;
}

/** A value that is JSON text already, e.g. from json_get(): goes in as it is. */
static inline void foundry_json_raw(foundry_json_t *json, const char *value)
{
    foundry_json_before(json);
    foundry_text_add(&json->text, value);
}

/** A string of `size` bytes, which must be UTF-8. */
static inline void foundry_json_bytes(foundry_json_t *json, const char *bytes, size_t size)
{
    foundry_json_before(json);
    foundry_json_quote(json, bytes, size);
}

/** A null. */
static inline void foundry_json_null(foundry_json_t *json)
{
    foundry_json_raw(json, "null");
}

/** A string; NULL becomes null. */
static inline void foundry_json_string(foundry_json_t *json, const char *text)
{
    if (text == NULL) {
        foundry_json_null(json);
    } else {
        foundry_json_bytes(json, text, strlen(text));
    }
}

/** A boolean. */
static inline void foundry_json_boolean(foundry_json_t *json, int truth)
{
    foundry_json_raw(json, truth ? "true" : "false");
}

/** A whole number. */
static inline void foundry_json_integer(foundry_json_t *json, int64_t number)
{
    foundry_json_before(json);
    foundry_text_addf(&json->text, "%lld", (long long)number);
}

/** A number, in the fewest digits that read back as the same double. Infinities and NaN are no
 *  JSON: FOUNDRY_E_INVALID. */
static inline void foundry_json_number(foundry_json_t *json, double number)
{
    char digits[40];
    if (!(number - number <= 0 && number - number >= 0)) { /* NaN for NaN and infinities alone */
        foundry_json_refuse(json, FOUNDRY_E_INVALID);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, number);
        const double back = strtod(digits, NULL);
        if (back <= number && back >= number) {
            break;
        }
    }
    char *point = strchr(digits, ','); /* some locales print one */
    if (point != NULL) {
        *point = '.';
    }
    foundry_json_raw(json, digits);
}

/** The finished text, borrowed until foundry_json_finish(). FOUNDRY_E_INVALID if something is still
 *  open or nothing was written, else the first failure on the way. */
static inline foundry_status_t foundry_json_text(foundry_json_t *json, const char **text)
{
    if (json->depth != 0 || !json->comma) {
        foundry_json_refuse(json, FOUNDRY_E_INVALID);
    }
    if (json->text.status == FOUNDRY_OK) {
        *text = foundry_text_z(&json->text);
    }
    return json->text.status;
}

#endif
