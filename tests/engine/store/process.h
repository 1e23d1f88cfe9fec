/* SPDX-License-Identifier: MIT */
/* store_helper as a child, by exec. */
#ifndef TEST_STORE_PROCESS_H
#define TEST_STORE_PROCESS_H

#include <stdio.h>
#include <sys/types.h>

struct process {
    pid_t pid;
    int input; /* its standard input */
    FILE *output;
};

void process_start(struct process *process, const char *command, const char *directory);
/** A line it printed; false at its end. */
int process_line(struct process *process, char *line, int size);
/** End it as told (0: close its input) and wait: the wait status. */
int process_end(struct process *process, int signal);

#endif
