/* SPDX-License-Identifier: MIT */
#include "tools.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void stop(const char *what, const char *path)
{
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(2);
}

void text_write(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(text, 1, size, file) != size || fclose(file) != 0) {
        stop("cannot write", path);
    }
}

void folder_make(char *path, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, PATH_SIZE, format, arguments);
    va_end(arguments);
    if (mkdir(path, 0700) != 0) {
        stop("cannot make", path);
    }
}

void file_copy(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *file = fopen(from, "rb");
    if (file == NULL) {
        stop("cannot open", from);
    }
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    text_write(to, bytes, size);
}

static int file_remove(const char *path, const struct stat *file, int flag, struct FTW *walk)
{
    (void)file;
    (void)flag;
    (void)walk;
    return remove(path);
}

void tree_remove(const char *path)
{
    nftw(path, file_remove, 32, FTW_DEPTH | FTW_PHYS);
}

int program(char *const *arguments, int out, char *const *settings)
{
    const pid_t child = fork();
    if (child == 0) {
        if (out >= 0) {
            dup2(out, STDOUT_FILENO);
        }
        for (; settings != NULL && *settings != NULL; settings++) {
            putenv(*settings);
        }
        execv(arguments[0], arguments);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        stop("cannot run", arguments[0]);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void folder_begin(char path[64], const char *name)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(path, 64, "/dev/shm/foundry-%.12s-XXXXXX", name);
    if (mkdtemp(path) == NULL) {
        snprintf(path, 64, "%.32s/foundry-%.12s-XXXXXX", temporary != NULL ? temporary : "/tmp",
                 name);
        if (mkdtemp(path) == NULL) {
            stop("cannot make", path);
        }
    }
}

void settings_read(uint64_t *seed, size_t *percent)
{
    const char *seed_text = getenv("FOUNDRY_SEED");
    const char *percent_text = getenv("FOUNDRY_FLOOR");
    *seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 20260301;
    *percent = percent_text != NULL ? strtoul(percent_text, NULL, 10) : 10;
    unsetenv("FOUNDRY_SEED"); /* the engine would take its clock from it */
}
