/* SPDX-License-Identifier: MIT */
#include "config/scalar.h"

#include <inttypes.h>
#include <string.h>

static bool is_one_of(const char *bytes, size_t size, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) == size && memcmp(*words, bytes, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t digits_count(const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && is_digit(*at)) {
        at++;
    }
    return (size_t)(at - begin);
}

/* The value of a hexadecimal or octal digit, or a number that no base has. */
static unsigned digit_value(char byte)
{
    if (is_digit(byte)) {
        return (unsigned)(byte - '0');
    }
    if (byte >= 'a' && byte <= 'f') {
        return (unsigned)(byte - 'a') + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return (unsigned)(byte - 'A') + 10;
    }
    return 99;
}

/* 0x1F and 0o17. JSON has decimal numbers only, so the value is written anew; 64 bits are enough
 * for any mask or colour, and a limit keeps the conversion linear. */
static bool resolve_based(const char *bytes, size_t size, enum fnd_scalar_verdict *verdict,
                          struct fnd_text *number)
{
    if (size < 3 || bytes[0] != '0' || (bytes[1] != 'x' && bytes[1] != 'o')) {
        return false;
    }
    const unsigned base = bytes[1] == 'x' ? 16 : 8;
    uint64_t value = 0;
    bool too_large = false;
    for (size_t i = 2; i < size; i++) {
        const unsigned digit = digit_value(bytes[i]);
        if (digit >= base) {
            return false; /* a string that begins like a number */
        }
        too_large = too_large || value > (UINT64_MAX - digit) / base;
        value = value * base + digit;
    }
    if (too_large) {
        *verdict = FND_SCALAR_TOO_LARGE;
    } else {
        fnd_text_printf(number, "%" PRIu64, value);
    }
    return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?  as JSON writes it: no '+', no
 * zeros in front, digits on both sides of the point. All other digits stay as they are. */
static bool resolve_decimal(const char *bytes, size_t size, struct fnd_text *number)
{
    const char *at = bytes, *end = bytes + size;
    const bool minus = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    const char *whole = at;
    size_t whole_size = digits_count(at, end);
    at += whole_size;
    const char *fraction = NULL;
    size_t fraction_size = 0;
    if (at < end && *at == '.') {
        fraction = ++at;
        fraction_size = digits_count(at, end);
        at += fraction_size;
    }
    if (whole_size + fraction_size == 0) {
        return false;
    }
    const char *exponent = at;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '-' || *at == '+')) {
            at++;
        }
        const size_t exponent_size = digits_count(at, end);
        if (exponent_size == 0) {
            return false;
        }
        at += exponent_size;
    }
    if (at != end) {
        return false;
    }
    while (whole_size > 1 && *whole == '0') {
        whole++;
        whole_size--;
    }
    fnd_text_append_z(number, minus ? "-" : "");
    fnd_text_append(number, whole_size > 0 ? whole : "0", whole_size > 0 ? whole_size : 1);
    if (fraction != NULL) {
        fnd_text_append_byte(number, '.');
        fnd_text_append(number, fraction_size > 0 ? fraction : "0",
                        fraction_size > 0 ? fraction_size : 1);
    }
    fnd_text_append(number, exponent, (size_t)(end - exponent));
    return true;
}

enum fnd_scalar_verdict fnd_scalar_resolve(const char *bytes, size_t size, enum fnd_node_kind *kind,
                                           struct fnd_text *number)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const booleans[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    static const char *const endless[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                          "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                          ".NaN",  ".NAN",  NULL};
    enum fnd_scalar_verdict verdict = FND_SCALAR_OK;
    *kind = FND_NODE_STRING;
    if (is_one_of(bytes, size, nulls)) {
        *kind = FND_NODE_NULL;
    } else if (is_one_of(bytes, size, booleans)) {
        *kind = FND_NODE_BOOLEAN;
    } else if (is_one_of(bytes, size, endless)) {
        *kind = FND_NODE_NUMBER;
        verdict = FND_SCALAR_NOT_FINITE;
    } else if (resolve_based(bytes, size, &verdict, number) ||
               resolve_decimal(bytes, size, number)) {
        *kind = FND_NODE_NUMBER;
    }
    return verdict;
}
