/* SPDX-License-Identifier: MIT */
/* The table through which `run` knows phases. A kind turns one visit of a job into calls of plugin
 * code (none, one or several) and their results into what becomes of the step. */
#ifndef FND_PIPELINE_KIND_H
#define FND_PIPELINE_KIND_H

#include "pipeline/pipeline.h"

enum fnd_verdict_visit {
    FND_VISIT_OUTPUT, /* the phase is done: body = output, meta */
    FND_VISIT_ASK,    /* pause: body = request */
    FND_VISIT_FAULT,  /* it failed: error, fault (which class decides on a retry) */
    FND_VISIT_HOLD,   /* pause without a question: error says why (a missing secret or plugin) */
    FND_VISIT_BATCH,  /* pause until the rest of its batch is there: error says what for */
    FND_VISIT_AGAIN   /* nothing was learned (a worker died under another call): visit again, the
                         attempt is not used up */
};

struct fnd_reader;

/** What a gate wants to know before it lets a document pass without a question. All borrowed. */
struct fnd_proof_want {
    const char *pipeline, *phase; /* the gate: the pipeline's name, the phase's id */
    const char *model;            /* what gave the output: a proof is of one model */
    const char *maker;            /* the same without the artifacts of models */
    struct fnd_json models;       /* those: {NAME: artifact name or null}, or no value */
    double target;                /* error rate; 0: none is asked for */
    bool per_document;
    const char *novelty;   /* pointer to the value that must have been seen before, or NULL */
    struct fnd_json value; /* the document's value there, or no value */
};
/** What is known. `= {0}`; fnd_proof_finish() frees. */
struct fnd_proof {
    bool proven;
    double threshold; /* values at or above it need no question */
    char *reason;     /* a sentence with the numbers */
    char *numbers;    /* the same as a JSON object, for the record */
    uint64_t seen;    /* documents with the value at `novelty` that a person has checked */
    char **known;     /* fields that may pass: pointers, with * for an item of an array */
    size_t known_count;
};
void fnd_proof_finish(struct fnd_proof *proof);
/** A batch that is there: whose outputs a person is to look at? All borrowed. */
struct fnd_choose_want {
    const char *pipeline, *batch;  /* names */
    const struct fnd_phase *phase; /* the gate, with `choose` */
    const int64_t *steps;          /* those that wait, by number; at least one */
    size_t count;
};
/** Who knows it: `learn`, whom the gates' room lies below. Called on the engine's thread. */
struct fnd_prover {
    void *(*create)(void);
    void (*destroy)(void *state);
    enum fnd_status (*prove)(void *state, struct fnd_reader *reader,
                             const struct fnd_proof_want *want, struct fnd_proof *proof,
                             struct fnd_error *error);
    /** Append the decision, a JSON object: "code", "message", "batch", "members" (all of the
     *  steps), "chosen" [{"job","confidence"}…] in the order in which to ask, … The same for the
     *  same record.  Returns FND_OK, or why the record could not be read. */
    enum fnd_status (*choose)(struct fnd_reader *reader, const struct fnd_choose_want *want,
                              struct fnd_text *decision, struct fnd_error *error);
};
/** What gave an output, in 16 hex digits, malloc'ed: the plugin's bytes, the phase's config, and
 *  which artifacts ${models.NAME} stood for as it ran (no value: whichever). */
char *fnd_proof_model(const struct fnd_bound *bound, struct fnd_json models);
/** Whether `pointer` is one of the fields that may pass. */
bool fnd_proof_knows(const struct fnd_proof *proof, const char *pointer);
/** Append the field that a pointer is of: numbers become *, "/items/3/price" is "/items/ * /price"
 *  (without the blanks). */
void fnd_proof_field(const char *pointer, struct fnd_text *field);

/** One visit. Made by run; begin() sets calls, finish() the result. */
struct fnd_visit {
    const struct fnd_pipeline *pipeline;
    const struct fnd_phase *phase;
    int64_t job;
    const char *job_uuid, *job_path; /* text */
    int32_t attempt;
    const uint8_t *salt;     /* of the store, 32 bytes */
    struct fnd_json config;  /* resolved `with:`, for kinds with a bound config */
    struct fnd_json subject; /* the phase's subject: output and marks (confidence, origin) */
    struct fnd_json marks;
    struct fnd_json answers; /* by key, after a pause of this phase; or no value */
    struct fnd_json run;     /* DOC_RUN */
    int64_t choice;          /* phases with `choose`: the event that chose; 0: none yet */
    bool chosen;             /* it chose this job */
    size_t choice_of, choice_asked,
        choice_place;                          /* of so many, so many; this one's place, from 1 */
    struct fnd_json models;                    /* what ${models.…} reads, by name; or no value */
    const struct fnd_scope *scope;             /* for the configs of several bounds */
    const struct fnd_call_artifact *artifacts; /* all the job has */
    size_t artifacts_count;
    int64_t started_us;              /* wall clock */
    const struct fnd_prover *prover; /* NULL: nobody knows, nothing is proven */
    void *prover_state;
    struct fnd_reader *reader; /* for the prover */

    /* set by begin(): malloc'ed array of malloc'ed calls, freed by run */
    struct fnd_pool_call **calls;
    size_t calls_count;

    /* set by begin() (then there are no calls) or finish() */
    enum fnd_verdict_visit verdict;
    char *body, *meta; /* malloc'ed JSON, or NULL */
    struct fnd_artifact_named {
        char *name, *media_type;
        char *bytes; /* staged, to be kept before the transition */
        size_t size;
        struct fnd_artifact kept;
    } * staged; /* artifacts of the result, malloc'ed */
    size_t staged_count;
    unsigned fault; /* FND_RETRY_ class */
    uint64_t retry_after_ms;
    char *fault_pointer;    /* config pointer concerned, or NULL */
    struct fnd_text log;    /* lines for the job's log */
    struct fnd_error error; /* code, message; last, as it is most of the bytes */
};

struct fnd_kind {
    const char *name, *summary; /* "foundry/human"; NULL name: any plugin's phase */
    const char *config_schema;  /* of `with:`; checked by the pipeline room, which resolves it into
                                   phase->bound.with. Leaves that may read a job carry
                                   x-foundry-per-job here too (so does the `with` of what the kind
                                   binds by itself). NULL: takes no config */
    /** Compile the phase's own part into phase->prepared; errors through `compile`. May set
     *  phase->subject. Called only when `with:` has the shape its schema asks for (unknown keys
     *  and dangling references aside, which are reported already).  NULL: nothing to do. */
    bool (*prepare)(const struct fnd_kind *kind, struct fnd_compile *compile,
                    struct fnd_phase *phase);
    void (*unprepare)(void *prepared);
    /** Arm bounds of its own with secrets (fnd_bound_arm); NULL: nothing to do. */
    enum fnd_status (*arm)(void *prepared, const struct fnd_secrets *secrets,
                           struct fnd_error *error);
    /** Set visit->calls, or decide at once (calls_count stays 0 and verdict is set). */
    void (*begin)(struct fnd_visit *visit);
    /** All calls have ended: set the verdict. */
    void (*finish)(struct fnd_visit *visit);
};

/** The kind of every plugin's phase (pipeline/plugin_kind.c): one call, its effects are the
 *  result. */
const struct fnd_kind *fnd_kind_plugin(void);

/** Make one call of a bound for a visit: config resolved, input filled from the visit, calls array
 *  extended.  subject: what a detector reads (may differ from visit->subject), marks likewise.
 *  Returns FND_OK or why the config could not be resolved (nothing is added). */
enum fnd_status fnd_visit_call(struct fnd_visit *visit, const struct fnd_bound *bound,
                               struct fnd_json subject, struct fnd_json marks,
                               struct fnd_error *error);
/** Whether any string of a config is `name`: then the call gets the artifact of that name. */
bool fnd_config_names(struct fnd_json config, const char *name);

/** Turn a call that did not end well into the visit's verdict (crash, timeout, plugin's failure,
 *  effects that break a rule); true if the call was fine: returned, outcome DONE or PAUSE, effects
 *  checked. Appends the call's log lines, and what a failed worker printed, to visit->log: call it
 *  once a call. */
bool fnd_visit_judge(struct fnd_visit *visit, const struct fnd_bound *bound,
                     struct fnd_pool_call *call);
/** Under which isolation the visit's calls ran: the least of them, with FND_LEVEL_ flags. Without
 *  calls it was the engine's own code that ran.  Behind the calls' end, before finish(). */
int fnd_visit_level(const struct fnd_visit *visit);
/** Free calls, results and log of a visit, not the visit. Calls must be fnd_visit_call()'s. */
void fnd_visit_finish(struct fnd_visit *visit);

#endif
