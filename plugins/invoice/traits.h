/* SPDX-License-Identifier: MIT */
/* What is said of a word or a run of words: a set of true statements, each hashed to a number. */
#ifndef INVOICE_TRAITS_H
#define INVOICE_TRAITS_H

#include <stddef.h>
#include <stdint.h>

enum {
    FEATURES_MAX = 64,
    FEATURE_BITS = 18 /* of a feature's number */
};

struct features {
    uint32_t ids[FEATURES_MAX];
    size_t count;
};

/** FNV-1a over a text, going on from `hash` (begin with FEATURE_SEED). */
#define FEATURE_SEED UINT64_C(0xcbf29ce484222325)
uint64_t feature_hash(uint64_t hash, const char *text);

/** State that `name` is `text` (or `text` and `more`, which may be NULL). What is beyond
 *  FEATURES_MAX is not kept. */
void features_say(struct features *features, const char *name, const char *text, const char *more);
/** The same with a number. */
void features_count(struct features *features, const char *name, long number, const char *more);
/** Sort, and drop what is stated twice: needed before the features are used. */
void features_end(struct features *features);

#endif
