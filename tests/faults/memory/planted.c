/* SPDX-License-Identifier: MIT */
/* Scenes with mistakes, which the sweep must find. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>

#include "memory.h"

/** malloc(), which a compiler may not do without. */
static char *take(size_t size)
{
    void *(*volatile allocate)(size_t) = malloc;
    return allocate(size);
}

/** Nobody looks at what malloc() said. */
static void act_unchecked(struct run *run)
{
    hook_arm(run->at, run->sticky);
    char *volatile bytes = take(16);
    bytes[0] = 'x';
    run->allocations = hook_disarm();
    run->done = true;
    free(bytes);
}

/** It says done, and is not. */
static void act_half_done(struct run *run)
{
    hook_arm(run->at, run->sticky);
    char *bytes = take(16);
    run->allocations = hook_disarm();
    run->done = true;
    if (bytes == NULL) {
        run_wrong(run, "it says done, and nothing is there");
    }
    free(bytes);
}

/** It fails and does not say that it was for want of memory. */
static void act_silent(struct run *run)
{
    hook_arm(run->at, run->sticky);
    char *bytes = take(16);
    run->allocations = hook_disarm();
    run->done = bytes != NULL;
    if (!run->done) {
        fnd_error_set(&run->error, FND_IO, "cannot do it");
    }
    free(bytes);
}

/** It leaves a record that does not verify. */
static void act_damage(struct run *run)
{
    char path[512] = "";
    strncat(path, run->place, sizeof path - 64);
    strcat(path, "/jobs/.foundry/state.db");
    hook_arm(run->at, run->sticky);
    char *bytes = take(16);
    run->allocations = hook_disarm();
    run->done = bytes != NULL;
    if (!run->done) {
        fnd_error_set(&run->error, FND_NO_MEMORY, "no memory left");
        char damage[4096];
        memset(damage, 'x', sizeof damage);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || pwrite(fd, damage, sizeof damage, 2 * sizeof damage) != sizeof damage) {
            run_wrong(run, "cannot damage %s", path);
        }
        close(fd);
    }
    free(bytes);
}

const struct scene *scenes_planted(void)
{
    static const struct scene list[] = {
        {"planted: unchecked malloc", TEMPLATE_NONE, false, act_unchecked},
        {"planted: half done", TEMPLATE_NONE, false, act_half_done},
        {"planted: silent", TEMPLATE_NONE, false, act_silent},
        {"planted: damaged record", TEMPLATE_DONE, false, act_damage},
        {NULL, TEMPLATE_NONE, false, NULL}};
    return list;
}
