/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <math.h>
#include <stdint.h>

#include "json_help.h"

/* A number of `count` equal digits behind `begin`. */
static char *many(const char *begin, char digit, size_t count, const char *end)
{
    struct fnd_text text = {0};
    fnd_text_append_z(&text, begin);
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_byte(&text, digit);
    }
    fnd_text_append_z(&text, end);
    return fnd_text_take(&text);
}

static void expect_order(const char *a, const char *b, int order)
{
    int forth = fnd_json_number_compare(json_of(a), json_of(b));
    int back = fnd_json_number_compare(json_of(b), json_of(a));
    cr_expect(order == 0 ? forth == 0 && back == 0
                         : (order < 0 ? forth < 0 && back > 0 : forth > 0 && back < 0),
              "%.60s and %.60s: %d, %d", a, b, forth, back);
}

Test(number, comparison_is_by_exact_decimal_value)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        {"1.10", "1.1", 0},
        {"-0", "0", 0},
        {"0", "0.000", 0},
        {"0e999999999999999999999", "-0.0e-5", 0},
        {"1", "2", -1},
        {"-1", "1", -1},
        {"-2", "-1", -1},
        {"0", "1e-400", -1},
        {"0", "-1e-400", 1},
        {"10", "9", 1},
        {"100", "1e2", 0},
        {"1e2", "1E+02", 0},
        {"0.001", "1e-3", 0},
        {"123.456", "1.23456e2", 0},
        {"123456e-3", "123.456", 0},
        {"1e400", "1e399", 1},
        {"-1e400", "-1e399", -1},
        {"1e-400", "1e-399", -1},
        {"9007199254740993", "9007199254740992", 1},
        {"0.1", "0.1000000000000000055511151231257827", -1},
        {"1.000000000000000000000000000001", "1", 1},
        {"99999999999999999999", "100000000000000000000", -1},
        {"12", "1.2", 1},
        {"1.25", "1.3", -1},
        {"1.3", "1.25", 1},
        {"0.0012", "0.012", -1},
        {"5e0", "5", 0},
        {"50e-1", "5.0", 0},
        {"1e1000000000000000000000000", "1e999999999999999999999999", 1},
        {"10e999999999999999999999999", "1e1000000000000000000000000", 0},
        {"0.1e1000000000000000000000001", "1e1000000000000000000000000", 0},
        {"1e-1000000000000000000000000", "10e-1000000000000000000000001", 0},
        {"1e1000000000000000000000000", "1e-1000000000000000000000000", 1},
        {"-1e99999999999999999999", "1e-99999999999999999999", -1},
        {"1e00000000000000000000000000005", "100000", 0},
        {"1e-0", "1", 0},
        {"9e99999999999999999999", "1e100000000000000000000", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_order(cases[i].a, cases[i].b, cases[i].order);
    }
}

Test(number, comparison_of_long_numbers_is_exact)
{
    char *zeros = many("1", '0', 5000, ""), *power = many("", '0', 0, "1e5000");
    char *more = many("1", '0', 4999, "1"), *nines = many("0.", '9', 5000, "");
    char *small = many("0.", '0', 4999, "1");
    expect_order(zeros, power, 0);
    expect_order(more, power, 1);
    expect_order(nines, "1", -1);
    expect_order(small, "1e-5000", 0);
    expect_order(small, "1.0000000001e-5000", -1);
    free(zeros);
    free(power);
    free(more);
    free(nines);
    free(small);
}

Test(number, an_integer_is_what_has_the_value_of_one_and_fits)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"0.0", 0},
        {"0e99999999999999999999", 0},
        {"5", 5},
        {"5.0", 5},
        {"5e0", 5},
        {"0.5e1", 5},
        {"50e-1", 5},
        {"-12.000", -12},
        {"1e18", 1000000000000000000},
        {"0.00012e6", 120},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
        {"9223372036854775807000e-3", INT64_MAX},
        {"9.223372036854775807e18", INT64_MAX},
        {"9007199254740993", 9007199254740993},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = -77;
        cr_expect(fnd_json_integer(json_of(cases[i].text), &value), "%s", cases[i].text);
        cr_expect_eq(value, cases[i].value, "%s: %lld", cases[i].text, (long long)value);
    }
    static const char *const others[] = {"0.5",
                                         "5.5",
                                         "-0.1",
                                         "1e-1",
                                         "12e-1",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "1e19",
                                         "99999999999999999999",
                                         "1e99999999999999999999",
                                         "1e-99999999999999999999",
                                         "10000000000000000000",
                                         "\"5\"",
                                         "null",
                                         "true",
                                         "[5]",
                                         "{}",
                                         "18446744073709551621"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        int64_t value = -77;
        cr_expect(!fnd_json_integer(json_of(others[i]), &value) && value == -77, "%s", others[i]);
    }
    int64_t value = -77;
    cr_expect(!fnd_json_integer((struct fnd_json){0}, &value) && value == -77);
}

Test(number, a_double_is_the_nearest_one_that_is_finite)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0.0},
        {"1.5", 1.5},
        {"-1e3", -1000.0},
        {"0.1", 0.1},
        {"1e-400", 0.0},
        {"5e-324", 4.9406564584124654e-324},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"9007199254740993", 9007199254740992.0},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = -7;
        cr_expect(fnd_json_number(json_of(cases[i].text), &value), "%s", cases[i].text);
        cr_expect(value == cases[i].value, "%s: %.17g", cases[i].text, value);
    }
    double value = 1;
    cr_expect(fnd_json_number(json_of("-0"), &value) && value == 0 && signbit(value));
    static const char *const others[] = {
        "1e309", "-1e309", "1e99999999999999999999", "\"1\"", "null", "true", "[1]"};
    value = -7;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_expect(!fnd_json_number(json_of(others[i]), &value) && value == -7, "%s", others[i]);
    }
    cr_expect(!fnd_json_number((struct fnd_json){0}, &value) && value == -7);
    char *longer = many("1.", '0', 500, "5");
    cr_expect(fnd_json_number(json_of(longer), &value) && value == 1.0);
    free(longer);
}

/* A number ends where its span ends, also in front of digits. */
Test(number, a_number_inside_a_document_ends_with_its_span)
{
    double value = 0;
    struct fnd_json number = {"12345", 2};
    cr_expect(fnd_json_number(number, &value) && value == 12.0);
}

Test(number, the_locale_changes_nothing)
{
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"};
    size_t i = 0;
    while (setlocale(LC_ALL, locales[i]) == NULL) { /* the last is always there */
        i++;
    }
    double value = 0;
    cr_expect(fnd_json_number(json_of("1.5"), &value) && value == 1.5, "in %s", locales[i]);
    setlocale(LC_ALL, "C");
}

Test(number, a_multiple_is_exact)
{
    static const struct {
        const char *number, *divisor;
        bool multiple;
    } cases[] = {
        {"0", "3", true},
        {"-0.0", "0.1", true},
        {"6", "3", true},
        {"7", "3", false},
        {"-6", "3", true},
        {"0.3", "0.1", true},
        {"1.1", "0.1", true},
        {"0.0075", "0.0001", true},
        {"0.00751", "0.0001", false},
        {"4.02", "0.01", true},
        {"4.025", "0.01", false},
        {"35", "1.5", false},
        {"4.5", "1.5", true},
        {"1e308", "0.123456789", false},
        {"12391239123", "1e-8", true},
        {"1e300", "7", false},
        {"7e300", "7", true},
        {"1e2", "8", false},
        {"1e3", "8", true},
        {"9007199254740993", "2", false},
        {"9007199254740994", "2", true},
        {"100", "1e2", true},
        {"10", "1e2", false},
        {"5", "10", false},
        {"5", "0", false},
        {"5", "0.0", false},
        {"5", "-5", false},
        {"123456789123456789123456789", "123456789", true},
        {"123456789123456789123456788", "123456789", false},
        {"1e1000000000000", "1024", true},
        {"1e1000000000000", "3", false},
        {"3e1000000000000", "3", true},
        {"3e100000000000000000000000", "3e-100000000000000000000", true},
        {"1e-100000000000000000000000", "1", false},
        {"1", "1e-100000000000000000000000", true},
        {"2.5", "2.5", true},
        {"250", "2.5", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(fnd_json_number_multiple(json_of(cases[i].number), json_of(cases[i].divisor)),
                     cases[i].multiple, "%s of %s", cases[i].number, cases[i].divisor);
    }
}

/* 2^1325 has 399 digits: 10^1325 is the least power of ten that it divides. */
Test(number, each_zero_that_can_matter_counts)
{
    char power[400] = "1"; /* its digits, the lowest first */
    size_t count = 1;
    for (size_t i = 0; i < 1325; i++) {
        int carry = 0;
        for (size_t k = 0; k < count; k++) {
            int digit = (power[k] - '0') * 2 + carry;
            power[k] = (char)('0' + digit % 10);
            carry = digit / 10;
        }
        if (carry > 0) {
            cr_assert_lt(count, sizeof power - 1);
            power[count++] = '1';
        }
    }
    cr_assert_eq(count, 399);
    for (size_t k = 0; k < count / 2; k++) {
        char digit = power[k];
        power[k] = power[count - 1 - k];
        power[count - 1 - k] = digit;
    }
    cr_expect(fnd_json_number_multiple(json_of("1e1325"), json_of(power)));
    cr_expect(fnd_json_number_multiple(json_of("1e999999999999"), json_of(power)));
    cr_expect(!fnd_json_number_multiple(json_of("1e1324"), json_of(power)));
}

Test(number, multiples_of_long_divisors_are_exact_below_their_limit)
{
    char *divisor = many("", '3', 399, ""), *twice = many("", '6', 399, "");
    char *near = many("", '6', 398, "7"), *power = many("5", '0', 700, "");
    cr_expect(fnd_json_number_multiple(json_of(twice), json_of(divisor)));
    cr_expect(!fnd_json_number_multiple(json_of(near), json_of(divisor)));
    cr_expect(fnd_json_number_multiple(json_of(power), json_of("3125")));
    char *beyond = many("0.", '9', 400, ""); /* as a double it is 1 */
    cr_expect(fnd_json_number_multiple(json_of("3"), json_of(beyond)));
    cr_expect(!fnd_json_number_multiple(json_of("3.5"), json_of(beyond)));
    cr_expect(!fnd_json_number_multiple(json_of("1e400"), json_of(beyond)));
    free(divisor);
    free(twice);
    free(near);
    free(power);
    free(beyond);
}
