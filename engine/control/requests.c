/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/server.h"

/* A member's text, malloc'ed, or NULL. */
static char *text_of(struct fnd_json request, const char *name)
{
    return fnd_json_strdup(fnd_json_member(request, name));
}

static bool number_of(struct fnd_json request, const char *name, int64_t *number)
{
    return fnd_json_integer(fnd_json_member(request, name), number);
}

static void hello(struct client *client, struct fnd_json request)
{
    (void)request;
    struct fnd_text more = {0};
    fnd_text_printf(&more, ",\"pid\":%ld,\"protocol\":%d", (long)getpid(), FND_CONTROL_PROTOCOL);
    control_end(client, FND_OK, NULL, fnd_text_z(&more));
    fnd_text_finish(&more);
}

static void cancel(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    int64_t job;
    char *by = text_of(request, "by"), *reason = text_of(request, "reason");
    enum fnd_status status = FND_INVALID;
    if (!number_of(request, "job", &job) || by == NULL) {
        fnd_error_set(&error, FND_INVALID, "cancel needs \"job\" (a number) and \"by\" (a text)");
    } else {
        status = fnd_engine_cancel(client->control->engine, job, by, reason, &error);
    }
    control_end(client, status, &error, NULL);
    free(by);
    free(reason);
}

static void retry(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    int64_t job;
    bool run = true;
    fnd_json_boolean(fnd_json_member(request, "run"), &run);
    char *by = text_of(request, "by"), *phase = text_of(request, "phase");
    enum fnd_status status = FND_INVALID;
    if (!number_of(request, "job", &job) || by == NULL) {
        fnd_error_set(&error, FND_INVALID, "retry needs \"job\" (a number) and \"by\" (a text)");
    } else {
        status = fnd_engine_retry(client->control->engine, job, phase, run, by, &error);
    }
    control_end(client, status, &error, NULL);
    free(by);
    free(phase);
}

static void flight_row(void *context, const char *path, const char *phase, int32_t attempt,
                       double progress, const char *waits)
{
    struct client *client = context;
    struct fnd_text line = {0};
    fnd_text_append_z(&line, "{\"type\":\"flight\",\"path\":");
    fnd_text_append_json_z(&line, path);
    fnd_text_append_z(&line, ",\"phase\":");
    fnd_text_append_json_z(&line, phase);
    fnd_text_printf(&line, ",\"attempt\":%d,\"progress\":%.4g", (int)attempt, progress);
    control_text(&line, "waits_for", waits);
    fnd_text_append_byte(&line, '}');
    control_send(client, &line);
    fnd_text_finish(&line);
}

static void training_row(void *context, const char *pipeline, const char *model, const char *pool,
                         const char *state, double progress, const char *note)
{
    struct client *client = context;
    struct fnd_text line = {0};
    fnd_text_append_z(&line, "{\"type\":\"training\"");
    control_text(&line, "pipeline", pipeline);
    control_text(&line, "model", model);
    control_text(&line, "pool", pool);
    control_text(&line, "state", state);
    fnd_text_printf(&line, ",\"progress\":%.4g", progress);
    control_text(&line, "note", note);
    fnd_text_append_byte(&line, '}');
    control_send(client, &line);
    fnd_text_finish(&line);
}

static void flight(struct client *client, struct fnd_json request)
{
    (void)request;
    fnd_engine_flight(client->control->engine, flight_row, client);
    if (client->control->learn != NULL) {
        fnd_learn_flight(client->control->learn, training_row, client);
    }
    control_end(client, FND_OK, NULL, NULL);
}

/* What a request has to do with others of its batch: nothing; it must see what they did to its ask;
 * or it is one of those that are held back. */
enum batched { ALONE, BESIDE, BATCHED };

static const struct {
    const char *name;
    void (*begin)(struct client *client, struct fnd_json request);
    enum batched batched;
} operations[] = {{"answer", control_answer, BESIDE},
                  {"ask.claim", control_ask_claim, BATCHED},
                  {"ask.draft", control_ask_draft, BATCHED},
                  {"ask.heartbeat", control_ask_heartbeat, BATCHED},
                  {"ask.release", control_ask_release, BATCHED},
                  {"ask.reopen", control_ask_reopen},
                  {"ask.snooze", control_ask_snooze, BATCHED},
                  {"ask.undo", control_ask_undo},
                  {"asks.next", control_asks_next},
                  {"cancel", cancel},
                  {"flight", flight},
                  {"follow", control_follow},
                  {"gc", control_gc},
                  {"hello", hello},
                  {"import.record", control_import_record},
                  {"load", control_load},
                  {"models.promote", control_models_promote},
                  {"models.rollback", control_models_rollback},
                  {"retry", retry},
                  {"rules.revoke", control_rules_revoke},
                  {"run", control_run},
                  {"submit", control_submit, BESIDE},
                  {"train", control_train},
                  {"train.cancel", control_train_cancel}};

/* Within a batch: what is held back is ended first where this request must see it. */
static void begin(struct client *client, struct fnd_json request, size_t operation)
{
    struct fnd_control *control = client->control;
    const enum batched batched = operations[operation].batched;
    int64_t ask = 0;
    if (!control->batching) {
        operations[operation].begin(client, request);
        return;
    }
    const bool named = number_of(request, "request", &ask);
    if (batched == ALONE || (named && fnd_desk_batch_has(control->desk, ask))) {
        control_batch_settle(control);
    }
    if (batched == BATCHED) {
        control_batch_add(client, request, operations[operation].begin);
    } else {
        operations[operation].begin(client, request);
    }
}

void control_request(struct client *client, const char *line, size_t size)
{
    struct fnd_error error = {0};
    struct fnd_json request;
    enum fnd_status status = fnd_json_check(line, size, NULL, &request, &error);
    if (status != FND_OK) {
        fnd_error_prefix(&error, "the request is no JSON");
        control_end(client, status, &error, NULL);
        return;
    }
    struct fnd_json op = fnd_json_member(request, "op");
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (!fnd_json_text_is(op, operations[i].name)) {
            continue;
        }
        if (client->control->stopping) {
            control_end_again(client);
        } else if (client->control->engine == NULL && operations[i].begin != hello) {
            fnd_error_set(&error, FND_BUSY, "the engine is not ready yet");
            control_end(client, FND_BUSY, &error, NULL);
        } else {
            begin(client, request, i);
        }
        return;
    }
    struct fnd_text names = {0};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        fnd_text_printf(&names, "%s%s", i > 0 ? ", " : "", operations[i].name);
    }
    fnd_error_set(&error, FND_INVALID, "the request has no \"op\" that is one of %s",
                  fnd_text_z(&names));
    fnd_text_finish(&names);
    control_end(client, FND_INVALID, &error, NULL);
}
