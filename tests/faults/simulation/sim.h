/* SPDX-License-Identifier: MIT */
/* What the files of the simulation share. A world is one job directory with its jobs, people and
 * disasters; it lives several lives, each a process of its own around the real engine. What the
 * outside world knows (the ledger) is in memory that outlives those processes. */
#ifndef FAULTS_SIM_H
#define FAULTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "review/review.h"
#include "run/engine.h"

enum {
    SIM_JOBS_MAX = 256,
    SIM_PHASES_MAX = 8,
    SIM_EVENTS_MAX = 1 << 15,
    SIM_ACTS_MAX = 1 << 13,
    SIM_VARIANTS = 2,      /* forms of the pipeline: same phases, another constant */
    SIM_FILES_MAX = 3,     /* that jobs come in: each is a batch */
    SIM_SURE = 20,         /* a confidence of 1 */
    SIM_VERSIONS_MAX = 64, /* of the model */
    SIM_SAID_MAX = 2048,   /* outputs of the learned phase, runs beside, records */
    SIM_TEXT = 32,
    SIM_PATH = 256,
    SIM_STORY = 1024
};

/* --- chance (plan.c) ----------------------------------------------------------------------- */

struct sim_chance {
    uint64_t state;
};
uint64_t sim_mix(uint64_t a, uint64_t b); /* a hash of two numbers */
uint64_t sim_draw(struct sim_chance *chance);
/** 0 … below - 1. */
size_t sim_below(struct sim_chance *chance, size_t below);
/** True once in `times` on average. */
bool sim_once_in(struct sim_chance *chance, size_t times);

/* --- the ledger ---------------------------------------------------------------------------- */

enum sim_phase_kind { SIM_STEP, SIM_ONCE, SIM_GATE };

struct sim_phase {
    enum sim_phase_kind kind;
    int32_t of;             /* a gate's subject */
    int32_t max;            /* retry.max */
    unsigned when;          /* retry.when, FND_RETRY_ bits */
    size_t detectors;       /* of a gate */
    bool audit;             /* of a gate: some jobs are asked although nothing is doubted */
    size_t choose;          /* of a gate: so many of a batch are asked about; 0: it has no choice */
    size_t quiet_s, wait_s; /* of such a gate; wait_s 0: for ever */
};

/** What a simulated call came to, as bits. */
enum {
    SIM_DONE = 1,
    SIM_DOUBT = 2, /* a detector asks */
    SIM_PAUSE = 4, /* a phase asks */
    SIM_FAILED = 8,
    SIM_LOST = 16, /* or cancelled: nothing was learned */
    SIM_HELD = 32
};

/** The visit that is under way, or was the last one, as the plugins saw it. */
struct sim_visit {
    int32_t phase, attempt, epoch;
    unsigned begun; /* a bit for each call: the phase's own, or a detector */
    unsigned came_to;
    unsigned fault; /* FND_RETRY_ class, when FAILED */
    char value[SIM_TEXT], amount[SIM_TEXT];
    int64_t version; /* of the model that it was given */
};

/** A job as the outside world knows it: folded from the events by rules of our own (model.c). */
struct sim_job {
    int64_t number;  /* of its JOB event; 0: not on record yet */
    int64_t event;   /* its last one */
    int64_t request; /* the open one, or 0 */
    enum { SIM_ASKS_GATE, SIM_ASKS_PHASE, SIM_ASKS_ENGINE } asks;
    struct fnd_stand stand;
    int32_t epoch;    /* counts what makes attempt numbers begin anew */
    int32_t reopened; /* how often people did that */
    size_t variant;
    bool follows; /* the next event must be the second half of an answer */
    bool told;    /* its number was acknowledged to whoever submitted it */
    struct sim_visit visit;
    char value[SIM_PHASES_MAX][SIM_TEXT], amount[SIM_PHASES_MAX][SIM_TEXT]; /* outputs */
    char answered[SIM_TEXT]; /* what a phase's own question was answered with */
    uint8_t uuid[FND_UUID_SIZE];
    bool whole;     /* the open request is about the whole document */
    int64_t member; /* of this choice, which has not let it go; 0: of none */
    int64_t choice; /* which let it into its gate; 0: none did yet */
    bool chosen;    /* by that one */
};

enum sim_act_kind { SIM_ANSWER, SIM_CANCEL, SIM_RETRY, SIM_DECIDE };
enum sim_act_end { SIM_UNKNOWN = 0, SIM_TAKEN, SIM_REFUSED };

/** Something a person did. Its number is in the event as "by": "p17". */
struct sim_act {
    enum sim_act_kind kind;
    size_t job;
    int64_t request;
    bool wrong, reject; /* of an answer */
    bool gate;
    char amount[SIM_TEXT]; /* of an answer: what it says; "" leaves what stands */
    enum sim_act_end end;  /* what the person was told */
    int64_t event;         /* what they were told */
    int64_t recorded;      /* where it is on record */
};

/** A transition that was told as being on disk. */
struct sim_ack {
    int64_t job;
    int32_t kind, state, attempt;
};

struct sim_counts {
    uint64_t lives, kills, powercuts, faults, events, acks, answers, cancels, retries, conflicts,
        refused, jumps, upgrades, exported, choices, members, models, shadows, decisions, moves;
};

/** A version of the model, by its number. */
struct sim_version {
    int64_t id, decided,
        replaced;         /* events: it was made, decided about; what it took the place of */
    int state;            /* enum fnd_model_state */
    bool waits, promoted; /* by the last decision about it */
};

/** An output of the learned phase: made with this version, read that. */
struct sim_said {
    int64_t output;
    size_t job;
    int64_t version;
    char amount[SIM_TEXT], from[2 * SIM_TEXT + 2];
};

/** What a version said beside an output, as it is on record. */
struct sim_shadow {
    int64_t model, output, event;
    bool failed;
    char amount[SIM_TEXT];
};

/** A record about an output of the learned phase. */
struct sim_lesson {
    int64_t record;
    size_t job;
    int64_t subject;
    bool whole, rejected;
    char amount[SIM_TEXT];
};

/** The run beside that is under way, or was the last one, as the plugin saw it. */
struct sim_beside {
    int64_t model, output;
    bool ended, says, failed, recorded;
    char amount[SIM_TEXT];
};

struct sim_world {
    uint64_t seed;
    size_t index;
    char folder[SIM_PATH], jobs_folder[SIM_PATH], pipeline[SIM_PATH];
    /* the environment, which outlives the engine */
    int64_t wall_us, monotonic_us;
    uint64_t randoms;
    /* what is to be */
    size_t phases_count, jobs_count, lives_planned, files_count;
    struct sim_phase phases[SIM_PHASES_MAX];
    int32_t learned, judge; /* the phase that reads the model, the gate that teaches it; -1: none */
    size_t corrections_due, share, minimum, window;
    double alpha;
    /* what is */
    size_t life, step;
    size_t jobs_written; /* lines of jobs.jsonl so far */
    size_t variant;      /* the form that the pipeline file has now */
    int64_t pins[SIM_VARIANTS];
    int64_t absorbed; /* events that the ledger has */
    int64_t boundary; /* the last one of earlier lives */
    int64_t newest_ack;
    size_t corrections; /* on record */
    bool drained;       /* in this life */
    bool faulty;        /* this life's disk fails somewhere */
    bool quiet;         /* the last life: nothing fails any more */
    bool broken;        /* the violation below is one */
    size_t acts_count;
    struct sim_counts counts;
    struct sim_job jobs[SIM_JOBS_MAX];
    struct sim_ack acks[SIM_EVENTS_MAX];
    uint64_t prints[SIM_EVENTS_MAX]; /* a hash of each event as it was first seen */
    struct sim_act acts[SIM_ACTS_MAX];
    uint8_t chain[FND_DIGEST_SIZE]; /* at the end */
    uint8_t salt[32];
    int64_t training, training_version; /* that runs, by the record; 0: none */
    size_t said_count, shadows_count, lessons_count;
    struct sim_version versions[SIM_VERSIONS_MAX];
    struct sim_said said[SIM_SAID_MAX];
    bool passed[SIM_SAID_MAX]; /* its run beside was lost in this life */
    struct sim_shadow shadows[SIM_SAID_MAX];
    struct sim_lesson lessons[SIM_SAID_MAX];
    struct sim_beside beside;
    char story[SIM_STORY];
};

/** Note what is wrong (the first thing counts) and where it was. */
void sim_violation(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- plan.c: what is to be ----------------------------------------------------------------- */

void sim_plan_world(struct sim_world *world, size_t jobs_max);
/** The pipeline file in one of its forms. */
void sim_plan_pipeline(const struct sim_world *world, size_t variant, struct fnd_text *yaml);
/** How the visit of a job to a phase ends, given how often it has failed by itself: 0, or a
 *  FND_RETRY_ class. */
unsigned sim_plan_fault(const struct sim_world *world, size_t job, size_t phase, int32_t epoch,
                        int32_t failures);
bool sim_plan_asks(const struct sim_world *world, size_t job, size_t phase); /* a step pauses */
bool sim_plan_doubts(const struct sim_world *world, size_t job, size_t detector); /* a detector */

/** Which file a job comes in, and the path that it has by that. */
size_t sim_plan_file(const struct sim_world *world, size_t job);
void sim_plan_path(const struct sim_world *world, size_t job, char *path, size_t size);
/** How sure the phase is of its amount, of SIM_SURE. */
size_t sim_plan_confidence(const struct sim_world *world, size_t job, size_t phase);

/** What a version of the model says of a job: whether it knows what is true. */
bool sim_plan_knows(const struct sim_world *world, size_t job, int64_t version);

/* --- env.c: the clock, randomness and waiting of a world ------------------------------------ */

void sim_env_init(struct fnd_env *env, struct sim_world *world);

/* --- disk.c: the file system below SQLite --------------------------------------------------- */

enum sim_disaster {
    SIM_NOTHING,
    SIM_KILL_BEFORE, /* kill -9 before the n-th call, */
    SIM_KILL_TORN,   /* in the middle of it, */
    SIM_KILL_AFTER,  /* behind it */
    SIM_POWER_CUT,   /* and what was not synced may be gone, in whole or in part */
    SIM_IO_ERROR,    /* it fails */
    SIM_IO_DONE,     /* it is done and reported as failed */
    SIM_IO_ERRORS,   /* it and all later ones fail */
    SIM_FULL,        /* no space, for a while */
    SIM_FULL_ON
};
struct sim_disk_plan {
    enum sim_disaster disaster;
    size_t at; /* call of write, sync, truncate or delete, from 1 */
    uint64_t seed;
};
void sim_disk_install(void); /* once a process */
void sim_disk_arm(struct sim_world *world, const struct sim_disk_plan *plan);
/** The checker's own reading is not counted and does not fail. */
void sim_disk_rest(bool rest);
bool sim_disk_met(void);
/** End this process as kill -9 would. */
void sim_kill(struct sim_world *world) __attribute__((noreturn));

/* --- pool.c, catalog.c: stand in for the engine's worker pool and catalog of plugins --------- */

/** Whom the pool works for; there is one world a process. */
void sim_pool_for(struct sim_world *world, uint64_t seed);
/** Calls that failed while an answer was checked. */
size_t sim_pool_objections(void);
const char *sim_plugin_description(void);

/* --- model.c: the rules, kept beside the engine's ------------------------------------------- */

/** Take one more event into the ledger; body may be NULL. */
void sim_model_event(struct sim_world *world, const struct fnd_event_row *row,
                     const struct fnd_text *body);
/** The job behind an event's step, or NULL. */
struct sim_job *sim_model_job(struct sim_world *world, int64_t number);
int64_t sim_act_number(struct fnd_json by); /* "p17" → 17, or -1 */

/* --- batch.c: the rules of batches ----------------------------------------------------------- */

/* Each returns what is wrong with it, or NULL. The first three take it into the ledger. */

/** The event is the choice from the batch of the job that waits. */
const char *sim_batch_choice(struct sim_world *world, struct sim_job *leader,
                             const struct fnd_event_row *row, struct fnd_json body);
/** The job begins an attempt; `choice`: what lets it go, or 0. */
const char *sim_batch_start(struct sim_world *world, struct sim_job *job, int64_t choice);
void sim_batch_leave(struct sim_job *job);
/** The job's visit ends: it waits for its batch, it is asked about, it passes. */
const char *sim_batch_wait(const struct sim_world *world, const struct sim_job *job);
const char *sim_batch_asks(const struct sim_world *world, const struct sim_job *job);
const char *sim_batch_passes(const struct sim_world *world, const struct sim_job *job);
void sim_batch_rest(struct sim_world *world);

/* --- learner.c: models ------------------------------------------------------------------------ */

void sim_model_bytes(int64_t version, char bytes[SIM_TEXT]);
/** The version behind an artifact's name; null: 0, the rules; -1: none. */
int64_t sim_model_version(struct fnd_json name);
int64_t sim_model_production(const struct sim_world *world);
/** Take in an event about models.  Returns whether it is one. */
bool sim_learner_event(struct sim_world *world, const struct fnd_event_row *row,
                       struct fnd_json body);
void sim_learner_output(struct sim_world *world, const struct sim_job *job, int64_t event,
                        int64_t version);
void sim_learner_lesson(struct sim_world *world, const struct sim_job *job, int64_t record,
                        bool rejected);
void sim_learner_begins(struct sim_world *world, int64_t model, int64_t output, int64_t version,
                        struct fnd_json from);
void sim_learner_passed(struct sim_world *world, int64_t output);
void sim_learner_kept(struct sim_world *world);
void sim_learner_rest(struct sim_world *world);
void sim_learner_reborn(struct sim_world *world);

/* --- check.c: the ledger against the store --------------------------------------------------- */

struct sim_checker;
bool sim_checker_open(struct sim_world *world, struct sim_checker **checker);
void sim_checker_close(struct sim_checker *checker);
/** Take in what is on record and not in the ledger yet; compare what was acknowledged. */
void sim_check_new(struct sim_checker *checker);
/** What people were told is on record, what was refused is not. */
void sim_check_acts(struct sim_world *world);
/** Everything from the first event on, `verify`, the export. */
void sim_check_all(struct sim_checker *checker, struct fnd_engine *engine);
/** For the pool and for people, who need the ledger to be up to date. */
void sim_check_for(struct sim_checker *checker);
void sim_check_now(void);

/* --- people.c -------------------------------------------------------------------------------- */

struct sim_people;
struct sim_people *sim_people_create(struct sim_world *world, struct fnd_engine *engine,
                                     uint64_t seed);
void sim_people_act(struct sim_people *people);
size_t sim_people_waiting(const struct sim_people *people); /* answers that are under way */
void sim_people_destroy(struct sim_people *people);

/* --- life.c, world.c ------------------------------------------------------------------------- */

enum { SIM_EXIT_LIVED = 0, SIM_EXIT_KILLED = 9, SIM_EXIT_WRONG = 3 };
/** One life, in a process of its own.  Returns its exit code. */
int sim_life(struct sim_world *world);

struct sim_options {
    uint64_t seed;
    size_t jobs;  /* to run, over all worlds */
    size_t world; /* only this one; SIZE_MAX: all */
    bool twice;   /* run each world a second time: it must come out the same */
    bool stop;    /* at the first violation */
    bool trace;
};
struct sim_result {
    size_t jobs, worlds, violations;
    struct sim_counts counts;
};
void sim_worlds(const struct sim_options *options, struct sim_result *result);

#endif
