/* SPDX-License-Identifier: MIT */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "host/state.h"

enum { BLOCK_SIZE = 8192 };

struct fnd_arena_block {
    struct fnd_arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

void *fnd_arena_take(struct fnd_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) & ~(align - 1);
    struct fnd_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size) {
        const bool big = size > BLOCK_SIZE / 2;
        const size_t room = big ? size : BLOCK_SIZE;
        struct fnd_arena_block *made = malloc(sizeof *made + room);
        if (made == NULL) {
            return NULL;
        }
        *made = (struct fnd_arena_block){.size = room};
        if (big && block != NULL) {
            made->next = block->next; /* the newest one keeps being filled */
            block->next = made;
        } else {
            made->next = block;
            arena->blocks = made;
        }
        block = made;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    arena->bytes += size;
    return taken;
}

char *fnd_arena_copy(struct fnd_arena *arena, const char *bytes, size_t size)
{
    char *copy = fnd_arena_take(arena, size + 1);
    if (copy != NULL) {
        if (size != 0) {
            memcpy(copy, bytes, size);
        }
        copy[size] = '\0';
    }
    return copy;
}

void fnd_arena_reset(struct fnd_arena *arena)
{
    struct fnd_arena_block *kept = NULL;
    while (arena->blocks != NULL) {
        struct fnd_arena_block *next = arena->blocks->next;
        if (kept == NULL && arena->blocks->size == BLOCK_SIZE) {
            kept = arena->blocks;
            kept->next = NULL;
            kept->used = 0;
        } else {
            free(arena->blocks);
        }
        arena->blocks = next;
    }
    *arena = (struct fnd_arena){.blocks = kept};
}

void fnd_arena_finish(struct fnd_arena *arena)
{
    fnd_arena_reset(arena);
    free(arena->blocks);
    *arena = (struct fnd_arena){0};
}
