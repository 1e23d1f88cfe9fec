/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "host/output.h"
#include "host_help.h"

Test(write, sets_build_the_output)
{
    static const struct {
        const char *sets[8]; /* pointer, value, pointer, value … */
        foundry_status_t last;
        const char *output; /* NULL: none was set */
    } cases[] = {
        {{NULL}, 0, NULL},
        {{"", " [1, 2] "}, 0, "[1, 2]"},
        {{"/a", "1.10"}, 0, "{\"a\":1.10}"},
        {{"/a/b/c", "1", "/a/b/d", "2", "/a/b/c", "3"}, 0, "{\"a\":{\"b\":{\"c\":3,\"d\":2}}}"},
        {{"/a", "[]", "/a/-", "1", "/a/1", "2", "/a/0", "0"}, 0, "{\"a\":[0,2]}"},
        {{"/a", "[]", "/a/-/n", "1"}, 0, "{\"a\":[{\"n\":1}]}"},
        {{"/0", "1"}, 0, "{\"0\":1}"},
        {{"/a~1b/~0", "1"}, 0, "{\"a/b\":{\"~\":1}}"},
        {{"/", "1"}, 0, "{\"\":1}"},
        {{"", "{\"a\":{ \"x\" : 1 }, \"b\":2}", "/b", "3"}, 0, "{\"a\":{ \"x\" : 1 },\"b\":3}"},
        {{"/a", "1", "", "\"all\""}, 0, "\"all\""},
        {{"/a", "1", "/a/b", "2"}, FOUNDRY_E_INVALID, "{\"a\":1}"},
        {{"", "5", "/a", "2"}, FOUNDRY_E_INVALID, "5"},
        {{"/a", "[1]", "/a/2", "2"}, FOUNDRY_E_INVALID, "{\"a\":[1]}"},
        {{"/a", "[1]", "/a/x", "2"}, FOUNDRY_E_INVALID, "{\"a\":[1]}"},
        {{"/a", "[1]", "/a/01", "2"}, FOUNDRY_E_INVALID, "{\"a\":[1]}"},
        {{"/a", "1", "b", "2"}, FOUNDRY_E_INVALID, "{\"a\":1}"},
        {{"/a", "1", "/~", "2"}, FOUNDRY_E_INVALID, "{\"a\":1}"},
        {{"/a", "1", "/b", "{\"x\":1,}"}, FOUNDRY_E_INVALID, "{\"a\":1}"},
        {{"/a", "1", "/b", "{\"x\":1,\"x\":2}"}, FOUNDRY_E_INVALID, "{\"a\":1}"},
        {{"/a", "1", "/b", ""}, FOUNDRY_E_INVALID, "{\"a\":1}"},
        {{"/a", "1", "/b", NULL, ""}, FOUNDRY_E_INVALID, "{\"a\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage stage;
        stage_open(&stage, NULL, NULL, NULL);
        foundry_status_t last = 0;
        for (size_t s = 0; s < 8 && cases[i].sets[s] != NULL; s += 2) {
            last = stage.host->json_set(stage.call, cases[i].sets[s], cases[i].sets[s + 1]);
        }
        cr_assert_eq(last, cases[i].last, "case %zu: %d", i, (int)last);
        stage_end(&stage, FOUNDRY_DONE);
        if (cases[i].output == NULL) {
            cr_assert_null(stage.effects.output);
        } else {
            cr_assert_str_eq(stage.effects.output, cases[i].output, "case %zu", i);
            cr_assert_eq(stage.effects.output_size, strlen(cases[i].output));
        }
        stage_close(&stage);
    }
}

Test(write, many_sets_give_what_editing_the_text_gives)
{
    static const char *const pointers[] = {"/a",     "/a/b",   "/a/-",     "/a/0",  "/l", "/l/-",
                                           "/l/1",   "/l/0/x", "/l/-/y/z", "/m/n",  "/m", "/m/n/o",
                                           "/a/b/c", "",       "/l/2",     "/k~1/q"};
    static const char *const values[] = {"1",          "\"t\"", "[]",   "{}",        "[1,[2,3]]",
                                         "{\"x\":{}}", "{}",    "null", "{\"b\":1}", "[]"};
    uint32_t seed = 7;
    for (int round = 0; round < 300; round++) {
        struct fnd_output output = {0};
        struct fnd_text text = {0};
        for (int step = 0; step < 30; step++) {
            seed = seed * 1664525u + 1013904223u;
            const char *pointer = pointers[(seed >> 10) % 16];
            const char *json = values[(seed >> 20) % 10];
            const struct fnd_json value = {json, strlen(json)};
            const struct fnd_json document = {text.bytes, text.size};
            struct fnd_text edited = {0};
            const char *why = NULL;
            const enum fnd_status wanted = fnd_json_set(document, pointer, value, &edited, NULL);
            cr_assert_eq(fnd_output_set(&output, pointer, value, &why), wanted,
                         "round %d step %d: %s = %s in %s", round, step, pointer, json,
                         fnd_text_z(&text));
            if (wanted == FND_OK) {
                fnd_text_finish(&text);
                text = edited;
            } else {
                cr_assert_not_null(why);
                fnd_text_finish(&edited);
            }
        }
        size_t size;
        char *built = fnd_output_take(&output, &size);
        cr_assert_eq(built == NULL, text.bytes == NULL);
        cr_assert(built == NULL || fnd_json_equal(json_of(built), json_of(text.bytes)),
                  "round %d: %s and %s", round, built, text.bytes);
        free(built);
        fnd_text_finish(&text);
    }
}

Test(write, an_output_of_many_sets_is_linear)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    enum { COUNT = 60000 };
    char pointer[64];
    for (int i = 0; i < COUNT; i++) { /* quadratic work would take minutes */
        (void)snprintf(pointer, sizeof pointer, "/words/w%d/text", i);
        cr_assert_eq(stage.host->json_set(stage.call, pointer, "\"abc\""), FOUNDRY_OK);
        (void)snprintf(pointer, sizeof pointer, "/words/w%d/n", i / 2);
        cr_assert_eq(stage.host->json_set(stage.call, pointer, "1"), FOUNDRY_OK);
    }
    stage_end(&stage, FOUNDRY_DONE);
    const struct fnd_json output = json_of(stage.effects.output);
    cr_assert_eq(fnd_json_count(fnd_json_member(output, "words")), COUNT);
    stage_close(&stage);
}

Test(write, limits_of_the_output_hold_and_overwriting_makes_room)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    const size_t size = 6 << 20;
    char *big = malloc(size + 1);
    memset(big, '1', size);
    big[0] = big[size - 1] = '"';
    big[size] = '\0';
    cr_assert_eq(stage.host->json_set(stage.call, "/a", big), FOUNDRY_OK);
    cr_assert_eq(stage.host->json_set(stage.call, "/b", big), FOUNDRY_OK);
    cr_assert_eq(stage.host->json_set(stage.call, "/c", big), FOUNDRY_E_LIMIT);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(stage.host->json_set(stage.call, "/b", big), FOUNDRY_OK, "%d", i);
    }
    cr_assert_eq(stage.host->json_set(stage.call, "", "{}"), FOUNDRY_OK);
    cr_assert_eq(stage.host->json_set(stage.call, "/c", big), FOUNDRY_OK);
    char deep[2 * FND_JSON_DEPTH_MAX + 1] = "";
    for (int i = 0; i < FND_JSON_DEPTH_MAX; i++) {
        deep[i] = '[';
        deep[2 * FND_JSON_DEPTH_MAX - 1 - i] = ']';
    }
    cr_assert_eq(stage.host->json_set(stage.call, "/d", deep), FOUNDRY_E_LIMIT);
    stage_end(&stage, FOUNDRY_DONE);
    cr_assert_eq(stage.effects.output_size, size + sizeof "{\"c\":}" - 1);
    free(big);
    stage_close(&stage);
}

Test(write, marks_check_their_arguments)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    static const struct {
        const char *pointer;
        double score;
        foundry_status_t status;
    } scores[] = {{"/a", 0, 0},         {"/a", 1, 0},     {"", 0.5, 0},
                  {"/a", -0.01, -3},    {"/a", 1.01, -3}, {"/a", NAN, -3},
                  {"/a", INFINITY, -3}, {"a", 0.5, -3},   {NULL, 0.5, -3}};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        cr_assert_eq(stage.host->confidence_set(stage.call, scores[i].pointer, scores[i].score),
                     scores[i].status, "case %zu", i);
    }
    const foundry_origin_t good = {.struct_size = sizeof good, .artifact = "s"};
    foundry_origin_t bad = good;
    cr_assert_eq(stage.host->origin_set(stage.call, "/a", &good), FOUNDRY_OK);
    cr_assert_eq(stage.host->origin_set(stage.call, "/a", NULL), FOUNDRY_E_INVALID);
    bad.width = -1;
    cr_assert_eq(stage.host->origin_set(stage.call, "/a", &bad), FOUNDRY_E_INVALID);
    bad = good;
    bad.x = NAN;
    cr_assert_eq(stage.host->origin_set(stage.call, "/a", &bad), FOUNDRY_E_INVALID);
    bad = good;
    bad.artifact = "";
    cr_assert_eq(stage.host->origin_set(stage.call, "/a", &bad), FOUNDRY_E_INVALID);
    bad = good;
    bad.struct_size = 16;
    cr_assert_eq(stage.host->origin_set(stage.call, "/a", &bad), FOUNDRY_E_INVALID);
    stage_end(&stage, FOUNDRY_DONE);
    cr_assert_eq(stage.effects.confidences_count, 3);
    cr_assert_eq(stage.effects.origins_count, 1);
    stage_close(&stage);
}

Test(write, detectors_and_create_write_nothing)
{
    for (int create = 0; create < 2; create++) {
        struct stage stage;
        stage_open(&stage, NULL, create != 0 ? NULL : "{}", NULL);
        stage.input.create = create != 0;
        const foundry_origin_t origin = {.struct_size = sizeof origin, .artifact = "s"};
        const foundry_clarification_t question = {
            .struct_size = sizeof question, .key = "k", .question = "q"};
        cr_assert_eq(stage.host->json_set(stage.call, "/a", "1"), FOUNDRY_E_DENIED);
        cr_assert_eq(stage.host->confidence_set(stage.call, "/a", 1), FOUNDRY_E_DENIED);
        cr_assert_eq(stage.host->origin_set(stage.call, "/a", &origin), FOUNDRY_E_DENIED);
        cr_assert_eq(stage.host->artifact_write(stage.call, "a", "", "x", 1), FOUNDRY_E_DENIED);
        cr_assert_eq(stage.host->clarify(stage.call, &question),
                     create != 0 ? FOUNDRY_E_DENIED : FOUNDRY_OK);
        stage_close(&stage);
    }
}

Test(write, questions_check_their_arguments)
{
    static const struct {
        foundry_clarification_t question;
        foundry_status_t status;
    } cases[] = {
        {{.key = "a", .question = "q"}, 0},
        {{.key = "b",
          .question = "q",
          .kind = "K",
          .pointer = "/x",
          .context_json = "[1]",
          .answer_schema = "{\"type\":\"string\"}"},
         0},
        {{.key = "a", .question = "again"}, -3},
        {{.question = "q"}, -3},
        {{.key = "", .question = "q"}, -3},
        {{.key = "c"}, -3},
        {{.key = "c", .question = ""}, -3},
        {{.key = "c", .question = "\xff"}, -3},
        {{.key = "c", .question = "q", .pointer = "x"}, -3},
        {{.key = "c", .question = "q", .context_json = "{"}, -3},
        {{.key = "c", .question = "q", .answer_schema = "{\"typo\":1}"}, -3},
    };
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        foundry_clarification_t question = cases[i].question;
        cr_assert_eq(stage.host->clarify(stage.call, &question), FOUNDRY_E_INVALID,
                     "without struct_size");
        question.struct_size = sizeof question;
        cr_assert_eq(stage.host->clarify(stage.call, &question), cases[i].status, "case %zu", i);
    }
    char *longer = calloc(1, FND_QUESTION_SIZE_MAX + 2);
    memset(longer, 'q', FND_QUESTION_SIZE_MAX + 1);
    foundry_clarification_t question = {
        .struct_size = sizeof question, .key = "d", .question = longer};
    cr_assert_eq(stage.host->clarify(stage.call, &question), FOUNDRY_E_LIMIT);
    free(longer);
    char key[16];
    for (int i = 2; i < FND_QUESTIONS_MAX; i++) {
        (void)snprintf(key, sizeof key, "n%d", i);
        question.key = key;
        question.question = "q";
        cr_assert_eq(stage.host->clarify(stage.call, &question), FOUNDRY_OK);
    }
    question.key = "one too many";
    cr_assert_eq(stage.host->clarify(stage.call, &question), FOUNDRY_E_LIMIT);
    stage_end(&stage, FOUNDRY_PAUSE);
    cr_assert_eq(stage.effects.outcome, FOUNDRY_PAUSE);
    cr_assert_eq(stage.effects.questions_count, FND_QUESTIONS_MAX);
    cr_assert_not(stage.effects.questions[0].has_pointer);
    cr_assert(stage.effects.questions[1].has_pointer);
    cr_assert_str_eq(stage.effects.questions[1].context, "[1]");
    stage_close(&stage);
}

Test(write, artifacts_check_their_arguments_and_the_last_one_counts)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    char longer[FND_NAME_SIZE_MAX + 2];
    memset(longer, 'n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const struct {
        const char *name, *media_type, *bytes;
        size_t size;
        foundry_status_t status;
    } cases[] = {{"a", "text/plain", "1\0002", 3, 0},
                 {"b", NULL, NULL, 0, 0},
                 {"a", "", "new", 3, 0},
                 {"", "", "x", 1, -3},
                 {NULL, "", "x", 1, -3},
                 {"x\n", "", "x", 1, -3},
                 {"\xff", "", "x", 1, -3},
                 {longer, "", "x", 1, -3},
                 {"x", "", NULL, 1, -3},
                 {"x", "", "x", (size_t)FND_ARTIFACT_SIZE_MAX + 1, -5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(stage.host->artifact_write(stage.call, cases[i].name, cases[i].media_type,
                                                cases[i].bytes, cases[i].size),
                     cases[i].status, "case %zu", i);
    }
    stage_end(&stage, FOUNDRY_DONE);
    cr_assert_eq(stage.effects.artifacts_count, 2);
    cr_assert_str_eq(stage.effects.artifacts[0].bytes, "new");
    cr_assert_eq(stage.effects.artifacts[1].size, 0);
    stage_close(&stage);
}

static void fill(struct stage *stage)
{
    const foundry_origin_t origin = {.struct_size = sizeof origin, .artifact = "s"};
    const foundry_clarification_t question = {
        .struct_size = sizeof question, .key = "k", .question = "q"};
    cr_assert_eq(stage->host->json_set(stage->call, "/a", "1"), FOUNDRY_OK);
    cr_assert_eq(stage->host->confidence_set(stage->call, "/a", 0.5), FOUNDRY_OK);
    cr_assert_eq(stage->host->origin_set(stage->call, "/a", &origin), FOUNDRY_OK);
    cr_assert_eq(stage->host->artifact_write(stage->call, "f", "", "x", 1), FOUNDRY_OK);
    cr_assert_eq(stage->host->clarify(stage->call, &question), FOUNDRY_OK);
    stage->host->log(stage->call, FOUNDRY_LOG_INFO, "line");
}

Test(write, each_outcome_keeps_what_it_should)
{
    static const struct {
        foundry_outcome_t returned, outcome;
        bool output, asked;
        const char *code;
    } cases[] = {
        {FOUNDRY_DONE, FOUNDRY_DONE, true, true, NULL},
        {FOUNDRY_PAUSE, FOUNDRY_PAUSE, false, true, NULL},
        {FOUNDRY_RETRYABLE, FOUNDRY_RETRYABLE, false, false, "failed"},
        {FOUNDRY_PERMANENT, FOUNDRY_PERMANENT, false, false, "failed"},
        {FOUNDRY_CANCELLED, FOUNDRY_CANCELLED, false, false, "cancelled"},
        {FOUNDRY_E_NOT_FOUND, FOUNDRY_PERMANENT, false, false, "not_found"},
        {FOUNDRY_E_TYPE, FOUNDRY_PERMANENT, false, false, "type"},
        {FOUNDRY_E_INVALID, FOUNDRY_PERMANENT, false, false, "invalid"},
        {FOUNDRY_E_DENIED, FOUNDRY_PERMANENT, false, false, "denied"},
        {FOUNDRY_E_LIMIT, FOUNDRY_PERMANENT, false, false, "limit"},
        {FOUNDRY_E_IO, FOUNDRY_RETRYABLE, false, false, "io"},
        {FOUNDRY_E_NO_MEMORY, FOUNDRY_RETRYABLE, false, false, "no_memory"},
        {-8, FOUNDRY_PERMANENT, false, false, "unknown_outcome"},
        {5, FOUNDRY_PERMANENT, false, false, "unknown_outcome"},
        {INT32_MIN, FOUNDRY_PERMANENT, false, false, "unknown_outcome"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage stage;
        stage_open(&stage, NULL, NULL, NULL);
        fill(&stage);
        stage_end(&stage, cases[i].returned);
        const struct fnd_effects *effects = &stage.effects;
        cr_assert_eq(effects->outcome, cases[i].outcome, "case %zu", i);
        cr_assert_eq(effects->output != NULL, cases[i].output, "case %zu", i);
        cr_assert_eq(effects->confidences_count, cases[i].output ? 1 : 0);
        cr_assert_eq(effects->origins_count, cases[i].output ? 1 : 0);
        cr_assert_eq(effects->questions_count, cases[i].asked ? 1 : 0);
        cr_assert_eq(effects->artifacts_count, cases[i].asked ? 1 : 0);
        cr_assert_str_eq(fnd_text_z(&effects->log), "I line\n");
        cr_assert_eq(effects->code == NULL, cases[i].code == NULL);
        if (cases[i].code != NULL) {
            cr_assert_str_eq(effects->code, cases[i].code);
            cr_assert_not_null(effects->message);
        }
        struct fnd_error error = {0};
        cr_assert_eq(fnd_effects_check(effects, NULL, (struct fnd_json){0}, &error), FND_OK, "%s",
                     error.message);
        stage_close(&stage);
    }
}

Test(write, a_pause_that_cannot_be_is_a_fault)
{
    static const struct {
        bool detector, create;
        const char *code;
    } cases[] = {{false, false, "pause_without_question"},
                 {true, false, "pause_in_detector"},
                 {false, true, "pause_in_create"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage stage;
        stage_open(&stage, NULL, cases[i].detector ? "{}" : NULL, NULL);
        stage.input.create = cases[i].create;
        stage_end(&stage, FOUNDRY_PAUSE);
        cr_assert_eq(stage.effects.outcome, FOUNDRY_PERMANENT);
        cr_assert_str_eq(stage.effects.code, cases[i].code);
        stage_close(&stage);
    }
}

Test(write, a_failure_tells_its_story)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    cr_assert_eq(
        stage.host->fail(stage.call, FOUNDRY_RETRYABLE, "no_net", "try later", "/url", 250),
        FOUNDRY_RETRYABLE);
    stage_end(&stage, FOUNDRY_RETRYABLE);
    cr_assert_str_eq(stage.effects.code, "no_net");
    cr_assert_str_eq(stage.effects.message, "try later");
    cr_assert_str_eq(stage.effects.pointer, "/url");
    cr_assert_eq(stage.effects.retry_after_ms, 250);
    stage_close(&stage);

    stage_open(&stage, NULL, NULL, NULL); /* everything in it is wrong */
    cr_assert_eq(stage.host->fail(stage.call, 77, "Has Spaces", "\xff\x1b", "no pointer", 250),
                 FOUNDRY_PERMANENT);
    stage_end(&stage, FOUNDRY_PERMANENT);
    cr_assert_str_eq(stage.effects.code, "failed");
    cr_assert_str_eq(stage.effects.message, "\\xff\\x1b");
    cr_assert_null(stage.effects.pointer);
    cr_assert_eq(stage.effects.retry_after_ms, 0);
    stage_close(&stage);

    const char *text;
    stage_open(&stage, "{\"a\":1}", NULL, NULL); /* by the host's own note */
    stage_end(&stage, stage.host->text_get(stage.call, FOUNDRY_DOC_CONFIG, "/a", &text));
    cr_assert_str_eq(stage.effects.code, "type");
    cr_assert_str_eq(stage.effects.message, "returned FOUNDRY_E_TYPE; text_get of CONFIG \"/a\": "
                                            "the value is no string");
    cr_assert_str_eq(stage.effects.pointer, "/a");
    stage_close(&stage);
}

Test(write, the_log_is_escaped_cut_and_counted)
{
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    char longer[FND_LOG_LINE_SIZE_MAX + 100];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer + FND_LOG_LINE_SIZE_MAX - 1, "\xc3\xa9", 2); /* not cut in the middle */
    stage.host->log(stage.call, -5, "a\nb");
    stage.host->log(stage.call, 99, longer);
    for (int i = 2; i < FND_LOG_LINES_MAX + 5; i++) {
        stage.host->log(stage.call, FOUNDRY_LOG_WARNING, "w");
    }
    stage_end(&stage, FOUNDRY_DONE);
    cr_assert_eq(strncmp(stage.effects.log.bytes, "D a\\nb\nE xxx", 12), 0);
    cr_assert_eq(stage.effects.log.size,
                 7 + (2 + FND_LOG_LINE_SIZE_MAX - 1 + 1) + (FND_LOG_LINES_MAX - 2) * 4);
    cr_assert_eq(stage.effects.log_lines, FND_LOG_LINES_MAX);
    cr_assert_eq(stage.effects.log_lines_dropped, 5);
    cr_assert(fnd_log_lines_valid(stage.effects.log.bytes, stage.effects.log.size));
    stage_close(&stage);
}

Test(write, late_calls_are_invalid_as_long_as_handles_are_kept)
{
    struct fnd_calls *calls = fnd_calls_create();
    const struct fnd_call_live live = {.calls = calls};
    struct stage stage;
    struct foundry_call *handles[FND_CALLS_DEAD_KEPT];
    stage_open(&stage, NULL, NULL, NULL);
    for (size_t i = 0; i < FND_CALLS_DEAD_KEPT; i++) {
        struct fnd_effects effects = {0};
        handles[i] = fnd_call_begin(&stage.input, NULL, &live, &effects);
        cr_assert_eq(stage.host->json_set(handles[i], "/a", "1"), FOUNDRY_OK);
        fnd_call_end(handles[i], FOUNDRY_DONE);
        fnd_effects_finish(&effects);
    }
    const foundry_origin_t origin = {.struct_size = sizeof origin, .artifact = "s"};
    foundry_origin_t read = origin;
    const foundry_clarification_t question = {
        .struct_size = sizeof question, .key = "k", .question = "q"};
    for (size_t i = 0; i < FND_CALLS_DEAD_KEPT; i++) {
        struct foundry_call *late = handles[i];
        const char *text = NULL;
        double number;
        size_t size;
        uint64_t bytes;
        int32_t fd;
        cr_assert_eq(stage.host->json_get(late, 0, "", &text), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->text_get(late, 0, "", &text), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->number_get(late, 0, "", &number), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->size_get(late, 0, "", &size), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->key_get(late, 0, "", 0, &text), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->json_set(late, "/a", "1"), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->artifact_size(late, "a", &bytes), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->artifact_fd(late, "a", &fd), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->artifact_read(late, "a", 0, &number, 1, &size), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->artifact_write(late, "a", "", "x", 1), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->confidence_set(late, "/a", 1), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->confidence_get(late, "/a", &number), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->origin_set(late, "/a", &origin), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->origin_get(late, "/a", &read), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->clarify(late, &question), FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->fail(late, FOUNDRY_PERMANENT, "c", "m", NULL, 0),
                     FOUNDRY_E_INVALID);
        cr_assert_eq(stage.host->cancelled(late), 1);
        stage.host->progress(late, 0.5, NULL);
        stage.host->log(late, FOUNDRY_LOG_INFO, "late");
    }
    stage_close(&stage);
    fnd_calls_destroy(calls);
}

struct heard {
    pthread_t thread;
    struct foundry_call *call;
};

static void *talk(void *context)
{
    const struct heard *heard = context;
    for (int i = 0; i < 2000; i++) {
        fnd_host_table()->log(heard->call, FOUNDRY_LOG_INFO, "from afar");
        fnd_host_table()->progress(heard->call, 0.5, "half");
        (void)fnd_host_table()->cancelled(heard->call);
    }
    return NULL;
}

Test(write, log_progress_and_cancelled_may_come_from_other_threads)
{
    struct fnd_calls *calls = fnd_calls_create();
    const struct fnd_call_live live = {.calls = calls};
    struct stage stage;
    stage_open(&stage, NULL, NULL, NULL);
    struct fnd_effects effects = {0};
    struct heard heard[2];
    struct foundry_call *call = fnd_call_begin(&stage.input, NULL, &live, &effects);
    for (size_t i = 0; i < 2; i++) {
        heard[i].call = call;
        cr_assert_eq(pthread_create(&heard[i].thread, NULL, talk, &heard[i]), 0);
    }
    fnd_call_end(call, FOUNDRY_DONE); /* while they still talk */
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(heard[i].thread, NULL), 0);
    }
    cr_assert_leq(effects.log_lines, FND_LOG_LINES_MAX);
    fnd_effects_finish(&effects);
    stage_close(&stage);
    fnd_calls_destroy(calls);
}
