/* SPDX-License-Identifier: MIT */
/* What was written is read back before it is handed over. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "dataset/internal.h"

TestSuite(sink, .init = fnd_digest_setup);

static const char lines[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";

/** A sealed one that holds three lines, many times over so that it passes its buffer. */
static void filled(struct fnd_sink *sink, const char *path, size_t times)
{
    struct fnd_error error = {0};
    cr_assert_eq(fnd_sink_open(sink, path, &error), FND_OK, "%s", error.message);
    for (size_t i = 0; i < times; i++) {
        cr_assert_eq(fnd_sink_write(sink, lines, sizeof lines - 1, &error), FND_OK);
    }
    cr_assert_eq(fnd_sink_seal(sink, &error), FND_OK, "%s", error.message);
}

Test(sink, what_comes_back_is_what_was_written)
{
    static const size_t times[] = {0, 1, 10000};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct fnd_sink sink;
        struct fnd_error error = {0};
        filled(&sink, NULL, times[i]);
        cr_expect_eq(fnd_sink_compare(&sink, 3 * times[i], 0, &error), FND_OK, "%s", error.message);
        fnd_sink_finish(&sink);
    }
}

Test(sink, one_bit_that_comes_back_otherwise_is_told)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    filled(&sink, NULL, 10000);
    const off_t places[] = {0, 65536, (off_t)sink.size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char byte = 0;
        cr_assert_eq(pread(sink.fd, &byte, 1, places[i]), 1);
        const char other = (char)(byte ^ 1);
        cr_assert_eq(pwrite(sink.fd, &other, 1, places[i]), 1);
        error = (struct fnd_error){0};
        cr_expect_eq(fnd_sink_compare(&sink, 30000, 0, &error), FND_DAMAGED);
        cr_expect(strstr(error.message, "is not what was written") != NULL, "%s", error.message);
        cr_assert_eq(pwrite(sink.fd, &byte, 1, places[i]), 1);
    }
    cr_expect_eq(fnd_sink_compare(&sink, 30000, 0, &error), FND_OK);
    fnd_sink_finish(&sink);
}

Test(sink, a_file_that_is_shorter_or_longer_is_told)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    filled(&sink, NULL, 10);
    cr_assert_eq(ftruncate(sink.fd, (off_t)sink.size - 8), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 30, 0, &error), FND_DAMAGED);
    cr_assert_eq(ftruncate(sink.fd, 0), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 30, 0, &error), FND_DAMAGED);
    fnd_sink_finish(&sink);
}

/* Long enough to be read back in two parts: wherever a byte is another, or none, it is told. */
Test(sink, a_long_file_is_read_back_in_parts_and_all_of_it)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    const size_t times = 900000;
    filled(&sink, NULL, times);
    cr_assert_geq(sink.marks_count, 2);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_OK, "%s", error.message);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times - 1, 0, &error), FND_DAMAGED);
    const off_t middle = (off_t)sink.marks[0].at, size = (off_t)sink.size;
    const off_t places[] = {0, middle - 1, middle, middle + 1, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char byte = 0;
        cr_assert_eq(pread(sink.fd, &byte, 1, places[i]), 1);
        const char other = (char)(byte ^ 1);
        cr_assert_eq(pwrite(sink.fd, &other, 1, places[i]), 1);
        cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "%jd",
                     (intmax_t)places[i]);
        cr_assert_eq(pwrite(sink.fd, &byte, 1, places[i]), 1);
    }
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_OK);
    cr_assert_eq(pwrite(sink.fd, "\n", 1, size), 1);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "a byte more");
    cr_assert_eq(ftruncate(sink.fd, size - 8), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "a line less");
    cr_assert_eq(ftruncate(sink.fd, middle - 8), 0);
    cr_expect_eq(fnd_sink_compare(&sink, 3 * times, 0, &error), FND_DAMAGED, "half of it");
    fnd_sink_finish(&sink);
}

Test(sink, a_line_too_many_is_told_although_its_bytes_came_back)
{
    struct fnd_sink sink;
    struct fnd_error error = {0};
    filled(&sink, NULL, 1);
    cr_expect_eq(fnd_sink_compare(&sink, 2, 0, &error), FND_DAMAGED, "a line held a newline");
    cr_expect(strstr(error.message, "2 lines were written and 3 came back") != NULL, "%s",
              error.message);
    cr_expect_eq(fnd_sink_compare(&sink, 1, 2, &error), FND_OK, "an array has a line around it");
    fnd_sink_finish(&sink);
}
