/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/server.h"

void control_follow_finish(struct follow *follow)
{
    free(follow->pipeline);
    free(follow->jobs);
    free(follow->refused_lines);
    *follow = (struct follow){0};
}

static bool follows(const struct follow *follow, const struct fnd_news *news)
{
    if (!follow->active) {
        return false;
    }
    if (!follow->all) {
        switch (news->kind) {
        case FND_EVENT_ASK:
        case FND_EVENT_CANCEL:
        case FND_EVENT_FAIL:
        case FND_EVENT_HOLD:
        case FND_EVENT_RETRY:
            break;
        default:
            return false;
        }
    }
    if (follow->pipeline != NULL) {
        return strcmp(follow->pipeline, news->pipeline) == 0;
    }
    for (size_t i = 0; i < follow->jobs_count; i++) {
        if (follow->jobs[i] == news->job) {
            return true;
        }
    }
    return false;
}

static void tell(struct client *client, const struct fnd_news *news)
{
    if (client->fd >= 0 && client->out.size - client->out_at > FND_CONTROL_NEWS_SIZE_MAX) {
        return; /* it does not read; how its jobs end it is told all the same */
    }
    struct fnd_text line = {0};
    fnd_text_printf(&line,
                    "{\"type\":\"news\",\"job\":%" PRId64 ",\"event\":%" PRId64
                    ",\"attempt\":%" PRId32 ",\"done\":%zu,\"count\":%zu",
                    news->job, news->event, news->attempt, news->phases_done, news->phases_count);
    control_text(&line, "kind", fnd_event_name(news->kind));
    control_text(&line, "state", fnd_state_name(news->state));
    control_text(&line, "pipeline", news->pipeline);
    control_text(&line, "path", news->path);
    control_text(&line, "phase", news->phase);
    control_text(&line, "next", news->next_phase);
    control_text(&line, "message", news->message);
    if (news->kind == FND_EVENT_ASK) {
        fnd_text_printf(&line, ",\"request\":%" PRId64, news->request);
    }
    fnd_text_append_byte(&line, '}');
    control_send(client, &line);
    fnd_text_finish(&line);
}

void fnd_control_news(void *context, const struct fnd_news *news)
{
    struct fnd_control *control = context;
    control->moved = true;
    if (control->desk != NULL) {
        fnd_desk_news(control->desk, news);
    }
    if (control->notifier != NULL) {
        fnd_notifier_news(control->notifier);
    }
    for (struct client *client = control->clients; client != NULL; client = client->next) {
        if (!client->dead && follows(&client->follow, news)) {
            tell(client, news);
        }
    }
}

static void begin(struct client *client, struct fnd_json request)
{
    client->follow.active = true;
    client->follow.all = fnd_json_text_is(fnd_json_member(request, "news"), "all");
    client->control->moved = true;
}

void control_follow_pipeline(struct client *client, struct fnd_json request, const char *name,
                             int64_t pin)
{
    begin(client, request);
    client->follow.pipeline = fnd_strdup(name);
    client->follow.pin = pin;
    fnd_json_boolean(fnd_json_member(request, "watch"), &client->follow.watch);
}

void control_follow(struct client *client, struct fnd_json request)
{
    struct fnd_json jobs = fnd_json_member(request, "jobs");
    size_t count = fnd_json_count(jobs);
    struct follow *follow = &client->follow;
    follow->jobs = fnd_realloc(NULL, count > 0 ? count : 1, sizeof *follow->jobs);
    for (struct fnd_json_walk walk = fnd_json_walk(jobs); fnd_json_next(&walk);) {
        if (!fnd_json_integer(walk.value, &follow->jobs[follow->jobs_count++])) {
            struct fnd_error error;
            control_end(
                client, FND_INVALID,
                (fnd_error_set(&error, FND_INVALID, "\"jobs\" are numbers of jobs"), &error), NULL);
            return;
        }
    }
    begin(client, request);
}

static void append_counts(struct fnd_text *more, const int64_t counts[FND_CANCELLED + 1])
{
    fnd_text_append_z(more, ",\"counts\":{");
    for (int state = FND_QUEUED; state <= FND_CANCELLED; state++) {
        fnd_text_printf(more, "%s\"%s\":%" PRId64, state > 0 ? "," : "",
                        fnd_state_name((enum fnd_state)state), counts[state]);
    }
    fnd_text_append_byte(more, '}');
}

/* True, and the members of the end, when the pipeline's jobs rest (or all does, `idle`). */
static bool pipeline_rests(struct client *client, bool idle, struct fnd_text *more,
                           enum fnd_status *status, struct fnd_error *error)
{
    int64_t counts[FND_CANCELLED + 1] = {0};
    *status = fnd_jobs_count(fnd_engine_reader(client->control->engine), client->follow.pipeline,
                             counts, error);
    if (*status != FND_OK) {
        return true;
    }
    if (!idle && counts[FND_QUEUED] + counts[FND_RUNNING] + counts[FND_RETRYING] > 0) {
        return false;
    }
    if (!idle && fnd_engine_gathers(client->control->engine, client->follow.pipeline)) {
        return false;
    }
    control_text(more, "pipeline", client->follow.pipeline);
    append_counts(more, counts);
    fnd_text_printf(more, ",\"refused\":%zu", client->follow.refused);
    return true;
}

/* A job that should move and does not: it was queued by an engine that ended before it came to it.
 * Set its pipeline in motion, once.  Returns whether that was done. */
static bool push(struct client *client, const struct fnd_step_row *step)
{
    struct fnd_job_row job = {0};
    if (client->follow.pushed ||
        fnd_job_get(fnd_engine_reader(client->control->engine), step->job, &job, NULL) != FND_OK) {
        return false;
    }
    client->follow.pushed = true;
    bool pushed = control_resume(client->control, job.pipeline, NULL) == FND_OK;
    fnd_job_row_finish(&job);
    return pushed;
}

/* The same for jobs by number. */
static bool jobs_rest(struct client *client, bool idle, struct fnd_text *more,
                      enum fnd_status *status, struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(client->control->engine);
    int64_t counts[FND_CANCELLED + 1] = {0}, held = 0;
    for (size_t i = 0; i < client->follow.jobs_count; i++) {
        struct fnd_step_row step;
        struct fnd_event_row event;
        *status = fnd_step_get(reader, client->follow.jobs[i], &step, error);
        if (*status != FND_OK) {
            return true;
        }
        if (step.stand.state < FND_PAUSED && (!idle || push(client, &step))) {
            client->control->moved = true;
            return false;
        }
        counts[step.stand.state]++;
        /* It may have been held before anybody followed. */
        held += step.stand.state == FND_PAUSED &&
                fnd_event_get(reader, step.event, &event, NULL) == FND_OK &&
                event.kind == FND_EVENT_HOLD;
    }
    append_counts(more, counts);
    fnd_text_printf(more, ",\"held\":%" PRId64, held);
    return true;
}

void control_follow_check(struct fnd_control *control)
{
    bool any = false;
    for (struct client *client = control->clients; client != NULL; client = client->next) {
        any |= client->follow.active && !client->follow.watch;
    }
    if (!any) {
        return;
    }
    int64_t now_us = control->env->monotonic_us(control->env);
    bool idle = fnd_engine_idle(control->engine);
    if (!idle && (!control->moved || now_us < control->rest_at_us)) {
        return;
    }
    control->moved = false;
    control->rest_at_us = now_us + (int64_t)FND_CONTROL_REST_MS * 1000;
    for (struct client *client = control->clients; client != NULL; client = client->next) {
        if (!client->follow.active || client->follow.watch || client->dead) {
            continue;
        }
        struct fnd_text more = {0};
        struct fnd_error error = {0};
        enum fnd_status status = FND_OK;
        bool rests = client->follow.pipeline != NULL
                         ? pipeline_rests(client, idle, &more, &status, &error)
                         : jobs_rest(client, idle, &more, &status, &error);
        if (rests) {
            control_end(client, status, &error, fnd_text_z(&more));
        }
        fnd_text_finish(&more);
    }
}
