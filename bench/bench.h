/* SPDX-License-Identifier: MIT */
/* What the parts of foundry-bench share: the real engine over one job directory. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "run/engine.h"

struct bench {
    struct fnd_engine *engine;
    int64_t pin;
    size_t outputs;           /* phase outputs on disk so far */
    size_t kill_at;           /* so many, and the process dies of SIGKILL; 0: never */
    int64_t first_us, end_us; /* the first and the last of them, monotonic clock */
};

int64_t bench_now_us(void);
/** End with a message unless `status` is FND_OK. */
void bench_must(enum fnd_status status, const char *what, const struct fnd_error *error);
/** Open DIR and pin PIPELINE; ends the process with a message when that fails. */
void bench_open(struct bench *bench, const char *directory, const char *pipeline,
                enum fnd_isolation isolation, size_t workers, size_t flight);
/** Turn and wait until nothing can move. */
void bench_settle(struct bench *bench);
/** The greatest resident set of this process, KiB. */
long bench_rss_kib(void);

int bench_answers(int argc, char **argv); /* answers.c */
int bench_fill(int argc, char **argv);    /* fill.c */

#endif
