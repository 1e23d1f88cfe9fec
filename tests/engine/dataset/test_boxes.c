/* SPDX-License-Identifier: MIT */
/* Boxes: read in every shape, held against the displayed picture, exported and read back. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "dataset/boxes.h"
#include "pictures.h"
#include "support.h"

/** The beginning of a JPEG, 400 wide and 200 high as stored, turned as EXIF says. */
static size_t jpeg_make(uint8_t jpeg[64], uint8_t orientation, bool big)
{
    static const uint8_t little_exif[] = {
        0xFF, 0xD8, 0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0,
        0,    1,    0,    0x12, 1, 3,  0,   1,   0,   0,   0, 0, 0,   0,   0,  0, 0, 0, 0};
    static const uint8_t big_exif[] = {
        0xFF, 0xD8, 0xFF, 0xE1, 0,    34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0,
        8,    0,    1,    1,    0x12, 0,  3,   0,   0,   0,   1, 0, 0,   0,   0, 0,  0, 0, 0};
    static const uint8_t frame[] = {0xFF, 0xC2, 0, 11, 8, 0, 200, 1, 144, 1, 0, 0, 0};
    memcpy(jpeg, big ? big_exif : little_exif, sizeof big_exif);
    jpeg[big ? 31 : 30] = orientation;
    memcpy(jpeg + sizeof big_exif, frame, sizeof frame);
    return sizeof big_exif + sizeof frame;
}

Test(boxes, a_picture_has_the_size_that_is_displayed)
{
    uint8_t png[33], jpeg[64];
    uint32_t width = 0, height = 0;
    png_make(png, 2, 128, 100);
    cr_assert(fnd_picture_size(png, sizeof png, &width, &height));
    cr_assert(width == 640 && height == 100);
    for (int big = 0; big < 2; big++) {
        for (uint8_t orientation = 1; orientation <= 8; orientation++) {
            const size_t size = jpeg_make(jpeg, orientation, big == 1);
            cr_assert(fnd_picture_size(jpeg, size, &width, &height));
            cr_assert_eq(width, orientation < 5 ? 400 : 200, "orientation %d", orientation);
            cr_assert_eq(height, orientation < 5 ? 200 : 400, "orientation %d", orientation);
            /* Cut anywhere, nothing is read behind the end. */
            for (size_t cut = 0; cut < size - 4; cut++) {
                uint8_t *exact = malloc(cut + 1);
                memcpy(exact + 1, jpeg, cut);
                cr_assert_not(fnd_picture_size(exact + 1, cut, &width, &height));
                free(exact);
            }
        }
    }
}

static void collect(void *context, const struct fnd_dataset_note *note)
{
    fnd_text_printf(context, "%zu: %s\n", note->line, note->message);
}

#define POLES(boxes) "{\"boxes\":[" boxes "]}"
#define POLE(id, box) "{\"box_id\":\"" id "\",\"label\":\"utility_pole\",\"box\":" box "}"

static int64_t pole_job(struct scene *scene, int64_t pin, const char *path, const char *model,
                        const char *human)
{
    uint8_t png[33];
    png_make(png, 2, 128, 200);
    int64_t job = scene_file_job(scene, pin, "poles", path, "image/png", png, sizeof png);
    scene_model(scene, job, model,
                "{\"confidence\":{\"/boxes/0\":0.99,\"/boxes/1\":0.65},"
                "\"origin\":{}}");
    return scene_answer(scene, job, scene_ask(scene, job), "corrected",
                        "{\"/boxes\":{\"from\":1,\"to\":2}}", human);
}

Test(boxes, label_studio_comes_back_within_a_hundredth_of_a_pixel)
{
    struct scene scene;
    struct fnd_export_result result = {0}, again = {0};
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    struct fnd_json whole = {NULL, 0};
    struct fnd_text text = {0}, other = {0};
    char path[PATH_SIZE];
    scene_begin(&scene, 51);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    pole_job(
        &scene, pin, "1.png",
        POLES(POLE("a", "[400,150,450,180]") "," POLE("b", "[600,150,700,180]") "," POLE(
            "c", "[700,0,710,9]")),
        POLES("{\"label\":\"a<b\\\"\",\"x_min\":33,\"y_min\":7,\"x_max\":64.5,\"y_max\":200}"));
    pole_job(&scene, pin, "none.png", POLES(POLE("a", "[1,2,3,4]")), POLES(""));
    struct fnd_export_options options = scene_options(&scene, "label-studio");
    elsewhere();
    scene_export(&scene, &options, &result, FND_OK, NULL);
    setlocale(LC_ALL, "C");
    read_all(result.path, &text);
    cr_assert_eq(fnd_json_check(text.bytes, text.size, NULL, &whole, &error), FND_OK);
    cr_assert_eq(fnd_json_count(whole), 2);
    static const struct {
        const char *pointer, *json;
    } cases[] = {
        {"/0/annotations/0/result/0",
         "{\"id\":\"h1\",\"type\":\"rectanglelabels\",\"from_name\":\"label\",\"to_name\":"
         "\"image\","
         "\"original_width\":640,\"original_height\":200,\"image_rotation\":0,\"value\":{\"x\":"
         "5.15625,\"y\":3.5,\"width\":4.921875,\"height\":96.5,\"rotation\":0,"
         "\"rectanglelabels\":[\"a<b\\\"\"]}}"},
        {"/0/predictions/0/score", "0.65"},
        {"/0/predictions/0/result/1/value/width", "6.25"}, /* cut at the edge */
        {"/1/annotations/0/result", "[]"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_json found = fnd_json_find(whole, cases[i].pointer);
        cr_assert(found.size == strlen(cases[i].json) &&
                      memcmp(found.bytes, cases[i].json, found.size) == 0,
                  "%s: %.*s", cases[i].pointer, (int)found.size, found.bytes);
    }
    cr_assert_eq(fnd_json_count(fnd_json_find(whole, "/0/predictions/0/result")), 2);
    cr_assert_eq(fnd_dataset_validate(result.path, "label-studio", NULL, NULL, &checked, &error),
                 FND_OK, "%s", error.message);
    pole_job(&scene, pin, "3.png", POLES(""), POLES(POLE("a", "[1,2,3,4]")));
    options.out = scene_path(&scene, "again.json", path);
    cr_assert_eq(
        fnd_dataset_reproduce(scene.reader, result.manifest_path, &options, &again, &error), FND_OK,
        "%s", error.message);
    read_all(again.path, &other);
    cr_assert_str_eq(fnd_text_z(&other), fnd_text_z(&text));
    snprintf(path, sizeof path, "%.*s.labels.xml", PATH_SIZE - 32, result.path);
    read_all(path, &other);
    cr_assert_str_eq(fnd_text_z(&other),
                     "<View>\n  <Image name=\"image\" value=\"$image\"/>\n  <RectangleLabels "
                     "name=\"label\" toName=\"image\">\n    <Label value=\"a&#60;b&#34;\"/>\n    "
                     "<Label value=\"utility_pole\"/>\n  </RectangleLabels>\n</View>\n");
    fnd_export_result_finish(&result);
    fnd_export_result_finish(&again);
    fnd_text_finish(&text);
    fnd_text_finish(&other);
    scene_end(&scene);
}

Test(boxes, what_is_no_box_in_the_picture_is_told)
{
    static const struct {
        const char *human, *part;
    } cases[] = {
        {POLES(POLE("a", "[630,1,641,9]")), "does not lie inside the picture of 640 x 200"},
        {POLES(POLE("a", "[-1,1,5,9]")), "does not lie inside"},
        {POLES(POLE("a", "[1,1,5,201]")), "does not lie inside"},
        {POLES(POLE("a", "[9,1,5,9]")), "is empty or reversed"},
        {POLES(POLE("a", "[9,1,9,9]")), "is empty or reversed"},
        {POLES(POLE("a", "[9,1,12]")), "/boxes/0 is no box"},
        {POLES("{\"label\":\"a\\u0001b\",\"box\":[1,1,5,9]}"),
         "the label of its box 1 has a control character"},
        {POLES(POLE("a", "[1,1,5,9]") ",{\"label\":\"\\uffff\",\"box\":[1,1,5,9]}"),
         "the label of its box 2 has a control character"},
        {"{\"boxes\":7}", "must be a list of boxes"}};
    struct scene scene;
    scene_begin(&scene, 52);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_export_result result = {0};
        char path[32];
        snprintf(path, sizeof path, "%zu.png", i);
        struct fnd_export_options options = scene_options(&scene, "label-studio");
        options.since = pole_job(&scene, pin, path, POLES(""), cases[i].human);
        scene_export(&scene, &options, &result, FND_INVALID, NULL);
        cr_assert(scene_noted(&scene, options.since, cases[i].part));
        fnd_export_result_finish(&result);
    }
    struct fnd_export_options options = scene_options(&scene, "label-studio");
    struct fnd_export_result result = {0};
    options.since = pole_job(&scene, pin, "model.png",
                             POLES("{\"label\":\"\\u001f\",\"box\":[1,1,5,9]}"), POLES(""));
    scene_export(&scene, &options, &result, FND_INVALID, NULL);
    cr_assert(scene_noted(&scene, options.since, "the label of its box 1 has a control character"));
    fnd_export_result_finish(&result);
    int64_t job = scene_value_job(&scene, pin, "poles", "text", "\"hello\"");
    scene_model(&scene, job, "{}", NULL);
    options.since = scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{}");
    scene_export(&scene, &options, &result, FND_INVALID, NULL);
    cr_assert(scene_noted(&scene, options.since, "is no picture"));
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(boxes, the_entry_says_where_they_are)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    scene_begin(&scene, 53);
    int64_t pin = scene_pin(&scene, "poles",
                            "{\"b\":{\"format\":\"label-studio\",\"boxes\":\"/found/things\","
                            "\"label\":\"/what/name\"}}");
    pole_job(&scene, pin, "1.png", "{}",
             "{\"found\":{\"things\":[{\"what\":{\"name\":\"cat\"},\"bbox\":[64,20,64,20]}]}}");
    struct fnd_export_options options = scene_options(&scene, NULL);
    options.name = "b";
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    cr_assert(strstr(text.bytes, "{\"x\":10,\"y\":10,\"width\":10,\"height\":10,\"rotation\":0,"
                                 "\"rectanglelabels\":[\"cat\"]}") != NULL,
              "%s", text.bytes);
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    scene_end(&scene);
}

/** A job whose file is five bytes that say they are a picture. */
static int64_t image_job(struct scene *scene, int64_t pin, const char *path)
{
    int64_t job = scene_file_job(scene, pin, "invoice", path, "image/png", path, strlen(path));
    scene_model(scene, job, "{\"a\":1}", NULL);
    return scene_answer(scene, job, scene_ask(scene, job), "corrected",
                        "{\"/a\":{\"from\":1,\"to\":2}}", "{\"a\":2}");
}

Test(boxes, an_input_that_is_gone_is_told_by_its_record_and_nothing_is_written)
{
    static const char *const formats[] = {
        "openai-chat", "nvidia-flywheel", "argilla", "label-studio", "coco", "yolo", "hf"};
    struct scene scene;
    char path[PATH_SIZE], away[PATH_SIZE];
    scene_begin(&scene, 47);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    const int64_t first = image_job(&scene, pin, "a.png");
    const int64_t second = image_job(&scene, pin, "b.png");
    cr_assert_eq(rename(scene_path(&scene, ".foundry/artifacts", path),
                        scene_path(&scene, ".foundry/away", away)),
                 0);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct fnd_export_options options = scene_options(&scene, formats[i]);
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        char out[PATH_SIZE];
        options.prompt = "Read it.";
        options.out = scene_path(&scene, "made", out);
        scene.notes_count = 0;
        cr_assert_neq(fnd_dataset_export(scene.reader, NULL, &options, &result, &error), FND_OK,
                      "%s", formats[i]);
        cr_expect(strstr(error.message, "2 of 2 records cannot be exported") != NULL, "%s: %s",
                  formats[i], error.message);
        cr_expect(scene_noted(&scene, first, "missing"), "%s: %s", formats[i], error.message);
        cr_expect(scene_noted(&scene, second, "missing"), "%s: %s", formats[i], error.message);
        cr_expect_not(is_there(out), "%s", formats[i]);
        fnd_export_result_finish(&result);
    }
    cr_assert_eq(rename(away, path), 0);

    /* Of two one is there: without the other the rest goes on. */
    uint8_t hash[FND_DIGEST_SIZE];
    char text[FND_DIGEST_TEXT_SIZE], rest[FND_DIGEST_TEXT_SIZE + 32], file[PATH_SIZE];
    struct fnd_export_result result = {0};
    struct fnd_export_options options = scene_options(&scene, "hf");
    fnd_sha256("a.png", strlen("a.png"), hash);
    fnd_digest_text(hash, text);
    snprintf(rest, sizeof rest, ".foundry/artifacts/%.2s/%s", text, text + 2);
    cr_assert_eq(unlink(scene_path(&scene, rest, file)), 0, "%s", file);
    options.skip_bad = true;
    scene_export(&scene, &options, &result, FND_OK, NULL);
    cr_expect(scene_noted(&scene, first, "missing"));
    cr_expect_eq(result.lines, 1);
    cr_expect_eq(result.left_out[FND_LEFT_BAD], 1);
    fnd_export_result_finish(&result);

    /* As long as it was, and another. */
    const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, "c.png", 5), 5);
    close(fd);
    scene_export(&scene, &options, &result, FND_OK, NULL);
    cr_expect(scene_noted(&scene, first, "are not those on record"));
    cr_expect_eq(result.lines, 1);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(boxes, an_altered_picture_is_told_by_its_record_and_the_others_go_on)
{
    static const char *const formats[] = {"yolo", "hf", "coco", "label-studio"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct scene scene;
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        uint8_t png[33], hash[FND_DIGEST_SIZE];
        char text[FND_DIGEST_TEXT_SIZE], rest[FND_DIGEST_TEXT_SIZE + 32], file[PATH_SIZE];
        scene_begin(&scene, 48);
        int64_t pin = scene_pin(&scene, "poles", "{}");
        png_make(png, 2, 128, 200);
        fnd_sha256(png, sizeof png, hash);
        const int64_t altered = pole_job(&scene, pin, "a.png", POLES(""), POLES(""));
        png[32] = 1; /* another picture of the same size */
        int64_t job = scene_file_job(&scene, pin, "poles", "b.png", "image/png", png, sizeof png);
        scene_model(&scene, job, POLES(""), NULL);
        scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", POLES(""));
        fnd_digest_text(hash, text);
        snprintf(rest, sizeof rest, ".foundry/artifacts/%.2s/%s", text, text + 2);
        scene_path(&scene, rest, file);
        chmod(file, 0600);
        const int fd = open(file, O_WRONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0, "%s", file);
        png[32] = 2; /* as long as it was, and as wide and high */
        cr_assert_eq(write(fd, png, sizeof png), (ssize_t)sizeof png);
        close(fd);
        struct fnd_export_options options = scene_options(&scene, formats[i]);
        scene_export(&scene, &options, &result, FND_DAMAGED, &error);
        cr_expect(strstr(error.message, "1 of 2 records cannot be exported") != NULL, "%s: %s",
                  formats[i], error.message);
        cr_expect(scene_noted(&scene, altered, "are not those on record"), "%s", formats[i]);
        fnd_export_result_finish(&result);
        options.skip_bad = true;
        scene_export(&scene, &options, &result, FND_OK, NULL);
        cr_expect_eq(result.lines, 1, "%s", formats[i]);
        fnd_export_result_finish(&result);
        scene_end(&scene);
    }
}

Test(boxes, foreign_files_are_checked)
{
#define REGION(id, x, width)                                                                       \
    "{\"id\":\"" id "\",\"type\":\"rectanglelabels\",\"from_name\":\"l\",\"to_name\":\"i\","       \
    "\"value\":{\"x\":" x ",\"y\":1,\"width\":" width ",\"height\":5,"                             \
    "\"rectanglelabels\":[\"Dog\"]}}"
#define TASK(regions)                                                                              \
    "[{\"data\":{\"image\":\"https://example.org/a.png\"},\"predictions\":[{\"model_version\":"    \
    "\"one\",\"score\":0.5,\"result\":[" regions "]}]}]"
    static const struct {
        const char *text;
        enum fnd_status status;
    } cases[] = {{TASK(REGION("a", "1", "99")), FND_OK},
                 {TASK(REGION("a", "1", "99.5")), FND_INVALID},
                 {TASK(REGION("a", "101", "1")), FND_INVALID},
                 {TASK(REGION("a", "1", "1") "," REGION("b", "1", "1")), FND_OK},
                 {TASK(REGION("a", "1", "1") "," REGION("a", "1", "1")), FND_INVALID},
                 {"[{\"data\":{\"text\":\"x\"}}]", FND_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[] = "/tmp/foundry-boxes-XXXXXX";
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        int fd = mkstemp(path);
        cr_assert_eq(fnd_write_all(fd, cases[i].text, strlen(cases[i].text)), 0);
        close(fd);
        enum fnd_status status =
            fnd_dataset_validate(path, "label-studio", NULL, NULL, &checked, &error);
        unlink(path);
        cr_assert_eq(status, cases[i].status, "case %zu: %s", i, error.message);
    }
}

Test(boxes, coco_comes_back)
{
    static const char expected[] =
        "{\"info\":{\"description\":\"foundry\"},\"licenses\":[],\"images\":[\n"
        "{\"id\":1,\"width\":640,\"height\":200,\"file_name\":\"1.png\"},\n"
        "{\"id\":2,\"width\":640,\"height\":200,\"file_name\":\"none.png\"}\n],\"annotations\":[\n"
        "{\"id\":1,\"image_id\":1,\"category_id\":2,\"bbox\":[400,150,50,30.5],\"area\":1525,"
        "\"iscrowd\":0,\"segmentation\":[]},\n"
        "{\"id\":2,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,640,200],\"area\":128000,"
        "\"iscrowd\":0,\"segmentation\":[]}\n],\"categories\":[\n"
        "{\"id\":1,\"name\":\"cable\",\"supercategory\":\"object\"},\n"
        "{\"id\":2,\"name\":\"utility_pole\",\"supercategory\":\"object\"}\n]}\n";
    struct scene scene;
    struct fnd_export_result result = {0}, again = {0};
    struct fnd_error error = {0};
    struct fnd_text text = {0};
    char path[PATH_SIZE];
    scene_begin(&scene, 54);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    pole_job(&scene, pin, "1.png", POLES(""),
             POLES(POLE("a", "[400,150,450,180.5]") ",{\"label\":\"cable\",\"x\":0,\"y\":0,"
                                                    "\"width\":640,\"height\":200}"));
    pole_job(&scene, pin, "none.png", POLES(POLE("a", "[1,2,3,4]")), POLES(""));
    struct fnd_export_options options = scene_options(&scene, "coco");
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    cr_assert_str_eq(fnd_text_z(&text), expected);
    pole_job(&scene, pin, "3.png", POLES(""), POLES(POLE("a", "[1,2,3,4]")));
    options.out = scene_path(&scene, "again.json", path);
    cr_assert_eq(
        fnd_dataset_reproduce(scene.reader, result.manifest_path, &options, &again, &error), FND_OK,
        "%s", error.message);
    read_all(again.path, &text);
    cr_assert_str_eq(fnd_text_z(&text), expected);
    fnd_export_result_finish(&result);
    fnd_export_result_finish(&again);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(boxes, coco_of_others_is_checked)
{
#define COCO(rest)                                                                                 \
    "{\"images\":[{\"id\":7,\"width\":10,\"height\":10,\"file_name\":\"a.png\"}],"                 \
    "\n\"annotations\":"                                                                           \
    "[" rest "],\"categories\":[{\"id\":3,\"name\":\"x\"}]}"
#define MARK(id, image, category, bbox, area)                                                      \
    "{\"id\":" id ",\"image_id\":" image ",\"category_id\":" category ",\"bbox\":" bbox            \
    ",\"area\":" area "}"
#define WIDE "18446744073709551616" /* 2^64 */
    static const struct {
        const char *text, *part;
    } cases[] = {
        {COCO(""), NULL},
        {COCO(MARK("1", "7", "3", "[1,1,9,9]", "81")), NULL},
        {COCO(MARK("1", "8", "3", "[1,1,9,9]", "81")), "2: /annotations/0: is of an image"},
        {COCO(MARK("1", "7", "4", "[1,1,9,9]", "81")), "is of a category"},
        {COCO(MARK("1", "7", "3", "[1,1,10,9]", "90")), "passes the picture's edge"},
        {COCO(MARK("1", "7", "3", "[1,1,0,9]", "0")), "empty box"},
        {COCO(MARK("1", "7", "3", "[1,1,2,2]", "5")), "not width times height"},
        {COCO(MARK("1", "7", "3", "[1,1,2,2]", "4") "," MARK("1", "7", "3", "[1,1,2,2]", "4")),
         "/annotations/1/id: is that of item 0"},
        {COCO(MARK(WIDE, "7", "3", "[1,1,2,2]", "4")), "2: /annotations/0/id: is no whole number"},
        {COCO(MARK("1", WIDE, "3", "[1,1,2,2]", "4")), "/annotations/0/image_id: is no whole"},
        {COCO(MARK("1", "7", WIDE, "[1,1,2,2]", "4")), "/annotations/0/category_id: is no whole"},
        {"{\"images\":[{\"id\":9007199254740993,\"width\":10,\"height\":10,\"file_name\":\"a\"},"
         "{\"id\":9007199254740992,\"width\":10,\"height\":10,\"file_name\":\"b\"}],"
         "\"annotations\":[" MARK("1", "9007199254740993", "0", "[1,1,2,2]",
                                  "4") "],"
                                       "\"categories\":[{\"id\":0,\"name\":\"x\"}]}",
         NULL},
        {"{\"images\":[{\"id\":0,\"width\":10,\"height\":10,\"file_name\":\"a\"}],"
         "\"annotations\":[" MARK("1", WIDE, "0", "[1,1,2,2]",
                                  "4") "],"
                                       "\"categories\":[{\"id\":0,\"name\":\"x\"}]}",
         "/annotations/0/image_id: is no whole number"},
        {"[]", "must be"}};
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    char path[] = "/tmp/foundry-boxes-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_dataset_checked checked = {0};
        fnd_text_clear(&text);
        cr_assert_eq(
            fnd_file_write(AT_FDCWD, path, cases[i].text, strlen(cases[i].text), 0666, &error),
            FND_OK);
        enum fnd_status status =
            fnd_dataset_validate(path, "coco", collect, &text, &checked, &error);
        cr_expect_eq(status, cases[i].part == NULL ? FND_OK : FND_INVALID, "case %zu: %s", i,
                     fnd_text_z(&text));
        cr_expect(cases[i].part == NULL || strstr(fnd_text_z(&text), cases[i].part) != NULL,
                  "case %zu: %s", i, fnd_text_z(&text));
    }
    unlink(path);
    fnd_text_finish(&text);
}

/* Decimals of any size: what passes 64 bits with them has none worth telling. */
Test(boxes, decimals_are_told_whatever_the_size)
{
    static const struct {
        double value;
        const char *told;
    } cases[] = {{0, "0"},
                 {-0.0000004, "0"},
                 {1.1, "1.1"},
                 {-2.5, "-2.5"},
                 {4611686014132420609.0, "4611686014132420608"},
                 {-1e18, "-1000000000000000000"},
                 {9e12, "9000000000000"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_decimal_append(&text, cases[i].value);
        cr_expect_str_eq(fnd_text_z(&text), cases[i].told);
        fnd_text_finish(&text);
    }
}
