/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "run/inputs.h"
#include "run/internal.h"

Test(inputs, identities_are_text_one_for_each_name)
{
    static const struct {
        const char *path, *identity;
    } cases[] = {
        {"plain.png", "plain.png"},       {"sub/straße.png", "sub/straße.png"},
        {"back\\slash", "back\\\\slash"}, {"byte\xff.png", "byte\\xff.png"},
        {"cut\xe2\x82", "cut\\xe2\\x82"}, {"literal\\xff", "literal\\\\xff"},
        {"line\nbreak", "line\nbreak"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text identity = {0};
        fnd_input_identity(&identity, cases[i].path);
        cr_expect_str_eq(fnd_text_z(&identity), cases[i].identity);
        fnd_text_finish(&identity);
    }
}

Test(inputs, media_types_come_from_content)
{
    static const struct {
        const char *bytes, *name, *type;
        size_t size;
    } cases[] = {
        {"\x89PNG\r\n\x1a\nxxxx", "a.jpg", "image/png", 12},
        {"\xff\xd8\xff\xe0zz", "a.png", "image/jpeg", 6},
        {"II*\0abcd", "a.tif", "image/tiff", 8},
        {"RIFFxxxxWEBPVP8 ", "a", "image/webp", 16},
        {"{\"a\":1}", "a.json", "application/json", 7},
        {"hello", "a.txt", "text/plain", 5},
        {"hel\0lo", "a.txt", "application/octet-stream", 6},
        {"caf\xc3", "a.txt", "text/plain", 4}, /* the head ends inside a character */
        {"\xff\xfe\xfd\xfc\xfb", "a.txt", "application/octet-stream", 5},
        {"", "empty", "text/plain", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_str_eq(
            fnd_media_type((const unsigned char *)cases[i].bytes, cases[i].size, cases[i].name),
            cases[i].type, "case %zu", i);
    }
}

Test(inputs, the_heap_gives_what_is_due_in_order)
{
    struct fnd_heap heap = {0};
    uint32_t seed = 1;
    for (int i = 0; i < 1000; i++) {
        seed = seed * 1664525u + 1013904223u;
        struct fnd_due due = {.at_us = seed % 5000, .step = i};
        fnd_heap_push(&heap, due);
    }
    struct fnd_due due, last = {.at_us = -1};
    size_t count = 0;
    while (fnd_heap_pop(&heap, 2500, &due)) {
        cr_assert_leq(last.at_us, due.at_us);
        cr_assert_leq(due.at_us, 2500);
        last = due;
        count++;
    }
    cr_expect_eq(count + heap.count, 1000);
    cr_expect_gt(heap.list[0].at_us, 2500);
    free(heap.list);
}
