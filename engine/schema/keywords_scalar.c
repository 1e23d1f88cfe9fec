/* SPDX-License-Identifier: MIT */
/* Keywords about any value, numbers and texts. */
#include <string.h>

#include "schema/node.h"

static enum fnd_status read_type_name(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                      unsigned *types)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"null", FND_TYPE_NULL},       {"boolean", FND_TYPE_BOOLEAN},
                 {"integer", FND_TYPE_INTEGER}, {"number", FND_TYPE_NUMBER},
                 {"string", FND_TYPE_STRING},   {"array", FND_TYPE_ARRAY},
                 {"object", FND_TYPE_OBJECT}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (fnd_json_text_is(value, known[i].name)) {
            *types |= known[i].bit;
            return FND_OK;
        }
    }
    return fnd_schema_refuse(compiler, value, "bad_keyword",
                             "must be \"null\", \"boolean\", \"integer\", \"number\", \"string\", "
                             "\"array\", \"object\" or a list of these");
}

static enum fnd_status read_type(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                 struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_ARRAY || fnd_json_count(value) == 0) {
        return read_type_name(compiler, value, &node->types);
    }
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(value);
         status == FND_OK && fnd_json_next(&walk);) {
        status = read_type_name(compiler, walk.value, &node->types);
    }
    return status;
}

static enum fnd_status read_enum(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                 struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_ARRAY) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be a list of values");
    }
    node->enumeration = value;
    return FND_OK;
}

static enum fnd_status read_const(struct fnd_schema_compiler *compiler,
                                  struct fnd_schema_node *node, struct fnd_json value)
{
    (void)compiler;
    node->constant = value;
    return FND_OK;
}

static enum fnd_status read_number(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                   struct fnd_json *part)
{
    if (fnd_json_type(value) != FND_JSON_NUMBER) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be a number, and this is %s",
                                 fnd_json_type_name(fnd_json_type(value)));
    }
    *part = value;
    return FND_OK;
}

static enum fnd_status read_minimum(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node, struct fnd_json value)
{
    return read_number(compiler, value, &node->minimum);
}

static enum fnd_status read_maximum(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node, struct fnd_json value)
{
    return read_number(compiler, value, &node->maximum);
}

static enum fnd_status read_above(struct fnd_schema_compiler *compiler,
                                  struct fnd_schema_node *node, struct fnd_json value)
{
    return read_number(compiler, value, &node->above);
}

static enum fnd_status read_below(struct fnd_schema_compiler *compiler,
                                  struct fnd_schema_node *node, struct fnd_json value)
{
    return read_number(compiler, value, &node->below);
}

static enum fnd_status read_multiple_of(struct fnd_schema_compiler *compiler,
                                        struct fnd_schema_node *node, struct fnd_json value)
{
    const struct fnd_json zero = {"0", 1};
    const enum fnd_status status = read_number(compiler, value, &node->multiple_of);
    if (status == FND_OK && fnd_json_number_compare(value, zero) <= 0) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be above 0");
    }
    return status;
}

static struct fnd_schema_text *text_of(struct fnd_schema_compiler *compiler,
                                       struct fnd_schema_node *node)
{
    if (node->text == NULL) {
        node->text = fnd_schema_alloc(compiler->schema, 1, sizeof *node->text);
        node->text->length_min = -1;
        node->text->length_max = -1;
    }
    return node->text;
}

static enum fnd_status read_min_length(struct fnd_schema_compiler *compiler,
                                       struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &text_of(compiler, node)->length_min);
}

static enum fnd_status read_max_length(struct fnd_schema_compiler *compiler,
                                       struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &text_of(compiler, node)->length_max);
}

static enum fnd_status read_pattern(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node, struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_STRING) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be a text: a pattern");
    }
    struct fnd_schema_pattern *pattern = &text_of(compiler, node)->pattern;
    size_t size;
    char why[200];
    pattern->text = fnd_schema_decode(compiler, value, &size);
    pattern->code = fnd_schema_regex(compiler->schema, pattern->text, size, why, sizeof why);
    if (pattern->code == NULL) {
        return fnd_schema_refuse(compiler, value, "bad_pattern", "the pattern \"%.200s\" %s",
                                 pattern->text, why);
    }
    return FND_OK;
}

static enum fnd_status read_format(struct fnd_schema_compiler *compiler,
                                   struct fnd_schema_node *node, struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_STRING) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be a text: a format's name");
    }
    const char *name = fnd_schema_decode(compiler, value, NULL);
    text_of(compiler, node)->format = fnd_schema_format_named(name);
    if (node->text->format == FND_FORMAT_NONE) {
        return fnd_schema_refuse(compiler, value, "unknown_format",
                                 "the format \"%.80s\" is not checked here: use date, date-time, "
                                 "time, email, ipv4, uuid, json-pointer or regex, or a pattern",
                                 name);
    }
    return FND_OK;
}

const struct fnd_schema_keyword fnd_schema_keywords_scalar[] = {{"type", read_type},
                                                                {"enum", read_enum},
                                                                {"const", read_const},
                                                                {"minimum", read_minimum},
                                                                {"maximum", read_maximum},
                                                                {"exclusiveMinimum", read_above},
                                                                {"exclusiveMaximum", read_below},
                                                                {"multipleOf", read_multiple_of},
                                                                {"minLength", read_min_length},
                                                                {"maxLength", read_max_length},
                                                                {"pattern", read_pattern},
                                                                {"format", read_format},
                                                                {NULL, NULL}};
