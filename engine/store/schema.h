/* SPDX-License-Identifier: MIT */
/* The tables, and which files are a store. */
#ifndef FND_STORE_SCHEMA_H
#define FND_STORE_SCHEMA_H

#include <stdbool.h>

#include "store/db.h"

enum { FND_APPLICATION_ID = 0x464e4452 }; /* "FNDR" in SQLite's header, for file(1) and for us */

/** The CREATE statements of the log. */
const char *fnd_tables_log_sql(void);
/** Create all that is folded from the log, and the working rows; `what` is for the error. */
enum fnd_status fnd_tables_folded(struct fnd_db *db, const char *what, struct fnd_error *error);

/** What an open connection shows: an empty database, a store of this version or an older one, or
 *  neither.
 *  version  its schema; this engine's for an empty one.
 *  Returns FND_OK; FND_INVALID: a newer schema; FND_DAMAGED: a database of something else. */
enum fnd_status fnd_tables_look(struct fnd_db *db, bool *empty, int64_t *version,
                                struct fnd_error *error);

/** Create the tables and mark the file, inside the caller's transaction. */
enum fnd_status fnd_tables_create(struct fnd_db *db, struct fnd_error *error);

#endif
