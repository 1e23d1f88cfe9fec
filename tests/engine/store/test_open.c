/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "support.h"

static void fails(struct scene *scene, enum fnd_status status, const char *part)
{
    struct fnd_error error = {0};
    cr_assert_eq(scene_try(scene, &error), status, "%s", error.message);
    cr_assert_not_null(strstr(error.message, part), "\"%s\" is not in: %s", part, error.message);
    cr_assert_null(scene->store);
}

static void content(const char *path, struct fnd_text *text)
{
    struct fnd_error error = {0};
    cr_assert_eq(fnd_file_read(AT_FDCWD, path, 1 << 20, text, &error), FND_OK, "%s", error.message);
}

Test(open, without_create_a_plain_folder_is_no_job_directory)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_directory(&scene, 1);
    scene.options.create = false;
    fails(&scene, FND_NOT_FOUND, "foundry-engine run");
    cr_assert_neq(access(scene_file(&scene, "", path), F_OK), 0, "nothing was made");
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_NOT_FOUND);
    cr_assert_not_null(strstr(error.message, "foundry-engine run"));
    cr_assert_eq(mkdir(scene_file(&scene, "", path), 0700), 0);
    fails(&scene, FND_NOT_FOUND, "foundry-engine run");
    strcat(scene.directory, "/nowhere");
    fails(&scene, FND_NOT_FOUND, "nowhere");
    scene.directory[strlen(scene.directory) - strlen("/nowhere")] = '\0';
    scene_end(&scene);
}

Test(open, a_newer_schema_is_refused_untouched)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_begin(&scene, 1);
    scene_close(&scene);
    sql(&scene, "PRAGMA user_version = 9");
    struct fnd_text before = {0};
    struct fnd_text after = {0};
    struct fnd_text head_before = {0};
    struct fnd_text head_after = {0};
    content(scene_file(&scene, "state.db", path), &before);
    content(scene_file(&scene, "head", path), &head_before);
    fails(&scene, FND_INVALID, "newer engine");
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_INVALID);
    content(scene_file(&scene, "state.db", path), &after);
    content(scene_file(&scene, "head", path), &head_after);
    cr_assert_eq(before.size, after.size);
    cr_assert_arr_eq(before.bytes, after.bytes, before.size);
    cr_assert_arr_eq(head_before.bytes, head_after.bytes, head_before.size);
    fnd_text_finish(&before);
    fnd_text_finish(&after);
    fnd_text_finish(&head_before);
    fnd_text_finish(&head_after);
    scene_end(&scene);
}

Test(open, another_program_s_database_or_no_database_is_refused)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_begin(&scene, 1);
    scene_close(&scene);
    sql(&scene, "PRAGMA application_id = 7");
    fails(&scene, FND_DAMAGED, "is no record of this engine");
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_DAMAGED);
    FILE *file = fopen(scene_file(&scene, "state.db", path), "w");
    for (int i = 0; i < 4096; i++) {
        fputc('x', file);
    }
    cr_assert_eq(fclose(file), 0);
    fails(&scene, FND_DAMAGED, "not a database");
    scene_end(&scene);
}

Test(open, a_record_with_a_second_name_is_refused)
{
    struct scene scene;
    char path[PATH_SIZE];
    char other[PATH_SIZE];
    scene_begin(&scene, 1);
    scene_close(&scene);
    scene_file(&scene, "state.db", path);
    scene_file(&scene, "other.db", other);
    cr_assert_eq(link(path, other), 0);
    fails(&scene, FND_DAMAGED, "more than one name");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("other.db", path), 0);
    fails(&scene, FND_DAMAGED, "no plain file");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rename(other, path), 0);
    scene_open(&scene);
    scene_end(&scene);
}

Test(open, a_record_that_is_swapped_or_linked_while_open_stops_the_store)
{
    static const char *const messages[] = {"replaced", "removed", "more than one name"};
    for (int way = 0; way < 3; way++) {
        struct scene scene;
        char path[PATH_SIZE];
        char other[PATH_SIZE];
        scene_begin(&scene, 1);
        commit(&scene, write_pin("before", 1), FND_OK);
        scene_file(&scene, "state.db", path);
        scene_file(&scene, "other.db", other);
        cr_assert_eq(way < 2 ? rename(path, other) : link(path, other), 0);
        if (way == 0) {
            fclose(fopen(path, "w"));
        }
        commit_fails(&scene, write_pin("after", 1), FND_DAMAGED, messages[way]);
        struct fnd_error error = {0};
        cr_assert_eq(fnd_store_health(scene.store, &error), FND_DAMAGED);
        commit_fails(&scene, write_pin("later", 1), FND_DAMAGED, messages[way]);
        scene_end(&scene);
    }
}

Test(open, paths_of_any_length_and_with_odd_names_work)
{
    struct scene scene;
    scene_directory(&scene, 1);
    size_t root = strlen(scene.directory);
    /* Far beyond SQLite's own limit of 512 bytes. */
    while (strlen(scene.directory) < 1500) {
        strcat(scene.directory,
               "/ein ordner%20mit?mode=ro&#name-und-noch-mehr-text-darin-zum-fuellen");
        cr_assert_eq(mkdir(scene.directory, 0700), 0);
    }
    scene_open(&scene);
    commit(&scene, write_pin("deep", 1), FND_OK);
    scene_read(&scene);
    struct fnd_pin_row pin;
    cr_assert_eq(fnd_pin_latest(scene.reader, "deep", &pin, NULL), FND_OK);
    free(pin.pipeline);
    cr_assert_str_eq(fnd_store_path(scene.store), scene.directory);
    scene_close(&scene);
    scene_open(&scene);
    scene_close(&scene);
    scene.directory[root] = '\0';
    scene_end(&scene);
}

Test(open, a_job_directory_that_is_renamed_while_open_stays_the_same_store)
{
    struct scene scene;
    char moved[PATH_SIZE];
    scene_begin(&scene, 1);
    snprintf(moved, sizeof moved, "%.4000s-moved", scene.directory);
    cr_assert_eq(rename(scene.directory, moved), 0);
    int64_t number = commit(&scene, write_pin("a", 1), FND_OK);
    scene_close(&scene);
    strcpy(scene.directory, moved);
    scene_open(&scene);
    scene_read(&scene);
    struct fnd_pin_row pin;
    cr_assert_eq(fnd_pin_get(scene.reader, number, &pin, NULL), FND_OK);
    free(pin.pipeline);
    scene_end(&scene);
}

Test(open, an_empty_database_of_an_engine_killed_at_its_start_is_completed)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_directory(&scene, 1);
    cr_assert_eq(mkdir(scene_file(&scene, "", path), 0700), 0);
    cr_assert_eq(fclose(fopen(scene_file(&scene, "state.db", path), "w")), 0);
    struct fnd_error error = {0};
    cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_NOT_FOUND);
    scene_open(&scene);
    commit(&scene, write_pin("a", 1), FND_OK);
    scene_end(&scene);
}

/* SQLite deletes the log of an empty database, even for a connection that may only read: the log
 * may be all that is left of the record. */
Test(open, an_emptied_database_does_not_cost_the_log)
{
    for (int size = 0; size < 2; size++) {
        struct scene scene;
        char path[PATH_SIZE];
        struct fnd_text log = {0}, left = {0};
        scene_begin(&scene, 1);
        commit(&scene, write_pin("a", 1), FND_OK);
        content(scene_file(&scene, "state.db-wal", path), &log);
        cr_assert_gt(log.size, 0);
        scene_close(&scene);
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        cr_assert_eq(fnd_write_all(fd, log.bytes, log.size), 0);
        cr_assert_eq(close(fd), 0);
        cr_assert_eq(truncate(scene_file(&scene, "state.db", path), size), 0);
        struct fnd_error error = {0};
        cr_assert_eq(fnd_reader_open(scene.directory, &scene.reader, &error), FND_DAMAGED);
        cr_assert_not_null(strstr(error.message, "state.db-wal"), "%s", error.message);
        fails(&scene, FND_DAMAGED, "is no record");
        content(scene_file(&scene, "state.db-wal", path), &left);
        cr_assert_eq(left.size, log.size);
        cr_assert_eq(memcmp(left.bytes, log.bytes, log.size), 0);
        fnd_text_finish(&log);
        fnd_text_finish(&left);
        scene_end(&scene);
    }
}

Test(open, what_a_killed_engine_left_half_made_is_swept)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_begin(&scene, 1);
    scene_close(&scene);
    static const char *const names[] = {"artifacts/tmp-0123", "plugins/tmp-4567"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(fclose(fopen(scene_file(&scene, names[i], path), "w")), 0);
    }
    scene_open(&scene);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_neq(access(scene_file(&scene, names[i], path), F_OK), 0, "%s", path);
    }
    scene_end(&scene);
}
