/* SPDX-License-Identifier: MIT */
/* A training that somebody cancels, at each of its steps: no version comes of it, its end is on
 * record with who cancelled it, and by itself none begins before it has rested. Calls run in line
 * here, so that each turn of the learner is one step. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"
#include "learn/learn.h"
#include "learn/prover.h"
#include "learn/trigger.h"

static struct desk desk;
static struct fnd_learn *learn;
static int made;
static char path[32];

static void start(bool by_itself)
{
    desk_run(&desk);
    cr_assert_eq(fnd_learn_create(desk.engine, &learn, &desk.error), FND_OK, "%s",
                 desk.error.message);
    if (by_itself) {
        fnd_learn_auto(learn);
    }
}

static void stop(void)
{
    fnd_learn_destroy(learn);
    learn = NULL;
    desk_close(&desk);
}

static void begin(const char *gate, const char *rest, bool by_itself)
{
    struct fnd_text yaml = {0};
    made = 0;
    desk_begin(&desk, FND_ISOLATION_INLINE, false);
    desk.options.prover = fnd_learn_prover();
    fnd_text_printf(&yaml,
                    "foundry: v1\nname: docs\nphases:\n"
                    "  - id: say\n    uses: tutor/say\n"
                    "    with: {n: \"${input.n}\", rules: \"name 1 100000\","
                    " model: \"${models.m}\"}\n"
                    "  - {id: review, uses: foundry/human, with: {of: say, detectors: [], %s}}\n"
                    "models:\n  m:\n    phase: say\n    of: review\n"
                    "    trainer: {uses: tutor/train, with: {model: \"tutor 1\\n\"}}\n%s",
                    gate, rest);
    desk_pipeline(&desk, fnd_text_z(&yaml), NULL);
    fnd_text_finish(&yaml);
    start(by_itself);
}

static void end(void)
{
    stop();
    desk_end(&desk);
}

/* A document, and what a person makes of it. The learner has no turn. */
static void document(void)
{
    char name[32], line[64], values[96];
    made++;
    snprintf(name, sizeof name, "%04d.jsonl", made);
    snprintf(line, sizeof line, "{\"id\":\"x\",\"n\":%d}", made);
    snprintf(path, sizeof path, "%04d.jsonl#x", made);
    desk_line(&desk, name, line);
    desk_run(&desk);
    snprintf(values, sizeof values, "{\"/name\":\"doc %d\",\"/total_cost\":%d}", made, made);
    cr_assert_eq(desk_set(&desk, path, values), FND_OK, "%s: %s", path, desk.error.message);
}

static void turn(void)
{
    fnd_learn_turn(learn);
    const int64_t wait_us = fnd_learn_wait_us(learn);
    if (wait_us > 0) {
        desk.env->wait(desk.env, fnd_learn_fd(learn), wait_us);
    }
}

static void settle(void)
{
    for (int idle = 0; idle < 3; idle++) {
        turn();
        idle = fnd_learn_busy(learn) || fnd_learn_wait_us(learn) >= 0 ? -1 : idle;
    }
}

/* What the one who asked for it heard, and the one who cancelled it. */
struct heard {
    int times;
    enum fnd_status status;
    int64_t training;
    char message[1024];
};
static void hear(void *context, const struct fnd_learned *learned)
{
    struct heard *heard = context;
    heard->times++;
    heard->status = learned->status;
    heard->training = learned->training;
    snprintf(heard->message, sizeof heard->message, "%s", learned->error.message);
}

/* Events of a kind whose body has a text; `last` is the last one's. */
static char last[1024];
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
            snprintf(last, sizeof last, "%s", fnd_text_z(&body));
        }
    }
    fnd_text_finish(&body);
    return true;
}

static int events(enum fnd_event_kind kind, const char *text)
{
    struct count count = {kind, text, 0};
    const struct fnd_walk walk = {.limit = INT64_MAX};
    last[0] = '\0';
    cr_assert_eq(
        fnd_events_walk(fnd_engine_reader(desk.engine), 0, &walk, event_count, &count, NULL),
        FND_OK);
    return count.count;
}

static char state[32];
static void flight(void *context, const char *pipeline, const char *model, const char *pool,
                   const char *now, double progress, const char *note)
{
    (void)context;
    (void)pipeline;
    (void)model;
    (void)pool;
    (void)progress;
    (void)note;
    snprintf(state, sizeof state, "%s", now);
}

/* Where the training is, in a word. */
static const char *where(void)
{
    state[0] = '\0';
    fnd_learn_flight(learn, flight, NULL);
    return state;
}

static enum fnd_status cancel(const char *by, struct heard *heard)
{
    const struct fnd_learn_hooks hooks = {.done = hear, .context = heard};
    return fnd_learn_cancel(learn, "docs", "m", by, "wrong labels", &hooks, &desk.error);
}

Test(cancel, at_no_step_does_a_version_come_of_it, .timeout = 300)
{
    static const char *const states[] = {"waiting", "training", "trying", "checking"};
    int seen[4] = {0}, steps = 0;
    begin("audit: 100%, target_error: 10%", "", false);
    for (int i = 0; i < 30; i++) {
        document();
    }
    for (bool ended = false; !ended; steps++) {
        struct heard asked = {0}, canceller = {0}, second = {0};
        const struct fnd_learn_hooks hooks = {.done = hear, .context = &asked};
        cr_assert_eq(fnd_learn_train(learn, "docs", "m", "bea", "by hand", &hooks, &desk.error),
                     FND_OK, "%s", desk.error.message);
        for (int i = 0; i < steps; i++) {
            turn();
        }
        ended = asked.times > 0; /* by itself: there were fewer steps than that */
        if (ended) {
            cr_assert_eq(asked.status, FND_OK, "%s", asked.message);
            break;
        }
        const char *const at = where();
        for (int i = 0; i < 4; i++) {
            seen[i] += strcmp(at, states[i]) == 0;
        }
        cr_assert_eq(cancel("ann", &canceller), FND_OK, "%s", desk.error.message);
        if (canceller.times == 0) { /* what is under way is waited for */
            cr_expect_str_eq(where(), "stopping");
            cr_expect_eq(cancel("cid", &second), FND_CONFLICT);
            cr_expect(strstr(desk.error.message, "ann has cancelled"), "%s", desk.error.message);
        }
        settle();
        cr_assert_eq(canceller.times, 1, "step %d, %s", steps, at);
        cr_assert_eq(asked.times, 1);
        cr_expect_eq(second.times, 0);
        cr_assert_eq(canceller.status, FND_INTERRUPTED, "step %d: %s", steps, canceller.message);
        cr_expect_str_eq(asked.message, "ann cancelled the training of model m: wrong labels");
        cr_expect_gt(canceller.training, 0);
        cr_assert_eq(events(FND_EVENT_TRAIN, ""), steps + 1);
        cr_assert_eq(events(FND_EVENT_TRAINED, "\"by\":\"ann\",\"reason\":\"wrong labels\""),
                     steps + 1, "step %d, %s: %s", steps, at, last);
        cr_expect(strstr(last, "{\"outcome\":\"cancelled\",\"code\":\"cancelled\""), "%s", last);
        cr_assert_eq(events(FND_EVENT_DECIDE, ""), 0, "step %d: %s", steps, last);
        cr_assert_eq(cancel("ann", &canceller), FND_NOT_FOUND);
        cr_expect(strstr(desk.error.message, "no training of model m runs or waits"));
    }
    printf("cancelled at %d steps: %d waiting, %d training, %d trying, %d checking\n", steps,
           seen[0], seen[1], seen[2], seen[3]);
    for (int i = 0; i < 4; i++) {
        cr_expect_gt(seen[i], 0, "none was cancelled while it was %s", states[i]);
    }
    cr_expect_eq(events(FND_EVENT_DECIDE, "\"version\":1"), 1, "the first that ends is version 1");
    end();
}

/* Documents one by one until a training begins by itself. */
static void until_it_trains(void)
{
    for (int i = 0; i < 20 && !fnd_learn_busy(learn); i++) {
        document();
        fnd_learn_turn(learn);
    }
    cr_assert_str_eq(where(), "training");
}

Test(cancel, by_itself_none_begins_before_it_has_rested, .timeout = 300)
{
    const int64_t minute_us = INT64_C(60) * 1000000;
    struct heard heard = {0};
    begin("audit: 100%", "    when: {corrections: 5, cooldown: 1s}\n", true);
    until_it_trains();
    cr_assert_eq(cancel("ann", &heard), FND_OK, "%s", desk.error.message);
    settle();
    cr_assert_eq(heard.times, 1);
    cr_assert_eq(events(FND_EVENT_TRAIN, ""), 1);
    for (int i = 0; i < 10; i++) {
        document();
        settle();
    }
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 1, "more corrections begin none");
    stop();
    start(true); /* another engine knows it from the record */
    fnd_env_seeded_advance(desk.env, 9 * minute_us);
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 1, "nor do nine minutes");
    fnd_env_seeded_advance(desk.env, minute_us + 1);
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 2, "ten do");
    end();
}

Test(cancel, one_that_was_stopped_with_its_engine_goes_on_with_the_next, .timeout = 300)
{
    begin("audit: 100%", "    when: {corrections: 5, cooldown: 1s}\n", true);
    until_it_trains();
    stop();
    start(true);
    cr_expect_eq(events(FND_EVENT_TRAINED, "the engine stopped while"), 1);
    fnd_env_seeded_advance(desk.env, 2 * INT64_C(1000000));
    settle();
    cr_expect_eq(events(FND_EVENT_TRAIN, ""), 2, "nobody cancelled it");
    end();
}

Test(cancel, who_cancels_and_goes_away_is_forgotten, .timeout = 300)
{
    struct heard heard = {0};
    begin("audit: 100%", "    when: {corrections: 5, cooldown: 1s}\n", true);
    until_it_trains();
    cr_assert_eq(cancel("ann", &heard), FND_OK, "%s", desk.error.message);
    fnd_learn_forget(learn, &heard);
    settle();
    cr_expect_eq(heard.times, 0);
    cr_expect_eq(events(FND_EVENT_TRAINED, "\"by\":\"ann\""), 1, "it is cancelled all the same");
    end();
}
