/* SPDX-License-Identifier: MIT */
/* The channel between the engine and a worker: frames over a stream socket, both ways, many to a
 * system call, with descriptors.
 *
 * A frame is a header of 16 bytes, little-endian (payload size: 4 bytes, type: 1, flags: 1,
 * descriptors: 2, id: 8) and the payload. Descriptors travel with the first byte of their frame. A
 * payload that is big travels in a sealed memfd, the first descriptor, and its frame carries the
 * size in 8 bytes. */
#ifndef FND_WORKER_CHANNEL_H
#define FND_WORKER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum fnd_frame_type {
    FND_FRAME_DEFINE = 1,  /* to a worker: which code and config stand behind an instance slot */
    FND_FRAME_CALL,        /* to a worker */
    FND_FRAME_READY,       /* from a worker: the plugin is loaded */
    FND_FRAME_REFUSED,     /* from a worker: it is not; the payload says why */
    FND_FRAME_DESCRIPTION, /* from a worker: of the plugin, as JSON */
    FND_FRAME_RESULT,      /* from a worker */
    FND_FRAME_LOG,         /* from a worker: log lines of a call under way */
    FND_FRAME_CONFINED, /* from a worker, before any code of the plugin runs: what it is kept to */
    FND_FRAME_KEPT,     /* from a worker: a checkpoint of a trainer's call under way */
    FND_FRAME_LAST = FND_FRAME_KEPT
};

enum {
    FND_FRAME_HEADER_SIZE = 16,
    FND_FRAME_INLINE_MAX = 128 << 10, /* bigger payloads go by memfd */
    FND_FRAME_BIG_MAX = 640 << 20,    /* bytes in a memfd: all artifacts of a call, and an output */
    FND_FRAME_FDS_MAX = 250,          /* the kernel takes 253 at once */
    FND_CHANNEL_READ_SIZE = 256 << 10
};

/** A frame that came in. The payload is good until the next read of the channel, or until
 *  fnd_frame_finish() if it came in a memfd; descriptors are the receiver's to close. */
struct fnd_frame {
    enum fnd_frame_type type;
    uint64_t id;
    const char *payload;
    size_t size;
    int fds[FND_FRAME_FDS_MAX];
    size_t fds_count;
    void *mapped; /* NULL: the payload is in the channel's buffer */
};
/** Unmap the payload and close the descriptors that are left (>= 0). */
void fnd_frame_finish(struct fnd_frame *frame);

struct fnd_channel_mark;
/** One end. Owned by one thread. */
struct fnd_channel {
    int fd;     /* owned; -1: closed */
    bool waits; /* the worker's end: reads and sends block, and the other side is trusted */
    size_t take_max, send_max; /* bytes of a payload that is taken, or sent; FND_FRAME_BIG_MAX */
    char *in;
    size_t in_begin, in_end, in_capacity;
    int *fds; /* received and not yet given out, oldest first */
    size_t fds_count;
    struct fnd_text out;
    size_t out_sent, frame_begin;
    struct fnd_channel_mark *marks; /* descriptors in `out`, oldest first */
    size_t marks_count, marks_sent;
};

/** Takes `fd`. */
void fnd_channel_init(struct fnd_channel *channel, int fd, bool waits);
void fnd_channel_finish(struct fnd_channel *channel);

enum fnd_channel_state { FND_CHANNEL_MORE, FND_CHANNEL_IDLE, FND_CHANNEL_END, FND_CHANNEL_BROKEN };
/** Read once. MORE: something came; IDLE: nothing there now; END: the other side closed;
 *  BROKEN: an error, named. Invalidates frames in the channel's buffer. */
enum fnd_channel_state fnd_channel_read(struct fnd_channel *channel, struct fnd_error *error);
/** Take the next whole frame out of what was read. MORE: *frame is filled; IDLE: none is whole;
 *  BROKEN: the other side breaks the protocol, how is named. */
enum fnd_channel_state fnd_channel_next(struct fnd_channel *channel, struct fnd_frame *frame,
                                        struct fnd_error *error);

/** Begin a frame: append its payload to what is returned, then end it. */
struct fnd_text *fnd_channel_begin(struct fnd_channel *channel, enum fnd_frame_type type,
                                   uint64_t id);
/** End it. Takes the descriptors, also on failure: sent ones are closed.
 *  Returns FND_OK; FND_LIMIT, FND_IO: the payload cannot be carried, the frame is taken back. */
enum fnd_status fnd_channel_end(struct fnd_channel *channel, const int *fds, size_t fds_count,
                                struct fnd_error *error);
/** Send what is ended. IDLE: all is sent; MORE: the other side must read first (only if sends do
 *  not block); BROKEN. */
enum fnd_channel_state fnd_channel_flush(struct fnd_channel *channel);
/** Bytes that wait to be sent. */
size_t fnd_channel_waiting(const struct fnd_channel *channel);

#endif
