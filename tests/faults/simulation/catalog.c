/* SPDX-License-Identifier: MIT */
/* Stands in for the catalog of plugins: one plugin, which is only ever simulated. Its file is real,
 * so that pinning, copying and checking of copies are the engine's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <fcntl.h>

#include "sim.h"

struct fnd_catalog {
    char *file;
    struct fnd_plugin_info *info;
};

#define CONFIG(more)                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"job\":{\"type\":\"string\",\"x-foundry-per-job\":true},\"mark\":{\"type\":"                 \
    "\"integer\"}" more "}}"
#define FROM ",\"from\":{\"type\":\"string\",\"x-foundry-per-job\":true}"
#define MODEL ",\"model\":{\"type\":[\"string\",\"null\"],\"x-foundry-per-job\":true}"
#define PHASE(name, repeatable)                                                                    \
    "{\"name\":\"" name "\",\"summary\":\"simulated\",\"config_schema\":" CONFIG(                  \
        FROM MODEL) ","                                                                            \
                    "\"output_schema\":{\"type\":\"object\",\"required\":[\"value\",\"amount\"]}," \
                    "\"needs\":null,"                                                              \
                    "\"threads\":\"instance\",\"repeatable\":" repeatable "}"

const char *sim_plugin_description(void)
{
    return "{\"id\":\"sim\",\"version\":\"1.0.0\",\"summary\":\"simulated\",\"abi\":\"0.1\","
           "\"phases\":[" PHASE("step", "true") "," PHASE(
               "once",
               "false") "],"
                        "\"detectors\":[{\"name\":\"doubt\",\"summary\":\"simulated\",\"config_"
                        "schema\":" CONFIG(
                            ",\"number\":{\"type\":\"integer\"}") ",\"needs\":null,\"threads\":"
                                                                  "\"instance\"}],\"trainers\":[{"
                                                                  "\"name\":\"train\",\"summary\":"
                                                                  "\"simulated\",\"config_schema\":"
                                                                  "null,\"needs\":null}]}";
}

static enum fnd_status info_make(struct fnd_catalog *catalog, struct fnd_error *error)
{
    const char *json = sim_plugin_description();
    enum fnd_status status =
        fnd_plugin_info_parse(json, strlen(json), catalog->file, &catalog->info, error);
    int fd = open(catalog->file, O_RDONLY | O_CLOEXEC);
    if (status == FND_OK && (fd < 0 || fnd_sha256_fd(fd, catalog->info->hash, NULL) != 0)) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot read %s", catalog->file);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

static enum fnd_status catalog_make(const char *file, struct fnd_catalog **catalog,
                                    struct fnd_error *error)
{
    struct fnd_catalog *made = fnd_alloc(sizeof *made);
    made->file = fnd_strdup(file);
    enum fnd_status status = info_make(made, error);
    if (status != FND_OK) {
        fnd_catalog_destroy(made);
        return status;
    }
    *catalog = made;
    return FND_OK;
}

enum fnd_status fnd_catalog_create(const struct fnd_catalog_options *options,
                                   struct fnd_catalog **catalog, struct fnd_error *error)
{
    return catalog_make(options->path, catalog, error);
}

enum fnd_status fnd_catalog_again(const struct fnd_catalog *catalog, struct fnd_catalog **fresh,
                                  struct fnd_error *error)
{
    return catalog_make(catalog->file, fresh, error);
}

void fnd_catalog_destroy(struct fnd_catalog *catalog)
{
    if (catalog != NULL) {
        fnd_plugin_info_destroy(catalog->info);
        free(catalog->file);
        free(catalog);
    }
}

enum fnd_status fnd_catalog_find(const struct fnd_catalog *catalog, const char *id,
                                 const struct fnd_plugin_info **info, struct fnd_error *error)
{
    if (strcmp(id, catalog->info->id) != 0) {
        return fnd_error_set(error, FND_NOT_FOUND, "there is no plugin %s", id);
    }
    *info = catalog->info;
    return FND_OK;
}

enum fnd_status fnd_catalog_file(struct fnd_catalog *catalog, int fd, const char *path,
                                 const struct fnd_plugin_info **info, struct fnd_error *error)
{
    (void)fd; /* its bytes were checked against the hash it was asked for by */
    (void)path;
    (void)error;
    *info = catalog->info;
    return FND_OK;
}
