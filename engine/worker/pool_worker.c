/* SPDX-License-Identifier: MIT */
/* A worker as the pool sees it: what it is sent, what it answers, and its death. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "worker/pool_state.h"
#include "worker/serve.h"

static bool watch(struct fnd_worker *worker, int fd, enum fnd_source_kind kind)
{
    struct fnd_source *source = &worker->sources[kind];
    *source = (struct fnd_source){.kind = kind, .worker = worker};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    return epoll_ctl(worker->pool->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/** Without being told of its words and of its end, an engine would wait for it for ever. */
static enum fnd_status watch_all(struct fnd_worker *worker, struct fnd_error *error)
{
    if (watch(worker, worker->process.channel.fd, FND_SOURCE_CHANNEL) &&
        watch(worker, worker->process.noise, FND_SOURCE_NOISE) &&
        watch(worker, worker->process.pidfd, FND_SOURCE_DEATH)) {
        return FND_OK;
    }
    (void)fnd_error_errno(error, FND_IO, errno, "cannot wait for a worker of %s",
                          worker->group->queue->callee->path);
    fnd_process_kill(&worker->process, SIGKILL);
    (void)fnd_process_reap(&worker->process);
    fnd_process_finish(&worker->process);
    return FND_IO;
}

/** The lowest number that no live worker has: workers of an engine that is root are told apart by
 *  it, as users. */
static size_t slot_free(const struct fnd_pool *pool)
{
    for (size_t slot = 0;; slot++) {
        const struct fnd_worker *at = pool->workers;
        while (at != NULL && (at->slot != slot || at->state == FND_WORKER_DEAD)) {
            at = at->next;
        }
        if (at == NULL) {
            return slot;
        }
    }
}

/** Who a worker of an engine that is root becomes. A folder is written as its owner would: giving
 *  it to somebody else is not ours to do. */
static void user_choose(const struct fnd_pool *pool, const struct fnd_worker *worker,
                        const struct stat *folder, struct fnd_confinement *confinement, int *flags)
{
    if (geteuid() != 0) {
        return;
    }
    if (pool->options.allow_root) {
        confinement->root = true;
        *flags = FND_LEVEL_ROOT;
        return;
    }
    confinement->user = true;
    if (confinement->write) {
        confinement->uid = folder->st_uid;
        confinement->gid = folder->st_gid;
        *flags = FND_LEVEL_OWNER;
    } else {
        confinement->uid = (uid_t)(FND_WORKER_UID_BASE + worker->slot % FND_WORKER_UIDS);
        confinement->gid = (gid_t)confinement->uid;
    }
}

/** Fill in what a sandboxed worker gets: folders, user.  write: receives the granted folder, open,
 *  or -1. */
static enum fnd_status sandbox_prepare(struct fnd_pool *pool, struct fnd_worker *worker,
                                       const struct fnd_callee *callee,
                                       struct fnd_confinement *confinement, int *write,
                                       struct fnd_error *error)
{
    struct stat folder = {0};
    enum fnd_status status = FND_OK;
    if (callee->grant_write != NULL) {
        status = fnd_grant_open(callee, write, &folder, error);
        if (status != FND_OK) {
            return status;
        }
        confinement->write = true;
        worker->group->write_device = folder.st_dev;
        worker->group->write_inode = folder.st_ino;
    }
    user_choose(pool, worker, &folder, confinement, &worker->level);
    if (pool->work == NULL) {
        status = fnd_work_create(&pool->work, error);
    }
    if (status == FND_OK) {
        status =
            fnd_work_folder(pool->work, confinement->uid, confinement->gid, &worker->work, error);
    }
    confinement->work = worker->work;
    return status;
}

static enum fnd_status process_start(struct fnd_pool *pool, struct fnd_worker *worker,
                                     const struct fnd_callee *callee, struct fnd_error *error)
{
    struct fnd_confinement confinement = {.limits = callee->limits,
                                          .isolation = callee->isolation,
                                          .reads = callee->reads,
                                          .landlock_abi_max = pool->options.landlock_abi_max};
    struct fnd_start start = {.program = pool->program,
                              .mode = "serve",
                              .plugin = callee->fd,
                              .write = -1,
                              .path = callee->path,
                              .confinement = &confinement};
    enum fnd_status status = FND_OK;
    if (callee->isolation >= FND_ISOLATION_SANDBOX) {
        status = sandbox_prepare(pool, worker, callee, &confinement, &start.write, error);
        if (status != FND_OK) { /* of the machine or the directory, not of the plugin */
            error->status = FND_DENIED;
            fnd_error_code(error, "isolation_failed");
        }
    }
    if (status == FND_OK) {
        status = fnd_process_start(&start, &worker->process, error);
    }
    if (start.write >= 0) {
        (void)close(start.write);
    }
    return status;
}

enum fnd_status fnd_worker_start(struct fnd_pool *pool, struct fnd_group *group,
                                 const struct fnd_callee *callee, struct fnd_error *error)
{
    if (pool->program == NULL) {
        pool->program = fnd_worker_program(NULL, error);
        if (pool->program == NULL) {
            return FND_PLUGIN;
        }
    }
    struct fnd_worker *worker = fnd_alloc(sizeof *worker);
    worker->pool = pool;
    worker->group = group;
    worker->slot = slot_free(pool);
    enum fnd_status status = process_start(pool, worker, callee, error);
    if (status == FND_OK) {
        status = watch_all(worker, error);
    }
    if (status != FND_OK) {
        fnd_work_remove(worker->work);
        free(worker);
        return status;
    }
    if (pool->options.nice != 0) {
        /* Before it makes a thread, which would begin with what this one has. */
        (void)setpriority(PRIO_PROCESS, (id_t)worker->process.pid, pool->options.nice);
    }
    worker->state = FND_WORKER_STARTING;
    worker->process.channel.take_max = fnd_limits_result(&callee->limits);
    worker->started_us = worker->replied_us = fnd_pool_now(pool);
    worker->next = pool->workers;
    pool->workers = worker;
    pool->workers_count++;
    group->workers++;
    fnd_log(pool->options.log, FND_LOG_DEBUG, "worker", NULL, NULL,
            "started worker %ld for plugin %s", (long)worker->process.pid, callee->plugin);
    return FND_OK;
}

void fnd_worker_free(struct fnd_worker *worker)
{
    fnd_process_finish(&worker->process);
    fnd_slots_finish(&worker->slots);
    fnd_noise_finish(&worker->noise);
    fnd_work_remove(worker->work);
    free(worker->over);
    free(worker);
}

bool fnd_worker_takes(const struct fnd_worker *worker, size_t fds)
{
    return worker->state == FND_WORKER_READY && worker->count < worker->group->flight_max &&
           (worker->count == 0 || worker->fds + fds < FND_FRAME_FDS_MAX);
}

static void send_definition(struct fnd_worker *worker, size_t slot, const struct fnd_callee *callee)
{
    struct fnd_text *out = fnd_channel_begin(&worker->process.channel, FND_FRAME_DEFINE, 0);
    char head[FND_DEFINE_HEAD_SIZE];
    const size_t name_size = strlen(callee->name);
    fnd_put_u32(head, (uint32_t)slot);
    fnd_put_u32(head + 4, (uint32_t)callee->kind);
    fnd_put_u32(head + 8, (uint32_t)name_size);
    fnd_text_append(out, head, sizeof head);
    fnd_text_append(out, callee->name, name_size);
    if (callee->config_constant.bytes == NULL) {
        fnd_text_append_z(out, "{}");
    } else {
        fnd_text_append(out, callee->config_constant.bytes, callee->config_constant.size);
    }
    (void)fnd_channel_end(&worker->process.channel, NULL, 0, NULL); /* a config is small */
}

/** Descriptors for the call's artifacts: read-only ones with a place in the file of their own, so
 *  that neither side moves the other's. Returns how many, or SIZE_MAX with the error. */
static size_t open_artifacts(const struct fnd_pool_call *call, int *fds, size_t fds_max,
                             struct fnd_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < call->input.artifacts_count; i++) {
        const struct fnd_call_artifact *artifact = &call->input.artifacts[i];
        if (artifact->fd < 0) {
            continue;
        }
        char name[32];
        (void)snprintf(name, sizeof name, "/proc/self/fd/%d", artifact->fd);
        const int fd = count < fds_max ? open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
        if (fd < 0) {
            if (count == fds_max) {
                (void)fnd_error_set(error, FND_LIMIT,
                                    "cannot hand artifact %s to the worker: a call carries at most "
                                    "%zu artifacts, and this one has %zu",
                                    artifact->name, fds_max, call->input.artifacts_count);
            } else {
                (void)fnd_error_errno(error, FND_IO, errno,
                                      "cannot hand artifact %s to the worker (%zu artifacts)",
                                      artifact->name, call->input.artifacts_count);
            }
            while (count > 0) {
                (void)close(fds[--count]);
            }
            return SIZE_MAX;
        }
        fds[count++] = fd;
    }
    return count;
}

/** What is too big never fits; what the machine has no room for now may go out later. */
static void unsent(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    fnd_pool_done(pool, call, call->error.status == FND_LIMIT ? FND_CALL_REFUSED : FND_CALL_HELD);
}

bool fnd_worker_send(struct fnd_worker *worker, struct fnd_pool_call *call)
{
    struct fnd_pool *pool = worker->pool;
    struct fnd_channel *channel = &worker->process.channel;
    int fds[FND_FRAME_FDS_MAX];
    const size_t count = open_artifacts(call, fds, FND_FRAME_FDS_MAX - 1, &call->error);
    if (count == SIZE_MAX) {
        unsent(pool, call);
        return false;
    }
    bool fresh;
    const size_t slot = fnd_slots_find(&worker->slots, call->callee, &fresh);
    if (fresh) {
        send_definition(worker, slot, call->callee);
    }
    struct fnd_flight *flight = fnd_flight_at(worker, worker->count);
    const size_t place = (size_t)(flight - worker->flights);
    const int64_t now_us = fnd_pool_now(pool);
    *flight = (struct fnd_flight){
        .call = call, .id = ++pool->id_last, .sent_us = now_us, .place = place, .fds = count};
    struct fnd_text *out = fnd_channel_begin(channel, FND_FRAME_CALL, flight->id);
    char head[FND_CALL_HEAD_SIZE];
    fnd_put_u32(head, (uint32_t)slot);
    fnd_put_u32(head + 4, (uint32_t)place);
    fnd_text_append(out, head, sizeof head);
    fnd_call_input_encode(&call->input, out);
    if (fnd_channel_end(channel, fds, count, &call->error) != FND_OK) {
        unsent(pool, call);
        return false;
    }
    if (worker->count == 0) {
        worker->replied_us = now_us;
    }
    worker->count++;
    worker->fds += count;
    call->worker = worker;
    call->level = worker->level;
    return true;
}

/** Watch for room to send, or no longer. */
static void watch_writes(struct fnd_worker *worker, bool writes)
{
    if (worker->writes != writes) {
        struct epoll_event event = {.events = EPOLLIN | (writes ? (uint32_t)EPOLLOUT : 0u),
                                    .data.ptr = &worker->sources[FND_SOURCE_CHANNEL]};
        (void)epoll_ctl(worker->pool->epoll, EPOLL_CTL_MOD, worker->process.channel.fd, &event);
        worker->writes = writes;
    }
}

void fnd_worker_flush(struct fnd_worker *worker)
{
    if (worker->state == FND_WORKER_ENDING || worker->process.channel.fd < 0) {
        return;
    }
    /* A broken channel is the sign of a death, which is told by its own descriptor. */
    watch_writes(worker, fnd_channel_flush(&worker->process.channel) == FND_CHANNEL_MORE);
}

static void breach(struct fnd_worker *worker, const struct fnd_error *error)
{
    if (!worker->broke) {
        worker->broke = true;
        worker->breach = *error;
        fnd_worker_stop(worker, FND_STOP_KILL);
    }
}

/** More calls in flight while they are short, one as soon as one is long. */
static void flight_adapt(struct fnd_group *group, int64_t took_us)
{
    group->took_us = took_us > 0 ? took_us : 1;
    if (took_us > FND_FLIGHT_LONG_US) {
        group->flight_max = 1;
    } else if (took_us < FND_FLIGHT_SHORT_US && group->flight_max < FND_WORKER_FLIGHT_MAX) {
        group->flight_max++;
    }
}

static void took_result(struct fnd_worker *worker, struct fnd_flight *flight,
                        struct fnd_effects *effects)
{
    struct fnd_pool_call *call = flight->call;
    struct fnd_text log = call->effects.log; /* came before, line by line */
    call->effects.log = (struct fnd_text){0};
    fnd_text_append(&log, effects->log.bytes, effects->log.size);
    fnd_text_finish(&effects->log);
    fnd_effects_finish(&call->effects);
    call->effects = *effects;
    call->effects.log = log;
    const struct fnd_limits *limits = &worker->group->limits;
    if (call->effects.code != NULL && strcmp(call->effects.code, "no_memory") == 0 &&
        limits->memory_bytes != 0) {
        struct fnd_text text = {0};
        fnd_text_printf(&text, "%s (the worker's memory limit is %llu MiB)",
                        call->effects.message == NULL ? "" : call->effects.message,
                        (unsigned long long)(limits->memory_bytes >> 20));
        free(call->effects.message);
        call->effects.message = fnd_text_take(&text);
    }
    const bool failed = call->effects.outcome > FOUNDRY_PAUSE;
    if (failed) {
        (void)fnd_noise_read(&worker->noise, worker->process.noise);
        fnd_noise_tail(&worker->noise, worker->noise_seen, &call->noise);
    }
    worker->noise_seen = worker->noise.total;
    if (call->effects.outcome != FOUNDRY_CANCELLED || flight->stop == FND_STOP_NONE) {
        fnd_pool_done(worker->pool, call, FND_CALL_RETURNED);
    } else if (flight->by_deadline) {
        (void)fnd_error_set(&call->error, FND_PLUGIN,
                            "%s/%s did not end within %lld ms and stopped when it was asked to",
                            call->callee->plugin, call->callee->name, (long long)call->timeout_ms);
        fnd_pool_done(worker->pool, call, FND_CALL_TIMEOUT);
    } else {
        fnd_pool_done(worker->pool, call, FND_CALL_CANCELLED);
    }
}

static void frame_result(struct fnd_worker *worker, const struct fnd_frame *frame)
{
    struct fnd_error error = {0};
    struct fnd_effects effects = {0};
    if (worker->count == 0 || fnd_flight_at(worker, 0)->id != frame->id ||
        frame->size < FND_RESULT_HEAD_SIZE) {
        (void)fnd_error_set(&error, FND_PLUGIN, "it answered a call that it was not asked next");
        breach(worker, &error);
        return;
    }
    struct fnd_error why = {0};
    if (fnd_effects_decode(frame->payload + FND_RESULT_HEAD_SIZE,
                           frame->size - FND_RESULT_HEAD_SIZE, &effects, &why) != FND_OK) {
        (void)fnd_error_set(&error, FND_PLUGIN, "its answer cannot be read: %s", why.message);
        breach(worker, &error);
        return;
    }
    struct fnd_flight flight = fnd_flight_shift(worker);
    const int64_t now_us = fnd_pool_now(worker->pool);
    const uint64_t said_us =
        (uint64_t)fnd_get_u32(frame->payload) | (uint64_t)fnd_get_u32(frame->payload + 4) << 32;
    const int64_t most_us = now_us - flight.sent_us;
    flight.call->took_us = said_us < (uint64_t)most_us ? (int64_t)said_us : most_us;
    worker->replied_us = now_us;
    worker->group->crashes = 0;
    worker->group->record->crashes = 0;
    flight_adapt(worker->group, flight.call->took_us);
    took_result(worker, &flight, &effects);
}

static void frame_log(struct fnd_worker *worker, const struct fnd_frame *frame)
{
    for (size_t i = 0; i < worker->count; i++) {
        struct fnd_flight *flight = fnd_flight_at(worker, i);
        if (flight->id != frame->id) {
            continue;
        }
        if (flight->log_lines < FND_LOG_LINES_MAX &&
            fnd_log_lines_valid(frame->payload, frame->size)) {
            flight->log_lines++;
            fnd_text_append(&flight->call->effects.log, frame->payload, frame->size);
            flight->call->effects.log_lines = flight->log_lines;
        }
        return;
    }
}

static void frame_kept(struct fnd_worker *worker, const struct fnd_frame *frame)
{
    for (size_t i = 0; i < worker->count; i++) {
        struct fnd_pool_call *call = fnd_flight_at(worker, i)->call;
        if (fnd_flight_at(worker, i)->id == frame->id && call->callee->kind == FND_CALLEE_TRAINER &&
            call->keep != NULL && frame->size <= FND_ARTIFACT_SIZE_MAX) {
            call->keep(call, frame->payload, frame->size);
        }
    }
}

static void frame_refused(struct fnd_worker *worker, const struct fnd_frame *frame)
{
    struct fnd_text text = {0};
    fnd_text_append_visible(&text, frame->payload, frame->size);
    struct fnd_error error = {0};
    (void)fnd_error_set(&error, FND_PLUGIN, "%s", fnd_text_z(&text));
    if (!worker->confined) { /* the plugin was not touched yet */
        error.status = FND_DENIED;
        fnd_error_code(&error, "isolation_failed");
    }
    fnd_text_finish(&text);
    worker->refused = true;
    fnd_group_crashed(worker->pool, worker->group);
    fnd_group_refuse(worker->pool, worker->group, &error);
    fnd_worker_stop(worker, FND_STOP_ASKED);
}

/** What it is kept to. Sent before the plugin is loaded, so that it is the worker's own word. */
static void frame_confined(struct fnd_worker *worker, const struct fnd_frame *frame)
{
    struct fnd_error error = {0};
    const enum fnd_isolation wanted = worker->group->isolation;
    const uint32_t effective =
        frame->size == FND_CONFINED_SIZE ? fnd_get_u32(frame->payload) : UINT32_MAX;
    if (effective > FND_ISOLATION_SANDBOX || effective < FND_ISOLATION_PROCESS ||
        (wanted != FND_ISOLATION_BEST_EFFORT && effective != wanted)) {
        (void)fnd_error_set(&error, FND_PLUGIN, "it is not isolated as it must be");
        breach(worker, &error);
        return;
    }
    worker->confined = true;
    worker->level |= (int)effective;
    struct fnd_text text = {0};
    fnd_level_text(worker->level, &text);
    fnd_log(worker->pool->options.log,
            wanted == FND_ISOLATION_BEST_EFFORT && effective != FND_ISOLATION_SANDBOX
                ? FND_LOG_WARNING
                : FND_LOG_DEBUG,
            "worker", NULL, NULL, "worker %ld runs under isolation %s, Landlock ABI %u",
            (long)worker->process.pid, fnd_text_z(&text),
            (unsigned)fnd_get_u32(frame->payload + sizeof(uint32_t)));
    fnd_text_finish(&text);
}

static void frame_take(struct fnd_worker *worker, const struct fnd_frame *frame)
{
    struct fnd_error error = {0};
    const bool starting = worker->state == FND_WORKER_STARTING;
    if (frame->type == FND_FRAME_CONFINED && starting && !worker->confined) {
        frame_confined(worker, frame);
    } else if (frame->type == FND_FRAME_READY && starting && worker->confined) {
        worker->state = FND_WORKER_READY;
        worker->ready = true;
        worker->replied_us = fnd_pool_now(worker->pool);
        worker->group->refused = (struct fnd_error){0};
    } else if (frame->type == FND_FRAME_REFUSED && starting) {
        frame_refused(worker, frame);
    } else if (frame->type == FND_FRAME_RESULT && !starting) {
        frame_result(worker, frame);
    } else if (frame->type == FND_FRAME_LOG && !starting) {
        frame_log(worker, frame);
    } else if (frame->type == FND_FRAME_KEPT && !starting) {
        frame_kept(worker, frame);
    } else {
        (void)fnd_error_set(&error, FND_PLUGIN, "it sent a frame of type %d out of turn",
                            (int)frame->type);
        breach(worker, &error);
    }
}

/** Read the channel, once, or until there is nothing more. False: there was nothing at all. */
static bool read_channel(struct fnd_worker *worker, bool all)
{
    struct fnd_channel *channel = &worker->process.channel;
    bool some = false;
    while (channel->fd >= 0 && !worker->broke) {
        struct fnd_error error = {0};
        const enum fnd_channel_state state = fnd_channel_read(channel, &error);
        if (state == FND_CHANNEL_IDLE) {
            return some;
        }
        some = true;
        if (state != FND_CHANNEL_MORE) {
            /* Whoever closes it without dying has to die: nothing more can come from it. */
            (void)epoll_ctl(worker->pool->epoll, EPOLL_CTL_DEL, channel->fd, NULL);
            if (state == FND_CHANNEL_BROKEN) {
                breach(worker, &error);
            } else if (worker->state != FND_WORKER_ENDING) {
                worker->hung_up = true;
                fnd_worker_stop(worker, FND_STOP_ASKED);
            }
            return some;
        }
        struct fnd_frame frame;
        enum fnd_channel_state next;
        while (!worker->broke &&
               (next = fnd_channel_next(channel, &frame, &error)) != FND_CHANNEL_IDLE) {
            if (next == FND_CHANNEL_BROKEN) {
                if (error.status == FND_LIMIT) {
                    fnd_error_prefix(&error, "its result is above `result_max` of the phase");
                }
                breach(worker, &error);
                break;
            }
            frame_take(worker, &frame);
            fnd_frame_finish(&frame);
        }
        if (!all) {
            break;
        }
    }
    if (worker->state == FND_WORKER_LEAVING && worker->count == 0) {
        fnd_worker_stop(worker, FND_STOP_ASKED);
    }
    return some;
}

bool fnd_worker_answers(struct fnd_worker *worker)
{
    return read_channel(worker, false);
}

static void read_noise(struct fnd_worker *worker)
{
    if (worker->process.noise >= 0 && !fnd_noise_read(&worker->noise, worker->process.noise)) {
        (void)epoll_ctl(worker->pool->epoll, EPOLL_CTL_DEL, worker->process.noise, NULL);
        (void)close(worker->process.noise);
        worker->process.noise = -1;
    }
}

void fnd_worker_drain(struct fnd_worker *worker)
{
    (void)read_channel(worker, true);
    read_noise(worker);
}

void fnd_worker_event(struct fnd_worker *worker, const struct fnd_source *source)
{
    switch (source->kind) {
    case FND_SOURCE_CHANNEL:
        if (worker->writes) {
            fnd_worker_flush(worker);
        }
        (void)read_channel(worker, false);
        break;
    case FND_SOURCE_NOISE:
        read_noise(worker);
        break;
    case FND_SOURCE_DEATH:
        fnd_worker_ended(worker);
        break;
    }
}
