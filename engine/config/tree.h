/* SPDX-License-Identifier: MIT */
/* A YAML or JSON file as a tree in which every node knows its file:line:column. */
#ifndef FND_CONFIG_TREE_H
#define FND_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

enum {
    FND_CONFIG_SIZE_MAX = 1 << 20, /* bytes of a file */
    FND_CONFIG_DEPTH_MAX = 64,
    FND_CONFIG_NODES_MAX = 10000,
    FND_CONFIG_ERRORS_MAX = 20
};

enum fnd_node_kind {
    FND_NODE_NULL,
    FND_NODE_BOOLEAN,
    FND_NODE_NUMBER, /* its text is JSON number text: 0x1F and the like come out in decimal */
    FND_NODE_STRING,
    FND_NODE_LIST,
    FND_NODE_MAP
};

/** Read it, do not write it; lives as long as its tree. */
struct fnd_node {
    enum fnd_node_kind kind;
    bool quoted;         /* a string that was written with quotes or as a block */
    const char *text;    /* scalars: UTF-8, NUL-ended ("true", "1.10", decoded string); else NULL */
    const char *key;     /* in a map: the member's name; else NULL */
    size_t line, column; /* of the value, from 1 */
    size_t key_line, key_column;   /* of the name */
    struct fnd_node *child, *next; /* first child; next sibling */
    size_t count;                  /* children */
};

/** Errors of one pass, in order of place; plain data. `skipped` counts those beyond the maximum. */
struct fnd_errors {
    struct fnd_error list[FND_CONFIG_ERRORS_MAX];
    size_t count, skipped;
};

/** Append an error at a place of `file`.  Returns FND_INVALID. */
enum fnd_status fnd_errors_add(struct fnd_errors *errors, const char *file, size_t line,
                               size_t column, const char *code, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/** Append an error that stands already filled. */
void fnd_errors_take(struct fnd_errors *errors, const struct fnd_error *error);
/** Sort by line and column. */
void fnd_errors_sort(struct fnd_errors *errors);

struct fnd_tree; /* owns file name, source bytes, nodes (an arena) */

/** Parse YAML 1.2 (core schema scalars, one document, string keys) out of bytes, by libyaml's event
 *  API with the caps above. Refused with a place: unknown escapes and syntax, duplicate keys (both
 *  lines named), tags other than none, merge keys "<<", aliases and anchors, several documents,
 *  keys that are no texts, .inf and .nan, non-UTF-8, NUL and other controls, U+2028 and its like.
 *  file    name for errors, copied.  bytes: copied.
 *  tree    receives a tree to be freed with fnd_tree_destroy(); untouched on failure.
 *  Returns FND_OK; FND_INVALID or FND_LIMIT with at least one entry in `errors`. */
enum fnd_status fnd_tree_parse_yaml(const char *file, const char *bytes, size_t size,
                                    struct fnd_tree **tree, struct fnd_errors *errors);
/** The same out of JSON (strict, as base/json.h), for pinned canonical documents. */
enum fnd_status fnd_tree_parse_json(const char *file, const char *bytes, size_t size,
                                    struct fnd_tree **tree, struct fnd_errors *errors);
/** Read a file and parse it as YAML.  FND_NOT_FOUND, FND_IO, FND_LIMIT as an error without line. */
enum fnd_status fnd_tree_read(const char *path, struct fnd_tree **tree, struct fnd_errors *errors);
/** The same, and append the file's bytes to `source`, on failure too: fnd_errors_print() can then
 *  show the lines of exactly what was parsed. */
enum fnd_status fnd_tree_read_source(const char *path, struct fnd_text *source,
                                     struct fnd_tree **tree, struct fnd_errors *errors);
void fnd_tree_destroy(struct fnd_tree *tree);

const struct fnd_node *fnd_tree_root(const struct fnd_tree *tree);
const char *fnd_tree_file(const struct fnd_tree *tree);
/** The bytes it was parsed from; borrowed, NUL-ended. */
const char *fnd_tree_source(const struct fnd_tree *tree, size_t *size);

/** The member of a map, or NULL. */
const struct fnd_node *fnd_node_member(const struct fnd_node *map, const char *key);
/** The node at a JSON pointer below `node`, or NULL. */
const struct fnd_node *fnd_node_find(const struct fnd_node *node, const char *pointer);
/** Append the node as JSON, members in file order. */
void fnd_node_json(const struct fnd_node *node, struct fnd_text *json);

/** Print errors as a compiler does: `file:line:col: error: message [code]`, the source line (made
 *  visible, cut at 120 columns around the place) and a caret; `tree` may be NULL and `source` the
 *  bytes of the file (NULL: no line is shown). */
void fnd_errors_print(const struct fnd_errors *errors, const char *source, size_t source_size,
                      struct fnd_text *out);
/** As a JSON array: [{"file","line","column","code","message"}…]. */
void fnd_errors_json(const struct fnd_errors *errors, struct fnd_text *out);

/** Units. All take the text of a leaf and give false when it is none:
 *  duration  "250ms" "60s" "5m" "2h" "1d" → milliseconds; a bare "0" too
 *  size      "512" "64KiB" "1MiB" "2GiB" "10kB" "5MB" → bytes
 *  share     "2%" "0.5%" or a number 0..1 → 0..1 */
bool fnd_duration_parse(const char *text, int64_t *ms);
bool fnd_size_parse(const char *text, uint64_t *bytes);
bool fnd_share_parse(const char *text, double *share);

#endif
