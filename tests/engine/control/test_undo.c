/* SPDX-License-Identifier: MIT */
/* Answers taken back: by whoever gave them, for a moment; later by anybody with a reason. The
 * record stays, marked; exports for training carry what stands. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset/dataset.h"
#include "room.h"
#include "store/verify.h"
#include <fcntl.h>

#define READ                                                                                       \
    "foundry: v1\nname: cards\nphases:\n"                                                          \
    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"                          \
    "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"                         \
    "      detectors: [{uses: detect/required, with: {fields: [/value/a]}}]\n"
#define BEHIND "  - {id: behind, uses: steps/copy, with: {value: \"${review}\"}}\n"
#define ONCE "  - {id: once, uses: steps/once}\n"

static const char *const one[] = {"{\"id\":\"x\",\"doc\":{\"a\":\"\",\"b\":1}}", NULL};
#define X "a.jsonl#x"

static int64_t answer(struct room *room, const char *by, const char *value)
{
    room_says(room, "ok",
              "{\"op\":\"answer\",\"by\":\"%s\",\"request\":%" PRId64
              ",\"values\":{\"/value/a\":\"%s\"}}",
              by, desk_request(&room->desk, X), value);
    return room_number(room, "/event");
}

Test(undo, the_answer_is_taken_back_and_given_anew)
{
    struct room room;
    room_begin(&room, READ BEHIND, one);
    int64_t request = desk_request(&room.desk, X);
    int64_t first = answer(&room, "ann", "wrong");
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_says(&room, "ok",
              "{\"op\":\"ask.undo\",\"by\":\"ann\",\"request\":%" PRId64 ",\"event\":%" PRId64 "}",
              request, first);
    cr_expect_eq(room_number(&room, "/version"), 3);
    cr_expect_eq(room_number(&room, "/answer"), first);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    cr_expect_eq(desk_request(&room.desk, X), request, "it is the same request, open again");
    cr_expect_not_null(strstr(desk_record(&room.desk, first), "\"undone\":{\"event\":"));
    answer(&room, "ann", "right");
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    cr_expect_str_eq(desk_output(&room.desk, X, 2),
                     "{\"value\":{\"value\":{\"a\":\"right\",\"b\":1}}}");
    cr_expect_str_eq(desk_events(&room.desk, X), "job0 output0 ask1 answer1 output1 output2 undo1 "
                                                 "answer1 output1 output2");
    room_end(&room);
}

Test(undo, it_is_for_whoever_gave_it_and_for_a_moment)
{
    struct room room;
    room_begin(&room, READ BEHIND, one);
    int64_t request = desk_request(&room.desk, X), event = answer(&room, "ann", "A");
    static const char undo[] =
        "{\"op\":\"ask.undo\",\"by\":\"%s\",\"request\":%" PRId64 ",\"event\":%" PRId64 "}";
    room_says(&room, "conflict", undo, "bob", request, event);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"not_yours\""));
    room_says(&room, "conflict", undo, "ann", request, event + 1);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"stale_answer\""));
    room_advance(&room, 11);
    room_says(&room, "conflict", undo, "ann", request, event);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"undo_over\""));
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_says(&room, "invalid", "{\"op\":\"ask.reopen\",\"by\":\"bob\",\"request\":%" PRId64 "}",
              request);
    room_says(&room, "ok",
              "{\"op\":\"ask.reopen\",\"by\":\"bob\",\"reason\":\"looks odd\","
              "\"request\":%" PRId64 "}",
              request);
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    room_says(&room, "conflict",
              "{\"op\":\"ask.reopen\",\"by\":\"bob\",\"reason\":\"again\","
              "\"request\":%" PRId64 "}",
              request);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"not_answered\""));
    cr_expect_not_null(strstr(desk_record(&room.desk, event), "\"how\":\"reopen\","
                                                              "\"reason\":\"looks odd\""));
    room_end(&room);
}

Test(undo, what_must_not_be_repeated_stays_done)
{
    struct room room;
    room_begin(&room, READ ONCE, one);
    int64_t request = desk_request(&room.desk, X), event = answer(&room, "ann", "A");
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_says(&room, "conflict",
              "{\"op\":\"ask.undo\",\"by\":\"ann\",\"request\":%" PRId64 ",\"event\":%" PRId64 "}",
              request, event);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"moved_past\""), "%s",
                       fnd_text_z(&room.reply));
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    room_end(&room);
}

Test(undo, a_job_that_was_run_again_since_is_left_alone)
{
    struct room room;
    room_begin(&room, READ BEHIND, one);
    int64_t request = desk_request(&room.desk, X);
    answer(&room, "ann", "A");
    room_says(&room, "ok",
              "{\"op\":\"retry\",\"by\":\"bob\",\"phase\":\"read\",\"run\":true,\"job\":%" PRId64
              "}",
              desk_number(&room.desk, X));
    room_says(&room, "conflict",
              "{\"op\":\"ask.reopen\",\"by\":\"bob\",\"reason\":\"r\","
              "\"request\":%" PRId64 "}",
              request);
    cr_expect_not_null(strstr(fnd_text_z(&room.reply), "\"code\":\"moved_past\""));
    room_end(&room);
}

Test(undo, a_phase_s_own_question_is_asked_again_without_the_old_answer)
{
    struct room room;
    static const char *const lines[] = {"{\"id\":\"x\"}", NULL};
    room_begin(&room,
               "foundry: v1\nname: p\nphases:\n"
               "  - id: link\n    uses: link/product\n    with:\n"
               "      items: [{description: ONIONS YELLOW JBO, linked_pantry_item_id: null}]\n"
               "      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}]\n",
               lines);
    int64_t request = desk_request(&room.desk, X);
    cr_assert_gt(request, 0);
    char *key = NULL;
    struct fnd_json card = desk_json(room_card(&room, request, NULL));
    key = fnd_json_strdup(fnd_json_find(card, "/questions/0/key"));
    room_says(&room, "ok",
              "{\"op\":\"answer\",\"by\":\"ann\",\"request\":%" PRId64 ",\"values\":{\"%s\":102}}",
              request, key);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED, "%s", fnd_text_z(&room.reply));
    room_says(&room, "ok",
              "{\"op\":\"ask.undo\",\"by\":\"ann\",\"request\":%" PRId64 ",\"event\":%" PRId64 "}",
              request, room_number(&room, "/event"));
    cr_expect_eq(desk_state(&room.desk, X), FND_PAUSED);
    room_says(&room, "ok",
              "{\"op\":\"answer\",\"by\":\"ann\",\"request\":%" PRId64 ",\"values\":{\"%s\":101}}",
              request, key);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    cr_expect_not_null(strstr(desk_output(&room.desk, X, 0), "101"), "%s",
                       desk_output(&room.desk, X, 0));
    free(key);
    room_end(&room);
}

/* Export into a file of the job directory; its text. */
static void export(struct room *room, const char *format, const char *name,
                   struct fnd_export_result *result, struct fnd_text *text)
{
    char path[256];
    struct fnd_error error = {0};
    snprintf(path, sizeof path, "%s/%s", room->desk.folder, name);
    const struct fnd_export_options options = {
        .format = format, .out = path, .fd = -1, .prompt = "p"};
    cr_assert_eq(
        fnd_dataset_export(fnd_engine_reader(room->desk.engine), NULL, &options, result, &error),
        FND_OK, "%s", error.message);
    fnd_text_clear(text);
    cr_assert_eq(fnd_file_read(AT_FDCWD, path, 1 << 20, text, &error), FND_OK);
}

Test(undo, exports_carry_every_record_marked_and_train_on_what_stands)
{
    struct room room;
    struct fnd_export_result result = {0};
    struct fnd_text before = {0}, text = {0};
    room_begin(&room, READ BEHIND, one);
    int64_t request = desk_request(&room.desk, X), first = answer(&room, "ann", "wrong");
    export(&room, "foundry", "0.jsonl", &result, &before);
    char *manifest = fnd_strdup(result.manifest_path);
    fnd_export_result_finish(&result);
    room_says(&room, "ok",
              "{\"op\":\"ask.undo\",\"by\":\"ann\",\"request\":%" PRId64 ",\"event\":%" PRId64 "}",
              request, first);
    export(&room, "foundry", "1.jsonl", &result, &text);
    cr_expect_eq(result.lines, 1);
    cr_expect_not_null(strstr(fnd_text_z(&text), "\"undone\":{\"event\":"), "%s",
                       fnd_text_z(&text));
    fnd_export_result_finish(&result);
    export(&room, "gemini", "2.jsonl", &result, &text);
    cr_expect_eq(result.lines, 0, "nothing stands");
    cr_expect_eq(result.left_out[FND_LEFT_UNDONE], 1);
    fnd_export_result_finish(&result);
    answer(&room, "ann", "right");
    export(&room, "foundry", "3.jsonl", &result, &text);
    cr_expect_eq(result.lines, 2, "every record once");
    char *second = fnd_strdup(result.manifest_path);
    char hash[FND_DIGEST_TEXT_SIZE];
    snprintf(hash, sizeof hash, "%s", result.sha256);
    fnd_export_result_finish(&result);
    export(&room, "gemini", "4.jsonl", &result, &text);
    cr_expect_eq(result.lines, 1);
    cr_expect_not_null(strstr(fnd_text_z(&text), "right"));
    cr_expect_null(strstr(fnd_text_z(&text), "wrong"));
    fnd_export_result_finish(&result);
    /* What was exported before gives the same bytes, whatever was taken back since. */
    char path[256];
    struct fnd_error error = {0};
    struct fnd_export_options again = {.out = path, .fd = -1};
    snprintf(path, sizeof path, "%s/5.jsonl", room.desk.folder);
    cr_assert_eq(fnd_dataset_reproduce(fnd_engine_reader(room.desk.engine), manifest, &again,
                                       &result, &error),
                 FND_OK, "%s", error.message);
    fnd_text_clear(&text);
    cr_assert_eq(fnd_file_read(AT_FDCWD, path, 1 << 20, &text, &error), FND_OK);
    cr_expect_str_eq(fnd_text_z(&text), fnd_text_z(&before));
    fnd_export_result_finish(&result);
    cr_assert_eq(
        fnd_dataset_reproduce(fnd_engine_reader(room.desk.engine), second, &again, &result, &error),
        FND_OK, "%s", error.message);
    cr_expect_str_eq(result.sha256, hash);
    fnd_export_result_finish(&result);
    free(manifest);
    free(second);
    fnd_text_finish(&before);
    fnd_text_finish(&text);
    room_end(&room);
}
