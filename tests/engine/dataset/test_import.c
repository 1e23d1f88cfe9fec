/* SPDX-License-Identifier: MIT */
/* What was made elsewhere comes in, once, and goes out again as it came. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "pictures.h"
#include "store/verify.h"
#include "support.h"

enum { PICTURES = 5 };

/* Whose directory it is, and what was said. */
struct importer {
    struct scene *scene;
    struct fnd_text *said;
};

static void import_said(void *context, const struct fnd_dataset_note *note)
{
    fnd_text_printf(((struct importer *)context)->said, "%zu: %s\n", note->line, note->message);
}

static enum fnd_status import_take(void *context, const struct fnd_text *example, bool *known,
                                   struct fnd_error *error)
{
    return scene_take(((struct importer *)context)->scene, example, known, error);
}

static void flaw_said(const char *sentence, void *context)
{
    fnd_text_printf(context, "%s\n", sentence);
}

static enum fnd_status import(struct scene *scene, const char *format, const char *path,
                              enum fnd_tier tier, struct fnd_import_result *result,
                              struct fnd_text *said)
{
    struct fnd_error error = {0};
    struct importer importer = {scene, said};
    const struct fnd_import_options options = {.format = format,
                                               .path = path,
                                               .tier = tier,
                                               .by = "ann",
                                               .said = import_said,
                                               .take = import_take,
                                               .context = &importer};
    enum fnd_status status = fnd_dataset_import(&options, result, &error);
    fnd_text_printf(said, "%s", error.message);
    return status;
}

/** Jobs of pictures whose boxes no decimal number tells exactly as percents. */
static void pictures_record(struct scene *scene)
{
    int64_t pin = scene_pin(scene, "poles", "{}");
    for (int i = 0; i < PICTURES; i++) {
        uint8_t png[PNG_SIZE];
        char path[32], human[256];
        png_make(png, 1, (uint8_t)(43 + i), 199);
        png[PNG_SIZE - 1] = (uint8_t)i;
        snprintf(path, sizeof path, "in/%d.png", i);
        snprintf(human, sizeof human,
                 "{\"boxes\":[{\"label\":\"p\\\"%d\",\"x\":1.23456%d,\"y\":7.000001,\"width\":100."
                 "333333,"
                 "\"height\":3.14159265},{\"label\":\"x\",\"bbox\":[0,0,%d,199]}]}",
                 i, i, 256 + 43 + i);
        int64_t job = scene_file_job(scene, pin, "poles", path, "image/png", png, sizeof png);
        scene_model(scene, job, "{\"boxes\":[{\"label\":\"m\",\"bbox\":[1,2,3,4]}]}",
                    "{\"confidence\":{\"/boxes/0\":0.5},\"origin\":{}}");
        scene_answer(scene, job, scene_ask(scene, job), "corrected",
                     "{\"/boxes\":{\"from\":1,\"to\":2}}", human);
    }
}

static void export_to(struct scene *scene, const char *format, const char *out,
                      struct fnd_text *text)
{
    struct fnd_export_result result = {0};
    struct fnd_export_options options = scene_options(scene, format);
    options.out = out;
    scene_export(scene, &options, &result, FND_OK, NULL);
    if (text != NULL) {
        read_all(out, text);
    }
    fnd_export_result_finish(&result);
}

/** All numbers of two documents of one shape, to 1e-6; everything else alike. */
static void near(struct fnd_json a, struct fnd_json b)
{
    double left = 0, right = 0;
    cr_assert_eq(fnd_json_type(a), fnd_json_type(b), "%.*s", (int)(a.size > 90 ? 90 : a.size),
                 a.bytes);
    if (fnd_json_type(a) == FND_JSON_NUMBER) {
        fnd_json_number(a, &left);
        fnd_json_number(b, &right);
        cr_assert_lt(fabs(left - right), 1e-6, "%.17g is not %.17g", left, right);
    } else if (fnd_json_type(a) == FND_JSON_ARRAY || fnd_json_type(a) == FND_JSON_OBJECT) {
        struct fnd_json_walk x = fnd_json_walk(a), y = fnd_json_walk(b);
        cr_assert_eq(fnd_json_count(a), fnd_json_count(b));
        while (fnd_json_next(&x) && fnd_json_next(&y)) {
            near(x.value, y.value);
        }
    } else {
        cr_assert(fnd_json_equal(a, b));
    }
}

Test(import, label_studio_comes_round_to_a_millionth)
{
    struct scene there, here;
    struct fnd_import_result result = {0};
    struct fnd_text first = {0}, second = {0}, said = {0}, lines = {0};
    struct fnd_json a = {NULL, 0}, b = {NULL, 0};
    char path[PATH_SIZE], again[PATH_SIZE], all[PATH_SIZE];
    scene_begin(&there, 101);
    scene_begin(&here, 102);
    pictures_record(&there);
    export_to(&there, "label-studio", scene_path(&there, "ls.json", path), &first);
    cr_assert_eq(import(&here, "label-studio", path, FND_TIER_GOLD, &result, &said), FND_OK, "%s",
                 said.bytes);
    cr_assert(result.records == PICTURES && result.known == 0);
    export_to(&here, "label-studio", scene_path(&here, "ls.json", again), &second);
    cr_assert_eq(fnd_json_check(first.bytes, first.size, NULL, &a, NULL), FND_OK);
    cr_assert_eq(fnd_json_check(second.bytes, second.size, NULL, &b, NULL), FND_OK);
    cr_assert_eq(fnd_json_count(b), PICTURES);
    for (struct fnd_json_walk x = fnd_json_walk(a), y = fnd_json_walk(b);
         fnd_json_next(&x) && fnd_json_next(&y);) {
        near(fnd_json_member(x.value, "data"), fnd_json_member(y.value, "data"));
        near(fnd_json_member(x.value, "annotations"), fnd_json_member(y.value, "annotations"));
        near(fnd_json_find(x.value, "/predictions/0/result"),
             fnd_json_find(y.value, "/predictions/0/result"));
    }
    /* In pixels, too. */
    export_to(&here, "foundry", scene_path(&here, "all.jsonl", all), &lines);
    struct fnd_json line = {NULL, 0};
    cr_assert_eq(fnd_json_check(lines.bytes, strcspn(lines.bytes, "\n"), NULL, &line, NULL),
                 FND_OK);
    static const double wanted[] = {1.234560, 7.000001, 100.333333, 3.14159265};
    for (size_t i = 0; i < 4; i++) {
        char pointer[64];
        double found = 0;
        snprintf(pointer, sizeof pointer, "/human_output/boxes/0/bbox/%zu", i);
        cr_assert(fnd_json_number(fnd_json_find(line, pointer), &found));
        cr_assert_lt(fabs(found - wanted[i]), 1e-6, "%.17g", found);
    }
    /* Where it came from. */
    cr_assert(fnd_json_text_is(fnd_json_find(line, "/provenance/imported/format"), "label-studio"));
    cr_assert(fnd_json_text_is(fnd_json_find(line, "/provenance/imported/by"), "ann"));
    int64_t number = 0;
    cr_assert(fnd_json_integer(fnd_json_find(line, "/provenance/imported/line"), &number));
    cr_assert_eq(number, 2);
    char hex[FND_DIGEST_TEXT_SIZE];
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256(first.bytes, first.size, digest);
    fnd_digest_text(digest, hex);
    cr_assert(fnd_json_text_is(fnd_json_find(line, "/provenance/imported/sha256"), hex));
    cr_assert(fnd_json_text_is(fnd_json_find(line, "/tier"), "gold"));
    fnd_text_finish(&first);
    fnd_text_finish(&second);
    fnd_text_finish(&lines);
    fnd_text_finish(&said);
    scene_end(&there);
    scene_end(&here);
}

Test(import, the_same_again_is_known_and_nothing_is_written)
{
    static const char *const formats[] = {"foundry", "coco", "yolo", "label-studio"};
    for (size_t f = 0; f < 4; f++) {
        struct scene there, here;
        struct fnd_import_result result = {0};
        struct fnd_text said = {0}, first = {0}, second = {0};
        char path[PATH_SIZE], one[PATH_SIZE], two[PATH_SIZE];
        scene_begin(&there, 103);
        scene_begin(&here, 104);
        pictures_record(&there);
        if (f == 0) { /* fields that are what lies between */
            int64_t pin = scene_pin(&there, "texts", "{}");
            int64_t job = scene_value_job(&there, pin, "texts", "t", "{\"content\":\"HI\"}");
            scene_model(&there, job, "{\"a\":1}", "{\"confidence\":{\"/a\":0.5},\"origin\":{}}");
            scene_answer(&there, job, scene_ask(&there, job), "corrected",
                         "{\"/a\":{\"from\":1,\"to\":2.50,\"confidence\":0.5}}", "{\"a\":2.50}");
        }
        struct fnd_export_result exported = {0};
        struct fnd_export_options options = scene_options(&there, formats[f]);
        options.out = scene_path(&there, f == 1 ? "export.json" : "export", path);
        options.pipeline = f == 0 ? "texts" : "poles";
        scene_export(&there, &options, &exported, FND_OK, NULL);
        const size_t lines = exported.lines;
        if (f == 1) { /* names of pictures that lie beside */
            struct fnd_text folder = {0};
            fnd_text_printf(&folder, "%s/in", there.directory);
            cr_assert_eq(mkdir(folder.bytes, 0777), 0);
            for (int i = 0; i < PICTURES; i++) {
                uint8_t png[PNG_SIZE];
                struct fnd_text picture = {0};
                png_make(png, 1, (uint8_t)(43 + i), 199);
                fnd_text_printf(&picture, "%s/%d.png", folder.bytes, i);
                cr_assert_eq(fnd_file_write(AT_FDCWD, picture.bytes, png, sizeof png, 0666, NULL),
                             FND_OK);
                fnd_text_finish(&picture);
            }
            fnd_text_finish(&folder);
        }
        const enum fnd_tier tier = f == 0 ? (enum fnd_tier)0 : FND_TIER_SILVER;
        cr_assert_eq(import(&here, formats[f], path, tier, &result, &said), FND_OK, "%s: %s",
                     formats[f], said.bytes);
        cr_assert(result.records == lines && result.known == 0, "%s", formats[f]);
        export_to(&here, "foundry", scene_path(&here, "one.jsonl", one), &first);
        cr_assert(strstr(first.bytes, f == 0 ? "\"tier\":\"gold\"" : "\"tier\":\"silver\"") !=
                  NULL);
        cr_assert_eq(import(&here, formats[f], path, tier, &result, &said), FND_OK, "%s: %s",
                     formats[f], said.bytes);
        cr_assert(result.records == 0 && result.known == lines, "%s: %zu %zu", formats[f],
                  result.records, result.known);
        export_to(&here, "foundry", scene_path(&here, "two.jsonl", two), &second);
        cr_assert_str_eq(first.bytes, second.bytes);
        struct fnd_verify verified;
        fnd_text_clear(&said);
        cr_assert_eq(fnd_store_verify(here.reader, &verified, flaw_said, &said, NULL), FND_OK);
        cr_assert_eq(verified.flaws, 0, "%s", said.bytes);
        /* And where it came from it is known as well. */
        if (f == 0) {
            cr_assert_eq(import(&there, formats[f], path, tier, &result, &said), FND_OK);
            cr_assert(result.records == 0 && result.known == lines);
        }
        fnd_export_result_finish(&exported);
        fnd_text_finish(&said);
        fnd_text_finish(&first);
        fnd_text_finish(&second);
        scene_end(&there);
        scene_end(&here);
    }
}

Test(import, foundry_keeps_all_there_is)
{
    static const char *const members[] = {"id",     "model_output", "human_output", "verdict",
                                          "fields", "tier",         "split"};
    struct scene there, here;
    struct fnd_import_result result = {0};
    struct fnd_text said = {0}, first = {0}, second = {0};
    struct fnd_json a = {NULL, 0}, b = {NULL, 0};
    char path[PATH_SIZE], again[PATH_SIZE];
    scene_begin(&there, 105);
    scene_begin(&here, 106);
    int64_t pin = scene_pin(&there, "texts", "{}");
    int64_t job =
        scene_value_job(&there, pin, "texts", "../t~/[]_", "{\"content\":\"\\u00e4\\n\"}");
    scene_model(&there, job,
                "{\"_\":1.10,\"[]\":[],\"a/b\":9007199254740993,\"~\":null,\"n\":[[1],{}]}",
                "{\"confidence\":{\"/_\":0.5},\"origin\":{}}");
    scene_answer(
        &there, job, scene_ask(&there, job), "corrected",
        "{\"/_\":{\"from\":1.10,\"to\":1.20,\"confidence\":0.5},"
        "\"/~0\":{\"from\":null,\"to\":\"\\ud83d\\ude00\"}}",
        "{\"_\":1.20,\"[]\":[],\"a/b\":9007199254740993,\"~\":\"\\ud83d\\ude00\",\"n\":[[1],{}]}");
    int64_t other = scene_value_job(&there, pin, "texts", "r", "{\"content\":\"x\"}");
    scene_model(&there, other, "{\"a\":1}", NULL);
    scene_answer(&there, other, scene_ask(&there, other), "rejected", "{}", NULL);
    struct fnd_export_result exported = {0}, out = {0};
    struct fnd_export_options options = scene_options(&there, "foundry");
    options.out = scene_path(&there, "f.jsonl", path);
    options.salt = "the same";
    scene_export(&there, &options, &exported, FND_OK, NULL);
    read_all(path, &first);
    cr_assert_eq(import(&here, "foundry", path, (enum fnd_tier)0, &result, &said), FND_OK, "%s",
                 said.bytes);
    cr_assert_eq(result.records, 2);
    options = scene_options(&here, "foundry");
    options.out = scene_path(&here, "f.jsonl", again);
    options.salt = "the same";
    scene_export(&here, &options, &out, FND_OK, NULL);
    read_all(again, &second);
    const char *x = first.bytes, *y = second.bytes;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(fnd_json_check(x, strcspn(x, "\n"), NULL, &a, NULL), FND_OK);
        cr_assert_eq(fnd_json_check(y, strcspn(y, "\n"), NULL, &b, NULL), FND_OK);
        for (size_t m = 0; m < sizeof members / sizeof members[0]; m++) {
            struct fnd_json left = fnd_json_member(a, members[m]);
            struct fnd_json right = fnd_json_member(b, members[m]);
            cr_assert(left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0,
                      "%s: %.*s is not %.*s", members[m], (int)right.size, right.bytes,
                      (int)left.size, left.bytes);
        }
        /* The record's own provenance is kept as a whole, and so are name and question. */
        struct fnd_json left = fnd_json_member(a, "provenance");
        struct fnd_json right = fnd_json_find(b, "/provenance/imported/provenance");
        cr_assert(left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0);
        x += strcspn(x, "\n") + 1;
        y += strcspn(y, "\n") + 1;
    }
    fnd_export_result_finish(&exported);
    fnd_export_result_finish(&out);
    fnd_text_finish(&first);
    fnd_text_finish(&second);
    fnd_text_finish(&said);
    scene_end(&there);
    scene_end(&here);
}

#define TASK(image, x)                                                                             \
    "{\"data\":{\"image\":\"" image "\"},\"annotations\":[{\"result\":[{\"id\":\"a\","             \
    "\"type\":\"rectanglelabels\",\"from_name\":\"l\",\"to_name\":\"i\",\"value\":{\"x\":" x       \
    ",\"y\":1,"                                                                                    \
    "\"width\":2,\"height\":2,\"rectanglelabels\":[\"pole\"]}}]}]}"

static void beside(struct scene *scene, const char *name, const char *text, char path[PATH_SIZE])
{
    uint8_t png[PNG_SIZE];
    char picture[PATH_SIZE];
    png_make(png, 2, 128, 200);
    cr_assert_eq(
        fnd_file_write(AT_FDCWD, scene_path(scene, "a.png", picture), png, sizeof png, 0666, NULL),
        FND_OK);
    cr_assert_eq(
        fnd_file_write(AT_FDCWD, scene_path(scene, name, path), text, strlen(text), 0666, NULL),
        FND_OK);
}

Test(import, all_of_a_file_comes_in_or_nothing)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"[" TASK("a.png", "1") ",\n" TASK("none.png", "1") "]", "2: its picture"},
        {"[" TASK("a.png", "1") ",\n" TASK("../a.png", "1") "]",
         "2: its picture ../a.png is no file"},
        {"[" TASK("a.png", "1") ",\n" TASK("https://x.org/a.png", "1") "]", "2: its picture https"},
        {"[" TASK("a.png", "1") ",\n" TASK("a.png", "101") "]",
         "2: /annotations/0/result/0/value/x"},
        {"[" TASK("a.png", "1") ",\n" TASK("a.png", "99") "]",
         "2: /annotations/0/result/0: passes"},
        {"[" TASK("a.png", "1") ",\n{\"data\":{\"image\":\"a.png\"}}]", "2: it has 0 annotations"},
        {"[" TASK("a.png", "1") ",\n{]", "2: is no JSON: the file ends inside"}};
    struct scene scene;
    struct fnd_text said = {0};
    struct fnd_import_result result = {0};
    int64_t before = 0, after = 0;
    uint8_t chain[FND_DIGEST_SIZE];
    char path[PATH_SIZE];
    scene_begin(&scene, 107);
    fnd_reader_head(scene.reader, &before, chain, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        beside(&scene, "ls.json", cases[i].text, path);
        fnd_text_clear(&said);
        cr_assert_eq(import(&scene, "label-studio", path, FND_TIER_GOLD, &result, &said),
                     FND_INVALID, "case %zu", i);
        cr_assert(strstr(said.bytes, cases[i].told) != NULL, "case %zu: %s", i, said.bytes);
    }
    beside(&scene, "ls.json", "[" TASK("a.png", "1") "]", path);
    cr_assert_eq(import(&scene, "label-studio", path, (enum fnd_tier)0, &result, &said),
                 FND_INVALID);
    cr_assert(strstr(said.bytes, "--as gold") != NULL);
    cr_assert_eq(import(&scene, "labelstudio", path, FND_TIER_GOLD, &result, &said), FND_INVALID);
    cr_assert(strstr(said.bytes, "did you mean `label-studio`") != NULL, "%s", said.bytes);
    /* what a model said of pictures that the file does not name is nobody's correction */
    beside(&scene, "results.json",
           "[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,1,2,2],\"score\":0.5}]", path);
    fnd_text_clear(&said);
    cr_assert_eq(import(&scene, "coco", path, FND_TIER_GOLD, &result, &said), FND_INVALID);
    cr_assert(strstr(said.bytes, "is a model's result") != NULL, "%s", said.bytes);
    fnd_reader_head(scene.reader, &after, chain, NULL);
    cr_assert_eq(before, after, "something was written");
    fnd_text_finish(&said);
    scene_end(&scene);
}

/* Boxes in pixels are of the picture they were drawn in, and of no other size of it. */
Test(import, a_picture_of_another_size_than_the_file_says_is_refused)
{
#define COCO_OF(width, height)                                                                     \
    "{\"images\":[{\"id\":1,\"width\":" width ",\"height\":" height                                \
    ",\"file_name\":\"a.png\"}],\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,"      \
    "\"bbox\":[1,1,2,2]}],\"categories\":[{\"id\":1,\"name\":\"pole\"}]}"
#define TASK_OF(width, height)                                                                     \
    "[{\"data\":{\"image\":\"a.png\"},\"annotations\":[{\"result\":[{\"id\":\"a\","                \
    "\"type\":\"rectanglelabels\",\"from_name\":\"l\",\"to_name\":\"i\",\"original_width\":" width \
    ",\"original_height\":" height ",\"value\":{\"x\":1,\"y\":1,\"width\":2,\"height\":2,"         \
    "\"rectanglelabels\":[\"pole\"]}}]}]}]"
    static const struct {
        const char *format, *text;
        bool taken;
    } cases[] = {{"coco", COCO_OF("1280", "400"), false},
                 {"coco", COCO_OF("640", "400"), false},
                 {"coco", COCO_OF("640", "200"), true},
                 {"label-studio", TASK_OF("64", "200"), false},
                 {"label-studio", TASK_OF("640", "20"), false},
                 {"label-studio", TASK_OF("640", "200"), true}};
    struct scene scene;
    struct fnd_text said = {0};
    struct fnd_import_result result = {0};
    char path[PATH_SIZE];
    scene_begin(&scene, 137);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        beside(&scene, "set.json", cases[i].text, path); /* a.png has 640 by 200 */
        fnd_text_clear(&said);
        cr_expect_eq(import(&scene, cases[i].format, path, FND_TIER_GOLD, &result, &said),
                     cases[i].taken ? FND_OK : FND_INVALID, "case %zu: %s", i, fnd_text_z(&said));
        cr_expect(cases[i].taken || strstr(fnd_text_z(&said), "another picture") != NULL,
                  "case %zu: %s", i, fnd_text_z(&said));
    }
    fnd_text_finish(&said);
    scene_end(&scene);
}

/* A folder from elsewhere cannot make its reader take a picture from beside it: a name that is a
 * link is followed as far as the folder goes. */
Test(import, a_link_out_of_the_folder_of_pictures_is_not_followed)
{
    static const struct {
        const char *target; /* of in/link/b.png, or of its folder */
        bool folder, taken;
    } cases[] = {{"../../a.png", false, false}, {"..", true, false}, {"../c.png", false, true}};
    struct scene scene;
    struct fnd_text said = {0};
    struct fnd_import_result result = {0};
    uint8_t png[PNG_SIZE];
    char path[PATH_SIZE], name[PATH_SIZE];
    scene_begin(&scene, 131);
    png_make(png, 2, 128, 200);
    beside(&scene, "ls.json", "[]", path); /* and a.png, which is none of theirs */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *in = i == 0 ? "in-0" : i == 1 ? "in-1" : "in-2";
        cr_assert_eq(mkdir(scene_path(&scene, in, path), 0777), 0);
        const int folder = open(path, O_RDONLY | O_DIRECTORY);
        cr_assert_eq(fnd_file_write(folder, "c.png", png, sizeof png, 0666, NULL), FND_OK);
        if (cases[i].folder) {
            cr_assert_eq(symlinkat(cases[i].target, folder, "link"), 0);
        } else {
            cr_assert_eq(mkdirat(folder, "link", 0777), 0);
            cr_assert_eq(symlinkat(cases[i].target, folder, "link/b.png"), 0);
        }
        const char *text =
            cases[i].folder ? "[" TASK("link/a.png", "1") "]" : "[" TASK("link/b.png", "1") "]";
        cr_assert_eq(fnd_file_write(folder, "ls.json", text, strlen(text), 0666, NULL), FND_OK);
        close(folder);
        snprintf(name, sizeof name, "%s/ls.json", in);
        fnd_text_clear(&said);
        cr_expect_eq(import(&scene, "label-studio", scene_path(&scene, name, path), FND_TIER_GOLD,
                            &result, &said),
                     cases[i].taken ? FND_OK : FND_INVALID, "case %zu: %s", i, fnd_text_z(&said));
        cr_expect(cases[i].taken || strstr(fnd_text_z(&said), "leads out of the folder") != NULL,
                  "case %zu: %s", i, fnd_text_z(&said));
    }
    fnd_text_finish(&said);
    scene_end(&scene);
}

Test(import, another_word_on_the_same_input_is_a_further_revision)
{
    struct scene scene;
    struct fnd_text said = {0}, lines = {0};
    struct fnd_import_result result = {0};
    char path[PATH_SIZE], out[PATH_SIZE];
    scene_begin(&scene, 108);
    beside(&scene, "one.json", "[" TASK("a.png", "1") "]", path);
    cr_assert_eq(import(&scene, "label-studio", path, FND_TIER_GOLD, &result, &said), FND_OK, "%s",
                 said.bytes);
    beside(&scene, "two.json", "[" TASK("a.png", "50") "]", path);
    cr_assert_eq(import(&scene, "label-studio", path, FND_TIER_GOLD, &result, &said), FND_OK);
    cr_assert_eq(result.records, 1);
    export_to(&scene, "foundry", scene_path(&scene, "f.jsonl", out), &lines);
    cr_assert(strstr(lines.bytes, "\"revision\":1") != NULL);
    cr_assert(strstr(lines.bytes, "\"revision\":2") != NULL);
    cr_assert(strstr(lines.bytes, "[6.4,2,12.8,4]") != NULL, "%s", lines.bytes);
    cr_assert(strstr(lines.bytes, "[320,2,12.8,4]") != NULL, "%s", lines.bytes);
    fnd_text_finish(&said);
    fnd_text_finish(&lines);
    scene_end(&scene);
}

static void die(void *context, size_t records)
{
    (void)context;
    if (records == 2) {
        kill(getpid(), SIGKILL);
    }
}

Test(import, an_input_that_is_null_comes_in_as_null)
{
    struct scene there, here;
    struct fnd_import_result result = {0};
    struct fnd_text said = {0}, lines = {0};
    char path[PATH_SIZE], again[PATH_SIZE];
    scene_begin(&there, 121);
    scene_begin(&here, 122);
    int64_t pin = scene_pin(&there, "texts", "{}");
    int64_t job = scene_value_job(&there, pin, "texts", "t", "null");
    scene_model(&there, job, "1", "{\"confidence\":{\"\":0.5},\"origin\":{}}");
    scene_answer(&there, job, scene_ask(&there, job), "accepted", "{}", "1");
    export_to(&there, "foundry", scene_path(&there, "f.jsonl", path), NULL);
    cr_assert_eq(import(&here, "foundry", path, 0, &result, &said), FND_OK, "%s",
                 fnd_text_z(&said));
    cr_assert_eq(result.records, 1);
    export_to(&here, "foundry", scene_path(&here, "f.jsonl", again), &lines);
    cr_assert(strstr(lines.bytes, "\"input\":{\"value\":null}") != NULL, "%s", lines.bytes);
    fnd_text_finish(&said);
    fnd_text_finish(&lines);
    scene_end(&there);
    scene_end(&here);
}

Test(import, one_that_was_killed_goes_on_and_takes_nothing_twice)
{
    struct scene there, here;
    struct fnd_import_result result = {0};
    struct fnd_text said = {0}, lines = {0};
    struct fnd_error error = {0};
    char path[PATH_SIZE], out[PATH_SIZE];
    scene_begin(&there, 109);
    scene_begin(&here, 110);
    pictures_record(&there);
    export_to(&there, "label-studio", scene_path(&there, "ls.json", path), NULL);
    fnd_reader_close(here.reader);
    fnd_store_close(here.store);
    pid_t child = fork();
    if (child == 0) {
        struct fnd_store_options options = {.env = here.env};
        struct importer importer = {&here, NULL};
        const struct fnd_import_options import_options = {.format = "label-studio",
                                                          .path = path,
                                                          .tier = FND_TIER_GOLD,
                                                          .by = "ann",
                                                          .progress = die,
                                                          .take = import_take,
                                                          .context = &importer};
        if (fnd_store_open(here.directory, &options, &here.store, &error) == FND_OK &&
            fnd_reader_open(here.directory, &here.reader, &error) == FND_OK) {
            (void)fnd_dataset_import(&import_options, &result, &error);
        }
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct fnd_store_options options = {.env = here.env};
    cr_assert_eq(fnd_store_open(here.directory, &options, &here.store, &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(fnd_reader_open(here.directory, &here.reader, &error), FND_OK);
    /* ids from the same seed again would be those of the dead one */
    for (int i = 0; i < 1000; i++) {
        uint8_t uuid[FND_UUID_SIZE];
        fnd_uuid_make(here.env, uuid);
    }
    cr_assert_eq(import(&here, "label-studio", path, FND_TIER_GOLD, &result, &said), FND_OK, "%s",
                 said.bytes);
    cr_assert(result.known == 2 && result.records == PICTURES - 2, "%zu known, %zu made",
              result.known, result.records);
    export_to(&here, "foundry", scene_path(&here, "f.jsonl", out), &lines);
    size_t count = 0;
    for (const char *at = lines.bytes; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    cr_assert_eq(count, PICTURES);
    fnd_text_finish(&said);
    fnd_text_finish(&lines);
    scene_end(&there);
    scene_end(&here);
}

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EXAMPLE(line, sha256, tier, rest)                                                          \
    "{\"format\":\"coco\",\"name\":\"a.json\",\"by\":\"ann\",\"path\":\"p\",\"pipeline\":\"q\","   \
    "\"revision\":0,\"line\":" line ",\"sha256\":\"" sha256 "\",\"tier\":\"" tier "\"," rest "}"

#define HI "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4" /* of "hi" */
#define FILE_OF(name, sha256, size, rest)                                                          \
    "\"is_file\":true,\"input\":{\"name\":" name                                                   \
    ",\"media_type\":\"text/plain\",\"sha256\":\"" sha256 "\",\"size\":" size rest "}"

Test(import, what_is_handed_over_is_looked_at_once_more)
{
    static const struct {
        const char *example;
        enum fnd_status status;
    } cases[] = {
        {"{}", FND_INVALID},
        {"[]", FND_INVALID},
        {"1", FND_INVALID},
        {EXAMPLE("\"1\"", SHA256, "gold", "\"input\":1"), FND_INVALID},
        {EXAMPLE("1", "00", "gold", "\"input\":1"), FND_INVALID},
        {EXAMPLE("1", SHA256, "lead", "\"input\":1"), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", "\"model\":1"), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", "\"picture\":\"a\""), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", "\"input\":1,\"picture\":\"aGk=\""), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", "\"input\":null,\"human\":2"), FND_OK},
        {EXAMPLE("1", SHA256, "gold", "\"is_file\":true,\"human\":1"), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", "\"is_file\":true,\"input\":1,\"human\":1"), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", FILE_OF("1", HI, "2", "")), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", FILE_OF("\"a\"", "8f", "2", "")), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", FILE_OF("\"a\"", HI, "-2", "")), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", FILE_OF("\"a\"", HI, "2", ",\"path\":1")), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold", FILE_OF("\"a\"", HI, "2", ",\"value\":1")), FND_INVALID},
        {EXAMPLE("1", SHA256, "gold",
                 FILE_OF("\"a\"", SHA256, "2", "") ",\"picture\":\"aGk=\",\"human\":1"),
         FND_INVALID},
        {EXAMPLE("1", SHA256, "gold",
                 FILE_OF("\"a\"", HI, "2", "") ",\"picture\":\"aGk=\",\"human\":1"),
         FND_OK},
        {EXAMPLE("1", SHA256, "gold", FILE_OF("\"../a\"", HI, "2", "") ",\"human\":2"), FND_OK},
    };
    struct scene scene;
    scene_begin(&scene, 120);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_error error = {0};
        struct fnd_json value = {NULL, 0};
        bool known = true;
        cr_assert_eq(
            fnd_json_check(cases[i].example, strlen(cases[i].example), NULL, &value, &error),
            FND_OK, "%s", error.message);
        cr_expect_eq(fnd_dataset_import_record(scene.reader, scene.store, value, &known, &error),
                     cases[i].status, "%s: %s", cases[i].example, error.message);
        cr_expect(!known);
    }
    scene_end(&scene);
}
