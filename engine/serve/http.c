/* SPDX-License-Identifier: MIT */
/* A request's way: head, guard, who, route, body, handler, reply. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/internal.h"
#include "serve/upload.h"

enum { CONNECTION_MEMORY = 128 << 10 }; /* a head longer than that never reaches our own reply */

const char *request_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

char *request_query(const struct request *request, const char *name)
{
    const char *at = strchr(request->target, '?');
    size_t length = strlen(name);
    while (at != NULL && *at != '\0') {
        const char *begin = at + 1;
        size_t size = strcspn(begin, "&");
        at = begin[size] == '&' ? begin + size : NULL;
        if (size > length && strncmp(begin, name, length) == 0 && begin[length] == '=') {
            char *value = fnd_alloc(size + 1);
            if (guard_decode(begin + length + 1, size - length - 1, value)) {
                return value;
            }
            free(value);
        }
    }
    return NULL;
}

static void *note_target(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct request *request = fnd_alloc(sizeof *request);
    request->serve = context;
    request->connection = connection;
    request->target = fnd_strdup(uri);
    request->target_size = strlen(uri);
    return request;
}

static void request_destroy(struct request *request)
{
    upload_drop(request->upload);
    for (size_t i = 0; i < request->headers_count; i++) {
        free(request->headers[i].value);
    }
    if (request->stream != NULL) {
        MHD_destroy_response(request->stream);
    }
    fnd_text_finish(&request->body);
    fnd_text_finish(&request->out);
    fnd_text_finish(&request->act.request);
    fnd_text_finish(&request->act.end);
    free(request->target);
    free(request->key);
    free(request);
}

static void completed(void *context, struct MHD_Connection *connection, void **own,
                      enum MHD_RequestTerminationCode code)
{
    struct fnd_serve *serve = context;
    struct request *request = *own;
    (void)connection;
    *own = NULL;
    if (request != NULL) {
        if (request->place != NULL) {
            place_done(serve, request->place,
                       request->last || code != MHD_REQUEST_TERMINATED_COMPLETED_OK);
        }
        request_destroy(request);
    }
}

static void connected(void *context, struct MHD_Connection *connection, void **own,
                      enum MHD_ConnectionNotificationCode code)
{
    struct fnd_serve *serve = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *own = info != NULL ? place_join(serve, info->connect_fd) : NULL;
    } else if (*own != NULL) {
        place_leave(serve, *own);
        *own = NULL;
    }
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    guard_header(context, name, value != NULL ? value : "");
    return MHD_YES;
}

static void note_peer(struct request *request)
{
    const struct sockaddr *address =
        (const struct sockaddr *)(const void *)&request->place->address;
    char text[INET6_ADDRSTRLEN] = "";
    snprintf(request->peer, sizeof request->peer, "unix");
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        snprintf(request->peer, sizeof request->peer, "%s", text);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(request->peer, sizeof request->peer, "%s", text);
    }
}

static struct guard_flaw check_head(struct request *request, const char *method,
                                    const char *version, struct guard *guard)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    guard_line(guard, method, request->target, version);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_header, guard);
    struct guard_flaw flaw = guard_end(guard, info != NULL ? info->header_size : 0);
    return flaw.status != 0 ? flaw : guard_target(request->target, request->target_size);
}

static bool find_route(struct request *request)
{
    size_t size = strcspn(request->target, "?");
    route_find(route_table(), request->method, request->target, size, &request->match);
    if (request->match.route != NULL) {
        return true;
    }
    if (request->match.path_known) {
        reply_problem(request, 405, "method_not_allowed", "this path takes %s",
                      request->match.allow);
        reply_header(request, "Allow", "%s", request->match.allow);
    } else {
        reply_problem(request, 404, "no_such_path", "there is nothing at this path; %s",
                      "/openapi.json tells what there is");
    }
    return false;
}

static bool body_fits(struct request *request, const struct guard *guard)
{
    const char *type = request_header(request, "Content-Type");
    bool uploads = (request->match.route->flags & ROUTE_UPLOAD) != 0;
    bool json = guard_type(type, "application/json");
    if (guard->length > 0 && !json && !uploads) {
        reply_problem(request, 415, "content_type",
                      "send JSON, with Content-Type: application/json");
        return false;
    }
    if (request->method == HTTP_GET || request->method == HTTP_HEAD) {
        if (guard->length > 0) {
            reply_problem(request, 400, "body_with_get", "a GET has no body");
        }
        return guard->length == 0;
    }
    if (json || !uploads) {
        if (guard->length > FND_SERVE_BODY_SIZE_MAX) {
            reply_problem(request, 413, "body_too_large", "a body of JSON may have 1 MiB");
            return false;
        }
        return true;
    }
    return upload_begin(request, type, guard->length);
}

/* Whether the library ends the connection behind the reply: the client wants it so, or could not
 * tell. */
static bool is_last(const struct request *request, const char *version)
{
    const char *value = request_header(request, "Connection");
    return strcmp(version, "HTTP/1.1") != 0 ||
           (value != NULL && strcasecmp(value, "keep-alive") != 0);
}

/* Everything that can be refused before a byte of the body is read. */
static bool admit(struct request *request, const char *method, const char *version)
{
    struct guard guard = {0};
    request->method = route_method(method);
    note_peer(request);
    struct guard_flaw flaw = check_head(request, method, version, &guard);
    if (flaw.status != 0) {
        reply_problem(request, flaw.status, flaw.code, "%s", flaw.message);
        return false;
    }
    if (!guard_host(request->serve->hosts, request_header(request, "Host"))) {
        reply_problem(request, 421, "unknown_host",
                      "this server is not the host that was asked for; --host NAME adds one");
        return false;
    }
    return find_route(request) && auth_check(request) && body_fits(request, &guard);
}

static void dispatch(struct request *request)
{
    const char *key = request_header(request, "Idempotency-Key");
    if (key != NULL &&
        (strlen(key) == 0 || strlen(key) > 200 || !fnd_utf8_valid(key, strlen(key)))) {
        reply_problem(request, 400, "bad_idempotency_key",
                      "an Idempotency-Key has 1 to 200 bytes of UTF-8");
        return;
    }
    request->key = key != NULL ? fnd_strdup(key) : NULL;
    request->match.route->handle(request);
}

static enum MHD_Result go_on(struct request *request)
{
    struct fnd_json end = {0};
    switch (request->stage) {
    case REQUEST_NEW:
    case REQUEST_REPLIED:
        return MHD_YES;
    case REQUEST_BODY:
        request->stage = REQUEST_NEW;
        dispatch(request);
        break;
    case REQUEST_WAITING: /* and resumed */
        request->stage = REQUEST_NEW;
        if (request->act.end.size > 0) {
            (void)fnd_json_check(fnd_text_z(&request->act.end), request->act.end.size, NULL, &end,
                                 NULL);
        }
        request->finish(request, end);
        break;
    }
    return request->stage == REQUEST_WAITING ? MHD_YES : (enum MHD_Result)reply_send(request);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **own)
{
    struct fnd_serve *serve = context;
    struct request *request = *own;
    (void)url; /* decoded already; the target as sent is in the request */
    if (request == NULL) {
        return MHD_NO;
    }
    if (request->place == NULL) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        request->place = info != NULL ? info->socket_context : NULL;
        if (request->place == NULL) {
            return MHD_NO;
        }
        place_enter(serve, request->place, PLACE_BODY);
        request->last = is_last(request, version);
        if (!admit(request, method, version)) {
            request->close = true; /* what follows is not read */
            return request->stage == REQUEST_WAITING ? MHD_YES
                                                     : (enum MHD_Result)reply_send(request);
        }
        request->stage = REQUEST_BODY;
        return MHD_YES;
    }
    if (*size > 0) {
        bool taken = request->stage == REQUEST_BODY;
        if (taken && request->upload != NULL) {
            upload_take(request, data, *size);
        } else if (taken && request->body.size + *size <= FND_SERVE_BODY_SIZE_MAX) {
            fnd_text_append(&request->body, data, *size);
        }
        *size = 0;
        return MHD_YES;
    }
    return go_on(request);
}

/* --- waiting: for an engine, for time -------------------------------------------------------- */

void request_resume(struct request *request)
{
    MHD_resume_connection(request->connection); /* the request is its thread's again */
}

static void act_done(struct act *act)
{
    request_resume(act->context);
}

void request_wait(struct request *request,
                  void (*finish)(struct request *request, struct fnd_json end))
{
    request->finish = finish;
    request->stage = REQUEST_WAITING;
    place_enter(request->serve, request->place, PLACE_WAIT);
    MHD_suspend_connection(request->connection);
}

void request_act(struct request *request, struct directory *directory,
                 void (*finish)(struct request *request, struct fnd_json end))
{
    request->directory = directory;
    request->act.context = request;
    request->act.done = act_done;
    request_wait(request, finish);
    directory_act(directory, &request->act);
}

void request_sleep(struct request *request, int64_t until_us)
{
    struct fnd_serve *serve = request->serve;
    MHD_suspend_connection(request->connection);
    pthread_mutex_lock(&serve->lock);
    bool asleep = !serve->woken;
    if (asleep) {
        request->sleep_until_us = until_us;
        request->sleep_next = serve->sleepers;
        serve->sleepers = request;
    }
    pthread_mutex_unlock(&serve->lock);
    if (!asleep) {
        MHD_resume_connection(request->connection); /* nobody would wake it any more */
    }
}

void request_wake(struct fnd_serve *serve, bool moved, bool last)
{
    int64_t now_us = serve->options.env->monotonic_us(serve->options.env);
    struct request *awake = NULL;
    pthread_mutex_lock(&serve->lock);
    serve->woken = serve->woken || last;
    for (struct request **link = &serve->sleepers; *link != NULL;) {
        struct request *request = *link;
        bool due = now_us >= request->sleep_until_us || atomic_load(&serve->stopping) || last ||
                   (moved && request->stream_state != NULL) || request->place->cut;
        if (due) {
            *link = request->sleep_next;
            request->sleep_next = awake;
            awake = request;
        } else {
            link = &request->sleep_next;
        }
    }
    pthread_mutex_unlock(&serve->lock);
    while (awake != NULL) {
        struct request *request = awake;
        awake = request->sleep_next;
        MHD_resume_connection(request->connection);
    }
}

/* --- the library ----------------------------------------------------------------------------- */

enum fnd_status http_start(struct fnd_serve *serve, struct fnd_error *error)
{
    unsigned limit = (unsigned)serve->places_count + 16;
    for (size_t i = 0; i < FND_SERVE_THREADS; i++) {
        /* Sockets are accepted by listen.c, which refuses what is too much and watches the clock:
         * the library's own limit would leave them waiting, and its timeout is of idleness only. */
        serve->daemons[i] = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                MHD_ALLOW_SUSPEND_RESUME,
            0, NULL, NULL, handle, serve, MHD_OPTION_URI_LOG_CALLBACK, note_target, serve,
            MHD_OPTION_NOTIFY_COMPLETED, completed, serve, MHD_OPTION_NOTIFY_CONNECTION, connected,
            serve, MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, 120U,
            MHD_OPTION_STRICT_FOR_CLIENT, -1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
        if (serve->daemons[i] == NULL) {
            return fnd_error_set(error, FND_IO, "cannot start the HTTP library's threads");
        }
        serve->daemons_count++;
    }
    return FND_OK;
}

void http_stop(struct fnd_serve *serve)
{
    for (size_t i = 0; i < serve->daemons_count; i++) {
        MHD_stop_daemon(serve->daemons[i]);
        serve->daemons[i] = NULL;
    }
    serve->daemons_count = 0;
}
