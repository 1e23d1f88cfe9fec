/* SPDX-License-Identifier: MIT */
/* Working rows are made by no event alone, so no rebuild can give them: verify looks whether each
 * refers to what is on record. */
#include <inttypes.h>

#include "store/verify_internal.h"

static const struct look {
    const char *table, *sql, *problem;
} looks[] = {
    {"lease", "SELECT request FROM lease WHERE mark <> row_mark(request, fence, until)",
     "a bit of it has changed"},
    {"draft", "SELECT request FROM draft WHERE mark <> row_mark(request, who, at, body)",
     "a bit of it has changed"},
    {"outbox",
     "SELECT id FROM outbox"
     " WHERE mark <> row_mark(id, event, hook, pin, at, state, tries, next, note)",
     "a bit of it has changed"},
    {"lease", "SELECT request FROM lease WHERE request NOT IN (SELECT id FROM request)",
     "there is no such request"},
    {"lease",
     "SELECT request FROM lease JOIN request ON request.id = lease.request"
     " WHERE request.state <> 0 OR request.fence <> lease.fence OR request.holder IS NULL",
     "nobody has claimed this request with that fence"},
    {"draft", "SELECT request FROM draft WHERE request NOT IN (SELECT id FROM request)",
     "there is no such request"},
    {"draft",
     "SELECT request FROM draft WHERE json_type(iif(json_valid(body), body, '0'))"
     " <> 'object'",
     "it is no JSON object"},
    {"outbox", "SELECT id FROM outbox WHERE event NOT IN (SELECT id FROM event)",
     "there is no event that it tells of"},
    {"outbox", "SELECT id FROM outbox WHERE pin NOT IN (SELECT id FROM pin)",
     "there is no pinned pipeline that declares it"},
    {"outbox", "SELECT id FROM outbox WHERE state NOT IN (0, 1, 2)", "its state is no state"},
};

void fnd_check_working(struct fnd_check *check)
{
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        sqlite3_stmt *row = NULL;
        int rc = sqlite3_prepare_v2(check->reader->db.handle, looks[i].sql, -1, &row, NULL);
        if (rc == SQLITE_OK) {
            while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
                fnd_check_flaw(check, "%s %" PRId64 ": %s; restore a backup", looks[i].table,
                               (int64_t)sqlite3_column_int64(row, 0), looks[i].problem);
            }
        }
        if (rc != SQLITE_DONE) {
            fnd_check_unread(check, rc, looks[i].table);
        }
        sqlite3_finalize(row);
    }
}
