/* SPDX-License-Identifier: MIT */
/* Directories as they come: deep, empty, read-only, in use, half made, of a newer engine. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "place.h"

static struct place place;

static void one_job(void)
{
    static const char line[] = "{\"id\":1,\"n\":1}\n";
    place_write(&place, "a.jsonl", line, sizeof line - 1);
}

static void expect_said(const char *what)
{
    cr_expect_not_null(strstr(place.error.message, what), "\"%s\" does not say \"%s\"",
                       place.error.message, what);
}

static void file_hash(const char *name, uint8_t hash[FND_DIGEST_SIZE])
{
    struct fnd_text path = {0}, bytes = {0};
    fnd_text_printf(&path, "%s/.foundry/%s", place.jobs, name);
    cr_assert_eq(fnd_file_read(AT_FDCWD, fnd_text_z(&path), 1 << 24, &bytes, &place.error), FND_OK,
                 "%s", place.error.message);
    fnd_sha256(bytes.bytes, bytes.size, hash);
    fnd_text_finish(&path);
    fnd_text_finish(&bytes);
}

static void store_exec(const char *sql)
{
    char path[PLACE_PATH_SIZE + 32];
    sqlite3 *handle = NULL;
    snprintf(path, sizeof path, "%s/.foundry/state.db", place.jobs);
    cr_assert_eq(sqlite3_open(path, &handle), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

Test(places, a_store_of_a_newer_schema_is_refused_untouched)
{
    static const char *const names[] = {"state.db", "head"};
    uint8_t before[2][FND_DIGEST_SIZE], behind[2][FND_DIGEST_SIZE];
    struct fnd_reader *reader = NULL;
    place_begin(&place, place_plain);
    one_job();
    cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
    cr_assert_eq(place_run(&place), FND_OK, "%s", place.error.message);
    place_close(&place);
    store_exec("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE);");
    for (size_t i = 0; i < 2; i++) {
        file_hash(names[i], before[i]);
    }
    cr_expect_eq(place_open(&place), FND_INVALID);
    expect_said("newer engine");
    expect_said("schema 99");
    cr_expect_str_eq(place.error.code, "newer_schema");
    cr_expect_eq(fnd_reader_open(place.jobs, &reader, &place.error), FND_INVALID);
    for (size_t i = 0; i < 2; i++) {
        file_hash(names[i], behind[i]);
        cr_expect_arr_eq(before[i], behind[i], FND_DIGEST_SIZE, "%s was touched", names[i]);
    }
    place_end(&place);
}

/* The bytes of a record whose making was cut off by kill -9: the first page, and a journal that
 * says there was nothing before it. */
Test(places, a_store_killed_as_it_was_made_is_made_by_the_next_start)
{
    static const unsigned char journal[28] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0,
                                              0,    0,    0x61, 0xc4, 0x9d, 0x7f, 0,    0,    0, 0,
                                              0,    0,    2,    0,    0,    0,    0x10, 0};
    char path[PLACE_PATH_SIZE + 64], sector[512] = {0};
    struct fnd_reader *reader = NULL;
    place_begin(&place, place_plain);
    one_job();
    snprintf(path, sizeof path, "%s/.foundry", place.jobs);
    cr_assert_eq(mkdir(path, 0700), 0);
    store_exec("PRAGMA journal_mode = WAL;");
    memcpy(sector, journal, sizeof journal);
    place_write(&place, ".foundry/state.db-journal", sector, sizeof sector);

    cr_expect_eq(fnd_reader_open(place.jobs, &reader, &place.error), FND_NOT_FOUND);
    expect_said("empty yet");
    cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
    cr_assert_eq(place_run(&place), FND_OK, "%s", place.error.message);
    cr_expect_eq(place_count(&place, FND_COMPLETED), 1);
    place_check(&place);
    place_end(&place);
}

Test(places, a_path_may_be_long)
{
    static const size_t sizes[] = {180, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        place_begin(&place, place_plain);
        size_t size = strlen(place.jobs);
        while (size < sizes[i]) {
            size_t part = sizes[i] - size - 1;
            part = part > 200 ? 100 : part;
            place.jobs[size++] = '/';
            memset(place.jobs + size, 'd', part);
            size += part;
            place.jobs[size] = '\0';
            cr_assert_eq(mkdir(place.jobs, 0700), 0, "%s", place.jobs);
        }
        cr_assert_eq(strlen(place.jobs), sizes[i]);
        one_job();
        cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
        cr_assert_eq(place_run(&place), FND_OK, "%s", place.error.message);
        cr_expect_eq(place_count(&place, FND_COMPLETED), 1);
        place_check(&place);
        place_end(&place);
    }
}

Test(places, an_empty_directory_is_done_at_once_and_a_missing_one_is_named)
{
    place_begin(&place, place_plain);
    cr_assert_eq(place_open(&place), FND_OK, "%s", place.error.message);
    cr_assert_eq(place_run(&place), FND_OK, "%s", place.error.message);
    cr_expect_eq(place.counts.seen, 0);
    cr_expect(fnd_engine_idle(place.engine));
    cr_expect_eq(place.acks_count, 0);
    place_close(&place);
    place_check(&place);

    place.options.directory = "/tmp/foundry-nowhere-at-all";
    cr_expect_eq(place_open(&place), FND_NOT_FOUND);
    expect_said("/tmp/foundry-nowhere-at-all");
    place.options.directory = place.pipeline;
    cr_expect_neq(place_open(&place), FND_OK);
    expect_said("pipeline.yaml");
    place_end(&place);
}

Test(places, a_read_only_directory_is_refused_by_name)
{
    enum { NOBODY = 65534 };
    place_begin(&place, place_plain);
    one_job();
    cr_assert_eq(chmod(place.jobs, 0555), 0);
    if (geteuid() == 0) {
        /* root writes everywhere; this process is this test's alone */
        cr_assert_eq(chmod(place.folder, 0755), 0);
        cr_assert(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                  setresuid(NOBODY, NOBODY, NOBODY) == 0);
    }
    cr_expect_eq(place_open(&place), FND_DENIED, "%s", place.error.message);
    expect_said(place.jobs);
    expect_said("Permission denied");
    struct stat folder;
    char path[PLACE_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/.foundry", place.jobs);
    cr_expect_neq(stat(path, &folder), 0, "something was left in it");
}

Test(places, of_two_engines_one_is_told_who_the_other_is)
{
    struct child child;
    char who[64];
    place_begin(&place, place_plain);
    one_job();
    child_start(&place, &child, "--hold", NULL);
    cr_assert(child_says(&child, "ready"));
    snprintf(who, sizeof who, "in use by pid %ld", (long)child.pid);
    cr_expect_eq(place_open(&place), FND_BUSY);
    expect_said(who);
    expect_said(place.jobs);
    cr_expect_str_eq(place.error.code, "in_use");

    struct fnd_reader *reader = NULL; /* looking is allowed */
    cr_expect_eq(fnd_reader_open(place.jobs, &reader, &place.error), FND_OK, "%s",
                 place.error.message);
    fnd_reader_close(reader);

    kill(child.pid, SIGKILL);
    cr_expect_eq(child_end(&child), -SIGKILL);
    cr_assert_eq(place_open(&place), FND_OK, "the lock outlived its holder: %s",
                 place.error.message);
    struct fnd_engine *second = NULL;
    cr_expect_eq(fnd_engine_open(&place.options, &second, &place.error), FND_BUSY);
    expect_said("which is this process");
    place_end(&place);
}
