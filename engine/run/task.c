/* SPDX-License-Identifier: MIT */
/* Steps that are taken up: loading, the documents they read, the table and the ready list. */
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

static struct fnd_task **bucket_of(struct fnd_engine *engine, int64_t step)
{
    return &engine->buckets[(uint64_t)step % FND_TASK_BUCKETS];
}

struct fnd_task *fnd_task_find(struct fnd_engine *engine, int64_t step)
{
    struct fnd_task *task = *bucket_of(engine, step);
    while (task != NULL && task->row.id != step) {
        task = task->next_bucket;
    }
    return task;
}

void fnd_task_enter(struct fnd_task *task)
{
    struct fnd_task **bucket = bucket_of(task->engine, task->row.id);
    task->next_bucket = *bucket;
    *bucket = task;
}

static void document_finish(struct fnd_document *document)
{
    fnd_text_finish(&document->body);
    fnd_text_finish(&document->meta);
    document->loaded = false;
}

void fnd_task_drop(struct fnd_task *task)
{
    struct fnd_engine *engine = task->engine;
    fnd_task_unready(task);
    if (!task->fresh) {
        struct fnd_task **at = bucket_of(engine, task->row.id);
        while (*at != task) {
            at = &(*at)->next_bucket;
        }
        *at = task->next_bucket;
    }
    fnd_visit_clear(task);
    document_finish(&task->job);
    for (size_t i = 0; i < task->pipeline->phases_count; i++) {
        document_finish(&task->outputs[i]);
    }
    fnd_text_finish(&task->config);
    fnd_text_finish(&task->run);
    fnd_text_finish(&task->answers);
    fnd_text_finish(&task->models);
    free(task->path);
    free(task);
    engine->tasks--;
}

bool fnd_task_goes(const struct fnd_task *task)
{
    const struct fnd_engine *engine = task->engine;
    return (engine->resumed || task->goes) && !fnd_rest_has(&engine->rest, task->row.id);
}

void fnd_task_ready(struct fnd_task *task)
{
    struct fnd_engine *engine = task->engine;
    struct fnd_task **first = task->pooled ? &engine->pooled_first : &engine->ready_first;
    struct fnd_task **last = task->pooled ? &engine->pooled_last : &engine->ready_last;
    task->state = FND_TASK_READY;
    task->next = NULL;
    task->previous = *last;
    *(*last != NULL ? &(*last)->next : first) = task;
    *last = task;
    engine->ready += task->pooled ? 0 : 1;
}

void fnd_task_unready(struct fnd_task *task)
{
    struct fnd_engine *engine = task->engine;
    struct fnd_task **first = task->pooled ? &engine->pooled_first : &engine->ready_first;
    struct fnd_task **last = task->pooled ? &engine->pooled_last : &engine->ready_last;
    if (task->previous == NULL && *first != task) {
        return;
    }
    *(task->previous != NULL ? &task->previous->next : first) = task->next;
    *(task->next != NULL ? &task->next->previous : last) = task->previous;
    task->next = task->previous = NULL;
    engine->ready -= task->pooled ? 0 : 1;
    task->pooled = false;
}

static struct fnd_json scope_value(void *context, const char *root)
{
    struct fnd_task *task = context;
    const struct fnd_json none = {NULL, 0};
    if (strcmp(root, "input") == 0) {
        return task->input;
    }
    if (strcmp(root, "run") == 0) {
        struct fnd_json run = {task->run.bytes, task->run.size};
        return run;
    }
    if (strcmp(root, "models") == 0) {
        struct fnd_json models = {task->models.bytes, task->models.size};
        return models;
    }
    const struct fnd_phase *phase = fnd_pipeline_phase(task->pipeline, root);
    struct fnd_error error = {0};
    const struct fnd_json output =
        phase != NULL ? fnd_task_output(task, phase->index, NULL, &error) : none;
    if (output.bytes == NULL && error.status != FND_OK && error.status != FND_NOT_FOUND) {
        task->unread = error; /* the output is there: the job must not fail for want of it */
    }
    return output;
}

static struct fnd_task *task_create(struct fnd_engine *engine, struct fnd_pipeline *pipeline)
{
    struct fnd_task *task = fnd_alloc(sizeof *task);
    task->engine = engine;
    task->pipeline = pipeline;
    task->scope.value = scope_value;
    task->scope.context = task;
    engine->tasks++;
    return task;
}

/** The job's body is looked through once, not at each visit. */
static void input_find(struct fnd_task *task)
{
    struct fnd_json body = {task->job.body.bytes, task->job.body.size};
    task->job.loaded = true;
    task->input = fnd_json_member(body, "input");
    task->artifacts_kept = fnd_json_member(body, "artifacts");
    task->artifacts_left = fnd_json_member(body, "references");
}

enum fnd_status fnd_task_load(struct fnd_engine *engine, const struct fnd_step_row *row,
                              struct fnd_task **task_out, struct fnd_error *error)
{
    *task_out = NULL;
    const struct fnd_pinned *pinned = fnd_pins_get(engine, row->pin, error);
    if (pinned == NULL) {
        return error->status;
    }
    struct fnd_task *task = task_create(engine, pinned->pipeline);
    task->row = *row;
    fnd_task_enter(task);
    enum fnd_status status =
        fnd_payload_get(fnd_engine_reader(engine), row->job, &task->job.body, NULL, error);
    if (status != FND_OK) {
        fnd_error_prefix(error, "cannot take up job %lld", (long long)row->job);
        fnd_task_drop(task);
        return status;
    }
    input_find(task);
    struct fnd_json body = {task->job.body.bytes, task->job.body.size};
    task->path = fnd_json_strdup(fnd_json_member(body, "path"));
    char *uuid = fnd_json_strdup(fnd_json_member(body, "uuid"));
    if (task->path == NULL || uuid == NULL || strlen(uuid) + 1 != FND_UUID_TEXT_SIZE) {
        status = fnd_error_set(error, FND_DAMAGED,
                               "job %lld has no path or uuid in its record; run verify",
                               (long long)row->job);
        free(uuid);
        fnd_task_drop(task);
        return status;
    }
    memcpy(task->uuid, uuid, FND_UUID_TEXT_SIZE);
    free(uuid);
    *task_out = task;
    return FND_OK;
}

struct fnd_task *fnd_task_fresh(struct fnd_engine *engine, struct fnd_pipeline *pipeline,
                                const uint8_t uuid[FND_UUID_SIZE], const char *path,
                                const char *body, size_t body_size)
{
    struct fnd_task *task = task_create(engine, pipeline);
    task->fresh = true;
    fnd_uuid_format(uuid, task->uuid);
    task->path = fnd_strdup(path);
    fnd_text_append(&task->job.body, body, body_size);
    input_find(task);
    return task;
}

const struct fnd_phase *fnd_task_phase(const struct fnd_task *task)
{
    size_t phase = (size_t)task->row.stand.phase;
    return phase < task->pipeline->phases_count ? &task->pipeline->phases[phase] : NULL;
}

/** The output of a phase, out of the task or out of the store.  No value, and why, if it has none
 *  or it cannot be read. */
struct fnd_json fnd_task_output(struct fnd_task *task, size_t phase, struct fnd_json *meta,
                                struct fnd_error *error)
{
    struct fnd_json value = {NULL, 0};
    struct fnd_document *document = &task->outputs[phase];
    if (!document->loaded) {
        if (phase >= task->row.outputs_count || task->row.outputs[phase] == 0) {
            fnd_error_set(error, FND_NOT_FOUND, "phase %s has no output yet",
                          task->pipeline->phases[phase].id);
            return value;
        }
        fnd_text_clear(&document->body);
        fnd_text_clear(&document->meta);
        if (fnd_payload_get(fnd_engine_reader(task->engine), task->row.outputs[phase],
                            &document->body, &document->meta, error) != FND_OK) {
            return value;
        }
        document->loaded = true;
    }
    value.bytes = document->body.bytes;
    value.size = document->body.size;
    if (meta != NULL) {
        meta->bytes = document->meta.size > 0 ? document->meta.bytes : NULL;
        meta->size = document->meta.size;
    }
    return value;
}

uint64_t fnd_task_told_of(const struct fnd_task *task, size_t phase)
{
    const struct fnd_phase *phases = task->pipeline->phases;
    uint64_t told = phases[phase].reads;
    for (size_t i = phase; i-- > 0;) {
        told |= (told >> i & 1) != 0 ? phases[i].reads : 0;
    }
    return told;
}

void fnd_task_forget(struct fnd_task *task, uint64_t reads)
{
    for (size_t i = 0; i < task->pipeline->phases_count; i++) {
        struct fnd_document *document = &task->outputs[i];
        if (document->loaded &&
            ((reads >> i & 1) == 0 || document->body.size > FND_CACHE_OUTPUT_MAX)) {
            document_finish(document);
        }
    }
}
