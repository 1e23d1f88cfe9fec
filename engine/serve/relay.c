/* SPDX-License-Identifier: MIT */
/* Bytes between a client and the library, through a pair of sockets: of a request no more than its
 * head and its body, of replies all. Nothing is kept here but counts: bytes are looked at in one
 * kernel buffer, sent, and taken out of it as far as they went. */
#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "serve/internal.h"

enum { PIECE_SIZE = 64 << 10, TURN_PIECES = 4 };

enum flow {
    FLOW_DRY,     /* no more has come yet */
    FLOW_BLOCKED, /* the other side takes no more yet */
    FLOW_ENDED,   /* no more will come */
    FLOW_BROKEN,  /* the other side takes nothing any more */
    FLOW_MORE     /* others have their turn first */
};

static bool is_later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Take `size` bytes out that were looked at before. */
static bool consume(int fd, char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(fd, bytes, size, MSG_DONTWAIT);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* One piece. `*limit` is what may pass yet, and counts down. */
static enum flow pass(int from, int to, uint64_t *limit)
{
    char bytes[PIECE_SIZE];
    size_t room = *limit < sizeof bytes ? (size_t)*limit : sizeof bytes;
    ssize_t got = recv(from, bytes, room, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && is_later() ? FLOW_DRY : FLOW_ENDED;
    }
    ssize_t sent = send(to, bytes, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return is_later() ? FLOW_BLOCKED : FLOW_BROKEN;
    }
    *limit -= (uint64_t)sent;
    if (!consume(from, bytes, (size_t)sent)) {
        return FLOW_ENDED;
    }
    return sent < got ? FLOW_BLOCKED : FLOW_MORE;
}

static enum flow flow(int from, int to, uint64_t *limit, bool *some, bool hung)
{
    enum flow end = FLOW_MORE;
    for (int i = 0; i < TURN_PIECES && end == FLOW_MORE && *limit > 0; i++) {
        uint64_t before = *limit;
        end = pass(from, to, limit);
        *some = *some || *limit < before;
        if (end == FLOW_MORE && before - *limit < PIECE_SIZE && !hung) {
            end = FLOW_DRY; /* what comes behind it, the end too, is an event of its own */
        }
    }
    return end;
}

/* Be told of room to write, or not; `again`: of what is there already, too. */
static void watch(struct fnd_serve *serve, struct place *place, int fd, bool room, bool again)
{
    bool *watched = fd == place->fd ? &place->watch_fd : &place->watch_inner;
    if (*watched != room || again) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = place};
        event.events |= room ? EPOLLOUT : 0;
        *watched = room;
        epoll_ctl(serve->epoll, EPOLL_CTL_MOD, fd, &event);
    }
}

/* The library speaks before it has told us of the request: it refuses a head that is good to us, in
 * words of its own. */
static bool speaks_alone(struct fnd_serve *serve, struct place *place)
{
    char byte;
    if (place_stage(serve, place) != PLACE_ASKED) {
        return false;
    }
    ssize_t got = recv(place->inner, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return !(got < 0 && is_later()) && place_stage(serve, place) == PLACE_ASKED;
}

/* Replies, to the client. */
static enum passage relay_replies(struct fnd_serve *serve, struct place *place, bool hung)
{
    static const struct guard_flaw unread = {400, "bad_head", "the head could not be read"};
    uint64_t limit = UINT64_MAX;
    bool some = false;
    if (speaks_alone(serve, place)) {
        front_refuse(serve, place, &unread);
        return PASSAGE_OVER;
    }
    enum flow end = flow(place->inner, place->fd, &limit, &some, hung);
    if (end == FLOW_BROKEN) {
        front_close(serve, place);
        return PASSAGE_OVER;
    }
    if (end == FLOW_ENDED) {
        front_finish(serve, place);
        return PASSAGE_OVER;
    }
    bool blocked = end == FLOW_BLOCKED;
    if (!blocked) {
        place->owed_us = 0;
    } else if (place->owed_us == 0 || (some && place_stage(serve, place) == PLACE_STREAM)) {
        place->owed_us = serve->options.env->monotonic_us(serve->options.env);
    }
    watch(serve, place, place->fd, blocked, false);
    if (end == FLOW_MORE) {
        watch(serve, place, place->inner, place->watch_inner, true);
    }
    return end == FLOW_DRY ? PASSAGE_ALL : PASSAGE_HELD;
}

/* The body, to the library. */
static enum passage relay_body(struct fnd_serve *serve, struct place *place, bool hung)
{
    bool some = false;
    if (place->body_left == 0) {
        return PASSAGE_ALL;
    }
    enum flow end = flow(place->fd, place->inner, &place->body_left, &some, hung);
    if (end == FLOW_ENDED) {
        front_close(serve, place); /* the library sees a request that ends too early */
        return PASSAGE_OVER;
    }
    if (end == FLOW_BROKEN) {
        place->body_left = 0; /* refused without being read: the reply is there, or comes */
        watch(serve, place, place->inner, false, true);
        return PASSAGE_HELD;
    }
    watch(serve, place, place->inner, end == FLOW_BLOCKED, false);
    if (end == FLOW_MORE && place->body_left > 0) {
        watch(serve, place, place->fd, place->watch_fd, true);
    }
    return place->body_left == 0 ? PASSAGE_ALL : PASSAGE_HELD;
}

enum passage relay(struct fnd_serve *serve, struct place *place, bool hung)
{
    if (place->inner < 0) {
        return PASSAGE_ALL;
    }
    enum passage replies = relay_replies(serve, place, hung);
    if (replies == PASSAGE_OVER) {
        return replies;
    }
    enum passage body = relay_body(serve, place, hung);
    return body != PASSAGE_ALL ? body : replies;
}
