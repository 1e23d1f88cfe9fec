/* SPDX-License-Identifier: MIT */
#include "format.h"

#include <stdbool.h>
#include <string.h>

static void new_line(foundry_text_t *out, size_t depth)
{
    foundry_text_append(out, "\n", 1);
    for (size_t i = 0; i < depth; i++) {
        foundry_text_append(out, "  ", 2);
    }
}

/* The size of the string literal at `json`, quotes included. */
static size_t string_size(const char *json)
{
    size_t size = 1;
    while (json[size] != '"' && json[size] != '\0') {
        size += json[size] == '\\' && json[size + 1] != '\0' ? 2 : 1;
    }
    return json[size] == '"' ? size + 1 : size;
}

static const char *skip_space(const char *json)
{
    return json + strspn(json, " \t\r\n");
}

void format_json(foundry_text_t *out, const char *json, int is_pretty)
{
    size_t depth = 0;
    for (json = skip_space(json); *json != '\0'; json = skip_space(json)) {
        const char byte = *json;
        const char *next = skip_space(json + 1);
        if (byte == '"') {
            const size_t size = string_size(json);
            foundry_text_append(out, json, size);
            json += size;
            continue;
        }
        const bool is_opening = byte == '{' || byte == '[';
        if (is_opening && (*next == '}' || *next == ']')) { /* stays together */
            foundry_text_append(out, json, 1);
            foundry_text_append(out, next, 1);
            json = next + 1;
            continue;
        }
        if (byte == '}' || byte == ']') {
            depth -= depth > 0 ? 1 : 0;
            if (is_pretty) {
                new_line(out, depth);
            }
        }
        foundry_text_append(out, json, 1);
        depth += is_opening ? 1 : 0;
        if (is_pretty && (is_opening || byte == ',')) {
            new_line(out, depth);
        } else if (is_pretty && byte == ':') {
            foundry_text_append(out, " ", 1);
        }
        json++;
    }
    foundry_text_append(out, "\n", 1);
}
