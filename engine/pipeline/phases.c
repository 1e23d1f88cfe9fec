/* SPDX-License-Identifier: MIT */
/* `phases:` of a pipeline file, each bound to its code. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

static const struct fnd_shape shapes[] = {
    {"id", FND_SHAPE_STRING, true, "a name such as extract"},
    {"uses", FND_SHAPE_STRING, true, "PLUGIN/PHASE such as text/uppercase"},
    {"with", 0, false, "a map of keys"},
    {"timeout", 0, false, "a duration such as 60s"},
    {"retry", 0, false, "a map such as {max: 2, backoff: 1s}"},
    {"isolation", FND_SHAPE_STRING, false, "sandbox, best-effort, process or inline"},
    {"result_max", 0, false, "a size such as 64MiB"},
    {"grant", 0, false, "a map such as {write: out}"},
    {"pool", FND_SHAPE_STRING, false, "a name such as gpu"},
    {NULL},
};
static const char *const later[] = {"if",    "for_each", "needs",   "pools",
                                    "cache", "batch",    "foreach", NULL};

static void id_check(struct fnd_compile *compile, const struct fnd_node *node, size_t index)
{
    const struct fnd_pipeline *pipeline = compile->pipeline;
    if (!fnd_id_valid(node->text)) {
        fnd_compile_error(compile, node, "bad_id",
                          "`%s` cannot be a phase's id: lower case letters, digits, _ and -, a "
                          "letter first, %d bytes at most",
                          node->text, FND_NAME_SIZE_MAX);
        return;
    }
    if (fnd_id_reserved(node->text)) {
        fnd_compile_error(compile, node, "reserved_id",
                          "`%s` means something else in ${…}; reserved are input, params, item, "
                          "answers, secrets, env, run and models",
                          node->text);
        return;
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(pipeline->phases[i].id, node->text) == 0) {
            fnd_compile_error(compile, node, "duplicate_id",
                              "`%s` is the id of the phase at line %zu already", node->text,
                              pipeline->phases[i].line);
            return;
        }
    }
}

/* What a phase says by itself, before any is bound: its id must be known to those after it. */
static void shape_read(struct fnd_compile *compile, const struct fnd_node *node,
                       struct fnd_phase *phase)
{
    phase->subject = -1;
    phase->repeatable = true;
    phase->timeout_ms = compile->timeout_ms;
    phase->retry = compile->retry;
    phase->isolation = compile->isolation;
    phase->result_bytes = compile->result_bytes;
    phase->bound.callee.fd = -1;
    phase->line = node->line;
    phase->column = node->column;
    compile->grants[phase->index].bound = true;
    if (!fnd_shape_check(compile, node, "a phase", shapes, later)) {
        phase->id = fnd_strdup("");
        return;
    }
    const struct fnd_node *id = fnd_shape_member(node, shapes, "id");
    const struct fnd_node *uses = fnd_shape_member(node, shapes, "uses");
    const struct fnd_node *grant = fnd_shape_member(node, shapes, "grant");
    if (id != NULL) {
        id_check(compile, id, phase->index);
        phase->line = id->line;
        phase->column = id->column;
    }
    phase->id = fnd_strdup(id != NULL ? id->text : "");
    if (uses != NULL) {
        phase->bound.uses = fnd_strdup(uses->text);
        phase->bound.line = uses->line;
        phase->bound.column = uses->column;
        compile->nodes[phase->index] = node;
    }
    fnd_compile_policy(compile, node, shapes, &phase->timeout_ms, &phase->retry, &phase->isolation,
                       &phase->result_bytes);
    fnd_compile_pool(compile, fnd_shape_member(node, shapes, "pool"), NULL, &phase->pool);
    if (grant != NULL) {
        fnd_grant_read(compile, grant, &compile->grants[phase->index]);
    }
}

static const struct fnd_kind *kind_find(struct fnd_compile *compile, const struct fnd_node *uses)
{
    enum { KINDS_MAX = 64 };
    const char *names[KINDS_MAX + 1];
    size_t count = 0;
    const struct fnd_kind *const *kinds = compile->options->kinds;
    for (; kinds != NULL && *kinds != NULL && count < KINDS_MAX; kinds++) {
        if (strcmp((*kinds)->name, uses->text) == 0) {
            return *kinds;
        }
        names[count++] = (*kinds)->name;
    }
    names[count] = NULL;
    struct fnd_text hint = {0};
    fnd_suggest(&hint, uses->text, names);
    for (size_t i = 0; i < count; i++) {
        fnd_text_printf(&hint, "%s%s", i > 0 ? ", " : "; there are ", names[i]);
    }
    fnd_compile_error(compile, uses, "unknown_phase", "the engine has no phase `%s`%s", uses->text,
                      fnd_text_z(&hint));
    fnd_text_finish(&hint);
    return NULL;
}

/* A phase of the engine's own. */
static void bind_own(struct fnd_compile *compile, const struct fnd_node *uses,
                     const struct fnd_node *with, struct fnd_phase *phase)
{
    const struct fnd_kind *kind = kind_find(compile, uses);
    struct fnd_bound *bound = &phase->bound;
    struct fnd_error error = {0};
    if (kind == NULL) {
        compile->grants[phase->index].bound = false;
        fnd_compile_with_bound(compile, with, true, phase, bound);
        return;
    }
    phase->kind = kind;
    if (kind->config_schema != NULL &&
        fnd_schema_create(kind->name, kind->config_schema, strlen(kind->config_schema),
                          &bound->config_schema, &error) != FND_OK) {
        fnd_compile_error_take(compile, uses, "bad_plugin", &error);
        return;
    }
    if (!fnd_compile_with_bound(compile, with, false, phase, bound)) {
        compile->grants[phase->index].bound = false; /* what it would bind is not known */
        return;
    }
    if (kind->prepare != NULL) {
        kind->prepare(kind, compile, phase);
    }
    if (phase->subject >= 0) {
        phase->reads |= UINT64_C(1) << phase->subject;
    }
}

static void phase_bind(struct fnd_compile *compile, struct fnd_phase *phase)
{
    const struct fnd_node *node = compile->nodes[phase->index];
    if (node == NULL) {
        return; /* reported */
    }
    const struct fnd_node *uses = fnd_shape_member(node, shapes, "uses");
    const struct fnd_node *with = fnd_shape_member(node, shapes, "with");
    if (strncmp(uses->text, "foundry/", 8) == 0) {
        bind_own(compile, uses, with, phase);
    } else {
        struct fnd_bound bound = {.callee.fd = -1};
        fnd_compile_bind_keep(compile, uses, with, FND_CALLEE_PHASE, phase, &bound);
        fnd_bound_finish(&phase->bound);
        phase->bound = bound;
        phase->kind = fnd_kind_plugin();
        phase->repeatable =
            bound.callee_info == NULL || (bound.callee_info->flags & FOUNDRY_NOT_REPEATABLE) == 0;
    }
    fnd_grant_useless(compile, phase);
}

void fnd_compile_phases(struct fnd_compile *compile, const struct fnd_node *phases)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    if (phases->count == 0 || phases->count > FND_PHASES_MAX) {
        fnd_compile_error(compile, phases, phases->count == 0 ? "missing_phases" : "limit",
                          "`phases` has %zu phases, must have 1 to %d", phases->count,
                          FND_PHASES_MAX);
        return;
    }
    pipeline->phases = fnd_alloc(phases->count * sizeof pipeline->phases[0]);
    for (const struct fnd_node *node = phases->child; node != NULL; node = node->next) {
        struct fnd_phase *phase = &pipeline->phases[pipeline->phases_count];
        phase->index = pipeline->phases_count;
        shape_read(compile, node, phase);
        pipeline->phases_count++;
    }
    for (size_t i = 0; i < pipeline->phases_count; i++) {
        phase_bind(compile, &pipeline->phases[i]);
    }
}

const struct fnd_node *fnd_compile_with(const struct fnd_compile *compile,
                                        const struct fnd_phase *phase)
{
    const struct fnd_node *node = compile->nodes[phase->index];
    const struct fnd_node *with = node != NULL ? fnd_node_member(node, "with") : NULL;
    return with != NULL && with->kind == FND_NODE_MAP ? with : NULL;
}

const struct fnd_pipeline *fnd_compile_pipeline(const struct fnd_compile *compile)
{
    return compile->pipeline;
}
