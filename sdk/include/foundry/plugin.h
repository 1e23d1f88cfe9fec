/* SPDX-License-Identifier: MIT
 *
 * foundry/plugin.h - the contract between Foundry and a plugin.
 *
 * A plugin is a shared object that exports one function, foundry_plugin_entry(), which returns
 * static data: the phases, detectors and trainers the plugin offers. Foundry calls them, in its own
 * process (`isolation: inline`) or in a worker process, by default a sandboxed one; a plugin cannot
 * tell the difference, but for what it may open and call.
 *
 * Rules that hold for everything below:
 *
 *   Text      is UTF-8, ended by NUL. A `ptr` is an RFC 6901 JSON pointer ("" is the whole
 *             document, "/line_items/0/quantity" a field of it).
 *   Memory    What the host gives is borrowed until the plugin's function returns. What a plugin
 *             gives is copied before the service returns. Neither side frees the other's memory.
 *   Effects   json_set, artifact_write, confidence_set, origin_set and clarify are staged. When
 *             the function returns FOUNDRY_DONE all of them are recorded with the checkpoint; on
 *             FOUNDRY_PAUSE only clarifications and artifacts; on anything else all are dropped,
 *             so that a retry starts clean. log and progress act at once.
 *   Threads   Services are called on the thread that the call came in on, unless marked [any].
 *             None may be used after the function has returned: the call is then dead.
 *   Place     A plugin keeps no host pointer, changes no working directory, environment, locale
 *             or signal handler, does not write to stdout and does not exit.
 *   ABI       Every struct begins with its size, so that it can grow at its end. Ask
 *             FOUNDRY_HAS(host, service), not a version number. While the major version is 0 the
 *             minor versions of host and plugin must match.
 *
 * The header compiles as C11 and later and as C++11 and later.
 */
#ifndef FOUNDRY_PLUGIN_H
#define FOUNDRY_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define FOUNDRY_EXPORT __attribute__((visibility("default")))
#else
#define FOUNDRY_EXPORT
#endif

/** One number out of two: 16 bits of major version, 16 bits of minor version. */
#define FOUNDRY_ABI(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
/** The ABI this header describes. */
#define FOUNDRY_ABI_CURRENT FOUNDRY_ABI(0, 1)

/** True when the host knows `service`: its table reaches the slot and the slot is filled. */
#define FOUNDRY_HAS(host, service)                                                                 \
    ((host)->struct_size >= offsetof(foundry_host_t, service) + sizeof((host)->service) &&         \
     (host)->service != NULL)

/** One visit of a job to a phase or detector. Opaque; dead when the plugin's function returns. */
typedef struct foundry_call foundry_call_t;

/** Did a host service work? Negative values are failures. */
typedef int32_t foundry_status_t;
enum {
    FOUNDRY_OK = 0,
    FOUNDRY_E_NOT_FOUND = -1, /* no such value, artifact or document at this visit */
    FOUNDRY_E_TYPE = -2,      /* the value is there and is of another type */
    FOUNDRY_E_INVALID = -3,   /* an argument breaks a rule: bad pointer, bad JSON, undeclared key */
    FOUNDRY_E_DENIED = -4,    /* the call may not do this: a detector writes, a grant is missing */
    FOUNDRY_E_LIMIT = -5,     /* a named limit of the host is reached */
    FOUNDRY_E_IO = -6,        /* reading or writing failed; a later try may work */
    FOUNDRY_E_NO_MEMORY = -7
};

/** What becomes of the job. A function may also return a foundry_status_t as it came:
 *  FOUNDRY_E_IO and FOUNDRY_E_NO_MEMORY are retried, every other failure is permanent. */
typedef int32_t foundry_outcome_t;
enum {
    FOUNDRY_DONE = 0,  /* record what was staged, go on */
    FOUNDRY_PAUSE,     /* wait for the answers to what clarify() asked, then call again */
    FOUNDRY_RETRYABLE, /* through fail(): a later try may work */
    FOUNDRY_PERMANENT, /* through fail(): no try will work */
    FOUNDRY_CANCELLED  /* cancelled() turned true and the call stopped */
};

/** The documents a call can read. */
enum {
    FOUNDRY_DOC_CONFIG = 0, /* the `with:` of the pipeline, defaults filled in, references resolved;
                               in create() only what does not change from job to job */
    FOUNDRY_DOC_SUBJECT,    /* detectors: the output under review */
    FOUNDRY_DOC_ANSWERS,    /* after FOUNDRY_PAUSE: an object, answers by clarification key */
    FOUNDRY_DOC_RUN /* {"job","phase","attempt","idempotency_key","deadline_ms","grant":{"write"}}:
                       job and idempotency_key are text; deadline_ms is what was left when the call
                       began; /grant/write is an absolute folder, there if it was granted. In a
                       trainer's call {"attempt","deadline_ms","training":{…}}: see
                       foundry_trainer_t */
};

/** How calls may overlap. Zero is the safe one. */
enum {
    FOUNDRY_SERIAL_INSTANCE = 0, /* one call at a time on an instance, on any thread */
    FOUNDRY_SERIAL_PROCESS,      /* one call at a time in the process: a library with globals */
    FOUNDRY_CONCURRENT           /* any number at once: the plugin locks */
};

/** Flags of a phase. */
enum {
    FOUNDRY_NOT_REPEATABLE = 1 /* after a crash inside it a person decides whether it runs again */
};

/** Levels of log(). */
enum { FOUNDRY_LOG_DEBUG = 0, FOUNDRY_LOG_INFO, FOUNDRY_LOG_WARNING, FOUNDRY_LOG_ERROR };

/** A question to a person; becomes part of a ClarificationRequest. */
typedef struct foundry_clarification {
    size_t struct_size;
    const char *key;           /* required; the same key on a re-run is the same question */
    const char *kind;          /* what sort of question, e.g. "LOW_CONFIDENCE", "LINK_PRODUCT" */
    const char *question;      /* required; a sentence for a person */
    const char *pointer;       /* the field asked about, or NULL: the document as a whole.
                                  Detectors: relative to SUBJECT, where there is a value or
                                  could be one */
    const char *context_json;  /* shown beside the question, or NULL */
    const char *answer_schema; /* JSON Schema that the answer must meet, or NULL */
} foundry_clarification_t;

/** Where a value was read: pixels of the page as it is displayed, from its top left corner. */
typedef struct foundry_origin {
    size_t struct_size;
    const char *artifact; /* name of the artifact, as artifact_read() takes it */
    uint32_t page;        /* from 0 */
    double x, y, width, height;
} foundry_origin_t;

/** What the host does for a plugin. Services return FOUNDRY_OK or a FOUNDRY_E_ status; on failure
 *  their results stay untouched, and the host notes document and pointer for the job's error. */
typedef struct foundry_host {
    size_t struct_size;
    uint32_t abi, reserved;

    /** The JSON text of the value at `ptr` in document `doc`: as it was written, numbers verbatim.
     *  CONFIG: reading a key the config schema does not declare is FOUNDRY_E_INVALID. */
    foundry_status_t (*json_get)(foundry_call_t *, int32_t doc, const char *ptr, const char **json);
    /** The text of a JSON string, decoded. FOUNDRY_E_TYPE if the value is no string. */
    foundry_status_t (*text_get)(foundry_call_t *, int32_t doc, const char *ptr, const char **text);
    /** The value of a JSON number. FOUNDRY_E_TYPE if the value is no number, FOUNDRY_E_LIMIT if no
     *  finite double is near it. */
    foundry_status_t (*number_get)(foundry_call_t *, int32_t doc, const char *ptr, double *value);
    /** How many members an object or items an array has. FOUNDRY_E_TYPE for anything else. */
    foundry_status_t (*size_get)(foundry_call_t *, int32_t doc, const char *ptr, size_t *count);
    /** The name of the index-th member of the object at `ptr`, in document order, decoded. */
    foundry_status_t (*key_get)(foundry_call_t *, int32_t doc, const char *ptr, size_t index,
                                const char **key);

    /** Set a value of the phase's output, which begins as {}. `ptr` "" replaces the whole output.
     *  Missing objects on the way are made; an array grows at its length or at "-".
     *  FOUNDRY_E_INVALID: `json` is no JSON text, or `ptr` leads through a scalar or past an
     *  array's end. FOUNDRY_E_DENIED in a detector. */
    foundry_status_t (*json_set)(foundry_call_t *, const char *ptr, const char *json);

    /** Artifacts are named byte strings: the job's input and what phases wrote. A plugin gets
     *  names from its config (`${input.file}`, another phase's output) and never sees a path. */
    foundry_status_t (*artifact_size)(foundry_call_t *, const char *name, uint64_t *size);
    /** A read-only descriptor positioned at 0, borrowed until the function returns; the plugin
     *  does not close it (dup() it to keep one). */
    foundry_status_t (*artifact_fd)(foundry_call_t *, const char *name, int32_t *fd);
    /** Read up to `capacity` bytes from `offset`; `*size` is what was read, 0 at the end. */
    foundry_status_t (*artifact_read)(foundry_call_t *, const char *name, uint64_t offset,
                                      void *bytes, size_t capacity, size_t *size);
    /** Stage an artifact. Put its name into the output for later phases to find it. */
    foundry_status_t (*artifact_write)(foundry_call_t *, const char *name, const char *media_type,
                                       const void *bytes, size_t size);

    /** The confidence of the output value at `ptr`, 0 (none) to 1 (certain). Stands beside the
     *  value, never inside it. FOUNDRY_E_INVALID: not within 0..1. */
    foundry_status_t (*confidence_set)(foundry_call_t *, const char *ptr, double score_0_to_1);
    /** Detectors: the confidence recorded for SUBJECT's value at `ptr`; NOT_FOUND: none was. */
    foundry_status_t (*confidence_get)(foundry_call_t *, const char *ptr, double *score_0_to_1);
    /** Where the output value at `ptr` was read. */
    foundry_status_t (*origin_set)(foundry_call_t *, const char *ptr, const foundry_origin_t *);
    /** Detectors: where SUBJECT's value at `ptr` was read. The caller sets struct_size first. */
    foundry_status_t (*origin_get)(foundry_call_t *, const char *ptr, foundry_origin_t *);

    /** Ask a person. A phase then returns FOUNDRY_PAUSE; a detector returns FOUNDRY_DONE, and its
     *  questions pause the job at the human phase that ran it. */
    foundry_status_t (*clarify)(foundry_call_t *, const foundry_clarification_t *);
    /** Say why this call fails, and return what it returns:
     *      return host->fail(call, FOUNDRY_PERMANENT, "no_text", "the page is empty", NULL, 0);
     *  `outcome` is FOUNDRY_RETRYABLE or FOUNDRY_PERMANENT. `code` is short and stable, `ptr` the
     *  config value concerned or NULL, `retry_after_ms` a hint for FOUNDRY_RETRYABLE or 0. */
    foundry_outcome_t (*fail)(foundry_call_t *, foundry_outcome_t outcome, const char *code,
                              const char *message, const char *ptr, uint64_t retry_after_ms);

    /** [any] How far this call is, for a person who waits. */
    void (*progress)(foundry_call_t *, double fraction_0_to_1, const char *note);
    /** [any] True once the call should stop: return FOUNDRY_CANCELLED within a second. */
    int32_t (*cancelled)(foundry_call_t *);
    /** [any] A line for the job's log, which people read with `foundry-engine logs`. */
    void (*log)(foundry_call_t *, int32_t level, const char *line);
} foundry_host_t;

/** A phase: from config (and what it references) to an output. */
typedef struct foundry_phase {
    size_t struct_size;
    const char *name;          /* `uses: PLUGIN/NAME`; lower case letters, digits, dashes */
    const char *summary;       /* one line */
    const char *config_schema; /* JSON Schema of `with:`; the host checks it and fills defaults.
                                  A leaf that may differ from job to job carries
                                  "x-foundry-per-job": true. NULL: takes no config */
    const char *output_schema; /* what process() writes, checked at each return; NULL: any JSON */
    const char *needs_json;    /* {"read": ["/usr/share/..."], "write": true, ...}: what the
                                  sandbox must open; all but /usr/share/ must be granted. NULL:
                                  nothing */
    uint32_t threads, flags;   /* FOUNDRY_SERIAL_INSTANCE ...; FOUNDRY_NOT_REPEATABLE or 0 */
    /** Make an instance from constant config. A create() that fails leaves nothing behind.
     *  NULL: no instance, process() sees self == NULL. */
    foundry_outcome_t (*create)(const foundry_host_t *, foundry_call_t *, void **self);
    foundry_outcome_t (*process)(void *self, const foundry_host_t *, foundry_call_t *);
    /** Only what create() made and called FOUNDRY_DONE. May be NULL. */
    void (*destroy)(void *self);
} foundry_phase_t;

/** A detector: reads SUBJECT, asks by clarify() where it doubts, writes nothing. */
typedef struct foundry_detector {
    size_t struct_size;
    const char *name, *summary, *config_schema;
    const char *needs_json;
    uint32_t threads, flags;
    foundry_outcome_t (*create)(const foundry_host_t *, foundry_call_t *, void **self);
    foundry_outcome_t (*detect)(void *self, const foundry_host_t *, foundry_call_t *);
    void (*destroy)(void *self);
    /** For whole batches of jobs; not called yet, leave it NULL. */
    foundry_outcome_t (*detect_batch)(void *self, const foundry_host_t *, foundry_call_t **calls,
                                      size_t count);
} foundry_detector_t;

/** A trainer: from examples to a model, in a process of its own, beside the jobs. A pipeline names
 *  it: `models: {NAME: {..., trainer: {uses: PLUGIN/NAME, with: {...}}}}`; CONFIG is that `with:`.
 *
 *  RUN has /training, with these members:
 *
 *    model, version    the model's name and the version that is to come
 *    seed              text of an unsigned 64-bit number; the only randomness there is
 *    examples          an artifact, see below
 *    previous          an artifact, the model in production; or null
 *    checkpoint        an artifact, what an earlier attempt of this very training kept; or null
 *
 *  The examples are JSON Lines in the order of their ids, one line a document: its last correction.
 *  What is set aside for evaluation is never among them. Each line is an object:
 *
 *    id, group         of the record; of what belongs together, as a supplier's documents do
 *    split             "train"
 *    tier              "gold" where a person answered, "silver" otherwise
 *    verdict           "accepted", "corrected" or "rejected"
 *    with              the learned phase's resolved config as it was; its artifacts have names that
 *                      artifact_read() takes in this call
 *    output            what the phase said; confidence and origin: of its values, by pointer
 *    human             what the person made of it; null where it was rejected
 *    reviewed          pointers of the fields that a person looked at; null: the whole document
 *    previous_model    which model said it, or null
 *
 *  train() writes the artifact "model" once. It may write the artifact "checkpoint" at any
 *  time: the last one is kept at once, whatever becomes of the call. By json_set() it says, if
 *  it can, /metrics (an object of numbers) and /calibration, a list of what it says of examples
 *  that it was not trained on: {"id", "ptr", "confidence": 0 to 1, "right": true or false,
 *  "group"}.
 *
 *  The same examples, config and seed give the same bytes. progress() notes are shown to people. */
typedef struct foundry_trainer {
    size_t struct_size;
    const char *name, *summary, *config_schema;
    const char *needs_json;
    uint32_t flags, reserved; /* 0 */
    foundry_outcome_t (*train)(const foundry_host_t *, foundry_call_t *);
} foundry_trainer_t;

/** What foundry_plugin_entry() returns. The first three fields hold in every major version. */
typedef struct foundry_plugin {
    size_t struct_size;
    uint32_t abi, abi_min; /* built against; oldest host that will do */
    const char *id;        /* `uses: ID/NAME`; lower case letters, digits, dashes, dots */
    const char *version, *summary;
    const foundry_phase_t *const *phases;       /* pointers, ended by NULL; NULL for none */
    const foundry_detector_t *const *detectors; /* pointers, ended by NULL; NULL for none */
    /* a plugin whose struct_size ends before this has none */
    const foundry_trainer_t *const *trainers; /* pointers, ended by NULL; NULL for none */
} foundry_plugin_t;

/** The one exported function: returns static data, has no side effects. `host_abi` is the host's
 *  FOUNDRY_ABI; return NULL to refuse it. */
FOUNDRY_EXPORT const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi);

#ifdef __cplusplus
}
#endif
#endif
