/* SPDX-License-Identifier: MIT */
/* The tables, and which files are a store. */
#ifndef FND_STORE_SCHEMA_H
#define FND_STORE_SCHEMA_H

#include <stdbool.h>

#include "store/db.h"

enum { FND_APPLICATION_ID = 0x464e4452 }; /* "FNDR" in SQLite's header, for file(1) and for us */

/** All CREATE statements, in one text. */
const char *fnd_tables_sql(void);

/** What an open connection shows: an empty database, a store of this version, or neither.
 *  Returns FND_OK; FND_INVALID: a newer schema; FND_DAMAGED: a database of something else. */
enum fnd_status fnd_tables_look(struct fnd_db *db, bool *empty, struct fnd_error *error);

/** Create the tables and mark the file, inside the caller's transaction. */
enum fnd_status fnd_tables_create(struct fnd_db *db, struct fnd_error *error);

#endif
