/* SPDX-License-Identifier: MIT */
#include "room.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROOM_REST_S_MAX = 100 };

void room_open(struct room *room)
{
    struct fnd_ingest counts = {0};
    struct desk *desk = &room->desk;
    room->control = fnd_control_create(desk->options.env, desk->options.log);
    desk->options.news = fnd_control_news;
    desk->options.context = room->control;
    desk_open(desk);
    fnd_control_attach(room->control, desk->engine);
    desk_pin(desk);
    cr_assert_eq(fnd_engine_resume(desk->engine, NULL, &desk->error), FND_OK);
    cr_assert_eq(
        fnd_engine_ingest(desk->engine, desk->pin, false, &counts, NULL, NULL, &desk->error),
        FND_OK, "%s", desk->error.message);
    room_rest(room);
}

void room_begin(struct room *room, const char *yaml, const char *const *lines)
{
    memset(room, 0, sizeof *room);
    desk_begin(&room->desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&room->desk, yaml, NULL);
    for (size_t i = 0; lines[i] != NULL; i++) {
        desk_line(&room->desk, "a.jsonl", lines[i]);
    }
    room_open(room);
}

void room_close(struct room *room)
{
    fnd_control_stop(room->control);
    fnd_control_destroy(room->control);
    room->control = NULL;
    desk_close(&room->desk);
}

void room_end(struct room *room)
{
    if (room->control != NULL) {
        room_close(room);
    }
    desk_end(&room->desk);
    fnd_text_finish(&room->reply);
}

void room_rest(struct room *room)
{
    const time_t begun = time(NULL);
    for (;;) {
        struct desk *desk = &room->desk;
        cr_assert_eq(fnd_engine_turn(desk->engine, &desk->error), FND_OK, "%s",
                     desk->error.message);
        fnd_control_turn(room->control);
        if (fnd_engine_idle(desk->engine) && fnd_control_wait_us(room->control) != 0) {
            return;
        }
        cr_assert_lt(time(NULL) - begun, ROOM_REST_S_MAX, "it did not come to rest");
        struct pollfd ready = {fnd_engine_fd(desk->engine), POLLIN, 0};
        poll(&ready, 1, 5);
    }
}

static void keep_line(void *context, struct fnd_json line)
{
    struct fnd_text *reply = context;
    fnd_text_clear(reply);
    fnd_text_append(reply, line.bytes, line.size);
}

__attribute__((format(printf, 2, 0))) static const char *ask(struct room *room, const char *format,
                                                             va_list arguments)
{
    struct fnd_text request = {0};
    const time_t begun = time(NULL);
    fnd_text_vprintf(&request, format, arguments);
    fnd_text_clear(&room->reply);
    fnd_control_local(room->control, fnd_text_z(&request), request.size, keep_line, &room->reply);
    while (strstr(fnd_text_z(&room->reply), "\"type\":\"end\"") == NULL) {
        cr_assert_eq(fnd_engine_turn(room->desk.engine, NULL), FND_OK);
        fnd_control_turn(room->control);
        cr_assert_lt(time(NULL) - begun, ROOM_REST_S_MAX, "no end: %s", fnd_text_z(&request));
    }
    room_rest(room);
    fnd_text_finish(&request);
    return fnd_text_z(&room->reply);
}

const char *room_ask(struct room *room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *reply = ask(room, format, arguments);
    va_end(arguments);
    return reply;
}

void room_says(struct room *room, const char *status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ask(room, format, arguments);
    va_end(arguments);
    cr_assert(
        fnd_json_text_is(fnd_json_find(desk_json(fnd_text_z(&room->reply)), "/status"), status),
        "%s is not %s (%s)", fnd_text_z(&room->reply), status, format);
}

int64_t room_number(struct room *room, const char *pointer)
{
    int64_t number = 0;
    fnd_json_integer(fnd_json_find(desk_json(fnd_text_z(&room->reply)), pointer), &number);
    return number;
}

char *room_text(struct room *room, const char *pointer)
{
    return fnd_json_strdup(fnd_json_find(desk_json(fnd_text_z(&room->reply)), pointer));
}

void room_advance(struct room *room, int64_t seconds)
{
    fnd_env_seeded_advance(room->desk.env, seconds * 1000000);
    room_rest(room);
}

const char *room_card(struct room *room, int64_t request, const char *for_whom)
{
    fnd_text_clear(&room->desk.text);
    cr_assert_eq(fnd_review_ask_json(fnd_engine_reader(room->desk.engine), request, for_whom,
                                     &room->desk.text, &room->desk.error),
                 FND_OK, "%s", room->desk.error.message);
    desk_json(fnd_text_z(&room->desk.text));
    return fnd_text_z(&room->desk.text);
}
