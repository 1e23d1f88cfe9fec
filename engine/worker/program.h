/* SPDX-License-Identifier: MIT */
/* A program of the user's that the engine runs beside jobs: a trainer. It is not confined, which is
 * told wherever it is named; but it is tied to its engine. foundry-worker stands between the two
 * ("foundry-worker program"): it starts the program, and ends it with all that came of it when the
 * engine asks, ends, or is killed. */
#ifndef FND_WORKER_PROGRAM_H
#define FND_WORKER_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

/** The descriptors that foundry-worker is given in this mode. */
enum {
    FND_PROGRAM_LIFE = 3,   /* a byte: SIGTERM to all; its end: SIGKILL */
    FND_PROGRAM_REPORT = 4, /* one line: how the program ended */
    FND_PROGRAM_FOLDER = 5  /* where it runs */
};

struct fnd_program {
    pid_t pid; /* of foundry-worker; 0: none */
    int pidfd; /* readable at its end */
    int out;   /* what the program prints; never blocks */
    int noise; /* what it says on stderr; never blocks */
    int life, report;
};

/** What to start; all borrowed. */
struct fnd_program_start {
    const char *worker_program;     /* path of foundry-worker */
    int folder;                     /* it runs there */
    const char *const *command;     /* argv, ended by NULL; looked up in PATH of `environment` */
    const char *const *environment; /* "NAME=value", ended by NULL; there is nothing else in it */
    int nice;                       /* above the engine's own */
};
/** Start it, in a process group of its own.
 *  Returns FND_OK: it runs, or its end says why not; FND_IO: the machine is short of something;
 *          FND_PLUGIN: foundry-worker cannot be run.
 *  Thread  one that stays: what is started ends with it. */
enum fnd_status fnd_program_start(const struct fnd_program_start *start,
                                  struct fnd_program *program, struct fnd_error *error);
/** Ask it to stop (SIGTERM); now: end it and all that it started. Its end is still waited for. */
void fnd_program_stop(struct fnd_program *program, bool now);

/** How it ended. */
struct fnd_program_end {
    int code;    /* of exit; -1: otherwise */
    int signal;  /* that ended it; 0: none */
    int failure; /* errno of starting it; 0: it ran */
};
/** Whether it has ended: then it is reaped and `end` filled. */
bool fnd_program_ended(struct fnd_program *program, struct fnd_program_end *end);
/** Append "signal 9 (SIGKILL)", "exited (3)", "cannot be started: …". */
void fnd_program_end_text(const struct fnd_program_end *end, struct fnd_text *text);
/** End what runs, wait for it, close all. After `= {0}`, too, and twice. */
void fnd_program_finish(struct fnd_program *program);

/** The other side, in foundry-worker.
 *  arguments  PARENT NICE COMMAND…   Returns the code to exit with. */
int fnd_program_main(char **arguments);

#endif
