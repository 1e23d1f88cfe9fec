/* SPDX-License-Identifier: MIT */
/* Faults that are planted on purpose, so that the storm is shown to find each. */
#ifndef TEST_STORM_PLANT_H
#define TEST_STORM_PLANT_H

#include <stdbool.h>

#include "run/engine.h"

enum plant {
    PLANT_NONE,
    PLANT_EARLY,  /* an answer is acknowledged before it is committed */
    PLANT_DOUBLE, /* a phase's output is recorded a second time */
    PLANT_ORPHAN, /* a child process outlives its engine */
    PLANT_LOCK,   /* a child process keeps the directory's lock */
    PLANT_FORGET, /* the store is put back to what it was a while ago (by the storm) */
    PLANT_FLAW,   /* a byte of an artifact changes (by the storm) */
    PLANTS
};

const char *plant_name(enum plant plant);
bool plant_parse(const char *name, enum plant *plant);

/** What a driver does wrong behind its ingest; nothing for the plants of others. */
enum fnd_status plant_after_ingest(enum plant plant, struct fnd_engine *engine,
                                   struct fnd_error *error);

#endif
