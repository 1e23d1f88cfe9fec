/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <string.h>

static char peek(struct json *json)
{
    json->at += strspn(json->at, " \t\r\n");
    return json->failed ? '\0' : *json->at;
}

void json_enter(struct json *json, char bracket)
{
    if (peek(json) == bracket) {
        json->at++;
    } else {
        json->failed = 1;
    }
}

int json_more(struct json *json)
{
    char next = peek(json);
    if (next == ',') {
        json->at++;
        return 1;
    }
    if (next == ']' || next == '}') {
        json->at++;
        return 0;
    }
    json->failed |= next == '\0'; /* cut short */
    return next != '\0';
}

static unsigned hex4(const char *digits)
{
    unsigned value = 0;
    for (int i = 0; i < 4 && digits[i] != '\0'; i++) {
        unsigned char digit = (unsigned char)digits[i];
        unsigned low = digit <= '9' ? digit - 0x30U : (digit | 0x20U) - 0x61U + 10U;
        value = value << 4 | (low & 15U);
    }
    return value;
}

/** Write a character as UTF-8; returns its length. */
static size_t utf8_write(unsigned code, char *bytes)
{
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6) {
        bytes[i] = (char)(0x80 | (code & 0x3f));
    }
    bytes[0] = (char)(code | (size == 2 ? 0xc0U : size == 3 ? 0xe0U : 0xf0U));
    return size;
}

/** Decode the character at json->at, which is inside a string; returns its length in `bytes`. */
static size_t character(struct json *json, char bytes[4])
{
    if (*json->at != '\\') {
        bytes[0] = *json->at++;
        return 1;
    }
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    char name = json->at[1];
    const char *known = strchr(names, name);
    if (name != 'u') {
        json->at += name == '\0' ? 1 : 2;
        bytes[0] = known != NULL && name != '\0' ? values[known - names] : name;
        return 1;
    }
    unsigned code = hex4(json->at + 2);
    json->at += 2 + strnlen(json->at + 2, 4);
    if (code >= 0xd800 && code < 0xdc00 && json->at[0] == '\\' && json->at[1] == 'u') {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(json->at + 2) - 0xdc00);
        json->at += 2 + strnlen(json->at + 2, 4);
    }
    return utf8_write(code, bytes);
}

void json_string(struct json *json, char *text, size_t size)
{
    size_t used = 0;
    int full = 0;
    if (peek(json) != '"') {
        json->failed = 1;
        text[0] = '\0';
        return;
    }
    json->at++;
    while (*json->at != '"' && *json->at != '\0') {
        char bytes[4];
        size_t length = character(json, bytes);
        full = full || used + length >= size;
        if (!full) {
            memcpy(text + used, bytes, length);
            used += length;
        }
    }
    json->failed |= *json->at == '\0';
    json->at += *json->at == '"';
    /* Plain bytes come one at a time, so the cut may have split a character: step back to before
     * its first byte. */
    if (full) {
        size_t first = used;
        while (first > 0 && ((unsigned char)text[first - 1] & 0xc0) == 0x80) {
            first--;
        }
        used = first > 0 && ((unsigned char)text[first - 1] & 0xc0) == 0xc0 ? first - 1 : used;
    }
    text[used] = '\0';
}

void json_key(struct json *json, char *key, size_t size)
{
    json_string(json, key, size);
    if (peek(json) == ':') {
        json->at++;
    } else {
        json->failed = 1;
    }
}

double json_number(struct json *json)
{
    char first = peek(json);
    if (first != '-' && (first < '0' || first > '9')) {
        json->failed = 1;
        return 0.0;
    }
    int negative = first == '-';
    double value = 0.0, place = 1.0;
    int places = 0, exponent = 0, exponent_sign = 1;
    for (json->at += negative; *json->at >= '0' && *json->at <= '9'; json->at++) {
        value = value * 10.0 + (*json->at - '0');
    }
    if (*json->at == '.') {
        for (json->at++; *json->at >= '0' && *json->at <= '9'; json->at++) {
            if (places < 15) { /* beyond that the digits are below a double's precision */
                value = value * 10.0 + (*json->at - '0');
                place *= 10.0;
                places++;
            }
        }
    }
    if (*json->at == 'e' || *json->at == 'E') {
        json->at++;
        exponent_sign = *json->at == '-' ? -1 : 1;
        json->at += *json->at == '-' || *json->at == '+';
        for (; *json->at >= '0' && *json->at <= '9'; json->at++) {
            exponent = exponent < 400 ? exponent * 10 + (*json->at - '0') : exponent;
        }
    }
    value /= place;
    for (; exponent > 0; exponent--) {
        value = exponent_sign > 0 ? value * 10.0 : value / 10.0;
    }
    return negative ? -value : value;
}

void json_skip(struct json *json)
{
    char text[4];
    size_t depth = 0;
    do {
        char next = peek(json);
        if (next == '"') {
            json_string(json, text, sizeof text);
        } else if (next == '[' || next == '{') {
            depth++;
            json->at++;
        } else if (next == ']' || next == '}') {
            depth -= depth > 0;
            json->at++;
        } else if (next == '\0') {
            json->failed = 1;
        } else if (next == ',' || next == ':') {
            json->at++;
        } else {
            json->at += strcspn(json->at, ",]} \t\r\n");
        }
    } while (depth > 0 && !json->failed);
}
