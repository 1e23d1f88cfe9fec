/* SPDX-License-Identifier: MIT */
/* SQLite, as this room uses it: a connection by folder descriptor, and errors told as ours. */
#ifndef FND_STORE_DB_H
#define FND_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/** One connection. Plain data; `= {0}` is closed. */
struct fnd_db {
    sqlite3 *handle;
    sqlite3_vfs *vfs;
    const char *path; /* the job directory, for messages; borrowed */
    int error_number; /* errno behind a failure, by whoever saw it: SQLite 3.40 keeps none of a
                         failed COMMIT */
};

/** Refuse a state.db that is cut to nothing beside a log that holds something: SQLite deletes the
 *  log of a file of 0 bytes or 1, for a reader too, and it may be all that is left of the record.
 *  Returns FND_OK; FND_DAMAGED. */
enum fnd_status fnd_db_log_kept(int folder, const char *path, struct fnd_error *error);

/** Open `folder`/state.db.
 *  folder  descriptor of .foundry; must stay open until fnd_db_close(). The file is reached through
 *          it, so a path of any length works and a renamed job directory stays the same store.
 *  path    the job directory for messages; borrowed until fnd_db_close().
 *  flags   SQLITE_OPEN_READONLY, or _READWRITE. The file must exist. With _READONLY | _URI, the
 *          file alone is read, without locks and without its log: only while nobody can write.
 *  Returns FND_OK; FND_IO, FND_DENIED, FND_DAMAGED.  Thread: the one that uses the connection. */
enum fnd_status fnd_db_open(struct fnd_db *db, int folder, const char *path, int flags,
                            struct fnd_error *error);
/** Give a connection the SQL function row_mark(value, …): 64 bits that stand for its arguments,
 * types and NULLs included. Working rows carry one over their other columns, as nothing in the
 * chain could tell that a bit of them has changed.  Returns a SQLite result. */
int fnd_db_functions(sqlite3 *handle);
/** All statements must be finalized. Closing what is closed is fine. */
void fnd_db_close(struct fnd_db *db);

/** Our word for the SQLite result `rc` of the last call on this connection. */
enum fnd_status fnd_db_status(const struct fnd_db *db, int rc);

/** Whether the last failure of this read-only connection is a rollback journal that only a writer
 * may take back. A record has one in its very first moment alone, before it uses WAL: the engine
 * that was making it was killed, and nothing is on record yet. */
bool fnd_db_unfinished(const struct fnd_db *db);

/** Fill `error` with "cannot `what` in PATH/.foundry/state.db: …" and the remedy.
 *  Returns the status of `rc`, never FND_OK. */
enum fnd_status fnd_db_error(const struct fnd_db *db, int rc, const char *what,
                             struct fnd_error *error);

/** Run one or more statements without results. */
enum fnd_status fnd_db_exec(struct fnd_db *db, const char *sql, const char *what,
                            struct fnd_error *error);

/** Run a statement that gives one row with an integer; no row is FND_DAMAGED. */
enum fnd_status fnd_db_integer(struct fnd_db *db, const char *sql, int64_t *value,
                               struct fnd_error *error);

/** Prepare statements that live as long as the connection.
 *  Fills `statements` with `count` results; on failure all of them are NULL. */
enum fnd_status fnd_db_prepare(struct fnd_db *db, const char *const *sql, size_t count,
                               sqlite3_stmt **statements, struct fnd_error *error);
void fnd_db_finalize(sqlite3_stmt **statements, size_t count);

#endif
