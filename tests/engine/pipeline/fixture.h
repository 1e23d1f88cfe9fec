/* SPDX-License-Identifier: MIT */
/* Plugins that are only described, a kind of the engine's own, and pipelines out of texts. */
#ifndef TEST_PIPELINE_FIXTURE_H
#define TEST_PIPELINE_FIXTURE_H

#include "pipeline/kind.h"
#include "pipeline/pipeline.h"

/** The plugins `demo` and `other`, and the file /…/local.so; free with fixture_destroy(). */
struct fixture {
    struct fnd_plugin_source source;
    struct fnd_pipeline_options options;
    struct fnd_errors errors;
    struct fnd_plugin_info *demo, *other, *local;
    char folder[64];        /* of the test's own files; emptied by fixture_destroy() */
    char last_path[256];    /* that source.file() was asked for */
    bool tampered;          /* give another file than the one that is wanted */
    bool gone;              /* no copy of what is wanted is left */
    enum fnd_status status; /* of the last load */
};

struct fixture *fixture_create(void);
void fixture_destroy(struct fixture *fixture);
/** Write a file into the fixture's folder. */
void fixture_write(struct fixture *fixture, const char *name, const char *text);
/** Load a pipeline out of a text; NULL with fixture->errors filled. */
struct fnd_pipeline *fixture_load(struct fixture *fixture, const char *yaml);
/** The same, which must go well: prints the errors otherwise. */
struct fnd_pipeline *fixture_good(struct fixture *fixture, const char *yaml);
struct fnd_pipeline *fixture_load_pin(struct fixture *fixture, const char *pin);
/** "line:column:code …" of the errors; malloc'ed. */
char *fixture_codes(const struct fixture *fixture);
/** The message of the first error with this code, or "". */
const char *fixture_message(const struct fixture *fixture, const char *code);

/** What the fixture's kind "foundry/gate" prepares. */
struct gate {
    struct fnd_bound *detectors;
    size_t detectors_count;
    char *constant; /* of `rate`, or NULL */
    char *file;     /* the text of `schema`, or NULL */
};

/** A scope over one JSON object: root name → document. */
struct fixture_scope {
    struct fnd_scope scope;
    struct fnd_json documents;
    size_t asked;
};
void fixture_scope_init(struct fixture_scope *scope, const char *json);
/** Resolve a bound's config against a JSON object of documents; malloc'ed, NULL with `error`. */
char *fixture_resolve(const struct fnd_bound *bound, const char *documents,
                      struct fnd_error *error);

#define HEAD "foundry: v1\nname: t\n"
#define ONE HEAD "phases:\n  - id: a\n    uses: demo/any\n"

#endif
