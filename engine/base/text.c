/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"

enum { CAPACITY_MIN = 64, WORD_MAX = 64, DISTANCE_MAX = 2 };

void fnd_no_memory(void)
{
    static const char line[] = "foundry: out of memory\n";
    fwrite(line, 1, sizeof line - 1, stderr);
    abort();
}

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        fnd_no_memory();
    }
    return memory;
}

void *fnd_alloc(size_t size)
{
    return or_abort(calloc(1, size == 0 ? 1 : size));
}

void *fnd_realloc(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return or_abort(NULL);
    }
    size_t total = count * size;
    return or_abort(realloc(old, total == 0 ? 1 : total));
}

char *fnd_strndup(const char *bytes, size_t size)
{
    if (size == SIZE_MAX) {
        return or_abort(NULL);
    }
    char *copy = or_abort(malloc(size + 1));
    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    return copy;
}

char *fnd_strdup(const char *z)
{
    return fnd_strndup(z, strlen(z));
}

void fnd_text_finish(struct fnd_text *text)
{
    free(text->bytes);
    *text = (struct fnd_text){0};
}

void fnd_text_clear(struct fnd_text *text)
{
    text->size = 0;
    if (text->bytes != NULL) {
        text->bytes[0] = '\0';
    }
}

void fnd_text_reserve(struct fnd_text *text, size_t more)
{
    if (text->bytes != NULL && more < text->capacity - text->size) {
        return;
    }
    if (more >= SIZE_MAX / 2 || text->size >= SIZE_MAX / 2 - more) {
        or_abort(NULL);
    }
    size_t capacity = text->size + more + 1;
    size_t doubled = text->capacity < SIZE_MAX / 4 ? text->capacity * 2 : capacity;
    capacity = capacity < doubled ? doubled : capacity;
    capacity = capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity;
    text->bytes = fnd_realloc(text->bytes, capacity, 1);
    text->capacity = capacity;
    text->bytes[text->size] = '\0';
}

void fnd_text_append(struct fnd_text *text, const void *bytes, size_t size)
{
    fnd_text_reserve(text, size);
    if (size != 0) {
        memcpy(text->bytes + text->size, bytes, size);
        text->size += size;
        text->bytes[text->size] = '\0';
    }
}

void fnd_text_append_z(struct fnd_text *text, const char *z)
{
    if (z != NULL) {
        fnd_text_append(text, z, strlen(z));
    }
}

void fnd_text_append_byte(struct fnd_text *text, char byte)
{
    fnd_text_reserve(text, 1);
    text->bytes[text->size++] = byte;
    text->bytes[text->size] = '\0';
}

void fnd_text_append_integer(struct fnd_text *text, int64_t number)
{
    char digits[20]; /* of INT64_MIN, with its sign */
    char *at = digits + sizeof digits;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0) {
        *--at = '-';
    }
    fnd_text_append(text, at, (size_t)(digits + sizeof digits - at));
}

void fnd_text_vprintf(struct fnd_text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    fnd_text_reserve(text, CAPACITY_MIN);
    size_t room = text->capacity - text->size;
    int size = vsnprintf(text->bytes + text->size, room, format, arguments);
    if (size < 0) { /* only a wide character that has no bytes: keep what was there */
        text->bytes[text->size] = '\0';
    } else if ((size_t)size < room) {
        text->size += (size_t)size;
    } else {
        fnd_text_reserve(text, (size_t)size);
        vsnprintf(text->bytes + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

void fnd_text_printf(struct fnd_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(text, format, arguments);
    va_end(arguments);
}

const char *fnd_text_z(const struct fnd_text *text)
{
    return text->bytes != NULL ? text->bytes : "";
}

char *fnd_text_take(struct fnd_text *text)
{
    char *bytes = text->bytes != NULL ? text->bytes : fnd_strndup("", 0);
    *text = (struct fnd_text){0};
    return bytes;
}

/* The letter behind the backslash of a short escape, or 0. */
static char short_escape(unsigned char byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return (char)byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/** The bytes from `at` on up to one that is escaped otherwise than by a backslash before it, or is
 *  near the end of the room. Behind it there may be more of them. */
static const char *plain_append(struct fnd_text *text, const char *at, const char *end)
{
#ifdef __SSE2__
    /* JSON in a text has a run of some bytes and a quote, over and over. */
    char *to = text->bytes + text->size, *const last = text->bytes + text->capacity - 18;
    while (end - at >= 16 && to < last) {
        const unsigned mask =
            (unsigned)_mm_movemask_epi8(fnd_json_run_stops(at, FND_JSON_RUN_PLAIN));
        memcpy(to, at, 16);
        const int run = mask != 0 ? __builtin_ctz(mask) : 16;
        at += run;
        to += run;
        if (mask == 0) {
            continue;
        }
        if (*at != '"' && *at != '\\') {
            break;
        }
        *to++ = '\\';
        *to++ = *at++;
    }
    text->size = (size_t)(to - text->bytes);
#endif
    const char *plain = at;
    at = fnd_json_run_skip(at, end, FND_JSON_RUN_PLAIN);
    fnd_text_append(text, plain, (size_t)(at - plain));
    return at;
}

void fnd_text_append_escaped(struct fnd_text *text, const char *bytes, size_t size)
{
    fnd_text_reserve(text, size + size / 4 + 32);
    const char *end = size > 0 ? bytes + size : bytes;
    for (const char *at = bytes; at < end; at++) {
        at = plain_append(text, at, end);
        if (at == end) {
            break;
        }
        const char letter = short_escape((unsigned char)*at);
        if (letter == 0) {
            fnd_text_printf(text, "\\u%04x", (unsigned char)*at);
            continue;
        }
        fnd_text_reserve(text, 2);
        text->bytes[text->size++] = '\\';
        text->bytes[text->size++] = letter;
    }
    text->bytes[text->size] = '\0';
}

void fnd_text_append_json(struct fnd_text *text, const char *bytes, size_t size)
{
    fnd_text_append_byte(text, '"');
    fnd_text_append_escaped(text, bytes, size);
    fnd_text_append_byte(text, '"');
}

void fnd_text_append_json_z(struct fnd_text *text, const char *z)
{
    if (z == NULL) {
        fnd_text_append(text, "null", 4);
    } else {
        fnd_text_append_json(text, z, strlen(z));
    }
}

/* Characters that steer a terminal: C0, DEL, C1, and the marks that turn the reading direction, by
 * which a name can be made to look like another. `size` is what fnd_utf8_step() gave. */
static bool steers(const char *bytes, size_t size)
{
    const unsigned char *u = (const unsigned char *)bytes;
    switch (size) {
    case 1:
        return u[0] < 0x20 || u[0] == 0x7f;
    case 2:
        return (u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xd8 && u[1] == 0x9c);
    case 3:
        if (u[0] != 0xe2) {
            return false;
        }
        if (u[1] == 0x80) { /* U+200E, U+200F, U+2028 to U+202E */
            return u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xa8 && u[2] <= 0xae);
        }
        return u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9; /* U+2066 to U+2069 */
    default:
        return false;
    }
}

void fnd_text_append_visible(struct fnd_text *text, const char *bytes, size_t size)
{
    size_t step = 0;
    for (size_t i = 0; i < size; i += step) {
        step = fnd_utf8_step(bytes + i, size - i);
        if (step != 0 && !steers(bytes + i, step)) {
            fnd_text_append(text, bytes + i, step);
            continue;
        }
        step = step == 0 ? 1 : step;
        if (bytes[i] == '\n') {
            fnd_text_append(text, "\\n", 2);
            continue;
        }
        for (size_t k = 0; k < step; k++) {
            fnd_text_printf(text, "\\x%02x", (unsigned char)bytes[i + k]);
        }
    }
}

void fnd_hex(const void *bytes, size_t size, char *hex)
{
    const unsigned char *u = bytes;
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = "0123456789abcdef"[u[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[u[i] & 15];
    }
    hex[2 * size] = '\0';
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

bool fnd_unhex(const char *hex, size_t hex_size, void *bytes, size_t size)
{
    if (hex_size % 2 != 0 || hex_size / 2 != size) {
        return false;
    }
    for (size_t i = 0; i < hex_size; i++) { /* first all, so that a failure writes nothing */
        if (hex_digit(hex[i]) < 0) {
            return false;
        }
    }
    unsigned char *u = bytes;
    for (size_t i = 0; i < size; i++) {
        u[i] = (unsigned char)(hex_digit(hex[2 * i]) * 16 + hex_digit(hex[2 * i + 1]));
    }
    return true;
}

/* RFC 3629, section 4: the second byte's range depends on the first. */
size_t fnd_utf8_step(const char *bytes, size_t size)
{
    const unsigned char *u = (const unsigned char *)bytes;
    if (size == 0) {
        return 0;
    }
    if (u[0] < 0x80) {
        return 1;
    }
    if (u[0] < 0xc2 || u[0] > 0xf4 || size < 2) {
        return 0;
    }
    if (u[0] < 0xe0) {
        return (u[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    unsigned low = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;
    if (size < 3 || u[1] < low || u[1] > high || (u[2] & 0xc0) != 0x80) {
        return 0;
    }
    if (u[0] < 0xf0) {
        return 3;
    }
    return size >= 4 && (u[3] & 0xc0) == 0x80 ? 4 : 0;
}

bool fnd_utf8_valid(const char *bytes, size_t size)
{
    size_t step = 0;
    for (size_t i = 0; i < size; i += step) {
        step = fnd_utf8_step(bytes + i, size - i);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, and swap of two neighbours (the most frequent
 * slip) count one each. Both words are at most WORD_MAX bytes. */
static unsigned edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        last[j] = (unsigned)j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = least(best, before[j - 2] + 1);
            }
            row[j] = best;
        }
        unsigned *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_size];
}

const char *fnd_nearest(const char *word, const char *const *candidates)
{
    size_t size = strlen(word);
    const char *nearest = NULL;
    unsigned nearest_distance = DISTANCE_MAX + 1;
    for (size_t i = 0; size <= WORD_MAX && candidates[i] != NULL; i++) {
        size_t other = strlen(candidates[i]);
        if (other > WORD_MAX) {
            continue;
        }
        unsigned distance = edit_distance(word, size, candidates[i], other);
        if (distance < nearest_distance && (size_t)distance * 2 < size) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
