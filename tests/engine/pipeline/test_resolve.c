/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const char documents[] =
    "{\"input\":{\"file\":\"input\",\"name\":\"a\\\"\\u00e9.png\",\"size\":9007199254740993,"
    "\"total\":1.10,\"none\":null,\"yes\":true,\"odd key\":{\"a/b~c\":[10,20]},\"list\":[1,{\"x\":"
    "2}],\"trap\":\"${input.file}\",\"\xc3\xbc\":\"u\"},\"run\":{\"job\":\"j-1\",\"attempt\":2},"
    "\"p\":{\"text\":\"T\",\"deep\":{\"a\":{\"b\":1}}}}";

static const struct {
    const char *with, *config, *code;
} rows[] = {
    /* a leaf that is one whole reference keeps the type, and the text of numbers */
    {"{a: '${input.total}'}", "{\"a\":1.10}", NULL},
    {"{a: '${input.size}'}", "{\"a\":9007199254740993}", NULL},
    {"{a: '${input.name}'}", "{\"a\":\"a\\\"\\u00e9.png\"}", NULL},
    {"{a: '${input.none}'}", "{\"a\":null}", NULL},
    {"{a: '${input.yes}'}", "{\"a\":true}", NULL},
    {"{a: '${input.list}'}", "{\"a\":[1,{\"x\":2}]}", NULL},
    {"{a: '${p}'}", "{\"a\":{\"text\":\"T\",\"deep\":{\"a\":{\"b\":1}}}}", NULL},
    /* paths */
    {"{a: '${input.list.1.x}'}", "{\"a\":2}", NULL},
    {"{a: '${input.list[1].x}'}", "{\"a\":2}", NULL},
    {"{a: '${input[\"odd key\"][\"a/b~c\"].1}'}", "{\"a\":20}", NULL},
    {"{a: \"${input['odd key']['a/b~c'][0]}\"}", "{\"a\":10}", NULL},
    {"{a: '${input.\xc3\xbc}'}", "{\"a\":\"u\"}", NULL},
    {"{a: '${p.deep.a.b}'}", "{\"a\":1}", NULL},
    {"{a: '${run.attempt}', b: '${run.job}'}", "{\"a\":2,\"b\":\"j-1\"}", NULL},
    /* inside a text */
    {"{a: 'n=${input.total}!'}", "{\"a\":\"n=1.10!\"}", NULL},
    {"{a: '${input.name}-${run.attempt}${input.yes}'}", "{\"a\":\"a\\\"\\u00e9.png-2true\"}", NULL},
    {"{a: '${input.total}${input.total}'}", "{\"a\":\"1.101.10\"}", NULL},
    {"{a: \"\\\"${p.text}\\n\"}", "{\"a\":\"\\\"T\\n\"}", NULL},
    /* literal dollars */
    {"{a: '$${input.file}'}", "{\"a\":\"${input.file}\"}", NULL},
    {"{a: '$${x} ${p.text} $5 $'}", "{\"a\":\"${x} T $5 $\"}", NULL},
    {"{a: '$$ {x}'}", "{\"a\":\"$$ {x}\"}", NULL},
    /* values are never looked into for references */
    {"{a: '${input.trap}', b: 'x ${input.trap}'}",
     "{\"a\":\"${input.file}\",\"b\":\"x ${input.file}\"}", NULL},
    {"{a: '${params.trap} ${p.text}', b: '${params.trap}'}",
     "{\"a\":\"${p.text} T\",\"b\":\"${p.text}\"}", NULL},
    /* where leaves may stand; keys come out sorted */
    {"{z: 1.10, b: [x, '${p.text}', {c: ['${run.attempt}']}], a: {}}",
     "{\"a\":{},\"b\":[\"x\",\"T\",{\"c\":[2]}],\"z\":1.10}", NULL},
    {"{'${p.text}': '${p.text}'}", "{\"${p.text}\":\"T\"}", NULL},
    {"{a: null, b: [], c: '', d: 1e400}", "{\"a\":null,\"b\":[],\"c\":\"\",\"d\":1e400}", NULL},
    /* what fails */
    {"{a: '${input.gone}'}", NULL, "bad_reference"},
    {"{a: '${input.list.7}'}", NULL, "bad_reference"},
    {"{a: '${input.list.x}'}", NULL, "bad_reference"},
    {"{a: '${input.total.x}'}", NULL, "bad_reference"},
    {"{a: '${p.deep.q.r}'}", NULL, "bad_reference"},
    {"{a: 'x ${input.none}'}", NULL, "bad_reference"},
    {"{a: 'x ${input.list}'}", NULL, "bad_reference"},
    {"{a: 'x ${p}'}", NULL, "bad_reference"},
};

/* The parameter's default is data: what stands in it is no reference. */
static struct fnd_pipeline *with_load(struct fixture *fixture, const char *with)
{
    struct fnd_text yaml = {0};
    fnd_text_printf(&yaml,
                    HEAD "params: {trap: {type: string, default: '${p.text}'}}\n"
                         "phases:\n  - {id: p, uses: demo/plain}\n"
                         "  - id: a\n    uses: demo/any\n    with: %s\n",
                    with);
    struct fnd_pipeline *pipeline = fixture_good(fixture, fnd_text_z(&yaml));
    fnd_text_finish(&yaml);
    return pipeline;
}

Test(test_resolve, values_come_in_as_they_are_written)
{
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fnd_error error = {0};
        struct fnd_pipeline *pipeline = with_load(fixture, rows[i].with);
        struct fnd_bound *bound = &pipeline->phases[1].bound;
        cr_assert_eq(fnd_bound_arm(bound, NULL, &error), FND_OK);
        char *config = fixture_resolve(bound, documents, &error);
        if (rows[i].config != NULL) {
            cr_expect_not_null(config, "%s: %s", rows[i].with, error.message);
            cr_expect_str_eq(config != NULL ? config : "", rows[i].config, "%s", rows[i].with);
        } else {
            cr_expect_null(config, "%s gave %s", rows[i].with, config);
            cr_expect_str_eq(error.code, rows[i].code);
            cr_expect_not_null(strstr(error.message, "`${"), "%s", error.message);
        }
        free(config);
        fnd_pipeline_destroy(pipeline);
    }
    fixture_destroy(fixture);
}

Test(test_resolve, a_dangling_reference_says_what_is_there)
{
    static const struct {
        const char *with, *part;
    } said[] = {
        {"{a: '${p.deep.q.r}'}", "`p` at /deep is an object with a"},
        {"{a: '${p.txt}'}", "`p` is an object with text, deep"},
        {"{a: '${input.list.7}'}", "`input` at /list is an array of 2"},
        {"{a: '${input.total.x}'}", "`input` at /total is a number"},
    };
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct fnd_error error = {0};
        struct fnd_pipeline *pipeline = with_load(fixture, said[i].with);
        cr_expect_null(fixture_resolve(&pipeline->phases[1].bound, documents, &error));
        cr_expect_eq(error.status, FND_NOT_FOUND);
        cr_expect_not_null(strstr(error.message, said[i].part), "%s", error.message);
        fnd_pipeline_destroy(pipeline);
    }
    struct fnd_error error = {0};
    struct fnd_pipeline *pipeline = with_load(fixture, "{a: '${p.text}'}");
    cr_expect_null(fixture_resolve(&pipeline->phases[1].bound, "{}", &error));
    cr_expect_not_null(strstr(error.message, "`p` has no value"), "%s", error.message);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_resolve, each_root_is_asked_for_once)
{
    struct fixture *fixture = fixture_create();
    struct fixture_scope scope;
    struct fnd_text config = {0};
    struct fnd_error error = {0};
    struct fnd_pipeline *pipeline =
        with_load(fixture, "{a: '${p.text}', b: '${p.text} ${p.deep.a.b}', c: '${run.job}'}");
    fixture_scope_init(&scope, documents);
    fnd_text_append_z(&config, "before ");
    cr_assert_eq(fnd_bound_resolve(&pipeline->phases[1].bound, &scope.scope, &config, &error),
                 FND_OK);
    cr_assert_eq(scope.asked, 2);
    cr_assert_str_eq(fnd_text_z(&config), "before {\"a\":\"T\",\"b\":\"T 1\",\"c\":\"j-1\"}");
    fnd_text_finish(&config);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

#define UPPER HEAD "phases:\n  - id: a\n    uses: demo/upper\n    with: "

Test(test_resolve, the_config_of_a_visit_must_meet_the_schema)
{
    struct fixture *fixture = fixture_create();
    struct fnd_error error = {0};
    struct fnd_pipeline *pipeline =
        fixture_good(fixture, UPPER "{text: '${input.t}', count: '${input.n}'}\n");
    const struct fnd_bound *bound = &pipeline->phases[0].bound;
    char *config = fixture_resolve(bound, "{\"input\":{\"t\":\"x\",\"n\":5.0}}", &error);
    cr_assert_str_eq(config, "{\"count\":5.0,\"lang\":\"eng\",\"options\":{\"deep\":false},"
                             "\"text\":\"x\"}");
    free(config);
    cr_assert_null(fixture_resolve(bound, "{\"input\":{\"t\":7,\"n\":5}}", &error));
    cr_assert_eq(error.status, FND_INVALID);
    cr_assert_str_eq(error.code, "invalid_config");
    cr_assert_not_null(strstr(error.message, "/text"), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "`${input.t}`"), "%s", error.message);
    cr_assert_null(fixture_resolve(bound, "{\"input\":{\"t\":\"x\",\"n\":5.5}}", &error));
    cr_assert_not_null(strstr(error.message, "/count"), "%s", error.message);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_resolve, a_value_too_deep_for_its_place_is_refused)
{
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = with_load(fixture, "{a: {b: '${p.v}'}}");
    for (int depth = 60; depth <= 62; depth++) {
        struct fnd_text json = {0};
        struct fnd_error error = {0};
        fnd_text_append_z(&json, "{\"p\":{\"v\":");
        for (int i = 0; i < depth; i++) {
            fnd_text_append_byte(&json, '[');
        }
        fnd_text_append_z(&json, "\"]]\\\"[[\"");
        for (int i = 0; i < depth; i++) {
            fnd_text_append_byte(&json, ']');
        }
        fnd_text_append_z(&json, "}}");
        char *config = fixture_resolve(&pipeline->phases[1].bound, fnd_text_z(&json), &error);
        cr_expect_not_null(config, "two containers around it and %d in it are %d", depth,
                           depth + 2);
        free(config);
        fnd_text_finish(&json);
    }
    fnd_pipeline_destroy(pipeline);
    pipeline = with_load(fixture, "{a: {b: {c: '${p.v}'}}}");
    struct fnd_text json = {0};
    struct fnd_error error = {0};
    fnd_text_append_z(&json, "{\"p\":{\"v\":");
    for (int i = 0; i < 62; i++) {
        fnd_text_append_byte(&json, '[');
    }
    for (int i = 0; i < 62; i++) {
        fnd_text_append_byte(&json, ']');
    }
    fnd_text_append_z(&json, "}}");
    cr_expect_null(fixture_resolve(&pipeline->phases[1].bound, fnd_text_z(&json), &error));
    cr_expect_eq(error.status, FND_LIMIT);
    fnd_text_finish(&json);
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

/* --- secrets --------------------------------------------------------------------------------- */

static char *secret_value(void *context, const char *name)
{
    const char *const *pairs = context;
    for (; *pairs != NULL; pairs += 2) {
        if (strcmp(pairs[0], name) == 0) {
            return fnd_strdup(pairs[1]);
        }
    }
    return NULL;
}

/* pairs: name, value, …, NULL */
static enum fnd_status arm(struct fnd_bound *bound, const char **pairs, struct fnd_error *error)
{
    const struct fnd_secrets secrets = {secret_value, pairs};
    return fnd_bound_arm(bound, &secrets, error);
}

Test(test_resolve, create_sees_what_holds_for_the_whole_run)
{
    static const struct {
        const char *with, *constant;
    } seen[] = {
        {"{a: 1, b: '${input.x}', c: {d: '${p}', e: 2}}", "{\"a\":1,\"c\":{\"e\":2}}"},
        {"{a: [1, '${input.x}'], b: [1]}", "{\"b\":[1]}"},
        {"{a: {b: [{c: '${input.x}'}, '${secrets.K}', '${p}']}}", "{\"a\":{}}"},
        {"{a: '${secrets.K}', b: 'Bearer ${secrets.K}', c: '${secrets.K}${run.job}'}",
         "{\"a\":\"s\\\"1\",\"b\":\"Bearer s\\\"1\"}"},
    };
    const char *pairs[] = {"K", "s\"1", NULL};
    struct fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        struct fnd_error error = {0};
        struct fnd_pipeline *pipeline = with_load(fixture, seen[i].with);
        struct fnd_bound *bound = &pipeline->phases[1].bound;
        cr_assert_eq(arm(bound, pairs, &error), FND_OK, "%s", error.message);
        cr_expect_str_eq(bound->constant, seen[i].constant, "%s", seen[i].with);
        cr_expect_eq(bound->callee.config_constant.bytes, bound->constant);
        cr_expect_eq(bound->callee.config_constant.size, strlen(bound->constant));
        fnd_pipeline_destroy(pipeline);
    }
    fixture_destroy(fixture);
}

Test(test_resolve, secrets_stand_in_the_config_and_nowhere_else)
{
    const char *one[] = {"K", "first\n", NULL};
    const char *two[] = {"K", "second", NULL};
    struct fixture *fixture = fixture_create();
    struct fnd_error error = {0};
    struct fnd_pipeline *pipeline =
        with_load(fixture, "{a: '${secrets.K}', b: '${secrets.K} ${run.attempt}'}");
    struct fnd_bound *bound = &pipeline->phases[1].bound;
    cr_assert_null(fixture_resolve(bound, documents, &error), "not armed yet");
    cr_assert_str_eq(error.code, "missing_secret");
    cr_assert_eq(arm(bound, one, &error), FND_OK);
    char *config = fixture_resolve(bound, documents, &error);
    cr_assert_str_eq(config, "{\"a\":\"first\\n\",\"b\":\"first\\n 2\"}");
    free(config);
    cr_assert_eq(arm(bound, two, &error), FND_OK);
    config = fixture_resolve(bound, documents, &error);
    cr_assert_str_eq(config, "{\"a\":\"second\",\"b\":\"second 2\"}");
    free(config);
    cr_assert_null(strstr(pipeline->pin, "second"));
    cr_assert_null(strstr(bound->with.json, "second"));
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}

Test(test_resolve, a_secret_that_is_missing_or_wrong_is_named_not_shown)
{
    const char *none[] = {NULL};
    const char *bytes[] = {"K", "\xff\xfe", NULL};
    const char *small[] = {"K", "hm3", NULL};
    const char *fine[] = {"K", "long enough", NULL};
    const struct {
        const char **pairs;
        enum fnd_status status;
        const char *code;
    } cases[] = {
        {none, FND_NOT_FOUND, "missing_secret"},
        {bytes, FND_INVALID, "bad_secret"},
        {small, FND_INVALID, "bad_secret"},
        {fine, FND_OK, ""},
    };
    struct fixture *fixture = fixture_create();
    struct fnd_pipeline *pipeline = fixture_good(fixture, UPPER "{text: x, key: '${secrets.K}'}\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_error error = {0};
        cr_expect_eq(arm(&pipeline->phases[0].bound, cases[i].pairs, &error), cases[i].status);
        cr_expect_str_eq(error.code, cases[i].code);
        cr_expect_null(strstr(error.message, "hm3"));
        cr_expect(cases[i].status == FND_OK || strstr(error.message, "K") != NULL);
    }
    struct fnd_error error = {0};
    struct fnd_bound *bound = &pipeline->phases[0].bound;
    cr_assert_eq(fnd_bound_arm(bound, NULL, &error), FND_NOT_FOUND);
    cr_assert_not_null(strstr(error.message, "FOUNDRY_SECRET_K"));
    cr_assert_not_null(bound->constant, "what was armed stays");
    fnd_pipeline_destroy(pipeline);
    fixture_destroy(fixture);
}
