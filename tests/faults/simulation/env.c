/* SPDX-License-Identifier: MIT */
/* A clock that jumps to the next thing that is due, and randomness of the seed. Both go on from
 * where they were when the engine is started again: the world does not begin anew with it. */
#include <string.h>

#include "sim.h"

static int64_t wall_us(const struct fnd_env *env)
{
    const struct sim_world *world = env->state;
    return world->wall_us;
}

static int64_t monotonic_us(const struct fnd_env *env)
{
    const struct sim_world *world = env->state;
    return world->monotonic_us;
}

static void random_fill(const struct fnd_env *env, void *bytes, size_t size)
{
    struct sim_world *world = env->state;
    unsigned char *to = bytes;
    while (size > 0) {
        const uint64_t drawn = sim_mix(sim_mix(world->seed, 5), world->randoms++);
        const size_t part = size < sizeof drawn ? size : sizeof drawn;
        memcpy(to, &drawn, part);
        to += part;
        size -= part;
    }
}

static void wait_us(const struct fnd_env *env, int fd, int64_t max_us)
{
    (void)fd;
    struct sim_world *world = env->state;
    if (max_us < 0) {
        sim_violation(world, "the engine waits, and nothing is due any more");
        return;
    }
    world->wall_us += max_us;
    world->monotonic_us += max_us;
}

void sim_env_init(struct fnd_env *env, struct sim_world *world)
{
    *env = (struct fnd_env){.wall_us = wall_us,
                            .monotonic_us = monotonic_us,
                            .random = random_fill,
                            .wait = wait_us,
                            .state = world};
}

enum fnd_status __wrap_fnd_store_writer_start(struct fnd_store *store, struct fnd_error *error);

/** In place of the store's: no thread commits beside the visits, whatever is in flight. */
enum fnd_status __wrap_fnd_store_writer_start(struct fnd_store *store, struct fnd_error *error)
{
    (void)store;
    return fnd_error_set(error, FND_LIMIT, "a simulated engine has one thread");
}
