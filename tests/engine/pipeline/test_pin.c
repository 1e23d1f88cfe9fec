/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static const char base[] =
    "foundry: v1\n"
    "name: base\n"
    "params:\n"
    "  t: {type: number, default: 0.90}\n"
    "  s: {type: string, default: \"x \\\"\\u00e9\\t\"}\n"
    "phases:\n"
    "  - id: ocr\n"
    "    uses: demo/upper\n"
    "    with: {text: \"${input.file}\", key: \"${secrets.KEY}\"}\n"
    "  - id: review\n"
    "    uses: foundry/gate\n"
    "    with: {of: ocr, rate: 2%, schema: shape.json,\n"
    "           detectors: [{uses: demo/doubt, with: {below: \"${params.t}\"}}]}\n"
    "  - {id: local, uses: './local.so#any', with: {z: 1, a: [1.10, \"${review.text}\", "
    "\"$${x}\"]}}\n"
    "export: {sft: {format: gemini, of: review, prompt: \"${params.s}\"}}\n";

static const char shape[] = "{\"type\": \"object\"}\n";

Test(test_pin, a_pin_loads_into_itself)
{
    struct fixture *fixture = fixture_create();
    const char *settings[] = {"t=0.80", NULL}, *others[] = {"t=0.10", "nonsense", NULL};
    fixture_write(fixture, "shape.json", shape);
    fixture->options.settings = settings;
    struct fnd_pipeline *first = fixture_good(fixture, base);
    fixture_write(fixture, "shape.json", "something else");
    fixture->options.settings = others; /* a pin knows its own */
    struct fnd_pipeline *second = fixture_load_pin(fixture, first->pin);
    cr_assert_not_null(second, "%s",
                       fixture->errors.count > 0 ? fixture->errors.list[0].message : "");
    cr_assert_str_eq(first->pin, second->pin);
    cr_assert_arr_eq(first->pin_hash, second->pin_hash, FND_DIGEST_SIZE);
    cr_assert_str_eq(first->canonical, second->canonical);
    cr_assert_str_eq(second->file, "pin of base");
    cr_assert_str_eq(second->params[1].value, "0.80", "a pin keeps its keys sorted");
    cr_assert_eq(first->phases_count, second->phases_count);
    for (size_t i = 0; i < first->phases_count; i++) {
        const struct fnd_phase *a = &first->phases[i], *b = &second->phases[i];
        cr_assert_str_eq(a->id, b->id);
        cr_assert_str_eq(a->bound.with.json, b->bound.with.json);
        cr_assert_eq(a->bound.with.holes_count, b->bound.with.holes_count);
        cr_assert_eq(a->reads, b->reads);
        cr_assert_eq(a->subject, b->subject);
        cr_assert_eq(a->timeout_ms, b->timeout_ms);
    }
    const struct gate *a = first->phases[1].prepared, *b = second->phases[1].prepared;
    cr_assert_str_eq(a->file, b->file);
    cr_assert_str_eq(a->detectors[0].with.json, b->detectors[0].with.json);
    fnd_pipeline_destroy(first);
    fnd_pipeline_destroy(second);
    fixture_destroy(fixture);
}

Test(test_pin, a_pin_is_canonical_and_hashed)
{
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", shape);
    struct fnd_pipeline *pipeline = fixture_good(fixture, base);
    struct fnd_json pin = {0};
    struct fnd_text canonical = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    cr_assert_eq(fnd_json_check(pipeline->pin, strlen(pipeline->pin), NULL, &pin, NULL), FND_OK);
    fnd_json_canonical(pin, &canonical);
    cr_assert_str_eq(fnd_text_z(&canonical), pipeline->pin);
    fnd_sha256(pipeline->pin, strlen(pipeline->pin), hash);
    cr_assert_arr_eq(hash, pipeline->pin_hash, FND_DIGEST_SIZE);
    cr_assert_eq(fnd_json_count(pin), 6);
    cr_assert(fnd_json_text_is(fnd_json_find(pin, "/files/shape.json"), shape));
    cr_assert(fnd_json_text_is(fnd_json_find(pin, "/plugins/demo/version"), "1.2.0"));
    cr_assert(fnd_json_text_is(fnd_json_find(pin, "/plugins/.~1local.so/abi"), "0.1"));
    cr_assert_eq(fnd_json_find(pin, "/params/t").size, 4);
    fnd_text_finish(&canonical);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_pin, what_means_the_same_pins_the_same)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *a = fixture_good(
        fixture, HEAD "phases:\n  - {id: a, uses: demo/any, with: {x: 1.10, y: [yes, 0x1F]}}\n");
    struct fnd_pipeline *b = fixture_good(
        fixture, "# a comment\nname: \"t\"\nfoundry: v1\n\nphases:\n  - uses: demo/any\n    id: a\n"
                 "    with:\n      y:\n        - \"yes\"\n        - 31\n      x: 1.10\n");
    struct fnd_pipeline *c = fixture_good(
        fixture, HEAD "phases:\n  - {id: a, uses: demo/any, with: {x: 1.1, y: [yes, 31]}}\n");
    cr_assert_str_eq(a->pin, b->pin);
    cr_assert_str_neq(a->pin, c->pin, "1.10 is not 1.1 to whoever wrote it");
    fnd_pipeline_destroy(a);
    fnd_pipeline_destroy(b);
    fnd_pipeline_destroy(c);
    fixture_destroy(fixture);
}

/* The pin of `base` with the value at `pointer` replaced, or removed (NULL). */
static char *pin_with(const char *pin, const char *pointer, const char *value)
{
    struct fnd_text changed = {0};
    struct fnd_error error = {0};
    const struct fnd_json document = {pin, strlen(pin)};
    const struct fnd_json new = {value, value != NULL ? strlen(value) : 0};
    cr_assert_eq(value != NULL ? fnd_json_set(document, pointer, new, &changed, &error)
                               : fnd_json_remove(document, pointer, &changed, &error),
                 FND_OK, "%s: %s", pointer, error.message);
    return fnd_text_take(&changed);
}

Test(test_pin, a_damaged_pin_is_refused)
{
    static const struct {
        const char *pointer, *value, *code;
    } rows[] = {
        {"/canonical", NULL, "damaged_pin"},
        {"/canonical", "[]", "damaged_pin"},
        {"/files", NULL, "damaged_pin"},
        {"/params", "7", "damaged_pin"},
        {"/plugins", NULL, "damaged_pin"},
        {"/name", "1", "damaged_pin"},
        {"/foundry", "\"v2\"", "damaged_pin"},
        {"/params/t", NULL, "damaged_pin"},
        {"/params/t", "\"high\"", "damaged_pin"},
        {"/files/shape.json", NULL, "damaged_pin"},
        {"/files/shape.json", "7", "damaged_pin"},
        {"/plugins/demo", NULL, "damaged_pin"},
        {"/plugins/demo/sha256", "\"abc\"", "damaged_pin"},
        {"/canonical/name", "5", "wrong_type"},
        {"/canonical/colour", "5", "unknown_key"},
    };
    struct fixture *fixture = fixture_create();
    fixture_write(fixture, "shape.json", shape);
    struct fnd_pipeline *pipeline = fixture_good(fixture, base);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *pin = pin_with(pipeline->pin, rows[i].pointer, rows[i].value);
        cr_expect_null(fixture_load_pin(fixture, pin), "row %zu", i);
        cr_expect_str_eq(fixture->errors.list[0].code, rows[i].code, "row %zu: %s", i,
                         fixture->errors.list[0].message);
        cr_expect_eq(fixture->status,
                     strcmp(rows[i].code, "damaged_pin") == 0 ? FND_DAMAGED : FND_INVALID,
                     "row %zu", i);
        free(pin);
    }
    cr_expect_null(fixture_load_pin(fixture, "{\"canonical\":"));
    cr_expect_str_eq(fixture->errors.list[0].code, "damaged_pin");
    cr_expect_null(fixture_load_pin(fixture, "[]"));
    cr_expect_str_eq(fixture->errors.list[0].code, "damaged_pin");
    cr_expect_eq(fixture->status, FND_DAMAGED);
    fixture->gone = true;
    cr_expect_null(fixture_load_pin(fixture, pipeline->pin));
    cr_expect_str_eq(fixture->errors.list[0].code, "missing_plugin");
    cr_expect_eq(fixture->status, FND_NOT_FOUND);
    fixture->gone = false;
    fixture->tampered = true;
    memset(fixture->demo->hash, 0xee, FND_DIGEST_SIZE);
    cr_expect_null(fixture_load_pin(fixture, pipeline->pin));
    cr_expect_str_eq(fixture->errors.list[0].code, "bad_plugin");
    cr_expect_eq(fixture->status, FND_DAMAGED);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_pin, a_named_file_must_be_text_of_bounded_size)
{
    struct fixture *fixture = fixture_create();
    char path[128];
    static const struct {
        const char *text;
        size_t repeat;
        bool fine;
    } rows[] = {{"{}", 1, true}, {"\xff", 1, false}, {"0123456789abcdef", 65537, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_text text = {0};
        for (size_t j = 0; j < rows[i].repeat; j++) {
            fnd_text_append_z(&text, rows[i].text);
        }
        fixture_write(fixture, "bad.json", fnd_text_z(&text));
        fnd_text_finish(&text);
        struct fnd_pipeline *pipeline =
            fixture_load(fixture, ONE "  - {id: r, uses: foundry/gate, with: {of: a, schema: "
                                      "bad.json}}\n");
        cr_expect_eq(pipeline != NULL, rows[i].fine, "row %zu", i);
        cr_expect(pipeline != NULL || strcmp(fixture->errors.list[0].code, "bad_file") == 0);
        fnd_pipeline_destroy(pipeline);
    }
    strcpy(path, fixture->folder);
    fixture_destroy(fixture);
    cr_expect_neq(access(path, F_OK), 0);
}

/* --- differences ----------------------------------------------------------------------------- */

#define TWO(a, b)                                                                                  \
    HEAD "phases:\n  - {id: a, uses: demo/any" a "}\n  - {id: b, uses: demo/any" b "}\n"

static const struct {
    const char *old, *new, *lines;
} changes[] = {
    {TWO("", ""), TWO("", ""), ""},
    {TWO(", with: {x: 2%}", ""), TWO(", with: {x: 5%}", ""), "phases/a/with/x: 2% → 5%\n"},
    {TWO(", with: {x: 1.10}", ""), TWO(", with: {x: 1.1}", ""), "phases/a/with/x: 1.10 → 1.1\n"},
    {TWO(", with: {x: 1}", ""), TWO("", ""), "phases/a/with: removed, was {\"x\":1}\n"},
    {TWO("", ""), TWO("", ", timeout: 5s"), "phases/b/timeout: added 5s\n"},
    {TWO(", with: {x: [1, 2, 3]}", ""), TWO(", with: {x: [1, 4]}", ""),
     "phases/a/with/x/1: 2 → 4\nphases/a/with/x/2: removed, was 3\n"},
    {TWO(", with: {x: [1]}", ""), TWO(", with: {x: one}", ""), "phases/a/with/x: [1] → one\n"},
    {TWO("", ""), HEAD "phases:\n  - {id: b, uses: demo/any}\n  - {id: a, uses: demo/any}\n",
     "phases: order a, b → b, a\n"},
    {ONE, TWO("", ""), "phases/b: added {\"id\":\"b\",\"uses\":\"demo/any\"}\n"},
    {TWO("", ""), ONE, "phases/b: removed, was {\"id\":\"b\",\"uses\":\"demo/any\"}\n"},
    {ONE "params: {p: {type: number, default: 1}}\n",
     ONE "params: {p: {type: number, default: 2}}\n",
     "params/p/default: 1 → 2\nparameter p: 1 → 2\n"},
    {ONE "summary: a\n", ONE "summary: ''\n", "summary: a → \"\"\n"},
    {ONE "summary: \"a\\e[1m\"\n", ONE "summary: b\n", "summary: a\\x1b[1m → b\n"},
    {ONE, ONE "  - {id: b, uses: './local.so#plain'}\n",
     "phases/b: added {\"id\":\"b\",\"uses\":\"./local.so#plain\"}\n"
     "plugin ./local.so added 1.2.0 1c1c1c1c1c1c…\n"},
    {HEAD "phases:\n  - {id: a, uses: '/x/local.so#any'}\n", ONE,
     "phases/a/uses: /x/local.so#any → demo/any\n"
     "plugin /x/local.so 1.2.0 1c1c1c1c1c1c… removed\n"
     "plugin demo added 1.2.0 d0d0d0d0d0d0…\n"},
};

static struct fnd_json json_of(const char *text)
{
    return (struct fnd_json){text, strlen(text)};
}

Test(test_pin, differences_are_told_a_line_each)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct fnd_text lines = {0};
        struct fnd_pipeline *old = fixture_good(fixture, changes[i].old);
        struct fnd_pipeline *new = fixture_good(fixture, changes[i].new);
        size_t count = 0;
        for (const char *at = changes[i].lines; *at != '\0'; at++) {
            count += *at == '\n' ? 1 : 0;
        }
        cr_expect_eq(fnd_pin_diff(json_of(old->pin), json_of(new->pin), &lines), count);
        cr_expect_str_eq(fnd_text_z(&lines), changes[i].lines, "row %zu:\n%s", i,
                         fnd_text_z(&lines));
        fnd_text_finish(&lines);
        fnd_pipeline_destroy(old);
        fnd_pipeline_destroy(new);
    }
    fixture_destroy(fixture);
}

Test(test_pin, a_changed_plugin_and_file_are_differences)
{
    struct fixture *fixture = fixture_create();
    struct fnd_text lines = {0};
    fixture_write(fixture, "shape.json", shape);
    struct fnd_pipeline *old = fixture_good(fixture, base);
    memset(fixture->demo->hash, 0xab, FND_DIGEST_SIZE);
    free(fixture->demo->version);
    fixture->demo->version = fnd_strdup("1.3.0");
    fixture_write(fixture, "shape.json", "{}");
    struct fnd_pipeline *new = fixture_good(fixture, base);
    cr_assert_eq(fnd_pin_diff(json_of(old->pin), json_of(new->pin), &lines), 2);
    cr_assert_str_eq(fnd_text_z(&lines), "file shape.json: changed, 19 → 2 bytes\n"
                                         "plugin demo 1.2.0 d0d0d0d0d0d0… → 1.3.0 abababababab…\n");
    fnd_text_finish(&lines);
    fnd_pipeline_destroy(old);
    fnd_pipeline_destroy(new);
    fixture_destroy(fixture);
}

Test(test_pin, what_changed_between_two_pins_is_told_line_by_line)
{
    static const char plugin_a[] = "{\"version\":\"1.0.0\",\"sha256\":\"0123456789abcdef\"}";
    static const struct {
        const char *old, *new, *says;
        size_t count;
    } cases[] = {
        {"{\"files\":{\"s.json\":\"a\"}}", "{\"files\":{\"s.json\":\"a\"}}", "", 0},
        {"{\"files\":{\"s.json\":\"a\"}}", "{\"files\":{\"s.json\":\"abc\"}}",
         "file s.json: changed, 1 → 3 bytes\n", 1},
        {"{\"files\":{\"s.json\":\"a\"}}", "{}", "file s.json: removed\n", 1},
        {"{}", "{\"files\":{\"s.json\":\"a\"}}", "file s.json: added\n", 1},
        {"{\"canonical\":{\"l\":[1,2,3]}}", "{\"canonical\":{\"l\":[1,2]}}", "l/2", 1},
        {"{\"canonical\":{\"l\":[1]}}", "{\"canonical\":{\"l\":[1,2]}}", "l/1", 1},
        {"{\"canonical\":{\"l\":[{\"id\":\"a\"}]}}", "{\"canonical\":{\"l\":[{\"id\":5}]}}",
         "l/0/id", 1},
        {"{\"canonical\":{\"l\":[{\"id\":\"a\"}]}}", "{\"canonical\":{\"l\":[]}}", "l/0", 1},
        {"[]", "{\"canonical\":1}", ": ", 1},
        {"", "{\"canonical\":1}", ": ", 1},
        {"{\"canonical\":1}", "{\"canonical\":1}", "", 0},
        {"{\"canonical\":{\"t\":1.10}}", "{\"canonical\":{\"t\":1.1}}", "1.10", 1},
        {"{\"canonical\":{\"t\":1}}", "{\"canonical\":{\"t\":\"1\"}}", "t: ", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text lines = {0};
        const struct fnd_json old = {i == 9 ? NULL : cases[i].old, strlen(cases[i].old)};
        const struct fnd_json new = {cases[i].new, strlen(cases[i].new)};
        cr_expect_eq(fnd_pin_diff(old, new, &lines), cases[i].count, "case %zu: %s", i,
                     fnd_text_z(&lines));
        cr_expect_not_null(strstr(fnd_text_z(&lines), cases[i].says), "case %zu: %s", i,
                           fnd_text_z(&lines));
        fnd_text_finish(&lines);
    }
    struct fnd_text old = {0}, new = {0}, lines = {0};
    fnd_text_printf(&old, "{\"plugins\":{\"a\":%s}}", plugin_a);
    cr_expect_eq(fnd_pin_diff((struct fnd_json){old.bytes, old.size},
                              (struct fnd_json){old.bytes, old.size}, &lines),
                 0, "a plugin that is the same is no change");
    fnd_text_clear(&old);
    /* A long text is cut between two characters, never inside one. */
    fnd_text_append_z(&old, "{\"canonical\":{\"t\":\"x");
    for (int i = 0; i < 400; i++) {
        fnd_text_append_z(&old, "é");
    }
    fnd_text_append_z(&old, "\"}}");
    fnd_text_append_z(&new, "{\"canonical\":{\"t\":\"short\"}}");
    cr_expect_eq(fnd_pin_diff((struct fnd_json){old.bytes, old.size},
                              (struct fnd_json){new.bytes, new.size}, &lines),
                 1);
    cr_expect_not_null(strstr(fnd_text_z(&lines), "é…"), "%s", fnd_text_z(&lines));
    cr_expect(fnd_utf8_valid(lines.bytes, lines.size));
    cr_expect_lt(lines.size, 800);
    fnd_text_finish(&old);
    fnd_text_finish(&new);
    fnd_text_finish(&lines);
}
