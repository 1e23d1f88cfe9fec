/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>

#include "foundry/json.h"

static void is_text(foundry_json_t *json, const char *expected)
{
    const char *text = NULL;
    cr_assert_eq(foundry_json_text(json, &text), FOUNDRY_OK);
    cr_assert_str_eq(text, expected);
    foundry_json_finish(json);
}

Test(json, commas_and_brackets_come_by_themselves)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_object(&json);
    foundry_json_key(&json, "a");
    foundry_json_array(&json);
    foundry_json_integer(&json, -9223372036854775807 - 1);
    foundry_json_object(&json);
    foundry_json_end(&json);
    foundry_json_array(&json);
    foundry_json_end(&json);
    foundry_json_boolean(&json, 1);
    foundry_json_end(&json);
    foundry_json_key(&json, "b");
    foundry_json_null(&json);
    foundry_json_key(&json, "c");
    foundry_json_raw(&json, "1.10");
    foundry_json_end(&json);
    is_text(&json, "{\"a\":[-9223372036854775808,{},[],true],\"b\":null,\"c\":1.10}");
}

Test(json, strings_are_escaped)
{
    static const struct {
        const char *text, *json;
    } rows[] = {{"", "\"\""},
                {"plain", "\"plain\""},
                {"a\"b\\c", "\"a\\\"b\\\\c\""},
                {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
                {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
                {"h\xC3\xA9/", "\"h\xC3\xA9/\""},
                {NULL, "null"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        foundry_json_t json;
        foundry_json_init(&json);
        foundry_json_string(&json, rows[i].text);
        is_text(&json, rows[i].json);
    }
}

Test(json, numbers_read_back_as_the_same_double)
{
    static const struct {
        double number;
        const char *json;
    } rows[] = {{0, "0"},
                {1, "1"},
                {-2.5, "-2.5"},
                {0.1, "0.1"},
                {0.82, "0.82"},
                {44.95, "44.95"},
                {1e300, "1e+300"},
                {1.0 / 3, NULL},
                {DBL_MAX, NULL},
                {DBL_TRUE_MIN, NULL},
                {0.1 + 0.2, "0.30000000000000004"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        foundry_json_t json;
        const char *text = NULL;
        foundry_json_init(&json);
        foundry_json_number(&json, rows[i].number);
        cr_assert_eq(foundry_json_text(&json, &text), FOUNDRY_OK);
        cr_assert(strtod(text, NULL) == rows[i].number, "row %zu: %s", i, text);
        if (rows[i].json != NULL) {
            cr_assert_str_eq(text, rows[i].json);
        }
        foundry_json_finish(&json);
    }
}

Test(json, what_is_no_number_is_refused)
{
    const double rows[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        foundry_json_t json;
        const char *text = "untouched";
        foundry_json_init(&json);
        foundry_json_number(&json, rows[i]);
        cr_assert_eq(foundry_json_text(&json, &text), FOUNDRY_E_INVALID);
        cr_assert_str_eq(text, "untouched");
        foundry_json_finish(&json);
    }
}

Test(json, wrong_order_is_an_error_that_stays)
{
    for (int row = 0; row < 8; row++) {
        foundry_json_t json;
        const char *text = NULL;
        foundry_json_init(&json);
        switch (row) {
        case 0: /* nothing written */
            break;
        case 1: /* left open */
            foundry_json_object(&json);
            break;
        case 2: /* closed twice */
            foundry_json_array(&json);
            foundry_json_end(&json);
            foundry_json_end(&json);
            break;
        case 3: /* a value without key */
            foundry_json_object(&json);
            foundry_json_integer(&json, 1);
            foundry_json_end(&json);
            break;
        case 4: /* a key without value */
            foundry_json_object(&json);
            foundry_json_key(&json, "a");
            foundry_json_end(&json);
            break;
        case 5: /* a key in an array */
            foundry_json_array(&json);
            foundry_json_key(&json, "a");
            foundry_json_end(&json);
            break;
        case 6: /* two values at the top */
            foundry_json_integer(&json, 1);
            foundry_json_integer(&json, 2);
            break;
        default: /* two keys */
            foundry_json_object(&json);
            foundry_json_key(&json, "a");
            foundry_json_key(&json, "b");
            foundry_json_integer(&json, 1);
            foundry_json_end(&json);
        }
        cr_assert_eq(foundry_json_text(&json, &text), FOUNDRY_E_INVALID, "row %d", row);
        foundry_json_finish(&json);
    }
}

Test(json, depth_ends_at_64)
{
    foundry_json_t json;
    const char *text = NULL;
    for (int over = 0; over < 2; over++) {
        foundry_json_init(&json);
        for (int i = 0; i < FOUNDRY_DEPTH_MAX + over; i++) {
            foundry_json_array(&json);
        }
        for (int i = 0; i < FOUNDRY_DEPTH_MAX; i++) {
            foundry_json_end(&json);
        }
        cr_assert_eq(foundry_json_text(&json, &text), over ? FOUNDRY_E_LIMIT : FOUNDRY_OK);
        foundry_json_finish(&json);
    }
}

Test(json, objects_in_arrays_in_objects_close_rightly)
{
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_array(&json);
    for (int i = 0; i < 2; i++) {
        foundry_json_object(&json);
        foundry_json_key(&json, "n");
        foundry_json_array(&json);
        foundry_json_integer(&json, i);
        foundry_json_end(&json);
        foundry_json_end(&json);
    }
    foundry_json_end(&json);
    is_text(&json, "[{\"n\":[0]},{\"n\":[1]}]");
}

Test(json, text_grows_and_prints_beyond_its_buffer)
{
    foundry_text_t text;
    foundry_text_init(&text);
    cr_assert_str_eq(foundry_text_z(&text), "");
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    foundry_text_addf(&text, "%s-%d", long_text, 7);
    foundry_text_add(&text, NULL);
    cr_assert_eq(text.size, 1001);
    cr_assert_str_eq(foundry_text_z(&text) + 999, "-7");
    foundry_text_cut(&text, 3);
    foundry_text_cut(&text, 10);
    cr_assert_str_eq(foundry_text_z(&text), "xxx");
    foundry_text_finish(&text);
    cr_assert_eq(text.size, 0);
}

Test(json, a_cut_splits_no_character)
{
    static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t size = 0; size < sizeof text; size++) {
        cr_assert_eq(foundry_utf8_boundary(text, size), expected[size], "%zu", size);
    }
}

Test(json, pointers_are_escaped)
{
    foundry_text_t pointer;
    foundry_text_init(&pointer);
    foundry_pointer_name(&pointer, "a/b~c");
    foundry_pointer_index(&pointer, 12);
    foundry_pointer_name(&pointer, "");
    cr_assert_str_eq(foundry_text_z(&pointer), "/a~1b~0c/12/");
    foundry_text_finish(&pointer);
}

Test(json, pointers_are_told_from_other_text)
{
    static const struct {
        const char *text;
        int valid;
    } rows[] = {{"", 1}, {"/", 1}, {"/a/0", 1}, {"a", 0}, {"/~0~1", 1}, {"/~", 0}, {"/~2", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(foundry_pointer_valid(rows[i].text), rows[i].valid, "%s", rows[i].text);
    }
}

Test(json, patterns_stand_for_pointers)
{
    static const struct {
        const char *pattern, *pointer;
        int matches;
    } rows[] = {{"", "", 1},          {"/a", "/a", 1},          {"/a", "/b", 0},
                {"/a", "/ab", 0},     {"/a", "/a/0", 0},        {"/a/*", "/a", 0},
                {"/a/*", "/a/0", 1},  {"/a/*/q", "/a/10/q", 1}, {"/a/*/q", "/a/10/r", 0},
                {"/*/*", "/a/0", 1},  {"/a*", "/ab", 0},        {"/a*", "/a*", 1},
                {"/a/*", "/a/0/1", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(foundry_pointer_matches(rows[i].pattern, rows[i].pointer), rows[i].matches,
                     "%s %s", rows[i].pattern, rows[i].pointer);
    }
}
