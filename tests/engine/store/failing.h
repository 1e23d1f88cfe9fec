/* SPDX-License-Identifier: MIT */
/* Calls that fail when told: of the system and, in failing.c, of SQLite, by the code of a room that
 * is linked into the test (ld --wrap, see meson.build). What SQLite calls itself is faulty.h's. */
#ifndef TEST_STORE_FAILING_H
#define TEST_STORE_FAILING_H

#include <stdbool.h>

enum failing_how {
    FAILING_ERROR,     /* it says what it says when it fails */
    FAILING_INTERRUPT, /* a signal came in between: only calls count for which that can be */
    FAILING_SHORT      /* no room, or nothing there, just now: only calls count that may say so */
};

/** Make stores in memory: a sweep syncs thousands of times. */
void failing_place(void);
/** Count calls from now on, in the rooms above the workers' those of this thread; the `at`-th
 * fails, from 1; 0: none. */
void failing_arm(unsigned at, enum failing_how how);
/** No more. Returns the name of the call that failed, NULL: there were not so many. */
const char *failing_clear(void);

#endif
