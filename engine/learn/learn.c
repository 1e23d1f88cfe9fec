/* SPDX-License-Identifier: MIT */
/* Trainings that run and wait, one at a time in each pool. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "learn/internal.h"
#include "learn/trigger.h"

/* --- what an engine left behind -------------------------------------------------------------- */

struct left {
    int64_t list[FND_LEARN_RUNS_MAX];
    size_t count;
};

static bool left_add(const struct fnd_training_row *row, void *context)
{
    struct left *left = context;
    if (row->state == FND_TRAINING_RUNS) {
        left->list[left->count++] = row->id;
    }
    return left->count < FND_LEARN_RUNS_MAX;
}

/* Trainings that stand as running ran in an engine that is gone: nobody else may be here. */
static enum fnd_status left_end(struct fnd_engine *engine, struct fnd_error *error)
{
    static const char body[] =
        "{\"outcome\":\"failed\",\"code\":\"engine_ended\",\"message\":\"the engine ended while "
        "the "
        "training ran (killed, or the machine stopped); train again: it goes on from its last "
        "checkpoint, if it kept one\"}";
    struct left left = {.count = 0};
    enum fnd_status status =
        fnd_trainings_walk(fnd_engine_reader(engine), NULL, NULL, left_add, &left, error);
    for (size_t i = 0; i < left.count && status == FND_OK; i++) {
        struct fnd_write *write = fnd_write_create();
        fnd_write_add(write, FND_EVENT_TRAINED, fnd_strdup(body), NULL)->ref = left.list[i];
        status = fnd_store_commit(fnd_engine_store(engine), write, error);
        fnd_write_destroy(write);
    }
    return status;
}

/* --- the learner ------------------------------------------------------------------------------ */

enum fnd_status fnd_learn_create(struct fnd_engine *engine, struct fnd_learn **learn,
                                 struct fnd_error *error)
{
    const enum fnd_status status = left_end(engine, error);
    programs_sweep(engine);
    if (status != FND_OK) {
        return status;
    }
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot wait for trainings");
    }
    struct fnd_learn *made = fnd_alloc(sizeof *made);
    made->engine = engine;
    made->epoll = epoll;
    *learn = made;
    return FND_OK;
}

static void run_free(struct run *run)
{
    program_finish(run);
    trial_finish(&run->trial);
    fnd_effects_finish(&run->call.effects);
    fnd_text_finish(&run->call.noise);
    fnd_text_finish(&run->request);
    fnd_text_finish(&run->metrics);
    fnd_examples_finish(&run->examples);
    fnd_lessons_finish(&run->lessons);
    fnd_score_finish(&run->score);
    cross_finish(&run->cross);
    fnd_model_row_finish(&run->previous);
    free(run->learned.decision);
    free(run->pipeline_name);
    free(run->name);
    free(run->by);
    free(run->why);
    free(run->cancelled_by);
    free(run->cancelled_why);
    free(run);
}

/* Its pool is the next one's: that of another training that waits for it stays closed. */
static void run_let_go(const struct run *run)
{
    for (const struct run *other = run->learn->runs; other != NULL; other = other->next) {
        if (other != run && other->state != RUN_ENDED && (other->asked || other->holds) &&
            strcmp(other->model->pool, run->model->pool) == 0) {
            return;
        }
    }
    if (run->asked || run->holds) {
        fnd_engine_pool_release(run->learn->engine, run->model->pool);
    }
}

void fnd_learn_destroy(struct fnd_learn *learn)
{
    if (learn == NULL) {
        return;
    }
    fnd_pool_destroy(learn->pool); /* its workers are gone behind this: no call is under way */
    while (learn->runs != NULL) {
        struct run *run = learn->runs;
        run_let_go(run);
        learn->runs = run->next;
        program_end(run);
        if (run->state != RUN_ENDED && run->cancelled) {
            run_end(run, run_stopped(run, &run->learned.error));
        } else if (run->state != RUN_ENDED) {
            fnd_error_set(&run->learned.error, FND_INTERRUPTED,
                          "the engine stopped while model %s was trained; train again: it goes on "
                          "from its last checkpoint, if it kept one",
                          run->name);
            fnd_error_code(&run->learned.error, "cancelled");
            run_end(run, FND_INTERRUPTED);
        }
        run_free(run);
    }
    shadow_finish(learn);
    kept_finish(learn);
    proven_finish(learn);
    (void)close(learn->epoll);
    free(learn);
}

enum fnd_status learn_pool(struct fnd_learn *learn, struct fnd_error *error)
{
    const struct fnd_engine_options *engine = fnd_engine_options_of(learn->engine);
    const struct fnd_pool_options options = {
        .env = engine->env,
        .log = engine->log,
        .worker_program = engine->worker_program,
        .workers_max = FND_LEARN_WORKERS,
        .allow_root = engine->allow_root,
        .start_ms = engine->worker_start_ms,
        .landlock_abi_max = engine->landlock_abi_max,
        .nice = FND_LEARN_NICE,
    };
    if (learn->pool != NULL) {
        return FND_OK;
    }
    const enum fnd_status status = fnd_pool_create(&options, &learn->pool, error);
    struct epoll_event event = {.events = EPOLLIN};
    if (status == FND_OK &&
        epoll_ctl(learn->epoll, EPOLL_CTL_ADD, fnd_pool_fd(learn->pool), &event) != 0) {
        fnd_pool_destroy(learn->pool);
        learn->pool = NULL;
        return fnd_error_errno(error, FND_IO, errno, "cannot wait for trainings");
    }
    return status;
}

int fnd_learn_fd(const struct fnd_learn *learn)
{
    return learn->epoll;
}

int64_t fnd_learn_wait_us(const struct fnd_learn *learn)
{
    enum { PROGRESS_US = 200000 };
    bool runs = learn->shade.runs;
    if (learn->again) { /* nobody else wakes the engine for that */
        return 0;
    }
    for (const struct run *run = learn->runs; run != NULL; run = run->next) {
        if (run->state == RUN_ENDED || (run->state == RUN_WAITS && !run->asked)) {
            return 0;
        }
        runs = runs || run->state != RUN_WAITS;
    }
    if (!runs) { /* what a person records wakes the engine anyway */
        return learn->runs != NULL ? PROGRESS_US : -1;
    }
    const int64_t pool_us = fnd_pool_wait_us(learn->pool);
    return pool_us >= 0 && pool_us < PROGRESS_US ? pool_us : PROGRESS_US;
}

static bool run_waits(const struct fnd_learn *learn, const char *pipeline, const char *model)
{
    for (const struct run *run = learn->runs; run != NULL; run = run->next) {
        if (strcmp(run->pipeline_name, pipeline) == 0 && strcmp(run->name, model) == 0) {
            return true;
        }
    }
    return false;
}

static bool pool_free(const struct fnd_learn *learn, const char *pool)
{
    for (const struct run *run = learn->runs; run != NULL; run = run->next) {
        if ((run->state == RUN_TRAINS || run->state == RUN_TRIES || run->state == RUN_CROSSES) &&
            strcmp(run->model->pool, pool) == 0) {
            return false;
        }
    }
    return true;
}

/* The pool, if neither another training nor a visit has it. */
static bool run_may_begin(struct run *run)
{
    run->holds = pool_free(run->learn, run->model->pool) &&
                 fnd_engine_pool_take(run->learn->engine, run->model->pool);
    if (!run->holds) {
        run->asked = true;
        (void)snprintf(run->call.note, sizeof run->call.note, "waiting for %s", run->model->pool);
    }
    return run->holds;
}

static void sweep(struct fnd_learn *learn)
{
    for (struct run **at = &learn->runs; *at != NULL;) {
        struct run *run = *at;
        if (run->state == RUN_ENDED) {
            run_let_go(run);
            *at = run->next;
            run_free(run);
        } else {
            at = &run->next;
        }
    }
}

static void calls_take(struct fnd_learn *learn)
{
    fnd_pool_turn(learn->pool);
    struct fnd_pool_call *next = NULL;
    for (struct fnd_pool_call *call = fnd_pool_collect(learn->pool); call != NULL; call = next) {
        next = call->next;
        if (call->input.trainer) {
            run_called(call->owner);
        } else {
            struct trial_call *trial = (struct trial_call *)(void *)call;
            run_tried(trial->owner, trial);
        }
    }
}

/* --- by itself ------------------------------------------------------------------------------- */

struct due {
    struct fnd_learn *learn;
    const struct fnd_env *env;
};

static bool pipeline_due(const char *name, int64_t pin, void *context)
{
    const struct due *due = context;
    const struct fnd_pipeline *pipeline = NULL;
    struct fnd_error error = {0};
    struct fnd_learn *learn = due->learn;
    if (fnd_engine_pipeline(learn->engine, pin, &pipeline, &error) != FND_OK) {
        return true; /* its jobs say what is missing */
    }
    for (size_t i = 0; i < pipeline->models_count; i++) {
        const struct fnd_model *model = &pipeline->models[i];
        struct fnd_trigger_facts facts;
        struct fnd_text why = {0};
        const struct fnd_lessons *lessons = NULL;
        if (model->triggered && !run_waits(learn, name, model->name) &&
            kept_lessons(learn, name, pipeline->phases[model->of].id, &lessons, &error) == FND_OK &&
            fnd_trigger_read(fnd_engine_reader(learn->engine), pipeline, model, lessons,
                             due->env->wall_us(due->env), &facts, &error) == FND_OK &&
            fnd_trigger_due(model, &facts, &why) &&
            fnd_learn_train(learn, name, model->name, "engine", fnd_text_z(&why), NULL, &error) !=
                FND_OK) {
            fnd_log(fnd_engine_options_of(learn->engine)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                    "model %s is due and cannot be trained: %s", model->name, error.message);
        }
        fnd_text_finish(&why);
        if (!run_waits(learn, name, model->name)) {
            undecided_look(learn, pipeline, model);
        }
        shadow_look(learn, pipeline, model);
        proven_look(learn, pipeline, model);
    }
    return true;
}

/* Ask what is due, when something was recorded since, or now and then for the sake of the clock. */
static void look(struct fnd_learn *learn)
{
    enum { LOOK_US = 60 * 1000000 };
    struct due due = {.learn = learn, .env = fnd_engine_options_of(learn->engine)->env};
    uint8_t chain[FND_DIGEST_SIZE];
    int64_t head = 0;
    const int64_t now_us = due.env->monotonic_us(due.env);
    const bool again = learn->again;
    learn->again = false;
    if (!learn->by_itself ||
        fnd_reader_head(fnd_engine_reader(learn->engine), &head, chain, NULL) != FND_OK ||
        (head == learn->looked && !again && now_us < learn->look_next_us)) {
        return;
    }
    learn->looked = head;
    learn->look_next_us = now_us + LOOK_US;
    (void)fnd_pipelines_walk(fnd_engine_reader(learn->engine), pipeline_due, &due, NULL);
}

void fnd_learn_auto(struct fnd_learn *learn)
{
    learn->by_itself = true;
}

void fnd_learn_turn(struct fnd_learn *learn)
{
    look(learn);
    if (learn->pool != NULL) {
        calls_take(learn);
    }
    for (struct run *run = learn->runs; run != NULL; run = run->next) {
        if (run->state == RUN_WAITS && run_may_begin(run)) {
            run_begin(run);
        } else if (run->program != NULL) {
            program_turn(run);
        }
        if ((run->called || run->state == RUN_WAITS) && run->hooks.progress != NULL) {
            run->hooks.progress(run->hooks.context, run->call.progress, run->call.note);
        }
    }
    sweep(learn);
}

void fnd_learn_flight(const struct fnd_learn *learn,
                      void (*row)(void *context, const char *pipeline, const char *model,
                                  const char *pool, const char *state, double progress,
                                  const char *note),
                      void *context)
{
    static const char *const states[] = {[RUN_WAITS] = "waiting",
                                         [RUN_TRAINS] = "training",
                                         [RUN_TRIES] = "trying",
                                         [RUN_SHADOWS] = "shadowing",
                                         [RUN_CROSSES] = "checking"};
    for (const struct run *run = learn->runs; run != NULL; run = run->next) {
        if (run->state != RUN_ENDED) {
            row(context, run->pipeline_name, run->name, run->model->pool,
                run->cancelled ? "stopping" : states[run->state], run->call.progress,
                run->call.note);
        }
    }
}

bool fnd_learn_busy(const struct fnd_learn *learn)
{
    return learn->runs != NULL;
}

/* --- asking ----------------------------------------------------------------------------------- */

enum fnd_status fnd_learn_model(struct fnd_engine *engine, const char *pipeline, const char *name,
                                const struct fnd_pipeline **found, const struct fnd_model **model,
                                struct fnd_error *error)
{
    struct fnd_pin_row pin = {0};
    struct fnd_text names = {0};
    enum fnd_status status = fnd_pin_latest(fnd_engine_reader(engine), pipeline, &pin, error);
    if (status == FND_OK) {
        status = fnd_engine_pipeline(engine, pin.id, found, error);
    }
    free(pin.pipeline);
    if (status != FND_OK) {
        return status;
    }
    const struct fnd_pipeline *of = *found;
    for (size_t i = 0; i < of->models_count; i++) {
        fnd_text_printf(&names, "%s%s", i > 0 ? ", " : "", of->models[i].name);
    }
    *model = name != NULL            ? fnd_pipeline_model(of, name)
             : of->models_count == 1 ? &of->models[0]
                                     : NULL;
    if (*model == NULL) {
        status =
            of->models_count == 0
                ? fnd_error_set(error, FND_NOT_FOUND,
                                "pipeline %s learns nothing: its file has no `models:`", pipeline)
            : name == NULL
                ? fnd_error_set(error, FND_NOT_FOUND,
                                "pipeline %s has several models: say which, of %s", pipeline,
                                fnd_text_z(&names))
                : fnd_error_set(error, FND_NOT_FOUND, "pipeline %s has no model `%s`; it has %s",
                                pipeline, name, fnd_text_z(&names));
    }
    fnd_text_finish(&names);
    return status;
}

static struct run *run_of(struct fnd_learn *learn, const char *pipeline, const char *model)
{
    for (struct run *run = learn->runs; run != NULL; run = run->next) {
        if (run->state != RUN_ENDED && strcmp(run->pipeline_name, pipeline) == 0 &&
            strcmp(run->name, model) == 0) {
            return run;
        }
    }
    return NULL;
}

enum fnd_status fnd_learn_train(struct fnd_learn *learn, const char *pipeline, const char *model,
                                const char *by, const char *why,
                                const struct fnd_learn_hooks *hooks, struct fnd_error *error)
{
    const struct fnd_pipeline *found = NULL;
    const struct fnd_model *wanted = NULL;
    struct run **end = &learn->runs;
    size_t count = 0;
    enum fnd_status status =
        fnd_learn_model(learn->engine, pipeline, model, &found, &wanted, error);
    if (status == FND_OK) {
        status = learn_pool(learn, error);
    }
    if (status != FND_OK || wanted == NULL) {
        return status;
    }
    if (run_of(learn, pipeline, wanted->name) != NULL) {
        return fnd_error_set(error, FND_CONFLICT,
                             "a training of model %s is under way; wait for its end", wanted->name);
    }
    for (; *end != NULL; end = &(*end)->next) {
        count++;
    }
    if (count >= FND_LEARN_RUNS_MAX) {
        return fnd_error_set(error, FND_LIMIT, "%d trainings run or wait already",
                             FND_LEARN_RUNS_MAX);
    }
    struct fnd_pin_row pin = {0};
    status = fnd_pin_latest(fnd_engine_reader(learn->engine), pipeline, &pin, error);
    free(pin.pipeline);
    if (status != FND_OK) {
        return status;
    }
    undecided_look(learn, found, wanted);
    struct run *run = fnd_alloc(sizeof *run);
    run->learn = learn;
    run->pipeline_name = fnd_strdup(pipeline);
    run->name = fnd_strdup(wanted->name);
    run->by = fnd_strdup(by);
    run->why = fnd_strdup(why);
    run->pin = pin.id;
    run->pipeline = found;
    run->model = wanted;
    run->hooks = hooks != NULL ? *hooks : (struct fnd_learn_hooks){0};
    *end = run;
    return FND_OK;
}

void fnd_learn_forget(struct fnd_learn *learn, const void *context)
{
    for (struct run *run = learn->runs; run != NULL; run = run->next) {
        if (run->hooks.context == context) {
            run->hooks = (struct fnd_learn_hooks){0};
        }
        if (run->canceller.context == context) {
            run->canceller = (struct fnd_learn_hooks){0};
        }
    }
}

enum fnd_status fnd_learn_cancel(struct fnd_learn *learn, const char *pipeline, const char *model,
                                 const char *by, const char *why,
                                 const struct fnd_learn_hooks *hooks, struct fnd_error *error)
{
    struct run *run = run_of(learn, pipeline, model);
    if (run == NULL) {
        return fnd_error_set(error, FND_NOT_FOUND,
                             "no training of model %s runs or waits; `models list` shows how the "
                             "last one ended",
                             model);
    }
    if (run->cancelled) {
        return fnd_error_set(error, FND_CONFLICT,
                             "%s has cancelled the training of model %s already: it ends within "
                             "%d s",
                             run->cancelled_by, model, FND_LEARN_GRACE_MS / 1000);
    }
    run->cancelled = true;
    run->cancelled_by = fnd_strdup(by);
    run->cancelled_why = why != NULL ? fnd_strdup(why) : NULL;
    run->canceller = hooks != NULL ? *hooks : (struct fnd_learn_hooks){0};
    if (run->program != NULL) {
        program_stop(run);
    } else if (run->called) {
        fnd_pool_cancel(learn->pool, &run->call);
    } else if (run->state == RUN_WAITS) {
        run_withdraw(run);
    } else { /* the new model is tried: the engine's own calls of the phase */
        fnd_pool_cancel(learn->pool, &run->trial.calls[0].call);
        fnd_pool_cancel(learn->pool, &run->trial.calls[1].call);
    }
    return FND_OK;
}
