/* SPDX-License-Identifier: MIT */
#include "learn/threshold.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/binomial.h"
#include "learn/threshold_internal.h"

static const double grid_of_all[] = {0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.96,
                                     0.95,   0.93,   0.9,   0.87,  0.85,  0.8,  0.75, 0.7,  0.65,
                                     0.6,    0.5,    0.4,   0.3,   0.2,   0.1,  0};
enum {
    GRID_COUNT = sizeof grid_of_all / sizeof grid_of_all[0],
    SEEN_WRONG_MIN = 3 /* so many must be wrong before a target is called out of reach */
};

size_t fnd_threshold_grid(const double **grid)
{
    *grid = grid_of_all;
    return GRID_COUNT;
}

void fnd_threshold_finish(struct fnd_threshold *threshold)
{
    free(threshold->fields);
    const struct fnd_threshold empty = {0};
    *threshold = empty;
}

/* The first field whose checks alone show that it does much worse than the target. */
static int64_t field_veto(const struct fnd_prover *prover, const struct tally_at *at)
{
    const double limit = fmin(1, FND_FIELD_TIMES * prover->target->error);
    for (size_t f = 0; f < prover->fields_count; f++) {
        const struct field_at *field = &at->fields[f];
        if (fnd_field_counts(prover, field->checks) &&
            !fnd_error_proven((double)field->wrong, (double)field->checks, limit,
                              prover->target->level)) {
            return (int64_t)f;
        }
    }
    return -1;
}

/* Whether a threshold will hold, as its checks' number and confidences let one expect: the chance
 * that errors are as few as the target allows, their mean being what the confidences promise. */
static double promise(const struct fnd_prover *prover, const struct tally_at *at)
{
    const struct fnd_target *target = prover->target;
    if (!fnd_error_proven(0, at->effective, target->error, target->level)) {
        return 0;
    }
    const double mean = at->units > 0 ? fmin(1, at->expected / at->units) : 1;
    double allowed = 0;
    while (fnd_error_proven(allowed + 1, at->effective, target->error, target->level)) {
        allowed++;
    }
    return fnd_binomial_at_most(allowed, at->effective, mean);
}

/* Where the sequence begins: chosen without a look at who was right. GRID_COUNT: nowhere. */
static size_t begin_of(const struct fnd_prover *prover, struct tally_at *tallies)
{
    size_t best = GRID_COUNT;
    double highest = 0;
    for (size_t i = 0; i < GRID_COUNT; i++) {
        const double chance = promise(prover, &tallies[i]);
        if (chance > highest) {
            highest = chance;
            best = i;
        }
        if (chance >= 0.9) {
            return i;
        }
    }
    return best;
}

static bool holds(const struct fnd_prover *prover, const struct tally_at *at)
{
    const struct fnd_target *target = prover->target;
    return fnd_error_proven(at->wrong / at->worth, at->effective, target->error, target->level) &&
           field_veto(prover, at) < 0;
}

/* How many more checks of one field, all clean, would show that it is not much worse. */
static uint64_t field_missing(const struct fnd_prover *prover, const struct field_at *field)
{
    const double limit = fmin(1, FND_FIELD_TIMES * prover->target->error);
    const uint64_t needed = fnd_checks_needed((double)field->wrong, limit, prover->target->level);
    return needed > field->checks ? needed - field->checks : 0;
}

/* The same of the field that lacks the fewest: without one of them nothing is accepted at all. */
static uint64_t field_missing_least(const struct fnd_prover *prover, const struct tally_at *at)
{
    uint64_t least = UINT64_MAX;
    for (size_t f = 0; f < prover->fields_count && least > 0; f++) {
        const uint64_t missing = field_missing(prover, &at->fields[f]);
        least = missing < least ? missing : least;
    }
    return least == UINT64_MAX ? 0 : least;
}

/* How many more checks, all clean, would make a threshold hold. */
static uint64_t missing_at(const struct fnd_prover *prover, const struct tally_at *at,
                           bool *by_document)
{
    const struct fnd_target *target = prover->target;
    const double needed =
        (double)fnd_checks_needed(at->open_wrong / at->open_worth, target->error, target->level);
    const double more =
        (needed - at->open_units / at->open_worth) * (prover->by_document ? 1 : at->open_worth);
    uint64_t missing = more <= 0 ? 0 : (uint64_t)ceil(more - 1e-9);
    const int64_t veto = field_veto(prover, at);
    const uint64_t own = veto >= 0              ? field_missing(prover, &at->fields[veto])
                         : target->per_document ? 0
                                                : field_missing_least(prover, at);
    *by_document = prover->by_document;
    if (own > missing) {
        missing = own;
        *by_document = true; /* a document has one such value */
    }
    return missing > 0 ? missing : 1;
}

static size_t nearest_of(const struct fnd_prover *prover, const struct tally_at *tallies)
{
    size_t best = 0;
    uint64_t fewest = UINT64_MAX;
    bool by_document;
    for (size_t i = 0; i < GRID_COUNT; i++) {
        const uint64_t missing = missing_at(prover, &tallies[i], &by_document);
        if (missing < fewest) {
            fewest = missing;
            best = i;
        }
    }
    return best;
}

static void fields_fill(const struct fnd_prover *prover, const struct tally_at *at,
                        struct fnd_threshold *out)
{
    const struct fnd_target *target = prover->target;
    const double limit = fmin(1, FND_FIELD_TIMES * target->error);
    out->fields = fnd_alloc((prover->fields_count + 1) * sizeof *out->fields);
    out->fields_count = prover->fields_count;
    for (size_t f = 0; f < prover->fields_count; f++) {
        const struct field_at *from = &at->fields[f];
        struct fnd_threshold_field *field = &out->fields[f];
        field->checks = from->checks;
        field->wrong = from->wrong;
        field->bound = fnd_error_bound((double)from->wrong, (double)from->checks, target->level);
        const bool good = field->bound <= limit;
        field->missing = field_missing(prover, from);
        field->state = from->checks == 0                        ? FND_FIELD_UNSEEN
                       : good                                   ? FND_FIELD_IN
                       : fnd_field_counts(prover, from->checks) ? FND_FIELD_VETO
                                                                : FND_FIELD_ASKED;
    }
}

static void out_fill(const struct fnd_prover *prover, const struct tally_at *at, double threshold,
                     bool proven, struct fnd_threshold *out)
{
    const double level = prover->target->level;
    const double units = proven ? at->units : at->open_units;
    const double wrong = proven ? at->wrong : at->open_wrong;
    const double worth = proven ? at->worth : at->open_worth;
    out->proven = proven;
    out->threshold = threshold;
    out->checks = (uint64_t)units;
    out->wrong = (uint64_t)wrong;
    out->documents = at->documents;
    out->effective = units / worth;
    out->bound = fnd_error_bound(wrong / worth, out->effective, level);
    out->lower = fnd_error_bound_lower(wrong / worth, out->effective, level);
    out->by_document = prover->by_document;
    out->veto = -1;
    out->other_checks = at->other_units;
    out->other_wrong = at->other_wrong;
    out->other_bound = fnd_error_bound((double)at->other_wrong, (double)at->other_units, level);
    fields_fill(prover, at, out);
}

/* The highest confidence that was seen at all. Where nothing lies at a higher one, "so many more
 * clean checks" of that is no hope for whoever sees what there is go wrong. One or two wrong values
 * may be slips of a person or a bad page, whatever the bound says: those tell nothing yet. */
static void seen_fill(const struct fnd_prover *prover, const struct tally_at *tallies,
                      struct fnd_threshold *out)
{
    size_t at = 0;
    while (at < GRID_COUNT && !(tallies[at].open_units > 0)) {
        at++;
    }
    if (at < GRID_COUNT && tallies[at].open_wrong / tallies[at].open_worth >= SEEN_WRONG_MIN) {
        out->seen = grid_of_all[at];
        out->seen_lower = fnd_error_bound_lower(tallies[at].open_wrong / tallies[at].open_worth,
                                                tallies[at].open_units / tallies[at].open_worth,
                                                prover->target->level);
    }
}

void fnd_threshold_prove(const struct fnd_check *checks, size_t count, size_t fields_count,
                         const struct fnd_target *target, struct fnd_threshold *out)
{
    struct fnd_prover prover = {.target = target, .fields_count = fields_count};
    struct tally_at tallies[GRID_COUNT] = {0};
    fnd_prover_count(&prover, checks, count, grid_of_all, GRID_COUNT, tallies);
    const struct fnd_threshold empty = {0};
    *out = empty;
    size_t at = begin_of(&prover, tallies);
    size_t proven = GRID_COUNT;
    for (; at < GRID_COUNT && holds(&prover, &tallies[at]); at++) {
        /* What was never seen is not let pass: a step down that adds no check is none. */
        const bool more = proven == GRID_COUNT || tallies[at].units > tallies[proven].units;
        proven = more ? at : proven;
    }
    if (proven < GRID_COUNT) {
        out_fill(&prover, &tallies[proven], grid_of_all[proven], true, out);
    } else {
        const size_t nearest = at < GRID_COUNT ? at : nearest_of(&prover, tallies);
        out_fill(&prover, &tallies[nearest], grid_of_all[nearest], false, out);
        out->missing = missing_at(&prover, &tallies[nearest], &out->by_document);
        out->veto = field_veto(&prover, &tallies[nearest]);
        seen_fill(&prover, tallies, out);
    }
    fnd_prover_finish(tallies, GRID_COUNT);
}

void fnd_threshold_look(const struct fnd_check *checks, size_t count, size_t fields_count,
                        const struct fnd_target *target, double threshold,
                        struct fnd_threshold *out)
{
    struct fnd_prover prover = {.target = target, .fields_count = fields_count};
    struct tally_at tally = {0};
    fnd_prover_count(&prover, checks, count, &threshold, 1, &tally);
    const double wrong = tally.open_wrong / tally.open_worth;
    const double effective = tally.open_units / tally.open_worth;
    *out = (struct fnd_threshold){
        .threshold = threshold,
        .checks = (uint64_t)tally.open_units,
        .wrong = (uint64_t)tally.open_wrong,
        .documents = tally.documents,
        .effective = effective,
        .bound = fnd_error_bound(wrong, effective, target->level),
        .lower = fnd_error_bound_lower(wrong, effective, target->level),
        .by_document = prover.by_document,
        .veto = -1,
    };
    fnd_prover_finish(&tally, 1);
}

void fnd_percent_append(double share, struct fnd_text *text)
{
    char digits[48];
    const double percent = share * 100;
    snprintf(digits, sizeof digits, "%.*f",
             percent >= 10                    ? 1
             : percent >= 0.1 || percent <= 0 ? 2
                                              : 4,
             percent);
    size_t size = strlen(digits);
    while (strchr(digits, '.') != NULL && (digits[size - 1] == '0' || digits[size - 1] == '.')) {
        const bool point = digits[size - 1] == '.';
        digits[--size] = '\0';
        if (point) {
            break;
        }
    }
    fnd_text_printf(text, "%s %%", digits);
}

static void checked_append(const struct fnd_threshold *threshold, const struct fnd_target *target,
                           struct fnd_text *text)
{
    fnd_text_printf(text, "%" PRIu64 " %s%s checked, ", threshold->checks,
                    target->per_document ? "document" : "value", threshold->checks == 1 ? "" : "s");
    if (threshold->wrong == 0) {
        fnd_text_append_z(text, "none wrong");
    } else {
        fnd_text_printf(text, "%" PRIu64 " wrong", threshold->wrong);
    }
}

void fnd_threshold_text(const struct fnd_threshold *threshold, const struct fnd_target *target,
                        const char *const *names, struct fnd_text *text)
{
    const char *unit = target->per_document ? "documents" : "values";
    if (threshold->proven) {
        fnd_text_append_z(text, "proven: from a confidence of ");
        fnd_percent_append(threshold->threshold, text);
        fnd_text_append_z(text, " on at most ");
        fnd_percent_append(threshold->bound, text);
        fnd_text_printf(text, " of %s are wrong (", unit);
        checked_append(threshold, target, text);
    } else {
        const char *what = threshold->by_document ? "document" : "check";
        fnd_text_printf(text, "unproven: %" PRIu64 " more clean %s%s", threshold->missing, what,
                        threshold->missing == 1 ? "" : "s");
        if (threshold->veto >= 0 && names != NULL) {
            fnd_text_printf(text, " of %s", names[threshold->veto]);
        }
        fnd_text_append_z(text, " would prove it (");
        checked_append(threshold, target, text);
        fnd_text_append_z(text, " from ");
        fnd_percent_append(threshold->threshold, text);
        fnd_text_append_z(text, " on");
    }
    fnd_text_append_z(text, "; target ");
    fnd_percent_append(target->error, text);
    fnd_text_append_z(text, target->per_document ? " per document)" : " per field)");
    if (!threshold->proven && threshold->lower > target->error) {
        fnd_text_append_z(text, "; as it is the target cannot be met: at least ");
        fnd_percent_append(threshold->lower, text);
        fnd_text_printf(text, " of %s are wrong even there", unit);
    } else if (!threshold->proven && threshold->checks == 0 &&
               threshold->seen_lower > target->error) {
        fnd_text_append_z(text, "; as it is the target cannot be met: from ");
        fnd_percent_append(threshold->seen, text);
        fnd_text_append_z(text, " on, the highest confidence that was seen, at least ");
        fnd_percent_append(threshold->seen_lower, text);
        fnd_text_printf(text, " of %s are wrong", unit);
    }
}
