/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/notes.h"
#include "command/output.h"
#include "command/session.h"
#include "dataset/dataset.h"

static void progress(void *context, size_t records)
{
    fnd_progress(context, "%zu records", records);
}

static void print_result(struct fnd_app *app, const struct fnd_import_result *result,
                         const char *directory)
{
    if (app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json,
                        "{\"type\":\"end\",\"examples\":%zu,\"records\":%zu,\"known\":%zu}\n",
                        result->examples, result->records, result->known);
        fnd_raw(app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
        return;
    }
    fnd_line(app, "%zu record%s imported, %zu on record from before", result->records,
             result->records == 1 ? "" : "s", result->known);
    fnd_next(app, "next: " FND_PROGRAM " export %s --format foundry", directory);
}

int fnd_command_import(struct fnd_app *app)
{
    struct fnd_error error = {0};
    const struct fnd_arguments *arguments = &app->arguments;
    struct fnd_reader *reader = NULL;
    struct fnd_store *store = NULL;
    struct fnd_import_result result = {0};
    const char *tier = fnd_arguments_value(arguments, FND_OPTION_TIER);
    char *directory = NULL, *who = fnd_who(app);
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
        .said = fnd_note_print,
        .progress = progress,
        .context = app};
    enum fnd_status status = fnd_directory_find(arguments->operands[2], &directory, &error);
    if (status == FND_OK) {
        const struct fnd_store_options store_options = {
            .env = app->env,
            .log = &app->log,
            .network_allowed = fnd_arguments_has(arguments, FND_OPTION_NETWORK),
            .lock_wait_ms = FND_LOCK_WAIT_MS};
        status = fnd_store_open(directory, &store_options, &store, &error);
    }
    if (status == FND_OK) {
        status = fnd_directory_read(directory, &reader, &error);
    }
    if (status == FND_OK) {
        status = fnd_dataset_import(reader, store, &options, &result, &error);
    }
    if (status == FND_OK) {
        print_result(app, &result, directory);
    }
    fnd_reader_close(reader);
    fnd_store_close(store);
    free(directory);
    free(who);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
