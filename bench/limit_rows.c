/* SPDX-License-Identifier: MIT */
/* The rows of a transition: the store's own tables, without chain, states and checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "limit.h"
#include "store/schema.h"

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void must(sqlite3 *db, int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
        fprintf(stderr, "limit: %s: %s\n", what, sqlite3_errmsg(db));
        exit(70);
    }
}

void rows_open(struct rows *rows, const char *folder)
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
        "COMMIT",
        "INSERT INTO request VALUES(?1,?2,1,1,0,0,NULL,?3,0,0,9223372036854775807,"
        "9223372036854775807,0,0,NULL,0,0)",
        "UPDATE request SET state=1, closed=?1, version=version+1 WHERE id=?2 AND step=?3 "
        "AND state=0",
        "UPDATE step SET event=?3, phase=1, state=3 WHERE id=?1 AND event=?2",
        "UPDATE step SET event=?3, phase=2, state=1, outputs=?4 WHERE id=?1 AND event=?2",
        "INSERT INTO correction VALUES(?1,?2,1,?3,0,1,1,0)",
        "UPDATE correction SET output=?1 WHERE id=?2",
        "UPDATE step SET event=?3, phase=3, state=4, outputs=?4 WHERE id=?1 AND event=?2"};
    sqlite3_stmt **at[] = {&rows->event,     &rows->payload, &rows->job,    &rows->step,
                           &rows->move,      &rows->begin,   &rows->commit, &rows->ask,
                           &rows->closed,    &rows->stop,    &rows->go,     &rows->correction,
                           &rows->corrected, &rows->end};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        must(rows->db, sqlite3_prepare_v2(rows->db, sql[i], -1, at[i], NULL), sql[i]);
    }
    rows->next = 1;
    memset(rows->digest, 0x5a, sizeof rows->digest);
}

void rows_run(struct rows *rows, sqlite3_stmt *statement)
{
    must(rows->db, sqlite3_step(statement), "step");
    sqlite3_reset(statement);
}

sqlite3_int64 row_event(struct rows *rows, int kind, sqlite3_int64 job, sqlite3_int64 before,
                        int phase, const char *body, int size)
{
    sqlite3_int64 id = rows->next++;
    /* Digests differ from row to row, as real ones do. */
    memcpy(rows->digest, &id, sizeof id);
    sqlite3_bind_int64(rows->event, 1, id);
    sqlite3_bind_int64(rows->event, 2, 1700000000000000 + id);
    sqlite3_bind_int(rows->event, 3, kind);
    sqlite3_bind_int64(rows->event, 4, job == 0 ? id : job);
    sqlite3_bind_int64(rows->event, 5, before);
    sqlite3_bind_int(rows->event, 6, phase);
    sqlite3_bind_blob(rows->event, 7, rows->digest, 32, SQLITE_STATIC);
    rows_run(rows, rows->event);
    sqlite3_bind_int64(rows->payload, 1, id);
    sqlite3_bind_blob(rows->payload, 2, rows->digest, 32, SQLITE_STATIC);
    sqlite3_bind_blob(rows->payload, 3, body, size, SQLITE_STATIC);
    rows_run(rows, rows->payload);
    return id;
}

sqlite3_int64 row_write(struct rows *rows, sqlite3_int64 job, sqlite3_int64 before, int phase,
                        const char *body, int size, sqlite3_int64 *outputs)
{
    sqlite3_int64 id =
        row_event(rows, phase == 0 ? 3 : 5, phase == 0 ? 0 : job, before, phase, body, size);
    if (phase == 0) {
        char path[64];
        snprintf(path, sizeof path, "jobs.jsonl#job-%06lld", (long long)id);
        sqlite3_bind_int64(rows->job, 1, id);
        sqlite3_bind_blob(rows->job, 2, rows->digest, 16, SQLITE_STATIC);
        sqlite3_bind_text(rows->job, 3, path, -1, SQLITE_STATIC);
        sqlite3_bind_int64(rows->job, 4, 1700000000000000 + id);
        rows_run(rows, rows->job);
        sqlite3_bind_int64(rows->step, 1, id);
        rows_run(rows, rows->step);
    } else {
        outputs[phase - 1] = id;
        sqlite3_bind_int64(rows->move, 1, job);
        sqlite3_bind_int64(rows->move, 2, before);
        sqlite3_bind_int64(rows->move, 3, id);
        sqlite3_bind_int(rows->move, 4, phase);
        sqlite3_bind_blob(rows->move, 5, outputs, phase * 8, SQLITE_STATIC);
        rows_run(rows, rows->move);
    }
    return id;
}

void body_fill(char *body, int size, uint64_t *seed)
{
    for (int i = 0; i + 8 <= size; i += 8) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t word = (*seed >> 3) & 0x3f3f3f3f3f3f3f3fu;
        word += 0x2020202020202020u; /* printable */
        memcpy(body + i, &word, 8);
    }
}
