/* SPDX-License-Identifier: MIT */
/* The curve out of real records: what passed, what was asked, what was wrong, what nobody boxed. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"
#include "learn/curve.h"
#include "learn/prover.h"

static struct desk desk;
static int made;
static char path[32];

#define SCENES(sure)                                                                               \
    "foundry: v1\nname: poles\nphases:\n"                                                          \
    "  - id: detect\n    uses: playback/play\n    with:\n      n: \"${input.n}\"\n"                \
    "      results:\n"                                                                             \
    "        - boxes: [{label: pole, confidence: 0.99, box: [10, 10, 20, 90]}]\n"                  \
    "        - boxes: [{label: pole, confidence: 0.99, box: [10, 10, 20, 90]},"                    \
    " {label: pole, confidence: " sure ", box: [50, 10, 60, 90]}]\n"
#define REVIEW(audit)                                                                              \
    "  - {id: review, uses: foundry/human, with: {of: detect, audit: " audit ","                   \
    " detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]}}\n"

static void begin(const char *yaml)
{
    made = 0;
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk.options.prover = fnd_learn_prover();
    desk_pipeline(&desk, yaml, NULL);
}

static void picture(int kind)
{
    char name[32], line[64];
    snprintf(name, sizeof name, "%03d.jsonl", made);
    snprintf(line, sizeof line, "{\"id\":\"x\",\"n\":%d}", kind);
    snprintf(path, sizeof path, "%03d.jsonl#x", made++);
    desk_line(&desk, name, line);
    desk_run(&desk);
}

static void answer_removed(const char *values, const char *removed)
{
    const struct desk_answer given = {.request = desk_request(&desk, path),
                                      .act = values == NULL ? FND_ANSWER_ACCEPT : FND_ANSWER_SET,
                                      .values = values,
                                      .removed = removed};
    cr_assert_gt(given.request, 0);
    cr_assert_eq(desk_answer(&desk, &given), FND_OK, "%s", desk.error.message);
}

static void answer(const char *values)
{
    answer_removed(values, NULL);
}

static void read_curve(struct fnd_curve *curve)
{
    struct fnd_reader *reader = NULL;
    desk_close(&desk);
    cr_assert_eq(fnd_reader_open(desk.jobs, &reader, &desk.error), FND_OK);
    cr_assert_eq(fnd_curve_read(reader, NULL, curve, &desk.error), FND_OK, "%s",
                 desk.error.message);
    fnd_reader_close(reader);
}

Test(curve, counts_what_passed_what_was_asked_and_what_people_did)
{
    struct fnd_curve curve = {0};
    begin(SCENES("0.5") REVIEW("0%"));
    for (int i = 0; i < 3; i++) {
        picture(1);
        cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    }
    picture(2);
    answer("{\"/boxes/1/box/0\":52}");
    desk_pipeline(&desk, SCENES("0.95") REVIEW("0%"), NULL);
    desk_close(&desk);
    picture(2);
    cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    read_curve(&curve);
    cr_assert_eq(curve.versions_count, 2, "two pins, two versions");
    const struct fnd_curve_counts *old = &curve.versions[0].all, *now = &curve.versions[1].all;
    cr_expect_eq(old->documents, 4);
    cr_expect_eq(old->unasked, 3);
    cr_expect_eq(old->flagged, 1);
    cr_expect_eq(old->answered, 1);
    cr_expect_eq(old->checked, 0, "one place was looked at, not the picture");
    cr_assert_eq(old->fields_count, 1);
    cr_expect_str_eq(old->fields[0].field, "/boxes/*/box/*");
    cr_expect_eq(now->documents, 1);
    cr_expect_eq(now->unasked, 1);
    struct fnd_text text = {0};
    fnd_curve_text(&curve, &text);
    cr_expect_not_null(strstr(fnd_text_z(&text),
                              "people are asked less: about 0.0 values in 100 "
                              "documents, 25.0 with the version before; unproven"),
                       "%s", fnd_text_z(&text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "unproven, as no target_error is set"));
    fnd_text_clear(&text);
    fnd_curve_json(&curve, &text);
    struct fnd_json json = desk_json(fnd_text_z(&text));
    double per_100 = 0;
    cr_expect(fnd_json_number(fnd_json_find(json, "/versions/0/days/0/flagged_per_100"), &per_100));
    cr_expect_eq(per_100, 25);
    cr_expect_eq(fnd_json_count(fnd_json_member(json, "sentences")), 1);
    fnd_text_finish(&text);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, says_so_when_it_does_not_get_better)
{
    struct fnd_curve curve = {0};
    struct fnd_text text = {0};
    begin(SCENES("0.95") REVIEW("0%"));
    picture(2);
    desk_pipeline(&desk, SCENES("0.5") REVIEW("0%"), NULL);
    desk_close(&desk);
    picture(2);
    cr_assert_eq(desk_state(&desk, path), FND_PAUSED);
    read_curve(&curve);
    fnd_curve_sentences(&curve, &text);
    cr_expect_not_null(strstr(fnd_text_z(&text), "it does not get better: people are asked about "
                                                 "100.0 values in 100 documents, 0.0 with"),
                       "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, what_nobody_boxed_is_missed_recall_and_audits_give_the_error)
{
    struct fnd_curve curve = {0};
    begin(SCENES("0.95") REVIEW("100%"));
    picture(1);
    answer("{\"/boxes/-\":{\"label\":\"pole\",\"box\":[300,10,320,95]}}"); /* nobody boxed it */
    picture(1);
    answer("{\"/boxes/0/box/0\":11}"); /* moved a little: it was found, and is right */
    picture(2);
    answer(NULL);
    picture(2); /* one deleted, another drawn elsewhere: as many as before, and one was missed */
    answer_removed("{\"/boxes/-\":{\"label\":\"pole\",\"box\":[300,10,320,95]}}", "[\"/boxes/1\"]");
    read_curve(&curve);
    cr_assert_eq(curve.versions_count, 1);
    const struct fnd_curve_counts *all = &curve.versions[0].all;
    cr_expect_eq(all->objects, 7);
    cr_expect_eq(all->found, 5);
    cr_expect_eq(all->checked, 6);
    cr_expect_eq(all->wrong, 1);
    cr_expect_eq(all->flagged, 6, "all of a picture is looked at");
    struct fnd_text text = {0};
    fnd_curve_text(&curve, &text);
    cr_expect_not_null(strstr(fnd_text_z(&text), "2 of 7 objects were not found by the model"),
                       "%s", fnd_text_z(&text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "16.7 % (0.42 % to 64.1 %)"), "%s",
                       fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, a_proof_is_shown_with_the_version_it_is_of)
{
    struct fnd_curve curve = {0};
    begin(SCENES("0.95") "  - {id: review, uses: foundry/human, with: {of: detect, audit: 0.001%, "
                         "target_error: 30%}}\n");
    for (int i = 0; i < 9; i++) {
        picture(1);
        answer(NULL);
    }
    picture(1);
    cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    read_curve(&curve);
    cr_assert_eq(curve.versions_count, 1);
    cr_expect(curve.versions[0].proven);
    cr_expect_float_eq(curve.versions[0].target, 0.3, 1e-9);
    cr_expect_leq(curve.versions[0].bound, 0.3);
    cr_expect_eq(curve.versions[0].all.unasked, 1);
    cr_expect_eq(curve.versions[0].all.checked, 9);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, an_empty_record_has_none_and_says_so)
{
    struct fnd_curve curve = {0};
    struct fnd_text text = {0};
    begin(SCENES("0.95") REVIEW("0%"));
    desk_open(&desk);
    read_curve(&curve);
    fnd_curve_text(&curve, &text);
    cr_expect_str_eq(fnd_text_z(&text),
                     "No document has come to a human phase yet, so there is no curve.\n");
    fnd_text_finish(&text);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}
