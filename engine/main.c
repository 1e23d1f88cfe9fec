/* SPDX-License-Identifier: MIT */
/* foundry-engine: signals in, exit code out; everything else is in the rooms. */
#include <signal.h>
#include <stddef.h>

#include "command/command.h"

/* The last signal's number + 256 for each one that came. */
static volatile sig_atomic_t signals;

static void note(int signal)
{
    signals = (signals & ~0xff) + 256 + signal;
}

int main(int count, char **argv)
{
    struct sigaction action = {.sa_handler = note};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A closed terminal or a reader that went away must not end a transition half way. */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    /* A write beyond the limit on file sizes fails like one on a full disk, and is told like it. */
    sigaction(SIGXFSZ, &action, NULL);
    return fnd_command_main(count, (const char *const *)argv, &signals);
}
