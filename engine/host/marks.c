/* SPDX-License-Identifier: MIT */
/* Marks: confidences and origins beside the values of a document. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/state.h"

enum { FIND_EACH_BYTES_MAX = 1 << 20, DIGITS_MAX = 17 };

static int pointer_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** The index of the first of the sorted pointers that is not below `wanted`. */
static size_t lower_bound(const char *const *pointers, size_t count, const char *wanted)
{
    size_t low = 0;
    while (count > 0) {
        const size_t half = count / 2;
        if (strcmp(pointers[low + half], wanted) < 0) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

struct search {
    const char *const *pointers; /* sorted */
    bool *found;
    size_t count;
    struct fnd_text at; /* pointer of the value in hand */
};

/** Mark what leads to the value in hand, and walk into it if something leads further. */
static void search_value(struct search *search, struct fnd_json value)
{
    const char *at = fnd_text_z(&search->at);
    for (size_t i = lower_bound(search->pointers, search->count, at);
         i < search->count && strcmp(search->pointers[i], at) == 0; i++) {
        search->found[i] = true;
    }
    const enum fnd_json_type type = fnd_json_type(value);
    if (type != FND_JSON_ARRAY && type != FND_JSON_OBJECT) {
        return;
    }
    const size_t size = search->at.size;
    fnd_text_append_byte(&search->at, '/');
    const size_t below = lower_bound(search->pointers, search->count, search->at.bytes);
    const bool leads =
        below < search->count && strncmp(search->pointers[below], search->at.bytes, size + 1) == 0;
    search->at.bytes[search->at.size = size] = '\0';
    if (!leads) {
        return;
    }
    struct fnd_json_walk walk = fnd_json_walk(value);
    while (fnd_json_next(&walk)) {
        if (walk.key.bytes != NULL) {
            fnd_json_pointer_add_key(&search->at, walk.key);
        } else {
            fnd_json_pointer_add_index(&search->at, walk.index);
        }
        search_value(search, walk.value); /* at most FND_JSON_DEPTH_MAX deep */
        search->at.bytes[search->at.size = size] = '\0';
    }
}

const char *fnd_pointers_astray(struct fnd_json document, const char **pointers, size_t count)
{
    if (count * document.size <= FIND_EACH_BYTES_MAX) {
        for (size_t i = 0; i < count; i++) {
            if (fnd_json_find(document, pointers[i]).bytes == NULL) {
                return pointers[i];
            }
        }
        return NULL;
    }
    qsort(pointers, count, sizeof *pointers, pointer_order);
    struct search search = {.pointers = pointers, .count = count, .found = fnd_alloc(count)};
    search_value(&search, document);
    const char *astray = NULL;
    for (size_t i = 0; i < count && astray == NULL; i++) {
        astray = search.found[i] ? NULL : pointers[i];
    }
    fnd_text_finish(&search.at);
    free(search.found);
    return astray;
}

/** The fewest digits that read back to the same double, whatever the locale. */
static void append_number(struct fnd_text *text, double number)
{
    char digits[40];
    const double whole_max = 1e15; /* below it a whole number is its own shortest text */
    if (number > -whole_max && number < whole_max) {
        const int64_t whole = (int64_t)number;
        if ((double)whole >= number && (double)whole <= number) {
            fnd_text_printf(text, "%" PRId64, whole);
            return;
        }
    }
    for (int precision = 1; precision <= DIGITS_MAX; precision++) {
        int size = snprintf(digits, sizeof digits, "%.*g", precision, number);
        for (int i = 0; i < size; i++) {
            digits[i] = digits[i] == ',' ? '.' : digits[i];
        }
        double back;
        if (fnd_json_number((struct fnd_json){digits, (size_t)size}, &back) && back >= number &&
            back <= number) {
            break;
        }
    }
    fnd_text_append_z(text, digits);
}

struct ranked {
    const char *pointer;
    size_t index;
};

static int ranked_order(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    const int order = strcmp(x->pointer, y->pointer);
    return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index ? 1 : 0;
}

/** Which marks are the last of their pointer. malloc'ed. */
static bool *marks_last(struct ranked *ranked, size_t count)
{
    bool *last = fnd_alloc(count);
    qsort(ranked, count, sizeof *ranked, ranked_order);
    for (size_t i = 0; i < count; i++) {
        last[ranked[i].index] =
            i + 1 == count || strcmp(ranked[i].pointer, ranked[i + 1].pointer) != 0;
    }
    return last;
}

static void append_confidences(const struct fnd_effects *effects, struct fnd_text *json)
{
    const size_t count = effects->confidences_count;
    struct ranked *ranked = fnd_realloc(NULL, count, sizeof *ranked);
    for (size_t i = 0; i < count; i++) {
        ranked[i] = (struct ranked){effects->confidences[i].pointer, i};
    }
    bool *last = marks_last(ranked, count);
    const char *comma = "";
    fnd_text_append_z(json, "\"confidence\":{");
    for (size_t i = 0; i < count; i++) {
        if (last[i]) {
            fnd_text_append_z(json, comma);
            fnd_text_append_json_z(json, effects->confidences[i].pointer);
            fnd_text_append_byte(json, ':');
            append_number(json, effects->confidences[i].score);
            comma = ",";
        }
    }
    fnd_text_append_byte(json, '}');
    free(last);
    free(ranked);
}

static void append_origin(const struct fnd_origin *origin, struct fnd_text *json)
{
    fnd_text_append_json_z(json, origin->pointer);
    fnd_text_append_z(json, ":{\"artifact\":");
    fnd_text_append_json_z(json, origin->artifact);
    fnd_text_printf(json, ",\"page\":%lu", (unsigned long)origin->page);
    const struct {
        const char *name;
        double value;
    } parts[] = {
        {"x", origin->x}, {"y", origin->y}, {"width", origin->width}, {"height", origin->height}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        fnd_text_printf(json, ",\"%s\":", parts[i].name);
        append_number(json, parts[i].value);
    }
    fnd_text_append_byte(json, '}');
}

static void append_origins(const struct fnd_effects *effects, struct fnd_text *json)
{
    const size_t count = effects->origins_count;
    struct ranked *ranked = fnd_realloc(NULL, count, sizeof *ranked);
    for (size_t i = 0; i < count; i++) {
        ranked[i] = (struct ranked){effects->origins[i].pointer, i};
    }
    bool *last = marks_last(ranked, count);
    const char *comma = "";
    fnd_text_append_z(json, "\"origin\":{");
    for (size_t i = 0; i < count; i++) {
        if (last[i]) {
            fnd_text_append_z(json, comma);
            append_origin(&effects->origins[i], json);
            comma = ",";
        }
    }
    fnd_text_append_byte(json, '}');
    free(last);
    free(ranked);
}

void fnd_effects_marks(const struct fnd_effects *effects, struct fnd_text *json)
{
    if (effects->confidences_count == 0 && effects->origins_count == 0) {
        return;
    }
    fnd_text_append_byte(json, '{');
    if (effects->confidences_count > 0) {
        append_confidences(effects, json);
    }
    if (effects->origins_count > 0) {
        fnd_text_append_z(json, effects->confidences_count > 0 ? "," : "");
        append_origins(effects, json);
    }
    fnd_text_append_byte(json, '}');
}
