/* SPDX-License-Identifier: MIT */
/* How two readings of a page become one: the surer of each place, and what they differ in doubted.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

struct said {
    const char *text;
    double confidence, x, width; /* of a word on one line */
};

static struct words reading(const struct said *said, size_t count)
{
    struct words words = {0};
    for (size_t i = 0; i < count; i++) {
        const struct word word = {.text = strdup(said[i].text),
                                  .confidence = said[i].confidence,
                                  .box = {said[i].x, 0, said[i].width, 20}};
        cr_assert_eq(words_take(&words, word), 0);
    }
    return words;
}

/* Merge, and expect just these words, in the order of their places. */
static void expect(const struct said *first, size_t first_count, const struct said *second,
                   size_t second_count, const struct said *wanted, size_t wanted_count)
{
    struct words one = reading(first, first_count), other = reading(second, second_count);
    cr_assert_eq(words_merge(&one, &other), 0);
    cr_assert_eq(words_set_lines(&one, 0), 0);
    cr_expect_eq(other.count, 0, "the second is taken");
    cr_assert_eq(one.count, wanted_count, "%zu words", one.count);
    for (size_t i = 0; i < wanted_count; i++) {
        cr_expect_str_eq(one.items[i].text, wanted[i].text);
        cr_expect_float_eq(one.items[i].confidence, wanted[i].confidence, 1e-9, "%s: %g",
                           one.items[i].text, one.items[i].confidence);
    }
    words_finish(&one);
    words_finish(&other);
}

Test(words, each_reading_wins_where_it_is_the_surer_one)
{
    const struct said first[] = {{"Circuit", 0.96, 0, 70}, {"eee", 0.27, 100, 80}};
    const struct said second[] = {{"Creu", 0.42, 0, 70}, {"Thompson", 0.92, 100, 80}};
    /* They differ, so that the winner is doubted a little. */
    const struct said wanted[] = {{"Circuit", 0.96 * 0.85, 0, 0}, {"Thompson", 0.92 * 0.85, 0, 0}};
    expect(first, 2, second, 2, wanted, 2);
    expect(second, 2, first, 2, wanted, 2);
}

Test(words, what_one_reading_alone_has_is_kept_and_doubted_less)
{
    const struct said first[] = {{"9", 0.9, 0, 10}, {"total", 0.8, 50, 50}};
    const struct said second[] = {{"total", 0.9, 50, 50}, {"18.87", 0.9, 200, 60}};
    const struct said wanted[] = {
        {"9", 0.9 * 0.95, 0, 0}, {"total", 0.9, 0, 0}, {"18.87", 0.9 * 0.95, 0, 0}};
    expect(first, 2, second, 2, wanted, 3);
}

Test(words, a_place_is_taken_whole_from_one_reading)
{
    /* A number as one word here and as two there: never three words of it. */
    const struct said one[] = {{"24.76", 0.96, 0, 60}};
    const struct said two[] = {{"24", 0.9, 0, 26}, {"76", 0.9, 34, 26}};
    const struct said wanted[] = {{"24.76", 0.96 * 0.85, 0, 0}};
    expect(one, 1, two, 2, wanted, 1);
    expect(two, 2, one, 1, wanted, 1);
}

Test(words, nothing_beside_a_reading_leaves_it)
{
    const struct said one[] = {{"only", 0.8, 0, 40}};
    const struct said wanted[] = {{"only", 0.8 * 0.95, 0, 0}};
    expect(one, 1, NULL, 0, wanted, 1);
    expect(NULL, 0, one, 1, wanted, 1);
    expect(NULL, 0, NULL, 0, NULL, 0);
}
