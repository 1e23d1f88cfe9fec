/* SPDX-License-Identifier: MIT */
/* What the files behind reader.h share. */
#ifndef FND_STORE_READER_INTERNAL_H
#define FND_STORE_READER_INTERNAL_H

#include "store/db.h"
#include "store/reader.h"
#include "store/seal.h"

#define FND_STEP_COLUMNS                                                                           \
    "step.id, step.job, step.item, step.state, step.phase, step.attempt, step.failures, step.due," \
    " step.event, step.pin, step.outputs"
#define FND_JOB_COLUMNS                                                                            \
    "job.id, job.pin, job.uuid, job.pipeline, job.path, job.revision, job.created"
#define FND_EVENT_COLUMNS                                                                          \
    "id, at, step, prev, ref, kind, phase, attempt, level, state, next_phase, next_attempt,"       \
    " failures, due"
#define FND_REQUEST_COLUMNS "id, step, closed, phase, version, state"
/* Of the tables that FND_ASK_TABLES joins. */
#define FND_ASK_COLUMNS                                                                            \
    "request.id, request.step, request.closed, request.phase, request.version, request.state,"     \
    " step.job, request.asked, request.due, request.next, request.remind_ms, request.due_ms,"      \
    " request.fence, coalesce(lease.until, 0), request.snoozed, request.reopened, request.stage,"  \
    " request.\"group\", request.holder"
/* `from`: "request", with the index that gives its order: an index of a condition that is an
 * equality looks better to the optimizer than the one that spares it a sort of every open row. */
#define FND_ASK_TABLES(from)                                                                       \
    " FROM " from " CROSS JOIN step ON step.id = request.step"                                     \
    " LEFT JOIN lease ON lease.request = request.id"
/* A request with its job and the bodies of both, and the rules that hold for its questions. */
#define FND_LINE_COLUMNS                                                                           \
    FND_ASK_COLUMNS ", " FND_JOB_COLUMNS ","                                                       \
                    " at_ask.digest, asked.key, asked.body, asked.meta,"                           \
                    " at_job.digest, came.key, came.body, came.meta,"                              \
                    " (SELECT group_concat(answer) FROM (SELECT rule.answer FROM twin JOIN rule"   \
                    " ON rule.fingerprint = twin.fingerprint AND rule.state = 0"                   \
                    " WHERE twin.request = request.id ORDER BY twin.question))"
#define FND_LINE_TABLES(from)                                                                      \
    FND_ASK_TABLES(from)                                                                           \
    " CROSS JOIN job ON job.id = step.job CROSS JOIN event AS at_ask ON at_ask.id = request.id"    \
    " LEFT JOIN payload AS asked ON asked.event = request.id"                                      \
    " CROSS JOIN event AS at_job ON at_job.id = job.id"                                            \
    " LEFT JOIN payload AS came ON came.event = job.id"
#define FND_ASK_CLOSED                                                                             \
    " WHERE request.state = ?1 AND ?2 = ?2 AND request.id > ?3"                                    \
    " AND (?4 IS NULL OR request.\"group\" = ?4) AND (?5 IS NULL OR job.pipeline = ?5)"            \
    " AND (?6 = 0 OR job.id = ?6) AND ?7 = 0 ORDER BY request.id LIMIT ?8"
#define FND_ASK_OPEN                                                                               \
    " WHERE request.state = 0 AND ?1 = 0 AND (request.due, request.id) > (?2, ?3)"                 \
    " AND (?4 IS NULL OR request.\"group\" = ?4) AND (?5 IS NULL OR job.pipeline = ?5)"            \
    " AND (?6 = 0 OR job.id = ?6)"                                                                 \
    " AND (?7 = 0 OR (coalesce(lease.until, 0) <= ?7 AND request.snoozed <= ?7))"                  \
    " ORDER BY request.due, request.id LIMIT ?8"
#define FND_RULE_COLUMNS                                                                           \
    "rule.answer, rule.question, rule.fingerprint, rule.request, rule.state, rule.ended,"          \
    " (SELECT count(*) FROM settled JOIN correction ON correction.id = settled.correction"         \
    " WHERE settled.rule = rule.answer AND correction.undone = 0)"
/* True of a request whose every question has a rule that is younger than its last reopening. A rule
 * counts for twins of the request that it came from, never for that request itself. */
#define FND_TWIN_HOLDS                                                                             \
    "EXISTS(SELECT 1 FROM twin WHERE twin.request = request.id)"                                   \
    " AND NOT EXISTS(SELECT 1 FROM twin WHERE twin.request = request.id AND NOT EXISTS("           \
    "SELECT 1 FROM rule WHERE rule.fingerprint = twin.fingerprint AND rule.state = 0"              \
    " AND rule.answer > request.reopened AND rule.request <> request.id))"
#define FND_OUTBOX_COLUMNS "id, event, hook, pin, at, state, tries, next, note"
#define FND_MODEL_COLUMNS                                                                          \
    "id, training, pipeline, name, version, hash, size, state, decided, replaced"
#define FND_TRAINING_COLUMNS                                                                       \
    "id, pipeline, model, version, attempt, until, state, began, ended, last, checkpoint,"         \
    " checkpoint_size"
#define FND_CORRECTION_COLUMNS                                                                     \
    "correction.id, correction.step, correction.request, correction.output, correction.phase,"     \
    " correction.tier, correction.verdict, correction.undone"
/* A CorrectionRecord with its job, the time of its answer, four bodies, and the event before the
 * request, mostly the output that was asked about. */
#define FND_RECORD_COLUMNS                                                                         \
    FND_CORRECTION_COLUMNS ", " FND_JOB_COLUMNS ", at_answer.at,"                                  \
                           " at_answer.digest, answer.key, answer.body, answer.meta,"              \
                           " at_ask.digest, asked.key, asked.body, asked.meta,"                    \
                           " at_job.digest, came.key, came.body, came.meta,"                       \
                           " at_output.digest, put.key, put.body, put.meta,"                       \
                           " at_said.id, at_said.digest, said.key, said.body, said.meta"
/* A row for each record, whatever is missing of it: then one that goes on to the next never passes
 * over many that are damaged. */
#define FND_RECORD_TABLES                                                                          \
    " FROM correction LEFT JOIN step ON step.id = correction.step"                                 \
    " LEFT JOIN job ON job.id = step.job"                                                          \
    " LEFT JOIN event AS at_answer ON at_answer.id = correction.id"                                \
    " LEFT JOIN payload AS answer ON answer.event = correction.id"                                 \
    " LEFT JOIN event AS at_ask ON at_ask.id = correction.request"                                 \
    " LEFT JOIN payload AS asked ON asked.event = correction.request"                              \
    " LEFT JOIN event AS at_job ON at_job.id = job.id"                                             \
    " LEFT JOIN payload AS came ON came.event = job.id"                                            \
    " LEFT JOIN event AS at_output ON at_output.id = correction.output"                            \
    " LEFT JOIN payload AS put ON put.event = correction.output"                                   \
    " LEFT JOIN event AS at_said ON at_said.id = at_ask.prev"                                      \
    " LEFT JOIN payload AS said ON said.event = at_ask.prev"
enum {
    FND_STEP_COLUMNS_COUNT = 11,
    FND_EVENT_COLUMNS_COUNT = 14,
    FND_JOB_COLUMNS_COUNT = 7,
    FND_CORRECTION_COLUMNS_COUNT = 8,
    FND_PAYLOAD_COLUMNS_COUNT = 4
};

enum fnd_reader_statement {
    READ_ANY,
    READ_STEP,
    READ_JOB,
    READ_JOB_IDENTITY,
    READ_JOB_BELOW,
    READ_JOB_UUID,
    READ_EVENT,
    READ_REQUEST,
    READ_REQUEST_OF,
    READ_CORRECTION,
    READ_RECORD,
    READ_PIN_HASH,
    READ_PIN,
    READ_PIN_LATEST,
    READ_PAYLOAD,
    READ_HEAD,
    READ_DUE,
    READ_STEP_EVENT,
    WALK_STEPS_LIVE,
    WALK_STEPS_STOPPED,
    WALK_STEPS_COMPLETED,
    WALK_JOBS,
    WALK_JOBS_LIVE,
    WALK_REQUESTS,
    WALK_REQUESTS_OPEN,
    WALK_CORRECTIONS,
    WALK_EVENTS,
    COUNT_LIVE,
    COUNT_STOPPED,
    COUNT_JOBS,
    COUNT_PIPELINE,
    READ_ASK,
    WALK_ASKS,
    WALK_ASKS_OPEN,
    WALK_LINES,
    WALK_LINES_OPEN,
    WALK_LINES_JOB,
    WALK_ASKS_DUE,
    READ_ASKS_NEXT,
    READ_DRAFT,
    READ_DRAFT_LATEST,
    WALK_RULES,
    READ_RULE,
    READ_TWIN,
    READ_TWINS_OPEN,
    READ_TWINS_COUNT,
    READ_RULE_MADE,
    READ_SETTLED_REVOKED,
    WALK_OUTBOX,
    WALK_OUTBOX_DUE,
    READ_OUTBOX_NEXT,
    READ_MODEL,
    READ_PRODUCTION,
    READ_TRAINING,
    READ_TRAINING_LATEST,
    WALK_MODELS,
    WALK_TRAININGS,
    WALK_SHADOWS,
    WALK_PIPELINES,
    FIND_PATH,
    FIND_END,
    FIND_RECENT,
    READER_STATEMENTS
};

struct fnd_reader {
    struct fnd_db db;
    int directory, folder;
    char *path;
    bool held;             /* fnd_reader_begin() */
    sqlite3_stmt *holding; /* fnd_reader_hold(): a row is read, and the statement not at its end */
    bool at_rest;          /* opened as a record that nobody writes: it may have it to itself */
    sqlite3_stmt *statements[READER_STATEMENTS];
    size_t used;         /* of the statements, last */
    int64_t record_at;   /* the record whose row READ_RECORD stands at; 0: it is not under way */
    int64_t record_said; /* the event whose content, in that row, is what was recorded; 0: none */
};

/** A reader over a connection that is somebody else's, who lends it and what else it is told of. */
struct fnd_reader *fnd_reader_wrap(const struct fnd_db *db, int directory, int folder, char *path);
/** Before that connection is closed. NULL is fine. */
void fnd_reader_unwrap(struct fnd_reader *reader);

/** What a statement says: for tests of what SQLite makes of it. */
const char *fnd_reader_sql(enum fnd_reader_statement which);
/** A statement, prepared at its first use and kept; a fresh one while the kept one is in use
 *  further up the stack. */
enum fnd_status fnd_reader_use(struct fnd_reader *reader, enum fnd_reader_statement which,
                               sqlite3_stmt **statement, struct fnd_error *error);
/** Give it back: reset, so that no read transaction stays. NULL is fine. */
void fnd_reader_release(struct fnd_reader *reader, sqlite3_stmt *statement);

/** Let READ_RECORD end, which fnd_record_get() leaves at its row under a snapshot. */
void fnd_record_rest(struct fnd_reader *reader);

/** After a step: FND_OK at SQLITE_DONE and SQLITE_ROW, else the story. */
enum fnd_status fnd_reader_stepped(struct fnd_reader *reader, int rc, struct fnd_error *error);

/* Rows out of columns, from `first` on. */
void fnd_step_from(sqlite3_stmt *statement, int first, struct fnd_step_row *row);
void fnd_job_from(sqlite3_stmt *statement, int first, struct fnd_job_row *row);
void fnd_event_from(sqlite3_stmt *statement, int first, struct fnd_event_row *row);
void fnd_request_from(sqlite3_stmt *statement, struct fnd_request_row *row);
void fnd_correction_from(sqlite3_stmt *statement, struct fnd_correction_row *row);
/** Append a payload out of the columns digest, key, body, meta, checked; body, meta may be NULL. */
enum fnd_status fnd_payload_from(struct fnd_reader *reader, sqlite3_stmt *found, int first,
                                 int64_t event, struct fnd_text *body, struct fnd_text *meta,
                                 struct fnd_error *error);
/* The same in parts, for several at once. What points into columns is good until the next step. */
/** The columns of a payload. Returns false where key is none of FND_KEY_SIZE bytes; NULL: there is
 *  no such row. */
bool fnd_payload_columns(sqlite3_stmt *found, int first, struct fnd_payload *payload);
/** Whether its digest, once made, is the one that was recorded. */
bool fnd_payload_recorded(sqlite3_stmt *found, int first, const struct fnd_payload *payload);
/** Append its parts; body, meta may be NULL. */
void fnd_payload_append(const struct fnd_payload *payload, struct fnd_text *body,
                        struct fnd_text *meta);

#endif
