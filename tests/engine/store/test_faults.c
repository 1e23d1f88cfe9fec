/* SPDX-License-Identifier: MIT */
/* What a failing disk does to a commit: never a wrong answer. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "faulty.h"
#include "store/verify.h"
#include "support.h"

enum { CALLS_MAX = 40 };

static bool on_record(struct scene *scene, int number)
{
    struct fnd_write *write = write_pin("p", number);
    struct fnd_pin_row pin;
    scene_read(scene);
    bool found = fnd_pin_find(scene->reader, write->hash, &pin, NULL) == FND_OK;
    if (found) {
        free(pin.pipeline);
    }
    fnd_write_destroy(write);
    return found;
}

static void check_whole(struct scene *scene)
{
    struct fnd_verify result;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_assert_eq(fnd_store_verify(scene->reader, &result, NULL, NULL, &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(result.flaws, 0);
}

/** What the store lends is of the record's end, also behind a connection that was opened anew. */
static void check_lent(struct scene *scene)
{
    int64_t lent = 0, found = 0;
    uint8_t chain[FND_DIGEST_SIZE];
    struct fnd_reader *reader = fnd_store_reader_begin(scene->store);
    if (fnd_store_health(scene->store, NULL) != FND_OK) {
        cr_assert_null(reader, "a store of which nobody knows what is on record lends nothing");
        return;
    }
    cr_assert_not_null(reader);
    cr_assert_eq(fnd_reader_head(reader, &lent, chain, NULL), FND_OK);
    fnd_store_reader_end(scene->store);
    scene_read(scene);
    cr_assert_eq(fnd_reader_head(scene->reader, &found, chain, NULL), FND_OK);
    cr_expect_eq(lent, found);
}

/* One commit meets one fault.  Returns whether the fault was met at all. */
static bool meet(enum fault_call call, int at, int result, bool after, int times, int *unknown)
{
    struct scene scene;
    struct fnd_error error = {0};
    scene_begin(&scene, 21);
    commit(&scene, write_pin("p", 1), FND_OK);
    check_lent(&scene);
    faulty_plan(call, at, times, result, after);
    struct fnd_write *write = write_pin("p", 2);
    enum fnd_status status = fnd_store_commit(scene.store, write, &error);
    bool met = faulty_clear();
    fnd_write_destroy(write);
    bool healthy = fnd_store_health(scene.store, NULL) == FND_OK;
    check_lent(&scene);
    if (!met) {
        cr_expect_eq(status, FND_OK, "%s", error.message);
    } else if (!healthy) {
        (*unknown)++;
        cr_expect_str_eq(error.code, "outcome_unknown");
        commit(&scene, write_pin("p", 3), error.status); /* every later one ends the same */
    } else {
        cr_expect_eq(on_record(&scene, 2), status == FND_OK,
                     "call %d, at %d, %d times: the answer was %s, the record says otherwise",
                     (int)call, at, times, fnd_status_name(status));
        cr_expect(status == FND_OK || status == (result == SQLITE_FULL ? FND_FULL : FND_IO),
                  "%s: %s", fnd_status_name(status), error.message);
        commit(&scene, write_pin("p", 3), FND_OK);
    }
    scene_close(&scene);
    scene_open(&scene); /* a restart needs no repair */
    check_whole(&scene);
    cr_expect(on_record(&scene, 1));
    if (status == FND_OK) {
        cr_expect(on_record(&scene, 2), "an acknowledged write was lost");
    } else if (healthy) {
        cr_expect_not(on_record(&scene, 2), "a write that was told as failed came back");
    }
    scene_end(&scene);
    return met;
}

Test(faults, at_each_call_of_a_commit_end_in_the_truth_or_in_unknown, .timeout = 900)
{
    static const struct {
        enum fault_call call;
        int result;
        bool after;
    } cases[] = {{FAULT_WRITE, SQLITE_IOERR_WRITE, false}, {FAULT_WRITE, SQLITE_FULL, false},
                 {FAULT_WRITE, SQLITE_IOERR_WRITE, true},  {FAULT_SYNC, SQLITE_IOERR_FSYNC, false},
                 {FAULT_SYNC, SQLITE_IOERR_FSYNC, true},   {FAULT_READ, SQLITE_IOERR_READ, false}};
    static const int times[] = {1, 2, FAULT_ALWAYS};
    faulty_install();
    int points = 0;
    int unknown = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof times / sizeof times[0]; j++) {
            int at = 1;
            while (at < CALLS_MAX &&
                   meet(cases[i].call, at, cases[i].result, cases[i].after, times[j], &unknown)) {
                at++;
            }
            points += at - 1;
        }
    }
    printf("fault points: %d, of which unknown: %d\n", points, unknown);
    cr_assert_gt(points, 40);
    cr_assert_lt(unknown, points);
}

Test(faults, a_commit_that_failed_to_sync_and_is_found_on_record_is_a_success)
{
    /* The first failure is the commit's; the second keeps SQLite from emptying the log as it
     * closes, so that the next opening finds the commit in it. */
    struct scene scene;
    faulty_install();
    scene_begin(&scene, 22);
    faulty_plan(FAULT_SYNC, 1, 2, SQLITE_IOERR_FSYNC, true);
    commit(&scene, write_pin("p", 1), FND_OK);
    cr_assert(faulty_clear());
    cr_assert(on_record(&scene, 1));
    commit(&scene, write_pin("p", 2), FND_OK);
    scene_end(&scene);
}

/* The reader keeps the log from being emptied, so what the failed commit wrote is in it. Two
 * copies of the files stand for a crash right after the answer. */
static void comes_not_back(int error_number, enum fnd_status status)
{
    struct scene scene;
    char command[4 * PATH_SIZE];
    faulty_install();
    scene_begin(&scene, 26);
    commit(&scene, write_pin("p", 1), FND_OK);
    scene_read(&scene);
    faulty_plan(FAULT_SYNC, 1, 1, SQLITE_IOERR_FSYNC, true);
    faulty_errno(error_number);
    commit(&scene, write_pin("p", 2), status);
    cr_assert(faulty_clear());
    struct scene copy;
    scene_directory(&copy, 27);
    snprintf(command, sizeof command,
             "cp -r '%.4000s/.foundry' '%.4000s/' && rm '%.4000s'/.foundry/*-shm", scene.directory,
             copy.directory, copy.directory);
    cr_assert_eq(system(command), 0);
    cr_expect_not(on_record(&copy, 2));
    scene_open(&copy);
    cr_assert(on_record(&copy, 1));
    cr_expect_not(on_record(&copy, 2));
    check_whole(&copy);
    scene_end(&copy);
    commit(&scene, write_pin("p", 2), FND_OK);
    scene_end(&scene);
}

Test(faults, a_commit_that_failed_beside_a_reader_does_not_come_back_after_a_crash)
{
    comes_not_back(0, FND_IO);
}

/* File systems that allocate late find out about a full disk at fsync, when all is written. */
Test(faults, nor_does_one_that_found_the_disk_full_when_it_synced)
{
    comes_not_back(ENOSPC, FND_FULL);
}

Test(faults, a_failed_group_fails_whole_also_what_was_refused_in_it)
{
    struct scene scene;
    faulty_install();
    scene_begin(&scene, 23);
    fnd_store_submit(scene.store, write_pin("p", 1));
    fnd_store_submit(scene.store, write_pin("p", 1)); /* refused because of the first */
    faulty_plan(FAULT_WRITE, 1, FAULT_ALWAYS, SQLITE_FULL, false);
    fnd_store_flush(scene.store);
    cr_assert(faulty_clear());
    struct fnd_write *write = fnd_store_collect(scene.store);
    for (int i = 0; i < 2; i++) {
        struct fnd_write *next = write->next;
        cr_expect_eq(write->status, FND_FULL, "%s", fnd_status_name(write->status));
        cr_expect_str_eq(write->error->code, "storage_full");
        fnd_write_destroy(write);
        write = next;
    }
    cr_assert_null(write);
    commit(&scene, write_pin("p", 1), FND_OK);
    scene_end(&scene);
}

Test(faults, a_full_disk_stops_writes_with_its_name_and_they_go_on_once_there_is_space)
{
    struct scene scene;
    struct rlimit old;
    signal(SIGXFSZ, SIG_IGN);
    scene_begin(&scene, 24);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    int number = 0;
    for (int round = 0; round < 3; round++) {
        char path[PATH_SIZE];
        struct rlimit tight = old;
        tight.rlim_cur = (rlim_t)file_size(scene_file(&scene, "state.db-wal", path)) + 60000;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
        struct fnd_error error = {0};
        enum fnd_status status = FND_OK;
        int acknowledged = number;
        while (status == FND_OK) {
            struct fnd_write *write = write_pin("p", number++);
            status = fnd_store_commit(scene.store, write, &error);
            acknowledged += status == FND_OK;
            fnd_write_destroy(write);
            cr_assert_lt(number, 10000, "the limit was never met");
        }
        cr_assert_eq(status, FND_FULL, "%s", error.message);
        cr_assert_not_null(strstr(error.message, "storage full: free space in"));
        cr_assert_not_null(strstr(error.message, "nothing acknowledged was lost"));
        cr_assert(on_record(&scene, acknowledged - 1), "reading still works");
        cr_assert_not(on_record(&scene, number - 1));
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
        number--;
        commit(&scene, write_pin("p", number++), FND_OK);
    }
    for (int i = 0; i < number; i++) {
        cr_assert(on_record(&scene, i), "pin %d of %d", i, number);
    }
    check_whole(&scene);
    scene_end(&scene);
}

Test(faults, an_artifact_on_a_full_disk_is_refused_and_leaves_nothing)
{
    struct scene scene;
    struct rlimit old;
    char bytes[20000] = {0};
    signal(SIGXFSZ, SIG_IGN);
    scene_begin(&scene, 25);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit tight = old;
    tight.rlim_cur = 10000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    struct fnd_artifact artifact;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_artifact_put(scene.store, bytes, sizeof bytes, &artifact, &error), FND_FULL,
                 "%s", error.message);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert_eq(fnd_artifact_put(scene.store, bytes, sizeof bytes, &artifact, &error), FND_OK);
    scene_close(&scene);
    check_whole(&scene);
    scene_end(&scene);
}
