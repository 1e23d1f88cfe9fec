/* SPDX-License-Identifier: MIT */
/* The engine's side of a program (program.h). */
#define _GNU_SOURCE /* pipe2, posix_spawn_file_actions_adddup2, pidfds, sigabbrev_np */
#include "worker/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_SOURCE_MIN = 10, PIPES = 4, COMMAND_MAX = 256, REPORT_SIZE = 64 };

/** Above all that the child puts in place, so that none is overwritten. Takes fd. */
static int up(int fd)
{
    if (fd < 0 || fd >= FD_SOURCE_MIN) {
        return fd;
    }
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_SOURCE_MIN);
    (void)close(fd);
    return moved;
}

static void all_close(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
            fds[i] = -1;
        }
    }
}

/** stdout, stderr, life, report: each [0] reads and [1] writes. */
static bool pipes_open(int fds[PIPES][2])
{
    bool good = true;
    for (int i = 0; i < PIPES; i++) {
        fds[i][0] = fds[i][1] = -1;
        if (good && pipe2(fds[i], O_CLOEXEC) == 0) {
            fds[i][0] = up(fds[i][0]);
            fds[i][1] = up(fds[i][1]);
        }
        good = good && fds[i][0] >= 0 && fds[i][1] >= 0;
    }
    return good;
}

static int spawn(const char *program, char *const *argv, const char *const *environment,
                 const int from[6], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) {
        return failure;
    }
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return failure;
    }
    for (int to = 0; to < 6 && failure == 0; to++) {
        failure = posix_spawn_file_actions_adddup2(&actions, from[to], to);
    }
    if (failure == 0) {
        failure = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    if (failure == 0) {
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        failure = posix_spawn(pid, program, &actions, &attributes, argv,
                              (char *const *)(uintptr_t)environment);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failure;
}

enum fnd_status fnd_program_start(const struct fnd_program_start *start,
                                  struct fnd_program *program, struct fnd_error *error)
{
    int pipes[PIPES][2];
    char parent[32], nice[32];
    char *argv[COMMAND_MAX + 5] = {(char *)(uintptr_t)start->worker_program,
                                   (char *)(uintptr_t) "program", parent, nice};
    size_t count = 4;
    enum fnd_status status = FND_OK;
    struct fnd_program made = {.pid = 0, .pidfd = -1, .out = -1, .noise = -1, .life = -1};
    for (const char *const *word = start->command; *word != NULL && count < COMMAND_MAX; word++) {
        argv[count++] = (char *)(uintptr_t)*word;
    }
    (void)snprintf(parent, sizeof parent, "%ld", (long)getpid());
    (void)snprintf(nice, sizeof nice, "%d", start->nice);
    const bool open_all = pipes_open(pipes);
    const int null = up(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int folder = fcntl(start->folder, F_DUPFD_CLOEXEC, FD_SOURCE_MIN);
    const int from[6] = {null, pipes[0][1], pipes[1][1], pipes[2][0], pipes[3][1], folder};
    int failure = open_all && null >= 0 && folder >= 0 &&
                          fcntl(pipes[0][0], F_SETFL, O_NONBLOCK) == 0 &&
                          fcntl(pipes[1][0], F_SETFL, O_NONBLOCK) == 0
                      ? 0
                      : (errno != 0 ? errno : EMFILE);
    if (failure == 0) {
        failure = spawn(start->worker_program, argv, start->environment, from, &made.pid);
    }
    if (failure != 0) {
        status = failure == ENOENT || failure == EACCES || failure == ENOEXEC ? FND_PLUGIN : FND_IO;
        (void)fnd_error_errno(error, status, failure, "cannot start %s", start->worker_program);
        goto out;
    }
    made.out = pipes[0][0];
    made.noise = pipes[1][0];
    made.life = pipes[2][1];
    made.report = pipes[3][0];
    pipes[0][0] = pipes[1][0] = pipes[2][1] = pipes[3][0] = -1;
    made.pidfd = (int)syscall(SYS_pidfd_open, made.pid, 0);
    if (made.pidfd < 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot watch %s", start->command[0]);
        all_close(pipes[3], 2); /* else its report would never end */
        fnd_program_finish(&made);
        goto out;
    }
    *program = made;
out:
    for (int i = 0; i < PIPES; i++) {
        all_close(pipes[i], 2);
    }
    all_close((int[]){null, folder}, 2);
    return status;
}

void fnd_program_stop(struct fnd_program *program, bool now)
{
    if (program->life >= 0 && now) {
        (void)close(program->life);
        program->life = -1;
    } else if (program->life >= 0) {
        ssize_t wrote;
        do { /* it may have ended: EPIPE, and SIGPIPE is ignored in the engine */
            wrote = write(program->life, "t", 1);
        } while (wrote < 0 && errno == EINTR);
    }
}

static void reap(struct fnd_program *program, struct fnd_program_end *end)
{
    char report[REPORT_SIZE] = "";
    int status = 0;
    *end = (struct fnd_program_end){.code = -1};
    /* While it is not reaped its group's number cannot be anybody else's: what a killed
     * foundry-worker could not end goes now. */
    (void)kill(-program->pid, SIGKILL);
    while (waitpid(program->pid, &status, 0) < 0 && errno == EINTR) {
    }
    program->pid = 0;
    const ssize_t size = read(program->report, report, sizeof report - 1);
    if (size <= 0 || (sscanf(report, "exit %d", &end->code) != 1 &&
                      sscanf(report, "signal %d", &end->signal) != 1 &&
                      sscanf(report, "failure %d", &end->failure) != 1)) {
        end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL;
    }
}

bool fnd_program_ended(struct fnd_program *program, struct fnd_program_end *end)
{
    struct pollfd poll_one = {.fd = program->pidfd, .events = POLLIN};
    if (program->pid == 0 || poll(&poll_one, 1, 0) <= 0) {
        return false;
    }
    reap(program, end);
    return true;
}

void fnd_program_end_text(const struct fnd_program_end *end, struct fnd_text *text)
{
    const char *name = sigabbrev_np(end->signal);
    if (end->failure != 0) {
        fnd_text_printf(text, "cannot be started: %s", strerror(end->failure));
    } else if (end->signal != 0) {
        fnd_text_printf(text, "signal %d (SIG%s)", end->signal, name == NULL ? "?" : name);
    } else {
        fnd_text_printf(text, "exited (%d)", end->code);
    }
}

void fnd_program_finish(struct fnd_program *program)
{
    struct fnd_program_end end;
    if (program->pid == 0) {
        if (program->pidfd > 0) {
            all_close((int[]){program->pidfd, program->out, program->noise, program->life,
                              program->report},
                      5);
        }
        *program = (struct fnd_program){0};
        return;
    }
    fnd_program_stop(program, true);
    if (program->pidfd >= 0) { /* it ends all that it started, then itself */
        enum { END_MS = 10000 };
        struct pollfd poll_one = {.fd = program->pidfd, .events = POLLIN};
        while (poll(&poll_one, 1, END_MS) < 0 && errno == EINTR) {
        }
    }
    reap(program, &end);
    all_close((int[]){program->pidfd, program->out, program->noise, program->life, program->report},
              5);
    *program = (struct fnd_program){0};
}
