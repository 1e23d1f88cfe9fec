/* SPDX-License-Identifier: MIT */
/* What any store behind reader.h must tell. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/text.h"
#include "support.h"

enum { SEED = 8 };

struct seen {
    int64_t ids[64];
    size_t count, stop;
};

static bool see(struct seen *seen, int64_t id)
{
    seen->ids[seen->count++] = id;
    return seen->count != seen->stop;
}

static bool see_step(const struct fnd_step_row *row, void *context)
{
    return see(context, row->id);
}

static bool see_job(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    cr_assert_eq(job->id, step->id);
    return see(context, job->id);
}

static bool see_request(const struct fnd_request_row *row, void *context)
{
    return see(context, row->id);
}

static bool see_correction(const struct fnd_correction_row *row, void *context)
{
    return see(context, row->id);
}

static bool see_event(const struct fnd_event_row *row, void *context)
{
    return see(context, row->id);
}

Test(reader, walks_page_in_order_and_stop_when_told)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t jobs[10];
    int64_t requests[10];
    for (size_t i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "%zu.png", i);
        jobs[i] = paused_job(&scene, path, &requests[i]);
    }
    scene_read(&scene);
    struct fnd_walk walk = {.limit = 4};
    struct seen all = {0};
    for (int page = 0; page < 4; page++) {
        struct seen seen = {0};
        cr_assert_eq(fnd_steps_walk(scene.reader, FND_PAUSED, &walk, see_step, &seen, NULL),
                     FND_OK);
        cr_assert_eq(seen.count, page < 2 ? 4 : page == 2 ? 2 : 0);
        for (size_t i = 0; i < seen.count; i++) {
            see(&all, seen.ids[i]);
            walk.after = seen.ids[i];
        }
    }
    cr_assert_eq(all.count, 10);
    cr_assert_arr_eq(all.ids, jobs, sizeof jobs);

    struct seen stopped = {.stop = 3};
    walk = (struct fnd_walk){.limit = 64};
    cr_assert_eq(
        fnd_requests_walk(scene.reader, FND_REQUEST_OPEN, &walk, see_request, &stopped, NULL),
        FND_OK);
    cr_assert_eq(stopped.count, 3);
    cr_assert_arr_eq(stopped.ids, requests, 3 * sizeof requests[0]);

    static const struct {
        struct fnd_job_filter filter;
        size_t count;
    } filters[] = {{{NULL, -1}, 10},         {{"invoice", -1}, 10},
                   {{"poles", -1}, 0},       {{"invoice", FND_PAUSED}, 10},
                   {{NULL, FND_RUNNING}, 0}, {{NULL, FND_COMPLETED}, 0}};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        struct seen seen = {0};
        cr_assert_eq(fnd_jobs_walk(scene.reader, &filters[i].filter, &walk, see_job, &seen, NULL),
                     FND_OK);
        cr_expect_eq(seen.count, filters[i].count, "filter %zu", i);
    }
    scene_end(&scene);
}

Test(reader, a_step_s_history_is_walked_newest_first)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t request;
    int64_t job = paused_job(&scene, "a.png", &request);
    paused_job(&scene, "b.png", &(int64_t){0});
    struct fnd_walk walk = {.limit = 3};
    struct seen seen = {0};
    scene_read(&scene);
    cr_assert_eq(fnd_events_walk(scene.reader, job, &walk, see_event, &seen, NULL), FND_OK);
    cr_assert_eq(seen.count, 3);
    cr_assert_eq(seen.ids[0], request);
    walk.after = seen.ids[2];
    cr_assert_eq(fnd_events_walk(scene.reader, job, &walk, see_event, &seen, NULL), FND_OK);
    cr_assert_eq(seen.count, 4);
    cr_assert_eq(seen.ids[3], job);
    seen = (struct seen){0};
    walk = (struct fnd_walk){.limit = 64};
    cr_assert_eq(fnd_events_walk(scene.reader, 0, &walk, see_event, &seen, NULL), FND_OK);
    cr_assert_eq((int64_t)seen.count, last_event(&scene));
    scene_end(&scene);
}

Test(reader, counts_and_corrections_and_due_follow_the_events)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t due = 1;
    scene_read(&scene);
    cr_assert_eq(fnd_steps_due(scene.reader, &due, NULL), FND_OK);
    cr_assert_eq(due, 0);
    int64_t request;
    int64_t a = paused_job(&scene, "a.png", &request);
    paused_job(&scene, "b.png", &(int64_t){0});
    commit(&scene, write_answer(&scene, a, request, true), FND_OK);
    commit(&scene, write_move(&scene, a, FND_EVENT_OUTPUT, FND_COMPLETED, 1), FND_OK);
    for (int i = 0; i < 2; i++) {
        int64_t job = new_job(&scene, i == 0 ? "c.png" : "d.png");
        commit(&scene, write_move(&scene, job, FND_EVENT_START, FND_RUNNING, 0), FND_OK);
        struct fnd_write *retry = write_move(&scene, job, FND_EVENT_RETRY, FND_RETRYING, 0);
        retry->events[0].after.due_us = START_US + 500 - i;
        commit(&scene, retry, FND_OK);
    }
    int64_t job = new_job(&scene, "e.png");
    commit(&scene, write_move(&scene, job, FND_EVENT_FAIL, FND_FAILED, 0), FND_OK);
    static const int64_t wanted[FND_CANCELLED + 1] = {
        [FND_COMPLETED] = 1, [FND_PAUSED] = 1, [FND_RETRYING] = 2, [FND_FAILED] = 1};
    int64_t counts[FND_CANCELLED + 1];
    for (int named = 0; named < 2; named++) {
        cr_assert_eq(fnd_jobs_count(scene.reader, named ? "invoice" : NULL, counts, NULL), FND_OK);
        cr_expect_arr_eq(counts, wanted, sizeof wanted);
    }
    cr_assert_eq(fnd_steps_due(scene.reader, &due, NULL), FND_OK);
    cr_assert_eq(due, START_US + 499);
    struct seen seen = {0};
    cr_assert_eq(fnd_corrections_walk(scene.reader, &(struct fnd_walk){.limit = 9}, see_correction,
                                      &seen, NULL),
                 FND_OK);
    cr_assert_eq(seen.count, 1);
    scene_end(&scene);
}

Test(reader, a_snapshot_stays_over_several_calls)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t before = last_event(&scene);
    cr_assert_eq(fnd_reader_begin(scene.reader, NULL), FND_OK);
    commit(&scene, write_pin("invoice", 1), FND_OK);
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    cr_assert_eq(fnd_reader_head(scene.reader, &sequence, chain, NULL), FND_OK);
    cr_assert_eq(sequence, before);
    fnd_reader_end(scene.reader);
    cr_assert_eq(fnd_reader_head(scene.reader, &sequence, chain, NULL), FND_OK);
    cr_assert_eq(sequence, before + 1);
    scene_end(&scene);
}

Test(reader, reads_that_are_held_together_see_one_moment)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    const int64_t before = last_event(&scene);
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    fnd_reader_rest(scene.reader); /* nothing is held */
    fnd_reader_hold(scene.reader);
    fnd_reader_hold(scene.reader);
    commit(&scene, write_pin("invoice", 1), FND_OK);
    cr_assert_eq(fnd_reader_head(scene.reader, &sequence, chain, NULL), FND_OK);
    cr_expect_eq(sequence, before);
    /* A snapshot taken meanwhile is of the same moment, and its end lets go of nothing else. */
    cr_assert_eq(fnd_reader_begin(scene.reader, NULL), FND_OK);
    fnd_reader_end(scene.reader);
    cr_assert_eq(fnd_reader_head(scene.reader, &sequence, chain, NULL), FND_OK);
    cr_expect_eq(sequence, before);
    fnd_reader_rest(scene.reader);
    cr_assert_eq(fnd_reader_head(scene.reader, &sequence, chain, NULL), FND_OK);
    cr_expect_eq(sequence, before + 1);
    fnd_reader_hold(scene.reader);
    scene_end(&scene); /* what is held when it is closed goes with it */
}

static void *commit_beside(void *context)
{
    struct scene *scene = context;
    commit(scene, write_pin("invoice", 7), FND_OK);
    return NULL;
}

Test(reader, the_store_lends_its_own_where_nobody_commits)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    const int64_t before = last_event(&scene);
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    struct fnd_reader *lent = fnd_store_reader_begin(scene.store);
    cr_assert_not_null(lent);
    cr_assert_null(fnd_store_reader_begin(scene.store), "it is lent already");
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, commit_beside, &scene), 0);
    while (fnd_store_waiting(scene.store) == 0) {
        sched_yield();
    }
    cr_assert_eq(fnd_reader_head(lent, &sequence, chain, NULL), FND_OK);
    cr_expect_eq(sequence, before, "what waits for the reads is not on record");
    fnd_store_reader_end(scene.store);
    pthread_join(thread, NULL);
    lent = fnd_store_reader_begin(scene.store);
    cr_assert_not_null(lent);
    cr_assert_eq(fnd_reader_head(lent, &sequence, chain, NULL), FND_OK);
    cr_expect_eq(sequence, before + 1);
    fnd_store_reader_end(scene.store);
    fnd_store_queue(scene.store, write_pin("invoice", 8));
    cr_expect_null(fnd_store_reader_begin(scene.store), "somebody is about to commit");
    fnd_store_flush(scene.store);
    fnd_write_destroy(fnd_store_collect(scene.store));
    scene_end(&scene);
}

Test(reader, a_person_s_name_for_a_job_is_understood_or_told_apart)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    int64_t pin = commit(&scene, write_pin("invoice", 1), FND_OK);
    int64_t a = commit(&scene, write_job(&scene, pin, "invoice", "scans/a.png", 1), FND_OK);
    int64_t b = commit(&scene, write_job(&scene, pin, "invoice", "scans/b.png", 1), FND_OK);
    int64_t b2 = commit(&scene, write_job(&scene, pin, "invoice", "scans/b.png", 2), FND_OK);
    commit(&scene, write_job(&scene, pin, "invoice", "c.png", 1), FND_OK);
    commit(&scene, write_job(&scene, pin, "poles", "c.png", 1), FND_OK);
    int64_t d = commit(&scene, write_job(&scene, pin, "poles", "old/xa.png", 1), FND_OK);
    scene_read(&scene);
    char number[32];
    char uuid[FND_UUID_TEXT_SIZE];
    struct fnd_job_row row;
    cr_assert_eq(fnd_job_get(scene.reader, b, &row, NULL), FND_OK);
    fnd_uuid_format(row.uuid, uuid);
    fnd_job_row_finish(&row);
    snprintf(number, sizeof number, "%" PRId64, a);
    const struct {
        const char *name;
        enum fnd_status status;
        int64_t id;
        const char *message;
    } cases[] = {{number, FND_OK, a, NULL},
                 {uuid, FND_OK, b, NULL},
                 {"scans/b.png", FND_OK, b2, NULL},
                 {"a.png", FND_OK, a, NULL}, /* a whole name before "xa.png" */
                 {"xa.png", FND_OK, d, NULL},
                 {"c.png", FND_CONFLICT, 0, "pipeline invoice), "},
                 {"png", FND_CONFLICT, 0, "names several jobs"},
                 {"scans/z.png", FND_NOT_FOUND, 0, "did you mean \"scans/"},
                 {"elsewhere entirely", FND_NOT_FOUND, 0, "foundry-engine status"},
                 {"999999", FND_NOT_FOUND, 0, "no job"},
                 {"\x1b[2J", FND_NOT_FOUND, 0, "\\x1b[2J"},
                 {"", FND_NOT_FOUND, 0, "no job"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_error error = {0};
        enum fnd_status status = fnd_job_name(scene.reader, cases[i].name, &row, &error);
        cr_expect_eq(status, cases[i].status, "%s: %s", cases[i].name, error.message);
        if (status == FND_OK) {
            cr_expect_eq(row.id, cases[i].id, "%s", cases[i].name);
            fnd_job_row_finish(&row);
        } else {
            cr_expect_not_null(strstr(error.message, cases[i].message), "%s", error.message);
        }
    }
    scene_end(&scene);
}

Test(reader, what_is_not_there_is_told)
{
    struct scene scene;
    scene_begin(&scene, SEED);
    scene_read(&scene);
    struct fnd_error error = {0};
    struct fnd_step_row step;
    struct fnd_job_row job;
    struct fnd_event_row event;
    struct fnd_request_row request;
    struct fnd_correction_row correction;
    struct fnd_pin_row pin;
    const uint8_t hash[FND_DIGEST_SIZE] = {1};
    struct fnd_reader *reader = scene.reader;
    cr_expect_eq(fnd_step_get(reader, 9, &step, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_job_get(reader, 9, &job, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_job_find(reader, "a", "b", &job, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_event_get(reader, 9, &event, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_request_get(reader, 9, &request, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_request_of(reader, 9, &request, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_correction_get(reader, 9, &correction, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_pin_find(reader, hash, &pin, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_pin_get(reader, 9, &pin, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_pin_latest(reader, "a", &pin, &error), FND_NOT_FOUND);
    cr_expect_eq(fnd_payload_get(reader, 9, NULL, NULL, &error), FND_NOT_FOUND);
    cr_expect_eq(
        fnd_events_walk(reader, 9, &(struct fnd_walk){.limit = 1}, see_event, NULL, &error),
        FND_NOT_FOUND);
    cr_assert_neq(error.message[0], '\0');
    struct fnd_write *write = fnd_write_create();
    write->step = 99;
    write->before = 98;
    add_move(write, FND_EVENT_START, FND_RUNNING, 0);
    commit_fails(&scene, write, FND_CONFLICT, "no job 99");
    scene_end(&scene);
}

/** A job whose answer is a record; `output`: with the output that came of it. */
static int64_t answered_job(struct scene *scene, const char *path, bool output, int64_t *request)
{
    const int64_t job = paused_job(scene, path, request);
    struct fnd_write *write = write_answer(scene, job, *request, true);
    if (output) {
        add_move(write, FND_EVENT_OUTPUT, FND_COMPLETED, 1);
    }
    return commit(scene, write, FND_OK);
}

static void same_body(struct fnd_reader *reader, int64_t event, const struct fnd_text *found)
{
    struct fnd_text wanted = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_payload_get(reader, event, &wanted, NULL, &error), FND_OK, "%s",
                 error.message);
    cr_expect_gt(found->size, 0);
    cr_expect_str_eq(fnd_text_z(found), fnd_text_z(&wanted));
    fnd_text_finish(&wanted);
}

static void same_as_its_parts(struct fnd_reader *reader, int64_t number,
                              const struct fnd_record_parts *parts)
{
    struct fnd_correction_row row;
    struct fnd_event_row event;
    struct fnd_step_row step;
    struct fnd_job_row job = {0};
    cr_assert_eq(fnd_correction_get(reader, number, &row, NULL), FND_OK);
    cr_assert_eq(fnd_event_get(reader, number, &event, NULL), FND_OK);
    cr_assert_eq(fnd_step_get(reader, row.step, &step, NULL), FND_OK);
    cr_assert_eq(fnd_job_get(reader, step.job, &job, NULL), FND_OK);
    cr_expect_eq(parts->correction.id, row.id);
    cr_expect_eq(parts->correction.step, row.step);
    cr_expect_eq(parts->correction.request, row.request);
    cr_expect_eq(parts->correction.output, row.output);
    cr_expect_eq(parts->correction.undone, row.undone);
    cr_expect(parts->correction.phase == row.phase && parts->correction.tier == row.tier &&
              parts->correction.verdict == row.verdict);
    cr_expect_eq(parts->at_us, event.at_us);
    cr_expect_eq(parts->job.id, job.id);
    cr_expect_eq(parts->job.pin, job.pin);
    cr_expect_arr_eq(parts->job.uuid, job.uuid, sizeof job.uuid);
    cr_expect_str_eq(parts->job.path, job.path);
    cr_expect_str_eq(parts->job.pipeline, job.pipeline);
    same_body(reader, number, &parts->answer);
    same_body(reader, row.request, &parts->asked);
    same_body(reader, job.id, &parts->came);
    if (row.output > 0) {
        same_body(reader, row.output, &parts->output);
    } else {
        cr_expect_eq(parts->output.size, 0);
    }
    fnd_job_row_finish(&job);
}

static bool pins_are_told(const struct fnd_correction_row *row, void *context)
{
    cr_expect_eq(row->pin, *(const int64_t *)context);
    return true;
}

Test(reader, a_record_is_read_with_all_that_stands_behind_it)
{
    struct scene scene;
    struct fnd_record_parts parts = {0};
    struct fnd_error error = {0};
    int64_t request;
    scene_begin(&scene, SEED);
    const int64_t numbers[] = {answered_job(&scene, "a.png", true, &request),
                               answered_job(&scene, "bb.png", false, &request),
                               answered_job(&scene, "c.png", true, &request)};
    scene_read(&scene);
    cr_assert_eq(fnd_reader_begin(scene.reader, &error), FND_OK);
    for (size_t i = 0; i < 3; i++) { /* each in the memory of the one before */
        cr_assert_eq(fnd_record_get(scene.reader, numbers[i], &parts, &error), FND_OK, "%s",
                     error.message);
        same_as_its_parts(scene.reader, numbers[i], &parts);
    }
    cr_expect_eq(fnd_record_get(scene.reader, numbers[0] + 1, &parts, &error), FND_NOT_FOUND);
    cr_assert_gt(parts.job.pin, 0);
    cr_expect_eq(fnd_corrections_walk(scene.reader, &(struct fnd_walk){.limit = 9}, pins_are_told,
                                      &parts.job.pin, &error),
                 FND_OK);
    fnd_record_parts_finish(&parts);
    scene_end(&scene);
}

/* Under a snapshot the statement stays where it is: whatever is asked for next comes right. */
Test(reader, records_are_read_in_any_order_with_others_between_them)
{
    enum { COUNT = 40 };
    struct scene scene;
    struct fnd_record_parts parts = {0};
    struct fnd_error error = {0};
    int64_t numbers[COUNT], requests[COUNT];
    scene_begin(&scene, SEED);
    for (int i = 0; i < COUNT; i++) {
        char path[16];
        snprintf(path, sizeof path, "%d.png", i);
        numbers[i] = answered_job(&scene, path, i % 3 != 0, &requests[i]);
    }
    scene_read(&scene);
    for (int held = 0; held < 2; held++) {
        if (held > 0) {
            cr_assert_eq(fnd_reader_begin(scene.reader, &error), FND_OK);
        }
        for (int step = -COUNT + 1; step < COUNT; step++) {
            for (int i = step < 0 ? COUNT - 1 : 0; i >= 0 && i < COUNT;
                 i += step != 0 ? step : 99) {
                struct fnd_text body = {0}, meta = {0};
                struct fnd_event_row ask;
                cr_assert_eq(fnd_record_get(scene.reader, numbers[i], &parts, &error), FND_OK);
                cr_assert_eq(fnd_event_get(scene.reader, requests[i], &ask, &error), FND_OK);
                cr_assert_eq(fnd_record_output(scene.reader, requests[i], &body, &meta, &error),
                             FND_OK, "one that is not the event before the request");
                cr_expect_str_eq(fnd_text_z(&body), fnd_text_z(&parts.asked));
                const enum fnd_status wanted =
                    fnd_payload_get(scene.reader, ask.prev, NULL, NULL, NULL);
                cr_expect_eq(fnd_record_output(scene.reader, ask.prev, &body, &meta, NULL), wanted);
                same_as_its_parts(scene.reader, numbers[i], &parts);
                cr_expect_eq(fnd_record_get(scene.reader, numbers[i] + 1, &parts, &error),
                             FND_NOT_FOUND);
                fnd_text_finish(&body);
                fnd_text_finish(&meta);
            }
        }
        cr_expect_eq(fnd_record_get(scene.reader, numbers[COUNT - 1] + 1, &parts, &error),
                     FND_NOT_FOUND, "behind the last");
        cr_expect_eq(fnd_record_get(scene.reader, numbers[0], &parts, &error), FND_OK);
    }
    fnd_reader_end(scene.reader);
    answered_job(&scene, "later.png", true, &requests[0]); /* no snapshot is in its way */
    fnd_record_parts_finish(&parts);
    scene_end(&scene);
}

Test(reader, a_record_of_which_something_is_missing_or_altered_is_not_read)
{
    static const char *const damages[] = {
        "UPDATE payload SET body = cast(cast(body AS TEXT) || ' ' AS BLOB) WHERE event = %" PRId64,
        "UPDATE payload SET key = zeroblob(32) WHERE event = %" PRId64,
        "DELETE FROM payload WHERE event = %" PRId64};
    enum { ANSWER, ASKED, CAME, OUTPUT, PLACES };
    for (size_t i = 0; i < PLACES * sizeof damages / sizeof damages[0] + 2; i++) {
        struct scene scene;
        struct fnd_record_parts parts = {0};
        struct fnd_error error = {0};
        struct fnd_correction_row row;
        char statement[200];
        int64_t request;
        scene_begin(&scene, SEED);
        const int64_t number = answered_job(&scene, "a.png", true, &request);
        scene_read(&scene);
        cr_assert_eq(fnd_record_get(scene.reader, number, &parts, &error), FND_OK);
        cr_assert_eq(fnd_correction_get(scene.reader, number, &row, &error), FND_OK);
        const int64_t events[PLACES] = {number, request, parts.job.id, row.output};
        scene_close(&scene);
        if (i < PLACES * sizeof damages / sizeof damages[0]) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(statement, sizeof statement, damages[i / PLACES], events[i % PLACES]);
#pragma GCC diagnostic pop
        } else {
            snprintf(statement, sizeof statement, "DELETE FROM %s", i % 2 > 0 ? "step" : "job");
        }
        sql(&scene, statement);
        scene_read(&scene);
        cr_expect_eq(fnd_record_get(scene.reader, number, &parts, &error), FND_NOT_FOUND, "%s",
                     statement);
        cr_expect_str_empty(error.message, "who asks for the parts is told: %s", statement);
        fnd_record_parts_finish(&parts);
        scene_end(&scene);
    }
}

/* It lies in the record's row and is hashed with the rest; who asks for it is told, nobody else. */
Test(reader, an_altered_output_of_the_model_is_told_to_who_asks_for_it)
{
    static const char *const damages[] = {
        "SELECT %" PRId64,
        "UPDATE payload SET body = cast(cast(body AS TEXT) || ' ' AS BLOB) WHERE event = %" PRId64,
        "UPDATE payload SET meta = cast('{}' AS BLOB) WHERE event = %" PRId64,
        "UPDATE payload SET key = zeroblob(31) WHERE event = %" PRId64,
        "DELETE FROM payload WHERE event = %" PRId64};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct scene scene;
        struct fnd_record_parts parts = {0};
        struct fnd_error error = {0};
        struct fnd_event_row ask;
        struct fnd_text body = {0}, wanted = {0};
        char statement[200];
        int64_t request;
        scene_begin(&scene, SEED);
        const int64_t number = answered_job(&scene, "a.png", true, &request);
        scene_read(&scene);
        cr_assert_eq(fnd_event_get(scene.reader, request, &ask, &error), FND_OK);
        cr_assert_eq(fnd_payload_get(scene.reader, ask.prev, &wanted, NULL, &error), FND_OK);
        scene_close(&scene);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(statement, sizeof statement, damages[i], ask.prev);
#pragma GCC diagnostic pop
        sql(&scene, statement);
        scene_read(&scene);
        cr_assert_eq(fnd_reader_begin(scene.reader, &error), FND_OK);
        cr_expect_eq(fnd_record_get(scene.reader, number, &parts, &error), FND_OK, "%s", statement);
        cr_expect_eq(fnd_record_output(scene.reader, ask.prev, &body, NULL, &error),
                     i == 0 ? FND_OK : FND_DAMAGED, "%s: %s", statement, error.message);
        cr_expect_str_eq(fnd_text_z(&body), i == 0 ? fnd_text_z(&wanted) : "");
        fnd_reader_end(scene.reader);
        fnd_text_finish(&body);
        fnd_text_finish(&wanted);
        fnd_record_parts_finish(&parts);
        scene_end(&scene);
    }
}

/** Look while not a byte can be written to any file: a disk that is full. */
static enum fnd_status look_without_space(const struct scene *scene, int64_t *jobs)
{
    struct rlimit before, none;
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    int64_t counts[FND_CANCELLED + 1] = {0};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum fnd_status status = fnd_reader_look(scene->directory, &reader, &error);
    if (status == FND_OK) {
        status = fnd_jobs_count(reader, NULL, counts, &error);
    }
    fnd_reader_close(reader);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    *jobs = 0;
    for (int state = 0; state <= FND_CANCELLED; state++) {
        *jobs += counts[state];
    }
    return status;
}

Test(reader, looks_at_a_record_at_rest_although_the_disk_is_full)
{
    struct scene scene;
    char path[PATH_SIZE];
    int64_t jobs = 0;
    scene_begin(&scene, SEED);
    new_job(&scene, "a.png");
    scene_close(&scene);
    cr_expect_eq(look_without_space(&scene, &jobs), FND_OK);
    cr_expect_eq(jobs, 1);

    /* An engine that begins meanwhile waits as for any other holder, and then works. */
    scene_open(&scene);
    new_job(&scene, "b.png");
    scene_close(&scene);

    /* As a kill leaves it: what is in the log alone is told, too. */
    struct scene copy;
    char command[4 * PATH_SIZE];
    scene_open(&scene);
    new_job(&scene, "c.png");
    scene_directory(&copy, SEED + 1);
    snprintf(command, sizeof command,
             "cp -r '%.4000s/.foundry' '%.4000s/' && rm '%.4000s'/.foundry/*-shm", scene.directory,
             copy.directory, copy.directory);
    cr_assert_eq(system(command), 0);
    cr_assert_gt(file_size(scene_file(&copy, "state.db-wal", path)), 0);
    cr_expect_eq(look_without_space(&copy, &jobs), FND_OK);
    cr_expect_eq(jobs, 3);
    cr_expect_gt(file_size(path), 0, "the log was taken away");
    scene_open(&copy);
    scene_end(&copy);

    /* Beside an engine it looks as always. */
    cr_expect_eq(look_without_space(&scene, &jobs), FND_OK);
    cr_expect_eq(jobs, 3);
    scene_end(&scene);
}
