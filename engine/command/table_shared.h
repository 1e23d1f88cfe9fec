/* SPDX-License-Identifier: MIT */
/* What rows of several things share. For table.c and the headers beside it only: these are its
 * data. */
#ifndef FND_COMMAND_TABLE_SHARED_H
#define FND_COMMAND_TABLE_SHARED_H

#include "command/command.h"

/* Options that several commands share, worded once. */

#define PLUGIN_PATH                                                                                \
    {                                                                                              \
        FND_OPTION_PLUGIN_PATH, 0, "plugin-path", "PATH",                                          \
            "look for plugins in these folders, too, separated by colons", NULL                    \
    }

#define PARAM                                                                                      \
    {                                                                                              \
        FND_OPTION_PARAM, 'p', "param", "KEY=VALUE",                                               \
            "set a param of the pipeline; may be given many times", NULL                           \
    }

#define PIPELINE                                                                                   \
    {                                                                                              \
        FND_OPTION_PIPELINE, 0, "pipeline", "NAME", "only jobs of the pipeline of this name", NULL \
    }

#define AS                                                                                         \
    {                                                                                              \
        FND_OPTION_AS, 0, "as", "NAME", "who does it; else the name of the system's user", NULL    \
    }

#define REASON                                                                                     \
    {                                                                                              \
        FND_OPTION_REASON, 0, "reason", "TEXT", "why; kept with it", NULL                          \
    }

#define NO_RUN                                                                                     \
    {                                                                                              \
        FND_OPTION_NO_RUN, 0, "no-run", NULL, "leave the job queued; the next run takes it up",    \
            NULL                                                                                   \
    }

#define ISOLATION                                                                                  \
    {                                                                                              \
        FND_OPTION_ISOLATION, 0, "isolation", "LEVEL",                                             \
            "how plugins run unless the pipeline says; sandbox if this is not given", isolations   \
    }

#define ALLOW_ROOT                                                                                 \
    {                                                                                              \
        FND_OPTION_ALLOW_ROOT, 0, "allow-root", NULL,                                              \
            "started as root: let plugins keep that user; recorded with each phase", NULL          \
    }

#define JOBS                                                                                       \
    {                                                                                              \
        FND_OPTION_JOBS, 'j', "jobs", "N", "worker processes at most; one a processor by default", \
            NULL                                                                                   \
    }

#define SECRETS_DIR                                                                                \
    {                                                                                              \
        FND_OPTION_SECRETS_DIR, 0, "secrets-dir", "DIR", "read ${secrets.NAME} from DIR/NAME",     \
            NULL                                                                                   \
    }

#define NETWORK                                                                                    \
    {                                                                                              \
        FND_OPTION_NETWORK, 0, "network-allowed", NULL,                                            \
            "work on NFS, SMB or FUSE, although locks and fsync may lie there", NULL               \
    }

#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#define JOBDIR                                                                                     \
    {                                                                                              \
        "JOBDIR", "the job directory; else the nearest folder upward that holds .foundry", true,   \
            FND_OPERAND_DIRECTORY                                                                  \
    }

#define JOB                                                                                        \
    {                                                                                              \
        "JOB", "its number, its path, the end of its path, or its UUID", false, FND_OPERAND_TEXT   \
    }

static const char *const isolations[] = {"sandbox", "best-effort", "process", "inline", NULL};

static const char *const kinds[] = {"phase", "detector", NULL};

static const char *const splits[] = {"all", "train", "validation", "test", NULL};

static const char *const cases[] = {"invoice", "poles", NULL};
static const char *const promoters[] = {"engine", "hand", NULL};
static const char *const reviewers[] = {"script", "me", NULL};

static const char *const log_formats[] = {"text", "json", NULL};

static const struct fnd_operand jobdir_operands[] = {JOBDIR, END};

static const struct fnd_operand job_operands[] = {JOBDIR, JOB, END};

static const struct fnd_operand pipeline_operands[] = {
    {"PIPELINE", "a pipeline file (YAML)", false, FND_OPERAND_FILE}, END};

#endif
