/* SPDX-License-Identifier: MIT */
/* The formats of text and chat: each exported, read back by the check, and compared. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "dataset/example.h"
#include "support.h"

#define PROMPT "Read it."
#define SYSTEM "You read."

/** Numbers, names and shapes that a careless writer loses. */
static const char odd_model[] =
    "{\"a_b\":1.10,\"a/b\":9007199254740993,\"a~b\":null,\"a[]\":[],\"a\":[[],[[1.0,{}]]],"
    "\"\":\"\",\"\\u00fc\\n\":\"\\ud83d\\ude00 \\\\ \\\"\",\"e\":1e400,\"z\":-0}";
static const char odd_human[] =
    "{\"a_b\":1.20,\"a/b\":9007199254740993,\"a~b\":null,\"a[]\":[],\"a\":[[],[[1.0,{}]]],"
    "\"\":\"\",\"\\u00fc\\n\":\"\\ud83d\\ude00 \\\\ \\\"\",\"e\":1e400,\"z\":-0}";
static const char odd_fields[] = "{\"/a_b\":{\"from\":1.10,\"to\":1.20,\"confidence\":0.5}}";

/** Where a format keeps what; NULL: it does not. */
struct shape {
    const char *format;
    const char *human, *model, *content, *image; /* pointers of an example without system text */
    bool array, files, pairs;
    const char *line; /* the example `small` of the text job, whole */
};

#define QUESTION "{\"role\":\"user\",\"content\":\"Read it.\\n\\nhello\"}"
#define SAYS(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
static const struct shape shapes[] = {
    {"openai-chat", "/messages/1/content", NULL, "/messages/0/content",
     "/messages/0/content/0/image_url/url", false, true, false,
     "{\"messages\":[" QUESTION "," SAYS("{\\\"a\\\":2}") "]}"},
    {"openai-dpo", "/preferred_output/0/content", "/non_preferred_output/0/content",
     "/input/messages/0/content", NULL, false, false, true,
     "{\"input\":{\"messages\":[" QUESTION "],\"tools\":[],\"parallel_tool_calls\":true},"
     "\"preferred_output\":[" SAYS("{\\\"a\\\":2}") "],\"non_preferred_output\":[" SAYS(
         "{\\\"a\\\":1}") "]}"},
    {"trl-sft", "/completion/0/content", NULL, "/prompt/0/content", "/images/0", false, true, false,
     "{\"prompt\":[" QUESTION "],\"completion\":[" SAYS("{\\\"a\\\":2}") "]}"},
    {"trl-dpo", "/chosen/0/content", "/rejected/0/content", "/prompt/0/content", "/images/0", false,
     true, true,
     "{\"prompt\":[" QUESTION
     "],\"chosen\":[" SAYS("{\\\"a\\\":2}") "],\"rejected\":[" SAYS("{\\\"a\\\":1}") "]}"},
    {"trl-kto", NULL, "/completion/0/content", "/prompt/0/content", NULL, false, false, false,
     "{\"prompt\":[" QUESTION "],\"completion\":[" SAYS("{\\\"a\\\":1}") "],\"label\":false}"},
    {"alpaca", "/output", NULL, "/input", "/images/0", true, true, false,
     "{\"instruction\":\"Read it.\",\"input\":\"hello\",\"output\":\"{\\\"a\\\":2}\","
     "\"system\":\"\"}"},
    {"sharegpt", "/conversations/1/value", NULL, "/conversations/0/value", "/images/0", false, true,
     false,
     "{\"conversations\":[{\"from\":\"human\",\"value\":\"Read it.\\n\\nhello\"},{\"from\":\"gpt\","
     "\"value\":\"{\\\"a\\\":2}\"}]}"},
    {"nvidia-flywheel", "/response/choices/0/message/content", NULL, "/request/messages/0/content",
     "/request/messages/0/content/0/image_url/url", false, true, false, NULL},
    {"argilla", "/output.responses/0", "/output.suggestion", "/input", "/image", true, true, false,
     NULL},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static struct fnd_export_options options_of(struct scene *scene, const struct shape *shape)
{
    struct fnd_export_options options = scene_options(scene, shape->format);
    options.prompt = PROMPT;
    return options;
}

static int64_t text_job(struct scene *scene, int64_t pin, const char *path, const char *content,
                        const char *verdict, const char *model, const char *human,
                        const char *fields)
{
    struct fnd_text value = {0};
    fnd_text_append_z(&value, "{\"content\":");
    fnd_text_append_json_z(&value, content);
    fnd_text_append_byte(&value, '}');
    int64_t job = scene_value_job(scene, pin, "invoice", path, fnd_text_z(&value));
    fnd_text_finish(&value);
    scene_model(scene, job, model, "{\"confidence\":{\"/a\":0.75,\"/a_b\":0.50},\"origin\":{}}");
    return scene_answer(scene, job, scene_ask(scene, job), verdict, fields, human);
}

static const char small_fields[] = "{\"/a\":{\"from\":1,\"to\":2,\"confidence\":0.75}}";

static int64_t small_job(struct scene *scene, int64_t pin, const char *path)
{
    return text_job(scene, pin, path, "hello", "corrected", "{\"a\": 1}", "{\"a\": 2}",
                    small_fields);
}

/** Example `index` of a file that was read. */
static struct fnd_json example_at(const struct fnd_text *text, const struct shape *shape,
                                  size_t index)
{
    struct fnd_json whole = {NULL, 0};
    struct fnd_error error = {0};
    const char *at = fnd_text_z(text);
    char pointer[32];
    if (shape->array) {
        cr_assert_eq(fnd_json_check(at, text->size, NULL, &whole, &error), FND_OK, "%s: %s",
                     shape->format, error.message);
        snprintf(pointer, sizeof pointer, "/%zu", index);
        return fnd_json_find(whole, pointer);
    }
    for (size_t i = 0; i < index; i++) {
        at = strchr(at, '\n') + 1;
    }
    cr_assert_eq(fnd_json_check(at, strcspn(at, "\n"), NULL, &whole, &error), FND_OK, "%s: %s",
                 shape->format, error.message);
    return whole;
}

static void text_is(const struct shape *shape, struct fnd_json line, const char *pointer,
                    const char *expected)
{
    if (pointer != NULL) {
        char *found = fnd_json_strdup(fnd_json_find(line, pointer));
        cr_assert(found != NULL && strcmp(found, expected) == 0, "%s: at %s is %s, not %s",
                  shape->format, pointer, found, expected);
        free(found);
    }
}

Test(formats, each_line_is_exact_and_loses_nothing)
{
    struct scene scene;
    scene_begin(&scene, 41);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    small_job(&scene, pin, "small");
    text_job(&scene, pin, "odd", "\xC3\xBC \"q\" <image?>\n\t\\", "corrected", odd_model, odd_human,
             odd_fields);
    for (size_t i = 0; i < SHAPES; i++) {
        const struct shape *shape = &shapes[i];
        struct fnd_export_options options = options_of(&scene, shape);
        struct fnd_export_result result = {0};
        struct fnd_dataset_checked checked = {0};
        struct fnd_text text = {0};
        scene_export(&scene, &options, &result, FND_OK, NULL);
        cr_assert_eq(result.lines, 2, "%s", shape->format);
        read_all(result.path, &text);
        struct fnd_json line = example_at(&text, shape, 0);
        if (shape->line != NULL) {
            cr_assert(line.size == strlen(shape->line) &&
                          memcmp(line.bytes, shape->line, line.size) == 0,
                      "%s: %.*s", shape->format, (int)line.size, line.bytes);
        }
        line = example_at(&text, shape, 1);
        text_is(shape, line, shape->human, odd_human);
        text_is(shape, line, shape->model, odd_model);
        const bool apart = strcmp(shape->content, "/input") == 0;
        text_is(shape, line, shape->content,
                apart ? "\xC3\xBC \"q\" <image?>\n\t\\"
                      : PROMPT "\n\n\xC3\xBC \"q\" <image?>\n\t\\");
        for (const char *at = text.bytes; (at = strstr(at, "\":null")) != NULL; at++) {
            cr_assert_eq(at[-1], '\\', "%s writes a null", shape->format); /* not in a document */
        }
        struct fnd_error error = {0};
        enum fnd_status status =
            fnd_dataset_validate(result.path, shape->format, NULL, NULL, &checked, &error);
        const bool few = strncmp(shape->format, "openai", 6) == 0 || shape->format[0] == 'n';
        cr_assert_eq(status, few ? FND_INVALID : FND_OK, "%s: %s", shape->format, error.message);
        cr_assert_eq(checked.errors, few ? 1 : 0, "%s", shape->format);
        fnd_export_result_finish(&result);
        fnd_text_finish(&text);
    }
    scene_end(&scene);
}

/** Documents with every kind of value, by a seed. */
static void document_make(struct fnd_text *json, uint64_t *seed, int depth)
{
    static const char *const leaves[] = {"1.10",
                                         "9007199254740993",
                                         "-0.0",
                                         "1E+400",
                                         "null",
                                         "true",
                                         "\"\"",
                                         "\"\xE2\x82\xAC\"",
                                         "\"\\u0001\"",
                                         "\"a\\\"b\\\\\"",
                                         "[]",
                                         "{}",
                                         "0.1000000000000000055511151231257827"};
    static const char *const keys[] = {"a_b", "a[]", "a/b", "a~1", "", "\xC3\xBC", "x y", "\\\\"};
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const unsigned draw = (unsigned)(*seed >> 33);
    if (depth == 0 || draw % 4 == 0) {
        fnd_text_append_z(json, leaves[draw / 4 % (sizeof leaves / sizeof leaves[0])]);
    } else if (draw % 4 == 1) {
        fnd_text_append_byte(json, '[');
        for (unsigned i = 0; i < draw / 4 % 4; i++) {
            fnd_text_append_z(json, i > 0 ? "," : "");
            document_make(json, seed, depth - 1);
        }
        fnd_text_append_byte(json, ']');
    } else {
        fnd_text_append_byte(json, '{');
        for (unsigned i = 0; i < draw / 4 % 9; i++) {
            fnd_text_printf(json, "%s\"%s\":", i > 0 ? "," : "", keys[i]);
            document_make(json, seed, depth - 1);
        }
        fnd_text_append_byte(json, '}');
    }
}

Test(formats, generated_documents_come_back_as_they_were, .timeout = 300)
{
    enum { COUNT = 60 };
    struct scene scene;
    struct fnd_text models[COUNT], humans[COUNT];
    uint64_t seed = 20260301;
    cr_log_info("seed %" PRIu64, seed);
    scene_begin(&scene, 42);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    for (size_t i = 0; i < COUNT; i++) {
        char path[32];
        models[i] = humans[i] = (struct fnd_text){0};
        fnd_text_append_z(&models[i], "{\"k\":1,\"v\":");
        fnd_text_append_z(&humans[i], "{\"k\":2,\"v\":");
        const uint64_t before = seed;
        document_make(&models[i], &seed, 4);
        seed = before;
        document_make(&humans[i], &seed, 4);
        fnd_text_append_byte(&models[i], '}');
        fnd_text_append_byte(&humans[i], '}');
        snprintf(path, sizeof path, "d%zu", i);
        text_job(&scene, pin, path, path, "corrected", models[i].bytes, humans[i].bytes,
                 "{\"/k\":{\"from\":1,\"to\":2}}");
    }
    for (size_t s = 0; s < SHAPES; s++) {
        struct fnd_export_options options = options_of(&scene, &shapes[s]);
        struct fnd_export_result result = {0};
        struct fnd_text text = {0};
        scene_export(&scene, &options, &result, FND_OK, NULL);
        cr_assert_eq(result.lines, COUNT);
        read_all(result.path, &text);
        for (size_t i = 0; i < COUNT; i++) {
            struct fnd_json line = example_at(&text, &shapes[s], i);
            text_is(&shapes[s], line, shapes[s].human, humans[i].bytes);
            text_is(&shapes[s], line, shapes[s].model, models[i].bytes);
        }
        fnd_export_result_finish(&result);
        fnd_text_finish(&text);
    }
    for (size_t i = 0; i < COUNT; i++) {
        fnd_text_finish(&models[i]);
        fnd_text_finish(&humans[i]);
    }
    scene_end(&scene);
}

Test(formats, preferences_come_from_corrections_only)
{
    struct scene scene;
    scene_begin(&scene, 43);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    text_job(&scene, pin, "accepted", "x", "accepted", "{\"a\":1}", "{\"a\":1}", "{}");
    small_job(&scene, pin, "corrected");
    int64_t same = text_job(&scene, pin, "same", "x", "corrected", "{\"a\":1.10}", "{\"a\":1.1}",
                            "{\"/a\":{\"from\":1.10,\"to\":1.1}}");
    for (size_t i = 0; i < SHAPES; i++) {
        if (!shapes[i].pairs) {
            continue;
        }
        struct fnd_export_options options = options_of(&scene, &shapes[i]);
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        scene_export(&scene, &options, &result, FND_INVALID, &error);
        cr_assert(scene_noted(&scene, same, "equal by value"), "%s", error.message);
        fnd_export_result_finish(&result);
        options.skip_bad = true;
        scene_export(&scene, &options, &result, FND_OK, NULL);
        cr_assert_eq(result.lines, 1);
        cr_assert_eq(result.left_out[FND_LEFT_FILTERED], 1);
        fnd_export_result_finish(&result);
        options.verdicts = 1U << FND_ACCEPTED;
        scene_export(&scene, &options, &result, FND_INVALID, &error);
        cr_assert(strstr(error.message, "corrected ones only") != NULL, "%s", error.message);
        fnd_export_result_finish(&result);
    }
    struct fnd_export_options options = scene_options(&scene, "trl-kto");
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    options.prompt = PROMPT;
    options.skip_bad = true;
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    cr_assert_eq(result.lines, 2);
    cr_assert(strstr(text.bytes, "\"label\":true}\n{") != NULL);
    cr_assert(strstr(text.bytes, "\"label\":false}\n") != NULL);
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    scene_end(&scene);
}

/** A job of a picture whose bytes are its path. */
static int64_t image_job(struct scene *scene, int64_t pin, const char *path, const char *type)
{
    int64_t job = scene_file_job(scene, pin, "invoice", path, type, path, strlen(path));
    scene_model(scene, job, "{\"a\":1}", NULL);
    return scene_answer(scene, job, scene_ask(scene, job), "corrected", small_fields, "{\"a\":2}");
}

Test(formats, images_are_embedded_named_or_refused)
{
    struct scene scene;
    scene_begin(&scene, 44);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    int64_t record = image_job(&scene, pin, "a b.png", "image/png");
    for (size_t i = 0; i < SHAPES; i++) {
        const struct shape *shape = &shapes[i];
        struct fnd_export_options options = options_of(&scene, shape);
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        struct fnd_text text = {0};
        const bool by_uri = strncmp(shape->format, "trl", 3) == 0;
        const bool by_path = shape->array ? shape->format[1] == 'l' : shape->format[0] == 's';
        if (!shape->files) {
            scene_export(&scene, &options, &result, FND_INVALID, &error);
            cr_assert(scene_noted(&scene, record, "holds text only"), "%s", error.message);
            fnd_export_result_finish(&result);
            continue;
        }
        if (by_uri) {
            scene_export(&scene, &options, &result, FND_INVALID, &error);
            cr_assert(strstr(error.message, "--uri-prefix") != NULL, "%s", error.message);
            options.uri_prefix = "https://example.org/in";
        }
        scene_export(&scene, &options, &result, FND_OK, NULL);
        read_all(result.path, &text);
        text_is(shape, example_at(&text, shape, 0), shape->image,
                by_uri    ? "https://example.org/in/a%20b.png"
                : by_path ? "a b.png"
                          : "data:image/png;base64,YSBiLnBuZw==");
        fnd_export_result_finish(&result);
        options.uri_prefix = "https://example.org/in";
        scene_export(&scene, &options, &result, FND_OK, NULL);
        read_all(result.path, &text);
        text_is(shape, example_at(&text, shape, 0), shape->image,
                by_path ? "a b.png" : "https://example.org/in/a%20b.png");
        fnd_export_result_finish(&result);
        fnd_text_finish(&text);
    }
    scene_end(&scene);
}

Test(formats, a_column_has_one_type)
{
    static const char *const formats[] = {"trl-sft", "trl-dpo", "alpaca", "sharegpt"};
    struct scene scene;
    scene_begin(&scene, 45);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    small_job(&scene, pin, "text");
    int64_t record = image_job(&scene, pin, "a.png", "image/png");
    for (size_t i = 0; i < 4; i++) {
        struct fnd_export_options options = scene_options(&scene, formats[i]);
        struct fnd_export_result result = {0};
        options.prompt = PROMPT;
        options.uri_prefix = "https://example.org/in";
        scene_export(&scene, &options, &result, FND_INVALID, NULL);
        cr_assert(scene_noted(&scene, record, "first"), "%s", formats[i]);
        fnd_export_result_finish(&result);
    }
    scene_end(&scene);
}

Test(formats, a_manifest_gives_the_same_bytes_whatever_came_since)
{
    struct scene scene;
    scene_begin(&scene, 46);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    for (int i = 0; i < 12; i++) {
        char path[32];
        snprintf(path, sizeof path, "t%d", i);
        small_job(&scene, pin, path);
    }
    for (size_t i = 0; i < SHAPES; i++) {
        struct fnd_export_options options = options_of(&scene, &shapes[i]);
        struct fnd_export_result made = {0}, again = {0};
        struct fnd_error error = {0};
        struct fnd_text first = {0}, second = {0};
        char path[PATH_SIZE], name[64];
        options.system = SYSTEM;
        scene_export(&scene, &options, &made, FND_OK, NULL);
        snprintf(name, sizeof name, "more%zu", i);
        small_job(&scene, pin, name);
        setenv("TZ", "Pacific/Kiritimati", 1);
        tzset();
        elsewhere();
        options.out = scene_path(&scene, "again", path);
        cr_assert_eq(
            fnd_dataset_reproduce(scene.reader, made.manifest_path, &options, &again, &error),
            FND_OK, "%s: %s", shapes[i].format, error.message);
        setlocale(LC_ALL, "C");
        unsetenv("TZ");
        read_all(made.path, &first);
        read_all(again.path, &second);
        cr_assert(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0,
                  "%s", shapes[i].format);
        cr_assert(strstr(first.bytes, SYSTEM) != NULL || strstr(shapes[i].format, "argilla"));
        fnd_export_result_finish(&made);
        fnd_export_result_finish(&again);
        fnd_text_finish(&first);
        fnd_text_finish(&second);
    }
    scene_end(&scene);
}

static void collect(void *context, const struct fnd_dataset_note *note)
{
    fnd_text_printf(context, "%zu: %s\n", note->line, note->message);
}

/** Foreign files: what is wrong is told with its line. */
#define ASKS "{\"role\":\"user\",\"content\":\"q\"}"
#define OUT(text) "[" SAYS(text) "]"
#define ARGILLA(rest) "[{\"id\":\"1\",\"text\":\"t\"," rest "}]"
static const struct {
    const char *format, *text, *part; /* part NULL: taken */
} foreign[] = {
    {"openai-chat", "{\"messages\":[" ASKS "]}\n", "1: /messages"},
    {"openai-chat", "{\"messages\":[" ASKS "," ASKS "]}\n", "1: /messages/1: the last message"},
    {"openai-chat", "{\"messages\":[" SAYS("a") "," SAYS("b") "]}\n", "nobody asks"},
    {"openai-chat",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "{\"url\":\"/home/a.png\"}}]}," SAYS("a") "]}\n",
     "is a local path"},
    {"openai-chat",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "{\"url\":\"gs://bucket/a.png\"}}]}," SAYS("a") "]}\n",
     "not gs://"},
    {"openai-chat",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "{\"url\":\"data:image/png;base64,YQ=\"}}]}," SAYS("a") "]}\n",
     "holds no base64"},
    {"openai-chat",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "{\"url\":\"data:image/gif;base64,YQ==\"}}]}," SAYS("a") "]}\n",
     "is no data URL of image/png"},
    {"openai-chat", "{\"messages\":[" ASKS "," SAYS("a") "]}\n", "takes no fewer than 10"},
    {"openai-dpo",
     "{\"input\":{\"messages\":[" ASKS "]},\"preferred_output\":" OUT(
         "{\\\"a\\\":1.0}") ",\"non_preferred_output\":" OUT("{\\\"a\\\":1}") "}\n",
     "nothing to prefer"},
    {"openai-dpo",
     "{\"input\":{\"messages\":[" ASKS "]},\"preferred_output\":[" SAYS("a") "," SAYS(
         "b") "],\"non_preferred_output\":" OUT("c") "}\n",
     "1: /preferred_output"},
    {"trl-sft", "{\"messages\":[" ASKS "," SAYS("a") "]}\n", NULL},
    {"trl-sft",
     "{\"messages\":[" ASKS "," SAYS("a") "]}\n{\"prompt\":[" ASKS
                                          "],\"completion\":" OUT("a") "}\n",
     "2: is of another type"},
    {"trl-sft", "{\"prompt\":[" ASKS "]}\n", "1: "},
    {"trl-sft",
     "{\"prompt\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}],"
     "\"completion\":" OUT("a") "}\n",
     "has 0 images"},
    {"trl-dpo", "{\"prompt\":[" ASKS "],\"chosen\":" OUT("a") ",\"rejected\":" OUT("a") "}\n",
     "1: /rejected/0/content: is equal"},
    {"trl-dpo", "{\"prompt\":\"a\",\"chosen\":\"b\\u0000c\",\"rejected\":\"b\\u0000d\"}\n",
     "1: is no JSON: at /chosen: \\u0000 is not allowed"},
    {"trl-dpo", "{\"prompt\":\"a\",\"chosen\":\"1.0\",\"rejected\":\"1\"}\n", "is equal to"},
    {"trl-kto", "{\"prompt\":[" ASKS "],\"completion\":" OUT("a") ",\"label\":1}\n", "1: /label"},
    {"alpaca", "{\"instruction\":\"a\",\"output\":\"b\"}\n", "must be one JSON array"},
    {"alpaca", "[\n {\"instruction\":\"a\",\n\"output\":\"b\"},\n\n{\"output\":\"b\"}]", "5: "},
    {"alpaca", "[{\"instruction\":\"a\",\"output\":\"b\"}", "1: is no JSON"},
    {"alpaca", "[{\"instruction\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}]", NULL},
    {"alpaca", "[{\"instruction\":\"a\",\"chosen\":\"b\",\"rejected\":\"b\"}]",
     "nothing to prefer"},
    {"alpaca", "[{\"instruction\":\"a\",\"output\":\"b\",\"images\":[\"a.png\"]}]",
     "the text has <image> 0 times"},
    {"alpaca", "[{\"instruction\":\"<image>a\",\"output\":\"b\",\"images\":[\"/tmp/a.png\"]}]",
     "below the trainer's media folder"},
    {"alpaca", "[]", NULL},
    {"sharegpt",
     "{\"conversations\":[{\"from\":\"gpt\",\"value\":\"a\"},{\"from\":"
     "\"human\",\"value\":\"b\"}]}\n",
     "1: /conversations/0/from"},
    {"sharegpt", "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"}]}\n",
     "1: /conversations"},
    {"nvidia-flywheel", "{\"workload_id\":\"w\"}\n", "timestamp"},
    {"argilla", ARGILLA("\"q.suggestion\":\"s\",\"q.suggestion.score\":0.5"), NULL},
    {"argilla", ARGILLA("\"q.suggestion\":\"s\",\"q.suggestion.score\":1.5"), "score"},
    {"argilla", ARGILLA("\"q.suggestion.score\":0.5"), "a suggestion that is not there"},
    {"argilla", ARGILLA("\"x\":null"), NULL},
    {"argilla", ARGILLA("\"q.responses\":[\"a\"],\"q.responses.status\":[\"sent\"]"), "status"},
    {"argilla", ARGILLA("\"q.responses\":[\"a\"],\"q.responses.status\":[]"), "as many items"},
    {"argilla", "[{\"id\":\"1\",\"t\":1},\n{\"id\":\"1\",\"t\":1}]", "2: /id: is that of"},
};

Test(formats, foreign_files_are_checked)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        char path[] = "/tmp/foundry-formats-XXXXXX";
        struct fnd_dataset_checked checked = {0};
        struct fnd_error error = {0};
        struct fnd_text all = {0};
        int fd = mkstemp(path);
        cr_assert_eq(fnd_write_all(fd, foreign[i].text, strlen(foreign[i].text)), 0);
        close(fd);
        enum fnd_status status =
            fnd_dataset_validate(path, foreign[i].format, collect, &all, &checked, &error);
        unlink(path);
        cr_assert_eq(status, foreign[i].part != NULL ? FND_INVALID : FND_OK, "case %zu: %s", i,
                     fnd_text_z(&all));
        cr_assert(foreign[i].part == NULL || strstr(fnd_text_z(&all), foreign[i].part) != NULL,
                  "case %zu: \"%s\" is not in: %s", i, foreign[i].part, fnd_text_z(&all));
        fnd_text_finish(&all);
    }
}

/** The line with another value at a place, or without it. */
static enum fnd_status agrees_with(const struct fnd_datum *datum, struct fnd_json line,
                                   const char *pointer, bool gone, struct fnd_error *error)
{
    static const char other[] = "\"other\"";
    struct fnd_text altered = {0};
    struct fnd_json json = {NULL, 0};
    const struct fnd_json value = {other, sizeof other - 1};
    cr_assert_eq(gone ? fnd_json_remove(line, pointer, &altered, error)
                      : fnd_json_set(line, pointer, value, &altered, error),
                 FND_OK, "%s", error->message);
    cr_assert_eq(fnd_json_check(altered.bytes, altered.size, NULL, &json, error), FND_OK);
    const enum fnd_status status = fnd_format_foundry.agrees(datum, json, error);
    fnd_text_finish(&altered);
    return status;
}

/* Whatever of a `foundry` line was altered or lost on its way is seen before the line is written.
 */
Test(formats, a_line_agrees_with_its_record_in_every_member)
{
    struct scene scene;
    struct fnd_error error = {0};
    struct fnd_datum datum = {0};
    struct fnd_text text = {0};
    struct fnd_json line = {NULL, 0};
    size_t members = 0;
    scene_begin(&scene, 77);
    const int64_t pin = scene_pin(&scene, "invoice", "{}");
    const int64_t number = scene_record(&scene, pin, "invoice", "a.png", 1);
    struct fnd_plan plan = {
        .reader = scene.reader, .format = &fnd_format_foundry, .as_of = INT64_MAX};
    plan.options.salt = "salt";
    cr_assert_eq(fnd_datum_load(&plan, number, &datum, &error), FND_OK, "%s", error.message);
    cr_assert_eq(fnd_format_foundry.line(&plan, &datum, &text, &error), FND_OK);
    cr_assert_eq(fnd_json_check(text.bytes, text.size, NULL, &line, &error), FND_OK);
    cr_assert_eq(fnd_format_foundry.agrees(&datum, line, &error), FND_OK, "%s", error.message);
    for (int inside = 0; inside < 2; inside++) {
        const struct fnd_json whole = inside ? fnd_json_member(line, "provenance") : line;
        for (struct fnd_json_walk walk = fnd_json_walk(whole); fnd_json_next(&walk);) {
            struct fnd_text pointer = {0};
            fnd_text_append_z(&pointer, inside ? "/provenance" : "");
            fnd_json_pointer_add_key(&pointer, walk.key);
            /* What split it is of is the export's, not the record's. */
            const bool recorded = strcmp(pointer.bytes, "/split") != 0;
            for (int gone = 0; gone < 2; gone++) {
                cr_expect_eq(agrees_with(&datum, line, pointer.bytes, gone, &error),
                             recorded ? FND_DAMAGED : FND_OK, "%s, %d", pointer.bytes, gone);
            }
            members++;
            fnd_text_finish(&pointer);
        }
    }
    cr_expect_gt(members, 20);
    /* The same value in the same place, under another name. */
    struct fnd_text without = {0}, renamed = {0};
    const struct fnd_json plugins = fnd_json_find(line, "/provenance/plugins");
    cr_assert_eq(fnd_json_remove(line, "/provenance/plugins", &without, &error), FND_OK);
    cr_assert_eq(fnd_json_set((struct fnd_json){without.bytes, without.size}, "/provenance/pluginz",
                              plugins, &renamed, &error),
                 FND_OK);
    cr_expect_eq(
        fnd_format_foundry.agrees(&datum, (struct fnd_json){renamed.bytes, renamed.size}, &error),
        FND_DAMAGED);
    fnd_text_finish(&without);
    fnd_text_finish(&renamed);
    fnd_text_finish(&text);
    fnd_datum_finish(&datum);
    fnd_plan_finish(&plan);
    scene_end(&scene);
}

Test(formats, no_job_lies_on_two_sides_of_a_split)
{
    static const enum fnd_split splits[] = {FND_SPLIT_TRAIN, FND_SPLIT_VALIDATION, FND_SPLIT_TEST};
    struct scene scene;
    scene_begin(&scene, 47);
    int64_t pin = scene_pin(&scene, "invoice", "{}");
    for (int i = 0; i < 40; i++) {
        char path[32];
        snprintf(path, sizeof path, "t%d.", i);
        text_job(&scene, pin, path, path, "corrected", "{\"a\":1}", "{\"a\":2}", small_fields);
    }
    for (size_t i = 0; i < SHAPES; i++) {
        int seen[40] = {0};
        size_t lines = 0;
        for (size_t s = 0; s < 3; s++) {
            struct fnd_export_options options = options_of(&scene, &shapes[i]);
            struct fnd_export_result result = {0};
            struct fnd_text text = {0};
            options.split = splits[s];
            scene_export(&scene, &options, &result, FND_OK, NULL);
            lines += result.lines;
            read_all(result.path, &text);
            for (int j = 0; j < 40; j++) {
                char part[32];
                snprintf(part, sizeof part, "t%d.\"", j);
                seen[j] += strstr(fnd_text_z(&text), part) != NULL;
            }
            fnd_export_result_finish(&result);
            fnd_text_finish(&text);
        }
        cr_assert_eq(lines, 40, "%s", shapes[i].format);
        for (int j = 0; j < 40; j++) {
            cr_assert_eq(seen[j], 1, "%s: t%d lies in %d splits", shapes[i].format, j, seen[j]);
        }
    }
    scene_end(&scene);
}

Test(formats, base64_is_that_of_rfc_4648)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"},
                 {"\xFB\xFF\xBF", "+/+/"}};
    static const char *const bad[] = {"Z",        "Zg",   "Zg=",  "Z===", "Zh==", "Zm9=",
                                      "Zg==Zg==", "Zm 8", "Zm-_", "====", "=",    "Zm9vYg"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0}, back = {0};
        fnd_base64_append(&text, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        cr_assert_str_eq(fnd_text_z(&text), cases[i].text);
        cr_assert(fnd_base64_decode(fnd_text_z(&text), text.size, &back));
        cr_assert_str_eq(fnd_text_z(&back), cases[i].bytes);
        fnd_text_finish(&text);
        fnd_text_finish(&back);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fnd_text back = {0};
        cr_assert_not(fnd_base64_decode(bad[i], strlen(bad[i]), &back), "%s was taken", bad[i]);
        fnd_text_finish(&back);
    }
}
