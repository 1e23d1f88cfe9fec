/* SPDX-License-Identifier: MIT */
/* The time that deadlines go by. The wall clock says when something is due, as it alone outlives a
 * process; but it can be set, by hand or by a server that is wrong for a moment. Within a process
 * the monotonic clock carries the time on, and a wall clock that suddenly disagrees is believed
 * only after it has disagreed for a while: nothing comes early or late by a jump that is taken
 * back. A machine that slept wakes to such a jump, and waits that while. */
#include "review/desk_internal.h"

enum {
    CLOCK_DRIFT_MAX_US = 60 * 1000000,  /* corrections below this are normal */
    CLOCK_SETTLE_US = 10 * 60 * 1000000 /* a jump has to last this long */
};

int64_t fnd_clock_now_us(struct fnd_clock *clock, const struct fnd_env *env)
{
    const int64_t wall = env->wall_us(env), monotonic = env->monotonic_us(env);
    if (!clock->started) {
        *clock = (struct fnd_clock){true, wall, monotonic, 0};
        return wall;
    }
    const int64_t now = clock->wall_us + (monotonic - clock->monotonic_us);
    const int64_t drift = wall > now ? wall - now : now - wall;
    if (drift <= CLOCK_DRIFT_MAX_US) {
        *clock = (struct fnd_clock){true, wall, monotonic, 0};
        return wall;
    }
    if (clock->jumped_us == 0) {
        clock->jumped_us = monotonic > 0 ? monotonic : 1;
    }
    if (monotonic - clock->jumped_us >= CLOCK_SETTLE_US) {
        *clock = (struct fnd_clock){true, wall, monotonic, 0};
        return wall;
    }
    return now;
}
