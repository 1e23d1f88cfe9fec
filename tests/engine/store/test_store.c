/* SPDX-License-Identifier: MIT */
/* What any store behind store.h and reader.h must do. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "support.h"

enum { SEED = 7 };

Test(store, a_new_store_has_one_event_and_a_salt_that_stays)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    cr_assert_eq(last_event(&scene), 1);
    uint8_t salt[FND_DIGEST_SIZE];
    memcpy(salt, fnd_store_salt(scene.store), sizeof salt);
    scene_close(&scene);
    scene_open(&scene);
    cr_assert_eq(last_event(&scene), 1);
    cr_assert_arr_eq(salt, fnd_store_salt(scene.store), sizeof salt);
    scene_end(&scene);
}

Test(store, files_are_for_their_owner_alone)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    new_job(&scene, "a.png");
    static const struct {
        const char *name;
        mode_t mode;
    } cases[] = {{"", 0700},     {"state.db", 0600}, {"state.db-wal", 0600}, {"state.db-shm", 0600},
                 {"head", 0600}, {"lock", 0600},     {"artifacts", 0700},    {"plugins", 0700}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[PATH_SIZE];
        struct stat info;
        cr_assert_eq(stat(scene_file(&scene, cases[i].name, path), &info), 0, "%s", path);
        cr_expect_eq(info.st_mode & 07777, cases[i].mode, "%s is %o", path, info.st_mode);
    }
    scene_end(&scene);
}

Test(store, a_job_is_on_record_with_its_step_queued)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t job = new_job(&scene, "scans/a.png");
    scene_read(&scene);
    struct fnd_job_row row;
    cr_assert_eq(fnd_job_find(scene.reader, "invoice", "scans/a.png", &row, NULL), FND_OK);
    cr_assert_eq(row.id, job);
    cr_assert_eq(row.revision, 1);
    cr_assert_eq(row.created_us, START_US);
    fnd_job_row_finish(&row);
    struct fnd_step_row step = step_of(&scene, job);
    cr_assert_eq(step.stand.state, FND_QUEUED);
    cr_assert_eq(step.event, job);
    cr_assert_eq(step.item, FND_ITEM_NONE);
    cr_assert_eq(step.outputs_count, 0);
    scene_end(&scene);
}

Test(store, a_write_that_knows_an_older_event_conflicts_and_leaves_nothing)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t job = new_job(&scene, "a.png");
    struct fnd_write *late = write_move(&scene, job, FND_EVENT_OUTPUT, FND_RUNNING, 0);
    add_move(late, FND_EVENT_ASK, FND_PAUSED, 1);
    commit(&scene, write_move(&scene, job, FND_EVENT_START, FND_RUNNING, 0), FND_OK);
    int64_t before = last_event(&scene);
    commit_fails(&scene, late, FND_CONFLICT, "moved on meanwhile");
    cr_assert_eq(last_event(&scene), before);
    struct fnd_request_row request;
    cr_assert_eq(fnd_request_of(scene.reader, job, &request, NULL), FND_NOT_FOUND);
    scene_end(&scene);
}

Test(store, who_has_nothing_else_to_do_commits_what_waits)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t a = new_job(&scene, "a.png");
    cr_expect_not(fnd_store_flush_free(scene.store), "nothing waits");
    fnd_store_queue(scene.store, write_move(&scene, a, FND_EVENT_START, FND_RUNNING, 0));
    cr_assert_eq(fnd_store_waiting(scene.store), 1);
    cr_expect(fnd_store_flush_free(scene.store));
    cr_assert_eq(fnd_store_waiting(scene.store), 0);
    struct fnd_write *write = fnd_store_collect(scene.store);
    cr_assert_not_null(write);
    cr_expect_eq(write->status, FND_OK);
    fnd_write_destroy(write);
    scene_end(&scene);
}

Test(store, a_conflict_in_a_group_spares_the_others)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t a = new_job(&scene, "a.png");
    int64_t b = new_job(&scene, "b.png");
    struct fnd_write *writes[] = {write_move(&scene, a, FND_EVENT_START, FND_RUNNING, 0),
                                  write_move(&scene, a, FND_EVENT_CANCEL, FND_CANCELLED, 0),
                                  write_move(&scene, b, FND_EVENT_START, FND_RUNNING, 0)};
    for (size_t i = 0; i < 3; i++) {
        fnd_store_submit(scene.store, writes[i]);
    }
    cr_assert_eq(fnd_store_waiting(scene.store), 3);
    fnd_store_flush(scene.store);
    cr_assert_eq(fnd_store_waiting(scene.store), 0);
    static const enum fnd_status wanted[] = {FND_OK, FND_CONFLICT, FND_OK};
    struct fnd_write *write = fnd_store_collect(scene.store);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(write, writes[i], "results come in the order of submission");
        cr_assert_eq(write->status, wanted[i]);
        struct fnd_write *next = write->next;
        fnd_write_destroy(write);
        write = next;
    }
    cr_assert_null(write);
    cr_assert_eq(last_event(&scene), b + 2, "numbers have no gap for what was refused");
    cr_assert_eq(step_of(&scene, a).stand.state, FND_RUNNING);
    scene_end(&scene);
}

Test(store, the_descriptor_is_readable_exactly_while_results_wait)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    struct pollfd ready = {.fd = fnd_store_ready_fd(scene.store), .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, 0), 0);
    commit(&scene, write_pin("own", 1), FND_OK);
    cr_assert_eq(poll(&ready, 1, 0), 0, "a commit's write is its caller's");
    fnd_store_submit(scene.store, write_pin("one", 1));
    fnd_store_submit(scene.store, write_pin("two", 1));
    cr_assert_eq(poll(&ready, 1, 0), 0);
    fnd_store_flush(scene.store);
    cr_assert_eq(poll(&ready, 1, 0), 1);
    struct fnd_write *write = fnd_store_collect(scene.store);
    cr_assert_eq(poll(&ready, 1, 0), 0);
    cr_assert_null(fnd_store_collect(scene.store));
    while (write != NULL) {
        struct fnd_write *next = write->next;
        cr_assert_eq(write->status, FND_OK);
        fnd_write_destroy(write);
        write = next;
    }
    scene_end(&scene);
}

Test(store, identities_clash_once_each)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t pin = commit(&scene, write_pin("invoice", 1), FND_OK);
    int64_t job = commit(&scene, write_job(&scene, pin, "invoice", "a.png", 1), FND_OK);
    cr_assert_eq(commit(&scene, write_pin("invoice", 1), FND_CONFLICT), pin);
    cr_assert_eq(commit(&scene, write_job(&scene, pin, "invoice", "a.png", 1), FND_CONFLICT), job);
    commit(&scene, write_job(&scene, pin, "invoice", "a.png", 2), FND_OK);
    commit(&scene, write_job(&scene, pin, "poles", "a.png", 1), FND_OK);
    commit(&scene, write_pin("invoice", 2), FND_OK);
    struct fnd_write *same = write_job(&scene, pin, "invoice", "b.png", 1);
    struct fnd_write *twin = fnd_write_create();
    *twin = *same; /* the same UUID under another path */
    twin->pipeline = fnd_strdup("invoice");
    twin->path = fnd_strdup("c.png");
    struct fnd_text body = {0};
    fnd_text_append_z(&body, same->events[0].body);
    memcpy(strstr(body.bytes, "b.png"), "c.png", 5);
    twin->events[0].body = fnd_text_take(&body);
    commit(&scene, same, FND_OK);
    commit_fails(&scene, twin, FND_CONFLICT, "on record already");
    scene_read(&scene);
    struct fnd_job_row row;
    cr_assert_eq(fnd_job_find(scene.reader, "invoice", "a.png", &row, NULL), FND_OK);
    cr_assert_eq(row.revision, 2);
    fnd_job_row_finish(&row);
    scene_end(&scene);
}

Test(store, outputs_are_folded_and_dropped_by_reopen_and_upgrade)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t job = new_job(&scene, "a.png");
    int64_t events[3];
    commit(&scene, write_move(&scene, job, FND_EVENT_START, FND_RUNNING, 0), FND_OK);
    for (int phase = 0; phase < 3; phase++) {
        enum fnd_state state = phase < 2 ? FND_RUNNING : FND_COMPLETED;
        events[phase] =
            commit(&scene, write_move(&scene, job, FND_EVENT_OUTPUT, state, phase), FND_OK);
    }
    struct fnd_step_row step = step_of(&scene, job);
    cr_assert_eq(step.stand.state, FND_COMPLETED);
    cr_assert_eq(step.outputs_count, 3);
    cr_assert_arr_eq(step.outputs, events, sizeof events);
    commit(&scene, write_move(&scene, job, FND_EVENT_REOPEN, FND_QUEUED, 2), FND_OK);
    step = step_of(&scene, job);
    cr_assert_eq(step.outputs_count, 2);
    int64_t pin = commit(&scene, write_pin("invoice", 2), FND_OK);
    struct fnd_write *upgrade = write_move(&scene, job, FND_EVENT_UPGRADE, FND_QUEUED, 1);
    upgrade->events[0].ref = pin;
    commit(&scene, upgrade, FND_OK);
    step = step_of(&scene, job);
    cr_assert_eq(step.outputs_count, 1);
    cr_assert_eq(step.outputs[0], events[0]);
    cr_assert_eq(step.pin, pin);
    scene_end(&scene);
}

Test(store, an_answer_closes_its_request_once_and_pairs_with_its_output)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t request;
    int64_t job = paused_job(&scene, "a.png", &request);
    scene_read(&scene);
    cr_assert_eq(request_of(&scene, request).state, FND_REQUEST_OPEN);
    cr_assert_eq(request_of(&scene, request).version, 1);
    struct fnd_write *write = write_answer(&scene, job, request, true);
    add_move(write, FND_EVENT_OUTPUT, FND_RUNNING, 1);
    int64_t answer = commit(&scene, write, FND_OK);
    struct fnd_request_row row = request_of(&scene, request);
    cr_assert_eq(row.state, FND_REQUEST_ANSWERED);
    cr_assert_eq(row.version, 2);
    cr_assert_eq(row.closed, answer);
    struct fnd_correction_row correction;
    cr_assert_eq(fnd_correction_get(scene.reader, answer, &correction, NULL), FND_OK);
    cr_assert_eq(correction.request, request);
    cr_assert_eq(correction.output, answer + 1);
    cr_assert_eq(correction.tier, FND_TIER_GOLD);
    cr_assert_eq(correction.verdict, FND_CORRECTED);
    commit_fails(&scene, write_answer(&scene, job, request, true), FND_CONFLICT,
                 "answered by event");
    commit_fails(&scene, write_answer(&scene, job, 999, true), FND_CONFLICT, "no such request");
    scene_end(&scene);
}

Test(store, a_plain_answer_makes_no_correction)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t request;
    int64_t job = paused_job(&scene, "a.png", &request);
    int64_t answer = commit(&scene, write_answer(&scene, job, request, false), FND_OK);
    struct fnd_correction_row correction;
    cr_assert_eq(fnd_correction_get(scene.reader, answer, &correction, NULL), FND_NOT_FOUND);
    cr_assert_eq(request_of(&scene, request).state, FND_REQUEST_ANSWERED);
    scene_end(&scene);
}

Test(store, an_end_reopen_upgrade_or_new_question_withdraws_the_open_request)
{
    static const struct {
        enum fnd_event_kind kind;
        enum fnd_state state;
    } cases[] = {{FND_EVENT_CANCEL, FND_CANCELLED}, {FND_EVENT_FAIL, FND_FAILED},
                 {FND_EVENT_OUTPUT, FND_COMPLETED}, {FND_EVENT_REOPEN, FND_QUEUED},
                 {FND_EVENT_UPGRADE, FND_QUEUED},   {FND_EVENT_ASK, FND_PAUSED}};
    struct scene scene;
    scene_begin(&scene, SEED);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[32];
        snprintf(path, sizeof path, "%zu.png", i);
        int64_t request;
        int64_t job = paused_job(&scene, path, &request);
        struct fnd_write *write = write_move(&scene, job, cases[i].kind, cases[i].state, 1);
        write->events[0].ref = cases[i].kind == FND_EVENT_UPGRADE ? 2 : 0;
        int64_t event = commit(&scene, write, FND_OK);
        struct fnd_request_row row = request_of(&scene, request);
        cr_expect_eq(row.state, FND_REQUEST_WITHDRAWN, "%s", fnd_event_name(cases[i].kind));
        cr_expect_eq(row.closed, event);
        commit_fails(&scene, write_answer(&scene, job, request, false), FND_CONFLICT,
                     "withdrawn by event");
    }
    scene_end(&scene);
}

Test(store, payloads_come_back_as_they_were)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t job = new_job(&scene, "a.png");
    static const struct {
        const char *body, *meta;
    } cases[] = {{"{\"a\":1.10}", "{\"b\":2}"}, {"{}", NULL}, {NULL, "{}"}, {NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_write *write = write_move(&scene, job, FND_EVENT_START, FND_RUNNING, 0);
        struct fnd_event *event = &write->events[0];
        free(event->body);
        free(event->meta);
        event->body = cases[i].body != NULL ? fnd_strdup(cases[i].body) : NULL;
        event->meta = cases[i].meta != NULL ? fnd_strdup(cases[i].meta) : NULL;
        event->body_size = cases[i].body != NULL ? strlen(cases[i].body) : 0;
        event->meta_size = cases[i].meta != NULL ? strlen(cases[i].meta) : 0;
        int64_t number = commit(&scene, write, FND_OK);
        struct fnd_text body = {0};
        struct fnd_text meta = {0};
        bool any = cases[i].body != NULL || cases[i].meta != NULL;
        cr_assert_eq(fnd_payload_get(scene.reader, number, &body, &meta, NULL),
                     any ? FND_OK : FND_NOT_FOUND);
        cr_expect_str_eq(fnd_text_z(&body), cases[i].body != NULL ? cases[i].body : "");
        cr_expect_str_eq(fnd_text_z(&meta), cases[i].meta != NULL ? cases[i].meta : "");
        fnd_text_finish(&body);
        fnd_text_finish(&meta);
    }
    scene_end(&scene);
}

Test(store, a_group_larger_than_the_bound_is_committed_whole)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    enum { MANY = 1200 };
    for (int i = 0; i < MANY; i++) {
        fnd_store_submit(scene.store, write_pin("many", i));
    }
    fnd_store_flush(scene.store);
    struct fnd_write *write = fnd_store_collect(scene.store);
    int64_t expected = 2;
    while (write != NULL) {
        struct fnd_write *next = write->next;
        cr_assert_eq(write->first, expected++);
        fnd_write_destroy(write);
        write = next;
    }
    cr_assert_eq(expected, MANY + 2);
    scene_end(&scene);
}
