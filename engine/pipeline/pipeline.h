/* SPDX-License-Identifier: MIT */
/* A pipeline file, checked whole before any job runs: phases bound to code, configs checked against
 * their schemas, references resolved as far as they are known. */
#ifndef FND_PIPELINE_PIPELINE_H
#define FND_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "config/tree.h"
#include "schema/schema.h"
#include "store/store.h"
#include "worker/pool.h"

struct fnd_kind;
struct fnd_compile;

/** Which failures of an attempt are worth another. */
enum {
    FND_RETRY_TRANSIENT = 1, /* the plugin said FOUNDRY_RETRYABLE */
    FND_RETRY_TIMEOUT = 2,
    FND_RETRY_CRASH = 4,
    FND_RETRY_PERMANENT = 8
};
struct fnd_retry {
    int32_t max;        /* further attempts after the first */
    int64_t backoff_ms; /* before the first repetition; doubles each time, FND_BACKOFF_MAX_MS at
                           most */
    unsigned when;      /* FND_RETRY_ */
};
enum {
    FND_BACKOFF_MAX_MS = 3600 * 1000,
    /* How often an engine may die in a row with a phase under way before the phase is given up. In
       line its plugin may well be the cause. A worker cannot take the engine along: whoever kills
       the engine that often most likely means no job of it; there is an end all the same. */
    FND_RECOVERIES_INLINE_MAX = 64,
    FND_RECOVERIES_MAX = 1000
};

enum {
    FND_ID_SIZE_MAX = 64,              /* bytes of a pipeline's name or a phase's id */
    FND_NAMED_FILE_SIZE_MAX = 1 << 20, /* bytes of a file that a pipeline names */
    FND_RESOLVED_SIZE_MAX = 64 << 20,  /* bytes of one visit's config */
    FND_RETRIES_MAX = 100,             /* retry.max */
    FND_TIMEOUT_MAX_MS = 7 * 24 * 3600 * 1000
};

struct fnd_part; /* template.h */

/** A config that is known but for the leaves that read a job. */
struct fnd_template {
    char *json; /* canonical JSON; params and defaults are in, references still stand as their
                   "${…}" text */
    size_t size;
    struct fnd_hole {
        char *pointer; /* of the leaf in `json` */
        char *text;    /* the leaf's text, e.g. "${ocr.words}" or "a ${input.name} b" */
        bool secret; /* reads secrets only: known when the run begins, part of create()'s config */
    } * holes;
    size_t holes_count;
    /* the compiled form, for fnd_bound_resolve(): this room's own */
    struct fnd_part *parts;
    size_t parts_count;
    char *glue;   /* bytes of literal parts */
    char **roots; /* names that are asked of a scope, each once */
    size_t roots_count;
    size_t holes_job; /* holes that read the job */
};

/** A use of a plugin's phase, detector or trainer: code plus config. */
struct fnd_bound {
    char *uses;                         /* as written */
    const struct fnd_plugin_info *info; /* borrowed from the plugin source */
    const struct fnd_callee_info *callee_info;
    struct fnd_callee callee; /* config_constant is filled by fnd_bound_arm() */
    struct fnd_schema *config_schema, *output_schema; /* NULL: any */
    struct fnd_template with;
    char *constant;    /* what callee.config_constant points to */
    char *grant_write; /* what callee.grant_write points to */
    char **reads;      /* what callee.reads points to; NULL-ended, or NULL */
    size_t reads_count;
    size_t line, column; /* of `uses` */
};

/** Of each batch, the documents that a human phase asks about. */
struct fnd_choose {
    int64_t count;     /* so many at most; 0: no limit but the budget */
    int64_t budget_ms; /* of a person's time; 0: none */
    bool diverse;      /* unlike each other, too */
    char *by;          /* pointer to the value that makes a group, or NULL */
    int64_t wait_ms;   /* how long those that are there wait for the rest; 0: until it is there */
    int64_t quiet_ms;  /* so long nothing new may have come in */
};

struct fnd_phase {
    char *id;
    size_t index;
    const struct fnd_kind *kind;
    struct fnd_bound bound; /* kind of plugins; else only uses, with, place */
    void *prepared;         /* the kind's own */
    int64_t timeout_ms;
    struct fnd_retry retry;
    enum fnd_isolation isolation;
    uint64_t result_bytes; /* `result_max` */
    bool repeatable;
    char *pool;      /* that its calls hold while they run, as trainings do; NULL: none */
    int32_t subject; /* index of the phase whose output is reviewed, or -1 */
    const struct fnd_choose
        *choose;     /* its jobs wait for their batch; NULL: none does. The kind's */
    uint64_t reads;  /* bit i: a hole or the subject reads phase i's output */
    uint64_t models; /* bit i: a hole reads the pipeline's model i */
    size_t line, column;
};

struct fnd_param {
    char *name;
    char *type;    /* "number" "integer" "string" "boolean" */
    char *value;   /* JSON, as it holds for this run */
    char *summary; /* or NULL */
};

struct fnd_export {
    char *name;   /* "sft" */
    char *format; /* "gemini" */
    char *json;   /* the whole entry as JSON, params resolved */
    int32_t of;   /* index of the phase, or -1 */
};

/** What a hook may be told of. */
enum {
    FND_HOOK_ASKED = 1,
    FND_HOOK_REMINDED = 2,
    FND_HOOK_ESCALATED = 4,
    FND_HOOK_ANSWERED = 8,
    FND_HOOK_COMPLETED = 16,
    FND_HOOK_FAILED = 32,
    FND_HOOK_CANCELLED = 64,
    FND_HOOK_REOPENED = 128,
    FND_HOOK_HELD = 256
};
const char *fnd_hook_event_name(unsigned bit); /* "asked"; NULL for none. Static */

/** An entry of `notify:`. */
struct fnd_hook {
    char *url;
    char *secret; /* the name of the secret that signs, or NULL */
    unsigned on;  /* FND_HOOK_ */
    bool allow_private;
};

enum {
    FND_MODELS_MAX = 16,
    FND_PROMOTE_MINIMUM = 50, /* verified pairs before anything is decided */
    FND_PROMOTE_WINDOW = 200, /* pairs back that a rollback looks at */
    FND_COOLDOWN_STANDARD_MS = 3600 * 1000
};
#define FND_PROMOTE_ALPHA 0.05
#define FND_COOLDOWN_MAX_MS (INT64_C(3650) * 24 * 3600 * 1000)

/** An entry of `models:`. */
struct fnd_model {
    char *name;
    int32_t phase, of;        /* the phase that reads it; the human phase whose records teach it */
    struct fnd_bound trainer; /* a program's: only `uses`, for people */
    /* A program of the user's trains, unconfined: its words, NULL-ended; NULL: a plugin does. Words
     * that begin with "./" are files of the pipeline, pinned with it. */
    char **command;
    size_t command_count;
    char *environment; /* JSON object of texts: all that it finds there beside PATH, HOME … */
    char *with;        /* JSON object that it is handed */
    int64_t timeout_ms;
    /* when a training is due by itself; triggered false: only by hand */
    bool triggered;
    uint64_t corrections; /* new since the last training; 0: do not count */
    int64_t age_ms;       /* of the last training; 0: any */
    double audited_error; /* share; below 0: not asked */
    int64_t cooldown_ms;  /* after any training, however it ended */
    char *pool;
    double shadow; /* share of the jobs beside which a version runs that is not in production */
    uint64_t minimum, window;
    double alpha;
    size_t line;
};

struct fnd_named_file {
    char *path; /* as written in the pipeline */
    char *bytes;
    size_t size;
};

struct fnd_pipeline {
    char *name, *file; /* file: for messages; a pinned one is "pin of NAME" */
    char **match;      /* globs of inputs.match, NULL-ended; NULL: every file */
    bool keep_reference;
    struct fnd_param *params;
    struct fnd_phase *phases;
    struct fnd_export *exports;
    struct fnd_hook *hooks;
    size_t hooks_count;
    struct fnd_model *models;
    size_t models_count;
    struct fnd_named_file *files; /* schemas and the like that the pipeline names */
    size_t params_count, phases_count, exports_count, files_count;
    struct fnd_tree *tree;
    char *canonical; /* canonical JSON of the pipeline file */
    char *pin;       /* canonical pin document: {"canonical","files","foundry","name","params",
                        "plugins"}, see engine/pipeline/README */
    uint8_t pin_hash[FND_DIGEST_SIZE]; /* SHA-256 of `pin` */
    void *owner;                       /* of whoever keeps it */
};

/** Where compilation finds plugins. `want` is the pinned hash, or NULL for what the path has.
 *  Gives an info (borrowed, lives as long as the source), and a descriptor on the very file it
 *  describes (borrowed).  FND_NOT_FOUND, FND_CONFLICT, FND_PLUGIN, FND_DAMAGED. */
struct fnd_plugin_source {
    enum fnd_status (*find)(void *context, const char *id, const uint8_t *want,
                            const struct fnd_plugin_info **info, int *fd, struct fnd_error *error);
    /** `uses: ./x.so#name`: a file, `path` already made absolute. */
    enum fnd_status (*file)(void *context, const char *path, const uint8_t *want,
                            const struct fnd_plugin_info **info, int *fd, struct fnd_error *error);
    void *context;
};

struct fnd_pipeline_options {
    const struct fnd_plugin_source *plugins;
    const struct fnd_kind *const *kinds; /* the engine's own phases, NULL-ended */
    const char *const *settings;         /* "-p" texts "key=value", NULL-ended; may be NULL */
    const struct fnd_limits *limits;     /* of workers; NULL or all zero: built-in */
    enum fnd_isolation isolation;        /* where the file does not say */
    const char *folder_out;              /* job directory, absolute: what `grant: {write: out}` is
                                            relative to; NULL while only validating */
};

/** Read, check and bind a pipeline file (YAML). All errors of one pass, 20 at most, in `errors`
 *  with file:line:column.  *source receives the file's text for printing carets (malloc'ed text,
 *  may be NULL).
 *  Returns FND_OK; FND_INVALID; FND_NOT_FOUND (no such file); FND_PLUGIN (a plugin cannot load). */
enum fnd_status fnd_pipeline_load(const char *path, const struct fnd_pipeline_options *options,
                                  struct fnd_pipeline **pipeline, struct fnd_errors *errors,
                                  struct fnd_text *source);
/** The same out of a pin document: its pipeline, params, files and plugin hashes, nothing else.
 *  Returns FND_OK; FND_NOT_FOUND: a pinned plugin's copy is gone; FND_DAMAGED: it is another, or
 * the document lacks a part; FND_PLUGIN; FND_INVALID: this engine refuses what an older one took.
 */
enum fnd_status fnd_pipeline_load_pin(const char *pin, size_t size,
                                      const struct fnd_pipeline_options *options,
                                      struct fnd_pipeline **pipeline, struct fnd_errors *errors);
void fnd_pipeline_destroy(struct fnd_pipeline *pipeline);
const struct fnd_phase *fnd_pipeline_phase(const struct fnd_pipeline *pipeline, const char *id);
const struct fnd_model *fnd_pipeline_model(const struct fnd_pipeline *pipeline, const char *name);

/** The differences between two pin documents for people, a line each: "phases/review/with/audit:
 *  2% → 5%", "plugin detect 1.0.0 3f2a… → 1.1.0 88b0…". Returns how many. */
size_t fnd_pin_diff(struct fnd_json old_pin, struct fnd_json new_pin, struct fnd_text *lines);

/** Fill in secrets and give the callee its constant config, once before calls are made; again after
 *  a change of secrets.  secret: gives a value (malloc'ed) or NULL.
 *  Returns FND_OK; FND_NOT_FOUND "secret NAME is not set: …"; FND_INVALID: against the schema. */
struct fnd_secrets {
    char *(*get)(void *context, const char *name);
    void *context;
};
enum fnd_status fnd_bound_arm(struct fnd_bound *bound, const struct fnd_secrets *secrets,
                              struct fnd_error *error);

/** Whether a secret is part of the config: then no visit's config may be kept. */
bool fnd_bound_secret(const struct fnd_bound *bound);

/** What a job's references read. `value` gives the document behind a root name ("input", a phase's
 *  id, "run"), no value if there is none (yet). */
struct fnd_scope {
    struct fnd_json (*value)(void *context, const char *root);
    void *context;
};
/** Append the config of one visit: holes filled with values from `scope` (a leaf that is one whole
 *  "${…}" keeps the value's type, verbatim text; else numbers and strings are put in as text) and
 *  secrets from the armed constant. Never re-scanned.
 *  schema  checked against, when the template has holes that read the job; may be NULL.
 *  Returns FND_OK; FND_NOT_FOUND: a reference leads nowhere, both named; FND_INVALID: the result
 *          breaks the schema: pointer, rule, reference named. */
enum fnd_status fnd_bound_resolve(const struct fnd_bound *bound, const struct fnd_scope *scope,
                                  struct fnd_text *config, struct fnd_error *error);

/* --- for kinds, while they prepare a phase (kind.h) ------------------------------------------ */

/** Bind a detector (or phase) named in a kind's own config: `uses` and `with` are nodes of the
 *  pipeline file (`with` NULL: {}); params are resolved, everything checked, errors go to the
 *  compile's list. The bound is the kind's to finish.  Returns false on errors: the bound is empty
 *  then, and finishing it does nothing. */
bool fnd_compile_bind(struct fnd_compile *compile, const struct fnd_node *uses,
                      const struct fnd_node *with, enum fnd_callee_kind kind,
                      struct fnd_phase *phase, struct fnd_bound *bound);
void fnd_bound_finish(struct fnd_bound *bound);
/** A file the pipeline names: read relative to the pipeline's folder (or out of the pin) and
 * pinned. Bytes are borrowed from the pipeline.  false: an error was added at `node`. */
bool fnd_compile_file(struct fnd_compile *compile, const struct fnd_node *node, const char **bytes,
                      size_t *size);
/** The index of an earlier phase named by a node, or -1 with an error (did-you-mean). */
int32_t fnd_compile_phase(struct fnd_compile *compile, const struct fnd_phase *phase,
                          const struct fnd_node *node);
/** The phase's `with:` node, NULL if the file has none; and how to add an error. */
const struct fnd_node *fnd_compile_with(const struct fnd_compile *compile,
                                        const struct fnd_phase *phase);
void fnd_compile_error(struct fnd_compile *compile, const struct fnd_node *node, const char *code,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
/** A node's JSON with `${params.…}` put in (a leaf, or a list or map of leaves); malloc'ed. NULL
 * with an error added when it reads anything else. */
char *fnd_compile_constant(struct fnd_compile *compile, const struct fnd_node *node);
const struct fnd_pipeline *fnd_compile_pipeline(const struct fnd_compile *compile);

/** The batch that a job's path is of, its folder or its file of lines, or of all submissions: so
 *  many of its first bytes; 0: the job directory itself.  Thread: any. */
size_t fnd_path_batch(const char *path);
/** Whether `path` (relative, '/'-separated) matches one of the pipeline's globs: fnmatch without
 *  directories crossing for patterns with '/', by base name otherwise. */
bool fnd_pipeline_matches(const struct fnd_pipeline *pipeline, const char *path);

#endif
