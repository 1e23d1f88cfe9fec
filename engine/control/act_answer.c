/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/server.h"

enum { KEY_SIZE_MAX = 256 };

/** An answer on its way through the engine; it outlives its client if that goes away. */
struct pending {
    struct pending *next;
    struct fnd_control *control;
    struct client *client; /* NULL: gone */
    struct fnd_answer answer;
    struct fnd_answered answered;
    char *request; /* what `answer` borrows from */
    char *reason, *by, *via, *key;
};

static void pending_destroy(struct pending *pending)
{
    struct pending **link = &pending->control->pending;
    while (*link != pending) {
        link = &(*link)->next;
    }
    *link = pending->next;
    fnd_answered_finish(&pending->answered);
    free(pending->request);
    free(pending->reason);
    free(pending->by);
    free(pending->via);
    free(pending->key);
    free(pending);
}

void control_pending_forget(struct fnd_control *control, struct client *client)
{
    for (struct pending *p = control->pending; p != NULL; p = p->next) {
        if (p->client == client) {
            p->client = NULL;
        }
    }
}

/* What an answer came to, as members: where it is wrong, or what stands. */
static void append_answered(const struct fnd_answered *answered, enum fnd_status status,
                            struct fnd_text *more)
{
    fnd_text_printf(more,
                    ",\"job\":%" PRId64 ",\"request\":%" PRId64 ",\"event\":%" PRId64
                    ",\"version\":%" PRId32,
                    answered->job, answered->request, answered->event, answered->version);
    if (status == FND_OK) {
        char until[FND_TIME_TEXT_SIZE];
        fnd_time_format(answered->undo_until_us, until);
        fnd_text_printf(
            more, ",\"settled\":%" PRId64 ",\"undo_until_us\":%" PRId64 ",\"undo_until\":\"%s\"",
            answered->settled, answered->undo_until_us, until);
    }
    if (answered->fields.count > 0) {
        fnd_text_append_z(more, ",\"fields\":[");
        for (size_t i = 0; i < answered->fields.count; i++) {
            const struct fnd_flaw *flaw = &answered->fields.list[i];
            fnd_text_append_z(more, i > 0 ? ",{\"pointer\":" : "{\"pointer\":");
            fnd_text_append_json_z(more, flaw->pointer);
            fnd_text_append_z(more, ",\"rule\":");
            fnd_text_append_json_z(more, flaw->keyword);
            fnd_text_append_z(more, ",\"message\":");
            fnd_text_append_json_z(more, flaw->message);
            fnd_text_append_byte(more, '}');
        }
        fnd_text_append_byte(more, ']');
    }
    if (status == FND_CONFLICT && answered->standing.size > 0) {
        fnd_text_append_z(more, ",\"standing\":");
        fnd_text_append(more, answered->standing.bytes, answered->standing.size);
    }
}

static void done(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct pending *pending = context;
    if (pending->client != NULL) {
        struct fnd_text more = {0};
        append_answered(&pending->answered, status, &more);
        control_end(pending->client, status, error, fnd_text_z(&more));
        fnd_text_finish(&more);
    }
    pending_destroy(pending);
}

static bool is_type(struct fnd_json value, enum fnd_json_type type)
{
    return value.bytes == NULL || fnd_json_type(value) == type;
}

static bool flag(struct fnd_json object, const char *name, bool otherwise)
{
    bool value = otherwise;
    fnd_json_boolean(fnd_json_member(object, name), &value);
    return value;
}

/* What an answer says of the desk that it comes from. */
static enum fnd_status read_desk(struct pending *pending, struct fnd_json request,
                                 struct fnd_error *error)
{
    struct fnd_answer *answer = &pending->answer;
    struct fnd_json fence = fnd_json_member(request, "fence");
    struct fnd_json key = fnd_json_member(request, "idempotency_key");
    struct fnd_json scope = fnd_json_member(request, "scope");
    if (fence.bytes != NULL && fnd_json_type(fence) != FND_JSON_NULL &&
        (!fnd_json_integer(fence, &answer->fence) || answer->fence <= 0)) {
        return fnd_error_set(error, FND_INVALID,
                             "the answer's \"fence\" is the number that the claim gave");
    }
    pending->key = fnd_json_strdup(key);
    if ((key.bytes != NULL && fnd_json_type(key) != FND_JSON_NULL && pending->key == NULL) ||
        (pending->key != NULL && strlen(pending->key) > KEY_SIZE_MAX)) {
        return fnd_error_set(error, FND_INVALID,
                             "the answer's \"idempotency_key\" is a text of at most %d bytes",
                             KEY_SIZE_MAX);
    }
    answer->idempotency_key = pending->key;
    answer->twins = fnd_json_text_is(scope, "twins");
    if (scope.bytes != NULL && fnd_json_type(scope) != FND_JSON_NULL && !answer->twins &&
        !fnd_json_text_is(scope, "this")) {
        return fnd_error_set(error, FND_INVALID, "the answer's \"scope\" is \"this\" or \"twins\"");
    }
    return FND_OK;
}

/* Read the request into an answer.  FND_INVALID names the member that is wrong. */
static enum fnd_status read_answer(struct pending *pending, struct fnd_json request,
                                   struct fnd_error *error)
{
    struct fnd_answer *answer = &pending->answer;
    int64_t version = 0;
    double seconds = -1;
    struct fnd_json if_version = fnd_json_member(request, "version");
    if (!fnd_json_integer(fnd_json_member(request, "request"), &answer->request)) {
        return fnd_error_set(error, FND_INVALID, "the answer needs \"request\", a number");
    }
    if (if_version.bytes != NULL &&
        (!fnd_json_integer(if_version, &version) || version < 0 || version > INT32_MAX)) {
        return fnd_error_set(error, FND_INVALID, "the answer's \"version\" is no version number");
    }
    answer->if_version = (int32_t)version;
    answer->values = fnd_json_member(request, "values");
    answer->removed = fnd_json_member(request, "removed");
    answer->overrides = fnd_json_member(request, "overrides");
    if (!is_type(answer->values, FND_JSON_OBJECT) || !is_type(answer->removed, FND_JSON_ARRAY) ||
        !is_type(answer->overrides, FND_JSON_OBJECT)) {
        return fnd_error_set(error, FND_INVALID,
                             "the answer's \"values\" and \"overrides\" are objects, its "
                             "\"removed\" is an array");
    }
    bool accept = flag(request, "accept", false), reject = flag(request, "reject", false);
    bool sets = answer->values.bytes != NULL || answer->removed.bytes != NULL;
    if (accept + reject > 1 || (reject && sets) || (accept && fnd_json_count(answer->values) > 0)) {
        return fnd_error_set(error, FND_INVALID,
                             "an answer sets values, or accepts, or rejects: only one of them");
    }
    if (!accept && !reject && !sets && answer->overrides.bytes == NULL) {
        return fnd_error_set(error, FND_INVALID,
                             "the answer says nothing: give \"values\", \"removed\", "
                             "\"overrides\", \"accept\" or \"reject\"");
    }
    answer->act = accept ? FND_ANSWER_ACCEPT : reject ? FND_ANSWER_REJECT : FND_ANSWER_SET;
    if (answer->values.bytes == NULL) {
        answer->values = (struct fnd_json){.bytes = "{}", .size = 2};
    }
    pending->reason = fnd_json_strdup(fnd_json_member(request, "reason"));
    pending->by = fnd_json_strdup(fnd_json_member(request, "by"));
    if (pending->by == NULL || pending->by[0] == '\0') {
        return fnd_error_set(error, FND_INVALID, "the answer needs \"by\": who gives it");
    }
    answer->reason = pending->reason;
    answer->by = pending->by;
    pending->via = fnd_json_strdup(fnd_json_member(request, "via"));
    answer->via = pending->via;
    answer->seconds_ms = -1;
    if (fnd_json_number(fnd_json_member(request, "seconds"), &seconds) && seconds >= 0 &&
        seconds < 1e9) {
        answer->seconds_ms = (int64_t)(seconds * 1000);
    }
    answer->run = flag(request, "run", true);
    return read_desk(pending, request, error);
}

void control_answer(struct client *client, struct fnd_json request)
{
    struct fnd_control *control = client->control;
    struct pending *pending = fnd_alloc(sizeof *pending);
    pending->control = control;
    pending->client = client;
    pending->next = control->pending;
    control->pending = pending;
    /* The line is the caller's; the engine reads the answer until it calls done(). */
    pending->request = fnd_strndup(request.bytes, request.size);
    struct fnd_json kept = {.bytes = pending->request, .size = request.size};
    struct fnd_error error = {0};
    enum fnd_status status = read_answer(pending, kept, &error);
    if (status != FND_OK) {
        done(pending, status, &error);
        return;
    }
    /* It calls done() in any case, also where it refuses at once. */
    fnd_review_answer_begin(control->engine, &pending->answer, &pending->answered, done, pending);
}
