/* SPDX-License-Identifier: MIT */
/* A connection before it is the library's: its first head is looked at in the kernel's buffer, and
 * the library gets it once it is whole and one that we serve. What the library would refuse by
 * itself, in a text of its own, is refused here as everything is; who never sends a head costs a
 * descriptor and nothing else. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "serve/internal.h"

static void front_close(struct fnd_serve *serve, struct place *place)
{
    int fd = place->fd;
    place_free(serve, place);
    close(fd);
}

/* Read what was sent, so that closing does not reset our last words away. False: it has ended. */
static bool swallow(const struct place *place)
{
    char bytes[4096];
    for (;;) {
        ssize_t got = recv(place->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
    }
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
    if (!whole || shutdown(place->fd, SHUT_WR) != 0 || !swallow(place)) {
        front_close(serve, place);
        return;
    }
    place_enter(serve, place, PLACE_ENDING);
}

static void hand_over(struct fnd_serve *serve, struct place *place)
{
    int fd = place->fd;
    struct MHD_Daemon *daemon = serve->daemons[serve->turn++ % serve->daemons_count];
    epoll_ctl(serve->epoll, EPOLL_CTL_DEL, fd, NULL);
    pthread_mutex_lock(&serve->lock);
    place->ours = false;
    pthread_mutex_unlock(&serve->lock);
    if (MHD_add_connection(daemon, fd, (const struct sockaddr *)(const void *)&place->address,
                           place->address_size) != MHD_YES) {
        place_free(serve, place); /* the library has closed it */
    }
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

void front_look(struct fnd_serve *serve, struct place *place, bool ended)
{
    static const struct guard_flaw too_large = {431, "head_too_large",
                                                "a request's head may have 16 KiB and 64 headers"};
    static const struct guard_flaw no_http = {400, "bad_head", "this is no HTTP request"};
    char bytes[FND_SERVE_HEAD_SIZE_MAX + 1];
    if (place->stage == PLACE_ENDING) {
        if (!swallow(place)) {
            front_close(serve, place);
        }
        return;
    }
    ssize_t got = recv(place->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        front_close(serve, place);
        return;
    }
    size_t size = head_end(bytes, (size_t)got);
    struct guard_flaw flaw = {0};
    if (size != 0) {
        flaw = guard_head(bytes, size);
    } else if (bytes[0] <= ' ' || bytes[0] > '~') {
        flaw = no_http; /* as the greeting of TLS, which would wait for an answer to it */
    } else if ((size_t)got == sizeof bytes) {
        flaw = too_large;
    } else {
        if (ended) {
            front_close(serve, place); /* by the client, or cut to make room: no more will come */
        }
        return;
    }
    if (flaw.status != 0) {
        front_refuse(serve, place, &flaw);
    } else {
        hand_over(serve, place);
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
    if (place->stage == PLACE_HEAD) {
        front_refuse(serve, place, &late);
    } else {
        front_close(serve, place);
    }
}

void front_end(struct fnd_serve *serve)
{
    for (size_t i = 0; i < serve->places_count; i++) {
        struct place *place = &serve->places[i];
        pthread_mutex_lock(&serve->lock); /* the others are the library's threads' */
        bool ours = place->stage != PLACE_FREE && place->ours;
        pthread_mutex_unlock(&serve->lock);
        if (ours) {
            front_close(serve, place);
        }
    }
}
