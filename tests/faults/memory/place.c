/* SPDX-License-Identifier: MIT */
/* Folders: made, copied, removed. */
#define _GNU_SOURCE /* nftw */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "memory: cannot %s %s: %s\n", what, path, strerror(errno));
    abort();
}

static void file_write(const char *place, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", place, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        give_up("write", path);
    }
}

static void file_copy(const char *from, const char *to)
{
    struct stat file;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, &file) != 0) {
        give_up("read", from);
    }
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file.st_mode & 0777);
    if (out < 0) {
        give_up("write", to);
    }
    char bytes[1 << 16];
    ssize_t got;
    while ((got = read(in, bytes, sizeof bytes)) > 0) {
        if (write(out, bytes, (size_t)got) != got) {
            give_up("write", to);
        }
    }
    /* An input whose time changed would be looked at again. */
    const struct timespec times[2] = {file.st_atim, file.st_mtim};
    if (futimens(out, times) != 0) {
        give_up("set the time of", to);
    }
    close(in);
    close(out);
}

void place_copy(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    if (mkdir(to, 0700) != 0 || folder == NULL) {
        give_up("copy to", to);
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char source[512], target[512];
        struct stat file;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (lstat(source, &file) != 0) {
            give_up("look at", source);
        }
        if (S_ISDIR(file.st_mode)) {
            place_copy(source, target);
        } else if (S_ISREG(file.st_mode)) {
            file_copy(source, target);
        }
    }
    closedir(folder);
}

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

void place_remove(const char *place)
{
    nftw(place, file_remove, 16, FTW_DEPTH | FTW_PHYS);
}

void place_make(const char *place, const char *build_root)
{
    char from[512], path[512];
    const char *const folders[] = {"", "/jobs", "/plugins", "/cache"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s%s", place, folders[i]);
        if (mkdir(path, 0700) != 0) {
            give_up("make", path);
        }
    }
    snprintf(from, sizeof from, "%s/tests/plugins/steps.so", build_root);
    snprintf(path, sizeof path, "%s/plugins/steps.so", place);
    file_copy(from, path);
    file_write(place, "jobs/a.txt", "first\n");
    file_write(place, "jobs/b.jsonl", "{\"id\":\"k\",\"name\":\"line\"}\n");
    file_write(place, "jobs/c.job.json", "{\"name\":\"whole\"}\n");
    file_write(place, "pipeline.yaml",
               "foundry: v1\nname: scenes\n"
               "params: {times: {type: integer, default: 3, min: 1}}\n"
               "defaults: {timeout: 60s, retry: {max: 2, backoff: 1ms}}\n"
               "phases:\n"
               "  - {id: read, uses: steps/copy, with: {value: \"${input.name}\"}}\n"
               "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
               "      schema: form.json\n      detectors: [{uses: steps/always}]\n"
               "  - {id: last, uses: steps/copy, with: {value: \"${review.value} x\"}}\n"
               "export: {plain: {format: gemini, prompt: \"Read it.\", of: review}}\n");
    file_write(place, "form.json",
               "{\"type\":\"object\",\"properties\":{\"value\":{\"type\":\"string\","
               "\"pattern\":\"^[a-z. ]*$\",\"maxLength\":99}}}\n");
    file_write(place, "bad.yaml",
               "foundry: v1\nname: Bad Name\nparams: {a: {type: nmber}}\nphases:\n"
               "  - {id: one, uses: steps/cpy, wiht: {value: 1}}\n"
               "  - {id: one, uses: nothing/there, with: {value: \"${two.x}\"}}\n"
               "  - {id: two, uses: foundry/human, with: {of: zero, audit: lots}}\n"
               "  - {id: three, uses: steps/flaky, with: {succeed_at: \"soon\"}}\n");
}
