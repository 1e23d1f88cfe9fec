/* SPDX-License-Identifier: MIT */
/* The top level of a pipeline file, but for params and phases; and the files it names. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pipeline/compile.h"

static const struct fnd_shape file_shapes[] = {
    {"foundry", FND_SHAPE_STRING, true, "v1"},
    {"name", FND_SHAPE_STRING, true, "a name such as invoice-ocr"},
    {"summary", FND_SHAPE_STRING, false, "a line of text"},
    {"inputs", 0, false, "a map such as {match: [\"*.png\"]}"},
    {"params", FND_SHAPE_MAP, false, "a map such as {threshold: {type: number, default: 0.9}}"},
    {"defaults", 0, false, "a map such as {timeout: 60s}"},
    {"phases", FND_SHAPE_LIST, true, "a list of phases"},
    {"models", FND_SHAPE_MAP, false, "a map such as {invoice: {phase: extract, of: review, …}}"},
    {"notify", FND_SHAPE_LIST, false, "a list such as [{url: https://…, on: [asked]}]"},
    {"export", FND_SHAPE_MAP, false, "a map such as {sft: {format: gemini, of: review}}"},
    {NULL},
};
static const char *const file_later[] = {"if",    "for_each", "needs",    "pool", "pools",
                                         "cache", "learn",    "triggers", NULL};
static const struct fnd_shape inputs_shapes[] = {
    {"match", FND_SHAPE_LIST, false, "a list of file patterns such as [\"*.png\"]"},
    {"keep", FND_SHAPE_STRING, false, "bytes or reference"},
    {NULL},
};
static const struct fnd_shape defaults_shapes[] = {
    {"timeout", 0, false, "a duration such as 60s"},
    {"retry", 0, false, "a map such as {max: 2, backoff: 1s}"},
    {"isolation", FND_SHAPE_STRING, false, "sandbox, best-effort, process or inline"},
    {"result_max", 0, false, "a size such as 64MiB"},
    {NULL},
};

static void head_check(struct fnd_compile *compile, const struct fnd_node *root)
{
    const struct fnd_node *version = fnd_shape_member(root, file_shapes, "foundry");
    const struct fnd_node *name = fnd_shape_member(root, file_shapes, "name");
    if (version != NULL && strcmp(version->text, "v1") != 0) {
        fnd_compile_error(compile, version, "unknown_version",
                          "`foundry` is %s, and this engine reads v1 files", version->text);
    }
    if (name == NULL) {
        return;
    }
    const size_t size = strlen(name->text);
    if (size == 0 || size > FND_NAME_SIZE_MAX ||
        strspn(name->text, "abcdefghijklmnopqrstuvwxyz0123456789-") != size) {
        fnd_compile_error(compile, name, "bad_name",
                          "`%s` cannot be a pipeline's name: lower case letters, digits and -, %d "
                          "bytes at most",
                          name->text, FND_NAME_SIZE_MAX);
    }
    compile->pipeline->name = fnd_strdup(name->text);
}

void fnd_compile_inputs(struct fnd_compile *compile, const struct fnd_node *inputs)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    if (!fnd_shape_check(compile, inputs, "`inputs`", inputs_shapes, NULL)) {
        return;
    }
    const struct fnd_node *match = fnd_shape_member(inputs, inputs_shapes, "match");
    const struct fnd_node *keep = fnd_shape_member(inputs, inputs_shapes, "keep");
    if (match != NULL && match->count == 0) {
        fnd_compile_error(compile, match, "invalid_value",
                          "`match` is empty and so takes no file; leave it out to take every file");
    } else if (match != NULL) {
        size_t count = 0;
        pipeline->match = fnd_alloc((match->count + 1) * sizeof pipeline->match[0]);
        for (const struct fnd_node *item = match->child; item != NULL; item = item->next) {
            if (item->kind != FND_NODE_STRING || item->text[0] == '\0' || item->text[0] == '/') {
                fnd_compile_error(compile, item, "wrong_type",
                                  "`match` holds %s, must hold patterns relative to the job "
                                  "directory, such as \"*.png\"",
                                  item->text != NULL && item->text[0] != '\0'
                                      ? item->text
                                      : fnd_node_kind_name(item->kind));
                continue;
            }
            pipeline->match[count++] = fnd_strdup(item->text);
        }
    }
    if (keep != NULL) {
        pipeline->keep_reference = strcmp(keep->text, "reference") == 0;
        if (!pipeline->keep_reference && strcmp(keep->text, "bytes") != 0) {
            fnd_compile_error(compile, keep, "invalid_value",
                              "`keep` is %s, must be bytes or reference", keep->text);
        }
    }
}

void fnd_compile_defaults(struct fnd_compile *compile, const struct fnd_node *defaults)
{
    if (fnd_shape_check(compile, defaults, "`defaults`", defaults_shapes, NULL)) {
        fnd_compile_policy(compile, defaults, defaults_shapes, &compile->timeout_ms,
                           &compile->retry, &compile->isolation, &compile->result_bytes);
    }
}

/* A member of an export entry that must be text; NULL with an error if it is not. */
static const struct fnd_node *export_text(struct fnd_compile *compile, const struct fnd_node *entry,
                                          const char *key)
{
    const struct fnd_node *node = fnd_node_member(entry, key);
    if (node != NULL && node->kind != FND_NODE_STRING) {
        fnd_compile_error(compile, node, "wrong_type", "`%s` is %s, must be text", key,
                          fnd_node_kind_name(node->kind));
        return NULL;
    }
    return node;
}

static void export_read(struct fnd_compile *compile, const struct fnd_node *entry,
                        struct fnd_export *export)
{
    export->name = fnd_strdup(entry->key);
    export->of = -1;
    if (!fnd_id_valid(entry->key)) {
        fnd_compile_error_key(compile, entry, "bad_name",
                              "`%s` cannot be an export's name: lower case letters, digits, _ and "
                              "-, a letter first",
                              entry->key);
    }
    if (entry->kind != FND_NODE_MAP) {
        fnd_compile_error(compile, entry, "wrong_type",
                          "export `%s` is %s, must be a map such as {format: gemini, of: review}",
                          entry->key, fnd_node_kind_name(entry->kind));
        return;
    }
    if (fnd_node_member(entry, "format") == NULL) {
        fnd_compile_error(compile, entry, "missing_key",
                          "export `%s` lacks `format`, such as gemini", entry->key);
    }
    const struct fnd_node *format = export_text(compile, entry, "format");
    const struct fnd_node *of = export_text(compile, entry, "of");
    export->format = fnd_strdup(format != NULL ? format->text : "");
    if (of != NULL) {
        export->of = fnd_compile_index(compile, of->text);
        if (export->of < 0) {
            const struct fnd_phase after_all = {.index = compile->pipeline->phases_count};
            fnd_compile_phase(compile, &after_all, of);
        }
    }
    export->json = fnd_compile_constant(compile, entry);
}

void fnd_compile_exports(struct fnd_compile *compile, const struct fnd_node *exports)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    pipeline->exports = fnd_alloc((exports->count + 1) * sizeof pipeline->exports[0]);
    for (const struct fnd_node *node = exports->child; node != NULL; node = node->next) {
        if (strcmp(node->key, "redact") == 0) { /* of all entries; no entry has this name */
            fnd_compile_redact(compile, node);
        } else {
            export_read(compile, node, &pipeline->exports[pipeline->exports_count++]);
        }
    }
}

void fnd_compile_root(struct fnd_compile *compile)
{
    const struct fnd_node *root = compile->root;
    if (!fnd_shape_check(compile, root, "a pipeline", file_shapes, file_later)) {
        return;
    }
    const struct fnd_node *inputs = fnd_shape_member(root, file_shapes, "inputs");
    const struct fnd_node *defaults = fnd_shape_member(root, file_shapes, "defaults");
    const struct fnd_node *phases = fnd_shape_member(root, file_shapes, "phases");
    const struct fnd_node *exports = fnd_shape_member(root, file_shapes, "export");
    head_check(compile, root);
    if (inputs != NULL) {
        fnd_compile_inputs(compile, inputs);
    }
    fnd_compile_params(compile, fnd_shape_member(root, file_shapes, "params"));
    if (defaults != NULL) {
        fnd_compile_defaults(compile, defaults);
    }
    const struct fnd_node *models = fnd_shape_member(root, file_shapes, "models");
    if (models != NULL) {
        fnd_compile_models_names(compile, models);
    }
    if (phases != NULL) {
        fnd_compile_phases(compile, phases);
    }
    if (models != NULL) {
        fnd_compile_models(compile, models);
    }
    const struct fnd_node *notify = fnd_shape_member(root, file_shapes, "notify");
    if (notify != NULL) {
        fnd_compile_notify(compile, notify);
    }
    if (exports != NULL) {
        fnd_compile_exports(compile, exports);
    }
}

/* The bytes of a named file, out of the pin or from disk. */
static bool file_bytes(struct fnd_compile *compile, const struct fnd_node *node,
                       struct fnd_text *bytes)
{
    struct fnd_error error = {0};
    if (compile->pin.bytes != NULL) {
        const struct fnd_json text =
            fnd_json_member(fnd_json_member(compile->pin, "files"), node->text);
        if (text.bytes == NULL || !fnd_json_text(text, bytes)) {
            fnd_compile_error(compile, node, "damaged_pin", "the pin does not hold the file `%s`",
                              node->text);
            return false;
        }
        return true;
    }
    struct fnd_text path = {0};
    if (node->text[0] != '/') {
        fnd_text_printf(&path, "%s/", compile->folder);
    }
    fnd_text_append_z(&path, node->text);
    const enum fnd_status status =
        fnd_file_read(AT_FDCWD, fnd_text_z(&path), FND_NAMED_FILE_SIZE_MAX, bytes, &error);
    fnd_text_finish(&path);
    if (status != FND_OK) {
        error.code[0] = '\0';
        fnd_compile_error_take(compile, node, "bad_file", &error);
        return false;
    }
    if (!fnd_utf8_valid(fnd_text_z(bytes), bytes->size) ||
        memchr(fnd_text_z(bytes), '\0', bytes->size) != NULL) {
        fnd_compile_error(compile, node, "bad_file",
                          "`%s` is not UTF-8 text, which the files that a pipeline names must be",
                          node->text);
        return false;
    }
    return true;
}

bool fnd_compile_file(struct fnd_compile *compile, const struct fnd_node *node, const char **bytes,
                      size_t *size)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    if (node->kind != FND_NODE_STRING || node->text[0] == '\0') {
        fnd_compile_error(compile, node, "wrong_type", "%s where the name of a file must stand",
                          node->kind == FND_NODE_STRING ? "empty text"
                                                        : fnd_node_kind_name(node->kind));
        return false;
    }
    for (size_t i = 0; i < pipeline->files_count; i++) {
        if (strcmp(pipeline->files[i].path, node->text) == 0) {
            *bytes = pipeline->files[i].bytes;
            *size = pipeline->files[i].size;
            return true;
        }
    }
    struct fnd_text text = {0};
    if (!file_bytes(compile, node, &text)) {
        fnd_text_finish(&text);
        return false;
    }
    pipeline->files =
        fnd_realloc(pipeline->files, pipeline->files_count + 1, sizeof pipeline->files[0]);
    struct fnd_named_file *file = &pipeline->files[pipeline->files_count++];
    file->path = fnd_strdup(node->text);
    file->size = text.size;
    file->bytes = fnd_text_take(&text);
    *bytes = file->bytes;
    *size = file->size;
    return true;
}
