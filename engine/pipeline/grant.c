/* SPDX-License-Identifier: MIT */
/* What a plugin declares that it needs, the pipeline must grant; what nobody needs, it must not. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

enum { READS_MAX = 64 };

static const struct fnd_shape shapes[] = {
    {"write", FND_SHAPE_STRING, false, "a folder inside the job directory, such as out"},
    {"read", FND_SHAPE_LIST, false, "a list of absolute paths"},
    {NULL},
};
static const char *const later[] = {"network", "exec", NULL};

/* The first step that may not stand in a path, or NULL. */
static const char *step_refused(const char *path)
{
    for (const char *at = path; at != NULL;) {
        const size_t size = strcspn(at, "/");
        if (size == 2 && strncmp(at, "..", 2) == 0) {
            return "..";
        }
        if (size == 8 && strncmp(at, ".foundry", 8) == 0) {
            return ".foundry";
        }
        at = at[size] == '/' ? at + size + 1 : NULL;
    }
    return NULL;
}

static bool folder_check(struct fnd_compile *compile, const struct fnd_node *node)
{
    const char *step = step_refused(node->text);
    if (node->text[0] == '\0' || node->text[0] == '/' || step != NULL) {
        fnd_compile_error(compile, node, "bad_grant",
                          "`write` is `%s`, must be a folder inside the job directory, such as "
                          "out%s%s",
                          node->text, step != NULL ? ", without " : "", step != NULL ? step : "");
        return false;
    }
    return true;
}

static bool reads_check(struct fnd_compile *compile, const struct fnd_node *list)
{
    bool fine = true;
    if (list->count > READS_MAX) {
        fnd_compile_error(compile, list, "limit", "`read` has %zu paths, at most %d are taken",
                          list->count, READS_MAX);
        return false;
    }
    for (const struct fnd_node *item = list->child; item != NULL; item = item->next) {
        if (item->kind != FND_NODE_STRING || item->text[0] != '/') {
            fnd_compile_error(compile, item, "bad_grant",
                              "`read` holds %s, must hold absolute paths such as /opt/models",
                              item->text != NULL ? item->text : fnd_node_kind_name(item->kind));
            fine = false;
        }
    }
    return fine;
}

void fnd_grant_read(struct fnd_compile *compile, const struct fnd_node *node,
                    struct fnd_grant *grant)
{
    const size_t seen = compile->errors_seen;
    if (fnd_shape_check(compile, node, "`grant`", shapes, later)) {
        const struct fnd_node *write = fnd_shape_member(node, shapes, "write");
        const struct fnd_node *read = fnd_shape_member(node, shapes, "read");
        grant->write = write != NULL && folder_check(compile, write) ? write : NULL;
        grant->read = read != NULL && reads_check(compile, read) ? read : NULL;
    }
    grant->spoiled = compile->errors_seen > seen;
}

/* Whether `path` is `folder` or lies below it. */
static bool below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/') {
        size--;
    }
    return strncmp(path, folder, size) == 0 &&
           (path[size] == '\0' || path[size] == '/' || folder[size - 1] == '/');
}

static bool share(const char *path)
{
    return below(path, "/usr/share") && step_refused(path) == NULL;
}

static void need_write(struct fnd_compile *compile, const struct fnd_node *uses,
                       struct fnd_grant *grant, struct fnd_bound *bound)
{
    if (grant->write == NULL && grant->spoiled) {
        return;
    }
    if (bound->callee.kind == FND_CALLEE_TRAINER) {
        fnd_compile_error(compile, uses, "grant_unsupported",
                          "%s writes files, which no trainer can be granted: take another trainer",
                          bound->uses);
        return;
    }
    if (grant->write == NULL) {
        fnd_compile_error(compile, uses, "grant_missing",
                          "%s writes files, which the phase must grant: add `grant: {write: out}`",
                          bound->uses);
        return;
    }
    grant->write_used = true;
    const char *folder = compile->options->folder_out;
    if (folder != NULL) {
        struct fnd_text path = {0};
        const size_t size = strlen(folder);
        fnd_text_printf(&path, "%s%s%s", folder, size > 0 && folder[size - 1] == '/' ? "" : "/",
                        grant->write->text);
        while (path.size > 1 && path.bytes[path.size - 1] == '/') {
            path.bytes[--path.size] = '\0';
        }
        free(bound->grant_write);
        bound->grant_write = fnd_text_take(&path);
        bound->callee.grant_write = bound->grant_write;
        bound->callee.grant_base = size;
    }
}

/* What it declares, and no more than that of what is granted, will be open to it. */
static void read_add(struct fnd_bound *bound, const char *path)
{
    bound->reads = fnd_realloc(bound->reads, bound->reads_count + 2, sizeof *bound->reads);
    bound->reads[bound->reads_count++] = fnd_strdup(path);
    bound->reads[bound->reads_count] = NULL;
    bound->callee.reads = (const char *const *)bound->reads;
}

static void need_read(struct fnd_compile *compile, const struct fnd_node *uses,
                      struct fnd_grant *grant, struct fnd_bound *bound, const char *path)
{
    if (share(path)) {
        read_add(bound, path);
        return;
    }
    if (bound->callee.kind == FND_CALLEE_TRAINER) {
        fnd_compile_error(compile, uses, "grant_unsupported",
                          "%s reads %s, which no trainer can be granted: only what lies below "
                          "/usr/share is open to it",
                          bound->uses, path);
        return;
    }
    bool granted = false;
    size_t index = 0;
    const struct fnd_node *item = grant->read != NULL ? grant->read->child : NULL;
    for (; item != NULL; item = item->next, index++) {
        if (below(path, item->text)) {
            granted = true;
            grant->read_used |= UINT64_C(1) << index;
        }
    }
    if (granted && step_refused(path) == NULL) {
        read_add(bound, path);
    } else if (granted) {
        fnd_compile_error(compile, uses, "bad_grant", "%s reads %s, which no grant can open: %s",
                          bound->uses, path, step_refused(path));
    } else if (!grant->spoiled) {
        fnd_compile_error(compile, uses, "grant_missing",
                          "%s reads %s, which the phase must grant: add `grant: {read: [%s]}`",
                          bound->uses, path, path);
    }
}

static bool wanted(struct fnd_json need)
{
    return need.bytes != NULL && fnd_json_type(need) != FND_JSON_FALSE &&
           fnd_json_type(need) != FND_JSON_NULL &&
           !(fnd_json_type(need) == FND_JSON_ARRAY && fnd_json_count(need) == 0);
}

void fnd_grant_needs(struct fnd_compile *compile, const struct fnd_node *uses,
                     struct fnd_phase *phase, struct fnd_bound *bound)
{
    struct fnd_grant *grant = &compile->grants[phase->index];
    struct fnd_json needs = {0};
    if (bound->callee_info->needs == NULL ||
        fnd_json_check(bound->callee_info->needs, strlen(bound->callee_info->needs), NULL, &needs,
                       NULL) != FND_OK) {
        return;
    }
    if (wanted(fnd_json_member(needs, "write"))) {
        need_write(compile, uses, grant, bound);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(needs, "read"));
         fnd_json_next(&walk);) {
        char *path = fnd_json_strdup(walk.value);
        if (path != NULL) {
            need_read(compile, uses, grant, bound, path);
        }
        free(path);
    }
    for (size_t i = 0; later[i] != NULL; i++) {
        if (wanted(fnd_json_member(needs, later[i]))) {
            fnd_compile_error(compile, uses, "grant_unsupported",
                              "%s needs `%s`, which this release cannot grant yet", bound->uses,
                              later[i]);
        }
    }
}

void fnd_grant_useless(struct fnd_compile *compile, const struct fnd_phase *phase)
{
    const struct fnd_grant *grant = &compile->grants[phase->index];
    if (!grant->bound || grant->spoiled) {
        return;
    }
    if (grant->write != NULL && !grant->write_used) {
        fnd_compile_error_key(compile, grant->write, "useless_grant",
                              "`write` is granted, and nothing in phase `%s` asks for it: take it "
                              "out",
                              phase->id);
    }
    size_t index = 0;
    const struct fnd_node *item = grant->read != NULL ? grant->read->child : NULL;
    for (; item != NULL; item = item->next, index++) {
        if ((grant->read_used & UINT64_C(1) << index) == 0) {
            fnd_compile_error(compile, item, "useless_grant",
                              "reading %s is granted, and nothing in phase `%s` asks for it: take "
                              "it out",
                              item->text, phase->id);
        }
    }
}
