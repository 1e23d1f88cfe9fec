/* SPDX-License-Identifier: MIT */
/* A worker's deadlines, its stopping, and what becomes of its calls when it dies. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "worker/pool_state.h"
#include "worker/usage.h"

void fnd_worker_leave(struct fnd_worker *worker)
{
    if (worker->state == FND_WORKER_READY) {
        worker->state = FND_WORKER_LEAVING;
        if (worker->count == 0) {
            fnd_worker_stop(worker, FND_STOP_ASKED);
        }
    }
}

void fnd_worker_stop(struct fnd_worker *worker, enum fnd_stop how)
{
    if (worker->state == FND_WORKER_DEAD || how <= worker->stop) {
        return;
    }
    worker->stop = how;
    worker->state = FND_WORKER_ENDING;
    worker->stop_next_us = fnd_pool_now(worker->pool) + (int64_t)FND_WORKER_GRACE_MS * 1000;
    if (how == FND_STOP_ASKED) {
        (void)shutdown(worker->process.channel.fd, SHUT_WR);
    } else {
        fnd_process_kill(&worker->process, how == FND_STOP_TERM ? SIGTERM : SIGKILL);
    }
}

/** The flight that the worker works at, as far as it can be known: the one its page names if that
 *  is in flight, else the oldest. *began_us: when it began. NULL: none. */
static struct fnd_flight *flight_current(struct fnd_worker *worker, int64_t now_us,
                                         int64_t *began_us)
{
    if (worker->count == 0) {
        return NULL;
    }
    const struct fnd_worker_page *page = worker->process.page;
    const uint64_t id = atomic_load_explicit(&page->call, memory_order_acquire);
    for (size_t i = 0; i < worker->count; i++) {
        struct fnd_flight *flight = fnd_flight_at(worker, i);
        if (flight->id != id) {
            continue;
        }
        if (flight->began_us == 0) { /* what the page says first counts, within reason */
            const int64_t said_us = atomic_load_explicit(&page->began_us, memory_order_relaxed);
            flight->began_us = said_us < flight->sent_us ? flight->sent_us
                               : said_us > now_us        ? now_us
                                                         : said_us;
        }
        *began_us = flight->began_us;
        return flight;
    }
    struct fnd_flight *oldest = fnd_flight_at(worker, 0);
    *began_us = oldest->sent_us > worker->replied_us ? oldest->sent_us : worker->replied_us;
    return oldest;
}

void fnd_worker_cancel(struct fnd_worker *worker, const struct fnd_pool_call *call)
{
    for (size_t i = 0; i < worker->count; i++) {
        struct fnd_flight *flight = fnd_flight_at(worker, i);
        if (flight->call == call && flight->stop == FND_STOP_NONE) {
            flight->stop = FND_STOP_ASKED;
            atomic_store_explicit(&worker->process.page->cancel[flight->place], flight->id,
                                  memory_order_relaxed);
        }
    }
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/** Deadline and stopping of the call under way. */
static int64_t watch_flight(struct fnd_worker *worker, struct fnd_flight *flight, int64_t began_us,
                            int64_t now_us, bool act)
{
    const int64_t grace_us = (int64_t)FND_WORKER_GRACE_MS * 1000;
    const int64_t timeout_us = flight->call->timeout_ms * 1000;
    if (flight->stop == FND_STOP_NONE) {
        if (timeout_us <= 0) {
            return INT64_MAX;
        }
        if (now_us < began_us + timeout_us || !act) {
            return began_us + timeout_us;
        }
        fnd_worker_cancel(worker, flight->call);
        flight->by_deadline = true;
    }
    if (flight->stop_next_us == 0) {
        flight->stop_next_us = now_us + grace_us;
    }
    if (now_us >= flight->stop_next_us && act && flight->stop < FND_STOP_KILL) {
        flight->stop++;
        flight->stop_next_us = now_us + grace_us;
        worker->victim = flight->id;
        worker->group->flight_max = 1;
        fnd_worker_stop(worker, flight->stop);
    }
    return flight->stop < FND_STOP_KILL ? flight->stop_next_us : INT64_MAX;
}

static void watch_progress(const struct fnd_worker *worker, struct fnd_pool_call *call)
{
    const uint64_t bits =
        atomic_load_explicit(&worker->process.page->progress, memory_order_relaxed);
    double fraction;
    memcpy(&fraction, &bits, sizeof fraction);
    if (fraction >= 0 && fraction <= 1) {
        call->progress = fraction;
    }
    for (size_t i = 0; i < FND_NOTE_SIZE / sizeof bits; i++) {
        const uint64_t part =
            atomic_load_explicit(&worker->process.page->note[i], memory_order_relaxed);
        memcpy(call->note + i * sizeof part, &part, sizeof part);
    }
    call->note[FND_NOTE_SIZE - 1] = '\0';
}

/** Look now and then at what a busy worker holds, and end one that holds too much. */
static int64_t watch_usage(struct fnd_worker *worker, int64_t now_us, bool act)
{
    if (worker->state == FND_WORKER_ENDING) {
        return INT64_MAX;
    }
    if (worker->usage_next_us == 0) {
        worker->usage_next_us = now_us + (int64_t)FND_WORKER_USAGE_MS * 1000;
    }
    if (now_us < worker->usage_next_us || !act) {
        return worker->usage_next_us;
    }
    const struct fnd_limits *limits = &worker->group->limits;
    struct fnd_usage usage;
    struct fnd_text text = {0};
    /* The filter of calls lets nobody in the full sandbox start a process. */
    const bool processes = (worker->level & FND_LEVEL_MASK) != FND_ISOLATION_SANDBOX;
    fnd_usage_look(worker->process.pid, worker->work, processes, limits, &usage);
    worker->usage_next_us = now_us + (int64_t)FND_WORKER_USAGE_MS * 1000;
    if (!fnd_usage_over(&usage, limits, &text)) {
        return worker->usage_next_us;
    }
    worker->over = fnd_text_take(&text);
    fnd_worker_stop(worker, FND_STOP_KILL);
    return INT64_MAX;
}

int64_t fnd_worker_watch(struct fnd_worker *worker, int64_t now_us, bool act)
{
    if (worker->state == FND_WORKER_DEAD) {
        return INT64_MAX;
    }
    int64_t next_us = INT64_MAX;
    if (worker->state == FND_WORKER_STARTING) {
        next_us = worker->started_us + worker->pool->options.start_ms * 1000;
        if (act && now_us >= next_us) {
            worker->late = true;
            fnd_worker_stop(worker, FND_STOP_KILL);
        }
        return earlier(next_us, watch_usage(worker, now_us, act));
    }
    int64_t began_us = 0;
    struct fnd_flight *flight = flight_current(worker, now_us, &began_us);
    if (flight != NULL) {
        watch_progress(worker, flight->call);
        next_us = watch_flight(worker, flight, began_us, now_us, act);
        next_us = earlier(next_us, watch_usage(worker, now_us, act));
    }
    if (worker->state == FND_WORKER_ENDING && worker->stop < FND_STOP_KILL) {
        next_us = earlier(next_us, worker->stop_next_us);
        if (act && now_us >= worker->stop_next_us) {
            fnd_worker_stop(worker, worker->stop + 1);
        }
    }
    return next_us;
}

static void end_refused(struct fnd_pool_call *call, const char *plugin, const struct fnd_error *why,
                        const struct fnd_noise *noise, uint64_t since)
{
    call->error = *why;
    call->error.status = FND_PLUGIN;
    fnd_error_prefix(&call->error, "the worker of plugin %s broke the protocol and was stopped",
                     plugin);
    fnd_noise_tail(noise, since, &call->noise);
}

/** Give the call that was under way its end. */
static enum fnd_call_end end_culprit(struct fnd_worker *worker, struct fnd_flight *flight,
                                     const struct fnd_process_end *end)
{
    struct fnd_pool_call *call = flight->call;
    const struct fnd_callee *callee = call->callee;
    if (worker->broke && worker->breach.status == FND_NO_MEMORY) {
        call->error = worker->breach; /* ours: it ran, and its result is lost, as by a crash */
        return FND_CALL_CRASHED;
    }
    if (worker->broke) {
        end_refused(call, callee->plugin, &worker->breach, &worker->noise, worker->noise_seen);
        return FND_CALL_REFUSED;
    }
    fnd_noise_tail(&worker->noise, worker->noise_seen, &call->noise);
    if (flight->stop != FND_STOP_NONE && !flight->by_deadline) {
        return FND_CALL_CANCELLED;
    }
    struct fnd_text text = {0};
    enum fnd_call_end ends = FND_CALL_CRASHED;
    if (flight->by_deadline) {
        fnd_text_printf(&text, "%s/%s did not end within %lld ms", callee->plugin, callee->name,
                        (long long)call->timeout_ms);
        fnd_text_append_z(&text, worker->victim == flight->id
                                     ? " and did not stop when it was asked to: it was killed"
                                     : " and its worker ended");
        ends = FND_CALL_TIMEOUT;
    } else if (worker->over != NULL) {
        fnd_text_printf(&text, "%s, and was killed", worker->over);
    } else {
        fnd_process_end_text(end, &worker->group->limits, &text);
    }
    (void)fnd_error_set(&call->error, FND_PLUGIN, "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    return ends;
}

/** Append what it printed, if it did. */
static void printed(const struct fnd_worker *worker, struct fnd_text *text)
{
    enum { SHOWN = 400 };
    struct fnd_text noise = {0};
    fnd_noise_tail(&worker->noise, 0, &noise);
    if (noise.size > 0) {
        fnd_text_append_z(text, "; it printed: ");
        fnd_text_append_visible(text, noise.bytes, noise.size < SHOWN ? noise.size : SHOWN);
    }
    fnd_text_finish(&noise);
}

/** It died before it was ready. Its plugin may be at fault or not (somebody may have killed it, or
 *  the machine ran out of memory): what waits for it waits for the next one, and a plugin that
 *  never gets there ends in quarantine as one that crashes in its calls does. */
static void end_starting(struct fnd_worker *worker, const struct fnd_process_end *end)
{
    struct fnd_pool *pool = worker->pool;
    struct fnd_group *group = worker->group;
    if (pool->ending || worker->refused) {
        return;
    }
    struct fnd_text how = {0};
    if (worker->broke) {
        fnd_text_printf(&how, "when it broke the protocol as it was loaded: %s",
                        worker->breach.message);
    } else if (worker->late) {
        fnd_text_printf(&how, "when it was not ready within %lld ms",
                        (long long)pool->options.start_ms);
    } else if (worker->over != NULL) {
        fnd_text_printf(&how, "while it was loaded: %s", worker->over);
    } else {
        fnd_text_append_z(&how, "while it was loaded: ");
        fnd_process_end_text(end, &group->limits, &how);
    }
    printed(worker, &how);
    fnd_log(pool->options.log, FND_LOG_WARNING, "worker", NULL, NULL,
            "a worker of plugin %s died %s", group->record->plugin, how.bytes);
    fnd_group_died(pool, group, how.bytes);
    if (worker->broke && group->queue != NULL) { /* no accident */
        struct fnd_error error = {0};
        (void)fnd_error_set(&error, FND_PLUGIN,
                            "plugin %s (%s) cannot be loaded: its worker died %s",
                            group->record->plugin, group->queue->callee->path, how.bytes);
        fnd_group_refuse(pool, group, &error);
    }
    fnd_text_finish(&how);
}

/** It died on its own after it had been ready; culprit: of the call it worked at, or 0. */
static void end_working(struct fnd_worker *worker, const struct fnd_process_end *end,
                        uint64_t culprit)
{
    struct fnd_text how = {0};
    const char *plugin = worker->group->record->plugin;
    fnd_text_append_z(&how, culprit == 0 ? "with no call" : "");
    for (size_t i = 0; i < worker->count; i++) {
        const struct fnd_flight *flight = fnd_flight_at(worker, i);
        if (flight->id == culprit) {
            fnd_text_printf(&how, "in %s/%s", plugin, flight->call->callee->name);
        }
    }
    fnd_text_append_z(&how, ": ");
    if (worker->broke || worker->over != NULL) {
        fnd_text_append_z(&how, worker->broke ? worker->breach.message : worker->over);
    } else {
        fnd_process_end_text(end, &worker->group->limits, &how);
    }
    fnd_log(worker->pool->options.log, FND_LOG_WARNING, "worker", NULL, NULL,
            "a worker of plugin %s died %s", plugin, how.bytes);
    fnd_group_died(worker->pool, worker->group, how.bytes);
    fnd_text_finish(&how);
}

void fnd_worker_ended(struct fnd_worker *worker)
{
    struct fnd_pool *pool = worker->pool;
    const struct fnd_process_end end = fnd_process_reap(&worker->process);
    fnd_worker_drain(worker); /* what was answered before counts */
    uint64_t culprit = worker->victim;
    if (culprit == 0) {
        int64_t began_us;
        const struct fnd_flight *current = flight_current(worker, fnd_pool_now(pool), &began_us);
        culprit = current != NULL ? current->id : 0;
    }
    if (!worker->ready) {
        end_starting(worker, &end);
    } else if (worker->stop == FND_STOP_NONE || worker->hung_up || worker->broke ||
               worker->over != NULL) {
        end_working(worker, &end, culprit);
    }
    while (worker->count > 0) {
        struct fnd_flight flight = fnd_flight_shift(worker);
        enum fnd_call_end ends = FND_CALL_LOST;
        if (flight.id == culprit) {
            ends = end_culprit(worker, &flight, &end);
        } else if (flight.stop != FND_STOP_NONE && !flight.by_deadline) {
            ends = FND_CALL_CANCELLED;
        }
        if (ends == FND_CALL_LOST) {
            fnd_effects_finish(&flight.call->effects);
        }
        fnd_pool_done(pool, flight.call, ends);
    }
    worker->state = FND_WORKER_DEAD;
    worker->group->workers--;
    pool->workers_count--;
    /* Closing alone does not take a descriptor out of the set while a worker that is being started
     * still has its copy: a vfork parent goes on before exec closes those. */
    const int fds[] = {worker->process.channel.fd, worker->process.noise, worker->process.pidfd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, fds[i], NULL);
        }
    }
    fnd_process_finish(&worker->process);
}
