/* SPDX-License-Identifier: MIT */
/* A value that meets a schema, as far as that can be told from it without a search. */
#include <stdlib.h>
#include <string.h>

#include "trial.h"

enum { SAMPLE_DEPTH_MAX = 8 };

static void sample(struct fnd_json schema, struct fnd_json root, size_t depth,
                   struct fnd_text *out);

/** The first text out of a few that the schema takes. */
static void sample_text(struct fnd_json schema, struct fnd_text *out)
{
    /* "input" first: the job's file, where a config names an artifact. */
    static const char *const texts[] = {"\"input\"",      "\"/input\"", "\"/items\"",
                                        "\"input.txt\"",  "\"a\"",      "\"1\"",
                                        "\"2026-01-01\"", "\"1 == 1\"", "\"en\""};
    struct fnd_schema *compiled = NULL;
    size_t best = 0;
    if (schema.bytes != NULL &&
        fnd_schema_create("part", schema.bytes, schema.size, &compiled, NULL) == FND_OK) {
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            const struct fnd_json text = {texts[i], strlen(texts[i])};
            if (fnd_schema_check(compiled, text, NULL, NULL)) {
                best = i;
                break;
            }
        }
    }
    fnd_schema_destroy(compiled);
    fnd_text_append_z(out, texts[best]);
}

static void sample_number(struct fnd_json schema, struct fnd_text *out)
{
    static const char *const places[] = {"minimum", "maximum"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct fnd_json bound = fnd_json_member(schema, places[i]);
        if (bound.bytes != NULL) {
            fnd_text_append(out, bound.bytes, bound.size);
            return;
        }
    }
    fnd_text_append_byte(out, '1');
}

static void sample_array(struct fnd_json schema, struct fnd_json root, size_t depth,
                         struct fnd_text *out)
{
    fnd_text_append_byte(out, '[');
    sample(fnd_json_member(schema, "items"), root, depth + 1, out);
    fnd_text_append_byte(out, ']');
}

static void sample_object(struct fnd_json schema, struct fnd_json root, size_t depth,
                          struct fnd_text *out)
{
    bool first = true;
    fnd_text_append_byte(out, '{');
    const struct fnd_json properties = fnd_json_member(schema, "properties");
    for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
        fnd_text_append_z(out, first ? "" : ",");
        fnd_text_append(out, walk.key.bytes, walk.key.size);
        fnd_text_append_byte(out, ':');
        sample(walk.value, root, depth + 1, out);
        first = false;
    }
    fnd_text_append_byte(out, '}');
}

/** The part of a schema that says most: behind a $ref, the first of alternatives. */
static struct fnd_json sample_follow(struct fnd_json schema, struct fnd_json root)
{
    static const char *const ways[] = {"/anyOf/0", "/oneOf/0", "/allOf/0"};
    char *pointer = fnd_json_strdup(fnd_json_member(schema, "$ref"));
    struct fnd_json found = {0};
    if (pointer != NULL && pointer[0] == '#') {
        found = fnd_json_find(root, pointer + 1);
    }
    free(pointer);
    for (size_t i = 0; found.bytes == NULL && i < sizeof ways / sizeof ways[0]; i++) {
        found = fnd_json_find(schema, ways[i]);
    }
    return found;
}

static void sample(struct fnd_json schema, struct fnd_json root, size_t depth, struct fnd_text *out)
{
    static const char *const given[] = {"/const", "/default", "/examples/0", "/enum/0"};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        const struct fnd_json value = fnd_json_find(schema, given[i]);
        if (value.bytes != NULL) {
            fnd_text_append(out, value.bytes, value.size);
            return;
        }
    }
    struct fnd_json type = fnd_json_member(schema, "type");
    if (fnd_json_type(type) == FND_JSON_ARRAY) {
        type = fnd_json_find(type, "/0");
    }
    const struct fnd_json further = sample_follow(schema, root);
    if (type.bytes == NULL && further.bytes != NULL && depth < SAMPLE_DEPTH_MAX) {
        sample(further, root, depth + 1, out);
    } else if (depth >= SAMPLE_DEPTH_MAX || fnd_json_text_is(type, "null")) {
        fnd_text_append_z(out, "null");
    } else if (fnd_json_text_is(type, "object") ||
               fnd_json_member(schema, "properties").bytes != NULL) {
        sample_object(schema, root, depth, out);
    } else if (fnd_json_text_is(type, "array")) {
        sample_array(schema, root, depth, out);
    } else if (fnd_json_text_is(type, "number") || fnd_json_text_is(type, "integer")) {
        sample_number(schema, out);
    } else if (fnd_json_text_is(type, "boolean")) {
        fnd_text_append_z(out, "true");
    } else {
        sample_text(schema, out);
    }
}

void sample_config(const char *schema, struct fnd_text *config)
{
    struct fnd_json root;
    if (schema == NULL || fnd_json_check(schema, strlen(schema), NULL, &root, NULL) != FND_OK) {
        fnd_text_append_z(config, "{}");
        return;
    }
    sample(root, root, 0, config);
}
