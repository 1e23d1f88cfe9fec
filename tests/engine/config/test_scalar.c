/* SPDX-License-Identifier: MIT */
/* Plain scalars by the core schema of YAML 1.2. */
#include "config/scalar.h"
#include "config_help.h"

enum { CASES_MIN = 120 };

/* `json` is what the scalar becomes; NULL: it is the text itself. */
struct scalar_case {
    const char *text, *json;
};

static const struct scalar_case cases[] = {
    /* null and booleans, in their three spellings and no other */
    {"", "null"},
    {"~", "null"},
    {"null", "null"},
    {"Null", "null"},
    {"NULL", "null"},
    {"nULL", NULL},
    {"nil", NULL},
    {"none", NULL},
    {"true", "true"},
    {"True", "true"},
    {"TRUE", "true"},
    {"tRUE", NULL},
    {"false", "false"},
    {"False", "false"},
    {"FALSE", "false"},
    {"fALSE", NULL},
    {"yes", NULL},
    {"no", NULL},
    {"on", NULL},
    {"off", NULL},
    {"y", NULL},
    {"n", NULL},
    {"Yes", NULL},
    {"NO", NULL},
    /* integers */
    {"0", "0"},
    {"-0", "-0"},
    {"+0", "0"},
    {"1", "1"},
    {"+5", "5"},
    {"-5", "-5"},
    {"007", "7"},
    {"-007", "-7"},
    {"+007", "7"},
    {"00", "0"},
    {"000", "0"},
    {"-00", "-0"},
    {"08", "8"},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"9007199254740993", "9007199254740993"},
    {"1_000", NULL},
    {"1,000", NULL},
    {"++1", NULL},
    {"--1", NULL},
    {"+-1", NULL},
    {"+", NULL},
    {"-", NULL},
    {"1-", NULL},
    {"1 2", NULL},
    {"１", NULL},
    /* other bases */
    {"0x0", "0"},
    {"0x1F", "31"},
    {"0x1f", "31"},
    {"0xfF", "255"},
    {"0x00ff", "255"},
    {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"},
    {"0x0000000000000000000000000001", "1"},
    {"0o0", "0"},
    {"0o17", "15"},
    {"0o0017", "15"},
    {"0o1777777777777777777777", "18446744073709551615"},
    {"0x", NULL},
    {"0o", NULL},
    {"0xG", NULL},
    {"0x1G", NULL},
    {"0o8", NULL},
    {"0o78", NULL},
    {"0X1F", NULL},
    {"0O17", NULL},
    {"-0x1F", NULL},
    {"+0o17", NULL},
    {"0b101", NULL},
    {"x1F", NULL},
    {"0x1.8", NULL},
    /* floats: the text stays, but for what JSON does not know */
    {"1.10", "1.10"},
    {"1.0", "1.0"},
    {"-1.50", "-1.50"},
    {".5", "0.5"},
    {"-.5", "-0.5"},
    {"+.5", "0.5"},
    {"5.", "5.0"},
    {"-5.", "-5.0"},
    {"05.50", "5.50"},
    {"00.5", "0.5"},
    {"0.0", "0.0"},
    {"-0.0", "-0.0"},
    {"1e5", "1e5"},
    {"1E5", "1E5"},
    {"1e+5", "1e+5"},
    {"1e-5", "1e-5"},
    {"1e05", "1e05"},
    {"01e5", "1e5"},
    {".5e3", "0.5e3"},
    {"5.e3", "5.0e3"},
    {"+1.5E-10", "1.5E-10"},
    {"1e400", "1e400"},
    {"0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"},
    {".", NULL},
    {"-.", NULL},
    {"..", NULL},
    {"1..2", NULL},
    {"1.2.3", NULL},
    {"e5", NULL},
    {".e5", NULL},
    {"1e", NULL},
    {"1e+", NULL},
    {"1e5.5", NULL},
    {"1e5e5", NULL},
    {"1.e", NULL},
    {"0.5%", NULL},
    {"2%", NULL},
    {"60s", NULL},
    {"1:30", NULL},
    {"2026-03-01", NULL},
    {"192.0.2.1", NULL},
    {"inf", NULL},
    {"nan", NULL},
    {"Infinity", NULL},
    {".iNF", NULL},
    {".Nan", NULL},
    {"+.nan", NULL},
    {"-.NaN", NULL},
    {"..inf", NULL},
    {"<<", NULL},
    {"=", NULL},
};

Test(scalar, plain_scalars_mean_what_the_core_schema_says)
{
    const size_t count = sizeof cases / sizeof cases[0];
    cr_assert_geq(count, CASES_MIN);
    for (size_t i = 0; i < count; i++) {
        enum fnd_node_kind kind = FND_NODE_LIST;
        struct fnd_text number = {0};
        cr_assert_eq(fnd_scalar_resolve(cases[i].text, strlen(cases[i].text), &kind, &number),
                     FND_SCALAR_OK, "%s", cases[i].text);
        enum fnd_node_kind expected = FND_NODE_STRING;
        if (cases[i].json != NULL) {
            const char first = cases[i].json[0];
            expected = first == 'n'                   ? FND_NODE_NULL
                       : first == 't' || first == 'f' ? FND_NODE_BOOLEAN
                                                      : FND_NODE_NUMBER;
        }
        cr_assert_eq(kind, expected, "%s is of kind %d", cases[i].text, (int)kind);
        cr_assert_str_eq(fnd_text_z(&number), expected == FND_NODE_NUMBER ? cases[i].json : "");
        fnd_text_finish(&number);
    }
}

Test(scalar, every_number_text_is_json)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum fnd_node_kind kind;
        struct fnd_text number = {0};
        fnd_scalar_resolve(cases[i].text, strlen(cases[i].text), &kind, &number);
        struct fnd_json value;
        struct fnd_error error = {0};
        cr_assert(kind != FND_NODE_NUMBER ||
                      (fnd_json_check(number.bytes, number.size, NULL, &value, &error) == FND_OK &&
                       fnd_json_type(value) == FND_JSON_NUMBER),
                  "%s became %s: %s", cases[i].text, fnd_text_z(&number), error.message);
        fnd_text_finish(&number);
    }
}

Test(scalar, numbers_that_json_cannot_hold_are_told_apart)
{
    static const struct {
        const char *text;
        enum fnd_scalar_verdict verdict;
    } refused[] = {{".inf", FND_SCALAR_NOT_FINITE},
                   {".Inf", FND_SCALAR_NOT_FINITE},
                   {".INF", FND_SCALAR_NOT_FINITE},
                   {"+.inf", FND_SCALAR_NOT_FINITE},
                   {"-.INF", FND_SCALAR_NOT_FINITE},
                   {".nan", FND_SCALAR_NOT_FINITE},
                   {".NaN", FND_SCALAR_NOT_FINITE},
                   {".NAN", FND_SCALAR_NOT_FINITE},
                   {"0x10000000000000000", FND_SCALAR_TOO_LARGE},
                   {"0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", FND_SCALAR_TOO_LARGE},
                   {"0o2000000000000000000000", FND_SCALAR_TOO_LARGE}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        enum fnd_node_kind kind;
        struct fnd_text number = {0};
        cr_assert_eq(fnd_scalar_resolve(refused[i].text, strlen(refused[i].text), &kind, &number),
                     refused[i].verdict, "%s", refused[i].text);
        cr_assert_eq(kind, FND_NODE_NUMBER);
        cr_assert_eq(number.size, 0);
        fnd_text_finish(&number);
    }
}
