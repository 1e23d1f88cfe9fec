/* SPDX-License-Identifier: MIT */
/* The witness: .foundry/head says how far the record went, outside the record. A record that lost
 * its tail looks whole to SQLite; only somebody else's word tells. */
#ifndef FND_STORE_HEAD_H
#define FND_STORE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"

/** What a witness says: the record reached `sequence`, with this chain value there. Sequence 0 is
 *  the record before its first event. */
struct fnd_mark {
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
};

enum {
    FND_HEAD_SLOTS = 2,
    FND_HEAD_SLOT_STRIDE = 512, /* a disk tears pages, not sectors: one slot is always whole */
    FND_HEAD_FILE_SIZE = 2 * FND_HEAD_SLOT_STRIDE
};

/** Both slots as they are in the file. */
struct fnd_head_content {
    bool present; /* the file is there */
    bool valid[FND_HEAD_SLOTS];
    struct fnd_mark mark[FND_HEAD_SLOTS];
};
/** The valid slot that is further on, or -1. */
int fnd_head_newest(const struct fnd_head_content *content);

/** Read `folder`/head without changing it. No file is FND_OK with `present` false.
 *  Returns FND_OK; FND_IO, FND_DENIED.  Thread, process: any. */
enum fnd_status fnd_head_read(int folder, const char *path, struct fnd_head_content *content,
                              struct fnd_error *error);

struct fnd_head;

/** Open for writing, make the file if need be, and start the thread that syncs it.
 *  log  borrowed, may be NULL.
 *  Returns FND_OK; FND_IO, FND_FULL, FND_DENIED. */
enum fnd_status fnd_head_open(int folder, const char *path, const struct fnd_log *log,
                              struct fnd_head **head, struct fnd_error *error);
/** Syncs, stops the thread. NULL is fine. */
void fnd_head_close(struct fnd_head *head);

/** Note a committed mark in the older slot: one pwrite, no sync. A failure leaves the witness
 * behind the record, which is allowed, and is told by the next fnd_head_sync(). Thread: the holder
 * of the write token. */
void fnd_head_write(struct fnd_head *head, const struct fnd_mark *mark);
/** The same in both slots, synced: when what they said before must no longer count. */
enum fnd_status fnd_head_reset(struct fnd_head *head, const struct fnd_mark *mark,
                               struct fnd_error *error);
/** Wait until what was written is on disk; also tells of an earlier failure in the background.
 *  Thread: any. */
enum fnd_status fnd_head_sync(struct fnd_head *head, struct fnd_error *error);

#endif
