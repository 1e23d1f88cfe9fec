/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "model_file.h"

enum { MODEL_FORMAT = 1, ENTRIES_MAX = 1000000 };
static const char maker[] = "line/judge";

/* --- lists ------------------------------------------------------------------------------------ */

static int compare(const struct entry *entry, const char *word, size_t size)
{
    const size_t own = strlen(entry->word), least = own < size ? own : size;
    const int order = memcmp(entry->word, word, least);
    return order != 0 ? order : own < size ? -1 : own > size ? 1 : 0;
}

/** The first entry that is not before the word. */
static size_t place_of(const struct entries *entries, const char *word, size_t size)
{
    size_t low = 0, high = entries->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(&entries->list[middle], word, size) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static char *copy_of(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

int entries_add(struct entries *entries, const char *word, size_t word_size, const char *other,
                size_t other_size)
{
    size_t at = place_of(entries, word, word_size);
    for (; at < entries->count && compare(&entries->list[at], word, word_size) == 0; at++) {
        struct entry *entry = &entries->list[at];
        if (other == NULL ||
            (strlen(entry->other) == other_size && memcmp(entry->other, other, other_size) == 0)) {
            entry->lines++;
            return 0;
        }
    }
    if (entries->count == ENTRIES_MAX) {
        return 0;
    }
    struct entry made = {copy_of(word, word_size),
                         other != NULL ? copy_of(other, other_size) : NULL, 1};
    struct entry *list = (entries->count & (entries->count - 1)) == 0
                             ? realloc(entries->list, (2 * entries->count + 1) * sizeof *list)
                             : entries->list;
    if (list == NULL || made.word == NULL || (other != NULL && made.other == NULL)) {
        entries->list = list != NULL ? list : entries->list;
        free(made.word);
        free(made.other);
        return -1;
    }
    memmove(list + at + 1, list + at, (entries->count - at) * sizeof *list);
    list[at] = made;
    entries->list = list;
    entries->count++;
    return 0;
}

const struct entry *entries_find(const struct entries *entries, const char *word, size_t size)
{
    const size_t at = place_of(entries, word, size);
    return at < entries->count && compare(&entries->list[at], word, size) == 0 ? &entries->list[at]
                                                                               : NULL;
}

void entries_finish(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->list[i].word);
        free(entries->list[i].other);
    }
    free(entries->list);
    *entries = (struct entries){.list = NULL};
}

void model_finish(struct model *model)
{
    entries_finish(&model->words);
    entries_finish(&model->slips);
    *model = (struct model){.lines = 0};
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_entries(struct out *out, const struct entries *entries)
{
    put_number(out, entries->count, 4);
    for (size_t i = 0; i < entries->count; i++) {
        put_text(out, entries->list[i].word);
        put_text(out, entries->list[i].other != NULL ? entries->list[i].other : "");
        put_number(out, entries->list[i].lines, 4);
    }
}

unsigned char *model_write(const struct model *model, size_t *size)
{
    struct out out;
    model_begin(&out, maker);
    put_number(&out, model->lines, 4);
    put_number(&out, model->rules, 4);
    for (size_t i = 0; i < FEATURES; i++) {
        put_double(&out, model->mean[i]);
        put_double(&out, model->scale[i]);
    }
    for (size_t i = 0; i <= FEATURES; i++) {
        put_double(&out, model->weights[i]);
    }
    put_entries(&out, &model->words);
    put_entries(&out, &model->slips);
    return model_end(&out, MODEL_FORMAT, size);
}

/* --- reading ---------------------------------------------------------------------------------- */

/** A copy of the next text; NULL is noted. */
static char *take_copy(struct in *in)
{
    char text[WORD_SIZE];
    take_text(in, text, sizeof text);
    char *copy = in->failed ? NULL : copy_of(text, strlen(text));
    if (copy == NULL && !in->failed) {
        in->failed = in->no_memory = 1;
    }
    return copy;
}

static void take_entries(struct in *in, struct entries *entries, int others)
{
    const size_t count = take_count(in, 8);
    if (count > ENTRIES_MAX) {
        in->failed = 1;
        return;
    }
    entries->list = take_room(in, count, sizeof *entries->list);
    while (entries->count < count && !in->failed) {
        struct entry *entry = &entries->list[entries->count++];
        entry->word = take_copy(in);
        entry->other = take_copy(in);
        entry->lines = (uint32_t)take_number(in, 4);
        if (!others) {
            free(entry->other);
            entry->other = NULL;
        }
        in->failed |=
            entry->word == NULL || (entries->count > 1 && strcmp(entry[-1].word, entry->word) > 0);
    }
}

int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size)
{
    struct in in;
    *model = (struct model){.lines = 0};
    int result = model_open(&in, bytes, size, maker, MODEL_FORMAT, message, message_size);
    if (result != 0) {
        return result;
    }
    model->lines = (uint32_t)take_number(&in, 4);
    model->rules = (uint32_t)take_number(&in, 4);
    for (size_t i = 0; i < FEATURES; i++) {
        model->mean[i] = take_double(&in);
        model->scale[i] = take_double(&in);
        in.failed |= model->scale[i] <= 0;
    }
    for (size_t i = 0; i <= FEATURES; i++) {
        model->weights[i] = take_double(&in);
    }
    take_entries(&in, &model->words, 0);
    if (!in.failed) {
        take_entries(&in, &model->slips, 1);
    }
    result = model_close(&in, message, message_size);
    if (result != 0) {
        model_finish(model);
    }
    return result;
}
