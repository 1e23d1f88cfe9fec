/* SPDX-License-Identifier: MIT */
/* What the JSON files of this room share; nobody else includes it. */
#ifndef FND_BASE_JSON_SCAN_H
#define FND_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/json.h"

/** Behind the white space that begins at `at`. */
static inline const char *fnd_json_space(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at <= ' ' &&
           (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

static inline bool fnd_json_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/** What cannot stand right behind a number or a word. */
static inline bool fnd_json_is_word(char byte)
{
    return fnd_json_is_digit(byte) || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '+' || byte == '-' || byte == '_';
}

/** Behind the digits that begin at `at`. */
static inline const char *fnd_json_digits_skip(const char *at, const char *end)
{
    while (at < end && fnd_json_is_digit(*at)) {
        at++;
    }
    return at;
}

/* What ends a run of bytes in a string, beside quote and backslash. */
enum fnd_json_run {
    FND_JSON_RUN_ANY,   /* nothing: checked strings */
    FND_JSON_RUN_PLAIN, /* below 0x20: what must be escaped */
    FND_JSON_RUN_ASCII  /* below 0x20, and from 0x80 on: what must be looked at */
};

#ifdef __SSE2__
/** The bytes that end a run, all bits set in each. */
static inline __m128i fnd_json_run_stops(const char *at, enum fnd_json_run run)
{
    const __m128i bytes = _mm_loadu_si128((const void *)at);
    const __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    if (run == FND_JSON_RUN_ASCII) { /* as signed bytes, those from 0x80 on are low, too */
        return _mm_or_si128(stop, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)));
    }
    if (run == FND_JSON_RUN_PLAIN) {
        const __m128i last = _mm_set1_epi8(0x1f);
        return _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_max_epu8(bytes, last), last));
    }
    return stop;
}
#endif

/** Behind the run of bytes that begins at `at`, many at a time: texts are most of what there is to
 *  read. `run` is a constant. */
static inline const char *fnd_json_run_skip(const char *at, const char *end, enum fnd_json_run run)
{
#ifdef __SSE2__
    if (end - at >= 16) { /* most are short */
        const unsigned mask = (unsigned)_mm_movemask_epi8(fnd_json_run_stops(at, run));
        if (mask != 0) {
            return at + __builtin_ctz(mask);
        }
        at += 16;
    }
    for (; end - at >= 64; at += 64) { /* one question of four times as much, in long texts */
        const __m128i first =
            _mm_or_si128(fnd_json_run_stops(at, run), fnd_json_run_stops(at + 16, run));
        const __m128i second =
            _mm_or_si128(fnd_json_run_stops(at + 32, run), fnd_json_run_stops(at + 48, run));
        if (_mm_movemask_epi8(_mm_or_si128(first, second)) != 0) {
            break;
        }
    }
    for (; end - at >= 16; at += 16) {
        const unsigned mask = (unsigned)_mm_movemask_epi8(fnd_json_run_stops(at, run));
        if (mask != 0) {
            return at + __builtin_ctz(mask);
        }
    }
#endif
    for (; at < end && *at != '"' && *at != '\\'; at++) {
        const unsigned char byte = (unsigned char)*at;
        if ((run != FND_JSON_RUN_ANY && byte < 0x20) ||
            (run == FND_JSON_RUN_ASCII && byte >= 0x80)) {
            break;
        }
    }
    return at;
}

/** Behind the string whose opening quote stands at `at` if its closing one is the first byte that
 *  ends a run, and near; else NULL. */
static inline const char *fnd_json_string_near(const char *at, const char *end,
                                               enum fnd_json_run run)
{
#ifdef __SSE2__
    if (end - at > 16) {
        const unsigned mask = (unsigned)_mm_movemask_epi8(fnd_json_run_stops(at + 1, run));
        const char *stop = at + 1 + (mask != 0 ? __builtin_ctz(mask) : 0);
        return mask != 0 && *stop == '"' ? stop + 1 : NULL;
    }
#endif
    (void)at;
    (void)end;
    (void)run;
    return NULL;
}

/** Decode the escape at `at` (its backslash) of a checked string into UTF-8; the bytes it takes up
 *  (2, 6 or 12), with the decoded bytes' number in `size`. */
size_t fnd_json_unescape(const char *at, char decoded[4], size_t *size);

/** Behind the quote that closes a checked string whose opening quote stands at `at`. */
const char *fnd_json_long_string_skip(const char *at,
                                      const char *end); /* any, but made for those */
static inline const char *fnd_json_string_skip(const char *at, const char *end)
{
    const char *behind = fnd_json_string_near(at, end, FND_JSON_RUN_ANY);
    return behind != NULL ? behind : fnd_json_long_string_skip(at, end);
}

/** Behind the checked value that begins at `at`. */
const char *fnd_json_value_skip(const char *at, const char *end);

/** A string's decoded bytes, one after the other. */
struct fnd_json_cursor {
    const char *at, *end; /* inside the quotes */
    char decoded[4];
    size_t decoded_at, decoded_size;
};

static inline struct fnd_json_cursor fnd_json_cursor(struct fnd_json string)
{
    struct fnd_json_cursor cursor;
    cursor.at = string.bytes + 1;
    cursor.end = string.bytes + string.size - 1;
    cursor.decoded_at = 0;
    cursor.decoded_size = 0;
    return cursor;
}

/** The next decoded byte (0 to 255), or -1 at the end. */
static inline int fnd_json_cursor_next(struct fnd_json_cursor *cursor)
{
    if (cursor->decoded_at < cursor->decoded_size) {
        return (unsigned char)cursor->decoded[cursor->decoded_at++];
    }
    if (cursor->at >= cursor->end) {
        return -1;
    }
    if (*cursor->at != '\\') {
        return (unsigned char)*cursor->at++;
    }
    cursor->at += fnd_json_unescape(cursor->at, cursor->decoded, &cursor->decoded_size);
    cursor->decoded_at = 1;
    return (unsigned char)cursor->decoded[0];
}

/** A member with the first eight decoded bytes of its key, big-endian and filled up with zeros:
 *  they decide most comparisons. */
struct fnd_json_entry {
    uint64_t prefix;
    struct fnd_json key, value;
};

uint64_t fnd_json_key_prefix(struct fnd_json key);
/** The same of a key in bytes that go on to `end`: mostly eight of them at once, of which those
 *  behind the key are cut off. */
static inline uint64_t fnd_json_key_prefix_before(struct fnd_json key, const char *end)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    const unsigned char *u = (const unsigned char *)key.bytes + 1;
    const size_t size = key.size - 2;
    if (size == 0 || end - key.bytes < 9) {
        return fnd_json_key_prefix(key);
    }
    uint64_t prefix = (uint64_t)u[0] << 56 | (uint64_t)u[1] << 48 | (uint64_t)u[2] << 40 |
                      (uint64_t)u[3] << 32 | (uint64_t)u[4] << 24 | (uint64_t)u[5] << 16 |
                      (uint64_t)u[6] << 8 | (uint64_t)u[7];
    prefix &= size < 8 ? ~(uint64_t)0 << (64 - 8 * size) : ~(uint64_t)0;
    const uint64_t differs = prefix ^ ones * '\\'; /* a byte of zeros: an escape */
    return ((differs - ones) & ~differs & tops) == 0 ? prefix : fnd_json_key_prefix(key);
}

/** By the keys' decoded bytes: < 0, 0, > 0. */
int fnd_json_key_compare(struct fnd_json a, struct fnd_json b);

/** Whether a checked key's decoded text is `name`. */
bool fnd_json_key_is(struct fnd_json key, const char *name);

/** Sort by decoded key; equal keys by their place in the text. n log n. */
void fnd_json_entries_sort(struct fnd_json_entry *entries, size_t count);

/** The segment of a pointer that begins behind a '/' at `at`; its end is '/' or NUL. */
static inline const char *fnd_json_segment_end(const char *at)
{
    while (*at != '\0' && *at != '/') {
        at++;
    }
    return at;
}

/** True if the key's decoded text is the segment (~0 and ~1 decoded) from `at` to `end`. */
bool fnd_json_segment_is(struct fnd_json key, const char *at, const char *end);

/** An array index as RFC 6901 writes it: "0", or digits that do not begin with 0. */
bool fnd_json_segment_index(const char *at, const char *end, size_t *index);

#endif
