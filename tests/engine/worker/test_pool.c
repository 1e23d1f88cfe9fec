/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pool_help.h"
#include "worker/confine.h"

#define NOOP "tests/plugins/noop.so"
#define STEPS "tests/plugins/steps.so"
#define FAULT "tests/plugins/fault.so"
#define SINS "tests/engine/worker/sins.so"

static const enum fnd_isolation both[] = {FND_ISOLATION_INLINE, PLACE};

Test(pool, a_call_returns_its_effects_in_line_and_in_a_worker)
{
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, NOOP, "noop", "mix", both[i]);
        struct fnd_pool *pool = pool_open(1);
        struct fnd_pool_call call = call_make(&fixture, "{\"text\":\"a\"}", 0);
        pool_run(pool, &call);
        cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
        cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
        cr_assert_eq(call.effects.output_size, sizeof "{\"text\":\"\"}" - 1 + 1024);
        cr_assert_eq(fnd_pool_busy(pool), 0);
        cr_assert_eq(fnd_pool_workers(pool), i);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(pool, a_thousand_small_calls_go_through_two_workers_in_batches)
{
    enum { COUNT = 1000 };
    struct fixture fixture;
    fixture_open(&fixture, NOOP, "noop", "mix", PLACE);
    struct fnd_pool *pool = pool_open(2);
    struct fnd_pool_call *calls = calloc(COUNT, sizeof *calls);
    for (size_t i = 0; i < COUNT; i++) {
        calls[i] = call_make(&fixture, "{\"text\":\"a\"}", 60000);
        fnd_pool_submit(pool, &calls[i]);
    }
    (void)pool_until(pool, COUNT, 60000);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_eq(calls[i].end, FND_CALL_RETURNED, "%s", calls[i].error.message);
        cr_assert_eq(calls[i].effects.outcome, FOUNDRY_DONE);
        cr_assert_str_eq(calls[i].effects.output, calls[0].effects.output);
    }
    for (size_t i = 0; i < COUNT; i++) {
        call_finish(&calls[i]);
    }
    cr_assert_leq(fnd_pool_workers(pool), 2);
    free(calls);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, effects_are_the_same_in_line_and_in_a_worker)
{
    struct fnd_text wires[2] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, SINS, "sins", "everything", both[i]);
        struct fnd_pool *pool = pool_open(1);
        struct fnd_pool_call call = call_make(&fixture, "{}", 0);
        pool_run(pool, &call);
        cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
        cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
        cr_assert_str_eq(call.effects.output,
                         "{\"a\":1.10,\"b\":{\"c\":[1,2,{\"d\":\"\\u00e9\"}]}}");
        cr_assert_str_eq(fnd_text_z(&call.effects.log), "E line\\x1b[0m\n");
        fnd_effects_encode(&call.effects, &wires[i]);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
    cr_assert_eq(wires[0].size, wires[1].size);
    cr_assert_arr_eq(wires[0].bytes, wires[1].bytes, wires[0].size);
    fnd_text_finish(&wires[0]);
    fnd_text_finish(&wires[1]);
}

/** An open file that has no name any more. */
static int file_of(const char *text)
{
    char name[] = "/tmp/foundry-test-XXXXXX";
    const int fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fnd_write_all(fd, text, strlen(text)), 0);
    (void)unlink(name);
    return fd;
}

Test(pool, artifacts_reach_a_call_by_descriptor_and_by_bytes)
{
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, SINS, "sins", "artifacts", both[i]);
        struct fnd_pool *pool = pool_open(1);
        enum { COUNT = 40 };
        struct fnd_pool_call calls[COUNT];
        struct fnd_call_artifact lists[COUNT][2];
        char texts[COUNT][6];
        for (size_t c = 0; c < COUNT; c++) {
            (void)snprintf(texts[c], sizeof texts[c], "%c1234", (char)('a' + c % 26));
            /* A file must not be writable through it: in line the caller opens it so. */
            char name[32];
            const int file = file_of(texts[c]);
            (void)snprintf(name, sizeof name, "/proc/self/fd/%d", file);
            const int readable = open(name, O_RDONLY | O_CLOEXEC);
            (void)close(file);
            lists[c][0] = (struct fnd_call_artifact){.name = "first", .size = 5, .fd = readable};
            lists[c][1] = (struct fnd_call_artifact){.name = "second", .size = 5, .fd = readable};
            calls[c] = call_make(&fixture, "{}", 0);
            calls[c].input.artifacts = lists[c];
            calls[c].input.artifacts_count = 2;
            fnd_pool_submit(pool, &calls[c]);
        }
        (void)pool_until(pool, COUNT, 30000);
        for (size_t c = 0; c < COUNT; c++) {
            cr_assert_eq(calls[c].end, FND_CALL_RETURNED, "%s", calls[c].error.message);
            cr_assert_eq(calls[c].effects.outcome, FOUNDRY_DONE, "%s", calls[c].effects.message);
            cr_assert_eq(calls[c].effects.artifacts_count, 1);
            const struct fnd_staged_artifact *made = &calls[c].effects.artifacts[0];
            char wanted[16];
            (void)snprintf(wanted, sizeof wanted, "1234%c1234%c", texts[c][0], texts[c][0]);
            cr_assert_eq(made->size, 10);
            cr_assert_arr_eq(made->bytes, wanted, 10);
            (void)close(lists[c][0].fd);
            call_finish(&calls[c]);
        }
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(pool, an_artifact_in_bytes_crosses_to_a_worker)
{
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "artifacts", PLACE);
    struct fnd_pool *pool = pool_open(1);
    const int fd = file_of("abcde");
    const struct fnd_call_artifact list[] = {{.name = "unused", .size = 0, .fd = -1, .bytes = ""},
                                             {.name = "second", .size = 5, .fd = fd},
                                             {.name = "first", .size = 5, .fd = fd}};
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    call.input.artifacts = list;
    call.input.artifacts_count = 3;
    pool_run(pool, &call);
    cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
    cr_assert_arr_eq(call.effects.artifacts[0].bytes, "bcdeabcdea", 10);
    cr_assert_eq(lseek(fd, 0, SEEK_CUR), 5, "the worker moved the engine's own descriptor");
    (void)close(fd);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, big_outputs_and_artifacts_cross_in_sealed_memory)
{
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "big", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    char *config = malloc(1 << 20); /* big on the way to the worker, too */
    (void)snprintf(config, 1 << 20, "{\"a\":\"%0*d\"}", 1 << 19, 1);
    call.input.config = (struct fnd_json){config, strlen(config)};
    pool_run(pool, &call);
    cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
    cr_assert_eq(call.effects.output_size, (3u << 20) + sizeof "{\"text\":}" - 1);
    cr_assert_eq(call.effects.artifacts[0].size, 24u << 20);
    for (size_t i = 0; i < 24u << 20; i += 4099) {
        cr_assert_eq(call.effects.artifacts[0].bytes[i], (char)(i * 2654435761u >> 24));
    }
    free(config);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, an_instance_is_made_once_for_a_config_and_the_oldest_goes)
{
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "count", PLACE);
    struct fnd_pool *pool = pool_open(1);
    enum { CONFIGS = FND_WORKER_INSTANCES_MAX + 1 };
    struct fnd_callee callees[CONFIGS];
    char configs[CONFIGS][24];
    const struct {
        size_t config;
        const char *output, *log;
    } steps[] = {
        {0, "{\"instance\":1}", "I made\nI used\n"},
        {0, "{\"instance\":1}", "I used\n"},
        {1, "{\"instance\":2}", "I made\nI used\n"},
        {0, "{\"instance\":1}", "I used\n"},
    };
    for (size_t i = 0; i < CONFIGS; i++) {
        (void)snprintf(configs[i], sizeof configs[i], "{\"n\":%zu}", i);
        callees[i] = fixture.callee;
        callees[i].config_constant = (struct fnd_json){configs[i], strlen(configs[i])};
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct fnd_pool_call call = call_make(&fixture, "{}", 0);
        call.callee = &callees[steps[i].config];
        pool_run(pool, &call);
        cr_assert_str_eq(call.effects.output, steps[i].output, "step %zu", i);
        cr_assert_str_eq(fnd_text_z(&call.effects.log), steps[i].log, "step %zu", i);
        call_finish(&call);
    }
    for (size_t i = 2; i < CONFIGS; i++) { /* the last one takes the place of number 1 */
        struct fnd_pool_call call = call_make(&fixture, "{}", 0);
        call.callee = &callees[i];
        pool_run(pool, &call);
        call_finish(&call);
    }
    struct fnd_pool_call again = call_make(&fixture, "{}", 0);
    again.callee = &callees[0];
    pool_run(pool, &again);
    cr_assert_str_eq(again.effects.output, "{\"instance\":1}");
    call_finish(&again);
    again = call_make(&fixture, "{}", 0);
    again.callee = &callees[1];
    pool_run(pool, &again);
    cr_assert_str_eq(again.effects.output, "{\"instance\":34}");
    call_finish(&again);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, a_worker_sees_nothing_of_the_engine)
{
    struct fixture fixture;
    fixture_open(&fixture, SINS, "sins", "look", PLACE);
    struct fnd_pool *pool = pool_open(1);
    (void)setenv("FOUNDRY_SECRET", "x", 1);
    const int left_open =
        open("/dev/zero", O_RDONLY); /* without O_CLOEXEC, as careless code does */
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    pool_run(pool, &call);
    cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
    struct fnd_json output;
    cr_assert_eq(fnd_json_check(call.effects.output, call.effects.output_size, NULL, &output, NULL),
                 FND_OK);
    static const struct {
        const char *name, *value;
    } wanted[] = {{"environment", "3"}, {"omp", "\"1\""}, {"group", "1"},
                  {"umask", "63"},      {"stdin", "1"},   {"fds", "7"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct fnd_json found = fnd_json_member(output, wanted[i].name);
        /* 0 to 5 and the plugin's own copy that the loader's name stands for */
        cr_assert_eq(found.size, strlen(wanted[i].value), "%s in %s", wanted[i].name,
                     call.effects.output);
        cr_assert_arr_eq(found.bytes, wanted[i].value, found.size, "%s in %s", wanted[i].name,
                         call.effects.output);
    }
    char *folder = fnd_json_strdup(fnd_json_member(output, "folder"));
    cr_assert_eq(strcmp(folder, "/") == 0, PLACE == FND_ISOLATION_PROCESS, "%s", folder);
    cr_assert_eq(strstr(folder, "/foundry-work-") != NULL, PLACE != FND_ISOLATION_PROCESS, "%s",
                 folder);
    free(folder);
    (void)close(left_open);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, workers_of_other_plugins_make_room)
{
    static const struct {
        const char *file, *id, *name, *config;
    } used[] = {{NOOP, "noop", "mix", "{\"text\":\"a\"}"},
                {SINS, "sins", "everything", "{}"},
                {STEPS, "steps", "flaky", "{\"succeed_at\":1}"},
                {NOOP, "noop", "mix", "{\"text\":\"a\"}"}};
    struct fnd_pool *pool = pool_open(1);
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        struct fixture fixture;
        fixture_open(&fixture, used[i].file, used[i].id, used[i].name, PLACE);
        struct fnd_pool_call call = call_make(&fixture, used[i].config, 0);
        pool_run(pool, &call);
        cr_assert_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
        cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
        cr_assert_eq(fnd_pool_workers(pool), 1);
        call_finish(&call);
        fixture_close(&fixture);
    }
    fnd_pool_destroy(pool);
}

Test(pool, a_plugin_that_needs_a_worker_gets_one_from_a_busy_one)
{
    struct fixture busy, needy;
    fixture_open(&busy, STEPS, "steps", "slow", PLACE);
    fixture_open(&needy, NOOP, "noop", "mix", PLACE);
    struct fnd_pool *pool = pool_open(1);
    enum { COUNT = 20 };
    struct fnd_pool_call calls[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++) {
        calls[i] = call_make(&busy, "{\"ms\":50}", 0);
        fnd_pool_submit(pool, &calls[i]);
    }
    calls[COUNT] = call_make(&needy, "{\"text\":\"a\"}", 0);
    fnd_pool_submit(pool, &calls[COUNT]);
    const struct fnd_pool_call *ended = pool_until(pool, COUNT + 1, 30000);
    size_t before = 0;
    for (; ended != &calls[COUNT]; ended = ended->next) {
        before++;
    }
    cr_assert_lt(before, COUNT, "it had to wait for all calls of the other plugin");
    for (size_t i = 0; i <= COUNT; i++) {
        cr_assert_eq(calls[i].end, FND_CALL_RETURNED, "%s", calls[i].error.message);
        call_finish(&calls[i]);
    }
    fnd_pool_destroy(pool);
    fixture_close(&busy);
    fixture_close(&needy);
}

Test(pool, refusals_name_what_is_missing)
{
    static const struct {
        const char *file, *name, *says;
        enum fnd_isolation isolation;
    } cases[] = {
        {"tests/plugins/bad/no_entry.so", "x", "foundry_plugin_entry", PLACE},
        {"tests/plugins/bad/no_entry.so", "x", "foundry_plugin_entry", FND_ISOLATION_INLINE},
        {"tests/plugins/bad/minor.so", "x", "0.99", PLACE},
        {NOOP, "no-such", "no phase \"no-such\"", FND_ISOLATION_INLINE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        fixture_open(&fixture, cases[i].file, "p", cases[i].name, cases[i].isolation);
        struct fnd_pool *pool = pool_open(1);
        for (int again = 0; again < 2; again++) {
            struct fnd_pool_call call = call_make(&fixture, "{}", 0);
            pool_run(pool, &call);
            cr_assert_eq(call.end, FND_CALL_REFUSED, "case %zu: %d", i, (int)call.end);
            cr_assert_not_null(strstr(call.error.message, cases[i].says), "case %zu: %s", i,
                               call.error.message);
            call_finish(&call);
        }
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(pool, a_missing_worker_program_is_named)
{
    const struct fnd_pool_options options = {
        .env = fnd_env_system(), .worker_program = "/nowhere/foundry-worker", .workers_max = 1};
    struct fixture fixture;
    fixture_open(&fixture, NOOP, "noop", "mix", PLACE);
    struct fnd_pool *pool = NULL;
    cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    pool_run(pool, &call);
    cr_assert_eq(call.end, FND_CALL_REFUSED);
    cr_assert_not_null(strstr(call.error.message, "/nowhere/foundry-worker"), "%s",
                       call.error.message);
    cr_assert_not_null(strstr(call.error.message, "No such file"), "%s", call.error.message);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, a_worker_program_that_cannot_be_run_is_named)
{
    static const struct {
        const char *bytes;
        mode_t mode;
        const char *says;
    } cases[] = {{"#!/bin/sh\n", 0600, "Permission denied"},
                 {"no program\n", 0700, "format error"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[64] = "/tmp/foundry-program-XXXXXX";
        const int fd = mkstemp(program);
        cr_assert_geq(fd, 0);
        cr_assert_eq(fnd_write_all(fd, cases[i].bytes, strlen(cases[i].bytes)), 0);
        cr_assert_eq(fchmod(fd, cases[i].mode), 0);
        (void)close(fd);
        const struct fnd_pool_options options = {.env = fnd_env_system(),
                                                 .worker_program = program};
        struct fixture fixture;
        fixture_open(&fixture, NOOP, "noop", "mix", PLACE);
        struct fnd_pool *pool = NULL;
        cr_assert_eq(fnd_pool_create(&options, &pool, NULL), FND_OK);
        struct fnd_pool_call call = call_make(&fixture, "{}", 0);
        pool_run(pool, &call);
        cr_expect_eq(call.end, FND_CALL_REFUSED, "%zu: %d", i, (int)call.end);
        cr_expect(strstr(call.error.message, program) != NULL &&
                      strstr(call.error.message, cases[i].says) != NULL,
                  "%zu: %s", i, call.error.message);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
        (void)unlink(program);
    }
}

Test(pool, a_call_is_cancelled_out_of_the_middle_of_a_queue_and_twice)
{
    enum { CALLS = 4 };
    struct fixture fixtures[2];
    struct fnd_pool_call calls[CALLS];
    fixture_open(&fixtures[0], STEPS, "steps", "slow", PLACE);
    fixture_open(&fixtures[1], STEPS, "steps", "slow", PLACE);
    fixtures[1].callee.limits.files = 70; /* so that it has a worker and a queue of its own */
    struct fnd_pool *pool = pool_open(1);
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = call_make(&fixtures[i == CALLS - 1], "{\"ms\":1}", 0);
        fnd_pool_submit(pool, &calls[i]);
    }
    fnd_pool_cancel(pool, &calls[1]);
    fnd_pool_cancel(pool, &calls[1]); /* it has ended, and was not collected */
    cr_assert_eq(fnd_pool_busy(pool), CALLS);
    cr_assert_eq(fnd_pool_wait_us(pool), 0, "an end waits to be collected");
    (void)pool_until(pool, CALLS, 20000);
    for (size_t i = 0; i < CALLS; i++) {
        cr_expect_eq(calls[i].end, i == 1 ? FND_CALL_CANCELLED : FND_CALL_RETURNED, "%zu: %d %s", i,
                     (int)calls[i].end, calls[i].error.message);
        call_finish(&calls[i]);
    }
    cr_expect_eq(fnd_pool_busy(pool), 0);
    fnd_pool_destroy(pool);
    fixture_close(&fixtures[0]);
    fixture_close(&fixtures[1]);
}

Test(pool, a_cancelled_call_stops_wherever_it_is)
{
    struct fixture fixture;
    fixture_open(&fixture, STEPS, "steps", "slow", PLACE);
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call calls[2];
    for (size_t i = 0; i < 2; i++) {
        calls[i] = call_make(&fixture, "{\"ms\":60000}", 0);
        fnd_pool_submit(pool, &calls[i]);
    }
    fnd_pool_cancel(pool, &calls[1]); /* waits in the queue */
    cr_assert_eq(pool_until(pool, 1, 5000), &calls[1]);
    cr_assert_eq(calls[1].end, FND_CALL_CANCELLED);
    const int64_t last_ms = real_ms() + 10000;
    while (calls[0].progress <= 0 && real_ms() < last_ms) { /* until it runs */
        (void)poll(NULL, 0, 1);
        fnd_pool_turn(pool);
    }
    cr_assert_gt(calls[0].progress, 0.0);
    cr_assert_lt(calls[0].progress, 1.0);
    const size_t workers = fnd_pool_workers(pool);
    fnd_pool_cancel(pool, &calls[0]);
    cr_assert_eq(pool_until(pool, 1, 5000), &calls[0]);
    cr_assert_eq(calls[0].end, FND_CALL_CANCELLED, "%d", (int)calls[0].end);
    cr_assert_eq(fnd_pool_workers(pool), workers, "a call that stops when asked costs no worker");
    call_finish(&calls[0]);
    call_finish(&calls[1]);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, a_deadline_stops_a_call_that_listens)
{
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, STEPS, "steps", "slow", both[i]);
        struct fnd_pool *pool = pool_open(1);
        struct fnd_pool_call call = call_make(&fixture, "{\"ms\":60000}", 50);
        const int64_t began_ms = real_ms();
        pool_run(pool, &call);
        cr_assert_eq(call.end, FND_CALL_TIMEOUT, "%d", (int)call.end);
        cr_assert_not_null(strstr(call.error.message, "50 ms"), "%s", call.error.message);
        cr_assert_lt(real_ms() - began_ms, 5000);
        call_finish(&call);
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(pool, late_calls_are_refused_in_line_and_in_a_worker)
{
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, FAULT, "fault", "late-call", both[i]);
        struct fnd_pool *pool = pool_open(1);
        for (int again = 0; again < 3; again++) {
            struct fnd_pool_call call = call_make(&fixture, "{}", 0);
            pool_run(pool, &call);
            cr_assert_eq(call.effects.outcome, FOUNDRY_DONE, "%s", call.effects.message);
            cr_assert_str_eq(call.effects.output, "{\"late_status\":-3}");
            call_finish(&call);
        }
        fnd_pool_destroy(pool);
        fixture_close(&fixture);
    }
}

Test(pool, destroying_it_ends_calls_under_way)
{
    struct fixture fixture;
    fixture_open(&fixture, FAULT, "fault", "hang", PLACE);
    struct fnd_pool *pool = pool_open(2);
    struct fnd_pool_call calls[2];
    for (size_t i = 0; i < 2; i++) {
        calls[i] = call_make(&fixture, "{}", 0);
        fnd_pool_submit(pool, &calls[i]);
    }
    fnd_pool_dispatch(pool);
    const int64_t last_ms = real_ms() + 10000;
    while (calls[0].worker == NULL && real_ms() < last_ms) {
        (void)poll(NULL, 0, 1);
        fnd_pool_turn(pool);
    }
    cr_assert_not_null(calls[0].worker);
    const int64_t began_ms = real_ms();
    fnd_pool_destroy(pool);
    cr_assert_lt(real_ms() - began_ms, 2 * FND_WORKER_GRACE_MS + 3000);
    call_finish(&calls[0]);
    call_finish(&calls[1]);
    fixture_close(&fixture);
}

Test(pool, calls_share_a_worker_only_if_they_are_kept_to_the_same)
{
    static const char *const one[] = {"/usr/share", NULL},
                             *const two[] = {"/usr/share", "/usr/lib", NULL},
                             *const other[] = {"/usr/lib", NULL}, *const none[] = {NULL};
    enum { KINDS = 9, SAME = 3 };
    struct fixture fixture;
    struct fnd_callee callees[KINDS + SAME];
    struct fnd_pool_call calls[KINDS + SAME];
    fixture_open(&fixture, SINS, "sins", "look", PLACE);
    for (size_t i = 0; i < KINDS + SAME; i++) {
        callees[i] = fixture.callee;
        calls[i] = call_make(&fixture, "{}", 0);
        calls[i].callee = &callees[i];
    }
    callees[1].limits.file_bytes = 1 << 20;
    callees[2].limits.files = 80;
    callees[3].limits.result_bytes = 1 << 20;
    callees[4].reads = one;
    callees[5].reads = two;
    callees[6].reads = other;
    callees[7].limits.memory_bytes = FND_SANITIZED ? 0 : (uint64_t)1 << 30;
    callees[8].isolation = PLACE == FND_ISOLATION_PROCESS ? FND_ISOLATION_BEST_EFFORT : PLACE;
    callees[9].reads = none; /* the same as nothing at all */
    callees[10].reads = one;
    callees[11].reads = two;
    struct fnd_pool *pool = pool_open(KINDS + SAME);
    for (size_t i = 0; i < KINDS + SAME; i++) {
        pool_run(pool, &calls[i]);
        cr_expect_eq(calls[i].end, FND_CALL_RETURNED, "%zu: %s", i, calls[i].error.message);
        call_finish(&calls[i]);
    }
    const size_t same = (FND_SANITIZED ? 1 : 0) + (PLACE == FND_ISOLATION_PROCESS ? 0 : 1);
    cr_expect_eq(fnd_pool_workers(pool), KINDS - same);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}

Test(pool, more_artifacts_than_a_call_carries_are_refused_by_number)
{
    enum { MANY = 250 };
    struct fixture fixture;
    struct fnd_call_artifact artifacts[MANY];
    char names[MANY][16];
    fixture_open(&fixture, SINS, "sins", "look", PLACE);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%d", i);
        artifacts[i] = (struct fnd_call_artifact){.name = names[i], .fd = fixture.callee.fd};
    }
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(&fixture, "{}", 0);
    call.input.artifacts = artifacts;
    call.input.artifacts_count = MANY;
    pool_run(pool, &call);
    cr_expect_eq(call.end, FND_CALL_REFUSED);
    cr_expect_eq(call.error.status, FND_LIMIT);
    cr_expect_not_null(strstr(call.error.message, "this one has 250"), "%s", call.error.message);
    call_finish(&call);
    call = call_make(&fixture, "{}", 0);
    pool_run(pool, &call);
    cr_expect_eq(call.end, FND_CALL_RETURNED, "and the worker goes on: %s", call.error.message);
    call_finish(&call);
    fnd_pool_destroy(pool);
    fixture_close(&fixture);
}
