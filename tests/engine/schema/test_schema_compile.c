/* SPDX-License-Identifier: MIT */
/* What is refused before anything is checked with it. */
#include <stdio.h>

#include "schema_help.h"

enum { CASES_MIN = 70 };

static const struct {
    const char *schema, *code, *says;
} cases[] = {
    {"1", "not_a_schema", "is number"},
    {"\"x\"", "not_a_schema", "at the root"},
    {"[]", "not_a_schema", "is array"},
    {"{\"properties\":{\"a\":1}}", "not_a_schema", "at /properties/a"},
    {"{\"maxLenght\":1}", "unknown_keyword", "did you mean \"maxLength\"?"},
    {"{\"properties\":{\"a\":{\"requried\":[]}}}", "unknown_keyword", "at /properties/a/requried"},
    {"{\"$defs\":{\"a\":{\"foo\":1}}}", "unknown_keyword", "begin with \"x-\""},
    {"{\"unevaluatedProperties\":false}", "unknown_keyword", "not supported"},
    {"{\"unevaluatedItems\":false}", "unknown_keyword", "not supported"},
    {"{\"dependentSchemas\":{}}", "unknown_keyword", "not supported"},
    {"{\"dependencies\":{}}", "unknown_keyword", "not supported"},
    {"{\"$anchor\":\"a\"}", "unknown_keyword", "not supported"},
    {"{\"$dynamicRef\":\"#a\"}", "unknown_keyword", "not supported"},
    {"{\"contentEncoding\":\"base64\"}", "unknown_keyword", "not supported"},
    {"{\"items\":{\"$id\":\"x\"}}", "unknown_keyword", "root"},
    {"{\"items\":{\"$schema\":\"x\"}}", "unknown_keyword", "root"},
    {"{\"$id\":1}", "bad_keyword", "text"},
    {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "unknown_dialect", "draft-04"},
    {"{\"$schema\":\"https://example.com/own\"}", "unknown_dialect", "2020-12"},
    {"{\"$ref\":\"http://example.com/x\"}", "remote_ref", "outside this document"},
    {"{\"$ref\":\"other.json#/a\"}", "remote_ref", "outside this document"},
    {"{\"$ref\":\"#anchor\"}", "remote_ref", "anchor"},
    {"{\"$ref\":\"#/$defs/none\"}", "dangling_ref", "leads to nothing"},
    {"{\"$ref\":\"#/$defs/a%\",\"$defs\":{\"a%\":{}}}", "dangling_ref", "leads to nothing"},
    {"{\"$ref\":\"#/%00\"}", "dangling_ref", "leads to nothing"},
    {"{\"$ref\":\"#/%ff\"}", "dangling_ref", "leads to nothing"},
    {"{\"$ref\":1}", "bad_keyword", "at /$ref"},
    {"{\"$ref\":\"#/x-a\",\"x-a\":1}", "not_a_schema", "at /x-a"},
    {"{\"$ref\":\"#\"}", "endless_ref", "never end"},
    {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/"
     "a\"}}}",
     "endless_ref", "never end"},
    {"{\"allOf\":[{\"$ref\":\"#\"}]}", "endless_ref", "never end"},
    {"{\"anyOf\":[{},{\"$ref\":\"#\"}]}", "endless_ref", "never end"},
    {"{\"oneOf\":[{\"not\":{\"$ref\":\"#\"}}]}", "endless_ref", "never end"},
    {"{\"if\":{},\"then\":{\"$ref\":\"#\"}}", "endless_ref", "never end"},
    {"{\"if\":{},\"else\":{\"$ref\":\"#\"}}", "endless_ref", "never end"},
    {"{\"if\":{\"$ref\":\"#\"}}", "endless_ref", "never end"},
    {"{\"items\":{\"$ref\":\"#/items\"}}", "endless_ref", "never end"},
    {"{\"$defs\":[]}", "bad_keyword", "at /$defs"},
    {"{\"type\":\"text\"}", "bad_keyword", "\"string\""},
    {"{\"type\":[]}", "bad_keyword", "at /type"},
    {"{\"type\":[\"string\",\"int\"]}", "bad_keyword", "at /type/1"},
    {"{\"type\":1}", "bad_keyword", "at /type"},
    {"{\"enum\":1}", "bad_keyword", "list of values"},
    {"{\"minimum\":\"1\"}", "bad_keyword", "is string"},
    {"{\"maximum\":null}", "bad_keyword", "number"},
    {"{\"exclusiveMinimum\":true}", "bad_keyword", "is boolean"},
    {"{\"exclusiveMaximum\":true}", "bad_keyword", "is boolean"},
    {"{\"multipleOf\":0}", "bad_keyword", "above 0"},
    {"{\"multipleOf\":-1}", "bad_keyword", "above 0"},
    {"{\"multipleOf\":\"1\"}", "bad_keyword", "number"},
    {"{\"minLength\":-1}", "bad_keyword", "0 or more"},
    {"{\"maxLength\":1.5}", "bad_keyword", "whole number"},
    {"{\"minItems\":\"1\"}", "bad_keyword", "whole number"},
    {"{\"maxItems\":1e99}", "bad_keyword", "whole number"},
    {"{\"minContains\":-1}", "bad_keyword", "whole number"},
    {"{\"maxContains\":-1}", "bad_keyword", "whole number"},
    {"{\"minProperties\":null}", "bad_keyword", "whole number"},
    {"{\"maxProperties\":{}}", "bad_keyword", "whole number"},
    {"{\"uniqueItems\":1}", "bad_keyword", "true or false"},
    {"{\"pattern\":1}", "bad_keyword", "a pattern"},
    {"{\"pattern\":\"(\"}", "bad_pattern", "cannot be compiled"},
    {"{\"pattern\":\"a\\\\\"}", "bad_pattern", "lone backslash"},
    {"{\"pattern\":\"\\\\Aa\"}", "bad_pattern", "uses \\A"},
    {"{\"pattern\":\"\\\\Q.\\\\E\"}", "bad_pattern", "uses \\Q"},
    {"{\"pattern\":\"(*LIMIT_MATCH=1)a\"}", "bad_pattern", "(*L"},
    {"{\"pattern\":\"(?>a)\"}", "bad_pattern", "ECMA-262"},
    {"{\"pattern\":\"(?i)a\"}", "bad_pattern", "ECMA-262"},
    {"{\"pattern\":\"(?C1)\"}", "bad_pattern", "ECMA-262"},
    {"{\"patternProperties\":{\"[\":{}}}", "bad_pattern", "cannot be compiled"},
    {"{\"patternProperties\":[]}", "bad_keyword", "patterns"},
    {"{\"format\":\"hostname\"}", "unknown_format", "hostname"},
    {"{\"format\":1}", "bad_keyword", "format"},
    {"{\"properties\":[]}", "bad_keyword", "at /properties"},
    {"{\"required\":\"a\"}", "bad_keyword", "list of names"},
    {"{\"required\":[1]}", "bad_keyword", "at /required/0"},
    {"{\"dependentRequired\":[]}", "bad_keyword", "at /dependentRequired"},
    {"{\"dependentRequired\":{\"a\":1}}", "bad_keyword", "list of names"},
    {"{\"dependentRequired\":{\"a\":[1]}}", "bad_keyword", "a name"},
    {"{\"additionalProperties\":1}", "not_a_schema", "at /additionalProperties"},
    {"{\"propertyNames\":1}", "not_a_schema", "at /propertyNames"},
    {"{\"items\":1}", "not_a_schema", "at /items"},
    {"{\"items\":[1]}", "not_a_schema", "at /items/0"},
    {"{\"items\":[{}],\"prefixItems\":[{}]}", "bad_keyword", "prefixItems"},
    {"{\"prefixItems\":{}}", "bad_keyword", "list of at least one"},
    {"{\"additionalItems\":false}", "bad_keyword", "items is a list"},
    {"{\"contains\":1}", "not_a_schema", "at /contains"},
    {"{\"allOf\":[]}", "bad_keyword", "at least one schema"},
    {"{\"anyOf\":{}}", "bad_keyword", "at least one schema"},
    {"{\"oneOf\":[1]}", "not_a_schema", "at /oneOf/0"},
    {"{\"not\":1}", "not_a_schema", "at /not"},
    {"{\"if\":1}", "not_a_schema", "at /if"},
    {"{\"then\":1}", "not_a_schema", "at /then"},
    {"{\"else\":1}", "not_a_schema", "at /else"},
    {"{\"x-foundry-per-job\":1}", "bad_keyword", "true or false"},
};

Test(schema_compile, what_is_not_understood_is_refused_with_its_place)
{
    cr_assert_geq(sizeof cases / sizeof cases[0], CASES_MIN);
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_schema *schema = NULL;
        struct fnd_error error = {0};
        const enum fnd_status status = fnd_schema_create("config of x/y", cases[i].schema,
                                                         strlen(cases[i].schema), &schema, &error);
        if (status != FND_INVALID || schema != NULL || strcmp(error.code, cases[i].code) != 0 ||
            strstr(error.message, cases[i].says) == NULL || error.line != 1 ||
            strncmp(error.message, "config of x/y: at ", 18) != 0) {
            fprintf(stderr, "%s: status %d, line %zu, %s: %s\n  must be %s and say %s\n",
                    cases[i].schema, (int)status, error.line, error.code, error.message,
                    cases[i].code, cases[i].says);
            wrong++;
        }
        fnd_schema_destroy(schema);
        cr_assert_eq(
            fnd_schema_create("s", cases[i].schema, strlen(cases[i].schema), &schema, NULL),
            FND_INVALID); /* nobody wants to know why */
    }
    cr_assert_eq(wrong, 0);
}

Test(schema_compile, notes_change_nothing)
{
    struct fnd_schema *schema = schema_of(
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"http://x/"
        "y\",\"title\":\"t\",\"description\":1,\"examples\":[],\"$comment\":\"c\","
        "\"deprecated\":true,\"readOnly\":true,\"writeOnly\":false,"
        "\"contentMediaType\":\"image/png\",\"x-own\":{\"type\":1},\"default\":{\"a\":1},"
        "\"x-foundry-per-job\":true}");
    cr_assert(fnd_schema_check(schema, json_of("null"), NULL, NULL));
    fnd_schema_destroy(schema);
}

Test(schema_compile, errors_have_the_line_and_column_of_the_text_as_given)
{
    const char *text =
        " \n{\n  \"properties\": {\n    \"a\": {\n      \"minimun\": 1\n    }\n  }\n}\n";
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("s", text, strlen(text), &schema, &error), FND_INVALID);
    cr_assert_eq(error.line, 5);
    cr_assert_eq(error.column, 18);
}

Test(schema_compile, text_that_is_no_json_is_refused_as_such)
{
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create("config of x/y", "{\"a\":1,}", 8, &schema, &error), FND_INVALID);
    cr_assert_null(schema);
    cr_assert_eq(strncmp(error.message, "config of x/y: ", 15), 0, "%s", error.message);
    cr_assert_eq(error.line, 1);
}

Test(schema_compile, the_canonical_text_is_kept)
{
    struct fnd_schema *schema = schema_of(" { \"type\" : \"object\", \"maximum\": 1.10 } ");
    const struct fnd_json json = fnd_schema_json(schema);
    cr_assert_eq(json.size, strlen("{\"maximum\":1.10,\"type\":\"object\"}"));
    cr_assert_eq(memcmp(json.bytes, "{\"maximum\":1.10,\"type\":\"object\"}", json.size), 0);
    fnd_schema_destroy(schema);
    fnd_schema_destroy(NULL);
}

/* `count` definitions, each made of `head`, the next one's number and `tail`. */
static void chain(struct fnd_text *text, size_t count, const char *head, const char *tail)
{
    fnd_text_append_z(text, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(text, "\"%zu\":%s\"#/$defs/%zu\"%s,", i, head, i + 1, tail);
    }
    fnd_text_printf(text, "\"%zu\":{\"type\":\"string\"}}}", count);
}

Test(schema_compile, chains_about_one_value_are_bounded)
{
    struct fnd_text text = {0};
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    chain(&text, 60, "{\"$ref\":", "}");
    cr_assert_eq(fnd_schema_create("s", text.bytes, text.size, &schema, &error), FND_OK, "%s",
                 error.message);
    cr_assert(fnd_schema_check(schema, json_of("\"x\""), NULL, NULL));
    cr_assert_not(fnd_schema_check(schema, json_of("1"), NULL, NULL));
    fnd_schema_destroy(schema);
    static const char *const heads[] = {
        "{\"$ref\":", "{\"allOf\":[{\"$ref\":", "{\"not\":{\"not\":{\"$ref\":"};
    static const char *const tails[] = {"}", "}]}", "}}}"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        fnd_text_clear(&text);
        chain(&text, 2000, heads[i], tails[i]);
        schema = NULL;
        cr_assert_eq(fnd_schema_create("s", text.bytes, text.size, &schema, &error), FND_INVALID);
        cr_assert_str_eq(error.code, "limit");
        cr_assert_null(schema);
    }
    /* The same length, but each step is one level deeper in the value: no chain. */
    fnd_text_clear(&text);
    chain(&text, 2000, "{\"items\":{\"$ref\":", "}}");
    cr_assert_eq(fnd_schema_create("s", text.bytes, text.size, &schema, &error), FND_OK, "%s",
                 error.message);
    fnd_schema_destroy(schema);
    fnd_text_finish(&text);
}

Test(schema_compile, subschemas_are_bounded)
{
    struct fnd_text text = {0};
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    fnd_text_append_z(&text, "{\"allOf\":[");
    for (size_t i = 0; i < 30000; i++) {
        fnd_text_append_z(&text, "{},");
    }
    fnd_text_append_z(&text, "{}]}");
    cr_assert_eq(fnd_schema_create("s", text.bytes, text.size, &schema, &error), FND_INVALID);
    cr_assert_str_eq(error.code, "limit");
    fnd_text_finish(&text);
}

Test(schema_compile, a_pattern_too_long_is_refused)
{
    struct fnd_text text = {0};
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    fnd_text_append_z(&text, "{\"pattern\":\"");
    for (size_t i = 0; i < 10001; i++) {
        fnd_text_append_byte(&text, 'a');
    }
    fnd_text_append_z(&text, "\"}");
    cr_assert_eq(fnd_schema_create("s", text.bytes, text.size, &schema, &error), FND_INVALID);
    cr_assert_str_eq(error.code, "bad_pattern");
    fnd_text_finish(&text);
}

Test(schema_compile, a_long_unknown_name_is_cut_to_valid_text)
{
    struct fnd_text text = {0};
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    fnd_text_append_z(&text, "{\"x");
    for (size_t i = 0; i < 200; i++) {
        fnd_text_append_z(&text, "\xC3\xA9");
    }
    fnd_text_append_z(&text, "\":1}");
    cr_assert_eq(fnd_schema_create("s", text.bytes, text.size, &schema, &error), FND_INVALID);
    cr_assert(fnd_utf8_valid(error.message, strlen(error.message)));
    fnd_text_finish(&text);
}
