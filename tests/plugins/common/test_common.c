/* SPDX-License-Identifier: MIT */
/* What plugins share: the file of a model, and a line of examples. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "example_line.h"
#include "model_file.h"

enum { FORMAT = 3 };

/* One of each kind of number. */
static unsigned char *made(size_t *size)
{
    struct out out;
    model_begin(&out, "tests/maker");
    put_number(&out, 0xfedcba9876543210U, 8);
    put_number(&out, 2, 4);
    put_float(&out, -1.5f);
    put_double(&out, 1e200);
    put_text(&out, "pole");
    put_text(&out, "");
    return model_end(&out, FORMAT, size);
}

static int opened(const unsigned char *bytes, size_t size, const char *maker, char message[256])
{
    struct in in;
    message[0] = '\0';
    return model_open(&in, bytes, size, maker, FORMAT, message, 256);
}

Test(common, a_model_comes_back_as_it_was_put)
{
    size_t size = 0;
    char message[256], text[5];
    struct in in;
    unsigned char *bytes = made(&size);
    cr_assert_eq(model_open(&in, bytes, size, "tests/maker", FORMAT, message, sizeof message), 0);
    cr_expect_eq(take_number(&in, 8), 0xfedcba9876543210U);
    cr_expect_eq(take_count(&in, 4), 2);
    cr_expect(take_float(&in) <= -1.5f && !in.failed);
    cr_expect(take_double(&in) >= 1e200);
    take_text(&in, text, sizeof text);
    cr_expect_str_eq(text, "pole");
    cr_expect_eq(model_close(&in, message, sizeof message), -2, "something is left");
    take_text(&in, text, sizeof text);
    cr_expect_str_eq(text, "");
    cr_expect_eq(model_close(&in, message, sizeof message), 0);
    cr_expect_eq(take_number(&in, 1), 0);
    cr_expect_eq(model_close(&in, message, sizeof message), -2, "more was taken than there is");
    free(bytes);
}

Test(common, a_cut_or_changed_model_is_refused)
{
    size_t size = 0;
    char message[256];
    unsigned char *bytes = made(&size);
    for (size_t cut = 0; cut < size; cut++) {
        cr_assert_eq(opened(bytes, cut, "tests/maker", message), -2, "cut at %zu", cut);
        cr_assert(message[0] != '\0');
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1U << bit % 8);
        cr_assert_eq(opened(bytes, size, "tests/maker", message), -2, "bit %zu", bit);
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1U << bit % 8);
    }
    cr_expect_eq(opened(bytes, size, "tests/other", message), -2);
    cr_expect(strstr(message, "tests/maker, not for tests/other") != NULL, "%s", message);
    bytes[8] = FORMAT + 1;
    cr_expect_eq(opened(bytes, size, "tests/maker", message), -2);
    cr_expect(strstr(message, "version 4; this plugin reads version 3") != NULL, "%s", message);
    free(bytes);
}

Test(common, numbers_out_of_bounds_are_refused)
{
    struct out out;
    struct in in;
    size_t size = 0;
    char message[256], text[4];
    model_begin(&out, "tests/maker");
    put_number(&out, UINT32_MAX, 4);
    put_float(&out, 1e30f);
    put_text(&out, "long");
    unsigned char *bytes = model_end(&out, FORMAT, &size);
    cr_assert_eq(model_open(&in, bytes, size, "tests/maker", FORMAT, message, sizeof message), 0);
    const struct in begin = in;
    cr_expect_eq(take_count(&in, 1), 0, "more things than bytes");
    cr_expect(in.failed);
    in = begin;
    (void)take_number(&in, 4);
    cr_expect(!(take_float(&in) > 0) && in.failed);
    in = begin;
    (void)take_number(&in, 8);
    take_text(&in, text, sizeof text);
    cr_expect(in.failed, "no room for it and its end");
    free(bytes);
}

Test(common, members_of_an_example)
{
    struct example_line members;
    cr_assert_eq(example_line_read(&members, "{\"id\":\"a\",\"tier\":\"gold\",\"group\":\"g\","
                                             "\"verdict\":\"corrected\",\"with\": {\"x\":1},"
                                             "\"human\":{\"y\":2},\"reviewed\":[\"/y\"]}"),
                 0);
    cr_expect_str_eq(members.id, "a");
    cr_expect_str_eq(members.tier, "gold");
    cr_expect_str_eq(members.group, "g");
    cr_expect_eq(strncmp(members.with, "{\"x\":1}", 7), 0);
    cr_expect_eq(strncmp(members.reviewed, "[\"/y\"]", 6), 0);
    cr_expect_null(members.output);
    cr_expect(example_line_teaches(&members));
    cr_assert_eq(example_line_read(&members, "{\"with\":{},\"verdict\":\"rejected\",\"human\":{}}"),
                 0);
    cr_expect(!example_line_teaches(&members));
    cr_assert_eq(example_line_read(&members, "{\"with\":{},\"human\":null,\"group\":null}"), 0);
    cr_expect(!example_line_teaches(&members));
    cr_expect_str_eq(members.group, "");
    cr_expect_eq(example_line_read(&members, "{\"human\":{}}"), -1);
    cr_expect_eq(example_line_read(&members, "{\"with\":{}"), -1);
    cr_expect_eq(example_line_read(&members, ""), -1);
}
