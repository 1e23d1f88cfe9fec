/* SPDX-License-Identifier: MIT */
/* The command line: one table of commands feeds parsing, help, man pages and completion. */
#ifndef FND_COMMAND_COMMAND_H
#define FND_COMMAND_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

#define FND_PROGRAM "foundry-engine"

/* --- the table ------------------------------------------------------------------------------- */

/** Every option there is. A name means the same thing in every command that has it. */
enum fnd_option_id {
    FND_OPTION_ACCEPT,
    FND_OPTION_ACCEPT_LOSS,
    FND_OPTION_ALL,
    FND_OPTION_ALLOW_ROOT,
    FND_OPTION_AS,
    FND_OPTION_CANCEL,
    FND_OPTION_CASE,
    FND_OPTION_CASES,
    FND_OPTION_CONNECTIONS,
    FND_OPTION_DEEP,
    FND_OPTION_DIFF,
    FND_OPTION_DIRECTORY,
    FND_OPTION_DOCUMENTS,
    FND_OPTION_DRY_RUN,
    FND_OPTION_EXPLAIN,
    FND_OPTION_FAILED,
    FND_OPTION_FILE,
    FND_OPTION_FLYWHEEL,
    FND_OPTION_FOR,
    FND_OPTION_FORMAT,
    FND_OPTION_FROM_MANIFEST,
    FND_OPTION_HELP,
    FND_OPTION_HOST,
    FND_OPTION_IF_VERSION,
    FND_OPTION_IMAGES,
    FND_OPTION_ISOLATION,
    FND_OPTION_JOBS,
    FND_OPTION_JSON,
    FND_OPTION_KIND,
    FND_OPTION_LISTEN,
    FND_OPTION_LOG_FORMAT,
    FND_OPTION_METRICS_OPEN,
    FND_OPTION_NAME,
    FND_OPTION_NETWORK,
    FND_OPTION_MODEL,
    FND_OPTION_MODEL_VERSION,
    FND_OPTION_NO_BROWSER,
    FND_OPTION_NO_RUN,
    FND_OPTION_NO_WATCH,
    FND_OPTION_OUT,
    FND_OPTION_OUTPUT_SCHEMA,
    FND_OPTION_OVERRIDE,
    FND_OPTION_OWN,
    FND_OPTION_PARAM,
    FND_OPTION_PHASE,
    FND_OPTION_PIPELINE,
    FND_OPTION_PLUGIN,
    FND_OPTION_PLUGIN_PATH,
    FND_OPTION_PORT,
    FND_OPTION_PROMOTE,
    FND_OPTION_PROMPT,
    FND_OPTION_QUIET,
    FND_OPTION_REASON,
    FND_OPTION_REJECT,
    FND_OPTION_REMOVE,
    FND_OPTION_REVIEWER,
    FND_OPTION_ROUNDS,
    FND_OPTION_SECRETS_DIR,
    FND_OPTION_SEED,
    FND_OPTION_SET,
    FND_OPTION_SKIP_BAD,
    FND_OPTION_SPLIT,
    FND_OPTION_SYSTEM,
    FND_OPTION_TARGET,
    FND_OPTION_THRESHOLD,
    FND_OPTION_TIER,
    FND_OPTION_TIMEOUT,
    FND_OPTION_TOKEN_FILE,
    FND_OPTION_TWINS,
    FND_OPTION_UPGRADE,
    FND_OPTION_UPLOAD_MAX,
    FND_OPTION_URI_PREFIX,
    FND_OPTION_VERBOSE,
    FND_OPTION_WAIT,
    FND_OPTION_WATCH,
    FND_OPTION_WHERE
};

/** An option as one command takes it. A list of them ends with name NULL. */
struct fnd_option {
    enum fnd_option_id id;
    char letter;                /* 0: none */
    const char *name;           /* without the dashes */
    const char *argument;       /* what its argument is called; NULL: it takes none */
    const char *help;           /* one sentence, no full stop */
    const char *const *choices; /* what the argument may be, NULL-ended; NULL: anything */
};

enum fnd_operand_kind { FND_OPERAND_TEXT, FND_OPERAND_FILE, FND_OPERAND_DIRECTORY };

/** An operand. A list of them ends with name NULL. A command whose first operand may be left out
 *  and whose second may not takes a lone operand as the second. */
struct fnd_operand {
    const char *name, *help;
    bool optional;
    enum fnd_operand_kind kind;
    bool many; /* of the last one: any number of them */
};

struct fnd_example {
    const char *line, *what;
};

/** What an exit code means in one command, beyond what it means everywhere. */
struct fnd_exit {
    int code;
    const char *meaning;
};

struct fnd_app;

/** A command. The table ends with name NULL. */
struct fnd_command {
    const char *name;                   /* "run", "ask list" */
    const char *summary;                /* one line: "Run what can move" */
    const char *details;                /* paragraphs, separated by an empty line; may be NULL */
    const struct fnd_operand *operands; /* may be NULL, as the lists below */
    const struct fnd_option *options;   /* besides those that every command has */
    const struct fnd_example *examples;
    const struct fnd_exit *exits;
    int (*run)(struct fnd_app *app); /* returns the exit code */
    bool hidden;                     /* for the build, not for people */
};

enum { FND_OPERANDS_MAX = 3 };

const struct fnd_command *fnd_commands(void);
/** The options that every command has: --json, --verbose, --quiet, --help. */
const struct fnd_option *fnd_options_common(void);
/** What exit codes mean, by code; ended by meaning NULL. */
const struct fnd_exit *fnd_exits(void);
/** The command of that name, or NULL. */
const struct fnd_command *fnd_command_find(const char *name);

/* --- parsing --------------------------------------------------------------------------------- */

/** An argument vector taken apart. Borrows argv. `= {0}`; finish frees. */
struct fnd_arguments {
    const struct fnd_command *command;
    const char *operands[FND_OPERANDS_MAX]; /* by their place in the table; NULL: left out */
    const char **more;                      /* behind the last, where it may be many */
    size_t more_count;
    struct fnd_given {
        enum fnd_option_id id;
        const char *value; /* NULL for a flag */
    } * given;
    size_t given_count;
    bool help, version;
};
void fnd_arguments_finish(struct fnd_arguments *arguments);

/** Take argv (without the program's name) apart: command, options, operands. Long and short
 *  options, --name=value, -xVALUE, -xy for flags, "--" ends options, "-" is an operand.
 *  With --help among the options operands may be missing.
 *  Returns FND_OK, command NULL when there is none (no argument, --help or --version alone); else
 *  FND_INVALID with a message that proposes what was meant. */
enum fnd_status fnd_arguments_parse(const struct fnd_command *commands, int count,
                                    const char *const *argv, struct fnd_arguments *arguments,
                                    struct fnd_error *error);
bool fnd_arguments_has(const struct fnd_arguments *arguments, enum fnd_option_id id);
/** The last value given, or NULL. */
const char *fnd_arguments_value(const struct fnd_arguments *arguments, enum fnd_option_id id);
/** Every value given, in order, NULL-ended; malloc'ed (the values are borrowed). */
const char **fnd_arguments_list(const struct fnd_arguments *arguments, enum fnd_option_id id);

/** Exit codes; fnd_exits() has their meaning. */
enum {
    FND_EXIT_DONE = 0,
    FND_EXIT_FAILED = 1,
    FND_EXIT_USAGE = 2,
    FND_EXIT_WAITING = 3,
    FND_EXIT_PIPELINE = 4,
    FND_EXIT_NOT_FOUND = 5,
    FND_EXIT_PLUGIN = 6,
    FND_EXIT_BUSY = 7,
    FND_EXIT_DENIED = 8,
    FND_EXIT_CONFLICT = 9,
    FND_EXIT_BUG = 70,
    FND_EXIT_SIGNAL = 128
};

/** The exit code that tells of a status: 0 for FND_OK and so on, as fnd_exits() has them.
 *  signal  what interrupted, for FND_INTERRUPTED: SIGINT makes 130, SIGTERM 143. */
int fnd_exit_code(enum fnd_status status, int signal);

/* --- help, man pages, completion: the table for people --------------------------------------- */

/** Append an example's command line, which is the shell's: broken with a backslash between words
 *  where it would pass `width` columns; its first word stands at column `indent` (from 0), further
 *  lines begin three columns behind that. */
void fnd_example_line(const char *line, size_t indent, size_t width, struct fnd_text *out);
/** Append what `--help` shows, at most 80 columns wide. `command` NULL: of the program. */
void fnd_help(const struct fnd_command *command, struct fnd_text *out);
/** Append the command's manual page (section 1) as roff; NULL: the program's. */
void fnd_man(const struct fnd_command *command, struct fnd_text *out);
/** Append a completion script for bash. */
void fnd_completion(struct fnd_text *out);

/** Append `z`, broken between words so that no line passes `width` columns; further lines begin
 *  with `indent` spaces, the first one is thought to stand at column `column` (from 0). */
void fnd_wrap(const char *z, size_t indent, size_t column, size_t width, struct fnd_text *out);
/** Columns of UTF-8 text, one a character. */
size_t fnd_columns(const char *z);

/* --- one run of the program ------------------------------------------------------------------ */

/** What main() hands down. */
struct fnd_app {
    const struct fnd_env *env;
    struct fnd_log log;
    /** Set by the handler of SIGINT and SIGTERM: the last one's number + 256 for each. */
    const volatile sig_atomic_t *signals;
    struct fnd_arguments arguments;
    bool json, quiet, verbose;
    bool progress, color;    /* stderr is a terminal; and may be coloured */
    bool color_out;          /* stdout is a terminal that may be coloured */
    struct fnd_text out;     /* not yet written to stdout */
    bool out_lost;           /* stdout is closed: what is printed goes nowhere */
    size_t progress_columns; /* of the line that stands on the terminal now */
};

/** The whole program: argv (with its name) to an exit code. */
int fnd_command_main(int count, const char *const *argv, const volatile sig_atomic_t *signals);

/** How often a signal came, and the last one's number. */
int fnd_app_interrupts(const struct fnd_app *app);
int fnd_app_signal(const struct fnd_app *app);

#endif
