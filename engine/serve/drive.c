/* SPDX-License-Identifier: MIT */
/* A directory's engine on a thread of its own, with its control server beside it: `run`, `answer`
 * and every other command find it by the socket as they find each other's. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/control.h"
#include "review/review.h"
#include "serve/internal.h"

enum { WAIT_MAX_MS = 1000 };

/** One life of the engine: from taking the lock to letting it go. */
struct drive {
    struct directory *directory;
    struct fnd_engine *engine;
    struct fnd_control *control;
    int epoll;
    bool first;   /* nothing has been ready yet: what fails now is told to who started us */
    bool refused; /* a pipeline was */
};

static void note_news(void *context, const struct fnd_news *news)
{
    struct drive *drive = context;
    fnd_control_news(drive->control, news);
    atomic_store(&drive->directory->moved, (long long)news->event);
}

static void note_told(void *context, const struct fnd_desk_told *told)
{
    struct drive *drive = context;
    presence_note(drive->directory, told);
}

static void set_state(struct directory *directory, enum directory_state state,
                      const struct fnd_error *trouble)
{
    pthread_mutex_lock(&directory->lock);
    directory->state = state;
    directory->trouble = trouble != NULL ? *trouble : (struct fnd_error){0};
    pthread_cond_broadcast(&directory->changed);
    pthread_mutex_unlock(&directory->lock);
}

/* --- acts ------------------------------------------------------------------------------------ */

static void act_line(void *context, struct fnd_json line)
{
    struct act *act = context;
    if (fnd_json_text_is(fnd_json_member(line, "type"), "end")) {
        fnd_text_append(&act->end, line.bytes, line.size);
        act->done(act);
    }
}

static void act_refuse(struct act *act, const struct fnd_error *trouble)
{
    if (trouble->status == FND_OK) {
        fnd_text_append_z(&act->end, "{\"type\":\"end\",\"status\":\"again\"}");
    } else {
        fnd_text_append_z(&act->end, "{\"type\":\"end\",\"status\":");
        fnd_text_append_json_z(&act->end, fnd_status_name(trouble->status));
        json_text(&act->end, "message", trouble->message);
        fnd_text_append_byte(&act->end, '}');
    }
    act->done(act);
}

void directory_act(struct directory *directory, struct act *act)
{
    uint64_t one = 1;
    act->next = NULL;
    pthread_mutex_lock(&directory->lock);
    bool takes = directory->state != DIRECTORY_ENDED;
    struct fnd_error trouble = directory->trouble;
    bool broken = directory->state == DIRECTORY_BROKEN;
    if (takes && !broken) {
        *directory->acts_end = act;
        directory->acts_end = &act->next;
    }
    pthread_mutex_unlock(&directory->lock);
    if (takes && !broken) {
        (void)!write(directory->wake, &one, sizeof one);
    } else {
        act_refuse(act, broken ? &trouble : &(struct fnd_error){0});
    }
}

static struct act *acts_take(struct directory *directory)
{
    pthread_mutex_lock(&directory->lock);
    struct act *acts = directory->acts;
    directory->acts = NULL;
    directory->acts_end = &directory->acts;
    pthread_mutex_unlock(&directory->lock);
    return acts;
}

static void acts_begin(struct drive *drive)
{
    fnd_control_batch_begin(drive->control);
    for (struct act *act = acts_take(drive->directory), *next; act != NULL; act = next) {
        next = act->next;
        fnd_control_local(drive->control, fnd_text_z(&act->request), act->request.size, act_line,
                          act);
    }
    fnd_control_batch_end(drive->control);
}

static void acts_refuse(struct directory *directory, const struct fnd_error *trouble)
{
    for (struct act *act = acts_take(directory), *next; act != NULL; act = next) {
        next = act->next;
        act_refuse(act, trouble);
    }
}

/* --- pipelines ------------------------------------------------------------------------------- */

static void load_line(void *context, struct fnd_json line)
{
    struct drive *drive = context;
    struct fnd_json status = fnd_json_member(line, "status");
    if (!fnd_json_text_is(fnd_json_member(line, "type"), "end") || fnd_json_text_is(status, "ok") ||
        fnd_json_text_is(status, "again")) {
        return;
    }
    struct directory *directory = drive->directory;
    char *message = fnd_json_strdup(fnd_json_member(line, "message"));
    fnd_text_clear(&directory->refusal);
    fnd_json_text(fnd_json_member(line, "text"), &directory->refusal);
    fnd_error_set(&directory->trouble, FND_INVALID, "%s",
                  message != NULL ? message : "the pipeline was refused");
    drive->refused = true;
    fnd_log(directory->serve->options.log, FND_LOG_ERROR, "serve", NULL, NULL, "%s: %s",
            directory->name, directory->trouble.message);
    free(message);
}

static void load_pipelines(struct drive *drive)
{
    const struct fnd_serve_options *options = &drive->directory->serve->options;
    for (size_t i = 0; options->pipelines != NULL && options->pipelines[i] != NULL; i++) {
        struct fnd_text request = {0};
        fnd_text_append_z(&request, options->watch ? "{\"op\":\"run\",\"watch\":true,\"pipeline\":"
                                                   : "{\"op\":\"load\",\"pipeline\":");
        fnd_text_append_json_z(&request, options->pipelines[i]);
        fnd_text_append_z(&request, ",\"settings\":[");
        for (size_t k = 0; options->settings != NULL && options->settings[k] != NULL; k++) {
            fnd_text_append_z(&request, k > 0 ? "," : "");
            fnd_text_append_json_z(&request, options->settings[k]);
        }
        fnd_text_append_z(&request, "]");
        json_text(&request, "by", options->by);
        fnd_text_append_byte(&request, '}');
        fnd_control_local(drive->control, fnd_text_z(&request), request.size, load_line, drive);
        fnd_text_finish(&request);
    }
}

/* --- one life -------------------------------------------------------------------------------- */

static bool watch_fd(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static enum fnd_status drive_open(struct drive *drive, struct fnd_error *error)
{
    struct directory *directory = drive->directory;
    const struct fnd_serve_options *options = &directory->serve->options;
    struct fnd_engine_options engine = options->engine;
    engine.directory = directory->path;
    engine.news = note_news;
    engine.context = drive;
    drive->control = fnd_control_create(options->env, options->log);
    if (drive->control == NULL) {
        return fnd_error_errno(error, FND_IO, errno, "cannot wait for requests of others");
    }
    enum fnd_status status = fnd_engine_open(&engine, &drive->engine, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_control_attach(drive->control, drive->engine);
    fnd_control_learn(drive->control);
    fnd_control_tell(drive->control, note_told, drive);
    presence_load(directory, fnd_engine_reader(drive->engine));
    struct fnd_error refused;
    if (fnd_control_listen(drive->control, fnd_store_folder(fnd_engine_store(drive->engine)),
                           &refused) != FND_OK) {
        fnd_log(options->log, FND_LOG_WARNING, "serve", NULL, NULL, "%s", refused.message);
    }
    drive->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (drive->epoll < 0 || !watch_fd(drive->epoll, fnd_engine_fd(drive->engine)) ||
        !watch_fd(drive->epoll, fnd_control_fd(drive->control)) ||
        !watch_fd(drive->epoll, directory->wake)) {
        return fnd_error_errno(error, FND_IO, errno, "cannot wait for events");
    }
    load_pipelines(drive);
    if (drive->refused && drive->first) {
        *error = directory->trouble;
        return error->status;
    }
    return fnd_control_resume_all(drive->control, error);
}

static void drive_close(struct drive *drive)
{
    struct directory *directory = drive->directory;
    pthread_mutex_lock(&directory->lock);
    directory->store = NULL;
    while (directory->store_users > 0) {
        pthread_cond_wait(&directory->changed, &directory->lock);
    }
    pthread_mutex_unlock(&directory->lock);
    fnd_control_destroy(drive->control);
    fnd_engine_close(drive->engine);
    if (drive->epoll >= 0) {
        close(drive->epoll);
    }
    drive->control = NULL;
    drive->engine = NULL;
    drive->epoll = -1;
}

static void drive_sleep(struct drive *drive)
{
    int64_t engine_us = fnd_engine_wait_us(drive->engine);
    int64_t control_us = fnd_control_wait_us(drive->control);
    const struct fnd_env *env = drive->directory->serve->options.env;
    int64_t lease_us = presence_wait_us(drive->directory, env->wall_us(env));
    int64_t wait_us = (int64_t)WAIT_MAX_MS * 1000;
    wait_us = lease_us >= 0 && lease_us < wait_us ? lease_us : wait_us;
    wait_us = engine_us >= 0 && engine_us < wait_us ? engine_us : wait_us;
    wait_us = control_us >= 0 && control_us < wait_us ? control_us : wait_us;
    struct epoll_event events[3];
    uint64_t count;
    (void)epoll_wait(drive->epoll, events, 3, (int)((wait_us + 999) / 1000));
    (void)!read(drive->directory->wake, &count, sizeof count);
}

static enum fnd_status drive_turn(struct drive *drive, struct fnd_error *error)
{
    acts_begin(drive);
    enum fnd_status status = fnd_engine_turn(drive->engine, error);
    if (status == FND_OK) {
        const struct fnd_env *env = drive->directory->serve->options.env;
        fnd_control_turn(drive->control);
        presence_turn(drive->directory, fnd_engine_reader(drive->engine), env->wall_us(env));
        /* Where people's acts alone wrote, no job has noticed. */
        status = fnd_store_health(fnd_engine_store(drive->engine), error);
    }
    return status;
}

/* Turns until told to stop, and then until what runs has ended.  FND_OK, or what stopped the
 * store. */
static enum fnd_status drive_run(struct drive *drive, struct fnd_error *error)
{
    struct directory *directory = drive->directory;
    int heeded = 0;
    for (;;) {
        int stop = atomic_load(&directory->stop);
        if (stop > heeded) {
            fnd_control_stop(drive->control);
            fnd_engine_drain(drive->engine, stop > 1);
            heeded = stop;
        }
        enum fnd_status status = drive_turn(drive, error);
        if (status != FND_OK) {
            return status;
        }
        if (heeded > 0 && fnd_control_stopped(drive->control) && fnd_engine_idle(drive->engine)) {
            return FND_OK;
        }
        drive_sleep(drive);
    }
}

/* Whether to try again after this long, or to end. */
static bool rest(struct directory *directory, int64_t ms)
{
    const struct fnd_env *env = directory->serve->options.env;
    int64_t until_us = env->monotonic_us(env) + ms * 1000;
    while (atomic_load(&directory->stop) == 0 && env->monotonic_us(env) < until_us) {
        struct epoll_event event;
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        uint64_t count;
        watch_fd(epoll, directory->wake);
        (void)epoll_wait(epoll, &event, 1, 100);
        (void)!read(directory->wake, &count, sizeof count);
        close(epoll);
    }
    return atomic_load(&directory->stop) == 0;
}

static void *drive_main(void *context)
{
    struct directory *directory = context;
    struct drive drive = {.directory = directory, .epoll = -1, .first = true};
    struct fnd_error error = {0};
    for (;;) {
        enum fnd_status status = drive_open(&drive, &error);
        if (status == FND_OK) {
            pthread_mutex_lock(&directory->lock);
            directory->store = fnd_engine_store(drive.engine);
            pthread_mutex_unlock(&directory->lock);
            set_state(directory, DIRECTORY_READY, NULL);
            drive.first = false;
            status = drive_run(&drive, &error);
        }
        if (status == FND_OK || drive.first) {
            drive_close(&drive);
            set_state(directory, DIRECTORY_ENDED, status == FND_OK ? NULL : &error);
            acts_refuse(directory, &error);
            return NULL;
        }
        /* "storage full" and the like: say so to who asks, close, and see whether it still is. */
        fnd_log(directory->serve->options.log, FND_LOG_ERROR, "serve", NULL, NULL, "%s: %s",
                directory->name, error.message);
        set_state(directory, DIRECTORY_BROKEN, &error);
        acts_refuse(directory, &error);
        drive_close(&drive);
        if (!rest(directory, FND_SERVE_REOPEN_MS)) {
            set_state(directory, DIRECTORY_ENDED, NULL);
            return NULL;
        }
    }
}

enum fnd_status directory_start(struct directory *directory, struct fnd_error *error)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    directory->acts_end = &directory->acts;
    directory->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    int failed = pthread_create(&directory->thread, NULL, drive_main, directory);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        return fnd_error_errno(error, FND_IO, failed, "cannot start a thread");
    }
    directory->started = true;
    pthread_mutex_lock(&directory->lock);
    while (directory->state == DIRECTORY_OPENING) {
        pthread_cond_wait(&directory->changed, &directory->lock);
    }
    enum fnd_status status = FND_OK;
    if (directory->state == DIRECTORY_ENDED) {
        *error = directory->trouble;
        status = error->status;
    }
    pthread_mutex_unlock(&directory->lock);
    return status;
}

void directory_stop(struct directory *directory, bool now)
{
    uint64_t one = 1;
    int stop = atomic_load(&directory->stop);
    atomic_store(&directory->stop, now ? 2 : stop > 0 ? stop : 1);
    (void)!write(directory->wake, &one, sizeof one);
}
