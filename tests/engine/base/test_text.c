/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <signal.h>

#include "base/text.h"

Test(text, an_empty_text_reads_as_the_empty_string)
{
    struct fnd_text text = {0};
    cr_expect_str_eq(fnd_text_z(&text), "");
    fnd_text_append_z(&text, NULL);
    cr_expect_null(text.bytes);
    char *taken = fnd_text_take(&text);
    cr_expect_str_eq(taken, "");
    free(taken);
    fnd_text_clear(&text);
    fnd_text_finish(&text);
    fnd_text_finish(&text);
}

Test(text, a_text_grows_and_ends_with_nul)
{
    struct fnd_text text = {0};
    for (size_t i = 0; i < 10000; i++) {
        fnd_text_append_byte(&text, (char)('a' + i % 26));
        cr_assert(text.size == i + 1 && text.capacity > text.size && text.bytes[i + 1] == '\0');
    }
    for (size_t i = 0; i < 10000; i++) {
        cr_assert_eq(text.bytes[i], (char)('a' + i % 26));
    }
    const char *kept = text.bytes;
    fnd_text_clear(&text);
    cr_expect(text.size == 0 && text.bytes == kept && text.bytes[0] == '\0');
    fnd_text_append(&text, "a\0b", 3);
    cr_expect(text.size == 3 && memcmp(text.bytes, "a\0b", 4) == 0);
    fnd_text_append(&text, NULL, 0);
    cr_expect_eq(text.size, 3);
    fnd_text_finish(&text);
    cr_expect(text.bytes == NULL && text.size == 0 && text.capacity == 0);
}

Test(text, reserved_room_is_there_and_moves_nothing)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "abc");
    fnd_text_reserve(&text, 5000);
    const char *bytes = text.bytes;
    cr_expect(text.capacity > 5003);
    for (size_t i = 0; i < 5000; i++) {
        fnd_text_append_byte(&text, 'x');
    }
    cr_expect_eq(text.bytes, bytes);
    fnd_text_finish(&text);
}

Test(text, printf_appends_whatever_the_length)
{
    static const size_t sizes[] = {0, 1, 62, 63, 64, 65, 127, 128, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fnd_text text = {0};
        char *long_text = fnd_alloc(sizes[i] + 1);
        memset(long_text, 'y', sizes[i]);
        fnd_text_append_z(&text, "x");
        fnd_text_printf(&text, "%s-%d", long_text, 42);
        cr_expect_eq(text.size, sizes[i] + 4);
        cr_expect_eq(strlen(text.bytes), text.size);
        cr_expect_str_eq(text.bytes + text.size - 3, "-42");
        free(long_text);
        fnd_text_finish(&text);
    }
}

Test(text, an_integer_is_appended_in_decimal)
{
    static const int64_t numbers[] = {0, 7, -7, 10, 1234567890, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct fnd_text text = {0};
        char wanted[32];
        fnd_text_append_z(&text, "n=");
        fnd_text_append_integer(&text, numbers[i]);
        snprintf(wanted, sizeof wanted, "n=%" PRId64, numbers[i]);
        cr_expect_str_eq(fnd_text_z(&text), wanted);
        fnd_text_finish(&text);
    }
}

Test(text, taken_bytes_belong_to_the_taker)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "mine");
    char *taken = fnd_text_take(&text);
    cr_expect(text.bytes == NULL && text.size == 0);
    cr_expect_str_eq(taken, "mine");
    free(taken);
}

Test(text, a_json_string_has_the_shortest_escapes)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain / \x7f", 9, "\"plain / \x7f\""},
        {"\"\\", 2, "\"\\\"\\\\\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\v", 3, "\"\\u0001\\u001f\\u000b\""},
        {"a\nb", 3, "\"a\\nb\""},
        {"\0", 1, "\"\\u0000\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_text_append_json(&text, cases[i].bytes, cases[i].size);
        cr_expect_str_eq(text.bytes, cases[i].json);
        fnd_text_finish(&text);
    }
    struct fnd_text text = {0};
    fnd_text_append_json_z(&text, NULL);
    fnd_text_append_json_z(&text, "a");
    cr_expect_str_eq(text.bytes, "null\"a\"");
    fnd_text_append_escaped(&text, "b\"", 2);
    fnd_text_append_escaped(&text, NULL, 0);
    fnd_text_append_escaped(&text, "\n", 1);
    cr_expect_str_eq(text.bytes, "null\"a\"b\\\"\\n");
    fnd_text_finish(&text);
}

Test(text, visible_bytes_cannot_drive_a_terminal)
{
    static const struct {
        const char *bytes, *visible;
    } cases[] = {
        {"plain", "plain"},
        {"a\nb", "a\\nb"},
        {"\x1b[31mred\r\t\b\x7f", "\\x1b[31mred\\x0d\\x09\\x08\\x7f"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc2\x9b"
         "1m",
         "\\xc2\\x9b1m"},         /* CSI as one C1 character */
        {"\xc2\xa0", "\xc2\xa0"}, /* the first behind C1 */
        {"a\xe2\x80\xae"
         "b",
         "a\\xe2\\x80\\xaeb"},                                    /* U+202E turns the direction */
        {"\xe2\x81\xa7", "\\xe2\\x81\\xa7"},                      /* U+2067 */
        {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},                      /* U+2028 ends a line */
        {"\xe2\x80\x9c\xe2\x80\xa6", "\xe2\x80\x9c\xe2\x80\xa6"}, /* quotes, ellipsis stay */
        {"\xd8\x9c", "\\xd8\\x9c"},                               /* U+061C */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_text_append_visible(&text, cases[i].bytes, strlen(cases[i].bytes));
        cr_expect_str_eq(text.bytes, cases[i].visible);
        fnd_text_finish(&text);
    }
}

Test(text, hex_goes_both_ways)
{
    unsigned char bytes[256], back[256];
    char hex[513];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    fnd_hex(bytes, sizeof bytes, hex);
    cr_expect_eq(strlen(hex), 512);
    cr_expect_eq(strncmp(hex, "000102", 6), 0);
    cr_expect_str_eq(hex + 506, "fdfeff");
    cr_expect(fnd_unhex(hex, 512, back, 256) && memcmp(bytes, back, 256) == 0);
    cr_expect(fnd_unhex("ABcd", 4, back, 2) && back[0] == 0xab && back[1] == 0xcd);
    cr_expect(fnd_unhex("", 0, back, 0));
}

Test(text, unhex_refuses_and_writes_nothing)
{
    static const struct {
        const char *hex;
        size_t hex_size, size;
    } cases[] = {{"abc", 3, 1},  {"ab", 2, 2},   {"abcd", 4, 1}, {"ag", 2, 1},
                 {"12 4", 4, 2}, {"0x12", 4, 2}, {"abc", 3, 2},  {"ab\0d", 4, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[2] = {7, 7};
        cr_expect(!fnd_unhex(cases[i].hex, cases[i].hex_size, bytes, cases[i].size), "%s",
                  cases[i].hex);
        cr_expect(bytes[0] == 7 && bytes[1] == 7);
    }
}

/* Each code point encoded by the formula of RFC 3629 is one character; the same with a byte less or
 * in an overlong form is none. */
Test(text, utf8_has_one_form_for_each_character)
{
    for (unsigned point = 1; point <= 0x110010; point += point < 0x3000 ? 1 : 13) {
        char u[5] = {0};
        size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        if (size == 1) {
            u[0] = (char)point;
        }
        for (size_t i = size; size > 1 && i-- > 0;) {
            unsigned bits = point >> (6 * (size - 1 - i));
            u[i] = (char)(i > 0 ? 0x80 | (bits & 0x3f) : (0xf00u >> size & 0xff) | bits);
        }
        bool allowed = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        cr_assert_eq(fnd_utf8_step(u, size), allowed ? size : 0, "U+%04X", point);
        cr_assert_eq(fnd_utf8_valid(u, size), allowed, "U+%04X", point);
        cr_assert(size == 1 || !fnd_utf8_valid(u, size - 1), "U+%04X", point);
    }
    static const char *const invalid[] = {"\x80",
                                          "\xbf",
                                          "\xc0\xaf",
                                          "\xc1\xbf",
                                          "\xe0\x9f\xbf",
                                          "\xf0\x8f\xbf\xbf",
                                          "\xf5\x80\x80\x80",
                                          "\xff",
                                          "a\xc3(",
                                          "\xe2\x28\xa1",
                                          "\xe2\x82\x28",
                                          "\xf0\x9f\x98\x28"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        cr_expect(!fnd_utf8_valid(invalid[i], strlen(invalid[i])), "case %zu", i);
    }
    cr_expect(fnd_utf8_valid(NULL, 0));
    cr_expect_eq(fnd_utf8_step(NULL, 0), 0);
}

Test(text, the_nearest_candidate_is_close_or_none)
{
    static const char *const candidates[] = {"timeout", "retry",  "phases", "inputs",
                                             "export",  "params", "if",     NULL};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"timeout", "timeout"},
        {"timeotu", "timeout"},
        {"timout", "timeout"},
        {"tmeot", "timeout"},
        {"retyr", "retry"},
        {"phase", "phases"},
        {"Phases", "phases"},
        {"input", "inputs"},
        {"exprot", "export"},
        {"param", "params"},
        {"xeprot", "export"},
        {"xyz", NULL},
        {"", NULL},
        {"fi", NULL},
        {"i", NULL},
        {"completely", NULL},
        {"ret", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = fnd_nearest(cases[i].word, candidates);
        cr_expect(cases[i].nearest == NULL
                      ? nearest == NULL
                      : nearest != NULL && strcmp(nearest, cases[i].nearest) == 0,
                  "%s: %s", cases[i].word, nearest != NULL ? nearest : "none");
    }
    static const char *const nothing[] = {NULL};
    cr_expect_null(fnd_nearest("word", nothing));
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[199] = '\0';
    const char *const one[] = {longest, NULL};
    cr_expect_null(fnd_nearest(longest, one), "names that long are not guessed");
    cr_expect_null(fnd_nearest("aaaaaaaa", one));
}

Test(text, allocated_memory_is_zeroed_and_copies_end_with_nul)
{
    unsigned char *zeroed = fnd_alloc(1000);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert_eq(zeroed[i], 0);
    }
    zeroed = fnd_realloc(zeroed, 500, 4);
    cr_assert_eq(zeroed[999], 0);
    free(zeroed);
    free(fnd_alloc(0));
    free(fnd_realloc(NULL, 0, 8));
    char *copy = fnd_strdup("copy"), *part = fnd_strndup("part of it", 4);
    char *empty = fnd_strndup(NULL, 0);
    cr_expect_str_eq(copy, "copy");
    cr_expect_str_eq(part, "part");
    cr_expect_str_eq(empty, "");
    free(copy);
    free(part);
    free(empty);
}

Test(text, a_size_that_overflows_aborts, .signal = SIGABRT)
{
    volatile size_t count = SIZE_MAX / 2;
    free(fnd_realloc(NULL, count, 4));
}

Test(text, a_text_that_cannot_exist_aborts, .signal = SIGABRT)
{
    struct fnd_text text = {0};
    fnd_text_reserve(&text, SIZE_MAX - 3);
}
