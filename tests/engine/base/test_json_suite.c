/* SPDX-License-Identifier: MIT */
/* What is JSON and what is not: the project's own table, and the cases of JSONTestSuite where its
 * folder lies beside the checkout or is named by FOUNDRY_SHARED_DATA. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "json_help.h"

enum { OWN_CASES_MIN = 150, SUITE_CASES_MIN = 300, CASE_SIZE_MAX = 1 << 20 };

/* `code` NULL: accepted. The size is counted so that a case may hold NUL. */
struct json_case {
    const char *bytes;
    size_t size;
    const char *code;
};

#define GOOD(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1, NULL                                                                \
    }
#define BAD(text, code)                                                                            \
    {                                                                                              \
        text, sizeof text - 1, code                                                                \
    }

static const struct json_case own_cases[] = {
    /* scalars at the root, white space around them */
    GOOD("null"),
    GOOD("true"),
    GOOD("false"),
    GOOD("0"),
    GOOD("-0"),
    GOOD("1"),
    GOOD("\"\""),
    GOOD("\"a\""),
    GOOD(" 1 "),
    GOOD("\t\n\r 1\t\n\r "),
    GOOD("[]"),
    GOOD("{}"),
    GOOD("[ ]"),
    GOOD("{ }"),
    GOOD("[\n]"),
    GOOD("{\r\n}"),
    GOOD(" [ 1 , 2 ] "),
    GOOD("{\"a\" : 1 , \"b\":2}"),
    BAD("", "empty"),
    BAD(" ", "empty"),
    BAD("\n\t", "empty"),
    BAD("\v1", "bad_value"),
    BAD("\f1", "bad_value"),
    BAD("1\f", "trailing_text"),
    BAD("\xc2\xa0"
        "1",
        "bad_value"),
    BAD("1\0", "trailing_text"),
    BAD("\0"
        "1",
        "bad_value"),
    BAD("\0", "bad_value"),
    /* numbers */
    GOOD("[0,-0,1,-1,10,123]"),
    GOOD("0.0"),
    GOOD("-0.0"),
    GOOD("1.10"),
    GOOD("1e5"),
    GOOD("1E5"),
    GOOD("1e+5"),
    GOOD("1e-5"),
    GOOD("1.5e-05"),
    GOOD("0e0"),
    GOOD("0e+1"),
    GOOD("-1.5E+10"),
    GOOD("1e400"),
    GOOD("1e-400"),
    GOOD("9007199254740993"),
    GOOD("123456789012345678901234567890.123456789012345678901234567890"),
    GOOD("1e99999999999999999999999999"),
    GOOD("[1 ,2]"),
    GOOD("[1\n]"),
    BAD("01", "bad_number"),
    BAD("-01", "bad_number"),
    BAD("00", "bad_number"),
    BAD("-", "bad_number"),
    BAD("--1", "bad_number"),
    BAD("+1", "bad_number"),
    BAD(".5", "bad_number"),
    BAD("-.5", "bad_number"),
    BAD("5.", "bad_number"),
    BAD("5.e1", "bad_number"),
    BAD("1e", "bad_number"),
    BAD("1e+", "bad_number"),
    BAD("1E-", "bad_number"),
    BAD("1.2.3", "bad_number"),
    BAD("1e5.5", "bad_number"),
    BAD("0x10", "bad_number"),
    BAD("1_000", "bad_number"),
    BAD("1a", "bad_number"),
    BAD("1-2", "bad_number"),
    BAD("NaN", "bad_number"),
    BAD("-NaN", "bad_number"),
    BAD("Infinity", "bad_number"),
    BAD("-Infinity", "bad_number"),
    BAD("- 1", "bad_number"),
    BAD("[1,-]", "bad_number"),
    BAD("[0.]", "bad_number"),
    BAD("1 000", "trailing_text"),
    BAD("1,5", "trailing_text"),
    BAD("[1 000]", "missing_comma"),
    BAD("\xef\xbc\x91", "bad_value"),
    BAD("1\xc2", "trailing_text"),
    /* words */
    BAD("nul", "bad_literal"),
    BAD("n", "bad_literal"),
    BAD("nulll", "bad_literal"),
    BAD("tru", "bad_literal"),
    BAD("True", "bad_value"),
    BAD("truefalse", "bad_literal"),
    BAD("fals", "bad_literal"),
    BAD("FALSE", "bad_value"),
    BAD("nil", "bad_literal"),
    BAD("undefined", "bad_value"),
    BAD("true1", "bad_literal"),
    BAD("[true,fals]", "bad_literal"),
    BAD("yes", "bad_value"),
    BAD("abc", "bad_value"),
    BAD("*", "bad_value"),
    /* strings */
    GOOD("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    GOOD("\"\\u0041\""),
    GOOD("\"\\u00e9\""),
    GOOD("\"\\uABCD\\uabcd\""),
    GOOD("\"\\u0001\""),
    GOOD("\"\\uD83D\\uDE00\""),
    GOOD("\"\\ud83d\\ude00\""),
    GOOD("\"\\uffff\""),
    GOOD("\"\\ufeff\""),
    GOOD("\"\x7f\""),
    GOOD("\"\xc3\xa9\""),
    GOOD("\"\xe2\x82\xac\""),
    GOOD("\"\xf0\x9f\x98\x80\""),
    GOOD("\"\xf4\x8f\xbf\xbf\""),
    GOOD("\"\xed\x9f\xbf\xee\x80\x80\""),
    GOOD("\"\xc2\x80\""),
    GOOD("\"\xe0\xa0\x80\""),
    GOOD("\"\xf0\x90\x80\x80\""),
    GOOD("\"/\""),
    GOOD("\"'\""),
    GOOD("\"\xef\xbb\xbf\""),
    GOOD("\"\xe2\x80\xa8\""),
    GOOD("\"eight by\\\\teeight bytes\""),
    GOOD("\"[{,:]}\""),
    GOOD("\"\\\\u0000\""),
    BAD("\"", "truncated"),
    BAD("\"a", "truncated"),
    BAD("\"\\\"", "truncated"),
    BAD("\"\\", "bad_escape"),
    BAD("\"\\a\"", "bad_escape"),
    BAD("\"\\x41\"", "bad_escape"),
    BAD("\"\\'\"", "bad_escape"),
    BAD("\"\\0\"", "bad_escape"),
    BAD("\"\\U0041\"", "bad_escape"),
    BAD("\"\\u\"", "bad_escape"),
    BAD("\"\\u1\"", "bad_escape"),
    BAD("\"\\u12\"", "bad_escape"),
    BAD("\"\\u123\"", "bad_escape"),
    BAD("\"\\u123", "bad_escape"),
    BAD("\"\\u12g4\"", "bad_escape"),
    BAD("\"\\u 123\"", "bad_escape"),
    BAD("\"\\u+123\"", "bad_escape"),
    BAD("\"\\\xc3\xa9\"", "bad_escape"),
    BAD("\"\\u0000\"", "nul_character"),
    BAD("{\"\\u0000\":1}", "nul_character"),
    BAD("\"a\\u0000b\"", "nul_character"),
    BAD("\"\\ud800\"", "lone_surrogate"),
    BAD("\"\\udc00\"", "lone_surrogate"),
    BAD("\"\\ud800\\ud800\"", "lone_surrogate"),
    BAD("\"\\ud800a\"", "lone_surrogate"),
    BAD("\"\\ud800\\n\"", "lone_surrogate"),
    BAD("\"\\ud800\\u0041\"", "lone_surrogate"),
    BAD("\"\\ud800\\ue000\"", "lone_surrogate"),
    BAD("\"\\ude00\\ud83d\"", "lone_surrogate"),
    BAD("\"\\ud83d\\ude0\"", "lone_surrogate"),
    BAD("\"\\ud83d\\ude", "lone_surrogate"),
    BAD("\"\n\"", "control_character"),
    BAD("\"\t\"", "control_character"),
    BAD("\"\0\"", "control_character"),
    BAD("\"\x1f\"", "control_character"),
    BAD("\"abcdefgh\x01\"", "control_character"),
    BAD("\"a\rb\"", "control_character"),
    BAD("\"\x80\"", "invalid_utf8"),
    BAD("\"\xbf\"", "invalid_utf8"),
    BAD("\"\xff\"", "invalid_utf8"),
    BAD("\"\xfe\"", "invalid_utf8"),
    BAD("\"\xc3\"", "invalid_utf8"),
    BAD("\"\xc3", "invalid_utf8"),
    BAD("\"\xe2\x82\"", "invalid_utf8"),
    BAD("\"\xf0\x9f\x98\"", "invalid_utf8"),
    BAD("\"\xc0\x80\"", "invalid_utf8"),
    BAD("\"\xc1\xbf\"", "invalid_utf8"),
    BAD("\"\xe0\x80\x80\"", "invalid_utf8"),
    BAD("\"\xe0\x9f\xbf\"", "invalid_utf8"),
    BAD("\"\xf0\x80\x80\x80\"", "invalid_utf8"),
    BAD("\"\xf0\x8f\xbf\xbf\"", "invalid_utf8"),
    BAD("\"\xed\xa0\x80\"", "invalid_utf8"),
    BAD("\"\xed\xbf\xbf\"", "invalid_utf8"),
    BAD("\"\xf4\x90\x80\x80\"", "invalid_utf8"),
    BAD("\"\xf5\x80\x80\x80\"", "invalid_utf8"),
    BAD("\"\xe9t\xe9\"", "invalid_utf8"),
    BAD("{\"\xff\":1}", "invalid_utf8"),
    BAD("\"\xc3\xa9\xc3\xa9\xc3\"", "invalid_utf8"),
    BAD("'a'", "bad_value"),
    BAD("['a']", "bad_value"),
    BAD("\"a\"b", "trailing_text"),
    BAD("\"a\" \"b\"", "trailing_text"),
    /* arrays */
    GOOD("[1]"),
    GOOD("[[]]"),
    GOOD("[[[]]]"),
    GOOD("[{},[],\"\",0,null,true,false]"),
    GOOD("[\"a\",\"a\"]"),
    GOOD("[[1,2],[3,4]]"),
    BAD("[", "truncated"),
    BAD("[1", "truncated"),
    BAD("[1,", "truncated"),
    BAD("[1 ", "truncated"),
    BAD("]", "bad_value"),
    BAD("[1,]", "trailing_comma"),
    BAD("[1 , ]", "trailing_comma"),
    BAD("[,]", "bad_value"),
    BAD("[,1]", "bad_value"),
    BAD("[1,,2]", "bad_value"),
    BAD("[1 2]", "missing_comma"),
    BAD("[\"a\" 1]", "missing_comma"),
    BAD("[1}", "missing_comma"),
    BAD("[1:2]", "missing_comma"),
    BAD("[\"a\":1]", "missing_comma"),
    BAD("[1]]", "trailing_text"),
    BAD("[][]", "trailing_text"),
    BAD("[1],", "trailing_text"),
    BAD("[[1]", "truncated"),
    BAD("[}", "bad_value"),
    BAD("[1;2]", "missing_comma"),
    /* objects */
    GOOD("{\"a\":1}"),
    GOOD("{\"\":0}"),
    GOOD("{\"a\":{\"a\":{\"a\":1}}}"),
    GOOD("{\"a\":1,\"b\":1,\"A\":1}"),
    GOOD("[{\"a\":1},{\"a\":1}]"),
    GOOD("{\"a\":{\"b\":1},\"b\":2}"),
    GOOD("{\"a\":[{\"b\":1},{\"b\":1}],\"b\":{}}"),
    GOOD("{\"a\\nb\":1,\"anb\":2}"),
    GOOD("{\"12345678\":1,\"123456789\":2,\"1234567\":3}"),
    BAD("{", "truncated"),
    BAD("{\"a\"", "truncated"),
    BAD("{\"a\":", "truncated"),
    BAD("{\"a\":1", "truncated"),
    BAD("{\"a\":1,", "truncated"),
    BAD("{\"a", "truncated"),
    BAD("}", "bad_value"),
    BAD("{\"a\"}", "missing_colon"),
    BAD("{\"a\" 1}", "missing_colon"),
    BAD("{\"a\"=1}", "missing_colon"),
    BAD("{\"a\",1}", "missing_colon"),
    BAD("{\"a\"::1}", "bad_value"),
    BAD("{\"a\":}", "bad_value"),
    BAD("{\"a\":,}", "bad_value"),
    BAD("{:1}", "bad_key"),
    BAD("{,}", "bad_key"),
    BAD("{a:1}", "bad_key"),
    BAD("{'a':1}", "bad_key"),
    BAD("{1:1}", "bad_key"),
    BAD("{null:1}", "bad_key"),
    BAD("{[]:1}", "bad_key"),
    BAD("{\"a\":1,}", "trailing_comma"),
    BAD("{\"a\":1,,\"b\":2}", "bad_key"),
    BAD("{\"a\":1 \"b\":2}", "missing_comma"),
    BAD("{\"a\":1]", "missing_comma"),
    BAD("{]", "bad_key"),
    BAD("{\"a\":1}}", "trailing_text"),
    BAD("{\"a\":1}{\"b\":2}", "trailing_text"),
    BAD("{\"a\":1}\n{\"b\":2}\n", "trailing_text"),
    BAD("{\"a\":1,\"b\"}", "missing_colon"),
    BAD("{\"a\":1;\"b\":2}", "missing_comma"),
    /* duplicate keys, however they are written */
    BAD("{\"a\":1,\"a\":1}", "duplicate_key"),
    BAD("{\"a\":1,\"b\":2,\"a\":3}", "duplicate_key"),
    BAD("{\"\":1,\"\":2}", "duplicate_key"),
    BAD("{\"a\":1,\"\\u0061\":2}", "duplicate_key"),
    BAD("{\"\\u0061\":1,\"a\":2}", "duplicate_key"),
    BAD("{\"\\/\":1,\"/\":2}", "duplicate_key"),
    BAD("{\"\xc3\xa9\":1,\"\\u00e9\":2}", "duplicate_key"),
    BAD("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", "duplicate_key"),
    BAD("{\"\\n\":1,\"\\u000A\":2}", "duplicate_key"),
    BAD("{\"longer than eight\":1,\"longer than eight\":2}", "duplicate_key"),
    BAD("{\"longer than eight\":1,\"longer than \\u0065ight\":2}", "duplicate_key"),
    BAD("{\"x\":[{\"a\":1,\"a\":2}]}", "duplicate_key"),
    BAD("{\"x\":{\"b\":1},\"x\":2}", "duplicate_key"),
    /* comments, byte order marks, other encodings, other formats */
    BAD("1 // one", "trailing_text"),
    BAD("/* */ 1", "bad_value"),
    BAD("[1 /* */]", "missing_comma"),
    BAD("[/**/]", "bad_value"),
    BAD("# one\n1", "bad_value"),
    BAD("{\"a\":1 /", "missing_comma"),
    BAD("\xef\xbb\xbf{}", "byte_order_mark"),
    BAD("\xef\xbb\xbf", "byte_order_mark"),
    BAD("\xef\xbb{}", "bad_value"),
    BAD("\xff\xfe{\0}\0", "bad_value"),
    BAD("{\0}\0", "bad_key"),
    BAD("\xff", "bad_value"),
    BAD("<a/>", "bad_value"),
    BAD("a: 1", "bad_value"),
    BAD("---", "bad_number"),
    BAD("[\xe2\x81\xa0]", "bad_value"),
    BAD("(1)", "bad_value"),
};

enum { OWN_CASES = sizeof own_cases / sizeof own_cases[0] };

_Static_assert((int)OWN_CASES >= (int)OWN_CASES_MIN, "the own table covers the ground alone");

Test(json_suite, each_own_case_is_accepted_or_refused_with_its_code)
{
    for (size_t i = 0; i < OWN_CASES; i++) {
        const struct json_case *one = &own_cases[i];
        struct fnd_error error = {0};
        enum fnd_status status = check_tight(one->bytes, one->size, &error);
        if (one->code == NULL) {
            cr_expect_eq(status, FND_OK, "case %zu: %s: %s", i, one->bytes, error.message);
            continue;
        }
        cr_expect_eq(status, FND_INVALID, "case %zu was accepted: %s", i, one->bytes);
        cr_expect_str_eq(error.code, one->code, "case %zu: %s: %s", i, one->bytes, error.message);
        cr_expect(error.line > 0 && error.column > 0 && error.column <= one->size + 1);
        cr_expect_eq(strncmp(error.message, "at ", 3), 0, "%s", error.message);
    }
    fprintf(stderr, "json_suite: %d own cases\n", (int)OWN_CASES);
}

/* No beginning of a text may be read beyond its end; none of those that are containers or strings
 * is a whole text. */
Test(json_suite, no_beginning_of_an_own_case_reads_beyond_its_end)
{
    for (size_t i = 0; i < OWN_CASES; i++) {
        const struct json_case *one = &own_cases[i];
        for (size_t size = 0; size < one->size; size++) {
            struct fnd_error error = {0};
            enum fnd_status status = check_tight(one->bytes, size, &error);
            bool bracket = one->bytes[0] == '[' || one->bytes[0] == '{' || one->bytes[0] == '"';
            if (one->code == NULL && bracket) {
                cr_expect_neq(status, FND_OK, "case %zu, its first %zu bytes", i, size);
            }
        }
    }
}

/* A value has the same meaning in each of its forms, and each form is JSON again. */
static void expect_forms(const char *name, struct fnd_json value)
{
    void (*const forms[])(struct fnd_json, struct fnd_text *) = {fnd_json_compact,
                                                                 fnd_json_canonical};
    for (size_t i = 0; i < 3; i++) {
        struct fnd_text text = {0};
        if (i < 2) {
            forms[i](value, &text);
        } else {
            fnd_json_pretty(value, &text, 0);
        }
        struct fnd_json again = {0};
        struct fnd_error error = {0};
        enum fnd_status status = fnd_json_check(text.bytes, text.size, name, &again, &error);
        cr_expect_eq(status, FND_OK, "%s, form %zu: %s", name, i, error.message);
        cr_expect(status != FND_OK || fnd_json_equal(value, again), "%s, form %zu", name, i);
        fnd_text_finish(&text);
    }
}

Test(json_suite, each_accepted_own_case_is_equal_to_its_other_forms)
{
    for (size_t i = 0; i < OWN_CASES; i++) {
        if (own_cases[i].code == NULL) {
            expect_forms(own_cases[i].bytes, json_of(own_cases[i].bytes));
        }
    }
}

/* Cases that RFC 8259 allows and our rules refuse, by name, with the code they must get. */
static const struct {
    const char *name, *code;
} stricter[] = {
    {"y_object_duplicated_key.json", "duplicate_key"},
    {"y_object_duplicated_key_and_value.json", "duplicate_key"},
    {"y_object_escaped_null_in_key.json", "nul_character"},
    {"y_string_null_escape.json", "nul_character"},
};

enum { STRICTER = sizeof stricter / sizeof stricter[0] };

struct suite {
    size_t accepted, refused, either, stricter;
};

static void run_suite_case(int folder, const char *name, struct suite *suite)
{
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    enum fnd_status status = fnd_file_read(folder, name, CASE_SIZE_MAX, &text, &error);
    cr_assert_eq(status, FND_OK, "%s", error.message);
    status = check_tight(fnd_text_z(&text), text.size, &error);
    size_t exception = 0;
    while (exception < STRICTER && strcmp(stricter[exception].name, name) != 0) {
        exception++;
    }
    if (exception < STRICTER) {
        suite->stricter++;
        cr_expect_eq(status, FND_INVALID, "%s is refused by our rules", name);
        cr_expect_str_eq(error.code, stricter[exception].code, "%s", name);
    } else if (name[0] == 'y') {
        suite->accepted++;
        cr_expect_eq(status, FND_OK, "%s: %s", name, error.message);
    } else if (name[0] == 'n') {
        suite->refused++;
        cr_expect_neq(status, FND_OK, "%s was accepted", name);
        cr_expect(error.code[0] != '\0' && error.line > 0, "%s", name);
    } else {
        suite->either++;
    }
    if (status == FND_OK) {
        struct fnd_json value = {0};
        fnd_json_check(text.bytes, text.size, name, &value, NULL);
        expect_forms(name, value);
    }
    fnd_text_finish(&text);
}

/* The folder of the suite's cases, or NULL; its path in `path`. */
static DIR *suite_open(struct fnd_text *path)
{
    static const char below[] = "/json-parsing/test_parsing";
    const char *shared = getenv("FOUNDRY_SHARED_DATA"), *root = getenv("FOUNDRY_SOURCE_ROOT");
    DIR *folder = NULL;
    if (shared != NULL) {
        fnd_text_printf(path, "%s%s", shared, below);
        folder = opendir(path->bytes);
    }
    if (folder == NULL && root != NULL) {
        fnd_text_clear(path);
        fnd_text_printf(path, "%s/../shared/data%s", root, below);
        folder = opendir(path->bytes);
    }
    return folder;
}

Test(json_suite, cases_of_jsontestsuite_are_accepted_or_refused_as_named)
{
    struct fnd_text path = {0};
    DIR *folder = suite_open(&path);
    if (folder == NULL) {
        fprintf(stderr, "json_suite: the folder of JSONTestSuite was not found; its cases were not "
                        "run (set FOUNDRY_SHARED_DATA)\n");
        fnd_text_finish(&path);
        cr_skip_test("the folder of JSONTestSuite was not found");
    }
    struct suite suite = {0};
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strchr("yni", entry->d_name[0]) != NULL && entry->d_name[1] == '_') {
            run_suite_case(dirfd(folder), entry->d_name, &suite);
        }
    }
    closedir(folder);
    size_t total = suite.accepted + suite.refused + suite.either + suite.stricter;
    fprintf(
        stderr,
        "json_suite: %zu cases of JSONTestSuite in %s: %zu to accept, %zu to refuse, %zu either "
        "way, %zu that our stricter rules refuse\n",
        total, path.bytes, suite.accepted, suite.refused, suite.either, suite.stricter);
    fnd_text_finish(&path);
    cr_expect_eq(suite.stricter, (size_t)STRICTER, "each exception is a case that is there");
    cr_expect_geq(total, (size_t)SUITE_CASES_MIN, "the folder holds the whole suite");
}
