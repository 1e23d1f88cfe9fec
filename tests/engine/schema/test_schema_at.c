/* SPDX-License-Identifier: MIT */
#include "schema_help.h"

static const char form[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"a\":{\"type\":\"string\",\"title\":\"A\"},"
    "\"r\":{\"$ref\":\"#/$defs/line\"},"
    "\"s\":{\"$ref\":\"#/$defs/line\",\"title\":\"S\"},"
    "\"t\":{\"$ref\":\"#/$defs/line\",\"minProperties\":1},"
    "\"lines\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/line\"}},"
    "\"pair\":{\"prefixItems\":[{\"const\":1}],\"items\":{\"const\":2}},"
    "\"e/s~c\":{\"const\":3},"
    "\"any\":{},\"yes\":true,\"no\":false,"
    "\"free\":{\"type\":\"object\"},"
    "\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}},"
    "\"pat\":{\"patternProperties\":{\"^x\":{\"const\":4}}}},"
    "\"allOf\":[{\"properties\":{\"b\":{\"const\":5}}}],"
    "\"$defs\":{\"line\":{\"properties\":{\"n\":{\"minimum\":0}}}}}";

Test(schema_at, the_part_that_governs_a_pointer_is_found)
{
    static const struct {
        const char *pointer, *part; /* NULL: the schema does not say */
    } cases[] = {
        {"/a", "{\"type\":\"string\",\"title\":\"A\"}"},
        {"/b", "{\"const\":5}"},
        {"/r", "{\"properties\":{\"n\":{\"minimum\":0}}}"},
        {"/s", "{\"properties\":{\"n\":{\"minimum\":0}}}"},
        {"/t", "{\"$ref\":\"#/$defs/line\",\"minProperties\":1}"},
        {"/r/n", "{\"minimum\":0}"},
        {"/t/n", "{\"minimum\":0}"},
        {"/lines/7/n", "{\"minimum\":0}"},
        {"/lines/07/n", NULL},
        {"/lines/x/n", NULL},
        {"/lines/-", NULL},
        {"/pair/0", "{\"const\":1}"},
        {"/pair/1", "{\"const\":2}"},
        {"/pair/999999999999999999999", NULL},
        {"/e~1s~0c", "{\"const\":3}"},
        {"/any", "{}"},
        {"/any/x", NULL},
        {"/yes", NULL},
        {"/no", NULL},
        {"/free/x", NULL},
        {"/map/k", "{\"type\":\"number\"}"},
        {"/pat/xy", "{\"const\":4}"},
        {"/pat/y", NULL},
        {"/none", NULL},
        {"a", NULL},
        {"/a~2", NULL},
    };
    struct fnd_schema *schema = schema_of(form);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fnd_json part = fnd_schema_at(schema, cases[i].pointer);
        cr_assert_eq(part.bytes == NULL, cases[i].part == NULL, "%s: %.*s", cases[i].pointer,
                     (int)part.size, part.bytes);
        cr_assert(part.bytes == NULL || (part.size == strlen(cases[i].part) &&
                                         memcmp(part.bytes, cases[i].part, part.size) == 0),
                  "%s is %.*s", cases[i].pointer, (int)part.size, part.bytes);
    }
    const struct fnd_json root = fnd_schema_at(schema, "");
    cr_assert_eq(root.size, strlen(form));
    fnd_schema_destroy(schema);
}

Test(schema_at, what_a_config_may_name_is_what_the_schema_declares)
{
    static const struct {
        const char *schema, *pointer;
        bool declared;
    } cases[] = {
        {form, "", true},
        {form, "/a", true},
        {form, "/a/x", false}, /* a string has no members */
        {form, "/b", true},
        {form, "/c", false},
        {form, "/r/n", true},
        {form, "/r/m", false},
        {form, "/t/n", true},
        {form, "/lines/0", true},
        {form, "/lines/0/n", true},
        {form, "/lines/0/m", false},
        {form, "/lines/x", false},
        {form, "/pair/5", true},
        {form, "/any/x/y", true},
        {form, "/yes/x", true},
        {form, "/no", false},
        {form, "/free/x/y", true},
        {form, "/map/k", true},
        {form, "/map/k/x", false},
        {form, "/pat/xy", true},
        {form, "/pat/y", false},
        {form, "a", false},
        {"{}", "/a", false},
        {"true", "/a", false},
        {"{\"type\":\"object\"}", "/a", false},
        {"{\"additionalProperties\":true}", "/a/b", true},
        {"{\"additionalProperties\":{}}", "/a/b", true},
        {"{\"additionalProperties\":false}", "/a", false},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":true}", "/b", true},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "/a", true},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false,\"anyOf\":[{\"properties\":{"
         "\"b\":{}}}]}",
         "/b", false},
        {"{\"properties\":{\"a\":{}},\"anyOf\":[{\"properties\":{\"b\":{}}}]}", "/b", true},
        {"{\"oneOf\":[{\"properties\":{\"a\":{}}},{\"properties\":{\"b\":{}}}]}", "/b", true},
        {"{\"oneOf\":[{\"properties\":{\"a\":{}}},{\"properties\":{\"b\":{}}}]}", "/c", false},
        {"{\"if\":{},\"then\":{\"properties\":{\"a\":{}}},\"else\":{\"properties\":{\"b\":{}}}}",
         "/b", true},
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"properties\":{\"x\":{}}}}}", "/x", true},
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"properties\":{\"x\":{}}}}}", "/y", false},
        {"{\"properties\":{\"a\":{\"type\":\"array\"}}}", "/a/0/b", true},
        {"{\"properties\":{\"a\":{\"type\":\"array\"}}}", "/a/b", false},
        {"{\"properties\":{\"a\":{\"prefixItems\":[{}],\"items\":false}}}", "/a/1", false},
        {"{\"required\":[\"a\"]}", "/a", false}, /* to demand is not to declare */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_schema *schema = schema_of(cases[i].schema);
        cr_assert_eq(fnd_schema_declares(schema, cases[i].pointer), cases[i].declared, "%s: %s",
                     cases[i].schema, cases[i].pointer);
        fnd_schema_destroy(schema);
    }
}

Test(schema_at, what_differs_by_job_is_marked_on_the_leaf_or_above)
{
    static const char text[] =
        "{\"properties\":{"
        "\"a\":{\"x-foundry-per-job\":true},\"b\":{\"x-foundry-per-job\":false},\"c\":{},"
        "\"o\":{\"x-foundry-per-job\":true,\"properties\":{\"p\":{\"items\":{}}}},"
        "\"l\":{\"items\":{\"properties\":{\"q\":{\"x-foundry-per-job\":true},\"w\":{}}}},"
        "\"r\":{\"$ref\":\"#/$defs/r\"}},"
        "\"patternProperties\":{\"^x\":{\"x-foundry-per-job\":true}},"
        "\"additionalProperties\":{\"x-foundry-per-job\":true},"
        "\"anyOf\":[{\"properties\":{\"c\":{}}},{\"properties\":{\"z\":{\"x-foundry-per-job\":true}"
        "}}"
        "],\"$defs\":{\"r\":{\"x-foundry-per-job\":true}}}";
    static const struct {
        const char *pointer;
        bool per_job;
    } cases[] = {{"", false},     {"/a", true},     {"/a/deep/0", true}, {"/b", false},
                 {"/c", false},   {"/o", true},     {"/o/p/3", true},    {"/l", false},
                 {"/l/0", false}, {"/l/0/q", true}, {"/l/0/w", false},   {"/l/q", false},
                 {"/r", true},    {"/xy", true},    {"/other", true},    {"/z", true},
                 {"a", false},    {"/c/x", false}};
    struct fnd_schema *schema = schema_of(text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(fnd_schema_per_job(schema, cases[i].pointer), cases[i].per_job, "%s",
                     cases[i].pointer);
    }
    fnd_schema_destroy(schema);
    schema = schema_of("{\"x-foundry-per-job\":true}");
    cr_assert(fnd_schema_per_job(schema, ""));
    cr_assert(fnd_schema_per_job(schema, "/anything"));
    fnd_schema_destroy(schema);
}

Test(schema_at, names_that_are_not_declared_are_told_with_did_you_mean)
{
    struct fnd_schema *schema = schema_of(form);
    struct fnd_flaws flaws = {0};
    cr_assert(fnd_schema_check_declared(
        schema, json_of("{\"a\":\"x\",\"lines\":[{\"n\":1}],\"free\":{\"x\":{\"y\":1}},\"b\":5}"),
        &flaws));
    cr_assert_eq(flaws.count, 0);
    const struct fnd_json value =
        json_of("{\"linse\":1,\"lines\":[{\"n\":1},{\"m\":{\"k\":1}}],\"quite_else\":2}");
    cr_assert_not(fnd_schema_check_declared(schema, value, &flaws));
    cr_assert_eq(flaws.count, 3);
    cr_assert_str_eq(flaws.list[0].pointer, "/linse");
    cr_assert_str_eq(flaws.list[0].message, "\"linse\" is not known here; did you mean \"lines\"?");
    cr_assert(flaws.list[0].is_key);
    cr_assert_str_eq(flaws.list[1].pointer, "/lines/1/m");
    cr_assert_str_eq(flaws.list[2].message, "\"quite_else\" is not known here");
    cr_assert_not(fnd_schema_check_declared(schema, value, &flaws)); /* told already */
    cr_assert_eq(flaws.count, 3);
    cr_assert_not(fnd_schema_check_declared(schema, value, NULL));
    fnd_flaws_finish(&flaws);
    fnd_schema_destroy(schema);
}
