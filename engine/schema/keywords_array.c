/* SPDX-License-Identifier: MIT */
/* Keywords about arrays. */
#include "schema/node.h"

static struct fnd_schema_array *array_of(struct fnd_schema_compiler *compiler,
                                         struct fnd_schema_node *node)
{
    if (node->array == NULL) {
        node->array = fnd_schema_alloc(compiler->schema, 1, sizeof *node->array);
        node->array->count_min = -1;
        node->array->count_max = -1;
        node->array->contains_min = -1;
        node->array->contains_max = -1;
    }
    return node->array;
}

static enum fnd_status read_prefix_items(struct fnd_schema_compiler *compiler,
                                         struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_list(compiler, value, &array_of(compiler, node)->prefix);
}

static enum fnd_status read_items(struct fnd_schema_compiler *compiler,
                                  struct fnd_schema_node *node, struct fnd_json value)
{
    struct fnd_schema_array *array = array_of(compiler, node);
    if (fnd_json_type(value) == FND_JSON_ARRAY) { /* as draft 7 spells prefixItems */
        if (fnd_json_member(node->json, "prefixItems").bytes != NULL) {
            return fnd_schema_refuse(compiler, value, "bad_keyword",
                                     "must be one schema where prefixItems stands beside it");
        }
        return fnd_json_count(value) == 0 ? FND_OK
                                          : fnd_schema_read_list(compiler, value, &array->prefix);
    }
    array->items = fnd_schema_node_for(compiler, value);
    return array->items != NULL ? FND_OK : FND_INVALID;
}

static enum fnd_status read_additional_items(struct fnd_schema_compiler *compiler,
                                             struct fnd_schema_node *node, struct fnd_json value)
{
    const struct fnd_json items = fnd_json_member(node->json, "items");
    const bool listed = items.bytes != NULL && fnd_json_type(items) == FND_JSON_ARRAY;
    if (!listed && !compiler->draft7) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "says something only where items is a list: write prefixItems and "
                                 "items");
    }
    struct fnd_schema_node *rest = fnd_schema_node_for(compiler, value);
    if (rest == NULL) {
        return FND_INVALID;
    }
    if (listed) {
        array_of(compiler, node)->items = rest;
    }
    return FND_OK;
}

static enum fnd_status read_contains(struct fnd_schema_compiler *compiler,
                                     struct fnd_schema_node *node, struct fnd_json value)
{
    struct fnd_schema_array *array = array_of(compiler, node);
    array->contains = fnd_schema_node_for(compiler, value);
    return array->contains != NULL ? FND_OK : FND_INVALID;
}

static enum fnd_status read_min_contains(struct fnd_schema_compiler *compiler,
                                         struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &array_of(compiler, node)->contains_min);
}

static enum fnd_status read_max_contains(struct fnd_schema_compiler *compiler,
                                         struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &array_of(compiler, node)->contains_max);
}

static enum fnd_status read_min_items(struct fnd_schema_compiler *compiler,
                                      struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &array_of(compiler, node)->count_min);
}

static enum fnd_status read_max_items(struct fnd_schema_compiler *compiler,
                                      struct fnd_schema_node *node, struct fnd_json value)
{
    return fnd_schema_read_count(compiler, value, &array_of(compiler, node)->count_max);
}

static enum fnd_status read_unique_items(struct fnd_schema_compiler *compiler,
                                         struct fnd_schema_node *node, struct fnd_json value)
{
    if (!fnd_json_boolean(value, &array_of(compiler, node)->unique)) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be true or false");
    }
    return FND_OK;
}

const struct fnd_schema_keyword fnd_schema_keywords_array[] = {
    {"items", read_items},
    {"prefixItems", read_prefix_items},
    {"additionalItems", read_additional_items},
    {"contains", read_contains},
    {"minContains", read_min_contains},
    {"maxContains", read_max_contains},
    {"minItems", read_min_items},
    {"maxItems", read_max_items},
    {"uniqueItems", read_unique_items},
    {NULL, NULL}};
