/* SPDX-License-Identifier: MIT */
/* Reading a directory: connections that are handed from request to request, and what is read of a
 * pin once and for all. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "serve/internal.h"
#include "serve/tally.h"

enum fnd_status directory_reader(struct directory *directory, struct spare **spare,
                                 struct fnd_error *error)
{
    pthread_mutex_lock(&directory->lock);
    struct spare *found = directory->spares;
    if (found != NULL) {
        directory->spares = found->next;
    }
    pthread_mutex_unlock(&directory->lock);
    if (found == NULL) {
        struct fnd_reader *reader = NULL;
        enum fnd_status status = fnd_reader_open(directory->path, &reader, error);
        if (status != FND_OK) {
            return status;
        }
        found = fnd_alloc(sizeof *found);
        found->reader = reader;
    }
    *spare = found;
    return FND_OK;
}

void directory_release(struct directory *directory, struct spare *spare)
{
    if (spare != NULL) {
        pthread_mutex_lock(&directory->lock);
        spare->next = directory->spares;
        directory->spares = spare;
        pthread_mutex_unlock(&directory->lock);
    }
}

enum fnd_status directory_store(struct directory *directory, struct fnd_store **store,
                                struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    pthread_mutex_lock(&directory->lock);
    if (directory->store != NULL) {
        *store = directory->store;
        directory->store_users++;
    } else if (directory->trouble.status != FND_OK) {
        *error = directory->trouble;
        status = error->status;
    } else {
        status = fnd_error_set(error, FND_BUSY, "the engine of %s is not there", directory->name);
    }
    pthread_mutex_unlock(&directory->lock);
    return status;
}

void directory_store_release(struct directory *directory)
{
    pthread_mutex_lock(&directory->lock);
    directory->store_users--;
    pthread_cond_broadcast(&directory->changed);
    pthread_mutex_unlock(&directory->lock);
}

/* {"id":"tesseract/ocr","version","sha256"} of a phase whose code is a plugin's. */
static char *plugin_of(struct fnd_json plugins, struct fnd_json phase)
{
    struct fnd_text json = {0};
    char *uses = fnd_json_strdup(fnd_json_member(phase, "uses"));
    char *end = uses != NULL ? strrchr(uses, strncmp(uses, "./", 2) == 0 ? '#' : '/') : NULL;
    if (end != NULL) {
        char *key = fnd_strndup(uses, (size_t)(end - uses));
        struct fnd_json plugin = fnd_json_member(plugins, key);
        if (plugin.bytes != NULL) {
            fnd_text_append_z(&json, "{\"id\":");
            fnd_text_append_json_z(&json, uses);
            json_member_copy(&json, "version", fnd_json_member(plugin, "version"));
            json_member_copy(&json, "sha256", fnd_json_member(plugin, "sha256"));
            fnd_text_append_byte(&json, '}');
        }
        free(key);
    }
    free(uses);
    return json.size > 0 ? fnd_text_take(&json) : NULL;
}

/* Less room than any write needs. A quota shows in what writes come to alone. */
static bool has_room(const char *path)
{
    struct statvfs about;
    return statvfs(path, &about) != 0 ||
           (uint64_t)about.f_bavail * (uint64_t)about.f_frsize >= FND_SERVE_ROOM_MIN;
}

enum fnd_status directory_ready(struct directory *directory)
{
    const struct fnd_env *env = directory->serve->options.env;
    pthread_mutex_lock(&directory->lock);
    enum fnd_status status = directory->state == DIRECTORY_READY   ? FND_OK
                             : directory->trouble.status != FND_OK ? directory->trouble.status
                                                                   : FND_BUSY;
    pthread_mutex_unlock(&directory->lock);
    int64_t failed_us = (int64_t)atomic_load(&directory->failed_us);
    bool lately =
        failed_us != 0 && env->monotonic_us(env) - failed_us < (int64_t)FND_SERVE_REOPEN_MS * 1000;
    if (status == FND_OK && lately) {
        status = (enum fnd_status)atomic_load(&directory->failed);
    }
    return status != FND_OK ? status : has_room(directory->path) ? FND_OK : FND_FULL;
}

void directory_wrote(struct directory *directory, enum fnd_status status)
{
    const struct fnd_env *env = directory->serve->options.env;
    if (status == FND_FULL || status == FND_IO || status == FND_DAMAGED) {
        atomic_store(&directory->failed, (int)status);
        atomic_store(&directory->failed_us, env->monotonic_us(env));
    } else if (status == FND_OK) {
        atomic_store(&directory->failed_us, 0);
    }
}

static struct pin_view *pin_load(struct fnd_reader *reader, int64_t pin)
{
    struct fnd_text text = {0};
    struct fnd_json document = {0};
    struct pin_view *view = NULL;
    if (fnd_payload_get(reader, pin, &text, NULL, NULL) == FND_OK &&
        fnd_json_check(fnd_text_z(&text), text.size, "pin", &document, NULL) == FND_OK) {
        struct fnd_json phases = fnd_json_find(document, "/canonical/phases");
        view = fnd_alloc(sizeof *view);
        view->pin = pin;
        view->phases_count = fnd_json_count(phases);
        view->phases = fnd_alloc((view->phases_count + 1) * sizeof *view->phases);
        view->plugins = fnd_alloc((view->phases_count + 1) * sizeof *view->plugins);
        for (struct fnd_json_walk walk = fnd_json_walk(phases); fnd_json_next(&walk);) {
            char *id = fnd_json_strdup(fnd_json_member(walk.value, "id"));
            view->phases[walk.index] = id != NULL ? id : fnd_strdup("-");
            view->plugins[walk.index] = plugin_of(fnd_json_member(document, "plugins"), walk.value);
        }
    }
    fnd_text_finish(&text);
    return view;
}

static void pin_free(struct pin_view *view)
{
    for (size_t i = 0; i < view->phases_count; i++) {
        free(view->phases[i]);
        free(view->plugins[i]);
    }
    free(view->phases);
    free(view->plugins);
    free(view);
}

const struct pin_view *directory_pin(struct directory *directory, struct fnd_reader *reader,
                                     int64_t pin)
{
    pthread_mutex_lock(&directory->lock);
    struct pin_view *view = directory->pins;
    while (view != NULL && view->pin != pin) {
        view = view->next;
    }
    pthread_mutex_unlock(&directory->lock);
    if (view != NULL) {
        return view;
    }
    view = pin_load(reader, pin);
    if (view != NULL) {
        /* Two threads may load the same pin at first: both views stay, either will do. */
        pthread_mutex_lock(&directory->lock);
        view->next = directory->pins;
        directory->pins = view;
        pthread_mutex_unlock(&directory->lock);
    }
    return view;
}

const char *pin_phase(const struct pin_view *view, int32_t index)
{
    return view != NULL && index >= 0 && (size_t)index < view->phases_count ? view->phases[index]
                                                                            : NULL;
}

const char *pin_plugin(const struct pin_view *view, int32_t index)
{
    return pin_phase(view, index) != NULL ? view->plugins[index] : NULL;
}

void directory_finish(struct directory *directory)
{
    if (directory->started) {
        pthread_join(directory->thread, NULL);
        close(directory->wake);
    }
    while (directory->spares != NULL) {
        struct spare *spare = directory->spares;
        directory->spares = spare->next;
        fnd_reader_close(spare->reader);
        free(spare);
    }
    while (directory->pins != NULL) {
        struct pin_view *view = directory->pins;
        directory->pins = view->next;
        pin_free(view);
    }
    tally_destroy(directory->tally);
    keys_destroy(directory->keys);
    presence_destroy(directory->presence);
    fnd_text_finish(&directory->refusal);
    pthread_mutex_destroy(&directory->lock);
    pthread_cond_destroy(&directory->changed);
    free(directory->name);
}
