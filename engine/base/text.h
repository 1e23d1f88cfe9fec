/* SPDX-License-Identifier: MIT */
/* A byte string that grows, always ended by NUL beyond its size. */
#ifndef FND_BASE_TEXT_H
#define FND_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** `= {0}` is an empty text. `bytes` is NULL until something was appended. A failed allocation
 *  ends the process by abort(): the checkpoint makes a crash cheap, half a text would not be. */
struct fnd_text {
    char *bytes;
    size_t size, capacity;
};

void fnd_text_finish(struct fnd_text *text); /* frees; text is empty again */
void fnd_text_clear(struct fnd_text *text);  /* size 0, memory kept */
void fnd_text_reserve(struct fnd_text *text, size_t more);
void fnd_text_append(struct fnd_text *text, const void *bytes, size_t size);
void fnd_text_append_z(struct fnd_text *text, const char *z); /* NULL appends nothing */
void fnd_text_append_byte(struct fnd_text *text, char byte);
void fnd_text_append_integer(struct fnd_text *text, int64_t number); /* in decimal */
void fnd_text_printf(struct fnd_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fnd_text_vprintf(struct fnd_text *text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
/** Bytes out of `text` (never NULL: "" when empty). */
const char *fnd_text_z(const struct fnd_text *text);
/** Hand the bytes over (malloc'ed, NUL-ended, never NULL); text is empty again. */
char *fnd_text_take(struct fnd_text *text);

/** Append a JSON string literal with quotes: shortest escapes, as canonical JSON has them. The
 *  bytes must be UTF-8. */
void fnd_text_append_json(struct fnd_text *text, const char *bytes, size_t size);
/** The same without the quotes: a literal may be put together of several texts. */
void fnd_text_append_escaped(struct fnd_text *text, const char *bytes, size_t size);
void fnd_text_append_json_z(struct fnd_text *text, const char *z); /* NULL appends null */

/** Append for a terminal: control characters, escape codes and bytes that are no UTF-8 as \xNN
 *  (a newline as \n), so that no file name or plugin output can drive the terminal. */
void fnd_text_append_visible(struct fnd_text *text, const char *bytes, size_t size);

/** Lower-case hex. `hex` has room for 2 * size + 1. */
void fnd_hex(const void *bytes, size_t size, char *hex);
/** The inverse: false unless hex is exactly 2 * size lower- or upper-case digits. */
bool fnd_unhex(const char *hex, size_t hex_size, void *bytes, size_t size);

/** Whether the bytes are UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool fnd_utf8_valid(const char *bytes, size_t size);
/** Length (1 to 4) of the UTF-8 character that begins at `bytes`, or 0 if none does there. */
size_t fnd_utf8_step(const char *bytes, size_t size);

/** The candidate nearest to `word` (edit distance at most 2 and below half its length), or NULL.
 *  For did-you-mean. `candidates` ends with NULL. */
const char *fnd_nearest(const char *word, const char *const *candidates);

/** End the process for want of memory: says "foundry: out of memory" on stderr and aborts. Whoever
 *  gets none of a library calls it, too.  Thread: any. */
void fnd_no_memory(void) __attribute__((noreturn));
/** malloc family that aborts when there is no memory. Free with free(). */
void *fnd_alloc(size_t size);                            /* zeroed */
void *fnd_realloc(void *old, size_t count, size_t size); /* count * size, checked */
char *fnd_strdup(const char *z);
char *fnd_strndup(const char *bytes, size_t size);

#endif
