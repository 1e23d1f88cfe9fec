/* SPDX-License-Identifier: MIT */
/* What a pool is made of; for the files of this room only. */
#ifndef FND_WORKER_POOL_STATE_H
#define FND_WORKER_POOL_STATE_H

#include "worker/instances.h"
#include "worker/process.h"
#include "worker/work.h"

enum {
    /* After a crash, before the next worker of that plugin starts: doubled each time, of which the
     * second half is left to chance. */
    FND_BACKOFF_MIN_MS = 100,
    FND_BACKOFF_MAX_MS = 5000,
    FND_WORK_WAITS_US = 5000,  /* of calls in the queue: worth one more worker */
    FND_TENURE_MS = 200,       /* a busy worker is not sent away for another plugin before that */
    FND_FLIGHT_LONG_US = 1000, /* a call above it: one in flight */
    FND_FLIGHT_SHORT_US = 200  /* a call below it: one more in flight */
};

/** How far the stopping of a call, or of a worker, has gone. */
enum fnd_stop { FND_STOP_NONE, FND_STOP_ASKED, FND_STOP_TERM, FND_STOP_KILL };

/** A call that was sent and not answered. */
struct fnd_flight {
    struct fnd_pool_call *call;
    uint64_t id;
    int64_t sent_us, began_us; /* began_us 0: not known to have begun */
    size_t place, fds;         /* place: index into page->cancel */
    enum fnd_stop stop;
    int64_t stop_next_us; /* when the next step of stopping is due; 0: it was not seen to begin */
    bool by_deadline;
    size_t log_lines; /* that came so far */
};

enum fnd_worker_state {
    FND_WORKER_STARTING,
    FND_WORKER_READY,
    FND_WORKER_LEAVING, /* takes no more calls; its channel ends once it is idle */
    FND_WORKER_ENDING,  /* its channel ended, or it is being killed */
    FND_WORKER_DEAD     /* reaped; freed at the end of the turn */
};

struct fnd_group;
enum fnd_source_kind { FND_SOURCE_CHANNEL, FND_SOURCE_NOISE, FND_SOURCE_DEATH };
/** What an event of epoll is about. */
struct fnd_source {
    enum fnd_source_kind kind;
    struct fnd_worker *worker;
};

struct fnd_worker {
    struct fnd_worker *next;
    struct fnd_pool *pool;
    struct fnd_group *group;
    enum fnd_worker_state state;
    struct fnd_process process;
    struct fnd_slots slots;
    struct fnd_flight flights[FND_WORKER_FLIGHT_MAX]; /* a ring, oldest at `first` */
    size_t first, count, fds;                         /* fds: descriptors in flight */
    int64_t started_us, replied_us;
    int64_t stop_next_us; /* of an ENDING worker: the next step */
    enum fnd_stop stop;
    uint64_t victim; /* id of the call the worker is killed for; 0: none */
    struct fnd_noise noise;
    uint64_t noise_seen; /* bytes that belong to calls that ended */
    struct fnd_source sources[3];
    bool writes;   /* epoll watches for room to send */
    bool confined; /* it said what it is kept to */
    bool ready;    /* its plugin was loaded */
    int level;     /* effective isolation with flags; once it is confined */
    size_t slot;   /* number among live workers, the lowest that is free */
    char *work;    /* its private folder, or NULL */
    bool refused;  /* it said that its plugin cannot be loaded */
    bool late;     /* it was not ready in time */
    bool hung_up;  /* it closed its channel unasked */
    bool broke;    /* it broke the protocol: `breach` says how */
    struct fnd_error breach;
    int64_t usage_next_us; /* when to look next at what it holds; 0: not yet said */
    char *over;            /* it held too much: what; it was killed for that. NULL: it did not */
};

/** What is known of one plugin, by its hash, however it is run. */
struct fnd_record {
    struct fnd_record *next;
    uint8_t hash[FND_DIGEST_SIZE];
    char *plugin;     /* its id */
    unsigned crashes; /* deaths of its workers, in a row */
    bool quarantined;
    bool kept; /* by a file, which is gone when somebody lifted it */
    char *why; /* it is in quarantine; NULL: it never was */
};

/** All that runs the same code under the same limits, with the same grants. */
struct fnd_group {
    struct fnd_group *next;
    struct fnd_record *record;
    uint8_t hash[FND_DIGEST_SIZE];
    struct fnd_limits limits;
    enum fnd_isolation isolation;
    char *write, **reads; /* copies of the grants; NULL: none */
    dev_t write_device;   /* of the granted folder, as the workers have it */
    ino_t write_inode;
    struct fnd_pool_call *queue, **queue_end;
    size_t queued, workers, flight_max;
    int64_t took_us;  /* of the last call; 0: none yet */
    unsigned crashes; /* in a row */
    int64_t not_before_us;
    struct fnd_error refused; /* status FND_OK: it can be loaded as far as is known */
};

struct fnd_inline;
struct fnd_work;
struct fnd_pool {
    struct fnd_pool_options options;
    char *program; /* NULL: not looked for yet */
    int epoll;
    struct fnd_group *groups;
    struct fnd_record *records;
    struct fnd_work *work; /* NULL: none was needed yet */
    bool sandbox_there;    /* every layer was found */
    struct fnd_worker *workers;
    size_t workers_count;
    struct fnd_pool_call *done, **done_end;
    size_t busy;
    uint64_t id_last;
    uint64_t answers; /* turns in which a sole worker may have had one */
    struct fnd_inline *inlines;
    struct fnd_calls *calls; /* of in-line calls */
    bool ending;
};

static inline int64_t fnd_pool_now(const struct fnd_pool *pool)
{
    return pool->options.env->monotonic_us(pool->options.env);
}

/** The index-th oldest call in flight. */
static inline struct fnd_flight *fnd_flight_at(struct fnd_worker *worker, size_t index)
{
    return &worker->flights[(worker->first + index) % FND_WORKER_FLIGHT_MAX];
}
/** Take the oldest out. */
static inline struct fnd_flight fnd_flight_shift(struct fnd_worker *worker)
{
    const struct fnd_flight flight = *fnd_flight_at(worker, 0);
    worker->first = (worker->first + 1) % FND_WORKER_FLIGHT_MAX;
    worker->count--;
    worker->fds -= flight.fds;
    return flight;
}

/** A call ended: it goes to the list that collect gives. */
void fnd_pool_done(struct fnd_pool *pool, struct fnd_pool_call *call, enum fnd_call_end end);
/** All that waits in the queue ends HELD with this error: the machine cannot run it now. */
void fnd_group_hold(struct fnd_pool *pool, struct fnd_group *group, const struct fnd_error *error);
/** All that waits in the queue ends REFUSED with this error. */
void fnd_group_refuse(struct fnd_pool *pool, struct fnd_group *group,
                      const struct fnd_error *error);
/** The plugin's workers crash: the next one starts later. */
void fnd_group_crashed(struct fnd_pool *pool, struct fnd_group *group);
/** A worker died on its own: the next one starts later, and what waits for it waits on, unless that
 *  was once too often: then it ends HELD.
 *  how  for people: "while it was loaded: signal 9 (SIGKILL)", "in steps/slow: exited (3) …". */
void fnd_group_died(struct fnd_pool *pool, struct fnd_group *group, const char *how);

/* groups.c */
struct fnd_group *fnd_group_find(struct fnd_pool *pool, const struct fnd_callee *callee);
struct fnd_pool_call *fnd_group_shift(struct fnd_group *group);
/** Why calls of the group cannot run now though they may later: quarantine, no sandbox here.
 *  Returns FND_OK if they can. */
enum fnd_status fnd_group_held(struct fnd_pool *pool, struct fnd_group *group,
                               struct fnd_error *error);
/** The folder that was granted is another than the workers have: they leave. */
void fnd_group_folder_check(struct fnd_pool *pool, struct fnd_group *group);
void fnd_groups_destroy(struct fnd_pool *pool);

/** Start a worker for a group; `callee` names the file. */
enum fnd_status fnd_worker_start(struct fnd_pool *pool, struct fnd_group *group,
                                 const struct fnd_callee *callee, struct fnd_error *error);
/** Whether it would take another call with that many descriptors now. */
bool fnd_worker_takes(const struct fnd_worker *worker, size_t fds);
/** Put a call into its out-queue. False: the call was ended instead, as it cannot be sent. */
bool fnd_worker_send(struct fnd_worker *worker, struct fnd_pool_call *call);
/** Send the out-queue as far as possible. */
void fnd_worker_flush(struct fnd_worker *worker);
/** No more calls: end its channel as soon as it is idle. */
void fnd_worker_leave(struct fnd_worker *worker);
/** Begin to stop it: FND_STOP_ASKED ends its channel, the others signal. */
void fnd_worker_stop(struct fnd_worker *worker, enum fnd_stop how);
/** Read all that it has sent and printed. */
void fnd_worker_drain(struct fnd_worker *worker);
/** Take what it has answered, if anything has come. False: nothing had. */
bool fnd_worker_answers(struct fnd_worker *worker);
void fnd_worker_event(struct fnd_worker *worker, const struct fnd_source *source);
/** Deadlines, stops and progress. Returns when it wants to be looked at again, or INT64_MAX. */
int64_t fnd_worker_watch(struct fnd_worker *worker, int64_t now_us, bool act);
/** Ask a call in flight to stop. */
void fnd_worker_cancel(struct fnd_worker *worker, const struct fnd_pool_call *call);
/** It died: give all that it had in flight an end. */
void fnd_worker_ended(struct fnd_worker *worker);
void fnd_worker_free(struct fnd_worker *worker);

/** Run a call in this process, now. */
void fnd_inline_run(struct fnd_pool *pool, struct fnd_pool_call *call);
void fnd_inlines_destroy(struct fnd_inline *inlines);

#endif
