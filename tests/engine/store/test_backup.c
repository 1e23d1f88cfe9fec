/* SPDX-License-Identifier: MIT */
/* A backup is whole or not there, whatever a live writer does meanwhile. */
#define _GNU_SOURCE
#include "store/backup.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/verify.h"
#include "support.h"

static void print_flaw(const char *sentence, void *context)
{
    (void)context;
    fprintf(stderr, "verify: %s\n", sentence);
}

/* The last event of a whole record. */
static int64_t whole(const char *directory)
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    struct fnd_verify result;
    int64_t last = -1;
    uint8_t chain[FND_DIGEST_SIZE];
    cr_assert_eq(fnd_reader_open(directory, &reader, &error), FND_OK, "%s", error.message);
    cr_assert_eq(fnd_store_verify(reader, &result, print_flaw, NULL, &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(result.flaws, 0);
    cr_assert_eq(fnd_reader_head(reader, &last, chain, &error), FND_OK);
    fnd_reader_close(reader);
    return last;
}

static void target_of(const struct scene *scene, char target[PATH_SIZE])
{
    snprintf(target, PATH_SIZE, "%.*s/copy", PATH_SIZE - 16, scene->directory);
}

/* Names in the job directory besides .foundry itself. */
static size_t names_left(const struct scene *scene)
{
    size_t count = 0;
    DIR *directory = opendir(scene->directory);
    cr_assert_not_null(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 strcmp(entry->d_name, ".foundry") != 0;
    }
    closedir(directory);
    return count;
}

static void begin(struct scene *scene, struct fnd_artifact *artifact)
{
    scene_begin(scene, 5);
    cr_assert_eq(fnd_artifact_put(scene->store, "input", 5, artifact, NULL), FND_OK);
    int64_t pin = commit(scene, write_pin("invoice", 1), FND_OK);
    struct fnd_write *write = write_job(scene, pin, "invoice", "1.png", 1);
    struct fnd_event *event = &write->events[0];
    char hex[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(artifact->hash, hex);
    struct fnd_text body = {0};
    fnd_text_append(&body, event->body, event->body_size - 1);
    fnd_text_printf(&body, ",\"artifacts\":{\"file\":{\"sha256\":\"%s\",\"size\":5}}}", hex);
    free(event->body);
    event->body_size = body.size;
    event->body = fnd_text_take(&body);
    event->artifacts = fnd_alloc(sizeof *event->artifacts);
    event->artifacts[0] = *artifact;
    event->artifacts_count = 1;
    commit(scene, write, FND_OK);
}

Test(backup, beside_a_live_writer_is_a_whole_store_that_goes_on)
{
    struct scene scene;
    struct fnd_artifact artifact;
    struct fnd_backup result;
    struct fnd_error error = {0};
    char target[PATH_SIZE];
    begin(&scene, &artifact);
    scene_read(&scene);
    const int64_t before = last_event(&scene);
    target_of(&scene, target);
    cr_assert_eq(fnd_store_backup(scene.reader, target, &result, &error), FND_OK, "%s",
                 error.message);
    commit(&scene, write_pin("later", 1), FND_OK);
    cr_expect_eq(result.events, before);
    cr_expect_eq(result.artifacts, 1);
    cr_expect_gt(result.size, 4096);
    cr_assert_eq(whole(target), before);
    cr_expect_eq(names_left(&scene), 1, "only the copy");
    /* The copy is opened for writing and goes on by itself. */
    const struct fnd_store_options options = {.env = scene.env};
    struct fnd_store *copy = NULL;
    cr_assert_eq(fnd_store_open(target, &options, &copy, &error), FND_OK, "%s", error.message);
    struct fnd_write *write = write_pin("apart", 1);
    cr_assert_eq(fnd_store_commit(copy, write, &error), FND_OK, "%s", error.message);
    fnd_write_destroy(write);
    fnd_store_close(copy);
    cr_assert_eq(whole(target), before + 1);
    scene_close(&scene);
    cr_assert_eq(whole(scene.directory), before + 1);
    scene_end(&scene);
}

Test(backup, of_a_damaged_store_is_refused_and_leaves_nothing)
{
    static const char *const parts[] = {"its bytes have the hash", "is missing",
                                        "payload of event"};
    for (int i = 0; i < 3; i++) {
        struct scene scene;
        struct fnd_artifact artifact;
        struct fnd_backup result;
        struct fnd_error error = {0};
        char target[PATH_SIZE], name[FND_ARTIFACT_PATH_SIZE], path[PATH_SIZE];
        begin(&scene, &artifact);
        scene_close(&scene);
        fnd_artifact_path(artifact.hash, name);
        scene_file(&scene, name, path);
        if (i == 0) {
            flip_byte(path, 1);
        } else if (i == 1) {
            cr_assert_eq(unlink(path), 0);
        } else {
            sql(&scene, "UPDATE payload SET body = x'7b7d' WHERE event = 3");
        }
        scene_read(&scene);
        target_of(&scene, target);
        enum fnd_status status = fnd_store_backup(scene.reader, target, &result, &error);
        cr_expect_eq(status, i == 1 ? FND_NOT_FOUND : FND_DAMAGED, "%s", error.message);
        cr_expect_not_null(strstr(error.message, parts[i]), "%s", error.message);
        cr_expect_eq(names_left(&scene), 0);
        scene_end(&scene);
    }
}

Test(backup, never_replaces_anything)
{
    struct scene scene;
    struct fnd_artifact artifact;
    struct fnd_backup result;
    struct fnd_error error = {0};
    char target[PATH_SIZE];
    begin(&scene, &artifact);
    scene_read(&scene);
    target_of(&scene, target);
    cr_assert_eq(mkdir(target, 0700), 0);
    cr_expect_eq(fnd_store_backup(scene.reader, target, &result, &error), FND_CONFLICT);
    cr_expect_not_null(strstr(error.message, "is there already"), "%s", error.message);
    cr_expect_eq(names_left(&scene), 1);
    cr_assert_eq(rmdir(target), 0);
    strcat(target, "/deeper");
    cr_expect_eq(fnd_store_backup(scene.reader, target, &result, &error), FND_NOT_FOUND);
    scene_end(&scene);
}
