/* SPDX-License-Identifier: MIT */
/* The formats that are asserted. Sources: RFC 3339 for dates and times, RFC 5321 (section 4.1.2)
 * for e-mail, RFC 4122 for UUIDs, RFC 6901 for pointers, RFC 2673 (section 3.2) for IPv4. */
#include <string.h>

#include "schema/node.h"

static const struct {
    const char *name;
    enum fnd_schema_format format;
    const char *what;
} formats[] = {
    {"date", FND_FORMAT_DATE, "a date like 2026-03-01"},
    {"date-time", FND_FORMAT_DATE_TIME, "a date and time like 2026-03-01T12:00:00Z"},
    {"time", FND_FORMAT_TIME, "a time with its zone like 12:00:00Z"},
    {"email", FND_FORMAT_EMAIL, "an e-mail address"},
    {"ipv4", FND_FORMAT_IPV4, "an IPv4 address like 192.0.2.1"},
    {"uuid", FND_FORMAT_UUID, "a UUID like 123e4567-e89b-12d3-a456-426614174000"},
    {"json-pointer", FND_FORMAT_JSON_POINTER, "a JSON pointer like /items/0"},
    {"regex", FND_FORMAT_REGEX, "a regular expression"},
};

enum fnd_schema_format fnd_schema_format_named(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return formats[i].format;
        }
    }
    return FND_FORMAT_NONE;
}

const char *fnd_schema_format_what(enum fnd_schema_format format)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i].format == format) {
            return formats[i].what;
        }
    }
    return "anything";
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Exactly `count` digits; the rest of the text moves on. */
static bool take_digits(const char **at, const char *end, size_t count, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (*at == end || !is_digit(**at)) {
            return false;
        }
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_byte(const char **at, const char *end, const char *allowed)
{
    if (*at == end || **at == '\0' || strchr(allowed, **at) == NULL) {
        return false;
    }
    (*at)++;
    return true;
}

static bool take_date(const char **at, const char *end)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_digits(at, end, 4, &year) || !take_byte(at, end, "-") ||
        !take_digits(at, end, 2, &month) || !take_byte(at, end, "-") ||
        !take_digits(at, end, 2, &day) || month < 1 || month > 12 || day < 1) {
        return false;
    }
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool take_time(const char **at, const char *end)
{
    int hour, minute, second, zone_hour = 0, zone_minute = 0;
    if (!take_digits(at, end, 2, &hour) || !take_byte(at, end, ":") ||
        !take_digits(at, end, 2, &minute) || !take_byte(at, end, ":") ||
        !take_digits(at, end, 2, &second) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    if (take_byte(at, end, ".")) {
        const char *begin = *at;
        while (*at < end && is_digit(**at)) {
            (*at)++;
        }
        if (*at == begin) {
            return false;
        }
    }
    if (!take_byte(at, end, "zZ")) {
        const bool ahead = *at < end && **at == '+';
        if (!take_byte(at, end, "+-") || !take_digits(at, end, 2, &zone_hour) ||
            !take_byte(at, end, ":") || !take_digits(at, end, 2, &zone_minute) || zone_hour > 23 ||
            zone_minute > 59) {
            return false;
        }
        const int shift = zone_hour * 60 + zone_minute;
        const int utc = (hour * 60 + minute + (ahead ? -shift : shift) + 2 * 1440) % 1440;
        hour = utc / 60;
        minute = utc % 60;
    }
    /* A leap second is the last of a day in UTC. */
    return second < 60 || (hour == 23 && minute == 59);
}

static bool take_octet(const char **at, const char *end)
{
    int value = 0;
    const char *begin = *at;
    while (*at < end && is_digit(**at) && *at - begin < 4) {
        value = value * 10 + (**at - '0');
        (*at)++;
    }
    const size_t size = (size_t)(*at - begin);
    return size >= 1 && size <= 3 && value <= 255 && (size == 1 || *begin != '0');
}

static bool is_ipv4(const char *at, const char *end)
{
    return take_octet(&at, end) && take_byte(&at, end, ".") && take_octet(&at, end) &&
           take_byte(&at, end, ".") && take_octet(&at, end) && take_byte(&at, end, ".") &&
           take_octet(&at, end) && at == end;
}

/* Up to eight groups of up to four hexadecimal digits, one run of them as "::", the last two
 * perhaps as an IPv4 address; only as the domain of an e-mail address. */
static bool is_ipv6(const char *at, const char *end)
{
    size_t groups = 0;
    bool shortened = false;
    if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
        shortened = true;
        at += 2;
    }
    while (at < end) {
        if (is_ipv4(at, end)) {
            groups += 2;
            break;
        }
        const char *begin = at;
        while (at < end && is_hex(*at) && at - begin < 4) {
            at++;
        }
        if (at == begin) {
            return false;
        }
        groups++;
        if (at == end) {
            break;
        }
        if (*at++ != ':' || at == end) {
            return false;
        }
        if (*at == ':') {
            if (shortened) {
                return false;
            }
            shortened = true;
            at++;
        }
    }
    return shortened ? groups < 8 : groups == 8;
}

static bool is_domain(const char *at, const char *end)
{
    if (end - at > 253) {
        return false;
    }
    if (end - at >= 2 && *at == '[' && end[-1] == ']') {
        at++;
        end--;
        if (end - at > 5 && memcmp(at, "IPv6:", 5) == 0) {
            return is_ipv6(at + 5, end);
        }
        return is_ipv4(at, end);
    }
    while (at < end) {
        const char *label = at;
        while (at < end && (is_letter(*at) || is_digit(*at) || *at == '-')) {
            at++;
        }
        if (at == label || at - label > 63 || *label == '-' || at[-1] == '-') {
            return false;
        }
        if (at == end) {
            return true;
        }
        if (*at++ != '.') {
            return false;
        }
    }
    return false;
}

static bool is_quoted_local(const char *at, const char *end)
{
    for (at++; at < end - 1; at++) {
        if (*at == '\\') {
            at++;
            if (at >= end - 1) {
                return false;
            }
        } else if (*at == '"') {
            return false;
        }
        if (*at < ' ' || *at > '~') {
            return false;
        }
    }
    return true;
}

static bool is_email(const char *at, const char *end)
{
    const char *sign = end;
    while (sign > at && sign[-1] != '@') {
        sign--;
    }
    if (sign == at) {
        return false;
    }
    const char *local_end = sign - 1;
    if (local_end == at || local_end - at > 64 || !is_domain(sign, end)) {
        return false;
    }
    if (*at == '"' && local_end - at >= 2 && local_end[-1] == '"') {
        return is_quoted_local(at, local_end);
    }
    char before = '.';
    for (; at < local_end; at++) {
        const bool atom = is_letter(*at) || is_digit(*at) ||
                          (*at != '\0' && strchr("!#$%&'*+/=?^_`{|}~-", *at) != NULL);
        if (!atom && (*at != '.' || before == '.')) {
            return false;
        }
        before = *at;
    }
    return before != '.';
}

static bool is_uuid(const char *bytes, size_t size)
{
    if (size != 36) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? bytes[i] != '-' : !is_hex(bytes[i])) {
            return false;
        }
    }
    return true;
}

static bool is_pointer(const char *at, const char *end)
{
    if (at < end && *at != '/') {
        return false;
    }
    for (; at < end; at++) {
        if (*at == '~' && (at + 1 == end || (at[1] != '0' && at[1] != '1'))) {
            return false;
        }
    }
    return true;
}

bool fnd_schema_format_holds(enum fnd_schema_format format, const char *bytes, size_t size)
{
    const char *at = bytes, *end = bytes + size;
    switch (format) {
    case FND_FORMAT_DATE:
        return take_date(&at, end) && at == end;
    case FND_FORMAT_TIME:
        return take_time(&at, end) && at == end;
    case FND_FORMAT_DATE_TIME:
        return take_date(&at, end) && take_byte(&at, end, "tT") && take_time(&at, end) && at == end;
    case FND_FORMAT_EMAIL:
        return is_email(at, end);
    case FND_FORMAT_IPV4:
        return is_ipv4(at, end);
    case FND_FORMAT_UUID:
        return is_uuid(bytes, size);
    case FND_FORMAT_JSON_POINTER:
        return is_pointer(at, end);
    case FND_FORMAT_REGEX:
        return fnd_schema_is_regex(bytes, size);
    case FND_FORMAT_NONE:
        break;
    }
    return true;
}
