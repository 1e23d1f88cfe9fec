/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "store/head.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "process.h"
#include "support.h"

static void keep(const struct scene *scene, const char *name, struct fnd_text *text)
{
    char path[PATH_SIZE];
    struct fnd_error error = {0};
    cr_assert_eq(fnd_file_read(AT_FDCWD, scene_file(scene, name, path), 1 << 24, text, &error),
                 FND_OK, "%s", error.message);
}

static void put_back(const struct scene *scene, const char *name, struct fnd_text *text)
{
    char path[PATH_SIZE];
    struct fnd_error error = {0};
    cr_assert_eq(fnd_file_write(AT_FDCWD, scene_file(scene, name, path), text->bytes, text->size,
                                0600, &error),
                 FND_OK, "%s", error.message);
    fnd_text_finish(text);
}

static void fails(struct scene *scene, const char *part)
{
    struct fnd_error error = {0};
    cr_assert_eq(scene_try(scene, &error), FND_DAMAGED, "%s", error.message);
    cr_assert_not_null(strstr(error.message, part), "\"%s\" is not in: %s", part, error.message);
    cr_assert_str_eq(error.code, "record_behind_witness");
}

static enum fnd_event_kind last_kind(struct scene *scene)
{
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    struct fnd_event_row event;
    scene_read(scene);
    cr_assert_eq(fnd_reader_head(scene->reader, &sequence, chain, NULL), FND_OK);
    cr_assert_eq(fnd_event_get(scene->reader, sequence, &event, NULL), FND_OK);
    return event.kind;
}

/* A store of 4 events, closed; `old` is the record as it was after the first. */
static void begin(struct scene *scene, struct fnd_text *old)
{
    scene_begin(scene, 3);
    scene_close(scene);
    if (old != NULL) {
        keep(scene, "state.db", old);
    }
    scene_open(scene);
    for (int i = 0; i < 3; i++) {
        commit(scene, write_pin("p", i), FND_OK);
    }
    scene_close(scene);
}

Test(head, a_record_that_lost_its_tail_is_refused_until_the_loss_is_accepted)
{
    struct scene scene;
    struct fnd_text old = {0};
    begin(&scene, &old);
    put_back(&scene, "state.db", &old);
    fails(&scene, "3 acknowledged transitions are missing");
    fails(&scene, "the record ends at 1"); /* refusing changed nothing */
    scene.options.accept_loss = true;
    scene_open(&scene);
    cr_assert_eq(last_kind(&scene), FND_EVENT_LOSS);
    struct fnd_text body = {0};
    cr_assert_eq(fnd_payload_get(scene.reader, 2, &body, NULL, NULL), FND_OK);
    cr_assert_not_null(strstr(fnd_text_z(&body), "\"sequence\":4"), "%s", fnd_text_z(&body));
    fnd_text_finish(&body);
    scene_close(&scene);
    scene.options.accept_loss = false;
    scene_open(&scene); /* the witness says what is there now */
    scene_end(&scene);
}

Test(head, a_record_that_was_removed_is_refused_and_not_replaced)
{
    struct scene scene;
    char path[PATH_SIZE];
    begin(&scene, NULL);
    cr_assert_eq(unlink(scene_file(&scene, "state.db", path)), 0);
    fails(&scene, "4 acknowledged transitions are missing");
    cr_assert_neq(access(path, F_OK), 0, "no empty record was made in its place");
    scene.options.accept_loss = true;
    scene_open(&scene);
    cr_assert_eq(last_kind(&scene), FND_EVENT_LOSS);
    scene_end(&scene);
}

Test(head, another_history_of_the_same_length_is_refused)
{
    struct scene scene;
    struct fnd_text old = {0};
    begin(&scene, &old);
    struct fnd_text head = {0};
    keep(&scene, "head", &head);
    put_back(&scene, "state.db", &old);
    scene.options.accept_loss = true;
    scene_open(&scene);
    for (int i = 0; i < 5; i++) {
        commit(&scene, write_pin("q", i), FND_OK);
    }
    scene_close(&scene);
    scene.options.accept_loss = false;
    put_back(&scene, "head", &head);
    fails(&scene, "another chain value");
    scene_end(&scene);
}

Test(head, a_witness_that_is_missing_or_unreadable_is_damage)
{
    struct scene scene;
    char path[PATH_SIZE];
    begin(&scene, NULL);
    scene_file(&scene, "head", path);
    flip_byte(path, 20);
    flip_byte(path, FND_HEAD_SLOT_STRIDE + 20);
    fails(&scene, "unreadable");
    cr_assert_eq(unlink(path), 0);
    fails(&scene, "missing");
    scene.options.accept_loss = true;
    scene_open(&scene);
    cr_assert_eq(last_kind(&scene), FND_EVENT_LOSS);
    scene_end(&scene);
}

Test(head, one_torn_slot_is_survived_and_written_anew)
{
    for (int slot = 0; slot < FND_HEAD_SLOTS; slot++) {
        struct scene scene;
        char path[PATH_SIZE];
        begin(&scene, NULL);
        scene_file(&scene, "head", path);
        flip_byte(path, slot * FND_HEAD_SLOT_STRIDE + 60);
        scene_open(&scene);
        struct fnd_head_content content;
        cr_assert_eq(fnd_head_read(fnd_store_folder(scene.store), scene.directory, &content, NULL),
                     FND_OK);
        cr_assert(content.valid[0] && content.valid[1]);
        cr_assert_eq(content.mark[0].sequence, 4);
        scene_end(&scene);
    }
}

Test(head, a_witness_behind_the_record_is_normal)
{
    struct scene scene;
    begin(&scene, NULL);
    struct fnd_text head = {0};
    keep(&scene, "head", &head);
    scene_open(&scene);
    for (int i = 10; i < 15; i++) {
        commit(&scene, write_pin("p", i), FND_OK);
    }
    scene_close(&scene);
    put_back(&scene, "head", &head);
    scene_open(&scene);
    scene_end(&scene);
}

Test(head, names_the_last_commit_before_it_is_acknowledged)
{
    struct scene scene;
    scene_begin(&scene, 3);
    for (int i = 0; i < 20; i++) {
        int64_t number = commit(&scene, write_pin("p", i), FND_OK);
        struct fnd_head_content content;
        cr_assert_eq(fnd_head_read(fnd_store_folder(scene.store), scene.directory, &content, NULL),
                     FND_OK);
        int newest = fnd_head_newest(&content);
        cr_assert_geq(newest, 0);
        cr_assert_eq(content.mark[newest].sequence, number);
        cr_assert_eq(content.mark[1 - newest].sequence, number - 1, "the slots alternate");
    }
    struct fnd_error error = {0};
    cr_assert_eq(fnd_store_sync(scene.store, &error), FND_OK, "%s", error.message);
    scene_end(&scene);
}

/* A copy of what `from` left, with the log cut to `size` bytes; closed again afterwards. */
static void try_cut(const struct scene *from, size_t size, size_t *cuts)
{
    static const char *const names[] = {"state.db", "state.db-wal", "head"};
    struct scene copy;
    char path[PATH_SIZE];
    scene_directory(&copy, 4);
    cr_assert_eq(mkdir(scene_file(&copy, "", path), 0700), 0);
    for (size_t i = 0; i < 3; i++) {
        struct fnd_text bytes = {0};
        keep(from, names[i], &bytes);
        if (i == 1) {
            cr_assert_lt(size, bytes.size);
            bytes.size = size;
        }
        put_back(&copy, names[i], &bytes);
    }
    fails(&copy, "acknowledged transitions are missing");
    (*cuts)++;
    scene_end(&copy);
}

Test(head, a_log_that_was_cut_or_emptied_after_a_crash_is_seen)
{
    enum { FRAME = 4096 + 24, COMMITS = 20, SPARED = 2 * 12 };
    struct scene scene;
    struct process writer;
    char line[1200];
    char path[PATH_SIZE];
    scene_directory(&scene, 3);
    process_start(&writer, "write", scene.directory);
    for (int i = 0; i < COMMITS; i++) {
        cr_assert(process_line(&writer, line, sizeof line));
    }
    process_end(&writer, SIGKILL);
    fclose(writer.output);
    /* Two commits are spared: the last one may have died before its witness was written. */
    long size = file_size(scene_file(&scene, "state.db-wal", path)) - SPARED * FRAME;
    size_t cuts = 0;
    for (long cut = 0; cut < size; cut += 3 * FRAME + 1) {
        try_cut(&scene, (size_t)cut, &cuts);
    }
    cr_assert_geq(cuts, 10);
    scene_open(&scene); /* whole, it opens */
    scene_end(&scene);
}
