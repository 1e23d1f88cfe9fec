/* SPDX-License-Identifier: MIT */
/* What people do to jobs at awkward moments: while they are about to run, as the engine drains,
 * from a phase they have not come to, to a pipeline that lost it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
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
TestSuite(acts, .init = begin, .fini = end, .timeout = 600);

/* --- an act that is filled in by hand --------------------------------------------------------- */

struct act {
    struct fnd_operation operation;
    enum fnd_event_kind kind;
    const char *body;
    struct fnd_stand after;
    int64_t ref, first; /* first: number of its event, once it is done */
    size_t done;
    enum fnd_status status;
    char message[FND_ERROR_MESSAGE_SIZE];
};

static enum fnd_status act_begin(struct fnd_operation *operation, struct fnd_visit *visit,
                                 const struct fnd_step_row *step, struct fnd_error *error)
{
    const struct act *act = operation->context;
    (void)visit;
    (void)error;
    struct fnd_event *event =
        fnd_write_add(operation->write, act->kind, fnd_strdup(act->body), NULL);
    event->ref = act->ref;
    event->phase = step->stand.phase;
    event->attempt = step->stand.attempt;
    event->after = act->after;
    return FND_OK;
}

static void act_done(struct fnd_operation *operation, enum fnd_status status,
                     const struct fnd_error *error)
{
    struct act *act = operation->context;
    act->done++;
    act->status = status;
    act->first = status == FND_OK ? operation->write->first : 0;
    (void)snprintf(act->message, sizeof act->message, "%s", error->message);
}

static void act_make(struct act *act, int64_t step, enum fnd_event_kind kind, const char *body,
                     struct fnd_stand after)
{
    *act = (struct act){.kind = kind, .body = body, .after = after};
    act->operation = (struct fnd_operation){
        .step = step, .begin = act_begin, .done = act_done, .run = true, .context = act};
}

static enum fnd_status answer(const char *path, const char *body, int64_t *asked, int64_t *event)
{
    struct act act;
    struct fnd_request_row request;
    struct fnd_step_row row = bench_step(&bench, path);
    cr_assert_eq(fnd_request_of(fnd_engine_reader(bench.engine), row.job, &request, NULL), FND_OK);
    struct fnd_stand after = row.stand;
    after.state = FND_QUEUED;
    act_make(&act, row.id, FND_EVENT_ANSWER, body, after);
    act.ref = request.id;
    const enum fnd_status status = fnd_engine_operate_wait(bench.engine, &act.operation, NULL);
    *asked = request.id;
    *event = act.first;
    bench_turn(&bench);
    return status;
}

/* --- from within the news --------------------------------------------------------------------- */

/** What is done at the news-th news that a test hears. */
struct listener {
    size_t news, at;
    void (*then)(const struct fnd_news *news);
};
static struct listener listener;
static struct act withdrawn;

static void hear(void *context, const struct fnd_news *news)
{
    (void)context;
    if (++listener.news == listener.at) {
        listener.then(news);
    }
}

static void open_hearing(size_t at, void (*then)(const struct fnd_news *news))
{
    listener = (struct listener){.at = at, .then = then};
    bench_open(&bench);
    bench_close(&bench);
    bench.options.news = hear;
    cr_assert_eq(fnd_engine_open(&bench.options, &bench.engine, NULL), FND_OK);
}

static void take_in(void)
{
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK, "%s", error.message);
    bench_turn(&bench);
}

static void drain_now(const struct fnd_news *news)
{
    (void)news;
    fnd_engine_drain(bench.engine, false);
}

Test(acts, a_drain_from_within_gives_back_what_was_about_to_run)
{
    for (int i = 0; i < 5; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "{\"id\":%d}", i);
        bench_line(&bench, "a.jsonl", line);
    }
    open_hearing(4, drain_now);
    take_in();
    cr_expect(fnd_engine_idle(bench.engine));
    cr_expect_not(fnd_engine_resumed(bench.engine), "it moves nothing any more");
    cr_expect_eq(act_visits, 0);
    for (int i = 0; i < 5; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "a.jsonl#%d", i);
        const struct fnd_step_row row = bench_step(&bench, path);
        cr_expect_eq(row.stand.state, FND_QUEUED, "%s", path);
        cr_expect_eq(row.stand.attempt, 0, "%s: no attempt was used", path);
    }
    bench_close(&bench);
    bench_open(&bench);
    (void)bench_run(&bench);
    cr_expect_eq(act_visits, 15);
}

static void first_cancel(const struct fnd_news *news)
{
    (void)news;
    fnd_engine_operate(bench.engine, &withdrawn.operation);
    fnd_engine_interrupt(bench.engine, withdrawn.operation.step, -1); /* nothing is under way */
    fnd_engine_interrupt(bench.engine, withdrawn.operation.step, 2);
    fnd_engine_interrupt(bench.engine, 9999, 0);
}

Test(acts, a_job_that_is_about_to_run_can_be_cancelled_alone)
{
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    bench_line(&bench, "a.jsonl", "{\"id\":2}");
    bench_line(&bench, "a.jsonl", "{\"id\":3}");
    open_hearing(0, NULL);
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    bench_turn(&bench);
    /* They are taken up in order; the news of the third START finds the second one ready. */
    listener = (struct listener){.at = 3, .then = first_cancel};
    act_make(&withdrawn, bench_step(&bench, "a.jsonl#2").id, FND_EVENT_CANCEL,
             "{\"by\":\"ann\",\"reason\":null}", (struct fnd_stand){.state = FND_CANCELLED});
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(withdrawn.done, 1);
    cr_expect_eq(withdrawn.status, FND_OK, "%s", withdrawn.message);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
    cr_expect_eq(bench_step(&bench, "a.jsonl#2").stand.state, FND_CANCELLED);
    cr_expect_eq(bench_step(&bench, "a.jsonl#3").stand.state, FND_COMPLETED);
    cr_expect_eq(act_visits, 6);
}

/* --- stopping --------------------------------------------------------------------------------- */

Test(acts, a_run_that_was_told_to_stop_begins_nothing)
{
    const volatile int stop = 1, on = 0;
    struct fnd_error error = {0};
    struct fnd_ingest counts = {0};
    bench_line(&bench, "a.jsonl", "{\"id\":1}");
    bench_open(&bench);
    cr_assert_eq(fnd_engine_ingest(bench.engine, bench.pin, false, &counts, NULL, NULL, &error),
                 FND_OK);
    cr_expect_eq(fnd_engine_run(bench.engine, &stop, &error), FND_OK, "%s", error.message);
    cr_expect_eq(act_visits, 0);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_QUEUED);
    bench_close(&bench);
    bench_open(&bench);
    cr_assert_eq(fnd_engine_resume(bench.engine, "plain", &error), FND_OK);
    cr_assert_eq(fnd_engine_resume(bench.engine, "other", &error), FND_OK, "the last word counts");
    cr_expect_eq(fnd_engine_run(bench.engine, &on, &error), FND_OK, "%s", error.message);
    cr_expect_eq(act_visits, 0, "that pipeline has no jobs");
    cr_assert_eq(fnd_engine_resume(bench.engine, "plain", &error), FND_OK);
    cr_expect_eq(fnd_engine_run(bench.engine, &on, &error), FND_OK, "%s", error.message);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
}

Test(acts, a_backoff_ends_at_the_longest_there_is)
{
    bench_pipeline(&bench, "foundry: v1\nname: plain\ninputs: {match: [\"*.jsonl\"]}\n"
                           "defaults: {retry: {max: 9, backoff: 45m, when: [transient]}}\n"
                           "phases:\n  - {id: one, uses: foundry/act}\n");
    bench_line(&bench, "a.jsonl", "{\"id\":1,\"one\":\"flaky:5\"}");
    bench_open(&bench);
    (void)bench_run(&bench);
    const int64_t first_us = (int64_t)45 * 60 * 1000000, most_us = (int64_t)3600 * 1000000;
    for (int i = 0; i < 4; i++) {
        const struct fnd_step_row row = bench_step(&bench, "a.jsonl#1");
        cr_expect_eq(row.stand.due_us - bench.env->wall_us(bench.env), i == 0 ? first_us : most_us,
                     "failure %d", i + 1);
        fnd_env_seeded_advance(bench.env, most_us);
        bench_turn(&bench);
    }
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
}

/* --- retries ---------------------------------------------------------------------------------- */

Test(acts, a_retry_from_where_a_job_never_came_is_refused_and_tells_where_it_stopped)
{
    struct fnd_error error = {0};
    bench_line(&bench, "a.jsonl", "{\"id\":1,\"two\":\"fail\"}");
    bench_open(&bench);
    (void)bench_run(&bench);
    const int64_t job = bench_job(&bench, "a.jsonl#1");
    cr_expect_eq(fnd_engine_retry(bench.engine, job, "three", true, "ann", &error), FND_INVALID);
    cr_expect_not_null(strstr(error.message, "has not come to phase three; it stopped at two"),
                       "%s", error.message);
    cr_expect_eq(fnd_engine_retry(bench.engine, job, "four", true, "ann", &error), FND_NOT_FOUND);
    cr_expect_neq(fnd_engine_retry(bench.engine, 9999, NULL, true, "ann", NULL), FND_OK);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_FAILED);
    cr_expect_eq(fnd_engine_retry(bench.engine, job, "one", true, "ann", &error), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_events(&bench, "a.jsonl#1", FND_EVENT_OUTPUT), 2, "phase one, twice");
}

/* --- taking back ------------------------------------------------------------------------------ */

Test(acts, an_answer_that_was_taken_back_leaves_its_question_open)
{
    int64_t asked = 0, given = 0;
    char body[96];
    struct act act;
    bench_line(&bench, "a.jsonl", "{\"id\":1,\"one\":\"ask\",\"two\":\"ask\"}");
    bench_open(&bench);
    (void)bench_run(&bench);
    cr_assert_eq(answer("a.jsonl#1", "{\"by\":\"ann\",\"answers\":{\"k\":1}}", &asked, &given),
                 FND_OK);
    struct fnd_step_row row = bench_step(&bench, "a.jsonl#1");
    cr_assert_eq(row.stand.phase, 1);
    cr_assert_eq(row.stand.state, FND_PAUSED);
    cr_assert_eq(answer("a.jsonl#1", "{\"by\":\"ann\",\"answers\":{\"k\":2}}", &asked, &given),
                 FND_OK);
    row = bench_step(&bench, "a.jsonl#1");
    cr_assert_eq(row.stand.state, FND_COMPLETED);
    (void)snprintf(body, sizeof body, "{\"answer\":%lld,\"by\":\"ann\",\"how\":\"person\"}",
                   (long long)given);
    act_make(&act, row.id, FND_EVENT_UNDO, body,
             (struct fnd_stand){.state = FND_PAUSED, .phase = 1, .attempt = 1});
    act.ref = asked;
    cr_assert_eq(fnd_engine_operate_wait(bench.engine, &act.operation, NULL), FND_OK, "%s",
                 act.message);
    row = bench_step(&bench, "a.jsonl#1");
    cr_expect_eq(row.stand.state, FND_PAUSED);
    cr_expect_eq(row.outputs_count, 1, "what came of it is void");
    const size_t questions = bench_events(&bench, "a.jsonl#1", FND_EVENT_ASK);
    struct fnd_error error = {0};
    cr_assert_eq(fnd_engine_resume(bench.engine, NULL, &error), FND_OK);
    bench_turn(&bench);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_PAUSED, "the question stands");
    cr_expect_eq(bench_events(&bench, "a.jsonl#1", FND_EVENT_ASK), questions);
    cr_assert_eq(answer("a.jsonl#1", "{\"by\":\"bob\",\"answers\":{\"k\":3}}", &asked, &given),
                 FND_OK);
    cr_expect_eq(bench_step(&bench, "a.jsonl#1").stand.state, FND_COMPLETED);
}

/* --- upgrades --------------------------------------------------------------------------------- */

struct reports {
    size_t moved, stayed;
    char why[256];
};

static void report(void *context, const char *path, bool moves, const char *why)
{
    struct reports *reports = context;
    ++*(moves ? &reports->moved : &reports->stayed);
    (void)snprintf(reports->why, sizeof reports->why, "%s %s", path, why);
}

Test(acts, an_upgrade_that_lost_the_phase_a_job_stands_at_leaves_it_where_it_is)
{
    static const char *const pipelines[] = {
#define ONE "  - {id: one, uses: foundry/act}\n"
        "foundry: v1\nname: plain\nphases:\n" ONE,
        "foundry: v1\nname: plain\nphases:\n" ONE "  - {id: other, uses: foundry/act}\n",
        "foundry: v1\nname: elsewhere\nphases:\n" ONE,
#undef ONE
    };
    static const char *const whys[] = {"two and is gone now", "two and is other now", ""};
    bench_line(&bench, "a.jsonl", "{\"id\":1,\"two\":\"ask\"}");
    bench_open(&bench);
    (void)bench_run(&bench);
    const int64_t old = bench.pin;
    for (size_t i = 0; i < 3; i++) {
        struct reports reports = {0};
        struct fnd_error error = {0};
        bench_close(&bench);
        bench_pipeline(&bench, pipelines[i]);
        bench_open(&bench);
        cr_assert_eq(
            fnd_engine_upgrade(bench.engine, bench.pin, false, report, &reports, "ann", &error),
            FND_OK, "%s", error.message);
        cr_expect_eq(reports.moved, 0);
        cr_expect_eq(reports.stayed, i < 2 ? 1 : 0, "of another name's jobs nothing is told");
        cr_expect_not_null(strstr(reports.why, whys[i]), "%s", reports.why);
        cr_expect_eq(bench_step(&bench, "a.jsonl#1").pin, old);
    }
}

/* --- secrets ---------------------------------------------------------------------------------- */

Test(acts, a_secret_is_a_file_of_its_name_and_no_other_or_a_variable)
{
    static const struct {
        const char *name, *bytes, *value;
    } files[] = {{"LINE", "of one line\n", "of one line"},
                 {"BARE", "without an end", "without an end"},
                 {"NONE", "", ""}};
    char folder[128], path[256];
    (void)snprintf(folder, sizeof folder, "%s/secrets", bench.folder);
    cr_assert_eq(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        cr_assert_eq(
            fnd_file_write(AT_FDCWD, path, files[i].bytes, strlen(files[i].bytes), 0600, NULL),
            FND_OK);
    }
    bench.options.secrets_dir = folder;
    bench_open(&bench);
    for (size_t i = 0; i < 3; i++) {
        char *value = fnd_engine_secret(bench.engine, files[i].name);
        cr_expect_str_eq(value, files[i].value);
        free(value);
    }
    static const char *const refused[] = {"../secrets/LINE", ".hidden", "MISSING"};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_null(fnd_engine_secret(bench.engine, refused[i]), "%s", refused[i]);
    }
    bench_close(&bench);
    bench.options.secrets_dir = "/nowhere/at/all";
    bench_open(&bench);
    cr_assert_eq(setenv("LINE", "of the environment", 1), 0);
    cr_expect_null(fnd_engine_secret(bench.engine, "LINE"), "a folder that was named is the one");
    bench_close(&bench);
    bench.options.secrets_dir = NULL;
    bench_open(&bench);
    char *value = fnd_engine_secret(bench.engine, "LINE");
    cr_expect_str_eq(value, "of the environment");
    free(value);
}

/* --- hooks ------------------------------------------------------------------------------------ */

Test(acts, each_act_has_its_word_for_hooks)
{
    static const struct {
        enum fnd_event_kind kind;
        unsigned hook;
    } cases[] = {{FND_EVENT_ASK, FND_HOOK_ASKED},
                 {FND_EVENT_REMIND, FND_HOOK_REMINDED},
                 {FND_EVENT_ESCALATE, FND_HOOK_ESCALATED},
                 {FND_EVENT_ANSWER, FND_HOOK_ANSWERED},
                 {FND_EVENT_OUTPUT, FND_HOOK_COMPLETED},
                 {FND_EVENT_FAIL, FND_HOOK_FAILED},
                 {FND_EVENT_CANCEL, FND_HOOK_CANCELLED},
                 {FND_EVENT_UNDO, FND_HOOK_REOPENED},
                 {FND_EVENT_HOLD, FND_HOOK_HELD},
                 {FND_EVENT_START, 0},
                 {FND_EVENT_RETRY, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(fnd_outbox_event(cases[i].kind), cases[i].hook, "%s",
                     fnd_event_name(cases[i].kind));
    }
}
