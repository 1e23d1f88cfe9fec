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
                              const char *pipeline, const char *path)
{
    struct fnd_sha256 hash;
    uint8_t digest[FND_DIGEST_SIZE];
    /* The NULs keep ("ab", "c") and ("a", "bc") apart. The revision is left out: all versions of
     * one file stay on one side, and so do all records of one job. */
    fnd_sha256_begin(&hash);
    fnd_sha256_add(&hash, salt, strlen(salt) + 1);
    fnd_sha256_add(&hash, pipeline, strlen(pipeline) + 1);
    fnd_sha256_add(&hash, path, strlen(path));
    fnd_sha256_end(&hash, digest);
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
    return fnd_split_draw(store_uuid, shares, pipeline, path);
}
