/* SPDX-License-Identifier: MIT */
/* Each thing that verify promises to see is broken here, one at a time. */
#define _GNU_SOURCE
#include "store/verify.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "store/head.h"
#include "support.h"

struct flaws {
    int64_t count;
    char first[1024];
};

static void note(const char *sentence, void *context)
{
    struct flaws *flaws = context;
    if (flaws->count++ == 0) {
        snprintf(flaws->first, sizeof flaws->first, "%s", sentence);
    }
}

static struct flaws verify(struct scene *scene, struct fnd_verify *result)
{
    struct flaws flaws = {0};
    struct fnd_verify unused;
    struct fnd_error error = {0};
    result = result != NULL ? result : &unused;
    scene_read(scene);
    enum fnd_status status = fnd_store_verify(scene->reader, result, note, &flaws, &error);
    cr_assert(status == FND_OK || flaws.count > 0, "%s", error.message);
    cr_assert_eq(result->flaws, flaws.count);
    fnd_reader_close(scene->reader);
    scene->reader = NULL;
    return flaws;
}

static void sees(struct scene *scene, const char *part)
{
    struct flaws flaws = verify(scene, NULL);
    cr_assert_gt(flaws.count, 0, "nothing was found; wanted: %s", part);
    cr_assert_not_null(strstr(flaws.first, part), "\"%s\" is not in: %s", part, flaws.first);
}

static void name_artifact(struct fnd_event *event, bool in_body, const char *name,
                          const struct fnd_artifact *artifact)
{
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(artifact->hash, hex);
    struct fnd_text text = {0};
    char **document = in_body ? &event->body : &event->meta;
    fnd_text_append(&text, *document, strlen(*document) - 1);
    fnd_text_printf(&text, ",\"artifacts\":{\"%s\":{\"sha256\":\"%s\",\"size\":%" PRIu64 "}}}",
                    name, hex, artifact->size);
    free(*document);
    *(in_body ? &event->body_size : &event->meta_size) = text.size;
    *document = fnd_text_take(&text);
    event->artifacts = fnd_realloc(event->artifacts, event->artifacts_count + 1, sizeof *artifact);
    event->artifacts[event->artifacts_count++] = *artifact;
}

/* Rows in every table, of every kind; closed. */
static void build(struct scene *scene)
{
    scene_begin(scene, 11);
    struct fnd_artifact artifacts[2];
    cr_assert_eq(fnd_artifact_put(scene->store, "input", 5, &artifacts[0], NULL), FND_OK);
    cr_assert_eq(fnd_artifact_put(scene->store, "crop", 4, &artifacts[1], NULL), FND_OK);
    char path[PATH_SIZE];
    int fd = open(scene_file(scene, "lock", path), O_RDONLY | O_CLOEXEC); /* any bytes will do */
    uint8_t hash[FND_DIGEST_SIZE];
    cr_assert_eq(fnd_plugin_keep(scene->store, fd, hash, NULL), FND_OK);
    close(fd);
    int64_t pin = commit(scene, write_pin("invoice", 1), FND_OK);
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.png", i);
        struct fnd_write *write = write_job(scene, pin, "invoice", name, 1);
        name_artifact(&write->events[0], true, "file", &artifacts[0]);
        int64_t job = commit(scene, write, FND_OK);
        commit(scene, write_move(scene, job, FND_EVENT_START, FND_RUNNING, 0), FND_OK);
        write = write_move(scene, job, FND_EVENT_OUTPUT, FND_RUNNING, 0);
        name_artifact(&write->events[0], false, "crop", &artifacts[1]);
        add_move(write, FND_EVENT_ASK, FND_PAUSED, 1);
        int64_t request = commit(scene, write, FND_OK) + 1;
        if (i == 0) {
            write = write_answer(scene, job, request, true);
            add_move(write, FND_EVENT_OUTPUT, FND_COMPLETED, 1);
            commit(scene, write, FND_OK);
        } else if (i == 1) {
            commit(scene, write_move(scene, job, FND_EVENT_CANCEL, FND_CANCELLED, 1), FND_OK);
            commit(scene, write_move(scene, job, FND_EVENT_REOPEN, FND_QUEUED, 0), FND_OK);
        }
    }
    scene_close(scene);
}

Test(verify, a_whole_record_has_no_flaw_and_everything_was_looked_at)
{
    struct scene scene;
    build(&scene);
    struct fnd_verify result;
    struct flaws flaws = verify(&scene, &result);
    cr_assert_eq(flaws.count, 0, "%s", flaws.first);
    cr_assert_eq(result.events, sql_number(&scene, "SELECT count(*) FROM event"));
    cr_assert_eq(result.payloads, sql_number(&scene, "SELECT count(*) FROM payload"));
    cr_assert_eq(result.artifacts, 2);
    cr_assert_eq(result.plugins, 1);
    cr_assert_eq(result.erased, 0);
    cr_assert_gt(result.rows, 30);
    cr_assert_eq(sql_number(&scene, "SELECT max(refs) FROM artifact"), 3);
    scene_end(&scene);
}

/* --- every cell ---------------------------------------------------------------------------- */

static const struct cells {
    const char *table, *key, *columns[18];
} cells[] = {
    {"event",
     "id",
     {"id", "at", "kind", "step", "prev", "phase", "attempt", "level", "state", "next_phase",
      "next_attempt", "failures", "due", "ref", "digest", "chain"}},
    {"payload", "event", {"event", "key", "body", "meta"}},
    {"job", "id", {"id", "uuid", "pin", "pipeline", "path", "revision", "created"}},
    {"step",
     "id",
     {"id", "job", "item", "phase", "state", "attempt", "failures", "due", "event", "pin",
      "outputs"}},
    {"request",
     "id",
     {"id", "step", "phase", "version", "state", "closed", "\"group\"", "asked", "remind_ms",
      "due_ms", "due", "next", "stage", "fence", "holder", "snoozed", "reopened"}},
    {"correction", "id", {"id", "step", "phase", "request", "output", "tier", "verdict", "undone"}},
    {"pin", "id", {"id", "hash", "pipeline"}},
    {"artifact", "hash", {"hash", "size", "refs"}},
    {"meta", "key", {"key", "value"}},
};

/* The value with one bit changed: in a document one of a name, so that it stays JSON and only the
 * digest can tell; else the last byte's lowest, or one of the number's. */
static void bind_changed(sqlite3_stmt *statement, sqlite3_value *value, bool blob)
{
    int type = sqlite3_value_type(value);
    if (type == SQLITE_INTEGER) {
        sqlite3_bind_int64(statement, 1, sqlite3_value_int64(value) ^ (INT64_C(1) << 20));
    } else if (type == SQLITE_NULL && blob) {
        sqlite3_bind_blob(statement, 1, "{}", 2, SQLITE_STATIC);
    } else if (type == SQLITE_NULL) {
        sqlite3_bind_int64(statement, 1, 0);
    } else {
        size_t size = (size_t)sqlite3_value_bytes(value);
        char *bytes = fnd_alloc(size + 1);
        if (size > 0) {
            memcpy(bytes, sqlite3_value_blob(value), size);
        }
        bytes[size > 4 && bytes[0] == '{' ? 2 : size > 0 ? size - 1 : 0] ^= 1;
        size = size > 0 ? size : 1;
        if (type == SQLITE_TEXT) {
            sqlite3_bind_text(statement, 1, bytes, (int)size, SQLITE_TRANSIENT);
        } else {
            sqlite3_bind_blob(statement, 1, bytes, (int)size, SQLITE_TRANSIENT);
        }
        free(bytes);
    }
}

static void run(sqlite3 *db, sqlite3_stmt *statement)
{
    cr_assert_eq(sqlite3_step(statement), SQLITE_DONE, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_changes(db), 1);
    sqlite3_finalize(statement);
}

/* Change one cell, verify, change it back. */
static void try_cell(struct scene *scene, sqlite3 *db, const struct cells *table,
                     const char *column, sqlite3_value *key, sqlite3_value *value)
{
    bool blob =
        strcmp(column, "digest") == 0 || strcmp(column, "body") == 0 || strcmp(column, "meta") == 0;
    bool is_key = strcmp(column, table->key) == 0;
    char *text =
        sqlite3_mprintf("UPDATE %s SET %s = ?1 WHERE %s = ?2", table->table, column, table->key);
    sqlite3_stmt *change = NULL;
    sqlite3_stmt *restore = NULL;
    cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &change, NULL), SQLITE_OK);
    bind_changed(change, value, blob);
    sqlite3_bind_value(change, 2, key);
    run(db, change);
    struct flaws flaws = verify(scene, NULL);
    cr_expect_gt(flaws.count, 0, "%s.%s of %s was changed and not seen", table->table, column,
                 (const char *)sqlite3_value_text(key));
    cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &restore, NULL), SQLITE_OK);
    sqlite3_bind_value(restore, 1, value);
    if (is_key) {
        sqlite3_stmt *again = NULL;
        cr_assert_eq(sqlite3_prepare_v2(db, "SELECT ?1", -1, &again, NULL), SQLITE_OK);
        bind_changed(again, value, blob);
        cr_assert_eq(sqlite3_step(again), SQLITE_ROW);
        sqlite3_bind_value(restore, 2, sqlite3_column_value(again, 0));
        run(db, restore);
        sqlite3_finalize(again);
    } else {
        sqlite3_bind_value(restore, 2, key);
        run(db, restore);
    }
    sqlite3_free(text);
}

static size_t try_column(struct scene *scene, sqlite3 *db, const struct cells *table,
                         const char *column)
{
    enum { ROWS_MAX = 64 };
    sqlite3_value *keys[ROWS_MAX];
    sqlite3_value *values[ROWS_MAX];
    size_t count = 0;
    char *text = sqlite3_mprintf("SELECT %s, %s FROM %s", table->key, column, table->table);
    sqlite3_stmt *rows = NULL;
    cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &rows, NULL), SQLITE_OK, "%s", text);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        cr_assert_lt(count, ROWS_MAX);
        keys[count] = sqlite3_value_dup(sqlite3_column_value(rows, 0));
        values[count++] = sqlite3_value_dup(sqlite3_column_value(rows, 1));
    }
    sqlite3_finalize(rows);
    sqlite3_free(text);
    for (size_t i = 0; i < count; i++) {
        try_cell(scene, db, table, column, keys[i], values[i]);
        sqlite3_value_free(keys[i]);
        sqlite3_value_free(values[i]);
    }
    return count;
}

Test(verify, a_change_of_any_cell_of_any_table_is_seen)
{
    struct scene scene;
    char path[PATH_SIZE];
    build(&scene);
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(scene_file(&scene, "state.db", path), &db), SQLITE_OK);
    size_t tried = 0;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        for (size_t j = 0; cells[i].columns[j] != NULL; j++) {
            size_t count = try_column(&scene, db, &cells[i], cells[i].columns[j]);
            cr_expect_gt(count, 0, "%s has no row", cells[i].table);
            tried += count;
        }
    }
    cr_assert_gt(tried, 400);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    struct flaws flaws = verify(&scene, NULL);
    cr_assert_eq(flaws.count, 0, "after all was put back: %s", flaws.first);
    scene_end(&scene);
}

Test(verify, a_row_too_many_or_too_few_is_seen_in_any_table)
{
    static const struct {
        const char *change, *part;
    } cases[] = {
        {"DELETE FROM event WHERE id = 5", "numbers 5 to 5 are missing"},
        {"DELETE FROM payload WHERE event = 5", "payload of event 5: it is missing"},
        {"INSERT INTO payload VALUES(999, zeroblob(32), NULL, NULL)", "payload of event 999"},
        {"DELETE FROM job WHERE id = 3", "job 3: the row is missing"},
        {"DELETE FROM step WHERE id = 3", "step 3: the row is missing"},
        {"DELETE FROM request", "request"},
        {"DELETE FROM correction", "correction"},
        {"DELETE FROM pin", "pin 2: the row is missing"},
        {"DELETE FROM meta WHERE key = 'salt'", "meta salt: the row is missing"},
        {"INSERT INTO meta VALUES('more', x'00')", "meta more: no event makes this row"},
        {"DELETE FROM artifact", "artifact"},
        {"DROP INDEX step_live", "sqlite_schema step_live: the row is missing"},
        {"CREATE TABLE more(a)", "sqlite_schema more: no event makes this row"},
        {"CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM job; END",
         "sqlite_schema t: no event"},
        {"INSERT INTO event SELECT 1 + (SELECT max(id) FROM event), at, kind, step, prev, phase,"
         " attempt, level, state, next_phase, next_attempt, failures, due, ref, digest, chain"
         " FROM event WHERE id = 4",
         "the chain is broken here"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        build(&scene);
        sql(&scene, cases[i].change);
        sees(&scene, cases[i].part);
        scene_end(&scene);
    }
}

Test(verify, an_index_that_lost_an_entry_is_seen)
{
    struct scene scene;
    build(&scene);
    sql(&scene, "PRAGMA writable_schema=ON;"
                "UPDATE sqlite_schema SET sql = replace(sql, '<= 3', '<= 0')"
                " WHERE name = 'step_live';");
    struct flaws flaws = verify(&scene, NULL);
    cr_assert_gt(flaws.count, 0);
    scene_end(&scene);
}

Test(verify, changed_missing_and_unexpected_files_are_seen)
{
    struct scene scene;
    char path[PATH_SIZE];
    char name[FND_ARTIFACT_PATH_SIZE];
    uint8_t hash[FND_DIGEST_SIZE];
    build(&scene);
    fnd_sha256("input", 5, hash);
    fnd_artifact_path(hash, name);
    scene_file(&scene, name, path);
    flip_byte(path, 2);
    sees(&scene, "its bytes have the hash");
    flip_byte(path, 2);
    cr_assert_eq(truncate(path, 4), 0);
    sees(&scene, "has 4 bytes, recorded were 5");
    cr_assert_eq(unlink(path), 0);
    sees(&scene, "is missing");
    FILE *file = fopen(path, "w");
    fputs("input", file);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(verify(&scene, NULL).count, 0);
    static const struct {
        const char *name, *part;
    } cases[] = {{"artifacts/00/x", "the engine makes no such file"},
                 {"artifacts/README", "the engine makes no such file"},
                 {"plugins/evil.so", "the engine makes no such file"}};
    cr_assert_eq(mkdir(scene_file(&scene, "artifacts/00", path), 0700), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(fclose(fopen(scene_file(&scene, cases[i].name, path), "w")), 0);
        sees(&scene, cases[i].part);
        cr_assert_eq(unlink(path), 0);
    }
    scene_end(&scene);
}

Test(verify, an_artifact_that_no_event_names_is_checked_too)
{
    struct scene scene;
    char path[PATH_SIZE];
    char name[FND_ARTIFACT_PATH_SIZE];
    build(&scene);
    scene_open(&scene);
    struct fnd_artifact orphan;
    cr_assert_eq(fnd_artifact_put(scene.store, "orphan", 6, &orphan, NULL), FND_OK);
    scene_close(&scene);
    struct fnd_verify result;
    cr_assert_eq(verify(&scene, &result).count, 0);
    cr_assert_eq(result.artifacts, 3);
    fnd_artifact_path(orphan.hash, name);
    flip_byte(scene_file(&scene, name, path), 0);
    sees(&scene, "its bytes have the hash");
    scene_end(&scene);
}

Test(verify, a_change_of_a_plugin_copy_is_seen)
{
    struct scene scene;
    char path[PATH_SIZE];
    char command[PATH_SIZE + 128];
    build(&scene);
    snprintf(command, sizeof command, "for f in %s*; do chmod u+w $f; printf X >>$f; done",
             scene_file(&scene, "plugins/", path));
    cr_assert_eq(system(command), 0);
    sees(&scene, "its bytes have the hash");
    scene_end(&scene);
}

/* A pin that names a plugin, and a job that stands under it in this state. */
static void build_needs(struct scene *scene, const uint8_t hash[FND_DIGEST_SIZE],
                        enum fnd_event_kind kind, enum fnd_state state)
{
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(hash, hex);
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"name\":\"invoice\",\"plugins\":{\"words\":{\"sha256\":\"%s\"}}}",
                    hex);
    struct fnd_write *write = write_pin("invoice", 7);
    fnd_sha256(fnd_text_z(&body), body.size, write->hash);
    free(write->events[0].body);
    write->events[0].body_size = body.size;
    write->events[0].body = fnd_text_take(&body);
    int64_t pin = commit(scene, write, FND_OK);
    int64_t job = commit(scene, write_job(scene, pin, "invoice", "1.png", 1), FND_OK);
    commit(scene, write_move(scene, job, kind, state, 0), FND_OK);
}

Test(verify, a_missing_plugin_copy_is_a_flaw_only_if_a_job_needs_it)
{
    static const struct {
        enum fnd_event_kind kind;
        enum fnd_state state;
        bool needed;
    } cases[] = {{FND_EVENT_HOLD, FND_PAUSED, true},
                 {FND_EVENT_START, FND_RUNNING, true},
                 {FND_EVENT_CANCEL, FND_CANCELLED, false},
                 {FND_EVENT_FAIL, FND_FAILED, false}};
    uint8_t hash[FND_DIGEST_SIZE] = {0xab};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        char path[PATH_SIZE];
        scene_begin(&scene, 31 + i);
        int fd = open(scene_file(&scene, "lock", path), O_RDONLY | O_CLOEXEC);
        cr_assert_eq(fnd_plugin_keep(scene.store, fd, hash, NULL), FND_OK);
        close(fd);
        build_needs(&scene, hash, cases[i].kind, cases[i].state);
        scene_close(&scene);
        struct flaws flaws = verify(&scene, NULL);
        cr_assert_eq(flaws.count, 0, "%s", flaws.first);
        char name[128] = "plugins/";
        fnd_digest_text(hash, name + strlen(name));
        strcat(name, ".so");
        cr_assert_eq(unlink(scene_file(&scene, name, path)), 0);
        flaws = verify(&scene, NULL);
        cr_assert_eq(flaws.count, cases[i].needed, "case %zu: %s", i, flaws.first);
        if (cases[i].needed) {
            cr_expect_not_null(strstr(flaws.first, name), "%s", flaws.first);
            cr_expect_not_null(strstr(flaws.first, "is missing: 1 job"), "%s", flaws.first);
            cr_expect_not_null(strstr(flaws.first, "plugin words"), "%s", flaws.first);
        }
        scene_end(&scene);
    }
}

Test(verify, a_change_of_any_byte_of_the_witness_is_seen)
{
    struct scene scene;
    char path[PATH_SIZE];
    build(&scene);
    scene_file(&scene, "head", path);
    for (int slot = 0; slot < FND_HEAD_SLOTS; slot++) {
        for (long byte = 0; byte < 80; byte++) {
            long offset = slot * FND_HEAD_SLOT_STRIDE + byte;
            flip_byte(path, offset);
            struct flaws flaws = verify(&scene, NULL);
            cr_expect_eq(flaws.count, 1, "byte %ld", offset);
            cr_expect_not_null(strstr(flaws.first, "head: slot"), "%s", flaws.first);
            flip_byte(path, offset);
        }
    }
    cr_assert_eq(verify(&scene, NULL).count, 0);
    cr_assert_eq(unlink(path), 0);
    sees(&scene, "the witness is missing");
    scene_end(&scene);
}

/* As a kill leaves it between the tables and the first event: nothing was acknowledged yet, and the
 * next opening goes on. */
Test(verify, a_record_that_is_being_made_needs_no_whole_witness)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_begin(&scene, 12);
    scene_close(&scene);
    sql(&scene, "DELETE FROM event; DELETE FROM payload; DELETE FROM meta;");
    scene_file(&scene, "head", path);
    static const off_t sizes[] = {FND_HEAD_SLOT_STRIDE, 40, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cr_assert_eq(truncate(path, sizes[i]), 0);
        struct flaws flaws = verify(&scene, NULL);
        cr_expect_eq(flaws.count, i == 0 ? 1 : 0, "%ld bytes: %s", (long)sizes[i], flaws.first);
    }
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(verify(&scene, NULL).count, 0);
    scene_open(&scene);
    cr_expect_eq(verify(&scene, NULL).count, 0);
    scene_end(&scene);
}

Test(verify, runs_beside_a_live_writer)
{
    struct scene scene;
    build(&scene);
    scene_open(&scene);
    for (int i = 0; i < 20; i++) {
        commit(&scene, write_pin("p", i), FND_OK);
        struct flaws flaws = verify(&scene, NULL);
        cr_assert_eq(flaws.count, 0, "%s", flaws.first);
    }
    scene_end(&scene);
}

/* What was damaged in the middle of the file ends in a flaw or a refusal, never in a crash; and a
 * change of recorded bytes is always seen. */
Test(verify, damaged_pages_end_in_a_flaw_and_never_in_a_crash)
{
    enum { STEP = 211 };
    struct scene scene;
    char path[PATH_SIZE];
    build(&scene);
    scene_file(&scene, "state.db", path);
    long size = file_size(path);
    int seen = 0;
    int tried = 0;
    for (long offset = 0; offset < size; offset += STEP, tried++) {
        flip_byte(path, offset);
        struct fnd_reader *reader = NULL;
        struct fnd_verify result;
        if (fnd_reader_open(scene.directory, &reader, NULL) != FND_OK) {
            seen++;
        } else {
            struct fnd_error error = {0};
            fnd_store_verify(reader, &result, NULL, NULL, &error);
            seen += result.flaws > 0 || error.status != FND_OK;
        }
        fnd_reader_close(reader);
        flip_byte(path, offset);
    }
    cr_assert_gt(tried, 300);
    cr_assert_gt(seen, 10, "of %d", tried);
    cr_assert_eq(verify(&scene, NULL).count, 0);
    scene_end(&scene);
}
