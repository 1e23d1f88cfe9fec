/* SPDX-License-Identifier: MIT */
/* From JSON to a graph of nodes. Subschemas are met by address and compiled from a queue, so that
 * neither depth nor a cycle of references is a matter of the stack. */
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

enum { BLOCK_SIZE = 8192 };

struct fnd_schema_block {
    struct fnd_schema_block *next;
    size_t used, capacity;
    _Alignas(16) char bytes[];
};

void *fnd_schema_alloc(struct fnd_schema *schema, size_t count, size_t size)
{
    const size_t need = (count * size + 15) & ~(size_t)15; /* both come from a text in memory */
    struct fnd_schema_block *block = schema->blocks;
    if (block == NULL || block->capacity - block->used < need) {
        const size_t capacity = need > BLOCK_SIZE ? need : BLOCK_SIZE;
        block = fnd_alloc(sizeof *block + capacity);
        block->capacity = capacity;
        block->next = schema->blocks;
        schema->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += need;
    return memory;
}

/* The pointer to a span of the document: down through whatever holds its address. */
static void pointer_to(struct fnd_json document, struct fnd_json at, struct fnd_text *pointer)
{
    struct fnd_json value = document;
    bool deeper = true;
    while (deeper && value.bytes != at.bytes) {
        deeper = false;
        for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
            if (at.bytes >= walk.value.bytes && at.bytes < walk.value.bytes + walk.value.size) {
                if (walk.key.bytes != NULL) {
                    fnd_json_pointer_add_key(pointer, walk.key);
                } else {
                    fnd_json_pointer_add_index(pointer, walk.index);
                }
                value = walk.value;
                deeper = true;
                break;
            }
        }
    }
}

enum fnd_status fnd_schema_refuse(struct fnd_schema_compiler *compiler, struct fnd_json at,
                                  const char *code, const char *format, ...)
{
    if (compiler->error == NULL) {
        return FND_INVALID;
    }
    struct fnd_text pointer = {0}, message = {0};
    pointer_to(compiler->document, at, &pointer);
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&message, format, arguments);
    va_end(arguments);
    struct fnd_text visible = {0}; /* a name may have been cut inside a character */
    fnd_text_append_visible(&visible, fnd_text_z(&message), message.size);
    fnd_error_set(compiler->error, FND_INVALID, "%s: at %s: %s", compiler->schema->name,
                  pointer.size > 0 ? fnd_text_z(&pointer) : "the root", fnd_text_z(&visible));
    fnd_text_finish(&visible);
    const struct fnd_json place = fnd_json_find(compiler->original, fnd_text_z(&pointer));
    if (place.bytes != NULL) {
        size_t line, column;
        fnd_json_place(compiler->given, place.bytes, &line, &column);
        fnd_error_place(compiler->error, NULL, line, column);
    }
    fnd_error_code(compiler->error, code);
    fnd_text_finish(&message);
    fnd_text_finish(&pointer);
    return FND_INVALID;
}

static size_t slot_of(const struct fnd_schema_compiler *compiler, const char *address)
{
    const size_t offset = (size_t)(address - compiler->document.bytes);
    size_t slot = (offset * (size_t)0x9E3779B97F4A7C15U) & (compiler->slots_count - 1);
    while (compiler->slots[slot] != NULL && compiler->slots[slot]->json.bytes != address) {
        slot = (slot + 1) & (compiler->slots_count - 1);
    }
    return slot;
}

struct fnd_schema_node *fnd_schema_node_for(struct fnd_schema_compiler *compiler,
                                            struct fnd_json json)
{
    struct fnd_schema_node **slot = &compiler->slots[slot_of(compiler, json.bytes)];
    if (*slot != NULL) {
        return *slot;
    }
    const enum fnd_json_type type = fnd_json_type(json);
    if (type != FND_JSON_OBJECT && type != FND_JSON_TRUE && type != FND_JSON_FALSE) {
        fnd_schema_refuse(compiler, json, "not_a_schema",
                          "a schema must be an object, true or false, and this is %s",
                          fnd_json_type_name(type));
        return NULL;
    }
    if (compiler->nodes_count == FND_SCHEMA_NODES_MAX) {
        fnd_schema_refuse(compiler, json, "limit", "more than %d subschemas: split the schema",
                          FND_SCHEMA_NODES_MAX);
        return NULL;
    }
    compiler->nodes_count++;
    struct fnd_schema_node *node = fnd_schema_alloc(compiler->schema, 1, sizeof *node);
    node->json = json;
    node->refuses_all = type == FND_JSON_FALSE;
    *slot = node;
    if (compiler->last != NULL) {
        compiler->last->next = node;
    } else {
        compiler->first = node;
    }
    compiler->last = node;
    return node;
}

enum { WHITE, GREY, BLACK };

/* Longest chain of subschemas about one value, from this one on; a chain that comes back to itself
 * would never end. The recursion is as deep as the chain, which is bounded. */
static enum fnd_status measure_chain(struct fnd_schema_compiler *compiler,
                                     struct fnd_schema_node *node, size_t depth);

static enum fnd_status measure_one(struct fnd_schema_compiler *compiler,
                                   struct fnd_schema_node *node, struct fnd_schema_node *below,
                                   size_t depth)
{
    if (below == NULL) {
        return FND_OK;
    }
    if (below->colour == GREY) {
        return fnd_schema_refuse(compiler, below->json, "endless_ref",
                                 "this schema refers back to itself about the same value, so that "
                                 "checking it would never end");
    }
    if (below->colour == WHITE) {
        const enum fnd_status status = measure_chain(compiler, below, depth + 1);
        if (status != FND_OK) {
            return status;
        }
    }
    if (below->height >= node->height) {
        node->height = (unsigned short)(below->height + 1);
    }
    if (depth + node->height > FND_SCHEMA_CHAIN_MAX) {
        return fnd_schema_refuse(compiler, node->json, "limit",
                                 "more than %d subschemas inside each other about one value",
                                 FND_SCHEMA_CHAIN_MAX);
    }
    return FND_OK;
}

static enum fnd_status measure_list(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node,
                                    const struct fnd_schema_nodes *nodes, size_t depth)
{
    for (size_t i = 0; i < nodes->count; i++) {
        const enum fnd_status status = measure_one(compiler, node, nodes->list[i], depth);
        if (status != FND_OK) {
            return status;
        }
    }
    return FND_OK;
}

static enum fnd_status measure_chain(struct fnd_schema_compiler *compiler,
                                     struct fnd_schema_node *node, size_t depth)
{
    node->colour = GREY;
    if (depth > FND_SCHEMA_CHAIN_MAX) {
        return fnd_schema_refuse(compiler, node->json, "limit",
                                 "more than %d subschemas inside each other about one value",
                                 FND_SCHEMA_CHAIN_MAX);
    }
    struct fnd_schema_node *const ones[] = {node->ref, node->negated, node->condition, node->then,
                                            node->otherwise};
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < sizeof ones / sizeof ones[0] && status == FND_OK; i++) {
        status = measure_one(compiler, node, ones[i], depth);
    }
    const struct fnd_schema_nodes *const lists[] = {&node->all_of, &node->any_of, &node->one_of};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == FND_OK; i++) {
        status = measure_list(compiler, node, lists[i], depth);
    }
    node->colour = BLACK;
    return status;
}

/* Which draft: the two differ in what stands beside a $ref and in list-valued items. */
static enum fnd_status read_dialect(struct fnd_schema_compiler *compiler)
{
    const struct fnd_json dialect = fnd_json_member(compiler->document, "$schema");
    if (dialect.bytes != NULL) {
        static const char *const known[] = {"https://json-schema.org/draft/2020-12/schema",
                                            "https://json-schema.org/draft/2020-12/schema#",
                                            "http://json-schema.org/draft-07/schema",
                                            "http://json-schema.org/draft-07/schema#", NULL};
        size_t i = 0;
        while (known[i] != NULL && !fnd_json_text_is(dialect, known[i])) {
            i++;
        }
        if (known[i] == NULL) {
            return fnd_schema_refuse(compiler, dialect, "unknown_dialect",
                                     "$schema %.*s is not read here: write \"%s\" or \"%s\", and "
                                     "check the keywords that differ",
                                     (int)(dialect.size < 120 ? dialect.size : 120), dialect.bytes,
                                     known[0], known[3]);
        }
        compiler->draft7 = i >= 2;
    }
    const struct fnd_json id = fnd_json_member(compiler->document, "$id");
    if (id.bytes != NULL) {
        fnd_json_text(id, &compiler->id);
        const char *fragment = strchr(fnd_text_z(&compiler->id), '#');
        if (fragment != NULL) {
            compiler->id.size = (size_t)(fragment - compiler->id.bytes);
            compiler->id.bytes[compiler->id.size] = '\0';
        }
    }
    return FND_OK;
}

static enum fnd_status compile(struct fnd_schema_compiler *compiler)
{
    struct fnd_schema *schema = compiler->schema;
    /* Every subschema has a byte of its own and there are at most so many: never full. */
    compiler->slots_count = 64;
    while (compiler->slots_count < 2 * (size_t)FND_SCHEMA_NODES_MAX &&
           compiler->slots_count < 2 * schema->text.size) {
        compiler->slots_count *= 2;
    }
    compiler->slots = fnd_realloc(NULL, compiler->slots_count, sizeof(struct fnd_schema_node *));
    memset(compiler->slots, 0, compiler->slots_count * sizeof(struct fnd_schema_node *));
    enum fnd_status status = read_dialect(compiler);
    if (status != FND_OK) {
        return status;
    }
    schema->root = fnd_schema_node_for(compiler, compiler->document);
    if (schema->root == NULL) {
        return FND_INVALID;
    }
    for (struct fnd_schema_node *node = compiler->first; node != NULL; node = node->next) {
        status = fnd_schema_keywords(compiler, node);
        if (status != FND_OK) {
            return status;
        }
    }
    for (struct fnd_schema_node *node = compiler->first; node != NULL; node = node->next) {
        if (node->colour == WHITE) {
            status = measure_chain(compiler, node, 0);
            if (status != FND_OK) {
                return status;
            }
        }
    }
    return FND_OK;
}

enum fnd_status fnd_schema_create(const char *name, const char *json, size_t size,
                                  struct fnd_schema **schema, struct fnd_error *error)
{
    struct fnd_json original;
    enum fnd_status status = fnd_json_check(json, size, NULL, &original, error);
    if (status != FND_OK) {
        fnd_error_prefix(error, "%s", name);
        return status;
    }
    struct fnd_schema *made = fnd_alloc(sizeof *made);
    made->name = fnd_strdup(name);
    made->spare = fnd_alloc(sizeof *made->spare);
    atomic_init(&made->spare->data, NULL);
    fnd_json_compact(original, &made->text);
    fnd_json_canonical(original, &made->canonical);
    struct fnd_schema_compiler compiler = {
        .schema = made,
        .document = {fnd_text_z(&made->text), made->text.size},
        .original = original,
        .given = json,
        .error = error,
    };
    status = compile(&compiler);
    free(compiler.slots);
    fnd_text_finish(&compiler.scratch);
    fnd_text_finish(&compiler.id);
    if (status != FND_OK) {
        fnd_schema_destroy(made);
        return status;
    }
    *schema = made;
    return FND_OK;
}

void fnd_schema_destroy(struct fnd_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    while (schema->codes != NULL) {
        struct fnd_schema_codes *codes = schema->codes;
        schema->codes = codes->next;
        pcre2_code_free(codes->code);
        free(codes);
    }
    pcre2_match_data_free(atomic_load(&schema->spare->data));
    free(schema->spare);
    pcre2_match_context_free(schema->limits);
    while (schema->blocks != NULL) {
        struct fnd_schema_block *block = schema->blocks;
        schema->blocks = block->next;
        free(block);
    }
    fnd_text_finish(&schema->text);
    fnd_text_finish(&schema->canonical);
    free(schema->name);
    free(schema);
}

struct fnd_json fnd_schema_json(const struct fnd_schema *schema)
{
    return (struct fnd_json){fnd_text_z(&schema->canonical), schema->canonical.size};
}
