/* SPDX-License-Identifier: MIT */
/* Writing: other forms of a value, and copies with one place changed. */
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <cJSON.h>

#include "base/json_scan.h"

enum { ENTRIES_INLINE = 16, POINTER_SHOWN_MAX = 240 };

/* An object's members, sorted by decoded key: those of small objects lie in `few`. */
struct members {
    size_t count;
    struct fnd_json_entry *entries;
    struct fnd_json_entry few[ENTRIES_INLINE];
};

static void members_init(struct members *members, struct fnd_json object)
{
    size_t capacity = ENTRIES_INLINE;
    members->count = 0;
    members->entries = members->few;
    struct fnd_json_walk walk = fnd_json_walk(object);
    while (fnd_json_next(&walk)) {
        if (members->count == capacity) {
            bool on_heap = members->entries != members->few;
            capacity *= 2;
            members->entries =
                fnd_realloc(on_heap ? members->entries : NULL, capacity, sizeof *members->entries);
            if (!on_heap) {
                memcpy(members->entries, members->few, sizeof members->few);
            }
        }
        members->entries[members->count++] = (struct fnd_json_entry){
            .prefix = fnd_json_key_prefix(walk.key), .key = walk.key, .value = walk.value};
    }
    fnd_json_entries_sort(members->entries, members->count);
}

static void members_finish(struct members *members)
{
    if (members->entries != members->few) {
        free(members->entries);
    }
}

static bool arrays_equal(struct fnd_json a, struct fnd_json b)
{
    struct fnd_json_walk left = fnd_json_walk(a), right = fnd_json_walk(b);
    for (;;) {
        bool more = fnd_json_next(&left);
        if (more != fnd_json_next(&right)) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (!fnd_json_equal(left.value, right.value)) {
            return false;
        }
    }
}

static bool objects_equal(struct fnd_json a, struct fnd_json b)
{
    struct members left, right;
    members_init(&left, a);
    members_init(&right, b);
    bool equal = left.count == right.count;
    for (size_t i = 0; equal && i < left.count; i++) {
        const struct fnd_json_entry *x = &left.entries[i], *y = &right.entries[i];
        equal = x->prefix == y->prefix && fnd_json_key_compare(x->key, y->key) == 0 &&
                fnd_json_equal(x->value, y->value);
    }
    members_finish(&left);
    members_finish(&right);
    return equal;
}

bool fnd_json_equal(struct fnd_json a, struct fnd_json b)
{
    if (a.bytes == NULL || b.bytes == NULL) {
        return a.bytes == b.bytes;
    }
    enum fnd_json_type type = fnd_json_type(a);
    if (type != fnd_json_type(b)) {
        return false;
    }
    if (a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0) {
        return true;
    }
    switch (type) {
    case FND_JSON_NUMBER:
        return fnd_json_number_compare(a, b) == 0;
    case FND_JSON_STRING:
        return fnd_json_key_compare(a, b) == 0;
    case FND_JSON_ARRAY:
        return arrays_equal(a, b);
    case FND_JSON_OBJECT:
        return objects_equal(a, b);
    default:
        return true;
    }
}

static void append_span(struct fnd_text *text, struct fnd_json span)
{
    fnd_text_append(text, span.bytes, span.size);
}

/* A string without a backslash holds nothing that has to be escaped: it is canonical already. */
static void append_canonical_string(struct fnd_text *text, struct fnd_json string)
{
    if (memchr(string.bytes, '\\', string.size) == NULL) {
        append_span(text, string);
        return;
    }
    struct fnd_text decoded = {0};
    fnd_json_text(string, &decoded);
    fnd_text_append_json(text, fnd_text_z(&decoded), decoded.size);
    fnd_text_finish(&decoded);
}

static void append_canonical_object(struct fnd_text *text, struct fnd_json object)
{
    struct members members;
    members_init(&members, object);
    fnd_text_append_byte(text, '{');
    for (size_t i = 0; i < members.count; i++) {
        if (i > 0) {
            fnd_text_append_byte(text, ',');
        }
        append_canonical_string(text, members.entries[i].key);
        fnd_text_append_byte(text, ':');
        fnd_json_canonical(members.entries[i].value, text);
    }
    fnd_text_append_byte(text, '}');
    members_finish(&members);
}

void fnd_json_canonical(struct fnd_json value, struct fnd_text *text)
{
    switch (fnd_json_type(value)) {
    case FND_JSON_OBJECT:
        append_canonical_object(text, value);
        break;
    case FND_JSON_ARRAY:
        fnd_text_append_byte(text, '[');
        for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
            if (walk.index > 0) {
                fnd_text_append_byte(text, ',');
            }
            fnd_json_canonical(walk.value, text);
        }
        fnd_text_append_byte(text, ']');
        break;
    case FND_JSON_STRING:
        append_canonical_string(text, value);
        break;
    default:
        append_span(text, value);
        break;
    }
}

/** Behind the bytes from `at` on that stand between white space outside of strings. */
static const char *solid_skip(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at > ' ') {
        at = *at == '"' ? fnd_json_string_skip(at, end) : at + 1;
    }
    return at;
}

void fnd_json_compact(struct fnd_json value, struct fnd_text *text)
{
    const char *at = value.bytes, *end = value.bytes + value.size;
    fnd_text_reserve(text, value.size);
    while (at < end) {
        const char *from = at;
        at = solid_skip(at, end);
        fnd_text_append(text, from, (size_t)(at - from));
        at = fnd_json_space(at, end);
    }
}

bool fnd_json_compact_is(struct fnd_json value, const char *bytes, size_t size)
{
    const char *at = value.bytes, *end = value.bytes + value.size;
    while (at < end) {
        const char *from = at;
        at = solid_skip(at, end);
        const size_t solid = (size_t)(at - from);
        if (solid > size || memcmp(from, bytes, solid) != 0) {
            return false;
        }
        bytes += solid;
        size -= solid;
        at = fnd_json_space(at, end);
    }
    return size == 0;
}

static void append_line(struct fnd_text *text, size_t level)
{
    fnd_text_append_byte(text, '\n');
    for (size_t i = 0; i < level; i++) {
        fnd_text_append(text, "  ", 2);
    }
}

void fnd_json_pretty(struct fnd_json value, struct fnd_text *text, size_t level)
{
    const char *at = value.bytes, *end = value.bytes + value.size;
    while (at < end) {
        char byte = *at;
        const char *next = fnd_json_space(at + 1, end);
        if (byte == '"') {
            next = fnd_json_string_skip(at, end);
            fnd_text_append(text, at, (size_t)(next - at));
            next = fnd_json_space(next, end);
        } else if ((byte == '{' || byte == '[') && (*next == '}' || *next == ']')) {
            fnd_text_append_byte(text, byte);
            fnd_text_append_byte(text, *next);
            next = fnd_json_space(next + 1, end);
        } else if (byte == '{' || byte == '[') {
            fnd_text_append_byte(text, byte);
            append_line(text, ++level);
        } else if (byte == '}' || byte == ']') {
            append_line(text, --level);
            fnd_text_append_byte(text, byte);
        } else if (byte == ',') {
            fnd_text_append_byte(text, byte);
            append_line(text, level);
        } else if (byte == ':') {
            fnd_text_append(text, ": ", 2);
        } else {
            fnd_text_append_byte(text, byte);
        }
        at = next;
    }
}

/* Pointers in messages: visible, their end where they are long. */
static void append_pointer(struct fnd_text *text, const char *pointer, size_t size)
{
    if (size > POINTER_SHOWN_MAX) {
        fnd_text_append_z(text, "...");
        pointer += size - POINTER_SHOWN_MAX;
        size = POINTER_SHOWN_MAX;
    }
    fnd_text_append_visible(text, pointer, size);
}

/* `why` tells what was found at the part of the pointer up to `end`. */
static enum fnd_status refuse(struct fnd_error *error, enum fnd_status status, const char *code,
                              const char *verb, const char *pointer, const char *end,
                              const char *why)
{
    struct fnd_text whole = {0}, part = {0};
    append_pointer(&whole, pointer, strlen(pointer));
    append_pointer(&part, pointer, (size_t)(end - pointer));
    if (part.size == 0) {
        fnd_text_append_z(&part, "the root");
    }
    fnd_error_set(error, status, "cannot %s \"%s\": %s %s", verb, fnd_text_z(&whole),
                  fnd_text_z(&part), why);
    fnd_error_code(error, code);
    fnd_text_finish(&whole);
    fnd_text_finish(&part);
    return status;
}

/* Where a pointer leads in a document. */
struct place {
    struct fnd_json parent;            /* the last container that is there */
    struct fnd_json key, value;        /* the member or item in it; no value if it is missing */
    const char *before_end;            /* behind the value before it in the parent, or NULL */
    const char *behind;                /* begin of the key or item after it, or NULL */
    const char *segment, *segment_end; /* of the pointer, in the parent */
};

/* Look up one segment; false if the container is an array that cannot have it. */
static bool step_into(struct place *place, struct fnd_json container, const char *segment)
{
    *place = (struct place){
        .parent = container, .segment = segment, .segment_end = fnd_json_segment_end(segment)};
    struct fnd_json_walk walk = fnd_json_walk(container);
    size_t index = SIZE_MAX; /* "-", the place behind the last item */
    bool dash = place->segment_end - segment == 1 && *segment == '-';
    if (!walk.object && !dash && !fnd_json_segment_index(segment, place->segment_end, &index)) {
        return false;
    }
    size_t count = 0;
    while (fnd_json_next(&walk)) {
        const char *begin = walk.object ? walk.key.bytes : walk.value.bytes;
        if (place->value.bytes != NULL) {
            place->behind = begin;
            return true;
        }
        if (walk.object ? fnd_json_segment_is(walk.key, segment, place->segment_end)
                        : walk.index == index) {
            place->key = walk.key;
            place->value = walk.value;
        } else {
            place->before_end = walk.value.bytes + walk.value.size;
        }
        count++;
    }
    return walk.object || place->value.bytes != NULL || dash || index == count;
}

static void append_segment_json(struct fnd_text *text, const char *at, const char *end)
{
    struct fnd_text decoded = {0};
    for (; at < end; at++) {
        if (*at == '~') {
            at++;
            fnd_text_append_byte(&decoded, *at == '0' ? '~' : '/');
        } else {
            fnd_text_append_byte(&decoded, *at);
        }
    }
    fnd_text_append_json(text, fnd_text_z(&decoded), decoded.size);
    fnd_text_finish(&decoded);
}

/* The value, inside one new object for each segment of `pointer`. */
static void append_nested(struct fnd_text *text, const char *pointer, struct fnd_json value)
{
    size_t objects = 0;
    while (*pointer == '/') {
        const char *end = fnd_json_segment_end(pointer + 1);
        fnd_text_append_byte(text, '{');
        append_segment_json(text, pointer + 1, end);
        fnd_text_append_byte(text, ':');
        pointer = end;
        objects++;
    }
    append_span(text, value);
    while (objects-- > 0) {
        fnd_text_append_byte(text, '}');
    }
}

static size_t segment_count(const char *pointer)
{
    size_t count = 0;
    for (; *pointer != '\0'; pointer++) {
        count += *pointer == '/';
    }
    return count;
}

static bool is_container(struct fnd_json value)
{
    enum fnd_json_type type = fnd_json_type(value);
    return type == FND_JSON_ARRAY || type == FND_JSON_OBJECT;
}

/* A new member or item behind the last of place->parent. */
static void append_insertion(struct fnd_text *text, struct fnd_json document,
                             const struct place *place, struct fnd_json value)
{
    const char *at = place->before_end != NULL ? place->before_end : place->parent.bytes + 1;
    fnd_text_append(text, document.bytes, (size_t)(at - document.bytes));
    if (place->before_end != NULL) {
        fnd_text_append_byte(text, ',');
    }
    if (fnd_json_type(place->parent) == FND_JSON_OBJECT) {
        append_segment_json(text, place->segment, place->segment_end);
        fnd_text_append_byte(text, ':');
    }
    append_nested(text, place->segment_end, value);
    fnd_text_append(text, at, (size_t)(document.bytes + document.size - at));
}

enum fnd_status fnd_json_set(struct fnd_json document, const char *pointer, struct fnd_json value,
                             struct fnd_text *text, struct fnd_error *error)
{
    static const char verb[] = "set the value at";
    assert(value.bytes != NULL);
    if (document.bytes == NULL) {
        document = (struct fnd_json){"{}", 2};
    }
    if (!fnd_json_pointer_valid(pointer)) {
        return refuse(error, FND_INVALID, "bad_pointer", verb, pointer, pointer + strlen(pointer),
                      "is no JSON pointer: \"\", or segments that begin with \"/\", with ~0 for "
                      "\"~\" and ~1 for \"/\"");
    }
    size_t segments = segment_count(pointer);
    if (segments > FND_JSON_DEPTH_MAX || segments + fnd_json_depth(value) > FND_JSON_DEPTH_MAX) {
        return refuse(error, FND_LIMIT, "too_deep", verb, pointer, pointer + strlen(pointer),
                      "would put more than 64 containers inside each other");
    }
    struct fnd_json target = document;
    for (const char *at = pointer; *at == '/';) {
        if (!is_container(target)) {
            return refuse(error, FND_INVALID, "not_a_container", verb, pointer, at,
                          "is neither an object nor an array");
        }
        struct place place;
        if (!step_into(&place, target, at + 1)) {
            return refuse(error, FND_INVALID, "bad_index", verb, pointer, at,
                          "is an array, and the next segment is neither an index up to its size "
                          "nor \"-\"");
        }
        if (place.value.bytes == NULL) {
            append_insertion(text, document, &place, value);
            return FND_OK;
        }
        target = place.value;
        at = place.segment_end;
    }
    const char *end = document.bytes + document.size;
    const char *behind = target.bytes + target.size;
    fnd_text_append(text, document.bytes, (size_t)(target.bytes - document.bytes));
    append_span(text, value);
    fnd_text_append(text, behind, (size_t)(end - behind));
    return FND_OK;
}

enum fnd_status fnd_json_remove(struct fnd_json document, const char *pointer,
                                struct fnd_text *text, struct fnd_error *error)
{
    static const char verb[] = "remove the value at";
    const char *pointer_end = pointer + strlen(pointer);
    if (*pointer == '\0') {
        return refuse(error, FND_INVALID, "root", verb, pointer, pointer, "cannot be removed");
    }
    if (!fnd_json_pointer_valid(pointer)) {
        return refuse(error, FND_INVALID, "bad_pointer", verb, pointer, pointer_end,
                      "is no JSON pointer: \"\", or segments that begin with \"/\", with ~0 for "
                      "\"~\" and ~1 for \"/\"");
    }
    struct place place = {.value = document};
    for (const char *at = pointer; *at == '/'; at = place.segment_end) {
        if (!is_container(place.value) || !step_into(&place, place.value, at + 1) ||
            place.value.bytes == NULL) {
            return refuse(error, FND_NOT_FOUND, "not_found", verb, pointer,
                          fnd_json_segment_end(at + 1), "is not there");
        }
    }
    const char *begin = place.key.bytes != NULL ? place.key.bytes : place.value.bytes;
    const char *end = place.value.bytes + place.value.size;
    if (place.before_end != NULL) { /* the comma before it goes as well */
        begin = place.before_end;
    } else if (place.behind != NULL) { /* the first: the comma behind it */
        end = place.behind;
    }
    fnd_text_append(text, document.bytes, (size_t)(begin - document.bytes));
    fnd_text_append(text, end, (size_t)(document.bytes + document.size - end));
    return FND_OK;
}

static cJSON *tree_of_text(struct fnd_json value)
{
    bool string = fnd_json_type(value) == FND_JSON_STRING;
    char *z = string ? fnd_json_strdup(value) : fnd_strndup(value.bytes, value.size);
    cJSON *node = string ? cJSON_CreateString(z) : cJSON_CreateRaw(z);
    free(z);
    return node;
}

/* Children, added one by one; false without memory. */
static bool fill_tree(cJSON *node, struct fnd_json container)
{
    for (struct fnd_json_walk walk = fnd_json_walk(container); fnd_json_next(&walk);) {
        cJSON *child = fnd_json_tree(walk.value);
        bool added = false;
        if (child != NULL && walk.object) {
            char *key = fnd_json_strdup(walk.key);
            added = cJSON_AddItemToObject(node, key, child);
            free(key);
        } else if (child != NULL) {
            added = cJSON_AddItemToArray(node, child);
        }
        if (!added) {
            cJSON_Delete(child);
            return false;
        }
    }
    return true;
}

struct cJSON *fnd_json_tree(struct fnd_json value)
{
    enum fnd_json_type type = fnd_json_type(value);
    if (type == FND_JSON_NULL) {
        return cJSON_CreateNull();
    }
    if (type == FND_JSON_TRUE || type == FND_JSON_FALSE) {
        return cJSON_CreateBool(type == FND_JSON_TRUE);
    }
    if (type == FND_JSON_STRING || type == FND_JSON_NUMBER) {
        return tree_of_text(value);
    }
    cJSON *node = type == FND_JSON_OBJECT ? cJSON_CreateObject() : cJSON_CreateArray();
    if (node != NULL && !fill_tree(node, value)) {
        cJSON_Delete(node);
        node = NULL;
    }
    return node;
}
