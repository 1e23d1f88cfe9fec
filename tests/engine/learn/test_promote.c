/* SPDX-License-Identifier: MIT */
/* Promotion and rollback from pairs, with the sentence that people read. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/json.h"
#include "learn/promote.h"

static void says(const struct fnd_promotion *promotion, bool rollback, const char *sentence)
{
    struct fnd_text text = {0};
    fnd_promotion_text(promotion, rollback, &text);
    cr_assert_str_eq(fnd_text_z(&text), sentence);
    fnd_text_finish(&text);
}

Test(promote, nine_to_one_is_promoted_and_six_to_two_held)
{
    struct fnd_promotion promotion;
    fnd_promotion_decide(9, 1, 10, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_PROMOTE);
    cr_assert_float_eq(promotion.p, 0.0107, 0.00005);
    says(
        &promotion, false,
        "promote: the new version was right in 9 of the 10 that tell the two apart, p = 0.0107, at "
        "most 0.05");
    fnd_promotion_decide(6, 2, 8, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_CHANCE);
    cr_assert_float_eq(promotion.p, 0.1445, 0.00005);
    says(&promotion, false,
         "hold: the new version was right in 6 of the 8 that tell the two apart, p = 0.1445, which "
         "chance alone would do (at most 0.05 proves it)");
}

Test(promote, a_minimum_is_of_pairs_looked_at)
{
    struct fnd_promotion promotion;
    fnd_promotion_decide(9, 1, 11, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_FEW);
    says(&promotion, false,
         "hold: 10 verified pairs of the 11 that a decision needs; 1 more to come");
    struct fnd_pairs pairs = {.better = 9, .worse = 1, .equal = 39};
    fnd_promotion_judge(&pairs, NULL, 0, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_FEW);
    pairs.equal = 40;
    fnd_promotion_judge(&pairs, NULL, 0, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_PROMOTE);
}

Test(promote, better_as_a_whole_and_worse_on_a_field_is_held)
{
    const struct fnd_pairs all = {.better = 20, .worse = 5, .equal = 75};
    const struct fnd_pairs_field fields[] = {{"/date", {.better = 12, .worse = 0}},
                                             {"/number", {.better = 7, .worse = 1}},
                                             {"/total_cost", {.better = 1, .worse = 5}}};
    struct fnd_promotion promotion;
    struct fnd_text json = {0};
    struct fnd_json value;
    fnd_promotion_judge(&all, fields, 2, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_PROMOTE);
    fnd_promotion_judge(&all, fields, 3, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_FIELD);
    cr_assert_str_eq(promotion.field, "/total_cost");
    says(&promotion, false,
         "hold: the new version was right in 20 of the 25 that tell the two apart, p = 0.0020, at "
         "most 0.05; but on /total_cost it was wrong in 5 of 6, p = 0.1094, at most 0.2");
    fnd_promotion_json(&promotion, false, &json);
    cr_assert_eq(fnd_json_check(json.bytes, json.size, NULL, &value, NULL), FND_OK);
    cr_assert(fnd_json_text_is(fnd_json_find(value, "/decision"), "hold"));
    cr_assert(fnd_json_text_is(fnd_json_find(value, "/field/field"), "/total_cost"));
    fnd_text_finish(&json);
}

Test(promote, a_field_that_is_a_little_worse_by_chance_does_not_hold)
{
    /* 2 to 4 happens to every third field that is no worse; 0 to 3 to every eighth. */
    const struct fnd_pairs all = {.better = 20, .worse = 5, .equal = 75};
    struct fnd_pairs_field field = {"/date", {.better = 2, .worse = 4}};
    struct fnd_promotion promotion;
    fnd_promotion_judge(&all, &field, 1, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_PROMOTE);
    field.pairs.better = 0;
    field.pairs.worse = 3;
    fnd_promotion_judge(&all, &field, 1, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_FIELD);
}

Test(promote, rollback_is_the_same_rule_from_the_other_side)
{
    const struct fnd_pairs all = {.better = 1, .worse = 9, .equal = 60};
    const struct fnd_pairs_field worse = {"/total", {.better = 0, .worse = 9}};
    const struct fnd_pairs_field better = {"/date", {.better = 5, .worse = 0}};
    struct fnd_promotion promotion;
    struct fnd_text json = {0};
    fnd_rollback_judge(&all, &worse, 1, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_PROMOTE);
    says(&promotion, true,
         "roll back: the version before was right in 9 of the 10 that tell the two apart, p = "
         "0.0107, at most 0.05");
    fnd_promotion_json(&promotion, true, &json);
    cr_assert_not_null(strstr(fnd_text_z(&json), "\"decision\":\"rollback\""));
    fnd_text_finish(&json);
    /* going back would lose a field */
    fnd_rollback_judge(&all, &better, 1, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_FIELD);
    /* a good version is never rolled back */
    const struct fnd_pairs good = {.better = 9, .worse = 1, .equal = 60};
    fnd_rollback_judge(&good, NULL, 0, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_CHANCE);
}

Test(promote, nothing_to_tell_apart_is_held)
{
    struct fnd_promotion promotion;
    const struct fnd_pairs same = {.equal = 500};
    fnd_promotion_judge(&same, NULL, 0, 50, 0.05, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_CHANCE);
    cr_assert_eq(promotion.p, 1);
}
