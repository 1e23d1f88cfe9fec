/* SPDX-License-Identifier: MIT */
/* Exports that are folders: what lies in them, that they replace each other whole, and what is said
 * of folders of others. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "pictures.h"
#include "support.h"

enum { RECORDS = 24, MORE = 500 };

static void collect(void *context, const struct fnd_dataset_note *note)
{
    fnd_text_printf(context, "%s:%zu: %s\n", note->file != NULL ? note->file : "", note->line,
                    note->message);
}

/** What `export validate` says; its status. */
static enum fnd_status validate(const char *path, const char *format, struct fnd_text *said)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    fnd_text_clear(said);
    enum fnd_status status = fnd_dataset_validate(path, format, collect, said, &checked, &error);
    fnd_text_printf(said, "%s", error.message);
    return status;
}

static void write_file(const char *folder, const char *name, const char *bytes)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    mkdir(folder, 0777);
    for (char *slash = strchr(path.bytes + strlen(folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path.bytes, 0777);
        *slash = '/';
    }
    cr_assert_eq(fnd_file_write(AT_FDCWD, path.bytes, bytes, strlen(bytes), 0666, &error), FND_OK,
                 "%s", error.message);
    fnd_text_finish(&path);
}

static void write_png(const char *folder, const char *name)
{
    uint8_t png[PNG_SIZE];
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    write_file(folder, name, "");
    png_make(png, 2, 128, 200);
    fnd_text_printf(&path, "%s/%s", folder, name);
    cr_assert_eq(fnd_file_write(AT_FDCWD, path.bytes, png, sizeof png, 0666, &error), FND_OK);
    fnd_text_finish(&path);
}

static void read_in(const char *folder, const char *name, struct fnd_text *text)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    read_all(path.bytes, text);
    fnd_text_finish(&path);
}

/** Poles, houses and an empty picture, in turn. */
static int64_t one_more(struct scene *scene, int64_t pin, int index)
{
    static const char *const humans[] = {
        "{\"boxes\":[{\"label\":\"pole\",\"x\":64,\"y\":20,\"width\":128,\"height\":40}]}",
        "{\"boxes\":[]}",
        ("{\"boxes\":[{\"label\":\"a: \\\"house\\\"\",\"x_min\":0,\"y_min\":0.5,\"x_max\":640,"
         "\"y_max\":200},{\"label\":\"pole\",\"bbox\":[1.25,2,3,4]}]}")};
    uint8_t png[PNG_SIZE];
    char path[32];
    png_make(png, 2, 128, 200);
    png[PNG_SIZE - 1] = (uint8_t)index;
    snprintf(path, sizeof path, "../%d <a>.png", index);
    int64_t job = scene_file_job(scene, pin, "poles", path, "image/png", png, sizeof png);
    scene_model(scene, job, "{\"boxes\":[]}", "{\"confidence\":{},\"origin\":{}}");
    return scene_answer(scene, job, scene_ask(scene, job), "corrected",
                        "{\"/boxes\":{\"from\":1,\"to\":2}}", humans[index % 3]);
}

static void same_folders(const char *a, const char *b)
{
    struct fnd_text one = {0}, other = {0};
    read_in(a, "manifest.json", &one);
    read_in(b, "manifest.json", &other);
    cr_assert(one.size == other.size && memcmp(one.bytes, other.bytes, one.size) == 0,
              "%s and %s differ", a, b);
    fnd_text_finish(&one);
    fnd_text_finish(&other);
}

Test(folders, yolo_has_shares_of_the_picture_and_comes_back)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0}, said = {0};
    char name[64];
    scene_begin(&scene, 71);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    int64_t first = 0;
    for (int i = 0; i < RECORDS; i++) {
        int64_t record = one_more(&scene, pin, i);
        first = i == 0 ? record : first;
    }
    struct fnd_export_options options = scene_options(&scene, "yolo");
    options.shares[0] = 1000;
    elsewhere();
    scene_export(&scene, &options, &result, FND_OK, NULL);
    setlocale(LC_ALL, "C");
    cr_assert_eq(result.lines, RECORDS);
    cr_assert(strstr(result.path, "/out/yolo") != NULL, "%s", result.path);
    read_in(result.path, "data.yaml", &text);
    cr_assert_str_eq(text.bytes, "train: images/train\nval: images/val\nnames:\n  0: \"pole\"\n"
                                 "  1: \"a: \\\"house\\\"\"\n");
    snprintf(name, sizeof name, "labels/train/%012" PRId64 ".txt", first);
    read_in(result.path, name, &text);
    cr_assert_str_eq(text.bytes, "0 0.200000 0.200000 0.200000 0.200000\n");
    cr_assert_eq(validate(result.path, "yolo", &said), FND_OK, "%s", fnd_text_z(&said));
    fnd_text_finish(&text);
    fnd_text_finish(&said);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(folders, every_split_has_its_folder_and_no_group_changes_sides)
{
    static const char *const formats[] = {"yolo", "hf"};
    for (size_t f = 0; f < 2; f++) {
        struct scene scene;
        struct fnd_export_result small = {0}, large = {0};
        struct fnd_json manifest = {NULL, 0};
        struct fnd_text said = {0};
        char path[PATH_SIZE];
        scene_begin(&scene, 72);
        int64_t pin = scene_pin(&scene, "poles", "{}");
        for (int i = 0; i < RECORDS; i++) {
            one_more(&scene, pin, i);
        }
        struct fnd_export_options options = scene_options(&scene, formats[f]);
        options.shares[0] = 400;
        options.shares[1] = options.shares[2] = 300;
        scene_export(&scene, &options, &small, FND_OK, NULL);
        cr_assert_eq(scene.warnings, 0, "%s", scene.messages[0]);
        cr_assert(small.splits[0] > 0 && small.splits[1] > 0 && small.splits[2] > 0);
        cr_assert_eq(validate(small.path, formats[f], &said), FND_OK, "%s", fnd_text_z(&said));
        for (int i = RECORDS; i < 2 * RECORDS; i++) {
            one_more(&scene, pin, i);
        }
        options.out = scene_path(&scene, "larger", path);
        scene_export(&scene, &options, &large, FND_OK, NULL);
        cr_assert_eq(large.lines, 2 * RECORDS);
        /* All that is in the smaller one lies in the same place in the larger one. */
        manifest = (struct fnd_json){small.manifest, strlen(small.manifest) - 1};
        struct fnd_json files = fnd_json_member(manifest, "files");
        for (struct fnd_json_walk walk = fnd_json_walk(files); fnd_json_next(&walk);) {
            struct fnd_text other = {0};
            char *file = fnd_json_strdup(fnd_json_find(walk.value, "/0"));
            fnd_text_printf(&other, "%s/%s", large.path, file);
            cr_assert(is_there(other.bytes), "%s", file);
            free(file);
            fnd_text_finish(&other);
        }
        fnd_text_finish(&said);
        fnd_export_result_finish(&small);
        fnd_export_result_finish(&large);
        scene_end(&scene);
    }
}

Test(folders, classes_keep_their_numbers_when_more_is_recorded)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_json classes = {NULL, 0};
    scene_begin(&scene, 73);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    uint8_t png[PNG_SIZE];
    static const char *const labels[] = {"zebra", "ant", "bee", "ant"};
    static const char *const expected[] = {"[\"zebra\"]", "[\"zebra\",\"ant\"]",
                                           "[\"zebra\",\"ant\",\"bee\"]",
                                           "[\"zebra\",\"ant\",\"bee\"]"};
    int64_t since = 0;
    png_make(png, 2, 128, 200);
    for (size_t i = 0; i < 4; i++) {
        char path[16], human[128];
        snprintf(path, sizeof path, "%zu.png", i);
        snprintf(human, sizeof human, "{\"boxes\":[{\"label\":\"%s\",\"bbox\":[1,2,3,4]}]}",
                 labels[i]);
        int64_t job = scene_file_job(&scene, pin, "poles", path, "image/png", png, sizeof png);
        scene_model(&scene, job, "{\"boxes\":[]}", "{\"confidence\":{},\"origin\":{}}");
        since = scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                             "{\"/boxes\":{\"from\":1,\"to\":2}}", human);
        struct fnd_export_options options = scene_options(&scene, "yolo");
        options.since = i == 3 ? since : 0; /* alone, it has its number all the same */
        scene_export(&scene, &options, &result, FND_OK, NULL);
        classes = fnd_json_find((struct fnd_json){result.manifest, strlen(result.manifest) - 1},
                                "/classes");
        cr_assert(classes.size == strlen(expected[i]) &&
                      memcmp(classes.bytes, expected[i], classes.size) == 0,
                  "%.*s", (int)classes.size, classes.bytes);
        fnd_export_result_finish(&result);
    }
    scene_end(&scene);
}

Test(folders, the_manifest_gives_the_same_folder_after_more_corrections)
{
    static const char *const formats[] = {"yolo", "hf"};
    for (size_t f = 0; f < 2; f++) {
        struct scene scene;
        struct fnd_export_result first = {0}, again = {0};
        struct fnd_error error = {0};
        char path[PATH_SIZE];
        scene_begin(&scene, 74);
        int64_t pin = scene_pin(&scene, "poles", "{}");
        one_more(&scene, pin, 0);
        one_more(&scene, pin, 1);
        struct fnd_export_options options = scene_options(&scene, formats[f]);
        scene_export(&scene, &options, &first, FND_OK, NULL);
        for (int i = 2; i < 2 + MORE; i++) {
            one_more(&scene, pin, i);
        }
        elsewhere();
        struct fnd_export_options other = scene_options(&scene, NULL);
        other.out = scene_path(&scene, "again", path);
        cr_assert_eq(
            fnd_dataset_reproduce(scene.reader, first.manifest_path, &other, &again, &error),
            FND_OK, "%s", error.message);
        same_folders(first.path, again.path);
        fnd_export_result_finish(&again);
        /* in its own place, and made to be dropped */
        other.out = NULL;
        cr_assert_eq(
            fnd_dataset_reproduce(scene.reader, first.manifest_path, &other, &again, &error),
            FND_OK, "%s", error.message);
        cr_assert_str_eq(again.path, first.path);
        fnd_export_result_finish(&again);
        other.out = "-";
        cr_assert_eq(
            fnd_dataset_reproduce(scene.reader, first.manifest_path, &other, &again, &error),
            FND_OK, "%s", error.message);
        cr_assert_null(again.path);
        setlocale(LC_ALL, "C");
        fnd_export_result_finish(&first);
        fnd_export_result_finish(&again);
        scene_end(&scene);
    }
}

Test(folders, hf_rows_hold_boxes_texts_or_pairs_and_never_a_mixture)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct fnd_text text = {0}, said = {0};
    uint8_t png[PNG_SIZE];
    char path[PATH_SIZE], name[128];
    scene_begin(&scene, 75);
    int64_t pin = scene_pin(&scene, "lines", "{}");
    png_make(png, 2, 128, 200);
    int64_t job = scene_file_job(&scene, pin, "lines", "../l.png", "image/png", png, sizeof png);
    scene_model(&scene, job, "{\"text\":\"a\"}", "{\"confidence\":{},\"origin\":{}}");
    int64_t record = scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                                  "{\"/text\":{\"from\":\"a\",\"to\":\"b\"}}",
                                  "{\"text\":\"\\u00e4\\n\\\"\\u2028\",\"n\":1.10}");
    int64_t words = scene_pin(&scene, "words", "{}");
    job = scene_value_job(&scene, words, "words", "w", "{\"content\":\"HI\"}");
    scene_model(&scene, job, "{\"n\":1.10}", "{\"confidence\":{},\"origin\":{}}");
    scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}",
                 "{\"n\": 1.10, \"big\": 9007199254740993}");
    struct fnd_export_options options = scene_options(&scene, "hf");
    options.shares[0] = 1000;
    scene_export(&scene, &options, &result, FND_INVALID, &error);
    cr_assert(strstr(error.message, "one dataset has one kind of rows") != NULL, "%s",
              error.message);
    cr_assert_not(is_there(scene_path(&scene, "out/hf", path)));
    fnd_export_result_finish(&result);
    options.pipeline = "lines";
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_in(result.path, "train/metadata.jsonl", &text);
    snprintf(name, sizeof name, "{\"file_name\":\"%012" PRId64 ".png\",\"text\":", record);
    cr_assert(strncmp(text.bytes, name, strlen(name)) == 0, "%s", text.bytes);
    cr_assert_eq(validate(result.path, "hf", &said), FND_OK, "%s", fnd_text_z(&said));
    read_in(result.path, "README.md", &text);
    cr_assert(strstr(text.bytes, "  - split: train\n    path: train/**\n---\n") != NULL, "%s",
              text.bytes);
    fnd_export_result_finish(&result);
    options.pipeline = "words";
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_in(result.path, "data/train.jsonl", &text);
    cr_assert(strstr(text.bytes, "\"input\":\"HI\",\"output\":\"{\\\"n\\\":1.10,\\\"big\\\":"
                                 "9007199254740993}\"}\n") != NULL,
              "%s", text.bytes);
    cr_assert_eq(validate(result.path, "hf", &said), FND_OK, "%s", fnd_text_z(&said));
    cr_assert_not(is_there(scene_path(&scene, "out/hf/train", path)), "the old folder went whole");
    fnd_text_finish(&text);
    fnd_text_finish(&said);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(folders, nothing_that_no_export_wrote_is_replaced)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct fnd_text text = {0};
    char path[PATH_SIZE], file[PATH_SIZE];
    scene_begin(&scene, 76);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    one_more(&scene, pin, 0);
    struct fnd_export_options options = scene_options(&scene, "yolo");
    options.out = scene_path(&scene, "mine", path);
    write_file(options.out, "thesis.txt", "years of work");
    scene_export(&scene, &options, &result, FND_CONFLICT, &error);
    cr_assert(strstr(error.message, "thesis.txt in it is no file of an export") != NULL, "%s",
              error.message);
    fnd_export_result_finish(&result);
    read_in(options.out, "thesis.txt", &text);
    cr_assert_str_eq(text.bytes, "years of work");
    unlink(scene_path(&scene, "mine/thesis.txt", file));
    scene_export(&scene, &options, &result, FND_OK, NULL);
    fnd_export_result_finish(&result);
    write_file(options.out, "labels/train.cache", "a trainer's");
    scene_export(&scene, &options, &result, FND_OK, NULL);
    fnd_export_result_finish(&result);
    write_file(options.out, "labels/train/notes.txt", "mine");
    scene_export(&scene, &options, &result, FND_CONFLICT, &error);
    cr_assert(strstr(error.message, "labels/train/notes.txt") != NULL, "%s", error.message);
    fnd_export_result_finish(&result);
    options.out = scene_path(&scene, "mine/data.yaml", path);
    scene_export(&scene, &options, &result, FND_CONFLICT, &error);
    fnd_export_result_finish(&result);
    options.out = "-";
    scene_export(&scene, &options, &result, FND_INVALID, &error);
    options.out = "..";
    scene_export(&scene, &options, &result, FND_INVALID, &error);
    cr_assert(strstr(error.message, "must have a name of its own") != NULL, "%s", error.message);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(folders, an_altered_file_is_told_by_name)
{
    static const char *const formats[] = {"yolo", "hf"};
    static const char *const files[] = {"data.yaml", "README.md"};
    for (size_t f = 0; f < 2; f++) {
        struct scene scene;
        struct fnd_export_result result = {0};
        struct fnd_text said = {0}, text = {0}, other = {0};
        char name[64];
        scene_begin(&scene, 77);
        int64_t pin = scene_pin(&scene, "poles", "{}");
        int64_t record = one_more(&scene, pin, 0);
        struct fnd_export_options options = scene_options(&scene, formats[f]);
        options.shares[0] = 1000;
        scene_export(&scene, &options, &result, FND_OK, NULL);
        read_in(result.path, files[f], &text);
        fnd_text_append_z(&text, "# and more\n");
        write_file(result.path, files[f], text.bytes);
        write_file(result.path, "extra.bin", "x");
        cr_assert_eq(validate(result.path, formats[f], &said), FND_INVALID);
        fnd_text_printf(&other, "%s:0: is not the file that manifest.json tells of", files[f]);
        cr_assert(strstr(said.bytes, other.bytes) != NULL, "%s", said.bytes);
        cr_assert(strstr(said.bytes, "extra.bin:0: is there, and manifest.json does not") != NULL);
        snprintf(name, sizeof name, "%s/%012" PRId64 ".png", f == 0 ? "images/train" : "train",
                 record);
        fnd_text_clear(&other);
        fnd_text_printf(&other, "%s/%s", result.path, name);
        unlink(other.bytes);
        cr_assert_eq(validate(result.path, formats[f], &said), FND_INVALID);
        fnd_text_clear(&other);
        fnd_text_printf(&other, "%s:0: is not there, and manifest.json tells of it", name);
        cr_assert(strstr(said.bytes, other.bytes) != NULL, "%s", said.bytes);
        fnd_text_finish(&said);
        fnd_text_finish(&text);
        fnd_text_finish(&other);
        fnd_export_result_finish(&result);
        scene_end(&scene);
    }
}

#define YAML "train: images/train\nval: images/val\nnames: [pole, house]\n"

Test(folders, what_is_wrong_with_a_foreign_yolo_is_told_by_file_line_and_field)
{
    static const struct {
        const char *yaml, *labels, *told;
    } cases[] = {
        {YAML, "0 0.5 0.5 0.1 0.1\n1 0.5 0.5 1 1\n", NULL},
        {YAML, "", NULL},
        {"# don't: 1: x\npath: .\ntrain: images/train # 2: y\nval: images/val\nnames:\n  0: \"a, "
         "1: b\"\n"
         "  1: 'it''s: 3: c'\n",
         "1 0.5 0.5 0.1 0.1\n", NULL},
        {"train: [images/train]\nval: images/val\nnc: 2\nnames: {0: pole, 1: house}\n", "", NULL},
        {YAML, "0 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1\n", "labels/train/a.txt:2: class: is 2"},
        {YAML, "-1 0.5 0.5 0.1 0.1\n", "labels/train/a.txt:1: class: is -1"},
        {YAML, "0.5 0.5 0.5 0.1 0.1\n", "labels/train/a.txt:1: class: is 0.5"},
        {YAML, "0 50 0.5 0.1 0.1\n", "labels/train/a.txt:1: x_center: is 50; places are shares"},
        {YAML, "0 0.5 0.5 0.1 1.5\n", "labels/train/a.txt:1: height: is 1.5"},
        {YAML, "0 0.5 0.5 0 0.1\n", "labels/train/a.txt:1: width: the box is empty"},
        {YAML, "0 0.99 0.5 0.1 0.1\n", "labels/train/a.txt:1: the box passes the picture's edge"},
        {YAML, "0 nan 0.5 0.1 0.1\n", "labels/train/a.txt:1: value 2: \"nan\" is no number"},
        {YAML, "0 0.5 1e999 0.1 0.1\n", "labels/train/a.txt:1: value 3"},
        {YAML, "0 0,5 0.5 0.1 0.1\n", "labels/train/a.txt:1: value 2: \"0,5\" is no number"},
        {YAML, "0 0.5 0.5 0.1\n", "labels/train/a.txt:1: has 4 values"},
        {YAML, "0 0.1 0.1 0.2 0.2 0.3 0.3\n", "labels/train/a.txt:1: has 7 values"},
        {YAML, " \n0 0.5 0.5 0.1 0.1\n", "labels/train/a.txt:1: has 0 values"},
        {YAML,
         "\xEF\xBB\xBF"
         "0 0.5 0.5 0.1 0.1\n",
         "labels/train/a.txt:1: begins with a byte or"},
        {YAML, "0 0.5 0.5 0.1 0.1\r\n", "labels/train/a.txt:1: ends with CR LF"},
        {YAML, "0 0.5 0.5 0.1 0.1 \xFF\n", "labels/train/a.txt:0: is not UTF-8"},
        {"val: images/val\nnames: [a]\n", "", "data.yaml:0: train: is missing"},
        {"train: images/train\nval: images/val\n", "", "data.yaml:0: names: must be"},
        {"train: images/train\nval: images/val\nnames: {0: a, 2: b}\n", "",
         "data.yaml:3: names: \"2\" is no class"},
        {"train: images/train\nval: images/val\nnames: {0: a, 0: b}\n", "", "data.yaml:3: "},
        {"train: images/train\nval: images/val\nnc: 3\nnames: [a]\n", "",
         "data.yaml:3: nc: is not"},
        {"train: /images/train\nval: images/val\nnames: [a]\n", "", "data.yaml:1: /images/train"},
        {"train: images/none\nval: images/val\nnames: [a]\n", "",
         "data.yaml:1: images/none: cannot be opened"},
        {"[]\n", "", "data.yaml:1: must be a map"},
        {"a: [\n", "", "data.yaml:"}};
    struct fnd_text said = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        char path[PATH_SIZE];
        scene_begin(&scene, 78);
        scene_path(&scene, "foreign", path);
        write_png(path, "images/train/a.png");
        write_png(path, "images/val/b.png");
        write_file(path, "data.yaml", cases[i].yaml);
        write_file(path, "labels/train/a.txt", cases[i].labels);
        enum fnd_status status = validate(path, "yolo", &said);
        cr_assert_eq(status, cases[i].told == NULL ? FND_OK : FND_INVALID, "case %zu: %s", i,
                     fnd_text_z(&said));
        cr_assert(cases[i].told == NULL || strstr(said.bytes, cases[i].told) != NULL,
                  "case %zu: %s", i, fnd_text_z(&said));
        scene_end(&scene);
    }
    fnd_text_finish(&said);
}

Test(folders, a_label_without_its_picture_and_a_picture_that_is_none_are_told)
{
    struct scene scene;
    struct fnd_text said = {0};
    char path[PATH_SIZE];
    scene_begin(&scene, 79);
    scene_path(&scene, "foreign", path);
    cr_assert_eq(validate(path, "yolo", &said), FND_NOT_FOUND);
    write_file(path, "data.yaml", YAML);
    write_png(path, "images/val/b.png");
    write_file(path, "images/train/a.jpg", "no picture");
    write_file(path, "labels/train/stray.txt", "");
    cr_assert_eq(validate(path, "yolo", &said), FND_INVALID);
    cr_assert(strstr(said.bytes, "labels/train/stray.txt:0: there is no picture") != NULL, "%s",
              said.bytes);
    cr_assert(strstr(said.bytes, "images/train/a.jpg:0: is no PNG or JPEG") != NULL);
    cr_assert_eq(validate(path, "alpaca", &said), FND_INVALID);
    cr_assert(strstr(said.bytes, "it is a folder; name a regular file") != NULL, "%s", said.bytes);
    fnd_text_finish(&said);
    scene_end(&scene);
}

#define ROW "{\"file_name\":\"a.png\",\"objects\":{\"bbox\":[[1,2,3,4]],\"categories\":[0]}}\n"

Test(folders, what_is_wrong_with_a_foreign_hf_is_told_by_file_line_and_field)
{
    static const struct {
        const char *rows, *told;
    } cases[] = {
        {ROW, NULL},
        {"{\"file_name\":\"a.png\",\"text\":\"t\",\"extra\":1}\n", NULL},
        {"{\"file_name\":\"b.png\",\"text\":\"t\"}\n", "train/metadata.jsonl:1: /file_name: "},
        {"{\"file_name\":\"../a.png\",\"text\":\"t\"}\n",
         "train/metadata.jsonl:1: /file_name: must"},
        {"{\"text\":\"t\"}\n", "train/metadata.jsonl:1: /file_name: is missing"},
        {"{\"file_name\":\"a.png\",\"text\":1}\n", "train/metadata.jsonl:1: /row/text"},
        {ROW "{\"file_name\":\"a.png\",\"text\":\"t\"}\n",
         "train/metadata.jsonl:2: holds pictures"},
        {"{\"file_name\":\"a.png\",\"objects\":{\"bbox\":[[1,2,3,4]],\"categories\":[]}}\n",
         "train/metadata.jsonl:1: /objects: has 1 boxes and 0 categories"},
        {"{\"file_name\":\"a.png\",\"objects\":{\"bbox\":[[600,2,300,4]],\"categories\":[0]}}\n",
         "train/metadata.jsonl:1: /objects/bbox/0: passes the picture's edge"},
        {"{\"file_name\":\"a.png\",\"objects\":{\"bbox\":[[1,2,0,4]],\"categories\":[0]}}\n",
         "train/metadata.jsonl:1: /objects/bbox/0: is empty"},
        {"{\"file_name\":\"a.png\",\"text\":\"t\",\"text\":\"u\"}\n",
         "train/metadata.jsonl:1: is no"},
        {"{\"file_name\":\"a.png\",\"text\":NaN}\n", "train/metadata.jsonl:1: is no JSON"},
        {"[]\n", "train/metadata.jsonl:1: is no object"},
        {ROW "\n", "train/metadata.jsonl:2: is empty"},
        {"\xEF\xBB\xBF" ROW, "train/metadata.jsonl:1: begins with a byte order mark"},
        {"{\"file_name\":\"a.png\",\"text\":\"t\"}\r\n",
         "train/metadata.jsonl:1: ends with CR LF"}};
    struct fnd_text said = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        char path[PATH_SIZE];
        scene_begin(&scene, 80);
        scene_path(&scene, "foreign", path);
        write_png(path, "train/a.png");
        write_file(path, "train/metadata.jsonl", cases[i].rows);
        enum fnd_status status = validate(path, "hf", &said);
        cr_assert_eq(status, cases[i].told == NULL ? FND_OK : FND_INVALID, "case %zu: %s", i,
                     fnd_text_z(&said));
        cr_assert(cases[i].told == NULL || strstr(said.bytes, cases[i].told) != NULL,
                  "case %zu: %s", i, fnd_text_z(&said));
        scene_end(&scene);
    }
    fnd_text_finish(&said);
}

/* A manifest lists whole paths by their bytes, where `a-b.txt` comes before `a/b.txt`, and a folder
 * is walked folder by folder. */
Test(folders, a_listing_is_held_against_what_is_there_path_by_path)
{
    static const char row[] = "{\"file_name\":\"1.png\",\"text\":\"a\"}\n";
    static const char *const extra[] = {"a-b.txt", "a.txt",     "a/b-c/d.txt",
                                        "a/b.txt", "a/b/c.txt", "a0.txt"};
    struct scene scene;
    struct fnd_text said = {0}, manifest = {0};
    struct fnd_error error = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    char folder[PATH_SIZE], hex[FND_DIGEST_TEXT_SIZE];
    scene_begin(&scene, 31);
    scene_path(&scene, "set", folder);
    write_png(folder, "train/1.png");
    write_file(folder, "train/metadata.jsonl", row);
    fnd_text_append_z(&manifest, "{\"files\":[");
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
        write_file(folder, extra[i], extra[i]);
        fnd_sha256(extra[i], strlen(extra[i]), digest);
        fnd_digest_text(digest, hex);
        fnd_text_printf(&manifest, "[\"%s\",\"%s\",%zu],", extra[i], hex, strlen(extra[i]));
    }
    fnd_text_append_z(&manifest, "[\"b.txt\",\"\",0]]}\n");
    write_file(folder, "manifest.json", fnd_text_z(&manifest));
    cr_expect_eq(validate(folder, "hf", &said), FND_INVALID);
    cr_expect(strstr(fnd_text_z(&said), "b.txt:0: is not there") != NULL, "%s", fnd_text_z(&said));
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
        cr_expect_null(strstr(fnd_text_z(&said), extra[i]), "%s in %s", extra[i],
                       fnd_text_z(&said));
    }
    /* the same, not in order */
    const size_t size = manifest.size;
    for (size_t i = 0; i < size; i++) {
        manifest.bytes[i] = strncmp(manifest.bytes + i, "a0.txt", 6) == 0 ? '0' : manifest.bytes[i];
    }
    write_file(folder, "manifest.json", fnd_text_z(&manifest));
    cr_expect_eq(validate(folder, "hf", &said), FND_INVALID);
    cr_expect(strstr(fnd_text_z(&said), "manifest.json:0: is no manifest of an export: /files/5, "
                                        "00.txt, does not follow") != NULL,
              "%s", fnd_text_z(&said));
    struct fnd_export_options options = scene_options(&scene, "hf");
    struct fnd_export_result result = {0};
    options.out = folder;
    cr_expect_eq(fnd_dataset_export(scene.reader, NULL, &options, &result, &error), FND_INVALID,
                 "%s", error.message);
    cr_expect(strstr(error.message, "cannot replace the folder") != NULL, "%s", error.message);
    fnd_export_result_finish(&result);
    fnd_text_finish(&said);
    fnd_text_finish(&manifest);
    scene_end(&scene);
}

/* Rows may lie in files that only Hugging Face's reader finds: that they were not looked at is
 * said. */
Test(folders, rows_that_are_not_read_are_told)
{
    static const char row[] = "{\"file_name\":\"1.png\",\"text\":\"a\"}\n";
    static const char *const others[] = {"data/test-00000-of-00001.parquet", "my_train_file.jsonl",
                                         "test/rows.csv", "x/metadata.jsonl"};
    struct scene scene;
    struct fnd_text said = {0}, wanted = {0};
    char folder[PATH_SIZE];
    scene_begin(&scene, 32);
    scene_path(&scene, "set", folder);
    write_png(folder, "train/1.png");
    write_file(folder, "train/metadata.jsonl", row);
    write_file(folder, "README.md", "---\nlicense: other\n---\n");
    write_file(folder, "notes.txt", "no rows");
    cr_expect_eq(validate(folder, "hf", &said), FND_OK, "%s", fnd_text_z(&said));
    cr_expect_str_eq(fnd_text_z(&said), "");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        write_file(folder, others[i], "not looked at\n");
        fnd_text_printf(&wanted,
                        "%s:0: is not read: rows are looked for in SPLIT/metadata.jsonl, "
                        "data/SPLIT.jsonl and SPLIT.jsonl\n",
                        others[i]);
    }
    cr_expect_eq(validate(folder, "hf", &said), FND_OK, "%s", fnd_text_z(&said));
    cr_expect_str_eq(fnd_text_z(&said), fnd_text_z(&wanted));
    fnd_text_finish(&said);
    fnd_text_finish(&wanted);
    scene_end(&scene);
}
