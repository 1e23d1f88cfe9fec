/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "command/demo.h"
#include "command/session.h"

enum { SAMPLE_SIZE_MAX = 16 << 20 };

char *demo_folder(const struct demo_case *chosen)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/pipelines/%s", fnd_in_build_tree() ? FND_SOURCE_ROOT : FND_DATA_DIR,
                    chosen->pipeline);
    return fnd_text_take(&path);
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    bool empty = folder != NULL;
    for (struct dirent *entry; empty && (entry = readdir(folder)) != NULL;) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return empty;
}

enum fnd_status demo_directory(const char *named, char **directory, struct fnd_error *error)
{
    if (named != NULL) {
        if (mkdir(named, 0777) < 0 && errno != EEXIST) {
            return fnd_error_errno(error, fnd_status_errno(errno), errno,
                                   "cannot make the folder %s", named);
        }
        if (!is_empty(named)) {
            return fnd_error_set(error, FND_CONFLICT,
                                 "%s is no empty folder: name another one, or none", named);
        }
        *directory = fnd_strdup(named);
        return FND_OK;
    }
    const char *temporary = getenv("TMPDIR");
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/foundry-demo.XXXXXX",
                    temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
    *directory = fnd_text_take(&path);
    if (mkdtemp(*directory) == NULL) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make a folder %s",
                               *directory);
    }
    return FND_OK;
}

static bool is_picture(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum fnd_status copy(int from, int to, const char *name, struct fnd_error *error)
{
    struct fnd_text bytes = {0};
    /* An old date: the engine waits for files that were just written to. */
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 0}};
    enum fnd_status status = fnd_file_read(from, name, SAMPLE_SIZE_MAX, &bytes, error);
    if (status == FND_OK) {
        status = fnd_file_write(to, name, fnd_text_z(&bytes), bytes.size, 0666, error);
    }
    if (status == FND_OK && utimensat(to, name, times, 0) < 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot set the date of %s", name);
    }
    fnd_text_finish(&bytes);
    return status;
}

enum fnd_status demo_samples(const char *folder, const char *directory, size_t *count,
                             struct fnd_error *error)
{
    struct fnd_text samples = {0};
    fnd_text_printf(&samples, "%s/samples", folder);
    DIR *from = opendir(fnd_text_z(&samples));
    int to = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum fnd_status status = FND_OK;
    if (from == NULL) {
        status = fnd_error_errno(error, FND_NOT_FOUND, errno,
                                 "cannot open the samples %s: is Foundry installed whole?",
                                 fnd_text_z(&samples));
    } else if (to < 0) {
        status =
            fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s", directory);
    }
    *count = 0;
    for (struct dirent *entry;
         from != NULL && status == FND_OK && (entry = readdir(from)) != NULL;) {
        if (is_picture(entry->d_name)) {
            status = copy(dirfd(from), to, entry->d_name, error);
            *count += 1;
        }
    }
    if (status == FND_OK && *count == 0) {
        status = fnd_error_set(error, FND_NOT_FOUND, "there are no pictures in %s",
                               fnd_text_z(&samples));
    }
    if (from != NULL) {
        closedir(from);
    }
    if (to >= 0) {
        close(to);
    }
    fnd_text_finish(&samples);
    return status;
}
