/* SPDX-License-Identifier: MIT */
/* Walks and counts. */
#include <assert.h>
#include <inttypes.h>

#include "store/reader_internal.h"

static int64_t limit_of(const struct fnd_walk *walk)
{
    return walk->limit < INT64_MAX ? (int64_t)walk->limit : INT64_MAX;
}

/* What a walk over a prepared statement calls for each row; false stops it. */
struct visit {
    bool (*row)(sqlite3_stmt *statement, const struct visit *visit);
    union {
        bool (*step)(const struct fnd_step_row *row, void *context);
        bool (*job)(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context);
        bool (*request)(const struct fnd_request_row *row, void *context);
        bool (*correction)(const struct fnd_correction_row *row, void *context);
        bool (*event)(const struct fnd_event_row *row, void *context);
    } call;
    void *context;
};

/* Takes the statement: it is released in any case. */
static enum fnd_status visit_all(struct fnd_reader *reader, sqlite3_stmt *statement,
                                 const struct visit *visit, struct fnd_error *error)
{
    int rc = sqlite3_step(statement);
    while (rc == SQLITE_ROW && visit->row(statement, visit)) {
        rc = sqlite3_step(statement);
    }
    enum fnd_status status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

static bool visit_step(sqlite3_stmt *statement, const struct visit *visit)
{
    struct fnd_step_row row;
    fnd_step_from(statement, 0, &row);
    return visit->call.step(&row, visit->context);
}

enum fnd_status fnd_steps_walk(struct fnd_reader *reader, enum fnd_state state,
                               const struct fnd_walk *walk,
                               bool (*row)(const struct fnd_step_row *row, void *context),
                               void *context, struct fnd_error *error)
{
    enum fnd_reader_statement which = (int)state <= FND_STATES_LIVE_MAX ? WALK_STEPS_LIVE
                                      : state == FND_COMPLETED          ? WALK_STEPS_COMPLETED
                                                                        : WALK_STEPS_STOPPED;
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int(statement, 1, (int)state);
    sqlite3_bind_int64(statement, 2, walk->after);
    sqlite3_bind_int64(statement, 3, limit_of(walk));
    const struct visit visit = {.row = visit_step, .call.step = row, .context = context};
    return visit_all(reader, statement, &visit, error);
}

static bool visit_job(sqlite3_stmt *statement, const struct visit *visit)
{
    struct fnd_job_row job;
    struct fnd_step_row step;
    fnd_job_from(statement, 0, &job);
    fnd_step_from(statement, sqlite3_column_count(statement) - FND_STEP_COLUMNS_COUNT, &step);
    bool more = visit->call.job(&job, &step, visit->context);
    fnd_job_row_finish(&job);
    return more;
}

enum fnd_status fnd_jobs_walk(struct fnd_reader *reader, const struct fnd_job_filter *filter,
                              const struct fnd_walk *walk,
                              bool (*row)(const struct fnd_job_row *job,
                                          const struct fnd_step_row *step, void *context),
                              void *context, struct fnd_error *error)
{
    bool live = filter->state >= 0 && filter->state <= FND_STATES_LIVE_MAX;
    sqlite3_stmt *statement = NULL;
    enum fnd_status status =
        fnd_reader_use(reader, live ? WALK_JOBS_LIVE : WALK_JOBS, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, walk->after);
    if (filter->pipeline != NULL) {
        sqlite3_bind_text(statement, 2, filter->pipeline, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int(statement, 3, filter->state);
    sqlite3_bind_int64(statement, 4, limit_of(walk));
    const struct visit visit = {.row = visit_job, .call.job = row, .context = context};
    return visit_all(reader, statement, &visit, error);
}

static bool visit_request(sqlite3_stmt *statement, const struct visit *visit)
{
    struct fnd_request_row row;
    fnd_request_from(statement, &row);
    return visit->call.request(&row, visit->context);
}

enum fnd_status fnd_requests_walk(struct fnd_reader *reader, enum fnd_request_state state,
                                  const struct fnd_walk *walk,
                                  bool (*row)(const struct fnd_request_row *row, void *context),
                                  void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(
        reader, state == FND_REQUEST_OPEN ? WALK_REQUESTS_OPEN : WALK_REQUESTS, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int(statement, 1, (int)state);
    sqlite3_bind_int64(statement, 2, walk->after);
    sqlite3_bind_int64(statement, 3, limit_of(walk));
    const struct visit visit = {.row = visit_request, .call.request = row, .context = context};
    return visit_all(reader, statement, &visit, error);
}

static bool visit_correction(sqlite3_stmt *statement, const struct visit *visit)
{
    struct fnd_correction_row row;
    fnd_correction_from(statement, &row);
    row.pin = sqlite3_column_int64(statement, FND_CORRECTION_COLUMNS_COUNT);
    return visit->call.correction(&row, visit->context);
}

enum fnd_status fnd_corrections_walk(struct fnd_reader *reader, const struct fnd_walk *walk,
                                     bool (*row)(const struct fnd_correction_row *row,
                                                 void *context),
                                     void *context, struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_CORRECTIONS, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, walk->after);
    sqlite3_bind_int64(statement, 2, limit_of(walk));
    const struct visit visit = {
        .row = visit_correction, .call.correction = row, .context = context};
    return visit_all(reader, statement, &visit, error);
}

static bool visit_event(sqlite3_stmt *statement, const struct visit *visit)
{
    struct fnd_event_row row;
    fnd_event_from(statement, 0, &row);
    return visit->call.event(&row, visit->context);
}

/* The event that a step's walk begins with: the step's last one, or the one before `after`. */
static enum fnd_status newest_of(struct fnd_reader *reader, int64_t step, int64_t after,
                                 int64_t *event, struct fnd_error *error)
{
    if (after != 0) {
        struct fnd_event_row row;
        enum fnd_status status = fnd_event_get(reader, after, &row, error);
        if (status == FND_OK && row.step != step) {
            status = fnd_error_set(error, FND_INVALID,
                                   "event %" PRId64 " is not one of step %" PRId64, after, step);
        }
        if (status == FND_OK) {
            *event = row.prev;
        }
        return status;
    }
    struct fnd_step_row row;
    enum fnd_status status = fnd_step_get(reader, step, &row, error);
    if (status == FND_OK) {
        *event = row.event;
    }
    return status;
}

/* By `prev`, newest first; in one snapshot, as the calls inside are several. */
static enum fnd_status walk_step(struct fnd_reader *reader, int64_t step,
                                 const struct fnd_walk *walk,
                                 bool (*row)(const struct fnd_event_row *row, void *context),
                                 void *context, struct fnd_error *error)
{
    int64_t next = 0;
    enum fnd_status status = newest_of(reader, step, walk->after, &next, error);
    for (size_t i = 0; status == FND_OK && next != 0 && i < walk->limit; i++) {
        struct fnd_event_row event;
        status = fnd_event_get(reader, next, &event, error);
        if (status == FND_OK && (event.step != step || event.prev >= event.id)) {
            status =
                fnd_error_set(error, FND_DAMAGED,
                              "the history of step %" PRId64 " in %s is broken at event %" PRId64
                              "; `foundry-engine verify` lists what is damaged",
                              step, reader->path, next);
        }
        if (status != FND_OK || !row(&event, context)) {
            break;
        }
        next = event.prev;
    }
    return status;
}

enum fnd_status fnd_events_walk(struct fnd_reader *reader, int64_t step,
                                const struct fnd_walk *walk,
                                bool (*row)(const struct fnd_event_row *row, void *context),
                                void *context, struct fnd_error *error)
{
    if (step != 0) {
        return walk_step(reader, step, walk, row, context, error);
    }
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, WALK_EVENTS, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, walk->after);
    sqlite3_bind_int64(statement, 2, limit_of(walk));
    const struct visit visit = {.row = visit_event, .call.event = row, .context = context};
    return visit_all(reader, statement, &visit, error);
}

/* --- counts -------------------------------------------------------------------------------- */

/* Rows of (state, count); or one row of a count, which goes to the first place. */
static enum fnd_status add_counts(struct fnd_reader *reader, enum fnd_reader_statement which,
                                  const char *pipeline, int64_t counts[FND_CANCELLED + 1],
                                  struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = fnd_reader_use(reader, which, &statement, error);
    if (status != FND_OK) {
        return status;
    }
    if (pipeline != NULL) {
        sqlite3_bind_text(statement, 1, pipeline, -1, SQLITE_STATIC);
    }
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int last = sqlite3_column_count(statement) - 1;
        int64_t state = last > 0 ? sqlite3_column_int64(statement, 0) : 0;
        if (state >= 0 && state <= FND_CANCELLED) {
            counts[state] += sqlite3_column_int64(statement, last);
        }
    }
    status = fnd_reader_stepped(reader, rc, error);
    fnd_reader_release(reader, statement);
    return status;
}

/* Completed jobs are the many; they are what is left when the others, which have indexes, are
 * taken from all. */
static enum fnd_status count_all(struct fnd_reader *reader, int64_t counts[FND_CANCELLED + 1],
                                 struct fnd_error *error)
{
    int64_t all[FND_CANCELLED + 1] = {0};
    enum fnd_status status = add_counts(reader, COUNT_JOBS, NULL, all, error);
    if (status == FND_OK) {
        status = add_counts(reader, COUNT_LIVE, NULL, counts, error);
    }
    if (status == FND_OK) {
        status = add_counts(reader, COUNT_STOPPED, NULL, counts, error);
    }
    counts[FND_COMPLETED] = all[0];
    for (int state = 0; state <= FND_CANCELLED; state++) {
        counts[FND_COMPLETED] -= state != FND_COMPLETED ? counts[state] : 0;
    }
    return status;
}

enum fnd_status fnd_jobs_count(struct fnd_reader *reader, const char *pipeline,
                               int64_t counts[FND_CANCELLED + 1], struct fnd_error *error)
{
    int64_t found[FND_CANCELLED + 1] = {0};
    bool held = reader->held;
    enum fnd_status status = FND_OK;
    if (pipeline != NULL) {
        status = add_counts(reader, COUNT_PIPELINE, pipeline, found, error);
    } else {
        if (!held) { /* three statements must see one state */
            status = fnd_reader_begin(reader, error);
        }
        if (status == FND_OK) {
            status = count_all(reader, found, error);
        }
        if (!held) {
            fnd_reader_end(reader);
        }
    }
    for (int state = 0; state <= FND_CANCELLED && status == FND_OK; state++) {
        counts[state] = found[state];
    }
    return status;
}
