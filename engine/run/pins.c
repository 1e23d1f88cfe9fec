/* SPDX-License-Identifier: MIT */
/* Pins: a pipeline as it will run, with copies of its plugins. What runs is always compiled from a
 * pin document and loaded from the copies, also right after a file was read: one way, one truth. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "run/internal.h"

enum { FND_SECRET_SIZE_MAX = 64 << 10 };

/** Files found while a pipeline file is compiled. */
struct found {
    struct fnd_catalog *catalog;
    struct fnd_kept *list; /* owns descriptors */
};

static enum fnd_status found_add(struct found *found, const struct fnd_plugin_info *info, int *fd,
                                 struct fnd_error *error)
{
    for (struct fnd_kept *kept = found->list; kept != NULL; kept = kept->next) {
        if (memcmp(kept->hash, info->hash, sizeof kept->hash) == 0) {
            *fd = kept->fd;
            return FND_OK;
        }
    }
    int file = open(info->path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open plugin %s",
                               info->path);
    }
    struct fnd_kept *kept = fnd_alloc(sizeof *kept);
    memcpy(kept->hash, info->hash, sizeof kept->hash);
    kept->fd = file;
    kept->info = info;
    kept->next = found->list;
    found->list = kept;
    *fd = file;
    return FND_OK;
}

static enum fnd_status found_find(void *context, const char *id, const uint8_t *want,
                                  const struct fnd_plugin_info **info, int *fd,
                                  struct fnd_error *error)
{
    (void)want;
    struct found *found = context;
    enum fnd_status status = fnd_catalog_find(found->catalog, id, info, error);
    return status == FND_OK ? found_add(found, *info, fd, error) : status;
}

static enum fnd_status found_file(void *context, const char *path, const uint8_t *want,
                                  const struct fnd_plugin_info **info, int *fd,
                                  struct fnd_error *error)
{
    (void)want;
    struct found *found = context;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open plugin %s",
                               path);
    }
    enum fnd_status status = fnd_catalog_file(found->catalog, file, path, info, error);
    close(file);
    return status == FND_OK ? found_add(found, *info, fd, error) : status;
}

static void kept_finish(struct fnd_kept *list)
{
    while (list != NULL) {
        struct fnd_kept *next = list->next;
        close(list->fd);
        free(list);
        list = next;
    }
}

/** The copy of a plugin, opened once; its bytes are checked before anything looks into it. */
static enum fnd_status copy_find(void *context, const char *id, const uint8_t *want,
                                 const struct fnd_plugin_info **info, int *fd,
                                 struct fnd_error *error)
{
    struct fnd_engine *engine = context;
    for (struct fnd_kept *kept = engine->kept; kept != NULL; kept = kept->next) {
        if (memcmp(kept->hash, want, sizeof kept->hash) == 0) {
            *info = kept->info;
            *fd = kept->fd;
            return FND_OK;
        }
    }
    char hash[FND_DIGEST_TEXT_SIZE], path[PATH_MAX];
    fnd_digest_text(want, hash);
    int file = -1;
    enum fnd_status status = fnd_plugin_open(fnd_store_folder(engine->store), want, &file, error);
    if (status != FND_OK) {
        fnd_error_prefix(error, "plugin %s", id);
        return status;
    }
    snprintf(path, sizeof path, "%s/.foundry/plugins/%s.so", fnd_store_path(engine->store), hash);
    status = fnd_catalog_file(engine->catalog, file, path, info, error);
    if (status != FND_OK) {
        close(file);
        return status;
    }
    struct fnd_kept *kept = fnd_alloc(sizeof *kept);
    memcpy(kept->hash, want, sizeof kept->hash);
    kept->fd = *fd = file;
    kept->info = *info;
    kept->next = engine->kept;
    engine->kept = kept;
    return FND_OK;
}

static enum fnd_status copy_file(void *context, const char *path, const uint8_t *want,
                                 const struct fnd_plugin_info **info, int *fd,
                                 struct fnd_error *error)
{
    return copy_find(context, path, want, info, fd, error);
}

static struct fnd_pipeline_options pipeline_options(struct fnd_engine *engine,
                                                    const struct fnd_plugin_source *source)
{
    struct fnd_pipeline_options options = {.plugins = source,
                                           .kinds = engine->options.kinds,
                                           .limits = &engine->options.limits,
                                           .isolation = engine->options.isolation,
                                           .folder_out = fnd_store_path(engine->store)};
    return options;
}

static enum fnd_status pin_write(struct fnd_engine *engine, const struct fnd_pipeline *pipeline,
                                 const struct fnd_kept *plugins, int64_t *pin,
                                 struct fnd_error *error)
{
    struct fnd_pin_row row = {0};
    enum fnd_status status = fnd_pin_find(engine->reader, pipeline->pin_hash, &row, error);
    bool known = status == FND_OK;
    if (status != FND_OK && status != FND_NOT_FOUND) {
        return status;
    }
    *pin = row.id;
    free(row.pipeline);
    /* The copies are kept again for a known pin, too: one that was deleted comes back this way. */
    for (const struct fnd_kept *kept = plugins; kept != NULL; kept = kept->next) {
        uint8_t hash[FND_DIGEST_SIZE];
        status = fnd_plugin_keep(engine->store, kept->fd, hash, error);
        if (status == FND_OK && memcmp(hash, kept->hash, sizeof hash) != 0) {
            status = fnd_error_set(error, FND_PLUGIN,
                                   "plugin %s changed while it was being read; run again",
                                   kept->info->path);
        }
        if (status != FND_OK) {
            return status;
        }
    }
    if (known) {
        return FND_OK;
    }
    struct fnd_write *write = fnd_write_create();
    fnd_write_add(write, FND_EVENT_PIN, fnd_strdup(pipeline->pin), NULL);
    memcpy(write->hash, pipeline->pin_hash, sizeof write->hash);
    write->pipeline = fnd_strdup(pipeline->name);
    FND_CRASH_POINT("run.pin.queued");
    status = fnd_store_commit(engine->store, write, error);
    FND_CRASH_POINT("run.pin.acknowledged");
    *pin = write->first;
    fnd_write_destroy(write);
    return status;
}

enum fnd_status fnd_engine_pin(struct fnd_engine *engine, const char *pipeline_file,
                               const char *const *settings, int64_t *pin, struct fnd_errors *errors,
                               struct fnd_text *source)
{
    struct found found = {engine->catalog, NULL};
    struct fnd_catalog *fresh = NULL;
    const struct fnd_plugin_source plugins = {found_find, found_file, &found};
    struct fnd_pipeline_options options = pipeline_options(engine, &plugins);
    struct fnd_pipeline *pipeline = NULL;
    struct fnd_error error = {0};
    options.settings = settings;
    /* What the engine saw when it began may be old: a plugin copied in since is there, too. */
    enum fnd_status status =
        engine->looked ? fnd_catalog_again(engine->catalog, &fresh, &error) : FND_OK;
    if (status != FND_OK) {
        fnd_errors_take(errors, &error);
        return status;
    }
    engine->looked = true;
    found.catalog = fresh != NULL ? fresh : engine->catalog;
    status = fnd_pipeline_load(pipeline_file, &options, &pipeline, errors, source);
    if (status == FND_OK) {
        status = pin_write(engine, pipeline, found.list, pin, &error);
        if (status != FND_OK) {
            fnd_errors_take(errors, &error);
        }
    }
    fnd_pipeline_destroy(pipeline);
    kept_finish(found.list);
    fnd_catalog_destroy(fresh);
    return status;
}

const struct fnd_pinned *fnd_pins_get(struct fnd_engine *engine, int64_t pin,
                                      struct fnd_error *error)
{
    for (struct fnd_pinned *pinned = engine->pinned; pinned != NULL; pinned = pinned->next) {
        if (pinned->id == pin) {
            return pinned;
        }
    }
    fnd_engine_rest(engine); /* its plugins are read whole */
    struct fnd_text document = {0};
    struct fnd_errors errors = {0};
    struct fnd_pinned *pinned = NULL;
    struct fnd_pipeline *pipeline = NULL;
    enum fnd_status status = fnd_payload_get(engine->reader, pin, &document, NULL, error);
    if (status == FND_OK) {
        const struct fnd_plugin_source copies = {copy_find, copy_file, engine};
        struct fnd_pipeline_options options = pipeline_options(engine, &copies);
        status = fnd_pipeline_load_pin(document.bytes, document.size, &options, &pipeline, &errors);
        if (status != FND_OK && error != NULL) {
            fnd_error_set(error, status, "the pinned pipeline cannot be loaded");
            if (errors.count > 0) {
                *error = errors.list[0];
                error->status = status;
            }
        }
    }
    if (status == FND_OK) {
        pinned = fnd_alloc(sizeof *pinned);
        pinned->id = pin;
        pinned->pipeline = pipeline;
        pipeline->owner = pinned;
        pinned->next = engine->pinned;
        engine->pinned = pinned;
    }
    fnd_text_finish(&document);
    return pinned;
}

enum fnd_status fnd_engine_pipeline(struct fnd_engine *engine, int64_t pin,
                                    const struct fnd_pipeline **pipeline, struct fnd_error *error)
{
    struct fnd_error local = {0};
    const struct fnd_pinned *pinned = fnd_pins_get(engine, pin, &local);
    if (pinned == NULL) {
        if (error != NULL) {
            *error = local;
        }
        return local.status;
    }
    *pipeline = pinned->pipeline;
    return FND_OK;
}

enum fnd_status fnd_engine_arm(struct fnd_engine *engine, int64_t pin, size_t phase,
                               struct fnd_error *error)
{
    const struct fnd_pinned *pinned = fnd_pins_get(engine, pin, error);
    return pinned == NULL ? error->status : fnd_pins_arm(engine, pinned->pipeline, phase, error);
}

const struct fnd_engine_options *fnd_engine_options_of(const struct fnd_engine *engine)
{
    return &engine->options;
}

/** --secrets-dir: a file a secret, its last newline taken off. Else the environment:
 *  FOUNDRY_SECRET_NAME, then NAME. */
static char *secret_get(void *context, const char *name)
{
    struct fnd_engine *engine = context;
    if (strchr(name, '/') != NULL || name[0] == '.') {
        return NULL;
    }
    if (engine->options.secrets_dir != NULL) {
        int folder = open(engine->options.secrets_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct fnd_text text = {0};
        enum fnd_status status =
            folder < 0 ? FND_IO : fnd_file_read(folder, name, FND_SECRET_SIZE_MAX, &text, NULL);
        if (folder >= 0) {
            close(folder);
        }
        if (status != FND_OK) {
            fnd_text_finish(&text);
            return NULL;
        }
        if (text.size > 0 && text.bytes[text.size - 1] == '\n') {
            text.bytes[--text.size] = '\0';
        }
        return fnd_text_take(&text);
    }
    struct fnd_text variable = {0};
    fnd_text_printf(&variable, "FOUNDRY_SECRET_%s", name);
    const char *value = getenv(fnd_text_z(&variable));
    fnd_text_finish(&variable);
    value = value != NULL ? value : getenv(name);
    return value != NULL ? fnd_strdup(value) : NULL;
}

char *fnd_engine_secret(struct fnd_engine *engine, const char *name)
{
    return secret_get(engine, name);
}

enum fnd_status fnd_pins_arm(struct fnd_engine *engine, struct fnd_pipeline *pipeline, size_t index,
                             struct fnd_error *error)
{
    struct fnd_pinned *pinned = pipeline->owner;
    struct fnd_phase *phase = &pipeline->phases[index];
    const struct fnd_secrets secrets = {secret_get, engine};
    enum fnd_status status = FND_OK;
    if (pinned->armed[index]) {
        return FND_OK;
    }
    fnd_engine_rest(engine); /* secrets may be files anywhere */
    if (phase->bound.info != NULL) {
        status = fnd_bound_arm(&phase->bound, &secrets, error);
    }
    if (status == FND_OK && phase->kind->arm != NULL) {
        status = phase->kind->arm(phase->prepared, &secrets, error);
    }
    pinned->armed[index] = status == FND_OK;
    return status;
}

void fnd_pins_finish(struct fnd_engine *engine)
{
    while (engine->pinned != NULL) {
        struct fnd_pinned *next = engine->pinned->next;
        fnd_pipeline_destroy(engine->pinned->pipeline);
        free(engine->pinned);
        engine->pinned = next;
    }
    kept_finish(engine->kept);
    engine->kept = NULL;
}
