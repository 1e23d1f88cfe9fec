/* SPDX-License-Identifier: MIT */
/* Sockets: who gets a place, and how long he may keep it. One thread accepts and watches the
 * clock. A deadline is total: it counts from connect or the last reply for a head, from the head
 * for a body, from its first byte for a reply, whatever trickles in meanwhile. */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/internal.h"

enum { BACKLOG = 1024, TICK_MS = 100, ACCEPTS_MAX = 256, EVENTS_MAX = 64 };

static int64_t now_us(const struct fnd_serve *serve)
{
    return serve->options.env->monotonic_us(serve->options.env);
}

/* --- places ---------------------------------------------------------------------------------- */

struct place *place_join(struct fnd_serve *serve, int theirs)
{
    struct place *found = NULL;
    pthread_mutex_lock(&serve->lock);
    for (size_t i = 0; i < serve->places_count && found == NULL; i++) {
        struct place *place = &serve->places[i];
        found = place->stage != PLACE_FREE && place->theirs == theirs ? place : NULL;
    }
    if (found != NULL) {
        found->library = true;
        found->theirs = -1;
    }
    pthread_mutex_unlock(&serve->lock);
    return found;
}

/* The lock is held. */
static void empty(struct fnd_serve *serve, struct place *place)
{
    *place = (struct place){.fd = -1, .inner = -1, .theirs = -1};
    serve->places_used--;
}

void place_free(struct fnd_serve *serve, struct place *place)
{
    pthread_mutex_lock(&serve->lock);
    empty(serve, place);
    pthread_mutex_unlock(&serve->lock);
}

void place_leave(struct fnd_serve *serve, struct place *place)
{
    pthread_mutex_lock(&serve->lock);
    place->library = false;
    if (place->left) {
        empty(serve, place);
    }
    pthread_mutex_unlock(&serve->lock);
}

enum place_stage place_stage(struct fnd_serve *serve, struct place *place)
{
    pthread_mutex_lock(&serve->lock);
    enum place_stage stage = place->stage;
    pthread_mutex_unlock(&serve->lock);
    return stage;
}

/* The lock is held. */
static void enter(struct place *place, enum place_stage stage, int64_t now)
{
    if (place->stage != PLACE_ENDING) {
        place->stage = stage;
        place->since_us = now;
        place->bytes = 0;
    }
}

void place_enter(struct fnd_serve *serve, struct place *place, enum place_stage stage)
{
    int64_t now = now_us(serve);
    pthread_mutex_lock(&serve->lock);
    enter(place, stage, now);
    serve->requests += stage == PLACE_BODY;
    pthread_mutex_unlock(&serve->lock);
}

void place_done(struct fnd_serve *serve, struct place *place, bool last)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = place};
    int64_t now = now_us(serve);
    pthread_mutex_lock(&serve->lock);
    enter(place, PLACE_DONE, now);
    place->last = last;
    if (place->behind && !place->left) {
        epoll_ctl(serve->epoll, EPOLL_CTL_MOD, place->fd, &event); /* tells of what is there */
    }
    place->behind = false;
    pthread_mutex_unlock(&serve->lock);
}

void place_progress(struct fnd_serve *serve, struct place *place, uint64_t bytes)
{
    int64_t now = now_us(serve);
    pthread_mutex_lock(&serve->lock);
    if (bytes > place->bytes) {
        place->bytes = bytes;
        place->since_us = now;
    }
    pthread_mutex_unlock(&serve->lock);
}

static int64_t allowed_ms(const struct fnd_serve *serve, enum place_stage stage)
{
    const int64_t share_ms = serve->options.timeout_ms / FND_SERVE_HEAD_SHARE;
    switch (stage) {
    case PLACE_HEAD:
        return share_ms > FND_SERVE_HEAD_MIN_MS ? share_ms : FND_SERVE_HEAD_MIN_MS;
    case PLACE_ENDING:
        return FND_SERVE_LINGER_MS;
    case PLACE_ASKED:
    case PLACE_BODY:
    case PLACE_REPLY:
    case PLACE_UPLOAD:
    case PLACE_STREAM:
        return serve->options.timeout_ms;
    default:
        return INT64_MAX / 2000; /* an engine always answers; a reply that is owed has its own */
    }
}

/* Whether a place's time is over. */
static bool is_late(struct fnd_serve *serve, struct place *place, int64_t now)
{
    pthread_mutex_lock(&serve->lock);
    bool late = place->stage != PLACE_FREE && !place->left &&
                (now - place->since_us > allowed_ms(serve, place->stage) * 1000 ||
                 (place->owed_us != 0 && now - place->owed_us > serve->options.timeout_ms * 1000));
    serve->cut += late && place->stage != PLACE_ENDING;
    pthread_mutex_unlock(&serve->lock);
    return late;
}

static void watch_clock(struct fnd_serve *serve)
{
    int64_t now = now_us(serve);
    for (size_t i = 0; i < serve->places_count; i++) {
        struct place *place = &serve->places[i];
        if (is_late(serve, place, now)) {
            front_late(serve, place);
        } else if (place_stage(serve, place) == PLACE_DONE) {
            front_look(serve, place, true); /* a head is awaited from now on */
        }
    }
}

/* A place for a new connection; NULL: all are taken by requests under way. When none is free, the
 * oldest that still has not sent its head is closed, so that who keeps connections open without
 * asking for anything keeps nobody out. */
static struct place *place_take(struct fnd_serve *serve, int fd)
{
    struct place *free_one = NULL, *oldest = NULL;
    int64_t now = now_us(serve);
    pthread_mutex_lock(&serve->lock);
    for (size_t i = 0; i < serve->places_count; i++) {
        struct place *place = &serve->places[i];
        if (place->stage == PLACE_FREE) {
            free_one = free_one == NULL ? place : free_one;
        } else if ((place->stage == PLACE_HEAD || place->stage == PLACE_ENDING) && !place->left &&
                   (oldest == NULL || place->since_us < oldest->since_us)) {
            oldest = place;
        }
    }
    size_t used = serve->places_used;
    size_t limit = serve->options.connections_max;
    bool evict =
        used >= limit && oldest != NULL && now - oldest->since_us > FND_SERVE_EVICT_MS * 1000;
    serve->evicted += evict;
    if (used >= limit && !evict) {
        free_one = NULL;
    }
    if (free_one != NULL) {
        *free_one = (struct place){
            .fd = fd, .inner = -1, .theirs = -1, .stage = PLACE_HEAD, .since_us = now};
        serve->places_used++;
    } else {
        serve->refused++;
    }
    pthread_mutex_unlock(&serve->lock);
    if (evict) {
        front_close(serve, oldest);
    }
    return free_one;
}

/* --- accepting ------------------------------------------------------------------------------- */

static void refuse(int fd)
{
    static const struct guard_flaw full = {503, "connections",
                                           "all connections are taken; try again"};
    char bytes[4096];
    struct fnd_text text = {0};
    reply_raw(&text, &full);
    (void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT); /* unread, it would reset the reply away */
    (void)send(fd, text.bytes, text.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    fnd_text_finish(&text);
    close(fd);
}

static void greet(struct fnd_serve *serve)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int fd = accept4(serve->listener, (struct sockaddr *)(void *)&address, &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                poll(NULL, 0, TICK_MS); /* no descriptor is free: those under way will end */
            }
            return;
        }
        struct place *place = place_take(serve, fd);
        if (place == NULL) {
            refuse(fd);
            continue;
        }
        int on = 1;
        if (serve->tcp) {
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        place->address = address;
        place->address_size = size;
        front_take(serve, place);
    }
}

/* Wait for whoever wants something, and see to it. */
static void serve_events(struct fnd_serve *serve)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t count;
    int ready = epoll_wait(serve->epoll, events, EVENTS_MAX, TICK_MS);
    for (int i = 0; i < ready; i++) {
        if (events[i].data.ptr == &serve->wake) {
            (void)!read(serve->wake, &count, sizeof count);
        } else if (events[i].data.ptr != &serve->listener) {
            front_look(serve, events[i].data.ptr,
                       (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        } else if (atomic_load(&serve->stopping)) {
            epoll_ctl(serve->epoll, EPOLL_CTL_DEL, serve->listener, NULL);
        } else {
            greet(serve);
        }
    }
}

/* Whether somebody still waits for a reply, or for the rest of it. */
static bool owes_any(struct fnd_serve *serve)
{
    bool owes = false;
    pthread_mutex_lock(&serve->lock);
    for (size_t i = 0; i < serve->places_count; i++) {
        const struct place *place = &serve->places[i];
        owes = owes || (!place->left && place->stage != PLACE_FREE && place->stage != PLACE_HEAD &&
                        place->stage != PLACE_ENDING);
    }
    pthread_mutex_unlock(&serve->lock);
    return owes;
}

/* Replies are on their way through us: the last ones get a moment. */
static void finish_replies(struct fnd_serve *serve)
{
    int64_t end = now_us(serve) + (int64_t)FND_SERVE_LINGER_MS * 1000;
    while (owes_any(serve) && now_us(serve) < end) {
        serve_events(serve);
        watch_clock(serve);
    }
}

static void *accept_loop(void *context)
{
    struct fnd_serve *serve = context;
    int64_t tick_us = 0;
    long long moved_before = 0;
    while (atomic_load(&serve->accepting)) {
        bool stopping = atomic_load(&serve->stopping);
        serve_events(serve);
        long long moved = 0;
        for (size_t i = 0; i < serve->directories_count; i++) {
            moved += atomic_load(&serve->directories[i].moved) +
                     atomic_load(&serve->directories[i].stirred);
        }
        int64_t now = now_us(serve);
        if (now - tick_us >= (int64_t)TICK_MS * 1000 || moved != moved_before || stopping) {
            request_wake(serve, moved != moved_before, false);
            moved_before = moved;
        }
        if (now - tick_us >= (int64_t)TICK_MS * 1000) {
            watch_clock(serve);
            tick_us = now;
        }
    }
    request_wake(serve, true, true);
    finish_replies(serve);
    front_end(serve);
    return NULL;
}

/* --- the listening socket -------------------------------------------------------------------- */

/* Whether a server is behind a socket's name. One that has gone refuses. */
static bool answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool live = fd >= 0 && (connect(fd, (const struct sockaddr *)(const void *)address,
                                    sizeof *address) == 0 ||
                            errno != ECONNREFUSED);
    if (fd >= 0) {
        close(fd);
    }
    return live;
}

static enum fnd_status open_unix(struct fnd_serve *serve, const char *path, struct fnd_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat about;
    if (strlen(path) >= sizeof address.sun_path) {
        return fnd_error_set(error, FND_INVALID, "the socket's path %s is longer than %zu bytes",
                             path, sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* Only a socket is replaced, and only one whose server has gone. */
    if (lstat(path, &about) == 0 && S_ISSOCK(about.st_mode)) {
        if (answers(&address)) {
            return fnd_error_set(error, FND_CONFLICT,
                                 "cannot listen on unix:%s: another program does; take another "
                                 "path",
                                 path);
        }
        (void)unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, 0600) < 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address) < 0 ||
        listen(fd, BACKLOG) < 0) {
        int failed = errno;
        if (fd >= 0) {
            close(fd);
        }
        return fnd_error_errno(error, FND_IO, failed, "cannot listen on unix:%s", path);
    }
    serve->listener = fd;
    serve->socket_path = fnd_strdup(path);
    serve->url = fnd_strdup("http://localhost");
    return auth_setup(serve, 0, error);
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6 = {0};
    memcpy(&v6, address, sizeof v6);
    return v6.sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* ADDR:PORT or [ADDR]:PORT, digits only: names would be asked of the network. */
static enum fnd_status parse_address(const char *text, struct sockaddr_storage *address,
                                     socklen_t *size, struct fnd_error *error)
{
    char host[INET6_ADDRSTRLEN + 2] = "";
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';
    if (length > 0 && length < sizeof host) {
        memcpy(host, text + (brackets ? 1 : 0), length - (brackets ? 2 : 0));
    }
    const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (host[0] == '\0' || getaddrinfo(name, colon + 1, &hints, &found) != 0) {
        return fnd_error_set(error, FND_INVALID,
                             "%s is no address to listen on: say ADDR:PORT, [ADDR]:PORT or "
                             "unix:PATH, as 127.0.0.1:7420",
                             text);
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return FND_OK;
}

static enum fnd_status open_tcp(struct fnd_serve *serve, struct fnd_error *error)
{
    const char *text = serve->options.listen;
    struct sockaddr_storage address = {0};
    socklen_t size = 0;
    enum fnd_status status = parse_address(text, &address, &size, error);
    if (status != FND_OK) {
        return status;
    }
    if (!is_loopback(&address) && serve->options.people_count == 0) {
        return fnd_error_set(error, FND_DENIED,
                             "%s can be reached from other machines: give --token-file, and let "
                             "only a proxy that speaks TLS reach it",
                             text);
    }
    int on = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&address, size) < 0 ||
        listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)(void *)&address, &size) < 0) {
        int failed = errno;
        if (fd >= 0) {
            close(fd);
        }
        if (failed == EADDRINUSE) {
            return fnd_error_set(error, FND_CONFLICT,
                                 "cannot listen on %s: another program does; take another port",
                                 text);
        }
        return fnd_error_errno(error, FND_IO, failed, "cannot listen on %s", text);
    }
    char host[INET6_ADDRSTRLEN], port[8];
    getnameinfo((const struct sockaddr *)(const void *)&address, size, host, sizeof host, port,
                sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    struct fnd_text url = {0};
    fnd_text_printf(&url, address.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s", host,
                    port);
    serve->url = fnd_text_take(&url);
    serve->listener = fd;
    serve->tcp = true;
    return auth_setup(serve, (unsigned)strtoul(port, NULL, 10), error);
}

enum fnd_status listen_open(struct fnd_serve *serve, struct fnd_error *error)
{
    size_t limit = serve->options.connections_max;
    /* Those that were cut hold their place until the library has seen it. */
    serve->places_count = limit + limit / 4 + 16;
    serve->places = fnd_alloc(serve->places_count * sizeof *serve->places);
    serve->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const char *text = serve->options.listen;
    return strncmp(text, "unix:", 5) == 0 ? open_unix(serve, text + 5, error)
                                          : open_tcp(serve, error);
}

enum fnd_status listen_start(struct fnd_serve *serve, struct fnd_error *error)
{
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &serve->wake};
    struct epoll_event listener = {.events = EPOLLIN, .data.ptr = &serve->listener};
    serve->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (serve->epoll < 0 || epoll_ctl(serve->epoll, EPOLL_CTL_ADD, serve->wake, &wake) < 0 ||
        epoll_ctl(serve->epoll, EPOLL_CTL_ADD, serve->listener, &listener) < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot wait for connections");
    }
    serve->accepting = true;
    int failed = pthread_create(&serve->acceptor, NULL, accept_loop, serve);
    if (failed != 0) {
        serve->accepting = false;
        return fnd_error_errno(error, FND_IO, failed, "cannot start a thread");
    }
    return FND_OK;
}

void listen_stop(struct fnd_serve *serve)
{
    if (serve->accepting) {
        uint64_t one = 1;
        serve->accepting = false;
        (void)!write(serve->wake, &one, sizeof one);
        pthread_join(serve->acceptor, NULL);
    }
    if (serve->listener >= 0) {
        close(serve->listener);
        serve->listener = -1;
    }
    if (serve->epoll >= 0) {
        close(serve->epoll);
        serve->epoll = -1;
    }
    if (serve->socket_path != NULL) {
        (void)unlink(serve->socket_path);
    }
}
