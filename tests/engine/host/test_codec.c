/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "host_help.h"

/** An input with everything in it. */
static const struct fnd_call_artifact artifacts[] = {
    {.name = "scan", .size = 70000, .fd = 9},
    {.name = "note", .size = 4, .fd = -1, .bytes = "a\0bc"},
    {.name = "empty", .size = 0, .fd = -1, .bytes = ""},
    {.name = "part", .size = 30, .fd = -1, .pack = &artifacts[0], .offset = 69970},
};
static void input_fill(struct fnd_call_input *input)
{
    *input = (struct fnd_call_input){.detector = true,
                                     .config = json_of("{\"a\":1.10}"),
                                     .subject = json_of("[1,\"\\u00e9\"]"),
                                     .marks = json_of("{\"confidence\":{\"/0\":0.5}}"),
                                     .answers = json_of("{\"k\":null}"),
                                     .run = json_of("{\"job\":\"j\"}"),
                                     .artifacts = artifacts,
                                     .artifacts_count = 4};
}

static void same(struct fnd_json a, struct fnd_json b)
{
    cr_assert_eq(a.size, b.size);
    cr_assert_eq(a.bytes == NULL, b.bytes == NULL);
    cr_assert(a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

Test(codec, an_input_comes_back_as_it_was)
{
    struct fnd_call_input input, read = {0};
    struct fnd_text wire = {0};
    struct fnd_error error = {0};
    input_fill(&input);
    for (int part = 0; part < 3; part++) {
        fnd_text_clear(&wire);
        fnd_call_input_encode(&input, &wire);
        cr_assert_eq(fnd_call_input_decode(wire.bytes, wire.size, &read, &error), FND_OK, "%s",
                     error.message);
        cr_assert_eq(read.detector, input.detector);
        cr_assert_eq(read.create, input.create);
        cr_assert_eq(read.trainer, input.trainer);
        same(read.config, input.config);
        same(read.subject, input.subject);
        same(read.marks, input.marks);
        same(read.answers, input.answers);
        same(read.run, input.run);
        cr_assert_eq(read.artifacts_count, input.artifacts_count);
        for (size_t i = 0; i < read.artifacts_count; i++) {
            cr_assert_str_eq(read.artifacts[i].name, artifacts[i].name);
            cr_assert_eq(read.artifacts[i].size, artifacts[i].size);
            cr_assert_eq(read.artifacts[i].fd, -1);
            cr_assert_eq(read.artifacts[i].bytes == NULL, artifacts[i].bytes == NULL);
            cr_assert_eq(read.artifacts[i].offset, artifacts[i].offset);
            cr_assert_eq(read.artifacts[i].pack == NULL, artifacts[i].pack == NULL);
            cr_assert(read.artifacts[i].pack == NULL ||
                      read.artifacts[i].pack == &read.artifacts[0]);
            cr_assert(artifacts[i].bytes == NULL ||
                      memcmp(read.artifacts[i].bytes, artifacts[i].bytes, artifacts[i].size) == 0);
        }
        free(fnd_call_input_artifacts(&read));
        input.subject = input.marks = (struct fnd_json){0}; /* with less in it */
        if (part == 1) {
            input.answers = (struct fnd_json){0};
            input.artifacts_count = 0;
            input.detector = false;
            input.create = input.trainer = true;
        }
    }
    fnd_text_finish(&wire);
}

Test(codec, an_artifact_that_is_packed_into_none_is_refused)
{
    static const struct fnd_call_artifact odd[][2] = {
        {{.name = "a", .size = 9, .fd = 9}, {.name = "b", .size = 2, .fd = -1, .offset = 8}},
        {{.name = "a", .size = 9, .fd = 9}, {.name = "b", .size = 1, .fd = -1, .offset = 10}},
        {{.name = "a", .size = 9, .fd = -1, .bytes = "123456789"},
         {.name = "b", .size = 1, .fd = -1}},
    };
    for (size_t i = 0; i <= 3; i++) {
        struct fnd_call_input input, read = {0};
        struct fnd_text wire = {0};
        input_fill(&input);
        struct fnd_call_artifact list[2] = {odd[i % 3][0], odd[i % 3][1]};
        list[1].pack = i < 3 ? &list[0] : &list[1]; /* the last: into itself */
        input.artifacts = list;
        input.artifacts_count = 2;
        fnd_call_input_encode(&input, &wire);
        cr_assert_eq(fnd_call_input_decode(wire.bytes, wire.size, &read, NULL), FND_INVALID, "%zu",
                     i);
        fnd_text_finish(&wire);
    }
}

Test(codec, every_prefix_and_a_longer_input_are_refused)
{
    struct fnd_call_input input, read = {0};
    struct fnd_text wire = {0};
    input_fill(&input);
    fnd_call_input_encode(&input, &wire);
    for (size_t size = 0; size < wire.size; size++) {
        char *cut = fnd_strndup(wire.bytes, size); /* so that a read beyond it is seen */
        cr_assert_eq(fnd_call_input_decode(cut, size, &read, NULL), FND_INVALID, "%zu of %zu bytes",
                     size, wire.size);
        free(cut);
    }
    fnd_text_append_byte(&wire, 0);
    cr_assert_eq(fnd_call_input_decode(wire.bytes, wire.size, &read, NULL), FND_INVALID);
    fnd_text_finish(&wire);
}

static struct fnd_effects effects_full(void)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    const foundry_origin_t origin = {.struct_size = sizeof origin,
                                     .artifact = "s",
                                     .page = 4000000000u,
                                     .x = -1.5,
                                     .y = 1e300,
                                     .width = 0.1,
                                     .height = 2};
    foundry_clarification_t question = {
        .struct_size = sizeof question, .key = "k", .question = "q"};
    cr_assert_eq(stage.host->json_set(stage.call, "/a", "[1.10]"), FOUNDRY_OK);
    cr_assert_eq(stage.host->confidence_set(stage.call, "/a/0", 0.1), FOUNDRY_OK);
    cr_assert_eq(stage.host->confidence_set(stage.call, "/a", 1), FOUNDRY_OK);
    cr_assert_eq(stage.host->origin_set(stage.call, "/a/0", &origin), FOUNDRY_OK);
    cr_assert_eq(stage.host->artifact_write(stage.call, "f", "x/y", "a\0b", 3), FOUNDRY_OK);
    cr_assert_eq(stage.host->clarify(stage.call, &question), FOUNDRY_OK);
    question.key = "l";
    question.pointer = "";
    question.context_json = "{}";
    question.answer_schema = "true";
    cr_assert_eq(stage.host->clarify(stage.call, &question), FOUNDRY_OK);
    stage.host->log(stage.call, FOUNDRY_LOG_INFO, "line");
    stage_end(&stage, FOUNDRY_DONE);
    return stage.effects;
}

Test(codec, effects_come_back_as_they_were)
{
    struct fnd_effects effects = effects_full(), read = {0};
    struct fnd_text wire = {0}, again = {0};
    struct fnd_error error = {0};
    fnd_effects_encode(&effects, &wire);
    cr_assert_eq(fnd_effects_decode(wire.bytes, wire.size, &read, &error), FND_OK, "%s",
                 error.message);
    cr_assert_str_eq(read.output, effects.output);
    cr_assert_eq(read.origins[0].page, 4000000000u);
    cr_assert_eq(read.questions[1].has_pointer, true);
    cr_assert_eq(read.artifacts[0].size, 3);
    cr_assert_str_eq(read.log.bytes, "I line\n");
    fnd_effects_encode(&read, &again);
    cr_assert_eq(again.size, wire.size);
    cr_assert_arr_eq(again.bytes, wire.bytes, wire.size);
    fnd_text_finish(&wire);
    fnd_text_finish(&again);
    fnd_effects_finish(&effects);
    fnd_effects_finish(&read);

    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    (void)stage.host->fail(stage.call, FOUNDRY_RETRYABLE, "c", "m", "/p", 7);
    stage_end(&stage, FOUNDRY_RETRYABLE);
    fnd_effects_encode(&stage.effects, &wire);
    cr_assert_eq(fnd_effects_decode(wire.bytes, wire.size, &read, &error), FND_OK, "%s",
                 error.message);
    cr_assert_str_eq(read.code, "c");
    cr_assert_str_eq(read.message, "m");
    cr_assert_str_eq(read.pointer, "/p");
    cr_assert_eq(read.retry_after_ms, 7);
    fnd_text_finish(&wire);
    fnd_effects_finish(&read);
    stage_close(&stage);
}

Test(codec, every_prefix_and_longer_effects_are_refused)
{
    struct fnd_effects effects = effects_full(), read = {0};
    struct fnd_text wire = {0};
    fnd_effects_encode(&effects, &wire);
    for (size_t size = 0; size < wire.size; size++) {
        char *cut = fnd_strndup(wire.bytes, size);
        cr_assert_eq(fnd_effects_decode(cut, size, &read, NULL), FND_INVALID, "%zu of %zu bytes",
                     size, wire.size);
        free(cut);
    }
    fnd_text_append_byte(&wire, 0);
    cr_assert_eq(fnd_effects_decode(wire.bytes, wire.size, &read, NULL), FND_INVALID);
    fnd_text_finish(&wire);
    fnd_effects_finish(&effects);
}

Test(codec, a_changed_byte_is_refused_or_read_without_harm)
{
    struct fnd_effects effects = effects_full();
    struct fnd_call_input input;
    struct fnd_text wires[2] = {{0}};
    input_fill(&input);
    fnd_effects_encode(&effects, &wires[0]);
    fnd_call_input_encode(&input, &wires[1]);
    size_t refused = 0;
    for (size_t w = 0; w < 2; w++) {
        for (size_t at = 0; at < wires[w].size; at++) {
            static const unsigned char changes[] = {0x01, 0x80, 0xff};
            for (size_t c = 0; c < sizeof changes; c++) {
                char *changed = fnd_strndup(wires[w].bytes, wires[w].size);
                changed[at] = (char)(changed[at] ^ (char)changes[c]);
                if (w == 0) {
                    struct fnd_effects read = {0};
                    const enum fnd_status status =
                        fnd_effects_decode(changed, wires[w].size, &read, NULL);
                    refused += status != FND_OK ? 1 : 0;
                    if (status == FND_OK) {
                        (void)fnd_effects_check(&read, NULL, (struct fnd_json){0}, NULL);
                    }
                    fnd_effects_finish(&read);
                } else {
                    struct fnd_call_input read = {0};
                    refused += fnd_call_input_decode(changed, wires[w].size, &read, NULL) != FND_OK;
                    free(fnd_call_input_artifacts(&read));
                }
                free(changed);
            }
        }
    }
    cr_assert_gt(refused, (wires[0].size + wires[1].size) / 2);
    fnd_text_finish(&wires[0]);
    fnd_text_finish(&wires[1]);
    fnd_effects_finish(&effects);
}

Test(codec, log_lines_are_checked)
{
    static const struct {
        const char *lines;
        bool valid;
    } cases[] = {{"I a\n", true},     {"D a\nE \xc3\xa9\n", true},
                 {"I a", false},      {"X a\n", false},
                 {"I\n", false},      {"Ia\n", false},
                 {"I \n", true},      {"I \x1b[m\n", false},
                 {"I \xff\n", false}, {"\n", false},
                 {"I a\n\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(fnd_log_lines_valid(cases[i].lines, strlen(cases[i].lines)), cases[i].valid,
                     "case %zu", i);
    }
}
