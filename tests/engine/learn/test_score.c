/* SPDX-License-Identifier: MIT */
/* Two versions compared field by field with what a person made of a document. */
#include <criterion/criterion.h>
#include <string.h>

#include "learn/evaluate.h"

static struct fnd_json json(const char *text)
{
    return (struct fnd_json){text, strlen(text)};
}

static const struct fnd_field_score *field(const struct fnd_score *score, const char *name)
{
    for (size_t i = 0; i < score->count; i++) {
        if (strcmp(score->fields[i].field, name) == 0) {
            return &score->fields[i];
        }
    }
    cr_assert_fail("no field %s", name);
    return NULL;
}

Test(score, fields_count_by_value_and_items_together)
{
    struct fnd_score score = {0};
    fnd_score_add(&score, json("{\"total\":1.10,\"items\":[{\"n\":1},{\"n\":2}]}"),
                  json("{\"total\":1.1,\"items\":[{\"n\":1},{\"n\":9}]}"),
                  json("{\"total\":2,\"items\":[{\"n\":1},{\"n\":2}]}"), json("null"));
    cr_assert_eq(score.documents, 1);
    cr_assert_eq(score.seen, 3);
    cr_assert_eq(field(&score, "/total")->pairs.better, 1);
    cr_assert_eq(field(&score, "/items/-/n")->seen, 2);
    cr_assert_eq(field(&score, "/items/-/n")->pairs.worse, 1);
    cr_assert_eq(field(&score, "/items/-/n")->pairs.equal, 1);
    cr_assert_eq(score.pairs.better, 1);
    cr_assert_eq(score.pairs.worse, 1);
    fnd_score_finish(&score);
}

Test(score, what_is_too_much_is_wrong_and_told_once)
{
    struct fnd_score score = {0};
    fnd_score_add(&score, json("{\"boxes\":[1]}"), json("{\"boxes\":[1,2]}"),
                  json("{\"boxes\":[1,2,3]}"), json("null"));
    cr_assert_eq(score.seen, 3, "one that is right, one that both say too much, one more");
    cr_assert_eq(field(&score, "/boxes/-")->pairs.better, 1);
    cr_assert_eq(field(&score, "/boxes/-")->pairs.worse, 0);
    cr_assert_eq(field(&score, "/boxes/-")->pairs.equal, 2);
    fnd_score_finish(&score);
}

Test(score, what_nobody_looked_at_proves_nothing)
{
    struct fnd_score score = {0};
    fnd_score_add(&score, json("{\"a\":1,\"ab\":2,\"c\":{\"d\":3}}"), json("{}"),
                  json("{\"a\":1,\"ab\":2,\"c\":{\"d\":3}}"), json("[\"/a\",\"/c\"]"));
    cr_assert_eq(score.seen, 2);
    cr_assert_eq(score.pairs.worse, 2, "a version that says nothing is wrong in all");
    fnd_score_finish(&score);
}

Test(score, a_version_that_failed_is_wrong_in_everything)
{
    struct fnd_score score = {0};
    const struct fnd_json none = {0};
    fnd_score_add(&score, json("{\"a\":1,\"b\":2}"), json("{\"a\":1,\"b\":3}"), none, json("null"));
    cr_assert_eq(score.pairs.better, 1);
    cr_assert_eq(score.pairs.equal, 1);
    cr_assert_eq(score.right_before, 0);
    fnd_score_finish(&score);
}

Test(score, better_overall_but_worse_in_one_field_is_held)
{
    const struct fnd_model model = {.minimum = 10, .alpha = 0.05};
    struct fnd_score score = {0};
    struct fnd_promotion promotion;
    for (int i = 0; i < 30; i++) {
        fnd_score_add(&score, json("{\"name\":1,\"total_cost\":1}"),
                      i < 8 ? json("{\"name\":1,\"total_cost\":0}")
                            : json("{\"name\":1,\"total_cost\":1}"),
                      json("{\"name\":0,\"total_cost\":1}"), json("null"));
    }
    fnd_score_judge(&score, &model, &promotion);
    cr_assert_eq(promotion.end, FND_PROMOTION_HOLD_FIELD);
    cr_assert_str_eq(promotion.field, "/total_cost");
    fnd_score_finish(&score);
}
