/* SPDX-License-Identifier: MIT */
/* Trainings and versions of models, asked for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/server.h"
#include "learn/trigger.h"

/* What the requests say; malloc'ed. */
struct learn_act {
    char *pipeline, *model, *by, *reason;
};

static void act_finish(struct learn_act *act)
{
    free(act->pipeline);
    free(act->model);
    free(act->by);
    free(act->reason);
}

static enum fnd_status act_read(struct fnd_json request, struct learn_act *act,
                                struct fnd_error *error)
{
    act->pipeline = fnd_json_strdup(fnd_json_member(request, "pipeline"));
    act->model = fnd_json_strdup(fnd_json_member(request, "model"));
    act->by = fnd_json_strdup(fnd_json_member(request, "by"));
    act->reason = fnd_json_strdup(fnd_json_member(request, "reason"));
    return act->pipeline != NULL && act->by != NULL
               ? FND_OK
               : fnd_error_set(error, FND_INVALID, "the request needs \"pipeline\" and \"by\"");
}

static void progress(void *context, double fraction, const char *note)
{
    struct client *client = context;
    struct fnd_text line = {0};
    if (client->told == fraction && strcmp(client->told_note, note) == 0) {
        return;
    }
    client->told = fraction;
    (void)snprintf(client->told_note, sizeof client->told_note, "%s", note);
    fnd_text_printf(&line, "{\"type\":\"training\",\"progress\":%.4g", fraction);
    control_text(&line, "note", note);
    fnd_text_append_byte(&line, '}');
    control_send(client, &line);
    fnd_text_finish(&line);
}

static void done(void *context, const struct fnd_learned *learned)
{
    struct client *client = context;
    struct fnd_text more = {0};
    fnd_text_printf(&more,
                    ",\"training\":%" PRId64 ",\"model\":%" PRId64 ",\"version\":%" PRId64
                    ",\"examples\":%zu",
                    learned->training, learned->model, learned->version, learned->examples);
    control_text(&more, "decision", learned->decision);
    client->learning = false;
    control_end(client, learned->status, &learned->error, fnd_text_z(&more));
    fnd_text_finish(&more);
}

static void explain(struct client *client, const struct learn_act *act)
{
    struct fnd_engine *engine = client->control->engine;
    const struct fnd_pipeline *pipeline = NULL;
    const struct fnd_model *model = NULL;
    struct fnd_error error = {0};
    struct fnd_text text = {0}, more = {0};
    enum fnd_status status =
        fnd_learn_model(engine, act->pipeline, act->model, &pipeline, &model, &error);
    if (status == FND_OK) {
        status = fnd_learn_explain(engine, pipeline, model, &text, &error);
    }
    control_text(&more, "text", fnd_text_z(&text));
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&text);
    fnd_text_finish(&more);
}

void control_train(struct client *client, struct fnd_json request)
{
    struct fnd_control *control = client->control;
    struct fnd_error error = {0};
    struct learn_act act = {0};
    bool wait = false, only_explain = false;
    fnd_json_boolean(fnd_json_member(request, "wait"), &wait);
    fnd_json_boolean(fnd_json_member(request, "explain"), &only_explain);
    enum fnd_status status = act_read(request, &act, &error);
    if (status == FND_OK && only_explain) {
        explain(client, &act);
        act_finish(&act);
        return;
    }
    if (status == FND_OK && control->learn == NULL) {
        status = fnd_error_set(&error, FND_IO, "this engine cannot train; its log says why");
    }
    if (status == FND_OK) {
        /* This process ends with its own request, so that it waits for the training. */
        wait = wait || client->fd < 0;
        const struct fnd_learn_hooks hooks = {progress, done, client};
        client->told = -1;
        status = fnd_learn_train(control->learn, act.pipeline, act.model, act.by, "by hand",
                                 wait ? &hooks : NULL, &error);
    }
    client->learning = status == FND_OK && wait;
    if (!client->learning) {
        control_end(client, status, &error, status == FND_OK ? ",\"begun\":true" : NULL);
    }
    act_finish(&act);
}

/* It has ended: cancelled, unless it came to an end of its own or that could not be recorded. */
static void cancelled(void *context, const struct fnd_learned *learned)
{
    struct client *client = context;
    struct fnd_text more = {0};
    struct fnd_error error = learned->error;
    const enum fnd_status status = learned->status == FND_INTERRUPTED ? FND_OK : learned->status;
    fnd_error_prefix(&error, "it was not cancelled, it ended");
    fnd_text_printf(&more, ",\"training\":%" PRId64 ",\"version\":%" PRId64, learned->training,
                    learned->version);
    client->learning = false;
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
}

void control_train_cancel(struct client *client, struct fnd_json request)
{
    struct fnd_control *control = client->control;
    struct fnd_error error = {0};
    struct learn_act act = {0};
    enum fnd_status status = act_read(request, &act, &error);
    if (status == FND_OK && act.model == NULL) {
        status = fnd_error_set(&error, FND_INVALID, "train.cancel needs \"model\"");
    }
    if (status == FND_OK && (client->fd < 0 || control->learn == NULL)) {
        /* This process took the directory for this request alone. */
        status = fnd_error_set(&error, FND_NOT_FOUND,
                               "nothing trains model %s: no engine runs in this directory; "
                               "`models list` shows how its last training ended",
                               act.model);
    }
    if (status == FND_OK) {
        const struct fnd_learn_hooks hooks = {.done = cancelled, .context = client};
        client->learning = true; /* it may have ended before this returns */
        status = fnd_learn_cancel(control->learn, act.pipeline, act.model, act.by, act.reason,
                                  &hooks, &error);
        if (status != FND_OK) {
            client->learning = false;
        }
    }
    if (status != FND_OK) {
        control_end(client, status, &error, NULL);
    }
    act_finish(&act);
}

void control_learn_forget(struct fnd_control *control, struct client *client)
{
    if (control->learn != NULL) {
        fnd_learn_forget(control->learn, client);
    }
    client->learning = false;
}

static void moved(struct client *client, enum fnd_status status, const struct fnd_error *error,
                  int64_t version, int64_t event)
{
    struct fnd_text more = {0};
    fnd_text_printf(&more, ",\"version\":%" PRId64 ",\"event\":%" PRId64, version, event);
    control_end(client, status, error, fnd_text_z(&more));
    fnd_text_finish(&more);
}

void control_models_promote(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct learn_act act = {0};
    int64_t version = -1, event = 0;
    enum fnd_status status = act_read(request, &act, &error);
    if (status == FND_OK && (!fnd_json_integer(fnd_json_member(request, "version"), &version) ||
                             version < 0 || act.model == NULL)) {
        status =
            fnd_error_set(&error, FND_INVALID, "models.promote needs \"model\" and \"version\"");
    }
    if (status == FND_OK) {
        status = fnd_registry_promote(client->control->engine, act.pipeline, act.model, version,
                                      act.by, act.reason, NULL, &event, &error);
    }
    moved(client, status, &error, version, event);
    act_finish(&act);
}

void control_models_rollback(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct learn_act act = {0};
    int64_t version = 0, event = 0;
    enum fnd_status status = act_read(request, &act, &error);
    if (status == FND_OK && act.model == NULL) {
        status = fnd_error_set(&error, FND_INVALID, "models.rollback needs \"model\"");
    }
    if (status == FND_OK) {
        status = fnd_registry_rollback(client->control->engine, act.pipeline, act.model, act.by,
                                       act.reason, NULL, &version, &event, &error);
    }
    moved(client, status, &error, version, event);
    act_finish(&act);
}
