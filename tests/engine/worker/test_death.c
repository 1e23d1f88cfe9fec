/* SPDX-License-Identifier: MIT */
/* Each way in which a worker can end, and what becomes of its calls. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_help.h"
#include "worker/confine.h"

#define NOOP "tests/plugins/noop.so"
#define STEPS "tests/plugins/steps.so"
#define FAULT "tests/plugins/fault.so"
#define SINS "tests/engine/worker/sins.so"

Test(death, each_way_to_end_has_its_reason)
{
    static const struct {
        const char *file, *name, *says;
        enum fnd_call_end end;
        enum fnd_callee_kind kind;
    } cases[] = {
        {FAULT, "segv", "signal 11 (SIGSEGV)", FND_CALL_CRASHED, FND_CALLEE_PHASE},
        {FAULT, "abort", "signal 6 (SIGABRT)", FND_CALL_CRASHED, FND_CALLEE_PHASE},
        {FAULT, "exit", "exited (0) without a result", FND_CALL_CRASHED, FND_CALLEE_PHASE},
        {FAULT, "exit-now", "exited (0) without a result", FND_CALL_CRASHED, FND_CALLEE_PHASE},
        /* a sanitizer's leak check, which runs then, ends it in its own way */
        {FAULT, "thread-exit", FND_SANITIZED ? "" : "exited (0) without a result", FND_CALL_CRASHED,
         FND_CALLEE_PHASE},
        {FAULT, "segv-create", "signal 11 (SIGSEGV)", FND_CALL_CRASHED, FND_CALLEE_PHASE},
        {FAULT, "segv-detector", "signal 11 (SIGSEGV)", FND_CALL_CRASHED, FND_CALLEE_DETECTOR},
        {SINS, "lie", "exited (3) without a result", FND_CALL_CRASHED, FND_CALLEE_PHASE},
        {SINS, "garbage", "header that cannot be", FND_CALL_REFUSED, FND_CALLEE_PHASE},
        {SINS, "forged", "its answer cannot be read", FND_CALL_REFUSED, FND_CALLEE_PHASE},
        {SINS, "stranger", "not asked next", FND_CALL_REFUSED, FND_CALLEE_PHASE},
        {SINS, "unsealed", "not sealed", FND_CALL_REFUSED, FND_CALLEE_PHASE},
        {SINS, "hang-up", "signal 15 (SIGTERM)", FND_CALL_CRASHED, FND_CALLEE_PHASE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        fixture_open(&fixture, cases[i].file, "p", cases[i].name, PLACE);
        fixture.callee.kind = cases[i].kind;
        struct fnd_pool *pool = pool_open(1);
        struct fnd_pool_call call = call_make(&fixture, "{}", 0);
        pool_run(pool, &call);
        cr_assert_eq(call.end, cases[i].end, "%s ended %d: %s", cases[i].name, (int)call.end,
                     call.error.message);
        cr_assert_not_null(strstr(call.error.message, cases[i].says), "%s: %s", cases[i].name,
                           call.error.message);
        cr_assert_eq(call.error.status, FND_PLUGIN);
        cr_assert_eq(fnd_pool_workers(pool), 0);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(death, a_plugin_that_failed_once_runs_again)
{
    struct fixture sin, good;
    fixture_open(&sin, FAULT, "fault", "segv", PLACE);
    fixture_open(&good, FAULT, "fault", "late-call", PLACE);
    struct fnd_pool *pool = pool_open(1);
    for (int again = 0; again < 3; again++) {
        struct fnd_pool_call bad = call_make(&sin, "{}", 0), well = call_make(&good, "{}", 0);
        pool_run(pool, &bad);
        cr_assert_eq(bad.end, FND_CALL_CRASHED);
        pool_run(pool, &well);
        cr_assert_eq(well.end, FND_CALL_RETURNED, "%s", well.error.message);
        cr_assert_eq(well.effects.outcome, FOUNDRY_DONE);
        call_finish(&bad);
        call_finish(&well);
    }
    fnd_pool_destroy(pool);
    fixture_close(&sin);
    fixture_close(&good);
}

Test(death, a_hang_that_ignores_everything_is_killed)
{
    static const char *const names[] = {"hang", "hang-create", "hang-child"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct fixture fixture;
        fixture_open(&fixture, FAULT, "fault", names[i], PLACE);
        struct fnd_pool *pool = pool_open(1);
        struct fnd_pool_call call = call_make(&fixture, "{}", 100);
        const int64_t began_ms = real_ms();
        pool_run(pool, &call);
        cr_assert_eq(call.end, FND_CALL_TIMEOUT, "%s: %d", names[i], (int)call.end);
        cr_assert_not_null(strstr(call.error.message, "100 ms"), "%s", call.error.message);
        cr_assert_not_null(strstr(call.error.message, "killed"), "%s", call.error.message);
        cr_assert_lt(real_ms() - began_ms, 100 + 2 * FND_WORKER_GRACE_MS + 3000);
        cr_assert_eq(fnd_pool_workers(pool), 0);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(death, a_cancelled_hang_is_killed_and_called_cancelled)
{
    struct fixture fixture;
    fixture_open(&fixture, FAULT, "fault", "hang", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    fnd_pool_submit(pool, &call);
    fnd_pool_dispatch(pool);
    const int64_t last_ms = real_ms() + 10000;
    while (call.worker == NULL && real_ms() < last_ms) {
        (void)poll(NULL, 0, 1);
        fnd_pool_turn(pool);
    }
    fnd_pool_cancel(pool, &call);
    cr_assert_eq(pool_until(pool, 1, 10000), &call);
    cr_assert_eq(call.end, FND_CALL_CANCELLED);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

/** Peak of this process's memory in KiB. */
static long peak_kib(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

Test(death, a_flood_on_stdout_is_drained_and_bounded)
{
    struct fixture fixture;
    fixture_open(&fixture, FAULT, "fault", "flood", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 30000);
    const long before_kib = peak_kib();
    pool_run(pool, &call);
    cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    cr_assert_str_eq(call.effects.output, "{\"flooded\":true}");
    cr_assert_lt(peak_kib() - before_kib, 16 << 10);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(death, last_words_come_with_the_crash)
{
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "last-words", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    pool_run(pool, &call);
    cr_assert_eq(call.end, FND_CALL_CRASHED);
    cr_assert_str_eq(fnd_text_z(&call.noise), "going down\n");
    cr_assert_str_eq(fnd_text_z(&call.effects.log), "W it smells of smoke\n");
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(death, a_memory_hog_meets_its_limit)
{
    if (FND_SANITIZED != 0) {
        cr_skip_test("address space cannot be limited under a sanitizer");
    }
    struct fixture fixture;
    fixture_open(&fixture, FAULT, "fault", "hog", PLACE);
    fixture.callee.limits.memory_bytes = 128 << 20;
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 30000);
    pool_run(pool, &call);
    cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    cr_assert_eq(call.effects.outcome, FOUNDRY_RETRYABLE);
    cr_assert_str_eq(call.effects.code, "no_memory");
    cr_assert_not_null(strstr(call.effects.message, "memory limit is 128 MiB"), "%s",
                       call.effects.message);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(death, the_page_cannot_be_cut_off)
{
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "cut", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 1000);
    pool_run(pool, &call);
    cr_assert_str_eq(call.effects.output, "{\"cut\":false}");
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(death, calls_that_did_not_begin_are_lost_and_run_again)
{
    /* Small calls make several go in flight at once; the crash among them takes one attempt, all
     * others are answered or lost, and a lost one runs well the next time. */
    struct fixture sin, good;
    fixture_open(&sin, FAULT, "fault", "segv", PLACE);
    fixture_open(&good, FAULT, "fault", "late-call", PLACE);
    struct fnd_pool *pool = pool_open(1);
    enum { WARM = 200, COUNT = 64, CRASH = 40 };
    struct fnd_pool_call *calls = calloc(WARM, sizeof *calls);
    for (size_t i = 0; i < WARM; i++) {
        calls[i] = call_make(&good, "{}", 0);
        fnd_pool_submit(pool, &calls[i]);
    }
    (void)pool_until(pool, WARM, 20000);
    for (size_t i = 0; i < WARM; i++) {
        call_finish(&calls[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        calls[i] = call_make(i == CRASH ? &sin : &good, "{}", 0);
        fnd_pool_submit(pool, &calls[i]);
    }
    (void)pool_until(pool, COUNT, 20000);
    size_t lost = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (i == CRASH) {
            cr_assert_eq(calls[i].end, FND_CALL_CRASHED, "%d", (int)calls[i].end);
            call_finish(&calls[i]);
            continue;
        }
        if (calls[i].end == FND_CALL_LOST) {
            lost++;
            call_finish(&calls[i]);
            calls[i] = call_make(&good, "{}", 0);
            pool_run(pool, &calls[i]);
        }
        cr_assert_eq(calls[i].end, FND_CALL_RETURNED, "call %zu: %d", i, (int)calls[i].end);
        cr_assert_eq(calls[i].effects.outcome, FOUNDRY_DONE);
        call_finish(&calls[i]);
    }
    cr_assert_gt(lost, 0, "no call was in flight behind the crash: the test shows nothing");
    cr_assert_lt(lost, FND_WORKER_FLIGHT_MAX);
    free(calls);
    fnd_pool_destroy(pool);
    fixture_close(&sin);
    fixture_close(&good);
}

/** The worker's own number, as it says itself. */
static pid_t worker_pid(struct fnd_pool *pool, const struct fixture *look)
{
    struct fnd_pool_call call = call_make(look, "{}", 0);
    pool_run(pool, &call);
    struct fnd_json output;
    int64_t pid = 0;
    cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    cr_assert_eq(fnd_json_check(call.effects.output, call.effects.output_size, NULL, &output, NULL),
                 FND_OK);
    cr_assert(fnd_json_integer(fnd_json_member(output, "pid"), &pid));
    call_finish(&call);
    return (pid_t)pid;
}

Test(death, an_idle_worker_that_is_killed_is_replaced)
{
    struct fixture look;
    fixture_open(&look, SINS, "sins", "look", PLACE);
    struct fnd_pool *pool = pool_open(1);
    const pid_t first = worker_pid(pool, &look);
    cr_assert_eq(kill(first, SIGKILL), 0);
    const int64_t last_ms = real_ms() + 10000;
    while (fnd_pool_workers(pool) > 0 && real_ms() < last_ms) {
        (void)poll(NULL, 0, 1);
        fnd_pool_turn(pool);
    }
    cr_assert_eq(fnd_pool_workers(pool), 0);
    cr_assert_neq(worker_pid(pool, &look), first);
    fnd_pool_destroy(pool);
    fixture_close(&look);
}

Test(death, a_worker_dies_with_its_engine)
{
    int told[2];
    cr_assert_eq(pipe(told), 0);
    const pid_t engine = fork(); /* this process has no store open */
    cr_assert_geq(engine, 0);
    if (engine == 0) {
        struct fixture look;
        fixture_open(&look, SINS, "sins", "look", PLACE);
        const pid_t pid = worker_pid(pool_open(1), &look);
        (void)!write(told[1], &pid, sizeof pid);
        (void)pause();
        _exit(0);
    }
    pid_t worker = 0;
    cr_assert_eq(read(told[0], &worker, sizeof worker), (ssize_t)sizeof worker);
    cr_assert_eq(kill(worker, 0), 0);
    cr_assert_eq(kill(engine, SIGKILL), 0);
    const int64_t killed_ms = real_ms();
    cr_assert_eq(waitpid(engine, NULL, 0), engine);
    bool gone = false;
    while (!gone && real_ms() - killed_ms < 1000) {
        char name[64], state = 'Z';
        (void)snprintf(name, sizeof name, "/proc/%ld/stat", (long)worker);
        FILE *file = fopen(name, "r");
        gone = file == NULL;
        if (file != NULL) { /* dead and not yet reaped by init is gone, too */
            if (fscanf(file, "%*d %*s %c", &state) == 1) {
                gone = state == 'Z' || state == 'X';
            }
            (void)fclose(file);
        }
        (void)poll(NULL, 0, 5);
    }
    cr_assert(gone, "the worker lives on after its engine");
}
