/* SPDX-License-Identifier: MIT */
/* The registry of a shadow space: what the past is run with, each model that is in production, or
 * the version that is to be looked at in its place. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "run/shadow_internal.h"
#include "store/learn.h"
#include "store/store.h"

enum { MODEL_BYTES_MAX = 640 << 20 };

struct find {
    int64_t version; /* that is wanted; -1: the newest */
    struct fnd_model_row row;
};

static bool version_is(const struct fnd_model_row *row, void *context)
{
    struct find *find = context;
    if (find->version < 0 || row->version == find->version) {
        find->row.id = row->id;
        find->row.version = row->version;
        find->row.artifact = row->artifact;
    }
    return true;
}

static struct fnd_event *event_add(struct fnd_write *write, enum fnd_event_kind kind,
                                   const char *pipeline, const char *model, const char *rest)
{
    struct fnd_text body = {0};
    fnd_text_append_z(&body, "{\"pipeline\":");
    fnd_text_append_json_z(&body, pipeline);
    fnd_text_append_z(&body, ",\"model\":");
    fnd_text_append_json_z(&body, model);
    fnd_text_printf(&body, ",\"version\":1%s}", rest);
    return fnd_write_add(write, kind, fnd_text_take(&body), NULL);
}

static enum fnd_status commit(struct fnd_store *store, struct fnd_write *write, int64_t *event,
                              struct fnd_error *error)
{
    const enum fnd_status status = fnd_store_commit(store, write, error);
    *event = write->first;
    fnd_write_destroy(write);
    return status;
}

/* As if it had been trained and promoted there. */
static enum fnd_status register_there(struct fnd_store *store, const char *pipeline,
                                      const char *model, const struct fnd_artifact *kept,
                                      struct fnd_error *error)
{
    int64_t training = 0, made = 0;
    struct fnd_write *write = fnd_write_create();
    (void)event_add(write, FND_EVENT_TRAIN, pipeline, model, ",\"attempt\":1,\"until\":0");
    enum fnd_status status = commit(store, write, &training, error);
    if (status == FND_OK) {
        char hash[FND_DIGEST_TEXT_SIZE];
        struct fnd_text meta = {0};
        fnd_digest_text(kept->hash, hash);
        fnd_text_printf(&meta,
                        "{\"artifacts\":{\"model\":{\"sha256\":\"%s\",\"size\":%" PRIu64 "}}}",
                        hash, kept->size);
        write = fnd_write_create();
        struct fnd_event *event = fnd_write_add(
            write, FND_EVENT_TRAINED, fnd_strdup("{\"outcome\":\"done\"}"), fnd_text_take(&meta));
        event->ref = training;
        event->artifacts = fnd_alloc(sizeof *event->artifacts);
        event->artifacts[0] = *kept;
        event->artifacts_count = 1;
        status = commit(store, write, &made, error);
    }
    if (status == FND_OK) {
        write = fnd_write_create();
        event_add(write, FND_EVENT_DECIDE, pipeline, model,
                  ",\"decision\":\"promote\",\"from\":0,\"replaces\":0,\"by\":\"replay\"")
            ->ref = made;
        status = commit(store, write, &made, error);
    }
    return status;
}

static enum fnd_status model_share(struct fnd_shadow *shadow, struct fnd_store *store,
                                   const char *pipeline, const char *model,
                                   const struct fnd_artifact *artifact, struct fnd_error *error)
{
    char name[FND_ARTIFACT_PATH_SIZE];
    struct fnd_text path = {0}, bytes = {0};
    struct fnd_artifact kept;
    fnd_artifact_path(artifact->hash, name);
    fnd_text_printf(&path, "%s/.foundry/%s", fnd_reader_path(shadow->reader), name);
    enum fnd_status status =
        fnd_file_read(AT_FDCWD, fnd_text_z(&path), MODEL_BYTES_MAX, &bytes, error);
    if (status == FND_OK) {
        status = fnd_artifact_put(store, fnd_text_z(&bytes), bytes.size, &kept, error);
    }
    if (status == FND_OK && memcmp(kept.hash, artifact->hash, sizeof kept.hash) != 0) {
        status = fnd_error_set(error, FND_DAMAGED,
                               "model %s is not what was learned: its hash is another; run verify",
                               model);
    }
    if (status == FND_OK) {
        status = register_there(store, pipeline, model, &kept, error);
    }
    fnd_text_finish(&path);
    fnd_text_finish(&bytes);
    return status;
}

/* Version and hash, for people: which of the two, of what stood and what takes its place. */
static void tell(struct fnd_shadow *shadow, size_t which, int64_t version,
                 const struct fnd_artifact *artifact)
{
    char hash[FND_DIGEST_TEXT_SIZE] = "the rules";
    struct fnd_text text = {0};
    if (version > 0) {
        fnd_digest_text(artifact->hash, hash);
    }
    fnd_text_printf(&text, "version %" PRId64, version);
    shadow->versions[which] = fnd_text_take(&text);
    shadow->hashes[which] = fnd_strdup(hash);
}

/* The one that is looked at: version 0 are the rules, and nothing is registered. */
static enum fnd_status wanted_find(struct fnd_shadow *shadow, const char *pipeline,
                                   const struct fnd_shadow_model *wanted, struct find *find,
                                   struct fnd_error *error)
{
    struct fnd_model_row now = {0};
    find->version = wanted->version;
    enum fnd_status status =
        fnd_model_production(shadow->reader, pipeline, wanted->name, &now, error);
    if (status != FND_OK && status != FND_NOT_FOUND) {
        return status;
    }
    tell(shadow, 0, status == FND_OK ? now.version : 0, &now.artifact);
    fnd_model_row_finish(&now);
    status = fnd_models_walk(shadow->reader, pipeline, wanted->name, version_is, find, error);
    if (status == FND_OK && find->row.id == 0 && wanted->version != 0) {
        status = fnd_error_set(error, FND_NOT_FOUND,
                               "model %s has no such version; `foundry-engine models list` shows "
                               "those it has",
                               wanted->name);
    }
    if (status == FND_OK) {
        tell(shadow, 1, find->row.version, &find->row.artifact);
    }
    return status;
}

enum fnd_status fnd_shadow_models(struct fnd_shadow *shadow, const char *pipeline,
                                  struct fnd_json models, const struct fnd_shadow_model *wanted,
                                  const struct fnd_log *log, struct fnd_error *error)
{
    const struct fnd_store_options options = {.env = fnd_env_system(), .log = log, .create = true};
    struct fnd_store *store = NULL;
    bool known = wanted == NULL;
    enum fnd_status status = FND_OK;
    if (models.bytes != NULL) {
        status = fnd_store_open(shadow->directory, &options, &store, error);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(models);
         models.bytes != NULL && status == FND_OK && fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        struct find find = {.version = 0};
        if (wanted != NULL && strcmp(name, wanted->name) == 0) {
            known = true;
            status = wanted_find(shadow, pipeline, wanted, &find, error);
        } else {
            status = fnd_model_production(shadow->reader, pipeline, name, &find.row, error);
            status = status == FND_NOT_FOUND ? FND_OK : status;
        }
        if (status == FND_OK && find.row.id != 0) {
            status = model_share(shadow, store, pipeline, name, &find.row.artifact, error);
        }
        fnd_model_row_finish(&find.row);
        free(name);
    }
    fnd_store_close(store);
    return status == FND_OK && !known
               ? fnd_error_set(error, FND_NOT_FOUND, "pipeline %s has no model %s", pipeline,
                               wanted->name)
               : status;
}
