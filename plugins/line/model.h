/* SPDX-License-Identifier: MIT */
/* What was learned of lines: the words that people wrote, what was read for them, and how likely a
 * line is right. As a file (model_file.h): the parts in the order of model_write(), floats as
 * doubles; entries are sorted, so that the same lessons give the same bytes. */
#ifndef LINE_MODEL_H
#define LINE_MODEL_H

#include <stdint.h>

#include "words.h"

/** What is known about a line; see features() in judge.c. */
enum { FEATURES = 11 };

struct entry {
    char *word, *other; /* other: what is right in its place; NULL in the list of words */
    uint32_t lines;     /* in which it stood */
};
struct entries { /* sorted by word */
    struct entry *list;
    size_t count;
};
enum { RULE_SEEN = 1, RULE_NEAREST = 2 }; /* what may be done to a word, where it proved sound */

struct model {
    uint32_t lines; /* learned from */
    uint32_t rules;
    struct entries words, slips;                                   /* slips: read, and right */
    double mean[FEATURES], scale[FEATURES], weights[FEATURES + 1]; /* the last: alone */
};
void model_finish(struct model *model);

/** Count words (and others) into a list that stays sorted; texts are copied. 0, or -1. */
int entries_add(struct entries *entries, const char *word, size_t word_size, const char *other,
                size_t other_size);
/** The entry of a word, or NULL; `other` NULL: whatever stands beside it. */
const struct entry *entries_find(const struct entries *entries, const char *word, size_t size);
void entries_finish(struct entries *entries);

/** Write a model as a file's bytes, which the caller frees. NULL without memory. */
unsigned char *model_write(const struct model *model, size_t *size);
/** Read a model from a file's bytes. 0, -1 without memory, or -2 when it is none that can be used:
 *  then `message` says what was found. model_finish() frees what is inside. */
int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size);

#endif
