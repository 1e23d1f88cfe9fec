/* SPDX-License-Identifier: MIT */
/* When a training is due: corrections and age together, or the audit; never while it rests. */
#include <criterion/criterion.h>
#include <string.h>

#include "learn/trigger.h"

#define DAY_US (INT64_C(86400) * 1000000)

static const struct fnd_model supervisor = {.triggered = true,
                                            .corrections = 100,
                                            .age_ms = INT64_C(7) * 86400 * 1000,
                                            .audited_error = -1,
                                            .cooldown_ms = INT64_C(86400) * 1000};

static bool due(const struct fnd_model *model, struct fnd_trigger_facts facts, const char *says)
{
    struct fnd_text why = {0};
    const bool is = fnd_trigger_due(model, &facts, &why);
    cr_assert_not_null(strstr(fnd_text_z(&why), says), "\"%s\" is not in: %s", says,
                       fnd_text_z(&why));
    fnd_text_finish(&why);
    return is;
}

Test(trigger, ninety_nine_are_nothing_and_a_hundred_are_one_training)
{
    struct fnd_trigger_facts facts = {.corrections = 99,
                                      .trained = true,
                                      .tried = true,
                                      .since_us = 8 * DAY_US,
                                      .rested_us = 8 * DAY_US};
    cr_assert(!due(&supervisor, facts, "99 new corrections, asked for 100"));
    facts.corrections = 100;
    cr_assert(due(&supervisor, facts, "last training 8 days ago, asked for more than 7 days"));
    /* Behind that training nothing is new and it is young: each alone holds the next one. */
    facts = (struct fnd_trigger_facts){
        .trained = true, .tried = true, .since_us = 1000, .rested_us = 1000};
    cr_assert(!due(&supervisor, facts, "0 new corrections"));
    facts.corrections = 1000;
    cr_assert(!due(&supervisor, facts, "last training 0 s ago"));
    facts.since_us = facts.rested_us = 7 * DAY_US;
    cr_assert(!due(&supervisor, facts, "more than 7 days"), "seven days are not more than seven");
}

Test(trigger, the_first_training_has_no_age)
{
    const struct fnd_trigger_facts facts = {.corrections = 100};
    cr_assert(due(&supervisor, facts, "never trained"));
}

Test(trigger, it_rests_after_a_training_however_that_ended)
{
    struct fnd_model model = supervisor;
    model.age_ms = 0;
    struct fnd_trigger_facts facts = {.corrections = 500,
                                      .trained = true,
                                      .tried = true,
                                      .since_us = 2 * DAY_US,
                                      .rested_us = DAY_US - 1};
    cr_assert(!due(&model, facts, "it rests"));
    facts.rested_us = DAY_US;
    cr_assert(due(&model, facts, "500 new corrections"));
}

Test(trigger, an_audited_error_above_the_share_is_enough_on_twenty_documents)
{
    struct fnd_model model = supervisor;
    model.audited_error = 0.02;
    struct fnd_trigger_facts facts = {.audited = FND_TRIGGER_AUDITED_MIN - 1,
                                      .wrong = 19,
                                      .trained = true,
                                      .tried = true,
                                      .since_us = 2 * DAY_US,
                                      .rested_us = 2 * DAY_US};
    cr_assert(!due(&model, facts, "audit: 19 of 19 wrong"));
    facts.audited = 50;
    facts.wrong = 1;
    cr_assert(!due(&model, facts, "audit: 1 of 50 wrong"), "2 %% is not above 2 %%");
    facts.wrong = 2;
    cr_assert(due(&model, facts, "audit: 2 of 50 wrong"));
}

Test(trigger, without_when_it_is_trained_by_hand_only)
{
    const struct fnd_model model = {.corrections = 1, .audited_error = 0};
    const struct fnd_trigger_facts facts = {.corrections = 9, .audited = 99, .wrong = 99};
    cr_assert(!due(&model, facts, "by hand only"));
}

Test(trigger, one_that_failed_is_tried_again_behind_a_rest)
{
    const struct fnd_model eager = {.triggered = true, .corrections = 5, .audited_error = -1};
    struct fnd_trigger_facts facts = {
        .corrections = 5, .tried = true, .failed = true, .rested_us = 599 * INT64_C(1000000)};
    cr_expect_not(due(&eager, facts, "the last training failed 9 minutes ago, the cooldown is 10"));
    facts.rested_us = 600 * INT64_C(1000000);
    cr_expect(due(&eager, facts, "5 new corrections"));
    facts.failed = false;
    facts.cancelled = true;
    facts.rested_us = 599 * INT64_C(1000000);
    cr_expect_not(due(&eager, facts, "the last training was cancelled 9 minutes ago"));
    facts = (struct fnd_trigger_facts){.corrections = 5, .tried = true, .trained = true};
    cr_expect(due(&eager, facts, "5 new corrections"), "no cooldown, none but behind a failure");
}
