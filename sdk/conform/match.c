/* SPDX-License-Identifier: MIT */
#include "case.h"

#include <stdlib.h>

enum { SHOWN_MAX = 300 };

static enum fnd_status differ(const struct fnd_text *pointer, const char *what,
                              struct fnd_json expected, struct fnd_json found,
                              struct fnd_error *error)
{
    const int expected_size = expected.size < SHOWN_MAX ? (int)expected.size : SHOWN_MAX;
    const int found_size = found.size < SHOWN_MAX ? (int)found.size : SHOWN_MAX;
    return fnd_error_set(error, FND_INVALID, "%s %s: expected %.*s, found %.*s",
                         pointer->size == 0 ? "the result" : fnd_text_z(pointer), what,
                         expected_size, expected.bytes, found.bytes == NULL ? 7 : found_size,
                         found.bytes == NULL ? "nothing" : found.bytes);
}

static enum fnd_status match(struct fnd_json expected, struct fnd_json found,
                             struct fnd_text *pointer, struct fnd_error *error);

static enum fnd_status match_object(struct fnd_json expected, struct fnd_json found,
                                    struct fnd_text *pointer, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    struct fnd_json_walk walk = fnd_json_walk(expected);
    while (status == FND_OK && fnd_json_next(&walk)) {
        char *key = fnd_json_strdup(walk.key);
        const size_t size = pointer->size;
        fnd_json_pointer_add_key(pointer, walk.key);
        status = match(walk.value, fnd_json_member(found, key), pointer, error);
        pointer->size = size;
        pointer->bytes[size] = '\0';
        free(key);
    }
    return status;
}

static enum fnd_status match_array(struct fnd_json expected, struct fnd_json found,
                                   struct fnd_text *pointer, struct fnd_error *error)
{
    if (fnd_json_count(expected) != fnd_json_count(found)) {
        return differ(pointer, "has another number of items", expected, found, error);
    }
    enum fnd_status status = FND_OK;
    struct fnd_json_walk left = fnd_json_walk(expected);
    struct fnd_json_walk right = fnd_json_walk(found);
    while (status == FND_OK && fnd_json_next(&left) && fnd_json_next(&right)) {
        const size_t size = pointer->size;
        fnd_json_pointer_add_index(pointer, left.index);
        status = match(left.value, right.value, pointer, error);
        pointer->size = size;
        pointer->bytes[size] = '\0';
    }
    return status;
}

/* As deep as the reader lets a text be: FND_JSON_DEPTH_MAX. */
static enum fnd_status match(struct fnd_json expected, struct fnd_json found,
                             struct fnd_text *pointer, struct fnd_error *error)
{
    if (found.bytes == NULL) {
        return differ(pointer, "is missing", expected, found, error);
    }
    if (fnd_json_type(expected) != fnd_json_type(found)) {
        return differ(pointer, "is of another type", expected, found, error);
    }
    switch (fnd_json_type(expected)) {
    case FND_JSON_OBJECT:
        return match_object(expected, found, pointer, error);
    case FND_JSON_ARRAY:
        return match_array(expected, found, pointer, error);
    default:
        return fnd_json_equal(expected, found) ? FND_OK
                                               : differ(pointer, "differs", expected, found, error);
    }
}

enum fnd_status case_match(struct fnd_json expected, struct fnd_json found, struct fnd_error *error)
{
    struct fnd_text pointer = {0};
    fnd_text_reserve(&pointer, 64);
    pointer.bytes[0] = '\0';
    const enum fnd_status status = match(expected, found, &pointer, error);
    fnd_text_finish(&pointer);
    return status;
}
