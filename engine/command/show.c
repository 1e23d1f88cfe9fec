/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "command/show.h"
#include "run/engine.h"
#include "worker/pool.h"

enum { HISTORY_MAX = 1000, LINES_MAX = 40, LINES_SHOWN = 30 };

/** One job with what the command shows of it. */
struct show {
    struct fnd_app *app;
    struct fnd_reader *reader;
    struct fnd_job_row job;
    struct fnd_step_row step;
    char **phases;
    struct fnd_event_row *events; /* newest first */
    size_t events_count;
    struct fnd_under *under; /* pins, oldest first */
    size_t under_count;
};

static bool keep_event(const struct fnd_event_row *row, void *context)
{
    struct show *show = context;
    show->events = fnd_realloc(show->events, show->events_count + 1, sizeof *show->events);
    show->events[show->events_count++] = *row;
    return true;
}

/* The pin that the job came in with, and each that a person moved it to. */
static void collect_under(struct show *show)
{
    show->under = fnd_alloc((show->events_count + 1) * sizeof *show->under);
    show->under[show->under_count++] = (struct fnd_under){show->job.pin, show->job.id};
    for (size_t i = show->events_count; i > 0; i--) {
        if (show->events[i - 1].kind == FND_EVENT_UPGRADE) {
            show->under[show->under_count++] =
                (struct fnd_under){show->events[i - 1].ref, show->events[i - 1].id};
        }
    }
}

static enum fnd_status load(struct show *show, struct fnd_error *error)
{
    const struct fnd_walk walk = {.limit = HISTORY_MAX};
    enum fnd_status status =
        fnd_directory_look(show->app->arguments.operands[0], &show->reader, error);
    if (status == FND_OK) {
        status = fnd_job_named(show->app, show->reader, show->app->arguments.operands[1],
                               &show->job, error);
    }
    if (status == FND_OK) {
        status = fnd_step_get(show->reader, show->job.id, &show->step, error);
    }
    if (status == FND_OK) {
        show->phases = fnd_phase_names(show->reader, show->step.pin);
        status = fnd_events_walk(show->reader, show->step.id, &walk, keep_event, show, error);
    }
    if (status == FND_OK) {
        collect_under(show);
    }
    return status;
}

static void finish(struct show *show)
{
    fnd_job_row_finish(&show->job);
    fnd_phase_names_free(show->phases);
    free(show->events);
    free(show->under);
    fnd_reader_close(show->reader);
}

/* The output of a phase; FND_NOT_FOUND while it has none. */
static enum fnd_status output(struct show *show, size_t phase, struct fnd_text *text,
                              struct fnd_json *value, struct fnd_error *error)
{
    if (phase >= show->step.outputs_count || show->step.outputs[phase] == 0) {
        return fnd_error_set(error, FND_NOT_FOUND, "%s has no output of the phase %s (yet)",
                             show->job.path, fnd_phase_name(show->phases, (int32_t)phase));
    }
    enum fnd_status status =
        fnd_payload_get(show->reader, show->step.outputs[phase], text, NULL, error);
    return status != FND_OK ? status
                            : fnd_json_check(fnd_text_z(text), text->size, "output", value, error);
}

static enum fnd_status print_phase(struct show *show, const char *id, struct fnd_error *error)
{
    struct fnd_text text = {0};
    struct fnd_json value = {0};
    size_t phase = 0;
    while (show->phases[phase] != NULL && strcmp(show->phases[phase], id) != 0) {
        phase++;
    }
    if (show->phases[phase] == NULL) {
        const char *near = fnd_nearest(id, (const char *const *)show->phases);
        return near != NULL
                   ? fnd_error_set(error, FND_NOT_FOUND, "%s has no phase %s; did you mean %s?",
                                   show->job.path, id, near)
                   : fnd_error_set(error, FND_NOT_FOUND, "%s has no phase %s", show->job.path, id);
    }
    enum fnd_status status = output(show, phase, &text, &value, error);
    if (status == FND_OK) {
        fnd_value(show->app, value);
    }
    fnd_text_finish(&text);
    return status;
}

/* What an event says to people: the message of an error, who acted and why. Who alone, with `bare`,
 * for programs. */
static char *event_note(struct show *show, const struct fnd_event_row *event, bool bare)
{
    struct fnd_text body = {0}, note = {0};
    struct fnd_json value = {0};
    bool quiet = event->kind == FND_EVENT_JOB || event->kind == FND_EVENT_OUTPUT ||
                 event->kind == FND_EVENT_ASK;
    if (!quiet && fnd_payload_get(show->reader, event->id, &body, NULL, NULL) == FND_OK &&
        body.size > 0 &&
        fnd_json_check(fnd_text_z(&body), body.size, NULL, &value, NULL) == FND_OK) {
        char *message = fnd_json_strdup(fnd_json_member(value, "message"));
        char *by = fnd_json_strdup(fnd_json_member(value, "by"));
        char *reason = fnd_json_strdup(fnd_json_member(value, "reason"));
        const bool who = message == NULL && by != NULL;
        fnd_text_append_z(&note, message);
        fnd_text_append_z(&note, who && !bare ? "by " : "");
        fnd_text_append_z(&note, who ? by : "");
        if (message == NULL && reason != NULL && (!bare || by == NULL)) {
            fnd_text_printf(&note, "%s%s", note.size > 0 ? ": " : "", reason);
        }
        free(message);
        free(by);
        free(reason);
    }
    fnd_text_finish(&body);
    return note.size > 0 ? fnd_text_take(&note) : NULL;
}

/* Where the phase's code ran that an event tells of, malloc'ed; NULL where none did: an answer's
 * output is what the person gave. */
static char *event_isolation(const struct show *show, size_t index)
{
    const struct fnd_event_row *event = &show->events[index];
    switch (event->kind) {
    case FND_EVENT_OUTPUT:
    case FND_EVENT_FAIL:
        if (index + 1 < show->events_count && show->events[index + 1].kind == FND_EVENT_ANSWER) {
            return NULL;
        }
        break;
    case FND_EVENT_ASK:
    case FND_EVENT_RETRY:
        break;
    default:
        return NULL;
    }
    struct fnd_text level = {0};
    fnd_level_text(event->level, &level);
    return fnd_text_take(&level);
}

static void json_events(struct show *show, struct fnd_text *json)
{
    fnd_text_append_z(json, ",\"history\":[");
    for (size_t i = show->events_count; i > 0; i--) {
        const struct fnd_event_row *event = &show->events[i - 1];
        char at[FND_TIME_TEXT_SIZE];
        char *note = event_note(show, event, true);
        fnd_time_format(event->at_us, at);
        fnd_text_printf(json, "%s{\"event\":%" PRId64 ",\"at\":\"%s\",\"attempt\":%" PRId32 ",",
                        i < show->events_count ? "," : "", event->id, at, event->attempt);
        fnd_field(json, "kind", fnd_event_name(event->kind));
        fnd_text_append_byte(json, ',');
        fnd_field(json, "phase", fnd_phase_name(show->phases, event->phase));
        fnd_text_append_byte(json, ',');
        fnd_field(json, "state", fnd_state_name(event->after.state));
        fnd_text_append_byte(json, ',');
        char *isolation = event_isolation(show, i - 1);
        fnd_field(json, "isolation", isolation);
        free(isolation);
        if (note != NULL) {
            fnd_text_append_byte(json, ',');
            fnd_field(json, "note", note);
        }
        fnd_text_append_byte(json, '}');
        free(note);
    }
    fnd_text_append_byte(json, ']');
}

static enum fnd_status print_json(struct show *show, struct fnd_error *error)
{
    struct fnd_text json = {0};
    char uuid[FND_UUID_TEXT_SIZE], created[FND_TIME_TEXT_SIZE];
    const struct fnd_stand *stand = &show->step.stand;
    enum fnd_status status = FND_OK;
    fnd_uuid_format(show->job.uuid, uuid);
    fnd_time_format(show->job.created_us, created);
    fnd_text_printf(&json, "{\"job\":%" PRId64 ",\"uuid\":\"%s\",", show->job.id, uuid);
    fnd_field(&json, "pipeline", show->job.pipeline);
    fnd_text_append_byte(&json, ',');
    fnd_field(&json, "path", show->job.path);
    fnd_text_printf(&json, ",\"revision\":%" PRId32 ",\"created_at\":\"%s\",", show->job.revision,
                    created);
    fnd_field(&json, "state", fnd_state_name(stand->state));
    fnd_text_append_byte(&json, ',');
    fnd_field(&json, "phase",
              stand->state == FND_COMPLETED ? NULL : fnd_phase_name(show->phases, stand->phase));
    fnd_text_printf(&json, ",\"attempt\":%" PRId32 ",\"pin\":%" PRId64 ",\"outputs\":{",
                    stand->attempt, show->step.pin);
    bool first = true;
    for (size_t i = 0; i < show->step.outputs_count && status == FND_OK; i++) {
        struct fnd_text text = {0};
        struct fnd_json value = {0};
        if (show->step.outputs[i] != 0) {
            status = output(show, i, &text, &value, error);
        }
        if (status == FND_OK && value.bytes != NULL) {
            fnd_text_append_z(&json, first ? "" : ",");
            fnd_text_append_json_z(&json, fnd_phase_name(show->phases, (int32_t)i));
            fnd_text_append_byte(&json, ':');
            fnd_text_append(&json, value.bytes, value.size);
            first = false;
        }
        fnd_text_finish(&text);
    }
    fnd_text_append_byte(&json, '}');
    fnd_under_json(show->reader, show->under, show->under_count, &json);
    json_events(show, &json);
    fnd_text_append_z(&json, "}\n");
    if (status == FND_OK) {
        fnd_raw(show->app, fnd_text_z(&json), json.size);
    }
    fnd_text_finish(&json);
    return status;
}

static void print_history(struct show *show)
{
    struct fnd_table table = {.columns = 7};
    const char *const heading[] = {"EVENT", "AT", "PHASE", "WHAT", "RAN IN", "STATE", "NOTE"};
    for (size_t i = 0; i < table.columns; i++) {
        fnd_table_cell(&table, "%s", heading[i]);
    }
    for (size_t i = show->events_count; i > 0; i--) {
        const struct fnd_event_row *event = &show->events[i - 1];
        char at[FND_TIME_TEXT_SIZE];
        char *note = event_note(show, event, false);
        fnd_time_format(event->at_us, at);
        at[19] = '\0'; /* seconds do, for people */
        fnd_table_cell(&table, "%" PRId64, event->id);
        fnd_table_cell(&table, "%s", at);
        fnd_table_cell(&table, "%s", fnd_phase_name(show->phases, event->phase));
        fnd_table_cell(&table, "%s", fnd_event_name(event->kind));
        char *isolation = event_isolation(show, i - 1);
        fnd_table_cell(&table, "%s", isolation != NULL ? isolation : "");
        fnd_table_cell(&table, "%s", fnd_state_name(event->after.state));
        fnd_table_cell(&table, "%s", note != NULL ? note : "");
        free(isolation);
        free(note);
    }
    fnd_table_print(show->app, &table, true);
}

/* A phase's output; of a long one its beginning, and how to see all of it. */
static void print_output(struct show *show, const char *phase, struct fnd_json value)
{
    struct fnd_text text = {0};
    size_t lines = 0, shown = 0;
    fnd_json_pretty(value, &text, 0);
    for (size_t i = 0; i < text.size; i++) {
        lines += text.bytes[i] == '\n';
        shown = lines < LINES_SHOWN ? i + 2 : shown;
    }
    fnd_line(show->app, "%s:", phase);
    if (lines <= LINES_MAX) {
        fnd_lines(show->app, fnd_text_z(&text));
    } else {
        text.bytes[shown - 1] = '\0';
        fnd_lines(show->app, text.bytes);
        fnd_line(show->app, "… and %zu more lines: " FND_PROGRAM " show %s %" PRId64 " --phase %s",
                 lines + 1 - LINES_SHOWN, fnd_reader_path(show->reader), show->job.id, phase);
    }
    fnd_text_finish(&text);
}

static enum fnd_status print_people(struct show *show, struct fnd_error *error)
{
    char uuid[FND_UUID_TEXT_SIZE];
    const struct fnd_stand *stand = &show->step.stand;
    fnd_uuid_format(show->job.uuid, uuid);
    fnd_line(show->app, "%s of %s, job %" PRId64 " (%s), revision %" PRId32, show->job.path,
             show->job.pipeline, show->job.id, uuid, show->job.revision);
    if (stand->state == FND_COMPLETED) {
        fnd_line(show->app, "completed");
    } else {
        fnd_line(show->app, "%s at %s", fnd_state_name(stand->state),
                 fnd_phase_name(show->phases, stand->phase));
    }
    fnd_under_print(show->app, show->reader, show->under, show->under_count);
    for (size_t i = 0; i < show->step.outputs_count; i++) {
        struct fnd_text text = {0};
        struct fnd_json value = {0};
        if (show->step.outputs[i] == 0) {
            continue;
        }
        enum fnd_status status = output(show, i, &text, &value, error);
        if (status == FND_OK) {
            fnd_line(show->app, "%s", "");
            print_output(show, fnd_phase_name(show->phases, (int32_t)i), value);
        }
        fnd_text_finish(&text);
        if (status != FND_OK) {
            return status;
        }
    }
    fnd_line(show->app, "%s", "");
    print_history(show);
    return FND_OK;
}

int fnd_command_show(struct fnd_app *app)
{
    struct show show = {.app = app};
    struct fnd_error error = {0};
    const char *phase = fnd_arguments_value(&app->arguments, FND_OPTION_PHASE);
    enum fnd_status status = load(&show, &error);
    if (status == FND_OK && phase != NULL) {
        status = print_phase(&show, phase, &error);
    } else if (status == FND_OK) {
        status = app->json ? print_json(&show, &error) : print_people(&show, &error);
    }
    const bool held = show.events_count > 0 && show.events[0].kind == FND_EVENT_HOLD;
    if (status == FND_OK && phase == NULL && held && show.step.stand.due_us == FND_DUE_BATCH) {
        fnd_next(app, "it goes on when the rest of its batch is there: " FND_PROGRAM " status %s",
                 fnd_reader_path(show.reader));
    } else if (status == FND_OK && phase == NULL && show.step.stand.state == FND_PAUSED && held) {
        fnd_next(app, "it cannot go on: mend what its last event names, then run again");
    } else if (status == FND_OK && phase == NULL && show.step.stand.state == FND_PAUSED) {
        fnd_next(app, "it waits for people: " FND_PROGRAM " ask show %s %" PRId64,
                 fnd_reader_path(show.reader), show.job.id);
    }
    finish(&show);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
