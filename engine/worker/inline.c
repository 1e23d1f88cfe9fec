/* SPDX-License-Identifier: MIT */
/* Calls in the engine's own process: for code the user trusts as much as the engine. A call that
 * hangs can only be waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/pool_state.h"

struct fnd_inline {
    struct fnd_inline *next;
    uint8_t hash[FND_DIGEST_SIZE];
    struct fnd_plugin plugin;
    struct fnd_instances *instances;
    struct fnd_slots slots;
};

struct watch {
    const struct fnd_pool *pool;
    struct fnd_pool_call *call;
    int64_t deadline_us; /* 0: none */
};

static bool cancelled(void *context)
{
    const struct watch *watch = context;
    return watch->call->cancelled ||
           (watch->deadline_us != 0 && fnd_pool_now(watch->pool) >= watch->deadline_us);
}

static void progress(void *context, double fraction, const char *note)
{
    const struct watch *watch = context;
    watch->call->progress = fraction;
    (void)snprintf(watch->call->note, sizeof watch->call->note, "%s", note != NULL ? note : "");
}

static void keep(void *context, const char *bytes, size_t size)
{
    const struct watch *watch = context;
    if (watch->call->keep != NULL) {
        watch->call->keep(watch->call, bytes, size);
    }
}

/** The loaded plugin of this hash; loads it the first time. */
static struct fnd_inline *inline_find(struct fnd_pool *pool, const struct fnd_callee *callee,
                                      struct fnd_error *error)
{
    for (struct fnd_inline *at = pool->inlines; at != NULL; at = at->next) {
        if (memcmp(at->hash, callee->hash, sizeof at->hash) == 0) {
            return at;
        }
    }
    struct fnd_inline *made = fnd_alloc(sizeof *made);
    if (fnd_plugin_load(callee->fd, callee->path, &made->plugin, error) != FND_OK) {
        free(made);
        return NULL;
    }
    memcpy(made->hash, callee->hash, sizeof made->hash);
    made->instances = fnd_instances_create(&made->plugin);
    made->next = pool->inlines;
    pool->inlines = made;
    return made;
}

void fnd_inline_run(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    const struct fnd_callee *callee = call->callee;
    struct fnd_inline *loaded = inline_find(pool, callee, &call->error);
    if (loaded == NULL) { /* a file that cannot be read just now says nothing of the plugin */
        fnd_pool_done(pool, call, call->error.status == FND_IO ? FND_CALL_HELD : FND_CALL_REFUSED);
        return;
    }
    bool fresh;
    const size_t slot = fnd_slots_find(&loaded->slots, callee, &fresh);
    if (fresh && fnd_instances_define(loaded->instances, slot, callee->name, callee->kind,
                                      callee->config_constant, &call->error) != FND_OK) {
        fnd_slots_forget(&loaded->slots, slot);
        fnd_pool_done(pool, call, FND_CALL_REFUSED);
        return;
    }
    const int64_t began_us = fnd_pool_now(pool);
    struct watch watch = {.pool = pool, .call = call};
    if (call->timeout_ms > 0) {
        watch.deadline_us = began_us + call->timeout_ms * 1000;
    }
    const struct fnd_call_live live = {.progress = progress,
                                       .cancelled = cancelled,
                                       .keep = keep,
                                       .context = &watch,
                                       .calls = pool->calls};
    fnd_instances_run(loaded->instances, slot, &call->input, &live, &call->effects);
    call->took_us = fnd_pool_now(pool) - began_us;
    enum fnd_call_end end = FND_CALL_RETURNED;
    if (call->effects.outcome == FOUNDRY_CANCELLED && call->cancelled) {
        end = FND_CALL_CANCELLED;
    } else if (call->effects.outcome == FOUNDRY_CANCELLED && watch.deadline_us != 0 &&
               cancelled(&watch)) {
        (void)fnd_error_set(&call->error, FND_PLUGIN,
                            "%s/%s did not end within %lld ms and stopped when it was asked to",
                            callee->plugin, callee->name, (long long)call->timeout_ms);
        end = FND_CALL_TIMEOUT;
    }
    fnd_pool_done(pool, call, end);
}

void fnd_inlines_destroy(struct fnd_inline *inlines)
{
    while (inlines != NULL) {
        struct fnd_inline *next = inlines->next;
        fnd_instances_destroy(inlines->instances);
        fnd_slots_finish(&inlines->slots);
        free(inlines);
        inlines = next;
    }
}
