/* SPDX-License-Identifier: MIT */
/* Answers in: exactly one wins; the others see what stands. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash_point.h"
#include "review/desk_internal.h"

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

/** An answer that came before under the same key, taken back or not: asked twice, it is one.
 *  Searched from the step's last event back to the question. */
static enum fnd_status repeated(struct fnd_answering *answering, const struct fnd_step_row *step,
                                struct fnd_error *error)
{
    struct fnd_reader *reader = fnd_engine_reader(answering->engine);
    const char *key = answering->answer->idempotency_key;
    struct fnd_event_row row = {.prev = step->event};
    enum fnd_status status = FND_OK;
    while (key != NULL && status == FND_OK && row.prev > answering->request.id &&
           answering->repeated == 0) {
        status = fnd_event_get(reader, row.prev, &row, error);
        if (status != FND_OK || row.kind != FND_EVENT_ANSWER || row.ref != answering->request.id) {
            continue;
        }
        struct fnd_text body = {0};
        status = fnd_payload_get(reader, row.id, &body, NULL, error);
        struct fnd_json record = {body.bytes, body.size};
        if (status == FND_OK && fnd_json_text_is(fnd_json_member(record, "idempotency_key"), key)) {
            int64_t version = answering->request.version - 1;
            fnd_json_integer(fnd_json_member(record, "version"), &version);
            answering->repeated = row.id;
            answering->answered->version = (int32_t)(version + 1);
        }
        fnd_text_finish(&body);
    }
    return status;
}

/** Another person took the request meanwhile: what was to be said is kept as a draft, and the
 *  caller sees who has it. */
static enum fnd_status lease_lost(struct fnd_answering *answering, const struct fnd_ask_row *row,
                                  struct fnd_error *error)
{
    const struct fnd_answer *answer = answering->answer;
    struct fnd_text *standing = &answering->answered->standing;
    char until[FND_TIME_TEXT_SIZE];
    struct fnd_error unkept = {0};
    if (answer->act == FND_ANSWER_SET &&
        fnd_draft_keep(answering->engine, row->request.id, answer->by, answer->values,
                       answer->removed, (struct fnd_json){"[]", 2}, &unkept) != FND_OK) {
        fnd_text_clear(standing); /* it could not be kept; the caller still has it */
    }
    struct fnd_text draft = {0};
    fnd_time_format(row->until_us, until);
    fnd_text_clear(standing);
    fnd_text_printf(standing,
                    "{\"request\":%" PRId64 ",\"version\":%" PRId32
                    ",\"state\":\"open\",\"lease\":{\"by\":",
                    row->request.id, row->request.version);
    fnd_text_append_json_z(standing, row->holder[0] != '\0' ? row->holder : NULL);
    fnd_text_printf(standing, ",\"until\":\"%s\",\"fence\":%" PRId64 "}", until, row->fence);
    if (fnd_draft_get(fnd_engine_reader(answering->engine), row->request.id, answer->by, NULL,
                      &draft, NULL) == FND_OK) {
        fnd_text_append_z(standing, ",\"draft\":");
        fnd_text_append(standing, draft.bytes, draft.size);
    }
    fnd_text_append_byte(standing, '}');
    fnd_text_finish(&draft);
    fnd_error_set(error, FND_CONFLICT,
                  "the lease on request %" PRId64 " was lost: %s took it meanwhile; the answer is "
                  "kept as a draft",
                  row->request.id, row->holder[0] != '\0' ? row->holder : "somebody");
    fnd_error_code(error, "lease_lost");
    return FND_CONFLICT;
}

/** Whether this person may answer it now. A claim that has lapsed and that nobody took still may.
 */
static enum fnd_status fence_check(struct fnd_answering *answering, const struct fnd_ask_row *row,
                                   struct fnd_error *error)
{
    const struct fnd_env *env = fnd_store_env(fnd_engine_store(answering->engine));
    const struct fnd_answer *answer = answering->answer;
    if (answer->source != FND_SOURCE_PERSON) {
        return FND_OK;
    }
    if (answer->fence != 0 && answer->fence != row->fence) {
        return lease_lost(answering, row, error);
    }
    if (answer->fence == 0 && fnd_ask_held(row, env->wall_us(env)) &&
        strcmp(row->holder, answer->by) != 0) {
        return fnd_ask_leased(row, error);
    }
    /* A claim between this look and the write wins. */
    answering->operation.write->fence = row->fence > 0 ? row->fence : FND_FENCE_UNCLAIMED;
    return FND_OK;
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
    fnd_text_clear(&answering->twins);
    fnd_flaws_finish(&answering->answered->fields);
    memset(&answering->answered->fields, 0, sizeof answering->answered->fields);
    struct fnd_ask_row row;
    enum fnd_status status = fnd_ask_get(reader, answering->answer->request, &row, error);
    if (status != FND_OK) {
        return status;
    }
    answering->request = row.request;
    answering->answered->version = answering->request.version;
    answering->answered->job = step->job;
    status = repeated(answering, step, error);
    if (status != FND_OK || answering->repeated > 0) {
        return status != FND_OK ? status
                                : fnd_error_set(error, FND_CONFLICT, "it was answered before");
    }
    if (answering->request.state != FND_REQUEST_OPEN ||
        (answering->answer->if_version != 0 &&
         answering->answer->if_version != answering->request.version)) {
        return conflict(answering, error);
    }
    status = fence_check(answering, &row, error);
    if (status != FND_OK) {
        return status;
    }
    answering->asked_us = row.asked_us;
    status = fnd_payload_get(reader, answering->request.id, &answering->asked, NULL, error);
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
    fnd_text_finish(&answering->twins);
    free(answering);
}

/** What holds behind an answer that was taken: until when it may be taken back, and for how many
 *  others it holds. */
static void outcome_tell(struct fnd_answering *answering, int64_t at_us)
{
    struct fnd_reader *reader = fnd_engine_reader(answering->engine);
    struct fnd_json asked = {answering->asked.bytes, answering->asked.size};
    struct fnd_answered *answered = answering->answered;
    const int64_t undo_ms =
        asked.size > 0 ? fnd_asked_ms(asked, "undo_ms", FND_UNDO_MS) : FND_UNDO_MS;
    answered->undo_until_us = at_us + undo_ms * 1000;
    if (answering->answer->twins) {
        fnd_twins_count(reader, answering->request.id, &answered->settled, NULL);
    }
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
    if (answering->repeated > 0) {
        answered->event = answering->repeated;
        status = FND_OK;
        struct fnd_event_row event = {0};
        if (fnd_event_get(fnd_engine_reader(answering->engine), answered->event, &event, NULL) ==
            FND_OK) {
            outcome_tell(answering, event.at_us);
        }
    } else if (status == FND_OK) {
        FND_CRASH_POINT("review.answer.acknowledged");
        answered->event = operation->write->first;
        answered->version++;
        outcome_tell(answering, operation->write->at_us);
    } else if (status == FND_CONFLICT && answered->standing.size == 0) {
        /* The store was first: somebody's answer landed between the look and the write. */
        struct fnd_ask_row row;
        if (fnd_ask_get(fnd_engine_reader(answering->engine), answering->request.id, &row, NULL) ==
            FND_OK) {
            answering->request = row.request;
            if (strcmp(found.code, "lease_lost") == 0) {
                lease_lost(answering, &row, &found);
            } else if (strcmp(found.code, "leased") != 0) {
                conflict(answering, &found);
            }
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
    fnd_engine_hold(engine); /* the operation goes on in it as far as it only reads */
    enum fnd_status status =
        fnd_request_get(fnd_engine_reader(engine), answer->request, &request, &error);
    if (status != FND_OK) {
        fnd_engine_rest(engine);
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
    fnd_engine_rest(engine); /* where it only waits its turn */
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
