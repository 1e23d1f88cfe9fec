/* SPDX-License-Identifier: MIT */
/* A line as a recogniser read it, and what a person made of it. */
#ifndef LINE_WORDS_H
#define LINE_WORDS_H

#include <stddef.h>

#include "json.h"

enum { WORD_SIZE = 128, LINE_WORDS_MAX = 200, LINE_SIZE = LINE_WORDS_MAX * WORD_SIZE };

struct word {
    char text[WORD_SIZE];
    double confidence; /* 0 to 1 */
};
struct line {
    struct word *words; /* malloc'ed */
    size_t count;
};

/** Read `[{"text","confidence"}…]`. 0; -1 without memory; with wrong JSON `json->failed` is set.
 *  What lies beyond the limits is left out. line_finish() frees, whatever is returned. */
int line_read(struct line *line, struct json *json);
/** Cut a text at its blanks, as sure of each as `confidence`. 0, or -1 without memory. */
int line_split(struct line *line, const char *text, double confidence);
void line_finish(struct line *line);

/** Where a word is one of the language: without the punctuation around it. */
struct core {
    size_t begin, size;
    int digits; /* whether it holds any: numbers are nobody's vocabulary */
};
struct core core_of(const char *word);

/** How many letters have to be put in, left out or exchanged; more than `most`: most + 1. */
size_t letters_between(const char *a, size_t a_size, const char *b, size_t b_size, size_t most);

#endif
