/* SPDX-License-Identifier: MIT */
/* What the JSON files of this room share; nobody else includes it. */
#ifndef FND_BASE_JSON_SCAN_H
#define FND_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/** Decode the escape at `at` (its backslash) of a checked string into UTF-8; the bytes it takes up
 *  (2, 6 or 12), with the decoded bytes' number in `size`. */
size_t fnd_json_unescape(const char *at, char decoded[4], size_t *size);

/** Behind the quote that closes a checked string whose opening quote stands at `at`. */
const char *fnd_json_string_skip(const char *at, const char *end);

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

/** By the keys' decoded bytes: < 0, 0, > 0. */
int fnd_json_key_compare(struct fnd_json a, struct fnd_json b);

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
