/* SPDX-License-Identifier: MIT */
/* What a person is given of a batch: uncertain, not all alike, and within the time there is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "learn/choose.h"

enum { BATCH = 60 };

/* Lines of a batch as a station reads them: confidences in no order, four suppliers. */
static void batch(struct fnd_candidate *candidates, char names[BATCH][8])
{
    static const char *const groups[] = {"acme", "bolt", "core", "dune"};
    for (size_t i = 0; i < BATCH; i++) {
        snprintf(names[i], sizeof names[i], "%02zu", i);
        candidates[i].id = names[i];
        candidates[i].confidence = (int)((i * 37) % BATCH) / (double)BATCH;
        candidates[i].group = groups[i % 4];
        candidates[i].features = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
    }
}

Test(choose, the_ten_least_certain_are_exactly_ten)
{
    struct fnd_candidate candidates[BATCH];
    char names[BATCH][8];
    size_t chosen[BATCH];
    const struct fnd_choice ten = {.count_max = 10, .confidence_max = 1};
    batch(candidates, names);
    cr_assert_eq(fnd_choose(candidates, BATCH, &ten, chosen), 10);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_float_eq(candidates[chosen[i]].confidence, (double)i / BATCH, 1e-12);
    }
}

Test(choose, order_of_the_batch_and_equal_confidences_change_nothing)
{
    struct fnd_candidate candidates[BATCH], turned[BATCH];
    char names[BATCH][8];
    size_t chosen[BATCH], again[BATCH];
    batch(candidates, names);
    for (size_t i = 0; i < BATCH; i++) {
        candidates[i].confidence = (int)(i % 3) / 4.0; /* many are equal */
    }
    for (size_t i = 0; i < BATCH; i++) {
        turned[i] = candidates[BATCH - 1 - i];
    }
    for (int diverse = 0; diverse < 2; diverse++) {
        const struct fnd_choice choice = {
            .count_max = 12, .confidence_max = 1, .diverse = diverse != 0};
        cr_assert_eq(fnd_choose(candidates, BATCH, &choice, chosen), 12);
        cr_assert_eq(fnd_choose(turned, BATCH, &choice, again), 12);
        for (size_t i = 0; i < 12; i++) {
            cr_assert_str_eq(candidates[chosen[i]].id, turned[again[i]].id);
        }
    }
}

Test(choose, a_budget_is_kept_with_the_time_cards_take)
{
    struct fnd_candidate candidates[BATCH];
    char names[BATCH][8];
    size_t chosen[BATCH];
    batch(candidates, names);
    struct fnd_choice choice = {
        .count_max = SIZE_MAX, .minutes = 5, .seconds_each = 30, .confidence_max = 1};
    cr_assert_eq(fnd_choose(candidates, BATCH, &choice, chosen), 10);
    choice.seconds_each = 0; /* nobody answered yet */
    cr_assert_eq(fnd_choose(candidates, BATCH, &choice, chosen), 5 * 60 / FND_CARD_SECONDS);
    choice.seconds_each = 1000; /* one card is more than the budget, and still one is asked */
    cr_assert_eq(fnd_choose(candidates, BATCH, &choice, chosen), 1);
    choice.seconds_each = 1e-9;
    cr_assert_eq(fnd_choose(candidates, BATCH, &choice, chosen), BATCH);
    choice.minutes = 0;
    choice.confidence_max = 0.5;
    cr_assert_eq(fnd_choose(candidates, BATCH, &choice, chosen), BATCH / 2 + 1);
    cr_assert_eq(fnd_choose(candidates, 0, &choice, chosen), 0);
}

Test(choose, diversity_visits_every_group_first)
{
    struct fnd_candidate candidates[BATCH];
    char names[BATCH][8];
    size_t chosen[BATCH], plain[BATCH];
    batch(candidates, names);
    for (size_t i = 0; i < BATCH; i++) {
        /* the least certain dozen are one supplier's, all alike */
        candidates[i].confidence = (double)i / BATCH;
        candidates[i].group = i < 12 ? "acme" : i < 20 ? "bolt" : i < 24 ? "core" : "dune";
        candidates[i].features = i < 12 ? 7 : candidates[i].features;
    }
    const struct fnd_choice uncertain = {.count_max = 8, .confidence_max = 1};
    const struct fnd_choice diverse = {.count_max = 8, .confidence_max = 1, .diverse = true};
    cr_assert_eq(fnd_choose(candidates, BATCH, &uncertain, plain), 8);
    cr_assert_eq(fnd_choose(candidates, BATCH, &diverse, chosen), 8);
    size_t groups = 0, acme = 0;
    for (size_t i = 0; i < 8; i++) {
        cr_assert_str_eq(candidates[plain[i]].group, "acme");
        acme += strcmp(candidates[chosen[i]].group, "acme") == 0;
        size_t j = 0;
        while (j < i && strcmp(candidates[chosen[i]].group, candidates[chosen[j]].group) != 0) {
            j++;
        }
        groups += j == i;
        cr_assert(i >= 3 || groups == i + 1, "a group came twice before all came once");
        cr_assert_lt(chosen[i], 24, "not among the least certain");
    }
    cr_assert_eq(chosen[0], 0, "the least certain comes first");
    cr_assert_eq(groups, 3);
    cr_assert_eq(acme, 1, "documents that are all alike are asked about once");
}

static struct fnd_json json(const char *text)
{
    struct fnd_json value = {0};
    cr_assert_eq(fnd_json_check(text, strlen(text), NULL, &value, NULL), FND_OK);
    return value;
}

static unsigned bits(uint64_t value)
{
    unsigned count = 0;
    for (; value != 0; value &= value - 1) {
        count++;
    }
    return count;
}

Test(choose, features_of_documents_alike_are_near)
{
    const char *one =
        "{\"supplier\":\"acme\",\"date\":\"2026-01-02\",\"rows\":[{\"name\":\"nut\","
        "\"price\":1},{\"name\":\"bolt\",\"price\":2},{\"name\":\"ring\",\"price\":3}]}";
    const char *other =
        "{\"supplier\":\"acme\",\"date\":\"2026-01-03\",\"rows\":[{\"name\":\"bolt\","
        "\"price\":2},{\"name\":\"ring\",\"price\":3},{\"name\":\"nut\","
        "\"price\":1}]}";
    const char *far = "{\"supplier\":\"zeta\",\"date\":\"2020-05-05\",\"rows\":[{\"name\":\"lamp\","
                      "\"price\":91},{\"name\":\"desk\",\"price\":82}]}";
    fnd_digest_setup();
    const uint64_t a = fnd_features(json(one)), b = fnd_features(json(other)),
                   c = fnd_features(json(far));
    cr_assert_lt(bits(a ^ b), 20);
    cr_assert_gt(bits(a ^ c), bits(a ^ b));
    cr_assert_eq(a, UINT64_C(0x888454448170d74b), "the features of a document have changed: %llx",
                 (unsigned long long)a);
    cr_assert_eq(fnd_features(json("{}")), 0);
    cr_assert_neq(fnd_features(json("\"text\"")), 0);
}

Test(choose, the_median_is_of_the_middle)
{
    double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2};
    cr_assert_eq(fnd_median(odd, 3), 5);
    cr_assert_eq(fnd_median(even, 4), 2.5);
    cr_assert_lt(fnd_median(odd, 0), 0);
}
