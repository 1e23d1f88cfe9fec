/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "store/gc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"
#include "store/needed.h"
#include "store/reader_internal.h"

static const char known_sql[] = "SELECT 1 FROM artifact WHERE hash = ?1";

struct gc {
    struct fnd_store *store;
    bool dry;
    void (*found)(const char *file, uint64_t size, const char *why, void *context);
    void *context;
    struct fnd_gc *result;
    sqlite3_stmt *known;                /* an artifact that events name */
    uint8_t (*needed)[FND_DIGEST_SIZE]; /* plugin copies that stay */
    size_t needed_count;
    struct fnd_error *error;
    enum fnd_status status;
};

static void failed(struct gc *gc, int error_number, const char *verb, const char *name)
{
    gc->status = fnd_error_errno(gc->error, fnd_status_errno(error_number), error_number,
                                 "cannot %s %s/%s", verb, gc->store->path, name);
}

/* Tell of a file and remove it; `name` is below the job directory. */
static void take(struct gc *gc, const char *name, const char *why, int64_t *counted)
{
    struct stat about;
    int directory = gc->store->directory;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) {
        return;
    }
    if (!gc->dry && unlinkat(directory, name, 0) != 0 && errno != ENOENT) {
        failed(gc, errno, "remove", name);
        return;
    }
    (*counted)++;
    gc->result->size += (uint64_t)about.st_size;
    if (gc->found != NULL) {
        gc->found(name, (uint64_t)about.st_size, why, gc->context);
    }
}

/* Every name in a folder of the job directory; one that is not there has none. */
static void each_name(struct gc *gc, const char *folder,
                      void (*name)(struct gc *gc, const char *folder, const char *name))
{
    int fd = openat(gc->store->directory, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        if (errno != ENOENT) {
            failed(gc, errno, "list", folder);
        }
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL && gc->status == FND_OK;
         entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            name(gc, folder, entry->d_name);
        }
    }
    closedir(directory);
}

static bool is_temporary(const char *name)
{
    return strncmp(name, "tmp-", 4) == 0;
}

static void take_below(struct gc *gc, const char *folder, const char *name, const char *why,
                       int64_t *counted)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    take(gc, fnd_text_z(&path), why, counted);
    fnd_text_finish(&path);
}

static void look_shelved(struct gc *gc, const char *folder, const char *name)
{
    char hex[FND_DIGEST_TEXT_SIZE] = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    snprintf(hex, sizeof hex, "%.2s%.62s", strrchr(folder, '/') + 1, name);
    if (strlen(name) != 62 || !fnd_unhex(hex, 64, hash, sizeof hash)) {
        return; /* none of ours */
    }
    sqlite3_bind_blob(gc->known, 1, hash, sizeof hash, SQLITE_STATIC);
    int rc = sqlite3_step(gc->known);
    sqlite3_reset(gc->known);
    if (rc == SQLITE_DONE) {
        take_below(gc, folder, name, "no event names it", &gc->result->artifacts);
    } else if (rc != SQLITE_ROW) {
        gc->status = fnd_error_set(gc->error, FND_IO, "cannot ask %s's record for an artifact",
                                   gc->store->path);
    }
}

static void look_shelf(struct gc *gc, const char *folder, const char *name)
{
    uint8_t byte;
    if (is_temporary(name)) {
        take_below(gc, folder, name, "its writer died", &gc->result->temporaries);
    } else if (strlen(name) == 2 && fnd_unhex(name, 2, &byte, 1)) {
        char shelf[sizeof ".foundry/artifacts/ab"];
        snprintf(shelf, sizeof shelf, ".foundry/artifacts/%.2s", name);
        each_name(gc, shelf, look_shelved);
    }
}

static void look_plugin(struct gc *gc, const char *folder, const char *name)
{
    uint8_t hash[FND_DIGEST_SIZE];
    if (is_temporary(name)) {
        take_below(gc, folder, name, "its writer died", &gc->result->temporaries);
        return;
    }
    if (strlen(name) != 64 + 3 || strcmp(name + 64, ".so") != 0 ||
        !fnd_unhex(name, 64, hash, sizeof hash)) {
        return;
    }
    for (size_t i = 0; i < gc->needed_count; i++) {
        if (memcmp(gc->needed[i], hash, sizeof hash) == 0) {
            return;
        }
    }
    take_below(gc, folder, name, "no job ever stood under a pipeline that names it",
               &gc->result->plugins);
}

/* A file, or a folder with all that is in it: an export may be either. */
static void take_tree(struct gc *gc, const char *folder, const char *name)
{
    struct stat about;
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    const char *below = fnd_text_z(&path);
    if (fstatat(gc->store->directory, below, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(about.st_mode)) {
        each_name(gc, below, take_tree);
        if (gc->status == FND_OK && !gc->dry &&
            unlinkat(gc->store->directory, below, AT_REMOVEDIR) != 0 && errno != ENOENT) {
            failed(gc, errno, "remove", below);
        }
    } else {
        take(gc, below, "its writer died", &gc->result->temporaries);
    }
    fnd_text_finish(&path);
}

/* .foundry-PID-N.tmp of an export whose process has gone. */
static void look_result(struct gc *gc, const char *folder, const char *name)
{
    char *end = NULL;
    if (strncmp(name, ".foundry-", 9) != 0 || strstr(name, ".tmp") == NULL) {
        return;
    }
    long pid = strtol(name + 9, &end, 10);
    if (pid > 0 && *end == '-' && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
        take_tree(gc, folder, name);
    }
}

/* A copy under which a job once stood may have said values that a person has yet to correct: the
 * record of it would name a maker that is gone. */
static void note_needed(const struct fnd_needed *needed, void *context)
{
    struct gc *gc = context;
    if (needed->stood || needed->newest) {
        gc->needed = fnd_realloc(gc->needed, gc->needed_count + 1, sizeof *gc->needed);
        memcpy(gc->needed[gc->needed_count++], needed->hash, FND_DIGEST_SIZE);
    }
}

enum fnd_status fnd_store_gc(struct fnd_store *store, struct fnd_reader *reader, bool dry,
                             void (*found)(const char *file, uint64_t size, const char *why,
                                           void *context),
                             void *context, struct fnd_gc *result, struct fnd_error *error)
{
    struct gc gc = {.store = store,
                    .dry = dry,
                    .found = found,
                    .context = context,
                    .result = result,
                    .error = error};
    *result = (struct fnd_gc){0};
    int rc = sqlite3_prepare_v2(reader->db.handle, known_sql, -1, &gc.known, NULL);
    gc.status = rc == SQLITE_OK ? FND_OK : fnd_db_error(&reader->db, rc, "read", error);
    if (gc.status == FND_OK) {
        gc.status = fnd_needed_walk(reader, note_needed, NULL, &gc, error);
    }
    if (gc.status == FND_OK) {
        each_name(&gc, ".foundry/artifacts", look_shelf);
    }
    if (gc.status == FND_OK) {
        each_name(&gc, ".foundry/plugins", look_plugin);
    }
    if (gc.status == FND_OK) {
        each_name(&gc, "out", look_result);
    }
    sqlite3_finalize(gc.known);
    free(gc.needed);
    return gc.status;
}
