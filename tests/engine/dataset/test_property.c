/* SPDX-License-Identifier: MIT */
/* Generated documents through every format that claims to lose nothing; and a manifest that gives
 * the same bytes when hundreds of records came behind it, in another locale and time zone. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "support.h"

enum { DEPTH_MAX = 4, DOCUMENTS = 60, MORE = 500 };

/** splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static const char *const leaves[] = {"null",
                                     "true",
                                     "false",
                                     "0",
                                     "-0",
                                     "1.10",
                                     "1.1",
                                     "9007199254740993",
                                     "-9007199254740993",
                                     "1e400",
                                     "1E+2",
                                     "0.000000000000000000001",
                                     "123456789012345678901234567890",
                                     "\"\"",

                                     "\"\\ud83d\\ude00\"",
                                     "\"\\u2028\\u2029\"",
                                     "\"\xC3\xA4\\n\\t\\\"\\\\\\/\"",
                                     "[]",
                                     "{}",
                                     "[[],[{}],{\"\":[]}]",
                                     "\"<image>\"",
                                     "\"null\"",
                                     "\"\xE2\x80\xAEx\""};
static const char *const keys[] = {"a",    "_",   "__proto__", "[]", "a/b",      "~",
                                   "~1",   "~0",  "/",         "",   "\xC3\xA4", "\\\"",
                                   "$ref", "a b", "0",         "-",  "text"};

/** A document of a generated shape. Keys differ; lists may be empty. */
static void generate(uint64_t *state, size_t depth, struct fnd_text *json)
{
    const uint64_t kind = draw(state) % 4;
    if (depth == 0 || kind == 0) {
        fnd_text_append_z(json, leaves[draw(state) % (sizeof leaves / sizeof leaves[0])]);
        return;
    }
    const size_t count = draw(state) % 5;
    if (kind == 1) {
        fnd_text_append_byte(json, '[');
        for (size_t i = 0; i < count; i++) {
            fnd_text_append_z(json, i > 0 ? "," : "");
            generate(state, depth - 1, json);
        }
        fnd_text_append_byte(json, ']');
        return;
    }
    const size_t keys_count = sizeof keys / sizeof keys[0];
    size_t key = draw(state) % keys_count;
    fnd_text_append_byte(json, '{');
    for (size_t i = 0; i < count; i++, key = (key + 1) % keys_count) {
        fnd_text_printf(json, "%s\"%s\": ", i > 0 ? " ,\n" : "", keys[key]);
        generate(state, depth - 1, json);
    }
    fnd_text_append_byte(json, '}');
}

/** An object with one member that differs, so that there is something to prefer. */
static int64_t record_generated(struct scene *scene, int64_t pin, uint64_t *state, int index,
                                struct fnd_text *human)
{
    struct fnd_text model = {0}, rest = {0};
    char path[32];
    generate(state, DEPTH_MAX, &rest);
    fnd_text_printf(&model, "{\"changed\":1.10,\"rest\":%s}", fnd_text_z(&rest));
    fnd_text_printf(human, "{\"changed\":9007199254740993,\"rest\":%s}", fnd_text_z(&rest));
    snprintf(path, sizeof path, "%d", index);
    int64_t job = scene_value_job(scene, pin, "texts", path, "{\"content\":\"read\"}");
    scene_model(scene, job, fnd_text_z(&model),
                "{\"confidence\":{\"/changed\":0.5},\"origin\":{}}");
    int64_t record =
        scene_answer(scene, job, scene_ask(scene, job), "corrected",
                     "{\"/changed\":{\"from\":1.10,\"to\":9007199254740993,\"confidence\":0.5}}",
                     fnd_text_z(human));
    fnd_text_finish(&model);
    fnd_text_finish(&rest);
    return record;
}

/** Where a format keeps the corrected document: as text, or as it is. */
static const struct {
    const char *format, *pointer;
    bool array;
} places[] = {{"foundry", "/human_output", false},
              {"gemini", "/contents/1/parts/0/text", false},
              {"openai-chat", "/messages/1/content", false},
              {"openai-dpo", "/preferred_output/0/content", false},
              {"trl-sft", "/completion/0/content", false},
              {"trl-dpo", "/chosen/0/content", false},
              {"alpaca", "/output", true},
              {"sharegpt", "/conversations/1/value", false},
              {"nvidia-flywheel", "/response/choices/0/message/content", false},
              {"argilla", "/output.responses/0", true},
              {"hf", "/row", false}};

/** The document in a line is, byte for byte but for white space, the one that was given. */
static void compare(struct fnd_json line, size_t place, const struct fnd_text *human)
{
    struct fnd_text text = {0}, wanted = {0}, found = {0};
    struct fnd_json document = {human->bytes, human->size}, inner = {NULL, 0};
    const bool hf = strcmp(places[place].format, "hf") == 0;
    struct fnd_json at =
        hf ? fnd_json_member(line, "output") : fnd_json_find(line, places[place].pointer);
    fnd_json_compact(document, &wanted);
    cr_assert_not_null(at.bytes, "%s has nothing at %s", places[place].format,
                       places[place].pointer);
    if (fnd_json_type(at) == FND_JSON_STRING) {
        cr_assert(fnd_json_text(at, &text));
        cr_assert_eq(fnd_json_check(fnd_text_z(&text), text.size, NULL, &inner, NULL), FND_OK);
        at = inner;
    }
    fnd_json_compact(at, &found);
    cr_assert(found.size == wanted.size && memcmp(found.bytes, wanted.bytes, found.size) == 0,
              "%s:\n%s\nis not\n%s", places[place].format, fnd_text_z(&found), fnd_text_z(&wanted));
    fnd_text_finish(&text);
    fnd_text_finish(&wanted);
    fnd_text_finish(&found);
}

static void file_compare(const char *path, size_t place, struct fnd_text *humans)
{
    struct fnd_text file = {0};
    struct fnd_json json = {NULL, 0};
    size_t count = 0;
    read_all(path, &file);
    if (places[place].array) {
        cr_assert_eq(fnd_json_check(file.bytes, file.size, NULL, &json, NULL), FND_OK);
        for (struct fnd_json_walk walk = fnd_json_walk(json); fnd_json_next(&walk);) {
            compare(walk.value, place, &humans[count++]);
        }
    } else {
        for (const char *at = file.bytes; *at != '\0'; at += strcspn(at, "\n") + 1) {
            cr_assert_eq(fnd_json_check(at, strcspn(at, "\n"), NULL, &json, NULL), FND_OK);
            compare(json, place, &humans[count++]);
        }
    }
    cr_assert_eq(count, DOCUMENTS, "%s: %zu", places[place].format, count);
    fnd_text_finish(&file);
}

static uint64_t seed_get(void)
{
    const char *given = getenv("FOUNDRY_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 7;
    printf("seed %" PRIu64 "\n", seed);
    return seed;
}

Test(property, generated_documents_lose_nothing_in_any_format)
{
    struct scene scene;
    uint64_t state = seed_get();
    struct fnd_text humans[DOCUMENTS] = {{0}};
    scene_begin(&scene, 120);
    int64_t pin = scene_pin(&scene, "texts", "{}");
    for (int i = 0; i < DOCUMENTS; i++) {
        record_generated(&scene, pin, &state, i, &humans[i]);
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct fnd_export_result result = {0};
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        struct fnd_text file = {0};
        struct fnd_export_options options = scene_options(&scene, places[i].format);
        options.prompt = "Read it.";
        options.shares[0] = 1000;
        options.said = NULL;
        scene_export(&scene, &options, &result, FND_OK, NULL);
        cr_assert_eq(result.lines, DOCUMENTS);
        cr_assert_eq(
            fnd_dataset_validate(result.path, places[i].format, NULL, NULL, &checked, &error),
            FND_OK, "%s", error.message);
        fnd_text_append_z(&file, result.path);
        fnd_text_append_z(&file, strcmp(places[i].format, "hf") == 0 ? "/data/train.jsonl" : "");
        file_compare(fnd_text_z(&file), i, humans);
        fnd_text_finish(&file);
        fnd_export_result_finish(&result);
    }
    for (int i = 0; i < DOCUMENTS; i++) {
        fnd_text_finish(&humans[i]);
    }
    scene_end(&scene);
}

Test(property, a_manifest_gives_the_same_bytes_after_hundreds_of_records_elsewhere)
{
    struct scene scene;
    uint64_t state = seed_get();
    struct fnd_text human = {0};
    struct fnd_export_result results[sizeof places / sizeof places[0]] = {{0}};
    char path[PATH_SIZE];
    scene_begin(&scene, 121);
    int64_t pin = scene_pin(&scene, "texts", "{}");
    for (int i = 0; i < DOCUMENTS; i++) {
        fnd_text_clear(&human);
        record_generated(&scene, pin, &state, i, &human);
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct fnd_export_options options = scene_options(&scene, places[i].format);
        options.prompt = "Read it.";
        options.said = NULL;
        scene_export(&scene, &options, &results[i], FND_OK, NULL);
    }
    for (int i = 0; i < MORE; i++) {
        fnd_text_clear(&human);
        record_generated(&scene, pin, &state, DOCUMENTS + i, &human);
    }
    elsewhere();
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct fnd_export_result again = {0};
        struct fnd_error error = {0};
        struct fnd_export_options options = {.out = scene_path(&scene, places[i].format, path)};
        cr_assert_eq(
            fnd_dataset_reproduce(scene.reader, results[i].manifest_path, &options, &again, &error),
            FND_OK, "%s: %s", places[i].format, error.message);
        cr_assert_str_eq(again.sha256, results[i].sha256, "%s", places[i].format);
        cr_assert_str_eq(again.manifest, results[i].manifest, "%s", places[i].format);
        fnd_export_result_finish(&again);
        fnd_export_result_finish(&results[i]);
    }
    setlocale(LC_ALL, "C");
    fnd_text_finish(&human);
    scene_end(&scene);
}

/** Where a path went, by the split that holds its line. */
static void splits_read(struct scene *scene, uint8_t *sides, size_t count)
{
    struct fnd_export_result result = {0};
    struct fnd_export_options options = scene_options(scene, "foundry");
    struct fnd_text file = {0};
    struct fnd_json json = {NULL, 0};
    options.said = NULL;
    scene_export(scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &file);
    for (const char *at = file.bytes; *at != '\0'; at += strcspn(at, "\n") + 1) {
        cr_assert_eq(fnd_json_check(at, strcspn(at, "\n"), NULL, &json, NULL), FND_OK);
        char *name = fnd_json_strdup(fnd_json_find(json, "/provenance/path"));
        struct fnd_json split = fnd_json_member(json, "split");
        const size_t path = strtoul(name, NULL, 10);
        const uint8_t side = fnd_json_text_is(split, "train")        ? 1
                             : fnd_json_text_is(split, "validation") ? 2
                                                                     : 3;
        cr_assert_lt(path, count);
        cr_assert(sides[path] == 0 || sides[path] == side, "%s changed its side", name);
        sides[path] = side;
        free(name);
    }
    fnd_text_finish(&file);
    fnd_export_result_finish(&result);
}

Test(property, no_group_is_ever_on_two_sides_while_the_record_grows)
{
    enum { PATHS = 40, ROUNDS = 4 };
    struct scene scene;
    uint64_t state = seed_get();
    uint8_t sides[PATHS] = {0};
    size_t seen[4] = {0};
    scene_begin(&scene, 122);
    int64_t pin = scene_pin(&scene, "texts", "{}");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PATHS; i++) {
            /* the same inputs again, as further revisions and records; and some for the first time
             */
            if (draw(&state) % 3 == 0) {
                char path[32];
                snprintf(path, sizeof path, "%d", i);
                int64_t job = scene_job(&scene, pin, "texts", path, "text/plain", 10, round + 1);
                scene_model(&scene, job, "{\"a\":1}", NULL);
                scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{\"a\":1}");
            }
        }
        splits_read(&scene, sides, PATHS);
    }
    for (int i = 0; i < PATHS; i++) {
        seen[sides[i]]++;
    }
    cr_assert(seen[1] > 0 && seen[2] + seen[3] > 0, "the draw put all on one side");
    scene_end(&scene);
}
