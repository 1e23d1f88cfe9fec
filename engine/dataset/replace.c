/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW, O_DIRECTORY */
#include "dataset/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/bundle.h"
#include "dataset/dataset.h"

enum { DEPTH_MAX = 16 };

/** Names of a folder, sorted by bytes, without "." and "..". */
struct names {
    char **list;
    size_t count;
};

static void names_finish(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->list[i]);
    }
    free(names->list);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(int folder, struct names *names)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    size_t capacity = 0;
    if (stream == NULL) {
        const int failure = errno;
        if (fd >= 0) {
            close(fd);
        }
        return failure;
    }
    errno = 0;
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            if (names->count == capacity) {
                capacity = capacity == 0 ? 64 : capacity * 2;
                names->list = fnd_realloc(names->list, capacity, sizeof *names->list);
            }
            names->list[names->count++] = fnd_strdup(entry->d_name);
        }
        errno = 0;
    }
    const int failure = errno;
    closedir(stream);
    if (names->count > 1) {
        qsort(names->list, names->count, sizeof *names->list, name_order);
    }
    return failure;
}

struct walking {
    enum fnd_status (*one)(void *context, const char *path, bool regular, struct fnd_error *error);
    void *context;
    struct fnd_text path;
};

static enum fnd_status walk(struct walking *walking, int folder, size_t depth,
                            struct fnd_error *error)
{
    struct names names = {0};
    const size_t base = walking->path.size;
    int failure = depth < DEPTH_MAX ? names_read(folder, &names) : ELOOP;
    enum fnd_status status = FND_OK;
    for (size_t i = 0; failure == 0 && status == FND_OK && i < names.count; i++) {
        struct stat info;
        fnd_text_printf(&walking->path, "%s%s", base > 0 ? "/" : "", names.list[i]);
        failure = fstatat(folder, names.list[i], &info, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
        if (failure == 0 && S_ISDIR(info.st_mode)) {
            int fd = openat(folder, names.list[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            failure = fd < 0 ? errno : 0;
            if (fd >= 0) {
                status = walk(walking, fd, depth + 1, error);
                close(fd);
            }
        } else if (failure == 0) {
            status = walking->one(walking->context, fnd_text_z(&walking->path),
                                  S_ISREG(info.st_mode), error);
        }
        if (failure == 0) {
            walking->path.size = base;
            walking->path.bytes[base] = '\0';
        }
    }
    names_finish(&names);
    return failure == 0 ? status
                        : fnd_error_errno(
                              error, fnd_status_errno(failure), failure, "cannot look through %s",
                              walking->path.size > 0 ? fnd_text_z(&walking->path) : "the folder");
}

enum fnd_status fnd_folder_walk(int folder,
                                enum fnd_status (*one)(void *context, const char *path,
                                                       bool regular, struct fnd_error *error),
                                void *context, struct fnd_error *error)
{
    struct walking walking = {.one = one, .context = context};
    enum fnd_status status = walk(&walking, folder, 0, error);
    fnd_text_finish(&walking.path);
    return status;
}

/* --- what may be replaced ------------------------------------------------------------------ */

struct ours {
    char **paths; /* sorted */
    size_t count;
};

static bool listed(const struct ours *ours, const char *path)
{
    return strcmp(path, FND_BUNDLE_MANIFEST) == 0 ||
           (ours->count > 0 &&
            bsearch(&path, ours->paths, ours->count, sizeof *ours->paths, name_order) != NULL);
}

static enum fnd_status is_ours(void *context, const char *path, bool regular,
                               struct fnd_error *error)
{
    const size_t size = strlen(path);
    const bool cache = strncmp(path, "labels/", 7) == 0 && strchr(path + 7, '/') == NULL &&
                       size > 6 && strcmp(path + size - 6, ".cache") == 0;
    return regular && (cache || listed(context, path))
               ? FND_OK
               : fnd_error_set(error, FND_CONFLICT,
                               "%s in it is no file of an export; move it away, or export to "
                               "another name",
                               path);
}

/** The files that the manifest in a folder lists; none where there is no manifest. */
static enum fnd_status ours_read(int folder, struct ours *ours, struct fnd_error *error)
{
    struct fnd_text text = {0};
    struct fnd_json json = {NULL, 0};
    enum fnd_status status =
        fnd_file_read(folder, FND_BUNDLE_MANIFEST, FND_DATASET_MANIFEST_SIZE_MAX, &text, error);
    if (status == FND_OK) {
        status = fnd_json_check(text.bytes, text.size, FND_BUNDLE_MANIFEST, &json, error);
    }
    struct fnd_json files =
        status == FND_OK ? fnd_json_member(json, "files") : (struct fnd_json){NULL, 0};
    if (status == FND_OK && fnd_json_type(files) == FND_JSON_ARRAY) {
        ours->paths = fnd_realloc(NULL, fnd_json_count(files) + 1, sizeof *ours->paths);
        for (struct fnd_json_walk item = fnd_json_walk(files); fnd_json_next(&item);) {
            char *path = fnd_json_strdup(fnd_json_find(item.value, "/0"));
            if (path != NULL) {
                ours->paths[ours->count++] = path;
            }
        }
        qsort(ours->paths, ours->count, sizeof *ours->paths, name_order);
    }
    fnd_text_finish(&text);
    return status == FND_NOT_FOUND ? FND_OK : status;
}

enum fnd_status fnd_replaceable(int parent, const char *name, const char *told,
                                struct fnd_error *error)
{
    struct ours ours = {0};
    struct stat info;
    enum fnd_status status = FND_OK;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? FND_OK
                               : fnd_error_errno(error, fnd_status_errno(errno), errno,
                                                 "cannot look at %s", told);
    }
    int fd = S_ISDIR(info.st_mode)
                 ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                 : -1;
    if (!S_ISDIR(info.st_mode)) {
        return fnd_error_set(error, FND_CONFLICT,
                             "cannot write the export to %s: it is no folder, and the format makes "
                             "one; move it away, or export to another name",
                             told);
    }
    if (fd < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s", told);
    }
    status = ours_read(fd, &ours, error);
    if (status == FND_OK) {
        status = fnd_folder_walk(fd, is_ours, &ours, error);
    }
    if (status != FND_OK) {
        fnd_error_prefix(error, "cannot replace the folder %s", told);
    }
    for (size_t i = 0; i < ours.count; i++) {
        free(ours.paths[i]);
    }
    free(ours.paths);
    close(fd);
    return status;
}

static void remove_below(int folder, size_t depth)
{
    struct names names = {0};
    if (depth < DEPTH_MAX && names_read(folder, &names) == 0) {
        for (size_t i = 0; i < names.count; i++) {
            int fd = openat(folder, names.list[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            if (fd >= 0) {
                remove_below(fd, depth + 1);
                close(fd);
            }
            unlinkat(folder, names.list[i], fd >= 0 ? AT_REMOVEDIR : 0);
        }
    }
    names_finish(&names);
}

void fnd_folder_remove(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        remove_below(fd, 0);
        close(fd);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
}
