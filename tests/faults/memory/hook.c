/* SPDX-License-Identifier: MIT */
/* malloc and its kin for the whole process, libraries included: each call is counted and passed
 * on, or fails. Under a sanitizer they are passed on to its own. */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
void *__interceptor_memalign(size_t alignment, size_t size) __attribute__((weak));

static struct {
    size_t at, count;
    bool sticky, met;
} hook;
static _Thread_local bool armed; /* other threads do not count: their turn would be chance */

void hook_arm(size_t at, bool sticky)
{
    hook.at = at;
    hook.sticky = sticky;
    hook.count = 0;
    hook.met = false;
    armed = true;
}

size_t hook_disarm(void)
{
    armed = false;
    return hook.count;
}

bool hook_met(void)
{
    return hook.met;
}

/** Count a call.  Returns whether it fails. */
static bool fails(void)
{
    if (!armed) {
        return false;
    }
    hook.count++;
    if (hook.at == 0 || !(hook.count == hook.at || (hook.sticky && hook.count > hook.at))) {
        return false;
    }
    hook.met = true;
    errno = ENOMEM;
    return true;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size)
{
    if (fails()) {
        return NULL;
    }
    return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    if (fails()) {
        return NULL;
    }
    return __interceptor_calloc != NULL ? __interceptor_calloc(count, size)
                                        : __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    if (fails()) {
        return NULL;
    }
    return __interceptor_realloc != NULL ? __interceptor_realloc(old, size)
                                         : __libc_realloc(old, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    if (fails()) {
        return NULL;
    }
    return __interceptor_memalign != NULL ? __interceptor_memalign(alignment, size)
                                          : __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *got = aligned_alloc(alignment, size);
    if (got == NULL) {
        return ENOMEM;
    }
    *memory = got;
    return 0;
}
