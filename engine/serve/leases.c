/* SPDX-License-Identifier: MIT */
/* What people do with asks before and after they answer them: control's own acts, over HTTP. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/internal.h"

enum { COUNT_MAX = 3, LEASE_S_MAX = 24 * 3600, SNOOZE_S_MAX = 366 * 24 * 3600 };

/* --- one ask --------------------------------------------------------------------------------- */

static void ended_empty(struct request *request, struct fnd_json end)
{
    if (reply_end(request, end)) {
        request->status = 204;
    }
}

static void ended_until(struct request *request, struct fnd_json end)
{
    if (reply_end(request, end)) {
        fnd_text_append_z(&request->out, "{\"ask\":");
        fnd_text_append_json_z(&request->out, request->match.parts[0]);
        json_member_copy(&request->out, "until", fnd_json_member(end, "until"));
        json_member_copy(&request->out, "fence", fnd_json_member(end, "fence"));
        fnd_text_append_byte(&request->out, '}');
        reply_json(request, 200);
    }
}

static void ended_ask(struct request *request, struct fnd_json end)
{
    if (reply_end(request, end)) {
        ask_reply(request, request->directory, request->number, 200);
    }
}

/* Seconds into milliseconds. False: the refusal is the reply. */
static bool seconds_read(struct request *request, struct fnd_json body, const char *name,
                         double max, int64_t *ms)
{
    struct fnd_json value = fnd_json_member(body, name);
    double seconds = 0;
    *ms = 0;
    if (value.bytes == NULL || fnd_json_type(value) == FND_JSON_NULL) {
        return true;
    }
    if (fnd_json_type(value) != FND_JSON_NUMBER || !fnd_json_number(value, &seconds) ||
        seconds < 1 || seconds > max) {
        reply_problem(request, 422, "bad_member", "\"%s\" is a number from 1 to %.0f", name, max);
        return false;
    }
    *ms = (int64_t)(seconds * 1000);
    return true;
}

/* The beginning of an act on the ask of the path; the body's members are copied. */
static bool begin(struct request *request, const char *op, const char *const *members,
                  struct directory **directory, struct fnd_json *body)
{
    struct fnd_text *act = &request->act.request;
    if (!body_object(request, true, body) ||
        !number_id(request, request->match.parts[0], "ask", directory, &request->number)) {
        return false;
    }
    fnd_text_printf(act, "{\"op\":\"%s\",\"request\":%" PRId64, op, request->number);
    json_text(act, "by", request->caller.name);
    for (; *members != NULL; members++) {
        json_member_copy(act, *members, fnd_json_member(*body, *members));
    }
    return true;
}

static void act(struct request *request, struct directory *directory,
                void (*finish)(struct request *request, struct fnd_json end))
{
    fnd_text_append_byte(&request->act.request, '}');
    request_act(request, directory, finish);
}

static void lease(struct request *request, const char *op, const char *const *members,
                  void (*finish)(struct request *request, struct fnd_json end))
{
    struct directory *directory = NULL;
    struct fnd_json body;
    int64_t ms;
    if (begin(request, op, members, &directory, &body) &&
        seconds_read(request, body, "lease_seconds", LEASE_S_MAX, &ms)) {
        if (ms > 0) {
            fnd_text_printf(&request->act.request, ",\"lease_ms\":%" PRId64, ms);
        }
        act(request, directory, finish);
    }
}

static const char *const none[] = {NULL};
static const char *const fence[] = {"fence", NULL};

void asks_claim(struct request *request)
{
    lease(request, "ask.claim", none, ended_ask);
}

void asks_heartbeat(struct request *request)
{
    lease(request, "ask.heartbeat", fence, ended_until);
}

void asks_draft(struct request *request)
{
    static const char *const members[] = {"fence", "values", "removed", "forget", NULL};
    lease(request, "ask.draft", members, ended_empty);
}

void asks_release(struct request *request)
{
    lease(request, "ask.release", fence, ended_empty);
}

void asks_undo(struct request *request)
{
    struct directory *directory = NULL, *other = NULL;
    struct fnd_json body;
    int64_t event = 0;
    if (!begin(request, "ask.undo", none, &directory, &body)) {
        return;
    }
    char *id = fnd_json_strdup(fnd_json_member(body, "event"));
    if (id == NULL) {
        reply_problem(request, 422, "bad_member", "\"event\" is what the answer's reply named");
    } else if (number_id(request, id, "event", &other, &event)) {
        fnd_text_printf(&request->act.request, ",\"event\":%" PRId64, event);
        act(request, directory, ended_ask);
    }
    free(id);
}

void asks_reopen(struct request *request)
{
    static const char *const members[] = {"reason", "claim", NULL};
    struct directory *directory = NULL;
    struct fnd_json body;
    if (begin(request, "ask.reopen", members, &directory, &body)) {
        act(request, directory, ended_ask);
    }
}

/* RFC 3339 in UTC, as we write it; the fraction may be left out. */
static bool time_read(const char *text, int64_t *us)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    int64_t n[6] = {0};
    size_t part = 0;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] != 'd' ? text[i] != shape[i] : text[i] < '0' || text[i] > '9') {
            return false;
        }
        n[part] = shape[i] == 'd' ? n[part] * 10 + (text[i] - '0') : n[part];
        part += shape[i] != 'd';
    }
    const char *rest = text + sizeof shape - 1;
    rest += *rest == '.' ? 1 + strspn(rest + 1, "0123456789") : 0;
    if (strcmp(rest, "Z") != 0 || n[0] < 1970 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 ||
        n[3] > 23 || n[4] > 59 || n[5] > 60) {
        return false;
    }
    int64_t year = n[0], leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t days = (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 +
                   (year - 1601) / 400 + before[n[1] - 1] + (n[1] > 2 && leap) + n[2] - 1;
    *us = (((days * 24 + n[3]) * 60 + n[4]) * 60 + n[5]) * 1000000;
    return true;
}

void asks_snooze(struct request *request)
{
    const struct fnd_env *env = request->serve->options.env;
    struct directory *directory = NULL;
    struct fnd_json body;
    int64_t ms, until_us = 0;
    if (!begin(request, "ask.snooze", fence, &directory, &body) ||
        !seconds_read(request, body, "seconds", SNOOZE_S_MAX, &ms)) {
        return;
    }
    char *until = fnd_json_strdup(fnd_json_member(body, "until"));
    if (ms > 0) {
        until_us = env->wall_us(env) + ms * 1000;
    }
    if ((until != NULL && !time_read(until, &until_us)) || until_us == 0) {
        reply_problem(request, 422, "bad_member",
                      "say \"seconds\", or \"until\" as 2026-03-01T12:00:00Z");
    } else {
        fnd_text_printf(&request->act.request, ",\"until_us\":%" PRId64, until_us);
        act(request, directory, ended_ask);
    }
    free(until);
}

/* --- the next ones --------------------------------------------------------------------------- */

static void next_ask(struct request *request);

/* Whether a fence and an until stand for each: asks are claimed, and shown as they are now. */
static void next_ended(struct request *request, struct fnd_json end)
{
    if (!reply_end(request, end)) {
        return;
    }
    struct fnd_json asks = fnd_json_member(end, "asks");
    struct fnd_error error = {0};
    if (fnd_json_count(asks) == 0) {
        request->number++;
        next_ask(request); /* the next directory */
        return;
    }
    enum fnd_status status = FND_OK;
    fnd_text_append_z(&request->out, "{\"items\":[");
    for (struct fnd_json_walk walk = fnd_json_walk(asks);
         status == FND_OK && fnd_json_next(&walk);) {
        int64_t number = 0;
        fnd_json_integer(fnd_json_member(walk.value, "request"), &number);
        fnd_text_append_z(&request->out, walk.index > 0 ? "," : "");
        status = ask_append(request, request->directory, number, &error);
    }
    fnd_text_append_z(&request->out, "],\"next\":null}");
    if (status == FND_OK) {
        reply_json(request, 200);
    } else {
        reply_error(request, &error);
    }
}

/* `number` is the index of the directory that is asked. */
static void next_ask(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    struct fnd_text *act_text = &request->act.request;
    struct fnd_json body, count;
    int64_t ms, many = 1;
    if ((size_t)request->number >= serve->directories_count) {
        request->status = 204;
        return;
    }
    if (!body_object(request, true, &body) ||
        !seconds_read(request, body, "lease_seconds", LEASE_S_MAX, &ms)) {
        return;
    }
    count = fnd_json_member(body, "count");
    if (count.bytes != NULL && (fnd_json_type(count) != FND_JSON_NUMBER ||
                                !fnd_json_integer(count, &many) || many < 1 || many > COUNT_MAX)) {
        reply_problem(request, 422, "bad_member", "\"count\" is a number from 1 to 3");
        return;
    }
    struct directory *directory = &serve->directories[request->number];
    fnd_text_clear(act_text);
    fnd_text_clear(&request->act.end);
    fnd_text_printf(act_text, "{\"op\":\"asks.next\",\"count\":%" PRId64, many);
    json_text(act_text, "by", request->caller.name);
    json_member_copy(act_text, "group", fnd_json_member(body, "group"));
    json_member_copy(act_text, "pipeline", fnd_json_member(body, "pipeline"));
    if (ms > 0) {
        fnd_text_printf(act_text, ",\"lease_ms\":%" PRId64, ms);
    }
    fnd_text_append_z(act_text, ",\"exclude\":[");
    bool any = false;
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(body, "exclude"));
         fnd_json_next(&walk);) {
        char *id = fnd_json_strdup(walk.value);
        if (id != NULL && strncmp(id, directory->tag, 8) == 0 && id[8] == '-' &&
            strspn(id + 9, "0123456789") == strlen(id + 9) && id[9] != '\0' && strlen(id) < 28) {
            fnd_text_printf(act_text, "%s%s", any ? "," : "", id + 9);
            any = true;
        }
        free(id);
    }
    fnd_text_append_z(act_text, "]}");
    request_act(request, directory, next_ended);
}

void asks_next(struct request *request)
{
    request->number = 0;
    next_ask(request);
}

void rules_revoke(struct request *request)
{
    struct directory *directory = NULL;
    struct fnd_json body;
    if (!body_object(request, true, &body) ||
        !number_id(request, request->match.parts[0], "rule", &directory, &request->number)) {
        return;
    }
    fnd_text_printf(&request->act.request, "{\"op\":\"rules.revoke\",\"rule\":%" PRId64,
                    request->number);
    json_text(&request->act.request, "by", request->caller.name);
    json_member_copy(&request->act.request, "reason", fnd_json_member(body, "reason"));
    act(request, directory, ended_empty);
}
