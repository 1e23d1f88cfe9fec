/* SPDX-License-Identifier: MIT */
/* Workers that die, hang or misbehave: their job ends with a reason, the others go on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "desk.h"

static struct desk desk;

static void run_fault(const char *phase, const char *retry, const char *where)
{
    char yaml[1024];
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    snprintf(yaml, sizeof yaml,
             "foundry: v1\nname: faulty\n"
             "defaults: {timeout: 1s, retry: %s}\nphases:\n"
             "  - {id: read, uses: steps/copy, with: {value: \"${input.text}\"}}\n"
             "  - {id: bad, uses: %s%s}\n"
             "  - {id: behind, uses: steps/copy, with: {value: \"${read.value}\"}}\n",
             retry, phase, where);
    desk_pipeline(&desk, yaml, NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"text\":\"t\"}");
}

/* A second pipeline's jobs run beside the faulty one's. */
static void run_beside(void)
{
    desk_run(&desk);
    desk_beside(&desk, "pipeline.yaml",
                "foundry: v1\nname: good\nphases:\n"
                "  - {id: read, uses: steps/copy, with: {value: \"${input.text}\"}}\n");
    desk_run(&desk);
}

Test(death, each_way_to_misbehave_fails_its_job_with_its_name)
{
    static const struct {
        const char *uses, *code, *says;
    } cases[] = {
        {"fault/segv", "crash", "SIGSEGV"},
        {"fault/abort", "crash", "SIGABRT"},
        {"fault/exit", "crash", "exited (0) without a result"},
        {"fault/exit-now", "crash", "exited (0) without a result"},
        {"fault/hang", "timeout", "1"},
        {"fault/hang-child", "timeout", "1"},
        {"fault/segv-create", "crash", "SIGSEGV"},
        {"fault/fail-create", "no_model", "the model cannot be loaded"},
        {"fault/silent-pause", "pause_without_question", ""},
        {"fault/invalid-output", "invalid_output", "/count"},
        {"fault/bad-confidence", "", "/"},
        {"fault/unknown-outcome", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_fault(cases[i].uses, "{max: 0}", "");
        run_beside();
        struct fnd_job_row row = {0};
        struct fnd_reader *reader = fnd_engine_reader(desk.engine);
        cr_assert_eq(fnd_job_find(reader, "faulty", "a.jsonl#x", &row, NULL), FND_OK);
        struct fnd_step_row step;
        struct fnd_text body = {0};
        cr_assert_eq(fnd_step_get(reader, row.id, &step, NULL), FND_OK);
        cr_expect_eq(step.stand.state, FND_FAILED, "%s", cases[i].uses);
        cr_assert_eq(fnd_payload_get(reader, step.event, &body, NULL, NULL), FND_OK);
        struct fnd_json error = desk_json(fnd_text_z(&body));
        cr_expect(cases[i].code[0] == '\0' ||
                      fnd_json_text_is(fnd_json_member(error, "code"), cases[i].code),
                  "%s: %s", cases[i].uses, fnd_text_z(&body));
        cr_expect_not_null(strstr(fnd_text_z(&body), cases[i].says), "%s: %s", cases[i].uses,
                           fnd_text_z(&body));
        fnd_text_finish(&body);
        fnd_job_row_finish(&row);
        cr_assert_eq(fnd_job_find(reader, "good", "a.jsonl#x", &row, NULL), FND_OK);
        cr_assert_eq(fnd_step_get(reader, row.id, &step, NULL), FND_OK);
        cr_expect_eq(step.stand.state, FND_COMPLETED, "the host goes on behind %s", cases[i].uses);
        fnd_job_row_finish(&row);
        desk_end(&desk);
    }
}

Test(death, a_flood_is_cut_and_the_job_goes_on)
{
    run_fault("fault/flood", "{max: 0}", ", timeout: 60s");
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_COMPLETED, "%s", desk.message);
    cr_expect_str_eq(desk_output(&desk, "a.jsonl#x", 1), "{\"flooded\":true}");
    cr_expect_lt(strlen(desk_meta(&desk, "a.jsonl#x", 1)), 1 << 20);
    desk_end(&desk);
}

Test(death, a_memory_hog_fails_by_itself)
{
    if (desk_under_sanitizer()) {
        cr_skip_test("a sanitizer needs all of the address space");
    }
    run_fault("fault/hog", "{max: 0}", ", timeout: 60s");
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_FAILED);
    desk_end(&desk);
}

Test(death, a_crash_is_retried_as_often_as_the_pipeline_says)
{
    run_fault("fault/segv", "{max: 2, backoff: 1ms, when: [crash]}", "");
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_FAILED);
    cr_expect_str_eq(desk_events(&desk, "a.jsonl#x"),
                     "job0 output0 retry1 start1 retry1 start1 fail1");
    desk_end(&desk);
}

Test(death, what_fails_for_a_while_is_retried_until_it_works)
{
    run_fault("steps/flaky", "{max: 3, backoff: 1ms, when: [transient]}",
              ", with: {succeed_at: 3}");
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_COMPLETED, "%s", desk.message);
    cr_expect_str_eq(desk_output(&desk, "a.jsonl#x", 1), "{\"attempt\":3}");
    desk_end(&desk);
}

Test(death, other_jobs_complete_beside_ones_that_kill_their_workers)
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    desk_pipeline(&desk,
                  "foundry: v1\nname: mixed\n"
                  "defaults: {timeout: 20s, retry: {max: 1, backoff: 1ms, when: [crash]}}\n"
                  "phases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"
                  "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
                  "      detectors: [{uses: detect/required, with: {fields: [/value]}}]\n"
                  "  - {id: behind, uses: steps/copy, with: {value: \"${review.value}\"}}\n",
                  NULL);
    for (int i = 0; i < 5; i++) {
        char line[64];
        snprintf(line, sizeof line, "{\"id\":\"n%d\",\"doc\":%d}", i, i);
        desk_line(&desk, "a.jsonl", line);
    }
    desk_run(&desk);
    desk_beside(&desk, "pipeline.yaml",
                "foundry: v1\nname: killers\n"
                "defaults: {timeout: 20s, retry: {max: 0}}\nphases:\n"
                "  - {id: bad, uses: fault/segv}\n");
    desk_run(&desk);
    int64_t counts[FND_CANCELLED + 1] = {0};
    cr_assert_eq(fnd_jobs_count(fnd_engine_reader(desk.engine), "mixed", counts, NULL), FND_OK);
    cr_expect_eq(counts[FND_COMPLETED], 5);
    cr_assert_eq(fnd_jobs_count(fnd_engine_reader(desk.engine), "killers", counts, NULL), FND_OK);
    cr_expect_eq(counts[FND_FAILED], 5);
    desk_end(&desk);
}

Test(death, a_detector_that_dies_or_writes_fails_the_gate_by_name)
{
    static const struct {
        const char *uses, *code, *says;
    } cases[] = {
        {"fault/segv-detector", "crash", "SIGSEGV"},
        {"fault/writing-detector", "", ""},
        {"fault/pausing-detector", "pause_in_detector", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        desk_begin(&desk, FND_ISOLATION_PROCESS, true);
        snprintf(yaml, sizeof yaml,
                 "foundry: v1\nname: gate\ndefaults: {timeout: 5s, retry: {max: 0}}\nphases:\n"
                 "  - {id: read, uses: steps/copy, with: {value: {text: t}}}\n"
                 "  - {id: review, uses: foundry/human, with: {of: read, detectors: "
                 "[{uses: detect/required, with: {fields: [/value]}}, {uses: %s}]}}\n",
                 cases[i].uses);
        desk_pipeline(&desk, yaml, NULL);
        desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
        desk_run(&desk);
        cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_FAILED, "%s", cases[i].uses);
        const char *body = desk_last(&desk, "a.jsonl#x");
        cr_expect_not_null(strstr(body, cases[i].code), "%s: %s", cases[i].uses, body);
        cr_expect_not_null(strstr(body, cases[i].says), "%s: %s", cases[i].uses, body);
        desk_end(&desk);
    }
}

Test(death, an_answer_whose_check_is_killed_is_checked_again)
{
    char yaml[1024], path[256];
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    snprintf(path, sizeof path, "%s/there", desk.folder);
    snprintf(yaml, sizeof yaml,
             "foundry: v1\nname: gate\ndefaults: {timeout: 20s, retry: {max: 0}}\nphases:\n"
             "  - {id: read, uses: steps/copy, with: {value: \"\"}}\n"
             "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%%, detectors: "
             "[{uses: fault/once-detector, with: {text: %s}}]}}\n",
             path);
    desk_pipeline(&desk, yaml, NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fclose(file);
    cr_expect_eq(desk_set(&desk, "a.jsonl#x", "{\"/value\":\"by hand\"}"), FND_OK, "%s",
                 desk.error.message);
    cr_expect_neq(access(path, F_OK), 0, "the detector did not run: the test shows nothing");
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_COMPLETED);
    desk_end(&desk);
}

Test(death, an_answer_that_no_detector_can_check_is_refused_and_the_question_stands)
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    desk_pipeline(&desk,
                  "foundry: v1\nname: gate\ndefaults: {timeout: 5s, retry: {max: 0}}\nphases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: \"\"}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: read, detectors: "
                  "[{uses: detect/regex-mismatch, with: {field: /value, pattern: "
                  "\"^(a+)+$\"}}]}}\n",
                  NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
    cr_expect_str_eq(desk_asked(&desk, "a.jsonl#x"), "/value ");
    enum fnd_status status =
        desk_set(&desk, "a.jsonl#x",
                 "{\"/value\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}");
    cr_expect_neq(status, FND_OK);
    if (status == FND_PLUGIN) {
        cr_expect_not_null(strstr(desk.error.message, "could not be checked"), "%s",
                           desk.error.message);
    }
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_PAUSED);
    cr_expect_eq(desk_set(&desk, "a.jsonl#x", "{\"/value\":\"aaa\"}"), FND_OK, "%s",
                 desk.error.message);
    cr_expect_eq(desk_state(&desk, "a.jsonl#x"), FND_COMPLETED);
    desk_end(&desk);
}

struct many {
    struct fnd_answer answers[8];
    struct fnd_answered answered[8];
    size_t taken, ended;
    char message[1100];
};

static void many_done(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct many *many = context;
    many->ended++;
    many->taken += status == FND_OK;
    if (status != FND_OK) {
        snprintf(many->message, sizeof many->message, "%s", error->message);
    }
}

static void once_seen(void *context, const char *path, const char *phase, int32_t attempt,
                      double progress, const char *waits)
{
    bool *seen = context;
    (void)waits;
    (void)path;
    (void)attempt;
    (void)progress;
    *seen = *seen || strcmp(phase, "once") == 0;
}

/** Eight jobs that wait for an answer, then one whose visit is just killing the worker that all of
 *  them share. */
static void killer_under_way(int64_t requests[8])
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    desk.options.workers_max = 1;
    desk_pipeline(&desk,
                  "foundry: v1\nname: gate\ninputs: {match: [a.jsonl]}\nphases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: \"${input.id}\"}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: read, detectors: "
                  "[{uses: steps/always, with: {field: /value}}]}}\n",
                  NULL);
    for (int i = 0; i < 8; i++) {
        char line[64];
        snprintf(line, sizeof line, "{\"id\":\"n%d\"}", i);
        desk_line(&desk, "a.jsonl", line);
    }
    desk_line(&desk, "b.jsonl", "{\"id\":\"killer\"}");
    desk_run(&desk);
    for (int i = 0; i < 8; i++) {
        char path[32];
        snprintf(path, sizeof path, "a.jsonl#n%d", i);
        requests[i] = desk_request(&desk, path);
        cr_assert_gt(requests[i], 0);
    }
    desk_beside(&desk, "pipeline.yaml",
                "foundry: v1\nname: killers\ninputs: {match: [b.jsonl]}\nphases:\n"
                "  - {id: once, uses: steps/once, with: {crash: true}}\n");
    desk_pin(&desk);
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, &desk.error),
                 FND_OK);
    cr_assert_eq(counts.created, 1);
    bool seen = false;
    while (!seen && !fnd_engine_idle(desk.engine)) {
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK, "%s", desk.error.message);
        fnd_engine_flight(desk.engine, once_seen, &seen);
    }
}

Test(death, an_answer_is_checked_again_when_its_worker_died_under_another_call)
{
    int64_t requests[8];
    struct many many = {.taken = 0};
    killer_under_way(requests);
    for (size_t i = 0; i < 8; i++) {
        many.answers[i] = (struct fnd_answer){.request = requests[i],
                                              .values = desk_json("{}"),
                                              .overrides = desk_json("{\"\":\"it is right\"}"),
                                              .by = "anna",
                                              .run = true};
        fnd_review_answer_begin(desk.engine, &many.answers[i], &many.answered[i], many_done, &many);
    }
    desk_rest(&desk);
    cr_expect_eq(desk_state(&desk, "b.jsonl#killer"), FND_PAUSED);
    cr_expect_eq(many.ended, 8);
    cr_expect_eq(many.taken, 8, "%s", many.message);
    for (size_t i = 0; i < 8; i++) {
        fnd_answered_finish(&many.answered[i]);
    }
    desk_end(&desk);
}
