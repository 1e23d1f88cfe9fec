/* SPDX-License-Identifier: MIT */
/* Clock, waiting and randomness behind one layer, so that a test or a simulation can replace them.
 * Nothing in the engine asks the system for time or randomness in any other way. */
#ifndef FND_BASE_ENV_H
#define FND_BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

/** Borrowed by everything that is given it; outlives it. The functions may be called on any
 *  thread. */
struct fnd_env {
    int64_t (*wall_us)(const struct fnd_env *);      /* microseconds since 1970, UTC; may jump */
    int64_t (*monotonic_us)(const struct fnd_env *); /* never goes back; for waits and deadlines */
    void (*random)(const struct fnd_env *, void *bytes, size_t size);
    /* Sleep until `fd` is readable, at most `max_us` (-1: without a bound); a signal ends it, too.
     * A replacement may let its clock jump instead. */
    void (*wait)(const struct fnd_env *, int fd, int64_t max_us);
    void *state; /* of a replacement */
};

/** The system's own. Static. */
const struct fnd_env *fnd_env_system(void);

/** A seeded one for tests: wall and monotonic clock start at `start_us` and stand still until
 *  fnd_env_seeded_advance(); randomness is ChaCha20 of `seed`; waiting is the system's. Free with
 * fnd_env_seeded_destroy(). Setting FOUNDRY_SEED in the environment makes foundry-engine of a test
 * build use one whose clock runs. */
struct fnd_env *fnd_env_seeded_create(uint64_t seed, int64_t start_us);
void fnd_env_seeded_advance(struct fnd_env *env, int64_t by_us);
void fnd_env_seeded_destroy(struct fnd_env *env);

enum { FND_UUID_SIZE = 16, FND_UUID_TEXT_SIZE = 37 }; /* 36 characters and NUL */

/** A version 7 UUID (RFC 9562, section 5.7): 48 bits of wall clock in ms, the rest random. */
void fnd_uuid_make(const struct fnd_env *env, uint8_t uuid[FND_UUID_SIZE]);
void fnd_uuid_format(const uint8_t uuid[FND_UUID_SIZE], char text[FND_UUID_TEXT_SIZE]);
/** 0, or -1 unless `text` is a UUID in its canonical 36 characters. */
int fnd_uuid_parse(const char *text, uint8_t uuid[FND_UUID_SIZE]);

/** RFC 3339 in UTC with milliseconds: 2026-03-01T12:00:00.000Z, 24 characters and NUL. */
enum { FND_TIME_TEXT_SIZE = 32 };
void fnd_time_format(int64_t wall_us, char text[FND_TIME_TEXT_SIZE]);

#endif
