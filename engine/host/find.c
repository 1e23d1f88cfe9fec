/* SPDX-License-Identifier: MIT */
/* Finding values for reads: documents, their cursors, and SUBJECT's marks. */
#include "host/find.h"

#include <stdlib.h>
#include <string.h>

struct fnd_json fnd_call_document(const struct foundry_call *call, int32_t doc)
{
    switch (doc) {
    case FOUNDRY_DOC_CONFIG:
        return call->input->config;
    case FOUNDRY_DOC_SUBJECT:
        return call->input->subject;
    case FOUNDRY_DOC_ANSWERS:
        return call->input->answers;
    default:
        return call->input->run;
    }
}

/** Decode a pointer's segment into `decoded`, which has room for size + 1. False if it is none. */
static bool segment_decode(const char *segment, size_t size, char *decoded)
{
    size_t to = 0;
    for (size_t from = 0; from < size; from++, to++) {
        decoded[to] = segment[from];
        if (segment[from] == '~') {
            from++;
            if (from == size || (segment[from] != '0' && segment[from] != '1')) {
                return false;
            }
            decoded[to] = segment[from] == '0' ? '~' : '/';
        }
    }
    decoded[to] = '\0';
    return true;
}

static bool key_is(struct fnd_json key, const char *decoded, size_t size)
{
    if (memchr(key.bytes, '\\', key.size) != NULL) {
        return fnd_json_text_is(key, decoded);
    }
    return key.size == size + 2 && memcmp(key.bytes + 1, decoded, size) == 0;
}

static void level_restart(struct fnd_cursor_level *level)
{
    level->walk = fnd_json_walk(level->value);
    level->next = 0;
}

static struct fnd_json level_item(struct fnd_cursor_level *level, const char *segment)
{
    const struct fnd_json none = {0};
    size_t index = 0;
    const size_t size = strlen(segment);
    if (size == 0 || size > 9 || (size > 1 && segment[0] == '0')) {
        return none;
    }
    for (size_t i = 0; i < size; i++) {
        if (segment[i] < '0' || segment[i] > '9') {
            return none;
        }
        index = index * 10 + (size_t)(segment[i] - '0');
    }
    if (level->next != SIZE_MAX && level->next == index + 1) {
        return level->walk.value;
    }
    if (level->next == SIZE_MAX || level->next > index) {
        level_restart(level);
    }
    while (fnd_json_next(&level->walk)) {
        if (level->next++ == index) {
            return level->walk.value;
        }
    }
    level->next = SIZE_MAX;
    return none;
}

/** From the member that was read last to the end, then from the start to there. */
static struct fnd_json level_member(struct fnd_cursor_level *level, const char *key)
{
    const size_t size = strlen(key);
    const bool fresh = level->next == SIZE_MAX;
    if (fresh) {
        level_restart(level);
    }
    const size_t began = level->next;
    if (began > 0 && key_is(level->walk.key, key, size)) {
        return level->walk.value;
    }
    for (int round = 0; round < (began > 0 ? 2 : 1); round++) {
        if (round == 1) {
            level_restart(level);
        }
        while ((round == 0 || level->next < began) && fnd_json_next(&level->walk)) {
            level->next++;
            if (key_is(level->walk.key, key, size)) {
                return level->walk.value;
            }
        }
    }
    level->next = SIZE_MAX;
    return (struct fnd_json){0};
}

static struct fnd_json level_step(struct fnd_cursor_level *level, const char *segment)
{
    switch (fnd_json_type(level->value)) {
    case FND_JSON_OBJECT:
        return level_member(level, segment);
    case FND_JSON_ARRAY:
        return level_item(level, segment);
    default:
        return (struct fnd_json){0};
    }
}

/** How many levels of the cursor lie on the way to `ptr`. */
static size_t cursor_common(const struct fnd_cursor *cursor, const char *ptr)
{
    size_t depth = 1, checked = 0;
    while (depth < cursor->depth) {
        const size_t end = cursor->levels[depth].end;
        if (strncmp(cursor->pointer + checked, ptr + checked, end - checked) != 0 ||
            (ptr[end] != '\0' && ptr[end] != '/')) {
            break;
        }
        checked = end;
        depth++;
    }
    return depth;
}

struct fnd_json fnd_call_find(struct foundry_call *call, int32_t doc, const char *ptr)
{
    const struct fnd_json none = {0};
    const struct fnd_json document = fnd_call_document(call, doc);
    if (document.bytes == NULL || ptr[0] == '\0') {
        return document;
    }
    struct fnd_cursor *cursor = call->cursors[doc];
    if (cursor == NULL) {
        cursor = fnd_arena_take(call->arena, sizeof *cursor);
        if (cursor == NULL) {
            return fnd_json_find(document, ptr);
        }
        call->cursors[doc] = cursor;
        cursor->levels[0] = (struct fnd_cursor_level){.value = document, .next = SIZE_MAX};
        cursor->depth = 1;
    }
    if (strlen(ptr) >= FND_CURSOR_POINTER_MAX) {
        return fnd_json_find(document, ptr);
    }
    cursor->depth = cursor_common(cursor, ptr);
    while (true) {
        struct fnd_cursor_level *level = &cursor->levels[cursor->depth - 1];
        const char *at = ptr + level->end;
        if (*at == '\0') {
            return level->value;
        }
        if (*at != '/') {
            return none;
        }
        if (cursor->depth == FND_CURSOR_DEPTH_MAX) {
            return fnd_json_find(level->value, at);
        }
        char segment[FND_CURSOR_POINTER_MAX];
        const size_t raw = strcspn(at + 1, "/");
        if (!segment_decode(at + 1, raw, segment)) {
            return none;
        }
        const struct fnd_json child = level_step(level, segment);
        if (child.bytes == NULL) {
            return none;
        }
        memcpy(cursor->pointer + level->end, at, raw + 1);
        cursor->levels[cursor->depth++] = (struct fnd_cursor_level){
            .end = level->end + raw + 1, .value = child, .next = SIZE_MAX};
    }
}

static int mark_order(const void *a, const void *b)
{
    return strcmp(((const struct fnd_mark *)a)->pointer, ((const struct fnd_mark *)b)->pointer);
}

struct fnd_json fnd_call_mark(struct foundry_call *call, bool origin, const char *ptr)
{
    struct fnd_marks *marks = origin ? &call->origins : &call->confidences;
    if (!marks->ready) {
        marks->ready = true;
        const struct fnd_json part =
            call->input->marks.bytes == NULL
                ? (struct fnd_json){0}
                : fnd_json_member(call->input->marks, origin ? "origin" : "confidence");
        if (part.bytes == NULL || fnd_json_type(part) != FND_JSON_OBJECT) {
            return (struct fnd_json){0};
        }
        marks->list = fnd_arena_take(call->arena, fnd_json_count(part) * sizeof *marks->list);
        struct fnd_text key = {0};
        struct fnd_json_walk walk = fnd_json_walk(part);
        while (marks->list != NULL && fnd_json_next(&walk)) {
            fnd_text_clear(&key);
            fnd_json_text(walk.key, &key);
            const char *copy = fnd_arena_copy(call->arena, fnd_text_z(&key), key.size);
            if (copy != NULL) {
                marks->list[marks->count++] = (struct fnd_mark){copy, walk.value};
            }
        }
        fnd_text_finish(&key);
        if (marks->list != NULL && marks->count > 1) {
            qsort(marks->list, marks->count, sizeof *marks->list, mark_order);
        }
    }
    if (marks->list == NULL || marks->count == 0) {
        return (struct fnd_json){0};
    }
    const struct fnd_mark wanted = {.pointer = ptr};
    const struct fnd_mark *found =
        bsearch(&wanted, marks->list, marks->count, sizeof *marks->list, mark_order);
    return found == NULL ? (struct fnd_json){0} : found->value;
}
