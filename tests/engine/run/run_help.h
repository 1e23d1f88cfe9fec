/* SPDX-License-Identifier: MIT */
/* A job directory in a temporary folder, an engine over it with a clock that tests move, and a kind
 * whose visits do what the job's input says. */
#ifndef TEST_RUN_HELP_H
#define TEST_RUN_HELP_H

#include "run/engine.h"

struct bench {
    char folder[64], jobs[80], pipeline[96];
    struct fnd_env *env;
    struct fnd_engine *engine;
    struct fnd_engine_options options;
    bool inline_plugins; /* else in workers */
    int64_t pin;
    char last_message[256];
};

/** A folder with an empty job directory and the pipeline of phases one, two, three. */
void bench_begin(struct bench *bench);
void bench_end(struct bench *bench);
void bench_pipeline(struct bench *bench, const char *yaml);
/** Open, pin; ingest and resume are the test's. Aborts the test on an error. */
void bench_open(struct bench *bench);
void bench_close(struct bench *bench);
/** Ingest and resume, then turn until nothing is left that moves without the clock. */
struct fnd_ingest bench_run(struct bench *bench);
void bench_turn(struct bench *bench);
void bench_line(struct bench *bench, const char *file, const char *text); /* append a line */
/** Where the job of this path stands. */
struct fnd_step_row bench_step(struct bench *bench, const char *path);
/** How many events of a kind its step has. */
size_t bench_events(struct bench *bench, const char *path, enum fnd_event_kind kind);
int64_t bench_job(struct bench *bench, const char *path);

/** foundry/act: a visit does what the input's member of its phase's id says:
 *    "done"      output {"phase":id,"attempt":n}           "fail"   permanent fault
 *    "flaky:N"   transient fault until attempt N           "crash"  crash fault
 *    "ask"       pause with a question of the engine's      "hold"  held while `held` is set
 *  Without a member: done. */
extern const struct fnd_kind act_kind;
const struct fnd_kind *const *act_kinds(void);
extern bool act_held;
extern size_t act_visits;

#endif
