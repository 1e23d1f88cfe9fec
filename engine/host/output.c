/* SPDX-License-Identifier: MIT */
#include "host/output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "host/call.h"

enum { INDEXED_MIN = 16, SEGMENT_COST = 8, ESCAPE_COST = 6 };

struct member {
    char *key; /* decoded, NUL-ended; NULL in arrays */
    size_t key_size;
    struct fnd_output_node *node;
};

struct fnd_output_node {
    enum { TEXT, OBJECT, ARRAY } kind;
    char *owned; /* the memory of `text`, or of the children that were cut out of it */
    const char *text;
    size_t size;
    struct member *members; /* of objects and arrays */
    size_t count, capacity;
    size_t *slots; /* of objects with many members: open addressing, index + 1, 0 is free */
    size_t slots_count;
};

static void node_clear(struct fnd_output_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        free(node->members[i].key);
        node_clear(node->members[i].node);
        free(node->members[i].node);
    }
    free(node->members);
    free(node->slots);
    free(node->owned);
    *node = (struct fnd_output_node){0};
}

static void node_set_text(struct fnd_output_node *node, struct fnd_json value)
{
    node_clear(node);
    node->owned = fnd_strndup(value.bytes, value.size);
    node->text = node->owned;
    node->size = value.size;
}

static size_t key_hash(const char *key, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a; a plugin that collides slows only itself */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3u;
    }
    return (size_t)(hash ^ (hash >> 29));
}

static void slot_put(struct fnd_output_node *node, size_t index)
{
    const struct member *member = &node->members[index];
    size_t at = key_hash(member->key, member->key_size) & (node->slots_count - 1);
    while (node->slots[at] != 0) {
        at = (at + 1) & (node->slots_count - 1);
    }
    node->slots[at] = index + 1;
}

/** Takes `key`; returns the new child, an empty text. */
static struct fnd_output_node *node_add(struct fnd_output_node *node, char *key, size_t key_size)
{
    if (node->count == node->capacity) {
        node->capacity = node->capacity == 0 ? 4 : node->capacity * 2;
        node->members = fnd_realloc(node->members, node->capacity, sizeof *node->members);
    }
    struct fnd_output_node *child = fnd_alloc(sizeof *child);
    node->members[node->count++] = (struct member){key, key_size, child};
    if (node->kind == OBJECT && node->count > INDEXED_MIN) {
        if (node->count * 2 > node->slots_count) {
            free(node->slots);
            node->slots_count = node->slots_count == 0 ? INDEXED_MIN * 4 : node->slots_count * 2;
            node->slots = fnd_alloc(node->slots_count * sizeof *node->slots);
            for (size_t i = 0; i < node->count; i++) {
                slot_put(node, i);
            }
        } else {
            slot_put(node, node->count - 1);
        }
    }
    return child;
}

static struct fnd_output_node *node_member(const struct fnd_output_node *node, const char *key,
                                           size_t size)
{
    if (node->slots == NULL) {
        for (size_t i = 0; i < node->count; i++) {
            const struct member *member = &node->members[i];
            if (member->key_size == size && memcmp(member->key, key, size) == 0) {
                return member->node;
            }
        }
        return NULL;
    }
    for (size_t at = key_hash(key, size) & (node->slots_count - 1); node->slots[at] != 0;
         at = (at + 1) & (node->slots_count - 1)) {
        const struct member *member = &node->members[node->slots[at] - 1];
        if (member->key_size == size && memcmp(member->key, key, size) == 0) {
            return member->node;
        }
    }
    return NULL;
}

/** Take one level of a text apart; what it means stays the same. False for scalars. */
static bool node_open(struct fnd_output_node *node)
{
    if (node->kind != TEXT) {
        return true;
    }
    const struct fnd_json value = {node->text, node->size};
    const enum fnd_json_type type = fnd_json_type(value);
    if (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY) {
        return false;
    }
    node->kind = type == FND_JSON_OBJECT ? OBJECT : ARRAY;
    struct fnd_json_walk walk = fnd_json_walk(value);
    while (fnd_json_next(&walk)) {
        char *key = NULL;
        size_t key_size = 0;
        if (node->kind == OBJECT) {
            struct fnd_text text = {0};
            fnd_json_text(walk.key, &text);
            key_size = text.size;
            key = fnd_text_take(&text);
        }
        struct fnd_output_node *child = node_add(node, key, key_size);
        child->text = walk.value.bytes; /* inside what this node owns */
        child->size = walk.value.size;
    }
    return true;
}

static void node_print(const struct fnd_output_node *node, struct fnd_text *text)
{
    if (node->kind == TEXT) {
        fnd_text_append(text, node->text, node->size);
        return;
    }
    fnd_text_append_byte(text, node->kind == OBJECT ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0) {
            fnd_text_append_byte(text, ',');
        }
        if (node->kind == OBJECT) {
            fnd_text_append_json(text, node->members[i].key, node->members[i].key_size);
            fnd_text_append_byte(text, ':');
        }
        node_print(node->members[i].node, text);
    }
    fnd_text_append_byte(text, node->kind == OBJECT ? '}' : ']');
}

/** Decode the segment that begins at *at (behind its '/') and move *at to its end. */
static char *segment_next(const char **at, size_t *size)
{
    const size_t raw = strcspn(*at, "/");
    char *segment = fnd_strndup(*at, raw);
    size_t to = 0;
    for (size_t from = 0; from < raw; from++, to++) {
        segment[to] = segment[from];
        if (segment[from] == '~') {
            segment[to] = segment[++from] == '0' ? '~' : '/';
        }
    }
    segment[to] = '\0';
    *at += raw;
    *size = to;
    return segment;
}

/** An array index without leading zeros, or SIZE_MAX. */
static size_t segment_index(const char *segment, size_t size)
{
    if (size == 0 || size > 9 || (size > 1 && segment[0] == '0')) {
        return SIZE_MAX;
    }
    size_t index = 0;
    for (size_t i = 0; i < size; i++) {
        if (segment[i] < '0' || segment[i] > '9') {
            return SIZE_MAX;
        }
        index = index * 10 + (size_t)(segment[i] - '0');
    }
    return index;
}

/** Find the child that a segment names. Returns FND_OK with *child, or NULL in it where a new one
 *  would stand. */
static enum fnd_status node_step(struct fnd_output_node *node, const char *segment, size_t size,
                                 struct fnd_output_node **child, const char **why)
{
    if (!node_open(node)) {
        *why = "the pointer leads through a value that is no object and no array";
        return FND_INVALID;
    }
    if (node->kind == OBJECT) {
        *child = node_member(node, segment, size);
        return FND_OK;
    }
    const size_t index = strcmp(segment, "-") == 0 ? node->count : segment_index(segment, size);
    if (index > node->count) {
        *why = index == SIZE_MAX ? "the pointer names a member of an array"
                                 : "the pointer leads past the end of an array";
        return FND_INVALID;
    }
    *child = index < node->count ? node->members[index].node : NULL;
    return FND_OK;
}

/** Whether `more` bytes fit; measures the output when the bound says no. */
static bool output_has_room(struct fnd_output *output, const char *pointer, size_t more)
{
    if (output->staged + more <= FND_OUTPUT_SIZE_MAX) {
        return true;
    }
    struct fnd_text text = {0};
    node_print(output->root, &text);
    output->staged = text.size;
    struct fnd_json old = {text.bytes, text.size};
    old = fnd_json_find(old, pointer); /* what will be replaced makes room */
    const bool room = text.size - (old.bytes == NULL ? 0 : old.size) + more <= FND_OUTPUT_SIZE_MAX;
    if (room) {
        output->staged -= old.bytes == NULL ? 0 : old.size;
    }
    fnd_text_finish(&text);
    return room;
}

static enum fnd_status output_replace(struct fnd_output *output, struct fnd_json value,
                                      const char **why)
{
    if (value.size > FND_OUTPUT_SIZE_MAX) {
        *why = "the output is larger than an output may be";
        return FND_LIMIT;
    }
    if (output->root == NULL) {
        output->root = fnd_alloc(sizeof *output->root);
    }
    node_set_text(output->root, value);
    output->staged = value.size;
    return FND_OK;
}

enum fnd_status fnd_output_set(struct fnd_output *output, const char *pointer,
                               struct fnd_json value, const char **why)
{
    if (!fnd_json_pointer_valid(pointer)) {
        *why = "the pointer is no JSON pointer";
        return FND_INVALID;
    }
    if (pointer[0] == '\0') {
        return output_replace(output, value, why);
    }
    size_t segments = 0;
    for (const char *at = pointer; *at != '\0'; at++) {
        segments += *at == '/' ? 1 : 0;
    }
    if (segments + fnd_json_depth(value) > FND_JSON_DEPTH_MAX) {
        *why = "the output would be nested too deeply";
        return FND_LIMIT;
    }
    if (output->root == NULL) {
        const char *none;
        (void)output_replace(output, (struct fnd_json){"{}", 2}, &none);
    }
    const size_t more = value.size + ESCAPE_COST * strlen(pointer) + SEGMENT_COST * segments;
    if (!output_has_room(output, pointer, more)) {
        *why = "the output would be larger than an output may be";
        return FND_LIMIT;
    }
    struct fnd_output_node *node = output->root;
    bool made = false; /* from here on the path is new, nothing can fail any more */
    for (const char *at = pointer; *at == '/';) {
        size_t size;
        at++;
        char *segment = segment_next(&at, &size);
        struct fnd_output_node *child = NULL;
        enum fnd_status status = FND_OK;
        if (made) {
            node->kind = OBJECT;
        } else {
            status = node_step(node, segment, size, &child, why);
        }
        if (status != FND_OK) {
            free(segment);
            return status;
        }
        if (child == NULL) {
            made = true;
            char *key = node->kind == OBJECT ? segment : NULL;
            child = node_add(node, key, key == NULL ? 0 : size);
            if (key != NULL) {
                segment = NULL;
            }
        }
        free(segment);
        node = child;
    }
    node_set_text(node, value);
    output->staged += more;
    return FND_OK;
}

char *fnd_output_take(struct fnd_output *output, size_t *size)
{
    *size = 0;
    char *taken = NULL;
    if (output->root != NULL && output->root->kind == TEXT) {
        taken = output->root->owned;
        *size = output->root->size;
        output->root->owned = NULL;
    } else if (output->root != NULL) {
        struct fnd_text text = {0};
        fnd_text_reserve(&text, output->staged);
        node_print(output->root, &text);
        *size = text.size;
        taken = fnd_text_take(&text);
    }
    fnd_output_finish(output);
    return taken;
}

void fnd_output_finish(struct fnd_output *output)
{
    if (output->root != NULL) {
        node_clear(output->root);
        free(output->root);
    }
    *output = (struct fnd_output){0};
}
