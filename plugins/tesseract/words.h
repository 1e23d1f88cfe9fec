/* SPDX-License-Identifier: MIT */
/* Words that were read, and how two readings of a page become one. */
#ifndef TESSERACT_WORDS_H
#define TESSERACT_WORDS_H

#include <stddef.h>

struct box {
    double x, y, width, height; /* pixels */
};

struct word {
    char *text;        /* UTF-8, owned */
    double confidence; /* 0 to 1 */
    struct box box;
    size_t block; /* counts from 0 within one reading */
    size_t line;  /* set by words_set_lines() */
    double slope; /* of the base line it stands on, as far as that goes: */
    double reach; /* its length in pixels, given once a line and 0 else */
};

struct words {
    struct word *items;
    size_t count, capacity;
};

/** Add a word and take its text (malloc'ed), which is freed if there is no memory. 0, or -1. */
int words_take(struct words *words, struct word word);
/** Drop the words that have no text. */
void words_drop_empty(struct words *words);
/** Free all words; the list is empty again. */
void words_finish(struct words *words);

/** Confidence of the whole reading: the mean, weighted by length of text; 0 without words. */
double words_confidence(const struct words *words);

/** The share of words of three letters and more that are taller than wide: lines that run down the
 *  page, which Tesseract reads, too, but badly. */
double words_upended(const struct words *words);

/** Move the better of two readings of each place into `first`; `second` is empty afterwards.
 *  Boxes of both are in the same pixels. 0, or -1 without memory (both stay valid). */
int words_merge(struct words *first, struct words *second);

/** Number the lines of an upright page from the top (words side by side are of one line, however
 *  far apart), and sort words by line, then from the left. `slope`: by how much the lines still
 *  descend per pixel to the right. 0, or -1 without memory. */
int words_set_lines(struct words *words, double slope);

/** The slope most of the words' lines have: the median, weighted by their length in pixels. 0 when
 *  there are too few to tell. */
double words_slope(const struct words *words);

#endif
