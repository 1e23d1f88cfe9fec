/* SPDX-License-Identifier: MIT */
/* What a schema says about a place, without a value. */
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

static bool take_step(struct fnd_schema_lookup *lookup)
{
    if (lookup->steps == 0) {
        return false;
    }
    lookup->steps--;
    return true;
}

static bool keep_first(void *state, const struct fnd_schema_node *child)
{
    const struct fnd_schema_node **first = state;
    if (*first == NULL) {
        *first = child;
    }
    return true;
}

/* The child by name, or by any rule, of the node or of what it takes in by $ref and allOf. */
static const struct fnd_schema_node *child_of(struct fnd_schema_lookup *lookup,
                                              const struct fnd_schema_node *node,
                                              const struct fnd_text *segment, bool by_name)
{
    if (!take_step(lookup)) {
        return NULL;
    }
    const struct fnd_schema_node *child = NULL;
    if (by_name) {
        const struct fnd_schema_name *name =
            node->object != NULL && node->object->names != NULL
                ? fnd_schema_name_find(node->object, fnd_text_z(segment), segment->size)
                : NULL;
        child = name != NULL ? name->node : NULL;
    } else {
        fnd_schema_children(lookup, node, fnd_text_z(segment), segment->size, keep_first, &child);
    }
    if (child == NULL && node->ref != NULL) {
        child = child_of(lookup, node->ref, segment, by_name);
    }
    for (size_t i = 0; i < node->all_of.count && child == NULL; i++) {
        child = child_of(lookup, node->all_of.list[i], segment, by_name);
    }
    return child;
}

static const struct fnd_schema_node *node_at(struct fnd_schema_lookup *lookup, const char *pointer)
{
    const struct fnd_schema_node *node = lookup->schema->root;
    struct fnd_text segment = {0};
    while (node != NULL && fnd_schema_segment(&pointer, &segment)) {
        const struct fnd_schema_node *child = child_of(lookup, node, &segment, true);
        node = child != NULL ? child : child_of(lookup, node, &segment, false);
    }
    fnd_text_finish(&segment);
    while (node != NULL && node->ref != NULL && node->only_notes_and_ref) {
        node = node->ref; /* never a circle: those are refused at compilation */
    }
    return node;
}

struct fnd_json fnd_schema_at(const struct fnd_schema *schema, const char *pointer)
{
    struct fnd_json none = {0};
    if (!fnd_json_pointer_valid(pointer)) {
        return none;
    }
    struct fnd_schema_lookup lookup = {.schema = schema, .steps = FND_SCHEMA_LOOKUP_STEPS};
    const struct fnd_schema_node *node = node_at(&lookup, pointer);
    pcre2_match_data_free(lookup.match);
    return node != NULL && fnd_json_type(node->json) == FND_JSON_OBJECT ? node->json : none;
}

/* What a schema says of a place below it. */
enum saying { SILENT, CLOSED, DECLARED };

struct descent {
    struct fnd_schema_lookup *lookup;
    const char *rest; /* of the pointer, behind the segment at hand */
    bool any;
    enum saying best;
};

static enum saying saying_of(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                             const char *pointer);

static enum saying more_open(enum saying a, enum saying b)
{
    return a > b ? a : b;
}

static bool descend(void *state, const struct fnd_schema_node *child)
{
    struct descent *descent = state;
    descent->any = true;
    /* A part that says nothing of what is inside it leaves that free. */
    const enum saying saying = saying_of(descent->lookup, child, descent->rest);
    descent->best = more_open(descent->best, saying == SILENT ? DECLARED : saying);
    return descent->best == DECLARED;
}

/* The node's own keywords. */
static enum saying own_saying(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                              const struct fnd_text *segment, const char *rest)
{
    size_t index;
    const bool is_index = fnd_schema_index(fnd_text_z(segment), segment->size, &index);
    const unsigned types = node->types == 0 ? FND_TYPE_OBJECT | FND_TYPE_ARRAY : node->types;
    if ((types & FND_TYPE_OBJECT) == 0 && ((types & FND_TYPE_ARRAY) == 0 || !is_index)) {
        return CLOSED;
    }
    struct descent descent = {.lookup = lookup, .rest = rest, .best = CLOSED};
    fnd_schema_children(lookup, node, fnd_text_z(segment), segment->size, descend, &descent);
    if (descent.any) {
        return descent.best;
    }
    const struct fnd_schema_object *object = node->object;
    const bool names_members =
        object != NULL && (object->has_properties || object->patterns_count > 0);
    return names_members && (types & FND_TYPE_OBJECT) != 0 ? CLOSED : SILENT;
}

static enum saying saying_of(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                             const char *pointer)
{
    if (node->refuses_all || !take_step(lookup)) {
        return CLOSED;
    }
    struct fnd_text segment = {0};
    const char *rest = pointer;
    if (!fnd_schema_segment(&rest, &segment)) {
        fnd_text_finish(&segment);
        return DECLARED;
    }
    enum saying saying = own_saying(lookup, node, &segment, rest);
    const bool final = saying == CLOSED && node->object != NULL &&
                       node->object->additional != NULL && node->object->additional->refuses_all;
    fnd_text_finish(&segment);
    if (final) {
        return CLOSED; /* no branch can open what additionalProperties: false closes */
    }
    const struct fnd_schema_node *const ones[] = {node->ref, node->then, node->otherwise};
    for (size_t i = 0; i < sizeof ones / sizeof ones[0] && saying != DECLARED; i++) {
        if (ones[i] != NULL) {
            saying = more_open(saying, saying_of(lookup, ones[i], pointer));
        }
    }
    const struct fnd_schema_nodes *const lists[] = {&node->all_of, &node->any_of, &node->one_of};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; j < lists[i]->count && saying != DECLARED; j++) {
            saying = more_open(saying, saying_of(lookup, lists[i]->list[j], pointer));
        }
    }
    return saying;
}

bool fnd_schema_declares(const struct fnd_schema *schema, const char *pointer)
{
    if (!fnd_json_pointer_valid(pointer)) {
        return false;
    }
    struct fnd_schema_lookup lookup = {.schema = schema, .steps = FND_SCHEMA_LOOKUP_STEPS};
    const enum saying saying = saying_of(&lookup, schema->root, pointer);
    pcre2_match_data_free(lookup.match);
    return saying == DECLARED;
}

static bool per_job(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                    const char *pointer);

static bool descend_per_job(void *state, const struct fnd_schema_node *child)
{
    struct descent *descent = state;
    return per_job(descent->lookup, child, descent->rest);
}

static bool per_job(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                    const char *pointer)
{
    if (!take_step(lookup)) {
        return false;
    }
    if (node->per_job) {
        return true;
    }
    const struct fnd_schema_node *const ones[] = {node->ref, node->then, node->otherwise};
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
        if (ones[i] != NULL && per_job(lookup, ones[i], pointer)) {
            return true;
        }
    }
    const struct fnd_schema_nodes *const lists[] = {&node->all_of, &node->any_of, &node->one_of};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            if (per_job(lookup, lists[i]->list[j], pointer)) {
                return true;
            }
        }
    }
    struct fnd_text segment = {0};
    const char *rest = pointer;
    bool found = false;
    if (fnd_schema_segment(&rest, &segment)) {
        struct descent descent = {.lookup = lookup, .rest = rest};
        found = fnd_schema_children(lookup, node, fnd_text_z(&segment), segment.size,
                                    descend_per_job, &descent);
    }
    fnd_text_finish(&segment);
    return found;
}

bool fnd_schema_per_job(const struct fnd_schema *schema, const char *pointer)
{
    if (!fnd_json_pointer_valid(pointer)) {
        return false;
    }
    struct fnd_schema_lookup lookup = {.schema = schema, .steps = FND_SCHEMA_LOOKUP_STEPS};
    const bool found = per_job(&lookup, schema->root, pointer);
    pcre2_match_data_free(lookup.match);
    return found;
}

enum { NAMES_MAX = 256 };

/* Names that would be known where an unknown one stands, for did-you-mean. */
static void names_collect(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                          const char **names, size_t *count)
{
    if (!take_step(lookup)) {
        return;
    }
    const char *const *declared =
        node->object != NULL && node->object->declared != NULL ? node->object->declared : NULL;
    for (; declared != NULL && *declared != NULL && *count < NAMES_MAX; declared++) {
        names[(*count)++] = *declared;
    }
    const struct fnd_schema_node *const ones[] = {node->ref, node->then, node->otherwise};
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
        if (ones[i] != NULL) {
            names_collect(lookup, ones[i], names, count);
        }
    }
    const struct fnd_schema_nodes *const lists[] = {&node->all_of, &node->any_of, &node->one_of};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            names_collect(lookup, lists[i]->list[j], names, count);
        }
    }
}

static void fail_undeclared(const struct fnd_schema *schema, const char *parent,
                            const char *pointer, struct fnd_json key, struct fnd_flaws *flaws)
{
    for (size_t i = 0; i < flaws->count; i++) {
        if (flaws->list[i].is_key && strcmp(flaws->list[i].pointer, pointer) == 0) {
            return; /* told already, by a check */
        }
    }
    struct fnd_schema_lookup lookup = {.schema = schema, .steps = FND_SCHEMA_LOOKUP_STEPS};
    const char *names[NAMES_MAX + 1] = {NULL};
    size_t count = 0;
    const struct fnd_schema_node *node = node_at(&lookup, parent);
    if (node != NULL) {
        names_collect(&lookup, node, names, &count);
    }
    names[count] = NULL;
    pcre2_match_data_free(lookup.match);
    char *name = fnd_json_strdup(key);
    const char *nearest = fnd_nearest(name, names);
    fnd_flaws_add(flaws, pointer, "additionalProperties", true,
                  nearest != NULL ? "\"%s\" is not known here; did you mean \"%s\"?"
                                  : "\"%s\" is not known here",
                  name, nearest);
    free(name);
}

/* Recursive as deep as checked JSON may be. */
static bool check_declared(const struct fnd_schema *schema, struct fnd_json value,
                           struct fnd_text *pointer, struct fnd_flaws *flaws)
{
    bool ok = true;
    const size_t size = pointer->size;
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        if (walk.key.bytes != NULL) {
            fnd_json_pointer_add_key(pointer, walk.key);
        } else {
            fnd_json_pointer_add_index(pointer, walk.index);
        }
        if (fnd_schema_declares(schema, fnd_text_z(pointer)) || walk.key.bytes == NULL) {
            ok = check_declared(schema, walk.value, pointer, flaws) && ok;
        } else {
            ok = false;
            if (flaws != NULL) {
                char *parent = fnd_strndup(fnd_text_z(pointer), size);
                fail_undeclared(schema, parent, fnd_text_z(pointer), walk.key, flaws);
                free(parent);
            }
        }
        pointer->size = size;
        pointer->bytes[size] = '\0';
    }
    return ok;
}

bool fnd_schema_check_declared(const struct fnd_schema *schema, struct fnd_json value,
                               struct fnd_flaws *flaws)
{
    struct fnd_text pointer = {0};
    const bool ok = check_declared(schema, value, &pointer, flaws);
    fnd_text_finish(&pointer);
    return ok;
}
