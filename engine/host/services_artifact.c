/* SPDX-License-Identifier: MIT */
/* The services that read and stage artifacts. */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "host/find.h"

static foundry_status_t note(foundry_call_t *call, foundry_status_t status, const char *service,
                             const char *name, const char *detail)
{
    return fnd_call_note(call, status, service, -1, name, detail);
}

/** The artifact of that name. */
static const struct fnd_call_artifact *artifact_find(foundry_call_t *call, const char *service,
                                                     const char *name, foundry_status_t *status)
{
    if (name == NULL) {
        *status = note(call, FOUNDRY_E_INVALID, service, NULL, "the name of the artifact is NULL");
        return NULL;
    }
    for (size_t i = 0; i < call->input->artifacts_count; i++) {
        if (strcmp(call->input->artifacts[i].name, name) == 0) {
            return &call->input->artifacts[i];
        }
    }
    *status =
        note(call, FOUNDRY_E_NOT_FOUND, service, name, "no artifact of this name reaches the call");
    return NULL;
}

foundry_status_t fnd_service_artifact_size(foundry_call_t *call, const char *name, uint64_t *size)
{
    if (!fnd_call_alive(call) || size == NULL) {
        return FOUNDRY_E_INVALID;
    }
    foundry_status_t status = FOUNDRY_OK;
    const struct fnd_call_artifact *artifact = artifact_find(call, "artifact_size", name, &status);
    if (artifact != NULL) {
        *size = artifact->size;
    }
    return status;
}

/** Read a part of an artifact that lies in a file; -1 with errno. */
static ssize_t file_read(const struct fnd_call_artifact *artifact, uint64_t offset, void *bytes,
                         size_t size)
{
    const int fd = artifact->pack != NULL ? artifact->pack->fd : artifact->fd;
    size_t got = 0;
    while (got < size) {
        const ssize_t once =
            pread(fd, (char *)bytes + got, size - got, (off_t)(artifact->offset + offset + got));
        if (once < 0 && errno == EINTR) {
            continue;
        }
        if (once < 0) {
            return -1;
        }
        if (once == 0) {
            break;
        }
        got += (size_t)once;
    }
    return (ssize_t)got;
}

/** A descriptor of its own over what is given as bytes, or packed; -1. */
static int copy_fd(const struct fnd_call_artifact *artifact)
{
    char part[1 << 14];
    int fd = memfd_create("artifact", MFD_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    bool fine =
        artifact->pack != NULL || fnd_write_all(fd, artifact->bytes, (size_t)artifact->size) == 0;
    for (uint64_t at = 0; artifact->pack != NULL && fine && at < artifact->size;) {
        const uint64_t left = artifact->size - at;
        const ssize_t got =
            file_read(artifact, at, part, left < sizeof part ? (size_t)left : sizeof part);
        fine = got > 0 && fnd_write_all(fd, part, (size_t)got) == 0;
        at += got > 0 ? (uint64_t)got : 0;
    }
    if (!fine) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

foundry_status_t fnd_service_artifact_fd(foundry_call_t *call, const char *name, int32_t *fd)
{
    if (!fnd_call_alive(call) || fd == NULL) {
        return FOUNDRY_E_INVALID;
    }
    foundry_status_t status = FOUNDRY_OK;
    const struct fnd_call_artifact *artifact = artifact_find(call, "artifact_fd", name, &status);
    if (artifact == NULL) {
        return status;
    }
    int found = artifact->pack != NULL ? -1 : artifact->fd;
    if (found < 0) {
        const size_t at = (size_t)(artifact - call->input->artifacts);
        if (call->fds == NULL) {
            call->fds = fnd_realloc(NULL, call->input->artifacts_count, sizeof *call->fds);
            for (size_t i = 0; i < call->input->artifacts_count; i++) {
                call->fds[i] = -1;
            }
        }
        if (call->fds[at] < 0) {
            call->fds[at] = copy_fd(artifact);
        }
        found = call->fds[at];
    }
    if (found < 0 || lseek(found, 0, SEEK_SET) != 0) {
        return note(call, FOUNDRY_E_IO, "artifact_fd", name, "its bytes cannot be opened");
    }
    *fd = found;
    return FOUNDRY_OK;
}

void fnd_call_close_fds(struct foundry_call *call)
{
    for (size_t i = 0; call->fds != NULL && i < call->input->artifacts_count; i++) {
        if (call->fds[i] >= 0) {
            (void)close(call->fds[i]);
        }
    }
    free(call->fds);
    call->fds = NULL;
}

foundry_status_t fnd_service_artifact_read(foundry_call_t *call, const char *name, uint64_t offset,
                                           void *bytes, size_t capacity, size_t *size)
{
    if (!fnd_call_alive(call) || size == NULL || (bytes == NULL && capacity > 0)) {
        return FOUNDRY_E_INVALID;
    }
    foundry_status_t status = FOUNDRY_OK;
    const struct fnd_call_artifact *artifact = artifact_find(call, "artifact_read", name, &status);
    if (artifact == NULL) {
        return status;
    }
    if (offset >= artifact->size) {
        *size = 0;
        return FOUNDRY_OK;
    }
    const uint64_t left = artifact->size - offset;
    const size_t wanted = left < capacity ? (size_t)left : capacity;
    if (artifact->fd < 0 && artifact->pack == NULL) {
        if (wanted > 0) {
            memcpy(bytes, artifact->bytes + offset, wanted);
        }
        *size = wanted;
        return FOUNDRY_OK;
    }
    const ssize_t got = file_read(artifact, offset, bytes, wanted);
    if (got < 0) {
        return note(call, FOUNDRY_E_IO, "artifact_read", name, strerror(errno));
    }
    *size = (size_t)got;
    return FOUNDRY_OK;
}

/** Why a name cannot be one, or NULL. */
static const char *name_flaw(const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return "the artifact has no name";
    }
    const size_t size = strnlen(name, FND_NAME_SIZE_MAX + 1);
    if (size > FND_NAME_SIZE_MAX) {
        return "the name of the artifact is longer than 255 bytes";
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) {
            return "the name of the artifact has a control character";
        }
    }
    return fnd_utf8_valid(name, size) ? NULL : "the name of the artifact is no UTF-8";
}

/** It goes at once, as log lines do, so that it outlives whatever the trainer does next. */
static foundry_status_t checkpoint_keep(foundry_call_t *call, const void *bytes, size_t size)
{
    if (size > FND_ARTIFACT_SIZE_MAX) {
        return note(call, FOUNDRY_E_LIMIT, "artifact_write", "checkpoint",
                    "an artifact may have 256 MiB");
    }
    (void)pthread_mutex_lock(&call->lock); /* log lines of helper threads go the same way */
    if (call->live.keep != NULL) {
        call->live.keep(call->live.context, size > 0 ? bytes : "", size);
    }
    (void)pthread_mutex_unlock(&call->lock);
    return FOUNDRY_OK;
}

foundry_status_t fnd_service_artifact_write(foundry_call_t *call, const char *name,
                                            const char *media_type, const void *bytes, size_t size)
{
    static const char service[] = "artifact_write";
    if (!fnd_call_alive(call)) {
        return FOUNDRY_E_INVALID;
    }
    if (call->input->detector || call->input->create) {
        return note(call, FOUNDRY_E_DENIED, service, NULL, "a detector and create() write nothing");
    }
    const char *flaw = name_flaw(name);
    if (flaw == NULL && media_type != NULL && media_type[0] != '\0' &&
        name_flaw(media_type) != NULL) {
        flaw = "the media type is no text of at most 255 bytes";
    }
    if (flaw == NULL && bytes == NULL && size > 0) {
        flaw = "the bytes are NULL";
    }
    if (flaw != NULL) {
        return note(call, FOUNDRY_E_INVALID, service, NULL, flaw);
    }
    if (call->input->trainer && strcmp(name, "checkpoint") == 0) {
        return checkpoint_keep(call, bytes, size);
    }
    struct fnd_effects *effects = call->effects;
    struct fnd_staged_artifact *staged = NULL;
    for (size_t i = 0; i < effects->artifacts_count && staged == NULL; i++) {
        if (strcmp(effects->artifacts[i].name, name) == 0) {
            staged = &effects->artifacts[i]; /* written again: the last one counts */
        }
    }
    const uint64_t before = staged == NULL ? 0 : staged->size;
    if (size > FND_ARTIFACT_SIZE_MAX ||
        call->artifacts_size - before + size > FND_ARTIFACTS_SIZE_MAX) {
        return note(call, FOUNDRY_E_LIMIT, service, name,
                    "an artifact may have 256 MiB, those of one call 512 MiB");
    }
    if (staged == NULL && effects->artifacts_count == FND_ARTIFACTS_MAX) {
        return note(call, FOUNDRY_E_LIMIT, service, name, "a call may write 256 artifacts");
    }
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        return note(call, FOUNDRY_E_NO_MEMORY, service, name, "no memory for the copy");
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    if (staged == NULL) {
        effects->artifacts =
            fnd_grow(effects->artifacts, effects->artifacts_count, sizeof *effects->artifacts);
        staged = &effects->artifacts[effects->artifacts_count++];
        *staged = (struct fnd_staged_artifact){.name = fnd_strdup(name)};
    }
    free(staged->media_type);
    free(staged->bytes);
    staged->media_type = fnd_strdup(media_type == NULL ? "" : media_type);
    staged->bytes = copy;
    staged->size = size;
    call->artifacts_size += size - before;
    return FOUNDRY_OK;
}
