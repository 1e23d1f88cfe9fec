/* SPDX-License-Identifier: MIT */
/* Requests that nobody answers: reminded, escalated, and in the end what the pipeline says. Each
 * thing happens once, whatever restarts and whatever the wall clock does. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "room.h"

#define CARD(options)                                                                              \
    "foundry: v1\nname: cards\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"                          \
    "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n" options                 \
    "      detectors: [{uses: detect/required, with: {fields: [/value/a]}}]\n"                     \
    "  - {id: behind, uses: steps/copy, with: {value: \"${review}\"}}\n"
#define LEADS                                                                                      \
    "      group: desk\n      remind: 1d\n      due: 2d\n      escalate: leads\n"                  \
    "      outcome: default\n      default: {/value/a: none}\n"

enum { HOUR = 3600, DAY = 24 * HOUR };
#define X "a.jsonl#x"

static const char *const one[] = {"{\"id\":\"x\",\"doc\":{\"a\":\"\",\"b\":1}}", NULL};

struct kinds {
    enum fnd_event_kind kind;
    int count;
};

static bool count_kind(const struct fnd_event_row *row, void *context)
{
    struct kinds *kinds = context;
    kinds->count += row->kind == kinds->kind;
    return true;
}

/* How many events of a kind are on record. */
static int events(struct room *room, enum fnd_event_kind kind)
{
    struct kinds kinds = {kind, 0};
    const struct fnd_walk walk = {0, 10000};
    cr_assert_eq(
        fnd_events_walk(fnd_engine_reader(room->desk.engine), 0, &walk, count_kind, &kinds, NULL),
        FND_OK);
    return kinds.count;
}

static void reopen(struct room *room)
{
    room_close(room);
    room_open(room);
}

Test(deadline, reminder_escalation_and_outcome_come_once_each_across_restarts)
{
    struct room room;
    room_begin(&room, CARD(LEADS), one);
    int64_t request = desk_request(&room.desk, X);
    cr_expect_not_null(strstr(room_card(&room, request, NULL), "\"group\":\"desk\""));
    room_advance(&room, DAY - HOUR);
    cr_expect_eq(events(&room, FND_EVENT_REMIND), 0);
    room_advance(&room, HOUR);
    cr_expect_eq(events(&room, FND_EVENT_REMIND), 1);
    reopen(&room);
    room_advance(&room, HOUR);
    reopen(&room);
    cr_expect_eq(events(&room, FND_EVENT_REMIND), 1);
    cr_expect_eq(events(&room, FND_EVENT_ESCALATE), 0);
    room_close(&room);
    fnd_env_seeded_advance(room.desk.env,
                           INT64_C(1000000) * DAY); /* nobody was there at the time */
    room_open(&room);
    cr_expect_eq(events(&room, FND_EVENT_ESCALATE), 1);
    const char *card = room_card(&room, request, NULL);
    cr_expect_not_null(strstr(card, "\"group\":\"leads\""), "%s", card);
    cr_expect_not_null(strstr(card, "\"escalated\":true"), "%s", card);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    reopen(&room);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"lee\",\"group\":\"desk\"}");
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"asks\":[]"));
    room_advance(&room, 2 * DAY - HOUR);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    room_advance(&room, HOUR + 1);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    cr_expect_eq(events(&room, FND_EVENT_REMIND), 1);
    cr_expect_eq(events(&room, FND_EVENT_ESCALATE), 1);
    cr_expect_eq(events(&room, FND_EVENT_ANSWER), 1);
    cr_expect_str_eq(desk_output(&room.desk, X, 1), "{\"value\":{\"a\":\"none\",\"b\":1}}");
    struct fnd_json found = desk_json(room_card(&room, request, NULL));
    int64_t answer = 0;
    fnd_json_integer(fnd_json_find(found, "/answer/event"), &answer);
    const char *record = desk_record(&room.desk, answer);
    cr_expect_not_null(strstr(record, "\"by\":\"deadline\""), "%s", record);
    cr_expect_not_null(strstr(record, "\"tier\":\"silver\""), "%s", record);
    cr_expect_not_null(strstr(record, "\"source\":\"rule\""), "%s", record);
    reopen(&room);
    room_advance(&room, 9 * DAY);
    cr_expect_eq(events(&room, FND_EVENT_ANSWER), 1);
    room_end(&room);
}

/* One outcome without escalation: the state it leads to. */
static enum fnd_state outcome(const char *yaml, struct room *room)
{
    room_begin(room, yaml, one);
    room_advance(room, 2 * DAY + 1);
    return desk_state(&room->desk, X);
}

Test(deadline, skip_takes_what_stands_and_fail_ends_the_job)
{
    struct room room;
    cr_expect_eq(outcome(CARD("      due: 2d\n      outcome: skip\n"), &room), FND_COMPLETED);
    cr_expect_str_eq(desk_output(&room.desk, X, 1), "{\"value\":{\"a\":\"\",\"b\":1}}");
    room_end(&room);
    cr_expect_eq(
        outcome(CARD("      due: 2d\n      outcome: fail\n      on_reject: continue\n"), &room),
        FND_FAILED);
    room_end(&room);
    cr_expect_eq(
        outcome(CARD("      due: 2d\n      outcome: escalate\n      escalate: leads\n"), &room),
        FND_PAUSED);
    room_advance(&room, 30 * DAY);
    cr_expect_eq(events(&room, FND_EVENT_ESCALATE), 1);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    room_end(&room);
}

Test(deadline, a_default_that_the_schema_refuses_leaves_the_request_open_once_and_for_all)
{
    struct room room;
    memset(&room, 0, sizeof room);
    desk_begin(&room.desk, FND_ISOLATION_INLINE, false);
    desk_beside(&room.desk, "s.json",
                "{\"properties\":{\"value\":{\"properties\":{\"a\":"
                "{\"type\":\"number\"}}}}}");
    desk_pipeline(&room.desk,
                  CARD("      schema: s.json\n      due: 2d\n      outcome: default\n"
                       "      default: {/value/a: none}\n"),
                  NULL);
    desk_line(&room.desk, "a.jsonl", one[0]);
    room_open(&room);
    room_advance(&room, 2 * DAY + 1);
    room_advance(&room, DAY);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    cr_expect_eq(events(&room, FND_EVENT_LAPSE), 1);
    reopen(&room);
    room_advance(&room, 9 * DAY);
    cr_expect_eq(events(&room, FND_EVENT_LAPSE), 1);
    cr_expect_eq(desk_set(&room.desk, X, "{\"/value/a\":5}"), FND_OK);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_end(&room);
}

/* A clock that can be set apart from the one that only goes on. */
struct set_clock {
    struct fnd_env env;
    const struct fnd_env *inner;
    int64_t offset_us;
};

static int64_t set_wall(const struct fnd_env *env)
{
    const struct set_clock *clock = env->state;
    return clock->inner->wall_us(clock->inner) + clock->offset_us;
}

static int64_t set_monotonic(const struct fnd_env *env)
{
    const struct set_clock *clock = env->state;
    return clock->inner->monotonic_us(clock->inner);
}

static void set_random(const struct fnd_env *env, void *bytes, size_t size)
{
    const struct set_clock *clock = env->state;
    clock->inner->random(clock->inner, bytes, size);
}

Test(deadline, a_clock_that_is_wrong_for_a_moment_brings_nothing_early)
{
    struct room room = {0};
    struct set_clock clock = {.env = {.wall_us = set_wall,
                                      .monotonic_us = set_monotonic,
                                      .random = set_random,
                                      .state = &clock}};
    desk_begin(&room.desk, FND_ISOLATION_INLINE, false);
    clock.inner = room.desk.env;
    clock.env.wait = room.desk.env->wait;
    room.desk.options.env = &clock.env;
    desk_pipeline(&room.desk, CARD("      due: 2d\n      outcome: skip\n"), NULL);
    desk_line(&room.desk, "a.jsonl", one[0]);
    room_open(&room);
    room_advance(&room, HOUR);
    clock.offset_us = INT64_C(1000000) * 400 * DAY; /* a year too far */
    room_advance(&room, 61);
    room_advance(&room, 300);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED, "a jump is not believed at once");
    clock.offset_us = 0;
    room_advance(&room, DAY);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    clock.offset_us = -INT64_C(1000000) * 400 * DAY; /* and back, for a moment: nothing is late */
    room_advance(&room, DAY - HOUR - 300);
    room_advance(&room, 400);
    clock.offset_us = 0;
    room_advance(&room, 61);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_end(&room);
}

Test(deadline, options_that_do_not_fit_together_are_refused_where_they_stand)
{
    static const struct {
        const char *options, *message;
    } cases[] = {
        {"      due: 2d\n", "what is to happen when it is due?"},
        {"      outcome: skip\n", "without `due`"},
        {"      escalate: leads\n", "without `due`"},
        {"      due: 1d\n      remind: 2d\n      outcome: skip\n", "must come before `due`"},
        {"      due: 1d\n      outcome: escalate\n", "needs `escalate: GROUP`"},
        {"      due: 1d\n      outcome: default\n", "needs `default:"},
        {"      due: 1d\n      outcome: skip\n      default: {/a: 1}\n", "`outcome: default` only"},
        {"      due: 1d\n      outcome: default\n      default: {a: 1}\n", "a is none"},
        {"      due: soon\n      outcome: skip\n", "must be a duration"},
        {"      due: 9999d\n      outcome: skip\n", "at most 3650 days"},
        {"      due: 1d\n      outcome: later\n", "outcome"},
        {"      group: \"\"\n", "must name a group"},
        {"      fingerprint: [name]\n", "`fingerprint` lists places"},
        {"      fingerprint: [1/a, /b, 0]\n      lease: 0s\n", "must be a duration"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct desk desk;
        struct fnd_errors errors = {0};
        struct fnd_text yaml = {0}, all = {0};
        fnd_text_printf(&yaml,
                        "foundry: v1\nname: cards\nphases:\n"
                        "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"
                        "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
                        "%s",
                        cases[i].options);
        desk_begin(&desk, FND_ISOLATION_INLINE, false);
        desk_pipeline(&desk, fnd_text_z(&yaml), NULL);
        desk_open(&desk);
        cr_expect_neq(fnd_engine_pin(desk.engine, desk.pipeline, NULL, &desk.pin, &errors, NULL),
                      FND_OK, "%s", cases[i].options);
        for (size_t e = 0; e < errors.count; e++) {
            cr_expect_gt(errors.list[e].line, 5);
            fnd_text_append_z(&all, errors.list[e].message);
        }
        cr_expect_not_null(strstr(fnd_text_z(&all), cases[i].message), "%s: %s", cases[i].options,
                           fnd_text_z(&all));
        fnd_text_finish(&yaml);
        fnd_text_finish(&all);
        desk_end(&desk);
    }
}

/* In a process of its own: run with a clock far ahead until it is killed, at any moment. */
static void run_until_killed(struct room *room, int told)
{
    char byte = 'r';
    if (write(told, &byte, 1) != 1) {
        _exit(1);
    }
    room_open(room);
    for (;;) {
        room_advance(room, HOUR);
    }
}

Test(deadline, kills_at_any_moment_double_nothing)
{
    struct room room;
    room_begin(&room, CARD(LEADS), one);
    room_close(&room);
    for (int round = 0; round < 12; round++) {
        int ends[2];
        char byte = 0;
        cr_assert_eq(pipe(ends), 0);
        pid_t pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            run_until_killed(&room, ends[1]);
        }
        close(ends[1]);
        cr_assert_eq(read(ends[0], &byte, 1), 1);
        const struct timespec while_ns = {0, round * 9 * 1000000};
        nanosleep(&while_ns, NULL); /* somewhere in its work; any moment will do */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(ends[0]);
    }
    room_open(&room);
    for (int day = 0; day < 8; day++) {
        room_advance(&room, DAY);
    }
    cr_expect_eq(events(&room, FND_EVENT_REMIND), 1);
    cr_expect_eq(events(&room, FND_EVENT_ESCALATE), 1);
    cr_expect_eq(events(&room, FND_EVENT_ANSWER), 1);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_end(&room);
}
