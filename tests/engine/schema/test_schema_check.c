/* SPDX-License-Identifier: MIT */
/* What a person is told, values that are not known yet, and limits. */
#include <pthread.h>

#include "schema_help.h"

static void expect_flaws(const char *text, const char *value, const char *const *expected)
{
    struct fnd_schema *schema = schema_of(text);
    struct fnd_flaws flaws = {0};
    fnd_schema_check(schema, json_of(value), NULL, &flaws);
    size_t i = 0;
    for (; expected[i] != NULL; i++) {
        struct fnd_text told = {0};
        cr_assert_lt(i, flaws.count, "%s: %s: not told: %s", text, value, expected[i]);
        fnd_text_printf(&told, "%s%s: %s", flaws.list[i].pointer,
                        flaws.list[i].is_key ? " (key)" : "", flaws.list[i].message);
        cr_assert_str_eq(fnd_text_z(&told), expected[i], "%s: %s:\n  is  %s\n  not %s", text, value,
                         fnd_text_z(&told), expected[i]);
        fnd_text_finish(&told);
    }
    cr_assert_eq(flaws.count, i, "%s: %s: also told: %s", text, value,
                 flaws.count > i ? flaws.list[i].message : "");
    fnd_flaws_finish(&flaws);
    cr_assert_eq(flaws.count, 0);
    fnd_schema_destroy(schema);
}

#define EXPECT(schema, value, ...)                                                                 \
    expect_flaws(schema, value, (const char *const[]){__VA_ARGS__, NULL})

Test(schema_check, a_person_is_told_what_is_wrong_and_where)
{
    EXPECT("{\"type\":\"number\"}", "\"x\"", ": is a string, must be a number");
    EXPECT("{\"type\":[\"string\",\"null\",\"array\"]}", "true",
           ": is a boolean, must be a string, an array or null");
    EXPECT("{\"type\":\"integer\"}", "1.5", ": is 1.5, must be an integer");
    EXPECT("{\"type\":\"object\"}", "null", ": is null, must be an object");
    EXPECT("{\"properties\":{\"quantity\":{}},\"additionalProperties\":false}", "{\"quantty\":1}",
           "/quantty (key): \"quantty\" is not known here; did you mean \"quantity\"?");
    EXPECT("{\"additionalProperties\":false}", "{\"a/b\":1}",
           "/a~1b (key): \"a/b\" is not known here");
    EXPECT("{\"required\":[\"total_cost\",\"date\"]}", "{}", ": is missing \"total_cost\"",
           ": is missing \"date\"");
    EXPECT("{\"properties\":{\"n\":{\"minimum\":20}}}", "{\"n\":12}",
           "/n: is 12, must be at least 20");
    EXPECT("{\"maximum\":1.10}", "2.50", ": is 2.50, must be at most 1.10");
    EXPECT("{\"exclusiveMinimum\":0,\"multipleOf\":0.01}", "-0.001", ": is -0.001, must be above 0",
           ": is -0.001, must be a multiple of 0.01");
    EXPECT("{\"exclusiveMaximum\":5}", "5", ": is 5, must be below 5");
    EXPECT("{\"items\":{\"maxLength\":1}}", "[\"a\",\"\xC3\xA9\xC3\xA9\",\"\"]",
           "/1: is 2 characters long, must be at most 1");
    EXPECT("{\"minLength\":3}", "\"a\"", ": is 1 character long, must be at least 3");
    EXPECT("{\"pattern\":\"^a$\"}", "\"b\"", ": does not match the pattern ^a$");
    EXPECT("{\"format\":\"date\"}", "\"1.3.26\"", ": is not a date like 2026-03-01");
    EXPECT("{\"enum\":[\"eng\",\"deu\"]}", "\"en\"", ": must be one of \"eng\", \"deu\"");
    EXPECT("{\"enum\":[\"strict\",\"lenient\"]}", "\"lenent\"",
           ": must be one of \"strict\", \"lenient\"; did you mean \"lenient\"?");
    EXPECT("{\"enum\":[1]}", "2", ": must be 1");
    EXPECT("{\"enum\":[]}", "2", ": is not allowed here: no value is");
    EXPECT("{\"enum\":[1,2,3,4,5,6,7,8,9,10,11,12,13]}", "0",
           ": must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, … (13 in all)");
    EXPECT("{\"const\":{\"a\":[1,2]}}", "1", ": must be {\"a\":[1,2]}");
    EXPECT("{\"minItems\":2}", "[1]", ": has 1 item, must have at least 2");
    EXPECT("{\"maxItems\":1}", "[1,2]", ": has 2 items, must have at most 1");
    EXPECT("{\"uniqueItems\":true}", "[1,2,3,2,1]",
           ": has equal items, number 2 and 4, and all must differ");
    EXPECT("{\"minProperties\":1}", "{}", ": has 0 members, must have at least 1");
    EXPECT("{\"maxProperties\":0}", "{\"a\":1}", ": has 1 member, must have at most 0");
    EXPECT("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
           ": is missing \"b\", which \"a\" needs");
    EXPECT("{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":1}",
           "/ab (key): is 2 characters long, must be at most 1");
    EXPECT("{\"not\":{\"required\":[\"a\"]}}", "{\"a\":1}", ": must not have \"a\"");
    EXPECT("{\"not\":{\"type\":\"null\"}}", "null",
           ": has a form that is excluded here: {\"type\":\"null\"}");
    EXPECT("{\"properties\":{\"a\":false}}", "{\"a\":1}", "/a: is not allowed here");
    EXPECT("{\"contains\":{\"const\":1}}", "[]",
           ": has 0 items of the form that is asked for, must have at least 1");
}

Test(schema_check, a_wrong_type_is_told_alone)
{
    EXPECT(
        "{\"type\":\"object\",\"required\":[\"a\"],\"enum\":[1],\"anyOf\":[{\"type\":\"null\"}]}",
        "\"x\"", ": is a string, must be an object");
}

Test(schema_check, all_flaws_are_told_in_the_order_of_the_value)
{
    EXPECT("{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"items\":{\"minimum\":1}}},"
           "\"required\":[\"c\"],\"additionalProperties\":false}",
           "{\"b\":[0,1,-1],\"x\":1,\"a\":1}", "/b/0: is 0, must be at least 1",
           "/b/2: is -1, must be at least 1", "/x (key): \"x\" is not known here",
           "/a: is a number, must be a string", ": is missing \"c\"");
}

Test(schema_check, of_several_forms_the_nearest_is_explained)
{
    EXPECT("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"required\":[\"a\"]}]}",
           "{\"b\":1}", ": has none of the 2 forms that are allowed here", ": is missing \"a\"");
    EXPECT("{\"oneOf\":[{\"properties\":{\"kind\":{\"const\":\"a\"},\"n\":{\"type\":\"number\"}}},"
           "{\"properties\":{\"kind\":{\"const\":\"b\"},\"n\":{\"type\":\"string\"}}}]}",
           "{\"kind\":\"b\",\"n\":1}", ": has none of the 2 forms that are allowed here",
           "/n: is a number, must be a string");
    EXPECT("{\"anyOf\":[{\"type\":\"string\"}]}", "1",
           ": does not have the form that is allowed here", ": is a number, must be a string");
    EXPECT("{\"oneOf\":[{},{\"type\":\"null\"},{\"minimum\":1}]}", "5",
           ": has the forms number 1 and 3 of those that are allowed here, and must have exactly "
           "one");
}

Test(schema_check, flaws_beyond_the_maximum_are_counted)
{
    struct fnd_schema *schema = schema_of("{\"items\":{\"type\":\"string\"}}");
    struct fnd_text value = {0};
    fnd_text_append_z(&value, "[0");
    for (size_t i = 1; i < 50; i++) {
        fnd_text_append_z(&value, ",1");
    }
    fnd_text_append_z(&value, "]");
    struct fnd_flaws flaws = {0};
    cr_assert_not(fnd_schema_check(schema, json_of(value.bytes), NULL, &flaws));
    cr_assert_eq(flaws.count, FND_FLAWS_MAX);
    cr_assert_eq(flaws.skipped, 50 - FND_FLAWS_MAX);
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&value);
    fnd_schema_destroy(schema);
}

Test(schema_check, a_message_cut_inside_a_character_stays_text)
{
    struct fnd_flaws flaws = {0};
    fnd_flaws_add(&flaws, "", "x", false, "%.3s", "a\xC3\xA9\xC3\xA9");
    cr_assert_str_eq(flaws.list[0].message, "a\xC3\xA9");
    fnd_flaws_add(&flaws, "", "x", false, "%.2s", "a\xC3\xA9");
    cr_assert(fnd_utf8_valid(flaws.list[1].message, strlen(flaws.list[1].message)));
    fnd_flaws_finish(&flaws);
}

Test(schema_check, a_hole_is_only_asked_whether_it_may_differ_by_job)
{
    static const char text[] =
        "{\"properties\":{\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},"
        "\"max\":{\"type\":\"number\"},"
        "\"deep\":{\"x-foundry-per-job\":true,\"items\":{\"properties\":{\"n\":{\"minimum\":5}}}},"
        "\"kind\":{\"enum\":[\"a\"],\"x-foundry-per-job\":true},"
        "\"pair\":{\"const\":[1,2],\"uniqueItems\":true},"
        "\"set\":{\"items\":{\"x-foundry-per-job\":true},\"uniqueItems\":true,"
        "\"contains\":{\"const\":1},\"maxContains\":1},"
        "\"one\":{\"oneOf\":[{\"const\":1},{\"const\":2}],\"x-foundry-per-job\":true},"
        "\"never\":{\"properties\":{\"x\":{\"x-foundry-per-job\":true}},"
        "\"not\":{\"properties\":{\"x\":{\"const\":1}}}},"
        "\"when\":{\"properties\":{\"x\":{\"x-foundry-per-job\":true}},"
        "\"if\":{\"properties\":{\"x\":{\"const\":1}}},\"then\":{\"required\":[\"y\"]}}},"
        "\"required\":[\"text\"],\"additionalProperties\":false}";
    static const struct {
        const char *value, *hole, *flaw; /* flaw: its keyword and pointer */
        bool everywhere;
    } cases[] = {
        {"{\"text\":{}}", "/text", NULL, false},
        {"{\"text\":{}}", "/kind", "type /text", false},
        {"{\"text\":\"x\",\"max\":\"h\"}", "/max", "x-foundry-per-job /max", false},
        {"{\"text\":\"x\",\"max\":\"h\"}", "/max", NULL, true},
        {"{\"text\":\"x\",\"deep\":[{\"n\":\"h\"}]}", "/deep/0/n", NULL, false},
        {"{\"text\":\"x\",\"deep\":[{\"n\":1}]}", "/deep/0", NULL, false},
        {"{\"text\":\"x\",\"deep\":[{\"n\":1}]}", "/deep/1", "minimum /deep/0/n", false},
        {"{\"text\":\"x\",\"kind\":\"h\"}", "/kind", NULL, false},
        {"{\"text\":\"x\",\"kind\":\"h\"}", "/text", "enum /kind", false},
        {"{\"text\":\"x\",\"pair\":[\"h\",\"h\"]}", "/pair/0", NULL, true},
        {"{\"text\":\"x\",\"set\":[1,\"h\",\"h\"]}", "/set/1", NULL, false},
        {"{\"text\":\"x\",\"set\":[1,1]}", "/set/1", NULL, false},
        {"{\"text\":\"x\",\"set\":[1,2,2]}", "/text", "uniqueItems /set", false},
        {"{\"text\":\"x\",\"one\":\"h\"}", "/one", NULL, false},
        {"{\"text\":\"x\",\"never\":{\"x\":\"h\"}}", "/never/x", NULL, false},
        {"{\"text\":\"x\",\"never\":{\"x\":1}}", "/text", "not /never", false},
        {"{\"text\":\"x\",\"when\":{\"x\":\"h\"}}", "/when/x", NULL, false},
        {"{\"text\":\"x\",\"when\":{\"x\":1}}", "/text", "required /when", false},
        {"{\"max\":1}", "/max", "required ", true},
        {"{\"text\":\"x\",\"txet\":\"h\"}", "/txet", "additionalProperties /txet", false},
    };
    struct fnd_schema *schema = schema_of(text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *pointers[] = {cases[i].hole, "/unrelated/~0x"};
        const struct fnd_schema_holes holes = {pointers, 1, cases[i].everywhere};
        struct fnd_flaws flaws = {0};
        const struct fnd_json value = json_of(cases[i].value);
        const bool loud = fnd_schema_check(schema, value, &holes, &flaws);
        const bool quiet = fnd_schema_check(schema, value, &holes, NULL);
        struct fnd_text told = {0};
        if (flaws.count > 0) {
            fnd_text_printf(&told, "%s %s", flaws.list[0].keyword, flaws.list[0].pointer);
        }
        cr_assert_str_eq(fnd_text_z(&told), cases[i].flaw != NULL ? cases[i].flaw : "",
                         "%s with a hole at %s: %s", cases[i].value, cases[i].hole,
                         fnd_text_z(&told));
        cr_assert_eq(loud, cases[i].flaw == NULL);
        cr_assert_eq(quiet, loud);
        cr_assert_leq(flaws.count, 1, "%s: %s", cases[i].value,
                      flaws.count > 1 ? flaws.list[1].message : "");
        fnd_text_finish(&told);
        fnd_flaws_finish(&flaws);
    }
    fnd_schema_destroy(schema);
}

Test(schema_check, the_whole_value_may_be_a_hole)
{
    struct fnd_schema *schema = schema_of("{\"type\":\"object\",\"x-foundry-per-job\":true}");
    const char *pointers[] = {""};
    const struct fnd_schema_holes holes = {pointers, 1, false};
    cr_assert(fnd_schema_check(schema, json_of("\"h\""), &holes, NULL));
    cr_assert_not(fnd_schema_check(schema, json_of("\"h\""), NULL, NULL));
    fnd_schema_destroy(schema);
}

/* The flaw of a check that could not be finished: never a pass, and told as what it is. */
static void expect_limit(const struct fnd_schema *schema, struct fnd_json value)
{
    struct fnd_flaws flaws = {0};
    cr_assert_not(fnd_schema_check(schema, value, NULL, NULL));
    cr_assert_not(fnd_schema_check(schema, value, NULL, &flaws));
    bool told = false;
    for (size_t i = 0; i < flaws.count; i++) {
        told = told || strcmp(flaws.list[i].keyword, "limit") == 0;
    }
    cr_assert(told || flaws.skipped > 0);
    fnd_flaws_finish(&flaws);
}

Test(schema_check, a_pattern_too_costly_is_no_pass_even_inside_not)
{
    struct fnd_text value = {0};
    fnd_text_append_byte(&value, '"');
    for (size_t i = 0; i < 60; i++) {
        fnd_text_append_byte(&value, 'a');
    }
    fnd_text_append_z(&value, "!\"");
    static const char *const schemas[] = {
        "{\"pattern\":\"^(a+)+$\"}",
        "{\"not\":{\"pattern\":\"^(a+)+$\"}}",
        "{\"anyOf\":[{\"pattern\":\"^(a|a)*$\"},{\"type\":\"null\"}]}",
    };
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        struct fnd_schema *schema = schema_of(schemas[i]);
        expect_limit(schema, json_of(value.bytes));
        cr_assert_eq(fnd_schema_check(schema, json_of("\"b\""), NULL, NULL), i == 1);
        fnd_schema_destroy(schema);
    }
    fnd_text_finish(&value);
}

Test(schema_check, a_schema_that_asks_for_too_much_ends)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
    for (size_t i = 0; i < 30; i++) {
        fnd_text_printf(
            &text, "\"%zu\":{\"allOf\":[{\"$ref\":\"#/$defs/%zu\"},{\"$ref\":\"#/$defs/%zu\"}]},",
            i, i + 1, i + 1);
    }
    fnd_text_append_z(&text, "\"30\":{}}}");
    struct fnd_schema *schema = schema_of(text.bytes);
    expect_limit(schema, json_of("1"));
    cr_assert_not(fnd_schema_declares(schema, "/a"));
    cr_assert_not(fnd_schema_per_job(schema, "/a"));
    cr_assert_null(fnd_schema_at(schema, "/a").bytes);
    fnd_schema_destroy(schema);
    fnd_text_finish(&text);
}

Test(schema_check, values_as_deep_as_json_may_be_are_checked_to_the_bottom)
{
    struct fnd_schema *schema = schema_of(
        "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},{\"type\":\"null\"}]}");
    struct fnd_text value = {0};
    for (size_t i = 0; i < FND_JSON_DEPTH_MAX; i++) {
        fnd_text_append_byte(&value, '[');
    }
    const size_t middle = value.size;
    fnd_text_append_z(&value, "null");
    for (size_t i = 0; i < FND_JSON_DEPTH_MAX; i++) {
        fnd_text_append_byte(&value, ']');
    }
    cr_assert(fnd_schema_check(schema, json_of(value.bytes), NULL, NULL));
    memcpy(value.bytes + middle, "true", 4);
    struct fnd_flaws flaws = {0};
    cr_assert_not(fnd_schema_check(schema, json_of(value.bytes), NULL, NULL));
    cr_assert_not(fnd_schema_check(schema, json_of(value.bytes), NULL, &flaws));
    cr_assert_gt(flaws.count, 0);
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&value);
    fnd_schema_destroy(schema);
}

Test(schema_check, evaluations_inside_each_other_are_bounded)
{
    /* Forty references about each value on the way down: no endless chain, but a deep stack. */
    struct fnd_text text = {0}, value = {0};
    fnd_text_append_z(&text, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
    for (size_t i = 0; i < 40; i++) {
        fnd_text_printf(&text, "\"%zu\":{\"$ref\":\"#/$defs/%zu\"},", i, i + 1);
    }
    fnd_text_append_z(&text, "\"40\":{\"items\":{\"$ref\":\"#/$defs/0\"}}}}");
    struct fnd_schema *schema = schema_of(text.bytes);
    cr_assert(
        fnd_schema_check(schema, json_of("[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"), NULL, NULL));
    for (size_t i = 0; i < FND_JSON_DEPTH_MAX; i++) {
        fnd_text_append_byte(&value, '[');
    }
    for (size_t i = 0; i < FND_JSON_DEPTH_MAX; i++) {
        fnd_text_append_byte(&value, ']');
    }
    expect_limit(schema, json_of(value.bytes));
    fnd_schema_destroy(schema);
    fnd_text_finish(&value);
    fnd_text_finish(&text);
}

Test(schema_check, many_unique_items_are_compared_by_hash)
{
    struct fnd_schema *schema = schema_of("{\"uniqueItems\":true}");
    struct fnd_text value = {0};
    fnd_text_append_byte(&value, '[');
    for (size_t i = 0; i < 50000; i++) {
        fnd_text_printf(&value, "{\"n\":%zu,\"t\":\"x\"},", i);
    }
    const size_t before = value.size;
    fnd_text_append_z(&value, "{\"t\":\"x\",\"n\":50000}]");
    cr_assert(fnd_schema_check(schema, json_of(value.bytes), NULL, NULL));
    value.size = before;
    fnd_text_append_z(&value, "{\"t\":\"\\u0078\",\"n\":123.0}]");
    struct fnd_flaws flaws = {0};
    cr_assert_not(fnd_schema_check(schema, json_of(value.bytes), NULL, &flaws));
    cr_assert_not_null(strstr(flaws.list[0].message, "number 124 and 50001"), "%s",
                       flaws.list[0].message);
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&value);
    fnd_schema_destroy(schema);
}

struct work {
    const struct fnd_schema *schema;
    struct fnd_json good, bad;
    size_t wrong;
};

static void *work(void *argument)
{
    struct work *mine = argument;
    for (size_t i = 0; i < 500; i++) {
        mine->wrong += fnd_schema_check(mine->schema, mine->good, NULL, NULL) ? 0 : 1;
        mine->wrong += fnd_schema_check(mine->schema, mine->bad, NULL, NULL) ? 1 : 0;
    }
    return NULL;
}

Test(schema_check, one_schema_serves_many_threads)
{
    enum { THREADS = 4 };
    struct fnd_schema *schema =
        schema_of("{\"patternProperties\":{\"^a\":{\"pattern\":\"^x+$\"}},\"maxProperties\":3}");
    struct work works[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        works[i] = (struct work){schema, json_of("{\"a\":\"xx\",\"ab\":\"x\",\"b\":1}"),
                                 json_of("{\"a\":\"xx\",\"ab\":\"y\"}"), 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &works[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(works[i].wrong, 0);
    }
    fnd_schema_destroy(schema);
}
