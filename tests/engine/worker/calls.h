/* SPDX-License-Identifier: MIT */
/* Calls of the system that fail when told, by the code that is linked with `worker_wraps` (ld
 * --wrap, see meson.build): in a test, and in a foundry-worker whose own calls fail. */
#ifndef TEST_WORKER_CALLS_H
#define TEST_WORKER_CALLS_H

/** How it fails. What a signal can cut short may do that once. */
enum calls_how {
    CALLS_ERROR,     /* it says what it says when it fails */
    CALLS_INTERRUPT, /* a signal came in between: only calls count for which that can be */
    CALLS_SHORT      /* no room, or nothing there, just now: only calls count that may say so */
};

/** Count calls from now on; the `at`-th fails, from 1; 0: none. */
void calls_arm(unsigned at, enum calls_how how);
/** No more. Returns the name of the call that failed, NULL: there were not so many. */
const char *calls_clear(void);

#endif
