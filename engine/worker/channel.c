/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, file seals, MSG_CMSG_CLOEXEC */
#include "worker/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "worker/pool.h"

enum {
    FLAG_BIG = 1,
    SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
    /* Received and not yet given out. What comes from a worker is at most a memfd a frame: a plugin
     * must not be able to fill up the engine's table. */
    WORKER_FDS_WAITING_MAX = 1024,
    ENGINE_FDS_WAITING_MAX = 64,
    ENGINE_FDS_ONCE_MAX = 8,
    OUT_KEPT_MAX = 1 << 20
};

struct fnd_channel_mark {
    size_t offset; /* in `out`, of the frame's first byte */
    size_t count;
    int *fds;
};

static void put_le(char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

static uint64_t get_le(const char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | (unsigned char)at[i - 1];
    }
    return value;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
}

void fnd_frame_finish(struct fnd_frame *frame)
{
    if (frame->mapped != NULL) {
        (void)munmap(frame->mapped, frame->size);
        frame->mapped = NULL;
    }
    close_all(frame->fds, frame->fds_count);
    frame->fds_count = 0;
}

void fnd_channel_init(struct fnd_channel *channel, int fd, bool waits)
{
    *channel = (struct fnd_channel){
        .fd = fd, .waits = waits, .take_max = FND_FRAME_BIG_MAX, .send_max = FND_FRAME_BIG_MAX};
}

void fnd_channel_finish(struct fnd_channel *channel)
{
    if (channel->fd >= 0) {
        (void)close(channel->fd);
    }
    close_all(channel->fds, channel->fds_count);
    free(channel->fds);
    free(channel->in);
    for (size_t i = channel->marks_sent; i < channel->marks_count; i++) {
        close_all(channel->marks[i].fds, channel->marks[i].count);
        free(channel->marks[i].fds);
    }
    free(channel->marks);
    fnd_text_finish(&channel->out);
    *channel = (struct fnd_channel){.fd = -1};
}

/** Make room for a read: at least the usual size, or what is missing of a long frame. */
static void in_reserve(struct fnd_channel *channel)
{
    const size_t held = channel->in_end - channel->in_begin;
    if (channel->in_begin > 0) {
        if (held > 0) {
            memmove(channel->in, channel->in + channel->in_begin, held);
        }
        channel->in_begin = 0;
        channel->in_end = held;
    }
    size_t wanted = held + FND_CHANNEL_READ_SIZE;
    if (held >= FND_FRAME_HEADER_SIZE) {
        const size_t frame = FND_FRAME_HEADER_SIZE + (size_t)get_le(channel->in, 4);
        if (frame > wanted && frame <= FND_FRAME_HEADER_SIZE + FND_WORKER_FRAME_SIZE_MAX) {
            wanted = frame;
        }
    }
    if (wanted > channel->in_capacity) {
        channel->in = fnd_realloc(channel->in, wanted, 1);
        channel->in_capacity = wanted;
    }
}

/** Keep the descriptors of a message. False if there are too many or some were cut off. */
static bool fds_keep(struct fnd_channel *channel, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        channel->fds = fnd_realloc(channel->fds, channel->fds_count + count, sizeof(int));
        memcpy(channel->fds + channel->fds_count, CMSG_DATA(part), count * sizeof(int));
        channel->fds_count += count;
    }
    const size_t fds_max = channel->waits ? WORKER_FDS_WAITING_MAX : ENGINE_FDS_WAITING_MAX;
    return (message->msg_flags & MSG_CTRUNC) == 0 && channel->fds_count <= fds_max;
}

enum fnd_channel_state fnd_channel_read(struct fnd_channel *channel, struct fnd_error *error)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * (FND_FRAME_FDS_MAX + 3))];
    } control;
    in_reserve(channel);
    struct iovec part = {.iov_base = channel->in + channel->in_end,
                         .iov_len = channel->in_capacity - channel->in_end};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = channel->waits
                                                   ? sizeof control
                                                   : CMSG_SPACE(sizeof(int) * ENGINE_FDS_ONCE_MAX)};
    ssize_t size;
    do {
        size =
            recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC | (channel->waits ? 0 : MSG_DONTWAIT));
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        switch (errno) {
        case EAGAIN:
        case ENOMEM: /* the machine is short of memory just now, and the bytes are still there */
        case ENOBUFS:
            return FND_CHANNEL_IDLE;
        case ECONNRESET:
            return FND_CHANNEL_END;
        default:
            break;
        }
        (void)fnd_error_errno(error, FND_IO, errno, "cannot read the channel");
        return FND_CHANNEL_BROKEN;
    }
    if (!fds_keep(channel, &message)) {
        (void)fnd_error_set(error, FND_LIMIT, "descriptors came that there is no room for");
        return FND_CHANNEL_BROKEN;
    }
    channel->in_end += (size_t)size;
    return size == 0 ? FND_CHANNEL_END : FND_CHANNEL_MORE;
}

/** Map a payload that came in a memfd. The seals make sure that the other side can neither change
 *  nor shorten it any more: reading a page that was cut off would end this process. */
static bool frame_map(struct fnd_frame *frame, size_t size_max, struct fnd_error *error)
{
    const size_t size = frame->size == 8 ? (size_t)get_le(frame->payload, 8) : 0;
    if (size > size_max) {
        (void)fnd_error_set(error, FND_LIMIT, "it sent %zu bytes at once, and may send %zu", size,
                            size_max);
        return false;
    }
    if (frame->fds_count == 0 || size == 0) {
        (void)fnd_error_set(error, FND_INVALID, "a big frame has no memory or a false size");
        return false;
    }
    const int seals = fcntl(frame->fds[0], F_GET_SEALS);
    const off_t end = seals < 0 ? -1 : lseek(frame->fds[0], 0, SEEK_END);
    if (seals < 0 || (seals & SEALS) != SEALS || end != (off_t)size) {
        (void)fnd_error_set(error, FND_INVALID, "the memory of a big frame is not sealed");
        return false;
    }
    void *mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, frame->fds[0], 0);
    if (mapped == MAP_FAILED) {
        (void)fnd_error_errno(error, FND_NO_MEMORY, errno, "cannot map a frame of %zu bytes", size);
        return false;
    }
    (void)close(frame->fds[0]);
    frame->fds_count--;
    memmove(frame->fds, frame->fds + 1, frame->fds_count * sizeof(int));
    frame->mapped = mapped;
    frame->payload = mapped;
    frame->size = size;
    return true;
}

enum fnd_channel_state fnd_channel_next(struct fnd_channel *channel, struct fnd_frame *frame,
                                        struct fnd_error *error)
{
    const size_t held = channel->in_end - channel->in_begin;
    if (held < FND_FRAME_HEADER_SIZE) {
        return FND_CHANNEL_IDLE;
    }
    const char *at = channel->in + channel->in_begin;
    const size_t size = (size_t)get_le(at, 4);
    const unsigned type = (unsigned char)at[4], flags = (unsigned char)at[5];
    const size_t count = (size_t)get_le(at + 6, 2);
    if (size > FND_WORKER_FRAME_SIZE_MAX || type < FND_FRAME_DEFINE || type > FND_FRAME_LAST ||
        flags > FLAG_BIG || count > FND_FRAME_FDS_MAX) {
        (void)fnd_error_set(error, FND_INVALID,
                            "a frame has a header that cannot be (size %zu, type %u, flags %u, "
                            "descriptors %zu)",
                            size, type, flags, count);
        return FND_CHANNEL_BROKEN;
    }
    if (held < FND_FRAME_HEADER_SIZE + size) {
        return FND_CHANNEL_IDLE;
    }
    if (count > channel->fds_count) {
        (void)fnd_error_set(error, FND_INVALID, "a frame announces descriptors that did not come");
        return FND_CHANNEL_BROKEN;
    }
    frame->type = (enum fnd_frame_type)type;
    frame->id = get_le(at + 8, 8);
    frame->payload = at + FND_FRAME_HEADER_SIZE;
    frame->size = size;
    frame->fds_count = count;
    frame->mapped = NULL;
    if (count > 0) {
        memcpy(frame->fds, channel->fds, count * sizeof(int));
        channel->fds_count -= count;
        memmove(channel->fds, channel->fds + count, channel->fds_count * sizeof(int));
    }
    channel->in_begin += FND_FRAME_HEADER_SIZE + size;
    if (flags == FLAG_BIG && !frame_map(frame, channel->take_max, error)) {
        fnd_frame_finish(frame);
        return FND_CHANNEL_BROKEN;
    }
    return FND_CHANNEL_MORE;
}

struct fnd_text *fnd_channel_begin(struct fnd_channel *channel, enum fnd_frame_type type,
                                   uint64_t id)
{
    char header[FND_FRAME_HEADER_SIZE] = {0};
    header[4] = (char)type;
    put_le(header + 8, id, 8);
    channel->frame_begin = channel->out.size;
    fnd_text_append(&channel->out, header, sizeof header);
    return &channel->out;
}

/** Bytes in a new sealed memfd, or -1 with errno. */
static int memory_of(const char *bytes, size_t size)
{
    const int fd = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -1;
    }
    const int failure = fnd_write_all(fd, bytes, size);
    if (failure != 0 || fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) != 0) {
        const int why = failure != 0 ? failure : errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static void mark_add(struct fnd_channel *channel, int memory, const int *fds, size_t count)
{
    struct fnd_channel_mark mark = {.offset = channel->frame_begin,
                                    .fds = fnd_realloc(NULL, count + 1, sizeof(int))};
    if (memory >= 0) {
        mark.fds[mark.count++] = memory;
    }
    for (size_t i = 0; i < count; i++) {
        mark.fds[mark.count++] = fds[i];
    }
    channel->marks = fnd_realloc(channel->marks, channel->marks_count + 1, sizeof *channel->marks);
    channel->marks[channel->marks_count++] = mark;
}

enum fnd_status fnd_channel_end(struct fnd_channel *channel, const int *fds, size_t fds_count,
                                struct fnd_error *error)
{
    const size_t payload = channel->frame_begin + FND_FRAME_HEADER_SIZE;
    size_t size = channel->out.size - payload;
    int memory = -1;
    enum fnd_status status = FND_OK;
    if (fds_count + 1 > FND_FRAME_FDS_MAX || size > channel->send_max) {
        status = fnd_error_set(error, FND_LIMIT,
                               "%zu bytes and %zu artifacts are more than one call may carry "
                               "(%zu bytes, %d artifacts)",
                               size, fds_count, channel->send_max, FND_FRAME_FDS_MAX - 1);
        goto undo;
    }
    if (size > FND_FRAME_INLINE_MAX) {
        memory = memory_of(channel->out.bytes + payload, size);
        if (memory < 0 && size > FND_WORKER_FRAME_SIZE_MAX) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot hand over %zu bytes", size);
            goto undo;
        }
    }
    if (memory >= 0) {
        channel->out.size = payload;
        char text[8];
        put_le(text, size, sizeof text);
        fnd_text_append(&channel->out, text, sizeof text);
        size = sizeof text;
    }
    char *header = channel->out.bytes + channel->frame_begin;
    put_le(header, size, 4);
    header[5] = memory >= 0 ? FLAG_BIG : 0;
    put_le(header + 6, fds_count + (memory >= 0 ? 1 : 0), 2);
    if (memory >= 0 || fds_count > 0) {
        mark_add(channel, memory, fds, fds_count);
    }
    return FND_OK;
undo:
    close_all(fds, fds_count);
    channel->out.size = channel->frame_begin;
    return status;
}

static ssize_t send_part(struct fnd_channel *channel, size_t end,
                         const struct fnd_channel_mark *mark)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * FND_FRAME_FDS_MAX)];
    } control;
    struct iovec part = {.iov_base = channel->out.bytes + channel->out_sent,
                         .iov_len = end - channel->out_sent};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (mark != NULL) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * mark->count);
        struct cmsghdr *head = &control.align;
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * mark->count);
        memcpy(CMSG_DATA(head), mark->fds, sizeof(int) * mark->count);
    }
    return sendmsg(channel->fd, &message, MSG_NOSIGNAL | (channel->waits ? 0 : MSG_DONTWAIT));
}

enum fnd_channel_state fnd_channel_flush(struct fnd_channel *channel)
{
    while (channel->out_sent < channel->out.size) {
        struct fnd_channel_mark *mark = channel->marks_sent < channel->marks_count
                                            ? &channel->marks[channel->marks_sent]
                                            : NULL;
        struct fnd_channel_mark *due =
            mark != NULL && mark->offset == channel->out_sent ? mark : NULL;
        size_t end = channel->out.size;
        if (due != NULL && channel->marks_sent + 1 < channel->marks_count) {
            end = channel->marks[channel->marks_sent + 1].offset;
        } else if (due == NULL && mark != NULL) {
            end = mark->offset;
        }
        const ssize_t sent = send_part(channel, end, due);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN ? FND_CHANNEL_MORE : FND_CHANNEL_BROKEN;
        }
        if (due != NULL) {
            close_all(due->fds, due->count);
            free(due->fds);
            channel->marks_sent++;
        }
        channel->out_sent += (size_t)sent;
    }
    channel->out_sent = 0;
    channel->marks_count = channel->marks_sent = 0;
    if (channel->out.capacity > OUT_KEPT_MAX) {
        fnd_text_finish(&channel->out);
    }
    fnd_text_clear(&channel->out);
    return FND_CHANNEL_IDLE;
}

size_t fnd_channel_waiting(const struct fnd_channel *channel)
{
    return channel->out.size - channel->out_sent;
}
