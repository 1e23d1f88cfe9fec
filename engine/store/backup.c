/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/head.h"
#include "store/reader_internal.h"
#include "store/verify.h"

enum { CHUNK_SIZE = 64 * 1024 };

/* The copy while it has no name yet. */
struct copy {
    struct fnd_reader *reader;
    const char *target;
    char *path;         /* beside the target: its folder so far */
    int parent, folder; /* of the target; the copy's .foundry */
    struct fnd_db db;   /* the copied record */
    struct fnd_backup *result;
};

static enum fnd_status failed(int error_number, const char *verb, const struct copy *copy,
                              const char *name, struct fnd_error *error)
{
    return fnd_error_errno(error, fnd_status_errno(error_number), error_number,
                           "cannot %s %s of the backup %s; nothing of it was kept", verb, name,
                           copy->target);
}

/* --- folders ------------------------------------------------------------------------------- */

static enum fnd_status folder_make(const struct copy *copy, int at, const char *name,
                                   struct fnd_error *error)
{
    return mkdirat(at, name, 0700) == 0 || errno == EEXIST
               ? FND_OK
               : failed(errno, "make the folder", copy, name, error);
}

static enum fnd_status copy_begin(struct copy *copy, struct fnd_error *error)
{
    struct fnd_text path = {0};
    struct stat found;
    const char *slash = strrchr(copy->target, '/');
    char *parent = slash == NULL ? fnd_strdup(".")
                   : slash == copy->target
                       ? fnd_strdup("/")
                       : fnd_strndup(copy->target, (size_t)(slash - copy->target));
    enum fnd_status status = FND_OK;
    if (lstat(copy->target, &found) == 0) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "cannot back up to %s: it is there already; name a folder that is "
                               "not",
                               copy->target);
        goto out;
    }
    copy->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy->parent < 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot back up to %s: cannot open its folder", copy->target);
        goto out;
    }
    fnd_text_printf(&path, "%s/.foundry-%ld.backup", parent, (long)getpid());
    copy->path = fnd_text_take(&path);
    fnd_text_printf(&path, "%s/.foundry", copy->path);
    if (mkdir(copy->path, 0700) != 0 || mkdir(fnd_text_z(&path), 0700) != 0 ||
        (copy->folder = open(fnd_text_z(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        status = failed(errno, "make the folder", copy, copy->path, error);
    }
out:
    fnd_text_finish(&path);
    free(parent);
    return status;
}

static enum fnd_status folder_sync(const struct copy *copy, int at, const char *name,
                                   struct fnd_error *error)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    enum fnd_status status =
        fd >= 0 && fsync(fd) == 0 ? FND_OK : failed(errno, "sync", copy, name, error);
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* --- the record ---------------------------------------------------------------------------- */

/* SQLite copies the pages of one snapshot; a writer is not waited for. */
static enum fnd_status copy_pages(struct copy *copy, struct fnd_error *error)
{
    int fd = openat(copy->folder, "state.db", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(errno, "make", copy, "state.db", error);
    }
    close(fd); /* nobody has it open yet */
    enum fnd_status status =
        fnd_db_open(&copy->db, copy->folder, copy->path, SQLITE_OPEN_READWRITE, error);
    if (status == FND_OK) {
        status = fnd_db_exec(&copy->db, "PRAGMA synchronous=FULL", "configure the copy", error);
    }
    if (status != FND_OK) {
        return status;
    }
    sqlite3_backup *pages =
        sqlite3_backup_init(copy->db.handle, "main", copy->reader->db.handle, "main");
    int rc = pages != NULL ? sqlite3_backup_step(pages, -1) : sqlite3_errcode(copy->db.handle);
    int finished = sqlite3_backup_finish(pages);
    rc = rc == SQLITE_DONE ? finished : rc;
    return rc == SQLITE_OK ? FND_OK : fnd_db_error(&copy->db, rc, "copy the record", error);
}

/* The copy has a witness of its own: the record it holds ends where it ends. */
static enum fnd_status make_head(struct copy *copy, struct fnd_error *error)
{
    struct fnd_mark end = {0};
    struct fnd_head *head = NULL;
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(
        copy->db.handle, "SELECT id, chain FROM event ORDER BY id DESC LIMIT 1", -1, &row, NULL);
    rc = rc == SQLITE_OK ? sqlite3_step(row) : rc;
    if (rc != SQLITE_ROW || sqlite3_column_bytes(row, 1) != FND_DIGEST_SIZE) {
        enum fnd_status status =
            fnd_db_error(&copy->db, rc == SQLITE_ROW ? SQLITE_CORRUPT : rc, "read the end", error);
        sqlite3_finalize(row);
        return status;
    }
    end.sequence = sqlite3_column_int64(row, 0);
    memcpy(end.chain, sqlite3_column_blob(row, 1), FND_DIGEST_SIZE);
    copy->result->events = end.sequence;
    sqlite3_finalize(row);
    enum fnd_status status = fnd_head_open(copy->folder, copy->path, NULL, &head, error);
    if (status == FND_OK) {
        status = fnd_head_reset(head, &end, error);
    }
    fnd_head_close(head);
    return status;
}

/* --- files --------------------------------------------------------------------------------- */

/* Copy a file and sync it; its bytes are checked by verify, behind all the others. */
static enum fnd_status copy_bytes(struct copy *copy, int from, const char *name, mode_t mode,
                                  struct fnd_error *error)
{
    int to = openat(copy->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (to < 0) {
        return failed(errno, "make", copy, name, error);
    }
    char *chunk = fnd_alloc(CHUNK_SIZE);
    enum fnd_status status = FND_OK;
    for (;;) {
        ssize_t size = read(from, chunk, CHUNK_SIZE);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            status = size < 0 ? failed(errno, "read", copy, name, error) : FND_OK;
            break;
        }
        copy->result->size += (uint64_t)size;
        int rc = fnd_write_all(to, chunk, (size_t)size);
        if (rc != 0) {
            status = failed(rc, "write", copy, name, error);
            break;
        }
    }
    if (status == FND_OK && fsync(to) != 0) {
        status = failed(errno, "sync", copy, name, error);
    }
    free(chunk);
    close(to);
    return status;
}

static enum fnd_status copy_artifact(struct copy *copy, const struct fnd_artifact *artifact,
                                     struct fnd_error *error)
{
    char path[FND_ARTIFACT_PATH_SIZE], shelf[sizeof "artifacts/ab"];
    int from = -1;
    fnd_artifact_path(artifact->hash, path);
    snprintf(shelf, sizeof shelf, "%.12s", path);
    enum fnd_status status = folder_make(copy, copy->folder, shelf, error);
    if (status == FND_OK) {
        status = fnd_artifact_open(copy->reader->folder, artifact, &from, error);
    }
    if (status == FND_OK) {
        status = copy_bytes(copy, from, path, 0600, error);
        close(from);
    }
    if (status == FND_OK) {
        status = folder_sync(copy, copy->folder, shelf, error);
    }
    copy->result->artifacts += status == FND_OK;
    return status;
}

/* What the copied record names: an artifact is there before an event names it, and stays. */
static enum fnd_status copy_artifacts(struct copy *copy, struct fnd_error *error)
{
    sqlite3_stmt *row = NULL;
    enum fnd_status status = folder_make(copy, copy->folder, "artifacts", error);
    int rc = sqlite3_prepare_v2(copy->db.handle, "SELECT hash, size FROM artifact", -1, &row, NULL);
    while (rc == SQLITE_OK && status == FND_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct fnd_artifact artifact = {.size = (uint64_t)sqlite3_column_int64(row, 1)};
        if (sqlite3_column_bytes(row, 0) != FND_DIGEST_SIZE) {
            rc = SQLITE_CORRUPT;
            break;
        }
        memcpy(artifact.hash, sqlite3_column_blob(row, 0), FND_DIGEST_SIZE);
        status = copy_artifact(copy, &artifact, error);
        rc = SQLITE_OK;
    }
    if (status == FND_OK && rc != SQLITE_DONE) {
        status = fnd_db_error(&copy->db, rc, "read the artifacts", error);
    }
    sqlite3_finalize(row);
    return status == FND_OK ? folder_sync(copy, copy->folder, "artifacts", error) : status;
}

/* Every copy there is: which of them jobs may need again is not for a backup to say. */
static enum fnd_status copy_plugins(struct copy *copy, struct fnd_error *error)
{
    enum fnd_status status = folder_make(copy, copy->folder, "plugins", error);
    int fd =
        openat(copy->reader->folder, "plugins", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL && errno != ENOENT && status == FND_OK) {
        status = failed(errno, "list", copy, "plugins", error);
    }
    for (const struct dirent *entry = directory != NULL ? readdir(directory) : NULL;
         entry != NULL && status == FND_OK; entry = readdir(directory)) {
        char name[sizeof "plugins/" + sizeof entry->d_name];
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, "tmp-", 4) == 0) {
            continue;
        }
        int from = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        snprintf(name, sizeof name, "plugins/%s", entry->d_name);
        if (from < 0) {
            status = failed(errno, "read", copy, name, error);
            break;
        }
        status = copy_bytes(copy, from, name, 0444, error);
        copy->result->plugins += status == FND_OK;
        close(from);
    }
    if (directory != NULL) {
        closedir(directory);
    } else if (fd >= 0) {
        close(fd);
    }
    return status == FND_OK ? folder_sync(copy, copy->folder, "plugins", error) : status;
}

/* --- the end ------------------------------------------------------------------------------- */

static void first_flaw(const char *sentence, void *context)
{
    char *text = context;
    if (text[0] == '\0') {
        snprintf(text, FND_ERROR_MESSAGE_SIZE, "%s", sentence);
    }
}

static enum fnd_status check_copy(struct copy *copy, struct fnd_error *error)
{
    char text[FND_ERROR_MESSAGE_SIZE] = "";
    struct fnd_reader *reader = NULL;
    struct fnd_verify verify;
    enum fnd_status status = fnd_reader_open(copy->path, &reader, error);
    if (status == FND_OK) {
        status = fnd_store_verify(reader, &verify, first_flaw, text, error);
    }
    fnd_reader_close(reader);
    if (status == FND_OK && verify.flaws > 0) {
        fnd_error_set(error, FND_DAMAGED,
                      "the backup %s would not be whole, nothing of it was kept: %s", copy->target,
                      text);
        fnd_error_code(error, "backup_not_whole");
        return FND_DAMAGED;
    }
    return status;
}

static enum fnd_status give_name(struct copy *copy, struct fnd_error *error)
{
    /* What the check's reading connection left: empty, and made anew by the next one. */
    unlinkat(copy->folder, "state.db-shm", 0);
    unlinkat(copy->folder, "state.db-wal", 0);
    struct stat record;
    if (fstatat(copy->folder, "state.db", &record, AT_SYMLINK_NOFOLLOW) == 0) {
        copy->result->size += (uint64_t)record.st_size;
    }
    if (fsync(copy->folder) != 0) {
        return failed(errno, "sync", copy, ".foundry", error);
    }
    enum fnd_status status = folder_sync(copy, AT_FDCWD, copy->path, error);
    if (status != FND_OK) {
        return status;
    }
    if (renameat2(AT_FDCWD, copy->path, AT_FDCWD, copy->target, RENAME_NOREPLACE) != 0) {
        return failed(errno, "give its name to the folder", copy, copy->path, error);
    }
    free(copy->path); /* there is nothing left to remove */
    copy->path = NULL;
    return fsync(copy->parent) == 0 || errno == EINVAL
               ? FND_OK
               : fnd_error_errno(error, FND_IO, errno,
                                 "the backup %s is whole, but its name cannot be made durable",
                                 copy->target);
}

/* Two levels of folders are all that a copy has below .foundry. */
static void remove_below(int at, const char *name, int levels)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    for (const struct dirent *entry = directory != NULL ? readdir(directory) : NULL; entry != NULL;
         entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(fd, entry->d_name, 0) != 0 && levels > 0) {
            remove_below(fd, entry->d_name, levels - 1);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    } else if (fd >= 0) {
        close(fd);
    }
    unlinkat(at, name, AT_REMOVEDIR);
}

static void copy_finish(struct copy *copy)
{
    if (copy->db.handle != NULL) {
        fnd_db_close(&copy->db);
    }
    if (copy->path != NULL) {
        remove_below(AT_FDCWD, copy->path, 3);
    }
    if (copy->folder >= 0) {
        close(copy->folder);
    }
    if (copy->parent >= 0) {
        close(copy->parent);
    }
    free(copy->path);
}

enum fnd_status fnd_store_backup(struct fnd_reader *reader, const char *target,
                                 struct fnd_backup *result, struct fnd_error *error)
{
    struct copy copy = {
        .reader = reader, .target = target, .parent = -1, .folder = -1, .result = result};
    *result = (struct fnd_backup){0};
    enum fnd_status status = copy_begin(&copy, error);
    if (status == FND_OK) {
        status = copy_pages(&copy, error);
    }
    if (status == FND_OK) {
        status = make_head(&copy, error);
    }
    if (status == FND_OK) {
        status = copy_artifacts(&copy, error);
    }
    if (status == FND_OK) {
        status = copy_plugins(&copy, error);
    }
    if (copy.db.handle != NULL) {
        fnd_db_close(&copy.db); /* the check opens it as everybody does */
    }
    if (status == FND_OK) {
        status = check_copy(&copy, error);
    }
    if (status == FND_OK) {
        status = give_name(&copy, error);
    }
    copy_finish(&copy);
    return status;
}
