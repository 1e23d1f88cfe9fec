/* SPDX-License-Identifier: MIT */
/* Two people and one queue: who has a card, what a late one is told, and what a killed engine
 * keeps.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "review/desk.h"
#include "room.h"

#define ASKS                                                                                       \
    "foundry: v1\nname: cards\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"                          \
    "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n      lease: 60s\n"       \
    "      detectors: [{uses: detect/required, with: {fields: [/value/a]}}]\n"

static const char *const two[] = {"{\"id\":\"x\",\"doc\":{\"a\":\"\",\"b\":1}}",
                                  "{\"id\":\"y\",\"doc\":{\"a\":\"\",\"b\":2}}", NULL};
#define X "a.jsonl#x"
#define Y "a.jsonl#y"

Test(desk, nobody_is_given_what_another_has)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"ann\"}");
    cr_expect_eq(room_number(&room, "/asks/0/request"), x, "the older one comes first");
    cr_expect_eq(room_number(&room, "/asks/0/fence"), 1);
    cr_expect_eq(room_number(&room, "/asks/0/until_us"),
                 room.desk.env->wall_us(room.desk.env) + 60000000, "the pipeline says 60 s");
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"bob\",\"count\":3}");
    cr_expect_eq(room_number(&room, "/asks/0/request"), y);
    cr_expect_eq(room_number(&room, "/asks/1/request"), 0);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"eve\"}");
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"asks\":[]"));
    room_says(&room, "conflict", "{\"op\":\"ask.claim\",\"by\":\"eve\",\"request\":%" PRId64 "}",
              x);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"leased\""));
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"holder\":\"ann\""));
    room_says(&room, "conflict",
              "{\"op\":\"answer\",\"by\":\"eve\",\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"E\"}}",
              x);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"leased\""));
    room_says(&room, "ok",
              "{\"op\":\"ask.release\",\"by\":\"bob\",\"request\":%" PRId64 ",\"fence\":1}", y);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"eve\",\"exclude\":[1,2]}");
    cr_expect_eq(room_number(&room, "/asks/0/request"), y);
    cr_expect_eq(room_number(&room, "/asks/0/fence"), 2);
    room_end(&room);
}

Test(desk, a_lease_that_lapsed_still_answers_unless_somebody_took_it)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"ann\",\"count\":2}");
    room_advance(&room, 61);
    room_says(&room, "ok",
              "{\"op\":\"answer\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"A\"}}",
              x);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_says(&room, "ok",
              "{\"op\":\"ask.heartbeat\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64 "}", y);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"bob\"}");
    cr_expect_eq(room_number(&room, "/asks/0/request"), 0, "the heartbeat has renewed it");
    room_advance(&room, 61);
    room_says(&room, "ok", "{\"op\":\"ask.claim\",\"by\":\"bob\",\"request\":%" PRId64 "}", y);
    cr_expect_eq(room_number(&room, "/fence"), 2);
    room_says(&room, "conflict",
              "{\"op\":\"ask.heartbeat\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64 "}", y);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"lease_lost\""));
    room_says(&room, "conflict",
              "{\"op\":\"ask.draft\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64
              ",\"values\":{\"/value/b\":7}}",
              y);
    room_says(&room, "conflict",
              "{\"op\":\"answer\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"late\"}}",
              y);
    const char *reply = fnd_text_z(&room.reply);
    cr_expect_not_null(strstr(reply, "\"code\":\"lease_lost\""), "%s", reply);
    cr_expect_not_null(strstr(reply, "\"lease\":{\"by\":\"bob\""), "%s", reply);
    cr_expect_not_null(
        strstr(reply, "\"draft\":{\"values\":{\"/value/b\":7,\"/value/a\":\"late\"}"), "%s", reply);
    room_says(&room, "ok",
              "{\"op\":\"answer\",\"by\":\"bob\",\"fence\":2,\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"B\"}}",
              y);
    room_says(&room, "conflict",
              "{\"op\":\"answer\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"late\"}}",
              y);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"by\":\"bob\""), "what stands is shown");
    cr_expect_not_null(strstr(room_card(&room, y, "ann"), "\"/value/a\":\"late\""),
                       "and the late one's draft is kept");
    cr_expect_not_null(strstr(room_card(&room, y, "bob"), "\"draft\":null"));
    room_end(&room);
}

Test(desk, the_same_answer_twice_is_one_answer)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X);
    static const char again[] = "{\"op\":\"answer\",\"by\":\"ann\",\"request\":%" PRId64
                                ",\"idempotency_key\":\"%s\",\"values\":{\"/value/a\":\"A\"}}";
    room_says(&room, "ok", again, x, "k1");
    int64_t event = room_number(&room, "/event"), version = room_number(&room, "/version");
    int64_t until = room_number(&room, "/undo_until_us");
    cr_expect_gt(until, room.desk.env->wall_us(room.desk.env));
    room_says(&room, "ok", again, x, "k1");
    cr_expect_eq(room_number(&room, "/event"), event);
    cr_expect_eq(room_number(&room, "/version"), version);
    cr_expect_eq(room_number(&room, "/undo_until_us"), until);
    room_says(&room, "conflict", again, x, "k2");
    cr_expect_str_eq(desk_events(&room.desk, X), "job0 output0 ask1 answer1 output1");
    room_end(&room);
}

Test(desk, what_is_put_off_or_excluded_is_not_given_out)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    int64_t now = room.desk.env->wall_us(room.desk.env);
    room_says(&room, "ok",
              "{\"op\":\"ask.snooze\",\"by\":\"ann\",\"request\":%" PRId64 ",\"until_us\":%" PRId64
              "}",
              x, now + 3600000000);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"ann\",\"exclude\":[%" PRId64 "]}", y);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"asks\":[]"));
    cr_expect_not_null(strstr(room_card(&room, x, NULL), "\"snoozed_until\":\"2023-"));
    room_advance(&room, 3601);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"ann\"}");
    cr_expect_eq(room_number(&room, "/asks/0/request"), x);
    room_says(&room, "invalid",
              "{\"op\":\"ask.snooze\",\"by\":\"ann\",\"request\":%" PRId64 ",\"until_us\":5}", y);
    room_end(&room);
}

Test(desk, drafts_are_merged_a_field_and_null_takes_one_out)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X);
    static const char draft[] =
        "{\"op\":\"ask.draft\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64 ",%s}";
    room_says(&room, "ok", "{\"op\":\"ask.claim\",\"by\":\"ann\",\"request\":%" PRId64 "}", x);
    room_says(&room, "ok", draft, x, "\"values\":{\"/value/a\":\"A\",\"/value/b\":1.10}");
    room_says(&room, "ok", draft, x, "\"values\":{\"/value/a\":\"AB\"},\"removed\":[\"/value/c\"]");
    cr_expect_not_null(strstr(room_card(&room, x, "ann"),
                              "\"draft\":{\"values\":{\"/value/b\":1.10,\"/value/a\":\"AB\"},"
                              "\"removed\":[\"/value/c\"],\"at\":"),
                       "%s", fnd_text_z(&room.desk.text));
    room_says(&room, "ok", draft, x, "\"values\":{\"/value/b\":null}");
    cr_expect_not_null(strstr(room_card(&room, x, "ann"),
                              "\"draft\":{\"values\":{\"/value/a\":\"AB\"},"
                              "\"removed\":[\"/value/c\"],\"at\":"));
    char *large = calloc(1, FND_DRAFT_SIZE_MAX + 64);
    strcpy(large, "\"values\":{\"/value/a\":\"");
    memset(large + strlen(large), 'x', FND_DRAFT_SIZE_MAX);
    strcat(large, "\"}");
    room_says(&room, "limit", draft, x, large);
    free(large);
    room_says(&room, "invalid", draft, x, "\"values\":[]");
    room_end(&room);
}

Test(desk, a_card_shows_every_field_and_its_input)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X);
    const char *card = room_card(&room, x, NULL);
    cr_expect_not_null(strstr(card, "\"job\":{\"number\":"), "%s", card);
    cr_expect_not_null(strstr(card, "\"subject\":{\"value\":{\"a\":\"\",\"b\":1}}"), "%s", card);
    cr_expect_not_null(strstr(card, "\"subject_phase\":\"read\""), "%s", card);
    cr_expect_not_null(strstr(card, "\"text\":{\"value\":{"), "%s", card);
    cr_expect_not_null(strstr(card, "\"lease\":null"), "%s", card);
    cr_expect_not_null(strstr(card, "\"answer\":null"), "%s", card);
    room_end(&room);
}

/* In a process of its own: claim, type, say so, and wait to be killed. */
static void claim_and_wait(struct room *room, int64_t request, int told)
{
    char byte = 'c';
    room_open(room);
    room_says(room, "ok", "{\"op\":\"ask.claim\",\"by\":\"ann\",\"request\":%" PRId64 "}", request);
    room_says(room, "ok",
              "{\"op\":\"ask.draft\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"half ty\"}}",
              request);
    if (write(told, &byte, 1) != 1) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

Test(desk, a_killed_engine_keeps_card_lease_and_half_typed_draft)
{
    struct room room;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X);
    room_close(&room);
    int ends[2];
    char byte = 0;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        claim_and_wait(&room, x, ends[1]);
    }
    close(ends[1]);
    cr_assert_eq(read(ends[0], &byte, 1), 1, "the other process did not come so far");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    room_open(&room);
    cr_expect_eq(desk_request(&room.desk, X), x);
    const char *card = room_card(&room, x, "ann");
    cr_expect_not_null(strstr(card, "\"lease\":{\"by\":\"ann\""), "%s", card);
    cr_expect_not_null(strstr(card, "\"fence\":1,\"mine\":true}"), "%s", card);
    cr_expect_not_null(strstr(card, "\"values\":{\"/value/a\":\"half ty\"}"), "%s", card);
    room_says(&room, "ok", "{\"op\":\"asks.next\",\"by\":\"bob\"}");
    cr_expect_neq(room_number(&room, "/asks/0/request"), x);
    room_says(&room, "ok",
              "{\"op\":\"answer\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"half typed\"}}",
              x);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_end(&room);
}

/* --- many at once ------------------------------------------------------------------------------
 */

struct said {
    struct fnd_text ends; /* a line an end, in the order in which they came */
    size_t count;
};

static void hear(void *context, struct fnd_json line)
{
    struct said *said = context;
    if (fnd_json_text_is(fnd_json_member(line, "type"), "end")) {
        fnd_text_append(&said->ends, line.bytes, line.size);
        fnd_text_append_byte(&said->ends, '\n');
        said->count++;
    }
}

__attribute__((format(printf, 3, 4))) static void say(struct room *room, struct said *said,
                                                      const char *format, ...)
{
    struct fnd_text text = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&text, format, arguments);
    va_end(arguments);
    fnd_control_local(room->control, fnd_text_z(&text), text.size, hear, said);
    fnd_text_finish(&text);
}

#define CLAIM "{\"op\":\"ask.claim\",\"by\":\"%s\",\"request\":%" PRId64 "}"
#define DRAFT                                                                                      \
    "{\"op\":\"ask.draft\",\"by\":\"%s\",\"request\":%" PRId64                                     \
    ",\"fence\":1,\"values\":{\"/value/a\":\"typed\"}}"

Test(desk, what_people_do_at_once_is_one_commit)
{
    struct room room;
    struct said said = {0};
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    fnd_control_batch_begin(room.control);
    say(&room, &said, CLAIM, "ann", x);
    say(&room, &said, CLAIM, "bob", y);
    cr_expect_eq(said.count, 0, "nothing is said that is not on disk: %s", fnd_text_z(&said.ends));
    cr_expect_null(strstr(room_card(&room, x, "ann"), "\"holder\":\"ann\""));
    fnd_control_batch_end(room.control);
    cr_expect_eq(said.count, 2);
    cr_expect_null(strstr(fnd_text_z(&said.ends), "conflict"), "%s", fnd_text_z(&said.ends));
    room_says(&room, "ok",
              "{\"op\":\"ask.heartbeat\",\"by\":\"ann\",\"fence\":1,\"request\":%" PRId64 "}", x);
    room_says(&room, "ok",
              "{\"op\":\"ask.heartbeat\",\"by\":\"bob\",\"fence\":1,\"request\":%" PRId64 "}", y);
    fnd_text_finish(&said.ends);
    room_end(&room);
}

Test(desk, two_at_once_do_not_get_one_card)
{
    struct room room;
    struct said said = {0};
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X);
    fnd_control_batch_begin(room.control);
    say(&room, &said, CLAIM, "ann", x);
    say(&room, &said, CLAIM, "bob", x);
    fnd_control_batch_end(room.control);
    cr_assert_eq(said.count, 2);
    const char *second = strchr(fnd_text_z(&said.ends), '\n') + 1;
    cr_expect_not_null(strstr(fnd_text_z(&said.ends), "\"status\":\"ok\""));
    cr_expect_not_null(strstr(second, "\"code\":\"leased\""), "%s", second);
    cr_expect_not_null(strstr(second, "\"holder\":\"ann\""), "%s", second);
    fnd_text_finish(&said.ends);
    room_end(&room);
}

Test(desk, drafts_at_once_lose_no_field)
{
    struct room room;
    struct said said = {0};
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X);
    room_says(&room, "ok", "{\"op\":\"ask.claim\",\"by\":\"ann\",\"request\":%" PRId64 "}", x);
    fnd_control_batch_begin(room.control);
    say(&room, &said, DRAFT, "ann", x);
    say(&room, &said,
        "{\"op\":\"ask.draft\",\"by\":\"%s\",\"request\":%" PRId64
        ",\"fence\":1,\"values\":{\"/value/b\":7}}",
        "ann", x);
    say(&room, &said, DRAFT, "", x); /* refused, and no hindrance */
    fnd_control_batch_end(room.control);
    cr_expect_eq(said.count, 3);
    cr_expect_not_null(strstr(fnd_text_z(&said.ends), "must be named"));
    cr_expect_not_null(strstr(room_card(&room, x, "ann"), "\"/value/a\":\"typed\""));
    cr_expect_not_null(strstr(room_card(&room, x, "ann"), "\"/value/b\":7"));
    fnd_text_finish(&said.ends);
    room_end(&room);
}

Test(desk, what_another_came_before_is_decided_again)
{
    struct room room;
    struct said said = {0};
    struct fnd_claim eves;
    room_begin(&room, ASKS, two);
    int64_t x = desk_request(&room.desk, X), y = desk_request(&room.desk, Y);
    struct fnd_desk *other = fnd_desk_create(room.desk.engine, NULL);
    fnd_control_batch_begin(room.control);
    say(&room, &said, CLAIM, "bob", x);
    say(&room, &said, CLAIM, "bob", y);
    /* It is free as far as the record shows. */
    cr_expect_eq(fnd_desk_claim(other, x, "eve", 0, &eves, NULL), FND_OK);
    fnd_control_batch_end(room.control);
    cr_expect_eq(said.count, 2);
    const char *second = strchr(fnd_text_z(&said.ends), '\n') + 1;
    cr_expect_not_null(strstr(fnd_text_z(&said.ends), "\"holder\":\"eve\""), "%s",
                       fnd_text_z(&said.ends));
    cr_expect_not_null(strstr(second, "\"status\":\"ok\""), "the other one stands: %s", second);
    fnd_desk_destroy(other);
    fnd_text_finish(&said.ends);
    room_end(&room);
}
