/* SPDX-License-Identifier: MIT */
/* Taking up what can move: rows become tasks as capacity allows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

/** Whether this engine was asked to move the step's pipeline. */
bool fnd_resume_wanted(struct fnd_engine *engine, const struct fnd_step_row *row)
{
    if (engine->only == NULL) {
        return true;
    }
    struct fnd_job_row job = {0};
    if (fnd_job_get(engine->reader, row->job, &job, NULL) != FND_OK) {
        return false;
    }
    bool is = strcmp(job.pipeline, engine->only) == 0;
    fnd_job_row_finish(&job);
    return is;
}

/** Tell of a step that is held without a task: its pin cannot be loaded, so the name of its phase
 *  comes out of the pin's document. */
static void held_tell(struct fnd_engine *engine, const struct fnd_step_row *row, int64_t event,
                      const char *message)
{
    struct fnd_job_row job = {0};
    struct fnd_text pin = {0}, pointer = {0};
    struct fnd_json document = {0};
    if (engine->options.news == NULL ||
        fnd_job_get(engine->reader, row->job, &job, NULL) != FND_OK) {
        return;
    }
    if (fnd_payload_get(engine->reader, row->pin, &pin, NULL, NULL) == FND_OK) {
        document.bytes = pin.bytes;
        document.size = pin.size;
    }
    fnd_text_printf(&pointer, "/canonical/phases/%" PRId32 "/id", row->stand.phase);
    char *phase = fnd_json_strdup(fnd_json_find(document, fnd_text_z(&pointer)));
    const struct fnd_news news = {.job = row->job,
                                  .event = event,
                                  .pipeline = job.pipeline,
                                  .path = job.path,
                                  .kind = FND_EVENT_HOLD,
                                  .state = FND_PAUSED,
                                  .phase = phase,
                                  .next_phase = phase,
                                  .attempt = row->stand.attempt,
                                  .phases_done = (size_t)row->stand.phase,
                                  .phases_count =
                                      fnd_json_count(fnd_json_find(document, "/canonical/phases")),
                                  .message = message};
    engine->options.news(engine->options.context, &news);
    free(phase);
    fnd_job_row_finish(&job);
    fnd_text_finish(&pin);
    fnd_text_finish(&pointer);
}

void fnd_resume_held(struct fnd_engine *engine, const struct fnd_write *write)
{
    const struct fnd_event *event = &write->events[write->count - 1];
    struct fnd_step_row row;
    if (write->status != FND_OK || event->kind != FND_EVENT_HOLD ||
        event->after.due_us == FND_DUE_CHOICE ||
        fnd_step_get(engine->reader, write->step, &row, NULL) != FND_OK) {
        return;
    }
    struct fnd_json body = {event->body, event->body_size};
    char *message = fnd_json_strdup(fnd_json_member(body, "message"));
    held_tell(engine, &row, write->first + (int64_t)write->count - 1, message);
    free(message);
}

/** The step cannot even be loaded: its pin's plugin copy is gone or altered. It is held with that
 *  reason, by a write that needs no task; the next start tries again. */
static void hold_unloaded(struct fnd_engine *engine, const struct fnd_step_row *row,
                          const struct fnd_error *error)
{
    fnd_log(engine->options.log, FND_LOG_INFO, "run", NULL, NULL, "job %lld is held: %s",
            (long long)row->job, error->message);
    if (row->stand.state == FND_PAUSED) {
        held_tell(engine, row, row->event, error->message); /* on record already */
        return;
    }
    struct fnd_write *write = fnd_write_create();
    write->step = row->id;
    write->before = row->event;
    write->outputs_count = row->outputs_count;
    memcpy(write->outputs, row->outputs, row->outputs_count * sizeof *write->outputs);
    struct fnd_event *event =
        fnd_write_add(write, FND_EVENT_HOLD, fnd_error_body(error, "hold", NULL, NULL), NULL);
    event->phase = row->stand.phase;
    event->attempt = row->stand.attempt;
    event->after = row->stand;
    event->after.state = FND_PAUSED;
    /* Whether its phase may be repeated is not known without the pin: it is kept that it had begun.
     */
    event->after.due_us = row->stand.state == FND_RUNNING ? FND_DUE_HELD_BEGUN : FND_DUE_HELD;
    engine->loose++;
    fnd_store_queue(engine->store, write);
}

static void take_up(struct fnd_engine *engine, const struct fnd_step_row *row)
{
    struct fnd_error error = {0};
    struct fnd_task *task = NULL;
    if (fnd_task_find(engine, row->id) != NULL || !fnd_resume_wanted(engine, row)) {
        return;
    }
    if (fnd_task_load(engine, row, &task, &error) != FND_OK) {
        hold_unloaded(engine, row, &error);
        return;
    }
    engine->flight++;
    task->goes = true;
    fnd_transition_start(task);
}

void fnd_resume_wait(struct fnd_engine *engine, const struct fnd_step_row *row)
{
    const struct fnd_env *env = engine->options.env;
    struct fnd_event_row event;
    int64_t most_us = (int64_t)FND_BACKOFF_MAX_MS * 1000;
    if (fnd_event_get(engine->reader, row->event, &event, NULL) == FND_OK &&
        row->stand.due_us - event.at_us < most_us) {
        most_us = row->stand.due_us - event.at_us;
    }
    int64_t wait_us = row->stand.due_us - env->wall_us(env);
    wait_us = wait_us > most_us ? most_us : wait_us;
    const struct fnd_due due = {.at_us = env->monotonic_us(env) + (wait_us < 0 ? 0 : wait_us),
                                .due_us = row->stand.due_us,
                                .step = row->id};
    fnd_heap_push(&engine->heap, due);
}

void fnd_resume_release(struct fnd_engine *engine, const struct fnd_step_row *row, int64_t choice,
                        bool *loaded)
{
    struct fnd_error error = {0};
    struct fnd_task *task = NULL;
    *loaded = fnd_task_load(engine, row, &task, &error) == FND_OK;
    if (!*loaded) {
        hold_unloaded(engine, row, &error); /* tells of it; it stays in its batch */
        return;
    }
    engine->flight++;
    task->goes = true;
    task->choice = choice;
    fnd_transition_start(task);
}

static void batch_find(struct fnd_engine *engine, const struct fnd_step_row *row)
{
    struct fnd_job_row job = {0};
    if (fnd_job_get(engine->reader, row->job, &job, NULL) == FND_OK) {
        fnd_batch_note(engine, row, job.pipeline, job.path);
    }
    fnd_job_row_finish(&job);
}

struct page {
    struct fnd_step_row *rows;
    size_t count, capacity;
    struct fnd_engine *engine;
    enum fnd_state state;
    int64_t last;
};

static bool page_add(const struct fnd_step_row *row, void *context)
{
    struct page *page = context;
    page->last = row->id;
    bool held = row->stand.due_us < 0;
    /* Behind the first look this process has running steps of its own on record. */
    bool own = page->state == FND_RUNNING && row->event > page->engine->begun;
    if (page->state == FND_PAUSED && row->stand.due_us <= FND_DUE_BATCH) {
        batch_find(page->engine, row);
    } else if (page->state == FND_RETRYING) {
        fnd_resume_wait(page->engine, row);
    } else if ((page->state != FND_PAUSED || held) && !own &&
               !(page->state == FND_QUEUED && fnd_rest_has(&page->engine->rest, row->id)) &&
               fnd_task_find(page->engine, row->id) == NULL) {
        page->rows[page->count++] = *row;
    }
    return page->count < page->capacity;
}

/** Read one page of steps of a state and take them up.  Returns whether there may be more. */
static bool page_take(struct fnd_engine *engine, enum fnd_state state, size_t room)
{
    struct fnd_backlog *backlog = &engine->backlog[state];
    struct page page = {.engine = engine,
                        .state = state,
                        .last = backlog->cursor,
                        .capacity = room < 32 ? room : 32};
    page.rows = fnd_realloc(NULL, page.capacity, sizeof *page.rows);
    struct fnd_walk walk = {backlog->cursor, 256};
    struct fnd_error error = {0};
    if (fnd_steps_walk(engine->reader, state, &walk, page_add, &page, &error) != FND_OK) {
        fnd_engine_broke(engine, &error);
    }
    backlog->active = page.last != backlog->cursor;
    backlog->cursor = page.last;
    for (size_t i = 0; i < page.count; i++) {
        take_up(engine, &page.rows[i]);
    }
    free(page.rows);
    return backlog->active;
}

void fnd_resume_fill(struct fnd_engine *engine)
{
    static const enum fnd_state order[] = {FND_RUNNING, FND_RETRYING, FND_PAUSED, FND_QUEUED};
    if (engine->drained || engine->broken.status != FND_OK) {
        return;
    }
    const struct fnd_env *env = engine->options.env;
    struct fnd_due due;
    while (engine->flight < engine->flight_max &&
           fnd_heap_pop(&engine->heap, env->monotonic_us(env), &due)) {
        struct fnd_step_row row;
        if (fnd_step_get(engine->reader, due.step, &row, NULL) == FND_OK &&
            row.stand.state == FND_RETRYING && row.stand.due_us == due.due_us) {
            take_up(engine, &row);
        }
    }
    for (size_t i = 0; engine->resumed && i < sizeof order / sizeof order[0]; i++) {
        struct fnd_backlog *backlog = &engine->backlog[order[i]];
        while (backlog->active && engine->flight < engine->flight_max &&
               engine->broken.status == FND_OK) {
            page_take(engine, order[i], engine->flight_max - engine->flight);
        }
    }
}

bool fnd_engine_resumed(const struct fnd_engine *engine)
{
    return engine->resumed && !engine->drained && engine->broken.status == FND_OK;
}

enum fnd_status fnd_engine_resume(struct fnd_engine *engine, const char *pipeline,
                                  struct fnd_error *error)
{
    if (engine->broken.status != FND_OK) {
        if (error != NULL) {
            *error = engine->broken;
        }
        return engine->broken.status;
    }
    /* Steps that were running when a process died are looked for once, and again where those of
     * other pipelines were passed over. */
    const bool more =
        engine->only != NULL && (pipeline == NULL || strcmp(engine->only, pipeline) != 0);
    free(engine->only);
    engine->only = pipeline != NULL ? fnd_strdup(pipeline) : NULL;
    const struct fnd_backlog begin = {true, 0};
    for (int state = FND_QUEUED; state <= FND_PAUSED; state++) {
        if (!engine->resumed || more || state != FND_RUNNING) {
            engine->backlog[state] = begin;
        }
    }
    engine->heap.count = 0;
    engine->rest.count = 0;
    engine->resumed = true;
    fnd_batches_look(engine);
    return FND_OK;
}
