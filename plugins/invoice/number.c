/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 12 };

/** Length of a currency sign at the beginning of `text`, or 0. */
static size_t currency_length(const char *text)
{
    static const char *const signs[] = {"$",   "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5",
                                        "EUR", "USD",          "GBP"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t length = strlen(signs[i]);
        if (strncmp(text, signs[i], length) == 0) {
            return length;
        }
    }
    return 0;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** Whether the separator at text[at] stands before a whole group of three digits. */
static int groups(const char *text, size_t at)
{
    return is_digit(text[at + 1]) && is_digit(text[at + 2]) && is_digit(text[at + 3]) &&
           !is_digit(text[at + 4]);
}

/** Whether a separator stands before the last two digits: a decimal point, whichever sign. */
static int is_cents(const char *text)
{
    return (text[0] == '.' || text[0] == ',') && is_digit(text[1]) && is_digit(text[2]) &&
           !is_digit(text[3]) && text[3] != '.' && text[3] != ',';
}

int number_parse(const char *text, char point, struct number *number)
{
    struct number result = {0};
    int64_t whole = 0, part = 0, scale = NUMBER_SCALE;
    size_t digits = 0;
    int negative = *text == '-', after_point = 0;
    text += negative;
    size_t currency = currency_length(text);
    result.currency = currency > 0;
    text += currency;
    negative |= *text == '-';
    text += *text == '-';
    size_t at = 0;
    for (; text[at] != '\0'; at++) {
        if (is_digit(text[at])) {
            if (++digits > DIGITS_MAX || result.decimals == 4) {
                return 0;
            }
            if (after_point) {
                scale /= 10;
                part += (text[at] - '0') * scale;
                result.decimals++;
            } else {
                whole = whole * 10 + (text[at] - '0');
            }
        } else if ((text[at] == point || is_cents(text + at)) && !after_point && digits > 0 &&
                   is_digit(text[at + 1])) {
            after_point = 1;
        } else if ((text[at] == '.' || text[at] == ',' || text[at] == '\'') && !after_point &&
                   text[at] != point && digits > 0 && groups(text, at)) {
            continue;
        } else {
            break;
        }
    }
    currency = currency_length(text + at);
    result.currency |= currency > 0;
    if (digits == 0 || text[at + currency] != '\0') {
        return 0;
    }
    result.value = whole * NUMBER_SCALE + part;
    result.value = negative ? -result.value : result.value;
    *number = result;
    return 1;
}

void number_vote(const char *text, int *votes)
{
    size_t size = strlen(text);
    struct number number;
    if (size < 4 || !is_digit(text[size - 1]) || !is_digit(text[size - 2])) {
        return;
    }
    char separator = text[size - 3];
    if ((separator == '.' || separator == ',') && number_parse(text, separator, &number)) {
        *votes += separator == '.' ? 1 : -1;
    }
}

char number_point(int votes)
{
    return votes < 0 ? ',' : '.';
}

void number_format(const struct number *number, int plain, char *text)
{
    int64_t value = number->value < 0 ? -number->value : number->value;
    unsigned decimals = number->decimals;
    char part[8];
    snprintf(part, sizeof part, "%04d", (int)(value % NUMBER_SCALE));
    while (plain && decimals > 0 && part[decimals - 1] == '0') {
        decimals--;
    }
    part[decimals] = '\0';
    snprintf(text, 32, "%s%" PRId64 "%s%s", number->value < 0 ? "-" : "", value / NUMBER_SCALE,
             decimals > 0 ? "." : "", part);
}
