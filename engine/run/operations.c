/* SPDX-License-Identifier: MIT */
/* Ready-made operations: cancel and retry. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

struct act {
    struct fnd_operation operation;
    struct fnd_engine *engine;
    const char *by, *reason;
    const char *phase; /* id, or NULL */
};

static char *act_body(const struct act *act)
{
    struct fnd_text body = {0};
    fnd_text_append_z(&body, "{\"by\":");
    fnd_text_append_json_z(&body, act->by);
    fnd_text_append_z(&body, ",\"reason\":");
    fnd_text_append_json_z(&body, act->reason);
    fnd_text_append_byte(&body, '}');
    return fnd_text_take(&body);
}

static void act_done(struct fnd_operation *operation, enum fnd_status status,
                     const struct fnd_error *error)
{
    (void)operation;
    (void)status;
    (void)error;
}

static struct fnd_event *act_event(struct act *act, struct fnd_operation *operation,
                                   const struct fnd_step_row *step, enum fnd_event_kind kind)
{
    struct fnd_event *event = fnd_write_add(operation->write, kind, act_body(act), NULL);
    event->phase = step->stand.phase;
    event->attempt = step->stand.attempt;
    event->after = step->stand;
    event->after.due_us = 0;
    return event;
}

static enum fnd_status cancel_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                    const struct fnd_step_row *step, struct fnd_error *error)
{
    (void)visit;
    struct act *act = operation->context;
    if (step->stand.state > FND_PAUSED) {
        return fnd_error_set(error, FND_CONFLICT,
                             "job %" PRId64 " is %s; only a job that has not ended can be "
                             "cancelled",
                             step->job, fnd_state_name(step->stand.state));
    }
    act_event(act, operation, step, FND_EVENT_CANCEL)->after.state = FND_CANCELLED;
    return FND_OK;
}

static void visit_stop(struct fnd_task *task)
{
    if (task->state != FND_TASK_VISITING || task->operation != NULL) {
        return;
    }
    task->interrupted = true;
    for (size_t i = 0; i < task->visit.calls_count; i++) {
        fnd_pool_cancel(task->engine->pool, task->visit.calls[i]);
    }
}

void fnd_engine_interrupt(struct fnd_engine *engine, int64_t step, int32_t phase)
{
    struct fnd_task *task = fnd_task_find(engine, step);
    if (task != NULL && task->row.stand.phase > phase && fnd_task_phase(task) != NULL &&
        fnd_task_phase(task)->repeatable) {
        visit_stop(task);
    }
}

enum fnd_status fnd_engine_cancel(struct fnd_engine *engine, int64_t job, const char *by,
                                  const char *reason, struct fnd_error *error)
{
    struct act act = {.engine = engine, .by = by, .reason = reason};
    act.operation.step = job;
    act.operation.begin = cancel_begin;
    act.operation.done = act_done;
    act.operation.context = &act;
    struct fnd_task *task = fnd_task_find(engine, job);
    if (task != NULL) {
        visit_stop(task);
    }
    return fnd_engine_operate_wait(engine, &act.operation, error);
}

static enum fnd_status retry_phase(struct act *act, const struct fnd_step_row *step,
                                   const struct fnd_pipeline *pipeline, size_t *phase,
                                   struct fnd_error *error)
{
    *phase = (size_t)step->stand.phase;
    if (act->phase != NULL) {
        const struct fnd_phase *named = fnd_pipeline_phase(pipeline, act->phase);
        if (named == NULL) {
            return fnd_error_set(error, FND_NOT_FOUND, "pipeline %s has no phase %s to retry from",
                                 pipeline->name, act->phase);
        }
        if (named->index > *phase) {
            return fnd_error_set(error, FND_INVALID,
                                 "job %" PRId64 " has not come to phase %s; it stopped at %s",
                                 step->job, act->phase, pipeline->phases[*phase].id);
        }
        *phase = named->index;
    }
    return FND_OK;
}

static enum fnd_status retry_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                   const struct fnd_step_row *step, struct fnd_error *error)
{
    (void)visit;
    struct act *act = operation->context;
    const struct fnd_pipeline *pipeline = NULL;
    size_t phase = 0;
    enum fnd_state state = step->stand.state;
    bool ended = state == FND_FAILED || state == FND_CANCELLED ||
                 (state == FND_COMPLETED && act->phase != NULL);
    if (!ended) {
        return fnd_error_set(
            error, FND_CONFLICT, "job %" PRId64 " is %s; %s", step->job, fnd_state_name(state),
            state == FND_COMPLETED ? "name a phase to run it again from (--phase ID)"
                                   : "only a failed or cancelled job can be retried");
    }
    enum fnd_status status = fnd_engine_pipeline(act->engine, step->pin, &pipeline, error);
    if (status == FND_OK) {
        status = retry_phase(act, step, pipeline, &phase, error);
    }
    if (status != FND_OK) {
        return status;
    }
    struct fnd_event *event = act_event(act, operation, step, FND_EVENT_REOPEN);
    event->after = fnd_engine_stand(act->engine, pipeline, phase, operation->run);
    return FND_OK;
}

enum fnd_status fnd_engine_retry(struct fnd_engine *engine, int64_t job, const char *phase,
                                 bool run, const char *by, struct fnd_error *error)
{
    struct act act = {.engine = engine, .by = by, .phase = phase};
    act.operation.step = job;
    act.operation.begin = retry_begin;
    act.operation.done = act_done;
    act.operation.run = run;
    act.operation.context = &act;
    return fnd_engine_operate_wait(engine, &act.operation, error);
}
