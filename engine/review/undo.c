/* SPDX-License-Identifier: MIT */
/* Taking an answer back: by whoever gave it, for a moment; by anybody with a reason, later; by the
 * end of the rule that gave it. The record stays and is marked; the request is open again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/desk_internal.h"

struct undoing {
    struct fnd_operation operation;
    struct fnd_desk *desk; /* NULL: gone */
    struct undoing *next;
    int64_t request, event; /* event: the answer that the caller means, 0 for the one that stands */
    enum fnd_undo how;
    char *by, *reason;
    struct fnd_undone undone;
    void (*done)(void *context, const struct fnd_undone *undone, enum fnd_status status,
                 const struct fnd_error *error);
    void *context;
};

static const char *const hows[] = {"undo", "reopen", "revoke"};

static enum fnd_status cannot(struct fnd_error *error, const char *code, int64_t request,
                              const char *why)
{
    fnd_error_set(error, FND_CONFLICT, "the answer to request %" PRId64 " cannot be taken back: %s",
                  request, why);
    fnd_error_code(error, code);
    return FND_CONFLICT;
}

/* For an undo: it is the caller's own, and the moment is not over. */
static enum fnd_status own_and_fresh(const struct undoing *undoing,
                                     const struct fnd_event_row *answer, struct fnd_json record,
                                     struct fnd_json asked, struct fnd_error *error)
{
    const int64_t window_ms = fnd_asked_ms(asked, "undo_ms", FND_UNDO_MS);
    if (undoing->how != FND_UNDO_OWN) {
        return FND_OK;
    }
    if (!fnd_json_text_is(fnd_json_member(record, "by"), undoing->by)) {
        return cannot(error, "not_yours", undoing->request,
                      "somebody else gave it; `ask reopen` with a reason is for that");
    }
    if (fnd_desk_now_us(undoing->desk) > answer->at_us + window_ms * 1000) {
        return cannot(error, "undo_over", undoing->request,
                      "the moment for that is over; use `ask reopen`");
    }
    return FND_OK;
}

/* What happened behind the answer: nothing that cannot be repeated, nothing that went back further.
 */
static enum fnd_status can_go_back(const struct undoing *undoing, const struct fnd_step_row *step,
                                   const struct fnd_request_row *request, struct fnd_json asked,
                                   const struct fnd_pipeline *pipeline, struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(undoing->desk->engine);
    const bool again = fnd_json_text_is(fnd_json_member(asked, "origin"), "phase");
    struct fnd_event_row row = {.prev = step->event};
    while (row.prev > request->closed) {
        enum fnd_status status = fnd_event_get(reader, row.prev, &row, error);
        if (status != FND_OK) {
            return status;
        }
        if (row.kind == FND_EVENT_UPGRADE ||
            ((row.kind == FND_EVENT_REOPEN || row.kind == FND_EVENT_UNDO) &&
             row.after.phase <= request->phase)) {
            return cannot(error, "moved_past", undoing->request,
                          "its job was run again from there or from before, since");
        }
        const bool behind = row.phase > request->phase || (again && row.phase == request->phase);
        if (behind && (size_t)row.phase < pipeline->phases_count &&
            !pipeline->phases[row.phase].repeatable &&
            (row.kind == FND_EVENT_START || row.kind == FND_EVENT_OUTPUT)) {
            return cannot(error, "moved_past", undoing->request,
                          "the job has begun a phase since that must not be repeated");
        }
    }
    return FND_OK;
}

static char *undo_body(const struct undoing *undoing, int64_t answer)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"answer\":%" PRId64 ",\"how\":\"%s\",\"by\":", answer,
                    hows[undoing->how]);
    fnd_text_append_json_z(&body, undoing->by);
    if (undoing->reason != NULL) {
        fnd_text_append_z(&body, ",\"reason\":");
        fnd_text_append_json_z(&body, undoing->reason);
    }
    fnd_text_append_byte(&body, '}');
    return fnd_text_take(&body);
}

static enum fnd_status stands(const struct undoing *undoing, const struct fnd_request_row *request,
                              const struct fnd_step_row *step, struct fnd_json asked,
                              struct fnd_error *error)
{
    if (request->state != FND_REQUEST_ANSWERED) {
        return cannot(error, "not_answered", undoing->request,
                      request->state == FND_REQUEST_OPEN ? "it has none" : "it was withdrawn");
    }
    if (undoing->event != 0 && undoing->event != request->closed) {
        return cannot(error, "stale_answer", undoing->request, "another one stands by now");
    }
    if (step->stand.state == FND_CANCELLED) {
        return cannot(error, "cancelled", undoing->request,
                      "its job was cancelled; `retry` the job first");
    }
    if (fnd_json_text_is(fnd_json_member(asked, "origin"), "engine")) {
        return cannot(error, "moved_past", undoing->request,
                      "it decided about a phase that must not be repeated");
    }
    return FND_OK;
}

static enum fnd_status undo_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                  const struct fnd_step_row *step, struct fnd_error *error)
{
    (void)visit;
    struct undoing *undoing = operation->context;
    if (undoing->desk == NULL) {
        return fnd_error_set(error, FND_INTERRUPTED, "the engine stops");
    }
    struct fnd_reader *reader = fnd_engine_reader(undoing->desk->engine);
    struct fnd_request_row request;
    struct fnd_event_row answer = {0};
    struct fnd_text asked_text = {0}, record_text = {0};
    const struct fnd_pipeline *pipeline = NULL;
    enum fnd_status status = fnd_request_get(reader, undoing->request, &request, error);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, request.id, &asked_text, NULL, error);
    }
    struct fnd_json asked = {asked_text.bytes, asked_text.size};
    if (status == FND_OK) {
        status = stands(undoing, &request, step, asked, error);
    }
    if (status == FND_OK) {
        status = fnd_event_get(reader, request.closed, &answer, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, request.closed, &record_text, NULL, error);
    }
    struct fnd_json record = {record_text.bytes, record_text.size};
    if (status == FND_OK) {
        status = own_and_fresh(undoing, &answer, record, asked, error);
    }
    if (status == FND_OK) {
        status = fnd_engine_pipeline(undoing->desk->engine, step->pin, &pipeline, error);
    }
    if (status == FND_OK) {
        status = can_go_back(undoing, step, &request, asked, pipeline, error);
    }
    if (status == FND_OK) {
        struct fnd_event *event = fnd_write_add(operation->write, FND_EVENT_UNDO,
                                                undo_body(undoing, request.closed), NULL);
        event->ref = request.id;
        event->phase = request.phase;
        event->attempt = answer.attempt;
        event->after = (struct fnd_stand){FND_PAUSED, request.phase, answer.attempt, 0, 0};
        undoing->undone =
            (struct fnd_undone){step->job, request.id, 0, request.closed, request.version + 1};
    }
    fnd_text_finish(&asked_text);
    fnd_text_finish(&record_text);
    return status;
}

static void undo_done(struct fnd_operation *operation, enum fnd_status status,
                      const struct fnd_error *error)
{
    struct undoing *undoing = operation->context;
    if (status == FND_OK) {
        undoing->undone.event = operation->write->first;
    }
    if (undoing->desk != NULL) {
        struct undoing **link = &undoing->desk->undoings;
        while (*link != undoing) {
            link = &(*link)->next;
        }
        *link = undoing->next;
    }
    if (undoing->done != NULL) {
        undoing->done(undoing->context, &undoing->undone, status, error);
    }
    free(undoing->by);
    free(undoing->reason);
    free(undoing);
}

void fnd_undo_forget(struct fnd_desk *desk)
{
    for (struct undoing *undoing = desk->undoings; undoing != NULL; undoing = undoing->next) {
        undoing->desk = NULL;
        undoing->done = NULL;
    }
}

void fnd_desk_undo_begin(struct fnd_desk *desk, const struct fnd_undo_order *order,
                         void (*done)(void *context, const struct fnd_undone *undone,
                                      enum fnd_status status, const struct fnd_error *error),
                         void *context)
{
    struct fnd_error error = {0};
    struct fnd_request_row request = {0};
    struct fnd_undone none = {.request = order->request};
    enum fnd_status status = fnd_desk_who(order->by, &error);
    if (status == FND_OK && order->how == FND_UNDO_REOPEN &&
        (order->reason == NULL || order->reason[0] == '\0')) {
        status =
            fnd_error_set(&error, FND_INVALID,
                          "an answer is reopened with a reason, which is kept; give \"reason\"");
    }
    if (status == FND_OK) {
        status = fnd_request_get(fnd_engine_reader(desk->engine), order->request, &request, &error);
    }
    if (status != FND_OK) {
        if (done != NULL) {
            done(context, &none, status, &error);
        }
        return;
    }
    struct undoing *undoing = fnd_alloc(sizeof *undoing);
    undoing->desk = desk;
    undoing->next = desk->undoings;
    desk->undoings = undoing;
    undoing->request = order->request;
    undoing->event = order->event;
    undoing->how = order->how;
    undoing->by = fnd_strdup(order->by);
    undoing->reason = order->reason != NULL ? fnd_strdup(order->reason) : NULL;
    undoing->done = done;
    undoing->context = context;
    undoing->operation.step = request.step;
    undoing->operation.begin = undo_begin;
    undoing->operation.done = undo_done;
    undoing->operation.context = undoing;
    fnd_engine_interrupt(desk->engine, request.step, request.phase);
    fnd_engine_operate(desk->engine, &undoing->operation);
}
