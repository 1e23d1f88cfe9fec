/* SPDX-License-Identifier: MIT */
/* Thresholds: what is proven from checks, and that the proof holds for models that lie about their
 * confidence. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/binomial.h"
#include "learn/threshold.h"
#include "simulated.h"

static const struct fnd_target one_percent = {.error = 0.01, .level = 0.95};

/* `count` documents of one value each, all of one confidence; the first `wrong` are wrong. */
static struct fnd_check *checks_of(size_t count, size_t wrong, double confidence)
{
    struct fnd_check *checks = fnd_alloc((count + 1) * sizeof *checks);
    for (size_t i = 0; i < count; i++) {
        checks[i].document = i;
        checks[i].confidence = confidence;
        checks[i].right = i >= wrong;
    }
    return checks;
}

static void says(const struct fnd_threshold *threshold, const struct fnd_target *target,
                 const char *sentence)
{
    struct fnd_text text = {0};
    fnd_threshold_text(threshold, target, NULL, &text);
    cr_assert_str_eq(fnd_text_z(&text), sentence);
    fnd_text_finish(&text);
}

Test(threshold, clean_checks_prove_their_target_and_one_fewer_says_how_many_are_missing)
{
    static const struct {
        size_t checks;
        double error;
    } known[] = {{59, 0.05}, {149, 0.02}, {299, 0.01}};
    for (size_t i = 0; i < 3; i++) {
        for (int whole = 0; whole < 2; whole++) {
            const struct fnd_target target = {known[i].error, 0.95, whole != 0};
            struct fnd_check *checks = checks_of(known[i].checks, 0, 0.985);
            struct fnd_threshold threshold = {0};
            fnd_threshold_prove(checks, known[i].checks, 1, &target, &threshold);
            cr_assert(threshold.proven, "%zu", known[i].checks);
            cr_assert_eq(threshold.checks, known[i].checks);
            cr_assert_eq(threshold.threshold, 0.98, "nothing below was seen");
            cr_assert_leq(threshold.bound, known[i].error);
            fnd_threshold_finish(&threshold);
            fnd_threshold_prove(checks, known[i].checks - 1, 1, &target, &threshold);
            cr_assert_not(threshold.proven);
            cr_assert_eq(threshold.missing, 1);
            fnd_threshold_finish(&threshold);
            fnd_threshold_prove(checks, 18, 1, &target, &threshold);
            cr_assert_eq(threshold.missing, known[i].checks - 18);
            fnd_threshold_finish(&threshold);
            fnd_threshold_prove(NULL, 0, 1, &target, &threshold);
            cr_assert_not(threshold.proven);
            cr_assert_eq(threshold.missing, known[i].checks);
            cr_assert_eq(threshold.bound, 1);
            fnd_threshold_finish(&threshold);
            free(checks);
        }
    }
}

Test(threshold, sentences_have_the_numbers)
{
    struct fnd_check *checks = checks_of(299, 0, 0.985);
    struct fnd_threshold threshold = {0};
    fnd_threshold_prove(checks, 258, 1, &one_percent, &threshold);
    says(&threshold, &one_percent,
         "unproven: 41 more clean checks would prove it (258 values checked, none wrong from 98 % "
         "on; target 1 % per field)");
    fnd_threshold_finish(&threshold);
    fnd_threshold_prove(checks, 299, 1, &one_percent, &threshold);
    says(
        &threshold, &one_percent,
        "proven: from a confidence of 98 % on at most 1 % of values are wrong (299 values checked, "
        "none wrong; target 1 % per field)");
    fnd_threshold_finish(&threshold);
    free(checks);
}

Test(threshold, the_lowest_that_holds_is_found_and_the_first_that_fails_ends_it)
{
    /* 2,000 clean ones at 0.985; below, 200 at 0.945 of which 30 are wrong; and 1,000 clean ones at
     * 0.72: with those, all would meet the target again, but the sequence has ended. */
    const struct fnd_target target = {.error = 0.0135, .level = 0.95};
    struct fnd_check *checks = fnd_alloc(3200 * sizeof *checks);
    struct fnd_threshold threshold = {0};
    for (size_t i = 0; i < 3200; i++) {
        checks[i].document = i;
        checks[i].confidence = i < 2000 ? 0.985 : i < 2200 ? 0.945 : 0.72;
        checks[i].right = i < 2000 || i >= 2030;
    }
    fnd_threshold_prove(checks, 3200, 1, &target, &threshold);
    cr_assert(threshold.proven);
    cr_assert_eq(threshold.threshold, 0.98);
    cr_assert_eq(threshold.checks, 2000);
    fnd_threshold_finish(&threshold);
    cr_assert(fnd_error_proven(30, 3200, target.error, 0.95));
    free(checks);
}

Test(threshold, order_of_the_checks_changes_nothing)
{
    enum { COUNT = 900 };
    struct fnd_check checks[COUNT], turned[COUNT];
    struct fnd_threshold one = {0}, other = {0};
    for (size_t i = 0; i < COUNT; i++) {
        checks[i].document = i / 6;
        checks[i].field = (uint32_t)(i % 6);
        checks[i].confidence = (double)((i * 7919) % 1000) / 1000;
        checks[i].right = checks[i].confidence > 0.4 || i % 5 != 0;
    }
    for (size_t i = 0; i < COUNT; i++) {
        turned[i] = checks[(i * 7) % COUNT == i ? i : (i * 7 + 11) % COUNT];
    }
    for (size_t i = 0; i < COUNT; i++) {
        turned[i] = checks[COUNT - 1 - i];
    }
    const struct fnd_target target = {.error = 0.05, .level = 0.95};
    fnd_threshold_prove(checks, COUNT, 6, &target, &one);
    fnd_threshold_prove(turned, COUNT, 6, &target, &other);
    cr_assert(one.proven);
    cr_assert_eq(one.threshold, other.threshold);
    cr_assert_eq(one.checks, other.checks);
    cr_assert_eq(one.bound, other.bound);
    cr_assert_eq(memcmp(one.fields, other.fields, 6 * sizeof *one.fields), 0);
    fnd_threshold_finish(&one);
    fnd_threshold_finish(&other);
}

Test(threshold, a_field_much_worse_than_the_target_ends_it)
{
    /* 3,000 values of ten fields, a value a document; 24 wrong ones, all of field 9: 0.8 % as a
     * whole, 8 % of that field. */
    enum { COUNT = 3000 };
    struct fnd_check *checks = fnd_alloc(COUNT * sizeof *checks);
    const struct fnd_target target = {.error = 0.012, .level = 0.95};
    struct fnd_threshold threshold = {0};
    for (size_t i = 0; i < COUNT; i++) {
        checks[i].document = i;
        checks[i].field = (uint32_t)(i % 10);
        checks[i].confidence = 0.97;
        checks[i].right = true;
    }
    for (size_t i = 0; i < 24; i++) {
        checks[i * 10].right = false; /* spread: no field is much worse */
        checks[i * 10].right = true;
        checks[(i * 10) + (i % 10)].right = false;
    }
    fnd_threshold_prove(checks, COUNT, 10, &target, &threshold);
    cr_assert(threshold.proven, "24 of 3,000, spread over all fields, meet 1.2 %%");
    fnd_threshold_finish(&threshold);
    for (size_t i = 0; i < COUNT; i++) {
        checks[i].right = i % 10 != 9 || i > 240;
    }
    fnd_threshold_prove(checks, COUNT, 10, &target, &threshold);
    cr_assert_not(threshold.proven);
    cr_assert_eq(threshold.veto, 9);
    cr_assert_eq(threshold.fields[9].state, FND_FIELD_VETO);
    cr_assert_gt(threshold.fields[9].bound, 5 * target.error);
    cr_assert_eq(threshold.fields[8].state, FND_FIELD_IN);
    const char *names[] = {"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/total_cost"};
    struct fnd_text text = {0};
    fnd_threshold_text(&threshold, &target, names, &text);
    cr_assert_not_null(strstr(fnd_text_z(&text), "of /total_cost"), "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_threshold_finish(&threshold);
    free(checks);
}

Test(threshold, a_field_with_few_checks_is_asked_and_does_not_stop_the_others)
{
    enum { COUNT = 1000 };
    struct fnd_check *checks = checks_of(COUNT, 0, 0.97);
    struct fnd_threshold threshold = {0};
    for (size_t i = 0; i < 58; i++) {
        checks[i].field = 1; /* 58 clean ones cannot show 5 % */
    }
    checks[0].right = false; /* wrong, but among what is asked all the same */
    fnd_threshold_prove(checks, COUNT, 3, &one_percent, &threshold);
    cr_assert(threshold.proven);
    cr_assert_eq(threshold.checks, COUNT - 58);
    cr_assert_eq(threshold.fields[0].state, FND_FIELD_IN);
    cr_assert_eq(threshold.fields[1].state, FND_FIELD_ASKED);
    cr_assert_eq(threshold.fields[1].missing, 93 - 58, "93 with one wrong");
    cr_assert_eq(threshold.fields[2].state, FND_FIELD_UNSEEN);
    fnd_threshold_finish(&threshold);
    free(checks);
}

Test(threshold, values_that_fall_together_are_worth_less)
{
    /* 400 documents of ten values. 8 % of documents are misread and have all ten wrong, below the
     * threshold; the rest is clean. */
    enum { DOCUMENTS = 400, EACH = 10 };
    struct fnd_check *checks = fnd_alloc(DOCUMENTS * EACH * sizeof *checks);
    struct fnd_threshold threshold = {0};
    for (size_t i = 0; i < DOCUMENTS * EACH; i++) {
        checks[i].document = i / EACH;
        checks[i].confidence = i / EACH < 32 ? 0.55 : 0.97;
        checks[i].right = i / EACH >= 32;
    }
    fnd_threshold_prove(checks, DOCUMENTS * EACH, 1, &one_percent, &threshold);
    cr_assert(threshold.proven);
    cr_assert_eq(threshold.checks, 3680);
    cr_assert_lt(threshold.effective, 370, "all or none: a document counts once");
    fnd_threshold_finish(&threshold);
    /* The same errors, one a document: values are worth what they count. */
    for (size_t i = 0; i < DOCUMENTS * EACH; i++) {
        const bool wrong = i % EACH == 0 && i / EACH < 320;
        checks[i].confidence = wrong ? 0.55 : 0.97;
        checks[i].right = !wrong;
    }
    fnd_threshold_prove(checks, DOCUMENTS * EACH, 1, &one_percent, &threshold);
    cr_assert(threshold.proven);
    cr_assert_eq(threshold.effective, 3680);
    fnd_threshold_finish(&threshold);
    /* Without errors nobody knows: a document counts once, and it says so. */
    fnd_threshold_prove(checks + 3200, 800, 1, &one_percent, &threshold);
    cr_assert_not(threshold.proven);
    cr_assert(threshold.by_document);
    cr_assert_eq(threshold.missing, 299 - 80);
    fnd_threshold_finish(&threshold);
    free(checks);
}

/* --- simulated models that lie about their confidence ----------------------------------------- */

Test(threshold, a_thousand_models_just_worse_than_the_target_are_told_from_good_ones,
     .timeout = 240)
{
    const struct fnd_target target = {.error = 0.02, .level = 0.95};
    struct fnd_check *checks = fnd_alloc(700 * FIELDS_MAX * sizeof *checks);
    for (int kind = 0; kind < 5; kind++) {
        /* Spread over all confidences; and all at one, where whole documents are accepted. */
        const int together = kind == 0 ? 0 : kind - 1;
        const bool one_level = kind > 0;
        uint64_t state = 20260310 + (uint64_t)kind;
        const uint64_t seed = state;
        size_t broken = 0;
        for (size_t run = 0; run < 1000; run++) {
            struct model model;
            struct fnd_threshold threshold = {0};
            model_make(&model, target.error, FIELDS_MAX, &state);
            model_edge(&model, target.error, together / 4.0, one_level);
            model_draw(&model, model.documents, checks);
            fnd_threshold_prove(checks, model.documents * FIELDS_MAX, FIELDS_MAX, &target,
                                &threshold);
            broken += threshold.proven;
            fnd_threshold_finish(&threshold);
        }
        printf("seed %" PRIu64 ": 1000 models at 1.02 times the target, values fall together by "
               "%g: %zu proven\n",
               seed, together / 4.0, broken);
        fflush(stdout);
        cr_expect_leq(broken, 50);
    }
    free(checks);
}

/* How many of `runs` models are given a threshold that does worse than the target. */
static void simulate(bool per_document, double error, uint64_t seed, size_t runs)
{
    const struct fnd_target target = {error, 0.95, per_document};
    struct fnd_check *checks = fnd_alloc(700 * FIELDS_MAX * sizeof *checks);
    const size_t fields = per_document ? 2 : FIELDS_MAX;
    uint64_t state = seed;
    size_t proven = 0, broken = 0, by_kind[4] = {0};
    for (size_t run = 0; run < runs; run++) {
        struct model model;
        struct fnd_threshold threshold = {0};
        model_make(&model, per_document ? error / 2 : error, fields, &state);
        model_draw(&model, model.documents, checks);
        fnd_threshold_prove(checks, model.documents * fields, fields, &target, &threshold);
        if (threshold.proven) {
            const double truth = per_document ? document_error_of(&model, threshold.threshold)
                                              : error_of(&model, threshold.threshold);
            proven++;
            broken += truth > error;
            by_kind[(size_t)(model.together * 4)] += truth > error;
        }
        fnd_threshold_finish(&threshold);
    }
    printf("seed %" PRIu64 ": %zu models, target %g %s: %zu proven, %zu worse than the target "
           "(%zu %zu %zu %zu by how values fall together)\n",
           seed, runs, error, per_document ? "per document" : "per field", proven, broken,
           by_kind[0], by_kind[1], by_kind[2], by_kind[3]);
    cr_assert_gt(proven, runs / 20, "a test in which nothing is proven shows nothing");
    cr_assert_leq(broken, runs / 20);
    free(checks);
}

Test(threshold, a_thousand_miscalibrated_models_keep_the_target_per_field, .timeout = 240)
{
    simulate(false, 0.02, 20260301, 1000);
    simulate(false, 0.05, 20260302, 1000);
}

Test(threshold, a_thousand_miscalibrated_models_keep_the_target_per_document, .timeout = 240)
{
    simulate(true, 0.05, 20260303, 1000);
    simulate(true, 0.1, 20260304, 1000);
}

Test(threshold, a_target_that_cannot_be_met_is_told)
{
    enum { COUNT = 300 };
    struct fnd_check checks[COUNT] = {{0}};
    struct fnd_threshold threshold = {0};
    struct fnd_text text = {0};
    for (size_t i = 0; i < COUNT; i++) {
        checks[i] = (struct fnd_check){.document = i, .confidence = 0.99, .right = i % 5 != 0};
    }
    fnd_threshold_prove(checks, COUNT, 1, &one_percent, &threshold);
    cr_assert_not(threshold.proven);
    fnd_threshold_text(&threshold, &one_percent, NULL, &text);
    cr_expect(strstr(fnd_text_z(&text), "as it is the target cannot be met: at least 16.3 % of "
                                        "values are wrong even there"),
              "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_threshold_finish(&threshold);
    /* With few checks nobody can tell yet. */
    fnd_threshold_prove(checks, 1, 1, &one_percent, &threshold);
    fnd_threshold_text(&threshold, &one_percent, NULL, &text);
    cr_expect(strstr(fnd_text_z(&text), "cannot be met") == NULL, "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_threshold_finish(&threshold);
}
