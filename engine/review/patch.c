/* SPDX-License-Identifier: MIT */
/* A person's values put into SUBJECT, byte for byte the same everywhere else. */
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

static bool is_number(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return size > 0;
}

/** Segment by segment, numbers by value: the order in which removals must run backwards. */
static int pointer_compare(const void *a_text, const void *b_text)
{
    const char *a = *(char *const *)a_text, *b = *(char *const *)b_text;
    while (*a == '/' && *b == '/') {
        size_t a_size = strcspn(++a, "/"), b_size = strcspn(++b, "/");
        int order = 0;
        if (is_number(a, a_size) && is_number(b, b_size) && a_size != b_size) {
            order = a_size < b_size ? -1 : 1;
        } else {
            size_t both = a_size < b_size ? a_size : b_size;
            order = memcmp(a, b, both);
            order = order != 0 ? order : (a_size > b_size) - (a_size < b_size);
        }
        if (order != 0) {
            return order;
        }
        a += a_size;
        b += b_size;
    }
    return (*a != '\0') - (*b != '\0');
}

static enum fnd_status values_set(struct fnd_json values, struct fnd_text *document,
                                  struct fnd_flaws *flaws)
{
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(values); fnd_json_next(&walk);) {
        struct fnd_text next = {0};
        struct fnd_error error = {0};
        struct fnd_json before = {document->bytes, document->size};
        char *pointer = fnd_json_strdup(walk.key);
        if (fnd_json_set(before, pointer, walk.value, &next, &error) == FND_OK) {
            fnd_text_finish(document);
            *document = next;
        } else {
            fnd_text_finish(&next);
            fnd_flaws_add(flaws, pointer, "pointer", false, "%s", error.message);
            status = FND_INVALID;
        }
        free(pointer);
    }
    return status;
}

static enum fnd_status values_remove(struct fnd_json removed, struct fnd_text *document,
                                     struct fnd_flaws *flaws)
{
    struct fnd_pointers pointers = {0};
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(removed); fnd_json_next(&walk);) {
        char *pointer = fnd_json_strdup(walk.value);
        if (pointer != NULL) {
            fnd_pointers_take(&pointers, pointer);
        } else {
            fnd_flaws_add(flaws, "", "remove", false, "what is removed must be named by a pointer");
            status = FND_INVALID;
        }
    }
    if (pointers.count > 1) {
        qsort(pointers.list, pointers.count, sizeof *pointers.list, pointer_compare);
    }
    for (size_t i = pointers.count; i-- > 0;) {
        struct fnd_text next = {0};
        struct fnd_error error = {0};
        struct fnd_json before = {document->bytes, document->size};
        if (fnd_json_remove(before, pointers.list[i], &next, &error) == FND_OK) {
            fnd_text_finish(document);
            *document = next;
        } else {
            fnd_text_finish(&next);
            fnd_flaws_add(flaws, pointers.list[i], "remove", false, "%s", error.message);
            status = FND_INVALID;
        }
    }
    fnd_pointers_finish(&pointers);
    return status;
}

enum fnd_status fnd_patch_apply(struct fnd_json subject, struct fnd_json values,
                                struct fnd_json removed, struct fnd_text *patched,
                                struct fnd_flaws *flaws)
{
    fnd_text_append(patched, subject.bytes, subject.size);
    enum fnd_status status = values.bytes != NULL ? values_set(values, patched, flaws) : FND_OK;
    if (removed.bytes != NULL) {
        enum fnd_status second = values_remove(removed, patched, flaws);
        status = status == FND_OK ? second : status;
    }
    return status;
}
