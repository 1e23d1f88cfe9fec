/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <cJSON.h>

#include "json_help.h"

static const struct {
    const char *json, *canonical, *compact;
} forms[] = {
    {"null", "null", "null"},
    {" true ", "true", "true"},
    {"1.10", "1.10", "1.10"},
    {"-0.0E+05", "-0.0E+05", "-0.0E+05"},
    {"[ ]", "[]", "[]"},
    {"{ }", "{}", "{}"},
    {"[ 1 , [ 2 , 3 ] , \"a b\" ]", "[1,[2,3],\"a b\"]", "[1,[2,3],\"a b\"]"},
    {"{\"b\": 1, \"a\": 2}", "{\"a\":2,\"b\":1}", "{\"b\":1,\"a\":2}"},
    {"{\"b\":{\"d\":1,\"c\":[{\"f\":1,\"e\":2}]},\"a\":0}",
     "{\"a\":0,\"b\":{\"c\":[{\"e\":2,\"f\":1}],\"d\":1}}",
     "{\"b\":{\"d\":1,\"c\":[{\"f\":1,\"e\":2}]},\"a\":0}"},
    {"\"\\/\\u0041\\u00e9\\u000a\\u001F\\u0022\\u005c\"", "\"/A\xc3\xa9\\n\\u001f\\\"\\\\\"",
     "\"\\/\\u0041\\u00e9\\u000a\\u001F\\u0022\\u005c\""},
    {"\"\\u0008\\u0009\\u000c\\u000d\\u007f\"", "\"\\b\\t\\f\\r\x7f\"",
     "\"\\u0008\\u0009\\u000c\\u000d\\u007f\""},
    {"\"\\ud83d\\ude00 [ , ] \\\" { : }\"", "\"\xf0\x9f\x98\x80 [ , ] \\\" { : }\"",
     "\"\\ud83d\\ude00 [ , ] \\\" { : }\""},
    /* by bytes: "" < "A" < "a" < "aa" < "ab" < "b" < U+00E9 < U+FFFF < U+10000, escaped or not */
    {"{\"b\":6,\"\\ud800\\udc00\":9,\"\\uffff\":8,\"\\u00e9\":7,\"ab\":5,\"aa\":4,\"a\":3,\"\":1,"
     "\"\\u0041\":2}",
     "{\"\":1,\"A\":2,\"a\":3,\"aa\":4,\"ab\":5,\"b\":6,\"\xc3\xa9\":7,\"\xef\xbf\xbf\":8,"
     "\"\xf0\x90\x80\x80\":9}",
     "{\"b\":6,\"\\ud800\\udc00\":9,\"\\uffff\":8,\"\\u00e9\":7,\"ab\":5,\"aa\":4,\"a\":3,\"\":1,"
     "\"\\u0041\":2}"},
    {"{\"common prefix b\":1,\"common prefix \\u0061\":2,\"common prefix\":3}",
     "{\"common prefix\":3,\"common prefix a\":2,\"common prefix b\":1}",
     "{\"common prefix b\":1,\"common prefix \\u0061\":2,\"common prefix\":3}"},
};

Test(json_edit, each_form_is_what_it_should_be)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct fnd_text text = {0};
        fnd_json_canonical(json_of(forms[i].json), &text);
        cr_expect_str_eq(text.bytes, forms[i].canonical);
        fnd_text_clear(&text);
        fnd_json_compact(json_of(forms[i].json), &text);
        cr_expect_str_eq(text.bytes, forms[i].compact);
        cr_expect(fnd_json_compact_is(json_of(forms[i].json), text.bytes, text.size));
        for (size_t k = 0; k < text.size; k++) {
            cr_expect_not(fnd_json_compact_is(json_of(forms[i].json), text.bytes, k));
            text.bytes[k] ^= 1;
            cr_expect_not(fnd_json_compact_is(json_of(forms[i].json), text.bytes, text.size));
            text.bytes[k] ^= 1;
        }
        fnd_text_append_byte(&text, '1');
        cr_expect_not(fnd_json_compact_is(json_of(forms[i].json), text.bytes, text.size));
        fnd_text_finish(&text);
    }
}

Test(json_edit, canonical_form_of_its_own_output_is_the_same)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct fnd_text once = {0}, twice = {0};
        fnd_json_canonical(json_of(forms[i].json), &once);
        fnd_json_canonical(json_of(once.bytes), &twice);
        cr_expect_str_eq(twice.bytes, once.bytes);
        fnd_text_finish(&once);
        fnd_text_finish(&twice);
    }
}

Test(json_edit, canonical_form_sorts_objects_of_any_size)
{
    enum { KEYS = 1000 };
    struct fnd_text shuffled = {0}, sorted = {0}, text = {0};
    for (size_t i = 0; i < KEYS; i++) {
        fnd_text_printf(&shuffled, "%s\"k%03zu\":%zu", i == 0 ? "{" : " , ", i * 7 % KEYS,
                        i * 7 % KEYS);
        fnd_text_printf(&sorted, "%c\"k%03zu\":%zu", i == 0 ? '{' : ',', i, i);
    }
    fnd_text_append_z(&shuffled, " }");
    fnd_text_append_z(&sorted, "}");
    fnd_json_canonical(json_of(shuffled.bytes), &text);
    cr_expect_str_eq(text.bytes, sorted.bytes);
    cr_expect(fnd_json_equal(json_of(shuffled.bytes), json_of(sorted.bytes)));
    fnd_text_finish(&shuffled);
    fnd_text_finish(&sorted);
    fnd_text_finish(&text);
}

Test(json_edit, pretty_form_is_indented_by_two_spaces_a_level)
{
    static const struct {
        const char *json;
        size_t level;
        const char *pretty;
    } cases[] = {
        {"1", 0, "1"},
        {"\"a , b\"", 3, "\"a , b\""},
        {"[]", 2, "[]"},
        {"{ }", 2, "{}"},
        {"[1,2]", 0, "[\n  1,\n  2\n]"},
        {"{\"a\":1,\"b\":[ ]}", 0, "{\n  \"a\": 1,\n  \"b\": []\n}"},
        {"{\"a\" : [ {} , { \"b\" : \"{:,}\" } ] }", 1,
         "{\n    \"a\": [\n      {},\n      {\n        \"b\": \"{:,}\"\n      }\n    ]\n  }"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_json_pretty(json_of(cases[i].json), &text, cases[i].level);
        cr_expect_str_eq(text.bytes, cases[i].pretty);
        fnd_text_finish(&text);
    }
}

Test(json_edit, equality_is_by_value)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"1.10", "1.1", true},
        {"1e2", "100", true},
        {"-0", "0", true},
        {"9007199254740993", "9007199254740992", false},
        {"\"a\"", "\"\\u0061\"", true},
        {"\"a\"", "\"b\"", false},
        {"\"a\"", "\"aa\"", false},
        {"\"1\"", "1", false},
        {"null", "null", true},
        {"true", "true", true},
        {"true", "false", false},
        {"null", "false", false},
        {"[]", "{}", false},
        {"[1,2]", "[ 1.0 , 2 ]", true},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1,2,3]", false},
        {"[1,2,3]", "[1,2]", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2.0,\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":1}", "{\"a\":2}", false},
        {"{\"a\":{\"x\":[1]}}", "{\"\\u0061\":{ \"x\":[1e0]}}", true},
        {"{}", "{ }", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_json a = json_of(cases[i].a), b = json_of(cases[i].b);
        cr_expect_eq(fnd_json_equal(a, b), cases[i].equal, "%s and %s", cases[i].a, cases[i].b);
        cr_expect_eq(fnd_json_equal(b, a), cases[i].equal, "%s and %s", cases[i].b, cases[i].a);
    }
    struct fnd_json none = {0};
    cr_expect(fnd_json_equal(none, none));
    cr_expect(!fnd_json_equal(none, json_of("null")) && !fnd_json_equal(json_of("null"), none));
}

/* `result` NULL: refused with `code`. `document` NULL: no document. */
struct edit_case {
    const char *document, *pointer, *value, *result, *code;
};

static const struct edit_case set_cases[] = {
    {"{\"a\":1}", "", "[2]", "[2]", NULL},
    {"{\"a\":1}", "/a", "2", "{\"a\":2}", NULL},
    {"{ \"a\" : 1 , \"b\" : 1.10 }", "/a", "{\"x\": 1}", "{ \"a\" : {\"x\": 1} , \"b\" : 1.10 }",
     NULL},
    {"{\"a\":1}", "/b", "2", "{\"a\":1,\"b\":2}", NULL},
    {"{ \"a\": 1 }\n", "/b", "2", "{ \"a\": 1,\"b\":2 }", NULL},
    {"{}", "/b", "2", "{\"b\":2}", NULL},
    {"{ }", "/b", "2", "{\"b\":2 }", NULL},
    {"{}", "/", "2", "{\"\":2}", NULL},
    {"{}", "/a/b/c", "2", "{\"a\":{\"b\":{\"c\":2}}}", NULL},
    {"{}", "/a/0/-", "2", "{\"a\":{\"0\":{\"-\":2}}}", NULL},
    {"{\"a\":{}}", "/a/b/c", "2", "{\"a\":{\"b\":{\"c\":2}}}", NULL},
    {"{}", "/a~1b~0c\"\n", "2", "{\"a/b~c\\\"\\n\":2}", NULL},
    {"{\"a/b\":1}", "/a~1b", "2", "{\"a/b\":2}", NULL},
    {"{\"\\u0061\":1}", "/a", "2", "{\"\\u0061\":2}", NULL},
    {"[1,2]", "/0", "3", "[3,2]", NULL},
    {"[1,2]", "/1", "3", "[1,3]", NULL},
    {"[1,2]", "/2", "3", "[1,2,3]", NULL},
    {"[1,2]", "/-", "3", "[1,2,3]", NULL},
    {"[]", "/0", "3", "[3]", NULL},
    {"[]", "/-", "3", "[3]", NULL},
    {"[]", "/-/a", "3", "[{\"a\":3}]", NULL},
    {"{\"a\":[ 1 ]}", "/a/1/b", "3", "{\"a\":[ 1,{\"b\":3} ]}", NULL},
    {"[[1],[2]]", "/1/0", "3", "[[1],[3]]", NULL},
    {"7", "", "8", "8", NULL},
    {NULL, "", "8", "8", NULL},
    {NULL, "/a", "8", "{\"a\":8}", NULL},
    {NULL, "/a/b", "8", "{\"a\":{\"b\":8}}", NULL},
    {"{}", "a", "1", NULL, "bad_pointer"},
    {"{}", "/~2", "1", NULL, "bad_pointer"},
    {"{}", "/\xff", "1", NULL, "bad_pointer"},
    {"7", "/a", "1", NULL, "not_a_container"},
    {"{\"a\":\"s\"}", "/a/b", "1", NULL, "not_a_container"},
    {"{\"a\":null}", "/a/b", "1", NULL, "not_a_container"},
    {"[1,2]", "/3", "1", NULL, "bad_index"},
    {"[1,2]", "/01", "1", NULL, "bad_index"},
    {"[1,2]", "/a", "1", NULL, "bad_index"},
    {"[1,2]", "/", "1", NULL, "bad_index"},
    {"[1,2]", "/-1", "1", NULL, "bad_index"},
    {"[1,2]", "/99999999999999999999", "1", NULL, "bad_index"},
    {"{\"a\":[]}", "/a/1/b", "1", NULL, "bad_index"},
};

static const struct edit_case remove_cases[] = {
    {"{\"a\":1}", "/a", NULL, "{}", NULL},
    {"{ \"a\" : 1 }", "/a", NULL, "{  }", NULL},
    {"{\"a\":1,\"b\":2,\"c\":3}", "/a", NULL, "{\"b\":2,\"c\":3}", NULL},
    {"{\"a\":1,\"b\":2,\"c\":3}", "/b", NULL, "{\"a\":1,\"c\":3}", NULL},
    {"{\"a\":1,\"b\":2,\"c\":3}", "/c", NULL, "{\"a\":1,\"b\":2}", NULL},
    {"{\n \"a\": 1,\n \"b\": 2\n}", "/a", NULL, "{\n \"b\": 2\n}", NULL},
    {"{\n \"a\": 1,\n \"b\": 2\n}", "/b", NULL, "{\n \"a\": 1\n}", NULL},
    {"[1,2,3]", "/0", NULL, "[2,3]", NULL},
    {"[1,2,3]", "/1", NULL, "[1,3]", NULL},
    {"[1,2,3]", "/2", NULL, "[1,2]", NULL},
    {"[1]", "/0", NULL, "[]", NULL},
    {"{\"a\":{\"b\":[1,{\"c\":1.10}]},\"d\":0}", "/a/b/1/c", NULL, "{\"a\":{\"b\":[1,{}]},\"d\":0}",
     NULL},
    {"{\"a/b\":1,\"\\u0063\":2}", "/a~1b", NULL, "{\"\\u0063\":2}", NULL},
    {"{\"a/b\":1,\"\\u0063\":2}", "/c", NULL, "{\"a/b\":1}", NULL},
    {"{}", "", NULL, NULL, "root"},
    {"{}", "a", NULL, NULL, "bad_pointer"},
    {"{}", "/~", NULL, NULL, "bad_pointer"},
    {"{}", "/a", NULL, NULL, "not_found"},
    {"{\"a\":1}", "/a/b", NULL, NULL, "not_found"},
    {"{\"b\":1}", "/a/b", NULL, NULL, "not_found"},
    {"[1]", "/1", NULL, NULL, "not_found"},
    {"[1]", "/-", NULL, NULL, "not_found"},
    {"[1]", "/x", NULL, NULL, "not_found"},
    {NULL, "/a", NULL, NULL, "not_found"},
};

static void expect_edit(const struct edit_case *one)
{
    struct fnd_json document = {0};
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    enum fnd_status status = FND_OK;
    document = one->document != NULL ? json_of(one->document) : document;
    fnd_text_append_z(&text, ">");
    if (one->value != NULL) {
        status = fnd_json_set(document, one->pointer, json_of(one->value), &text, &error);
    } else {
        status = fnd_json_remove(document, one->pointer, &text, &error);
    }
    if (one->result != NULL) {
        cr_expect_eq(status, FND_OK, "%s at %s: %s", one->document, one->pointer, error.message);
        cr_expect_str_eq(text.bytes + 1, one->result);
        json_of(text.bytes + 1);
    } else {
        bool missing = strcmp(one->code, "not_found") == 0;
        cr_expect_eq(status, missing ? FND_NOT_FOUND : FND_INVALID, "%s at %s", one->document,
                     one->pointer);
        cr_expect_str_eq(error.code, one->code, "%s", error.message);
        cr_expect_str_eq(text.bytes, ">", "nothing is appended on failure");
        cr_expect_not_null(
            strstr(error.message, one->value != NULL ? "cannot set" : "cannot remove"));
    }
    fnd_text_finish(&text);
}

Test(json_edit, setting_changes_one_place_and_no_other_byte)
{
    for (size_t i = 0; i < sizeof set_cases / sizeof set_cases[0]; i++) {
        expect_edit(&set_cases[i]);
    }
}

Test(json_edit, removing_takes_the_value_its_key_and_one_comma)
{
    for (size_t i = 0; i < sizeof remove_cases / sizeof remove_cases[0]; i++) {
        expect_edit(&remove_cases[i]);
    }
}

Test(json_edit, a_refusal_names_the_pointer_and_the_place)
{
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    fnd_json_set(json_of("{\"a\":{\"b\":[1]}}"), "/a/b/7/c", json_of("1"), &text, &error);
    cr_expect_str_eq(error.message,
                     "cannot set the value at \"/a/b/7/c\": /a/b is an array, and the next segment "
                     "is neither an index up to its size nor \"-\"");
    fnd_json_set(json_of("{\"a\":true}"), "/a/b", json_of("1"), &text, &error);
    cr_expect_str_eq(error.message,
                     "cannot set the value at \"/a/b\": /a is neither an object nor an array");
    fnd_json_set(json_of("5"), "/a", json_of("1"), &text, &error);
    cr_expect_str_eq(error.message,
                     "cannot set the value at \"/a\": the root is neither an object nor an array");
    fnd_json_remove(json_of("{\"a\":{}}"), "/a/b/c", &text, &error);
    cr_expect_str_eq(error.message, "cannot remove the value at \"/a/b/c\": /a/b is not there");
    cr_expect_eq(fnd_json_set(json_of("5"), "/a", json_of("1"), &text, NULL), FND_INVALID);
    fnd_text_finish(&text);
}

Test(json_edit, setting_refuses_what_would_be_too_deep_to_read_again)
{
    struct fnd_text pointer = {0}, text = {0};
    struct fnd_error error = {0};
    for (size_t i = 0; i < FND_JSON_DEPTH_MAX - 1; i++) {
        fnd_text_append_z(&pointer, "/a");
    }
    cr_expect_eq(fnd_json_set(json_of("{}"), pointer.bytes, json_of("[\"[[\"]"), &text, &error),
                 FND_OK, "%s", error.message);
    json_of(text.bytes);
    fnd_text_clear(&text);
    cr_expect_eq(fnd_json_set(json_of("{}"), pointer.bytes, json_of("[[]]"), &text, &error),
                 FND_LIMIT);
    cr_expect_str_eq(error.code, "too_deep");
    cr_expect_eq(text.size, 0);
    fnd_text_append_z(&pointer, "/a/a/a");
    cr_expect_eq(fnd_json_set(json_of("{}"), pointer.bytes, json_of("1"), &text, &error),
                 FND_LIMIT);
    cr_expect_eq(text.size, 0);
    fnd_text_finish(&pointer);
    fnd_text_finish(&text);
}

Test(json_edit, a_tree_prints_as_the_text_it_was_built_from)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "1.10",
        "9007199254740993",
        "1e400",
        "\"a\xc3\xa9\"",
        "[]",
        "{}",
        "[1,[2.0,[]],{\"a\":{}}]",
        "{\"b\":1.10,\"a\":[null,true,false,\"x\"],\"\":{\"deep\":[[[0]]]}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cJSON *tree = fnd_json_tree(json_of(texts[i]));
        char *printed = cJSON_PrintUnformatted(tree);
        cr_expect_str_eq(printed, texts[i]);
        free(printed);
        cJSON_Delete(tree);
    }
    cJSON *tree = fnd_json_tree(json_of("{\"k\\u00e9y\":\"\\ud83d\\ude00\\n\",\"n\":0.10}"));
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "k\xc3\xa9y")),
                     "\xf0\x9f\x98\x80\n");
    cr_expect(cJSON_IsRaw(cJSON_GetObjectItemCaseSensitive(tree, "n")));
    cJSON_Delete(tree);
}
