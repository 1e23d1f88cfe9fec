/* SPDX-License-Identifier: MIT */
/* `params:` of a pipeline file, and what -p or a pin says they are. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

enum { PARAMS_MAX = 256 };

static const struct fnd_shape shapes[] = {
    {"type", FND_SHAPE_STRING, true, "number, integer, string or boolean"},
    {"default", FND_SHAPE_SCALAR, false, "a value of the parameter's type"},
    {"min", FND_SHAPE_NUMBER, false, "a number"},
    {"max", FND_SHAPE_NUMBER, false, "a number"},
    {"enum", FND_SHAPE_LIST, false, "a list of values"},
    {"summary", FND_SHAPE_STRING, false, "a line of text"},
    {NULL},
};
static const char *const types[] = {"number", "integer", "string", "boolean", NULL};

const struct fnd_param *fnd_compile_param(const struct fnd_compile *compile, const char *name)
{
    for (size_t i = 0; i < compile->pipeline->params_count; i++) {
        if (strcmp(compile->pipeline->params[i].name, name) == 0) {
            return &compile->pipeline->params[i];
        }
    }
    return NULL;
}

static struct fnd_json span(const char *json)
{
    return (struct fnd_json){json, strlen(json)};
}

/* A JSON scalar as people write it: strings without quotes. */
static void show(struct fnd_json value, struct fnd_text *text)
{
    if (!fnd_json_text(value, text)) {
        fnd_json_compact(value, text);
    }
}

static bool type_is(struct fnd_json value, const char *type)
{
    switch (fnd_json_type(value)) {
    case FND_JSON_NUMBER:
        return strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 && fnd_json_number_multiple(value, span("1")));
    case FND_JSON_STRING:
        return strcmp(type, "string") == 0;
    case FND_JSON_TRUE:
    case FND_JSON_FALSE:
        return strcmp(type, "boolean") == 0;
    default:
        return false;
    }
}

static struct fnd_json node_span(const struct fnd_node *node, struct fnd_text *json)
{
    fnd_node_json(node, json);
    return (struct fnd_json){fnd_text_z(json), json->size};
}

/* A bound that `value` passes, told in `why`; true if it does. */
static bool passes(const struct fnd_node *definition, const char *key, struct fnd_json value,
                   struct fnd_text *why)
{
    const struct fnd_node *limit = fnd_shape_member(definition, shapes, key);
    if (limit == NULL || fnd_json_type(value) != FND_JSON_NUMBER) {
        return false;
    }
    struct fnd_text json = {0};
    const int order = fnd_json_number_compare(value, node_span(limit, &json));
    fnd_text_finish(&json);
    const bool over = strcmp(key, "max") == 0 ? order > 0 : order < 0;
    if (over) {
        fnd_text_printf(why, "must be %s %s", strcmp(key, "max") == 0 ? "at most" : "at least",
                        limit->text);
    }
    return over;
}

/* Whether a value is what its definition asks for; if not, `why` says what it must be. */
static bool fits(const struct fnd_node *definition, const char *type, struct fnd_json value,
                 struct fnd_text *why)
{
    if (!type_is(value, type)) {
        fnd_text_printf(why, "must be %s", type[0] == 'i' ? "an integer" : "a ");
        fnd_text_append_z(why, type[0] == 'i' ? "" : type);
        return false;
    }
    if (passes(definition, "min", value, why) || passes(definition, "max", value, why)) {
        return false;
    }
    const struct fnd_node *list = fnd_shape_member(definition, shapes, "enum");
    if (list == NULL) {
        return true;
    }
    bool found = false;
    fnd_text_append_z(why, "must be one of");
    for (const struct fnd_node *item = list->child; item != NULL && !found; item = item->next) {
        struct fnd_text json = {0};
        const struct fnd_json choice = node_span(item, &json);
        found = fnd_json_equal(choice, value);
        fnd_text_append_z(why, item == list->child ? " " : ", ");
        show(choice, why);
        fnd_text_finish(&json);
    }
    return found;
}

/* The definition's own values against its own type. */
static bool definition_check(struct fnd_compile *compile, const struct fnd_node *definition,
                             const char *type)
{
    bool fine = true;
    static const char *const limits[] = {"min", "max", NULL};
    for (const char *const *key = limits; *key != NULL; key++) {
        const struct fnd_node *limit = fnd_shape_member(definition, shapes, *key);
        if (limit != NULL && strcmp(type, "number") != 0 && strcmp(type, "integer") != 0) {
            fnd_compile_error_key(compile, limit, "wrong_type",
                                  "`%s` is for numbers, and parameter `%s` is a %s", *key,
                                  definition->key, type);
            fine = false;
        }
    }
    const struct fnd_node *list = fnd_shape_member(definition, shapes, "enum");
    for (const struct fnd_node *item = list != NULL ? list->child : NULL; item != NULL;
         item = item->next) {
        struct fnd_text json = {0};
        if (!type_is(node_span(item, &json), type)) {
            fnd_compile_error(compile, item, "wrong_type",
                              "a value of parameter `%s` is %s, and its type is %s",
                              definition->key, fnd_node_kind_name(item->kind), type);
            fine = false;
        }
        fnd_text_finish(&json);
    }
    const struct fnd_node *standard = fnd_shape_member(definition, shapes, "default");
    if (standard != NULL && fine) {
        struct fnd_text json = {0}, why = {0}, shown = {0};
        const struct fnd_json value = node_span(standard, &json);
        if (!fits(definition, type, value, &why)) {
            show(value, &shown);
            fnd_compile_error(compile, standard,
                              type_is(value, type) ? "invalid_value" : "wrong_type",
                              "the default of parameter `%s` is %s, %s", definition->key,
                              fnd_text_z(&shown), fnd_text_z(&why));
            fine = false;
        }
        fnd_text_finish(&json);
        fnd_text_finish(&why);
        fnd_text_finish(&shown);
    }
    return fine;
}

/* One definition; its value is the default or NULL. */
static void define(struct fnd_compile *compile, const struct fnd_node *definition)
{
    if (!fnd_id_valid(definition->key)) {
        fnd_compile_error_key(compile, definition, "invalid_value",
                              "parameter `%s` cannot be named so: lower case letters, digits, _ "
                              "and -, a letter first, %d bytes at most",
                              definition->key, FND_ID_SIZE_MAX);
    }
    struct fnd_text what = {0};
    fnd_text_printf(&what, "parameter `%s`", definition->key);
    const bool map = fnd_shape_check(compile, definition, fnd_text_z(&what), shapes, NULL);
    fnd_text_finish(&what);
    const struct fnd_node *type = map ? fnd_shape_member(definition, shapes, "type") : NULL;
    const struct fnd_node *summary = map ? fnd_shape_member(definition, shapes, "summary") : NULL;
    struct fnd_param *param = &compile->pipeline->params[compile->pipeline->params_count++];
    param->name = fnd_strdup(definition->key);
    param->summary = summary != NULL ? fnd_strdup(summary->text) : NULL;
    if (type == NULL) {
        return; /* reported */
    }
    bool known = false;
    for (size_t i = 0; types[i] != NULL; i++) {
        known = known || strcmp(types[i], type->text) == 0;
    }
    if (!known) {
        struct fnd_text hint = {0};
        fnd_suggest(&hint, type->text, types);
        fnd_compile_error(compile, type, "invalid_value",
                          "parameter `%s` has type `%s`%s; there are number, integer, string and "
                          "boolean",
                          definition->key, type->text, fnd_text_z(&hint));
        fnd_text_finish(&hint);
        return;
    }
    param->type = fnd_strdup(type->text);
    const struct fnd_node *standard = fnd_shape_member(definition, shapes, "default");
    if (definition_check(compile, definition, type->text) && standard != NULL) {
        struct fnd_text json = {0};
        fnd_node_json(standard, &json);
        param->value = fnd_text_take(&json);
    }
}

/* The text behind "key=" as a JSON value of the type; NULL if it is none. malloc'ed. */
static char *value_parse(const char *type, const char *text)
{
    struct fnd_text json = {0};
    struct fnd_json value = {0};
    if (strcmp(type, "string") == 0) {
        if (!fnd_utf8_valid(text, strlen(text))) {
            return NULL;
        }
        fnd_text_append_json_z(&json, text);
        return fnd_text_take(&json);
    }
    if (fnd_json_check(text, strlen(text), NULL, &value, NULL) != FND_OK || !type_is(value, type)) {
        return NULL;
    }
    return fnd_strndup(value.bytes, value.size);
}

static struct fnd_param *setting_param(struct fnd_compile *compile, const char *setting,
                                       size_t name_size)
{
    const char *names[PARAMS_MAX + 1];
    struct fnd_pipeline *pipeline = compile->pipeline;
    char *name = fnd_strndup(setting, name_size);
    struct fnd_param *found = NULL;
    for (size_t i = 0; i < pipeline->params_count; i++) {
        names[i] = pipeline->params[i].name;
        found = strcmp(names[i], name) == 0 ? &pipeline->params[i] : found;
    }
    names[pipeline->params_count] = NULL;
    if (found == NULL) {
        struct fnd_text hint = {0};
        fnd_suggest(&hint, name, names);
        for (size_t i = 0; i < pipeline->params_count && hint.size < 256; i++) {
            fnd_text_printf(&hint, "%s%s", i > 0 ? ", " : "; it has ", names[i]);
        }
        fnd_text_append_z(&hint, pipeline->params_count == 0 ? "; it has none" : "");
        fnd_compile_error_at(compile, "-p", 0, 0, "unknown_param",
                             "%s: the pipeline has no parameter `%s`%s", setting, name,
                             fnd_text_z(&hint));
        fnd_text_finish(&hint);
    }
    free(name);
    return found;
}

static void setting(struct fnd_compile *compile, const struct fnd_node *params, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        fnd_compile_error_at(compile, "-p", 0, 0, "invalid_value",
                             "%s: a parameter is set as key=value, such as threshold=0.9", text);
        return;
    }
    struct fnd_param *param = setting_param(compile, text, (size_t)(equals - text));
    if (param == NULL || param->type == NULL) {
        return;
    }
    const struct fnd_node *definition = fnd_node_member(params, param->name);
    char *value = value_parse(param->type, equals + 1);
    struct fnd_text why = {0};
    if (value == NULL) {
        fnd_compile_error_at(compile, "-p", 0, 0, "wrong_type", "%s: `%s` must be %s %s", text,
                             param->name, param->type[0] == 'i' ? "an" : "a",
                             strcmp(param->type, "boolean") == 0  ? "boolean: true or false"
                             : strcmp(param->type, "string") == 0 ? "string of UTF-8"
                                                                  : param->type);
    } else if (!fits(definition, param->type, span(value), &why)) {
        fnd_compile_error_at(compile, "-p", 0, 0, "invalid_value", "%s: `%s` %s", text, param->name,
                             fnd_text_z(&why));
    } else {
        free(param->value);
        param->value = value;
        value = NULL;
    }
    free(value);
    fnd_text_finish(&why);
}

/* A pinned run has the values it began with. */
static void pinned(struct fnd_compile *compile, struct fnd_param *param)
{
    const struct fnd_json value =
        fnd_json_member(fnd_json_member(compile->pin, "params"), param->name);
    if (value.bytes == NULL || !type_is(value, param->type)) {
        fnd_compile_error_at(compile, compile->file, 0, 0, "damaged_pin",
                             "the pin has no %s for parameter `%s`", param->type, param->name);
        return;
    }
    free(param->value);
    param->value = fnd_strndup(value.bytes, value.size);
}

void fnd_compile_params(struct fnd_compile *compile, const struct fnd_node *params)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    if (params != NULL && params->count > PARAMS_MAX) {
        fnd_compile_error(compile, params, "limit", "%zu parameters, at most %d are taken",
                          params->count, PARAMS_MAX);
        params = NULL;
    }
    if (params != NULL) {
        pipeline->params = fnd_alloc((params->count + 1) * sizeof pipeline->params[0]);
        for (const struct fnd_node *node = params->child; node != NULL; node = node->next) {
            define(compile, node);
        }
    }
    const char *const *settings = compile->options->settings;
    for (; compile->pin.bytes == NULL && settings != NULL && *settings != NULL; settings++) {
        setting(compile, params, *settings);
    }
    for (size_t i = 0; i < pipeline->params_count; i++) {
        struct fnd_param *param = &pipeline->params[i];
        const struct fnd_node *definition = fnd_node_member(params, param->name);
        if (param->type == NULL) {
            continue;
        }
        if (compile->pin.bytes != NULL) {
            pinned(compile, param);
        } else if (param->value == NULL &&
                   fnd_shape_member(definition, shapes, "default") == NULL) {
            fnd_compile_error_key(compile, definition, "missing_param",
                                  "parameter `%s` has no default: give it a value with -p %s=…",
                                  param->name, param->name);
        }
    }
}
