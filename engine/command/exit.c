/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stddef.h>

#include "command/command.h"

static const struct fnd_exit exits[] = {
    {FND_EXIT_DONE, "all done"},
    {FND_EXIT_FAILED, "a job failed, an input was refused, or a difference was found"},
    {FND_EXIT_USAGE, "the command line is wrong"},
    {FND_EXIT_WAITING, "nothing failed, but jobs wait for people"},
    {FND_EXIT_PIPELINE, "the pipeline file is invalid"},
    {FND_EXIT_NOT_FOUND, "a named thing is not there"},
    {FND_EXIT_PLUGIN, "a plugin cannot be loaded"},
    {FND_EXIT_BUSY, "the directory is in use, and its engine does not answer"},
    {FND_EXIT_DENIED, "not allowed"},
    {FND_EXIT_CONFLICT, "somebody else was first"},
    {FND_EXIT_BUG, "a fault of this program"},
    {FND_EXIT_SIGNAL + SIGINT, "interrupted by SIGINT; all is saved"},
    {FND_EXIT_SIGNAL + SIGTERM, "interrupted by SIGTERM; all is saved"},
    {0, NULL}};

const struct fnd_exit *fnd_exits(void)
{
    return exits;
}

int fnd_exit_code(enum fnd_status status, int signal)
{
    switch (status) {
    case FND_OK:
        return FND_EXIT_DONE;
    case FND_INVALID:
    case FND_LIMIT:
    case FND_DAMAGED:
    case FND_FULL:
    case FND_IO:
    case FND_NO_MEMORY:
        return FND_EXIT_FAILED;
    case FND_NOT_FOUND:
        return FND_EXIT_NOT_FOUND;
    case FND_CONFLICT:
        return FND_EXIT_CONFLICT;
    case FND_BUSY:
        return FND_EXIT_BUSY;
    case FND_DENIED:
        return FND_EXIT_DENIED;
    case FND_PLUGIN:
        return FND_EXIT_PLUGIN;
    case FND_INTERRUPTED:
        return FND_EXIT_SIGNAL + (signal == SIGTERM ? SIGTERM : SIGINT);
    }
    return FND_EXIT_BUG;
}
