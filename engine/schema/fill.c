/* SPDX-License-Identifier: MIT */
/* Defaults. A value may be governed by several subschemas at once (a schema, what it takes in by
 * $ref and allOf, patterns); they are kept as a set, so that one pass is enough. */
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

/* Defaults put in by one call; a schema whose defaults hold defaults could ask for millions. */
enum { FILLED_MAX = 10000 };

struct set {
    const struct fnd_schema_node **list;
    size_t count, capacity;
};

/* Defaults that are being put in right now; one inside itself would never end. */
struct nesting {
    const struct nesting *up;
    const struct fnd_schema_node *node;
};

struct fill {
    struct fnd_schema_lookup lookup;
    struct fnd_text *out;
    size_t left, depth;
    const struct nesting *nesting;
};

static void set_add(struct set *set, const struct fnd_schema_node *node)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->list[i] == node) {
            return;
        }
    }
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 4 : 2 * set->capacity;
        set->list = fnd_realloc(set->list, set->capacity, sizeof set->list[0]);
    }
    set->list[set->count++] = node;
    if (node->ref != NULL) {
        set_add(set, node->ref);
    }
    for (size_t i = 0; i < node->all_of.count; i++) {
        set_add(set, node->all_of.list[i]);
    }
}

static void set_free(struct set *set)
{
    /* The list is of pointers to const; the list itself is ours. */
    free((void *)set->list);
}

static bool add_child(void *state, const struct fnd_schema_node *child)
{
    set_add(state, child);
    return false; /* all of them */
}

static void set_of_child(struct fill *fill, const struct set *parents, const char *segment,
                         size_t size, struct set *children)
{
    for (size_t i = 0; i < parents->count; i++) {
        fnd_schema_children(&fill->lookup, parents->list[i], segment, size, add_child, children);
    }
}

static struct fnd_json default_of(const struct fnd_schema_node *node)
{
    struct fnd_json found = node->standard;
    if (found.bytes == NULL && node->ref != NULL) {
        found = default_of(node->ref);
    }
    for (size_t i = 0; i < node->all_of.count && found.bytes == NULL; i++) {
        found = default_of(node->all_of.list[i]);
    }
    return found;
}

static void fill_value(struct fill *fill, const struct set *set, struct fnd_json value);

/* A default, and the defaults inside it. */
static void fill_missing(struct fill *fill, const struct set *parents, const char *name,
                         const struct fnd_schema_node *node, bool *first)
{
    for (const struct nesting *up = fill->nesting; up != NULL; up = up->up) {
        if (up->node == node) {
            return;
        }
    }
    if (fill->left == 0 || fill->depth >= FND_JSON_DEPTH_MAX) {
        return;
    }
    fill->left--;
    fnd_text_append_z(fill->out, *first ? "" : ",");
    *first = false;
    fnd_text_append_json_z(fill->out, name);
    fnd_text_append_byte(fill->out, ':');
    const struct nesting nesting = {.up = fill->nesting, .node = node};
    struct set children = {0};
    set_of_child(fill, parents, name, strlen(name), &children);
    fill->nesting = &nesting;
    fill_value(fill, &children, default_of(node));
    fill->nesting = nesting.up;
    set_free(&children);
}

/* Whether one of the first `count` nodes of the set fills that name, too. */
static bool filled_before(const struct set *set, size_t count, const char *text, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        const struct fnd_schema_object *object = set->list[i]->object;
        const struct fnd_schema_name *name =
            object != NULL ? fnd_schema_name_find(object, text, size) : NULL;
        if (name != NULL && name->node != NULL && default_of(name->node).bytes != NULL) {
            return true;
        }
    }
    return false;
}

static void fill_object(struct fill *fill, const struct set *set, struct fnd_json value)
{
    bool first = true;
    struct fnd_text key = {0};
    fnd_text_append_byte(fill->out, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        struct set children = {0};
        fnd_text_append_z(fill->out, first ? "" : ",");
        first = false;
        fnd_text_append(fill->out, walk.key.bytes, walk.key.size);
        fnd_text_append_byte(fill->out, ':');
        fnd_text_clear(&key);
        fnd_json_text(walk.key, &key);
        set_of_child(fill, set, fnd_text_z(&key), key.size, &children);
        fill_value(fill, &children, walk.value);
        set_free(&children);
    }
    fnd_text_finish(&key);
    for (size_t i = 0; i < set->count; i++) {
        const struct fnd_schema_object *object = set->list[i]->object;
        const char **declared = object != NULL ? object->declared : NULL;
        for (; declared != NULL && *declared != NULL; declared++) {
            const size_t size = strlen(*declared);
            const struct fnd_schema_node *node =
                fnd_schema_name_find(object, *declared, size)->node;
            if (default_of(node).bytes != NULL && !filled_before(set, i, *declared, size) &&
                fnd_json_member(value, *declared).bytes == NULL) {
                fill_missing(fill, set, *declared, node, &first);
            }
        }
    }
    fnd_text_append_byte(fill->out, '}');
}

static void fill_array(struct fill *fill, const struct set *set, struct fnd_json value)
{
    fnd_text_append_byte(fill->out, '[');
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        struct set children = {0};
        fnd_text_append_z(fill->out, walk.index > 0 ? "," : "");
        for (size_t i = 0; i < set->count; i++) {
            const struct fnd_schema_array *array = set->list[i]->array;
            if (array != NULL) { /* by index: "0" may be the name of a member elsewhere */
                const struct fnd_schema_node *child = walk.index < array->prefix.count
                                                          ? array->prefix.list[walk.index]
                                                          : array->items;
                if (child != NULL) {
                    set_add(&children, child);
                }
            }
        }
        fill_value(fill, &children, walk.value);
        set_free(&children);
    }
    fnd_text_append_byte(fill->out, ']');
}

static void fill_value(struct fill *fill, const struct set *set, struct fnd_json value)
{
    const enum fnd_json_type type = fnd_json_type(value);
    if (set->count == 0 || (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY)) {
        fnd_json_compact(value, fill->out);
        return;
    }
    fill->depth++;
    if (type == FND_JSON_OBJECT) {
        fill_object(fill, set, value);
    } else {
        fill_array(fill, set, value);
    }
    fill->depth--;
}

void fnd_schema_fill(const struct fnd_schema *schema, struct fnd_json value,
                     struct fnd_text *filled)
{
    struct fill fill = {
        .lookup = {.schema = schema, .steps = FND_SCHEMA_LOOKUP_STEPS},
        .out = filled,
        .left = FILLED_MAX,
    };
    struct set root = {0};
    set_add(&root, schema->root);
    fill_value(&fill, &root, value);
    set_free(&root);
    pcre2_match_data_free(fill.lookup.match);
}
