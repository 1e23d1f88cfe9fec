/* SPDX-License-Identifier: MIT */
/* Two versions compared field by field with what a person made of a document. */
#include <criterion/criterion.h>
#include <string.h>

#include "learn/boxes.h"
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

/* --- boxes ------------------------------------------------------------------------------------ */

static const char *align(const char *reference, const char *other)
{
    static struct fnd_text text;
    struct fnd_json ours = {0}, theirs = {0};
    cr_assert_eq(fnd_json_check(reference, strlen(reference), NULL, &ours, NULL), FND_OK);
    cr_assert_eq(fnd_json_check(other, strlen(other), NULL, &theirs, NULL), FND_OK);
    fnd_text_clear(&text);
    fnd_boxes_align(ours, theirs, &text);
    return fnd_text_z(&text);
}

#define BOX(x, label) "{\"box\":[" #x ",0,100,50],\"label\":\"" label "\",\"confidence\":0." #x "}"

Test(score, boxes_are_the_same_where_they_overlap_well_enough_in_any_order)
{
    static const struct {
        const char *reference, *other, *plain;
    } cases[] = {
        {"{\"boxes\":[" BOX(10, "a") "," BOX(60, "a") "]}",
         "{\"boxes\":[" BOX(62, "a") "," BOX(12, "a") "]}", "{\"boxes\":[\"box\",\"box\"]}"},
        {"{\"boxes\":[" BOX(10, "a") "]}", "{\"boxes\":[]}", "{\"boxes\":[null]}"},
        {"{\"boxes\":[]}", "{\"boxes\":[" BOX(10, "a") "]}", "{\"boxes\":[\"more\"]}"},
        {"{}", "{\"boxes\":[" BOX(10, "a") "]}", "{\"boxes\":[\"more\"]}"},
        {"{\"boxes\":[" BOX(10, "a") "]}", "{\"boxes\":[" BOX(10, "b") "]}",
         "{\"boxes\":[null,\"more\"]}"},
        {"{\"boxes\":[" BOX(10, "a") "]}", "{\"boxes\":[" BOX(80, "a") "]}",
         "{\"boxes\":[null,\"more\"]}"},
        {"{\"items\":[1,{\"a\":2}],\"n\":3}", "{\"items\":[4,{\"a\":5}],\"n\":6}",
         "{\"items\":[4,{\"a\":5}],\"n\":6}"},
        {"{\"boxes\":[]}", "{\"boxes\":[]}", "{\"boxes\":[]}"},
        {"{\"boxes\":[1]}", "{\"boxes\":[{\"box\":[1,2]}]}", "{\"boxes\":[{\"box\":[1,2]}]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_str_eq(align(cases[i].reference, cases[i].other), cases[i].plain, "%zu: %s", i,
                         align(cases[i].reference, cases[i].other));
    }
}

Test(score, a_box_is_one_pair_and_one_too_many_or_too_few_is_wrong)
{
    const char *human = "{\"boxes\":[" BOX(10, "a") "," BOX(60, "a") "]}";
    const char *now = "{\"boxes\":[" BOX(61, "a") "," BOX(11, "a") "]}";
    const char *before = "{\"boxes\":[" BOX(12, "a") "," BOX(95, "a") "]}";
    const struct fnd_json null = {"null", 4};
    struct fnd_score score = {0};
    fnd_score_add(&score, (struct fnd_json){human, strlen(human)},
                  (struct fnd_json){now, strlen(now)}, (struct fnd_json){before, strlen(before)},
                  null);
    cr_expect_eq(score.pairs.equal, 1);  /* both have the first */
    cr_expect_eq(score.pairs.better, 2); /* the second, and one that is none */
    cr_expect_eq(score.pairs.worse, 0);
    cr_assert_eq(score.count, 1);
    cr_expect_str_eq(score.fields[0].field, "/boxes/-");
    fnd_score_finish(&score);
}
