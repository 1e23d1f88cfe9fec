/* SPDX-License-Identifier: MIT */
/* Batches: jobs of one folder, or lines of one file, that wait for each other at a human phase with
 * `choose`. Each waits as a row (FND_DUE_BATCH). When all are there, the choice is one event on the
 * first of them, the leader, which stays behind it (FND_DUE_CHOICE) until each other one has left
 * by a START that names the choice. So what a choice has not let go yet is found from the rows
 * alone, and no batch is chosen from twice. A job that comes later waits with others like it: the
 * next batch of that folder. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

static bool batch_has(const struct fnd_batch *batch, const char *path)
{
    const size_t size = fnd_path_batch(path);
    return strlen(batch->name) == size && memcmp(batch->name, path, size) == 0;
}

static void batch_free(struct fnd_batch *batch)
{
    free(batch->pipeline);
    free(batch->name);
    free(batch->members);
    free(batch);
}

void fnd_batches_finish(struct fnd_engine *engine)
{
    while (engine->batches != NULL) {
        struct fnd_batch *batch = engine->batches;
        engine->batches = batch->next;
        batch_free(batch);
    }
    free(engine->choice.jobs);
}

void fnd_batch_note(struct fnd_engine *engine, const struct fnd_step_row *row, const char *pipeline,
                    const char *path)
{
    struct fnd_batch *batch = engine->batches;
    while (batch != NULL && !(batch->pin == row->pin && batch->phase == row->stand.phase &&
                              batch_has(batch, path))) {
        batch = batch->next;
    }
    if (batch != NULL) {
        return; /* a look reads who is in it */
    }
    batch = fnd_alloc(sizeof *batch);
    batch->pin = row->pin;
    batch->phase = row->stand.phase;
    batch->pipeline = fnd_strdup(pipeline);
    batch->name = fnd_strndup(path, fnd_path_batch(path));
    batch->gathering = true;
    batch->quiet_us = batch->wait_us = -1;
    batch->next = engine->batches;
    engine->batches = batch;
}

void fnd_batches_look(struct fnd_engine *engine)
{
    for (struct fnd_batch *batch = engine->batches; batch != NULL; batch = batch->next) {
        batch->look_at = 0;
        batch->stuck = false;
        batch->gathering = true;
    }
}

/* --- who is there -------------------------------------------------------------------------- */

struct look {
    const struct fnd_batch *batch;
    int64_t *waits; /* steps at the barrier */
    size_t waits_count, waits_capacity, missing;
    int64_t leader, choice; /* a choice that is made */
    int64_t newest, newest_us, first;
};

/** One live job of the pipeline. */
static bool look_add(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct look *look = context;
    const struct fnd_batch *batch = look->batch;
    const struct fnd_stand *stand = &step->stand;
    if (step->pin != batch->pin || stand->phase > batch->phase || !batch_has(batch, job->path)) {
        return true;
    }
    if (job->id > look->newest) {
        look->newest = job->id;
        look->newest_us = job->created_us;
    }
    const bool here = stand->phase == batch->phase && stand->state == FND_PAUSED;
    if (here && stand->due_us == FND_DUE_CHOICE) {
        look->leader = step->id;
        look->choice = step->event;
    } else if (here && stand->due_us == FND_DUE_BATCH) {
        if (look->waits_count == look->waits_capacity) {
            look->waits_capacity = look->waits_capacity == 0 ? 64 : look->waits_capacity * 2;
            look->waits = fnd_realloc(look->waits, look->waits_capacity, sizeof *look->waits);
        }
        look->first =
            look->waits_count == 0 || step->event < look->first ? step->event : look->first;
        look->waits[look->waits_count++] = step->id;
    } else if (!here || stand->due_us != 0) { /* else a person was asked: it has come through */
        look->missing++;
    }
    return true;
}

static int number_order(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static enum fnd_status look_around(struct fnd_engine *engine, const struct fnd_batch *batch,
                                   struct look *look, struct fnd_error *error)
{
    enum fnd_status status = fnd_reader_begin(engine->reader, error); /* one moment */
    look->batch = batch;
    for (int state = FND_QUEUED; status == FND_OK && state <= FND_PAUSED; state++) {
        const struct fnd_job_filter filter = {batch->pipeline, state};
        const struct fnd_walk walk = {0, SIZE_MAX};
        status = fnd_jobs_walk(engine->reader, &filter, &walk, look_add, look, error);
    }
    fnd_reader_end(engine->reader);
    if (look->waits_count > 0) {
        qsort(look->waits, look->waits_count, sizeof *look->waits, number_order);
    }
    return status;
}

/** When `ms` behind a moment of the wall clock is, by the monotonic one; never more than that from
 *  now, wherever the wall clock has gone. */
static int64_t behind(const struct fnd_engine *engine, int64_t at_us, int64_t ms)
{
    const struct fnd_env *env = engine->options.env;
    int64_t left_us = ms * 1000 - (env->wall_us(env) - at_us);
    left_us = left_us > ms * 1000 ? ms * 1000 : left_us < 0 ? 0 : left_us;
    return env->monotonic_us(env) + left_us;
}

/** Set when the batch will be taken for whole, and when it is not waited for any longer. */
static void times_set(struct fnd_engine *engine, struct fnd_batch *batch, const struct look *look,
                      const struct fnd_choose *choose)
{
    if (look->newest != batch->newest || batch->quiet_us < 0) {
        batch->newest = look->newest;
        batch->quiet_us = behind(engine, look->newest_us, choose->quiet_ms);
    }
    struct fnd_event_row first;
    if (choose->wait_ms > 0 && batch->wait_us < 0 &&
        fnd_event_get(engine->reader, look->first, &first, NULL) == FND_OK) {
        batch->wait_us = behind(engine, first.at_us, choose->wait_ms);
    }
}

/* --- the choice ---------------------------------------------------------------------------- */

/** Write the choice as the leader's last event. */
static void decide(struct fnd_engine *engine, struct fnd_batch *batch, const struct look *look,
                   const struct fnd_phase *phase)
{
    struct fnd_step_row row;
    struct fnd_text decision = {0};
    struct fnd_error error = {0};
    const struct fnd_choose_want want = {.pipeline = batch->pipeline,
                                         .batch = batch->name,
                                         .phase = phase,
                                         .steps = look->waits,
                                         .count = look->waits_count};
    enum fnd_status status = fnd_step_get(engine->reader, look->waits[0], &row, &error);
    if (status == FND_OK) {
        status = engine->options.prover->choose(engine->reader, &want, &decision, &error);
    }
    if (status != FND_OK) {
        fnd_error_prefix(&error, "cannot choose from batch %s", batch->name);
        fnd_log(engine->options.log, FND_LOG_ERROR, "run", NULL, NULL, "%s", error.message);
        fnd_text_finish(&decision);
        batch->stuck = true; /* until somebody says run again */
        return;
    }
    struct fnd_write *write = fnd_write_create();
    write->step = row.id;
    write->before = row.event;
    write->outputs_count = row.outputs_count;
    memcpy(write->outputs, row.outputs, row.outputs_count * sizeof *write->outputs);
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_HOLD, fnd_text_take(&decision), NULL);
    event->phase = row.stand.phase;
    event->attempt = row.stand.attempt;
    event->after = row.stand;
    event->after.due_us = FND_DUE_CHOICE;
    batch->deciding = true;
    batch->leader = row.id;
    engine->loose++;
    fnd_store_queue(engine->store, write);
}

void fnd_batch_written(struct fnd_engine *engine, const struct fnd_write *write)
{
    struct fnd_batch *batch = engine->batches;
    while (batch != NULL && !(batch->deciding && batch->leader == write->step)) {
        batch = batch->next;
    }
    if (batch == NULL) {
        return;
    }
    batch->deciding =
        false; /* the look finds it; or somebody moved the leader, and it is made anew */
    batch->look_at = 0;
    if (write->status != FND_OK && write->status != FND_CONFLICT) {
        fnd_engine_broke(engine, write->error);
    }
}

/* --- letting go ---------------------------------------------------------------------------- */

static enum fnd_status members_read(struct fnd_engine *engine, struct fnd_batch *batch,
                                    const struct look *look, struct fnd_error *error)
{
    struct fnd_text body = {0};
    enum fnd_status status = fnd_payload_get(engine->reader, look->choice, &body, NULL, error);
    const struct fnd_json decision = {body.bytes, body.size};
    const struct fnd_json list =
        status == FND_OK ? fnd_json_member(decision, "members") : (struct fnd_json){NULL, 0};
    free(batch->members);
    batch->members = fnd_alloc((fnd_json_count(list) + 1) * sizeof *batch->members);
    batch->members_count = batch->released = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        int64_t step = 0;
        if (fnd_json_integer(walk.value, &step) && step != look->leader) {
            batch->members[batch->members_count++] = step;
        }
    }
    /* Who is not known is not let go: else the leader would leave before them, and they would be
     * chosen from once more. */
    batch->leader = status == FND_OK ? look->leader : 0;
    batch->decision = status == FND_OK ? look->choice : 0;
    fnd_text_finish(&body);
    return status;
}

/** Let one step go on by the choice.  false: not now. */
static bool let_go(struct fnd_engine *engine, struct fnd_batch *batch, int64_t step, int64_t due_us)
{
    const struct fnd_task *task = fnd_task_find(engine, step);
    struct fnd_step_row row;
    if (task != NULL) {
        /* On its way, or somebody's act is: that ends first. */
        return task->operation == NULL && task->operations == NULL &&
               (task->row.stand.state != FND_PAUSED || task->state == FND_TASK_COMMITTING);
    }
    struct fnd_error error = {0};
    if (fnd_step_get(engine->reader, step, &row, &error) != FND_OK) {
        fnd_log(engine->options.log, FND_LOG_WARNING, "run", NULL, NULL, "batch %s: %s",
                batch->name, error.message);
        batch->stuck = true; /* it may still wait here: the leader stays, too */
        return false;
    }
    if (row.stand.state != FND_PAUSED || row.stand.due_us != due_us || row.pin != batch->pin ||
        row.stand.phase != batch->phase || row.event > batch->decision) {
        return true; /* it has left by somebody's act, and may be back: for the next choice */
    }
    bool loaded = false;
    fnd_resume_release(engine, &row, batch->decision, &loaded);
    batch->stuck = !loaded;
    return loaded;
}

/** The leader is the last: its START is on disk behind all others'. */
static void release(struct fnd_engine *engine, struct fnd_batch *batch)
{
    while (batch->released < batch->members_count && engine->flight < engine->flight_max &&
           let_go(engine, batch, batch->members[batch->released], FND_DUE_BATCH)) {
        batch->released++;
    }
    if (batch->released == batch->members_count && engine->flight < engine->flight_max &&
        let_go(engine, batch, batch->leader, FND_DUE_CHOICE)) {
        batch->decision = batch->leader = 0;
        batch->newest = 0;
        batch->quiet_us = batch->wait_us = -1;
        batch->look_at = engine->moves + 1; /* the leader's START */
    }
}

/* --- turns --------------------------------------------------------------------------------- */

/** Look who is there and do what follows.  Returns false where nobody waits any more. */
static bool batch_look(struct fnd_engine *engine, struct fnd_batch *batch)
{
    struct look look = {0};
    struct fnd_error error = {0};
    const struct fnd_env *env = engine->options.env;
    bool some = true;
    enum fnd_status status = look_around(engine, batch, &look, &error);
    const struct fnd_pinned *pinned =
        status == FND_OK ? fnd_pins_get(engine, batch->pin, &error) : NULL;
    const struct fnd_phase *phase = pinned != NULL ? &pinned->pipeline->phases[batch->phase] : NULL;
    batch->gathering = false;
    if (phase == NULL) {
        batch->stuck = true; /* its jobs tell of it when they are taken up */
    } else if (look.leader != 0) {
        batch->stuck = members_read(engine, batch, &look, &error) != FND_OK;
    } else if (look.waits_count == 0) {
        some = false;
    } else {
        times_set(engine, batch, &look, phase->choose);
        const int64_t now_us = env->monotonic_us(env); /* behind what was set from it */
        const bool late = batch->wait_us >= 0 && now_us >= batch->wait_us;
        batch->look_at = engine->moves + (look.missing > 0 ? look.missing : 1);
        batch->gathering = look.missing == 0;
        if (fnd_task_find(engine, look.waits[0]) != NULL) {
            batch->look_at = 0; /* an act of somebody's on it is under way */
        } else if (late || (look.missing == 0 && now_us >= batch->quiet_us)) {
            decide(engine, batch, &look, phase);
        }
    }
    if (error.status != FND_OK) {
        fnd_log(engine->options.log, FND_LOG_WARNING, "run", NULL, NULL, "batch %s: %s",
                batch->name, error.message);
    }
    free(look.waits);
    return some;
}

static bool wanted(const struct fnd_engine *engine, const struct fnd_batch *batch)
{
    return engine->resumed && !engine->drained && engine->broken.status == FND_OK &&
           (engine->only == NULL || strcmp(engine->only, batch->pipeline) == 0);
}

static int64_t due_of(const struct fnd_batch *batch)
{
    int64_t due_us = batch->gathering ? batch->quiet_us : -1;
    return batch->wait_us >= 0 && (due_us < 0 || batch->wait_us < due_us) ? batch->wait_us : due_us;
}

void fnd_batches_turn(struct fnd_engine *engine)
{
    const struct fnd_env *env = engine->options.env;
    for (struct fnd_batch **at = &engine->batches; *at != NULL;) {
        struct fnd_batch *batch = *at;
        bool some = true;
        if (wanted(engine, batch) && !batch->deciding && !batch->stuck) {
            const int64_t due_us = due_of(batch);
            const bool due = due_us >= 0 && env->monotonic_us(env) >= due_us;
            if (batch->decision == 0 && (engine->moves >= batch->look_at || due)) {
                some = batch_look(engine, batch);
            }
            if (batch->decision != 0) {
                release(engine, batch);
            }
        }
        if (some) {
            at = &batch->next;
        } else {
            *at = batch->next;
            batch_free(batch);
        }
    }
}

bool fnd_batches_move(const struct fnd_engine *engine, const char *pipeline)
{
    for (const struct fnd_batch *batch = engine->batches; batch != NULL; batch = batch->next) {
        if (wanted(engine, batch) && !batch->stuck &&
            (pipeline == NULL || strcmp(pipeline, batch->pipeline) == 0) &&
            (batch->gathering || batch->deciding || batch->decision != 0)) {
            return true;
        }
    }
    return false;
}

int64_t fnd_batches_wait_us(const struct fnd_engine *engine)
{
    const struct fnd_env *env = engine->options.env;
    int64_t wait_us = -1;
    for (const struct fnd_batch *batch = engine->batches; batch != NULL; batch = batch->next) {
        if (!wanted(engine, batch) || batch->stuck || batch->deciding || batch->decision != 0) {
            continue; /* what these wait for wakes the engine by itself */
        }
        const int64_t due_us = engine->moves >= batch->look_at ? 0 : due_of(batch);
        if (due_us >= 0) {
            const int64_t left_us = due_us - env->monotonic_us(env);
            wait_us = wait_us < 0 || left_us < wait_us ? (left_us > 0 ? left_us : 0) : wait_us;
        }
    }
    return wait_us;
}

/* --- what became of a job ------------------------------------------------------------------ */

/** The choice that let the step into its phase this time; 0: none did yet. */
static enum fnd_status choice_find(struct fnd_task *task, int64_t *choice, struct fnd_error *error)
{
    struct fnd_event_row row;
    enum fnd_status status = FND_OK;
    *choice = 0;
    for (int64_t at = task->row.event; at > 0 && status == FND_OK && *choice == 0; at = row.prev) {
        status = fnd_event_get(task->engine->reader, at, &row, error);
        if (status != FND_OK || row.kind == FND_EVENT_OUTPUT || row.kind == FND_EVENT_JOB ||
            row.kind == FND_EVENT_REOPEN || row.kind == FND_EVENT_UPGRADE ||
            row.kind == FND_EVENT_UNDO) {
            break;
        }
        *choice = row.kind == FND_EVENT_START ? row.ref : 0;
    }
    return status;
}

/** Read a choice, unless it was read last: all of its batch ask for it. */
static enum fnd_status choice_read(struct fnd_engine *engine, int64_t event,
                                   struct fnd_error *error)
{
    struct fnd_text body = {0};
    if (engine->choice.event == event) {
        return FND_OK;
    }
    enum fnd_status status = fnd_payload_get(engine->reader, event, &body, NULL, error);
    if (status == FND_OK) {
        const struct fnd_json decision = {body.bytes, body.size};
        const struct fnd_json chosen = fnd_json_member(decision, "chosen");
        engine->choice.event = event;
        engine->choice.of = fnd_json_count(fnd_json_member(decision, "members"));
        engine->choice.count = 0;
        engine->choice.jobs = fnd_realloc(engine->choice.jobs, fnd_json_count(chosen) + 1,
                                          sizeof *engine->choice.jobs);
        for (struct fnd_json_walk walk = fnd_json_walk(chosen); fnd_json_next(&walk);) {
            int64_t *job = &engine->choice.jobs[engine->choice.count++];
            *job = 0;
            fnd_json_integer(fnd_json_member(walk.value, "job"), job);
        }
    }
    fnd_text_finish(&body);
    return status;
}

enum fnd_status fnd_batch_choice(struct fnd_task *task, struct fnd_error *error)
{
    struct fnd_visit *visit = &task->visit;
    struct fnd_engine *engine = task->engine;
    enum fnd_status status = choice_find(task, &visit->choice, error);
    if (status == FND_OK && visit->choice != 0) {
        status = choice_read(engine, visit->choice, error);
    }
    if (status != FND_OK || visit->choice == 0) {
        return status;
    }
    visit->choice_of = engine->choice.of;
    visit->choice_asked = engine->choice.count;
    for (size_t i = 0; i < engine->choice.count && !visit->chosen; i++) {
        visit->chosen = engine->choice.jobs[i] == task->row.job;
        visit->choice_place = visit->chosen ? i + 1 : 0;
    }
    return FND_OK;
}
