/* SPDX-License-Identifier: MIT */
/* The rows that Foundry writes, by hand. */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <stdint.h>

#include <sqlite3.h>

enum { BODY_SIZE = 1024, JOB_BODY_SIZE = 420 };

struct rows {
    sqlite3 *db;
    sqlite3_stmt *event, *payload, *job, *step, *move, *begin, *commit;
    /* of an answer: */
    sqlite3_stmt *ask, *closed, *stop, *go, *correction, *corrected, *end;
    sqlite3_int64 next;
    unsigned char digest[32];
};

double now(void);
void must(sqlite3 *db, int rc, const char *what);
void rows_open(struct rows *rows, const char *folder);
void rows_run(struct rows *rows, sqlite3_stmt *statement);
void body_fill(char *body, int size, uint64_t *seed);
/** An event and its payload; returns its number. */
sqlite3_int64 row_event(struct rows *rows, int kind, sqlite3_int64 job, sqlite3_int64 before,
                        int phase, const char *body, int size);
/** One job (phase 0) or one transition of it; returns the event's number. */
sqlite3_int64 row_write(struct rows *rows, sqlite3_int64 job, sqlite3_int64 before, int phase,
                        const char *body, int size, sqlite3_int64 *outputs);
/** limit answers: see limit.c. */
void answers(const char *folder, long jobs, long group);

#endif
