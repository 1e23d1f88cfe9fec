/* SPDX-License-Identifier: MIT */
/* Columns of numbers, and where a number is missing or doubtful in them. */
#include "cells.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/** Words of 20 pixels' height that end at the given place, 12 pixels a character. */
static void put(struct words *words, double right, size_t line, const char *text, double confidence)
{
    double width = 12.0 * (double)strlen(text);
    struct word word = {.text = strdup(text), .confidence = confidence, .line = line};
    word.box = (struct box){right - width, 100.0 + 40.0 * (double)line, width, 20.0};
    cr_assert_eq(words_take(words, word), 0);
}

/** A table of four lines: description, quantity to 400, price to 600, total to 800. Cell `odd` of
 *  line 2 says `text` with some confidence, or is missing. */
static void table_make(struct words *words, size_t odd, const char *text, double confidence)
{
    static const char *const cells[4][3] = {{"2", "8.99", "17.98"},
                                            {"12", "10.50", "126.00"},
                                            {"7", "7.62", "53.34"},
                                            {"1", "1,250.00", "1,250.00"}};
    static const double rights[3] = {400, 600, 800};
    *words = (struct words){.items = NULL};
    for (size_t line = 0; line < 4; line++) {
        put(words, 120, line, "Hammer", 0.96);
        for (size_t cell = 0; cell < 3; cell++) {
            if (line != 2 || cell != odd) {
                put(words, rights[cell], line, cells[line][cell], 0.96);
            } else if (text != NULL) {
                put(words, rights[cell], line, text, confidence);
            }
        }
    }
    cr_assert_eq(words_set_lines(words, 0.0), 0);
}

Test(cells, nothing_is_missing)
{
    struct words words;
    struct gap gaps[CELLS_MAX];
    table_make(&words, 3, NULL, 0);
    cr_assert_eq(cells_gaps(&words, 0.0, gaps), 0);
    words_finish(&words);
}

Test(cells, an_empty_cell_is_a_gap)
{
    static const double rights[3] = {400, 600, 800};
    struct words words;
    struct gap gaps[CELLS_MAX];
    for (size_t cell = 0; cell < 3; cell++) {
        table_make(&words, cell, NULL, 0);
        cr_assert_eq(cells_gaps(&words, 0.0, gaps), 1, "cell %zu", cell);
        cr_assert_eq(gaps[0].word, SIZE_MAX);
        cr_assert(gaps[0].box.x < rights[cell] - 12 &&
                  gaps[0].box.x + gaps[0].box.width > rights[cell]);
        cr_assert(gaps[0].box.y < 180 && gaps[0].box.y + gaps[0].box.height > 200);
        words_finish(&words);
    }
}

Test(cells, a_doubtful_number_is_read_again)
{
    static const struct {
        const char *text;
        double confidence;
        size_t gaps;
    } cases[] = {{"7.62", 0.96, 0},
                 {"7.62", 0.3, 1},
                 {"762", 0.96, 1},
                 {"Z6Z", 0.96, 1},
                 {"7,444,62", 0.9, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct words words;
        struct gap gaps[CELLS_MAX];
        table_make(&words, 1, cases[i].text, cases[i].confidence);
        cr_assert_eq(cells_gaps(&words, 0.0, gaps), cases[i].gaps, "%s", cases[i].text);
        if (cases[i].gaps == 1) {
            cr_assert_str_eq(words.items[gaps[0].word].text, cases[i].text);
            cr_assert_eq(gaps[0].parts, 1);
        }
        words_finish(&words);
    }
}

Test(cells, a_number_read_as_two_words)
{
    struct words words;
    struct gap gaps[CELLS_MAX];
    table_make(&words, 1, NULL, 0);
    put(&words, 565, 2, "7", 0.9);
    put(&words, 600, 2, "62", 0.9);
    cr_assert_eq(words_set_lines(&words, 0.0), 0);
    cr_assert_eq(cells_gaps(&words, 0.0, gaps), 1);
    cr_assert_eq(gaps[0].parts, 2);
    cr_assert_str_eq(words.items[gaps[0].word].text, "7");
    words_finish(&words);
}

Test(cells, numbers_well_formed)
{
    static const char *const good[] = {"7", "7.62", "1,250.00", "$1.250,00", "12.5", "1,250"};
    static const char *const bad[] = {"5,444,79", "1,25,000", "12.", ".5", "7.1234"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(cells_is_number(good[i]) && cells_is_well_formed(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!cells_is_well_formed(bad[i]), "%s", bad[i]);
    }
    cr_assert(!cells_is_number("INV-10") && !cells_is_number("7:62") && !cells_is_number("$"));
}
