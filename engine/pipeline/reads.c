/* SPDX-License-Identifier: MIT */
/* What a leaf may read: parameters, secrets, the job's input, the run, and earlier phases. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

static const char *const reserved[] = {"input", "params", "item",   "answers", "secrets",
                                       "env",   "run",    "models", NULL};

bool fnd_id_reserved(const char *id)
{
    for (size_t i = 0; reserved[i] != NULL; i++) {
        if (strcmp(reserved[i], id) == 0) {
            return true;
        }
    }
    return false;
}

int32_t fnd_compile_index(const struct fnd_compile *compile, const char *id)
{
    for (size_t i = 0; i < compile->pipeline->phases_count; i++) {
        const char *other = compile->pipeline->phases[i].id;
        if (other != NULL && strcmp(other, id) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* The ids of the phases before `end`, which may lie behind all of them; NULL-ended; the count. */
static size_t ids_before(const struct fnd_compile *compile, size_t end,
                         const char *ids[FND_PHASES_MAX + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < end && i < compile->pipeline->phases_count; i++) {
        if (compile->pipeline->phases[i].id[0] != '\0') {
            ids[count++] = compile->pipeline->phases[i].id;
        }
    }
    ids[count] = NULL;
    return count;
}

static void list_names(struct fnd_text *text, const char *before, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL && text->size < 300; i++) {
        fnd_text_printf(text, "%s%s", i > 0 ? ", " : before, names[i]);
    }
}

int32_t fnd_compile_phase(struct fnd_compile *compile, const struct fnd_phase *phase,
                          const struct fnd_node *node)
{
    const char *ids[FND_PHASES_MAX + 1];
    if (node->kind != FND_NODE_STRING) {
        fnd_compile_error(compile, node, "wrong_type", "%s where the id of a phase must stand",
                          fnd_node_kind_name(node->kind));
        return -1;
    }
    const int32_t index = fnd_compile_index(compile, node->text);
    if (index >= 0 && (size_t)index < phase->index) {
        return index;
    }
    if (index >= 0) {
        fnd_compile_error(compile, node, "unknown_phase",
                          "`%s` %s: phase `%s` can name only phases before it", node->text,
                          (size_t)index == phase->index ? "is this phase itself"
                                                        : "comes later in the file",
                          phase->id);
        return -1;
    }
    struct fnd_text hint = {0};
    const size_t count = ids_before(compile, phase->index, ids);
    fnd_suggest(&hint, node->text, ids);
    list_names(&hint, "; before it come ", ids);
    fnd_compile_error(compile, node, "unknown_phase", "there is no phase `%s`%s", node->text,
                      count > 0 ? fnd_text_z(&hint) : "; no phase comes before this one");
    fnd_text_finish(&hint);
    return -1;
}

static bool bad(struct fnd_compile *compile, const struct fnd_node *node,
                const struct fnd_segment *segment, const char *word, const char *const *names,
                const char *reason)
{
    struct fnd_text hint = {0};
    if (names != NULL) {
        fnd_suggest(&hint, word, names);
        list_names(&hint, "; there are ", names);
    }
    fnd_compile_error(compile, node, "bad_reference", "`%s` leads nowhere: %s%s", segment->written,
                      reason, fnd_text_z(&hint));
    fnd_text_finish(&hint);
    return false;
}

static bool read_param(struct fnd_compile *compile, const struct fnd_node *node,
                       const struct fnd_segment *segment)
{
    if (fnd_compile_param(compile, segment->text) == NULL) {
        const struct fnd_pipeline *pipeline = compile->pipeline;
        const char **names = fnd_alloc((pipeline->params_count + 1) * sizeof *names);
        for (size_t i = 0; i < pipeline->params_count; i++) {
            names[i] = pipeline->params[i].name;
        }
        bad(compile, node, segment, segment->text, names,
            pipeline->params_count > 0 ? "the pipeline has no such parameter"
                                       : "the pipeline has no `params:`");
        free(names);
        return false;
    }
    return segment->pointer[0] == '\0' ||
           bad(compile, node, segment, NULL, NULL, "a parameter is one value, without parts");
}

static bool read_secret(struct fnd_compile *compile, const struct fnd_node *node,
                        const struct fnd_segment *segment)
{
    const char *name = segment->text;
    const size_t size = strlen(name);
    const bool fine =
        size <= FND_ID_SIZE_MAX && (name[0] < '0' || name[0] > '9') &&
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == size;
    if (!fine) {
        return bad(compile, node, segment, NULL, NULL,
                   "a secret is named by letters, digits and _, at most 64 of them");
    }
    return segment->pointer[0] == '\0' ||
           bad(compile, node, segment, NULL, NULL, "a secret is one text, without parts");
}

static bool read_run(struct fnd_compile *compile, const struct fnd_node *node,
                     const struct fnd_segment *segment)
{
    static const char *const names[] = {"job", "attempt", NULL};
    const char *pointer = segment->pointer;
    if (pointer[0] == '\0' || strcmp(pointer, "/job") == 0 || strcmp(pointer, "/attempt") == 0) {
        return true;
    }
    return bad(compile, node, segment, pointer + 1, names, "`run` has no such part");
}

/* ${models.NAME}: the name of the model's artifact, or null while there is none. */
static bool read_model(struct fnd_compile *compile, const struct fnd_node *node,
                       struct fnd_phase *phase, const struct fnd_segment *segment)
{
    const struct fnd_pipeline *pipeline = compile->pipeline;
    const char *names[FND_MODELS_MAX + 1];
    if (compile->models_spoiled) {
        return true;
    }
    const char *wanted = segment->pointer[0] == '/' ? segment->pointer + 1 : segment->pointer;
    for (size_t i = 0; i < pipeline->models_count; i++) {
        names[i] = pipeline->models[i].name;
        if (strcmp(names[i], wanted) == 0) {
            phase->models |= UINT64_C(1) << i;
            return true;
        }
    }
    names[pipeline->models_count] = NULL;
    return bad(compile, node, segment, wanted, pipeline->models_count > 0 ? names : NULL,
               pipeline->models_count > 0 ? "the pipeline has no such model"
                                          : "the pipeline has no `models:`");
}

/* Whose output schema tells what phase `index` writes: a gate hands on its subject. */
static const struct fnd_schema *output_schema(const struct fnd_compile *compile, int32_t index)
{
    const struct fnd_phase *phase = &compile->pipeline->phases[index];
    while (phase->subject >= 0) {
        phase = &compile->pipeline->phases[phase->subject];
    }
    return phase->bound.output_schema;
}

/* Whether an object's schema lists all its keys; their names then. */
static bool closed(struct fnd_json schema, struct fnd_json *properties)
{
    static const char *const open[] = {
        "patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", NULL};
    if (schema.bytes == NULL || fnd_json_type(schema) != FND_JSON_OBJECT) {
        return false;
    }
    for (size_t i = 0; open[i] != NULL; i++) {
        if (fnd_json_member(schema, open[i]).bytes != NULL) {
            return false;
        }
    }
    const struct fnd_json more = fnd_json_member(schema, "additionalProperties");
    *properties = fnd_json_member(schema, "properties");
    return more.bytes != NULL && fnd_json_type(more) == FND_JSON_FALSE && properties->bytes != NULL;
}

static bool bad_key(struct fnd_compile *compile, const struct fnd_node *node,
                    const struct fnd_segment *segment, const char *key, struct fnd_json properties,
                    const char *place)
{
    const size_t count = fnd_json_count(properties);
    char **names = fnd_alloc((count + 1) * sizeof *names);
    for (struct fnd_json_walk walk = fnd_json_walk(properties); fnd_json_next(&walk);) {
        names[walk.index] = fnd_json_strdup(walk.key);
    }
    struct fnd_text reason = {0};
    fnd_text_printf(&reason, "the output of `%s` has no `%s`%s%s", segment->text, key,
                    place[0] != '\0' ? " at " : "", place);
    bad(compile, node, segment, key, (const char *const *)names, fnd_text_z(&reason));
    fnd_text_finish(&reason);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    return false;
}

/* Follow the path through the output schema as far as that says what there is. */
static bool path_known(struct fnd_compile *compile, const struct fnd_node *node,
                       const struct fnd_segment *segment, const struct fnd_schema *schema)
{
    bool fine = true;
    struct fnd_text prefix = {0}, key = {0};
    const char *at = segment->pointer;
    while (schema != NULL && fine && *at == '/') {
        const size_t size = strcspn(at + 1, "/");
        fnd_text_clear(&key);
        for (size_t i = 0; i < size; i++) {
            const bool escape = at[1 + i] == '~';
            fnd_text_append_byte(&key, !escape ? at[1 + i] : at[2 + i] == '1' ? '/' : '~');
            i += escape ? 1 : 0;
        }
        struct fnd_json properties = {0};
        if (closed(fnd_schema_at(schema, fnd_text_z(&prefix)), &properties) &&
            fnd_json_member(properties, fnd_text_z(&key)).bytes == NULL) {
            fine =
                bad_key(compile, node, segment, fnd_text_z(&key), properties, fnd_text_z(&prefix));
        }
        fnd_text_append(&prefix, at, size + 1);
        at += size + 1;
    }
    fnd_text_finish(&prefix);
    fnd_text_finish(&key);
    return fine;
}

static bool read_phase(struct fnd_compile *compile, const struct fnd_node *node,
                       struct fnd_phase *phase, const struct fnd_segment *segment)
{
    const int32_t index = fnd_compile_index(compile, segment->text);
    if (index < 0 || (size_t)index >= phase->index) {
        const char *names[FND_PHASES_MAX + 6];
        size_t count = ids_before(compile, phase->index, names);
        static const char *const roots[] = {"input", "params", "run", "secrets", "models", NULL};
        for (size_t i = 0; roots[i] != NULL; i++) {
            names[count++] = roots[i];
        }
        names[count] = NULL;
        const char *reason = "nothing of that name comes before this phase";
        if (index >= 0) {
            reason = (size_t)index == phase->index
                         ? "a phase cannot read its own output"
                         : "that phase comes later, and a phase reads only those before it";
        } else if (fnd_id_reserved(segment->text)) {
            reason = "that name is reserved for a later release";
        }
        return bad(compile, node, segment, segment->text, index >= 0 ? NULL : names, reason);
    }
    phase->reads |= UINT64_C(1) << index;
    return path_known(compile, node, segment, output_schema(compile, index));
}

bool fnd_compile_reference(struct fnd_compile *compile, const struct fnd_node *node,
                           struct fnd_phase *phase, const struct fnd_segment *segment)
{
    if (segment->kind == FND_SEGMENT_TEXT) {
        return true;
    }
    if (segment->kind == FND_SEGMENT_PARAM) {
        return read_param(compile, node, segment);
    }
    if (phase == NULL) {
        return bad(compile, node, segment, NULL, NULL,
                   "only parameters, ${params.…}, can be read here");
    }
    if (segment->kind == FND_SEGMENT_SECRET) {
        return read_secret(compile, node, segment);
    }
    if (strcmp(segment->text, "input") == 0) {
        return true;
    }
    if (strcmp(segment->text, "run") == 0) {
        return read_run(compile, node, segment);
    }
    if (strcmp(segment->text, "models") == 0) {
        return read_model(compile, node, phase, segment);
    }
    return read_phase(compile, node, phase, segment);
}

/* Put params in as text and join what is text then. */
static void params_put(struct fnd_compile *compile, struct fnd_segments *segments)
{
    struct fnd_segments joined = {0};
    struct fnd_text text = {0};
    for (size_t i = 0; i < segments->count; i++) {
        struct fnd_segment *segment = &segments->list[i];
        if (segment->kind == FND_SEGMENT_TEXT) {
            fnd_text_append_z(&text, segment->text);
        } else if (segment->kind == FND_SEGMENT_PARAM) {
            const struct fnd_param *param = fnd_compile_param(compile, segment->text);
            const char *json = param != NULL && param->value != NULL ? param->value : "\"\"";
            const struct fnd_json value = {json, strlen(json)};
            if (!fnd_json_text(value, &text)) {
                fnd_text_append(&text, value.bytes, value.size);
            }
        }
        const bool literal =
            segment->kind == FND_SEGMENT_TEXT || segment->kind == FND_SEGMENT_PARAM;
        const bool ends = !literal || i + 1 == segments->count;
        joined.list = fnd_realloc(joined.list, joined.count + 2, sizeof joined.list[0]);
        if (ends && text.size > 0) {
            joined.list[joined.count++] =
                (struct fnd_segment){.kind = FND_SEGMENT_TEXT, .text = fnd_text_take(&text)};
        }
        if (!literal) {
            joined.list[joined.count++] = *segment;
            *segment = (struct fnd_segment){0};
        }
    }
    fnd_text_finish(&text);
    fnd_segments_finish(segments);
    *segments = joined;
}

bool fnd_compile_leaf(struct fnd_compile *compile, const struct fnd_node *node,
                      struct fnd_phase *phase, struct fnd_segments *segments, const char **whole)
{
    struct fnd_error error = {0};
    *whole = NULL;
    if (fnd_segments_parse(node->text, segments, &error) != FND_OK) {
        fnd_compile_error_take(compile, node, "bad_reference", &error);
        return false;
    }
    bool fine = true;
    for (size_t i = 0; i < segments->count; i++) {
        fine = fnd_compile_reference(compile, node, phase, &segments->list[i]) && fine;
    }
    if (segments->count == 1 && segments->list[0].kind == FND_SEGMENT_PARAM) {
        const struct fnd_param *param = fnd_compile_param(compile, segments->list[0].text);
        if (param == NULL || param->value == NULL) {
            return false; /* reported where the parameter is defined, or set */
        }
        *whole = param->value;
    }
    params_put(compile, segments);
    return fine;
}
