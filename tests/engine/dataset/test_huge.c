/* SPDX-License-Identifier: MIT */
/* 10 GB that take no room on disk, in every place of an export that is read: named and refused, or
 * read in little memory. test_validate.c has the formats that are one file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "pictures.h"
#include "support.h"

enum { HUGE_SIZE_GIB = 10, MEMORY_KIB_MAX = 256 << 10 };

static void put(const char *path, const void *bytes, size_t size, off_t whole)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    cr_assert_eq(whole > 0 ? ftruncate(fd, whole) : 0, 0);
    cr_assert_eq(close(fd), 0);
}

struct said {
    struct fnd_text all;
};

static void said(void *context, const struct fnd_dataset_note *note)
{
    struct said *heard = context;
    fnd_text_printf(&heard->all, "%s: %s\n", note->file != NULL ? note->file : "", note->message);
}

static long peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void picture_put(const char *path, off_t whole)
{
    uint8_t png[PNG_SIZE];
    png_make(png, 0, 100, 100);
    put(path, png, sizeof png, whole);
}

/** What keeps a format's rules, in a folder: one picture with one box or text. */
static void sound(const struct scene *scene, const char *format)
{
    static const char *const yolo[] = {"set",        "set/images",       "set/images/train",
                                       "set/labels", "set/labels/train", "set/images/val"};
    static const char *const hf[] = {"set", "set/train"};
    const bool is_yolo = strcmp(format, "yolo") == 0;
    char path[PATH_SIZE];
    for (size_t i = 0; i < (is_yolo ? 6 : 2); i++) {
        cr_assert_eq(mkdir(scene_path(scene, is_yolo ? yolo[i] : hf[i], path), 0700), 0, "%s",
                     path);
    }
    if (is_yolo) {
        static const char yaml[] = "train: images/train\nval: images/val\nnames:\n  0: pole\n";
        static const char label[] = "0 0.5 0.5 0.5 0.5\n";
        put(scene_path(scene, "set/data.yaml", path), yaml, sizeof yaml - 1, 0);
        picture_put(scene_path(scene, "set/images/train/1.png", path), 0);
        put(scene_path(scene, "set/labels/train/1.txt", path), label, sizeof label - 1, 0);
    } else {
        static const char row[] = "{\"file_name\":\"1.png\",\"text\":\"a\"}\n";
        picture_put(scene_path(scene, "set/train/1.png", path), 0);
        put(scene_path(scene, "set/train/metadata.jsonl", path), row, sizeof row - 1, 0);
    }
}

Test(huge, every_file_of_a_folder_is_named_and_refused)
{
    static const struct {
        const char *format, *file, *begins;
    } cases[] = {{"yolo", "data.yaml", "train: images/train\n"},
                 {"yolo", "labels/train/1.txt", "0 0.5 0.5 0.5 0.5\n"},
                 {"yolo", "images/train/1.png", NULL},
                 {"yolo", "manifest.json", "{"},
                 {"hf", "train/1.png", NULL},
                 {"hf", "manifest.json", "{"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        struct said heard = {.all = {0}};
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        char path[PATH_SIZE], name[PATH_SIZE];
        const off_t whole = (off_t)HUGE_SIZE_GIB << 30;
        scene_begin(&scene, 1);
        sound(&scene, cases[i].format);
        snprintf(name, sizeof name, "set/%s", cases[i].file);
        cr_assert_eq(fnd_dataset_validate(scene_path(&scene, "set", path), cases[i].format, said,
                                          &heard, &checked, &error),
                     FND_OK, "case %zu, as it should be: %s", i, fnd_text_z(&heard.all));
        fnd_text_clear(&heard.all);
        if (cases[i].begins != NULL) {
            put(scene_path(&scene, name, path), cases[i].begins, strlen(cases[i].begins), whole);
        } else {
            picture_put(scene_path(&scene, name, path), whole);
        }
        const long before = peak();
        cr_expect_eq(fnd_dataset_validate(scene_path(&scene, "set", path), cases[i].format, said,
                                          &heard, &checked, &error),
                     FND_INVALID, "case %zu: %s", i, error.message);
        fnd_text_append_z(&heard.all, error.message);
        cr_expect(strstr(fnd_text_z(&heard.all), cases[i].file) != NULL, "case %zu: %s", i,
                  fnd_text_z(&heard.all));
        cr_expect(strstr(fnd_text_z(&heard.all), "10737418240 bytes") != NULL, "case %zu: %s", i,
                  fnd_text_z(&heard.all));
        cr_expect_leq(peak() - before, MEMORY_KIB_MAX, "case %zu: %ld KiB", i, peak() - before);
        fnd_text_finish(&heard.all);
        scene_end(&scene);
    }
}

/* Rows are read one at a time: one that never ends is told, and takes no more than a line may. */
Test(huge, rows_of_a_folder_are_read_in_little_memory)
{
    struct scene scene;
    struct said heard = {.all = {0}};
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE];
    const char *floor = getenv("FOUNDRY_FLOOR");
    const bool whole = floor != NULL && atoi(floor) >= 100;
    scene_begin(&scene, 2);
    sound(&scene, "hf");
    put(scene_path(&scene, "set/train/metadata.jsonl", path), "{\"", 2,
        whole ? (off_t)HUGE_SIZE_GIB << 30 : (off_t)300 << 20);
    const long before = peak();
    cr_expect_eq(
        fnd_dataset_validate(scene_path(&scene, "set", path), "hf", said, &heard, &checked, &error),
        FND_INVALID);
    fnd_text_append_z(&heard.all, error.message);
    cr_expect(strstr(fnd_text_z(&heard.all), "train/metadata.jsonl") != NULL, "%s",
              fnd_text_z(&heard.all));
    cr_expect_leq(peak() - before, MEMORY_KIB_MAX, "%ld KiB", peak() - before);
    fnd_text_finish(&heard.all);
    scene_end(&scene);
}

Test(huge, a_manifest_and_what_is_imported_are_refused_by_size)
{
    static const char *const formats[] = {"coco", "yolo"};
    struct scene scene;
    struct fnd_error error = {0};
    struct fnd_export_result made = {0};
    char path[PATH_SIZE];
    const off_t whole = (off_t)HUGE_SIZE_GIB << 30;
    scene_begin(&scene, 3);
    sound(&scene, "yolo");
    put(scene_path(&scene, "x.jsonl.manifest.json", path), "{", 1, whole);
    const struct fnd_export_options again = scene_options(&scene, NULL);
    cr_expect_eq(fnd_dataset_reproduce(scene.reader, path, &again, &made, &error), FND_LIMIT);
    cr_expect(strstr(error.message, "x.jsonl.manifest.json: it has 10737418240 bytes") != NULL,
              "%s", error.message);
    fnd_export_result_finish(&made);
    put(scene_path(&scene, "set/data.yaml", path), "names:\n", 7, whole);
    put(scene_path(&scene, "boxes.json", path), "{\"images\":[", 11, whole);
    for (size_t i = 0; i < 2; i++) {
        struct said heard = {.all = {0}};
        struct fnd_import_result result = {0};
        const struct fnd_import_options options = {
            .format = formats[i],
            .path = scene_path(&scene, i == 0 ? "boxes.json" : "set", path),
            .by = "ann",
            .tier = FND_TIER_GOLD,
            .said = said,
            .context = &heard};
        const long before = peak();
        error = (struct fnd_error){0};
        const enum fnd_status status = fnd_dataset_import(&options, &result, &error);
        cr_expect(status == FND_LIMIT || status == FND_INVALID, "%s: %s", formats[i],
                  error.message);
        fnd_text_append_z(&heard.all, error.message);
        cr_expect(strstr(fnd_text_z(&heard.all), "10737418240 bytes") != NULL, "%s: %s", formats[i],
                  fnd_text_z(&heard.all));
        cr_expect_leq(peak() - before, MEMORY_KIB_MAX);
        fnd_text_finish(&heard.all);
    }
    scene_end(&scene);
}
