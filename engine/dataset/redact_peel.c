/* SPDX-License-Identifier: MIT */
/* What `%41`, `~1`, `\u0041`, `&#65;` and a form's `+` stand for, taken off one at a time. */
#include <string.h>
#include <strings.h>

#include "dataset/redact.h"

static int hex_of(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/** The number that so many hex digits tell; -1: they are none. */
static int32_t hex_read(const char *at, size_t size, size_t digits)
{
    int32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        const int digit = i < size ? hex_of(at[i]) : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/** Append a character by its number. */
static void character_append(struct fnd_text *text, int32_t value)
{
    static const int heads[] = {0, 0xC0, 0xE0, 0xF0};
    const int rest = value < 0x80 ? 0 : value < 0x800 ? 1 : value < 0x10000 ? 2 : 3;
    fnd_text_append_byte(text, (char)(heads[rest] | (value >> (6 * rest))));
    for (int i = rest; i > 0; i--) {
        fnd_text_append_byte(text, (char)(0x80 | ((value >> (6 * (i - 1))) & 0x3F)));
    }
}

/** Bytes of an escape of JSON that begins at `at`, and what it stands for; 0: it is none, or stands
 *  for what no text here can have (NUL, half a character). */
static size_t json_escape(const char *at, size_t size, struct fnd_text *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found = size > 1 && at[1] != '\0' ? strchr(from, at[1]) : NULL;
    if (found != NULL) {
        fnd_text_append_byte(text, to[found - from]);
        return 2;
    }
    if (size < 6 || at[1] != 'u') {
        return 0;
    }
    const bool pair = size >= 12 && at[6] == '\\' && at[7] == 'u';
    int32_t value = hex_read(at + 2, size - 2, 4);
    const int32_t low = pair ? hex_read(at + 8, size - 8, 4) : -1;
    size_t used = 6;
    if (value >= 0xD800 && value < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        used = 12;
    } else if (value <= 0 || (value >= 0xD800 && value < 0xE000)) {
        return 0;
    }
    character_append(text, value);
    return used;
}

/** Bytes of a run of %XX that stands for whole characters. */
static size_t uri_escape(const char *at, size_t size, struct fnd_text *text)
{
    const size_t before = text->size;
    size_t used = 0;
    while (used + 2 < size && at[used] == '%' && hex_read(at + used + 1, 2, 2) > 0) {
        fnd_text_append_byte(text, (char)hex_read(at + used + 1, 2, 2));
        used += 3;
    }
    if (used > 0 && !fnd_utf8_valid(text->bytes + before, text->size - before)) {
        text->size = before;
        text->bytes[before] = '\0';
        return 0;
    }
    return used;
}

static size_t pointer_escape(const char *at, size_t size, struct fnd_text *text)
{
    if (size < 2 || at[0] != '~' || (at[1] != '0' && at[1] != '1')) {
        return 0;
    }
    fnd_text_append_byte(text, at[1] == '0' ? '~' : '/');
    return 2;
}

/** A space, as forms send it. */
static size_t form_escape(const char *at, size_t size, struct fnd_text *text)
{
    (void)at;
    (void)size;
    fnd_text_append_byte(text, ' ');
    return 1;
}

/** The number behind `&#` or `&#x`, up to the semicolon; 0: it is none of a character. */
static int32_t entity_number(const char *at, size_t size)
{
    const int32_t base = size > 0 && (at[0] == 'x' || at[0] == 'X') ? 16 : 10;
    int32_t value = 0;
    for (size_t i = base == 16; i < size; i++) {
        const int digit = hex_of(at[i]);
        if (digit < 0 || digit >= base || value > 0x10FFFF) {
            return 0;
        }
        value = value * base + digit;
    }
    return value > 0x10FFFF || (value >= 0xD800 && value < 0xE000) ? 0 : value;
}

/** What HTML and XML write for characters that mean something to them. */
static size_t entity_escape(const char *at, size_t size, struct fnd_text *text)
{
    static const struct {
        const char *name;
        char byte;
    } names[] = {{"amp", '&'},  {"lt", '<'},    {"gt", '>'},
                 {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}};
    enum { NAME_MAX_SIZE = 12 };
    const size_t limit = size < NAME_MAX_SIZE ? size : NAME_MAX_SIZE;
    const char *end = memchr(at, ';', limit);
    const size_t inner = end != NULL ? (size_t)(end - at) - 1 : 0;
    if (inner > 1 && at[1] == '#') {
        const int32_t value = entity_number(at + 2, inner - 1);
        if (value > 0) {
            character_append(text, value);
            return inner + 2;
        }
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (inner == strlen(names[i].name) && strncasecmp(at + 1, names[i].name, inner) == 0) {
            fnd_text_append_byte(text, names[i].byte);
            return inner + 2;
        }
    }
    return 0;
}

bool fnd_redact_peel(size_t peel, const struct fnd_text *from, struct fnd_text *to)
{
    static const struct {
        char mark;
        size_t (*escape)(const char *at, size_t size, struct fnd_text *text);
    } peels[FND_PEELS] = {{'%', uri_escape},
                          {'~', pointer_escape},
                          {'\\', json_escape},
                          {'&', entity_escape},
                          {'+', form_escape}};
    bool found = false;
    if (from->size == 0 || memchr(from->bytes, peels[peel].mark, from->size) == NULL) {
        return false;
    }
    for (size_t at = 0; at < from->size;) {
        size_t used = 0;
        if (from->bytes[at] == peels[peel].mark) {
            used = peels[peel].escape(from->bytes + at, from->size - at, to);
        }
        if (used == 0) {
            fnd_text_append_byte(to, from->bytes[at]);
        }
        found |= used > 0;
        at += used > 0 ? used : 1;
    }
    return found;
}
