/* SPDX-License-Identifier: MIT */
/* What happens at a moment when nobody expects it: acts from within the news, another writer below
 * the engine, twins in one pass, records that no engine wrote, limits that are low at the start. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run_help.h"

static struct bench bench;

static void begin(void)
{
    bench_begin(&bench);
}
static void end(void)
{
    bench_end(&bench);
}
TestSuite(moments, .init = begin, .fini = end, .timeout = 600);

/* --- within the news -------------------------------------------------------------------------- */

/** What is done at the first news of a kind; once. */
static struct {
    enum fnd_event_kind kind;
    void (*then)(const struct fnd_news *news);
    char message[256]; /* the last one */
} listener;

static void hear(void *context, const struct fnd_news *news)
{
    (void)context;
    if (news->message != NULL) {
        (void)snprintf(listener.message, sizeof listener.message, "%s", news->message);
    }
    if (listener.then != NULL && news->kind == listener.kind) {
        void (*then)(const struct fnd_news *) = listener.then;
        listener.then = NULL;
        then(news);
    }
}

static void open_hearing(enum fnd_event_kind kind, void (*then)(const struct fnd_news *news))
{
    listener.kind = kind;
    listener.then = then;
    bench.options.news = hear;
    bench_open(&bench);
}

static struct refused {
    struct fnd_operation operation;
    size_t done;
    enum fnd_status status;
} refused;

static enum fnd_status refuse(struct fnd_operation *operation, struct fnd_visit *visit,
                              const struct fnd_step_row *step, struct fnd_error *error)
{
    (void)operation;
    (void)visit;
    (void)step;
    return fnd_error_set(error, FND_CONFLICT, "this cannot be done now");
}

static void refused_done(struct fnd_operation *operation, enum fnd_status status,
                         const struct fnd_error *error)
{
    (void)operation;
    (void)error;
    refused.done++;
    refused.status = status;
}

static void refused_make(int64_t step)
{
    refused = (struct refused){
        .operation = {.step = step, .begin = refuse, .done = refused_done, .run = true}};
}

static void take_in(void)
{
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK, "%s", error.message);
    bench_turn(&bench);
}

static void drain_and_refuse(const struct fnd_news *news)
{
    (void)news;
    fnd_engine_operate(bench.engine, &refused.operation);
    fnd_engine_drain(bench.engine, false);
}

/* 1 and 2 are begun on record; the news of 2's START finds 1 ready. */
Test(moments, an_act_that_is_refused_as_the_engine_drains_leaves_the_job_to_the_next_one)
{
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    bench_line(&bench, "a.jsonl", "{\"id\":2}");
    open_hearing(FND_EVENT_START, NULL);
    take_in();
    refused_make(bench_step(&bench, "a.jsonl#1").id);
    listener.then = drain_and_refuse;
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(refused.done, 1);
    cr_expect_eq(refused.status, FND_CONFLICT);
    cr_expect_eq(act_visits, 0);
    for (int i = 1; i <= 2; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "a.jsonl#%d", i);
        const struct fnd_step_row row = bench_step(&bench, path);
        cr_expect_eq(row.stand.state, FND_QUEUED, "%s", path);
        cr_expect_eq(row.stand.attempt, 0, "%s: its attempt is given back", path);
    }
    bench_close(&bench);
    bench_open(&bench);
    (void)bench_run(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
}

Test(moments, an_act_that_is_refused_does_not_make_a_job_forget_when_it_is_due)
{
    bench_line(&bench, "a.jsonl", "{\"id\":1,\"one\":\"flaky:2\"}");
    bench_open(&bench);
    (void)bench_run(&bench);
    const struct fnd_step_row row = bench_step(&bench, "a.jsonl#1");
    cr_assert_eq(row.stand.state, FND_RETRYING);
    refused_make(row.id);
    cr_expect_eq(fnd_engine_operate_wait(bench.engine, &refused.operation, NULL), FND_CONFLICT);
    bench_turn(&bench);
    cr_expect_eq(act_visits, 1, "it is not due yet");
    bench_close(&bench);
    bench_open(&bench); /* an engine that was not told to run anything */
    refused_make(row.id);
    cr_expect_eq(fnd_engine_operate_wait(bench.engine, &refused.operation, NULL), FND_CONFLICT);
    fnd_env_seeded_advance(bench.env, INT64_C(3600000000));
    bench_turn(&bench);
    cr_expect_eq(act_visits, 1, "nor is it asked for");
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
    cr_expect_eq(bench_events(&bench, "a.jsonl#1", FND_EVENT_RETRY), 1);
    cr_expect_eq(act_visits, 4, "each phase once but the first, which failed once");
}

static int64_t newer;
static char why[256];

static void moved(void *context, const char *path, bool moves, const char *reason)
{
    (void)context;
    (void)snprintf(why, sizeof why, "%s %s %s", path, moves ? "moves:" : "stays:", reason);
}

static void upgrade(const struct fnd_news *news)
{
    (void)news;
    cr_expect_eq(fnd_engine_upgrade(bench.engine, newer, false, moved, NULL, "ann", NULL), FND_OK);
}

Test(moments, an_upgrade_leaves_alone_what_runs_just_now)
{
    struct fnd_errors errors = {0};
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    open_hearing(FND_EVENT_OUTPUT, NULL);
    take_in();
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n  - {id: one, uses: foundry/act}\n"
                           "  - {id: two, uses: foundry/act}\n  - {id: three, uses: foundry/act}\n"
                           "  - {id: four, uses: foundry/act}\n");
    cr_assert_eq(fnd_engine_pin(bench.engine, bench.pipeline, NULL, &newer, &errors, NULL), FND_OK,
                 "%s", errors.list[0].message);
    listener.then = upgrade;
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
    bench_turn(&bench);
    cr_expect_str_eq(why, "a.jsonl#1 stays: it is running just now; stop the engine first");
    const struct fnd_step_row row = bench_step(&bench, "a.jsonl#1");
    cr_expect_eq(row.pin, bench.pin);
    cr_expect_eq(row.stand.state, FND_COMPLETED);
    cr_expect_eq(row.outputs_count, 3, "of its own pipeline");
}

/* --- another writer --------------------------------------------------------------------------- */

static void write_below(const struct fnd_news *news)
{
    struct fnd_step_row row;
    cr_assert_eq(fnd_step_get(fnd_engine_reader(bench.engine), news->job, &row, NULL), FND_OK);
    struct fnd_write *write = fnd_write_create();
    write->step = row.id;
    write->before = row.event;
    struct fnd_event *event = fnd_write_add(
        write, FND_EVENT_CANCEL, fnd_strdup("{\"by\":\"nobody\",\"reason\":null}"), NULL);
    event->after = row.stand;
    event->after.state = FND_CANCELLED;
    cr_assert_eq(fnd_store_commit(fnd_engine_store(bench.engine), write, NULL), FND_OK);
    fnd_write_destroy(write);
}

/* The lock keeps others out; where one came in all the same, nothing is written over it. */
Test(moments, a_job_that_moved_under_the_engine_ends_it)
{
    struct fnd_error error = {0};
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    open_hearing(FND_EVENT_START, NULL);
    take_in();
    listener.then = write_below;
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
    for (int i = 0; i < 1000 && error.status == FND_OK; i++) {
        (void)fnd_engine_turn(bench.engine, &error);
    }
    cr_expect_eq(error.status, FND_DAMAGED);
    cr_expect_not_null(strstr(error.message, "job a.jsonl#1 moved under the engine"), "%s",
                       error.message);
    cr_expect(fnd_engine_idle(bench.engine), "nothing moves any more");
    cr_expect_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_DAMAGED);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_CANCELLED);
    cr_expect_eq(bench_events(&bench, "a.jsonl#1", FND_EVENT_OUTPUT), 0);
}

/* A file may be called as a line is: the first that came in is the job. */
Test(moments, two_inputs_of_one_identity_in_a_pass_are_one_job)
{
    struct fnd_job_row row = {0};
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n"
                           "  - {id: one, uses: foundry/act}\n");
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    bench_line(&bench, "a.jsonl#1", "the same name");
    bench_open(&bench);
    const struct fnd_ingest counts = bench_run(&bench);
    cr_expect_eq(counts.seen, 2);
    cr_assert_eq(fnd_job_find(fnd_engine_reader(bench.engine), "plain", "a.jsonl#1", &row, NULL),
                 FND_OK);
    cr_expect_eq(row.revision, 1);
    fnd_job_row_finish(&row);
    cr_expect_eq(bench_events(&bench, "a.jsonl#1", FND_EVENT_OUTPUT), 1);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
    cr_expect_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK, "it goes on");
}

/* --- records that no engine wrote ------------------------------------------------------------- */

/** A job whose input's artifact, which was left where it lay, is recorded so. */
static int64_t job_write(const char *reference, int number)
{
    struct fnd_error error = {0};
    struct fnd_text body = {0};
    char path[32], uuid[FND_UUID_TEXT_SIZE];
    struct fnd_write *write = fnd_write_create();
    (void)snprintf(path, sizeof path, "job-%d", number);
    memset(write->uuid, number, sizeof write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    write->pin = bench.pin;
    write->pipeline = fnd_strdup("plain");
    write->path = fnd_strdup(path);
    write->revision = 1;
    fnd_text_printf(&body,
                    "{\"uuid\":\"%s\",\"pin\":%lld,\"pipeline\":\"plain\",\"path\":\"%s\","
                    "\"revision\":1,\"input\":{},\"references\":{\"a\":%s}}",
                    uuid, (long long)bench.pin, path, reference);
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
    event->after.state = FND_QUEUED;
    cr_assert_eq(fnd_store_commit(fnd_engine_store(bench.engine), write, &error), FND_OK, "%s",
                 error.message);
    const int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

Test(moments, a_job_whose_record_is_not_whole_is_held_with_what_is_missing)
{
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static const char *const cases[] = {"{\"size\":1}", "{\"sha256\":\"zz\",\"size\":1}",
                                        "{\"sha256\":\"" HASH "\"}",
                                        "{\"sha256\":\"" HASH "\",\"size\":-1}"};
#undef HASH
    open_hearing(FND_EVENT_START, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_step_row row;
        const int64_t job = job_write(cases[i], (int)i + 1);
        listener.message[0] = '\0';
        cr_assert_eq(fnd_engine_resume(bench.engine, NULL, NULL), FND_OK);
        bench_turn(&bench);
        cr_assert_eq(fnd_step_get(fnd_engine_reader(bench.engine), job, &row, NULL), FND_OK);
        cr_expect_eq(row.stand.state, FND_PAUSED, "%s", cases[i]);
        cr_expect_not_null(
            strstr(listener.message, "the record of artifact a is not whole; run verify"), "%s: %s",
            cases[i], listener.message);
        cr_expect_eq(fnd_engine_cancel(bench.engine, job, "ann", NULL, NULL), FND_OK,
                     "a person can end it");
    }
    cr_expect_eq(act_visits, 0);
}

/* --- stopping, starting ----------------------------------------------------------------------- */

static void again_begin(struct fnd_visit *visit)
{
    act_visits++;
    visit->verdict = FND_VISIT_AGAIN;
    fnd_engine_drain(bench.engine, false);
}

/* Nothing was learned of it, and the engine drains: its attempt is given back. */
Test(moments, a_visit_that_is_to_be_made_again_is_left_to_the_next_engine)
{
    static const struct fnd_kind again = {.name = "foundry/again", .begin = again_begin};
    static const struct fnd_kind *const kinds[] = {&again, NULL};
    bench_pipeline(&bench, "foundry: v1\nname: plain\nphases:\n"
                           "  - {id: one, uses: foundry/again}\n");
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    bench.options.kinds = kinds;
    bench_open(&bench);
    (void)bench_run(&bench);
    const struct fnd_step_row row = bench_step(&bench, "a.jsonl#1");
    cr_expect_eq(row.stand.state, FND_QUEUED);
    cr_expect_eq(row.stand.attempt, 0);
    cr_expect_eq(act_visits, 1);
}

Test(moments, an_engine_raises_a_low_limit_of_descriptors)
{
    struct rlimit files, now;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    cr_assert_gt(files.rlim_max, 300);
    const struct rlimit low = {200, files.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    bench_open(&bench);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &now), 0);
    cr_expect_eq(now.rlim_cur, files.rlim_max < 65536 ? files.rlim_max : 65536);
    cr_expect_eq(now.rlim_max, files.rlim_max);
}

Test(moments, a_pipeline_that_names_a_plugin_file_that_is_none_is_refused)
{
    static const char *const files[] = {"./not-there.so", "./plain.yaml"};
    bench_open(&bench);
    for (size_t i = 0; i < 2; i++) {
        struct fnd_errors errors = {0};
        int64_t pin = 0;
        char yaml[256];
        (void)snprintf(yaml, sizeof yaml,
                       "foundry: v1\nname: plain\nphases:\n  - {id: one, uses: %s#copy}\n",
                       files[i]);
        bench_pipeline(&bench, yaml);
        cr_expect_neq(fnd_engine_pin(bench.engine, bench.pipeline, NULL, &pin, &errors, NULL),
                      FND_OK);
        cr_expect_eq(pin, 0);
        cr_assert_gt(errors.count, 0);
        cr_expect_eq(errors.list[0].line, 4);
        cr_expect_not_null(strstr(errors.list[0].message, files[i] + 2), "%s",
                           errors.list[0].message);
    }
    struct fnd_error error = {0};
    cr_expect_eq(fnd_engine_arm(bench.engine, 999, 0, &error), FND_NOT_FOUND);
    cr_expect_gt(strlen(error.message), 10);
    const struct fnd_pipeline *pipeline = NULL;
    cr_expect_eq(fnd_engine_pipeline(bench.engine, 999, &pipeline, NULL), FND_NOT_FOUND);
    cr_expect_null(pipeline);
}
