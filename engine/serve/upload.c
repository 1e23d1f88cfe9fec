/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_TMPFILE */
#include "serve/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "serve/internal.h"
#include "serve/multipart.h"

enum { FIELD_SIZE_MAX = 512 };

struct upload {
    struct request *request;
    struct task task;
    struct directory *directory;
    int fd;
    uint64_t size, taken; /* of the file; of the body */
    bool too_large, file_seen;
    int failed; /* an errno value */
    bool parts;
    struct multipart multipart;
    struct fnd_text pipeline, name, where; /* from fields, or the query */
    struct fnd_artifact artifact;
    enum fnd_status status;
    struct fnd_error error;
};

/* Without a name: whatever happens, nothing is left. */
static int open_nameless(const struct fnd_env *env, int folder)
{
    char name[64];
    int fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        uint8_t uuid[FND_UUID_SIZE];
        char text[FND_UUID_TEXT_SIZE];
        fnd_uuid_make(env, uuid);
        fnd_uuid_format(uuid, text);
        snprintf(name, sizeof name, "upload-%s.tmp", text);
        fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            (void)unlinkat(folder, name, 0);
        }
    }
    return fd;
}

static void keep(struct upload *upload, const char *bytes, size_t size)
{
    if (upload->failed == 0 && size > 0) {
        upload->failed = fnd_write_all(upload->fd, bytes, size);
        upload->size += size;
    }
}

static bool part_data(void *context, const struct multipart *part, const char *bytes, size_t size)
{
    struct upload *upload = context;
    struct fnd_text *field = strcmp(part->name, "pipeline") == 0    ? &upload->pipeline
                             : strcmp(part->name, "name") == 0      ? &upload->name
                             : strcmp(part->name, "directory") == 0 ? &upload->where
                                                                    : NULL;
    if (part->is_file && strcmp(part->name, "file") == 0) {
        if (size == 0 && upload->file_seen) {
            return false; /* one job, one file */
        }
        upload->file_seen = true;
        if (size == 0 && upload->name.size == 0) {
            fnd_text_append_z(&upload->name, part->file);
        }
        keep(upload, bytes, size);
        return upload->failed == 0;
    }
    if (field != NULL && size == 0) {
        fnd_text_clear(field);
    }
    if (field != NULL && field->size + size <= FIELD_SIZE_MAX) {
        fnd_text_append(field, bytes, size);
    }
    return field == NULL || field->size <= FIELD_SIZE_MAX;
}

static void take_query(struct request *request, const char *name, struct fnd_text *text)
{
    char *value = request_query(request, name);
    fnd_text_append_z(text, value);
    free(value);
}

bool upload_begin(struct request *request, const char *type, uint64_t size)
{
    struct fnd_serve *serve = request->serve;
    struct spare *spare = NULL;
    struct fnd_error error = {0};
    if (size > serve->options.upload_size_max) {
        reply_problem(request, 413, "upload_too_large", "an upload may have %" PRIu64 " bytes here",
                      serve->options.upload_size_max);
        return false;
    }
    struct upload *upload = fnd_alloc(sizeof *upload);
    upload->request = request;
    upload->fd = -1;
    request->upload = upload;
    upload->parts = guard_type(type, "multipart/form-data");
    upload->multipart.data = part_data;
    upload->multipart.context = upload;
    if (upload->parts && !multipart_begin(&upload->multipart, type)) {
        reply_problem(request, 400, "bad_multipart", "multipart/form-data needs a boundary=");
        return false;
    }
    take_query(request, "pipeline", &upload->pipeline);
    take_query(request, "name", &upload->name);
    take_query(request, "directory", &upload->where);
    /* Any directory's file system will do: the bytes are kept once more, under their hash. */
    enum fnd_status status = directory_reader(&serve->directories[0], &spare, &error);
    if (status == FND_OK) {
        upload->fd = open_nameless(serve->options.env, fnd_reader_folder(spare->reader));
        if (upload->fd < 0) {
            status = fnd_error_errno(&error, fnd_status_errno(errno), errno,
                                     "cannot make a file for the upload");
        }
    }
    directory_release(&serve->directories[0], spare);
    if (status != FND_OK) {
        reply_error(request, &error);
        return false;
    }
    place_enter(serve, request->place, PLACE_UPLOAD);
    return true;
}

void upload_take(struct request *request, const char *data, size_t size)
{
    struct upload *upload = request->upload;
    upload->taken += size;
    place_progress(request->serve, request->place, upload->taken);
    if (upload->parts) {
        multipart_take(&upload->multipart, data, size);
    } else {
        keep(upload, data, size);
    }
}

void upload_drop(struct upload *upload)
{
    if (upload == NULL) {
        return;
    }
    if (upload->fd >= 0) {
        close(upload->fd);
    }
    multipart_finish(&upload->multipart);
    fnd_text_finish(&upload->pipeline);
    fnd_text_finish(&upload->name);
    fnd_text_finish(&upload->where);
    free(upload);
}

/* The last part of a name that a client's machine gave, without what a name may not have. */
static char *file_name(const struct upload *upload)
{
    const char *name = fnd_text_z(&upload->name);
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '/' || *at == '\\') {
            name = at + 1;
        }
    }
    bool good = name[0] != '\0' && fnd_utf8_valid(name, strlen(name)) && strlen(name) <= 200;
    return fnd_strdup(good ? name : "upload");
}

static void kept(struct request *request, struct fnd_json end)
{
    struct upload *upload = request->upload;
    char hash[FND_DIGEST_TEXT_SIZE];
    (void)end;
    if (upload->status != FND_OK) {
        reply_error(request, &upload->error);
        return;
    }
    struct fnd_text about = {0};
    fnd_digest_text(upload->artifact.hash, hash);
    fnd_text_printf(&about, "{\"sha256\":\"%s\",\"size\":%" PRIu64 "}", hash,
                    upload->artifact.size);
    char *name = file_name(upload);
    submit_value(request, upload->directory, fnd_text_z(&upload->pipeline), name, "artifact",
                 (struct fnd_json){about.bytes, about.size});
    free(name);
    fnd_text_finish(&about);
}

/* On the helper's thread: hashing and syncing take as long as the file is big. */
static void keep_artifact(struct task *task)
{
    struct upload *upload = task->context;
    struct fnd_store *store = NULL;
    upload->status = directory_store(upload->directory, &store, &upload->error);
    if (upload->status == FND_OK) {
        upload->status =
            lseek(upload->fd, 0, SEEK_SET) < 0
                ? fnd_error_errno(&upload->error, FND_IO, errno, "cannot read the upload again")
                : fnd_artifact_put_fd(store, upload->fd,
                                      upload->request->serve->options.upload_size_max,
                                      &upload->artifact, &upload->error);
        directory_store_release(upload->directory);
    }
    request_resume(upload->request);
}

void upload_submit(struct request *request)
{
    struct upload *upload = request->upload;
    const char *flaw = upload->parts ? multipart_end(&upload->multipart) : NULL;
    if (upload->failed != 0) {
        fnd_error_errno(&upload->error, fnd_status_errno(upload->failed), upload->failed,
                        "cannot keep the upload");
        reply_error(request, &upload->error);
    } else if (flaw != NULL) {
        reply_problem(request, 400, "bad_multipart", "the body is no multipart/form-data: %s",
                      flaw);
    } else if (upload->parts && !upload->file_seen) {
        reply_problem(request, 422, "no_file", "there is no part \"file\" with a file name");
    } else if (upload->pipeline.size == 0) {
        reply_problem(request, 422, "bad_member",
                      "say which pipeline: ?pipeline=NAME, or a part \"pipeline\"");
    } else {
        upload->directory =
            submit_directory(request, upload->where.size > 0 ? fnd_text_z(&upload->where) : NULL);
        if (upload->directory != NULL) {
            upload->task = (struct task){.run = keep_artifact, .context = upload};
            request_wait(request, kept);
            helper_do(request->serve, &upload->task);
        }
    }
}
