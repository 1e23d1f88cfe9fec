/* SPDX-License-Identifier: MIT */
/* What the files behind learn.h share. */
#ifndef FND_LEARN_INTERNAL_H
#define FND_LEARN_INTERNAL_H

#include "learn/evaluate.h"
#include "learn/examples.h"
#include "learn/learn.h"

enum run_state {
    RUN_WAITS,  /* for its pool */
    RUN_TRAINS, /* the trainer's call is under way */
    RUN_TRIES,  /* the model is tried on documents whose truth is known */
    RUN_ENDED
};

/** A document on which the new model and the one in production are tried. */
struct trial {
    struct fnd_case run;
    struct fnd_text human, reviewed;
    struct trial_call {
        struct fnd_pool_call call; /* first: the pool knows this one */
        struct run *owner;
        struct fnd_text config, document;
        struct fnd_call_artifact *artifacts;
        size_t artifacts_count;
    } calls[2]; /* new, production */
    size_t left;
};

/** A training from its request to its decision. */
struct run {
    struct fnd_learn *learn;
    enum run_state state;
    char *pipeline_name, *name, *by, *why;
    int64_t pin;
    const struct fnd_pipeline *pipeline;
    const struct fnd_model *model;
    struct fnd_learn_hooks hooks;
    struct fnd_examples examples;
    struct fnd_pool_call call;
    struct fnd_text request; /* DOC_RUN */
    bool called, cancelled;
    int64_t training; /* event; 0: not begun */
    int64_t version, attempt;
    char previous_name[FND_MODEL_ARTIFACT_SIZE], model_name[FND_MODEL_ARTIFACT_SIZE];
    struct fnd_model_row previous; /* in production when it began; id 0: the rules */
    struct fnd_artifact kept, calibration;
    bool calibrated;
    struct fnd_text metrics; /* JSON object, or empty */
    struct fnd_lessons lessons;
    size_t at; /* of the lessons */
    struct trial trial;
    bool trying;
    struct fnd_score score;
    size_t skipped; /* documents that could not be tried */
    struct fnd_learned learned;
    struct run *next;
};

struct fnd_learn {
    struct fnd_engine *engine;
    struct fnd_pool *pool; /* NULL: nothing was trained yet */
    int epoll;
    struct run *runs;
    bool by_itself;       /* trainings begin when they are due */
    int64_t looked;       /* the record's last event when it was last asked what is due */
    int64_t look_next_us; /* monotonic: when it is asked next, also without a new event */
};

/* train.c */
/** Record that it begins and hand it to the trainer; or end it. */
void run_begin(struct run *run);
void run_called(struct run *run); /* the trainer's call has ended */
/** End it: FND_OK with a model, else with run->learned.error. Records it. */
void run_end(struct run *run, enum fnd_status status);

/* try.c */
void run_try(struct run *run);                             /* the next document, or the end */
void run_tried(struct run *run, struct trial_call *trial); /* a call has ended */
void trial_finish(struct trial *trial);

#endif
