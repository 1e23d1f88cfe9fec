/* SPDX-License-Identifier: MIT */
/* What the kernel has no limit for: the engine looks, and ends who holds too much. */
#define _GNU_SOURCE /* memfd_create */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_help.h"
#include "worker/confine.h"
#include "worker/usage.h"

#define SINS "tests/engine/worker/sins.so"

enum { MIB = 1 << 20 };

static char *folder_make(char folder[64])
{
    (void)snprintf(folder, 64, "/tmp/foundry-usage-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    return folder;
}

Test(usage, files_without_a_name_are_memory_and_counted_once)
{
    const struct fnd_limits limits = {.memory_bytes = 3 * MIB};
    struct fnd_usage usage;
    struct fnd_text text = {0};
    fnd_usage_look(getpid(), NULL, false, &limits, &usage);
    const uint64_t before = usage.memory_bytes;
    static char bytes[2 * MIB];
    memset(bytes, 1, sizeof bytes);
    const int one = memfd_create("one", 0);
    cr_assert_eq(write(one, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    const int same = dup(one);
    fnd_usage_look(getpid(), NULL, false, &limits, &usage);
    cr_expect_eq(usage.memory_bytes - before, sizeof bytes);
    cr_expect(!fnd_usage_over(&usage, &limits, &text), "%s", fnd_text_z(&text));
    const int other = memfd_create("other", 0);
    cr_assert_eq(write(other, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    fnd_usage_look(getpid(), NULL, false, &limits, &usage);
    cr_expect(fnd_usage_over(&usage, &limits, &text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "memory limit of 3 MiB"), "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    (void)close(one);
    (void)close(same);
    (void)close(other);
}

Test(usage, files_of_a_folder_are_summed_and_links_are_not_followed)
{
    const struct fnd_limits limits = {.file_bytes = MIB};
    struct fnd_usage usage;
    struct fnd_text text = {0};
    char folder[64], path[128];
    folder_make(folder);
    (void)snprintf(path, sizeof path, "%s/out", folder);
    cr_assert_eq(symlink("/usr", path), 0);
    fnd_usage_look(getpid(), folder, false, &limits, &usage);
    cr_expect_eq(usage.files, 1, "the link alone, not what is behind it");
    cr_expect(!fnd_usage_over(&usage, &limits, &text));
    static char bytes[600 << 10];
    memset(bytes, 1, sizeof bytes);
    for (int i = 0; i < 2; i++) { /* each below the limit */
        (void)snprintf(path, sizeof path, "%s/file-%d", folder, i);
        const int fd = open(path, O_WRONLY | O_CREAT, 0600);
        cr_assert_eq(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
        (void)close(fd);
    }
    fnd_usage_look(getpid(), folder, false, &limits, &usage);
    cr_expect(fnd_usage_over(&usage, &limits, &text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "more than 1 MiB together"), "%s",
                       fnd_text_z(&text));
    fnd_text_finish(&text);
    (void)snprintf(path, sizeof path, "rm -r %s", folder);
    cr_assert_eq(system(path), 0);
}

Test(usage, processes_of_a_group_are_counted_whoever_started_them)
{
    const struct fnd_limits limits = {0};
    struct fnd_usage usage;
    struct fnd_text text = {0};
    int gate[2], ready[2];
    char byte;
    cr_assert(pipe(gate) == 0 && pipe(ready) == 0);
    const pid_t leader = fork();
    if (leader == 0) {
        (void)setpgid(0, 0);
        for (int i = 0; i < FND_WORKER_PROCESSES_MAX; i++) {
            if (fork() == 0) {
                break;
            }
        }
        (void)close(gate[1]);
        (void)!write(ready[1], "r", 1);
        (void)!read(gate[0], &byte, 1);
        _exit(0);
    }
    for (int i = 0; i <= FND_WORKER_PROCESSES_MAX; i++) {
        cr_assert_eq(read(ready[0], &byte, 1), 1);
    }
    fnd_usage_look(leader, NULL, true, &limits, &usage);
    cr_expect_eq(usage.processes, FND_WORKER_PROCESSES_MAX + 1);
    cr_expect(fnd_usage_over(&usage, &limits, &text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "more than 64 processes"), "%s",
                       fnd_text_z(&text));
    fnd_usage_look(getpid(), NULL, true, &limits, &usage);
    cr_expect_lt(usage.processes, FND_WORKER_PROCESSES_MAX, "another group's are not ours");
    fnd_text_finish(&text);
    (void)close(gate[1]);
    cr_expect_eq(waitpid(leader, NULL, 0), leader);
}

/** How a call of sins/`name` ends when a result may have `bytes`. */
static struct fnd_pool_call big_call(struct fixture *fixture, const char *name, uint64_t bytes)
{
    fixture_open(fixture, SINS, "sins", name, PLACE);
    fixture->callee.limits.result_bytes = bytes;
    struct fnd_pool *pool = pool_open(1);
    struct fnd_pool_call call = call_make(fixture, "{}", 20000);
    pool_run(pool, &call);
    fnd_pool_destroy(pool);
    fixture_close(fixture);
    return call;
}

Test(usage, a_result_above_its_limit_fails_and_names_the_setting)
{
    struct fixture fixture;
    struct fnd_pool_call call = big_call(&fixture, "big", 0); /* 27 MiB */
    cr_expect_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    cr_expect_eq(call.effects.outcome, FOUNDRY_DONE);
    call_finish(&call);
    call = big_call(&fixture, "big", 1 * MIB); /* the worker's own code keeps to it */
    cr_expect_eq(call.end, FND_CALL_RETURNED, "%s", call.error.message);
    cr_expect_eq(call.effects.outcome, FOUNDRY_PERMANENT);
    cr_expect_str_eq(call.effects.code, "result_too_large");
    cr_expect_not_null(strstr(call.effects.message, "`result_max`"), "%s", call.effects.message);
    call_finish(&call);
    call = big_call(&fixture, "huge", 1 * MIB); /* the plugin writes the frame by itself */
    cr_expect_eq(call.end, FND_CALL_REFUSED, "%d", (int)call.end);
    cr_expect_not_null(strstr(call.error.message, "`result_max`"), "%s", call.error.message);
    call_finish(&call);
}
