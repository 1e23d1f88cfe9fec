/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "schema/node.h"

bool fnd_schema_segment(const char **pointer, struct fnd_text *segment)
{
    fnd_text_clear(segment);
    if (**pointer != '/') {
        return false;
    }
    const char *at = *pointer + 1;
    for (; *at != '\0' && *at != '/'; at++) {
        if (*at == '~' && (at[1] == '0' || at[1] == '1')) {
            at++;
            fnd_text_append_byte(segment, *at == '1' ? '/' : '~');
        } else {
            fnd_text_append_byte(segment, *at);
        }
    }
    *pointer = at;
    return true;
}

bool fnd_schema_index(const char *segment, size_t size, size_t *index)
{
    if (size == 0 || size > 15 || (size > 1 && segment[0] == '0')) {
        return false;
    }
    *index = 0;
    for (size_t i = 0; i < size; i++) {
        if (segment[i] < '0' || segment[i] > '9') {
            return false;
        }
        *index = *index * 10 + (size_t)(segment[i] - '0');
    }
    return true;
}

static bool object_children(struct fnd_schema_lookup *lookup,
                            const struct fnd_schema_object *object, const char *segment,
                            size_t size,
                            bool (*each)(void *state, const struct fnd_schema_node *child),
                            void *state)
{
    const struct fnd_schema_name *name = fnd_schema_name_find(object, segment, size);
    bool known = false;
    if (name != NULL && name->node != NULL) {
        known = true;
        if (each(state, name->node)) {
            return true;
        }
    }
    for (size_t i = 0; i < object->patterns_count; i++) {
        if (fnd_schema_match(lookup->schema, object->patterns[i].code, segment, size,
                             &lookup->match) == FND_MATCH_YES) {
            known = true;
            if (each(state, object->patterns[i].node)) {
                return true;
            }
        }
    }
    return !known && object->additional != NULL && each(state, object->additional);
}

bool fnd_schema_children(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                         const char *segment, size_t size,
                         bool (*each)(void *state, const struct fnd_schema_node *child),
                         void *state)
{
    if (node->object != NULL && object_children(lookup, node->object, segment, size, each, state)) {
        return true;
    }
    size_t index;
    if (node->array == NULL || !fnd_schema_index(segment, size, &index)) {
        return false;
    }
    const struct fnd_schema_node *child =
        index < node->array->prefix.count ? node->array->prefix.list[index] : node->array->items;
    return child != NULL && each(state, child);
}
