/* SPDX-License-Identifier: MIT */
#include "worker/pool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "worker/pool_state.h"

enum { EVENTS_MAX = 64, END_WAIT_MS = 50, ANSWERS_UNASKED = 16 };

enum fnd_status fnd_pool_create(const struct fnd_pool_options *options, struct fnd_pool **pool,
                                struct fnd_error *error)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot watch workers");
    }
    struct fnd_pool *made = fnd_alloc(sizeof *made);
    made->options = *options;
    made->options.workers_max = options->workers_max == 0 ? 1 : options->workers_max;
    made->options.crashes_max = options->crashes_max == 0 ? FND_CRASHES_MAX : options->crashes_max;
    made->options.start_ms = options->start_ms == 0 ? FND_WORKER_START_MS : options->start_ms;
    made->options.worker_program = NULL;
    if (options->worker_program != NULL) {
        made->program = fnd_strdup(options->worker_program);
    }
    made->epoll = epoll;
    made->done_end = &made->done;
    made->calls = fnd_calls_create();
    *pool = made;
    return FND_OK;
}

/** Free what died. */
static void workers_sweep(struct fnd_pool *pool)
{
    for (struct fnd_worker **at = &pool->workers; *at != NULL;) {
        struct fnd_worker *worker = *at;
        if (worker->state == FND_WORKER_DEAD) {
            *at = worker->next;
            fnd_worker_free(worker);
        } else {
            at = &worker->next;
        }
    }
}

void fnd_pool_destroy(struct fnd_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pool->ending = true;
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        for (size_t i = 0; i < at->count; i++) {
            fnd_worker_cancel(at, at->flights[(at->first + i) % FND_WORKER_FLIGHT_MAX].call);
        }
        fnd_worker_stop(at, FND_STOP_ASKED);
    }
    /* By real time: the pool's clock may be one that stands still. */
    for (int waited_ms = 0; pool->workers_count > 0;) {
        struct pollfd ready = {.fd = pool->epoll, .events = POLLIN};
        waited_ms += poll(&ready, 1, END_WAIT_MS) == 0 ? END_WAIT_MS : 0;
        fnd_pool_turn(pool);
        for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
            if (waited_ms >= 2 * FND_WORKER_GRACE_MS) {
                fnd_worker_stop(at, FND_STOP_KILL);
            } else if (waited_ms >= FND_WORKER_GRACE_MS) {
                fnd_worker_stop(at, FND_STOP_TERM);
            }
        }
    }
    workers_sweep(pool);
    fnd_groups_destroy(pool);
    fnd_work_destroy(pool->work);
    fnd_inlines_destroy(pool->inlines);
    fnd_calls_destroy(pool->calls);
    (void)close(pool->epoll);
    free(pool->program);
    free(pool);
}

void fnd_pool_done(struct fnd_pool *pool, struct fnd_pool_call *call, enum fnd_call_end end)
{
    call->end = end;
    call->worker = NULL;
    call->next = NULL;
    *pool->done_end = call;
    pool->done_end = &call->next;
}

struct fnd_pool_call *fnd_pool_collect(struct fnd_pool *pool)
{
    struct fnd_pool_call *list = pool->done;
    pool->done = NULL;
    pool->done_end = &pool->done;
    for (const struct fnd_pool_call *at = list; at != NULL; at = at->next) {
        pool->busy--;
    }
    return list;
}

void fnd_pool_submit(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    const struct fnd_callee *callee = call->callee;
    pool->busy++;
    call->worker = NULL;
    call->next = NULL;
    call->cancelled = false;
    call->level = (int)callee->isolation;
    if (callee->isolation == FND_ISOLATION_INLINE) {
        fnd_inline_run(pool, call);
        return;
    }
    struct fnd_group *group = fnd_group_find(pool, callee);
    if (fnd_group_held(pool, group, &call->error) != FND_OK) {
        fnd_pool_done(pool, call, FND_CALL_HELD);
        return;
    }
    fnd_group_folder_check(pool, group);
    if (group->refused.status != FND_OK && fnd_pool_now(pool) < group->not_before_us) {
        call->error = group->refused; /* it was tried a moment ago */
        fnd_pool_done(pool, call,
                      group->refused.status == FND_DENIED ? FND_CALL_HELD : FND_CALL_REFUSED);
        return;
    }
    *group->queue_end = call;
    group->queue_end = &call->next;
    group->queued++;
}

static size_t call_fds(const struct fnd_pool_call *call)
{
    size_t fds = 0;
    for (size_t i = 0; i < call->input.artifacts_count; i++) {
        fds += call->input.artifacts[i].fd >= 0 ? 1 : 0;
    }
    return fds;
}

/** The worker of the group with the fewest calls in flight that takes another one, or NULL. */
static struct fnd_worker *worker_pick(const struct fnd_pool *pool, const struct fnd_group *group,
                                      size_t fds)
{
    struct fnd_worker *best = NULL;
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        if (at->group == group && fnd_worker_takes(at, fds) &&
            (best == NULL || at->count < best->count)) {
            best = at;
        }
    }
    return best;
}

static size_t workers_in(const struct fnd_pool *pool, const struct fnd_group *group,
                         enum fnd_worker_state state)
{
    size_t count = 0;
    for (const struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        count += (group == NULL || at->group == group) && at->state == state ? 1 : 0;
    }
    return count;
}

/** All workers are taken and a plugin with calls has none: which one of another plugin leaves, an
 *  idle one at once, else the oldest, once it had its time. *due_us: when. NULL: none, or one is on
 *  its way out already, whose end brings us back here. */
static struct fnd_worker *room_from(const struct fnd_pool *pool, const struct fnd_group *needy,
                                    int64_t now_us, int64_t *due_us)
{
    if (workers_in(pool, NULL, FND_WORKER_ENDING) > 0) {
        return NULL;
    }
    struct fnd_worker *idle = NULL, *oldest = NULL;
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        if (at->group == needy || at->state != FND_WORKER_READY) {
            continue;
        }
        if (at->count == 0 && at->group->queue == NULL) {
            idle = idle == NULL || at->replied_us < idle->replied_us ? at : idle;
        }
        oldest = oldest == NULL || at->started_us < oldest->started_us ? at : oldest;
    }
    if (idle != NULL) {
        *due_us = now_us;
        return idle;
    }
    if (workers_in(pool, NULL, FND_WORKER_LEAVING) > 0) {
        return NULL;
    }
    if (oldest != NULL) {
        *due_us = oldest->started_us + (int64_t)FND_TENURE_MS * 1000;
    }
    return oldest;
}

/** When the group should have one more worker: now if it has none, or if a good piece of work waits
 *  behind those it has. INT64_MAX: it need not. */
static int64_t more_due(const struct fnd_pool *pool, const struct fnd_group *group, int64_t now_us)
{
    if (group->queue == NULL || workers_in(pool, group, FND_WORKER_STARTING) > 0) {
        return INT64_MAX; /* one that starts will take what it can */
    }
    int64_t due_us = now_us;
    const int64_t queued = (int64_t)group->queued;
    if (group->workers > 0 && queued * group->took_us < FND_WORK_WAITS_US) {
        due_us = INT64_MAX;
        for (const struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
            const int64_t stuck_us = at->replied_us + FND_WORK_WAITS_US / queued;
            due_us = at->group == group && stuck_us < due_us ? stuck_us : due_us;
        }
    }
    if (due_us < group->not_before_us) {
        due_us = group->not_before_us;
    }
    if (pool->workers_count < pool->options.workers_max) {
        return due_us;
    }
    int64_t room_us = INT64_MAX;
    if (group->workers == 0) {
        (void)room_from(pool, group, now_us, &room_us);
    }
    return room_us > due_us ? room_us : due_us;
}

static void group_start(struct fnd_pool *pool, struct fnd_group *group, int64_t now_us)
{
    if (pool->ending || more_due(pool, group, now_us) > now_us) {
        return;
    }
    if (pool->workers_count >= pool->options.workers_max) {
        int64_t due_us;
        struct fnd_worker *leaves = room_from(pool, group, now_us, &due_us);
        if (leaves != NULL) {
            fnd_worker_leave(leaves);
        }
        return;
    }
    struct fnd_error error = {0};
    if (fnd_worker_start(pool, group, group->queue->callee, &error) == FND_OK) {
        return;
    }
    fnd_group_crashed(pool, group);
    if (error.status != FND_IO && error.status != FND_FULL) {
        fnd_group_refuse(pool, group, &error);
    } else if (group->crashes < pool->options.crashes_max) { /* the machine is short of something */
        fnd_log(pool->options.log, FND_LOG_WARNING, "worker", NULL, NULL,
                "a worker of plugin %s is started later: %s", group->record->plugin, error.message);
    } else {
        fnd_group_hold(pool, group, &error);
    }
}

void fnd_pool_dispatch(struct fnd_pool *pool)
{
    const int64_t now_us = fnd_pool_now(pool);
    for (struct fnd_group *group = pool->groups; group != NULL; group = group->next) {
        while (group->queue != NULL) {
            struct fnd_worker *worker = worker_pick(pool, group, call_fds(group->queue));
            if (worker == NULL) {
                break;
            }
            (void)fnd_worker_send(worker, fnd_group_shift(group));
        }
        if (group->queue != NULL) {
            group_start(pool, group, now_us);
        }
    }
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        if (fnd_channel_waiting(&at->process.channel) > 0 && !at->writes) {
            fnd_worker_flush(at);
        }
    }
}

void fnd_pool_cancel(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    call->cancelled = true;
    if (call->worker != NULL) {
        fnd_worker_cancel(call->worker, call);
        return;
    }
    for (struct fnd_group *group = pool->groups; group != NULL; group = group->next) {
        for (struct fnd_pool_call **at = &group->queue; *at != NULL; at = &(*at)->next) {
            if (*at != call) {
                continue;
            }
            *at = call->next;
            if (*at == NULL) {
                group->queue_end = at;
            }
            group->queued--;
            fnd_pool_done(pool, call, FND_CALL_CANCELLED);
            return;
        }
    }
}

int fnd_pool_fd(const struct fnd_pool *pool)
{
    return pool->epoll;
}

int64_t fnd_pool_wait_us(const struct fnd_pool *pool)
{
    const int64_t now_us = fnd_pool_now(pool);
    int64_t next_us = pool->done != NULL ? now_us : INT64_MAX;
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        const int64_t wanted_us = fnd_worker_watch(at, now_us, false);
        next_us = wanted_us < next_us ? wanted_us : next_us;
    }
    for (const struct fnd_group *at = pool->groups; at != NULL; at = at->next) {
        const int64_t wanted_us = more_due(pool, at, now_us);
        next_us = wanted_us < next_us ? wanted_us : next_us;
    }
    return next_us == INT64_MAX ? -1 : next_us > now_us ? next_us - now_us : 0;
}

/** Where one worker alone has calls, what woke the pool is its answer almost always: it is read
 *  without asking first which descriptor has something. All of them are asked every so often, too,
 *  so that a worker which answers without a pause keeps no other sign of it waiting for ever. */
static bool answer_take(struct fnd_pool *pool)
{
    struct fnd_worker *worker = pool->workers;
    return worker != NULL && worker->next == NULL && worker->state == FND_WORKER_READY &&
           worker->count > 0 && !worker->writes && ++pool->answers % ANSWERS_UNASKED != 0 &&
           fnd_worker_answers(worker);
}

void fnd_pool_turn(struct fnd_pool *pool)
{
    struct epoll_event events[EVENTS_MAX];
    const bool idle = pool->workers == NULL; /* nothing is watched */
    const int count =
        idle || answer_take(pool) ? 0 : epoll_wait(pool->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        const struct fnd_source *source = events[i].data.ptr;
        if (source->worker->state != FND_WORKER_DEAD) {
            fnd_worker_event(source->worker, source);
        }
    }
    const int64_t now_us = fnd_pool_now(pool);
    for (struct fnd_worker *at = pool->workers; at != NULL; at = at->next) {
        (void)fnd_worker_watch(at, now_us, true);
    }
    workers_sweep(pool);
    if (!pool->ending) {
        fnd_pool_dispatch(pool);
    }
}

size_t fnd_pool_busy(const struct fnd_pool *pool)
{
    return pool->busy;
}

size_t fnd_pool_workers(const struct fnd_pool *pool)
{
    return pool->workers_count;
}
