/* SPDX-License-Identifier: MIT */
/* `uses:` to code: a plugin's phase, detector or trainer, found, named in the pin, and granted its
 * needs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/compile.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { TRAINER_MEMORY_TIMES = 4 };

/* Of a worker, where the caller does not say. A sanitizer's shadow needs all the address space. */
static const struct fnd_limits limits_standard = {
    .memory_bytes = SANITIZED ? 0 : UINT64_C(1) << 30,
    .file_bytes = UINT64_C(1) << 30,
    .files = 64,
};

/* `uses` taken apart. */
struct use {
    char *plugin; /* id, or the file as written */
    char *name;   /* of the phase, detector or trainer */
    bool file;
};

static void use_finish(struct use *use)
{
    free(use->plugin);
    free(use->name);
}

static bool use_parse(struct fnd_compile *compile, const struct fnd_node *node, struct use *use)
{
    const char *text = node->text;
    *use = (struct use){.file = text[0] == '/' || strncmp(text, "./", 2) == 0 ||
                                strncmp(text, "../", 3) == 0};
    const char *mark = use->file ? strrchr(text, '#') : strchr(text, '/');
    if (mark == NULL || mark == text || mark[1] == '\0' ||
        (!use->file && strchr(mark + 1, '/') != NULL)) {
        fnd_compile_error(compile, node, "invalid_value",
                          "`uses` is `%s`, must be PLUGIN/PHASE such as text/uppercase, or "
                          "./file.so#PHASE",
                          text);
        return false;
    }
    use->plugin = fnd_strndup(text, (size_t)(mark - text));
    use->name = fnd_strdup(mark + 1);
    return true;
}

/* The pinned hash of a plugin. */
static bool pinned_hash(struct fnd_compile *compile, const struct fnd_node *node, const char *key,
                        uint8_t hash[FND_DIGEST_SIZE])
{
    const struct fnd_json entry = fnd_json_member(fnd_json_member(compile->pin, "plugins"), key);
    char *text = fnd_json_strdup(fnd_json_member(entry, "sha256"));
    const bool found = text != NULL && fnd_unhex(text, strlen(text), hash, FND_DIGEST_SIZE);
    if (!found) {
        fnd_compile_error(compile, node, "damaged_pin",
                          "the pin does not say which `%s` it ran with", key);
    }
    free(text);
    return found;
}

static enum fnd_status source_find(struct fnd_compile *compile, const struct use *use,
                                   const uint8_t *want, const struct fnd_plugin_info **info,
                                   int *fd, struct fnd_error *error)
{
    const struct fnd_plugin_source *source = compile->options->plugins;
    if (!use->file) {
        return source->find(source->context, use->plugin, want, info, fd, error);
    }
    struct fnd_text path = {0};
    if (use->plugin[0] != '/' && compile->folder != NULL) {
        fnd_text_printf(&path, "%s/", compile->folder);
    }
    /* A pinned one is found by its hash; its path is only a name then. */
    fnd_text_append_z(&path, use->plugin + (strncmp(use->plugin, "./", 2) == 0 ? 2 : 0));
    const enum fnd_status status =
        source->file(source->context, fnd_text_z(&path), want, info, fd, error);
    fnd_text_finish(&path);
    return status;
}

static void used_note(struct fnd_compile *compile, const char *key,
                      const struct fnd_plugin_info *info)
{
    for (size_t i = 0; i < compile->used_count; i++) {
        if (strcmp(compile->used[i].key, key) == 0) {
            return;
        }
    }
    compile->used = fnd_realloc(compile->used, compile->used_count + 1, sizeof compile->used[0]);
    compile->used[compile->used_count++] = (struct fnd_used){fnd_strdup(key), info};
}

static bool plugin_find(struct fnd_compile *compile, const struct fnd_node *node,
                        const struct use *use, struct fnd_bound *bound, int *fd)
{
    uint8_t hash[FND_DIGEST_SIZE];
    const uint8_t *want = NULL;
    struct fnd_error error = {0};
    if (compile->pin.bytes != NULL) {
        if (!pinned_hash(compile, node, use->plugin, hash)) {
            return false;
        }
        want = hash;
    }
    const struct fnd_plugin_info *info = NULL;
    const enum fnd_status status = source_find(compile, use, want, &info, fd, &error);
    if (status != FND_OK) {
        const char *code = status != FND_NOT_FOUND ? "bad_plugin"
                           : want != NULL          ? "missing_plugin"
                                                   : "unknown_plugin";
        error.code[0] = '\0'; /* one code a kind of failure, whoever found it */
        fnd_compile_error_take(compile, node, code, &error);
        return false;
    }
    if (want != NULL && memcmp(info->hash, want, FND_DIGEST_SIZE) != 0) {
        fnd_error_set(&error, FND_DAMAGED,
                      "plugin `%s` is not the one that was pinned: its SHA-256 is another",
                      use->plugin);
        fnd_compile_error_take(compile, node, "bad_plugin", &error);
        return false;
    }
    used_note(compile, use->plugin, info);
    bound->info = info;
    return true;
}

/* What else of that name there is, and where it belongs. */
static bool other_callee(const struct fnd_plugin_info *info, const char *name,
                         struct fnd_text *hint)
{
    static const char *const places[] = {
        "", ", to be named in the `detectors` of a foundry/human phase",
        ", to be named as the `trainer` of one of the pipeline's `models`"};
    for (int kind = FND_CALLEE_PHASE; kind <= FND_CALLEE_TRAINER; kind++) {
        if (fnd_plugin_info_callee(info, (enum fnd_callee_kind)kind, name) != NULL) {
            fnd_text_printf(hint, "; `%s` is a %s%s", name,
                            fnd_callee_kind_name((enum fnd_callee_kind)kind), places[kind]);
            return true;
        }
    }
    return false;
}

static void unknown_callee(struct fnd_compile *compile, const struct fnd_node *node,
                           const struct use *use, const struct fnd_plugin_info *info,
                           enum fnd_callee_kind kind)
{
    static const char *const codes[] = {"unknown_phase", "unknown_detector", "unknown_trainer"};
    size_t count = 0;
    const struct fnd_callee_info *list = fnd_plugin_info_list(info, kind, &count);
    struct fnd_text hint = {0};
    const char **names = fnd_alloc((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = list[i].name;
    }
    if (!other_callee(info, use->name, &hint)) {
        fnd_suggest(&hint, use->name, names);
        for (size_t i = 0; i < count && hint.size < 300; i++) {
            fnd_text_printf(&hint, "%s%s", i > 0 ? ", " : "; it has ", names[i]);
        }
        fnd_text_append_z(&hint, count == 0 ? "; it has none" : "");
    }
    fnd_compile_error(compile, node, codes[kind], "plugin `%s` %s has no %s `%s`%s", use->plugin,
                      info->version, fnd_callee_kind_name(kind), use->name, fnd_text_z(&hint));
    fnd_text_finish(&hint);
    free(names);
}

/* Compile one of the plugin's schemas; it is the plugin's fault if that fails. */
static bool plugin_schema(struct fnd_compile *compile, const struct fnd_node *node,
                          const char *which, const char *uses, const char *json,
                          struct fnd_schema **schema)
{
    struct fnd_text name = {0};
    struct fnd_error error = {0};
    bool fine = true;
    fnd_text_printf(&name, "%s schema of %s", which, uses);
    if (json != NULL &&
        fnd_schema_create(fnd_text_z(&name), json, strlen(json), schema, &error) != FND_OK) {
        error.status = FND_PLUGIN;
        error.code[0] = '\0';
        fnd_compile_error_take(compile, node, "bad_plugin", &error);
        fine = false;
    }
    fnd_text_finish(&name);
    return fine;
}

static bool bind_uses(struct fnd_compile *compile, const struct fnd_node *uses,
                      enum fnd_callee_kind kind, struct fnd_phase *phase, struct fnd_bound *bound)
{
    struct use use = {0};
    int fd = -1;
    bool fine = false;
    if (!use_parse(compile, uses, &use) || !plugin_find(compile, uses, &use, bound, &fd)) {
        goto out;
    }
    bound->callee_info = fnd_plugin_info_callee(bound->info, kind, use.name);
    if (bound->callee_info == NULL) {
        unknown_callee(compile, uses, &use, bound->info, kind);
        goto out;
    }
    if (!plugin_schema(compile, uses, "config", bound->uses, bound->callee_info->config_schema,
                       &bound->config_schema) ||
        (kind == FND_CALLEE_PHASE &&
         !plugin_schema(compile, uses, "output", bound->uses, bound->callee_info->output_schema,
                        &bound->output_schema))) {
        goto out;
    }
    const struct fnd_limits *limits = compile->options->limits;
    if (limits == NULL ||
        (limits->memory_bytes == 0 && limits->file_bytes == 0 && limits->files == 0)) {
        limits = &limits_standard;
    }
    bound->callee = (struct fnd_callee){
        .plugin = bound->info->id,
        .name = bound->callee_info->name,
        .kind = kind,
        .fd = fd,
        .path = bound->info->path,
        .isolation = phase->isolation,
        .limits = *limits,
        .config_schema = bound->config_schema,
    };
    bound->callee.limits.result_bytes = phase->result_bytes;
    if (kind == FND_CALLEE_TRAINER) {
        bound->callee.limits.memory_bytes *= TRAINER_MEMORY_TIMES; /* it holds all examples */
    }
    memcpy(bound->callee.hash, bound->info->hash, FND_DIGEST_SIZE);
    fnd_grant_needs(compile, uses, phase, bound);
    fine = true;
out:
    use_finish(&use);
    return fine;
}

bool fnd_compile_bind_keep(struct fnd_compile *compile, const struct fnd_node *uses,
                           const struct fnd_node *with, enum fnd_callee_kind kind,
                           struct fnd_phase *phase, struct fnd_bound *bound)
{
    const size_t seen = compile->errors_seen;
    *bound = (struct fnd_bound){.callee.fd = -1};
    bound->uses = fnd_strdup(uses->text);
    bound->line = uses->line;
    bound->column = uses->column;
    const bool known = bind_uses(compile, uses, kind, phase, bound);
    if (!known) {
        /* What it would need is not known, so no grant can be called useless. */
        compile->grants[phase->index].bound = false;
    }
    fnd_compile_with_bound(compile, with, !known, phase, bound);
    return compile->errors_seen == seen;
}

bool fnd_compile_bind(struct fnd_compile *compile, const struct fnd_node *uses,
                      const struct fnd_node *with, enum fnd_callee_kind kind,
                      struct fnd_phase *phase, struct fnd_bound *bound)
{
    static const char *const likes[] = {"PHASE such as text/uppercase",
                                        "DETECTOR such as detect/low-confidence",
                                        "TRAINER such as invoice/train"};
    *bound = (struct fnd_bound){.callee.fd = -1};
    if (uses->kind != FND_NODE_STRING) {
        fnd_compile_error(compile, uses, "wrong_type", "`uses` is %s, must be PLUGIN/%s",
                          fnd_node_kind_name(uses->kind), likes[kind]);
        return false;
    }
    const bool fine = fnd_compile_bind_keep(compile, uses, with, kind, phase, bound);
    if (!fine) {
        fnd_bound_finish(bound);
    }
    return fine;
}

void fnd_bound_finish(struct fnd_bound *bound)
{
    free(bound->uses);
    fnd_schema_destroy(bound->config_schema);
    fnd_schema_destroy(bound->output_schema);
    fnd_template_finish(&bound->with);
    free(bound->constant);
    free(bound->grant_write);
    for (size_t i = 0; i < bound->reads_count; i++) {
        free(bound->reads[i]);
    }
    free(bound->reads);
    *bound = (struct fnd_bound){.callee.fd = -1};
}
