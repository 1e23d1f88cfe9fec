/* SPDX-License-Identifier: MIT */
/* JSON (RFC 8259) on bytes: one pass validates a text; values are spans of it, found by RFC 6901
 * pointer without a tree. Numbers keep their text everywhere (1.10, 2^53+1).
 *
 * Refused, beyond what RFC 8259 refuses: bytes that are no UTF-8, lone surrogates, U+0000 in
 * strings (as \u0000), duplicate keys, depth over FND_JSON_DEPTH_MAX, a byte order mark, anything
 * behind the value but white space. */
#ifndef FND_BASE_JSON_H
#define FND_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct cJSON;

enum { FND_JSON_DEPTH_MAX = 64 }; /* containers inside each other */

enum fnd_json_type {
    FND_JSON_NULL,
    FND_JSON_FALSE,
    FND_JSON_TRUE,
    FND_JSON_NUMBER,
    FND_JSON_STRING,
    FND_JSON_ARRAY,
    FND_JSON_OBJECT
};

/** A value inside a text that was checked: borrowed bytes, no white space around. `bytes == NULL`
 *  is "no value". A string's span includes its quotes. */
struct fnd_json {
    const char *bytes;
    size_t size;
};

/** Check a whole text and give its value.
 *  bytes   borrowed; the span points into it. Need not end with NUL.
 *  file    named in errors, may be NULL.
 *  Returns FND_OK; FND_INVALID or FND_LIMIT with line, column, code and, in the message, the
 *          pointer of the place ("at /line_items/0: duplicate key \"a\", first at line 3").
 *  Linear in size (duplicate keys by a hash set per object, or sorting); never recursive over
 *  FND_JSON_DEPTH_MAX.  Thread: any. */
enum fnd_status fnd_json_check(const char *bytes, size_t size, const char *file,
                               struct fnd_json *value, struct fnd_error *error);
/* All below take spans of checked texts. */

enum fnd_json_type fnd_json_type(struct fnd_json value); /* FND_JSON_NULL for no value, too */
const char *fnd_json_type_name(enum fnd_json_type type); /* "null" "boolean" "number" … static */

/** Walk an array or object: `for (struct fnd_json_walk w = fnd_json_walk(v); fnd_json_next(&w);)`.
 *  On a scalar it ends at once. w.key is a string span (bytes NULL in arrays), w.value the value,
 *  w.index counts from 0. */
struct fnd_json_walk {
    const char *at, *end;
    struct fnd_json key, value;
    size_t index;
    bool object;
    bool started;
};
struct fnd_json_walk fnd_json_walk(struct fnd_json container);
bool fnd_json_next(struct fnd_json_walk *walk);

/** Containers inside each other: 0 for scalars, 1 for a flat object. */
size_t fnd_json_depth(struct fnd_json value);

/** Members or items; 0 for scalars. */
size_t fnd_json_count(struct fnd_json container);

/** The member named `key` (decoded text), or no value. */
struct fnd_json fnd_json_member(struct fnd_json object, const char *key);

/** Several members in one walk: values[i] is that named names[i], or no value. */
void fnd_json_members(struct fnd_json object, const char *const *names, size_t count,
                      struct fnd_json *values);

/** The value at an RFC 6901 pointer, or no value. A pointer that does not parse is no value, too.
 */
struct fnd_json fnd_json_find(struct fnd_json value, const char *pointer);

/** True if the text is an RFC 6901 pointer: "" or segments that begin with '/', '~' only as ~0 ~1,
 *  UTF-8. */
bool fnd_json_pointer_valid(const char *pointer);
/** Append "/segment", escaped. */
void fnd_json_pointer_add(struct fnd_text *pointer, const char *segment, size_t size);
void fnd_json_pointer_add_key(struct fnd_text *pointer, struct fnd_json key); /* a string span */
void fnd_json_pointer_add_index(struct fnd_text *pointer, size_t index);

/** Append a string's decoded text; false (nothing appended) if the value is no string. */
bool fnd_json_text(struct fnd_json string, struct fnd_text *text);
/** The same as a malloc'ed text, NULL if the value is no string. */
char *fnd_json_strdup(struct fnd_json string);
/** True if the value is a string whose decoded text equals `z`. */
bool fnd_json_text_is(struct fnd_json string, const char *z);
/** A number as the nearest double; false if no number or no finite double is near. Locale-free. */
bool fnd_json_number(struct fnd_json number, double *value);
/** An integer that is written as one or has its value (5, 5.0, 5e0), if it fits; else false. */
bool fnd_json_integer(struct fnd_json number, int64_t *value);
/** true/false; false return if the value is no boolean. */
bool fnd_json_boolean(struct fnd_json boolean, bool *value);

/** Compare two numbers by exact decimal value whatever their length (1.10 == 1.1, -0 == 0,
 *  1e400 > 1e399): < 0, 0, > 0. Both must be number spans. */
int fnd_json_number_compare(struct fnd_json a, struct fnd_json b);
/** True if `number` is an integer times `divisor`, exactly, for divisors > 0 whose digits (zeros at
 *  their ends left out) stay below 400 places; otherwise by doubles. False for divisors <= 0.
 *  (schema's multipleOf) */
bool fnd_json_number_multiple(struct fnd_json number, struct fnd_json divisor);
/** Equal as values: numbers by decimal value, strings decoded, objects in any order; no value
 * equals no value only. n log n in the members of an object. */
bool fnd_json_equal(struct fnd_json a, struct fnd_json b);

/** Append the canonical form: keys sorted by bytes, no spaces, shortest escapes, number text
 *  verbatim. */
void fnd_json_canonical(struct fnd_json value, struct fnd_text *text);
/** Append without white space, order and everything else kept. */
void fnd_json_compact(struct fnd_json value, struct fnd_text *text);
/** Whether these are the bytes that fnd_json_compact() appends. */
bool fnd_json_compact_is(struct fnd_json value, const char *bytes, size_t size);
/** Append indented by two spaces a level, for people. `level` is the depth to begin at. */
void fnd_json_pretty(struct fnd_json value, struct fnd_text *text, size_t level);

/** Append a copy of `document` in which the value at `pointer` is `value`, all other bytes as they
 *  were. Missing objects on the way are made (as long as the path continues in missing territory);
 *  a new member goes to the end of its object; an array takes its size or "-" as the index of a
 *  new item. `document` no value counts as {}.
 *  document, value  borrowed; checked spans, which must not lie in `text`.
 *  Returns FND_OK; FND_INVALID (message names pointer and place): the pointer does not parse, leads
 *  through a scalar, or past an array's end; FND_LIMIT: the copy would be deeper than
 *  FND_JSON_DEPTH_MAX. On failure nothing is appended. */
enum fnd_status fnd_json_set(struct fnd_json document, const char *pointer, struct fnd_json value,
                             struct fnd_text *text, struct fnd_error *error);
/** Append a copy of `document` without the value at `pointer` (RFC 6902 "remove"), with
 *  its key and one comma. `document` must not lie in `text`.
 *  Returns FND_OK; FND_NOT_FOUND; FND_INVALID for the root. */
enum fnd_status fnd_json_remove(struct fnd_json document, const char *pointer,
                                struct fnd_text *text, struct fnd_error *error);

/** Line and column (bytes, from 1) of `at` inside `bytes`. */
void fnd_json_place(const char *bytes, const char *at, size_t *line, size_t *column);

/** A cJSON tree (numbers as cJSON_Raw, so that they print as they were), for documents that are
 *  edited; free with cJSON_Delete. NULL only without memory. */
struct cJSON *fnd_json_tree(struct fnd_json value);

#endif
