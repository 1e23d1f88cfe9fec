/* SPDX-License-Identifier: MIT */
/* The curve out of real records: what passed, what was asked, what was wrong, what nobody boxed. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <sqlite3.h>
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

static struct fnd_text flaws;
static void flaw_keep(const char *sentence, void *context)
{
    (void)context;
    fnd_text_append_z(&flaws, sentence);
    fnd_text_append_byte(&flaws, '\n');
}

/* Count again what is shown, from the log. */
static struct fnd_curve_checked check_curve(const struct fnd_curve *curve)
{
    struct fnd_reader *reader = NULL;
    struct fnd_curve_checked checked;
    fnd_text_clear(&flaws);
    cr_assert_eq(fnd_reader_open(desk.jobs, &reader, &desk.error), FND_OK);
    cr_assert_eq(fnd_curve_check(reader, curve, flaw_keep, NULL, &checked, &desk.error), FND_OK,
                 "%s", desk.error.message);
    fnd_reader_close(reader);
    return checked;
}

static void read_tables(struct fnd_curve *curve)
{
    struct fnd_reader *reader = NULL;
    desk_close(&desk);
    cr_assert_eq(fnd_reader_open(desk.jobs, &reader, &desk.error), FND_OK);
    cr_assert_eq(fnd_curve_read(reader, NULL, curve, &desk.error), FND_OK, "%s",
                 desk.error.message);
    fnd_reader_close(reader);
}

/* Whatever is shown is what the log says. */
static void read_curve(struct fnd_curve *curve)
{
    read_tables(curve);
    const struct fnd_curve_checked checked = check_curve(curve);
    cr_expect_eq(checked.flaws, 0, "%s", fnd_text_z(&flaws));
    cr_expect(checked.figures >= 9 * checked.versions, "something was compared");
    cr_expect_eq(checked.versions, (int64_t)curve->versions_count);
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
    cr_assert_eq(all->labels_count, 1);
    cr_expect_str_eq(all->labels[0].label, "pole");
    cr_expect_eq(all->labels[0].objects, 7);
    cr_expect_eq(all->labels[0].found, 5);
    struct fnd_text text = {0};
    fnd_curve_json(&curve, &text);
    const struct fnd_json json = desk_json(fnd_text_z(&text));
    double low = 0, high = 0; /* of 5 in 7, by Clopper and Pearson: 29.04 % to 96.33 % */
    cr_expect(fnd_json_number(fnd_json_find(json, "/versions/0/all/recall/pole/low"), &low));
    cr_expect(fnd_json_number(fnd_json_find(json, "/versions/0/days/0/recall/pole/high"), &high));
    cr_expect_float_eq(low, 0.2904, 0.0001);
    cr_expect_float_eq(high, 0.9633, 0.0001);
    fnd_text_clear(&text);
    fnd_curve_text(&curve, &text);
    cr_expect_not_null(strstr(fnd_text_z(&text), "  found: pole 71.4 % (29 % to 96.3 %), 5 of 7"),
                       "%s", fnd_text_z(&text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "2 of 7 objects were not found by the model"),
                       "%s", fnd_text_z(&text));
    cr_expect_not_null(strstr(fnd_text_z(&text), "16.7 % (0.42 % to 64.1 %)"), "%s",
                       fnd_text_z(&text));
    fnd_text_finish(&text);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, objects_are_told_by_label)
{
    struct fnd_curve curve = {0};
    begin(SCENES("0.95") REVIEW("100%"));
    picture(1); /* a lamp that nobody boxed, and the pole is another thing in the same place */
    answer(
        "{\"/boxes/-\":{\"label\":\"lamp\",\"box\":[300,10,320,95]},\"/boxes/0/label\":\"sign\"}");
    picture(2);
    answer(NULL);
    read_curve(&curve);
    const struct fnd_curve_counts *all = &curve.versions[0].all;
    cr_assert_eq(all->labels_count, 3);
    const struct {
        const char *label;
        int64_t objects, found;
    } want[] = {{"sign", 1, 1}, {"lamp", 1, 0}, {"pole", 2, 2}};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_str_eq(all->labels[i].label, want[i].label);
        cr_expect_eq(all->labels[i].objects, want[i].objects);
        cr_expect_eq(all->labels[i].found, want[i].found, "%s: a box was there, or was not",
                     want[i].label);
    }
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

/* SQLite behind the record's back. */
static void alter(const char *sql)
{
    char file[160];
    sqlite3 *db = NULL;
    snprintf(file, sizeof file, "%s/.foundry/state.db", desk.jobs);
    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_gt(sqlite3_changes(db), 0);
    sqlite3_close(db);
}

Test(curve, a_figure_that_the_log_does_not_give_is_named)
{
    struct fnd_curve curve = {0};
    begin(SCENES("0.95") REVIEW("100%"));
    picture(1);
    answer("{\"/boxes/-\":{\"label\":\"pole\",\"box\":[300,10,320,95]}}");
    picture(2);
    answer("{\"/boxes/1/box/0\":52}");
    read_curve(&curve);
    struct fnd_curve_counts *day = &curve.versions[0].days[0].counts;
    /* Each figure of what is shown, one at a time. */
    int64_t *const figures[] = {
        &day->documents,         &day->unasked,         &day->flagged,
        &day->answered,          &day->checked,         &day->wrong,
        &day->seconds_ms,        &day->objects,         &day->found,
        &day->labels[0].objects, &day->labels[0].found, &day->fields[0].corrected};
    const char *const names[] = {"documents",
                                 "unasked",
                                 "flagged",
                                 "answered",
                                 "checked",
                                 "wrong",
                                 "milliseconds of people",
                                 "objects",
                                 "found",
                                 "objects of label pole",
                                 "found of label pole",
                                 "corrected /boxes/*"};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        char want[64];
        *figures[i] += 1;
        cr_expect_eq(check_curve(&curve).flaws, 1, "%s: %s", names[i], fnd_text_z(&flaws));
        snprintf(want, sizeof want, ": %s is %" PRId64 " by the tables", names[i], *figures[i]);
        cr_expect(strstr(fnd_text_z(&flaws), want), "%s: %s", want, fnd_text_z(&flaws));
        *figures[i] -= 1;
    }
    char where[128];
    day->found--;
    curve.versions[0]
        .days[0]
        .day++; /* another day: all of this one is missing, and of that too much */
    cr_expect_gt(check_curve(&curve).flaws, 2);
    curve.versions[0].days[0].day--;
    cr_expect_eq(check_curve(&curve).flaws, 1);
    snprintf(where, sizeof where, "curve of poles, review, version %s, 20",
             curve.versions[0].version);
    cr_expect_eq(strncmp(fnd_text_z(&flaws), where, strlen(where)), 0, "%s", fnd_text_z(&flaws));
    printf("%s", fnd_text_z(&flaws));
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, a_table_that_is_not_what_the_log_makes_is_seen_in_the_figures)
{
    static const struct {
        const char *alter, *back, *seen;
    } rows[] = {
        {"UPDATE correction SET undone = 1 WHERE id = (SELECT max(id) FROM correction)",
         "UPDATE correction SET undone = 0", "answered is 1 by the tables and 2"},
        {"UPDATE correction SET output = (SELECT min(output) FROM correction)"
         " WHERE id = (SELECT max(id) FROM correction)",
         NULL, "objects is 4 by the tables and 3"},
    };
    struct fnd_curve curve = {0};
    begin(SCENES("0.95") REVIEW("100%"));
    picture(1);
    answer("{\"/boxes/-\":{\"label\":\"pole\",\"box\":[300,10,320,95]}}");
    picture(1);
    answer(NULL);
    read_curve(&curve);
    fnd_curve_finish(&curve);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        alter(rows[i].alter);
        read_tables(&curve);
        cr_expect_gt(check_curve(&curve).flaws, 0);
        cr_expect(strstr(fnd_text_z(&flaws), rows[i].seen), "%s", fnd_text_z(&flaws));
        fnd_curve_finish(&curve);
        if (rows[i].back != NULL) {
            alter(rows[i].back);
        }
    }
    alter("UPDATE correction SET output = (SELECT max(id) FROM event WHERE kind ="
          " (SELECT kind FROM event JOIN correction ON event.id = correction.output))"
          " WHERE id = (SELECT max(id) FROM correction)");
    read_tables(&curve);
    cr_expect_eq(check_curve(&curve).flaws, 0, "as it was: %s", fnd_text_z(&flaws));
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

static void moved(void *context, const char *job, bool moves, const char *why)
{
    int *count = context;
    cr_expect(moves, "%s: %s", job, why != NULL ? why : "");
    *count += moves;
}

Test(curve, jobs_that_begin_again_and_move_to_another_pin_count_the_same)
{
    struct fnd_curve curve = {0};
    int count = 0;
    begin(SCENES("0.95") REVIEW("100%"));
    picture(1);
    answer("{\"/boxes/0/box/0\":11}");
    cr_assert_eq(
        fnd_engine_retry(desk.engine, desk_number(&desk, path), "detect", true, "ann", &desk.error),
        FND_OK, "%s", desk.error.message);
    desk_rest(&desk);
    answer(NULL);
    picture(2); /* it waits as the pipeline changes */
    desk_pipeline(&desk, SCENES("0.97") REVIEW("100%"), NULL);
    desk_close(&desk);
    desk_run(&desk);
    cr_assert_eq(
        fnd_engine_upgrade(desk.engine, desk.pin, false, moved, &count, "ann", &desk.error), FND_OK,
        "%s", desk.error.message);
    desk_rest(&desk);
    cr_assert_eq(count, 1);
    answer("{\"/boxes/0/box/0\":12}");
    /* And this one has lost its outputs again. */
    cr_assert_eq(fnd_engine_retry(desk.engine, desk_number(&desk, path), "detect", false, "ann",
                                  &desk.error),
                 FND_OK, "%s", desk.error.message);
    read_curve(&curve);
    cr_expect_eq(curve.versions_count, 2);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

/* The days of a curve, as text to compare: one line a version and day, with what was counted. */
static void days_append(const struct fnd_curve *curve, size_t versions, struct fnd_text *text)
{
    for (size_t v = 0; v < versions && v < curve->versions_count; v++) {
        for (size_t d = 0; d < curve->versions[v].days_count; d++) {
            const struct fnd_curve_day *day = &curve->versions[v].days[d];
            const struct fnd_curve_counts *counts = &day->counts;
            fnd_text_printf(text,
                            "%s day %" PRId64 ": %" PRId64 " of %" PRId64 " unasked, %" PRId64
                            " flagged, %" PRId64 " answered, %" PRId64 "/%" PRId64
                            " wrong, %" PRId64 "/%" PRId64 " found\n",
                            curve->versions[v].version, day->day, counts->unasked,
                            counts->documents, counts->flagged, counts->answered, counts->wrong,
                            counts->checked, counts->found, counts->objects);
        }
    }
}

static void retry(const char *phase)
{
    cr_assert_eq(
        fnd_engine_retry(desk.engine, desk_number(&desk, path), phase, false, "ann", &desk.error),
        FND_OK, "%s", desk.error.message);
}

/* Move what has not ended to the pipeline as it is now; returns how many jobs moved. */
static int upgrade(const char *yaml)
{
    int count = 0;
    desk_pipeline(&desk, yaml, NULL);
    desk_close(&desk);
    desk_open(&desk);
    desk_pin(&desk);
    cr_assert_eq(
        fnd_engine_upgrade(desk.engine, desk.pin, false, moved, &count, "ann", &desk.error), FND_OK,
        "%s", desk.error.message);
    desk_close(&desk); /* what was queued is resumed by an engine that begins */
    desk_run(&desk);
    return count;
}

static const int64_t day_us = INT64_C(86400000000);

Test(curve, an_upgrade_leaves_the_days_of_the_version_before_as_they_were)
{
    struct fnd_curve curve = {0};
    struct fnd_text before = {0}, after = {0};
    begin(SCENES("0.5") REVIEW("0%"));
    picture(1);
    cr_assert_eq(desk_state(&desk, path), FND_COMPLETED);
    const char nobody[] = "000.jsonl#x";
    fnd_env_seeded_advance(desk.env, day_us);
    picture(2); /* of two boxes one is asked about */
    answer("{\"/boxes/1/box/0\":52}");
    read_curve(&curve);
    days_append(&curve, 1, &before);
    fnd_curve_finish(&curve);

    /* Both jobs go on another day from the start, under a version that asks about each picture. */
    fnd_env_seeded_advance(desk.env, day_us);
    desk_run(&desk);
    retry("detect");
    snprintf(path, sizeof path, "%s", nobody);
    retry("detect");
    cr_assert_eq(upgrade(SCENES("0.97") REVIEW("100%")), 2);
    answer("{\"/boxes/0/box/0\":40}");
    read_curve(&curve);
    cr_assert_eq(curve.versions_count, 2);
    days_append(&curve, 1, &after);
    cr_expect_str_eq(fnd_text_z(&after), fnd_text_z(&before));
    cr_assert_eq(curve.versions[1].days_count, 1);
    const struct fnd_curve_counts *now = &curve.versions[1].days[0].counts;
    cr_expect_eq(now->documents, 2);
    cr_expect_eq(now->unasked, 0);
    cr_expect_eq(now->flagged, 3, "one picture of one box, one of two");
    cr_expect_eq(now->answered, 1);
    fnd_text_clear(&before);
    days_append(&curve, 2, &before);
    fnd_curve_finish(&curve);

    /* What still waits moves once more: three versions of one job, each with what it asked. */
    fnd_env_seeded_advance(desk.env, day_us);
    cr_assert_eq(upgrade(SCENES("0.98") REVIEW("100%")), 1);
    read_curve(&curve);
    cr_assert_eq(curve.versions_count, 3);
    cr_expect_eq(curve.versions[2].all.documents, 1);
    fnd_text_clear(&after);
    days_append(&curve, 2, &after);
    cr_expect_str_eq(fnd_text_z(&after), fnd_text_z(&before));
    fnd_text_finish(&before);
    fnd_text_finish(&after);
    fnd_curve_finish(&curve);
    desk_end(&desk);
}

Test(curve, a_question_counts_the_output_that_it_was_about)
{
    struct fnd_curve curve = {0};
    struct fnd_text before = {0}, after = {0};
    begin(SCENES("0.95") REVIEW("100%"));
    picture(2); /* asked about as a whole: two values */
    answer("{\"/boxes/1/box/0\":52}");
    read_curve(&curve);
    days_append(&curve, 1, &before);
    cr_expect_not_null(strstr(fnd_text_z(&before), " 2 flagged"), "%s", fnd_text_z(&before));
    fnd_curve_finish(&curve);
    desk_run(&desk);
    retry("detect"); /* the output is gone, what was asked about it is not */
    read_curve(&curve);
    days_append(&curve, 1, &after);
    cr_expect_str_eq(fnd_text_z(&after), fnd_text_z(&before));
    fnd_curve_finish(&curve);
    fnd_text_finish(&before);
    fnd_text_finish(&after);
    desk_end(&desk);
}

Test(curve, a_figure_moved_to_the_version_of_now_is_found_by_the_log)
{
    struct fnd_curve curve = {0};
    char want[128];
    begin(SCENES("0.95") REVIEW("100%"));
    picture(2);
    answer(NULL);
    retry("detect");
    cr_assert_eq(upgrade(SCENES("0.97") REVIEW("100%")), 1);
    read_curve(&curve);
    cr_assert_eq(curve.versions_count, 2);
    struct fnd_curve_counts *old = &curve.versions[0].days[0].counts;
    struct fnd_curve_counts *now = &curve.versions[1].days[0].counts;
    cr_assert_eq(old->documents, 1);
    cr_assert_eq(now->documents, 1);
    old->documents--; /* as if the first question had been the second version's */
    now->documents++;
    cr_expect_eq(check_curve(&curve).flaws, 2, "%s", fnd_text_z(&flaws));
    snprintf(want, sizeof want, "version %s, ", curve.versions[0].version);
    cr_expect_not_null(strstr(fnd_text_z(&flaws), want), "%s", fnd_text_z(&flaws));
    cr_expect_not_null(strstr(fnd_text_z(&flaws), "documents is 0 by the tables and 1 counted"),
                       "%s", fnd_text_z(&flaws));
    cr_expect_not_null(strstr(fnd_text_z(&flaws), "documents is 2 by the tables and 1 counted"),
                       "%s", fnd_text_z(&flaws));
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
