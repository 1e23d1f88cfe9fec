/* SPDX-License-Identifier: MIT */
/* What a person changed, place by place. */
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

enum {
    ALIGNED_MAX = 1 << 16
}; /* pairs of items that are looked at; longer lists: place by place */

struct compare {
    struct fnd_json confidence; /* object by pointer, or no value */
    struct fnd_text *fields;
    size_t count;
    bool aligned;
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

static void item_compare(struct compare *compare, struct fnd_text *pointer, size_t index,
                         struct fnd_json from, struct fnd_json to)
{
    const size_t base = pointer->size;
    fnd_json_pointer_add_index(pointer, index);
    compare_values(compare, pointer, from, to);
    pointer_cut(pointer, base);
}

/* How alike two items are, 0 to 1: of objects the share of members that are equal. */
static double alike(struct fnd_json from, struct fnd_json to)
{
    if (fnd_json_type(from) != FND_JSON_OBJECT || fnd_json_type(to) != FND_JSON_OBJECT) {
        return fnd_json_equal(from, to) ? 1 : 0;
    }
    size_t equal = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(from); fnd_json_next(&walk);) {
        char *key = fnd_json_strdup(walk.key);
        const struct fnd_json other = fnd_json_member(to, key);
        equal += other.bytes != NULL && fnd_json_equal(walk.value, other);
        free(key);
    }
    const size_t most =
        fnd_json_count(from) > fnd_json_count(to) ? fnd_json_count(from) : fnd_json_count(to);
    const double share = most > 0 ? (double)equal / (double)most : 1;
    return share >= 0.5 ? share : 0; /* less in common than not: these are two things */
}

/* The items of a list, to be looked up by place. */
static struct fnd_json *items(struct fnd_json list, size_t count)
{
    struct fnd_json *all = fnd_alloc((count + 1) * sizeof *all);
    for (struct fnd_json_walk walk = fnd_json_walk(list); fnd_json_next(&walk);) {
        all[walk.index] = walk.value;
    }
    return all;
}

/* Items went or came: in their order, pair those that have most in common. An item that went is
 * named by its place before, one that came by a place behind the last one before. So a value that
 * stands where another stood before is not taken for a changed one. */
static void compare_aligned(struct compare *compare, struct fnd_text *pointer, struct fnd_json from,
                            struct fnd_json to, size_t from_count, size_t to_count)
{
    const struct fnd_json none = {NULL, 0};
    const size_t width = to_count + 1;
    struct fnd_json *old = items(from, from_count), *new = items(to, to_count);
    double *likes = fnd_alloc((from_count + 1) * width * sizeof *likes);
    double *best = fnd_alloc((from_count + 1) * width * sizeof *best);
    for (size_t i = from_count; i-- > 0;) {
        for (size_t j = to_count; j-- > 0;) {
            const double like = alike(old[i], new[j]);
            const double both = like > 0 ? like + best[(i + 1) * width + j + 1] : 0;
            const double down = best[(i + 1) * width + j], right = best[i * width + j + 1];
            likes[i * width + j] = like;
            best[i * width + j] = both > down && both > right ? both : down > right ? down : right;
        }
    }
    size_t came = from_count;
    for (size_t i = 0, j = 0; i < from_count || j < to_count;) {
        const size_t at = i * width + j;
        if (i < from_count && j < to_count && likes[at] > 0 &&
            best[at] <= likes[at] + best[at + width + 1]) {
            item_compare(compare, pointer, i, old[i], new[j]);
            i++;
            j++;
        } else if (i < from_count && (j == to_count || best[at + width] >= best[at + 1])) {
            item_compare(compare, pointer, i, old[i], none);
            i++;
        } else {
            item_compare(compare, pointer, came++, none, new[j]);
            j++;
        }
    }
    free(old);
    free(new);
    free(likes);
    free(best);
}

static void compare_arrays(struct compare *compare, struct fnd_text *pointer, struct fnd_json from,
                           struct fnd_json to)
{
    const size_t from_count = fnd_json_count(from), to_count = fnd_json_count(to);
    const struct fnd_json none = {NULL, 0};
    if (compare->aligned && from_count != to_count && from_count < ALIGNED_MAX &&
        to_count < ALIGNED_MAX && (from_count + 1) * (to_count + 1) <= ALIGNED_MAX) {
        compare_aligned(compare, pointer, from, to, from_count, to_count);
        return;
    }
    struct fnd_json_walk old_walk = fnd_json_walk(from), new_walk = fnd_json_walk(to);
    for (size_t index = 0;; index++) {
        bool old_more = fnd_json_next(&old_walk), new_more = fnd_json_next(&new_walk);
        if (!old_more && !new_more) {
            return;
        }
        item_compare(compare, pointer, index, old_more ? old_walk.value : none,
                     new_more ? new_walk.value : none);
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

static size_t documents_compare(struct fnd_json old_document, struct fnd_json new_document,
                                struct fnd_json marks, bool aligned, struct fnd_text *fields)
{
    struct compare compare = {.fields = fields, .aligned = aligned};
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

size_t fnd_compare(struct fnd_json old_document, struct fnd_json new_document,
                   struct fnd_json marks, struct fnd_text *fields)
{
    return documents_compare(old_document, new_document, marks, false, fields);
}

size_t fnd_compare_aligned(struct fnd_json old_document, struct fnd_json new_document,
                           struct fnd_text *fields)
{
    const struct fnd_json none = {NULL, 0};
    return documents_compare(old_document, new_document, none, true, fields);
}
