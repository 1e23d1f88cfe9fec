/* SPDX-License-Identifier: MIT */
/* What one answer writes: the ANSWER with its CorrectionRecord and the human OUTPUT in one
 * transaction, then the last phase's OUTPUT in another. */
#include <stdio.h>
#include <stdlib.h>

#include "limit.h"

/* A record holds the model's output, the human one and who, when and why. */
enum { ANSWER_SIZE = 2 * BODY_SIZE + 512 };

struct asked {
    sqlite3_int64 job, event, request, outputs[3];
};

/** A job that waits: JOB, the first phase's OUTPUT, ASK. Not timed. */
static void ask(struct rows *rows, struct asked *asked, uint64_t *seed)
{
    char body[BODY_SIZE];
    body_fill(body, sizeof body, seed);
    asked->job = row_write(rows, 0, 0, 0, body, JOB_BODY_SIZE, asked->outputs);
    asked->event = row_write(rows, asked->job, asked->job, 1, body, BODY_SIZE, asked->outputs);
    asked->request = row_event(rows, 8, asked->job, asked->event, 1, body, JOB_BODY_SIZE);
    sqlite3_bind_int64(rows->stop, 1, asked->job);
    sqlite3_bind_int64(rows->stop, 2, asked->event);
    sqlite3_bind_int64(rows->stop, 3, asked->request);
    rows_run(rows, rows->stop);
    sqlite3_bind_int64(rows->ask, 1, asked->request);
    sqlite3_bind_int64(rows->ask, 2, asked->job);
    sqlite3_bind_int64(rows->ask, 3, 1700000000000000 + asked->request);
    rows_run(rows, rows->ask);
    asked->event = asked->request;
}

static void move(struct rows *rows, sqlite3_stmt *statement, struct asked *asked,
                 sqlite3_int64 event, int outputs)
{
    sqlite3_bind_int64(statement, 1, asked->job);
    sqlite3_bind_int64(statement, 2, asked->event);
    sqlite3_bind_int64(statement, 3, event);
    sqlite3_bind_blob(statement, 4, asked->outputs, outputs * 8, SQLITE_STATIC);
    rows_run(rows, statement);
    asked->event = event;
}

static void answer(struct rows *rows, struct asked *asked, uint64_t *seed)
{
    char body[ANSWER_SIZE];
    body_fill(body, sizeof body, seed);
    const sqlite3_int64 id = row_event(rows, 9, asked->job, asked->event, 1, body, ANSWER_SIZE);
    sqlite3_bind_int64(rows->closed, 1, id);
    sqlite3_bind_int64(rows->closed, 2, asked->request);
    sqlite3_bind_int64(rows->closed, 3, asked->job);
    rows_run(rows, rows->closed);
    sqlite3_bind_int64(rows->correction, 1, id);
    sqlite3_bind_int64(rows->correction, 2, asked->job);
    sqlite3_bind_int64(rows->correction, 3, asked->request);
    rows_run(rows, rows->correction);
    asked->outputs[1] = row_event(rows, 5, asked->job, id, 1, body, BODY_SIZE);
    sqlite3_bind_int64(rows->corrected, 1, asked->outputs[1]);
    sqlite3_bind_int64(rows->corrected, 2, id);
    rows_run(rows, rows->corrected);
    move(rows, rows->go, asked, asked->outputs[1], 2);
}

static void finish(struct rows *rows, struct asked *asked, uint64_t *seed)
{
    char body[BODY_SIZE];
    body_fill(body, sizeof body, seed);
    asked->outputs[2] = row_event(rows, 5, asked->job, asked->event, 2, body, BODY_SIZE);
    move(rows, rows->end, asked, asked->outputs[2], 3);
}

static void group_run(struct rows *rows, struct asked *asked, long count, uint64_t *seed,
                      void (*act)(struct rows *, struct asked *, uint64_t *))
{
    rows_run(rows, rows->begin);
    for (long i = 0; i < count; i++) {
        act(rows, &asked[i], seed);
    }
    rows_run(rows, rows->commit);
}

void answers(const char *folder, long jobs, long group)
{
    struct rows rows = {0};
    struct asked *asked = calloc((size_t)jobs, sizeof *asked);
    uint64_t seed = 11;
    rows_open(&rows, folder);
    group_run(&rows, asked, jobs, &seed, ask);
    const double start = now();
    for (long done = 0; done < jobs; done += group) {
        const long count = jobs - done < group ? jobs - done : group;
        group_run(&rows, asked + done, count, &seed, answer);
        group_run(&rows, asked + done, count, &seed, finish);
    }
    const double took = now() - start;
    free(asked);
    printf("{\"mode\":\"answers\",\"jobs\":%ld,\"group\":%ld,\"seconds\":%.6f,"
           "\"rate\":%.0f}\n",
           jobs, group, took, (double)jobs / took);
}
