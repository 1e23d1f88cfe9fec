/* SPDX-License-Identifier: MIT */
/* Questions that a phase asks by itself, and the one the engine asks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "desk.h"

static struct desk desk;

#define JOB "a.jsonl#x"

static const char kitchen[] =
    "foundry: v1\nname: kitchen\nphases:\n"
    "  - {id: extract, uses: playback/play, with: {n: 1, results: %R}}\n"
    "  - id: link\n    uses: link/product\n    with:\n"
    "      items: \"${extract.inventory_items}\"\n"
    "      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}]\n"
    "  - {id: finish, uses: steps/copy, with: {value: \"${link}\"}}\n";

static void link_product(enum fnd_isolation isolation)
{
    desk_begin(&desk, isolation, false);
    desk_pipeline(&desk, kitchen, "provisions-results.json");
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
    char *model = strdup(desk_output(&desk, JOB, 0));
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_str_eq(desk_asked(&desk, JOB), "link-product:1 ");
    cr_expect_not_null(
        strstr(desk_card(&desk, desk_request(&desk, JOB)), "\"kind\":\"LINK_PRODUCT\""));
    cr_expect_eq(desk_set(&desk, JOB, "{\"link-product:1\":999}"), FND_INVALID);
    cr_expect_eq(strncmp(desk_refused(&desk), "/link-product:1: ", 17), 0, "%s",
                 desk_refused(&desk));
    cr_expect_eq(desk_set(&desk, JOB, "{\"link-product:1\":\"102\"}"), FND_INVALID,
                 "a text is no number");
    cr_expect_eq(desk_set(&desk, JOB, "{}"), FND_INVALID);
    cr_expect_eq(desk_set(&desk, JOB, "{\"link-product:1\":102,\"link-product:0\":101}"),
                 FND_INVALID, "nobody asked for item 0");
    struct desk_answer answer = {.request = desk_request(&desk, JOB), .act = FND_ANSWER_ACCEPT};
    cr_expect_eq(desk_answer(&desk, &answer), FND_INVALID, "nothing is proposed");
    cr_expect_eq(desk_set(&desk, JOB, "{\"link-product:1\":102}"), FND_OK, "%s",
                 desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    cr_expect_not_null(strstr(desk_output(&desk, JOB, 2), "\"description\":\"ONIONS YELLOW JBO\","
                                                          "\"linked_pantry_item_id\":102,"),
                       "%s", desk_output(&desk, JOB, 2));
    cr_expect_str_eq(desk_output(&desk, JOB, 0), model, "the model's output is as it was");
    cr_expect_str_eq(desk_events(&desk, JOB), "job0 output0 ask1 answer1 output1 output2");
    struct fnd_json record = desk_json(desk_record(&desk, desk.answered.event));
    cr_expect_eq(fnd_json_find(record, "/answers/link-product:1").bytes != NULL, true);
    free(model);
    desk_end(&desk);
}

Test(phase_answer, a_product_is_linked_inline)
{
    link_product(FND_ISOLATION_INLINE);
}

Test(phase_answer, a_product_is_linked_in_a_worker)
{
    link_product(FND_ISOLATION_PROCESS);
}

Test(phase_answer, a_rejected_question_ends_the_job)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk, kitchen, "provisions-results.json");
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
    const struct desk_answer answer = {
        .request = desk_request(&desk, JOB), .act = FND_ANSWER_REJECT, .reason = "no such product"};
    cr_expect_eq(desk_answer(&desk, &answer), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_FAILED);
    cr_expect_not_null(strstr(desk_last(&desk, JOB), "rejected by anna: no such product"));
    desk_end(&desk);
}

Test(phase_answer, every_question_of_a_request_needs_its_answer)
{
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&desk,
                  "foundry: v1\nname: two\nphases:\n"
                  "  - id: link\n    uses: link/product\n    with:\n"
                  "      items: \"${input.items}\"\n"
                  "      choices: [{id: 1, name: One}, {id: 2, name: Two}]\n",
                  NULL);
    desk_line(&desk, "a.jsonl",
              "{\"id\":\"x\",\"items\":[{\"description\":\"a\"},{\"description\":\"b\"}]}");
    desk_run(&desk);
    cr_expect_str_eq(desk_asked(&desk, JOB), "link-product:0 link-product:1 ");
    cr_expect_eq(desk_set(&desk, JOB, "{\"link-product:0\":1}"), FND_INVALID);
    cr_expect_str_eq(desk_refused(&desk), "/link-product:1: this question has no answer yet");
    cr_expect_eq(desk_set(&desk, JOB, "{\"/link-product:0\":1,\"link-product:1\":2}"), FND_OK, "%s",
                 desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED);
    desk_end(&desk);
}

Test(phase_answer, an_answer_is_taken_although_a_secret_is_missing_meanwhile)
{
    char secrets[160], token[200];
    desk_begin(&desk, FND_ISOLATION_PROCESS, false);
    snprintf(secrets, sizeof secrets, "%s/secrets", desk.folder);
    snprintf(token, sizeof token, "%s/SHOP", secrets);
    cr_assert_eq(mkdir(secrets, 0700), 0);
    desk_beside(&desk, "secrets/SHOP", "Corner\n");
    desk.options.secrets_dir = secrets;
    desk_pipeline(&desk,
                  "foundry: v1\nname: shop\nphases:\n"
                  "  - id: link\n    uses: link/product\n    with:\n"
                  "      items: \"${input.items}\"\n"
                  "      choices: [{id: 1, name: \"${secrets.SHOP}\"}]\n",
                  NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\",\"items\":[{\"description\":\"a\"}]}");
    desk_run(&desk);
    desk_close(&desk);
    cr_assert_eq(unlink(token), 0);
    desk_open(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{\"link-product:0\":1}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_PAUSED);
    cr_expect_not_null(strstr(desk.message, "SHOP"), "held, naming the secret: %s", desk.message);
    desk_close(&desk);
    desk_beside(&desk, "secrets/SHOP", "Corner\n");
    desk_run(&desk);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    desk_end(&desk);
}

static const char once[] =
    "foundry: v1\nname: once\nphases:\n"
    "  - {id: before, uses: steps/copy, with: {value: 1}}\n"
    "  - {id: once, uses: steps/once, with: {crash: true}}\n"
    "  - {id: behind, uses: steps/copy, with: {value: \"${once.attempt}\"}}\n";

static void run_once(void)
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    desk_pipeline(&desk, once, NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
}

Test(phase_answer, a_first_phase_that_must_not_be_repeated_starts_as_any_other)
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    desk_pipeline(&desk, "foundry: v1\nname: once\nphases:\n  - {id: once, uses: steps/once}\n",
                  NULL);
    for (int i = 0; i < 3; i++) {
        char line[32], path[32];
        snprintf(line, sizeof line, "{\"id\":\"n%d\"}", i);
        snprintf(path, sizeof path, "a.jsonl#n%d", i);
        desk_line(&desk, "a.jsonl", line);
        desk_run(&desk); /* the second and third time in an engine that has long been resumed */
        cr_expect_eq(desk_state(&desk, path), FND_COMPLETED, "%s: %s", path,
                     desk_events(&desk, path));
    }
    desk_end(&desk);
}

Test(phase_answer, a_phase_that_must_not_be_repeated_goes_to_a_person)
{
    run_once();
    cr_expect_str_eq(desk_events(&desk, JOB), "job0 output0 start1 ask1");
    cr_expect_str_eq(desk_asked(&desk, JOB), "repeat ");
    const char *card = desk_card(&desk, desk_request(&desk, JOB));
    cr_expect_not_null(strstr(card, "\"kind\":\"REPEAT_PHASE\""));
    cr_expect_not_null(strstr(card, "\"origin\":\"engine\""));
    cr_expect_not_null(strstr(card, "SIGKILL"), "%s", card);
    cr_expect_eq(desk_set(&desk, JOB, "{\"repeat\":\"perhaps\"}"), FND_INVALID);
    cr_expect_eq(desk_set(&desk, JOB, "{\"repeat\":\"run\"}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    cr_expect_str_eq(desk_output(&desk, JOB, 2), "{\"value\":2}");
    cr_expect_str_eq(desk_events(&desk, JOB),
                     "job0 output0 start1 ask1 answer1 start1 output1 output2");
    desk_end(&desk);
}

Test(phase_answer, a_person_may_leave_it_at_that)
{
    run_once();
    cr_expect_eq(desk_set(&desk, JOB, "{\"repeat\":\"fail\"}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_FAILED);
    cr_expect_not_null(strstr(desk_last(&desk, JOB), "\"code\":\"not_repeated\""));
    desk_end(&desk);
}

Test(phase_answer, run_again_means_at_once_in_an_engine_that_resumes_nothing_else)
{
    run_once();
    desk_close(&desk);
    desk_open(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{\"repeat\":\"run\"}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    desk_end(&desk);
}

Test(phase_answer, what_is_answered_is_also_retried_in_an_engine_that_resumes_nothing_else)
{
    desk_begin(&desk, FND_ISOLATION_PROCESS, true);
    desk_pipeline(&desk,
                  "foundry: v1\nname: retried\n"
                  "defaults: {retry: {max: 3, backoff: 1ms, when: [transient]}}\nphases:\n"
                  "  - {id: read, uses: steps/copy, with: {value: 1}}\n"
                  "  - {id: review, uses: foundry/human, with: {of: read, audit: 100%}}\n"
                  "  - {id: flaky, uses: steps/flaky, with: {succeed_at: 3}}\n"
                  "  - {id: once, uses: steps/once}\n",
                  NULL);
    desk_line(&desk, "a.jsonl", "{\"id\":\"x\"}");
    desk_run(&desk);
    desk_close(&desk);
    desk_open(&desk);
    cr_expect_eq(desk_set(&desk, JOB, "{}"), FND_OK, "%s", desk.error.message);
    cr_expect_eq(desk_state(&desk, JOB), FND_COMPLETED, "%s", desk.message);
    cr_expect_str_eq(desk_events(&desk, JOB),
                     "job0 output0 ask1 answer1 output1 retry2 start2 retry2 start2 output2 "
                     "start3 output3");
    desk_end(&desk);
}

Test(phase_answer, an_upgrade_does_not_repeat_what_a_person_has_to_decide_on)
{
    run_once();
    const int64_t old = desk.pin;
    desk_pipeline(&desk,
                  "foundry: v1\nname: once\nsummary: another\nphases:\n"
                  "  - {id: before, uses: steps/copy, with: {value: 1}}\n"
                  "  - {id: once, uses: steps/once}\n",
                  NULL);
    desk_pin(&desk);
    cr_assert_neq(desk.pin, old);
    cr_expect_eq(fnd_engine_upgrade(desk.engine, desk.pin, false, NULL, NULL, "anna", &desk.error),
                 FND_OK);
    desk_rest(&desk);
    cr_expect_eq(desk_step(&desk, JOB).pin, old);
    cr_expect_gt(desk_request(&desk, JOB), 0, "the question stands");
    desk_end(&desk);
}
