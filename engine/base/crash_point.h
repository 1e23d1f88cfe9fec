/* SPDX-License-Identifier: MIT */
/* Named places at which a test kills the engine: a build with -Dcrash_points=true dies by SIGKILL
 * at the n-th pass of the place that FOUNDRY_CRASH_AT=NAME[:N] names. In every other build a crash
 * point is nothing at all. */
#ifndef FND_BASE_CRASH_POINT_H
#define FND_BASE_CRASH_POINT_H

#include <stddef.h>

#ifdef FND_CRASH_POINTS

/** Pass the place `name`, which must be in the table below. When FOUNDRY_CRASH_TRACE names a file,
 *  the name is appended to it as a line.  Thread: any. */
void fnd_crash_point(const char *name);

/** All names, in the order in which a job meets them, ended by NULL; static. */
const char *const *fnd_crash_points(void);

#define FND_CRASH_POINT(name) fnd_crash_point(name)
#else
#define FND_CRASH_POINT(name) ((void)0)
#endif

#endif
