/* SPDX-License-Identifier: MIT */
/* What the files behind learn.h share. */
#ifndef FND_LEARN_INTERNAL_H
#define FND_LEARN_INTERNAL_H

#include "learn/evaluate.h"
#include "learn/examples.h"
#include "learn/learn.h"

enum run_state {
    RUN_WAITS,   /* for its pool */
    RUN_TRAINS,  /* the trainer's call is under way */
    RUN_TRIES,   /* the model is tried on documents whose truth is known */
    RUN_SHADOWS, /* no training: a version that is not in production runs beside it (shadow.c) */
    RUN_CROSSES, /* models of a part of the examples are tried on the others */
    RUN_ENDED
};

/** A document on which models are tried: the new one and the one in production, or one that has
 *  not seen it. */
struct trial {
    struct fnd_case run;
    struct fnd_text human, reviewed;
    int64_t record, step;
    bool sample;   /* looked at as a whole, and like any other document */
    bool rejected; /* nothing in it is right */
    bool beside;   /* of a part: production, which has not seen it either, runs beside */
    struct trial_call {
        struct fnd_pool_call call; /* first: the pool knows this one */
        struct run *owner;
        struct fnd_text config, document;
        struct fnd_call_artifact *artifacts;
        size_t artifacts_count;
    } calls[2]; /* new, production; or the one */
    size_t left;
};

struct program;

/** What a call reads as the model: an artifact of the store, or bytes; name NULL: null. */
struct tried {
    const char *name;
    const struct fnd_artifact *kept;
    const char *bytes; /* of a model that is not kept; NULL: kept */
    size_t size;
};

/** What the engine found out by itself about how sure the model may be, and about how good what the
 *  trainer makes is beside production: cross.c. */
struct cross {
    struct fnd_text checks; /* JSON objects with commas between */
    size_t documents;
    size_t tried; /* bytes of `checks` that are of the model itself */
    size_t tried_documents;
    char *why;                  /* it could not be found out, a sentence; NULL: it was */
    size_t fold, at;            /* which part is kept apart now; the next example */
    struct fnd_effects effects; /* of its training: holds the model */
    const char *bytes;
    size_t size;
    char model_name[FND_MODEL_ARTIFACT_SIZE];
    struct fnd_text request;
    int64_t seen;           /* production may have learned from records up to this one */
    struct fnd_score score; /* of the parts, on documents that neither has seen */
    size_t held_out;        /* of these those that count in the decision */
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
    struct fnd_pool_call call; /* a program's end is put in here, too */
    struct program *program;   /* that trains, of the user's; NULL: none does */
    struct fnd_text request;   /* DOC_RUN */
    bool called;
    bool cancelled; /* by somebody: no version comes of it, whatever else happens */
    char *cancelled_by, *cancelled_why; /* why: NULL, none was given */
    struct fnd_learn_hooks canceller;   /* hears when it has ended */
    bool asked;                         /* for its pool: it was not free at once */
    bool holds;                         /* the pool */
    int64_t training;                   /* event; 0: not begun */
    int64_t version, attempt;
    char previous_name[FND_MODEL_ARTIFACT_SIZE], model_name[FND_MODEL_ARTIFACT_SIZE];
    struct fnd_model_row previous;  /* in production when it began; id 0: the rules */
    struct fnd_artifact checkpoint; /* of the attempt before, if it goes on from there */
    bool resumes;
    struct fnd_artifact kept, calibration, checks;
    bool calibrated, checked;
    struct cross cross;
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

/** A version runs beside a job that has gone on already; one at a time. */
struct shade {
    struct run run; /* as far as a trial needs one */
    bool runs;
    int64_t model, version, job, output;
};

/** What is known of one contest of two versions, so that a look reads what is new alone. */
struct cursor {
    int64_t since, at; /* the decision that began it; the event looked at last for outputs */
    int64_t seen;      /* the event up to which runs beside are known */
    struct beside_one {
        int64_t output, event;
    } * beside; /* by output */
    size_t beside_count;
    struct compared {
        int64_t record, event;
        struct fnd_score score;
    } * compared; /* by record */
    size_t compared_count;
    struct cursor *next;
};

/** What is known of one version at its gate. */
struct proven {
    char *of; /* the proof's model */
    bool proven;
    double threshold;
    struct proven *next;
};

struct fnd_learn {
    struct fnd_engine *engine;
    struct proven *proven; /* as it was recorded last */
    struct shade shade;
    struct cursor *cursors;
    struct kept *kept;     /* kept.c */
    struct fnd_pool *pool; /* NULL: nothing was trained yet */
    int epoll;
    struct run *runs;
    bool by_itself;       /* trainings begin when they are due */
    int64_t looked;       /* the record's last event when it was last asked what is due */
    bool again;           /* it is asked once more at once: not all was looked through */
    int64_t look_next_us; /* monotonic: when it is asked next, also without a new event */
};

/* train.c */
/** Record that it begins and hand it to the trainer; or end it. */
void run_begin(struct run *run);
void run_called(struct run *run); /* the trainer's call has ended */
/** One that was cancelled while it waits: recorded, so that it does not begin again at once. */
void run_withdraw(struct run *run);
/** Say that it was stopped, and by whom; FND_INTERRUPTED. */
enum fnd_status run_stopped(const struct run *run, struct fnd_error *error);
/** End it: FND_OK with a model, else with run->learned.error. Records it. */
void run_end(struct run *run, enum fnd_status status);

/* learn.c */
enum fnd_status learn_pool(struct fnd_learn *learn, struct fnd_error *error);

/* kept.c */
/** Call `each` for each event of a kind behind *seen, and move that on. */
enum fnd_status kept_events(struct fnd_reader *reader, enum fnd_event_kind kind, int64_t *seen,
                            enum fnd_status (*each)(struct fnd_reader *reader,
                                                    const struct fnd_event_row *event,
                                                    void *context, struct fnd_error *error),
                            void *context, struct fnd_error *error);
/** The records that count, as fnd_lessons_read() gives them; of those that were known before
 * nothing is read.  lessons  borrowed until the next call. */
enum fnd_status kept_lessons(struct fnd_learn *learn, const char *pipeline, const char *of,
                             const struct fnd_lessons **lessons, struct fnd_error *error);
void kept_finish(struct fnd_learn *learn);

/* proven.c */
/** Record that what is proven of the version in production is another than before, if it is. */
void proven_look(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                 const struct fnd_model *model);
void proven_finish(struct fnd_learn *learn);

/** Hold the newest version of a model if an engine ended before it decided about it. Not while a
 *  training of that model runs.  (registry.c) */
void undecided_look(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                    const struct fnd_model *model);

/* shadow.c */
/** See to a model: decide between two versions if enough was verified, else run the one that is not
 *  in production beside the next job that was drawn. */
void shadow_look(struct fnd_learn *learn, const struct fnd_pipeline *pipeline,
                 const struct fnd_model *model);
void shadow_ran(struct run *run); /* its call has ended */
void shadow_finish(struct fnd_learn *learn);

/** The seed: of the examples and the version, so that the same training can be done again. */
uint64_t run_seed(const struct run *run);
/** A checkpoint: on disk and on record before the trainer goes on to anything that matters. */
void run_checkpoint(struct fnd_pool_call *call, const char *bytes, size_t size);

/* program.c: a trainer that is a program of the user's */
/** Start it. On failure program_finish() is still due.
 *  examples  the name of those packed that it learns from: of other examples it is given nothing,
 *            and of a part of them neither a model to go on from nor a checkpoint. */
enum fnd_status program_begin(struct run *run, const char *examples, struct fnd_error *error);
void program_turn(struct run *run); /* hears it; at its end run_called() */
void program_stop(struct run *run); /* asked, then made to */
void program_end(struct run *run);  /* at once, with its checkpoint kept */
void program_finish(struct run *run);

/* program_folder.c: what it is given */
/** Make the training's folder and lay in the examples of that name in the pack. part: they are not
 *  all there are, and nothing learned from the others is laid in.  path, folder: malloc'ed and
 * open, the caller's, or as they were; on failure, too. */
enum fnd_status program_folder_make(const struct run *run, const char *examples, bool part,
                                    char **path, int *folder, struct fnd_error *error);
/** Remove what programs of an engine that was killed left behind. */
void programs_sweep(struct fnd_engine *engine);

/* try.c */
void run_try(struct run *run);                             /* the next document, or the end */
void run_tried(struct run *run, struct trial_call *trial); /* a call has ended */
/** Load a document and what is known of it. */
enum fnd_status trial_load(struct run *run, const struct fnd_lesson *lesson,
                           struct fnd_error *error);
/** Make a call of the learned phase. */
enum fnd_status trial_call_make(struct run *run, struct trial_call *trial,
                                const struct tried *model, struct fnd_error *error);
/** What a call says, or no value and why. */
struct fnd_json trial_said(const struct trial_call *trial, const struct fnd_bound *bound,
                           struct fnd_error *error);
void trial_finish(struct trial *trial);

/* cross.c */
/** Whether what the model is sure of is to be proven: its gate has a target error rate. */
bool cross_wanted(const struct run *run);
/** Note what a model said of the document under trial, if that may count as a check. */
void cross_note(struct run *run, const struct trial_call *trial, struct fnd_json said);
void cross_begin(struct run *run);  /* behind the trial: the first part, or the end */
void cross_called(struct run *run); /* a part's trainer has ended */
void cross_tried(struct run *run);  /* a document's call has ended */
void cross_finish(struct cross *cross);
/** Keep what was found, to be named by the record of the training's end. */
enum fnd_status cross_keep(struct run *run, struct fnd_error *error);

/* train.c */
/** The trainer's call, in run->call, whose document is made in `request`.
 *  examples, checkpoint  names of packed artifacts; checkpoint NULL: none. */
void trainer_call_make(struct run *run, struct fnd_text *request, const char *examples,
                       const char *previous, const char *checkpoint);
/** Whether the call gave something, else why not. */
enum fnd_status trainer_end(const struct run *run, struct fnd_error *error);
/** The model among what a call wrote, or NULL and why. */
const struct fnd_staged_artifact *trainer_model(const struct run *run, struct fnd_error *error);

#endif
