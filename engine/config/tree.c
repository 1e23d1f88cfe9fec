/* SPDX-License-Identifier: MIT */
/* The tree itself: its memory, the way in from JSON, and the ways to read it. */
#include "config/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/parse.h"

enum { ARENA_BLOCK_SIZE = 16384 };

struct fnd_arena_block {
    struct fnd_arena_block *next;
    size_t used, capacity;
    _Alignas(16) char bytes[];
};

struct fnd_tree *fnd_tree_begin(const char *file, const char *bytes, size_t size)
{
    struct fnd_tree *tree = fnd_alloc(sizeof *tree);
    tree->file = fnd_strdup(file != NULL ? file : "");
    tree->source = fnd_strndup(bytes != NULL ? bytes : "", size);
    tree->source_size = size;
    return tree;
}

void *fnd_tree_alloc(struct fnd_tree *tree, size_t size)
{
    const size_t need = (size + 15) & ~(size_t)15;
    struct fnd_arena_block *block = tree->blocks;
    if (block == NULL || block->capacity - block->used < need) {
        const size_t capacity = need > ARENA_BLOCK_SIZE ? need : ARENA_BLOCK_SIZE;
        block = fnd_alloc(sizeof *block + capacity);
        block->capacity = capacity;
        block->next = tree->blocks;
        tree->blocks = block;
        tree->cost.bytes += sizeof *block + capacity;
    }
    void *memory = block->bytes + block->used;
    block->used += need;
    return memory;
}

char *fnd_tree_strndup(struct fnd_tree *tree, const char *bytes, size_t size)
{
    char *copy = fnd_tree_alloc(tree, size + 1);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

struct fnd_node *fnd_tree_node(struct fnd_tree *tree, enum fnd_node_kind kind, size_t line,
                               size_t column, struct fnd_errors *errors)
{
    if (tree->cost.nodes == FND_CONFIG_NODES_MAX) {
        fnd_errors_limit(errors, tree->file, line, column,
                         "more than %d values in one file: split it", FND_CONFIG_NODES_MAX);
        return NULL;
    }
    tree->cost.nodes++;
    struct fnd_node *node = fnd_tree_alloc(tree, sizeof *node);
    node->kind = kind;
    node->line = line;
    node->column = column;
    return node;
}

void fnd_tree_destroy(struct fnd_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    while (tree->blocks != NULL) {
        struct fnd_arena_block *block = tree->blocks;
        tree->blocks = block->next;
        free(block);
    }
    free(tree->source);
    free(tree->file);
    free(tree);
}

/* Builds a tree out of checked JSON. Spans are met in the order of the text, so that lines are
 * counted once. */
struct json_builder {
    struct fnd_tree *tree;
    struct fnd_errors *errors;
    struct fnd_text scratch;
    const char *at; /* the place whose line and column are known */
    size_t line, column;
};

static void json_move(struct json_builder *builder, const char *to)
{
    for (; builder->at < to; builder->at++) {
        if (*builder->at == '\n') {
            builder->line++;
            builder->column = 1;
        } else {
            builder->column++;
        }
    }
}

static char *json_decode(struct json_builder *builder, struct fnd_json string)
{
    fnd_text_clear(&builder->scratch);
    fnd_json_text(string, &builder->scratch);
    return fnd_tree_strndup(builder->tree, fnd_text_z(&builder->scratch), builder->scratch.size);
}

static enum fnd_node_kind json_kind(enum fnd_json_type type)
{
    switch (type) {
    case FND_JSON_FALSE:
    case FND_JSON_TRUE:
        return FND_NODE_BOOLEAN;
    case FND_JSON_NUMBER:
        return FND_NODE_NUMBER;
    case FND_JSON_STRING:
        return FND_NODE_STRING;
    case FND_JSON_ARRAY:
        return FND_NODE_LIST;
    case FND_JSON_OBJECT:
        return FND_NODE_MAP;
    case FND_JSON_NULL:
        break;
    }
    return FND_NODE_NULL;
}

/* Recursive: the depth of checked JSON is at most FND_JSON_DEPTH_MAX, which is ours too. */
static struct fnd_node *json_build(struct json_builder *builder, struct fnd_json value)
{
    json_move(builder, value.bytes);
    const enum fnd_node_kind kind = json_kind(fnd_json_type(value));
    struct fnd_node *node =
        fnd_tree_node(builder->tree, kind, builder->line, builder->column, builder->errors);
    if (node == NULL) {
        return NULL;
    }
    if (kind == FND_NODE_STRING) {
        node->quoted = true;
        node->text = json_decode(builder, value);
        return node;
    }
    if (kind != FND_NODE_LIST && kind != FND_NODE_MAP) {
        node->text = fnd_tree_strndup(builder->tree, value.bytes, value.size);
        return node;
    }
    struct fnd_node **tail = &node->child;
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        const char *key = NULL;
        size_t key_line = 0, key_column = 0;
        if (walk.key.bytes != NULL) {
            json_move(builder, walk.key.bytes);
            key_line = builder->line;
            key_column = builder->column;
            key = json_decode(builder, walk.key);
        }
        struct fnd_node *child = json_build(builder, walk.value);
        if (child == NULL) {
            return NULL;
        }
        child->key = key;
        child->key_line = key_line;
        child->key_column = key_column;
        *tail = child;
        tail = &child->next;
        node->count++;
    }
    return node;
}

enum fnd_status fnd_tree_parse_json(const char *file, const char *bytes, size_t size,
                                    struct fnd_tree **tree, struct fnd_errors *errors)
{
    if (size > FND_CONFIG_SIZE_MAX) {
        return fnd_errors_limit(errors, file, 0, 0,
                                "the file has %zu bytes, at most %d are read: split it", size,
                                FND_CONFIG_SIZE_MAX);
    }
    struct fnd_tree *made = fnd_tree_begin(file, bytes, size);
    struct fnd_json value;
    struct fnd_error error = {0};
    enum fnd_status status = fnd_json_check(made->source, size, made->file, &value, &error);
    if (status != FND_OK) {
        fnd_errors_take(errors, &error);
        fnd_tree_destroy(made);
        return status;
    }
    struct json_builder builder = {
        .tree = made, .errors = errors, .at = made->source, .line = 1, .column = 1};
    made->root = json_build(&builder, value);
    fnd_text_finish(&builder.scratch);
    if (made->root == NULL) {
        fnd_tree_destroy(made);
        return FND_LIMIT;
    }
    *tree = made;
    return FND_OK;
}

enum fnd_status fnd_tree_parse_yaml(const char *file, const char *bytes, size_t size,
                                    struct fnd_tree **tree, struct fnd_errors *errors)
{
    return fnd_tree_parse_yaml_counted(file, bytes, size, tree, errors, NULL);
}

enum fnd_status fnd_tree_read_source(const char *path, struct fnd_text *source,
                                     struct fnd_tree **tree, struct fnd_errors *errors)
{
    struct fnd_error error = {0};
    const size_t before = source->size;
    enum fnd_status status = fnd_file_read(AT_FDCWD, path, FND_CONFIG_SIZE_MAX, source, &error);
    if (status != FND_OK) {
        if (error.file[0] == '\0') {
            fnd_error_place(&error, path, 0, 0);
        }
        if (error.code[0] == '\0') {
            fnd_error_code(&error, fnd_status_name(status));
        }
        fnd_errors_take(errors, &error);
        return status;
    }
    return fnd_tree_parse_yaml(path, fnd_text_z(source) + before, source->size - before, tree,
                               errors);
}

enum fnd_status fnd_tree_read(const char *path, struct fnd_tree **tree, struct fnd_errors *errors)
{
    struct fnd_text source = {0};
    const enum fnd_status status = fnd_tree_read_source(path, &source, tree, errors);
    fnd_text_finish(&source);
    return status;
}

const struct fnd_node *fnd_tree_root(const struct fnd_tree *tree)
{
    return tree->root;
}

const char *fnd_tree_file(const struct fnd_tree *tree)
{
    return tree->file;
}

const char *fnd_tree_source(const struct fnd_tree *tree, size_t *size)
{
    *size = tree->source_size;
    return tree->source;
}

const struct fnd_node *fnd_node_member(const struct fnd_node *map, const char *key)
{
    if (map == NULL || map->kind != FND_NODE_MAP) {
        return NULL;
    }
    for (const struct fnd_node *child = map->child; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}

/* Does the pointer's segment, up to '/' or the end, spell `key`? */
static bool segment_is(const char *segment, size_t size, const char *key)
{
    for (size_t i = 0; i < size; i++, key++) {
        char byte = segment[i];
        if (byte == '~') {
            i++;
            byte = i < size && segment[i] == '1' ? '/' : '~';
        }
        if (byte != *key) {
            return false; /* also at the key's end: segments hold no NUL */
        }
    }
    return *key == '\0';
}

static const struct fnd_node *list_item(const struct fnd_node *list, const char *segment,
                                        size_t size)
{
    if (size == 0 || size > 9 || (size > 1 && segment[0] == '0') ||
        strspn(segment, "0123456789") < size) {
        return NULL;
    }
    size_t index = 0;
    for (size_t i = 0; i < size; i++) {
        index = index * 10 + (size_t)(segment[i] - '0');
    }
    const struct fnd_node *child = list->child;
    while (child != NULL && index > 0) {
        child = child->next;
        index--;
    }
    return child;
}

const struct fnd_node *fnd_node_find(const struct fnd_node *node, const char *pointer)
{
    if (!fnd_json_pointer_valid(pointer)) {
        return NULL;
    }
    while (node != NULL && *pointer == '/') {
        const char *segment = pointer + 1;
        const size_t size = strcspn(segment, "/");
        if (node->kind == FND_NODE_LIST) {
            node = list_item(node, segment, size);
        } else {
            const struct fnd_node *child = node->kind == FND_NODE_MAP ? node->child : NULL;
            while (child != NULL && !segment_is(segment, size, child->key)) {
                child = child->next;
            }
            node = child;
        }
        pointer = segment + size;
    }
    return node;
}

void fnd_node_json(const struct fnd_node *node, struct fnd_text *json)
{
    switch (node->kind) {
    case FND_NODE_NULL:
        fnd_text_append_z(json, "null");
        break;
    case FND_NODE_BOOLEAN:
    case FND_NODE_NUMBER:
        fnd_text_append_z(json, node->text);
        break;
    case FND_NODE_STRING:
        fnd_text_append_json_z(json, node->text);
        break;
    case FND_NODE_LIST:
    case FND_NODE_MAP: {
        const bool map = node->kind == FND_NODE_MAP;
        fnd_text_append_byte(json, map ? '{' : '[');
        for (const struct fnd_node *child = node->child; child != NULL; child = child->next) {
            if (child != node->child) {
                fnd_text_append_byte(json, ',');
            }
            if (map) {
                fnd_text_append_json_z(json, child->key);
                fnd_text_append_byte(json, ':');
            }
            fnd_node_json(child, json);
        }
        fnd_text_append_byte(json, map ? '}' : ']');
        break;
    }
    }
}
