/* SPDX-License-Identifier: MIT */
/* What people do with requests before they answer them. Each act is on disk when its end is sent.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/server.h"

enum { EXCLUDE_MAX = 256 };

/* The members that these requests share. */
struct desk_act {
    int64_t request, fence, lease_ms;
    char *by;
};

static void act_finish(struct desk_act *act)
{
    free(act->by);
}

/* Numbers that may be absent but not be something else. */
static bool number_or(struct fnd_json request, const char *name, int64_t *number)
{
    struct fnd_json value = fnd_json_member(request, name);
    return value.bytes == NULL || fnd_json_type(value) == FND_JSON_NULL ||
           (fnd_json_type(value) == FND_JSON_NUMBER && fnd_json_integer(value, number) &&
            *number >= 0);
}

static enum fnd_status act_read(struct fnd_json request, const char *op, bool numbered, bool fenced,
                                struct desk_act *act, struct fnd_error *error)
{
    memset(act, 0, sizeof *act);
    act->by = fnd_json_strdup(fnd_json_member(request, "by"));
    if (act->by == NULL || !number_or(request, "request", &act->request) ||
        !number_or(request, "fence", &act->fence) ||
        !number_or(request, "lease_ms", &act->lease_ms) || (numbered && act->request == 0) ||
        (fenced && act->fence == 0)) {
        return fnd_error_set(error, FND_INVALID, "%s needs \"by\" (a text)%s%s", op,
                             numbered ? ", \"request\" (a number)" : "",
                             fenced ? ", \"fence\" (the number that the claim gave)" : "");
    }
    return FND_OK;
}

static void claim_append(const struct fnd_claim *claim, struct fnd_text *text)
{
    char until[FND_TIME_TEXT_SIZE];
    fnd_time_format(claim->until_us, until);
    fnd_text_printf(text,
                    "\"request\":%" PRId64 ",\"fence\":%" PRId64 ",\"until_us\":%" PRId64
                    ",\"until\":\"%s\"",
                    claim->request, claim->fence, claim->until_us, until);
}

/* {"exclude":[…]} into numbers. */
static enum fnd_status read_exclude(struct fnd_json list, int64_t numbers[EXCLUDE_MAX],
                                    size_t *count, struct fnd_error *error)
{
    for (struct fnd_json_walk walk = fnd_json_walk(list);
         list.bytes != NULL && fnd_json_next(&walk);) {
        if (*count == EXCLUDE_MAX || !fnd_json_integer(walk.value, &numbers[(*count)++])) {
            return fnd_error_set(error, FND_INVALID, "\"exclude\" is a list of at most %d requests",
                                 EXCLUDE_MAX);
        }
    }
    return FND_OK;
}

void control_asks_next(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct desk_act act;
    int64_t exclude[EXCLUDE_MAX], count = 1;
    struct fnd_claim claims[FND_CLAIMS_MAX];
    size_t claimed = 0;
    char *group = fnd_json_strdup(fnd_json_member(request, "group"));
    char *pipeline = fnd_json_strdup(fnd_json_member(request, "pipeline"));
    struct fnd_desk_wish wish = {.group = group, .pipeline = pipeline, .exclude = exclude};
    enum fnd_status status = act_read(request, "asks.next", false, false, &act, &error);
    if (status == FND_OK) {
        status =
            read_exclude(fnd_json_member(request, "exclude"), exclude, &wish.exclude_count, &error);
    }
    if (status == FND_OK && !number_or(request, "count", &count)) {
        status = fnd_error_set(&error, FND_INVALID, "\"count\" is a number from 1 to %d",
                               FND_CLAIMS_MAX);
    }
    if (status == FND_OK) {
        wish.by = act.by;
        wish.lease_ms = act.lease_ms;
        wish.count = (size_t)count;
        status = fnd_desk_next(client->control->desk, &wish, claims, &claimed, &error);
    }
    struct fnd_text more = {0};
    fnd_text_append_z(&more, ",\"asks\":[");
    for (size_t i = 0; i < claimed; i++) {
        fnd_text_append_z(&more, i > 0 ? ",{" : "{");
        claim_append(&claims[i], &more);
        fnd_text_append_byte(&more, '}');
    }
    fnd_text_append_byte(&more, ']');
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
    act_finish(&act);
    free(group);
    free(pipeline);
}

void control_ask_claim(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct desk_act act;
    struct fnd_claim claim = {0};
    struct fnd_text more = {0};
    enum fnd_status status = act_read(request, "ask.claim", true, false, &act, &error);
    if (status == FND_OK) {
        status = fnd_desk_claim(client->control->desk, act.request, act.by, act.lease_ms, &claim,
                                &error);
    }
    if (status == FND_OK) {
        fnd_text_append_byte(&more, ',');
        claim_append(&claim, &more);
    } else if (claim.holder[0] != '\0') {
        char until[FND_TIME_TEXT_SIZE];
        fnd_time_format(claim.until_us, until);
        fnd_text_append_z(&more, ",\"holder\":");
        fnd_text_append_json_z(&more, claim.holder);
        fnd_text_printf(&more, ",\"until_us\":%" PRId64 ",\"until\":\"%s\"", claim.until_us, until);
    }
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
    act_finish(&act);
}

void control_ask_heartbeat(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct desk_act act;
    struct fnd_text more = {0};
    struct fnd_claim claim = {0};
    enum fnd_status status = act_read(request, "ask.heartbeat", true, true, &act, &error);
    if (status == FND_OK) {
        claim.request = act.request;
        claim.fence = act.fence;
        status = fnd_desk_heartbeat(client->control->desk, act.request, act.by, act.fence,
                                    act.lease_ms, &claim.until_us, &error);
    }
    if (status == FND_OK) {
        fnd_text_append_byte(&more, ',');
        claim_append(&claim, &more);
    }
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
    act_finish(&act);
}

void control_ask_draft(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct desk_act act;
    struct fnd_json values = fnd_json_member(request, "values");
    struct fnd_json removed = fnd_json_member(request, "removed");
    struct fnd_json forget = fnd_json_member(request, "forget");
    enum fnd_status status = act_read(request, "ask.draft", true, true, &act, &error);
    if (status == FND_OK && ((values.bytes != NULL && fnd_json_type(values) != FND_JSON_OBJECT) ||
                             (removed.bytes != NULL && fnd_json_type(removed) != FND_JSON_ARRAY) ||
                             (forget.bytes != NULL && fnd_json_type(forget) != FND_JSON_ARRAY))) {
        status = fnd_error_set(&error, FND_INVALID,
                               "a draft's \"values\" is an object, its \"removed\" and \"forget\" "
                               "are arrays");
    }
    if (status == FND_OK) {
        status = fnd_desk_draft(client->control->desk, act.request, act.by, act.fence, values,
                                removed, forget, &error);
    }
    control_end(client, status, &error, NULL);
    act_finish(&act);
}

void control_ask_release(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct desk_act act;
    enum fnd_status status = act_read(request, "ask.release", true, true, &act, &error);
    if (status == FND_OK) {
        status = fnd_desk_release(client->control->desk, act.request, act.by, act.fence, &error);
    }
    control_end(client, status, &error, NULL);
    act_finish(&act);
}

void control_ask_snooze(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct desk_act act;
    int64_t until_us = 0;
    enum fnd_status status = act_read(request, "ask.snooze", true, false, &act, &error);
    if (status == FND_OK && (!number_or(request, "until_us", &until_us) || until_us == 0)) {
        status = fnd_error_set(&error, FND_INVALID,
                               "ask.snooze needs \"until_us\", microseconds since 1970");
    }
    if (status == FND_OK) {
        status = fnd_desk_snooze(client->control->desk, act.request, act.by, act.fence, until_us,
                                 &error);
    }
    control_end(client, status, &error, NULL);
    act_finish(&act);
}

/** A request to take an answer back, until that is done; it outlives its client. */
struct undo_wait {
    struct undo_wait *next;
    struct fnd_control *control;
    struct client *client; /* NULL: gone */
    char *claims;          /* who has it once it is open again; NULL: nobody yet */
};

static void undo_wait_free(struct undo_wait *wait)
{
    free(wait->claims);
    free(wait);
}

void control_undo_forget(struct fnd_control *control, struct client *client)
{
    for (struct undo_wait *wait = control->undo_waits; wait != NULL; wait = wait->next) {
        wait->client = wait->client == client ? NULL : wait->client;
    }
}

void control_undo_finish(struct fnd_control *control)
{
    while (control->undo_waits != NULL) {
        struct undo_wait *wait = control->undo_waits;
        control->undo_waits = wait->next;
        undo_wait_free(wait);
    }
}

static void undone(void *context, const struct fnd_undone *undone, enum fnd_status status,
                   const struct fnd_error *error)
{
    struct undo_wait *wait = context;
    struct undo_wait **link = &wait->control->undo_waits;
    while (*link != wait) {
        link = &(*link)->next;
    }
    *link = wait->next;
    /* Before anybody else hears that it is open. Where that fails it is open all the same. */
    struct fnd_claim claim = {0};
    const bool claimed = status == FND_OK && wait->claims != NULL &&
                         fnd_desk_claim(wait->control->desk, undone->request, wait->claims, 0,
                                        &claim, NULL) == FND_OK;
    if (wait->client != NULL) {
        struct fnd_text more = {0};
        if (claimed) {
            fnd_text_append_byte(&more, ',');
            claim_append(&claim, &more);
        } else {
            fnd_text_printf(&more, ",\"request\":%" PRId64, undone->request);
        }
        if (status == FND_OK) {
            fnd_text_printf(&more,
                            ",\"job\":%" PRId64 ",\"event\":%" PRId64 ",\"answer\":%" PRId64
                            ",\"version\":%" PRId32,
                            undone->job, undone->event, undone->answer, undone->version);
        }
        control_end(wait->client, status, error, fnd_text_z(&more));
        fnd_text_finish(&more);
    }
    undo_wait_free(wait);
}

static void undo(struct client *client, struct fnd_json request, const char *op, enum fnd_undo how)
{
    struct fnd_error error = {0};
    struct desk_act act;
    char *reason = fnd_json_strdup(fnd_json_member(request, "reason"));
    int64_t event = 0;
    const struct fnd_json claim = fnd_json_member(request, "claim");
    bool claims = false;
    enum fnd_status status = act_read(request, op, true, false, &act, &error);
    if (status == FND_OK && claim.bytes != NULL && !fnd_json_boolean(claim, &claims)) {
        status = fnd_error_set(&error, FND_INVALID, "\"claim\" is true or false");
    }
    if (status == FND_OK &&
        (!number_or(request, "event", &event) || (how == FND_UNDO_OWN && event == 0))) {
        status = fnd_error_set(&error, FND_INVALID,
                               "%s needs \"event\": the number of the answer that is meant", op);
    }
    if (status != FND_OK) {
        control_end(client, status, &error, NULL);
    } else {
        struct undo_wait *wait = fnd_alloc(sizeof *wait);
        wait->control = client->control;
        wait->client = client;
        wait->claims = claims ? fnd_strdup(act.by) : NULL;
        wait->next = client->control->undo_waits;
        client->control->undo_waits = wait;
        const struct fnd_undo_order order = {act.request, event, how, act.by, reason};
        fnd_desk_undo_begin(client->control->desk, &order, undone, wait);
    }
    act_finish(&act);
    free(reason);
}

void control_ask_undo(struct client *client, struct fnd_json request)
{
    undo(client, request, "ask.undo", FND_UNDO_OWN);
}

void control_ask_reopen(struct client *client, struct fnd_json request)
{
    undo(client, request, "ask.reopen", FND_UNDO_REOPEN);
}

void control_rules_revoke(struct client *client, struct fnd_json request)
{
    struct fnd_error error = {0};
    struct fnd_text more = {0};
    char *by = fnd_json_strdup(fnd_json_member(request, "by"));
    char *reason = fnd_json_strdup(fnd_json_member(request, "reason"));
    int64_t rule = 0, settled = 0;
    enum fnd_status status;
    if (by == NULL || !number_or(request, "rule", &rule) || rule == 0) {
        status = fnd_error_set(&error, FND_INVALID,
                               "rules.revoke needs \"rule\" (a number) and \"by\" (a text)");
    } else {
        status = fnd_desk_revoke(client->control->desk, rule, by, reason, &settled, &error);
    }
    if (status == FND_OK) {
        fnd_text_printf(&more, ",\"rule\":%" PRId64 ",\"settled\":%" PRId64, rule, settled);
    }
    control_end(client, status, &error, fnd_text_z(&more));
    fnd_text_finish(&more);
    free(by);
    free(reason);
}
