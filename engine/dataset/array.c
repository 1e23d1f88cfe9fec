/* SPDX-License-Identifier: MIT */
/* An array of JSON values out of a file of any size, item by item: only where items end is looked
 * for here, what is in them is for the reader of JSON. */
#include <inttypes.h>
#include <string.h>

#include "dataset/internal.h"

/** Reading under way. */
struct array {
    FILE *file;
    uint64_t size; /* bytes read */
    size_t line;
    struct fnd_text item;
};

static int next(struct array *array)
{
    const int byte = getc_unlocked(array->file);
    array->size += byte != EOF;
    array->line += byte == '\n';
    return byte;
}

/** The next byte that is no white space. */
static int next_visible(struct array *array)
{
    int byte = next(array);
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        byte = next(array);
    }
    return byte;
}

static enum fnd_status ends(const struct array *array, const char *what, struct fnd_error *error)
{
    fnd_error_set(error, FND_INVALID, "is no JSON: %s", what);
    fnd_error_place(error, NULL, array->line, 0);
    return FND_INVALID;
}

/** One item from its first byte on, up to the comma or bracket behind it, which is `*byte` then. */
static enum fnd_status item_read(struct array *array, int *byte, struct fnd_error *error)
{
    size_t depth = 0;
    bool quoted = false, escaped = false;
    fnd_text_clear(&array->item);
    for (; *byte != EOF; *byte = next(array)) {
        if (!quoted && depth == 0 && (*byte == ',' || *byte == ']')) {
            return FND_OK;
        }
        if (quoted) {
            quoted = escaped || *byte != '"';
            escaped = !escaped && *byte == '\\';
        } else {
            quoted = *byte == '"';
            depth += *byte == '{' || *byte == '[';
            depth -= (*byte == '}' || *byte == ']') && depth > 0;
        }
        if (array->item.size >= FND_DATASET_LINE_SIZE_MAX) {
            return ends(array, "an item passes 64 MiB, the most that is allowed", error);
        }
        fnd_text_append_byte(&array->item, (char)*byte);
    }
    return ends(array, "the file ends inside of the array", error);
}

/** Items from the first one's first byte on, and the bracket behind the last. */
static enum fnd_status items_read(struct array *array, int byte,
                                  void (*said)(void *context, const struct fnd_text *item,
                                               size_t line, size_t index),
                                  void *context, struct fnd_error *error)
{
    for (size_t index = 1;; index++) {
        const size_t line = array->line;
        enum fnd_status status = item_read(array, &byte, error);
        if (status != FND_OK) {
            return status;
        }
        said(context, &array->item, line, index);
        if (byte == ']') {
            return FND_OK;
        }
        byte = next_visible(array);
        if (byte == ']') {
            return ends(array, "a comma is followed by no item", error);
        }
    }
}

enum fnd_status fnd_array_read(FILE *file,
                               void (*item)(void *context, const struct fnd_text *item, size_t line,
                                            size_t index),
                               void *context, bool *mark, uint64_t *size, struct fnd_error *error)
{
    struct array array = {.file = file, .line = 1};
    enum fnd_status status = FND_OK;
    int byte = next_visible(&array);
    *mark = byte == 0xEF && next(&array) == 0xBB && next(&array) == 0xBF;
    byte = *mark ? next_visible(&array) : byte;
    if (byte != '[') {
        status = ends(&array, "the file must be one JSON array", error);
    } else if ((byte = next_visible(&array)) != ']') {
        status = items_read(&array, byte, item, context, error);
    }
    if (status == FND_OK && next_visible(&array) != EOF) {
        status = ends(&array, "something follows behind the array", error);
    }
    *size = array.size;
    fnd_text_finish(&array.item);
    return status;
}

enum fnd_status fnd_array_items(FILE *file,
                                void (*item)(void *context, const struct fnd_text *item,
                                             size_t line, size_t index),
                                void *context, struct fnd_error *error)
{
    struct array array = {.file = file, .line = 1};
    const int byte = next_visible(&array);
    enum fnd_status status = byte != ']' ? items_read(&array, byte, item, context, error) : FND_OK;
    fnd_text_finish(&array.item);
    return status;
}
