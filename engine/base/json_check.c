/* SPDX-License-Identifier: MIT */
/* The checker: one pass over untrusted bytes, one loop over a stack of frames instead of recursion,
 * and no allocation unless a document has more than KEYS_INLINE keys open at once. */
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"

enum {
    KEYS_INLINE = 64, /* keys of open objects that need no heap */
    PAIRS_MAX = 32,   /* members compared pairwise; objects with more are sorted at their end */
    POINTER_SHOWN_MAX = 240, /* bytes of a pointer in a message */
    POINTER_BUILT_MAX = 8192
};

/* An open container. */
struct frame {
    const char *open; /* its bracket */
    size_t index;     /* of the current item or member */
    size_t first_key; /* in reader.keys; the current key of an object is the last of its own */
    uint64_t seen;    /* one bit for each hash of a key: most keys need no comparison */
    bool object;
};

struct reader {
    const char *start, *at, *end;
    const char *file;
    struct fnd_error *error;
    enum fnd_status status;
    size_t depth, key_count, key_capacity;
    struct fnd_json_entry *keys;
    struct frame frames[FND_JSON_DEPTH_MAX];
    struct fnd_json_entry keys_inline[KEYS_INLINE];
};

/* Where an error belongs: the container that is open, or its current member. */
enum scope { IN_CONTAINER, IN_VALUE };

static void append_place(const struct reader *reader, enum scope scope, struct fnd_text *text)
{
    struct fnd_text pointer = {0};
    size_t depth = reader->depth;
    depth -= scope == IN_CONTAINER && depth > 0;
    for (size_t i = 0; i < depth && pointer.size < POINTER_BUILT_MAX; i++) {
        const struct frame *frame = &reader->frames[i];
        if (!frame->object) {
            fnd_json_pointer_add_index(&pointer, frame->index);
            continue;
        }
        size_t keys = i + 1 < reader->depth ? reader->frames[i + 1].first_key : reader->key_count;
        fnd_json_pointer_add_key(&pointer, reader->keys[keys - 1].key);
    }
    if (pointer.size == 0) {
        fnd_text_append_z(text, "at the root: ");
    } else if (pointer.size <= POINTER_SHOWN_MAX) {
        fnd_text_append_z(text, "at ");
        fnd_text_append_visible(text, pointer.bytes, pointer.size);
        fnd_text_append_z(text, ": ");
    } else {
        const char *from = pointer.bytes + pointer.size - POINTER_SHOWN_MAX;
        while (((unsigned char)*from & 0xc0) == 0x80) {
            from++;
        }
        fnd_text_append_z(text, "at ...");
        fnd_text_append_visible(text, from, (size_t)(pointer.bytes + pointer.size - from));
        fnd_text_append_z(text, ": ");
    }
    fnd_text_finish(&pointer);
}

/* Tell the story of a refusal; false, so that one can return it. */
__attribute__((format(printf, 6, 7))) static bool refuse(struct reader *reader, enum scope scope,
                                                         const char *at, enum fnd_status status,
                                                         const char *code, const char *format, ...)
{
    reader->status = status;
    if (reader->error == NULL) {
        return false;
    }
    struct fnd_text text = {0};
    append_place(reader, scope, &text);
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&text, format, arguments);
    va_end(arguments);
    fnd_error_set(reader->error, status, "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    size_t line = 0, column = 0;
    fnd_json_place(reader->start, at, &line, &column);
    fnd_error_place(reader->error, reader->file, line, column);
    fnd_error_code(reader->error, code);
    return false;
}

/* What stands at a place, for a message. */
struct found {
    char text[24];
};

static struct found found_at(const struct reader *reader, const char *at)
{
    struct found found;
    if (at >= reader->end) {
        snprintf(found.text, sizeof found.text, "the end of the text");
    } else if (*at > ' ' && *at < 0x7f) {
        snprintf(found.text, sizeof found.text, *at == '"' ? "'%c'" : "\"%c\"", *at);
    } else {
        snprintf(found.text, sizeof found.text, "byte 0x%02x", (unsigned char)*at);
    }
    return found;
}

/* Four hex digits, or -1. */
static int32_t hex4(const char *at, const char *end)
{
    unsigned char bytes[2];
    return end - at >= 4 && fnd_unhex(at, 4, bytes, 2) ? bytes[0] << 8 | bytes[1] : -1;
}

static bool read_unicode_escape(struct reader *reader, enum scope scope, const char *at)
{
    int32_t unit = hex4(at + 2, reader->end);
    if (unit < 0) {
        return refuse(reader, scope, at, FND_INVALID, "bad_escape",
                      "\\u is not followed by four hex digits");
    }
    if (unit == 0) {
        return refuse(reader, scope, at, FND_INVALID, "nul_character",
                      "\\u0000 is not allowed in a string; remove it");
    }
    reader->at = at + 6;
    if (unit < 0xd800 || unit > 0xdfff) {
        return true;
    }
    int32_t low = -1;
    if (unit < 0xdc00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' &&
        reader->at[1] == 'u') {
        low = hex4(reader->at + 2, reader->end);
    }
    if (low < 0xdc00 || low > 0xdfff) {
        return refuse(reader, scope, at, FND_INVALID, "lone_surrogate",
                      "\\u%04x is half of a surrogate pair without the other half", (unsigned)unit);
    }
    reader->at += 6;
    return true;
}

static bool read_escape(struct reader *reader, enum scope scope)
{
    const char *at = reader->at;
    char letter = at + 1 < reader->end ? at[1] : '\0';
    switch (letter) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        reader->at = at + 2;
        return true;
    case 'u':
        return read_unicode_escape(reader, scope, at);
    default:
        return refuse(reader, scope, at, FND_INVALID, "bad_escape",
                      "a backslash is followed by %s; only \" \\ / b f n r t and u may follow",
                      found_at(reader, at + 1).text);
    }
}

/* A string whose quote stands at reader->at. */
static bool read_string(struct reader *reader, enum scope scope)
{
    const char *open = reader->at;
    const char *near = fnd_json_string_near(open, reader->end, FND_JSON_RUN_ASCII);
    if (near != NULL) { /* most are short and plain */
        reader->at = near;
        return true;
    }
    reader->at++;
    for (;;) {
        const char *at = fnd_json_run_skip(reader->at, reader->end, FND_JSON_RUN_ASCII);
        reader->at = at;
        if (at >= reader->end) {
            return refuse(reader, scope, open, FND_INVALID, "truncated",
                          "the text ends inside the string that begins here");
        }
        if (*at == '"') {
            reader->at++;
            return true;
        }
        if (*at == '\\') {
            if (!read_escape(reader, scope)) {
                return false;
            }
            continue;
        }
        if ((unsigned char)*at < 0x20) {
            return refuse(reader, scope, at, FND_INVALID, "control_character",
                          "byte 0x%02x stands bare in a string; write it as an escape such as \\n",
                          (unsigned char)*at);
        }
        do {
            size_t step = fnd_utf8_step(at, (size_t)(reader->end - at));
            if (step == 0) {
                reader->at = at;
                return refuse(
                    reader, scope, at, FND_INVALID, "invalid_utf8",
                    "byte 0x%02x is not part of a UTF-8 character; save the text as UTF-8",
                    (unsigned char)*at);
            }
            at += step;
        } while (at < reader->end && (unsigned char)*at >= 0x80);
        reader->at = at;
    }
}

/* RFC 8259, section 6. */
static bool read_number(struct reader *reader)
{
    const char *at = reader->at, *end = reader->end;
    const char *hint = "a number begins with a digit, or with - and a digit";
    at += *at == '-';
    const char *whole = at;
    at = fnd_json_digits_skip(at, end);
    if (at == whole) {
        goto bad;
    }
    if (*whole == '0' && at - whole > 1) {
        hint = "a number has no leading zeros";
        at = whole;
        goto bad;
    }
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = fnd_json_digits_skip(at, end);
        hint = "a digit must follow the point";
        if (at == fraction) {
            goto bad;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        const char *exponent = at;
        at = fnd_json_digits_skip(at, end);
        hint = "a digit must follow in the exponent";
        if (at == exponent) {
            goto bad;
        }
    }
    hint = "put text in quotes";
    if (at < end && fnd_json_is_word(*at)) {
        goto bad;
    }
    reader->at = at;
    return true;
bad:
    return refuse(reader, IN_VALUE, reader->at, FND_INVALID, "bad_number",
                  "a number is broken by %s; %s", found_at(reader, at).text, hint);
}

static bool read_literal(struct reader *reader, const char *word, size_t size)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left < size || memcmp(reader->at, word, size) != 0 ||
        (left > size && fnd_json_is_word(reader->at[size]))) {
        return refuse(reader, IN_VALUE, reader->at, FND_INVALID, "bad_literal",
                      "a word that begins with \"%c\" is not %s; put text in quotes", *reader->at,
                      word);
    }
    reader->at += size;
    return true;
}

/* Anything that begins no value. */
static bool refuse_value(struct reader *reader)
{
    const char *at = reader->at;
    if (at >= reader->end) {
        return refuse(reader, IN_VALUE, at, FND_INVALID, reader->depth == 0 ? "empty" : "truncated",
                      reader->depth == 0 ? "the text holds no value"
                                         : "the text ends where a value should stand");
    }
    if (*at == '\'') {
        return refuse(reader, IN_VALUE, at, FND_INVALID, "bad_value",
                      "strings stand in double quotes, not in single ones");
    }
    if (*at == 'N' || *at == 'I' || *at == '+' || *at == '.') {
        return refuse(reader, IN_VALUE, at, FND_INVALID, "bad_number",
                      "a value cannot begin with %s; JSON has neither NaN nor Infinity, and a "
                      "number begins with a digit or with - and a digit",
                      found_at(reader, at).text);
    }
    if (*at == '/' || *at == '#') {
        return refuse(reader, IN_VALUE, at, FND_INVALID, "bad_value",
                      "a value cannot begin with %s; JSON has no comments",
                      found_at(reader, at).text);
    }
    return refuse(reader, IN_VALUE, at, FND_INVALID, "bad_value", "a value is expected, found %s",
                  found_at(reader, at).text);
}

static bool read_scalar(struct reader *reader)
{
    char byte = reader->at < reader->end ? *reader->at : '\0';
    switch (byte) {
    case '"':
        return read_string(reader, IN_VALUE);
    case 't':
        return read_literal(reader, "true", 4);
    case 'f':
        return read_literal(reader, "false", 5);
    case 'n':
        return read_literal(reader, "null", 4);
    default:
        return fnd_json_is_digit(byte) || byte == '-' ? read_number(reader) : refuse_value(reader);
    }
}

static bool refuse_duplicate(struct reader *reader, struct fnd_json first, struct fnd_json second)
{
    size_t line = 0, column = 0;
    struct fnd_text name = {0};
    if (reader->error != NULL) {
        struct fnd_text decoded = {0};
        fnd_json_place(reader->start, first.bytes, &line, &column);
        fnd_json_text(second, &decoded);
        size_t shown = decoded.size < POINTER_SHOWN_MAX ? decoded.size : POINTER_SHOWN_MAX;
        while (shown > 0 && shown < decoded.size &&
               ((unsigned char)decoded.bytes[shown] & 0xc0) == 0x80) {
            shown--;
        }
        fnd_text_append_visible(&name, fnd_text_z(&decoded), shown);
        fnd_text_append_z(&name, shown < decoded.size ? "..." : "");
        fnd_text_finish(&decoded);
    }
    refuse(reader, IN_CONTAINER, second.bytes, FND_INVALID, "duplicate_key",
           "duplicate key \"%s\", first at line %zu; keep one of them", fnd_text_z(&name), line);
    fnd_text_finish(&name);
    return false;
}

static void keys_grow(struct reader *reader)
{
    size_t capacity = reader->key_capacity * 2;
    bool on_heap = reader->keys != reader->keys_inline;
    struct fnd_json_entry *keys =
        fnd_realloc(on_heap ? reader->keys : NULL, capacity, sizeof *keys);
    if (!on_heap) {
        memcpy(keys, reader->keys_inline, sizeof reader->keys_inline);
    }
    reader->keys = keys;
    reader->key_capacity = capacity;
}

/* A key and its colon; reader->at is behind the white space before the key. */
static bool read_key(struct reader *reader, struct frame *frame)
{
    const char *open = reader->at;
    if (open >= reader->end || *open != '"') {
        const char *code = open >= reader->end ? "truncated" : "bad_key";
        return refuse(reader, IN_CONTAINER, open, FND_INVALID, code,
                      "a key in double quotes is expected, found %s", found_at(reader, open).text);
    }
    if (!read_string(reader, IN_CONTAINER)) {
        return false;
    }
    struct fnd_json key = {open, (size_t)(reader->at - open)};
    uint64_t prefix = fnd_json_key_prefix_before(key, reader->end);
    size_t own = reader->key_count - frame->first_key;
    if (own < PAIRS_MAX) {
        uint64_t bit = (uint64_t)1 << ((prefix * 0x9e3779b97f4a7c15u) >> 58);
        for (size_t i = frame->first_key; (frame->seen & bit) != 0 && i < reader->key_count; i++) {
            if (reader->keys[i].prefix == prefix &&
                fnd_json_key_compare(reader->keys[i].key, key) == 0) {
                return refuse_duplicate(reader, reader->keys[i].key, key);
            }
        }
        frame->seen |= bit;
    }
    if (reader->key_count == reader->key_capacity) {
        keys_grow(reader);
    }
    reader->keys[reader->key_count].prefix = prefix;
    reader->keys[reader->key_count].key = key;
    reader->key_count++;
    reader->at = fnd_json_space(reader->at, reader->end);
    if (reader->at >= reader->end || *reader->at != ':') {
        const char *code = reader->at >= reader->end ? "truncated" : "missing_colon";
        return refuse(reader, IN_VALUE, reader->at, FND_INVALID, code,
                      "\":\" is expected behind the key, found %s",
                      found_at(reader, reader->at).text);
    }
    reader->at = fnd_json_space(reader->at + 1, reader->end);
    return true;
}

/* The end of an object whose members were too many to compare pairwise. */
static bool check_keys(struct reader *reader, const struct frame *frame)
{
    size_t count = reader->key_count - frame->first_key;
    struct fnd_json_entry *keys = reader->keys + frame->first_key;
    size_t found = 0;
    fnd_json_entries_sort(keys, count);
    for (size_t i = 1; i < count; i++) {
        if (keys[i].prefix == keys[i - 1].prefix &&
            fnd_json_key_compare(keys[i].key, keys[i - 1].key) == 0 &&
            (found == 0 || keys[i].key.bytes < keys[found].key.bytes)) {
            found = i;
        }
    }
    return found == 0 || refuse_duplicate(reader, keys[found - 1].key, keys[found].key);
}

enum progress { REFUSED, VALUE_NEXT, VALUE_DONE };

/* A bracket that opens. VALUE_DONE: the container is empty and closed again. */
static enum progress open_container(struct reader *reader)
{
    const char *open = reader->at;
    if (reader->depth == FND_JSON_DEPTH_MAX) {
        refuse(reader, IN_VALUE, open, FND_LIMIT, "too_deep",
               "more than %d containers stand inside each other", FND_JSON_DEPTH_MAX);
        return REFUSED;
    }
    bool object = *open == '{';
    reader->at = fnd_json_space(open + 1, reader->end);
    if (reader->at < reader->end && *reader->at == (object ? '}' : ']')) {
        reader->at++;
        return VALUE_DONE;
    }
    struct frame *frame = &reader->frames[reader->depth++];
    frame->open = open;
    frame->index = 0;
    frame->first_key = reader->key_count;
    frame->seen = 0;
    frame->object = object;
    return !object || read_key(reader, frame) ? VALUE_NEXT : REFUSED;
}

/* What follows a value inside a container: a comma, or its end. */
static enum progress after_value(struct reader *reader)
{
    struct frame *frame = &reader->frames[reader->depth - 1];
    char close = frame->object ? '}' : ']';
    reader->at = fnd_json_space(reader->at, reader->end);
    char byte = reader->at < reader->end ? *reader->at : '\0';
    if (byte == ',') {
        const char *comma = reader->at;
        reader->at = fnd_json_space(comma + 1, reader->end);
        if (reader->at < reader->end && *reader->at == close) {
            refuse(reader, IN_CONTAINER, comma, FND_INVALID, "trailing_comma",
                   "a comma stands before \"%c\"; remove it", close);
            return REFUSED;
        }
        frame->index++;
        return !frame->object || read_key(reader, frame) ? VALUE_NEXT : REFUSED;
    }
    if (byte == close) {
        if (frame->object && reader->key_count - frame->first_key > PAIRS_MAX &&
            !check_keys(reader, frame)) {
            return REFUSED;
        }
        reader->key_count = frame->first_key;
        reader->depth--;
        reader->at++;
        return VALUE_DONE;
    }
    if (reader->at >= reader->end) {
        size_t line = 0, column = 0;
        fnd_json_place(reader->start, frame->open, &line, &column);
        refuse(reader, IN_CONTAINER, reader->at, FND_INVALID, "truncated",
               "the text ends inside the %s that begins at line %zu, column %zu",
               frame->object ? "object" : "array", line, column);
    } else {
        refuse(reader, IN_CONTAINER, reader->at, FND_INVALID, "missing_comma",
               "\",\" or \"%c\" is expected behind a value, found %s", close,
               found_at(reader, reader->at).text);
    }
    return REFUSED;
}

static bool read_value(struct reader *reader)
{
    for (;;) {
        enum progress progress = VALUE_DONE;
        if (reader->at < reader->end && (*reader->at == '{' || *reader->at == '[')) {
            progress = open_container(reader);
        } else if (!read_scalar(reader)) {
            progress = REFUSED;
        }
        while (progress == VALUE_DONE) {
            if (reader->depth == 0) {
                return true;
            }
            progress = after_value(reader);
        }
        if (progress == REFUSED) {
            return false;
        }
        reader->at = fnd_json_space(reader->at, reader->end);
    }
}

static bool read_document(struct reader *reader, struct fnd_json *value)
{
    size_t size = (size_t)(reader->end - reader->start);
    if (size >= 3 && memcmp(reader->start, "\xef\xbb\xbf", 3) == 0) {
        return refuse(reader, IN_VALUE, reader->start, FND_INVALID, "byte_order_mark",
                      "the text begins with a byte order mark; save it as UTF-8 without one");
    }
    reader->at = fnd_json_space(reader->start, reader->end);
    const char *begin = reader->at;
    if (!read_value(reader)) {
        return false;
    }
    const char *done = reader->at;
    reader->at = fnd_json_space(reader->at, reader->end);
    if (reader->at < reader->end) {
        return refuse(reader, IN_VALUE, reader->at, FND_INVALID, "trailing_text",
                      "%s stands behind the value; a text holds one value and nothing else",
                      found_at(reader, reader->at).text);
    }
    *value = (struct fnd_json){begin, (size_t)(done - begin)};
    return true;
}

enum fnd_status fnd_json_check(const char *bytes, size_t size, const char *file,
                               struct fnd_json *value, struct fnd_error *error)
{
    struct reader reader; /* 5 kB of which a small document touches little: not cleared */
    reader.start = size == 0 ? "" : bytes;
    reader.at = reader.start;
    reader.end = reader.start + size;
    reader.file = file;
    reader.error = error;
    reader.status = FND_OK;
    reader.depth = 0;
    reader.key_count = 0;
    reader.key_capacity = KEYS_INLINE;
    reader.keys = reader.keys_inline;
    struct fnd_json checked;
    if (read_document(&reader, &checked)) {
        *value = checked;
    }
    if (reader.keys != reader.keys_inline) {
        free(reader.keys);
    }
    return reader.status;
}
