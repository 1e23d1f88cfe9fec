/* SPDX-License-Identifier: MIT */
/* Records made elsewhere come in as events like a person's own: a job, the model's output, a
 * question that nobody was asked, the answer. So all that reads records reads these, and what is on
 * record is never touched. */
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
#include "review/review.h"

enum { REVISIONS_MAX = 10000 };

const char *const fnd_dataset_imports[] = {"foundry", "coco", "yolo", "label-studio", NULL};

static void note(struct fnd_importing *importing, const char *message)
{
    const struct fnd_dataset_note said = {
        .line = importing->line, .message = message, .file = importing->file};
    if (importing->options->said != NULL) {
        importing->options->said(importing->options->context, &said);
    }
}

/* --- what is there already ----------------------------------------------------------------- */

/** Whether the job is this very example, imported before, or holds the record of its UUID. */
static enum fnd_status job_is(struct fnd_importing *importing, int64_t job,
                              const struct fnd_incoming *incoming, const char *content, bool *same,
                              bool *known, struct fnd_error *error)
{
    struct fnd_text body = {0};
    struct fnd_step_row row;
    enum fnd_status status = fnd_payload_get(importing->reader, job, &body, NULL, error);
    *same = *known = false;
    if (status == FND_OK) {
        struct fnd_json told =
            fnd_json_find((struct fnd_json){body.bytes, body.size}, "/source/imported/content");
        *same = told.bytes != NULL && fnd_json_text_is(told, content);
        status = fnd_step_get(importing->reader, job, &row, error);
    }
    *known = status == FND_OK && *same && (int)row.stand.state > FND_STATES_LIVE_MAX;
    for (int64_t at = status == FND_OK ? row.event : 0;
         status == FND_OK && at > 0 && !*known && incoming->uuid != NULL;) {
        struct fnd_event_row event;
        status = fnd_event_get(importing->reader, at, &event, error);
        if (status == FND_OK && event.kind == FND_EVENT_ANSWER) {
            fnd_text_clear(&body);
            status = fnd_payload_get(importing->reader, at, &body, NULL, error);
            struct fnd_json uuid =
                fnd_json_member((struct fnd_json){fnd_text_z(&body), body.size}, "uuid");
            *known =
                status == FND_OK && uuid.bytes != NULL && fnd_json_text_is(uuid, incoming->uuid);
        }
        at = status == FND_OK ? event.prev : 0;
    }
    fnd_text_finish(&body);
    return status;
}

/** The job of this example: a new one, or one that an import before this left in the middle. */
static enum fnd_status job_take(struct fnd_importing *importing,
                                const struct fnd_incoming *incoming, const char *content,
                                int64_t *job, bool *known, struct fnd_error *error)
{
    int64_t revision =
        incoming->revision > 0 && incoming->revision < REVISIONS_MAX ? incoming->revision : 1;
    for (; revision <= REVISIONS_MAX; revision++) {
        bool same = false;
        *known = false;
        enum fnd_status status =
            fnd_import_job(importing, incoming, (int32_t)revision, content, job, error);
        if (status != FND_CONFLICT) {
            return status;
        }
        status = job_is(importing, *job, incoming, content, &same, known, error);
        if (status != FND_OK || same || *known) {
            return status;
        }
    }
    return fnd_error_set(error, FND_LIMIT, "%s has %d revisions on record, and none is free",
                         incoming->path, REVISIONS_MAX);
}

static enum fnd_status record(struct fnd_importing *importing, const struct fnd_incoming *incoming,
                              struct fnd_error *error)
{
    const struct fnd_import_options *options = importing->options;
    char content[FND_DIGEST_TEXT_SIZE];
    struct fnd_step_row row;
    int64_t job = 0;
    bool known = false;
    fnd_import_content(incoming, content);
    enum fnd_status status =
        fnd_import_pin(importing,
                       options->pipeline != NULL    ? options->pipeline
                       : incoming->pipeline != NULL ? incoming->pipeline
                                                    : "imported",
                       options->phase != NULL ? options->phase : incoming->phase, error);
    if (status == FND_OK) {
        status = job_take(importing, incoming, content, &job, &known, error);
    }
    if (status == FND_OK && known) {
        importing->result->known++;
        return FND_OK;
    }
    if (status == FND_OK) {
        status = fnd_step_get(importing->reader, job, &row, error);
    }
    struct fnd_request_row request;
    if (status == FND_OK &&
        fnd_request_of(importing->reader, job, &request, NULL) == FND_NOT_FOUND) {
        status = fnd_import_ask(importing, incoming, &row, error);
        status = status == FND_OK ? fnd_step_get(importing->reader, job, &row, error) : status;
    }
    if (status == FND_OK) {
        status = fnd_import_answer(importing, incoming, &row, content, error);
    }
    importing->result->records += status == FND_OK;
    return status;
}

/* --- passes -------------------------------------------------------------------------------- */

static void value_seen(void *context, const char *file, size_t line, struct fnd_json value)
{
    struct fnd_importing *importing = context;
    struct fnd_incoming incoming = {0};
    struct fnd_error error = {0};
    if (importing->error.status != FND_OK) {
        return;
    }
    importing->file = file;
    importing->line = line;
    enum fnd_status status =
        fnd_incoming_read(importing->format, importing->images, value, &incoming, &error);
    if (status != FND_OK && importing->dry) {
        note(importing, error.message);
        importing->result->bad++;
    } else if (importing->dry) {
        importing->result->examples++;
    } else {
        status = status == FND_OK ? record(importing, &incoming, &error) : status;
        if (status != FND_OK) {
            importing->error = error;
        } else if (importing->options->progress != NULL) {
            importing->options->progress(importing->options->context,
                                         importing->result->records + importing->result->known);
        }
    }
    fnd_incoming_finish(&incoming);
}

static enum fnd_status pass(struct fnd_importing *importing, bool dry, struct fnd_error *error)
{
    struct fnd_dataset_checked checked = {0};
    const struct fnd_check_hooks hooks = {.said = dry ? importing->options->said : NULL,
                                          .context = importing->options->context,
                                          .value = value_seen,
                                          .value_context = importing};
    importing->dry = dry;
    enum fnd_status status =
        fnd_dataset_look(importing->options->path, importing->format, &hooks, &checked, error);
    if (status == FND_OK && dry && importing->result->bad > 0) {
        status = fnd_error_set(error, FND_INVALID,
                               "%zu of %zu examples of %s cannot be taken (see above); nothing was "
                               "imported",
                               importing->result->bad,
                               importing->result->bad + importing->result->examples,
                               importing->options->path);
    } else if (status == FND_OK && importing->error.status != FND_OK) {
        status = importing->error.status;
        if (error != NULL) {
            *error = importing->error;
            fnd_error_prefix(error,
                             "%s line %zu (the %zu before it are on record; import again to go on)",
                             importing->options->path, importing->line,
                             importing->result->records + importing->result->known);
        }
    }
    return status;
}

/** Hash of the source, and where its pictures lie. */
static enum fnd_status source_open(struct fnd_importing *importing, struct fnd_error *error)
{
    const char *path = importing->options->path;
    const bool folder = importing->format->folder != NULL;
    const char *slash = strrchr(path, '/');
    char *beside = folder          ? fnd_strdup(path)
                   : slash == NULL ? fnd_strdup(".")
                                   : fnd_strndup(path, (size_t)(slash + 1 - path));
    const char *images = importing->options->images != NULL ? importing->options->images : beside;
    enum fnd_status status = FND_OK;
    fnd_digest_setup();
    importing->images = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (importing->images < 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot open the folder of pictures %s", images);
    }
    free(beside);
    return status;
}

/** The source's hash, once it is known that it can be taken: one that is too large is not read. */
static enum fnd_status source_hash(struct fnd_importing *importing, struct fnd_error *error)
{
    struct fnd_text path = {0};
    uint8_t digest[FND_DIGEST_SIZE] = {0};
    enum fnd_status status = FND_OK;
    fnd_text_printf(&path, "%s%s", importing->options->path,
                    importing->format->folder != NULL ? "/data.yaml" : "");
    int fd = open(fnd_text_z(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const int failure = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : errno;
    if (failure != 0) {
        status = fnd_error_errno(error, fnd_status_errno(failure), failure, "cannot read %s",
                                 fnd_text_z(&path));
    }
    if (fd >= 0) {
        close(fd);
    }
    fnd_digest_text(digest, importing->sha256);
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

enum fnd_status fnd_dataset_import(struct fnd_reader *reader, struct fnd_store *store,
                                   const struct fnd_import_options *options,
                                   struct fnd_import_result *result, struct fnd_error *error)
{
    struct fnd_importing importing = {
        .reader = reader, .store = store, .options = options, .result = result, .images = -1};
    *result = (struct fnd_import_result){0};
    importing.format = format_find(options->format, error);
    if (importing.format == NULL) {
        return FND_INVALID;
    }
    if (options->tier == 0 && importing.format != &fnd_format_foundry) {
        return fnd_error_set(error, FND_INVALID,
                             "say what the records are worth: --as gold if people made or checked "
                             "them one by one, --as silver if not; silver never measures a model");
    }
    enum fnd_status status = source_open(&importing, error);
    if (status == FND_OK) {
        status = pass(&importing, true, error);
    }
    if (status == FND_OK) {
        status = source_hash(&importing, error);
    }
    if (status == FND_OK) {
        status = pass(&importing, false, error);
    }
    fnd_import_forget(&importing);
    if (importing.images >= 0) {
        close(importing.images);
    }
    return status;
}
