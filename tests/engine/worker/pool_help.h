/* SPDX-License-Identifier: MIT */
/* A pool over fixture plugins, for the tests of this room. */
#ifndef POOL_HELP_H
#define POOL_HELP_H

#include "worker/pool.h"

/** Where a test's calls run: tests of workers are built for each isolation that makes one. */
#ifndef PLACE
#define PLACE FND_ISOLATION_PROCESS
#endif

/** A fixture's file, open, with a callee for one of its phases or detectors. */
struct fixture {
    struct fnd_callee callee;
    char path[4096];
};
/** file: below the build folder, "tests/plugins/noop.so". isolation as given; no limits. */
void fixture_open(struct fixture *fixture, const char *file, const char *id, const char *name,
                  enum fnd_isolation isolation);
void fixture_close(struct fixture *fixture);

struct fnd_pool *pool_open(size_t workers_max);
/** A call with this config (an object) and a RUN that fits. timeout_ms 0: none. */
struct fnd_pool_call call_make(const struct fixture *fixture, const char *config,
                               int64_t timeout_ms);
void call_finish(struct fnd_pool_call *call);

/** Turn until `count` calls ended, at most limit_ms of real time; the ended ones, as collected. */
struct fnd_pool_call *pool_until(struct fnd_pool *pool, size_t count, int64_t limit_ms);
/** Submit one call and wait for its end, at most 20 s. */
void pool_run(struct fnd_pool *pool, struct fnd_pool_call *call);

/** A path below the build folder. malloc'ed. */
char *built(const char *file);
int64_t real_ms(void);

#endif
