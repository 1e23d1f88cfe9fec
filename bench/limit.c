/* SPDX-License-Identifier: MIT */
/* What SQLite on this disk can do with Foundry's rows: the same tables, keys and bytes, without
 * chain, states and plugins. Prints one JSON object a mode.
 *
 *   limit engine DIR JOBS PHASES FLIGHT   a runner and a writer thread, FLIGHT jobs in flight, a
 *                                         job's next row only behind the commit of its last one
 *   limit append DIR ROWS                 one thread, a bare append of the same rows, 256 a commit
 *   limit single DIR ROWS                 one commit a transition
 *   limit sync   DIR ROUNDS               pwrite + fdatasync of 4 KiB, alone
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "store/schema.h"

enum { BODY_SIZE = 1024, JOB_BODY_SIZE = 420, GROUP_MAX = 512 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void must(sqlite3 *db, int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
        fprintf(stderr, "limit: %s: %s\n", what, sqlite3_errmsg(db));
        exit(70);
    }
}

struct rows {
    sqlite3 *db;
    sqlite3_stmt *event, *payload, *job, *step, *move, *begin, *commit;
    sqlite3_int64 next;
    unsigned char digest[32];
};

static void rows_open(struct rows *rows, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/limit.db", folder);
    unlink(path);
    must(NULL, sqlite3_open(path, &rows->db), "open");
    must(rows->db,
         sqlite3_exec(rows->db,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                      "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=1000;",
                      NULL, NULL, NULL),
         "pragma");
    must(rows->db, sqlite3_exec(rows->db, fnd_tables_log_sql(), NULL, NULL, NULL), "schema");
    struct fnd_db db = {.handle = rows->db, .path = path};
    must(rows->db, fnd_tables_folded(&db, "schema", NULL) == FND_OK ? SQLITE_OK : SQLITE_ERROR,
         "schema");
    static const char *const sql[] = {
        "INSERT INTO event VALUES(?1,?2,?3,?4,?5,?6,1,0,1,?6,1,0,0,0,?7,?7)",
        "INSERT INTO payload VALUES(?1,?2,?3,NULL)",
        "INSERT INTO job VALUES(?1,?2,2,'bench',?3,1,?4)",
        "INSERT INTO step VALUES(?1,?1,NULL,0,1,1,0,0,?1,2,x'')",
        "UPDATE step SET event=?3, phase=?4, attempt=1, failures=0, outputs=?5 "
        "WHERE id=?1 AND event=?2 AND state=1 AND due=0",
        "BEGIN IMMEDIATE",
        "COMMIT"};
    sqlite3_stmt **at[] = {&rows->event, &rows->payload, &rows->job,   &rows->step,
                           &rows->move,  &rows->begin,   &rows->commit};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        must(rows->db, sqlite3_prepare_v2(rows->db, sql[i], -1, at[i], NULL), sql[i]);
    }
    rows->next = 1;
    memset(rows->digest, 0x5a, sizeof rows->digest);
}

static void run(struct rows *rows, sqlite3_stmt *statement)
{
    must(rows->db, sqlite3_step(statement), "step");
    sqlite3_reset(statement);
}

/** One job or one transition of it; returns the event's number. */
static sqlite3_int64 row_write(struct rows *rows, sqlite3_int64 job, sqlite3_int64 before,
                               int phase, const char *body, int size, sqlite3_int64 *outputs)
{
    sqlite3_int64 id = rows->next++;
    sqlite3_int64 at = 1700000000000000 + id;
    /* Digests differ from row to row, as real ones do. */
    memcpy(rows->digest, &id, sizeof id);
    sqlite3_bind_int64(rows->event, 1, id);
    sqlite3_bind_int64(rows->event, 2, at);
    sqlite3_bind_int(rows->event, 3, phase == 0 ? 3 : 5);
    sqlite3_bind_int64(rows->event, 4, phase == 0 ? id : job);
    sqlite3_bind_int64(rows->event, 5, before);
    sqlite3_bind_int(rows->event, 6, phase);
    sqlite3_bind_blob(rows->event, 7, rows->digest, 32, SQLITE_STATIC);
    run(rows, rows->event);
    sqlite3_bind_int64(rows->payload, 1, id);
    sqlite3_bind_blob(rows->payload, 2, rows->digest, 32, SQLITE_STATIC);
    sqlite3_bind_blob(rows->payload, 3, body, size, SQLITE_STATIC);
    run(rows, rows->payload);
    if (phase == 0) {
        char path[64];
        snprintf(path, sizeof path, "jobs.jsonl#job-%06lld", (long long)id);
        sqlite3_bind_int64(rows->job, 1, id);
        sqlite3_bind_blob(rows->job, 2, rows->digest, 16, SQLITE_STATIC);
        sqlite3_bind_text(rows->job, 3, path, -1, SQLITE_STATIC);
        sqlite3_bind_int64(rows->job, 4, at);
        run(rows, rows->job);
        sqlite3_bind_int64(rows->step, 1, id);
        run(rows, rows->step);
    } else {
        outputs[phase - 1] = id;
        sqlite3_bind_int64(rows->move, 1, job);
        sqlite3_bind_int64(rows->move, 2, before);
        sqlite3_bind_int64(rows->move, 3, id);
        sqlite3_bind_int(rows->move, 4, phase);
        sqlite3_bind_blob(rows->move, 5, outputs, phase * 8, SQLITE_STATIC);
        run(rows, rows->move);
    }
    return id;
}

/** A job in the mill: queued to the writer, or back at the runner. */
struct job {
    sqlite3_int64 id, event, outputs[64];
    int phase;
    char body[BODY_SIZE];
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
        run(&mill->rows, mill->rows.begin);
        struct job *last = group;
        for (struct job *job = group; job != NULL; job = job->next) {
            job->event = row_write(&mill->rows, job->id, job->event, job->phase, job->body,
                                   job->size, job->outputs);
            job->id = job->phase == 0 ? job->event : job->id;
            last = job;
        }
        run(&mill->rows, mill->rows.commit);
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

static void body_fill(struct job *job, uint64_t *seed)
{
    job->size = job->phase == 0 ? JOB_BODY_SIZE : BODY_SIZE;
    for (int i = 0; i + 8 <= job->size; i += 8) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t word = (*seed >> 3) & 0x3f3f3f3f3f3f3f3fu;
        word += 0x2020202020202020u; /* printable */
        memcpy(job->body + i, &word, 8);
    }
}

static void engine(const char *folder, long jobs, int phases, long flight)
{
    struct mill mill = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                        .to_writer = PTHREAD_COND_INITIALIZER,
                        .to_runner = PTHREAD_COND_INITIALIZER};
    mill.waiting_last = &mill.waiting;
    rows_open(&mill.rows, folder);
    struct job *pool = calloc((size_t)flight, sizeof *pool);
    uint64_t seed = 42;
    long begun = 0, ended = 0, transitions = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, writer, &mill);
    double start = now();
    struct job *back = NULL;
    for (; begun < jobs && begun < flight; begun++) {
        pool[begun].next = back;
        back = &pool[begun];
        pool[begun].phase = -1;
    }
    while (ended < jobs) {
        struct job *hand = NULL, **hand_last = &hand;
        while (back != NULL) {
            struct job *job = back;
            back = job->next;
            if (job->phase == phases) {
                ended++;
                if (begun >= jobs) {
                    continue;
                }
                begun++;
                job->phase = -1;
                job->event = 0;
            }
            job->phase++;
            transitions += job->phase > 0;
            body_fill(job, &seed);
            job->next = NULL;
            *hand_last = job;
            hand_last = &job->next;
        }
        pthread_mutex_lock(&mill.mutex);
        if (hand != NULL) {
            *mill.waiting_last = hand;
            mill.waiting_last = hand_last;
            if (mill.writer_sleeps) {
                pthread_cond_signal(&mill.to_writer);
            }
        }
        while (mill.done == NULL && ended < jobs) {
            mill.runner_sleeps = 1;
            pthread_cond_wait(&mill.to_runner, &mill.mutex);
            mill.runner_sleeps = 0;
        }
        back = mill.done;
        mill.done = NULL;
        pthread_mutex_unlock(&mill.mutex);
    }
    double took = now() - start;
    pthread_mutex_lock(&mill.mutex);
    mill.stop = 1;
    pthread_cond_signal(&mill.to_writer);
    pthread_mutex_unlock(&mill.mutex);
    pthread_join(thread, NULL);
    free(pool);
    printf("{\"mode\":\"engine\",\"transitions\":%ld,\"seconds\":%.6f,\"rate\":%.0f}\n",
           transitions, took, (double)transitions / took);
}

/** `group` rows a commit; what jobs of five phases write, without anything around it. Counts the
 *  transitions: each job's own rows come on top, as they do in the engine. */
static void append(const char *folder, long count, long group, const char *mode)
{
    struct rows rows = {0};
    struct job job = {.phase = 5};
    uint64_t seed = 7;
    long waiting = 0;
    rows_open(&rows, folder);
    double start = now();
    for (long done = 0; done < count;) {
        if (waiting == 0) {
            run(&rows, rows.begin);
        }
        job.phase = job.phase == 5 ? 0 : job.phase + 1;
        body_fill(&job, &seed);
        job.event = row_write(&rows, job.id, job.phase == 0 ? 0 : job.event, job.phase, job.body,
                              job.size, job.outputs);
        job.id = job.phase == 0 ? job.event : job.id;
        done += job.phase > 0;
        if (++waiting == group || done == count) {
            run(&rows, rows.commit);
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

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[1], "engine") == 0) {
        engine(argv[2], atol(argv[3]), atoi(argv[4]), atol(argv[5]));
    } else if (argc >= 4 && strcmp(argv[1], "append") == 0) {
        append(argv[2], atol(argv[3]), 256, "append");
    } else if (argc >= 4 && strcmp(argv[1], "single") == 0) {
        append(argv[2], atol(argv[3]), 1, "single");
    } else if (argc >= 4 && strcmp(argv[1], "sync") == 0) {
        sync_rate(argv[2], atol(argv[3]));
    } else {
        fprintf(stderr, "usage: limit engine DIR JOBS PHASES FLIGHT | append DIR ROWS | "
                        "single DIR ROWS | sync DIR ROUNDS\n");
        return 2;
    }
    return 0;
}
