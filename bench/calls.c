/* SPDX-License-Identifier: MIT */
/* What one call costs: a phase in the engine's own process, a host service in it, and a sandboxed
 * worker asked and waited for, beside a bare socketpair between two processes: 1 KiB there, a few
 * bytes back.
 *
 *   foundry-bench-calls WORKER noop.so
 *
 * Prints one JSON object: ns of a phase call and of a service call in line, us (p50) of a round
 * trip through a worker and through the socketpair. Those two take turns, once with who answers on
 * another processor and once with both on one: left to the kernel it is now this and now that, a
 * factor of five apart, for each of the two on its own. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include "worker/pool.h"

enum {
    INLINE_CALLS = 200000,
    SERVICE_CALLS = 2000000,
    ROUNDS = 20, /* for each of the two places */
    TRIPS = 250,
    SAMPLES = ROUNDS * TRIPS,
    TEXT = 1024,
    REPLY = 64
};

static const char run_json[] = "{\"job\":\"j\",\"phase\":\"p\",\"attempt\":1}";

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "foundry-bench-calls: %s: %s\n", what, why);
    exit(1);
}

static struct fnd_pool *pool_open(const char *worker)
{
    const struct fnd_pool_options options = {
        .env = fnd_env_system(), .worker_program = worker, .workers_max = 1};
    struct fnd_pool *pool = NULL;
    struct fnd_error error = {0};
    if (fnd_pool_create(&options, &pool, &error) != FND_OK) {
        fail("pool", error.message);
    }
    return pool;
}

/** Ask, and wait for the answer as the engine does. */
static void call(struct fnd_pool *pool, const struct fnd_callee *callee, struct fnd_json config)
{
    struct fnd_pool_call one = {
        .callee = callee, .input = {.config = config, .run = {run_json, sizeof run_json - 1}}};
    fnd_pool_submit(pool, &one);
    fnd_pool_dispatch(pool);
    while (fnd_pool_collect(pool) == NULL) {
        const int64_t wait_us = fnd_pool_wait_us(pool);
        struct pollfd ready = {.fd = fnd_pool_fd(pool), .events = POLLIN};
        (void)poll(&ready, 1, wait_us < 0 ? -1 : (int)(wait_us / 1000 + 1));
        fnd_pool_turn(pool);
    }
    if (one.end != FND_CALL_RETURNED || one.effects.outcome != FOUNDRY_DONE) {
        fail(callee->name, one.end != FND_CALL_RETURNED ? one.error.message : one.effects.message);
    }
    fnd_effects_finish(&one.effects);
    fnd_text_finish(&one.noise);
}

static double inline_ns(const char *worker, struct fnd_callee *callee)
{
    struct fnd_pool *pool = pool_open(worker);
    callee->name = "still";
    callee->isolation = FND_ISOLATION_INLINE;
    call(pool, callee, (struct fnd_json){"{}", 2});
    const int64_t began = now_ns();
    for (int i = 0; i < INLINE_CALLS; i++) {
        call(pool, callee, (struct fnd_json){"{}", 2});
    }
    const double took = (double)(now_ns() - began) / INLINE_CALLS;
    fnd_pool_destroy(pool);
    return took;
}

static double service_ns(const char *worker, struct fnd_callee *callee)
{
    struct fnd_pool *pool = pool_open(worker);
    char config[64];
    callee->name = "reads";
    callee->isolation = FND_ISOLATION_INLINE;
    const int size =
        snprintf(config, sizeof config, "{\"count\":%d,\"value\":0.5}", (int)SERVICE_CALLS);
    const int64_t began = now_ns();
    call(pool, callee, (struct fnd_json){config, (size_t)size});
    const double took = (double)(now_ns() - began) / SERVICE_CALLS;
    fnd_pool_destroy(pool);
    return took;
}

/** A process that answers whatever it gets. */
static pid_t echo_start(int *fd)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        fail("socketpair", "refused");
    }
    const pid_t child = fork();
    if (child == 0) {
        char bytes[8192];
        ssize_t size;
        (void)close(ends[0]);
        while ((size = read(ends[1], bytes, sizeof bytes)) > 0 &&
               write(ends[1], bytes, REPLY) == REPLY) {
        }
        _exit(0);
    }
    (void)close(ends[1]);
    *fd = ends[0];
    return child;
}

/** There and back as whoever has nothing else to do waits: by poll. */
static void echo(int fd, size_t size)
{
    char bytes[8192] = {0};
    if (write(fd, bytes, size) != (ssize_t)size) {
        fail("socketpair", "cannot write");
    }
    for (size_t got = 0; got < REPLY;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        (void)poll(&ready, 1, -1);
        const ssize_t more = read(fd, bytes, sizeof bytes);
        if (more <= 0) {
            fail("socketpair", "ended");
        }
        got += (size_t)more;
    }
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, size_t count)
{
    qsort(list, count, sizeof *list, compare);
    return list[count / 2];
}

/** Run on the n-th processor that we may use, from now on; programs that are started do, too. */
static void stay_on(const cpu_set_t *may, int n)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    int left = n % CPU_COUNT(may);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, may) && left-- == 0) {
            CPU_SET(cpu, &one);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        fail("processor", "cannot stay on one");
    }
}

/** Round trips from the processor we are on, in turns; p50 of each in us. */
static void trips(struct fnd_pool *pool, const struct fnd_callee *callee, int echo_fd,
                  double *worker_us, double *bare_us)
{
    static double worker[SAMPLES], bare[SAMPLES];
    char config[TEXT + 32];
    memset(config, 'a', sizeof config);
    memcpy(config, "{\"text\":\"", 9);
    memcpy(config + 9 + TEXT, "\"}", 3);
    const struct fnd_json text = {config, strlen(config)};
    call(pool, callee, text); /* starts it */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < TRIPS; i++) {
            const int64_t began = now_ns();
            call(pool, callee, text);
            worker[round * TRIPS + i] = (double)(now_ns() - began) / 1e3;
        }
        for (int i = 0; i < TRIPS; i++) {
            const int64_t began = now_ns();
            echo(echo_fd, TEXT + 128);
            bare[round * TRIPS + i] = (double)(now_ns() - began) / 1e3;
        }
    }
    *worker_us = median(worker, SAMPLES);
    *bare_us = median(bare, SAMPLES);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: foundry-bench-calls WORKER noop.so\n");
        return 2;
    }
    struct fnd_callee callee = {.plugin = "noop",
                                .path = argv[2],
                                .limits = {.memory_bytes = UINT64_C(1) << 30},
                                .config_constant = {"{}", 2}};
    cpu_set_t may;
    fnd_digest_setup();
    callee.fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (callee.fd < 0 || fnd_sha256_fd(callee.fd, callee.hash, NULL) != 0 ||
        sched_getaffinity(0, sizeof may, &may) != 0) {
        perror(argv[2]);
        return 1;
    }
    const double phase = inline_ns(argv[1], &callee);
    const double service = service_ns(argv[1], &callee);
    int echo_fd = -1;
    double trip_us, bare_us, near_trip_us, near_bare_us;
    stay_on(&may, 1); /* and so do who is started here */
    const pid_t child = echo_start(&echo_fd);
    struct fnd_pool *pool = pool_open(argv[1]);
    callee.name = "still";
    callee.isolation = FND_ISOLATION_SANDBOX;
    trips(pool, &callee, echo_fd, &near_trip_us, &near_bare_us);
    stay_on(&may, 0);
    trips(pool, &callee, echo_fd, &trip_us, &bare_us);
    fnd_pool_destroy(pool);
    (void)close(echo_fd);
    (void)waitpid(child, NULL, 0);
    (void)close(callee.fd);
    (void)printf("{\"inline_ns\":%.0f,\"service_ns\":%.0f,\"trip_us\":%.2f,\"bare_us\":%.2f,"
                 "\"near_trip_us\":%.2f,\"near_bare_us\":%.2f}\n",
                 phase, service, trip_us, bare_us, near_trip_us, near_bare_us);
    return 0;
}
