/* SPDX-License-Identifier: MIT */
/* Artifacts and plugin copies: what is in the files against what they are called. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/needed.h"
#include "store/verify_internal.h"

enum { ARTIFACTS_PAGE = 256 };

static const char page_sql[] = "SELECT hash, size FROM artifact WHERE hash > ?1 ORDER BY hash"
                               " LIMIT ?2";
static const char known_sql[] = "SELECT 1 FROM artifact WHERE hash = ?1";

/* Read a whole file; a flaw unless its bytes have the hash of its name. */
static void check_bytes(struct fnd_check *check, int fd, const char *name,
                        const uint8_t hash[FND_DIGEST_SIZE])
{
    uint8_t found[FND_DIGEST_SIZE];
    int rc = fnd_sha256_fd(fd, found, NULL);
    if (rc != 0) {
        fnd_check_flaw(check, "%s cannot be read: %s; check the disk, restore a backup", name,
                       strerror(rc));
    } else if (memcmp(found, hash, sizeof found) != 0) {
        char hex[FND_DIGEST_TEXT_SIZE];
        fnd_digest_text(found, hex);
        fnd_check_flaw(check, "%s: its bytes have the hash %s; restore it from a backup", name,
                       hex);
    }
}

static void check_artifact(struct fnd_check *check, const struct fnd_artifact *artifact)
{
    struct fnd_error error = {0};
    int fd = -1;
    check->result->artifacts++;
    if (fnd_artifact_open(check->reader->folder, artifact, &fd, &error) != FND_OK) {
        fnd_check_flaw(check, "%s", error.message);
        return;
    }
    char path[FND_ARTIFACT_PATH_SIZE];
    fnd_artifact_path(artifact->hash, path);
    check_bytes(check, fd, path, artifact->hash);
    close(fd);
}

static bool page_of_artifacts(struct fnd_check *check, sqlite3_stmt *page,
                              struct fnd_artifact *artifacts, size_t *count)
{
    size_t before = *count;
    sqlite3_bind_blob(page, 1, before > 0 ? artifacts[before - 1].hash : (const void *)"",
                      before > 0 ? FND_DIGEST_SIZE : 0, SQLITE_TRANSIENT);
    sqlite3_bind_int(page, 2, ARTIFACTS_PAGE);
    *count = 0;
    int rc;
    while ((rc = sqlite3_step(page)) == SQLITE_ROW) {
        /* A hash of another size is a flaw of the table, found by the comparison. */
        const void *hash = sqlite3_column_blob(page, 0);
        if (sqlite3_column_bytes(page, 0) == FND_DIGEST_SIZE) {
            memcpy(artifacts[*count].hash, hash, FND_DIGEST_SIZE);
            artifacts[(*count)++].size = (uint64_t)sqlite3_column_int64(page, 1);
        }
    }
    if (rc != SQLITE_DONE) {
        fnd_check_unread(check, rc, "read the artifacts");
    }
    sqlite3_reset(page);
    return rc == SQLITE_DONE && *count > 0;
}

/* A page of rows, then its files: no read transaction stays open while files are read. */
static void check_artifacts(struct fnd_check *check)
{
    sqlite3_stmt *page = NULL;
    int rc = sqlite3_prepare_v2(check->reader->db.handle, page_sql, -1, &page, NULL);
    if (rc != SQLITE_OK) {
        fnd_check_unread(check, rc, "read the artifacts");
        return;
    }
    struct fnd_artifact *artifacts = fnd_alloc(ARTIFACTS_PAGE * sizeof *artifacts);
    size_t count = 0;
    while (page_of_artifacts(check, page, artifacts, &count)) {
        for (size_t i = 0; i < count; i++) {
            check_artifact(check, &artifacts[i]);
        }
    }
    free(artifacts);
    sqlite3_finalize(page);
}

static bool is_known(sqlite3_stmt *known, const uint8_t hash[FND_DIGEST_SIZE])
{
    sqlite3_bind_blob(known, 1, hash, FND_DIGEST_SIZE, SQLITE_STATIC);
    bool found = sqlite3_step(known) == SQLITE_ROW;
    sqlite3_reset(known);
    return found;
}

/* What is below a folder, one call a name; a folder that is not there has nothing in it. */
static void each_name(struct fnd_check *check, const char *folder,
                      void (*name)(struct fnd_check *check, const char *folder, const char *name,
                                   void *context),
                      void *context)
{
    int fd = openat(check->reader->folder, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        if (errno != ENOENT) {
            fnd_check_flaw(check, "%s cannot be listed: %s", folder, strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        bool own = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                   strncmp(entry->d_name, "tmp-", 4) == 0; /* being made by a live engine */
        if (!own) {
            name(check, folder, entry->d_name, context);
        }
    }
    closedir(directory);
}

static void unexpected(struct fnd_check *check, const char *folder, const char *name)
{
    struct fnd_text shown = {0};
    fnd_text_append_visible(&shown, name, strlen(name));
    fnd_check_flaw(check, "%s/%s: the engine makes no such file; move it away", folder,
                   fnd_text_z(&shown));
    fnd_text_finish(&shown);
}

static void check_named(struct fnd_check *check, const char *folder, const char *name,
                        const uint8_t hash[FND_DIGEST_SIZE])
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    int fd = openat(check->reader->folder, fnd_text_z(&path),
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        check_bytes(check, fd, fnd_text_z(&path), hash);
        close(fd);
    } else {
        fnd_check_flaw(check, "%s cannot be opened: %s", fnd_text_z(&path), strerror(errno));
    }
    fnd_text_finish(&path);
}

/* An artifact that no event names yet: kept by an engine that was killed before it recorded why.
 * The next put of the same content would find it and trust it, so its bytes count. */
static void check_shelved(struct fnd_check *check, const char *folder, const char *name,
                          void *context)
{
    char hex[FND_DIGEST_TEXT_SIZE] = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    snprintf(hex, sizeof hex, "%.2s%.62s", strrchr(folder, '/') + 1, name);
    if (strlen(name) != 62 || !fnd_unhex(hex, 64, hash, sizeof hash)) {
        unexpected(check, folder, name);
    } else if (!is_known(context, hash)) {
        check->result->artifacts++;
        check_named(check, folder, name, hash);
    }
}

static void check_shelf(struct fnd_check *check, const char *folder, const char *name,
                        void *context)
{
    uint8_t byte;
    if (strlen(name) != 2 || !fnd_unhex(name, 2, &byte, 1)) {
        unexpected(check, folder, name);
        return;
    }
    char shelf[sizeof "artifacts/ab"];
    snprintf(shelf, sizeof shelf, "artifacts/%.2s", name);
    each_name(check, shelf, check_shelved, context);
}

static void check_plugin(struct fnd_check *check, const char *folder, const char *name,
                         void *context)
{
    (void)context;
    uint8_t hash[FND_DIGEST_SIZE];
    if (strlen(name) != 64 + 3 || strcmp(name + 64, ".so") != 0 ||
        !fnd_unhex(name, 64, hash, sizeof hash)) {
        unexpected(check, folder, name);
        return;
    }
    check->result->plugins++;
    check_named(check, folder, name, hash);
}

/* Whether there is a file; its bytes are looked at where the folder is listed. */
static void check_needed(const struct fnd_needed *needed, void *context)
{
    struct fnd_check *check = context;
    char hash[FND_DIGEST_TEXT_SIZE], name[sizeof "plugins/.so" + FND_DIGEST_TEXT_SIZE];
    struct stat found;
    fnd_digest_text(needed->hash, hash);
    snprintf(name, sizeof name, "plugins/%s.so", hash);
    const bool there = fstatat(check->reader->folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && needed->live == 0 && needed->records > 0) {
        fnd_check_flaw(
            check,
            "%s is missing: plugin %s of the pipeline %s, by which %" PRId64
            " record%s came to be; restore it from a backup, or put that very file there "
            "again",
            name, needed->plugin, needed->pipeline, needed->records,
            needed->records == 1 ? "" : "s");
    } else if (!there && needed->live > 0) {
        fnd_check_flaw(check,
                       "%s is missing: %" PRId64 " job%s of the pipeline %s that %s not ended run "
                       "with this copy of plugin %s; restore it from a backup, or take the present "
                       "plugin with run --upgrade",
                       name, needed->live, needed->live == 1 ? "" : "s", needed->pipeline,
                       needed->live == 1 ? "has" : "have", needed->plugin);
    }
}

/* The digest of its payload has told already. */
static void pin_unread(int64_t pin, void *context)
{
    (void)pin;
    (void)context;
}

void fnd_check_files(struct fnd_check *check)
{
    check_artifacts(check);
    sqlite3_stmt *known = NULL;
    int rc = sqlite3_prepare_v2(check->reader->db.handle, known_sql, -1, &known, NULL);
    if (rc == SQLITE_OK) {
        each_name(check, "artifacts", check_shelf, known);
    } else {
        fnd_check_unread(check, rc, "read the artifacts");
    }
    sqlite3_finalize(known);
    each_name(check, "plugins", check_plugin, NULL);
    if (fnd_needed_walk(check->reader, check_needed, pin_unread, check, NULL) != FND_OK) {
        /* A table that cannot be read was told of where it was compared. */
        check->incomplete = true;
    }
}
