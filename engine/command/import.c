/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/notes.h"
#include "command/output.h"
#include "command/session.h"
#include "control/control.h"
#include "dataset/dataset.h"

static void print_result(struct fnd_app *app, const struct fnd_import_result *result,
                         const char *directory)
{
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json,
                        "{\"type\":\"end\",\"examples\":%zu,\"records\":%zu,\"known\":%zu,"
                        "\"without_file\":%zu}\n",
                        result->examples, result->records, result->known, result->without);
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
        return;
    }
    fnd_line(app, "%zu record%s imported, %zu on record from before", result->records,
             result->records == 1 ? "" : "s", result->known);
    if (result->without > 0) {
        fnd_line(
            app,
            "%zu of them without their file: none of its name and hash is there (--images says "
            "where); put into %s, it is found",
            result->without, directory);
    }
    fnd_next(app, "next: " FND_PROGRAM " export %s --format foundry", directory);
}

struct import {
    struct fnd_app *app;
    struct fnd_session *session;
};

static enum fnd_status take(void *context, const struct fnd_text *example, bool *known,
                            struct fnd_error *error)
{
    const struct import *import = context;
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end;
    fnd_text_append_z(&request, "{\"op\":\"import.record\",");
    fnd_text_append(&request, example->bytes + 1, example->size - 1);
    fnd_text_append_byte(&request, '}');
    enum fnd_status status =
        fnd_session_ask(import->session, &request, NULL, NULL, &text, &end, error);
    if (status == FND_LIMIT && request.size >= FND_CONTROL_LINE_SIZE_MAX) {
        fnd_error_set(
            error, FND_LIMIT,
            "an engine has the directory, and takes examples of %d MiB at most, their "
            "picture in base64; this one has %zu bytes: end that engine, and import again",
            FND_CONTROL_LINE_SIZE_MAX >> 20, request.size);
    }
    if (status == FND_OK) {
        status = fnd_session_status(end, error);
    }
    if (status == FND_OK) {
        fnd_json_boolean(fnd_json_member(end, "known"), known);
    }
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status;
}

static void noted(void *context, const struct fnd_dataset_note *note)
{
    fnd_note_print(((const struct import *)context)->app, note);
}

static void progress(void *context, size_t records)
{
    fnd_progress(((const struct import *)context)->app, "%zu records", records);
}

int fnd_command_import(struct fnd_app *app)
{
    struct fnd_error error = {0};
    const struct fnd_arguments *arguments = &app->arguments;
    struct fnd_import_result result = {0};
    const char *tier = fnd_arguments_value(arguments, FND_OPTION_TIER);
    char *directory = NULL, *who = fnd_who(app);
    struct import import = {.app = app};
    const struct fnd_import_options options = {
        .format = arguments->operands[0],
        .path = arguments->operands[1],
        .pipeline = fnd_arguments_value(arguments, FND_OPTION_PIPELINE),
        .phase = fnd_arguments_value(arguments, FND_OPTION_PHASE),
        .images = fnd_arguments_value(arguments, FND_OPTION_IMAGES),
        .by = who,
        .tier = tier == NULL                ? (enum fnd_tier)0
                : strcmp(tier, "gold") == 0 ? FND_TIER_GOLD
                                            : FND_TIER_SILVER,
        .said = noted,
        .progress = progress,
        .take = take,
        .context = &import};
    enum fnd_status status = fnd_directory_find(arguments->operands[2], &directory, &error);
    if (status == FND_OK) {
        import.session = fnd_session_create(app, directory, false, false);
        status = fnd_dataset_import(&options, &result, &error);
    }
    if (status == FND_OK) {
        print_result(app, &result, directory);
    }
    fnd_session_destroy(import.session);
    free(directory);
    free(who);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
