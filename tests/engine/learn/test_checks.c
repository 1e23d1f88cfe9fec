/* SPDX-License-Identifier: MIT */
/* Checks that are borrowed from a model's training, beside those of its own work. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/checks.h"
#include "simulated.h"

/* A document as a record of the training, or of its work, has it. */
static void document_text(const struct fnd_check *checks, size_t count, struct fnd_text *json)
{
    const char *comma = "";
    fnd_text_clear(json);
    fnd_text_append_z(json, "{\"verdict\":\"accepted\",\"confidence\":{");
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(json, "%s\"/f%u\":%.17g", i > 0 ? "," : "", checks[i].field,
                        checks[i].confidence);
    }
    fnd_text_append_z(json, "},\"fields\":{");
    for (size_t i = 0; i < count; i++) {
        if (!checks[i].right) {
            fnd_text_printf(json, "%s\"/f%u\":{}", comma, checks[i].field);
            comma = ",";
        }
    }
    fnd_text_append_z(json, "}}");
}

static uint64_t number; /* of the next document */

/* Documents of a model: as they came in behind its training, or as that found them. */
static void draw(struct fnd_checks *checks, const struct model *model, size_t documents,
                 bool borrowed)
{
    struct fnd_check each[FIELDS_MAX];
    struct fnd_text json = {0};
    for (size_t i = 0; i < documents; i++) {
        model_draw(model, 1, each);
        document_text(each, model->fields, &json);
        const struct fnd_json record = {json.bytes, json.size};
        if (borrowed) {
            fnd_checks_borrow(checks, number++, record);
        } else {
            fnd_checks_add(checks, number++, record);
        }
    }
    fnd_text_finish(&json);
}

static struct fnd_proof proof;

static bool proven(struct fnd_checks *checks, double error)
{
    const struct fnd_proof_want want = {.target = error};
    fnd_proof_finish(&proof);
    fnd_checks_prove(checks, &want, &proof);
    return proof.proven;
}

/* The models of the parts are as good as the whole one, give or take: each part's is better or
 * worse by up to a third at every confidence. */
static void parts_draw(struct fnd_checks *checks, const struct model *model, size_t documents)
{
    enum { PARTS = 5 };
    for (size_t part = 0; part < PARTS; part++) {
        struct model other = *model;
        const double times = 2.0 / 3 + 2.0 / 3 * uniform(model->state);
        for (size_t i = 0; i < LEVELS; i++) {
            other.wrong[i] = fmin(0.9, model->wrong[i] * times);
        }
        draw(checks, &other, documents / PARTS, true);
    }
}

static struct fnd_checks checks_of(void)
{
    const struct fnd_checks none = {.model = fnd_strdup("m")};
    return none;
}

/* What the trainer itself says of its model never comes here: each of these could have told that
 * all was right. */
Test(checks, a_thousand_models_keep_the_target_by_what_their_training_found, .timeout = 300)
{
    const double target = 0.02;
    const uint64_t seed = 20260401;
    uint64_t state = seed;
    size_t given = 0, broken = 0;
    for (size_t run = 0; run < 1000; run++) {
        struct model model;
        struct fnd_checks checks = checks_of();
        model_make(&model, target, FIELDS_MAX, &state);
        parts_draw(&checks, &model, model.documents);
        if (proven(&checks, target)) {
            given++;
            broken += error_of(&model, proof.threshold) > target;
        }
        fnd_checks_finish(&checks);
    }
    fnd_proof_finish(&proof);
    printf("seed %" PRIu64 ": 1000 models, target %g: %zu proven by their training, %zu of them "
           "worse\n",
           seed, target, given, broken);
    cr_assert_gt(given, 50, "a test in which nothing is proven shows nothing");
    cr_assert_leq(broken, 50);
}

Test(checks, a_thousand_models_just_worse_than_the_target_are_not_proven_by_their_training,
     .timeout = 300)
{
    const double target = 0.02;
    for (int together = 0; together < 4; together++) {
        const uint64_t seed = 20260402 + (uint64_t)together;
        uint64_t state = seed;
        size_t broken = 0;
        for (size_t run = 0; run < 1000; run++) {
            struct model model;
            struct fnd_checks checks = checks_of();
            model_make(&model, target, FIELDS_MAX, &state);
            model_edge(&model, target, together / 4.0, true);
            parts_draw(&checks, &model, model.documents);
            broken += proven(&checks, target);
            fnd_checks_finish(&checks);
        }
        fnd_proof_finish(&proof);
        printf("seed %" PRIu64 ": 1000 models at 1.02 times the target, together %g: %zu proven\n",
               seed, together / 4.0, broken);
        cr_expect_leq(broken, 50);
    }
}

/* The one thing that is taken for granted, that a model is as good as those of its parts, can be
 * wrong. Then its own work shows it. */
Test(checks, a_model_that_is_worse_than_its_parts_loses_the_proof_by_its_own_work, .timeout = 300)
{
    const double target = 0.02;
    enum { RUNS = 50, DOCUMENTS_MAX = 400 };
    for (int times = 2; times <= 8; times *= 2) {
        const uint64_t seed = 20260410 + (uint64_t)times;
        uint64_t state = seed;
        double taken[RUNS], sum = 0;
        size_t kept = 0;
        for (size_t run = 0; run < RUNS; run++) {
            struct model model;
            struct fnd_checks checks = checks_of();
            model_make(&model, target, FIELDS_MAX, &state);
            model_edge(&model, target * 0.2, 0, true);
            draw(&checks, &model, 600, true);
            cr_assert(proven(&checks, target));
            model_edge(&model, target * times, 0, true);
            size_t documents = 0;
            while (documents < DOCUMENTS_MAX && proven(&checks, target)) {
                draw(&checks, &model, 1, false);
                documents++;
            }
            kept += documents == DOCUMENTS_MAX;
            taken[run] = (double)documents;
            sum += taken[run];
            fnd_checks_finish(&checks);
        }
        fnd_proof_finish(&proof);
        printf("seed %" PRIu64 ": %d models at %d times the target whose training found a fifth of "
               "it: proof taken back behind %.1f audited documents on average, kept by %zu\n",
               seed, RUNS, times, sum / RUNS, kept);
        cr_expect_eq(kept, 0);
    }
}

Test(checks, its_own_work_alone_counts_once_it_contradicts)
{
    uint64_t state = 7;
    struct model model;
    struct fnd_checks checks = checks_of();
    model_make(&model, 0.05, 2, &state);
    model_edge(&model, 0, 0, true);
    draw(&checks, &model, 100, true);
    cr_assert(proven(&checks, 0.05));
    cr_expect(strstr(proof.reason, "100 of the documents were checked as it was trained"), "%s",
              proof.reason);
    cr_expect(strstr(proof.numbers, "\"borrowed\":100,\"contradicted\":false"), "%s",
              proof.numbers);
    model_edge(&model, 1, 1, true); /* all wrong */
    for (int i = 0; i < 50 && proven(&checks, 0.05); i++) {
        draw(&checks, &model, 1, false);
    }
    cr_assert_not(proven(&checks, 0.05));
    /* A document whose record was taken back is none any more, borrowed or not. */
    for (uint64_t i = 0; i < number; i++) {
        fnd_checks_forget(&checks, i);
    }
    cr_expect_eq(checks.borrowed, 0);
    cr_expect_eq(checks.values_count, 0);
    cr_assert_not(proven(&checks, 0.05));
    fnd_proof_finish(&proof);
    fnd_checks_finish(&checks);
}

/** What a record's checks come to: how many values were right and wrong. */
static void checks_expect(const char *record, size_t right, size_t wrong)
{
    struct fnd_checks checks = {.model = fnd_strdup("m")};
    size_t counts[2] = {0, 0};
    fnd_checks_add(&checks, 1, (struct fnd_json){record, strlen(record)});
    for (size_t i = 0; i < checks.values_count; i++) {
        counts[checks.values[i].right ? 1 : 0]++;
    }
    cr_expect(counts[1] == right && counts[0] == wrong, "%s: %zu right, %zu wrong", record,
              counts[1], counts[0]);
    fnd_checks_finish(&checks);
}

Test(checks, a_box_is_right_where_a_person_left_it_nearly_there)
{
    static const char said[] =
        "{\"verdict\":\"corrected\",\"confidence\":{\"/boxes\":0.9,\"/boxes/0\":0.9,"
        "\"/boxes/1\":0.9},\"model_output\":{\"boxes\":[{\"label\":\"pole\",\"box\":[0,0,10,10]},"
        "{\"label\":\"pole\",\"box\":[50,0,60,10]}]},\"human_output\":{\"boxes\":[";
    static const struct {
        const char *human;
        size_t right, wrong;
    } cases[] = {
        {"{\"label\":\"pole\",\"box\":[0,0,10,10]},{\"label\":\"pole\",\"box\":[50,0,60,10]}", 3,
         0},
        {"{\"label\":\"pole\",\"box\":[50,0,60,11]},{\"label\":\"pole\",\"box\":[0,1,10,10]}", 3,
         0},
        {"{\"label\":\"pole\",\"box\":[0,0,10,10]},{\"label\":\"pole\",\"box\":[56,0,66,10]}", 1,
         2},
        {"{\"label\":\"pole\",\"box\":[0,0,10,10]},{\"label\":\"tree\",\"box\":[50,0,60,10]}", 1,
         2},
        {"{\"label\":\"pole\",\"box\":[51,0,60,10]}", 2, 1}, /* one was none */
        {"{\"label\":\"pole\",\"box\":[0,0,10,10]},{\"label\":\"pole\",\"box\":[50,0,60,10]},"
         "{\"label\":\"pole\",\"box\":[90,0,99,10]}",
         2, 1}, /* one was overlooked: the list's error */
        {"{\"label\":\"pole\",\"box\":[50,0,60,10]},{\"label\":\"pole\",\"box\":[90,0,99,10]}", 1,
         2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text record = {0};
        fnd_text_printf(&record, "%s%s]}}", said, cases[i].human);
        checks_expect(fnd_text_z(&record), cases[i].right, cases[i].wrong);
        fnd_text_finish(&record);
    }
}

Test(checks, a_wrong_cell_is_not_the_list_s_error_but_a_row_too_many_is)
{
    static const char scores[] = "{\"verdict\":\"corrected\",\"confidence\":{\"/rows\":0.9,"
                                 "\"/rows/0/a\":0.9,\"/rows/0/b\":0.9,\"/rows/1/a\":0.9},";
    static const struct {
        const char *fields;
        size_t right, wrong;
    } cases[] = {
        {"\"fields\":{}}", 4, 0},
        {"\"fields\":{\"/rows/0/a\":{}}}", 3, 1},
        {"\"fields\":{\"/rows/0/a/deep\":{}}}", 3, 1},
        {"\"fields\":{\"/rows/1\":{}}}", 2, 2},   /* the row went: its cell, and the list */
        {"\"fields\":{\"/rows/2\":{}}}", 3, 1},   /* one came: the list */
        {"\"fields\":{\"/rows/1/b\":{}}}", 3, 1}, /* nobody told how sure it is but the list */
        {"\"fields\":{\"/rows\":{}}}", 0, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text record = {0};
        fnd_text_printf(&record, "%s%s", scores, cases[i].fields);
        checks_expect(fnd_text_z(&record), cases[i].right, cases[i].wrong);
        fnd_text_finish(&record);
    }
}
