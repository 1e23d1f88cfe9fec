/* SPDX-License-Identifier: MIT */
/* Batches: who waits for whom, one choice, and what becomes of who comes late; over restarts at
 * every turn. Who is chosen is `learn`'s: here it is the first ones by number. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"

#define YAML(choose)                                                                               \
    "foundry: v1\nname: batch\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"                          \
    "  - {id: first, uses: foundry/human, with: {of: read, detectors: [{uses: detect/required, "   \
    "with: {fields: [/value/a]}}]}}\n"                                                             \
    "  - {id: review, uses: foundry/human, with: {of: first, choose: " choose "}}\n"               \
    "  - {id: behind, uses: steps/copy, with: {value: \"${review}\"}}\n"
#define TWO YAML("{uncertain: 2, quiet: 0s}")
enum { REVIEW = 2, LINES = 5 };

static struct desk desk;
static size_t choices;

static enum fnd_status choose_first(struct fnd_reader *reader, const struct fnd_choose_want *want,
                                    struct fnd_text *decision, struct fnd_error *error)
{
    const size_t most = (size_t)want->phase->choose->count;
    (void)reader;
    (void)error;
    choices++;
    fnd_text_append_z(decision, "{\"code\":\"batch_chosen\",\"message\":\"chosen\",\"chosen\":[");
    for (size_t i = 0; i < want->count && i < most; i++) {
        fnd_text_printf(decision, "%s{\"job\":%" PRId64 "}", i > 0 ? "," : "", want->steps[i]);
    }
    fnd_text_append_z(decision, "],\"members\":[");
    for (size_t i = 0; i < want->count; i++) {
        fnd_text_printf(decision, "%s%" PRId64, i > 0 ? "," : "", want->steps[i]);
    }
    fnd_text_append_z(decision, "]}");
    return FND_OK;
}

static void *state_create(void)
{
    return fnd_alloc(1);
}

static void begin(const char *yaml, bool one_is_asked_before)
{
    static const struct fnd_prover chooser = {
        .create = state_create, .destroy = free, .choose = choose_first};
    choices = 0;
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk.options.prover = &chooser;
    desk_pipeline(&desk, yaml, NULL);
    for (int i = 1; i <= LINES; i++) {
        char line[64];
        snprintf(line, sizeof line, "{\"id\":\"%d\",\"doc\":{\"a\":%s}}", i,
                 one_is_asked_before && i == 3 ? "null" : "1");
        desk_line(&desk, "a.jsonl", line);
    }
}

static const char *path_of(int line)
{
    static char path[32];
    snprintf(path, sizeof path, "a.jsonl#%d", line);
    return path;
}

/* How many lines are asked about at the review, and have passed it. */
static void expect(size_t asked, size_t passed)
{
    size_t is_asked = 0, is_through = 0;
    for (int i = 1; i <= LINES; i++) {
        const struct fnd_step_row step = desk_step(&desk, path_of(i));
        is_asked += desk_request(&desk, path_of(i)) > 0 && step.stand.phase == REVIEW;
        is_through += step.stand.state == FND_COMPLETED;
    }
    cr_expect_eq(is_asked, asked, "%zu are asked about", is_asked);
    cr_expect_eq(is_through, passed, "%zu passed", is_through);
}

Test(batch, so_many_are_asked_about_and_the_others_pass)
{
    begin(TWO, false);
    desk_run(&desk);
    expect(2, LINES - 2);
    cr_expect_eq(choices, 1);
    cr_expect_str_eq(desk_asked(&desk, path_of(1)), "chosen ");
    cr_expect_str_eq(desk_events(&desk, path_of(1)),
                     "job0 output0 output1 hold2 hold2 start2 ask2");
    cr_expect_str_eq(desk_events(&desk, path_of(4)),
                     "job0 output0 output1 hold2 start2 output2 output3");
    cr_expect_not_null(strstr(desk_meta(&desk, path_of(4), REVIEW), "\"chosen\":false"));
    desk_close(&desk);
    desk_run(&desk);
    expect(2, LINES - 2);
    cr_expect_eq(choices, 1);
    desk_end(&desk);
}

Test(batch, all_wait_for_one_whom_a_person_has_over_a_restart)
{
    begin(TWO, true);
    desk_run(&desk);
    expect(0, 0);
    cr_expect_eq(choices, 0);
    cr_expect_not_null(strstr(desk_last(&desk, path_of(1)), "waits until all of its batch"));
    desk_close(&desk);
    desk_run(&desk);
    expect(0, 0);
    cr_expect_str_eq(desk_events(&desk, path_of(1)), "job0 output0 output1 hold2",
                     "a restart moves nobody who waits");
    cr_expect_eq(desk_set(&desk, path_of(3), "{\"/value/a\":1}"), FND_OK, "%s", desk.error.message);
    desk_rest(&desk);
    expect(2, LINES - 2);
    cr_expect_eq(choices, 1);
    desk_end(&desk);
}

Test(batch, who_ends_otherwise_is_not_waited_for)
{
    begin(TWO, true);
    desk_run(&desk);
    cr_expect_eq(
        fnd_engine_cancel(desk.engine, desk_number(&desk, path_of(3)), "ann", NULL, &desk.error),
        FND_OK);
    desk_rest(&desk);
    expect(2, LINES - 3);
    desk_end(&desk);
}

Test(batch, those_that_are_there_wait_no_longer_than_they_may)
{
    begin(YAML("{uncertain: 2, quiet: 0s, wait: 1h}"), true);
    desk_run(&desk);
    expect(0, 0);
    fnd_env_seeded_advance(desk.env, INT64_C(3599) * 1000000);
    desk_rest(&desk);
    expect(0, 0);
    desk_close(&desk); /* the hour is that of the record */
    desk_run(&desk);
    expect(0, 0);
    fnd_env_seeded_advance(desk.env, INT64_C(1000000));
    desk_rest(&desk);
    expect(2, LINES - 3);
    /* Who comes late is the next batch. */
    cr_expect_eq(desk_set(&desk, path_of(3), "{\"/value/a\":1}"), FND_OK, "%s", desk.error.message);
    desk_rest(&desk);
    expect(3, LINES - 3);
    cr_expect_eq(choices, 2);
    desk_end(&desk);
}

Test(batch, it_is_not_there_while_more_comes_in)
{
    begin(YAML("{uncertain: 2, quiet: 10s}"), false);
    desk_open(&desk);
    desk_pin(&desk);
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, &desk.error),
                 FND_OK);
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK);
    }
    expect(0, 0);
    cr_expect(!fnd_engine_idle(desk.engine), "it is about to choose");
    cr_expect(fnd_engine_gathers(desk.engine, "batch"));
    fnd_env_seeded_advance(desk.env, INT64_C(10000000));
    desk_rest(&desk);
    expect(2, LINES - 2);
    desk_end(&desk);
}

/* Whether the choice is on record and somebody has not left yet. */
static int64_t leader_of(void)
{
    for (int i = 1; i <= LINES; i++) {
        const struct fnd_step_row step = desk_step(&desk, path_of(i));
        if (step.stand.state == FND_PAUSED && step.stand.due_us == FND_DUE_CHOICE) {
            return step.id;
        }
    }
    return 0;
}

/* Bring the record to where the choice stands on it and nobody has left the batch. */
static void stop_behind_choice(void)
{
    struct fnd_ingest counts = {0};
    desk.options.flight_max = 1;
    desk_open(&desk);
    desk_pin(&desk);
    cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(desk.engine, desk.pin, false, &counts, NULL, NULL, &desk.error),
                 FND_OK);
    fnd_store_flush(fnd_engine_store(desk.engine)); /* all lines are on record */
    for (int i = 0; i < 2000 && leader_of() == 0; i++) {
        cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK);
        fnd_store_flush(fnd_engine_store(desk.engine));
    }
    cr_assert_neq(leader_of(), 0, "no choice came");
    desk_close(&desk);
}

Test(batch, a_choice_that_an_engine_died_behind_is_the_only_one)
{
    begin(TWO, false);
    stop_behind_choice();
    cr_expect_eq(choices, 1);
    /* The one that holds it must stay until the others have gone. */
    desk_open(&desk);
    cr_expect_eq(
        fnd_engine_cancel(desk.engine, desk_number(&desk, path_of(1)), "ann", NULL, &desk.error),
        FND_BUSY);
    cr_expect_str_eq(desk.error.code, "batch_leaves");
    desk_close(&desk);
    /* A new engine each few turns: no more than one goes at a time. */
    for (int i = 0; i < 40; i++) {
        desk_open(&desk);
        desk_pin(&desk);
        cr_assert_eq(fnd_engine_resume(desk.engine, NULL, &desk.error), FND_OK);
        for (int turn = 0; turn <= i % 4; turn++) {
            cr_assert_eq(fnd_engine_turn(desk.engine, &desk.error), FND_OK);
        }
        desk_close(&desk);
    }
    desk_run(&desk);
    expect(2, LINES - 2);
    cr_expect_eq(choices, 1, "chosen %zu times", choices);
    desk_end(&desk);
}

Test(batch, a_new_line_of_the_file_is_the_next_batch)
{
    begin(TWO, false);
    desk_run(&desk);
    desk_line(&desk, "a.jsonl", "{\"id\":\"late\",\"doc\":{\"a\":1}}");
    desk_line(&desk, "b.jsonl", "{\"id\":\"other\",\"doc\":{\"a\":1}}");
    desk_run(&desk);
    cr_expect_gt(desk_request(&desk, "a.jsonl#late"), 0);
    cr_expect_gt(desk_request(&desk, "b.jsonl#other"), 0);
    cr_expect_eq(choices, 3);
    expect(2, LINES - 2);
    desk_end(&desk);
}

/* Else a run would end before the others could go, and the one that holds it never leave. */
Test(batch, a_changed_input_of_who_holds_the_choice_waits_for_the_next_run)
{
    begin(TWO, false);
    stop_behind_choice();
    desk_job(&desk, "a.jsonl", "{\"id\":\"1\",\"doc\":{\"a\":2}}\n");
    desk_run(&desk);
    expect(2, LINES - 2);
    cr_expect_eq(choices, 1);
    desk_run(&desk);
    cr_expect_eq(desk_step(&desk, path_of(1)).id, desk_number(&desk, path_of(1)));
    cr_expect_eq(choices, 2, "the new revision is a batch of its own");
    desk_end(&desk);
}
