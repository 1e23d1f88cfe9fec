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
#include "dataset/listing.h"

enum { DEPTH_MAX = 16 };

/** Names of a folder without "." and "..", sorted as the paths of what is in it are: a folder as if
 *  a slash were behind its name. */
struct names {
    struct name {
        char *text;
        bool folder;
    } * list;
    size_t count;
};

static void names_finish(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->list[i].text);
    }
    free(names->list);
}

static int name_order(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    size_t i = 0;
    while (left->text[i] != '\0' && left->text[i] == right->text[i]) {
        i++;
    }
    const char ends[2] = {left->folder ? '/' : '\0', right->folder ? '/' : '\0'};
    const unsigned char one = (unsigned char)(left->text[i] != '\0' ? left->text[i] : ends[0]);
    const unsigned char other = (unsigned char)(right->text[i] != '\0' ? right->text[i] : ends[1]);
    return (one > other) - (one < other);
}

/** Whether it is a folder itself, no link to one. Not every file system tells without being asked.
 */
static bool is_folder(int folder, const struct dirent *entry)
{
    struct stat info;
    return entry->d_type == DT_UNKNOWN
               ? fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                     S_ISDIR(info.st_mode)
               : entry->d_type == DT_DIR;
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
            names->list[names->count++] =
                (struct name){fnd_strdup(entry->d_name), is_folder(folder, entry)};
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
        fnd_text_printf(&walking->path, "%s%s", base > 0 ? "/" : "", names.list[i].text);
        failure = fstatat(folder, names.list[i].text, &info, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
        if (failure == 0 && S_ISDIR(info.st_mode)) {
            int fd =
                openat(folder, names.list[i].text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
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

/** Whether the manifest tells of a file. Paths come in the order of its list. */
static enum fnd_status listed(struct fnd_listing *listing, const char *path, bool *ours,
                              struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    while (status == FND_OK && listing->more && strcmp(fnd_text_z(&listing->path), path) < 0) {
        status = fnd_listing_next(listing, error);
    }
    *ours = listing->more && strcmp(fnd_text_z(&listing->path), path) == 0;
    return status;
}

static enum fnd_status is_ours(void *context, const char *path, bool regular,
                               struct fnd_error *error)
{
    const size_t size = strlen(path);
    bool ours = strcmp(path, FND_BUNDLE_MANIFEST) == 0 ||
                (strncmp(path, "labels/", 7) == 0 && strchr(path + 7, '/') == NULL && size > 6 &&
                 strcmp(path + size - 6, ".cache") == 0);
    enum fnd_status status = ours ? FND_OK : listed(context, path, &ours, error);
    return status != FND_OK || (regular && ours)
               ? status
               : fnd_error_set(error, FND_CONFLICT,
                               "%s in it is no file of an export; move it away, or export to "
                               "another name",
                               path);
}

enum fnd_status fnd_replaceable(int parent, const char *name, const char *told,
                                struct fnd_error *error)
{
    struct fnd_listing ours = {0};
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
    status = fnd_listing_open(fd, &ours, error);
    if (status != FND_OK && status != FND_NOT_FOUND) {
        fnd_error_prefix(error, FND_BUNDLE_MANIFEST);
    } else { /* without a manifest nothing in it is ours */
        status = fnd_folder_walk(fd, is_ours, &ours, error);
    }
    if (status != FND_OK) {
        fnd_error_prefix(error, "cannot replace the folder %s", told);
    }
    fnd_listing_finish(&ours);
    close(fd);
    return status;
}

static void remove_below(int folder, size_t depth)
{
    struct names names = {0};
    if (depth < DEPTH_MAX && names_read(folder, &names) == 0) {
        for (size_t i = 0; i < names.count; i++) {
            int fd =
                openat(folder, names.list[i].text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            if (fd >= 0) {
                remove_below(fd, depth + 1);
                close(fd);
            }
            unlinkat(folder, names.list[i].text, fd >= 0 ? AT_REMOVEDIR : 0);
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
