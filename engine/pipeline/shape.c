/* SPDX-License-Identifier: MIT */
/* The fixed shape of a pipeline file: which keys a map takes, and how errors are added. */
#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "pipeline/compile.h"

enum { SHAPE_KEYS_MAX = 24 };

/* What a kind binds by itself is looked at twice, and told once. */
static bool told(const struct fnd_errors *errors, const struct fnd_error *error)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct fnd_error *other = &errors->list[i];
        if (other->line == error->line && other->column == error->column &&
            strcmp(other->code, error->code) == 0 && strcmp(other->message, error->message) == 0) {
            return true;
        }
    }
    return false;
}

/* All errors go through here. */
static void add(struct fnd_compile *compile, const struct fnd_error *error)
{
    const bool plugin = error->status == FND_PLUGIN || error->status == FND_CONFLICT ||
                        error->status == FND_DAMAGED;
    compile->only_plugins = plugin && (compile->errors_seen == 0 || compile->only_plugins);
    if (compile->errors_seen == 0) {
        compile->first = strcmp(error->code, "damaged_pin") == 0 ? FND_DAMAGED : error->status;
    }
    compile->errors_seen++;
    if (!told(compile->errors, error)) {
        fnd_errors_take(compile->errors, error);
    }
}

__attribute__((format(printf, 6, 0))) static void add_at(struct fnd_compile *compile,
                                                         const char *file, size_t line,
                                                         size_t column, const char *code,
                                                         const char *format, va_list arguments)
{
    struct fnd_text message = {0}; /* first whole, then cut where a character ends */
    struct fnd_error error = {0};
    fnd_text_vprintf(&message, format, arguments);
    fnd_error_set(&error, FND_INVALID, "%s", fnd_text_z(&message));
    fnd_error_place(&error, file, line, column);
    fnd_error_code(&error, code);
    add(compile, &error);
    fnd_text_finish(&message);
}

void fnd_compile_error(struct fnd_compile *compile, const struct fnd_node *node, const char *code,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_at(compile, compile->file, node->line, node->column, code, format, arguments);
    va_end(arguments);
}

void fnd_compile_error_key(struct fnd_compile *compile, const struct fnd_node *node,
                           const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_at(compile, compile->file, node->key != NULL ? node->key_line : node->line,
           node->key != NULL ? node->key_column : node->column, code, format, arguments);
    va_end(arguments);
}

void fnd_compile_error_at(struct fnd_compile *compile, const char *file, size_t line, size_t column,
                          const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_at(compile, file, line, column, code, format, arguments);
    va_end(arguments);
}

void fnd_compile_error_take(struct fnd_compile *compile, const struct fnd_node *node,
                            const char *code, struct fnd_error *error)
{
    fnd_error_place(error, compile->file, node->line, node->column);
    if (error->code[0] == '\0') {
        fnd_error_code(error, code);
    }
    add(compile, error);
}

void fnd_suggest(struct fnd_text *text, const char *word, const char *const *candidates)
{
    const char *nearest = fnd_nearest(word, candidates);
    if (nearest != NULL) {
        fnd_text_printf(text, " (did you mean `%s`?)", nearest);
    }
}

const char *fnd_node_kind_name(enum fnd_node_kind kind)
{
    switch (kind) {
    case FND_NODE_NULL:
        return "nothing";
    case FND_NODE_BOOLEAN:
        return "true or false";
    case FND_NODE_NUMBER:
        return "a number";
    case FND_NODE_STRING:
        return "text";
    case FND_NODE_LIST:
        return "a list";
    case FND_NODE_MAP:
        return "a map of keys";
    }
    return "something else";
}

bool fnd_id_valid(const char *id)
{
    const size_t size = strlen(id);
    return size > 0 && size <= FND_ID_SIZE_MAX && id[0] >= 'a' && id[0] <= 'z' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

static const struct fnd_shape *shape_find(const struct fnd_shape *shapes, const char *key)
{
    for (; shapes->key != NULL; shapes++) {
        if (strcmp(shapes->key, key) == 0) {
            return shapes;
        }
    }
    return NULL;
}

static bool listed(const char *const *list, const char *key)
{
    for (; list != NULL && *list != NULL; list++) {
        if (strcmp(*list, key) == 0) {
            return true;
        }
    }
    return false;
}

static void unknown_key(struct fnd_compile *compile, const struct fnd_node *member,
                        const char *what, const struct fnd_shape *shapes)
{
    const char *keys[SHAPE_KEYS_MAX + 1];
    size_t count = 0;
    struct fnd_text hint = {0}, all = {0};
    for (; shapes[count].key != NULL; count++) {
        assert(count < SHAPE_KEYS_MAX);
        keys[count] = shapes[count].key;
        fnd_text_printf(&all, "%s%s", count > 0 ? ", " : "", keys[count]);
    }
    keys[count] = NULL;
    fnd_suggest(&hint, member->key, keys);
    if (hint.size == 0) {
        fnd_text_printf(&hint, "; it takes %s", fnd_text_z(&all));
    }
    fnd_compile_error_key(compile, member, "unknown_key", "%s has no key `%s`%s", what, member->key,
                          fnd_text_z(&hint));
    fnd_text_finish(&hint);
    fnd_text_finish(&all);
}

static void wrong_type(struct fnd_compile *compile, const struct fnd_node *member,
                       const struct fnd_shape *shape)
{
    const bool scalar = member->kind == FND_NODE_NUMBER || member->kind == FND_NODE_BOOLEAN;
    if (scalar && (shape->kinds & FND_SHAPE_STRING) != 0) {
        fnd_compile_error(compile, member, "wrong_type",
                          "`%s` is %s, must be %s: write \"%s\" in quotes if that is meant",
                          shape->key, fnd_node_kind_name(member->kind), shape->like, member->text);
        return;
    }
    fnd_compile_error(compile, member, "wrong_type", "`%s` is %s, must be %s", shape->key,
                      fnd_node_kind_name(member->kind), shape->like);
}

bool fnd_shape_check(struct fnd_compile *compile, const struct fnd_node *map, const char *what,
                     const struct fnd_shape *shapes, const char *const *later)
{
    if (map->kind != FND_NODE_MAP) {
        fnd_compile_error(compile, map, "wrong_type", "%s is %s, must be a map of keys", what,
                          fnd_node_kind_name(map->kind));
        return false;
    }
    for (const struct fnd_node *member = map->child; member != NULL; member = member->next) {
        const struct fnd_shape *shape = shape_find(shapes, member->key);
        if (shape != NULL) {
            if (shape->kinds != 0 && (shape->kinds & 1U << member->kind) == 0) {
                wrong_type(compile, member, shape);
            }
        } else if (listed(later, member->key)) {
            fnd_compile_error_key(compile, member, "not_yet",
                                  "`%s` comes in a later release; leave it out for now",
                                  member->key);
        } else {
            unknown_key(compile, member, what, shapes);
        }
    }
    for (; shapes->key != NULL; shapes++) {
        if (shapes->required && fnd_node_member(map, shapes->key) == NULL) {
            fnd_compile_error(compile, map, "missing_key", "%s lacks `%s`: %s", what, shapes->key,
                              shapes->like);
        }
    }
    return true;
}

const struct fnd_node *fnd_shape_member(const struct fnd_node *map, const struct fnd_shape *shapes,
                                        const char *key)
{
    const struct fnd_shape *shape = shape_find(shapes, key);
    assert(shape != NULL);
    const struct fnd_node *member = fnd_node_member(map, key);
    if (member == NULL || (shape->kinds != 0 && (shape->kinds & 1U << member->kind) == 0)) {
        return NULL;
    }
    return member;
}
