/* SPDX-License-Identifier: MIT */
/* What the files of this room share while a pipeline file is compiled. */
#ifndef FND_PIPELINE_COMPILE_H
#define FND_PIPELINE_COMPILE_H

#include "pipeline/kind.h"
#include "pipeline/pipeline.h"
#include "pipeline/template.h"

/** What a phase was granted, and whether anything asked for it. */
struct fnd_grant {
    const struct fnd_node *write; /* its parts; NULL: not there, or wrong and reported */
    const struct fnd_node *read;
    bool spoiled; /* something about it is wrong and reported: say no more */
    bool write_used;
    uint64_t read_used; /* bit i: item i of `read` */
    bool bound;         /* everything that could need a grant is known */
};

/** A plugin that the pipeline uses. */
struct fnd_used {
    char *key; /* id, or the file as written */
    const struct fnd_plugin_info *info;
};

struct fnd_compile {
    struct fnd_pipeline *pipeline;
    const struct fnd_pipeline_options *options;
    struct fnd_errors *errors;
    size_t errors_seen;    /* also those beyond the list's end */
    bool only_plugins;     /* every error so far is one of a plugin that cannot load */
    enum fnd_status first; /* of the first error; FND_DAMAGED for a damaged pin */
    const char *file;      /* for messages */
    char *folder;          /* of the pipeline file, absolute; NULL when pinned */
    struct fnd_json pin;   /* no value: out of a file */
    const struct fnd_node *root;
    const struct fnd_node *nodes[FND_PHASES_MAX]; /* of the phases */
    struct fnd_grant grants[FND_PHASES_MAX + 1];  /* the last: of a trainer */
    bool models_spoiled; /* too many, and reported: say nothing of those who read them */
    struct fnd_used *used;
    size_t used_count;
    /* defaults of phases */
    int64_t timeout_ms;
    struct fnd_retry retry;
    enum fnd_isolation isolation;
    uint64_t result_bytes;
};

/* --- shape.c -------------------------------------------------------------------------------- */

/** A key of a map. */
struct fnd_shape {
    const char *key;
    unsigned kinds; /* 1 << FND_NODE_… that are fine; 0: any */
    bool required;
    const char *like; /* what to write: "text, such as invoice-ocr" */
};
enum {
    FND_SHAPE_STRING = 1 << FND_NODE_STRING,
    FND_SHAPE_NUMBER = 1 << FND_NODE_NUMBER,
    FND_SHAPE_BOOLEAN = 1 << FND_NODE_BOOLEAN,
    FND_SHAPE_LIST = 1 << FND_NODE_LIST,
    FND_SHAPE_MAP = 1 << FND_NODE_MAP,
    FND_SHAPE_SCALAR = FND_SHAPE_STRING | FND_SHAPE_NUMBER | FND_SHAPE_BOOLEAN
};

/** Check a map's keys against a table that ends with a NULL key: unknown ones (did-you-mean),
 *  those of later releases, wrong types, missing ones.
 *  what   of what it is a key, for messages: "a phase".
 *  later  keys that are known and not built, NULL-ended; may be NULL.
 *  Returns false if the node is no map. */
bool fnd_shape_check(struct fnd_compile *compile, const struct fnd_node *map, const char *what,
                     const struct fnd_shape *shapes, const char *const *later);
/** The member if it is there and of a kind the table allows, else NULL. */
const struct fnd_node *fnd_shape_member(const struct fnd_node *map, const struct fnd_shape *shapes,
                                        const char *key);

/** Add an error at a node's name. */
void fnd_compile_error_key(struct fnd_compile *compile, const struct fnd_node *node,
                           const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Add an error at a line and column (0: none) of a file. */
void fnd_compile_error_at(struct fnd_compile *compile, const char *file, size_t line, size_t column,
                          const char *code, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/** Add one that stands, at a node; `code` where it has none. */
void fnd_compile_error_take(struct fnd_compile *compile, const struct fnd_node *node,
                            const char *code, struct fnd_error *error);
/** " (did you mean `x`?)" appended, or nothing; candidates end with NULL. */
void fnd_suggest(struct fnd_text *text, const char *word, const char *const *candidates);
/** "a list", "text", … for messages. */
const char *fnd_node_kind_name(enum fnd_node_kind kind);

/** [a-z][a-z0-9_-]*, at most FND_ID_SIZE_MAX bytes. */
bool fnd_id_valid(const char *id);

/* --- the parts of the file ------------------------------------------------------------------ */

/** The whole file: compile->root into compile->pipeline. */
void fnd_compile_root(struct fnd_compile *compile);
void fnd_compile_params(struct fnd_compile *compile, const struct fnd_node *params); /* or NULL */
const struct fnd_param *fnd_compile_param(const struct fnd_compile *compile, const char *name);
void fnd_compile_inputs(struct fnd_compile *compile, const struct fnd_node *inputs);
void fnd_compile_defaults(struct fnd_compile *compile, const struct fnd_node *defaults);
void fnd_compile_phases(struct fnd_compile *compile, const struct fnd_node *phases);
/** `notify:`, a list (notify.c). */
void fnd_compile_notify(struct fnd_compile *compile, const struct fnd_node *list);
void fnd_hooks_finish(struct fnd_pipeline *pipeline);
/** `models:` (models.c): their names, which phases may read; then, behind the phases, the rest. */
void fnd_compile_models_names(struct fnd_compile *compile, const struct fnd_node *models);
void fnd_compile_models(struct fnd_compile *compile, const struct fnd_node *models);
/** A pool's name, NULL: `otherwise`; copied. */
void fnd_compile_pool(struct fnd_compile *compile, const struct fnd_node *pool,
                      const char *otherwise, char **name);
void fnd_models_finish(struct fnd_pipeline *pipeline);
void fnd_compile_exports(struct fnd_compile *compile, const struct fnd_node *exports);
/** redact.c: the rules of `export: redact:`. */
void fnd_compile_redact(struct fnd_compile *compile, const struct fnd_node *redact);

/** timeout, retry, isolation, result_max: what a map says, over what stands. */
void fnd_compile_policy(struct fnd_compile *compile, const struct fnd_node *map,
                        const struct fnd_shape *shapes, int64_t *timeout_ms,
                        struct fnd_retry *retry, enum fnd_isolation *isolation,
                        uint64_t *result_bytes);

/** A duration between two bounds, the upper one as text for the message; else an error is added and
 *  *ms stays. */
void fnd_compile_duration(struct fnd_compile *compile, const struct fnd_node *node, int64_t min_ms,
                          int64_t max_ms, const char *max_text, int64_t *ms);

/** grant.c: the shape of `grant:`; what a callee needs; what nobody needed. */
void fnd_grant_read(struct fnd_compile *compile, const struct fnd_node *node,
                    struct fnd_grant *grant);
void fnd_grant_needs(struct fnd_compile *compile, const struct fnd_node *uses,
                     struct fnd_phase *phase, struct fnd_bound *bound);
void fnd_grant_useless(struct fnd_compile *compile, const struct fnd_phase *phase);

/** with.c: resolve and check `with` (NULL: {}) into bound->with, against bound->config_schema
 *  (NULL: no keys are taken, unless `unknown`: then only references are looked at).
 *  Returns true if its shape is right (unknown keys and bad references aside). */
bool fnd_compile_with_bound(struct fnd_compile *compile, const struct fnd_node *with, bool unknown,
                            struct fnd_phase *phase, struct fnd_bound *bound);
/** reads.c: what `${…}` may read here; false with an error added at `node`.
 *  phase   which phase reads; NULL: only params may be read. */
bool fnd_compile_reference(struct fnd_compile *compile, const struct fnd_node *node,
                           struct fnd_phase *phase, const struct fnd_segment *segment);
/** Whether an id is a root of references. */
bool fnd_id_reserved(const char *id);
/** The index of a phase by id, or -1. */
int32_t fnd_compile_index(const struct fnd_compile *compile, const char *id);
/** A leaf's segments with params put in as text (numbers and booleans too), adjacent texts joined.
 *  whole   receives the JSON of the param if the leaf is one whole ${params.…}: borrowed; else
 *          NULL.  Returns false with errors added. */
bool fnd_compile_leaf(struct fnd_compile *compile, const struct fnd_node *node,
                      struct fnd_phase *phase, struct fnd_segments *segments, const char **whole);

/** bind.c: fnd_compile_bind() that keeps what it has when there are errors: later phases are
 * checked against it. `uses` is a string. */
bool fnd_compile_bind_keep(struct fnd_compile *compile, const struct fnd_node *uses,
                           const struct fnd_node *with, enum fnd_callee_kind kind,
                           struct fnd_phase *phase, struct fnd_bound *bound);

/** pin.c: make pipeline->pin and its hash; check a pin document's own shape. */
void fnd_pin_make(struct fnd_compile *compile);
bool fnd_pin_check(struct fnd_compile *compile, const char *bytes, size_t size);

#endif
