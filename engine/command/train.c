/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/models.h"
#include "command/output.h"

struct shown {
    struct fnd_app *app;
    int percent;
    char *note;
};

/* How far the training is: each tenth, and each step that says something new. What it waits for. */
static void progress(void *context, struct fnd_json line)
{
    struct shown *shown = context;
    double fraction = 0;
    if (!fnd_json_text_is(fnd_json_member(line, "type"), "training") ||
        !fnd_json_number(fnd_json_member(line, "progress"), &fraction)) {
        return;
    }
    const int percent = (int)(100 * fraction);
    char *note = fnd_json_strdup(fnd_json_member(line, "note"));
    const bool news =
        note != NULL && note[0] != '\0' && (shown->note == NULL || strcmp(note, shown->note) != 0);
    if (news && percent == 0) {
        fnd_say(shown->app, "%s", note);
    } else if (percent / 10 != shown->percent / 10 || (news && percent != shown->percent)) {
        fnd_say(shown->app, "%d %%%s%s", percent, note != NULL && note[0] != '\0' ? ": " : "",
                note != NULL ? note : "");
        shown->percent = percent;
    }
    if (news) {
        free(shown->note);
        shown->note = note;
        return;
    }
    free(note);
}

static void tell(struct fnd_app *app, const char *model, struct fnd_json end)
{
    int64_t version = 0, examples = 0;
    char *decision = fnd_json_strdup(fnd_json_member(end, "decision"));
    fnd_json_integer(fnd_json_member(end, "version"), &version);
    fnd_json_integer(fnd_json_member(end, "examples"), &examples);
    if (version == 0) {
        fnd_line(app, "the training of %s has begun", model);
        fnd_next(app, "next: " FND_PROGRAM " models list shows what becomes of it");
    } else {
        fnd_line(app, "model %s: version %" PRId64 ", learned from %" PRId64 " documents", model,
                 version, examples);
        if (decision != NULL) {
            fnd_line(app, "%s", decision);
        }
        fnd_next(app, "next: " FND_PROGRAM " models show %s shows how it does, field by field",
                 model);
    }
    free(decision);
}

/* Its end is on record; the next thing to know is what goes on. */
static void tell_cancelled(struct fnd_app *app, const struct fnd_models_place *place)
{
    struct fnd_model_row now = {0};
    const enum fnd_status status =
        fnd_model_production(place->reader, place->pipeline, place->model, &now, NULL);
    if (status == FND_OK) {
        fnd_line(app, "model %s: its training is cancelled; version %" PRId64 " goes on",
                 place->model, now.version);
    } else {
        fnd_line(app, "model %s: its training is cancelled; the rules go on", place->model);
    }
    fnd_next(app, "next: " FND_PROGRAM " train --explain %s says when one begins by itself",
             place->model);
    fnd_model_row_finish(&now);
}

/* --explain, --cancel and to train are three things. */
static bool options_fit(struct fnd_app *app)
{
    const struct fnd_arguments *arguments = &app->arguments;
    const bool cancel = fnd_arguments_has(arguments, FND_OPTION_CANCEL);
    struct fnd_error error = {0};
    if (cancel && (fnd_arguments_has(arguments, FND_OPTION_EXPLAIN) ||
                   fnd_arguments_has(arguments, FND_OPTION_WAIT))) {
        fnd_error_set(&error, FND_INVALID,
                      "--cancel goes with neither --explain nor --wait: it waits for the end "
                      "by itself");
    } else if (!cancel && fnd_arguments_has(arguments, FND_OPTION_REASON)) {
        fnd_error_set(&error, FND_INVALID, "--reason goes with --cancel");
    }
    if (error.status != FND_OK) {
        fnd_complain(app, &error);
    }
    return error.status == FND_OK;
}

int fnd_command_train(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct fnd_models_place place = {0};
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    struct shown shown = {.app = app};
    struct fnd_session *session = NULL;
    bool failed = false;
    const bool explain = fnd_arguments_has(&app->arguments, FND_OPTION_EXPLAIN);
    const bool wait = fnd_arguments_has(&app->arguments, FND_OPTION_WAIT);
    const bool cancel = fnd_arguments_has(&app->arguments, FND_OPTION_CANCEL);
    if (!options_fit(app)) {
        return FND_EXIT_USAGE;
    }
    enum fnd_status status = fnd_models_place(app, &place, &error);
    if (status == FND_OK) {
        fnd_models_request(app, &place, cancel ? "train.cancel" : "train", &request);
        fnd_text_printf(&request, ",\"wait\":%s,\"explain\":%s}", wait ? "true" : "false",
                        explain ? "true" : "false");
        session = fnd_session_create(app, fnd_reader_path(place.reader), false, false);
        status = fnd_session_ask(session, &request, progress, &shown, &text, &end, &error);
    }
    if (status == FND_OK) {
        status = fnd_session_status(end, &error);
        /* It ran, and gave no model: not a plugin that is missing, nor a signal to us. */
        failed = status == FND_PLUGIN || status == FND_INTERRUPTED;
        error.status = status == FND_INTERRUPTED ? FND_PLUGIN : error.status;
    }
    if (status == FND_OK && app->json) {
        fnd_raw(app, end.bytes, end.size);
        fnd_raw(app, "\n", 1);
    } else if (status == FND_OK && explain) {
        char *lines = fnd_json_strdup(fnd_json_member(end, "text"));
        fnd_raw(app, lines != NULL ? lines : "", lines != NULL ? strlen(lines) : 0);
        free(lines);
    } else if (status == FND_OK && cancel) {
        tell_cancelled(app, &place);
    } else if (status == FND_OK) {
        tell(app, place.model, end);
    }
    fnd_flush(app);
    fnd_session_destroy(session);
    free(shown.note);
    fnd_models_place_finish(&place);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    const int code = status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
    return failed ? FND_EXIT_FAILED : code;
}
