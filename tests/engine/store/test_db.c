/* SPDX-License-Identifier: MIT */
/* What SQLite answers, told in our words: which status, and what a person should do. */
#include "store/db.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lock.h"
#include "support.h"

Test(db, each_result_has_a_status_a_reason_and_a_remedy)
{
    static const struct {
        int rc, error_number;
        enum fnd_status status;
        const char *code, *says;
    } cases[] = {
        {SQLITE_FULL, 0, FND_FULL, "storage_full", "free space in /jobs"},
        {SQLITE_IOERR_WRITE, ENOSPC, FND_FULL, "storage_full", "nothing acknowledged was lost"},
        {SQLITE_IOERR_WRITE, EDQUOT, FND_FULL, "storage_full", "free space"},
        {SQLITE_IOERR_FSYNC, EIO, FND_IO, "io", "check the disk"},
        {SQLITE_IOERR_READ, 0, FND_IO, "io", "(SQLite 266); check the disk"},
        {SQLITE_CANTOPEN, EACCES, FND_DENIED, "", "Permission denied; make the folder writable"},
        {SQLITE_CANTOPEN, ENOENT, FND_IO, "io", "No such file"},
        {SQLITE_READONLY, 0, FND_DENIED, "", "make the folder writable for this user"},
        {SQLITE_PERM, 0, FND_DENIED, "", "make the folder writable"},
        {SQLITE_AUTH, 0, FND_DENIED, "", "make the folder writable"},
        {SQLITE_CORRUPT, 0, FND_DAMAGED, "record_damaged", "restore a backup"},
        {SQLITE_NOTADB, 0, FND_DAMAGED, "record_damaged", "`foundry-engine verify`"},
        {SQLITE_NOMEM, 0, FND_NO_MEMORY, "", "no memory left"},
        {SQLITE_BUSY, 0, FND_BUSY, "", "another program holds SQLite's lock"},
        {SQLITE_LOCKED, 0, FND_BUSY, "", "end it and repeat"},
        {SQLITE_MISUSE, 0, FND_IO, "io", "cannot look in /jobs/.foundry/state.db"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fnd_db db = {.path = "/jobs", .error_number = cases[i].error_number};
        struct fnd_error error = {0};
        cr_expect_eq(fnd_db_status(&db, cases[i].rc), cases[i].status, "case %zu", i);
        cr_expect_eq(fnd_db_error(&db, cases[i].rc, "look", &error), cases[i].status, "case %zu",
                     i);
        cr_expect_eq(error.status, cases[i].status, "case %zu", i);
        cr_expect(cases[i].code[0] == '\0' || strcmp(error.code, cases[i].code) == 0,
                  "case %zu: %s", i, error.code);
        cr_expect_not_null(strstr(error.message, cases[i].says), "case %zu: %s", i, error.message);
        cr_expect_not(fnd_db_unfinished(&db));
    }
}

Test(db, a_statement_that_cannot_be_made_leaves_none_behind)
{
    struct scene scene;
    struct fnd_error error = {0};
    struct fnd_db db = {0};
    scene_begin(&scene, 41);
    scene_close(&scene);
    char path[PATH_SIZE];
    const int folder = open(scene_file(&scene, "", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(folder, 0);
    cr_assert_eq(fnd_db_open(&db, folder, scene.directory, SQLITE_OPEN_READONLY, &error), FND_OK,
                 "%s", error.message);
    sqlite3_stmt *statements[3] = {(sqlite3_stmt *)1, (sqlite3_stmt *)1, (sqlite3_stmt *)1};
    static const char *const sql[] = {"SELECT 1", "SELECT color FROM nowhere", "SELECT 2"};
    cr_expect_eq(fnd_db_prepare(&db, sql, 3, statements, &error), FND_IO);
    cr_expect_not_null(strstr(error.message, "cannot prepare a statement"), "%s", error.message);
    cr_expect_not_null(strstr(error.message, "nowhere"), "%s", error.message);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_null(statements[i], "statement %zu", i);
    }
    int64_t value = 7;
    cr_expect_eq(fnd_db_integer(&db, "SELECT 1 WHERE 0", &value, &error), FND_DAMAGED);
    cr_expect_eq(fnd_db_integer(&db, "SELECT color", &value, &error), FND_IO);
    cr_expect_eq(value, 7, "it is not touched by what fails");
    cr_expect_eq(fnd_db_exec(&db, "CREATE TABLE more(a)", "write", &error), FND_DENIED);
    cr_expect_not_null(strstr(error.message, "make the folder writable"), "%s", error.message);
    fnd_db_close(&db);
    (void)close(folder);
    scene_end(&scene);
}

Test(db, a_file_that_is_not_there_is_named)
{
    struct scene scene;
    struct fnd_error error = {0};
    struct fnd_db db = {0};
    scene_directory(&scene, 42);
    const int folder = open(scene.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_expect_eq(fnd_db_open(&db, folder, scene.directory, SQLITE_OPEN_READONLY, &error), FND_IO);
    cr_expect_not_null(strstr(error.message, scene.directory), "%s", error.message);
    cr_expect_null(db.handle);
    cr_expect_eq(fnd_db_log_kept(folder, scene.directory, &error), FND_OK, "nothing to keep");
    /* A record that is no file, so that SQLite cannot open it. */
    cr_assert_eq(mkdirat(folder, "state.db", 0700), 0);
    cr_expect_eq(fnd_db_open(&db, folder, scene.directory, SQLITE_OPEN_READWRITE, &error), FND_IO);
    cr_expect_not_null(strstr(error.message, "open the record"), "%s", error.message);
    cr_expect_null(db.handle);
    (void)unlinkat(folder, "state.db", AT_REMOVEDIR);
    (void)close(folder);
    scene_end(&scene);
}

Test(db, a_folder_whose_file_system_cannot_be_asked_for_is_refused)
{
    struct fnd_error error = {0};
    cr_expect_eq(fnd_lock_place(-1, "/jobs", &error), FND_IO);
    cr_expect_not_null(strstr(error.message, "cannot ask what file system /jobs is on"), "%s",
                       error.message);
}
