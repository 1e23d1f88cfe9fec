/* SPDX-License-Identifier: MIT */
/* Each format as whoever defined it shows it, and changes to it that they say are wrong.
 *
 * The layouts are those of the pages named: members, order, nesting, types. Sentences, names and
 * numbers in them are ours, since a page's own may not be free to copy. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pictures.h"
#include "published.h"
#include "support.h"

/** ' becomes ". */
static void quotes(char *text)
{
    for (; *text != '\0'; text++) {
        *text = *text == '\'' ? '"' : *text;
    }
}

static void said(void *context, const struct fnd_dataset_note *note)
{
    if (!note->warning) {
        fnd_text_printf(context, "%s%s%zu: %s\n", note->file != NULL ? note->file : "",
                        note->file != NULL ? ":" : "", note->line, note->message);
    }
}

static enum fnd_status look(const char *path, const char *format, struct fnd_text *told)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    fnd_text_clear(told);
    enum fnd_status status = fnd_dataset_validate(path, format, said, told, &checked, &error);
    cr_assert(status == FND_OK || status == FND_INVALID, "%s", error.message);
    cr_assert_eq(status == FND_INVALID, checked.errors > 0);
    return status;
}

/** The example, with one place changed; the last `change->from` in the file. */
static void make(const struct published *one, const struct change *change, struct fnd_text *file)
{
    const bool alone = change != NULL && change->from == NULL;
    fnd_text_clear(file);
    for (size_t i = 0; i < (alone ? 1 : one->copies); i++) {
        const char *text = one->text, *at = NULL;
        if (change != NULL && !alone && i + 1 == one->copies) {
            for (const char *next = strstr(text, change->from); next != NULL;
                 next = strstr(next + 1, change->from)) {
                at = next;
            }
            cr_assert(at != NULL, "%s: \"%s\" is not in it", one->page, change->from);
            fnd_text_append(file, text, (size_t)(at - text));
            fnd_text_append_z(file, change->to);
            text = at + strlen(change->from);
        }
        fnd_text_append_z(file, text);
    }
    quotes(file->bytes);
}

static enum fnd_status look_at(const struct fnd_text *file, const char *format,
                               struct fnd_text *told)
{
    char path[] = "/tmp/foundry-published-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fnd_write_all(fd, file->bytes, file->size), 0);
    close(fd);
    enum fnd_status status = look(path, format, told);
    unlink(path);
    return status;
}

Test(published, examples_are_taken_and_what_their_publishers_call_wrong_is_not)
{
    struct fnd_text file = {0}, told = {0};
    for (size_t i = 0; i < published_texts_count; i++) {
        const struct published *one = &published_texts[i];
        make(one, NULL, &file);
        cr_expect_eq(look_at(&file, one->format, &told), FND_OK, "%s (%s): %s", one->page,
                     one->format, fnd_text_z(&told));
        cr_assert(one->changes[0].told != NULL, "%s: no change", one->page);
        for (size_t k = 0; k < CHANGES_MAX && one->changes[k].told != NULL; k++) {
            make(one, &one->changes[k], &file);
            cr_expect_eq(look_at(&file, one->format, &told), FND_INVALID,
                         "%s (%s), change %zu was taken: %s", one->page, one->format, k,
                         fnd_text_z(&file));
            cr_expect(strstr(fnd_text_z(&told), one->changes[k].told) != NULL,
                      "%s (%s), change %zu: \"%s\" is not in: %s", one->page, one->format, k,
                      one->changes[k].told, fnd_text_z(&told));
        }
    }
    fnd_text_finish(&file);
    fnd_text_finish(&told);
}

/* --- formats that are a folder ---------------------------------------------------------------- */

#define YAML                                                                                       \
    "# Train/val/test sets as folders\npath: ../datasets/boats # dataset root dir\n"               \
    "train: images/train # train images (relative to 'path') 1 image\n"                            \
    "val: images/val # val images (relative to 'path') 1 image\ntest: # test images (optional)\n"  \
    "\n# Classes\nnames:\n  0: ferry\n  1: tug\n  2: buoy\n"
#define BOXES                                                                                      \
    "{'file_name': '0001.png', 'objects': {'bbox': [[302.0, 109.0, 73.0, 52.0]], 'categories': "   \
    "[0]}}\n{'file_name': '0002.png', 'objects': {'bbox': [[160.0, 31.0, 248.0, 116.0], [341.0, "  \
    "68.0, 202.0, 101.0]], 'categories': [2, 2]}}\n"
#define TEXTS                                                                                      \
    "{'file_name': '0001.png', 'text': 'A ferry at the quay'}\n"                                   \
    "{'file_name': '0002.png', 'text': 'One tug'}\n"

static const struct folder {
    const char *format, *page;
    const char *pictures[2];
    struct {
        const char *path, *text;
    } files[2]; /* the first is the one that is changed */
    struct change changes[CHANGES_MAX];
} folders[] = {
    {"yolo",
     "Ultralytics, Object detection datasets overview: YOLO format, labels",
     {"images/train/boat.png", "images/val/boat.png"},
     {{"labels/train/boat.txt", "0 0.48 0.63 0.69 0.71\n0 0.74 0.52 0.31 0.93\n2 0.36 0.79 0.07 "
                                "0.40\n"},
      {"data.yaml", YAML}},
     {{"2 0.36", "3 0.36", "labels/train/boat.txt:3: class: is 3"},
      {"2 0.36 0.79 0.07 0.40", "2 230 158 45 80", "labels/train/boat.txt:3: x_center: is 230"},
      {"2 0.36 0.79 0.07 0.40", "2 0.36 0.79 0.07", "labels/train/boat.txt:3: has 4 values"},
      {"2 0.36 0.79 0.07 0.40", "buoy 0.36 0.79 0.07 0.40", "labels/train/boat.txt:3: value 1"}}},
    {"yolo",
     "Ultralytics, Object detection datasets overview: YOLO format, data.yaml",
     {"images/train/boat.png", "images/val/boat.png"},
     {{"data.yaml", YAML}},
     {{"val: images/val", "valid: images/val", "data.yaml:0: val: is missing"},
      {"2: buoy", "3: buoy", "data.yaml:11: names: \"3\" is no class"},
      {"names:", "labels:", "data.yaml:0: names: "},
      {"train: images/train", "train: pictures", "data.yaml:3: pictures: cannot be opened"}}},
    {"yolo",
     "Ultralytics, reference for ultralytics/data/utils.py: check_det_dataset takes `validation` "
     "for `val`, names in any order, and a folder that lies a step nearer than `../` says",
     {"train/images/boat.png", "valid/images/boat.png"},
     {{"data.yaml",
       "train: ../train/images/\nvalidation: ./valid/images\nnc: '2'\nnames:\n  1: tug\n"
       "  0: ferry\ndownload: https://boats.example/all.zip\n"},
      {"train/labels/boat.txt", "1 0.5 0.5 0.5 0.5\n"}},
     {{"validation", "valid", "data.yaml:0: val: is missing"},
      {"1: tug", "2: tug", "data.yaml:5: names: \"2\" is no class: 2 are named, counted from 0"},
      {"0: ferry", "1: ferry", "data.yaml:"},
      {"nc: '2'", "nc: '2.5'", "data.yaml:3: nc: is not the number of names, which is 2"},
      {"nc: '2'", "nc: 3", "data.yaml:3: nc: is not the number of names, which is 2"},
      {"../train", "../../train", "data.yaml:1: ../../train/images/: only"},
      {"../train/images/", "['../train/images/']", "data.yaml:1: ../train/images/: only"}}},
    {"yolo",
     "Ultralytics, reference for ultralytics/data/utils.py: check_det_dataset names the classes "
     "itself where there is only their number",
     {"images/train/boat.png", "images/val/boat.png"},
     {{"data.yaml", "train: images/train/\nval: ./images//val\nnc: 2\nnames:\n"},
      {"labels/train/boat.txt", "1 0.5 0.5 0.5 0.5\n"}},
     {{"nc: 2", "nc: 1", "labels/train/boat.txt:1: class: is 1"},
      {"nc: 2", "nc: few", "data.yaml:0: names: "},
      {"nc: 2", "nc: -1", "data.yaml:0: names: "},
      {"nc: 2", "nc: 1000000", "data.yaml:0: names: "}}},
    {"yolo",
     "Ultralytics, reference for ultralytics/data/utils.py: verify_image_label reads numbers as "
     "Python does, passes over empty lines, and takes a picture by its name's end in any letters",
     {"images/train/boat.PnG", "images/val/tug.JPEG"},
     {{"labels/train/boat.txt", "\n00 .5 0.5 +0.25 5e-1\n\n1.0 5.0E-01 0.5 1. 1\n\n"},
      {"data.yaml", "train: images/train\nval: images/val\nnames: [ferry, tug]\n"}},
     {{"+0.25", "+-0.25", "labels/train/boat.txt:2: value 4: \"+-0.25\" is no number"},
      {"00 .5", "00 .", "labels/train/boat.txt:2: value 2: \".\" is no number"},
      {"00 .5", "00 .e1", "labels/train/boat.txt:2: value 2: \".e1\" is no number"},
      {"1. 1", "1.. 1", "labels/train/boat.txt:4: value 4: \"1..\" is no number"},
      {"1. 1", "1e 1", "labels/train/boat.txt:4: value 4: \"1e\" is no number"},
      {"1. 1", "nan 1", "labels/train/boat.txt:4: value 4: \"nan\" is no number"},
      {"1. 1\n\n", "1. 1\n \n", "labels/train/boat.txt:5: has 0 values"},
      {"1. 1", "1. 1.001", "labels/train/boat.txt:4: height: is 1.001"}}},
    {"yolo",
     "CVAT, Ultralytics YOLO: a list of pictures in train.txt; val, which CVAT leaves out where it "
     "has no such pictures, is ours, since Ultralytics asks for it",
     {"images/train/boat.png", "images/val/tug.png"},
     {{"train.txt", "images/train/boat.png\n"},
      {"data.yaml", "path: ./ # dataset root dir\ntrain: train.txt # train images (relative to "
                    "'path')\nval: images/val\n\n# Classes\nnames:\n  0: ferry\n"}},
     {{"boat.png", "tug.png", "images/train/tug.png:0: cannot open images/train/tug.png"},
      {"images/train/boat.png", "/tmp/boat.png", "train.txt:1: /tmp/boat.png: only"},
      {"images/train/boat.png", "images/../../boat.png", "train.txt:1: images/../../boat.png: on"},
      {"boat.png", "boat.gif", "train.txt:1: images/train/boat.gif: is no picture"},
      {"images/train/boat.png\n", "\n", "train.txt:1: is empty"}}},
    {"hf",
     "Hugging Face Datasets, Create an image dataset: object detection",
     {"train/0001.png", "train/0002.png"},
     {{"train/metadata.jsonl", BOXES}},
     {{"'0002.png'", "'0003.png'", "train/metadata.jsonl:2: /file_name: "},
      {"'file_name': '0002.png', ", "", "train/metadata.jsonl:2: /file_name: is missing"},
      {"[2, 2]", "[2]", "train/metadata.jsonl:2: /objects: has 2 boxes and 1 categories"},
      {"[2, 2]", "['buoy', 'buoy']",
       "train/metadata.jsonl:2: /objects/categories/0: is of another type"},
      {"[341.0, 68.0, 202.0, 101.0]", "[341.0, 68.0, 202.0]", "train/metadata.jsonl:2: /row/obj"},
      {"{'file_name': '0002.png'", "['file_name': '0002.png'", "train/metadata.jsonl:2: is no J"}}},
    {"hf",
     "Hugging Face Datasets, Create an image dataset: image captioning",
     {"train/0001.png", "train/0002.png"},
     {{"train/metadata.jsonl", TEXTS}},
     {{"'0002.png'", "'0003.png'", "train/metadata.jsonl:2: /file_name: "},
      {"'One tug'", "1", "train/metadata.jsonl:2: /row/text: "},
      {"'text': 'One tug'", "'objects': {'bbox': [], 'categories': []}",
       "train/metadata.jsonl:2: holds boxes in pictures"}}},
    {"hf",
     "Hugging Face Datasets, Create an image dataset: ImageFolder, a column of one's own",
     {"train/0001.png", "train/0002..a.png"},
     {{"train/metadata.jsonl", "{'file_name': '0001.png', 'additional_feature': 'A quay'}\n"
                               "{'file_name': '0002..a.png', 'additional_feature': 'A pier'}\n"}},
     {{"'A pier'", "2", "train/metadata.jsonl:2: /row/additional_feature: is of another type"},
      {"'0002..a.png'", "'../0002..a.png'", "train/metadata.jsonl:2: /file_name: must be the name"},
      {"'0002..a.png'", "'a/../0001.png'", "train/metadata.jsonl:2: /file_name: must be the name"},
      {", 'additional_feature': 'A pier'", "",
       "train/metadata.jsonl:2: /row/additional_feature: is missing"},
      {"'additional_feature': 'A pier'", "'additional_feature': null, 'other': 1",
       "train/metadata.jsonl:2: /row/other: is a column that the first row has not"}}},
    {"hf",
     "Hugging Face Datasets, Structure your repository: folders by other names of the splits",
     {"training/0001.png", "val/0002.png"},
     {{"val/metadata.jsonl", "{'file_name': '0002.png', 'text': 'One tug'}\n"},
      {"training/metadata.jsonl", "{'file_name': '0001.png', 'text': 'A ferry'}\n"}},
     {{"'0002.png'", "'0003.png'", "val/metadata.jsonl:1: /file_name: "},
      {"'One tug'", "1", "val/metadata.jsonl:1: /row/text: "}}},
    {"hf",
     "Hugging Face Hub, Datasets: manual configuration (configs in the card)",
     {"train/0001.png", "train/0002.png"},
     {{"README.md", "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n"
                    "    path: train/metadata.jsonl\n---\n# Boats\n"},
      {"train/metadata.jsonl", BOXES}},
     {{"path: train/metadata.jsonl", "path: train/data.jsonl",
       "README.md:6: configs: there is no train/data.jsonl"}}},
};

static void put(const char *folder, const char *name, const void *bytes, size_t size)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    for (char *slash = strchr(path.bytes + strlen(folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path.bytes, 0777);
        *slash = '/';
    }
    cr_assert_eq(fnd_file_write(AT_FDCWD, path.bytes, bytes, size, 0666, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&path);
}

static enum fnd_status look_in(const struct scene *scene, size_t number, const struct folder *one,
                               const struct change *change, struct fnd_text *told)
{
    char path[PATH_SIZE], name[32];
    struct fnd_text text = {0};
    uint8_t png[PNG_SIZE];
    png_make(png, 2, 128, 200); /* 640 by 200 */
    snprintf(name, sizeof name, "foreign-%zu", number);
    scene_path(scene, name, path);
    mkdir(path, 0777);
    for (size_t i = 0; i < 2; i++) {
        put(path, one->pictures[i], png, sizeof png);
        if (one->files[i].path == NULL) {
            continue;
        }
        const struct published as = {.page = one->page, .copies = 1, .text = one->files[i].text};
        make(&as, i == 0 ? change : NULL, &text);
        put(path, one->files[i].path, text.bytes, text.size);
    }
    enum fnd_status status = look(path, one->format, told);
    fnd_text_finish(&text);
    return status;
}

Test(published, folders_are_taken_and_what_their_publishers_call_wrong_is_not)
{
    struct scene scene;
    struct fnd_text told = {0};
    scene_begin(&scene, 91);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const struct folder *one = &folders[i];
        cr_expect_eq(look_in(&scene, i * 100, one, NULL, &told), FND_OK, "%s: %s", one->page,
                     fnd_text_z(&told));
        for (size_t k = 0; k < CHANGES_MAX && one->changes[k].told != NULL; k++) {
            const struct change *change = &one->changes[k];
            cr_expect_eq(look_in(&scene, i * 100 + k + 1, one, change, &told), FND_INVALID,
                         "%s, change %zu was taken", one->page, k);
            cr_expect(strstr(fnd_text_z(&told), change->told) != NULL,
                      "%s, change %zu: \"%s\" is not in: %s", one->page, k, change->told,
                      fnd_text_z(&told));
        }
    }
    fnd_text_finish(&told);
    scene_end(&scene);
}

/* Every format that is exported for others is in one of the tables. */
Test(published, no_format_is_left_out)
{
    static const char *const formats[] = {"gemini",  "openai-chat",    "openai-dpo", "trl-sft",
                                          "trl-dpo", "trl-kto",        "alpaca",     "sharegpt",
                                          "coco",    "yolo",           "hf",         "label-studio",
                                          "argilla", "nvidia-flywheel"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        size_t found = 0;
        for (size_t k = 0; k < published_texts_count; k++) {
            found += strcmp(published_texts[k].format, formats[i]) == 0;
        }
        for (size_t k = 0; k < sizeof folders / sizeof folders[0]; k++) {
            found += strcmp(folders[k].format, formats[i]) == 0;
        }
        cr_assert_gt(found, 0, "%s", formats[i]);
    }
}
