/* SPDX-License-Identifier: MIT */
/* Reading the record: a read-only connection for one thread, in any process, beside a live writer
 * or without one. Never checkpoints, never writes; no transaction outlives one call below unless
 * the call says so. */
#ifndef FND_STORE_READER_H
#define FND_STORE_READER_H

#include "base/text.h"
#include "store/store.h"

struct fnd_reader;

/** Open for reading. Returns FND_OK; FND_NOT_FOUND: no store here (message says how to make one);
 *  FND_INVALID: a newer schema; FND_DAMAGED; FND_IO. */
enum fnd_status fnd_reader_open(const char *directory, struct fnd_reader **reader,
                                struct fnd_error *error);
/** The same for who only looks and ends soon: it works on a full disk and where this user may not
 *  write, too. There it keeps an engine from beginning until it is closed, so whoever means to
 * start one in the same process must not use it. */
enum fnd_status fnd_reader_look(const char *directory, struct fnd_reader **reader,
                                struct fnd_error *error);
/** A further connection to the same record, for another thread; `reader` may be in use on its own.
 *  Returns FND_OK; FND_CONFLICT: `reader` was opened to look, and has the record to itself;
 *          FND_DAMAGED, FND_IO. */
enum fnd_status fnd_reader_again(const struct fnd_reader *reader, struct fnd_reader **again,
                                 struct fnd_error *error);
void fnd_reader_close(struct fnd_reader *reader);
int fnd_reader_directory(const struct fnd_reader *reader);    /* the job directory, borrowed */
int fnd_reader_folder(const struct fnd_reader *reader);       /* .foundry, borrowed */
const char *fnd_reader_path(const struct fnd_reader *reader); /* the job directory, absolute */

/** Hold one snapshot over several calls (a page of a listing, verify); keep it short. */
enum fnd_status fnd_reader_begin(struct fnd_reader *reader, struct fnd_error *error);
void fnd_reader_end(struct fnd_reader *reader);
/** Let the small reads that follow share one snapshot, and with it one lock on the log's index and
 *  one look at what others have written: for an act that reads a few rows one by one. It is no
 *  promise: where it cannot be had the reads do as they would, and tell what is wrong. To hold what
 *  is held, and to rest where nothing is held, are fine. The log cannot begin anew meanwhile, so
 *  rest before anything that waits. */
void fnd_reader_hold(struct fnd_reader *reader);
void fnd_reader_rest(struct fnd_reader *reader);

struct fnd_step_row {
    int64_t id, job, item; /* item FND_ITEM_NONE: plain, and then id == job */
    struct fnd_stand stand;
    int64_t event, pin; /* last event; pin it runs under (the job's, or a later upgrade's) */
    int64_t outputs[FND_PHASES_MAX]; /* event of each phase's output; 0: none */
    size_t outputs_count;
};

struct fnd_job_row {
    int64_t id, pin;
    uint8_t uuid[FND_UUID_SIZE];
    char *pipeline, *path; /* malloc'ed */
    int32_t revision;
    int64_t created_us;
};
void fnd_job_row_finish(struct fnd_job_row *row);

struct fnd_event_row {
    int64_t id, at_us, step, prev, ref;
    enum fnd_event_kind kind;
    int32_t phase, attempt, level;
    struct fnd_stand after;
};

#define FND_DUE_NONE INT64_MAX /* of a request's deadlines: never */
#define FND_DURATION_MAX_MS (INT64_C(100) * 366 * 24 * 3600 * 1000) /* of anything in a body */

struct fnd_request_row {
    int64_t id, step, closed; /* closed: the event that ended it, 0 while open */
    int32_t phase, version;   /* version counts from 1 */
    enum fnd_request_state { FND_REQUEST_OPEN, FND_REQUEST_ANSWERED, FND_REQUEST_WITHDRAWN } state;
};

struct fnd_correction_row {
    int64_t id, step, request, output; /* id: the ANSWER event; output: the OUTPUT event or 0 */
    int64_t undone;                    /* the UNDO that took it back; 0: it stands */
    int64_t pin; /* from fnd_corrections_walk(): of its job, 0 if its rows are damaged; else 0 */
    int32_t phase;
    enum fnd_tier tier;
    enum fnd_verdict verdict;
};

struct fnd_pin_row {
    int64_t id;
    uint8_t hash[FND_DIGEST_SIZE];
    char *pipeline; /* malloc'ed */
    int64_t oldest; /* from fnd_pin_latest(): the pipeline's first pin; else 0 */
};

/* Single rows. FND_NOT_FOUND when it is not there. */
enum fnd_status fnd_step_get(struct fnd_reader *reader, int64_t id, struct fnd_step_row *row,
                             struct fnd_error *error);
enum fnd_status fnd_job_get(struct fnd_reader *reader, int64_t id, struct fnd_job_row *row,
                            struct fnd_error *error);
/** By identity, newest revision. */
enum fnd_status fnd_job_find(struct fnd_reader *reader, const char *pipeline, const char *path,
                             struct fnd_job_row *row, struct fnd_error *error);
/** Whether a pipeline has jobs whose path begins with `prefix`, which ends in ASCII. */
enum fnd_status fnd_jobs_below(struct fnd_reader *reader, const char *pipeline, const char *prefix,
                               bool *any, struct fnd_error *error);
/** By what a person types: a UUID, a number, a path (with several pipelines: FND_CONFLICT, the
 *  message lists them), or the unique end of a path.  FND_NOT_FOUND with did-you-mean. */
enum fnd_status fnd_job_name(struct fnd_reader *reader, const char *name, struct fnd_job_row *row,
                             struct fnd_error *error);
enum fnd_status fnd_event_get(struct fnd_reader *reader, int64_t id, struct fnd_event_row *row,
                              struct fnd_error *error);
enum fnd_status fnd_request_get(struct fnd_reader *reader, int64_t id, struct fnd_request_row *row,
                                struct fnd_error *error);
/** The open request of a step, FND_NOT_FOUND if it has none. */
enum fnd_status fnd_request_of(struct fnd_reader *reader, int64_t step, struct fnd_request_row *row,
                               struct fnd_error *error);
enum fnd_status fnd_correction_get(struct fnd_reader *reader, int64_t id,
                                   struct fnd_correction_row *row, struct fnd_error *error);
enum fnd_status fnd_pin_find(struct fnd_reader *reader, const uint8_t hash[FND_DIGEST_SIZE],
                             struct fnd_pin_row *row, struct fnd_error *error);
enum fnd_status fnd_pin_get(struct fnd_reader *reader, int64_t id, struct fnd_pin_row *row,
                            struct fnd_error *error);
/** The newest pin of a pipeline by name. */
enum fnd_status fnd_pin_latest(struct fnd_reader *reader, const char *pipeline,
                               struct fnd_pin_row *row, struct fnd_error *error);

/** Append body and meta of an event (either may be NULL); the digest is checked.
 *  FND_NOT_FOUND: erased or none; FND_DAMAGED: the bytes are not what was recorded. */
enum fnd_status fnd_payload_get(struct fnd_reader *reader, int64_t event, struct fnd_text *body,
                                struct fnd_text *meta, struct fnd_error *error);

/** What stands behind a CorrectionRecord, but for the model's output, which the answer names. */
struct fnd_record_parts {
    struct fnd_correction_row correction;
    struct fnd_job_row job;
    int64_t at_us;                               /* of the answer */
    struct fnd_text answer, asked, came, output; /* bodies: of the ANSWER, the ASK, the JOB, and
                                                    the OUTPUT recorded with it, empty if none */
};
void fnd_record_parts_finish(struct fnd_record_parts *parts);
/** Read all of it at once, digests checked: an export asks for a million of them.
 *  parts  `= {0}`, or as an earlier call left it: its memory is taken again. Behind any status but
 *         FND_OK nothing in it counts.
 *  Returns FND_OK; FND_NOT_FOUND, without a message: not all of it is there as it was recorded;
 *          who asks for the parts one by one is told which; FND_DAMAGED, FND_IO. */
enum fnd_status fnd_record_get(struct fnd_reader *reader, int64_t correction,
                               struct fnd_record_parts *parts, struct fnd_error *error);
/** fnd_payload_get() of the output that a record's answer names, right behind fnd_record_get() of
 *  that record: mostly it was read along with it. */
enum fnd_status fnd_record_output(struct fnd_reader *reader, int64_t event, struct fnd_text *body,
                                  struct fnd_text *meta, struct fnd_error *error);

/* Walks: each calls `row` for up to `limit` rows in the order of their numbers, beginning behind
 * `after`, and stops early when it returns false. 0 rows is FND_OK. `count` may be NULL. */
struct fnd_walk {
    int64_t after;
    size_t limit;
};
/** Steps in one state, by number. Uses the index of live steps for states that can move. */
enum fnd_status fnd_steps_walk(struct fnd_reader *reader, enum fnd_state state,
                               const struct fnd_walk *walk,
                               bool (*row)(const struct fnd_step_row *row, void *context),
                               void *context, struct fnd_error *error);
/** Jobs with their step's stand (plain steps); pipeline NULL: all; state < 0: all. */
struct fnd_job_filter {
    const char *pipeline;
    int state;
};
enum fnd_status fnd_jobs_walk(struct fnd_reader *reader, const struct fnd_job_filter *filter,
                              const struct fnd_walk *walk,
                              bool (*row)(const struct fnd_job_row *job,
                                          const struct fnd_step_row *step, void *context),
                              void *context, struct fnd_error *error);
enum fnd_status fnd_requests_walk(struct fnd_reader *reader, enum fnd_request_state state,
                                  const struct fnd_walk *walk,
                                  bool (*row)(const struct fnd_request_row *row, void *context),
                                  void *context, struct fnd_error *error);
enum fnd_status fnd_corrections_walk(struct fnd_reader *reader, const struct fnd_walk *walk,
                                     bool (*row)(const struct fnd_correction_row *row,
                                                 void *context),
                                     void *context, struct fnd_error *error);
/** All events by number (step 0), or one step's, newest first (by the chain of `prev`). */
enum fnd_status fnd_events_walk(struct fnd_reader *reader, int64_t step,
                                const struct fnd_walk *walk,
                                bool (*row)(const struct fnd_event_row *row, void *context),
                                void *context, struct fnd_error *error);

/** Counts of plain steps by state; `pipeline` NULL: all. Live states come from the index. */
enum fnd_status fnd_jobs_count(struct fnd_reader *reader, const char *pipeline,
                               int64_t counts[FND_CANCELLED + 1], struct fnd_error *error);
/** When the next retrying step is due, wall clock; 0: none. */
enum fnd_status fnd_steps_due(struct fnd_reader *reader, int64_t *due_us, struct fnd_error *error);

/** Head of the chain: last event's number and chain value; 0 when empty. */
enum fnd_status fnd_reader_head(struct fnd_reader *reader, int64_t *sequence,
                                uint8_t chain[FND_DIGEST_SIZE], struct fnd_error *error);

#endif
