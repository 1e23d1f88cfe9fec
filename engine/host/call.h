/* SPDX-License-Identifier: MIT */
/* One visit of a job to a phase or detector: what it may read, the services of the SDK over that,
 * and what it staged. The same code runs in the engine (in line) and in a worker. */
#ifndef FND_HOST_CALL_H
#define FND_HOST_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "foundry/plugin.h"
#include "schema/schema.h"

enum {
    FND_OUTPUT_SIZE_MAX = 16 << 20,     /* bytes of one output document */
    FND_QUESTIONS_MAX = 256,            /* a call */
    FND_MARKS_MAX = 100000,             /* confidences and origins, each, a call */
    FND_ARTIFACTS_MAX = 256,            /* a call */
    FND_ARTIFACT_SIZE_MAX = 256 << 20,  /* bytes of an artifact a call writes */
    FND_ARTIFACTS_SIZE_MAX = 512 << 20, /* bytes of all artifacts a call writes */
    FND_LOG_LINES_MAX = 256,            /* a call; further ones are counted */
    FND_LOG_LINE_SIZE_MAX = 1024,
    FND_POINTER_SIZE_MAX = 4096,      /* bytes of a pointer that is kept with effects */
    FND_NAME_SIZE_MAX = 255,          /* artifact names, media types, keys and kinds of questions */
    FND_QUESTION_SIZE_MAX = 64 << 10, /* bytes of a question, its context and its schema, each */
    FND_FAILURE_SIZE_MAX = 4096       /* bytes of a failure's message; longer ones are cut */
};

/** An artifact as a call reads it. */
struct fnd_call_artifact {
    const char *name;
    uint64_t size;
    int fd; /* read-only, an open file description of its own (its offset is moved by whoever
               reads); borrowed by the call. -1: in `bytes`, or packed */
    const char *bytes;
    /* packed: `size` bytes from `offset` on of the file of another one, which stands before it in
       the list and has a descriptor. So a trainer is handed thousands. NULL: it is not */
    const struct fnd_call_artifact *pack;
    uint64_t offset;
};

/** What a visit reads. All borrowed for the length of the call; texts are checked JSON. */
struct fnd_call_input {
    bool detector; /* writes are DENIED, SUBJECT is there */
    bool trainer;  /* the artifact "checkpoint" is kept at once; nobody is asked */
    bool create;   /* create(): CONFIG is the constant part, there is nothing else but RUN */
    struct fnd_json config;  /* object */
    struct fnd_json subject; /* or no value */
    struct fnd_json marks; /* SUBJECT's {"confidence":{ptr:n},"origin":{ptr:{…}}}, or no value */
    struct fnd_json answers; /* object, or no value */
    struct fnd_json run;     /* object */
    const struct fnd_call_artifact *artifacts;
    size_t artifacts_count;
};

struct fnd_confidence {
    char *pointer;
    double score;
};
struct fnd_origin {
    char *pointer, *artifact;
    uint32_t page;
    double x, y, width, height;
};
struct fnd_question {
    char *key, *kind, *question, *pointer; /* kind, pointer: "" if not given (see has_pointer) */
    char *context, *answer_schema;         /* checked JSON, or NULL */
    bool has_pointer;
};
struct fnd_staged_artifact {
    char *name, *media_type; /* media_type "" if not given */
    char *bytes;
    size_t size;
};

/** What a visit did. Owned; `= {0}`, fnd_effects_finish() frees it. */
struct fnd_effects {
    foundry_outcome_t outcome; /* FOUNDRY_DONE … or, at the plugin's end, a FOUNDRY_E_ status */
    char *output;              /* JSON text, NUL-ended; NULL: nothing was set, which counts as {} */
    size_t output_size;
    struct fnd_confidence *confidences;
    struct fnd_origin *origins;
    struct fnd_question *questions;
    struct fnd_staged_artifact *artifacts;
    size_t confidences_count, origins_count, questions_count, artifacts_count;
    /* the failure, from fail() or from the host's own note of the last service that failed */
    char *code, *message, *pointer; /* NULL without failure */
    uint64_t retry_after_ms;
    struct fnd_text
        log; /* lines "LEVEL text\n", LEVEL one of D I W E; control characters escaped */
    size_t log_lines, log_lines_dropped;
};
void fnd_effects_finish(struct fnd_effects *effects);

/** Where handles are kept after their end, and memory for the next call. One for each thread that
 *  begins calls. */
struct fnd_calls;
struct fnd_calls *fnd_calls_create(void);
/** Frees the kept handles too: no plugin code may run any more. NULL is fine. */
void fnd_calls_destroy(struct fnd_calls *calls);

/** Live services around a call; any of them may be NULL. `context` goes to each. [any thread] */
struct fnd_call_live {
    void (*progress)(void *context, double fraction, const char *note);
    bool (*cancelled)(void *context);
    /* A trainer's checkpoint, to be kept whatever becomes of the call; NULL: it is dropped. */
    void (*keep)(void *context, const char *bytes, size_t size);
    /* Takes a finished log line ("I text\n", escaped) in place of effects->log. */
    void (*log)(void *context, const char *line, size_t size);
    void *context;
    struct fnd_calls *calls; /* borrowed; NULL: a handle is freed at its end */
};

/** A call under way; what a plugin knows as foundry_call_t. Opaque. */
struct foundry_call;

/** Begin a call.
 *  config_schema  borrowed; CONFIG reads outside it are INVALID; NULL: any.
 *  effects        filled while the call runs, and by fnd_call_end(); `= {0}` before. */
struct foundry_call *fnd_call_begin(const struct fnd_call_input *input,
                                    const struct fnd_schema *config_schema,
                                    const struct fnd_call_live *live, struct fnd_effects *effects);
/** End it with what the plugin's function returned: turns a status into an outcome, supplies code
 *  and message where the plugin gave none, PAUSE without a question into a fault of the plugin
 *  ("pause_without_question"), drops what the outcome drops (see plugin.h, Effects), and kills the
 *  handle: services called later on it return FOUNDRY_E_INVALID as long as its memory is kept.
 *  The last FND_CALLS_DEAD_KEPT handles stay for that in live->calls. */
enum { FND_CALLS_DEAD_KEPT = 64 };
void fnd_call_end(struct foundry_call *call, foundry_outcome_t returned);

/** The services table; static. */
const foundry_host_t *fnd_host_table(void);

/** Check effects as hostile input, whoever staged them: UTF-8, JSON, limits, pointers of
 *  confidences and origins lead to values of the output, scores within 0..1, the output meets
 *  `output_schema` (NULL: any), questions' pointers lead to where `subject`, when it is
 *  given, has a value or could get one.
 *  Returns FND_OK; FND_PLUGIN with a code ("invalid_output", …) and a message that names pointer
 *  and rule. */
enum fnd_status fnd_effects_check(const struct fnd_effects *effects,
                                  const struct fnd_schema *output_schema, struct fnd_json subject,
                                  struct fnd_error *error);

/** Append the marks as JSON, in the order they were set (the last of a pointer counts):
 *  {"confidence":{pointer:score…},"origin":{pointer:{"artifact","page","x","y","width","height"}…}}
 *  a part that is empty is left out; nothing is appended if both are. Scores are printed with the
 *  fewest digits that read back to the same double. */
void fnd_effects_marks(const struct fnd_effects *effects, struct fnd_text *json);

/* --- the wire form, between engine and worker (host/codec.c) --------------------------------- */

/** Append input / effects in binary: fields with a length before each, integers little-endian.
 *  Artifacts of an input go without descriptors (those follow by SCM_RIGHTS, in order). */
void fnd_call_input_encode(const struct fnd_call_input *input, struct fnd_text *wire);
void fnd_effects_encode(const struct fnd_effects *effects, struct fnd_text *wire);
/** Read them back. The bytes are hostile: every length is checked, JSON is checked.
 *  input    its texts point into `wire`; `artifacts` is malloc'ed and the caller's to free, fds -1.
 *  Returns FND_OK or FND_INVALID. */
enum fnd_status fnd_call_input_decode(const char *wire, size_t size, struct fnd_call_input *input,
                                      struct fnd_error *error);
enum fnd_status fnd_effects_decode(const char *wire, size_t size, struct fnd_effects *effects,
                                   struct fnd_error *error);
/** The list of artifacts that fnd_call_input_decode() made, to fill in descriptors and to free. */
struct fnd_call_artifact *fnd_call_input_artifacts(const struct fnd_call_input *decoded);
/** Whether the bytes are whole lines as effects->log has them, at most FND_LOG_LINES_MAX. */
bool fnd_log_lines_valid(const char *bytes, size_t size);

#endif
