/* SPDX-License-Identifier: MIT */
/* The user's files: what in a job directory is an input, in byte order. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "run/inputs.h"

enum { INPUT_DEPTH_MAX = 32 };

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/** The names in a folder, sorted by byte; NULL-ended, malloc'ed, NULL if there are none. Takes
 * `fd`. Returns 0 or an errno value. */
static int names_read(int fd, char ***names_out)
{
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    char **names = NULL;
    size_t count = 0, capacity = 0;
    if (folder == NULL) {
        const int failed = errno;
        if (fd >= 0) {
            close(fd);
        }
        return failed;
    }
    errno = 0; /* tells the end from a failure */
    for (struct dirent *entry; (entry = readdir(folder)) != NULL; errno = 0) {
        if (entry->d_name[0] == '.') {
            continue; /* dotfiles, .foundry, . and .. */
        }
        if (count + 1 >= capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            names = fnd_realloc(names, capacity, sizeof *names);
        }
        names[count++] = fnd_strdup(entry->d_name);
        names[count] = NULL;
    }
    const int failed = errno;
    closedir(folder);
    if (count > 0) {
        qsort(names, count, sizeof *names, name_compare);
    }
    *names_out = names;
    return failed;
}

void fnd_input_identity(struct fnd_text *identity, const char *path)
{
    /* Names are bytes; an identity is text that a bijection makes of them: a byte that is no UTF-8
     * becomes \xNN and a backslash two, everything else stays. */
    size_t size = strlen(path);
    for (size_t i = 0; i < size;) {
        size_t length = 1;
        unsigned char lead = (unsigned char)path[i];
        if (lead >= 0xC0) {
            length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        }
        if (path[i] == '\\') {
            fnd_text_append_z(identity, "\\\\");
            i++;
        } else if (i + length <= size && fnd_utf8_valid(path + i, length)) {
            fnd_text_append(identity, path + i, length);
            i += length;
        } else {
            fnd_text_printf(identity, "\\x%02x", lead);
            i++;
        }
    }
}

static enum fnd_status folder_walk(const struct fnd_inputs *inputs, int parent, const char *name,
                                   struct fnd_text *path, size_t depth, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot look into folder %s",
                               path->size > 0 ? fnd_text_z(path) : "of the jobs");
    }
    char **names = NULL;
    const int failed = names_read(fcntl(fd, F_DUPFD_CLOEXEC, 0), &names); /* closes its own */
    if (failed != 0) { /* half a folder would pass for all of it */
        status = fnd_error_errno(error, fnd_status_errno(failed), failed, "cannot read folder %s",
                                 path->size > 0 ? fnd_text_z(path) : "of the jobs");
    }
    const size_t base = path->size;
    for (char **at = names; at != NULL && *at != NULL; at++) {
        struct stat file;
        if (status != FND_OK || fstatat(fd, *at, &file, AT_SYMLINK_NOFOLLOW) != 0) {
            free(*at);
            continue;
        }
        path->size = base;
        fnd_text_append_z(path, base > 0 ? "/" : "");
        fnd_text_append_z(path, *at);
        if (S_ISDIR(file.st_mode)) {
            if (!(depth == 0 && strcmp(*at, "out") == 0) && depth < INPUT_DEPTH_MAX) {
                status = folder_walk(inputs, fd, *at, path, depth + 1, error);
            }
        } else if (S_ISREG(file.st_mode)) {
            struct fnd_input input = {.path = fnd_text_z(path), .stat = file};
            status = inputs->file(inputs->context, &input, error);
        }
        free(*at);
    }
    free(names);
    path->size = base;
    path->bytes[base] = '\0';
    close(fd);
    return status;
}

enum fnd_status fnd_inputs_walk(const struct fnd_inputs *inputs, struct fnd_error *error)
{
    struct fnd_text path = {0};
    fnd_text_reserve(&path, 4096);
    enum fnd_status status = folder_walk(inputs, inputs->directory, ".", &path, 0, error);
    fnd_text_finish(&path);
    return status;
}
