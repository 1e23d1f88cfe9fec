/* SPDX-License-Identifier: MIT */
/* An engine that is told to stop at once: what was under way is kept or given back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "desk.h"

static struct desk desk;

#define JOB "a.jsonl#x"

static void begin(const char *yaml)
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    snprintf(desk.plugin_path, sizeof desk.plugin_path, "%s/tests/plugins:%s/tests/engine/review",
             getenv("FOUNDRY_BUILD_ROOT"), getenv("FOUNDRY_BUILD_ROOT"));
    desk_pipeline(&desk, yaml, NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"v\":null}");
}

static void working_seen(void *context, const char *path, const char *phase, int32_t attempt,
                         double progress, const char *waits)
{
    (void)waits;
    bool *seen = context;
    (void)path;
    (void)phase;
    (void)attempt;
    *seen = *seen || progress > 0;
}

/** Turn until code of a plugin is at work. */
static void until_working(void)
{
    const struct timespec rest = {.tv_nsec = 1000000};
    const time_t begun = time(NULL);
    for (bool seen = false; !seen; nanosleep(&rest, NULL)) {
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK, "%s", desk.error.message);
        fnd_engine_flight(desk.engine, working_seen, &seen);
        cr_assert_lt(time(NULL) - begun, 60, "nothing began to work");
    }
}

Test(stop, what_must_not_be_repeated_is_not_given_back_unseen)
{
    begin("foundry: v1\nname: stopped\nphases:\n  - {id: once, uses: waits/once}\n");
    struct fnd_ingest counts = {0};
    desk_open(&desk);
    desk_pin(&desk);
    cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, &desk.error),
                 FND_OK);
    until_working();
    fnd_engine_drain(desk.engine, true);
    desk_rest(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_str_eq(desk_asked(&desk, JOB), "repeat ");
    desk_close(&desk);
    desk_run(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{\"repeat\":\"run\"}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    desk_end(&desk);
}

struct ended {
    enum fnd_status status;
    char message[1100];
    bool is;
};

static void answer_ended(void *context, enum fnd_status status, const struct fnd_error *error)
{
    struct ended *ended = context;
    ended->status = status;
    ended->is = true;
    snprintf(ended->message, sizeof ended->message, "%s", error->message);
}

Test(stop, an_answer_that_is_being_checked_is_given_back)
{
    begin("foundry: v1\nname: stopped\nphases:\n"
          "  - {id: read, uses: steps/copy, with: {value: \"${input.v}\"}}\n"
          "  - {id: review, uses: foundry/human, with: {of: read, detectors: "
          "[{uses: waits/doubt}]}}\n");
    desk_run(&desk);
    struct ended ended = {.is = false};
    const struct fnd_answer answer = {.request = desk_request(&desk, JOB),
                                      .values = desk_json("{\"/value\":1}"),
                                      .by = "anna",
                                      .run = true};
    fnd_review_answer_begin(desk.engine, &answer, &desk.answered, answer_ended, &ended);
    until_working();
    fnd_engine_drain(desk.engine, true);
    desk_rest(&desk);
    cr_expect(ended.is);
    cr_expect_eq(ended.status, FND_INTERRUPTED, "%s", ended.message);
    cr_expect_not_null(strstr(ended.message, "answer it again"), "%s", ended.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_gt(desk_request(&desk, JOB), 0, "the question stands");
    desk_end(&desk);
}

Test(stop, a_drain_lets_an_answer_end_and_leaves_the_rest_for_the_next_run)
{
    begin("foundry: v1\nname: stopped\nphases:\n"
          "  - {id: read, uses: steps/copy, with: {value: \"${input.v}\"}}\n"
          "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%}}\n"
          "  - {id: behind, uses: steps/copy, with: {value: 1}}\n");
    desk_run(&desk);
    fnd_engine_drain(desk.engine, false);
    cr_expect_eq(desk_set(&desk, JOB, "{\"/value\":1}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_QUEUED);
    desk_close(&desk);
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
    desk_end(&desk);
}
