/* SPDX-License-Identifier: MIT */
/* Steps that people left queued: they rest until somebody says run. Numbers in order; there are as
 * many as people typed. */
#include <string.h>

#include "run/internal.h"

/** The place of a step in the list: the first number that is not below it. */
static size_t place_of(const struct fnd_rest *rest, int64_t step)
{
    size_t low = 0, high = rest->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rest->list[middle] < step) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool fnd_rest_has(const struct fnd_rest *rest, int64_t step)
{
    size_t at = place_of(rest, step);
    return at < rest->count && rest->list[at] == step;
}

void fnd_rest_set(struct fnd_rest *rest, int64_t step, bool rests)
{
    size_t at = place_of(rest, step);
    bool has = at < rest->count && rest->list[at] == step;
    if (has == rests) {
        return;
    }
    if (rests) {
        rest->list = fnd_realloc(rest->list, rest->count + 1, sizeof *rest->list);
        memmove(rest->list + at + 1, rest->list + at, (rest->count - at) * sizeof *rest->list);
        rest->list[at] = step;
        rest->count++;
    } else {
        rest->count--;
        memmove(rest->list + at, rest->list + at + 1, (rest->count - at) * sizeof *rest->list);
    }
}
