/* SPDX-License-Identifier: MIT */
/* What was written and read back gets its name, its manifest and its event. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset/pair.h"
#include "dataset/writing.h"

/** A folder holds its manifest, and gets its name with it. */
static enum fnd_status folder_publish(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    struct fnd_export_result *result = plan->result;
    struct fnd_text manifest = {0};
    enum fnd_status status = fnd_sink_text(&writing->manifest, &manifest, error);
    if (status == FND_OK) {
        status = fnd_bundle_publish(&writing->bundle, fnd_text_z(&manifest), error);
    }
    fnd_text_finish(&manifest);
    if (status == FND_OK && writing->bundle.path != NULL) {
        struct fnd_text path = {0};
        result->path = fnd_strdup(writing->bundle.path);
        fnd_text_printf(&path, "%s/" FND_BUNDLE_MANIFEST, result->path);
        result->manifest_path = fnd_text_take(&path);
    }
    return status;
}

/** The file to a pipe; its manifest where one is asked for. */
static enum fnd_status send(struct fnd_writing *writing, struct fnd_error *error)
{
    const struct fnd_export_options *options = &writing->plan->options;
    struct fnd_export_result *result = writing->plan->result;
    enum fnd_status status = FND_OK;
    if (options->manifest != NULL) {
        status = fnd_sink_store(&writing->manifest, options->manifest, error);
        result->manifest_path = status == FND_OK ? fnd_strdup(options->manifest) : NULL;
    }
    if (status == FND_OK) {
        status = fnd_sink_send(&writing->sink, options->fd, error);
    }
    if (status != FND_OK && result->manifest_path != NULL) {
        unlink(result->manifest_path); /* it would tell of a file that did not arrive */
    }
    return status;
}

/** Of a file that gets a name. */
static void manifest_name(const struct fnd_plan *plan, struct fnd_text *name)
{
    const struct fnd_export_options *options = &plan->options;
    fnd_text_append_z(name, options->manifest != NULL ? options->manifest : options->out);
    fnd_text_append_z(name, options->manifest != NULL ? "" : FND_MANIFEST_ENDING);
}

enum fnd_status fnd_writing_publish(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    const struct fnd_export_options *options = &plan->options;
    struct fnd_export_result *result = plan->result;
    struct fnd_companions companions = {.count = 0};
    struct fnd_text path = {0}, bytes = {0};
    if (plan->format->folder != NULL) {
        return folder_publish(writing, error);
    }
    if (strcmp(options->out, "-") == 0) {
        return send(writing, error);
    }
    if (plan->format->beside != NULL) {
        fnd_text_printf(&path, "%s%s", options->out, plan->format->beside_name);
        plan->format->beside(plan, &writing->checker, &bytes);
        fnd_companions_add(&companions, fnd_text_z(&path), &bytes, NULL);
        fnd_text_clear(&path);
    }
    manifest_name(plan, &path);
    fnd_companions_add(&companions, fnd_text_z(&path), &bytes, &writing->manifest);
    enum fnd_status status = fnd_pair_publish(&writing->sink, &companions, error);
    if (fnd_sink_published(&writing->sink)) {
        result->manifest_path = fnd_text_take(&path);
        result->path = status == FND_OK ? fnd_strdup(options->out) : NULL;
    }
    fnd_companions_finish(&companions);
    fnd_text_finish(&path);
    return status;
}

/** The EXPORT event: the manifest, or of a long one all but its list, and its hash. */
enum fnd_status fnd_writing_record(const struct fnd_writing *writing, struct fnd_store *store,
                                   struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    const struct fnd_bundle *bundle = plan->format->folder != NULL ? &writing->bundle : NULL;
    struct fnd_write *write = fnd_write_create();
    char *body = plan->result->manifest != NULL
                     ? fnd_strdup(plan->result->manifest)
                     : fnd_manifest_short(plan, bundle, &writing->manifest);
    fnd_write_add(write, FND_EVENT_EXPORT, body,
                  plan->options.meta != NULL ? fnd_strdup(plan->options.meta) : NULL);
    enum fnd_status status = fnd_store_commit(store, write, error);
    if (status == FND_OK) {
        plan->result->event = write->first;
    } else {
        fnd_error_prefix(error, "the export was written, but not recorded");
    }
    fnd_write_destroy(write);
    return status;
}

enum fnd_status fnd_writing_lay_down(struct fnd_writing *writing, struct fnd_manifest *reproduced,
                                     struct fnd_error *error)
{
    static const struct fnd_sink closed = {.folder = -1, .fd = -1};
    if (reproduced->streamed) { /* it lies there already */
        writing->manifest = reproduced->copy;
        reproduced->copy = closed;
        fnd_text_finish(&reproduced->text);
        return FND_OK;
    }
    enum fnd_status status = fnd_sink_open(&writing->manifest, NULL, error);
    if (status == FND_OK) {
        status = fnd_sink_write(&writing->manifest, reproduced->text.bytes, reproduced->text.size,
                                error);
    }
    if (status == FND_OK) {
        status = fnd_sink_seal(&writing->manifest, error);
    }
    fnd_text_finish(&reproduced->text);
    return status;
}

/** Open a new manifest where it will be staged, if it is to have a name of its own. */
static enum fnd_status manifest_open(struct fnd_writing *writing, struct fnd_error *error)
{
    const struct fnd_plan *plan = writing->plan;
    struct fnd_text name = {0};
    char *staged = NULL;
    if (plan->format->folder == NULL && strcmp(plan->options.out, "-") != 0) {
        manifest_name(plan, &name);
        staged = fnd_pair_staged(fnd_text_z(&name));
    }
    const enum fnd_status status = fnd_sink_open(&writing->manifest, staged, error);
    fnd_text_finish(&name);
    free(staged);
    return status;
}

/** The manifest, new or the one that is reproduced, which was laid down; its text goes to the
 *  result where it is short. */
enum fnd_status fnd_writing_manifest(struct fnd_writing *writing,
                                     const struct fnd_manifest *reproduced, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    const struct fnd_bundle *bundle = plan->format->folder != NULL ? &writing->bundle : NULL;
    struct fnd_text text = {0};
    const size_t held_max = plan->options.manifest_held_max > 0 ? plan->options.manifest_held_max
                                                                : FND_DATASET_MANIFEST_HELD_MAX;
    enum fnd_status status = FND_OK;
    if (reproduced == NULL) {
        status = manifest_open(writing, error);
        if (status == FND_OK) {
            status = fnd_manifest_write(plan, bundle, &writing->named, &writing->manifest, error);
        }
        if (status == FND_OK) {
            status = fnd_sink_compare(&writing->manifest, 1, 0, error);
        }
    }
    if (status == FND_OK && writing->manifest.size <= held_max) {
        status = fnd_sink_text(&writing->manifest, &text, error);
        plan->result->manifest = fnd_text_take(&text);
    }
    return status;
}
