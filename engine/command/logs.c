/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"

enum { HISTORY_MAX = 10000 };

struct logs {
    struct fnd_app *app;
    struct fnd_reader *reader;
    char **phases;
    const char *only; /* this phase; NULL: all */
    struct fnd_event_row *events;
    size_t events_count;
    size_t lines; /* printed */
};

static bool keep_event(const struct fnd_event_row *row, void *context)
{
    struct logs *logs = context;
    logs->events = fnd_realloc(logs->events, logs->events_count + 1, sizeof *logs->events);
    logs->events[logs->events_count++] = *row;
    return true;
}

static void print_line(struct logs *logs, const struct fnd_event_row *event, const char *level,
                       const char *text, size_t size)
{
    char at[FND_TIME_TEXT_SIZE];
    char *line = fnd_strndup(text, size);
    logs->lines++;
    const char *phase = fnd_phase_name(logs->phases, event->phase);
    fnd_time_format(event->at_us, at);
    if (logs->app->json) {
        struct fnd_text json = {0};
        fnd_text_printf(&json, "{\"at\":\"%s\",\"event\":%" PRId64 ",\"attempt\":%" PRId32 ",", at,
                        event->id, event->attempt);
        fnd_field(&json, "phase", phase);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "level", level);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "text", line);
        fnd_text_append_z(&json, "}\n");
        fnd_raw(logs->app, fnd_text_z(&json), json.size);
        fnd_text_finish(&json);
    } else {
        at[19] = '\0';
        fnd_line(logs->app, "%s %s %s: %s", at, phase, level, line);
    }
    free(line);
}

/* Lines "LEVEL text", as calls stage them. */
static void print_log(struct logs *logs, const struct fnd_event_row *event, struct fnd_json log)
{
    static const char *const names[][2] = {
        {"D", "debug"}, {"I", "info"}, {"W", "warning"}, {"E", "error"}};
    char *text = fnd_json_strdup(log);
    for (const char *at = text; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, "\n");
        const char *level = "output", *begin = at;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (size > 1 && at[0] == names[i][0][0] && at[1] == ' ') {
                level = names[i][1];
                begin = at + 2;
            }
        }
        if (size > 0) {
            print_line(logs, event, level, begin, size - (size_t)(begin - at));
        }
        at += size + (at[size] == '\n' ? 1 : 0);
    }
    free(text);
}

static enum fnd_status print_event(struct logs *logs, const struct fnd_event_row *event,
                                   struct fnd_error *error)
{
    if (logs->only != NULL && strcmp(logs->only, fnd_phase_name(logs->phases, event->phase)) != 0) {
        return FND_OK;
    }
    struct fnd_text body = {0}, meta = {0};
    struct fnd_json value = {0};
    bool failure = event->kind == FND_EVENT_FAIL || event->kind == FND_EVENT_RETRY ||
                   event->kind == FND_EVENT_HOLD;
    enum fnd_status status = fnd_payload_get(logs->reader, event->id, &body, &meta, error);
    if (status == FND_NOT_FOUND) {
        status = FND_OK; /* an event without a payload, or an erased one */
    }
    if (status == FND_OK && meta.size > 0 &&
        fnd_json_check(fnd_text_z(&meta), meta.size, NULL, &value, NULL) == FND_OK) {
        print_log(logs, event, fnd_json_member(value, "log"));
    }
    if (status == FND_OK && failure && body.size > 0 &&
        fnd_json_check(fnd_text_z(&body), body.size, NULL, &value, NULL) == FND_OK) {
        print_log(logs, event, fnd_json_member(value, "log"));
        char *message = fnd_json_strdup(fnd_json_member(value, "message"));
        if (message != NULL) {
            print_line(logs, event, fnd_event_name(event->kind), message, strlen(message));
        }
        free(message);
    }
    fnd_text_finish(&body);
    fnd_text_finish(&meta);
    return status;
}

int fnd_command_logs(struct fnd_app *app)
{
    struct logs logs = {.app = app, .only = fnd_arguments_value(&app->arguments, FND_OPTION_PHASE)};
    struct fnd_error error = {0};
    struct fnd_job_row job = {0};
    struct fnd_step_row step;
    const struct fnd_walk walk = {.limit = HISTORY_MAX};
    enum fnd_status status = fnd_directory_look(app->arguments.operands[0], &logs.reader, &error);
    if (status == FND_OK) {
        status = fnd_job_named(app, logs.reader, app->arguments.operands[1], &job, &error);
    }
    if (status == FND_OK) {
        status = fnd_step_get(logs.reader, job.id, &step, &error);
    }
    if (status == FND_OK) {
        logs.phases = fnd_phase_names(logs.reader, step.pin);
        status = fnd_events_walk(logs.reader, step.id, &walk, keep_event, &logs, &error);
    }
    for (size_t i = logs.events_count; i > 0 && status == FND_OK; i--) {
        status = print_event(&logs, &logs.events[i - 1], &error);
    }
    fnd_job_row_finish(&job);
    fnd_phase_names_free(logs.phases);
    free(logs.events);
    fnd_reader_close(logs.reader);
    if (status == FND_OK && logs.lines == 0) {
        fnd_say(app, logs.only != NULL ? "this phase said nothing" : "its phases said nothing");
    }
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
