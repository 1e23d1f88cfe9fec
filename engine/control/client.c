/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_PATH, SO_PEERCRED */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "control/control.h"

enum { READ_SIZE = 1 << 16 };

struct fnd_peer {
    int fd, pid;
    bool ended; /* nothing more will come */
    struct fnd_text in;
    size_t in_at;
};

void fnd_peer_close(struct fnd_peer *peer)
{
    if (peer != NULL) {
        close(peer->fd);
        fnd_text_finish(&peer->in);
        free(peer);
    }
}

int fnd_peer_pid(const struct fnd_peer *peer)
{
    return peer->pid;
}

void fnd_peer_wait(const struct fnd_peer *peer, int64_t wait_ms)
{
    struct pollfd fd = {.fd = peer->fd, .events = POLLIN};
    poll(&fd, 1, (int)wait_ms);
}

/* Open the folder of the engine.  FND_NOT_FOUND when there is none. */
static enum fnd_status open_folder(const char *directory, int *folder, struct fnd_error *error)
{
    int outer = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (outer < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s", directory);
    }
    *folder = openat(outer, ".foundry", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int failed = errno;
    close(outer);
    if (*folder < 0) {
        return fnd_error_errno(error, fnd_status_errno(failed), failed, "cannot open %s/.foundry",
                               directory);
    }
    return FND_OK;
}

/* A socket connected to folder/engine.sock, or an errno value. */
static int dial(int folder, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/engine.sock", folder);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0) {
        return errno;
    }
    if (connect(*fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int failed = errno;
        close(*fd);
        return failed;
    }
    return 0;
}

static int64_t now_ms(void)
{
    const struct fnd_env *env = fnd_env_system();
    return env->monotonic_us(env) / 1000;
}

/* Wait for `events` until `end_ms`. False when the time is over. */
static bool wait_for(int fd, short events, int64_t end_ms)
{
    for (;;) {
        int64_t left = end_ms - now_ms();
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int ready = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
        if (ready > 0) {
            return true;
        }
        if (ready == 0 || errno != EINTR) {
            return false;
        }
    }
}

static enum fnd_status hello(struct fnd_peer *peer, const char *directory, struct fnd_error *error)
{
    static const char request[] = "{\"op\":\"hello\"}";
    int64_t end_ms = now_ms() + FND_CONTROL_HELLO_MS;
    enum fnd_status status = fnd_peer_send(peer, request, sizeof request - 1, error);
    struct fnd_json line = {0};
    while (status == FND_OK && line.bytes == NULL) {
        if (!wait_for(peer->fd, POLLIN, end_ms)) {
            return fnd_error_set(error, FND_BUSY,
                                 "%s is in use by pid %d, which does not answer; stop that process "
                                 "(kill %d) or try again",
                                 directory, peer->pid, peer->pid);
        }
        status = fnd_peer_line(peer, &line, error);
    }
    if (status == FND_IO) {
        /* It was about to end: as if nobody had been there. */
        return fnd_error_set(error, FND_NOT_FOUND, "the engine of %s has just ended", directory);
    }
    int64_t protocol = 0;
    if (status == FND_OK && fnd_json_text_is(fnd_json_member(line, "status"), "again")) {
        return fnd_error_set(error, FND_NOT_FOUND, "the engine of %s is about to end", directory);
    }
    if (status == FND_OK && (!fnd_json_integer(fnd_json_member(line, "protocol"), &protocol) ||
                             protocol != FND_CONTROL_PROTOCOL)) {
        return fnd_error_set(error, FND_BUSY,
                             "%s is in use by pid %d, an engine of another version; end it first",
                             directory, peer->pid);
    }
    return status;
}

enum fnd_status fnd_peer_connect(const char *directory, struct fnd_peer **peer,
                                 struct fnd_error *error)
{
    int folder = -1, fd = -1;
    enum fnd_status status = open_folder(directory, &folder, error);
    if (status != FND_OK) {
        return status;
    }
    int failed = dial(folder, &fd);
    close(folder);
    if (failed == ENOENT || failed == ECONNREFUSED) {
        return fnd_error_set(error, FND_NOT_FOUND, "no engine runs in %s", directory);
    }
    if (failed == EAGAIN) {
        return fnd_error_set(error, FND_BUSY, "%s is in use, and its engine takes no connection",
                             directory);
    }
    if (failed != 0) {
        return fnd_error_errno(error, fnd_status_errno(failed), failed,
                               "cannot connect to the engine of %s", directory);
    }
    struct ucred other;
    socklen_t size = sizeof other;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) < 0 || other.uid != geteuid()) {
        close(fd);
        return fnd_error_set(error, FND_DENIED, "the engine of %s is another user's", directory);
    }
    struct fnd_peer *made = fnd_alloc(sizeof *made);
    made->fd = fd;
    made->pid = (int)other.pid;
    status = hello(made, directory, error);
    if (status != FND_OK) {
        fnd_peer_close(made);
        return status;
    }
    *peer = made;
    return FND_OK;
}

enum fnd_status fnd_peer_send(struct fnd_peer *peer, const char *request, size_t size,
                              struct fnd_error *error)
{
    if (size >= FND_CONTROL_LINE_SIZE_MAX) {
        return fnd_error_set(error, FND_LIMIT,
                             "the request is %zu bytes long, an engine takes %d at most", size,
                             FND_CONTROL_LINE_SIZE_MAX);
    }
    struct fnd_text line = {0};
    fnd_text_append(&line, request, size);
    fnd_text_append_byte(&line, '\n');
    int64_t end_ms = now_ms() + FND_CONTROL_SEND_MS;
    int failed = 0;
    for (size_t at = 0; at < line.size && failed == 0;) {
        ssize_t sent = send(peer->fd, line.bytes + at, line.size - at, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += (size_t)sent;
            end_ms = now_ms() + FND_CONTROL_SEND_MS;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            failed = wait_for(peer->fd, POLLOUT, end_ms) ? 0 : ETIMEDOUT;
        } else if (errno != EINTR) {
            failed = errno;
        }
    }
    fnd_text_finish(&line);
    if (failed != 0) {
        return fnd_error_errno(error, FND_IO, failed, "cannot send to the engine of pid %d",
                               peer->pid);
    }
    return FND_OK;
}

/* Take what the socket has; a line or two at most lie here unread. */
static void pull(struct fnd_peer *peer)
{
    char bytes[READ_SIZE];
    if (peer->in_at > 0) {
        memmove(peer->in.bytes, peer->in.bytes + peer->in_at, peer->in.size - peer->in_at);
        peer->in.size -= peer->in_at;
        peer->in_at = 0;
    }
    while (!peer->ended && peer->in.size <= FND_CONTROL_LINE_SIZE_MAX) {
        ssize_t got = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            fnd_text_append(&peer->in, bytes, (size_t)got);
        } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        } else if (got == 0 || errno != EINTR) {
            peer->ended = true;
        }
    }
}

/* The end of the first unread line, or NULL. */
static const char *line_end(const struct fnd_peer *peer)
{
    size_t left = peer->in.size - peer->in_at;
    return left > 0 ? memchr(peer->in.bytes + peer->in_at, '\n', left) : NULL;
}

enum fnd_status fnd_peer_line(struct fnd_peer *peer, struct fnd_json *line, struct fnd_error *error)
{
    *line = (struct fnd_json){0};
    const char *end = line_end(peer);
    if (end == NULL) {
        pull(peer);
        end = line_end(peer);
    }
    if (end == NULL && peer->ended) {
        return fnd_error_set(error, FND_IO, "the engine of pid %d has ended", peer->pid);
    }
    if (end == NULL && peer->in.size > FND_CONTROL_LINE_SIZE_MAX) {
        return fnd_error_set(error, FND_INVALID, "pid %d does not speak as an engine", peer->pid);
    }
    if (end == NULL) {
        return FND_OK;
    }
    const char *begin = peer->in.bytes + peer->in_at;
    peer->in_at += (size_t)(end - begin) + 1;
    return fnd_json_check(begin, (size_t)(end - begin), "reply", line, error);
}
