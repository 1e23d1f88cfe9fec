/* SPDX-License-Identifier: MIT */
/* One command of the real engine over a small job directory, disturbed in some way, and the
 * promises that must hold behind it. What the disturbance is, is its caller's: sweep.c injects
 * faults into calls, crash.c kills at named points. */
#ifndef TEST_IO_TRIAL_H
#define TEST_IO_TRIAL_H

#include "../storm/storm.h"
#include "base/text.h"
#include "iofault.h"
#include "store/reader.h"

/* SQLite tries a lock that the system refuses for ten seconds before it gives up, and a command
 * opens the store several times before it says that the disk is at fault: it ends, but not soon. */
enum { PATH_MAX_SIZE = 512, LABEL_SIZE = 160, DEADLINE_MS = 240000, TOLD_MAX = 20 };

/** What can go wrong, beside what the storm's checker names. */
enum wrong {
    WRONG_CRASH = BLAMES, /* a signal that nobody sent, or exit 70 */
    WRONG_CONCLUSION,     /* it says that something is not on record, and it is, or the reverse */
    WRONG_HALF,           /* an export that is there in part */
    WRONG_STORY,          /* an error that does not say where, or what to do next */
    WRONG_UNFINISHED,     /* a plain run did not bring the jobs to the same end */
    WRONG_LEFT,           /* something is left over behind a plain run */
    WRONG_WORKER,         /* a worker met the injector */
    WRONG_BATCH,          /* a batch has another choice, or other cards, than it must */
    WRONGS
};

/** Commands, each over the directory that the one before it left. */
enum scene_id {
    SCENE_RUN,
    SCENE_PAUSE,
    SCENE_ANSWER,
    SCENE_RESUME,
    SCENE_EXPORT,
    SCENE_BATCH, /* three that wait for each other: one is asked about, two go on */
    SCENES
};
/* Of a batch: its inputs, and which of them is asked about. */
enum { BATCH_JOBS = 3, BATCH_CHOSEN = 1 };

struct scene {
    const char *name;
    char pipeline[PATH_MAX_SIZE];
    char jobs[PATH_MAX_SIZE]; /* as it is before the command; copied for each trial */
    struct ack *acks;         /* what is acknowledged in it */
    size_t acks_count;
    int64_t request; /* the open one, 0: none */
    int exit;        /* of the command, undisturbed */
    struct iofault_trace trace;
};

struct bench {
    const char *engine, *driver, *plugin_path, *injector;
    char folder[PATH_MAX_SIZE], pipeline[PATH_MAX_SIZE], jobs[PATH_MAX_SIZE];
    char preload[2 * PATH_MAX_SIZE];
    struct iofault_trace *trace; /* shared with the command that runs */
    struct scene scenes[SCENES];
    struct fnd_text outputs; /* of all jobs, undisturbed: see outputs_of() */
    struct fnd_text exported;
    uint64_t random;
    bool no_places; /* what fails need not be a file's: no place has to be told */
    bool may_fail;  /* what fails need not be the disk: a job may end as failed, and is retried */
    bool quiet;     /* say nothing of what is wrong: it was planted */
    size_t wrong[WRONGS], told, commands;
    int64_t longest_ms;
};

/** A command that ended. */
struct ended {
    int status; /* of waitpid() */
    bool late;
    struct fnd_text out, err;
};

struct trial {
    struct storm storm; /* first: the storm's checker blames it */
    struct bench *bench;
    const struct scene *scene;
    char label[LABEL_SIZE]; /* to repeat it by */
    bool kills;             /* SIGKILL is what was asked for */
    const char *plant;      /* the storm's driver runs instead, with this fault planted in it */
    struct ended ended;
    bool ok;       /* it said that it came to its end */
    bool unknown;  /* it said that it does not know */
    bool answered; /* it said that the answer is taken */
    bool exported; /* it said that the export is there */
};

const char *wrong_name(size_t wrong);
uint64_t bench_random(struct bench *bench, uint64_t below);
/** argv of a floor in percent and a seed out of the environment. */
size_t floor_percent(void);
uint64_t seed_of(uint64_t seed);

/* bench.c */

/** Make the folder, the pipeline and the directory of each scene, undisturbed, counting the calls
 *  of each. false: an engine does not do what it should; the story is on stderr. */
bool bench_begin(struct bench *bench);
void bench_end(struct bench *bench, bool keep);
/** The arguments of a scene's command, ended by NULL; texts are the bench's or constant. */
enum { ARGUMENTS_MAX = 16 };
void scene_arguments(const struct bench *bench, enum scene_id scene, int64_t request,
                     const char *arguments[ARGUMENTS_MAX], struct fnd_text *own);
size_t bench_wrongs(const struct bench *bench);

/** A fault for the environment of a command: it is counted from now on. */
struct fault {
    char root[PATH_MAX_SIZE + 32], trace[PATH_MAX_SIZE + 32], mode[64];
    const char *settings[5]; /* ended by NULL */
};
void fault_make(struct bench *bench, struct fault *fault, enum iofault_mode mode, unsigned call,
                bool sticky);
const char *fault_name(enum iofault_mode mode);

/* command.c */

/** Run the engine to its end. `settings`: "NAME=value" for its environment beside the usual, ended
 *  by NULL. The texts in `ended` are the caller's to finish. */
void command_run(struct bench *bench, const char *program, const char *const *arguments,
                 const char *const *settings, struct ended *ended);
void ended_finish(struct ended *ended);
void folder_copy(const char *from, const char *to);
void folder_remove(const char *path);
void file_write_text(const char *path, const char *text);
/** Append a file; false if it is not there. */
bool file_read_text(const char *path, struct fnd_text *text);

/* trial.c */

/** Put the scene's directory in its place. */
void trial_begin(struct trial *trial, struct bench *bench, enum scene_id scene);
/** Run the scene's command, disturbed by `settings`, and take in what it says. */
void trial_run(struct trial *trial, const char *const *settings);
void trial_end(struct trial *trial);
void trial_blame(struct trial *trial, size_t wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** What it says it did: acknowledged things into trial->storm. */
void trial_hear(struct trial *trial, const struct ended *ended);
/** Run one more command, undisturbed. Returns its exit code, -1 if it has none. */
int trial_more(struct trial *trial, enum scene_id scene, int64_t request);
enum scene_id trial_scene(const struct trial *trial);

/* promise.c */

/** Behind the disturbed command: how it ended, what it said, what is on record. */
void promise_check(struct trial *trial);
/** Then: plain commands bring everything to the end it would have had. */
void promise_finish(struct trial *trial);
/** All jobs, their states and outputs, as one text. */
bool outputs_of(const char *jobs, struct fnd_text *text, struct fnd_error *error);

#endif
