/* SPDX-License-Identifier: MIT */
/* The state machine, transition by transition, under a clock that tests move. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "run_help.h"

static struct bench bench;

static void begin(void)
{
    bench_begin(&bench);
}
static void end(void)
{
    bench_end(&bench);
}
TestSuite(engine, .init = begin, .fini = end);

Test(engine, a_job_runs_through_its_phases_in_order)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\"}");
    bench_open(&bench);
    struct fnd_ingest counts = bench_run(&bench);
    cr_expect_eq(counts.created, 1);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_expect_eq(row.stand.state, FND_COMPLETED);
    cr_expect_eq(row.stand.phase, 3);
    cr_assert_eq(row.outputs_count, 3);
    cr_expect_lt(row.outputs[0], row.outputs[1]);
    cr_expect_lt(row.outputs[1], row.outputs[2]);
    cr_expect_eq(act_visits, 3);
}

Test(engine, a_second_run_does_nothing_twice)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\"}");
    bench_line(&bench, "a.jsonl", "{\"no\":\"id\"}");
    bench_line(&bench, "a.jsonl", "{\"no\":\"id\"}");
    bench_open(&bench);
    cr_expect_eq(bench_run(&bench).created, 3, "equal lines are jobs of their own");
    bench_close(&bench);
    bench_open(&bench);
    struct fnd_ingest counts = bench_run(&bench);
    cr_expect_eq(counts.created, 0);
    cr_expect_eq(counts.unchanged, 3);
    cr_expect_eq(act_visits, 9);
}

Test(engine, a_line_put_before_others_changes_none_of_them)
{
    bench_line(&bench, "a.jsonl", "{\"v\":1}");
    bench_open(&bench);
    bench_run(&bench);
    bench_close(&bench);
    char path[256];
    snprintf(path, sizeof path, "%s/a.jsonl", bench.jobs);
    FILE *file = fopen(path, "w");
    fputs("{\"v\":0}\n{\"v\":1}\n", file);
    fclose(file);
    bench_open(&bench);
    struct fnd_ingest counts = bench_run(&bench);
    cr_expect_eq(counts.created, 1);
    cr_expect_eq(counts.unchanged, 1);
}

Test(engine, two_lines_of_one_id_are_refused_by_name)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"v\":1}");
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"v\":2}");
    bench_open(&bench);
    struct fnd_ingest counts = bench_run(&bench);
    cr_expect_eq(counts.created, 1);
    cr_expect_eq(counts.refused, 1);
}

Test(engine, a_changed_line_is_a_new_revision_and_withdraws_the_old_question)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"one\":\"ask\"}");
    bench_open(&bench);
    bench_run(&bench);
    int64_t old = bench_job(&bench, "a.jsonl#x");
    struct fnd_request_row request;
    cr_assert_eq(fnd_request_of(fnd_engine_reader(bench.engine), old, &request, NULL), FND_OK);
    char path[256];
    snprintf(path, sizeof path, "%s/a.jsonl", bench.jobs);
    FILE *file = fopen(path, "w");
    fputs("{\"id\":\"x\",\"one\":\"done\"}\n", file);
    fclose(file);
    struct fnd_ingest counts = bench_run(&bench);
    cr_expect_eq(counts.revised, 1);
    cr_expect_neq(bench_job(&bench, "a.jsonl#x"), old);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_COMPLETED);
    cr_assert_eq(fnd_request_get(fnd_engine_reader(bench.engine), request.id, &request, NULL),
                 FND_OK);
    cr_expect_eq(request.state, FND_REQUEST_WITHDRAWN);
}

Test(engine, a_transient_fault_is_retried_when_due_and_not_before)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"flaky:3\"}");
    bench_open(&bench);
    bench_run(&bench);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_expect_eq(row.stand.state, FND_RETRYING);
    cr_expect_eq(row.stand.failures, 1);
    cr_expect_eq(row.stand.due_us, bench.env->wall_us(bench.env) + 1000000);
    fnd_env_seeded_advance(bench.env, 999999);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_RETRYING);
    fnd_env_seeded_advance(bench.env, 1);
    bench_turn(&bench);
    row = bench_step(&bench, "a.jsonl#x");
    cr_expect_eq(row.stand.failures, 2, "the second failure waits twice as long");
    cr_expect_eq(row.stand.due_us, bench.env->wall_us(bench.env) + 2000000);
    fnd_env_seeded_advance(bench.env, 2000000);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_COMPLETED);
    cr_expect_eq(bench_events(&bench, "a.jsonl#x", FND_EVENT_RETRY), 2);
}

Test(engine, a_retry_that_is_due_survives_a_restart)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"flaky:2\"}");
    bench_open(&bench);
    bench_run(&bench);
    bench_close(&bench);
    bench_open(&bench);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_RETRYING);
    fnd_env_seeded_advance(bench.env, 1000000);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_COMPLETED);
}

Test(engine, retries_end_in_failure_with_the_reason)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"crash\"}");
    bench_open(&bench);
    bench_run(&bench);
    fnd_env_seeded_advance(bench.env, 1000000);
    bench_turn(&bench);
    fnd_env_seeded_advance(bench.env, 2000000);
    bench_turn(&bench);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_expect_eq(row.stand.state, FND_FAILED);
    cr_expect_eq(row.stand.failures, 3);
    cr_expect_str_eq(bench.last_message, "phase two was told to");
}

Test(engine, a_permanent_fault_is_not_retried)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"fail\"}");
    bench_open(&bench);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_FAILED);
    cr_expect_eq(bench_events(&bench, "a.jsonl#x", FND_EVENT_RETRY), 0);
}

Test(engine, a_failed_job_is_retried_from_where_it_stopped)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"flaky:99\"}");
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n"
                           "  - {id: one, uses: foundry/act}\n"
                           "  - {id: two, uses: foundry/act, retry: {max: 0}}\n");
    bench_open(&bench);
    bench_run(&bench);
    struct fnd_error error = {0};
    int64_t job = bench_job(&bench, "a.jsonl#x");
    cr_assert_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_FAILED);
    cr_assert_eq(fnd_engine_retry(bench.engine, job, NULL, false, "tester", &error), FND_OK, "%s",
                 error.message);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_expect_eq(row.stand.phase, 1);
    cr_expect_eq(row.outputs_count, 1, "the output before it is kept");
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_QUEUED, "it was left queued");
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_FAILED);
    cr_assert_eq(fnd_engine_retry(bench.engine, job, "one", true, "tester", &error), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_events(&bench, "a.jsonl#x", FND_EVENT_REOPEN), 2);
    cr_expect_eq(fnd_engine_retry(bench.engine, job, "nine", true, "tester", &error),
                 FND_NOT_FOUND);
}

Test(engine, a_completed_job_is_retried_only_from_a_named_phase)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\"}");
    bench_open(&bench);
    bench_run(&bench);
    struct fnd_error error = {0};
    int64_t job = bench_job(&bench, "a.jsonl#x");
    cr_expect_eq(fnd_engine_retry(bench.engine, job, NULL, true, "t", &error), FND_CONFLICT);
    cr_assert_eq(fnd_engine_retry(bench.engine, job, "two", true, "t", &error), FND_OK, "%s",
                 error.message);
    bench_turn(&bench);
    cr_expect_eq(act_visits, 5);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_COMPLETED);
}

Test(engine, cancel_ends_a_waiting_job_and_its_question)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"one\":\"ask\"}");
    bench_open(&bench);
    bench_run(&bench);
    struct fnd_error error = {0};
    int64_t job = bench_job(&bench, "a.jsonl#x");
    struct fnd_request_row request;
    cr_assert_eq(fnd_request_of(fnd_engine_reader(bench.engine), job, &request, NULL), FND_OK);
    cr_assert_eq(fnd_engine_cancel(bench.engine, job, "tester", "wrong file", &error), FND_OK);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_CANCELLED);
    cr_expect_eq(fnd_request_of(fnd_engine_reader(bench.engine), job, &request, NULL),
                 FND_NOT_FOUND);
    cr_expect_eq(fnd_engine_cancel(bench.engine, job, "tester", NULL, &error), FND_CONFLICT);
}

Test(engine, a_held_job_is_tried_again_at_the_next_start)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"hold\"}");
    act_held = true;
    bench_open(&bench);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_PAUSED);
    cr_expect_str_eq(bench.last_message, "secret TOKEN is not set");
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_PAUSED);
    bench_close(&bench);
    act_held = false;
    bench_open(&bench);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_COMPLETED);
}

Test(engine, a_job_may_be_held_at_any_number_of_starts)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"hold\"}");
    act_held = true;
    for (int start = 0; start < FND_RECOVERIES_INLINE_MAX + 5; start++) {
        bench_open(&bench);
        bench_run(&bench);
        cr_assert_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_PAUSED, "start %d: %s", start,
                     bench.last_message);
        bench_close(&bench);
    }
    act_held = false;
    bench_open(&bench);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_COMPLETED, "%s",
                 bench.last_message);
}

Test(engine, a_phase_that_runs_again_is_read_as_it_is_now)
{
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n"
                           "  - {id: one, uses: foundry/act}\n"
                           "  - {id: two, uses: foundry/act}\n");
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"fail\"}");
    bench_open(&bench);
    bench_run(&bench);
    struct fnd_step_row before = bench_step(&bench, "a.jsonl#x");
    struct fnd_error error = {0};
    cr_assert_eq(fnd_engine_retry(bench.engine, bench_job(&bench, "a.jsonl#x"), "one", true,
                                  "tester", &error),
                 FND_OK, "%s", error.message);
    bench_turn(&bench);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_expect_gt(row.outputs[0], before.outputs[0]);
    cr_expect_eq(bench_events(&bench, "a.jsonl#x", FND_EVENT_OUTPUT), 2);
}

Test(engine, what_is_left_queued_rests_until_somebody_says_run)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"y\",\"two\":\"fail\"}");
    bench_line(&bench, "a.jsonl", "{\"id\":\"z\",\"two\":\"fail\"}");
    bench_open(&bench);
    bench_run(&bench);
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    for (const char *path = "y"; path != NULL; path = path[0] == 'y' ? "z" : NULL) {
        char name[16];
        snprintf(name, sizeof name, "a.jsonl#%s", path);
        cr_assert_eq(
            fnd_engine_retry(bench.engine, bench_job(&bench, name), NULL, false, "ann", &error),
            FND_OK, "%s", error.message);
    }
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#y").stand.state, FND_QUEUED);
    bench_line(&bench, "a.jsonl", "{\"id\":\"new\"}"); /* more work, and a look for queued steps */
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#new").stand.state, FND_COMPLETED);
    cr_expect_eq(bench_step(&bench, "a.jsonl#y").stand.state, FND_QUEUED);
    cr_expect_eq(bench_step(&bench, "a.jsonl#z").stand.state, FND_QUEUED);
    cr_expect(fnd_engine_idle(bench.engine));
    /* An act that is refused changes nothing of it. */
    cr_expect_eq(
        fnd_engine_retry(bench.engine, bench_job(&bench, "a.jsonl#y"), NULL, true, "ann", &error),
        FND_CONFLICT);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#y").stand.state, FND_QUEUED);
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#y").stand.state, FND_FAILED);
    cr_expect_eq(bench_step(&bench, "a.jsonl#z").stand.state, FND_FAILED);
    cr_expect_eq(bench_events(&bench, "a.jsonl#z", FND_EVENT_FAIL), 2);
}

Test(engine, what_was_running_at_a_death_runs_again_with_the_next_attempt)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"flaky:2\"}");
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n"
                           "  - {id: one, uses: foundry/act}\n"
                           "  - {id: two, uses: foundry/act}\n");
    bench.options.flight_max = 1;
    bench_open(&bench);
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    fnd_store_flush(fnd_engine_store(bench.engine));
    bench_close(&bench); /* JOB says "one, attempt 1, started"; nothing of it ran */
    cr_assert_eq(act_visits, 0);
    bench_open(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_RUNNING);
    bench_run(&bench);
    cr_expect_eq(bench_events(&bench, "a.jsonl#x", FND_EVENT_START), 1);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    struct fnd_text body = {0};
    cr_assert_eq(
        fnd_payload_get(fnd_engine_reader(bench.engine), row.outputs[0], &body, NULL, NULL),
        FND_OK);
    cr_expect_str_eq(body.bytes, "{\"phase\":\"one\",\"attempt\":2}");
    fnd_text_finish(&body);
}

/* An act that is refused loads its step, and must not run what a dead engine had begun: that begins
 * anew with the next attempt on record, when somebody says resume. */
Test(engine, a_refused_act_does_not_run_what_was_running_at_a_death)
{
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\"}");
    bench_line(&bench, "a.jsonl", "{\"id\":\"y\"}");
    bench_open(&bench);
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    fnd_store_flush(fnd_engine_store(bench.engine));
    bench_close(&bench);
    bench_open(&bench); /* and told nothing */
    cr_expect_eq(
        fnd_engine_retry(bench.engine, bench_job(&bench, "a.jsonl#x"), NULL, true, "ann", &error),
        FND_CONFLICT);
    bench_turn(&bench);
    cr_expect_eq(act_visits, 0);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_RUNNING);
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_expect_eq(/* before a turn has taken it up */
                 fnd_engine_retry(bench.engine, bench_job(&bench, "a.jsonl#y"), NULL, true, "ann",
                                  &error),
                 FND_CONFLICT);
    bench_turn(&bench);
    static const char *const jobs[] = {"a.jsonl#x", "a.jsonl#y"};
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(bench_step(&bench, jobs[i]).stand.state, FND_COMPLETED);
        cr_expect_eq(bench_events(&bench, jobs[i], FND_EVENT_START), 1, "%s", jobs[i]);
    }
}

/* Nor is its attempt given back: it may have had an effect. */
Test(engine, a_refused_act_in_a_drain_gives_no_attempt_back_that_a_dead_engine_began)
{
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\"}");
    bench_open(&bench);
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    fnd_store_flush(fnd_engine_store(bench.engine));
    bench_close(&bench);
    bench_open(&bench);
    fnd_engine_drain(bench.engine, false);
    cr_expect_eq(
        fnd_engine_retry(bench.engine, bench_job(&bench, "a.jsonl#x"), NULL, true, "ann", &error),
        FND_CONFLICT);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_RUNNING);
    cr_expect_eq(bench_events(&bench, "a.jsonl#x", FND_EVENT_DRAIN), 0);
}

Test(engine, a_phase_that_kills_the_engine_again_and_again_ends)
{
    /* In a worker it could not be the cause, and would be begun many times more. */
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n"
                           "  - {id: one, uses: foundry/act, isolation: inline}\n");
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\"}");
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    bench.options.flight_max = 1;
    for (int life = 0; life < FND_RECOVERIES_INLINE_MAX + 2; life++) {
        bench_open(&bench);
        cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
        cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                     FND_OK);
        /* ingest took up what was under way: its START goes to disk, then the engine dies */
        fnd_store_flush(fnd_engine_store(bench.engine));
        bench_close(&bench);
    }
    bench_open(&bench);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_FAILED);
    cr_expect_eq(act_visits, 0);
}

Test(engine, a_drain_gives_the_attempt_back)
{
    for (int i = 0; i < 20; i++) {
        char line[32];
        snprintf(line, sizeof line, "{\"id\":\"%d\"}", i);
        bench_line(&bench, "a.jsonl", line);
    }
    bench_open(&bench);
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    fnd_engine_drain(bench.engine, false);
    bench_turn(&bench);
    cr_expect(fnd_engine_idle(bench.engine));
    bench_close(&bench);
    bench_open(&bench);
    int64_t counted[FND_CANCELLED + 1] = {0};
    cr_assert_eq(fnd_jobs_count(fnd_engine_reader(bench.engine), NULL, counted, &error), FND_OK);
    cr_expect_eq(counted[FND_RUNNING], 0);
    cr_expect_eq(counted[FND_QUEUED], 20);
    cr_expect_eq(bench_step(&bench, "a.jsonl#3").stand.attempt, 0);
    bench_run(&bench);
    cr_expect_eq(act_visits, 60);
}

Test(engine, more_jobs_than_fit_in_flight_all_end)
{
    for (int i = 0; i < 700; i++) {
        char line[32];
        snprintf(line, sizeof line, "{\"id\":\"%d\"}", i);
        bench_line(&bench, "a.jsonl", line);
    }
    bench.options.flight_max = 64;
    bench_open(&bench);
    struct fnd_error error = {0};
    cr_expect_eq(bench_run(&bench).created, 700);
    cr_assert_eq(fnd_engine_run(bench.engine, NULL, &error), FND_OK, "%s", error.message);
    int64_t counted[FND_CANCELLED + 1] = {0};
    cr_assert_eq(fnd_jobs_count(fnd_engine_reader(bench.engine), NULL, counted, &error), FND_OK);
    cr_expect_eq(counted[FND_COMPLETED], 700);
    cr_expect_eq(act_visits, 2100);
}

Test(engine, an_upgrade_moves_waiting_jobs_and_only_when_told)
{
    bench_line(&bench, "a.jsonl", "{\"id\":\"x\",\"two\":\"ask\"}");
    bench_open(&bench);
    bench_run(&bench);
    int64_t old = bench.pin;
    bench_close(&bench);
    bench_pipeline(&bench, "foundry: v1\nname: plain\nsummary: changed\nphases:\n"
                           "  - {id: one, uses: foundry/act}\n"
                           "  - {id: two, uses: foundry/act, timeout: 5s}\n");
    bench_open(&bench);
    cr_expect_neq(bench.pin, old);
    bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").pin, old);
    struct fnd_error error = {0};
    cr_assert_eq(fnd_engine_upgrade(bench.engine, bench.pin, true, NULL, NULL, "tester", &error),
                 FND_OK);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").pin, old, "a dry run only says");
    cr_assert_eq(fnd_engine_upgrade(bench.engine, bench.pin, false, NULL, NULL, "tester", &error),
                 FND_OK, "%s", error.message);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#x");
    cr_expect_eq(row.pin, bench.pin);
    cr_expect_eq(row.stand.state, FND_QUEUED);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#x").stand.state, FND_PAUSED, "it asks anew");
}
