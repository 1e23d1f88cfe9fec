/* SPDX-License-Identifier: MIT */
#include "traits.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t feature_hash(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    /* An end mark, so that "ab","c" is not "a","bc". */
    return (hash ^ 0x1fU) * UINT64_C(0x100000001b3);
}

void features_say(struct features *features, const char *name, const char *text, const char *more)
{
    if (features->count == FEATURES_MAX) {
        return;
    }
    uint64_t hash = feature_hash(feature_hash(FEATURE_SEED, name), text);
    hash = more == NULL ? hash : feature_hash(hash, more);
    hash ^= hash >> 32;
    hash ^= hash >> FEATURE_BITS;
    features->ids[features->count++] = (uint32_t)(hash & ((UINT64_C(1) << FEATURE_BITS) - 1));
}

void features_count(struct features *features, const char *name, long number, const char *more)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", number);
    features_say(features, name, text, more);
}

static int by_id(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

void features_end(struct features *features)
{
    size_t kept = 0;
    qsort(features->ids, features->count, sizeof features->ids[0], by_id);
    for (size_t i = 0; i < features->count; i++) {
        if (kept == 0 || features->ids[kept - 1] != features->ids[i]) {
            features->ids[kept++] = features->ids[i];
        }
    }
    features->count = kept;
}
