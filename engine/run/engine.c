/* SPDX-License-Identifier: MIT */
/* The engine's life and its one loop. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "run/internal.h"

/** Descriptors of workers, artifacts and copies add up; the soft limit is a courtesy to select(),
 *  which nothing here uses. */
static void files_allow(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

enum fnd_status fnd_engine_open(const struct fnd_engine_options *options,
                                struct fnd_engine **engine_out, struct fnd_error *error)
{
    struct fnd_engine *engine = fnd_alloc(sizeof *engine);
    engine->options = *options;
    engine->flight_max = options->flight_max > 0 ? options->flight_max : FND_FLIGHT_MAX;
    engine->epoll_fd = -1;
    files_allow();
    struct fnd_store_options store = options->store;
    store.env = options->env;
    store.log = options->log;
    enum fnd_status status = fnd_store_open(options->directory, &store, &engine->store, error);
    if (status == FND_OK) {
        status = fnd_reader_open(options->directory, &engine->reader, error);
    }
    if (status == FND_OK) {
        uint8_t chain[FND_DIGEST_SIZE];
        status = fnd_reader_head(engine->reader, &engine->begun, chain, error);
    }
    if (status == FND_OK && options->prover != NULL) {
        engine->prover_state = options->prover->create();
    }
    if (status == FND_OK) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        struct fnd_pool_options pool = {.env = options->env,
                                        .log = options->log,
                                        .worker_program = options->worker_program,
                                        .allow_root = options->allow_root,
                                        .start_ms = options->worker_start_ms,
                                        .quarantine = fnd_store_folder(engine->store),
                                        .landlock_abi_max = options->landlock_abi_max,
                                        .workers_max = options->workers_max > 0
                                                           ? options->workers_max
                                                           : (size_t)(cores > 0 ? cores : 1)};
        status = fnd_pool_create(&pool, &engine->pool, error);
    }
    if (status == FND_OK) {
        const struct fnd_catalog_options catalog = {.path = options->plugin_path,
                                                    .worker_program = options->worker_program,
                                                    .log = options->log,
                                                    .landlock_abi_max = options->landlock_abi_max};
        status = fnd_catalog_create(&catalog, &engine->catalog, error);
    }
    if (status == FND_OK) {
        engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (engine->epoll_fd < 0 || !watch(engine->epoll_fd, fnd_pool_fd(engine->pool)) ||
            !watch(engine->epoll_fd, fnd_store_ready_fd(engine->store))) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot make the engine's epoll set");
        }
    }
    if (status != FND_OK) {
        fnd_engine_close(engine);
        return status;
    }
    *engine_out = engine;
    return FND_OK;
}

static void tasks_drop(struct fnd_engine *engine)
{
    for (size_t i = 0; i < FND_TASK_BUCKETS; i++) {
        while (engine->buckets[i] != NULL) {
            fnd_task_drop(engine->buckets[i]);
        }
    }
}

void fnd_engine_close(struct fnd_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    if (engine->broken.status == FND_OK) {
        fnd_error_set(&engine->broken, FND_INTERRUPTED, "the engine stopped");
    }
    fnd_engine_abandon(engine);
    /* Calls end with the pool; what they would have given is run again at the next start. */
    if (engine->pool != NULL) {
        fnd_pool_destroy(engine->pool);
    }
    if (engine->store != NULL) {
        fnd_store_flush(engine->store);
        for (struct fnd_write *write = fnd_store_collect(engine->store); write != NULL;) {
            struct fnd_write *next = write->next;
            struct fnd_task *task = write->owner;
            if (task != NULL && task->fresh) {
                fnd_task_drop(task);
            }
            fnd_write_destroy(write);
            write = next;
        }
    }
    tasks_drop(engine);
    fnd_batches_finish(engine);
    fnd_pins_finish(engine);
    fnd_catalog_destroy(engine->catalog);
    if (engine->options.prover != NULL && engine->prover_state != NULL) {
        engine->options.prover->destroy(engine->prover_state);
    }
    fnd_reader_close(engine->reader);
    fnd_store_close(engine->store);
    if (engine->epoll_fd >= 0) {
        close(engine->epoll_fd);
    }
    free(engine->heap.list);
    free(engine->rest.list);
    free(engine->only);
    fnd_text_finish(&engine->spare_config);
    fnd_text_finish(&engine->spare_run);
    for (size_t i = 0; i < engine->closed_count; i++) {
        free(engine->closed[i]);
    }
    free(engine->closed);
    free(engine);
}

struct fnd_store *fnd_engine_store(struct fnd_engine *engine)
{
    return engine->store;
}

void *fnd_engine_prover(struct fnd_engine *engine)
{
    return engine->prover_state;
}

struct fnd_reader *fnd_engine_reader(struct fnd_engine *engine)
{
    return engine->lent != NULL ? engine->lent : engine->reader;
}

void fnd_engine_hold(struct fnd_engine *engine)
{
    if (engine->holds) {
        return; /* with the reader it began with: an act sees one moment */
    }
    engine->holds = true;
    engine->lent = fnd_store_reader_begin(engine->store);
    fnd_reader_hold(fnd_engine_reader(engine));
}

void fnd_engine_rest(struct fnd_engine *engine)
{
    if (!engine->holds) {
        return;
    }
    engine->holds = false;
    fnd_reader_rest(fnd_engine_reader(engine));
    if (engine->lent != NULL) {
        engine->lent = NULL;
        fnd_store_reader_end(engine->store);
    }
}

/** The store ended: nothing moves any more, everybody who waits is told. */
void fnd_engine_broke(struct fnd_engine *engine, const struct fnd_error *error)
{
    if (engine->broken.status == FND_OK) {
        engine->broken = *error;
        fnd_log(engine->options.log, FND_LOG_ERROR, "run", NULL, NULL, "%s", error->message);
    }
}

void fnd_engine_collect(struct fnd_engine *engine)
{
    for (struct fnd_write *write = fnd_store_collect(engine->store); write != NULL;) {
        struct fnd_write *next = write->next;
        fnd_transition_ended(engine, write);
        write = next;
    }
}

static bool calls_collect(struct fnd_engine *engine)
{
    bool any = false;
    for (struct fnd_pool_call *call = fnd_pool_collect(engine->pool); call != NULL;) {
        struct fnd_pool_call *next = call->next;
        fnd_visit_call_ended(engine, call);
        call = next;
        any = true;
    }
    return any;
}

/** Begin visits of ready tasks.  Returns whether any began. */
static bool visits_begin(struct fnd_engine *engine)
{
    size_t begun = 0;
    if (engine->drained) {
        fnd_pools_open(engine, NULL);
    }
    while (engine->ready_first != NULL && begun < FND_TURN_VISITS_MAX &&
           engine->broken.status == FND_OK) {
        struct fnd_task *task = engine->ready_first;
        fnd_task_unready(task);
        if (engine->drained) {
            fnd_transition_drain(task);
        } else if (!fnd_task_pooled(task)) {
            fnd_visit_start(task);
            (void)calls_collect(engine); /* what ran in line, while the cache has it */
        }
        begun++;
    }
    return begun > 0;
}

/** With several in flight a thread commits beside the visits; with few, waking it costs more than
 *  it gives. */
static void writer_adapt(struct fnd_engine *engine)
{
    if (!engine->writer && engine->flight >= FND_WRITER_FLIGHT_MIN) {
        struct fnd_error error = {0};
        engine->writer = fnd_store_writer_start(engine->store, &error) == FND_OK;
    }
}

/** A turn whose caller goes on working: what it queued may wait for a fuller group. */
void fnd_engine_step(struct fnd_engine *engine)
{
    bool more = true;
    while (more && engine->broken.status == FND_OK) {
        fnd_engine_collect(engine);
        fnd_resume_fill(engine);
        writer_adapt(engine);
        more = visits_begin(engine);
        fnd_pool_dispatch(engine->pool);
        fnd_pool_turn(engine->pool);
        more = calls_collect(engine) || more;
        if (!more && fnd_store_waiting(engine->store) > 0 &&
            (!engine->writer || engine->flight < FND_WRITER_FLIGHT_MIN)) {
            /* Nothing else can happen meanwhile: the runner commits by itself. */
            fnd_store_flush(engine->store);
            more = true;
        } else if (!more && engine->visiting == 0) {
            /* No worker is at work either: two wake-ups are spared where nobody commits yet. The
             * turn ends behind it, so that its caller can look at what else there is. */
            (void)fnd_store_flush_free(engine->store);
        }
    }
}

enum fnd_status fnd_engine_turn(struct fnd_engine *engine, struct fnd_error *error)
{
    fnd_engine_step(engine);
    fnd_batches_turn(engine); /* not while inputs come in: those of a pass are one batch */
    fnd_store_wake(engine->store);
    if (engine->broken.status != FND_OK && error != NULL) {
        *error = engine->broken;
    }
    return engine->broken.status;
}

int64_t fnd_engine_wait_us(struct fnd_engine *engine)
{
    /* What was queued behind the turn, by a batch or by somebody's act: calls go out now, writes
     * are the next turn's, or the writer begins with them. */
    fnd_pool_dispatch(engine->pool);
    int64_t wait = fnd_pool_wait_us(engine->pool);
    const bool alone = !engine->writer || engine->flight < FND_WRITER_FLIGHT_MIN;
    if (engine->ready > 0 || (alone && fnd_store_waiting(engine->store) > 0)) {
        return 0;
    }
    fnd_store_wake(engine->store);
    if (engine->heap.count > 0 && engine->flight < engine->flight_max && !engine->drained) {
        const struct fnd_env *env = engine->options.env;
        int64_t due = engine->heap.list[0].at_us - env->monotonic_us(env);
        due = due < 0 ? 0 : due;
        wait = wait < 0 || due < wait ? due : wait;
    }
    const int64_t batch = fnd_batches_wait_us(engine);
    wait = batch >= 0 && (wait < 0 || batch < wait) ? batch : wait;
    return wait;
}

int fnd_engine_fd(const struct fnd_engine *engine)
{
    return engine->epoll_fd;
}

bool fnd_engine_idle(const struct fnd_engine *engine)
{
    if (engine->broken.status != FND_OK) {
        return true;
    }
    if (engine->flight > 0 || engine->loose > 0 || engine->ready > 0 ||
        fnd_store_waiting(engine->store) > 0) {
        return false;
    }
    if (engine->drained) {
        return true;
    }
    for (int state = FND_QUEUED; state <= FND_PAUSED; state++) {
        if (engine->resumed && engine->backlog[state].active) {
            return false;
        }
    }
    return engine->heap.count == 0 && !fnd_batches_move(engine, NULL);
}

/** Whether steps of a pipeline that has batches are under way. The record may say already that they
 *  wait for theirs. */
static bool batched_flies(const struct fnd_engine *engine, const char *pipeline)
{
    for (size_t i = 0; i < FND_TASK_BUCKETS; i++) {
        for (struct fnd_task *task = engine->buckets[i]; task != NULL; task = task->next_bucket) {
            for (size_t p = 0; p < task->pipeline->phases_count; p++) {
                if (task->pipeline->phases[p].choose != NULL &&
                    strcmp(task->pipeline->name, pipeline) == 0) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool fnd_engine_gathers(const struct fnd_engine *engine, const char *pipeline)
{
    return fnd_batches_move(engine, pipeline) || batched_flies(engine, pipeline);
}

/** Sleep until something is there to do, at most `max_us` (-1: no bound of its own). */
void fnd_engine_sleep(struct fnd_engine *engine, int64_t max_us)
{
    int64_t wait = fnd_engine_wait_us(engine);
    if (max_us >= 0 && (wait < 0 || max_us < wait)) {
        wait = max_us;
    }
    const struct fnd_env *env = engine->options.env;
    env->wait(env, engine->epoll_fd, wait);
}

enum fnd_status fnd_engine_run(struct fnd_engine *engine, const volatile int *stop,
                               struct fnd_error *error)
{
    enum { STOP_LOOK_US = 200000 }; /* a signal ends poll() anyway; this is for a set flag only */
    enum fnd_status status = FND_OK;
    while (status == FND_OK) {
        status = fnd_engine_turn(engine, error);
        if (stop != NULL && *stop != 0) {
            fnd_engine_drain(engine, *stop > 1);
        }
        if (status != FND_OK || fnd_engine_idle(engine)) {
            break;
        }
        fnd_engine_sleep(engine, stop != NULL ? STOP_LOOK_US : -1);
    }
    return status == FND_OK ? fnd_store_sync(engine->store, error) : status;
}

void fnd_engine_wait(struct fnd_engine *engine, const bool *ended)
{
    while (!*ended) {
        if (fnd_engine_turn(engine, NULL) != FND_OK && !*ended) {
            fnd_engine_abandon(engine);
            return;
        }
        if (!*ended) {
            fnd_engine_sleep(engine, -1);
        }
    }
}

void fnd_engine_drain(struct fnd_engine *engine, bool now)
{
    engine->drained = true;
    if (!now || engine->stopping) {
        return;
    }
    engine->stopping = true;
    for (size_t i = 0; i < FND_TASK_BUCKETS; i++) {
        for (struct fnd_task *task = engine->buckets[i]; task != NULL; task = task->next_bucket) {
            for (size_t c = 0; task->state == FND_TASK_VISITING && c < task->visit.calls_count;
                 c++) {
                fnd_pool_cancel(engine->pool, task->visit.calls[c]);
            }
        }
    }
}

/** The store broke while operations wait: end them with its error. */
void fnd_engine_abandon(struct fnd_engine *engine)
{
    for (size_t i = 0; i < FND_TASK_BUCKETS; i++) {
        for (struct fnd_task *task = engine->buckets[i]; task != NULL; task = task->next_bucket) {
            fnd_operate_abandon(task);
        }
    }
}

void fnd_engine_flight(const struct fnd_engine *engine,
                       void (*row)(void *context, const char *path, const char *phase,
                                   int32_t attempt, double progress, const char *waits),
                       void *context)
{
    for (size_t i = 0; i < FND_TASK_BUCKETS; i++) {
        for (struct fnd_task *task = engine->buckets[i]; task != NULL; task = task->next_bucket) {
            const struct fnd_phase *phase = fnd_task_phase(task);
            if (task->state == FND_TASK_VISITING) {
                row(context, task->path, phase->id, task->row.stand.attempt,
                    task->visit.calls_count > 0 ? task->visit.calls[0]->progress : 0, NULL);
            } else if (task->pooled) {
                row(context, task->path, phase->id, task->row.stand.attempt, 0, phase->pool);
            }
        }
    }
}
