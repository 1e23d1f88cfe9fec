/* SPDX-License-Identifier: MIT */
#include "example_line.h"

#include <stddef.h>
#include <string.h>

#include "json.h"

/** Read the value of `key` if it is a text that is kept. */
static int text_member(struct example_line *members, const char *key, struct json *json)
{
    if (strcmp(key, "id") == 0) {
        json_string(json, members->id, sizeof members->id);
    } else if (strcmp(key, "group") == 0) {
        json_string(json, members->group, sizeof members->group);
    } else if (strcmp(key, "verdict") == 0) {
        json_string(json, members->verdict, sizeof members->verdict);
    } else if (strcmp(key, "tier") == 0) {
        json_string(json, members->tier, sizeof members->tier);
    } else {
        return 0;
    }
    return 1;
}

int example_line_read(struct example_line *members, const char *line)
{
    struct json json = {line, 0};
    *members = (struct example_line){.with = NULL};
    for (json_enter(&json, '{'); json_more(&json);) {
        char key[32];
        json_key(&json, key, sizeof key);
        json.at += strspn(json.at, " \t\r\n");
        const char *at = json.at;
        if (*at == '"' && text_member(members, key, &json)) {
            continue;
        }
        members->with = strcmp(key, "with") == 0 ? at : members->with;
        members->human = strcmp(key, "human") == 0 ? at : members->human;
        members->output = strcmp(key, "output") == 0 ? at : members->output;
        members->reviewed = strcmp(key, "reviewed") == 0 ? at : members->reviewed;
        json_skip(&json);
    }
    return json.failed || members->with == NULL ? -1 : 0;
}

int example_line_teaches(const struct example_line *members)
{
    return strcmp(members->verdict, "rejected") != 0 && members->human != NULL &&
           *members->human == '{';
}
