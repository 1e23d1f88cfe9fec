/* SPDX-License-Identifier: MIT */
/* `plugins test`: find the plugin and become foundry-conform, which misuses it in processes of
 * their own; there is one such host, the SDK's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"
#include "command/source.h"
#include "worker/process.h"

/** Become the program, with the worker that this engine would use.  Returns only with an error. */
static enum fnd_status become(const char *program, char **argv, struct fnd_error *error)
{
    char *worker = fnd_worker_program(NULL, error);
    if (worker == NULL) {
        return FND_PLUGIN;
    }
    (void)setenv("FOUNDRY_WORKER", worker, 1);
    free(worker);
    (void)execv(program, argv);
    return fnd_error_errno(error, FND_NOT_FOUND, errno,
                           "cannot run %s, which tests plugins; it is installed with the SDK",
                           program);
}

int fnd_command_plugins_test(struct fnd_app *app)
{
    const char *name = app->arguments.operands[0];
    struct fnd_source source = {0};
    struct fnd_error error = {0};
    const struct fnd_plugin_info *info = NULL;
    const char **cases = fnd_arguments_list(&app->arguments, FND_OPTION_CASES);
    char **argv = NULL;
    size_t count = 0, used = 0;
    const size_t size = strlen(name);
    const bool file =
        strchr(name, '/') != NULL || (size > 3 && strcmp(name + size - 3, ".so") == 0);
    int fd = -1;
    enum fnd_status status = fnd_source_open(app, &source, &error);
    if (status == FND_OK) {
        status = file ? source.plugins.file(&source, name, NULL, &info, &fd, &error)
                      : fnd_catalog_find(source.catalog, name, &info, &error);
    }
    if (status != FND_OK) {
        goto out;
    }
    while (cases[count] != NULL) {
        count++;
    }
    argv = fnd_alloc((count + 5) * sizeof *argv);
    argv[used++] = fnd_strdup("foundry-conform");
    argv[used++] = fnd_strdup(info->path);
    argv[used++] = fnd_strdup("--misuse");
    if (app->json) {
        argv[used++] = fnd_strdup("--json");
    }
    for (size_t i = 0; i < count; i++) {
        argv[used++] = fnd_strdup(cases[i]);
    }
    fnd_source_finish(&source);
    (void)become(fnd_sdk_conform(), argv, &error);
out:
    for (size_t i = 0; i < used; i++) {
        free(argv[i]);
    }
    free(argv);
    free(cases);
    fnd_source_finish(&source);
    return fnd_fail(app, &error);
}
