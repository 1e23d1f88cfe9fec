/* SPDX-License-Identifier: MIT */
/* Any bytes as a pipeline file, against the plugins of this build (described in this process, so
 * that no worker is needed) and the engine's own phases. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "pipeline/pipeline.h"
#include "plugin/load.h"
#include "review/review.h"

enum { PLUGINS_MAX = 8 };

static struct fnd_plugin_info *plugins[PLUGINS_MAX];
static int plugin_fds[PLUGINS_MAX];
static size_t plugins_count;

static void plugin_add(const char *path)
{
    struct fnd_error error = {0};
    struct fnd_plugin plugin = {0};
    struct fnd_text described = {0};
    FUZZ_CHECK(plugins_count < PLUGINS_MAX, "too many plugins");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && fnd_plugin_load(fd, path, &plugin, &error) == FND_OK, "%s: %s", path,
               error.message);
    fnd_plugin_describe(&plugin, &described);
    struct fnd_plugin_info **info = &plugins[plugins_count];
    FUZZ_CHECK(fnd_plugin_info_parse(described.bytes, described.size, path, info, &error) == FND_OK,
               "%s", error.message);
    memset((*info)->hash, (int)plugins_count + 1, sizeof(*info)->hash);
    plugin_fds[plugins_count++] = fd;
    fnd_text_finish(&described);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static char paths[] = FUZZ_PLUGINS;
    fnd_digest_setup();
    char *left = NULL;
    for (char *path = strtok_r(paths, ":", &left); path != NULL;
         path = strtok_r(NULL, ":", &left)) {
        plugin_add(path);
    }
    return 0;
}

static enum fnd_status find(void *context, const char *id, const uint8_t *want,
                            const struct fnd_plugin_info **info, int *fd, struct fnd_error *error)
{
    (void)context;
    for (size_t i = 0; i < plugins_count; i++) {
        if (strcmp(plugins[i]->id, id) == 0 &&
            (want == NULL || memcmp(plugins[i]->hash, want, FND_DIGEST_SIZE) == 0)) {
            *info = plugins[i];
            *fd = plugin_fds[i];
            return FND_OK;
        }
    }
    return fnd_error_set(error, FND_NOT_FOUND, "no plugin %s on the path", id);
}

static enum fnd_status file(void *context, const char *path, const uint8_t *want,
                            const struct fnd_plugin_info **info, int *fd, struct fnd_error *error)
{
    (void)context;
    (void)want;
    (void)info;
    (void)fd;
    return fnd_error_set(error, FND_NOT_FOUND, "%s is not there", path);
}

/** Errors stand inside the file, in the order of their places, and print. */
static void check_errors(const struct fnd_errors *errors, const char *bytes, size_t size)
{
    struct fnd_text text = {0};
    FUZZ_CHECK(errors->count > 0, "refused without an error");
    for (size_t i = 0; i < errors->count; i++) {
        const struct fnd_error *error = &errors->list[i];
        fuzz_error_check(error, bytes, size);
        FUZZ_CHECK(error->line > 0, "an error without a place: %s", error->message);
        FUZZ_CHECK(error->code[0] != '\0', "an error without a code: %s", error->message);
        FUZZ_CHECK(i == 0 || errors->list[i - 1].line <= error->line, "errors out of order");
    }
    fnd_errors_print(errors, bytes, size, &text);
    FUZZ_CHECK(fnd_utf8_valid(text.bytes, text.size), "what is printed is no UTF-8");
    fnd_text_clear(&text);
    fnd_errors_json(errors, &text);
    (void)fuzz_json(&text, "the errors as JSON");
    fnd_text_finish(&text);
}

static void check_node(const struct fnd_node *node)
{
    size_t count = 0;
    FUZZ_CHECK(node->line > 0 && node->column > 0, "a node without a place");
    for (const struct fnd_node *child = node->child; child != NULL; child = child->next) {
        FUZZ_CHECK((child->key != NULL) == (node->kind == FND_NODE_MAP), "a key out of place");
        count++;
        check_node(child);
    }
    FUZZ_CHECK(count == node->count, "%zu children of %zu", count, node->count);
}

/** A tree that was parsed is JSON, and that JSON gives the same tree. */
static void check_tree(const uint8_t *bytes, size_t size)
{
    struct fnd_errors errors = {0};
    struct fnd_tree *tree = NULL, *again = NULL;
    struct fnd_text first = {0}, second = {0};
    if (fnd_tree_parse_yaml("fuzz.yaml", (const char *)bytes, size, &tree, &errors) != FND_OK) {
        FUZZ_CHECK(tree == NULL, "refused, and a tree");
        check_errors(&errors, (const char *)bytes, size);
        return;
    }
    check_node(fnd_tree_root(tree));
    fnd_node_json(fnd_tree_root(tree), &first);
    (void)fuzz_json(&first, "the tree");
    FUZZ_CHECK(fnd_tree_parse_json("fuzz.json", first.bytes, first.size, &again, &errors) == FND_OK,
               "%s", errors.list[0].message);
    fnd_node_json(fnd_tree_root(again), &second);
    FUZZ_CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0,
               "%s\nis read back as\n%s", fnd_text_z(&first), fnd_text_z(&second));
    fnd_tree_destroy(tree);
    fnd_tree_destroy(again);
    fnd_text_finish(&first);
    fnd_text_finish(&second);
}

/** A pipeline that compiled has a pin, and that compiles to the same pin. */
static void check_pin(const struct fnd_pipeline *pipeline,
                      const struct fnd_pipeline_options *options)
{
    struct fnd_errors errors = {0};
    struct fnd_pipeline *pinned = NULL;
    FUZZ_CHECK(pipeline->phases_count > 0 && pipeline->phases_count <= FND_PHASES_MAX, "%zu phases",
               pipeline->phases_count);
    FUZZ_CHECK(fnd_pipeline_load_pin(pipeline->pin, strlen(pipeline->pin), options, &pinned,
                                     &errors) == FND_OK,
               "its own pin is refused: %s", errors.list[0].message);
    FUZZ_CHECK(strcmp(pinned->pin, pipeline->pin) == 0, "%s\npinned again is\n%s", pipeline->pin,
               pinned->pin);
    fnd_pipeline_destroy(pinned);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fnd_plugin_source source = {find, file, NULL};
    const struct fnd_pipeline_options options = {.plugins = &source,
                                                 .kinds = fnd_review_kinds(),
                                                 .isolation = FND_ISOLATION_SANDBOX,
                                                 .folder_out = "/jobs"};
    struct fnd_text path = {0};
    struct fnd_pipeline *pipeline = NULL;
    struct fnd_errors errors = {0};
    check_tree(bytes, size);
    fnd_text_printf(&path, "%s/fuzz.yaml", fuzz_folder());
    const int fd = open(path.bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && fnd_write_all(fd, bytes, size) == 0, "cannot write %s", path.bytes);
    (void)close(fd);
    if (fnd_pipeline_load(path.bytes, &options, &pipeline, &errors, NULL) == FND_OK) {
        check_pin(pipeline, &options);
        fnd_pipeline_destroy(pipeline);
    } else {
        check_errors(&errors, (const char *)bytes, size);
    }
    fnd_text_finish(&path);
    return 0;
}
