/* SPDX-License-Identifier: MIT */
/* A `with:`: references looked up, defaults filled in, checked against the schema. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

/* A walk over the nodes of one `with:`. */
struct walk {
    struct fnd_compile *compile;
    struct fnd_phase *phase; /* NULL: only params may be read */
    struct fnd_text json, pointer;
    struct fnd_leaf *leaves; /* those that are not known yet */
    size_t leaves_count;
    bool broken; /* a reference was refused */
};

static void leaf_keep(struct walk *walk, const struct fnd_node *node,
                      const struct fnd_segments *segments)
{
    walk->leaves = fnd_realloc(walk->leaves, walk->leaves_count + 1, sizeof walk->leaves[0]);
    walk->leaves[walk->leaves_count++] =
        (struct fnd_leaf){.pointer = fnd_strdup(fnd_text_z(&walk->pointer)),
                          .text = fnd_strdup(node->text),
                          .segments = *segments,
                          .node = node};
}

static void string_leaf(struct walk *walk, const struct fnd_node *node)
{
    struct fnd_segments segments = {0};
    const char *whole = NULL;
    if (strchr(node->text, '$') == NULL) {
        fnd_text_append_json_z(&walk->json, node->text);
        return;
    }
    const bool fine = fnd_compile_leaf(walk->compile, node, walk->phase, &segments, &whole);
    walk->broken = walk->broken || !fine;
    if (!fine) {
        fnd_segments_finish(&segments); /* stands as a leaf without a value */
        fnd_text_append_json_z(&walk->json, node->text);
        leaf_keep(walk, node, &segments);
    } else if (whole != NULL) {
        fnd_text_append_z(&walk->json, whole);
        fnd_segments_finish(&segments);
    } else if (segments.count == 0 ||
               (segments.count == 1 && segments.list[0].kind == FND_SEGMENT_TEXT)) {
        fnd_text_append_json_z(&walk->json, segments.count > 0 ? segments.list[0].text : "");
        fnd_segments_finish(&segments);
    } else {
        fnd_text_append_json_z(&walk->json, node->text);
        leaf_keep(walk, node, &segments);
    }
}

/* Depth is bounded by the tree's. */
static void node_walk(struct walk *walk, const struct fnd_node *node)
{
    if (node->kind == FND_NODE_STRING) {
        string_leaf(walk, node);
        return;
    }
    if (node->kind != FND_NODE_LIST && node->kind != FND_NODE_MAP) {
        fnd_node_json(node, &walk->json);
        return;
    }
    const bool map = node->kind == FND_NODE_MAP;
    const size_t pointer_size = walk->pointer.size;
    size_t index = 0;
    fnd_text_append_byte(&walk->json, map ? '{' : '[');
    for (const struct fnd_node *child = node->child; child != NULL; child = child->next, index++) {
        if (index > 0) {
            fnd_text_append_byte(&walk->json, ',');
        }
        if (map) {
            fnd_text_append_json_z(&walk->json, child->key);
            fnd_text_append_byte(&walk->json, ':');
            fnd_json_pointer_add(&walk->pointer, child->key, strlen(child->key));
        } else {
            fnd_json_pointer_add_index(&walk->pointer, index);
        }
        node_walk(walk, child);
        walk->pointer.size = pointer_size;
        walk->pointer.bytes[pointer_size] = '\0';
    }
    fnd_text_append_byte(&walk->json, map ? '}' : ']');
}

static void walk_finish(struct walk *walk)
{
    for (size_t i = 0; i < walk->leaves_count; i++) {
        free(walk->leaves[i].pointer);
        free(walk->leaves[i].text);
        fnd_segments_finish(&walk->leaves[i].segments);
    }
    free(walk->leaves);
    fnd_text_finish(&walk->json);
    fnd_text_finish(&walk->pointer);
}

char *fnd_compile_constant(struct fnd_compile *compile, const struct fnd_node *node)
{
    struct walk walk = {.compile = compile};
    node_walk(&walk, node);
    char *json = walk.broken ? NULL : fnd_text_take(&walk.json);
    walk_finish(&walk);
    return json;
}

/* The node a flaw is about: where the pointer leads, or the nearest thing around it. */
static const struct fnd_node *flaw_node(const struct fnd_node *with, const char *pointer)
{
    char *path = fnd_strdup(pointer);
    const struct fnd_node *node = fnd_node_find(with, path);
    while (node == NULL && path[0] != '\0') {
        *strrchr(path, '/') = '\0';
        node = fnd_node_find(with, path);
    }
    free(path);
    return node != NULL ? node : with;
}

static const char *flaw_code(const struct fnd_flaw *flaw)
{
    static const struct {
        const char *keyword, *code;
    } codes[] = {{"required", "missing_key"}, {"type", "wrong_type"}};
    if (flaw->is_key) {
        return "unknown_key";
    }
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(flaw->keyword, codes[i].keyword) == 0) {
            return codes[i].code;
        }
    }
    return "invalid_value";
}

/* Flaws as errors at their places; true if the shape is right. */
static bool flaws_add(struct fnd_compile *compile, const struct fnd_node *with,
                      const struct fnd_node *uses, const struct fnd_flaws *flaws)
{
    bool shape = flaws->skipped == 0;
    for (size_t i = 0; i < flaws->count; i++) {
        const struct fnd_flaw *flaw = &flaws->list[i];
        const struct fnd_node *node = with != NULL ? flaw_node(with, flaw->pointer) : uses;
        const char *pointer = flaw->pointer[0] != '\0' ? flaw->pointer : "";
        if (flaw->is_key) {
            fnd_compile_error_key(compile, node, "unknown_key", "with%s: %s", pointer,
                                  flaw->message);
        } else {
            fnd_compile_error(compile, node, flaw_code(flaw), "with%s: %s", pointer, flaw->message);
            shape = false;
        }
    }
    return shape;
}

static bool flawed_at(const struct fnd_flaws *flaws, const char *pointer)
{
    for (size_t i = 0; i < flaws->count; i++) {
        const size_t size = strlen(flaws->list[i].pointer);
        if (strncmp(flaws->list[i].pointer, pointer, size) == 0 &&
            (pointer[size] == '\0' || pointer[size] == '/') && flaws->list[i].is_key) {
            return true;
        }
    }
    return false;
}

/* "; per job are: image, words" */
static void per_job_keys(const struct fnd_schema *schema, struct fnd_text *text)
{
    const struct fnd_json properties = fnd_json_member(fnd_schema_json(schema), "properties");
    size_t count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
        struct fnd_text pointer = {0};
        fnd_json_pointer_add_key(&pointer, walk.key);
        if (fnd_schema_per_job(schema, fnd_text_z(&pointer)) && text->size < 300) {
            fnd_text_append_z(text, count++ > 0 ? ", " : "; what may differ from job to job: ");
            fnd_json_text(walk.key, text);
        }
        fnd_text_finish(&pointer);
    }
}

/* A leaf that reads the job needs a key that may differ from job to job. */
static void per_job_check(struct walk *walk, const struct fnd_bound *bound,
                          const struct fnd_flaws *flaws)
{
    for (size_t i = 0; i < walk->leaves_count; i++) {
        const struct fnd_leaf *leaf = &walk->leaves[i];
        if (!fnd_segments_have(&leaf->segments, FND_SEGMENT_VALUE) ||
            fnd_schema_per_job(bound->config_schema, leaf->pointer) ||
            flawed_at(flaws, leaf->pointer)) {
            continue;
        }
        struct fnd_text keys = {0};
        per_job_keys(bound->config_schema, &keys);
        fnd_compile_error(walk->compile, leaf->node, "not_per_job",
                          "with%s: %s takes it once for the whole run, so it cannot read the job "
                          "(`%s`); a constant or ${params.…} would do%s",
                          leaf->pointer, bound->uses, leaf->text, fnd_text_z(&keys));
        fnd_text_finish(&keys);
    }
}

/* Check what the walk found; the filled, canonical JSON goes to `filled`. */
static bool schema_check(struct walk *walk, const struct fnd_node *with,
                         const struct fnd_node *uses, const struct fnd_bound *bound,
                         struct fnd_text *filled)
{
    const struct fnd_json value = {fnd_text_z(&walk->json), walk->json.size};
    const char **pointers = fnd_alloc((walk->leaves_count + 1) * sizeof *pointers);
    for (size_t i = 0; i < walk->leaves_count; i++) {
        pointers[i] = walk->leaves[i].pointer;
    }
    const struct fnd_schema_holes holes = {
        .pointers = pointers, .count = walk->leaves_count, .allowed_everywhere = true};
    struct fnd_flaws flaws = {0};
    struct fnd_text whole = {0};
    fnd_schema_fill(bound->config_schema, value, &whole);
    const struct fnd_json full = {fnd_text_z(&whole), whole.size};
    fnd_schema_check(bound->config_schema, full, &holes, &flaws);
    /* A config schema need not close itself: what it does not name is unknown. */
    fnd_schema_check_declared(bound->config_schema, full, &flaws);
    const bool shape = flaws_add(walk->compile, with, uses, &flaws);
    per_job_check(walk, bound, &flaws);
    fnd_json_canonical(full, filled);
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&whole);
    free(pointers);
    return shape;
}

/* The place of errors about a `with:` that is not there. */
static struct fnd_node uses_place(const struct fnd_bound *bound)
{
    return (struct fnd_node){.kind = FND_NODE_STRING, .line = bound->line, .column = bound->column};
}

bool fnd_compile_with_bound(struct fnd_compile *compile, const struct fnd_node *with, bool unknown,
                            struct fnd_phase *phase, struct fnd_bound *bound)
{
    const struct fnd_node uses = uses_place(bound);
    struct walk walk = {.compile = compile, .phase = phase};
    struct fnd_text filled = {0};
    bool shape = true;
    if (with != NULL && with->kind == FND_NODE_NULL) {
        with = NULL;
    }
    if (with != NULL && with->kind != FND_NODE_MAP) {
        fnd_compile_error(compile, with, "wrong_type", "`with` is %s, must be a map of keys",
                          fnd_node_kind_name(with->kind));
        return false;
    }
    if (with != NULL) {
        node_walk(&walk, with);
    } else {
        fnd_text_append_z(&walk.json, "{}");
    }
    if (bound->config_schema != NULL) {
        shape = schema_check(&walk, with, &uses, bound, &filled);
    } else {
        for (const struct fnd_node *key = with != NULL && !unknown ? with->child : NULL;
             key != NULL; key = key->next) {
            fnd_compile_error_key(compile, key, "unknown_key",
                                  "with/%s: %s takes nothing, take `%s` out", key->key, bound->uses,
                                  key->key);
        }
        const struct fnd_json value = {fnd_text_z(&walk.json), walk.json.size};
        fnd_json_canonical(value, &filled);
    }
    if (!walk.broken) {
        fnd_template_make(&bound->with, fnd_text_take(&filled), walk.leaves, walk.leaves_count);
    }
    fnd_text_finish(&filled);
    walk_finish(&walk);
    return shape;
}
