/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pipe2 */
#include "process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void process_start(struct process *process, const char *command, const char *directory)
{
    const char *root = getenv("FOUNDRY_BUILD_ROOT");
    cr_assert_not_null(root, "FOUNDRY_BUILD_ROOT names the build folder");
    char program[4096];
    snprintf(program, sizeof program, "%s/tests/engine/store/store_helper", root);
    char name[] = "store_helper";
    char verb[16];
    char place[4096];
    snprintf(verb, sizeof verb, "%s", command);
    snprintf(place, sizeof place, "%s", directory);
    char *arguments[] = {name, verb, place, NULL};
    int in[2];
    int out[2];
    cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int rc = posix_spawn(&process->pid, program, &actions, NULL, arguments, environ);
    cr_assert_eq(rc, 0, "cannot start %s", program);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    process->input = in[1];
    process->output = fdopen(out[0], "r");
    cr_assert_not_null(process->output);
}

int process_line(struct process *process, char *line, int size)
{
    return fgets(line, size, process->output) != NULL;
}

int process_end(struct process *process, int signal)
{
    close(process->input);
    if (signal != 0) {
        kill(process->pid, signal);
    }
    int status = 0;
    cr_assert_eq(waitpid(process->pid, &status, 0), process->pid);
    return status;
}
