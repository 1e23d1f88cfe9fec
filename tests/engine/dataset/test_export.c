/* SPDX-License-Identifier: MIT */
/* What is in an export, to the byte. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "dataset/internal.h"
#include "pictures.h"
#include "support.h"

static const char sft[] = "{\"sft\":{\"format\":\"gemini\",\"of\":\"review\","
                          "\"prompt\":\"Extract the ${params.what} as JSON, $${as is}.\"}}";
static const char bucket[] = "gs://bucket/";

/** The line `number` (from 1) of a text, without its newline. */
static struct fnd_json line_at(const struct fnd_text *text, size_t number)
{
    const char *at = fnd_text_z(text);
    for (size_t i = 1; i < number; i++) {
        at = strchr(at, '\n');
        cr_assert_not_null(at, "there is no line %zu", number);
        at++;
    }
    const char *end = strchr(at, '\n');
    cr_assert_not_null(end);
    return (struct fnd_json){at, (size_t)(end - at)};
}

static size_t lines_count(const struct fnd_text *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->size; i++) {
        count += text->bytes[i] == '\n';
    }
    return count;
}

Test(export, gemini_line_is_exact)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    scene_begin(&scene, 1);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    int64_t job = scene_job(&scene, pin, "invoice", "a/b 2.png", "image/png", 5, 1);
    scene_model(&scene, job,
                "{ \"z\": 1.10, \"n\": 9007199254740993, \"items\": [{\"q\": 1.0}, {\"q\": 35.50}],"
                " \"s\": \"Hardwar \\u0026 \\\"Son\\\"\" }",
                NULL);
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                 "{\"/items/0/q\":{\"from\":1.0,\"to\":10,\"confidence\":0.75}}",
                 "{ \"z\": 1.10, \"n\": 9007199254740993, \"items\": [{\"q\": 10}, {\"q\": 35.50}],"
                 " \"s\": \"Hardwar \\u0026 \\\"Son\\\"\" }");
    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.uri_prefix = bucket;
    options.system = "You read invoices.";
    scene_export(&scene, &options, &result, FND_OK, NULL);
    cr_assert_eq(result.lines, 1);
    read_all(result.path, &text);
    cr_assert_str_eq(
        fnd_text_z(&text),
        "{\"systemInstruction\":{\"role\":\"system\",\"parts\":[{\"text\":\"You read "
        "invoices.\"}]},\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"mimeType\":"
        "\"image/png\",\"fileUri\":\"gs://bucket/a/b 2.png\"}},{\"text\":\"Extract the invoice as "
        "JSON, ${as is}.\"}]},{\"role\":\"model\",\"parts\":[{\"text\":\"{\\\"z\\\":1.10,\\\"n\\\":"
        "9007199254740993,\\\"items\\\":[{\\\"q\\\":10},{\\\"q\\\":35.50}],\\\"s\\\":\\\"Hardwar "
        "\\\\u0026 \\\\\\\"Son\\\\\\\"\\\"}\"}]}]}\n");
    char path[PATH_SIZE];
    cr_assert_str_eq(result.path, scene_path(&scene, "out/gemini.jsonl", path));
    cr_assert(scene_noted(&scene, 0, "100 or more are advised"));
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(export, the_corrected_invoice_parses_to_numbers_with_keys_unchanged)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    static const char glue[] = "{\"item_description\":\"Wood Glue, 1 Gallon\",\"quantity\":1.0,"
                               "\"unit_price\":35.5,\"total_cost\":35.5}";
    static const char form[] =
        "{\"supplier_name\":\"%s\",\"invoice_date\":\"2025-10-22\",\"invoice_number\":\"8845-B\","
        "\"line_items\":[{\"item_description\":\"Galvanized Steel Nails, 2-inch\",\"quantity\":%s,"
        "\"unit_price\":15.0,\"total_cost\":%s},%s]}";
    struct fnd_text model = {0}, human = {0};
    fnd_text_printf(&model, form, "Hardwar & Son", "1.0", "15.0", glue);
    fnd_text_printf(&human, form, "Hardware & Son", "10", "150.00", glue);
    scene_begin(&scene, 2);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    int64_t job = scene_job(&scene, pin, "invoice", "invoice2.png", "image/jpeg", 5, 1);
    scene_model(&scene, job, fnd_text_z(&model), NULL);
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                 "{\"/supplier_name\":{\"from\":\"Hardwar & Son\",\"to\":\"Hardware & Son\"},"
                 "\"/line_items/0/quantity\":{\"from\":1.0,\"to\":10,\"confidence\":0.75},"
                 "\"/line_items/0/total_cost\":{\"from\":15.0,\"to\":150.00,\"confidence\":0.99}}",
                 fnd_text_z(&human));
    struct fnd_export_options options = scene_options(&scene, NULL);
    options.name = "sft"; /* the format is the entry's */
    options.uri_prefix = "https://data.example.org/in voices?";
    struct fnd_error error = {0};
    scene_export(&scene, &options, &result, FND_INVALID, &error);
    cr_assert(strstr(error.message, "percent-encoded") != NULL, "%s", error.message);
    options.uri_prefix = "https://data.example.org/invoices";
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    struct fnd_json line = line_at(&text, 1);
    cr_assert(fnd_json_text_is(fnd_json_find(line, "/contents/0/parts/0/fileData/mimeType"),
                               "image/jpeg"));
    cr_assert(fnd_json_text_is(fnd_json_find(line, "/contents/0/parts/0/fileData/fileUri"),
                               "https://data.example.org/invoices/invoice2.png"));
    char *answer = fnd_json_strdup(fnd_json_find(line, "/contents/1/parts/0/text"));
    cr_assert_str_eq(answer, fnd_text_z(&human));
    struct fnd_json parsed = {answer, strlen(answer)};
    double quantity = 0, total = 0;
    cr_assert(fnd_json_number(fnd_json_find(parsed, "/line_items/0/quantity"), &quantity));
    cr_assert(fnd_json_number(fnd_json_find(parsed, "/line_items/0/total_cost"), &total));
    cr_assert(quantity == 10 && total == 150);
    struct fnd_json wood = fnd_json_find(parsed, "/line_items/1");
    cr_assert(wood.size == strlen(glue) && memcmp(wood.bytes, glue, wood.size) == 0);
    free(answer);
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    fnd_text_finish(&model);
    fnd_text_finish(&human);
    scene_end(&scene);
}

Test(export, text_jobs_put_their_content_into_a_part)
{
    static const struct {
        const char *value, *text;
    } cases[] = {
        {"{\"content\":\"hello \\\"you\\\"\\n\"}", "hello \"you\"\n"},
        {"{\"id\": \"7\", \"words\": [1.10]}", "{\"id\":\"7\",\"words\":[1.10]}"},
        {"\"bare\"", "bare"},
        {"{\"content\":{\"a\":1}}", "{\"content\":{\"a\":1}}"},
        {"12.50", "12.50"},
        /* what looks like a file's description inside a value is none */
        {"{\"sha256\":\"ab\",\"media_type\":\"image/png\"}",
         "{\"sha256\":\"ab\",\"media_type\":\"image/png\"}"},
    };
    const size_t count = sizeof cases / sizeof cases[0];
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0};
    scene_begin(&scene, 3);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    for (size_t i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "lines.jsonl#%zu", i);
        int64_t job = scene_value_job(&scene, pin, "invoice", path, cases[i].value);
        scene_model(&scene, job, "{\"a\":1}", NULL);
        scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{\"a\":1}");
    }
    struct fnd_export_options options = scene_options(&scene, "gemini");
    options.prompt = "Say it.";
    scene_export(&scene, &options, &result, FND_OK, NULL); /* needs no uri prefix */
    read_all(result.path, &text);
    cr_assert_eq(lines_count(&text), count);
    for (size_t i = 0; i < count; i++) {
        struct fnd_json line = line_at(&text, i + 1);
        char *content = fnd_json_strdup(fnd_json_find(line, "/contents/0/parts/0/text"));
        cr_assert_str_eq(content, cases[i].text);
        cr_assert(fnd_json_text_is(fnd_json_find(line, "/contents/0/parts/1/text"), "Say it."));
        free(content);
    }
    int64_t job = scene_value_job(&scene, pin, "invoice", "empty", "{\"content\":\"\"}");
    scene_model(&scene, job, "{}", NULL);
    int64_t record = scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{}");
    fnd_export_result_finish(&result);
    scene_export(&scene, &options, &result, FND_INVALID, NULL);
    cr_assert(scene_noted(&scene, record, "has no text"));
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    scene_end(&scene);
}

/** A record of each of three pipelines: with an entry, with none, and with several, some wrong. */
static void three_pipelines(struct scene *scene)
{
    int64_t pin = scene_pin(scene, "invoice", sft);
    int64_t bare = scene_pin(scene, "bare", "{}");
    int64_t twin = scene_pin(scene, "twin",
                             "{\"a\":{\"format\":\"gemini\",\"prompt\":\"p\"},"
                             "\"b\":{\"format\":\"gemini\",\"prompt\":\"q\"},"
                             "\"c\":{\"format\":\"foundry\",\"prompt\":\"${input.x}\"},"
                             "\"d\":{\"format\":\"bard\"}}");
    scene_record(scene, pin, "invoice", "1.png", 1);
    scene_record(scene, bare, "bare", "1.png", 1);
    scene_record(scene, twin, "twin", "1.png", 1);
}

/** Options, what they come to, and what is said. */
struct wrong {
    struct fnd_export_options options;
    enum fnd_status status;
    const char *part;
};

static void all_wrong(struct scene *scene, const struct wrong *cases, size_t count)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < count; i++) {
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        scene_export(scene, &cases[i].options, &result, cases[i].status, &error);
        cr_assert(strstr(error.message, cases[i].part) != NULL, "case %zu: \"%s\" is not in: %s", i,
                  cases[i].part, error.message);
        cr_assert_null(result.path);
        fnd_export_result_finish(&result);
    }
    cr_assert_not(is_there(scene_path(scene, "out/gemini.jsonl", path)));
    cr_assert_not(is_there(scene_path(scene, "out/gemini.jsonl.manifest.json", path)));
}

Test(export, wrong_options_are_refused_and_nothing_is_written)
{
    static const struct wrong cases[] = {
        {{.format = NULL}, FND_INVALID, "say what to export"},
        {{.format = "gemin"}, FND_INVALID, "did you mean `gemini`"},
        {{.format = "tfrecord"}, FND_INVALID, "known: foundry, gemini"},
        {{.format = "gemini", .pipeline = "invoice"}, FND_INVALID, "--uri-prefix"},
        {{.format = "gemini", .pipeline = "invoice", .skip_bad = true},
         FND_INVALID,
         "--uri-prefix"},
        {{.format = "gemini", .uri_prefix = ""}, FND_INVALID, "is empty"},
        {{.format = "gemini", .uri_prefix = "/data/invoices"}, FND_INVALID, "is a local path"},
        {{.format = "gemini", .uri_prefix = "invoices/"}, FND_INVALID, "is a local path"},
        {{.format = "gemini", .uri_prefix = "file:///data/"}, FND_INVALID, "is a local path"},
        {{.format = "gemini", .uri_prefix = "s3://bucket/"}, FND_INVALID, "has a scheme"},
        {{.format = "gemini", .uri_prefix = "gs://"}, FND_INVALID, "names no bucket"},
        {{.format = "gemini", .uri_prefix = "https://localhost:80/"}, FND_INVALID, "only this"},
        {{.format = "gemini", .uri_prefix = bucket, .pipeline = "nope"}, FND_NOT_FOUND, "nope"},
        {{.format = "gemini", .uri_prefix = bucket, .pipeline = "bare"}, FND_INVALID, "--prompt"},
        {{.format = "gemini", .uri_prefix = bucket, .pipeline = "twin"},
         FND_CONFLICT,
         "2 export entries of format gemini (a, b)"},
        {{.format = "gemini", .uri_prefix = bucket, .pipeline = "invoice", .name = "dpo"},
         FND_NOT_FOUND,
         "no entry `dpo` in its `export:`, but sft"},
        {{.format = "foundry", .pipeline = "twin", .name = "c"}, FND_INVALID, "only ${params"},
        {{.format = "foundry", .pipeline = "twin", .name = "a"},
         FND_INVALID,
         "is of format gemini"},
        {{.name = "d", .pipeline = "twin"}, FND_INVALID, "no export format `bard`"},
        {{.name = "sft", .since = 1000}, FND_NOT_FOUND, "no record fits"},
        {{.format = "foundry", .since = 9, .until = 8}, FND_INVALID, "from 9 to 8"},
        {{.format = "foundry", .since = -1}, FND_INVALID, "from -1"},
        {{.format = "foundry", .shares = {900, 50, 0}}, FND_INVALID, "make 950 thousandths"},
        {{.format = "foundry", .shares = {-1, 1000, 1}}, FND_INVALID, "is -1 thousandths"},
        {{.format = "gemini", .uri_prefix = bucket, .verdicts = 1U << FND_REJECTED},
         FND_INVALID,
         "`foundry` does"},
        {{.format = "foundry", .out = "/nonexistent/x.jsonl"}, FND_NOT_FOUND, "cannot open its"},
        {{.format = "foundry", .out = "/tmp"}, FND_INVALID, "it is a folder"},
        {{.format = "foundry", .out = "/tmp/"}, FND_INVALID, "names a folder"},
    };
    struct scene scene;
    scene_begin(&scene, 4);
    three_pipelines(&scene);
    all_wrong(&scene, cases, sizeof cases / sizeof cases[0]);
    scene_end(&scene);
}

Test(export, foundry_line_holds_the_record_whole)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    struct fnd_text text = {0}, expected = {0};
    scene_begin(&scene, 5);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    int64_t job = scene_job(&scene, pin, "invoice", "a.png", "image/png", 5, 1);
    scene_model(&scene, job, "{\"n\":9007199254740993,\"r\":1.10,\"gone\":null,\"l\":[1,2]}",
                "{\"confidence\":{\"/l/1\":0.5},\"origin\":{}}");
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected",
                 "{\"/gone\":{\"from\":null},\"/l/1\":{\"from\":2,\"confidence\":0.5},"
                 "\"/new\":{\"to\":1e2}}",
                 "{\"n\":9007199254740993,\"r\":1.10,\"l\":[1],\"new\":1e2}");
    struct fnd_export_options options = scene_options(&scene, "foundry");
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    struct fnd_json line = line_at(&text, 1);
    static const struct {
        const char *pointer, *json;
    } parts[] = {
        {"/model_output", "{\"n\":9007199254740993,\"r\":1.10,\"gone\":null,\"l\":[1,2]}"},
        {"/human_output", "{\"n\":9007199254740993,\"r\":1.10,\"l\":[1],\"new\":1e2}"},
        {"/verdict", "\"corrected\""},
        {"/fields",
         "{\"/gone\":{\"from\":null,\"confidence\":null,\"source\":\"human\"},\"/l/1\":{\"from\":2,"
         "\"confidence\":0.5,\"source\":\"human\"},\"/new\":{\"to\":1e2,\"confidence\":null,"
         "\"source\":\"human\"}}"},
        {"/tier", "\"gold\""},
        {"/provenance/path", "\"a.png\""},
        {"/provenance/phase", "\"review\""},
        {"/provenance/by", "\"ann\""},
        {"/provenance/seconds", "4.200"},
        {"/provenance/confidence", "{\"/l/1\":0.5}"},
        {"/provenance/plugins", "{\"invoice\":\"11\"}"},
        {"/provenance/asked/0/kind", "\"LOW_CONFIDENCE\""},
        {"/input/media_type", "\"image/png\""},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct fnd_json part = fnd_json_find(line, parts[i].pointer);
        cr_assert(part.bytes != NULL && part.size == strlen(parts[i].json) &&
                      memcmp(part.bytes, parts[i].json, part.size) == 0,
                  "%s is %.*s", parts[i].pointer, (int)part.size, part.bytes);
    }
    struct fnd_dataset_checked checked = {0};
    struct fnd_error error = {0};
    cr_assert_eq(fnd_dataset_validate(result.path, "foundry", NULL, NULL, &checked, &error), FND_OK,
                 "%s", error.message);
    cr_assert_eq(checked.lines, 1);
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    fnd_text_finish(&expected);
    scene_end(&scene);
}

Test(export, each_format_carries_the_records_it_should)
{
    struct scene scene;
    struct fnd_export_result result = {0};
    scene_begin(&scene, 6);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    scene_record(&scene, pin, "invoice", "corrected.png", 1);
    /* accepted: a confirmation is data */
    int64_t job = scene_job(&scene, pin, "invoice", "accepted.png", "image/png", 5, 1);
    scene_model(&scene, job, "{\"a\":1}", NULL);
    scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", "{\"a\":1}");
    /* rejected */
    job = scene_job(&scene, pin, "invoice", "rejected.png", "image/png", 5, 1);
    scene_model(&scene, job, "{\"a\":1}", NULL);
    scene_answer(&scene, job, scene_ask(&scene, job), "rejected", "{}", NULL);
    /* corrected twice: the later one stands */
    job = scene_job(&scene, pin, "invoice", "twice.png", "image/png", 5, 1);
    scene_model(&scene, job, "{\"a\":1}", NULL);
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected", "{\"/a\":{\"from\":1,\"to\":2}}",
                 "{\"a\":2}");
    scene_reopen(&scene, job);
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected", "{\"/a\":{\"from\":1,\"to\":3}}",
                 "{\"a\":3}");
    /* corrected, then rejected: nothing stands */
    job = scene_job(&scene, pin, "invoice", "doubt.png", "image/png", 5, 1);
    scene_model(&scene, job, "{\"a\":1}", NULL);
    scene_answer(&scene, job, scene_ask(&scene, job), "corrected", "{\"/a\":{\"from\":1,\"to\":2}}",
                 "{\"a\":2}");
    scene_reopen(&scene, job);
    scene_answer(&scene, job, scene_ask(&scene, job), "rejected", "{}", NULL);
    /* its file was replaced */
    scene_record(&scene, pin, "invoice", "old.png", 2);
    scene_job(&scene, pin, "invoice", "old.png", "image/png", 5, 2);
    /* a phase's own question */
    job = scene_job(&scene, pin, "invoice", "asks.png", "image/png", 5, 1);
    scene_plain_answer(&scene, job, scene_ask(&scene, job), "{\"supplier\":\"A\"}");

    struct fnd_export_options options = scene_options(&scene, "gemini");
    struct fnd_text text = {0};
    options.uri_prefix = bucket;
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    cr_assert_eq(result.records, 9);
    cr_assert_eq(result.lines, 3);
    cr_assert_eq(result.left_out[FND_LEFT_REJECTED], 2);
    cr_assert_eq(result.left_out[FND_LEFT_REPLACED], 2);
    cr_assert_eq(result.left_out[FND_LEFT_OUTDATED], 1);
    cr_assert_eq(result.left_out[FND_LEFT_ANSWERS], 1);
    cr_assert_eq(result.left_out[FND_LEFT_FILTERED], 0);
    cr_assert(strstr(fnd_text_z(&text), "corrected.png") < strstr(fnd_text_z(&text), "twice.png"));
    cr_assert_not_null(strstr(fnd_text_z(&text), "{\\\"a\\\":3}"));
    cr_assert_null(strstr(fnd_text_z(&text), "{\\\"a\\\":2}"));
    fnd_export_result_finish(&result);

    options = scene_options(&scene, "foundry");
    scene_export(&scene, &options, &result, FND_OK, NULL);
    read_all(result.path, &text);
    cr_assert_eq(result.lines, 9);
    int64_t before = 0;
    for (size_t i = 1; i <= 9; i++) {
        int64_t number = 0;
        cr_assert(
            fnd_json_integer(fnd_json_find(line_at(&text, i), "/provenance/record"), &number));
        cr_assert_gt(number, before);
        before = number;
    }
    fnd_export_result_finish(&result);
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(export, filters_narrow_the_range)
{
    struct scene scene;
    int64_t numbers[6];
    scene_begin(&scene, 7);
    int64_t pin = scene_pin(&scene, "invoice", sft);
    int64_t other = scene_pin(&scene, "other", "{}");
    for (int i = 0; i < 5; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.png", i);
        numbers[i] = scene_record(&scene, pin, "invoice", path, i);
    }
    numbers[5] = scene_record(&scene, other, "other", "0.png", 9);
    const struct {
        struct fnd_export_options options;
        size_t lines;
    } cases[] = {
        {{.format = "foundry"}, 6},
        {{.format = "foundry", .since = numbers[2]}, 4},
        {{.format = "foundry", .until = numbers[2]}, 3},
        {{.format = "foundry", .since = numbers[1], .until = numbers[1]}, 1},
        {{.format = "foundry", .since = numbers[5] + 1}, 0},
        {{.format = "foundry", .pipeline = "other"}, 1},
        {{.format = "foundry", .of = "review"}, 6},
        {{.format = "foundry", .of = "extract"}, 0},
        {{.format = "foundry", .verdicts = 1U << FND_ACCEPTED}, 0},
        {{.format = "foundry", .verdicts = 1U << FND_CORRECTED}, 6},
        {{.format = "foundry", .tiers = 1U << FND_TIER_SILVER}, 0},
        {{.format = "foundry", .split = FND_SPLIT_TEST, .shares = {0, 0, 1000}}, 6},
        {{.format = "foundry", .split = FND_SPLIT_TRAIN, .shares = {0, 0, 1000}}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_export_result result = {0};
        scene_export(&scene, &cases[i].options, &result, FND_OK, NULL);
        cr_assert_eq(result.lines, cases[i].lines, "case %zu has %zu lines", i, result.lines);
        size_t left = 0;
        for (int j = 0; j < FND_LEFT_COUNT; j++) {
            left += result.left_out[j];
        }
        cr_assert_eq(result.records, result.lines + left, "case %zu", i);
        fnd_export_result_finish(&result);
    }
    scene_end(&scene);
}

struct heard {
    size_t calls, last;
    bool in_order;
};

static void hear(void *context, size_t lines)
{
    struct heard *heard = context;
    heard->in_order = heard->in_order && lines == heard->last + 1;
    heard->last = lines;
    heard->calls++;
}

Test(export, progress_is_told_line_by_line_of_what_is_written)
{
    static const char *const formats[] = {"foundry", "gemini", "alpaca", "coco", "yolo"};
    enum { RECORDS = 7, BAD = 2 };
    struct scene scene;
    char path[32];
    scene_begin(&scene, 14);
    int64_t pin = scene_pin(&scene, "poles",
                            "{\"p\":{\"format\":\"gemini\",\"of\":\"review\","
                            "\"prompt\":\"Boxes.\"}}");
    for (int i = 0; i < RECORDS; i++) {
        uint8_t png[PNG_SIZE];
        png_make(png, 2, 128, (uint8_t)(100 + i));
        snprintf(path, sizeof path, "%d.png", i);
        int64_t job = scene_file_job(&scene, pin, "poles", path, "image/png", png, sizeof png);
        const char *document = i < BAD ? "{\"boxes\":7}" : "{\"boxes\":[]}";
        scene_model(&scene, job, document, NULL);
        scene_answer(&scene, job, scene_ask(&scene, job), "accepted", "{}", document);
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct fnd_export_result result = {0};
        struct fnd_error error = {0};
        struct heard heard = {.in_order = true};
        /* Boxes that are none are bad records of the formats of boxes only. */
        const size_t wanted = i < 3 ? RECORDS : RECORDS - BAD;
        const struct fnd_export_options options = {.format = formats[i],
                                                   .prompt = "Boxes.",
                                                   .uri_prefix = i == 4 ? NULL : bucket,
                                                   .skip_bad = true,
                                                   .progress = hear,
                                                   .context = &heard};
        cr_assert_eq(fnd_dataset_export(scene.reader, NULL, &options, &result, &error), FND_OK,
                     "%s: %s", formats[i], error.message);
        cr_assert_eq(result.lines, wanted, "%s: %zu", formats[i], result.lines);
        cr_assert(heard.in_order && heard.calls == wanted && heard.last == wanted,
                  "%s: %zu calls, the last with %zu", formats[i], heard.calls, heard.last);
        fnd_export_result_finish(&result);
    }
    scene_end(&scene);
}
