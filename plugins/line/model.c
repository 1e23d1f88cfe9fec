/* SPDX-License-Identifier: MIT */
/* The file: "FNDLINE1", version, size and check of the body; the body: numbers little-endian, texts
 * with their length. Entries are sorted, so that the same lessons give the same bytes. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC_SIZE = 8, HEAD_SIZE = MAGIC_SIZE + 4 + 4 + 8, VERSION = 1, ENTRIES_MAX = 1000000 };
static const char magic[MAGIC_SIZE] = {'F', 'N', 'D', 'L', 'I', 'N', 'E', '1'};

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
}

/* --- writing ---------------------------------------------------------------------------------- */

struct out {
    unsigned char *bytes; /* NULL: only counted */
    size_t size;
};

static void put(struct out *out, const void *bytes, size_t size)
{
    if (out->bytes != NULL && size > 0) {
        memcpy(out->bytes + out->size, bytes, size);
    }
    out->size += size;
}

static void put_number(struct out *out, uint64_t number, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    put(out, bytes, size);
}

static void put_double(struct out *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(out, bits, 8);
}

static void put_text(struct out *out, const char *text)
{
    put_number(out, strlen(text), 2);
    put(out, text, strlen(text));
}

static void put_entries(struct out *out, const struct entries *entries)
{
    put_number(out, entries->count, 4);
    for (size_t i = 0; i < entries->count; i++) {
        put_text(out, entries->list[i].word);
        put_text(out, entries->list[i].other != NULL ? entries->list[i].other : "");
        put_number(out, entries->list[i].lines, 4);
    }
}

static void put_body(struct out *out, const struct model *model)
{
    put_number(out, model->lines, 4);
    put_number(out, model->rules, 4);
    for (size_t i = 0; i < FEATURES; i++) {
        put_double(out, model->mean[i]);
        put_double(out, model->scale[i]);
    }
    for (size_t i = 0; i <= FEATURES; i++) {
        put_double(out, model->weights[i]);
    }
    put_entries(out, &model->words);
    put_entries(out, &model->slips);
}

static uint64_t check_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

unsigned char *model_write(const struct model *model, size_t *size)
{
    struct out out = {.bytes = NULL};
    put_body(&out, model);
    const size_t body = out.size;
    unsigned char *bytes = malloc(HEAD_SIZE + body);
    if (bytes == NULL) {
        return NULL;
    }
    out = (struct out){.bytes = bytes + HEAD_SIZE};
    put_body(&out, model);
    out = (struct out){.bytes = bytes};
    put(&out, magic, MAGIC_SIZE);
    put_number(&out, VERSION, 4);
    put_number(&out, body, 4);
    put_number(&out, check_of(bytes + HEAD_SIZE, body), 8);
    *size = HEAD_SIZE + body;
    return bytes;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct in {
    const unsigned char *bytes;
    size_t left;
    int failed;
};

static uint64_t get_number(struct in *in, size_t size)
{
    uint64_t number = 0;
    if (in->left < size) {
        in->failed = 1;
        in->left = 0;
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        number |= (uint64_t)in->bytes[i] << (8 * i);
    }
    in->bytes += size;
    in->left -= size;
    return number;
}

static double get_double(struct in *in)
{
    const uint64_t bits = get_number(in, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    in->failed = in->failed || !isfinite(value);
    return value;
}

static char *get_text(struct in *in)
{
    const size_t size = (size_t)get_number(in, 2);
    if (in->left < size || size >= WORD_SIZE) {
        in->failed = 1;
        return NULL;
    }
    char *text = copy_of((const char *)in->bytes, size);
    in->bytes += size;
    in->left -= size;
    in->failed = in->failed || text == NULL;
    return text;
}

static void get_entries(struct in *in, struct entries *entries, int others)
{
    const size_t count = (size_t)get_number(in, 4);
    if (count > ENTRIES_MAX || count > in->left / 8) {
        in->failed = 1;
        return;
    }
    entries->list = calloc(count + 1, sizeof *entries->list);
    in->failed = in->failed || entries->list == NULL;
    while (entries->count < count && !in->failed) {
        struct entry *entry = &entries->list[entries->count++];
        entry->word = get_text(in);
        entry->other = get_text(in);
        entry->lines = (uint32_t)get_number(in, 4);
        if (!others) {
            free(entry->other);
            entry->other = NULL;
        }
        in->failed = in->failed || entry->word == NULL ||
                     (entries->count > 1 && strcmp(entry[-1].word, entry->word) > 0);
    }
}

const char *model_read(struct model *model, const unsigned char *bytes, size_t size)
{
    struct in in = {.bytes = bytes, .left = size};
    *model = (struct model){.lines = 0};
    if (size < HEAD_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0) {
        return "it does not begin as a model of line/judge does";
    }
    in.bytes += MAGIC_SIZE;
    in.left -= MAGIC_SIZE;
    if (get_number(&in, 4) != VERSION) {
        return "it is of another version than this plugin's, 1";
    }
    const uint64_t body = get_number(&in, 4), check = get_number(&in, 8);
    if (body != in.left) {
        return "it is cut, or longer than it says";
    }
    if (check != check_of(in.bytes, in.left)) {
        return "its checksum is another: it was changed";
    }
    model->lines = (uint32_t)get_number(&in, 4);
    model->rules = (uint32_t)get_number(&in, 4);
    for (size_t i = 0; i < FEATURES; i++) {
        model->mean[i] = get_double(&in);
        model->scale[i] = get_double(&in);
        in.failed = in.failed || model->scale[i] <= 0;
    }
    for (size_t i = 0; i <= FEATURES; i++) {
        model->weights[i] = get_double(&in);
    }
    get_entries(&in, &model->words, 0);
    if (!in.failed) {
        get_entries(&in, &model->slips, 1);
    }
    return in.failed || in.left != 0 ? "what it holds makes no sense" : NULL;
}
