/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* posix_spawn_file_actions_*_np, memfd_create, pipe2, pidfds, wait4 */
#include "worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "worker/confine.h"

enum {
    FD_SOURCE_MIN = 10, /* above all that the child puts in place, so that none is overwritten */
    NOISE_READ_SIZE = 64 << 10,
    NOISE_READS = 8,
    NOISE_TAIL_SIZE = 64 << 10,
    ENVIRONMENT_MAX = 11
};

/** What a worker is started with; each descriptor is >= FD_SOURCE_MIN or -1. */
struct parts {
    int null, noise[2], channel[2], plugin, page, write;
};

static void parts_close(struct parts *parts)
{
    int *const fds[] = {&parts->null,       &parts->noise[0], &parts->noise[1], &parts->channel[0],
                        &parts->channel[1], &parts->plugin,   &parts->page,     &parts->write};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (*fds[i] >= 0) {
            (void)close(*fds[i]);
            *fds[i] = -1;
        }
    }
}

/** Move a descriptor up; takes it. -1 if it is -1 or there is no room. */
static int up(int fd)
{
    if (fd < 0 || fd >= FD_SOURCE_MIN) {
        return fd;
    }
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_SOURCE_MIN);
    const int why = errno;
    (void)close(fd);
    errno = why;
    return moved;
}

/** A page that neither side can cut off under the other. */
static int page_open(void)
{
    const int fd = memfd_create("worker page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && (ftruncate(fd, FND_WORKER_PAGE_SIZE) != 0 ||
                    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static enum fnd_status parts_open(struct parts *parts, const struct fnd_start *start,
                                  struct fnd_error *error)
{
    const bool writes = start->confinement->write;
    *parts = (struct parts){-1, {-1, -1}, {-1, -1}, -1, -1, -1};
    parts->null = up(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (pipe2(parts->noise, O_CLOEXEC) == 0) {
        parts->noise[0] = up(parts->noise[0]);
        parts->noise[1] = up(parts->noise[1]);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, parts->channel) == 0) {
        parts->channel[0] = up(parts->channel[0]);
        parts->channel[1] = up(parts->channel[1]);
    }
    parts->plugin = fcntl(start->plugin, F_DUPFD_CLOEXEC, FD_SOURCE_MIN);
    parts->write = writes ? fcntl(start->write, F_DUPFD_CLOEXEC, FD_SOURCE_MIN) : -1;
    parts->page = up(page_open());
    if (parts->null < 0 || parts->noise[0] < 0 || parts->noise[1] < 0 || parts->channel[0] < 0 ||
        parts->channel[1] < 0 || parts->plugin < 0 || parts->page < 0 ||
        (writes && parts->write < 0) || fcntl(parts->noise[0], F_SETFL, O_NONBLOCK) != 0) {
        const int why = errno;
        parts_close(parts);
        return fnd_error_errno(error, FND_IO, why, "cannot start a worker: no descriptors for it");
    }
    return FND_OK;
}

/** Replace the child's signals and descriptors. */
static int spawn(const char *program, char *const *argv, char *const *environment,
                 const struct parts *parts, pid_t *pid)
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
    const int from[] = {parts->null,   parts->noise[1], parts->noise[1], parts->channel[1],
                        parts->plugin, parts->page,     parts->write};
    for (int to = 0; failure == 0 && to < (int)(sizeof from / sizeof from[0]); to++) {
        if (from[to] >= 0) {
            failure = posix_spawn_file_actions_adddup2(&actions, from[to], to);
        }
    }
    if (failure == 0) {
        failure = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    if (failure == 0) {
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        failure = posix_spawn(pid, program, &actions, &attributes, argv, environment);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/** "NAME=value" texts, ended by NULL. Sanitizers' options pass only where the engine has them; the
 *  search for leaks needs a process that looks at another, which the sandbox shuts out. */
static void environment_fill(char **environment, enum fnd_isolation isolation)
{
    static const char *const passed[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                                         "TSAN_OPTIONS", "MSAN_OPTIONS"};
    size_t count = 0;
    environment[count++] = fnd_strdup("LANG=C.UTF-8");
    environment[count++] = fnd_strdup("OMP_THREAD_LIMIT=1");
    environment[count++] = fnd_strdup("OPENBLAS_NUM_THREADS=1");
    for (size_t i = 0; FND_SANITIZED != 0 && i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = getenv(passed[i]);
        const bool first = i == 0 && isolation >= FND_ISOLATION_SANDBOX;
        if (value != NULL || first) {
            struct fnd_text text = {0};
            fnd_text_printf(&text, "%s=%s%s", passed[i], value == NULL ? "" : value,
                            first ? ":detect_leaks=0" : "");
            environment[count++] = fnd_text_take(&text);
        }
    }
    environment[count] = NULL;
}

static void texts_free(char **texts)
{
    for (; *texts != NULL; texts++) {
        free(*texts);
    }
}

enum fnd_status fnd_process_start(const struct fnd_start *start, struct fnd_process *process,
                                  struct fnd_error *error)
{
    struct parts parts;
    enum fnd_status status = parts_open(&parts, start, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_process made = {.pid = -1, .pidfd = -1, .noise = -1, .page = NULL};
    made.channel.fd = -1;
    const char *program = start->program, *path = start->path;
    struct fnd_confinement confinement = *start->confinement;
    confinement.parent = getpid();
    confinement.limits.result_bytes = fnd_limits_result(&confinement.limits);
    char *argv[3 + FND_ARGUMENTS_MAX] = {fnd_strdup(program), fnd_strdup(start->mode),
                                         fnd_strdup(path)};
    fnd_confinement_write(&confinement, argv + 3);
    char *environment[ENVIRONMENT_MAX] = {NULL};
    environment_fill(environment, confinement.isolation);
    FND_CRASH_POINT("worker.start.before");
    void *page =
        mmap(NULL, FND_WORKER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, parts.page, 0);
    const int failure =
        page == MAP_FAILED ? errno : spawn(program, argv, environment, &parts, &made.pid);
    FND_CRASH_POINT("worker.start.after");
    if (failure != 0) {
        if (page != MAP_FAILED) {
            (void)munmap(page, FND_WORKER_PAGE_SIZE);
        }
        /* Short of memory or processes the machine may be for a moment; a program that is not there
         * stays so. */
        status = failure == ENOENT || failure == EACCES || failure == ENOEXEC ? FND_PLUGIN : FND_IO;
        (void)fnd_error_errno(error, status, failure, "cannot start %s", program);
        goto out;
    }
    made.page = page;
    made.pidfd = (int)syscall(SYS_pidfd_open, made.pid, 0);
    made.noise = parts.noise[0];
    fnd_channel_init(&made.channel, parts.channel[0], false);
    parts.noise[0] = parts.channel[0] = -1;
    if (made.pidfd < 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot watch the worker of %s", path);
        (void)fnd_process_reap(&made);
        fnd_process_finish(&made);
        goto out;
    }
    (void)fcntl(made.pidfd, F_SETFD, FD_CLOEXEC);
    *process = made;
out:
    texts_free(environment);
    texts_free(argv);
    parts_close(&parts);
    return status;
}

void fnd_process_kill(const struct fnd_process *process, int signal)
{
    if (process->pid > 0) {
        (void)kill(-process->pid, signal);
    }
}

struct fnd_process_end fnd_process_reap(struct fnd_process *process)
{
    struct fnd_process_end end = {.code = -1};
    if (process->pid <= 0) {
        return end;
    }
    /* While the leader is not reaped its number, and the group's, cannot be anybody else's. */
    fnd_process_kill(process, SIGKILL);
    int status = 0;
    struct rusage usage = {0};
    while (wait4(process->pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    process->pid = -1;
    if (WIFSIGNALED(status)) {
        end.signal = WTERMSIG(status);
    } else {
        end.code = WEXITSTATUS(status);
    }
    end.memory_bytes = (uint64_t)usage.ru_maxrss * 1024;
    return end;
}

void fnd_process_finish(struct fnd_process *process)
{
    fnd_channel_finish(&process->channel);
    if (process->noise >= 0) {
        (void)close(process->noise);
    }
    if (process->pidfd >= 0) {
        (void)close(process->pidfd);
    }
    if (process->page != NULL) {
        (void)munmap(process->page, FND_WORKER_PAGE_SIZE);
    }
    process->noise = process->pidfd = -1;
    process->page = NULL;
}

size_t fnd_limits_result(const struct fnd_limits *limits)
{
    const uint64_t wanted =
        limits->result_bytes == 0 ? FND_WORKER_RESULT_SIZE_MAX : limits->result_bytes;
    return wanted < FND_FRAME_BIG_MAX ? (size_t)wanted : FND_FRAME_BIG_MAX;
}

void fnd_process_end_text(const struct fnd_process_end *end, const struct fnd_limits *limits,
                          struct fnd_text *text)
{
    if (end->signal != 0) {
        const char *name = sigabbrev_np(end->signal);
        fnd_text_printf(text, "signal %d (SIG%s)", end->signal, name == NULL ? "?" : name);
        if (end->signal == SIGXFSZ && limits != NULL && limits->file_bytes != 0) {
            fnd_text_printf(text, ": it wrote a file of more than %" PRIu64 " MiB",
                            limits->file_bytes >> 20);
        }
    } else {
        fnd_text_printf(text, "exited (%d) without a result", end->code);
    }
    if (limits != NULL && limits->memory_bytes != 0 && FND_SANITIZED == 0 &&
        end->memory_bytes >= limits->memory_bytes - limits->memory_bytes / 5) {
        fnd_text_printf(text,
                        ", near its memory limit of %" PRIu64 " MiB (it held %" PRIu64 " MiB)",
                        limits->memory_bytes >> 20, end->memory_bytes >> 20);
    }
}

static char *beside(const char *name)
{
    char self[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0) {
        return NULL;
    }
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", self, name);
    return fnd_text_take(&path);
}

char *fnd_worker_program(const char *given, struct fnd_error *error)
{
    if (given != NULL) {
        return fnd_strdup(given);
    }
    const char *named = getenv("FOUNDRY_WORKER");
    char *const places[] = {beside("foundry-worker"), beside("engine/worker/foundry-worker"),
                            fnd_strdup(FND_LIBEXEC_DIR "/foundry-worker"),
                            named == NULL || named[0] == '\0' ? NULL : fnd_strdup(named)};
    char *found = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (found == NULL && places[i] != NULL && access(places[i], X_OK) == 0) {
            found = fnd_strdup(places[i]);
        }
    }
    if (found == NULL) {
        (void)fnd_error_set(error, FND_PLUGIN,
                            "cannot find foundry-worker: neither %s nor %s nor %s can be run; "
                            "install it there or name it in $FOUNDRY_WORKER",
                            places[0] == NULL ? "beside the program" : places[0],
                            places[1] == NULL ? "in its build tree" : places[1], places[2]);
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        free(places[i]);
    }
    return found;
}

bool fnd_noise_read(struct fnd_noise *noise, int fd)
{
    char bytes[NOISE_READ_SIZE];
    for (int i = 0; i < NOISE_READS; i++) {
        const ssize_t size = read(fd, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return errno == EAGAIN;
        }
        if (size == 0) {
            return false;
        }
        noise->total += (uint64_t)size;
        if (noise->text.size + (size_t)size > FND_WORKER_OUTPUT_SIZE_MAX) {
            const size_t kept = noise->text.size / 2; /* the end tells why a worker died */
            memmove(noise->text.bytes, noise->text.bytes + noise->text.size - kept, kept);
            noise->text.size = kept;
        }
        fnd_text_append(&noise->text, bytes, (size_t)size);
    }
    return true;
}

void fnd_noise_tail(const struct fnd_noise *noise, uint64_t since, struct fnd_text *tail)
{
    const uint64_t came = noise->total - since;
    size_t shown = noise->text.size < came ? noise->text.size : (size_t)came;
    shown = shown < NOISE_TAIL_SIZE ? shown : NOISE_TAIL_SIZE;
    if (shown < came) {
        fnd_text_printf(tail, "[%" PRIu64 " bytes left out]\n", came - shown);
    }
    if (shown > 0) {
        fnd_text_append(tail, noise->text.bytes + noise->text.size - shown, shown);
    }
}

void fnd_noise_finish(struct fnd_noise *noise)
{
    fnd_text_finish(&noise->text);
}
