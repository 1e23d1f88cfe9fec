/* SPDX-License-Identifier: MIT */
/* Steps that wait for the clock, the earliest on top. */
#include <stdlib.h>

#include "run/internal.h"

void fnd_heap_push(struct fnd_heap *heap, struct fnd_due due)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 16 : heap->capacity * 2;
        heap->list = fnd_realloc(heap->list, heap->capacity, sizeof *heap->list);
    }
    size_t at = heap->count++;
    while (at > 0 && heap->list[(at - 1) / 2].at_us > due.at_us) {
        heap->list[at] = heap->list[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->list[at] = due;
}

bool fnd_heap_pop(struct fnd_heap *heap, int64_t now_us, struct fnd_due *due)
{
    if (heap->count == 0 || heap->list[0].at_us > now_us) {
        return false;
    }
    *due = heap->list[0];
    struct fnd_due last = heap->list[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && heap->list[child + 1].at_us < heap->list[child].at_us) {
            child++;
        }
        if (heap->list[child].at_us >= last.at_us) {
            break;
        }
        heap->list[at] = heap->list[child];
        at = child;
    }
    if (heap->count > 0) {
        heap->list[at] = last;
    }
    return true;
}
