/* SPDX-License-Identifier: MIT */
#include "learn/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

enum { BITS = 64, OTHER_GROUP = 2 * BITS };

/* An entry of the batch while it is sorted. */
struct entry {
    const struct fnd_candidate *candidate;
    size_t index;
    unsigned nearest; /* distance to the nearest of those chosen */
    bool taken;
};

/* Not a number is no confidence at all. */
static double confidence_of(const struct fnd_candidate *candidate)
{
    return isnan(candidate->confidence) ? 0 : candidate->confidence;
}

static int entry_order(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    const double one = confidence_of(a->candidate), other = confidence_of(b->candidate);
    return one < other ? -1 : one > other ? 1 : strcmp(a->candidate->id, b->candidate->id);
}

static unsigned distance(const struct fnd_candidate *a, const struct fnd_candidate *b)
{
    uint64_t differ = a->features ^ b->features;
    unsigned bits = 0;
    for (; differ != 0; differ &= differ - 1) {
        bits++;
    }
    const bool grouped = a->group != NULL && b->group != NULL;
    return bits + (grouped && strcmp(a->group, b->group) != 0 ? OTHER_GROUP : 0);
}

static size_t wanted(const struct fnd_choice *choice, size_t count)
{
    size_t most = choice->count_max < count ? choice->count_max : count;
    if (choice->minutes > 0) {
        const double each = choice->seconds_each > 0 ? choice->seconds_each : FND_CARD_SECONDS;
        const double fit = floor(choice->minutes * 60 / each + 1e-9);
        const size_t budget = fit < 1 ? 1 : fit >= (double)most ? most : (size_t)fit;
        most = budget < most ? budget : most;
    }
    return most;
}

/* Entries are sorted from the least certain on, so the first of equals is the less certain one. */
static size_t farthest(const struct entry *entries, size_t count)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (!entries[i].taken && (best == count || entries[i].nearest > entries[best].nearest)) {
            best = i;
        }
    }
    return best;
}

static void choose_diverse(struct entry *entries, size_t count, size_t want, size_t *chosen)
{
    const size_t pool = count / FND_CHOICE_POOL < want ? count : want * FND_CHOICE_POOL;
    for (size_t i = 0; i < pool; i++) {
        entries[i].nearest = UINT32_MAX;
    }
    for (size_t taken = 0; taken < want; taken++) {
        const size_t next = farthest(entries, pool);
        entries[next].taken = true;
        chosen[taken] = entries[next].index;
        for (size_t i = 0; i < pool; i++) {
            const unsigned far = distance(entries[i].candidate, entries[next].candidate);
            entries[i].nearest = far < entries[i].nearest ? far : entries[i].nearest;
        }
    }
}

size_t fnd_choose(const struct fnd_candidate *candidates, size_t count,
                  const struct fnd_choice *choice, size_t *chosen)
{
    struct entry *entries = fnd_alloc((count + 1) * sizeof *entries);
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (confidence_of(&candidates[i]) <= choice->confidence_max) {
            entries[left].candidate = &candidates[i];
            entries[left++].index = i;
        }
    }
    qsort(entries, left, sizeof *entries, entry_order);
    const size_t want = wanted(choice, left);
    if (choice->diverse) {
        choose_diverse(entries, left, want, chosen);
    } else {
        for (size_t i = 0; i < want; i++) {
            chosen[i] = entries[i].index;
        }
    }
    free(entries);
    return want;
}

static int double_order(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

double fnd_median(double *seconds, size_t count)
{
    if (count == 0) {
        return -1;
    }
    qsort(seconds, count, sizeof *seconds, double_order);
    return count % 2 == 1 ? seconds[count / 2] : (seconds[count / 2 - 1] + seconds[count / 2]) / 2;
}

/* Votes of each leaf for each bit. */
struct votes {
    int32_t of[BITS];
    bool any;
};

static void leaf_vote(struct votes *votes, const struct fnd_text *pointer, struct fnd_json value)
{
    uint8_t digest[FND_DIGEST_SIZE];
    struct fnd_text canonical = {0};
    fnd_json_canonical(value, &canonical);
    fnd_blake2b(NULL, 0, fnd_text_z(pointer), pointer->size + 1, canonical.bytes, canonical.size,
                digest);
    for (size_t bit = 0; bit < BITS; bit++) {
        votes->of[bit] += (digest[bit / 8] >> bit % 8 & 1) != 0 ? 1 : -1;
    }
    votes->any = true;
    fnd_text_finish(&canonical);
}

/* JSON that was checked is at most FND_JSON_DEPTH_MAX deep, and so is this recursion. Places in an
 * array are left out: the same rows in another order are nearly the same document. */
static void walk(struct votes *votes, struct fnd_text *pointer, struct fnd_json value)
{
    const enum fnd_json_type type = fnd_json_type(value);
    if (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY) {
        leaf_vote(votes, pointer, value);
        return;
    }
    for (struct fnd_json_walk each = fnd_json_walk(value); fnd_json_next(&each);) {
        const size_t size = pointer->size;
        if (type == FND_JSON_OBJECT) {
            fnd_json_pointer_add_key(pointer, each.key);
        } else {
            fnd_text_append_z(pointer, "/*");
        }
        walk(votes, pointer, each.value);
        pointer->size = size;
        pointer->bytes[size] = '\0';
    }
}

uint64_t fnd_features(struct fnd_json document)
{
    struct votes votes = {0};
    struct fnd_text pointer = {0};
    uint64_t features = 0;
    fnd_text_reserve(&pointer, 64);
    pointer.bytes[0] = '\0'; /* the root's pointer */
    walk(&votes, &pointer, document);
    for (size_t bit = 0; votes.any && bit < BITS; bit++) {
        features |= (uint64_t)(votes.of[bit] > 0) << bit;
    }
    fnd_text_finish(&pointer);
    return features;
}
