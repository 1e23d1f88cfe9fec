/* SPDX-License-Identifier: MIT */
#include "plant.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "store/reader.h"

static const char *const names[PLANTS] = {"none", "early",  "double", "orphan",
                                          "lock", "forget", "flaw"};

const char *plant_name(enum plant plant)
{
    return names[plant];
}

bool plant_parse(const char *name, enum plant *plant)
{
    for (size_t i = 0; i < PLANTS; i++) {
        if (strcmp(names[i], name) == 0) {
            *plant = (enum plant)i;
            return true;
        }
    }
    return false;
}

/** Start a program that outlives us, in a session of its own. */
static void child_start(void)
{
    if (fork() == 0) {
        setsid();
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++) {
            dup2(null, fd);
        }
        execlp("sleep", "sleep", "30", (char *)NULL);
        _exit(127);
    }
}

/** Let programs that are started from now on inherit the descriptor of the lock. */
static void lock_leak(void)
{
    DIR *list = opendir("/proc/self/fd");
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        char target[4096] = {0};
        if (readlinkat(dirfd(list), entry->d_name, target, sizeof target - 1) > 0 &&
            strstr(target, "/.foundry/lock") != NULL) {
            fcntl((int)strtol(entry->d_name, NULL, 10), F_SETFD, 0);
        }
    }
    closedir(list);
}

static bool step_first(const struct fnd_step_row *row, void *context)
{
    struct fnd_step_row *found = context;
    *found = *row;
    return false;
}

static enum fnd_status output_again(struct fnd_engine *engine, const struct fnd_step_row *step,
                                    struct fnd_error *error)
{
    struct fnd_write *write = fnd_write_create();
    write->step = step->id;
    write->before = step->event;
    write->outputs_count = step->outputs_count;
    memcpy(write->outputs, step->outputs, sizeof step->outputs);
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_OUTPUT, fnd_strdup("{}"), NULL);
    event->after = step->stand;
    enum fnd_status status = fnd_store_commit(fnd_engine_store(engine), write, error);
    fnd_write_destroy(write);
    return status;
}

enum fnd_status plant_after_ingest(enum plant plant, struct fnd_engine *engine,
                                   struct fnd_error *error)
{
    const struct fnd_walk one = {0, 1};
    struct fnd_step_row step = {0};
    enum fnd_status status = FND_OK;
    if (plant == PLANT_ORPHAN || plant == PLANT_LOCK) {
        if (plant == PLANT_LOCK) {
            lock_leak();
        }
        child_start();
    } else if (plant == PLANT_DOUBLE) {
        status = fnd_steps_walk(fnd_engine_reader(engine), FND_COMPLETED, &one, step_first, &step,
                                error);
        if (status == FND_OK && step.id > 0) {
            status = output_again(engine, &step, error);
        }
    }
    return status;
}
