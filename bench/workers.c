/* SPDX-License-Identifier: MIT */
/* What a worker costs, by isolation: its start to the first result, and calls a second through two
 * of them once they are warm.
 *
 *   foundry-bench-workers WORKER PLUGIN.so PHASE CONFIG_JSON [CALLS]
 *
 * Prints a JSON object a line: isolation, starts, 10th percentile, median and 90th percentile of a
 * start in us, calls, calls a second. The isolations take turns, so that a load on the machine hits
 * them all. Then what the least program costs from posix_spawn() to its first byte, and a fork()
 * without exec, from this process and from it grown by 500 MiB: what a zygote could save. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "worker/pool.h"

extern char **environ;

enum {
    ROUNDS = 7,
    STARTS = 15,
    CALLS = 20000,
    FLIGHT = 256,
    PLACES = 2,
    CHILDREN = 60,
    GROWN_MIB = 500
};
static const enum fnd_isolation places[PLACES] = {FND_ISOLATION_PROCESS, FND_ISOLATION_SANDBOX};

struct bench {
    const char *worker;
    struct fnd_callee callee;
    struct fnd_json config;
    size_t calls;
};

static struct fnd_pool *pool_open(const struct bench *bench, size_t workers_max)
{
    const struct fnd_pool_options options = {
        .env = fnd_env_system(), .worker_program = bench->worker, .workers_max = workers_max};
    struct fnd_pool *pool = NULL;
    struct fnd_error error = {0};
    if (fnd_pool_create(&options, &pool, &error) != FND_OK) {
        (void)fprintf(stderr, "foundry-bench-workers: %s\n", error.message);
        exit(1);
    }
    return pool;
}

static void submit(const struct bench *bench, struct fnd_pool *pool, struct fnd_pool_call *call)
{
    static const char run[] = "{\"job\":\"j\",\"phase\":\"p\",\"attempt\":1}";
    *call = (struct fnd_pool_call){
        .callee = &bench->callee, .input = {.config = bench->config, .run = {run, sizeof run - 1}}};
    fnd_pool_submit(pool, call);
}

/** Turn until a call ends; the ended ones. */
static struct fnd_pool_call *ended_wait(struct fnd_pool *pool)
{
    fnd_pool_dispatch(pool);
    struct fnd_pool_call *ended = fnd_pool_collect(pool);
    while (ended == NULL) {
        const int64_t wait_us = fnd_pool_wait_us(pool);
        struct pollfd ready = {.fd = fnd_pool_fd(pool), .events = POLLIN};
        (void)poll(&ready, 1, wait_us < 0 ? -1 : (int)(wait_us / 1000 + 1));
        fnd_pool_turn(pool);
        ended = fnd_pool_collect(pool);
    }
    return ended;
}

static void call_take(struct fnd_pool_call *call)
{
    if (call->end != FND_CALL_RETURNED || call->effects.outcome != FOUNDRY_DONE) {
        (void)fprintf(stderr, "foundry-bench-workers: a call failed: %s\n",
                      call->end != FND_CALL_RETURNED ? call->error.message : call->effects.message);
        exit(1);
    }
    fnd_effects_finish(&call->effects);
    fnd_text_finish(&call->noise);
}

static int64_t now_us(void)
{
    return fnd_env_system()->monotonic_us(fnd_env_system());
}

static int64_t start_measure(const struct bench *bench)
{
    struct fnd_pool *pool = pool_open(bench, 1);
    struct fnd_pool_call call;
    const int64_t began_us = now_us();
    submit(bench, pool, &call);
    call_take(ended_wait(pool));
    const int64_t took_us = now_us() - began_us;
    fnd_pool_destroy(pool);
    return took_us;
}

/** Calls a second through two warm workers. */
static double rate_measure(const struct bench *bench)
{
    struct fnd_pool *pool = pool_open(bench, 2);
    struct fnd_pool_call *calls = calloc(FLIGHT, sizeof *calls);
    const size_t warm = bench->calls / 10;
    size_t begun = 0, done = 0;
    int64_t began_us = now_us();
    for (; begun < FLIGHT && begun < bench->calls; begun++) {
        submit(bench, pool, &calls[begun]);
    }
    while (done < bench->calls) {
        for (struct fnd_pool_call *call = ended_wait(pool), *next; call != NULL; call = next) {
            next = call->next;
            call_take(call);
            if (++done == warm) {
                began_us = now_us();
            }
            if (begun < bench->calls) {
                submit(bench, pool, call);
                begun++;
            }
        }
    }
    const double seconds = (double)(now_us() - began_us) / 1e6;
    fnd_pool_destroy(pool);
    free(calls);
    return (double)(bench->calls - warm) / seconds;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** From before the child is made to its first byte, us. */
static double child_measure(const char *self, bool exec)
{
    char byte = 1;
    char *const argv[] = {(char *)(uintptr_t)self, NULL};
    int ends[2];
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    if (pipe(ends) != 0 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) != 0) {
        perror("foundry-bench-workers: pipe");
        exit(1);
    }
    const int64_t began_us = now_us();
    if (exec) {
        errno = posix_spawn(&pid, self, &actions, NULL, argv, environ);
    } else {
        pid = fork();
        if (pid == 0) {
            _exit(write(ends[1], &byte, 1) != 1);
        }
    }
    if (pid < 0 || read(ends[0], &byte, 1) != 1) {
        perror("foundry-bench-workers: child");
        exit(1);
    }
    const double took_us = (double)(now_us() - began_us);
    (void)waitpid(pid, NULL, 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return took_us;
}

static void children_print(const char *self)
{
    for (int mib = 0; mib <= GROWN_MIB; mib += GROWN_MIB) {
        const size_t size = (size_t)mib << 20;
        char *grown = fnd_realloc(NULL, size + 1, 1);
        memset(grown, 1, size + 1);
        for (int exec = 1; exec >= 0; exec--) {
            double took[CHILDREN];
            for (int i = 0; i < CHILDREN; i++) {
                took[i] = child_measure(self, exec == 1);
            }
            qsort(took, CHILDREN, sizeof(double), compare);
            (void)printf("{\"child\":\"%s\",\"grown_mib\":%d,\"start_us_p10\":%.0f,"
                         "\"start_us_p50\":%.0f}\n",
                         exec == 1 ? "posix_spawn, exec" : "fork", mib, took[CHILDREN / 10],
                         took[CHILDREN / 2]);
        }
        free(grown);
    }
}

int main(int argc, char **argv)
{
    if (argc == 1 && !isatty(STDOUT_FILENO)) { /* the least program: child_measure() reads this */
        return write(STDOUT_FILENO, "", 1) != 1;
    }
    if (argc != 5 && argc != 6) {
        (void)fprintf(stderr,
                      "usage: foundry-bench-workers WORKER PLUGIN.so PHASE CONFIG_JSON [CALLS]\n");
        return 2;
    }
    struct bench bench = {.worker = argv[1],
                          .callee = {.plugin = "bench",
                                     .name = argv[3],
                                     .path = argv[2],
                                     .limits = {.memory_bytes = UINT64_C(1) << 30},
                                     .config_constant = {"{}", 2}},
                          .config = {argv[4], strlen(argv[4])},
                          .calls = argc == 6 ? (size_t)atol(argv[5]) : CALLS};
    double starts[PLACES][ROUNDS * STARTS], rates[PLACES][ROUNDS];
    fnd_digest_setup();
    bench.callee.fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (bench.callee.fd < 0 || fnd_sha256_fd(bench.callee.fd, bench.callee.hash, NULL) != 0) {
        perror(argv[2]);
        return 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int place = 0; place < PLACES; place++) {
            bench.callee.isolation = places[place];
            for (int i = 0; i < STARTS; i++) {
                starts[place][round * STARTS + i] = (double)start_measure(&bench);
            }
            rates[place][round] = rate_measure(&bench);
        }
    }
    for (int place = 0; place < PLACES; place++) {
        qsort(starts[place], ROUNDS * STARTS, sizeof(double), compare);
        qsort(rates[place], ROUNDS, sizeof(double), compare);
        (void)printf("{\"isolation\":\"%s\",\"starts\":%d,\"start_us_p10\":%.0f,"
                     "\"start_us_p50\":%.0f,"
                     "\"start_us_p90\":%.0f,\"calls\":%zu,\"calls_per_s\":%.0f,"
                     "\"calls_per_s_min\":%.0f,\"calls_per_s_max\":%.0f}\n",
                     fnd_isolation_name(places[place]), ROUNDS * STARTS,
                     starts[place][ROUNDS * STARTS / 10], starts[place][ROUNDS * STARTS / 2],
                     starts[place][ROUNDS * STARTS * 9 / 10], bench.calls, rates[place][ROUNDS / 2],
                     rates[place][0], rates[place][ROUNDS - 1]);
    }
    children_print("/proc/self/exe");
    (void)close(bench.callee.fd);
    return 0;
}
