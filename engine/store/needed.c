/* SPDX-License-Identifier: MIT */
#include "store/needed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/reader_internal.h"

/* Jobs come in under a pin or are moved to it, and leave it when they are moved on: what they said
 * before is theirs still. Records were made under a pin if a step that has some ever stood under
 * it; a few pins too many are counted, none too few. */
static const char pins_sql[] =
    "SELECT pin.id, pin.pipeline, pin.id IN (SELECT pin FROM job"
    " UNION ALL SELECT ref FROM event WHERE kind = ?1), coalesce(under.live, 0),"
    " pin.id = (SELECT max(id) FROM pin AS other WHERE other.pipeline = pin.pipeline),"
    " coalesce(made.records, 0)"
    " FROM pin LEFT JOIN (SELECT pin AS id, sum(state <= 3) AS live FROM step"
    " GROUP BY pin) AS under ON under.id = pin.id"
    " LEFT JOIN (SELECT pin AS id, count(*) AS records FROM"
    " (SELECT job.pin AS pin FROM correction JOIN step ON step.id = correction.step"
    " JOIN job ON job.id = step.job"
    " UNION ALL SELECT event.ref FROM event JOIN correction ON correction.step = event.step"
    " WHERE event.kind = ?1) GROUP BY pin) AS made ON made.id = pin.id ORDER BY pin.id";

struct walk {
    void (*each)(const struct fnd_needed *needed, void *context);
    void *context;
};

static enum fnd_status not_a_pin(int64_t pin, struct fnd_error *error)
{
    fnd_error_set(error, FND_DAMAGED,
                  "the pin document of event %" PRId64
                  " does not tell its plugins; `foundry-engine "
                  "verify` lists what is damaged, restore a backup",
                  pin);
    return FND_DAMAGED;
}

/* README.md, "what a body must hold": "plugins": {NAME: {"sha256": …}}, if there is any. */
static enum fnd_status walk_document(const struct walk *walk, struct fnd_needed *needed,
                                     const struct fnd_text *body, struct fnd_error *error)
{
    struct fnd_json document;
    if (fnd_json_check(body->bytes, body->size, NULL, &document, NULL) != FND_OK) {
        return not_a_pin(needed->pin, error);
    }
    struct fnd_json plugins = fnd_json_member(document, "plugins");
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk at = fnd_json_walk(plugins);
         status == FND_OK && fnd_json_next(&at);) {
        char *name = fnd_json_strdup(at.key);
        char *hex = fnd_json_strdup(fnd_json_member(at.value, "sha256"));
        uint8_t hash[FND_DIGEST_SIZE];
        if (name == NULL || hex == NULL || strlen(hex) != 2 * sizeof hash ||
            !fnd_unhex(hex, 2 * sizeof hash, hash, sizeof hash)) {
            status = not_a_pin(needed->pin, error);
        } else {
            needed->plugin = name;
            needed->hash = hash;
            walk->each(needed, walk->context);
        }
        free(name);
        free(hex);
    }
    return status;
}

enum fnd_status fnd_needed_walk(struct fnd_reader *reader,
                                void (*each)(const struct fnd_needed *needed, void *context),
                                void (*unread)(int64_t pin, void *context), void *context,
                                struct fnd_error *error)
{
    const struct walk walk = {each, context};
    sqlite3_stmt *row = NULL;
    enum fnd_status status = FND_OK;
    int rc = sqlite3_prepare_v2(reader->db.handle, pins_sql, -1, &row, NULL);
    rc = rc == SQLITE_OK ? sqlite3_bind_int(row, 1, FND_EVENT_UPGRADE) : rc;
    while (rc == SQLITE_OK && status == FND_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct fnd_text body = {0};
        const char *pipeline = (const char *)sqlite3_column_text(row, 1);
        struct fnd_needed needed = {.pin = sqlite3_column_int64(row, 0),
                                    .pipeline = pipeline != NULL ? pipeline : "",
                                    .stood = sqlite3_column_int(row, 2) != 0,
                                    .live = sqlite3_column_int64(row, 3),
                                    .newest = sqlite3_column_int(row, 4) != 0,
                                    .records = sqlite3_column_int64(row, 5)};
        status = fnd_payload_get(reader, needed.pin, &body, NULL, error);
        if (status == FND_OK) {
            status = walk_document(&walk, &needed, &body, error);
        }
        if (status != FND_OK && unread != NULL) {
            unread(needed.pin, context);
            status = FND_OK;
        }
        fnd_text_finish(&body);
        rc = SQLITE_OK;
    }
    if (status == FND_OK && rc != SQLITE_DONE) {
        status = fnd_db_error(&reader->db, rc, "read the pins", error);
    }
    sqlite3_finalize(row);
    return status;
}
