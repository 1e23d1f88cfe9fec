/* SPDX-License-Identifier: MIT */
/* Reading checked spans: types, walking, pointers, decoding. The ends are still watched, so that a
 * span that was never checked gives nonsense, not a read beyond it. */
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__)
#include <immintrin.h>
#include <sys/platform/x86.h>
#define KNOWS_AVX2
#endif

#include "base/json_scan.h"

void fnd_json_place(const char *bytes, const char *at, size_t *line, size_t *column)
{
    size_t lines = 1;
    const char *begin = bytes;
    while (begin < at) {
        const char *newline = memchr(begin, '\n', (size_t)(at - begin));
        if (newline == NULL) {
            break;
        }
        lines++;
        begin = newline + 1;
    }
    *line = lines;
    *column = (size_t)(at - begin) + 1;
}

enum fnd_json_type fnd_json_type(struct fnd_json value)
{
    if (value.bytes == NULL) {
        return FND_JSON_NULL;
    }
    switch (value.bytes[0]) {
    case '{':
        return FND_JSON_OBJECT;
    case '[':
        return FND_JSON_ARRAY;
    case '"':
        return FND_JSON_STRING;
    case 't':
        return FND_JSON_TRUE;
    case 'f':
        return FND_JSON_FALSE;
    case 'n':
        return FND_JSON_NULL;
    default:
        return FND_JSON_NUMBER;
    }
}

const char *fnd_json_type_name(enum fnd_json_type type)
{
    switch (type) {
    case FND_JSON_NULL:
        return "null";
    case FND_JSON_FALSE:
    case FND_JSON_TRUE:
        return "boolean";
    case FND_JSON_NUMBER:
        return "number";
    case FND_JSON_STRING:
        return "string";
    case FND_JSON_ARRAY:
        return "array";
    case FND_JSON_OBJECT:
        return "object";
    }
    return "unknown";
}

#ifdef __SSE2__
/** Whether one of 64 bytes is a quote or a backslash. */
static inline bool any_stops(const char *at)
{
    const __m128i first = _mm_or_si128(fnd_json_run_stops(at, FND_JSON_RUN_ANY),
                                       fnd_json_run_stops(at + 16, FND_JSON_RUN_ANY));
    const __m128i second = _mm_or_si128(fnd_json_run_stops(at + 32, FND_JSON_RUN_ANY),
                                        fnd_json_run_stops(at + 48, FND_JSON_RUN_ANY));
    return _mm_movemask_epi8(_mm_or_si128(first, second)) != 0;
}

/** A bit for each of 64 bytes that is `byte`. */
static inline uint64_t equal_bits(const char *at, char byte)
{
    const __m128i wanted = _mm_set1_epi8(byte);
    uint64_t bits = 0;
    for (int i = 3; i >= 0; i--) {
        const __m128i bytes = _mm_loadu_si128((const void *)(at + i * 16));
        bits = bits << 16 | (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted));
    }
    return bits;
}

/** The bytes of 64 that an escape's backslash stands before. A bit for each backslash; `*carry`:
 * the first byte is one of them, and then whether the first of the next 64 is. Added to a run of
 *  backslashes, the bit where it begins comes out behind it: so all runs are measured at once.
 *  Source  G. Langdale, D. Lemire, "Parsing Gigabytes of JSON per Second" (2019), section 3.1.1. */
static inline uint64_t escaped_bits(uint64_t backslashes, uint64_t *carry)
{
    const uint64_t even = 0x5555555555555555;
    backslashes &= ~*carry;
    const uint64_t behind = backslashes << 1 | *carry;
    const uint64_t begin_odd = backslashes & ~behind & ~even;
    const uint64_t sum = begin_odd + backslashes;
    *carry = sum < backslashes;
    return (even ^ sum << 1) & behind;
}

/** Behind the quote that closes a string, `*found`; else where less than 64 bytes are left. JSON in
 *  a text is full of escapes: all of 64 bytes are seen at once. */
static const char *quote_skip(const char *at, const char *end, bool *found)
{
    uint64_t carry = 0;
    bool dense = false; /* escapes mostly stand near others: no need to ask */
    for (; end - at >= 64; at += 64) {
        if (!dense && !any_stops(at)) {
            carry = 0;
            continue;
        }
        const uint64_t backslashes = equal_bits(at, '\\');
        dense = backslashes != 0;
        uint64_t quotes = equal_bits(at, '"');
        quotes &= ~escaped_bits(backslashes, &carry);
        if (quotes != 0) {
            *found = true;
            return at + __builtin_ctzll(quotes) + 1;
        }
    }
    at += carry; /* what an escape's backslash stands before ends nothing */
    return at < end ? at : end;
}
#endif

#ifdef KNOWS_AVX2
/** The same with half as many steps. */
__attribute__((target("avx2"))) static const char *quote_skip_avx2(const char *at, const char *end,
                                                                   bool *found)
{
    const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\');
    uint64_t carry = 0;
    for (; end - at >= 64; at += 64) {
        const __m256i low = _mm256_loadu_si256((const void *)at);
        const __m256i high = _mm256_loadu_si256((const void *)(at + 32));
        const uint64_t backslashes =
            (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, backslash)) |
            (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, backslash)) << 32;
        uint64_t quotes = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, quote)) |
                          (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, quote))
                              << 32;
        quotes &= ~escaped_bits(backslashes, &carry);
        if (quotes != 0) {
            *found = true;
            return at + __builtin_ctzll(quotes) + 1;
        }
    }
    at += carry;
    return at < end ? at : end;
}
#endif

const char *fnd_json_long_string_skip(const char *at, const char *end)
{
    at++;
#ifdef __SSE2__
    if (end - at >= 64) {
        bool found = false;
#ifdef KNOWS_AVX2
        at = CPU_FEATURE_ACTIVE(AVX2) ? quote_skip_avx2(at, end, &found)
                                      : quote_skip(at, end, &found);
#else
        at = quote_skip(at, end, &found);
#endif
        if (found) {
            return at;
        }
    }
#endif
    /* One pass: texts with many escapes would otherwise be read again for each. */
    for (; at < end; at += 2) { /* behind an escape */
        at = fnd_json_run_skip(at, end, FND_JSON_RUN_ANY);
        if (at < end && *at == '"') {
            return at + 1;
        }
    }
    return end;
}

const char *fnd_json_value_skip(const char *at, const char *end)
{
    if (at < end && *at == '"') {
        return fnd_json_string_skip(at, end);
    }
    if (at < end && *at != '{' && *at != '[') {
        while (at < end && *at != ',' && *at != ']' && *at != '}' && (unsigned char)*at > ' ') {
            at++;
        }
        return at;
    }
    size_t depth = 0;
    while (at < end) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"') {
            at = fnd_json_string_skip(at, end);
            continue;
        }
        at++;
        byte |= 0x20; /* makes braces of brackets, and of nothing else outside strings */
        if (byte == '{') {
            depth++;
        } else if (byte == '}' && --depth == 0) {
            return at;
        }
    }
    return end;
}

size_t fnd_json_depth(struct fnd_json value)
{
    size_t depth = 0, deepest = 0;
    if (value.bytes == NULL || (*value.bytes != '{' && *value.bytes != '[')) {
        return 0;
    }
    const char *end = value.bytes + value.size;
    for (const char *at = value.bytes; at < end;) {
        if (*at == '"') {
            at = fnd_json_string_skip(at, end);
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        at++;
    }
    return deepest;
}

struct fnd_json_walk fnd_json_walk(struct fnd_json container)
{
    struct fnd_json_walk walk = {0};
    enum fnd_json_type type = fnd_json_type(container);
    if (type == FND_JSON_OBJECT || type == FND_JSON_ARRAY) {
        walk.at = container.bytes + 1;
        walk.end = container.bytes + container.size - 1; /* the closing bracket */
        walk.object = type == FND_JSON_OBJECT;
    }
    return walk;
}

bool fnd_json_next(struct fnd_json_walk *walk)
{
    const char *at = fnd_json_space(walk->at, walk->end);
    if (at >= walk->end) {
        walk->at = walk->end;
        walk->key = (struct fnd_json){0};
        walk->value = (struct fnd_json){0};
        return false;
    }
    if (walk->started) {
        at = fnd_json_space(at + 1, walk->end); /* the comma */
        walk->index++;
    }
    walk->started = true;
    if (walk->object) {
        const char *behind = fnd_json_string_skip(at, walk->end);
        walk->key = (struct fnd_json){at, (size_t)(behind - at)};
        at = fnd_json_space(behind, walk->end);
        at = fnd_json_space(at < walk->end ? at + 1 : at, walk->end); /* the colon */
    }
    const char *behind = fnd_json_value_skip(at, walk->end);
    walk->value = (struct fnd_json){at, (size_t)(behind - at)};
    walk->at = behind;
    return true;
}

size_t fnd_json_count(struct fnd_json container)
{
    struct fnd_json_walk walk = fnd_json_walk(container);
    size_t count = 0;
    while (fnd_json_next(&walk)) {
        count++;
    }
    return count;
}

/* Decoding */

static uint32_t hex4(const char *at)
{
    unsigned char bytes[2] = {0};
    fnd_unhex(at, 4, bytes, 2);
    return (uint32_t)(bytes[0] << 8 | bytes[1]);
}

size_t fnd_json_unescape(const char *at, char decoded[4], size_t *size)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    *size = 1;
    if (at[1] != 'u') {
        const char *letter = memchr(letters, at[1], sizeof letters - 1);
        decoded[0] = letter != NULL ? meanings[letter - letters] : at[1];
        return 2;
    }
    uint32_t point = hex4(at + 2);
    size_t used = 6;
    if (point >= 0xd800 && point <= 0xdbff) {
        point = 0x10000 + ((point - 0xd800) << 10) + (hex4(at + 8) - 0xdc00);
        used = 12;
    }
    if (point < 0x80) {
        decoded[0] = (char)point;
    } else if (point < 0x800) {
        decoded[0] = (char)(0xc0 | point >> 6);
        decoded[1] = (char)(0x80 | (point & 0x3f));
        *size = 2;
    } else if (point < 0x10000) {
        decoded[0] = (char)(0xe0 | point >> 12);
        decoded[1] = (char)(0x80 | (point >> 6 & 0x3f));
        decoded[2] = (char)(0x80 | (point & 0x3f));
        *size = 3;
    } else {
        decoded[0] = (char)(0xf0 | point >> 18);
        decoded[1] = (char)(0x80 | (point >> 12 & 0x3f));
        decoded[2] = (char)(0x80 | (point >> 6 & 0x3f));
        decoded[3] = (char)(0x80 | (point & 0x3f));
        *size = 4;
    }
    return used;
}

/** What stands before a backslash, or all, is copied; `*to` and the result are behind it. Room for
 *  16 bytes more than there are is behind `*to`. */
static const char *plain_copy(const char *at, const char *end, char **to)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16, *to += 16) { /* runs between escapes are short */
        const __m128i bytes = _mm_loadu_si128((const void *)at);
        const __m128i stops = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        const unsigned mask = (unsigned)_mm_movemask_epi8(stops);
        _mm_storeu_si128((void *)*to, bytes);
        if (mask != 0) {
            *to += __builtin_ctz(mask);
            return at + __builtin_ctz(mask);
        }
    }
#endif
    while (at < end && *at != '\\') {
        *(*to)++ = *at++;
    }
    return at;
}

bool fnd_json_text(struct fnd_json string, struct fnd_text *text)
{
    if (fnd_json_type(string) != FND_JSON_STRING) {
        return false;
    }
    const char *at = string.bytes + 1, *end = string.bytes + string.size - 1;
    fnd_text_reserve(text, (size_t)(end - at) + 16); /* decoded is never longer */
    char *to = text->bytes + text->size;
    while ((at = plain_copy(at, end, &to)) < end) {
        char decoded[4];
        size_t size = 0;
        if (at[1] == '"' || at[1] == '\\') { /* of JSON in a text, nearly all */
            *to++ = at[1];
            at += 2;
            continue;
        }
        at += fnd_json_unescape(at, decoded, &size);
        memcpy(to, decoded, size);
        to += size;
    }
    text->size = (size_t)(to - text->bytes);
    *to = '\0';
    return true;
}

char *fnd_json_strdup(struct fnd_json string)
{
    struct fnd_text text = {0};
    return fnd_json_text(string, &text) ? fnd_text_take(&text) : NULL;
}

static bool string_is(struct fnd_json string, const char *bytes, size_t size)
{
    const char first =
        string.bytes[1]; /* mostly another; an escape may be any, a quote is the end */
    if (size > 0 && first != bytes[0] && first != '\\') {
        return false;
    }
    if (memchr(string.bytes, '\\', string.size) == NULL) {
        return string.size - 2 == size && memcmp(string.bytes + 1, bytes, size) == 0;
    }
    struct fnd_json_cursor cursor = fnd_json_cursor(string);
    for (size_t i = 0; i < size; i++) {
        if (fnd_json_cursor_next(&cursor) != (unsigned char)bytes[i]) {
            return false;
        }
    }
    return fnd_json_cursor_next(&cursor) < 0;
}

bool fnd_json_key_is(struct fnd_json key, const char *name)
{
    const char first = key.bytes[1]; /* mostly not the name's; an escape may be any */
    return (first == name[0] || first == '\\' || first == '"') &&
           string_is(key, name, strlen(name));
}

bool fnd_json_text_is(struct fnd_json string, const char *z)
{
    return fnd_json_type(string) == FND_JSON_STRING && string_is(string, z, strlen(z));
}

bool fnd_json_boolean(struct fnd_json boolean, bool *value)
{
    enum fnd_json_type type = fnd_json_type(boolean);
    if (type != FND_JSON_TRUE && type != FND_JSON_FALSE) {
        return false;
    }
    *value = type == FND_JSON_TRUE;
    return true;
}

/* Keys */

uint64_t fnd_json_key_prefix(struct fnd_json key)
{
    const unsigned char *u = (const unsigned char *)key.bytes + 1;
    size_t size = key.size - 2;
    uint64_t prefix = 0;
    size_t count = size < 8 ? size : 8;
    size_t i = 0;
    while (i < count && u[i] != '\\') {
        prefix |= (uint64_t)u[i] << (56 - 8 * i);
        i++;
    }
    if (i == count) {
        return prefix;
    }
    struct fnd_json_cursor cursor = fnd_json_cursor(key);
    cursor.at += i;
    for (int byte; i < 8 && (byte = fnd_json_cursor_next(&cursor)) >= 0; i++) {
        prefix |= (uint64_t)byte << (56 - 8 * i);
    }
    return prefix;
}

int fnd_json_key_compare(struct fnd_json a, struct fnd_json b)
{
    if (memchr(a.bytes, '\\', a.size) == NULL && memchr(b.bytes, '\\', b.size) == NULL) {
        size_t shared = (a.size < b.size ? a.size : b.size) - 2;
        int order = memcmp(a.bytes + 1, b.bytes + 1, shared);
        return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
    }
    struct fnd_json_cursor left = fnd_json_cursor(a), right = fnd_json_cursor(b);
    for (;;) {
        int x = fnd_json_cursor_next(&left), y = fnd_json_cursor_next(&right);
        if (x != y) {
            return x < y ? -1 : 1;
        }
        if (x < 0) {
            return 0;
        }
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct fnd_json_entry *x = a, *y = b;
    if (x->prefix != y->prefix) {
        return x->prefix < y->prefix ? -1 : 1;
    }
    int order = fnd_json_key_compare(x->key, y->key);
    if (order != 0) {
        return order;
    }
    return (x->key.bytes > y->key.bytes) - (x->key.bytes < y->key.bytes);
}

void fnd_json_entries_sort(struct fnd_json_entry *entries, size_t count)
{
    if (count > 1) {
        qsort(entries, count, sizeof *entries, compare_entries);
    }
}

struct fnd_json fnd_json_member(struct fnd_json object, const char *key)
{
    struct fnd_json_walk walk = fnd_json_walk(object);
    size_t size = strlen(key);
    while (walk.object && fnd_json_next(&walk)) {
        if (string_is(walk.key, key, size)) {
            return walk.value;
        }
    }
    return (struct fnd_json){0};
}

void fnd_json_members(struct fnd_json object, const char *const *names, size_t count,
                      struct fnd_json *values)
{
    size_t found = 0;
    memset(values, 0, count * sizeof *values);
    for (struct fnd_json_walk walk = fnd_json_walk(object);
         found < count && walk.object && fnd_json_next(&walk);) {
        for (size_t i = 0; i < count; i++) {
            if (values[i].bytes == NULL && fnd_json_key_is(walk.key, names[i])) {
                values[i] = walk.value;
                found++;
                break;
            }
        }
    }
}

/* Pointers */

bool fnd_json_pointer_valid(const char *pointer)
{
    if (*pointer != '\0' && *pointer != '/') {
        return false;
    }
    size_t size = 0;
    for (; pointer[size] != '\0'; size++) {
        if (pointer[size] == '~' && pointer[size + 1] != '0' && pointer[size + 1] != '1') {
            return false;
        }
    }
    return fnd_utf8_valid(pointer, size);
}

void fnd_json_pointer_add(struct fnd_text *pointer, const char *segment, size_t size)
{
    fnd_text_append_byte(pointer, '/');
    for (size_t i = 0; i < size; i++) {
        if (segment[i] == '~') {
            fnd_text_append(pointer, "~0", 2);
        } else if (segment[i] == '/') {
            fnd_text_append(pointer, "~1", 2);
        } else {
            fnd_text_append_byte(pointer, segment[i]);
        }
    }
}

void fnd_json_pointer_add_key(struct fnd_text *pointer, struct fnd_json key)
{
    struct fnd_text decoded = {0};
    bool string = fnd_json_text(key, &decoded);
    assert(string);
    fnd_json_pointer_add(pointer, fnd_text_z(&decoded), decoded.size);
    fnd_text_finish(&decoded);
}

void fnd_json_pointer_add_index(struct fnd_text *pointer, size_t index)
{
    fnd_text_printf(pointer, "/%zu", index);
}

bool fnd_json_segment_is(struct fnd_json key, const char *at, const char *end)
{
    size_t size = (size_t)(end - at);
    if (memchr(at, '~', size) == NULL) {
        return string_is(key, at, size);
    }
    struct fnd_json_cursor cursor = fnd_json_cursor(key);
    for (; at < end; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '~') {
            at++;
            byte = *at == '0' ? '~' : '/';
        }
        if (fnd_json_cursor_next(&cursor) != byte) {
            return false;
        }
    }
    return fnd_json_cursor_next(&cursor) < 0;
}

bool fnd_json_segment_index(const char *at, const char *end, size_t *index)
{
    size_t value = 0;
    if (at == end || (*at == '0' && end - at > 1)) {
        return false;
    }
    for (; at < end; at++) {
        if (*at < '0' || *at > '9' || value > (SIZE_MAX - 9) / 10) {
            return false;
        }
        value = value * 10 + (size_t)(*at - '0');
    }
    *index = value;
    return true;
}

static struct fnd_json find_child(struct fnd_json container, const char *at, const char *end)
{
    struct fnd_json_walk walk = fnd_json_walk(container);
    size_t index = 0;
    if (!walk.object && !fnd_json_segment_index(at, end, &index)) {
        return (struct fnd_json){0};
    }
    while (fnd_json_next(&walk)) {
        if (walk.object ? fnd_json_segment_is(walk.key, at, end) : walk.index == index) {
            return walk.value;
        }
    }
    return (struct fnd_json){0};
}

struct fnd_json fnd_json_find(struct fnd_json value, const char *pointer)
{
    if (!fnd_json_pointer_valid(pointer)) {
        return (struct fnd_json){0};
    }
    while (*pointer == '/' && value.bytes != NULL) {
        const char *end = fnd_json_segment_end(pointer + 1);
        value = find_child(value, pointer + 1, end);
        pointer = end;
    }
    return value;
}
