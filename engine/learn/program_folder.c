/* SPDX-License-Identifier: MIT */
/* The folder of a trainer that is a program of the user's: the examples, their artifacts, the files
 * that its command names, and what is asked of it. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "learn/internal.h"
#include "worker/work.h"

enum { TRAINING_NAME_SIZE = 48 };

/** What it may see of the examples. */
struct given {
    const char *examples; /* that it learns from: their name in the pack */
    bool part;            /* these are not all of them */
};

static enum fnd_status file_failed(const char *name, struct fnd_error *error)
{
    const enum fnd_status status = fnd_status_errno(errno);
    (void)fnd_error_errno(error, status, errno, "cannot write %s for the trainer", name);
    if (status == FND_FULL) {
        fnd_error_code(error, "storage_full");
    }
    return status;
}

static enum fnd_status file_write(int folder, const char *name, mode_t mode, const void *bytes,
                                  size_t size, struct fnd_error *error)
{
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    errno = fd >= 0 ? fnd_write_all(fd, bytes, size) : errno;
    enum fnd_status status = fd < 0 || errno != 0 ? file_failed(name, error) : FND_OK;
    if (fd >= 0 && status == FND_OK && fchmod(fd, mode) != 0) {
        status = file_failed(name, error);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

/* One packed artifact as a file that is only to be read. */
static enum fnd_status artifact_lay(const struct run *run, int folder, const char *name,
                                    const struct fnd_call_artifact *artifact,
                                    struct fnd_error *error)
{
    char part[1 << 16];
    enum fnd_status status = FND_OK;
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (fd < 0) {
        return file_failed(name, error);
    }
    for (uint64_t at = 0; at < artifact->size && status == FND_OK;) {
        const uint64_t left = artifact->size - at;
        const ssize_t got = pread(run->examples.pack, part, left < sizeof part ? left : sizeof part,
                                  (off_t)(artifact->offset + at));
        if (got == 0) {
            status =
                fnd_error_set(error, FND_IO,
                              "cannot read artifact %s of the examples: their pack ends before "
                              "it does; train again",
                              artifact->name);
        } else if (got < 0 && errno != EINTR) {
            status = fnd_error_errno(error, FND_IO, errno,
                                     "cannot read artifact %s of the examples", artifact->name);
        } else if (got > 0) {
            at += (uint64_t)got;
            errno = fnd_write_all(fd, part, (size_t)got);
            status = errno != 0 ? file_failed(name, error) : FND_OK;
        }
    }
    (void)close(fd);
    return status;
}

/* The files that its command names, with the folders they lie in. */
static enum fnd_status words_lay(const struct run *run, int folder, struct fnd_error *error)
{
    const struct fnd_pipeline *pipeline = run->pipeline;
    enum fnd_status status = FND_OK;
    for (size_t i = 0; i < run->model->command_count && status == FND_OK; i++) {
        const char *word = run->model->command[i];
        for (size_t j = 0; j < pipeline->files_count && status == FND_OK; j++) {
            const struct fnd_named_file *file = &pipeline->files[j];
            if (strcmp(file->path, word) != 0 || faccessat(folder, word, F_OK, 0) == 0) {
                continue;
            }
            for (const char *slash = strchr(word + 2, '/'); slash != NULL;
                 slash = strchr(slash + 1, '/')) {
                char *inner = fnd_strndup(word, (size_t)(slash - word));
                (void)mkdirat(folder, inner, 0700); /* the file says what is wrong */
                free(inner);
            }
            status = file_write(folder, word, 0700, file->bytes, file->size, error);
        }
    }
    return status;
}

static bool packed(const struct run *run, const char *name)
{
    for (size_t i = 1; i < run->examples.artifacts_count; i++) {
        if (strcmp(run->examples.artifacts[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an artifact of the pack is for it. Who learns from a part of the examples must not have
 * seen the others, nor what was learned from them. */
static bool is_given(const struct run *run, const struct given *given, const char *name)
{
    static const char examples[] = "examples";
    if (strncmp(name, examples, sizeof examples - 1) == 0) {
        return strcmp(name, given->examples) == 0;
    }
    return !given->part ||
           (strcmp(name, "checkpoint") != 0 && strcmp(name, run->previous_name) != 0);
}

static enum fnd_status request_lay(const struct run *run, const struct given *given, int folder,
                                   struct fnd_error *error)
{
    struct fnd_text json = {0};
    fnd_text_append_z(&json, "{\"model\":");
    fnd_text_append_json_z(&json, run->name);
    fnd_text_printf(&json,
                    ",\"version\":%" PRId64 ",\"attempt\":%" PRId64 ",\"seed\":\"%" PRIu64
                    "\",\"examples\":\"examples.jsonl\",\"artifacts\":\"artifacts\"",
                    run->version, run->attempt, run_seed(run));
    const bool on = run->previous.id != 0 && !given->part;
    fnd_text_printf(&json, ",\"previous\":%s%s%s,\"checkpoint\":%s,\"with\":%s}\n",
                    on ? "\"artifacts/" : "", on ? run->previous_name : "null", on ? "\"" : "",
                    packed(run, "checkpoint") && !given->part ? "\"artifacts/checkpoint\"" : "null",
                    run->model->with != NULL ? run->model->with : "{}");
    const enum fnd_status status =
        file_write(folder, "request.json", 0600, json.bytes, json.size, error);
    fnd_text_finish(&json);
    return status;
}

static enum fnd_status folder_fill(const struct run *run, const struct given *given, int folder,
                                   struct fnd_error *error)
{
    enum fnd_status status =
        mkdirat(folder, "artifacts", 0700) == 0 ? FND_OK : file_failed("artifacts", error);
    const int inner =
        status == FND_OK ? openat(folder, "artifacts", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (status == FND_OK && inner < 0) {
        status = file_failed("artifacts", error);
    }
    for (size_t i = 1; i < run->examples.artifacts_count && status == FND_OK; i++) {
        const struct fnd_call_artifact *artifact = &run->examples.artifacts[i];
        const bool lines = strcmp(artifact->name, given->examples) == 0;
        if (!is_given(run, given, artifact->name)) {
            continue;
        }
        status = artifact_lay(run, lines ? folder : inner,
                              lines ? "examples.jsonl" : artifact->name, artifact, error);
    }
    if (inner >= 0) {
        (void)close(inner);
    }
    if (status == FND_OK) {
        status = words_lay(run, folder, error);
    }
    return status == FND_OK ? request_lay(run, given, folder, error) : status;
}

enum fnd_status program_folder_make(const struct run *run, const char *examples, bool part,
                                    char **path, int *folder, struct fnd_error *error)
{
    const struct given given = {examples, part};
    struct fnd_store *store = fnd_engine_store(run->learn->engine);
    const int at = fnd_store_folder(store);
    char name[TRAINING_NAME_SIZE];
    struct fnd_text named = {0};
    (void)snprintf(name, sizeof name, "training/%" PRId64, run->training);
    if ((mkdirat(at, "training", 0700) != 0 && errno != EEXIST) || mkdirat(at, name, 0700) != 0) {
        return file_failed("a folder", error);
    }
    fnd_text_printf(&named, "%s/.foundry/%s", fnd_store_path(store), name);
    *path = realpath(fnd_text_z(&named), NULL);
    fnd_text_finish(&named);
    *folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*folder < 0 || *path == NULL) {
        return file_failed("a folder", error);
    }
    return folder_fill(run, &given, *folder, error);
}

void programs_sweep(struct fnd_engine *engine)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/.foundry/training", fnd_store_path(fnd_engine_store(engine)));
    fnd_work_remove(fnd_text_take(&path));
}
