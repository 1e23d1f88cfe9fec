/* SPDX-License-Identifier: MIT */
#include "command/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "command/output.h"
#include "control/control.h"
#include "learn/prover.h"
#include "review/review.h"

enum {
    WAIT_MAX_MS = 1000,      /* a signal that another thread took is seen at last then */
    FULL_WAIT_MIN_MS = 1000, /* how long a watch waits for space before it looks again; */
    FULL_WAIT_MAX_MS = 30000 /* doubled each time */
};

struct fnd_session {
    struct fnd_app *app;
    const char *directory;
    char *plugin_path;
    bool own, create;
    struct fnd_peer *peer; /* another process's engine */
    struct fnd_engine *engine;
    struct fnd_control *control;
    int epoll;
    int interrupts;       /* acted upon so far */
    bool waited;          /* for space, and not yet at work again */
    int64_t full_wait_ms; /* how long was waited last, */
    int64_t full_wait_us; /* and until when */
    struct answer {
        void (*line)(void *context, struct fnd_json line);
        void *context;
        struct fnd_text *end;
        bool ended;
    } answer;
};

struct fnd_session *fnd_session_create(struct fnd_app *app, const char *directory, bool own,
                                       bool create)
{
    struct fnd_session *session = fnd_alloc(sizeof *session);
    session->app = app;
    session->directory = directory;
    session->plugin_path = fnd_plugin_path(app);
    session->own = own;
    session->create = create;
    session->epoll = -1;
    return session;
}

void fnd_session_plugins(struct fnd_session *session, const char *path)
{
    free(session->plugin_path);
    session->plugin_path = fnd_strdup(path);
}

static bool watch_fd(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static struct fnd_engine_options engine_options(const struct fnd_session *session)
{
    const struct fnd_app *app = session->app;
    const struct fnd_arguments *arguments = &app->arguments;
    const char *isolation = fnd_arguments_value(arguments, FND_OPTION_ISOLATION);
    const char *jobs = fnd_arguments_value(arguments, FND_OPTION_JOBS);
    struct fnd_engine_options options = {
        .env = app->env,
        .log = &app->log,
        .directory = session->directory,
        .kinds = fnd_review_kinds(),
        .prover = fnd_learn_prover(),
        .store = {.create = session->create,
                  .network_allowed = fnd_arguments_has(arguments, FND_OPTION_NETWORK),
                  .accept_loss = fnd_arguments_has(arguments, FND_OPTION_ACCEPT_LOSS)},
        .plugin_path = session->plugin_path,
        .secrets_dir = fnd_arguments_value(arguments, FND_OPTION_SECRETS_DIR),
        .isolation = FND_ISOLATION_SANDBOX,
        .allow_root = fnd_arguments_has(arguments, FND_OPTION_ALLOW_ROOT),
        .workers_max = jobs != NULL ? (size_t)strtoul(jobs, NULL, 10) : 0,
        .news = fnd_control_news,
        .context = session->control};
    if (isolation != NULL) {
        (void)fnd_isolation_parse(isolation, &options.isolation); /* the table has its choices */
    }
    return options;
}

/* Take the directory's lock, without waiting. */
static enum fnd_status open_engine(struct fnd_session *session, struct fnd_error *error)
{
    session->control = fnd_control_create(session->app->env, &session->app->log);
    if (session->control == NULL) {
        return fnd_error_errno(error, FND_IO, errno, "cannot wait for requests of others");
    }
    struct fnd_engine_options options = engine_options(session);
    enum fnd_status status = fnd_engine_open(&options, &session->engine, error);
    if (status != FND_OK) {
        goto out;
    }
    fnd_control_attach(session->control, session->engine);
    struct fnd_error refused;
    if (fnd_control_listen(session->control, fnd_store_folder(fnd_engine_store(session->engine)),
                           &refused) != FND_OK) {
        /* A file system without sockets: the others wait for the lock instead. */
        fnd_log(&session->app->log, FND_LOG_WARNING, "control", NULL, NULL, "%s", refused.message);
    }
    session->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (session->epoll < 0 || !watch_fd(session->epoll, fnd_engine_fd(session->engine)) ||
        !watch_fd(session->epoll, fnd_control_fd(session->control))) {
        status = fnd_error_errno(error, FND_IO, errno,
                                 "cannot wait for events (run again when fewer files are open)");
    }
out:
    if (status != FND_OK) {
        fnd_control_destroy(session->control);
        session->control = NULL;
        fnd_engine_close(session->engine);
        session->engine = NULL;
    }
    return status;
}

/* Say that another process does the work, and which options it therefore does not hear of. */
static void tell_shared(struct fnd_session *session)
{
    static const enum fnd_option_id own[] = {FND_OPTION_JOBS, FND_OPTION_PLUGIN_PATH,
                                             FND_OPTION_ISOLATION, FND_OPTION_ALLOW_ROOT,
                                             FND_OPTION_SECRETS_DIR};
    const struct fnd_arguments *arguments = &session->app->arguments;
    int pid = fnd_peer_pid(session->peer);
    if (strcmp(arguments->command->name, "run") == 0) {
        fnd_say(session->app, "pid %d has %s: handed over to it", pid, session->directory);
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (fnd_arguments_has(arguments, own[i])) {
            fnd_say(session->app,
                    "pid %d keeps the -j, --plugin-path, --isolation, --allow-root and "
                    "--secrets-dir that it was started with",
                    pid);
            return;
        }
    }
}

/* Get through to an engine: the one that holds the directory, or one of our own; either may be on
 * its way out or in, so ask in turn until the time is over. */
static enum fnd_status reach(struct fnd_session *session, struct fnd_error *error)
{
    const struct fnd_env *env = session->app->env;
    int64_t end_us = env->monotonic_us(env) + (int64_t)FND_SESSION_WAIT_MS * 1000;
    for (;;) {
        enum fnd_status status = FND_NOT_FOUND;
        if (!session->own) {
            status = fnd_peer_connect(session->directory, &session->peer, error);
            if (status == FND_OK) {
                tell_shared(session);
            }
            if (status != FND_NOT_FOUND) {
                return status;
            }
        }
        status = open_engine(session, error);
        if (status != FND_BUSY || session->own) {
            return status;
        }
        if (fnd_app_interrupts(session->app) > session->interrupts) {
            session->interrupts = fnd_app_interrupts(session->app);
            return fnd_error_set(error, FND_INTERRUPTED, "interrupted");
        }
        if (env->monotonic_us(env) > end_us) {
            return status;
        }
        poll(NULL, 0, FND_SESSION_RETRY_MS);
    }
}

static void take_line(void *context, struct fnd_json line)
{
    struct fnd_session *session = context;
    if (session->answer.end == NULL) {
        return; /* nobody asks any more: the last request was given up */
    }
    if (fnd_json_text_is(fnd_json_member(line, "type"), "end")) {
        fnd_text_clear(session->answer.end);
        fnd_text_append(session->answer.end, line.bytes, line.size);
        session->answer.ended = true;
        return;
    }
    if (session->waited && fnd_json_text_is(fnd_json_member(line, "type"), "ingest")) {
        session->waited = false; /* the directory is open again, and took in what there was */
        fnd_say(session->app, "%s is open again: going on", session->directory);
    }
    if (session->answer.line != NULL) {
        session->answer.line(session->answer.context, line);
    }
}

/* Sleep until the engine or a client wants a turn. Signals are let in only here and while we work,
 * never between the last look at them and the sleep. */
static void sleep_until_due(struct fnd_session *session)
{
    int64_t engine_us = fnd_engine_wait_us(session->engine);
    int64_t control_us = fnd_control_wait_us(session->control);
    int64_t wait_us = (int64_t)WAIT_MAX_MS * 1000;
    wait_us = engine_us >= 0 && engine_us < wait_us ? engine_us : wait_us;
    wait_us = control_us >= 0 && control_us < wait_us ? control_us : wait_us;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    if (fnd_app_interrupts(session->app) <= session->interrupts) {
        struct epoll_event events[2];
        epoll_pwait(session->epoll, events, 2, (int)((wait_us + 999) / 1000), &before);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The first signal lets finish what runs, the second stops it. */
static void heed_signals(struct fnd_session *session)
{
    int interrupts = fnd_app_interrupts(session->app);
    if (interrupts <= session->interrupts) {
        return;
    }
    bool now = interrupts > 1;
    fnd_say(session->app,
            now ? "stopping now" : "finishing what runs; once more (Ctrl-C) stops it now");
    fnd_engine_drain(session->engine, now);
    session->interrupts = interrupts;
}

static enum fnd_status turn(struct fnd_session *session, struct fnd_error *error)
{
    heed_signals(session);
    enum fnd_status status = fnd_engine_turn(session->engine, error);
    if (status == FND_OK) {
        fnd_control_turn(session->control);
    }
    return status;
}

static enum fnd_status ask_own(struct fnd_session *session, const struct fnd_text *request,
                               struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    fnd_control_local(session->control, fnd_text_z(request), request->size, take_line, session);
    while (status == FND_OK && !session->answer.ended) {
        status = turn(session, error);
        if (status != FND_OK || session->answer.ended) {
            break;
        }
        if (fnd_app_interrupts(session->app) > 0 && fnd_engine_idle(session->engine)) {
            break;
        }
        fnd_flush(session->app);
        sleep_until_due(session);
    }
    if (status == FND_OK && fnd_app_interrupts(session->app) > 0) {
        status = fnd_error_set(error, FND_INTERRUPTED, "interrupted, all is saved");
    }
    return status;
}

static enum fnd_status ask_peer(struct fnd_session *session, const struct fnd_text *request,
                                struct fnd_error *error)
{
    enum fnd_status status =
        fnd_peer_send(session->peer, fnd_text_z(request), request->size, error);
    if (status == FND_LIMIT) {
        return status;
    }
    /* Where it hung up while we wrote, it may have said why. */
    for (;;) {
        struct fnd_json line;
        status = fnd_peer_line(session->peer, &line, error);
        if (status != FND_OK) {
            return status;
        }
        if (line.bytes != NULL) {
            take_line(session, line);
            if (session->answer.ended) {
                return FND_OK;
            }
            continue;
        }
        if (fnd_app_interrupts(session->app) > session->interrupts) {
            session->interrupts = fnd_app_interrupts(session->app);
            fnd_say(session->app, "the engine of pid %d goes on", fnd_peer_pid(session->peer));
            return fnd_error_set(error, FND_INTERRUPTED, "interrupted");
        }
        fnd_flush(session->app);
        fnd_peer_wait(session->peer, WAIT_MAX_MS);
    }
}

static void close_engine(struct fnd_session *session);

/* A watch outlives a full disk: the engine lets go of the directory, as nothing more could be
 * recorded, and its place is taken again when there may be space. Everybody else is told and ends.
 * Returns FND_OK: ask again; FND_INTERRUPTED; `status`, where it is nothing to wait for. */
static enum fnd_status wait_for_space(struct fnd_session *session, enum fnd_status status,
                                      struct fnd_error *error)
{
    struct fnd_app *app = session->app;
    const struct fnd_env *env = app->env;
    if (status != FND_FULL || !fnd_arguments_has(&app->arguments, FND_OPTION_WATCH)) {
        return status;
    }
    if (session->engine != NULL) {
        close_engine(session);
        session->engine = NULL;
        session->control = NULL;
        session->epoll = -1;
    }
    session->answer.ended = false;
    const int64_t since_us = env->monotonic_us(env) - session->full_wait_us;
    const bool anew = since_us > (int64_t)FULL_WAIT_MAX_MS * 1000; /* it went well for a while */
    int64_t wait_ms = anew ? 0 : session->full_wait_ms * 2;
    wait_ms = wait_ms < FULL_WAIT_MIN_MS ? FULL_WAIT_MIN_MS : wait_ms;
    session->full_wait_ms = wait_ms < FULL_WAIT_MAX_MS ? wait_ms : FULL_WAIT_MAX_MS;
    fnd_say(app, "%s; waiting for space, trying again in %d s", error->message,
            (int)(session->full_wait_ms / 1000));
    fnd_flush(app);
    const int64_t end_us = env->monotonic_us(env) + session->full_wait_ms * 1000;
    while (env->monotonic_us(env) < end_us) {
        if (fnd_app_interrupts(app) > session->interrupts) {
            session->interrupts = fnd_app_interrupts(app);
            return fnd_error_set(error, FND_INTERRUPTED, "interrupted, all is saved");
        }
        poll(NULL, 0, FND_SESSION_RETRY_MS);
    }
    session->full_wait_us = end_us;
    session->waited = true;
    return FND_OK;
}

/* The request, once: by another engine or our own. */
static enum fnd_status ask_once(struct fnd_session *session, const struct fnd_text *request,
                                struct fnd_text *text, struct fnd_json *end,
                                struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    if (session->engine == NULL && session->peer == NULL) {
        status = reach(session, error);
    }
    if (status == FND_OK) {
        status = session->engine != NULL ? ask_own(session, request, error)
                                         : ask_peer(session, request, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(text), text->size, "reply", end, error);
    }
    return status;
}

/* Ask whoever is or becomes the engine, until there is an end. */
static enum fnd_status ask(struct fnd_session *session, const struct fnd_text *request,
                           struct fnd_text *text, struct fnd_json *end, struct fnd_error *error)
{
    for (;;) {
        enum fnd_status status = ask_once(session, request, text, end, error);
        bool own = session->peer == NULL;
        struct fnd_error told = {0};
        if (own && status == FND_OK && fnd_session_status(*end, &told) == FND_FULL) {
            *error = told;
            status = FND_FULL;
        }
        if (status == FND_FULL) {
            status = wait_for_space(session, status, error);
            if (status == FND_OK) {
                continue;
            }
            if (told.status == FND_FULL && status == FND_FULL) {
                return FND_OK; /* its end says so to who asked */
            }
            return status;
        }
        bool again = status == FND_OK && fnd_json_text_is(fnd_json_member(*end, "status"), "again");
        if (!own && (status == FND_IO || again)) {
            fnd_peer_close(session->peer); /* it has ended or is about to: take its place */
            session->peer = NULL;
            session->answer.ended = false;
            continue;
        }
        return status;
    }
}

enum fnd_status fnd_session_ask(struct fnd_session *session, const struct fnd_text *request,
                                void (*line)(void *context, struct fnd_json line), void *context,
                                struct fnd_text *text, struct fnd_json *end,
                                struct fnd_error *error)
{
    session->answer = (struct answer){.line = line, .context = context, .end = text};
    enum fnd_status status = ask(session, request, text, end, error);
    session->answer = (struct answer){0};
    return status;
}

/* Serve who waits and let finish what runs, then let go of the directory. */
static void close_engine(struct fnd_session *session)
{
    struct fnd_error error;
    fnd_control_stop(session->control);
    fnd_engine_drain(session->engine, fnd_app_interrupts(session->app) > 1);
    while (!fnd_control_stopped(session->control) || !fnd_engine_idle(session->engine)) {
        if (turn(session, &error) != FND_OK) {
            break; /* the store takes no more; who asked has been told so */
        }
        if (fnd_control_stopped(session->control) && fnd_engine_idle(session->engine)) {
            break;
        }
        sleep_until_due(session);
    }
    fnd_control_destroy(session->control);
    fnd_engine_close(session->engine);
    close(session->epoll);
}

void fnd_session_destroy(struct fnd_session *session)
{
    if (session == NULL) {
        return;
    }
    fnd_peer_close(session->peer);
    if (session->engine != NULL) {
        close_engine(session);
    }
    free(session->plugin_path);
    free(session);
}

enum fnd_status fnd_session_status(struct fnd_json end, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    struct fnd_json name = fnd_json_member(end, "status");
    while (status < FND_INTERRUPTED && !fnd_json_text_is(name, fnd_status_name(status))) {
        status++;
    }
    if (status == FND_OK) {
        return status;
    }
    char *message = fnd_json_strdup(fnd_json_member(end, "message"));
    char *code = fnd_json_strdup(fnd_json_member(end, "code"));
    char *file = fnd_json_strdup(fnd_json_member(end, "file"));
    int64_t line = 0, column = 0;
    fnd_json_integer(fnd_json_member(end, "line"), &line);
    fnd_json_integer(fnd_json_member(end, "column"), &column);
    fnd_error_set(error, status, "%s", message != NULL ? message : fnd_status_name(status));
    fnd_error_place(error, file, (size_t)line, (size_t)column);
    if (code != NULL) {
        fnd_error_code(error, code);
    }
    free(message);
    free(code);
    free(file);
    return status;
}
