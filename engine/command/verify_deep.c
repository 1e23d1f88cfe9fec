/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "command/verify_deep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/dataset.h"
#include "review/review.h"

enum { MANIFEST_SIZE_MAX = 256 << 20 };
static const char ending[] = ".manifest.json";
static const char inside[] = "/manifest.json"; /* of a folder */

struct exports {
    struct fnd_reader *reader;
    void (*flaw)(const char *sentence, void *context);
    void *context;
    struct fnd_verify_deep *result;
    int folder; /* out */
    int null;
};

static void flaw(struct exports *exports, const char *name, const char *what)
{
    struct fnd_text sentence = {0};
    exports->result->flaws++;
    fnd_text_append_z(&sentence, "out/");
    fnd_text_append_visible(&sentence, name, strlen(name));
    fnd_text_printf(&sentence, ": %s", what);
    exports->flaw(fnd_text_z(&sentence), exports->context);
    fnd_text_finish(&sentence);
}

/* The file beside the manifest has the bytes that the manifest tells of. */
static void check_file(struct exports *exports, const char *manifest, const char *wanted)
{
    char *name = fnd_strndup(manifest, strlen(manifest) - (sizeof ending - 1));
    uint8_t hash[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    int fd = openat(exports->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int rc = fd >= 0 ? fnd_sha256_fd(fd, hash, NULL) : errno;
    if (rc != 0) {
        flaw(exports, name, strerror(rc));
    } else {
        fnd_digest_text(hash, hex);
        if (strcmp(hex, wanted) != 0) {
            flaw(exports, name,
                 "its bytes are not what its manifest tells of; export again with --manifest");
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(name);
}

struct tells {
    struct exports *exports;
    const char *name;
};

static void folder_said(void *context, const struct fnd_dataset_note *note)
{
    const struct tells *tells = context;
    if (!note->warning) {
        struct fnd_text what = {0};
        fnd_text_printf(&what, "%s%s%s", note->file != NULL ? note->file : "",
                        note->file != NULL ? ": " : "", note->message);
        flaw(tells->exports, tells->name, fnd_text_z(&what));
        fnd_text_finish(&what);
    }
}

/* The files of a folder are those that the manifest in it tells of. */
static void check_folder(struct exports *exports, const char *manifest, const char *format)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    struct fnd_dataset_checked checked = {0};
    char *name = fnd_strndup(manifest, strlen(manifest) - (sizeof inside - 1));
    struct tells tells = {exports, name};
    fnd_text_printf(&path, "%s/out/%s", fnd_reader_path(exports->reader), name);
    enum fnd_status status =
        fnd_dataset_validate(fnd_text_z(&path), format, folder_said, &tells, &checked, &error);
    if (status != FND_OK && checked.errors == 0) {
        flaw(exports, name, error.message);
    }
    free(name);
    fnd_text_finish(&path);
}

/* Make it again from the record; its bytes must come out the same. */
static void check_manifest(struct exports *exports, const char *name)
{
    struct fnd_text text = {0}, path = {0};
    struct fnd_json manifest;
    struct fnd_error error = {0};
    struct fnd_export_result made = {0};
    const struct fnd_export_options options = {.out = "-", .fd = exports->null};
    fnd_text_printf(&path, "%s/out/%s", fnd_reader_path(exports->reader), name);
    enum fnd_status status = fnd_file_read(exports->folder, name, MANIFEST_SIZE_MAX, &text, &error);
    if (status == FND_OK) {
        status = fnd_json_check(text.bytes, text.size, name, &manifest, &error);
    }
    if (status == FND_OK) {
        status = fnd_dataset_reproduce(exports->reader, fnd_text_z(&path), &options, &made, &error);
    }
    if (status == FND_OK) {
        char *sha256 = fnd_json_strdup(fnd_json_find(manifest, "/file/sha256"));
        char *format = fnd_json_strdup(fnd_json_member(manifest, "format"));
        exports->result->exports++;
        if (fnd_json_member(manifest, "files").bytes != NULL) {
            check_folder(exports, name, format != NULL ? format : "");
        } else {
            check_file(exports, name, sha256 != NULL ? sha256 : "");
        }
        free(format);
        free(sha256);
    } else if (status != FND_CONFLICT) { /* another directory's: not for this record to judge */
        flaw(exports, name, error.message);
    }
    fnd_export_result_finish(&made);
    fnd_text_finish(&text);
    fnd_text_finish(&path);
}

static enum fnd_status look_at_exports(struct exports *exports, struct fnd_error *error)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/out", fnd_reader_path(exports->reader));
    exports->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    exports->folder = open(fnd_text_z(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory =
        exports->folder >= 0 ? fdopendir(fcntl(exports->folder, F_DUPFD_CLOEXEC, 0)) : NULL;
    enum fnd_status status = FND_OK;
    if (directory == NULL && errno != ENOENT) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot list %s",
                                 fnd_text_z(&path));
    }
    for (const struct dirent *entry = directory != NULL ? readdir(directory) : NULL; entry != NULL;
         entry = readdir(directory)) {
        const size_t size = strlen(entry->d_name), ending_size = sizeof ending - 1;
        if (entry->d_name[0] != '.' && size > ending_size &&
            strcmp(entry->d_name + size - ending_size, ending) == 0) {
            check_manifest(exports, entry->d_name);
        } else if (entry->d_name[0] != '.') {
            struct fnd_text in_folder = {0};
            fnd_text_printf(&in_folder, "%s%s", entry->d_name, inside);
            if (faccessat(exports->folder, fnd_text_z(&in_folder), F_OK, 0) == 0) {
                check_manifest(exports, fnd_text_z(&in_folder));
            }
            fnd_text_finish(&in_folder);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (exports->folder >= 0) {
        close(exports->folder);
    }
    if (exports->null >= 0) {
        close(exports->null);
    }
    fnd_text_finish(&path);
    return status;
}

enum fnd_status fnd_verify_deep(struct fnd_app *app, struct fnd_reader *reader,
                                void (*flaw_told)(const char *sentence, void *context),
                                void *context, struct fnd_verify_deep *result,
                                struct fnd_error *error)
{
    const struct fnd_deep_options options = {
        .kinds = fnd_review_kinds(), .log = &app->log, .flaw = flaw_told, .context = context};
    struct exports exports = {
        .reader = reader, .flaw = flaw_told, .context = context, .result = result};
    *result = (struct fnd_verify_deep){0};
    enum fnd_status status = fnd_deep_look(reader, &options, &result->run, error);
    return status == FND_OK ? look_at_exports(&exports, error) : status;
}
