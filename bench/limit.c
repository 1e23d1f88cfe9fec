/* SPDX-License-Identifier: MIT */
/* What SQLite on this disk can do with Foundry's rows: the same tables, keys and bytes, without
 * chain, states and plugins. Prints one JSON object a mode.
 *
 *   limit engine  DIR JOBS PHASES FLIGHT [SIZE]   a runner and a writer thread, FLIGHT jobs in
 *                                                 flight, a job's next row only behind the commit
 *                                                 of its last one; outputs of SIZE bytes
 *   limit append  DIR ROWS          one thread, a bare append of the same rows, 256 a commit
 *   limit single  DIR ROWS          one commit a transition
 *   limit answers DIR JOBS GROUP    jobs that wait for a person: the answer with its record, then
 *                                   the last phase; GROUP answers, then GROUP phases a commit
 *   limit start   DIR PHASES        the tables and one job to its end, a commit a transition
 *   limit sync    DIR ROUNDS        pwrite + fdatasync of 4 KiB, alone
 *   limit time    COMMAND...        how long it takes, told when it began by FOUNDRY_BENCH_BEGAN;
 *                                   what it prints goes to stderr
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/wait.h>

#include "limit.h"

extern char **environ;

/** A job in the mill: queued to the writer, or back at the runner. */
struct job {
    sqlite3_int64 id, event, outputs[64];
    int phase;
    char *body;
    int size;
    struct job *next;
};

struct mill {
    pthread_mutex_t mutex;
    pthread_cond_t to_writer, to_runner;
    struct job *waiting, **waiting_last, *done;
    int stop, writer_sleeps, runner_sleeps;
    struct rows rows;
};

static void *writer(void *context)
{
    struct mill *mill = context;
    pthread_mutex_lock(&mill->mutex);
    for (;;) {
        while (mill->waiting == NULL && !mill->stop) {
            mill->writer_sleeps = 1;
            pthread_cond_wait(&mill->to_writer, &mill->mutex);
            mill->writer_sleeps = 0;
        }
        if (mill->waiting == NULL) {
            break;
        }
        struct job *group = mill->waiting;
        mill->waiting = NULL;
        mill->waiting_last = &mill->waiting;
        pthread_mutex_unlock(&mill->mutex);
        rows_run(&mill->rows, mill->rows.begin);
        struct job *last = group;
        for (struct job *job = group; job != NULL; job = job->next) {
            job->event = row_write(&mill->rows, job->id, job->event, job->phase, job->body,
                                   job->size, job->outputs);
            job->id = job->phase == 0 ? job->event : job->id;
            last = job;
        }
        rows_run(&mill->rows, mill->rows.commit);
        pthread_mutex_lock(&mill->mutex);
        last->next = mill->done;
        mill->done = group;
        if (mill->runner_sleeps) {
            pthread_cond_signal(&mill->to_runner);
        }
    }
    pthread_mutex_unlock(&mill->mutex);
    return NULL;
}

/** What the runner knows. */
struct run {
    struct mill *mill;
    struct job *pool;
    uint64_t seed;
    long jobs, begun, ended, transitions;
    int phases, size;
};

/** Give every job in `back` its next row. Returns the list to hand over, its end in `last`. */
static struct job *rows_next(struct run *run, struct job *back, struct job **last)
{
    struct job *hand = NULL;
    *last = NULL;
    while (back != NULL) {
        struct job *job = back;
        back = job->next;
        if (job->phase == run->phases) {
            run->ended++;
            if (run->begun >= run->jobs) {
                continue;
            }
            run->begun++;
            job->phase = -1;
            job->event = 0;
        }
        job->phase++;
        run->transitions += job->phase > 0;
        job->size = job->phase == 0 ? JOB_BODY_SIZE : run->size;
        body_fill(job->body, job->size, &run->seed);
        job->next = NULL;
        *(hand == NULL ? &hand : &(*last)->next) = job;
        *last = job;
    }
    return hand;
}

/** Hand jobs to the writer, and wait for others to come back. */
static struct job *exchange(struct run *run, struct job *hand, struct job *last)
{
    struct mill *mill = run->mill;
    pthread_mutex_lock(&mill->mutex);
    if (hand != NULL) {
        *mill->waiting_last = hand;
        mill->waiting_last = &last->next;
        if (mill->writer_sleeps) {
            pthread_cond_signal(&mill->to_writer);
        }
    }
    while (mill->done == NULL && run->ended < run->jobs) {
        mill->runner_sleeps = 1;
        pthread_cond_wait(&mill->to_runner, &mill->mutex);
        mill->runner_sleeps = 0;
    }
    struct job *back = mill->done;
    mill->done = NULL;
    pthread_mutex_unlock(&mill->mutex);
    return back;
}

/** The first jobs of a run, as many as may be in flight. */
static struct job *jobs_begin(struct run *run, long flight)
{
    struct job *back = NULL;
    for (; run->begun < run->jobs && run->begun < flight; run->begun++) {
        struct job *job = &run->pool[run->begun];
        job->next = back;
        job->phase = -1;
        job->body = malloc((size_t)(run->size > JOB_BODY_SIZE ? run->size : JOB_BODY_SIZE));
        back = job;
    }
    return back;
}

static void engine(const char *folder, long jobs, int phases, long flight, int size)
{
    struct mill mill = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                        .to_writer = PTHREAD_COND_INITIALIZER,
                        .to_runner = PTHREAD_COND_INITIALIZER};
    struct run run = {.mill = &mill, .seed = 42, .jobs = jobs, .phases = phases, .size = size};
    mill.waiting_last = &mill.waiting;
    rows_open(&mill.rows, folder);
    run.pool = calloc((size_t)flight, sizeof *run.pool);
    pthread_t thread;
    pthread_create(&thread, NULL, writer, &mill);
    double start = now();
    struct job *back = jobs_begin(&run, flight);
    while (run.ended < jobs) {
        struct job *last;
        struct job *hand = rows_next(&run, back, &last);
        back = exchange(&run, hand, last);
    }
    double took = now() - start;
    pthread_mutex_lock(&mill.mutex);
    mill.stop = 1;
    pthread_cond_signal(&mill.to_writer);
    pthread_mutex_unlock(&mill.mutex);
    pthread_join(thread, NULL);
    for (long i = 0; i < flight; i++) {
        free(run.pool[i].body);
    }
    free(run.pool);
    printf("{\"mode\":\"engine\",\"transitions\":%ld,\"seconds\":%.6f,\"rate\":%.0f}\n",
           run.transitions, took, (double)run.transitions / took);
}

/** `group` rows a commit; what jobs of five phases write, without anything around it. Counts the
 *  transitions: each job's own rows come on top, as they do in the engine. */
static void append(const char *folder, long count, long group, const char *mode)
{
    struct rows rows = {0};
    char body[BODY_SIZE];
    struct job job = {.phase = 5, .body = body};
    uint64_t seed = 7;
    long waiting = 0;
    rows_open(&rows, folder);
    double start = now();
    for (long done = 0; done < count;) {
        if (waiting == 0) {
            rows_run(&rows, rows.begin);
        }
        job.phase = job.phase == 5 ? 0 : job.phase + 1;
        job.size = job.phase == 0 ? JOB_BODY_SIZE : BODY_SIZE;
        body_fill(job.body, job.size, &seed);
        job.event = row_write(&rows, job.id, job.phase == 0 ? 0 : job.event, job.phase, job.body,
                              job.size, job.outputs);
        job.id = job.phase == 0 ? job.event : job.id;
        done += job.phase > 0;
        if (++waiting == group || done == count) {
            rows_run(&rows, rows.commit);
            waiting = 0;
        }
    }
    double took = now() - start;
    printf("{\"mode\":\"%s\",\"transitions\":%ld,\"seconds\":%.6f,\"rate\":%.0f}\n", mode, count,
           took, (double)count / took);
}

static void sync_rate(const char *folder, long rounds)
{
    char path[4096], page[4096];
    snprintf(path, sizeof path, "%s/limit.sync", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    memset(page, 1, sizeof page);
    double start = now();
    for (long i = 0; i < rounds; i++) {
        page[0] = (char)i;
        if (pwrite(fd, page, sizeof page, (i % 256) * 4096) != 4096 || fdatasync(fd) != 0) {
            perror("limit: fdatasync");
            exit(70);
        }
    }
    double took = now() - start;
    close(fd);
    unlink(path);
    printf("{\"mode\":\"sync\",\"rounds\":%ld,\"seconds\":%.6f,\"rate\":%.0f}\n", rounds, took,
           (double)rounds / took);
}

/** The first moment of a store: its tables, a job, its phases. */
static void start(const char *folder, int phases)
{
    struct rows rows = {0};
    char body[BODY_SIZE];
    uint64_t seed = 7;
    sqlite3_int64 outputs[64], job = 0, event = 0;
    rows_open(&rows, folder);
    for (int phase = 0; phase <= phases && phase < 64; phase++) {
        const int size = phase == 0 ? JOB_BODY_SIZE : BODY_SIZE;
        body_fill(body, size, &seed);
        rows_run(&rows, rows.begin);
        event = row_write(&rows, job, event, phase, body, size, outputs);
        rows_run(&rows, rows.commit);
        job = phase == 0 ? event : job;
    }
    sqlite3_close_v2(rows.db);
    printf("{\"mode\":\"start\"}\n");
}

static int time_command(char **command)
{
    char began[32];
    pid_t child;
    int status = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 2, 1); /* what it prints is for the caller */
    const double start = now();
    snprintf(began, sizeof began, "%.9f", start);
    setenv("FOUNDRY_BENCH_BEGAN", began, 1);
    errno = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
    if (errno != 0) {
        perror(command[0]);
        return 70;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    printf("{\"mode\":\"time\",\"us\":%.0f,\"status\":%d}\n", (now() - start) * 1e6, status);
    posix_spawn_file_actions_destroy(&actions);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[1], "engine") == 0) {
        engine(argv[2], atol(argv[3]), atoi(argv[4]), atol(argv[5]),
               argc > 6 ? atoi(argv[6]) : BODY_SIZE);
    } else if (argc >= 4 && strcmp(argv[1], "append") == 0) {
        append(argv[2], atol(argv[3]), 256, "append");
    } else if (argc >= 4 && strcmp(argv[1], "single") == 0) {
        append(argv[2], atol(argv[3]), 1, "single");
    } else if (argc >= 5 && strcmp(argv[1], "answers") == 0) {
        answers(argv[2], atol(argv[3]), atol(argv[4]));
    } else if (argc >= 4 && strcmp(argv[1], "start") == 0) {
        start(argv[2], atoi(argv[3]));
    } else if (argc >= 4 && strcmp(argv[1], "sync") == 0) {
        sync_rate(argv[2], atol(argv[3]));
    } else if (argc >= 3 && strcmp(argv[1], "time") == 0) {
        return time_command(argv + 2);
    } else {
        fprintf(stderr, "limit: see the head of bench/limit.c for what it takes\n");
        return 2;
    }
    return 0;
}
