/* SPDX-License-Identifier: MIT */
/* What a model said of its values, behind a person's answer: confidence goes where somebody asked
 * or changed, and places move with the items of an array from which others were removed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

bool fnd_pointer_below(const char *pointer, const char *at)
{
    size_t size = strlen(at);
    return strncmp(pointer, at, size) == 0 && (pointer[size] == '\0' || pointer[size] == '/');
}

/** Pointers of a removal list, each once: removing a place twice is removing it. */
static bool known(const struct fnd_pointers *pointers, const char *pointer)
{
    for (size_t i = 0; i < pointers->count; i++) {
        if (strcmp(pointers->list[i], pointer) == 0) {
            return true;
        }
    }
    return false;
}

void fnd_pointers_take(struct fnd_pointers *pointers, char *pointer)
{
    if (pointer == NULL || known(pointers, pointer)) {
        free(pointer);
        return;
    }
    if (pointers->count == pointers->capacity) {
        pointers->capacity = pointers->capacity == 0 ? 16 : pointers->capacity * 2;
        pointers->list = fnd_realloc(pointers->list, pointers->capacity, sizeof *pointers->list);
    }
    pointers->list[pointers->count++] = pointer;
}

void fnd_pointers_finish(struct fnd_pointers *pointers)
{
    for (size_t i = 0; i < pointers->count; i++) {
        free(pointers->list[i]);
    }
    free(pointers->list);
}

/** The index that a segment of a pointer is, or -1. */
static int64_t index_of(const char *segment, size_t size)
{
    int64_t index = 0;
    if (size == 0 || size > 9) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        if (segment[i] < '0' || segment[i] > '9') {
            return -1;
        }
        index = index * 10 + (segment[i] - '0');
    }
    return index;
}

/** How many removed items stood before the item `index` of the array at the first `size` bytes of
 *  `pointer`. */
static int64_t removed_before(struct fnd_json subject, const struct fnd_pointers *removed,
                              const char *pointer, size_t size, int64_t index)
{
    int64_t before = 0;
    for (size_t i = 0; i < removed->count; i++) {
        const char *slash = strrchr(removed->list[i], '/');
        if (slash != NULL && (size_t)(slash - removed->list[i]) == size &&
            memcmp(removed->list[i], pointer, size) == 0) {
            int64_t other = index_of(slash + 1, strlen(slash + 1));
            before += other >= 0 && other < index;
        }
    }
    if (before == 0) {
        return 0;
    }
    char *parent = fnd_strndup(pointer, size);
    enum fnd_json_type type = fnd_json_type(fnd_json_find(subject, parent));
    free(parent);
    return type == FND_JSON_ARRAY ? before : 0; /* members of an object stay where they are */
}

/** Where a place of SUBJECT is behind the removals.  false: it is gone. */
static bool pointer_move(struct fnd_json subject, const struct fnd_pointers *removed,
                         const char *pointer, struct fnd_text *moved)
{
    for (size_t i = 0; i < removed->count; i++) {
        if (fnd_pointer_below(pointer, removed->list[i])) {
            return false;
        }
    }
    for (const char *at = pointer; *at == '/';) {
        const size_t size = strcspn(at + 1, "/");
        const int64_t index = index_of(at + 1, size);
        const int64_t before =
            index > 0 ? removed_before(subject, removed, pointer, (size_t)(at - pointer), index)
                      : 0;
        if (before > 0) {
            fnd_text_printf(moved, "/%" PRId64, index - before);
        } else {
            fnd_text_append(moved, at, size + 1);
        }
        at += size + 1;
    }
    return true;
}

static bool touched(const struct fnd_pointers *asked_or_changed, const char *pointer)
{
    for (size_t i = 0; i < asked_or_changed->count; i++) {
        if (fnd_pointer_below(pointer, asked_or_changed->list[i]) ||
            fnd_pointer_below(asked_or_changed->list[i], pointer)) {
            return true;
        }
    }
    return false;
}

/** Append "NAME":{…} with what is left of one member of marks; nothing if nothing is. */
static void member_left(struct fnd_json marks, const char *name, struct fnd_json subject,
                        const struct fnd_pointers *gone, const struct fnd_pointers *removed,
                        struct fnd_text *left)
{
    size_t kept = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(marks, name));
         fnd_json_next(&walk);) {
        struct fnd_text moved = {0};
        char *pointer = fnd_json_strdup(walk.key);
        if (!(gone != NULL && touched(gone, pointer)) &&
            pointer_move(subject, removed, pointer, &moved)) {
            if (kept++ == 0) {
                fnd_text_printf(left, "%s\"%s\":{", left->size > 0 ? "," : "{", name);
            } else {
                fnd_text_append_byte(left, ',');
            }
            fnd_text_append_json(left, fnd_text_z(&moved), moved.size);
            fnd_text_append_byte(left, ':');
            fnd_text_append(left, walk.value.bytes, walk.value.size);
        }
        fnd_text_finish(&moved);
        free(pointer);
    }
    if (kept > 0) {
        fnd_text_append_byte(left, '}');
    }
}

void fnd_marks_left(struct fnd_json subject, struct fnd_json marks,
                    const struct fnd_pointers *asked_or_changed, const struct fnd_pointers *removed,
                    struct fnd_text *left)
{
    if (marks.bytes == NULL) {
        return;
    }
    member_left(marks, "confidence", subject, asked_or_changed, removed, left);
    member_left(marks, "origin", subject, NULL, removed, left);
    if (left->size > 0) {
        fnd_text_append_byte(left, '}');
    }
}
