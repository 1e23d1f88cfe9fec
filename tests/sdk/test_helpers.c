/* SPDX-License-Identifier: MIT */
/* helpers.h against the host's own services. */
#include <criterion/criterion.h>

#include "foundry/helpers.h"
#include "host/call.h"

#define DOCUMENT                                                                                   \
    "{\"a\":[1,\"two\",null,{\"b/c\":true}],\"empty\":{},\"none\":[],\"text\":\"hi\",\"n\":2.5}"

struct visit {
    const foundry_host_t *host;
    struct foundry_call *call;
    struct fnd_call_input input;
    struct fnd_effects effects;
};

static void visit_begin(struct visit *visit, bool detector)
{
    static const struct fnd_json document = {DOCUMENT, sizeof DOCUMENT - 1};
    *visit = (struct visit){.host = fnd_host_table()};
    visit->input = (struct fnd_call_input){
        .detector = detector, .config = document, .subject = document, .run = {"{}", 2}};
    visit->call = fnd_call_begin(&visit->input, NULL, NULL, &visit->effects);
}

static void visit_end(struct visit *visit, foundry_outcome_t outcome)
{
    fnd_call_end(visit->call, outcome);
}

static foundry_status_t note(void *context, const char *ptr, foundry_kind_t kind)
{
    foundry_text_addf(context, "%s:%d ", ptr, (int)kind);
    return FOUNDRY_OK;
}

Test(helpers, walk_visits_every_leaf_in_document_order)
{
    struct visit visit;
    foundry_text_t seen;
    foundry_text_init(&seen);
    visit_begin(&visit, true);
    cr_assert_eq(foundry_walk(visit.host, visit.call, FOUNDRY_DOC_SUBJECT, "", note, &seen),
                 FOUNDRY_OK);
    cr_assert_str_eq(foundry_text_z(&seen), "/a/0:2 /a/1:3 /a/2:0 /a/3/b~1c:1 /text:3 /n:2 ");
    foundry_text_cut(&seen, 0);
    cr_assert_eq(foundry_walk_all(visit.host, visit.call, FOUNDRY_DOC_SUBJECT, "/a", note, &seen),
                 FOUNDRY_OK);
    cr_assert_str_eq(foundry_text_z(&seen), "/a:4 /a/0:2 /a/1:3 /a/2:0 /a/3:5 /a/3/b~1c:1 ");
    cr_assert_eq(foundry_walk(visit.host, visit.call, FOUNDRY_DOC_SUBJECT, "/x", note, &seen),
                 FOUNDRY_E_NOT_FOUND);
    visit_end(&visit, FOUNDRY_DONE);
    fnd_effects_finish(&visit.effects);
    foundry_text_finish(&seen);
}

static foundry_status_t stop_at_second(void *context, const char *ptr, foundry_kind_t kind)
{
    (void)ptr;
    (void)kind;
    return ++*(int *)context == 2 ? FOUNDRY_E_DENIED : FOUNDRY_OK;
}

Test(helpers, walk_ends_with_what_the_visitor_says)
{
    struct visit visit;
    int count = 0;
    visit_begin(&visit, true);
    cr_assert_eq(
        foundry_walk(visit.host, visit.call, FOUNDRY_DOC_SUBJECT, "", stop_at_second, &count),
        FOUNDRY_E_DENIED);
    cr_assert_eq(count, 2);
    visit_end(&visit, FOUNDRY_DONE);
    fnd_effects_finish(&visit.effects);
}

static foundry_status_t note_pointer(void *context, const char *ptr)
{
    foundry_text_addf(context, "%s ", ptr);
    return FOUNDRY_OK;
}

Test(helpers, expand_looks_up_stars_and_nothing_else)
{
    static const struct {
        const char *pattern, *pointers;
        foundry_status_t status;
    } rows[] = {{"", " ", FOUNDRY_OK},
                {"/text", "/text ", FOUNDRY_OK},
                {"/not/there", "/not/there ", FOUNDRY_OK},
                {"/a/*", "/a/0 /a/1 /a/2 /a/3 ", FOUNDRY_OK},
                {"/a/*/x", "/a/0/x /a/1/x /a/2/x /a/3/x ", FOUNDRY_OK},
                {"/a/3/*", "/a/3/b~1c ", FOUNDRY_OK},
                {"/a/*/*", "/a/3/b~1c ", FOUNDRY_OK},
                {"/none/*", "", FOUNDRY_OK},
                {"/gone/*/x", "", FOUNDRY_OK},
                {"/text/*", "", FOUNDRY_OK},
                {"/*", "/a /empty /none /text /n ", FOUNDRY_OK},
                {"/a*", "/a* ", FOUNDRY_OK},
                {"text", "", FOUNDRY_E_INVALID}};
    struct visit visit;
    visit_begin(&visit, true);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        foundry_text_t seen;
        foundry_text_init(&seen);
        cr_assert_eq(foundry_expand(visit.host, visit.call, FOUNDRY_DOC_SUBJECT, rows[i].pattern,
                                    note_pointer, &seen),
                     rows[i].status, "%s", rows[i].pattern);
        cr_assert_str_eq(foundry_text_z(&seen), rows[i].pointers, "%s", rows[i].pattern);
        foundry_text_finish(&seen);
    }
    visit_end(&visit, FOUNDRY_DONE);
    fnd_effects_finish(&visit.effects);
}

Test(helpers, defaults_stand_in_for_what_is_missing_alone)
{
    struct visit visit;
    const char *text = NULL;
    double number = 0;
    int truth = -1;
    char *copy = NULL;
    visit_begin(&visit, false);
    const foundry_host_t *host = visit.host;
    foundry_call_t *call = visit.call;
    const int32_t doc = FOUNDRY_DOC_CONFIG;
    cr_assert_eq(foundry_text_default(host, call, doc, "/text", "x", &text), FOUNDRY_OK);
    cr_assert_str_eq(text, "hi");
    cr_assert_eq(foundry_text_default(host, call, doc, "/gone", "x", &text), FOUNDRY_OK);
    cr_assert_str_eq(text, "x");
    cr_assert_eq(foundry_text_default(host, call, doc, "/n", "x", &text), FOUNDRY_E_TYPE);
    cr_assert_eq(foundry_number_default(host, call, doc, "/n", 7, &number), FOUNDRY_OK);
    cr_assert_eq(number, 2.5);
    cr_assert_eq(foundry_number_default(host, call, doc, "/gone", 7, &number), FOUNDRY_OK);
    cr_assert_eq(number, 7);
    cr_assert_eq(foundry_number_default(host, call, doc, "/text", 7, &number), FOUNDRY_E_TYPE);
    cr_assert_eq(foundry_boolean_get(host, call, doc, "/a/3/b~1c", &truth), FOUNDRY_OK);
    cr_assert_eq(truth, 1);
    cr_assert_eq(foundry_boolean_default(host, call, doc, "/gone", 0, &truth), FOUNDRY_OK);
    cr_assert_eq(truth, 0);
    cr_assert_eq(foundry_boolean_default(host, call, doc, "/n", 0, &truth), FOUNDRY_E_TYPE);
    cr_assert_eq(foundry_text_copy(host, call, doc, "/text", &copy), FOUNDRY_OK);
    cr_assert_str_eq(copy, "hi");
    free(copy);
    cr_assert_eq(foundry_text_copy(host, call, doc, "/gone", &copy), FOUNDRY_E_NOT_FOUND);
    visit_end(&visit, FOUNDRY_DONE);
    fnd_effects_finish(&visit.effects);
}

Test(helpers, kinds_are_told_apart)
{
    static const struct {
        const char *pointer;
        foundry_kind_t kind;
    } rows[] = {{"", FOUNDRY_KIND_OBJECT},       {"/a", FOUNDRY_KIND_ARRAY},
                {"/a/2", FOUNDRY_KIND_NULL},     {"/a/3/b~1c", FOUNDRY_KIND_BOOLEAN},
                {"/n", FOUNDRY_KIND_NUMBER},     {"/text", FOUNDRY_KIND_STRING},
                {"/empty", FOUNDRY_KIND_OBJECT}, {"/none", FOUNDRY_KIND_ARRAY}};
    struct visit visit;
    visit_begin(&visit, true);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        foundry_kind_t kind = -1;
        cr_assert_eq(
            foundry_kind_get(visit.host, visit.call, FOUNDRY_DOC_SUBJECT, rows[i].pointer, &kind),
            FOUNDRY_OK);
        cr_assert_eq(kind, rows[i].kind, "%s", rows[i].pointer);
    }
    visit_end(&visit, FOUNDRY_DONE);
    fnd_effects_finish(&visit.effects);
}

Test(helpers, setters_and_the_writer_stage_an_output)
{
    struct visit visit;
    foundry_json_t json;
    visit_begin(&visit, false);
    cr_assert_eq(foundry_set_text(visit.host, visit.call, "/text", "a\"b"), FOUNDRY_OK);
    cr_assert_eq(foundry_set_text(visit.host, visit.call, "/none", NULL), FOUNDRY_OK);
    cr_assert_eq(foundry_set_number(visit.host, visit.call, "/n", 0.1), FOUNDRY_OK);
    cr_assert_eq(foundry_set_boolean(visit.host, visit.call, "/yes", 1), FOUNDRY_OK);
    foundry_json_init(&json);
    foundry_json_array(&json);
    foundry_json_integer(&json, 1);
    cr_assert_eq(foundry_json_stage(&json, visit.host, visit.call, "/list"), FOUNDRY_E_INVALID);
    foundry_json_finish(&json);
    foundry_json_array(&json);
    foundry_json_integer(&json, 1);
    foundry_json_end(&json);
    cr_assert_eq(foundry_json_stage(&json, visit.host, visit.call, "/list"), FOUNDRY_OK);
    foundry_json_finish(&json);
    visit_end(&visit, FOUNDRY_DONE);
    cr_assert_str_eq(visit.effects.output,
                     "{\"text\":\"a\\\"b\",\"none\":null,\"n\":0.1,\"yes\":true,\"list\":[1]}");
    fnd_effects_finish(&visit.effects);
}

Test(helpers, artifacts_are_loaded_whole_or_not)
{
    static char bytes[40000];
    static const struct fnd_call_artifact artifact = {
        .name = "big", .size = sizeof bytes, .fd = -1, .bytes = bytes};
    memset(bytes, 'x', sizeof bytes);
    bytes[sizeof bytes - 1] = 'y';
    struct visit visit;
    foundry_text_t loaded;
    foundry_text_init(&loaded);
    visit_begin(&visit, false);
    visit.input.artifacts = &artifact;
    visit.input.artifacts_count = 1;
    cr_assert_eq(foundry_artifact_load(visit.host, visit.call, "big", sizeof bytes, &loaded),
                 FOUNDRY_OK);
    cr_assert_eq(loaded.size, sizeof bytes);
    cr_assert_eq(memcmp(loaded.bytes, bytes, sizeof bytes), 0);
    cr_assert_eq(foundry_artifact_load(visit.host, visit.call, "big", sizeof bytes - 1, &loaded),
                 FOUNDRY_E_LIMIT);
    cr_assert_eq(foundry_artifact_load(visit.host, visit.call, "gone", 1, &loaded),
                 FOUNDRY_E_NOT_FOUND);
    visit_end(&visit, FOUNDRY_DONE);
    fnd_effects_finish(&visit.effects);
    foundry_text_finish(&loaded);
}

Test(helpers, a_message_too_long_is_cut_between_characters)
{
    for (int shift = 0; shift < 4; shift++) {
        char long_text[2048];
        struct visit visit;
        size_t size = 0;
        for (int i = 0; i < shift; i++) {
            long_text[size++] = 'x';
        }
        while (size + 3 < sizeof long_text) {
            memcpy(long_text + size, "\xE2\x82\xAC", 3);
            size += 3;
        }
        long_text[size] = '\0';
        visit_begin(&visit, false);
        const foundry_outcome_t outcome =
            foundry_failf(visit.host, visit.call, FOUNDRY_PERMANENT, "long", NULL, "%s", long_text);
        cr_assert_eq(outcome, FOUNDRY_PERMANENT);
        visit_end(&visit, outcome);
        const size_t kept = strlen(visit.effects.message);
        cr_assert(fnd_utf8_valid(visit.effects.message, kept), "shift %d", shift);
        cr_assert(kept > FOUNDRY_MESSAGE_SIZE - 8, "shift %d: %zu", shift, kept);
        fnd_effects_finish(&visit.effects);
    }
}

Test(helpers, a_question_has_a_key_that_the_host_takes)
{
    char rule[600];
    foundry_text_t key;
    foundry_text_t again;
    struct visit visit;
    memset(rule, 'r', sizeof rule - 1);
    rule[sizeof rule - 1] = '\0';
    foundry_text_init(&key);
    foundry_text_init(&again);
    foundry_question_key(&key, "name", "/a", NULL);
    cr_assert_str_eq(foundry_text_z(&key), "name:/a");
    foundry_text_cut(&key, 0);
    foundry_question_key(&key, "name", "/a", "x > 1");
    cr_assert_str_eq(foundry_text_z(&key), "name:/a:x > 1");
    foundry_text_cut(&key, 0);
    foundry_question_key(&key, "name", "/a", rule);
    foundry_question_key(&again, "name", "/a", rule);
    cr_assert_eq(key.size, strlen("name:#") + 16);
    cr_assert_str_eq(foundry_text_z(&key), foundry_text_z(&again));
    foundry_text_cut(&again, 0);
    foundry_question_key(&again, "name", "/b", rule);
    cr_assert_str_neq(foundry_text_z(&key), foundry_text_z(&again));
    visit_begin(&visit, true);
    cr_assert_eq(foundry_ask(visit.host, visit.call, foundry_text_z(&key), "KIND", "/n", "Why?",
                             "{\"a\":1}"),
                 FOUNDRY_OK);
    visit_end(&visit, FOUNDRY_DONE);
    cr_assert_eq(visit.effects.questions_count, 1);
    cr_assert_str_eq(visit.effects.questions[0].kind, "KIND");
    cr_assert_str_eq(visit.effects.questions[0].pointer, "/n");
    cr_assert_str_eq(visit.effects.questions[0].context, "{\"a\":1}");
    cr_assert_null(visit.effects.questions[0].answer_schema);
    fnd_effects_finish(&visit.effects);
    foundry_text_finish(&key);
    foundry_text_finish(&again);
}
