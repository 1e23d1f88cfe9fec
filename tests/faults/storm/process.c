/* SPDX-License-Identifier: MIT */
/* Engines as processes: start, listen, kill, and look for what is left of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "storm.h"

enum { PROCESSES_MAX = 64, WAIT_STEP_US = 1000 };

static void nap(void)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_US * 1000};
    nanosleep(&step, NULL);
}

void run_start(struct storm *storm, struct run *run, const char *jobs, long reopen)
{
    int ends[2];
    char flight[16], which[16], log[STORM_PATH_SIZE];
    *run = (struct run){.pid = -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("pipe");
        exit(1);
    }
    (void)snprintf(flight, sizeof flight, "%d", STORM_FLIGHT);
    (void)snprintf(which, sizeof which, "%ld", reopen);
    (void)snprintf(log, sizeof log, "%s/driver.log", storm->folder);
    run->pid = fork();
    if (run->pid == 0) {
        setsid();
        int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(ends[1], STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
        execl(storm->options.driver, "driver", jobs, storm->pipeline, storm->options.plugin_path,
              "--flight", flight, "--reopen", which, "--plant", plant_name(storm->options.plant),
              (char *)NULL);
        _exit(127);
    }
    if (run->pid < 0) {
        perror("fork");
        exit(1);
    }
    close(ends[1]);
    run->out = ends[0];
}

static int kind_parse(const char *name)
{
    for (int kind = FND_EVENT_STORE; kind <= FND_EVENT_LAST; kind++) {
        if (strcmp(fnd_event_name((enum fnd_event_kind)kind), name) == 0) {
            return kind;
        }
    }
    return 0;
}

static void line_take(struct storm *storm, struct run *run)
{
    struct ack ack = {0};
    char kind[32];
    if (strcmp(run->line, "ready") == 0) {
        run->ready = true;
        return;
    }
    if (strcmp(run->line, "rest") == 0) {
        run->rest = true;
        return;
    }
    if (sscanf(run->line, "ack %31s %" SCNd64 " %" SCNd64, kind, &ack.job, &ack.event) == 3) {
        ack.kind = kind_parse(kind);
    } else if (sscanf(run->line, "answered %" SCNd64 " %" SCNd64, &ack.job, &ack.event) == 2) {
        ack.kind = ACK_ANSWERED;
    }
    if (ack.kind == 0) {
        storm_blame(storm, BLAME_ODD, "the driver says what nobody understands: %s", run->line);
        return;
    }
    run->acks++;
    if (storm->acks_count == storm->acks_capacity) {
        storm->acks_capacity = storm->acks_capacity * 2 + 1024;
        storm->acks = fnd_realloc(storm->acks, storm->acks_capacity, sizeof *storm->acks);
    }
    storm->acks[storm->acks_count++] = ack;
}

/** Read once.  false at the end. */
static bool listen_once(struct storm *storm, struct run *run)
{
    char bytes[4096];
    ssize_t size = read(run->out, bytes, sizeof bytes);
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] != '\n') {
            run->line[run->line_size] = bytes[i];
            run->line_size += run->line_size + 1 < sizeof run->line;
            continue;
        }
        run->line[run->line_size] = '\0';
        run->line_size = 0;
        line_take(storm, run);
    }
    return size > 0 || (size < 0 && errno == EINTR);
}

void run_listen(struct storm *storm, struct run *run, int64_t us, bool until_ready,
                size_t until_acks)
{
    const int64_t end = storm_now_us() + us;
    while (!run->ended && !(until_ready && run->ready && run->acks >= until_acks)) {
        int64_t left = end - storm_now_us();
        struct pollfd out = {run->out, POLLIN, 0};
        struct timespec wait = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
        if (left <= 0) {
            return;
        }
        if (ppoll(&out, 1, &wait, NULL) > 0 && !listen_once(storm, run)) {
            run->ended = true;
        }
    }
}

void run_end(struct storm *storm, struct run *run)
{
    const int64_t begun = storm_now_us();
    while (waitpid(run->pid, &run->status, WNOHANG) == 0) {
        run_listen(storm, run, WAIT_STEP_US, false, 0);
        if (run->ended) {
            nap(); /* its last words are read; it is on its way */
        }
        if (storm_now_us() - begun > INT64_C(60000000)) {
            storm_blame(storm, BLAME_ODD, "the driver did not end within a minute");
            run_kill_session(run);
            waitpid(run->pid, &run->status, 0);
            break;
        }
    }
    /* What it wrote before it died is still in the pipe. */
    run->ended = false;
    run_listen(storm, run, STORM_ORPHAN_MS * INT64_C(1000), false, 0);
    close(run->out);
}

void run_kill(struct run *run)
{
    kill(run->pid, SIGKILL);
}

/* --- who is there -------------------------------------------------------------------------- */

/** The children of a process, by what the kernel says of its first thread, the one that starts all
 *  of an engine's. */
static size_t children_of(pid_t parent, pid_t *found, size_t capacity)
{
    char path[64], text[4096];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)parent, (long)parent);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[size > 0 ? size : 0] = '\0';
    for (char *at = text, *end = NULL; count < capacity; at = end) {
        const long pid = strtol(at, &end, 10);
        if (end == at) {
            break;
        }
        found[count++] = (pid_t)pid;
    }
    return count;
}

void run_kill_session(const struct run *run)
{
    pid_t found[PROCESSES_MAX];
    const size_t count = children_of(run->pid, found, PROCESSES_MAX);
    for (size_t i = 0; i < count; i++) {
        kill(found[i], SIGKILL);
    }
    kill(run->pid, SIGKILL);
}

bool run_kill_worker(const struct run *run, uint64_t choice)
{
    pid_t found[PROCESSES_MAX];
    const size_t count = children_of(run->pid, found, PROCESSES_MAX);
    if (count > 0) {
        kill(found[choice % count], SIGKILL);
    }
    return count > 0;
}

/** We are the reaper of our descendants: whatever an engine leaves behind becomes our child. */
void storm_check_orphans(struct storm *storm)
{
    const int64_t begun = storm_now_us();
    for (;;) {
        pid_t gone;
        while ((gone = waitpid(-1, NULL, WNOHANG)) > 0) {
        }
        const int64_t ms = (storm_now_us() - begun) / 1000;
        if (gone < 0) { /* there is none left */
            storm->orphan_most_ms = ms > storm->orphan_most_ms ? ms : storm->orphan_most_ms;
            return;
        }
        if (ms > STORM_ORPHAN_MS) {
            pid_t found[PROCESSES_MAX];
            const size_t count = children_of(getpid(), found, PROCESSES_MAX);
            for (size_t i = 0; i < count; i++) {
                storm_blame(storm, BLAME_ORPHAN,
                            "pid %ld is there %" PRId64 " ms behind the end of its engine",
                            (long)found[i], ms);
                kill(found[i], SIGKILL);
                waitpid(found[i], NULL, 0);
            }
            return;
        }
        nap();
    }
}

static bool lock_is_free(const char *path, bool *there)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *there = fd >= 0;
    bool is_free = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_free;
}

void storm_check_lock(struct storm *storm, const char *jobs)
{
    char path[STORM_PATH_SIZE];
    const int64_t begun = storm_now_us();
    bool there;
    (void)snprintf(path, sizeof path, "%s/.foundry/lock", jobs);
    while (!lock_is_free(path, &there)) {
        int64_t ms = (storm_now_us() - begun) / 1000;
        if (ms > STORM_LOCK_MS) {
            storm_blame(storm, BLAME_LOCK,
                        "%s is locked %" PRId64 " ms behind the end of its engine", path, ms);
            return;
        }
        nap();
    }
    int64_t ms = (storm_now_us() - begun) / 1000;
    storm->lock_most_ms = ms > storm->lock_most_ms ? ms : storm->lock_most_ms;
}
