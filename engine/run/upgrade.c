/* SPDX-License-Identifier: MIT */
/* Moving jobs that have not ended to another pin: only when a person says so, and on record. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

struct upgrade {
    struct fnd_engine *engine;
    const struct fnd_pipeline *pipeline; /* the new one */
    int64_t pin;
    const char *by;
    int64_t *steps;
    size_t count, capacity;
};

static bool step_add(const struct fnd_step_row *row, void *context)
{
    struct upgrade *upgrade = context;
    if (row->pin == upgrade->pin) {
        return true;
    }
    if (upgrade->count == upgrade->capacity) {
        upgrade->capacity = upgrade->capacity == 0 ? 64 : upgrade->capacity * 2;
        upgrade->steps = fnd_realloc(upgrade->steps, upgrade->capacity, sizeof *upgrade->steps);
    }
    upgrade->steps[upgrade->count++] = row->id;
    return true;
}

/** The ids of the old pin's phases in order, out of its document: the plugins of the old pin may be
 *  gone, and a job must be able to leave them behind. malloc'ed array of malloc'ed ids. */
static char **old_phases(struct fnd_engine *engine, int64_t pin, size_t *count,
                         struct fnd_error *error)
{
    struct fnd_text document = {0};
    char **ids = NULL;
    *count = 0;
    if (fnd_payload_get(engine->reader, pin, &document, NULL, error) == FND_OK) {
        struct fnd_json pinned = {document.bytes, document.size};
        struct fnd_json phases = fnd_json_find(pinned, "/canonical/phases");
        ids = fnd_alloc((fnd_json_count(phases) + 1) * sizeof *ids);
        for (struct fnd_json_walk walk = fnd_json_walk(phases); fnd_json_next(&walk);) {
            ids[(*count)++] = fnd_json_strdup(fnd_json_member(walk.value, "id"));
        }
    }
    fnd_text_finish(&document);
    return ids;
}

static void phases_free(char **ids, size_t count)
{
    for (size_t i = 0; ids != NULL && i < count; i++) {
        free(ids[i]);
    }
    free(ids);
}

/** Whether a person has to say first if the step's phase may run a second time: moving the step
 * would begin it again. */
static bool repeat_undecided(const struct upgrade *upgrade, const struct fnd_step_row *row)
{
    struct fnd_request_row request;
    struct fnd_text body = {0};
    const bool begun = row->stand.state == FND_RUNNING || row->stand.due_us == FND_DUE_HELD_BEGUN;
    if (begun && !upgrade->pipeline->phases[row->stand.phase].repeatable) {
        return true;
    }
    bool asked = false;
    if (row->stand.state == FND_PAUSED &&
        fnd_request_of(upgrade->engine->reader, row->id, &request, NULL) == FND_OK &&
        fnd_payload_get(upgrade->engine->reader, request.id, &body, NULL, NULL) == FND_OK) {
        struct fnd_json asks = {body.bytes, body.size};
        asked = fnd_json_text_is(fnd_json_member(asks, "origin"), "engine");
    }
    fnd_text_finish(&body);
    return asked;
}

/** Whether a step can go on under the new pipeline: every phase that it has behind it, and the one
 *  it stands at, must be there under the same id at the same place. */
static bool can_move(const struct upgrade *upgrade, const struct fnd_step_row *row,
                     struct fnd_text *why)
{
    struct fnd_error error = {0};
    size_t count = 0;
    char **ids = old_phases(upgrade->engine, row->pin, &count, &error);
    bool can = ids != NULL;
    if (!can) {
        fnd_text_append_z(why, error.message);
    }
    for (size_t i = 0; can && i <= (size_t)row->stand.phase && i < count; i++) {
        if (i >= upgrade->pipeline->phases_count ||
            strcmp(upgrade->pipeline->phases[i].id, ids[i]) != 0) {
            fnd_text_printf(
                why, "phase %zu was %s and is %s now; it has run or stands there", i + 1, ids[i],
                i < upgrade->pipeline->phases_count ? upgrade->pipeline->phases[i].id : "gone");
            can = false;
        }
    }
    if (can && row->stand.due_us == FND_DUE_CHOICE) {
        fnd_text_append_z(why, "it holds the choice of its batch, which the others need to go on; "
                               "run the pipeline as it was first");
        can = false;
    }
    if (can && repeat_undecided(upgrade, row)) {
        fnd_text_printf(why,
                        "whether phase %s may run again is for a person to say: run it, then "
                        "answer",
                        upgrade->pipeline->phases[row->stand.phase].id);
        can = false;
    }
    if (can) {
        fnd_text_printf(why, "goes on at phase %s", upgrade->pipeline->phases[row->stand.phase].id);
    }
    phases_free(ids, count);
    return can;
}

/** The write names no task: the old pin may not even load. */
static enum fnd_status step_move(struct upgrade *upgrade, const struct fnd_step_row *row,
                                 struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_text body = {0};
    write->step = row->id;
    write->before = row->event;
    write->outputs_count = row->outputs_count;
    memcpy(write->outputs, row->outputs, row->outputs_count * sizeof *write->outputs);
    fnd_text_append_z(&body, "{\"by\":");
    fnd_text_append_json_z(&body, upgrade->by);
    fnd_text_printf(&body, ",\"from\":%" PRId64 ",\"to\":%" PRId64 "}", row->pin, upgrade->pin);
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_UPGRADE, fnd_text_take(&body), NULL);
    event->ref = upgrade->pin;
    event->phase = row->stand.phase;
    event->attempt = row->stand.attempt;
    event->after = (struct fnd_stand){FND_QUEUED, row->stand.phase, 0, 0, 0};
    enum fnd_status status = fnd_store_commit(upgrade->engine->store, write, error);
    fnd_write_destroy(write);
    upgrade->engine->backlog[FND_QUEUED] = (struct fnd_backlog){true, 0};
    return status;
}

static enum fnd_status step_upgrade(struct upgrade *upgrade, int64_t step, bool dry,
                                    void (*report)(void *, const char *, bool, const char *),
                                    void *context, struct fnd_error *error)
{
    struct fnd_step_row row;
    struct fnd_job_row job = {0};
    struct fnd_text why = {0};
    enum fnd_status status = fnd_step_get(upgrade->engine->reader, step, &row, error);
    if (status == FND_OK) {
        status = fnd_job_get(upgrade->engine->reader, row.job, &job, error);
    }
    if (status == FND_OK && strcmp(job.pipeline, upgrade->pipeline->name) == 0) {
        bool moves = can_move(upgrade, &row, &why);
        if (moves && fnd_task_find(upgrade->engine, step) != NULL) {
            moves = false;
            fnd_text_clear(&why);
            fnd_text_append_z(&why, "it is running just now; stop the engine first");
        }
        if (moves && !dry) {
            status = step_move(upgrade, &row, error);
        }
        if (status == FND_OK && report != NULL) {
            report(context, job.path, moves, fnd_text_z(&why));
        }
    }
    fnd_job_row_finish(&job);
    fnd_text_finish(&why);
    return status;
}

enum fnd_status fnd_engine_upgrade(struct fnd_engine *engine, int64_t pin, bool dry,
                                   void (*report)(void *context, const char *path, bool moves,
                                                  const char *why),
                                   void *context, const char *by, struct fnd_error *error)
{
    struct upgrade upgrade = {.engine = engine, .pin = pin, .by = by};
    enum fnd_status status = fnd_engine_pipeline(engine, pin, &upgrade.pipeline, error);
    for (int state = FND_QUEUED; status == FND_OK && state <= FND_PAUSED; state++) {
        struct fnd_walk walk = {0, SIZE_MAX};
        status =
            fnd_steps_walk(engine->reader, (enum fnd_state)state, &walk, step_add, &upgrade, error);
    }
    for (size_t i = 0; status == FND_OK && i < upgrade.count; i++) {
        status = step_upgrade(&upgrade, upgrade.steps[i], dry, report, context, error);
    }
    free(upgrade.steps);
    fnd_batches_look(engine); /* who left one may have been the last it waited for */
    return status;
}
