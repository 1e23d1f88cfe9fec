/* SPDX-License-Identifier: MIT */
/* Gates: who is asked, and what an answer may do to a document. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"

/* A document out of the job's line, a gate that asks every job, and a phase behind it. */
#define COPY                                                                                       \
    "foundry: v1\nname: gates\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"
#define BEHIND "  - {id: behind, uses: steps/copy, with: {value: \"${review}\"}}\n"
#define AUDIT_ALL                                                                                  \
    COPY "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%}}\n" BEHIND
#define JOB "a.jsonl#x"

static struct desk desk;

static void run_one(const char *yaml, const char *line)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk, yaml, NULL);
    desk_line(&desk, "a.jsonl", line);
    desk_run(&desk);
}

Test(gate, gates_follow_each_other_and_read_what_was_corrected)
{
    run_one(COPY "  - {id: first, uses: foundry/human, with: {of: read, detectors: "
                 "[{uses: detect/required, with: {fields: [/value/a]}}]}}\n"
                 "  - {id: second, uses: foundry/human, with: {of: first, detectors: "
                 "[{uses: detect/regex-mismatch, with: {field: /value/a, pattern: \"^k\"}}]}}\n"
                 "  - {id: third, uses: foundry/human, with: {of: second, detectors: "
                 "[{uses: detect/required, with: {fields: [/value/b]}}]}}\n",
            "{\"id\":\"x\",\"doc\":{\"a\":null,\"b\":\"there\"}}");
    cr_expect_str_eq(desk_asked(&desk, JOB), "/value/a ");
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value/a\":\"wrong\"}"), FND_OK, "%s",
                 desk.error.message);
    cr_expect_str_eq(desk_asked(&desk, JOB), "/value/a ");
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value/a\":\"kept\"}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
    cr_expect_str_eq(desk_output(&desk, JOB, 3), "{\"value\":{\"a\":\"kept\",\"b\":\"there\"}}");
    cr_expect_str_eq(desk_events(&desk, JOB),
                     "job0 output0 ask1 answer1 output1 ask2 answer2 output2 output3");
    desk_end(&desk);
}

Test(gate, several_detectors_make_one_request_and_ask_a_key_once)
{
    run_one(COPY "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
                 "      detectors:\n"
                 "        - {uses: detect/required, with: {fields: [/value/a, /value/b]}}\n"
                 "        - {uses: detect/required, with: {fields: [/value/b, /value/c]}}\n"
                 "        - {uses: detect/arithmetic, with: {rule: n == m, each: /value}}\n" BEHIND,
            "{\"id\":\"x\",\"doc\":{\"a\":\"\",\"b\":null,\"c\":\"\",\"n\":1,\"m\":2}}");
    cr_expect_str_eq(desk_asked(&desk, JOB), "/value/a /value/b /value/c /value ");
    cr_expect_str_eq(desk_events(&desk, JOB), "job0 output0 ask1");
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value/a\":\"A\",\"/value/n\":2}"), FND_INVALID);
    cr_expect_not_null(strstr(desk.error.message, "2 fields are wrong"), "%s", desk.error.message);
    cr_expect_not_null(strstr(desk_refused(&desk), "/value/b: "));
    cr_expect_not_null(strstr(desk_refused(&desk), "/value/c: "));
    cr_expect_eq(desk_set(&desk, JOB,
                          "{\"/value/a\":\"A\",\"/value/b\":\"B\",\"/value/c\":\"C\","
                          "\"/value/n\":2}"),
                 FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
    desk_end(&desk);
}

Test(gate, a_place_that_breaks_two_rules_is_one_wrong_field)
{
    run_one(COPY
            "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
            "      detectors:\n"
            "        - {uses: detect/required, with: {fields: [/value/a]}}\n"
            "        - {uses: detect/regex-mismatch, with: {field: /value/a, pattern: '^x'}}\n",
            "{\"id\":\"x\",\"doc\":{\"a\":\"\"}}");
    cr_expect_eq(desk_set(&desk, JOB, "{}"), FND_INVALID);
    cr_expect_eq(desk.answered.fields.count, 2, "%s", desk_refused(&desk));
    cr_expect_not_null(strstr(desk.error.message, "1 field is wrong"), "%s", desk.error.message);
    desk_end(&desk);
}

Test(gate, a_detector_refuses_as_often_as_it_asks_and_says_a_thing_once)
{
    run_one(COPY "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
                 "      detectors:\n"
                 "        - {uses: detect/required, with: {fields: [/value/a]}}\n"
                 "        - {uses: detect/required, with: {fields: [/value/a]}}\n",
            "{\"id\":\"x\",\"doc\":{\"a\":\"\"}}");
    cr_expect_eq(desk_set(&desk, JOB, "{}"), FND_INVALID);
    cr_expect_eq(desk.answered.fields.count, 1, "%s", desk_refused(&desk));
    desk_end(&desk);
}

static size_t jobs_asked(const char *audit, char drawn[40], bool again)
{
    size_t count = 0;
    if (!again) {
        char yaml[512], line[64];
        desk_begin(&desk, FND_ISOLATION_INLINE, false);
        snprintf(yaml, sizeof yaml,
                 COPY "  - {id: review, uses: foundry/human, with: {of: read, audit: %s}}\n",
                 audit);
        desk_pipeline(&desk, yaml, NULL);
        for (int i = 0; i < 40; i++) {
            snprintf(line, sizeof line, "{\"id\":\"n%d\",\"doc\":{\"n\":%d}}", i, i);
            desk_line(&desk, "a.jsonl", line);
        }
        desk_run(&desk);
    }
    for (int i = 0; i < 40; i++) {
        char path[32];
        snprintf(path, sizeof path, "a.jsonl#n%d", i);
        int64_t request = desk_request(&desk, path);
        drawn[i] = request > 0 ? '1' : '0';
        count += request > 0;
        if (request > 0) {
            cr_expect_not_null(strstr(desk_card(&desk, request), "\"audit\":true"));
        }
    }
    return count;
}

Test(gate, an_audit_asks_its_share)
{
    char drawn[40];
    static const struct {
        const char *audit;
        size_t least, most;
    } cases[] = {{"0%", 0, 0}, {"0", 0, 0}, {"100%", 40, 40}, {"1", 40, 40}, {"50%", 10, 30}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = jobs_asked(cases[i].audit, drawn, false);
        cr_expect_geq(count, cases[i].least, "%s: %zu", cases[i].audit, count);
        cr_expect_leq(count, cases[i].most, "%s: %zu", cases[i].audit, count);
        desk_end(&desk);
    }
}

Test(gate, the_draw_of_an_audit_is_the_same_each_time)
{
    char first[40], second[40];
    jobs_asked("50%", first, false);
    for (int i = 0; i < 40; i++) {
        char path[32];
        snprintf(path, sizeof path, "a.jsonl#n%d", i);
        if (first[i] == '1') {
            const struct desk_answer answer = {.request = desk_request(&desk, path),
                                               .act = FND_ANSWER_ACCEPT};
            cr_assert_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
        }
        cr_assert_eq(fnd_engine_retry(desk.engine, desk_number(&desk, path), "review", true, "anna",
                                      &desk.error),
                     FND_OK, "%s", desk.error.message);
    }
    desk_rest(&desk);
    jobs_asked("50%", second, true);
    cr_expect_arr_eq(first, second, sizeof first);
    desk_end(&desk);
}

Test(gate, a_confirmation_is_a_record_too)
{
    static const struct {
        const char *values;
        int act;
        const char *output;
    } cases[] = {
        {NULL, FND_ANSWER_ACCEPT, "{\"value\":{\"n\":1.10,\"s\":\"t\"}}"},
        {"{}", FND_ANSWER_SET, "{\"value\":{\"n\":1.10,\"s\":\"t\"}}"},
        {"{\"/value/n\":1.1}", FND_ANSWER_SET, "{\"value\":{\"n\":1.1,\"s\":\"t\"}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"n\":1.10,\"s\":\"t\"}}");
        const struct desk_answer answer = {
            .request = desk_request(&desk, JOB), .values = cases[i].values, .act = cases[i].act};
        cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
        cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
        cr_expect_str_eq(desk_output(&desk, JOB, 1), cases[i].output);
        struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
        cr_expect(fnd_json_text_is(fnd_json_member(record, "verdict"), "accepted"));
        cr_expect_eq(fnd_json_count(fnd_json_member(record, "fields")), 0);
        desk_end(&desk);
    }
}

Test(gate, a_rejection_ends_the_job_unless_it_is_to_go_on)
{
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        run_one(goes_on != 0 ? COPY
                    "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%, "
                    "on_reject: continue}}\n" BEHIND
                             : AUDIT_ALL,
                "{\"id\":\"x\",\"doc\":{\"n\":1}}");
        const struct desk_answer answer = {.request = desk_request(&desk, JOB),
                                           .act = FND_ANSWER_REJECT,
                                           .reason = "not an invoice"};
        cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
        struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
        cr_expect(fnd_json_text_is(fnd_json_member(record, "verdict"), "rejected"));
        cr_expect(fnd_json_text_is(fnd_json_member(record, "reason"), "not an invoice"));
        cr_expect_eq(fnd_json_member(record, "human_output").bytes != NULL, goes_on != 0);
        if (goes_on != 0) {
            cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
            cr_expect_str_eq(desk_output(&desk, JOB, 2), "{\"value\":{\"value\":{\"n\":1}}}");
        } else {
            cr_expect_eq(desk_state(&desk, JOB), FND_FAILED);
            cr_expect_str_eq(desk_last(&desk, JOB),
                             "{\"class\":\"rejected\",\"code\":\"rejected\",\"message\":"
                             "\"rejected by anna: not an invoice\"}");
            cr_expect_str_eq(desk_events(&desk, JOB), "job0 output0 ask1 answer1 fail1");
        }
        desk_end(&desk);
    }
}

Test(gate, untouched_numbers_keep_their_text)
{
    run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"a\":1.10,\"big\":9007199254740993,"
                       "\"e\":1E+2,\"s\":\"\\u00e9\\/\",\"n\":5}}");
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value/n\":6.50}"), FND_OK, "%s", desk.error.message);
    cr_expect_str_eq(desk_output(&desk, JOB, 1),
                     "{\"value\":{\"a\":1.10,\"big\":9007199254740993,\"e\":1E+2,"
                     "\"s\":\"\\u00e9\\/\",\"n\":6.50}}");
    desk_end(&desk);
}

Test(gate, what_breaks_a_schema_is_refused_where_it_is)
{
    static const struct {
        const char *values, *removed, *refused;
    } cases[] = {
        {"{\"/value/n\":\"10\"}", NULL, "/value/n: "},
        {"{\"/value/quantitty\":1}", NULL, "/value/quantitty: "},
        {"{\"/valeu/n\":1}", NULL, "/valeu: "},
        {"{\"/value/n/deep\":1}", NULL, "/value/n/deep: "},
        {"{\"value/n\":1}", NULL, "value/n: "},
        {NULL, "[\"/value/n\"]", "/value: "},
        {NULL, "[\"/value/gone\"]", "/value/gone: "},
        {NULL, "[\"\"]", ": "},
        {NULL, "[5]", ": what is removed"},
        {NULL, "[\"/value/n\",\"/value/n\"]", "/value: "},
    };
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk,
                  COPY "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%, "
                       "schema: s.json}}\n",
                  NULL);
    desk_beside(&desk, "s.json",
                "{\"additionalProperties\":false,\"properties\":{\"value\":{\"required\":[\"n\"],"
                "\"additionalProperties\":false,\"properties\":{\"n\":{\"type\":\"number\"}}}}}");
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    desk_run(&desk);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct desk_answer answer = {.request = desk_request(&desk, JOB),
                                           .values = cases[i].values,
                                           .removed = cases[i].removed};
        cr_expect_eq(desk_answer(&desk, &answer), FND_INVALID, "case %zu", i);
        const char *refused = desk_refused(&desk);
        cr_expect_eq(strncmp(refused, cases[i].refused, strlen(cases[i].refused)), 0,
                     "case %zu: %s", i, refused);
        cr_expect_str_eq(desk.error.code, "answer_refused");
    }
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value/n\":10}"), FND_OK, "%s", desk.error.message);
    desk_end(&desk);
}

Test(gate, the_schema_of_the_phase_holds_at_every_gate_behind_it)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk,
                  "foundry: v1\nname: gates\nphases:\n"
                  "  - {id: read, uses: noop/mix, with: {text: \"${input.text}\", size: 4}}\n"
                  "  - {id: first, uses: foundry/human, with: {of: read, audit: 100%, "
                  "schema: s.json}}\n"
                  "  - {id: second, uses: foundry/human, with: {of: first, audit: 100%}}\n",
                  NULL);
    desk_beside(&desk, "s.json", "{\"properties\":{\"text\":{\"maxLength\":9}}}");
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"text\":\"seed\"}");
    desk_run(&desk);
    for (int gate = 0; gate < 2; gate++) {
        cr_expect_eq(desk_set(&desk, JOB, "{\"/text\":5}"), FND_INVALID,
                     "gate %d: noop/mix says text is a string", gate);
        cr_expect_eq(strncmp(desk_refused(&desk), "/text: ", 7), 0, "%s", desk_refused(&desk));
        cr_expect_eq(desk_set(&desk, JOB, "{\"/text\":\"0123456789\"}"), FND_INVALID,
                     "gate %d: the first gate's schema allows 9", gate);
        cr_expect_eq(desk_set(&desk, JOB, "{\"/text\":\"fine\"}"), FND_OK, "%s",
                     desk.error.message);
    }
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
    desk_end(&desk);
}

Test(gate, an_answer_to_another_version_is_a_conflict)
{
    run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    struct desk_answer answer = {
        .request = desk_request(&desk, JOB), .values = "{\"/value/n\":2}", .if_version = 2};
    cr_expect_eq(desk_answer(&desk, &answer), FND_CONFLICT);
    cr_expect_not_null(strstr(desk.error.message, "stands at version 1, not 2"), "%s",
                       desk.error.message);
    cr_expect_not_null(
        strstr(fnd_text_z(&desk.answered.standing), "\"version\":1,\"state\":\"open\""));
    answer.if_version = 1;
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk.answered.version, 2);
    desk_end(&desk);
}

Test(gate, the_second_answer_is_shown_the_first)
{
    run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    struct desk_answer answer = {.request = desk_request(&desk, JOB), .values = "{\"/value/n\":2}"};
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    int64_t event = desk.answered.event;
    answer.values = "{\"/value/n\":3}";
    answer.by = "bert";
    cr_expect_eq(desk_answer(&desk, &answer), FND_CONFLICT);
    cr_expect_not_null(strstr(desk.error.message, "was answered by anna already"), "%s",
                       desk.error.message);
    struct fnd_json standing = desk_json(fnd_text_z(&desk.answered.standing));
    cr_expect(fnd_json_text_is(fnd_json_member(standing, "state"), "answered"));
    cr_expect(fnd_json_text_is(fnd_json_find(standing, "/answer/by"), "anna"));
    cr_expect_eq(fnd_json_find(standing, "/answer/fields").bytes != NULL, true);
    cr_expect_str_eq(desk_output(&desk, JOB, 1), "{\"value\":{\"n\":2}}");
    cr_expect_gt(event, 0);
    desk_end(&desk);
}

Test(gate, nobody_answers_what_was_withdrawn_or_never_asked)
{
    run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    struct desk_answer answer = {.request = desk_request(&desk, JOB), .act = FND_ANSWER_ACCEPT};
    cr_assert_eq(fnd_engine_cancel(desk.engine, desk_number(&desk, JOB), "anna", "no", NULL),
                 FND_OK);
    cr_expect_eq(desk_answer(&desk, &answer), FND_CONFLICT);
    cr_expect_not_null(strstr(desk.error.message, "withdrawn"), "%s", desk.error.message);
    cr_expect_not_null(strstr(fnd_text_z(&desk.answered.standing), "\"state\":\"withdrawn\""));
    answer.request = 424242;
    cr_expect_eq(desk_answer(&desk, &answer), FND_NOT_FOUND);
    cr_expect_not_null(strstr(desk.error.message, "424242"), "%s", desk.error.message);
    desk_end(&desk);
}

/** Whether the engine reads what was committed a moment ago: an act that kept its snapshot would
 *  see the past, and keep the log from beginning anew. */
static void expect_rested(const char *behind)
{
    static int number;
    struct fnd_write *write = fnd_write_create();
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"name\":\"other\",\"number\":%d}", ++number);
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup("other");
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    cr_assert_eq(fnd_store_commit(fnd_engine_store(desk.engine), write, NULL), FND_OK);
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    cr_assert_eq(fnd_reader_head(fnd_engine_reader(desk.engine), &sequence, chain, NULL), FND_OK);
    cr_expect_eq(sequence, write->first, "%s the engine reads the past", behind);
    fnd_write_destroy(write);
}

Test(gate, an_answer_leaves_no_snapshot_behind)
{
    run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    struct desk_answer answer = {.request = 424242, .values = "{\"/value/n\":2}"};
    cr_expect_eq(desk_answer(&desk, &answer), FND_NOT_FOUND);
    expect_rested("behind a request that is not there,");
    answer.request = desk_request(&desk, JOB);
    answer.if_version = 2;
    cr_expect_eq(desk_answer(&desk, &answer), FND_CONFLICT);
    expect_rested("behind one that was refused,");
    answer.if_version = 0;
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    expect_rested("behind one that was taken,");
    answer.by = "bert";
    cr_expect_eq(desk_answer(&desk, &answer), FND_CONFLICT);
    expect_rested("behind the second,");
    desk_end(&desk);
}

/* Somebody commits when an act begins to read, and nobody any more when it goes on. */
Test(gate, what_is_held_while_another_commits_ends_whole)
{
    run_one(AUDIT_ALL, "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    struct fnd_store *store = fnd_engine_store(desk.engine);
    cr_assert_not_null(fnd_store_reader_begin(store)); /* as a commit would */
    fnd_engine_hold(desk.engine);
    const struct fnd_reader *reader = fnd_engine_reader(desk.engine);
    fnd_store_reader_end(store);
    fnd_engine_hold(desk.engine);
    cr_expect_eq(fnd_engine_reader(desk.engine), reader, "an act sees one moment");
    fnd_engine_rest(desk.engine);
    expect_rested("behind an act that began beside a commit,");
    desk_end(&desk);
}

struct hundred {
    struct fnd_answer answers[100];
    struct fnd_answered answered[100];
    char values[100][32];
    size_t taken, conflicts, others;
};

static void hundred_done(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct hundred *hundred = context;
    hundred->taken += status == FND_OK;
    hundred->conflicts += status == FND_CONFLICT;
    hundred->others += status != FND_OK && status != FND_CONFLICT;
    if (status == FND_CONFLICT) {
        cr_expect_not_null(strstr(error->message, "was answered by person"), "%s", error->message);
    }
}

static void hundred_at_once(const char *yaml, enum fnd_isolation isolation)
{
    desk_begin(&desk, isolation, false);
    desk_pipeline(&desk, yaml, NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"doc\":{\"n\":1}}");
    desk_run(&desk);
    struct hundred *hundred = calloc(1, sizeof *hundred);
    cr_assert_not_null(hundred);
    int64_t request = desk_request(&desk, JOB);
    for (size_t i = 0; i < 100; i++) {
        snprintf(hundred->values[i], sizeof hundred->values[i], "{\"/value/n\":%zu}", i + 2);
        hundred->answers[i] = (struct fnd_answer){.request = request,
                                                  .values = desk_json(hundred->values[i]),
                                                  .by = "person",
                                                  .run = true};
        fnd_review_answer_begin(desk.engine, &hundred->answers[i], &hundred->answered[i],
                                hundred_done, hundred);
        if (i < 2) { /* one that begins, and one that waits behind it */
            expect_rested(i == 0 ? "beside the first answer," : "beside one that waits,");
        }
    }
    desk_rest(&desk);
    cr_expect_eq(hundred->taken, 1);
    cr_expect_eq(hundred->conflicts, 99);
    cr_expect_eq(hundred->others, 0);
    for (size_t i = 0; i < 100; i++) {
        fnd_answered_finish(&hundred->answered[i]);
    }
    free(hundred);
    cr_expect_str_eq(desk_events(&desk, JOB), "job0 output0 ask1 answer1 output1 output2");
    desk_end(&desk);
}

Test(gate, of_a_hundred_answers_at_once_one_is_taken)
{
    hundred_at_once(AUDIT_ALL, FND_ISOLATION_INLINE);
}

Test(gate, of_a_hundred_answers_that_detectors_check_one_is_taken)
{
    hundred_at_once(COPY
                    "  - {id: review, uses: foundry/human, with: {of: read, detectors: "
                    "[{uses: detect/arithmetic, with: {rule: n >= 2, each: /value}}]}}\n" BEHIND,
                    FND_ISOLATION_PROCESS);
}

struct ended {
    bool is;
    enum fnd_status status;
};

static void note_end(void *context, enum fnd_status status, const struct fnd_error *error)
{
    (void)error;
    struct ended *ended = context;
    *ended = (struct ended){true, status};
}

/* Acts come between a turn and the sleep: what they ask of a worker is on its way before that, else
 * nothing wakes the engine but the cap of its caller's sleep. */
Test(gate, an_answer_between_turns_asks_its_detectors_before_the_sleep)
{
    enum { WAKES_MAX = 100, WAKE_MS = 20000 };
    static const char values[] = "{\"/value/a\":\"there\"}";
    desk_begin(&desk, FND_ISOLATION_PROCESS, false);
    desk_pipeline(&desk,
                  COPY "  - {id: review, uses: foundry/human, with: {of: read, detectors: "
                       "[{uses: detect/required, with: {fields: [/value/a]}}]}}\n" BEHIND,
                  NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"doc\":{\"a\":null}}");
    desk_run(&desk);
    const struct fnd_answer answer = {.request = desk_request(&desk, JOB),
                                      .values = {values, sizeof values - 1},
                                      .by = "anna",
                                      .seconds_ms = 1000,
                                      .run = true};
    struct ended ended = {false, FND_OK};
    cr_assert_eq(fnd_review_answer_begin(desk.engine, &answer, &desk.answered, note_end, &ended),
                 FND_OK);
    for (int wakes = 0; !ended.is; wakes++) {
        const int64_t wait_us = fnd_engine_wait_us(desk.engine);
        struct pollfd ready = {fnd_engine_fd(desk.engine), POLLIN, 0};
        const int events = poll(&ready, 1, wait_us == 0 ? 0 : WAKE_MS);
        cr_assert(wait_us == 0 || events == 1, "nothing woke the engine, and the answer waits");
        cr_assert_lt(wakes, WAKES_MAX);
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK);
    }
    cr_expect_eq(ended.status, FND_OK, "%s", desk.error.message);
    desk_rest(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
    desk_end(&desk);
}
