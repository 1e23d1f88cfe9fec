/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_PATH */
#include "worker/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { DEPTH_MAX = 16, INODES_MAX = 1024, BLOCK_SIZE = 512, STAT_SIZE = 512 };

static uint64_t file_limit(const struct fnd_limits *limits)
{
    return limits->file_bytes == 0 ? UINT64_C(1) << 30 : limits->file_bytes;
}

/** Files of memory may hold as much as the address space may, or a file where that is unlimited. */
static uint64_t memory_limit(const struct fnd_limits *limits)
{
    return limits->memory_bytes == 0 ? file_limit(limits) : limits->memory_bytes;
}

/** Whether it is there already; else it is added. Two descriptors may be one file. */
static bool inode_known(ino_t *inodes, size_t *count, ino_t inode)
{
    for (size_t i = 0; i < *count; i++) {
        if (inodes[i] == inode) {
            return true;
        }
    }
    inodes[(*count)++] = inode;
    return false;
}

static void memory_look(pid_t pid, struct fnd_usage *usage)
{
    char path[64];
    ino_t inodes[INODES_MAX];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *list = opendir(path);
    if (list == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL && count < INODES_MAX;
         entry = readdir(list)) {
        struct stat about;
        if (entry->d_name[0] != '.' && fstatat(dirfd(list), entry->d_name, &about, 0) == 0 &&
            S_ISREG(about.st_mode) && about.st_nlink == 0 &&
            !inode_known(inodes, &count, about.st_ino)) {
            usage->memory_bytes += (uint64_t)about.st_blocks * BLOCK_SIZE;
        }
    }
    (void)closedir(list);
}

/** Takes fd. */
static void folder_look(int fd, int depth, const struct fnd_limits *limits, struct fnd_usage *usage)
{
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    for (const struct dirent *entry = readdir(list);
         entry != NULL && usage->files <= FND_WORKER_FILES_MAX &&
         usage->disk_bytes <= file_limit(limits);
         entry = readdir(list)) {
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(list), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        usage->files++;
        usage->disk_bytes += (uint64_t)about.st_blocks * BLOCK_SIZE;
        if (S_ISDIR(about.st_mode) && depth == DEPTH_MAX) {
            usage->deep = true;
        } else if (S_ISDIR(about.st_mode)) {
            folder_look(
                openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                depth + 1, limits, usage);
        }
    }
    (void)closedir(list);
}

/** The group of the process whose /proc/PID/stat this is, or -1. */
static long group_of(int proc, const char *pid)
{
    char path[64], text[STAT_SIZE];
    (void)snprintf(path, sizeof path, "%.16s/stat", pid);
    const int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (size <= 0) {
        return -1;
    }
    text[size] = '\0';
    const char *behind = strrchr(text, ')'); /* a name may hold brackets */
    long group = -1;
    return behind != NULL && sscanf(behind + 1, " %*c %*d %ld", &group) == 1 ? group : -1;
}

static void processes_look(pid_t group, struct fnd_usage *usage)
{
    DIR *list = opendir("/proc");
    if (list == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(list);
         entry != NULL && usage->processes <= FND_WORKER_PROCESSES_MAX; entry = readdir(list)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            group_of(dirfd(list), entry->d_name) == (long)group) {
            usage->processes++;
        }
    }
    (void)closedir(list);
}

void fnd_usage_look(pid_t pid, const char *work, bool processes, const struct fnd_limits *limits,
                    struct fnd_usage *usage)
{
    *usage = (struct fnd_usage){0};
    memory_look(pid, usage);
    if (work != NULL) {
        folder_look(open(work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 1, limits, usage);
    }
    if (processes) {
        processes_look(pid, usage);
    }
}

bool fnd_usage_over(const struct fnd_usage *usage, const struct fnd_limits *limits,
                    struct fnd_text *text)
{
    if (usage->memory_bytes > memory_limit(limits)) {
        fnd_text_printf(text,
                        "it held more memory in files without a name than its memory limit of "
                        "%" PRIu64 " MiB",
                        memory_limit(limits) >> 20);
    } else if (usage->disk_bytes > file_limit(limits)) {
        fnd_text_printf(text, "its files are more than %" PRIu64 " MiB together",
                        file_limit(limits) >> 20);
    } else if (usage->files > FND_WORKER_FILES_MAX || usage->deep) {
        fnd_text_printf(text, "it made more than %d files, or folders more than %d deep",
                        FND_WORKER_FILES_MAX, DEPTH_MAX);
    } else if (usage->processes > FND_WORKER_PROCESSES_MAX) {
        fnd_text_printf(text, "it started more than %d processes", FND_WORKER_PROCESSES_MAX);
    }
    return text->size > 0;
}
