/* SPDX-License-Identifier: MIT */
/* One foundry-worker process: start, kill, reap, and what it prints. */
#ifndef FND_WORKER_PROCESS_H
#define FND_WORKER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "worker/channel.h"
#include "worker/confine.h"
#include "worker/page.h"

struct fnd_process {
    pid_t pid;
    int pidfd;
    int noise; /* what it prints, both streams; -1: closed */
    struct fnd_channel channel;
    struct fnd_worker_page *page;
};

/** What to start; all borrowed. */
struct fnd_start {
    const char *program; /* path of foundry-worker */
    const char *mode;    /* "serve" or "describe" */
    int plugin;          /* open on the shared object */
    int write;           /* the folder it may write in, if confinement->write */
    const char *path;    /* of the shared object, for messages */
    const struct fnd_confinement *confinement; /* parent is filled in */
};
/** Start a worker: by posix_spawn, in a process group of its own, with an environment that is empty
 *  but for what it needs. It dies with the calling *thread*: call from one that stays.
 *  Returns FND_OK; FND_IO: the machine is short of something; FND_PLUGIN: the program cannot be
 *  run. Both with what was tried. */
enum fnd_status fnd_process_start(const struct fnd_start *start, struct fnd_process *process,
                                  struct fnd_error *error);
/** Signal the whole group. Safe until fnd_process_reap(). */
void fnd_process_kill(const struct fnd_process *process, int signal);
/** How it ended. */
struct fnd_process_end {
    int code;              /* of exit; -1: ended by a signal */
    int signal;            /* 0: none */
    uint64_t memory_bytes; /* most that it held in memory */
};
/** Wait for it and kill what is left of its group. */
struct fnd_process_end fnd_process_reap(struct fnd_process *process);
/** Close and unmap what is left; after the reap. */
void fnd_process_finish(struct fnd_process *process);

/** What a worker under these limits may send as one result. */
size_t fnd_limits_result(const struct fnd_limits *limits);

/** Append "signal 11 (SIGSEGV)" or "exited (3) without a result"; with a word on the memory limit
 *  where the process was near it. limits may be NULL. */
void fnd_process_end_text(const struct fnd_process_end *end, const struct fnd_limits *limits,
                          struct fnd_text *text);

/** The path of foundry-worker: `given`, or beside the running program, or where it is installed, or
 *  $FOUNDRY_WORKER. malloc'ed; NULL with the places that were tried. */
char *fnd_worker_program(const char *given, struct fnd_error *error);

/** The tail of what a worker prints. `= {0}` is empty. */
struct fnd_noise {
    struct fnd_text text;
    uint64_t total; /* bytes that came, kept or not */
};
/** Read what is there, at most a few hundred KiB. False at the end or when it is broken. */
bool fnd_noise_read(struct fnd_noise *noise, int fd);
/** Append the last bytes that came after byte number `since`, with a line about what is missing. */
void fnd_noise_tail(const struct fnd_noise *noise, uint64_t since, struct fnd_text *tail);
void fnd_noise_finish(struct fnd_noise *noise);

#endif
