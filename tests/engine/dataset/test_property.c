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
#include "schema/schema.h"
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

/* --- generated schemas ------------------------------------------------------------------------ */

/** A schema of a generated shape: `depth` levels of objects and lists over leaves. */
static void schema_generate(uint64_t *state, size_t depth, struct fnd_text *json)
{
    static const char *const simple[] = {"{\"type\":\"null\"}",
                                         "{\"type\":\"boolean\"}",
                                         "{\"type\":\"integer\"}",
                                         "{\"type\":\"number\"}",
                                         "{\"type\":\"string\"}",
                                         "{\"type\":[\"string\",\"null\"]}",
                                         "{\"enum\":[1.10,\"1.10\",null,[],{},\"\xC3\xA4\"]}",
                                         "{\"const\":9007199254740993}",
                                         "true"};
    const uint64_t kind = draw(state) % 3;
    if (depth == 0 || kind == 0) {
        fnd_text_append_z(json, simple[draw(state) % (sizeof simple / sizeof simple[0])]);
        return;
    }
    if (kind == 1) {
        fnd_text_append_z(json, "{\"type\":\"array\",\"items\":");
        schema_generate(state, depth - 1, json);
        fnd_text_append_byte(json, '}');
        return;
    }
    const size_t keys_count = sizeof keys / sizeof keys[0], count = 1 + draw(state) % 5;
    const size_t first = draw(state) % keys_count, required = draw(state) % (count + 1);
    fnd_text_append_z(json, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(json, "%s\"%s\":", i > 0 ? "," : "", keys[(first + i) % keys_count]);
        schema_generate(state, depth - 1, json);
    }
    fnd_text_append_z(json, "},\"required\":[");
    for (size_t i = 0; i < required; i++) {
        fnd_text_printf(json, "%s\"%s\"", i > 0 ? "," : "", keys[(first + i) % keys_count]);
    }
    fnd_text_append_z(json, "]}");
}

/** The item of a list of JSON at an index drawn. */
static struct fnd_json one_of(uint64_t *state, struct fnd_json list)
{
    const size_t wanted = draw(state) % fnd_json_count(list);
    struct fnd_json_walk walk = fnd_json_walk(list);
    while (fnd_json_next(&walk) && walk.index < wanted) {
    }
    return walk.value;
}

static void leaf_fill(uint64_t *state, struct fnd_json type, struct fnd_text *json)
{
    static const char *const numbers[] = {"1.10", "-0.0", "1e400", "1E+2", "9007199254740993", "0"};
    static const char *const integers[] = {"9007199254740993", "-0", "12345678901234567890123"};
    static const char *const strings[] = {"\"\"", "\"\\u2028\"", "\"1.10\"", "\"<image>\\n\\\\\"",
                                          "\"\xF0\x9F\x98\x80\""};
    if (fnd_json_text_is(type, "null")) {
        fnd_text_append_z(json, "null");
    } else if (fnd_json_text_is(type, "boolean")) {
        fnd_text_append_z(json, draw(state) % 2 == 0 ? "true" : "false");
    } else if (fnd_json_text_is(type, "integer")) {
        fnd_text_append_z(json, integers[draw(state) % 3]);
    } else if (fnd_json_text_is(type, "number")) {
        fnd_text_append_z(json, numbers[draw(state) % 6]);
    } else {
        fnd_text_append_z(json, strings[draw(state) % 5]);
    }
}

/** A document that the schema allows. */
static void schema_fill(uint64_t *state, struct fnd_json schema, struct fnd_text *json)
{
    struct fnd_json type = fnd_json_member(schema, "type");
    struct fnd_json listed = fnd_json_member(schema, "enum");
    struct fnd_json constant = fnd_json_member(schema, "const");
    size_t count = 0;
    if (fnd_json_type(schema) != FND_JSON_OBJECT) {
        generate(state, 2, json);
    } else if (listed.bytes != NULL || constant.bytes != NULL) {
        struct fnd_json value = listed.bytes != NULL ? one_of(state, listed) : constant;
        fnd_text_append(json, value.bytes, value.size);
    } else if (fnd_json_text_is(type, "array")) {
        fnd_text_append_byte(json, '[');
        for (size_t left = draw(state) % 4; left > 0; left--) {
            fnd_text_append_z(json, count++ > 0 ? ", " : "");
            schema_fill(state, fnd_json_member(schema, "items"), json);
        }
        fnd_text_append_byte(json, ']');
    } else if (fnd_json_text_is(type, "object")) {
        struct fnd_json required = fnd_json_member(schema, "required");
        struct fnd_json properties = fnd_json_member(schema, "properties");
        fnd_text_append_byte(json, '{');
        for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
            /* the first ones are required, in the same order */
            if (walk.index < fnd_json_count(required) || draw(state) % 2 == 0) {
                fnd_text_append_z(json, count++ > 0 ? ",\n" : "");
                fnd_text_append(json, walk.key.bytes, walk.key.size);
                fnd_text_append_byte(json, ':');
                schema_fill(state, walk.value, json);
            }
        }
        fnd_text_append_byte(json, '}');
    } else {
        leaf_fill(state, fnd_json_type(type) == FND_JSON_ARRAY ? one_of(state, type) : type, json);
    }
}

/** An object with one member that differs, so that there is something to prefer.
 *  schema  of the rest; no value: any. */
static int64_t record_generated(struct scene *scene, int64_t pin, uint64_t *state, int index,
                                struct fnd_json schema, struct fnd_text *human)
{
    struct fnd_text model = {0}, rest = {0};
    char path[32];
    if (schema.bytes != NULL) {
        schema_fill(state, schema, &rest);
    } else {
        generate(state, DEPTH_MAX, &rest);
    }
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

/** All formats: exported, checked, and compared with what was given. */
static void formats_compare(struct scene *scene, struct fnd_text humans[DOCUMENTS])
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct fnd_export_result result = {0};
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        struct fnd_text file = {0};
        struct fnd_export_options options = scene_options(scene, places[i].format);
        options.prompt = "Read it.";
        options.shares[0] = 1000;
        options.said = NULL;
        scene_export(scene, &options, &result, FND_OK, NULL);
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
}

Test(property, generated_documents_lose_nothing_in_any_format)
{
    struct scene scene;
    uint64_t state = seed_get();
    struct fnd_text humans[DOCUMENTS] = {{0}};
    const struct fnd_json any = {NULL, 0};
    scene_begin(&scene, 120);
    int64_t pin = scene_pin(&scene, "texts", "{}");
    for (int i = 0; i < DOCUMENTS; i++) {
        record_generated(&scene, pin, &state, i, any, &humans[i]);
    }
    formats_compare(&scene, humans);
    for (int i = 0; i < DOCUMENTS; i++) {
        fnd_text_finish(&humans[i]);
    }
    scene_end(&scene);
}

/** Whether a document is what the schema allows. */
static bool allowed(const struct fnd_text *schema, struct fnd_json document)
{
    struct fnd_schema *compiled = NULL;
    struct fnd_flaws flaws = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("generated", schema->bytes, schema->size, &compiled, &error),
                 FND_OK, "%s: %s", schema->bytes, error.message);
    const bool fits = fnd_schema_check(compiled, document, NULL, &flaws);
    fnd_flaws_finish(&flaws);
    fnd_schema_destroy(compiled);
    return fits;
}

Test(property, documents_of_generated_schemas_lose_nothing_and_stay_what_the_schema_allows)
{
    enum { SCHEMAS = 6 };
    struct scene scene;
    uint64_t state = seed_get();
    struct fnd_text humans[DOCUMENTS] = {{0}}, schemas[SCHEMAS] = {{0}}, file = {0};
    struct fnd_export_result result = {0};
    struct fnd_json line = {NULL, 0};
    size_t checked = 0;
    scene_begin(&scene, 123);
    int64_t pin = scene_pin(&scene, "texts", "{}");
    for (size_t i = 0; i < SCHEMAS; i++) {
        fnd_text_append_z(&schemas[i], "{\"type\":\"object\",\"required\":[\"a/b\"],"
                                       "\"additionalProperties\":false,\"properties\":{\"a/b\":");
        schema_generate(&state, DEPTH_MAX, &schemas[i]);
        fnd_text_append_z(&schemas[i], ",\"~\":");
        schema_generate(&state, DEPTH_MAX, &schemas[i]);
        fnd_text_append_z(&schemas[i], "}}");
    }
    for (int i = 0; i < DOCUMENTS; i++) {
        const struct fnd_text *schema = &schemas[i % SCHEMAS];
        const struct fnd_json json = {schema->bytes, schema->size};
        record_generated(&scene, pin, &state, i, json, &humans[i]);
        const struct fnd_json document = {humans[i].bytes, humans[i].size};
        cr_assert(allowed(schema, fnd_json_member(document, "rest")), "%s\nis not of\n%s",
                  humans[i].bytes, schema->bytes);
    }
    formats_compare(&scene, humans);
    struct fnd_export_options options = scene_options(&scene, "foundry");
    options.said = NULL;
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &file);
    for (const char *at = file.bytes; *at != '\0'; at += strcspn(at, "\n") + 1, checked++) {
        cr_assert_eq(fnd_json_check(at, strcspn(at, "\n"), NULL, &line, NULL), FND_OK);
        cr_assert(allowed(&schemas[checked % SCHEMAS], fnd_json_find(line, "/human_output/rest")));
    }
    cr_assert_eq(checked, DOCUMENTS);
    for (int i = 0; i < DOCUMENTS; i++) {
        fnd_text_finish(&humans[i]);
    }
    for (size_t i = 0; i < SCHEMAS; i++) {
        fnd_text_finish(&schemas[i]);
    }
    fnd_text_finish(&file);
    fnd_export_result_finish(&result);
    scene_end(&scene);
}

Test(property, a_manifest_gives_the_same_bytes_after_hundreds_of_records_elsewhere)
{
    struct scene scene;
    uint64_t state = seed_get();
    struct fnd_text human = {0};
    const struct fnd_json any = {NULL, 0};
    struct fnd_export_result results[sizeof places / sizeof places[0]] = {{0}};
    char path[PATH_SIZE];
    scene_begin(&scene, 121);
    int64_t pin = scene_pin(&scene, "texts", "{}");
    for (int i = 0; i < DOCUMENTS; i++) {
        fnd_text_clear(&human);
        record_generated(&scene, pin, &state, i, any, &human);
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct fnd_export_options options = scene_options(&scene, places[i].format);
        options.prompt = "Read it.";
        options.said = NULL;
        scene_export(&scene, &options, &results[i], FND_OK, NULL);
    }
    for (int i = 0; i < MORE; i++) {
        fnd_text_clear(&human);
        record_generated(&scene, pin, &state, DOCUMENTS + i, any, &human);
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
