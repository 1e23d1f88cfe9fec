/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4, SO_PEERCRED */
#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

enum { READ_SIZE = 1 << 16, EVENTS_MAX = 64, BACKLOG = 256 };

static const char socket_name[] = "engine.sock";

struct fnd_control *fnd_control_create(const struct fnd_env *env, const struct fnd_log *log)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return NULL;
    }
    struct fnd_control *control = fnd_alloc(sizeof *control);
    control->env = env;
    control->log = log;
    control->epoll = epoll;
    control->listener = control->folder = -1;
    return control;
}

void fnd_control_attach(struct fnd_control *control, struct fnd_engine *engine)
{
    control->engine = engine;
    control->desk = fnd_desk_create(engine, control->log);
    control->notifier = fnd_notifier_create(engine, control->log);
    struct fnd_error error = {0};
    struct epoll_event event = {.events = EPOLLIN};
    if (fnd_learn_create(engine, &control->learn, &error) != FND_OK) {
        fnd_log(control->log, FND_LOG_WARNING, "control", NULL, NULL,
                "models cannot be trained: %s", error.message);
        return;
    }
    event.data.ptr = control->learn;
    (void)epoll_ctl(control->epoll, EPOLL_CTL_ADD, fnd_learn_fd(control->learn), &event);
}

void fnd_control_tell(struct fnd_control *control,
                      void (*told)(void *context, const struct fnd_desk_told *told), void *context)
{
    fnd_desk_tell(control->desk, told, context);
}

enum fnd_status fnd_control_listen(struct fnd_control *control, int folder, struct fnd_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* Through the descriptor: a job directory's path may be longer than a socket's may. */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, socket_name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot make a socket");
    }
    /* Whoever left one there is dead: the caller holds the lock. The mode is the socket's own
     * before it has a name, so that there is no moment at which others may connect. */
    int failed = 0;
    if ((unlinkat(folder, socket_name, 0) < 0 && errno != ENOENT) || fchmod(fd, 0600) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, BACKLOG) < 0) {
        failed = errno;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (failed == 0 && epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        failed = errno;
    }
    if (failed != 0) {
        close(fd);
        return fnd_error_errno(error, fnd_status_errno(failed), failed,
                               "cannot listen on .foundry/%s", socket_name);
    }
    control->listener = fd;
    control->folder = folder;
    return FND_OK;
}

static void stop_listening(struct fnd_control *control)
{
    if (control->listener >= 0) {
        unlinkat(control->folder, socket_name, 0);
        epoll_ctl(control->epoll, EPOLL_CTL_DEL, control->listener, NULL);
        close(control->listener);
        control->listener = -1;
    }
}

static void client_free(struct client *client)
{
    if (client->fd >= 0) {
        /* Closing alone would do if nobody else held the connection; but a worker that is just
         * being started holds it until its exec has closed it, which may be after we go on. */
        epoll_ctl(client->control->epoll, EPOLL_CTL_DEL, client->fd, NULL);
        close(client->fd);
    }
    control_follow_finish(&client->follow);
    fnd_text_finish(&client->in);
    fnd_text_finish(&client->out);
    free(client);
}

void fnd_control_destroy(struct fnd_control *control)
{
    if (control == NULL) {
        return;
    }
    stop_listening(control);
    while (control->clients != NULL) {
        struct client *client = control->clients;
        control->clients = client->next;
        control_pending_forget(control, client);
        control_undo_forget(control, client);
        control_learn_forget(control, client);
        client_free(client);
    }
    fnd_learn_destroy(control->learn);
    fnd_notifier_destroy(control->notifier);
    fnd_desk_destroy(control->desk);
    control_undo_finish(control);
    close(control->epoll);
    free(control->resumed);
    free(control);
}

int fnd_control_fd(const struct fnd_control *control)
{
    return control->epoll;
}

struct client *control_client_add(struct fnd_control *control, int fd)
{
    struct client *client = fnd_alloc(sizeof *client);
    client->fd = fd;
    client->control = control;
    client->next = control->clients;
    control->clients = client;
    control->clients_count++;
    return client;
}

static void want(struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(client->control->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void drop(struct client *client)
{
    client->closing = client->dead = true;
    client->out.size = client->out_at = 0;
}

/* Send what the socket takes. */
static void push(struct client *client)
{
    while (client->out_at < client->out.size) {
        ssize_t sent = send(client->fd, client->out.bytes + client->out_at,
                            client->out.size - client->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (client->send_since_us == 0) {
                client->send_since_us = client->control->env->monotonic_us(client->control->env);
                want(client, EPOLLIN | EPOLLOUT);
            }
            return;
        }
        if (sent < 0) {
            drop(client);
            return;
        }
        client->out_at += (size_t)sent;
        if (client->send_since_us != 0) {
            client->send_since_us = client->control->env->monotonic_us(client->control->env);
        }
    }
    fnd_text_clear(&client->out);
    client->out_at = 0;
    if (client->send_since_us != 0) {
        client->send_since_us = 0;
        want(client, EPOLLIN);
    }
    if (client->closing) {
        client->dead = true;
    }
}

void control_send(struct client *client, struct fnd_text *line)
{
    if (client->fd < 0) {
        if (client->line != NULL) {
            client->line(client->context,
                         (struct fnd_json){.bytes = line->bytes, .size = line->size});
        }
    } else if (!client->dead) {
        fnd_text_append_byte(line, '\n');
        fnd_text_append(&client->out, line->bytes, line->size);
        push(client);
    }
    fnd_text_clear(line);
}

void control_text(struct fnd_text *line, const char *name, const char *z)
{
    if (z == NULL) {
        return;
    }
    fnd_text_printf(line, ",\"%s\":", name);
    if (fnd_utf8_valid(z, strlen(z))) {
        fnd_text_append_json_z(line, z);
        return;
    }
    struct fnd_text visible = {0};
    fnd_text_append_visible(&visible, z, strlen(z));
    fnd_text_append_json(line, fnd_text_z(&visible), visible.size);
    fnd_text_finish(&visible);
}

void control_end(struct client *client, enum fnd_status status, const struct fnd_error *error,
                 const char *more)
{
    struct fnd_text line = {0};
    fnd_text_append_z(&line, "{\"type\":\"end\",\"status\":");
    fnd_text_append_json_z(&line, fnd_status_name(status));
    if (status != FND_OK && error != NULL) {
        control_text(&line, "code", error->code[0] != '\0' ? error->code : NULL);
        control_text(&line, "message", error->message);
        control_text(&line, "file", error->file[0] != '\0' ? error->file : NULL);
        if (error->line > 0) {
            fnd_text_printf(&line, ",\"line\":%zu,\"column\":%zu", error->line, error->column);
        }
    }
    fnd_text_append_z(&line, more);
    fnd_text_append_byte(&line, '}');
    if (client->held != NULL) {
        client->held->line = line;
        return;
    }
    client->busy = false;
    control_follow_finish(&client->follow);
    control_send(client, &line);
    fnd_text_finish(&line);
}

void control_end_again(struct client *client)
{
    struct fnd_text line = {0};
    fnd_text_append_z(&line, "{\"type\":\"end\",\"status\":\"again\"}");
    client->busy = false;
    control_follow_finish(&client->follow);
    control_send(client, &line);
    fnd_text_finish(&line);
}

/* A request that breaks the protocol: say so, and hang up once it was read. */
static void refuse(struct client *client, enum fnd_status status, const char *message)
{
    struct fnd_error error;
    fnd_error_set(&error, status, "%s", message);
    client->closing = true;
    client->in.size = client->in_at = 0;
    client->line_since_us = 0;
    control_end(client, status, &error, NULL);
}

/* Carry out whole lines, one at a time: the next begins when the one before has ended, and when
 * there is room for its reply. */
static void work(struct client *client)
{
    while (!client->busy && !client->closing && client->in_at < client->in.size &&
           client->out.size - client->out_at < FND_CONTROL_NEWS_SIZE_MAX) {
        const char *begin = client->in.bytes + client->in_at;
        const char *end = memchr(begin, '\n', client->in.size - client->in_at);
        if (end == NULL) {
            break;
        }
        size_t size = (size_t)(end - begin);
        char *line = fnd_strndup(begin, size); /* the buffer may move meanwhile */
        client->in_at += size + 1;
        if (client->in_at == client->in.size) {
            fnd_text_clear(&client->in);
            client->in_at = 0;
            client->line_since_us = 0;
        }
        client->busy = true;
        control_request(client, line, size);
        free(line);
    }
    if (client->in_at > 0 && !client->dead) {
        memmove(client->in.bytes, client->in.bytes + client->in_at,
                client->in.size - client->in_at);
        client->in.size -= client->in_at;
        client->in_at = 0;
    }
}

static size_t unfinished(const struct fnd_control *control)
{
    size_t size = 0;
    for (const struct client *client = control->clients; client != NULL; client = client->next) {
        size += client->in.size;
    }
    return size;
}

/* The peer sends no more. It may still wait for its reply; once it has gone altogether, the
 * descriptor reports a hang-up, and we come here no more. */
static void hear_end(struct client *client)
{
    work(client);
    if (!client->busy && client->out.size == 0) {
        drop(client);
        return;
    }
    client->closing = true;
    want(client, client->send_since_us != 0 ? EPOLLOUT : 0);
}

static void pull(struct client *client)
{
    char bytes[READ_SIZE];
    for (;;) {
        ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (got == 0 && !client->closing) {
            hear_end(client);
            return;
        }
        if (got <= 0) {
            drop(client);
            return;
        }
        if (client->closing) {
            continue; /* read to the end, so that our last line is not reset away */
        }
        if (client->in.size == 0) {
            client->line_since_us = client->control->env->monotonic_us(client->control->env);
        }
        fnd_text_append(&client->in, bytes, (size_t)got);
        if (client->in.size > FND_CONTROL_LINE_SIZE_MAX) {
            refuse(client, FND_LIMIT, "a request may be 8 MiB long, this one is longer");
            return;
        }
        if (unfinished(client->control) > FND_CONTROL_INPUT_SIZE_MAX) {
            refuse(client, FND_LIMIT, "the engine holds too many unfinished requests; try again");
            return;
        }
    }
    work(client);
}

static void greet(struct fnd_control *control)
{
    for (;;) {
        int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && errno == EINTR) {
            continue;
        }
        if (fd < 0) {
            return; /* none waits, or no descriptor is free: it waits on */
        }
        struct ucred peer;
        socklen_t size = sizeof peer;
        struct epoll_event event = {.events = EPOLLIN};
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid()) {
            fnd_log(control->log, FND_LOG_WARNING, "control", NULL, NULL,
                    "refused a connection of another user");
            close(fd);
            continue;
        }
        if (control->clients_count >= FND_CONTROL_CLIENTS_MAX) {
            static const char full[] = "{\"type\":\"end\",\"status\":\"again\"}\n";
            (void)send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            close(fd);
            continue;
        }
        struct client *client = control_client_add(control, fd);
        event.data.ptr = client;
        if (epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
            drop(client);
        }
    }
}

/* Clients that begin a line and do not end it, or do not read what they asked for. */
static void expire(struct fnd_control *control, int64_t now_us)
{
    for (struct client *client = control->clients; client != NULL; client = client->next) {
        if (client->fd < 0 || client->dead) {
            continue;
        }
        if (!client->busy && client->line_since_us != 0 &&
            now_us - client->line_since_us >= (int64_t)FND_CONTROL_LINE_MS * 1000) {
            refuse(client, FND_LIMIT, "the request was not whole within 10 s");
        }
        if (client->send_since_us != 0 &&
            now_us - client->send_since_us >= (int64_t)FND_CONTROL_SEND_MS * 1000) {
            drop(client);
        }
    }
}

static void sweep(struct fnd_control *control)
{
    struct client **link = &control->clients;
    while (*link != NULL) {
        struct client *client = *link;
        if (client->dead) {
            *link = client->next;
            control->clients_count--;
            control_pending_forget(control, client);
            control_undo_forget(control, client);
            control_learn_forget(control, client);
            client_free(client);
        } else {
            link = &client->next;
        }
    }
}

void fnd_control_turn(struct fnd_control *control)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(control->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (client == NULL) {
            greet(control);
            continue;
        }
        if (events[i].data.ptr == control->learn) {
            continue; /* its turn comes below */
        }
        if (!client->dead && (events[i].events & EPOLLOUT) != 0) {
            push(client);
        }
        if (!client->dead && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            pull(client);
        }
    }
    int64_t now_us = control->env->monotonic_us(control->env);
    expire(control, now_us);
    for (struct client *client = control->clients; client != NULL; client = client->next) {
        if (!client->dead) {
            work(client); /* what waited behind a request that has ended */
        }
        if (client->follow.active && client->follow.watch && !control->stopping &&
            now_us >= control->watch_at_us) {
            control_watch(client);
        }
    }
    if (now_us >= control->watch_at_us) {
        control->watch_at_us = now_us + (int64_t)FND_CONTROL_WATCH_MS * 1000;
    }
    if (control->desk != NULL && !control->stopping) {
        fnd_desk_turn(control->desk);
    }
    if (control->notifier != NULL && !control->stopping) {
        fnd_notifier_turn(control->notifier);
    }
    if (control->learn != NULL && !control->stopping) {
        fnd_learn_turn(control->learn);
    }
    control_follow_check(control);
    sweep(control);
}

int64_t fnd_control_wait_us(const struct fnd_control *control)
{
    int64_t now_us = control->env->monotonic_us(control->env), due = INT64_MAX;
    for (const struct client *client = control->clients; client != NULL; client = client->next) {
        int64_t at = INT64_MAX;
        if (client->line_since_us != 0 && !client->busy) {
            at = client->line_since_us + (int64_t)FND_CONTROL_LINE_MS * 1000;
        }
        if (client->send_since_us != 0 &&
            client->send_since_us + (int64_t)FND_CONTROL_SEND_MS * 1000 < at) {
            at = client->send_since_us + (int64_t)FND_CONTROL_SEND_MS * 1000;
        }
        if (client->follow.active && client->follow.watch && control->watch_at_us < at) {
            at = control->watch_at_us;
        }
        if (client->follow.active && !client->follow.watch && control->moved &&
            control->rest_at_us < at) {
            at = control->rest_at_us;
        }
        due = at < due ? at : due;
    }
    const int64_t desk_us =
        control->desk != NULL && !control->stopping ? fnd_desk_wait_us(control->desk) : -1;
    if (desk_us >= 0 && desk_us < due - now_us) {
        due = now_us + desk_us;
    }
    const int64_t notify_us = control->notifier != NULL && !control->stopping
                                  ? fnd_notifier_wait_us(control->notifier)
                                  : -1;
    if (notify_us >= 0 && notify_us < due - now_us) {
        due = now_us + notify_us;
    }
    const int64_t learn_us =
        control->learn != NULL && !control->stopping ? fnd_learn_wait_us(control->learn) : -1;
    if (learn_us >= 0 && learn_us < due - now_us) {
        due = now_us + learn_us;
    }
    return due == INT64_MAX ? -1 : due > now_us ? due - now_us : 0;
}

void fnd_control_local(struct fnd_control *control, const char *request, size_t size,
                       void (*line)(void *context, struct fnd_json line), void *context)
{
    struct client *client = control->clients;
    while (client != NULL && (client->fd >= 0 || client->busy)) {
        client = client->next;
    }
    if (client == NULL) {
        client = control_client_add(control, -1);
    }
    client->line = line;
    client->context = context;
    client->busy = true;
    control_request(client, request, size);
}

void fnd_control_stop(struct fnd_control *control)
{
    control->stopping = true;
    stop_listening(control);
    for (struct client *client = control->clients; client != NULL; client = client->next) {
        if (client->follow.active || client->learning) {
            control_learn_forget(control, client);
            control_end_again(client);
        }
    }
}

void fnd_control_learn(struct fnd_control *control)
{
    if (control->learn != NULL) {
        fnd_learn_auto(control->learn);
    }
}

bool fnd_control_stopped(const struct fnd_control *control)
{
    if (control->pending != NULL || control->undo_waits != NULL) {
        return false;
    }
    for (const struct client *client = control->clients; client != NULL; client = client->next) {
        if (client->fd >= 0 && !client->dead && (client->busy || client->out.size > 0)) {
            return false;
        }
    }
    return true;
}
