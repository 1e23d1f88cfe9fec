/* SPDX-License-Identifier: MIT */
/* What corrections taught that is no weight: suppliers, the goods each sells at which price, the
 * order of day and month each prints, and words. All counted in documents. */
#ifndef INVOICE_KNOWLEDGE_H
#define INVOICE_KNOWLEDGE_H

#include "answer.h"
#include "date.h"

enum { KNOWN_WORD_MAX = 40, SHAPE_MAX = 32, SHAPES_MAX = 4 };

/* The things whose printed shape a supplier keeps. */
enum { SHAPED_NUMBER, SHAPED_DATE, SHAPED };

struct known_supplier {
    char name[ANSWER_TEXT_MAX];
    uint32_t documents;
    uint32_t day_first, month_first; /* documents with an ambiguous date, by how it was meant */
    char shapes[SHAPED][SHAPES_MAX][SHAPE_MAX]; /* as they were printed, "" for none */
};

struct known_good {
    uint32_t supplier; /* index */
    uint32_t documents;
    int64_t price; /* the last one, ten-thousandths; 0 for none */
    char name[ANSWER_TEXT_MAX];
};

struct known_word {
    char word[KNOWN_WORD_MAX]; /* lower case */
    uint32_t documents;
};

struct knowledge {
    struct known_supplier *suppliers;
    struct known_good *goods;
    struct known_word *words;
    size_t suppliers_count, goods_count, words_count;
    size_t suppliers_capacity, goods_capacity, words_capacity;
};

/** Learn one answer. `order`: how the printed date, if it is ambiguous, is meant; else DATE_CLEAR.
 *  `date`: the date as it is printed, "" if it was not found. 0, or -1 without memory. */
int knowledge_learn(struct knowledge *knowledge, const struct answer *answer, enum date_order order,
                    const char *date);

/** The shape of a text: "INV-10442" is "AAA-99999", or "A-9" if `runs`. */
void shape_make(const char *text, char shape[SHAPE_MAX], int runs);
/** 1 if a supplier prints its numbers or dates (SHAPED_) in the shape of `text`, -1 if it does not,
 *  0 if nothing is known of it. */
int shape_known(const struct knowledge *knowledge, size_t supplier, size_t shaped,
                const char *text);
void knowledge_finish(struct knowledge *knowledge);

/* In all that follows `self` is an answer that was learnt and is not to count, or NULL: what a
 * document says must not be known from itself while it is trained on. */

/** How many documents taught a supplier. */
size_t supplier_documents(const struct knowledge *knowledge, size_t supplier,
                          const struct answer *self);
/** The known supplier nearest to a text as it was read, at most a fifth of its letters away;
 *  SIZE_MAX if there is none. `distance` is how many letters. */
size_t supplier_near(const struct knowledge *knowledge, const char *text, const struct answer *self,
                     size_t *distance);
/** The good of a supplier that is named exactly so, or SIZE_MAX. */
size_t good_named(const struct knowledge *knowledge, size_t supplier, const char *name,
                  const struct answer *self);
/** The good of a supplier that a misread name means: nearer than any other, a sixth of its letters
 *  away at most, with the same digits; SIZE_MAX if there is none. */
size_t good_near(const struct knowledge *knowledge, size_t supplier, const char *name,
                 const struct answer *self);
/** Whether a word was met in any description. */
int word_known(const struct knowledge *knowledge, const char *word, const struct answer *self);

#endif
