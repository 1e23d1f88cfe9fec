/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "json_help.h"

/* Texts of a given shape */

static struct fnd_text nested(size_t depth, char open, const char *inside, char close)
{
    struct fnd_text text = {0};
    for (size_t i = 0; i < depth; i++) {
        fnd_text_append_byte(&text, open);
        fnd_text_append_z(&text, open == '{' ? "\"a\":" : "");
    }
    fnd_text_append_z(&text, inside);
    for (size_t i = 0; i < depth && close != '\0'; i++) {
        fnd_text_append_byte(&text, close);
    }
    return text;
}

/* An object of `count` distinct keys; then, unless NULL, one more. */
static struct fnd_text object_of(size_t count, const char *extra)
{
    struct fnd_text text = {0};
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(&text, "%c\"key %zu\":%zu", i == 0 ? '{' : ',', i, i);
    }
    if (extra != NULL) {
        fnd_text_printf(&text, ",%s:0", extra);
    }
    fnd_text_append_byte(&text, '}');
    return text;
}

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Checking */

/* A string is looked through many bytes at a time: every byte at every place of it is judged as if
 * it stood alone. */
Test(json, a_byte_that_needs_a_look_gets_it_wherever_it_stands)
{
    enum { SIZE = 70 };
    for (int byte = 0; byte < 256; byte++) {
        const bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
        for (size_t at = 0; at < SIZE; at++) {
            char text[SIZE + 2];
            struct fnd_json value;
            struct fnd_error error = {0};
            memset(text, 'x', sizeof text);
            text[0] = text[SIZE + 1] = '"';
            text[1 + at] = (char)byte;
            const enum fnd_status status = fnd_json_check(text, sizeof text, NULL, &value, &error);
            cr_assert_eq(status == FND_OK, plain, "byte %d at %zu: %s", byte, at, error.message);
            if (!plain && byte != '"' && byte != '\\') {
                cr_assert_eq(error.column, at + 2, "byte %d at %zu", byte, at);
            }
        }
    }
}

Test(json, sixty_four_containers_are_allowed_and_one_more_is_not)
{
    static const struct {
        size_t depth;
        char open, close;
        const char *inside;
        enum fnd_status status;
    } cases[] = {
        {64, '[', ']', "", FND_OK},      {64, '{', '}', "1", FND_OK},
        {63, '[', ']', "{}", FND_OK},    {65, '[', ']', "", FND_LIMIT},
        {65, '{', '}', "1", FND_LIMIT},  {64, '[', ']', "[]", FND_LIMIT},
        {64, '{', '}', "{}", FND_LIMIT}, {64, '[', ']', "\"[[[[\"", FND_OK},
        {1000, '[', ']', "", FND_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text =
            nested(cases[i].depth, cases[i].open, cases[i].inside, cases[i].close);
        struct fnd_error error = {0};
        cr_expect_eq(check_tight(text.bytes, text.size, &error), cases[i].status, "case %zu: %s", i,
                     error.message);
        if (cases[i].status == FND_LIMIT) {
            cr_expect_str_eq(error.code, "too_deep");
            cr_expect_not_null(strstr(error.message, "more than 64 containers"));
        }
        fnd_text_finish(&text);
    }
}

Test(json, a_million_brackets_are_refused_at_once)
{
    struct fnd_text text = nested(1000000, '[', "", '\0');
    struct fnd_error error = {0};
    struct fnd_json value = {0};
    double begin = cpu_ms();
    enum fnd_status status = fnd_json_check(text.bytes, text.size, NULL, &value, &error);
    double spent = cpu_ms() - begin;
    cr_expect_eq(status, FND_LIMIT);
    cr_expect_eq(error.column, 65);
    cr_expect_lt(spent, 50.0, "%g ms", spent);
    fnd_text_finish(&text);
}

Test(json, duplicate_keys_are_found_in_objects_of_any_size)
{
    static const size_t counts[] = {1, 2, 15, 16, 17, 18, 63, 64, 65, 66, 200, 5000};
    static const char *const extras[] = {"\"key 0\"", "\"\\u006bey 0\"", "\"k\\u0065y\\u00200\""};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct fnd_text text = object_of(counts[i], NULL);
        struct fnd_error error = {0};
        cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_OK, "%zu keys: %s", counts[i],
                     error.message);
        fnd_text_finish(&text);
        for (size_t k = 0; k < sizeof extras / sizeof extras[0]; k++) {
            text = object_of(counts[i], extras[k]);
            cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_INVALID, "%zu keys and %s",
                         counts[i], extras[k]);
            cr_expect_str_eq(error.code, "duplicate_key");
            cr_expect_str_eq(error.message, "at the root: duplicate key \"key 0\", first at line 1;"
                                            " keep one of them");
            const char *second = strstr(text.bytes + 2, extras[k]);
            cr_expect(second != NULL && error.column == (size_t)(second - text.bytes) + 1);
            fnd_text_finish(&text);
        }
    }
}

/* Keys of one byte to twelve, at the end of the text and before much more of it: equal ones are
 * found however they are written, and no others. */
Test(json, short_keys_are_told_apart_by_all_of_their_bytes)
{
    static const char letters[] = "abcdefghijkl";
    for (size_t size = 1; size < sizeof letters; size++) {
        for (size_t at = 0; at < size; at++) {
            for (unsigned form = 0; form < 8; form++) {
                struct fnd_text text = {0};
                struct fnd_error error = {0};
                const char other = form % 2 == 0 ? letters[at] : (char)(letters[at] ^ 0x20);
                fnd_text_printf(&text, "{\"%.*s\":1,\"%.*s", (int)size, letters, (int)at, letters);
                fnd_text_printf(&text, form / 2 % 2 == 0 ? "%c" : "\\u%04x", other);
                fnd_text_printf(&text, "%.*s\":2%s}", (int)(size - at - 1), letters + at + 1,
                                form / 4 == 0 ? "" : ",\"\":\"something behind it\"");
                cr_expect_eq(check_tight(text.bytes, text.size, &error),
                             form % 2 == 0 ? FND_INVALID : FND_OK, "%s", text.bytes);
                fnd_text_finish(&text);
            }
        }
    }
}

Test(json, of_several_duplicates_in_a_large_object_the_first_is_told)
{
    struct fnd_text text = object_of(40, "\"key 30\":1,\"key 7\":1,\"key 35\":1,\"key 30\"");
    struct fnd_error error = {0};
    cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_INVALID);
    cr_expect_str_eq(error.message,
                     "at the root: duplicate key \"key 30\", first at line 1; keep one of them");
    const char *second = strstr(strstr(text.bytes, "\"key 39\""), "\"key 30\"");
    cr_expect_eq(error.column, (size_t)(second - text.bytes) + 1);
    fnd_text_finish(&text);
}

Test(json, keys_of_outer_objects_survive_large_inner_ones)
{
    struct fnd_text inner = object_of(300, NULL), text = {0};
    fnd_text_printf(&text, "{\"a\":%s,\"b\":[%s,%s],\"c\":1,\"a\":2}", inner.bytes, inner.bytes,
                    inner.bytes);
    struct fnd_error error = {0};
    cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_INVALID);
    cr_expect_str_eq(error.message,
                     "at the root: duplicate key \"a\", first at line 1; keep one of them");
    text.bytes[text.size - 5] = 'd';
    cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_OK, "%s", error.message);
    fnd_text_finish(&inner);
    fnd_text_finish(&text);
}

/* Twice the keys must not take four times as long; the bound leaves room for a busy machine. */
Test(json, a_hundred_thousand_keys_take_no_quadratic_time)
{
    double spent[2] = {1e9, 1e9};
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 2; i++) {
            struct fnd_text text = object_of(i == 0 ? 25000 : 100000, NULL);
            struct fnd_json value = {0};
            double begin = cpu_ms();
            cr_expect_eq(fnd_json_check(text.bytes, text.size, NULL, &value, NULL), FND_OK);
            double took = cpu_ms() - begin;
            spent[i] = took < spent[i] ? took : spent[i];
            fnd_text_finish(&text);
        }
    }
    cr_expect_lt(spent[1], spent[0] * 8 + 5, "25,000 keys: %g ms, 100,000 keys: %g ms", spent[0],
                 spent[1]);
}

Test(json, an_error_names_file_line_column_and_the_pointer_of_its_place)
{
    static const struct {
        const char *text;
        size_t line, column;
        const char *message;
    } cases[] = {
        {"{\n  \"a\": [1,\n    {\"b\": 01}]}", 3, 11,
         "at /a/1/b: a number is broken by \"0\"; a number has no leading zeros"},
        {"{\"line_items\":[{\"a\":1,\n\"a\":2}]}", 2, 1,
         "at /line_items/0: duplicate key \"a\", first at line 1; keep one of them"},
        {"[1,\n2\n", 3, 1,
         "at the root: the text ends inside the array that begins at line 1, column 1"},
        {"{\"a/b\":{\"c~d\":tru}}", 1, 15,
         "at /a~1b/c~0d: a word that begins with \"t\" is not true; put text in quotes"},
        {"{\"\\u001b[2J\":x}", 1, 14, "at /\\x1b[2J: a value is expected, found \"x\""},
        {"{\"a\":[[],[1,2,]]}", 1, 14, "at /a/1: a comma stands before \"]\"; remove it"},
        {"{\"a\" 1}", 1, 6, "at /a: \":\" is expected behind the key, found \"1\""},
        {"", 1, 1, "at the root: the text holds no value"},
        {"[\"", 1, 2, "at /0: the text ends inside the string that begins here"},
        {"[1 \"a\"]", 1, 4, "at the root: \",\" or \"]\" is expected behind a value, found '\"'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_error error = {0};
        struct fnd_json value = {0};
        fnd_json_check(cases[i].text, strlen(cases[i].text), "in.json", &value, &error);
        cr_expect_str_eq(error.message, cases[i].message);
        cr_expect_str_eq(error.file, "in.json");
        cr_expect(error.line == cases[i].line && error.column == cases[i].column, "%s: %zu:%zu",
                  cases[i].text, error.line, error.column);
        cr_expect_null(value.bytes, "the value stays untouched");
    }
}

Test(json, a_message_keeps_its_end_however_long_keys_are)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "{\"");
    for (size_t i = 0; i < 5000; i++) {
        fnd_text_append_z(&text, "\xc3\xa9");
    }
    size_t key_size = text.size - 1;
    fnd_text_append_z(&text, "\":?}");
    struct fnd_error error = {0};
    cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_INVALID);
    cr_expect_not_null(strstr(error.message, "a value is expected, found \"?\""));
    cr_expect(fnd_utf8_valid(error.message, strlen(error.message)));
    char *key = fnd_strndup(text.bytes + 1, key_size);
    fnd_text_clear(&text);
    fnd_text_printf(&text, "{%s\":1,%s\":2}", key, key);
    cr_expect_eq(check_tight(text.bytes, text.size, &error), FND_INVALID);
    cr_expect_str_eq(error.code, "duplicate_key");
    cr_expect_not_null(strstr(error.message, "first at line 1; keep one of them"));
    cr_expect(fnd_utf8_valid(error.message, strlen(error.message)));
    free(key);
    fnd_text_finish(&text);
}

Test(json, a_span_is_the_value_without_white_space_around)
{
    cr_expect(span_is(json_of(" \n{ \"a\" : 1 }\t"), "{ \"a\" : 1 }"));
    cr_expect(span_is(json_of(" 1.10 "), "1.10"));
}

/* Single bytes changed at random: whatever comes out, what is accepted must survive a round trip,
 * and no byte beyond the end may be read. */
Test(json, changed_bytes_never_harm)
{
    static const char base[] = "{\"id\":\"a\\u00e9\\ud83d\\ude00\",\"n\":[1,-0.5e+3,true,null],"
                               "\"o\":{\"k\":\"\xc3\xa9\"}}";
    const uint64_t seed = 20260301;
    uint64_t state = seed;
    fprintf(stderr, "json: seed %llu\n", (unsigned long long)seed);
    for (size_t round = 0; round < 20000; round++) {
        char text[sizeof base];
        memcpy(text, base, sizeof base);
        for (size_t k = 0; k < 1 + round % 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            size_t at = (size_t)(state >> 33) % (sizeof base - 1);
            text[at] = round % 2 == 0 ? base[(size_t)(state >> 20) % (sizeof base - 1)]
                                      : (char)(state >> 56);
        }
        struct fnd_error error = {0};
        if (check_tight(text, sizeof base - 1, &error) == FND_OK) {
            struct fnd_json value = {0}, again = {0};
            struct fnd_text canonical = {0};
            fnd_json_check(text, sizeof base - 1, NULL, &value, NULL);
            fnd_json_canonical(value, &canonical);
            cr_expect_eq(fnd_json_check(canonical.bytes, canonical.size, NULL, &again, &error),
                         FND_OK, "%s: %s", canonical.bytes, error.message);
            cr_expect(fnd_json_equal(value, again), "%s", canonical.bytes);
            fnd_text_finish(&canonical);
        } else {
            size_t lines = 1;
            for (size_t i = 0; i < sizeof base - 1; i++) {
                lines += text[i] == '\n';
            }
            cr_expect(error.line >= 1 && error.line <= lines, "round %zu: line %zu", round,
                      error.line);
            cr_expect(error.column <= sizeof base && error.code[0] != '\0', "round %zu", round);
        }
    }
}

/* Types and walking */

Test(json, a_type_shows_in_the_first_byte)
{
    static const struct {
        const char *text;
        enum fnd_json_type type;
        const char *name;
    } cases[] = {
        {"null", FND_JSON_NULL, "null"},      {"true", FND_JSON_TRUE, "boolean"},
        {"false", FND_JSON_FALSE, "boolean"}, {"-1", FND_JSON_NUMBER, "number"},
        {"0", FND_JSON_NUMBER, "number"},     {"\"\"", FND_JSON_STRING, "string"},
        {"[]", FND_JSON_ARRAY, "array"},      {"{}", FND_JSON_OBJECT, "object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(fnd_json_type(json_of(cases[i].text)), cases[i].type);
        cr_expect_str_eq(fnd_json_type_name(cases[i].type), cases[i].name);
    }
    cr_expect_eq(fnd_json_type((struct fnd_json){0}), FND_JSON_NULL);
}

Test(json, a_walk_gives_members_and_items_in_order)
{
    static const char *const keys[] = {"\"a\"", "\"b\\\"\"", "\"c\"", "\"d\"", "\"e\""};
    static const char *const values[] = {"1", "\"x,]}\\\\\"", "[ 1, [2, \"]\"] ]", "{ }", "null"};
    struct fnd_json object =
        json_of("{ \"a\" : 1 , \"b\\\"\":\"x,]}\\\\\"\n,\"c\":[ 1, [2, \"]\"] ],"
                "\"d\":{ },\"e\":null }");
    struct fnd_json array = json_of("[1,\"x,]}\\\\\" , [ 1, [2, \"]\"] ],{ }\n,null]");
    size_t count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(object); fnd_json_next(&walk); count++) {
        cr_expect_eq(walk.index, count);
        cr_expect(span_is(walk.key, keys[count]) && span_is(walk.value, values[count]), "%zu",
                  count);
    }
    cr_expect_eq(count, 5);
    count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(array); fnd_json_next(&walk); count++) {
        cr_expect_eq(walk.index, count);
        cr_expect(walk.key.bytes == NULL && span_is(walk.value, values[count]), "%zu", count);
    }
    cr_expect_eq(count, 5);
}

Test(json, a_walk_ends_at_once_on_what_holds_nothing_and_stays_ended)
{
    static const char *const texts[] = {"1", "\"[1]\"", "null", "[]", "{}", "[ ]", "{\n}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fnd_json_walk walk = fnd_json_walk(json_of(texts[i]));
        cr_expect(!fnd_json_next(&walk) && !fnd_json_next(&walk), "%s", texts[i]);
        cr_expect_eq(fnd_json_count(json_of(texts[i])), 0);
    }
    struct fnd_json_walk walk = fnd_json_walk((struct fnd_json){0});
    cr_expect(!fnd_json_next(&walk));
    walk = fnd_json_walk(json_of("[1]"));
    cr_expect(fnd_json_next(&walk) && !fnd_json_next(&walk) && !fnd_json_next(&walk));
    cr_expect_null(walk.value.bytes);
    cr_expect_eq(fnd_json_count(json_of("[1,[2,3],{\"a\":4}]")), 3);
    cr_expect_eq(fnd_json_count(json_of("{\"a\":1,\"b\":[1,2]}")), 2);
}

/* Pointers: RFC 6901, section 5, and what it does not allow */

Test(json, a_pointer_finds_its_value_or_none)
{
    static const char document[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
        "\"k\\\"l\":6,\" \":7,\"m~n\":8,\"\\u00e9\":9,\"deep\":{\"er\":[[],[{\"x\":10}]]},"
        "\"\\ud83d\\ude00\":11,\"~1\":12,\"0\":13,\"s\":\"text\"}";
    static const struct {
        const char *pointer, *found;
    } cases[] = {
        {"", document},
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/foo/1", "\"baz\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
        {"/\xc3\xa9", "9"},
        {"/deep/er/1/0/x", "10"},
        {"/\xf0\x9f\x98\x80", "11"},
        {"/~01", "12"},
        {"/0", "13"},
        {"/foo/2", NULL},
        {"/foo/-", NULL},
        {"/foo/00", NULL},
        {"/foo/01", NULL},
        {"/foo/+1", NULL},
        {"/foo/1e0", NULL},
        {"/foo/", NULL},
        {"/foo/18446744073709551616", NULL},
        {"/foo/18446744073709551617", NULL},
        {"/foo/99999999999999999999999999", NULL},
        {"/fo", NULL},
        {"/fooo", NULL},
        {"/foo/0/0", NULL},
        {"/s/0", NULL},
        {"/s/", NULL},
        {"/m~n", NULL},
        {"/m~2n", NULL},
        {"/a/b", NULL},
        {"foo", NULL},
        {"#/foo", NULL},
        {"/missing", NULL},
        {"/deep/er/1/0/y", NULL},
        {"/deep/er/0/0", NULL},
        {"/\xff", NULL},
        {"/m~", NULL},
        {"/i\\\\j", NULL},
    };
    struct fnd_json value = json_of(document);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect(span_is(fnd_json_find(value, cases[i].pointer), cases[i].found), "%s",
                  cases[i].pointer);
    }
    cr_expect_null(fnd_json_find((struct fnd_json){0}, "/a").bytes);
    cr_expect_null(fnd_json_find((struct fnd_json){0}, "").bytes);
}

Test(json, a_pointer_is_valid_by_its_grammar)
{
    static const char *const valid[] = {"",      "/",  "//", "/a",        "/~0", "/~1", "/~0~1",
                                        "/a//b", "/ ", "/-", "/\xc3\xa9", "/\"", "/\n"};
    static const char *const invalid[] = {"a",   "#",   "#/a", " /a",   "/~",    "/~2",
                                          "/a~", "/~/", "~0",  "/\xff", "/\xc3", "/a/\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        cr_expect(fnd_json_pointer_valid(valid[i]), "%s", valid[i]);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        cr_expect(!fnd_json_pointer_valid(invalid[i]), "%s", invalid[i]);
    }
}

Test(json, a_built_pointer_finds_what_it_was_built_from)
{
    struct fnd_json value = json_of("{\"a/b~c\":[0,{\"\\u007e\":\"here\"}]}");
    struct fnd_text pointer = {0};
    fnd_json_pointer_add(&pointer, "a/b~c", 5);
    fnd_json_pointer_add_index(&pointer, 1);
    struct fnd_json_walk walk = fnd_json_walk(fnd_json_find(value, pointer.bytes));
    cr_assert(fnd_json_next(&walk));
    fnd_json_pointer_add_key(&pointer, walk.key);
    cr_expect_str_eq(pointer.bytes, "/a~1b~0c/1/~0");
    cr_expect(span_is(fnd_json_find(value, pointer.bytes), "\"here\""));
    fnd_text_clear(&pointer);
    fnd_json_pointer_add(&pointer, "", 0);
    cr_expect_str_eq(pointer.bytes, "/");
    fnd_text_finish(&pointer);
}

Test(json, a_member_is_named_by_its_decoded_key)
{
    struct fnd_json value = json_of("{\"a\":1,\"\\u0062\":2,\"~1\":3,\"a/b\":4,\"\":5}");
    static const struct {
        const char *key, *found;
    } cases[] = {{"a", "1"}, {"b", "2"},  {"~1", "3"},       {"a/b", "4"},
                 {"", "5"},  {"c", NULL}, {"\\u0062", NULL}, {"aa", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect(span_is(fnd_json_member(value, cases[i].key), cases[i].found), "%s",
                  cases[i].key);
    }
    cr_expect_null(fnd_json_member(json_of("[\"a\",1]"), "a").bytes);
    cr_expect_null(fnd_json_member(json_of("\"a\""), "a").bytes);
    cr_expect_null(fnd_json_member((struct fnd_json){0}, "a").bytes);
}

/* Decoding */

Test(json, several_members_are_found_in_one_walk)
{
    static const char text[] = "{\"b\":1,\"x\":{\"a\":9},\"\\u0061\":2,\"c\":null}";
    static const char *const names[] = {"a", "b", "c", "d"};
    struct fnd_json object, found[4];
    cr_assert_eq(fnd_json_check(text, sizeof text - 1, NULL, &object, NULL), FND_OK);
    fnd_json_members(object, names, 4, found);
    cr_expect(found[0].size == 1 && found[0].bytes[0] == '2', "named by its decoded key");
    cr_expect(found[1].size == 1 && found[1].bytes[0] == '1');
    cr_expect(found[2].size == 4 && memcmp(found[2].bytes, "null", 4) == 0);
    cr_expect_null(found[3].bytes);
    fnd_json_members((struct fnd_json){"[1]", 3}, names, 4, found);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_null(found[i].bytes, "a list has no members");
    }
    fnd_json_members((struct fnd_json){NULL, 0}, names, 4, found);
    cr_expect_null(found[0].bytes, "nor has no value");
}

/* Strings are read many bytes at a time: whatever ends a run, at every place of one, and texts that
 * end right behind it. */
Test(json, a_string_of_any_length_keeps_what_stands_at_any_place_of_it)
{
    static const char *const pieces[] = {"\"", "\\", "\n", "\x1f", "\x7f", "\xc3\xa9", "\\\"", "/"};
    for (size_t piece = 0; piece < sizeof pieces / sizeof pieces[0]; piece++) {
        for (size_t size = 0; size <= 50; size++) {
            for (size_t at = 0; at <= size; at++) {
                struct fnd_text plain = {0}, json = {0}, back = {0};
                struct fnd_json list, found;
                for (size_t i = 0; i <= size; i++) {
                    fnd_text_append_z(&plain, i == at ? pieces[piece] : "");
                    fnd_text_append_z(&plain, i < size ? "u" : "");
                }
                fnd_text_append_byte(&json, '[');
                fnd_text_append_json(&json, plain.bytes, plain.size);
                fnd_text_append_z(&json, ",1]");
                char *exact = fnd_strndup(json.bytes, json.size); /* nothing behind it to read */
                cr_assert_eq(fnd_json_check(exact, json.size, NULL, &list, NULL), FND_OK, "%s",
                             json.bytes);
                found = fnd_json_find(list, "/0");
                cr_assert(fnd_json_text(found, &back));
                cr_assert_eq(back.size, plain.size, "%s", json.bytes);
                cr_assert_arr_eq(back.bytes, plain.bytes, plain.size, "%s", json.bytes);
                cr_assert_eq(fnd_json_find(list, "/1").bytes[0], '1', "%s", json.bytes);
                free(exact);
                fnd_text_finish(&plain);
                fnd_text_finish(&json);
                fnd_text_finish(&back);
            }
        }
    }
}

Test(json, a_string_decodes_to_its_text)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u007f\"", "A\x7f"},
        {"\"\\u0080\\u07ff\"", "\xc2\x80\xdf\xbf"},
        {"\"\\u0800\\uffff\"", "\xe0\xa0\x80\xef\xbf\xbf"},
        {"\"\\ud800\\udc00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"\"a\\u00e9b\xc3\xa9\"", "a\xc3\xa9"
                                  "b\xc3\xa9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_json string = json_of(cases[i].json);
        char *copy = fnd_json_strdup(string);
        cr_expect_str_eq(copy, cases[i].text);
        cr_expect(fnd_json_text_is(string, cases[i].text), "%s", cases[i].json);
        cr_expect(!fnd_json_text_is(string, "other"), "%s", cases[i].json);
        struct fnd_text longer = {0}, appended = {0};
        fnd_text_printf(&longer, "%sx", cases[i].text);
        cr_expect(!fnd_json_text_is(string, longer.bytes), "%s", cases[i].json);
        fnd_text_append_z(&appended, "before ");
        cr_expect(fnd_json_text(string, &appended));
        cr_expect_str_eq(appended.bytes + 7, cases[i].text);
        fnd_text_finish(&longer);
        fnd_text_finish(&appended);
        free(copy);
    }
}

Test(json, what_is_no_string_has_no_text)
{
    static const char *const texts[] = {"1", "null", "true", "[\"a\"]", "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fnd_text text = {0};
        cr_expect(!fnd_json_text(json_of(texts[i]), &text) && text.bytes == NULL);
        cr_expect_null(fnd_json_strdup(json_of(texts[i])));
        cr_expect(!fnd_json_text_is(json_of(texts[i]), texts[i]));
    }
    cr_expect_null(fnd_json_strdup((struct fnd_json){0}));
    cr_expect(!fnd_json_text_is((struct fnd_json){0}, ""));
}

Test(json, a_boolean_is_true_or_false_and_nothing_else)
{
    bool value = false;
    cr_expect(fnd_json_boolean(json_of("true"), &value) && value);
    cr_expect(fnd_json_boolean(json_of("false"), &value) && !value);
    value = true;
    static const char *const texts[] = {"1", "null", "\"false\"", "[]", "{}", "0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect(!fnd_json_boolean(json_of(texts[i]), &value) && value, "%s", texts[i]);
    }
    cr_expect(!fnd_json_boolean((struct fnd_json){0}, &value) && value);
}

Test(json, a_place_is_counted_in_bytes_from_one)
{
    static const char text[] = "ab\nc\n\n\xc3\xa9x";
    static const struct {
        size_t offset, line, column;
    } cases[] = {{0, 1, 1}, {1, 1, 2}, {2, 1, 3}, {3, 2, 1}, {5, 3, 1}, {6, 4, 1}, {8, 4, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t line = 0, column = 0;
        fnd_json_place(text, text + cases[i].offset, &line, &column);
        cr_expect(line == cases[i].line && column == cases[i].column, "offset %zu: %zu:%zu",
                  cases[i].offset, line, column);
    }
}

/** Where the string at `at` ends, byte by byte. */
static const char *end_slowly(const char *at)
{
    for (at++; *at != '"'; at++) {
        at += *at == '\\';
    }
    return at + 1;
}

Test(json, a_string_ends_at_its_quote_whatever_is_escaped_where)
{
    /* Around 16 and 64 bytes, which are looked at together, and with many escapes or none. */
    uint64_t seed = 20260301;
    for (size_t size = 0; size < 300; size++) {
        for (unsigned dense = 1; dense <= 32; dense *= 2) {
            struct fnd_text text = {0};
            fnd_text_append_z(&text, "[\"");
            while (text.size < size + 2) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                const unsigned drawn = (unsigned)(seed >> 33);
                const bool escapes = drawn % 32 < dense && text.size + 2 <= size + 2;
                static const char *const written[] = {"\\\"", "\\\\", "\\n"};
                fnd_text_append_z(&text, escapes ? written[(drawn >> 8) % 3] : "x");
            }
            fnd_text_append_z(&text, "\",17,\"behind it\"]");
            struct fnd_json_walk walk = fnd_json_walk(json_of(fnd_text_z(&text)));
            cr_assert(fnd_json_next(&walk));
            cr_assert_eq(walk.value.bytes + walk.value.size, end_slowly(text.bytes + 1), "%s",
                         text.bytes);
            cr_assert(fnd_json_next(&walk) && walk.value.size == 2, "%s", text.bytes);
            fnd_text_finish(&text);
        }
    }
}

Test(json, one_escape_anywhere_moves_no_string_s_end)
{
    static const char *const written[] = {"\\\"", "\\\\", "\\n"};
    struct fnd_text text = {0};
    for (size_t size = 2; size < 200; size++) {
        for (size_t at = 0; at + 2 <= size; at++) {
            fnd_text_clear(&text);
            fnd_text_append_z(&text, "[\"");
            while (text.size < size + 2) {
                fnd_text_append_z(&text, text.size == at + 2 ? written[(size + at) % 3] : "x");
            }
            /* Behind it as much again, so that the string is looked at in large pieces. */
            fnd_text_printf(&text, "\",\"%0200d\"]", 7);
            struct fnd_json_walk walk = fnd_json_walk((struct fnd_json){text.bytes, text.size});
            cr_assert(fnd_json_next(&walk));
            cr_assert_eq(walk.value.size, size + 2, "%zu at %zu: %s", size, at, text.bytes);
        }
    }
    fnd_text_finish(&text);
}

Test(json, a_text_is_decoded_and_written_again_whatever_is_escaped_where)
{
    /* Around 16 bytes, which are looked at together, and with many escapes or none. */
    static const struct {
        const char *written, *means;
    } escapes[] = {{"\\\"", "\""},
                   {"\\\\", "\\"},
                   {"\\n", "\n"},
                   {"\\u001f", "\x1f"},
                   {"\\b", "\b"},
                   {"\\r\\t\\f", "\r\t\f"},
                   {"\xe2\x82\xac", "\xe2\x82\xac"}};
    uint64_t seed = 20261123;
    for (size_t size = 0; size < 200; size++) {
        for (unsigned dense = 0; dense <= 32; dense += 4) {
            struct fnd_text json = {0}, wanted = {0}, found = {0}, again = {0};
            fnd_text_append_z(&json, "\"");
            while (wanted.size < size) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                const unsigned drawn = (unsigned)(seed >> 33);
                const size_t which = (drawn >> 8) % (sizeof escapes / sizeof escapes[0]);
                const bool escaped = drawn % 32 < dense;
                fnd_text_append_z(&json, escaped ? escapes[which].written : "x");
                fnd_text_append_z(&wanted, escaped ? escapes[which].means : "x");
            }
            fnd_text_append_z(&json, "\"");
            fnd_text_append_z(&found, "before ");
            cr_assert(fnd_json_text((struct fnd_json){json.bytes, json.size}, &found));
            cr_assert_str_eq(found.bytes + strlen("before "), fnd_text_z(&wanted));
            cr_assert_eq(found.size, strlen("before ") + wanted.size);
            fnd_text_append_z(&again, "before ");
            fnd_text_append_json(&again, fnd_text_z(&wanted), wanted.size);
            cr_assert_str_eq(again.bytes + strlen("before "), json.bytes);
            cr_assert_eq(again.size, strlen("before ") + json.size);
            fnd_text_finish(&json);
            fnd_text_finish(&wanted);
            fnd_text_finish(&found);
            fnd_text_finish(&again);
        }
    }
}
