/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "host_help.h"

static struct fnd_effects done_with(const char *output)
{
    return (struct fnd_effects){.outcome = FOUNDRY_DONE,
                                .output = output == NULL ? NULL : fnd_strdup(output),
                                .output_size = output == NULL ? 0 : strlen(output)};
}

static void confidence_add(struct fnd_effects *effects, const char *pointer, double score)
{
    effects->confidences = fnd_realloc(effects->confidences, effects->confidences_count + 1,
                                       sizeof *effects->confidences);
    effects->confidences[effects->confidences_count++] =
        (struct fnd_confidence){fnd_strdup(pointer), score};
}

static void origin_add(struct fnd_effects *effects, const char *pointer, const char *artifact,
                       double width)
{
    effects->origins =
        fnd_realloc(effects->origins, effects->origins_count + 1, sizeof *effects->origins);
    effects->origins[effects->origins_count++] =
        (struct fnd_origin){.pointer = fnd_strdup(pointer),
                            .artifact = fnd_strdup(artifact),
                            .page = 1,
                            .x = 0.1,
                            .y = 20,
                            .width = width,
                            .height = 1e-7};
}

static void question_add(struct fnd_effects *effects, const char *key, const char *pointer,
                         const char *context, const char *schema)
{
    effects->questions =
        fnd_realloc(effects->questions, effects->questions_count + 1, sizeof *effects->questions);
    effects->questions[effects->questions_count++] =
        (struct fnd_question){.key = fnd_strdup(key),
                              .kind = fnd_strdup(""),
                              .question = fnd_strdup("q"),
                              .pointer = fnd_strdup(pointer == NULL ? "" : pointer),
                              .has_pointer = pointer != NULL,
                              .context = context == NULL ? NULL : fnd_strdup(context),
                              .answer_schema = schema == NULL ? NULL : fnd_strdup(schema)};
}

static void expect(struct fnd_effects *effects, const char *schema_text, const char *subject,
                   const char *code, const char *says)
{
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    if (schema_text != NULL) {
        cr_assert_eq(fnd_schema_create("s", schema_text, strlen(schema_text), &schema, &error),
                     FND_OK);
    }
    const enum fnd_status status = fnd_effects_check(effects, schema, json_of(subject), &error);
    if (code == NULL) {
        cr_assert_eq(status, FND_OK, "%s", error.message);
    } else {
        cr_assert_eq(status, FND_PLUGIN, "not refused: %s", code);
        cr_assert_str_eq(error.code, code, "%s", error.message);
        cr_assert_not_null(strstr(error.message, says), "%s", error.message);
    }
    fnd_schema_destroy(schema);
    fnd_effects_finish(effects);
}

Test(effects, outputs_are_checked_against_their_schema)
{
    static const char schema[] = "{\"type\":\"object\",\"required\":[\"a\"],"
                                 "\"properties\":{\"a\":{\"type\":\"number\"}}}";
    struct fnd_effects effects = done_with("{\"a\":1}");
    expect(&effects, schema, NULL, NULL, NULL);
    effects = done_with("{\"a\":\"1\"}");
    expect(&effects, schema, NULL, "invalid_output", "\"/a\"");
    effects = done_with(NULL); /* counts as {} */
    expect(&effects, schema, NULL, "invalid_output", "a");
    effects = done_with(NULL);
    expect(&effects, NULL, NULL, NULL, NULL);
    effects = done_with("{\"a\":1");
    expect(&effects, NULL, NULL, "invalid_output", "no JSON");
}

Test(effects, marks_must_lead_to_values)
{
    struct fnd_effects effects = done_with("{\"a\":[1,{\"b/c\":2}]}");
    confidence_add(&effects, "/a/1/b~1c", 0.5);
    confidence_add(&effects, "", 0);
    origin_add(&effects, "/a/0", "s", 1);
    expect(&effects, NULL, NULL, NULL, NULL);
    static const struct {
        const char *pointer;
        double score;
        const char *code;
    } bad[] = {{"/a/2", 0.5, "mark_without_value"}, {"/a/-", 0.5, "mark_without_value"},
               {"a", 0.5, "invalid_confidence"},    {"/a", 1.5, "invalid_confidence"},
               {"/a", NAN, "invalid_confidence"},   {"/\xff", 0.5, "invalid_confidence"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        effects = done_with("{\"a\":[1]}");
        confidence_add(&effects, bad[i].pointer, bad[i].score);
        expect(&effects, NULL, NULL, bad[i].code, "");
    }
    effects = done_with("{\"a\":1}");
    origin_add(&effects, "/a", "", 1);
    expect(&effects, NULL, NULL, "invalid_origin", "/a");
    effects = done_with("{\"a\":1}");
    origin_add(&effects, "/a", "s", -1);
    expect(&effects, NULL, NULL, "invalid_origin", "/a");
}

Test(effects, many_marks_over_a_big_output_are_checked_in_one_walk)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "{\"!\":0,\"rows\":[");
    enum { COUNT = 50000 };
    for (int i = 0; i < COUNT; i++) {
        fnd_text_printf(&text, "%s{\"price\":%d,\"other\":[%d]}", i == 0 ? "" : ",", i, i);
    }
    fnd_text_append_z(&text, "],\"rows-2\":1}");
    for (int astray = 0; astray < 2; astray++) {
        struct fnd_effects effects = done_with(text.bytes);
        effects.confidences = fnd_realloc(NULL, COUNT + 3, sizeof *effects.confidences);
        char pointer[64];
        for (int i = 0; i < COUNT; i++) {
            (void)snprintf(pointer, sizeof pointer, "/rows/%d/price", (i * 7919) % COUNT);
            effects.confidences[effects.confidences_count++] =
                (struct fnd_confidence){fnd_strdup(pointer), 0.5};
        }
        static const char *const more[] = {"/rows-2", "/!", "/rows/49999/other/0"};
        for (int i = 0; i < 3; i++) {
            effects.confidences[effects.confidences_count++] =
                (struct fnd_confidence){fnd_strdup(more[i]), 0.5};
        }
        if (astray == 1) {
            free(effects.confidences[COUNT / 2].pointer);
            effects.confidences[COUNT / 2].pointer = fnd_strdup("/rows/50000/price");
        }
        expect(&effects, NULL, NULL, astray == 1 ? "mark_without_value" : NULL,
               "/rows/50000/price");
    }
    fnd_text_finish(&text);
}

Test(effects, questions_are_checked)
{
    static const char subject[] = "{\"a\":{\"b\":1}}";
    struct fnd_effects effects = done_with(NULL);
    question_add(&effects, "k", "/a/b", "{}", "{\"type\":\"string\"}");
    question_add(&effects, "l", NULL, NULL, NULL);
    question_add(&effects, "m", "/a/missing", NULL, NULL); /* may be asked for */
    expect(&effects, NULL, subject, NULL, NULL);
    static const struct {
        const char *key, *pointer, *context, *schema, *code;
    } bad[] = {{"k", "/a/b/c", NULL, NULL, "question_without_value"},
               {"k", "a", NULL, NULL, "invalid_question"},
               {"", "/a", NULL, NULL, "invalid_question"},
               {"k", "/a", "{", NULL, "invalid_question"},
               {"k", "/a", NULL, "{\"typo\":1}", "invalid_question"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        effects = done_with(NULL);
        question_add(&effects, bad[i].key, bad[i].pointer, bad[i].context, bad[i].schema);
        expect(&effects, NULL, subject, bad[i].code, "");
    }
    effects = done_with(NULL);
    question_add(&effects, "k", NULL, NULL, NULL);
    question_add(&effects, "k", NULL, NULL, NULL);
    expect(&effects, NULL, NULL, "invalid_question", "two questions");
    effects = done_with(NULL);
    effects.outcome = FOUNDRY_PAUSE;
    expect(&effects, NULL, NULL, "pause_without_question", "");
}

Test(effects, what_an_outcome_drops_must_not_be_there)
{
    static const foundry_outcome_t outcomes[] = {FOUNDRY_RETRYABLE, FOUNDRY_PERMANENT,
                                                 FOUNDRY_CANCELLED};
    for (size_t i = 0; i < 3; i++) {
        struct fnd_effects effects = done_with("{}");
        effects.outcome = outcomes[i];
        expect(&effects, NULL, NULL, "invalid_effects", "");
        effects = done_with(NULL);
        effects.outcome = outcomes[i];
        question_add(&effects, "k", NULL, NULL, NULL);
        expect(&effects, NULL, NULL, "invalid_effects", "");
        effects = done_with(NULL);
        effects.outcome = outcomes[i];
        expect(&effects, NULL, NULL, "invalid_failure", "");
    }
    struct fnd_effects effects = done_with(NULL);
    effects.outcome = 5;
    expect(&effects, NULL, NULL, "invalid_outcome", "5");
}

Test(effects, marks_are_printed_with_the_last_of_a_pointer)
{
    struct fnd_effects effects = done_with("{}");
    struct fnd_text json = {0};
    fnd_effects_marks(&effects, &json);
    cr_assert_eq(json.size, 0);
    confidence_add(&effects, "/b", 0.1);
    confidence_add(&effects, "/a", 1);
    confidence_add(&effects, "/b", 1.0 / 3);
    confidence_add(&effects, "/c\"", 0);
    fnd_effects_marks(&effects, &json);
    cr_assert_str_eq(json.bytes,
                     "{\"confidence\":{\"/a\":1,\"/b\":0.3333333333333333,\"/c\\\"\":0}}");
    origin_add(&effects, "/a", "s", 12345.678);
    fnd_text_clear(&json);
    fnd_effects_marks(&effects, &json);
    cr_assert_not_null(strstr(json.bytes,
                              ",\"origin\":{\"/a\":{\"artifact\":\"s\",\"page\":1,\"x\":0.1,"
                              "\"y\":2"),
                       "%s", json.bytes);
    (void)json_of(json.bytes);
    fnd_text_finish(&json);
    fnd_effects_finish(&effects);
}
