/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* realpath() */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pipeline/compile.h"

/* The pin puts one more level around the file. */
enum { DEPTH_MAX = FND_JSON_DEPTH_MAX - 1 };
enum { TIMEOUT_STANDARD_MS = 60 * 1000, RETRIES_STANDARD = 2, BACKOFF_STANDARD_MS = 1000 };

static void compile_begin(struct fnd_compile *compile, const struct fnd_pipeline_options *options,
                          struct fnd_errors *errors)
{
    *compile = (struct fnd_compile){
        .pipeline = fnd_alloc(sizeof *compile->pipeline),
        .options = options,
        .errors = errors,
        .timeout_ms = TIMEOUT_STANDARD_MS,
        .retry = {.max = RETRIES_STANDARD,
                  .backoff_ms = BACKOFF_STANDARD_MS,
                  .when = FND_RETRY_TRANSIENT | FND_RETRY_TIMEOUT | FND_RETRY_CRASH},
        .isolation = options->isolation,
        .result_bytes = FND_WORKER_RESULT_SIZE_MAX,
    };
}

static void canonical(struct fnd_pipeline *pipeline, const struct fnd_node *root)
{
    struct fnd_text json = {0}, sorted = {0};
    fnd_node_json(root, &json);
    fnd_json_canonical((struct fnd_json){fnd_text_z(&json), json.size}, &sorted);
    pipeline->canonical = fnd_text_take(&sorted);
    fnd_text_finish(&json);
}

/* Compile the tree and hand the pipeline over, or not. */
static enum fnd_status compile_end(struct fnd_compile *compile, struct fnd_tree *tree,
                                   struct fnd_pipeline **pipeline)
{
    enum fnd_status status = FND_OK;
    compile->pipeline->tree = tree;
    compile->root = fnd_tree_root(tree);
    canonical(compile->pipeline, compile->root);
    const char *json = compile->pipeline->canonical;
    if (fnd_json_depth((struct fnd_json){json, strlen(json)}) > DEPTH_MAX) {
        fnd_compile_error(compile, compile->root, "limit", "the file is nested over %d levels deep",
                          DEPTH_MAX);
    } else {
        fnd_compile_root(compile);
    }
    if (compile->errors_seen == 0) {
        fnd_pin_make(compile);
        *pipeline = compile->pipeline;
        compile->pipeline = NULL;
    } else {
        fnd_errors_sort(compile->errors);
        status = compile->only_plugins ? FND_PLUGIN : FND_INVALID;
    }
    return status;
}

static void compile_finish(struct fnd_compile *compile)
{
    for (size_t i = 0; i < compile->used_count; i++) {
        free(compile->used[i].key);
    }
    free(compile->used);
    free(compile->folder);
    fnd_pipeline_destroy(compile->pipeline);
}

/* The folder of a file, absolute. malloc'ed. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? fnd_strdup(".")
                   : slash == path ? fnd_strdup("/")
                                   : fnd_strndup(path, (size_t)(slash - path));
    char *absolute = realpath(folder, NULL);
    if (absolute == NULL) {
        return folder; /* gone meanwhile: what is looked for in it will say so */
    }
    free(folder);
    return absolute;
}

enum fnd_status fnd_pipeline_load(const char *path, const struct fnd_pipeline_options *options,
                                  struct fnd_pipeline **pipeline, struct fnd_errors *errors,
                                  struct fnd_text *source)
{
    struct fnd_text bytes = {0};
    struct fnd_error error = {0};
    struct fnd_tree *tree = NULL;
    struct fnd_compile compile;
    enum fnd_status status = fnd_file_read(AT_FDCWD, path, FND_CONFIG_SIZE_MAX, &bytes, &error);
    if (status != FND_OK) {
        fnd_error_place(&error, path, 0, 0);
        if (error.code[0] == '\0') {
            fnd_error_code(&error, status == FND_NOT_FOUND ? "no_file" : "bad_file");
        }
        fnd_errors_take(errors, &error);
        goto out;
    }
    if (source != NULL) {
        fnd_text_append(source, fnd_text_z(&bytes), bytes.size);
    }
    status = fnd_tree_parse_yaml(path, fnd_text_z(&bytes), bytes.size, &tree, errors);
    if (status != FND_OK) {
        goto out;
    }
    compile_begin(&compile, options, errors);
    compile.pipeline->file = fnd_strdup(path);
    compile.file = fnd_tree_file(tree);
    compile.folder = folder_of(path);
    status = compile_end(&compile, tree, pipeline);
    compile_finish(&compile);
out:
    fnd_text_finish(&bytes);
    return status;
}

enum fnd_status fnd_pipeline_load_pin(const char *pin, size_t size,
                                      const struct fnd_pipeline_options *options,
                                      struct fnd_pipeline **pipeline, struct fnd_errors *errors)
{
    struct fnd_compile compile;
    struct fnd_text text = {0}, file = {0};
    struct fnd_tree *tree = NULL;
    enum fnd_status status = FND_INVALID;
    compile_begin(&compile, options, errors);
    compile.file = "pin";
    if (!fnd_pin_check(&compile, pin, size)) {
        goto out;
    }
    char *name = fnd_json_strdup(fnd_json_member(compile.pin, "name"));
    fnd_text_printf(&file, "pin of %s", name);
    free(name);
    fnd_json_canonical(fnd_json_member(compile.pin, "canonical"), &text);
    status = fnd_tree_parse_json(fnd_text_z(&file), text.bytes, text.size, &tree, errors);
    if (status != FND_OK) {
        goto out;
    }
    compile.pipeline->file = fnd_strdup(fnd_text_z(&file));
    compile.file = fnd_tree_file(tree);
    status = compile_end(&compile, tree, pipeline);
out:
    if (status != FND_OK && compile.first != FND_OK) {
        status = compile.first;
    }
    compile_finish(&compile);
    fnd_text_finish(&text);
    fnd_text_finish(&file);
    return status;
}

static void phases_destroy(struct fnd_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->phases_count; i++) {
        struct fnd_phase *phase = &pipeline->phases[i];
        if (phase->prepared != NULL && phase->kind->unprepare != NULL) {
            phase->kind->unprepare(phase->prepared);
        }
        fnd_bound_finish(&phase->bound);
        free(phase->id);
        free(phase->pool);
    }
    free(pipeline->phases);
}

void fnd_pipeline_destroy(struct fnd_pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    phases_destroy(pipeline);
    for (size_t i = 0; i < pipeline->params_count; i++) {
        free(pipeline->params[i].name);
        free(pipeline->params[i].type);
        free(pipeline->params[i].value);
        free(pipeline->params[i].summary);
    }
    for (size_t i = 0; i < pipeline->exports_count; i++) {
        free(pipeline->exports[i].name);
        free(pipeline->exports[i].format);
        free(pipeline->exports[i].json);
    }
    for (size_t i = 0; i < pipeline->files_count; i++) {
        free(pipeline->files[i].path);
        free(pipeline->files[i].bytes);
    }
    for (char **glob = pipeline->match; glob != NULL && *glob != NULL; glob++) {
        free(*glob);
    }
    free(pipeline->params);
    fnd_hooks_finish(pipeline);
    fnd_models_finish(pipeline);
    free(pipeline->exports);
    free(pipeline->files);
    free(pipeline->match);
    fnd_tree_destroy(pipeline->tree);
    free(pipeline->name);
    free(pipeline->file);
    free(pipeline->canonical);
    free(pipeline->pin);
    free(pipeline);
}

const struct fnd_phase *fnd_pipeline_phase(const struct fnd_pipeline *pipeline, const char *id)
{
    for (size_t i = 0; i < pipeline->phases_count; i++) {
        if (strcmp(pipeline->phases[i].id, id) == 0) {
            return &pipeline->phases[i];
        }
    }
    return NULL;
}
