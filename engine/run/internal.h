/* SPDX-License-Identifier: MIT */
/* What the files of this room share. Everything here belongs to the engine's one thread. */
#ifndef FND_RUN_INTERNAL_H
#define FND_RUN_INTERNAL_H

#include "run/engine.h"

enum {
    FND_TASK_BUCKETS = 1024,
    FND_CACHE_OUTPUT_MAX = 256 << 10, /* outputs above this are read again when needed */
    FND_TURN_VISITS_MAX = 64,         /* visits begun before results are looked at again */
    FND_WRITER_FLIGHT_MIN = 4,        /* with fewer in flight the runner commits by itself */
    FND_DUE_HELD = -1,                /* stand.due_us of a step paused without a question */
    FND_DUE_HELD_BEGUN = -2 /* the same, of one that was in its phase when a process died */
};

/** A document out of the store, kept while its task lives. */
struct fnd_document {
    bool loaded;
    struct fnd_text body, meta;
};

enum fnd_task_state {
    FND_TASK_RESTING,   /* loaded for an operation only */
    FND_TASK_READY,     /* its stand says running; the visit has not begun */
    FND_TASK_VISITING,  /* calls are under way */
    FND_TASK_COMMITTING /* a write is under way */
};

/** A step that is taken up. Steps that wait are rows, not tasks. */
struct fnd_task {
    struct fnd_step_row row;
    struct fnd_pipeline *pipeline; /* borrowed from the cache */
    char uuid[FND_UUID_TEXT_SIZE];
    char *path;
    struct fnd_document job; /* JOB body */
    struct fnd_json input;   /* in it */
    /* In it, too: bytes the store kept, and bytes left where they lay; no value for most jobs. */
    struct fnd_json artifacts_kept, artifacts_left;
    struct fnd_document outputs[FND_PHASES_MAX];
    uint64_t looked, carries; /* bit i: it is known whether phase i's output names artifacts; it
                                 does */
    enum fnd_task_state state;
    struct fnd_visit visit;
    struct fnd_scope scope;
    struct fnd_error unread; /* why the store did not give an output that a config reads */
    struct fnd_text config, run, answers, models; /* what the visit borrows */
    int64_t choice; /* START names it: the event that let it leave its batch; 0: none */
    struct fnd_call_artifact *artifacts;
    size_t artifacts_count;
    size_t calls_left;
    bool pooled;      /* READY, and in the list of those that wait for a pool */
    bool interrupted; /* drop the visit when its calls end */
    bool fresh;       /* JOB is being written: no number yet */
    bool inherited;   /* its stand says running, and it was a dead engine that began it */
    bool goes; /* may move although the engine was not told to resume: somebody answered it */
    struct fnd_operation *operation;  /* under way */
    struct fnd_operation *operations; /* wait, in order */
    struct fnd_engine *engine;
    struct fnd_task *next_bucket;
    struct fnd_task *next, *previous; /* in the ready list */
};

struct fnd_due {
    int64_t at_us;        /* by the monotonic clock: the wall clock may jump while it waits */
    int64_t due_us, step; /* as recorded: a step that moved since has another */
};
struct fnd_heap {
    struct fnd_due *list;
    size_t count, capacity;
};
void fnd_heap_push(struct fnd_heap *heap, struct fnd_due due);
bool fnd_heap_pop(struct fnd_heap *heap, int64_t now_us, struct fnd_due *due);
/** Let a step that is RETRYING wait for its time: never longer than it was to wait when that was
 *  recorded, wherever the wall clock has gone since. */
void fnd_resume_wait(struct fnd_engine *engine, const struct fnd_step_row *row);

/** Steps that people left queued (`--no-run`); in memory only, as a new engine moves nothing before
 *  it is told to, either. */
struct fnd_rest {
    int64_t *list;
    size_t count;
};
bool fnd_rest_has(const struct fnd_rest *rest, int64_t step);
void fnd_rest_set(struct fnd_rest *rest, int64_t step, bool rests);

/** A pin that is loaded; owns what its pipeline borrows. */
struct fnd_pinned {
    int64_t id;
    struct fnd_pipeline *pipeline;
    bool armed[FND_PHASES_MAX];
    struct fnd_pinned *next;
};
/** A plugin copy that is open. */
struct fnd_kept {
    uint8_t hash[FND_DIGEST_SIZE];
    int fd;
    const struct fnd_plugin_info *info;
    struct fnd_kept *next;
};

/** Where taking up steps of one state stands. */
struct fnd_backlog {
    bool active;
    int64_t cursor;
};

/** Jobs that wait for each other at a human phase (batch.c). The record has all of it; this is
 * where to look, and when. */
struct fnd_batch {
    int64_t pin;
    int32_t phase;
    char *pipeline, *name;
    bool gathering;           /* may be there in a moment */
    bool deciding;            /* the choice is under way to the store */
    int64_t leader, decision; /* the step that holds the choice, and its event; 0: none is made */
    int64_t *members;         /* of the choice, or those that wait; by number */
    size_t members_count, released;
    bool stuck;                /* a member's pipeline does not load */
    uint64_t look_at;          /* nothing can be new before so many moves */
    int64_t newest;            /* job of the batch */
    int64_t quiet_us, wait_us; /* by the monotonic clock; -1: not known, or no end */
    struct fnd_batch *next;
};

struct fnd_engine {
    struct fnd_engine_options options;
    struct fnd_store *store;
    struct fnd_reader *reader, *lent; /* lent: the store's own, where fnd_engine_hold() got it */
    bool holds;                       /* since fnd_engine_hold() */
    void *prover_state;
    struct fnd_pool *pool;
    struct fnd_catalog *catalog;
    bool looked; /* a pipeline file was checked against the catalog as it was made */
    struct fnd_pinned *pinned;
    struct fnd_kept *kept;
    struct fnd_task *buckets[FND_TASK_BUCKETS];
    struct fnd_task *ready_first, *ready_last;
    struct fnd_task *pooled_first, *pooled_last; /* ready but for their pool */
    char **closed; /* names of pools that trainings hold or wait for */
    size_t closed_count;
    size_t tasks, flight, flight_max, ready, visiting;
    size_t loose; /* writes under way without a task */
    struct fnd_heap heap;
    struct fnd_batch *batches;
    struct { /* the choice that was read last */
        int64_t event, *jobs;
        size_t count, of;
    } choice;
    uint64_t moves; /* writes that are on disk */
    int64_t begun;  /* the last event before this engine's first */
    struct fnd_backlog backlog[FND_PAUSED + 1];
    struct fnd_rest rest;
    struct fnd_text spare_config, spare_run; /* left by the visit that ended last */
    char *only;                              /* pipeline to resume, or NULL */
    bool resumed, drained, stopping, writer;
    bool patient; /* ingest waits for room in flight */
    int epoll_fd;
    struct fnd_error broken; /* the store's end, if it came to that */
};

/* task.c */
struct fnd_task *fnd_task_find(struct fnd_engine *engine, int64_t step);
/** Make a task of a row and put it into the table.  FND_NOT_FOUND, FND_DAMAGED name what of its pin
 *  is missing; *task is NULL then. */
enum fnd_status fnd_task_load(struct fnd_engine *engine, const struct fnd_step_row *row,
                              struct fnd_task **task, struct fnd_error *error);
/** A task for a job that is being written; enters the table when it has its number. */
struct fnd_task *fnd_task_fresh(struct fnd_engine *engine, struct fnd_pipeline *pipeline,
                                const uint8_t uuid[FND_UUID_SIZE], const char *path,
                                const char *body, size_t body_size);
void fnd_task_enter(struct fnd_task *task);
void fnd_task_drop(struct fnd_task *task);
bool fnd_task_goes(const struct fnd_task *task); /* may begin an attempt, when it is queued */
void fnd_task_ready(struct fnd_task *task);      /* append to the ready list */
void fnd_task_unready(struct fnd_task *task);    /* take out of it, or of those that wait */
/** When its phase's pool is closed, put it among those that wait, and say so (pools.c). */
bool fnd_task_pooled(struct fnd_task *task);
void fnd_pools_open(struct fnd_engine *engine, const char *name); /* NULL: all of them may go on */
struct fnd_json fnd_task_output(struct fnd_task *task, size_t phase, struct fnd_json *meta,
                                struct fnd_error *error);
void fnd_task_forget(struct fnd_task *task, uint64_t reads); /* drop outputs nobody reads */
/** Phases, as bits, whose artifacts a phase can have been told of: it reads them, or a phase that
 * it reads does, and so on: the name of an artifact passes from output to output. */
uint64_t fnd_task_told_of(const struct fnd_task *task, size_t phase);
const struct fnd_phase *fnd_task_phase(const struct fnd_task *task);

/* visit.c */
void fnd_visit_start(struct fnd_task *task);
enum fnd_status fnd_visit_prepare(struct fnd_task *task, size_t phase, struct fnd_error *error);
/** What ${models.NAME} reads at this visit, into task->models (models.c). */
enum fnd_status fnd_visit_models(struct fnd_task *task, const struct fnd_phase *phase,
                                 struct fnd_error *error);
/** Hand over the artifacts of those models. */
enum fnd_status fnd_visit_models_open(struct fnd_task *task, struct fnd_error *error);
/** Add an artifact to what the visit is given; takes name and fd. */
void fnd_task_artifact(struct fnd_task *task, char *name, uint64_t size, int fd);
void fnd_visit_calls(struct fnd_task *task);
void fnd_visit_clear(struct fnd_task *task);
/** The same once what the visit came to is a write: what it read leaves room for the next one. */
void fnd_visit_leave(struct fnd_task *task);
void fnd_visit_call_ended(struct fnd_engine *engine, struct fnd_pool_call *call);

/* transition.c */
struct fnd_write *fnd_transition_make(struct fnd_task *task);
void fnd_transition_visit(struct fnd_task *task); /* the visit's verdict becomes a write */
void fnd_transition_start(struct fnd_task *task); /* START, or what recovery decides */
void fnd_transition_drain(struct fnd_task *task);
void fnd_transition_stop(
    struct fnd_task *task); /* the visit was cancelled: DRAIN, or ask a person */
void fnd_transition_hold(struct fnd_task *task, const struct fnd_error *error);
void fnd_transition_submit(struct fnd_task *task, struct fnd_write *write);
void fnd_transition_ended(struct fnd_engine *engine, struct fnd_write *write);
void fnd_transition_fold(struct fnd_step_row *row, const struct fnd_write *write);

/* operate.c */
void fnd_operate_next(struct fnd_task *task); /* begin the next waiting operation, or go on */
void fnd_operate_calls_ended(struct fnd_task *task);
void fnd_operate_ended(struct fnd_task *task, const struct fnd_write *write);
void fnd_operate_abandon(struct fnd_task *task); /* end all of them with the store's error */

/* resume.c */
bool fnd_resume_wanted(struct fnd_engine *engine, const struct fnd_step_row *row); /* of `only` */
void fnd_resume_held(struct fnd_engine *engine, const struct fnd_write *write);    /* tell of it */
void fnd_resume_fill(struct fnd_engine *engine); /* take up what can move, as capacity allows */

void fnd_resume_release(struct fnd_engine *engine, const struct fnd_step_row *row, int64_t choice,
                        bool *loaded); /* out of its batch */

/* batch.c */
/** A step waits for its batch, or holds its choice: look at it. */
void fnd_batch_note(struct fnd_engine *engine, const struct fnd_step_row *row, const char *pipeline,
                    const char *path);
void fnd_batches_turn(struct fnd_engine *engine); /* choose where a batch is there; let go */
void fnd_batches_look(struct fnd_engine *engine); /* all of them anew */
/** Whether a batch (of a pipeline, unless it is NULL) will move without anybody's doing. */
bool fnd_batches_move(const struct fnd_engine *engine, const char *pipeline);
int64_t fnd_batches_wait_us(const struct fnd_engine *engine); /* to the next that is due, or -1 */
void fnd_batch_written(struct fnd_engine *engine, const struct fnd_write *write);
void fnd_batches_finish(struct fnd_engine *engine);
/** What was chosen of the batch that the task's step left, into its visit. */
enum fnd_status fnd_batch_choice(struct fnd_task *task, struct fnd_error *error);

/* pins.c */
void fnd_pins_finish(struct fnd_engine *engine);
enum fnd_status fnd_pins_arm(struct fnd_engine *engine, struct fnd_pipeline *pipeline, size_t phase,
                             struct fnd_error *error);
const struct fnd_pinned *fnd_pins_get(struct fnd_engine *engine, int64_t pin,
                                      struct fnd_error *error);

/* error_json.c */
char *fnd_error_body(const struct fnd_error *error, const char *class_name, const char *pointer,
                     const struct fnd_text *log);
const char *fnd_fault_name(unsigned fault);

/* media.c */
const char *fnd_media_type(const unsigned char *bytes, size_t size, const char *name);

/* engine.c */
void fnd_engine_broke(struct fnd_engine *engine, const struct fnd_error *error);
void fnd_engine_collect(struct fnd_engine *engine); /* finished writes */
void fnd_engine_step(struct fnd_engine *engine);    /* a turn; fnd_engine_sleep() wakes the store */
void fnd_engine_sleep(struct fnd_engine *engine, int64_t max_us);
void fnd_engine_abandon(struct fnd_engine *engine);

/* ingest.c */
/** Write a job; with capacity it starts at once. `body` is taken. */
enum fnd_status fnd_ingest_write(struct fnd_engine *engine, int64_t pin, const char *path,
                                 int32_t revision, const uint8_t uuid[FND_UUID_SIZE], char *body,
                                 const struct fnd_artifact *artifact, int64_t *job,
                                 struct fnd_error *error);

#endif
