/* SPDX-License-Identifier: MIT */
/* Small languages, by the first byte: 't' the text of a leaf with ${…}, 'p' JSON pointers, 'r' the
 * rules of detect/arithmetic, 'x' regular expressions (pattern, NUL, text). */
#include <math.h>
#include <stdlib.h>

#include "../../plugins/detect/expression.h"
#include "fuzz.h"
#include "host/call.h"
#include "pipeline/template.h"
#include "schema/schema.h"

static const char documents[] =
    "{\"input\":{\"file\":\"a.txt\",\"odd key\":[1.10,{\"x\":null}],\"\":0},"
    "\"run\":{\"job\":\"1\"},\"ocr\":{\"words\":[\"one\",\"two\"],\"text\":\"\\\"q\\\" ${x}\"}}";
static const char subject[] =
    "{\"quantity\":3,\"price\":1.10,\"total\":3.30,\"zero\":0,\"name\":\"x\",\"none\":null,"
    "\"big\":1e308,\"totals\":{\"net\":2,\"tax\":0.19},"
    "\"items\":[{\"cost\":1.5,\"n\":2},{\"cost\":-2,\"n\":\"\"},{\"n\":1e400}],\"l\":[1,2,3]}";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* ---- templates ---------------------------------------------------------------------------- */

static struct fnd_json scope_value(void *context, const char *root)
{
    const struct fnd_json *all = context;
    return fnd_json_member(*all, root);
}

/** Compile the leaf and fill it in: JSON, whatever the values hold. */
static void check_resolve(const char *text, const struct fnd_segments *segments)
{
    static const struct fnd_json all = {documents, sizeof documents - 1};
    const struct fnd_scope scope = {scope_value, (void *)(uintptr_t)&all};
    struct fnd_text json = {0}, config = {0};
    struct fnd_error error = {0};
    char name[] = "fuzz/leaf", pointer[] = "/v";
    struct fnd_bound bound = {.uses = name};
    fnd_text_append_z(&json, "{\"v\":");
    fnd_text_append_json_z(&json, text);
    fnd_text_append_z(&json, ",\"w\":1}");
    char *copy = fnd_strdup(text);
    const struct fnd_leaf leaf = {.pointer = pointer, .text = copy, .segments = *segments};
    fnd_template_make(&bound.with, fnd_text_take(&json), &leaf, 1);
    if (fnd_bound_resolve(&bound, &scope, &config, &error) == FND_OK) {
        const struct fnd_json value = fuzz_json(&config, "a config");
        FUZZ_CHECK(fnd_json_count(value) == 2 && fnd_json_member(value, "v").bytes != NULL &&
                       fnd_json_text_is(fnd_json_member(value, "w"), "1") == false,
                   "a value broke out of its place: %s", fnd_text_z(&config));
    } else {
        fuzz_error_check(&error, NULL, 0);
        FUZZ_CHECK(config.size == 0, "a failure left %zu bytes", config.size);
    }
    fnd_template_finish(&bound.with);
    fnd_text_finish(&config);
    free(copy);
}

/** Parsed, written out and parsed again: the same pieces. */
static void try_template(const char *text)
{
    struct fnd_segments segments = {0}, again = {0};
    struct fnd_error error = {0};
    struct fnd_text written = {0};
    if (!fnd_utf8_valid(text, strlen(text))) {
        return; /* no leaf is: the reader of the file refuses it */
    }
    if (fnd_segments_parse(text, &segments, &error) != FND_OK) {
        FUZZ_CHECK(segments.count == 0, "refused, and segments");
        fuzz_error_check(&error, NULL, 0);
        return;
    }
    for (size_t i = 0; i < segments.count; i++) {
        const struct fnd_segment *segment = &segments.list[i];
        FUZZ_CHECK(segment->kind == FND_SEGMENT_TEXT || fnd_json_pointer_valid(segment->pointer),
                   "%s has the pointer %s", segment->written, segment->pointer);
        for (const char *at = segment->text; segment->kind == FND_SEGMENT_TEXT && *at != '\0';) {
            const size_t plain = strncmp(at, "${", 2) == 0 ? 0 : 1;
            fnd_text_append_z(&written, plain == 0 ? "$${" : "");
            fnd_text_append(&written, at, plain);
            at += plain == 0 ? 2 : 1;
        }
        fnd_text_append_z(&written, segment->written);
    }
    FUZZ_CHECK(fnd_segments_parse(fnd_text_z(&written), &again, &error) == FND_OK, "%s",
               error.message);
    FUZZ_CHECK(again.count == segments.count, "%s gives %zu pieces, not %zu", fnd_text_z(&written),
               again.count, segments.count);
    for (size_t i = 0; i < segments.count; i++) {
        FUZZ_CHECK(again.list[i].kind == segments.list[i].kind &&
                       strcmp(again.list[i].text, segments.list[i].text) == 0,
                   "piece %zu of %s differs", i, fnd_text_z(&written));
    }
    if (!fnd_segments_have(&segments, FND_SEGMENT_PARAM)) { /* those are put in before */
        check_resolve(text, &segments);
    }
    fnd_segments_finish(&segments);
    fnd_segments_finish(&again);
    fnd_text_finish(&written);
}

/* ---- pointers ----------------------------------------------------------------------------- */

static void try_pointer(const char *pointer)
{
    static const struct fnd_json document = {subject, sizeof subject - 1};
    static const struct fnd_json one = {"1", 1};
    const struct fnd_json found = fnd_json_find(document, pointer);
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    FUZZ_CHECK(found.bytes == NULL || fnd_json_pointer_valid(pointer), "found by %s", pointer);
    FUZZ_CHECK(found.bytes == NULL || (found.bytes >= subject &&
                                       found.bytes + found.size <= subject + sizeof subject - 1),
               "found outside");
    if (fnd_json_set(document, pointer, one, &text, &error) == FND_OK) {
        FUZZ_CHECK(fnd_json_pointer_valid(pointer), "set at %s", pointer);
        (void)fuzz_json(&text, "edited");
    } else {
        fuzz_error_check(&error, NULL, 0);
    }
    fnd_text_clear(&text);
    const bool removed = fnd_json_remove(document, pointer, &text, &error) == FND_OK;
    FUZZ_CHECK(removed == (found.bytes != NULL && pointer[0] != '\0'), "removed: %d at %s", removed,
               pointer);
    fnd_text_finish(&text);
}

/* ---- rules of arithmetic ------------------------------------------------------------------ */

static void check_value(const struct expression *expression, const struct rule_source *source)
{
    struct expression_value value = {0};
    foundry_text_init(&value.trouble);
    const enum expression_result result = expression_evaluate(expression, source, &value);
    FUZZ_CHECK(result != EXPRESSION_VALUE || isfinite(value.number), "a value that is none");
    FUZZ_CHECK(result != EXPRESSION_NO_NUMBER ||
                   fnd_json_pointer_valid(foundry_text_z(&value.trouble)),
               "trouble at %s", foundry_text_z(&value.trouble));
    FUZZ_CHECK(result != EXPRESSION_STATUS || value.status < 0, "a failure of %d",
               (int)value.status);
    foundry_text_finish(&value.trouble);
}

static void try_rule(const char *text)
{
    static struct rule rule, again;
    struct rule_flaw flaw = {0};
    if (rule_parse(text, &rule, &flaw) != 0) {
        FUZZ_CHECK(flaw.what != NULL && flaw.offset <= strlen(text), "a flaw at %zu of %zu",
                   flaw.offset, strlen(text));
        return;
    }
    FUZZ_CHECK(rule.left.count > 0 && rule.left.count <= EXPRESSION_NODES_MAX &&
                   rule.right.count > 0 && rule.right.count <= EXPRESSION_NODES_MAX,
               "%zu and %zu nodes", rule.left.count, rule.right.count);
    FUZZ_CHECK(rule_parse(rule.text, &again, &flaw) == 0 && again.left.count == rule.left.count &&
                   again.right.count == rule.right.count && again.relation == rule.relation &&
                   strcmp(again.text, rule.text) == 0,
               "%s is not read back from its text, %s", text, rule.text);
    const struct fnd_call_input input = {.detector = true,
                                         .config = {"{}", 2},
                                         .subject = {subject, sizeof subject - 1},
                                         .run = {"{}", 2}};
    struct fnd_effects effects = {0};
    foundry_call_t *call = fnd_call_begin(&input, NULL, NULL, &effects);
    const struct rule_source source = {fnd_host_table(), call, ""};
    check_value(&rule.left, &source);
    check_value(&rule.right, &source);
    fnd_call_end(call, FOUNDRY_DONE);
    fnd_effects_finish(&effects);
}

/* ---- regular expressions ------------------------------------------------------------------ */

static void try_pattern(const char *pattern, const char *text)
{
    struct fnd_text json = {0}, value = {0};
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    struct fnd_flaws flaws = {0};
    if (!fnd_utf8_valid(pattern, strlen(pattern)) || !fnd_utf8_valid(text, strlen(text))) {
        return;
    }
    fnd_text_append_z(&json, "{\"pattern\":");
    fnd_text_append_json_z(&json, pattern);
    fnd_text_append_byte(&json, '}');
    fnd_text_append_json_z(&value, text);
    if (fnd_schema_create("fuzz", json.bytes, json.size, &schema, &error) == FND_OK) {
        const bool meets = fnd_schema_check(schema, fuzz_json(&value, "a text"), NULL, &flaws);
        FUZZ_CHECK(meets == (flaws.count == 0), "meets is %d, %zu flaws", meets, flaws.count);
    } else {
        fuzz_error_check(&error, json.bytes, json.size);
    }
    fnd_flaws_finish(&flaws);
    fnd_schema_destroy(schema);
    fnd_text_finish(&json);
    fnd_text_finish(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_parts parts = {bytes + (size > 0), bytes + size};
    size_t first_size, second_size;
    char *first = fuzz_part(&parts, &first_size);
    char *second = fuzz_part(&parts, &second_size);
    switch (size > 0 ? bytes[0] : 0) {
    case 't':
        try_template(first);
        break;
    case 'p':
        try_pointer(first);
        break;
    case 'r':
        try_rule(first);
        break;
    default:
        try_pattern(first, second);
    }
    free(first);
    free(second);
    return 0;
}
