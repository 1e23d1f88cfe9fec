/* SPDX-License-Identifier: MIT */
/* A record of schema 1 becomes one of today: nothing of the log changes, every table is made anew,
 * the file as it was stays beside it, and a failure or a kill on the way leaves it untouched. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "failing.h"
#include "store/verify.h"
#include "support.h"

/* The tables of schema 1, as engine 0.1 made them. */
static const char v1_sql[] =
    "CREATE TABLE job(id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, pin INTEGER NOT NULL,"
    " pipeline TEXT NOT NULL, path TEXT NOT NULL, revision INTEGER NOT NULL,"
    " created INTEGER NOT NULL, UNIQUE(pipeline, path, revision)) STRICT;"
    "CREATE TABLE step(id INTEGER PRIMARY KEY, job INTEGER NOT NULL, item INTEGER,"
    " phase INTEGER NOT NULL, state INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, due INTEGER NOT NULL, event INTEGER NOT NULL,"
    " pin INTEGER NOT NULL, outputs BLOB NOT NULL) STRICT;"
    "CREATE INDEX step_live ON step(state) WHERE state <= 3;"
    "CREATE INDEX step_stopped ON step(state) WHERE state > 4;"
    "CREATE INDEX step_due ON step(due) WHERE state = 2;"
    "CREATE INDEX step_item ON step(job, item) WHERE item IS NOT NULL;"
    "CREATE TABLE request(id INTEGER PRIMARY KEY, step INTEGER NOT NULL, phase INTEGER NOT NULL,"
    " version INTEGER NOT NULL, state INTEGER NOT NULL, closed INTEGER NOT NULL) STRICT;"
    "CREATE INDEX request_open ON request(state) WHERE state = 0;"
    "CREATE UNIQUE INDEX request_of ON request(step) WHERE state = 0;"
    "CREATE TABLE correction(id INTEGER PRIMARY KEY, step INTEGER NOT NULL,"
    " phase INTEGER NOT NULL, request INTEGER NOT NULL, output INTEGER NOT NULL,"
    " tier INTEGER NOT NULL, verdict INTEGER NOT NULL) STRICT;"
    "CREATE TABLE pin(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, pipeline TEXT NOT NULL)"
    " STRICT;"
    "CREATE TABLE artifact(hash BLOB PRIMARY KEY, size INTEGER NOT NULL, refs INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;";

/* A store with work in it, in the tables of schema 1. */
static void old_store(struct scene *scene, int64_t *request)
{
    scene_begin(scene, 3);
    int64_t job = paused_job(scene, "a.png", request);
    struct fnd_write *write = write_answer(scene, job, *request, true);
    add_move(write, FND_EVENT_OUTPUT, FND_COMPLETED, 1);
    commit(scene, write, FND_OK);
    paused_job(scene, "b.png", request);
    scene_close(scene);
    sql(scene, "DROP TABLE job; DROP TABLE step; DROP TABLE request; DROP TABLE correction;"
               "DROP TABLE pin; DROP TABLE artifact; DROP TABLE meta; DROP TABLE twin;"
               "DROP TABLE rule; DROP TABLE settled; DROP TABLE lease; DROP TABLE draft;"
               "DROP TABLE outbox");
    sql(scene, v1_sql);
    sql(scene, "PRAGMA user_version = 1");
}

static void flaw_print(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

Test(migrate, an_older_record_is_kept_and_brought_up_to_date)
{
    struct scene scene;
    int64_t request;
    char path[PATH_SIZE];
    old_store(&scene, &request);
    int64_t events = sql_number(&scene, "SELECT max(id) FROM event");
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_INVALID);
    cr_assert_str_eq(error.code, "older_schema");
    scene_open(&scene);
    scene_read(&scene);
    cr_assert_eq(request_of(&scene, request).state, FND_REQUEST_OPEN);
    struct fnd_verify result;
    cr_assert_eq(fnd_store_verify(scene.reader, &result, flaw_print, NULL, &error), FND_OK);
    cr_assert_eq(result.flaws, 0);
    cr_assert_eq(last_event(&scene), events, "the log is what it was");
    scene_close(&scene);
    struct stat kept;
    cr_assert_eq(stat(scene_file(&scene, "state-v1.db", path), &kept), 0);
    cr_assert_eq(kept.st_mode & 0777, 0600);
    /* The copy is the record of before, whole. */
    char live[PATH_SIZE], aside[PATH_SIZE];
    scene_file(&scene, "state.db", live);
    scene_file(&scene, "state-v2.db", aside);
    cr_assert_eq(rename(live, aside), 0);
    cr_assert_eq(rename(path, live), 0);
    cr_assert_eq(sql_number(&scene, "PRAGMA user_version"), 1);
    cr_assert_eq(sql_number(&scene, "SELECT max(id) FROM event"), events);
    cr_assert_eq(
        sql_number(&scene,
                   "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
        1);
    scene_open(&scene); /* and can be brought up to date again */
    scene_end(&scene);
}

Test(migrate, an_event_that_cannot_be_folded_leaves_the_old_record_untouched)
{
    struct scene scene;
    int64_t request;
    old_store(&scene, &request);
    sql(&scene, "UPDATE event SET kind = 77 WHERE id = 3");
    struct fnd_error error = {0};
    cr_assert_eq(scene_try(&scene, &error), FND_DAMAGED);
    cr_assert_not_null(strstr(error.message, "event 3"), "%s", error.message);
    cr_assert_eq(sql_number(&scene, "PRAGMA user_version"), 1);
    cr_assert_eq(sql_number(&scene, "SELECT count(*) FROM sqlite_schema WHERE name = 'twin'"), 0);
    sql(&scene, "UPDATE event SET kind = 3 WHERE id = 3");
    scene_open(&scene);
    scene_end(&scene);
}

/* Working rows are no part of the log: what somebody typed, how long a claim holds and what is
 * still to be sent come along. */
Test(migrate, drafts_leases_and_the_outbox_come_along)
{
    struct scene scene;
    struct fnd_error error = {0};
    int64_t request;
    scene_begin(&scene, 2);
    paused_job(&scene, "a.png", &request);
    struct fnd_write *write = fnd_write_create();
    fnd_write_add(write, FND_EVENT_CLAIM, fnd_strdup("{\"by\":\"ann\",\"until_us\":5}"), NULL)
        ->ref = request;
    fnd_write_note(write, FND_NOTE_DRAFT, request, "ann", "{\"values\":{}}");
    struct fnd_note *hook = fnd_write_note(write, FND_NOTE_OUTBOX, request, NULL, NULL);
    hook->hook = 3;
    hook->pin = sql_number(&scene, "SELECT id FROM pin");
    hook->at_us = 11;
    commit(&scene, write, FND_OK);
    write = fnd_write_create();
    struct fnd_note *beat = fnd_write_note(write, FND_NOTE_LEASE, request, NULL, NULL);
    beat->fence = 1;
    beat->at_us = 99;
    commit(&scene, write, FND_OK);
    scene_close(&scene);
    sql(&scene, "ALTER TABLE lease DROP COLUMN mark; ALTER TABLE draft DROP COLUMN mark;"
                "ALTER TABLE outbox DROP COLUMN mark; PRAGMA user_version = 2");
    scene_open(&scene);
    scene_read(&scene);
    struct fnd_verify result;
    cr_assert_eq(fnd_store_verify(scene.reader, &result, flaw_print, NULL, &error), FND_OK);
    cr_assert_eq(result.flaws, 0);
    scene_close(&scene);
    cr_assert_eq(sql_number(&scene, "PRAGMA user_version"), FND_STORE_VERSION);
    cr_assert_eq(sql_number(&scene, "SELECT until FROM lease WHERE fence = 1"), 99);
    cr_assert_eq(sql_number(&scene, "SELECT count(*) FROM draft WHERE who = 'ann'"), 1);
    cr_assert_eq(sql_number(&scene, "SELECT count(*) FROM outbox WHERE hook = 3 AND next = 11"), 1);
    cr_assert_eq(sql_number(&scene, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old%'"),
                 0);
    scene_end(&scene);
}

/* A failure leaves the old record as it was, so the next one meets the same record. */
Test(migrate, each_call_of_it_may_fail_and_the_next_engine_brings_it_up_to_date, .timeout = 900)
{
    unsigned failed = 0, at = 0;
    failing_place();
    const char *met = "";
    while (met != NULL) {
        struct scene scene;
        int64_t request;
        old_store(&scene, &request);
        const int64_t events = sql_number(&scene, "SELECT max(id) FROM event");
        enum fnd_status status = FND_IO;
        while (status != FND_OK) {
            struct fnd_error error = {0};
            failing_arm(++at, FAILING_ERROR);
            status = scene_try(&scene, &error);
            met = failing_clear();
            cr_expect(status == FND_OK || strlen(error.message) > 10, "call %u says nothing", at);
            failed += status != FND_OK;
            cr_assert(met != NULL || status == FND_OK, "%s", error.message);
        }
        scene_read(&scene);
        struct fnd_verify result;
        cr_expect_eq(fnd_store_verify(scene.reader, &result, flaw_print, NULL, NULL), FND_OK);
        cr_expect_eq(result.flaws, 0, "behind call %u", at);
        cr_expect_eq(request_of(&scene, request).state, FND_REQUEST_OPEN);
        cr_expect_eq(last_event(&scene), events);
        scene_end(&scene);
    }
    printf("%u of %u calls stop a migration\n", failed, at);
    cr_expect_gt(failed, 20);
}
