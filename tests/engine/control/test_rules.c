/* SPDX-License-Identifier: MIT */
/* The same question is never asked twice: an answer that holds for its twins makes a rule, a rule
 * settles what is open and what comes, and ends with all that it settled. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/fingerprint.h"
#include "room.h"

#define CARD                                                                                       \
    "foundry: v1\nname: cards\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"                          \
    "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"                         \
    "      fingerprint: [1/name]\n"                                                                \
    "      detectors: [{uses: detect/required, with: {fields: [/value/a]}}]\n"                     \
    "  - {id: behind, uses: steps/copy, with: {value: \"${review}\"}}\n"
#define LINK                                                                                       \
    "foundry: v1\nname: kitchen\nphases:\n"                                                        \
    "  - id: link\n    uses: link/product\n    with:\n      items: \"${input.items}\"\n"           \
    "      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}]\n"               \
    "  - {id: finish, uses: steps/copy, with: {value: \"${link}\"}}\n"
#define DOC(id, name) "{\"id\":\"" id "\",\"doc\":{\"a\":\"\",\"name\":\"" name "\"}}"

static const char *const three[] = {DOC("x", "Ada  Ltd"), DOC("y", " ada ltd"), DOC("z", "Bob"),
                                    NULL};
#define X "a.jsonl#x"
#define Y "a.jsonl#y"
#define Z "a.jsonl#z"

static const char for_twins[] =
    "{\"op\":\"answer\",\"by\":\"ann\",\"scope\":\"twins\",\"request\":%" PRId64
    ",\"values\":{\"/value/a\":\"%s\"}}";

static int64_t answer_of(struct room *room, int64_t request)
{
    int64_t event = 0;
    fnd_json_integer(fnd_json_find(desk_json(room_card(room, request, NULL)), "/answer/event"),
                     &event);
    return event;
}

Test(rules, an_answer_for_twins_settles_them_and_those_to_come)
{
    struct room room;
    room_begin(&room, CARD, three);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    room_says(&room, "ok", for_twins, x, "A");
    int64_t rule = room_number(&room, "/event");
    cr_expect_eq(room_number(&room, "/settled"), 1);
    cr_expect_eq(desk_state(&room.desk, Y), FND_COMPLETED, "the twin is settled at once");
    cr_expect_eq(desk_state(&room.desk, Z), FND_PAUSED, "another name is another question");
    cr_expect_str_eq(desk_output(&room.desk, Y, 1),
                     "{\"value\":{\"a\":\"A\",\"name\":\" ada ltd\"}}");
    const char *record = desk_record(&room.desk, answer_of(&room, y));
    char wanted[96];
    snprintf(wanted, sizeof wanted, "answered by rule from request %" PRId64, x);
    cr_expect_not_null(strstr(record, wanted), "%s", record);
    cr_expect_not_null(strstr(record, "\"tier\":\"silver\""), "%s", record);
    cr_expect_not_null(strstr(record, "\"source\":\"rule\""), "%s", record);
    room_close(&room);
    desk_line(&room.desk, "a.jsonl", DOC("v", "ADA LTD"));
    room_open(&room);
    cr_expect_eq(desk_state(&room.desk, "a.jsonl#v"), FND_COMPLETED, "and so are later ones");
    cr_expect_str_eq(desk_events(&room.desk, "a.jsonl#v"),
                     "job0 output0 ask1 answer1 output1 output2");
    room_says(&room, "ok",
              "{\"op\":\"rules.revoke\",\"by\":\"bob\",\"rule\":%" PRId64
              ",\"reason\":\"two firms\"}",
              rule);
    cr_expect_eq(room_number(&room, "/settled"), 2);
    cr_expect_eq(desk_state(&room.desk, Y), FND_PAUSED, "what it settled is open again");
    cr_expect_eq(desk_state(&room.desk, "a.jsonl#v"), FND_PAUSED);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED, "the person's own answer stands");
    room_says(&room, "conflict", "{\"op\":\"rules.revoke\",\"by\":\"bob\",\"rule\":%" PRId64 "}",
              rule);
    room_says(&room, "not_found", "{\"op\":\"rules.revoke\",\"by\":\"bob\",\"rule\":%" PRId64 "}",
              rule + 1);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"bob\",\"count\":3}");
    cr_expect_gt(room_number(&room, "/asks/2/request"), 0, "and is given out again");
    room_end(&room);
}

Test(rules, taking_the_answer_back_takes_back_what_it_settled)
{
    struct room room;
    room_begin(&room, CARD, three);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    room_says(&room, "ok", for_twins, x, "A");
    int64_t event = room_number(&room, "/event");
    cr_expect_eq(desk_state(&room.desk, Y), FND_COMPLETED);
    room_says(&room, "ok",
              "{\"op\":\"ask.undo\",\"by\":\"ann\",\"request\":%" PRId64 ",\"event\":%" PRId64 "}",
              x, event);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    cr_expect_eq(desk_state(&room.desk, Y), FND_PAUSED);
    room_says(&room, "ok", for_twins, x, "B");
    cr_expect_eq(desk_state(&room.desk, Y), FND_COMPLETED, "a younger rule holds for it again");
    cr_expect_not_null(strstr(desk_output(&room.desk, Y, 1), "\"a\":\"B\""));
    /* A person opens a card that the rule settled: the rule does not close it again. */
    room_says(&room, "ok",
              "{\"op\":\"ask.reopen\",\"by\":\"eve\",\"reason\":\"no\",\"request\":%" PRId64 "}",
              y);
    cr_expect_eq(desk_state(&room.desk, Y), FND_PAUSED);
    room_close(&room);
    room_open(&room);
    cr_expect_eq(desk_state(&room.desk, Y), FND_PAUSED);
    cr_expect_eq(desk_set(&room.desk, Y, "{\"/value/a\":\"C\"}"), FND_OK);
    room_end(&room);
}

Test(rules, a_rule_is_killed_half_way_and_goes_on_at_the_next_start)
{
    struct room room;
    room_begin(&room, CARD, three);
    int64_t x = desk_request(&room.desk, X);
    /* Without control there is no desk: the answer is on record, its twins are not settled yet. */
    room_close(&room);
    room.desk.options.news = NULL;
    desk_open(&room.desk);
    desk_pin(&room.desk);
    struct fnd_answer answer = {.request = x,
                                .values = desk_json("{\"/value/a\":\"A\"}"),
                                .by = "ann",
                                .seconds_ms = 1,
                                .run = true,
                                .twins = true};
    struct fnd_answered answered = {0};
    cr_assert_eq(fnd_review_answer(room.desk.engine, &answer, &answered, &room.desk.error), FND_OK,
                 "%s", room.desk.error.message);
    fnd_answered_finish(&answered);
    desk_rest(&room.desk);
    cr_expect_eq(desk_state(&room.desk, Y), FND_PAUSED);
    desk_close(&room.desk);
    room_open(&room);
    cr_expect_eq(desk_state(&room.desk, Y), FND_COMPLETED);
    room_end(&room);
}

Test(rules, what_cannot_be_carried_is_refused_by_name)
{
    struct room room;
    room_begin(&room, CARD, three);
    int64_t x = desk_request(&room.desk, X);
    room_says(&room, "invalid",
              "{\"op\":\"answer\",\"by\":\"ann\",\"scope\":\"twins\",\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"A\",\"/value/name\":\"N\"}}",
              x);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "/value/name"));
    room_says(&room, "invalid",
              "{\"op\":\"answer\",\"by\":\"ann\",\"scope\":\"twins\",\"request\":%" PRId64
              ",\"reject\":true}",
              x);
    room_says(&room, "invalid",
              "{\"op\":\"answer\",\"by\":\"ann\",\"scope\":\"all\",\"request\":%" PRId64
              ",\"accept\":true}",
              x);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    room_end(&room);
}

Test(rules, a_product_is_linked_once_for_all_invoices)
{
    static const char *const lines[] = {
        "{\"id\":\"x\",\"items\":[{\"description\":\"ONIONS YELLOW JBO\"}]}", NULL};
    struct room room;
    room_begin(&room, LINK, lines);
    int64_t x = desk_request(&room.desk, X);
    room_says(&room, "ok",
              "{\"op\":\"answer\",\"by\":\"ann\",\"scope\":\"twins\",\"request\":%" PRId64
              ",\"values\":{\"link-product:0\":102}}",
              x);
    int64_t rule = room_number(&room, "/event");
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_close(&room);
    desk_line(&room.desk, "a.jsonl",
              "{\"id\":\"y\",\"items\":[{\"description\":\"TAVERN HAM WH\","
              "\"linked_pantry_item_id\":101},{\"description\":\"onions  yellow jbo\"}]}");
    room_open(&room);
    cr_expect_eq(desk_state(&room.desk, Y), FND_COMPLETED, "no question");
    cr_expect_not_null(strstr(desk_output(&room.desk, Y, 0), "\"linked_pantry_item_id\":102"), "%s",
                       desk_output(&room.desk, Y, 0));
    room_says(&room, "ok", "{\"op\":\"rules.revoke\",\"by\":\"ann\",\"rule\":%" PRId64 "}", rule);
    cr_expect_eq(desk_state(&room.desk, Y), FND_PAUSED);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_end(&room);
}

static const char *normal(const char *json, struct fnd_text *text)
{
    fnd_text_clear(text);
    fnd_normalise(desk_json(json), text);
    return fnd_text_z(text);
}

Test(rules, what_people_take_for_the_same_is_the_same)
{
    static const char *const same[][2] = {
        {"\" Ada  LTD\"", "\"ada ltd\""},
        {"1.10", "11e-1"},
        {"100", "1.0E+2"},
        {"-0.0", "0"},
        {"{\"b\":1,\"a\":\"X\"}", "{\"a\":\"x\",\"b\":1.0}"},
        {"[1, 2]", "[1.0,2]"},
        {"0.001", "1e-3"},
    };
    static const char *const other[][2] = {
        {"\"1\"", "1"},     {"1", "-1"},          {"10", "1"},        {"\"ab\"", "\"a b\""},
        {"[1,2]", "[2,1]"}, {"null", "\"null\""}, {"1e400", "1e401"},
    };
    struct fnd_text a = {0}, b = {0};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        cr_expect_str_eq(normal(same[i][0], &a), normal(same[i][1], &b));
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        cr_expect_str_neq(normal(other[i][0], &a), normal(other[i][1], &b));
    }
    fnd_text_finish(&a);
    fnd_text_finish(&b);
}
