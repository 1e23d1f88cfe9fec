/* SPDX-License-Identifier: MIT */
/* Pools: what must not be used by two at once, a GPU say. Visits of phases that name one share it
 * with each other; a training has it alone. A training that waits comes before the visits that
 * begin after it asked: neither can starve the other. */
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

static bool closed(const struct fnd_engine *engine, const char *pool, size_t *at)
{
    for (*at = 0; *at < engine->closed_count; (*at)++) {
        if (strcmp(engine->closed[*at], pool) == 0) {
            return true;
        }
    }
    return false;
}

bool fnd_task_pooled(struct fnd_task *task)
{
    const struct fnd_phase *phase = fnd_task_phase(task);
    size_t at = 0;
    if (phase->pool == NULL || !closed(task->engine, phase->pool, &at)) {
        return false;
    }
    task->pooled = true;
    fnd_task_ready(task);
    return true;
}

void fnd_pools_open(struct fnd_engine *engine, const char *name)
{
    for (struct fnd_task *task = engine->pooled_first, *next = NULL; task != NULL; task = next) {
        next = task->next;
        if (name == NULL || strcmp(fnd_task_phase(task)->pool, name) == 0) {
            fnd_task_unready(task);
            fnd_task_ready(task);
        }
    }
}

static bool visited(const struct fnd_engine *engine, const char *pool)
{
    for (size_t i = 0; i < FND_TASK_BUCKETS; i++) {
        for (const struct fnd_task *task = engine->buckets[i]; task != NULL;
             task = task->next_bucket) {
            const struct fnd_phase *phase = fnd_task_phase(task);
            if (task->state == FND_TASK_VISITING && phase->pool != NULL &&
                strcmp(phase->pool, pool) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool fnd_engine_pool_take(struct fnd_engine *engine, const char *pool)
{
    size_t at = 0;
    if (!closed(engine, pool, &at)) {
        engine->closed =
            fnd_realloc(engine->closed, engine->closed_count + 1, sizeof *engine->closed);
        engine->closed[engine->closed_count++] = fnd_strdup(pool);
    }
    return !visited(engine, pool);
}

void fnd_engine_pool_release(struct fnd_engine *engine, const char *pool)
{
    size_t at = 0;
    if (closed(engine, pool, &at)) {
        free(engine->closed[at]);
        engine->closed[at] = engine->closed[--engine->closed_count];
        fnd_pools_open(engine, pool);
    }
}
