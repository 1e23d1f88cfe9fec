/* SPDX-License-Identifier: MIT */
/* Reading one JSON text from front to back. The host has checked it, so only types are in doubt. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stddef.h>

/** Where reading stands. `failed` is set by the first value that is not what was asked for, and
 *  stays. */
struct json {
    const char *at;
    int failed;
};

/** Enter an array or object; then, before each item or member, json_more() says whether there is
 *  one, and leaves the container at its end. */
void json_enter(struct json *json, char bracket);
int json_more(struct json *json);
/** The name of the next member, cut at `size`; its value comes next. */
void json_key(struct json *json, char *key, size_t size);
/** A string, decoded, cut at `size` on a character boundary. */
void json_string(struct json *json, char *text, size_t size);
/** A number, whatever the process's locale. */
double json_number(struct json *json);
/** Pass over any value. */
void json_skip(struct json *json);

#endif
