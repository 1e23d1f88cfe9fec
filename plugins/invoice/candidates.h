/* SPDX-License-Identifier: MIT */
/* What may be the supplier, the date or the number of an invoice, and what is said of each. */
#ifndef INVOICE_CANDIDATES_H
#define INVOICE_CANDIDATES_H

#include "header.h"
#include "knowledge.h"
#include "result.h"
#include "traits.h"

enum { CANDIDATES_MAX = 64 };

struct candidate {
    struct span span;
    struct date date; /* of dates: day and month as they are meant, as far as is known, */
    int ambiguous;    /* and whether nothing tells which is which */
    struct features features;
};

/* What is known of a page before its fields are looked for. */
struct scene {
    const struct document *document;
    const struct knowledge *knowledge;
    const struct answer *self;   /* see knowledge.h */
    const struct header *header; /* what the rules say */
    const struct table *table;
    size_t supplier;          /* a known one that is named on the page, or SIZE_MAX */
    size_t supplier_distance; /* letters between its name and what was read */
    struct span supplier_span;
    double width, height;   /* of what is printed, in pixels */
    double size;            /* of common text */
    unsigned char *printed; /* for each word the class the rules give it (roles.h) */
};

/** Look at a page. What is given is borrowed by the scene. 0, or -1 without memory. */
int scene_init(struct scene *scene, const struct document *document,
               const struct knowledge *knowledge, const struct answer *self,
               const struct header *header, const struct table *table);
void scene_finish(struct scene *scene);

/** The candidates for a field (RESULT_SUPPLIER and so on), at most CANDIDATES_MAX. */
size_t candidates_find(const struct scene *scene, size_t field,
                       struct candidate candidates[CANDIDATES_MAX]);

#endif
