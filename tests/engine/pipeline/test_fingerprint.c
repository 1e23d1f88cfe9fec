/* SPDX-License-Identifier: MIT */
/* Which questions are the same, and which field of a document a pointer is. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "pipeline/fingerprint.h"

static char *normal(const char *json)
{
    struct fnd_text text = {0};
    struct fnd_json value = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(json, strlen(json), NULL, &value, &error), FND_OK, "%s", json);
    fnd_normalise(value, &text);
    return fnd_text_take(&text);
}

Test(test_fingerprint, what_people_take_for_the_same_is_the_same)
{
    static const struct {
        const char *json, *same;
    } rows[] = {
        {"\" Blue \\t WIDGET\\n\"", "\"blue widget\""},
        {"\"\"", "\"\""},
        {"\" \\r \"", "\"\""},
        {"\"\xc3\x9c"
         "BEL [Z]\"",
         "\"\xc3\x9c"
         "bel [z]\""},
        {"1.10", "11e-1"},
        {"11e-1", "11e-1"},
        {"0.011E+2", "11e-1"},
        {"110E-2", "11e-1"},
        {"-1200", "-12e2"},
        {"-0.0", "0"},
        {"0e5", "0"},
        {"1e9999999999999999999999", "1e9999999999999"},
        {"{\"b\": [1, true, null], \"a\": {}}", "{\"a\":{},\"b\":[1e0,true,null]}"},
        {"[]", "[]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = normal(rows[i].json);
        cr_expect_str_eq(text, rows[i].same, "%s gave %s", rows[i].json, text);
        free(text);
    }
}

Test(test_fingerprint, a_question_is_one_of_its_place_and_kind)
{
    static const struct {
        const char *pipeline, *phase, *kind, *context;
        bool same;
    } rows[] = {
        {"p", "a", "LINK", "{\"fingerprint\":{\"name\":\" x  Y\",\"n\":1.0}}", true},
        {"p", "a", "LINK", "{\"shown\":5,\"fingerprint\":{\"n\":1,\"name\":\"X y\"}}", true},
        {"q", "a", "LINK", "{\"fingerprint\":{\"name\":\"x y\",\"n\":1}}", false},
        {"p", "b", "LINK", "{\"fingerprint\":{\"name\":\"x y\",\"n\":1}}", false},
        {"p", "a", "LOOK", "{\"fingerprint\":{\"name\":\"x y\",\"n\":1}}", false},
        {"p", "a", "LINK", "{\"fingerprint\":{\"name\":\"xy\",\"n\":1}}", false},
    };
    struct fnd_text first = {0};
    fnd_digest_setup();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_text text = {0};
        cr_assert(fnd_fingerprint_of_context(rows[i].pipeline, rows[i].phase, rows[i].kind,
                                             rows[i].context, &text));
        cr_expect_eq(text.size, strlen(",\"fingerprint\":\"\"") + FND_FINGERPRINT_TEXT_SIZE - 1);
        if (i == 0) {
            fnd_text_append_z(&first, fnd_text_z(&text));
        }
        cr_expect_eq(strcmp(fnd_text_z(&first), fnd_text_z(&text)) == 0, rows[i].same, "row %zu",
                     i);
        fnd_text_finish(&text);
    }
    fnd_text_finish(&first);
}

Test(test_fingerprint, a_context_need_not_have_one)
{
    static const char *const contexts[] = {NULL, "5", "{}", "{\"name\":\"fingerprint\"}"};
    for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; i++) {
        struct fnd_text text = {0};
        cr_expect_not(fnd_fingerprint_of_context("p", "a", "LINK", contexts[i], &text));
        cr_expect_eq(text.size, 0);
        fnd_text_finish(&text);
    }
}

Test(test_fingerprint, items_of_a_list_are_one_field)
{
    static const struct {
        const char *pointer, *field;
        bool known;
    } rows[] = {
        {"/total", "/total", true},
        {"/lines/0/price", "/lines/*/price", true},
        {"/lines/17/price", "/lines/*/price", true},
        {"/lines/x1/price", "/lines/x1/price", false},
        {"/lines/1x/price", "/lines/1x/price", false},
        {"/a/", "/a/", false},
        {"", "", false},
    };
    struct fnd_proof proof = {.proven = true,
                              .reason = fnd_strdup("r"),
                              .numbers = fnd_strdup("{}"),
                              .known = fnd_alloc(2 * sizeof *proof.known),
                              .known_count = 2};
    proof.known[0] = fnd_strdup("/total");
    proof.known[1] = fnd_strdup("/lines/*/price");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_text field = {0};
        fnd_proof_field(rows[i].pointer, &field);
        cr_expect_str_eq(fnd_text_z(&field), rows[i].field);
        cr_expect_eq(fnd_proof_knows(&proof, rows[i].pointer), rows[i].known, "%s",
                     rows[i].pointer);
        fnd_text_finish(&field);
    }
    fnd_proof_finish(&proof);
    cr_expect_eq(proof.known_count, 0);
    cr_expect_null(proof.known);
    cr_expect_not(proof.proven);
}
