/* SPDX-License-Identifier: MIT */
/* foundry-worker between an engine and a program (program.h). Whatever the program starts becomes a
 * child of this process when its parent ends (PR_SET_CHILD_SUBREAPER), in whatever group or session
 * it is, so that none of it outlives the program or the engine. */
#define _GNU_SOURCE /* close_range */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/program.h"

enum { EXIT_USAGE = 2, EXIT_MACHINE = 70 };

/** The parent of a process; 0 when it is gone. */
static long parent_of(const char *pid)
{
    char path[64], text[512];
    long parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    const size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')'); /* a name may hold anything */
    return name_end != NULL && sscanf(name_end + 1, " %*c %ld", &parent) == 1 ? parent : 0;
}

/** Kill each child; its own children become ours.  Returns whether that could be looked at. */
static bool children_kill(void)
{
    DIR *list = opendir("/proc");
    if (list == NULL) {
        return false;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == (long)getpid()) {
            (void)kill((pid_t)atol(entry->d_name), SIGKILL);
        }
    }
    (void)closedir(list);
    return true;
}

/** End all that came of it. Where the machine is too short of something to say what that is, it is
 *  asked again: to wait for children that nobody has killed would be to wait for ever. */
static void family_end(pid_t program, int *status)
{
    enum { AGAIN_MS = 20 };
    int one = 0;
    pid_t pid = 0;
    do {
        const bool killed = children_kill();
        pid = waitpid(-1, &one, killed ? 0 : WNOHANG);
        if (pid == program) {
            *status = one;
        } else if (pid == 0) {
            (void)poll(NULL, 0, AGAIN_MS);
        }
    } while (pid >= 0 || errno == EINTR);
}

/** In the child: become the program. */
static void become(char *const *command, int failed, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() != parent) {
        _exit(EXIT_MACHINE);
    }
    (void)execvp(command[0], command);
    const int why = errno;
    const ssize_t wrote = write(failed, &why, sizeof why);
    _exit(wrote == (ssize_t)sizeof why ? EXIT_USAGE : EXIT_MACHINE);
}

static void report(const char *what, int number)
{
    char line[32];
    const int size = snprintf(line, sizeof line, "%s %d\n", what, number);
    const ssize_t wrote = write(FND_PROGRAM_REPORT, line, (size_t)size);
    (void)wrote; /* the engine is gone, or reads it */
}

/** Until the program has ended, or has to. Returns its status in *status when it ended by itself.
 */
static bool watch(pid_t program, int signals, int *status)
{
    struct pollfd fds[] = {{.fd = FND_PROGRAM_LIFE, .events = POLLIN},
                           {.fd = signals, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return false;
        }
        char byte = 0;
        struct signalfd_siginfo info;
        if (fds[0].revents != 0 && read(FND_PROGRAM_LIFE, &byte, 1) <= 0) {
            return false; /* the engine says so, or is gone */
        }
        if (byte != 0) {
            (void)kill(0, SIGTERM); /* we are deaf to it */
        }
        if (fds[1].revents != 0 && read(signals, &info, sizeof info) == (ssize_t)sizeof info &&
            info.ssi_signo == SIGUSR1) {
            return false; /* the engine's thread has ended */
        }
        int one = 0;
        for (pid_t pid = waitpid(-1, &one, WNOHANG); pid > 0; pid = waitpid(-1, &one, WNOHANG)) {
            if (pid == program) {
                *status = one;
                return true;
            }
        }
    }
}

int fnd_program_main(char **arguments)
{
    sigset_t set;
    int failed[2];
    if (arguments[0] == NULL || arguments[1] == NULL || arguments[2] == NULL) {
        return EXIT_USAGE;
    }
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGTERM, SIG_IGN);
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)umask(077);
    const int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (close_range(FND_PROGRAM_LIFE, ~0U, CLOSE_RANGE_CLOEXEC) != 0 || signals < 0 ||
        pipe2(failed, O_CLOEXEC) != 0 || fchdir(FND_PROGRAM_FOLDER) != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGUSR1) != 0) {
        report("failure", errno);
        return EXIT_MACHINE;
    }
    if (getppid() != (pid_t)atol(arguments[0])) {
        return EXIT_MACHINE; /* it died before we asked to be told */
    }
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + atoi(arguments[1]));
    const pid_t self = getpid();
    const pid_t program = fork();
    if (program == 0) {
        become(arguments + 2, failed[1], self);
    }
    (void)close(failed[1]);
    int status = 0, why = 0;
    if (program < 0) {
        report("failure", errno);
        return EXIT_MACHINE;
    }
    const bool started = read(failed[0], &why, sizeof why) != (ssize_t)sizeof why;
    (void)watch(program, signals, &status);
    family_end(program, &status);
    if (!started) {
        report("failure", why);
    } else if (WIFSIGNALED(status)) {
        report("signal", WTERMSIG(status));
    } else {
        report("exit", WEXITSTATUS(status));
    }
    return EXIT_SUCCESS;
}
