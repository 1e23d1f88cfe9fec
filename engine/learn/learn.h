/* SPDX-License-Identifier: MIT */
/* Trainings and the registry: from corrections to a model in production, each step an event.
 *
 * A learner belongs to an engine and its thread. Trainings run beside the jobs, in workers of a
 * pool of their own; one at a time in each of the pools that models name. */
#ifndef FND_LEARN_LEARN_H
#define FND_LEARN_LEARN_H

#include "run/engine.h"
#include "store/learn.h"

enum {
    FND_LEARN_NICE = 10,        /* of trainers and trials, above the engine */
    FND_LEARN_WORKERS = 4,      /* at once, of all pools */
    FND_LEARN_GRACE_MS = 10000, /* that a program has from SIGTERM on, to save its checkpoint */
    FND_LEARN_RUNS_MAX = 64,    /* trainings that run or wait */
    FND_CROSS_PARTS = 5 /* into which examples are dealt to find out how sure a model may be */
};

struct fnd_learn;
/** Make one for an engine. Trainings that an engine before this one left running are ended as
 * failed; what they had reached is kept for the next try. */
enum fnd_status fnd_learn_create(struct fnd_engine *engine, struct fnd_learn **learn,
                                 struct fnd_error *error);
/** Stops what runs; its end is recorded as failed, with its checkpoint kept. NULL is fine. */
void fnd_learn_destroy(struct fnd_learn *learn);

/** Begin trainings by themselves as their `when` says, from now on. */
void fnd_learn_auto(struct fnd_learn *learn);
int fnd_learn_fd(const struct fnd_learn *learn);          /* an epoll descriptor; borrowed */
int64_t fnd_learn_wait_us(const struct fnd_learn *learn); /* to the next turn; -1: whenever */
void fnd_learn_turn(struct fnd_learn *learn);             /* never waits */

/** What became of a training that was asked for. */
struct fnd_learned {
    enum fnd_status status;  /* FND_OK: a model came of it */
    struct fnd_error error;  /* else why not */
    int64_t training, model; /* events; 0: it did not come to that */
    int64_t version;
    size_t examples;
    char *decision; /* a sentence, malloc'ed; NULL: nothing was decided */
};
struct fnd_learn_hooks {
    void (*progress)(void *context, double fraction, const char *note); /* may be NULL */
    void (*done)(void *context, const struct fnd_learned *learned);     /* once; may be NULL */
    void *context;
};
/** Ask for a training. It begins when its pool is free.
 *  pipeline, model  names.  by: who asks; why: "by hand", "100 corrections".
 *  Returns FND_OK: done() will be called; FND_NOT_FOUND: no such pipeline or model; FND_CONFLICT:
 *          one of this model runs or waits already; FND_LIMIT. */
enum fnd_status fnd_learn_train(struct fnd_learn *learn, const char *pipeline, const char *model,
                                const char *by, const char *why,
                                const struct fnd_learn_hooks *hooks, struct fnd_error *error);
/** Nobody listens any more to hooks of this context; the training goes on. */
void fnd_learn_forget(struct fnd_learn *learn, const void *context);
/** Cancel a training of that model, wherever it is: no version comes of it, the one in production
 *  goes on, and by itself none begins before it has rested (FND_TRIGGER_FAILED_MS at least). Its
 * end is recorded with who cancelled it, once the trainer is gone; its checkpoint is kept. by: who
 * does; why: NULL for no reason.  hooks: done() when it has ended; NULL: nobody waits. Returns
 * FND_OK: done() will be called, or was; FND_NOT_FOUND: none runs or waits; FND_CONFLICT: somebody
 * has cancelled it already. */
enum fnd_status fnd_learn_cancel(struct fnd_learn *learn, const char *pipeline, const char *model,
                                 const char *by, const char *why,
                                 const struct fnd_learn_hooks *hooks, struct fnd_error *error);
/** What runs and waits now: a row each. state: "waiting", "training", "trying", "checking",
 *  "stopping". */
void fnd_learn_flight(const struct fnd_learn *learn,
                      void (*row)(void *context, const char *pipeline, const char *model,
                                  const char *pool, const char *state, double progress,
                                  const char *note),
                      void *context);
bool fnd_learn_busy(const struct fnd_learn *learn);

/** The newest pin of a pipeline, compiled, and its model; name NULL: the only model it has.
 *  FND_NOT_FOUND names those there are. */
enum fnd_status fnd_learn_model(struct fnd_engine *engine, const char *pipeline, const char *name,
                                const struct fnd_pipeline **found, const struct fnd_model **model,
                                struct fnd_error *error);

/* --- the registry (registry.c) --------------------------------------------------------------- */

/** Put a version into production, 0: the rules.
 *  by, reason  who, and why; reason may be NULL.  numbers: JSON object, or NULL.
 *  decided     receives the event's number.
 *  Returns FND_OK; FND_NOT_FOUND: no such version; FND_CONFLICT: it is in production. */
enum fnd_status fnd_registry_promote(struct fnd_engine *engine, const char *pipeline,
                                     const char *name, int64_t version, const char *by,
                                     const char *reason, const char *numbers, int64_t *decided,
                                     struct fnd_error *error);
/** Go back to what the version in production took the place of.
 *  version  receives which that is, 0: the rules.
 *  Returns FND_OK; FND_CONFLICT: the rules are in production. */
enum fnd_status fnd_registry_rollback(struct fnd_engine *engine, const char *pipeline,
                                      const char *name, const char *by, const char *reason,
                                      const char *numbers, int64_t *version, int64_t *decided,
                                      struct fnd_error *error);
/** Record that a candidate is not promoted, and why. */
enum fnd_status fnd_registry_hold(struct fnd_engine *engine, const struct fnd_model_row *model,
                                  const char *by, const char *reason, const char *numbers,
                                  struct fnd_error *error);

#endif
