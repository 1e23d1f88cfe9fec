/* SPDX-License-Identifier: MIT */
#include "config_help.h"

static void expect_print(const struct fnd_errors *errors, const char *source, size_t size,
                         const char *expected)
{
    struct fnd_text out = {0};
    fnd_errors_print(errors, source, size, &out);
    cr_assert_str_eq(fnd_text_z(&out), expected, "\n%s\nmust be\n%s", fnd_text_z(&out), expected);
    fnd_text_finish(&out);
}

Test(errors, are_printed_as_a_compiler_prints_them)
{
    const char *source = "name: x\n  pases: 1\n";
    struct fnd_errors errors = {0};
    cr_assert_eq(fnd_errors_add(&errors, "a.yaml", 2, 3, "unknown_key", "no \"%s\" here", "pases"),
                 FND_INVALID);
    expect_print(&errors, source, strlen(source),
                 "a.yaml:2:3: error: no \"pases\" here [unknown_key]\n"
                 "    2 |   pases: 1\n"
                 "      |   ^\n");
    expect_print(&errors, NULL, 0, "a.yaml:2:3: error: no \"pases\" here [unknown_key]\n");
}

Test(errors, a_caret_stands_below_its_character)
{
    static const struct {
        const char *line;
        size_t column;
        const char *shown, *caret;
    } cases[] = {
        {"abc", 1, "abc", "^"},
        {"abc", 3, "abc", "  ^"},
        {"abc", 4, "abc", "   ^"},  /* the line's end */
        {"abc", 90, "abc", "   ^"}, /* beyond it */
        {"", 1, "", "^"},
        {"\tabc", 2, "        abc", "        ^"},
        {"a\tb", 3, "a       b", "        ^"},
        {"é: x", 5, "é: x", "   ^"},               /* two bytes, one column */
        {"日本: x", 7, "日本: x", "    ^"},        /* three bytes, two columns */
        {"e\xCC\x81: x", 4, "e\xCC\x81: x", " ^"}, /* a combining accent fills none */
        {"a\x1b[31mb", 7, "a\\x1b[31mb", "         ^"},
        {"a\xff!", 3, "a\\xff!", "     ^"},
        {"\xE2\x80\xAE!", 4, "\\xe2\\x80\\xae!", "            ^"}, /* turns the text's order */
        {"a\x7f!", 3, "a\\x7f!", "     ^"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_errors errors = {0};
        struct fnd_text expected = {0};
        fnd_errors_add(&errors, "f", 1, cases[i].column, "c", "m");
        fnd_text_printf(&expected, "f:1:%zu: error: m [c]\n    1 | %s\n      | %s\n",
                        cases[i].column, cases[i].shown, cases[i].caret);
        expect_print(&errors, cases[i].line, strlen(cases[i].line), fnd_text_z(&expected));
        fnd_text_finish(&expected);
    }
}

Test(errors, lines_are_found_whatever_ends_them)
{
    const char *source = "\xEF\xBB\xBFone\r\ntwo\r\n\r\nfour";
    struct fnd_errors errors = {0};
    fnd_errors_add(&errors, "f", 1, 1, "", "a");
    fnd_errors_add(&errors, "f", 2, 1, "", "b");
    fnd_errors_add(&errors, "f", 3, 1, "", "c");
    fnd_errors_add(&errors, "f", 4, 4, "", "d");
    fnd_errors_add(&errors, "f", 5, 1, "", "e");
    expect_print(&errors, source, strlen(source),
                 "f:1:1: error: a\n    1 | one\n      | ^\n"
                 "f:2:1: error: b\n    2 | two\n      | ^\n"
                 "f:3:1: error: c\n    3 | \n      | ^\n"
                 "f:4:4: error: d\n    4 | four\n      |    ^\n"
                 "f:5:1: error: e\n");
}

Test(errors, long_lines_are_cut_around_the_place)
{
    char line[4001];
    memset(line, 'a', 4000);
    line[4000] = '\0';
    line[2000] = '!';
    struct fnd_errors errors = {0};
    fnd_errors_add(&errors, "f", 1, 2001, "c", "m");
    struct fnd_text out = {0};
    fnd_errors_print(&errors, line, 4000, &out);
    char *shown = strstr(fnd_text_z(&out), "    1 | ");
    cr_assert_not_null(shown);
    char *caret = strstr(shown, "\n      | ");
    cr_assert_not_null(caret);
    const size_t ellipsis = strlen("…");
    const size_t columns = (size_t)(caret - shown) - strlen("    1 | ") - 2 * ellipsis + 2;
    cr_assert_leq(columns, 121);
    cr_assert_geq(columns, 110);
    const char *mark = strchr(shown, '!');
    cr_assert_not_null(mark);
    const size_t mark_column = (size_t)(mark - shown) - strlen("    1 | ") - ellipsis + 1;
    const size_t caret_column = strcspn(caret + strlen("\n      | "), "^");
    cr_assert_eq(mark_column, caret_column);
    fnd_text_finish(&out);
}

Test(errors, a_name_or_message_cannot_drive_the_terminal)
{
    struct fnd_errors errors = {0};
    fnd_errors_add(&errors, "a\x1b[2J.yaml", 1, 1, "c", "bad \x1b]0;title\x07 and \x80");
    struct fnd_text out = {0};
    fnd_errors_print(&errors, "\x1b[2J", 4, &out);
    cr_assert_null(strchr(fnd_text_z(&out), 0x1b));
    cr_assert_null(strchr(fnd_text_z(&out), 0x07));
    cr_assert(fnd_utf8_valid(out.bytes, out.size));
    fnd_text_finish(&out);
}

Test(errors, an_error_without_a_place_is_printed_without_one)
{
    struct fnd_errors errors = {0};
    struct fnd_error error = {0};
    fnd_error_set(&error, FND_NOT_FOUND, "no such file");
    fnd_error_place(&error, "x.yaml", 0, 0);
    fnd_errors_take(&errors, &error);
    expect_print(&errors, "abc", 3, "x.yaml: error: no such file\n");
}

Test(errors, lines_of_another_file_are_not_shown)
{
    struct fnd_errors errors = {0};
    fnd_errors_add(&errors, "a", 1, 1, "", "m");
    fnd_errors_add(&errors, "b", 1, 1, "", "n");
    expect_print(&errors, "abc", 3, "a:1:1: error: m\n    1 | abc\n      | ^\nb:1:1: error: n\n");
}

Test(errors, beyond_the_maximum_are_counted)
{
    struct fnd_errors errors = {0};
    for (size_t i = 0; i < FND_CONFIG_ERRORS_MAX + 3; i++) {
        fnd_errors_add(&errors, "f", i + 1, 1, "c", "number %zu", i);
    }
    cr_assert_eq(errors.count, FND_CONFIG_ERRORS_MAX);
    cr_assert_eq(errors.skipped, 3);
    struct fnd_text out = {0};
    fnd_errors_print(&errors, NULL, 0, &out);
    cr_assert_not_null(strstr(fnd_text_z(&out), "… and 3 more errors\n"));
    fnd_text_finish(&out);
}

Test(errors, are_sorted_by_place_and_keep_their_order_otherwise)
{
    static const size_t places[][2] = {{3, 1}, {1, 9}, {1, 2}, {3, 1}, {0, 0}, {2, 5}};
    struct fnd_errors errors = {0};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        fnd_errors_add(&errors, "f", places[i][0], places[i][1], "c", "%zu", i);
    }
    fnd_errors_sort(&errors);
    static const char *const expected[] = {"4", "2", "1", "5", "0", "3"};
    for (size_t i = 0; i < errors.count; i++) {
        cr_assert_str_eq(errors.list[i].message, expected[i]);
    }
}

Test(errors, as_json_they_are_json)
{
    struct fnd_errors errors = {0};
    struct fnd_text out = {0};
    fnd_errors_json(&errors, &out);
    cr_assert_str_eq(fnd_text_z(&out), "[]");
    fnd_text_clear(&out);
    fnd_errors_add(&errors, "a\"b\xff.yaml", 3, 7, "unknown_key", "tab \t and \"quotes\"");
    fnd_errors_add(&errors, "c", 4, 1, "x", "second");
    fnd_errors_json(&errors, &out);
    struct fnd_json value;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(out.bytes, out.size, NULL, &value, &error), FND_OK, "%s: %s",
                 fnd_text_z(&out), error.message);
    cr_assert_eq(fnd_json_count(value), 2);
    cr_assert(fnd_json_text_is(fnd_json_find(value, "/0/file"), "a\"b\\xff.yaml"));
    cr_assert(fnd_json_text_is(fnd_json_find(value, "/0/message"), "tab \t and \"quotes\""));
    cr_assert(fnd_json_text_is(fnd_json_find(value, "/0/code"), "unknown_key"));
    int64_t number = 0;
    cr_assert(fnd_json_integer(fnd_json_find(value, "/0/line"), &number) && number == 3);
    cr_assert(fnd_json_integer(fnd_json_find(value, "/0/column"), &number) && number == 7);
    fnd_text_finish(&out);
}

Test(errors, a_long_message_is_cut_where_a_character_ends)
{
    char *message = fnd_alloc(4001);
    for (size_t i = 0; i < 4000; i += 2) {
        memcpy(message + i, "é", 2);
    }
    struct fnd_errors errors = {0};
    fnd_errors_add(&errors, "f", 1, 1, "c", "x%s", message);
    const char *cut = errors.list[0].message;
    cr_assert_gt(strlen(cut), FND_ERROR_MESSAGE_SIZE - 10);
    cr_assert(fnd_utf8_valid(cut, strlen(cut)));
    free(message);
}
