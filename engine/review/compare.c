/* SPDX-License-Identifier: MIT */
/* What a person changed, place by place. */
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

struct compare {
    struct fnd_json confidence; /* object by pointer, or no value */
    struct fnd_text *fields;
    size_t count;
};

static void difference(struct compare *compare, const struct fnd_text *pointer,
                       struct fnd_json from, struct fnd_json to)
{
    struct fnd_text *out = compare->fields;
    fnd_text_append_z(out, compare->count++ > 0 ? "," : "");
    fnd_text_append_json(out, fnd_text_z(pointer), pointer->size);
    fnd_text_append_z(out, ":{");
    if (from.bytes != NULL) {
        fnd_text_append_z(out, "\"from\":");
        fnd_text_append(out, from.bytes, from.size);
    }
    if (to.bytes != NULL) {
        fnd_text_append_z(out, from.bytes != NULL ? ",\"to\":" : "\"to\":");
        fnd_text_append(out, to.bytes, to.size);
    }
    struct fnd_json score = {NULL, 0};
    if (compare->confidence.bytes != NULL) {
        score = fnd_json_member(compare->confidence, fnd_text_z(pointer));
    }
    if (score.bytes != NULL) {
        fnd_text_append_z(out, ",\"confidence\":");
        fnd_text_append(out, score.bytes, score.size);
    }
    fnd_text_append_byte(out, '}');
}

static void pointer_cut(struct fnd_text *pointer, size_t size)
{
    pointer->size = size;
    if (pointer->bytes != NULL) {
        pointer->bytes[size] = '\0';
    }
}

static void compare_values(struct compare *compare, struct fnd_text *pointer, struct fnd_json from,
                           struct fnd_json to);

static void compare_objects(struct compare *compare, struct fnd_text *pointer, struct fnd_json from,
                            struct fnd_json to)
{
    const size_t base = pointer->size;
    for (struct fnd_json_walk walk = fnd_json_walk(from); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        fnd_json_pointer_add_key(pointer, walk.key);
        compare_values(compare, pointer, walk.value, fnd_json_member(to, key));
        pointer_cut(pointer, base);
        free(key);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(to); fnd_json_next(&walk);) {
        const struct fnd_json none = {NULL, 0};
        char *key = fnd_json_strdup(walk.key);
        if (fnd_json_member(from, key).bytes == NULL) {
            fnd_json_pointer_add_key(pointer, walk.key);
            compare_values(compare, pointer, none, walk.value);
            pointer_cut(pointer, base);
        }
        free(key);
    }
}

static void compare_arrays(struct compare *compare, struct fnd_text *pointer, struct fnd_json from,
                           struct fnd_json to)
{
    const size_t base = pointer->size;
    const struct fnd_json none = {NULL, 0};
    struct fnd_json_walk old_walk = fnd_json_walk(from), new_walk = fnd_json_walk(to);
    for (size_t index = 0;; index++) {
        bool old_more = fnd_json_next(&old_walk), new_more = fnd_json_next(&new_walk);
        if (!old_more && !new_more) {
            return;
        }
        fnd_json_pointer_add_index(pointer, index);
        compare_values(compare, pointer, old_more ? old_walk.value : none,
                       new_more ? new_walk.value : none);
        pointer_cut(pointer, base);
    }
}

/** Depth is bounded by the reader's FND_JSON_DEPTH_MAX. */
static void compare_values(struct compare *compare, struct fnd_text *pointer, struct fnd_json from,
                           struct fnd_json to)
{
    if (from.bytes != NULL && to.bytes != NULL) {
        enum fnd_json_type old_type = fnd_json_type(from), new_type = fnd_json_type(to);
        if (old_type == FND_JSON_OBJECT && new_type == FND_JSON_OBJECT) {
            compare_objects(compare, pointer, from, to);
            return;
        }
        if (old_type == FND_JSON_ARRAY && new_type == FND_JSON_ARRAY) {
            compare_arrays(compare, pointer, from, to);
            return;
        }
        if (fnd_json_equal(from, to)) {
            return;
        }
    }
    difference(compare, pointer, from, to);
}

size_t fnd_compare(struct fnd_json old_document, struct fnd_json new_document,
                   struct fnd_json marks, struct fnd_text *fields)
{
    struct compare compare = {.fields = fields};
    struct fnd_text pointer = {0};
    if (marks.bytes != NULL) {
        compare.confidence = fnd_json_member(marks, "confidence");
    }
    fnd_text_append_byte(fields, '{');
    compare_values(&compare, &pointer, old_document, new_document);
    fnd_text_append_byte(fields, '}');
    fnd_text_finish(&pointer);
    return compare.count;
}
