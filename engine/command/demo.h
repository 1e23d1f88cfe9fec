/* SPDX-License-Identifier: MIT */
/* What the files of `demo` share: where its things lie, what moved, what came of it. */
#ifndef FND_COMMAND_DEMO_H
#define FND_COMMAND_DEMO_H

#include "command/command.h"
#include "serve/serve.h"
#include "store/reader.h"

enum { DEMO_PORT = 8000, DEMO_PORT_MAX = 65535 };

/** A use case that ships with samples. */
struct demo_case {
    const char *name, *title, *pipeline; /* pipeline: its folder and file's stem */
    const char *note;                    /* said beforehand; may be NULL */
};

/** A run of the demo. */
struct demo {
    struct fnd_app *app;
    const struct demo_case *chosen;
    double threshold;
    size_t port;
    char *directory, *folder, *pipeline, *by, *plugin_path;
    char setting[64], listen[32]; /* the pipeline's threshold; ADDR:PORT */
    /* What the server borrows, NULL-ended. */
    const char *directories[2], *pipelines[2], *settings[2], *hosts[1];
    size_t jobs;
    struct fnd_serve *serve;
    pid_t browser; /* 0: none */
};

/* --- demo.c: what is asked -------------------------------------------------------------------- */

/** Whether there is a terminal on which a person can be asked. */
bool demo_asks(const struct fnd_app *app);
/** Ask for the use case: *index is 0 for invoices, 1 for poles, and stays on an empty line.
 *  FND_INTERRUPTED: the input ended, or a signal came. */
enum fnd_status demo_ask_case(struct fnd_app *app, size_t *index, struct fnd_error *error);

/* --- demo_place.c: the folder ---------------------------------------------------------------- */

/** The case's folder, in the tree or installed: malloc'ed. */
char *demo_folder(const struct demo_case *chosen);
/** Make the job directory: the named one, which may be there if it is empty, or a new one under
 *  $TMPDIR or /tmp. `*directory` is malloc'ed.
 *  Returns FND_OK; FND_CONFLICT: it is not empty; FND_DENIED, FND_IO, FND_NOT_FOUND. */
enum fnd_status demo_directory(const char *named, char **directory, struct fnd_error *error);
/** Copy the pictures of FOLDER/samples into the directory, nothing else; `*count` of them. */
enum fnd_status demo_samples(const char *folder, const char *directory, size_t *count,
                             struct fnd_error *error);

/* --- demo_follow.c: what happens ------------------------------------------------------------- */

/** How far the events were told. `= {0}` with reader and jobs set. */
struct demo_follow {
    struct fnd_reader *reader;
    size_t jobs; /* that are to come */
    int64_t last;
    int64_t counts[FND_CANCELLED + 1];
};
/** Tell what is new since the last look.  *ended: every job has come and ended. */
enum fnd_status demo_follow(struct fnd_app *app, struct demo_follow *follow, bool *ended,
                            struct fnd_error *error);

/* --- demo_serve.c: the review page ----------------------------------------------------------- */

/** Serve the directory and the pipeline with `settings[0]`, on the first free port from `port` on.
 *  refused  receives what is wrong with the pipeline, for people. */
enum fnd_status demo_start(struct demo *demo, struct fnd_text *refused, struct fnd_error *error);
/** Tell the login link, and open a browser where there is a display. */
void demo_announce(struct demo *demo);
/** Until every job has ended and nothing was taken back for a moment, or a signal came. */
enum fnd_status demo_wait(struct demo *demo, struct demo_follow *follow, struct fnd_error *error);
/** Let what runs end; a second Ctrl-C stops it.  heeded: signals that were seen before. */
void demo_stop(struct demo *demo, int heeded);

/* --- demo_report.c: the end ------------------------------------------------------------------ */

/** Tell what people and the model did, export the corrections to DIRECTORY/out/corrections.jsonl,
 *  and show where and the first line that a person corrected. No engine may have the directory. */
enum fnd_status demo_report(struct fnd_app *app, const char *directory, int64_t since_us,
                            struct fnd_error *error);

#endif
