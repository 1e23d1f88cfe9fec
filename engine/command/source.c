/* SPDX-License-Identifier: MIT */
#include "command/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command/session.h"

/* Open a plugin's file, kept until the source is finished. */
static enum fnd_status keep_open(struct fnd_source *source, const char *path, int *fd,
                                 struct fnd_error *error)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open the plugin %s",
                               path);
    }
    source->fds = fnd_realloc(source->fds, source->fds_count + 1, sizeof *source->fds);
    source->fds[source->fds_count++] = *fd;
    return FND_OK;
}

static enum fnd_status find_plugin(void *context, const char *id, const uint8_t *want,
                                   const struct fnd_plugin_info **info, int *fd,
                                   struct fnd_error *error)
{
    struct fnd_source *source = context;
    (void)want; /* a pinned hash is asked for by engines only */
    enum fnd_status status = fnd_catalog_find(source->catalog, id, info, error);
    return status != FND_OK ? status : keep_open(source, (*info)->path, fd, error);
}

static enum fnd_status find_file(void *context, const char *path, const uint8_t *want,
                                 const struct fnd_plugin_info **info, int *fd,
                                 struct fnd_error *error)
{
    struct fnd_source *source = context;
    (void)want;
    enum fnd_status status = keep_open(source, path, fd, error);
    return status != FND_OK ? status : fnd_catalog_file(source->catalog, *fd, path, info, error);
}

enum fnd_status fnd_source_open(struct fnd_app *app, struct fnd_source *source,
                                struct fnd_error *error)
{
    char *path = fnd_plugin_path(app);
    const struct fnd_catalog_options options = {.path = path, .log = &app->log};
    source->plugins =
        (struct fnd_plugin_source){.find = find_plugin, .file = find_file, .context = source};
    enum fnd_status status = fnd_catalog_create(&options, &source->catalog, error);
    free(path);
    return status;
}

void fnd_source_finish(struct fnd_source *source)
{
    for (size_t i = 0; i < source->fds_count; i++) {
        close(source->fds[i]);
    }
    free(source->fds);
    fnd_catalog_destroy(source->catalog);
    *source = (struct fnd_source){0};
}

enum fnd_status fnd_source_callee(struct fnd_source *source, const char *uses,
                                  const struct fnd_callee_info **callee, enum fnd_callee_kind *kind,
                                  struct fnd_error *error)
{
    const char *slash = strrchr(uses, '/');
    if (slash == NULL) {
        return fnd_error_set(error, FND_NOT_FOUND,
                             "'%s' names no phase, detector or trainer: say PLUGIN/NAME", uses);
    }
    char *id = fnd_strndup(uses, (size_t)(slash - uses));
    const struct fnd_plugin_info *info = NULL;
    enum fnd_status status = fnd_catalog_find(source->catalog, id, &info, error);
    if (status == FND_OK) {
        *callee = NULL;
        for (int i = FND_CALLEE_PHASE; i <= FND_CALLEE_TRAINER && *callee == NULL; i++) {
            *kind = (enum fnd_callee_kind)i;
            *callee = fnd_plugin_info_callee(info, *kind, slash + 1);
        }
        if (*callee == NULL) {
            status =
                fnd_error_set(error, FND_NOT_FOUND,
                              "the plugin %s has no phase, detector or trainer '%s'; `" FND_PROGRAM
                              " plugins inspect %s` lists them",
                              id, slash + 1, id);
        }
    }
    free(id);
    return status;
}
