/* SPDX-License-Identifier: MIT */
#include "command/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { FLUSH_SIZE = 1 << 16, WIDTH = 80 };

void fnd_flush(struct fnd_app *app)
{
    if (app->out.size > 0 && !app->out_lost) {
        fnd_progress(app, "%s", "");
        app->out_lost = fnd_write_all(STDOUT_FILENO, app->out.bytes, app->out.size) != 0;
    }
    fnd_text_clear(&app->out);
}

void fnd_raw(struct fnd_app *app, const char *bytes, size_t size)
{
    fnd_text_append(&app->out, bytes, size);
    if (app->out.size >= FLUSH_SIZE) {
        fnd_flush(app);
    }
}

void fnd_line(struct fnd_app *app, const char *format, ...)
{
    struct fnd_text text = {0}, line = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&text, format, arguments);
    va_end(arguments);
    fnd_text_append_visible(&line, fnd_text_z(&text), text.size);
    fnd_text_append_byte(&line, '\n');
    fnd_raw(app, fnd_text_z(&line), line.size);
    fnd_text_finish(&text);
    fnd_text_finish(&line);
}

/* Each line of `text` in its visible form. */
static void append_lines(struct fnd_text *out, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        fnd_text_append_visible(out, text, size);
        fnd_text_append_byte(out, '\n');
        text += size + (text[size] == '\n' ? 1 : 0);
    }
}

void fnd_lines(struct fnd_app *app, const char *text)
{
    struct fnd_text out = {0};
    append_lines(&out, text);
    fnd_raw(app, fnd_text_z(&out), out.size);
    fnd_text_finish(&out);
}

void fnd_value(struct fnd_app *app, struct fnd_json value)
{
    struct fnd_text text = {0};
    if (app->json) {
        fnd_json_compact(value, &text);
        fnd_text_append_byte(&text, '\n');
        fnd_raw(app, fnd_text_z(&text), text.size);
    } else {
        fnd_json_pretty(value, &text, 0);
        fnd_lines(app, fnd_text_z(&text));
    }
    fnd_text_finish(&text);
}

/* One write, so that lines of several processes do not mix. Nothing can be done when it fails. */
static void to_stderr(struct fnd_app *app, struct fnd_text *line)
{
    fnd_flush(app);
    fnd_progress(app, "%s", "");
    (void)fnd_write_all(STDERR_FILENO, fnd_text_z(line), line->size);
}

static void __attribute__((format(printf, 2, 0)))
say(struct fnd_app *app, const char *format, va_list arguments)
{
    struct fnd_text text = {0}, line = {0};
    fnd_text_vprintf(&text, format, arguments);
    fnd_text_append_visible(&line, fnd_text_z(&text), text.size);
    fnd_text_append_byte(&line, '\n');
    to_stderr(app, &line);
    fnd_text_finish(&text);
    fnd_text_finish(&line);
}

void fnd_say(struct fnd_app *app, const char *format, ...)
{
    if (!app->quiet) {
        va_list arguments;
        va_start(arguments, format);
        say(app, format, arguments);
        va_end(arguments);
    }
}

void fnd_next(struct fnd_app *app, const char *format, ...)
{
    if (!app->quiet && !app->json) {
        va_list arguments;
        va_start(arguments, format);
        say(app, format, arguments);
        va_end(arguments);
    }
}

void fnd_field(struct fnd_text *json, const char *name, const char *z)
{
    fnd_text_append_json_z(json, name);
    fnd_text_append_byte(json, ':');
    if (z != NULL && !fnd_utf8_valid(z, strlen(z))) {
        struct fnd_text visible = {0};
        fnd_text_append_visible(&visible, z, strlen(z));
        fnd_text_append_json(json, fnd_text_z(&visible), visible.size);
        fnd_text_finish(&visible);
    } else {
        fnd_text_append_json_z(json, z);
    }
}

static void complain_json(struct fnd_text *line, const struct fnd_error *error)
{
    fnd_text_append_z(line, "{\"error\":{");
    fnd_field(line, "status", fnd_status_name(error->status));
    if (error->code[0] != '\0') {
        fnd_text_append_byte(line, ',');
        fnd_field(line, "code", error->code);
    }
    fnd_text_append_byte(line, ',');
    fnd_field(line, "message", error->message);
    if (error->file[0] != '\0') {
        fnd_text_append_byte(line, ',');
        fnd_field(line, "file", error->file);
    }
    if (error->line > 0) {
        fnd_text_printf(line, ",\"line\":%zu,\"column\":%zu", error->line, error->column);
    }
    fnd_text_append_z(line, "}}\n");
}

void fnd_complain(struct fnd_app *app, const struct fnd_error *error)
{
    struct fnd_text text = {0}, line = {0};
    if (app->json) {
        complain_json(&line, error);
    } else {
        if (error->file[0] == '\0') {
            fnd_text_append_z(&text, FND_PROGRAM);
        } else if (error->line > 0) {
            fnd_text_printf(&text, "%s:%zu:%zu", error->file, error->line, error->column);
        } else {
            fnd_text_append_z(&text, error->file);
        }
        fnd_text_append_visible(&line, fnd_text_z(&text), text.size);
        fnd_text_append_z(&line, app->color ? ": \033[31merror:\033[0m " : ": error: ");
        fnd_text_append_visible(&line, error->message, strlen(error->message));
        if (error->code[0] != '\0' && error->line > 0) {
            fnd_text_printf(&line, " [%s]", error->code);
        }
        fnd_text_append_byte(&line, '\n');
    }
    to_stderr(app, &line);
    fnd_text_finish(&text);
    fnd_text_finish(&line);
}

int fnd_fail(struct fnd_app *app, const struct fnd_error *error)
{
    if (error->status != FND_INTERRUPTED) {
        fnd_complain(app, error);
    }
    return fnd_exit_code(error->status, fnd_app_signal(app));
}

void fnd_complain_errors(struct fnd_app *app, const struct fnd_errors *errors, const char *source,
                         size_t source_size)
{
    struct fnd_text text = {0};
    if (app->json) {
        fnd_text_append_z(&text, "{\"errors\":");
        fnd_errors_json(errors, &text);
        fnd_text_append_z(&text, "}\n");
    } else {
        fnd_errors_print(errors, source, source_size, &text);
    }
    to_stderr(app, &text);
    fnd_text_finish(&text);
}

void fnd_progress(struct fnd_app *app, const char *format, ...)
{
    if (!app->progress) {
        return;
    }
    struct fnd_text text = {0}, line = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&text, format, arguments);
    va_end(arguments);
    if (text.size > 0 || app->progress_columns > 0) {
        fnd_text_append_z(&line, "\r\033[K");
        size_t begin = line.size;
        fnd_text_append_visible(&line, fnd_text_z(&text), text.size);
        size_t at = begin;
        for (size_t columns = 0; at < line.size && columns < WIDTH - 1; columns++) {
            size_t step = fnd_utf8_step(line.bytes + at, line.size - at);
            at += step > 0 ? step : 1;
        }
        app->progress_columns = at - begin;
        (void)fnd_write_all(STDERR_FILENO, line.bytes, at);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&line);
}

void fnd_table_cell(struct fnd_table *table, const char *format, ...)
{
    struct fnd_text text = {0}, cell = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&text, format, arguments);
    va_end(arguments);
    fnd_text_append_visible(&cell, fnd_text_z(&text), text.size);
    fnd_text_finish(&text);
    table->cells = fnd_realloc(table->cells, table->count + 1, sizeof *table->cells);
    table->cells[table->count++] = fnd_text_take(&cell);
}

/* The first `columns` characters, with "…" in place of the last where some are left out. */
static void append_cut(struct fnd_text *out, const char *z, size_t columns)
{
    if (fnd_columns(z) <= columns) {
        fnd_text_append_z(out, z);
        return;
    }
    size_t at = 0, size = strlen(z);
    for (size_t i = 0; i + 1 < columns; i++) {
        size_t step = fnd_utf8_step(z + at, size - at);
        at += step > 0 ? step : 1;
    }
    fnd_text_append(out, z, at);
    fnd_text_append_z(out, "…");
}

void fnd_table_drop(struct fnd_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct fnd_table){0};
}

void fnd_table_print(struct fnd_app *app, struct fnd_table *table, bool whole)
{
    size_t *widths = fnd_alloc(table->columns * sizeof *widths);
    for (size_t i = 0; i < table->count; i++) {
        size_t columns = fnd_columns(table->cells[i]);
        if (columns > widths[i % table->columns]) {
            widths[i % table->columns] = columns;
        }
    }
    struct fnd_text line = {0};
    for (size_t i = 0, at = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        const char *cell = table->cells[i];
        if (column + 1 == table->columns) {
            size_t left = at + 10 < WIDTH ? WIDTH - at : 10;
            append_cut(&line, cell, whole ? SIZE_MAX : left);
            while (line.size > 0 && line.bytes[line.size - 1] == ' ') {
                line.bytes[--line.size] = '\0';
            }
            fnd_text_append_byte(&line, '\n');
            fnd_raw(app, fnd_text_z(&line), line.size);
            fnd_text_clear(&line);
            at = 0;
            continue;
        }
        fnd_text_append_z(&line, cell);
        for (size_t pad = fnd_columns(cell); pad < widths[column] + 2; pad++) {
            fnd_text_append_byte(&line, ' ');
        }
        at += widths[column] + 2;
    }
    free(widths);
    fnd_text_finish(&line);
    fnd_table_drop(table);
}
