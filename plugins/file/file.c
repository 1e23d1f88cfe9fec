/* SPDX-License-Identifier: MIT
 *
 * file/write: writes a value as a JSON file, or a text as it is, into the folder that the pipeline
 * grants. After a crash the old file or the new one is there, whole, and writing again is fine.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "foundry/helpers.h"
#include "name.h"

/* How a system call's failure ends the job: what may pass by itself is tried again. */
static foundry_outcome_t fail_errno(const foundry_host_t *host, foundry_call_t *call, int error,
                                    const char *what, const char *name)
{
    if (error == ENOSPC || error == EDQUOT) {
        return foundry_failf(host, call, FOUNDRY_RETRYABLE, "disk_full", NULL,
                             "%s %s: %s; free some space, then retry", what, name, strerror(error));
    }
    const bool is_permanent = error == EACCES || error == EPERM || error == EROFS ||
                              error == ENOTDIR || error == EISDIR || error == ENAMETOOLONG ||
                              error == ENOENT || error == EFBIG || error == ELOOP;
    return foundry_failf(host, call, is_permanent ? FOUNDRY_PERMANENT : FOUNDRY_RETRYABLE,
                         "write_failed", NULL, "%s %s: %s", what, name, strerror(error));
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* Write, sync and move into place.  Returns NULL, or what failed with errno set. */
static const char *write_file(int folder, const char *temporary, const char *name,
                              const foundry_text_t *content)
{
    const char *failed = NULL;
    int error = 0;
    /* One job's attempts use one name, so that what a crash left behind is used up. */
    const int fd =
        openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        return "cannot create a temporary file for";
    }
    if (write_all(fd, foundry_text_z(content), content->size) != 0) {
        failed = "cannot write";
    } else if (fsync(fd) != 0) {
        failed = "cannot sync";
    }
    error = errno;
    if (close(fd) != 0 && failed == NULL) {
        failed = "cannot close";
        error = errno;
    }
    if (failed == NULL && renameat(folder, temporary, folder, name) != 0) {
        failed = "cannot put into place";
        error = errno;
    }
    if (failed != NULL) {
        (void)unlinkat(folder, temporary, 0);
        errno = error;
        return failed;
    }
    return fsync(folder) != 0 ? "cannot sync the folder of" : NULL;
}

static foundry_outcome_t folder_open(const foundry_host_t *host, foundry_call_t *call, int *folder)
{
    const char *path = NULL;
    const foundry_status_t status = host->text_get(call, FOUNDRY_DOC_RUN, "/grant/write", &path);
    if (status == FOUNDRY_E_NOT_FOUND) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "no_grant", NULL,
                             "there is no folder to write into; add `grant: {write: FOLDER}` to "
                             "the phase that uses file/write");
    }
    FOUNDRY_TRY(status);
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0 && errno == ENOENT && mkdir(path, 0777) == 0) {
        *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return *folder < 0 ? fail_errno(host, call, errno, "cannot open the folder", path)
                       : FOUNDRY_DONE;
}

/* The bytes of the file to be. */
static foundry_outcome_t content_make(const foundry_host_t *host, foundry_call_t *call,
                                      foundry_text_t *content, bool *is_json)
{
    const char *json = NULL;
    const char *text = NULL;
    const char *format = NULL;
    const foundry_status_t json_status = host->json_get(call, FOUNDRY_DOC_CONFIG, "/json", &json);
    const foundry_status_t text_status = host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &text);
    if (json_status != FOUNDRY_E_NOT_FOUND && text_status != FOUNDRY_E_NOT_FOUND) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "two_contents", "/text",
                             "json and text are both given, one file takes one of them");
    }
    if (json_status == FOUNDRY_E_NOT_FOUND && text_status == FOUNDRY_E_NOT_FOUND) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "no_content", "/json",
                             "there is nothing to write: give json, or text");
    }
    if (text_status != FOUNDRY_E_NOT_FOUND) {
        FOUNDRY_TRY(text_status);
        foundry_text_add(content, text);
        return content->status;
    }
    FOUNDRY_TRY(json_status);
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/format", "pretty", &format));
    *is_json = true;
    format_json(content, json, strcmp(format, "compact") != 0);
    return content->status;
}

/* The file's name: the config's, else the input's with the ending of what is written. */
static foundry_outcome_t name_make(const foundry_host_t *host, foundry_call_t *call, bool is_json,
                                   foundry_text_t *name)
{
    const char *wanted = NULL;
    foundry_status_t status =
        foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/name", NULL, &wanted);
    FOUNDRY_TRY(status);
    if (wanted != NULL) {
        if (name_safe(wanted, "", name) != 0) {
            return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_name", "/name",
                                 "the name \"%s\" leaves nothing that could name a file", wanted);
        }
        return name->status;
    }
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_RUN, "/name", NULL, &wanted));
    if (wanted == NULL || *wanted == '\0') {
        FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/job", &wanted));
    }
    if (name_safe(wanted, is_json ? ".json" : ".txt", name) != 0) {
        return FOUNDRY_E_INVALID; /* the host names no job so */
    }
    return name->status;
}

static foundry_outcome_t report(const foundry_host_t *host, foundry_call_t *call, const char *name,
                                const foundry_text_t *content)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1];
    (void)crypto_hash_sha256(digest, (const unsigned char *)foundry_text_z(content), content->size);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    FOUNDRY_TRY(foundry_set_text(host, call, "/file", name));
    FOUNDRY_TRY(foundry_set_text(host, call, "/sha256", hex));
    return foundry_set_number(host, call, "/size", (double)content->size);
}

static foundry_outcome_t write_named(const foundry_host_t *host, foundry_call_t *call,
                                     const char *name, const foundry_text_t *content)
{
    const char *key = NULL;
    int folder = -1;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/idempotency_key", &key));
    FOUNDRY_TRY(folder_open(host, call, &folder));
    foundry_text_t temporary;
    foundry_text_init(&temporary);
    foundry_outcome_t outcome = FOUNDRY_E_INVALID;
    if (name_safe(key, ".tmp", &temporary) == 0 && temporary.status == FOUNDRY_OK) {
        foundry_text_t hidden; /* a leading dot keeps it out of sight */
        foundry_text_init(&hidden);
        foundry_text_addf(&hidden, ".%s", foundry_text_z(&temporary));
        outcome = hidden.status;
        if (outcome == FOUNDRY_OK) {
            const char *failed = write_file(folder, foundry_text_z(&hidden), name, content);
            outcome = failed == NULL ? report(host, call, name, content)
                                     : fail_errno(host, call, errno, failed, name);
        }
        foundry_text_finish(&hidden);
    }
    foundry_text_finish(&temporary);
    (void)close(folder);
    return outcome;
}

static foundry_outcome_t write_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    bool is_json = false;
    foundry_text_t content;
    foundry_text_t name;
    foundry_text_init(&content);
    foundry_text_init(&name);
    foundry_outcome_t outcome = content_make(host, call, &content, &is_json);
    if (outcome == FOUNDRY_DONE) {
        outcome = name_make(host, call, is_json, &name);
    }
    if (outcome == FOUNDRY_DONE) {
        host->progress(call, 0, "writing");
        outcome = write_named(host, call, foundry_text_z(&name), &content);
        host->progress(call, 1, "written");
    }
    foundry_text_finish(&content);
    foundry_text_finish(&name);
    return outcome;
}

static const foundry_phase_t write_phase = {
    .struct_size = sizeof write_phase,
    .name = "write",
    .summary = "Write a value or a text as a file",
    .config_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,"
        "\"anyOf\":[{\"required\":[\"json\"]},{\"required\":[\"text\"]}],"
        "\"properties\":{"
        "\"json\":{\"x-foundry-per-job\":true,"
        "\"description\":\"the value to write as JSON, e.g. ${review}\"},"
        "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
        "\"description\":\"the text to write as it is, in place of json\"},"
        "\"name\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
        "\"description\":\"the file's name; the input's name with .json or .txt if left out\"},"
        "\"format\":{\"enum\":[\"pretty\",\"compact\"],\"default\":\"pretty\","
        "\"description\":\"of json: with line breaks, or without\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"file\",\"sha256\",\"size\"],"
                     "\"properties\":{\"file\":{\"type\":\"string\"},"
                     "\"sha256\":{\"type\":\"string\"},\"size\":{\"type\":\"integer\"}}}",
    .needs_json = "{\"write\":true}",
    .threads = FOUNDRY_CONCURRENT,
    .process = write_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&write_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "file",
                                            .version = "0.1.0",
                                            .summary = "Results as files",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
