/* SPDX-License-Identifier: MIT */
/* The state machine over one job directory: ingest, visits, transitions, retries, recovery.
 *
 * One thread drives it: fnd_engine_turn() does what can be done, fnd_engine_wait_us() and
 * fnd_engine_fd() say how long to sleep and on what. Every transition is on disk before the next
 * begins; acts of people (answer, cancel, retry, upgrade) go the same way, as operations. */
#ifndef FND_RUN_ENGINE_H
#define FND_RUN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "pipeline/kind.h"
#include "pipeline/pipeline.h"
#include "store/reader.h"
#include "store/store.h"
#include "worker/pool.h"

enum {
    FND_FLIGHT_MAX = 256, /* steps in flight at once, unless options say otherwise */
    FND_INPUT_SIZE_MAX_DEFAULT_GIB = 16,
    FND_LINE_SIZE_MAX = 1 << 20,     /* bytes of one line of a *.jsonl */
    FND_JOB_FILE_SIZE_MAX = 1 << 20, /* bytes of a NAME.job.json */
    FND_WATCH_REST_MS = 2000,        /* --watch: size and mtime have rested this long */
    /* stand.due_us of a step that is paused until the rest of its batch is there; and of one whose
       last event is the choice from its batch: it goes on when all others have */
    FND_DUE_BATCH = -3,
    FND_DUE_CHOICE = -4
};

struct fnd_engine;

/** A transition that is on disk, for whoever watches. Borrowed during the callback. */
struct fnd_news {
    int64_t job, event;
    const char *pipeline, *path; /* of the job */
    enum fnd_event_kind kind;
    enum fnd_state state;   /* behind it */
    const char *phase;      /* id the event is about; NULL for some kinds */
    const char *next_phase; /* id it goes on with; NULL when ended */
    int32_t attempt;
    size_t phases_done, phases_count;
    const char *message; /* of a failure, a hold, a retry; else NULL */
    int64_t request;     /* _ASK: its number */
};

struct fnd_prover;
struct fnd_engine_options {
    const struct fnd_env *env;
    const struct fnd_log *log;
    const char *directory;
    const struct fnd_kind *const *kinds; /* the engine's own phases (review's), NULL-ended */
    const struct fnd_prover *prover;     /* learn's; NULL: no target error is ever proven */
    struct fnd_store_options store;      /* env and log are filled in */
    const char *plugin_path;             /* --plugin-path; NULL: the default */
    const char *worker_program;          /* NULL: found */
    const char *secrets_dir;             /* --secrets-dir; NULL: environment FOUNDRY_SECRET_NAME,
                                            then NAME */
    enum fnd_isolation isolation;        /* where a pipeline does not say */
    bool allow_root;                     /* workers keep the user root, if the engine has it */
    int landlock_abi_max;                /* as in fnd_pool_options */
    struct fnd_limits limits;
    int64_t worker_start_ms;                                  /* as start_ms of fnd_pool_options */
    size_t workers_max;                                       /* -j; 0: one a core */
    size_t flight_max;                                        /* 0: FND_FLIGHT_MAX */
    void (*news)(void *context, const struct fnd_news *news); /* may be NULL */
    void *context;
};

/** Open a directory to run jobs: takes the store's lock. Jobs do not move before
 *  fnd_engine_resume() or an operation says so.
 *  Returns as fnd_store_open(), and FND_PLUGIN when workers cannot be started. */
enum fnd_status fnd_engine_open(const struct fnd_engine_options *options,
                                struct fnd_engine **engine, struct fnd_error *error);
/** Ends calls in flight (they are run again at the next start), commits, closes, frees the lock. */
void fnd_engine_close(struct fnd_engine *engine);

struct fnd_store *fnd_engine_store(struct fnd_engine *engine); /* borrowed */
void *fnd_engine_prover(struct fnd_engine *engine); /* what options.prover knows; engine's thread */
/** Borrowed; engine's thread. Between fnd_engine_hold() and fnd_engine_rest() it may be another one
 *  than at other times, so it is asked for anew behind each. */
struct fnd_reader *fnd_engine_reader(struct fnd_engine *engine);
/** The few small reads of an act that follow see one moment and cost little: through the store's
 *  own connection where nobody commits just then (fnd_store_reader_begin()), else through the
 *  engine's. To hold what is held, and to rest where nothing is held, are fine.
 *  Rest before anything that waits, reads much, or commits.  Thread: engine's. */
void fnd_engine_hold(struct fnd_engine *engine);
void fnd_engine_rest(struct fnd_engine *engine);

/** Check a pipeline file against the plugins on the path and pin it: its pin document and copies of
 *  its plugins are on disk when this returns. From here on it is the pipeline of its name for new
 *  jobs.
 *  pin   receives the pin's number.  errors, source: as fnd_pipeline_load().
 *  A pipeline of the same name that differs is normal: jobs under way keep theirs. */
enum fnd_status fnd_engine_pin(struct fnd_engine *engine, const char *pipeline_file,
                               const char *const *settings, int64_t *pin, struct fnd_errors *errors,
                               struct fnd_text *source);
/** The compiled pipeline of a pin, loaded from its document and plugin copies, cached; borrowed
 *  until the engine closes.  FND_NOT_FOUND or FND_DAMAGED name the missing copy's hash. */
enum fnd_status fnd_engine_pipeline(struct fnd_engine *engine, int64_t pin,
                                    const struct fnd_pipeline **pipeline, struct fnd_error *error);

/** Give a phase its secrets and its constant config, as before a visit; the pool's callee is ready
 *  then.  Returns as fnd_bound_arm(). */
enum fnd_status fnd_engine_arm(struct fnd_engine *engine, int64_t pin, size_t phase,
                               struct fnd_error *error);
const struct fnd_engine_options *fnd_engine_options_of(const struct fnd_engine *engine);

/** Counts of one ingest. */
struct fnd_ingest {
    size_t seen, created, revised, unchanged, refused; /* files or lines */
};
/** Look through the job directory once and make jobs of new and changed inputs, for a pin.
 *  refused  called for each input that cannot become a job (message names it); may be NULL.
 *  rested   only files whose size and mtime have rested FND_WATCH_REST_MS (--watch).
 *  Returns FND_OK also when some were refused; FND_FULL, FND_IO when the store refused. */
enum fnd_status fnd_engine_ingest(struct fnd_engine *engine, int64_t pin, bool rested,
                                  struct fnd_ingest *counts,
                                  void (*refused)(void *context, const struct fnd_error *error),
                                  void *context, struct fnd_error *error);
/** Make one job out of a JSON value (NAME.job.json, a line, a submission): `path` is its identity.
 *  Returns FND_OK and its number; FND_CONFLICT: that identity is there (number given too). */
enum fnd_status fnd_engine_submit(struct fnd_engine *engine, int64_t pin, const char *path,
                                  struct fnd_json input, int64_t *job, struct fnd_error *error);

/** The same out of bytes that are kept already (fnd_artifact_put*): a file of that name.
 *  media_type  NULL: told by the content and the name. */
enum fnd_status fnd_engine_submit_artifact(struct fnd_engine *engine, int64_t pin, const char *path,
                                           const struct fnd_artifact *artifact,
                                           const char *media_type, int64_t *job,
                                           struct fnd_error *error);

/** Let every step that can move do so: running ones of a process that died (attempt + 1), queued,
 *  due, held ones.  pipeline NULL: of all pipelines. */
enum fnd_status fnd_engine_resume(struct fnd_engine *engine, const char *pipeline,
                                  struct fnd_error *error);

/** Whether fnd_engine_resume() was called, and nothing was said against it since. */
bool fnd_engine_resumed(const struct fnd_engine *engine);

/** Do what can be done without waiting.  Returns FND_OK, or the error that stopped the store
 *  ("storage full"): nothing more moves then. */
enum fnd_status fnd_engine_turn(struct fnd_engine *engine, struct fnd_error *error);
/** How long to sleep: microseconds to the next thing that is due by the clock (retry, deadline), 0:
 *  not at all, -1: nothing is due.  What acts queued since the turn is sent on its way first: a
 *  caller that sleeps without asking would leave it where it is. */
int64_t fnd_engine_wait_us(struct fnd_engine *engine);
/** An epoll descriptor, readable when a turn has something to do. Borrowed. */
int fnd_engine_fd(const struct fnd_engine *engine);
/** True when nothing is in flight, nothing can move, no operation waits. Retrying steps that were
 *  taken up count as moving. */
bool fnd_engine_idle(const struct fnd_engine *engine);
/** Whether a batch of that pipeline waits only for its choice, or may do so in a moment: its paused
 *  jobs will move on. */
bool fnd_engine_gathers(const struct fnd_engine *engine, const char *pipeline);
/** turn, wait, turn … until idle; or until `stop` (may be NULL) turns non-zero, which drains. */
enum fnd_status fnd_engine_run(struct fnd_engine *engine, const volatile int *stop,
                               struct fnd_error *error);
/** turn, wait, turn … until `*ended` turns true (by some done()) or the store ends, which ends
 * every operation under way, too. */
void fnd_engine_wait(struct fnd_engine *engine, const bool *ended);
/** Begin no further visit; what is in flight may end and is recorded. `now` cancels it, too. */
void fnd_engine_drain(struct fnd_engine *engine, bool now);

/* --- operations: acts of people on one step -------------------------------------------------- */

/** One act. The caller owns it and keeps it still until done() was called (once, from turn or from
 *  the submit itself). While it is under way nothing else happens to its step. */
struct fnd_operation {
    int64_t step;
    /** Look at the step (loaded, not moving) and prepare: fill op->write for an act that needs no
     *  plugin code, or the visit's calls for one that does.  A status other than FND_OK ends it. */
    enum fnd_status (*begin)(struct fnd_operation *operation, struct fnd_visit *visit,
                             const struct fnd_step_row *step, struct fnd_error *error);
    /** The visit's calls have ended: fill op->write. NULL if begin() never makes calls. */
    enum fnd_status (*finish)(struct fnd_operation *operation, struct fnd_visit *visit,
                              struct fnd_error *error);
    /** It is on disk (FND_OK; op->write has the numbers) or refused. */
    void (*done)(struct fnd_operation *operation, enum fnd_status status,
                 const struct fnd_error *error);
    struct fnd_write
        *write; /* made by the engine before begin(): step, before, outputs filled in */
    bool run;   /* let the step move on behind it; else it stays queued (`--no-run`) until the next
                   fnd_engine_resume() or an act that says so */
    void *context;
    unsigned crashes; /* the engine's own: how often a worker died under its calls */
    struct fnd_operation *next;
};
void fnd_engine_operate(struct fnd_engine *engine, struct fnd_operation *operation);
/** Submit one that makes no calls and turn until it is done (its done() is called, too). */
enum fnd_status fnd_engine_operate_wait(struct fnd_engine *engine, struct fnd_operation *operation,
                                        struct fnd_error *error);

/** For operations: the stand of a step that goes on at `phase` behind the write: running at attempt
 *  1, or queued where it must not start yet (op->run false, draining, not repeatable), or
 *  completed behind the last phase. */
struct fnd_stand fnd_engine_stand(const struct fnd_engine *engine,
                                  const struct fnd_pipeline *pipeline, size_t phase, bool run);

/* Ready-made ones (run/operations.c). `by` is who, `reason` may be NULL. Waits for the end. */

/** Cancel a job: open requests are withdrawn.  FND_CONFLICT when it has ended. */
enum fnd_status fnd_engine_cancel(struct fnd_engine *engine, int64_t job, const char *by,
                                  const char *reason, struct fnd_error *error);
/** Stop the visit of a step that is under way in a phase behind `phase`, so that an operation on it
 *  begins soon; a phase that must not be repeated goes on. Nothing where none is under way. */
void fnd_engine_interrupt(struct fnd_engine *engine, int64_t step, int32_t phase);
/** Run a failed or cancelled job again, from the phase it stopped at or from `phase` (its id; later
 *  outputs are dropped). With `run` false it is left queued.  FND_CONFLICT unless it has ended;
 *  a completed one only with `phase`. */
enum fnd_status fnd_engine_retry(struct fnd_engine *engine, int64_t job, const char *phase,
                                 bool run, const char *by, struct fnd_error *error);
/** Move the jobs of `pin`'s pipeline that have not ended to `pin`. `dry`: only say.
 *  report  called for each: path, whether it can (could) move, and why not or from where.
 *  Returns FND_OK also when some cannot. */
enum fnd_status fnd_engine_upgrade(struct fnd_engine *engine, int64_t pin, bool dry,
                                   void (*report)(void *context, const char *path, bool moves,
                                                  const char *why),
                                   void *context, const char *by, struct fnd_error *error);

/** Messages of a write's events for the hooks of its pipeline, put into the same write; and which
 * of FND_HOOK_ an event of a kind is (of an output: that it completed its job). */
void fnd_outbox_add(const struct fnd_env *env, const struct fnd_pipeline *pipeline, int64_t pin,
                    struct fnd_write *write);
unsigned fnd_outbox_event(enum fnd_event_kind kind);
/** A secret's value, malloc'ed; NULL if it is not set. */
char *fnd_engine_secret(struct fnd_engine *engine, const char *name);

/** Live progress of what runs now: calls `row` for each step in flight; waits: for this pool, which
 *  a training holds, or NULL. */
void fnd_engine_flight(const struct fnd_engine *engine,
                       void (*row)(void *context, const char *path, const char *phase,
                                   int32_t attempt, double progress, const char *waits),
                       void *context);

/** Ask for a pool that phases name, too: from now on none of their visits begins, and those that
 * are under way go on to their end.  Returns whether none is: then it is the caller's, until it
 * lets go of it; else it asks again after a turn. */
bool fnd_engine_pool_take(struct fnd_engine *engine, const char *pool);
void fnd_engine_pool_release(struct fnd_engine *engine, const char *pool);

#endif
