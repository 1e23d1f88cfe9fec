/* SPDX-License-Identifier: MIT */
/* A job directory in a folder of its own, and an engine over it on the system's clock. */
#ifndef TEST_STORM_PLACE_H
#define TEST_STORM_PLACE_H

#include <stdio.h>
#include <sys/types.h>

#include "review/review.h"
#include "run/engine.h"
#include "store/verify.h"

enum { PLACE_PATH_SIZE = 2048, PLACE_ACKS_MAX = 4096 };

struct place {
    char folder[64];
    char jobs[PLACE_PATH_SIZE], pipeline[PLACE_PATH_SIZE], plugin_path[PLACE_PATH_SIZE];
    struct fnd_engine_options options;
    struct fnd_engine *engine;
    int64_t pin;
    struct fnd_ingest counts;
    struct fnd_error error;               /* of the last call that failed */
    struct fnd_errors errors;             /* of the last pin */
    struct fnd_text refusals;             /* of the last ingest, a line each */
    struct fnd_news acks[PLACE_ACKS_MAX]; /* kind, job and event of what was acknowledged */
    size_t acks_count;
};

/** A phase that does next to nothing: steps/copy of the job's whole input, in line. */
extern const char place_plain[];

/** A folder with an empty job directory `jobs` and a pipeline. Aborts the test on an error, as all
 *  below that return nothing. */
void place_begin(struct place *place, const char *yaml);
void place_end(struct place *place);
void place_write(const struct place *place, const char *name, const char *text, size_t size);
enum fnd_status place_open(struct place *place); /* and pin */
void place_close(struct place *place);
/** resume, ingest, run to rest. The engine must be open. */
enum fnd_status place_run(struct place *place);
int64_t place_count(struct place *place, enum fnd_state state);
/** The record is sound, and every event in `acks` is on it. The engine may be open or not. */
void place_check(struct place *place);

/** Peak and present resident memory of this process in KiB; reset the peak. */
size_t memory_peak_kib(void);
size_t memory_kib(void);
void memory_peak_reset(void);
bool under_sanitizer(void);

/** A driver (driver.c) over the place's directory; `in` and `out` are its ends of ours. */
struct child {
    pid_t pid;
    FILE *out;
    int in;
};
void child_start(struct place *place, struct child *child, const char *option, const char *value);
/** Read lines until one begins with `word`; false when it ended before. */
bool child_says(struct child *child, const char *word);
/** Wait for the end: its exit code, or -signal. */
int child_end(struct child *child);

#endif
