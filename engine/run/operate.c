/* SPDX-License-Identifier: MIT */
/* Operations: acts of people, one after another on their step, never beside a visit of it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

enum { TRIES_MAX = 3 }; /* of an operation whose workers die under it */

static void operation_end(struct fnd_task *task, enum fnd_status status,
                          const struct fnd_error *error)
{
    struct fnd_operation *operation = task->operation;
    task->operation = NULL;
    if (task->calls_left == 0) {
        fnd_visit_clear(task);
    } /* else the pool still has its calls: they go with the task */
    /* done() may free or reuse the operation: nothing of it is touched behind this. */
    operation->done(operation, status, error);
}

/** The task goes on as its stand says, after the last operation. */
static void task_settle(struct fnd_task *task)
{
    struct fnd_engine *engine = task->engine;
    const enum fnd_state state = task->row.stand.state;
    if (task->inherited) {
        /* It was loaded for an act that was refused. What a dead engine began is begun anew with
         * the next attempt, where this engine was told to resume; else it stays as it is. */
        if (engine->resumed && !engine->drained && fnd_resume_wanted(engine, &task->row)) {
            fnd_transition_start(task);
            return;
        }
        engine->flight--;
        fnd_task_drop(task);
        return;
    }
    if (state == FND_RUNNING) {
        fnd_task_ready(task); /* a drain gives it back from there */
        return;
    }
    if (state == FND_QUEUED && fnd_task_goes(task) && !engine->drained) {
        fnd_transition_start(task);
        return;
    }
    if (state == FND_RETRYING && (engine->resumed || task->goes)) {
        fnd_resume_wait(engine, &task->row);
    }
    engine->flight--;
    fnd_task_drop(task);
}

static void operation_write(struct fnd_task *task)
{
    struct fnd_operation *operation = task->operation;
    struct fnd_write *write = operation->write;
    write->owner = task;
    fnd_transition_submit(task, write);
}

/** The first of a batch holds the choice until the others have left by it: no act moves it. */
static enum fnd_status leader_stays(const struct fnd_task *task, struct fnd_error *error)
{
    if (task->row.stand.state != FND_PAUSED || task->row.stand.due_us != FND_DUE_CHOICE) {
        return FND_OK;
    }
    fnd_error_set(error, FND_BUSY,
                  "job %s holds the choice of its batch, which the others need to go on; run the "
                  "pipeline, then try again",
                  task->path);
    fnd_error_code(error, "batch_leaves");
    return FND_BUSY;
}

/** Begin the next waiting operation; with none, let the task go on. */
void fnd_operate_next(struct fnd_task *task)
{
    while (task->operations != NULL) {
        struct fnd_operation *operation = task->operations;
        struct fnd_error error = {0};
        task->operations = operation->next;
        task->operation = operation;
        fnd_visit_clear(task);
        operation->write = fnd_transition_make(task);
        size_t phase = (size_t)task->row.stand.phase;
        enum fnd_status status = FND_OK;
        fnd_engine_hold(task->engine);
        /* Only the engine's own kinds judge answers; what a plugin asked needs no visit, which a
         * missing secret would stand in the way of. */
        if (phase < task->pipeline->phases_count && task->row.stand.state == FND_PAUSED &&
            operation->finish != NULL && task->pipeline->phases[phase].kind->name != NULL) {
            status = fnd_visit_prepare(task, phase, &error);
        }
        if (status == FND_OK) {
            fnd_engine_hold(task->engine); /* again, where the visit needed a rest */
            status = operation->begin(operation, &task->visit, &task->row, &error);
        }
        if (status == FND_OK) { /* what cannot be done at all has said so by now */
            status = leader_stays(task, &error);
        }
        fnd_engine_rest(task->engine);
        if (status == FND_OK && task->visit.calls_count > 0) {
            fnd_visit_calls(task);
            return;
        }
        if (status == FND_OK) {
            operation_write(task);
            return;
        }
        fnd_write_destroy(operation->write);
        operation->write = NULL;
        operation_end(task, status, &error);
    }
    task_settle(task);
}

/** Whether the calls of an operation are worth another try: a worker died under another call, so
 *  that nothing was learned of this one, or under this one, which a person should not have to
 *  repeat by hand for a worker that somebody killed. */
static bool again(struct fnd_task *task)
{
    const struct fnd_visit *visit = &task->visit;
    if (task->engine->stopping) {
        return false;
    }
    return visit->verdict == FND_VISIT_AGAIN ||
           (visit->verdict == FND_VISIT_FAULT && visit->fault == FND_RETRY_CRASH &&
            ++task->operation->crashes < TRIES_MAX);
}

void fnd_operate_calls_ended(struct fnd_task *task)
{
    struct fnd_operation *operation = task->operation;
    struct fnd_error error = {0};
    enum fnd_status status = operation->finish(operation, &task->visit, &error);
    if (status == FND_OK) {
        operation_write(task);
        return;
    }
    fnd_write_destroy(operation->write);
    operation->write = NULL;
    if (again(task)) {
        task->operation = NULL;
        operation->next = task->operations;
        task->operations = operation;
        fnd_operate_next(task);
        return;
    }
    operation_end(task, status, &error);
    fnd_operate_next(task);
}

void fnd_operate_ended(struct fnd_task *task, const struct fnd_write *write)
{
    struct fnd_engine *engine = task->engine;
    struct fnd_error error = {0};
    if (write->error != NULL) {
        error = *write->error;
    }
    if (write->status == FND_OK) {
        const bool run = task->operation->run;
        task->goes = task->goes || run;
        fnd_rest_set(&engine->rest, task->row.id, !run && task->row.stand.state == FND_QUEUED);
    }
    operation_end(task, write->status, &error);
    if (write->status != FND_OK && write->status != FND_CONFLICT) {
        fnd_engine_broke(engine, &error);
    }
    fnd_operate_next(task);
}

void fnd_operate_abandon(struct fnd_task *task)
{
    const struct fnd_error *error = &task->engine->broken;
    if (task->operation != NULL) {
        /* A write of it that is still under way at the store comes back to a task that has none;
         * one that waits for calls was not handed over yet. */
        if (task->state != FND_TASK_COMMITTING) {
            fnd_write_destroy(task->operation->write);
            task->operation->write = NULL;
        }
        operation_end(task, error->status, error);
    }
    while (task->operations != NULL) {
        task->operation = task->operations;
        task->operations = task->operation->next;
        operation_end(task, error->status, error);
    }
}

void fnd_engine_operate(struct fnd_engine *engine, struct fnd_operation *operation)
{
    struct fnd_error error = {0};
    struct fnd_task *task = fnd_task_find(engine, operation->step);
    operation->next = NULL;
    operation->write = NULL;
    if (engine->broken.status != FND_OK) {
        fnd_engine_rest(engine); /* whoever is told may do anything */
        operation->done(operation, engine->broken.status, &engine->broken);
        return;
    }
    bool moving = task != NULL;
    if (!moving) {
        struct fnd_step_row row;
        fnd_engine_hold(engine);
        enum fnd_status status =
            fnd_step_get(fnd_engine_reader(engine), operation->step, &row, &error);
        if (status == FND_OK) {
            status = fnd_task_load(engine, &row, &task, &error);
        }
        if (status != FND_OK) {
            fnd_engine_rest(engine);
            operation->done(operation, status, &error);
            return;
        }
        engine->flight++;
        task->inherited = task->row.stand.state == FND_RUNNING;
    }
    struct fnd_operation **last = &task->operations;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = operation;
    if (!moving) {
        fnd_operate_next(task);
    } else if (task->state == FND_TASK_READY) {
        fnd_task_unready(task);
        fnd_operate_next(task);
    }
}

/** An operation around another, so that its caller can sleep until the end. */
struct waiting {
    struct fnd_operation outer;
    struct fnd_operation *inner;
    enum fnd_status status;
    struct fnd_error error;
    bool ended;
};

static enum fnd_status waiting_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                     const struct fnd_step_row *step, struct fnd_error *error)
{
    struct waiting *waiting = operation->context;
    waiting->inner->write = operation->write;
    return waiting->inner->begin(waiting->inner, visit, step, error);
}

static void waiting_done(struct fnd_operation *operation, enum fnd_status status,
                         const struct fnd_error *error)
{
    struct waiting *waiting = operation->context;
    waiting->status = status;
    if (error != NULL) {
        waiting->error = *error;
    }
    waiting->ended = true;
    waiting->inner->write = operation->write;
    waiting->inner->done(waiting->inner, status, error);
}

enum fnd_status fnd_engine_operate_wait(struct fnd_engine *engine, struct fnd_operation *operation,
                                        struct fnd_error *error)
{
    struct waiting waiting = {.inner = operation};
    assert(operation->finish == NULL);
    waiting.outer.step = operation->step;
    waiting.outer.begin = waiting_begin;
    waiting.outer.done = waiting_done;
    waiting.outer.run = operation->run;
    waiting.outer.context = &waiting;
    fnd_engine_operate(engine, &waiting.outer);
    fnd_engine_wait(engine, &waiting.ended);
    if (waiting.status != FND_OK && error != NULL) {
        *error = waiting.error;
    }
    return waiting.status;
}
