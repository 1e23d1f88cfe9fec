/* SPDX-License-Identifier: MIT */
/* Generated pictures and boxes through the formats of boxes, held against what was put in by a
 * reader of this file's own. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "pictures.h"
#include "support.h"

enum { PICTURES = 40, BOXES_MAX = 9, PICTURE_MAX = 64 };

/** splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/** From 0 to `most`, in millionths. */
static double share(uint64_t *state, double most)
{
    return floor((double)(draw(state) % 1000001) * most) / 1e6;
}

struct box {
    double x, y, width, height;
    size_t label;
};
struct drawn {
    struct box boxes[BOXES_MAX];
    size_t count;
    double width, height; /* as displayed */
    int64_t record;
    char path[64];
};

/* As they stand in JSON: quotes, YAML's and XML's signs, numbers and words that YAML would take for
 * others, right to left, an escaped line end, two that differ in case or by a blank. */
static const char *const labels[] = {"pole",
                                     "Pole",
                                     "pole ",
                                     " pole",
                                     "a: b",
                                     "# none",
                                     "'single'",
                                     "\\\"double\\\"",
                                     "back\\\\slash",
                                     "no",
                                     "null",
                                     "0",
                                     "1.10",
                                     "~",
                                     "- a",
                                     "{x}",
                                     "[y]",
                                     "a<b>&amp;",
                                     "two\\nlines",
                                     "tab\\there",
                                     "\xE7\x94\xB5\xE6\x9D\x86",
                                     "\xD8\xB9\xD9\x85\xD9\x88\xD8\xAF",
                                     "\\ud83d\\ude00",
                                     "%s|a,b;c"};

/** A JPEG of width and height as stored, turned as EXIF says; only what tells its size. */
static size_t jpeg_make(uint8_t jpeg[PICTURE_MAX], unsigned width, unsigned height,
                        uint8_t orientation)
{
    static const uint8_t exif[] = {
        0xFF, 0xD8, 0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
        0,    1,    1,    0x12, 0, 3,  0,   0,   0,   1,   0, 0, 0,   0,   0, 0,  0, 0, 0, 0};
    const uint8_t frame[] = {0xFF,
                             0xC2,
                             0,
                             11,
                             8,
                             (uint8_t)(height >> 8),
                             (uint8_t)height,
                             (uint8_t)(width >> 8),
                             (uint8_t)width,
                             1,
                             0,
                             0,
                             0};
    memcpy(jpeg, exif, 38);
    jpeg[31] = orientation;
    memcpy(jpeg + 38, frame, sizeof frame);
    return 38 + sizeof frame;
}

/** Somewhere, at an edge, in a corner, the whole picture, or as small as can be told: `least` of
 *  a pixel. */
static struct box box_draw(uint64_t *state, double width, double height, double least)
{
    struct box box = {.label = draw(state) % (sizeof labels / sizeof labels[0])};
    const uint64_t kind = draw(state) % 6;
    box.x = share(state, width - least);
    box.y = share(state, height - least);
    box.width = fmax(share(state, width - box.x), least);
    box.height = fmax(share(state, height - box.y), least);
    if (kind == 0) {
        box.x = box.y = 0;
    } else if (kind == 1) { /* to the far edges, as decimals say it */
        box.width = width - box.x;
        box.height = height - box.y;
    } else if (kind == 2) {
        box = (struct box){0, 0, width, height, box.label};
    } else if (kind == 3) {
        box.width = box.height = least;
    }
    return box;
}

/** A picture with its boxes, each in one of the shapes that are read. */
static void picture_record(struct scene *scene, int64_t pin, uint64_t *state, size_t index,
                           struct drawn *drawn)
{
    static const char *const shapes[][5] = {
        {"\"x_min\":", ",\"y_min\":", ",\"x_max\":", ",\"y_max\":", ""},
        {"\"box\":[", ",", ",", ",", "]"},
        {"\"bbox\":[", ",", ",", ",", "]"},
        {"\"x\":", ",\"y\":", ",\"width\":", ",\"height\":", ""}};
    uint8_t picture[PICTURE_MAX];
    struct fnd_text human = {0};
    const unsigned stored_width = 20 + (unsigned)(draw(state) % 4000);
    const unsigned stored_height = 20 + (unsigned)(draw(state) % 235);
    const bool jpeg = draw(state) % 2 == 0;
    const uint8_t turned = (uint8_t)(1 + draw(state) % 8);
    size_t size = PNG_SIZE;
    *drawn = (struct drawn){.width = stored_width, .height = stored_height};
    if (jpeg) {
        size = jpeg_make(picture, stored_width, stored_height, turned);
        drawn->width = turned < 5 ? stored_width : stored_height;
        drawn->height = turned < 5 ? stored_height : stored_width;
    } else {
        png_make(picture, (uint8_t)(stored_width >> 8), (uint8_t)stored_width,
                 (uint8_t)stored_height);
    }
    drawn->count = draw(state) % (BOXES_MAX + 1);
    fnd_text_append_z(&human, "{\"boxes\":[");
    for (size_t i = 0; i < drawn->count; i++) {
        /* yolo has six decimals of the picture: a thousandth of the longer side is told to 0.1 % */
        struct box *box = &drawn->boxes[i];
        *box =
            box_draw(state, drawn->width, drawn->height, fmax(drawn->width, drawn->height) / 1000);
        const size_t number = draw(state) % 4;
        const bool corners = number < 2;
        const char *const *shape = shapes[number];
        fnd_text_printf(&human, "%s{\"label\":\"%s\",%s%.6f%s%.6f%s%.6f%s%.6f%s}", i > 0 ? "," : "",
                        labels[box->label], shape[0], box->x, shape[1], box->y, shape[2],
                        corners ? box->x + box->width : box->width, shape[3],
                        corners ? box->y + box->height : box->height, shape[4]);
    }
    fnd_text_append_z(&human, "]}");
    snprintf(drawn->path, sizeof drawn->path, "%zu.%s", index, jpeg ? "jpg" : "png");
    int64_t job = scene_file_job(scene, pin, "poles", drawn->path,
                                 jpeg ? "image/jpeg" : "image/png", picture, size);
    scene_model(scene, job, "{\"boxes\":[]}", "{\"confidence\":{},\"origin\":{}}");
    drawn->record = scene_answer(scene, job, scene_ask(scene, job), "corrected",
                                 "{\"/boxes\":{\"from\":1,\"to\":2}}", fnd_text_z(&human));
    fnd_text_finish(&human);
}

static uint64_t scene_draw(struct scene *scene, uint64_t number, struct drawn drawn[PICTURES])
{
    const char *given = getenv("FOUNDRY_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 7;
    uint64_t state = seed;
    printf("seed %" PRIu64 "\n", seed);
    scene_begin(scene, number);
    int64_t pin = scene_pin(scene, "poles", "{}");
    for (size_t i = 0; i < PICTURES; i++) {
        picture_record(scene, pin, &state, i, &drawn[i]);
    }
    return seed;
}

static void scene_exported(struct scene *scene, const char *format, uint64_t seed,
                           struct fnd_export_result *result)
{
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    struct fnd_export_options options = scene_options(scene, format);
    options.said = NULL;
    scene_export(scene, &options, result, FND_OK, NULL);
    cr_assert_eq(result->lines, PICTURES, "%s, seed %" PRIu64, format, seed);
    cr_assert_eq(fnd_dataset_validate(result->path, format, NULL, NULL, &checked, &error), FND_OK,
                 "%s, seed %" PRIu64 ": %s", format, seed, error.message);
}

static double number_at(struct fnd_json json, const char *pointer)
{
    double value = NAN;
    cr_assert(fnd_json_number(fnd_json_find(json, pointer), &value), "nothing at %s", pointer);
    return value;
}

/** One box as it came back. */
static void box_is(const struct drawn *drawn, size_t index, const double found[4], double limit,
                   struct fnd_json label, uint64_t seed)
{
    struct fnd_text wanted = {0};
    struct fnd_json same = {NULL, 0};
    cr_assert_lt(index, drawn->count, "%s, seed %" PRIu64 ": a box too many", drawn->path, seed);
    const struct box *box = &drawn->boxes[index];
    const double put[4] = {box->x, box->y, box->width, box->height};
    for (size_t i = 0; i < 4; i++) {
        cr_assert(fabs(found[i] - put[i]) <= limit,
                  "%s, box %zu, value %zu, seed %" PRIu64 ": %.9f, not %.9f", drawn->path, index, i,
                  seed, found[i], put[i]);
    }
    fnd_text_printf(&wanted, "\"%s\"", labels[box->label]);
    cr_assert_eq(fnd_json_check(wanted.bytes, wanted.size, NULL, &same, NULL), FND_OK);
    cr_assert(fnd_json_equal(label, same), "%s, box %zu, seed %" PRIu64 ": label %.*s, not %s",
              drawn->path, index, seed, (int)label.size, label.bytes, wanted.bytes);
    fnd_text_finish(&wanted);
}

static void file_read(const char *path, struct fnd_text *text, struct fnd_json *json)
{
    struct fnd_error error = {0};
    read_all(path, text);
    cr_assert_eq(fnd_json_check(text->bytes, text->size, NULL, json, &error), FND_OK, "%s: %s",
                 path, error.message);
}

Test(property_boxes, coco_gives_back_what_was_drawn)
{
    struct scene scene;
    struct drawn drawn[PICTURES];
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    struct fnd_json json = {NULL, 0};
    size_t met[PICTURES] = {0}, total = 0;
    const uint64_t seed = scene_draw(&scene, 131, drawn);
    scene_exported(&scene, "coco", seed, &result);
    file_read(result.path, &text, &json);
    struct fnd_json categories = fnd_json_member(json, "categories");
    struct fnd_json annotations = fnd_json_member(json, "annotations");
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(json, "images"));
         fnd_json_next(&walk);) {
        struct fnd_json name = fnd_json_member(walk.value, "file_name");
        cr_assert(fnd_json_text_is(name, drawn[walk.index].path));
        cr_assert_float_eq(number_at(walk.value, "/width"), drawn[walk.index].width, 0);
        cr_assert_float_eq(number_at(walk.value, "/height"), drawn[walk.index].height, 0);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(annotations); fnd_json_next(&walk); total++) {
        const size_t image = (size_t)number_at(walk.value, "/image_id") - 1;
        const size_t category = (size_t)number_at(walk.value, "/category_id") - 1;
        const double found[4] = {number_at(walk.value, "/bbox/0"), number_at(walk.value, "/bbox/1"),
                                 number_at(walk.value, "/bbox/2"),
                                 number_at(walk.value, "/bbox/3")};
        char at[64];
        cr_assert_lt(image, PICTURES);
        snprintf(at, sizeof at, "/%zu/name", category);
        box_is(&drawn[image], met[image]++, found, 1.5e-6, fnd_json_find(categories, at), seed);
    }
    for (size_t i = 0; i < PICTURES; i++) {
        cr_assert_eq(met[i], drawn[i].count, "%s, seed %" PRIu64, drawn[i].path, seed);
    }
    cr_assert_gt(total, 50);
    fnd_text_finish(&text);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(property_boxes, label_studio_gives_back_what_was_drawn)
{
    struct scene scene;
    struct drawn drawn[PICTURES];
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    struct fnd_json json = {NULL, 0};
    const uint64_t seed = scene_draw(&scene, 132, drawn);
    scene_exported(&scene, "label-studio", seed, &result);
    file_read(result.path, &text, &json);
    for (struct fnd_json_walk task = fnd_json_walk(json); fnd_json_next(&task);) {
        const struct drawn *one = &drawn[task.index];
        struct fnd_json regions = fnd_json_find(task.value, "/annotations/0/result");
        cr_assert_eq(fnd_json_count(regions), one->count, "%s, seed %" PRIu64, one->path, seed);
        for (struct fnd_json_walk walk = fnd_json_walk(regions); fnd_json_next(&walk);) {
            const double found[4] = {number_at(walk.value, "/value/x") * one->width / 100,
                                     number_at(walk.value, "/value/y") * one->height / 100,
                                     number_at(walk.value, "/value/width") * one->width / 100,
                                     number_at(walk.value, "/value/height") * one->height / 100};
            cr_assert_float_eq(number_at(walk.value, "/original_width"), one->width, 0);
            cr_assert_float_eq(number_at(walk.value, "/original_height"), one->height, 0);
            box_is(one, walk.index, found, 1e-6,
                   fnd_json_find(walk.value, "/value/rectanglelabels/0"), seed);
        }
    }
    fnd_text_finish(&text);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

/** Names of data.yaml by number: a JSON text behind `  N: `, which is YAML, too. */
static void names_read(const char *folder, struct fnd_text *text, struct fnd_json names[100])
{
    struct fnd_text path = {0};
    size_t count = 0;
    fnd_text_printf(&path, "%s/data.yaml", folder);
    read_all(path.bytes, text);
    for (char *line = strstr(text->bytes, "names:\n") + 7; *line != '\0';
         line += strcspn(line, "\n") + 1) {
        char head[32];
        const int size = snprintf(head, sizeof head, "  %zu: ", count);
        cr_assert_eq(strncmp(line, head, (size_t)size), 0, "%s", line);
        cr_assert_lt(count, 100);
        cr_assert_eq(fnd_json_check(line + size, strcspn(line, "\n") - (size_t)size, NULL,
                                    &names[count++], NULL),
                     FND_OK);
    }
    fnd_text_finish(&path);
}

Test(property_boxes, yolo_gives_back_what_was_drawn_to_its_six_decimals)
{
    static const char *const parts[] = {"train", "val", "test"};
    struct scene scene;
    struct drawn drawn[PICTURES];
    struct fnd_export_result result = {0};
    struct fnd_text text = {0}, yaml = {0}, path = {0};
    struct fnd_json names[100] = {{NULL, 0}};
    const uint64_t seed = scene_draw(&scene, 133, drawn);
    scene_exported(&scene, "yolo", seed, &result);
    names_read(result.path, &yaml, names);
    for (size_t i = 0; i < PICTURES; i++) {
        const struct drawn *one = &drawn[i];
        size_t index = 0, found_in = 0;
        for (size_t part = 0; part < 3; part++) {
            fnd_text_clear(&path);
            fnd_text_printf(&path, "%s/labels/%s/%012" PRId64 ".txt", result.path, parts[part],
                            one->record);
            if (!is_there(path.bytes)) {
                continue;
            }
            found_in++;
            read_all(path.bytes, &text);
            for (char *at = text.bytes; *at != '\0'; at += strcspn(at, "\n") + 1) {
                unsigned class = 0;
                double v[4] = {0};
                cr_assert_eq(sscanf(at, "%u %lf %lf %lf %lf", &class, &v[0], &v[1], &v[2], &v[3]),
                             5, "%s", at);
                const double width = v[2] * one->width, height = v[3] * one->height;
                const double found[4] = {v[0] * one->width - width / 2,
                                         v[1] * one->height - height / 2, width, height};
                box_is(one, index++, found, 1e-6 * fmax(one->width, one->height), names[class],
                       seed);
            }
        }
        cr_assert_eq(found_in, 1, "%s, seed %" PRIu64 ": in %zu splits", one->path, seed, found_in);
        cr_assert_eq(index, one->count, "%s, seed %" PRIu64, one->path, seed);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&yaml);
    fnd_text_finish(&path);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

/* What a format cannot tell is not told as something else. */
Test(property_boxes, a_box_that_is_too_small_for_the_decimals_is_its_records_flaw)
{
    static const struct {
        const char *format, *human;
    } cases[] = {{"coco", "{\"boxes\":[{\"x\":1,\"y\":1,\"width\":1e-13,\"height\":4}]}"},
                 {"hf", "{\"boxes\":[{\"x\":1,\"y\":1,\"width\":2,\"height\":4e-7}]}"},
                 {"label-studio", "{\"boxes\":[{\"x\":1,\"y\":1,\"width\":2,\"height\":4e-7}]}"},
                 {"yolo", "{\"boxes\":[{\"x\":1,\"y\":1,\"width\":2e-4,\"height\":1}]}"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        struct fnd_export_result result = {0}, rest = {0};
        struct fnd_error error = {0};
        uint8_t png[PNG_SIZE];
        int64_t records[2];
        scene_begin(&scene, 134);
        int64_t pin = scene_pin(&scene, "poles", "{}");
        png_make(png, 2, 128, 200);
        for (size_t k = 0; k < 2; k++) {
            int64_t job = scene_file_job(&scene, pin, "poles", k == 0 ? "a.png" : "b.png",
                                         "image/png", png, sizeof png);
            scene_model(&scene, job, "{\"boxes\":[]}", "{\"confidence\":{},\"origin\":{}}");
            records[k] = scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                                      "{\"/boxes\":{\"from\":1,\"to\":2}}",
                                      k == 0 ? cases[i].human : "{\"boxes\":[]}");
        }
        struct fnd_export_options options = scene_options(&scene, cases[i].format);
        scene_export(&scene, &options, &result, FND_INVALID, &error);
        cr_assert(scene_noted(&scene, records[0], "decimals cannot tell"), "%s: %s",
                  cases[i].format, error.message);
        options.skip_bad = true;
        scene_export(&scene, &options, &rest, FND_OK, NULL);
        cr_assert_eq(rest.lines, 1, "%s", cases[i].format);
        fnd_export_result_finish(&result);
        fnd_export_result_finish(&rest);
        scene_end(&scene);
    }
}

/* A label that is no text would come out as "object": another label. */
Test(property_boxes, a_label_that_is_no_text_is_refused)
{
    struct scene scene;
    uint8_t png[PNG_SIZE];
    scene_begin(&scene, 135);
    int64_t pin = scene_pin(&scene, "poles", "{}");
    png_make(png, 2, 128, 200);
    int64_t job = scene_file_job(&scene, pin, "poles", "a.png", "image/png", png, sizeof png);
    scene_model(&scene, job, "{\"boxes\":[]}", "{\"confidence\":{},\"origin\":{}}");
    int64_t record = scene_answer(
        &scene, job, scene_ask(&scene, job), "corrected", "{\"/boxes\":{\"from\":1,\"to\":2}}",
        "{\"boxes\":[{\"x\":1,\"y\":1,\"width\":3,\"height\":4,\"label\":7}]}");
    struct fnd_export_result result = {0};
    struct fnd_error error = {0};
    struct fnd_export_options options = scene_options(&scene, "coco");
    scene_export(&scene, &options, &result, FND_INVALID, &error);
    cr_assert(scene_noted(&scene, record, "/boxes/0/label is of type number"), "%s", error.message);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}
