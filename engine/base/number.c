/* SPDX-License-Identifier: MIT */
/* Numbers by their text: exact whatever their length, and without the locale. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strtod_l */
#endif
#include "base/json.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    DOUBLE_TEXT_SIZE = 128, /* longer numbers are copied to the heap on their way to a double */
    DIVISOR_DIGITS_MAX = 400,
    LIMB_DIGITS = 9,
    LIMB_BASE = 1000000000,
    LIMBS_MAX = DIVISOR_DIGITS_MAX / LIMB_DIGITS + 2,
    INT64_DIGITS = 19
};

/* A number taken apart: its value is 0.d1d2d3… times 10 to the power of (exponent + shift), where
 * d1 is the first digit that is not zero. The exponent stays text: it may have any length. */
struct decimal {
    bool negative, zero;
    const char *digits; /* at d1 */
    size_t digit_count; /* up to the last digit that is not zero; a point between is not counted */
    int64_t shift;      /* places of the point behind d1's left side */
    bool exponent_negative;
    const char *exponent; /* its digits, without leading zeros */
    size_t exponent_size;
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static struct decimal decimal_of(struct fnd_json number)
{
    struct decimal decimal = {0};
    const char *at = number.bytes, *end = number.bytes + number.size;
    decimal.negative = *at == '-';
    at += decimal.negative;
    const char *first = NULL; /* digit that is not zero */
    bool fraction = false;
    size_t count = 0;
    int64_t before_point = 0; /* places from d1 to the point; negative behind it */
    for (; at < end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (first == NULL && *at == '0') {
            before_point -= fraction;
            continue;
        }
        first = first == NULL ? at : first;
        count++;
        before_point += !fraction;
        decimal.digit_count = *at != '0' ? count : decimal.digit_count;
    }
    decimal.zero = first == NULL;
    decimal.digits = first;
    decimal.shift = before_point;
    if (at < end) { /* e or E */
        at++;
        decimal.exponent_negative = at < end && *at == '-';
        at += at < end && (*at == '-' || *at == '+');
        while (at < end && *at == '0') {
            at++;
        }
        decimal.exponent = at;
        decimal.exponent_size = (size_t)(end - at);
    }
    return decimal;
}

static int64_t exponent_digit(const struct decimal *decimal, size_t place)
{
    if (place >= decimal->exponent_size) {
        return 0;
    }
    int64_t digit = decimal->exponent[decimal->exponent_size - 1 - place] - '0';
    return decimal->exponent_negative ? -digit : digit;
}

/* a's exponent - b's exponent, both with their shifts; exact within ±10^17, beyond that right in
 * its sign. From the highest place down, a difference that is once that large stays so: each
 * further place multiplies it by ten and adds at most 18. Shifts are lengths of texts in memory,
 * which lie far below. */
static int64_t exponent_difference(const struct decimal *a, const struct decimal *b)
{
    const int64_t enough = (int64_t)100000000000000000;
    size_t places = a->exponent_size > b->exponent_size ? a->exponent_size : b->exponent_size;
    int64_t difference = 0;
    while (places-- > 0) {
        difference = difference * 10 + exponent_digit(a, places) - exponent_digit(b, places);
        if (difference > enough || difference < -enough) {
            break;
        }
    }
    return difference + a->shift - b->shift;
}

/* The digits one after the other, the point left out. */
static int next_digit(const char **at)
{
    if (**at == '.') {
        ++*at;
    }
    return *(*at)++ - '0';
}

/* By size, signs left aside; neither is zero. */
static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
    int64_t difference = exponent_difference(a, b);
    if (difference != 0) {
        return difference < 0 ? -1 : 1;
    }
    const char *x = a->digits, *y = b->digits;
    size_t shared = a->digit_count < b->digit_count ? a->digit_count : b->digit_count;
    for (size_t i = 0; i < shared; i++) {
        int order = next_digit(&x) - next_digit(&y);
        if (order != 0) {
            return order;
        }
    }
    return (a->digit_count > b->digit_count) - (a->digit_count < b->digit_count);
}

int fnd_json_number_compare(struct fnd_json a, struct fnd_json b)
{
    assert(fnd_json_type(a) == FND_JSON_NUMBER && fnd_json_type(b) == FND_JSON_NUMBER);
    struct decimal x = decimal_of(a), y = decimal_of(b);
    int x_sign = x.zero ? 0 : x.negative ? -1 : 1;
    int y_sign = y.zero ? 0 : y.negative ? -1 : 1;
    if (x_sign != y_sign) {
        return x_sign < y_sign ? -1 : 1;
    }
    return x_sign == 0 ? 0 : x_sign * compare_sizes(&x, &y);
}

bool fnd_json_number(struct fnd_json number, double *value)
{
    if (number.bytes == NULL || fnd_json_type(number) != FND_JSON_NUMBER) {
        return false;
    }
    char small[DOUBLE_TEXT_SIZE];
    char *copy = NULL;
    const char *z = small;
    if (number.size < sizeof small) {
        memcpy(small, number.bytes, number.size);
        small[number.size] = '\0';
    } else {
        copy = fnd_strndup(number.bytes, number.size);
        z = copy;
    }
    /* The C locale is part of the C library: nothing is loaded, and this cannot fail. */
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    assert(c_locale != (locale_t)0);
    double nearest = strtod_l(z, NULL, c_locale);
    freelocale(c_locale);
    free(copy);
    if (!isfinite(nearest)) {
        return false;
    }
    *value = nearest;
    return true;
}

bool fnd_json_integer(struct fnd_json number, int64_t *value)
{
    if (number.bytes == NULL || fnd_json_type(number) != FND_JSON_NUMBER) {
        return false;
    }
    struct decimal decimal = decimal_of(number);
    if (decimal.zero) {
        *value = 0;
        return true;
    }
    static const struct decimal none = {0};
    int64_t places = exponent_difference(&decimal, &none); /* digits before the point */
    if (places > INT64_DIGITS || places < (int64_t)decimal.digit_count) {
        return false;
    }
    uint64_t sum = 0;
    const char *at = decimal.digits;
    for (size_t i = 0; i < (size_t)places; i++) { /* 19 digits stay below 2^64 */
        sum = sum * 10 + (i < decimal.digit_count ? (uint64_t)next_digit(&at) : 0);
    }
    if (sum > (uint64_t)INT64_MAX + decimal.negative) {
        return false;
    }
    if (decimal.negative) {
        *value = sum > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)sum;
    } else {
        *value = (int64_t)sum;
    }
    return true;
}

/* A natural number, its lowest limb first. */
struct natural {
    size_t count;
    uint32_t limbs[LIMBS_MAX];
};

/* natural = natural * 10 + digit */
static void natural_push(struct natural *natural, uint32_t digit)
{
    uint64_t carry = digit;
    for (size_t i = 0; i < natural->count; i++) {
        uint64_t limb = (uint64_t)natural->limbs[i] * 10 + carry;
        natural->limbs[i] = (uint32_t)(limb % LIMB_BASE);
        carry = limb / LIMB_BASE;
    }
    if (carry > 0) {
        assert(natural->count < LIMBS_MAX);
        natural->limbs[natural->count++] = (uint32_t)carry;
    }
}

static int natural_compare(const struct natural *a, const struct natural *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = a->count; i-- > 0;) {
        if (a->limbs[i] != b->limbs[i]) {
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a -= b, where a >= b */
static void natural_subtract(struct natural *a, const struct natural *b)
{
    uint32_t borrow = 0;
    for (size_t i = 0; i < a->count; i++) {
        uint32_t less = (i < b->count ? b->limbs[i] : 0) + borrow;
        borrow = a->limbs[i] < less;
        a->limbs[i] += (borrow != 0 ? LIMB_BASE : 0) - less;
    }
    while (a->count > 0 && a->limbs[a->count - 1] == 0) {
        a->count--;
    }
}

/* Whether the divisor's digits divide the number's digits followed by `zeros` zeros: schoolbook
 * division, of which only the rest is kept. */
static bool divides(const struct decimal *number, size_t zeros, const struct decimal *divisor)
{
    struct natural by = {0}, rest = {0};
    const char *at = divisor->digits;
    for (size_t i = 0; i < divisor->digit_count; i++) {
        natural_push(&by, (uint32_t)next_digit(&at));
    }
    at = number->digits;
    for (size_t i = 0; i < number->digit_count + zeros; i++) {
        natural_push(&rest, i < number->digit_count ? (uint32_t)next_digit(&at) : 0);
        while (natural_compare(&rest, &by) >= 0) {
            natural_subtract(&rest, &by);
        }
    }
    return rest.count == 0;
}

bool fnd_json_number_multiple(struct fnd_json number, struct fnd_json divisor)
{
    assert(fnd_json_type(number) == FND_JSON_NUMBER && fnd_json_type(divisor) == FND_JSON_NUMBER);
    struct decimal a = decimal_of(number), b = decimal_of(divisor);
    if (b.zero || b.negative) {
        return false;
    }
    if (a.zero) {
        return true;
    }
    if (b.digit_count >= DIVISOR_DIGITS_MAX) {
        double x = 0, y = 0;
        return fnd_json_number(number, &x) && fnd_json_number(divisor, &y) && y > 0 &&
               fmod(x, y) == 0;
    }
    /* With all zeros cut off their ends, both are a whole number times a power of ten. */
    int64_t power = exponent_difference(&a, &b) - (int64_t)a.digit_count + (int64_t)b.digit_count;
    if (power < 0) {
        return false; /* the number's digits would have to end with a zero */
    }
    /* 10^p helps by its factors 2^p and 5^p alone, and the divisor's digits hold less than 1400 of
     * either: more zeros than that change nothing. */
    const int64_t power_max = DIVISOR_DIGITS_MAX * 7 / 2;
    return divides(&a, (size_t)(power < power_max ? power : power_max), &b);
}
