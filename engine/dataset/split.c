/* SPDX-License-Identifier: MIT */
/* Which part of the data a job belongs to, once and for all. */
#include <string.h>

#include "dataset/internal.h"

static const char *const split_names[] = {"all", "train", "validation", "test"};

const char *fnd_split_name(enum fnd_split split)
{
    return split_names[split];
}

bool fnd_split_find(const char *name, enum fnd_split *split)
{
    for (int i = FND_SPLIT_ALL; i <= FND_SPLIT_TEST; i++) {
        if (strcmp(split_names[i], name) == 0) {
            *split = (enum fnd_split)i;
            return true;
        }
    }
    return false;
}

enum fnd_split fnd_split_draw(const char *salt, const int32_t shares[FND_SPLITS_COUNT],
                              const char *pipeline, const char *path, uint32_t *job)
{
    enum { PARTS = 3, SHORT_SIZE = 256 };
    /* The NULs keep ("ab", "c") and ("a", "bc") apart. The revision is left out: all versions of
     * one file stay on one side, and so do all records of one job. */
    const char *const parts[PARTS] = {salt, pipeline, path};
    const size_t sizes[PARTS] = {strlen(salt) + 1, strlen(pipeline) + 1, strlen(path)};
    uint8_t digest[FND_DIGEST_SIZE], together[SHORT_SIZE];
    if (sizes[0] + sizes[1] + sizes[2] <= SHORT_SIZE) { /* mostly: one call instead of five */
        size_t size = 0;
        for (size_t i = 0; i < PARTS; i++) {
            memcpy(together + size, parts[i], sizes[i]);
            size += sizes[i];
        }
        fnd_sha256(together, size, digest);
    } else {
        struct fnd_sha256 hash;
        fnd_sha256_begin(&hash);
        for (size_t i = 0; i < PARTS; i++) {
            fnd_sha256_add(&hash, parts[i], sizes[i]);
        }
        fnd_sha256_end(&hash, digest);
    }
    if (job != NULL) {
        *job = (uint32_t)digest[4] | (uint32_t)digest[5] << 8 | (uint32_t)digest[6] << 16 |
               (uint32_t)digest[7] << 24;
    }
    uint64_t drawn = (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 |
                     (uint64_t)digest[2] << 8 | digest[3];
    int32_t place = (int32_t)(drawn * FND_DATASET_SHARES_SUM >> 32);
    if (place < shares[0]) {
        return FND_SPLIT_TRAIN;
    }
    return place < shares[0] + shares[1] ? FND_SPLIT_VALIDATION : FND_SPLIT_TEST;
}

enum fnd_split fnd_dataset_split(const char *store_uuid, const char *pipeline, const char *path)
{
    static const int32_t shares[FND_SPLITS_COUNT] = {800, 100, 100};
    return fnd_split_draw(store_uuid, shares, pipeline, path, NULL);
}
