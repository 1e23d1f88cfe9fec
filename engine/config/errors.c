/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <utf8proc.h>

#include "config/parse.h"

enum { SHOWN_COLUMNS_MAX = 120, SHOWN_BEFORE_MAX = 60, TAB_WIDTH = 8 };

void fnd_errors_take(struct fnd_errors *errors, const struct fnd_error *error)
{
    if (errors->count == FND_CONFIG_ERRORS_MAX) {
        errors->skipped++;
        return;
    }
    errors->list[errors->count++] = *error;
}

__attribute__((format(printf, 7, 0))) static void add(struct fnd_errors *errors,
                                                      enum fnd_status status, const char *file,
                                                      size_t line, size_t column, const char *code,
                                                      const char *format, va_list arguments)
{
    struct fnd_text message = {0}; /* first whole, then cut where a character ends */
    fnd_text_vprintf(&message, format, arguments);
    struct fnd_error error;
    fnd_error_set(&error, status, "%s", fnd_text_z(&message));
    fnd_error_place(&error, file, line, column);
    fnd_error_code(&error, code);
    fnd_errors_take(errors, &error);
    fnd_text_finish(&message);
}

enum fnd_status fnd_errors_add(struct fnd_errors *errors, const char *file, size_t line,
                               size_t column, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(errors, FND_INVALID, file, line, column, code, format, arguments);
    va_end(arguments);
    return FND_INVALID;
}

enum fnd_status fnd_errors_limit(struct fnd_errors *errors, const char *file, size_t line,
                                 size_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(errors, FND_LIMIT, file, line, column, "limit", format, arguments);
    va_end(arguments);
    return FND_LIMIT;
}

static int place_compare(const struct fnd_error *a, const struct fnd_error *b)
{
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return 0;
}

void fnd_errors_sort(struct fnd_errors *errors)
{
    /* By insertion: the list is short, and errors of one place must keep their order. */
    for (size_t i = 1; i < errors->count; i++) {
        const struct fnd_error error = errors->list[i];
        size_t j = i;
        for (; j > 0 && place_compare(&errors->list[j - 1], &error) > 0; j--) {
            errors->list[j] = errors->list[j - 1];
        }
        errors->list[j] = error;
    }
}

/* One character for the terminal, at display column `column` of the line. What could move the
 * cursor, change the order of the text or not show at all comes out as \xNN a byte.
 * Returns the bytes taken; *width becomes the columns it fills. */
static size_t show_character(const char *at, size_t size, size_t column, struct fnd_text *out,
                             size_t *width)
{
    if (*at == '\t') {
        *width = TAB_WIDTH - column % TAB_WIDTH;
        fnd_text_printf(out, "%*s", (int)*width, "");
        return 1;
    }
    utf8proc_int32_t character = -1;
    const utf8proc_ssize_t step =
        utf8proc_iterate((const utf8proc_uint8_t *)at, (utf8proc_ssize_t)size, &character);
    const size_t taken = step > 0 ? (size_t)step : 1;
    bool visible = step > 0;
    if (visible) {
        switch (utf8proc_category(character)) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            visible = false;
            break;
        default:
            break;
        }
    }
    if (visible) {
        fnd_text_append(out, at, taken);
        const int columns = utf8proc_charwidth(character);
        *width = columns > 0 ? (size_t)columns : 0;
        return taken;
    }
    for (size_t i = 0; i < taken; i++) {
        fnd_text_printf(out, "\\x%02x", (unsigned)(unsigned char)at[i]);
    }
    *width = 4 * taken;
    return taken;
}

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xC0U) == 0x80U;
}

/* The source line and a caret below the place, with at most 120 columns of the line. */
static void show_line(const char *line, size_t size, size_t number, size_t place,
                      struct fnd_text *out)
{
    if (place > size) {
        place = size; /* the error is the line's end */
    }
    size_t begin = place > SHOWN_BEFORE_MAX ? place - SHOWN_BEFORE_MAX : 0;
    while (begin > 0 && continues_character(line[begin])) {
        begin--;
    }
    size_t column = 0, caret = 0;
    bool caret_known = false;
    fnd_text_printf(out, "%5zu | ", number);
    if (begin > 0) {
        fnd_text_append_z(out, "…");
        column = 1;
    }
    for (size_t at = begin; at < size;) {
        if (at >= place && !caret_known) {
            caret = column;
            caret_known = true;
        }
        if (column >= SHOWN_COLUMNS_MAX && caret_known) {
            fnd_text_append_z(out, "…");
            break;
        }
        size_t width = 0;
        at += show_character(line + at, size - at, column, out, &width);
        column += width;
    }
    fnd_text_printf(out, "\n      | %*s^\n", (int)(caret_known ? caret : column), "");
}

/* The bytes of a line, without its end. */
static bool line_find(const char *source, size_t source_size, size_t number, const char **line,
                      size_t *size)
{
    const char *at = source, *end = source + source_size;
    if (source_size >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0) {
        at += 3; /* a byte order mark has no column */
    }
    for (size_t i = 1; i < number; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) {
            return false;
        }
        at++;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    stop = stop != NULL ? stop : end;
    if (stop > at && stop[-1] == '\r') {
        stop--;
    }
    *line = at;
    *size = (size_t)(stop - at);
    return true;
}

void fnd_errors_print(const struct fnd_errors *errors, const char *source, size_t source_size,
                      struct fnd_text *out)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct fnd_error *error = &errors->list[i];
        if (error->file[0] != '\0') {
            fnd_text_append_visible(out, error->file, strlen(error->file));
            fnd_text_append_z(out, ":");
        }
        if (error->line > 0) {
            fnd_text_printf(out, "%zu:", error->line);
        }
        if (error->line > 0 && error->column > 0) {
            fnd_text_printf(out, "%zu:", error->column);
        }
        fnd_text_append_z(out, out->size > 0 && out->bytes[out->size - 1] == ':' ? " " : "");
        fnd_text_append_z(out, "error: ");
        fnd_text_append_visible(out, error->message, strlen(error->message));
        if (error->code[0] != '\0') {
            fnd_text_printf(out, " [%s]", error->code);
        }
        fnd_text_append_byte(out, '\n');
        const char *line;
        size_t size;
        if (source != NULL && error->line > 0 && error->column > 0 &&
            strcmp(error->file, errors->list[0].file) == 0 &&
            line_find(source, source_size, error->line, &line, &size)) {
            show_line(line, size, error->line, error->column - 1, out);
        }
    }
    if (errors->skipped > 0) {
        fnd_text_printf(out, "… and %zu more error%s\n", errors->skipped,
                        errors->skipped == 1 ? "" : "s");
    }
}

/* File names are any bytes; JSON is UTF-8. */
static void append_json(struct fnd_text *out, const char *text)
{
    struct fnd_text visible = {0};
    if (!fnd_utf8_valid(text, strlen(text))) {
        fnd_text_append_visible(&visible, text, strlen(text));
        text = fnd_text_z(&visible);
    }
    fnd_text_append_json_z(out, text);
    fnd_text_finish(&visible);
}

void fnd_errors_json(const struct fnd_errors *errors, struct fnd_text *out)
{
    fnd_text_append_byte(out, '[');
    for (size_t i = 0; i < errors->count; i++) {
        const struct fnd_error *error = &errors->list[i];
        fnd_text_append_z(out, i > 0 ? ",{\"file\":" : "{\"file\":");
        append_json(out, error->file);
        fnd_text_printf(out, ",\"line\":%zu,\"column\":%zu,\"code\":", error->line, error->column);
        append_json(out, error->code);
        fnd_text_append_z(out, ",\"message\":");
        append_json(out, error->message);
        fnd_text_append_byte(out, '}');
    }
    fnd_text_append_byte(out, ']');
}
