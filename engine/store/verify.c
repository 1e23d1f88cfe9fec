/* SPDX-License-Identifier: MIT */
#include "store/verify.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/seal.h"
#include "store/verify_internal.h"

enum {
    VERIFY_STEPS = 100000,
    HEAD_TRIES = 10, /* a live writer may be overwriting a slot as we read it */
    AT_DIGEST = FND_EVENT_COLUMNS_COUNT,
    AT_CHAIN,
    AT_PAYLOAD,
    AT_KEY,
    AT_BODY,
    AT_META
};

static const char log_sql[] =
    "SELECT " FND_EVENT_COLUMNS ", digest, chain, payload.event, key, body, meta FROM event"
    " LEFT JOIN payload ON payload.event = event.id ORDER BY id";

static const char stray_sql[] = "SELECT event FROM payload WHERE event NOT IN"
                                " (SELECT id FROM event WHERE digest IS NOT NULL)";

void fnd_check_flaw(struct fnd_check *check, const char *format, ...)
{
    struct fnd_text sentence = {0}, shown = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&sentence, format, arguments);
    va_end(arguments);
    check->result->flaws++;
    if (check->flaw != NULL) { /* SQLite tells the names of a damaged file as they are */
        fnd_text_append_visible(&shown, sentence.bytes, sentence.size);
        check->flaw(fnd_text_z(&shown), check->context);
    }
    fnd_text_finish(&shown);
    fnd_text_finish(&sentence);
}

void fnd_check_unread(struct fnd_check *check, int rc, const char *what)
{
    struct fnd_error error = {0};
    if ((rc & 0xff) == SQLITE_INTERRUPT) {
        fnd_check_flaw(
            check,
            "state.db: to %s takes far longer than its size allows, as its pages lead in "
            "circles; restore a backup",
            what);
    } else {
        fnd_db_error(&check->reader->db, rc, what, &error);
        fnd_check_flaw(check, "%s", error.message);
    }
    check->incomplete = true;
}

/* A damaged page may lead to pages again that were read before, and SQLite goes on for hours. A
 * sound record costs some ten steps a byte, all in all. */
static int out_of_patience(void *context)
{
    struct fnd_check *check = context;
    return check->patience-- <= 0;
}

static void patience_begin(struct fnd_check *check)
{
    static const char *const names[] = {"state.db", "state.db-wal"};
    int64_t size = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat file;
        if (fstatat(check->reader->folder, names[i], &file, AT_SYMLINK_NOFOLLOW) == 0) {
            size += file.st_size;
        }
    }
    check->patience = 200 + size * 200 / VERIFY_STEPS;
    sqlite3_progress_handler(check->reader->db.handle, VERIFY_STEPS, out_of_patience, check);
}

/* --- SQLite's own check -------------------------------------------------------------------- */

/* "… error code=7": the check itself could not go on, which says nothing of the file. */
static int check_failed(const char *found)
{
    static const char code[] = "error code=";
    const char *at = found != NULL ? strstr(found, code) : NULL;
    const long rc = at != NULL ? strtol(at + sizeof code - 1, NULL, 10) : SQLITE_OK;
    return (rc & 0xff) == SQLITE_NOMEM || (rc & 0xff) == SQLITE_IOERR ? (int)rc : SQLITE_OK;
}

static void check_pages(struct fnd_check *check)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(check->reader->db.handle, "PRAGMA integrity_check(100)", -1,
                                &statement, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
            const char *found = (const char *)sqlite3_column_text(statement, 0);
            const int failed = check_failed(found);
            if (failed != SQLITE_OK) {
                fnd_check_unread(check, failed, "check the pages");
            } else if (found == NULL || strcmp(found, "ok") != 0) {
                fnd_check_flaw(check,
                               "state.db: SQLite's integrity check says: %s; restore a backup",
                               found != NULL ? found : "nothing");
            }
        }
    }
    if (rc != SQLITE_DONE) {
        fnd_check_unread(check, rc, "check the pages");
    }
    sqlite3_finalize(statement);
}

/* --- the log ------------------------------------------------------------------------------- */

/* An empty blob comes as NULL; only the type tells it from none. */
static const char *bytes_of(sqlite3_stmt *row, int column, size_t *size)
{
    *size = (size_t)sqlite3_column_bytes(row, column);
    const char *bytes = sqlite3_column_blob(row, column);
    return bytes == NULL && sqlite3_column_type(row, column) != SQLITE_NULL ? "" : bytes;
}

static bool numbers_are_integers(sqlite3_stmt *row)
{
    for (int i = 0; i < FND_EVENT_COLUMNS_COUNT; i++) {
        if (sqlite3_column_type(row, i) != SQLITE_INTEGER) {
            return false;
        }
    }
    return true;
}

/* Columns narrower than SQLite's integers are read as such: a number that does not fit would be
 * folded to one that does. */
static bool numbers_fit(sqlite3_stmt *row)
{
    for (int i = 5; i < FND_EVENT_COLUMNS_COUNT - 1; i++) { /* kind to failures */
        int64_t number = sqlite3_column_int64(row, i);
        if (number < INT32_MIN || number > INT32_MAX) {
            return false;
        }
    }
    return true;
}

static void check_chain(struct fnd_check *check, sqlite3_stmt *row,
                        const struct fnd_event_row *event, struct fnd_mark *mark)
{
    size_t digest_size;
    size_t chain_size;
    const char *digest = bytes_of(row, AT_DIGEST, &digest_size);
    const char *recorded = bytes_of(row, AT_CHAIN, &chain_size);
    uint8_t chain[FND_DIGEST_SIZE] = {0};
    bool shaped = (digest == NULL || digest_size == FND_DIGEST_SIZE) && recorded != NULL &&
                  chain_size == FND_DIGEST_SIZE && numbers_are_integers(row) && numbers_fit(row);
    if (shaped) {
        fnd_chain_next(mark->chain, event, (const uint8_t *)digest, chain);
    }
    if (!shaped || memcmp(chain, recorded, sizeof chain) != 0) {
        fnd_check_flaw(check,
                       "event %" PRId64 ": the chain is broken here: this event, or the one before "
                       "it, is not what was recorded; restore a backup",
                       event->id);
    }
    /* Go on from what is recorded, so that one changed event is one flaw. */
    if (recorded != NULL && chain_size == FND_DIGEST_SIZE) {
        memcpy(mark->chain, recorded, FND_DIGEST_SIZE);
    }
    mark->sequence = event->id;
    for (int i = 0; i < FND_HEAD_SLOTS; i++) {
        if (check->head.valid[i] && check->head.mark[i].sequence == event->id) {
            check->at_head[i] = *mark;
        }
    }
}

static void check_payload(struct fnd_check *check, sqlite3_stmt *row,
                          const struct fnd_event_row *event)
{
    size_t digest_size;
    size_t key_size;
    size_t body_size;
    size_t meta_size;
    const char *digest = bytes_of(row, AT_DIGEST, &digest_size);
    const char *key = bytes_of(row, AT_KEY, &key_size);
    const char *body = bytes_of(row, AT_BODY, &body_size);
    const char *meta = bytes_of(row, AT_META, &meta_size);
    if (digest == NULL) {
        return; /* a payload without a digest is looked for in check_strays() */
    }
    if (sqlite3_column_type(row, AT_PAYLOAD) == SQLITE_NULL) {
        fnd_check_flaw(check, "payload of event %" PRId64 ": it is missing; restore a backup",
                       event->id);
        return;
    }
    check->result->payloads++;
    uint8_t found[FND_DIGEST_SIZE] = {0};
    bool shaped = key_size == FND_KEY_SIZE && digest_size == FND_DIGEST_SIZE;
    if (shaped) {
        fnd_payload_digest((const uint8_t *)key, body, body_size, meta, meta_size, found);
    }
    if (!shaped || memcmp(found, digest, sizeof found) != 0) {
        fnd_check_flaw(check,
                       "payload of event %" PRId64 ": key, body or meta are not what was recorded; "
                       "restore a backup",
                       event->id);
    }
}

static void check_event(struct fnd_check *check, sqlite3_stmt *row, struct fnd_mark *mark)
{
    struct fnd_event_row event;
    fnd_event_from(row, 0, &event);
    if (event.id != mark->sequence + 1) {
        fnd_check_flaw(check,
                       "event: numbers %" PRId64 " to %" PRId64 " are missing; restore a backup",
                       mark->sequence + 1, event.id - 1);
    }
    check_chain(check, row, &event, mark);
    check_payload(check, row, &event);
    size_t body_size;
    size_t meta_size;
    const char *body = bytes_of(row, AT_BODY, &body_size);
    const char *meta = bytes_of(row, AT_META, &meta_size);
    fnd_rebuild_event(check, &event, body, body_size, meta, meta_size);
    check->result->events++;
}

static void check_log(struct fnd_check *check, struct fnd_mark *mark)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(check->reader->db.handle, log_sql, -1, &row, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
            check_event(check, row, mark);
        }
    }
    if (rc != SQLITE_DONE) {
        fnd_check_unread(check, rc, "read the log");
    }
    sqlite3_finalize(row);
}

static void check_strays(struct fnd_check *check)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(check->reader->db.handle, stray_sql, -1, &row, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
            fnd_check_flaw(check,
                           "payload of event %" PRId64
                           ": no event of this number has content; restore a backup",
                           (int64_t)sqlite3_column_int64(row, 0));
        }
    }
    if (rc != SQLITE_DONE) {
        fnd_check_unread(check, rc, "read the payloads");
    }
    sqlite3_finalize(row);
}

/* --- the witness --------------------------------------------------------------------------- */

static enum fnd_status read_witness(struct fnd_check *check, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (int i = 0; i < HEAD_TRIES; i++) {
        status = fnd_head_read(check->reader->folder, check->reader->path, &check->head, error);
        if (status != FND_OK || (check->head.valid[0] && check->head.valid[1])) {
            break;
        }
    }
    return status;
}

static void check_witness(struct fnd_check *check, const struct fnd_mark *end)
{
    /* A kill may come between the tables and the witness; before the first event there is nothing
     * that it could witness, and opening takes it so, too. */
    const bool begun = end->sequence > 0;
    if (!check->head.present && !begun) {
        return;
    }
    if (!check->head.present) {
        fnd_check_flaw(check,
                       "head: the witness is missing; restore it from a backup, or start once "
                       "with --accept-loss");
        return;
    }
    for (int i = 0; i < FND_HEAD_SLOTS; i++) {
        const struct fnd_mark *seen = &check->head.mark[i];
        if (!check->head.valid[i] && !begun) {
            continue;
        }
        if (!check->head.valid[i]) {
            fnd_check_flaw(check,
                           "head: slot %d is not what was written; the next start writes it "
                           "anew from the other slot",
                           i);
        } else if (seen->sequence > end->sequence) {
            fnd_check_flaw(check,
                           "head: the witness saw event %" PRId64 ", the record ends at %" PRId64
                           ": %" PRId64 " acknowledged transitions are missing; restore a backup",
                           seen->sequence, end->sequence, seen->sequence - end->sequence);
        } else if (memcmp(seen->chain, check->at_head[i].chain, FND_DIGEST_SIZE) != 0) {
            fnd_check_flaw(check,
                           "head: at event %" PRId64
                           " the witness saw another chain value than the "
                           "record has; restore a backup",
                           seen->sequence);
        }
    }
}

enum fnd_status fnd_store_verify(struct fnd_reader *reader, struct fnd_verify *result,
                                 void (*flaw)(const char *sentence, void *context), void *context,
                                 struct fnd_error *error)
{
    assert(!reader->held); /* the witness must be read before the snapshot is taken */
    *result = (struct fnd_verify){0};
    struct fnd_check check = {.reader = reader, .result = result, .flaw = flaw, .context = context};
    enum fnd_status status = read_witness(&check, error);
    if (status == FND_OK) {
        status = fnd_rebuild_open(&check, error);
    }
    if (status == FND_OK) {
        status = fnd_reader_begin(reader, error);
    }
    if (status == FND_OK) {
        struct fnd_mark end = {0};
        patience_begin(&check);
        check_pages(&check);
        check_log(&check, &end);
        check_strays(&check);
        const int64_t before = result->flaws;
        fnd_rebuild_compare(&check);
        result->apart = result->flaws - before;
        fnd_check_working(&check);
        check_witness(&check, &end);
        fnd_reader_end(reader);
        fnd_check_files(&check); /* may take long: holds no snapshot */
        sqlite3_progress_handler(reader->db.handle, 0, NULL, NULL);
    }
    fnd_rebuild_close(&check);
    if (status == FND_OK && check.incomplete) {
        status = fnd_error_set(error, FND_DAMAGED,
                               "%s is so damaged that not all of it could be looked at; restore a "
                               "backup",
                               reader->path);
    }
    return status;
}
