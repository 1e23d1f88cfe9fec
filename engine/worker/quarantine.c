/* SPDX-License-Identifier: MIT */
#include "worker/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { WHY_SIZE_MAX = 4096, FOLDER_SIZE = sizeof "quarantine/", HEX = FND_DIGEST_TEXT_SIZE - 1 };

struct file {
    char name[FOLDER_SIZE + FND_DIGEST_TEXT_SIZE];
};

static struct file file_of(const char *hash)
{
    struct file file;
    (void)snprintf(file.name, sizeof file.name, "quarantine/%.64s", hash);
    return file;
}

static struct file file_of_hash(const uint8_t hash[FND_DIGEST_SIZE])
{
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(hash, hex);
    return file_of(hex);
}

bool fnd_quarantine_has(int folder, const uint8_t hash[FND_DIGEST_SIZE])
{
    const struct file file = file_of_hash(hash);
    return faccessat(folder, file.name, F_OK, 0) == 0;
}

/** The sentence of a file, without its end of line. */
static void why_read(int folder, const char *name, struct fnd_text *why)
{
    (void)fnd_file_read(folder, name, WHY_SIZE_MAX, why, NULL);
    if (why->size > 0 && why->bytes[why->size - 1] == '\n') {
        why->bytes[--why->size] = '\0';
    }
}

char *fnd_quarantine_why(int folder, const uint8_t hash[FND_DIGEST_SIZE])
{
    const struct file file = file_of_hash(hash);
    struct fnd_text why = {0};
    why_read(folder, file.name, &why);
    if (why.size == 0) {
        fnd_text_append_z(&why, "its workers died too often in a row");
    }
    return fnd_text_take(&why);
}

enum fnd_status fnd_quarantine_add(int folder, const uint8_t hash[FND_DIGEST_SIZE], const char *why,
                                   struct fnd_error *error)
{
    const struct file file = file_of_hash(hash);
    if (mkdirat(folder, "quarantine", 0700) != 0 && errno != EEXIST) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot make the folder quarantine");
    }
    struct fnd_text line = {0};
    fnd_text_printf(&line, "%s\n", why);
    const enum fnd_status status =
        fnd_file_write(folder, file.name, line.bytes, line.size, 0600, error);
    fnd_text_finish(&line);
    return status;
}

void fnd_quarantine_list(int folder, void (*each)(void *context, const char *hash, const char *why),
                         void *context)
{
    const int fd = openat(folder, "quarantine", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        uint8_t hash[FND_DIGEST_SIZE];
        if (strlen(entry->d_name) != HEX || !fnd_unhex(entry->d_name, HEX, hash, sizeof hash)) {
            continue;
        }
        struct fnd_text why = {0};
        (void)fnd_file_read(fd, entry->d_name, WHY_SIZE_MAX, &why, NULL);
        each(context, entry->d_name, fnd_text_z(&why));
        fnd_text_finish(&why);
    }
    (void)closedir(list);
}

struct search {
    const char *begins;
    char *full;
    size_t found;
    struct fnd_text all;
};

static void search_each(void *context, const char *hash, const char *why)
{
    (void)why;
    struct search *search = context;
    fnd_text_printf(&search->all, "%s%.16s", search->all.size > 0 ? ", " : "", hash);
    if (strncmp(hash, search->begins, strlen(search->begins)) == 0) {
        (void)snprintf(search->full, FND_DIGEST_TEXT_SIZE, "%s", hash);
        search->found++;
    }
}

enum fnd_status fnd_quarantine_release(int folder, const char *hash,
                                       char full[FND_DIGEST_TEXT_SIZE], struct fnd_error *error)
{
    struct search search = {.begins = hash, .full = full};
    enum fnd_status status = FND_OK;
    fnd_quarantine_list(folder, search_each, &search);
    if (search.found == 0) {
        status =
            fnd_error_set(error, FND_NOT_FOUND, "no plugin in quarantine begins with %s%s%s", hash,
                          search.all.size > 0 ? "; there are " : "; there is none at all",
                          fnd_text_z(&search.all));
    } else if (search.found > 1) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "%zu plugins in quarantine begin with %s: %s; say more of it",
                               search.found, hash, fnd_text_z(&search.all));
    } else {
        const struct file file = file_of(full);
        if (unlinkat(folder, file.name, 0) != 0 && errno != ENOENT) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot remove %s", file.name);
        }
    }
    fnd_text_finish(&search.all);
    return status;
}
