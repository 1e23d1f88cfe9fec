/* SPDX-License-Identifier: MIT */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "store/bytes.h"
#include "store/store.h"

enum { DB_BUSY_MS = 5000, VFS_NAME_SIZE = 40, DB_HEADER_SIZE = 100 };

struct vfs {
    sqlite3_vfs base; /* first: SQLite hands us a pointer to it */
    char name[VFS_NAME_SIZE];
};

/* SQLite would resolve /proc/self/fd/N to the long path again and refuse beyond 512 bytes. The name
 * we give is absolute already, and the descriptor in it pins the folder. */
static int name_is_full(sqlite3_vfs *vfs, const char *name, int size, char *full)
{
    (void)vfs;
    int length = snprintf(full, (size_t)size, "%s", name);
    return length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* Each connection has its own copy of the system's VFS, so that nothing is shared or left behind.
 */
static sqlite3_vfs *vfs_create(void)
{
    const sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (system == NULL) {
        return NULL;
    }
    struct vfs *vfs = fnd_alloc(sizeof *vfs);
    vfs->base = *system;
    snprintf(vfs->name, sizeof vfs->name, "foundry-%p", (void *)vfs);
    vfs->base.zName = vfs->name;
    vfs->base.xFullPathname = name_is_full;
    if (sqlite3_vfs_register(&vfs->base, 0) != SQLITE_OK) {
        free(vfs);
        return NULL;
    }
    return &vfs->base;
}

void fnd_store_setup(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* refused where SQLite runs already */
}

enum fnd_status fnd_db_log_kept(int folder, const char *path, struct fnd_error *error)
{
    struct stat record, log;
    if (fstatat(folder, "state.db", &record, AT_SYMLINK_NOFOLLOW) != 0 ||
        record.st_size >= DB_HEADER_SIZE ||
        fstatat(folder, "state.db-wal", &log, AT_SYMLINK_NOFOLLOW) != 0 || log.st_size == 0) {
        return FND_OK;
    }
    return fnd_error_set(error, FND_DAMAGED,
                         "%s/.foundry/state.db has %lld bytes, which is no record, and beside it "
                         "state.db-wal holds %lld bytes of its log, which are left as they are; "
                         "put state.db back or restore a backup of both",
                         path, (long long)record.st_size, (long long)log.st_size);
}

/* SHA-256 over each argument's type, size and bytes. */
static void row_mark(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct fnd_sha256 hash;
    uint8_t whole[FND_DIGEST_SIZE], number[8], length[8];
    fnd_sha256_begin(&hash);
    for (int i = 0; i < count; i++) {
        const int type = sqlite3_value_type(values[i]);
        const uint8_t tag = (uint8_t)type;
        const void *bytes = number;
        size_t size = 0;
        if (type == SQLITE_INTEGER) {
            fnd_le64_put(number, sqlite3_value_int64(values[i]));
            size = sizeof number;
        } else if (type != SQLITE_NULL) {
            bytes = sqlite3_value_blob(values[i]);
            size = (size_t)sqlite3_value_bytes(values[i]);
        }
        fnd_le64_put(length, (int64_t)size);
        fnd_sha256_add(&hash, &tag, 1);
        fnd_sha256_add(&hash, length, sizeof length);
        fnd_sha256_add(&hash, bytes, size);
    }
    fnd_sha256_end(&hash, whole);
    sqlite3_result_int64(context, fnd_le64_get(whole));
}

int fnd_db_functions(sqlite3 *handle)
{
    return sqlite3_create_function_v2(handle, "row_mark", -1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                      row_mark, NULL, NULL, NULL);
}

enum fnd_status fnd_db_open(struct fnd_db *db, int folder, const char *path, int flags,
                            struct fnd_error *error)
{
    assert(db->handle == NULL);
    db->path = path;
    db->error_number = 0;
    char name[96];
    snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
    if (access(name, F_OK) != 0) {
        return fnd_error_errno(error, FND_IO, errno,
                               "cannot reach %s/.foundry through %s; is /proc mounted?", path,
                               name);
    }
    const bool still = (flags & SQLITE_OPEN_URI) != 0;
    snprintf(name, sizeof name, "%s/proc/self/fd/%d/state.db%s", still ? "file:" : "", folder,
             still ? "?immutable=1" : "");
    db->vfs = vfs_create();
    if (db->vfs == NULL) {
        return fnd_error_set(error, FND_NO_MEMORY,
                             "cannot open %s/.foundry/state.db: SQLite did "
                             "not start; is there memory left?",
                             path);
    }
    enum fnd_status status = FND_OK;
    int rc = sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_NOMUTEX, db->vfs->zName);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(db->handle, 1);
        rc = sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    }
    if (rc == SQLITE_OK) {
        rc = fnd_db_functions(db->handle);
    }
    if (rc != SQLITE_OK) {
        status = fnd_db_error(db, rc, "open the record", error);
        fnd_db_close(db);
    }
    return status;
}

void fnd_db_close(struct fnd_db *db)
{
    int rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK); /* else a statement is left, and the lock would be freed too early */
    (void)rc;
    db->handle = NULL;
    if (db->vfs != NULL) {
        sqlite3_vfs_unregister(db->vfs);
        free(db->vfs);
        db->vfs = NULL;
    }
}

static int system_errno(const struct fnd_db *db)
{
    int kept = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
    return kept != 0 ? kept : db->error_number;
}

enum fnd_status fnd_db_status(const struct fnd_db *db, int rc)
{
    int system = system_errno(db);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return FND_FULL;
    case SQLITE_IOERR:
        return fnd_status_errno(system) == FND_FULL ? FND_FULL : FND_IO;
    case SQLITE_CANTOPEN:
        return fnd_status_errno(system) == FND_DENIED ? FND_DENIED : FND_IO;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return FND_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FND_DAMAGED;
    case SQLITE_NOMEM:
        return FND_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FND_BUSY;
    default:
        return FND_IO;
    }
}

bool fnd_db_unfinished(const struct fnd_db *db)
{
    return db->handle != NULL && sqlite3_extended_errcode(db->handle) == SQLITE_READONLY_ROLLBACK;
}

enum fnd_status fnd_db_error(const struct fnd_db *db, int rc, const char *what,
                             struct fnd_error *error)
{
    const char *found = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);
    int system = system_errno(db);
    switch (fnd_db_status(db, rc)) {
    case FND_FULL:
        fnd_error_set(error, FND_FULL,
                      "storage full: free space in %s; nothing acknowledged was lost (could not %s "
                      "in .foundry/state.db)",
                      db->path, what);
        fnd_error_code(error, "storage_full");
        return FND_FULL;
    case FND_DAMAGED:
        fnd_error_set(
            error, FND_DAMAGED,
            "cannot %s in %s/.foundry/state.db: %s; `foundry-engine verify` lists what is "
            "damaged, restore a backup",
            what, db->path, found);
        fnd_error_code(error, "record_damaged");
        return FND_DAMAGED;
    case FND_DENIED:
        return fnd_error_set(error, FND_DENIED,
                             "cannot %s in %s/.foundry/state.db: %s%s%s; make the folder writable "
                             "for this user",
                             what, db->path, found, system != 0 ? ": " : "",
                             system != 0 ? strerror(system) : "");
    case FND_NO_MEMORY:
        return fnd_error_set(error, FND_NO_MEMORY,
                             "cannot %s in %s/.foundry/state.db: no memory left", what, db->path);
    case FND_BUSY:
        return fnd_error_set(error, FND_BUSY,
                             "cannot %s in %s/.foundry/state.db: another program holds SQLite's "
                             "lock on it (%s); end it and repeat",
                             what, db->path, found);
    default:
        fnd_error_set(error, FND_IO,
                      "cannot %s in %s/.foundry/state.db: %s (SQLite %d)%s%s; check the disk and "
                      "repeat",
                      what, db->path, found, rc, system != 0 ? ": " : "",
                      system != 0 ? strerror(system) : "");
        fnd_error_code(error, "io");
        return FND_IO;
    }
}

enum fnd_status fnd_db_exec(struct fnd_db *db, const char *sql, const char *what,
                            struct fnd_error *error)
{
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? FND_OK : fnd_db_error(db, rc, what, error);
}

enum fnd_status fnd_db_integer(struct fnd_db *db, const char *sql, int64_t *value,
                               struct fnd_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum fnd_status status = FND_OK;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc == SQLITE_ROW) {
        *value = sqlite3_column_int64(statement, 0);
    } else {
        status = fnd_db_error(db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "read", error);
    }
    sqlite3_finalize(statement);
    return status;
}

enum fnd_status fnd_db_prepare(struct fnd_db *db, const char *const *sql, size_t count,
                               sqlite3_stmt **statements, struct fnd_error *error)
{
    memset(statements, 0, count * sizeof *statements);
    for (size_t i = 0; i < count; i++) {
        int rc = sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &statements[i], NULL);
        if (rc != SQLITE_OK) {
            enum fnd_status status = fnd_db_error(db, rc, "prepare a statement", error);
            fnd_db_finalize(statements, count);
            return status;
        }
    }
    return FND_OK;
}

void fnd_db_finalize(sqlite3_stmt **statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}
