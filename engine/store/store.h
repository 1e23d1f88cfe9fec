/* SPDX-License-Identifier: MIT */
/* A job directory's record: events in one append-only, chained log, and tables folded from it.
 *
 * The rule of the house: an event carries its step's state after it, so every table but `event` and
 * `payload` can be made anew from those two, by the same code that keeps them (`verify` does it and
 * compares). One write is one transaction; many writes that wait are committed together.
 *
 * Writers hold the directory's lock and use the one writing connection behind the write token.
 * Readers (reader.h) open read-only connections of their own, in any process. */
#ifndef FND_STORE_STORE_H
#define FND_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

enum {
    FND_STORE_VERSION = 3,
    FND_PHASES_MAX = 64,     /* of a pipeline; bounds the outputs column */
    FND_LOCK_WAIT_MS = 5000, /* how long a writer waits for the directory */
    FND_HEAD_SYNC_MS = 50,   /* the witness is synced this often while dirty */
    FND_WHO_SIZE_MAX = 128,  /* bytes of a person's name on a desk */
    FND_GROUP_SIZE_MAX = 64, /* bytes of a group's name */
    FND_ITEM_NONE = -1       /* the item of a plain step */
};

/** Once, at a program's start, before any thread: SQLite then keeps no count of its memory, for
 * which it takes one lock of all threads at each allocation. Without it all works, more slowly. */
void fnd_store_setup(void);

/** State of a step; a plain job has one step, whose state is the job's. Stored: never renumber. */
enum fnd_state {
    FND_QUEUED = 0,
    FND_RUNNING = 1,
    FND_RETRYING = 2, /* waits for due_us */
    FND_PAUSED = 3,   /* waits for a person: an open request, or the reason in its last event */
    FND_COMPLETED = 4,
    FND_FAILED = 5,
    FND_CANCELLED = 6
};
enum { FND_STATES_LIVE_MAX = FND_PAUSED }; /* states up to this one can still move */
const char *fnd_state_name(enum fnd_state state);

/** Kinds of events. Stored: never renumber. "about": phase and attempt of the event; "after":
 *  the step's state behind it. */
enum fnd_event_kind {
    FND_EVENT_STORE = 1,    /* the log begins; body {"uuid","salt"} */
    FND_EVENT_PIN = 2,      /* a pipeline as it will run; body: the pin document, of hash `hash` */
    FND_EVENT_JOB = 3,      /* a job came in; its number is the event's; body {"uuid","pipeline",
                               "path","revision","media_type","input",…} see engine/store/README */
    FND_EVENT_START = 4,    /* an attempt begins (first phase, after a crash, after back-off) */
    FND_EVENT_OUTPUT = 5,   /* a phase ended; body its output, meta confidences, origins, log */
    FND_EVENT_RETRY = 6,    /* an attempt failed and will be repeated at after.due_us; body error */
    FND_EVENT_FAIL = 7,     /* the job failed; body error */
    FND_EVENT_ASK = 8,      /* paused for a person; the request's number is the event's; body the
                               request */
    FND_EVENT_ANSWER = 9,   /* `ref` is the request; body the CorrectionRecord or plain answer */
    FND_EVENT_CANCEL = 10,  /* body {"by","reason"} */
    FND_EVENT_REOPEN = 11,  /* a person retries from after.phase: later outputs are dropped */
    FND_EVENT_UPGRADE = 12, /* `ref` is the new pin; later outputs than after.phase are dropped */
    FND_EVENT_DRAIN = 13,   /* started and not run: the attempt is given back */
    FND_EVENT_HOLD = 14,    /* paused without a question: body {"code","message"} */
    FND_EVENT_LOSS = 15,    /* a person accepted a lost tail; body {"sequence","chain"} */
    FND_EVENT_EXPORT = 16,  /* a dataset was written; body its manifest */
    /* About a request, `ref`, without moving its step (step 0): */
    FND_EVENT_CLAIM = 17,    /* a person has it on the desk; body {"by","until_us"} */
    FND_EVENT_RELEASE = 18,  /* and puts it back; body {"by"} */
    FND_EVENT_SNOOZE = 19,   /* nobody is given it for a while; body {"by","until_us"} */
    FND_EVENT_REMIND = 20,   /* its reminder was due; no body */
    FND_EVENT_ESCALATE = 21, /* it goes to another group; body {"group","again"} */
    FND_EVENT_LAPSE = 22,    /* its deadline has no effect any more; body {"message"} */
    /* An answer is taken back: the step stands before it again, the record stays and is marked.
       `ref` is the request; body {"answer","by","how","reason"?}; later outputs than
       after.phase are dropped. */
    FND_EVENT_UNDO = 23,
    FND_EVENT_REVOKE = 24, /* `ref` is the ANSWER whose rules end; body {"by","reason"?} */
    /* About models (learn.h), without a step: */
    FND_EVENT_TRAIN = 25, /* a training begins; its number is the event's; body {"pipeline","model",
                             "version","attempt","until",…}; meta names examples and manifest */
    FND_EVENT_CHECKPOINT = 26, /* `ref` is the training; meta names the artifact "checkpoint" */
    FND_EVENT_TRAINED = 27,    /* `ref` is the training that ended; body {"outcome":"done","failed"
                                  or "cancelled",…}; done: meta names the artifact "model", which
                                  has the event's number in the registry */
    FND_EVENT_DECIDE = 28,     /* `ref` is the model it is about, 0: the rules, version 0; body
                                  {"pipeline","model","decision":"promote","hold" or "rollback",…} */
    FND_EVENT_SHADOW = 29,     /* `ref` is the model that ran beside a job, 0: the rules; body
                                  {"job","output",…}: the event of the output it ran beside, and
                                  "said" or "failed"; meta confidences, origins */
    FND_EVENT_PROVE = 30,      /* what is proven of `ref`, the model (0: the rules), is another than
                                  before; body {"pipeline","model","proven",…} with its numbers */
    FND_EVENT_LAST = FND_EVENT_PROVE
};
const char *fnd_event_name(enum fnd_event_kind kind);

/** An artifact that an event refers to. */
struct fnd_artifact {
    uint8_t hash[FND_DIGEST_SIZE]; /* SHA-256 of its bytes */
    uint64_t size;
};

/** Where a step stands. Plain data. */
struct fnd_stand {
    enum fnd_state state;
    int32_t phase;    /* the phase that runs or will run next; the phase count when completed */
    int32_t attempt;  /* starts of that phase, from 1; 0: not started */
    int32_t failures; /* of those, how many failed by themselves (against retry.max) */
    int64_t due_us;   /* wall clock; 0: now */
};

/** One event of a write. Everything it points to is owned by the write. */
struct fnd_event {
    enum fnd_event_kind kind;
    int32_t phase, attempt; /* what it is about */
    struct fnd_stand after;
    int64_t ref;   /* see the kinds; FND_REF_FIRST: the write's own first event */
    int32_t level; /* FND_EVENT_OUTPUT, _FAIL, _RETRY: isolation in effect,
                      enum fnd_isolation and flags */
    char *body;    /* JSON, malloc'ed, or NULL */
    size_t body_size;
    char *meta; /* JSON, malloc'ed, or NULL */
    size_t meta_size;
    struct fnd_artifact *artifacts; /* whose reference counts go up; also named under "artifacts"
                                       as {name: {"sha256","size",…}}: in the body of _JOB, in the
                                       meta of any kind; one entry a name */
    size_t artifacts_count;
    uint8_t key[FND_KEY_SIZE], digest[FND_DIGEST_SIZE]; /* sealed by fnd_store_submit() */
};
enum { FND_REF_FIRST = -1, FND_WRITE_EVENTS_MAX = 4 };

/** A change of working rows: what is durable and no part of the chain (desk.h). */
struct fnd_note {
    enum fnd_note_kind {
        FND_NOTE_LEASE,  /* id: request; fence, at_us: until. Nothing where the fence moved on */
        FND_NOTE_DRAFT,  /* id: request; who, at_us, text: JSON. NULL text: no draft any more */
        FND_NOTE_OUTBOX, /* id: an event, or FND_REF_FIRST - i; hook, pin, at_us: due */
        FND_NOTE_OUTBOX_STATE, /* id: a row; state, tries, at_us: next, text: what was said */
        FND_NOTE_OUTBOX_SWEEP  /* rows that ended before at_us go */
    } kind;
    int64_t id, fence, at_us, pin;
    int32_t hook, state, tries;
    char *who, *text; /* malloc'ed or NULL */
    struct fnd_note *next;
};

/** One transaction's worth: events of one step (or of the store), applied together or not at all.
 *  Made by fnd_write_create(), handed over by fnd_store_submit(), comes back with its result. */
struct fnd_write {
    int64_t step;   /* the step's number; 0: a new job's (first event _JOB) or the store's own */
    int64_t before; /* the step's last event as the caller knows it; if it is another, the write
                       ends in FND_CONFLICT and nothing of it is recorded */
    size_t outputs_count; /* the step's outputs as the caller knows them */
    size_t count;         /* of its events */
    /* for _JOB and _PIN, copied out of the body so that the writer parses nothing */
    uint8_t uuid[FND_UUID_SIZE];
    uint8_t hash[FND_DIGEST_SIZE]; /* _PIN: of the pin document */
    int64_t pin;                   /* _JOB: the pin it runs under */
    char *pipeline, *path;         /* _JOB: identity; _PIN: pipeline = its name. malloc'ed */
    int32_t revision;              /* _JOB: from 1 */
    uint8_t tier, verdict;         /* _ANSWER that is a CorrectionRecord: enum fnd_tier, … */
    bool record;                   /* _ANSWER: make a row of `correction` */
    /* Of the request that an _ANSWER, _CLAIM or another event is about: FND_CONFLICT
       ("lease_lost") if its fence is above; 0: whoever comes. Claims count from fence 1. */
    int64_t fence;
    struct fnd_note *notes; /* working rows, applied with the events; a write may have no events */
    /* results */
    enum fnd_status status;
    int64_t first, last; /* numbers of its events; a _JOB or _PIN that is on record already
                            (FND_CONFLICT): first is the number it has there */
    int64_t at_us;       /* the wall clock of its events */
    /* the submitter's own */
    void *owner;
    struct fnd_error *error; /* malloc'ed when status is not FND_OK */
    struct fnd_write *next;
    bool kept;   /* the store's own: handed over by fnd_store_commit() */
    size_t size; /* the store's own: bytes of its bodies and metas, once it is sealed */
    /* Last, as only what the counts above say has a value: */
    struct fnd_event events[FND_WRITE_EVENTS_MAX];
    int64_t outputs[FND_PHASES_MAX];
};
enum { FND_FENCE_ANY = 0, FND_FENCE_UNCLAIMED = -1 }; /* of fnd_write.fence: -1 is fence 0 */
enum fnd_tier { FND_TIER_GOLD = 1, FND_TIER_SILVER = 2 };
enum fnd_verdict { FND_ACCEPTED = 1, FND_CORRECTED = 2, FND_REJECTED = 3 };

/** A zeroed write. Free with fnd_write_destroy() (also the bodies); NULL is fine. */
struct fnd_write *fnd_write_create(void);
void fnd_write_destroy(struct fnd_write *write);
/** Append an event; body and meta are taken (malloc'ed or NULL). Returns it for the rest. */
struct fnd_event *fnd_write_add(struct fnd_write *write, enum fnd_event_kind kind, char *body,
                                char *meta);

/** Add a note to a write; who and text are copied, NULL is fine. Returns it for the rest. */
struct fnd_note *fnd_write_note(struct fnd_write *write, enum fnd_note_kind kind, int64_t id,
                                const char *who, const char *text);

struct fnd_store;
struct fnd_reader;

struct fnd_store_options {
    const struct fnd_env *env; /* borrowed, outlives the store */
    const struct fnd_log *log; /* borrowed, may be NULL */
    bool create;               /* make .foundry if it is not there */
    bool network_allowed;      /* work on NFS, SMB, FUSE although locks there may lie */
    bool accept_loss;          /* go on although the witness is ahead; recorded as _LOSS */
    int64_t lock_wait_ms;      /* 0: try once */
};

/** Open a job directory for writing: takes .foundry/lock, checks file system, links, schema
 *  version and the witness, sets WAL and synchronous=FULL and reads them back.
 *  directory  path of the job directory; any length (its descriptor is kept).
 *  Returns FND_OK; FND_BUSY "in use by pid N"; FND_NOT_FOUND: no .foundry and not `create`;
 *          FND_INVALID: a newer schema (nothing was touched); FND_DAMAGED: not a store, linked
 *          elsewhere, or the witness is ahead ("N acknowledged transitions are missing");
 *          FND_DENIED: read-only or a network file system; FND_IO; FND_FULL. */
enum fnd_status fnd_store_open(const char *directory, const struct fnd_store_options *options,
                               struct fnd_store **store, struct fnd_error *error);
/** Commits what waits, syncs the witness, closes, then frees the lock. NULL is fine. */
void fnd_store_close(struct fnd_store *store);

/** Descriptors of the job directory and of .foundry; borrowed. */
int fnd_store_directory(const struct fnd_store *store);
int fnd_store_folder(const struct fnd_store *store);
const char *fnd_store_path(const struct fnd_store *store); /* the job directory, absolute */
const struct fnd_env *fnd_store_env(const struct fnd_store *store);
/** 32 random bytes of the store's birth: the audit draw's salt. */
const uint8_t *fnd_store_salt(const struct fnd_store *store);

/** Hand a write over; it is sealed (keys drawn, digests made) on the caller's thread and queued.
 *  Takes `write`; it comes back from fnd_store_collect().  Thread: any. */
void fnd_store_submit(struct fnd_store *store, struct fnd_write *write);
/** The same, but the background thread may wait for a fuller group: whoever queues calls
 *  fnd_store_wake() (or _flush) before it goes to sleep. Takes `write`.  Thread: any. */
void fnd_store_queue(struct fnd_store *store, struct fnd_write *write);
/** Let the background thread commit what is queued, however little it is.  Thread: any. */
void fnd_store_wake(struct fnd_store *store);
/** Finished writes in commit order as a list by `next`, or NULL; the caller owns them.
 *  Thread: one collector. */
struct fnd_write *fnd_store_collect(struct fnd_store *store);
/** Readable while finished writes wait to be collected (an eventfd); borrowed. */
int fnd_store_ready_fd(const struct fnd_store *store);
/** Writes submitted and not yet finished. */
size_t fnd_store_waiting(const struct fnd_store *store);
/** Start or stop the thread that commits in the background. Without it, only fnd_store_flush() and
 *  fnd_store_commit() do. */
enum fnd_status fnd_store_writer_start(struct fnd_store *store, struct fnd_error *error);
void fnd_store_writer_stop(struct fnd_store *store);
/** Take the write token and commit everything that waits, on this thread; returns when the queue
 *  it saw is finished. Where nothing else is in flight this spares two wake-ups. */
void fnd_store_flush(struct fnd_store *store);
/** The same for one group, unless somebody else is committing at this moment or nothing waits:
 *  false then, and nothing was done. For a runner that has nothing else to do. */
bool fnd_store_flush_free(struct fnd_store *store);
/** Submit one write and wait for its end; the write stays the caller's, result inside, and does not
 *  come back from collect. Returns write->status and copies its error. */
enum fnd_status fnd_store_commit(struct fnd_store *store, struct fnd_write *write,
                                 struct fnd_error *error);
/** The same for several, which end in one group with whatever waits (but for a very large group);
 *  each one's result is inside it. */
void fnd_store_commit_all(struct fnd_store *store, struct fnd_write *const *writes, size_t count);
/** Read through the connection that commits: it has in memory what it wrote, so that nothing of
 *  that is read again, as another connection must. Every commit waits until fnd_store_reader_end():
 *  read a few rows, wait for nothing, and commit nothing on this thread meanwhile.
 *  Returns the store's reader, lent till then; NULL: somebody commits or is about to, or the store
 *  is not well, and the caller reads through a connection of its own.  Thread: any, one at a time.
 */
struct fnd_reader *fnd_store_reader_begin(struct fnd_store *store);
void fnd_store_reader_end(struct fnd_store *store);
/** Wait until the witness is on disk up to the last commit (before pause, exit, backup). */
enum fnd_status fnd_store_sync(struct fnd_store *store, struct fnd_error *error);
/** Once a write ended in FND_IO or FND_FULL and reading back could not tell the outcome, every
 *  later one ends the same: this is the error. FND_OK while all is well. */
enum fnd_status fnd_store_health(const struct fnd_store *store, struct fnd_error *error);

/* --- artifacts: files by the SHA-256 of their bytes, .foundry/artifacts/ab/cd… -------------- */

/** Keep bytes or everything a descriptor gives (from its offset on), durably, before an event may
 *  name them. Streamed; memory does not grow with size. The same content is kept once.
 *  Returns FND_OK; FND_LIMIT over size_max; FND_FULL; FND_IO.  Thread: any. */
enum fnd_status fnd_artifact_put(struct fnd_store *store, const void *bytes, size_t size,
                                 struct fnd_artifact *artifact, struct fnd_error *error);
enum fnd_status fnd_artifact_put_fd(struct fnd_store *store, int fd, uint64_t size_max,
                                    struct fnd_artifact *artifact, struct fnd_error *error);
/** A read-only descriptor on an artifact; the caller closes it. `folder` is .foundry's.
 *  Returns FND_OK; FND_NOT_FOUND; FND_DAMAGED: the size is another. */
enum fnd_status fnd_artifact_open(int folder, const struct fnd_artifact *artifact, int *fd,
                                  struct fnd_error *error);
/** What an event names in "artifacts", {"sha256","size"}, or, of a JOB, in "references", which is
 * no artifact but a file of the user's in the job directory: {"sha256","size","path"}. path
 * malloc'ed; NULL: it is an artifact. Returns false where it says neither hash nor size, and then
 * nothing is to be freed. */
bool fnd_artifact_told(struct fnd_json about, struct fnd_artifact *artifact, char **path);
/** Open a file that was kept by reference, for reading. All of it is read: its bytes must be those
 *  that came in. `directory` is the job directory's.
 *  Returns FND_OK; FND_NOT_FOUND, FND_DENIED, FND_IO; FND_DAMAGED: it is another.  Thread: any. */
enum fnd_status fnd_reference_open(int directory, const char *path,
                                   const struct fnd_artifact *artifact, int *fd,
                                   struct fnd_error *error);
/** Its path below .foundry: "artifacts/ab/cdef…". */
enum { FND_ARTIFACT_PATH_SIZE = 80 };
void fnd_artifact_path(const uint8_t hash[FND_DIGEST_SIZE], char path[FND_ARTIFACT_PATH_SIZE]);

/* --- plugin copies: .foundry/plugins/SHA256.so, 0444 --------------------------------------- */

/** Copy the file behind `fd` (opened once by the caller, hashed and copied from the same
 *  descriptor) unless the copy is there.  Returns FND_OK, FND_FULL, FND_IO. */
enum fnd_status fnd_plugin_keep(struct fnd_store *store, int fd, uint8_t hash[FND_DIGEST_SIZE],
                                struct fnd_error *error);
/** Open a kept copy and check that its bytes still have this hash, before anybody loads it.
 *  Returns FND_OK; FND_NOT_FOUND "the copy of plugin … is missing"; FND_DAMAGED. */
enum fnd_status fnd_plugin_open(int folder, const uint8_t hash[FND_DIGEST_SIZE], int *fd,
                                struct fnd_error *error);

#endif
