/* SPDX-License-Identifier: MIT */
#include "base/env.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <sodium.h>

#include "base/text.h"

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        abort(); /* neither clock can be missing on a system that runs the engine */
    }
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_us(const struct fnd_env *env)
{
    (void)env;
    return clock_us(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(const struct fnd_env *env)
{
    (void)env;
    return clock_us(CLOCK_MONOTONIC);
}

static void system_random(const struct fnd_env *env, void *bytes, size_t size)
{
    (void)env;
    unsigned char *to = bytes;
    while (size > 0) {
        ssize_t got = getrandom(to, size, 0);
        if (got < 0 && errno != EINTR) {
            abort(); /* keys and ids that repeat would be worse than no engine */
        }
        if (got > 0) {
            to += got;
            size -= (size_t)got;
        }
    }
}

static void system_wait(const struct fnd_env *env, int fd, int64_t max_us)
{
    enum { WAIT_MS_MAX = 3600000 }; /* whoever waits looks again and goes on waiting */
    (void)env;
    struct pollfd ready = {fd, POLLIN, 0};
    int64_t ms = max_us < 0 ? -1 : max_us / 1000 + (max_us % 1000 != 0);
    (void)poll(&ready, 1, ms > WAIT_MS_MAX ? WAIT_MS_MAX : (int)ms);
}

const struct fnd_env *fnd_env_system(void)
{
    static const struct fnd_env env = {.wall_us = system_wall_us,
                                       .monotonic_us = system_monotonic_us,
                                       .random = system_random,
                                       .wait = system_wait};
    return &env;
}

struct seeded {
    _Atomic int64_t wall_us, monotonic_us;
    _Atomic uint64_t calls; /* each call has a nonce of its own, so that threads never share one */
    unsigned char key[crypto_stream_chacha20_KEYBYTES];
};

static int64_t seeded_wall_us(const struct fnd_env *env)
{
    struct seeded *seeded = env->state;
    return atomic_load(&seeded->wall_us);
}

static int64_t seeded_monotonic_us(const struct fnd_env *env)
{
    struct seeded *seeded = env->state;
    return atomic_load(&seeded->monotonic_us);
}

static void seeded_random(const struct fnd_env *env, void *bytes, size_t size)
{
    struct seeded *seeded = env->state;
    uint64_t call = atomic_fetch_add(&seeded->calls, 1);
    unsigned char nonce[crypto_stream_chacha20_NONCEBYTES];
    for (size_t i = 0; i < sizeof nonce; i++) {
        nonce[i] = (unsigned char)(call >> (8 * i));
    }
    if (size > 0) {
        crypto_stream_chacha20(bytes, size, nonce, seeded->key);
    }
}

struct fnd_env *fnd_env_seeded_create(uint64_t seed, int64_t start_us)
{
    struct fnd_env *env = fnd_alloc(sizeof *env);
    struct seeded *seeded = fnd_alloc(sizeof *seeded);
    atomic_init(&seeded->wall_us, start_us);
    atomic_init(&seeded->monotonic_us, start_us);
    atomic_init(&seeded->calls, 0);
    for (size_t i = 0; i < sizeof seed; i++) {
        seeded->key[i] = (unsigned char)(seed >> (8 * i));
    }
    *env = (struct fnd_env){.wall_us = seeded_wall_us,
                            .monotonic_us = seeded_monotonic_us,
                            .random = seeded_random,
                            .wait = system_wait,
                            .state = seeded};
    return env;
}

void fnd_env_seeded_advance(struct fnd_env *env, int64_t by_us)
{
    assert(by_us >= 0);
    struct seeded *seeded = env->state;
    atomic_fetch_add(&seeded->wall_us, by_us);
    atomic_fetch_add(&seeded->monotonic_us, by_us);
}

void fnd_env_seeded_destroy(struct fnd_env *env)
{
    if (env != NULL) {
        free(env->state);
        free(env);
    }
}

void fnd_uuid_make(const struct fnd_env *env, uint8_t uuid[FND_UUID_SIZE])
{
    env->random(env, uuid, FND_UUID_SIZE);
    int64_t wall_us = env->wall_us(env);
    uint64_t wall_ms = wall_us > 0 ? (uint64_t)(wall_us / 1000) : 0;
    for (size_t i = 0; i < 6; i++) {
        uuid[i] = (uint8_t)(wall_ms >> (40 - 8 * i));
    }
    uuid[6] = (uint8_t)(0x70 | (uuid[6] & 0x0f)); /* version 7 */
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f)); /* variant 10 */
}

void fnd_uuid_format(const uint8_t uuid[FND_UUID_SIZE], char text[FND_UUID_TEXT_SIZE])
{
    char hex[2 * FND_UUID_SIZE + 1];
    fnd_hex(uuid, FND_UUID_SIZE, hex);
    char *to = text;
    for (size_t i = 0; i < 2 * FND_UUID_SIZE; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            *to++ = '-';
        }
        *to++ = hex[i];
    }
    *to = '\0';
}

int fnd_uuid_parse(const char *text, uint8_t uuid[FND_UUID_SIZE])
{
    char hex[2 * FND_UUID_SIZE];
    size_t digits = 0;
    for (size_t i = 0; i < FND_UUID_TEXT_SIZE - 1; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return -1;
            }
        } else if ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')) {
            hex[digits++] = text[i];
        } else { /* the NUL of a shorter text, too; canonical text is lower-case */
            return -1;
        }
    }
    if (text[FND_UUID_TEXT_SIZE - 1] != '\0') {
        return -1;
    }
    return fnd_unhex(hex, digits, uuid, FND_UUID_SIZE) ? 0 : -1;
}

/** A number in so many digits, and what stands behind it. */
static char *digits_put(char *to, int number, int count, char behind)
{
    for (int i = count - 1; i >= 0; i--, number /= 10) {
        to[i] = (char)('0' + number % 10);
    }
    to[count] = behind;
    return to + count + 1;
}

void fnd_time_format(int64_t wall_us, char text[FND_TIME_TEXT_SIZE])
{
    int64_t wall_s = wall_us / 1000000;
    int64_t rest_us = wall_us % 1000000;
    if (rest_us < 0) { /* before 1970 the division rounds up */
        rest_us += 1000000;
        wall_s -= 1;
    }
    time_t seconds = (time_t)wall_s;
    struct tm utc = {0};
    if (gmtime_r(&seconds, &utc) == NULL) {
        abort(); /* microseconds in 64 bits never leave the years an int holds */
    }
    char *to = text;
    if (utc.tm_year >= -900 && utc.tm_year < 8100) { /* of four digits, as all that are met */
        to = digits_put(to, utc.tm_year + 1900, 4, '-');
        to = digits_put(to, utc.tm_mon + 1, 2, '-');
        to = digits_put(to, utc.tm_mday, 2, 'T');
        to = digits_put(to, utc.tm_hour, 2, ':');
        to = digits_put(to, utc.tm_min, 2, ':');
        to = digits_put(to, utc.tm_sec, 2, '.');
    } else {
        to += strftime(text, FND_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S.", &utc);
    }
    to = digits_put(to, (int)(rest_us / 1000), 3, 'Z');
    *to = '\0';
}
