/* SPDX-License-Identifier: MIT */
/* A command's way to the engine of a job directory: the one that holds it, over its socket, or one
 * of its own. Both are asked in the same words (engine/control/README.md). */
#ifndef FND_COMMAND_SESSION_H
#define FND_COMMAND_SESSION_H

#include "command/command.h"
#include "store/reader.h"

enum {
    FND_SESSION_WAIT_MS = 5000, /* how long a command waits for the directory */
    FND_SESSION_RETRY_MS = 20   /* and how often it asks */
};

struct fnd_session;

/** A session of a directory; nothing is opened yet.
 *  directory  borrowed, outlives it.  own: never through another engine (--own).
 *  create     make .foundry if it is not there. */
struct fnd_session *fnd_session_create(struct fnd_app *app, const char *directory, bool own,
                                       bool create);
/** Its engine looks for plugins in `path` (copied) and nowhere else. Before the first request. */
void fnd_session_plugins(struct fnd_session *session, const char *path);
/** Lets the own engine finish what runs, serves who waits, and closes it. NULL is fine. */
void fnd_session_destroy(struct fnd_session *session);

/** Ask, and wait for the end of the reply. Where the other engine ends meanwhile, its place is
 *  taken and the request asked again: requests are made so that this does no harm.
 *  line  called with each line before the end; may be NULL.
 *  end   receives the end's line, copied into `text`.
 *  Returns FND_OK: there is an end, its status may be any (see fnd_session_status());
 *          FND_BUSY: the directory is held by an engine that does not answer, or `own`;
 *          FND_INTERRUPTED: by a signal, all is saved; as fnd_engine_open(). */
enum fnd_status fnd_session_ask(struct fnd_session *session, const struct fnd_text *request,
                                void (*line)(void *context, struct fnd_json line), void *context,
                                struct fnd_text *text, struct fnd_json *end,
                                struct fnd_error *error);
/** What an end says: its status, and its story in `error`. */
enum fnd_status fnd_session_status(struct fnd_json end, struct fnd_error *error);

/* --- what commands share --------------------------------------------------------------------- */

/** The job directory: the operand, or the nearest folder upward that holds .foundry.
 *  Returns FND_OK (malloc'ed path); FND_NOT_FOUND. */
enum fnd_status fnd_directory_find(const char *operand, char **directory, struct fnd_error *error);
/** Whether a folder holds .foundry. */
bool fnd_directory_is(const char *directory);
/** An absolute path of a pipeline file, malloc'ed: the engine that reads it may stand elsewhere.
 *  Links in it are kept, since what a pipeline names lies beside the path that was typed.
 *  Returns FND_OK; FND_INVALID: it is no UTF-8; FND_NOT_FOUND: the current folder is gone. */
enum fnd_status fnd_path_absolute(const char *file, char **path, struct fnd_error *error);
/** Whether this program runs out of the folder it was built in: then what it needs lies in the
 * tree, else where it was installed. */
bool fnd_in_build_tree(void);
/** Where plugins are looked for: --plugin-path, then fnd_catalog_path(). malloc'ed. */
char *fnd_plugin_path(const struct fnd_app *app);
/** The same and a reader on it; the path stays the reader's. */
enum fnd_status fnd_directory_read(const char *operand, struct fnd_reader **reader,
                                   struct fnd_error *error);
/** The same for a command that only looks: see fnd_reader_look(). */
enum fnd_status fnd_directory_look(const char *operand, struct fnd_reader **reader,
                                   struct fnd_error *error);
/** Who acts: --as, else the system's name of the user, else his number; malloc'ed. */
char *fnd_who(const struct fnd_app *app);
/** A job named on the command line, in the pipeline of --pipeline if that is given. */
enum fnd_status fnd_job_named(struct fnd_app *app, struct fnd_reader *reader, const char *name,
                              struct fnd_job_row *job, struct fnd_error *error);
/** Ids of a pin's phases, malloc'ed NULL-ended list of malloc'ed texts; empty where the pin cannot
 *  be read. */
char **fnd_phase_names(struct fnd_reader *reader, int64_t pin);
void fnd_phase_names_free(char **names);
/** The name of phase `index`, or "-". */
const char *fnd_phase_name(char *const *names, int32_t index);
/** The exit code that counts of jobs by state come to: 1, 3 or 0.  counts: an object. */
int fnd_counts_exit(struct fnd_json counts);

#endif
