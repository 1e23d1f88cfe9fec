/* SPDX-License-Identifier: MIT */
/* Data to stdout, messages to stderr. Nothing that came from a file, a plugin or another process
 * reaches a terminal but in its visible form. */
#ifndef FND_COMMAND_OUTPUT_H
#define FND_COMMAND_OUTPUT_H

#include "command/command.h"
#include "config/tree.h"

/** Print a line of data; control characters in it come out as \xNN. */
void fnd_line(struct fnd_app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Print text of several lines, each made visible. */
void fnd_lines(struct fnd_app *app, const char *text);
/** Print bytes as they are: JSON for programs, and what this program made itself. */
void fnd_raw(struct fnd_app *app, const char *bytes, size_t size);
/** Print a value: compact on one line with --json, else indented and made visible. */
void fnd_value(struct fnd_app *app, struct fnd_json value);
/** Hand over to the system what was printed so far. */
void fnd_flush(struct fnd_app *app);

/** Say a line to people, on stderr, unless --quiet; made visible. */
void fnd_say(struct fnd_app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Propose the next step, on stderr, unless --quiet or --json. */
void fnd_next(struct fnd_app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Tell of an error, on stderr: `file:line:column: error: …` or `foundry-engine: error: …`; with
 *  --json as {"error":{"status","code","message","file","line","column"}}. */
void fnd_complain(struct fnd_app *app, const struct fnd_error *error);
/** Complain, and give the exit code of the error's status. */
int fnd_fail(struct fnd_app *app, const struct fnd_error *error);
/** The same for errors of a file, as a compiler shows them.  source may be NULL. */
void fnd_complain_errors(struct fnd_app *app, const struct fnd_errors *errors, const char *source,
                         size_t source_size);

/** Show how far it is on the terminal's last line; nothing unless stderr is one. "" clears it. */
void fnd_progress(struct fnd_app *app, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Append `"name":` and a JSON string (null for NULL); bytes that are no UTF-8 in visible form. */
void fnd_field(struct fnd_text *json, const char *name, const char *z);

/** Columns for people: cells are collected, then printed aligned. `= {0}` with `columns` set. */
struct fnd_table {
    size_t columns;
    char **cells; /* row by row, made visible, malloc'ed */
    size_t count;
};
void fnd_table_cell(struct fnd_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Print (first row is the heading) and free. The last column is cut at the terminal's edge, 80
 *  columns, unless `whole`. */
void fnd_table_print(struct fnd_app *app, struct fnd_table *table, bool whole);
/** Free without printing. */
void fnd_table_drop(struct fnd_table *table);

#endif
