/* SPDX-License-Identifier: MIT */
/* Answers in: exactly one wins; the others see what stands. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

void fnd_answered_finish(struct fnd_answered *answered)
{
    fnd_flaws_finish(&answered->fields);
    fnd_text_finish(&answered->standing);
}

/** What stands where an answer came too late: the event that closed the request, by whom, and what
 *  it said. */
static enum fnd_status conflict(struct fnd_answering *answering, struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(answering->engine);
    const struct fnd_request_row *request = &answering->request;
    struct fnd_text *standing = &answering->answered->standing;
    struct fnd_text body = {0};
    struct fnd_event_row event = {0};
    char *by = NULL;
    fnd_text_clear(standing);
    fnd_text_printf(standing, "{\"request\":%" PRId64 ",\"version\":%" PRId32 ",\"state\":\"%s\"",
                    request->id, request->version,
                    request->state == FND_REQUEST_OPEN       ? "open"
                    : request->state == FND_REQUEST_ANSWERED ? "answered"
                                                             : "withdrawn");
    if (request->closed > 0 && fnd_event_get(reader, request->closed, &event, NULL) == FND_OK &&
        fnd_payload_get(reader, request->closed, &body, NULL, NULL) == FND_OK) {
        struct fnd_json record = {body.bytes, body.size};
        char at[FND_TIME_TEXT_SIZE];
        fnd_time_format(event.at_us, at);
        by = fnd_json_strdup(fnd_json_member(record, "by"));
        fnd_text_printf(standing, ",\"at\":\"%s\",\"answer\":", at);
        fnd_text_append(standing, body.bytes, body.size);
    }
    fnd_text_append_byte(standing, '}');
    fnd_text_finish(&body);
    enum fnd_status status;
    if (request->state == FND_REQUEST_OPEN) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "request %" PRId64 " stands at version %" PRId32 ", not %" PRId32
                               "; look at it again",
                               request->id, request->version, answering->answer->if_version);
    } else if (request->state == FND_REQUEST_ANSWERED) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "request %" PRId64 " was answered%s%s already; that answer stands",
                               request->id, by != NULL ? " by " : "", by != NULL ? by : "");
    } else {
        status = fnd_error_set(error, FND_CONFLICT,
                               "request %" PRId64 " was withdrawn: its job was cancelled, replaced "
                               "or taken back",
                               request->id);
    }
    fnd_error_code(error, "conflict");
    free(by);
    return status;
}

static enum fnd_status answer_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                    const struct fnd_step_row *step, struct fnd_error *error)
{
    struct fnd_answering *answering = operation->context;
    struct fnd_reader *reader = fnd_engine_reader(answering->engine);
    /* It may begin a second time, when a worker died under another call. */
    fnd_text_clear(&answering->asked);
    fnd_text_clear(&answering->patched);
    fnd_text_clear(&answering->marks);
    fnd_flaws_finish(&answering->answered->fields);
    memset(&answering->answered->fields, 0, sizeof answering->answered->fields);
    enum fnd_status status =
        fnd_request_get(reader, answering->answer->request, &answering->request, error);
    if (status != FND_OK) {
        return status;
    }
    answering->answered->version = answering->request.version;
    answering->answered->job = step->job;
    if (answering->request.state != FND_REQUEST_OPEN ||
        (answering->answer->if_version != 0 &&
         answering->answer->if_version != answering->request.version)) {
        return conflict(answering, error);
    }
    struct fnd_event_row asked = {0};
    status = fnd_event_get(reader, answering->request.id, &asked, error);
    answering->asked_us = asked.at_us;
    if (status == FND_OK) {
        status = fnd_payload_get(reader, answering->request.id, &answering->asked, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_engine_pipeline(answering->engine, step->pin, &answering->pipeline, error);
    }
    if (status != FND_OK) {
        return status;
    }
    answering->phase = &answering->pipeline->phases[step->stand.phase];
    struct fnd_json body = {answering->asked.bytes, answering->asked.size};
    struct fnd_json origin = fnd_json_member(body, "origin");
    if (fnd_json_text_is(origin, "gate")) {
        if (visit->phase == NULL) {
            return fnd_error_set(error, FND_CONFLICT,
                                 "request %" PRId64 " has no phase that "
                                 "waits for it; run verify",
                                 answering->request.id);
        }
        return fnd_gate_begin(answering, visit, step, error);
    }
    return fnd_phase_answer(answering, step, fnd_json_text_is(origin, "engine"), error);
}

static enum fnd_status answer_finish(struct fnd_operation *operation, struct fnd_visit *visit,
                                     struct fnd_error *error)
{
    return fnd_gate_finish(operation->context, visit, error);
}

static void answering_free(struct fnd_answering *answering)
{
    fnd_text_finish(&answering->asked);
    fnd_text_finish(&answering->patched);
    fnd_text_finish(&answering->marks);
    free(answering);
}

static void answer_done(struct fnd_operation *operation, enum fnd_status status,
                        const struct fnd_error *error)
{
    struct fnd_answering *answering = operation->context;
    struct fnd_answered *answered = answering->answered;
    struct fnd_error found = {0};
    if (error != NULL) {
        found = *error;
    }
    answered->request = answering->answer->request;
    if (status == FND_OK) {
        answered->event = operation->write->first;
        answered->version++;
    } else if (status == FND_CONFLICT && answered->standing.size == 0) {
        /* The store was first: somebody's answer landed between the look and the write. */
        if (fnd_request_get(fnd_engine_reader(answering->engine), answering->request.id,
                            &answering->request, NULL) == FND_OK) {
            conflict(answering, &found);
        }
    }
    answering->done(answering->context, status, &found);
    answering_free(answering);
}

enum fnd_status fnd_review_answer_begin(struct fnd_engine *engine, const struct fnd_answer *answer,
                                        struct fnd_answered *answered,
                                        void (*done)(void *context, enum fnd_status status,
                                                     const struct fnd_error *error),
                                        void *context)
{
    struct fnd_request_row request;
    struct fnd_error error = {0};
    enum fnd_status status =
        fnd_request_get(fnd_engine_reader(engine), answer->request, &request, &error);
    if (status != FND_OK) {
        answered->request = answer->request;
        done(context, status, &error);
        return status;
    }
    struct fnd_answering *answering = fnd_alloc(sizeof *answering);
    answering->engine = engine;
    answering->answer = answer;
    answering->answered = answered;
    answering->done = done;
    answering->context = context;
    answering->request = request;
    answering->operation.step = request.step;
    answering->operation.begin = answer_begin;
    answering->operation.finish = answer_finish;
    answering->operation.done = answer_done;
    answering->operation.run = answer->run;
    answering->operation.context = answering;
    fnd_engine_operate(engine, &answering->operation);
    return FND_OK;
}

struct answer_wait {
    enum fnd_status status;
    struct fnd_error *error;
    bool ended;
};

static void wait_done(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct answer_wait *wait = context;
    wait->status = status;
    wait->ended = true;
    if (status != FND_OK && wait->error != NULL && error != NULL) {
        *wait->error = *error;
    }
}

enum fnd_status fnd_review_answer(struct fnd_engine *engine, const struct fnd_answer *answer,
                                  struct fnd_answered *answered, struct fnd_error *error)
{
    struct answer_wait wait = {.error = error};
    fnd_review_answer_begin(engine, answer, answered, wait_done, &wait);
    if (!wait.ended) {
        fnd_engine_wait(engine, &wait.ended);
    }
    return wait.status;
}
