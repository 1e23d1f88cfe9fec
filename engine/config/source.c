/* SPDX-License-Identifier: MIT */
#include "config/source.h"

#include <string.h>

#include <utf8proc.h>

void fnd_source_rewind(struct fnd_source *source)
{
    source->rewinds++;
    source->mark = 0;
    source->offset = 0;
    source->line = 1;
    source->column = 1;
}

/* One step of the place: a byte, by what it does to line and column. */
static void step_place(struct fnd_source *source)
{
    if (source->text[source->offset] == '\n') {
        source->line++;
        source->column = 1;
    } else {
        source->column++;
    }
    source->offset++;
}

void fnd_source_to_offset(struct fnd_source *source, size_t offset)
{
    fnd_source_rewind(source);
    while (source->offset < offset && source->offset < source->size) {
        step_place(source);
    }
    source->mark = SIZE_MAX; /* not known: the next mark begins anew */
}

void fnd_source_to_mark(struct fnd_source *source, size_t mark)
{
    if (mark < source->mark) {
        fnd_source_rewind(source);
    }
    while (source->mark < mark && source->offset < source->size) {
        do {
            step_place(source);
        } while (source->offset < source->size &&
                 ((unsigned char)source->text[source->offset] & 0xC0U) == 0x80U);
        source->mark++;
    }
}

/* Characters that may stand in a file. U+0085, U+2028 and U+2029 end a line for libyaml, as
 * YAML 1.1 has it, and are text in YAML 1.2: nobody can see them, so they must be written as
 * escapes. */
static bool character_allowed(utf8proc_int32_t character)
{
    return character >= 0xA0 && character != 0x2028 && character != 0x2029 && character != 0xFEFF &&
           character != 0xFFFE && character != 0xFFFF;
}

/* What libyaml would refuse with a vague place, or accept: bytes that are no UTF-8, NUL, controls.
 * Most bytes are plain ASCII, so those go by quickly. */
bool fnd_source_characters(struct fnd_source *source, const char *file, struct fnd_errors *errors)
{
    for (size_t at = 0; at < source->size;) {
        const unsigned char byte = (unsigned char)source->text[at];
        if ((byte >= 0x20 && byte < 0x7F) || byte == '\n' || byte == '\t' || byte == '\r') {
            at++;
            continue;
        }
        utf8proc_int32_t character = -1;
        const utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)source->text + at,
                             (utf8proc_ssize_t)(source->size - at), &character);
        if (step > 0 && character_allowed(character)) {
            at += (size_t)step;
            continue;
        }
        fnd_source_to_offset(source, at);
        fnd_errors_add(
            errors, file, source->line, source->column, step > 0 ? "control_character" : "not_utf8",
            step > 0
                ? "the character U+%04X is not allowed here: in a quoted text, write \\x or \\u "
                  "and its number"
                : "the byte 0x%02X is no UTF-8: save the file as UTF-8",
            step > 0 ? (unsigned)character : (unsigned)byte);
        return false;
    }
    return true;
}

/* Directives come before the document. %TAG lines are refused before libyaml sees them: it compares
 * each one with all before, which takes minutes for a file full of them. */
bool fnd_source_directives(struct fnd_source *source, const char *file, struct fnd_errors *errors)
{
    const char *at = source->text; /* ends with NUL, and holds none before */
    bool version_seen = false;
    while (*at != '\0') {
        const char *stop = at + strcspn(at, "\r\n"); /* either ends a line for libyaml */
        const char *first = at + strspn(at, " \t");
        if (first < stop && *first != '#') {
            if (*at != '%') {
                return true;
            }
            const bool version = stop - at > 5 && memcmp(at, "%YAML", 5) == 0;
            if (!version || version_seen) {
                fnd_source_to_offset(source, (size_t)(at - source->text));
                fnd_errors_add(errors, file, source->line, source->column, "directive",
                               "only one directive, %%YAML 1.2, may stand here: remove this line");
                return false;
            }
            version_seen = true;
        }
        at = *stop != '\0' ? stop + 1 : stop;
    }
    return true;
}
