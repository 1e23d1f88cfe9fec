/* SPDX-License-Identifier: MIT */
/* The keywords every schema may have: references, combinations, notes; and who reads which. */
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

char *fnd_schema_decode(struct fnd_schema_compiler *compiler, struct fnd_json string, size_t *size)
{
    fnd_text_clear(&compiler->scratch);
    fnd_json_text(string, &compiler->scratch);
    char *copy = fnd_schema_alloc(compiler->schema, compiler->scratch.size + 1, 1);
    memcpy(copy, fnd_text_z(&compiler->scratch), compiler->scratch.size);
    if (size != NULL) {
        *size = compiler->scratch.size;
    }
    return copy;
}

enum fnd_status fnd_schema_read_count(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                      int64_t *count)
{
    if (!fnd_json_integer(value, count) || *count < 0) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "must be a whole number, 0 or more");
    }
    return FND_OK;
}

enum fnd_status fnd_schema_read_list(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                     struct fnd_schema_nodes *nodes)
{
    if (fnd_json_type(value) != FND_JSON_ARRAY || fnd_json_count(value) == 0) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "must be a list of at least one schema");
    }
    nodes->list = fnd_schema_alloc(compiler->schema, fnd_json_count(value), sizeof nodes->list[0]);
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        nodes->list[nodes->count] = fnd_schema_node_for(compiler, walk.value);
        if (nodes->list[nodes->count] == NULL) {
            return FND_INVALID;
        }
        nodes->count++;
    }
    return FND_OK;
}

static enum fnd_status read_one(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                struct fnd_schema_node **part)
{
    *part = fnd_schema_node_for(compiler, value);
    return *part != NULL ? FND_OK : FND_INVALID;
}

static enum fnd_status read_not(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                struct fnd_json value)
{
    node->combines = true;
    return read_one(compiler, value, &node->negated);
}

static enum fnd_status read_if(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                               struct fnd_json value)
{
    node->combines = true;
    return read_one(compiler, value, &node->condition);
}

static enum fnd_status read_then(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                 struct fnd_json value)
{
    return read_one(compiler, value, &node->then);
}

static enum fnd_status read_else(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                 struct fnd_json value)
{
    return read_one(compiler, value, &node->otherwise);
}

static enum fnd_status read_all_of(struct fnd_schema_compiler *compiler,
                                   struct fnd_schema_node *node, struct fnd_json value)
{
    node->combines = true;
    return fnd_schema_read_list(compiler, value, &node->all_of);
}

static enum fnd_status read_any_of(struct fnd_schema_compiler *compiler,
                                   struct fnd_schema_node *node, struct fnd_json value)
{
    node->combines = true;
    return fnd_schema_read_list(compiler, value, &node->any_of);
}

static enum fnd_status read_one_of(struct fnd_schema_compiler *compiler,
                                   struct fnd_schema_node *node, struct fnd_json value)
{
    node->combines = true;
    return fnd_schema_read_list(compiler, value, &node->one_of);
}

/* %XX in a URI fragment; false if it is none. */
static bool percent_decode(const char *from, struct fnd_text *to)
{
    for (; *from != '\0'; from++) {
        char byte = *from;
        if (byte == '%') {
            if (from[1] == '\0' || !fnd_unhex(from + 1, 2, &byte, 1) || byte == '\0') {
                return false;
            }
            from += 2;
        }
        fnd_text_append_byte(to, byte);
    }
    return fnd_utf8_valid(fnd_text_z(to), to->size);
}

static enum fnd_status read_ref(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_STRING) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "must be a text like \"#/$defs/x\"");
    }
    const char *ref = fnd_schema_decode(compiler, value, NULL);
    const size_t id_size = compiler->id.size;
    const char *fragment = ref;
    if (id_size > 0 && strncmp(ref, fnd_text_z(&compiler->id), id_size) == 0 &&
        (ref[id_size] == '#' || ref[id_size] == '\0')) {
        fragment = ref + id_size; /* the document's own name in front changes nothing */
    }
    if (fragment[0] != '\0' && fragment[0] != '#') {
        return fnd_schema_refuse(compiler, value, "remote_ref",
                                 "\"%.200s\" lies outside this document: copy it into $defs and "
                                 "refer to \"#/$defs/…\"",
                                 ref);
    }
    fragment += fragment[0] == '#' ? 1 : 0;
    if (fragment[0] != '\0' && fragment[0] != '/') {
        return fnd_schema_refuse(compiler, value, "remote_ref",
                                 "\"%.200s\" names an anchor, and anchors are not supported: refer "
                                 "by place, \"#/$defs/…\"",
                                 ref);
    }
    struct fnd_text pointer = {0};
    struct fnd_json target = {0};
    if (percent_decode(fragment, &pointer)) {
        target = fnd_json_find(compiler->document, fnd_text_z(&pointer));
    }
    fnd_text_finish(&pointer);
    if (target.bytes == NULL) {
        return fnd_schema_refuse(compiler, value, "dangling_ref",
                                 "\"%.200s\" leads to nothing in this document", ref);
    }
    node->combines = true;
    return read_one(compiler, target, &node->ref);
}

static enum fnd_status read_definitions(struct fnd_schema_compiler *compiler,
                                        struct fnd_schema_node *node, struct fnd_json value)
{
    (void)node;
    if (fnd_json_type(value) != FND_JSON_OBJECT) {
        return fnd_schema_refuse(compiler, value, "bad_keyword",
                                 "must be an object whose members are schemas");
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        if (fnd_schema_node_for(compiler, walk.value) == NULL) {
            return FND_INVALID;
        }
    }
    return FND_OK;
}

static enum fnd_status read_default(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node, struct fnd_json value)
{
    (void)compiler;
    node->standard = value;
    return FND_OK;
}

static enum fnd_status read_per_job(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node, struct fnd_json value)
{
    if (!fnd_json_boolean(value, &node->per_job)) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be true or false");
    }
    return FND_OK;
}

/* Only the document as a whole has a name and a dialect here. */
static enum fnd_status read_at_root(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node, struct fnd_json value)
{
    if (fnd_json_type(value) != FND_JSON_STRING) {
        return fnd_schema_refuse(compiler, value, "bad_keyword", "must be a text");
    }
    if (node->json.bytes != compiler->document.bytes) {
        return fnd_schema_refuse(compiler, value, "unknown_keyword",
                                 "$id and $schema may stand at the root of a schema only");
    }
    return FND_OK;
}

static enum fnd_status read_note(struct fnd_schema_compiler *compiler, struct fnd_schema_node *node,
                                 struct fnd_json value)
{
    (void)compiler;
    (void)node;
    (void)value;
    return FND_OK;
}

static const struct fnd_schema_keyword combining[] = {
    {"allOf", read_all_of}, {"anyOf", read_any_of}, {"oneOf", read_one_of}, {"not", read_not},
    {"if", read_if},        {"then", read_then},    {"else", read_else},    {NULL, NULL}};
/* These leave a schema with a $ref nothing more than that reference. */
static const struct fnd_schema_keyword notes[] = {{"$ref", read_ref},
                                                  {"$defs", read_definitions},
                                                  {"definitions", read_definitions},
                                                  {"default", read_default},
                                                  {"x-foundry-per-job", read_per_job},
                                                  {"$id", read_at_root},
                                                  {"$schema", read_at_root},
                                                  {"title", read_note},
                                                  {"description", read_note},
                                                  {"examples", read_note},
                                                  {"$comment", read_note},
                                                  {"deprecated", read_note},
                                                  {"readOnly", read_note},
                                                  {"writeOnly", read_note},
                                                  {"contentMediaType", read_note},
                                                  {NULL, NULL}};

static const struct fnd_schema_keyword *const tables[] = {
    notes, combining, fnd_schema_keywords_scalar, fnd_schema_keywords_array,
    fnd_schema_keywords_object};
enum { TABLES = sizeof tables / sizeof tables[0], KEYWORDS_MAX = 80 };

static const struct fnd_schema_keyword *keyword_find(const char *name, bool *is_note)
{
    for (size_t t = 0; t < TABLES; t++) {
        for (const struct fnd_schema_keyword *keyword = tables[t]; keyword->name != NULL;
             keyword++) {
            if (strcmp(keyword->name, name) == 0) {
                *is_note = t == 0;
                return keyword;
            }
        }
    }
    return NULL;
}

static enum fnd_status refuse_keyword(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                      const char *name)
{
    static const char *const elsewhere[] = {"$anchor",
                                            "$dynamicAnchor",
                                            "$dynamicRef",
                                            "$recursiveRef",
                                            "$recursiveAnchor",
                                            "$vocabulary",
                                            "contentEncoding",
                                            "contentSchema",
                                            "dependencies",
                                            "dependentSchemas",
                                            "unevaluatedItems",
                                            "unevaluatedProperties",
                                            NULL};
    for (size_t i = 0; elsewhere[i] != NULL; i++) {
        if (strcmp(elsewhere[i], name) == 0) {
            return fnd_schema_refuse(
                compiler, value, "unknown_keyword",
                "the keyword \"%s\" of JSON Schema is not supported: a rule that is not checked "
                "must not look as if it were",
                name);
        }
    }
    const char *names[KEYWORDS_MAX];
    size_t count = 0;
    for (size_t t = 0; t < TABLES; t++) {
        for (const struct fnd_schema_keyword *keyword = tables[t];
             keyword->name != NULL && count + 1 < KEYWORDS_MAX; keyword++) {
            names[count++] = keyword->name;
        }
    }
    names[count] = NULL;
    const char *nearest = fnd_nearest(name, names);
    return fnd_schema_refuse(compiler, value, "unknown_keyword",
                             "\"%.80s\" is not a known keyword%s%s%s (notes of your own begin with "
                             "\"x-\")",
                             name, nearest != NULL ? "; did you mean \"" : "",
                             nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

enum fnd_status fnd_schema_keywords(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node)
{
    if (fnd_json_type(node->json) != FND_JSON_OBJECT) {
        return FND_OK; /* true and false */
    }
    /* Draft 7 says of a schema with $ref: all beside it is ignored. */
    const bool only_ref = compiler->draft7 && fnd_json_member(node->json, "$ref").bytes != NULL;
    node->only_notes_and_ref = true;
    for (struct fnd_json_walk walk = fnd_json_walk(node->json); fnd_json_next(&walk);) {
        const char *name = fnd_schema_decode(compiler, walk.key, NULL);
        bool is_note = true;
        const struct fnd_schema_keyword *keyword = keyword_find(name, &is_note);
        if (keyword == NULL && strncmp(name, "x-", 2) == 0) {
            continue;
        }
        if (keyword == NULL) {
            return refuse_keyword(compiler, walk.value, name);
        }
        if (only_ref && !is_note) {
            continue;
        }
        node->only_notes_and_ref = node->only_notes_and_ref && is_note;
        const enum fnd_status status = keyword->read(compiler, node, walk.value);
        if (status != FND_OK) {
            return status;
        }
    }
    return FND_OK;
}
