/* SPDX-License-Identifier: MIT */
/* Formats as whoever defined them shows them. */
#ifndef DATASET_PUBLISHED_H
#define DATASET_PUBLISHED_H

#include <stddef.h>

enum { CHANGES_MAX = 8 };

/** In texts ' stands for ". */
struct published {
    const char *format, *page;
    size_t copies; /* so many lines of it: as few as the trainer takes */
    const char *text;
    struct change {
        const char *from, *to; /* once, in the last copy; from NULL: the whole file has one line */
        const char *told;      /* where, by line and member, and what */
    } changes[CHANGES_MAX];
};

/** Those that are a file. */
extern const struct published published_texts[];
extern const size_t published_texts_count;

#endif
