/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef FND_CONFIG_PARSE_H
#define FND_CONFIG_PARSE_H

#include "config/tree.h"

/** What a parse took; for the tests that hold the caps. */
struct fnd_tree_cost {
    size_t events;  /* of libyaml */
    size_t nodes;   /* made, also those thrown away again */
    size_t bytes;   /* of the arena */
    size_t read;    /* characters of the source that libyaml looked at */
    size_t rewinds; /* how often a place was sought from the file's beginning */
};

/** fnd_tree_parse_yaml() that also tells its cost, on failure too. `cost` may be NULL. */
enum fnd_status fnd_tree_parse_yaml_counted(const char *file, const char *bytes, size_t size,
                                            struct fnd_tree **tree, struct fnd_errors *errors,
                                            struct fnd_tree_cost *cost);

/** Nodes and their texts, in blocks; and where we are in the source. */
struct fnd_arena_block;
struct fnd_tree {
    char *file;
    char *source;
    size_t source_size;
    struct fnd_arena_block *blocks;
    struct fnd_tree_cost cost;
    struct fnd_node *root;
};

/** A tree without nodes; the source is copied. */
struct fnd_tree *fnd_tree_begin(const char *file, const char *bytes, size_t size);

/** Zeroed memory that lives as long as the tree. */
void *fnd_tree_alloc(struct fnd_tree *tree, size_t size);
/** A copy of `bytes`, ended by NUL. */
char *fnd_tree_strndup(struct fnd_tree *tree, const char *bytes, size_t size);

/** A new node, or NULL with a FND_LIMIT error at its place once the tree is full. */
struct fnd_node *fnd_tree_node(struct fnd_tree *tree, enum fnd_node_kind kind, size_t line,
                               size_t column, struct fnd_errors *errors);

/** Append an error of status FND_LIMIT with the code "limit".  Returns FND_LIMIT. */
enum fnd_status fnd_errors_limit(struct fnd_errors *errors, const char *file, size_t line,
                                 size_t column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
