/* SPDX-License-Identifier: MIT */
/* An engine that stays, a person who answers and a clock that is set: trainings begin by
 * themselves, versions run beside each other, and what a person verified decides which of them
 * works on. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "desk.h"
#include "learn/learn.h"
#include "learn/prover.h"
#include "store/reader_internal.h"

static struct desk desk;
static struct fnd_learn *learn;
static int made;
static char path[32];

static const char *gate = "audit: 100%";

/* What the rules and the model get wrong, and the rest of `models: m:`. */
static void pipeline(const char *rules, const char *model, const char *rest)
{
    struct fnd_text yaml = {0};
    fnd_text_printf(&yaml,
                    "foundry: v1\nname: docs\nphases:\n"
                    "  - id: say\n    uses: tutor/say\n"
                    "    with: {n: \"${input.n}\", rules: \"%s\", model: \"${models.m}\"}\n"
                    "  - {id: review, uses: foundry/human, with: {of: say, detectors: [],"
                    " %s}}\n"
                    "models:\n  m:\n    phase: say\n    of: review\n"
                    "    trainer: {uses: tutor/train, with: {model: \"%s\"}}\n%s",
                    rules, gate, model, rest);
    desk_pipeline(&desk, fnd_text_z(&yaml), NULL);
    fnd_text_finish(&yaml);
}

static void stop(void)
{
    fnd_learn_destroy(learn);
    learn = NULL;
    desk_close(&desk);
}

static void start(void)
{
    desk_run(&desk);
    cr_assert_eq(fnd_learn_create(desk.engine, &learn, &desk.error), FND_OK, "%s",
                 desk.error.message);
    fnd_learn_auto(learn);
}

static void begin(const char *rules, const char *model, const char *rest)
{
    made = 0;
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk.options.prover = fnd_learn_prover();
    pipeline(rules, model, rest);
    start();
}

static void end(void)
{
    stop();
    desk_end(&desk);
}

/* The pipeline is another one from here on. */
static void change(const char *rules, const char *model, const char *rest)
{
    stop();
    pipeline(rules, model, rest);
    start();
}

static int64_t head(void)
{
    uint8_t chain[FND_DIGEST_SIZE];
    int64_t number = 0;
    cr_assert_eq(fnd_reader_head(fnd_engine_reader(desk.engine), &number, chain, NULL), FND_OK);
    return number;
}

/* Rows that the engine's reader steps to while the learner has its turns. */
static bool counts;
static int rows;
static int row_count(unsigned kind, void *context, void *statement, void *unused)
{
    (void)kind;
    (void)context;
    (void)statement;
    (void)unused;
    rows++;
    return 0;
}

static void counted(bool begins)
{
    sqlite3 *handle = fnd_engine_reader(desk.engine)->db.handle;
    if (counts) {
        cr_assert_eq(sqlite3_trace_v2(handle, begins ? SQLITE_TRACE_ROW : 0,
                                      begins ? row_count : NULL, NULL),
                     SQLITE_OK);
    }
}

/* Let the learner do all there is to do. A call in its pool ends within a turn of its own. */
static void settle(void)
{
    counted(true);
    for (int idle = 0; idle < 3;) {
        const int64_t before = head();
        fnd_learn_turn(learn);
        const int64_t wait_us = fnd_learn_wait_us(learn);
        if (wait_us > 0) {
            desk.env->wait(desk.env, fnd_learn_fd(learn), wait_us);
        }
        idle = wait_us < 0 && head() == before ? idle + 1 : 0;
    }
    counted(false);
}

static void document(void)
{
    char name[32], line[64];
    made++;
    snprintf(name, sizeof name, "%04d.jsonl", made);
    snprintf(line, sizeof line, "{\"id\":\"x\",\"n\":%d}", made);
    snprintf(path, sizeof path, "%04d.jsonl#x", made);
    desk_line(&desk, name, line);
    desk_run(&desk);
    settle();
}

/* The person says what is right of the last document. */
static void answer(void)
{
    char values[96];
    snprintf(values, sizeof values, "{\"/name\":\"doc %d\",\"/total_cost\":%d}", made, made);
    cr_assert_eq(desk_set(&desk, path, values), FND_OK, "%s: %s", path, desk.error.message);
    settle();
}

static void documents(int count)
{
    for (int i = 0; i < count; i++) {
        document();
        answer();
    }
}

static struct fnd_learned learned;
static char said[1024];
static void done(void *context, const struct fnd_learned *result)
{
    (void)context;
    learned = *result;
    snprintf(said, sizeof said, "%s", result->decision != NULL ? result->decision : "");
}

static void train(void)
{
    const struct fnd_learn_hooks hooks = {.done = done};
    learned = (struct fnd_learned){.status = FND_INTERRUPTED};
    cr_assert_eq(fnd_learn_train(learn, "docs", "m", "ann", "by hand", &hooks, &desk.error), FND_OK,
                 "%s", desk.error.message);
    settle();
}

/* Events of a kind whose body has a text; `last` receives the last one's. */
static struct fnd_text last;
struct count {
    enum fnd_event_kind kind;
    const char *text;
    int count;
};
static bool event_count(const struct fnd_event_row *row, void *context)
{
    struct count *count = context;
    struct fnd_text body = {0};
    if (row->kind == count->kind) {
        cr_assert_eq(fnd_payload_get(fnd_engine_reader(desk.engine), row->id, &body, NULL, NULL),
                     FND_OK);
        if (strstr(fnd_text_z(&body), count->text) != NULL) {
            count->count++;
            fnd_text_clear(&last);
            fnd_text_append(&last, body.bytes, body.size);
        }
    }
    fnd_text_finish(&body);
    return true;
}

static int events(enum fnd_event_kind kind, const char *text)
{
    struct count count = {kind, text, 0};
    const struct fnd_walk walk = {.limit = INT64_MAX};
    fnd_text_clear(&last);
    cr_assert_eq(
        fnd_events_walk(fnd_engine_reader(desk.engine), 0, &walk, event_count, &count, NULL),
        FND_OK);
    return count.count;
}

static int64_t production(void)
{
    struct fnd_model_row row = {0};
    (void)fnd_model_production(fnd_engine_reader(desk.engine), "docs", "m", &row, NULL);
    const int64_t version = row.version;
    fnd_model_row_finish(&row);
    return version;
}

#define WATCHED(more) "    shadow: 100%\n    promote: {minimum: 50" more "}\n"

/* The rules get documents wrong that the model gets right, and the other way round, behind the five
 * that it is trained from; 25 documents of two fields are 50 pairs. */
static void contest(const char *rules, const char *model)
{
    begin(rules, model, WATCHED(""));
    documents(5);
    train();
    cr_assert_eq(learned.status, FND_OK, "%s", learned.error.message);
    cr_assert(strstr(said, "waits: it runs beside 100 % of the jobs"), "%s", said);
    cr_assert_eq(production(), 0);
    documents(24);
    cr_assert_eq(production(), 0, "48 pairs decide nothing");
    cr_assert_eq(events(FND_EVENT_SHADOW, ""), 24);
    cr_assert_eq(events(FND_EVENT_DECIDE, "\"better\""), 1, "the trial alone: %s",
                 fnd_text_z(&last));
    documents(1);
}

/* How many rows one more document costs the learner, from its coming in to its answer. */
static int rows_of_one(void)
{
    rows = 0;
    counts = true;
    documents(1);
    counts = false;
    cr_assert_gt(rows, 0);
    return rows;
}

Test(supervisor, a_look_reads_what_is_new_and_not_all_records, .timeout = 300)
{
    begin("name 6 100000", "tutor 1\\nname 15 100000\\n",
          "    shadow: 100%\n    promote: {minimum: 5000}\n"
          "    when: {corrections: 4000, audited_error: 99%}\n");
    documents(5);
    train();
    documents(20);
    const int few = rows_of_one();
    documents(60);
    const int many = rows_of_one();
    printf("rows of one document more: %d behind 25 of them, %d behind 86\n", few, many);
    cr_expect_leq(many, few, "it grows with the record");
    cr_expect_eq(events(FND_EVENT_SHADOW, ""), 82);
    end();
}

Test(supervisor, an_answer_that_is_taken_back_does_not_count_any_more, .timeout = 300)
{
    /* 25 documents are 50 pairs: with one taken back it takes one more. */
    begin("name 6 14", "tutor 1\\nname 15 15\\n", WATCHED(""));
    documents(5);
    train();
    documents(24);
    cr_assert_eq(production(), 0);
    const int64_t job = desk_number(&desk, path);
    cr_assert_eq(fnd_engine_retry(desk.engine, job, "review", true, "ann", &desk.error), FND_OK,
                 "%s", desk.error.message);
    desk_rest(&desk);
    settle();
    answer(); /* its last record replaces the one before: still 48 */
    cr_expect_eq(production(), 0);
    documents(1);
    cr_expect_eq(production(), 1);
    end();
}

Test(supervisor, nine_to_one_is_promoted, .timeout = 300)
{
    contest("name 6 14", "tutor 1\\nname 15 15\\n");
    cr_expect_eq(production(), 1);
    cr_assert_eq(events(FND_EVENT_DECIDE, "\"decision\":\"promote\""), 1);
    printf("%s\n", fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "\"better\":9,\"worse\":1,\"equal\":40"), "%s",
              fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "p = 0.0107"));
    cr_expect(strstr(fnd_text_z(&last), "\"by\":\"engine\""));
    end();
}

Test(supervisor, six_to_two_is_held, .timeout = 300)
{
    contest("name 6 11", "tutor 1\\nname 15 16\\n");
    cr_expect_eq(production(), 0);
    cr_assert_eq(events(FND_EVENT_DECIDE, "p = 0.1445"), 1);
    printf("%s\n", fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "\"decision\":\"hold\""));
    /* It was decided: what comes later changes nothing, and nothing runs beside any more. */
    const int before = events(FND_EVENT_SHADOW, "");
    documents(3);
    cr_expect_eq(events(FND_EVENT_SHADOW, ""), before);
    end();
}

Test(supervisor, better_as_a_whole_but_worse_on_one_field_is_held, .timeout = 300)
{
    contest("name 6 25", "tutor 1\\ntotal_cost 26 29\\n");
    cr_expect_eq(production(), 0);
    cr_assert_eq(events(FND_EVENT_DECIDE, "but on /total_cost it was wrong in 4 of 4"), 1);
    printf("%s\n", fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "\"decision\":\"hold\""));
    cr_expect(strstr(fnd_text_z(&last), "\"better\":20,\"worse\":4"));
    end();
}

Test(supervisor, a_version_that_got_worse_is_rolled_back_within_the_window, .timeout = 300)
{
    begin("name 1 100000", "tutor 1\\nname 1 3\\n", WATCHED(", window: 100"));
    documents(5);
    train();
    cr_assert_eq(
        fnd_registry_promote(desk.engine, "docs", "m", 1, "ann", NULL, NULL, NULL, &desk.error),
        FND_OK);
    change("name 1 100000", "tutor 1\\nname 10 35\\n", WATCHED(", window: 100"));
    train(); /* in production behind a person's back: it waits, and ann does not */
    cr_assert_eq(fnd_registry_promote(desk.engine, "docs", "m", 2, "ann", "looks fine", NULL, NULL,
                                      &desk.error),
                 FND_OK);
    documents(24);
    cr_assert_eq(production(), 2, "48 pairs decide nothing");
    documents(1);
    cr_assert_eq(production(), 1);
    cr_assert_eq(events(FND_EVENT_DECIDE, "\"decision\":\"rollback\""), 1);
    printf("%s\n", fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "roll back: the version before was right in 21 of the 21"),
              "%s", fnd_text_z(&last));
    /* One command takes it back, and the watch begins anew. */
    cr_assert_eq(
        fnd_registry_promote(desk.engine, "docs", "m", 2, "ann", NULL, NULL, NULL, &desk.error),
        FND_OK);
    settle();
    cr_expect_eq(production(), 2, "what was seen before her decision is over");
    end();
}

Test(supervisor, a_version_that_is_as_good_stays_and_the_watch_ends, .timeout = 300)
{
    begin("name 1 100000", "tutor 1\\n", WATCHED(", window: 100"));
    documents(5);
    train();
    cr_assert_eq(
        fnd_registry_promote(desk.engine, "docs", "m", 1, "ann", NULL, NULL, NULL, &desk.error),
        FND_OK);
    documents(50); /* the rules run beside it */
    cr_expect_eq(production(), 1);
    cr_expect_eq(events(FND_EVENT_SHADOW, "\"version\":0"), 50);
    cr_expect_eq(events(FND_EVENT_DECIDE, "\"decision\":\"hold\",\"version\":1"), 2);
    documents(2);
    cr_expect_eq(events(FND_EVENT_SHADOW, ""), 50);
    end();
}

Test(supervisor, a_share_of_the_jobs_is_drawn_by_what_they_are, .timeout = 300)
{
    begin("", "tutor 1\\n", "    shadow: 20%\n    promote: {minimum: 5000}\n");
    documents(5);
    train();
    documents(100);
    const int drawn = events(FND_EVENT_SHADOW, "");
    printf("%d of 100 drawn at 20 %%\n", drawn);
    cr_expect(drawn >= 8 && drawn <= 34, "%d", drawn);
    /* Another engine over the same record draws the same ones: there is nothing left to run. */
    stop();
    start();
    settle();
    cr_expect_eq(events(FND_EVENT_SHADOW, ""), drawn);
    /* Nothing of it is in a job. */
    cr_expect_str_eq(desk_events(&desk, "0100.jsonl#x"), "job0 output0 ask1 answer1 output1");
    end();
}

/* Documents that came in while the learner had no turn, and an engine that nobody speaks to: it
 * sleeps as long as it is told that nothing is due. */
Test(supervisor, a_pile_of_jobs_is_run_beside_without_a_word_from_anybody, .timeout = 300)
{
    begin("", "tutor 1\\n", "    shadow: 100%\n    promote: {minimum: 5000}\n");
    documents(5);
    train();
    for (int i = 0; i < 20; i++) {
        char name[32], line[64];
        made++;
        snprintf(name, sizeof name, "%04d.jsonl", made);
        snprintf(line, sizeof line, "{\"id\":\"x\",\"n\":%d}", made);
        desk_line(&desk, name, line);
        desk_run(&desk);
    }
    int64_t wait_us = 0;
    while (wait_us >= 0) {
        fnd_learn_turn(learn);
        wait_us = fnd_learn_wait_us(learn);
        if (wait_us > 0) {
            desk.env->wait(desk.env, fnd_learn_fd(learn), wait_us);
        }
    }
    cr_expect_eq(events(FND_EVENT_SHADOW, ""), 20, "%d of 20", events(FND_EVENT_SHADOW, ""));
    end();
}

static int64_t commit(struct fnd_write *write)
{
    cr_assert_eq(fnd_store_commit(fnd_engine_store(desk.engine), write, &desk.error), FND_OK, "%s",
                 desk.error.message);
    const int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

/* What an engine leaves that was killed when a training had ended and nothing was decided. */
static void trained_and_killed(int version)
{
    struct fnd_artifact artifact;
    struct fnd_text body = {0}, meta = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    struct fnd_write *write = fnd_write_create();
    fnd_text_printf(&body,
                    "{\"pipeline\":\"docs\",\"model\":\"m\",\"version\":%d,\"attempt\":1,"
                    "\"until\":0}",
                    version);
    (void)fnd_write_add(write, FND_EVENT_TRAIN, fnd_text_take(&body), NULL);
    const int64_t training = commit(write);
    cr_assert_eq(
        fnd_artifact_put(fnd_engine_store(desk.engine), "model", 5, &artifact, &desk.error),
        FND_OK);
    fnd_digest_text(artifact.hash, hash);
    fnd_text_printf(&meta, "{\"artifacts\":{\"model\":{\"sha256\":\"%s\",\"size\":5}}}", hash);
    write = fnd_write_create();
    struct fnd_event *event = fnd_write_add(
        write, FND_EVENT_TRAINED, fnd_strdup("{\"outcome\":\"done\"}"), fnd_text_take(&meta));
    event->ref = training;
    event->artifacts = fnd_alloc(sizeof artifact);
    event->artifacts[0] = artifact;
    event->artifacts_count = 1;
    (void)commit(write);
}

Test(supervisor, a_version_that_a_dead_engine_left_undecided_is_decided_about, .timeout = 300)
{
    begin("", "tutor 1\\n", "");
    documents(2);
    trained_and_killed(1);
    change("", "tutor 1\\n", ""); /* an engine begins */
    settle();
    cr_expect_eq(events(FND_EVENT_DECIDE, ""), 1);
    cr_expect_eq(events(FND_EVENT_DECIDE, "held: the engine ended between"), 1, "%s",
                 fnd_text_z(&last));
    settle();
    cr_expect_eq(events(FND_EVENT_DECIDE, ""), 1, "once");
    trained_and_killed(2);
    change("", "tutor 1\\n", "    shadow: 100%\n");
    documents(3);
    cr_expect_eq(events(FND_EVENT_DECIDE, "\"waits\":true"), 1, "%s", fnd_text_z(&last));
    cr_expect_gt(events(FND_EVENT_SHADOW, ""), 0, "it runs beside production");
    cr_expect_eq(production(), 0);
    end();
}

Test(supervisor, a_hundred_corrections_and_a_training_older_than_a_week_begin_one_training,
     .timeout = 300)
{
    const int64_t day_us = INT64_C(86400) * 1000000;
    begin("", "tutor 1\\n", "    when: {corrections: 100, age: 7d, cooldown: 1d}\n");
    documents(5);
    train();
    cr_assert_eq(events(FND_EVENT_TRAIN, ""), 1);
    documents(99);
    fnd_env_seeded_advance(desk.env, 8 * day_us);
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 1, "99 are too few");
    documents(1);
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 2, "100 begin one");
    cr_expect(strstr(fnd_text_z(&last), "100 new corrections, asked for 100; last training 8 days"),
              "%s", fnd_text_z(&last));
    documents(100);
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 2, "the last one is too young");
    fnd_env_seeded_advance(desk.env, 7 * day_us);
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 2, "a week is not more than a week");
    fnd_env_seeded_advance(desk.env, 61 * INT64_C(1000000));
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 3);
    end();
}

Test(supervisor, what_is_proven_and_that_it_is_not_any_more_are_events, .timeout = 300)
{
    gate = "audit: 100%, target_error: 10%";
    begin("name 1 100000", "tutor 1\\nname 61 100000\\n", "    promote: {minimum: 5}\n");
    documents(50);
    cr_assert_eq(events(FND_EVENT_PROVE, ""), 0, "nothing of the rules is");
    train();
    cr_assert_eq(learned.status, FND_OK, "%s", learned.error.message);
    cr_assert_eq(production(), 1, "%s", said);
    cr_assert_eq(events(FND_EVENT_PROVE, ""), 1);
    printf("%s\n", fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "\"version\":1,\"proven\":true"));
    cr_expect(strstr(fnd_text_z(&last), "documents were checked as it was trained"));
    documents(10);
    cr_expect_eq(events(FND_EVENT_PROVE, ""), 1, "it is as it was");
    stop();
    start(); /* another engine knows what is on record */
    settle();
    cr_expect_eq(events(FND_EVENT_PROVE, ""), 1);
    for (int i = 0; i < 30 && events(FND_EVENT_PROVE, "\"proven\":false") == 0; i++) {
        documents(1);
    }
    cr_assert_eq(events(FND_EVENT_PROVE, "\"proven\":false"), 1);
    printf("%s\n", fnd_text_z(&last));
    cr_expect(strstr(fnd_text_z(&last), "\"wrong\":"));
    end();
}

Test(supervisor, a_target_that_cannot_be_met_is_told_and_people_go_on_being_asked, .timeout = 300)
{
    gate = "audit: 5%, target_error: 1%";
    struct fnd_text rules = {0};
    for (int i = 5; i < 100; i += 5) { /* as sure of what is wrong as of what is right */
        fnd_text_printf(&rules, "name %d %d\\n", i, i);
    }
    begin(fnd_text_z(&rules), "tutor 1\\nname 1 100000\\n", "    promote: {minimum: 500}\n");
    fnd_text_finish(&rules);
    documents(60);
    document();
    cr_assert_eq(desk_state(&desk, path), FND_PAUSED);
    const char *card = desk_card(&desk, desk_request(&desk, path));
    cr_expect(strstr(card, "as it is the target cannot be met: from 97 % on"), "%s", card);
    printf("%.400s\n", strstr(card, "as it is the target"));
    answer();
    train(); /* a model that is no better */
    cr_assert_eq(learned.status, FND_OK, "%s", learned.error.message);
    cr_expect_eq(production(), 0, "the rules go on: %s", said);
    cr_expect_eq(events(FND_EVENT_PROVE, "\"proven\":true"), 0);
    documents(1);
    cr_expect_eq(desk_state(&desk, path), FND_COMPLETED, "nothing is lost");
    end();
}

Test(supervisor, a_training_that_failed_uses_no_corrections_up, .timeout = 300)
{
    begin("", "", "    when: {corrections: 10, cooldown: 0s}\n");
    documents(9);
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 0);
    documents(10);
    cr_assert_eq(events(FND_EVENT_TRAIN, ""), 1, "it is not hammered");
    cr_expect_eq(events(FND_EVENT_TRAINED, "\"code\":\"nothing_to_teach\""), 1);
    change("", "tutor 1\\n", "    when: {corrections: 10, cooldown: 0s}\n");
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 1);
    fnd_env_seeded_advance(desk.env, 10 * 61 * INT64_C(1000000));
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 2, "without one correction more");
    cr_expect_eq(events(FND_EVENT_TRAINED, "\"outcome\":\"done\""), 1);
    end();
}
