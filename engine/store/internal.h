/* SPDX-License-Identifier: MIT */
/* What the files of this room share about an open store. */
#ifndef FND_STORE_INTERNAL_H
#define FND_STORE_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "store/db.h"
#include "store/fold.h"
#include "store/head.h"
#include "store/seal.h"
#include "store/store.h"

enum {
    FND_GROUP_WRITES_MAX = 512, /* committed together at most: bounds the latency */
    FND_GROUP_WRITES_DUE = 128, /* queued ones the background thread does not wait beyond */
    FND_GROUP_BYTES_MAX = 4 * 1024 * 1024
};

enum fnd_writer_statement {
    WRITER_BEGIN,
    WRITER_COMMIT,
    WRITER_ROLLBACK,
    WRITER_EVENT,
    WRITER_PAYLOAD,
    WRITER_LAST,        /* last event's number and chain value */
    WRITER_CHAIN,       /* chain value of one event */
    WRITER_STEP_EVENT,  /* last event of a step */
    WRITER_REQUEST,     /* a request's step, state and end */
    WRITER_JOB_CLASH,   /* a job of this uuid or identity */
    WRITER_PIN_CLASH,   /* a pin of this hash */
    WRITER_MODEL_CLASH, /* a model of a training's version */
    WRITER_MODEL_NAMES, /* whose version a model is */
    WRITER_MODEL_NOW,   /* which one is in production */
    WRITER_LEASE,       /* working rows */
    WRITER_DRAFT,
    WRITER_DRAFT_DROP,
    WRITER_OUTBOX,
    WRITER_OUTBOX_MARK,
    WRITER_OUTBOX_STATE,
    WRITER_OUTBOX_SWEEP,
    WRITER_STATEMENTS
};

/** The one connection that writes and checkpoints, and what it knows. Belongs to the holder of the
 *  write token. */
struct fnd_writer {
    struct fnd_db db;
    struct fnd_fold fold;
    sqlite3_stmt *statements[WRITER_STATEMENTS];
    struct fnd_mark mark; /* the record's end as committed */
    dev_t device;         /* of state.db, so that a swap under us is seen */
    ino_t inode;
    struct fnd_reader *reader; /* of this connection; NULL: nothing was read through it yet */
};

/** Everything threads share; all under `lock`. */
struct fnd_queue {
    pthread_mutex_t lock;
    pthread_cond_t work;            /* the writer thread sleeps on it while the queue is empty */
    pthread_cond_t changed;         /* a group was finished, or the token is free */
    struct fnd_write *first, *last; /* what waits; `last` means nothing while `first` is NULL */
    size_t bytes, kept;             /* of what waits: its size, and how many writes are kept */
    uint64_t submitted, finished;   /* writes ever; finished in the order of submission */
    uint64_t taken;                 /* writes that were put into a group */
    bool urgent;                    /* somebody waits: do not wait for a fuller group */
    struct fnd_write *done, **done_end;
    int ready; /* eventfd */
    bool token_held, writer_runs, writer_asleep, writer_stop;
    bool reads; /* the token's holder reads: fnd_store_reader_begin() */
    pthread_t reader;
    pthread_t writer;
    struct fnd_error health;
};

struct fnd_store {
    struct fnd_store_options options;
    char *path; /* the job directory, absolute */
    int directory, folder, lock;
    uint8_t salt[FND_DIGEST_SIZE];
    struct fnd_writer writer;
    struct fnd_head *head;
    struct fnd_keys keys;
    struct fnd_queue *queue;
};

/* --- writer.c: the connection -------------------------------------------------------------- */

/** Open the writing connection: WAL, synchronous=FULL, read back; tables made in an empty database;
 *  statements prepared; the record's end read (sequence 0: no event yet). */
enum fnd_status fnd_writer_open(struct fnd_store *store, struct fnd_error *error);
/** Record the _STORE event of an empty log. */
enum fnd_status fnd_writer_begin_log(struct fnd_store *store, struct fnd_error *error);
void fnd_writer_close(struct fnd_store *store);
/** What reads through this connection; goes with it. */
struct fnd_reader *fnd_writer_reader(struct fnd_store *store);
/** Look at state.db by name: a regular file with one name, and the one that is open.
 *  Returns FND_OK; FND_NOT_FOUND; FND_DAMAGED; FND_IO. */
enum fnd_status fnd_writer_file(const struct fnd_store *store, bool opened, dev_t *device,
                                ino_t *inode, struct fnd_error *error);
/** The chain value recorded at `sequence`; FND_NOT_FOUND when there is none. */
enum fnd_status fnd_writer_chain(struct fnd_store *store, int64_t sequence,
                                 uint8_t chain[FND_DIGEST_SIZE], struct fnd_error *error);

/* --- migrate.c ------------------------------------------------------------------------------ */

/** Bring a record of schema `from` to this engine's: a backup beside it, then every table anew from
 *  the log, in one transaction.  Returns FND_OK; FND_DAMAGED: an event cannot be folded, nothing
 * was changed; FND_FULL; FND_IO.  Thread: the writing connection's. */
enum fnd_status fnd_migrate(struct fnd_store *store, int64_t from, struct fnd_error *error);

/* --- note.c: working rows ------------------------------------------------------------------- */

/** Apply a write's notes, inside the group's transaction; `first` is its first event's number.
 *  Returns SQLITE_DONE or the failure. */
int fnd_notes_apply(struct fnd_writer *writer, const struct fnd_write *write, int64_t first);

/* --- check_learn.c ------------------------------------------------------------------------- */

/** Whether an event about models still fits the record, inside the group's transaction; events of
 *  other kinds do.
 *  Returns SQLITE_DONE: it does; SQLITE_ROW: it is refused, error says why; or SQLite's failure. */
int fnd_check_learn(struct fnd_writer *writer, const struct fnd_event *event,
                    const struct fnd_parts *parts, struct fnd_error *error);

/* --- write.c: a group ---------------------------------------------------------------------- */

/** Apply and commit a list of sealed writes as one transaction. On FND_OK each has its result, and
 *  store->writer.mark is the new end. On failure nothing is known: `mark` is what the end would be.
 */
enum fnd_status fnd_group_apply(struct fnd_store *store, struct fnd_write *first,
                                struct fnd_mark *mark, struct fnd_error *error);
/** The same, then the witness; after a failure reopen, read back and decide. Fills in results.
 *  health  the store's state before; set when the outcome stayed unknown.
 *  Thread: the holder of the token. */
void fnd_group_commit(struct fnd_store *store, struct fnd_write *first, struct fnd_error *health);

/* --- queue.c ------------------------------------------------------------------------------- */

enum fnd_status fnd_queue_create(struct fnd_queue **queue, struct fnd_error *error);
/** Must be empty of waiting writes; finished ones are destroyed. NULL is fine. */
void fnd_queue_destroy(struct fnd_queue *queue);

#endif
