/* SPDX-License-Identifier: MIT */
/* One visit: what a phase reads, its calls, their end. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "run/internal.h"

/** Whether a visit can hand over the artifact of that name. A plugin's phase names it in its
 * config, as it is resolved. An engine's own kind resolves the configs of its calls later; there it
 * may be, unless they read nothing of the job. */
static bool artifact_wanted(const struct fnd_task *task, const struct fnd_phase *phase,
                            const char *name)
{
    struct fnd_text pointer = {0};
    bool wanted = false;
    if (phase->bound.info != NULL) {
        return fnd_config_names((struct fnd_json){task->config.bytes, task->config.size}, name);
    }
    struct fnd_json canonical = {task->pipeline->canonical, strlen(task->pipeline->canonical)};
    fnd_text_printf(&pointer, "/phases/%zu/with", phase->index);
    struct fnd_json with = fnd_json_find(canonical, fnd_text_z(&pointer));
    if (with.bytes != NULL) {
        char *text = fnd_strndup(with.bytes, with.size);
        for (const char *hole = strstr(text, "${"); hole != NULL && !wanted;
             hole = strstr(hole + 2, "${")) {
            wanted = strncmp(hole, "${params.", strlen("${params.")) != 0;
        }
        wanted = wanted || fnd_config_names(with, name);
        free(text);
    }
    fnd_text_finish(&pointer);
    return wanted;
}

void fnd_task_artifact(struct fnd_task *task, char *name, uint64_t size, int fd)
{
    task->artifacts =
        fnd_realloc(task->artifacts, task->artifacts_count + 1, sizeof *task->artifacts);
    struct fnd_call_artifact *last = &task->artifacts[task->artifacts_count++];
    memset(last, 0, sizeof *last);
    last->name = name;
    last->size = size;
    last->fd = fd;
}

/** Append the artifacts named in one "artifacts" object. What was kept by reference is opened, and
 *  all of it read to compare its hash, only where the phase can get it. */
static enum fnd_status artifacts_open(struct fnd_task *task, const struct fnd_phase *phase,
                                      struct fnd_json artifacts, struct fnd_error *error)
{
    for (struct fnd_json_walk walk = fnd_json_walk(artifacts); fnd_json_next(&walk);) {
        struct fnd_artifact artifact = {{0}, 0};
        char *name = fnd_json_strdup(walk.key), *reference = NULL;
        int fd = -1;
        enum fnd_status status;
        if (!fnd_artifact_told(walk.value, &artifact, &reference)) {
            status = fnd_error_set(error, FND_DAMAGED,
                                   "the record of artifact %s is not whole; run verify", name);
        } else if (reference != NULL && !artifact_wanted(task, phase, name)) {
            free(reference);
            free(name);
            continue;
        } else if (reference != NULL) {
            fnd_engine_rest(task->engine); /* all of it is read */
            status = fnd_reference_open(fnd_store_directory(task->engine->store), reference,
                                        &artifact, &fd, error);
        } else {
            status =
                fnd_artifact_open(fnd_store_folder(task->engine->store), &artifact, &fd, error);
        }
        free(reference);
        if (status != FND_OK) {
            free(name);
            return status;
        }
        fnd_task_artifact(task, name, artifact.size, fd);
    }
    return FND_OK;
}

/** Hand over the artifacts that one phase wrote. Of an output that this task wrote it is known
 *  whether it names any; of one that an earlier process wrote, its record says so once. */
static enum fnd_status artifacts_of(struct fnd_task *task, const struct fnd_phase *reader,
                                    size_t phase, struct fnd_error *error)
{
    const uint64_t bit = UINT64_C(1) << phase;
    if ((task->looked & bit) != 0 && (task->carries & bit) == 0) {
        return FND_OK;
    }
    struct fnd_json meta = {NULL, 0};
    if (fnd_task_output(task, phase, &meta, error).bytes == NULL) {
        return error->status;
    }
    struct fnd_json named = {NULL, 0};
    if (meta.bytes != NULL) {
        named = fnd_json_member(meta, "artifacts");
    }
    task->looked |= bit;
    task->carries |= named.bytes != NULL ? bit : 0;
    return named.bytes != NULL ? artifacts_open(task, reader, named, error) : FND_OK;
}

/** All artifacts the phase can have been told of: those of earlier phases, a later one of a name
 *  first, so that it is the one that is found; then the job's input. */
static enum fnd_status artifacts_collect(struct fnd_task *task, size_t phase,
                                         struct fnd_error *error)
{
    const struct fnd_phase *reader = &task->pipeline->phases[phase];
    const uint64_t told = fnd_task_told_of(task, phase);
    for (size_t i = phase; i-- > 0;) {
        enum fnd_status status =
            (told >> i & 1) != 0 ? artifacts_of(task, reader, i, error) : FND_OK;
        if (status != FND_OK) {
            return status;
        }
    }
    const struct fnd_json named[] = {task->artifacts_kept, task->artifacts_left};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        enum fnd_status status =
            named[i].bytes != NULL ? artifacts_open(task, reader, named[i], error) : FND_OK;
        if (status != FND_OK) {
            return status;
        }
    }
    return FND_OK;
}

static void run_document(struct fnd_task *task, const struct fnd_phase *phase)
{
    struct fnd_text *run = &task->run;
    fnd_text_clear(run);
    fnd_text_append_z(run, "{\"job\":\""); /* no printf: each visit comes by here */
    fnd_text_append_z(run, task->uuid);
    fnd_text_append_z(run, "\",\"name\":");
    fnd_text_append_json_z(run, task->path);
    fnd_text_append_z(run, ",\"phase\":");
    fnd_text_append_json_z(run, phase->id);
    fnd_text_append_z(run, ",\"attempt\":");
    fnd_text_append_integer(run, task->row.stand.attempt);
    fnd_text_append_z(run, ",\"deadline_ms\":");
    fnd_text_append_integer(run, phase->timeout_ms);
    if (phase->bound.callee.grant_write != NULL) {
        fnd_text_append_z(run, ",\"grant\":{\"write\":");
        fnd_text_append_json_z(run, phase->bound.callee.grant_write);
        fnd_text_append_byte(run, '}');
    }
}

/** The key of DOC_RUN: equal when the same job visits the same phase with the same input. */
static void run_document_end(struct fnd_task *task, const struct fnd_phase *phase)
{
    uint8_t key[FND_SHORT_SIZE] = {0}, hash[FND_SHORT_SIZE];
    char text[2 * FND_SHORT_SIZE + 1];
    const uint64_t visit[] = {phase->index, (uint64_t)task->row.item};
    fnd_short_hash(key, task->uuid, sizeof task->uuid, key);
    fnd_short_hash(key, visit, sizeof visit, key);
    fnd_short_hash(key, fnd_text_z(&task->config), task->config.size, hash);
    fnd_hex(hash, sizeof hash, text);
    fnd_text_append_z(&task->run, ",\"idempotency_key\":\"");
    fnd_text_append_z(&task->run, text);
    fnd_text_append_z(&task->run, "\"}");
}

/** The event before the answer that an UNDO took back. */
static enum fnd_status answer_before(struct fnd_task *task, int64_t undo, int64_t *before,
                                     struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_event_row answer;
    int64_t number = 0;
    enum fnd_status status = fnd_payload_get(task->engine->reader, undo, &body, NULL, error);
    struct fnd_json document = {body.bytes, body.size};
    if (status == FND_OK && !fnd_json_integer(fnd_json_member(document, "answer"), &number)) {
        status = fnd_error_set(error, FND_DAMAGED,
                               "event %" PRId64 " does not say which answer it took back; run "
                               "verify",
                               undo);
    }
    if (status == FND_OK) {
        status = fnd_event_get(task->engine->reader, number, &answer, error);
    }
    if (status == FND_OK) {
        *before = answer.prev;
    }
    fnd_text_finish(&body);
    return status;
}

/** What was answered to this phase's own questions, by key, the newest first to count. */
static enum fnd_status answers_collect(struct fnd_task *task, struct fnd_error *error)
{
    fnd_text_clear(&task->answers);
    int64_t at = task->row.event;
    struct fnd_text body = {0};
    enum fnd_status status = FND_OK;
    while (at > 0) {
        struct fnd_event_row row;
        status = fnd_event_get(task->engine->reader, at, &row, error);
        if (status != FND_OK || row.kind == FND_EVENT_OUTPUT || row.kind == FND_EVENT_JOB ||
            row.kind == FND_EVENT_REOPEN || row.kind == FND_EVENT_UPGRADE) {
            break;
        }
        at = row.prev;
        if (row.kind == FND_EVENT_UNDO) { /* what lies between it and the answer is void */
            status = answer_before(task, row.id, &at, error);
            if (status != FND_OK) {
                break;
            }
            continue;
        }
        if (row.kind != FND_EVENT_ANSWER || row.phase != task->row.stand.phase) {
            continue;
        }
        fnd_text_clear(&body);
        status = fnd_payload_get(task->engine->reader, row.id, &body, NULL, error);
        if (status != FND_OK) {
            break;
        }
        struct fnd_json record = {body.bytes, body.size};
        struct fnd_json values = fnd_json_member(record, "answers");
        for (struct fnd_json_walk walk = fnd_json_walk(values); fnd_json_next(&walk);) {
            struct fnd_json known = {task->answers.bytes, task->answers.size};
            char *key = fnd_json_strdup(walk.key);
            struct fnd_text pointer = {0}, next = {0};
            fnd_json_pointer_add(&pointer, key, strlen(key));
            if (known.size == 0 || fnd_json_find(known, fnd_text_z(&pointer)).bytes == NULL) {
                if (known.size == 0) {
                    known.bytes = NULL;
                }
                if (fnd_json_set(known, fnd_text_z(&pointer), walk.value, &next, NULL) == FND_OK) {
                    fnd_text_finish(&task->answers);
                    task->answers = next;
                }
            }
            fnd_text_finish(&pointer);
            free(key);
        }
    }
    fnd_text_finish(&body);
    return status;
}

static void visit_reset(struct fnd_visit *visit)
{
    memset(visit, 0, offsetof(struct fnd_visit, error));
    fnd_error_clear(&visit->error);
}

void fnd_visit_clear(struct fnd_task *task)
{
    fnd_visit_finish(&task->visit);
    visit_reset(&task->visit);
    for (size_t i = 0; i < task->artifacts_count; i++) {
        close(task->artifacts[i].fd);
        free((char *)(uintptr_t)task->artifacts[i].name);
    }
    free(task->artifacts);
    task->artifacts = NULL;
    task->artifacts_count = 0;
    task->calls_left = 0;
}

/** One task's visit after the other in the same bytes, which the processor's cache then still has:
 *  what a visit that ended in line has read is the room of the next one. */
static void spare_take(struct fnd_text *text, struct fnd_text *spare)
{
    if (text->bytes == NULL) {
        *text = *spare;
        *spare = (struct fnd_text){0};
    }
}

static void spare_give(struct fnd_text *text, struct fnd_text *spare)
{
    if (spare->bytes == NULL && text->size <= FND_CACHE_OUTPUT_MAX) {
        *spare = *text;
        *text = (struct fnd_text){0};
    }
}

void fnd_visit_leave(struct fnd_task *task)
{
    fnd_visit_clear(task);
    spare_give(&task->config, &task->engine->spare_config);
    spare_give(&task->run, &task->engine->spare_run);
}

/** Fill in the visit of a task to a phase, without calls: documents, artifacts, config. */
enum fnd_status fnd_visit_prepare(struct fnd_task *task, size_t index, struct fnd_error *error)
{
    const struct fnd_phase *phase = &task->pipeline->phases[index];
    struct fnd_visit *visit = &task->visit;
    struct fnd_engine *engine = task->engine;
    visit_reset(visit);
    task->unread.status = FND_OK;
    visit->pipeline = task->pipeline;
    visit->phase = phase;
    visit->job = task->row.job;
    visit->job_uuid = task->uuid;
    visit->job_path = task->path;
    visit->attempt = task->row.stand.attempt;
    visit->salt = fnd_store_salt(engine->store);
    visit->scope = &task->scope;
    visit->prover = engine->options.prover;
    visit->prover_state = engine->prover_state;
    visit->reader = engine->reader;
    visit->started_us = engine->options.env->wall_us(engine->options.env);

    enum fnd_status status = fnd_pins_arm(engine, task->pipeline, index, error);
    if (status != FND_OK) {
        return status;
    }
    spare_take(&task->config, &engine->spare_config);
    spare_take(&task->run, &engine->spare_run);
    run_document(task, phase);
    fnd_text_append_byte(&task->run, '}'); /* closed for references; ended anew below */
    status = fnd_visit_models(task, phase, error);
    if (status != FND_OK) {
        return status;
    }
    if (phase->subject >= 0) {
        visit->subject = fnd_task_output(task, (size_t)phase->subject, &visit->marks, error);
        if (visit->subject.bytes == NULL) {
            return error->status;
        }
    }
    fnd_text_clear(&task->config);
    if (phase->bound.info != NULL) {
        status = fnd_bound_resolve(&phase->bound, &task->scope, &task->config, error);
        if (status != FND_OK && task->unread.status != FND_OK) {
            *error = task->unread;
        } else if (status == FND_NOT_FOUND) {
            /* The job lacks what the phase reads; unlike a secret, waiting does not bring it. */
            error->status = FND_INVALID;
        }
        if (status != FND_OK) {
            return error->status;
        }
        visit->config.bytes = task->config.bytes;
        visit->config.size = task->config.size;
    }
    status = artifacts_collect(task, index, error); /* behind the config, which names them */
    if (status == FND_OK) {
        status = fnd_visit_models_open(task, error);
    }
    if (status != FND_OK) {
        return status;
    }
    visit->artifacts = task->artifacts;
    visit->artifacts_count = task->artifacts_count;
    task->run.size--;
    run_document_end(task, phase);
    visit->run.bytes = task->run.bytes;
    visit->run.size = task->run.size;
    return FND_OK;
}

/** Submit the visit's calls; with none its end is here. */
void fnd_visit_calls(struct fnd_task *task)
{
    struct fnd_visit *visit = &task->visit;
    task->state = FND_TASK_VISITING;
    task->engine->visiting++;
    task->calls_left = visit->calls_count;
    for (size_t i = 0; i < visit->calls_count; i++) {
        visit->calls[i]->owner = task;
    }
    for (size_t i = 0; i < visit->calls_count; i++) {
        fnd_pool_submit(task->engine->pool, visit->calls[i]);
    }
}

static void visit_failed(struct fnd_task *task, struct fnd_error *error)
{
    fnd_error_prefix(error, "phase %s", fnd_task_phase(task)->id);
    /* What is missing now may be there later, and nobody is served by a failed job: a person puts
     * it back and the job goes on. What does not fit its schema will not fit by waiting. */
    if (error->status == FND_INVALID || error->status == FND_LIMIT) {
        task->visit.verdict = FND_VISIT_FAULT;
        task->visit.fault = FND_RETRY_PERMANENT;
        task->visit.error = *error;
        fnd_transition_visit(task);
        return;
    }
    fnd_transition_hold(task, error);
}

/** Begin the visit of a task whose stand says running. */
void fnd_visit_start(struct fnd_task *task)
{
    struct fnd_error error = {0};
    size_t index = (size_t)task->row.stand.phase;
    fnd_visit_clear(task);
    enum fnd_status status = fnd_visit_prepare(task, index, &error);
    if (status == FND_OK && task->row.stand.attempt > 1) {
        status = answers_collect(task, &error);
        if (task->answers.size > 0) {
            task->visit.answers.bytes = task->answers.bytes;
            task->visit.answers.size = task->answers.size;
        }
    }
    if (status == FND_OK && task->pipeline->phases[index].choose != NULL) {
        status = fnd_batch_choice(task, &error);
    }
    if (status != FND_OK) {
        visit_failed(task, &error);
        return;
    }
    const struct fnd_phase *phase = &task->pipeline->phases[index];
    phase->kind->begin(&task->visit);
    if (task->visit.calls_count == 0 && task->visit.verdict == FND_VISIT_FAULT &&
        task->unread.status != FND_OK) {
        fnd_transition_hold(task, &task->unread); /* a detector's config reads it */
        return;
    }
    if (task->visit.calls_count == 0) {
        fnd_transition_visit(task);
        return;
    }
    fnd_visit_calls(task);
}

/** A call of some task's visit has ended. */
void fnd_visit_call_ended(struct fnd_engine *engine, struct fnd_pool_call *call)
{
    struct fnd_task *task = call->owner;
    if (--task->calls_left > 0) {
        return;
    }
    engine->visiting--;
    if (task->operation != NULL) {
        fnd_operate_calls_ended(task);
        return;
    }
    if (task->interrupted || (engine->stopping && call->end == FND_CALL_CANCELLED)) {
        fnd_visit_clear(task);
        task->interrupted = false;
        if (task->operations != NULL) {
            fnd_operate_next(task);
        } else {
            fnd_transition_stop(task);
        }
        return;
    }
    task->visit.phase->kind->finish(&task->visit);
    fnd_transition_visit(task);
}
