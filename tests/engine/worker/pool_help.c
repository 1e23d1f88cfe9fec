/* SPDX-License-Identifier: MIT */
#include "pool_help.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *built(const char *file)
{
    const char *root = getenv("FOUNDRY_BUILD_ROOT");
    cr_assert_not_null(root, "the tests run by meson, which sets FOUNDRY_BUILD_ROOT");
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", root, file);
    return fnd_text_take(&path);
}

int64_t real_ms(void)
{
    return fnd_env_system()->monotonic_us(fnd_env_system()) / 1000;
}

void fixture_open(struct fixture *fixture, const char *file, const char *id, const char *name,
                  enum fnd_isolation isolation)
{
    memset(fixture, 0, sizeof *fixture);
    char *path = built(file);
    (void)snprintf(fixture->path, sizeof fixture->path, "%s", path);
    free(path);
    fixture->callee = (struct fnd_callee){.plugin = id,
                                          .name = name,
                                          .path = fixture->path,
                                          .isolation = isolation,
                                          .config_constant = {"{}", 2}};
    fixture->callee.fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fixture->callee.fd, 0, "cannot open %s", fixture->path);
    fnd_digest_setup();
    cr_assert_eq(fnd_sha256_fd(fixture->callee.fd, fixture->callee.hash, NULL), 0);
}

void fixture_close(struct fixture *fixture)
{
    (void)close(fixture->callee.fd);
}

struct fnd_pool *pool_open(size_t workers_max)
{
    char *program = built("engine/worker/foundry-worker");
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    const struct fnd_pool_options options = {.env = fnd_env_system(),
                                             .log = &quiet,
                                             .worker_program = program,
                                             .workers_max = workers_max};
    struct fnd_pool *pool = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_pool_create(&options, &pool, &error), FND_OK, "%s", error.message);
    free(program); /* the pool has its own copy */
    return pool;
}

struct fnd_pool_call call_make(const struct fixture *fixture, const char *config,
                               int64_t timeout_ms)
{
    static const char run[] = "{\"job\":\"j1\",\"phase\":\"p\",\"attempt\":1,"
                              "\"idempotency_key\":\"k\",\"deadline_ms\":1000}";
    return (struct fnd_pool_call){
        .callee = &fixture->callee,
        .input = {.detector = fixture->callee.kind == FND_CALLEE_DETECTOR,
                  .config = {config, strlen(config)},
                  .run = {run, sizeof run - 1}},
        .timeout_ms = timeout_ms,
    };
}

void call_finish(struct fnd_pool_call *call)
{
    fnd_effects_finish(&call->effects);
    fnd_text_finish(&call->noise);
}

struct fnd_pool_call *pool_until(struct fnd_pool *pool, size_t count, int64_t limit_ms)
{
    struct fnd_pool_call *all = NULL, **end = &all;
    const int64_t last_ms = real_ms() + limit_ms;
    fnd_pool_dispatch(pool);
    while (true) {
        *end = fnd_pool_collect(pool);
        for (; *end != NULL; end = &(*end)->next) {
            cr_assert_gt(count, 0, "more calls ended than were submitted");
            count--;
        }
        if (count == 0) {
            return all;
        }
        const int64_t left_ms = last_ms - real_ms();
        cr_assert_gt(left_ms, 0, "%zu calls did not end in time", count);
        const int64_t wait_us = fnd_pool_wait_us(pool);
        struct pollfd ready = {.fd = fnd_pool_fd(pool), .events = POLLIN};
        const int64_t wait_ms = wait_us < 0 ? left_ms : wait_us / 1000 + 1;
        (void)poll(&ready, 1, (int)(wait_ms < left_ms ? wait_ms : left_ms));
        fnd_pool_turn(pool);
    }
}

void pool_run(struct fnd_pool *pool, struct fnd_pool_call *call)
{
    fnd_pool_submit(pool, call);
    cr_assert_eq(pool_until(pool, 1, 20000), call);
}
