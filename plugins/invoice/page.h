/* SPDX-License-Identifier: MIT */
/* The words of a document as the rules see them: upright, in lines. */
#ifndef INVOICE_PAGE_H
#define INVOICE_PAGE_H

#include <foundry/plugin.h>
#include <stddef.h>

enum {
    PAGE_WORDS_MAX = 20000,
    PAGE_TEXT_MAX = 160 /* bytes of a word that are looked at; longer ones are cut */
};

struct box {
    double x, y, width, height;
};

struct word {
    char text[PAGE_TEXT_MAX];
    char key[PAGE_TEXT_MAX]; /* lower case, without punctuation at its ends */
    double confidence;       /* as the reader gave it, 0 to 1 */
    struct box shown;        /* on the displayed page */
    struct box box;          /* with the page's turn and slope taken out */
    size_t page, line;       /* `line` is an index of document.lines */
};

/** Words [first, first + count) stand side by side. */
struct line {
    size_t first, count;
    size_t page;
    double middle, height; /* of the words: mean middle, median height */
};

struct document {
    struct word *words; /* by page, line, then from the left */
    size_t words_count;
    struct line *lines;
    size_t lines_count;
};

/** A run of words of one line. */
struct span {
    size_t first, count;
};

/* What the reader says of the page as a whole; zeros when it says nothing. */
struct page_facts {
    double width, height, orientation, skew;
};

enum page_status { PAGE_OK, PAGE_BAD_WORD, PAGE_TOO_MANY, PAGE_NO_MEMORY };

/** Build the document from the JSON text of its words. On failure nothing is left, and `index` is
 *  the word that is not as it should be. */
enum page_status document_build(struct document *document, const char *words,
                                const struct page_facts *facts, size_t *index);

/** Build the document from config /words and /page. On failure the status, after host->fail() for
 *  words that are not as they should be. document_finish() frees what is inside. */
foundry_outcome_t document_init(struct document *document, const foundry_host_t *host,
                                foundry_call_t *call);
void document_finish(struct document *document);

/** The words' texts joined by spaces, cut at `size`. */
void span_text(const struct document *document, struct span span, char *text, size_t size);
/** How likely all of them are right: what the reader's confidence stands for (see page.c),
 *  multiplied; 0 for no words. */
double span_confidence(const struct document *document, struct span span);
/** The box around them on the displayed page. */
struct box span_shown(const struct document *document, struct span span);
/** The box around them, upright. */
struct box span_box(const struct document *document, struct span span);
/** The run of words around `word` without a gap wider than `ems` times the line's height. */
struct span span_around(const struct document *document, size_t word, double ems);

#endif
