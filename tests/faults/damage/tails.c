/* SPDX-License-Identifier: MIT */
/* A record that lost its end, or is not the one its witness saw. SQLite takes each of these for
 * whole. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "damage.h"

/* So many before that some pages fill up and are not in the log any more: else an older file with
 * the present log would be whole. */
enum { EVENTS_BEFORE = 150, EVENTS_IN_LOG = 30 };

/** Directories as a power cut or a careless hand may leave them. */
struct scenes {
    struct damage *damage;
    char older[PATH_SIZE];   /* a checkpoint ago, closed */
    char present[PATH_SIZE]; /* the writer was killed: the log holds the last events */
    char other[PATH_SIZE];   /* another store, killed the same way */
    uint8_t *log;
    size_t log_size;
};

static void must(enum fnd_status status, const struct fnd_error *error)
{
    if (status != FND_OK) {
        fprintf(stderr, "damage: %s\n", error->message);
        exit(2);
    }
}

/* Record events into `directory`, and copy it to `killed` while the writer has it open. */
static void record_and_kill(const char *directory, const char *killed, const char *name)
{
    struct fnd_error error = {0};
    struct fnd_store *store = store_open(directory);
    for (int i = 0; i < EVENTS_IN_LOG; i++) {
        must(record_one(store, name, i, &error), &error);
    }
    must(fnd_store_sync(store, &error), &error);
    directory_copy(directory, killed);
    fnd_store_close(store);
    unlink(inside(killed, "state.db-shm"));
}

static void scenes_make(struct scenes *scenes)
{
    struct damage *damage = scenes->damage;
    struct fnd_error error = {0};
    snprintf(scenes->older, PATH_SIZE, "%s/older", damage->folder);
    snprintf(scenes->present, PATH_SIZE, "%s/present", damage->folder);
    snprintf(scenes->other, PATH_SIZE, "%s/other", damage->folder);
    directory_copy(damage->whole, scenes->older);
    directory_copy(damage->whole, damage->work);
    struct fnd_store *store = store_open(damage->work);
    for (int i = 0; i < EVENTS_BEFORE; i++) {
        must(record_one(store, "before", i, &error), &error);
    }
    fnd_store_close(store);
    record_and_kill(damage->work, scenes->present, "present");
    tree_remove(damage->work);
    folder_make(damage->work, "%s/work", damage->folder);
    must(try_open(damage->work, false, &error), &error);
    record_and_kill(damage->work, scenes->other, "other");
    scenes->log = bytes_read(inside(scenes->present, "state.db-wal"), &scenes->log_size);
}

/* The last event that SQLite sees, asked of a copy; -1: it cannot be read. */
static int64_t last_event(const struct damage *damage)
{
    char copy[PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    int64_t last = -1;
    snprintf(copy, sizeof copy, "%s/asked", damage->folder);
    directory_copy(damage->work, copy);
    if (sqlite3_open(inside(copy, "state.db"), &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT coalesce(max(id), 0) FROM event", -1, &row, NULL) ==
            SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW) {
        last = sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    tree_remove(copy);
    return last;
}

/* A person accepts the loss: it is recorded, and the record is whole again. */
static void accept(struct scenes *scenes, const char *what, struct counts *counts)
{
    char text[TEXT_SIZE];
    struct damage *damage = scenes->damage;
    struct fnd_error error = {0};
    if (try_open(damage->work, true, &error) != FND_OK) {
        violation(counts, "%s: the loss cannot be accepted: %s", what, error.message);
        return;
    }
    const struct damage unplanted = {.plant = NULL};
    if (is_found(&unplanted, damage->work, text)) {
        violation(counts, "%s: after the loss was accepted: %s", what, text);
    }
    struct fnd_reader *reader = NULL;
    struct fnd_event_row event = {0};
    const int64_t last = last_event(damage);
    if (fnd_reader_open(damage->work, &reader, &error) != FND_OK ||
        fnd_event_get(reader, last, &event, &error) != FND_OK || event.kind != FND_EVENT_LOSS) {
        violation(counts, "%s: event %" PRId64 " is no record of the accepted loss", what, last);
    }
    fnd_reader_close(reader);
}

/* Found by verify; refused by an engine with the last good event and what to do. */
static void expect_loss(struct scenes *scenes, const char *what, bool tells_last,
                        struct counts *counts)
{
    char text[TEXT_SIZE], number[64];
    struct damage *damage = scenes->damage;
    struct fnd_error error = {0};
    const int64_t found = last_event(damage);
    const int64_t last = found > 0 ? found : 0; /* without a record nothing is left */
    counts->runs++;
    if (!is_found(damage, damage->work, text)) {
        violation(counts, "%s: verify found nothing", what);
        return;
    }
    if (try_open(damage->work, false, &error) != FND_DAMAGED ||
        strcmp(error.code, "record_behind_witness") != 0) {
        violation(counts, "%s: an engine would open it (%s)", what, error.message);
        return;
    }
    snprintf(number, sizeof number, "the record ends at %" PRId64, last);
    if ((tells_last && strstr(error.message, number) == NULL) ||
        strstr(error.message, "--accept-loss") == NULL ||
        strstr(error.message, "restore") == NULL) {
        violation(counts, "%s: the message lacks \"%s\" or what to do: %s", what, number,
                  error.message);
        return;
    }
    accept(scenes, what, counts);
}

/* Found by verify; an engine refuses it or mends it, and does not crash. */
static void expect_found(struct scenes *scenes, const char *what, struct counts *counts)
{
    char text[TEXT_SIZE];
    struct fnd_error error = {0};
    counts->runs++;
    if (!is_found(scenes->damage, scenes->damage->work, text)) {
        violation(counts, "%s: verify found nothing", what);
    }
    (void)try_open(scenes->damage->work, false, &error);
}

static void fresh(struct scenes *scenes)
{
    directory_copy(scenes->present, scenes->damage->work);
}

static void take_from(struct scenes *scenes, const char *directory, const char *name)
{
    size_t size;
    uint8_t *bytes = bytes_read(inside(directory, name), &size);
    bytes_write(inside(scenes->damage->work, name), bytes, size);
    free(bytes);
}

static void cut_file(struct scenes *scenes, const char *name, size_t size)
{
    if (truncate(inside(scenes->damage->work, name), (off_t)size) != 0) {
        stop("cannot cut", name);
    }
}

static void cut_logs(struct scenes *scenes, size_t cuts, struct counts *counts)
{
    for (size_t i = 0; i < cuts; i++) {
        char what[128];
        const size_t at = draw_below(&scenes->damage->draw, scenes->log_size);
        fresh(scenes);
        cut_file(scenes, "state.db-wal", at);
        snprintf(what, sizeof what, "the log cut at byte %zu of %zu", at, scenes->log_size);
        expect_loss(scenes, what, true, counts);
    }
}

static void lose_files(struct scenes *scenes, struct counts *counts)
{
    const char *work = scenes->damage->work;
    fresh(scenes);
    unlink(inside(work, "state.db-wal"));
    expect_loss(scenes, "the log deleted", true, counts);
    fresh(scenes);
    unlink(inside(work, "head"));
    expect_loss(scenes, "the witness deleted", false, counts);
    fresh(scenes);
    cut_file(scenes, "head", 0);
    expect_loss(scenes, "the witness emptied", false, counts);
    fresh(scenes);
    cut_file(scenes, "head", 300);
    expect_found(scenes, "the witness cut in half", counts);
    fresh(scenes);
    unlink(inside(work, "state.db"));
    unlink(inside(work, "state.db-wal"));
    expect_loss(scenes, "the record deleted", true, counts);
    fresh(scenes);
    unlink(inside(work, "state.db-wal"));
    cut_file(scenes, "state.db", 3 * 4096);
    expect_found(scenes, "the record cut", counts);
}

static void swap_files(struct scenes *scenes, struct counts *counts)
{
    const char *work = scenes->damage->work;
    fresh(scenes);
    take_from(scenes, scenes->other, "head");
    expect_loss(scenes, "the witness of another store", false, counts);
    fresh(scenes);
    take_from(scenes, scenes->older, "state.db");
    unlink(inside(work, "state.db-wal"));
    expect_loss(scenes, "an older copy of the record", true, counts);
    fresh(scenes);
    take_from(scenes, scenes->older, "state.db");
    expect_found(scenes, "an older copy of the record with the present log", counts);
    fresh(scenes);
    take_from(scenes, scenes->other, "state.db-wal");
    expect_found(scenes, "the log of another store", counts);
}

void tails(struct damage *damage, size_t cuts, struct counts *counts)
{
    char text[TEXT_SIZE];
    struct scenes scenes = {.damage = damage};
    scenes_make(&scenes);
    fresh(&scenes);
    if (is_found(damage, damage->work, text)) {
        violation(counts, "nothing was cut, and: %s", text);
    }
    cut_logs(&scenes, cuts, counts);
    lose_files(&scenes, counts);
    swap_files(&scenes, counts);
    free(scenes.log);
}
