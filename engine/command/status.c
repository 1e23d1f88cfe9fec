/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "control/control.h"

enum { STATES = FND_CANCELLED + 1, NAMES_MAX = 256, LOOK_MAX = 1000000, HELD_SHOWN = 10 };

/** What the command collects. */
struct status {
    struct fnd_app *app;
    struct fnd_reader *reader;
    struct row {
        char *pipeline;
        int64_t counts[STATES];
    } rows[NAMES_MAX];
    size_t rows_count;
    const char *only;
    struct fnd_text flight, held, trainings; /* JSON rows */
    size_t flight_count, held_count, trainings_count;
    int pid; /* of the engine; 0: none */
};

/* A job that is paused without a question: its last event says what it waits for. */
static void note_held(struct status *status, const struct fnd_job_row *job,
                      const struct fnd_step_row *step)
{
    struct fnd_event_row event;
    struct fnd_text body = {0};
    struct fnd_json value = {0};
    if (fnd_event_get(status->reader, step->event, &event, NULL) != FND_OK ||
        event.kind != FND_EVENT_HOLD) {
        return;
    }
    char **phases = fnd_phase_names(status->reader, step->pin);
    char *message = NULL;
    if (fnd_payload_get(status->reader, event.id, &body, NULL, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&body), body.size, NULL, &value, NULL) == FND_OK) {
        message = fnd_json_strdup(fnd_json_member(value, "message"));
    }
    fnd_text_printf(&status->held, "%s{\"job\":%" PRId64 ",", status->held_count++ > 0 ? "," : "",
                    job->id);
    fnd_field(&status->held, "path", job->path);
    fnd_text_append_byte(&status->held, ',');
    fnd_field(&status->held, "phase", fnd_phase_name(phases, step->stand.phase));
    fnd_text_append_byte(&status->held, ',');
    fnd_field(&status->held, "message", message);
    fnd_text_append_byte(&status->held, '}');
    fnd_phase_names_free(phases);
    fnd_text_finish(&body);
    free(message);
}

static bool count_job(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct status *status = context;
    size_t i = 0;
    while (i < status->rows_count && strcmp(status->rows[i].pipeline, job->pipeline) != 0) {
        i++;
    }
    if (i == NAMES_MAX) {
        return true;
    }
    if (i == status->rows_count) {
        status->rows[status->rows_count++] = (struct row){.pipeline = fnd_strdup(job->pipeline)};
    }
    status->rows[i].counts[step->stand.state]++;
    if (step->stand.state == FND_PAUSED) {
        note_held(status, job, step);
    }
    return true;
}

static void flight_line(void *context, struct fnd_json line)
{
    struct status *status = context;
    if (fnd_json_text_is(fnd_json_member(line, "type"), "training")) {
        fnd_text_append_z(&status->trainings, status->trainings_count++ > 0 ? "," : "");
        fnd_text_append(&status->trainings, line.bytes, line.size);
        return;
    }
    fnd_text_append_z(&status->flight, status->flight_count++ > 0 ? "," : "");
    fnd_text_append(&status->flight, line.bytes, line.size);
}

/* Ask the engine, if there is one, what runs right now. */
static void ask_flight(struct status *status, const char *directory)
{
    struct fnd_peer *peer = NULL;
    static const char request[] = "{\"op\":\"flight\"}";
    struct fnd_error error;
    if (fnd_peer_connect(directory, &peer, &error) != FND_OK) {
        return;
    }
    status->pid = fnd_peer_pid(peer);
    int64_t end_us =
        status->app->env->monotonic_us(status->app->env) + (int64_t)FND_CONTROL_HELLO_MS * 1000;
    enum fnd_status sent = fnd_peer_send(peer, request, sizeof request - 1, &error);
    while (sent == FND_OK && status->app->env->monotonic_us(status->app->env) < end_us) {
        struct fnd_json line;
        sent = fnd_peer_line(peer, &line, &error);
        if (sent == FND_OK && fnd_json_text_is(fnd_json_member(line, "type"), "end")) {
            break;
        }
        if (sent == FND_OK && line.bytes != NULL) {
            flight_line(status, line);
        } else if (sent == FND_OK) {
            fnd_peer_wait(peer, FND_CONTROL_HELLO_MS);
        }
    }
    fnd_peer_close(peer);
}

static void print_json(struct status *status)
{
    struct fnd_text json = {0};
    fnd_text_append_byte(&json, '{');
    fnd_field(&json, "directory", fnd_reader_path(status->reader));
    if (status->pid > 0) {
        fnd_text_printf(&json, ",\"engine\":%d", status->pid);
    } else {
        fnd_text_append_z(&json, ",\"engine\":null");
    }
    fnd_text_append_z(&json, ",\"pipelines\":[");
    for (size_t i = 0; i < status->rows_count; i++) {
        fnd_text_append_z(&json, i > 0 ? ",{" : "{");
        fnd_field(&json, "pipeline", status->rows[i].pipeline);
        for (int state = 0; state < STATES; state++) {
            fnd_text_printf(&json, ",\"%s\":%" PRId64, fnd_state_name((enum fnd_state)state),
                            status->rows[i].counts[state]);
        }
        fnd_text_append_byte(&json, '}');
    }
    fnd_text_printf(&json, "],\"held\":[%s],\"flight\":[%s],\"trainings\":[%s]}\n",
                    fnd_text_z(&status->held), fnd_text_z(&status->flight),
                    fnd_text_z(&status->trainings));
    fnd_raw(status->app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

static void print_flight(struct status *status)
{
    struct fnd_text list = {0};
    struct fnd_json rows = {0};
    fnd_text_printf(&list, "[%s]", fnd_text_z(&status->flight));
    if (status->flight_count == 0 ||
        fnd_json_check(fnd_text_z(&list), list.size, NULL, &rows, NULL) != FND_OK) {
        fnd_text_finish(&list);
        return;
    }
    fnd_line(status->app, "running now, in pid %d:", status->pid);
    for (struct fnd_json_walk walk = fnd_json_walk(rows); fnd_json_next(&walk);) {
        char *path = fnd_json_strdup(fnd_json_member(walk.value, "path"));
        char *phase = fnd_json_strdup(fnd_json_member(walk.value, "phase"));
        char *waits = fnd_json_strdup(fnd_json_member(walk.value, "waits_for"));
        double progress = 0;
        fnd_json_number(fnd_json_member(walk.value, "progress"), &progress);
        if (waits != NULL) {
            fnd_line(status->app, "  %s  %s  waiting for %s", path, phase, waits);
        } else {
            fnd_line(status->app, "  %s  %s  %.0f %%", path, phase, progress * 100);
        }
        free(path);
        free(phase);
        free(waits);
    }
    fnd_text_finish(&list);
}

static void print_trainings(struct status *status)
{
    struct fnd_text list = {0};
    struct fnd_json rows = {0};
    fnd_text_printf(&list, "[%s]", fnd_text_z(&status->trainings));
    if (status->trainings_count > 0 &&
        fnd_json_check(fnd_text_z(&list), list.size, NULL, &rows, NULL) == FND_OK) {
        fnd_line(status->app, "trainings, in pid %d:", status->pid);
        for (struct fnd_json_walk walk = fnd_json_walk(rows); fnd_json_next(&walk);) {
            char *model = fnd_json_strdup(fnd_json_member(walk.value, "model"));
            char *note = fnd_json_strdup(fnd_json_member(walk.value, "note"));
            double progress = 0;
            fnd_json_number(fnd_json_member(walk.value, "progress"), &progress);
            fnd_line(status->app, "  %s  %.0f %%  %s", model, progress * 100,
                     note != NULL ? note : "");
            free(model);
            free(note);
        }
    }
    fnd_text_finish(&list);
}

static void print_held(struct status *status)
{
    struct fnd_text list = {0};
    struct fnd_json rows = {0};
    fnd_text_printf(&list, "[%s]", fnd_text_z(&status->held));
    if (status->held_count > 0 &&
        fnd_json_check(fnd_text_z(&list), list.size, NULL, &rows, NULL) == FND_OK) {
        fnd_line(status->app, "cannot go on:");
        for (struct fnd_json_walk walk = fnd_json_walk(rows);
             fnd_json_next(&walk) && walk.index < HELD_SHOWN;) {
            char *path = fnd_json_strdup(fnd_json_member(walk.value, "path"));
            char *phase = fnd_json_strdup(fnd_json_member(walk.value, "phase"));
            char *message = fnd_json_strdup(fnd_json_member(walk.value, "message"));
            fnd_line(status->app, "  %s at %s: %s", path, phase, message != NULL ? message : "-");
            free(path);
            free(phase);
            free(message);
        }
        if (status->held_count > HELD_SHOWN) {
            fnd_line(status->app, "  … and %zu more; --json names them all",
                     status->held_count - HELD_SHOWN);
        }
    }
    fnd_text_finish(&list);
}

static void print_people(struct status *status)
{
    struct fnd_table table = {.columns = STATES + 1};
    fnd_table_cell(&table, "PIPELINE");
    for (int state = 0; state < STATES; state++) {
        fnd_table_cell(&table, "%s", fnd_state_name((enum fnd_state)state));
    }
    for (size_t i = 0; i < status->rows_count; i++) {
        fnd_table_cell(&table, "%s", status->rows[i].pipeline);
        for (int state = 0; state < STATES; state++) {
            fnd_table_cell(&table, "%" PRId64, status->rows[i].counts[state]);
        }
    }
    fnd_table_print(status->app, &table, true);
    print_flight(status);
    print_trainings(status);
    print_held(status);
}

static void propose(struct status *status)
{
    int64_t counts[STATES] = {0};
    const char *directory = fnd_reader_path(status->reader);
    for (size_t i = 0; i < status->rows_count; i++) {
        for (int state = 0; state < STATES; state++) {
            counts[state] += status->rows[i].counts[state];
        }
    }
    counts[FND_PAUSED] -= (int64_t)status->held_count;
    if (status->held_count > 0) {
        fnd_next(status->app, "%zu cannot go on: mend what is missing, then run again",
                 status->held_count);
    }
    if (counts[FND_PAUSED] > 0) {
        fnd_next(status->app, "%" PRId64 " wait%s for people: " FND_PROGRAM " ask list %s",
                 counts[FND_PAUSED], counts[FND_PAUSED] == 1 ? "s" : "", directory);
    }
    if (counts[FND_FAILED] > 0) {
        fnd_next(status->app,
                 "%" PRId64 " failed: " FND_PROGRAM " retry --failed %s, or " FND_PROGRAM
                 " logs JOB says why",
                 counts[FND_FAILED], directory);
    }
}

int fnd_command_status(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct status *status = fnd_alloc(sizeof *status);
    status->app = app;
    status->only = fnd_arguments_value(&app->arguments, FND_OPTION_PIPELINE);
    enum fnd_status ended = fnd_directory_look(app->arguments.operands[0], &status->reader, &error);
    if (ended == FND_OK) {
        const struct fnd_job_filter filter = {.pipeline = status->only, .state = -1};
        const struct fnd_walk walk = {.limit = LOOK_MAX};
        ended = fnd_jobs_walk(status->reader, &filter, &walk, count_job, status, &error);
    }
    if (ended == FND_OK) {
        ask_flight(status, fnd_reader_path(status->reader));
        if (app->json) {
            print_json(status);
        } else {
            print_people(status);
            propose(status);
        }
    }
    for (size_t i = 0; i < status->rows_count; i++) {
        free(status->rows[i].pipeline);
    }
    fnd_text_finish(&status->flight);
    fnd_text_finish(&status->held);
    fnd_text_finish(&status->trainings);
    fnd_reader_close(status->reader);
    free(status);
    return ended == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
