/* SPDX-License-Identifier: MIT */
/* Programs that are run to their end, and folders that are copied for them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "trial.h"

enum { ENVIRONMENT_MAX = 24, OUTPUT_MAX = 16 << 20, COPY_SIZE = 1 << 16 };

static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

/* --- files --------------------------------------------------------------------------------- */

void file_write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        give_up(path);
    }
}

bool file_read_text(const char *path, struct fnd_text *text)
{
    return fnd_file_read(AT_FDCWD, path, OUTPUT_MAX, text, NULL) == FND_OK;
}

static void file_copy(int from_folder, int to_folder, const char *name, mode_t mode)
{
    char bytes[COPY_SIZE];
    int from = openat(from_folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    ssize_t size = from < 0 || to < 0 ? -1 : 1;
    while (size > 0) {
        size = read(from, bytes, sizeof bytes);
        if (size > 0 && fnd_write_all(to, bytes, (size_t)size) != 0) {
            size = -1;
        }
    }
    if (size < 0 || fchmod(to, mode) != 0) {
        give_up(name);
    }
    close(from);
    close(to);
}

static void copy_below(int from, int to)
{
    DIR *list = fdopendir(from);
    if (list == NULL) {
        give_up("fdopendir");
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (fstatat(from, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
            give_up(entry->d_name);
        }
        if (S_ISREG(about.st_mode)) {
            file_copy(from, to, entry->d_name, about.st_mode & 0777);
        } else if (S_ISDIR(about.st_mode)) {
            if (mkdirat(to, entry->d_name, about.st_mode & 0777) != 0) {
                give_up(entry->d_name);
            }
            int inner = openat(to, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            copy_below(openat(from, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), inner);
            close(inner);
        }
    }
    closedir(list);
}

void folder_copy(const char *from, const char *to)
{
    int there = mkdir(to, 0700) == 0 ? open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int here = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (there < 0 || here < 0) {
        give_up(to);
    }
    copy_below(here, there);
    close(there);
}

static int remove_one(const char *path, const struct stat *about, int flag, struct FTW *walk)
{
    (void)about;
    (void)flag;
    (void)walk;
    return remove(path);
}

void folder_remove(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        give_up(path);
    }
}

/* --- programs ------------------------------------------------------------------------------ */

static char *setting(const char *name, const char *value)
{
    struct fnd_text text = {0};
    fnd_text_printf(&text, "%s=%s", name, value);
    return fnd_text_take(&text);
}

/** The environment of a command: nothing of ours but what it needs, so that a run can be
 *  repeated. */
static void environment_fill(const struct bench *bench, const char *const *settings,
                             char *environment[ENVIRONMENT_MAX])
{
    static const char *const passed[] = {"PATH",           "HOME",         "TMPDIR",
                                         "FOUNDRY_WORKER", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                         "LSAN_OPTIONS"};
    char cache[PATH_MAX_SIZE + 16];
    size_t count = 0;
    (void)snprintf(cache, sizeof cache, "%s/cache", bench->folder);
    environment[count++] = setting("LC_ALL", "C.UTF-8");
    environment[count++] = setting("XDG_CACHE_HOME", cache);
    environment[count++] = setting("FOUNDRY_PLUGIN_PATH", bench->plugin_path);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        if (getenv(passed[i]) != NULL) {
            environment[count++] = setting(passed[i], getenv(passed[i]));
        }
    }
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
        environment[count++] = fnd_strdup(settings[i]);
    }
    environment[count] = NULL;
}

/** Wait for the end, and no longer than anybody would. */
static bool wait_for(pid_t pid, int *status)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {pidfd, POLLIN, 0};
    const int64_t last_us = storm_now_us() + DEADLINE_MS * INT64_C(1000);
    bool late = false;
    if (pidfd < 0) {
        give_up("pidfd_open");
    }
    while (poll(&end, 1, DEADLINE_MS) <= 0 && !late) {
        late = storm_now_us() > last_us;
    }
    if (late) {
        kill(pid, SIGKILL);
    }
    if (waitpid(pid, status, 0) != pid) {
        give_up("waitpid");
    }
    close(pidfd);
    while (waitpid(-1, NULL, WNOHANG) > 0) { /* workers whose engine was killed are ours */
    }
    return late;
}

static void spawn(const char *program, const char *const *arguments, char **environment,
                  const char *out, const char *err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    char *argv[ARGUMENTS_MAX + 2] = {fnd_strdup(program)};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        argv[i + 1] = fnd_strdup(arguments[i]);
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    errno = posix_spawn(pid, program, &actions, NULL, argv, environment);
    if (errno != 0) {
        give_up(program);
    }
    posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; argv[i] != NULL; i++) {
        free(argv[i]);
    }
}

void command_run(struct bench *bench, const char *program, const char *const *arguments,
                 const char *const *settings, struct ended *ended)
{
    char *environment[ENVIRONMENT_MAX];
    char out[PATH_MAX_SIZE + 16], err[PATH_MAX_SIZE + 16];
    pid_t pid;
    (void)snprintf(out, sizeof out, "%s/out.txt", bench->folder);
    (void)snprintf(err, sizeof err, "%s/err.txt", bench->folder);
    environment_fill(bench, settings, environment);
    const int64_t begun_us = storm_now_us();
    spawn(program, arguments, environment, out, err, &pid);
    *ended = (struct ended){0};
    ended->late = wait_for(pid, &ended->status);
    const int64_t ms = (storm_now_us() - begun_us) / 1000;
    bench->longest_ms = ms > bench->longest_ms ? ms : bench->longest_ms;
    bench->commands++;
    if (!file_read_text(out, &ended->out) || !file_read_text(err, &ended->err)) {
        give_up(out);
    }
    for (size_t i = 0; environment[i] != NULL; i++) {
        free(environment[i]);
    }
}

void ended_finish(struct ended *ended)
{
    fnd_text_finish(&ended->out);
    fnd_text_finish(&ended->err);
}
