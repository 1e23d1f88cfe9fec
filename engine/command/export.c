/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/notes.h"
#include "command/output.h"
#include "command/session.h"
#include "dataset/dataset.h"

void fnd_note_print(void *context, const struct fnd_dataset_note *note)
{
    struct fnd_app *app = context;
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json, "{\"type\":\"note\",\"warning\":%s,",
                        note->warning ? "true" : "false");
        if (note->record > 0) {
            fnd_text_printf(&json, "\"record\":%" PRId64 ",", note->record);
        }
        if (note->file != NULL) {
            fnd_field(&json, "file", note->file);
            fnd_text_append_byte(&json, ',');
        }
        if (note->line > 0) {
            fnd_text_printf(&json, "\"line\":%zu,", note->line);
        }
        fnd_field(&json, "message", note->message);
        fnd_text_append_z(&json, "}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
        return;
    }
    struct fnd_text where = {0};
    if (note->record > 0) {
        fnd_text_printf(&where, "record %" PRId64 ": ", note->record);
    }
    if (note->file != NULL) {
        fnd_text_append_visible(&where, note->file, strlen(note->file));
        fnd_text_append_z(&where, note->line > 0 ? " " : ": ");
    }
    if (note->line > 0 && note->record == 0) {
        fnd_text_printf(&where, "line %zu: ", note->line);
    }
    fnd_say(app, "%s: %s%s", note->warning ? "warning" : "error", fnd_text_z(&where),
            note->message);
    fnd_text_finish(&where);
}

static void progress(void *context, size_t lines)
{
    fnd_progress(context, "%zu lines", lines);
}

static struct fnd_export_options read_options(struct fnd_app *app)
{
    const struct fnd_arguments *arguments = &app->arguments;
    const char *split = fnd_arguments_value(arguments, FND_OPTION_SPLIT);
    struct fnd_export_options options = {
        .format = fnd_arguments_value(arguments, FND_OPTION_FORMAT),
        .name = fnd_arguments_value(arguments, FND_OPTION_NAME),
        .pipeline = fnd_arguments_value(arguments, FND_OPTION_PIPELINE),
        .of = fnd_arguments_value(arguments, FND_OPTION_PHASE),
        .prompt = fnd_arguments_value(arguments, FND_OPTION_PROMPT),
        .system = fnd_arguments_value(arguments, FND_OPTION_SYSTEM),
        .uri_prefix = fnd_arguments_value(arguments, FND_OPTION_URI_PREFIX),
        .out = fnd_arguments_value(arguments, FND_OPTION_OUT),
        .fd = STDOUT_FILENO,
        .skip_bad = fnd_arguments_has(arguments, FND_OPTION_SKIP_BAD),
        .said = fnd_note_print,
        .progress = progress,
        .context = app};
    if (split != NULL) {
        fnd_split_find(split, &options.split); /* one of the choices: it is there */
    }
    return options;
}

/* Made for writing so that the export is on record; where an engine is busy with the directory it
 * is made all the same, and the manifest is the only record of it. */
static enum fnd_status open_store(struct fnd_app *app, const char *directory,
                                  struct fnd_store **store, struct fnd_error *error)
{
    const struct fnd_store_options options = {
        .env = app->env,
        .log = &app->log,
        .network_allowed = fnd_arguments_has(&app->arguments, FND_OPTION_NETWORK)};
    enum fnd_status status = fnd_store_open(directory, &options, store, error);
    if (status == FND_BUSY || status == FND_DENIED) {
        fnd_say(app, "the export is not noted in the directory's record: %s",
                error != NULL ? error->message : "it is in use");
        return FND_OK;
    }
    return status;
}

static void print_result(struct fnd_app *app, const struct fnd_export_result *result,
                         bool to_stdout)
{
    if (app->json && !to_stdout) {
        struct fnd_text json = {0};
        fnd_text_append_z(&json, "{\"type\":\"end\",");
        fnd_field(&json, "file", result->path);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "manifest", result->manifest_path);
        fnd_text_printf(&json,
                        ",\"lines\":%zu,\"records\":%zu,\"size\":%" PRIu64 ",\"sha256\":\"%s\","
                        "\"left_out\":{",
                        result->lines, result->records, result->size, result->sha256);
        for (int left = 0; left < FND_LEFT_COUNT; left++) {
            fnd_text_printf(&json, "%s\"%s\":%zu", left > 0 ? "," : "",
                            fnd_left_name((enum fnd_left)left), result->left_out[left]);
        }
        fnd_text_append_z(&json, "}}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
        return;
    }
    if (!to_stdout) {
        fnd_line(app, "%s: %zu line%s, sha256 %s", result->path, result->lines,
                 result->lines == 1 ? "" : "s", result->sha256);
    }
    for (int left = 0; left < FND_LEFT_COUNT; left++) {
        if (result->left_out[left] > 0) {
            fnd_say(app, "%zu left out: %s", result->left_out[left],
                    fnd_left_name((enum fnd_left)left));
        }
    }
    if (result->manifest_path != NULL) {
        fnd_next(app, "the same bytes again: " FND_PROGRAM " export --manifest %s",
                 result->manifest_path);
    }
}

int fnd_command_export(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_reader *reader = NULL;
    struct fnd_store *store = NULL;
    struct fnd_export_options options = read_options(app);
    struct fnd_export_result result = {0};
    const char *manifest = fnd_arguments_value(&app->arguments, FND_OPTION_FROM_MANIFEST);
    enum fnd_status status = fnd_directory_read(app->arguments.operands[0], &reader, &error);
    if (status == FND_OK && manifest != NULL) {
        status = fnd_dataset_reproduce(reader, manifest, &options, &result, &error);
    } else if (status == FND_OK) {
        status = open_store(app, fnd_reader_path(reader), &store, &error);
        if (status == FND_OK) {
            status = fnd_dataset_export(reader, store, &options, &result, &error);
        }
    }
    if (status == FND_OK) {
        print_result(app, &result, options.out != NULL && strcmp(options.out, "-") == 0);
    }
    fnd_export_result_finish(&result);
    fnd_reader_close(reader);
    fnd_store_close(store);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}

int fnd_command_export_validate(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_dataset_checked checked = {0};
    const char *format = fnd_arguments_value(&app->arguments, FND_OPTION_FORMAT);
    const char *path = app->arguments.operands[0];
    if (format == NULL) {
        struct fnd_text known = {0};
        for (size_t i = 0; fnd_dataset_formats[i] != NULL; i++) {
            fnd_text_printf(&known, "%s%s", i > 0 ? ", " : "", fnd_dataset_formats[i]);
        }
        fnd_error_set(&error, FND_INVALID, "say the format: --as and one of %s",
                      fnd_text_z(&known));
        fnd_text_finish(&known);
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    enum fnd_status status =
        fnd_dataset_validate(path, format, fnd_note_print, app, &checked, &error);
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json,
                        "{\"type\":\"end\",\"valid\":%s,\"lines\":%zu,\"errors\":%zu,"
                        "\"warnings\":%zu}\n",
                        status == FND_OK ? "true" : "false", checked.lines, checked.errors,
                        checked.warnings);
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
    } else if (status == FND_OK) {
        fnd_line(app, "%s: ok, %zu line%s of %s", path, checked.lines,
                 checked.lines == 1 ? "" : "s", format);
    }
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
