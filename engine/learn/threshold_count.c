/* SPDX-License-Identifier: MIT */
/* Counts at each threshold: units, errors, fields, and how much a document's values fall together.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/binomial.h"
#include "learn/threshold_internal.h"

bool fnd_field_counts(const struct fnd_prover *prover, uint64_t checks)
{
    const double limit = fmin(1, FND_FIELD_TIMES * prover->target->error);
    return fnd_error_proven(0, (double)checks, limit, prover->target->level);
}

static int check_order(const void *left, const void *right)
{
    const struct fnd_check *a = left, *b = right;
    return a->document != b->document       ? (a->document < b->document ? -1 : 1)
           : a->confidence != b->confidence ? (a->confidence > b->confidence ? -1 : 1)
                                            : 0;
}

/* The values of one document: checks[0 … count - 1]. */
struct document {
    const struct fnd_check *checks;
    size_t count;
};

static bool document_next(const struct fnd_check *checks, size_t count, struct document *document)
{
    const struct fnd_check *next =
        document->checks == NULL ? checks : document->checks + document->count;
    const size_t left = count - (size_t)(next - checks);
    if (left == 0) {
        return false;
    }
    document->checks = next;
    document->count = 1;
    while (document->count < left && next[document->count].document == next->document) {
        document->count++;
    }
    return true;
}

/* How much values of a document fall together, 0 (not at all) to 1 (all or none): of the values
 * beside a wrong one in its document, how many are wrong, too, against how many are anyway.
 * Documents that are wrong as a whole may be so rare that none is among the checks, and few errors
 * would then prove too much: so it is counted as if one more had been seen, all of which was wrong.
 * That weighs much among few errors, little among many; and without any a document counts once. */
static double together(const struct fnd_check *checks, size_t count)
{
    double wrong = 0, squares = 0, beside = 0, wrong_beside = 0;
    for (struct document each = {0}; document_next(checks, count, &each);) {
        double errors = 0;
        for (size_t i = 0; i < each.count; i++) {
            errors += !each.checks[i].right;
        }
        wrong += errors;
        wrong_beside += errors * (errors - 1);
        beside += errors * (double)(each.count - 1);
        squares += (double)each.count * (double)each.count;
    }
    const double size = count > 0 ? squares / (double)count : 1; /* values that a value is among */
    const double rate = count > 0 ? wrong / (double)count : 0;
    if (size <= 1 || rate >= 1) {
        return size <= 1 ? 0 : 1;
    }
    const double one_more = size * (size - 1);
    const double share = (wrong_beside + one_more) / (beside + one_more);
    return fmin(1, fmax(0, (share - rate) / (1 - rate)));
}

/* Add the values of one document that a threshold accepts. */
static void values_add(const struct document *document, double threshold,
                       const struct field_at *seen, const struct fnd_prover *prover,
                       struct tally_at *at, double *squares, double *open_squares)
{
    double units = 0, wrong = 0, open = 0;
    for (size_t i = 0; i < document->count && document->checks[i].confidence >= threshold; i++) {
        const struct fnd_check *check = &document->checks[i];
        open++;
        at->open_wrong += !check->right;
        if (!fnd_field_counts(prover, seen[check->field].checks)) {
            continue; /* it would be asked all the same */
        }
        units++;
        wrong += !check->right;
        at->expected += 1 - check->confidence;
    }
    at->open_units += open;
    *open_squares += open * open;
    at->units += units;
    at->wrong += wrong;
    at->documents += units > 0;
    at->other_units += units > 0;
    at->other_wrong += wrong > 0;
    *squares += units * units;
}

static void document_add(const struct document *document, double threshold, struct tally_at *at)
{
    double clean = 1;
    uint64_t wrong = 0;
    if (document->checks[document->count - 1].confidence < threshold) {
        return; /* somebody is asked about it */
    }
    for (size_t i = 0; i < document->count; i++) {
        clean *= document->checks[i].confidence;
        wrong += !document->checks[i].right;
    }
    at->units++;
    at->open_units++;
    at->open_wrong += wrong > 0;
    at->documents++;
    at->wrong += wrong > 0;
    at->expected += 1 - clean;
    at->other_units += document->count;
    at->other_wrong += wrong;
}

static void fields_add(const struct document *document, double threshold, bool whole,
                       struct tally_at *at)
{
    if (whole && document->checks[document->count - 1].confidence < threshold) {
        return;
    }
    for (size_t i = 0; i < document->count && document->checks[i].confidence >= threshold; i++) {
        struct field_at *field = &at->fields[document->checks[i].field];
        field->checks++;
        field->wrong += !document->checks[i].right;
    }
}

/* The design effect: what a unit is worth less, at least 1. */
static double worth_of(double squares, double units, double falls)
{
    return units > 0 ? fmax(1, 1 + (squares / units - 1) * falls) : 1;
}

static void tally(const struct fnd_prover *prover, const struct fnd_check *checks, size_t count,
                  double threshold, double falls, struct tally_at *at)
{
    const bool whole = prover->target->per_document;
    double squares = 0, open_squares = 0;
    at->fields = fnd_alloc((prover->fields_count + 1) * sizeof *at->fields);
    for (struct document each = {0}; document_next(checks, count, &each);) {
        fields_add(&each, threshold, whole, at);
    }
    for (struct document each = {0}; document_next(checks, count, &each);) {
        if (whole) {
            document_add(&each, threshold, at);
        } else {
            values_add(&each, threshold, at->fields, prover, at, &squares, &open_squares);
        }
    }
    at->worth = worth_of(whole ? 0 : squares, at->units, falls);
    at->open_worth = worth_of(whole ? 0 : open_squares, at->open_units, falls);
    at->effective = at->units / at->worth;
}

void fnd_prover_count(struct fnd_prover *prover, const struct fnd_check *checks, size_t count,
                      const double *grid, size_t grid_count, struct tally_at *tallies)
{
    struct fnd_check *sorted = fnd_alloc((count + 1) * sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        assert(checks[i].field < prover->fields_count);
        sorted[i] = checks[i];
    }
    qsort(sorted, count, sizeof *sorted, check_order);
    const double falls = together(sorted, count);
    prover->by_document = prover->target->per_document || falls >= 1 || count == 0;
    for (size_t i = 0; i < grid_count; i++) {
        tally(prover, sorted, count, grid[i], falls, &tallies[i]);
    }
    free(sorted);
}

void fnd_prover_finish(struct tally_at *tallies, size_t grid_count)
{
    for (size_t i = 0; i < grid_count; i++) {
        free(tallies[i].fields);
    }
}
