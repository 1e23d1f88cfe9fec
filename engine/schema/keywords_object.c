/* SPDX-License-Identifier: MIT */
/* Keywords about objects. */
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

static struct fnd_schema_object *object_of(struct fnd_schema_compiler *compiler,
                                           struct fnd_schema_node *node)
{
    if (node->object == NULL) {
        node->object = fnd_schema_alloc(compiler->schema, 1, sizeof *node->object);
        node->object->count_min = -1;
        node->object->count_max = -1;
    }
    return node->object;
}

static int name_order(const char *a, size_t a_size, const char *b, size_t b_size)
{
    if (a_size != b_size) {
        return a_size < b_size ? -1 : 1;
    }
    return memcmp(a, b, a_size);
}

static int name_compare(const void *left, const void *right)
{
    const struct fnd_schema_name *a = left, *b = right;
    return name_order(a->text, a->size, b->text, b->size);
}

const struct fnd_schema_name *fnd_schema_name_find(const struct fnd_schema_object *object,
                                                   const char *text, size_t size)
{
    size_t low = 0, high = object->names_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct fnd_schema_name *name = &object->names[middle];
        const int order = name_order(text, size, name->text, name->size);
        if (order == 0) {
            return name;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* Sort the names; where properties and required mention one, make it one entry. */
static void names_merge(struct fnd_schema_object *object, size_t count)
{
    qsort(object->names, count, sizeof object->names[0], name_compare);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct fnd_schema_name *name = &object->names[i];
        if (kept > 0 && name_compare(&object->names[kept - 1], name) == 0) {
            struct fnd_schema_name *before = &object->names[kept - 1];
            before->node = before->node != NULL ? before->node : name->node;
            before->required = before->required || name->required;
        } else {
            object->names[kept++] = *name;
        }
    }
    object->names_count = kept;
    for (size_t i = 0; i < kept; i++) {
        object->required_count += object->names[i].required ? 1 : 0;
    }
}

/* Both keywords share one table, so that a member is looked up once. */
static enum fnd_status read_names(struct fnd_schema_compiler *compiler,
                                  struct fnd_schema_node *node)
{
    struct fnd_schema_object *object = object_of(compiler, node);
    if (object->names != NULL) {
        return FND_OK;
    }
    const struct fnd_json properties = fnd_json_member(node->json, "properties");
    const struct fnd_json required = fnd_json_member(node->json, "required");
    size_t room = 1, count = 0;
    room += properties.bytes != NULL ? fnd_json_count(properties) : 0;
    room += required.bytes != NULL ? fnd_json_count(required) : 0;
    object->names = fnd_schema_alloc(compiler->schema, room, sizeof object->names[0]);
    object->declared = fnd_schema_alloc(compiler->schema, room, sizeof object->declared[0]);
    if (properties.bytes != NULL) {
        if (fnd_json_type(properties) != FND_JSON_OBJECT) {
            return fnd_schema_refuse(compiler, properties, "bad_keyword",
                                     "must be an object whose members are schemas");
        }
        object->has_properties = true;
        for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
            struct fnd_schema_name *name = &object->names[count];
            name->text = fnd_schema_decode(compiler, walk.key, &name->size);
            name->node = fnd_schema_node_for(compiler, walk.value);
            if (name->node == NULL) {
                return FND_INVALID;
            }
            object->declared[count++] = name->text;
        }
    }
    if (required.bytes != NULL) {
        if (fnd_json_type(required) != FND_JSON_ARRAY) {
            return fnd_schema_refuse(compiler, required, "bad_keyword", "must be a list of names");
        }
        for (struct fnd_json_walk walk = fnd_json_walk(required); fnd_json_next(&walk);) {
            if (fnd_json_type(walk.value) != FND_JSON_STRING) {
                return fnd_schema_refuse(compiler, walk.value, "bad_keyword", "must be a name");
            }
            struct fnd_schema_name *name = &object->names[count++];
            name->text = fnd_schema_decode(compiler, walk.value, &name->size);
            name->required = true;
        }
    }
    names_merge(object, count);
    return FND_OK;
}

static enum fnd_status read_properties(struct fnd_schema_compiler *compiler,
                                       struct fnd_schema_node *node, struct fnd_json value)
{
    (void)value;
    return read_names(compiler, node);
}

static enum fnd_status read_pattern_properties(struct fnd_schema_compiler *compiler,
                                               struct fnd_schema_node *node, struct fnd_json value)
{
    struct fnd_schema_object *object = object_of(compiler, node);
    if (fnd_json_type(value) != FND_JSON_OBJECT) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "must be an object of patterns and schemas");
    }
    object->patterns =
        fnd_schema_alloc(compiler->schema, fnd_json_count(value) + 1, sizeof object->patterns[0]);
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        struct fnd_schema_pattern *pattern = &object->patterns[object->patterns_count];
        size_t size;
        char why[200];
        pattern->text = fnd_schema_decode(compiler, walk.key, &size);
        pattern->code = fnd_schema_regex(compiler->schema, pattern->text, size, why, sizeof why);
        if (pattern->code == NULL) {
            return fnd_schema_refuse(compiler, walk.value, "bad_pattern",
                                     "the pattern \"%.200s\" %s", pattern->text, why);
        }
        pattern->node = fnd_schema_node_for(compiler, walk.value);
        if (pattern->node == NULL) {
            return FND_INVALID;
        }
        object->patterns_count++;
    }
    return FND_OK;
}

static enum fnd_status read_additional(struct fnd_schema_compiler *compiler,
                                       struct fnd_schema_node *node, struct fnd_json value)
{
    struct fnd_schema_object *object = object_of(compiler, node);
    object->additional = fnd_schema_node_for(compiler, value);
    return object->additional != NULL ? FND_OK : FND_INVALID;
}

static enum fnd_status read_property_names(struct fnd_schema_compiler *compiler,
                                           struct fnd_schema_node *node, struct fnd_json value)
{
    struct fnd_schema_object *object = object_of(compiler, node);
    object->property_names = fnd_schema_node_for(compiler, value);
    return object->property_names != NULL ? FND_OK : FND_INVALID;
}

static enum fnd_status read_min_properties(struct fnd_schema_compiler *compiler,
                                           struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &object_of(compiler, node)->count_min);
}

static enum fnd_status read_max_properties(struct fnd_schema_compiler *compiler,
                                           struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &object_of(compiler, node)->count_max);
}

static enum fnd_status read_dependent(struct fnd_schema_compiler *compiler,
                                      struct fnd_schema_node *node, struct fnd_json value)
{
    struct fnd_schema_object *object = object_of(compiler, node);
    if (fnd_json_type(value) != FND_JSON_OBJECT) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "must be an object whose members are lists of names");
    }
    object->dependents =
        fnd_schema_alloc(compiler->schema, fnd_json_count(value) + 1, sizeof object->dependents[0]);
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        struct fnd_schema_dependent *dependent = &object->dependents[object->dependents_count++];
        dependent->name = fnd_schema_decode(compiler, walk.key, NULL);
        if (fnd_json_type(walk.value) != FND_JSON_ARRAY) {
            return fnd_schema_refuse(compiler, walk.value, "bad_keyword",
                                     "must be a list of names");
        }
        dependent->needs = fnd_schema_alloc(compiler->schema, fnd_json_count(walk.value) + 1,
                                            sizeof dependent->needs[0]);
        for (struct fnd_json_walk need = fnd_json_walk(walk.value); fnd_json_next(&need);) {
            if (fnd_json_type(need.value) != FND_JSON_STRING) {
                return fnd_schema_refuse(compiler, need.value, "bad_keyword", "must be a name");
            }
            dependent->needs[dependent->needs_count++] =
                fnd_schema_decode(compiler, need.value, NULL);
        }
    }
    return FND_OK;
}

const struct fnd_schema_keyword fnd_schema_keywords_object[] = {
    {"properties", read_properties},
    {"required", read_properties},
    {"patternProperties", read_pattern_properties},
    {"additionalProperties", read_additional},
    {"propertyNames", read_property_names},
    {"minProperties", read_min_properties},
    {"maxProperties", read_max_properties},
    {"dependentRequired", read_dependent},
    {NULL, NULL}};
