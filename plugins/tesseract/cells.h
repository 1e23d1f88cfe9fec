/* SPDX-License-Identifier: MIT */
/* Columns of numbers on a page that was read, and the places in them where no number was. */
#ifndef TESSERACT_CELLS_H
#define TESSERACT_CELLS_H

#include "words.h"

enum { CELLS_MAX = 64, CELL_COLUMNS_MAX = 24 };

/* Where a number should stand and none was read, or one in which there is little trust. */
struct gap {
    struct box box;
    double height; /* of the text of its line */
    size_t word;   /* the doubtful word there, or SIZE_MAX if there is none */
    size_t parts;  /* of how many words side by side the doubtful number was read */
};

/** Find them: a column is where numbers of three lines or more end (or begin) at the same place, a
 *  gap where a line that has numbers in two columns has none in this one. `words` stand in lines
 *  (words_set_lines()) on an upright page whose lines descend by `slope` per pixel. Returns how
 *  many were found, at most CELLS_MAX. */
size_t cells_gaps(const struct words *words, double slope, struct gap gaps[CELLS_MAX]);

/** Whether a number's points and commas stand where they may: groups of three, one or two places
 *  behind the last. */
int cells_is_well_formed(const char *text);

/** Whether a text is a number as it is printed: digits with points, commas and a currency sign. */
int cells_is_number(const char *text);

#endif
