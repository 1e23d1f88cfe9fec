/* SPDX-License-Identifier: MIT */
/* Records made elsewhere come in as events like a person's own: a job, the model's output, a
 * question that nobody was asked, the answer. So all that reads records reads these. Here the file
 * is gone through, twice; its examples are put on record by whoever holds the directory. */
#define _GNU_SOURCE /* O_DIRECTORY */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/import.h"

/* A file under way. */
struct import {
    const struct fnd_import_options *options;
    struct fnd_import_result *result;
    const struct fnd_format *format;
    char sha256[FND_DIGEST_TEXT_SIZE]; /* of the source file; of a folder, of its names */
    int images;
    const char *file; /* where the example in hand lies */
    size_t line;
    bool dry;               /* first pass: only whether all can be taken */
    struct fnd_error error; /* why it stopped */
};

const char *const fnd_dataset_imports[] = {"foundry", "coco", "yolo", "label-studio", NULL};

static void note(struct import *import, const char *message)
{
    const struct fnd_dataset_note said = {
        .line = import->line, .message = message, .file = import->file};
    if (import->options->said != NULL) {
        import->options->said(import->options->context, &said);
    }
}

/* --- passes -------------------------------------------------------------------------------- */

/* What the options say stands for what the example does. */
static enum fnd_status hand_over(struct import *import, struct fnd_incoming *incoming,
                                 struct fnd_error *error)
{
    const struct fnd_import_options *options = import->options;
    const char *slash = strrchr(options->path, '/');
    const struct fnd_import_origin origin = {.format = import->format->name,
                                             .name = slash != NULL ? slash + 1 : options->path,
                                             .sha256 = import->sha256,
                                             .file = import->file,
                                             .by = options->by,
                                             .line = (int64_t)import->line};
    struct fnd_text example = {0};
    bool known = false;
    incoming->tier = options->tier != 0 ? options->tier : incoming->tier;
    if (options->pipeline != NULL || incoming->pipeline == NULL) {
        free(incoming->pipeline);
        incoming->pipeline = fnd_strdup(options->pipeline != NULL ? options->pipeline : "imported");
    }
    if (options->phase != NULL) {
        free(incoming->phase);
        incoming->phase = fnd_strdup(options->phase);
    }
    fnd_text_append_byte(&example, '{');
    fnd_incoming_append(incoming, &origin, &example);
    const enum fnd_status status = options->take(options->context, &example, &known, error);
    import->result->known += status == FND_OK && known;
    import->result->records += status == FND_OK && !known;
    import->result->without +=
        status == FND_OK && !known && incoming->is_file && incoming->picture.size == 0;
    fnd_text_finish(&example);
    return status;
}

static void value_seen(void *context, const char *file, size_t line, struct fnd_json value)
{
    struct import *import = context;
    struct fnd_incoming incoming = {0};
    struct fnd_error error = {0};
    if (import->error.status != FND_OK) {
        return;
    }
    import->file = file;
    import->line = line;
    enum fnd_status status =
        fnd_incoming_read(import->format, import->images, value, &incoming, &error);
    if (status != FND_OK && import->dry) {
        note(import, error.message);
        import->result->bad++;
    } else if (import->dry) {
        import->result->examples++;
    } else {
        status = status == FND_OK ? hand_over(import, &incoming, &error) : status;
        if (status != FND_OK) {
            import->error = error;
        } else if (import->options->progress != NULL) {
            import->options->progress(import->options->context,
                                      import->result->records + import->result->known);
        }
    }
    fnd_incoming_finish(&incoming);
}

static enum fnd_status pass(struct import *import, bool dry, struct fnd_error *error)
{
    struct fnd_dataset_checked checked = {0};
    const struct fnd_check_hooks hooks = {.said = dry ? import->options->said : NULL,
                                          .context = import->options->context,
                                          .value = value_seen,
                                          .value_context = import};
    import->dry = dry;
    enum fnd_status status =
        fnd_dataset_look(import->options->path, import->format, &hooks, &checked, error);
    if (status == FND_OK && dry && import->result->bad > 0) {
        status = fnd_error_set(error, FND_INVALID,
                               "%zu of %zu examples of %s cannot be taken (see above); nothing was "
                               "imported",
                               import->result->bad, import->result->bad + import->result->examples,
                               import->options->path);
    } else if (status == FND_OK && import->error.status != FND_OK) {
        status = import->error.status;
        if (error != NULL) {
            *error = import->error;
            fnd_error_prefix(error,
                             "%s line %zu (the %zu before it are on record; import again to go on)",
                             import->options->path, import->line,
                             import->result->records + import->result->known);
        }
    }
    return status;
}

/** Hash of the source, and where its pictures lie. */
static enum fnd_status source_open(struct import *import, struct fnd_error *error)
{
    const char *path = import->options->path;
    const bool folder = import->format->folder != NULL;
    const char *slash = strrchr(path, '/');
    char *beside = folder          ? fnd_strdup(path)
                   : slash == NULL ? fnd_strdup(".")
                                   : fnd_strndup(path, (size_t)(slash + 1 - path));
    const char *images = import->options->images != NULL ? import->options->images : beside;
    enum fnd_status status = FND_OK;
    fnd_digest_setup();
    import->images = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (import->images < 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot open the folder of pictures %s", images);
    }
    free(beside);
    return status;
}

/** The source's hash, once it is known that it can be taken: one that is too large is not read. */
static enum fnd_status source_hash(struct import *import, struct fnd_error *error)
{
    struct fnd_text path = {0};
    uint8_t digest[FND_DIGEST_SIZE] = {0};
    enum fnd_status status = FND_OK;
    fnd_text_printf(&path, "%s%s", import->options->path,
                    import->format->folder != NULL ? "/data.yaml" : "");
    int fd = open(fnd_text_z(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const int failure = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : errno;
    if (failure != 0) {
        status = fnd_error_errno(error, fnd_status_errno(failure), failure, "cannot read %s",
                                 fnd_text_z(&path));
    }
    if (fd >= 0) {
        close(fd);
    }
    fnd_digest_text(digest, import->sha256);
    fnd_text_finish(&path);
    return status;
}

static const struct fnd_format *format_find(const char *name, struct fnd_error *error)
{
    for (size_t i = 0; fnd_dataset_imports[i] != NULL; i++) {
        if (strcmp(fnd_dataset_imports[i], name) == 0) {
            return fnd_format_find(name, error);
        }
    }
    const char *near = fnd_nearest(name, fnd_dataset_imports);
    fnd_error_set(error, FND_INVALID,
                  "there is no import of `%.100s`%s%s%s; known: foundry, coco, yolo, label-studio",
                  name, near != NULL ? ", did you mean `" : "", near != NULL ? near : "",
                  near != NULL ? "`" : "");
    fnd_error_code(error, "unknown_format");
    return NULL;
}

enum fnd_status fnd_dataset_import(const struct fnd_import_options *options,
                                   struct fnd_import_result *result, struct fnd_error *error)
{
    struct import import = {.options = options, .result = result, .images = -1};
    *result = (struct fnd_import_result){0};
    import.format = format_find(options->format, error);
    if (import.format == NULL) {
        return FND_INVALID;
    }
    if (options->tier == 0 && import.format != &fnd_format_foundry) {
        return fnd_error_set(error, FND_INVALID,
                             "say what the records are worth: --as gold if people made or checked "
                             "them one by one, --as silver if not; silver never measures a model");
    }
    enum fnd_status status = source_open(&import, error);
    if (status == FND_OK) {
        status = pass(&import, true, error);
    }
    if (status == FND_OK) {
        status = source_hash(&import, error);
    }
    if (status == FND_OK) {
        status = pass(&import, false, error);
    }
    if (import.images >= 0) {
        close(import.images);
    }
    return status;
}
