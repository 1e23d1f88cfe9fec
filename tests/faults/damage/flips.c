/* SPDX-License-Identifier: MIT */
/* One bit at a time. Cells are asked of SQLite, so that a flip is never in free space; half of them
 * are made by an UPDATE, which leaves no trace that SQLite's own check could see, half in the
 * file's bytes, where those are found exactly once. */
#include <dirent.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "damage.h"

enum { CLASSES_MAX = 256, FILES_MAX = 256, NAME_SIZE = 96, OPEN_EACH = 4, TRIES = 20 };
enum { HEAD_SLOT_SIZE = 80, HEAD_SLOT_STRIDE = 512 };

/** A column of a table, or (column empty) a kind of file. */
struct class
{
    char table[NAME_SIZE], column[NAME_SIZE], key[NAME_SIZE];
    const char *where; /* of its rows; "" for all */
    size_t rows, hits;
};

struct flips {
    struct damage *damage;
    struct class classes[CLASSES_MAX];
    size_t count;
    uint8_t *record, *head; /* state.db and head, undamaged */
    size_t record_size, head_size;
    char files[FILES_MAX][PATH_SIZE]; /* artifacts and plugin copies, below .foundry */
    size_t artifacts, files_count;    /* artifacts come first */
    char what[PATH_SIZE * 2];         /* the present flip */
    size_t raw;
};

static sqlite3 *db_open(const struct damage *damage)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(inside(damage->work, "state.db"), &db) != SQLITE_OK) {
        fprintf(stderr, "damage: %s\n", sqlite3_errmsg(db));
        exit(2);
    }
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fprintf(stderr, "damage: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(2);
    }
    return statement;
}

static size_t rows_of(sqlite3 *db, const struct class *class)
{
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\" %s", class->table, class->where);
    sqlite3_stmt *row = prepare(db, sql);
    sqlite3_step(row);
    const size_t rows = (size_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_free(sql);
    return rows;
}

static struct class *class_add(struct flips *flips, const char *table, const char *column,
                               const char *key, const char *where)
{
    struct class *class = &flips->classes[flips->count++];
    snprintf(class->table, NAME_SIZE, "%s", table);
    snprintf(class->column, NAME_SIZE, "%s", column);
    snprintf(class->key, NAME_SIZE, "%s", key);
    class->where = where;
    return class;
}

/* Whatever tables there are: one that is added later is flipped without a word here. */
static void classes_of_tables(struct flips *flips, sqlite3 *db)
{
    sqlite3_stmt *column = prepare(
        db, "SELECT m.name, c.name, (SELECT group_concat('\"' || k.name || '\"')"
            " FROM pragma_table_info(m.name) AS k WHERE k.pk > 0) FROM sqlite_schema AS m, "
            "pragma_table_info(m.name) AS c"
            " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid");
    while (sqlite3_step(column) == SQLITE_ROW && flips->count < CLASSES_MAX - 4) {
        struct class *class = class_add(flips, (const char *)sqlite3_column_text(column, 0),
                                        (const char *)sqlite3_column_text(column, 1),
                                        (const char *)sqlite3_column_text(column, 2), "");
        class->rows = rows_of(db, class);
    }
    sqlite3_finalize(column);
    struct class *pins = class_add(flips, "payload", "body", "\"event\"",
                                   "WHERE event IN (SELECT id FROM event WHERE kind = 2)");
    pins->rows = rows_of(db, pins);
}

static void files_add(struct flips *flips, const char *folder)
{
    DIR *directory = opendir(inside(flips->damage->work, folder));
    for (const struct dirent *entry = directory != NULL ? readdir(directory) : NULL;
         entry != NULL && flips->files_count < FILES_MAX; entry = readdir(directory)) {
        char name[PATH_SIZE];
        struct stat about;
        snprintf(name, sizeof name, "%.100s/%.255s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(inside(flips->damage->work, name), &about) != 0) {
            continue;
        }
        if (S_ISDIR(about.st_mode)) {
            files_add(flips, name);
        } else if (about.st_size > 0) {
            snprintf(flips->files[flips->files_count++], PATH_SIZE, "%s", name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

static void classes_make(struct flips *flips)
{
    sqlite3 *db = db_open(flips->damage);
    classes_of_tables(flips, db);
    sqlite3_close(db);
    files_add(flips, "artifacts");
    flips->artifacts = flips->files_count;
    files_add(flips, "plugins");
    class_add(flips, "head", "", "", "")->rows = 2;
    class_add(flips, "artifact files", "", "", "")->rows = flips->artifacts;
    class_add(flips, "plugin copies", "", "", "")->rows = flips->files_count - flips->artifacts;
}

/* --- cells --------------------------------------------------------------------------------- */

static size_t bit_of(struct flips *flips, size_t bytes)
{
    return draw_below(&flips->damage->draw, bytes * 8);
}

/* The cell's bytes where they lie in the file, if that is in one place only. */
static bool flip_raw(struct flips *flips, sqlite3_value *value)
{
    const size_t size = (size_t)sqlite3_value_bytes(value);
    const int type = sqlite3_value_type(value);
    if (size < 8 || (type != SQLITE_TEXT && type != SQLITE_BLOB)) {
        return false;
    }
    const void *bytes = sqlite3_value_blob(value);
    uint8_t *end = flips->record + flips->record_size;
    uint8_t *first = memmem(flips->record, flips->record_size, bytes, size);
    if (first == NULL || memmem(first + 1, (size_t)(end - first - 1), bytes, size) != NULL) {
        return false;
    }
    const size_t bit = bit_of(flips, size);
    first[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    bytes_write(inside(flips->damage->work, "state.db"), flips->record, flips->record_size);
    first[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    snprintf(flips->what + strlen(flips->what), PATH_SIZE, ", bit %zu, in the file", bit);
    flips->raw++;
    return true;
}

static void bind_flipped(struct flips *flips, sqlite3_stmt *change, sqlite3_value *value,
                         const char *declared)
{
    const int type = sqlite3_value_type(value);
    const size_t size = (size_t)sqlite3_value_bytes(value);
    if (type == SQLITE_INTEGER) {
        const size_t bit = draw_below(&flips->damage->draw, 63);
        sqlite3_bind_int64(change, 1, sqlite3_value_int64(value) ^ ((sqlite3_int64)1 << bit));
    } else if (type == SQLITE_NULL && strcmp(declared, "INTEGER") == 0) {
        sqlite3_bind_int64(change, 1, (sqlite3_int64)draw_below(&flips->damage->draw, 4));
    } else if (size == 0 && strcmp(declared, "TEXT") == 0) {
        sqlite3_bind_text(change, 1, "x", 1, SQLITE_STATIC);
    } else if (size == 0) { /* nothing, where there are bytes otherwise */
        sqlite3_bind_blob(change, 1, "\1", 1, SQLITE_STATIC);
    } else {
        const size_t bit = bit_of(flips, size);
        uint8_t *bytes = fnd_alloc(size);
        memcpy(bytes, sqlite3_value_blob(value), size);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        if (type == SQLITE_TEXT) {
            sqlite3_bind_text(change, 1, (const char *)bytes, (int)size, SQLITE_TRANSIENT);
        } else {
            sqlite3_bind_blob(change, 1, bytes, (int)size, SQLITE_TRANSIENT);
        }
        free(bytes);
    }
}

/* The same effect by SQL. false: SQLite's constraints refuse this very change. */
static bool flip_update(struct flips *flips, sqlite3 *db, const struct class *class,
                        unsigned long long row, sqlite3_value *value, const char *declared)
{
    char *sql = sqlite3_mprintf("UPDATE \"%w\" SET \"%w\" = ?1 WHERE (%s) ="
                                " (SELECT %s FROM \"%w\" %s ORDER BY %s LIMIT 1 OFFSET %llu)",
                                class->table, class->column, class->key, class->key, class->table,
                                class->where, class->key, row);
    sqlite3_stmt *change = prepare(db, sql);
    sqlite3_free(sql);
    bind_flipped(flips, change, value, declared);
    const bool done = sqlite3_step(change) == SQLITE_DONE && sqlite3_changes(db) == 1;
    sqlite3_finalize(change);
    return done;
}

static void flip_cell(struct flips *flips, const struct class *class)
{
    for (int i = 0; i < TRIES; i++) {
        sqlite3 *db = db_open(flips->damage);
        const unsigned long long at = draw_below(&flips->damage->draw, class->rows);
        char *sql = sqlite3_mprintf(
            "SELECT \"%w\", (SELECT type FROM pragma_table_info(%Q) WHERE name = %Q)"
            " FROM \"%w\" %s ORDER BY %s LIMIT 1 OFFSET %llu",
            class->column, class->table, class->column, class->table, class->where, class->key, at);
        sqlite3_stmt *row = prepare(db, sql);
        sqlite3_free(sql);
        sqlite3_step(row);
        sqlite3_value *value = sqlite3_value_dup(sqlite3_column_value(row, 0));
        char declared[NAME_SIZE];
        snprintf(declared, sizeof declared, "%s", (const char *)sqlite3_column_text(row, 1));
        sqlite3_finalize(row);
        snprintf(flips->what, sizeof flips->what, "%s.%s of row %llu", class->table, class->column,
                 at);
        bool done = draw_below(&flips->damage->draw, 4) > 0 && flip_raw(flips, value);
        if (!done) {
            done = flip_update(flips, db, class, at, value, declared);
        }
        sqlite3_value_free(value);
        sqlite3_close(db);
        if (done) {
            return;
        }
    }
    fprintf(stderr, "damage: no change of %s.%s is possible\n", class->table, class->column);
    exit(2);
}

/* --- files --------------------------------------------------------------------------------- */

static void flip_file(struct flips *flips, const char *name, size_t from, size_t size)
{
    size_t whole;
    char path[PATH_SIZE * 2];
    snprintf(path, sizeof path, "%s", inside(flips->damage->work, name));
    uint8_t *bytes = bytes_read(path, &whole);
    const size_t bit = bit_of(flips, size < whole ? size : whole);
    bytes[from + bit / 8] ^= (uint8_t)(1U << (bit % 8));
    bytes_write(path, bytes, whole);
    free(bytes);
    snprintf(flips->what, sizeof flips->what, "%s, bit %zu", name, from * 8 + bit);
}

static void flip(struct flips *flips, const struct class *class)
{
    struct draw *draw = &flips->damage->draw;
    if (class->column[0] != '\0') {
        flip_cell(flips, class);
    } else if (strcmp(class->table, "head") == 0) {
        flip_file(flips, "head", draw_below(draw, 2) * HEAD_SLOT_STRIDE, HEAD_SLOT_SIZE);
    } else if (strcmp(class->table, "artifact files") == 0) {
        flip_file(flips, flips->files[draw_below(draw, flips->artifacts)], 0, SIZE_MAX);
    } else {
        const size_t copies = flips->files_count - flips->artifacts;
        flip_file(flips, flips->files[flips->artifacts + draw_below(draw, copies)], 0, SIZE_MAX);
    }
}

/* --- all of them --------------------------------------------------------------------------- */

static void put_back(struct flips *flips, const struct class *class)
{
    const char *work = flips->damage->work;
    if (class->column[0] == '\0') { /* what the flip was in is not known here */
        directory_copy(flips->damage->whole, work);
        return;
    }
    unlink(inside(work, "state.db-wal"));
    unlink(inside(work, "state.db-shm"));
    bytes_write(inside(work, "state.db"), flips->record, flips->record_size);
    bytes_write(inside(work, "head"), flips->head, flips->head_size);
}

static void print_tables(const struct flips *flips)
{
    for (size_t i = 0; i < flips->count;) {
        const struct class *class = &flips->classes[i];
        size_t columns = 0, hits = 0;
        for (; i < flips->count && strcmp(flips->classes[i].table, class->table) == 0 &&
               flips->classes[i].where == class->where;
             i++) {
            columns++;
            hits += flips->classes[i].hits;
        }
        if (class->where[0] != '\0') {
            printf("pin documents: %zu, flips %zu\n", class->rows, hits);
        } else if (class->column[0] == '\0') {
            printf("%s: %zu, flips %zu\n", class->table, class->rows, hits);
        } else {
            if (class->rows == 0) { /* nothing can be shown of a table that is empty */
                fprintf(stderr, "damage: table %s has no row\n", class->table);
                exit(2);
            }
            printf("table %s: %zu rows, %zu columns, flips %zu\n", class->table, class->rows,
                   columns, hits);
        }
    }
    printf("%zu of the flips were made in the bytes of state.db, the others by SQL or in files\n",
           flips->raw);
}

static void one_flip(struct flips *flips, struct class *class, struct counts *counts)
{
    char text[TEXT_SIZE];
    struct fnd_error error;
    flip(flips, class);
    class->hits++;
    if (!is_found(flips->damage, flips->damage->work, text)) {
        violation(counts, "seed %" PRIu64 ", flip %zu: %s: nobody noticed", flips->damage->seed,
                  counts->runs, flips->what);
    }
    if (counts->runs % OPEN_EACH == 0) {
        (void)try_open(flips->damage->work, false, &error); /* whatever it says: no crash */
    }
    counts->runs++;
    put_back(flips, class);
}

void flips(struct damage *damage, size_t wanted, struct counts *counts)
{
    struct flips *flips = fnd_alloc(sizeof *flips);
    char text[TEXT_SIZE];
    flips->damage = damage;
    directory_copy(damage->whole, damage->work);
    classes_make(flips);
    directory_copy(damage->whole, damage->work);
    flips->record = bytes_read(inside(damage->work, "state.db"), &flips->record_size);
    flips->head = bytes_read(inside(damage->work, "head"), &flips->head_size);
    const size_t first = draw_below(&damage->draw, flips->count);
    for (size_t i = 0; counts->runs < wanted; i++) {
        struct class *class = &flips->classes[(first + i) % flips->count];
        if (class->rows > 0) {
            one_flip(flips, class, counts);
        }
    }
    if (is_found(damage, damage->work, text)) {
        violation(counts, "after all was put back: %s", text);
    }
    if (damage->plant == NULL) {
        print_tables(flips);
    }
    free(flips->record);
    free(flips->head);
    free(flips);
}
