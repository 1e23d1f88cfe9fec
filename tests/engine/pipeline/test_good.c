/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const char whole[] =
    "foundry: v1\n"
    "name: invoice-ocr\n"
    "summary: Reads invoices\n"
    "inputs: {match: [\"*.png\", \"scans/*.tif\"], keep: reference}\n"
    "params:\n"
    "  threshold: {type: number, default: 0.90, min: 0, max: 1, summary: below it asks}\n"
    "  lang: {type: string, default: deu, enum: [eng, deu]}\n"
    "  deep: {type: boolean, default: false}\n"
    "defaults: {timeout: 90s, retry: {max: 5, backoff: 250ms, when: [timeout]}}\n"
    "phases:\n"
    "  - id: ocr\n"
    "    uses: demo/upper\n"
    "    with: {text: \"${input.file}\", lang: \"${params.lang}\", list: [a, \"${run.job}\"]}\n"
    "    timeout: 2m\n"
    "    isolation: inline\n"
    "  - id: extract\n"
    "    uses: demo/any\n"
    "    with: {words: \"${ocr.words}\", limit: \"${params.threshold}\", deep: "
    "\"${params.deep}\",\n"
    "           say: \"at ${params.threshold} of ${input.name}\", price: \"$${5}\", big: 1.10}\n"
    "    retry: {max: 0}\n"
    "  - id: review\n"
    "    uses: foundry/gate\n"
    "    with:\n"
    "      of: extract\n"
    "      rate: \"${params.threshold}\"\n"
    "      schema: shape.json\n"
    "      detectors:\n"
    "        - {uses: demo/doubt, with: {below: \"${params.threshold}\", hint: \"${ocr.text}\"}}\n"
    "        - {uses: demo/files}\n"
    "    grant: {write: out/review}\n"
    "  - id: deliver\n"
    "    uses: demo/save\n"
    "    with: {json: \"${review}\"}\n"
    "    grant: {write: out/}\n"
    "  - {id: model, uses: demo/model, grant: {read: [/opt/models/]}}\n"
    "export:\n"
    "  sft: {format: gemini, prompt: \"At ${params.threshold}\", of: review, limit: 5}\n"
    "  raw: {format: foundry}\n";

Test(test_good, a_whole_file_is_read)
{
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", "{\"type\":\"object\"}");
    struct fnd_pipeline *pipeline = fixture_good(fixture, whole);
    cr_assert_str_eq(pipeline->name, "invoice-ocr");
    cr_assert_eq(pipeline->phases_count, 5);
    cr_assert_str_eq(pipeline->match[0], "*.png");
    cr_assert_str_eq(pipeline->match[1], "scans/*.tif");
    cr_assert_null(pipeline->match[2]);
    cr_assert(pipeline->keep_reference);
    cr_assert_eq(pipeline->params_count, 3);
    cr_assert_str_eq(pipeline->params[0].value, "0.90");
    cr_assert_str_eq(pipeline->params[0].summary, "below it asks");
    cr_assert_str_eq(pipeline->params[1].value, "\"deu\"");
    cr_assert_eq(pipeline->exports_count, 2);
    cr_assert_str_eq(pipeline->exports[0].name, "sft");
    cr_assert_str_eq(pipeline->exports[0].format, "gemini");
    cr_assert_eq(pipeline->exports[0].of, 2);
    cr_assert_str_eq(
        pipeline->exports[0].json,
        "{\"format\":\"gemini\",\"prompt\":\"At 0.90\",\"of\":\"review\",\"limit\":5}");
    cr_assert_eq(pipeline->exports[1].of, -1);
    cr_assert_eq(fnd_pipeline_phase(pipeline, "review"), &pipeline->phases[2]);
    cr_assert_null(fnd_pipeline_phase(pipeline, "nobody"));
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_good, a_phase_says_how_it_is_run)
{
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", "{}");
    struct fnd_pipeline *pipeline = fixture_good(fixture, whole);
    const struct fnd_phase *ocr = &pipeline->phases[0], *extract = &pipeline->phases[1];
    const struct fnd_phase *review = &pipeline->phases[2], *deliver = &pipeline->phases[3];
    cr_assert_eq(ocr->timeout_ms, 120000);
    cr_assert_eq(ocr->isolation, FND_ISOLATION_INLINE);
    cr_assert_eq(ocr->bound.callee.isolation, FND_ISOLATION_INLINE);
    cr_assert_eq(ocr->retry.max, 5);
    cr_assert_eq(ocr->retry.backoff_ms, 250);
    cr_assert_eq(ocr->retry.when, FND_RETRY_TIMEOUT);
    cr_assert_eq(ocr->reads, 0);
    cr_assert_eq(ocr->subject, -1);
    cr_assert_eq(ocr->kind, fnd_kind_plugin());
    cr_assert_str_eq(ocr->bound.callee.plugin, "demo");
    cr_assert_str_eq(ocr->bound.callee.name, "upper");
    cr_assert_eq(ocr->bound.callee.fd, 99);
    cr_assert_eq(ocr->bound.callee.hash[0], 0xd0);
    cr_assert_eq(extract->timeout_ms, 90000);
    cr_assert_eq(extract->isolation, FND_ISOLATION_PROCESS);
    cr_assert_eq(extract->retry.max, 0);
    cr_assert_eq(extract->retry.backoff_ms, 250, "what a phase does not say stands");
    cr_assert_eq(extract->reads, 1);
    cr_assert_eq(review->subject, 1);
    cr_assert_eq(review->reads, 3, "its subject, and what a detector's config reads");
    cr_assert(review->repeatable);
    cr_assert_eq(deliver->reads, 4);
    cr_assert(!deliver->repeatable);
    cr_assert_str_eq(deliver->bound.callee.grant_write, "/jobs/out");
    cr_assert_null(ocr->bound.callee.grant_write);
    cr_assert_eq(deliver->bound.callee.grant_base, strlen("/jobs"));
    cr_assert_null(ocr->bound.callee.reads);
    const char *const *reads = pipeline->phases[4].bound.callee.reads;
    cr_assert_str_eq(reads[0], "/opt/models/a", "what it declares, not all that is granted");
    cr_assert_str_eq(reads[1], "/usr/share/words", "given to whoever declares it");
    cr_assert_null(reads[2]);
    cr_assert_eq(deliver->bound.line, 32);
    cr_assert_eq(deliver->line, 31);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_good, what_a_file_does_not_say_has_a_default)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = fixture_good(fixture, ONE);
    const struct fnd_phase *phase = &pipeline->phases[0];
    cr_assert_null(pipeline->match);
    cr_assert(!pipeline->keep_reference);
    cr_assert_eq(phase->timeout_ms, 60000);
    cr_assert_eq(phase->retry.max, 2);
    cr_assert_eq(phase->retry.backoff_ms, 1000);
    cr_assert_eq(phase->retry.when, FND_RETRY_TRANSIENT | FND_RETRY_TIMEOUT | FND_RETRY_CRASH);
    cr_assert_str_eq(phase->bound.with.json, "{}");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_good, params_and_defaults_are_in_the_template)
{
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", "{}");
    struct fnd_pipeline *pipeline = fixture_good(fixture, whole);
    cr_assert_str_eq(pipeline->phases[0].bound.with.json,
                     "{\"lang\":\"deu\",\"list\":[\"a\",\"${run.job}\"],\"options\":{\"deep\":"
                     "false},\"text\":\"${input.file}\"}");
    cr_assert_eq(pipeline->phases[0].bound.with.holes_count, 2);
    cr_assert_str_eq(pipeline->phases[1].bound.with.json,
                     "{\"big\":1.10,\"deep\":false,\"limit\":0.90,\"price\":\"${5}\","
                     "\"say\":\"at ${params.threshold} of ${input.name}\","
                     "\"words\":\"${ocr.words}\"}");
    const struct gate *gate = pipeline->phases[2].prepared;
    cr_assert_str_eq(gate->constant, "0.90");
    cr_assert_str_eq(gate->file, "{}");
    cr_assert_eq(gate->detectors_count, 2);
    cr_assert_str_eq(gate->detectors[0].with.json, "{\"below\":0.90,\"hint\":\"${ocr.text}\"}");
    cr_assert_eq(gate->detectors[0].callee.kind, FND_CALLEE_DETECTOR);
    cr_assert_str_eq(gate->detectors[1].callee.grant_write, "/jobs/out/review");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_good, isolation_is_what_the_phase_says_or_the_defaults_or_the_command)
{
    static const struct {
        const char *defaults, *phase;
        enum fnd_isolation isolation;
    } rows[] = {
        {"", "", FND_ISOLATION_SANDBOX},
        {"", "    isolation: process\n", FND_ISOLATION_PROCESS},
        {"", "    isolation: inline\n", FND_ISOLATION_INLINE},
        {"", "    isolation: best-effort\n", FND_ISOLATION_BEST_EFFORT},
        {"defaults: {isolation: process}\n", "", FND_ISOLATION_PROCESS},
        {"defaults: {isolation: process}\n", "    isolation: sandbox\n", FND_ISOLATION_SANDBOX},
    };
    struct fixture *fixture = fixture_create();
    fixture->options.isolation = FND_ISOLATION_SANDBOX;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_text yaml = {0};
        fnd_text_printf(&yaml, HEAD "%sphases:\n  - id: a\n    uses: demo/plain\n%s",
                        rows[i].defaults, rows[i].phase);
        struct fnd_pipeline *pipeline = fixture_good(fixture, fnd_text_z(&yaml));
        cr_expect_eq(pipeline->phases[0].bound.callee.isolation, rows[i].isolation, "row %zu", i);
        fnd_pipeline_destroy(pipeline);
        fnd_text_finish(&yaml);
    }
    fixture_destroy(fixture);
}

Test(test_good, a_result_has_the_room_that_the_phase_gives_or_the_defaults)
{
    static const struct {
        const char *defaults, *phase;
        uint64_t bytes;
    } rows[] = {
        {"", "", 64 << 20},
        {"", "    result_max: 1MiB\n", 1 << 20},
        {"defaults: {result_max: 640MiB}\n", "", 640 << 20},
        {"defaults: {result_max: 640MiB}\n", "    result_max: 64KiB\n", 64 << 10},
    };
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_text yaml = {0};
        fnd_text_printf(&yaml, HEAD "%sphases:\n  - id: a\n    uses: demo/plain\n%s",
                        rows[i].defaults, rows[i].phase);
        struct fnd_pipeline *pipeline = fixture_good(fixture, fnd_text_z(&yaml));
        cr_expect_eq(pipeline->phases[0].bound.callee.limits.result_bytes, rows[i].bytes, "row %zu",
                     i);
        fnd_pipeline_destroy(pipeline);
        fnd_text_finish(&yaml);
    }
    fixture_destroy(fixture);
}

Test(test_good, a_plugin_can_be_a_file_beside_the_pipeline)
{
    struct fixture *fixture = fixture_create();
    struct fnd_text expected = {0};
    fixture->options.folder_out = NULL;
    struct fnd_pipeline *pipeline = fixture_good(
        fixture, HEAD "phases:\n  - {id: a, uses: './local.so#save', grant: {write: out}}\n");
    fnd_text_printf(&expected, "%s/local.so", fixture->folder);
    cr_assert_str_eq(fixture->last_path, fnd_text_z(&expected));
    cr_assert_null(pipeline->phases[0].bound.callee.grant_write, "there is no job directory yet");
    cr_assert_not_null(strstr(pipeline->pin, "\"plugins\":{\"./local.so\":{\"abi\":\"0.1\","));
    fnd_pipeline_destroy(pipeline);
    pipeline = fixture_good(fixture, HEAD "phases:\n  - {id: a, uses: '/x/local.so#plain'}\n");
    cr_assert_str_eq(fixture->last_path, "/x/local.so");
    fnd_pipeline_destroy(pipeline);
    fnd_text_finish(&expected);
    fixture_destroy(fixture);
}

/* --- -p -------------------------------------------------------------------------------------- */

#define PARAMS                                                                                     \
    ONE "params:\n  level: {type: number, default: 0.5, min: 0, max: 1}\n"                         \
        "  count: {type: integer, default: 3}\n  name: {type: string, default: x}\n"               \
        "  fast: {type: boolean, default: false}\n  pick: {type: string, default: a, enum: [a, "   \
        "b]}\n"

Test(test_good, a_setting_replaces_a_default)
{
    static const struct {
        const char *setting;
        size_t param;
        const char *value;
    } rows[] = {
        {"level=0.10", 0, "0.10"},
        {"level=1e-1", 0, "1e-1"},
        {"count=9007199254740993", 1, "9007199254740993"},
        {"name=a=b \"c\"", 2, "\"a=b \\\"c\\\"\""},
        {"name=", 2, "\"\""},
        {"name=${input.file}", 2, "\"${input.file}\""},
        {"fast=true", 3, "true"},
        {"pick=b", 4, "\"b\""},
    };
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *settings[] = {rows[i].setting, NULL};
        fixture->options.settings = settings;
        struct fnd_pipeline *pipeline = fixture_good(fixture, PARAMS);
        cr_expect_str_eq(pipeline->params[rows[i].param].value, rows[i].value);
        fnd_pipeline_destroy(pipeline);
    }
    fixture_destroy(fixture);
}

Test(test_good, a_wrong_setting_is_refused)
{
    static const struct {
        const char *setting, *code, *part;
    } rows[] = {
        {"levle=0.1", "unknown_param", "did you mean `level`?"},
        {"zebra=0.1", "unknown_param", "it has level, count"},
        {"level", "invalid_value", "key=value"},
        {"=1", "invalid_value", "key=value"},
        {"level=high", "wrong_type", "must be a number"},
        {"level=", "wrong_type", "must be a number"},
        {"level=1.5", "invalid_value", "must be at most 1"},
        {"level=-0.1", "invalid_value", "must be at least 0"},
        {"count=1.5", "wrong_type", "must be an integer"},
        {"fast=yes", "wrong_type", "true or false"},
        {"pick=c", "invalid_value", "must be one of a, b"},
        {"name=\xff", "wrong_type", "UTF-8"},
    };
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *settings[] = {rows[i].setting, NULL};
        fixture->options.settings = settings;
        cr_expect_null(fixture_load(fixture, PARAMS), "%s", rows[i].setting);
        const char *message = fixture_message(fixture, rows[i].code);
        cr_expect_not_null(strstr(message, rows[i].part), "%s: `%s`", rows[i].setting, message);
        cr_expect_str_eq(fixture->errors.list[0].file, "-p");
    }
    fixture_destroy(fixture);
}

Test(test_good, a_parameter_without_default_takes_a_setting)
{
    struct fixture *fixture = fixture_create();
    const char *settings[] = {"x=1", "x=2", NULL};
    fixture->options.settings = settings;
    struct fnd_pipeline *pipeline =
        fixture_good(fixture, ONE "    with: {n: '${params.x}', s: 'n${params.x}'}\n"
                                  "params: {x: {type: integer}}\n");
    cr_assert_str_eq(pipeline->phases[0].bound.with.json, "{\"n\":2,\"s\":\"n2\"}",
                     "the last one holds");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

/* --- match ----------------------------------------------------------------------------------- */

Test(test_good, globs_choose_the_inputs)
{
    static const struct {
        const char *path;
        bool matches;
    } rows[] = {
        {"a.png", true},
        {"sub/a.png", true},
        {"deep/er/a.png", true},
        {"a.PNG", false},
        {"a.png.txt", false},
        {"scans/b.tif", true},
        {"scans/more/b.tif", false},
        {"other/scans/b.tif", false},
        {"b.tif", false},
        {"x1.jpg", true},
        {"x12.jpg", false},
    };
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline =
        fixture_good(fixture, ONE "inputs: {match: ['*.png', 'scans/*.tif', 'x[0-9].jpg']}\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(fnd_pipeline_matches(pipeline, rows[i].path), rows[i].matches, "%s",
                     rows[i].path);
    }
    fnd_pipeline_destroy(pipeline);
    pipeline = fixture_good(fixture, ONE);
    cr_expect(fnd_pipeline_matches(pipeline, "any/thing"), "without `match`, every file");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

/* --- hostile files --------------------------------------------------------------------------- */

Test(test_good, a_file_cut_anywhere_is_read_or_refused)
{
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", "{}");
    size_t read = 0, refused = 0;
    for (size_t size = 0; size < sizeof whole; size++) {
        char *part = fnd_strndup(whole, size);
        struct fnd_pipeline *pipeline = fixture_load(fixture, part);
        read += pipeline != NULL ? 1 : 0;
        refused += pipeline == NULL ? 1 : 0;
        fnd_pipeline_destroy(pipeline);
        free(part);
    }
    cr_expect_gt(read, 0);
    cr_expect_gt(refused, read);
    fixture_destroy(fixture);
}

Test(test_good, a_file_with_any_byte_changed_is_read_or_refused)
{
    static const char bytes[] = "\"'${}[]:.-#\n \\~/0aZ\xff";
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", "{}");
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        char *changed = fnd_strdup(whole);
        changed[i] = bytes[(i * 7 + i / 19) % (sizeof bytes - 1)];
        struct fnd_pipeline *pipeline = fixture_load(fixture, changed);
        if (pipeline != NULL) {
            struct fnd_pipeline *again = fixture_load_pin(fixture, pipeline->pin);
            cr_expect_not_null(again, "byte %zu: a pin that does not load: %s", i,
                               fixture->errors.list[0].message);
            cr_expect(again == NULL || strcmp(again->pin, pipeline->pin) == 0);
            fnd_pipeline_destroy(again);
        }
        fnd_pipeline_destroy(pipeline);
        free(changed);
    }
    fixture_destroy(fixture);
}

Test(test_good, a_hook_keeps_who_is_told_of_what)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = fixture_good(
        fixture, ONE "notify:\n  - {url: https://a/b, on: [asked, held], secret: '${secrets.A}'}\n"
                     "  - {url: 'http://[::1]:1/', on: [failed], allow_private: true}\n"
                     "  - {url: http://a, on: [failed], allow_private: false}\n");
    cr_assert_eq(pipeline->hooks_count, 3);
    cr_expect_str_eq(pipeline->hooks[0].url, "https://a/b");
    cr_expect_str_eq(pipeline->hooks[0].secret, "A");
    cr_expect_eq(pipeline->hooks[0].on, FND_HOOK_ASKED | FND_HOOK_HELD);
    cr_expect_not(pipeline->hooks[0].allow_private);
    cr_expect(pipeline->hooks[1].allow_private);
    cr_expect_not(pipeline->hooks[2].allow_private);
    cr_expect_str_eq(fnd_hook_event_name(FND_HOOK_HELD), "held");
    cr_expect_null(fnd_hook_event_name(1U << 20), "no act of that number");
    cr_expect_null(fnd_hook_event_name(FND_HOOK_HELD | FND_HOOK_ASKED), "nor of two");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_good, a_member_of_any_name_is_read_by_brackets)
{
    struct fixture *fixture = fixture_create();
    struct fnd_error error = {0};
    struct fnd_pipeline *pipeline =
        fixture_good(fixture, HEAD "phases:\n  - id: a\n    uses: demo/any\n    with:\n"
                                   "      a: '${input[\"a b\"]}'\n      b: '${input[\"q\\\"q\"]}'\n"
                                   "      c: '${input[\"x/y~z\"][1]}'\n");
    char *config = fixture_resolve(&pipeline->phases[0].bound,
                                   "{\"input\":{\"a b\":1,\"q\\\"q\":2,\"x/y~z\":[3,4]}}", &error);
    cr_assert_not_null(config, "%s", error.message);
    cr_expect_str_eq(config, "{\"a\":1,\"b\":2,\"c\":4}");
    free(config);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(good, a_path_tells_its_batch)
{
    static const struct {
        const char *path, *batch;
    } rows[] = {
        {"a.png", ""},
        {"monday/a.png", "monday"},
        {"x/y/a.png", "x/y"},
        {"x/lines.jsonl#1/2", "x/lines.jsonl"},
        {"api/0123456789abcdef0123456789abcdef/a.png", "api"},
        {"api/fedcba9876543210fedcba9876543210/a.png", "api"},
        {"api/0123456789abcdef/a.png", "api/0123456789abcdef"},
        {"api/0123456789abcdef0123456789abcdefa/a.png", "api/0123456789abcdef0123456789abcdefa"},
        {"api/monday/a.png", "api/monday"},
        {"api/a.png", "api"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = fnd_path_batch(rows[i].path);
        cr_expect(size == strlen(rows[i].batch) && memcmp(rows[i].path, rows[i].batch, size) == 0,
                  "%s is of %.*s", rows[i].path, (int)size, rows[i].path);
    }
}
