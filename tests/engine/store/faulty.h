/* SPDX-License-Identifier: MIT */
/* A VFS that fails when told: the disk below SQLite, under a test's control. */
#ifndef TEST_STORE_FAULTY_H
#define TEST_STORE_FAULTY_H

#include <stdbool.h>

enum fault_call { FAULT_WRITE, FAULT_SYNC, FAULT_READ };

/** Make it SQLite's default; stores opened from now on use it. Once a process. */
void faulty_install(void);

/** `times` calls of this kind, beginning with the `at`-th from now on (from 1), answer `result`
 *  (SQLITE_IOERR_…, _FULL).  after: they are done nevertheless, as when a disk fails to report. */
void faulty_plan(enum fault_call call, int at, int times, int result, bool after);
enum { FAULT_ALWAYS = 1000000 };
/** What the system's errno says at each fault of the plan that is armed: 0, unless this is called
 *  behind faulty_plan(). */
void faulty_errno(int error_number);

/** No more faults.  Returns whether the plan's fault was met. */
bool faulty_clear(void);

#endif
