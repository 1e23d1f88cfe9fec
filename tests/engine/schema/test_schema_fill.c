/* SPDX-License-Identifier: MIT */
#include "schema_help.h"

Test(schema_fill, defaults_are_put_in_where_something_is_missing)
{
    static const struct {
        const char *schema, *value, *filled;
    } cases[] = {
        {"{\"properties\":{\"max\":{\"default\":500},\"min\":{}}}", "{}", "{\"max\":500}"},
        {"{\"properties\":{\"max\":{\"default\":500}}}", "{\"max\":1}", "{\"max\":1}"},
        {"{\"properties\":{\"max\":{\"default\":500}}}", "{\"max\":null}", "{\"max\":null}"},
        {"{\"properties\":{\"\\u0061\":{\"default\":1}}}", "{\"a\":2}", "{\"a\":2}"},
        /* as written, then the defaults in the schema's order; texts of numbers are kept */
        {"{\"properties\":{\"z\":{\"default\":1.10},\"b\":{},\"a\":{\"default\":\"x\"}}}",
         " { \"b\" : 1.00 , \"c\": [ 1 ] } ", "{\"b\":1.00,\"c\":[1],\"z\":1.10,\"a\":\"x\"}"},
        /* inside objects and items that are there, not inside missing ones */
        {"{\"properties\":{\"o\":{\"properties\":{\"x\":{\"default\":1}}}}}", "{\"o\":{}}",
         "{\"o\":{\"x\":1}}"},
        {"{\"properties\":{\"o\":{\"properties\":{\"x\":{\"default\":1}}}}}", "{}", "{}"},
        {"{\"properties\":{\"o\":{\"default\":{},\"properties\":{\"x\":{\"default\":1}}}}}", "{}",
         "{\"o\":{\"x\":1}}"},
        {"{\"items\":{\"properties\":{\"x\":{\"default\":1}}}}", "[{},{\"x\":2},3]",
         "[{\"x\":1},{\"x\":2},3]"},
        {"{\"prefixItems\":[{\"properties\":{\"x\":{\"default\":1}}}],\"items\":{\"properties\":{"
         "\"y\":{\"default\":2}}}}",
         "[{},{},[]]", "[{\"x\":1},{\"y\":2},[]]"},
        {"{\"properties\":{\"0\":{\"properties\":{\"x\":{\"default\":1}}}}}", "[{}]", "[{}]"},
        {"{\"additionalProperties\":{\"properties\":{\"x\":{\"default\":1}}}}", "{\"k\":{}}",
         "{\"k\":{\"x\":1}}"},
        {"{\"patternProperties\":{\"^k\":{\"properties\":{\"x\":{\"default\":1}}}}}",
         "{\"k1\":{},\"j\":{}}", "{\"k1\":{\"x\":1},\"j\":{}}"},
        /* by $ref and allOf; the first that gives a default has it */
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"properties\":{\"x\":{\"default\":1}}}}}",
         "{}", "{\"x\":1}"},
        {"{\"properties\":{\"x\":{\"$ref\":\"#/$defs/a\"}},\"$defs\":{\"a\":{\"default\":[1]}}}",
         "{}", "{\"x\":[1]}"},
        {"{\"allOf\":[{\"properties\":{\"x\":{\"default\":1}}},{\"properties\":{\"x\":{\"default\":"
         "2}"
         ",\"y\":{\"default\":3}}}]}",
         "{}", "{\"x\":1,\"y\":3}"},
        {"{\"allOf\":[{\"properties\":{\"o\":{\"properties\":{\"x\":{\"default\":1}}}}},{"
         "\"properties\":{\"o\":{\"properties\":{\"y\":{\"default\":2}}}}}]}",
         "{\"o\":{}}", "{\"o\":{\"x\":1,\"y\":2}}"},
        /* alternatives are not guessed */
        {"{\"anyOf\":[{\"properties\":{\"x\":{\"default\":1}}}]}", "{}", "{}"},
        {"{\"if\":{},\"then\":{\"properties\":{\"x\":{\"default\":1}}}}", "{}", "{}"},
        /* what is no object or array has nothing to fill; a default of the root is not used */
        {"{\"default\":{\"a\":1}}", "null", "null"},
        {"true", "[ 1, {\"a\" : 2} ]", "[1,{\"a\":2}]"},
        {"{\"properties\":{\"x\":{\"default\":1}}}", "\"x\"", "\"x\""},
        /* references that come back */
        {"{\"properties\":{\"n\":{\"$ref\":\"#\"},\"x\":{\"default\":1}}}", "{\"n\":{\"n\":{}}}",
         "{\"n\":{\"n\":{\"x\":1},\"x\":1},\"x\":1}"},
        {"{\"properties\":{\"n\":{\"$ref\":\"#\",\"default\":{}},\"x\":{\"default\":1}}}", "{}",
         "{\"n\":{\"x\":1},\"x\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_schema *schema = schema_of(cases[i].schema);
        struct fnd_text filled = {0};
        fnd_schema_fill(schema, json_of(cases[i].value), &filled);
        cr_assert_str_eq(fnd_text_z(&filled), cases[i].filled, "%s: %s:\n  is  %s\n  not %s",
                         cases[i].schema, cases[i].value, fnd_text_z(&filled), cases[i].filled);
        json_of(filled.bytes);
        fnd_text_finish(&filled);
        fnd_schema_destroy(schema);
    }
}

Test(schema_fill, what_was_filled_is_appended_and_filling_again_changes_nothing)
{
    struct fnd_schema *schema = schema_of(
        "{\"properties\":{\"a\":{\"default\":{\"b\":[{}]},\"properties\":{\"b\":{\"items\":{"
        "\"properties\":{\"c\":{\"default\":\"d\"}}}}}}}}");
    struct fnd_text first = {0}, second = {0};
    fnd_schema_fill(schema, json_of("{}"), &first);
    cr_assert_str_eq(first.bytes, "{\"a\":{\"b\":[{\"c\":\"d\"}]}}");
    fnd_text_append_z(&second, "before ");
    fnd_schema_fill(schema, json_of(first.bytes), &second);
    cr_assert_str_eq(second.bytes + strlen("before "), first.bytes);
    fnd_text_finish(&first);
    fnd_text_finish(&second);
    fnd_schema_destroy(schema);
}

Test(schema_fill, defaults_inside_defaults_are_bounded)
{
    /* Each of ten properties has {} as its default and all ten inside: 10! of them. */
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "{\"properties\":{");
    for (size_t i = 0; i < 10; i++) {
        fnd_text_printf(&text, "%s\"p%zu\":{\"default\":{},\"$ref\":\"#\"}", i > 0 ? "," : "", i);
    }
    fnd_text_append_z(&text, "}}");
    struct fnd_schema *schema = schema_of(text.bytes);
    struct fnd_text filled = {0};
    fnd_schema_fill(schema, json_of("{}"), &filled);
    json_of(filled.bytes);
    cr_assert_leq(filled.size, 200000);
    cr_assert_geq(filled.size, 10000);
    fnd_text_finish(&filled);
    fnd_text_finish(&text);
    fnd_schema_destroy(schema);
}
