/* SPDX-License-Identifier: MIT */
/* A job directory, the real engine over it with the review room's kinds, plugins of this build, and
 * a person at a desk: what was asked, what is answered, what stands in the record. */
#ifndef TEST_REVIEW_DESK_H
#define TEST_REVIEW_DESK_H

#include "review/review.h"
#include "run/engine.h"

struct desk {
    char folder[64], jobs[96], plugins[96], pipeline[96], plugin_path[4096];
    struct fnd_env *env;
    struct fnd_engine *engine;
    struct fnd_engine_options options;
    const char *const *settings; /* -p */
    int64_t pin;
    char message[512]; /* of the last failure, hold or retry */
    struct fnd_answered answered;
    struct fnd_error error;
    struct fnd_text text; /* what the last desk_… gave out */
};

/** An empty directory; the clock stands still unless `system_clock`. */
void desk_begin(struct desk *desk, enum fnd_isolation isolation, bool system_clock);
/** Close; the record must verify. */
void desk_end(struct desk *desk);

/** Files of the job directory and beside the pipeline; %R in a pipeline is a file of tests/data, as
 *  JSON on one line. */
void desk_pipeline(struct desk *desk, const char *yaml, const char *data);
void desk_beside(struct desk *desk, const char *name, const char *text);
void desk_job(struct desk *desk, const char *name, const char *text);
void desk_line(struct desk *desk, const char *file, const char *line);

void desk_open(struct desk *desk); /* without a pin */
void desk_pin(struct desk *desk);  /* must succeed */
void desk_close(struct desk *desk);
/** Open if it is not, pin, resume, ingest, and turn until nothing moves. */
void desk_run(struct desk *desk);
/** Turn until nothing moves without the clock. */
void desk_rest(struct desk *desk);

int64_t desk_number(struct desk *desk, const char *path);
struct fnd_step_row desk_step(struct desk *desk, const char *path);
enum fnd_state desk_state(struct desk *desk, const char *path);
/** "job0 output0 ask1 answer1 output1": kinds and phases of a job's events, the oldest first. */
const char *desk_events(struct desk *desk, const char *path);
/** Output and meta of a phase by index. Valid until the next of these. */
const char *desk_output(struct desk *desk, const char *path, size_t phase);
const char *desk_meta(struct desk *desk, const char *path, size_t phase);
/** Body of the job's last event. */
const char *desk_last(struct desk *desk, const char *path);

/** The open request of a job, 0 if there is none. */
int64_t desk_request(struct desk *desk, const char *path);
/** Its questions' pointers (keys where a question has none), each followed by a space. */
const char *desk_asked(struct desk *desk, const char *path);
/** How the request looks to people. */
const char *desk_card(struct desk *desk, int64_t request);
/** The record of an answer. */
const char *desk_record(struct desk *desk, int64_t record);

/** Answer: texts are JSON or NULL; then turn until nothing moves. The rest is in desk->answered and
 *  desk->error. */
struct desk_answer {
    int64_t request;
    const char *values, *removed, *overrides, *reason, *by;
    int32_t if_version;
    int act;   /* FND_ANSWER_… */
    bool wait; /* --no-run */
};
enum fnd_status desk_answer(struct desk *desk, const struct desk_answer *answer);
/** The same for a job's open request, with values only. */
enum fnd_status desk_set(struct desk *desk, const char *path, const char *values);
/** "POINTER: MESSAGE" of each field that was refused, one a line. */
const char *desk_refused(struct desk *desk);

struct fnd_json desk_json(const char *text); /* aborts the test unless it is JSON */
bool desk_under_sanitizer(void);

#endif
