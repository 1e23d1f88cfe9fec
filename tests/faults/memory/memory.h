/* SPDX-License-Identifier: MIT */
/* What the files of the malloc-failure sweep share. A scene is one thing the library does; it is
 * run once for each allocation that it makes, which then fails, alone or with all that follow. */
#ifndef FAULTS_MEMORY_H
#define FAULTS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* --- hook.c: malloc and its kin, of the whole process --------------------------------------- */

/** From now on count this thread's allocations; the `at`-th (from 1) fails, with `sticky` all
 *  behind it too; 0: none fails. */
void hook_arm(size_t at, bool sticky);
/** Count no more.  Returns how many there were. */
size_t hook_disarm(void);
bool hook_met(void); /* some allocation failed */

/* --- scenes ---------------------------------------------------------------------------------- */

/** What a scene begins with. */
enum template {
    TEMPLATE_NONE,   /* no directory at all */
    TEMPLATE_INPUTS, /* a job directory with inputs, never run */
    TEMPLATE_PAUSED, /* every job waits for a person */
    TEMPLATE_DONE    /* every job has ended, with a correction each */
};
enum { TEMPLATES_COUNT = 4 };

/** One run of a scene, in a process of its own. */
struct run {
    const char *place; /* a folder with jobs/, pipeline.yaml, plugins/ */
    size_t at;         /* for hook_arm() */
    bool sticky;
    size_t allocations;     /* what hook_disarm() said */
    bool done;              /* all that was asked for was done */
    bool met;               /* an allocation had failed */
    struct fnd_error error; /* else why not */
    struct fnd_text wrong;  /* what must not be, in a sentence; empty if nothing */
};

struct scene {
    const char *name;
    enum template template;
    bool worker; /* starts a real worker process */
    void (*act)(struct run *run);
};
/** Ended by a scene without a name. */
const struct scene *scenes(void);
const struct scene *scenes_planted(void); /* with mistakes that the sweep must find */

/** Fill a folder up to a template. Aborts on an error: nothing fails then. */
void scenes_prepare(const char *place, enum template template);
/** Behind a run, whatever came of it: the record verifies and every job can be brought to its end.
 *  false: `wrong` says what is not so. */
bool scenes_finish(const char *place, struct fnd_text *wrong);

/** Note what must not be. */
void run_wrong(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* place.c */
void place_make(const char *place, const char *build_root);
void place_copy(const char *from, const char *to); /* a folder, whole */
void place_remove(const char *place);

/* parts.c: scenes without a directory */
void act_json(struct run *run);
void act_schema(struct run *run);
void act_tree(struct run *run);
void act_codec(struct run *run);

#endif
