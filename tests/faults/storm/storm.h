/* SPDX-License-Identifier: MIT */
/* Kills engines at random instants and checks after each kill that nothing acknowledged is lost,
 * nothing is recorded twice, nothing is left behind. */
#ifndef TEST_STORM_STORM_H
#define TEST_STORM_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "plant.h"

enum {
    STORM_PATH_SIZE = 512,
    STORM_FLIGHT = 8,        /* steps in flight in a driver: the most that a kill may cost */
    STORM_ORPHAN_MS = 1000,  /* what is left of an engine must be gone by then */
    STORM_LOCK_MS = 1000,    /* and its lock, which is as good as at once: a worker that is being
                                started at this very instant holds it until its exec */
    STORM_STOP_MS = 10000,   /* from SIGTERM to the end */
    STORM_PATIENT_ACKS = 24, /* in some cycles the kill waits for so much progress */
    STORM_LINES_A_FILE = 60,
    STORM_BATCH = 8,  /* lines of one in rounds that choose */
    STORM_CHOSEN = 2, /* of a batch, in rounds that choose */
    STORM_ROUND =
        200,         /* cycles over one directory; then all comes to its end, and another begins */
    STORM_WHOLE = 20 /* in every so many cycles the whole record is checked, in the others what is
                        new of it */
};

/** What can go wrong. */
enum blame {
    BLAME_LOST,    /* acknowledged, and not on record */
    BLAME_DOUBLED, /* two results where there may be one */
    BLAME_RERUN,   /* more, or others, were run again than were running */
    BLAME_FLAW,    /* verify found something */
    BLAME_ORPHAN,  /* a process is left over */
    BLAME_LOCK,    /* the directory is still locked */
    BLAME_ODD,     /* anything else: an engine that ended badly, a job that did not */
    BLAMES
};

/** A line of a driver. */
struct ack {
    int kind; /* enum fnd_event_kind; ACK_ANSWERED */
    int64_t job, event;
};
enum { ACK_ANSWERED = -1 };

struct storm_options {
    const char *program, *driver, *plugin_path;
    uint64_t seed;
    size_t cycles;
    int64_t delay_max_ms;
    enum plant plant;
    size_t whole_every; /* cycles; STORM_WHOLE, or less for the self-test */
    bool slow;          /* the programs are instrumented: fewer cycles */
    bool may_fail;      /* jobs may fail: somebody retries them */
    bool quiet;         /* say what is blamed only if it is not what was planted */
};

struct storm {
    struct storm_options options;
    uint64_t random;
    char folder[STORM_PATH_SIZE / 4], jobs[STORM_PATH_SIZE / 2], pipeline[STORM_PATH_SIZE / 2];
    size_t cycle, lines; /* jobs made so far in this round */
    size_t round;
    bool chooses; /* in this round */
    struct ack *acks;
    size_t acks_count, acks_capacity, acks_checked;
    struct history *history;
    size_t blamed[BLAMES];
    /* figures */
    size_t kills, kills_process, kills_session, kills_worker, kills_recovery, kills_birth, stops;
    size_t worker_cycles;                  /* in which nothing but workers was killed */
    size_t jobs_all, acks_all, events_all; /* of the rounds before */
    size_t rests;                          /* cycles whose driver was done before it was killed */
    size_t reopened;
    size_t choices, chosen_from; /* and how many were members */
    size_t rerun, rerun_most, running_most;
    int64_t orphan_most_ms, lock_most_ms, stop_most_ms;
};

uint64_t storm_random(struct storm *storm, uint64_t below);
int64_t storm_now_us(void);
void storm_blame(struct storm *storm, enum blame blame, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* process.c */

/** A driver that runs. */
struct run {
    pid_t pid;
    int out; /* its stdout */
    bool ready, rest, ended;
    int status; /* of waitpid(), when it has ended */
    size_t acks;
    char line[256];
    size_t line_size;
};
/** Start a driver over a directory in a session of its own.  reopen: see driver.c, -1 none. */
void run_start(struct storm *storm, struct run *run, const char *jobs, long reopen);
/** Read what it says until: `us` have gone by, or it has said `ready` (and acks), or it ended. */
void run_listen(struct storm *storm, struct run *run, int64_t us, bool until_ready,
                size_t until_acks);
/** Read the rest and wait for the end. */
void run_end(struct storm *storm, struct run *run);
void run_kill(struct run *run);
void run_kill_session(const struct run *run);
/** Kill one of its workers, chosen by `choice`.  false: it has none. */
bool run_kill_worker(const struct run *run, uint64_t choice);
/** After an end: nothing of it may be left. */
void storm_check_orphans(struct storm *storm);
void storm_check_lock(struct storm *storm, const char *jobs);

/* record.c */

/** After an end: acks, results, re-runs; `runs` drivers ran since the last check.
 *  whole  verify, too, and that nothing of what was there has changed. */
void storm_check_record(struct storm *storm, size_t runs, bool whole);
/** At the very end: all jobs are there and completed. */
void storm_check_completed(struct storm *storm, const char *jobs, size_t count);
/** At the very end: each choice has asked about as many as it should, and let each member go once.
 */
void storm_check_choices(struct storm *storm, const char *jobs);
/** How many events are on record (as of the last check). */
size_t storm_events(const struct storm *storm);
void storm_history_finish(struct storm *storm);

#endif
