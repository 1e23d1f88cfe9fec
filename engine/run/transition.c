/* SPDX-License-Identifier: MIT */
/* Transitions: what a visit came to becomes a write, what was written becomes the next stand. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash_point.h"
#include "run/internal.h"

struct fnd_write *fnd_transition_make(struct fnd_task *task)
{
    struct fnd_write *write = fnd_write_create();
    write->step = task->row.id;
    write->before = task->row.event;
    write->outputs_count = task->row.outputs_count;
    memcpy(write->outputs, task->row.outputs, task->row.outputs_count * sizeof *write->outputs);
    write->owner = task;
    return write;
}

void fnd_transition_submit(struct fnd_task *task, struct fnd_write *write)
{
    task->state = FND_TASK_COMMITTING;
    if (task->pipeline->hooks_count > 0) {
        fnd_outbox_add(task->engine->options.env, task->pipeline, task->row.pin, write);
    }
    fnd_store_queue(task->engine->store, write);
    FND_CRASH_POINT("run.transition.queued");
}

static struct fnd_event *event_add(struct fnd_task *task, struct fnd_write *write,
                                   enum fnd_event_kind kind, char *body, char *meta)
{
    struct fnd_event *event = fnd_write_add(write, kind, body, meta);
    event->phase = task->row.stand.phase;
    event->attempt = task->row.stand.attempt;
    event->after = task->row.stand;
    return event;
}

struct fnd_stand fnd_engine_stand(const struct fnd_engine *engine,
                                  const struct fnd_pipeline *pipeline, size_t phase, bool run)
{
    struct fnd_stand stand = {FND_COMPLETED, (int32_t)phase, 0, 0, 0};
    if (phase >= pipeline->phases_count) {
        return stand;
    }
    /* A phase that must not be repeated is not called started before its own START is on disk. */
    bool start = run && !engine->drained && pipeline->phases[phase].repeatable;
    stand.state = start ? FND_RUNNING : FND_QUEUED;
    stand.attempt = start ? 1 : 0;
    return stand;
}

/** Keep the artifacts of a result and name them in meta.  false: the store refused. */
static bool artifacts_keep(struct fnd_task *task, struct fnd_event *event, struct fnd_text *meta,
                           struct fnd_error *error)
{
    struct fnd_visit *visit = &task->visit;
    if (visit->staged_count == 0) {
        return true;
    }
    event->artifacts = fnd_realloc(NULL, visit->staged_count, sizeof *event->artifacts);
    fnd_text_append_z(meta, meta->size > 1 ? ",\"artifacts\":{" : "\"artifacts\":{");
    for (size_t i = 0; i < visit->staged_count; i++) {
        struct fnd_artifact_named *staged = &visit->staged[i];
        if (fnd_artifact_put(task->engine->store, staged->bytes, staged->size, &staged->kept,
                             error) != FND_OK) {
            return false;
        }
        event->artifacts[event->artifacts_count++] = staged->kept;
        char hash[FND_DIGEST_TEXT_SIZE];
        fnd_digest_text(staged->kept.hash, hash);
        fnd_text_append_z(meta, i > 0 ? "," : "");
        fnd_text_append_json_z(meta, staged->name);
        fnd_text_append_z(meta, ":{\"media_type\":");
        fnd_text_append_json_z(meta, staged->media_type);
        fnd_text_printf(meta, ",\"sha256\":\"%s\",\"size\":%" PRIu64 "}", hash, staged->kept.size);
    }
    fnd_text_append_byte(meta, '}');
    return true;
}

/** The meta of an event: the kind's own members, kept artifacts, log. */
static bool meta_make(struct fnd_task *task, struct fnd_event *event, struct fnd_error *error)
{
    struct fnd_visit *visit = &task->visit;
    if (visit->staged_count == 0 && visit->log.size == 0) {
        event->meta = visit->meta;
        event->meta_size = visit->meta != NULL ? strlen(visit->meta) : 0;
        visit->meta = NULL;
        return true;
    }
    struct fnd_text meta = {0};
    if (visit->meta != NULL) {
        fnd_text_append(&meta, visit->meta, strlen(visit->meta) - 1); /* without its } */
    } else {
        fnd_text_append_byte(&meta, '{');
    }
    bool kept = artifacts_keep(task, event, &meta, error);
    if (visit->log.size > 0) {
        fnd_text_append_z(&meta, meta.size > 1 ? ",\"log\":" : "\"log\":");
        fnd_text_append_json(&meta, visit->log.bytes, visit->log.size);
    }
    fnd_text_append_byte(&meta, '}');
    event->meta_size = meta.size;
    event->meta = fnd_text_take(&meta);
    return kept;
}

static int64_t retry_due(const struct fnd_task *task, const struct fnd_retry *retry)
{
    const struct fnd_env *env = task->engine->options.env;
    int64_t wait_ms = (int64_t)task->visit.retry_after_ms;
    if (wait_ms == 0) {
        wait_ms = retry->backoff_ms;
        for (int32_t i = 0; i < task->row.stand.failures && wait_ms < FND_BACKOFF_MAX_MS; i++) {
            wait_ms *= 2;
        }
    }
    wait_ms = wait_ms > FND_BACKOFF_MAX_MS ? FND_BACKOFF_MAX_MS : wait_ms;
    return env->wall_us(env) + wait_ms * 1000;
}

/** After a crash inside a phase that must not be repeated unseen, a person decides. */
static void repeat_ask(struct fnd_task *task, struct fnd_write *write, const char *why)
{
    struct fnd_text body = {0};
    struct fnd_text question = {0};
    const char *phase = fnd_task_phase(task)->id;
    fnd_text_printf(&question,
                    "Phase %s must not be repeated unseen, and it did not end (%s). Its effect may "
                    "have happened or not. Run it again?",
                    phase, why);
    fnd_text_append_z(&body, "{\"origin\":\"engine\",\"phase\":");
    fnd_text_append_json_z(&body, phase);
    fnd_text_append_z(&body, ",\"questions\":[{\"key\":\"repeat\",\"kind\":\"REPEAT_PHASE\","
                             "\"question\":");
    fnd_text_append_json(&body, question.bytes, question.size);
    fnd_text_append_z(&body, ",\"schema\":{\"enum\":[\"run\",\"fail\"]}}]}");
    fnd_text_finish(&question);
    struct fnd_event *event = event_add(task, write, FND_EVENT_ASK, fnd_text_take(&body), NULL);
    event->level = (int32_t)fnd_task_phase(task)->isolation;
    event->after.state = FND_PAUSED;
    event->after.due_us = 0;
}

static void fault_make(struct fnd_task *task, struct fnd_write *write)
{
    struct fnd_visit *visit = &task->visit;
    const struct fnd_phase *phase = visit->phase;
    const struct fnd_retry *retry = &phase->retry;
    if (!phase->repeatable &&
        (visit->fault == FND_RETRY_CRASH || visit->fault == FND_RETRY_TIMEOUT)) {
        repeat_ask(task, write, visit->error.message);
        return;
    }
    bool again = (retry->when & visit->fault) != 0 && task->row.stand.failures < retry->max;
    char *body = fnd_error_body(&visit->error, fnd_fault_name(visit->fault), visit->fault_pointer,
                                &visit->log);
    struct fnd_event *event =
        event_add(task, write, again ? FND_EVENT_RETRY : FND_EVENT_FAIL, body, NULL);
    event->level = (int32_t)fnd_visit_level(visit);
    event->after.failures++;
    event->after.state = again ? FND_RETRYING : FND_FAILED;
    event->after.due_us = again ? retry_due(task, retry) : 0;
}

static void output_make(struct fnd_task *task, struct fnd_write *write)
{
    struct fnd_visit *visit = &task->visit;
    struct fnd_event *event = event_add(task, write, FND_EVENT_OUTPUT, visit->body, NULL);
    visit->body = NULL;
    event->level = (int32_t)fnd_visit_level(visit);
    event->after =
        fnd_engine_stand(task->engine, task->pipeline, (size_t)task->row.stand.phase + 1, true);
}

/** Pause until the rest of the batch is there. No hook hears of it: nothing is to be mended. */
static void batch_wait(struct fnd_task *task)
{
    struct fnd_write *write = fnd_transition_make(task);
    struct fnd_event *event = event_add(
        task, write, FND_EVENT_HOLD, fnd_error_body(&task->visit.error, "batch", NULL, NULL), NULL);
    event->after.state = FND_PAUSED;
    event->after.due_us = FND_DUE_BATCH;
    task->state = FND_TASK_COMMITTING;
    fnd_store_queue(task->engine->store, write);
    FND_CRASH_POINT("run.transition.queued");
}

void fnd_transition_visit(struct fnd_task *task)
{
    struct fnd_visit *visit = &task->visit;
    if (visit->verdict == FND_VISIT_HOLD) {
        struct fnd_error error = visit->error;
        fnd_transition_hold(task, &error);
        return;
    }
    if (visit->verdict == FND_VISIT_BATCH) {
        batch_wait(task);
        return;
    }
    if (visit->verdict == FND_VISIT_AGAIN) {
        fnd_visit_clear(task);
        fnd_task_ready(task); /* a drain gives it back from there */
        return;
    }
    struct fnd_write *write = fnd_transition_make(task);
    if (visit->verdict == FND_VISIT_FAULT) {
        fault_make(task, write);
    } else if (visit->verdict == FND_VISIT_ASK) {
        struct fnd_event *event = event_add(task, write, FND_EVENT_ASK, visit->body, NULL);
        visit->body = NULL;
        event->level = (int32_t)fnd_visit_level(visit);
        event->after.state = FND_PAUSED;
    } else {
        output_make(task, write);
    }
    struct fnd_error error = {0};
    bool fault = visit->verdict == FND_VISIT_FAULT;
    if (!fault && !meta_make(task, &write->events[write->count - 1], &error)) {
        fnd_write_destroy(write);
        fnd_engine_broke(task->engine, &error);
        return;
    }
    fnd_transition_submit(task, write);
    fnd_visit_leave(task); /* its result is the write's; the next visit takes up its room */
}

/** Pause without a question: the reason is in the event, the next start tries again. */
void fnd_transition_hold(struct fnd_task *task, const struct fnd_error *error)
{
    struct fnd_write *write = fnd_transition_make(task);
    struct fnd_event *event =
        event_add(task, write, FND_EVENT_HOLD, fnd_error_body(error, "hold", NULL, NULL), NULL);
    event->after.state = FND_PAUSED;
    event->after.due_us = FND_DUE_HELD;
    fnd_transition_submit(task, write);
}

/** How often the phase was begun in a row with nothing on record behind it: each time the process
 *  died. Attempts alone do not tell, as pauses for a person or a secret count as some, too. */
static int32_t deaths_in_row(const struct fnd_task *task)
{
    int32_t deaths = 0;
    struct fnd_event_row row = {.prev = task->row.event};
    while (row.prev > 0 && fnd_event_get(task->engine->reader, row.prev, &row, NULL) == FND_OK &&
           row.kind == FND_EVENT_START) {
        deaths++;
    }
    return deaths;
}

/** Begin an attempt of a step that is queued, due, held, or was running when a process died. */
void fnd_transition_start(struct fnd_task *task)
{
    const struct fnd_stand *stand = &task->row.stand;
    const struct fnd_phase *phase = fnd_task_phase(task);
    struct fnd_write *write = fnd_transition_make(task);
    const bool begun = stand->state == FND_RUNNING || stand->due_us == FND_DUE_HELD_BEGUN;
    const int32_t deaths_max =
        phase->isolation == FND_ISOLATION_INLINE ? FND_RECOVERIES_INLINE_MAX : FND_RECOVERIES_MAX;
    if (begun && !phase->repeatable) {
        repeat_ask(task, write, "the engine stopped inside it");
    } else if (stand->attempt - stand->failures > deaths_max && deaths_in_row(task) >= deaths_max) {
        struct fnd_error error = {0};
        fnd_error_set(&error, FND_PLUGIN,
                      "phase %s was begun %" PRId32 " times and the engine died each time; mend or "
                      "replace its plugin, or run it with isolation: sandbox, then use retry",
                      phase->id, deaths_in_row(task));
        fnd_error_code(&error, "engine_died");
        struct fnd_event *event = event_add(task, write, FND_EVENT_FAIL,
                                            fnd_error_body(&error, "crash", NULL, NULL), NULL);
        event->level = (int32_t)phase->isolation;
        event->after.state = FND_FAILED;
    } else {
        struct fnd_event *event = event_add(task, write, FND_EVENT_START, NULL, NULL);
        event->attempt = event->after.attempt = stand->attempt + 1;
        event->after.state = FND_RUNNING;
        event->after.due_us = 0;
        event->ref = task->choice;
        task->choice = 0;
    }
    fnd_transition_submit(task, write);
}

/** A visit was stopped from outside. What may be repeated is given back; of what may not, a person
 *  decides, as it had begun. */
void fnd_transition_stop(struct fnd_task *task)
{
    if (fnd_task_phase(task)->repeatable) {
        fnd_transition_drain(task);
        return;
    }
    struct fnd_write *write = fnd_transition_make(task);
    repeat_ask(task, write, "the engine was told to stop inside it");
    fnd_transition_submit(task, write);
}

/** Give back an attempt that was started on record and will not run now. */
void fnd_transition_drain(struct fnd_task *task)
{
    struct fnd_write *write = fnd_transition_make(task);
    struct fnd_event *event = event_add(task, write, FND_EVENT_DRAIN, NULL, NULL);
    event->after.state = FND_QUEUED;
    event->after.attempt--;
    fnd_transition_submit(task, write);
}

void fnd_transition_fold(struct fnd_step_row *row, const struct fnd_write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        const struct fnd_event *event = &write->events[i];
        const int64_t number = write->first + (int64_t)i;
        row->stand = event->after;
        row->event = number;
        if (event->kind == FND_EVENT_OUTPUT) {
            size_t phase = (size_t)event->phase;
            while (row->outputs_count <= phase) {
                row->outputs[row->outputs_count++] = 0;
            }
            row->outputs[phase] = number;
        } else if (event->kind == FND_EVENT_REOPEN || event->kind == FND_EVENT_UPGRADE ||
                   event->kind == FND_EVENT_UNDO) {
            size_t kept = (size_t)event->after.phase;
            row->outputs_count = row->outputs_count < kept ? row->outputs_count : kept;
            row->pin = event->kind == FND_EVENT_UPGRADE ? event->ref : row->pin;
        }
    }
}

static void news_send(struct fnd_task *task, const struct fnd_write *write, size_t index)
{
    const struct fnd_engine *engine = task->engine;
    const struct fnd_event *event = &write->events[index];
    const struct fnd_pipeline *pipeline = task->pipeline;
    if (engine->options.news == NULL ||
        (event->kind == FND_EVENT_HOLD && event->after.due_us == FND_DUE_BATCH)) {
        return; /* a batch of thousands would tell of each */
    }
    struct fnd_news news = {.job = task->row.job,
                            .event = write->first + (int64_t)index,
                            .pipeline = pipeline->name,
                            .path = task->path,
                            .kind = event->kind,
                            .state = event->after.state,
                            .attempt = event->attempt,
                            .phases_count = pipeline->phases_count};
    size_t phase = (size_t)event->phase, next = (size_t)event->after.phase;
    news.phase = phase < pipeline->phases_count ? pipeline->phases[phase].id : NULL;
    news.next_phase = next < pipeline->phases_count ? pipeline->phases[next].id : NULL;
    news.phases_done = next;
    news.request = event->kind == FND_EVENT_ASK ? news.event : 0;
    char *message = NULL;
    if (event->body != NULL && (event->kind == FND_EVENT_FAIL || event->kind == FND_EVENT_RETRY ||
                                event->kind == FND_EVENT_HOLD)) {
        struct fnd_json body = {event->body, event->body_size};
        message = fnd_json_strdup(fnd_json_member(body, "message"));
    }
    news.message = message;
    engine->options.news(engine->options.context, &news);
    free(message);
}

/** Phases whose outputs, or whose artifacts, the task's further phases read, as bits. */
static uint64_t reads_ahead(const struct fnd_task *task)
{
    uint64_t reads = 0;
    for (size_t i = (size_t)task->row.stand.phase; i < task->pipeline->phases_count; i++) {
        reads |= task->pipeline->phases[i].reads |
                 (task->carries != 0 ? task->carries & fnd_task_told_of(task, i) : 0);
    }
    return reads;
}

/** Remember which outputs name artifacts. */
static void artifacts_note(struct fnd_task *task, const struct fnd_write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        const struct fnd_event *event = &write->events[i];
        if (event->kind == FND_EVENT_OUTPUT) {
            const uint64_t bit = UINT64_C(1) << event->phase;
            task->looked |= bit;
            task->carries = event->artifacts_count > 0 ? task->carries | bit : task->carries & ~bit;
        } else if (event->kind == FND_EVENT_REOPEN || event->kind == FND_EVENT_UPGRADE ||
                   event->kind == FND_EVENT_UNDO) {
            fnd_task_forget(task, 0); /* some of them are outputs no more */
            task->looked = task->carries = 0;
        }
    }
}

/** What a task does behind a write that is on disk. */
static void task_go_on(struct fnd_task *task)
{
    struct fnd_engine *engine = task->engine;
    if (task->operations != NULL) {
        fnd_operate_next(task);
        return;
    }
    if (task->row.stand.state == FND_RUNNING && !engine->drained) {
        fnd_task_forget(task, reads_ahead(task));
        fnd_task_ready(task);
        return;
    }
    if (task->row.stand.state == FND_RUNNING) {
        fnd_transition_drain(task);
        return;
    }
    if (task->row.stand.state == FND_RETRYING) {
        fnd_resume_wait(engine, &task->row);
    } else if (task->row.stand.state == FND_QUEUED && fnd_task_goes(task) && !engine->drained) {
        fnd_transition_start(task);
        return;
    }
    if (task->row.stand.state == FND_PAUSED && task->row.stand.due_us == FND_DUE_BATCH) {
        fnd_batch_note(engine, &task->row, task->pipeline->name, task->path);
    }
    engine->flight--;
    fnd_task_drop(task);
}

/** Keep what was just written as the next phase's reading matter, so that it is not read back. */
static void outputs_cache(struct fnd_task *task, struct fnd_write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        struct fnd_event *event = &write->events[i];
        if (event->kind != FND_EVENT_OUTPUT) {
            continue;
        }
        struct fnd_document *document = &task->outputs[event->phase];
        fnd_text_finish(&document->body);
        fnd_text_finish(&document->meta);
        document->loaded = false;
        if (task->row.stand.state >= FND_PAUSED || event->body_size > FND_CACHE_OUTPUT_MAX) {
            continue;
        }
        document->body.bytes = event->body;
        document->body.size = document->body.capacity = event->body_size;
        document->meta.bytes = event->meta;
        document->meta.size = document->meta.capacity = event->meta_size;
        document->loaded = true;
        event->body = event->meta = NULL;
    }
}

/** A job that was written without a task waits for one: it is on disk only now, so that a look for
 *  queued steps before this could not see it. */
static void queued_note(struct fnd_engine *engine, const struct fnd_write *write)
{
    struct fnd_backlog *queued = &engine->backlog[FND_QUEUED];
    if (write->status == FND_OK && write->events[write->count - 1].after.state == FND_QUEUED &&
        (!queued->active || queued->cursor >= write->first)) {
        queued->active = true;
        queued->cursor = write->first - 1;
    }
}

/** A write came back from the store. */
void fnd_transition_ended(struct fnd_engine *engine, struct fnd_write *write)
{
    struct fnd_task *task = write->owner;
    engine->moves += write->status == FND_OK ? 1 : 0;
    if (task == NULL) {
        engine->loose--;
        queued_note(engine, write);
        fnd_resume_held(engine, write);
        fnd_batch_written(engine, write);
        fnd_write_destroy(write);
        return;
    }
    if (write->status == FND_OK) {
        fnd_transition_fold(&task->row, write);
        task->inherited = false;
        artifacts_note(task, write);
        if (task->fresh) {
            task->row.id = task->row.job = write->first;
            task->row.item = FND_ITEM_NONE;
            task->row.pin = write->pin;
            task->fresh = false;
            fnd_task_enter(task);
        }
        for (size_t i = 0; i < write->count; i++) {
            news_send(task, write, i);
        }
        FND_CRASH_POINT("run.transition.acknowledged");
    }
    if (task->operation != NULL) {
        if (write->status == FND_OK) {
            outputs_cache(task, write); /* what a person said is what the next phase reads */
        }
        fnd_operate_ended(task, write);
        fnd_write_destroy(write);
        return;
    }
    if (write->status == FND_OK) {
        fnd_visit_clear(task);
        outputs_cache(task, write);
        task_go_on(task);
    } else if (write->status == FND_CONFLICT && task->fresh) {
        /* Two inputs of one identity in one pass; the first is the job. */
        fnd_log(engine->options.log, FND_LOG_WARNING, "run", task->path, NULL, "%s",
                write->error->message);
        engine->flight--;
        fnd_task_drop(task);
    } else if (write->status == FND_CONFLICT) {
        /* Only another writer could be first, and the lock keeps those out. */
        struct fnd_error error = {0};
        fnd_error_set(&error, FND_DAMAGED,
                      "job %s moved under the engine that holds the lock; run verify", task->path);
        fnd_engine_broke(engine, &error);
    } else {
        fnd_engine_broke(engine, write->error);
        if (task->fresh) { /* in no table yet: nobody else would drop it */
            engine->flight--;
            fnd_task_drop(task);
        }
    }
    fnd_write_destroy(write);
}
