/* SPDX-License-Identifier: MIT */
/* Between requests a connection is ours: each head, the first and those behind a reply alike, is
 * looked at in the kernel's buffer, and the library gets it once it is whole and one that we serve,
 * and the reply before it is out. What the library would refuse by itself, in a text of its own, is
 * refused here as everything is; who never sends a head costs a descriptor and nothing else. */
#define _GNU_SOURCE /* memmem, POLLRDHUP */
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/internal.h"

/* Read what was sent, so that closing does not reset our last words away. False: it has ended, or
 * there is no end to it. */
static bool swallow(struct place *place)
{
    char bytes[16 << 10];
    while (place->swallowed <= FND_SERVE_LINGER_SIZE) {
        ssize_t got = recv(place->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
        place->swallowed += (size_t)got;
    }
    return false;
}

void front_refuse(struct fnd_serve *serve, struct place *place, const struct guard_flaw *flaw)
{
    struct fnd_text text = {0};
    reply_raw(&text, flaw);
    ssize_t sent = send(place->fd, text.bytes, text.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    bool whole = sent == (ssize_t)text.size;
    fnd_text_finish(&text);
    pthread_mutex_lock(&serve->lock);
    serve->requests++;
    serve->replies[flaw->status / 100]++;
    pthread_mutex_unlock(&serve->lock);
    if (whole) {
        front_finish(serve, place);
    } else {
        front_close(serve, place);
    }
}

/* The library sees the end of the stream, and leaves. */
static void close_inner(struct fnd_serve *serve, struct place *place)
{
    if (place->inner >= 0) {
        pthread_mutex_lock(&serve->lock);
        place->theirs = -1;
        pthread_mutex_unlock(&serve->lock);
        close(place->inner);
        place->inner = -1;
    }
}

void front_finish(struct fnd_serve *serve, struct place *place)
{
    close_inner(serve, place);
    place->owed_us = 0;
    if (shutdown(place->fd, SHUT_WR) != 0 || !swallow(place)) {
        front_close(serve, place);
        return;
    }
    place_enter(serve, place, PLACE_ENDING);
}

void front_close(struct fnd_serve *serve, struct place *place)
{
    int fd = place->fd;
    close_inner(serve, place);
    pthread_mutex_lock(&serve->lock);
    place->left = place->cut = true;
    bool alone = !place->library;
    pthread_mutex_unlock(&serve->lock);
    if (alone) {
        place_free(serve, place);
    }
    close(fd);
}

/* A pair of sockets, and the library at its other end. False: there are no descriptors. */
static bool hand_over(struct fnd_serve *serve, struct place *place)
{
    static const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = place};
    struct MHD_Daemon *daemon = serve->daemons[serve->turn++ % serve->daemons_count];
    const int size = FND_SERVE_PAIR_SIZE;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return false;
    }
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    place->inner = pair[0];
    pthread_mutex_lock(&serve->lock);
    place->theirs = pair[1];
    pthread_mutex_unlock(&serve->lock);
    if (epoll_ctl(serve->epoll, EPOLL_CTL_ADD, pair[0], &event) != 0) {
        close(pair[1]);
        return false;
    }
    /* It closes its end if it will not have it. */
    return MHD_add_connection(daemon, pair[1], (const struct sockaddr *)(const void *)&nameless,
                              sizeof nameless) == MHD_YES;
}

/* A head that is good, to the library, which has read all that came before. False: it did not go
 * through, and the connection ends. */
static bool pass_head(struct fnd_serve *serve, struct place *place, char *bytes, size_t size)
{
    static const struct guard_flaw full = {503, "connections",
                                           "no descriptors are left; try again"};
    if (place->inner < 0 && !hand_over(serve, place)) {
        front_refuse(serve, place, &full);
        return false;
    }
    place_enter(serve, place, PLACE_ASKED);
    if (recv(place->fd, bytes, size, MSG_DONTWAIT) != (ssize_t)size ||
        send(place->inner, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        front_close(serve, place); /* the client has gone, or the library has: it is asked again */
        return false;
    }
    return true;
}

/* The size of the head at the beginning of `bytes`; 0: it is not whole. A line that ends without a
 * carriage return ends it, too: guard_head() will not have it. */
static size_t head_end(const char *bytes, size_t size)
{
    const char *plain = memmem(bytes, size, "\n\r\n", 3);
    const char *bare = memmem(bytes, size, "\n\n", 2);
    size_t plain_end = plain != NULL ? (size_t)(plain - bytes) + 3 : 0;
    size_t bare_end = bare != NULL ? (size_t)(bare - bytes) + 2 : 0;
    return bare_end != 0 && (plain_end == 0 || bare_end < plain_end) ? bare_end : plain_end;
}

/* Whether it has one of the ends of `events`. */
static bool has_ended(const struct place *place, short events)
{
    struct pollfd end = {.fd = place->fd, .events = events};
    return poll(&end, 1, 0) > 0 && (end.revents & events) != 0;
}

/* Its reply was written before we last passed anything on, so all of it is out. False: it was the
 * connection's last. */
static bool begin_anew(struct fnd_serve *serve, struct place *place)
{
    pthread_mutex_lock(&serve->lock);
    bool last = place->last;
    pthread_mutex_unlock(&serve->lock);
    if (last) {
        front_finish(serve, place);
        return false;
    }
    place_enter(serve, place, PLACE_HEAD);
    return true;
}

/* What comes while a request is under way waits in the kernel's buffer; whoever ends the request
 * tells us of it. True: it has just ended. */
static bool wait_behind(struct fnd_serve *serve, struct place *place)
{
    char byte;
    if (recv(place->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
        return false;
    }
    pthread_mutex_lock(&serve->lock);
    bool done = place->stage == PLACE_DONE;
    place->behind = !done;
    pthread_mutex_unlock(&serve->lock);
    return done;
}

/* True: a head was passed on, and more came with it. */
static bool look_at_head(struct fnd_serve *serve, struct place *place)
{
    static const struct guard_flaw too_large = {431, "head_too_large",
                                                "a request's head may have 16 KiB and 64 headers"};
    static const struct guard_flaw no_http = {400, "bad_head", "this is no HTTP request"};
    char bytes[FND_SERVE_HEAD_SIZE_MAX + 1];
    ssize_t got = recv(place->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        front_close(serve, place);
        return false;
    }
    size_t size = head_end(bytes, (size_t)got);
    struct guard_flaw flaw = {0};
    if (size != 0) {
        flaw = guard_head(bytes, size, &place->body_left);
    } else if (bytes[0] <= ' ' || bytes[0] > '~') {
        flaw = no_http; /* as the greeting of TLS, which would wait for an answer to it */
    } else if ((size_t)got == sizeof bytes) {
        flaw = too_large;
    } else {
        if (has_ended(place, POLLRDHUP)) {
            front_close(serve, place); /* no more will come */
        }
        return false;
    }
    if (flaw.status != 0) {
        front_refuse(serve, place, &flaw);
        return false;
    }
    /* More than the head is there, or will be an event of its own. */
    return pass_head(serve, place, bytes, size) && (size_t)got > size;
}

void front_look(struct fnd_serve *serve, struct place *place, bool hung)
{
    pthread_mutex_lock(&serve->lock); /* an event may be of one that was closed behind it */
    bool gone = place->stage == PLACE_FREE || place->left, ending = place->stage == PLACE_ENDING;
    pthread_mutex_unlock(&serve->lock);
    if (gone) {
        return;
    }
    if (ending || (hung && has_ended(place, POLLHUP | POLLERR))) {
        if (!ending || !swallow(place)) {
            front_close(serve, place); /* nobody is there to read */
        }
        return;
    }
    for (bool more = true; more;) {
        enum place_stage stage = place_stage(serve, place);
        /* While a head is awaited nothing is owed either way; the library may have ended it. */
        if ((stage != PLACE_HEAD || hung) && relay(serve, place, hung) != PASSAGE_ALL) {
            return;
        }
        more = stage == PLACE_HEAD   ? look_at_head(serve, place)
               : stage == PLACE_DONE ? begin_anew(serve, place)
                                     : wait_behind(serve, place);
    }
}

void front_take(struct fnd_serve *serve, struct place *place)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = place};
    if (epoll_ctl(serve->epoll, EPOLL_CTL_ADD, place->fd, &event) != 0) {
        front_close(serve, place);
        return;
    }
    front_look(serve, place, false); /* its head is often there already */
}

void front_late(struct fnd_serve *serve, struct place *place)
{
    static const struct guard_flaw late = {408, "head_timeout",
                                           "the request's head was not whole in time"};
    char byte;
    bool head = place_stage(serve, place) == PLACE_HEAD && place->owed_us == 0;
    /* Who is silent behind a reply has not asked for anything. */
    if (head && (place->inner < 0 || recv(place->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)) {
        front_refuse(serve, place, &late);
    } else {
        front_close(serve, place);
    }
}

void front_end(struct fnd_serve *serve)
{
    for (size_t i = 0; i < serve->places_count; i++) {
        struct place *place = &serve->places[i];
        pthread_mutex_lock(&serve->lock);
        bool ours = place->stage != PLACE_FREE && !place->left;
        pthread_mutex_unlock(&serve->lock);
        if (ours) {
            front_close(serve, place);
        }
    }
}
