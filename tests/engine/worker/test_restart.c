/* SPDX-License-Identifier: MIT */
/* What follows the death of a worker that held no call: its calls wait for the next one, which
 * starts later each time, until there were too many. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pool_help.h"
#include "worker/pool_state.h"

#define FAULT "tests/plugins/fault.so"

/** Turn until a worker of the pool is being started, and kill it before it has a call: on a busy
 *  machine it may have been quick and said already that it is ready; that is taken away. */
static void kill_at_start(struct fnd_pool *pool)
{
    const int64_t last_ms = real_ms() + 20000;
    while (pool->workers == NULL || pool->workers->process.pid <= 0) {
        cr_assert_lt(real_ms(), last_ms, "no worker was started");
        (void)poll(NULL, 0, 1);
        fnd_pool_turn(pool);
    }
    cr_assert_eq(kill(pool->workers->process.pid, SIGKILL), 0);
    struct pollfd dead = {.fd = pool->workers->process.pidfd, .events = POLLIN};
    cr_assert_eq(poll(&dead, 1, 20000), 1);
    char said[4096];
    while (recv(pool->workers->process.channel.fd, said, sizeof said, MSG_DONTWAIT) > 0) {
    }
    while (pool->workers != NULL) {
        cr_assert_lt(real_ms(), last_ms, "the worker does not die");
        (void)poll(NULL, 0, 1);
        fnd_pool_turn(pool);
    }
}

Test(restart, a_worker_killed_while_it_loads_costs_its_calls_only_time, .timeout = 600)
{
    struct fixture good;
    fixture_open(&good, FAULT, "fault", "late-call", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call first = call_make(&good, "{}", 0), second = call_make(&good, "{}", 0);
    fnd_pool_submit(pool, &first);
    fnd_pool_submit(pool, &second);
    fnd_pool_dispatch(pool);
    for (int i = 1; i < FND_CRASHES_MAX; i++) {
        kill_at_start(pool);
        cr_assert_null(fnd_pool_collect(pool), "a call ended under no fault of its own");
    }
    (void)pool_until(pool, 2, 20000);
    cr_expect_eq(first.end, FND_CALL_RETURNED, "%s", first.error.message);
    cr_expect_eq(second.end, FND_CALL_RETURNED, "%s", second.error.message);
    call_finish(&first);
    call_finish(&second);
    struct fnd_pool_call third = call_make(&good, "{}", 0); /* nothing is held against the plugin */
    pool_run(pool, &third);
    cr_expect_eq(third.end, FND_CALL_RETURNED, "%s", third.error.message);
    call_finish(&third);
    fnd_pool_destroy(pool);
    fixture_close(&good);
}

Test(restart, too_many_deaths_while_loading_hold_the_calls_and_say_how_it_died, .timeout = 600)
{
    struct fixture good;
    fixture_open(&good, FAULT, "fault", "late-call", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&good, "{}", 0);
    fnd_pool_submit(pool, &call);
    fnd_pool_dispatch(pool);
    for (int i = 0; i < FND_CRASHES_MAX; i++) {
        cr_assert_null(fnd_pool_collect(pool), "it ended after %d deaths", i);
        kill_at_start(pool);
    }
    cr_assert_eq(fnd_pool_collect(pool), &call);
    cr_expect_eq(call.end, FND_CALL_HELD, "%d: %s", (int)call.end, call.error.message);
    cr_expect_str_eq(call.error.code, "quarantined");
    cr_expect_not_null(strstr(call.error.message, "signal 9 (SIGKILL)"), "%s", call.error.message);
    cr_expect_not_null(strstr(call.error.message, "plugins release"), "%s", call.error.message);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&good);
}

/** The waits that a pool of this seed puts before each of `count` starts, after as many deaths. */
static void waits_of(uint64_t seed, int64_t *waits_us, unsigned count)
{
    struct fnd_env *env = fnd_env_seeded_create(seed, 1000000);
    static const struct fnd_log quiet = {.fd = 2, .level = FND_LOG_ERROR};
    const struct fnd_pool_options options = {
        .env = env, .log = &quiet, .workers_max = 1, .crashes_max = count + 1};
    struct fnd_pool *pool = NULL;
    struct fixture fixture;
    fixture_open(&fixture, FAULT, "fault", "late-call", PLACE);
    cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
    struct fnd_group *group = fnd_group_find(pool, &fixture.callee);
    for (unsigned i = 0; i < count; i++) {
        fnd_group_died(pool, group, "as a test wants it");
        waits_us[i] = group->not_before_us - fnd_pool_now(pool);
    }
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
    fnd_env_seeded_destroy(env);
}

Test(restart, waits_grow_to_a_limit_and_differ_by_chance)
{
    enum { COUNT = 12 };
    int64_t one[COUNT], again[COUNT], other[COUNT];
    waits_of(1, one, COUNT);
    waits_of(1, again, COUNT);
    waits_of(2, other, COUNT);
    int64_t whole_us = (int64_t)FND_BACKOFF_MIN_MS * 1000;
    bool differ = false;
    for (int i = 0; i < COUNT; i++) {
        cr_expect(one[i] >= whole_us / 2 && one[i] <= whole_us,
                  "wait %d is %lld us, not %lld..%lld", i, (long long)one[i],
                  (long long)whole_us / 2, (long long)whole_us);
        cr_expect_eq(one[i], again[i], "the same seed waits as long");
        differ = differ || one[i] != other[i];
        whole_us = whole_us * 2 < (int64_t)FND_BACKOFF_MAX_MS * 1000
                       ? whole_us * 2
                       : (int64_t)FND_BACKOFF_MAX_MS * 1000;
    }
    cr_expect(differ, "another seed waits otherwise");
}
