/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "command/answer.h"

static const char gate[] =
    "{\"request\":3,\"origin\":\"gate\",\"questions\":["
    "{\"key\":\"a\",\"pointer\":\"/code\",\"schema\":{\"type\":[\"string\",\"number\"]}},"
    "{\"key\":\"b\",\"pointer\":\"/pick\",\"schema\":{\"enum\":[\"101\",\"102\"]}}],"
    "\"subject\":{\"name\":\"Hardwar\",\"code\":\"7\",\"pick\":null,\"count\":1,\"free\":true,"
    "\"lines\":[{\"quantity\":1}]},"
    "\"schema\":{\"properties\":{\"name\":{\"type\":\"string\"},\"count\":{\"type\":\"number\"},"
    "\"when\":{\"type\":\"string\"},"
    "\"lines\":{\"items\":{\"$ref\":\"#/$defs/line\"}}},"
    "\"$defs\":{\"line\":{\"properties\":{\"quantity\":{\"type\":\"number\"},"
    "\"sku\":{\"type\":\"string\"}}}}}}";
static const char phase[] = "{\"request\":4,\"origin\":\"phase\",\"questions\":["
                            "{\"key\":\"repeat\",\"schema\":{\"enum\":[\"run\",\"fail\"]}},"
                            "{\"key\":\"count\",\"schema\":{\"type\":\"integer\"}}]}";

Test(answer, the_schema_decides_what_a_value_is)
{
    static const struct {
        const char *request, *setting, *values;
    } cases[] = {
        {gate, "name=10", "\"/name\":\"10\""},
        {gate, "/name=10", "\"/name\":\"10\""},
        {gate, "name=\"10\"", "\"/name\":\"10\""},
        {gate, "name=Hardware & Son", "\"/name\":\"Hardware & Son\""},
        {gate, "name=a=b", "\"/name\":\"a=b\""},
        {gate, "name=", "\"/name\":\"\""},
        {gate, "count=10", "\"/count\":10"},
        {gate, "count=1.10", "\"/count\":1.10"},
        {gate, "count=ten", "\"/count\":\"ten\""},
        {gate, "/lines/0/quantity=10", "\"/lines/0/quantity\":10"},
        {gate, "/lines/0/sku=10", "\"/lines/0/sku\":\"10\""},
        {gate, "/lines=[]", "\"/lines\":[]"},
        {gate, "when=2026", "\"/when\":\"2026\""},
        {gate, "code=8", "\"/code\":\"8\""},     /* both would do: it stays text */
        {gate, "pick=102", "\"/pick\":\"102\""}, /* only text is among the choices */
        {gate, "free=false", "\"/free\":false"},
        {gate, "new=5", "\"/new\":5"},
        {gate, "a/b=5", "\"/a~1b\":5"},
        {gate, "lines/0/quantity=10", "\"/lines/0/quantity\":10"}, /* as a question says it */
        {gate, "lines/7/quantity=10", "\"/lines~17~1quantity\":10"},
        {phase, "repeat=run", "\"repeat\":\"run\""},
        {phase, "count=3", "\"count\":3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text values = {0};
        struct fnd_error error = {0};
        struct fnd_json request;
        cr_assert_eq(
            fnd_json_check(cases[i].request, strlen(cases[i].request), NULL, &request, &error),
            FND_OK, "%s", error.message);
        cr_expect_eq(fnd_answer_set(request, cases[i].setting, &values, &error), FND_OK, "%s: %s",
                     cases[i].setting, error.message);
        cr_expect_str_eq(fnd_text_z(&values), cases[i].values, "%s", cases[i].setting);
        fnd_text_finish(&values);
    }
}

Test(answer, settings_that_are_none_are_refused)
{
    static const struct {
        const char *request, *setting, *message;
    } cases[] = {
        {gate, "name", "FIELD=VALUE"},
        {gate, "name=\xff", "UTF-8"},
        {gate, "/a~2=1", "no JSON pointer"},
        {phase, "nothing=1", "no question 'nothing'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text values = {0};
        struct fnd_error error = {0};
        struct fnd_json request;
        cr_assert_eq(
            fnd_json_check(cases[i].request, strlen(cases[i].request), NULL, &request, NULL),
            FND_OK);
        cr_expect_eq(fnd_answer_set(request, cases[i].setting, &values, &error), FND_INVALID);
        cr_expect(strstr(error.message, cases[i].message) != NULL, "%s", error.message);
        cr_expect_eq(values.size, 0u);
        fnd_text_finish(&values);
    }
}

Test(answer, members_of_an_answer_are_taken_over_and_others_refused)
{
    static const struct {
        const char *answer, *members; /* NULL: refused */
        bool by;
        const char *message;
    } cases[] = {
        {"{}", "", false, NULL},
        {"{\"request\":3,\"values\":{\"/a\":1.10}}", ",\"values\":{\"/a\":1.10}", false, NULL},
        {"{\"by\":\"ann\",\"accept\":true}", ",\"by\":\"ann\",\"accept\":true", true, NULL},
        {"[]", NULL, false, "an answer is a JSON object, this is array"},
        {"{\"valeus\":{}}", NULL, false, "did you mean \"values\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text members = {0};
        struct fnd_error error = {0};
        struct fnd_json answer;
        bool by = false;
        cr_assert_eq(fnd_json_check(cases[i].answer, strlen(cases[i].answer), NULL, &answer, NULL),
                     FND_OK);
        enum fnd_status status = fnd_answer_members(answer, &members, &by, &error);
        cr_expect_eq(status, cases[i].members != NULL ? FND_OK : FND_INVALID, "%s",
                     cases[i].answer);
        if (cases[i].members != NULL) {
            cr_expect_str_eq(fnd_text_z(&members), cases[i].members);
            cr_expect_eq(by, cases[i].by);
        } else {
            cr_expect(strstr(error.message, cases[i].message) != NULL, "%s", error.message);
        }
        fnd_text_finish(&members);
    }
}
